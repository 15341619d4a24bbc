/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of an action as a line of JSON, so that tests can read, cut and write journals by hand:
 *   {"action":"agent.action","instance":1,"events":[{"type":"t","attributes":{…}}],"outputs":[…],
 *    "counts":[["metric",1]],"short-term":[["path",type,value]],"sensory":[…]}
 * where type is weir_cell_type's number, and the value of an object or of a deleted path is null. Fails the test where
 * the text, or the entry, is not of that form.
 */
#ifndef WEIR_TESTS_ENGINE_RESULT_TEXT_H
#define WEIR_TESTS_ENGINE_RESULT_TEXT_H

#include <string.h>

#include "agent/cells.h"
#include "codec/json.h"
#include "journal/entry.h"
#include "suite.h"

static inline void text_add(weir_buffer *out, const char *text)
{
    ck_assert_int_eq(weir__buffer_add_text(out, text), WEIR_OK);
}

static inline void text_add_bytes(weir_buffer *out, weir_bytes bytes)
{
    ck_assert_int_eq(weir__buffer_add(out, bytes.data, bytes.size), WEIR_OK);
}

static inline void text_add_string(weir_buffer *out, weir_bytes text)
{
    ck_assert_int_eq(weir__json_print_text(text, out), WEIR_OK);
}

static inline void text_add_int(weir_buffer *out, int64_t number)
{
    ck_assert_int_eq(weir__json_print_int(number, out), WEIR_OK);
}

static inline void text_add_cell(weir_buffer *out, weir_bytes path, weir_bytes value)
{
    weir_cell cell;

    memset(&cell, 0, sizeof cell);
    ck_assert(weir__cell_decode(path, value, &cell));
    text_add(out, "[");
    text_add_string(out, path);
    text_add(out, ",");
    text_add_int(out, cell.type);
    text_add(out, ",");
    switch (cell.type) {
    case WEIR__CELL_NULL:
    case WEIR__CELL_OBJECT:
    case WEIR__CELL_DELETED:
    case WEIR__CELL_TOUCHED:
        text_add(out, "null");
        break;
    case WEIR__CELL_BOOL:
        text_add(out, cell.value.truth ? "true" : "false");
        break;
    case WEIR__CELL_INT:
        text_add_int(out, cell.value.integer);
        break;
    case WEIR__CELL_REAL:
        ck_assert_int_eq(weir__json_print_real(cell.value.real, out), WEIR_OK);
        break;
    case WEIR__CELL_TEXT:
        text_add_string(out, cell.value.bytes);
        break;
    case WEIR__CELL_JSON:
        text_add_bytes(out, cell.value.bytes);
        break;
    }
    text_add(out, "]");
}

static inline void text_add_cells(weir_buffer *out, const weir_entry_items *paths, const weir_entry_items *values)
{
    ck_assert_uint_eq(paths->count, values->count);
    for (size_t i = 0; i < paths->count; i++) {
        text_add(out, i ? "," : "");
        text_add_cell(out, paths->items[i], values->items[i]);
    }
}

/* Prints an entry of kind RESULT. */
static inline void result_text_print(const weir_entry *entry, weir_buffer *out)
{
    text_add(out, "{\"action\":");
    text_add_string(out, weir__bytes_text(entry->action));
    text_add(out, ",\"instance\":");
    text_add_int(out, entry->instance);
    text_add(out, ",\"events\":[");
    ck_assert_uint_eq(entry->event_types.count, entry->event_attributes.count);
    for (size_t i = 0; i < entry->event_types.count; i++) {
        text_add(out, i ? ",{\"type\":" : "{\"type\":");
        text_add_string(out, entry->event_types.items[i]);
        text_add(out, ",\"attributes\":");
        text_add_bytes(out, entry->event_attributes.items[i]);
        text_add(out, "}");
    }
    text_add(out, "],\"outputs\":[");
    for (size_t i = 0; i < entry->outputs.count; i++) {
        text_add(out, i ? "," : "");
        text_add_bytes(out, entry->outputs.items[i]);
    }
    text_add(out, "],\"counts\":[");
    for (size_t i = 0; i < entry->count_metrics.count; i++) {
        text_add(out, i ? ",[" : "[");
        text_add_string(out, entry->count_metrics.items[i]);
        text_add(out, ",");
        text_add_int(out, entry->count_adds[i]);
        text_add(out, "]");
    }
    text_add(out, "],\"short-term\":[");
    text_add_cells(out, &entry->short_term_paths, &entry->short_term_values);
    text_add(out, "],\"sensory\":[");
    text_add_cells(out, &entry->sensory_paths, &entry->sensory_values);
    text_add(out, "]}");
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static inline const weir_json *text_member(const weir_json *object, const char *name)
{
    const weir_json *found = weir__json_member(object, weir__bytes_text(name));

    ck_assert_ptr_nonnull(found);
    return found;
}

static inline const weir_json *text_element(const weir_json *array, size_t index)
{
    const weir_json *at = NULL, *value = NULL;

    for (size_t i = 0; i <= index; i++)
        ck_assert(weir__json_next(array, &at, NULL, &value));
    return value;
}

static inline const char *text_copy(weir_bytes text, weir_arena *arena)
{
    weir_bytes copy = weir__arena_copy(arena, text);
    char *end = weir__arena_alloc(arena, copy.size + 1);

    ck_assert_ptr_nonnull(copy.data);
    ck_assert_ptr_nonnull(end);
    memcpy(end, copy.data, copy.size);
    end[copy.size] = '\0';
    return end;
}

static inline weir_bytes *text_items(size_t count, weir_arena *arena, weir_entry_items *items)
{
    weir_bytes *all = weir__arena_alloc(arena, (count + 1) * sizeof *all);

    ck_assert_ptr_nonnull(all);
    *items = (weir_entry_items){ all, count };
    return all;
}

static inline weir_bytes text_parse_cell(const weir_json *item, weir_arena *arena)
{
    const weir_json *value = text_element(item, 2);
    weir_cell cell;
    weir_buffer encoded;
    weir_bytes copy;

    memset(&cell, 0, sizeof cell);
    cell.type = (weir_cell_type)weir__json_int(text_element(item, 1));
    switch (cell.type) {
    case WEIR__CELL_NULL:
    case WEIR__CELL_OBJECT:
    case WEIR__CELL_DELETED:
    case WEIR__CELL_TOUCHED:
        break;
    case WEIR__CELL_BOOL:
        cell.value.truth = weir__json_bool(value);
        break;
    case WEIR__CELL_INT:
        cell.value.integer = weir__json_int(value);
        break;
    case WEIR__CELL_REAL:
        cell.value.real = weir__json_real(value);
        break;
    case WEIR__CELL_TEXT:
        cell.value.bytes = weir__json_text(value);
        break;
    case WEIR__CELL_JSON:
        cell.value.bytes = weir__json_print_arena(value, arena);
        break;
    }
    weir__buffer_init(&encoded, SIZE_MAX);
    ck_assert_int_eq(weir__cell_encode(&cell, &encoded), WEIR_OK);
    copy = weir__arena_copy(arena, weir__buffer_bytes(&encoded));
    weir__buffer_clear(&encoded);
    return copy;
}

static inline void text_parse_cells(const weir_json *cells, weir_arena *arena, weir_entry_items *paths,
                                    weir_entry_items *values)
{
    weir_bytes *all_paths = text_items(weir__json_size(cells), arena, paths);
    weir_bytes *all_values = text_items(weir__json_size(cells), arena, values);
    const weir_json *at = NULL, *item;

    for (size_t i = 0; weir__json_next(cells, &at, NULL, &item); i++) {
        all_paths[i] = weir__json_text(text_element(item, 0));
        all_values[i] = text_parse_cell(item, arena);
    }
}

/* Reads a line back, into the arena; the input's hash is the caller's to fill in. */
static inline weir_entry *result_text_parse(weir_bytes text, weir_arena *arena)
{
    weir_entry *entry = weir__arena_alloc(arena, sizeof *entry);
    const weir_json *json, *at = NULL, *item, *events, *outputs, *counts;
    weir_bytes *first, *second;
    int64_t *adds;
    weir_error err;

    ck_assert_ptr_nonnull(entry);
    memset(entry, 0, sizeof *entry);
    ck_assert_int_eq(weir__json_parse(text, 512, arena, &json, &err), WEIR_OK);
    entry->kind = WEIR__ENTRY_RESULT;
    entry->action = text_copy(weir__json_text(text_member(json, "action")), arena);
    entry->instance = (uint32_t)weir__json_int(text_member(json, "instance"));
    events = text_member(json, "events");
    first = text_items(weir__json_size(events), arena, &entry->event_types);
    second = text_items(weir__json_size(events), arena, &entry->event_attributes);
    for (size_t i = 0; weir__json_next(events, &at, NULL, &item); i++) {
        first[i] = weir__json_text(text_member(item, "type"));
        second[i] = weir__json_print_arena(text_member(item, "attributes"), arena);
    }
    outputs = text_member(json, "outputs");
    first = text_items(weir__json_size(outputs), arena, &entry->outputs);
    at = NULL;
    for (size_t i = 0; weir__json_next(outputs, &at, NULL, &item); i++)
        first[i] = weir__json_print_arena(item, arena);
    counts = text_member(json, "counts");
    first = text_items(weir__json_size(counts), arena, &entry->count_metrics);
    adds = weir__arena_alloc(arena, (weir__json_size(counts) + 1) * sizeof *adds);
    ck_assert_ptr_nonnull(adds);
    at = NULL;
    for (size_t i = 0; weir__json_next(counts, &at, NULL, &item); i++) {
        first[i] = weir__json_text(text_element(item, 0));
        adds[i] = weir__json_int(text_element(item, 1));
    }
    entry->count_adds = adds;
    text_parse_cells(text_member(json, "short-term"), arena, &entry->short_term_paths, &entry->short_term_values);
    text_parse_cells(text_member(json, "sensory"), arena, &entry->sensory_paths, &entry->sensory_values);
    return entry;
}

#endif
