/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer from within: shared by consumer.c, which reads, and rebalance.c, which says what is ours to read. */
#ifndef WEIR__KAFKA_MEMBERSHIP_H
#define WEIR__KAFKA_MEMBERSHIP_H

#include <stdatomic.h>

#include "kafka/internal.h"

/* A partition that is assigned to us. */
typedef struct weir_owned {
    weir_assigned partition;
    const rd_kafka_topic_t *topic; /* as its records name it; compared, never followed; NULL: none has come */
    int64_t next;                  /* the offset from which on records are given */
    bool is_started;               /* librdkafka has it, and fetches it */
    bool is_waiting;               /* started while all is held: librdkafka gets it when that is over */
} weir_owned;

typedef struct weir_noted_rebalance {
    struct weir_noted_rebalance *next;
    weir_rebalance told;
    weir_assigned partitions[];
} weir_noted_rebalance;

struct weir_consumer {
    weir_kafka_client client;
    rd_kafka_queue_t *queue;
    char **topics;
    size_t topic_count;
    rd_kafka_message_t **messages; /* those of the last poll, `taken` of them */
    size_t message_capacity;
    size_t taken;
    weir_owned *owned;
    size_t owned_count;
    size_t owned_capacity;
    size_t last; /* index in owned of the last record's */
    bool is_held;
    bool has_error;
    weir_error error;
    bool is_out_of_memory;       /* a rebalance could not be noted */
    weir_noted_rebalance *first; /* the one that waits for an answer */
    weir_noted_rebalance *newest;
    _Atomic bool is_assigned;
    _Atomic bool is_closing;     /* rebalances are answered at once: there is no owner to ask */
    _Atomic uint64_t rebalances;
};

/** librdkafka's callback; on the thread that polls, or the one that closes. */
void weir__rebalance_noted(rd_kafka_t *rk, rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t *partitions,
                           void *opaque);
/** Answers what waits, since nobody will be asked any more. */
void weir__rebalances_close(weir_consumer *consumer);
void weir__rebalances_free(weir_consumer *consumer);

/** NULL: not assigned to us. */
weir_owned *weir__consumer_owned(weir_consumer *consumer, weir_assigned partition);
bool weir__consumer_topic(const weir_consumer *consumer, const char *name, size_t *topic);
/** To be called once librdkafka has let paused partitions go on: they are fetched at once, from where they are. */
void weir__consumer_wake(weir_consumer *consumer);
/** WEIR_OK when there is no fatal error. */
WEIR_CHECK weir_code weir__consumer_fatal(const weir_consumer *consumer, weir_error *err);

#endif
