/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka host: topics in, topics out, exactly once, in as many processes as there are. */
#ifndef WEIR__HOST_KAFKA_H
#define WEIR__HOST_KAFKA_H

#include "host/stream.h"

typedef struct weir_kafka_options {
    weir_job *job;             /* borrowed; sealed by the host */
    const weir_config *config; /* borrowed */
    weir_stream_start start;
} weir_kafka_options;

/**
 * Runs a job as a member of its group until SIGTERM or SIGINT, or a failure. Logs what a user should know.
 *
 * @return WEIR_OK: it was stopped, in good order; else as weir__stream_run()
 * Threads: the main thread, once at a time: it handles SIGINT and SIGTERM meanwhile. A second signal ends the process
 * at once with 128 + its number.
 */
WEIR_CHECK weir_code weir__kafka_run(const weir_kafka_options *options, weir_stream_result *result, weir_error *err);

/* ---- topics (kafka_topics.c) ------------------------------------------------------------------------------------- */

typedef enum weir_topic_role {
    WEIR__TOPIC_INPUT,
    WEIR__TOPIC_REPARTITION,
    WEIR__TOPIC_CHANGELOG,
    WEIR__TOPIC_JOURNAL,
    WEIR__TOPIC_OUTPUT,
    WEIR__TOPIC_DEAD_LETTERS
} weir_topic_role;

/* One topic that a job needs. */
typedef struct weir_needed_topic {
    weir_topic_role role;
    char *name;                /* owned */
    weir_topic_facts facts;    /* as it is */
    int32_t partitions;        /* as many as it must have; 0: any number will do */
    int replicas;              /* of each, when it is made; 0: as many as the brokers have it */
    const weir_setting *settings; /* with which it is made; static */
    size_t setting_count;
} weir_needed_topic;

enum { WEIR__NEEDED_TOPICS = 64 };

typedef struct weir_needed_topics {
    weir_needed_topic items[WEIR__NEEDED_TOPICS];
    size_t count;
    const char *servers; /* of the configuration, for commands; borrowed */
} weir_needed_topics;

const char *weir__topic_role_name(weir_topic_role role); /* "input", "changelog", … */

/**
 * What the configuration asks for, and what of it is there. A name `job` stands for job.name when that is not set.
 * @return WEIR_OK; WEIR_CONFIG: no input topic, no action-state topic though it is required, … (fix); as the cluster
 */
WEIR_CHECK weir_code weir__topics_find(weir_cluster *cluster, const weir_config *config, const char *job,
                                       weir_needed_topics *out, weir_error *err);
/**
 * The journal alone, for a host whose partitions follow from nothing else.
 * @param partitions  as many as a state knows; 0: none does
 * @return WEIR_OK; WEIR_IO: the topic has another number (stop); as the cluster
 */
WEIR_CHECK weir_code weir__topics_find_journal(weir_cluster *cluster, const weir_config *config, int32_t partitions,
                                               weir_needed_topics *out, weir_error *err);
/** Makes what is missing, but no input. As weir__topic_make(); of a refusal the log says what to run instead. */
WEIR_CHECK weir_code weir__topics_make(weir_cluster *cluster, weir_needed_topics *topics, weir_error *err);
/**
 * Whether all are there, with as many partitions and such settings as they must have; what is doubtful is logged.
 * WEIR_IO (stop): and what is wrong.
 */
WEIR_CHECK weir_code weir__topics_check(weir_cluster *cluster, const weir_needed_topics *topics, weir_error *err);
void weir__topics_clear(weir_needed_topics *topics); /* all zero is fine */

/* One by one. */

typedef enum weir_topic_state {
    WEIR__TOPIC_RIGHT,
    WEIR__TOPIC_DOUBTFUL, /* the job runs, and may have to wait for people where it need not */
    WEIR__TOPIC_WRONG,    /* the job does not start */
    WEIR__TOPIC_MISSING
} weir_topic_state;

/**
 * What is to be said of a topic.
 *
 * @param why      emptied first; what is not right, a few words; empty: all is
 * @param command  emptied first; what puts it right, whole; empty: nothing that could be run
 * @return WEIR_OK; as the cluster
 */
WEIR_CHECK weir_code weir__topic_judge(weir_cluster *cluster, const weir_needed_topics *topics,
                                       const weir_needed_topic *topic, weir_topic_state *state, weir_buffer *why,
                                       weir_buffer *command, weir_error *err);
/** Whether it may be made: one of ours that is missing, and its partitions are known since the inputs are there. */
bool weir__topic_can_be_made(const weir_needed_topics *topics, const weir_needed_topic *topic);
/** Makes it. WEIR_OK; as the cluster: WEIR_IO also when a policy or an ACL forbids it. */
WEIR_CHECK weir_code weir__topic_make(weir_cluster *cluster, const weir_needed_topics *topics,
                                      weir_needed_topic *topic, weir_error *err);

#endif
