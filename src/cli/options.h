/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a command line, and what follows from them. */
#ifndef WEIR__CLI_OPTIONS_H
#define WEIR__CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* One option of a command. */
typedef struct weir_option {
    const char *name;     /* "input" */
    const char *argument; /* "FILE"; NULL: a flag */
    const char *help;     /* one line, at most 50 columns */
} weir_option;

enum { WEIR__MAX_OPTIONS = 16, WEIR__MAX_OPERANDS = 4 };

/* What was given. Strings are argv's. */
typedef struct weir_arguments {
    const weir_option *options; /* of the command; ended by a NULL name */
    const char *values[WEIR__MAX_OPTIONS]; /* by option; of a flag "" */
    const char *operands[WEIR__MAX_OPERANDS];
    size_t operand_count;
    bool wants_help;
    weir_config *config; /* made by the parser: all layers */
} weir_arguments;

/**
 * Parses what stands behind the command's name, and lays the configuration: defaults, --config, environment, then --set
 * and --log-level.
 *
 * @param options   the command's own; the common ones (--config, --set, --log-level, --help) are known anyway
 * @param operands  most words that are no options
 * @return WEIR_OK; WEIR_INVALID: a wrong word, the nearest right one is named (fix); WEIR_CONFIG, WEIR_IO (fix);
 *         WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__arguments_parse(weir_arguments *arguments, const weir_option *options, size_t operands,
                                           int argc, char **argv, weir_error *err);

/**
 * The same for handing the configuration on: it is kept as it is written (weir__config_keep_written), without the
 * environment, and the log is not set up by it.
 */
WEIR_CHECK weir_code weir__arguments_parse_written(weir_arguments *arguments, const weir_option *options,
                                                   size_t operands, int argc, char **argv, weir_error *err);
void weir__arguments_clear(weir_arguments *arguments);

/** The value of an option: NULL when it was not given; "" for a flag that was. */
const char *weir__arguments_value(const weir_arguments *arguments, const char *name);

/**
 * The state folder that --state-dir gives, else the configuration.
 * @return WEIR_OK; WEIR_INVALID: there is none; WEIR_CONFIG: not one that can be (both fix); WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__arguments_state_folder(const weir_arguments *arguments, const char **folder,
                                                  weir_error *err);

/** Prints the options of a command and the common ones, for its help. */
void weir__options_print(const weir_option *options);

/** The nearest of some names, or NULL when none is near. `names` ends with NULL. */
const char *weir__nearest(const char *word, const char *const *names);

/**
 * Complains of a command that is not there; returns the exit status, 2.
 *
 * @param commands  what there is; ended by NULL
 * @param later     commands of the contract that this version does not have yet; ended by NULL
 */
int weir__cli_refuse_command(const char *program, const char *command, const char *const *commands,
                             const char *const *later);

/** The exit status that an error's code stands for. Source: contract, "Exit status". */
int weir__cli_status(weir_code code);

/** Prints an error on stderr, in one line: "PROGRAM: message". */
void weir__cli_complain(const char *program, const weir_error *err);

/** The last part of argv[0]. */
const char *weir__cli_program(const char *argv0);

#endif
