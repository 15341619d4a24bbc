/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes journals: an idempotent producer, not transactional, that keeps the order of a partition's records without
 * gaps and never gives one up. A record may stand in the log twice: when one request is refused and those behind it
 * come out of sequence, librdkafka takes a new epoch, and what it had sent and was not told of is written once more, in
 * its order. The offset told is that of the last copy. Source: librdkafka #4953, still so in 2.15.
 * Threads: one; the callbacks come on it, from within weir__appender_poll().
 */
#ifndef WEIR__KAFKA_APPENDER_H
#define WEIR__KAFKA_APPENDER_H

#include "kafka/record.h"
#include "kafka/cluster.h"

typedef struct weir_appender weir_appender;

/* Told once, when the record is acknowledged by all in-sync replicas, or never will be. Embedded in what waits. */
typedef struct weir_appended {
    int64_t offset; /* filled in; -1: it failed */
    void (*known)(struct weir_appended *appended, const weir_error *err); /* err NULL: it stands in the log */
    struct weir_appended *previous, *next; /* the appender's */
} weir_appended;

WEIR_CHECK weir_code weir__appender_open(weir_cluster *cluster, weir_appender **out, weir_error *err);

/** What is not acknowledged is told as failed, from within. Never hangs. Accepts NULL. */
void weir__appender_close(weir_appender *appender);

/**
 * Queues a record; copied. Sent when weir__appender_poll() is called, or a moment later.
 * @param appended  taken until it is told
 * @return WEIR_OK; WEIR_LIMIT: larger than kafka.message.max.bytes (fix; what only the brokers find too large is told
 *         as failed, with WEIR_LIMIT, and breaks the appender); WEIR_IO: it is broken (stop); WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__appender_append(weir_appender *appender, const char *topic, int32_t partition,
                                           weir_bytes key, weir_bytes value, weir_appended *appended,
                                           weir_error *err);

/** Tells what has become known, without waiting. WEIR_OK; WEIR_IO (stop): a fatal error, from here on all fail. */
WEIR_CHECK weir_code weir__appender_poll(weir_appender *appender, weir_error *err);

/** Readable when a poll may tell something. */
int weir__appender_fd(const weir_appender *appender);

/** Records queued and not told. */
size_t weir__appender_pending(const weir_appender *appender);

#endif
