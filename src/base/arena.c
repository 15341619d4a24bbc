/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas: a list of blocks, the newest in use. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

struct weir_arena_block {
    weir_arena_block *next;
    size_t size; /* of the data behind this header */
    _Alignas(16) uint8_t data[];
};

void weir__arena_init(weir_arena *arena, size_t block_size)
{
    memset(arena, 0, sizeof *arena);
    arena->block_size = block_size;
}

static void free_blocks(weir_arena_block *block)
{
    while (block) {
        weir_arena_block *next = block->next;

        free(block);
        block = next;
    }
}

void weir__arena_clear(weir_arena *arena)
{
    free_blocks(arena->blocks);
    arena->blocks = NULL;
    arena->at = NULL;
    arena->end = NULL;
}

void weir__arena_reset(weir_arena *arena)
{
    weir_arena_block *block = arena->blocks;

    if (!block)
        return;
    /* The oldest block is the ordinary one, unless the very first allocation was larger than it. */
    while (block->next) {
        weir_arena_block *next = block->next;

        free(block);
        block = next;
    }
    arena->blocks = block;
    if (block->size > arena->block_size) {
        weir__arena_clear(arena);
        return;
    }
    arena->at = block->data;
    arena->end = block->data + block->size;
}

void *weir__arena_grow(weir_arena *arena, size_t size)
{
    size_t block_size = arena->block_size;
    weir_arena_block *block;

    /* Later blocks double what the arena holds, so that many small allocations stay cheap. */
    if (arena->blocks && arena->blocks->size >= block_size && arena->blocks->size < (size_t)1 << 20)
        block_size = arena->blocks->size * 2;
    if (block_size < size)
        block_size = size;
    if (block_size > SIZE_MAX - sizeof *block)
        return NULL;
    block = malloc(sizeof *block + block_size);
    if (!block)
        return NULL;
    block->size = block_size;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->at = block->data + size;
    arena->end = block->data + block_size;
    return block->data;
}

/* The newest block holds nothing but `data`: libc may grow it without a copy. */
static void *grow_block(weir_arena *arena, size_t size)
{
    weir_arena_block *block;

    if (size > SIZE_MAX - sizeof *block)
        return NULL;
    block = realloc(arena->blocks, sizeof *block + size);
    if (!block)
        return NULL;
    block->size = size;
    arena->blocks = block;
    arena->at = block->data + size;
    arena->end = arena->at;
    return block->data;
}

void *weir__arena_resize(weir_arena *arena, void *data, size_t old_size, size_t size)
{
    uint8_t *start = data;
    size_t old_rounded = (old_size + 15) & ~(size_t)15;
    size_t rounded = (size + 15) & ~(size_t)15;
    void *moved;

    if (rounded < size)
        return NULL;
    if (start + old_rounded == arena->at) {
        if (rounded <= (size_t)(arena->end - start)) {
            arena->at = start + rounded;
            return data;
        }
        if (start == arena->blocks->data)
            return grow_block(arena, rounded);
    }
    if (rounded <= old_rounded)
        return data;
    moved = weir__arena_alloc(arena, size);
    if (moved)
        memcpy(moved, data, old_size);
    return moved;
}

weir_bytes weir__arena_copy(weir_arena *arena, weir_bytes bytes)
{
    weir_bytes copy = { NULL, 0 };
    uint8_t *data = bytes.size == SIZE_MAX ? NULL : weir__arena_alloc(arena, bytes.size + 1);

    if (!data)
        return copy;
    if (bytes.size)
        memcpy(data, bytes.data, bytes.size);
    data[bytes.size] = '\0';
    copy.data = data;
    copy.size = bytes.size;
    return copy;
}

size_t weir__arena_footprint(const weir_arena *arena)
{
    size_t total = 0;

    for (const weir_arena_block *block = arena->blocks; block; block = block->next)
        total += sizeof *block + block->size;
    return total;
}
