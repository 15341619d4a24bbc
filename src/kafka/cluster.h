/* SPDX-License-Identifier: Apache-2.0 */
/* A Kafka cluster: how it is reached, what its topics are, what a group has committed. Blocking; never on a loop. */
#ifndef WEIR__KAFKA_CLUSTER_H
#define WEIR__KAFKA_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "config/config.h"

typedef struct weir_cluster weir_cluster;

typedef struct weir_cluster_options {
    const weir_config *config; /* everything under kafka. goes to librdkafka, but for what weir decides; outlives it */
    const char *group;         /* the job's name; copied */
    int request_timeout_ms;    /* of one blocking request; 0: 10,000 */
} weir_cluster_options;

/**
 * Reads the configuration; connects in the background.
 *
 * Properties that weir decides (group.id, enable.auto.commit, isolation.level, enable.idempotence, acks,
 * transactional.id, auto.offset.reset, partition.assignment.strategy, enable.partition.eof …) are refused under kafka.
 * unless they say what weir would have said; auto.offset.reset is weir__cluster_reset()'s. What only a consumer or
 * only a producer knows is given to those alone, without librdkafka's warning. Defaults that suit weir (facts: fetch
 * back-off, linger, compression, batch size, queue sizes) are set where the user has set nothing.
 *
 * @return WEIR_OK; WEIR_CONFIG: no bootstrap.servers, an unknown property or value (named; no secret shown) (fix);
 *         WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__cluster_open(const weir_cluster_options *options, weir_cluster **out, weir_error *err);
void weir__cluster_close(weir_cluster *cluster); /* after all its clients; accepts NULL */

/* Where a partition that nobody has read yet begins: kafka.auto.offset.reset (earliest, latest, error; default latest,
 * as librdkafka and the Java client have it). */
typedef enum weir_reset { WEIR__RESET_EARLIEST, WEIR__RESET_LATEST, WEIR__RESET_ERROR } weir_reset;
weir_reset weir__cluster_reset(const weir_cluster *cluster);

const char *weir__cluster_group(const weir_cluster *cluster);
const char *weir__cluster_instance(const weir_cluster *cluster); /* kafka.group.instance.id; NULL: none */

/*
 * All requests below fail in the same ways:
 *   WEIR_UNREACHABLE (retry)  the cluster, or the part of it that is asked, is not there now: the same may succeed
 *                             later
 *   WEIR_IO (stop)            it refuses: authentication, authorization (the message says what is to be granted, and
 *                             for what), policy
 *   WEIR_NO_MEMORY (stop)
 * Threads: any, at once.
 */

#define WEIR__TOPIC_ID_SIZE 40 /* text, with its NUL */

typedef struct weir_topic_facts {
    bool exists;
    char id[WEIR__TOPIC_ID_SIZE]; /* as Kafka prints it (URL-safe base64 of the UUID, 22 characters) */
    int32_t partitions;
} weir_topic_facts;

/** What a topic is. A topic that is not there is no error: exists is false. */
WEIR_CHECK weir_code weir__cluster_describe(weir_cluster *cluster, const char *topic, weir_topic_facts *out,
                                            weir_error *err);

typedef struct weir_setting {
    const char *name, *value;
} weir_setting;

/** One setting of a topic ("cleanup.policy") into `value`, emptied first. */
WEIR_CHECK weir_code weir__cluster_topic_setting(weir_cluster *cluster, const char *topic, const char *name,
                                                 weir_buffer *value, weir_error *err);

/**
 * Makes a topic, and waits until all its partitions have leaders. One that is
 * there already is no error. Other brokers than the one that was asked may not know of it yet.
 *
 * @param replicas  of each partition; 0: as many as the brokers have it
 * @param facts     what it is then
 */
WEIR_CHECK weir_code weir__cluster_create(weir_cluster *cluster, const char *topic, int32_t partitions, int replicas,
                                          const weir_setting *settings, size_t setting_count, weir_topic_facts *facts,
                                          weir_error *err);

typedef enum weir_log_end {
    WEIR__LOG_START,       /* the first offset that is kept */
    WEIR__LOG_STABLE_END,  /* behind the last record that read_committed readers may see (last stable offset) */
    WEIR__LOG_END          /* high watermark: behind the last record of all */
} weir_log_end;

WEIR_CHECK weir_code weir__cluster_log_end(weir_cluster *cluster, const char *topic, int32_t partition,
                                           weir_log_end which, int64_t *offset, weir_error *err);

/** The first offset with a timestamp of at least that; the high watermark when there is none. */
WEIR_CHECK weir_code weir__cluster_log_at(weir_cluster *cluster, const char *topic, int32_t partition,
                                          int64_t timestamp_ms, int64_t *offset, weir_error *err);

/** Deletes what stands before an offset; one before the log's start is no error. */
WEIR_CHECK weir_code weir__cluster_delete_records(weir_cluster *cluster, const char *topic, int32_t partition,
                                                  int64_t before, weir_error *err);

/**
 * What the group has committed for a partition; stable: while a transaction that holds an offset for it is open, it is
 * waited for (WEIR_UNREACHABLE (retry), when that takes longer than one request).
 * @param found     false: nothing (never was, or expired)
 * @param metadata  emptied first; what was committed with the offset
 */
WEIR_CHECK weir_code weir__cluster_committed(weir_cluster *cluster, const char *topic, int32_t partition, bool *found,
                                             int64_t *offset, weir_buffer *metadata, weir_error *err);

/** How many members the group has now; 0 also when it never was. */
WEIR_CHECK weir_code weir__cluster_members(weir_cluster *cluster, size_t *count, weir_error *err);

#endif
