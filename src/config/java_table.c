/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the table of properties for the Java side, which checks its own section of a configuration by it. */
#include "config/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/properties.h"

static const char head[] =
    "# SPDX-License-Identifier: Apache-2.0\n"
    "# Printed from src/config/properties.c: change it there, then WEIR_TEST_UPDATE=1 make check.\n"
    "# NAME|TYPE|DEFAULT|RANGE of an integer or of bytes, or CHOICES\n";

static const char *word_of(weir_property_type type)
{
    switch (type) {
    case WEIR__PROPERTY_TEXT:
        return "text";
    case WEIR__PROPERTY_NAME:
        return "name";
    case WEIR__PROPERTY_INT:
        return "integer";
    case WEIR__PROPERTY_BOOL:
        return "truth";
    case WEIR__PROPERTY_CHOICE:
        return "choice";
    case WEIR__PROPERTY_LIST:
        return "list";
    }
    return NULL;
}

weir_code weir__config_print_java_table(weir_buffer *out)
{
    weir_code rc = weir_buffer_append(out, head, strlen(head));

    for (size_t i = 0; i < weir__property_count && rc == WEIR_OK; i++) {
        const weir_property *property = &weir__properties[i];
        char range[48] = "", line[512];
        int size;

        if (!property->choices && property->high > 0)
            (void)snprintf(range, sizeof range, "%" PRId64 "..%" PRId64, property->low, property->high);
        size = snprintf(line, sizeof line, "%s|%s|%s|%s\n", property->name, word_of(property->type),
                        property->fallback ? property->fallback : "", property->choices ? property->choices : range);
        rc = weir_buffer_append(out, line, (size_t)size);
    }
    return rc;
}
