/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at parsed values. */
#include "codec/value.h"

#include <string.h>

weir_json_kind weir__json_kind(const weir_json *json)
{
    const yyjson_val *value = weir__json_value(json);

    switch (value->tag & YYJSON_TYPE_MASK) {
    case YYJSON_TYPE_BOOL:
        return WEIR__JSON_BOOL;
    case YYJSON_TYPE_NUM:
        return (value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_REAL ? WEIR__JSON_REAL : WEIR__JSON_INT;
    case YYJSON_TYPE_STR:
        return WEIR__JSON_TEXT;
    case YYJSON_TYPE_ARR:
        return WEIR__JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return WEIR__JSON_OBJECT;
    default:
        return WEIR__JSON_NULL;
    }
}

bool weir__json_bool(const weir_json *json)
{
    return unsafe_yyjson_get_bool(weir__json_value(json));
}

int64_t weir__json_int(const weir_json *json)
{
    return weir__json_value(json)->uni.i64;
}

double weir__json_real(const weir_json *json)
{
    const yyjson_val *value = weir__json_value(json);

    if ((value->tag & YYJSON_SUBTYPE_MASK) == YYJSON_SUBTYPE_REAL)
        return value->uni.f64;
    return (double)value->uni.i64;
}

weir_bytes weir__json_text(const weir_json *json)
{
    return weir__json_value_text(weir__json_value(json));
}

size_t weir__json_size(const weir_json *json)
{
    const yyjson_val *value = weir__json_value(json);

    return weir__json_value_is_container(value) ? weir__json_value_size(value) : 0;
}

const weir_json *weir__json_member(const weir_json *json, weir_bytes name)
{
    const yyjson_val *object = weir__json_value(json);
    const yyjson_val *end;

    if ((object->tag & YYJSON_TYPE_MASK) != YYJSON_TYPE_OBJ)
        return NULL;
    end = weir__json_value_end(object);
    for (const yyjson_val *at = object + 1; at < end; at = weir__json_value_next(at + 1)) {
        if (weir__bytes_equal(weir__json_value_text(at), name))
            return weir__json_of(at + 1);
    }
    return NULL;
}

bool weir__json_next(const weir_json *json, const weir_json **at, weir_bytes *name, const weir_json **value)
{
    const yyjson_val *container = weir__json_value(json);
    const yyjson_val *here = *at ? weir__json_value(*at) : NULL;
    bool is_object;

    if (!weir__json_value_is_container(container))
        return false;
    /* `at` is the element, or the member's value. */
    is_object = (container->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_OBJ;
    here = here ? weir__json_value_next(here) : container + 1;
    if (here >= weir__json_value_end(container))
        return false;
    if (is_object) {
        if (name)
            *name = weir__json_value_text(here);
        here++;
    }
    *at = weir__json_of(here);
    *value = *at;
    return true;
}
