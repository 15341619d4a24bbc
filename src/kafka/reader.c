/* SPDX-License-Identifier: Apache-2.0 */
/* Partitions read from given offsets on: a consumer that is in no group, for it never subscribes. */
#include "kafka/reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kafka/internal.h"

typedef struct followed {
    char *topic;
    int32_t partition;
    size_t index;
    const rd_kafka_topic_t *object; /* as its records name it; compared, never followed; NULL: none has come */
    int64_t next;                   /* records and ends from there on are given */
} followed;

struct weir_reader {
    weir_kafka_client client;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *topic; /* kept, so that librdkafka knows its leaders; NULL: none was named */
    followed *partitions;
    size_t count;
    size_t capacity;
    size_t last; /* of the last record */
    rd_kafka_message_t **messages;
    size_t message_capacity;
    size_t taken;
    bool has_error;
    weir_error error;
    weir_record gap; /* with the error WEIR_UNKNOWN */
};

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void reader_free(void *owner)
{
    weir_reader *reader = owner;

    for (size_t i = 0; i < reader->count; i++)
        free(reader->partitions[i].topic);
    free(reader->partitions);
    free(reader->messages);
    free(reader);
}

void weir__reader_close(weir_reader *reader)
{
    if (!reader)
        return;
    weir__reader_done(reader);
    if (reader->client.rk && reader->queue) {
        rd_kafka_queue_io_event_enable(reader->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(reader->queue);
    }
    if (reader->topic)
        rd_kafka_topic_destroy(reader->topic);
    weir__kafka_client_let_go(&reader->client, reader, reader_free);
}

weir_code weir__reader_open(const weir_reader_options *options, weir_reader **out, weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_resp_err_t code;
    weir_code rc;
    weir_reader *reader = calloc(1, sizeof *reader);

    if (!reader)
        return weir__fail_memory(err, "a reader");
    reader->client.fd = -1;
    rc = weir__kafka_conf(options->cluster, WEIR__KAFKA_READER, &conf, err);
    if (rc != WEIR_OK)
        goto out;
    rc = weir__kafka_conf_set(conf, "isolation.level",
                              options->read_uncommitted ? "read_uncommitted" : "read_committed", err);
    if (rc == WEIR_OK && options->is_brief)
        rc = weir__kafka_conf_set(conf, "fetch.wait.max.ms", "5", err);
    if (rc != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        goto out;
    }
    rc = weir__kafka_client_start(&reader->client, RD_KAFKA_CONSUMER, conf, err);
    if (rc != WEIR_OK)
        goto out;
    code = rd_kafka_poll_set_consumer(reader->client.rk);
    reader->queue = rd_kafka_queue_get_consumer(reader->client.rk);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR || !reader->queue) {
        rc = weir__kafka_fail(err, code, NULL, NULL, "kafka: a reader's queue");
        goto out;
    }
    /* One that becomes known only when it is read first has to wait for that for up to a second (seen with 2.15). */
    if (options->topic)
        reader->topic = rd_kafka_topic_new(reader->client.rk, options->topic, NULL);
    rc = weir__kafka_client_watch(&reader->client, reader->queue, err);
    if (rc != WEIR_OK)
        goto out;
    *out = reader;
    reader = NULL;
out:
    weir__reader_close(reader);
    return rc;
}

/* ---- what is read ----------------------------------------------------------------------------------------------- */

static followed *find(weir_reader *reader, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < reader->count; i++)
        if (reader->partitions[i].partition == partition && strcmp(reader->partitions[i].topic, topic) == 0)
            return &reader->partitions[i];
    return NULL;
}

weir_code weir__reader_add(weir_reader *reader, const char *topic, int32_t partition, int64_t offset, size_t index,
                           weir_error *err)
{
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_error_t *refused;
    weir_code rc = WEIR_OK;
    char *copy;

    if (find(reader, topic, partition))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "topic '%.80s' partition %d: is read already", topic,
                          (int)partition);
    if (reader->count == reader->capacity) {
        size_t capacity = reader->capacity ? 2 * reader->capacity : 4;
        followed *grown = realloc(reader->partitions, capacity * sizeof *grown);

        if (!grown)
            return weir__fail_memory(err, "a reader's partition");
        reader->partitions = grown;
        reader->capacity = capacity;
    }
    copy = strdup(topic);
    if (!copy)
        return weir__fail_memory(err, "a reader's partition");
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    refused = rd_kafka_incremental_assign(reader->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (refused) {
        rc = weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)rd_kafka_error_code(refused),
                             "topic '%.80s' partition %d: read from %lld: %s", topic, (int)partition,
                             (long long)offset, rd_kafka_error_string(refused));
        rd_kafka_error_destroy(refused);
        free(copy);
        return rc;
    }
    reader->partitions[reader->count++] =
        (followed){ .topic = copy, .partition = partition, .index = index, .next = offset };
    return WEIR_OK;
}

void weir__reader_remove(weir_reader *reader, const char *topic, int32_t partition)
{
    followed *gone = find(reader, topic, partition);
    rd_kafka_topic_partition_list_t *list;
    rd_kafka_error_t *refused;

    if (!gone)
        return;
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    refused = rd_kafka_incremental_unassign(reader->client.rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (refused)
        rd_kafka_error_destroy(refused); /* whatever still comes of it is dropped */
    free(gone->topic);
    *gone = reader->partitions[--reader->count];
    for (size_t i = 0; i < reader->count; i++)
        reader->partitions[i].object = NULL; /* a topic's object may be another's, from now on */
    if (reader->has_error && reader->error.code == WEIR_UNKNOWN)
        reader->has_error = false;
}

/* ---- polling ---------------------------------------------------------------------------------------------------- */

void weir__reader_done(weir_reader *reader)
{
    for (size_t i = 0; i < reader->taken; i++)
        rd_kafka_message_destroy(reader->messages[i]);
    reader->taken = 0;
}

static followed *followed_by(weir_reader *reader, const rd_kafka_message_t *message)
{
    followed *last = reader->last < reader->count ? &reader->partitions[reader->last] : NULL;

    if (!message->rkt)
        return NULL;
    if (last && last->object == message->rkt && last->partition == message->partition)
        return last;
    last = find(reader, rd_kafka_topic_name(message->rkt), message->partition);
    if (last) {
        last->object = message->rkt;
        reader->last = (size_t)(last - reader->partitions);
    }
    return last;
}

/* What is worse counts, and of two alike the first. It waits for a poll that gives nothing else. */
static bool keep_error(weir_reader *reader, const weir_error *found)
{
    if (reader->has_error && (reader->error.code != WEIR_UNREACHABLE || found->code == WEIR_UNREACHABLE))
        return false;
    reader->has_error = true;
    reader->error = *found;
    return true;
}

static void note_message(weir_reader *reader, const rd_kafka_message_t *message)
{
    followed *from = followed_by(reader, message);
    weir_error found;

    if (!message->rkt) {
        (void)weir__kafka_fail(&found, message->err, rd_kafka_message_errstr(message), NULL, "reader");
        (void)keep_error(reader, &found);
        return;
    }
    if (!from)
        return; /* it is read no more */
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        (void)weir__fail_from(&found, WEIR_UNKNOWN, WEIR_REMEDY_FIX, "kafka", (int)message->err,
                              "topic '%.80s' partition %d: offset %lld is not in the log", from->topic,
                              (int)from->partition, (long long)from->next);
        if (keep_error(reader, &found))
            reader->gap = (weir_record){
                .topic = from->index, .partition = from->partition, .offset = from->next, .timestamp_ms = -1
            };
        return;
    }
    (void)weir__kafka_fail(&found, message->err, rd_kafka_message_errstr(message), "Read on the topic",
                           "topic '%.80s' partition %d", from->topic, (int)from->partition);
    (void)keep_error(reader, &found);
}

/* Keeps the messages that are given, in place, and destroys the others. */
static void sort_out(weir_reader *reader, size_t count, weir_record *records)
{
    for (size_t i = 0; i < count; i++) {
        rd_kafka_message_t *message = reader->messages[i];
        bool is_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
        followed *from = message->err && !is_end ? NULL : followed_by(reader, message);
        rd_kafka_timestamp_type_t kind;

        if (!from || message->offset < from->next) {
            if (message->err && !is_end)
                note_message(reader, message);
            rd_kafka_message_destroy(message);
            continue;
        }
        from->next = is_end ? message->offset : message->offset + 1;
        records[reader->taken] = (weir_record){ .topic = from->index,
                                                .partition = message->partition,
                                                .offset = message->offset,
                                                .timestamp_ms = -1,
                                                .is_end = is_end };
        if (!is_end) { /* of an end, payload is a message for people */
            records[reader->taken].timestamp_ms = rd_kafka_message_timestamp(message, &kind);
            records[reader->taken].key = (weir_bytes){ message->key, message->key ? message->key_len : 0 };
            records[reader->taken].value = (weir_bytes){ message->payload, message->payload ? message->len : 0 };
        }
        reader->messages[reader->taken++] = message;
    }
}

static weir_code take(weir_reader *reader, weir_record *records, size_t most, weir_error *err)
{
    weir_error found;
    char text[160] = "";
    rd_kafka_resp_err_t code;
    ssize_t came;

    weir__kafka_client_hush(&reader->client);
    came = rd_kafka_consume_batch_queue(reader->queue, 0, reader->messages, most);
    if (came < 0)
        return weir__kafka_fail(err, rd_kafka_last_error(), NULL, NULL, "reader: poll");
    /* The descriptor tells of an empty queue that got something, not of one that was left with something. */
    if ((size_t)came == most)
        weir__kafka_client_rouse(&reader->client);
    sort_out(reader, (size_t)came, records);
    code = weir__kafka_client_note(&reader->client, text);
    if (code) {
        (void)weir__kafka_fail(&found, code, text, NULL, "reader");
        (void)keep_error(reader, &found);
    }
    return WEIR_OK;
}

weir_code weir__reader_poll(weir_reader *reader, int timeout_ms, weir_record *records, size_t most, size_t *count,
                            weir_error *err)
{
    const weir_clock *clock = weir__clock_system();
    int64_t until = timeout_ms > 0 ? weir__clock_monotonic_ms(clock) + timeout_ms : 0;

    weir__reader_done(reader);
    *count = 0;
    if (most > reader->message_capacity) {
        rd_kafka_message_t **grown = realloc(reader->messages, most * sizeof *grown);

        if (!grown)
            return weir__fail_memory(err, "a batch of records");
        reader->messages = grown;
        reader->message_capacity = most;
    }
    for (;;) {
        struct pollfd waited = { .fd = reader->client.fd, .events = POLLIN };
        int64_t left;
        weir_code rc = take(reader, records, most, err);

        if (rc != WEIR_OK)
            return rc;
        if (reader->taken) {
            *count = reader->taken;
            if (reader->has_error && reader->error.code == WEIR_UNREACHABLE)
                reader->has_error = false; /* records come: it has passed */
            else if (reader->has_error)
                weir__kafka_client_rouse(&reader->client);
            return WEIR_OK;
        }
        if (reader->has_error) {
            reader->has_error = false;
            if (reader->error.code == WEIR_UNKNOWN && most)
                records[0] = reader->gap;
            if (err)
                *err = reader->error;
            return reader->error.code;
        }
        left = until ? until - weir__clock_monotonic_ms(clock) : 0;
        if (left <= 0)
            return WEIR_OK;
        if (poll(&waited, 1, (int)left) < 0 && errno != EINTR)
            return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "reader: poll");
    }
}

bool weir__reader_header(const weir_reader *reader, size_t number, const char *name, weir_bytes *value)
{
    rd_kafka_headers_t *headers;
    const void *data;
    size_t size;

    if (number >= reader->taken || reader->messages[number]->err ||
        rd_kafka_message_headers(reader->messages[number], &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &data, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *value = weir__bytes(data, size);
    return true;
}

int weir__reader_fd(const weir_reader *reader)
{
    return reader->client.fd;
}
