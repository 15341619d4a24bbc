/* SPDX-License-Identifier: Apache-2.0 */
/* Reading YAML: mappings become dotted names; what would make a file ambiguous is refused. libyaml is here only. */
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/disk.h"
#include "config/layers.h"
#include "config/properties.h"

enum { FILE_MAXIMUM = 1 << 20, DEPTH_MAXIMUM = 64, ITEMS_MAXIMUM = 1000, SECTIONS_MAXIMUM = 1000 };

/* A section that the file has opened, to refuse it a second time. */
typedef struct section {
    char *name;
    size_t line;
} section;

typedef struct yaml_reader {
    yaml_parser_t parser;
    weir_config *config;
    const char *name; /* of the file */
    char path[WEIR__NAME_CAPACITY];
    section *sections;
    size_t section_count;
    weir_error *err;
} yaml_reader;

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* Puts "file:line" in front; the end of a long path tells more than its beginning. */
static weir_code at_line(const yaml_reader *reader, size_t line, weir_code rc)
{
    size_t size = strlen(reader->name);

    if (rc == WEIR_NO_MEMORY)
        return rc;
    if (size > 80)
        weir__error_context(reader->err, "…%s:%zu", reader->name + size - 77, line);
    else
        weir__error_context(reader->err, "%s:%zu", reader->name, line);
    return rc;
}

static weir_code refuse(const yaml_reader *reader, const yaml_event_t *event, const char *problem)
{
    const char *path = reader->path;
    weir_code rc;

    if (*path)
        rc = weir__fail(reader->err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%.80s: %s", path, problem);
    else
        rc = weir__fail(reader->err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s", problem);
    return at_line(reader, event->start_mark.line + 1, rc);
}

static size_t line_at(weir_bytes text, size_t offset)
{
    size_t line = 1;

    for (size_t i = 0; i < offset && i < text.size; i++)
        line += text.data[i] == '\n';
    return line;
}

static weir_code refuse_syntax(const yaml_reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    size_t line = parser->problem_mark.line + 1;
    weir_code rc;

    if (parser->error == YAML_MEMORY_ERROR)
        return weir__fail_memory(reader->err, "reading YAML");
    /* libyaml gives the place of a character that it cannot read in bytes, without a line. */
    if (parser->error == YAML_READER_ERROR)
        line = line_at(weir__bytes(parser->input.string.start,
                                   (size_t)(parser->input.string.end - parser->input.string.start)),
                       parser->problem_offset);
    /* A quote that is never closed is noticed at the end of the file: where it was opened helps more. */
    if (parser->context)
        rc = weir__fail(reader->err, WEIR_CONFIG, WEIR_REMEDY_FIX, "no valid YAML: %s, %s from line %zu",
                        parser->problem ? parser->problem : "it cannot be parsed", parser->context,
                        parser->context_mark.line + 1);
    else
        rc = weir__fail(reader->err, WEIR_CONFIG, WEIR_REMEDY_FIX, "no valid YAML: %s",
                        parser->problem ? parser->problem : "it cannot be parsed");
    return at_line(reader, line, rc);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static bool has_more_than_text(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default: /* libyaml's enum, and no other event has any */
        return event->type == YAML_ALIAS_EVENT;
    }
}

/* The next event; to be deleted by the caller when WEIR_OK. */
static weir_code next(yaml_reader *reader, yaml_event_t *event)
{
    weir_code rc;

    if (!yaml_parser_parse(&reader->parser, event))
        return refuse_syntax(reader);
    if (!has_more_than_text(event))
        return WEIR_OK;
    rc = refuse(reader, event, "anchors (&), aliases (*) and tags (!) are not supported; write the value out, in "
                               "quotes if it begins so");
    yaml_event_delete(event);
    return rc;
}

static bool is_null(const yaml_event_t *event)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
        if (strcmp((const char *)event->data.scalar.value, nulls[i]) == 0)
            return true;
    }
    return false;
}

static bool has_nul(const yaml_event_t *event)
{
    return strlen((const char *)event->data.scalar.value) != event->data.scalar.length;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static weir_code assign(yaml_reader *reader, const weir_assignment *assignment)
{
    weir_code rc = weir__config_assign(reader->config, assignment, reader->err);

    return rc == WEIR_OK ? rc : at_line(reader, assignment->line, rc);
}

static weir_code read_scalar(yaml_reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    weir_assignment assignment = { .name = reader->path,
                                   .texts = &text,
                                   .count = 1,
                                   .is_null = is_null(event),
                                   .origin = WEIR__ORIGIN_FILE,
                                   .line = event->start_mark.line + 1 };

    if (has_nul(event))
        return refuse(reader, event, "a NUL byte in it");
    if (weir__property_is_section(reader->path)) {
        if (assignment.is_null)
            return WEIR_OK; /* a section with nothing in it */
        return refuse(reader, event, "a section of properties expected, not a value");
    }
    return assign(reader, &assignment);
}

/* An item to the end of a list; the text is a copy. */
static weir_code add_item(yaml_reader *reader, const yaml_event_t *event, char **items, size_t *count)
{
    size_t size;

    if (event->type != YAML_SCALAR_EVENT)
        return refuse(reader, event, "a list of single values expected");
    if (is_null(event) || has_nul(event))
        return refuse(reader, event, "an empty item, or a NUL byte in one");
    if (*count == ITEMS_MAXIMUM)
        return refuse(reader, event, "more than 1000 items");
    size = event->data.scalar.length;
    items[*count] = malloc(size + 1);
    if (!items[*count])
        return weir__fail_memory(reader->err, "the configuration");
    memcpy(items[*count], event->data.scalar.value, size + 1);
    ++*count;
    return WEIR_OK;
}

static weir_code read_list(yaml_reader *reader, size_t line)
{
    weir_assignment assignment = {
        .name = reader->path, .is_list = true, .origin = WEIR__ORIGIN_FILE, .line = line
    };
    char **items = calloc(ITEMS_MAXIMUM, sizeof *items);
    size_t count = 0;
    bool ended = false;
    weir_code rc = items ? WEIR_OK : weir__fail_memory(reader->err, "the configuration");

    while (rc == WEIR_OK && !ended) {
        yaml_event_t event;

        rc = next(reader, &event);
        if (rc != WEIR_OK)
            break;
        ended = event.type == YAML_SEQUENCE_END_EVENT;
        if (!ended)
            rc = add_item(reader, &event, items, &count);
        yaml_event_delete(&event);
    }
    if (rc == WEIR_OK) {
        assignment.texts = (const char *const *)items;
        assignment.count = count;
        rc = assign(reader, &assignment);
    }
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
    return rc;
}

/* Notes that the section in `path` is opened here; refuses it if it was before. */
static weir_code open_section(yaml_reader *reader, const yaml_event_t *event)
{
    size_t size = strlen(reader->path) + 1;
    char *name;

    for (size_t i = 0; i < reader->section_count; i++) {
        if (strcmp(reader->sections[i].name, reader->path) == 0) {
            char problem[64];

            (void)snprintf(problem, sizeof problem, "given twice, first on line %zu", reader->sections[i].line);
            return refuse(reader, event, problem);
        }
    }
    if (reader->section_count == SECTIONS_MAXIMUM)
        return refuse(reader, event, "more than 1000 sections");
    name = malloc(size);
    if (!name)
        return weir__fail_memory(reader->err, "the configuration");
    memcpy(name, reader->path, size);
    reader->sections[reader->section_count++] = (section){ .name = name, .line = event->start_mark.line + 1 };
    return WEIR_OK;
}

/* Puts a key behind the path. */
static weir_code push_key(yaml_reader *reader, const yaml_event_t *event)
{
    size_t size = strlen(reader->path);
    size_t dot = size > 0 ? 1 : 0;
    size_t length;

    if (event->type != YAML_SCALAR_EVENT)
        return refuse(reader, event, "a key must be a single value");
    length = event->data.scalar.length;
    if (is_null(event) || length == 0 || has_nul(event))
        return refuse(reader, event, "an empty key, or a NUL byte in one");
    if (strcmp((const char *)event->data.scalar.value, "<<") == 0)
        return refuse(reader, event, "merge keys (<<) are not supported; write the values out");
    if (size + dot + length >= sizeof reader->path)
        return refuse(reader, event, "a name has more than 255 bytes");
    if (dot)
        reader->path[size] = '.';
    memcpy(reader->path + size + dot, event->data.scalar.value, length + 1);
    return WEIR_OK;
}

static weir_code read_mapping(yaml_reader *reader, const yaml_event_t *start, size_t depth);

/* What stands behind a key, whose name is in `path`. */
static weir_code read_value(yaml_reader *reader, size_t depth)
{
    yaml_event_t event;
    weir_code rc = next(reader, &event);

    if (rc != WEIR_OK)
        return rc;
    if (event.type == YAML_SCALAR_EVENT) {
        rc = read_scalar(reader, &event);
    } else if (event.type == YAML_SEQUENCE_START_EVENT) {
        if (weir__property_is_section(reader->path))
            rc = refuse(reader, &event, "a section of properties expected, not a list");
        else
            rc = read_list(reader, event.start_mark.line + 1);
    } else if (weir__property_find(reader->path)) {
        rc = refuse(reader, &event, "a value expected, not a section");
    } else {
        rc = read_mapping(reader, &event, depth + 1);
    }
    yaml_event_delete(&event);
    return rc;
}

/* From behind its start to its end. `path` is as before when WEIR_OK. */
static weir_code read_mapping(yaml_reader *reader, const yaml_event_t *start, size_t depth)
{
    size_t size = strlen(reader->path);
    bool is_empty = true;
    weir_code rc = WEIR_OK;

    if (depth > DEPTH_MAXIMUM)
        return refuse(reader, start, "nested deeper than 64");
    if (size > 0)
        rc = open_section(reader, start);
    while (rc == WEIR_OK) {
        yaml_event_t event;

        rc = next(reader, &event);
        if (rc != WEIR_OK)
            break;
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        is_empty = false;
        rc = push_key(reader, &event);
        yaml_event_delete(&event);
        if (rc == WEIR_OK)
            rc = read_value(reader, depth);
        reader->path[size] = '\0';
    }
    /* An unknown section is named by its first property; one without any would slip through. */
    if (rc == WEIR_OK && is_empty && size > 0 && !weir__property_is_section(reader->path) &&
        strncmp(reader->path, WEIR__KAFKA_PREFIX, strlen(WEIR__KAFKA_PREFIX)) != 0)
        rc = at_line(reader, start->start_mark.line + 1, weir__config_unknown(reader->path, reader->err));
    return rc;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* The one document's content. */
static weir_code read_root(yaml_reader *reader)
{
    yaml_event_t event;
    weir_code rc = next(reader, &event);

    if (rc != WEIR_OK)
        return rc;
    if (event.type == YAML_MAPPING_START_EVENT)
        rc = read_mapping(reader, &event, 1);
    else if (event.type != YAML_SCALAR_EVENT || !is_null(&event))
        rc = refuse(reader, &event, "properties expected: section: {key: value}");
    yaml_event_delete(&event);
    return rc;
}

static weir_code read_stream(yaml_reader *reader)
{
    bool seen = false;
    weir_code rc = WEIR_OK;

    while (rc == WEIR_OK) {
        yaml_event_t event;
        yaml_event_type_t type;

        rc = next(reader, &event);
        if (rc != WEIR_OK)
            break;
        type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && seen)
            rc = refuse(reader, &event, "a second document; a configuration is one");
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            break;
        if (rc == WEIR_OK && type == YAML_DOCUMENT_START_EVENT) {
            seen = true;
            rc = read_root(reader);
        }
    }
    return rc;
}

weir_code weir__config_read(weir_config *config, weir_bytes yaml, const char *name, weir_error *err)
{
    static const uint8_t mark[] = { 0xEF, 0xBB, 0xBF }; /* a byte order mark of UTF-8 */
    weir_error unused;
    yaml_reader reader = { .config = config, .name = name, .err = err ? err : &unused };
    size_t good;
    weir_code rc = WEIR_OK;

    if (yaml.size > FILE_MAXIMUM)
        return at_line(&reader, 1, weir__fail(reader.err, WEIR_CONFIG, WEIR_REMEDY_FIX, "over 1 MiB long"));
    if (yaml.size >= sizeof mark && memcmp(yaml.data, mark, sizeof mark) == 0)
        yaml = weir__bytes(yaml.data + sizeof mark, yaml.size - sizeof mark);
    good = weir__text_good(yaml.data, yaml.size);
    if (good < yaml.size)
        return at_line(&reader, line_at(yaml, good),
                       weir__fail(reader.err, WEIR_CONFIG, WEIR_REMEDY_FIX, "byte 0x%02X is not text in UTF-8",
                                  yaml.data[good]));
    if (!yaml_parser_initialize(&reader.parser))
        return weir__fail_memory(err, "reading YAML");
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, yaml.data, yaml.size);
    reader.sections = calloc(SECTIONS_MAXIMUM, sizeof *reader.sections);
    if (!reader.sections) {
        rc = weir__fail_memory(err, "the configuration");
        goto out;
    }
    weir__config_begin_file(config);
    rc = read_stream(&reader);
out:
    for (size_t i = 0; i < reader.section_count; i++)
        free(reader.sections[i].name);
    free(reader.sections);
    yaml_parser_delete(&reader.parser);
    return rc;
}

weir_code weir__config_read_file(weir_config *config, const char *path, weir_error *err)
{
    const weir_disk *disk = weir__disk_system();
    weir_code rc = WEIR_OK;
    uint8_t *text = NULL;
    ssize_t size;
    int fd = disk->open(disk->context, path, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "configuration '%.120s' cannot be opened", path);
    text = malloc(FILE_MAXIMUM + 1);
    if (!text) {
        rc = weir__fail_memory(err, "the configuration");
        goto out;
    }
    /* One byte too many is enough to know. */
    size = weir__disk_read_full(disk, fd, text, FILE_MAXIMUM + 1);
    if (size < 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "configuration '%.120s' cannot be read", path);
    else
        rc = weir__config_read(config, weir__bytes(text, (size_t)size), path, err);
out:
    free(text);
    (void)disk->close(disk->context, fd); /* only read from */
    return rc;
}
