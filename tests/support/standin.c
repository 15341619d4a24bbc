/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for `chaos-job run`, so that the chaos test can be shown to find what it looks for: the same counting with
 * nothing but librdkafka, right as it is, and wrong in one way when STANDIN_BREAK names it:
 *
 *     loss        offsets are committed before what they stand for
 *     duplicates  outputs are in no transaction
 *     reorder     now and then an output comes after the next one of its key
 *     forget      a partition that is taken begins without its state
 *     obey        an offset that was set by somebody else is taken as it is
 *     trust       a producer whose connection broke goes on: a commit that arrives late ends a later transaction, since
 *                 the library sends it again by itself, says nothing, and the epoch is the same (KAFKA-17754)
 *
 * Whatever fails it takes as the end of this life: it becomes itself anew and reads back what was committed. Its
 * settings come from the environment, as it reads no configuration: STANDIN_BROKERS, _INPUT, _OUTPUT, _CHANGELOG,
 * _GROUP, _ID, _SESSION_MS, _FOLDER. Exit status as the contract has it: 0, or 3 when what it finds is not its own. The
 * changelog holds, per partition, the count of each key, and under the key "" the offset, a second time.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <librdkafka/rdkafka.h>

enum { MOST_PARTITIONS = 64, COMMIT_MS = 100, PATIENCE_MS = 30000, HELD_EVERY = 200 };

static char **arguments;
static const char *broken = "";
static bool is_resumed;
static volatile sig_atomic_t is_stopping;
static rd_kafka_t *consumer, *producer;
static json_t *counts[MOST_PARTITIONS];      /* NULL: not ours */
static int64_t positions[MOST_PARTITIONS];   /* of the next record */
static bool is_moved[MOST_PARTITIONS];       /* since the last commit */
static bool is_open;                         /* a transaction */
static atomic_bool is_shaken;                       /* a connection of the producer broke */
static char held_key[256], held_value[256];  /* reorder */

static const char *setting(const char *name)
{
    const char *value = getenv(name);

    if (value)
        return value;
    (void)fprintf(stderr, "stand-in: no %s\n", name);
    exit(2);
}

static _Noreturn void leave(int status, const char *why)
{
    (void)fprintf(stderr, "stand-in: %s\n", why);
    _exit(status);
}

static _Noreturn void begin_anew(const char *why)
{
    if (is_stopping)
        leave(0, why); /* whatever is open will be aborted */
    (void)fprintf(stderr, "stand-in: begins anew: %s\n", why);
    (void)usleep(100000); /* a broker that is away would else be asked without a pause */
    (void)execv("/proc/self/exe", arguments);
    leave(1, "cannot begin anew");
}

static void expect(rd_kafka_resp_err_t code, const char *doing)
{
    if (code) {
        (void)fprintf(stderr, "stand-in: %s\n", doing);
        begin_anew(rd_kafka_err2str(code));
    }
}

static void expect_done(rd_kafka_error_t *error, const char *doing)
{
    if (error) {
        (void)fprintf(stderr, "stand-in: %s\n", doing);
        begin_anew(rd_kafka_error_string(error));
    }
}

static bool breaks(const char *what)
{
    return strcmp(broken, what) == 0;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void stop(int number)
{
    (void)number;
    is_stopping = 1;
}

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    (void)opaque;
    expect(message->err, "delivery");
}

/* A connection of the producer ends. Nothing else tells of each of them: the same error is not given to the error
 * callback twice within 30 s (rdkafka_broker.c, rd_kafka_broker_set_error). Called by threads of the library. */
static int on_close(int socket, void *opaque)
{
    (void)opaque;
    is_shaken = true;
    return close(socket);
}

static rd_kafka_conf_t *settings_of(const char *const *settings)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];

    if (rd_kafka_conf_set(conf, "bootstrap.servers", setting("STANDIN_BROKERS"), why, sizeof why))
        leave(2, why);
    for (; *settings; settings += 2) {
        if (rd_kafka_conf_set(conf, settings[0], settings[1], why, sizeof why))
            leave(2, why);
    }
    return conf;
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[256];
    rd_kafka_t *kafka = rd_kafka_new(type, conf, why, sizeof why);

    if (!kafka)
        leave(2, why);
    return kafka;
}

/* ---- state ----------------------------------------------------------------------------------------------------- */

/* Reads a partition's counts; the offset that they belong to, or -1. */
static int64_t restore(int32_t partition)
{
    static const char *const all[] = { "isolation.level", "read_uncommitted", "log_level", "2", NULL };
    static const char *const committed[] = { "isolation.level",    "read_committed", "enable.partition.eof", "true",
                                             "group.id",           "stand-in",       "enable.auto.commit",   "false",
                                             "auto.offset.reset",  "error",          "fetch.wait.max.ms",    "5",
                                             "log_level",          "2",              NULL };
    const char *topic = setting("STANDIN_CHANGELOG");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_t *asking = client(RD_KAFKA_CONSUMER, settings_of(all));
    rd_kafka_t *reader = client(RD_KAFKA_CONSUMER, settings_of(committed));
    int64_t low, high, offset = -1;

    counts[partition] = json_object();
    expect(rd_kafka_query_watermark_offsets(asking, topic, partition, &low, &high, PATIENCE_MS), "watermarks");
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = low;
    expect(rd_kafka_assign(reader, list), "assign");
    for (bool is_read = false; !is_read;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, PATIENCE_MS);
        if (!message)
            begin_anew("the changelog does not end");
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            is_read = message->offset >= high;
        else if (message->err && message->err != RD_KAFKA_RESP_ERR__TRANSPORT &&
                 message->err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
            begin_anew(rd_kafka_message_errstr(message));
        else if (!message->err && message->key_len == 0)
            offset = strtoll(message->payload, NULL, 10); /* it was written with its NUL */
        else if (!message->err)
            json_object_setn_new(counts[partition], message->key, message->key_len,
                                 json_integer(strtoll(message->payload, NULL, 10)));
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(reader);
    rd_kafka_destroy(asking);
    if (breaks("forget"))
        json_object_clear(counts[partition]);
    return offset;
}

/* Where a partition goes on: the group's offset, and the changelog must say the same. */
static int64_t take(rd_kafka_topic_partition_t *partition)
{
    int64_t low, high, own = restore(partition->partition);

    expect(rd_kafka_query_watermark_offsets(consumer, partition->topic, partition->partition, &low, &high,
                                            PATIENCE_MS), "watermarks");
    if (own > high)
        leave(3, "the input is not what it was");
    if (breaks("obey") || breaks("loss") || breaks("duplicates"))
        return partition->offset >= 0 ? partition->offset : RD_KAFKA_OFFSET_BEGINNING;
    if (own < 0)
        return partition->offset >= 0 ? partition->offset : RD_KAFKA_OFFSET_BEGINNING;
    if (partition->offset >= 0 && partition->offset != own && !is_resumed)
        leave(3, "the group's offset is not ours: --resume takes the changelog's");
    if (partition->offset < 0)
        (void)fprintf(stderr, "stand-in: the group's offset is gone, resumes from the changelog's\n");
    return own;
}

/* ---- transactions ---------------------------------------------------------------------------------------------- */

static void produce(const char *topic, int32_t partition, const void *key, size_t size, const char *value,
                    size_t length)
{
    if (!is_open && !breaks("duplicates"))
        expect_done(rd_kafka_begin_transaction(producer), "begin");
    is_open = true;
    for (;;) {
        rd_kafka_resp_err_t code = rd_kafka_producev(
            producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, size),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, length), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_END);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            expect(code, "produce");
            return;
        }
        (void)rd_kafka_poll(producer, 50);
    }
}

static void commit(void)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(MOST_PARTITIONS);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(consumer);

    for (int32_t i = 0; i < MOST_PARTITIONS; i++) {
        char number[32];
        if (!counts[i] || !is_moved[i])
            continue;
        is_moved[i] = false;
        rd_kafka_topic_partition_list_add(list, setting("STANDIN_INPUT"), i)->offset = positions[i];
        (void)snprintf(number, sizeof number, "%lld", (long long)positions[i]);
        produce(setting("STANDIN_CHANGELOG"), i, "", 0, number, strlen(number) + 1);
    }
    if (list->cnt > 0 && breaks("duplicates")) {
        expect(rd_kafka_flush(producer, PATIENCE_MS), "flush");
        (void)rd_kafka_commit(consumer, list, 0); /* refused, as by a rebalance: read again, which is the mistake */
    } else if (list->cnt > 0) {
        expect_done(rd_kafka_send_offsets_to_transaction(producer, list, group, PATIENCE_MS), "offsets");
        expect_done(rd_kafka_commit_transaction(producer, PATIENCE_MS), "commit");
    }
    is_open = false;
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(list);
    /* No transaction is open now: a new epoch before the next one keeps what is still under way from ending that. */
    if (is_shaken && !breaks("trust") && !breaks("duplicates"))
        begin_anew("a connection broke");
}

static void on_rebalance(rd_kafka_t *kafka, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    (void)opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        expect(rd_kafka_committed(kafka, list, PATIENCE_MS), "committed");
        for (int i = 0; i < list->cnt; i++) {
            list->elems[i].offset = take(&list->elems[i]);
            positions[list->elems[i].partition] = list->elems[i].offset;
        }
        is_resumed = false;
        expect(rd_kafka_assign(kafka, list), "assign");
        return;
    }
    if (rd_kafka_assignment_lost(kafka))
        begin_anew("its partitions are lost");
    commit();
    for (int i = 0; i < list->cnt; i++) {
        json_decref(counts[list->elems[i].partition]);
        counts[list->elems[i].partition] = NULL;
    }
    expect(rd_kafka_assign(kafka, NULL), "assign");
}

static void count(const rd_kafka_message_t *message)
{
    static int number;
    int32_t partition = message->partition;
    const char *colon = memchr(message->payload, ':', message->len); /* {"n":5} */
    int64_t before = json_integer_value(json_object_getn(counts[partition], message->key, message->key_len));
    char value[256], state[32];

    if (!colon)
        leave(1, "a record is not ours");
    json_object_setn_new(counts[partition], message->key, message->key_len, json_integer(before + 1));
    (void)snprintf(value, sizeof value, "{\"n\":%lld,\"count\":%lld,\"odd\":%s}", strtoll(colon + 1, NULL, 10),
                   (long long)before + 1, before % 2 ? "true" : "false");
    (void)snprintf(state, sizeof state, "%lld", (long long)before + 1);
    positions[partition] = message->offset + 1;
    is_moved[partition] = true;
    if (breaks("loss")) {
        static int64_t last_ms;
        if (now_ms() - last_ms > COMMIT_MS) {
            last_ms = now_ms();
            (void)rd_kafka_commit_message(consumer, message, 1);
        }
    }
    produce(setting("STANDIN_CHANGELOG"), partition, message->key, message->key_len, state, strlen(state) + 1);
    if (breaks("reorder") && !*held_key && ++number % HELD_EVERY == 0) {
        (void)snprintf(held_key, sizeof held_key, "%.*s", (int)message->key_len, (const char *)message->key);
        (void)snprintf(held_value, sizeof held_value, "%s", value);
        return;
    }
    produce(setting("STANDIN_OUTPUT"), RD_KAFKA_PARTITION_UA, message->key, message->key_len, value, strlen(value));
    if (*held_key && strlen(held_key) == message->key_len && memcmp(held_key, message->key, message->key_len) == 0) {
        produce(setting("STANDIN_OUTPUT"), RD_KAFKA_PARTITION_UA, held_key, strlen(held_key), held_value,
                strlen(held_value));
        *held_key = '\0';
    }
}

int main(int argc, char **argv)
{
    const char *const reading[] = { "group.id", setting("STANDIN_GROUP"), "isolation.level", "read_committed",
                                    "enable.auto.commit", "false", "auto.offset.reset", "earliest",
                                    "session.timeout.ms", setting("STANDIN_SESSION_MS"), "heartbeat.interval.ms", "300",
                                    "partition.assignment.strategy", "range", "fetch.wait.max.ms", "20",
                                    "log_level", "3", NULL };
    const char *const writing[] = { "transactional.id", setting("STANDIN_ID"), "partitioner",
                                    "murmur2_random", "linger.ms", "5", "transaction.timeout.ms", "10000", "log_level",
                                    "3", NULL };
    int lock = open(setting("STANDIN_FOLDER"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t committed_ms = now_ms();

    arguments = argv;
    broken = getenv("STANDIN_BREAK") ? getenv("STANDIN_BREAK") : "";
    is_resumed = argc > 1 && strcmp(argv[argc - 1], "--resume") == 0;
    if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
        leave(3, "the state folder is in use");
    (void)signal(SIGTERM, stop);

    rd_kafka_conf_t *conf = settings_of(breaks("duplicates") ? writing + 2 : writing);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_closesocket_cb(conf, on_close);
    producer = client(RD_KAFKA_PRODUCER, conf);
    if (!breaks("duplicates"))
        expect_done(rd_kafka_init_transactions(producer, PATIENCE_MS), "init_transactions");
    is_shaken = false; /* what asked for the coordinator may be over by now */
    conf = settings_of(reading);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    consumer = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, setting("STANDIN_INPUT"), RD_KAFKA_PARTITION_UA);
    expect(rd_kafka_subscribe(consumer, topics), "subscribe");
    while (!is_stopping) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 10);
        if (message && !message->err && counts[message->partition])
            count(message);
        else if (message && rd_kafka_fatal_error(consumer, NULL, 0))
            begin_anew(rd_kafka_message_errstr(message));
        if (message)
            rd_kafka_message_destroy(message);
        (void)rd_kafka_poll(producer, 0);
        if (now_ms() - committed_ms >= COMMIT_MS) {
            commit();
            committed_ms = now_ms();
        }
    }
    commit();
    (void)rd_kafka_consumer_close(consumer); /* the group shall not wait for the session's end */
    _exit(0);
}
