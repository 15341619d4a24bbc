/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a job's changelog and journal, a partition at a time, up to where their ends are now. */
#include "host/kafka_look.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec/partition.h"
#include "host/part.h"
#include "host/signals.h"
#include "kafka/reader.h"

enum { BATCH = 500, POLL_MS = 200, PATIENCE_MS = 15000, OPEN_MS = 5000, RETRY_MS = 100, STORE_BYTES = 4 << 20,
       TRIES = 3 };

struct weir_kafka_look {
    const char *job;
    weir_cluster *cluster;
    weir_needed_topics needed;
    const weir_needed_topic *changelog, *journal; /* journal NULL: none */
    bool is_forwarded;                            /* through the repartition topic */
    weir_reader *reader;                          /* made when the first partition is read */
    weir_record *records;
};

/* ---- life -------------------------------------------------------------------------------------------------------- */

void weir__kafka_look_close(weir_kafka_look *look)
{
    if (!look)
        return;
    weir__reader_close(look->reader);
    free(look->records);
    weir__topics_clear(&look->needed);
    weir__cluster_close(look->cluster);
    free(look);
}

static weir_code find(weir_kafka_look *look, const weir_config *config, weir_error *err)
{
    weir_code rc = weir__topics_find(look->cluster, config, look->job, &look->needed, err);

    if (rc != WEIR_OK)
        return rc;
    for (size_t i = 0; i < look->needed.count; i++) {
        const weir_needed_topic *topic = &look->needed.items[i];

        if (topic->role == WEIR__TOPIC_CHANGELOG)
            look->changelog = topic;
        if (topic->role == WEIR__TOPIC_JOURNAL && topic->facts.exists)
            look->journal = topic;
        look->is_forwarded |= topic->role == WEIR__TOPIC_REPARTITION;
    }
    /* In Flink a job has its journal alone. */
    if (!look->changelog->facts.exists && look->journal)
        look->changelog = NULL;
    else if (!look->changelog->facts.exists)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX,
                          "job '%.80s' has no topic '%.100s': it has not run on this cluster, or job.name is another",
                          look->job, look->changelog->name);
    return WEIR_OK;
}

weir_code weir__kafka_look_open(const weir_config *config, const char *job, weir_kafka_look **out, weir_error *err)
{
    weir_cluster_options options = { .config = config };
    const char *name = weir__config_text(config, "job.name");
    weir_kafka_look *look;
    weir_code rc;

    if (!name && !job)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "job.name is not set, and the names of the job's topics begin with it; set it");
    look = calloc(1, sizeof *look);
    if (!look)
        return weir__fail_memory(err, "a look at the job");
    look->job = name ? name : job;
    options.group = look->job;
    rc = weir__cluster_open(&options, &look->cluster, err);
    if (rc == WEIR_OK)
        rc = find(look, config, err);
    if (rc == WEIR_OK) {
        look->records = calloc(BATCH, sizeof *look->records);
        rc = look->records ? WEIR_OK : weir__fail_memory(err, "a look at the job");
    }
    if (rc != WEIR_OK) {
        weir__kafka_look_close(look);
        return rc;
    }
    *out = look;
    return WEIR_OK;
}

const char *weir__kafka_look_job(const weir_kafka_look *look)
{
    return look->job;
}

weir_cluster *weir__kafka_look_cluster(const weir_kafka_look *look)
{
    return look->cluster;
}

int32_t weir__kafka_look_partitions(const weir_kafka_look *look)
{
    return look->changelog ? look->changelog->facts.partitions : look->journal->facts.partitions;
}

const char *weir__kafka_look_changelog(const weir_kafka_look *look)
{
    return look->changelog ? look->changelog->name : NULL;
}

const char *weir__kafka_look_journal(const weir_kafka_look *look)
{
    return look->journal ? look->journal->name : NULL;
}

const weir_needed_topic *weir__kafka_look_needed(const weir_kafka_look *look, weir_topic_role role)
{
    for (size_t i = 0; i < look->needed.count; i++) {
        if (look->needed.items[i].role == role)
            return &look->needed.items[i];
    }
    return NULL;
}

int32_t weir__kafka_look_task(const weir_kafka_look *look, weir_bytes key, bool *is_certain)
{
    *is_certain = look->is_forwarded;
    return weir__partition_of(key, weir__kafka_look_partitions(look));
}

/* ---- one partition ----------------------------------------------------------------------------------------------- */

static weir_code canceled(weir_error *err)
{
    return weir__fail(err, WEIR_CANCELED, WEIR_REMEDY_STOP, "interrupted");
}

static weir_code ask_end(weir_kafka_look *look, const char *topic, int32_t partition, weir_log_end which,
                         int64_t *offset, weir_error *err)
{
    const weir_clock *clock = weir__clock_system();
    int64_t by_ms = weir__clock_monotonic_ms(clock) + PATIENCE_MS;
    weir_code rc;

    for (;;) {
        rc = weir__cluster_log_end(look->cluster, topic, partition, which, offset, err);
        if (rc != WEIR_UNREACHABLE || weir__clock_monotonic_ms(clock) >= by_ms)
            return rc;
        (void)poll(NULL, 0, RETRY_MS); /* a leader is being elected */
        if (weir__signals_caught())
            return canceled(err);
    }
}

/* Where a walk stands; `end` is where it is to get to. */
typedef struct walk {
    const char *topic;
    int32_t partition;
    int64_t position, end; /* end 0: where the log ends now */
    int64_t moved_ms;     /* when it last got on */
    weir_code trouble;    /* since then */
    weir_error why;
} walk;

/* False: it has waited long enough. WEIR_OK: it ends where it is. */
static bool may_wait(walk *at, bool is_stuck, weir_code *rc, weir_error *err)
{
    int64_t waited_ms = weir__clock_monotonic_ms(weir__clock_system()) - at->moved_ms;

    if (is_stuck && waited_ms >= OPEN_MS) {
        weir__log(WEIR__LOG_WARN, "host/kafka_look",
                  "a transaction is open, what stands behind it is not looked at topic=%s partition=%" PRId32
                  " position=%" PRId64 " end=%" PRId64, at->topic, at->partition, at->position, at->end);
        *rc = WEIR_OK;
        return false;
    }
    if (waited_ms < PATIENCE_MS)
        return true;
    *rc = at->trouble != WEIR_OK ? at->trouble : WEIR_UNREACHABLE;
    if (at->trouble == WEIR_OK)
        (void)weir__fail(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY,
                         "topic '%.100s', partition %" PRId32 ": nothing comes from the brokers", at->topic,
                         at->partition);
    else if (err)
        *err = at->why;
    return false;
}

static weir_code read_on(weir_kafka_look *look, walk *at, weir_look_fn fn, void *context, weir_error *err)
{
    bool is_stuck = false; /* at the last stable offset, which is not the end */
    weir_code rc = WEIR_OK;

    at->moved_ms = weir__clock_monotonic_ms(weir__clock_system());
    while (at->position < at->end) {
        int64_t before = at->position;
        size_t count = 0;

        if (weir__signals_caught())
            return canceled(err);
        rc = weir__reader_poll(look->reader, POLL_MS, look->records, BATCH, &count, err);
        if (rc == WEIR_UNREACHABLE) {
            at->trouble = rc;
            if (err)
                at->why = *err;
            rc = WEIR_OK;
        }
        for (size_t i = 0; i < count && rc == WEIR_OK && at->position < at->end; i++) {
            const weir_record *record = &look->records[i];

            is_stuck = record->is_end && record->offset < at->end;
            if (!record->is_end)
                rc = fn(context, record, err);
            at->position = record->offset + !record->is_end;
        }
        weir__reader_done(look->reader);
        if (rc != WEIR_OK)
            return rc;
        if (at->position > before) {
            at->moved_ms = weir__clock_monotonic_ms(weir__clock_system());
            at->trouble = WEIR_OK;
        } else if (!may_wait(at, is_stuck, &rc, err)) {
            return rc;
        }
    }
    return WEIR_OK;
}

static weir_code read_from(weir_kafka_look *look, walk *at, weir_look_fn fn, void *context, weir_error *err)
{
    int64_t first = 0;
    weir_code rc = ask_end(look, at->topic, at->partition, WEIR__LOG_START, &first, err);

    if (rc != WEIR_OK)
        return rc;
    if (at->position < first)
        at->position = first;
    if (at->position >= at->end)
        return WEIR_OK;
    rc = weir__reader_add(look->reader, at->topic, at->partition, at->position, 0, err);
    if (rc != WEIR_OK)
        return rc;
    rc = read_on(look, at, fn, context, err);
    weir__reader_remove(look->reader, at->topic, at->partition);
    return rc;
}

static weir_code read_partition(weir_kafka_look *look, walk *at, weir_look_fn fn, void *context, weir_error *err)
{
    weir_reader_options options = { .cluster = look->cluster, .is_brief = true };
    int64_t end = 0;
    weir_code rc = ask_end(look, at->topic, at->partition, WEIR__LOG_END, &end, err);

    if (!at->end || end < at->end)
        at->end = end;
    if (rc == WEIR_OK && !look->reader)
        rc = weir__reader_open(&options, &look->reader, err);
    if (rc != WEIR_OK)
        return rc;
    for (int tries = 0; tries < TRIES; tries++) {
        rc = read_from(look, at, fn, context, err);
        if (rc != WEIR_UNKNOWN)
            break; /* else the job has just deleted what it needs no more: on from where the log begins now */
    }
    return rc;
}

/* ---- the changelog ----------------------------------------------------------------------------------------------- */

typedef struct restoring {
    const weir_kafka_look *look;
    weir_look_part part;
    weir_store *store;
    weir_buffer *tuple;
    size_t bytes; /* since the last commit */
} restoring;

static weir_code restore_one(void *context, const weir_record *record, weir_error *err)
{
    restoring *to = context;
    weir_change change = { .value = record->value };
    weir_code rc;

    if (!record->key.data || !weir__change_key_parse(record->key, &change.key))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "topic '%.100s', partition %" PRId32 ", offset %" PRId64 ": no record of a changelog of weir",
                          to->look->changelog->name, record->partition, record->offset);
    if (change.key.kind == WEIR__CHANGE_TUPLE) {
        weir__buffer_reset(to->tuple);
        rc = weir__buffer_add(to->tuple, record->value.data, record->value.size);
        return rc == WEIR_OK ? rc : weir__fail_memory(err, "a tuple");
    }
    if ((change.key.kind == WEIR__CHANGE_CELL) != (to->part == WEIR__LOOK_CELLS))
        return WEIR_OK;
    rc = weir__change_store(&change, to->store, err);
    to->bytes += record->key.size + record->value.size + 64;
    if (rc == WEIR_OK && to->bytes >= STORE_BYTES) {
        to->bytes = 0;
        rc = weir__store_commit(to->store, err);
    }
    return rc;
}

weir_code weir__kafka_look_restore(weir_kafka_look *look, int32_t partition, weir_look_part part, weir_store *store,
                                   weir_buffer *tuple, int64_t *end, weir_error *err)
{
    restoring to = { .look = look, .part = part, .store = store, .tuple = tuple };
    walk at = { .topic = weir__kafka_look_changelog(look), .partition = partition };
    weir_code rc;

    weir__buffer_reset(tuple);
    if (!at.topic)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX,
                          "job '%.80s' has no changelog: it never ran as `run`; in Flink its state is Flink's",
                          look->job);
    rc = read_partition(look, &at, restore_one, &to, err);
    if (rc == WEIR_OK)
        rc = weir__store_commit(store, err);
    if (rc == WEIR_OK && end)
        *end = at.position;
    return rc;
}

/* ---- the journal ------------------------------------------------------------------------------------------------- */

weir_code weir__kafka_look_entries(weir_kafka_look *look, int32_t partition, int64_t from, weir_look_fn fn,
                                   void *context, int64_t *end, weir_error *err)
{
    walk at = { .topic = look->journal ? look->journal->name : "", .partition = partition, .position = from };
    weir_code rc = look->journal ? read_partition(look, &at, fn, context, err) : WEIR_OK;

    if (rc == WEIR_OK && end)
        *end = at.position;
    return rc;
}

/* ---- any topic --------------------------------------------------------------------------------------------------- */

weir_code weir__kafka_look_topic(weir_kafka_look *look, const char *topic, int32_t partition, int64_t from, int64_t to,
                                 weir_look_fn fn, void *context, int64_t *end, weir_error *err)
{
    walk at = { .topic = topic, .partition = partition, .position = from, .end = to };
    weir_code rc = to > 0 ? read_partition(look, &at, fn, context, err) : WEIR_OK;

    if (rc == WEIR_OK && end)
        *end = at.position;
    return rc;
}

bool weir__kafka_look_header(const weir_kafka_look *look, const weir_record *record, const char *name,
                             weir_bytes *value)
{
    return weir__reader_header(look->reader, (size_t)(record - look->records), name, value);
}
