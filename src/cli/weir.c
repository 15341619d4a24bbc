/* SPDX-License-Identifier: Apache-2.0 */
/* The command `weir`: what needs no job. */
#include <stdio.h>
#include <string.h>

#include "cli/configuration.h"
#include "cli/journal.h"
#include "cli/options.h"
#include "cli/state.h"
#include "cli/template.h"
#include "cli/topics.h"

static const char *const commands[] = { "new", "topics", "state", "journal", "config", "version", NULL };
/* Commands of the contract that this version does not have yet. */
static const char *const later[] = { NULL };

static void print_usage(FILE *to)
{
    (void)fprintf(to, "usage: weir new NAME\n"
                      "       weir topics --config FILE [--create]\n"
                      "       weir state (--state-dir DIR | --config FILE) [--key KEY]\n"
                      "       weir journal (--state-dir DIR | --config FILE)\n"
                      "       weir config [--config FILE] [--set SECTION.KEY=VALUE...] [--origin]\n"
                      "       weir version\n");
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : NULL;

    if (!command) {
        print_usage(stderr);
        return 2;
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 || strcmp(command, "help") == 0) {
        print_usage(stdout);
        (void)printf("\nnew      makes a folder with a job of one's own\n"
                     "topics   lists the Kafka topics that a job needs, and makes what is missing\n"
                     "state    prints the memory that a job keeps\n"
                     "journal  prints what runs have done outside, an entry a line\n"
                     "config   prints the configuration that a job would have\n"
                     "version  prints the version\n");
        return 0;
    }
    if (strcmp(command, "version") == 0 || strcmp(command, "--version") == 0) {
        (void)printf("weir %s\n", PACKAGE_VERSION);
        return 0;
    }
    if (strcmp(command, "new") == 0)
        return weir__cli_new("weir", argc - 2, argv + 2);
    if (strcmp(command, "topics") == 0)
        return weir__cli_topics("weir", argc - 2, argv + 2);
    if (strcmp(command, "state") == 0)
        return weir__cli_state("weir", argc - 2, argv + 2);
    if (strcmp(command, "journal") == 0)
        return weir__cli_journal("weir", argc - 2, argv + 2);
    if (strcmp(command, "config") == 0)
        return weir__cli_config("weir", argc - 2, argv + 2);
    return weir__cli_refuse_command("weir", command, commands, later);
}
