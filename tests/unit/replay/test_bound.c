/* SPDX-License-Identifier: Apache-2.0 */
/* Points in logs and in time, as words. */
#include "replay/replay.h"

#include "suite.h"

static void expect(const char *text, weir_replay_point point, int64_t number)
{
    weir_replay_bound bound;

    ck_assert_msg(weir__replay_bound_parse(text, &bound), "'%s' is refused", text);
    ck_assert_msg(bound.point == point, "'%s' is of kind %d", text, (int)bound.point);
    if (point == WEIR__REPLAY_OFFSET || point == WEIR__REPLAY_TIME)
        ck_assert_msg(bound.number == number, "'%s' is %lld", text, (long long)bound.number);
}

START_TEST(names_numbers_and_times_are_told_apart)
{
    expect("earliest", WEIR__REPLAY_EARLIEST, 0);
    expect("committed", WEIR__REPLAY_COMMITTED, 0);
    expect("0", WEIR__REPLAY_OFFSET, 0);
    expect("2026", WEIR__REPLAY_OFFSET, 2026);
    expect("9223372036854775807", WEIR__REPLAY_OFFSET, INT64_MAX);
    expect("1970-01-01", WEIR__REPLAY_TIME, 0);
}
END_TEST

START_TEST(times_are_utc_or_say_their_offset)
{
    expect("2001-09-09T01:46:40Z", WEIR__REPLAY_TIME, 1000000000000);
    expect("2001-09-09t01:46:40.5z", WEIR__REPLAY_TIME, 1000000000500);
    expect("2001-09-09 01:46:40.123999Z", WEIR__REPLAY_TIME, 1000000000123);
    expect("2001-09-09T03:46:40+02:00", WEIR__REPLAY_TIME, 1000000000000);
    expect("2001-09-08T20:16:40-05:30", WEIR__REPLAY_TIME, 1000000000000);
    expect("2024-02-29", WEIR__REPLAY_TIME, 1709164800000);
    expect("1969-12-31T23:59:59.999Z", WEIR__REPLAY_TIME, -1);
}
END_TEST

START_TEST(what_is_no_point_is_refused)
{
    static const char *const bad[] = {
        "",           "latest",        "-1",         "12a",        " 7",      "9223372036854775808", "2023-02-29",
        "2026-13-01", "2026-00-10",    "2026-01-32", "2026-1-1",   "1900-02-29",
        "2026-01-01T",          "2026-01-01T10:04:05",     "2026-01-01T24:00:00Z",     "2026-01-01T10:60:00Z",
        "2026-01-01T10:04Z",    "2026-01-01T10:04:05.Z",   "2026-01-01T10:04:05+1:00", "2026-01-01T10:04:05+24:00",
        "2026-01-01T10:04:05Z ", "2026-01-01T10:04:05+01:00x",
    };
    weir_replay_bound bound;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!weir__replay_bound_parse(bad[i], &bound), "'%s' is taken", bad[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay/bound");
    TCase *all = tcase_create("points");

    tcase_add_test(all, names_numbers_and_times_are_told_apart);
    tcase_add_test(all, times_are_utc_or_say_their_offset);
    tcase_add_test(all, what_is_no_point_is_refused);
    suite_add_tcase(suite, all);
    return weir__suite_run(suite);
}
