/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB local`. */
#ifndef WEIR__CLI_LOCAL_H
#define WEIR__CLI_LOCAL_H

#include <weir/job.h>

#include "base/error.h"

/** Runs the command; returns the exit status. `argv` begins behind the command's name. */
int weir__cli_local(weir_job *job, const char *program, int argc, char **argv);

#endif
