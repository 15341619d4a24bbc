/* SPDX-License-Identifier: Apache-2.0 */
/* Text into a buffer. Source: RFC 8259, section 7; Prometheus, "Exposition formats", text format 0.0.4. */
#include "status/print.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/utf8.h"

/* The buffer remembers what did not fit. */
static void add(weir_buffer *out, const void *data, size_t size)
{
    (void)!weir__buffer_add(out, data, size);
}

void weir__status_print(weir_buffer *out, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add(out, text, strlen(text));
}

void weir__status_print_string(weir_buffer *out, const char *text)
{
    size_t left = text ? strlen(text) : 0;

    if (!text) {
        add(out, "null", 4);
        return;
    }
    add(out, "\"", 1);
    while (left > 0) {
        char piece[8]; /* one character, and its NUL */
        size_t size = weir__utf8_character((const uint8_t *)text, left);

        size = size ? size : 1;
        add(out, piece, weir__json_escape(text, size, piece, sizeof piece));
        text += size;
        left -= size;
    }
    add(out, "\"", 1);
}

void weir__status_print_label(weir_buffer *out, const char *text)
{
    size_t left = strlen(text);

    add(out, "\"", 1);
    while (left > 0) {
        size_t size = weir__utf8_character((const uint8_t *)text, left);

        if (size == 0)
            add(out, "\xEF\xBF\xBD", 3); /* U+FFFD */
        else if (*text == '\n')
            add(out, "\\n", 2);
        else if (*text == '"' || *text == '\\')
            add(out, *text == '"' ? "\\\"" : "\\\\", 2);
        else
            add(out, text, size);
        size = size ? size : 1;
        text += size;
        left -= size;
    }
    add(out, "\"", 1);
}
