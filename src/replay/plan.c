/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before anything is run: how far the job has got (its changelog), what is to be run and compared (the bounds), and
 * what the topics hold of it (outputs, journal). In this order: what is found later may only be more.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "replay/internal.h"

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

static weir_code find_input(weir_replay *replay, weir_error *err)
{
    const weir_kafka_look *look = replay->options->look;
    const weir_needed_topic *topic = weir__kafka_look_needed(look, WEIR__TOPIC_REPARTITION);

    if (!topic)
        topic = weir__kafka_look_needed(look, WEIR__TOPIC_INPUT);
    if (!topic->facts.exists)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "topic '%.100s' is not there: there is nothing to run again",
                          topic->name);
    replay->input = topic->name;
    (void)snprintf(replay->input_id, sizeof replay->input_id, "%s", topic->facts.id);
    replay->count = (size_t)topic->facts.partitions;
    replay->parts = calloc(replay->count, sizeof *replay->parts);
    if (!replay->parts)
        return weir__fail_memory(err, "a replay");
    for (size_t i = 0; i < replay->count; i++) {
        replay->parts[i].partition = (int32_t)i;
        (void)snprintf(replay->parts[i].source, sizeof replay->parts[i].source, "%s/%zu", replay->input_id, i);
    }
    return WEIR_OK;
}

static weir_code resolve(weir_replay *replay, const weir_replay_part *part, weir_replay_bound bound, int64_t *offset,
                         weir_error *err)
{
    weir_cluster *cluster = weir__kafka_look_cluster(replay->options->look);

    switch (bound.point) {
    case WEIR__REPLAY_UNSAID:
    case WEIR__REPLAY_EARLIEST:
        *offset = part->first;
        return WEIR_OK;
    case WEIR__REPLAY_COMMITTED:
        *offset = part->task.tuple.next;
        return WEIR_OK;
    case WEIR__REPLAY_OFFSET:
        *offset = bound.number;
        return WEIR_OK;
    case WEIR__REPLAY_TIME:
        return weir__cluster_log_at(cluster, replay->input, part->partition, bound.number, offset, err);
    }
    return WEIR_OK;
}

/* How far the job has got with a partition. */
static weir_code find_limit(weir_replay *replay, weir_replay_part *part, int64_t *limit, weir_error *err)
{
    const weir_replay_options *options = replay->options;
    weir_code rc;

    *limit = INT64_MAX;
    if (!weir__kafka_look_changelog(options->look)) {
        if (options->to.point != WEIR__REPLAY_UNSAID && options->to.point != WEIR__REPLAY_COMMITTED)
            return WEIR_OK;
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "job '%.80s' runs in Flink, which keeps to itself how far it has got; --to OFFSET or --to "
                          "TIME says up to where all is over",
                          weir__kafka_look_job(options->look));
    }
    rc = weir__kafka_task_open(options->look, part->partition, &part->task, err);
    if (rc != WEIR_OK)
        return rc;
    if (part->task.has_run && strcmp(part->task.tuple.input, replay->input_id) != 0)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "topic '%.100s' was made anew since the job ran: what it read is gone", replay->input);
    /* Another job's outputs are compared as far as its user says: this one need not have come as far. */
    if (!options->against || options->to.point == WEIR__REPLAY_UNSAID || options->to.point == WEIR__REPLAY_COMMITTED)
        *limit = part->task.has_run ? part->task.tuple.next : 0;
    return WEIR_OK;
}

static weir_code find_bounds(weir_replay *replay, weir_replay_part *part, weir_error *err)
{
    const weir_replay_options *options = replay->options;
    weir_cluster *cluster = weir__kafka_look_cluster(options->look);
    weir_replay_bound to = options->to;
    int64_t limit, end = 0;
    weir_code rc = find_limit(replay, part, &limit, err);

    if (to.point == WEIR__REPLAY_UNSAID)
        to.point = WEIR__REPLAY_COMMITTED;
    if (rc == WEIR_OK)
        rc = weir__cluster_log_end(cluster, replay->input, part->partition, WEIR__LOG_START, &part->first, err);
    if (rc == WEIR_OK)
        rc = weir__cluster_log_end(cluster, replay->input, part->partition, WEIR__LOG_END, &end, err);
    if (rc == WEIR_OK)
        rc = resolve(replay, part, options->from, &part->from, err);
    if (rc == WEIR_OK)
        rc = resolve(replay, part, to, &part->end, err);
    if (rc != WEIR_OK)
        return rc;
    if (part->end > limit)
        part->end = limit;
    if (part->end > end)
        part->end = end;
    if (part->from < part->first)
        part->from = part->first;
    if (part->from >= part->end) {
        part->from = part->end = part->first;
    } else if (part->first > 0 && !options->is_assumed_empty) {
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "topic '%.100s', partition %" PRId32 ": the records before offset %" PRId64 " are gone, and "
                          "with them what the job's memory was there. --assume-empty takes it to have been empty",
                          replay->input, part->partition, part->first);
    }
    return WEIR_OK;
}

static bool is_anything_compared(const weir_replay *replay)
{
    for (size_t i = 0; i < replay->count; i++) {
        if (replay->parts[i].from < replay->parts[i].end)
            return true;
    }
    return false;
}

weir_code weir__replay_plan(weir_replay *replay, weir_error *err)
{
    weir_code rc = find_input(replay, err);

    for (size_t i = 0; i < replay->count && rc == WEIR_OK; i++)
        rc = find_bounds(replay, &replay->parts[i], err);
    if (rc == WEIR_OK && !is_anything_compared(replay))
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                        "topic '%.100s': the job has committed nothing between these bounds, so there is nothing to "
                        "compare",
                        replay->input);
    return rc;
}

void weir__replay_plan_clear(weir_replay *replay)
{
    for (size_t i = 0; i < replay->count; i++) {
        weir__kafka_task_close(&replay->parts[i].task);
        free(replay->parts[i].seen);
    }
    free(replay->parts);
}

/* ---- evidence ---------------------------------------------------------------------------------------------------- */

/* The part that a run id is of, and the offset; NULL: another input's. */
static weir_replay_part *part_of(const weir_replay *replay, weir_bytes run, int64_t *offset)
{
    size_t size = strlen(replay->input_id);
    char text[WEIR__REPLAY_SOURCE_SIZE + 24], *end;
    unsigned long long partition;

    if (run.size >= sizeof text || run.size <= size || memcmp(run.data, replay->input_id, size) != 0 ||
        run.data[size] != '/')
        return NULL;
    memcpy(text, run.data, run.size);
    text[run.size] = '\0';
    partition = strtoull(text + size + 1, &end, 10);
    if (*end != '/' || partition >= replay->count)
        return NULL;
    *offset = strtoll(end + 1, &end, 10);
    return *end || *offset < 0 ? NULL : &replay->parts[partition];
}

static bool read_number(weir_bytes text, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i == 19)
            return false;
        *number = *number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.size > 0;
}

typedef struct gathering {
    weir_replay *replay;
    int64_t *lowest; /* of each part: the first input with an output; -1: none */
    weir_arena arena;
} gathering;

static weir_code take_output(void *context, const weir_record *record, weir_error *err)
{
    gathering *to = context;
    weir_replay *replay = to->replay;
    weir_found_output output = { .partition = record->partition, .offset = record->offset, .key = record->key,
                                 .value = record->value };
    weir_bytes run, number;
    weir_replay_part *part;
    int64_t offset, *lowest;

    if (!weir__kafka_look_header(replay->options->look, record, "weir-run", &run) ||
        !weir__kafka_look_header(replay->options->look, record, "weir-seq", &number) ||
        !read_number(number, &output.number))
        return WEIR_OK; /* somebody else's */
    part = part_of(replay, run, &offset);
    if (!part)
        return WEIR_OK;
    lowest = &to->lowest[part - replay->parts];
    if (*lowest < 0 || offset < *lowest)
        *lowest = offset;
    if (offset < part->from || offset >= part->end)
        return WEIR_OK;
    return weir__evidence_add_output(&replay->evidence, run, &output, err);
}

/*
 * Behind a higher claim what an older owner writes is void, but facts: nobody has gone on from it. Results of actions
 * are left out: the actions are run again.
 */
static weir_code take_entry(void *context, const weir_record *record, weir_error *err)
{
    gathering *to = context;
    weir_replay *replay = to->replay;
    weir_entry *entry;
    int64_t offset;
    weir_code rc;

    weir__arena_reset(&to->arena);
    rc = weir__entry_open(record->value, &to->arena, &entry, err);
    if (rc != WEIR_OK) {
        weir__error_context(err, "the journal, partition %" PRId32 ", offset %" PRId64, record->partition,
                            record->offset);
        return rc;
    }
    if (entry->kind == WEIR__ENTRY_CLAIM) {
        if (entry->epoch > replay->highest_epoch)
            replay->highest_epoch = entry->epoch;
        return WEIR_OK;
    }
    if (entry->kind == WEIR__ENTRY_RESULT || (entry->epoch < replay->highest_epoch && !weir__entry_is_fact(entry)) ||
        !part_of(replay, weir__bytes_text(entry->run), &offset))
        return WEIR_OK;
    return weir__evidence_add_entry(&replay->evidence, entry->run, record->offset, record->value, err);
}

/* All of it: behind a transaction that stays open there may be just what would be missed. */
static weir_code read_outputs(gathering *to, const char *topic, int32_t partition, weir_error *err)
{
    weir_kafka_look *look = to->replay->options->look;
    int64_t end = 0, reached = 0;
    weir_code rc = weir__cluster_log_end(weir__kafka_look_cluster(look), topic, partition, WEIR__LOG_END, &end, err);

    if (rc == WEIR_OK)
        rc = weir__kafka_look_topic(look, topic, partition, 0, end, take_output, to, &reached, err);
    if (rc == WEIR_OK && reached < end)
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_RETRY,
                        "topic '%.100s', partition %" PRId32 ": a transaction is open at offset %" PRId64 ", and what "
                        "stands behind it cannot be read yet; try again when it is over",
                        topic, partition, reached);
    return rc;
}

static weir_code gather_outputs(gathering *to, weir_error *err)
{
    const weir_replay_options *options = to->replay->options;
    const char *topic = options->against ? options->against : weir__config_text(options->config, "output.topic");
    weir_topic_facts facts;
    weir_code rc;

    if (!topic)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "output.topic names no topic, so there is nothing to compare with; --against names one, "
                          "--against-journal compares calls");
    rc = weir__cluster_describe(weir__kafka_look_cluster(options->look), topic, &facts, err);
    if (rc == WEIR_OK && !facts.exists)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX,
                          "topic '%.100s' is not there, so there is nothing to compare with", topic);
    for (int32_t i = 0; i < facts.partitions && rc == WEIR_OK; i++)
        rc = read_outputs(to, topic, i, err);
    return rc;
}

/* With auto.offset.reset latest the job began where the input ended then: before its first output nothing is known. */
static void begin_by_output(gathering *to)
{
    weir_replay *replay = to->replay;

    if (weir__cluster_reset(weir__kafka_look_cluster(replay->options->look)) == WEIR__RESET_EARLIEST ||
        replay->options->from.point != WEIR__REPLAY_UNSAID || replay->options->is_against_journal)
        return;
    for (size_t i = 0; i < replay->count; i++) {
        weir_replay_part *part = &replay->parts[i];

        if (to->lowest[i] <= part->first || part->from >= part->end)
            continue;
        part->first = part->from = to->lowest[i] < part->end ? to->lowest[i] : part->end;
        weir__log(WEIR__LOG_WARN, "replay",
                  "begins at the first input with an output, as kafka.auto.offset.reset is not earliest; --from "
                  "earliest takes all topic=%s partition=%" PRId32 " offset=%" PRId64,
                  replay->input, part->partition, part->first);
    }
}

weir_code weir__replay_gather(weir_replay *replay, weir_error *err)
{
    gathering to = { .replay = replay, .lowest = calloc(replay->count, sizeof *to.lowest) };
    weir_code rc = to.lowest ? weir__evidence_open(&replay->evidence, err) : weir__fail_memory(err, "a replay");

    weir__arena_init(&to.arena, 65536);
    for (size_t i = 0; i < replay->count && to.lowest; i++)
        to.lowest[i] = -1;
    replay->has_journal = weir__kafka_look_journal(replay->options->look) != NULL;
    if (rc == WEIR_OK && !replay->options->is_against_journal)
        rc = gather_outputs(&to, err);
    for (int32_t i = 0; i < weir__kafka_look_partitions(replay->options->look) && rc == WEIR_OK; i++) {
        replay->highest_epoch = 0;
        rc = weir__kafka_look_entries(replay->options->look, i, 0, take_entry, &to, NULL, err);
    }
    if (rc == WEIR_OK)
        rc = weir__evidence_settle(&replay->evidence, err);
    if (rc == WEIR_OK)
        begin_by_output(&to);
    weir__arena_clear(&to.arena);
    free(to.lowest);
    return rc;
}

/* ---- what is left ------------------------------------------------------------------------------------------------ */

static weir_code look_at(void *context, weir_bytes run, const weir_found_output *output, weir_error *err)
{
    weir_replay *replay = context;
    int64_t offset, bit;
    weir_replay_part *part = part_of(replay, run, &offset);

    if (!part || offset < part->from || offset >= part->end)
        return WEIR_OK;
    bit = offset - part->from;
    if (part->seen && part->seen[bit / 8] & (1U << (bit % 8)))
        return WEIR_OK;
    return weir__comparison_left(replay->comparison, run, output, err);
}

weir_code weir__replay_look_for_left(weir_replay *replay, weir_error *err)
{
    return weir__evidence_walk(&replay->evidence, look_at, replay, err);
}
