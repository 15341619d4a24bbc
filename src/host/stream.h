/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream thread of the Kafka host: one member of the group, one loop, its tasks, a transactional producer. README.md
 * says what holds.
 */
#ifndef WEIR__HOST_STREAM_H
#define WEIR__HOST_STREAM_H

#include <poll.h>
#include <stdatomic.h>

#include "agent/job.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "config/config.h"
#include "host/crashes.h"
#include "kafka/cluster.h"
#include "status/status.h"

typedef struct weir_topic_name {
    const char *name;
    char id[WEIR__TOPIC_ID_SIZE];
    int32_t partitions;
} weir_topic_name;

/* The topics of a job, described and checked (kafka_topics.c). */
typedef struct weir_stream_topics {
    weir_topic_name *read; /* what the group reads: sources that are forwarded, and, last, the one whose partitions are
                              tasks with a state */
    size_t read_count;
    weir_topic_name changelog;
    weir_topic_name journal;         /* name NULL: none (action-state.required is false) */
    weir_topic_name output;          /* name NULL: none */
    weir_topic_name dead_letters;    /* the same */
} weir_stream_topics;

typedef enum weir_stream_start {
    WEIR__START_PLAIN,
    WEIR__START_RESUME,          /* a group's offset that is not ours is passed over: the changelog's counts */
    WEIR__START_REPROCESS,       /* the state is thrown away, and the input read from the group's offset */
    WEIR__START_REPEAT_CALLS     /* the same, and calls are made again */
} weir_stream_start;

typedef struct weir_stream_options {
    weir_job *job;                      /* sealed; shared by the process's threads */
    const weir_config *config;
    weir_cluster *cluster;
    const weir_stream_topics *topics;
    size_t index;                       /* of the thread in its process */
    const char *folder;                 /* the process's, locked; task N has its state in the folder `N` in it */
    const weir_crashes *crashes;        /* notes of the process's folder; NULL: none are kept */
    weir_stream_start start;
    const atomic_bool *is_stopping;     /* set once: leave in good order */
    int stop_fd;                        /* readable from then on; -1: none */
    weir_status_server *status;         /* NULL: nobody looks */
    /* Ports, for tests: NULL means the machine's. */
    const weir_disk *disk;
    const weir_clock *clock;
    const char *vfs;
    const weir_executor *commits;       /* one task at a time, may block; NULL: a thread */
    const weir_executor *recoveries;    /* the same */
    const weir_executor *calls;
    int (*poll)(void *context, struct pollfd *fds, nfds_t count, int timeout_ms);
    void *poll_context;
    int64_t prune_ms;                   /* between two shortenings of topics; 0: 30,000 */
} weir_stream_options;

typedef struct weir_stream_result {
    uint64_t records, outputs, skipped, commits;
    size_t parked;
} weir_stream_result;

/**
 * Runs until it is told to stop, or cannot go on.
 * @return WEIR_OK: stopped in good order;
 *         WEIR_FAILED       a record is bad or a run failed, and input.on-error is fail; named          (exit 1)
 *         WEIR_CONFIG, WEIR_INVALID                                                                     (exit 2)
 *         WEIR_IO, WEIR_UNREACHABLE   state or broker: refused, or not what it was; and what to do      (exit 3)
 *         WEIR_NO_MEMORY
 * Threads: one, its own. Logs as host/stream-N and host/TOPIC-PARTITION.
 */
WEIR_CHECK weir_code weir__stream_run(const weir_stream_options *options, weir_stream_result *result, weir_error *err);

#endif
