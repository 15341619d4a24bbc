/* SPDX-License-Identifier: Apache-2.0 */
/* Runs against what was found of them: each kind of difference, alone and among others. */
#include "replay/comparison.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

static weir_comparison comparison;
static char *text;
static size_t text_size;
static FILE *report;

static void set_up(void)
{
    report = open_memstream(&text, &text_size);
    ck_assert_ptr_nonnull(report);
    weir__comparison_init(&comparison, report, UINT64_MAX);
}

static void tear_down(void)
{
    weir__comparison_clear(&comparison);
    (void)fclose(report);
    free(text);
}

enum { MOST = 4 };

/* A run of the key "k" with these outputs, against those that were found: "number:value", at offsets from `at` on. */
static void compare(const char *run, const char *const *gives, const char *const *found, int64_t at)
{
    weir_replayed done = { .run = run, .key = weir__bytes_text("k") };
    weir_found_output outputs[MOST];
    weir_bytes values[MOST];
    size_t count = 0;

    for (; gives && gives[done.count]; done.count++)
        values[done.count] = weir__bytes_text(gives[done.count]);
    done.values = values;
    for (; found && found[count]; count++)
        outputs[count] = (weir_found_output){ (uint64_t)(found[count][0] - '0'), 0, at + (int64_t)count,
                                              weir__bytes_text("k"), weir__bytes_text(found[count] + 2) };
    ck_assert_int_eq(weir__comparison_run(&comparison, &done, outputs, count, NULL), WEIR_OK);
}

static void reports(const char *expected)
{
    ck_assert_int_eq(fflush(report), 0);
    ck_assert_str_eq(text ? text : "", expected);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(what_is_the_same_is_no_line)
{
    compare("r/0/1", LIST("1", "{}"), LIST("0:1", "1:{}"), 5);
    compare("r/0/2", NULL, NULL, 0);
    reports("");
    ck_assert_uint_eq(comparison.runs, 2);
    ck_assert_uint_eq(comparison.outputs, 2);
    ck_assert_uint_eq(weir__comparison_differences(&comparison) + weir__comparison_unchecked(&comparison), 0);
}
END_TEST

START_TEST(what_is_lost_is_missing_wherever_it_stood)
{
    compare("r/0/1", LIST("1", "2", "3"), LIST("0:1", "2:3"), 5);
    reports("{\"difference\":\"missing\",\"run\":\"r/0/1\",\"key\":\"k\",\"seq\":1,\"expected\":2}\n");
}
END_TEST

START_TEST(what_nobody_gave_is_unexpected)
{
    compare("r/0/1", LIST("1"), LIST("0:1", "7:x"), 5);
    reports("{\"difference\":\"unexpected\",\"run\":\"r/0/1\",\"key\":\"k\",\"seq\":7,\"found\":\"x\",\"partition\":0,"
            "\"offset\":6}\n");
}
END_TEST

START_TEST(what_is_there_twice_is_a_duplicate)
{
    compare("r/0/1", LIST("1", "2"), LIST("0:1", "0:1", "1:2"), 5);
    reports("{\"difference\":\"duplicate\",\"run\":\"r/0/1\",\"key\":\"k\",\"seq\":0,\"found\":1,\"partition\":0,"
            "\"offset\":6}\n");
}
END_TEST

START_TEST(another_value_or_key_is_a_change)
{
    weir_replayed done = { .run = "r/0/1", .key = weir__bytes_text("k"), .count = 1 };
    weir_bytes value = weir__bytes_text("{\"a\":1}");
    weir_found_output found = { .key = weir__bytes_text("q"), .value = weir__bytes_text("{\"a\":1}"), .offset = 3 };

    done.values = &value;
    ck_assert_int_eq(weir__comparison_run(&comparison, &done, &found, 1, NULL), WEIR_OK);
    compare("r/0/2", LIST("1"), LIST("0:\xff"), 5);
    reports("{\"difference\":\"changed\",\"run\":\"r/0/1\",\"key\":\"k\",\"seq\":0,\"expected\":{\"a\":1},"
            "\"found\":{\"a\":1},\"found-key\":\"q\",\"partition\":0,\"offset\":3}\n"
            "{\"difference\":\"changed\",\"run\":\"r/0/2\",\"key\":\"k\",\"seq\":0,\"expected\":1,"
            "\"found\":{\"$bytes\":\"/w==\"},\"partition\":0,\"offset\":5}\n");
}
END_TEST

START_TEST(what_stands_before_an_earlier_one_is_out_of_order)
{
    compare("r/0/1", LIST("1"), LIST("0:1"), 9);
    compare("r/0/2", LIST("2"), LIST("0:2"), 8);
    compare("r/0/3", LIST("3"), LIST("0:3"), 10);
    ck_assert_uint_eq(comparison.differences[WEIR__DIFFERENCE_ORDER], 1);
    ck_assert_uint_eq(weir__comparison_differences(&comparison), 1);
}
END_TEST

START_TEST(doubt_spreads_along_a_key_and_no_further)
{
    weir_replayed doubtful = { .run = "r/0/1", .key = weir__bytes_text("q"), .failure = "nobody knows",
                               .is_unanswered = true };

    ck_assert_int_eq(weir__comparison_run(&comparison, &doubtful, NULL, 0, NULL), WEIR_OK);
    doubtful = (weir_replayed){ .run = "r/0/2", .key = weir__bytes_text("q") };
    ck_assert_int_eq(weir__comparison_run(&comparison, &doubtful, NULL, 0, NULL), WEIR_OK);
    compare("r/0/3", LIST("1"), LIST("0:1"), 5);
    reports("{\"unchecked\":\"call\",\"run\":\"r/0/1\",\"key\":\"q\",\"why\":\"nobody knows\"}\n"
            "{\"unchecked\":\"memory\",\"run\":\"r/0/2\",\"key\":\"q\"}\n");
    ck_assert_uint_eq(comparison.runs, 1);
}
END_TEST

START_TEST(a_failure_that_is_let_pass_gives_nothing_and_another_is_a_difference)
{
    weir_replayed failed = { .run = "r/0/1", .key = weir__bytes_text("k"), .failure = "no", .is_forgiven = true };
    weir_found_output found = { .key = weir__bytes_text("k"), .value = weir__bytes_text("1") };

    ck_assert_int_eq(weir__comparison_run(&comparison, &failed, NULL, 0, NULL), WEIR_OK);
    ck_assert_uint_eq(weir__comparison_differences(&comparison), 0);
    ck_assert_int_eq(weir__comparison_run(&comparison, &failed, &found, 1, NULL), WEIR_OK);
    ck_assert_uint_eq(comparison.differences[WEIR__DIFFERENCE_UNEXPECTED], 1);
    failed.is_forgiven = false;
    ck_assert_int_eq(weir__comparison_run(&comparison, &failed, NULL, 0, NULL), WEIR_OK);
    ck_assert_uint_eq(comparison.differences[WEIR__DIFFERENCE_FAILED], 1);
    compare("r/0/2", LIST("1"), LIST("0:1"), 5);
    ck_assert_uint_eq(comparison.unchecked[WEIR__UNCHECKED_MEMORY], 1);
}
END_TEST

START_TEST(keys_are_told_apart_however_many)
{
    char key[16];

    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        ck_assert(!weir__comparison_is_open(&comparison, weir__bytes_text(key)));
        if (i % 3 == 0)
            ck_assert_int_eq(weir__comparison_open(&comparison, weir__bytes_text(key), NULL), WEIR_OK);
    }
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        ck_assert_int_eq(weir__comparison_is_open(&comparison, weir__bytes_text(key)), i % 3 == 0);
    }
    ck_assert_uint_eq(comparison.open, 1667);
}
END_TEST

START_TEST(lines_beyond_the_limit_are_counted)
{
    comparison.most = 1;
    compare("r/0/1", LIST("1", "2"), NULL, 0);
    reports("{\"difference\":\"missing\",\"run\":\"r/0/1\",\"key\":\"k\",\"seq\":0,\"expected\":1}\n");
    ck_assert_uint_eq(comparison.lines, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replay/comparison");
    TCase *all = tcase_create("runs");

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, what_is_the_same_is_no_line);
    tcase_add_test(all, what_is_lost_is_missing_wherever_it_stood);
    tcase_add_test(all, what_nobody_gave_is_unexpected);
    tcase_add_test(all, what_is_there_twice_is_a_duplicate);
    tcase_add_test(all, another_value_or_key_is_a_change);
    tcase_add_test(all, what_stands_before_an_earlier_one_is_out_of_order);
    tcase_add_test(all, doubt_spreads_along_a_key_and_no_further);
    tcase_add_test(all, a_failure_that_is_let_pass_gives_nothing_and_another_is_a_difference);
    tcase_add_test(all, keys_are_told_apart_however_many);
    tcase_add_test(all, lines_beyond_the_limit_are_counted);
    suite_add_tcase(suite, all);
    return weir__suite_run(suite);
}
