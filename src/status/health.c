/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the process is alive, and whether it is at work. */
#include "status/pages.h"

#include <inttypes.h>
#include <stdio.h>

#include "status/print.h"

/* So many reasons are told; a supervisor reads the first. */
enum { REASONS_MAXIMUM = 20 };

static bool is_stalled(const weir_status *status, const struct weir_status_part *part)
{
    return part->thread && part->thread->state != WEIR__STATUS_THREAD_ENDED &&
           part->silent_ms >= status->stalled_after_ms;
}

bool weir__status_is_healthy(const weir_status *status)
{
    for (size_t i = 0; i < status->part_count; i++) {
        if (is_stalled(status, &status->parts[i]))
            return false;
    }
    return true;
}

static bool is_part_ready(const weir_status *status, const struct weir_status_part *part)
{
    if (!part->thread || part->thread->state != WEIR__STATUS_THREAD_RUNNING || is_stalled(status, part))
        return false;
    for (size_t i = 0; i < part->thread->task_count; i++) {
        if (part->thread->tasks[i].state != WEIR__STATUS_TASK_RUNNING)
            return false;
    }
    return true;
}

bool weir__status_is_ready(const weir_status *status)
{
    for (size_t i = 0; i < status->part_count; i++) {
        if (!is_part_ready(status, &status->parts[i]))
            return false;
    }
    return true;
}

/* ---- why not ---------------------------------------------------------------------------------------------------- */

typedef struct reasons {
    weir_buffer *out;
    size_t count;
} reasons;

/* Room for one more; false: enough have been told. */
static bool begin_reason(reasons *why)
{
    if (why->count++ >= REASONS_MAXIMUM)
        return false;
    weir__status_print(why->out, "%s", why->count > 1 ? "," : "");
    return true;
}

static void add_stalled(reasons *why, size_t thread, const struct weir_status_part *part)
{
    if (begin_reason(why))
        weir__status_print(why->out, "\"thread %zu has shown no sign of life for %" PRId64 " ms\"", thread,
                           part->silent_ms);
}

static void add_thread(reasons *why, size_t thread, const weir_status_thread *told)
{
    char text[512];

    if (!begin_reason(why))
        return;
    if (!told)
        (void)snprintf(text, sizeof text, "thread %zu is opening what it needs", thread);
    else
        (void)snprintf(text, sizeof text, "thread %zu is %s%s%s", thread, weir__status_thread_state_name(told->state),
                       told->reason ? ": " : "", told->reason ? told->reason : "");
    weir__status_print_string(why->out, text);
}

static void add_task(reasons *why, const weir_status_task *task)
{
    char text[512];
    int size;

    if (!begin_reason(why))
        return;
    size = snprintf(text, sizeof text, "task %.300s/%" PRId32 " is %s", task->topic, task->partition,
                    weir__status_task_state_name(task->state));
    if (task->state == WEIR__STATUS_TASK_RESTORING && task->restored >= 0 && task->restore_total >= 0)
        (void)snprintf(text + size, sizeof text - (size_t)size, ", %" PRId64 " of %" PRId64 " records",
                       task->restored, task->restore_total);
    weir__status_print_string(why->out, text);
}

static void add_reasons(reasons *why, const weir_status *status, bool of_readiness)
{
    for (size_t i = 0; i < status->part_count; i++) {
        const struct weir_status_part *part = &status->parts[i];

        if (is_stalled(status, part))
            add_stalled(why, i, part);
        if (!of_readiness)
            continue;
        if (!part->thread || part->thread->state != WEIR__STATUS_THREAD_RUNNING)
            add_thread(why, i, part->thread);
        for (size_t j = 0; part->thread && j < part->thread->task_count; j++) {
            if (part->thread->tasks[j].state != WEIR__STATUS_TASK_RUNNING)
                add_task(why, &part->thread->tasks[j]);
        }
    }
}

static int print_verdict(const weir_status *status, bool of_readiness, bool is_good, const char *word, weir_buffer *out)
{
    reasons why = { .out = out, .count = 0 };

    weir__status_print(out, "{\"status\":\"%s\",\"job\":", word);
    weir__status_print_string(out, status->job);
    if (!is_good) {
        weir__status_print(out, ",\"reasons\":[");
        add_reasons(&why, status, of_readiness);
        if (why.count > REASONS_MAXIMUM)
            weir__status_print(out, ",\"and %zu more\"", why.count - REASONS_MAXIMUM);
        weir__status_print(out, "]");
    }
    weir__status_print(out, "}\n");
    return is_good ? 200 : 503;
}

int weir__status_print_health(const weir_status *status, weir_buffer *out)
{
    bool is_good = weir__status_is_healthy(status);

    return print_verdict(status, false, is_good, is_good ? "healthy" : "stalled", out);
}

int weir__status_print_ready(const weir_status *status, weir_buffer *out)
{
    bool is_good = weir__status_is_ready(status);

    return print_verdict(status, true, is_good, is_good ? "ready" : "not ready", out);
}
