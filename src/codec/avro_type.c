/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas to nodes. Follows a schema's nesting by calls, as deep as SCHEMA_DEPTH: no fiber does this. */
#include "codec/avro_type.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { SCHEMA_DEPTH = 256, SCHEMA_BYTES = 1 << 20, NODES_MAXIMUM = 20000, BUCKETS = 256 };

typedef struct name_entry {
    struct name_entry *next;
    const weir_avro_node *node;
} name_entry;

typedef struct parsing {
    weir_avro_type *type;
    name_entry *buckets[BUCKETS];
    uint64_t seed;
    size_t nodes;
    weir_avro_node *simple[WEIR__AVRO_STRING + 1]; /* one of each will do */
    weir_error *err;
} parsing;

static const char *const simple_names[] = { "null", "boolean", "int", "long", "float", "double", "bytes", "string" };

const char *weir__avro_kind_name(weir_avro_kind kind)
{
    static const char *const names[] = { "null",     "a boolean", "an int",  "a long",  "a float",  "a double", "bytes",
                                         "a string", "a record",  "an enum", "a fixed", "an array", "a map",
                                         "a union" };

    return names[kind];
}

const char *weir__avro_type_name(const weir_avro_type *type)
{
    return type->root->name.size ? (const char *)type->root->name.data : NULL;
}

void weir__avro_type_free(weir_avro_type *type)
{
    if (!type)
        return;
    weir__arena_clear(&type->arena);
    free(type);
}

/* ---- names within a record or an enum ---------------------------------------------------------------------------- */

static weir_bytes name_at(const weir_avro_node *node, uint32_t place)
{
    return node->kind == WEIR__AVRO_RECORD ? node->of.fields[place].name : node->of.symbols[place];
}

int64_t weir__avro_place(const weir_avro_node *node, weir_bytes name, uint32_t guess)
{
    uint32_t low = 0, high = node->count;

    if (guess < node->count && weir__bytes_equal(name_at(node, guess), name))
        return guess;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = weir__bytes_compare(name_at(node, node->order[middle]), name);

        if (order == 0)
            return node->order[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

static int compare_places(const void *a, const void *b, void *context)
{
    const weir_avro_node *node = context;

    return weir__bytes_compare(name_at(node, *(const uint32_t *)a), name_at(node, *(const uint32_t *)b));
}

/* ---- helpers ----------------------------------------------------------------------------------------------------- */

static weir_code fail_schema(parsing *parse, const char *what, weir_bytes name)
{
    return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s '%.*s'", what,
                      (int)(name.size < 80 ? name.size : 80), (const char *)name.data);
}

static void *allocate(parsing *parse, size_t count, size_t size)
{
    void *data = weir__arena_alloc(&parse->type->arena, count * size + 1);

    if (data)
        memset(data, 0, count * size + 1);
    else
        (void)weir__fail_memory(parse->err, "a schema");
    return data;
}

static weir_code new_node(parsing *parse, weir_avro_kind kind, weir_avro_node **out)
{
    weir_avro_node *node;

    if (++parse->nodes > NODES_MAXIMUM)
        return weir__fail(parse->err, WEIR_LIMIT, WEIR_REMEDY_FIX, "more than %d types", NODES_MAXIMUM);
    node = allocate(parse, 1, sizeof *node);
    if (!node)
        return WEIR_NO_MEMORY;
    node->kind = kind;
    *out = node;
    return WEIR_OK;
}

static const weir_json *member(const weir_json *object, const char *name)
{
    return weir__json_member(object, weir__bytes_text(name));
}

/* A member that is text, else nothing. */
static weir_bytes text_member(const weir_json *object, const char *name)
{
    const weir_json *value = member(object, name);

    return value && weir__json_kind(value) == WEIR__JSON_TEXT ? weir__json_text(value) : weir__bytes("", 0);
}

static bool text_is(weir_bytes text, const char *name)
{
    return weir__bytes_equal(text, weir__bytes_text(name));
}

/* Names are looser than Avro's, as registries are; but ours are shown as C strings. */
static bool is_name(weir_bytes name)
{
    return name.size > 0 && !memchr(name.data, '\0', name.size);
}

/* ---- full names -------------------------------------------------------------------------------------------------- */

static name_entry **bucket_of(parsing *parse, weir_bytes name)
{
    return &parse->buckets[weir__hash(name, parse->seed) % BUCKETS];
}

static const weir_avro_node *find_name(parsing *parse, weir_bytes name)
{
    for (const name_entry *entry = *bucket_of(parse, name); entry; entry = entry->next) {
        if (weir__bytes_equal(entry->node->name, name))
            return entry->node;
    }
    return NULL;
}

/* What stands before the last dot. */
static weir_bytes space_of(weir_bytes name)
{
    const uint8_t *dot = name.size ? memrchr(name.data, '.', name.size) : NULL;

    return weir__bytes(name.data, dot ? (size_t)(dot - name.data) : 0);
}

/* SPACE.NAME, or NAME where it has a dot itself, or there is no space. */
static weir_code full_name(parsing *parse, weir_bytes space, weir_bytes name, weir_bytes *out)
{
    uint8_t *full;

    if (!space.size || memchr(name.data, '.', name.size)) {
        *out = name;
        return WEIR_OK;
    }
    full = allocate(parse, space.size + 1 + name.size, 1);
    if (!full)
        return WEIR_NO_MEMORY;
    memcpy(full, space.data, space.size);
    full[space.size] = '.';
    memcpy(full + space.size + 1, name.data, name.size);
    *out = weir__bytes(full, space.size + 1 + name.size);
    return WEIR_OK;
}

/* Names a node after "name" and "namespace" of its schema, and makes it known. */
static weir_code define_name(parsing *parse, weir_avro_node *node, const weir_json *json, weir_bytes space)
{
    weir_bytes name = text_member(json, "name"), own = text_member(json, "namespace");
    const weir_json *has_space = member(json, "namespace");
    name_entry *entry, **bucket;
    weir_code rc;

    if (!is_name(name))
        return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s without a name",
                          weir__avro_kind_name(node->kind));
    if (own.size && !is_name(own))
        return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "a namespace with a NUL");
    rc = full_name(parse, has_space && weir__json_kind(has_space) == WEIR__JSON_TEXT ? own : space, name, &name);
    if (rc != WEIR_OK)
        return rc;
    for (size_t i = 0; i < sizeof simple_names / sizeof *simple_names; i++) {
        if (text_is(name, simple_names[i]))
            return fail_schema(parse, "a type may not be named", name);
    }
    if (find_name(parse, name))
        return fail_schema(parse, "defined twice: the name", name);
    entry = allocate(parse, 1, sizeof *entry);
    if (!entry)
        return WEIR_NO_MEMORY;
    node->name = name;
    entry->node = node;
    bucket = bucket_of(parse, name);
    entry->next = *bucket;
    *bucket = entry;
    return WEIR_OK;
}

static weir_code refer(parsing *parse, weir_bytes name, weir_bytes space, const weir_avro_node **out)
{
    weir_bytes full;
    weir_code rc;

    for (size_t i = 0; i < sizeof simple_names / sizeof *simple_names; i++) {
        if (!text_is(name, simple_names[i]))
            continue;
        if (!parse->simple[i] && (rc = new_node(parse, (weir_avro_kind)i, &parse->simple[i])) != WEIR_OK)
            return rc;
        *out = parse->simple[i];
        return WEIR_OK;
    }
    if (!is_name(name))
        return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "a type without a name");
    rc = full_name(parse, space, name, &full);
    if (rc != WEIR_OK)
        return rc;
    *out = find_name(parse, full);
    if (!*out)
        *out = find_name(parse, name);
    return *out ? WEIR_OK : fail_schema(parse, "not defined: the type", full);
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

static weir_code parse_type(parsing *parse, const weir_json *json, weir_bytes space, const weir_avro_node **out);

/* Orders the names, and refuses one that is twice. */
static weir_code order_names(parsing *parse, weir_avro_node *node)
{
    node->order = allocate(parse, node->count, sizeof *node->order);
    if (!node->order)
        return WEIR_NO_MEMORY;
    for (uint32_t i = 0; i < node->count; i++)
        node->order[i] = i;
    qsort_r(node->order, node->count, sizeof *node->order, compare_places, node);
    for (uint32_t i = 1; i < node->count; i++) {
        weir_bytes name = name_at(node, node->order[i]);

        if (weir__bytes_equal(name, name_at(node, node->order[i - 1])))
            return fail_schema(parse, node->kind == WEIR__AVRO_RECORD ? "twice in one record: the field"
                                                                      : "twice in one enum: the symbol", name);
    }
    return WEIR_OK;
}

static weir_code parse_fields(parsing *parse, weir_avro_node *node, const weir_json *json)
{
    const weir_json *list = member(json, "fields"), *at = NULL, *each;
    weir_bytes space = space_of(node->name);
    weir_code rc;

    if (!list || weir__json_kind(list) != WEIR__JSON_ARRAY)
        return fail_schema(parse, "without fields: the record", node->name);
    node->of.fields = allocate(parse, weir__json_size(list), sizeof *node->of.fields);
    if (!node->of.fields)
        return WEIR_NO_MEMORY;
    while (weir__json_next(list, &at, NULL, &each)) {
        weir_avro_field *field = &node->of.fields[node->count];
        const weir_json *type = member(each, "type");

        field->name = text_member(each, "name");
        field->fallback = member(each, "default");
        if (!is_name(field->name) || !type)
            return fail_schema(parse, "a field without name or type in the record", node->name);
        rc = parse_type(parse, type, space, &field->type);
        if (rc != WEIR_OK) {
            weir__error_context(parse->err, "field '%.60s'", (const char *)field->name.data);
            return rc;
        }
        node->count++;
        node->required += !field->fallback;
    }
    return order_names(parse, node);
}

static weir_code parse_symbols(parsing *parse, weir_avro_node *node, const weir_json *json)
{
    const weir_json *list = member(json, "symbols"), *at = NULL, *each;

    if (!list || weir__json_kind(list) != WEIR__JSON_ARRAY || !weir__json_size(list))
        return fail_schema(parse, "without symbols: the enum", node->name);
    node->of.symbols = allocate(parse, weir__json_size(list), sizeof *node->of.symbols);
    if (!node->of.symbols)
        return WEIR_NO_MEMORY;
    while (weir__json_next(list, &at, NULL, &each)) {
        if (weir__json_kind(each) != WEIR__JSON_TEXT || !is_name(weir__json_text(each)))
            return fail_schema(parse, "a symbol that is no name in the enum", node->name);
        node->of.symbols[node->count++] = weir__json_text(each);
    }
    return order_names(parse, node);
}

static weir_code parse_size(parsing *parse, weir_avro_node *node, const weir_json *json)
{
    const weir_json *size = member(json, "size");

    if (!size || weir__json_kind(size) != WEIR__JSON_INT || weir__json_int(size) < 0 ||
        weir__json_int(size) > INT32_MAX)
        return fail_schema(parse, "without a size of 0..2147483647: the fixed", node->name);
    node->size = (size_t)weir__json_int(size);
    return WEIR_OK;
}

static weir_code parse_union(parsing *parse, const weir_json *json, weir_bytes space, const weir_avro_node **out)
{
    const weir_json *at = NULL, *each;
    uint32_t seen = 0; /* kinds, as bits */
    weir_avro_node *node;
    weir_code rc = new_node(parse, WEIR__AVRO_UNION, &node);

    if (rc != WEIR_OK)
        return rc;
    if (!weir__json_size(json))
        return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "a union without branches");
    node->of.branches = allocate(parse, weir__json_size(json), sizeof *node->of.branches);
    if (!node->of.branches)
        return WEIR_NO_MEMORY;
    while (weir__json_next(json, &at, NULL, &each)) {
        const weir_avro_node *branch;

        rc = parse_type(parse, each, space, &branch);
        if (rc != WEIR_OK)
            return rc;
        if (branch->kind == WEIR__AVRO_UNION)
            return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "a union right in a union");
        if (!branch->name.size && (seen >> branch->kind & 1))
            return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "a union with %s twice",
                              weir__avro_kind_name(branch->kind));
        seen |= 1u << branch->kind;
        node->of.branches[node->count++] = branch;
    }
    *out = node;
    return WEIR_OK;
}

/* Of a type that has a name: it may refer to itself. */
static weir_code parse_named(parsing *parse, weir_avro_kind kind, const weir_json *json, weir_bytes space,
                             const weir_avro_node **out)
{
    weir_avro_node *node;
    weir_code rc = new_node(parse, kind, &node);

    if (rc == WEIR_OK)
        rc = define_name(parse, node, json, space);
    if (rc == WEIR_OK)
        rc = kind == WEIR__AVRO_RECORD ? parse_fields(parse, node, json)
             : kind == WEIR__AVRO_ENUM ? parse_symbols(parse, node, json)
                                       : parse_size(parse, node, json);
    if (rc == WEIR_OK)
        *out = node;
    return rc;
}

static weir_code parse_items(parsing *parse, weir_avro_kind kind, const weir_json *json, weir_bytes space,
                             const weir_avro_node **out)
{
    const weir_json *items = member(json, kind == WEIR__AVRO_ARRAY ? "items" : "values");
    weir_avro_node *node;
    weir_code rc = new_node(parse, kind, &node);

    if (rc != WEIR_OK)
        return rc;
    if (!items)
        return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s without the type of its %s",
                          weir__avro_kind_name(kind), kind == WEIR__AVRO_ARRAY ? "items" : "values");
    rc = parse_type(parse, items, space, &node->of.items);
    if (rc == WEIR_OK)
        *out = node;
    return rc;
}

static weir_code parse_type(parsing *parse, const weir_json *json, weir_bytes space, const weir_avro_node **out)
{
    const weir_json *type;
    weir_bytes name;

    switch (weir__json_kind(json)) {
    case WEIR__JSON_TEXT:
        return refer(parse, weir__json_text(json), space, out);
    case WEIR__JSON_ARRAY:
        return parse_union(parse, json, space, out);
    case WEIR__JSON_OBJECT:
        break;
    case WEIR__JSON_NULL:
    case WEIR__JSON_BOOL:
    case WEIR__JSON_INT:
    case WEIR__JSON_REAL:
        return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "a type that is neither a name, nor an array, nor an object");
    }
    type = member(json, "type");
    if (!type)
        return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "an object without \"type\"");
    if (weir__json_kind(type) != WEIR__JSON_TEXT)
        return parse_type(parse, type, space, out); /* {"type": {"type": …}}: others take it, too */
    name = weir__json_text(type);
    if (text_is(name, "record") || text_is(name, "error"))
        return parse_named(parse, WEIR__AVRO_RECORD, json, space, out);
    if (text_is(name, "enum"))
        return parse_named(parse, WEIR__AVRO_ENUM, json, space, out);
    if (text_is(name, "fixed"))
        return parse_named(parse, WEIR__AVRO_FIXED, json, space, out);
    if (text_is(name, "array"))
        return parse_items(parse, WEIR__AVRO_ARRAY, json, space, out);
    if (text_is(name, "map"))
        return parse_items(parse, WEIR__AVRO_MAP, json, space, out);
    return refer(parse, name, space, out);
}

weir_code weir__avro_type_new(const weir_bytes *texts, size_t count, weir_avro_type **out, weir_error *err)
{
    parsing parse = { .type = calloc(1, sizeof *parse.type), .seed = weir__hash_seed(), .err = err };
    weir_code rc = WEIR_OK;
    size_t size = 0;

    if (!parse.type)
        return weir__fail_memory(err, "a schema");
    weir__arena_init(&parse.type->arena, 1024);
    for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
        const weir_json *json;

        if (texts[i].size > SCHEMA_BYTES || (size += texts[i].size) > SCHEMA_BYTES)
            rc = weir__fail(err, WEIR_LIMIT, WEIR_REMEDY_FIX, "over %d bytes", SCHEMA_BYTES);
        if (rc == WEIR_OK)
            rc = weir__json_parse(texts[i], SCHEMA_DEPTH, &parse.type->arena, &json, err);
        if (rc == WEIR_OK)
            rc = parse_type(&parse, json, weir__bytes("", 0), &parse.type->root);
    }
    if (rc == WEIR_OK) {
        *out = parse.type;
        parse.type = NULL;
    } else {
        weir__error_context(err, "Avro schema");
    }
    weir__avro_type_free(parse.type);
    return rc;
}
