/* SPDX-License-Identifier: Apache-2.0 */
/* The local host: JSONL in, JSONL out, on one machine; with a state folder, exactly once. */
#ifndef WEIR__HOST_LOCAL_H
#define WEIR__HOST_LOCAL_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/job.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "config/config.h"

typedef struct weir_local_progress {
    uint64_t records; /* accepted */
    uint64_t outputs;
    uint64_t skipped; /* bad records and failed runs that input.on-error passed over */
    size_t waiting;
    uint64_t input_offset, input_size; /* bytes; size 0: not known (a pipe, or --follow) */
    int64_t elapsed_ms;
} weir_local_progress;

typedef struct weir_local_options {
    weir_job *job;             /* borrowed; sealed by the host */
    const weir_config *config; /* borrowed */
    const char *input;         /* path; NULL or "-": stdin */
    const char *output;        /* path; NULL or "-": stdout */
    bool follow;
    bool input_continues;      /* a pipe goes on where it was, instead of beginning again at record 0 */
    bool input_moved;          /* the input is the same file in another place */
    /* Called about every 500 ms and at the end; NULL: nobody looks. */
    void (*progress)(void *context, const weir_local_progress *progress, bool is_last);
    void *context;
    /* Ports, for tests: NULL means the machine's. */
    const weir_disk *disk;
    const weir_clock *clock;
    const char *vfs;
    const weir_executor *commits; /* one task at a time; NULL: a thread */
    const weir_executor *calls;   /* functions of calls; NULL: calls.threads threads */
    int (*poll)(void *context, struct pollfd *fds, nfds_t count, int timeout_ms); /* as poll(2); NULL: that */
    void *poll_context;
} weir_local_options;

typedef struct weir_local_result {
    uint64_t records, outputs, skipped;
    size_t parked; /* runs that wait for a decision */
    int signal; /* SIGINT or SIGTERM that ended it before the end of the input; 0: none */
} weir_local_result;

/**
 * Runs a job over one input until its end, a failure, or a signal. Logs what a user should know (host/local).
 *
 * @return WEIR_OK: the end, or a signal (see result);
 *         WEIR_FAILED   a record is bad or a run failed, and input.on-error is fail: what came before is committed; the
 *                       message names the record as file:line                            (exit 1)
 *         WEIR_CONFIG, WEIR_INVALID   the job or the options                             (exit 2)
 *         WEIR_IO       input, output or state out of reach or not what it was           (exit 3)
 *         WEIR_NO_MEMORY                                                                 (exit 3)
 * Threads: the main thread, once at a time: it handles SIGINT and SIGTERM meanwhile. A second signal ends the
 * process at once with 128 + its number.
 */
WEIR_CHECK weir_code weir__local_run(const weir_local_options *options, weir_local_result *result, weir_error *err);

#endif
