/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients of src/kafka against a real broker, one claim a run:
 *
 *     kafka-clients BROKERS CLAIM [FOLDER]
 *
 * Status 0: it holds. It asks who runs it for what it cannot do itself: a line on stdout ("kill", "start"), and goes on
 * when a line comes back. Topics are named after claims.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "kafka/appender.h"
#include "kafka/cluster.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "kafka/reader.h"

enum { PATIENCE_MS = 60000, BATCH = 500 };

static const char *brokers;
static weir_error err; /* of the last call that failed */

#define CHECK(holds, ...)                                                      \
    do {                                                                       \
        if (!(holds)) {                                                        \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #holds);        \
            fprintf(stderr, __VA_ARGS__);                                      \
            fputc('\n', stderr);                                               \
            exit(1);                                                           \
        }                                                                      \
    } while (0)
#define DOES(call)                                                             \
    do {                                                                       \
        weir_code rc_ = (call);                                                \
        CHECK(rc_ == WEIR_OK, "%s: %s", weir__code_name(rc_), err.message);    \
    } while (0)
#define ENDS(wanted, call)                                                     \
    do {                                                                       \
        weir_txn txn_ = (call);                                                \
        CHECK(txn_ == (wanted), "%d, not %d: %s", (int)txn_, (int)(wanted), err.message); \
    } while (0)

static int64_t now_ms(void)
{
    return weir__clock_monotonic_ms(weir__clock_system());
}

static void ask(const char *what)
{
    char line[64];

    printf("%s\n", what);
    fflush(stdout);
    CHECK(fgets(line, sizeof line, stdin), "nobody answered '%s'", what);
}

static void wait_fd(int fd, int timeout_ms)
{
    struct pollfd waited = { .fd = fd, .events = POLLIN };

    (void)poll(&waited, 1, timeout_ms);
}

/* ---- what the claims stand on ----------------------------------------------------------------------------------- */

static weir_config *config;

static weir_cluster *cluster_of(const char *group, const char *const *sets, int request_timeout_ms)
{
    weir_cluster *cluster = NULL;
    weir_cluster_options options = { .group = group, .request_timeout_ms = request_timeout_ms };
    char servers[256];

    weir__config_free(config);
    config = NULL;
    DOES(weir__config_new(&config, &err));
    snprintf(servers, sizeof servers, "kafka.bootstrap.servers=%s", brokers);
    DOES(weir__config_set(config, servers, &err));
    for (; sets && *sets; sets++)
        DOES(weir__config_set(config, *sets, &err));
    options.config = config;
    DOES(weir__cluster_open(&options, &cluster, &err));
    return cluster;
}

static void create(weir_cluster *cluster, const char *topic, int32_t partitions)
{
    weir_topic_facts facts;

    DOES(weir__cluster_create(cluster, topic, partitions, 0, NULL, 0, &facts, &err));
}

static weir_producer *producer_of(weir_cluster *cluster, const char *id)
{
    weir_producer *producer = NULL;

    DOES(weir__producer_open(cluster, id, &producer, &err));
    ENDS(WEIR__TXN_OK, weir__producer_init(producer, PATIENCE_MS, &err));
    return producer;
}

static void add(weir_producer *producer, const char *topic, int32_t partition, const char *value, int64_t *end_offset)
{
    weir_produce record = { .topic = topic, .partition = partition, .timestamp_ms = -1,
                            .value = weir__bytes_text(value), .end_offset = end_offset };

    ENDS(WEIR__TXN_OK, weir__producer_add(producer, &record, &err));
}

static void transact(weir_producer *producer, const char *topic, int32_t partition, const char *const *values)
{
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    for (; *values; values++)
        add(producer, topic, partition, *values, NULL);
    ENDS(WEIR__TXN_OK, weir__producer_commit(producer, &err));
}

/*
 * Records of a partition as one text, "a,b", up to its end; *end is where that is. A commit has returned before its
 * markers are written, so an end before `least` is not the last one.
 */
static void read_all(weir_cluster *cluster, const char *topic, int32_t partition, bool uncommitted, int64_t least,
                     char *out, size_t size, int64_t *end)
{
    weir_reader_options options = { .cluster = cluster, .read_uncommitted = uncommitted, .is_brief = true };
    weir_reader *reader = NULL;
    int64_t until = now_ms() + PATIENCE_MS;

    out[0] = '\0';
    *end = -1;
    DOES(weir__reader_open(&options, &reader, &err));
    DOES(weir__reader_add(reader, topic, partition, 0, 7, &err));
    while (*end < least) {
        weir_record records[BATCH];
        size_t count = 0;

        CHECK(now_ms() < until, "no end of %s", topic);
        DOES(weir__reader_poll(reader, 1000, records, BATCH, &count, &err));
        for (size_t i = 0; i < count; i++) {
            CHECK(records[i].topic == 7 && records[i].partition == partition, "another's record");
            if (records[i].is_end)
                *end = records[i].offset;
            else
                snprintf(out + strlen(out), size - strlen(out), "%s%.*s", *out ? "," : "", (int)records[i].value.size,
                         (const char *)records[i].value.data);
        }
        weir__reader_done(reader);
    }
    weir__reader_close(reader);
}

static void reads(weir_cluster *cluster, const char *topic, int32_t partition, bool uncommitted, const char *wanted,
                  int64_t wanted_end)
{
    char have[4096];
    int64_t end;

    read_all(cluster, topic, partition, uncommitted, wanted_end, have, sizeof have, &end);
    CHECK(strcmp(have, wanted) == 0, "%s: have '%s', want '%s'", topic, have, wanted);
    CHECK(end == wanted_end, "%s: its end is %" PRId64 ", not %" PRId64, topic, end, wanted_end);
}

static weir_consumer *consumer_of(weir_cluster *cluster, const char *topic, const char *instance)
{
    weir_consumer_options options = { .cluster = cluster, .topics = &topic, .topic_count = 1, .instance = instance };
    weir_consumer *consumer = NULL;

    DOES(weir__consumer_open(&options, &consumer, &err));
    return consumer;
}

/* One turn of a loop: nothing may come. */
static void idle(weir_consumer *consumer)
{
    weir_record records[BATCH];
    size_t count = 0;

    wait_fd(weir__consumer_fd(consumer), 50);
    DOES(weir__consumer_poll(consumer, records, BATCH, &count, &err));
    CHECK(count == 0, "%zu records of partitions that were not started", count);
    weir__consumer_done(consumer);
}

static void start(weir_consumer *consumer, weir_assigned partition, int64_t offset)
{
    int64_t until = now_ms() + PATIENCE_MS;
    weir_code rc;

    while ((rc = weir__consumer_start(consumer, partition, offset, &err)) == WEIR_UNREACHABLE && now_ms() < until)
        idle(consumer);
    CHECK(rc == WEIR_OK, "%s", err.message);
}

/* Answers what comes until the member has that many partitions. */
static void settle(weir_consumer **consumers, size_t count, size_t each, size_t *have)
{
    int64_t until = now_ms() + PATIENCE_MS;

    for (bool is_settled = false; !is_settled;) {
        CHECK(now_ms() < until, "the group does not settle");
        is_settled = true;
        for (size_t i = 0; i < count; i++) {
            const weir_rebalance *told;

            idle(consumers[i]);
            while ((told = weir__consumer_rebalance(consumers[i]))) {
                have[i] += told->kind == WEIR__REBALANCE_ASSIGN ? told->count : -told->count;
                DOES(weir__consumer_answer(consumers[i], &err));
            }
            is_settled = is_settled && have[i] == each;
        }
    }
}

static weir_consumer *member_of(weir_cluster *cluster, const char *topic, size_t partitions)
{
    weir_consumer *consumer = consumer_of(cluster, topic, NULL);
    size_t have = 0;

    settle(&consumer, 1, partitions, &have);
    return consumer;
}

/* ---- claims: cluster -------------------------------------------------------------------------------------------- */

static void topics(void)
{
    static const weir_setting settings[] = { { "cleanup.policy", "compact" }, { "segment.bytes", "1048576" } };
    weir_cluster *cluster = cluster_of("g-topics", NULL, 0);
    weir_topic_facts facts = { .exists = true };
    weir_buffer value;

    weir__buffer_init(&value, 1000);
    DOES(weir__cluster_describe(cluster, "topics", &facts, &err));
    CHECK(!facts.exists, "a topic that nobody has made");
    DOES(weir__cluster_create(cluster, "topics", 3, 0, settings, 2, &facts, &err));
    DOES(weir__cluster_create(cluster, "topics", 5, 0, settings, 2, &facts, &err)); /* it is there: no error */
    DOES(weir__cluster_describe(cluster, "topics", &facts, &err));
    CHECK(facts.exists && facts.partitions == 3, "%d partitions", (int)facts.partitions);
    DOES(weir__cluster_topic_setting(cluster, "topics", "cleanup.policy", &value, &err));
    CHECK(value.size == 7 && memcmp(value.data, "compact", 7) == 0, "%.*s", (int)value.size, (char *)value.data);
    CHECK(weir__cluster_topic_setting(cluster, "topics", "no.such", &value, &err) == WEIR_IO, "it is known");
    CHECK(strstr(err.message, "no.such") && err.remedy == WEIR_REMEDY_STOP, "%s", err.message);
    CHECK(weir__cluster_topic_setting(cluster, "nowhere", "cleanup.policy", &value, &err) == WEIR_UNREACHABLE, "%s",
          err.message);
    CHECK(weir__cluster_create(cluster, "bad name", 1, 0, NULL, 0, &facts, &err) == WEIR_IO, "%s", err.message);
    CHECK(strstr(err.message, "bad name") && err.remedy == WEIR_REMEDY_STOP, "%s", err.message);
    weir__buffer_clear(&value);
    weir__cluster_close(cluster);
    printf("%s\n", facts.id);
}

static void ends(void)
{
    static const char *const values[] = { "a", "b", "c", NULL };
    weir_cluster *cluster = cluster_of("g-ends", NULL, 0);
    weir_producer *producer = producer_of(cluster, "t-ends");
    int64_t offset = -1;

    create(cluster, "ends", 1);
    transact(producer, "ends", 0, values);
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    add(producer, "ends", 0, "open", NULL);
    ENDS(WEIR__TXN_OK, weir__producer_flush(producer, &err));
    DOES(weir__cluster_log_end(cluster, "ends", 0, WEIR__LOG_STABLE_END, &offset, &err));
    CHECK(offset == 4, "stable end %" PRId64, offset);
    DOES(weir__cluster_log_end(cluster, "ends", 0, WEIR__LOG_END, &offset, &err));
    CHECK(offset == 5, "end %" PRId64, offset);
    reads(cluster, "ends", 0, false, "a,b,c", 4);
    ENDS(WEIR__TXN_OK, weir__producer_abort(producer, &err));
    reads(cluster, "ends", 0, false, "a,b,c", 6);
    reads(cluster, "ends", 0, true, "a,b,c,open", 6);
    DOES(weir__cluster_log_at(cluster, "ends", 0, 0, &offset, &err));
    CHECK(offset == 0, "first %" PRId64, offset);
    DOES(weir__cluster_log_at(cluster, "ends", 0, INT64_C(4102444800000), &offset, &err));
    CHECK(offset == 6, "none that late: %" PRId64, offset);
    DOES(weir__cluster_delete_records(cluster, "ends", 0, 2, &err));
    DOES(weir__cluster_delete_records(cluster, "ends", 0, 1, &err)); /* gone already: no error */
    DOES(weir__cluster_log_end(cluster, "ends", 0, WEIR__LOG_START, &offset, &err));
    CHECK(offset == 2, "start %" PRId64, offset);
    CHECK(weir__cluster_delete_records(cluster, "ends", 0, 100, &err) == WEIR_IO, "%s", err.message);
    CHECK(strstr(err.message, "behind the log's end"), "%s", err.message);
    CHECK(weir__cluster_log_end(cluster, "ends", 9, WEIR__LOG_END, &offset, &err) == WEIR_UNREACHABLE, "%s",
          err.message);
    weir__producer_close(producer);
    weir__cluster_close(cluster);
}

static void committed(void)
{
    static const char *const values[] = { "a", "b", NULL };
    weir_cluster *cluster = cluster_of("g-committed", NULL, 2000);
    weir_producer *producer = producer_of(cluster, "t-committed");
    weir_commit_offset at = { .topic = "committed", .offset = 2, .metadata = weir__bytes_text("what {is} kept") };
    weir_consumer *consumer;
    weir_group_member *member;
    weir_buffer metadata;
    int64_t offset = -1;
    bool found = true;

    weir__buffer_init(&metadata, 4000);
    create(cluster, "committed", 1);
    transact(producer, "committed", 0, values);
    consumer = member_of(cluster, "committed", 1);
    DOES(weir__cluster_committed(cluster, "committed", 0, &found, &offset, &metadata, &err));
    CHECK(!found, "nothing was committed");
    member = weir__consumer_member(consumer);
    CHECK(member, "it is a member");
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    ENDS(WEIR__TXN_OK, weir__producer_offsets(producer, &at, 1, member, &err));
    CHECK(weir__cluster_committed(cluster, "committed", 0, &found, &offset, &metadata, &err) == WEIR_UNREACHABLE,
          "an open transaction was not waited for");
    ENDS(WEIR__TXN_OK, weir__producer_commit(producer, &err));
    DOES(weir__cluster_committed(cluster, "committed", 0, &found, &offset, &metadata, &err));
    CHECK(found && offset == 2, "committed %" PRId64, offset);
    CHECK(metadata.size == 14 && memcmp(metadata.data, "what {is} kept", 14) == 0, "%.*s", (int)metadata.size,
          (char *)metadata.data);
    weir__group_member_free(member);
    weir__buffer_clear(&metadata);
    weir__consumer_close(consumer);
    weir__producer_close(producer);
    weir__cluster_close(cluster);
}

/* ---- claims: producer ------------------------------------------------------------------------------------------- */

static void transaction(void)
{
    weir_cluster *cluster = cluster_of("g-transaction", NULL, 0);
    weir_producer *producer = producer_of(cluster, "t-transaction");
    int64_t end_offset = 1;
    weir_header headers[] = { { "h", { (const uint8_t *)"x", 1 } }, { "none", { NULL, 0 } } };
    weir_produce record = { .topic = "transaction", .partition = -1, .timestamp_ms = 1234567890123,
                            .key = weir__bytes_text("foobar"), .headers = headers, .header_count = 2,
                            .end_offset = &end_offset };

    create(cluster, "transaction", 7);
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    for (int i = 0; i < 3; i++) {
        record.value = weir__bytes_text(i == 0 ? "one" : i == 1 ? "" : "three");
        ENDS(WEIR__TXN_OK, weir__producer_add(producer, &record, &err));
    }
    ENDS(WEIR__TXN_OK, weir__producer_flush(producer, &err));
    CHECK(end_offset == 3, "end offset %" PRId64, end_offset);
    reads(cluster, "transaction", 0, false, "", 0); /* where the Java client sends "foobar" */
    ENDS(WEIR__TXN_OK, weir__producer_commit(producer, &err));
    reads(cluster, "transaction", 0, false, "one,,three", 4);
    /* Out of turn: said, and of no use from then on. */
    ENDS(WEIR__TXN_UNKNOWN, weir__producer_commit(producer, &err));
    ENDS(WEIR__TXN_UNKNOWN, weir__producer_begin(producer, &err));
    weir__producer_close(producer);
    weir__cluster_close(cluster);
}

static void zombie(void)
{
    static const char *const values[] = { "mine", NULL };
    weir_cluster *cluster = cluster_of("g-zombie", NULL, 0);
    weir_producer *old = producer_of(cluster, "t-zombie"), *new;
    weir_txn txn;

    create(cluster, "zombie", 1);
    ENDS(WEIR__TXN_OK, weir__producer_begin(old, &err));
    add(old, "zombie", 0, "zombie's", NULL);
    ENDS(WEIR__TXN_OK, weir__producer_flush(old, &err));
    new = producer_of(cluster, "t-zombie");
    transact(new, "zombie", 0, values);
    txn = weir__producer_commit(old, &err);
    CHECK(txn == WEIR__TXN_FENCED && err.code == WEIR_FENCED, "%d: %s", (int)txn, err.message);
    reads(cluster, "zombie", 0, false, "mine", 4);
    weir__producer_close(old);
    weir__producer_close(new);
    weir__cluster_close(cluster);
}

static void old_generation(void)
{
    static const char *const values[] = { "again", NULL };
    weir_cluster *cluster = cluster_of("g-old", NULL, 0);
    weir_producer *producer = producer_of(cluster, "t-old");
    weir_commit_offset at = { .topic = "old_generation", .offset = 0 };
    weir_consumer *both[2];
    weir_group_member *member;
    size_t have[2] = { 2, 0 };

    create(cluster, "old_generation", 2);
    both[0] = member_of(cluster, "old_generation", 2);
    member = weir__consumer_member(both[0]);
    CHECK(member, "it is a member");
    both[1] = consumer_of(cluster, "old_generation", NULL);
    settle(both, 2, 1, have);
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    add(producer, "old_generation", 0, "never", NULL);
    ENDS(WEIR__TXN_REFUSED, weir__producer_offsets(producer, &at, 1, member, &err));
    ENDS(WEIR__TXN_REFUSED, weir__producer_commit(producer, &err)); /* nothing but an abort leads on */
    ENDS(WEIR__TXN_OK, weir__producer_abort(producer, &err));
    transact(producer, "old_generation", 0, values);
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    ENDS(WEIR__TXN_REFUSED, weir__producer_offsets(producer, &at, 1, NULL, &err));
    ENDS(WEIR__TXN_OK, weir__producer_abort(producer, &err));
    {
        char seen[100] = "";
        int64_t end, until = now_ms() + PATIENCE_MS;

        while (!*seen && now_ms() < until) /* where it ends depends on whether what was aborted was sent at all */
            read_all(cluster, "old_generation", 0, false, 0, seen, sizeof seen, &end);
        CHECK(strcmp(seen, "again") == 0, "%s", seen);
    }
    weir__group_member_free(member);
    weir__consumer_close(both[0]);
    weir__consumer_close(both[1]);
    weir__producer_close(producer);
    weir__cluster_close(cluster);
}

static void failures(void)
{
    weir_cluster *cluster = cluster_of("g-failures", NULL, 0);
    weir_producer *producer = producer_of(cluster, "t-failures");
    static char large[2000000];
    weir_produce record = { .topic = "failures", .timestamp_ms = -1, .value = { (uint8_t *)large, sizeof large } };

    create(cluster, "failures", 1);
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    CHECK(weir__producer_add(producer, &record, &err) == WEIR__TXN_FAILED, "a record of 2 MB was taken");
    CHECK(err.code == WEIR_LIMIT && strstr(err.message, "max.message.bytes") && strstr(err.message, "failures"), "%s",
          err.message);
    weir__producer_close(producer);
    producer = producer_of(cluster, "t-failures");
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    record.topic = "nowhere";
    record.value.size = 10;
    ENDS(WEIR__TXN_OK, weir__producer_add(producer, &record, &err));
    CHECK(weir__producer_flush(producer, &err) == WEIR__TXN_FAILED, "%s", err.message);
    CHECK(strstr(err.message, "nknown topic"), "%s", err.message);
    weir__producer_close(producer);
    weir__cluster_close(cluster);
}

/* ---- claims: appender ------------------------------------------------------------------------------------------- */

typedef struct waiting {
    weir_appended appended; /* first */
    int number;
} waiting;

static int told, failed;
static int64_t last_offset;

static void known(weir_appended *appended, const weir_error *why)
{
    waiting *one = (waiting *)appended;

    if (why) {
        failed++;
        return;
    }
    CHECK(one->number == told, "%d was told as number %d", one->number, told);
    CHECK(appended->offset > last_offset, "offset %" PRId64 " behind %" PRId64, appended->offset, last_offset);
    last_offset = appended->offset;
    told++;
}

static void append(weir_appender *appender, const char *topic, waiting *one)
{
    char value[32];

    one->appended.known = known;
    snprintf(value, sizeof value, "%d", one->number);
    DOES(weir__appender_append(appender, topic, 0, weir__bytes_text("key"), weir__bytes_text(value), &one->appended,
                               &err));
}

static void drain(weir_appender *appender)
{
    int64_t until = now_ms() + PATIENCE_MS;

    while (weir__appender_pending(appender)) {
        CHECK(now_ms() < until, "%zu are not told", weir__appender_pending(appender));
        wait_fd(weir__appender_fd(appender), 1000);
        DOES(weir__appender_poll(appender, &err));
    }
}

static void journal(void)
{
    enum { MANY = 20000 };
    static waiting ones[MANY + 10];
    static char large[2000000];
    weir_cluster *cluster = cluster_of("g-journal", NULL, 0);
    weir_appender *appender = NULL;

    last_offset = -1;
    create(cluster, "journal", 1);
    DOES(weir__appender_open(cluster, &appender, &err));
    for (int i = 0; i < MANY; i++) {
        ones[i].number = i;
        append(appender, "journal", &ones[i]);
        if (i % 1000 == 0)
            DOES(weir__appender_poll(appender, &err));
    }
    drain(appender);
    CHECK(told == MANY && failed == 0 && last_offset == MANY - 1, "%d told, %d failed, last offset %" PRId64, told,
          failed, last_offset);
    ones[MANY].appended.known = known;
    CHECK(weir__appender_append(appender, "journal", 0, weir__bytes_text(""), weir__bytes(large, sizeof large),
                                &ones[MANY].appended, &err) == WEIR_LIMIT,
          "%s", err.message);
    CHECK(strstr(err.message, "message.max.bytes"), "%s", err.message);
    /* It outlives brokers that go and come, and keeps the order. */
    ask("kill");
    for (int i = MANY; i < MANY + 5; i++) {
        ones[i].number = i;
        append(appender, "journal", &ones[i]);
    }
    ask("start");
    drain(appender);
    CHECK(told == MANY + 5 && failed == 0, "%d told, %d failed", told, failed);
    ask("kill");
    for (int i = MANY + 5; i < MANY + 10; i++) {
        ones[i].number = i;
        append(appender, "journal", &ones[i]);
    }
    weir__appender_close(appender);
    CHECK(failed == 5, "%d of 5 were told as failed by the closing", failed);
    weir__cluster_close(cluster);
    ask("start");
}

/* ---- claims: reader --------------------------------------------------------------------------------------------- */

static void gap(void)
{
    static const char *const values[] = { "a", "b", "c", NULL };
    weir_cluster *cluster = cluster_of("g-gap", NULL, 0);
    weir_producer *producer = producer_of(cluster, "t-gap");
    weir_reader_options options = { .cluster = cluster, .is_brief = true };
    weir_reader *reader = NULL;
    weir_record records[10];
    int64_t until = now_ms() + PATIENCE_MS;
    size_t count = 0;
    weir_code rc = WEIR_OK;
    bool has_ended = false;

    create(cluster, "gap", 2);
    transact(producer, "gap", 0, values);
    transact(producer, "gap", 1, values);
    DOES(weir__cluster_delete_records(cluster, "gap", 0, 2, &err));
    DOES(weir__reader_open(&options, &reader, &err));
    DOES(weir__reader_add(reader, "gap", 0, 1, 41, &err));
    CHECK(weir__reader_add(reader, "gap", 0, 1, 41, &err) == WEIR_IO, "twice");
    while (rc == WEIR_OK && now_ms() < until)
        rc = weir__reader_poll(reader, 1000, records, 10, &count, &err);
    CHECK(rc == WEIR_UNKNOWN && count == 0, "%s: %s", weir__code_name(rc), err.message);
    CHECK(records[0].topic == 41 && records[0].partition == 0 && records[0].offset == 1, "it names another");
    CHECK(strstr(err.message, "'gap' partition 0: offset 1"), "%s", err.message);
    weir__reader_remove(reader, "gap", 0);
    DOES(weir__reader_add(reader, "gap", 0, 2, 42, &err));
    DOES(weir__reader_add(reader, "gap", 1, 100, 43, &err)); /* behind the end */
    rc = WEIR_OK;
    for (size_t seen = 0; (rc == WEIR_OK || !has_ended) && now_ms() < until;) {
        weir_code now = weir__reader_poll(reader, 1000, records, 10, &count, &err);

        if (now != WEIR_OK) {
            CHECK(now == WEIR_UNKNOWN && records[0].topic == 43 && records[0].offset == 100, "%s", err.message);
            rc = now;
            continue;
        }
        for (size_t i = 0; i < count; i++, seen++) {
            CHECK(records[i].topic == 42, "of another");
            CHECK(records[i].is_end ? records[i].offset == 4 && seen == 1 : records[i].offset == 2, "offset %" PRId64,
                  records[i].offset);
            has_ended = has_ended || records[i].is_end;
        }
    }
    CHECK(rc == WEIR_UNKNOWN && has_ended, "no gap was told of");
    weir__reader_close(reader);
    weir__producer_close(producer);
    weir__cluster_close(cluster);
}

/* Follows a partition: an end each time, and nothing of what was removed. */
static void follow(void)
{
    static const char *const values[] = { "a", NULL };
    weir_cluster *cluster = cluster_of("g-follow", NULL, 0);
    weir_producer *producer = producer_of(cluster, "t-follow");
    weir_reader_options options = { .cluster = cluster };
    weir_reader *reader = NULL;
    int64_t until = now_ms() + PATIENCE_MS;

    create(cluster, "follow", 1);
    DOES(weir__reader_open(&options, &reader, &err));
    DOES(weir__reader_add(reader, "follow", 0, 0, 1, &err));
    for (int64_t turn = 0; turn < 4; turn++) {
        bool has_ended = false;

        while (!has_ended) {
            weir_record records[10];
            size_t count = 0;

            CHECK(now_ms() < until, "no end %" PRId64, turn);
            wait_fd(weir__reader_fd(reader), 1000);
            DOES(weir__reader_poll(reader, 0, records, 1, &count, &err)); /* one at a time: the fd stays readable */
            if (count && records[0].is_end) {
                CHECK(records[0].offset <= turn * 2, "end %" PRId64, records[0].offset);
                has_ended = records[0].offset == turn * 2;
            }
        }
        transact(producer, "follow", 0, values);
    }
    weir__reader_close(reader);
    weir__producer_close(producer);
    weir__cluster_close(cluster);
}

/* ---- claims: consumer ------------------------------------------------------------------------------------------- */

static void counted(weir_appended *appended, const weir_error *why)
{
    (void)appended;
    CHECK(!why, "%s", why->message);
}

static void fill(weir_cluster *cluster, const char *topic, int partitions, int each)
{
    weir_appender *appender = NULL;
    weir_appended *ones = calloc((size_t)(partitions * each), sizeof *ones);

    CHECK(ones, "no memory");
    DOES(weir__appender_open(cluster, &appender, &err));
    for (int i = 0; i < partitions * each; i++) {
        ones[i].known = counted;
        DOES(weir__appender_append(appender, topic, i % partitions, weir__bytes_text("k"), weir__bytes_text("value"),
                                   &ones[i], &err));
    }
    drain(appender);
    weir__appender_close(appender);
    free(ones);
}

static void hold(void)
{
    enum { PARTITIONS = 3, EACH = 20000 };
    weir_cluster *cluster = cluster_of("g-hold", NULL, 0);
    weir_consumer *consumer;
    int64_t next[PARTITIONS], until = now_ms() + PATIENCE_MS;
    size_t total = 0;
    int holds = 0;
    unsigned seed = 1;

    create(cluster, "hold", PARTITIONS);
    fill(cluster, "hold", PARTITIONS, EACH);
    consumer = member_of(cluster, "hold", PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++) {
        next[i] = i * 10;
        start(consumer, (weir_assigned){ 0, i }, next[i]);
    }
    while (total < PARTITIONS * EACH - 30) {
        weir_record records[BATCH];
        size_t count = 0, most = 1 + (size_t)rand_r(&seed) % BATCH;

        CHECK(now_ms() < until, "%zu of %d have come", total, PARTITIONS * EACH - 30);
        wait_fd(weir__consumer_fd(consumer), 1000);
        DOES(weir__consumer_poll(consumer, records, most, &count, &err));
        for (size_t i = 0; i < count; i++) {
            CHECK(records[i].offset == next[records[i].partition], "partition %d: offset %" PRId64 ", not %" PRId64,
                  (int)records[i].partition, records[i].offset, next[records[i].partition]);
            next[records[i].partition]++;
        }
        total += count;
        weir__consumer_done(consumer);
        if (count && rand_r(&seed) % 8 == 0) {
            DOES(weir__consumer_hold(consumer, true, &err));
            for (int i = 0; i < 3; i++) {
                DOES(weir__consumer_poll(consumer, records, BATCH, &count, &err));
                CHECK(count == 0, "%zu records while it holds", count);
                wait_fd(weir__consumer_fd(consumer), rand_r(&seed) % 5);
            }
            DOES(weir__consumer_hold(consumer, false, &err));
            holds++;
        }
    }
    CHECK(weir__consumer_high_watermark(consumer, (weir_assigned){ 0, 1 }) == EACH, "watermark %" PRId64,
          weir__consumer_high_watermark(consumer, (weir_assigned){ 0, 1 }));
    CHECK(weir__consumer_high_watermark(consumer, (weir_assigned){ 4, 1 }) == -1, "of no topic");
    CHECK(holds > 5, "%d holds only", holds);
    printf("# %d holds, %zu records\n", holds, total);
    weir__consumer_close(consumer);
    weir__cluster_close(cluster);
}

static void rebalance(void)
{
    weir_cluster *cluster = cluster_of("g-rebalance", NULL, 0);
    weir_consumer *both[2];
    const weir_rebalance *told_of = NULL;
    size_t have[2] = { 4, 0 };
    int64_t until = now_ms() + PATIENCE_MS;
    uint64_t before;

    create(cluster, "rebalance", 4);
    both[0] = consumer_of(cluster, "rebalance", NULL);
    CHECK(!weir__consumer_member(both[0]), "a member before it has joined");
    CHECK(!weir__consumer_is_assigned(both[0]), "assigned before it has joined");
    CHECK(weir__consumer_start(both[0], (weir_assigned){ 0, 0 }, 0, &err) == WEIR_IO, "a start of what is not ours");
    have[0] = 0;
    settle(both, 1, 4, have);
    CHECK(weir__consumer_is_assigned(both[0]), "not assigned");
    before = weir__consumer_rebalances(both[0]);
    both[1] = consumer_of(cluster, "rebalance", NULL);
    while (!told_of) { /* and does not answer */
        CHECK(now_ms() < until, "no rebalance");
        idle(both[0]);
        idle(both[1]);
        told_of = weir__consumer_rebalance(both[0]);
    }
    CHECK(told_of->kind == WEIR__REBALANCE_REVOKE && told_of->count == 2, "kind %d, %zu partitions",
          (int)told_of->kind, told_of->count);
    CHECK(weir__consumer_rebalances(both[0]) == before + 1, "it does not count");
    /* It is ours until it is answered: the other gets nothing, and a start is possible. */
    start(both[0], told_of->partitions[0], 0);
    for (int i = 0; i < 20; i++) {
        idle(both[0]);
        idle(both[1]);
        CHECK(weir__consumer_rebalance(both[0]) == told_of, "another stands in front");
    }
    CHECK(!weir__consumer_rebalance(both[1]) || weir__consumer_rebalance(both[1])->count == 0, "given away unasked");
    settle(both, 2, 2, have);
    weir__consumer_close(both[1]);
    have[1] = 0;
    settle(both, 1, 4, have); /* it has left: its partitions come back at once */
    weir__consumer_close(both[0]);
    weir__cluster_close(cluster);
}

static void static_member(void)
{
    weir_cluster *cluster = cluster_of("g-static", NULL, 0);
    weir_consumer *old, *new;
    size_t have = 0;
    int64_t until = now_ms() + PATIENCE_MS;
    weir_code rc = WEIR_OK;

    create(cluster, "static_member", 2);
    old = consumer_of(cluster, "static_member", "here-0");
    settle(&old, 1, 2, &have);
    new = consumer_of(cluster, "static_member", "here-0");
    have = 0;
    settle(&new, 1, 2, &have);
    while (rc == WEIR_OK && now_ms() < until) {
        weir_record records[10];
        size_t count;

        wait_fd(weir__consumer_fd(old), 1000);
        rc = weir__consumer_poll(old, records, 10, &count, &err);
    }
    CHECK(rc == WEIR_FENCED && err.remedy == WEIR_REMEDY_STOP, "%s: %s", weir__code_name(rc), err.message);
    weir__consumer_close(old);
    weir__consumer_close(new);
    /* It has not left: who comes by that name has its partitions back without a rebalance of others. */
    have = 0;
    new = consumer_of(cluster, "static_member", "here-0");
    settle(&new, 1, 2, &have);
    weir__consumer_close(new);
    weir__cluster_close(cluster);
}

static void out_of_range(void)
{
    weir_cluster *cluster = cluster_of("g-range", NULL, 0);
    weir_consumer *consumer;
    int64_t until = now_ms() + PATIENCE_MS;
    weir_code rc = WEIR_OK;

    create(cluster, "out_of_range", 1);
    consumer = member_of(cluster, "out_of_range", 1);
    start(consumer, (weir_assigned){ 0, 0 }, 1000);
    while (rc == WEIR_OK && now_ms() < until) {
        weir_record records[10];
        size_t count;

        wait_fd(weir__consumer_fd(consumer), 1000);
        rc = weir__consumer_poll(consumer, records, 10, &count, &err);
    }
    CHECK(rc == WEIR_IO && strstr(err.message, "offset 1000 is not in the log"), "%s", err.message);
    weir__consumer_close(consumer);
    weir__cluster_close(cluster);
}

/* ---- claims: brokers that go and come --------------------------------------------------------------------------- */

static void away(void)
{
    static const char *const sets[] = { "kafka.transaction.timeout.ms=3000", NULL };
    weir_cluster *cluster = cluster_of("g-away", sets, 1000);
    weir_producer *producer = producer_of(cluster, "t-away");
    weir_reader_options options = { .cluster = cluster, .is_brief = true };
    weir_reader *reader = NULL;
    weir_consumer *consumer;
    weir_topic_facts facts;
    weir_record records[10];
    weir_code rc;
    size_t count, seen = 0;
    int64_t until, begun, first = -1;
    bool is_unreachable = false;

    create(cluster, "away", 1);
    consumer = member_of(cluster, "away", 1);
    start(consumer, (weir_assigned){ 0, 0 }, 0);
    DOES(weir__reader_open(&options, &reader, &err));
    DOES(weir__reader_add(reader, "away", 0, 0, 0, &err));
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    add(producer, "away", 0, "in doubt", &first);
    ENDS(WEIR__TXN_OK, weir__producer_flush(producer, &err));
    ask("kill");
    begun = now_ms();
    ENDS(WEIR__TXN_UNKNOWN, weir__producer_commit(producer, &err));
    CHECK(now_ms() - begun < 10000, "the commit took %" PRId64 " ms", now_ms() - begun);
    CHECK(weir__cluster_describe(cluster, "away", &facts, &err) == WEIR_UNREACHABLE, "%s", err.message);
    CHECK(err.remedy == WEIR_REMEDY_RETRY, "%s", err.message);
    for (until = now_ms() + PATIENCE_MS; !is_unreachable && now_ms() < until;) {
        wait_fd(weir__consumer_fd(consumer), 100);
        rc = weir__consumer_poll(consumer, records, 10, &count, &err);
        CHECK(rc == WEIR_OK || (rc == WEIR_UNREACHABLE && count == 0), "%s", err.message);
        is_unreachable = rc == WEIR_UNREACHABLE;
    }
    CHECK(is_unreachable, "the consumer does not tell");
    for (is_unreachable = false; !is_unreachable && now_ms() < until;) {
        rc = weir__reader_poll(reader, 100, records, 10, &count, &err);
        CHECK(rc == WEIR_OK || rc == WEIR_UNREACHABLE, "%s", err.message);
        is_unreachable = rc == WEIR_UNREACHABLE;
    }
    CHECK(is_unreachable, "the reader does not tell");
    begun = now_ms();
    weir__producer_close(producer);
    CHECK(now_ms() - begun < 8000, "the closing took %" PRId64 " ms", now_ms() - begun);
    DOES(weir__producer_open(cluster, "t-away", &producer, &err));
    begun = now_ms();
    ENDS(WEIR__TXN_UNKNOWN, weir__producer_init(producer, 1000, &err));
    CHECK(now_ms() - begun < 5000, "the init took %" PRId64 " ms", now_ms() - begun);
    ask("start");
    until = now_ms() + PATIENCE_MS;
    while (weir__producer_init(producer, 5000, &err) != WEIR__TXN_OK)
        CHECK(now_ms() < until, "%s", err.message);
    ENDS(WEIR__TXN_OK, weir__producer_begin(producer, &err));
    add(producer, "away", 0, "after", NULL);
    ENDS(WEIR__TXN_OK, weir__producer_commit(producer, &err));
    for (seen = 0; !seen;) {
        CHECK(now_ms() < until, "the reader does not go on");
        rc = weir__reader_poll(reader, 100, records, 10, &count, &err);
        CHECK(rc == WEIR_OK || rc == WEIR_UNREACHABLE, "%s", err.message);
        for (size_t i = 0; i < count; i++)
            seen += records[i].value.size == 5 && memcmp(records[i].value.data, "after", 5) == 0;
    }
    for (seen = 0; !seen;) {
        CHECK(now_ms() < until, "the consumer does not go on");
        wait_fd(weir__consumer_fd(consumer), 100);
        rc = weir__consumer_poll(consumer, records, 10, &count, &err);
        CHECK(rc == WEIR_OK || rc == WEIR_UNREACHABLE, "%s", err.message);
        for (size_t i = 0; i < count; i++)
            seen += records[i].value.size == 5 && memcmp(records[i].value.data, "after", 5) == 0;
    }
    ask("kill"); /* and everything closes all the same */
    begun = now_ms();
    weir__reader_close(reader);
    weir__consumer_close(consumer);
    weir__producer_close(producer);
    weir__cluster_close(cluster);
    CHECK(now_ms() - begun < 15000, "the closing took %" PRId64 " ms", now_ms() - begun);
    printf("# closed in %" PRId64 " ms, %zu left\n", now_ms() - begun, weir__producers_left());
    ask("start");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*show)(void);
    } claims[] = { { "topics", topics },
                   { "ends", ends },
                   { "committed", committed },
                   { "transaction", transaction },
                   { "zombie", zombie },
                   { "old_generation", old_generation },
                   { "failures", failures },
                   { "journal", journal },
                   { "gap", gap },
                   { "follow", follow },
                   { "hold", hold },
                   { "rebalance", rebalance },
                   { "static_member", static_member },
                   { "out_of_range", out_of_range },
                   { "away", away } };

    CHECK(argc == 3, "usage: kafka-clients BROKERS CLAIM");
    if (getenv("WEIR_TEST_LOG"))
        weir__log_configure(WEIR__LOG_DEBUG, WEIR__LOG_TEXT);
    brokers = argv[1];
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        if (strcmp(claims[i].name, argv[2]) == 0) {
            claims[i].show();
            weir__config_free(config);
            return 0;
        }
    CHECK(false, "no claim '%s'", argv[2]);
}
