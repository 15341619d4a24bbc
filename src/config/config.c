/* SPDX-License-Identifier: Apache-2.0 */
/* Values and layers: what each property is set to, and which layer said so. How they were written is others' work. */
#include "config/config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/layers.h"
#include "config/properties.h"
#include "config/secrets.h"
#include "config/value.h"

/* More than librdkafka has properties; bounds the search for a name. */
enum { KAFKA_MAXIMUM = 1000 };

typedef struct kafka_value {
    char *name; /* the full one */
    weir_config_value value;
} kafka_value;

struct weir_config {
    weir_config_value *values; /* by place in the table */
    weir_config_value *defaults;
    kafka_value *kafka; /* sorted by name */
    size_t kafka_count;
    size_t kafka_capacity;
};

static const char *const secret_shown[] = { WEIR__SECRET_SHOWN };

/* ---- life -------------------------------------------------------------------------------------------------------- */

void weir__config_free(weir_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < weir__property_count; i++) {
        if (config->values)
            weir__value_clear(&config->values[i]);
        if (config->defaults)
            weir__value_clear(&config->defaults[i]);
    }
    for (size_t i = 0; i < config->kafka_count; i++) {
        free(config->kafka[i].name);
        weir__value_clear(&config->kafka[i].value);
    }
    free(config->kafka);
    free(config->values);
    free(config->defaults);
    free(config);
}

weir_code weir__config_new(weir_config **out, weir_error *err)
{
    weir_code rc = WEIR_OK;
    weir_config *config = calloc(1, sizeof *config);

    if (!config)
        return weir__fail_memory(err, "the configuration");
    config->values = calloc(weir__property_count, sizeof *config->values);
    config->defaults = calloc(weir__property_count, sizeof *config->defaults);
    if (!config->values || !config->defaults) {
        rc = weir__fail_memory(err, "the configuration");
        goto out;
    }
    for (size_t i = 0; i < weir__property_count; i++) {
        const weir_property *property = &weir__properties[i];
        weir_assignment assignment = { .name = property->name, .texts = &property->fallback, .count = 1 };

        if (!property->fallback)
            continue;
        rc = weir__value_parse(property, &assignment, &config->defaults[i], err);
        if (rc != WEIR_OK)
            goto out;
    }
    *out = config;
    config = NULL;
out:
    weir__config_free(config);
    return rc;
}

/* ---- assigning --------------------------------------------------------------------------------------------------- */

void weir__config_begin_file(weir_config *config)
{
    for (size_t i = 0; i < weir__property_count; i++)
        config->values[i].line = 0;
    for (size_t i = 0; i < config->kafka_count; i++)
        config->kafka[i].value.line = 0;
}

weir_code weir__config_unknown(const char *name, weir_error *err)
{
    const char *nearest = weir__property_nearest(name);

    if (nearest)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "unknown property '%.64s'; did you mean '%s'?", name,
                          nearest);
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "unknown property '%.64s'; docs/CONFIGURATION.md has them all", name);
}

/* The place of a name in the sorted entries, or where it would be put. */
static size_t kafka_place(const weir_config *config, const char *name, bool *found)
{
    size_t low = 0, high = config->kafka_count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(config->kafka[middle].name, name);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The entry of that name, made if it is missing. */
static weir_code kafka_entry(weir_config *config, const char *name, weir_config_value **out, weir_error *err)
{
    const char *own = name + strlen(WEIR__KAFKA_PREFIX);
    bool found;
    size_t place = kafka_place(config, name, &found);
    char *copy;

    if (found) {
        *out = &config->kafka[place].value;
        return WEIR_OK;
    }
    if (*own == '\0' || own[strspn(own, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "'%.64s' is no name of a Kafka property", name);
    if (config->kafka_count == KAFKA_MAXIMUM)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "kafka: more than 1000 properties");
    if (config->kafka_count == config->kafka_capacity) {
        size_t capacity = config->kafka_capacity ? 2 * config->kafka_capacity : 16;
        kafka_value *grown = realloc(config->kafka, capacity * sizeof *grown);

        if (!grown)
            return weir__fail_memory(err, "the configuration");
        config->kafka = grown;
        config->kafka_capacity = capacity;
    }
    copy = malloc(strlen(name) + 1);
    if (!copy)
        return weir__fail_memory(err, "the configuration");
    memcpy(copy, name, strlen(name) + 1);
    memmove(&config->kafka[place + 1], &config->kafka[place], (config->kafka_count - place) * sizeof *config->kafka);
    config->kafka[place] = (kafka_value){ .name = copy };
    config->kafka_count++;
    *out = &config->kafka[place].value;
    return WEIR_OK;
}

weir_code weir__config_assign(weir_config *config, const weir_assignment *assignment, weir_error *err)
{
    const weir_property *property = weir__property_find(assignment->name);
    weir_config_value *place = NULL;
    weir_config_value fresh = { .origin = assignment->origin, .line = assignment->line };
    weir_code rc = WEIR_OK;

    if (property)
        place = &config->values[property - weir__properties];
    else if (strncmp(assignment->name, WEIR__KAFKA_PREFIX, strlen(WEIR__KAFKA_PREFIX)) == 0)
        rc = kafka_entry(config, assignment->name, &place, err);
    else
        rc = weir__config_unknown(assignment->name, err);
    if (rc != WEIR_OK)
        return rc;
    if (assignment->line && place->line)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%.80s: given twice, first on line %zu",
                          assignment->name, place->line);
    if (!assignment->is_null)
        rc = weir__value_parse(property, assignment, &fresh, err);
    if (rc != WEIR_OK || fresh.origin < place->origin) {
        weir__value_clear(&fresh); /* wrong, or checked only: a later layer has been here */
        place->line = assignment->line;
        return rc;
    }
    weir__value_clear(place);
    *place = fresh;
    return WEIR_OK;
}

static weir_code set(weir_config *config, const char *name, const char *text, bool may_be_null, weir_error *err)
{
    weir_assignment assignment = { .name = name,
                                   .texts = &text,
                                   .count = 1,
                                   .is_null = may_be_null && *text == '\0',
                                   .commas = true,
                                   .origin = WEIR__ORIGIN_COMMAND_LINE };

    return weir__config_assign(config, &assignment, err);
}

weir_code weir__config_set(weir_config *config, const char *assignment, weir_error *err)
{
    const char *equals = strchr(assignment, '=');
    char name[WEIR__NAME_CAPACITY] = "";
    weir_code rc;

    /* What stands there without a `=` may be a secret, so it is not shown. */
    if (!equals || equals == assignment)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "--set: section.key=value expected");
    if ((size_t)(equals - assignment) >= sizeof name)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "--set: a name has more than 255 bytes");
    memcpy(name, assignment, (size_t)(equals - assignment));
    rc = set(config, name, equals + 1, true, err);
    if (rc == WEIR_CONFIG)
        weir__error_context(err, "--set");
    return rc;
}

weir_code weir__config_set_value(weir_config *config, const char *name, const char *text, weir_error *err)
{
    return set(config, name, text, false, err);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* What counts: the value, else the default; NULL when there is neither. */
static const weir_config_value *effective(const weir_config *config, size_t place)
{
    if (config->values[place].items)
        return &config->values[place];
    return config->defaults[place].items ? &config->defaults[place] : NULL;
}

static size_t place_of(const char *name)
{
    const weir_property *property = weir__property_find(name);

    assert(property);
    return (size_t)(property - weir__properties);
}

const char *weir__config_text(const weir_config *config, const char *name)
{
    size_t place = place_of(name);
    const weir_config_value *value = effective(config, place);

    assert(weir__properties[place].type == WEIR__PROPERTY_TEXT || weir__properties[place].type == WEIR__PROPERTY_NAME ||
           weir__properties[place].type == WEIR__PROPERTY_CHOICE);
    return value ? value->items[0] : NULL;
}

int64_t weir__config_int(const weir_config *config, const char *name)
{
    size_t place = place_of(name);
    const weir_config_value *value = effective(config, place);

    assert(weir__properties[place].type == WEIR__PROPERTY_INT && value);
    return value->number;
}

bool weir__config_bool(const weir_config *config, const char *name)
{
    size_t place = place_of(name);
    const weir_config_value *value = effective(config, place);

    assert(weir__properties[place].type == WEIR__PROPERTY_BOOL && value);
    return value->number != 0;
}

const char *weir__config_item(const weir_config *config, const char *name, size_t index)
{
    size_t place = place_of(name);
    const weir_config_value *value = effective(config, place);

    assert(weir__properties[place].type == WEIR__PROPERTY_LIST);
    return value && index < value->count ? value->items[index] : NULL;
}

weir_config_origin weir__config_origin(const weir_config *config, const char *name)
{
    const weir_config_value *value = &config->values[place_of(name)];

    return value->items ? value->origin : WEIR__ORIGIN_DEFAULT;
}

const char *weir__config_origin_name(weir_config_origin origin)
{
    switch (origin) {
    case WEIR__ORIGIN_DEFAULT:
        return "default";
    case WEIR__ORIGIN_HOST:
        return "host";
    case WEIR__ORIGIN_FILE:
        return "file";
    case WEIR__ORIGIN_ENVIRONMENT:
        return "environment";
    case WEIR__ORIGIN_COMMAND_LINE:
        return "command line";
    }
    return "unknown";
}

bool weir__config_kafka(const weir_config *config, size_t index, const char **name, const char **text)
{
    /* A null leaves an entry without a value, which remembers the layer that said so. */
    for (size_t i = 0; i < config->kafka_count; i++) {
        if (!config->kafka[i].value.items || index-- > 0)
            continue;
        *name = config->kafka[i].name + strlen(WEIR__KAFKA_PREFIX);
        *text = config->kafka[i].value.items[0];
        return true;
    }
    return false;
}

static void entry_fill(const weir_config_value *value, weir_config_kind kind, weir_config_entry *out)
{
    out->kind = value->is_secret && kind != WEIR__CONFIG_LIST ? WEIR__CONFIG_TEXT : kind;
    out->items = value->is_secret ? secret_shown : (const char *const *)value->items;
    out->count = value->is_secret ? 1 : value->count;
    out->text = kind == WEIR__CONFIG_LIST ? NULL : out->items[0];
    out->origin = value->origin;
    out->is_secret = value->is_secret;
}

static weir_config_kind kind_of(weir_property_type type)
{
    switch (type) {
    case WEIR__PROPERTY_TEXT:
    case WEIR__PROPERTY_NAME:
    case WEIR__PROPERTY_CHOICE:
        return WEIR__CONFIG_TEXT;
    case WEIR__PROPERTY_INT:
        return WEIR__CONFIG_INT;
    case WEIR__PROPERTY_BOOL:
        return WEIR__CONFIG_BOOL;
    case WEIR__PROPERTY_LIST:
        return WEIR__CONFIG_LIST;
    }
    return WEIR__CONFIG_TEXT;
}

bool weir__config_next(const weir_config *config, size_t *cursor, weir_config_entry *out)
{
    for (; *cursor < weir__property_count; ++*cursor) {
        const weir_property *property = &weir__properties[*cursor];
        const weir_config_value *value = effective(config, *cursor);

        if (!value)
            continue;
        out->name = property->name;
        out->used_by = property->used_by;
        entry_fill(value, kind_of(property->type), out);
        ++*cursor;
        return true;
    }
    for (; *cursor < weir__property_count + config->kafka_count; ++*cursor) {
        const kafka_value *kafka = &config->kafka[*cursor - weir__property_count];

        if (!kafka->value.items)
            continue;
        out->name = kafka->name;
        out->used_by = WEIR__KAFKA_USED_BY;
        entry_fill(&kafka->value, WEIR__CONFIG_TEXT, out);
        ++*cursor;
        return true;
    }
    return false;
}
