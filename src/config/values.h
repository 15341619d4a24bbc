/* SPDX-License-Identifier: Apache-2.0 */
/* Assigning values: where file, environment and command line meet. */
#ifndef WEIR__CONFIG_VALUES_H
#define WEIR__CONFIG_VALUES_H

#include "config/config.h"
#include "config/properties.h"

/* Longest dotted name, with its NUL. */
enum { WEIR__NAME_CAPACITY = 256 };

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

/**
 * Checks one value and puts it in place, unless a later layer has been there.
 *
 * @return WEIR_OK; WEIR_CONFIG, the message beginning with the property's name but for an unknown one (fix);
 *         WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__config_assign(weir_config *config, const weir_assignment *assignment, weir_error *err);

/** Fails with "unknown property 'x'; did you mean 'y'?". */
weir_code weir__config_unknown(const char *name, weir_error *err);

/** Forgets which names the file has given; before a file is read. */
void weir__config_begin_file(weir_config *config);

/**
 * Where text stops being UTF-8, or has a control character other than tab and line break: the number of bytes before
 * that; `size` when it is all good.
 */
size_t weir__config_text_good(const uint8_t *text, size_t size);

#endif
