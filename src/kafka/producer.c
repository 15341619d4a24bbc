/* SPDX-License-Identifier: Apache-2.0 */
/* A transactional producer, and the judgment of what became of each step. */
#include "kafka/producer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kafka/bounded.h"
#include "kafka/internal.h"

/*     READY ──begin──▶ OPEN ──commit──▶ READY          any ──UNKNOWN, FENCED, FAILED──▶ ENDED
 *       ▲               └──REFUSED──▶ REFUSED ──abort──▶ READY
 *
 *  READY    no transaction is under way
 *  OPEN     records and offsets may be added
 *  REFUSED  certainly not committed; only an abort leads on
 *  ENDED    of no use but to be closed
 */
typedef enum producer_state { NEW, READY, OPEN, REFUSED, ENDED } producer_state;

enum { MOST_TOPICS = 8 };

struct weir_producer {
    weir_kafka_client client;
    rd_kafka_topic_t *topics[MOST_TOPICS]; /* those written to so far: looked up by name, each record takes a lock */
    size_t topic_count;
    int timeout_ms; /* of a transaction */
    producer_state state;
    atomic_bool has_lost_connection; /* since it was initialized; set by librdkafka's threads */
    weir_bounded *bounded;                  /* what librdkafka does not end in time; NULL: not needed yet */
    rd_kafka_topic_partition_list_t *offsets; /* those that are being sent */
    rd_kafka_consumer_group_metadata_t *group; /* in whose name */
    rd_kafka_error_t *refused;              /* what became of that; NULL: done */
    bool is_stuck;                          /* it has not returned in time: client, offsets and group are its own */
    rd_kafka_resp_err_t lost; /* why the first record that was not written was not; 0: none */
};

/* ---- life ------------------------------------------------------------------------------------------------------- */

/* Within a poll: flush, commit, abort, or an add that waits. */
static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    weir_producer *producer = opaque; /* its client is the opaque, and its first field */
    int64_t *end_offset = message->_private;

    (void)rk;
    if (message->err) {
        if (!producer->lost || weir__kafka_fault(producer->lost) == WEIR__KAFKA_PASSING)
            producer->lost = message->err;
    } else if (end_offset && message->offset + 1 > *end_offset) {
        *end_offset = message->offset + 1;
    }
}

/*
 * What was sent over it may still land, late, and librdkafka has sent it again by itself: an end of a transaction that
 * lands in the next one of the same epoch would end that one in its middle. So no other is begun with this producer.
 * Source: KAFKA-17754; librdkafka #5423.
 */
static int connection_closed(int fd, void *opaque)
{
    weir_producer *producer = opaque;

    atomic_store(&producer->has_lost_connection, true);
    return close(fd);
}

static void producer_free(void *owner)
{
    free(owner);
}

size_t weir__producers_left(void)
{
    return weir__kafka_clients_left();
}

/* Nothing of librdkafka is called any more but this. */
static void close_now(void *context)
{
    weir_producer *producer = context;

    for (size_t i = 0; i < producer->topic_count; i++)
        rd_kafka_topic_destroy(producer->topics[i]);
    producer->topic_count = 0;
    if (producer->offsets)
        rd_kafka_topic_partition_list_destroy(producer->offsets);
    if (producer->group)
        rd_kafka_consumer_group_metadata_destroy(producer->group);
    if (producer->refused)
        rd_kafka_error_destroy(producer->refused);
    if (producer->is_stuck)
        weir__kafka_clients_count(-1);
    /* Nothing of it counts any more; librdkafka would complain of what is not sent. */
    if (producer->client.rk)
        (void)rd_kafka_purge(producer->client.rk,
                             RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    weir__kafka_client_let_go(&producer->client, producer, producer_free);
}

void weir__producer_close(weir_producer *producer)
{
    if (!producer)
        return;
    if (producer->is_stuck)
        weir__kafka_clients_count(1);
    weir__bounded_leave(producer->bounded, close_now, producer);
}

weir_code weir__producer_open(weir_cluster *cluster, const char *transactional_id, weir_producer **out,
                              weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    weir_code rc;
    weir_producer *producer = calloc(1, sizeof *producer);

    if (!producer)
        return weir__fail_memory(err, "a producer");
    producer->client.fd = -1;
    producer->timeout_ms = cluster->transaction_timeout_ms;
    rc = weir__kafka_conf(cluster, WEIR__KAFKA_PRODUCER, &conf, err);
    if (rc != WEIR_OK)
        goto out;
    rc = weir__kafka_conf_set(conf, "transactional.id", transactional_id, err);
    if (rc != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        goto out;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_closesocket_cb(conf, connection_closed);
    rc = weir__kafka_client_start(&producer->client, RD_KAFKA_PRODUCER, conf, err);
    if (rc != WEIR_OK)
        goto out;
    *out = producer;
    producer = NULL;
out:
    weir__producer_close(producer);
    return rc;
}

/* ---- judgment --------------------------------------------------------------------------------------------------- */

/* Says what it is, and moves the state. */
static weir_txn conclude(weir_producer *producer, weir_txn txn, weir_error *err, rd_kafka_resp_err_t code,
                         const char *what, const char *text)
{
    switch (txn) {
    case WEIR__TXN_OK:
        return txn;
    case WEIR__TXN_REFUSED:
        producer->state = REFUSED;
        (void)weir__fail_from(err, WEIR_NOT_DONE, WEIR_REMEDY_ABORT, "kafka", (int)code, "transaction: %s: %s", what,
                              text);
        return txn;
    case WEIR__TXN_UNKNOWN:
        producer->state = ENDED;
        (void)weir__fail_from(err, WEIR_UNKNOWN, WEIR_REMEDY_RETRY, "kafka", (int)code,
                              "transaction: %s: it is not known what became of it: %s", what, text);
        return txn;
    case WEIR__TXN_FENCED:
        producer->state = ENDED;
        (void)weir__fail_from(err, WEIR_FENCED, WEIR_REMEDY_STOP, "kafka", (int)code,
                              "transaction: %s: another has the transactional id, or it took too long: %s", what,
                              text);
        return txn;
    case WEIR__TXN_FAILED:
        producer->state = ENDED;
        break;
    }
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        (void)weir__kafka_fail(err, code, text, "Write on the topic", "transaction: %s", what);
        break;
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        (void)weir__kafka_fail(err, code, text, "Write and Describe on the transactional id", "transaction: %s", what);
        break;
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        (void)weir__kafka_fail(err, code, text, "Read on the group", "transaction: %s", what);
        break;
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        (void)weir__kafka_fail(err, code, text, "IdempotentWrite on the cluster", "transaction: %s", what);
        break;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
        (void)weir__kafka_fail(err, code, text, NULL, "transaction: %s", what);
        break;
    default:
        (void)weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "transaction: %s: %s", what, text);
    }
    return WEIR__TXN_FAILED;
}

/* What a code says by itself, when nothing else is known. */
static weir_txn judge_code(rd_kafka_resp_err_t code)
{
    switch ((int)code) { /* only some of a long and growing list are ours to know */
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING:
    case RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID:
        return WEIR__TXN_FENCED;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return WEIR__TXN_FAILED;
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID: /* the group member's name, not the producer's */
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
        return WEIR__TXN_REFUSED;
    default:
        break;
    }
    switch (weir__kafka_fault(code)) {
    case WEIR__KAFKA_UNAUTHORIZED:
    case WEIR__KAFKA_REFUSED:
    case WEIR__KAFKA_OVERSIZE:
        return WEIR__TXN_FAILED;
    case WEIR__KAFKA_TAKEN:
    case WEIR__KAFKA_GAP:
    case WEIR__KAFKA_PASSING:
        break;
    }
    return WEIR__TXN_UNKNOWN;
}

static bool is_silence(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
           code == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
           code == RD_KAFKA_RESP_ERR__DESTROY || code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

/* @return OK when there is none */
static weir_txn judge_fatal(weir_producer *producer, const char *what, weir_error *err)
{
    char text[160] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(producer->client.rk, text, sizeof text);

    if (!code)
        return WEIR__TXN_OK;
    weir__text_trim(text);
    return conclude(producer, judge_code(code), err, code, what, text);
}

/*
 * @param refused  destroyed
 * @param is_end   of a commit: an abortable error is certain only if the commit was not sent
 */
static weir_txn judge(weir_producer *producer, rd_kafka_error_t *refused, bool is_commit, const char *what,
                      weir_error *err)
{
    rd_kafka_resp_err_t code;
    const char *text;
    weir_txn txn;

    if (!refused)
        return WEIR__TXN_OK;
    code = rd_kafka_error_code(refused);
    text = rd_kafka_error_string(refused);
    txn = rd_kafka_error_is_fatal(refused) || code == RD_KAFKA_RESP_ERR__FATAL ? judge_fatal(producer, what, err) :
                                                                                 WEIR__TXN_OK;
    if (txn == WEIR__TXN_OK) { /* not fatal */
        txn = judge_code(code);
        if (txn == WEIR__TXN_UNKNOWN && rd_kafka_error_txn_requires_abort(refused) && !is_silence(code))
            txn = WEIR__TXN_REFUSED;
        /* It may have been sent before, and its answer lost; then this is the answer to a second one. */
        if (is_commit && txn == WEIR__TXN_REFUSED && (strstr(text, "EndTxn") || strstr(text, "end transaction")))
            txn = WEIR__TXN_UNKNOWN;
        /* What is too late for a refusal is not to be aborted but to be ended by the next producer of this id. */
        if (txn == WEIR__TXN_REFUSED && !rd_kafka_error_txn_requires_abort(refused))
            txn = WEIR__TXN_UNKNOWN;
        txn = conclude(producer, txn, err, code, what, text);
    }
    rd_kafka_error_destroy(refused);
    return txn;
}

/* A step that is not this state's: the owner has overlooked an outcome. */
static weir_txn out_of_turn(weir_producer *producer, const char *what, weir_error *err)
{
    return conclude(producer, producer->state == REFUSED ? WEIR__TXN_REFUSED : WEIR__TXN_UNKNOWN, err,
                    RD_KAFKA_RESP_ERR__STATE, what, "the last step has failed already, or none has begun");
}

/* ---- steps ------------------------------------------------------------------------------------------------------ */

weir_txn weir__producer_init(weir_producer *producer, int timeout_ms, weir_error *err)
{
    char text[160] = "";
    rd_kafka_error_t *refused;
    rd_kafka_resp_err_t code;
    weir_txn txn;

    if (producer->state != NEW)
        return out_of_turn(producer, "init", err);
    refused = rd_kafka_init_transactions(producer->client.rk, timeout_ms);
    (void)rd_kafka_poll(producer->client.rk, 0); /* errors are noted: why it was not reached */
    code = weir__kafka_client_note(&producer->client, text);
    if (!refused) {
        producer->state = READY;
        atomic_store(&producer->has_lost_connection, false); /* the epoch is new: what was sent before is void */
        return WEIR__TXN_OK;
    }
    if (!rd_kafka_error_is_fatal(refused) && code && weir__kafka_fault(code) == WEIR__KAFKA_REFUSED) {
        rd_kafka_error_destroy(refused);
        return conclude(producer, WEIR__TXN_FAILED, err, code, "init", text);
    }
    txn = judge(producer, refused, false, "init", err);
    if (txn == WEIR__TXN_REFUSED)
        txn = WEIR__TXN_UNKNOWN;
    if (txn == WEIR__TXN_UNKNOWN && !rd_kafka_fatal_error(producer->client.rk, NULL, 0)) {
        producer->state = NEW; /* nothing was begun: it may be asked again */
        if (code)
            weir__error_context(err, "%s", text);
    }
    return txn;
}

weir_txn weir__producer_begin(weir_producer *producer, weir_error *err)
{
    weir_txn txn;

    if (producer->state != READY)
        return out_of_turn(producer, "begin", err);
    if (atomic_load(&producer->has_lost_connection))
        return conclude(producer, WEIR__TXN_UNKNOWN, err, RD_KAFKA_RESP_ERR__TRANSPORT, "begin",
                        "a connection was lost, and what was sent over it may still land");
    producer->lost = RD_KAFKA_RESP_ERR_NO_ERROR;
    txn = judge(producer, rd_kafka_begin_transaction(producer->client.rk), false, "begin", err);
    if (txn == WEIR__TXN_OK)
        producer->state = OPEN;
    return txn;
}

static rd_kafka_headers_t *headers_new(const weir_produce *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

    for (size_t i = 0; headers && i < record->header_count; i++) {
        const weir_header *header = &record->headers[i];

        if (rd_kafka_header_add(headers, header->name, -1, header->value.data, (ssize_t)header->value.size) !=
            RD_KAFKA_RESP_ERR_NO_ERROR) {
            rd_kafka_headers_destroy(headers);
            return NULL;
        }
    }
    return headers;
}

/* NULL: there is none, or no room for one more; then its name does. */
static rd_kafka_topic_t *topic_of(weir_producer *producer, const char *name)
{
    rd_kafka_topic_t *topic;

    for (size_t i = 0; i < producer->topic_count; i++)
        if (strcmp(rd_kafka_topic_name(producer->topics[i]), name) == 0)
            return producer->topics[i];
    if (producer->topic_count == MOST_TOPICS)
        return NULL;
    topic = rd_kafka_topic_new(producer->client.rk, name, NULL);
    if (topic)
        producer->topics[producer->topic_count++] = topic;
    return topic;
}

weir_txn weir__producer_add(weir_producer *producer, const weir_produce *record, weir_error *err)
{
    rd_kafka_headers_t *headers = NULL;
    rd_kafka_error_t *refused;
    rd_kafka_resp_err_t code;
    rd_kafka_topic_t *topic;
    weir_txn txn;
    rd_kafka_vu_t parts[8];
    size_t count = 0;

    if (producer->state != OPEN)
        return out_of_turn(producer, "add", err);
    if (record->header_count) {
        headers = headers_new(record);
        if (!headers)
            return conclude(producer, WEIR__TXN_FAILED, err, RD_KAFKA_RESP_ERR__INVALID_ARG, "add",
                            "a header is not taken");
    }
    topic = topic_of(producer, record->topic);
    if (topic) {
        parts[count].vtype = RD_KAFKA_VTYPE_RKT;
        parts[count++].u.rkt = topic;
    } else {
        parts[count].vtype = RD_KAFKA_VTYPE_TOPIC;
        parts[count++].u.cstr = record->topic;
    }
    parts[count].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[count++].u.i32 = record->partition < 0 ? RD_KAFKA_PARTITION_UA : record->partition;
    parts[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[count++].u.i = RD_KAFKA_MSG_F_COPY;
    parts[count].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[count].u.mem.ptr = (void *)(uintptr_t)record->value.data; /* copied */
    parts[count++].u.mem.size = record->value.data ? record->value.size : 0;
    parts[count].vtype = RD_KAFKA_VTYPE_KEY;
    parts[count].u.mem.ptr = (void *)(uintptr_t)record->key.data;
    parts[count++].u.mem.size = record->key.data ? record->key.size : 0;
    parts[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    parts[count++].u.i64 = record->timestamp_ms < 0 ? 0 : record->timestamp_ms; /* 0: now */
    parts[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[count++].u.ptr = record->end_offset;
    if (headers) {
        parts[count].vtype = RD_KAFKA_VTYPE_HEADERS;
        parts[count++].u.headers = headers; /* taken, when it succeeds */
    }
    for (;;) {
        refused = rd_kafka_produceva(producer->client.rk, parts, count);
        if (!refused)
            return WEIR__TXN_OK;
        code = rd_kafka_error_code(refused);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        rd_kafka_error_destroy(refused);
        /* Reports make room. Records time out with the transaction, so this ends. */
        (void)rd_kafka_poll(producer->client.rk, 50);
    }
    if (headers)
        rd_kafka_headers_destroy(headers);
    txn = judge_fatal(producer, "add", err);
    if (txn == WEIR__TXN_OK) {
        /* Not a state to add in: something that was added before has failed, as the flush would say. */
        txn = code == RD_KAFKA_RESP_ERR__STATE ? WEIR__TXN_REFUSED : judge_code(code);
        if (txn == WEIR__TXN_FENCED || txn == WEIR__TXN_UNKNOWN)
            txn = WEIR__TXN_REFUSED; /* it was not even queued */
        txn = conclude(producer, txn, err, code, "add", rd_kafka_error_string(refused));
        if (txn == WEIR__TXN_FAILED)
            weir__error_context(err, "topic '%.80s'", record->topic);
    }
    rd_kafka_error_destroy(refused);
    return txn;
}

weir_txn weir__producer_flush(weir_producer *producer, weir_error *err)
{
    rd_kafka_resp_err_t code;
    weir_txn txn;

    if (producer->state != OPEN)
        return out_of_turn(producer, "flush", err);
    code = rd_kafka_flush(producer->client.rk, producer->timeout_ms);
    txn = judge_fatal(producer, "flush", err);
    if (txn != WEIR__TXN_OK)
        return txn;
    if (producer->lost) {
        txn = judge_code(producer->lost);
        if (txn == WEIR__TXN_UNKNOWN && !is_silence(producer->lost))
            txn = WEIR__TXN_REFUSED;
        return conclude(producer, txn, err, producer->lost, "a record", rd_kafka_err2str(producer->lost));
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return conclude(producer, WEIR__TXN_UNKNOWN, err, code, "flush", rd_kafka_err2str(code));
    return WEIR__TXN_OK;
}

static weir_code offsets_list(const weir_commit_offset *offsets, size_t count,
                              rd_kafka_topic_partition_list_t **out)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++) {
        rd_kafka_topic_partition_t *entry =
            rd_kafka_topic_partition_list_add(list, offsets[i].topic, offsets[i].partition);

        entry->offset = offsets[i].offset;
        if (!offsets[i].metadata.size)
            continue;
        entry->metadata = malloc(offsets[i].metadata.size); /* the list's, which frees it */
        if (!entry->metadata) {
            rd_kafka_topic_partition_list_destroy(list);
            return WEIR_NO_MEMORY;
        }
        memcpy(entry->metadata, offsets[i].metadata.data, offsets[i].metadata.size);
        entry->metadata_size = offsets[i].metadata.size;
    }
    *out = list;
    return WEIR_OK;
}

static rd_kafka_consumer_group_metadata_t *group_copy(const rd_kafka_consumer_group_metadata_t *group)
{
    rd_kafka_consumer_group_metadata_t *copy = NULL;
    void *bytes = NULL;
    size_t size;
    rd_kafka_error_t *refused = rd_kafka_consumer_group_metadata_write(group, &bytes, &size);

    if (!refused)
        refused = rd_kafka_consumer_group_metadata_read(&copy, bytes, size);
    if (bytes)
        rd_kafka_mem_free(NULL, bytes);
    if (refused)
        rd_kafka_error_destroy(refused);
    return copy;
}

static void send_offsets(void *context)
{
    weir_producer *producer = context;

    producer->refused = rd_kafka_send_offsets_to_transaction(producer->client.rk, producer->offsets, producer->group,
                                                             producer->timeout_ms);
}

/*
 * While the group's coordinator is away, librdkafka 2.15 keeps no time-out here, and may not return at all.
 * Source: librdkafka #5456, #5511.
 */
weir_txn weir__producer_offsets(weir_producer *producer, const weir_commit_offset *offsets, size_t count,
                                const weir_group_member *member, weir_error *err)
{
    enum { GRACE_MS = 1000 };
    rd_kafka_error_t *refused;

    if (producer->state != OPEN)
        return out_of_turn(producer, "offsets", err);
    if (!count)
        return WEIR__TXN_OK;
    if (!member)
        return conclude(producer, WEIR__TXN_REFUSED, err, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, "offsets",
                        "it is no member of the group now");
    if (!producer->bounded && weir__bounded_new(&producer->bounded, err) != WEIR_OK) {
        producer->state = ENDED;
        return WEIR__TXN_FAILED;
    }
    producer->group = group_copy(member->metadata);
    if (!producer->group || offsets_list(offsets, count, &producer->offsets) != WEIR_OK) {
        (void)weir__fail_memory(err, "a transaction's offsets");
        producer->state = ENDED;
        return WEIR__TXN_FAILED;
    }
    if (!weir__bounded_call(producer->bounded, send_offsets, producer, producer->timeout_ms + GRACE_MS)) {
        producer->is_stuck = true;
        return conclude(producer, WEIR__TXN_UNKNOWN, err, RD_KAFKA_RESP_ERR__TIMED_OUT, "offsets",
                        "the group's coordinator does not answer");
    }
    rd_kafka_topic_partition_list_destroy(producer->offsets);
    rd_kafka_consumer_group_metadata_destroy(producer->group);
    producer->offsets = NULL;
    producer->group = NULL;
    refused = producer->refused;
    producer->refused = NULL;
    return judge(producer, refused, false, "offsets", err);
}

weir_txn weir__producer_commit(weir_producer *producer, weir_error *err)
{
    weir_txn txn;

    if (producer->state != OPEN)
        return out_of_turn(producer, "commit", err);
    /* A record that failed is judged before anything is sent. */
    txn = weir__producer_flush(producer, err);
    if (txn != WEIR__TXN_OK)
        return txn;
    txn = judge(producer, rd_kafka_commit_transaction(producer->client.rk, producer->timeout_ms), true, "commit", err);
    if (txn == WEIR__TXN_OK)
        producer->state = READY;
    return txn;
}

weir_txn weir__producer_abort(weir_producer *producer, weir_error *err)
{
    weir_txn txn;

    if (producer->state != OPEN && producer->state != REFUSED)
        return out_of_turn(producer, "abort", err);
    txn = judge(producer, rd_kafka_abort_transaction(producer->client.rk, producer->timeout_ms), false, "abort", err);
    if (txn == WEIR__TXN_OK)
        producer->state = READY;
    else if (txn == WEIR__TXN_REFUSED) /* an abort that fails is not to be tried twice: the next producer does it */
        txn = conclude(producer, WEIR__TXN_UNKNOWN, err, RD_KAFKA_RESP_ERR__STATE, "abort", "it was refused");
    return txn;
}
