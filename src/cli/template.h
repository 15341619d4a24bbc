/* SPDX-License-Identifier: Apache-2.0 */
/* `weir new`. */
#ifndef WEIR__CLI_TEMPLATE_H
#define WEIR__CLI_TEMPLATE_H

#include "base/text_file.h"

extern const struct weir__text_file weir__template[]; /* of the new job; @NAME@ stands for its name */

/** Makes a folder with a job of one's own; returns the exit status. */
int weir__cli_new(const char *program, int argc, char **argv);

#endif
