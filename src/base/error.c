/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in the caller's own struct; what a code means is in include/weir/error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void weir__text_trim(char *text)
{
    size_t size = strlen(text);
    size_t start = size;
    unsigned char lead;
    size_t need;

    while (start > 0 && size - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xC0)
        return;
    lead = (unsigned char)text[start - 1];
    need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (size - (start - 1) < need)
        text[start - 1] = '\0';
}

/* Cuts a half character off the end, whoever cut it in half, and makes one line of it. */
static void tidy(char *message)
{
    weir__text_trim(message);
    for (char *at = message; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F)
            *at = ' ';
    }
}

static weir_code set(weir_error *err, weir_code code, weir_remedy remedy, const char *origin, int origin_code,
                     const char *format, va_list args)
{
    if (!err)
        return code;
    err->code = code;
    err->remedy = remedy;
    err->origin = origin;
    err->origin_code = origin_code;
    (void)vsnprintf(err->message, sizeof err->message, format, args); /* a cut message is still a message */
    tidy(err->message);
    return code;
}

weir_code weir__fail(weir_error *err, weir_code code, weir_remedy remedy, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    code = set(err, code, remedy, NULL, 0, format, args);
    va_end(args);
    return code;
}

weir_code weir__fail_from(weir_error *err, weir_code code, weir_remedy remedy, const char *origin, int origin_code,
                          const char *format, ...)
{
    va_list args;

    va_start(args, format);
    code = set(err, code, remedy, origin, origin_code, format, args);
    va_end(args);
    return code;
}

weir_code weir__fail_errno(weir_error *err, int number, weir_remedy remedy, const char *format, ...)
{
    weir_code code = number == ENOMEM ? WEIR_NO_MEMORY : WEIR_IO;
    char text[128];
    va_list args;
    size_t size;

    va_start(args, format);
    code = set(err, code, remedy, "errno", number, format, args);
    va_end(args);
    if (!err)
        return code;
    size = strlen(err->message);
    (void)snprintf(err->message + size, sizeof err->message - size, ": %s",
                   strerror_r(number, text, sizeof text));
    tidy(err->message);
    return code;
}

weir_code weir__fail_memory(weir_error *err, const char *what)
{
    return weir__fail(err, WEIR_NO_MEMORY, WEIR_REMEDY_STOP, "no memory for %s", what);
}

void weir__error_context(weir_error *err, const char *format, ...)
{
    char message[sizeof err->message];
    va_list args;
    size_t size;

    if (!err)
        return;
    memcpy(message, err->message, sizeof message);
    va_start(args, format);
    (void)vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    size = strlen(err->message);
    for (const char *at = ": "; *at && size + 1 < sizeof err->message; at++)
        err->message[size++] = *at;
    for (const char *at = message; *at && size + 1 < sizeof err->message; at++)
        err->message[size++] = *at;
    err->message[size] = '\0';
    tidy(err->message);
}

const char *weir__code_name(weir_code code)
{
    switch (code) {
    case WEIR_OK:
        return "ok";
    case WEIR_INVALID:
        return "invalid";
    case WEIR_NO_MEMORY:
        return "no memory";
    case WEIR_LIMIT:
        return "limit";
    case WEIR_CONFIG:
        return "config";
    case WEIR_IO:
        return "io";
    case WEIR_UNREACHABLE:
        return "unreachable";
    case WEIR_FENCED:
        return "fenced";
    case WEIR_FAILED:
        return "failed";
    case WEIR_NOT_DONE:
        return "not done";
    case WEIR_UNKNOWN:
        return "unknown";
    case WEIR_CANCELED:
        return "canceled";
    }
    return "unknown code";
}
