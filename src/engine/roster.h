/* SPDX-License-Identifier: Apache-2.0 */
/* The runs that are accepted and not over: by age, by owner, and, once somebody has asked, by position. */
#ifndef WEIR__ENGINE_ROSTER_H
#define WEIR__ENGINE_ROSTER_H

#include "engine/run.h"

enum { WEIR__OWNER_BUCKETS = 64 };

/* One task whose runs the engine has; there until it is forgotten. */
struct weir_owner {
    weir_owner *next; /* in its bucket */
    uint32_t number;
    size_t runs;      /* accepted and not over */
    size_t standing;  /* dropped: those of them that still have a stack to leave */
    bool is_dropped;
};

/* All zero is an empty one. */
typedef struct weir_roster {
    weir_run *oldest, *newest;
    size_t count;
    weir_owner *owners[WEIR__OWNER_BUCKETS];
    weir_run **positions; /* buckets, by owner and index; NULL: nobody has asked yet */
    size_t position_mask; /* buckets - 1; a power of two */
} weir_roster;

/** Frees what is its own: not the runs. */
void weir__roster_clear(weir_roster *roster);

/** Takes a run in as the newest one, and sets its owned_by; its owner is not dropped. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__roster_add(weir_roster *roster, weir_run *run, weir_error *err);
void weir__roster_remove(weir_roster *roster, weir_run *run);

/** An owner; NULL: it has had no run since it was forgotten, or ever. */
weir_owner *weir__roster_owner(const weir_roster *roster, uint32_t number);
void weir__roster_forget(weir_roster *roster, uint32_t number); /* it has no runs; not there: fine */

/** The run at a position; NULL: none. The first call makes the index; without memory for it, all runs are looked at. */
weir_run *weir__roster_find(weir_roster *roster, uint32_t owner, uint64_t index);

#endif
