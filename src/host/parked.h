/* SPDX-License-Identifier: Apache-2.0 */
/* What a state folder's journal says of parked runs, and writing a decision into it while no job runs. */
#ifndef WEIR__HOST_PARKED_H
#define WEIR__HOST_PARKED_H

#include "journal/entry.h"
#include "store/store.h"

/* One parked run; views live for the call. */
typedef struct weir_parked_run {
    uint64_t index;            /* of the run */
    uint64_t last;             /* place of the last entry of the whole journal */
    const weir_entry *entries; /* all of the run */
    const weir_entry *parked;  /* the one that waits */
} weir_parked_run;

/**
 * Calls `fn` for each parked run, in the order of the input. A code other than WEIR_OK ends the walk and is returned.
 * @return WEIR_OK; WEIR_IO: the store, or an entry in it, cannot be read (stop); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__parked_scan(weir_store *store,
                                       weir_code (*fn)(void *context, const weir_parked_run *run, weir_error *err),
                                       void *context, weir_error *err);

/**
 * Writes a decision on a parked run into the store, which is open for writing, and commits it.
 *
 * @param decision  as weir__engine_decide() takes it
 * @return WEIR_OK; WEIR_INVALID: no such run is parked, or on another attempt (fix); WEIR_IO, WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__parked_decide(weir_store *store, const char *run, const weir_entry *decision,
                                         weir_error *err);

#endif
