/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream thread tells of itself and of its tasks. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/stream_internal.h"
#include "host/stream_recovery.h"

enum { PATH_BYTES = 4096 };

/* What cannot be seen counts as nothing. */
static uint64_t state_bytes(const weir_stream_task *task)
{
    static const char *const names[] = { "state.db", "state.db-wal" };
    uint64_t bytes = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && !task->is_forward; i++) {
        char path[PATH_BYTES];
        struct stat status;

        if (snprintf(path, sizeof path, "%s/%" PRId32 "/%s", task->stream->options->folder, task->at.partition,
                     names[i]) < (int)sizeof path &&
            stat(path, &status) == 0)
            bytes += (uint64_t)status.st_size;
    }
    return bytes;
}

static weir_status_task_state state_of(const weir_stream_task *task)
{
    switch (task->state) {
    case WEIR__TASK_CLOSED:
    case WEIR__TASK_TAKING:
    case WEIR__TASK_CLAIMING:
        return WEIR__STATUS_TASK_OPENING;
    case WEIR__TASK_OPENING:
    case WEIR__TASK_READING:
    case WEIR__TASK_STARTING:
        return WEIR__STATUS_TASK_RESTORING;
    case WEIR__TASK_RUNNING:
        return WEIR__STATUS_TASK_RUNNING;
    case WEIR__TASK_LEAVING:
    case WEIR__TASK_LOST:
        return WEIR__STATUS_TASK_CLOSING;
    }
    return WEIR__STATUS_TASK_OPENING;
}

static void fill_task(const weir_stream_task *task, weir_status_task *out)
{
    const weir_stream *stream = task->stream;
    bool has_tuple = task->state != WEIR__TASK_OPENING;

    *out = (weir_status_task){
        .topic = stream->options->topics->read[task->at.topic].name,
        .partition = task->at.partition,
        .state = state_of(task),
        .is_paused = task->state == WEIR__TASK_RUNNING && stream->is_held,
        .since_ms = weir__clock_wall_ms(stream->clock) - (stream->now_ms - task->since_ms),
        .committed_offset = task->commits ? task->known_offset : -1,
        .position = has_tuple ? task->next : -1,
        .high_watermark = stream->consumer ? weir__consumer_high_watermark(stream->consumer, task->at) : -1,
        .epoch = task->is_forward || !has_tuple ? -1 : task->tuple.epoch,
        .commit_number = task->commits ? (uint64_t)task->known_commit : 0,
        .journal_low_water = stream->appender && task->commits && !task->is_forward ? task->known_low : -1,
        .journal_end = task->is_tailed ? task->journal_end : -1,
        .restored = -1,
        .restore_total = -1,
        .state_bytes = state_bytes(task),
    };
    if (task->recovery) {
        out->restored = atomic_load(&task->recovery->done);
        out->restore_total = atomic_load(&task->recovery->total);
    }
}

/* Runs under way, by task; `at` says where in the list a task of the stream stands. */
static void count_runs(const weir_stream *stream, weir_status_task *tasks, const size_t *at)
{
    for (const weir_run *run = weir__engine_oldest(stream->engine); run; run = run->newer) {
        weir_status_task *task = &tasks[at[run->owner - 1]];

        task->in_flight++;
        switch (run->state) {
        case WEIR__RUN_WAITING:
            task->waiting++;
            break;
        case WEIR__RUN_QUEUED:
            task->queued++;
            break;
        case WEIR__RUN_PARKED:
            task->parked++;
            break;
        case WEIR__RUN_NEW:
        case WEIR__RUN_READY:
        case WEIR__RUN_RUNNING:
        case WEIR__RUN_ENDED:
            break;
        }
    }
}

static bool is_shown(const weir_stream_task *task)
{
    return task->state != WEIR__TASK_CLOSED;
}

static void fill_thread(weir_stream *stream, weir_status_thread *thread)
{
    weir_engine_counts counts = weir__engine_counts(stream->engine);

    switch (stream->state) {
    case WEIR__STREAM_RUNNING:
        thread->state = stream->consumer && weir__consumer_is_assigned(stream->consumer) ? WEIR__STATUS_THREAD_RUNNING
                                                                                         : WEIR__STATUS_THREAD_STARTING;
        break;
    case WEIR__STREAM_REJOINING:
        thread->state = WEIR__STATUS_THREAD_STARTING;
        break;
    case WEIR__STREAM_STOPPING:
    case WEIR__STREAM_BROKEN:
        thread->state = WEIR__STATUS_THREAD_STOPPING;
        break;
    }
    thread->reason = stream->last_trouble.code != WEIR_OK && stream->now_ms - stream->trouble_ms < 2000
                         ? stream->last_trouble.message
                     : thread->state == WEIR__STATUS_THREAD_STARTING ? "waits for the group"
                                                                     : NULL;
    thread->records = stream->result->records;
    thread->runs_ended = counts.ended;
    thread->runs_failed = counts.failed;
    thread->outputs = stream->result->outputs;
    thread->dead_letters = stream->on_error == WEIR__STREAM_DLQ ? stream->result->skipped : 0;
    thread->skipped = stream->on_error == WEIR__STREAM_SKIP ? stream->result->skipped : 0;
    thread->commits = stream->result->commits;
    thread->journal_appended = stream->appended;
    thread->divergences = counts.divergences;
    thread->errands = counts.errands;
    thread->cache_bytes = weir__keys_footprint(weir__engine_keys(stream->engine));
}

void weir__stream_tell(weir_stream *stream)
{
    weir_status_thread *thread = &stream->vitals;
    weir_status_counter *counters = calloc(stream->counters.count + 1, sizeof *counters);
    weir_status_task *tasks = calloc(stream->task_count + 1, sizeof *tasks);
    size_t *at = calloc(stream->task_count + 1, sizeof *at);

    if (counters && tasks && at) {
        fill_thread(stream, thread);
        thread->task_count = 0;
        for (size_t i = 0; i < stream->task_count; i++) {
            at[i] = stream->task_count; /* the last place: of nobody */
            if (!is_shown(stream->tasks[i]))
                continue;
            at[i] = thread->task_count;
            fill_task(stream->tasks[i], &tasks[thread->task_count++]);
        }
        count_runs(stream, tasks, at);
        for (size_t i = 0; i < stream->counters.count; i++) {
            counters[i].metric = stream->counters.items[i].metric;
            counters[i].total = stream->counters.items[i].total;
        }
        thread->tasks = tasks;
        thread->counters = counters;
        thread->counter_count = stream->counters.count;
        weir__status_publish(stream->options->status, stream->options->index, thread, stream->now_ms);
        thread->tasks = NULL;
        thread->counters = NULL;
    } else {
        weir__status_beat(stream->options->status, stream->options->index, stream->now_ms); /* the last copy stays */
    }
    free(counters);
    free(tasks);
    free(at);
}
