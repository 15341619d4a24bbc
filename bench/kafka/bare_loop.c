/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyed count as one would write it by hand on librdkafka, with the same writes as weir: outputs, a changelog with
 * each key's last count per commit, offsets, all in one transaction; then the same counts into SQLite. One loop, one
 * thread of ours. It recovers nothing: it is what the others' rates and latencies are compared with.
 *
 *   bare_loop BROKERS IN OUT CHANGELOG GROUP STATE_FILE COMMIT_MS same|plain      until SIGTERM
 *
 * `same`: outputs carry the input's time and headers as weir's do; `plain`: key and value only.
 */
#include <inttypes.h>
#include <signal.h>

#include <sqlite3.h>
#include <xxhash.h>
#include <yyjson.h>

#include "records.h"

enum { PATIENCE_MS = 60000, BATCH = 1000, MOST_PARTITIONS = 64, OUTPUT_BYTES = 128, POOL_BYTES = 16384 };

static volatile sig_atomic_t stopped;

/* One key of one partition, in a table with open addressing. */
typedef struct slot {
    char key[64];
    uint32_t size; /* 0: free */
    int32_t partition;
    int64_t count;
    bool is_dirty;
} slot;

typedef struct counter {
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue;
    rd_kafka_topic_t *out, *changelog;
    const char *in;
    sqlite3 *db;
    sqlite3_stmt *put, *put_offset, *begin, *commit;
    slot *cells;
    size_t mask, used;
    size_t *dirty, dirty_count; /* places of cells; room for as many as may be used */
    int64_t next[MOST_PARTITIONS]; /* the offset behind the last record; -1: none since the last commit */
    bool is_open;                  /* a transaction */
    bool is_plain;                 /* outputs go without the headers that weir's have */
} counter;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static void expect_done(rd_kafka_error_t *error, const char *doing)
{
    if (error)
        die(doing, rd_kafka_error_string(error));
}

static void expect_sqlite(counter *loop, int code, const char *doing)
{
    if (code != SQLITE_OK && code != SQLITE_DONE)
        die(doing, sqlite3_errmsg(loop->db));
}

static void open_store(counter *loop, const char *path)
{
    /* A lost tail is in the changelog, so that a sync at each commit is not needed. */
    static const char schema[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA locking_mode=EXCLUSIVE;"
                                 "CREATE TABLE cells(partition INTEGER, key BLOB, count INTEGER,"
                                 " PRIMARY KEY(partition, key)) WITHOUT ROWID;"
                                 "CREATE TABLE offsets(partition INTEGER PRIMARY KEY, next INTEGER);";
    struct {
        sqlite3_stmt **out;
        const char *text;
    } statements[] = {
        { &loop->put, "INSERT INTO cells VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET count = ?3" },
        { &loop->put_offset, "INSERT INTO offsets VALUES(?1, ?2) ON CONFLICT DO UPDATE SET next = ?2" },
        { &loop->begin, "BEGIN IMMEDIATE" },
        { &loop->commit, "COMMIT" },
    };

    expect_sqlite(loop, sqlite3_open(path, &loop->db), "open");
    expect_sqlite(loop, sqlite3_exec(loop->db, schema, NULL, NULL, NULL), "schema");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        expect_sqlite(loop, sqlite3_prepare_v2(loop->db, statements[i].text, -1, statements[i].out, NULL), "prepare");
}

static void step(counter *loop, sqlite3_stmt *statement)
{
    expect_sqlite(loop, sqlite3_step(statement), "step");
    (void)sqlite3_reset(statement); /* says again what step said */
}

static size_t place_of(const counter *loop, const char *key, size_t size, int32_t partition)
{
    size_t i = XXH3_64bits_withSeed(key, size, (uint64_t)partition) & loop->mask;

    while (loop->cells[i].size && (loop->cells[i].size != size || loop->cells[i].partition != partition ||
                                   memcmp(loop->cells[i].key, key, size) != 0))
        i = (i + 1) & loop->mask;
    return i;
}

static void grow(counter *loop)
{
    slot *old = loop->cells;
    size_t places = loop->mask + 1;

    /* Places change, so only where nothing is dirty: after a commit. */
    loop->mask = 2 * places - 1;
    loop->cells = need(calloc(2 * places, sizeof *loop->cells));
    loop->dirty = need(realloc(loop->dirty, 2 * places * sizeof *loop->dirty));
    for (size_t i = 0; i < places; i++)
        if (old[i].size)
            loop->cells[place_of(loop, old[i].key, old[i].size, old[i].partition)] = old[i];
    free(old);
}

static void commit(counter *loop)
{
    rd_kafka_topic_partition_list_t *offsets;
    rd_kafka_consumer_group_metadata_t *group;

    if (!loop->is_open)
        return;
    for (size_t i = 0; i < loop->dirty_count; i++) {
        const slot *cell = &loop->cells[loop->dirty[i]];

        produce(loop->producer, loop->changelog, cell->partition, cell->key, cell->size, &cell->count,
                sizeof cell->count);
    }
    offsets = need(rd_kafka_topic_partition_list_new(MOST_PARTITIONS));
    for (int32_t i = 0; i < MOST_PARTITIONS; i++)
        if (loop->next[i] >= 0)
            rd_kafka_topic_partition_list_add(offsets, loop->in, i)->offset = loop->next[i];
    group = need(rd_kafka_consumer_group_metadata(loop->consumer));
    expect_done(rd_kafka_send_offsets_to_transaction(loop->producer, offsets, group, PATIENCE_MS), "offsets");
    expect_done(rd_kafka_commit_transaction(loop->producer, PATIENCE_MS), "commit");
    rd_kafka_consumer_group_metadata_destroy(group);

    step(loop, loop->begin);
    for (size_t i = 0; i < loop->dirty_count; i++) {
        slot *cell = &loop->cells[loop->dirty[i]];

        (void)sqlite3_bind_int(loop->put, 1, cell->partition);
        (void)sqlite3_bind_blob(loop->put, 2, cell->key, (int)cell->size, SQLITE_STATIC);
        (void)sqlite3_bind_int64(loop->put, 3, cell->count);
        step(loop, loop->put);
        cell->is_dirty = false;
    }
    for (int i = 0; i < offsets->cnt; i++) {
        (void)sqlite3_bind_int(loop->put_offset, 1, offsets->elems[i].partition);
        (void)sqlite3_bind_int64(loop->put_offset, 2, offsets->elems[i].offset);
        step(loop, loop->put_offset);
        loop->next[offsets->elems[i].partition] = -1;
    }
    step(loop, loop->commit);
    rd_kafka_topic_partition_list_destroy(offsets);
    loop->dirty_count = 0;
    loop->is_open = false;
    if (loop->used > loop->mask / 4)
        grow(loop);
}

/* An output as weir's are: with the input's time, and headers that say which input it comes from. */
static void produce_named(counter *loop, const rd_kafka_message_t *message, const void *key, size_t key_size,
                          const void *value, size_t size)
{
    /* A topic's id is 22 characters of text; which ones makes no difference here. */
    char run[64];
    int run_size = snprintf(run, sizeof run, "AAAAAAAAAAAAAAAAAAAAAA/%" PRId32 "/%" PRId64, message->partition,
                            message->offset);
    rd_kafka_headers_t *headers = need(rd_kafka_headers_new(2)); /* taken once it is sent */
    rd_kafka_vu_t words[] = {
        { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = loop->out },
        { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = RD_KAFKA_PARTITION_UA },
        { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)key, key_size } },
        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)(uintptr_t)value, size } },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
        { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = rd_kafka_message_timestamp(message, NULL) },
        { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers },
    };

    expect(rd_kafka_header_add(headers, "weir-run", 8, run, run_size), "header");
    expect(rd_kafka_header_add(headers, "weir-seq", 8, "0", 1), "header");
    produce_words(loop->producer, words, sizeof words / sizeof *words);
}

static void count(counter *loop, const rd_kafka_message_t *message, yyjson_alc *pool)
{
    yyjson_doc *doc = yyjson_read_opts(message->payload, message->len, 0, pool, NULL);
    yyjson_val *key = yyjson_obj_get(yyjson_doc_get_root(doc), "key");
    size_t size = yyjson_get_len(key), place;
    char output[OUTPUT_BYTES];
    slot *cell;
    int length;

    if (!size || size > sizeof cell->key)
        die("record", "has no key of up to 64 bytes");
    if (!loop->is_open) {
        expect_done(rd_kafka_begin_transaction(loop->producer), "begin");
        loop->is_open = true;
    }
    place = place_of(loop, yyjson_get_str(key), size, message->partition);
    cell = &loop->cells[place];
    if (!cell->size) {
        memcpy(cell->key, yyjson_get_str(key), size);
        cell->size = (uint32_t)size;
        cell->partition = message->partition;
        loop->used++;
    }
    cell->count++;
    if (!cell->is_dirty) {
        cell->is_dirty = true;
        loop->dirty[loop->dirty_count++] = place;
    }
    length = snprintf(output, sizeof output, "{\"key\":\"%.*s\",\"count\":%" PRId64 "}", (int)size, cell->key,
                      cell->count);
    if (loop->is_plain)
        produce(loop->producer, loop->out, RD_KAFKA_PARTITION_UA, cell->key, size, output, (size_t)length);
    else
        produce_named(loop, message, cell->key, size, output, (size_t)length);
    loop->next[message->partition] = message->offset + 1;
    yyjson_doc_free(doc);
    if (loop->used > loop->mask / 2) /* the table is full before the interval is over */
        commit(loop);
}

static void run(counter *loop, int64_t interval_ns)
{
    static char memory[POOL_BYTES];
    rd_kafka_message_t *batch[BATCH];
    int64_t due_ns = now_ns() + interval_ns;
    yyjson_alc pool;

    if (!yyjson_alc_pool_init(&pool, memory, sizeof memory))
        die("pool", "is too small");
    while (!stopped) {
        int64_t wait_ms = (due_ns - now_ns()) / 1000000;
        /* A batch is waited for until it is full: not for long, or its outputs begin their way late. */
        int most_ms = wait_ms < 0 ? 0 : wait_ms < 5 ? (int)wait_ms : 5;
        ssize_t got = rd_kafka_consume_batch_queue(loop->queue, most_ms, batch, BATCH);

        for (ssize_t i = 0; i < got; i++) {
            expect(batch[i]->err, "consume");
            count(loop, batch[i], &pool);
            rd_kafka_message_destroy(batch[i]);
        }
        (void)rd_kafka_poll(loop->producer, 0);
        if (now_ns() >= due_ns) {
            commit(loop);
            due_ns = now_ns() + interval_ns;
        }
    }
    commit(loop);
}

static rd_kafka_topic_t *topic_of(rd_kafka_t *producer, const char *name)
{
    rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
    char why[256];

    if (rd_kafka_topic_conf_set(conf, "partitioner", "murmur2_random", why, sizeof why) != RD_KAFKA_CONF_OK)
        die("partitioner", why);
    return need(rd_kafka_topic_new(producer, name, conf));
}

static void open_clients(counter *loop, const char *brokers, const char *group)
{
    const char *const consuming[] = { "group.id", group, "auto.offset.reset", "earliest", "enable.auto.commit", "false",
                                      "isolation.level", "read_committed", "fetch.queue.backoff.ms", "5",
                                      "queued.min.messages", "50000", "partition.assignment.strategy",
                                      "range", NULL };
    const char *const producing[] = { "transactional.id", group, "linger.ms", "5", "batch.size", "262144",
                                      "queue.buffering.max.messages", "1000000", NULL };
    rd_kafka_topic_partition_list_t *topics = need(rd_kafka_topic_partition_list_new(1));

    loop->producer = client(RD_KAFKA_PRODUCER, brokers, producing);
    expect_done(rd_kafka_init_transactions(loop->producer, PATIENCE_MS), "init_transactions");
    loop->consumer = client(RD_KAFKA_CONSUMER, brokers, consuming);
    expect(rd_kafka_poll_set_consumer(loop->consumer), "consumer");
    (void)rd_kafka_topic_partition_list_add(topics, loop->in, RD_KAFKA_PARTITION_UA);
    expect(rd_kafka_subscribe(loop->consumer, topics), "subscribe");
    rd_kafka_topic_partition_list_destroy(topics);
    loop->queue = need(rd_kafka_queue_get_consumer(loop->consumer));
}

int main(int argc, char **argv)
{
    counter loop = { .mask = (1 << 16) - 1 };
    struct sigaction action = { .sa_handler = on_signal };

    if (argc != 9)
        die("bare_loop", "usage: bare_loop BROKERS IN OUT CHANGELOG GROUP STATE_FILE COMMIT_MS same|plain");
    (void)sigaction(SIGTERM, &action, NULL);
    loop.in = argv[2];
    loop.is_plain = strcmp(argv[8], "plain") == 0;
    loop.cells = need(calloc(loop.mask + 1, sizeof *loop.cells));
    loop.dirty = need(calloc(loop.mask + 1, sizeof *loop.dirty));
    for (int i = 0; i < MOST_PARTITIONS; i++)
        loop.next[i] = -1;
    open_store(&loop, argv[6]);
    open_clients(&loop, argv[1], argv[5]);
    loop.out = topic_of(loop.producer, argv[3]);
    loop.changelog = topic_of(loop.producer, argv[4]);
    run(&loop, (int64_t)strtol(argv[7], NULL, 10) * 1000000);
    /* A SQLITE_BUSY for statements that are still there is of no interest to a process that ends. */
    (void)sqlite3_close(loop.db);
    (void)rd_kafka_consumer_close(loop.consumer);
    return 0;
}
