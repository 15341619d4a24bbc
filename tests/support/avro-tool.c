/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats and the schema registry by hand: avro-tool NAME=VALUE…, properties as on a job's command line. Each line of
 * stdin is a command, each answer a line:
 *   {"decode": {"$bytes": base64}}                 {"value": …}: in input.format, schemas fetched as they are missing
 *   {"encode": value, "topic": name}               {"payload": {"$bytes": base64}, "schema": id}: in output.format
 *   {"plain": {"$bytes": base64}, "schema": text}  {"value": …}: Avro without a registry
 *   {"write": value, "schema": text}               {"payload": …}: the same, written
 *   {"fetch": id}                                  {"name": the type's, or null}
 * What fails: {"error": message, "code": number, "remedy": number}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/format.h"
#include "registry/registry.h"

typedef struct bench {
    weir_config *config;
    weir_registry *registry;
    weir_format *input, *output;
    weir_arena arena; /* of one command */
    weir_buffer reply;
} bench;

static const weir_json *member(const weir_json *json, const char *name)
{
    return weir__json_member(json, weir__bytes_text(name));
}

static weir_code add(bench *tool, const char *text)
{
    return weir__buffer_add_text(&tool->reply, text);
}

static weir_code bytes_of(bench *tool, const weir_json *json, weir_bytes *out, weir_error *err)
{
    weir_bytes base64;
    uint8_t *data;
    size_t size;

    if (!weir__json_is_bytes(json, &base64))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_STOP, "avro-tool: no {\"$bytes\": …}");
    size = (size_t)weir__base64_length(base64);
    data = weir__arena_alloc(&tool->arena, size + 1);
    if (!data)
        return weir__fail_memory(err, "bytes");
    weir__base64_get(base64, data);
    *out = weir__bytes(data, size);
    return WEIR_OK;
}

static weir_code reply_value(bench *tool, const weir_json *value)
{
    weir_code rc = add(tool, "{\"value\":");

    if (rc == WEIR_OK)
        rc = weir__json_print(value, &tool->reply);
    return rc == WEIR_OK ? add(tool, "}\n") : rc;
}

static weir_code reply_payload(bench *tool, weir_bytes payload, uint32_t id)
{
    size_t size = weir__base64_size(payload.size);
    uint8_t *base64 = weir__arena_alloc(&tool->arena, size + 1);
    weir_code rc;

    if (!base64)
        return WEIR_NO_MEMORY;
    *weir__base64_put(base64, payload.data, payload.size) = '\0';
    rc = add(tool, "{\"payload\":{\"$bytes\":\"");
    if (rc == WEIR_OK)
        rc = add(tool, (const char *)base64);
    if (rc == WEIR_OK)
        rc = add(tool, "\"},\"schema\":");
    if (rc == WEIR_OK)
        rc = weir__json_print_int(id, &tool->reply);
    return rc == WEIR_OK ? add(tool, "}\n") : rc;
}

static weir_code open_registry(bench *tool, weir_error *err)
{
    weir_registry_options options;
    weir_code rc;

    if (tool->registry)
        return WEIR_OK;
    rc = weir__registry_configure(tool->config, &options, err);
    return rc == WEIR_OK ? weir__registry_open(&options, &tool->registry, err) : rc;
}

/* As a host does it, but that a host waits on another thread. */
static weir_code decode(bench *tool, const weir_json *json, weir_error *err)
{
    const weir_avro_type *type;
    const weir_json *value = NULL;
    uint32_t missing = 0;
    weir_bytes payload;
    weir_code rc = bytes_of(tool, json, &payload, err);

    if (rc == WEIR_OK)
        rc = weir__format_decode(tool->input, payload, &tool->arena, &value, &missing, err);
    if (rc == WEIR_OK && !value) {
        rc = open_registry(tool, err);
        if (rc == WEIR_OK)
            rc = weir__registry_schema(tool->registry, missing, &type, err);
        if (rc == WEIR_OK)
            rc = weir__format_add_schema(tool->input, missing, type, err);
        if (rc == WEIR_OK)
            rc = weir__format_decode(tool->input, payload, &tool->arena, &value, &missing, err);
    }
    return rc == WEIR_OK ? reply_value(tool, value) : rc;
}

static weir_code encode(bench *tool, const weir_json *json, const char *topic, weir_error *err)
{
    const char *schema = weir__config_text(tool->config, "output.schema");
    weir_bytes text = weir__json_print_arena(json, &tool->arena);
    const weir_avro_type *type;
    weir_buffer payload;
    uint32_t id = 0;
    weir_code rc = WEIR_OK;

    weir__buffer_init(&payload, SIZE_MAX);
    if (schema)
        rc = open_registry(tool, err);
    if (rc == WEIR_OK && schema) {
        rc = weir__registry_output_schema(tool->registry, schema, topic, &id, &type, err);
        if (rc == WEIR_OK)
            weir__format_set_output_schema(tool->output, id, type);
    }
    if (rc == WEIR_OK)
        rc = weir__format_encode(tool->output, text, &payload, err);
    if (rc == WEIR_OK)
        rc = reply_payload(tool, weir__buffer_bytes(&payload), id);
    weir__buffer_clear(&payload);
    return rc;
}

static weir_code plain(bench *tool, const weir_json *command, weir_error *err)
{
    const weir_json *read = member(command, "plain"), *value = member(command, "write");
    weir_bytes schema = weir__json_text(member(command, "schema")), bytes;
    weir_avro_type *type = NULL;
    weir_buffer payload;
    weir_code rc = weir__avro_type_new(&schema, 1, &type, err);

    weir__buffer_init(&payload, SIZE_MAX);
    if (rc == WEIR_OK && read) {
        rc = bytes_of(tool, read, &bytes, err);
        if (rc == WEIR_OK)
            rc = weir__avro_read(type, bytes, 512, 1 << 24, &tool->arena, &value, err);
        if (rc == WEIR_OK)
            rc = reply_value(tool, value);
    } else if (rc == WEIR_OK) {
        rc = weir__avro_write(type, value, &payload, err);
        if (rc == WEIR_OK)
            rc = reply_payload(tool, weir__buffer_bytes(&payload), 0);
    }
    weir__avro_type_free(type);
    weir__buffer_clear(&payload);
    return rc;
}

static weir_code fetch(bench *tool, int64_t id, weir_error *err)
{
    const weir_avro_type *type;
    const char *name;
    weir_code rc = open_registry(tool, err);

    if (rc == WEIR_OK)
        rc = weir__registry_schema(tool->registry, (uint32_t)id, &type, err);
    if (rc != WEIR_OK)
        return rc;
    name = weir__avro_type_name(type);
    rc = add(tool, "{\"name\":");
    if (rc == WEIR_OK)
        rc = name ? weir__json_print_text(weir__bytes_text(name), &tool->reply) : add(tool, "null");
    return rc == WEIR_OK ? add(tool, "}\n") : rc;
}

static weir_code obey(bench *tool, weir_bytes line, weir_error *err)
{
    const weir_json *command;
    weir_code rc = weir__json_parse(line, 512, &tool->arena, &command, err);

    if (rc != WEIR_OK)
        return rc;
    if (member(command, "decode"))
        return decode(tool, member(command, "decode"), err);
    if (member(command, "encode")) {
        weir_bytes topic = weir__arena_copy(&tool->arena, weir__json_text(member(command, "topic")));

        return encode(tool, member(command, "encode"), (const char *)topic.data, err);
    }
    if (member(command, "fetch"))
        return fetch(tool, weir__json_int(member(command, "fetch")), err);
    return plain(tool, command, err);
}

static weir_code open_format(bench *tool, const char *property, weir_format **out, weir_error *err)
{
    weir_format_options options = {
        .depth = (size_t)weir__config_int(tool->config, "limits.depth"),
        .record_bytes = (size_t)weir__config_int(tool->config, "limits.record-bytes"),
    };

    if (!weir__format_named(weir__config_text(tool->config, property), &options.kind))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "no such format");
    return weir__format_new(&options, out, err);
}

static void complain(bench *tool, const weir_error *err)
{
    char numbers[64];

    weir__buffer_reset(&tool->reply);
    snprintf(numbers, sizeof numbers, ",\"code\":%d,\"remedy\":%d}\n", (int)err->code, (int)err->remedy);
    if (add(tool, "{\"error\":") != WEIR_OK ||
        weir__json_print_text(weir__bytes_text(err->message), &tool->reply) != WEIR_OK ||
        add(tool, numbers) != WEIR_OK)
        abort();
}

int main(int count, char **arguments)
{
    bench tool = { .config = NULL };
    weir_error err = { .message = "" };
    weir_code rc = weir__config_new(&tool.config, &err);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;

    weir__arena_init(&tool.arena, 1 << 16);
    weir__buffer_init(&tool.reply, SIZE_MAX);
    for (int i = 1; i < count && rc == WEIR_OK; i++)
        rc = weir__config_set(tool.config, arguments[i], &err);
    if (rc == WEIR_OK)
        rc = open_format(&tool, "input.format", &tool.input, &err);
    if (rc == WEIR_OK)
        rc = open_format(&tool, "output.format", &tool.output, &err);
    while (rc == WEIR_OK && (size = getline(&line, &capacity, stdin)) > 0) {
        weir__buffer_reset(&tool.reply);
        weir__arena_reset(&tool.arena);
        if (obey(&tool, weir__bytes(line, (size_t)size), &err) != WEIR_OK)
            complain(&tool, &err);
        fwrite(tool.reply.data, 1, tool.reply.size, stdout);
        fflush(stdout);
    }
    if (rc != WEIR_OK)
        fprintf(stderr, "avro-tool: %s\n", err.message);
    free(line);
    weir__format_free(tool.input);
    weir__format_free(tool.output);
    weir__registry_close(tool.registry);
    weir__config_free(tool.config);
    weir__arena_clear(&tool.arena);
    weir__buffer_clear(&tool.reply);
    return rc == WEIR_OK ? 0 : 2;
}
