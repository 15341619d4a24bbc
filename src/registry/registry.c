/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas by id and by subject: what is asked for, what is kept. */
#include "registry/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry/internal.h"

enum { REFERENCES_MAXIMUM = 100, REFERENCES_DEPTH = 16, FILE_MAXIMUM = 1 << 20 };

static weir_code fail_memory(weir_error *err)
{
    return weir__fail_memory(err, "the schema registry");
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

weir_code weir__registry_configure(const weir_config *config, weir_registry_options *out, weir_error *err)
{
    const char *strategy = weir__config_text(config, "schema-registry.subject-strategy");
    weir_registry_options options = {
        .url = weir__config_text(config, "schema-registry.url"),
        .user = weir__config_text(config, "schema-registry.user"),
        .password = weir__config_text(config, "schema-registry.password"),
        .token = weir__config_text(config, "schema-registry.token"),
        .ca_file = weir__config_text(config, "schema-registry.ca-file"),
        .timeout_ms = weir__config_int(config, "schema-registry.timeout-ms"),
        .auto_register = weir__config_bool(config, "schema-registry.auto-register"),
        .strategy = strcmp(strategy, "record") == 0         ? WEIR__SUBJECT_RECORD
                    : strcmp(strategy, "topic-record") == 0 ? WEIR__SUBJECT_TOPIC_RECORD
                                                            : WEIR__SUBJECT_TOPIC,
    };

    if (!options.url)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "schema-registry.url is not set, and the format avro needs a schema registry");
    if (options.token && options.user)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "schema-registry.token and schema-registry.user are both set; one of them is expected");
    if (options.password && !options.user)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "schema-registry.password is set, and schema-registry.user is not");
    *out = options;
    return WEIR_OK;
}

weir_code weir__registry_open(const weir_registry_options *options, weir_registry **out, weir_error *err)
{
    weir_registry *registry = calloc(1, sizeof *registry);
    weir_code rc;

    if (!registry)
        return fail_memory(err);
    registry->timeout_ms = options->timeout_ms;
    registry->auto_register = options->auto_register;
    registry->strategy = options->strategy;
    rc = weir__registry_connect(registry, options, err);
    if (rc == WEIR_OK)
        *out = registry;
    else
        weir__registry_close(registry);
    return rc;
}

void weir__registry_close(weir_registry *registry)
{
    if (!registry)
        return;
    weir__registry_disconnect(registry);
    for (size_t i = 0; i < registry->entry_count; i++)
        weir__avro_type_free(registry->entries[i].type);
    free(registry->entries);
    free(registry);
}

/* ---- what is kept ------------------------------------------------------------------------------------------------ */

static const weir_avro_type *find_entry(const weir_registry *registry, uint32_t id)
{
    for (size_t i = 0; i < registry->entry_count; i++) {
        if (registry->entries[i].id == id)
            return registry->entries[i].type;
    }
    return NULL;
}

/* Takes `type`. One that is there stays: somebody may use it. */
static weir_code keep_entry(weir_registry *registry, uint32_t id, weir_avro_type *type, const weir_avro_type **out,
                            weir_error *err)
{
    const weir_avro_type *known = find_entry(registry, id);

    if (known) {
        weir__avro_type_free(type);
        *out = known;
        return WEIR_OK;
    }
    if (registry->entry_count == registry->entry_capacity) {
        size_t capacity = registry->entry_capacity ? 2 * registry->entry_capacity : 8;
        weir_registry_entry *grown = realloc(registry->entries, capacity * sizeof *grown);

        if (!grown) {
            weir__avro_type_free(type);
            return fail_memory(err);
        }
        registry->entries = grown;
        registry->entry_capacity = capacity;
    }
    registry->entries[registry->entry_count++] = (weir_registry_entry){ id, type };
    *out = type;
    return WEIR_OK;
}

/* ---- paths and members ------------------------------------------------------------------------------------------- */

/* BEFORE, then `name` with all that is not unreserved as %XX (RFC 3986), then AFTER. Allocated. */
static char *path_of(const char *before, weir_bytes name, const char *after)
{
    static const char digits[] = "0123456789ABCDEF";
    char *path = malloc(strlen(before) + 3 * name.size + strlen(after) + 1), *at;

    if (!path)
        return NULL;
    at = stpcpy(path, before);
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];

        if ((byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
            (byte && strchr("-._~", byte))) {
            *at++ = (char)byte;
        } else {
            *at++ = '%';
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        }
    }
    memcpy(at, after, strlen(after) + 1);
    return path;
}

static const weir_json *member(const weir_json *object, const char *name, weir_json_kind kind)
{
    const weir_json *value = weir__json_member(object, weir__bytes_text(name));

    return value && weir__json_kind(value) == kind ? value : NULL;
}

/* How much of a text a message shows. */
static int shown(weir_bytes text)
{
    return text.size < 60 ? (int)text.size : 60;
}

static weir_code fail_answer(weir_error *err, const char *without)
{
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the registry's answer has no %s", without);
}

static weir_code id_of(const weir_json *answer, uint32_t *out, weir_error *err)
{
    const weir_json *id = member(answer, "id", WEIR__JSON_INT);

    if (!id || weir__json_int(id) < 0 || weir__json_int(id) > UINT32_MAX)
        return fail_answer(err, "id");
    *out = (uint32_t)weir__json_int(id);
    return WEIR_OK;
}

/* ---- schemas, and what they refer to ----------------------------------------------------------------------------- */

/* Texts in the order in which they define names. */
typedef struct gathering {
    weir_registry *registry;
    weir_arena *arena;
    weir_bytes texts[REFERENCES_MAXIMUM + 1];
    weir_bytes subjects[REFERENCES_MAXIMUM]; /* of those that were asked for */
    int64_t versions[REFERENCES_MAXIMUM];
    size_t count, asked;
    weir_error *err;
} gathering;

/* The "schema" of an answer, of Avro. */
static weir_code text_of(const weir_json *answer, weir_bytes *out, weir_error *err)
{
    const weir_json *schema = member(answer, "schema", WEIR__JSON_TEXT);
    const weir_json *type = member(answer, "schemaType", WEIR__JSON_TEXT);

    if (type && !weir__bytes_equal(weir__json_text(type), weir__bytes_text("AVRO")))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "its type is %.*s, only AVRO is read",
                          shown(weir__json_text(type)), (const char *)weir__json_text(type).data);
    if (!schema)
        return fail_answer(err, "schema");
    *out = weir__json_text(schema);
    return WEIR_OK;
}

static weir_code gather(gathering *all, const weir_json *answer, int depth);

static weir_code gather_reference(gathering *all, weir_bytes subject, int64_t version, int depth)
{
    const weir_json *answer;
    char number[40], *path;
    weir_code rc;

    for (size_t i = 0; i < all->asked; i++) {
        if (all->versions[i] == version && weir__bytes_equal(all->subjects[i], subject))
            return WEIR_OK;
    }
    if (all->asked == REFERENCES_MAXIMUM || depth == REFERENCES_DEPTH)
        return weir__fail(all->err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "more than %d references, or deeper than %d levels", REFERENCES_MAXIMUM, REFERENCES_DEPTH);
    all->subjects[all->asked] = subject;
    all->versions[all->asked++] = version;
    snprintf(number, sizeof number, "/versions/%lld", (long long)version);
    path = path_of("/subjects/", subject, number);
    if (!path)
        return fail_memory(all->err);
    rc = weir__registry_ask(all->registry, "GET", path, weir__bytes("", 0), all->arena, &answer, all->err);
    free(path);
    return rc == WEIR_OK ? gather(all, answer, depth + 1) : rc;
}

/* The texts that an answer's schema refers to, then its own. Calls itself, REFERENCES_DEPTH deep at most. */
static weir_code gather(gathering *all, const weir_json *answer, int depth)
{
    const weir_json *references = member(answer, "references", WEIR__JSON_ARRAY), *at = NULL, *each;
    weir_bytes text;
    weir_code rc = text_of(answer, &text, all->err);

    while (rc == WEIR_OK && references && weir__json_next(references, &at, NULL, &each)) {
        const weir_json *subject = member(each, "subject", WEIR__JSON_TEXT);
        const weir_json *version = member(each, "version", WEIR__JSON_INT);

        if (!subject || !version)
            return fail_answer(all->err, "subject and version in its references");
        rc = gather_reference(all, weir__json_text(subject), weir__json_int(version), depth);
        if (rc != WEIR_OK)
            weir__error_context(all->err, "its reference '%.*s'", shown(weir__json_text(subject)),
                                (const char *)weir__json_text(subject).data);
    }
    if (rc == WEIR_OK)
        all->texts[all->count++] = text;
    return rc;
}

/* Makes a type of an answer, and keeps it. */
static weir_code take_schema(weir_registry *registry, uint32_t id, const weir_json *answer, weir_arena *arena,
                             const weir_avro_type **out, weir_error *err)
{
    gathering *all = weir__arena_alloc(arena, sizeof *all);
    weir_avro_type *type;
    weir_code rc;

    if (!all)
        return fail_memory(err);
    *all = (gathering){ .registry = registry, .arena = arena, .err = err };
    rc = gather(all, answer, 0);
    if (rc == WEIR_OK)
        rc = weir__avro_type_new(all->texts, all->count, &type, err);
    if (rc == WEIR_LIMIT) { /* of a schema, not of the configuration */
        rc = WEIR_INVALID;
        if (err)
            err->code = rc;
    }
    return rc == WEIR_OK ? keep_entry(registry, id, type, out, err) : rc;
}

weir_code weir__registry_schema(weir_registry *registry, uint32_t id, const weir_avro_type **out, weir_error *err)
{
    const weir_avro_type *known = find_entry(registry, id);
    const weir_json *answer;
    weir_arena arena;
    char path[40];
    weir_code rc;

    if (known) {
        *out = known;
        return WEIR_OK;
    }
    weir__arena_init(&arena, 8192);
    snprintf(path, sizeof path, "/schemas/ids/%u", id);
    rc = weir__registry_ask(registry, "GET", path, weir__bytes("", 0), &arena, &answer, err);
    if (rc == WEIR_OK)
        rc = take_schema(registry, id, answer, &arena, out, err);
    weir__arena_clear(&arena);
    if (rc != WEIR_OK)
        weir__error_context(err, "schema %u", id);
    return rc;
}

weir_code weir__registry_latest(weir_registry *registry, const char *subject, uint32_t *id,
                                const weir_avro_type **out, weir_error *err)
{
    char *path = path_of("/subjects/", weir__bytes_text(subject), "/versions/latest");
    const weir_avro_type *known = NULL;
    const weir_json *answer;
    weir_arena arena;
    uint32_t number;
    weir_code rc;

    if (!path)
        return fail_memory(err);
    weir__arena_init(&arena, 8192);
    rc = weir__registry_ask(registry, "GET", path, weir__bytes("", 0), &arena, &answer, err);
    if (rc == WEIR_OK)
        rc = id_of(answer, &number, err);
    if (rc == WEIR_OK && !(known = find_entry(registry, number)))
        rc = take_schema(registry, number, answer, &arena, &known, err);
    weir__arena_clear(&arena);
    free(path);
    if (rc == WEIR_OK) {
        *id = number;
        *out = known;
    } else {
        weir__error_context(err, "subject '%.100s'", subject);
    }
    return rc;
}

/* {"schema": text} */
static weir_code print_request(weir_bytes text, weir_buffer *out, weir_error *err)
{
    weir_code rc = WEIR_INVALID;

    if (!weir__utf8_is_valid(text))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the schema is not UTF-8");
    rc = weir__buffer_add_text(out, "{\"schema\":");
    if (rc == WEIR_OK)
        rc = weir__json_print_text(text, out);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, "}");
    return rc == WEIR_OK ? rc : fail_memory(err);
}

weir_code weir__registry_register(weir_registry *registry, const char *subject, weir_bytes text, uint32_t *id,
                                  const weir_avro_type **out, weir_error *err)
{
    char *path = path_of("/subjects/", weir__bytes_text(subject), registry->auto_register ? "/versions" : "");
    weir_avro_type *type = NULL;
    const weir_json *answer;
    weir_buffer request;
    weir_arena arena;
    weir_code rc;

    if (!path)
        return fail_memory(err);
    weir__arena_init(&arena, 8192);
    weir__buffer_init(&request, SIZE_MAX);
    rc = weir__avro_type_new(&text, 1, &type, err);
    if (rc == WEIR_OK)
        rc = print_request(text, &request, err);
    if (rc == WEIR_OK)
        rc = weir__registry_ask(registry, "POST", path, weir__buffer_bytes(&request), &arena, &answer, err);
    if (rc == WEIR_OK)
        rc = id_of(answer, id, err);
    if (rc == WEIR_OK) {
        rc = keep_entry(registry, *id, type, out, err);
        type = NULL; /* the registry's, or gone */
    } else {
        if (rc == WEIR_INVALID && type && !registry->auto_register)
            weir__error_context(err, "looked up, as schema-registry.auto-register is false");
        weir__error_context(err, "subject '%.100s'", subject);
    }
    weir__avro_type_free(type);
    weir__buffer_clear(&request);
    weir__arena_clear(&arena);
    free(path);
    return rc;
}

/* ---- what a topic's values are written with ---------------------------------------------------------------------- */

weir_code weir__registry_subject(weir_subject_strategy strategy, const char *topic, const char *record, char **out,
                                 weir_error *err)
{
    char *subject = NULL;
    int size;

    if (strategy != WEIR__SUBJECT_TOPIC && !record)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "schema-registry.subject-strategy names subjects after a record, and there is no name");
    if (strategy == WEIR__SUBJECT_TOPIC)
        size = asprintf(&subject, "%s-value", topic);
    else if (strategy == WEIR__SUBJECT_RECORD)
        size = asprintf(&subject, "%s", record);
    else
        size = asprintf(&subject, "%s-%s", topic, record);
    if (size < 0)
        return fail_memory(err);
    *out = subject;
    return WEIR_OK;
}

static weir_code read_file(const char *path, weir_buffer *out, weir_error *err)
{
    FILE *file = fopen(path, "rbe");
    weir_code rc = WEIR_OK;
    size_t size = 0;

    if (!file)
        return weir__fail_from(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "errno", errno, "%s", strerror(errno));
    do {
        char piece[4096];

        size = fread(piece, 1, sizeof piece, file);
        rc = weir__buffer_add(out, piece, size);
    } while (size && rc == WEIR_OK);
    if (rc == WEIR_OK && ferror(file))
        rc = weir__fail_from(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "errno", errno, "it cannot be read");
    else if (rc == WEIR_LIMIT)
        rc = weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "over %d bytes", FILE_MAXIMUM);
    else if (rc != WEIR_OK)
        rc = fail_memory(err);
    fclose(file);
    return rc;
}

/* A file's schema: the name of its record decides the subject. */
static weir_code register_file(weir_registry *registry, const char *path, const char *topic, uint32_t *id,
                               const weir_avro_type **out, weir_error *err)
{
    weir_avro_type *type = NULL;
    char *subject = NULL;
    weir_buffer text;
    weir_bytes bytes;
    weir_code rc;

    weir__buffer_init(&text, FILE_MAXIMUM);
    rc = read_file(path, &text, err);
    bytes = weir__buffer_bytes(&text);
    if (rc == WEIR_OK) {
        rc = weir__avro_type_new(&bytes, 1, &type, err);
        if (rc != WEIR_OK && rc != WEIR_NO_MEMORY) {
            rc = WEIR_CONFIG;
            if (err)
                err->code = rc;
        }
    }
    if (rc == WEIR_OK)
        rc = weir__registry_subject(registry->strategy, topic, weir__avro_type_name(type), &subject, err);
    if (rc == WEIR_OK)
        rc = weir__registry_register(registry, subject, bytes, id, out, err);
    free(subject);
    weir__avro_type_free(type);
    weir__buffer_clear(&text);
    return rc;
}

weir_code weir__registry_output_schema(weir_registry *registry, const char *schema, const char *topic, uint32_t *id,
                                       const weir_avro_type **out, weir_error *err)
{
    char *subject = NULL;
    weir_code rc;

    if (strcmp(schema, "registry:latest") != 0) {
        rc = register_file(registry, schema, topic, id, out, err);
    } else {
        rc = weir__registry_subject(registry->strategy, topic, NULL, &subject, err);
        if (rc == WEIR_OK)
            rc = weir__registry_latest(registry, subject, id, out, err);
        free(subject);
    }
    if (rc != WEIR_OK)
        weir__error_context(err, "output.schema '%.80s'", schema);
    return rc;
}
