/* SPDX-License-Identifier: Apache-2.0 */
/* Writing what java.util.Properties reads. Source: its documentation, load(Reader). */
#include "package/properties_text.h"

#include <stdio.h>
#include <string.h>

/* One UTF-16 unit as Java writes it. */
static weir_code add_unit(weir_buffer *out, unsigned unit)
{
    char text[8];

    (void)snprintf(text, sizeof text, "\\u%04X", unit & 0xFFFF);
    return weir__buffer_add_text(out, text);
}

static weir_code add_point(weir_buffer *out, uint32_t point)
{
    weir_code rc;

    if (point < 0x10000)
        return add_unit(out, point);
    rc = add_unit(out, 0xD800 + ((point - 0x10000) >> 10));
    return rc == WEIR_OK ? add_unit(out, 0xDC00 + ((point - 0x10000) & 0x3FF)) : rc;
}

/* A blank at the beginning of a value would be skipped. Text is UTF-8 that the configuration has checked. */
static weir_code add_escaped(weir_buffer *out, const char *text, bool is_name)
{
    static const char names[] = "tnrf", bytes[] = "\t\n\r\f";
    weir_code rc = WEIR_OK;

    for (const char *at = text; *at && rc == WEIR_OK;) {
        uint8_t byte = (uint8_t)*at;
        const char *control = strchr(bytes, byte);

        if (byte >= 0x80) {
            size_t more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
            uint32_t point = byte & (0x3FU >> more);

            for (at++; more > 0 && *at; more--, at++)
                point = point << 6 | ((uint8_t)*at & 0x3F);
            rc = add_point(out, point);
            continue;
        }
        if (control) {
            char pair[] = { '\\', names[control - bytes] };

            rc = weir__buffer_add(out, pair, sizeof pair);
        } else if (byte == '\\' || (byte == ' ' && (is_name || at == text)) || (is_name && strchr("=:#!", byte))) {
            char pair[] = { '\\', (char)byte };

            rc = weir__buffer_add(out, pair, sizeof pair);
        } else {
            rc = weir__buffer_add_byte(out, byte);
        }
        at++;
    }
    return rc;
}

weir_code weir__properties_add(weir_buffer *out, const char *name, const char *value)
{
    weir_code rc = add_escaped(out, name, true);

    if (rc == WEIR_OK)
        rc = weir__buffer_add_byte(out, '=');
    if (rc == WEIR_OK)
        rc = add_escaped(out, value, false);
    return rc == WEIR_OK ? weir__buffer_add_byte(out, '\n') : rc;
}

static weir_code add_entry(weir_buffer *out, const weir_config_entry *entry)
{
    weir_buffer joined;
    weir_code rc = WEIR_OK;

    if (entry->kind != WEIR__CONFIG_LIST)
        return weir__properties_add(out, entry->name, entry->text);
    weir__buffer_init(&joined, out->maximum);
    for (size_t i = 0; i < entry->count && rc == WEIR_OK; i++) {
        if (i > 0)
            rc = weir__buffer_add_byte(&joined, ',');
        if (rc == WEIR_OK)
            rc = weir__buffer_add_text(&joined, entry->items[i]);
    }
    if (rc == WEIR_OK)
        rc = weir__buffer_add_byte(&joined, '\0');
    if (rc == WEIR_OK)
        rc = weir__properties_add(out, entry->name, (const char *)joined.data);
    weir__buffer_clear(&joined);
    return rc;
}

weir_code weir__properties_add_all(weir_buffer *out, const weir_config *config, const char **secret)
{
    weir_config_entry entry;
    size_t cursor = 0;
    weir_code rc = WEIR_OK;

    *secret = NULL;
    while (rc == WEIR_OK && weir__config_next(config, &cursor, &entry)) {
        if (entry.is_secret && !*secret)
            *secret = entry.name;
        rc = add_entry(out, &entry);
    }
    return rc;
}
