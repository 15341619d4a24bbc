/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration for a Java program: a flat file of its Properties. */
#ifndef WEIR__PACKAGE_PROPERTIES_TEXT_H
#define WEIR__PACKAGE_PROPERTIES_TEXT_H

#include "base/buffer.h"
#include "config/config.h"

/** Appends `name=value` and a newline, all in ASCII. WEIR_OK, WEIR_LIMIT or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__properties_add(weir_buffer *out, const char *name, const char *value);

/**
 * Appends all that is set or has a default, a list's items parted by commas, `kafka.…` as it is.
 *
 * @param config  read as it is written (weir__config_keep_written): secrets stay placeholders
 * @param secret  set to the name of a property that holds a secret in clear, or NULL; lives as long as `config`
 */
WEIR_CHECK weir_code weir__properties_add_all(weir_buffer *out, const weir_config *config, const char **secret);

#endif
