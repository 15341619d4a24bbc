/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts of a stream: what has ended since the last one, in one piece, for all its tasks; and what becomes of them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/memory.h"
#include "base/breakage.h"
#include "base/log.h"
#include "host/stream_internal.h"

enum { AGAIN_FIRST_MS = 20, AGAIN_MOST_MS = 2000 };

weir_part *weir__stream_part(weir_stream_task *task)
{
    return &task->parts[task->stream->filling];
}

bool weir__stream_is_full(const weir_stream *stream)
{
    return stream->ended_since_cut >= stream->commit_runs || stream->filled_bytes >= stream->commit_bytes;
}

/* A commit is under way, and what waits for the next one has reached a bound: by bytes, since a transaction must fit
 * its time-out; by runs only when they are many, since waiting for commits is what costs the rate. */
bool weir__stream_must_wait(const weir_stream *stream)
{
    enum { TIMES = 4 };

    return stream->is_committing && (stream->filled_bytes >= stream->commit_bytes ||
                                     stream->ended_since_cut >= TIMES * stream->commit_runs);
}

/* May what this task has done be committed? */
static bool is_cut(const weir_stream_task *task)
{
    switch (task->state) {
    case WEIR__TASK_CLOSED:
    case WEIR__TASK_OPENING:
    case WEIR__TASK_LOST:
        return false;
    case WEIR__TASK_TAKING:
        return true;
    case WEIR__TASK_LEAVING:
        return task->needs_last_cut && task->is_left_known &&
               !weir__engine_is_dropping(task->stream->engine, task->owner);
    case WEIR__TASK_CLAIMING:
    case WEIR__TASK_READING:
    case WEIR__TASK_STARTING:
    case WEIR__TASK_RUNNING:
        return true;
    }
    return false;
}

/* Whether there is something about the task that a commit should hold. */
static bool has_news(const weir_stream_task *task)
{
    return is_cut(task) && (task->parts[task->stream->filling].is_used || task->has_moved ||
                            (task->state == WEIR__TASK_TAKING && !task->is_taken) || task->needs_last_cut);
}

void weir__stream_look_for_old(weir_stream *stream)
{
    for (weir_run *run = weir__engine_oldest(stream->engine); run; run = run->newer) {
        weir_stream_input *input = run->host;

        if (stream->now_ms - input->accepted_ms < stream->inbox_age_ms)
            return; /* and so are those behind it */
        if (!(input->open && input->open->is_stored))
            input->task->has_moved = true;
    }
}

bool weir__stream_has_changes(const weir_stream *stream)
{
    if (stream->ended_since_cut > 0 || weir__keys_are_dirty(weir__engine_keys(stream->engine)))
        return true;
    for (size_t i = 0; i < stream->task_count; i++) {
        if (has_news(stream->tasks[i]))
            return true;
    }
    return false;
}

/* ---- making one -------------------------------------------------------------------------------------------------- */

static weir_code put_cell(void *context, const weir_key *key, const weir_cell *cell, weir_error *err)
{
    weir_stream *stream = context;
    weir_stream_task *task = stream->tasks[key->owner - 1];
    weir_part *part = weir__stream_part(task);
    weir_code rc;

    if (!is_cut(task))
        return WEIR_OK; /* lost: nobody will see it */
    weir__stream_sweep_again(task);
    if (cell->type == WEIR__CELL_DELETED) {
        rc = weir__part_delete_cell(part, key->bytes, cell->path);
    } else {
        weir__buffer_reset(&stream->cell_value);
        rc = weir__cell_encode(cell, &stream->cell_value);
        if (rc == WEIR_OK)
            rc = weir__part_put_cell(part, key->bytes, cell->path, weir__buffer_bytes(&stream->cell_value));
    }
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a cut");
}

/* An input goes into the inbox: version, flags, timestamp, key, value. */
static weir_code store_input(weir_run *run, weir_part *part)
{
    const weir_stream_input *input = run->host;
    weir_buffer *out = &input->task->stream->scratch;
    weir_open_run *open = weir__stream_open_run(run);
    uint8_t head[2] = { 1, (uint8_t)(input->has_key | (input->raw.data != NULL) << 1) };
    uint32_t size = input->has_key ? (uint32_t)run->key_bytes.size : 0;
    weir_code rc = open ? WEIR_OK : WEIR_NO_MEMORY;

    weir__buffer_reset(out);
    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, head, sizeof head);
    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, &run->timestamp, sizeof run->timestamp);
    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, &size, sizeof size);
    if (rc == WEIR_OK && size)
        rc = weir__buffer_add(out, run->key_bytes.data, size);
    if (rc == WEIR_OK && input->raw.data)
        rc = weir__buffer_add(out, input->raw.data, input->raw.size);
    if (rc == WEIR_OK)
        rc = weir__part_put_input(part, (int64_t)run->index, weir__buffer_bytes(out));
    if (rc == WEIR_OK)
        open->is_stored = true;
    return rc;
}

/*
 * Inputs that are open: young ones are listed, and read again after a crash; one that has been open for long, or that
 * holds too many back, goes into the inbox, and holds nothing back any more.
 */
static weir_code list_open(weir_stream *stream, weir_error *err)
{
    size_t behind = weir__engine_counts(stream->engine).waiting;

    for (weir_run *run = weir__engine_oldest(stream->engine); run; run = run->newer) {
        weir_stream_input *input = run->host;
        weir_stream_task *task = input->task;
        weir_part *part = weir__stream_part(task);
        weir_code rc;

        if (task->is_forward || !is_cut(task) || task->state == WEIR__TASK_LEAVING ||
            (input->open && input->open->is_stored))
            continue;
        if (stream->now_ms - input->accepted_ms >= stream->inbox_age_ms || behind > stream->commit_runs)
            rc = store_input(run, part);
        else
            rc = weir__is_broken(WEIR__BREAK_PASS_OPEN) ? WEIR_OK : weir__part_add_open(part, (int64_t)run->index);
        if (rc != WEIR_OK)
            return weir__fail_memory(err, "a cut");
    }
    return WEIR_OK;
}

/* Up to where all that the journal has of a run is kept: what is not read yet, or not acknowledged, may stand there. */
static int64_t find_known_end(const weir_stream_task *task, const weir_open_run *open)
{
    int64_t end = task->journal_end;

    for (const weir_kept_entry *entry = open->entries; entry; entry = entry->next) {
        if (entry->place < 0 && entry->bound < end)
            end = entry->bound;
    }
    return end;
}

/*
 * What the journal has of runs in the inbox goes along, so that the journal need not be read from there again. Without
 * gaps: recovery takes all of a run that stands below its last one in the changelog for copied.
 */
static weir_code store_entries(weir_stream_task *task, weir_part *part)
{
    for (const weir_open_run *open = task->oldest; open; open = open->newer) {
        int64_t end = open->is_stored ? find_known_end(task, open) : 0;

        for (weir_kept_entry *entry = open->entries; entry && open->is_stored; entry = entry->next) {
            weir_code rc;

            if (entry->is_stored || entry->place < 0 || entry->place >= end)
                continue; /* or with the next cut */
            rc = weir__part_put_entry(part, open->number, entry->place, weir__bytes(entry->bytes, entry->size));
            if (rc != WEIR_OK)
                return rc;
            entry->is_stored = true;
        }
    }
    return WEIR_OK;
}

static int by_offset(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;

    return *a < *b ? -1 : *a > *b;
}

static weir_code add_left(weir_stream_task *task, weir_part *part)
{
    weir_code rc = WEIR_OK;

    for (size_t i = 0; i < task->left_count && rc == WEIR_OK; i++)
        rc = weir__part_add_open(part, task->left[i]);
    if (task->state == WEIR__TASK_LEAVING)
        return rc; /* they are among those left */
    for (size_t i = 0; i < task->done_but_count && rc == WEIR_OK; i++) {
        if (task->done_but[i] >= task->next) /* not read again yet */
            rc = weir__part_add_open(part, task->done_but[i]);
    }
    return rc;
}

/* What the task will be once this is committed. */
static weir_code finish_part(weir_stream_task *task, weir_part *part)
{
    weir_stream *stream = task->stream;
    weir_tuple *tuple = &part->tuple;
    size_t open_count;
    weir_code rc = store_entries(task, part);

    if (rc == WEIR_OK)
        rc = add_left(task, part);
    if (rc != WEIR_OK)
        return rc;
    if (part->tuple.open_count > 1)
        qsort(part->open, part->tuple.open_count, sizeof *part->open, by_offset);
    open_count = part->tuple.open_count;
    *tuple = task->tuple;
    tuple->open = part->open;
    tuple->open_count = open_count;
    tuple->next = task->next > task->done_until ? task->next : task->done_until;
    tuple->offset = open_count ? part->open[0] : tuple->next;
    if (weir__is_broken(WEIR__BREAK_FORGET_OPEN)) {
        tuple->next = tuple->offset;
        tuple->open_count = 0;
    }
    tuple->commit++;
    (void)snprintf(tuple->owner, sizeof tuple->owner, "%s", weir__stream_committer_id(stream->committer));
    if (task->state == WEIR__TASK_TAKING && !task->is_forward) {
        tuple->epoch++;
        tuple->claim = -1;
    } else if (stream->appender && !task->is_forward && task->is_tailed) {
        tuple->low = weir__is_broken(WEIR__BREAK_LOW_PASSES) ? task->journal_end : weir__stream_low(task);
        if (tuple->claim >= 0 && tuple->claim < tuple->low)
            tuple->claimed = tuple->epoch;
    }
    part->is_used = true;
    return WEIR_OK;
}

/*
 * Not while a task that is being left still drops its runs: it is no part of the cut then, and what it has to say (the
 * cells of its keys, records of runs that have ended) would fall between this cut and its last one.
 */
static bool may_cut(const weir_stream *stream)
{
    for (size_t i = 0; i < stream->task_count; i++) {
        const weir_stream_task *task = stream->tasks[i];

        if (task->state == WEIR__TASK_LEAVING && task->needs_last_cut && !is_cut(task))
            return false;
    }
    return true;
}

void weir__stream_cut(weir_stream *stream)
{
    weir_stream_cut *cut = &stream->cut;
    weir_error err;
    weir_code rc = WEIR_OK;

    if (!may_cut(stream))
        return;
    for (size_t i = 0; i < stream->task_count && rc == WEIR_OK; i++) {
        if (weir__stream_sweeps(stream->tasks[i])) /* first: it does not see what changes with this cut */
            rc = weir__stream_sweep(stream->tasks[i], &err);
    }
    if (rc == WEIR_OK)
        rc = weir__keys_cut(weir__engine_keys(stream->engine), stream->next_commit, put_cell, stream, &err);
    if (rc == WEIR_OK)
        rc = list_open(stream, &err);
    cut->count = 0;
    for (size_t i = 0; i < stream->task_count && rc == WEIR_OK; i++) {
        weir_stream_task *task = stream->tasks[i];
        weir_part *part = weir__stream_part(task);

        if (!has_news(task)) {
            part->tuple.open_count = 0; /* listed in vain */
            continue;
        }
        if (finish_part(task, part) != WEIR_OK) {
            rc = weir__fail_memory(&err, "a cut");
            break;
        }
        task->tuple = part->tuple; /* what follows goes on from there: nothing is sent before this one is known */
        task->tuple.open_count = 0;
        task->tuple.open = NULL;
        task->has_moved = false;
        cut->tasks[cut->count++] = task;
    }
    if (rc != WEIR_OK) {
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, &err);
        return;
    }
    stream->ended_since_cut = 0;
    stream->filled_bytes = 0;
    stream->last_cut_ms = stream->now_ms;
    cut->number = stream->next_commit++;
    cut->which = stream->filling;
    cut->appended = stream->appended;
    cut->started_ms = stream->now_ms;
    if (!cut->count) {
        weir__engine_committed(stream->engine, cut->number); /* of tasks that are lost: nobody waits for it */
        return;
    }
    stream->filling = 1 - stream->filling;
    stream->is_committing = true;
    stream->is_cut_waiting = true;
    stream->again_ms = 0;
    stream->agains = 0;
    weir__stream_drive_cut(stream);
}

/* ---- sending it, and sending it again ---------------------------------------------------------------------------- */

/* Tasks that were lost meanwhile leave the cut. */
static void drop_lost(weir_stream_cut *cut)
{
    size_t kept = 0;

    for (size_t i = 0; i < cut->count; i++) {
        weir_stream_task *task = cut->tasks[i];

        if (task->state == WEIR__TASK_LOST)
            weir__part_reset(&task->parts[cut->which]);
        else
            cut->tasks[kept++] = task;
    }
    cut->count = kept;
}

static void end_cut(weir_stream *stream)
{
    stream->is_committing = false;
    stream->is_cut_waiting = false;
    weir__engine_committed(stream->engine, stream->cut.number);
}

void weir__stream_drive_cut(weir_stream *stream)
{
    weir_stream_cut *cut = &stream->cut;

    if (!stream->is_cut_waiting || stream->is_beginning)
        return;
    if (stream->state == WEIR__STREAM_BROKEN) { /* what it waits for may never come */
        end_cut(stream);
        return;
    }
    if (stream->now_ms < stream->again_ms)
        return;
    if (stream->acknowledged < cut->appended && !weir__is_broken(WEIR__BREAK_CUT_BEFORE_JOURNAL))
        return; /* what its outputs rest on is not in the log yet */
    drop_lost(cut);
    if (!cut->count) {
        end_cut(stream);
        return;
    }
    cut->rebalances = weir__consumer_rebalances(stream->consumer);
    stream->is_cut_waiting = false;
    weir__stream_committer_submit(stream->committer, cut);
}

static void count_commit(weir_stream *stream)
{
    const weir_stream_cut *cut = &stream->cut;

    stream->result->commits++;
    weir__status_observe(&stream->vitals.commit_latency, stream->now_ms - cut->started_ms);
    for (size_t i = 0; i < cut->count; i++) {
        weir_stream_task *task = cut->tasks[i];
        weir_part *part = &task->parts[cut->which];

        stream->result->outputs += part->outputs;
        task->known_low = part->tuple.low;
        task->known_offset = part->tuple.offset;
        task->known_commit = part->tuple.commit;
        task->commits++;
        weir__stream_forget_crashes(task, cut->number);
        if (task->state == WEIR__TASK_LEAVING)
            task->needs_last_cut = false;
        else if (task->state == WEIR__TASK_TAKING)
            task->is_taken = true;
        weir__part_reset(part);
    }
}

/*
 * Sent again and again, and no member any more: the tasks are another's. A loss is not noted while a revocation waits
 * to be answered; and that one waits for the last cut of what it takes, which nobody may commit.
 */
static bool is_without_member(const weir_stream *stream)
{
    enum { AGAINS = 4 };
    weir_group_member *member;
    bool is_one;

    if (stream->agains < AGAINS || !stream->consumer)
        return false;
    member = weir__consumer_member(stream->consumer);
    is_one = member != NULL;
    weir__group_member_free(member);
    return !is_one;
}

void weir__stream_cut_is_known(weir_stream *stream, weir_cut_outcome outcome, const weir_error *err)
{
    weir_stream_cut *cut = &stream->cut;

    if (outcome == WEIR__CUT_AGAIN && is_without_member(stream))
        outcome = WEIR__CUT_TAKEN;
    stream->now_ms = weir__clock_monotonic_ms(stream->clock);
    stream->vitals.commits_failed += outcome != WEIR__CUT_COMMITTED;
    stream->vitals.fencings += outcome == WEIR__CUT_TAKEN;
    /* At once, also when no other cut is to come: what hangs of the old one would keep recovery waiting. */
    if (outcome != WEIR__CUT_FAILED && outcome != WEIR__CUT_STOPPED)
        weir__stream_committer_mend(stream->committer);
    switch (outcome) {
    case WEIR__CUT_COMMITTED:
        count_commit(stream);
        end_cut(stream);
        return;
    case WEIR__CUT_AGAIN:
        weir__log(WEIR__LOG_INFO, stream->name, "transaction aborted, sent again cause=\"%s\"", err->message);
        if (weir__is_broken(WEIR__BREAK_DROP_ON_ABORT)) {
            count_commit(stream);
            end_cut(stream);
            return;
        }
        stream->again_ms = stream->now_ms + (stream->agains < 7 ? AGAIN_FIRST_MS << stream->agains : AGAIN_MOST_MS);
        stream->agains++;
        stream->is_cut_waiting = true;
        return;
    case WEIR__CUT_TAKEN:
        weir__log(WEIR__LOG_WARN, stream->name, "its tasks may be another's, leaving them cause=\"%s\"", err->message);
        weir__stream_rejoin(stream, err->message);
        drop_lost(cut);
        end_cut(stream);
        return;
    case WEIR__CUT_STOPPED:
    case WEIR__CUT_FAILED:
        stream->is_committing = false;
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, err->code, err);
        return;
    }
}
