/* SPDX-License-Identifier: Apache-2.0 */
/* What weir_count() adds up to over the runs of one process. */
#ifndef WEIR__HOST_COUNTERS_H
#define WEIR__HOST_COUNTERS_H

#include "engine/run.h"

typedef struct weir_counter {
    char *metric;
    int64_t total; /* stays at its bound instead of passing it */
} weir_counter;

typedef struct weir_counters {
    weir_counter *items; /* in the order in which they were met */
    size_t count, capacity;
} weir_counters;

/** Adds what a run counted. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__counters_add(weir_counters *counters, const weir_run *run);
void weir__counters_log(const weir_counters *counters); /* one line each, at info */
void weir__counters_clear(weir_counters *counters);     /* all zero is fine */

#endif
