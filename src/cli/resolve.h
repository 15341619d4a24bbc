/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB resolve`. */
#ifndef WEIR__CLI_RESOLVE_H
#define WEIR__CLI_RESOLVE_H

#include <weir/job.h>

/** Decides on a parked run, whether its job runs or not; returns the exit status. */
int weir__cli_resolve(const weir_job *job, const char *program, int argc, char **argv);

#endif
