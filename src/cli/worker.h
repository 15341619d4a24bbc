/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB worker`: a job beside a task of Flink's. */
#ifndef WEIR__CLI_WORKER_H
#define WEIR__CLI_WORKER_H

#include <weir/job.h>

/** `argv` behind the command; returns the exit status. */
int weir__cli_worker(weir_job *job, const char *program, int argc, char **argv);

#endif
