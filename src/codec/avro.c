/* SPDX-License-Identifier: Apache-2.0 */
/* avro-c, in this file alone; and the walk through bytes that goes before it. */
#include "codec/avro.h"

#include <assert.h>
#include <avro.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

enum { DEEPEST = 16 }; /* levels of records, arrays and unions in a value */

struct weir_avro_schema {
    avro_schema_t schema;
    avro_value_iface_t *iface;
};

static avro_value_t inner(weir_avro_value at)
{
    avro_value_t value = { at.iface, at.self };

    return value;
}

static weir_avro_value outer(avro_value_t value)
{
    weir_avro_value at = { value.iface, value.self };

    return at;
}

/* What can fail in avro-c with arguments that are right is an allocation, nothing else. */
static void must(int failed)
{
    assert(!failed);
    (void)failed;
}

/* ---- schemas ----------------------------------------------------------------------------------------------------- */

weir_code weir__avro_schema_new(const char *json, weir_avro_schema **out, weir_error *err)
{
    weir_avro_schema *schema = calloc(1, sizeof *schema);
    weir_code rc = WEIR_OK;
    int failed;

    if (!schema)
        return weir__fail_memory(err, "a schema");
    failed = avro_schema_from_json_length(json, strlen(json), &schema->schema);
    if (failed) {
        schema->schema = NULL;
        rc = failed == ENOMEM ? weir__fail_memory(err, "a schema")
                              : weir__fail_from(err, WEIR_INVALID, WEIR_REMEDY_FIX, "avro", failed, "no Avro schema");
        goto out;
    }
    schema->iface = avro_generic_class_from_schema(schema->schema);
    if (!schema->iface) {
        rc = weir__fail_memory(err, "a schema");
        goto out;
    }
    *out = schema;
    schema = NULL;
out:
    weir__avro_schema_free(schema);
    return rc;
}

void weir__avro_schema_free(weir_avro_schema *schema)
{
    if (!schema)
        return;
    if (schema->iface)
        avro_value_iface_decref(schema->iface);
    if (schema->schema)
        avro_schema_decref(schema->schema);
    free(schema);
}

/* ---- checking bytes ---------------------------------------------------------------------------------------------- */

/* `at` stays where something is wrong. */
typedef struct walk {
    const uint8_t *at, *end;
    int depth;
} walk;

static size_t left(const walk *from)
{
    return (size_t)(from->end - from->at);
}

/* At most ten bytes, and 64 bits. */
static const char *walk_long(walk *from, int64_t *out)
{
    const uint8_t *at = from->at;
    uint64_t bits = 0;

    for (unsigned shift = 0;; shift += 7, at++) {
        if (at == from->end)
            return "cut off in a number";
        if (shift == 63 && *at > 1)
            return "a number is too long";
        bits |= (uint64_t)(*at & 0x7f) << shift;
        if (*at < 0x80)
            break;
    }
    from->at = at + 1;
    *out = (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
    return NULL;
}

static const char *walk_bytes(walk *from, bool is_text)
{
    walk start = *from;
    int64_t size;
    const char *wrong = walk_long(from, &size);

    if (wrong)
        return wrong;
    if (size < 0 || (uint64_t)size > left(from)) {
        *from = start;
        return "a length is beyond the end";
    }
    if (is_text && !weir__utf8_is_valid(weir__bytes(from->at, (size_t)size)))
        return "a text is not UTF-8";
    from->at += size;
    return NULL;
}

static const char *walk_number(walk *from, int64_t lowest, int64_t highest, const char *beyond)
{
    walk start = *from;
    int64_t number;
    const char *wrong = walk_long(from, &number);

    if (!wrong && (number < lowest || number > highest)) {
        *from = start;
        wrong = beyond;
    }
    return wrong;
}

static const char *walk_value(avro_schema_t schema, walk *from);

/* Blocks: a number of elements, or that number negative and then the bytes they take; a block of 0 is the last one. */
static const char *walk_array(avro_schema_t items, walk *from)
{
    for (;;) {
        const uint8_t *end = NULL;
        walk start = *from;
        int64_t count, size;
        const char *wrong = walk_long(from, &count);

        if (wrong || count == 0)
            return wrong;
        if (count < 0) {
            wrong = walk_long(from, &size);
            if (wrong)
                return wrong;
            if (size < 0 || (uint64_t)size > left(from)) {
                *from = start;
                return "a block is beyond the end";
            }
            end = from->at + size;
            count = count == INT64_MIN ? INT64_MAX : -count;
        }
        /* No element of ours takes less than a byte: a number beyond is refused before anybody makes room for it. */
        if ((uint64_t)count > left(from)) {
            *from = start;
            return "more elements than bytes";
        }
        for (int64_t i = 0; i < count && !wrong; i++) {
            const uint8_t *before = from->at;

            wrong = walk_value(items, from);
            if (!wrong && from->at == before)
                wrong = "an element of no bytes";
        }
        if (wrong)
            return wrong;
        if (end && end != from->at)
            return "a block does not end where it says";
    }
}

static const char *walk_record(avro_schema_t schema, walk *from)
{
    int count = (int)avro_schema_record_size(schema);
    const char *wrong = NULL;

    for (int i = 0; i < count && !wrong; i++)
        wrong = walk_value(avro_schema_record_field_get_by_index(schema, i), from);
    return wrong;
}

static const char *walk_union(avro_schema_t schema, walk *from)
{
    walk start = *from;
    int64_t which;
    const char *wrong = walk_long(from, &which);

    if (wrong)
        return wrong;
    if (which < 0 || (uint64_t)which >= avro_schema_union_size(schema)) {
        *from = start;
        return "no such branch of a union";
    }
    return walk_value(avro_schema_union_branch(schema, (int)which), from);
}

static const char *walk_value(avro_schema_t schema, walk *from)
{
    const char *wrong = NULL;

    while (is_avro_link(schema))
        schema = avro_schema_link_target(schema);
    if (++from->depth > DEEPEST)
        return "too deep";
    switch (avro_typeof(schema)) {
    case AVRO_NULL:
        break;
    case AVRO_BOOLEAN:
        if (!left(from))
            wrong = "cut off in a boolean";
        else if (*from->at > 1)
            wrong = "a boolean is neither 0 nor 1";
        else
            from->at++;
        break;
    case AVRO_INT32:
        wrong = walk_number(from, INT32_MIN, INT32_MAX, "a number is out of range");
        break;
    case AVRO_INT64:
        wrong = walk_number(from, INT64_MIN, INT64_MAX, NULL);
        break;
    case AVRO_ENUM:
        wrong = walk_number(from, 0, avro_schema_enum_number_of_symbols(schema) - 1, "no such symbol of an enum");
        break;
    case AVRO_BYTES:
        wrong = walk_bytes(from, false);
        break;
    case AVRO_STRING:
        wrong = walk_bytes(from, true);
        break;
    case AVRO_ARRAY:
        wrong = walk_array(avro_schema_array_items(schema), from);
        break;
    case AVRO_UNION:
        wrong = walk_union(schema, from);
        break;
    case AVRO_RECORD:
        wrong = walk_record(schema, from);
        break;
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
    case AVRO_FIXED:
    case AVRO_MAP:
    case AVRO_LINK:
        wrong = "of a type that is not read here"; /* no schema of ours has it */
        break;
    }
    from->depth--;
    return wrong;
}

weir_code weir__avro_check(const weir_avro_schema *schema, weir_bytes bytes, weir_error *err)
{
    walk from = { bytes.data, bytes.data + bytes.size, 0 };
    const char *wrong = walk_value(schema->schema, &from);

    if (!wrong && from.at != from.end)
        wrong = "something stands behind the end";
    if (wrong)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "byte %zu: %s", (size_t)(from.at - bytes.data), wrong);
    return WEIR_OK;
}

/* ---- whole values ------------------------------------------------------------------------------------------------ */

weir_code weir__avro_value_new(const weir_avro_schema *schema, weir_avro_value *out)
{
    avro_value_t value;

    if (avro_generic_value_new(schema->iface, &value) != 0)
        return WEIR_NO_MEMORY;
    *out = outer(value);
    return WEIR_OK;
}

void weir__avro_value_free(weir_avro_value *value)
{
    avro_value_t inside = inner(*value);

    if (inside.iface)
        avro_value_decref(&inside);
    *value = (weir_avro_value){ NULL, NULL };
}

weir_code weir__avro_decode(const weir_avro_schema *schema, weir_bytes bytes, weir_avro_value *out, weir_error *err)
{
    weir_avro_value value = { NULL, NULL };
    avro_reader_t reader = NULL;
    weir_code rc = weir__avro_check(schema, bytes, err);
    avro_value_t inside;

    if (rc != WEIR_OK)
        return rc;
    rc = weir__avro_value_new(schema, &value);
    reader = rc == WEIR_OK ? avro_reader_memory((const char *)bytes.data, (int64_t)bytes.size) : NULL;
    inside = inner(value);
    /* The bytes are good: only an allocation can fail in there. */
    if (!reader || avro_value_read(reader, &inside) != 0)
        rc = weir__fail_memory(err, "an Avro value");
    if (reader)
        avro_reader_free(reader);
    if (rc == WEIR_OK)
        *out = value;
    else
        weir__avro_value_free(&value);
    return rc;
}

weir_code weir__avro_encode(weir_avro_value value, weir_buffer *out)
{
    avro_value_t inside = inner(value);
    avro_writer_t writer;
    size_t size;
    weir_code rc;

    must(avro_value_sizeof(&inside, &size));
    rc = weir__buffer_reserve(out, size);
    if (rc != WEIR_OK || !size)
        return rc;
    writer = avro_writer_memory((const char *)out->data + out->size, (int64_t)size);
    if (!writer)
        return WEIR_NO_MEMORY;
    must(avro_value_write(writer, &inside));
    avro_writer_free(writer);
    out->size += size;
    return WEIR_OK;
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

weir_avro_value weir__avro_field(weir_avro_value record, const char *name)
{
    avro_value_t inside = inner(record), field = { NULL, NULL };

    must(avro_value_get_by_name(&inside, name, &field, NULL));
    return outer(field);
}

size_t weir__avro_size(weir_avro_value array)
{
    avro_value_t inside = inner(array);
    size_t size = 0;

    must(avro_value_get_size(&inside, &size));
    return size;
}

weir_avro_value weir__avro_element(weir_avro_value array, size_t index)
{
    avro_value_t inside = inner(array), element = { NULL, NULL };

    must(avro_value_get_by_index(&inside, index, &element, NULL));
    return outer(element);
}

int weir__avro_branch(weir_avro_value either, weir_avro_value *out)
{
    avro_value_t inside = inner(either), branch = { NULL, NULL };
    int which = -1;

    must(avro_value_get_discriminant(&inside, &which));
    must(avro_value_get_current_branch(&inside, &branch));
    *out = outer(branch);
    return which;
}

int64_t weir__avro_long(weir_avro_value at)
{
    avro_value_t inside = inner(at);
    int64_t number = 0;

    must(avro_value_get_long(&inside, &number));
    return number;
}

bool weir__avro_bool(weir_avro_value at)
{
    avro_value_t inside = inner(at);
    int truth = 0;

    must(avro_value_get_boolean(&inside, &truth));
    return truth != 0;
}

int weir__avro_enum(weir_avro_value at)
{
    avro_value_t inside = inner(at);
    int symbol = 0;

    must(avro_value_get_enum(&inside, &symbol));
    return symbol;
}

weir_bytes weir__avro_bytes(weir_avro_value at)
{
    avro_value_t inside = inner(at);
    const void *data = NULL;
    const char *text = NULL;
    size_t size = 0;

    if (avro_value_get_type(&inside) == AVRO_BYTES) {
        must(avro_value_get_bytes(&inside, &data, &size));
        return weir__bytes(data, size);
    }
    must(avro_value_get_string(&inside, &text, &size));
    return weir__bytes(text, size ? size - 1 : 0); /* it counts a NUL behind */
}

void weir__avro_set_long(weir_avro_value at, int64_t number)
{
    avro_value_t inside = inner(at);

    must(avro_value_set_long(&inside, number));
}

void weir__avro_set_bool(weir_avro_value at, bool truth)
{
    avro_value_t inside = inner(at);

    must(avro_value_set_boolean(&inside, truth));
}

void weir__avro_set_enum(weir_avro_value at, int symbol)
{
    avro_value_t inside = inner(at);

    must(avro_value_set_enum(&inside, symbol));
}

/* A wrapped buffer without a free is a view: nothing is copied, nothing can fail. */
void weir__avro_set_bytes(weir_avro_value at, weir_bytes bytes)
{
    avro_value_t inside = inner(at);
    avro_wrapped_buffer_t view;

    bytes = weir__bytes(bytes.data, bytes.size); /* avro-c takes NULL for an error */
    if (avro_value_get_type(&inside) == AVRO_BYTES) {
        must(avro_wrapped_buffer_new(&view, bytes.data, bytes.size));
        must(avro_value_give_bytes(&inside, &view));
        return;
    }
    /* A string's size counts the NUL behind, which the encoder takes off again and never reads. */
    must(avro_wrapped_buffer_new(&view, bytes.data, bytes.size + 1));
    must(avro_value_give_string_len(&inside, &view));
}

void weir__avro_clear(weir_avro_value array)
{
    avro_value_t inside = inner(array);

    must(avro_value_reset(&inside));
}

weir_code weir__avro_append(weir_avro_value array, weir_avro_value *out)
{
    avro_value_t inside = inner(array), element = { NULL, NULL };

    if (avro_value_append(&inside, &element, NULL) != 0)
        return WEIR_NO_MEMORY;
    *out = outer(element);
    return WEIR_OK;
}

weir_code weir__avro_take(weir_avro_value either, int branch, weir_avro_value *out)
{
    avro_value_t inside = inner(either), taken = { NULL, NULL };

    if (avro_value_set_branch(&inside, branch, &taken) != 0)
        return WEIR_NO_MEMORY;
    *out = outer(taken);
    return WEIR_OK;
}
