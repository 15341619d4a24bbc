/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro by anybody's schema, as JSON values: the whole of Avro's types, hostile bytes included. (`avro.h` is for schemas
 * of ours, in records of ours.) Nothing here uses avro-c: it knows no defaults, and trusts what it reads.
 *
 * How a type is JSON, both ways:
 *   null, boolean, string, array, map, record   as JSON has them; a record's fields in the schema's order
 *   int, long                                   integers
 *   float, double                               numbers; NaN and the infinities: "NaN", "Infinity", "-Infinity"
 *   bytes, fixed                                {"$bytes": base64}, whatever is in them: a reader meets one form
 *   enum                                        its symbol
 *   union                                       the value of its branch, with nothing around it
 *   logical types                               their plain values: a decimal is bytes, a timestamp-millis a long
 * On writing, a real takes an integer too (rounded, as reals are), a bytes or fixed also takes a string (its UTF-8), a
 * record takes its fields in any order, and a field that is missing has its default. A member that a record does not
 * have is an error, not dropped. A union takes the branch that fits best: of the right type before one that only takes
 * the value (an integer: int or long before float; a string: string or enum before bytes; a real: a float that holds it
 * exactly, or a double, before a float that rounds it; an object: a record before a map), the first of equals. Fitting
 * is looked at four levels deep.
 * Source: Avro 1.11 specification.
 */
#ifndef WEIR__CODEC_AVRO_JSON_H
#define WEIR__CODEC_AVRO_JSON_H

#include "codec/json.h"

/** A parsed schema with all that its names stand for. Threads: any, once it is made. */
typedef struct weir_avro_type weir_avro_type;

/**
 * Parses a schema's JSON text. At most 1 MiB in all, 256 levels of JSON, and 20,000 types.
 *
 * @param texts  `count` schemas, at least one: the last is the one that is meant, those before define names for it
 *               (a registry's references, each after those that it refers to); copied
 * @return WEIR_OK;
 *         WEIR_INVALID   no JSON, no schema, a name that is not defined, or is twice: the message says which (fix)
 *         WEIR_LIMIT     larger than that (fix)
 *         WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__avro_type_new(const weir_bytes *texts, size_t count, weir_avro_type **out, weir_error *err);
void weir__avro_type_free(weir_avro_type *type); /* accepts NULL */

/** The full name ("org.example.User") of a record, enum or fixed; NULL for other types. Lives as long as the type. */
const char *weir__avro_type_name(const weir_avro_type *type);

/**
 * Reads one value: all of the bytes.
 *
 * @param depth    most levels of JSON allowed (limits.depth)
 * @param maximum  most bytes that the value may have as compact JSON (limits.record-bytes), escapes not counted; what
 *                 is allocated is within 20 times that (while it reads; 10 stay in the arena), and the bytes' own
 *                 size, whatever counts they claim
 * @param out      valid until the arena is reset, and as long as `type`: names of fields and symbols are its own
 * @return WEIR_OK;
 *         WEIR_INVALID    not a value of the type; the message has the place: "byte 17: …"  (fix)
 *         WEIR_LIMIT      too deep, or too much                                            (fix)
 *         WEIR_NO_MEMORY                                                                   (stop)
 */
WEIR_CHECK weir_code weir__avro_read(const weir_avro_type *type, weir_bytes bytes, size_t depth, size_t maximum,
                                     weir_arena *arena, const weir_json **out, weir_error *err);

/**
 * Appends a value's bytes.
 *
 * @return WEIR_OK;
 *         WEIR_INVALID    the value is not of the type; the message has the place: "/user/age: …"           (fix)
 *         WEIR_LIMIT      the buffer's maximum; or a default within a default without end                  (fix)
 *         WEIR_NO_MEMORY                                                                                   (stop)
 *         On failure the buffer keeps what it had.
 */
WEIR_CHECK weir_code weir__avro_write(const weir_avro_type *type, const weir_json *value, weir_buffer *out,
                                      weir_error *err);

#endif
