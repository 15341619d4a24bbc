/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema registry (Confluent's REST API): schemas by id and by subject, kept for life once they were had.
 *
 * Threads: one at a time, and it blocks: every function that asks the server waits up to the time-out for each of the
 * URLs and each schema that is referred to. So it is never called on a loop's thread. The types that it gives out may
 * be used on any thread, until the registry is closed.
 *
 * Failures, of every function that asks the server:
 *   WEIR_UNREACHABLE  no connection, time-out, half an answer, status 408, 429 or 5xx, at every URL           (retry)
 *   WEIR_CONFIG       401, 403: the message names the properties to set                                      (fix)
 *   WEIR_INVALID      404: no such schema, subject or version; a schema that is no Avro, or not understood;
 *                     409, 422: the registry refuses the schema, in its words                                (fix)
 *   WEIR_NO_MEMORY                                                                                           (stop)
 * No message holds a password or token. Source: Confluent, "Schema Registry API Reference".
 */
#ifndef WEIR__REGISTRY_REGISTRY_H
#define WEIR__REGISTRY_REGISTRY_H

#include "codec/avro_json.h"
#include "config/config.h"

typedef struct weir_registry weir_registry;

typedef enum weir_subject_strategy {
    WEIR__SUBJECT_TOPIC,       /* TOPIC-value */
    WEIR__SUBJECT_RECORD,      /* the record's full name */
    WEIR__SUBJECT_TOPIC_RECORD /* TOPIC-NAME */
} weir_subject_strategy;

typedef struct weir_registry_options {
    const char *url;        /* http or https, a path is fine; several with commas: asked in turn until one answers.
                               A user and password in one are used for that one */
    const char *user, *password; /* basic authentication, for URLs without their own; NULL: none */
    const char *token;      /* sent as "Authorization: Bearer …"; NULL: none; not with a user */
    const char *ca_file;    /* PEM bundle; NULL: the system's */
    int64_t timeout_ms;     /* for one exchange; > 0 */
    bool auto_register;     /* weir__registry_register() may add a version; else it only looks the schema up */
    weir_subject_strategy strategy;
} weir_registry_options;

/**
 * What the configuration's schema-registry.… say; its text is borrowed from it.
 * @return WEIR_OK; WEIR_CONFIG: no URL, a token and a user (fix)
 */
WEIR_CHECK weir_code weir__registry_configure(const weir_config *config, weir_registry_options *out, weir_error *err);

/**
 * Makes one; asks the server nothing. All is copied.
 * @return WEIR_OK; WEIR_CONFIG: a URL that is none, a CA file that cannot be read (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__registry_open(const weir_registry_options *options, weir_registry **out, weir_error *err);

/** Frees it and every type it gave. Accepts NULL. */
void weir__registry_close(weir_registry *registry);

/** The schema of an id (GET /schemas/ids/ID), with what it refers to. A failure is not kept: the next call asks
 * again. */
WEIR_CHECK weir_code weir__registry_schema(weir_registry *registry, uint32_t id, const weir_avro_type **out,
                                           weir_error *err);

/** Registers a schema under a subject (POST /subjects/S/versions), or only looks it up (POST /subjects/S) without
 * auto_register. `text` is the schema's JSON; `id` is what the registry calls it. */
WEIR_CHECK weir_code weir__registry_register(weir_registry *registry, const char *subject, weir_bytes text,
                                             uint32_t *id, const weir_avro_type **out, weir_error *err);

/** The latest version of a subject (GET /subjects/S/versions/latest), at the time of the call. */
WEIR_CHECK weir_code weir__registry_latest(weir_registry *registry, const char *subject, uint32_t *id,
                                           const weir_avro_type **out, weir_error *err);

/**
 * The schema that a topic's values are written with: what a host does once, with output.schema.
 *
 * @param schema  output.schema: "registry:latest", or a file that holds an Avro schema, which is registered, or looked
 *                up without auto_register
 * @return also WEIR_CONFIG: the file is not there, too large or no Avro schema; the strategy needs the name of a
 *         record, and the schema has none, or is to come from the registry (fix)
 */
WEIR_CHECK weir_code weir__registry_output_schema(weir_registry *registry, const char *schema, const char *topic,
                                                  uint32_t *id, const weir_avro_type **out, weir_error *err);

/**
 * The subject that a strategy gives.
 *
 * @param record  the type's name; NULL: it has none
 * @param out     allocated, to be freed
 * @return WEIR_OK; WEIR_CONFIG: the strategy needs a name (fix); WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__registry_subject(weir_subject_strategy strategy, const char *topic, const char *record,
                                            char **out, weir_error *err);

#endif
