/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of the jobs that these benches measure: writes their input, and tells when outputs are committed.
 *
 *   probe BROKERS fill TOPIC RECORDS KEYS          each key once, in turn, and then drawn ones; as fast as it can
 *   probe BROKERS watch TOPIC RECORDS KEYS         see watch()
 *   probe BROKERS flow IN OUT RATE KEYS WARM_MS    see flow()
 *   probe BROKERS verify TOPIC KEYS                "RECORDS WRONG": WRONG outputs are not their key's next count
 *
 * Times are CLOCK_MONOTONIC's, in ns.
 */
#include <inttypes.h>
#include <poll.h>
#include <unistd.h>

#include "records.h"

/* PATIENCE_MS: until silence is taken for a failure. SAMPLE_US: between two looks at the end of what is committed. */
enum { PATIENCE_MS = 120000, SAMPLE_US = 4000, QUIET_MS = 700, MOST_PARTITIONS = 64 };

static uint32_t number_of(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (*end || end == text || number > 100000000)
        die(text, "is not a number from 0 to 100000000");
    return (uint32_t)number;
}

/* The key of the record with this number: all in turn, so that each is there, and then at random. */
static uint32_t key_of_record(uint32_t record, uint32_t keys, uint64_t *seed)
{
    return record < keys ? record : (uint32_t)(draw(seed) % keys);
}

static void fill(const char *brokers, const char *name, uint32_t records, uint32_t keys)
{
    static const char *const settings[] = { "linger.ms", "20", "batch.size", "1000000", "acks", "all",
                                            "enable.idempotence", "true", NULL };
    rd_kafka_t *kafka = client(RD_KAFKA_PRODUCER, brokers, settings);
    rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
    char value[VALUE_BYTES + 1], why[256];
    rd_kafka_topic_t *topic;
    uint64_t seed = 2013;

    /* As the Java client does, so that what it makes of these keys is the same. */
    if (rd_kafka_topic_conf_set(conf, "partitioner", "murmur2_random", why, sizeof why) != RD_KAFKA_CONF_OK)
        die("partitioner", why);
    topic = need(rd_kafka_topic_new(kafka, name, conf));
    for (uint32_t i = 0; i < records; i++) {
        uint32_t key = key_of_record(i, keys, &seed);

        write_record(value, key, i);
        produce(kafka, topic, RD_KAFKA_PARTITION_UA, value + 8, KEY_BYTES, value, VALUE_BYTES);
        if (i % 1000 == 0)
            (void)rd_kafka_poll(kafka, 0);
    }
    expect(rd_kafka_flush(kafka, PATIENCE_MS), "flush");
}

/* Reading what is committed. */

/* A topic that was just made is known before its leaders know of it. That does not last. */
static bool is_being_made(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

static rd_kafka_t *reader(const char *brokers, const char *name, int64_t from, int32_t *partitions)
{
    static const char *const settings[] = { "group.id", "bench-probe", "isolation.level", "read_committed",
                                            "enable.partition.eof", "true", "enable.auto.commit", "false",
                                            "fetch.wait.max.ms", "10", "fetch.queue.backoff.ms", "5", NULL };
    rd_kafka_t *kafka = client(RD_KAFKA_CONSUMER, brokers, settings);
    rd_kafka_topic_partition_list_t *all;

    expect(rd_kafka_poll_set_consumer(kafka), "consumer");
    *partitions = partitions_of(kafka, name);
    if (*partitions > MOST_PARTITIONS)
        die(name, "has too many partitions");
    all = need(rd_kafka_topic_partition_list_new(*partitions));
    for (int32_t i = 0; i < *partitions; i++) {
        int64_t low, high;

        /* A number, so that nothing that is written from now on is missed. A read_committed client's is the last
         * stable one. */
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(kafka, name, i, &low, &high, 30000);

        while (is_being_made(code)) {
            (void)usleep(SAMPLE_US);
            code = rd_kafka_query_watermark_offsets(kafka, name, i, &low, &high, 30000);
        }
        expect(code, "offsets");
        rd_kafka_topic_partition_list_add(all, name, i)->offset = from == RD_KAFKA_OFFSET_END ? high : low;
    }
    expect(rd_kafka_assign(kafka, all), "assign");
    rd_kafka_topic_partition_list_destroy(all);
    return kafka;
}

/* Outputs as they come: each is to be the next count of its key. */
typedef struct outputs {
    int64_t *last; /* by key: the last count, 0: none yet */
    bool is_whole; /* from the topic's beginning: a first count is 1 */
    uint32_t keys;
    int64_t records, wrong;
} outputs;

/* The key's number, or UINT32_MAX. */
static uint32_t take(outputs *tally, const rd_kafka_message_t *message)
{
    uint32_t key = key_number(message->key, message->key_len);
    int64_t count = count_of(message->payload, message->len), last;

    tally->records++;
    if (key >= tally->keys) {
        tally->wrong++;
        return UINT32_MAX;
    }
    last = tally->last[key];
    if (count < 0 || (count != last + 1 && (last > 0 || tally->is_whole)))
        tally->wrong++;
    tally->last[key] = count;
    return key;
}

/* The whole topic. `ends`: by partition, the offset behind the last record. */
static void read_all(const char *brokers, const char *name, outputs *tally, int64_t *ends)
{
    int32_t partitions, left;
    rd_kafka_t *kafka = reader(brokers, name, RD_KAFKA_OFFSET_BEGINNING, &partitions);
    rd_kafka_queue_t *queue = need(rd_kafka_queue_get_consumer(kafka));
    bool ended[MOST_PARTITIONS] = { false };
    rd_kafka_message_t *batch[1000];
    int64_t moved_ns = now_ns();

    for (left = partitions; left > 0;) {
        /* A batch is waited for until it is full. */
        ssize_t count = rd_kafka_consume_batch_queue(queue, 5, batch, sizeof batch / sizeof *batch);

        if (count > 0)
            moved_ns = now_ns();
        else if (now_ns() - moved_ns > (int64_t)PATIENCE_MS * 1000000)
            die("read", "no answer");
        for (ssize_t i = 0; i < count; i++) {
            if (batch[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                left -= !ended[batch[i]->partition];
                ended[batch[i]->partition] = true;
            } else {
                expect(batch[i]->err, "read");
                (void)take(tally, batch[i]);
                ends[batch[i]->partition] = batch[i]->offset + 1;
            }
            rd_kafka_message_destroy(batch[i]);
        }
    }
    rd_kafka_queue_destroy(queue);
    (void)rd_kafka_consumer_close(kafka);
    rd_kafka_destroy(kafka);
}

static outputs new_tally(uint32_t keys, bool is_whole)
{
    outputs tally = { .keys = keys, .is_whole = is_whole };

    tally.last = need(calloc(keys ? keys : 1, sizeof *tally.last));
    return tally;
}

static void verify(const char *brokers, const char *name, uint32_t keys)
{
    int64_t ends[MOST_PARTITIONS] = { 0 };
    outputs tally = new_tally(keys, true);

    read_all(brokers, name, &tally, ends);
    (void)printf("%" PRId64 " %" PRId64 "\n", tally.records, tally.wrong);
}

/*
 * Watching without reading, since a reader at full rate would take a good part of the machine from what is measured:
 * how far a read_committed reader may see is sampled, and the topic is read when that stands still. Only then is known
 * which of the offsets are records and which the markers of transactions, and which sample was the first that held all.
 */
typedef struct sample {
    int64_t at_ns, stable[MOST_PARTITIONS], sum;
} sample;

/* How far a reader may see now, in each partition: one request. False: the topic is being made. */
static bool look(rd_kafka_t *kafka, const char *name, int32_t partitions, rd_kafka_queue_t *queue, sample *out)
{
    rd_kafka_topic_partition_list_t *asked = need(rd_kafka_topic_partition_list_new(partitions));
    rd_kafka_AdminOptions_t *options = need(rd_kafka_AdminOptions_new(kafka, RD_KAFKA_ADMIN_OP_LISTOFFSETS));
    const rd_kafka_ListOffsetsResultInfo_t **infos;
    rd_kafka_event_t *event;
    rd_kafka_error_t *error;
    bool is_there = true;
    size_t count;

    for (int32_t i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(asked, name, i)->offset = RD_KAFKA_OFFSET_SPEC_LATEST;
    error = rd_kafka_AdminOptions_set_isolation_level(options, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED);
    if (error)
        die("isolation level", rd_kafka_error_string(error));
    rd_kafka_ListOffsets(kafka, asked, options, queue);
    event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    if (!event)
        die("offsets", "no answer");
    expect(rd_kafka_event_error(event), "offsets");
    out->at_ns = now_ns();
    out->sum = 0;
    infos = rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *one = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);

        if (is_being_made(one->err)) {
            is_there = false;
            continue;
        }
        expect(one->err, "offsets");
        out->stable[one->partition] = one->offset;
        out->sum += one->offset;
    }
    rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_topic_partition_list_destroy(asked);
    return is_there;
}

/*
 * From a topic that is empty until it holds so many outputs that are committed. Prints "ready", and then, at the end,
 * "FIRST_NS LAST_NS RECORDS WRONG FIRST_RECORDS": when the first was seen to be there, when all were, and how many,
 * markers among them, the first sight had.
 */
static void watch(const char *brokers, const char *name, uint32_t records, uint32_t keys)
{
    static const char *const settings[] = { NULL };
    rd_kafka_t *kafka = client(RD_KAFKA_PRODUCER, brokers, settings);
    rd_kafka_queue_t *queue = need(rd_kafka_queue_new(kafka));
    int32_t partitions = partitions_of(kafka, name);
    size_t count = 0, size = 0;
    sample *samples = NULL, now;
    outputs tally;

    if (partitions > MOST_PARTITIONS)
        die(name, "has too many partitions");
    memset(&now, 0, sizeof now);
    while (!look(kafka, name, partitions, queue, &now))
        (void)usleep(SAMPLE_US);
    if (now.sum)
        die(name, "is not empty");
    (void)printf("ready\n");
    (void)fflush(stdout);
    for (int64_t moved_ns = now.at_ns;;) {
        (void)look(kafka, name, partitions, queue, &now);
        if (count == 0 ? now.sum > 0 : now.sum > samples[count - 1].sum) {
            if (count == size) {
                size = size ? 2 * size : 1024;
                samples = need(realloc(samples, size * sizeof *samples));
            }
            samples[count++] = now;
            moved_ns = now.at_ns;
        }
        if (now.at_ns - moved_ns > (int64_t)PATIENCE_MS * 1000000)
            die(name, "no more outputs come");
        if (now.sum >= records && now.at_ns - moved_ns > (int64_t)QUIET_MS * 1000000) {
            int64_t ends[MOST_PARTITIONS] = { 0 };
            size_t first = 0;

            tally = new_tally(keys, true);
            read_all(brokers, name, &tally, ends);
            if (tally.records < records) { /* markers alone made the sum that large */
                free(tally.last);
                moved_ns = now_ns();
                continue;
            }
            for (int32_t i = 0; i < partitions; i++)
                while (samples[first].stable[i] < ends[i])
                    first++;
            (void)printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", samples[0].at_ns,
                         samples[first].at_ns, tally.records, tally.wrong, samples[0].sum);
            return;
        }
        (void)usleep(SAMPLE_US); /* there is nothing to wait for: a broker does not tell that something was committed */
    }
}

/* Inputs at a steady rate, and outputs as a read_committed consumer sees them, in one thread. */
typedef struct flow_state {
    outputs tally;
    int64_t *sent_ns;  /* by input */
    uint32_t *next;    /* by input: the next one of the same key, or UINT32_MAX */
    uint32_t *waiting; /* by key: the oldest input without an output, or UINT32_MAX */
    uint32_t *newest;  /* by key */
    uint32_t sent, seen;
    int64_t warm_ns; /* outputs of inputs sent before are in no figure */
    int64_t *took_ns;
    size_t took;
} flow_state;

enum { MOST_FLOW = 4000000 };

static void send_one(flow_state *flow, rd_kafka_t *kafka, rd_kafka_topic_t *topic, uint64_t *seed)
{
    uint32_t key = (uint32_t)(draw(seed) % flow->tally.keys), number = flow->sent;
    char value[VALUE_BYTES + 1];

    if (number == MOST_FLOW)
        die("flow", "it went on for too long");
    write_record(value, key, number);
    flow->next[number] = UINT32_MAX;
    if (flow->waiting[key] == UINT32_MAX)
        flow->waiting[key] = number;
    else
        flow->next[flow->newest[key]] = number;
    flow->newest[key] = number;
    flow->sent_ns[number] = now_ns();
    flow->sent++;
    produce(kafka, topic, RD_KAFKA_PARTITION_UA, value + 8, KEY_BYTES, value, VALUE_BYTES);
}

/* Takes what has come, waiting for it so long; prints "out NS OUTPUTS" if something has. */
static void see(flow_state *flow, rd_kafka_queue_t *queue, int wait_ms)
{
    rd_kafka_message_t *batch[1000];
    ssize_t count = rd_kafka_consume_batch_queue(queue, wait_ms, batch, sizeof batch / sizeof *batch);
    int64_t at_ns = now_ns();
    int seen = 0;

    for (ssize_t i = 0; i < count; i++) {
        if (!batch[i]->err) {
            uint32_t key = take(&flow->tally, batch[i]);
            uint32_t number = key == UINT32_MAX ? key : flow->waiting[key];

            seen++;
            flow->seen++;
            if (number == UINT32_MAX) {
                flow->tally.wrong++; /* an output too many, or of no key of ours */
            } else {
                flow->waiting[key] = flow->next[number];
                if (flow->sent_ns[number] >= flow->warm_ns)
                    flow->took_ns[flow->took++] = at_ns - flow->sent_ns[number];
            }
        }
        rd_kafka_message_destroy(batch[i]);
    }
    if (seen)
        (void)printf("out %" PRId64 " %d\n", at_ns, seen);
    (void)fflush(stdout);
}

static int by_size(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

static bool stdin_has_ended(void)
{
    struct pollfd input = { .fd = 0, .events = POLLIN };
    char byte;

    return poll(&input, 1, 0) > 0 && read(0, &byte, 1) <= 0;
}

/*
 * Writes RATE inputs a second until its stdin ends, and then waits for all their outputs. Prints "ready", "out" lines,
 * and at the end "done SENT SEEN WRONG P50_US P99_US": from before an input was given to the producer until its output
 * was read, for those that were sent WARM_MS after the start or later.
 */
static void flow(const char *brokers, const char *in, const char *out, uint32_t rate, uint32_t keys, uint32_t warm_ms)
{
    static const char *const settings[] = { "linger.ms", "0", "acks", "all", "enable.idempotence", "true", NULL };
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, brokers, settings), *consumer;
    rd_kafka_topic_conf_t *conf = rd_kafka_topic_conf_new();
    flow_state flow = { .tally = new_tally(keys, false) };
    int64_t began_ns, quiet_ns, percent[2] = { 0, 0 };
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    uint64_t seed = 1356998400;
    int32_t partitions;
    char why[256];

    if (rd_kafka_topic_conf_set(conf, "partitioner", "murmur2_random", why, sizeof why) != RD_KAFKA_CONF_OK)
        die("partitioner", why);
    topic = need(rd_kafka_topic_new(producer, in, conf));
    (void)partitions_of(producer, in);
    consumer = reader(brokers, out, RD_KAFKA_OFFSET_END, &partitions);
    queue = need(rd_kafka_queue_get_consumer(consumer));
    flow.sent_ns = need(calloc(MOST_FLOW, sizeof *flow.sent_ns));
    flow.next = need(calloc(MOST_FLOW, sizeof *flow.next));
    flow.took_ns = need(calloc(MOST_FLOW, sizeof *flow.took_ns));
    flow.waiting = need(malloc(keys * sizeof *flow.waiting));
    flow.newest = need(malloc(keys * sizeof *flow.newest));
    memset(flow.waiting, 0xff, keys * sizeof *flow.waiting);
    (void)printf("ready\n");
    (void)fflush(stdout);
    began_ns = now_ns();
    flow.warm_ns = began_ns + (int64_t)warm_ms * 1000000;
    while (!stdin_has_ended()) {
        int64_t due = (now_ns() - began_ns) * rate / 1000000000;

        while (flow.sent < due)
            send_one(&flow, producer, topic, &seed);
        (void)rd_kafka_poll(producer, 0);
        see(&flow, queue, 1);
    }
    expect(rd_kafka_flush(producer, PATIENCE_MS), "flush");
    for (quiet_ns = now_ns(); flow.seen < flow.sent && now_ns() - quiet_ns < (int64_t)PATIENCE_MS * 1000000;) {
        uint32_t seen = flow.seen;

        see(&flow, queue, 100);
        if (flow.seen > seen)
            quiet_ns = now_ns();
    }
    qsort(flow.took_ns, flow.took, sizeof *flow.took_ns, by_size);
    for (size_t i = 0; i < 2 && flow.took; i++)
        percent[i] = flow.took_ns[(flow.took * (i ? 99 : 50) + 99) / 100 - 1];
    (void)printf("done %u %u %" PRId64 " %" PRId64 " %" PRId64 "\n", flow.sent, flow.seen, flow.tally.wrong,
                 percent[0] / 1000, percent[1] / 1000);
}

int main(int argc, char **argv)
{
    const char *verb = argc > 3 ? argv[2] : "";

    if (strcmp(verb, "fill") == 0 && argc == 6)
        fill(argv[1], argv[3], number_of(argv[4]), number_of(argv[5]));
    else if (strcmp(verb, "watch") == 0 && argc == 6)
        watch(argv[1], argv[3], number_of(argv[4]), number_of(argv[5]));
    else if (strcmp(verb, "verify") == 0 && argc == 5)
        verify(argv[1], argv[3], number_of(argv[4]));
    else if (strcmp(verb, "flow") == 0 && argc == 8)
        flow(argv[1], argv[3], argv[4], number_of(argv[5]), number_of(argv[6]), number_of(argv[7]));
    else
        die("probe", "usage: probe BROKERS fill|watch|flow|verify TOPIC ...");
    if (fflush(stdout))
        die("stdout", "cannot be written");
    _exit(0); /* past what the library would wait for */
}
