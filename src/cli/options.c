/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing command lines. getopt_long would print its own words; ours name the nearest right one. */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>

extern char **environ;

static const weir_option common[] = {
    { "config", "FILE", "read the configuration from a YAML file" },
    { "set", "SECTION.KEY=VALUE", "set one property; may be repeated" },
    { "log-level", "LEVEL", "error, warn, info or debug" },
    { "help", NULL, "show this help" },
    { NULL, NULL, NULL },
};

const char *weir__cli_program(const char *argv0)
{
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

    return slash ? slash + 1 : argv0 ? argv0 : "weir";
}

int weir__cli_status(weir_code code)
{
    switch (code) {
    case WEIR_OK:
        return 0;
    case WEIR_FAILED:
        return 1;
    case WEIR_INVALID:
    case WEIR_CONFIG:
    case WEIR_LIMIT:
        return 2;
    case WEIR_NO_MEMORY:
    case WEIR_IO:
    case WEIR_UNREACHABLE:
    case WEIR_FENCED:
    case WEIR_NOT_DONE:
    case WEIR_UNKNOWN:
    case WEIR_CANCELED:
        return 3;
    }
    return 3;
}

void weir__cli_complain(const char *program, const weir_error *err)
{
    (void)fprintf(stderr, "%s: %s\n", program, err->message); /* stderr gone: nobody to tell */
}

/* ---- the nearest word -------------------------------------------------------------------------------------------- */

enum { LONGEST_WORD = 40, NEAR = 3 };

/* Levenshtein's distance; words that are too long are far from all. */
static size_t distance(const char *a, const char *b)
{
    size_t row[LONGEST_WORD + 1];
    size_t a_size = strlen(a), b_size = strlen(b);

    if (a_size > LONGEST_WORD || b_size > LONGEST_WORD)
        return LONGEST_WORD;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = row[j] + 1 < change ? row[j] + 1 : change;
            if (row[j - 1] + 1 < row[j])
                row[j] = row[j - 1] + 1;
        }
    }
    return row[b_size];
}

const char *weir__nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    size_t best_distance = NEAR + 1;

    for (; *names; names++) {
        size_t found = distance(word, *names);

        if (found < best_distance && found < strlen(*names)) {
            best = *names;
            best_distance = found;
        }
    }
    return best;
}

int weir__cli_refuse_command(const char *program, const char *command, const char *const *commands,
                             const char *const *later)
{
    const char *nearest = weir__nearest(command, commands);
    weir_error err;

    for (; *later; later++) {
        if (strcmp(command, *later) == 0) {
            char list[128] = "";

            for (size_t i = 0, size = 0; commands[i] && size < sizeof list; i++)
                size += (size_t)snprintf(list + size, sizeof list - size, "%s%s", i ? ", " : "", commands[i]);
            (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX,
                             "this version of weir has no '%s' yet; it has: %s", command, list);
            goto out;
        }
    }
    if (nearest)
        (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "unknown command '%.64s'; did you mean '%s'?", command,
                         nearest);
    else
        (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "unknown command '%.64s'; see %s --help", command,
                         program);
out:
    weir__cli_complain(program, &err);
    return weir__cli_status(err.code);
}

/* ---- parsing ----------------------------------------------------------------------------------------------------- */

static const weir_option *find_option(const weir_option *options, const char *name, size_t size)
{
    for (; options->name; options++) {
        if (strlen(options->name) == size && strncmp(options->name, name, size) == 0)
            return options;
    }
    return NULL;
}

/* What stands behind a `=` may be a secret, and is not shown. */
static weir_code fail_unknown(const weir_option *options, const char *given, weir_error *err)
{
    const char *names[WEIR__MAX_OPTIONS + 8];
    const char *nearest;
    char word[LONGEST_WORD + 3];
    size_t count = 0;

    (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(given, "="), given); /* cut, it is still unknown */

    for (const weir_option *option = options; option->name; option++)
        names[count++] = option->name;
    for (const weir_option *option = common; option->name; option++)
        names[count++] = option->name;
    names[count] = NULL;
    nearest = strncmp(word, "--", 2) == 0 ? weir__nearest(word + 2, names) : NULL;
    if (nearest)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "unknown option '%s'; did you mean '--%s'?", word,
                          nearest);
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "unknown option '%s'; see --help", word);
}

static weir_code take_common(weir_arguments *arguments, const char *name, const char *value, weir_error *err)
{
    if (strcmp(name, "help") == 0) {
        arguments->wants_help = true;
        return WEIR_OK;
    }
    if (strcmp(name, "config") == 0)
        return weir__config_read_file(arguments->config, value, err);
    if (strcmp(name, "set") == 0)
        return weir__config_set(arguments->config, value, err);
    return weir__config_set_value(arguments->config, "log.level", value, err);
}

static weir_code parse_words(weir_arguments *arguments, size_t operands, int argc, char **argv, weir_error *err)
{
    bool only_operands = false; /* behind "--" */

    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        const char *equals, *value = NULL;
        const weir_option *option, *of_common;
        weir_code rc;

        if (!only_operands && strcmp(word, "--") == 0) {
            only_operands = true;
            continue;
        }
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            if (arguments->operand_count == operands)
                return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "unexpected word '%.64s'; see --help", word);
            arguments->operands[arguments->operand_count++] = word;
            continue;
        }
        if (strcmp(word, "-h") == 0)
            word = "--help";
        if (strncmp(word, "--", 2) != 0)
            return fail_unknown(arguments->options, word, err);
        equals = strchr(word, '=');
        option = find_option(arguments->options, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
        of_common = option ? NULL
                           : find_option(common, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
        if (!option && !of_common)
            return fail_unknown(arguments->options, word, err);
        if ((option ? option : of_common)->argument) {
            value = equals ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
            if (!value)
                return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "option '%s' needs a value: %s", word,
                                  (option ? option : of_common)->argument);
        } else if (equals) {
            return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "option '%.*s' takes no value", (int)(equals - word),
                              word);
        }
        if (of_common) {
            rc = take_common(arguments, of_common->name, value, err);
            if (rc != WEIR_OK)
                return rc;
        } else {
            arguments->values[option - arguments->options] = value ? value : "";
        }
    }
    return WEIR_OK;
}

weir_code weir__arguments_parse(weir_arguments *arguments, const weir_option *options, size_t operands, int argc,
                                char **argv, weir_error *err)
{
    weir_code rc;

    memset(arguments, 0, sizeof *arguments);
    arguments->options = options;
    rc = weir__config_new(&arguments->config, err);
    if (rc == WEIR_OK)
        rc = parse_words(arguments, operands, argc, argv, err);
    /* Layers win by rank, not by the order in which they are read. */
    if (rc == WEIR_OK && !arguments->wants_help)
        rc = weir__config_read_environment(arguments->config, environ, err);
    return rc == WEIR_OK ? weir__config_log(arguments->config, err) : rc;
}

void weir__arguments_clear(weir_arguments *arguments)
{
    weir__config_free(arguments->config);
    arguments->config = NULL;
}

const char *weir__arguments_value(const weir_arguments *arguments, const char *name)
{
    const weir_option *option = find_option(arguments->options, name, strlen(name));

    return option ? arguments->values[option - arguments->options] : NULL;
}

static void print_list(const weir_option *options)
{
    for (; options->name; options++) {
        char left[64];

        (void)snprintf(left, sizeof left, "--%s%s%s", options->name, options->argument ? " " : "",
                       options->argument ? options->argument : "");
        (void)printf("  %-25s %s\n", left, options->help);
    }
}

weir_code weir__arguments_state_folder(const weir_arguments *arguments, const char **folder, weir_error *err)
{
    const char *given = weir__arguments_value(arguments, "state-dir");
    weir_code rc = given ? weir__config_set_value(arguments->config, "state.dir", given, err) : WEIR_OK;

    if (rc != WEIR_OK)
        return rc;
    *folder = weir__config_text(arguments->config, "state.dir");
    return *folder ? WEIR_OK
                   : weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                                "no state folder, and no Kafka job; give --state-dir DIR, or --config FILE with "
                                "state.dir, or with input.topics and kafka.bootstrap.servers");
}

void weir__options_print(const weir_option *options)
{
    (void)printf("options:\n");
    print_list(options);
    print_list(common);
}
