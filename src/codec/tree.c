/* SPDX-License-Identifier: Apache-2.0 */
/* Trees (jansson): from parsed values, and to text. */
#include "codec/json.h"

#include <math.h>

#include "codec/stack.h"
#include "codec/value.h"
#include "codec/writer.h"

weir_json_kind weir__tree_kind(const json_t *tree)
{
    switch (json_typeof(tree)) {
    case JSON_OBJECT:
        return WEIR__JSON_OBJECT;
    case JSON_ARRAY:
        return WEIR__JSON_ARRAY;
    case JSON_STRING:
        return WEIR__JSON_TEXT;
    case JSON_INTEGER:
        return WEIR__JSON_INT;
    case JSON_REAL:
        return WEIR__JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return WEIR__JSON_BOOL;
    case JSON_NULL:
        return WEIR__JSON_NULL;
    }
    return WEIR__JSON_NULL;
}

/* ---- from values ------------------------------------------------------------------------------------------------ */

/* A container empty. NULL when there is no memory. */
static json_t *new_node(const yyjson_val *value)
{
    weir_bytes text;

    switch (value->tag & YYJSON_TYPE_MASK) {
    case YYJSON_TYPE_OBJ:
        return json_object();
    case YYJSON_TYPE_ARR:
        return json_array();
    case YYJSON_TYPE_STR:
        text = weir__json_value_text(value);
        return json_stringn_nocheck((const char *)text.data, text.size);
    case YYJSON_TYPE_NUM:
        if ((value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_REAL)
            return json_real(value->uni.f64);
        return json_integer(value->uni.i64);
    case YYJSON_TYPE_BOOL:
        return json_boolean((value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_TRUE);
    default:
        return json_null();
    }
}

/* A container that is being filled, and belongs to its parent already. */
typedef struct filling {
    const yyjson_val *end;
    json_t *tree;
} filling;

json_t *weir__json_tree(const weir_json *json)
{
    filling local[32];
    filling *stack = local;
    size_t capacity = sizeof local / sizeof local[0], depth = 0;
    const yyjson_val *value = weir__json_value(json);
    const yyjson_val *end = weir__json_value_next(value);
    json_t *root = NULL;
    json_t *tree = NULL;

    while (value < end) {
        json_t *parent = depth ? stack[depth - 1].tree : NULL;
        const yyjson_val *name = NULL;
        json_t *node;

        if (parent && json_is_object(parent))
            name = value++;
        node = new_node(value);
        if (!node)
            goto out;
        /* Both take the node, also when they fail. */
        if (name && json_object_setn_new_nocheck(parent, name->uni.str, weir__json_value_size(name), node) != 0)
            goto out;
        if (!name && parent && json_array_append_new(parent, node) != 0)
            goto out;
        if (!parent)
            root = node;
        if (weir__json_value_is_container(value)) {
            if (depth == capacity) {
                void *grown = weir__stack_grow(stack, local, &capacity, sizeof local[0]);

                if (!grown)
                    goto out;
                stack = grown;
            }
            stack[depth++] = (filling) { weir__json_value_end(value), node };
        }
        value++;
        while (depth && value == stack[depth - 1].end)
            depth--;
    }
    tree = root;
    root = NULL;
out:
    json_decref(root);
    if (stack != local)
        free(stack);
    return tree;
}

/* ---- to text ---------------------------------------------------------------------------------------------------- */

/* A container that is being printed. */
typedef struct printing {
    json_t *tree;
    void *member; /* the next one of an object; NULL: none */
    size_t index; /* the next one of an array */
} printing;

static weir_code write_text(weir_writer *writer, const char *text, size_t size, weir_error *err)
{
    /* json_string_nocheck() takes any bytes. */
    if (!weir__utf8_is_valid(weir__bytes(text, size)))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a string of the tree is not UTF-8");
    return weir__writer_text(writer, (const uint8_t *)text, size);
}

static weir_code write_scalar(weir_writer *writer, const json_t *tree, weir_error *err)
{
    switch (json_typeof(tree)) {
    case JSON_STRING:
        return write_text(writer, json_string_value(tree), json_string_length(tree), err);
    case JSON_INTEGER:
        return weir__writer_int(writer, json_integer_value(tree));
    case JSON_REAL:
        if (!isfinite(json_real_value(tree)))
            return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a real of the tree is not finite");
        return weir__writer_real(writer, json_real_value(tree));
    case JSON_TRUE:
        return weir__writer_raw(writer, "true", 4);
    case JSON_FALSE:
        return weir__writer_raw(writer, "false", 5);
    case JSON_NULL:
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return weir__writer_raw(writer, "null", 4);
}

/* The next child of a container, its name before it when it has one; or the container's end, and `*child` is NULL. */
static weir_code write_next(weir_writer *writer, printing *top, json_t **child, weir_error *err)
{
    bool is_object = json_is_object(top->tree);
    weir_code rc;

    *child = is_object ? json_object_iter_value(top->member) : json_array_get(top->tree, top->index);
    if (!*child)
        return weir__writer_byte(writer, is_object ? '}' : ']');
    if (top->index++ > 0 && (rc = weir__writer_byte(writer, ',')) != WEIR_OK)
        return rc;
    if (!is_object)
        return WEIR_OK;
    rc = write_text(writer, json_object_iter_key(top->member), json_object_iter_key_len(top->member), err);
    top->member = json_object_iter_next(top->tree, top->member);
    return rc == WEIR_OK ? weir__writer_byte(writer, ':') : rc;
}

weir_code weir__tree_print(const json_t *tree, size_t depth, weir_buffer *out, weir_error *err)
{
    printing local[32];
    printing *stack = local;
    size_t capacity = sizeof local / sizeof local[0], level = 0;
    json_t *node = (json_t *)(uintptr_t)tree; /* jansson's iterators are not const */
    weir_writer writer;
    weir_error cause = { 0 };
    weir_code rc = WEIR_OK;

    weir__writer_open(&writer, out);
    do {
        if (!node) {
            level--; /* its end was written */
        } else if (!json_is_object(node) && !json_is_array(node)) {
            rc = write_scalar(&writer, node, &cause);
        } else if (level == depth) {
            rc = weir__fail(&cause, WEIR_LIMIT, WEIR_REMEDY_FIX, "deeper than %zu levels", depth);
        } else {
            if (level == capacity) {
                void *grown = weir__stack_grow(stack, local, &capacity, sizeof local[0]);

                if (!grown) {
                    rc = WEIR_NO_MEMORY;
                    goto out;
                }
                stack = grown;
            }
            stack[level++] = (printing) { node, json_object_iter(node), 0 };
            rc = weir__writer_byte(&writer, json_is_object(node) ? '{' : '[');
        }
        if (rc == WEIR_OK && level)
            rc = write_next(&writer, &stack[level - 1], &node, &cause);
    } while (rc == WEIR_OK && level);
out:
    if (stack != local)
        free(stack);
    (void)weir__writer_close(&writer, rc);
    if (rc == WEIR_OK)
        return WEIR_OK;
    if (cause.code != WEIR_OK)
        return weir__fail(err, cause.code, cause.remedy, "%s", cause.message);
    /* The buffer gives a code alone. */
    if (rc == WEIR_LIMIT)
        return weir__fail(err, WEIR_LIMIT, WEIR_REMEDY_FIX, "longer than %zu bytes", out->maximum);
    return weir__fail_memory(err, "JSON text");
}
