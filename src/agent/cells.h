/* SPDX-License-Identifier: Apache-2.0 */
/* A vector of cells, sorted by path: what memory is made of. */
#ifndef WEIR__AGENT_CELLS_H
#define WEIR__AGENT_CELLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

typedef enum weir_cell_type {
    WEIR__CELL_NULL = 0,
    WEIR__CELL_BOOL = 1,
    WEIR__CELL_INT = 2,
    WEIR__CELL_REAL = 3,
    WEIR__CELL_TEXT = 4,
    WEIR__CELL_JSON = 5,   /* an array or a map, as compact JSON text */
    WEIR__CELL_OBJECT = 6, /* has paths beneath it, maybe */
    WEIR__CELL_DELETED = 7 /* only in changes, and in a key's cells until they are written */
} weir_cell_type;

typedef union weir_cell_value {
    bool truth;
    int64_t integer;
    double real;
    weir_bytes bytes; /* TEXT, JSON */
} weir_cell_value;

typedef struct weir_cell {
    weir_bytes path;
    weir_cell_type type;
    bool is_dirty;  /* in a key's cells: changed since the last cut */
    uint32_t stamp; /* in changes: number of the action, in its run, that wrote it last */
    weir_cell_value value;
} weir_cell;

/* `arena` set: paths, values and the vector live there, and clear frees nothing; NULL: on the heap. */
typedef struct weir_cells {
    weir_cell *items;
    size_t count;
    size_t capacity;
    weir_arena *arena;
    size_t bytes; /* on the heap: of paths and values */
} weir_cells;

static inline void weir__cells_init(weir_cells *cells, weir_arena *arena)
{
    cells->items = NULL;
    cells->count = 0;
    cells->capacity = 0;
    cells->arena = arena;
    cells->bytes = 0;
}

void weir__cells_clear(weir_cells *cells);

/** The cell of a path, or NULL. Valid until the next put or remove. */
weir_cell *weir__cells_find(const weir_cells *cells, weir_bytes path);

/** Index of the first cell whose path is not below `path` in order. */
size_t weir__cells_lower_bound(const weir_cells *cells, weir_bytes path);

/**
 * Puts a copy of a cell in its place (path and bytes are copied unless `is_shared`, which says that they live as long
 * as the vector's arena). Replaces an older one, keeping its is_dirty.
 *
 * @return the cell in the vector; NULL when there is no memory, and then nothing has changed
 */
weir_cell *weir__cells_put(weir_cells *cells, const weir_cell *cell, bool is_shared);

/** Removes the cell at an index. */
void weir__cells_remove(weir_cells *cells, size_t index);

/** Whether `path` lies beneath `parent`; "" is the root, above all but itself. */
bool weir__path_is_beneath(weir_bytes path, weir_bytes parent);

/* ---- as bytes ---------------------------------------------------------------------------------------------------- */

/**
 * Appends a cell's value as the store keeps it: one byte of type; then nothing (NULL, OBJECT, DELETED), one byte
 * (BOOL), 8 bytes big-endian (INT two's complement, REAL IEEE 754), or the bytes themselves (TEXT, JSON).
 */
WEIR_CHECK weir_code weir__cell_encode(const weir_cell *cell, weir_buffer *out);

/** Reads it back; bytes are borrowed. False when it is none of ours. */
bool weir__cell_decode(weir_bytes path, weir_bytes value, weir_cell *cell);

/** Puts a copy of a cell as the store keeps it. WEIR_OK; WEIR_IO: none of ours (stop); WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__cells_put_stored(weir_cells *cells, weir_bytes path, weir_bytes value, weir_error *err);

#endif
