/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of a host that is driven by a loop: in input.format and output.format, and schemas that must be fetched
 * first, away from the loop. */
#ifndef WEIR__HOST_FORMATS_H
#define WEIR__HOST_FORMATS_H

#include "base/executor.h"
#include "codec/format.h"
#include "engine/engine.h"
#include "registry/registry.h"

/* The first part is filled in by its host, and outlives it; the rest is for asking. */
typedef struct weir_formats {
    const weir_config *config;
    const char *name;              /* for the log */
    const char *topic;             /* outputs' ; NULL: there is none */
    const weir_clock *clock;
    weir_engine *engine;
    const weir_executor *executor; /* runs what fetches; not freed while is_fetching */
    void *host;
    void (*failed)(void *host, weir_code rc, const weir_error *err); /* on the loop: it cannot go on */
    bool (*pause)(void *host, int pause_ms); /* waits; false: the host is to end. Only while it is opened */

    weir_format *input, *output;
    weir_registry *registry; /* the executor's, once the loop has begun; NULL: no format needs it */
    bool is_output_json;     /* as the runs print it */
    bool is_fetching;        /* a schema: no record is taken in meanwhile */
    int64_t fetch_ms;        /* monotonic: not before that */
} weir_formats;

/**
 * Makes both formats, and finds the schema that outputs are written with; that may wait.
 * @return WEIR_OK; WEIR_CONFIG: no registry, no schema (fix); as the registry
 */
WEIR_CHECK weir_code weir__formats_open(weir_formats *formats, weir_error *err);
void weir__formats_close(weir_formats *formats);

/** As weir__format_decode(); *value NULL: a schema is being fetched, ask again later. */
WEIR_CHECK weir_code weir__formats_decode(weir_formats *formats, weir_bytes payload, weir_arena *arena,
                                          const weir_json **value, weir_error *err);

/**
 * The key that a JSON pointer (input.key-by) points to, as the contract has keys: text as it is, numbers and truth
 * values as JSON; in the arena.
 * @return WEIR_OK; WEIR_INVALID: nothing that is a key stands there (fix); WEIR_CONFIG: it is no pointer (stop);
 *         WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__key_by(const weir_json *value, const char *pointer, weir_arena *arena, weir_bytes *key,
                                  weir_error *err);

#endif
