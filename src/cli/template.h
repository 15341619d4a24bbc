/* SPDX-License-Identifier: Apache-2.0 */
/* `weir new`. */
#ifndef WEIR__CLI_TEMPLATE_H
#define WEIR__CLI_TEMPLATE_H

#include <stddef.h>

/* A file of the template, embedded when weir is built (scripts/embed.awk). */
struct weir__text_file {
    const char *name;
    const char *text; /* @NAME@ stands for the job's name */
};
extern const struct weir__text_file weir__template[]; /* ended by a NULL name */

/** Makes a folder with a job of one's own; returns the exit status. */
int weir__cli_new(const char *program, int argc, char **argv);

#endif
