/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads of a stream: in input.format and output.format, and schemas that must be fetched first. */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/stream_internal.h"

enum { PAUSE_MS = 1000 };

typedef struct fetch {
    weir_task job; /* first: cast back */
    weir_post post;
    weir_stream *stream;
    uint32_t id;
    const weir_avro_type *type;
    weir_code rc;
    weir_error error;
} fetch;

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static weir_code new_format(const weir_stream *stream, const char *property, weir_format **out, weir_error *err)
{
    weir_format_options options = { .depth = stream->depth, .record_bytes = stream->record_bytes };

    if (!weir__format_named(weir__config_text(stream->options->config, property), &options.kind))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s is no format", property);
    return weir__format_new(&options, out, err);
}

static weir_code open_registry(weir_stream *stream, weir_error *err)
{
    weir_registry_options options;
    weir_code rc = weir__registry_configure(stream->options->config, &options, err);

    return rc == WEIR_OK ? weir__registry_open(&options, &stream->registry, err) : rc;
}

/* Once, before the loop begins, so it may wait. */
static weir_code find_output_schema(weir_stream *stream, weir_error *err)
{
    const char *schema = weir__config_text(stream->options->config, "output.schema");
    const char *topic = stream->options->topics->output.name;
    const weir_avro_type *type;
    struct pollfd fd = { stream->options->stop_fd, POLLIN, 0 };
    uint32_t id;
    weir_code rc;

    if (!schema)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "output.format is avro, but output.schema names no schema; set it to a file, or to "
                          "registry:latest");
    if (!topic)
        return WEIR_OK; /* an output says that there is none */
    while ((rc = weir__registry_output_schema(stream->registry, schema, topic, &id, &type, err)) == WEIR_UNREACHABLE &&
           !atomic_load(stream->options->is_stopping)) {
        weir__log(WEIR__LOG_WARN, stream->name, "%s, waiting", err->message);
        (void)poll(&fd, 1, PAUSE_MS);
    }
    if (rc == WEIR_OK)
        weir__format_set_output_schema(stream->output, id, type);
    return rc;
}

weir_code weir__stream_formats_open(weir_stream *stream, weir_error *err)
{
    const weir_config *config = stream->options->config;
    weir_format_kind input = WEIR__FORMAT_JSON, output = WEIR__FORMAT_JSON;
    weir_code rc = new_format(stream, "input.format", &stream->input, err);

    if (rc == WEIR_OK)
        rc = new_format(stream, "output.format", &stream->output, err);
    if (rc != WEIR_OK || !weir__format_named(weir__config_text(config, "input.format"), &input) ||
        !weir__format_named(weir__config_text(config, "output.format"), &output))
        return rc;
    stream->is_output_json = output == WEIR__FORMAT_JSON;
    if (input == WEIR__FORMAT_AVRO || output == WEIR__FORMAT_AVRO)
        rc = open_registry(stream, err);
    return rc == WEIR_OK && output == WEIR__FORMAT_AVRO ? find_output_schema(stream, err) : rc;
}

void weir__stream_formats_close(weir_stream *stream)
{
    weir__format_free(stream->input);
    weir__format_free(stream->output);
    weir__registry_close(stream->registry);
}

/* ---- schemas that are missing ------------------------------------------------------------------------------------ */

static void on_loop(weir_post *post)
{
    fetch *now = (fetch *)((char *)post - offsetof(fetch, post));
    weir_stream *stream = now->stream;
    weir_error err;
    weir_code rc = WEIR_OK;

    stream->is_fetching = false;
    switch (now->rc) {
    case WEIR_OK:
        rc = weir__format_add_schema(stream->input, now->id, now->type, &err);
        break;
    case WEIR_INVALID: /* there is none, or none that is understood: its records are bad */
        rc = weir__format_refuse_schema(stream->input, now->id, &now->error, &err);
        break;
    case WEIR_UNREACHABLE:
        weir__log(WEIR__LOG_WARN, stream->name, "%s, input waits schema=%" PRIu32, now->error.message, now->id);
        stream->fetch_ms = stream->now_ms + PAUSE_MS;
        break;
    default:
        rc = now->rc;
        err = now->error;
    }
    if (rc != WEIR_OK)
        weir__stream_give_up(stream, WEIR__STREAM_STOPPING, rc, &err);
    free(now);
}

static void work(weir_task *job)
{
    fetch *now = (fetch *)job;

    now->rc = weir__registry_schema(now->stream->registry, now->id, &now->type, &now->error);
    weir__engine_post(now->stream->engine, &now->post);
}

/* On the recovery thread; the record that needs it is taken up again then. */
static weir_code begin_fetch(weir_stream *stream, uint32_t id, weir_error *err)
{
    fetch *now;

    if (stream->is_fetching || stream->now_ms < stream->fetch_ms)
        return WEIR_OK;
    now = calloc(1, sizeof *now);
    if (!now)
        return weir__fail_memory(err, "a schema");
    now->job.run = work;
    now->post.fn = on_loop;
    now->stream = stream;
    now->id = id;
    stream->is_fetching = true;
    stream->recoveries.submit(stream->recoveries.context, &now->job);
    return WEIR_OK;
}

weir_code weir__stream_decode(weir_stream *stream, weir_bytes payload, weir_arena *arena, const weir_json **value,
                              weir_error *err)
{
    uint32_t missing = 0;
    weir_code rc = weir__format_decode(stream->input, payload, arena, value, &missing, err);

    return rc == WEIR_OK && !*value ? begin_fetch(stream, missing, err) : rc;
}
