/* SPDX-License-Identifier: Apache-2.0 */
/* JSON pointers, RFC 6901, on both forms. Nothing is allocated: an escaped token is compared as it stands. */
#include "codec/json.h"

#include <string.h>

#include "codec/value.h"

/* One reference token, between two slashes; escapes as written. */
typedef struct step_token {
    const char *text;
    size_t size;
    bool has_escapes;
} step_token;

static bool is_well_formed(const char *pointer)
{
    if (*pointer && *pointer != '/')
        return false;
    for (const char *at = pointer; (at = strchr(at, '~')); at++) {
        if (at[1] != '0' && at[1] != '1')
            return false;
    }
    return true;
}

/* Takes the token behind the slash at *pointer, and moves on to the next slash or the end. */
static step_token take(const char **pointer)
{
    step_token token = { *pointer + 1, 0, false };
    const char *at = token.text;

    for (; *at && *at != '/'; at++)
        token.has_escapes = token.has_escapes || *at == '~';
    token.size = (size_t)(at - token.text);
    *pointer = at;
    return token;
}

static bool is_name(step_token token, const uint8_t *name, size_t size)
{
    size_t at = 0;

    if (!token.has_escapes)
        return token.size == size && memcmp(token.text, name, size) == 0;
    for (size_t i = 0; i < token.size; i++, at++) {
        char c = token.text[i];

        if (c == '~')
            c = token.text[++i] == '0' ? '~' : '/';
        if (at == size || name[at] != (uint8_t)c)
            return false;
    }
    return at == size;
}

/* No sign, no leading zero, no "-" (the element behind the last, which is never there). */
static bool is_index(step_token token, size_t *index)
{
    size_t value = 0;

    if (token.size == 0 || (token.size > 1 && token.text[0] == '0'))
        return false;
    for (size_t i = 0; i < token.size; i++) {
        if (token.text[i] < '0' || token.text[i] > '9' || __builtin_mul_overflow(value, (size_t)10, &value) ||
            __builtin_add_overflow(value, (size_t)(token.text[i] - '0'), &value))
            return false;
    }
    *index = value;
    return true;
}

static const yyjson_val *step(yyjson_val *value, step_token token)
{
    size_t index;

    if ((value->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_OBJ) {
        const yyjson_val *end = weir__json_value_end(value);

        for (const yyjson_val *at = value + 1; at < end; at = weir__json_value_next(at + 1)) {
            if (is_name(token, (const uint8_t *)at->uni.str, weir__json_value_size(at)))
                return at + 1;
        }
        return NULL;
    }
    return is_index(token, &index) ? yyjson_arr_get(value, index) : NULL; /* NULL when it is no array, too */
}

bool weir__json_pointer(const weir_json *json, const char *pointer, const weir_json **out)
{
    if (!is_well_formed(pointer)) {
        *out = NULL;
        return false;
    }
    while (json && *pointer)
        json = weir__json_of(step(weir__json_value(json), take(&pointer)));
    *out = json;
    return true;
}

static json_t *step_tree(json_t *tree, step_token token)
{
    size_t index;

    if (json_is_object(tree)) {
        if (!token.has_escapes)
            return json_object_getn(tree, token.text, token.size);
        for (void *at = json_object_iter(tree); at; at = json_object_iter_next(tree, at)) {
            if (is_name(token, (const uint8_t *)json_object_iter_key(at), json_object_iter_key_len(at)))
                return json_object_iter_value(at);
        }
        return NULL;
    }
    return is_index(token, &index) ? json_array_get(tree, index) : NULL; /* NULL when it is no array, too */
}

bool weir__tree_pointer(json_t *tree, const char *pointer, json_t **out)
{
    if (!is_well_formed(pointer)) {
        *out = NULL;
        return false;
    }
    while (tree && *pointer)
        tree = step_tree(tree, take(&pointer));
    *out = tree;
    return true;
}
