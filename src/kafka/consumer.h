/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member of the job's consumer group (cooperative-sticky). Nothing is ever committed through it, and no partition is
 * fetched before weir__consumer_start(). A rebalance is only noted; the owner answers when it is ready, and polls on
 * meanwhile. Threads: one, the loop's; where said, any.
 */
#ifndef WEIR__KAFKA_CONSUMER_H
#define WEIR__KAFKA_CONSUMER_H

#include "kafka/cluster.h"
#include "kafka/record.h"

typedef struct weir_consumer weir_consumer;

typedef struct weir_consumer_options {
    weir_cluster *cluster;     /* outlives it */
    const char *const *topics; /* at least one; copied */
    size_t topic_count;
    const char *instance;      /* static membership: unique in the group; NULL: dynamic */
} weir_consumer_options;

/** WEIR_OK; WEIR_CONFIG: librdkafka refuses a property (fix); WEIR_IO, WEIR_NO_MEMORY (stop). Does not block. */
WEIR_CHECK weir_code weir__consumer_open(const weir_consumer_options *options, weir_consumer **out, weir_error *err);

/** Leaves the group (a static member does not leave), and waits for that, up to a few seconds. Accepts NULL. */
void weir__consumer_close(weir_consumer *consumer);

/**
 * Takes what has come, without waiting; also notes rebalances. To be called at least once in max.poll.interval.ms, also
 * when nothing can be taken (weir__consumer_hold()).
 *
 * @param records  up to `most`; views are valid until weir__consumer_done(). `topic` is the index in options.topics
 * @return WEIR_OK;
 *         WEIR_UNREACHABLE (retry)  something is wrong that librdkafka goes on trying (brokers down, unknown topic): to
 *                         be logged when it is new; `*count` is 0
 *         WEIR_IO (stop)  refused (authentication, authorization), an offset that is not in the log, or a fatal error
 *         WEIR_FENCED     another static member has taken this one's name, or it was evicted for good (stop): close,
 *                         and open another
 */
WEIR_CHECK weir_code weir__consumer_poll(weir_consumer *consumer, weir_record *records, size_t most, size_t *count,
                                         weir_error *err);

/** What the last poll gave is not needed any more. */
void weir__consumer_done(weir_consumer *consumer);

/** Readable when a poll may give something. */
int weir__consumer_fd(const weir_consumer *consumer);

/** The descriptor is not readable until something new comes: for an owner that can take nothing, and polls when it can
 * again. */
void weir__consumer_hush(weir_consumer *consumer);

/** Holds all partitions that were started (true), or lets them go on. What was fetched before comes again, in order:
 * it is fetched once more, so this is not for every few records. */
WEIR_CHECK weir_code weir__consumer_hold(weir_consumer *consumer, bool is_held, weir_error *err);

typedef struct weir_assigned {
    size_t topic; /* index in options.topics */
    int32_t partition;
} weir_assigned;

typedef enum weir_rebalance_kind {
    WEIR__REBALANCE_ASSIGN, /* these come in addition */
    WEIR__REBALANCE_REVOKE, /* these go; they are ours until it is answered */
    WEIR__REBALANCE_LOST    /* these are another's already, or may be */
} weir_rebalance_kind;

typedef struct weir_rebalance {
    weir_rebalance_kind kind;
    const weir_assigned *partitions;
    size_t count;
} weir_rebalance;

/** The rebalance that waits for an answer; NULL: none. Valid until it is answered. */
const weir_rebalance *weir__consumer_rebalance(const weir_consumer *consumer);

/**
 * Answers it: those that come are assigned, paused; those that go are unassigned. Also for an empty list. WEIR_OK;
 * WEIR_FENCED as in poll; WEIR_IO (stop).
 */
WEIR_CHECK weir_code weir__consumer_answer(weir_consumer *consumer, weir_error *err);

/** Counts rebalances as they are noted. One that stands still says that every partition is still ours. Threads: any. */
uint64_t weir__consumer_rebalances(const weir_consumer *consumer);

/**
 * An assigned partition is fetched from that offset on; while all is held: once that is over. Again: from there
 * instead. Without waiting: an offset that is not in the log is told by a later poll.
 *
 * @return WEIR_OK; WEIR_UNREACHABLE (retry): not yet, ask again; WEIR_FENCED as in poll; WEIR_IO (stop)
 */
WEIR_CHECK weir_code weir__consumer_start(weir_consumer *consumer, weir_assigned partition, int64_t offset,
                                          weir_error *err);

/** Whether the first assignment has come. */
bool weir__consumer_is_assigned(const weir_consumer *consumer);

/** The high watermark as last seen; -1: not known. Threads: any. */
int64_t weir__consumer_high_watermark(const weir_consumer *consumer, weir_assigned partition);

/* The member as it is now: who commits. */
typedef struct weir_group_member weir_group_member;

/**
 * @return NULL: it is no member now (no generation, or no id): nothing may be committed. Threads: any
 */
weir_group_member *weir__consumer_member(weir_consumer *consumer);
void weir__group_member_free(weir_group_member *member); /* accepts NULL */

#endif
