/* SPDX-License-Identifier: Apache-2.0 */
/* Where file, environment and command line meet: assigning what each of them says. */
#ifndef WEIR__CONFIG_LAYERS_H
#define WEIR__CONFIG_LAYERS_H

#include "config/config.h"
#include "config/value.h"

/* Longest dotted name, with its NUL. */
enum { WEIR__NAME_CAPACITY = 256 };

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

#endif
