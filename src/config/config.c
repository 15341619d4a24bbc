/* SPDX-License-Identifier: Apache-2.0 */
/* Values and layers: what each property is set to, and which layer said so. How they were written is others' work. */
#include "config/config.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/properties.h"
#include "config/secrets.h"
#include "config/values.h"

/* More than librdkafka has properties; bounds the search for a name. */
enum { KAFKA_MAXIMUM = 1000, LIST_MAXIMUM = 1000 };

typedef struct config_value {
    weir_config_origin origin; /* of what is set; also of a null that a layer has set */
    char **items;              /* NULL: the default. Owned, each in one piece; a single value is one item */
    size_t count;
    int64_t number; /* of an int; of a bool 0 or 1 */
    bool is_secret;
    size_t line; /* where the file being read has given it; 0: it has not */
} config_value;

typedef struct kafka_value {
    char *name; /* the full one */
    config_value value;
} kafka_value;

struct weir_config {
    config_value *values; /* by place in the table */
    config_value *defaults;
    kafka_value *kafka; /* sorted by name */
    size_t kafka_count;
    size_t kafka_capacity;
};

static const char *const secret_shown[] = { WEIR__SECRET_SHOWN };

/* ---- life -------------------------------------------------------------------------------------------------------- */

/* Leaves the value unset; origin and line stay. */
static void value_clear(config_value *value)
{
    for (size_t i = 0; i < value->count; i++)
        weir__secret_free(value->items[i]);
    free(value->items);
    value->items = NULL;
    value->count = 0;
    value->number = 0;
    value->is_secret = false;
}

void weir__config_free(weir_config *config)
{
    if (!config)
        return;
    for (size_t i = 0; i < weir__property_count; i++) {
        if (config->values)
            value_clear(&config->values[i]);
        if (config->defaults)
            value_clear(&config->defaults[i]);
    }
    for (size_t i = 0; i < config->kafka_count; i++) {
        free(config->kafka[i].name);
        value_clear(&config->kafka[i].value);
    }
    free(config->kafka);
    free(config->values);
    free(config->defaults);
    free(config);
}

static weir_code value_parse(const weir_property *property, const weir_assignment *assignment, config_value *out,
                             weir_error *err);

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
        rc = value_parse(property, &assignment, &config->defaults[i], err);
        if (rc != WEIR_OK)
            goto out;
    }
    *out = config;
    config = NULL;
out:
    weir__config_free(config);
    return rc;
}

/* ---- checking a value -------------------------------------------------------------------------------------------- */

size_t weir__config_text_good(const uint8_t *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        uint8_t lead = text[at];
        size_t more = lead < 0x80 ? 0 : lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        uint32_t point = more == 0 ? lead : lead & (0x3FU >> more);

        if (lead < 0x80) {
            if ((lead < 0x20 && lead != '\t' && lead != '\n' && lead != '\r') || lead == 0x7F)
                return at;
            at++;
            continue;
        }
        if (lead < 0xC2 || lead > 0xF4 || size - at <= more)
            return at;
        for (size_t i = 1; i <= more; i++) {
            if ((text[at + i] & 0xC0) != 0x80)
                return at;
            point = point << 6 | (text[at + i] & 0x3F);
        }
        /* Overlong, a surrogate, or beyond Unicode. */
        if ((more == 2 && point < 0x800) || (more == 3 && point < 0x10000) || point > 0x10FFFF ||
            (point >= 0xD800 && point <= 0xDFFF))
            return at;
        at += more + 1;
    }
    return size;
}

/* What a message may show of a value: nothing of a secret, and never much. */
typedef struct shown {
    char text[56];
} shown;

static shown show(const char *text, bool is_secret)
{
    shown out;

    if (is_secret)
        (void)snprintf(out.text, sizeof out.text, "the secret value");
    else
        (void)snprintf(out.text, sizeof out.text, "'%.40s%s'", text, strlen(text) > 40 ? "…" : "");
    return out;
}

static weir_code refuse(weir_error *err, const char *name, const char *problem)
{
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%.80s: %s", name, problem);
}

static weir_code parse_int(const weir_property *property, config_value *out, weir_error *err)
{
    const char *text = out->items[0];
    const char *digits = text + (*text == '-' ? 1 : 0);
    size_t size = strspn(digits, "0123456789");
    char *end = NULL;

    /* 010 would be 8 to some readers of YAML and 10 to others. */
    if (size == 0 || digits[size] || (size > 1 && *digits == '0'))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "%s: %s is no integer, %" PRId64 "..%" PRId64 " expected", property->name,
                          show(text, out->is_secret).text, property->low, property->high);
    errno = 0;
    out->number = strtoll(text, &end, 10);
    if (errno == ERANGE || out->number < property->low || out->number > property->high)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "%s: %s is out of range, %" PRId64 "..%" PRId64 " expected", property->name,
                          show(text, out->is_secret).text, property->low, property->high);
    return WEIR_OK;
}

static weir_code parse_bool(const weir_property *property, config_value *out, weir_error *err)
{
    const char *text = out->items[0];

    out->number = strcmp(text, "true") == 0;
    if (!out->number && strcmp(text, "false") != 0)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s: %s is neither true nor false", property->name,
                          show(text, out->is_secret).text);
    return WEIR_OK;
}

static weir_code parse_choice(const weir_property *property, const config_value *value, weir_error *err)
{
    const char *text = value->items[0];
    size_t size = strlen(text);

    for (const char *at = property->choices; *at;) {
        size_t length = strcspn(at, ",");

        if (length == size && memcmp(at, text, size) == 0)
            return WEIR_OK;
        at += length;
        at += strspn(at, ", ");
    }
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s: %s is not known, %s%s expected", property->name,
                      show(text, value->is_secret).text, strchr(property->choices, ',') ? "one of " : "",
                      property->choices);
}

static weir_code check_name(const weir_property *property, const char *text, bool is_secret, weir_error *err)
{
    size_t size = strlen(text);
    size_t good = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    if (good == size && size >= (size_t)property->low && size <= (size_t)property->high)
        return WEIR_OK;
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "%s: %s is no name, %" PRId64 "..%" PRId64 " of A-Z a-z 0-9 . _ - expected", property->name,
                      show(text, is_secret).text, property->low, property->high);
}

static weir_code check_type(const weir_property *property, config_value *value, weir_error *err)
{
    weir_code rc = WEIR_OK;

    switch (property->type) {
    case WEIR__PROPERTY_TEXT:
        if (value->items[0][0] == '\0')
            return refuse(err, property->name, "empty; leave it out instead");
        return WEIR_OK;
    case WEIR__PROPERTY_NAME:
        return check_name(property, value->items[0], value->is_secret, err);
    case WEIR__PROPERTY_INT:
        return parse_int(property, value, err);
    case WEIR__PROPERTY_BOOL:
        return parse_bool(property, value, err);
    case WEIR__PROPERTY_CHOICE:
        return parse_choice(property, value, err);
    case WEIR__PROPERTY_LIST:
        for (size_t i = 0; i < value->count && rc == WEIR_OK; i++)
            rc = check_name(property, value->items[i], value->is_secret, err);
        return rc;
    }
    return rc;
}

/* Fills one item in and appends it. `value->items` has room. */
static weir_code add_item(const char *name, const char *text, size_t size, config_value *value, weir_error *err)
{
    weir_code rc;
    char *item = NULL;
    bool filled = false;
    char *written = calloc(1, size + 1);

    if (!written)
        return weir__fail_memory(err, "the configuration");
    memcpy(written, text, size);
    rc = weir__secret_fill(written, &item, &filled, err);
    weir__secret_free(written); /* it may be one itself: kafka.sasl.password */
    if (rc == WEIR_CONFIG)
        weir__error_context(err, "%.80s", name);
    if (rc != WEIR_OK)
        return rc;
    value->items[value->count++] = item;
    value->is_secret = value->is_secret || filled || weir__secret_looks(item);
    size = strlen(item);
    if (weir__config_text_good((const uint8_t *)item, size) != size)
        return refuse(err, name, "no UTF-8, or a control character in it");
    return WEIR_OK;
}

static weir_code add_items(const weir_assignment *assignment, bool commas, config_value *value, weir_error *err)
{
    weir_code rc = WEIR_OK;
    size_t count = assignment->count;

    for (const char *at = commas ? assignment->texts[0] : ""; *at; at++)
        count += *at == ',';
    if (count > LIST_MAXIMUM)
        return refuse(err, assignment->name, "more than 1000 items");
    value->items = calloc(count ? count : 1, sizeof *value->items);
    if (!value->items)
        return weir__fail_memory(err, "the configuration");
    for (size_t i = 0; i < assignment->count && rc == WEIR_OK; i++) {
        const char *at = assignment->texts[i];
        size_t size = commas ? strcspn(at, ",") : strlen(at);

        rc = add_item(assignment->name, at, size, value, err);
        while (rc == WEIR_OK && at[size] == ',') {
            at += size + 1;
            size = strcspn(at, ",");
            rc = add_item(assignment->name, at, size, value, err);
        }
    }
    return rc;
}

/* `property` NULL: one of kafka.*. The value may be half made on failure: clear it. */
static weir_code value_parse(const weir_property *property, const weir_assignment *assignment, config_value *out,
                             weir_error *err)
{
    bool takes_list = property && property->type == WEIR__PROPERTY_LIST;
    weir_code rc;

    out->is_secret = weir__secret_named(assignment->name);
    if (assignment->is_list && !takes_list)
        return refuse(err, assignment->name, "one value expected, not a list");
    rc = add_items(assignment, takes_list && assignment->commas, out, err);
    if (rc == WEIR_OK && property)
        rc = check_type(property, out, err);
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
static weir_code kafka_entry(weir_config *config, const char *name, config_value **out, weir_error *err)
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
        return refuse(err, "kafka", "more than 1000 properties");
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
    config_value *place = NULL;
    config_value fresh = { .origin = assignment->origin, .line = assignment->line };
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
        rc = value_parse(property, assignment, &fresh, err);
    if (rc != WEIR_OK || fresh.origin < place->origin) {
        value_clear(&fresh); /* wrong, or checked only: a later layer has been here */
        place->line = assignment->line;
        return rc;
    }
    value_clear(place);
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
static const config_value *effective(const weir_config *config, size_t place)
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
    const config_value *value = effective(config, place);

    assert(weir__properties[place].type == WEIR__PROPERTY_TEXT || weir__properties[place].type == WEIR__PROPERTY_NAME ||
           weir__properties[place].type == WEIR__PROPERTY_CHOICE);
    return value ? value->items[0] : NULL;
}

int64_t weir__config_int(const weir_config *config, const char *name)
{
    size_t place = place_of(name);
    const config_value *value = effective(config, place);

    assert(weir__properties[place].type == WEIR__PROPERTY_INT && value);
    return value->number;
}

bool weir__config_bool(const weir_config *config, const char *name)
{
    size_t place = place_of(name);
    const config_value *value = effective(config, place);

    assert(weir__properties[place].type == WEIR__PROPERTY_BOOL && value);
    return value->number != 0;
}

const char *weir__config_item(const weir_config *config, const char *name, size_t index)
{
    size_t place = place_of(name);
    const config_value *value = effective(config, place);

    assert(weir__properties[place].type == WEIR__PROPERTY_LIST);
    return value && index < value->count ? value->items[index] : NULL;
}

weir_config_origin weir__config_origin(const weir_config *config, const char *name)
{
    const config_value *value = &config->values[place_of(name)];

    return value->items ? value->origin : WEIR__ORIGIN_DEFAULT;
}

const char *weir__config_origin_name(weir_config_origin origin)
{
    switch (origin) {
    case WEIR__ORIGIN_DEFAULT:
        return "default";
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

static void entry_fill(const config_value *value, weir_config_kind kind, weir_config_entry *out)
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
        const config_value *value = effective(config, *cursor);

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
