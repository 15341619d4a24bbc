/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision's way into a Kafka job: an entry at the end of the run's journal, by somebody who owns nothing. The order
 * of the log is the judge: who looked, found the run parked and appended may still be the second, and is told so. The
 * job learns of it from its tail (stream_journal.c), or at its next start.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/recall.h"
#include "host/kafka_parked.h"
#include "host/signals.h"
#include "kafka/appender.h"
#include "kafka/reader.h"

enum { APPEND_MS = 30000, POLL_MS = 100, BATCH = 100 };

/* ---- the run ----------------------------------------------------------------------------------------------------- */

typedef struct request {
    const char *run;
    int32_t partition;
    int64_t number;
    weir_kafka_task task;
    weir_entry entry;       /* the decision, as it is appended */
    int64_t place;          /* where it stands */
} request;

static weir_code fail_not_parked(const request *to, weir_error *err)
{
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "run %.100s is not parked; `parked` lists those that are",
                      to->run);
}

/* TOPIC ID/PARTITION/OFFSET */
static bool read_run(request *to, int32_t partitions)
{
    const char *slash = strchr(to->run, '/');
    long long partition, number;
    char *end;

    if (!slash)
        return false;
    errno = 0;
    partition = strtoll(slash + 1, &end, 10);
    if (end == slash + 1 || *end != '/' || partition < 0 || partition >= partitions)
        return false;
    slash = end;
    number = strtoll(slash + 1, &end, 10);
    if (end == slash + 1 || *end || number < 0 || errno)
        return false;
    to->partition = (int32_t)partition;
    to->number = number;
    return true;
}

/* Whether something stands behind an intent that ends its attempt. */
static bool is_ended(const weir_entry *intent)
{
    for (const weir_entry *entry = intent->next; entry; entry = entry->next) {
        if ((entry->kind == WEIR__ENTRY_RESOLUTION || entry->kind == WEIR__ENTRY_OUTCOME ||
             entry->kind == WEIR__ENTRY_WITHDRAWN) &&
            entry->instance == intent->instance && entry->call == intent->call && entry->attempt == intent->attempt)
            return true;
    }
    return false;
}

/*
 * Forced, a call that an earlier owner began will do: it is in doubt for the one that is there now, and would be parked
 * when its time is over. One that the present owner began is under way, and nobody's but that owner's.
 */
static const weir_entry *find_doubt(const request *to, const weir_entry *entries, uint32_t attempt)
{
    const weir_entry *found = NULL;

    for (const weir_entry *entry = entries; entry; entry = entry->next) {
        if (entry->kind != WEIR__ENTRY_INTENT || entry->attempt != attempt || is_ended(entry))
            continue;
        if (found || entry->epoch >= to->task.highest_claim)
            return NULL;
        found = entry;
    }
    return found;
}

static weir_code find_parked(request *to, const weir_entry *decision, weir_error *err)
{
    weir_entry *entries = weir__kafka_task_entries(&to->task, to->number);
    const weir_entry *parked = NULL;
    size_t size = strlen(to->task.tuple.input);
    bool is_of_task = to->task.is_by_id ||
                      (strncmp(to->run, to->task.tuple.input, size) == 0 && to->run[size] == '/');

    if (is_of_task && weir__kafka_task_is_open(&to->task, to->number)) {
        entries = weir__recall_live(entries);
        parked = weir__recall_parked(entries);
        if (!parked && decision->is_forced)
            parked = find_doubt(to, entries, decision->attempt);
    }
    return parked ? weir__recall_decide(parked, decision, &to->entry, err) : fail_not_parked(to, err);
}

/* ---- appending --------------------------------------------------------------------------------------------------- */

typedef struct awaited {
    weir_appended appended; /* first: cast back */
    bool is_known;
    weir_code rc;
    weir_error error;
} awaited;

static void known(weir_appended *appended, const weir_error *err)
{
    awaited *to = (awaited *)appended;

    to->is_known = true;
    to->rc = err ? err->code : WEIR_OK;
    if (err)
        to->error = *err;
}

static weir_code append(weir_kafka_look *look, request *to, weir_bytes sealed, weir_error *err)
{
    const weir_clock *clock = weir__clock_system();
    int64_t by_ms = weir__clock_monotonic_ms(clock) + APPEND_MS;
    awaited answer = { .appended.known = known };
    weir_appender *appender = NULL;
    weir_code rc = weir__appender_open(weir__kafka_look_cluster(look), &appender, err);

    if (rc == WEIR_OK)
        rc = weir__appender_append(appender, weir__kafka_look_journal(look), to->partition, weir__bytes_text(to->run),
                                   sealed, &answer.appended, err);
    while (rc == WEIR_OK && !answer.is_known && weir__clock_monotonic_ms(clock) < by_ms) {
        struct pollfd fd = { weir__appender_fd(appender), POLLIN, 0 };

        (void)poll(&fd, 1, POLL_MS);
        rc = weir__appender_poll(appender, err);
        if (rc == WEIR_OK && weir__signals_caught())
            rc = weir__fail(err, WEIR_CANCELED, WEIR_REMEDY_STOP,
                            "interrupted: whether the decision stands in the journal, `weir journal` shows");
    }
    weir__appender_close(appender); /* what is not known is told as failed */
    if (rc == WEIR_OK && answer.rc != WEIR_OK) {
        rc = answer.rc;
        if (err)
            *err = answer.error;
    }
    to->place = answer.appended.offset;
    return rc;
}

/* What ends the same attempt, between where the run was looked at and where the decision stands. */
typedef struct earlier {
    const request *to;
    weir_arena arena;
    bool is_found;
    int64_t place;
    weir_entry_kind kind;
} earlier;

static weir_code look_for_earlier(void *context, const weir_record *record, weir_error *err)
{
    earlier *at = context;
    const weir_entry *ours = &at->to->entry;
    weir_entry *entry;
    weir_code rc;

    if (at->is_found || record->offset >= at->to->place)
        return WEIR_OK;
    weir__arena_reset(&at->arena);
    rc = weir__entry_open(record->value, &at->arena, &entry, err);
    if (rc != WEIR_OK)
        return rc;
    if (strcmp(entry->run, at->to->run) != 0 || entry->instance != ours->instance || entry->call != ours->call ||
        entry->attempt != ours->attempt ||
        (!weir__entry_is_fact(entry) && entry->kind != WEIR__ENTRY_OUTCOME && entry->kind != WEIR__ENTRY_WITHDRAWN))
        return WEIR_OK;
    at->is_found = true;
    at->place = record->offset;
    at->kind = entry->kind;
    return WEIR_OK;
}

static weir_code check_first(weir_kafka_look *look, const request *to, weir_error *err)
{
    earlier at = { .to = to };
    weir_code rc;

    weir__arena_init(&at.arena, 4096);
    rc = weir__kafka_look_entries(look, to->partition, to->task.journal_end, look_for_earlier, &at, NULL, err);
    weir__arena_clear(&at.arena);
    if (rc == WEIR_OK && at.is_found)
        rc = weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                        "too late: %s stands before it in the journal (offset %" PRId64 ", yours %" PRId64
                        "), and the first one counts",
                        at.kind == WEIR__ENTRY_RESOLUTION ? "another decision" : "what came of the call", at.place,
                        to->place);
    return rc;
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------ */

enum { FROM_JOURNAL, FROM_CHANGELOG };

static bool is_in_inbox(const request *to)
{
    for (size_t i = 0; i < to->task.inbox_count; i++) {
        if (to->task.inbox[i] == to->number)
            return true;
    }
    return false;
}

/* Another entry of the run behind the decision: it has gone on. */
static bool is_sign(const request *to, const weir_record *record, weir_arena *arena)
{
    weir_entry *entry;

    return record->offset > to->place && weir__entry_open(record->value, arena, &entry, NULL) == WEIR_OK &&
           entry->kind != WEIR__ENTRY_RESOLUTION && strcmp(entry->run, to->run) == 0;
}

/* A commit in which the run is over. */
static bool is_end(const request *to, const weir_record *record, weir_arena *arena, bool *in_inbox)
{
    weir_change_key key;
    weir_tuple tuple;

    if (!record->key.data || !weir__change_key_parse(record->key, &key))
        return false;
    if (key.kind == WEIR__CHANGE_INPUT && key.number == to->number) {
        *in_inbox = record->value.data != NULL;
        return !*in_inbox;
    }
    if (key.kind != WEIR__CHANGE_TUPLE || !record->value.data || *in_inbox ||
        !weir__tuple_parse(record->value, arena, &tuple) || to->number >= tuple.next)
        return false;
    for (size_t i = 0; i < tuple.open_count; i++) {
        if (tuple.open[i] == to->number)
            return false;
    }
    return true;
}

static weir_code follow(weir_kafka_look *look, const request *to, int64_t wait_ms, bool *has_gone_on, weir_error *err)
{
    weir_reader_options options = { .cluster = weir__kafka_look_cluster(look) };
    const weir_clock *clock = weir__clock_system();
    int64_t by_ms = weir__clock_monotonic_ms(clock) + wait_ms;
    weir_record *records = calloc(BATCH, sizeof *records);
    bool in_inbox = is_in_inbox(to);
    weir_reader *reader = NULL;
    weir_arena arena;
    weir_code rc = records ? weir__reader_open(&options, &reader, err) : weir__fail_memory(err, "a decision");

    weir__arena_init(&arena, 4096);
    if (rc == WEIR_OK)
        rc = weir__reader_add(reader, weir__kafka_look_journal(look), to->partition, to->place, FROM_JOURNAL, err);
    if (rc == WEIR_OK && weir__kafka_look_changelog(look))
        rc = weir__reader_add(reader, weir__kafka_look_changelog(look), to->partition, to->task.changelog_end,
                              FROM_CHANGELOG, err);
    while (rc == WEIR_OK && !*has_gone_on && weir__clock_monotonic_ms(clock) < by_ms && !weir__signals_caught()) {
        size_t count = 0;

        rc = weir__reader_poll(reader, POLL_MS, records, BATCH, &count, err);
        for (size_t i = 0; i < count && !*has_gone_on; i++) {
            weir__arena_reset(&arena);
            if (!records[i].is_end)
                *has_gone_on = records[i].topic == FROM_JOURNAL ? is_sign(to, &records[i], &arena)
                                                                : is_end(to, &records[i], &arena, &in_inbox);
        }
        weir__reader_done(reader);
        if (rc == WEIR_UNREACHABLE)
            rc = WEIR_OK; /* it goes on trying */
    }
    weir__arena_clear(&arena);
    weir__reader_close(reader);
    free(records);
    return rc;
}

/* In Flink the partition follows from the key, so all are looked at. */
static weir_code open_by_id(weir_kafka_look *look, request *to, weir_error *err)
{
    weir_code rc = WEIR_OK;

    for (to->partition = 0; to->partition < weir__kafka_look_partitions(look); to->partition++) {
        rc = weir__kafka_task_open(look, to->partition, &to->task, err);
        if (rc != WEIR_OK)
            return rc;
        to->number = weir__kafka_task_number(&to->task, to->run);
        if (to->number >= 0)
            return WEIR_OK;
        weir__kafka_task_close(&to->task);
    }
    return fail_not_parked(to, err);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static weir_code write_decision(weir_kafka_look *look, request *to, weir_error *err)
{
    weir_buffer sealed;
    weir_code rc;

    to->entry.epoch = 0; /* nobody's: it is a fact whatever has been claimed */
    to->entry.written_ms = weir__clock_wall_ms(weir__clock_system());
    weir__buffer_init(&sealed, SIZE_MAX);
    rc = weir__entry_seal(&to->entry, &sealed, err);
    if (rc == WEIR_OK)
        rc = append(look, to, weir__buffer_bytes(&sealed), err);
    weir__buffer_clear(&sealed);
    return rc;
}

weir_code weir__kafka_resolve(weir_kafka_look *look, const char *run, const weir_entry *decision, int64_t wait_ms,
                              weir_kafka_taken *out, weir_error *err)
{
    request to = { .run = run };
    bool has_gone_on = false;
    size_t members = 0;
    weir_code rc;

    if (!weir__kafka_look_journal(look))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "the job has no journal (action-state.topic): nothing of "
                          "it can be parked");
    if (!weir__kafka_look_changelog(look))
        rc = open_by_id(look, &to, err);
    else if (read_run(&to, weir__kafka_look_partitions(look)))
        rc = weir__kafka_task_open(look, to.partition, &to.task, err);
    else
        rc = fail_not_parked(&to, err);
    if (rc == WEIR_OK)
        rc = find_parked(&to, decision, err);
    if (rc == WEIR_OK)
        rc = write_decision(look, &to, err);
    if (rc == WEIR_OK)
        rc = check_first(look, &to, err);
    /* From here on it stands. What cannot be seen any more does not make it undone. */
    if (rc == WEIR_OK && !to.task.is_by_id && /* Flink's workers are in no group */
        weir__cluster_members(weir__kafka_look_cluster(look), &members, NULL) == WEIR_OK && !members)
        *out = WEIR__TAKEN_LATER;
    else if (rc == WEIR_OK)
        *out = follow(look, &to, wait_ms, &has_gone_on, NULL) == WEIR_OK && has_gone_on ? WEIR__TAKEN_UP
                                                                                      : WEIR__TAKEN_UNSEEN;
    weir__kafka_task_close(&to.task);
    return rc;
}
