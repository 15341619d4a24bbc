/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind the name weir_json: yyjson's value. For the files of this room. */
#ifndef WEIR__CODEC_VALUE_H
#define WEIR__CODEC_VALUE_H

#include <yyjson.h>

#include "codec/json.h"

/* yyjson's readers take values that are not const, and write nothing. The casts are in these two functions alone. */
static inline yyjson_val *weir__json_value(const weir_json *json)
{
    return (yyjson_val *)(uintptr_t)json;
}

static inline const weir_json *weir__json_of(const yyjson_val *value)
{
    return (const weir_json *)(const void *)value;
}

/* Name or string. */
static inline weir_bytes weir__json_value_text(const yyjson_val *value)
{
    weir_bytes text = { (const uint8_t *)value->uni.str, (size_t)(value->tag >> YYJSON_TAG_BIT) };

    return text;
}

static inline size_t weir__json_value_size(const yyjson_val *value)
{
    return (size_t)(value->tag >> YYJSON_TAG_BIT);
}

/* Values lie in one array in the order written: a container is followed by what it holds. `uni.ofs` of a container is
 * the way to what follows it. */
static inline const yyjson_val *weir__json_value_end(const yyjson_val *container)
{
    return (const yyjson_val *)(const void *)((const uint8_t *)container + container->uni.ofs);
}

static inline bool weir__json_value_is_container(const yyjson_val *value)
{
    return (value->tag & YYJSON_TYPE_MASK) >= YYJSON_TYPE_ARR;
}

static inline const yyjson_val *weir__json_value_next(const yyjson_val *value)
{
    return weir__json_value_is_container(value) ? weir__json_value_end(value) : value + 1;
}

/** The first name that stood before in the same object, or NULL. Linear. False when there is no memory. */
WEIR_CHECK bool weir__json_find_duplicate(const yyjson_val *object, const yyjson_val **duplicate);

#endif
