/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transactional producer, in the place of src/kafka/producer.c. What the library has sent twice may land once more,
 * at any time, and hit a later transaction of the same epoch; so such a producer ends with its transaction: begin says
 * UNKNOWN, and a new one, initialized, has a higher epoch.
 */
#include "kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

enum { TRIES = 3, RETRY_MS = 5, QUEUE = 512 };

typedef struct queued {
    sim_partition *partition;
    sim_record record;
    int64_t *end_offset;
} queued;

struct weir_producer {
    const char *id;
    int64_t request_ms;
    int64_t producer;
    int epoch;            /* -1: not initialized */
    bool is_in_txn, is_useless;
    bool has_repeated;    /* something may still be on its way */
    sim_partition *partitions[SIM_TXN_PARTITIONS];
    size_t partition_count;
    queued *queue;
    size_t queued, capacity;
    uint64_t *held;       /* what is not closed leaks */
};

/* One request of any kind. */
typedef struct txn_request {
    sim_request base;
    const char *id;
    int64_t producer;
    int epoch;
    sim_partition *partition;
    sim_pending_offset offsets[SIM_TXN_PARTITIONS];
    size_t count;
    weir_group_member member;
    bool is_commit;
    queued *records;      /* in the request's own memory */
    int64_t *landed;      /* their offsets */
    sim_code code;
} txn_request;

static txn_request *request_new(const weir_producer *producer, void (*land)(sim_request *request))
{
    txn_request *request = sim_alloc(sizeof *request);

    request->base.land = land;
    request->id = producer->id;
    request->producer = producer->producer;
    request->epoch = producer->epoch;
    return request;
}

static weir_txn say(weir_producer *producer, weir_txn txn, weir_error *err, const char *what)
{
    static const weir_code codes[] = { WEIR_OK, WEIR_UNREACHABLE, WEIR_UNKNOWN, WEIR_FENCED, WEIR_FAILED };

    if (txn == WEIR__TXN_OK)
        return txn;
    if (txn != WEIR__TXN_REFUSED)
        producer->is_useless = true;
    sim_trace("%s: %s is %s", producer->id, what,
              txn == WEIR__TXN_REFUSED   ? "refused"
              : txn == WEIR__TXN_UNKNOWN ? "unknown"
              : txn == WEIR__TXN_FENCED  ? "fenced"
                                         : "failed");
    (void)weir__fail(err, codes[txn], WEIR_REMEDY_ABORT, "%s did not succeed", what);
    return txn;
}

/* Asks until it is answered, and not told to wait for an earlier transaction's markers. */
static weir_txn ask(weir_producer *producer, txn_request *request, bool may_repeat)
{
    for (int tries = 0; tries < TRIES;) {
        sim_answer answer = sim_ask(&request->base, producer->request_ms, may_repeat);

        if (request->base.from->is_dead)
            return WEIR__TXN_UNKNOWN;
        producer->has_repeated |= request->base.is_repeated || answer == SIM_NO_ANSWER;
        if (answer != SIM_ANSWERED) {
            tries++;
            /* The library sends it again on its own: both may land. */
            if (may_repeat || answer == SIM_NOT_SENT || request->base.landings > 0)
                continue;
            return WEIR__TXN_UNKNOWN;
        }
        switch (request->code) {
        case SIM_OK:
            return WEIR__TXN_OK;
        case SIM_CONCURRENT:
            (void)sim_wait(NULL, NULL, world->now_ms + RETRY_MS);
            continue;
        case SIM_FENCED:
            return WEIR__TXN_FENCED;
        case SIM_BAD_STATE:
        case SIM_BAD_MEMBER:
        case SIM_REBALANCING:
        case SIM_NO_TOPIC:
            return WEIR__TXN_REFUSED;
        case SIM_TOO_LARGE:
            return WEIR__TXN_FAILED;
        }
    }
    return WEIR__TXN_UNKNOWN;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

weir_code weir__producer_open(weir_cluster *cluster, const char *transactional_id, weir_producer **out,
                              weir_error *err)
{
    weir_producer *producer;

    if (!sim_step("producer open"))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    producer = sim_alloc(sizeof *producer);
    producer->held = malloc(sizeof *producer->held);
    if (!producer->held)
        abort();
    producer->id = sim_print("%s", transactional_id);
    producer->request_ms = cluster->request_ms;
    producer->epoch = -1;
    *out = producer;
    return WEIR_OK;
}

void weir__producer_close(weir_producer *producer)
{
    if (!producer)
        return;
    free(producer->held);
    producer->held = NULL;
    (void)sim_step("producer close");
}

size_t weir__producers_left(void)
{
    return 0;
}

static void land_init(sim_request *request)
{
    txn_request *at = (txn_request *)request;

    at->code = sim_txn_init(at->id, request->from, &at->producer, &at->epoch);
}

weir_txn weir__producer_init(weir_producer *producer, int timeout_ms, weir_error *err)
{
    int64_t until_ms = world->now_ms + timeout_ms;

    if (producer->epoch >= 0)
        sim_violate("a producer is initialized twice");
    do {
        txn_request *request = request_new(producer, land_init);
        sim_answer answer = sim_ask(&request->base, producer->request_ms, false);

        if (request->base.from->is_dead)
            break;
        if (answer == SIM_ANSWERED && request->code == SIM_OK) {
            producer->producer = request->producer;
            producer->epoch = request->epoch;
            producer->is_useless = false;
            return WEIR__TXN_OK;
        }
        (void)sim_wait(NULL, NULL, world->now_ms + RETRY_MS);
    } while (world->now_ms < until_ms);
    (void)say(producer, WEIR__TXN_UNKNOWN, err, "init");
    producer->is_useless = false; /* may be asked again */
    return WEIR__TXN_UNKNOWN;
}

weir_txn weir__producer_begin(weir_producer *producer, weir_error *err)
{
    if (!sim_step("begin"))
        return say(producer, WEIR__TXN_UNKNOWN, err, "begin");
    if (producer->epoch < 0 || producer->is_in_txn)
        sim_violate("%s: begin out of order", producer->id);
    if (producer->is_useless || (producer->has_repeated && !world->trusts_repeats))
        return say(producer, WEIR__TXN_UNKNOWN, err, "begin");
    producer->is_in_txn = true;
    sim_here()->is_committing = false;
    producer->partition_count = producer->queued = 0;
    return WEIR__TXN_OK;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static void land_partition(sim_request *request)
{
    txn_request *at = (txn_request *)request;

    at->code = sim_txn_add_partition(at->id, at->epoch, at->partition);
}

/* What was sent once lands once: its sequence number tells. */
static void land_records(sim_request *request)
{
    txn_request *at = (txn_request *)request;

    if (request->landings > 1)
        return;
    at->code = SIM_OK;
    for (size_t i = 0; at->code == SIM_OK && i < at->count; i++) {
        at->code = sim_txn_produce(at->id, at->epoch, at->partition, &at->records[i].record, &at->landed[i]);
        if (at->code == SIM_OK && sim_chance(world->faults.refused))
            at->code = SIM_BAD_STATE;
    }
}

static weir_txn send_partition(weir_producer *producer, sim_partition *partition)
{
    txn_request *request;
    weir_txn txn;
    bool is_added = false;

    for (size_t i = 0; i < producer->partition_count; i++)
        is_added |= producer->partitions[i] == partition;
    if (!is_added) {
        request = request_new(producer, land_partition);
        request->partition = partition;
        txn = ask(producer, request, true);
        if (txn != WEIR__TXN_OK)
            return txn;
        producer->partitions[producer->partition_count++] = partition;
    }
    request = request_new(producer, land_records);
    request->partition = partition;
    request->records = sim_alloc(producer->queued * sizeof *request->records);
    request->landed = sim_alloc(producer->queued * sizeof *request->landed);
    for (size_t i = 0; i < producer->queued; i++) {
        if (producer->queue[i].partition == partition)
            request->records[request->count++] = producer->queue[i];
    }
    txn = ask(producer, request, true);
    for (size_t i = 0; txn == WEIR__TXN_OK && i < request->count; i++) {
        int64_t *end = request->records[i].end_offset;

        if (end && *end < request->landed[i] + 1)
            *end = request->landed[i] + 1;
    }
    return txn;
}

static weir_txn send_all(weir_producer *producer)
{
    weir_txn txn = WEIR__TXN_OK;

    while (producer->queued && txn == WEIR__TXN_OK) {
        sim_partition *partition = producer->queue[sim_random(producer->queued)].partition;
        size_t kept = 0;

        txn = send_partition(producer, partition);
        for (size_t i = 0; i < producer->queued; i++) {
            if (producer->queue[i].partition != partition)
                producer->queue[kept++] = producer->queue[i];
        }
        producer->queued = kept;
    }
    return txn;
}

static const weir_header *copy_headers(const weir_produce *record)
{
    weir_header *copies = sim_alloc((record->header_count + 1) * sizeof *copies);

    for (size_t i = 0; i < record->header_count; i++)
        copies[i] = (weir_header){ sim_print("%s", record->headers[i].name), sim_copy(record->headers[i].value) };
    return copies;
}

static int32_t choose_partition(const weir_produce *record)
{
    const sim_topic *topic = sim_topic_find(record->topic);
    uint64_t hash = 17;

    if (record->partition >= 0 || !topic)
        return record->partition;
    for (size_t i = 0; i < record->key.size; i++)
        hash = hash * 31 + record->key.data[i];
    return (int32_t)(hash % (uint64_t)topic->partition_count);
}

weir_txn weir__producer_add(weir_producer *producer, const weir_produce *record, weir_error *err)
{
    sim_partition *partition = sim_partition_find(record->topic, choose_partition(record));

    if (!producer->is_in_txn)
        sim_violate("%s: a record outside a transaction", producer->id);
    if (!sim_step("add"))
        return say(producer, WEIR__TXN_UNKNOWN, err, "add");
    if (!partition || producer->queued == QUEUE)
        return say(producer, WEIR__TXN_FAILED, err, "add");
    if (producer->queued == producer->capacity) {
        queued *more = sim_alloc((producer->capacity ? producer->capacity * 2 : 16) * sizeof *more);

        if (producer->queued)
            memcpy(more, producer->queue, producer->queued * sizeof *more);
        producer->queue = more;
        producer->capacity = producer->capacity ? producer->capacity * 2 : 16;
    }
    producer->queue[producer->queued++] = (queued){
        .partition = partition,
        .record = { .timestamp_ms = record->timestamp_ms,
                    .key = sim_copy(record->key),
                    .value = sim_copy(record->value),
                    .headers = copy_headers(record),
                    .header_count = record->header_count,
                    .by = sim_here()->name },
        .end_offset = record->end_offset,
    };
    /* The library sends on its own, at any time. */
    return sim_chance(8) ? say(producer, send_all(producer), err, "add") : WEIR__TXN_OK;
}

weir_txn weir__producer_flush(weir_producer *producer, weir_error *err)
{
    return say(producer, send_all(producer), err, "flush");
}

/* ---- offsets, and the end ---------------------------------------------------------------------------------------- */

static void land_group(sim_request *request)
{
    txn_request *at = (txn_request *)request;

    at->code = sim_txn_add_group(at->id, at->epoch);
}

static void land_offsets(sim_request *request)
{
    txn_request *at = (txn_request *)request;

    at->code = sim_group_check(at->member.id, at->member.instance, at->member.generation);
    for (size_t i = 0; at->code == SIM_OK && i < at->count; i++)
        at->code = sim_txn_offset(at->id, at->epoch, &at->offsets[i]);
}

weir_txn weir__producer_offsets(weir_producer *producer, const weir_commit_offset *offsets, size_t count,
                                const weir_group_member *member, weir_error *err)
{
    txn_request *request = request_new(producer, land_group);
    weir_txn txn;

    if (!member)
        sim_violate("%s: offsets of nobody", producer->id);
    txn = ask(producer, request, true);
    if (txn != WEIR__TXN_OK)
        return say(producer, txn, err, "adding the group");
    request = request_new(producer, land_offsets);
    request->member = *member;
    for (size_t i = 0; i < count && i < SIM_TXN_PARTITIONS; i++) {
        request->offsets[request->count++] = (sim_pending_offset){
            .topic = sim_print("%s", offsets[i].topic),
            .partition = offsets[i].partition,
            .offset = offsets[i].offset,
            .metadata = sim_copy(offsets[i].metadata),
        };
    }
    return say(producer, ask(producer, request, true), err, "offsets");
}

static void land_end(sim_request *request)
{
    txn_request *at = (txn_request *)request;
    sim_code code = sim_txn_end(at->id, at->epoch, at->is_commit);

    if (request->landings == 1 || at->code != SIM_OK)
        at->code = code;
    sim_trace("%s: the end (%s) of epoch %d lands: %s", at->id, at->is_commit ? "commit" : "abort", at->epoch,
              code == SIM_OK ? "ok" : code == SIM_FENCED ? "fenced" : "no such transaction");
}

static weir_txn end(weir_producer *producer, bool is_commit, weir_error *err)
{
    txn_request *request;
    weir_txn txn = WEIR__TXN_OK;

    if (is_commit)
        txn = send_all(producer);
    if (txn != WEIR__TXN_OK)
        return say(producer, txn, err, "commit");
    producer->is_in_txn = false;
    producer->queued = 0;
    request = request_new(producer, land_end);
    request->is_commit = is_commit;
    request->base.is_doomed = is_commit && sim_chance(world->faults.lost_end);
    txn = ask(producer, request, !request->base.is_doomed && sim_chance(4));
    if (txn == WEIR__TXN_REFUSED && is_commit)
        txn = WEIR__TXN_UNKNOWN; /* not the state that it should be in: nobody knows why */
    return say(producer, txn, err, is_commit ? "commit" : "abort");
}

weir_txn weir__producer_commit(weir_producer *producer, weir_error *err)
{
    if (!producer->is_in_txn)
        sim_violate("%s: a commit outside a transaction", producer->id);
    sim_here()->is_committing = true;
    return end(producer, true, err);
}

weir_txn weir__producer_abort(weir_producer *producer, weir_error *err)
{
    weir_txn txn;

    if (!producer->is_in_txn)
        sim_violate("%s: an abort outside a transaction", producer->id);
    /* Nothing has reached the coordinator: nothing is to be ended. */
    txn = end(producer, false, err);
    return txn == WEIR__TXN_REFUSED ? WEIR__TXN_UNKNOWN : txn;
}
