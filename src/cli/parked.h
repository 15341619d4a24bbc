/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB parked`. */
#ifndef WEIR__CLI_PARKED_H
#define WEIR__CLI_PARKED_H

#include <weir/job.h>

/** Prints parked runs, one JSON object a line, in the order of the input; returns the exit status. */
int weir__cli_parked(const weir_job *job, const char *program, int argc, char **argv);

#endif
