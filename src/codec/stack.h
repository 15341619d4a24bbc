/* SPDX-License-Identifier: Apache-2.0 */
/* The open containers of a walk: in a local array while they are few, then in memory; no walk here recurses, since it
 * may be on a fiber's stack. For the files of this room. */
#ifndef WEIR__CODEC_STACK_H
#define WEIR__CODEC_STACK_H

#include <stdlib.h>
#include <string.h>

/**
 * Twice the room of a stack that is full; what it holds stays.
 *
 * @param stack     `*capacity` items of `item` bytes: `local`, or what this function returned before
 * @param capacity  at least 1; doubled
 * @return to be freed when it is not `local`; NULL when there is no memory: `stack` is then as it was
 */
static inline void *weir__stack_grow(void *stack, const void *local, size_t *capacity, size_t item)
{
    size_t size = *capacity * item;
    void *grown = stack == local ? malloc(2 * size) : realloc(stack, 2 * size);

    if (!grown)
        return NULL;
    if (stack == local)
        memcpy(grown, local, size);
    *capacity *= 2;
    return grown;
}

#endif
