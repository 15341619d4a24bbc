/* SPDX-License-Identifier: Apache-2.0 */
/* The Flink host: a worker that is told inputs, and tells effects, over two pipes (docs/worker-protocol.md). */
#ifndef WEIR__HOST_WORKER_H
#define WEIR__HOST_WORKER_H

#include "agent/job.h"
#include "config/config.h"

typedef struct weir_worker_options {
    weir_job *job;       /* borrowed; sealed by the host */
    weir_config *config; /* borrowed; OPEN lays settings into it */
    const char *program; /* how a person would call it, for hints */
} weir_worker_options;

/**
 * Speaks with the host on standard input and output until it is told to stop, or its input ends. Both are taken away
 * from the process: what else reads them finds nothing, what else writes goes to standard error.
 *
 * @return WEIR_OK: it was stopped, or its input ended; else what it has told as FATAL:
 *         WEIR_CONFIG (fix); WEIR_IO: the input is not as the protocol has it, or nobody reads the output (stop);
 *         WEIR_LIMIT, WEIR_NO_MEMORY (stop); WEIR_FENCED: another worker has claimed its journal (stop)
 * Threads: the main thread, once.
 */
WEIR_CHECK weir_code weir__worker_run(const weir_worker_options *options, weir_error *err);

#endif
