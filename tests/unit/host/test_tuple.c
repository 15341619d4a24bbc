/* SPDX-License-Identifier: Apache-2.0 */
/* Tuples as text, there and back, and as an earlier version has written them. */
#include "host/tuple.h"

#include <stdio.h>
#include <string.h>

#include "suite.h"

static weir_arena arena;
static weir_buffer text;

static void set_up(void)
{
    weir__arena_init(&arena, 4096);
    weir__buffer_init(&text, 4000);
}

static void tear_down(void)
{
    weir__buffer_clear(&text);
    weir__arena_clear(&arena);
}

static weir_tuple parsed(const char *from)
{
    weir_tuple out;

    ck_assert_msg(weir__tuple_parse(weir__bytes_text(from), &arena, &out), "cannot be read: %s", from);
    return out;
}

START_TEST(what_is_printed_is_read_again)
{
    static const int64_t open[] = { 7, 9 };
    weir_tuple tuple = { .input = "i", .changelog = "c", .journal = "j", .offset = 7, .commit = 3, .epoch = 4,
                         .owner = "me \"0\"", .low = 20, .claim = 31, .claimed = 2, .gap = 5, .next = 12,
                         .open = open, .open_count = 2 };
    weir_tuple there;

    ck_assert_int_eq(weir__tuple_print(&tuple, true, &text), WEIR_OK);
    ck_assert_int_eq(weir__buffer_add_byte(&text, 0), WEIR_OK);
    there = parsed((const char *)text.data);
    ck_assert_str_eq(there.input, "i");
    ck_assert_str_eq(there.changelog, "c");
    ck_assert_str_eq(there.journal, "j");
    ck_assert_str_eq(there.owner, "me \"0\"");
    ck_assert_int_eq(there.offset, 7);
    ck_assert_int_eq(there.commit, 3);
    ck_assert_int_eq(there.epoch, 4);
    ck_assert_int_eq(there.low, 20);
    ck_assert_int_eq(there.claim, 31);
    ck_assert_int_eq(there.claimed, 2);
    ck_assert_int_eq(there.gap, 5);
    ck_assert_int_eq(there.next, 12);
    ck_assert_uint_eq(there.open_count, 2);
    ck_assert_int_eq(there.open[1], 9);
}
END_TEST

#define BEFORE                                                                                                        \
    "{\"v\":1,\"input\":\"i\",\"changelog\":\"c\",\"journal\":\"j\",\"offset\":0,\"commit\":1,\"epoch\":4,"           \
    "\"owner\":\"me\",\"low\":20,\"claim\":"

START_TEST(without_it_the_highest_claim_below_the_mark_is_the_owners_if_it_stands_there)
{
    ck_assert_int_eq(parsed(BEFORE "19,\"gap\":0}").claimed, 4);
    ck_assert_int_eq(parsed(BEFORE "20,\"gap\":0}").claimed, 0);
    ck_assert_int_eq(parsed(BEFORE "-1,\"gap\":0}").claimed, 0);
    ck_assert_int_eq(parsed(BEFORE "-1,\"claimed\":3,\"gap\":0}").claimed, 3);
}
END_TEST

START_TEST(what_is_none_is_refused)
{
    static const char *const texts[] = { "", "{}", "7", BEFORE "-2,\"gap\":0}", BEFORE "1,\"claimed\":-1,\"gap\":0}",
                                         BEFORE "1}" };
    weir_tuple out;

    ck_assert_msg(!weir__tuple_parse(weir__bytes_text(texts[_i]), &arena, &out), "%s", texts[_i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host/tuple");
    TCase *all = tcase_create("text");

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, what_is_printed_is_read_again);
    tcase_add_test(all, without_it_the_highest_claim_below_the_mark_is_the_owners_if_it_stands_there);
    tcase_add_loop_test(all, what_is_none_is_refused, 0, 6);
    suite_add_tcase(suite, all);
    return weir__suite_run(suite);
}
