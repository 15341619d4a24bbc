/* SPDX-License-Identifier: Apache-2.0 */
/* A history of commits whose every state can be told from its number, so that a store can be checked after anything. */
#ifndef WEIR_TESTS_STORE_HISTORY_H
#define WEIR_TESTS_STORE_HISTORY_H

#include <stdbool.h>

#include "store/store.h"

/** Commit 1 makes the store; writes what belongs to commit `number` (from 2), and does not commit it. */
weir_code history_write(weir_store *store, int64_t number, weir_error *err);

/**
 * Reads all of a store, and its commit number.
 *
 * @return WEIR_OK, with *number, and *is_right: that all cells and records are those of that commit, no more, no fewer;
 *         what reading failed with
 */
weir_code history_check(weir_store *store, int64_t *number, bool *is_right, weir_error *err);

#endif
