/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys in memory: each with its cells, the run that is under way, and the runs that queue behind it. A write-back
 * cache over the host's store, or, without one, all there is.
 */
#ifndef WEIR__ENGINE_KEYS_H
#define WEIR__ENGINE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/cells.h"
#include "base/error.h"

typedef struct weir_run weir_run;
typedef struct weir_keys weir_keys;

/* What every run looks at comes first, in one cache line. */
typedef struct weir_key {
    weir_bytes bytes;               /* the key itself */
    weir_cells cells;
    weir_run *running;              /* READY, RUNNING or WAITING; NULL: the key is idle */
    weir_run *queue, **queue_tail;  /* QUEUED runs, oldest first */
    size_t queued;
    uint32_t owner;                 /* the same bytes under two owners are two keys */
    bool is_parked;                 /* its run waits for somebody's decision */
    /* Private to keys.c. */
    uint64_t hash;
    struct weir_key *newer, *older; /* idle keys, by last use; only where there is a store */
    struct weir_key *next_dirty;
    uint64_t pinned_by;             /* the commit that holds its last change; 0: none */
    size_t footprint;
    bool is_dirty;
    bool is_idle;
    bool has_unrecorded;            /* the engine's: a run changed it, and its journal does not say how */
} weir_key;

typedef struct weir_keys_options {
    /* Reads the cells of a key from the store into `cells` (clean); NULL: there is no store, and nothing is evicted. */
    weir_code (*load)(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err);
    void *context;
    size_t cache_bytes; /* evict idle keys above this */
} weir_keys_options;

WEIR_CHECK weir_code weir__keys_new(const weir_keys_options *options, weir_keys **out, weir_error *err);
void weir__keys_free(weir_keys *keys); /* accepts NULL; runs are not its own */

/** Finds a key, or takes it into memory; it is busy until weir__keys_idle(). Errors: the loader's; WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__keys_get(weir_keys *keys, uint32_t owner, weir_bytes bytes, weir_key **out,
                                    weir_error *err);

/** Says that nothing runs or queues at the key now. It may be gone afterwards. */
void weir__keys_idle(weir_keys *keys, weir_key *key);

/**
 * A run begins: takes out what has expired by then. weir__cells_expire() says how.
 * @return the run's time for its key: `now_ms`, or later
 */
int64_t weir__keys_expire(weir_keys *keys, weir_key *key, int64_t ttl_ms, int64_t now_ms);

/** Carries the changes of a run that ended well into its key. WEIR_NO_MEMORY: the cells are half changed (stop). */
WEIR_CHECK weir_code weir__keys_apply(weir_keys *keys, weir_key *key, const weir_cells *changes, weir_error *err);

/**
 * Gives all cells that changed since the last cut, and forgets that they did. A deleted one comes as
 * WEIR__CELL_DELETED. The keys stay in memory until the commit with that number is known.
 *
 * @param commit  numbers grow by 1, from 1
 */
WEIR_CHECK weir_code weir__keys_cut(weir_keys *keys, uint64_t commit,
                                    weir_code (*each)(void *context, const weir_key *key, const weir_cell *cell,
                                                      weir_error *err),
                                    void *context, weir_error *err);

/** Whether its last change is in no commit that is known to be durable. */
bool weir__keys_is_uncommitted(const weir_keys *keys, const weir_key *key);

/** Whether anything changed since the last cut. */
bool weir__keys_are_dirty(const weir_keys *keys);

/** Says that all commits up to that number are durable; evicts what is above the cache's size. */
void weir__keys_committed(weir_keys *keys, uint64_t commit);

/** Takes all keys of an owner out of memory, whatever a commit still needs of them. All are idle. Looks at each key. */
void weir__keys_forget(weir_keys *keys, uint32_t owner);

/**
 * Takes one key out of memory, if it is idle, and all its changes are known to be durable.
 * @return whether it is not in memory now: what is done to it in the store is seen when it is loaded again
 */
bool weir__keys_let_go(weir_keys *keys, uint32_t owner, weir_bytes bytes);

/** Keys in memory, and bytes that they take. */
size_t weir__keys_count(const weir_keys *keys);
size_t weir__keys_footprint(const weir_keys *keys);

#endif
