/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats: what a record's payload is as JSON, and the other way round: json, string, bytes, avro (Confluent's framing:
 * a zero byte, the schema's id in four bytes, the highest first, the Avro bytes). It fetches nothing: where a schema is
 * missing it says which, its caller brings it (room `registry`, on a thread that may wait), gives it, and asks again.
 *
 *   json    RFC 8259 as the contract has it
 *   string  UTF-8; a JSON string
 *   bytes   {"$bytes": base64}, whatever is in them
 *   avro    see avro_json.h
 * Source: the contract, "JSON", "Config"; Confluent, "Wire Format".
 */
#ifndef WEIR__CODEC_FORMAT_H
#define WEIR__CODEC_FORMAT_H

#include "codec/avro_json.h"

typedef enum weir_format_kind {
    WEIR__FORMAT_JSON,
    WEIR__FORMAT_STRING,
    WEIR__FORMAT_BYTES,
    WEIR__FORMAT_AVRO
} weir_format_kind;

/** One direction of one stream: input.format or output.format. Threads: one at a time. */
typedef struct weir_format weir_format;

typedef struct weir_format_options {
    weir_format_kind kind;
    size_t depth;        /* limits.depth */
    size_t record_bytes; /* limits.record-bytes: the largest payload, and the largest value as JSON */
} weir_format_options;

/** Finds a format by its name in the configuration. False if there is none of that name. */
bool weir__format_named(const char *name, weir_format_kind *out);

WEIR_CHECK weir_code weir__format_new(const weir_format_options *options, weir_format **out, weir_error *err);
void weir__format_free(weir_format *format); /* accepts NULL */

/* ---- reading ---------------------------------------------------------------------------------------------------- */

/**
 * Reads one payload.
 *
 * @param payload  any bytes; `data` NULL: the record has no value (Kafka's null), which is JSON null in every format
 * @param arena    the run's
 * @param value    the value; valid until the arena is reset, and as long as the format's schemas are.
 *                 NULL (with WEIR_OK): the schema `*missing_schema` is needed first. Give it by
 *                 weir__format_add_schema() or weir__format_refuse_schema(), and call again with the same payload
 * @param missing_schema  written only when *value is NULL; may be NULL itself when the format is not avro
 * @return WEIR_OK;
 *         WEIR_INVALID, WEIR_LIMIT  undecodable, and why: to input.on-error   (fix)
 *         WEIR_NO_MEMORY                                                      (stop)
 */
WEIR_CHECK weir_code weir__format_decode(weir_format *format, weir_bytes payload, weir_arena *arena,
                                         const weir_json **value, uint32_t *missing_schema, weir_error *err);

/** Gives a schema for reading; one of the same id, and a refusal, are replaced. `type` is borrowed until the format is
 * freed. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__format_add_schema(weir_format *format, uint32_t id, const weir_avro_type *type,
                                             weir_error *err);

/** Says that a schema cannot be had (the registry does not know it, or it is none): from now on payloads of that id are
 * WEIR_INVALID with that message. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__format_refuse_schema(weir_format *format, uint32_t id, const weir_error *cause,
                                                weir_error *err);

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/** Sets what avro writes with: needed before the first weir__format_encode() of such a format. `type` is borrowed until
 * the format is freed. */
void weir__format_set_output_schema(weir_format *format, uint32_t id, const weir_avro_type *type);

/**
 * Appends an output's payload.
 *
 * @param json  the output as the run printed it: one JSON text of ours
 * @return WEIR_OK;
 *         WEIR_INVALID    the value does not fit the format: string takes a string; bytes takes a string (its UTF-8) or
 *                         {"$bytes": base64}; avro what its schema says. That run's failure        (fix)
 *         WEIR_LIMIT      the buffer's maximum                                                      (fix)
 *         WEIR_NO_MEMORY                                                                            (stop)
 *         On failure the buffer keeps what it had.
 */
WEIR_CHECK weir_code weir__format_encode(weir_format *format, weir_bytes json, weir_buffer *out, weir_error *err);

#endif
