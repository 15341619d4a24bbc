/* SPDX-License-Identifier: Apache-2.0 */
/* Parsed values to text. */
#include "codec/json.h"

#include <string.h>

#include "codec/stack.h"
#include "codec/value.h"
#include "codec/writer.h"

/* Names are strings too. A string that was written without escapes needs none now: yyjson remembers. */
static inline weir_code write_text(weir_writer *writer, const yyjson_val *value)
{
    weir_bytes text = weir__json_value_text(value);

    return (value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_NOESC
               ? weir__writer_plain_text(writer, text.data, text.size)
               : weir__writer_text(writer, text.data, text.size);
}

static inline weir_code write_scalar(weir_writer *writer, const yyjson_val *value)
{
    switch (value->tag & YYJSON_TYPE_MASK) {
    case YYJSON_TYPE_STR:
        return write_text(writer, value);
    case YYJSON_TYPE_NUM:
        if ((value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_REAL)
            return weir__writer_real(writer, value->uni.f64);
        return weir__writer_int(writer, value->uni.i64);
    case YYJSON_TYPE_BOOL:
        if ((value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE)
            return weir__writer_raw(writer, "true", 4);
        return weir__writer_raw(writer, "false", 5);
    default:
        return weir__writer_raw(writer, "null", 4);
    }
}

static inline bool is_plain_text(const yyjson_val *value)
{
    return (value->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_STR &&
           (value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_NOESC;
}

static size_t int_size(int64_t value)
{
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t size = value < 0 ? 2 : 1;

    for (; left >= 10; left /= 10)
        size++;
    return size;
}

/* No token prints longer than it was written, so the sizes are the same only when there are no blanks and no other
 * spelling of a number anywhere. */
bool weir__json_is_printed(const weir_json *json, weir_bytes text)
{
    const yyjson_val *root = weir__json_value(json);
    const yyjson_val *end = weir__json_value_next(root);
    size_t size = 0;

    for (const yyjson_val *value = root; value < end; value++) {
        size_t count = weir__json_value_size(value);

        switch (value->tag & YYJSON_TYPE_MASK) {
        case YYJSON_TYPE_STR:
            if (!is_plain_text(value))
                return false;
            size += count + 2;
            break;
        case YYJSON_TYPE_NUM:
            if ((value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_REAL)
                return false;
            size += int_size(value->uni.i64);
            break;
        case YYJSON_TYPE_ARR: /* brackets and commas */
            size += count ? count + 1 : 2;
            break;
        case YYJSON_TYPE_OBJ: /* colons too */
            size += count ? 2 * count + 1 : 2;
            break;
        case YYJSON_TYPE_BOOL:
            size += (value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE ? 4 : 5;
            break;
        default:
            size += 4;
            break;
        }
    }
    return size == text.size;
}

typedef struct open_container {
    const yyjson_val *end; /* what follows it */
    bool is_object;
} open_container;

weir_code weir__json_print(const weir_json *json, weir_buffer *out)
{
    open_container local[32];
    open_container *stack = local;
    size_t capacity = sizeof local / sizeof local[0], depth = 0;
    const yyjson_val *value = weir__json_value(json);
    weir_writer writer;
    weir_code rc = WEIR_OK;

    weir__writer_open(&writer, out);
    for (;;) {
        if (depth && stack[depth - 1].is_object) {
            if ((rc = write_text(&writer, value)) != WEIR_OK || (rc = weir__writer_byte(&writer, ':')) != WEIR_OK)
                goto out;
            value++;
        }
        if (weir__json_value_is_container(value)) {
            bool is_object = (value->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_OBJ;

            if ((rc = weir__writer_byte(&writer, is_object ? '{' : '[')) != WEIR_OK)
                goto out;
            if (depth == capacity) {
                void *grown = weir__stack_grow(stack, local, &capacity, sizeof local[0]);

                if (!grown) {
                    rc = WEIR_NO_MEMORY;
                    goto out;
                }
                stack = grown;
            }
            stack[depth++] = (open_container) { weir__json_value_end(value), is_object };
            value++;
            if (value != stack[depth - 1].end)
                continue;
        } else {
            if ((rc = write_scalar(&writer, value)) != WEIR_OK)
                goto out;
            value++;
        }
        for (; depth && value == stack[depth - 1].end; depth--) {
            if ((rc = weir__writer_byte(&writer, stack[depth - 1].is_object ? '}' : ']')) != WEIR_OK)
                goto out;
        }
        if (depth == 0)
            goto out;
        if ((rc = weir__writer_byte(&writer, ',')) != WEIR_OK)
            goto out;
    }
out:
    if (stack != local)
        free(stack);
    return weir__writer_close(&writer, rc);
}

weir_bytes weir__json_print_arena(const weir_json *json, weir_arena *arena)
{
    const yyjson_val *value = weir__json_value(json);
    weir_bytes printed = { NULL, 0 };
    weir_buffer text;

    /* The common case needs no buffer: its size is known. */
    if (is_plain_text(value)) {
        size_t size = weir__json_value_size(value);
        uint8_t *data = weir__arena_alloc(arena, size + 3);

        if (!data)
            return printed;
        data[0] = '"';
        memcpy(data + 1, value->uni.str, size);
        data[size + 1] = '"';
        data[size + 2] = '\0';
        return weir__bytes(data, size + 2);
    }
    weir__buffer_init(&text, SIZE_MAX);
    if (weir__json_print(json, &text) == WEIR_OK)
        printed = weir__arena_copy(arena, weir__buffer_bytes(&text));
    weir__buffer_clear(&text);
    return printed;
}
