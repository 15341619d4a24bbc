/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR__CLI_REPLAY_H
#define WEIR__CLI_REPLAY_H

#include "agent/job.h"

/** `JOB replay`. Returns the exit status. */
int weir__cli_replay(weir_job *job, const char *program, int argc, char **argv);

#endif
