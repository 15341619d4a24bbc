/* SPDX-License-Identifier: Apache-2.0 */
/* One value: from what was written to what is kept, checked against its property. */
#include "config/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/secrets.h"

enum { LIST_MAXIMUM = 1000 };

void weir__value_clear(weir_config_value *value)
{
    for (size_t i = 0; i < value->count; i++)
        weir__secret_free(value->items[i]);
    free(value->items);
    value->items = NULL;
    value->count = 0;
    value->number = 0;
    value->is_secret = false;
    value->has_placeholder = false;
}

size_t weir__text_good(const uint8_t *text, size_t size)
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

/* ---- checking ---------------------------------------------------------------------------------------------------- */

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

static weir_code parse_int(const weir_property *property, weir_config_value *out, weir_error *err)
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

static weir_code parse_bool(const weir_property *property, weir_config_value *out, weir_error *err)
{
    const char *text = out->items[0];

    out->number = strcmp(text, "true") == 0;
    if (!out->number && strcmp(text, "false") != 0)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s: %s is neither true nor false", property->name,
                          show(text, out->is_secret).text);
    return WEIR_OK;
}

static weir_code parse_choice(const weir_property *property, const weir_config_value *value, weir_error *err)
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

static weir_code check_type(const weir_property *property, weir_config_value *value, weir_error *err)
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

/* ---- from what was written to a value ---------------------------------------------------------------------------- */

/* Fills one item in and appends it. `value->items` has room. */
static weir_code add_item(const char *name, const char *text, size_t size, weir_config_value *value, weir_error *err)
{
    weir_code rc;
    char *item = NULL;
    bool filled = false;
    char *written = calloc(1, size + 1);

    if (!written)
        return weir__fail_memory(err, "the configuration");
    memcpy(written, text, size);
    if (value->is_as_written) {
        rc = weir__secret_check(written, &filled, err);
        item = rc == WEIR_OK ? written : NULL;
    } else {
        rc = weir__secret_fill(written, &item, &filled, err);
    }
    if (item != written)
        weir__secret_free(written); /* it may be one itself: kafka.sasl.password */
    if (rc == WEIR_CONFIG)
        weir__error_context(err, "%.80s", name);
    if (rc != WEIR_OK)
        return rc;
    value->items[value->count++] = item;
    value->has_placeholder = value->has_placeholder || filled;
    value->is_secret = value->is_secret || filled || weir__secret_looks(item);
    size = strlen(item);
    if (weir__text_good((const uint8_t *)item, size) != size)
        return refuse(err, name, "no UTF-8, or a control character in it");
    return WEIR_OK;
}

static weir_code add_items(const weir_assignment *assignment, bool commas, weir_config_value *value, weir_error *err)
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

weir_code weir__value_parse(const weir_property *property, const weir_assignment *assignment,
                            weir_config_value *out, weir_error *err)
{
    bool takes_list = property && property->type == WEIR__PROPERTY_LIST;
    weir_code rc;

    out->is_secret = weir__secret_named(assignment->name);
    if (assignment->is_list && !takes_list)
        return refuse(err, assignment->name, "one value expected, not a list");
    rc = add_items(assignment, takes_list && assignment->commas, out, err);
    if (rc == WEIR_OK && out->is_as_written && out->has_placeholder) {
        out->is_secret = false;
        return WEIR_OK;
    }
    if (rc == WEIR_OK && property)
        rc = check_type(property, out, err);
    return rc;
}
