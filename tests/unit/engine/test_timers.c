/* SPDX-License-Identifier: Apache-2.0 */
/* What is due when. */
#include "engine/timers.h"

#include <string.h>

#include "suite.h"

enum { MANY = 500 };

static weir_timers timers;
static weir_timer all[MANY];
static int64_t fired[4 * MANY];
static size_t fired_count;

static void note(weir_timer *timer)
{
    ck_assert_uint_eq(timer->place, 0); /* it is not set any more */
    ck_assert_uint_lt(fired_count, 4 * MANY);
    fired[fired_count++] = timer->due_ms;
}

static void set_up(void)
{
    memset(&timers, 0, sizeof timers);
    memset(all, 0, sizeof all);
    for (size_t i = 0; i < MANY; i++)
        all[i].fn = note;
    fired_count = 0;
}

static void tear_down(void)
{
    weir__timers_clear(&timers);
}

static void set(weir_timer *timer, int64_t due_ms)
{
    ck_assert_int_eq(weir__timers_set(&timers, timer, due_ms), WEIR_OK);
}

/* One assertion: Check writes each into a pipe, and there are many looks. */
static void assert_sane_timers(void)
{
    bool is_sane = true;

    for (size_t i = 0; i < timers.count; i++) {
        is_sane &= timers.heap[i]->place == i + 1;
        is_sane &= i == 0 || timers.heap[i]->due_ms >= timers.heap[(i + 1) / 2 - 1]->due_ms;
    }
    ck_assert(is_sane);
}

static void assert_fired_in_order(size_t count)
{
    ck_assert_uint_eq(fired_count, count);
    for (size_t i = 1; i < fired_count; i++)
        ck_assert_int_ge(fired[i], fired[i - 1]);
}

START_TEST(without_timers_nothing_is_ever_due)
{
    ck_assert(weir__timers_next_ms(&timers) == INT64_MAX);
    weir__timers_run(&timers, INT64_MAX);
    weir__timers_unset(&timers, &all[0]);
    ck_assert_uint_eq(timers.count, 0);
}
END_TEST

START_TEST(what_is_due_is_called_earliest_first_and_the_rest_stays)
{
    for (size_t i = 0; i < MANY; i++) {
        set(&all[i], (int64_t)(i * 7919 % 1000));
        assert_sane_timers();
    }
    ck_assert_int_eq(weir__timers_next_ms(&timers), 0);
    weir__timers_run(&timers, 499);
    for (size_t i = 0; i < fired_count; i++)
        ck_assert_int_le(fired[i], 499);
    for (size_t i = 0; i < timers.count; i++)
        ck_assert_int_gt(timers.heap[i]->due_ms, 499);
    assert_sane_timers();
    weir__timers_run(&timers, 1000);
    assert_fired_in_order(MANY);
}
END_TEST

START_TEST(a_timer_is_due_at_its_very_time)
{
    set(&all[0], 10);
    weir__timers_run(&timers, 9);
    ck_assert_uint_eq(fired_count, 0);
    weir__timers_run(&timers, 10);
    ck_assert_uint_eq(fired_count, 1);
    weir__timers_run(&timers, 11);
    ck_assert_uint_eq(fired_count, 1);
}
END_TEST

START_TEST(setting_again_moves_a_timer_both_ways)
{
    for (size_t i = 0; i < MANY; i++)
        set(&all[i], 1000 + (int64_t)i);
    for (size_t i = 0; i < MANY; i++) {
        set(&all[i], i % 2 ? 5000 - (int64_t)i : (int64_t)i);
        assert_sane_timers();
    }
    ck_assert_uint_eq(timers.count, MANY);
    ck_assert_int_eq(weir__timers_next_ms(&timers), 0);
    weir__timers_run(&timers, 600);
    ck_assert_uint_eq(fired_count, MANY / 2);
    weir__timers_run(&timers, 5000);
    assert_fired_in_order(MANY);
}
END_TEST

START_TEST(an_unset_timer_is_not_called_wherever_it_was)
{
    for (size_t i = 0; i < MANY; i++)
        set(&all[i], (int64_t)(i * 7919 % 1000));
    for (size_t i = 0; i < MANY; i += 3) {
        weir__timers_unset(&timers, &all[i]);
        ck_assert_uint_eq(all[i].place, 0);
        weir__timers_unset(&timers, &all[i]); /* not set: fine */
        assert_sane_timers();
    }
    weir__timers_run(&timers, 1000);
    assert_fired_in_order(MANY - (MANY + 2) / 3);
}
END_TEST

static void set_again(weir_timer *timer)
{
    note(timer);
    if (fired_count < 5)
        set(timer, timer->due_ms + 10);
}

static void unset_next(weir_timer *timer)
{
    note(timer);
    weir__timers_unset(&timers, &all[1]);
    set(&all[2], timer->due_ms + 5);
}

START_TEST(timers_may_be_set_and_unset_from_within)
{
    all[0].fn = set_again;
    set(&all[0], 10);
    weir__timers_run(&timers, 35);
    ck_assert_uint_eq(fired_count, 3); /* 10, 20, 30: due already when they were set */
    ck_assert_int_eq(weir__timers_next_ms(&timers), 40);
    weir__timers_run(&timers, 1000);
    assert_fired_in_order(5);
    ck_assert_uint_eq(timers.count, 0);
    fired_count = 0;
    all[0].fn = unset_next;
    set(&all[0], 10);
    set(&all[1], 11);
    weir__timers_run(&timers, 100);
    assert_fired_in_order(2);
    ck_assert_int_eq(fired[1], 15);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/timers");
    TCase *order = tcase_create("order");

    tcase_add_checked_fixture(order, set_up, tear_down);
    tcase_add_test(order, without_timers_nothing_is_ever_due);
    tcase_add_test(order, what_is_due_is_called_earliest_first_and_the_rest_stays);
    tcase_add_test(order, a_timer_is_due_at_its_very_time);
    tcase_add_test(order, setting_again_moves_a_timer_both_ways);
    tcase_add_test(order, an_unset_timer_is_not_called_wherever_it_was);
    tcase_add_test(order, timers_may_be_set_and_unset_from_within);
    suite_add_tcase(suite, order);
    return weir__suite_run(suite);
}
