/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Avro by a schema: values to bytes and back. What is used of Avro is what our schemas need: null, boolean, int, long,
 * bytes, string, enum, array, union, record. avro-c stands behind it, which trusts the bytes it reads; so they are
 * walked through before (weir__avro_check), and it sees only what is whole and of the schema.
 */
#ifndef WEIR__CODEC_AVRO_H
#define WEIR__CODEC_AVRO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

/** A parsed schema. Threads: any, once it is made. */
typedef struct weir_avro_schema weir_avro_schema;

/**
 * Parses a schema. `json` is ours: what is wrong with it is a bug.
 * @return WEIR_OK; WEIR_INVALID: no schema, or of a type that is not used here (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__avro_schema_new(const char *json, weir_avro_schema **out, weir_error *err);
void weir__avro_schema_free(weir_avro_schema *schema); /* accepts NULL */

/**
 * Whether bytes are one value of the schema, all of them: lengths within what is left, UTF-8 in strings, numbers of
 * branches and symbols in range, nothing behind. Allocates nothing.
 * @return WEIR_OK; WEIR_IO: they are not; the message has the position: "byte 17: …" (stop)
 */
WEIR_CHECK weir_code weir__avro_check(const weir_avro_schema *schema, weir_bytes bytes, weir_error *err);

/* ---- values ------------------------------------------------------------------------------------------------------ */

/**
 * A value, or a place in one: a field, an element, a branch. Copied freely; valid as long as the value it belongs to,
 * and until the union or array above it is changed. Asking a place for what it is not is a bug.
 */
typedef struct weir_avro_value {
    void *iface, *self; /* avro-c's */
} weir_avro_value;

/** A value of a schema, to be filled. WEIR_OK or WEIR_NO_MEMORY. Threads: one at a time, as of all values. */
WEIR_CHECK weir_code weir__avro_value_new(const weir_avro_schema *schema, weir_avro_value *out);
void weir__avro_value_free(weir_avro_value *value); /* all zero is fine */

/**
 * Checks bytes, and reads a value of them. Memory: what the bytes hold, and up to 64 bytes for each that they have.
 * @return WEIR_OK; WEIR_IO: as weir__avro_check(); WEIR_NO_MEMORY. Only a value that is OK is to be freed
 */
WEIR_CHECK weir_code weir__avro_decode(const weir_avro_schema *schema, weir_bytes bytes, weir_avro_value *out,
                                       weir_error *err);

/**
 * Appends a value of which every place has been set.
 * @return WEIR_OK; WEIR_LIMIT: the buffer's maximum, WEIR_NO_MEMORY: and then the buffer has what it had
 */
WEIR_CHECK weir_code weir__avro_encode(weir_avro_value value, weir_buffer *out);

/* Where things are. */
weir_avro_value weir__avro_field(weir_avro_value record, const char *name);
size_t weir__avro_size(weir_avro_value array);
weir_avro_value weir__avro_element(weir_avro_value array, size_t index);
int weir__avro_branch(weir_avro_value either, weir_avro_value *out); /* number of the one it has; it must have one */

/* What is there. */
int64_t weir__avro_long(weir_avro_value at);
bool weir__avro_bool(weir_avro_value at);
int weir__avro_enum(weir_avro_value at);
weir_bytes weir__avro_bytes(weir_avro_value at); /* of a string too; borrowed from the value */

/* Setting it. Bytes are borrowed until the value has been encoded. */
void weir__avro_set_long(weir_avro_value at, int64_t number);
void weir__avro_set_bool(weir_avro_value at, bool truth);
void weir__avro_set_enum(weir_avro_value at, int symbol);
void weir__avro_set_bytes(weir_avro_value at, weir_bytes bytes); /* of a string too: UTF-8 then */
void weir__avro_clear(weir_avro_value array);                    /* no elements */
WEIR_CHECK weir_code weir__avro_append(weir_avro_value array, weir_avro_value *out); /* WEIR_OK, WEIR_NO_MEMORY */
/** Takes a branch; null needs no more. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__avro_take(weir_avro_value either, int branch, weir_avro_value *out);

#endif
