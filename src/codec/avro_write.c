/* SPDX-License-Identifier: Apache-2.0 */
/* Values to Avro bytes, in one walk. */
#include "codec/avro_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/stack.h"

enum { LOCAL_FRAMES = 16, LOCAL_MEMBERS = 64, DEFAULTS_MAXIMUM = 100000 /* written within other defaults */ };

/* A container that is being written. */
typedef struct frame {
    const weir_avro_node *node;
    const weir_json *json;
    const weir_json *at; /* the element of an array or map that was written last */
    weir_bytes name;     /* of the field or key that is being written; of an array: nothing */
    uint32_t index;      /* the next field or element */
    size_t members;      /* of a record: where its members are, by field */
    bool is_default;     /* a default of the schema, or within one */
} frame;

typedef struct writing {
    weir_buffer *out;
    frame *frames, *local_frames;
    size_t level, frames_capacity;
    const weir_json **members, **local_members;
    size_t count, members_capacity;
    size_t defaults;
    weir_error *err;
} writing;

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* Puts "/user/3/name: " before a message: the ways into what is open. */
static weir_code add_place(const writing *to, weir_code rc)
{
    char path[100];
    size_t size = 0;

    for (size_t i = 0; i < to->level && size + 1 < sizeof path; i++) {
        const frame *at = &to->frames[i];
        int more = at->node->kind == WEIR__AVRO_ARRAY
                       ? snprintf(path + size, sizeof path - size, "/%u", at->index - 1)
                       : snprintf(path + size, sizeof path - size, "/%.*s", (int)(at->name.size & 0xFFFF),
                                  (const char *)at->name.data);

        size += more > 0 ? (size_t)more : 0;
    }
    if (size) {
        path[size < sizeof path ? size : sizeof path - 1] = '\0';
        weir__text_trim(path);
        weir__error_context(to->err, "%s", path);
    }
    return rc;
}

static weir_code invalid(const writing *to, const char *what, weir_bytes name)
{
    return add_place(to, weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s '%.*s'", what,
                                    (int)(name.size < 60 ? name.size : 60), (const char *)name.data));
}

static weir_code mismatch(const writing *to, const weir_avro_node *node, const weir_json *json)
{
    static const char *const kinds[] = { "null", "a truth value", "an integer", "a real", "a string", "an array",
                                         "an object" };
    const char *is = kinds[weir__json_kind(json)], *expected = weir__avro_kind_name(node->kind);
    weir_code rc;

    if (node->name.size)
        rc = weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s that does not fit %s '%.60s'", is,
                        expected, (const char *)node->name.data);
    else
        rc = weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s that does not fit %s", is, expected);
    return add_place(to, rc);
}

static weir_code put(writing *to, const void *data, size_t size)
{
    weir_code rc = weir__buffer_add(to->out, data, size);

    if (rc == WEIR_LIMIT)
        return weir__fail(to->err, WEIR_LIMIT, WEIR_REMEDY_FIX, "more than %zu bytes as Avro", to->out->maximum);
    return rc == WEIR_OK ? rc : weir__fail_memory(to->err, "Avro bytes");
}

/* ---- scalars ----------------------------------------------------------------------------------------------------- */

static weir_code put_long(writing *to, int64_t number)
{
    uint8_t bytes[10];

    return put(to, bytes, weir__avro_put_long(bytes, number));
}

static weir_code put_bits(writing *to, uint64_t bits, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++, bits >>= 8)
        bytes[i] = (uint8_t)bits;
    return put(to, bytes, size);
}

static weir_code put_sized(writing *to, weir_bytes bytes)
{
    weir_code rc = put_long(to, (int64_t)bytes.size);

    return rc == WEIR_OK ? put(to, bytes.data, bytes.size) : rc;
}

static weir_code put_real(writing *to, const weir_avro_node *node, const weir_json *json)
{
    weir_json_kind kind = weir__json_kind(json);
    uint64_t bits;
    uint32_t single_bits;
    float single;
    double number;

    if (kind == WEIR__JSON_INT || kind == WEIR__JSON_REAL)
        number = weir__json_real(json);
    else if (kind != WEIR__JSON_TEXT || !weir__avro_real_named(weir__json_text(json), &number))
        return mismatch(to, node, json);
    if (node->kind == WEIR__AVRO_DOUBLE) {
        memcpy(&bits, &number, sizeof bits);
        return put_bits(to, bits, 8);
    }
    if (!weir__avro_is_float(number))
        return add_place(to, weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX, "%g is beyond a float's range",
                                        number));
    single = (float)number;
    memcpy(&single_bits, &single, sizeof single_bits);
    return put_bits(to, single_bits, 4);
}

/* Of a schema's default: each character up to U+00FF is a byte. */
static weir_code put_latin(writing *to, weir_bytes text, bool is_sized, int64_t size)
{
    int64_t count = 0;
    weir_code rc;

    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xC0) != 0x80;
    if (!is_sized && count != size)
        return add_place(to, weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX,
                                        "a default of %lld bytes for a fixed of %lld", (long long)count,
                                        (long long)size));
    rc = is_sized ? put_long(to, count) : WEIR_OK;
    for (size_t i = 0; i < text.size && rc == WEIR_OK; i++) {
        uint8_t byte = text.data[i];

        if (byte > 0xC3)
            return add_place(to, weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX,
                                            "a default of bytes with a character beyond U+00FF"));
        if (byte >= 0x80) { /* C2 or C3, and one behind: the text is UTF-8 */
            byte = (uint8_t)(byte << 6 | (text.data[i + 1] & 0x3F));
            i++;
        }
        rc = put(to, &byte, 1);
    }
    return rc;
}

static weir_code put_bytes(writing *to, const weir_avro_node *node, const weir_json *json, bool is_default)
{
    bool is_sized = node->kind == WEIR__AVRO_BYTES;
    weir_bytes bytes;
    int64_t size;
    weir_code rc;
    bool is_text = weir__json_kind(json) == WEIR__JSON_TEXT;

    if (is_text)
        bytes = weir__json_text(json);
    else if (!weir__json_is_bytes(json, &bytes))
        return mismatch(to, node, json);
    if (is_text && is_default)
        return put_latin(to, bytes, is_sized, (int64_t)node->size);
    size = is_text ? (int64_t)bytes.size : weir__base64_length(bytes);
    if (!is_sized && size != (int64_t)node->size)
        return add_place(to, weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX,
                                        "%lld bytes for the fixed '%.60s' of %zu", (long long)size,
                                        (const char *)node->name.data, node->size));
    rc = is_sized ? put_long(to, size) : WEIR_OK;
    if (rc != WEIR_OK || is_text)
        return rc == WEIR_OK ? put(to, bytes.data, bytes.size) : rc;
    rc = weir__buffer_reserve(to->out, (size_t)size);
    if (rc != WEIR_OK)
        return rc == WEIR_LIMIT ? weir__fail(to->err, WEIR_LIMIT, WEIR_REMEDY_FIX, "more than %zu bytes as Avro",
                                             to->out->maximum)
                                : weir__fail_memory(to->err, "Avro bytes");
    if (size)
        weir__base64_get(bytes, to->out->data + to->out->size);
    to->out->size += (size_t)size;
    return WEIR_OK;
}

static weir_code put_symbol(writing *to, const weir_avro_node *node, const weir_json *json)
{
    int64_t place;

    if (weir__json_kind(json) != WEIR__JSON_TEXT)
        return mismatch(to, node, json);
    place = weir__avro_place(node, weir__json_text(json), 0);
    return place >= 0 ? put_long(to, place) : invalid(to, "no symbol of the enum:", weir__json_text(json));
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

/* Finds the members of a record by field, behind those of the records around it. */
static weir_code take_members(writing *to, const frame *record)
{
    const weir_json *at = NULL, *value;
    const weir_json **members;
    uint32_t guess = 0;
    weir_bytes name;

    while (to->members_capacity - to->count < record->node->count) {
        void *grown = weir__stack_grow(to->members, to->local_members, &to->members_capacity, sizeof *to->members);

        if (!grown)
            return weir__fail_memory(to->err, "a record's fields");
        to->members = grown;
    }
    members = to->members + to->count;
    for (uint32_t i = 0; i < record->node->count; i++)
        members[i] = NULL;
    while (weir__json_next(record->json, &at, &name, &value)) {
        int64_t place = weir__avro_place(record->node, name, guess);

        if (place < 0) {
            to->level--; /* the place is the record's own */
            return invalid(to, "no field of the record:", name);
        }
        members[place] = value;
        guess = (uint32_t)place + 1;
    }
    to->count += record->node->count;
    return WEIR_OK;
}

static weir_code open_container(writing *to, const weir_avro_node *node, const weir_json *json, bool is_default)
{
    weir_json_kind expected = node->kind == WEIR__AVRO_ARRAY ? WEIR__JSON_ARRAY : WEIR__JSON_OBJECT;
    frame *top;

    if (weir__json_kind(json) != expected)
        return mismatch(to, node, json);
    if (to->level == to->frames_capacity) {
        void *grown = weir__stack_grow(to->frames, to->local_frames, &to->frames_capacity, sizeof *to->frames);

        if (!grown)
            return weir__fail_memory(to->err, "Avro bytes");
        to->frames = grown;
    }
    top = &to->frames[to->level++];
    *top = (frame){ .node = node, .json = json, .members = to->count, .is_default = is_default };
    if (node->kind == WEIR__AVRO_RECORD)
        return take_members(to, top);
    /* One block. */
    return weir__json_size(json) ? put_long(to, (int64_t)weir__json_size(json)) : WEIR_OK;
}

static weir_code put_value(writing *to, const weir_avro_node *node, const weir_json *json, bool is_default)
{
    weir_json_kind kind = weir__json_kind(json);

    switch (node->kind) {
    case WEIR__AVRO_NULL:
        return kind == WEIR__JSON_NULL ? WEIR_OK : mismatch(to, node, json);
    case WEIR__AVRO_BOOLEAN:
        if (kind != WEIR__JSON_BOOL)
            return mismatch(to, node, json);
        return put(to, weir__json_bool(json) ? "\1" : "\0", 1);
    case WEIR__AVRO_INT:
    case WEIR__AVRO_LONG:
        if (kind != WEIR__JSON_INT)
            return mismatch(to, node, json);
        if (!weir__avro_fit(node, json, 1))
            return add_place(to, weir__fail(to->err, WEIR_INVALID, WEIR_REMEDY_FIX, "%lld is beyond an int's range",
                                            (long long)weir__json_int(json)));
        return put_long(to, weir__json_int(json));
    case WEIR__AVRO_FLOAT:
    case WEIR__AVRO_DOUBLE:
        return put_real(to, node, json);
    case WEIR__AVRO_BYTES:
    case WEIR__AVRO_FIXED:
        return put_bytes(to, node, json, is_default);
    case WEIR__AVRO_STRING:
        return kind == WEIR__JSON_TEXT ? put_sized(to, weir__json_text(json)) : mismatch(to, node, json);
    case WEIR__AVRO_ENUM:
        return put_symbol(to, node, json);
    case WEIR__AVRO_RECORD:
    case WEIR__AVRO_ARRAY:
    case WEIR__AVRO_MAP:
        return open_container(to, node, json, is_default);
    case WEIR__AVRO_UNION:
        break;
    }
    return mismatch(to, node, json);
}

/* Says which branch, then writes the value as that. A default is of the first one, if it fits at all. */
static weir_code put_any(writing *to, const weir_avro_node *node, const weir_json *json, bool is_default)
{
    weir_fit best = WEIR__FIT_NOT;
    uint32_t branch = 0;
    weir_code rc;

    if (node->kind != WEIR__AVRO_UNION)
        return put_value(to, node, json, is_default);
    for (uint32_t i = 0; i < node->count && best != WEIR__FIT_WELL; i++) {
        weir_fit fit = weir__avro_fit(node->of.branches[i], json, WEIR__FIT_LEVELS);

        if (fit > best) {
            best = is_default ? WEIR__FIT_WELL : fit;
            branch = i;
        }
    }
    if (best == WEIR__FIT_NOT)
        return node->count == 2 && node->of.branches[0]->kind == WEIR__AVRO_NULL
                   ? put_value(to, node->of.branches[1], json, is_default) /* which says what is wrong */
                   : mismatch(to, node, json);
    rc = put_long(to, branch);
    return rc == WEIR_OK ? put_value(to, node->of.branches[branch], json, is_default) : rc;
}

static weir_code put_field(writing *to, frame *top)
{
    const weir_avro_field *field = &top->node->of.fields[top->index];
    const weir_json *value = to->members[top->members + top->index];
    bool is_default = top->is_default;

    top->index++;
    if (!value) {
        if (!field->fallback) {
            to->level--;
            return invalid(to, "missing, and without a default: the field", field->name);
        }
        if (is_default && ++to->defaults > DEFAULTS_MAXIMUM)
            return weir__fail(to->err, WEIR_LIMIT, WEIR_REMEDY_FIX, "defaults within defaults without end");
        value = field->fallback;
        is_default = true;
    }
    top->name = field->name;
    return put_any(to, field->type, value, is_default);
}

/* Goes on in the innermost container: one more value, or its end. */
static weir_code go_on(writing *to)
{
    frame *top = &to->frames[to->level - 1];
    const weir_json *value;
    weir_code rc = WEIR_OK;

    if (top->node->kind == WEIR__AVRO_RECORD) {
        if (top->index < top->node->count)
            return put_field(to, top);
        to->count = top->members;
        to->level--;
        return WEIR_OK;
    }
    if (!weir__json_next(top->json, &top->at, &top->name, &value)) {
        to->level--;
        return put(to, "\0", 1);
    }
    top->index++;
    if (top->node->kind == WEIR__AVRO_MAP)
        rc = put_sized(to, top->name);
    return rc == WEIR_OK ? put_any(to, top->node->of.items, value, top->is_default) : rc;
}

weir_code weir__avro_write(const weir_avro_type *type, const weir_json *value, weir_buffer *out, weir_error *err)
{
    const weir_json *local_members[LOCAL_MEMBERS];
    frame local_frames[LOCAL_FRAMES];
    writing to = { .out = out, .err = err,
                   .frames = local_frames, .local_frames = local_frames, .frames_capacity = LOCAL_FRAMES,
                   .members = local_members, .local_members = local_members, .members_capacity = LOCAL_MEMBERS };
    size_t before = out->size;
    weir_code rc;

    rc = put_any(&to, type->root, value, false);
    while (rc == WEIR_OK && to.level)
        rc = go_on(&to);
    if (rc != WEIR_OK)
        out->size = before;
    if (to.frames != local_frames)
        free(to.frames);
    if (to.members != local_members)
        free(to.members);
    return rc;
}
