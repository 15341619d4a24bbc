/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: one table of properties; defaults, file, environment and command line laid over each other. */
#ifndef WEIR__CONFIG_CONFIG_H
#define WEIR__CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

typedef struct weir_config weir_config;

/** Where a value came from; later ones win, in whatever order they are read. */
typedef enum weir_config_origin {
    WEIR__ORIGIN_DEFAULT,
    WEIR__ORIGIN_HOST, /* a host that has a configuration of its own */
    WEIR__ORIGIN_FILE,
    WEIR__ORIGIN_ENVIRONMENT,
    WEIR__ORIGIN_COMMAND_LINE
} weir_config_origin;

/** All defaults. WEIR_OK or WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__config_new(weir_config **out, weir_error *err);
void weir__config_free(weir_config *config); /* accepts NULL; wipes secrets */

/*
 * Reading. Every value is checked as it is read, against its property's type, range or choices; `${env:NAME}` and
 * `${file:PATH}` in it are filled in, `$${` stands for `${`. A null (YAML: nothing, ~, null; elsewhere: nothing behind
 * the `=`) sets a property back to its default. After a failure the configuration is half read: free it.
 */

/**
 * For handing a configuration on: from here on values are kept as they are written. A placeholder is checked for its
 * form alone and not filled in, and a value with one is not checked; weir__config_next() hides nothing, and tells of a
 * secret only where one is written in clear. Asking for a value with a placeholder gives the placeholder.
 */
void weir__config_keep_written(weir_config *config);

/**
 * Lays a YAML file over the defaults; nesting and dots in keys mean the same. Errors name file, line and key:
 * "job.yaml:3: unknown property 'limts.depth'; did you mean 'limits.depth'?". No message holds a secret.
 *
 * @return WEIR_OK;
 *         WEIR_CONFIG     no UTF-8, no YAML, over 1 MiB, deeper than 64, an alias, a tag, a second document, a key
 *                         given twice, an unknown key, a value of the wrong type or out of range, a secret that is
 *                         not there                (fix)
 *         WEIR_IO         the file cannot be read  (fix)
 *         WEIR_NO_MEMORY                           (stop)
 */
WEIR_CHECK weir_code weir__config_read_file(weir_config *config, const char *path, weir_error *err);

/** The same for text in memory; `name` stands for the file in messages. */
WEIR_CHECK weir_code weir__config_read(weir_config *config, weir_bytes yaml, const char *name, weir_error *err);

/**
 * Lays the environment over it: every WEIR_… variable that names a property, its dots and dashes as `_`. Others that
 * begin with WEIR_ and a section's name (WEIR_LIMITS_…) are refused with the nearest known one; the rest is left alone.
 * WEIR_KAFKA_SASL_PASSWORD is kafka.sasl.password. The items of a list are parted by commas.
 *
 * @param environment  as `environ`; ended by NULL
 * @return as weir__config_read(), with the variable's name in front
 */
WEIR_CHECK weir_code weir__config_read_environment(weir_config *config, char *const *environment, weir_error *err);

/** One `section.key=value` from the command line; lists as in the environment. Errors begin "--set section.key: ". */
WEIR_CHECK weir_code weir__config_set(weir_config *config, const char *assignment, weir_error *err);

/** Sets one property by name, as the command line would (for options such as --state-dir); empty text is refused. */
WEIR_CHECK weir_code weir__config_set_value(weir_config *config, const char *name, const char *value,
                                            weir_error *err);

/**
 * Lays one setting of a host's own configuration over the defaults, by weir's name or by the one that Flink Agents has
 * for the same (`kafkaActionStateTopic`, `short-term-memory.state-ttl.ms`), with its values (`ON_CREATE_AND_WRITE`); a
 * name may stand behind `agent.`. Empty text sets the property back to its default.
 * @return as weir__config_set(); WEIR_CONFIG also: a backend of the journal that weir does not have
 */
WEIR_CHECK weir_code weir__config_set_host(weir_config *config, const char *name, const char *value, weir_error *err);

/** Sets up the log as log.… say. WEIR_OK; WEIR_CONFIG: log.levels (fix). Threads: before others start. */
WEIR_CHECK weir_code weir__config_log(const weir_config *config, weir_error *err);

/*
 * Asking. `name` is one of the table's, of that type; anything else is a bug (assert). Secrets are filled in. Text is
 * valid until the next read or set, or until the configuration is freed.
 */
const char *weir__config_text(const weir_config *config, const char *name); /* NULL when unset and without default */
int64_t weir__config_int(const weir_config *config, const char *name);
bool weir__config_bool(const weir_config *config, const char *name);
/** Element `index` of a list property; NULL behind the last. */
const char *weir__config_item(const weir_config *config, const char *name, size_t index);
weir_config_origin weir__config_origin(const weir_config *config, const char *name);
/** "default", "host", "file", "environment", "command line". */
const char *weir__config_origin_name(weir_config_origin origin);

/**
 * Walks what stands under `kafka.`, ordered by name, each name without that prefix: librdkafka's own, with its value as
 * it was written. False behind the last.
 */
bool weir__config_kafka(const weir_config *config, size_t index, const char **name, const char **value);

/* How a value is printed: as JSON a number, true or false, a string, an array of strings. */
typedef enum weir_config_kind {
    WEIR__CONFIG_TEXT,
    WEIR__CONFIG_INT,
    WEIR__CONFIG_BOOL,
    WEIR__CONFIG_LIST
} weir_config_kind;

/** One value, ready to be printed. What it points to is valid as long as what weir__config_text() gives. */
typedef struct weir_config_entry {
    const char *name;         /* dotted; the section is what stands before the first dot, if there is one */
    weir_config_kind kind;    /* of a secret: WEIR__CONFIG_TEXT, or WEIR__CONFIG_LIST */
    const char *text;         /* "***" for a secret; an int in decimal; "true" or "false"; NULL for a list */
    const char *const *items; /* the `count` items of a list, one "***" for a secret one; for others `text` alone */
    size_t count;
    weir_config_origin origin;
    bool is_secret; /* of a configuration that is kept as it is written: and no placeholder stands for it */
    const char *used_by; /* the hosts that read it, in words: "local, run" */
} weir_config_entry;

/**
 * Walks what is set or has a default: in the table's order, sections in one piece, `kafka.…` last. Start with a cursor
 * of 0. False behind the last.
 */
bool weir__config_next(const weir_config *config, size_t *cursor, weir_config_entry *out);

/** Prints docs/CONFIGURATION.md from the table. WEIR_OK, WEIR_LIMIT or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__config_print_manual(weir_buffer *out);

/** Prints what the shim for Flink knows of the table, one property a line. WEIR_OK, WEIR_LIMIT or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__config_print_java_table(weir_buffer *out);

#endif
