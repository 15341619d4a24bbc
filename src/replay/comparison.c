/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing run by run; of each key it is remembered where its last output stands, and what is not known of it. */
#include "replay/comparison.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "codec/json.h"

enum { FIRST_SLOTS = 1024, DEPTH = 512 };

struct weir_key_standing {
    weir_bytes key; /* data NULL: the slot is free */
    uint64_t hash;
    bool is_open;
    bool is_unknown;   /* its memory */
    int32_t partition; /* of its last output; -1: none yet */
    int64_t offset;
};

const char *weir__difference_name(weir_difference difference)
{
    static const char *const names[] = { "missing", "unexpected", "changed", "duplicate",
                                         "order",   "failed",     "diverged" };

    return names[difference];
}

const char *weir__unchecked_name(weir_unchecked unchecked)
{
    static const char *const names[] = { "call", "memory", "input" };

    return names[unchecked];
}

void weir__comparison_init(weir_comparison *comparison, FILE *report, uint64_t most)
{
    memset(comparison, 0, sizeof *comparison);
    comparison->report = report;
    comparison->most = most;
    comparison->seed = weir__hash_seed();
    weir__arena_init(&comparison->names, 65536);
    weir__buffer_init(&comparison->line, SIZE_MAX);
}

void weir__comparison_clear(weir_comparison *comparison)
{
    free(comparison->keys);
    comparison->keys = NULL;
    weir__arena_clear(&comparison->names);
    weir__buffer_clear(&comparison->line);
}

static uint64_t sum(const uint64_t *counts, size_t count)
{
    uint64_t all = 0;

    for (size_t i = 0; i < count; i++)
        all += counts[i];
    return all;
}

uint64_t weir__comparison_differences(const weir_comparison *comparison)
{
    return sum(comparison->differences, WEIR__DIFFERENCES);
}

uint64_t weir__comparison_unchecked(const weir_comparison *comparison)
{
    return sum(comparison->unchecked, WEIR__UNCHECKEDS);
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static weir_key_standing *slot_of(weir_key_standing *keys, size_t mask, weir_bytes key, uint64_t hash)
{
    size_t at = (size_t)hash & mask;

    while (keys[at].key.data && (keys[at].hash != hash || !weir__bytes_equal(keys[at].key, key)))
        at = (at + 1) & mask;
    return &keys[at];
}

static bool grow(weir_comparison *comparison)
{
    size_t slots = comparison->keys ? 2 * (comparison->key_mask + 1) : FIRST_SLOTS;
    weir_key_standing *keys;

    if (comparison->keys && 2 * comparison->key_count <= comparison->key_mask)
        return true;
    keys = calloc(slots, sizeof *keys);
    if (!keys)
        return false;
    for (size_t i = 0; comparison->keys && i <= comparison->key_mask; i++) {
        const weir_key_standing *old = &comparison->keys[i];

        if (old->key.data)
            *slot_of(keys, slots - 1, old->key, old->hash) = *old;
    }
    free(comparison->keys);
    comparison->keys = keys;
    comparison->key_mask = slots - 1;
    return true;
}

/* NULL: no memory. */
static weir_key_standing *standing_of(weir_comparison *comparison, weir_bytes key)
{
    uint64_t hash = weir__hash(key, comparison->seed);
    weir_key_standing *at;

    if (!grow(comparison))
        return NULL;
    at = slot_of(comparison->keys, comparison->key_mask, key, hash);
    if (at->key.data)
        return at;
    at->key = weir__arena_copy(&comparison->names, key);
    if (!at->key.data)
        return NULL;
    at->hash = hash;
    at->partition = -1;
    comparison->key_count++;
    return at;
}

weir_code weir__comparison_open(weir_comparison *comparison, weir_bytes key, weir_error *err)
{
    weir_key_standing *at = standing_of(comparison, key);

    if (!at)
        return weir__fail_memory(err, "a key");
    at->is_open = true;
    comparison->open++;
    return WEIR_OK;
}

bool weir__comparison_is_open(const weir_comparison *comparison, weir_bytes key)
{
    return comparison->keys &&
           slot_of(comparison->keys, comparison->key_mask, key, weir__hash(key, comparison->seed))->is_open;
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

/* One line of it. What it does not have is NULL, or has no data. */
typedef struct line {
    const char *what, *kind;
    weir_bytes run, key;
    int64_t number; /* of the output in its run; -1: it is about no output */
    const weir_bytes *expected;
    const weir_found_output *found;
    const char *why;
} line;

/* JSON text as what it says; else as bytes. */
static weir_code print_value(weir_bytes value, weir_buffer *out)
{
    const weir_json *parsed;
    weir_arena arena;
    weir_code rc;

    weir__arena_init(&arena, 4096);
    rc = weir__json_parse(value, DEPTH, &arena, &parsed, NULL);
    if (rc == WEIR_OK)
        rc = weir__json_print(parsed, out);
    else if (rc != WEIR_NO_MEMORY)
        rc = weir__json_print_bytes(value, out);
    weir__arena_clear(&arena);
    return rc;
}

static weir_code add_text(weir_buffer *out, const char *name, const char *text)
{
    weir_code rc = weir__buffer_add_text(out, name);

    return rc == WEIR_OK ? weir__json_print_bytes(weir__bytes_text(text), out) : rc;
}

static weir_code add_bytes(weir_buffer *out, const char *name, weir_bytes bytes, bool is_value)
{
    weir_code rc = bytes.data ? weir__buffer_add_text(out, name) : WEIR_OK;

    if (rc != WEIR_OK || !bytes.data)
        return rc;
    return is_value ? print_value(bytes, out) : weir__json_print_bytes(bytes, out);
}

static weir_code add_number(weir_buffer *out, const char *name, int64_t number)
{
    weir_code rc = weir__buffer_add_text(out, name);

    return rc == WEIR_OK ? weir__json_print_int(number, out) : rc;
}

static weir_code add_found(weir_buffer *out, const line *of)
{
    weir_code rc = add_bytes(out, ",\"found\":", of->found->value, true);

    if (rc == WEIR_OK && of->found->key.data && !weir__bytes_equal(of->found->key, of->key))
        rc = add_bytes(out, ",\"found-key\":", of->found->key, false);
    if (rc == WEIR_OK)
        rc = add_number(out, ",\"partition\":", of->found->partition);
    return rc == WEIR_OK ? add_number(out, ",\"offset\":", of->found->offset) : rc;
}

static weir_code print_line(const line *of, weir_buffer *out)
{
    weir_code rc;

    weir__buffer_reset(out);
    rc = weir__buffer_add_text(out, "{\"");
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, of->what);
    if (rc == WEIR_OK)
        rc = add_text(out, "\":", of->kind);
    if (rc == WEIR_OK)
        rc = add_bytes(out, ",\"run\":", of->run, false);
    if (rc == WEIR_OK)
        rc = add_bytes(out, ",\"key\":", of->key, false);
    if (rc == WEIR_OK && of->number >= 0)
        rc = add_number(out, ",\"seq\":", of->number);
    if (rc == WEIR_OK && of->expected)
        rc = add_bytes(out, ",\"expected\":", *of->expected, true);
    if (rc == WEIR_OK && of->found)
        rc = add_found(out, of);
    if (rc == WEIR_OK && of->why)
        rc = add_text(out, ",\"why\":", of->why);
    return rc == WEIR_OK ? weir__buffer_add_text(out, "}\n") : rc;
}

static weir_code write_line(weir_comparison *comparison, const line *of, weir_error *err)
{
    weir_buffer *out = &comparison->line;

    if (comparison->lines++ >= comparison->most)
        return WEIR_OK;
    if (print_line(of, out) != WEIR_OK)
        return weir__fail_memory(err, "a line of the report");
    if (fwrite(out->data, 1, out->size, comparison->report) != out->size)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write the report");
    return WEIR_OK;
}

static weir_code differ(weir_comparison *comparison, weir_difference kind, line of, weir_error *err)
{
    comparison->differences[kind]++;
    of.what = "difference";
    of.kind = weir__difference_name(kind);
    return write_line(comparison, &of, err);
}

static weir_code leave_unchecked(weir_comparison *comparison, weir_unchecked kind, line of, weir_error *err)
{
    comparison->unchecked[kind]++;
    of.what = "unchecked";
    of.kind = weir__unchecked_name(kind);
    return write_line(comparison, &of, err);
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

/* Only within one partition is there an order. Of duplicates the first counts. */
static weir_code check_order(weir_comparison *comparison, weir_key_standing *key, const line *of, weir_error *err)
{
    bool is_before = key->partition == of->found->partition && of->found->offset < key->offset;

    if (is_before)
        return differ(comparison, WEIR__DIFFERENCE_ORDER, *of, err);
    key->partition = of->found->partition;
    key->offset = of->found->offset;
    return WEIR_OK;
}

static weir_code compare_outputs(weir_comparison *comparison, const weir_replayed *run, weir_key_standing *key,
                                 const weir_found_output *found, size_t count, weir_error *err)
{
    size_t at = 0;
    weir_code rc = WEIR_OK;

    for (size_t i = 0; rc == WEIR_OK && (i < run->count || at < count); i++) {
        line of = { .run = weir__bytes_text(run->run), .key = run->key, .number = (int64_t)i };

        of.expected = i < run->count ? &run->values[i] : NULL;
        if (!of.expected) { /* all that is left was found too many */
            of.found = &found[at++];
            of.number = (int64_t)of.found->number;
            rc = differ(comparison, WEIR__DIFFERENCE_UNEXPECTED, of, err);
            continue;
        }
        comparison->outputs++;
        if (at == count || found[at].number != i) {
            rc = differ(comparison, WEIR__DIFFERENCE_MISSING, of, err);
            continue;
        }
        of.found = &found[at++];
        if (!weir__bytes_equal(of.found->value, *of.expected) || !weir__bytes_equal(of.found->key, run->key))
            rc = differ(comparison, WEIR__DIFFERENCE_CHANGED, of, err);
        if (rc == WEIR_OK)
            rc = check_order(comparison, key, &of, err);
        of.expected = NULL;
        for (; rc == WEIR_OK && at < count && found[at].number == i; at++) {
            of.found = &found[at];
            rc = differ(comparison, WEIR__DIFFERENCE_DUPLICATE, of, err);
        }
    }
    return rc;
}

weir_code weir__comparison_run(weir_comparison *comparison, const weir_replayed *run, const weir_found_output *found,
                               size_t count, weir_error *err)
{
    line of = { .run = weir__bytes_text(run->run), .key = run->key, .number = -1, .why = run->failure };
    weir_key_standing *key = standing_of(comparison, run->key);

    if (!key)
        return weir__fail_memory(err, "a key");
    if (key->is_unknown)
        return leave_unchecked(comparison, WEIR__UNCHECKED_MEMORY,
                               (line){ .run = of.run, .key = of.key, .number = -1 }, err);
    if (run->is_unanswered) {
        key->is_unknown = true;
        return leave_unchecked(comparison, WEIR__UNCHECKED_CALL, of, err);
    }
    comparison->runs++;
    if (run->has_diverged || (run->failure && !run->is_forgiven)) {
        key->is_unknown = true;
        return differ(comparison, run->has_diverged ? WEIR__DIFFERENCE_DIVERGED : WEIR__DIFFERENCE_FAILED, of, err);
    }
    return compare_outputs(comparison, run, key, found, count, err);
}

weir_code weir__comparison_left(weir_comparison *comparison, weir_bytes run, const weir_found_output *found,
                                weir_error *err)
{
    line of = { .run = run, .key = found->key, .number = (int64_t)found->number, .found = found };

    return leave_unchecked(comparison, WEIR__UNCHECKED_INPUT, of, err);
}
