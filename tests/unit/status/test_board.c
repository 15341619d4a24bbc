/* SPDX-License-Identifier: Apache-2.0 */
/* What loops tell, and what readers get of it, at the same time. */
#include "status/board.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static weir_status_board *board_of(size_t threads)
{
    weir_status_board *board = NULL;

    ck_assert_int_eq(weir__status_board_new(threads, 1000, &board, NULL), WEIR_OK);
    return board;
}

static weir_status_copy copy_at(weir_status_board *board, int64_t now_ms)
{
    weir_status_copy copy;

    ck_assert_int_eq(weir__status_board_copy(board, now_ms, &copy), WEIR_OK);
    return copy;
}

START_TEST(a_thread_that_told_nothing_is_silent_since_the_start)
{
    weir_status_board *board = board_of(2);
    weir_status_copy copy = copy_at(board, 1700);

    ck_assert_uint_eq(copy.count, 2);
    ck_assert_ptr_null(copy.parts[0].thread);
    ck_assert_int_eq(copy.parts[1].silent_ms, 700);
    weir__status_copy_clear(&copy);
    weir__status_board_free(board);
}
END_TEST

START_TEST(what_was_told_is_copied_with_all_that_it_points_to)
{
    weir_status_board *board = board_of(2);
    char topic[] = "orders", metric[] = "seen", reason[] = "waits";
    weir_status_task tasks[2] = { { .topic = topic, .partition = 3 }, { .topic = topic, .partition = 4 } };
    weir_status_counter counters[1] = { { metric, -7 } };
    weir_status_thread part = { .state = WEIR__STATUS_THREAD_STARTING, .reason = reason, .records = 9, .tasks = tasks,
                                .task_count = 2, .counters = counters, .counter_count = 1 };
    const weir_status_thread *told;
    weir_status_copy copy;

    weir__status_board_publish(board, 1, &part, 2000);
    memset(topic, 'x', sizeof topic - 1);
    memset(metric, 'x', sizeof metric - 1);
    memset(reason, 'x', sizeof reason - 1);
    memset(tasks, 0, sizeof tasks);
    counters[0].total = 0;
    part.records = 0;
    copy = copy_at(board, 2300);
    ck_assert_ptr_null(copy.parts[0].thread);
    ck_assert_int_eq(copy.parts[1].silent_ms, 300);
    told = copy.parts[1].thread;
    ck_assert_ptr_nonnull(told);
    ck_assert_int_eq(told->state, WEIR__STATUS_THREAD_STARTING);
    ck_assert_str_eq(told->reason, "waits");
    ck_assert_uint_eq(told->records, 9);
    ck_assert_uint_eq(told->task_count, 2);
    ck_assert_str_eq(told->tasks[1].topic, "orders");
    ck_assert_int_eq(told->tasks[1].partition, 4);
    ck_assert_str_eq(told->counters[0].metric, "seen");
    ck_assert_int_eq(told->counters[0].total, -7);
    weir__status_copy_clear(&copy);
    weir__status_board_free(board);
}
END_TEST

START_TEST(a_publish_is_due_at_first_and_then_every_half_a_second)
{
    weir_status_board *board = board_of(1);
    weir_status_thread part = { .records = 1 };

    ck_assert(weir__status_board_is_due(board, 0, 1000));
    weir__status_board_publish(board, 0, &part, 1000);
    ck_assert(!weir__status_board_is_due(board, 0, 1499));
    ck_assert(weir__status_board_is_due(board, 0, 1500));
    weir__status_board_free(board);
}
END_TEST

START_TEST(a_beat_is_a_sign_of_life_and_changes_nothing_that_was_told)
{
    weir_status_board *board = board_of(1);
    weir_status_thread part = { .records = 1 };
    weir_status_copy copy;

    weir__status_board_publish(board, 0, &part, 1000);
    weir__status_board_beat(board, 0, 9000);
    copy = copy_at(board, 8999); /* a clock that was asked a little earlier */
    ck_assert_int_eq(copy.parts[0].silent_ms, 0);
    ck_assert_uint_eq(copy.parts[0].thread->records, 1);
    weir__status_copy_clear(&copy);
    weir__status_board_free(board);
}
END_TEST

START_TEST(a_duration_is_in_the_bucket_of_the_first_bound_that_it_does_not_pass)
{
    weir_status_histogram histogram = { .sum_ms = 0 };

    weir__status_observe(&histogram, -5);
    weir__status_observe(&histogram, 0);
    weir__status_observe(&histogram, 1);
    weir__status_observe(&histogram, 2);
    weir__status_observe(&histogram, 3);
    weir__status_observe(&histogram, 30000);
    weir__status_observe(&histogram, 30001);
    ck_assert_uint_eq(histogram.buckets[0], 3);
    ck_assert_uint_eq(histogram.buckets[1], 1);
    ck_assert_uint_eq(histogram.buckets[2], 1);
    ck_assert_uint_eq(histogram.buckets[WEIR__STATUS_BUCKETS - 2], 1);
    ck_assert_uint_eq(histogram.buckets[WEIR__STATUS_BUCKETS - 1], 1);
    ck_assert_uint_eq(histogram.sum_ms, 60007);
}
END_TEST

/* ---- readers and writers at once --------------------------------------------------------------------------------- */

enum { LOOPS = 3, TOLD = 3000 };

typedef struct told_loop {
    weir_status_board *board;
    size_t number;
    atomic_size_t *running;
} told_loop;

/* Each part is of one piece: all its numbers are the same, and it has as many tasks as the number says. */
static void *tell(void *context)
{
    told_loop *loop = context;
    weir_status_task tasks[8];
    char topic[32];

    for (uint64_t i = 1; i <= TOLD; i++) {
        weir_status_thread part = { .records = i, .outputs = i, .errands = i, .tasks = tasks,
                                    .task_count = (size_t)(i % 8) };

        (void)snprintf(topic, sizeof topic, "topic-%llu", (unsigned long long)i);
        for (size_t j = 0; j < part.task_count; j++)
            tasks[j] = (weir_status_task){ .topic = topic, .committed_offset = (int64_t)i };
        weir__status_board_publish(loop->board, loop->number, &part, 1000 + (int64_t)i);
    }
    atomic_fetch_sub(loop->running, 1);
    return NULL;
}

static void assert_sane_part(const weir_status_thread *told)
{
    char topic[32];

    ck_assert_uint_eq(told->records, told->outputs);
    ck_assert_uint_eq(told->records, told->errands);
    ck_assert_uint_eq(told->task_count, told->records % 8);
    (void)snprintf(topic, sizeof topic, "topic-%llu", (unsigned long long)told->records);
    for (size_t j = 0; j < told->task_count; j++) {
        ck_assert_str_eq(told->tasks[j].topic, topic);
        ck_assert_int_eq(told->tasks[j].committed_offset, (int64_t)told->records);
    }
}

START_TEST(a_part_is_never_half_old_and_half_new)
{
    weir_status_board *board = board_of(LOOPS);
    atomic_size_t running = LOOPS;
    uint64_t last[LOOPS] = { 0 };
    pthread_t threads[LOOPS];
    told_loop loops[LOOPS];

    for (size_t i = 0; i < LOOPS; i++) {
        loops[i] = (told_loop){ board, i, &running };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, tell, &loops[i]), 0);
    }
    for (bool is_last = false; !is_last;) {
        weir_status_copy copy;

        is_last = atomic_load(&running) == 0;
        copy = copy_at(board, 5000);
        for (size_t i = 0; i < LOOPS; i++) {
            if (!copy.parts[i].thread)
                continue;
            assert_sane_part(copy.parts[i].thread);
            ck_assert_uint_ge(copy.parts[i].thread->records, last[i]);
            last[i] = copy.parts[i].thread->records;
        }
        weir__status_copy_clear(&copy);
    }
    for (size_t i = 0; i < LOOPS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(last[i], TOLD);
    }
    weir__status_board_free(board);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status/board");
    TCase *parts = tcase_create("parts");

    tcase_add_test(parts, a_thread_that_told_nothing_is_silent_since_the_start);
    tcase_add_test(parts, what_was_told_is_copied_with_all_that_it_points_to);
    tcase_add_test(parts, a_publish_is_due_at_first_and_then_every_half_a_second);
    tcase_add_test(parts, a_beat_is_a_sign_of_life_and_changes_nothing_that_was_told);
    tcase_add_test(parts, a_duration_is_in_the_bucket_of_the_first_bound_that_it_does_not_pass);
    tcase_add_test(parts, a_part_is_never_half_old_and_half_new);
    suite_add_tcase(suite, parts);
    return weir__suite_run(suite);
}
