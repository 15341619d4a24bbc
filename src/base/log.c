/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink. The one mutable global of the house; set before threads start. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

static struct {
    weir_log_level level;
    weir_log_format format;
} sink = { WEIR__LOG_WARN, WEIR__LOG_TEXT };

static const char *const level_names[] = { "error", "warn", "info", "debug" };

void weir__log_configure(weir_log_level level, weir_log_format format)
{
    sink.level = level;
    sink.format = format;
}

bool weir__log_wants(weir_log_level level)
{
    return level <= sink.level;
}

bool weir__log_level_named(const char *name, weir_log_level *level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (weir_log_level)i;
            return true;
        }
    }
    return false;
}

/* As JSON string content; what does not fit is left out. Bytes from 0x80 on pass as they are. */
static void quote(char *out, size_t capacity, const char *text)
{
    size_t size = 0;

    for (; *text && size + 7 < capacity; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '"' || byte == '\\') {
            out[size++] = '\\';
            out[size++] = (char)byte;
        } else if (byte < 0x20) {
            size += (size_t)snprintf(out + size, capacity - size, "\\u%04x", byte);
        } else {
            out[size++] = (char)byte;
        }
    }
    out[size] = '\0';
    weir__text_trim(out);
}

void weir__log(weir_log_level level, const char *where, const char *format, ...)
{
    char message[1024], line[2560];
    int saved = errno;
    struct timespec now;
    struct tm utc;
    va_list args;
    int size;
    ssize_t ignored;

    if (!weir__log_wants(level))
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    weir__text_trim(message);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    if (sink.format == WEIR__LOG_JSON) {
        char quoted[2048], quoted_where[320];

        quote(quoted, sizeof quoted, message);
        quote(quoted_where, sizeof quoted_where, where);
        size = snprintf(line, sizeof line,
                        "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ\",\"level\":\"%s\",\"where\":\"%s\","
                        "\"message\":\"%s\"}\n",
                        utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                        now.tv_nsec / 1000000, level_names[level], quoted_where, quoted);
    } else {
        for (char *at = message; *at; at++) {
            if ((unsigned char)*at < 0x20)
                *at = ' ';
        }
        size = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s: %s\n", utc.tm_year + 1900,
                        utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000,
                        level_names[level], where, message);
    }
    /* One write a line, so that lines of threads do not mix; a log that cannot be written has nobody to tell. */
    ignored = write(STDERR_FILENO, line, (size_t)size);
    (void)ignored;
    errno = saved;
}
