/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks, one object each. */
#include "status/pages.h"

#include <inttypes.h>

#include "status/print.h"

const char *weir__status_task_state_name(weir_status_task_state state)
{
    switch (state) {
    case WEIR__STATUS_TASK_OPENING:
        return "opening";
    case WEIR__STATUS_TASK_RESTORING:
        return "restoring";
    case WEIR__STATUS_TASK_RUNNING:
        return "running";
    case WEIR__STATUS_TASK_CLOSING:
        return "closing";
    }
    return "?";
}

const char *weir__status_thread_state_name(weir_status_thread_state state)
{
    switch (state) {
    case WEIR__STATUS_THREAD_STARTING:
        return "starting";
    case WEIR__STATUS_THREAD_RUNNING:
        return "running";
    case WEIR__STATUS_THREAD_STOPPING:
        return "stopping";
    case WEIR__STATUS_THREAD_ENDED:
        return "over";
    }
    return "?";
}

int64_t weir__status_lag(const weir_status_task *task)
{
    if (task->committed_offset < 0 || task->high_watermark < 0)
        return -1;
    /* The end was asked for a little earlier than the commit. */
    return task->high_watermark > task->committed_offset ? task->high_watermark - task->committed_offset : 0;
}

/* A number, or null where it is not known. */
static void print_known(weir_buffer *out, const char *name, int64_t number)
{
    if (number < 0)
        weir__status_print(out, ",\"%s\":null", name);
    else
        weir__status_print(out, ",\"%s\":%" PRId64, name, number);
}

static void print_task(size_t thread, const weir_status_task *task, weir_buffer *out)
{
    weir__status_print(out, "{\"topic\":");
    weir__status_print_string(out, task->topic);
    weir__status_print(out,
                       ",\"partition\":%" PRId32 ",\"thread\":%zu,\"state\":\"%s\",\"paused\":%s,\"since_ms\":%" PRId64,
                       task->partition, thread, weir__status_task_state_name(task->state),
                       task->is_paused ? "true" : "false", task->since_ms);
    print_known(out, "committed_offset", task->committed_offset);
    print_known(out, "position", task->position);
    print_known(out, "high_watermark", task->high_watermark);
    print_known(out, "lag", weir__status_lag(task));
    weir__status_print(out,
                       ",\"in_flight\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"queued\":%" PRIu64 ",\"parked\":%" PRIu64,
                       task->in_flight, task->waiting, task->queued, task->parked);
    print_known(out, "epoch", task->epoch);
    weir__status_print(out, ",\"commit_number\":%" PRIu64, task->commit_number);
    print_known(out, "journal_low_water", task->journal_low_water);
    print_known(out, "journal_end", task->journal_end);
    if (task->state == WEIR__STATUS_TASK_RESTORING) {
        print_known(out, "restored", task->restored);
        print_known(out, "restore_total", task->restore_total);
    }
    weir__status_print(out, ",\"state_bytes\":%" PRIu64 "}", task->state_bytes);
}

void weir__status_print_tasks(const weir_status *status, weir_buffer *out)
{
    size_t count = 0;

    weir__status_print(out, "{\"job\":");
    weir__status_print_string(out, status->job);
    weir__status_print(out, ",\"time_ms\":%" PRId64 ",\"tasks\":[", status->now_ms);
    for (size_t i = 0; i < status->part_count; i++) {
        const weir_status_thread *thread = status->parts[i].thread;

        for (size_t j = 0; thread && j < thread->task_count; j++) {
            weir__status_print(out, "%s", count++ ? ",\n" : "\n");
            print_task(i, &thread->tasks[j], out);
        }
    }
    weir__status_print(out, "%s]}\n", count ? "\n" : "");
}
