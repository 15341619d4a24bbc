/* SPDX-License-Identifier: Apache-2.0 */
/* Parsed values to text. */
#include "codec/json.h"

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
