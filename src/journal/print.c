/* SPDX-License-Identifier: Apache-2.0 */
/* Entries as JSON, a line each, for people and their tools. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "journal/fields.h"

/* One failed append makes the rest no-ops. */
typedef struct printer {
    const weir_entry *entry;
    weir_buffer *out;
    weir_code rc;
} printer;

static void add(printer *to, const char *text)
{
    if (to->rc == WEIR_OK)
        to->rc = weir__buffer_add_text(to->out, text);
}

static void add_int(printer *to, int64_t number)
{
    if (to->rc == WEIR_OK)
        to->rc = weir__json_print_int(number, to->out);
}

static void add_bytes(printer *to, weir_bytes bytes)
{
    if (to->rc == WEIR_OK)
        to->rc = weir__json_print_bytes(bytes, to->out);
}

static void add_text(printer *to, const char *text)
{
    add_bytes(to, weir__bytes_text(text ? text : ""));
}

static void add_name(printer *to, const char *name)
{
    add(to, ",\"");
    add(to, name);
    add(to, "\":");
}

/* JSON text as what it says; what is none of it as the text it is. */
static void add_json(printer *to, weir_bytes text)
{
    const weir_json *json;
    weir_arena arena;
    weir_code rc;

    if (to->rc != WEIR_OK)
        return;
    weir__arena_init(&arena, 4096);
    rc = weir__json_parse(text, SIZE_MAX, &arena, &json, NULL);
    if (rc == WEIR_OK)
        to->rc = weir__json_print(json, to->out);
    else if (rc == WEIR_NO_MEMORY)
        to->rc = rc;
    else
        add_bytes(to, text);
    weir__arena_clear(&arena);
}

/* In hex: as numbers, many tools would round them. */
static void add_hash(printer *to, uint64_t hash)
{
    char text[sizeof "\"0123456789abcdef\""];

    (void)snprintf(text, sizeof text, "\"%016" PRIx64 "\"", hash);
    add(to, text);
}

static void add_symbol(printer *to, int value, const char *const *symbols)
{
    for (int i = 0; symbols[i]; i++) {
        if (i == value) {
            add_text(to, symbols[i]);
            return;
        }
    }
    add_int(to, value); /* of an entry that was not read, but made wrongly */
}

static void add_error(printer *to, const weir_error *error)
{
    add(to, "{\"remedy\":");
    add_symbol(to, (int)error->remedy, weir__remedy_symbols);
    if (error->origin) {
        add_name(to, "origin");
        add_text(to, error->origin);
        add_name(to, "origin_code");
        add_int(to, error->origin_code);
    }
    add_name(to, "message");
    add_text(to, error->message);
    add(to, "}");
}

static void add_texts(printer *to, const weir_entry_items *items)
{
    add(to, "[");
    for (size_t i = 0; i < items->count; i++) {
        add(to, i ? "," : "");
        add_json(to, items->items[i]);
    }
    add(to, "]");
}

static void add_pairs(printer *to, const weir_field *field, const weir_entry_items *first,
                      const weir_entry_items *second)
{
    add(to, "[");
    for (size_t i = 0; i < first->count && i < second->count; i++) {
        add(to, i ? ",{\"" : "{\"");
        add(to, field->first);
        add(to, "\":");
        add_bytes(to, first->items[i]);
        add_name(to, field->second);
        if (field->is_second_json)
            add_json(to, second->items[i]);
        else
            add_bytes(to, second->items[i]);
        add(to, "}");
    }
    add(to, "]");
}

static void add_counts(printer *to, const weir_field *field)
{
    add(to, "[");
    for (size_t i = 0; i < to->entry->count_metrics.count; i++) {
        add(to, i ? ",{\"" : "{\"");
        add(to, field->first);
        add(to, "\":");
        add_bytes(to, to->entry->count_metrics.items[i]);
        add_name(to, field->second);
        add_int(to, to->entry->count_adds[i]);
        add(to, "}");
    }
    add(to, "]");
}

/* Whether there is anything of it: an absent value is left out. */
static bool is_there(const weir_entry *entry, const weir_field *field)
{
    const char *from = (const char *)entry + field->offset;
    weir_bytes bytes;
    uint32_t place;

    if (field->type == WEIR__FIELD_PLACE) {
        memcpy(&place, from, sizeof place);
        return place != 0;
    }
    if (field->type == WEIR__FIELD_WORDS)
        return *(const char *const *)(const void *)from != NULL;
    if (field->type == WEIR__FIELD_MAYBE_BYTES) {
        memcpy(&bytes, from, sizeof bytes);
        return bytes.data != NULL;
    }
    return field->type != WEIR__FIELD_ERROR || entry->code != WEIR_OK;
}

static void add_value(printer *to, const weir_field *field)
{
    const char *from = (const char *)to->entry + field->offset;
    uint32_t place;
    int64_t number;
    uint64_t hash;
    int choice;

    switch (field->type) {
    case WEIR__FIELD_LONG:
        memcpy(&number, from, sizeof number);
        add_int(to, number);
        break;
    case WEIR__FIELD_HASH:
        memcpy(&hash, from, sizeof hash);
        add_hash(to, hash);
        break;
    case WEIR__FIELD_PLACE:
    case WEIR__FIELD_INDEX:
        memcpy(&place, from, sizeof place);
        add_int(to, place);
        break;
    case WEIR__FIELD_BOOL:
        add(to, *(const bool *)from ? "true" : "false");
        break;
    case WEIR__FIELD_ENUM:
        memcpy(&choice, from, sizeof choice);
        add_symbol(to, choice, field->symbols);
        break;
    case WEIR__FIELD_TEXT:
    case WEIR__FIELD_WORDS:
        add_text(to, *(const char *const *)(const void *)from);
        break;
    case WEIR__FIELD_BYTES:
    case WEIR__FIELD_MAYBE_BYTES:
        add_bytes(to, *(const weir_bytes *)(const void *)from);
        break;
    case WEIR__FIELD_ERROR:
        add_error(to, (const weir_error *)(const void *)from);
        break;
    case WEIR__FIELD_TEXTS:
        add_texts(to, (const weir_entry_items *)(const void *)from);
        break;
    case WEIR__FIELD_PAIRS:
        add_pairs(to, field, (const weir_entry_items *)(const void *)from,
                  (const weir_entry_items *)(const void *)((const char *)to->entry + field->second_offset));
        break;
    case WEIR__FIELD_COUNTS:
        add_counts(to, field);
        break;
    }
}

weir_code weir__entry_print(const weir_entry *entry, weir_buffer *out, weir_error *err)
{
    const weir_field *field = weir__entry_fields(entry->kind);
    printer to = { entry, out, WEIR_OK };
    size_t start = out->size;

    add(&to, "{\"kind\":");
    add_text(&to, weir__entry_kind_name(entry->kind));
    add_name(&to, "written_ms");
    add_int(&to, entry->written_ms);
    add_name(&to, "epoch");
    add_int(&to, entry->epoch);
    if (entry->run && *entry->run) {
        add_name(&to, "run");
        add_text(&to, entry->run);
    }
    for (; field && field->name; field++) {
        if (!is_there(entry, field))
            continue;
        add_name(&to, field->name);
        add_value(&to, field);
    }
    add(&to, "}");
    if (to.rc == WEIR_OK)
        return to.rc;
    out->size = start;
    return to.rc == WEIR_LIMIT ? weir__fail(err, to.rc, WEIR_REMEDY_FIX, "a journal entry has no room")
                               : weir__fail_memory(err, "a journal entry");
}
