/* SPDX-License-Identifier: Apache-2.0 */
/* One value: as it was written, and as it is kept. */
#ifndef WEIR__CONFIG_VALUE_H
#define WEIR__CONFIG_VALUE_H

#include "config/config.h"
#include "config/properties.h"

/* One value as it was written. */
typedef struct weir_assignment {
    const char *name;
    const char *const *texts; /* `count` of them, UTF-8; placeholders not yet filled in */
    size_t count;
    bool is_null; /* back to the default */
    bool is_list; /* written as a list; else one text, and then `commas` says whether it may be a list's */
    bool commas;  /* for list properties: parted by commas */
    weir_config_origin origin;
    size_t line; /* of the file, from 1; 0: a name may be given again */
} weir_assignment;

/* One value as it is kept. */
typedef struct weir_config_value {
    weir_config_origin origin; /* of what is set; also of a null that a layer has set */
    char **items;              /* NULL: the default. Owned, each in one piece; a single value is one item */
    size_t count;
    int64_t number; /* of an int; of a bool 0 or 1 */
    bool is_secret;
    bool is_as_written; /* not filled in; see weir__config_keep_written() */
    bool has_placeholder;
    size_t line; /* where the file being read has given it; 0: it has not */
} weir_config_value;

/**
 * Makes a value of what was written: placeholders filled in, checked against the property.
 *
 * @param property  NULL: one of kafka.*, which may be any text
 * @param out       no items yet; may be half made on failure: clear it. Its origin, line and `is_as_written`, which
 *                  counts, are left as they are
 * @return WEIR_OK; WEIR_CONFIG, the message beginning with the property's name (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__value_parse(const weir_property *property, const weir_assignment *assignment,
                                       weir_config_value *out, weir_error *err);

/** Wipes and frees its items: it is unset then. Origin and line stay. */
void weir__value_clear(weir_config_value *value);

/**
 * Where text stops being UTF-8, or has a control character other than tab and line break: the number of bytes before
 * that; `size` when it is all good.
 */
size_t weir__text_good(const uint8_t *text, size_t size);

#endif
