/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB describe`. */
#ifndef WEIR__CLI_DESCRIBE_H
#define WEIR__CLI_DESCRIBE_H

#include <weir/job.h>

/** Prints agents, actions and the configuration as one JSON object; returns the exit status. */
int weir__cli_describe(weir_job *job, const char *program, int argc, char **argv);

#endif
