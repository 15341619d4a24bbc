/* SPDX-License-Identifier: Apache-2.0 */
/* Printing the configuration. */
#include "cli/configuration.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

json_t *weir__strings_tree(const char *const *strings, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(list, json_string(strings[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *value_tree(const weir_config_entry *entry)
{
    switch (entry->kind) {
    case WEIR__CONFIG_TEXT:
        return json_string(entry->text);
    case WEIR__CONFIG_INT:
        return json_integer(strtoll(entry->text, NULL, 10));
    case WEIR__CONFIG_BOOL:
        return json_boolean(strcmp(entry->text, "true") == 0);
    case WEIR__CONFIG_LIST:
        return weir__strings_tree(entry->items, entry->count);
    }
    return NULL;
}

/* Nests at the first dot only: "commit-interval-ms" stands alone, "kafka.bootstrap.servers" is one name of kafka. */
static bool add_entry(json_t *root, const weir_config_entry *entry, bool with_origin)
{
    const char *dot = strchr(entry->name, '.');
    json_t *value = value_tree(entry);
    json_t *section = root;

    if (with_origin)
        value = json_pack("{s:o, s:s}", "value", value, "origin", weir__config_origin_name(entry->origin));
    if (dot) {
        size_t size = (size_t)(dot - entry->name);

        section = json_object_getn(root, entry->name, size);
        if (!section && json_object_setn_new(root, entry->name, size, json_object()) == 0)
            section = json_object_getn(root, entry->name, size);
    }
    return value && section && json_object_set_new(section, dot ? dot + 1 : entry->name, value) == 0;
}

json_t *weir__configuration_tree(const weir_config *config, bool with_origin)
{
    json_t *root = json_object();
    weir_config_entry entry;
    size_t cursor = 0;

    while (root && weir__config_next(config, &cursor, &entry)) {
        if (!add_entry(root, &entry, with_origin)) {
            json_decref(root);
            root = NULL;
        }
    }
    return root;
}

int weir__cli_print_tree(const char *program, json_t *tree)
{
    int rc;

    if (!tree) {
        (void)fprintf(stderr, "%s: no memory for what is to be printed\n", program);
        return 3;
    }
    rc = json_dumpf(tree, stdout, JSON_INDENT(2));
    json_decref(tree);
    if (rc == 0 && putchar('\n') != EOF && fflush(stdout) == 0)
        return 0;
    (void)fprintf(stderr, "%s: cannot write to stdout: %s\n", program, strerror(errno));
    return 3;
}

int weir__cli_config(const char *program, int argc, char **argv)
{
    static const weir_option options[] = {
        { "origin", NULL, "say where each value came from" },
        { NULL, NULL, NULL },
    };
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);
    int status = 0;

    if (rc != WEIR_OK) {
        weir__cli_complain(program, &err);
        status = weir__cli_status(rc);
    } else if (arguments.wants_help) {
        (void)printf("usage: %s config [option...]\n\nPrints the configuration that a job would have.\n\n", program);
        weir__options_print(options);
    } else {
        status = weir__cli_print_tree(program, weir__configuration_tree(arguments.config,
                                                                        weir__arguments_value(&arguments, "origin")));
    }
    weir__arguments_clear(&arguments);
    return status;
}
