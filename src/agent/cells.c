/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted cells. */
#include "agent/cells.h"

#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"

static bool has_bytes(const weir_cell *cell)
{
    return cell->type == WEIR__CELL_TEXT || cell->type == WEIR__CELL_JSON;
}

/* What copy_bytes() has made. */
static void free_bytes(weir_cells *cells, weir_bytes bytes)
{
    if (!cells->arena) {
        cells->bytes -= bytes.size;
        free((void *)bytes.data);
    }
}

static void free_value(weir_cells *cells, const weir_cell *cell)
{
    if (has_bytes(cell))
        free_bytes(cells, cell->value.bytes);
}

void weir__cells_clear(weir_cells *cells)
{
    if (!cells->arena) {
        for (size_t i = 0; i < cells->count; i++) {
            free_value(cells, &cells->items[i]);
            free_bytes(cells, cells->items[i].path);
        }
        free(cells->items);
    }
    weir__cells_init(cells, cells->arena);
}

size_t weir__cells_lower_bound(const weir_cells *cells, weir_bytes path)
{
    size_t low = 0, high = cells->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (weir__bytes_compare(cells->items[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

weir_cell *weir__cells_find(const weir_cells *cells, weir_bytes path)
{
    size_t index = weir__cells_lower_bound(cells, path);

    if (index < cells->count && weir__bytes_equal(cells->items[index].path, path))
        return &cells->items[index];
    return NULL;
}

/* A copy with a NUL behind it, so that a path can be printed; `data` NULL when there is no memory. */
static weir_bytes copy_bytes(weir_cells *cells, weir_bytes bytes)
{
    weir_bytes copy = { NULL, 0 };
    uint8_t *data;

    if (cells->arena)
        return weir__arena_copy(cells->arena, bytes);
    data = malloc(bytes.size + 1);
    if (!data)
        return copy;
    if (bytes.size)
        memcpy(data, bytes.data, bytes.size);
    data[bytes.size] = '\0';
    cells->bytes += bytes.size;
    copy.data = data;
    copy.size = bytes.size;
    return copy;
}

static bool grow(weir_cells *cells)
{
    /* On the heap they stay, and a key often has just one; an arena's are gone soon. */
    size_t capacity = cells->capacity ? cells->capacity * 2 : cells->arena ? 4 : 1;
    weir_cell *items;

    if (cells->count < cells->capacity)
        return true;
    if (cells->arena) {
        items = weir__arena_alloc(cells->arena, capacity * sizeof *items);
        if (items && cells->count)
            memcpy(items, cells->items, cells->count * sizeof *items);
    } else {
        items = realloc(cells->items, capacity * sizeof *items);
    }
    if (!items)
        return false;
    cells->items = items;
    cells->capacity = capacity;
    return true;
}

weir_cell *weir__cells_put(weir_cells *cells, const weir_cell *cell, bool is_shared)
{
    size_t index = weir__cells_lower_bound(cells, cell->path);
    bool is_there = index < cells->count && weir__bytes_equal(cells->items[index].path, cell->path);
    weir_cell_value value = cell->value;
    weir_bytes path = cell->path;
    weir_cell *slot;

    if (has_bytes(cell) && !is_shared) {
        value.bytes = copy_bytes(cells, cell->value.bytes);
        if (!value.bytes.data)
            return NULL;
    }
    if (is_there) {
        slot = &cells->items[index];
        free_value(cells, slot);
    } else {
        if (!is_shared)
            path = copy_bytes(cells, cell->path);
        if (!path.data || !grow(cells)) {
            if (!is_shared && has_bytes(cell))
                free_bytes(cells, value.bytes);
            if (!is_shared && path.data)
                free_bytes(cells, path);
            return NULL;
        }
        slot = &cells->items[index];
        if (index < cells->count)
            memmove(slot + 1, slot, (cells->count - index) * sizeof *slot);
        slot->path = path;
        slot->is_dirty = false;
        cells->count++;
    }
    slot->type = cell->type;
    slot->stamp = cell->stamp;
    slot->has_time = cell->has_time;
    slot->touched_ms = cell->touched_ms;
    slot->value = value;
    return slot;
}

void weir__cells_remove(weir_cells *cells, size_t index)
{
    weir_cell *slot = &cells->items[index];

    free_value(cells, slot);
    free_bytes(cells, slot->path);
    cells->count--;
    memmove(slot, slot + 1, (cells->count - index) * sizeof *slot);
}

bool weir__path_is_beneath(weir_bytes path, weir_bytes parent)
{
    if (parent.size == 0)
        return path.size > 0;
    return path.size > parent.size && path.data[parent.size] == '.' &&
           memcmp(path.data, parent.data, parent.size) == 0;
}

/* ---- as bytes ---------------------------------------------------------------------------------------------------- */

enum { HAS_TIME = 0x80 }; /* in the byte of the type */

static weir_code add_64(weir_buffer *out, uint64_t number)
{
    uint8_t bytes[8];

    weir__put_64(bytes, number);
    return weir__buffer_add(out, bytes, sizeof bytes);
}

weir_code weir__cell_encode(const weir_cell *cell, weir_buffer *out)
{
    weir_code rc = weir__buffer_add_byte(out, (uint8_t)((unsigned)cell->type | (cell->has_time ? HAS_TIME : 0)));
    uint64_t number;

    if (rc == WEIR_OK && cell->has_time)
        rc = add_64(out, (uint64_t)cell->touched_ms);
    if (rc != WEIR_OK)
        return rc;
    switch (cell->type) {
    case WEIR__CELL_NULL:
    case WEIR__CELL_OBJECT:
    case WEIR__CELL_DELETED:
    case WEIR__CELL_TOUCHED:
        return WEIR_OK;
    case WEIR__CELL_BOOL:
        return weir__buffer_add_byte(out, cell->value.truth);
    case WEIR__CELL_INT:
        return add_64(out, (uint64_t)cell->value.integer);
    case WEIR__CELL_REAL:
        memcpy(&number, &cell->value.real, sizeof number);
        return add_64(out, number);
    case WEIR__CELL_TEXT:
    case WEIR__CELL_JSON:
        return weir__buffer_add(out, cell->value.bytes.data, cell->value.bytes.size);
    }
    return WEIR_INVALID;
}

bool weir__cell_decode(weir_bytes path, weir_bytes value, weir_cell *cell)
{
    uint64_t number;
    weir_bytes rest;

    memset(cell, 0, sizeof *cell);
    if (value.size == 0)
        return false;
    rest = weir__bytes(value.data + 1, value.size - 1);
    cell->has_time = (value.data[0] & HAS_TIME) != 0;
    if ((value.data[0] & ~HAS_TIME) > (cell->has_time ? WEIR__CELL_TOUCHED : WEIR__CELL_DELETED))
        return false;
    cell->path = path;
    cell->type = (weir_cell_type)(value.data[0] & ~HAS_TIME);
    if (cell->has_time) {
        if (rest.size < 8)
            return false;
        cell->touched_ms = (int64_t)weir__get_64(rest.data);
        rest = weir__bytes(rest.data + 8, rest.size - 8);
    }
    switch (cell->type) {
    case WEIR__CELL_NULL:
    case WEIR__CELL_OBJECT:
    case WEIR__CELL_DELETED:
    case WEIR__CELL_TOUCHED:
        return rest.size == 0;
    case WEIR__CELL_BOOL:
        cell->value.truth = rest.size == 1 && rest.data[0] == 1;
        return rest.size == 1 && rest.data[0] <= 1;
    case WEIR__CELL_INT:
    case WEIR__CELL_REAL:
        if (rest.size != 8)
            return false;
        number = weir__get_64(rest.data);
        if (cell->type == WEIR__CELL_INT)
            cell->value.integer = (int64_t)number;
        else
            memcpy(&cell->value.real, &number, sizeof number);
        return true;
    case WEIR__CELL_TEXT:
    case WEIR__CELL_JSON:
        cell->value.bytes = rest;
        return true;
    }
    return false;
}

/* ---- expiry ------------------------------------------------------------------------------------------------------ */

bool weir__cell_is_expired(weir_bytes value, int64_t ttl_ms, int64_t now_ms)
{
    weir_cell cell;

    return weir__cell_decode(weir__bytes("", 0), value, &cell) && weir__cell_is_over(&cell, ttl_ms, now_ms);
}

/* Whether anything lives beneath an object; what has expired there is out already. */
static bool has_beneath(const weir_cells *cells, size_t object)
{
    weir_bytes path = cells->items[object].path;

    for (size_t i = object + 1; i < cells->count; i++) {
        weir_bytes found = cells->items[i].path;

        if (found.size < path.size || memcmp(found.data, path.data, path.size) != 0)
            return false;
        if (weir__path_is_beneath(found, path) && cells->items[i].type != WEIR__CELL_DELETED)
            return true;
    }
    return false;
}

size_t weir__cells_expire(weir_cells *cells, int64_t ttl_ms, int64_t *now_ms, bool is_durable)
{
    size_t changed = 0;

    for (size_t i = 0; i < cells->count; i++) {
        const weir_cell *cell = &cells->items[i];

        if (cell->has_time && cell->type != WEIR__CELL_DELETED && cell->touched_ms > *now_ms)
            *now_ms = cell->touched_ms;
    }
    for (size_t i = cells->count; i > 0; i--) {
        weir_cell *cell = &cells->items[i - 1];

        if (cell->type == WEIR__CELL_DELETED)
            continue;
        if (!cell->has_time) {
            cell->has_time = true;
            cell->touched_ms = *now_ms;
            cell->is_dirty = is_durable;
            changed++;
        } else if (weir__cell_is_over(cell, ttl_ms, *now_ms) &&
                   !(cell->type == WEIR__CELL_OBJECT && has_beneath(cells, i - 1))) {
            changed++;
            if (is_durable) {
                free_value(cells, cell);
                cell->type = WEIR__CELL_DELETED;
                cell->has_time = false;
                cell->is_dirty = true;
            } else {
                weir__cells_remove(cells, i - 1);
            }
        }
    }
    return changed;
}

weir_code weir__cells_put_stored(weir_cells *cells, weir_bytes path, weir_bytes value, weir_error *err)
{
    weir_cell cell;

    if (!weir__cell_decode(path, value, &cell))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "it holds a value of no known type; it was not written by this version of weir");
    return weir__cells_put(cells, &cell, false) ? WEIR_OK : weir__fail_memory(err, "a key's memory");
}
