/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery of a task, on a thread of its own: what the group has committed, then the changelog up to its high watermark
 * into the store, then the two compared. What it finds is handed to the task on the loop. Only the store is written.
 *
 * Two sides say where a task stands: the group's offset with its tuple, and the changelog's. One transaction writes
 * both, so that they agree, or something outside has changed one of them:
 *
 *   group      changelog   then
 *   none       none        first start: auto.offset.reset
 *   none       ours        the group's offset has expired, or was deleted: the changelog's counts, and that is said
 *   ours       ours, same  go on
 *   ours       other       refused: one of the two was set back; --resume, --reprocess
 *   foreign    any         refused: somebody has set the group's offset; the same
 *   ours       none        refused: the changelog is gone; --reprocess
 *   any other topic's id   refused: the topic was made anew; --reprocess
 */
#include "host/stream_recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/breakage.h"
#include "base/log.h"
#include "journal/entry.h"

enum { RETRY_FIRST_MS = 50, RETRY_MOST_MS = 2000 };

/* ---- asking the cluster ------------------------------------------------------------------------------------------ */

/* True: the question may be asked again, after a pause. */
static bool may_ask_again(const weir_recovery *recovery, weir_code rc, const weir_error *err, unsigned *tries)
{
    int64_t pause_ms = RETRY_FIRST_MS << (*tries < 5 ? *tries : 5);

    if (rc != WEIR_UNREACHABLE || weir__recovery_is_cancelled(recovery))
        return false;
    if (*tries == 2 || *tries % 16 == 15)
        weir__log(WEIR__LOG_WARN, recovery->task->name, "recovery waits, and tries again: %s", err->message);
    ++*tries;
    weir__stream_pause(recovery->stream, pause_ms > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms);
    return true;
}

static weir_code ask_end(weir_recovery *recovery, const char *topic, weir_log_end which, int64_t *offset,
                         weir_error *err)
{
    unsigned tries = 0;
    weir_code rc;

    do
        rc = weir__cluster_log_end(recovery->stream->options->cluster, topic, recovery->task->at.partition, which,
                                   offset, err);
    while (may_ask_again(recovery, rc, err, &tries));
    return rc;
}

static weir_code ask_committed(weir_recovery *recovery, weir_error *err)
{
    unsigned tries = 0;
    weir_buffer metadata;
    weir_code rc;

    weir__buffer_init(&metadata, 1 << 20);
    recovery->is_group_ours = false;
    do
        rc = weir__cluster_committed(recovery->stream->options->cluster, recovery->input->name,
                                     recovery->task->at.partition, &recovery->has_group, &recovery->group_offset,
                                     &metadata, err);
    while (may_ask_again(recovery, rc, err, &tries));
    if (rc == WEIR_OK && recovery->has_group)
        recovery->is_group_ours =
            weir__tuple_parse(weir__buffer_bytes(&metadata), &recovery->arena, &recovery->group) &&
            recovery->group.offset == recovery->group_offset;
    weir__buffer_clear(&metadata);
    return rc;
}

weir_code weir__recovery_ask_setting(weir_recovery *recovery, const char *topic, const char *name, weir_buffer *value,
                                     weir_error *err)
{
    unsigned tries = 0;
    weir_code rc;

    do
        rc = weir__cluster_topic_setting(recovery->stream->options->cluster, topic, name, value, err);
    while (may_ask_again(recovery, rc, err, &tries));
    return rc;
}

/* Whether a topic is still the one that was there when the process started. */
static weir_code check_topic(weir_recovery *recovery, const weir_topic_name *topic, weir_error *err)
{
    weir_topic_facts facts;
    unsigned tries = 0;
    weir_code rc;

    do
        rc = weir__cluster_describe(recovery->stream->options->cluster, topic->name, &facts, err);
    while (may_ask_again(recovery, rc, err, &tries));
    if (rc != WEIR_OK)
        return rc;
    if (!facts.exists || strcmp(facts.id, topic->id) != 0)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "topic '%s' %s while the job ran; start the job again",
                          topic->name, facts.exists ? "was made anew" : "was deleted");
    return WEIR_OK;
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static weir_code refuse(weir_recovery *recovery, weir_error *err, const char *why)
{
    return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                      "topic '%s', partition %" PRId32 ": %s. Start it with --resume to go on where the state stands, "
                      "or with --reprocess to throw the state away and read from the group's offset",
                      recovery->input->name, recovery->task->at.partition, why);
}

/* Where nobody has read yet. */
static weir_code find_first(weir_recovery *recovery, weir_error *err)
{
    weir_stream *stream = recovery->stream;
    weir_reset reset = weir__cluster_reset(stream->options->cluster);

    if (reset == WEIR__RESET_ERROR)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "topic '%s', partition %" PRId32 ": nothing is committed, and kafka.auto.offset.reset is "
                          "error; set it to earliest or latest",
                          recovery->input->name, recovery->task->at.partition);
    return ask_end(recovery, recovery->input->name, reset == WEIR__RESET_EARLIEST ? WEIR__LOG_START : WEIR__LOG_END,
                   &recovery->chosen.offset, err);
}

static bool is_same(const weir_tuple *a, const weir_tuple *b)
{
    return a->commit == b->commit && a->epoch == b->epoch && a->offset == b->offset &&
           strcmp(a->owner, b->owner) == 0 && strcmp(a->input, b->input) == 0;
}

/* Why the two sides, and the topics, do not fit; NULL: they do. */
static const char *find_conflict(const weir_recovery *recovery)
{
    const weir_stream_topics *topics = recovery->stream->options->topics;

    if (recovery->has_state && strcmp(recovery->state.input, recovery->input->id) != 0)
        return "the topic was made anew since the state was written";
    if (recovery->has_state && strcmp(recovery->state.journal, topics->journal.id) != 0)
        return "the action-state topic is not the one that the state knows";
    if (recovery->has_group && !recovery->is_group_ours && !weir__is_broken(WEIR__BREAK_IGNORE_FOREIGN_OFFSET))
        return "somebody else has set the group's offset";
    if (recovery->is_group_ours && !recovery->has_state)
        return "the changelog has nothing of it, though the group has committed an offset of the job";
    if (recovery->is_group_ours && !is_same(&recovery->group, &recovery->state))
        return "the group's offset and the changelog do not agree: one of them was set back";
    return NULL;
}

/*
 * Without a state nothing says how far epochs had come, and a claim of the past would void what is written below it. So
 * the journal does, if there is one: it holds what runs of the same inputs did, before the state was thrown away.
 */
static weir_code find_epoch(weir_recovery *recovery, weir_error *err)
{
    enum { POLL_MS = 200 };
    const weir_topic_name *topic = &recovery->stream->options->topics->journal;
    weir_reader_options options = { .cluster = recovery->stream->options->cluster, .read_uncommitted = true,
                                    .is_brief = true };
    weir_record *records = calloc(WEIR__BATCH, sizeof *records);
    weir_reader *reader = NULL;
    int64_t end = 0, at = recovery->journal_start;
    weir_arena arena;
    size_t count;
    weir_code rc = records ? ask_end(recovery, topic->name, WEIR__LOG_END, &end, err)
                           : weir__fail_memory(err, "recovery");

    weir__arena_init(&arena, 8192);
    if (rc == WEIR_OK && at < end)
        rc = weir__reader_open(&options, &reader, err);
    if (rc == WEIR_OK && at < end)
        rc = weir__reader_add(reader, topic->name, recovery->task->at.partition, at, 0, err);
    while (rc == WEIR_OK && at < end && !weir__recovery_is_cancelled(recovery)) {
        rc = weir__reader_poll(reader, POLL_MS, records, WEIR__BATCH, &count, err);
        if (rc == WEIR_UNREACHABLE)
            rc = WEIR_OK;
        if (rc == WEIR_UNKNOWN) { /* shortened meanwhile, by another owner or somebody: what is left goes as far */
            weir__reader_done(reader);
            weir__reader_remove(reader, topic->name, recovery->task->at.partition);
            rc = ask_end(recovery, topic->name, WEIR__LOG_START, &at, err);
            if (rc == WEIR_OK)
                rc = weir__reader_add(reader, topic->name, recovery->task->at.partition, at, 0, err);
            continue;
        }
        for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
            weir_entry *entry;

            at = records[i].offset + !records[i].is_end;
            if (records[i].is_end)
                continue;
            rc = weir__entry_open(records[i].value, &arena, &entry, err);
            if (rc == WEIR_OK && entry->epoch > recovery->chosen.epoch)
                recovery->chosen.epoch = entry->epoch;
            weir__arena_reset(&arena);
        }
        weir__reader_done(reader);
    }
    weir__reader_close(reader);
    weir__arena_clear(&arena);
    free(records);
    return rc;
}

/* As if it had never run, but for what counts on: the state goes with the taking transaction. */
static weir_code begin_anew(weir_recovery *recovery, weir_error *err)
{
    const weir_stream_options *options = recovery->stream->options;
    weir_tuple *chosen = &recovery->chosen;
    weir_code rc = WEIR_OK;

    memset(chosen, 0, sizeof *chosen);
    (void)snprintf(chosen->input, sizeof chosen->input, "%s", recovery->input->id);
    (void)snprintf(chosen->changelog, sizeof chosen->changelog, "%s", options->topics->changelog.id);
    (void)snprintf(chosen->journal, sizeof chosen->journal, "%s", options->topics->journal.id);
    if (recovery->has_state) {
        chosen->commit = recovery->state.commit;
        chosen->epoch = recovery->state.epoch;
        if (strcmp(recovery->state.journal, chosen->journal) == 0)
            chosen->claimed = recovery->state.claimed; /* a claim that was cut off makes void all the same */
    } else if (recovery->is_group_ours) {
        chosen->commit = recovery->group.commit;
        chosen->epoch = recovery->group.epoch;
    }
    if (recovery->has_group)
        chosen->offset = recovery->group_offset;
    else
        rc = find_first(recovery, err);
    chosen->next = chosen->offset;
    chosen->low = recovery->journal_start;
    chosen->claim = -1;
    if (rc == WEIR_OK && !recovery->has_state && options->topics->journal.name)
        rc = find_epoch(recovery, err);
    return rc;
}

static weir_code wipe_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    weir_recovery *recovery = context;

    (void)value;
    return weir__part_delete_cell(&recovery->wiped, key, path) == WEIR_OK ? WEIR_OK : weir__fail_memory(err, "a state");
}

static weir_code wipe_input(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    weir_recovery *recovery = context;

    (void)number;
    (void)record;
    return owner.size != 8 ||
                   weir__part_delete_input(&recovery->wiped, (int64_t)weir__get_64(owner.data), NULL, 0) == WEIR_OK
               ? WEIR_OK
               : weir__fail_memory(err, "a state");
}

static weir_code wipe_entry(void *context, weir_bytes owner, int64_t place, weir_bytes record, weir_error *err)
{
    weir_recovery *recovery = context;

    (void)record;
    return owner.size != 8 ||
                   weir__part_delete_input(&recovery->wiped, (int64_t)weir__get_64(owner.data), &place, 1) == WEIR_OK
               ? WEIR_OK
               : weir__fail_memory(err, "a state");
}

static weir_code reprocess(weir_recovery *recovery, const char *why, weir_error *err)
{
    weir_code rc = begin_anew(recovery, err);

    if (rc == WEIR_OK)
        rc = weir__store_scan(recovery->store, wipe_cell, recovery, err);
    if (rc == WEIR_OK)
        rc = weir__store_log_scan(recovery->store, "inbox", wipe_input, recovery, err);
    if (rc == WEIR_OK)
        rc = weir__store_log_scan(recovery->store, "journal", wipe_entry, recovery, err);
    if (rc != WEIR_OK)
        return rc;
    recovery->is_wiped = true;
    if (recovery->stream->options->topics->journal.name &&
        recovery->stream->options->start != WEIR__START_REPEAT_CALLS)
        recovery->chosen.gap = recovery->input_end; /* what was called for them before, nobody knows any more */
    weir__log(WEIR__LOG_WARN, recovery->task->name,
              "the state is thrown away, as asked for, and the input read again offset=%" PRId64 " cause=\"%s\"",
              recovery->chosen.offset, why);
    return WEIR_OK;
}

static weir_code decide(weir_recovery *recovery, weir_error *err)
{
    weir_stream_start start = recovery->stream->options->start;
    const char *why = find_conflict(recovery);

    if (why && start == WEIR__START_PLAIN)
        return refuse(recovery, err, why);
    if (why && start >= WEIR__START_REPROCESS)
        return reprocess(recovery, why, err);
    if (!recovery->has_state && why)
        return refuse(recovery, err, "there is no state to go on with");
    if (why && strcmp(recovery->state.input, recovery->input->id) != 0)
        return refuse(recovery, err, "the topic was made anew: its offsets say nothing of the old one's records");
    if (!recovery->has_state)
        return begin_anew(recovery, err);
    recovery->chosen = recovery->state;
    if (why)
        weir__log(WEIR__LOG_WARN, recovery->task->name, "going on where the state stands, as asked for offset=%" PRId64
                  " cause=\"%s\"", recovery->state.offset, why);
    else if (!recovery->has_group)
        weir__log(WEIR__LOG_WARN, recovery->task->name,
                  "the group has no offset any more (expired, or deleted), going on where the changelog stands offset=%"
                  PRId64, recovery->state.offset);
    return WEIR_OK;
}

/* A journal that was cut off above the low-water mark: what it could have said of open inputs is in doubt. */
static void look_for_gap(weir_recovery *recovery)
{
    weir_tuple *chosen = &recovery->chosen;

    if (!recovery->stream->options->topics->journal.name || recovery->journal_start <= chosen->low)
        return;
    weir__log(WEIR__LOG_WARN, recovery->task->name,
              "the journal begins behind what is needed of it: calls of the inputs up to offset %" PRId64
              " may have been made needed=%" PRId64 " begins=%" PRId64,
              recovery->input_end, chosen->low, recovery->journal_start);
    chosen->low = recovery->journal_start;
    if (!weir__is_broken(WEIR__BREAK_GAP_IS_NOTHING) && recovery->input_end > chosen->gap)
        chosen->gap = recovery->input_end;
}

/* ---- the inbox --------------------------------------------------------------------------------------------------- */

static weir_code keep_input(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    weir_recovery *recovery = context;
    weir_kept_input *kept;

    (void)number;
    if (recovery->input_count == recovery->input_capacity) {
        size_t capacity = recovery->input_capacity ? recovery->input_capacity * 2 : 64;
        weir_kept_input *all = realloc(recovery->inputs, capacity * sizeof *all);

        if (!all)
            return weir__fail_memory(err, "the inbox");
        recovery->inputs = all;
        recovery->input_capacity = capacity;
    }
    kept = &recovery->inputs[recovery->input_count];
    *kept = (weir_kept_input){ owner.size == 8 ? (int64_t)weir__get_64(owner.data) : -1, record.size,
                               malloc(record.size + 1) };
    if (!kept->bytes)
        return weir__fail_memory(err, "the inbox");
    memcpy(kept->bytes, record.data, record.size);
    recovery->input_count++;
    return WEIR_OK;
}

static weir_code keep_entry(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    weir_recovery *recovery = context;
    weir_found_entry *found;

    if (recovery->found_count == recovery->found_capacity) {
        size_t capacity = recovery->found_capacity ? recovery->found_capacity * 2 : 64;
        weir_found_entry *all = realloc(recovery->found, capacity * sizeof *all);

        if (!all)
            return weir__fail_memory(err, "the journal");
        recovery->found = all;
        recovery->found_capacity = capacity;
    }
    found = &recovery->found[recovery->found_count];
    *found = (weir_found_entry){ owner.size == 8 ? (int64_t)weir__get_64(owner.data) : -1, number, true, record.size,
                                 malloc(record.size + 1) };
    if (!found->bytes)
        return weir__fail_memory(err, "the journal");
    memcpy(found->bytes, record.data, record.size);
    recovery->found_count++;
    return WEIR_OK;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static weir_code recover_forwarding(weir_recovery *recovery, weir_error *err)
{
    weir_tuple *chosen = &recovery->chosen;
    weir_code rc = check_topic(recovery, recovery->input, err);

    if (rc == WEIR_OK)
        rc = ask_committed(recovery, err);
    if (rc != WEIR_OK)
        return rc;
    memset(chosen, 0, sizeof *chosen);
    if (recovery->is_group_ours) {
        if (strcmp(recovery->group.input, recovery->input->id) != 0)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                              "topic '%s' was made anew since the job read it. Delete the group's offsets for it, to "
                              "read it from its beginning", recovery->input->name);
        *chosen = recovery->group;
        chosen->offset = recovery->group_offset;
    } else if (recovery->has_group) {
        chosen->offset = recovery->group_offset;
    } else {
        rc = find_first(recovery, err);
    }
    (void)snprintf(chosen->input, sizeof chosen->input, "%s", recovery->input->id);
    chosen->next = chosen->offset;
    chosen->claim = -1;
    return rc;
}

/* The changelog is further on than what the group said before: a process that stood still between the two questions,
 * while others had its task, asks again. */
static bool is_overtaken(const weir_recovery *recovery)
{
    return recovery->is_group_ours && recovery->has_state && recovery->state.commit > recovery->group.commit;
}

static weir_code recover(weir_recovery *recovery, weir_error *err)
{
    const weir_stream_topics *topics = recovery->stream->options->topics;
    int64_t first = 0, end = 0;
    weir_code rc;

    if (recovery->task->is_forward)
        return recover_forwarding(recovery, err);
    rc = check_topic(recovery, recovery->input, err);
    if (rc == WEIR_OK)
        rc = check_topic(recovery, &topics->changelog, err);
    if (rc == WEIR_OK && topics->journal.name)
        rc = check_topic(recovery, &topics->journal, err);
    /* In this order: what the group says must not be newer than what the changelog is read up to. */
    if (rc == WEIR_OK)
        rc = ask_committed(recovery, err);
    if (rc == WEIR_OK)
        rc = ask_end(recovery, topics->changelog.name,
                     weir__is_broken(WEIR__BREAK_STABLE_END) ? WEIR__LOG_STABLE_END : WEIR__LOG_END, &end, err);
    if (rc == WEIR_OK)
        rc = ask_end(recovery, topics->changelog.name, WEIR__LOG_START, &first, err);
    if (rc == WEIR_OK && topics->journal.name)
        rc = ask_end(recovery, topics->journal.name, WEIR__LOG_START, &recovery->journal_start, err);
    if (rc == WEIR_OK && topics->journal.name)
        rc = ask_end(recovery, recovery->input->name, WEIR__LOG_END, &recovery->input_end, err);
    if (rc == WEIR_OK)
        rc = weir__recovery_prepare_store(recovery, first, end, err);
    if (rc == WEIR_OK)
        rc = weir__recovery_read_changelog(recovery, end, err);
    while (rc == WEIR_OK && is_overtaken(recovery) && !weir__recovery_is_cancelled(recovery)) {
        int64_t commit = recovery->group.commit;

        rc = ask_committed(recovery, err);
        if (rc != WEIR_OK || !recovery->is_group_ours || recovery->group.commit == commit)
            break; /* it was set back, and stays there */
        rc = ask_end(recovery, topics->changelog.name, WEIR__LOG_END, &end, err);
        if (rc == WEIR_OK)
            rc = weir__recovery_read_changelog(recovery, end, err);
    }
    if (rc != WEIR_OK || weir__recovery_is_cancelled(recovery))
        return rc;
    rc = decide(recovery, err);
    if (rc != WEIR_OK)
        return rc;
    look_for_gap(recovery);
    if (recovery->is_wiped)
        return WEIR_OK;
    rc = weir__store_log_scan(recovery->store, "inbox", keep_input, recovery, err);
    return rc == WEIR_OK ? weir__store_log_scan(recovery->store, "journal", keep_entry, recovery, err) : rc;
}

static void free_recovery(weir_recovery *recovery)
{
    weir__store_close(recovery->store);
    weir__arena_clear(&recovery->arena);
    weir__part_clear(&recovery->wiped);
    for (size_t i = 0; i < recovery->input_count; i++)
        free(recovery->inputs[i].bytes);
    free(recovery->inputs);
    for (size_t i = 0; i < recovery->found_count; i++)
        free(recovery->found[i].bytes);
    free(recovery->found);
    free(recovery);
}

/* ---- handing it over --------------------------------------------------------------------------------------------- */

static weir_code take_tuple(weir_stream_task *task, const weir_tuple *chosen, weir_error *err)
{
    task->tuple = *chosen;
    task->tuple.open = NULL;
    task->tuple.open_count = 0;
    task->stored_commit = chosen->commit;
    task->next = chosen->offset;
    task->done_until = chosen->next;
    task->known_low = chosen->low;
    task->deleted_low = chosen->low;
    task->highest_claim = chosen->claimed;
    if (!chosen->open_count)
        return WEIR_OK;
    task->done_but = malloc(chosen->open_count * sizeof *task->done_but);
    if (!task->done_but)
        return weir__fail_memory(err, "a task");
    memcpy(task->done_but, chosen->open, chosen->open_count * sizeof *task->done_but);
    task->done_but_count = chosen->open_count;
    return WEIR_OK;
}

void weir__stream_recovered(weir_stream_task *task)
{
    weir_recovery *recovery = task->recovery;
    weir_error err = recovery->error;
    weir_code rc = recovery->rc;

    task->recovery = NULL;
    if (task->state != WEIR__TASK_OPENING) {
        free_recovery(recovery); /* revoked, or lost meanwhile */
        return;
    }
    if (rc == WEIR_OK)
        rc = take_tuple(task, &recovery->chosen, &err);
    if (rc != WEIR_OK) {
        free_recovery(recovery);
        weir__stream_give_up(task->stream, WEIR__STREAM_STOPPING, rc, &err);
        return;
    }
    task->store = recovery->store;
    task->inputs = recovery->inputs;
    task->input_count = recovery->input_count;
    task->inputs_taken = 0;
    task->found = recovery->found;
    task->found_count = recovery->found_count;
    task->found_sorted = 0;
    task->found_capacity = recovery->found_capacity;
    if (recovery->is_wiped) {
        weir_part *part = weir__stream_part(task), empty = *part;

        *part = recovery->wiped;
        recovery->wiped = empty;
    }
    recovery->store = NULL;
    recovery->inputs = NULL;
    recovery->input_count = 0;
    recovery->found = NULL;
    recovery->found_count = 0;
    free_recovery(recovery);
    weir__stream_look_at_crashes(task);
    if (task->is_forward || weir__is_broken(WEIR__BREAK_NO_TAKING))
        weir__stream_task_move(task, WEIR__TASK_STARTING);
    else
        weir__stream_task_move(task, WEIR__TASK_TAKING);
    /* Already now: what there is is read while the taking transaction is made. */
    if (!task->is_forward && task->stream->appender && weir__stream_tail_begin(task, &err) != WEIR_OK)
        weir__stream_give_up(task->stream, WEIR__STREAM_BROKEN, err.code, &err);
}

static void on_loop(weir_post *post)
{
    weir_recovery *recovery = (weir_recovery *)((char *)post - offsetof(weir_recovery, post));

    weir__stream_recovered(recovery->task);
}

static void run(weir_task *job)
{
    weir_recovery *recovery = (weir_recovery *)job;

    recovery->rc = recover(recovery, &recovery->error);
    weir__engine_post(recovery->stream->engine, &recovery->post);
}

weir_code weir__recovery_begin(weir_stream_task *task, weir_error *err)
{
    weir_stream *stream = task->stream;
    weir_recovery *recovery = calloc(1, sizeof *recovery);

    if (!recovery)
        return weir__fail_memory(err, "recovery");
    recovery->job.run = run;
    recovery->post.fn = on_loop;
    recovery->task = task;
    recovery->stream = stream;
    recovery->input = &stream->options->topics->read[task->at.topic];
    atomic_init(&recovery->is_cancelled, false);
    atomic_init(&recovery->done, -1);
    atomic_init(&recovery->total, -1);
    weir__arena_init(&recovery->arena, 4096);
    weir__part_init(&recovery->wiped);
    task->recovery = recovery;
    stream->recoveries.submit(stream->recoveries.context, &recovery->job);
    return WEIR_OK;
}

void weir__recovery_cancel(weir_recovery *recovery)
{
    atomic_store(&recovery->is_cancelled, true);
}
