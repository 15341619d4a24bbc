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
    WEIR__CELL_DELETED = 7, /* only in changes, and in a key's cells until they are written */
    WEIR__CELL_TOUCHED = 8  /* only in changes: the cell beneath was read, and lives on from then */
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
    bool has_time;  /* touched_ms is known: it was written while values expired */
    uint32_t stamp; /* in changes: number of the action, in its run, that wrote it last */
    int64_t touched_ms; /* when it was written, or read, last, in input time */
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
 * (BOOL), 8 bytes big-endian (INT two's complement, REAL IEEE 754), or the bytes themselves (TEXT, JSON). Of a cell
 * whose time is known 128 is added to the type, and touched_ms stands behind it, 8 bytes big-endian, two's complement.
 */
WEIR_CHECK weir_code weir__cell_encode(const weir_cell *cell, weir_buffer *out);

/** Reads it back; bytes are borrowed. False when it is none of ours. */
bool weir__cell_decode(weir_bytes path, weir_bytes value, weir_cell *cell);

/* ---- expiry: README.md says when --------------------------------------------------------------------------------- */

static inline bool weir__cell_is_over(const weir_cell *cell, int64_t ttl_ms, int64_t now_ms)
{
    int64_t end_ms;

    return cell->has_time && !__builtin_add_overflow(cell->touched_ms, ttl_ms, &end_ms) && end_ms <= now_ms;
}

/**
 * Whether a value as the store keeps it has expired; for hosts that sweep. A key goes as a whole, once this is true of
 * all that it holds. False of what has no time.
 */
bool weir__cell_is_expired(weir_bytes value, int64_t ttl_ms, int64_t now_ms);

/**
 * Takes out what has expired, and stamps what has no time yet, for a run that begins at `*now_ms`, which is moved up to
 * the last time that any cell was touched. An object stays as long as anything beneath it.
 *
 * @param is_durable  true: what goes stays as a dirty DELETED cell, and what was stamped is dirty; false: it goes
 * @return how many cells have changed
 */
size_t weir__cells_expire(weir_cells *cells, int64_t ttl_ms, int64_t *now_ms, bool is_durable);

/** Puts a copy of a cell as the store keeps it. WEIR_OK; WEIR_IO: none of ours (stop); WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__cells_put_stored(weir_cells *cells, weir_bytes path, weir_bytes value, weir_error *err);

#endif
