/* SPDX-License-Identifier: Apache-2.0 */
/* Rebalances: noted when librdkafka tells of them, in their order, and answered when the owner is ready. */
#include <stdlib.h>

#include "kafka/consumer.h"
#include "kafka/internal.h"
#include "kafka/membership.h"

/* ---- noting ----------------------------------------------------------------------------------------------------- */

static weir_noted_rebalance *note_new(const weir_consumer *consumer, weir_rebalance_kind kind,
                                      const rd_kafka_topic_partition_list_t *partitions)
{
    size_t most = partitions ? (size_t)partitions->cnt : 0, count = 0;
    weir_noted_rebalance *note = malloc(sizeof *note + most * sizeof *note->partitions);

    if (!note)
        return NULL;
    for (size_t i = 0; i < most; i++) {
        weir_assigned *partition = &note->partitions[count];

        if (weir__consumer_topic(consumer, partitions->elems[i].topic, &partition->topic)) {
            partition->partition = partitions->elems[i].partition;
            count++;
        }
    }
    note->next = NULL;
    note->told = (weir_rebalance){ .kind = kind, .partitions = note->partitions, .count = count };
    return note;
}

/* While the consumer closes: what librdkafka wants to hear, so that it goes on. */
static void answer_at_once(rd_kafka_t *rk, rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_error_t *refused = NULL;

    if (kind == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
        refused = rd_kafka_incremental_unassign(rk, partitions);
    else
        (void)rd_kafka_assign(rk, NULL); /* nobody would read them */
    if (refused)
        rd_kafka_error_destroy(refused);
}

void weir__rebalance_noted(rd_kafka_t *rk, rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t *partitions,
                           void *opaque)
{
    weir_consumer *consumer = opaque; /* its client is the opaque, and its first field */
    weir_noted_rebalance *note;

    atomic_fetch_add(&consumer->rebalances, 1);
    if (atomic_load(&consumer->is_closing)) {
        answer_at_once(rk, kind, partitions);
        return;
    }
    note = note_new(consumer,
                    kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS                          ? WEIR__REBALANCE_ASSIGN :
                    kind == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS && !rd_kafka_assignment_lost(rk) ?
                                                                                            WEIR__REBALANCE_REVOKE :
                                                                                            WEIR__REBALANCE_LOST,
                    partitions);
    if (!note) {
        consumer->is_out_of_memory = true;
        return;
    }
    if (consumer->newest)
        consumer->newest->next = note;
    else
        consumer->first = note;
    consumer->newest = note;
}

const weir_rebalance *weir__consumer_rebalance(const weir_consumer *consumer)
{
    return consumer->first ? &consumer->first->told : NULL;
}

uint64_t weir__consumer_rebalances(const weir_consumer *consumer)
{
    return atomic_load(&consumer->rebalances);
}

bool weir__consumer_is_assigned(const weir_consumer *consumer)
{
    return atomic_load(&consumer->is_assigned);
}

static void note_drop(weir_consumer *consumer)
{
    weir_noted_rebalance *note = consumer->first;

    consumer->first = note->next;
    if (!consumer->first)
        consumer->newest = NULL;
    free(note);
}

void weir__rebalances_free(weir_consumer *consumer)
{
    while (consumer->first)
        note_drop(consumer);
}

/* ---- answering -------------------------------------------------------------------------------------------------- */

static weir_code owned_add(weir_consumer *consumer, const weir_rebalance *told, weir_error *err)
{
    size_t wanted = consumer->owned_count + told->count;

    if (wanted > consumer->owned_capacity) {
        weir_owned *grown = realloc(consumer->owned, wanted * sizeof *grown);

        if (!grown)
            return weir__fail_memory(err, "an assignment");
        consumer->owned = grown;
        consumer->owned_capacity = wanted;
    }
    for (size_t i = 0; i < told->count; i++)
        if (!weir__consumer_owned(consumer, told->partitions[i]))
            consumer->owned[consumer->owned_count++] = (weir_owned){ .partition = told->partitions[i] };
    return WEIR_OK;
}

static void owned_remove(weir_consumer *consumer, const weir_rebalance *told)
{
    for (size_t i = 0; i < told->count; i++) {
        weir_owned *owned = weir__consumer_owned(consumer, told->partitions[i]);

        if (owned)
            *owned = consumer->owned[--consumer->owned_count];
    }
    /* The topic's object may be another's, from now on. */
    for (size_t i = 0; i < consumer->owned_count; i++)
        consumer->owned[i].topic = NULL;
}

/*
 * A partition that comes is not given to librdkafka before it is started: with an offset that may not be in the log it
 * would give the partition up, with a logical one a late answer to its query would undo a seek (seen with 2.15:
 * "outdated offset response: (re)starting offset query"), and records were lost. What the group has assigned to us is
 * kept apart from that, so the answer may be an empty list.
 */
weir_code weir__consumer_answer(weir_consumer *consumer, weir_error *err)
{
    const weir_rebalance *told = weir__consumer_rebalance(consumer);
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_error_t *refused = NULL;
    weir_code rc = WEIR_OK;

    if (!told)
        return WEIR_OK;
    list = rd_kafka_topic_partition_list_new((int)told->count + 1);
    if (told->kind == WEIR__REBALANCE_ASSIGN) {
        rc = owned_add(consumer, told, err);
        if (rc != WEIR_OK)
            goto out;
        refused = rd_kafka_incremental_assign(consumer->client.rk, list);
        atomic_store(&consumer->is_assigned, true);
    } else {
        for (size_t i = 0; i < told->count; i++) {
            const weir_owned *owned = weir__consumer_owned(consumer, told->partitions[i]);

            if (owned && owned->is_started)
                rd_kafka_topic_partition_list_add(list, consumer->topics[owned->partition.topic],
                                                  owned->partition.partition);
        }
        owned_remove(consumer, told);
        refused = rd_kafka_incremental_unassign(consumer->client.rk, list);
    }
    if (refused) {
        rc = weir__consumer_fatal(consumer, err);
        if (rc == WEIR_OK)
            rc = weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)rd_kafka_error_code(refused),
                                 "group member: %s: %s",
                                 told->kind == WEIR__REBALANCE_ASSIGN ? "assign" : "give up partitions",
                                 rd_kafka_error_string(refused));
        rd_kafka_error_destroy(refused);
    } else if (!consumer->is_held) {
        weir__consumer_wake(consumer); /* all were paused until this was answered */
    }
out:
    rd_kafka_topic_partition_list_destroy(list);
    note_drop(consumer);
    return rc;
}

void weir__rebalances_close(weir_consumer *consumer)
{
    atomic_store(&consumer->is_closing, true);
    while (consumer->first)
        if (weir__consumer_answer(consumer, NULL) != WEIR_OK)
            continue; /* it closes, whatever is said */
}
