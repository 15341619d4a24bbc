/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Kafka job looked at from outside, from anywhere, running or not: its topics are read, nobody's files, and nothing
 * is joined or committed. Threads: one. SIGINT and SIGTERM end a read with WEIR_CANCELED where signals.h catches them.
 */
#ifndef WEIR__HOST_KAFKA_LOOK_H
#define WEIR__HOST_KAFKA_LOOK_H

#include "host/kafka.h"
#include "host/tuple.h"
#include "kafka/record.h"
#include "store/store.h"

typedef struct weir_kafka_look weir_kafka_look;

/**
 * Finds the job's topics.
 *
 * @param config  borrowed; outlives it
 * @param job     the job's name where job.name is not set; NULL: then it must be
 * @return WEIR_OK;
 *         WEIR_CONFIG  no name, or as weir__topics_find() (fix)
 *         WEIR_IO      the job has neither a changelog nor, in Flink, a journal: it never ran, or under another
 *                      name (fix); as the cluster
 */
WEIR_CHECK weir_code weir__kafka_look_open(const weir_config *config, const char *job, weir_kafka_look **out,
                                           weir_error *err);
void weir__kafka_look_close(weir_kafka_look *look); /* accepts NULL */

const char *weir__kafka_look_job(const weir_kafka_look *look);
weir_cluster *weir__kafka_look_cluster(const weir_kafka_look *look);
int32_t weir__kafka_look_partitions(const weir_kafka_look *look);      /* as many tasks */
const char *weir__kafka_look_changelog(const weir_kafka_look *look);   /* the topic; NULL: none, the job is in Flink */
const char *weir__kafka_look_journal(const weir_kafka_look *look);     /* NULL: none, or not there yet */

/** The first topic of the job in that role; NULL: it has none. Borrowed. */
const weir_needed_topic *weir__kafka_look_needed(const weir_kafka_look *look, weir_topic_role role);

/**
 * The task that a key belongs to, if its records were sent as the Java client sends them.
 * @param is_certain  weir itself has sent them (key-by, several inputs)
 */
int32_t weir__kafka_look_task(const weir_kafka_look *look, weir_bytes key, bool *is_certain);

/* What of a changelog goes into a store. */
typedef enum weir_look_part {
    WEIR__LOOK_CELLS, /* of memory */
    WEIR__LOOK_INBOX  /* inputs that are not over, with their journal; see part.h */
} weir_look_part;

/**
 * Reads a changelog's partition to where its end was when this began, into a store, and commits that. A transaction
 * that is still open there is waited for, for some seconds; what stands behind is then left out, and that is logged.
 *
 * @param tuple  the task's last tuple, as text; empty: it never committed. Replaced
 * @param end    NULL, or: all before that is in the store
 * @return WEIR_OK; WEIR_IO: no changelog (stop); WEIR_CANCELED: a signal came; as the store; as the cluster
 */
WEIR_CHECK weir_code weir__kafka_look_restore(weir_kafka_look *look, int32_t partition, weir_look_part part,
                                              weir_store *store, weir_buffer *tuple, int64_t *end, weir_error *err);

/** Called for each record; another code than WEIR_OK ends the walk and is returned. */
typedef weir_code (*weir_look_fn)(void *context, const weir_record *record, weir_error *err);

/**
 * Reads a journal's partition from an offset on, or from where it begins when that is later, to where its end was when
 * this began.
 * @param end  NULL, or: all before that was given
 * @return WEIR_OK; WEIR_CANCELED: a signal came; as the cluster; what `fn` returns
 */
WEIR_CHECK weir_code weir__kafka_look_entries(weir_kafka_look *look, int32_t partition, int64_t from, weir_look_fn fn,
                                              void *context, int64_t *end, weir_error *err);

/**
 * Reads a partition of any topic, what is committed of it, between two offsets, or up to where its end was when this
 * began when that comes first.
 * @param from  where it begins when that is later
 * @param end   NULL, or: all before that was given
 * @return as weir__kafka_look_entries()
 */
WEIR_CHECK weir_code weir__kafka_look_topic(weir_kafka_look *look, const char *topic, int32_t partition, int64_t from,
                                            int64_t to, weir_look_fn fn, void *context, int64_t *end, weir_error *err);

/** In a weir_look_fn: a header of the record it was called for; false: it has none of that name. */
bool weir__kafka_look_header(const weir_kafka_look *look, const weir_record *record, const char *name,
                             weir_bytes *value);

#endif
