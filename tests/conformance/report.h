/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the conformance test share: how a case is told. */
#ifndef WEIR__TESTS_CONFORMANCE_REPORT_H
#define WEIR__TESTS_CONFORMANCE_REPORT_H

#include <jansson.h>
#include <stdbool.h>

typedef enum verdict { MET, DIFFERS, NOT_ASKED } verdict;

/** Tells one case, as a TAP line or a row of the table. problem: NULL when it is as said. */
void report(const char *file, const char *name, verdict found, const char *reason, const char *problem);

/** A case that conformance.c or durable.c does not know; fails. */
void report_unknown(const char *file, const char *name, const char *problem);

/** Asks all of durable_and_state_store.json. */
void run_durable(const json_t *cases);

/** Asks cases of our own, which the peer has none of. */
void run_own(void);

/** Prints the differences of its cases, side by side. */
void print_durable_differences(void);

#endif
