/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus' text format. Source: Prometheus, "Exposition formats", text format 0.0.4; "Metric and label naming". */
#include "status/pages.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "status/print.h"

static void print_head(weir_buffer *out, const char *name, const char *type, const char *help)
{
    weir__status_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Whole milliseconds as seconds, exactly. */
static void print_seconds(weir_buffer *out, uint64_t ms)
{
    weir__status_print(out, "%" PRIu64 ".%03" PRIu64 "\n", ms / 1000, ms % 1000);
}

/* ---- the process ------------------------------------------------------------------------------------------------ */

static void print_process(const weir_status *status, weir_buffer *out)
{
    print_head(out, "weir_info", "gauge", "1; the labels say what runs.");
    weir__status_print(out, "weir_info{job=");
    weir__status_print_label(out, status->job);
    weir__status_print(out, ",host=");
    weir__status_print_label(out, status->host);
    weir__status_print(out, ",version=");
    weir__status_print_label(out, status->version);
    weir__status_print(out, "} 1\n");
    print_head(out, "weir_start_time_seconds", "gauge", "When the process started, in seconds since 1970.");
    weir__status_print(out, "weir_start_time_seconds ");
    print_seconds(out, (uint64_t)status->started_ms);
    print_head(out, "weir_healthy", "gauge", "1 when /health answers 200, else 0.");
    weir__status_print(out, "weir_healthy %d\n", weir__status_is_healthy(status));
    print_head(out, "weir_ready", "gauge", "1 when /ready answers 200, else 0.");
    weir__status_print(out, "weir_ready %d\n", weir__status_is_ready(status));
    if (status->resident_bytes == 0)
        return;
    print_head(out, "weir_resident_memory_bytes", "gauge", "Memory of the process that is in RAM.");
    weir__status_print(out, "weir_resident_memory_bytes %" PRIu64 "\n", status->resident_bytes);
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

typedef struct thread_metric {
    const char *name, *type, *help;
    size_t field; /* of a weir_status_thread; a uint64_t */
} thread_metric;

#define OF_THREAD(field) offsetof(weir_status_thread, field)

static const thread_metric thread_metrics[] = {
    { "weir_records_total", "counter", "Records accepted; one that runs again after a rewind counts again.",
      OF_THREAD(records) },
    { "weir_runs_ended_total", "counter", "Runs that are over, failed ones included.", OF_THREAD(runs_ended) },
    { "weir_runs_failed_total", "counter", "Runs that failed.", OF_THREAD(runs_failed) },
    { "weir_outputs_total", "counter", "Outputs of runs that ended.", OF_THREAD(outputs) },
    { "weir_dead_letters_total", "counter", "Records and failed runs that went to the dead letters.",
      OF_THREAD(dead_letters) },
    { "weir_skipped_total", "counter", "Records and failed runs that input.on-error passed over.",
      OF_THREAD(skipped) },
    { "weir_commits_total", "counter", "Commits that are known to be done.", OF_THREAD(commits) },
    { "weir_commits_failed_total", "counter", "Commits that were aborted, or whose outcome was unknown.",
      OF_THREAD(commits_failed) },
    { "weir_journal_appended_total", "counter", "Entries written to the journal.", OF_THREAD(journal_appended) },
    { "weir_journal_read_total", "counter", "Entries read from the journal.", OF_THREAD(journal_read) },
    { "weir_divergences_total", "counter", "Look-ups whose recorded call is not the one asked for.",
      OF_THREAD(divergences) },
    { "weir_rebalances_total", "counter", "Assignments taken or given up.", OF_THREAD(rebalances) },
    { "weir_fencings_total", "counter", "Times that another owner was found.", OF_THREAD(fencings) },
    { "weir_restarts_total", "counter", "Times that a producer, consumer or worker was made anew.",
      OF_THREAD(restarts) },
    { "weir_errands", "gauge", "Calls under way outside.", OF_THREAD(errands) },
    { "weir_cache_bytes", "gauge", "Keyed state in memory.", OF_THREAD(cache_bytes) },
};

static void print_thread_metric(const weir_status *status, const thread_metric *metric, weir_buffer *out)
{
    print_head(out, metric->name, metric->type, metric->help);
    for (size_t i = 0; i < status->part_count; i++) {
        const weir_status_thread *thread = status->parts[i].thread;
        uint64_t number;

        if (!thread)
            continue;
        memcpy(&number, (const char *)thread + metric->field, sizeof number);
        weir__status_print(out, "%s{thread=\"%zu\"} %" PRIu64 "\n", metric->name, i, number);
    }
}

static void print_latency(const weir_status *status, weir_buffer *out)
{
    static const int64_t bounds[] = WEIR__STATUS_BOUNDS_MS;

    print_head(out, "weir_commit_latency_seconds", "histogram",
               "Time from the cut until the commit was known to be done.");
    for (size_t i = 0; i < status->part_count; i++) {
        const weir_status_thread *thread = status->parts[i].thread;
        uint64_t below = 0;

        if (!thread)
            continue;
        for (size_t j = 0; j < WEIR__STATUS_BUCKETS; j++) {
            below += thread->commit_latency.buckets[j];
            if (j < WEIR__STATUS_BUCKETS - 1)
                weir__status_print(out, "weir_commit_latency_seconds_bucket{thread=\"%zu\",le=\"%g\"} %" PRIu64 "\n", i,
                                   (double)bounds[j] / 1000.0, below);
            else
                weir__status_print(out, "weir_commit_latency_seconds_bucket{thread=\"%zu\",le=\"+Inf\"} %" PRIu64 "\n",
                                   i, below);
        }
        weir__status_print(out, "weir_commit_latency_seconds_sum{thread=\"%zu\"} ", i);
        print_seconds(out, thread->commit_latency.sum_ms);
        weir__status_print(out, "weir_commit_latency_seconds_count{thread=\"%zu\"} %" PRIu64 "\n", i, below);
    }
}

static void print_threads(const weir_status *status, weir_buffer *out)
{
    print_head(out, "weir_thread_running", "gauge", "1 when the thread has its assignment, else 0.");
    for (size_t i = 0; i < status->part_count; i++) {
        const weir_status_thread *thread = status->parts[i].thread;

        weir__status_print(out, "weir_thread_running{thread=\"%zu\"} %d\n", i,
                           thread && thread->state == WEIR__STATUS_THREAD_RUNNING);
    }
    print_head(out, "weir_thread_silent_seconds", "gauge", "Time since the thread's loop showed a sign of life.");
    for (size_t i = 0; i < status->part_count; i++) {
        weir__status_print(out, "weir_thread_silent_seconds{thread=\"%zu\"} ", i);
        print_seconds(out, (uint64_t)status->parts[i].silent_ms);
    }
    for (size_t i = 0; i < sizeof thread_metrics / sizeof *thread_metrics; i++)
        print_thread_metric(status, &thread_metrics[i], out);
    print_latency(status, out);
}

/* ---- tasks ------------------------------------------------------------------------------------------------------ */

static int64_t is_running(const weir_status_task *task)
{
    return task->state == WEIR__STATUS_TASK_RUNNING;
}

static int64_t is_paused(const weir_status_task *task)
{
    return task->is_paused;
}

#define FIELD_OF_TASK(field)                                                                                           \
    static int64_t field##_of(const weir_status_task *task)                                                            \
    {                                                                                                                  \
        return (int64_t)task->field;                                                                                   \
    }
FIELD_OF_TASK(committed_offset)
FIELD_OF_TASK(position)
FIELD_OF_TASK(high_watermark)
FIELD_OF_TASK(in_flight)
FIELD_OF_TASK(waiting)
FIELD_OF_TASK(queued)
FIELD_OF_TASK(parked)
FIELD_OF_TASK(epoch)
FIELD_OF_TASK(commit_number)
FIELD_OF_TASK(journal_low_water)
FIELD_OF_TASK(journal_end)
FIELD_OF_TASK(state_bytes)

/* All are gauges; a task whose number is below 0, which is not known, has no line. */
static const struct task_metric {
    const char *name, *help;
    int64_t (*of)(const weir_status_task *task);
} task_metrics[] = {
    { "weir_task_running", "1 when the task takes records in, else 0.", is_running },
    { "weir_task_paused", "1 while a limit holds the task's input back, else 0.", is_paused },
    { "weir_task_committed_offset", "The next record after those that are committed.", committed_offset_of },
    { "weir_task_position", "The next record to be read.", position_of },
    { "weir_task_high_watermark", "Behind the last record of the partition.", high_watermark_of },
    { "weir_task_lag", "Records that are not committed yet.", weir__status_lag },
    { "weir_runs_in_flight", "Runs accepted and not over.", in_flight_of },
    { "weir_runs_waiting", "Runs that wait for a call, a time or a commit.", waiting_of },
    { "weir_runs_queued", "Records that queue behind a run of their key.", queued_of },
    { "weir_runs_parked", "Runs that wait for a decision.", parked_of },
    { "weir_task_epoch", "The epoch of the task's owner.", epoch_of },
    { "weir_task_commit_number", "The number of the last commit that is known to be done.", commit_number_of },
    { "weir_task_journal_low_water", "The lowest entry of the journal that is still needed.", journal_low_water_of },
    { "weir_task_journal_end", "Behind the last entry of the journal that was read or written.", journal_end_of },
    { "weir_state_bytes", "The task's state on disk.", state_bytes_of },
};

static void print_task_metrics(const weir_status *status, weir_buffer *out)
{
    for (size_t i = 0; i < sizeof task_metrics / sizeof *task_metrics; i++) {
        print_head(out, task_metrics[i].name, "gauge", task_metrics[i].help);
        for (size_t j = 0; j < status->part_count; j++) {
            const weir_status_thread *thread = status->parts[j].thread;

            for (size_t k = 0; thread && k < thread->task_count; k++) {
                const weir_status_task *task = &thread->tasks[k];
                int64_t number = task_metrics[i].of(task);

                if (number < 0)
                    continue;
                weir__status_print(out, "%s{topic=", task_metrics[i].name);
                weir__status_print_label(out, task->topic);
                /* The thread tells two apart while a task goes from one to the other: no series may stand twice. */
                weir__status_print(out, ",partition=\"%" PRId32 "\",thread=\"%zu\"} %" PRId64 "\n", task->partition, j,
                                   number);
            }
        }
    }
}

/* ---- the job's own counts --------------------------------------------------------------------------------------- */

/* The next character as it is shown; 0 at the end. */
static uint32_t next_shown(const char **text)
{
    size_t left = strlen(*text), size = left ? weir__utf8_character((const uint8_t *)*text, left) : 0;
    uint32_t shown = 0;

    if (left == 0)
        return 0;
    for (size_t i = 0; i < size; i++)
        shown = shown << 8 | (unsigned char)(*text)[i];
    *text += size ? size : 1;
    return size ? shown : 0xEFBFBD; /* U+FFFD */
}

/* By what is shown: two that look the same must become one series. */
static int compare_metrics(const void *a, const void *b)
{
    const char *left = (*(const weir_status_counter *const *)a)->metric;
    const char *right = (*(const weir_status_counter *const *)b)->metric;

    for (;;) {
        uint32_t of_left = next_shown(&left), of_right = next_shown(&right);

        if (of_left != of_right)
            return of_left < of_right ? -1 : 1;
        if (of_left == 0)
            return 0;
    }
}

static void print_counts(const weir_status *status, weir_buffer *out)
{
    const weir_status_counter **all;
    size_t count = 0, used = 0;

    /* A count may go down, as weir_count() takes negative numbers: so it is no counter to Prometheus. */
    print_head(out, "weir_count_total", "untyped", "What weir_count() adds up to, by metric, over runs that ended.");
    for (size_t i = 0; i < status->part_count; i++)
        count += status->parts[i].thread ? status->parts[i].thread->counter_count : 0;
    if (count == 0)
        return;
    all = calloc(count, sizeof *all);
    if (!all) {
        out->is_over = true;
        return;
    }
    for (size_t i = 0; i < status->part_count; i++) {
        const weir_status_thread *thread = status->parts[i].thread;

        for (size_t j = 0; thread && j < thread->counter_count; j++)
            all[used++] = &thread->counters[j];
    }
    qsort(all, count, sizeof *all, compare_metrics);
    for (size_t i = 0; i < count;) {
        const weir_status_counter *first = all[i];
        int64_t total = 0;

        for (; i < count && compare_metrics(&all[i], &first) == 0; i++) {
            if (__builtin_add_overflow(total, all[i]->total, &total))
                total = all[i]->total < 0 ? INT64_MIN : INT64_MAX;
        }
        weir__status_print(out, "weir_count_total{metric=");
        weir__status_print_label(out, first->metric);
        weir__status_print(out, "} %" PRId64 "\n", total);
    }
    free(all);
}

void weir__status_print_metrics(const weir_status *status, weir_buffer *out)
{
    print_process(status, out);
    print_threads(status, out);
    print_task_metrics(status, out);
    print_counts(status, out);
}
