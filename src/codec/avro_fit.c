/* SPDX-License-Identifier: Apache-2.0 */
/* Which branch of a union a value takes. Calls itself, WEIR__FIT_LEVELS deep and no deeper. */
#include <float.h>
#include <math.h>

#include "codec/avro_type.h"
#include "codec/avro_write.h"
#include "codec/base64.h"

bool weir__avro_real_named(weir_bytes text, double *out)
{
    static const struct {
        const char *name;
        double number;
    } names[] = { { "NaN", (double)NAN }, { "Infinity", (double)INFINITY }, { "-Infinity", -(double)INFINITY } };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (weir__bytes_equal(text, weir__bytes_text(names[i].name))) {
            *out = names[i].number;
            return true;
        }
    }
    return false;
}

bool weir__avro_is_float(double number)
{
    return fabs(number) <= (double)FLT_MAX || !isfinite(number) || isfinite((double)(float)number);
}

static weir_fit fit_real(const weir_avro_node *node, double number)
{
    if (node->kind == WEIR__AVRO_DOUBLE)
        return WEIR__FIT_WELL;
    if (!weir__avro_is_float(number))
        return WEIR__FIT_NOT;
    return (double)(float)number == number ? WEIR__FIT_WELL : WEIR__FIT_LOOSELY;
}

static weir_fit fit_int(const weir_avro_node *node, int64_t number)
{
    switch (node->kind) {
    case WEIR__AVRO_INT:
        return number >= INT32_MIN && number <= INT32_MAX ? WEIR__FIT_WELL : WEIR__FIT_NOT;
    case WEIR__AVRO_LONG:
        return WEIR__FIT_WELL;
    case WEIR__AVRO_FLOAT:
    case WEIR__AVRO_DOUBLE:
        return WEIR__FIT_LOOSELY;
    default:
        return WEIR__FIT_NOT;
    }
}

static weir_fit fit_text(const weir_avro_node *node, weir_bytes text)
{
    double number;

    switch (node->kind) {
    case WEIR__AVRO_STRING:
        return WEIR__FIT_WELL;
    case WEIR__AVRO_ENUM:
        return weir__avro_place(node, text, 0) >= 0 ? WEIR__FIT_WELL : WEIR__FIT_NOT;
    case WEIR__AVRO_BYTES:
        return WEIR__FIT_LOOSELY;
    case WEIR__AVRO_FIXED:
        return text.size == node->size ? WEIR__FIT_LOOSELY : WEIR__FIT_NOT;
    case WEIR__AVRO_FLOAT:
    case WEIR__AVRO_DOUBLE:
        return weir__avro_real_named(text, &number) ? WEIR__FIT_LOOSELY : WEIR__FIT_NOT;
    default:
        return WEIR__FIT_NOT;
    }
}

/* Every member is a field, and no field is missing that has no default. */
static bool is_record(const weir_avro_node *node, const weir_json *json, int levels)
{
    const weir_json *at = NULL, *value;
    uint32_t required = 0, guess = 0;
    weir_bytes name;

    while (weir__json_next(json, &at, &name, &value)) {
        int64_t place = weir__avro_place(node, name, guess);

        if (place < 0 || !weir__avro_fit(node->of.fields[place].type, value, levels))
            return false;
        required += !node->of.fields[place].fallback;
        guess = (uint32_t)place + 1;
    }
    return required == node->required;
}

static bool are_items(const weir_avro_node *node, const weir_json *json, int levels)
{
    const weir_json *at = NULL, *value;

    while (levels && weir__json_next(json, &at, NULL, &value)) {
        if (!weir__avro_fit(node->of.items, value, levels))
            return false;
    }
    return true;
}

static weir_fit fit_object(const weir_avro_node *node, const weir_json *json, int levels)
{
    weir_bytes base64;

    switch (node->kind) {
    case WEIR__AVRO_RECORD:
        return is_record(node, json, levels) ? WEIR__FIT_WELL : WEIR__FIT_NOT;
    case WEIR__AVRO_MAP:
        return are_items(node, json, levels) ? WEIR__FIT_LOOSELY : WEIR__FIT_NOT;
    case WEIR__AVRO_BYTES:
        return weir__json_is_bytes(json, &base64) ? WEIR__FIT_WELL : WEIR__FIT_NOT;
    case WEIR__AVRO_FIXED:
        return weir__json_is_bytes(json, &base64) && weir__base64_length(base64) == (int64_t)node->size
                   ? WEIR__FIT_WELL
                   : WEIR__FIT_NOT;
    default:
        return WEIR__FIT_NOT;
    }
}

static weir_fit fit_union(const weir_avro_node *node, const weir_json *json, int levels)
{
    weir_fit best = WEIR__FIT_NOT;

    for (uint32_t i = 0; i < node->count && best != WEIR__FIT_WELL; i++) {
        weir_fit fit = weir__avro_fit(node->of.branches[i], json, levels);

        best = fit > best ? fit : best;
    }
    return best;
}

weir_fit weir__avro_fit(const weir_avro_node *node, const weir_json *json, int levels)
{
    if (levels == 0)
        return WEIR__FIT_WELL; /* for all that is looked at */
    if (node->kind == WEIR__AVRO_UNION)
        return fit_union(node, json, levels);
    switch (weir__json_kind(json)) {
    case WEIR__JSON_NULL:
        return node->kind == WEIR__AVRO_NULL ? WEIR__FIT_WELL : WEIR__FIT_NOT;
    case WEIR__JSON_BOOL:
        return node->kind == WEIR__AVRO_BOOLEAN ? WEIR__FIT_WELL : WEIR__FIT_NOT;
    case WEIR__JSON_INT:
        return fit_int(node, weir__json_int(json));
    case WEIR__JSON_REAL:
        if (node->kind != WEIR__AVRO_FLOAT && node->kind != WEIR__AVRO_DOUBLE)
            return WEIR__FIT_NOT;
        return fit_real(node, weir__json_real(json));
    case WEIR__JSON_TEXT:
        return fit_text(node, weir__json_text(json));
    case WEIR__JSON_ARRAY:
        return node->kind == WEIR__AVRO_ARRAY && are_items(node, json, levels - 1) ? WEIR__FIT_WELL : WEIR__FIT_NOT;
    case WEIR__JSON_OBJECT:
        return fit_object(node, json, levels - 1);
    }
    return WEIR__FIT_NOT;
}
