/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as JSON, for `describe` and `weir config`. */
#ifndef WEIR__CLI_CONFIGURATION_H
#define WEIR__CLI_CONFIGURATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/** A tree, dots as nesting, secrets as "***": new; NULL when there is no memory. With `with_origin` each value is
 * {"value": …, "origin": "file"}. */
json_t *weir__configuration_tree(const weir_config *config, bool with_origin);

/** An array of strings: new; NULL when there is no memory. */
json_t *weir__strings_tree(const char *const *strings, size_t count);

/** Prints a tree to stdout, indented. Takes it. 0, or 3 when stdout cannot be written. */
int weir__cli_print_tree(const char *program, json_t *tree);

/** `weir config`; returns the exit status. */
int weir__cli_config(const char *program, int argc, char **argv);

#endif
