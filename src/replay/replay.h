/* SPDX-License-Identifier: Apache-2.0 */
/* A stretch of a job's input is run again, and what comes of it compared with what the job wrote. */
#ifndef WEIR__REPLAY_REPLAY_H
#define WEIR__REPLAY_REPLAY_H

#include "agent/job.h"
#include "config/config.h"
#include "replay/comparison.h"

typedef struct weir_kafka_look weir_kafka_look;

typedef enum weir_replay_point {
    WEIR__REPLAY_UNSAID,
    WEIR__REPLAY_EARLIEST,  /* where the input begins */
    WEIR__REPLAY_COMMITTED, /* where the job has got to */
    WEIR__REPLAY_OFFSET,    /* the same number in each partition */
    WEIR__REPLAY_TIME       /* the first record of each partition that is not older */
} weir_replay_point;

typedef struct weir_replay_bound {
    weir_replay_point point;
    int64_t number; /* the offset; ms */
} weir_replay_bound;

typedef struct weir_replay_options {
    weir_job *job;             /* borrowed; sealed */
    const weir_config *config; /* borrowed */
    weir_kafka_look *look;     /* borrowed */
    weir_replay_bound from, to; /* what is compared; from UNSAID: EARLIEST, to UNSAID: COMMITTED */
    const char *against;       /* the topic; NULL: output.topic */
    bool is_against_journal;   /* calls alone are compared, with the journal */
    bool is_live;              /* calls that the journal has no answer to are made */
    bool is_assumed_empty;     /* memory, where the input begins, though records before that are gone */
} weir_replay_options;

/**
 * Reads EARLIEST's and COMMITTED's names ("earliest", "committed"), a number, or a time as RFC 3339 has it, in UTC or
 * with an offset (2026-11-22, 2026-11-22T10:04:05Z, 2026-11-22T10:04:05.120+01:00).
 * @return whether it is one of them
 */
WEIR_CHECK bool weir__replay_bound_parse(const char *text, weir_replay_bound *bound);

/**
 * Replays. Each partition is run from where its input begins, with an empty memory, calls answered by the journal; what
 * lies between the two bounds is compared. Nothing is written, but under TMPDIR.
 *
 * @param comparison  made by the caller; holds what came out
 * @return WEIR_OK: `comparison` says it;
 *         WEIR_CONFIG, WEIR_INVALID  the job has no output topic, the bounds name nothing that can be (fix)
 *         WEIR_IO        the input's beginning is gone, the job never committed, nothing lies between the bounds
 *                        (stop); as the cluster
 *         WEIR_CANCELED  a signal came
 *         WEIR_NO_MEMORY
 * Threads: the main thread.
 */
WEIR_CHECK weir_code weir__replay_run(const weir_replay_options *options, weir_comparison *comparison,
                                      weir_error *err);

#endif
