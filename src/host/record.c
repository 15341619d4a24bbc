/* SPDX-License-Identifier: Apache-2.0 */
/* Records: what is key, value and timestamp in them. */
#include "host/record.h"

#include <string.h>

#include "codec/json.h"

/* A key as bytes: text as it is, a number or a truth value as its JSON text. */
static weir_code set_key(weir_run *run, weir_json_kind kind, weir_bytes text, weir_bytes printed, weir_error *err)
{
    switch (kind) {
    case WEIR__JSON_NULL:
        return WEIR_OK;
    case WEIR__JSON_TEXT:
        run->key_bytes = text;
        return WEIR_OK;
    case WEIR__JSON_BOOL:
    case WEIR__JSON_INT:
    case WEIR__JSON_REAL:
        run->key_bytes = weir__arena_copy(&run->arena, printed);
        return run->key_bytes.data ? WEIR_OK : weir__fail_memory(err, "a key");
    case WEIR__JSON_ARRAY:
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "the key is an array; a string, number or truth value is expected");
    case WEIR__JSON_OBJECT:
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "the key is an object; a string, number or truth value is expected");
    }
    return WEIR_INVALID;
}

static weir_code fail_no_value(weir_error *err)
{
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the record has neither 'value' nor 'v'");
}

static weir_code fail_timestamp(weir_error *err)
{
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                      "the timestamp is no integer; milliseconds since 1970 are expected");
}

static bool name_is(weir_bytes name, const char *text, size_t size)
{
    return name.size == size && memcmp(name.data, text, size) == 0;
}

/* The members that count, found in one pass. */
typedef struct members {
    const weir_json *key, *k, *value, *v, *timestamp;
} members;

static members find_members(const weir_json *record)
{
    members found = { NULL, NULL, NULL, NULL, NULL };
    const weir_json *at = NULL, *value;
    weir_bytes name;

    while (weir__json_next(record, &at, &name, &value)) {
        if (name_is(name, "key", 3))
            found.key = value;
        else if (name_is(name, "value", 5))
            found.value = value;
        else if (name_is(name, "timestamp", 9))
            found.timestamp = value;
        else if (name_is(name, "k", 1))
            found.k = value;
        else if (name_is(name, "v", 1))
            found.v = value;
    }
    return found;
}

static weir_code set_key_of_json(weir_run *run, const weir_json *key, weir_error *err)
{
    weir_json_kind kind = weir__json_kind(key);
    weir_bytes text = { NULL, 0 };
    weir_buffer printed;
    weir_code rc = WEIR_OK;

    weir__buffer_init(&printed, SIZE_MAX);
    if (kind == WEIR__JSON_TEXT)
        text = weir__json_text(key);
    else if (kind != WEIR__JSON_ARRAY && kind != WEIR__JSON_OBJECT)
        rc = weir__json_print(key, &printed);
    if (rc == WEIR_OK)
        rc = set_key(run, kind, text, weir__buffer_bytes(&printed), err);
    else
        rc = weir__fail_memory(err, "a key");
    weir__buffer_clear(&printed);
    return rc;
}

weir_code weir__record_parse(weir_bytes text, size_t depth, weir_run *run, weir_error *err)
{
    const weir_json *record;
    members found;
    weir_code rc = weir__json_parse(text, depth, &run->arena, &record, err);

    if (rc != WEIR_OK)
        return rc;
    if (weir__json_kind(record) != WEIR__JSON_OBJECT)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "the record is no object; {\"key\": …, \"value\": …} is expected");
    found = find_members(record);
    if (!found.key || weir__json_kind(found.key) == WEIR__JSON_NULL)
        found.key = found.k;
    run->value = found.value ? found.value : found.v;
    if (!run->value)
        return fail_no_value(err);
    if (found.timestamp && weir__json_kind(found.timestamp) != WEIR__JSON_NULL) {
        if (weir__json_kind(found.timestamp) != WEIR__JSON_INT)
            return fail_timestamp(err);
        run->timestamp = weir__json_int(found.timestamp);
    }
    return found.key ? set_key_of_json(run, found.key, err) : WEIR_OK;
}

static weir_code set_key_of_tree(weir_run *run, const json_t *key, size_t depth, weir_error *err)
{
    weir_json_kind kind = weir__tree_kind(key);
    weir_bytes text = { NULL, 0 };
    weir_buffer printed;
    weir_code rc = WEIR_OK;

    weir__buffer_init(&printed, SIZE_MAX);
    if (kind == WEIR__JSON_TEXT) {
        text = weir__bytes(json_string_value(key), json_string_length(key));
        if (!weir__utf8_is_valid(text))
            rc = weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the key is not UTF-8");
    } else if (kind != WEIR__JSON_ARRAY && kind != WEIR__JSON_OBJECT) {
        rc = weir__tree_print(key, depth, &printed, err);
    }
    if (rc == WEIR_OK)
        rc = set_key(run, kind, text, weir__buffer_bytes(&printed), err);
    weir__buffer_clear(&printed);
    return rc;
}

weir_code weir__record_take(const json_t *tree, size_t depth, weir_run *run, weir_error *err)
{
    const json_t *key, *timestamp;
    json_t *value;
    weir_buffer printed;
    weir_code rc;

    if (!json_is_object(tree))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "the record is no object; {\"key\": …, \"value\": …} is expected");
    key = json_object_get(tree, "key");
    if (!key || json_is_null(key))
        key = json_object_get(tree, "k");
    value = json_object_get(tree, "value");
    if (!value)
        value = json_object_get(tree, "v");
    if (!value)
        return fail_no_value(err);
    timestamp = json_object_get(tree, "timestamp");
    if (timestamp && !json_is_null(timestamp)) {
        if (!json_is_integer(timestamp))
            return fail_timestamp(err);
        run->timestamp = json_integer_value(timestamp);
    }
    /* Printed once to have the rules for JSON checked: a tree can be deeper than allowed, or hold itself. */
    weir__buffer_init(&printed, SIZE_MAX);
    rc = weir__tree_print(value, depth, &printed, err);
    weir__buffer_clear(&printed);
    if (rc != WEIR_OK)
        return rc;
    run->value_tree = json_incref(value);
    return key ? set_key_of_tree(run, key, depth, err) : WEIR_OK;
}

weir_code weir__record_print(const weir_run *run, weir_buffer *out)
{
    weir_code rc = weir__buffer_add_text(out, "{\"key\":");

    if (rc == WEIR_OK)
        rc = weir__json_print_bytes(run->key_bytes, out);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, ",\"value\":");
    if (rc == WEIR_OK)
        rc = run->value ? weir__json_print(run->value, out) : weir__tree_print(run->value_tree, SIZE_MAX, out, NULL);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, ",\"timestamp\":");
    if (rc == WEIR_OK)
        rc = weir__json_print_int(run->timestamp, out);
    return rc == WEIR_OK ? weir__buffer_add_text(out, "}") : rc;
}
