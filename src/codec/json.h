/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by the contract's rules: text to values and back. Two forms of a value: `weir_json`, read-only, parsed fast into
 * an arena (yyjson); and jansson's `json_t`, the public tree. Both print to the same bytes.
 *
 * The rules: RFC 8259; integers are int64, beyond is an error, as is a real beyond double's range, a duplicate member
 * name, invalid UTF-8, or more than `depth` levels (a scalar has 0 levels, [] has 1). \u0000 is allowed, in names too.
 * A text is one value with blanks around it. `-0` is the integer 0; a number with a point or an exponent is a real.
 * No function here recurses; only freeing a tree does (jansson's).
 */
#ifndef WEIR__CODEC_JSON_H
#define WEIR__CODEC_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

/** One parsed value; lives in the arena it was parsed into. */
typedef struct weir_json weir_json;

typedef enum weir_json_kind {
    WEIR__JSON_NULL,
    WEIR__JSON_BOOL,
    WEIR__JSON_INT,
    WEIR__JSON_REAL,
    WEIR__JSON_TEXT,
    WEIR__JSON_ARRAY,
    WEIR__JSON_OBJECT
} weir_json_kind;

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/**
 * Parses one text into the arena.
 *
 * @param text   any bytes; copied
 * @param depth  most levels allowed
 * @param out    the value; valid until the arena is reset
 * @return WEIR_OK;
 *         WEIR_INVALID    not JSON by the rules above; the message has the position: "byte 17: …"  (fix)
 *         WEIR_LIMIT      too deep, whatever else is wrong behind that                            (fix)
 *         WEIR_NO_MEMORY                                                                          (stop)
 */
WEIR_CHECK weir_code weir__json_parse(weir_bytes text, size_t depth, weir_arena *arena, const weir_json **out,
                                      weir_error *err);

weir_json_kind weir__json_kind(const weir_json *json);
bool weir__json_bool(const weir_json *json);
int64_t weir__json_int(const weir_json *json);
double weir__json_real(const weir_json *json);     /* of an INT too */
weir_bytes weir__json_text(const weir_json *json); /* may hold NUL bytes; lives as long as the value */
size_t weir__json_size(const weir_json *json);     /* elements or members; 0 for a scalar */

/** A member's value; NULL when absent or when `json` is no object. */
const weir_json *weir__json_member(const weir_json *json, weir_bytes name);

/** Goes through an array or object in the order written. Start with *at = NULL; false at the end, at once for a scalar.
 * `name` may be NULL; it is set for objects. */
bool weir__json_next(const weir_json *json, const weir_json **at, weir_bytes *name, const weir_json **value);

/**
 * RFC 6901. "" is the value itself.
 *
 * @param out  NULL when nothing is there
 * @return false when the pointer is not well-formed ("a/b", "/~2")
 */
bool weir__json_pointer(const weir_json *json, const char *pointer, const weir_json **out);

/** As a jansson tree: new; NULL when there is no memory. */
json_t *weir__json_tree(const weir_json *json);

/* ---- trees ------------------------------------------------------------------------------------------------------ */

/** RFC 6901 on a tree: borrowed; otherwise as weir__json_pointer(). */
bool weir__tree_pointer(json_t *tree, const char *pointer, json_t **out);

weir_json_kind weir__tree_kind(const json_t *tree);

/* ---- printing: compact, members in order, integers as they are, reals shortest round-trip, '/' and non-ASCII as they
 * are, control characters as \b \f \n \r \t or \u00xx -------------------------------------------------------------- */

/** Appends a value. WEIR_LIMIT: the buffer's maximum; WEIR_NO_MEMORY. On failure the buffer keeps what it had. */
WEIR_CHECK weir_code weir__json_print(const weir_json *json, weir_buffer *out);

/** Whether printing a value would give just the text it was parsed from. May say no where it would: of reals, and of
 * strings with escapes. */
bool weir__json_is_printed(const weir_json *json, weir_bytes text);

/** Prints into an arena, with a NUL behind that is not counted; `data` NULL when there is no memory. */
weir_bytes weir__json_print_arena(const weir_json *json, weir_arena *arena);

/** Appends a tree; the same bytes as for the parsed text of it. WEIR_LIMIT: deeper than `depth` (one that holds itself
 * is), or the buffer's maximum; WEIR_INVALID: a string or name that is not UTF-8 (jansson's _nocheck functions take any
 * bytes), a real that is not finite; all to be fixed. WEIR_NO_MEMORY. On failure the buffer keeps what it had. */
WEIR_CHECK weir_code weir__tree_print(const json_t *tree, size_t depth, weir_buffer *out, weir_error *err);

/** Appends a string with its quotes. `text` is valid UTF-8. */
WEIR_CHECK weir_code weir__json_print_text(weir_bytes text, weir_buffer *out);

WEIR_CHECK weir_code weir__json_print_int(int64_t value, weir_buffer *out);
WEIR_CHECK weir_code weir__json_print_real(double value, weir_buffer *out); /* finite */

/**
 * Appends bytes that need not be text as JSON: a string when they are UTF-8, else {"$bytes": base64}.
 * Source: the contract, "Keys from Kafka that are not UTF-8".
 */
WEIR_CHECK weir_code weir__json_print_bytes(weir_bytes bytes, weir_buffer *out);

/** Whether bytes are UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool weir__utf8_is_valid(weir_bytes bytes);

#endif
