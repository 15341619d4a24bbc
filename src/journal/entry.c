/* SPDX-License-Identifier: Apache-2.0 */
/* Entries as Avro in their frame: a value of the schema is filled from weir_entry, or the other way round. */
#include "journal/entry.h"

#include <pthread.h>
#include <string.h>

#include "codec/avro.h"
#include "codec/json.h"
#include "journal/fields.h"
#include "journal/frame.h"

_Static_assert(sizeof(weir_call_kind) == sizeof(int) && sizeof(weir_code) == sizeof(int) &&
                   sizeof(weir_park_reason) == sizeof(int) && sizeof(weir_decision) == sizeof(int),
               "the tables read enums as int");

/* The schema, parsed at the first entry. A value of it is made for each entry: one that a thread kept would save
 * little, hold on to the largest it has seen, and look like a leak, since avro-c does not align what is in it. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static weir_avro_schema *schema;
static weir_error trouble;

static void parse_schema(void)
{
    if (weir__avro_schema_new(weir__journal_schema[0].text, &schema, &trouble) != WEIR_OK)
        schema = NULL;
}

static weir_code get_schema(weir_error *err)
{
    (void)pthread_once(&once, parse_schema); /* cannot fail */
    if (schema)
        return WEIR_OK;
    if (err)
        *err = trouble;
    return trouble.code;
}

/* ---- sealing ----------------------------------------------------------------------------------------------------- */

typedef struct sealer {
    const weir_entry *entry;
    const weir_field *field;
    weir_error *err;
} sealer;

static weir_code refuse(sealer *to, const char *what)
{
    return weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX, "a journal entry's %s %s", to->field->name, what);
}

static weir_code put_text(sealer *to, weir_avro_value at, weir_bytes text)
{
    if (!weir__utf8_is_valid(text))
        return refuse(to, "is not UTF-8");
    weir__avro_set_bytes(at, text);
    return WEIR_OK;
}

/* ["string", "bytes"], with "null" before it where `null` is 1. */
static weir_code put_words(weir_avro_value at, const char *words, int null)
{
    weir_bytes bytes = weir__bytes_text(words ? words : "");
    weir_avro_value taken;
    weir_code rc;

    if (!words && null)
        return weir__avro_take(at, 0, &taken);
    rc = weir__avro_take(at, null + !weir__utf8_is_valid(bytes), &taken);
    if (rc == WEIR_OK)
        weir__avro_set_bytes(taken, bytes);
    return rc;
}

static weir_code put_maybe_bytes(weir_avro_value at, weir_bytes bytes)
{
    weir_avro_value taken;
    weir_code rc = weir__avro_take(at, bytes.data != NULL, &taken);

    if (rc == WEIR_OK && bytes.data)
        weir__avro_set_bytes(taken, bytes);
    return rc;
}

static weir_code put_enum(sealer *to, weir_avro_value at, int value, const char *const *symbols)
{
    int count = 0;

    while (symbols[count])
        count++;
    if (value < 0 || value >= count)
        return refuse(to, "has a value that is none");
    weir__avro_set_enum(at, value);
    return WEIR_OK;
}

static weir_code put_error(sealer *to, weir_avro_value at, const weir_error *error)
{
    bool is_there = to->entry->code != WEIR_OK;
    weir_avro_value taken;
    weir_code rc = weir__avro_take(at, is_there, &taken);

    if (rc != WEIR_OK || !is_there)
        return rc;
    rc = put_enum(to, weir__avro_field(taken, "remedy"), (int)error->remedy, weir__remedy_symbols);
    if (rc == WEIR_OK)
        rc = put_words(weir__avro_field(taken, "origin"), error->origin, 1);
    if (rc == WEIR_OK)
        rc = put_words(weir__avro_field(taken, "message"), error->message, 0);
    weir__avro_set_long(weir__avro_field(taken, "origin_code"), error->origin_code);
    return rc;
}

static weir_code put_texts(sealer *to, weir_avro_value at, const weir_entry_items *items)
{
    weir_code rc = WEIR_OK;

    for (size_t i = 0; i < items->count && rc == WEIR_OK; i++) {
        weir_avro_value element;

        rc = weir__avro_append(at, &element);
        if (rc == WEIR_OK)
            rc = put_text(to, element, items->items[i]);
    }
    return rc;
}

static weir_code put_pairs(sealer *to, weir_avro_value at, const weir_entry_items *first,
                           const weir_entry_items *second)
{
    weir_code rc = WEIR_OK;

    if (first->count != second->count)
        return refuse(to, "has not as many in both lists");
    for (size_t i = 0; i < first->count && rc == WEIR_OK; i++) {
        weir_avro_value element;

        rc = weir__avro_append(at, &element);
        if (rc == WEIR_OK)
            rc = put_text(to, weir__avro_field(element, to->field->first), first->items[i]);
        /* Text is what its maker has printed, and was asked for UTF-8 there; a cell's value may be any bytes. */
        if (rc == WEIR_OK && to->field->is_second_json)
            rc = put_text(to, weir__avro_field(element, to->field->second), second->items[i]);
        else if (rc == WEIR_OK)
            weir__avro_set_bytes(weir__avro_field(element, to->field->second), second->items[i]);
    }
    return rc;
}

static weir_code put_counts(sealer *to, weir_avro_value at)
{
    const weir_entry_items *metrics = &to->entry->count_metrics;
    weir_code rc = WEIR_OK;

    for (size_t i = 0; i < metrics->count && rc == WEIR_OK; i++) {
        weir_avro_value element;

        rc = weir__avro_append(at, &element);
        if (rc == WEIR_OK)
            rc = put_text(to, weir__avro_field(element, to->field->first), metrics->items[i]);
        if (rc == WEIR_OK)
            weir__avro_set_long(weir__avro_field(element, to->field->second), to->entry->count_adds[i]);
    }
    return rc;
}

static weir_code put_field(sealer *to, weir_avro_value at)
{
    const weir_field *field = to->field;
    const char *from = (const char *)to->entry + field->offset;
    const char *text;
    int choice;

    switch (field->type) {
    case WEIR__FIELD_LONG:
    case WEIR__FIELD_HASH: {
        int64_t number;

        memcpy(&number, from, sizeof number);
        weir__avro_set_long(at, number);
        return WEIR_OK;
    }
    case WEIR__FIELD_PLACE:
    case WEIR__FIELD_INDEX: {
        uint32_t number;

        memcpy(&number, from, sizeof number);
        weir__avro_set_long(at, number);
        return WEIR_OK;
    }
    case WEIR__FIELD_BOOL:
        weir__avro_set_bool(at, *(const bool *)from);
        return WEIR_OK;
    case WEIR__FIELD_ENUM:
        memcpy(&choice, from, sizeof choice);
        return put_enum(to, at, choice, field->symbols);
    case WEIR__FIELD_TEXT:
        memcpy(&text, from, sizeof text);
        return put_text(to, at, weir__bytes_text(text ? text : ""));
    case WEIR__FIELD_WORDS:
        memcpy(&text, from, sizeof text);
        return put_words(at, text, 1);
    case WEIR__FIELD_BYTES:
        weir__avro_set_bytes(at, *(const weir_bytes *)(const void *)from);
        return WEIR_OK;
    case WEIR__FIELD_MAYBE_BYTES:
        return put_maybe_bytes(at, *(const weir_bytes *)(const void *)from);
    case WEIR__FIELD_ERROR:
        return put_error(to, at, (const weir_error *)(const void *)from);
    case WEIR__FIELD_TEXTS:
        return put_texts(to, at, (const weir_entry_items *)(const void *)from);
    case WEIR__FIELD_PAIRS:
        return put_pairs(to, at, (const weir_entry_items *)(const void *)from,
                         (const weir_entry_items *)(const void *)((const char *)to->entry + field->second_offset));
    case WEIR__FIELD_COUNTS:
        return put_counts(to, at);
    }
    return WEIR_OK;
}

static weir_code fill(weir_avro_value value, const weir_entry *entry, weir_error *err)
{
    static const weir_field run = { .name = "run" };
    sealer to = { entry, &run, err };
    weir_avro_value body;
    weir_code rc;

    weir__avro_set_enum(weir__avro_field(value, "kind"), (int)entry->kind - WEIR__ENTRY_RESULT);
    weir__avro_set_long(weir__avro_field(value, "written_ms"), entry->written_ms);
    weir__avro_set_long(weir__avro_field(value, "epoch"), entry->epoch);
    rc = put_text(&to, weir__avro_field(value, "run"), weir__bytes_text(entry->run ? entry->run : ""));
    if (rc == WEIR_OK)
        rc = weir__avro_take(weir__avro_field(value, "body"), (int)entry->kind - WEIR__ENTRY_RESULT, &body);
    for (to.field = weir__entry_fields(entry->kind); rc == WEIR_OK && to.field->name; to.field++)
        rc = put_field(&to, weir__avro_field(body, to.field->name));
    return rc;
}

weir_code weir__entry_seal(const weir_entry *entry, weir_buffer *out, weir_error *err)
{
    static const uint8_t blank[WEIR__FRAME_HEADER_BYTES];
    weir_avro_value value = { NULL, NULL };
    size_t start = out->size;
    weir_code rc;

    if (!weir__entry_fields(entry->kind))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a journal entry of kind %d", (int)entry->kind);
    rc = get_schema(err);
    if (rc != WEIR_OK)
        return rc;
    rc = weir__avro_value_new(schema, &value);
    if (rc == WEIR_OK)
        rc = fill(value, entry, err);
    if (rc == WEIR_INVALID)
        goto out; /* told already */
    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, blank, sizeof blank);
    if (rc == WEIR_OK)
        rc = weir__avro_encode(value, out);
    if (rc == WEIR_OK)
        rc = weir__frame_close(entry->kind, out, start);
    if (rc == WEIR_LIMIT)
        (void)weir__fail(err, rc, WEIR_REMEDY_FIX, "a journal entry is too long, %d bytes are allowed", INT32_MAX);
    else if (rc != WEIR_OK)
        (void)weir__fail_memory(err, "a journal entry");
out:
    if (rc != WEIR_OK)
        out->size = start;
    weir__avro_value_free(&value);
    return rc;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

typedef struct opener {
    weir_entry *entry;
    const weir_field *field;
    weir_arena *arena;
    weir_error *err;
} opener;

static weir_code no_memory(opener *to)
{
    return weir__fail_memory(to->err, "a journal entry");
}

static weir_code wrong(opener *to, const char *what)
{
    return weir__fail(to->err, WEIR_IO, WEIR_REMEDY_STOP, "a journal entry's %s %s", to->field->name, what);
}

static weir_code take_bytes(opener *to, weir_avro_value at, weir_bytes *out)
{
    weir_bytes copy = weir__arena_copy(to->arena, weir__avro_bytes(at));

    if (!copy.data)
        return no_memory(to);
    *out = copy;
    return WEIR_OK;
}

static weir_code take_text(opener *to, weir_avro_value at, const char **out)
{
    weir_bytes copy = { NULL, 0 };
    weir_code rc = take_bytes(to, at, &copy);

    if (rc != WEIR_OK)
        return rc;
    if (strlen((const char *)copy.data) != copy.size)
        return wrong(to, "has a NUL in it");
    *out = (const char *)copy.data;
    return WEIR_OK;
}

static weir_code take_words(opener *to, weir_avro_value at, int null, const char **out)
{
    weir_avro_value taken;

    if (weir__avro_branch(at, &taken) < null) {
        *out = NULL;
        return WEIR_OK;
    }
    return take_text(to, taken, out);
}

static weir_code take_maybe_bytes(opener *to, weir_avro_value at, weir_bytes *out)
{
    weir_avro_value taken;

    return weir__avro_branch(at, &taken) == 0 ? WEIR_OK : take_bytes(to, taken, out);
}

static weir_code take_error(opener *to, weir_avro_value at, weir_error *error)
{
    weir_avro_value taken;
    const char *message = "";
    int64_t number;
    weir_code rc;

    if ((weir__avro_branch(at, &taken) == 0) != (to->entry->code == WEIR_OK))
        return wrong(to, "does not go with its code");
    if (to->entry->code == WEIR_OK)
        return WEIR_OK;
    error->code = to->entry->code;
    error->remedy = (weir_remedy)weir__avro_enum(weir__avro_field(taken, "remedy"));
    number = weir__avro_long(weir__avro_field(taken, "origin_code"));
    if (number < INT32_MIN || number > INT32_MAX)
        return wrong(to, "has a number out of range");
    error->origin_code = (int)number;
    rc = take_words(to, weir__avro_field(taken, "origin"), 1, &error->origin);
    if (rc == WEIR_OK)
        rc = take_words(to, weir__avro_field(taken, "message"), 0, &message);
    if (rc != WEIR_OK)
        return rc;
    if (strlen(message) >= sizeof error->message)
        return wrong(to, "has a message that is too long");
    memcpy(error->message, message, strlen(message) + 1);
    return WEIR_OK;
}

static weir_code new_items(opener *to, size_t count, weir_bytes **items, weir_entry_items *out)
{
    *items = count <= SIZE_MAX / sizeof **items ? weir__arena_alloc(to->arena, count * sizeof **items) : NULL;
    if (!*items)
        return no_memory(to);
    *out = (weir_entry_items){ *items, count };
    return WEIR_OK;
}

static weir_code take_texts(opener *to, weir_avro_value at, weir_entry_items *out)
{
    size_t count = weir__avro_size(at);
    weir_bytes *items;
    weir_code rc = new_items(to, count, &items, out);

    for (size_t i = 0; i < count && rc == WEIR_OK; i++)
        rc = take_bytes(to, weir__avro_element(at, i), &items[i]);
    return rc;
}

static weir_code take_pairs(opener *to, weir_avro_value at, weir_entry_items *first, weir_entry_items *second)
{
    size_t count = weir__avro_size(at);
    weir_bytes *firsts, *seconds;
    weir_code rc = new_items(to, count, &firsts, first);

    if (rc == WEIR_OK)
        rc = new_items(to, count, &seconds, second);
    for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
        weir_avro_value element = weir__avro_element(at, i);

        rc = take_bytes(to, weir__avro_field(element, to->field->first), &firsts[i]);
        if (rc == WEIR_OK)
            rc = take_bytes(to, weir__avro_field(element, to->field->second), &seconds[i]);
    }
    return rc;
}

static weir_code take_counts(opener *to, weir_avro_value at)
{
    size_t count = weir__avro_size(at);
    weir_bytes *metrics;
    int64_t *adds;
    weir_code rc = new_items(to, count, &metrics, &to->entry->count_metrics);

    if (rc != WEIR_OK)
        return rc;
    adds = weir__arena_alloc(to->arena, count * sizeof *adds); /* less than the items */
    if (!adds)
        return no_memory(to);
    to->entry->count_adds = adds;
    for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
        weir_avro_value element = weir__avro_element(at, i);

        rc = take_bytes(to, weir__avro_field(element, to->field->first), &metrics[i]);
        adds[i] = weir__avro_long(weir__avro_field(element, to->field->second));
    }
    return rc;
}

static weir_code take_field(opener *to, weir_avro_value at)
{
    const weir_field *field = to->field;
    char *into = (char *)to->entry + field->offset;
    int64_t number;
    int choice;

    switch (field->type) {
    case WEIR__FIELD_LONG:
    case WEIR__FIELD_HASH:
        number = weir__avro_long(at);
        memcpy(into, &number, sizeof number);
        return WEIR_OK;
    case WEIR__FIELD_PLACE:
    case WEIR__FIELD_INDEX: {
        uint32_t place;

        number = weir__avro_long(at);
        if (number < 0 || number > UINT32_MAX)
            return wrong(to, "is out of range");
        place = (uint32_t)number;
        memcpy(into, &place, sizeof place);
        return WEIR_OK;
    }
    case WEIR__FIELD_BOOL:
        *(bool *)into = weir__avro_bool(at);
        return WEIR_OK;
    case WEIR__FIELD_ENUM:
        choice = weir__avro_enum(at);
        memcpy(into, &choice, sizeof choice);
        return WEIR_OK;
    case WEIR__FIELD_TEXT:
        return take_text(to, at, (const char **)(void *)into);
    case WEIR__FIELD_WORDS:
        return take_words(to, at, 1, (const char **)(void *)into);
    case WEIR__FIELD_BYTES:
        return take_bytes(to, at, (weir_bytes *)(void *)into);
    case WEIR__FIELD_MAYBE_BYTES:
        return take_maybe_bytes(to, at, (weir_bytes *)(void *)into);
    case WEIR__FIELD_ERROR:
        return take_error(to, at, (weir_error *)(void *)into);
    case WEIR__FIELD_TEXTS:
        return take_texts(to, at, (weir_entry_items *)(void *)into);
    case WEIR__FIELD_PAIRS:
        return take_pairs(to, at, (weir_entry_items *)(void *)into,
                          (weir_entry_items *)(void *)((char *)to->entry + field->second_offset));
    case WEIR__FIELD_COUNTS:
        return take_counts(to, at);
    }
    return WEIR_OK;
}

static weir_code take_entry(opener *to, weir_avro_value value, weir_entry_kind kind)
{
    static const weir_field run = { .name = "run" };
    weir_avro_value body;
    int branch = weir__avro_branch(weir__avro_field(value, "body"), &body);
    weir_code rc;

    if (branch != (int)kind - WEIR__ENTRY_RESULT || branch != weir__avro_enum(weir__avro_field(value, "kind")))
        return weir__fail(to->err, WEIR_IO, WEIR_REMEDY_STOP, "a journal entry of kind %d holds one of another kind",
                          (int)kind);
    to->entry->kind = kind;
    to->entry->written_ms = weir__avro_long(weir__avro_field(value, "written_ms"));
    to->entry->epoch = weir__avro_long(weir__avro_field(value, "epoch"));
    to->field = &run;
    rc = take_text(to, weir__avro_field(value, "run"), &to->entry->run);
    for (to->field = weir__entry_fields(kind); rc == WEIR_OK && to->field->name; to->field++)
        rc = take_field(to, weir__avro_field(body, to->field->name));
    return rc;
}

weir_code weir__entry_open(weir_bytes sealed, weir_arena *arena, weir_entry **out, weir_error *err)
{
    opener to = { NULL, NULL, arena, err };
    weir_avro_value value = { NULL, NULL };
    weir_entry_kind kind;
    weir_bytes payload;
    weir_code rc = get_schema(err);

    if (rc == WEIR_OK)
        rc = weir__frame_open(sealed, &kind, &payload, err);
    if (rc != WEIR_OK)
        return rc;
    rc = weir__avro_decode(schema, payload, &value, err);
    if (rc == WEIR_IO)
        weir__error_context(err, "a journal entry does not fit its schema");
    if (rc != WEIR_OK)
        return rc;
    to.entry = weir__arena_alloc(arena, sizeof *to.entry);
    if (to.entry) {
        memset(to.entry, 0, sizeof *to.entry);
        rc = take_entry(&to, value, kind);
    } else {
        rc = no_memory(&to);
    }
    weir__avro_value_free(&value);
    if (rc == WEIR_OK)
        *out = to.entry;
    return rc;
}

/* ---- among owners ------------------------------------------------------------------------------------------------ */

static bool must_not_be_made_twice(weir_call_kind kind)
{
    return kind == WEIR_CALL_ONCE || kind == WEIR_CALL_CHECKED;
}

bool weir__entry_is_fact(const weir_entry *entry)
{
    return entry->kind == WEIR__ENTRY_RESOLUTION ||
           (entry->kind == WEIR__ENTRY_OUTCOME && must_not_be_made_twice(entry->call_kind));
}

bool weir__entry_needs_reading_back(const weir_entry *entry)
{
    return entry->kind == WEIR__ENTRY_INTENT && must_not_be_made_twice(entry->call_kind);
}
