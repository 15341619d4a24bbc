/* SPDX-License-Identifier: Apache-2.0 */
/* Prints docs/CONFIGURATION.md from the table of properties. */
#include "config/config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/properties.h"

static const char head[] =
    "# Configuration\n"
    "\n"
    "<!-- Printed from src/config/properties.c: change it there, then WEIR_TEST_UPDATE=1 make check. -->\n"
    "\n"
    "A job is configured by one YAML file, given with `--config FILE`; without one, the defaults below hold. Nesting "
    "and dots mean the same:\n"
    "\n"
    "```yaml\n"
    "job: {name: word-count}\n"
    "state:\n"
    "  dir: ./state\n"
    "limits.events-per-run: 500\n"
    "kafka:\n"
    "  bootstrap.servers: \"localhost:9092\"\n"
    "  sasl.password: \"${env:KAFKA_PASSWORD}\"\n"
    "```\n"
    "\n"
    "**Where values come from.** Later ones win: the defaults; in Flink its own configuration; the file; the "
    "environment; `--set section.key=value` and other options of the command line. A variable is named after its "
    "property, in capitals, with `_` for dots and dashes: `WEIR_COMMIT_INTERVAL_MS=20`. What stands under `kafka.` can "
    "be given so too (`WEIR_KAFKA_SASL_PASSWORD`). The items of a list are parted by commas there.\n"
    "\n"
    "**What is refused.** An unknown name, with the nearest known one; a value of the wrong type or out of range; a "
    "name given twice in one file. The message says file, line and name, and the exit status is 2. Text may stand in "
    "quotes or not; anchors, aliases, tags and second documents are not taken. A null (nothing, or `~`) sets a "
    "property back to its default; so does an empty variable, or `--set name=`.\n"
    "\n"
    "**Secrets.** `${env:NAME}` and `${file:PATH}` in a value are filled in when it is read; a file's last line break "
    "is left out, and a path that does not begin with `/` is looked up from the working directory. `$${` stands for "
    "`${`. In a flow (`{a: b}`) such a value needs quotes. Values that came this way, passwords and tokens of "
    "`kafka.*`, and URLs that hold a password are shown as `***`, and stand in no message.\n"
    "\n"
    "**Hosts.** This version runs jobs from a list and with `local`. Properties that only `run` (Kafka), Flink or "
    "built-in actions use are read and checked like all others, so that one file serves all hosts; here they have no "
    "effect yet.\n";

static const char kafka[] =
    "\n"
    "## kafka\n"
    "\n"
    "### `kafka.*`\n"
    "\n"
    "text · used by: " WEIR__KAFKA_USED_BY " · environment: `WEIR_KAFKA_…`\n"
    "\n"
    "All that stands under `kafka.` is given to librdkafka as it is, such as `kafka.bootstrap.servers`. Its names and "
    "values are librdkafka's; they are checked when a host connects.\n";

static weir_code add(weir_buffer *out, const char *text)
{
    return weir_buffer_append(out, text, strlen(text));
}

static weir_code add_section(weir_buffer *out, const char *name, size_t size)
{
    weir_code rc = add(out, "\n## ");

    if (rc == WEIR_OK)
        rc = size ? weir_buffer_append(out, name, size) : add(out, "without a section");
    return rc == WEIR_OK ? add(out, "\n") : rc;
}

/* "integer, 1..10000, in ms" */
static void print_type(const weir_property *property, char *line, size_t capacity)
{
    const char *unit = property->unit;

    switch (property->type) {
    case WEIR__PROPERTY_TEXT:
        (void)snprintf(line, capacity, "text");
        break;
    case WEIR__PROPERTY_NAME:
        (void)snprintf(line, capacity, "name: %" PRId64 "..%" PRId64 " of `A-Z a-z 0-9 . _ -`", property->low,
                       property->high);
        break;
    case WEIR__PROPERTY_INT:
        (void)snprintf(line, capacity, "integer, %" PRId64 "..%" PRId64 "%s%s", property->low, property->high,
                       unit ? " " : "", unit ? unit : "");
        break;
    case WEIR__PROPERTY_BOOL:
        (void)snprintf(line, capacity, "true or false");
        break;
    case WEIR__PROPERTY_CHOICE:
        (void)snprintf(line, capacity, "%s%s", strchr(property->choices, ',') ? "one of " : "", property->choices);
        break;
    case WEIR__PROPERTY_LIST:
        (void)snprintf(line, capacity, "list of names, each %" PRId64 "..%" PRId64 " of `A-Z a-z 0-9 . _ -`",
                       property->low, property->high);
        break;
    }
}

static weir_code add_property(weir_buffer *out, const weir_property *property)
{
    char type[128], variable[80], line[1024];
    const char *quote = property->fallback ? "`" : "";
    size_t size = 0;
    weir_code rc;

    print_type(property, type, sizeof type);
    for (; property->name[size] && size + 1 < sizeof variable; size++)
        variable[size] = strchr(".-", property->name[size]) ? '_' : (char)toupper((unsigned char)property->name[size]);
    variable[size] = '\0';
    (void)snprintf(line, sizeof line, "\n### `%s`\n\n%s · default: %s%s%s · used by: %s · environment: `WEIR_%s`\n\n",
                   property->name, type, quote, property->fallback ? property->fallback : "none", quote,
                   property->used_by, variable);
    rc = add(out, line);
    if (rc == WEIR_OK)
        rc = add(out, property->doc);
    if (rc != WEIR_OK || !property->aliases)
        return rc == WEIR_OK ? add(out, "\n") : rc;
    (void)snprintf(line, sizeof line, "\n\nCalled elsewhere: %s.\n", property->aliases);
    return add(out, line);
}

weir_code weir__config_print_manual(weir_buffer *out)
{
    weir_code rc = add(out, head);
    const char *section = NULL;
    size_t section_size = 0;

    for (size_t i = 0; i < weir__property_count && rc == WEIR_OK; i++) {
        const char *name = weir__properties[i].name;
        const char *dot = strchr(name, '.');
        size_t size = dot ? (size_t)(dot - name) : 0;

        if (!section || size != section_size || memcmp(section, name, size) != 0)
            rc = add_section(out, name, size);
        section = name;
        section_size = size;
        if (rc == WEIR_OK)
            rc = add_property(out, &weir__properties[i]);
    }
    return rc == WEIR_OK ? add(out, kafka) : rc;
}
