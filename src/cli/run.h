/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB run`: topics in, topics out. */
#ifndef WEIR__CLI_RUN_H
#define WEIR__CLI_RUN_H

#include <weir/job.h>

/** Runs the command; `argv` stands behind its name. Returns the exit status. */
int weir__cli_run(weir_job *job, const char *program, int argc, char **argv);

#endif
