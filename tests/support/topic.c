/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes, writes and reads a topic of a real broker, for tests/support/broker.py, which documents what each verb means:
 *
 *     topic BROKERS create NAME PARTITIONS REPLICAS [SETTING=VALUE...]
 *     topic BROKERS write NAME plain|commit|abort|open    records on stdin
 *     topic BROKERS fill NAME KEYS                        as many made ones as each number on stdin says; a line of
 *                                                         stdout when they are acknowledged
 *     topic BROKERS read NAME committed|all               records on stdout
 *     topic BROKERS follow NAME                           the committed ones on stdout as they come, until stdin ends
 *
 * A record is a line of JSON: {"key", "value", "headers": [[name, value], ...], "partition", "timestamp_ms"}, read also
 * with "offset", followed also with "seen_ms", when it was there to be read. Bytes are strings with a character from
 * U+0000 to U+00FF each. Nothing is freed: it is a short life.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <librdkafka/rdkafka.h>

/* Milliseconds until an answer is given up; the test's own patience is longer. */
enum { PATIENCE_MS = 60000 };

static _Noreturn void die(const char *doing, const char *why)
{
    fprintf(stderr, "%s: %s\n", doing, why);
    exit(1);
}

static void expect(rd_kafka_resp_err_t code, const char *doing)
{
    if (code)
        die(doing, rd_kafka_err2str(code));
}

static void expect_done(rd_kafka_error_t *error, const char *doing)
{
    if (error)
        die(doing, rd_kafka_error_string(error));
}

static void *need(void *allocated)
{
    if (!allocated)
        die("memory", "there is none left");
    return allocated;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    (void)opaque;
    expect(message->err, "delivery");
}

/* A client with these settings, names and values in turn, on top of those that all have. */
static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers, const char *const *settings)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", brokers);
    set(conf, "log_level", "2"); /* a broker that was just killed is nothing to talk about */
    set(conf, "reconnect.backoff.ms", "20");
    set(conf, "reconnect.backoff.max.ms", "200");
    /* A node that is stopped still takes connections and requests: give it up soon, and go to the next leader. */
    set(conf, "socket.timeout.ms", "3000");
    set(conf, "api.version.request.timeout.ms", "2000");
    if (type == RD_KAFKA_PRODUCER)
        set(conf, "request.timeout.ms", "2500");
    for (; *settings; settings += 2)
        set(conf, settings[0], settings[1]);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    char why[256];
    rd_kafka_t *kafka = rd_kafka_new(type, conf, why, sizeof why);
    if (!kafka)
        die("client", why);
    return kafka;
}

/* The bytes that a string of JSON stands for, and how many; NULL for null. */
static void *bytes_of(const json_t *string, size_t *size)
{
    *size = 0;
    if (!string || json_is_null(string))
        return NULL;
    const char *from = json_string_value(string);
    if (!from)
        die("record", "a key or value is neither a string nor null");
    uint8_t *bytes = need(malloc(json_string_length(string) + 1));
    for (const char *end = from + json_string_length(string); from < end; from++) {
        uint8_t byte = (uint8_t)*from;
        if (byte >= 0xc4)
            die("record", "a character is beyond U+00FF");
        if (byte >= 0xc2) /* two bytes of UTF-8 */
            byte = (uint8_t)((byte & 3) << 6 | ((uint8_t)*++from & 0x3f));
        bytes[(*size)++] = byte;
    }
    return bytes;
}

static json_t *string_of(const void *data, size_t size)
{
    if (!data)
        return json_null();
    const uint8_t *bytes = data;
    char *utf8 = need(malloc(2 * size + 1));
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] >= 0x80)
            utf8[length++] = (char)(0xc0 | bytes[i] >> 6);
        utf8[length++] = (char)(bytes[i] < 0x80 ? bytes[i] : 0x80 | (bytes[i] & 0x3f));
    }
    json_t *string = need(json_stringn(utf8, length));
    free(utf8);
    return string;
}

/* The partitions of a topic, once each of them has a leader. Right after its creation some have none, and a node that
 * is asked may not know of it for a moment. */
static int32_t partitions_of(rd_kafka_t *kafka, const char *name)
{
    for (int waited_ms = 0;; waited_ms += 20) {
        const struct rd_kafka_metadata *metadata;
        rd_kafka_topic_t *topic = need(rd_kafka_topic_new(kafka, name, NULL));
        rd_kafka_resp_err_t code = rd_kafka_metadata(kafka, 0, topic, &metadata, PATIENCE_MS);
        rd_kafka_topic_destroy(topic);
        expect(code, "metadata");
        code = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        int count = code ? 0 : metadata->topics[0].partition_cnt;
        int led = 0;
        for (int i = 0; i < count; i++)
            led += !metadata->topics[0].partitions[i].err && metadata->topics[0].partitions[i].leader >= 0;
        rd_kafka_metadata_destroy(metadata);
        if (count > 0 && led == count)
            return count;
        int patience_ms = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? 1000 : PATIENCE_MS;
        if (waited_ms >= patience_ms)
            die("topic", code ? rd_kafka_err2str(code) : "a partition has no leader");
        usleep(20000); /* the cluster's next step: nothing tells of it */
    }
}

static void create(const char *brokers, const char *name, int partitions, int replicas, char *const *settings)
{
    rd_kafka_t *kafka = client(RD_KAFKA_PRODUCER, brokers, (const char *const[]){NULL});
    char why[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, replicas, why, sizeof why);
    if (!topic)
        die("create", why);
    for (; *settings; settings++) {
        char *value = strchr(*settings, '=');
        if (!value)
            die(*settings, "is no SETTING=VALUE");
        *value++ = '\0';
        expect(rd_kafka_NewTopic_set_config(topic, *settings, value), *settings);
    }
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(kafka, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    expect(rd_kafka_AdminOptions_set_request_timeout(options, PATIENCE_MS, why, sizeof why), "create");
    expect(rd_kafka_AdminOptions_set_operation_timeout(options, PATIENCE_MS, why, sizeof why), "create");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    rd_kafka_CreateTopics(kafka, &topic, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    if (!event)
        die("create", "no answer");
    if (rd_kafka_event_error(event))
        die("create", rd_kafka_event_error_string(event));
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count != 1 || rd_kafka_topic_result_error(results[0]))
        die("create", count ? rd_kafka_topic_result_error_string(results[0]) : "no answer for the topic");
    partitions_of(kafka, name);
}

static void produce(rd_kafka_t *kafka, const char *name, const json_t *record)
{
    size_t key_size, value_size;
    void *key = bytes_of(json_object_get(record, "key"), &key_size);
    void *value = bytes_of(json_object_get(record, "value"), &value_size);
    const json_t *wanted = json_object_get(record, "partition");
    int32_t partition = wanted ? (int32_t)json_integer_value(wanted) : RD_KAFKA_PARTITION_UA;
    rd_kafka_headers_t *headers = need(rd_kafka_headers_new(4));
    size_t i;
    json_t *header;
    json_array_foreach (json_object_get(record, "headers"), i, header) {
        size_t size;
        void *content = bytes_of(json_array_get(header, 1), &size);
        const char *header_name = json_string_value(json_array_get(header, 0));
        if (!header_name)
            die("record", "a header has no name");
        expect(rd_kafka_header_add(headers, header_name, -1, content, (ssize_t)size), "header");
        free(content);
    }
    for (;;) {
        rd_kafka_headers_t *copy = need(rd_kafka_headers_copy(headers));
        rd_kafka_resp_err_t code = rd_kafka_producev(
            kafka, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, key_size),
            RD_KAFKA_V_VALUE(value, value_size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(copy),
            RD_KAFKA_V_TIMESTAMP(json_integer_value(json_object_get(record, "timestamp_ms"))), RD_KAFKA_V_END);
        if (!code)
            break;
        rd_kafka_headers_destroy(copy);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            expect(code, "produce");
        rd_kafka_poll(kafka, 100);
    }
    rd_kafka_headers_destroy(headers);
    free(key);
    free(value);
    rd_kafka_poll(kafka, 0);
}

static void write_records(const char *brokers, const char *name, const char *end)
{
    char id[64];
    snprintf(id, sizeof id, "weir-test-%ld", (long)getpid());
    int in_transaction = strcmp(end, "plain") != 0;
    /* One request at a time to a broker. With more, one that is refused (no leader yet) makes those behind it come out
     * of sequence, for which the library takes a new epoch: what it had sent and was not told of, also to other
     * partitions, is then written twice. Source: librdkafka #4953. */
    const char *const settings[] = {"enable.idempotence", "true", "partitioner", "murmur2_random", "linger.ms", "2",
                                    "max.in.flight", "1", in_transaction ? "transactional.id" : NULL, id, NULL};
    rd_kafka_t *kafka = client(RD_KAFKA_PRODUCER, brokers, settings);
    partitions_of(kafka, name); /* a missing topic is otherwise waited for, record by record */
    if (in_transaction) {
        expect_done(rd_kafka_init_transactions(kafka, PATIENCE_MS), "init_transactions");
        expect_done(rd_kafka_begin_transaction(kafka), "begin_transaction");
    }
    json_error_t error;
    for (json_t *record; (record = json_loadf(stdin, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error));
         json_decref(record))
        produce(kafka, name, record);
    if (!feof(stdin))
        die("record", error.text);
    /* Also before an abort, which otherwise drops what has not been sent: the log shall hold it. */
    expect(rd_kafka_flush(kafka, PATIENCE_MS), "flush");
    if (strcmp(end, "commit") == 0)
        expect_done(rd_kafka_commit_transaction(kafka, PATIENCE_MS), "commit_transaction");
    else if (strcmp(end, "abort") == 0)
        expect_done(rd_kafka_abort_transaction(kafka, PATIENCE_MS), "abort_transaction");
}

/* As fast as it goes: {"n": number, "pad": …} of a hundred bytes, the keys in turn. */
static void fill(const char *brokers, const char *name, int64_t keys)
{
    const char *const settings[] = {"enable.idempotence", "true", "partitioner", "murmur2_random", "linger.ms", "20",
                                    "batch.size", "500000", NULL};
    rd_kafka_t *kafka = client(RD_KAFKA_PRODUCER, brokers, settings);
    int64_t number = 0;
    char line[32];
    partitions_of(kafka, name);
    while (fgets(line, sizeof line, stdin)) {
        for (int64_t end = number + strtoll(line, NULL, 10); number < end; number++) {
            char key[32], value[128];
            int key_size = snprintf(key, sizeof key, "key-%lld", (long long)(number % keys));
            int size = snprintf(value, sizeof value, "{\"n\":%lld,\"pad\":\"%070d\"}", (long long)number, 0);
            while (rd_kafka_producev(kafka, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_KEY(key, (size_t)key_size),
                                     RD_KAFKA_V_VALUE(value, (size_t)size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                     RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
                rd_kafka_poll(kafka, 100);
        }
        expect(rd_kafka_flush(kafka, PATIENCE_MS), "flush");
        if (printf("%lld\n", (long long)number) < 0 || fflush(stdout))
            die("stdout", "cannot be written");
    }
}

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* seen_ms < 0: that is not told. */
static void print_record(const rd_kafka_message_t *message, int64_t seen_ms)
{
    json_t *headers = need(json_array());
    rd_kafka_headers_t *from;
    if (!rd_kafka_message_headers(message, &from)) {
        const char *name;
        const void *content;
        size_t size;
        for (size_t i = 0; !rd_kafka_header_get_all(from, i, &name, &content, &size); i++)
            json_array_append_new(headers, need(json_pack("[so]", name, string_of(content, size))));
    }
    json_t *record = need(json_pack(
        "{sosososisIsI}", "key", string_of(message->key, message->key_len), "value",
        string_of(message->payload, message->len), "headers", headers, "partition", (int)message->partition, "offset",
        (json_int_t)message->offset, "timestamp_ms", (json_int_t)rd_kafka_message_timestamp(message, NULL)));
    if (seen_ms >= 0)
        json_object_set_new(record, "seen_ms", need(json_integer((json_int_t)seen_ms)));
    if (json_dumpf(record, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) || putchar('\n') == EOF)
        die("stdout", "cannot be written");
    json_decref(record);
}

/* A consumer of all partitions, from their beginnings. */
static rd_kafka_t *reader(const char *brokers, const char *name, const char *level, int32_t *count)
{
    const char *const settings[] = {"isolation.level", level, "enable.partition.eof", "true", "group.id", "weir-test",
                                    "enable.auto.commit", "false", "auto.offset.reset", "error",
                                    "fetch.wait.max.ms", "10", "fetch.queue.backoff.ms", "5", NULL};
    rd_kafka_t *kafka = client(RD_KAFKA_CONSUMER, brokers, settings);
    expect(rd_kafka_poll_set_consumer(kafka), "consumer");
    *count = partitions_of(kafka, name);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(*count);
    for (int32_t i = 0; i < *count; i++)
        rd_kafka_topic_partition_list_add(all, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    expect(rd_kafka_assign(kafka, all), "assign");
    return kafka;
}

static void expect_passing(const rd_kafka_message_t *message)
{
    if (message->err && message->err != RD_KAFKA_RESP_ERR__TRANSPORT &&
        message->err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        die("read", rd_kafka_message_errstr(message));
}

static void read_records(const char *brokers, const char *name, const char *which)
{
    int32_t count;
    rd_kafka_t *kafka =
        reader(brokers, name, strcmp(which, "all") == 0 ? "read_uncommitted" : "read_committed", &count);
    /* A partition at its end may say so again while others are read. */
    char *ended = need(calloc((size_t)count, 1));
    for (int32_t left = count; left > 0;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, PATIENCE_MS);
        if (!message)
            die("read", "no answer");
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            left -= !ended[message->partition];
            ended[message->partition] = 1;
        } else if (!message->err) {
            print_record(message, -1);
        } else {
            expect_passing(message);
        }
        rd_kafka_message_destroy(message);
    }
}

static void follow(const char *brokers, const char *name)
{
    enum { LOOK_MS = 20 };
    struct pollfd input = {.fd = 0, .events = POLLIN};
    char byte;
    int32_t count;
    rd_kafka_t *kafka = reader(brokers, name, "read_committed", &count);
    while (poll(&input, 1, 0) == 0 || read(0, &byte, 1) > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(kafka, LOOK_MS);
        if (!message)
            continue;
        if (!message->err)
            print_record(message, wall_ms());
        else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            expect_passing(message);
        rd_kafka_message_destroy(message);
        if (fflush(stdout))
            die("stdout", "cannot be written");
    }
}

int main(int argc, char **argv)
{
    const char *verb = argc > 3 ? argv[2] : "";
    if (strcmp(verb, "create") == 0 && argc >= 6)
        create(argv[1], argv[3], (int)strtol(argv[4], NULL, 10), (int)strtol(argv[5], NULL, 10), argv + 6);
    else if (strcmp(verb, "write") == 0 && argc == 5)
        write_records(argv[1], argv[3], argv[4]);
    else if (strcmp(verb, "fill") == 0 && argc == 5)
        fill(argv[1], argv[3], strtoll(argv[4], NULL, 10));
    else if (strcmp(verb, "read") == 0 && argc == 5)
        read_records(argv[1], argv[3], argv[4]);
    else if (strcmp(verb, "follow") == 0 && argc == 4)
        follow(argv[1], argv[3]);
    else
        die("topic", "usage: topic BROKERS create|write|fill|read|follow NAME ...");
    if (fflush(stdout))
        die("stdout", "cannot be written");
    /* Past destructors: an open transaction stays open, and there is nothing to wait for. */
    _exit(0);
}
