/* SPDX-License-Identifier: Apache-2.0 */
/* Formats, schemas that must be fetched first, and keys out of values. */
#include "host/formats.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"

enum { PAUSE_MS = 1000 };

typedef struct fetch {
    weir_task job; /* first: cast back */
    weir_post post;
    weir_formats *formats;
    uint32_t id;
    const weir_avro_type *type;
    weir_code rc;
    weir_error error;
} fetch;

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static weir_code new_format(const weir_formats *formats, const char *property, weir_format **out, weir_error *err)
{
    weir_format_options options = {
        .depth = (size_t)weir__config_int(formats->config, "limits.depth"),
        .record_bytes = (size_t)weir__config_int(formats->config, "limits.record-bytes"),
    };

    if (!weir__format_named(weir__config_text(formats->config, property), &options.kind))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s is no format", property);
    return weir__format_new(&options, out, err);
}

static weir_code open_registry(weir_formats *formats, weir_error *err)
{
    weir_registry_options options;
    weir_code rc = weir__registry_configure(formats->config, &options, err);

    return rc == WEIR_OK ? weir__registry_open(&options, &formats->registry, err) : rc;
}

/* Once, before the loop begins, so it may wait. */
static weir_code find_output_schema(weir_formats *formats, weir_error *err)
{
    const char *schema = weir__config_text(formats->config, "output.schema");
    const weir_avro_type *type;
    uint32_t id;
    weir_code rc;

    if (!schema)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "output.format is avro, but output.schema names no schema; set it to a file, or to "
                          "registry:latest");
    if (!formats->topic)
        return WEIR_OK; /* an output says that there is none */
    while ((rc = weir__registry_output_schema(formats->registry, schema, formats->topic, &id, &type, err)) ==
           WEIR_UNREACHABLE) {
        weir__log(WEIR__LOG_WARN, formats->name, "%s, waiting", err->message);
        if (!formats->pause(formats->host, PAUSE_MS))
            return rc;
    }
    if (rc == WEIR_OK)
        weir__format_set_output_schema(formats->output, id, type);
    return rc;
}

weir_code weir__formats_open(weir_formats *formats, weir_error *err)
{
    weir_format_kind input = WEIR__FORMAT_JSON, output = WEIR__FORMAT_JSON;
    weir_code rc = new_format(formats, "input.format", &formats->input, err);

    if (rc == WEIR_OK)
        rc = new_format(formats, "output.format", &formats->output, err);
    if (rc != WEIR_OK || !weir__format_named(weir__config_text(formats->config, "input.format"), &input) ||
        !weir__format_named(weir__config_text(formats->config, "output.format"), &output))
        return rc;
    formats->is_output_json = output == WEIR__FORMAT_JSON;
    if (input == WEIR__FORMAT_AVRO || output == WEIR__FORMAT_AVRO)
        rc = open_registry(formats, err);
    return rc == WEIR_OK && output == WEIR__FORMAT_AVRO ? find_output_schema(formats, err) : rc;
}

void weir__formats_close(weir_formats *formats)
{
    weir__format_free(formats->input);
    weir__format_free(formats->output);
    weir__registry_close(formats->registry);
}

/* ---- schemas that are missing ------------------------------------------------------------------------------------ */

static void on_loop(weir_post *post)
{
    fetch *now = (fetch *)((char *)post - offsetof(fetch, post));
    weir_formats *formats = now->formats;
    weir_error err;
    weir_code rc = WEIR_OK;

    formats->is_fetching = false;
    switch (now->rc) {
    case WEIR_OK:
        rc = weir__format_add_schema(formats->input, now->id, now->type, &err);
        break;
    case WEIR_INVALID: /* there is none, or none that is understood: its records are bad */
        rc = weir__format_refuse_schema(formats->input, now->id, &now->error, &err);
        break;
    case WEIR_UNREACHABLE:
        weir__log(WEIR__LOG_WARN, formats->name, "%s, input waits schema=%" PRIu32, now->error.message, now->id);
        formats->fetch_ms = weir__clock_monotonic_ms(formats->clock) + PAUSE_MS;
        break;
    default:
        rc = now->rc;
        err = now->error;
    }
    if (rc != WEIR_OK)
        formats->failed(formats->host, rc, &err);
    free(now);
}

static void work(weir_task *job)
{
    fetch *now = (fetch *)job;

    now->rc = weir__registry_schema(now->formats->registry, now->id, &now->type, &now->error);
    weir__engine_post(now->formats->engine, &now->post);
}

/* On another thread; the record that needs it is taken up again then. */
static weir_code begin_fetch(weir_formats *formats, uint32_t id, weir_error *err)
{
    fetch *now;

    if (formats->is_fetching || weir__clock_monotonic_ms(formats->clock) < formats->fetch_ms)
        return WEIR_OK;
    now = calloc(1, sizeof *now);
    if (!now)
        return weir__fail_memory(err, "a schema");
    now->job.run = work;
    now->post.fn = on_loop;
    now->formats = formats;
    now->id = id;
    formats->is_fetching = true;
    formats->executor->submit(formats->executor->context, &now->job);
    return WEIR_OK;
}

weir_code weir__formats_decode(weir_formats *formats, weir_bytes payload, weir_arena *arena, const weir_json **value,
                               weir_error *err)
{
    uint32_t missing = 0;
    weir_code rc = weir__format_decode(formats->input, payload, arena, value, &missing, err);

    return rc == WEIR_OK && !*value ? begin_fetch(formats, missing, err) : rc;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

weir_code weir__key_by(const weir_json *value, const char *pointer, weir_arena *arena, weir_bytes *key,
                       weir_error *err)
{
    const weir_json *member;

    if (!weir__json_pointer(value, pointer, &member))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_STOP, "input.key-by: '%s' is no JSON pointer", pointer);
    switch (member ? weir__json_kind(member) : WEIR__JSON_NULL) {
    case WEIR__JSON_NULL:
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "nothing stands at %s (input.key-by)", pointer);
    case WEIR__JSON_TEXT:
        *key = weir__json_text(member);
        return WEIR_OK;
    case WEIR__JSON_BOOL:
    case WEIR__JSON_INT:
    case WEIR__JSON_REAL:
        *key = weir__json_print_arena(member, arena);
        return key->data ? WEIR_OK : weir__fail_memory(err, "a key");
    case WEIR__JSON_ARRAY:
    case WEIR__JSON_OBJECT:
        break;
    }
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "what stands at %s (input.key-by) is no string or number",
                      pointer);
}
