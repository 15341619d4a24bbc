/* SPDX-License-Identifier: Apache-2.0 */
/* Avro bytes to values, in one walk: every count and length is held against what is left and what is allowed before
 * anything is made of it. The values are laid out as yyjson does it (value.h). */
#include <math.h>
#include <string.h>

#include "codec/avro_type.h"
#include "codec/base64.h"
#include "codec/stack.h"
#include "codec/value.h"

enum { LOCAL_VALUES = 128, LOCAL_FRAMES = 16 };

/* A container that is being read. */
typedef struct frame {
    const weir_avro_node *node;
    size_t place;             /* of its value */
    uint64_t size;            /* elements or members so far */
    uint64_t block;           /* left of an array's or map's block */
    const uint8_t *block_end; /* where the block says that it ends; NULL: it does not say */
} frame;

typedef struct reading {
    const uint8_t *start, *at, *end;
    weir_arena *arena;
    uint8_t *text; /* where the next string goes: each takes no more than its bytes did */
    size_t depth, maximum, printed;
    yyjson_val *values, *local_values;
    size_t count, capacity;
    frame *frames, *local_frames;
    size_t level, frames_capacity;
    weir_error *err;
} reading;

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static weir_code wrong(const reading *from, const uint8_t *at, const char *what)
{
    return weir__fail(from->err, WEIR_INVALID, WEIR_REMEDY_FIX, "byte %zu: %s", (size_t)(at - from->start), what);
}

static size_t left(const reading *from)
{
    return (size_t)(from->end - from->at);
}

/* At most ten bytes, and 64 bits. */
static weir_code read_long(reading *from, int64_t *out)
{
    const uint8_t *at = from->at;
    uint64_t bits = 0;

    for (unsigned shift = 0;; shift += 7, at++) {
        if (at == from->end)
            return wrong(from, from->at, "cut off in a number");
        if (shift == 63 && *at > 1)
            return wrong(from, from->at, "a number of more than 64 bits");
        bits |= (uint64_t)(*at & 0x7F) << shift;
        if (*at < 0x80)
            break;
    }
    from->at = at + 1;
    *out = (int64_t)(bits >> 1 ^ (0 - (bits & 1)));
    return WEIR_OK;
}

/* One of 0..below-1. */
static weir_code read_choice(reading *from, uint32_t below, const char *what, uint32_t *out)
{
    const uint8_t *at = from->at;
    int64_t number = 0;
    weir_code rc = read_long(from, &number);

    if (rc != WEIR_OK)
        return rc;
    if (number < 0 || number >= below)
        return wrong(from, at, what);
    *out = (uint32_t)number;
    return WEIR_OK;
}

static weir_code read_sized(reading *from, weir_bytes *out)
{
    const uint8_t *at = from->at;
    int64_t size;
    weir_code rc = read_long(from, &size);

    if (rc != WEIR_OK)
        return rc;
    if (size < 0 || (uint64_t)size > left(from))
        return wrong(from, at, "a length beyond the end");
    *out = weir__bytes(from->at, (size_t)size);
    from->at += size;
    return WEIR_OK;
}

/* The bytes of a float or double, the lowest first. */
static weir_code read_bits(reading *from, size_t size, uint64_t *out)
{
    if (left(from) < size)
        return wrong(from, from->at, "cut off in a float or double");
    *out = 0;
    for (size_t i = 0; i < size; i++)
        *out |= (uint64_t)from->at[i] << 8 * i;
    from->at += size;
    return WEIR_OK;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Counts what a value prints as, at least: what is not there need not be made. */
static weir_code print_more(reading *from, size_t size)
{
    if (from->maximum - from->printed < size)
        return weir__fail(from->err, WEIR_LIMIT, WEIR_REMEDY_FIX, "byte %zu: more than %zu bytes as JSON",
                          (size_t)(from->at - from->start), from->maximum);
    from->printed += size;
    return WEIR_OK;
}

/* `printed` counts the comma or the end behind it, too. */
static weir_code add(reading *from, uint64_t tag, yyjson_val **out, size_t printed)
{
    weir_code rc = print_more(from, printed);

    if (rc != WEIR_OK)
        return rc;
    if (from->count == from->capacity) {
        void *grown = weir__stack_grow(from->values, from->local_values, &from->capacity, sizeof *from->values);

        if (!grown)
            return weir__fail_memory(from->err, "an Avro value");
        from->values = grown;
    }
    *out = &from->values[from->count++];
    (*out)->tag = tag;
    (*out)->uni.u64 = 0;
    return WEIR_OK;
}

/* `text` lives as long as the value, with a NUL behind. */
static weir_code add_text(reading *from, weir_bytes text, size_t around)
{
    yyjson_val *value;
    weir_code rc = add(from, (uint64_t)text.size << YYJSON_TAG_BIT | YYJSON_TYPE_STR, &value, text.size + around);

    if (rc == WEIR_OK)
        value->uni.str = (const char *)text.data;
    return rc;
}

static weir_code add_real(reading *from, double number)
{
    yyjson_val *value;
    weir_code rc;

    if (isnan(number))
        return add_text(from, weir__bytes_text("NaN"), 3);
    if (isinf(number))
        return add_text(from, weir__bytes_text(number > 0 ? "Infinity" : "-Infinity"), 3);
    rc = add(from, YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, &value, 4);
    if (rc == WEIR_OK)
        value->uni.f64 = number;
    return rc;
}

static weir_code add_int(reading *from, int64_t number)
{
    yyjson_val *value;
    weir_code rc = add(from, YYJSON_TYPE_NUM | (number < 0 ? YYJSON_SUBTYPE_SINT : YYJSON_SUBTYPE_UINT), &value, 2);

    if (rc == WEIR_OK)
        value->uni.i64 = number;
    return rc;
}

/* Whether one more level may open. */
static weir_code check_depth(const reading *from)
{
    if (from->level < from->depth)
        return WEIR_OK;
    return weir__fail(from->err, WEIR_LIMIT, WEIR_REMEDY_FIX, "byte %zu: deeper than %zu levels",
                      (size_t)(from->at - from->start), from->depth);
}

static weir_code add_bytes(reading *from, weir_bytes bytes)
{
    size_t size = weir__base64_size(bytes.size);
    yyjson_val *value;
    uint8_t *base64;
    weir_code rc = check_depth(from);

    if (rc == WEIR_OK)
        rc = print_more(from, size);
    if (rc != WEIR_OK)
        return rc;
    base64 = weir__arena_alloc(from->arena, size + 1);
    if (!base64)
        return weir__fail_memory(from->err, "an Avro value");
    *weir__base64_put(base64, bytes.data, bytes.size) = '\0';
    rc = add(from, (uint64_t)1 << YYJSON_TAG_BIT | YYJSON_TYPE_OBJ, &value, 8);
    if (rc == WEIR_OK) {
        value->uni.ofs = 3 * sizeof *value;
        rc = add_text(from, weir__bytes_text("$bytes"), 0);
    }
    from->printed -= rc == WEIR_OK ? size : 0; /* add_text() counts it again */
    return rc == WEIR_OK ? add_text(from, weir__bytes(base64, size), 0) : rc;
}

/* A string or a map's key, copied. */
static weir_code read_text(reading *from, size_t around)
{
    const uint8_t *at = from->at;
    weir_bytes bytes = { NULL, 0 };
    uint8_t *copy;
    weir_code rc = read_sized(from, &bytes);

    if (rc != WEIR_OK)
        return rc;
    if (!weir__utf8_is_valid(bytes))
        return wrong(from, at, "a string that is not UTF-8");
    if (!from->text) {
        from->text = weir__arena_alloc(from->arena, (size_t)(from->end - at));
        if (!from->text)
            return weir__fail_memory(from->err, "an Avro value");
    }
    copy = from->text;
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0'; /* in the place of its length */
    from->text += bytes.size + 1;
    return add_text(from, weir__bytes(copy, bytes.size), around);
}

static weir_code open_container(reading *from, const weir_avro_node *node)
{
    uint64_t type = node->kind == WEIR__AVRO_ARRAY ? YYJSON_TYPE_ARR : YYJSON_TYPE_OBJ;
    yyjson_val *value;
    weir_code rc;

    rc = check_depth(from);
    if (rc != WEIR_OK)
        return rc;
    if (from->level == from->frames_capacity) {
        void *grown = weir__stack_grow(from->frames, from->local_frames, &from->frames_capacity,
                                       sizeof *from->frames);

        if (!grown)
            return weir__fail_memory(from->err, "an Avro value");
        from->frames = grown;
    }
    from->frames[from->level++] = (frame){ .node = node, .place = from->count };
    return add(from, type, &value, 3);
}

static weir_code close_container(reading *from)
{
    const frame *top = &from->frames[--from->level];
    yyjson_val *value = &from->values[top->place];
    const yyjson_val *duplicate = NULL;

    value->tag |= top->size << YYJSON_TAG_BIT;
    value->uni.ofs = (from->count - top->place) * sizeof *value;
    if (top->node->kind != WEIR__AVRO_MAP || top->size < 2)
        return WEIR_OK;
    if (!weir__json_find_duplicate(value, &duplicate))
        return weir__fail_memory(from->err, "a map's keys");
    return duplicate ? wrong(from, from->at, "a map that ends here has one key twice") : WEIR_OK;
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

static weir_code read_value(reading *from, const weir_avro_node *node)
{
    const uint8_t *at = from->at;
    yyjson_val *value;
    weir_bytes bytes = { NULL, 0 };
    uint64_t bits = 0;
    int64_t number = 0;
    uint32_t choice = 0;
    double real;
    float single;
    weir_code rc;

    if (node->kind == WEIR__AVRO_UNION) { /* of which no branch is a union */
        rc = read_choice(from, node->count, "no such branch of the union", &choice);
        if (rc != WEIR_OK)
            return rc;
        node = node->of.branches[choice];
        at = from->at;
    }
    switch (node->kind) {
    case WEIR__AVRO_NULL:
        return add(from, YYJSON_TYPE_NULL, &value, 5);
    case WEIR__AVRO_BOOLEAN:
        if (!left(from))
            return wrong(from, at, "cut off in a boolean");
        if (*at > 1)
            return wrong(from, at, "a boolean that is neither 0 nor 1");
        from->at++;
        return add(from, YYJSON_TYPE_BOOL | (*at ? YYJSON_SUBTYPE_TRUE : YYJSON_SUBTYPE_FALSE), &value, 5);
    case WEIR__AVRO_INT:
    case WEIR__AVRO_LONG:
        rc = read_long(from, &number);
        if (rc != WEIR_OK)
            return rc;
        if (node->kind == WEIR__AVRO_INT && (number < INT32_MIN || number > INT32_MAX))
            return wrong(from, at, "an int of more than 32 bits");
        return add_int(from, number);
    case WEIR__AVRO_FLOAT:
        rc = read_bits(from, 4, &bits);
        if (rc != WEIR_OK)
            return rc;
        memcpy(&single, &(uint32_t){ (uint32_t)bits }, sizeof single);
        return add_real(from, (double)single);
    case WEIR__AVRO_DOUBLE:
        rc = read_bits(from, 8, &bits);
        if (rc != WEIR_OK)
            return rc;
        memcpy(&real, &bits, sizeof real);
        return add_real(from, real);
    case WEIR__AVRO_BYTES:
        rc = read_sized(from, &bytes);
        return rc == WEIR_OK ? add_bytes(from, bytes) : rc;
    case WEIR__AVRO_FIXED:
        if (left(from) < node->size)
            return wrong(from, at, "cut off in a fixed");
        from->at += node->size;
        return add_bytes(from, weir__bytes(at, node->size));
    case WEIR__AVRO_STRING:
        return read_text(from, 3);
    case WEIR__AVRO_ENUM:
        rc = read_choice(from, node->count, "no such symbol of the enum", &choice);
        return rc == WEIR_OK ? add_text(from, node->of.symbols[choice], 3) : rc;
    case WEIR__AVRO_RECORD:
    case WEIR__AVRO_ARRAY:
    case WEIR__AVRO_MAP:
        return open_container(from, node);
    case WEIR__AVRO_UNION:
        break;
    }
    return wrong(from, at, "a union right in a union"); /* no schema has one */
}

/* Begins a block of an array or map: a number of elements, or that number negative and then the bytes they take.
 * `*is_end`: it was the block of 0 that is the last one. */
static weir_code read_block(reading *from, frame *top, bool *is_end)
{
    const uint8_t *at = from->at;
    int64_t count, size;
    weir_code rc;

    if (top->block_end && top->block_end != at)
        return wrong(from, at, "a block does not end where it says");
    top->block_end = NULL;
    rc = read_long(from, &count);
    if (rc != WEIR_OK)
        return rc;
    if (count < 0) {
        rc = read_long(from, &size);
        if (rc == WEIR_OK && (size < 0 || (uint64_t)size > left(from)))
            rc = wrong(from, at, "a block beyond the end");
        if (rc == WEIR_OK)
            top->block_end = from->at + size;
    }
    top->block = count < 0 ? 0 - (uint64_t)count : (uint64_t)count;
    *is_end = count == 0;
    return rc;
}

/* Goes on in the innermost container: one more value, or its end. */
static weir_code go_on(reading *from)
{
    frame *top = &from->frames[from->level - 1];
    const weir_avro_node *node = top->node, *next;
    weir_code rc = WEIR_OK;
    bool is_end = false;

    if (node->kind == WEIR__AVRO_RECORD) {
        if (top->size == node->count)
            return close_container(from);
        next = node->of.fields[top->size].type;
        rc = add_text(from, node->of.fields[top->size].name, 3);
    } else {
        if (top->block == 0)
            rc = read_block(from, top, &is_end);
        if (rc != WEIR_OK)
            return rc;
        if (is_end)
            return close_container(from);
        top->block--;
        next = node->of.items;
        if (node->kind == WEIR__AVRO_MAP)
            rc = read_text(from, 3);
    }
    top->size++;
    return rc == WEIR_OK ? read_value(from, next) : rc;
}

weir_code weir__avro_read(const weir_avro_type *type, weir_bytes bytes, size_t depth, size_t maximum,
                          weir_arena *arena, const weir_json **out, weir_error *err)
{
    yyjson_val local_values[LOCAL_VALUES], *values;
    frame local_frames[LOCAL_FRAMES];
    reading from = { .arena = arena, .depth = depth, .maximum = maximum, .err = err,
                     .values = local_values, .local_values = local_values, .capacity = LOCAL_VALUES,
                     .frames = local_frames, .local_frames = local_frames, .frames_capacity = LOCAL_FRAMES };
    weir_code rc;

    bytes = weir__bytes(bytes.data, bytes.size);
    from.start = from.at = bytes.data;
    from.end = bytes.data + bytes.size;
    rc = read_value(&from, type->root);
    while (rc == WEIR_OK && from.level)
        rc = go_on(&from);
    if (rc == WEIR_OK && from.at != from.end)
        rc = wrong(&from, from.at, "something stands behind the value");
    if (rc != WEIR_OK)
        goto out;
    values = weir__arena_alloc(arena, from.count * sizeof *values);
    if (!values) {
        rc = weir__fail_memory(err, "an Avro value");
        goto out;
    }
    memcpy(values, from.values, from.count * sizeof *values);
    *out = weir__json_of(values);
out:
    if (from.values != local_values)
        free(from.values);
    if (from.frames != local_frames)
        free(from.frames);
    return rc;
}
