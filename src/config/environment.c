/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of the environment and the properties they name: WEIR_COMMIT_INTERVAL_MS is commit-interval-ms. */
#include "config/config.h"

#include <ctype.h>
#include <string.h>

#include "config/layers.h"
#include "config/properties.h"

static const char prefix[] = "WEIR_";

/* Whether a variable's name, without the prefix, starts with `known` as the environment spells it; its length if so. */
static size_t begins_with(const char *variable, size_t variable_size, const char *known, size_t known_size)
{
    if (variable_size < known_size)
        return 0;
    for (size_t i = 0; i < known_size; i++) {
        char expected = known[i] == '.' || known[i] == '-' ? '_' : (char)toupper((unsigned char)known[i]);

        if (variable[i] != expected)
            return 0;
    }
    return known_size;
}

static const weir_property *named(const char *variable, size_t size)
{
    for (size_t i = 0; i < weir__property_count; i++) {
        const char *known = weir__properties[i].name;

        if (strlen(known) == size && begins_with(variable, size, known, size))
            return &weir__properties[i];
    }
    return NULL;
}

/* The length of the section that a variable begins with, 0 if there is none. The table's name is in `*section`. */
static size_t section_of(const char *variable, size_t size, const char **section)
{
    for (size_t i = 0; i < weir__property_count; i++) {
        const char *known = weir__properties[i].name;
        const char *dot = strchr(known, '.');
        size_t length = dot ? (size_t)(dot - known) : 0;

        if (length > 0 && size > length + 1 && begins_with(variable, size, known, length + 1)) {
            *section = known;
            return length;
        }
    }
    return 0;
}

/* `from` in small letters, its `_` as `between`; in `name` from `at` on. */
static void spell(const char *from, size_t size, char between, char *name, size_t at)
{
    for (size_t i = 0; i < size; i++)
        name[at + i] = from[i] == '_' ? between : (char)tolower((unsigned char)from[i]);
    name[at + size] = '\0';
}

/* Refuses a variable that begins as one of ours, with the nearest that there is, spelled as a variable. */
static weir_code refuse(const char *variable, size_t size, const char *section, size_t section_size, weir_error *err)
{
    char name[WEIR__NAME_CAPACITY] = "";
    const char *nearest;

    if (size < sizeof name) {
        memcpy(name, section, section_size + 1); /* with its dot */
        spell(variable + section_size + 1, size - section_size - 1, '-', name, section_size + 1);
    }
    nearest = weir__property_nearest(name);
    if (!nearest)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "environment: unknown variable '%s%.*s'; docs/CONFIGURATION.md has them all", prefix,
                          (int)(size < 64 ? size : 64), variable);
    memset(name, 0, sizeof name);
    for (size_t i = 0; nearest[i]; i++)
        name[i] = nearest[i] == '.' || nearest[i] == '-' ? '_' : (char)toupper((unsigned char)nearest[i]);
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "environment: unknown variable '%s%.*s'; did you mean '%s%s'?", prefix,
                      (int)(size < 64 ? size : 64), variable, prefix, name);
}

/* `variable` without the prefix; `size` up to the `=`. */
static weir_code read_one(weir_config *config, const char *variable, size_t size, const char *text, weir_error *err)
{
    static const char kafka[] = "KAFKA_";
    char name[WEIR__NAME_CAPACITY];
    const char *section = NULL;
    const weir_property *property = named(variable, size);
    size_t section_size;
    weir_assignment assignment = { .texts = &text,
                                   .count = 1,
                                   .is_null = *text == '\0',
                                   .commas = true,
                                   .origin = WEIR__ORIGIN_ENVIRONMENT };
    weir_code rc;

    if (property) {
        assignment.name = property->name;
    } else if (size > strlen(kafka) && strncmp(variable, kafka, strlen(kafka)) == 0) {
        if (size >= sizeof name)
            return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                              "environment: '%s%.32s…': a name has more than 255 bytes", prefix, variable);
        spell(variable, size, '.', name, 0); /* librdkafka's names have dots only */
        assignment.name = name;
    } else {
        section_size = section_of(variable, size, &section);
        return section_size ? refuse(variable, size, section, section_size, err) : WEIR_OK;
    }
    rc = weir__config_assign(config, &assignment, err);
    if (rc == WEIR_CONFIG)
        weir__error_context(err, "environment: %s%.*s", prefix, (int)(size < 64 ? size : 64), variable);
    return rc;
}

weir_code weir__config_read_environment(weir_config *config, char *const *environment, weir_error *err)
{
    weir_code rc = WEIR_OK;

    for (; *environment && rc == WEIR_OK; environment++) {
        const char *variable = *environment;
        const char *equals = strchr(variable, '=');

        /* No property: it tells `package` where a file is. */
        if (equals && strncmp(variable, "WEIR_FLINK_JAR=", 15) == 0)
            continue;
        if (equals && strncmp(variable, prefix, strlen(prefix)) == 0) {
            variable += strlen(prefix);
            rc = read_one(config, variable, (size_t)(equals - variable), equals + 1, err);
        }
    }
    return rc;
}
