/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads to values and back; the schemas that avro has been given. */
#include "codec/format.h"

#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "codec/base64.h"
#include "codec/value.h"

enum {
    HEADER = 5,             /* the zero byte, and the id */
    REFUSED_MAXIMUM = 1000, /* ids come with the records: garbage has others each time */
    SCRATCH = 4096
};

typedef struct entry {
    uint32_t id;
    const weir_avro_type *type;
    weir_error *refusal; /* why there is no type */
} entry;

struct weir_format {
    weir_format_options options;
    entry *entries; /* ordered by id */
    size_t count, capacity, refused;
    size_t last; /* where the entry used last was: most streams have one schema at a time */
    uint32_t output_id;
    const weir_avro_type *output_type;
    weir_arena scratch;
};

static const char *const names[] = { "json", "string", "bytes", "avro" };

bool weir__format_named(const char *name, weir_format_kind *out)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (weir_format_kind)i;
            return true;
        }
    }
    return false;
}

weir_code weir__format_new(const weir_format_options *options, weir_format **out, weir_error *err)
{
    weir_format *format = calloc(1, sizeof *format);

    if (!format)
        return weir__fail_memory(err, "a format");
    format->options = *options;
    weir__arena_init(&format->scratch, SCRATCH);
    *out = format;
    return WEIR_OK;
}

void weir__format_free(weir_format *format)
{
    if (!format)
        return;
    for (size_t i = 0; i < format->count; i++)
        free(format->entries[i].refusal);
    free(format->entries);
    weir__arena_clear(&format->scratch);
    free(format);
}

/* ---- schemas ----------------------------------------------------------------------------------------------------- */

/* The place of an id, or where it would be put. */
static size_t place_of(const weir_format *format, uint32_t id, bool *found)
{
    size_t low = 0, high = format->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (format->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < format->count && format->entries[low].id == id;
    return low;
}

static void forget_refused(weir_format *format)
{
    size_t kept = 0;

    for (size_t i = 0; i < format->count; i++) {
        if (format->entries[i].refusal)
            free(format->entries[i].refusal);
        else
            format->entries[kept++] = format->entries[i];
    }
    format->count = kept;
    format->refused = 0;
}

/* Takes `refusal`. */
static weir_code set_entry(weir_format *format, uint32_t id, const weir_avro_type *type, weir_error *refusal,
                           weir_error *err)
{
    bool found;
    size_t place = place_of(format, id, &found);

    if (!found) {
        if (format->count == format->capacity) {
            size_t capacity = format->capacity ? 2 * format->capacity : 8;
            entry *grown = realloc(format->entries, capacity * sizeof *grown);

            if (!grown) {
                free(refusal);
                return weir__fail_memory(err, "a schema's place");
            }
            format->entries = grown;
            format->capacity = capacity;
        }
        memmove(&format->entries[place + 1], &format->entries[place],
                (format->count - place) * sizeof *format->entries);
        format->count++;
    } else if (format->entries[place].refusal) {
        free(format->entries[place].refusal);
        format->refused--;
    }
    format->entries[place] = (entry){ .id = id, .type = type, .refusal = refusal };
    format->refused += refusal != NULL;
    return WEIR_OK;
}

weir_code weir__format_add_schema(weir_format *format, uint32_t id, const weir_avro_type *type, weir_error *err)
{
    return set_entry(format, id, type, NULL, err);
}

weir_code weir__format_refuse_schema(weir_format *format, uint32_t id, const weir_error *cause, weir_error *err)
{
    weir_error *refusal = malloc(sizeof *refusal);

    if (!refusal)
        return weir__fail_memory(err, "a schema's refusal");
    *refusal = *cause;
    if (format->refused == REFUSED_MAXIMUM)
        forget_refused(format);
    return set_entry(format, id, NULL, refusal, err);
}

void weir__format_set_output_schema(weir_format *format, uint32_t id, const weir_avro_type *type)
{
    format->output_id = id;
    format->output_type = type;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static weir_code decode_avro(weir_format *format, weir_bytes payload, weir_arena *arena, const weir_json **value,
                             uint32_t *missing_schema, weir_error *err)
{
    const entry *schema = NULL;
    uint32_t id;
    weir_code rc;

    if (payload.size < HEADER)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "%zu bytes, where Avro from a schema registry has 5 before the value", payload.size);
    if (payload.data[0] != 0)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "it begins with byte 0x%02x, where Avro from a schema registry has 0x00", payload.data[0]);
    id = weir__get_32(payload.data + 1);
    if (format->last < format->count && format->entries[format->last].id == id) {
        schema = &format->entries[format->last];
    } else {
        bool found;
        size_t place = place_of(format, id, &found);

        if (!found) {
            *value = NULL;
            *missing_schema = id;
            return WEIR_OK;
        }
        format->last = place;
        schema = &format->entries[place];
    }
    if (schema->refusal)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s", schema->refusal->message);
    rc = weir__avro_read(schema->type, weir__bytes(payload.data + HEADER, payload.size - HEADER),
                         format->options.depth, format->options.record_bytes, arena, value, err);
    if (rc != WEIR_OK)
        weir__error_context(err, "Avro of schema %u", id);
    return rc;
}

/* `count` values in the arena, in yyjson's layout. */
static yyjson_val *new_values(weir_arena *arena, size_t count, weir_error *err)
{
    yyjson_val *values = weir__arena_alloc(arena, count * sizeof *values);

    if (!values)
        (void)weir__fail_memory(err, "a value");
    return values;
}

static void set_text(yyjson_val *value, weir_bytes text)
{
    value->tag = (uint64_t)text.size << YYJSON_TAG_BIT | YYJSON_TYPE_STR;
    value->uni.str = (const char *)text.data;
}

static weir_code decode_null(weir_arena *arena, const weir_json **value, weir_error *err)
{
    yyjson_val *values = new_values(arena, 1, err);

    if (!values)
        return WEIR_NO_MEMORY;
    values->tag = YYJSON_TYPE_NULL;
    values->uni.u64 = 0;
    *value = weir__json_of(values);
    return WEIR_OK;
}

static weir_code decode_string(weir_bytes payload, weir_arena *arena, const weir_json **value, weir_error *err)
{
    yyjson_val *values = new_values(arena, 1, err);
    weir_bytes copy;

    if (!weir__utf8_is_valid(payload))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the string is not UTF-8");
    copy = weir__arena_copy(arena, payload);
    if (!values || !copy.data)
        return weir__fail_memory(err, "a value");
    set_text(values, copy);
    *value = weir__json_of(values);
    return WEIR_OK;
}

static weir_code decode_bytes(weir_bytes payload, weir_arena *arena, const weir_json **value, weir_error *err)
{
    size_t size = weir__base64_size(payload.size);
    yyjson_val *values = new_values(arena, 3, err);
    uint8_t *base64 = weir__arena_alloc(arena, size + 1);

    if (!values || !base64)
        return weir__fail_memory(err, "a value");
    *weir__base64_put(base64, payload.data, payload.size) = '\0';
    values[0].tag = (uint64_t)1 << YYJSON_TAG_BIT | YYJSON_TYPE_OBJ;
    values[0].uni.ofs = 3 * sizeof *values;
    set_text(&values[1], weir__bytes_text("$bytes"));
    set_text(&values[2], weir__bytes(base64, size));
    *value = weir__json_of(values);
    return WEIR_OK;
}

weir_code weir__format_decode(weir_format *format, weir_bytes payload, weir_arena *arena, const weir_json **value,
                              uint32_t *missing_schema, weir_error *err)
{
    if (!payload.data)
        return decode_null(arena, value, err);
    if (payload.size > format->options.record_bytes)
        return weir__fail(err, WEIR_LIMIT, WEIR_REMEDY_FIX, "%zu bytes, over limits.record-bytes of %zu",
                          payload.size, format->options.record_bytes);
    switch (format->options.kind) {
    case WEIR__FORMAT_JSON:
        return weir__json_parse(payload, format->options.depth, arena, value, err);
    case WEIR__FORMAT_STRING:
        return decode_string(payload, arena, value, err);
    case WEIR__FORMAT_BYTES:
        return decode_bytes(payload, arena, value, err);
    case WEIR__FORMAT_AVRO:
        return decode_avro(format, payload, arena, value, missing_schema, err);
    }
    return WEIR_INVALID;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static weir_code fail_add(weir_code rc, const weir_buffer *out, weir_error *err)
{
    if (rc == WEIR_LIMIT)
        return weir__fail(err, WEIR_LIMIT, WEIR_REMEDY_FIX, "the output is over %zu bytes", out->maximum);
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "an output");
}

static weir_code encode_avro(const weir_format *format, const weir_json *json, weir_buffer *out, weir_error *err)
{
    uint8_t header[HEADER] = { 0 };
    size_t before = out->size;
    weir_code rc;

    if (!format->output_type)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "output.format avro has no schema yet");
    weir__put_32(header + 1, format->output_id);
    rc = fail_add(weir__buffer_add(out, header, sizeof header), out, err);
    if (rc == WEIR_OK)
        rc = weir__avro_write(format->output_type, json, out, err);
    if (rc != WEIR_OK)
        out->size = before;
    return rc;
}

static weir_code encode_plain(const weir_format *format, const weir_json *json, weir_buffer *out, weir_error *err)
{
    bool is_bytes = format->options.kind == WEIR__FORMAT_BYTES;
    weir_bytes base64;
    weir_code rc;

    if (weir__json_kind(json) == WEIR__JSON_TEXT) {
        weir_bytes text = weir__json_text(json);

        return fail_add(weir__buffer_add(out, text.data, text.size), out, err);
    }
    if (!is_bytes || !weir__json_is_bytes(json, &base64))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "output.format %s takes a string%s, and this is none",
                          is_bytes ? "bytes" : "string", is_bytes ? " or {\"$bytes\": base64}" : "");
    rc = weir__buffer_reserve(out, (size_t)weir__base64_length(base64));
    if (rc != WEIR_OK)
        return fail_add(rc, out, err);
    if (base64.size)
        weir__base64_get(base64, out->data + out->size);
    out->size += (size_t)weir__base64_length(base64);
    return WEIR_OK;
}

weir_code weir__format_encode(weir_format *format, weir_bytes json, weir_buffer *out, weir_error *err)
{
    const weir_json *value;
    weir_code rc;

    if (format->options.kind == WEIR__FORMAT_JSON)
        return fail_add(weir__buffer_add(out, json.data, json.size), out, err);
    weir__arena_reset(&format->scratch);
    rc = weir__json_parse(json, SIZE_MAX, &format->scratch, &value, err);
    if (rc != WEIR_OK)
        return rc;
    return format->options.kind == WEIR__FORMAT_AVRO ? encode_avro(format, value, out, err)
                                                     : encode_plain(format, value, out, err);
}
