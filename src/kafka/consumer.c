/* SPDX-License-Identifier: Apache-2.0 */
/* A group member: what it reads, from where on, and when. Rebalances are noted in rebalance.c. */
#include "kafka/consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kafka/internal.h"
#include "kafka/membership.h"

/* ---- partitions ------------------------------------------------------------------------------------------------- */

weir_owned *weir__consumer_owned(weir_consumer *consumer, weir_assigned partition)
{
    for (size_t i = 0; i < consumer->owned_count; i++)
        if (consumer->owned[i].partition.partition == partition.partition &&
            consumer->owned[i].partition.topic == partition.topic)
            return &consumer->owned[i];
    return NULL;
}

bool weir__consumer_topic(const weir_consumer *consumer, const char *name, size_t *topic)
{
    for (size_t i = 0; i < consumer->topic_count; i++)
        if (strcmp(consumer->topics[i], name) == 0) {
            *topic = i;
            return true;
        }
    return false;
}

/* Records of a partition come in rows, so that the last one found is mostly the next one looked for. */
static weir_owned *owner_of(weir_consumer *consumer, const rd_kafka_message_t *message)
{
    weir_assigned partition = { .partition = message->partition };
    weir_owned *last = consumer->last < consumer->owned_count ? &consumer->owned[consumer->last] : NULL;

    if (!message->rkt)
        return NULL;
    if (last && last->topic == message->rkt && last->partition.partition == message->partition)
        return last;
    if (!weir__consumer_topic(consumer, rd_kafka_topic_name(message->rkt), &partition.topic))
        return NULL;
    last = weir__consumer_owned(consumer, partition);
    if (last) {
        last->topic = message->rkt;
        consumer->last = (size_t)(last - consumer->owned);
    }
    return last;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void consumer_free(void *owner)
{
    weir_consumer *consumer = owner;

    for (size_t i = 0; i < consumer->topic_count; i++)
        free(consumer->topics[i]);
    free(consumer->topics);
    free(consumer->messages);
    free(consumer->owned);
    weir__rebalances_free(consumer);
    free(consumer);
}

void weir__consumer_close(weir_consumer *consumer)
{
    if (!consumer)
        return;
    weir__consumer_done(consumer);
    if (consumer->client.rk) {
        if (consumer->queue) {
            rd_kafka_queue_io_event_enable(consumer->queue, -1, NULL, 0);
            rd_kafka_queue_destroy(consumer->queue);
        }
        weir__rebalances_close(consumer);
    }
    weir__kafka_client_let_go(&consumer->client, consumer, consumer_free);
}

static weir_code topics_copy(weir_consumer *consumer, const weir_consumer_options *options, weir_error *err)
{
    consumer->topics = calloc(options->topic_count, sizeof *consumer->topics);
    if (!consumer->topics)
        return weir__fail_memory(err, "a consumer");
    for (; consumer->topic_count < options->topic_count; consumer->topic_count++) {
        char *copy = strdup(options->topics[consumer->topic_count]);

        if (!copy)
            return weir__fail_memory(err, "a consumer");
        consumer->topics[consumer->topic_count] = copy;
    }
    return WEIR_OK;
}

static weir_code subscribe(weir_consumer *consumer, weir_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)consumer->topic_count);
    rd_kafka_resp_err_t code;

    for (size_t i = 0; i < consumer->topic_count; i++)
        rd_kafka_topic_partition_list_add(list, consumer->topics[i], RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(consumer->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return WEIR_OK;
    return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "kafka: subscribe: %s",
                           rd_kafka_err2str(code));
}

weir_code weir__consumer_open(const weir_consumer_options *options, weir_consumer **out, weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_resp_err_t code;
    weir_code rc;
    weir_consumer *consumer = calloc(1, sizeof *consumer);

    if (!consumer)
        return weir__fail_memory(err, "a consumer");
    consumer->client.fd = -1;
    rc = topics_copy(consumer, options, err);
    if (rc == WEIR_OK)
        rc = weir__kafka_conf(options->cluster, WEIR__KAFKA_CONSUMER, &conf, err);
    if (rc != WEIR_OK)
        goto out;
    if (options->instance) {
        rc = weir__kafka_conf_set(conf, "group.instance.id", options->instance, err);
        if (rc != WEIR_OK) {
            rd_kafka_conf_destroy(conf);
            goto out;
        }
    }
    rd_kafka_conf_set_rebalance_cb(conf, weir__rebalance_noted);
    rc = weir__kafka_client_start(&consumer->client, RD_KAFKA_CONSUMER, conf, err);
    if (rc != WEIR_OK)
        goto out;
    code = rd_kafka_poll_set_consumer(consumer->client.rk);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->client.rk);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || !consumer->queue) {
        rc = weir__kafka_fail(err, code, NULL, NULL, "kafka: a consumer's queue");
        goto out;
    }
    rc = weir__kafka_client_watch(&consumer->client, consumer->queue, err);
    if (rc == WEIR_OK)
        rc = subscribe(consumer, err);
    if (rc != WEIR_OK)
        goto out;
    *out = consumer;
    consumer = NULL;
out:
    weir__consumer_close(consumer);
    return rc;
}

/* ---- polling ---------------------------------------------------------------------------------------------------- */

void weir__consumer_done(weir_consumer *consumer)
{
    for (size_t i = 0; i < consumer->taken; i++)
        rd_kafka_message_destroy(consumer->messages[i]);
    consumer->taken = 0;
}

weir_code weir__consumer_fatal(const weir_consumer *consumer, weir_error *err)
{
    char text[160] = "";
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(consumer->client.rk, text, sizeof text);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return WEIR_OK;
    weir__text_trim(text);
    if (weir__kafka_fault(code) == WEIR__KAFKA_TAKEN)
        return weir__fail_from(err, WEIR_FENCED, WEIR_REMEDY_STOP, "kafka", (int)code,
                               "group member: another has its name: %s", text);
    return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "group member: %s", text);
}

/* What is worse counts, and of two alike the first. It waits for a poll that gives nothing else. */
static void keep_error(weir_consumer *consumer, const weir_error *found)
{
    if (consumer->has_error &&
        (consumer->error.code != WEIR_UNREACHABLE || found->code == WEIR_UNREACHABLE))
        return;
    consumer->has_error = true;
    consumer->error = *found;
}

static void note_message(weir_consumer *consumer, const rd_kafka_message_t *message)
{
    weir_error found;
    char what[160];

    if (message->rkt)
        (void)snprintf(what, sizeof what, "topic '%.80s' partition %d", rd_kafka_topic_name(message->rkt),
                       (int)message->partition);
    else
        (void)snprintf(what, sizeof what, "group member");
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        weir_owned *owned = owner_of(consumer, message);

        if (!owned || !owned->is_started)
            return; /* it was not asked for */
        (void)weir__fail_from(&found, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)message->err,
                              "%s: offset %lld is not in the log (deleted by retention, or the topic was made anew)",
                              what, (long long)owned->next);
    } else {
        (void)weir__kafka_fail(&found, message->err, rd_kafka_message_errstr(message),
                               message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ? "Read on the group" :
                                                                                              "Read on the topic",
                               "%s", what);
    }
    keep_error(consumer, &found);
}

static void note_client(weir_consumer *consumer)
{
    weir_error found;
    char text[160] = "";
    rd_kafka_resp_err_t code = weir__kafka_client_note(&consumer->client, text);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    (void)weir__kafka_fail(&found, code, text, NULL, "group member");
    keep_error(consumer, &found);
}

/* Keeps the messages that are given, in place, and destroys the others. */
static void sort_out(weir_consumer *consumer, size_t count, weir_record *records)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_message_t *message = consumer->messages[i];
        weir_owned *owned = message->err ? NULL : owner_of(consumer, message);
        rd_kafka_timestamp_type_t kind;

        /* What was fetched before a start, a hold or a seek is none of its owner's. */
        if (!owned || !owned->is_started || message->offset < owned->next) {
            if (message->err)
                note_message(consumer, message);
            rd_kafka_message_destroy(message);
            continue;
        }
        owned->next = message->offset + 1;
        records[consumer->taken] = (weir_record){
            .topic = owned->partition.topic,
            .partition = message->partition,
            .offset = message->offset,
            .timestamp_ms = rd_kafka_message_timestamp(message, &kind),
            .key = { message->key, message->key ? message->key_len : 0 },
            .value = { message->payload, message->payload ? message->len : 0 },
        };
        consumer->messages[consumer->taken++] = message;
    }
}

weir_code weir__consumer_poll(weir_consumer *consumer, weir_record *records, size_t most, size_t *count,
                              weir_error *err)
{
    ssize_t came;
    weir_code rc;

    weir__consumer_done(consumer);
    *count = 0;
    if (most > consumer->message_capacity) {
        rd_kafka_message_t **grown = realloc(consumer->messages, most * sizeof *grown);

        if (!grown)
            return weir__fail_memory(err, "a batch of records");
        consumer->messages = grown;
        consumer->message_capacity = most;
    }
    weir__kafka_client_hush(&consumer->client);
    came = rd_kafka_consume_batch_queue(consumer->queue, 0, consumer->messages, most);
    if (came < 0)
        return weir__kafka_fail(err, rd_kafka_last_error(), NULL, NULL, "group member: poll");
    /* The descriptor tells of an empty queue that got something, not of one that was left with something. */
    if ((size_t)came == most)
        weir__kafka_client_rouse(&consumer->client);
    sort_out(consumer, (size_t)came, records);
    note_client(consumer);
    if (consumer->is_out_of_memory) {
        weir__consumer_done(consumer);
        return weir__fail_memory(err, "a rebalance");
    }
    *count = consumer->taken;
    if (consumer->taken) {
        if (consumer->has_error && consumer->error.code == WEIR_UNREACHABLE)
            consumer->has_error = false; /* records come: it has passed */
        else if (consumer->has_error)
            weir__kafka_client_rouse(&consumer->client);
        return WEIR_OK;
    }
    rc = weir__consumer_fatal(consumer, err);
    if (rc != WEIR_OK || !consumer->has_error)
        return rc;
    consumer->has_error = false;
    if (err)
        *err = consumer->error;
    return consumer->error.code;
}

int weir__consumer_fd(const weir_consumer *consumer)
{
    return consumer->client.fd;
}

void weir__consumer_hush(weir_consumer *consumer)
{
    weir__kafka_client_hush(&consumer->client);
}

/* ---- from where on, and when ------------------------------------------------------------------------------------ */

static void add(rd_kafka_topic_partition_list_t *list, const weir_consumer *consumer, weir_assigned partition,
                int64_t offset)
{
    rd_kafka_topic_partition_list_add(list, consumer->topics[partition.topic], partition.partition)->offset = offset;
}

static rd_kafka_resp_err_t first_error(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return list->elems[i].err;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* All that are in that state. */
static rd_kafka_topic_partition_list_t *list_of(const weir_consumer *consumer, bool are_waiting)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)consumer->owned_count + 1);

    for (size_t i = 0; i < consumer->owned_count; i++)
        if (are_waiting ? consumer->owned[i].is_waiting : consumer->owned[i].is_started)
            add(list, consumer, consumer->owned[i].partition, consumer->owned[i].next);
    return list;
}

/* What waits is given to librdkafka, each at its offset. */
static weir_code begin(weir_consumer *consumer, weir_error *err)
{
    rd_kafka_topic_partition_list_t *list = list_of(consumer, true);
    rd_kafka_error_t *refused = list->cnt ? rd_kafka_incremental_assign(consumer->client.rk, list) : NULL;
    weir_code rc = WEIR_OK;

    if (refused) {
        rc = weir__consumer_fatal(consumer, err);
        if (rc == WEIR_OK)
            rc = weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)rd_kafka_error_code(refused),
                                 "group member: start: %s", rd_kafka_error_string(refused));
        rd_kafka_error_destroy(refused);
    }
    for (size_t i = 0; i < consumer->owned_count && rc == WEIR_OK; i++)
        if (consumer->owned[i].is_waiting) {
            consumer->owned[i].is_waiting = false;
            consumer->owned[i].is_started = true;
        }
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}

/*
 * Partitions that were paused and go on are fetched when the broker's thread looks at them again, and librdkafka does
 * not wake it for that: it may sleep for a second (seen with 2.15: after each cooperative rebalance, for all partitions
 * that stay). A seek to where a partition is wakes it.
 */
void weir__consumer_wake(weir_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = list_of(consumer, false);
    rd_kafka_error_t *refused = list->cnt ? rd_kafka_seek_partitions(consumer->client.rk, list, 0) : NULL;

    if (refused)
        rd_kafka_error_destroy(refused); /* it goes on a second later, then */
    rd_kafka_topic_partition_list_destroy(list);
}

weir_code weir__consumer_start(weir_consumer *consumer, weir_assigned partition, int64_t offset, weir_error *err)
{
    weir_owned *owned = weir__consumer_owned(consumer, partition);

    if (!owned)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "topic '%.80s' partition %d: is not assigned",
                          partition.topic < consumer->topic_count ? consumer->topics[partition.topic] : "?",
                          (int)partition.partition);
    if (owned->is_started) { /* again, from elsewhere: librdkafka forgets what it has fetched */
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_error_t *refused;

        add(list, consumer, partition, RD_KAFKA_OFFSET_INVALID);
        refused = rd_kafka_incremental_unassign(consumer->client.rk, list);
        rd_kafka_topic_partition_list_destroy(list);
        if (refused)
            rd_kafka_error_destroy(refused); /* it will refuse to begin, then */
        owned->is_started = false;
    }
    owned->next = offset;
    owned->is_waiting = true;
    return consumer->is_held ? WEIR_OK : begin(consumer, err);
}

weir_code weir__consumer_hold(weir_consumer *consumer, bool is_held, weir_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (consumer->is_held == is_held)
        return WEIR_OK;
    list = list_of(consumer, false);
    if (list->cnt) {
        code = is_held ? rd_kafka_pause_partitions(consumer->client.rk, list) :
                         rd_kafka_resume_partitions(consumer->client.rk, list);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            code = first_error(list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "group member: %s: %s",
                               is_held ? "hold" : "go on", rd_kafka_err2str(code));
    consumer->is_held = is_held;
    if (is_held)
        return WEIR_OK;
    weir__consumer_wake(consumer);
    return begin(consumer, err);
}

int64_t weir__consumer_high_watermark(const weir_consumer *consumer, weir_assigned partition)
{
    int64_t low, high;

    if (partition.topic >= consumer->topic_count ||
        rd_kafka_get_watermark_offsets(consumer->client.rk, consumer->topics[partition.topic], partition.partition,
                                       &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high >= 0 ? high : -1;
}

/* ---- who commits ------------------------------------------------------------------------------------------------ */

weir_group_member *weir__consumer_member(weir_consumer *consumer)
{
    weir_group_member *member = NULL;
    const char *id;
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(consumer->client.rk);

    if (!metadata)
        return NULL;
    /* Without a generation the brokers would take offsets from anybody. */
    id = rd_kafka_consumer_group_metadata_member_id(metadata);
    if (rd_kafka_consumer_group_metadata_generation_id(metadata) >= 0 && id && *id)
        member = malloc(sizeof *member);
    if (!member) {
        rd_kafka_consumer_group_metadata_destroy(metadata);
        return NULL;
    }
    member->metadata = metadata;
    return member;
}

void weir__group_member_free(weir_group_member *member)
{
    if (!member)
        return;
    rd_kafka_consumer_group_metadata_destroy(member->metadata);
    free(member);
}
