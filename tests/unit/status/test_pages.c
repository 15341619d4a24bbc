/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages show of what was told. That all of /metrics parses is tests/story/status.py's. */
#include "status/pages.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { STALLED_AFTER_MS = 5000 };

static weir_buffer page;

static void set_up(void)
{
    weir__buffer_init(&page, 1 << 20);
}

static void tear_down(void)
{
    weir__buffer_clear(&page);
}

static weir_status status_of(const struct weir_status_part *parts, size_t count)
{
    return (weir_status){ .job = "orders", .host = "run", .version = "1.2.3", .started_ms = 1795550240293,
                          .now_ms = 1795550241000, .resident_bytes = 4096, .stalled_after_ms = STALLED_AFTER_MS,
                          .parts = parts, .part_count = count };
}

static const char *text(void)
{
    ck_assert(!page.is_over);
    ck_assert_int_eq(weir__buffer_add_byte(&page, '\0'), WEIR_OK);
    page.size--;
    return (const char *)page.data;
}

static json_t *json(void)
{
    json_error_t error;
    json_t *value = json_loads(text(), JSON_REJECT_DUPLICATES, &error);

    ck_assert_msg(value != NULL, "%s in %s", error.text, text());
    return value;
}

/* The verdict's HTTP status, its word, and its reasons parted by "; ". */
static void is_verdict(int (*print)(const weir_status *, weir_buffer *), const weir_status *status, int code,
                       const char *word, const char *reasons)
{
    char joined[4096] = "";
    size_t size = 0, i;
    json_t *verdict, *reason;

    weir__buffer_reset(&page);
    ck_assert_int_eq(print(status, &page), code);
    verdict = json();
    ck_assert_str_eq(json_string_value(json_object_get(verdict, "status")), word);
    ck_assert_str_eq(json_string_value(json_object_get(verdict, "job")), "orders");
    json_array_foreach(json_object_get(verdict, "reasons"), i, reason)
        size += (size_t)snprintf(joined + size, sizeof joined - size, "%s%s", i ? "; " : "",
                                 json_string_value(reason));
    ck_assert_str_eq(joined, reasons);
    json_decref(verdict);
}

/* ---- health and readiness ---------------------------------------------------------------------------------------- */

START_TEST(a_loop_that_is_silent_for_too_long_is_no_longer_healthy)
{
    weir_status_thread thread = { .state = WEIR__STATUS_THREAD_RUNNING };
    struct weir_status_part parts[2] = { { &thread, STALLED_AFTER_MS - 1 }, { &thread, 0 } };
    weir_status status = status_of(parts, 2);

    is_verdict(weir__status_print_health, &status, 200, "healthy", "");
    parts[1].silent_ms = STALLED_AFTER_MS;
    is_verdict(weir__status_print_health, &status, 503, "stalled",
               "thread 1 has shown no sign of life for 5000 ms");
    is_verdict(weir__status_print_ready, &status, 503, "not ready",
               "thread 1 has shown no sign of life for 5000 ms");
}
END_TEST

START_TEST(a_loop_that_is_over_or_has_not_begun_is_not_stalled)
{
    weir_status_thread over = { .state = WEIR__STATUS_THREAD_ENDED };
    struct weir_status_part parts[2] = { { &over, 10 * STALLED_AFTER_MS }, { NULL, 10 * STALLED_AFTER_MS } };
    weir_status status = status_of(parts, 2);

    is_verdict(weir__status_print_health, &status, 200, "healthy", "");
    is_verdict(weir__status_print_ready, &status, 503, "not ready",
               "thread 0 is over; thread 1 is opening what it needs");
}
END_TEST

START_TEST(ready_is_when_every_thread_runs_and_all_its_tasks_do)
{
    weir_status_task tasks[2] = { { .topic = "a", .partition = 0, .state = WEIR__STATUS_TASK_RUNNING },
                                  { .topic = "a", .partition = 7, .state = WEIR__STATUS_TASK_RESTORING,
                                    .restored = 12, .restore_total = 50 } };
    weir_status_thread busy = { .state = WEIR__STATUS_THREAD_RUNNING, .tasks = tasks, .task_count = 2 };
    weir_status_thread idle = { .state = WEIR__STATUS_THREAD_STARTING, .reason = "waits for \"the broker\"" };
    struct weir_status_part parts[2] = { { &busy, 0 }, { &idle, 0 } };
    weir_status status = status_of(parts, 2);

    is_verdict(weir__status_print_ready, &status, 503, "not ready",
               "task a/7 is restoring, 12 of 50 records; thread 1 is starting: waits for \"the broker\"");
    is_verdict(weir__status_print_health, &status, 200, "healthy", "");
    tasks[1].restore_total = -1;
    idle.state = WEIR__STATUS_THREAD_RUNNING; /* without a task: there are more threads than partitions */
    is_verdict(weir__status_print_ready, &status, 503, "not ready", "task a/7 is restoring");
    tasks[1].state = WEIR__STATUS_TASK_RUNNING;
    is_verdict(weir__status_print_ready, &status, 200, "ready", "");
    tasks[1].state = WEIR__STATUS_TASK_CLOSING;
    is_verdict(weir__status_print_ready, &status, 503, "not ready", "task a/7 is closing");
    tasks[1].state = WEIR__STATUS_TASK_OPENING;
    is_verdict(weir__status_print_ready, &status, 503, "not ready", "task a/7 is opening");
}
END_TEST

START_TEST(of_many_reasons_twenty_are_told_and_the_rest_is_counted)
{
    static weir_status_task tasks[100];
    weir_status_thread thread = { .state = WEIR__STATUS_THREAD_RUNNING, .tasks = tasks, .task_count = 100 };
    struct weir_status_part part = { &thread, 0 };
    weir_status status = status_of(&part, 1);
    json_t *verdict, *reasons;

    for (size_t i = 0; i < 100; i++)
        tasks[i] = (weir_status_task){ .topic = "t", .partition = (int32_t)i };
    ck_assert_int_eq(weir__status_print_ready(&status, &page), 503);
    verdict = json();
    reasons = json_object_get(verdict, "reasons");
    ck_assert_uint_eq(json_array_size(reasons), 21);
    ck_assert_str_eq(json_string_value(json_array_get(reasons, 20)), "and 80 more");
    json_decref(verdict);
}
END_TEST

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

START_TEST(a_task_is_an_object_and_what_is_not_known_is_null)
{
    weir_status_task tasks[2] = {
        { .topic = "or\"ders\n\xff\x7f", .partition = 3, .state = WEIR__STATUS_TASK_RUNNING, .since_ms = 1795550240000,
          .committed_offset = 40, .position = 50, .high_watermark = 55, .in_flight = 4, .waiting = 1, .queued = 2,
          .parked = 1, .epoch = 6, .commit_number = 77, .journal_low_water = 8, .journal_end = 9, .state_bytes = 10,
          .restored = 1, .restore_total = 2 },
        { .topic = "b", .state = WEIR__STATUS_TASK_RESTORING, .is_paused = true, .committed_offset = -1, .position = -1,
          .high_watermark = 55, .epoch = -1, .journal_low_water = -1, .journal_end = -1, .restored = 0,
          .restore_total = -1 },
    };
    weir_status_thread thread = { .state = WEIR__STATUS_THREAD_RUNNING, .tasks = tasks, .task_count = 2 };
    struct weir_status_part parts[2] = { { NULL, 0 }, { &thread, 0 } };
    weir_status status = status_of(parts, 2);
    json_t *have, *want;

    weir__status_print_tasks(&status, &page);
    have = json();
    want = json_pack("{s:s, s:I, s:["
                     "{s:s, s:i, s:i, s:s, s:b, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i},"
                     "{s:s, s:i, s:i, s:s, s:b, s:i, s:n, s:n, s:i, s:n, s:i, s:i, s:i, s:i, s:n, s:i, s:n, s:n, s:i,"
                     " s:i, s:n}]}",
                     "job", "orders", "time_ms", (json_int_t)1795550241000, "tasks",
                     "topic", "or\"ders\n\xEF\xBF\xBD\x7f", "partition", 3, "thread", 1, "state", "running",
                     "paused", 0, "since_ms", (json_int_t)1795550240000, "committed_offset", 40, "position", 50,
                     "high_watermark", 55, "lag", 15, "in_flight", 4, "waiting", 1, "queued", 2, "parked", 1,
                     "epoch", 6, "commit_number", 77, "journal_low_water", 8, "journal_end", 9, "state_bytes", 10,
                     "topic", "b", "partition", 0, "thread", 1, "state", "restoring", "paused", 1, "since_ms", 0,
                     "committed_offset", "position", "high_watermark", 55, "lag", "in_flight", 0, "waiting", 0,
                     "queued", 0, "parked", 0, "epoch", "commit_number", 0, "journal_low_water", "journal_end",
                     "state_bytes", 0, "restored", 0, "restore_total");
    ck_assert_ptr_nonnull(want);
    ck_assert_msg(json_equal(have, want), "%s", text());
    json_decref(have);
    json_decref(want);
}
END_TEST

START_TEST(without_a_task_the_list_is_empty)
{
    weir_status status = status_of(NULL, 0);

    weir__status_print_tasks(&status, &page);
    ck_assert_str_eq(text(), "{\"job\":\"orders\",\"time_ms\":1795550241000,\"tasks\":[]}\n");
}
END_TEST

START_TEST(a_commit_beyond_an_older_high_watermark_is_a_lag_of_zero)
{
    weir_status_task task = { .committed_offset = 9, .high_watermark = 7 };

    ck_assert_int_eq(weir__status_lag(&task), 0);
    task.high_watermark = -1;
    ck_assert_int_eq(weir__status_lag(&task), -1);
}
END_TEST

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

static void has_line(const char *line)
{
    char whole[512];

    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    ck_assert_msg(strstr(text(), whole) != NULL, "no line %s", line);
}

static size_t count_of(const char *part)
{
    size_t count = 0;

    for (const char *at = text(); (at = strstr(at, part)); at++)
        count++;
    return count;
}

START_TEST(numbers_stand_at_their_metrics_labels_escaped)
{
    weir_status_task task = { .topic = "a\\b\"c\nd\xC3", .partition = 2, .state = WEIR__STATUS_TASK_RUNNING,
                              .committed_offset = 40, .position = -1, .high_watermark = 55, .parked = 3,
                              .journal_low_water = -1, .epoch = 0 };
    weir_status_thread thread = { .state = WEIR__STATUS_THREAD_RUNNING, .records = 18446744073709551615u,
                                  .fencings = 5, .tasks = &task, .task_count = 1 };
    struct weir_status_part parts[2] = { { &thread, 1234 }, { NULL, 0 } };
    weir_status status = status_of(parts, 2);

    weir__status_print_metrics(&status, &page);
    has_line("weir_info{job=\"orders\",host=\"run\",version=\"1.2.3\"} 1");
    has_line("weir_start_time_seconds 1795550240.293");
    has_line("weir_resident_memory_bytes 4096");
    has_line("weir_healthy 1");
    has_line("weir_ready 0");
    has_line("weir_thread_running{thread=\"0\"} 1");
    has_line("weir_thread_running{thread=\"1\"} 0");
    has_line("weir_thread_silent_seconds{thread=\"0\"} 1.234");
    has_line("# TYPE weir_records_total counter");
    has_line("weir_records_total{thread=\"0\"} 18446744073709551615");
    ck_assert_uint_eq(count_of("weir_records_total{"), 1);
    has_line("weir_fencings_total{thread=\"0\"} 5");
    has_line("# TYPE weir_task_lag gauge");
    has_line("weir_task_lag{topic=\"a\\\\b\\\"c\\nd\xEF\xBF\xBD\",partition=\"2\",thread=\"0\"} 15");
    has_line("weir_runs_parked{topic=\"a\\\\b\\\"c\\nd\xEF\xBF\xBD\",partition=\"2\",thread=\"0\"} 3");
    has_line("weir_task_epoch{topic=\"a\\\\b\\\"c\\nd\xEF\xBF\xBD\",partition=\"2\",thread=\"0\"} 0");
    ck_assert_uint_eq(count_of("weir_task_position{"), 0);
    ck_assert_uint_eq(count_of("weir_task_journal_low_water{"), 0);
}
END_TEST

START_TEST(a_histogram_is_cumulative_and_ends_with_its_count)
{
    weir_status_thread thread = { .state = WEIR__STATUS_THREAD_RUNNING };
    struct weir_status_part part = { &thread, 0 };
    weir_status status = status_of(&part, 1);

    weir__status_observe(&thread.commit_latency, 2);
    weir__status_observe(&thread.commit_latency, 7);
    weir__status_observe(&thread.commit_latency, 31000);
    weir__status_print_metrics(&status, &page);
    has_line("# TYPE weir_commit_latency_seconds histogram");
    has_line("weir_commit_latency_seconds_bucket{thread=\"0\",le=\"0.001\"} 0");
    has_line("weir_commit_latency_seconds_bucket{thread=\"0\",le=\"0.002\"} 1");
    has_line("weir_commit_latency_seconds_bucket{thread=\"0\",le=\"0.01\"} 2");
    has_line("weir_commit_latency_seconds_bucket{thread=\"0\",le=\"30\"} 2");
    has_line("weir_commit_latency_seconds_bucket{thread=\"0\",le=\"+Inf\"} 3");
    has_line("weir_commit_latency_seconds_sum{thread=\"0\"} 31.009");
    has_line("weir_commit_latency_seconds_count{thread=\"0\"} 3");
}
END_TEST

START_TEST(what_the_job_counts_is_added_up_over_threads_each_metric_once)
{
    /* The last two look the same: neither is UTF-8. */
    weir_status_counter one[4] = { { "seen", 5 }, { "a", INT64_MAX }, { "\xC3", 1 }, { "\xFF", 2 } };
    weir_status_counter other[3] = { { "a", 1 }, { "lost", -3 }, { "seen", 7 } };
    weir_status_thread threads[2] = { { .counters = one, .counter_count = 4 },
                                      { .counters = other, .counter_count = 3 } };
    struct weir_status_part parts[2] = { { &threads[0], 0 }, { &threads[1], 0 } };
    weir_status status = status_of(parts, 2);

    weir__status_print_metrics(&status, &page);
    has_line("# TYPE weir_count_total untyped");
    has_line("weir_count_total{metric=\"seen\"} 12");
    has_line("weir_count_total{metric=\"lost\"} -3");
    has_line("weir_count_total{metric=\"a\"} 9223372036854775807");
    has_line("weir_count_total{metric=\"\xEF\xBF\xBD\"} 3");
    ck_assert_uint_eq(count_of("weir_count_total{"), 4);
}
END_TEST

START_TEST(a_page_that_finds_no_room_says_so)
{
    weir_status status = status_of(NULL, 0);
    weir_buffer small;

    weir__buffer_init(&small, 100);
    weir__status_print_metrics(&status, &small);
    ck_assert(small.is_over);
    weir__buffer_clear(&small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status/pages");
    TCase *pages = tcase_create("pages");

    tcase_add_checked_fixture(pages, set_up, tear_down);
    tcase_add_test(pages, a_loop_that_is_silent_for_too_long_is_no_longer_healthy);
    tcase_add_test(pages, a_loop_that_is_over_or_has_not_begun_is_not_stalled);
    tcase_add_test(pages, ready_is_when_every_thread_runs_and_all_its_tasks_do);
    tcase_add_test(pages, of_many_reasons_twenty_are_told_and_the_rest_is_counted);
    tcase_add_test(pages, a_task_is_an_object_and_what_is_not_known_is_null);
    tcase_add_test(pages, without_a_task_the_list_is_empty);
    tcase_add_test(pages, a_commit_beyond_an_older_high_watermark_is_a_lag_of_zero);
    tcase_add_test(pages, numbers_stand_at_their_metrics_labels_escaped);
    tcase_add_test(pages, a_histogram_is_cumulative_and_ends_with_its_count);
    tcase_add_test(pages, what_the_job_counts_is_added_up_over_threads_each_metric_once);
    tcase_add_test(pages, a_page_that_finds_no_room_says_so);
    suite_add_tcase(suite, pages);
    return weir__suite_run(suite);
}
