/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is freed in one go: a run's. */
#ifndef WEIR__BASE_ARENA_H
#define WEIR__BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include <weir/bytes.h>

typedef struct weir_arena_block weir_arena_block;

/* Fields are private; transparent so that the common case is inline. */
typedef struct weir_arena {
    uint8_t *at;
    uint8_t *end;
    weir_arena_block *blocks; /* newest first */
    size_t block_size;        /* of the next ordinary block */
} weir_arena;

/** Empty; allocates nothing. `block_size` is that of the first block, which is kept over resets. */
void weir__arena_init(weir_arena *arena, size_t block_size);

/** Frees all of it. */
void weir__arena_clear(weir_arena *arena);

/** Forgets all allocations; keeps one ordinary block. */
void weir__arena_reset(weir_arena *arena);

/** The slow path of weir__arena_alloc(). */
void *weir__arena_grow(weir_arena *arena, size_t size);

/** `size` bytes aligned for any type, valid until reset or clear; NULL when there is no memory. */
static inline void *weir__arena_alloc(weir_arena *arena, size_t size)
{
    size_t rounded = (size + 15) & ~(size_t)15;

    if (rounded < size)
        return NULL;
    if (!arena->at || (size_t)(arena->end - arena->at) < rounded)
        return weir__arena_grow(arena, rounded);
    arena->at += rounded;
    return arena->at - rounded;
}

/**
 * As realloc: gives an allocation another size; in place when it shrinks, and when it is the newest and there is room.
 * What the newest allocation no longer needs is used for the next one. NULL when there is no memory: `data` is then as
 * it was.
 *
 * @param data  from weir__arena_alloc() or this function, with `old_size`
 */
void *weir__arena_resize(weir_arena *arena, void *data, size_t old_size, size_t size);

/** A copy with a NUL behind it (not counted in the size); `data` NULL when there is no memory. */
weir_bytes weir__arena_copy(weir_arena *arena, weir_bytes bytes);

/** Bytes in all blocks. */
size_t weir__arena_footprint(const weir_arena *arena);

#endif
