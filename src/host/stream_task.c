/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks of a stream: their states, and what a rebalance does to them. The picture is in stream_internal.h. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/breakage.h"
#include "base/log.h"
#include "host/stream_internal.h"

static const char *const state_names[] = {
    [WEIR__TASK_CLOSED] = "closed",     [WEIR__TASK_OPENING] = "opening",   [WEIR__TASK_TAKING] = "taking",
    [WEIR__TASK_CLAIMING] = "claiming", [WEIR__TASK_READING] = "reading",   [WEIR__TASK_STARTING] = "starting",
    [WEIR__TASK_RUNNING] = "running",   [WEIR__TASK_LEAVING] = "leaving",   [WEIR__TASK_LOST] = "lost",
};

/* The picture's text: from, to. */
static const bool allowed[9][9] = {
    [WEIR__TASK_CLOSED] = { [WEIR__TASK_OPENING] = true },
    [WEIR__TASK_OPENING] = { [WEIR__TASK_TAKING] = true, [WEIR__TASK_STARTING] = true, [WEIR__TASK_LEAVING] = true,
                             [WEIR__TASK_LOST] = true },
    [WEIR__TASK_TAKING] = { [WEIR__TASK_CLAIMING] = true, [WEIR__TASK_STARTING] = true, [WEIR__TASK_LEAVING] = true,
                            [WEIR__TASK_LOST] = true },
    [WEIR__TASK_CLAIMING] = { [WEIR__TASK_READING] = true, [WEIR__TASK_LEAVING] = true, [WEIR__TASK_LOST] = true },
    [WEIR__TASK_READING] = { [WEIR__TASK_STARTING] = true, [WEIR__TASK_LEAVING] = true, [WEIR__TASK_LOST] = true },
    [WEIR__TASK_STARTING] = { [WEIR__TASK_RUNNING] = true, [WEIR__TASK_LEAVING] = true, [WEIR__TASK_LOST] = true },
    [WEIR__TASK_RUNNING] = { [WEIR__TASK_LEAVING] = true, [WEIR__TASK_LOST] = true },
    [WEIR__TASK_LEAVING] = { [WEIR__TASK_CLOSED] = true, [WEIR__TASK_LOST] = true },
    [WEIR__TASK_LOST] = { [WEIR__TASK_CLOSED] = true },
};

void weir__stream_task_move(weir_stream_task *task, weir_stream_task_state state)
{
    assert(allowed[task->state][state]);
    weir__log(WEIR__LOG_DEBUG, task->name, "task is %s, was %s", state_names[state], state_names[task->state]);
    task->state = state;
    task->since_ms = task->stream->now_ms;
}

/* ---- all there could be ------------------------------------------------------------------------------------------ */

static weir_stream_task *new_task(weir_stream *stream, size_t topic, int32_t partition, uint32_t owner)
{
    const weir_topic_name *name = &stream->options->topics->read[topic];
    weir_stream_task *task = calloc(1, sizeof *task);
    size_t size = strlen(name->id) + 16;

    if (!task)
        return NULL;
    task->source = malloc(size);
    if (!task->source) {
        free(task);
        return NULL;
    }
    (void)snprintf(task->source, size, "%s/%" PRId32, name->id, partition);
    (void)snprintf(task->name, sizeof task->name, "host/%.70s-%" PRId32, name->name, partition);
    task->stream = stream;
    task->at = (weir_assigned){ topic, partition };
    task->owner = owner;
    task->is_forward = topic + 1 < stream->options->topics->read_count;
    task->to_read_back_tail = &task->to_read_back;
    weir__part_init(&task->parts[0]);
    weir__part_init(&task->parts[1]);
    weir__buffer_init(&task->sweep_from, SIZE_MAX);
    return task;
}

weir_code weir__stream_tasks_new(weir_stream *stream, weir_error *err)
{
    const weir_stream_topics *topics = stream->options->topics;
    size_t count = 0;

    for (size_t i = 0; i < topics->read_count; i++)
        count += (size_t)topics->read[i].partitions;
    stream->first_task = calloc(topics->read_count + 1, sizeof *stream->first_task);
    stream->tasks = calloc(count + 1, sizeof(weir_stream_task *));
    stream->cut.tasks = calloc(count + 1, sizeof(weir_stream_task *));
    if (!stream->first_task || !stream->tasks || !stream->cut.tasks)
        return weir__fail_memory(err, "the tasks");
    for (size_t i = 0; i < topics->read_count; i++) {
        stream->first_task[i] = stream->task_count;
        for (int32_t j = 0; j < topics->read[i].partitions; j++) {
            weir_stream_task *task = new_task(stream, i, j, (uint32_t)stream->task_count + 1);

            if (!task)
                return weir__fail_memory(err, "the tasks");
            stream->tasks[stream->task_count++] = task;
        }
    }
    return WEIR_OK;
}

void weir__stream_tasks_free(weir_stream *stream)
{
    for (size_t i = 0; i < stream->task_count; i++) {
        weir_stream_task *task = stream->tasks[i];

        weir__stream_forget_journal(task);
        weir__store_close(task->store);
        weir__part_clear(&task->parts[0]);
        weir__part_clear(&task->parts[1]);
        weir__buffer_clear(&task->sweep_from);
        for (size_t j = 0; j < task->input_count; j++)
            free(task->inputs[j].bytes);
        free(task->inputs);
        weir__stream_drop_crashes(task);
        free(task->done_but);
        free(task->left);
        free(task->source);
        free(task);
    }
    free(stream->tasks);
    free(stream->first_task);
    free(stream->cut.tasks);
    stream->tasks = NULL;
    stream->task_count = 0;
}

weir_stream_task *weir__stream_task_at(const weir_stream *stream, weir_assigned at)
{
    const weir_stream_topics *topics = stream->options->topics;

    if (at.topic >= topics->read_count || at.partition < 0 || at.partition >= topics->read[at.topic].partitions)
        return NULL; /* partitions that were added while we run */
    return stream->tasks[stream->first_task[at.topic] + (size_t)at.partition];
}

bool weir__stream_all_closed(const weir_stream *stream)
{
    for (size_t i = 0; i < stream->task_count; i++) {
        if (stream->tasks[i]->state != WEIR__TASK_CLOSED)
            return false;
    }
    return true;
}

/* ---- coming ------------------------------------------------------------------------------------------------------ */

void weir__stream_assign(weir_stream_task *task)
{
    weir_error err;
    weir_code rc;

    task->is_assigned = true;
    if (task->state != WEIR__TASK_CLOSED)
        return; /* it was ours all the time */
    task->life++;
    task->is_taken = false;
    task->is_started = false;
    task->has_moved = false;
    task->is_told_to_forget = false;
    task->needs_last_cut = false;
    task->reads_own = false;
    task->input_ms = 0;
    task->swept_ms = 0;
    task->is_swept = false;
    task->sweep_again_ms = 0;
    weir__buffer_reset(&task->sweep_from);
    task->is_left_known = false;
    task->left_count = 0;
    task->claim_place = -1;
    task->commits = 0;
    weir__stream_task_move(task, WEIR__TASK_OPENING);
    rc = weir__stream_find_crashes(task, &err);
    if (rc == WEIR_OK)
        rc = weir__recovery_begin(task, &err);
    if (rc != WEIR_OK)
        weir__stream_give_up(task->stream, WEIR__STREAM_BROKEN, rc, &err);
}

/* After the taking transaction: the journal, if there is one. */
static void claim(weir_stream_task *task)
{
    weir_error err;
    weir_code rc;

    if (!task->stream->appender || weir__is_broken(WEIR__BREAK_NO_CLAIM)) {
        weir__stream_task_move(task, WEIR__TASK_STARTING);
        return;
    }
    weir__stream_task_move(task, WEIR__TASK_CLAIMING);
    rc = weir__stream_claim(task, &err);
    if (rc != WEIR_OK)
        weir__stream_give_up(task->stream, WEIR__STREAM_BROKEN, rc, &err);
}

static void start(weir_stream_task *task)
{
    weir_stream *stream = task->stream;
    weir_error err;
    weir_code rc;

    while (task->inputs_taken < task->input_count && stream->may_accept && stream->state == WEIR__STREAM_RUNNING)
        if (!weir__stream_take_kept(stream, task))
            return;
    if (task->inputs_taken < task->input_count || stream->state != WEIR__STREAM_RUNNING)
        return;
    rc = weir__consumer_start(stream->consumer, task->at, task->next, &err);
    if (rc == WEIR_OK) {
        task->is_started = true;
        weir__stream_task_move(task, WEIR__TASK_RUNNING);
        weir__log(WEIR__LOG_INFO, task->name,
                  "task runs offset=%" PRId64 " epoch=%" PRId64 " inbox=%zu journal-low=%" PRId64, task->next,
                  task->tuple.epoch, task->input_count, task->tuple.low);
    } else if (rc != WEIR_UNREACHABLE) { /* that one is asked again */
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, &err);
    }
}

/* ---- going ------------------------------------------------------------------------------------------------------- */

weir_code weir__stream_leave_open(weir_stream_task *task, int64_t offset)
{
    if (task->left_count == task->left_capacity) {
        size_t capacity = task->left_capacity ? task->left_capacity * 2 : 64;
        int64_t *left = realloc(task->left, capacity * sizeof *left);

        if (!left)
            return WEIR_NO_MEMORY;
        task->left = left;
        task->left_capacity = capacity;
    }
    task->left[task->left_count++] = offset;
    return WEIR_OK;
}

/* What is open now stays open: its runs are about to be dropped. */
static weir_code note_open(weir_stream_task *task)
{
    weir_code rc = WEIR_OK;

    for (weir_run *run = weir__engine_oldest(task->stream->engine); run && rc == WEIR_OK; run = run->newer) {
        const weir_stream_input *input = run->host;

        if (input->task == task && !(input->open && input->open->is_stored))
            rc = weir__stream_leave_open(task, (int64_t)run->index);
    }
    for (size_t i = 0; i < task->done_but_count && rc == WEIR_OK; i++) {
        if (task->done_but[i] >= task->next)
            rc = weir__stream_leave_open(task, task->done_but[i]);
    }
    task->is_left_known = true;
    return rc;
}

static void drop_runs(weir_stream_task *task)
{
    if (task->recovery)
        weir__recovery_cancel(task->recovery);
    if (!task->is_told_to_forget && !task->is_forward)
        weir__engine_drop(task->stream->engine, task->owner);
    task->is_told_to_forget = true;
}

void weir__stream_leave(weir_stream_task *task)
{
    weir_error err;

    if (task->state == WEIR__TASK_CLOSED || task->state == WEIR__TASK_LEAVING || task->state == WEIR__TASK_LOST)
        return;
    task->needs_last_cut = task->state >= WEIR__TASK_STARTING &&
                           (task->is_forward ? weir__stream_part(task)->is_used || task->has_moved : true);
    if (task->needs_last_cut && note_open(task) != WEIR_OK) {
        weir__stream_give_up(task->stream, WEIR__STREAM_BROKEN, WEIR_NO_MEMORY,
                             (weir__fail_memory(&err, "a task"), &err));
        return;
    }
    weir__stream_task_move(task, WEIR__TASK_LEAVING);
    drop_runs(task);
}

void weir__stream_lose(weir_stream_task *task, const char *why)
{
    if (task->state == WEIR__TASK_CLOSED || task->state == WEIR__TASK_LOST)
        return;
    weir__log(WEIR__LOG_WARN, task->name, "task is lost, its runs are left to its new owner cause=\"%s\"", why);
    weir__stream_task_move(task, WEIR__TASK_LOST);
    task->needs_last_cut = false;
    drop_runs(task);
    weir__part_reset(weir__stream_part(task));
}

static bool is_in_cut(const weir_stream_task *task)
{
    const weir_stream *stream = task->stream;

    for (size_t i = 0; stream->is_committing && i < stream->cut.count; i++) {
        if (stream->cut.tasks[i] == task)
            return true;
    }
    return false;
}

static void close_task(weir_stream_task *task)
{
    weir_stream *stream = task->stream;

    weir__stream_tail_end(task);
    weir__stream_forget_records(stream, task);
    weir__stream_forget_journal(task);
    if (!task->is_forward)
        weir__engine_forget(stream->engine, task->owner);
    weir__store_close(task->store);
    task->store = NULL;
    for (size_t i = 0; i < task->input_count; i++)
        free(task->inputs[i].bytes);
    free(task->inputs);
    task->inputs = NULL;
    task->input_count = 0;
    task->inputs_taken = 0;
    weir__stream_drop_crashes(task);
    free(task->done_but);
    task->done_but = NULL;
    task->done_but_count = 0;
    task->done_until = 0;
    weir__part_reset(&task->parts[0]);
    weir__part_reset(&task->parts[1]);
    weir__stream_task_move(task, WEIR__TASK_CLOSED);
    weir__log(WEIR__LOG_INFO, task->name, "task is given up offset=%" PRId64 " commit=%" PRId64, task->tuple.offset,
              task->tuple.commit);
}

/* Once its runs are gone, and nothing of it is under way. */
static void leave_further(weir_stream_task *task)
{
    if (task->recovery || (!task->is_forward && weir__engine_is_dropping(task->stream->engine, task->owner)) ||
        task->needs_last_cut || is_in_cut(task))
        return;
    close_task(task);
}

/*
 * A task that does not get on. Its journal's tail is begun anew, from where it has got to. For the rest it is only
 * said, so that somebody knows where it hangs.
 */
static void look_whether_it_hangs(weir_stream_task *task)
{
    enum { TELL_MS = 5000 };
    weir_stream *stream = task->stream;
    weir_error err;

    if (task->state == WEIR__TASK_CLOSED || task->state == WEIR__TASK_OPENING || task->state == WEIR__TASK_RUNNING ||
        stream->now_ms - task->since_ms < TELL_MS || stream->now_ms - task->told_ms < TELL_MS)
        return;
    task->told_ms = stream->now_ms;
    weir__log(WEIR__LOG_WARN, task->name, "task is %s for %" PRId64 " s now journal-end=%" PRId64 " claim=%" PRId64,
              state_names[task->state], (stream->now_ms - task->since_ms) / 1000, task->journal_end, task->claim_place);
    if (task->state != WEIR__TASK_READING)
        return;
    weir__stream_tail_end(task);
    if (weir__stream_tail_again(task, &err) != WEIR_OK)
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, err.code, &err);
}

void weir__stream_drive_task(weir_stream_task *task)
{
    look_whether_it_hangs(task);
    switch (task->state) {
    case WEIR__TASK_CLOSED:
    case WEIR__TASK_OPENING: /* weir__stream_recovered() */
    case WEIR__TASK_CLAIMING:
    case WEIR__TASK_READING: /* stream_journal.c */
    case WEIR__TASK_RUNNING:
        return;
    case WEIR__TASK_TAKING:
        if (task->is_taken)
            claim(task);
        return;
    case WEIR__TASK_STARTING:
        start(task);
        return;
    case WEIR__TASK_LEAVING:
    case WEIR__TASK_LOST:
        leave_further(task);
        return;
    }
}

/* ---- rebalances -------------------------------------------------------------------------------------------------- */

static bool are_closed(const weir_stream *stream, const weir_rebalance *rebalance)
{
    for (size_t i = 0; i < rebalance->count; i++) {
        const weir_stream_task *task = weir__stream_task_at(stream, rebalance->partitions[i]);

        if (task && task->state != WEIR__TASK_CLOSED)
            return false;
    }
    return true;
}

static bool answer(weir_stream *stream)
{
    weir_error err;
    weir_code rc = weir__consumer_answer(stream->consumer, &err);

    stream->vitals.rebalances++;
    if (rc == WEIR_FENCED)
        weir__stream_rejoin(stream, err.message);
    else if (rc != WEIR_OK)
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, &err);
    return rc == WEIR_OK;
}

static void take_on(weir_stream *stream, const weir_rebalance *rebalance)
{
    weir_assigned *added = malloc((rebalance->count + 1) * sizeof *added);
    size_t count = rebalance->count;
    weir_error err;

    if (!added) {
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, WEIR_NO_MEMORY,
                             (weir__fail_memory(&err, "an assignment"), &err));
        return;
    }
    if (count)
        memcpy(added, rebalance->partitions, count * sizeof *added);
    if (answer(stream)) { /* the list is gone with it */
        for (size_t i = 0; i < count; i++) {
            weir_stream_task *task = weir__stream_task_at(stream, added[i]);

            if (task)
                weir__stream_assign(task);
            else
                weir__stream_give_up(stream, WEIR__STREAM_BROKEN, WEIR_IO,
                                     (weir__fail(&err, WEIR_IO, WEIR_REMEDY_STOP,
                                                 "topic '%s' has got more partitions; start the job again, and see "
                                                 "what it says of its own topics",
                                                 stream->options->topics->read[added[i].topic].name),
                                      &err));
        }
    }
    free(added);
}

void weir__stream_drive_rebalance(weir_stream *stream)
{
    const weir_rebalance *rebalance = weir__consumer_rebalance(stream->consumer);

    if (!rebalance)
        return;
    switch (rebalance->kind) {
    case WEIR__REBALANCE_ASSIGN:
        if (stream->state != WEIR__STREAM_RUNNING) {
            (void)answer(stream); /* to be given back with the rest */
            return;
        }
        if (!are_closed(stream, rebalance))
            return; /* given up a moment ago, and not yet gone */
        take_on(stream, rebalance);
        return;
    case WEIR__REBALANCE_REVOKE:
    case WEIR__REBALANCE_LOST:
        for (size_t i = 0; i < rebalance->count; i++) {
            weir_stream_task *task = weir__stream_task_at(stream, rebalance->partitions[i]);

            if (task && rebalance->kind == WEIR__REBALANCE_REVOKE)
                weir__stream_leave(task);
            else if (task)
                weir__stream_lose(task, "the group has given it to another");
        }
        if (are_closed(stream, rebalance)) {
            for (size_t i = 0; i < rebalance->count; i++) {
                weir_stream_task *task = weir__stream_task_at(stream, rebalance->partitions[i]);

                if (task)
                    task->is_assigned = false;
            }
            (void)answer(stream);
        }
        return;
    }
}

/* A task that was lost to a claim, and that the group leaves with us all the same: nobody would read it. */
void weir__stream_look_for_strays(weir_stream *stream)
{
    enum { STRAY_MS = 10000 };

    for (size_t i = 0; i < stream->task_count && stream->state == WEIR__STREAM_RUNNING; i++) {
        const weir_stream_task *task = stream->tasks[i];

        if (task->state == WEIR__TASK_CLOSED && task->is_assigned && stream->now_ms - task->since_ms > STRAY_MS)
            weir__stream_rejoin(stream, "a partition of this member has been lost, and was not given to another");
    }
}
