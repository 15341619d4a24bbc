/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a memory: what the key holds, and the changes of one run laid over it. */
#ifndef WEIR__AGENT_MEMORY_H
#define WEIR__AGENT_MEMORY_H

#include <weir/memory.h>

#include "agent/cells.h"
#include "agent/failure.h"

struct weir_memory {
    const weir_cells *base; /* the key's cells, borrowed; NULL for sensory memory */
    weir_cells changes;     /* in the run's arena; DELETED hides a cell of base */
    weir_arena *arena;
    weir_failure *failure;
    const uint32_t *stamp; /* number of the action that runs now */
    size_t depth;          /* limits.depth, for trees that are set */
    bool has_time;         /* values expire: see weir__memory_keep_time() */
    bool is_read_touch;    /* they live on from when they were read, too */
    int64_t now_ms;
};

/** In a run's own struct; clear is the arena's. All borrowed for as long as the memory. */
void weir__memory_init(weir_memory *memory, const weir_cells *base, weir_arena *arena, weir_failure *failure,
                       const uint32_t *stamp, size_t depth);

/**
 * Has what is written stamped with the run's time, and what is read too, as `is_read_touch` says: the value at a path,
 * and, of an object, all that lies beneath it. Base is of that time (weir__cells_expire()).
 */
void weir__memory_keep_time(weir_memory *memory, int64_t now_ms, bool is_read_touch);

/**
 * Carries a run's changes over into the cells of its key.
 *
 * @param is_durable  true: a changed cell is marked dirty, and a deleted one that the key holds stays there as a
 *                    DELETED cell, for the next cut to write; false: nothing is marked, and a deleted one goes
 * @return WEIR_OK; WEIR_NO_MEMORY: the cells are half changed, and nothing of them may be written (stop)
 */
WEIR_CHECK weir_code weir__memory_apply(const weir_cells *changes, weir_cells *cells, bool is_durable);

#endif
