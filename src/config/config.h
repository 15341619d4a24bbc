/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: one table of properties; defaults, file, environment and command line laid over each other. */
#ifndef WEIR__CONFIG_CONFIG_H
#define WEIR__CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

typedef struct weir_config weir_config;

/** Where a value came from; later ones win. */
typedef enum weir_config_origin {
    WEIR__ORIGIN_DEFAULT,
    WEIR__ORIGIN_FILE,
    WEIR__ORIGIN_ENVIRONMENT,
    WEIR__ORIGIN_COMMAND_LINE
} weir_config_origin;

/** All defaults. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__config_new(weir_config **out, weir_error *err);
void weir__config_free(weir_config *config); /* accepts NULL */

/**
 * Lays a YAML file over it. Errors name file, line and key: "job.yaml:3: unknown property 'limts.depth'; did you mean
 * 'limits.depth'?".
 * @return WEIR_OK; WEIR_CONFIG (fix); WEIR_IO: the file cannot be read (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__config_read_file(weir_config *config, const char *path, weir_error *err);

/** The same for text in memory; `name` stands for the file in messages. */
WEIR_CHECK weir_code weir__config_read(weir_config *config, weir_bytes yaml, const char *name, weir_error *err);

/** Lays the environment over it: every WEIR_… variable that names a property; others that begin with WEIR_ and a
 * section's name (WEIR_LIMITS_…) are refused with the nearest known one; the rest is left alone. */
WEIR_CHECK weir_code weir__config_read_environment(weir_config *config, char *const *environment, weir_error *err);

/** One `section.key=value` from the command line. */
WEIR_CHECK weir_code weir__config_set(weir_config *config, const char *assignment, weir_error *err);

/** Sets one property by name, as the command line would (for options such as --state-dir). */
WEIR_CHECK weir_code weir__config_set_value(weir_config *config, const char *name, const char *value,
                                            weir_error *err);

/* Reading. `name` is one of the table's, of that type; anything else is a bug (assert). Secrets are filled in. */
const char *weir__config_text(const weir_config *config, const char *name); /* NULL when unset and without default */
int64_t weir__config_int(const weir_config *config, const char *name);
bool weir__config_bool(const weir_config *config, const char *name);
/** Element `index` of a list property; NULL behind the last. */
const char *weir__config_item(const weir_config *config, const char *name, size_t index);
weir_config_origin weir__config_origin(const weir_config *config, const char *name);

/** Prints the configuration as one JSON object, dots as nesting, secrets as "***"; only what is set or has a default.
 * With `with_origin`, each value is {"value": …, "origin": "file"}. */
WEIR_CHECK weir_code weir__config_print_json(const weir_config *config, bool with_origin, weir_buffer *out);

/** Prints docs/CONFIGURATION.md from the table. */
WEIR_CHECK weir_code weir__config_print_manual(weir_buffer *out);

#endif
