/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transactional producer: one transaction at a time, begun, filled and ended in one go by the thread that owns it.
 * All block, up to the transaction time-out. Threads: one at a time.
 *
 * What is not known is not guessed: after UNKNOWN, FENCED or FAILED the producer is of no use but to be closed, and
 * only a new one with the same id, initialized, makes sure that no transaction of this one is under way any more.
 */
#ifndef WEIR__KAFKA_PRODUCER_H
#define WEIR__KAFKA_PRODUCER_H

#include "kafka/consumer.h"
#include "kafka/record.h"

typedef struct weir_producer weir_producer;

/** What became of a step of a transaction. */
typedef enum weir_txn {
    WEIR__TXN_OK,      /* it is done: after a commit, known to be committed */
    WEIR__TXN_REFUSED, /* certainly not committed: abort, then the same may be tried in another transaction */
    WEIR__TXN_UNKNOWN, /* time-out, or the connection is gone: it may have been done; close, init anew, read back */
    WEIR__TXN_FENCED,  /* another producer has taken the id (or the broker gave the transaction up): as UNKNOWN, but
                          with another id */
    WEIR__TXN_FAILED   /* it can never succeed: a record too large, no authorization: to be said, and stopped */
} weir_txn;

/** Does not block. WEIR_OK; WEIR_CONFIG (fix); WEIR_IO, WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__producer_open(weir_cluster *cluster, const char *transactional_id, weir_producer **out,
                                         weir_error *err);

/**
 * Closes without waiting for what hangs: a producer that does not end within some seconds is left to a thread of its
 * own, and counted (weir__producers_left(), as any other client of this room). Accepts NULL.
 */
void weir__producer_close(weir_producer *producer);
size_t weir__producers_left(void); /* Threads: any */

/**
 * Ends whatever another producer with this id has begun, and fences it. Tries for up to timeout_ms.
 * @return OK, UNKNOWN (not reached in time: the same producer may be asked again), FENCED, FAILED
 */
WEIR_CHECK weir_txn weir__producer_init(weir_producer *producer, int timeout_ms, weir_error *err);

WEIR_CHECK weir_txn weir__producer_begin(weir_producer *producer, weir_error *err);

/** Adds a record; waits while the queue is full. */
WEIR_CHECK weir_txn weir__producer_add(weir_producer *producer, const weir_produce *record, weir_error *err);

/* Where a partition will be read on, with what is kept beside it. */
typedef struct weir_commit_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;
    weir_bytes metadata; /* text without NUL, up to 4,000 bytes */
} weir_commit_offset;

/** Waits until all records are acknowledged: their end offsets are known then. REFUSED: one was not. */
WEIR_CHECK weir_txn weir__producer_flush(weir_producer *producer, weir_error *err);

/** Adds the offsets, in the name of a member. REFUSED: among others, for a member of an old generation. */
WEIR_CHECK weir_txn weir__producer_offsets(weir_producer *producer, const weir_commit_offset *offsets, size_t count,
                                           const weir_group_member *member, weir_error *err);

WEIR_CHECK weir_txn weir__producer_commit(weir_producer *producer, weir_error *err);

/** After REFUSED. OK: nothing of it will ever be seen, and another may begin. */
WEIR_CHECK weir_txn weir__producer_abort(weir_producer *producer, weir_error *err);

#endif
