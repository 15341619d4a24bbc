/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB package`. */
#ifndef WEIR__CLI_PACKAGE_H
#define WEIR__CLI_PACKAGE_H

#include <weir/job.h>

/** Makes the job's JAR for Flink, and tells how to submit it; returns the exit status. */
int weir__cli_package(weir_job *job, const char *program, int argc, char **argv);

#endif
