/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of these benches share: the records, from a fixed seed, and how a client is made. */
#ifndef BENCH_KAFKA_RECORDS_H
#define BENCH_KAFKA_RECORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>

/* A key is "key-" and seven digits; a value is an object of 100 bytes with the key in it, and a number. */
enum { KEY_BYTES = 11, VALUE_BYTES = 100, MOST_KEYS = 10000000 };

static inline _Noreturn void die(const char *doing, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", doing, why);
    exit(1);
}

static inline void expect(rd_kafka_resp_err_t code, const char *doing)
{
    if (code)
        die(doing, rd_kafka_err2str(code));
}

static inline void *need(void *allocated)
{
    if (!allocated)
        die("memory", "there is none left");
    return allocated;
}

static inline int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static inline void must_be_delivered(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    (void)opaque;
    expect(message->err, "delivery");
}

/* A client with these settings, names and values in turn and NULL behind them. */
static inline rd_kafka_t *client(rd_kafka_type_t type, const char *brokers, const char *const *settings)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *kafka;
    char why[256];

    set(conf, "bootstrap.servers", brokers);
    for (; *settings; settings += 2)
        set(conf, settings[0], settings[1]);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, must_be_delivered);
    kafka = rd_kafka_new(type, conf, why, sizeof why);
    if (!kafka)
        die("client", why);
    return kafka;
}

/* Sends what these words say; waits while the queue is full. */
static inline void produce_words(rd_kafka_t *kafka, const rd_kafka_vu_t *words, size_t count)
{
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_produceva(kafka, words, count);

        if (!error)
            return;
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die("produce", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        (void)rd_kafka_poll(kafka, 10);
    }
}

/* Sends bytes, copied. Partition: RD_KAFKA_PARTITION_UA lets the key decide. */
static inline void produce(rd_kafka_t *kafka, rd_kafka_topic_t *topic, int32_t partition, const void *key,
                           size_t key_size, const void *value, size_t size)
{
    rd_kafka_vu_t words[] = {
        { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic },
        { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition },
        { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)key, key_size } },
        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)(uintptr_t)value, size } },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
    };

    produce_words(kafka, words, sizeof words / sizeof *words);
}

static inline int32_t partitions_of(rd_kafka_t *kafka, const char *topic_name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(kafka, topic_name, NULL);
    const struct rd_kafka_metadata *metadata;
    int32_t count;

    expect(rd_kafka_metadata(kafka, 0, topic, &metadata, 30000), "metadata");
    expect(metadata->topics[0].err, topic_name);
    count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return count;
}

/* The next number of splitmix64. */
static inline uint64_t draw(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15U;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    return mixed ^ mixed >> 31;
}

static inline void write_record(char value[VALUE_BYTES + 1], uint32_t key, uint64_t number)
{
    int size = snprintf(value, VALUE_BYTES + 1, "{\"key\":\"key-%07u\",\"amount\":%u,\"note\":\"", key,
                        (unsigned)(number % 100000));

    memset(value + size, 'x', (size_t)(VALUE_BYTES - 2 - size));
    memcpy(value + VALUE_BYTES - 2, "\"}", 3);
}

/* Of key text "key-0001234": 1234; UINT32_MAX: not one of ours. */
static inline uint32_t key_number(const void *text, size_t size)
{
    const char *digits = text;
    uint32_t number = 0;

    if (size != KEY_BYTES || memcmp(digits, "key-", 4) != 0)
        return UINT32_MAX;
    for (size_t i = 4; i < KEY_BYTES; i++)
        number = number * 10 + (uint32_t)(digits[i] - '0');
    return number < MOST_KEYS ? number : UINT32_MAX;
}

/* The number behind "count": in an output; -1: there is none. */
static inline int64_t count_of(const void *text, size_t size)
{
    static const char name[] = "\"count\":";
    const char *found = text ? memmem(text, size, name, sizeof name - 1) : NULL;
    const char *end = (const char *)text + size;
    int64_t count = -1;

    for (found = found ? found + sizeof name - 1 : end; found < end && *found >= '0' && *found <= '9'; found++)
        count = (count < 0 ? 0 : count) * 10 + (*found - '0');
    return count;
}

#endif
