/* SPDX-License-Identifier: Apache-2.0 */
/* Text to values: yyjson reads; one pass over the values refuses what RFC 8259 allows and the contract does not. */
#include "codec/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "codec/value.h"

_Static_assert(YYJSON_TYPE_OBJ > YYJSON_TYPE_ARR && YYJSON_TYPE_ARR > YYJSON_TYPE_STR,
               "containers have the highest types");

/* One call of weir__json_parse(). */
typedef struct parsing {
    weir_bytes text;
    const char *copy; /* what yyjson reads, and writes over: the strings stay in it */
    size_t depth;
    weir_arena *arena;
    bool is_scanned;  /* for its depth */
    bool is_too_deep; /* … and then at the byte `deep_at` */
    size_t deep_at;
    weir_error *err;
} parsing;

/* ---- positions, for texts that are long or wrong ---------------------------------------------------------------- */

/* The byte behind the string that begins at `at`; the text's end when it does not end. */
static size_t skip_string(weir_bytes text, size_t at)
{
    for (at++; at < text.size; at++) {
        if (text.data[at] == '"')
            return at + 1;
        if (text.data[at] == '\\')
            at++;
    }
    return text.size;
}

/* Whether the first `size` bytes open more than `depth` containers; the byte that does. Needs no valid text. */
static bool is_too_deep(weir_bytes text, size_t size, size_t depth, size_t *where)
{
    size_t level = 0;

    for (size_t at = 0; at < size;) {
        uint8_t byte = text.data[at];

        if (byte == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (byte == '[' || byte == '{') {
            if (level == depth) {
                *where = at;
                return true;
            }
            level++;
        } else if ((byte == ']' || byte == '}') && level > 0) {
            level--;
        }
        at++;
    }
    return false;
}

/* Where the number stands that has `before` others before it, in a text that is valid. */
static size_t number_position(weir_bytes text, size_t before)
{
    for (size_t at = 0; at < text.size;) {
        uint8_t byte = text.data[at];

        if (byte == '"') {
            at = skip_string(text, at);
        } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
            if (before == 0)
                return at;
            before--;
            while (at < text.size && text.data[at] && strchr("0123456789+-.eE", text.data[at]))
                at++;
        } else {
            at++;
        }
    }
    return text.size;
}

static weir_code fail_too_deep(const parsing *parse)
{
    return weir__fail(parse->err, WEIR_LIMIT, WEIR_REMEDY_FIX, "byte %zu: deeper than %zu levels", parse->deep_at,
                      parse->depth);
}

/* ---- yyjson's memory: the arena --------------------------------------------------------------------------------- */

static void *arena_malloc(void *context, size_t size)
{
    parsing *parse = context;

    return weir__arena_alloc(parse->arena, size);
}

/* yyjson's first guess, a value per 6 bytes, was too small. A text so dense may be brackets only, at 16 bytes of memory
 * each: find that out before they are all stored. */
static void *arena_realloc(void *context, void *data, size_t old_size, size_t size)
{
    parsing *parse = context;

    if (!parse->is_scanned) {
        parse->is_scanned = true;
        parse->is_too_deep = is_too_deep(parse->text, parse->text.size, parse->depth, &parse->deep_at);
    }
    return parse->is_too_deep ? NULL : weir__arena_resize(parse->arena, data, old_size, size);
}

static void arena_free(void *context, void *data)
{
    (void)context; /* freed with the arena */
    (void)data;
}

static weir_code fail_read(parsing *parse, const yyjson_read_err *error)
{
    if (parse->is_too_deep)
        return fail_too_deep(parse);
    if (error->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return weir__fail_memory(parse->err, "a JSON text");
    /* Too deep comes first: the text may have been cut because of it. */
    if (is_too_deep(parse->text, error->pos < parse->text.size ? error->pos : parse->text.size, parse->depth,
                    &parse->deep_at))
        return fail_too_deep(parse);
    if (error->code == YYJSON_READ_ERROR_EMPTY_CONTENT || error->code == YYJSON_READ_ERROR_INVALID_PARAMETER)
        return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "byte %zu: no value, the text is empty",
                          parse->text.size);
    return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "byte %zu: %s", error->pos, error->msg);
}

/* ---- member names ----------------------------------------------------------------------------------------------- */

#define PAIRS_MAX 16  /* members compared each with each */
#define TABLE_MAX 128 /* members whose table is on the stack */

static bool same_name(const yyjson_val *a, const yyjson_val *b)
{
    size_t size = weir__json_value_size(a);

    /* Behind a name stands a NUL, so its first byte is there. */
    return size == weir__json_value_size(b) && a->uni.str[0] == b->uni.str[0] &&
           memcmp(a->uni.str, b->uni.str, size) == 0;
}

static const yyjson_val *find_in_pairs(const yyjson_val *object, size_t count)
{
    const yyjson_val *names[PAIRS_MAX];
    const yyjson_val *name = object + 1;

    for (size_t i = 0; i < count; i++, name = weir__json_value_next(name + 1)) {
        for (size_t j = 0; j < i; j++) {
            if (same_name(names[j], name))
                return name;
        }
        names[i] = name;
    }
    return NULL;
}

/* An open table of at least twice as many slots as names: `mask` + 1, all NULL. */
static const yyjson_val *find_in_table(const yyjson_val *object, size_t count, const yyjson_val **slots, size_t mask,
                                       uint64_t seed)
{
    const yyjson_val *name = object + 1;

    for (size_t i = 0; i < count; i++, name = weir__json_value_next(name + 1)) {
        size_t slot = (size_t)weir__hash(weir__json_value_text(name), seed) & mask;

        for (; slots[slot]; slot = (slot + 1) & mask) {
            if (same_name(slots[slot], name))
                return name;
        }
        slots[slot] = name;
    }
    return NULL;
}

bool weir__json_find_duplicate(const yyjson_val *object, const yyjson_val **duplicate)
{
    size_t count = weir__json_value_size(object);
    size_t slots_size = 4 * TABLE_MAX;
    const yyjson_val **slots;

    if (count <= PAIRS_MAX) {
        *duplicate = find_in_pairs(object, count);
        return true;
    }
    if (count <= TABLE_MAX) {
        const yyjson_val *table[2 * TABLE_MAX] = { NULL };

        /* No seed: the worst that names made to collide can cost is TABLE_MAX compares each. */
        *duplicate = find_in_table(object, count, table, 2 * TABLE_MAX - 1, 0);
        return true;
    }
    while (slots_size / 2 < count)
        slots_size *= 2;
    slots = calloc(slots_size, sizeof(const yyjson_val *));
    if (!slots)
        return false;
    *duplicate = find_in_table(object, count, slots, slots_size - 1, weir__hash_seed());
    free(slots);
    return true;
}

/* As a C string of at most 40 bytes, cut between characters; weir__fail() takes care of control characters but NUL. */
static weir_code fail_duplicate(const parsing *parse, const yyjson_val *name)
{
    weir_bytes text = weir__json_value_text(name);
    char shown[40 + 1];
    size_t size = text.size < sizeof shown ? text.size : sizeof shown - 1;

    while (size < text.size && size > 0 && (text.data[size] & 0xC0) == 0x80)
        size--;
    for (size_t i = 0; i < size; i++)
        shown[i] = text.data[i] ? (char)text.data[i] : ' ';
    shown[size] = '\0';
    return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "byte %zu: duplicate member name '%s%s'",
                      (size_t)(name->uni.str - parse->copy) - 1, shown, size < text.size ? "…" : "");
}

/* ---- the pass --------------------------------------------------------------------------------------------------- */

/* A number that yyjson keeps as text because it fits no double, or that fits only uint64. */
static weir_code fail_number(const parsing *parse, const yyjson_val *values, const yyjson_val *value)
{
    bool is_real = false;
    size_t before = 0;

    if ((value->tag & YYJSON_TYPE_MASK) == YYJSON_TYPE_RAW) {
        weir_bytes digits = weir__json_value_text(value);

        for (size_t i = 0; i < digits.size; i++)
            is_real = is_real || digits.data[i] == '.' || (digits.data[i] | 0x20) == 'e';
    }
    for (; values < value; values++) {
        uint8_t type = (uint8_t)(values->tag & YYJSON_TYPE_MASK);

        before += type == YYJSON_TYPE_NUM || type == YYJSON_TYPE_RAW;
    }
    return weir__fail(parse->err, WEIR_INVALID, WEIR_REMEDY_FIX, "byte %zu: %s", number_position(parse->text, before),
                      is_real ? "real beyond double's range" : "integer beyond int64");
}

static weir_code check_values(parsing *parse, const yyjson_val *values, size_t count)
{
    const yyjson_val *end = values + count;
    size_t containers = 0;

    for (const yyjson_val *value = values; value < end; value++) {
        uint8_t type = (uint8_t)(value->tag & YYJSON_TYPE_MASK);

        if (type == YYJSON_TYPE_STR)
            continue;
        if (type >= YYJSON_TYPE_ARR) {
            const yyjson_val *duplicate = NULL;

            containers++;
            if (type != YYJSON_TYPE_OBJ || weir__json_value_size(value) < 2)
                continue;
            if (!weir__json_find_duplicate(value, &duplicate))
                return weir__fail_memory(parse->err, "member names");
            if (duplicate)
                return fail_duplicate(parse, duplicate);
        } else if (type == YYJSON_TYPE_RAW ||
                   ((uint8_t)value->tag == (YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT) && value->uni.u64 > INT64_MAX)) {
            return fail_number(parse, values, value);
        }
    }
    /* No more containers than levels cannot be too deep: the common case needs no second look at the text. */
    if (containers > parse->depth && !parse->is_scanned &&
        is_too_deep(parse->text, parse->text.size, parse->depth, &parse->deep_at))
        return fail_too_deep(parse);
    return WEIR_OK;
}

weir_code weir__json_parse(weir_bytes text, size_t depth, weir_arena *arena, const weir_json **out, weir_error *err)
{
    parsing parse = { .text = text, .depth = depth, .arena = arena, .err = err };
    yyjson_alc allocator = { arena_malloc, arena_realloc, arena_free, &parse };
    yyjson_read_err error = { 0 };
    yyjson_doc *document;
    const yyjson_val *root;
    size_t guessed, count;
    char *copy;
    weir_code rc;

    if (text.size > SIZE_MAX / 64)
        return weir__fail_memory(err, "a JSON text");
    copy = weir__arena_alloc(arena, text.size + YYJSON_PADDING_SIZE);
    if (!copy)
        return weir__fail_memory(err, "a JSON text");
    if (text.size)
        memcpy(copy, text.data, text.size);
    memset(copy + text.size, 0, YYJSON_PADDING_SIZE);
    parse.copy = copy;
    document = yyjson_read_opts(copy, text.size, YYJSON_READ_INSITU | YYJSON_READ_BIGNUM_AS_RAW, &allocator, &error);
    if (!document)
        return fail_read(&parse, &error);
    root = document->root;
    count = document->val_read;
    /* The values end what was allocated last; give the rest back. Shrinking in place cannot fail. */
    guessed = (size_t)(arena->at - (uint8_t *)document);
    (void)weir__arena_resize(arena, document, guessed, (size_t)((const uint8_t *)(root + count) - (uint8_t *)document));
    rc = check_values(&parse, root, count);
    if (rc == WEIR_OK)
        *out = weir__json_of(root);
    return rc;
}
