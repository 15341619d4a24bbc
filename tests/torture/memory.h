/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocations that fail: those of our code (the program is linked with $(memory_ldflags), which wraps malloc, calloc
 * and realloc) and SQLite's. Those that the C library makes for itself, as in strdup(), are not among them.
 *
 * Threads: any; memory_fail() while nobody allocates.
 */
#ifndef WEIR_TESTS_MEMORY_H
#define WEIR_TESTS_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/** Puts SQLite's allocations among them. Before SQLite is used for the first time. */
void memory_install(void);

/** The n-th allocation from now on fails (from 1), and, if it is for good, all after it. n = 0: none does any more. */
void memory_fail(uint64_t n, bool for_good);

/** Whether one has failed since the last memory_fail() with n > 0. */
bool memory_has_failed(void);

#endif
