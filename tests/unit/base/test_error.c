/* SPDX-License-Identifier: Apache-2.0 */
/* Errors in the caller's own struct: what they say, and where they are cut. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

#include "suite.h"

/* A text of `size` bytes of 'x', then `end`. */
static const char *filled(size_t size, const char *end)
{
    static char text[512];

    memset(text, 'x', size);
    strcpy(text + size, end);
    return text;
}

START_TEST(a_failure_returns_its_code_and_keeps_all_it_was_given)
{
    weir_error err;

    ck_assert_int_eq(weir__fail(&err, WEIR_LIMIT, WEIR_REMEDY_FIX, "%d of %d", 3, 2), WEIR_LIMIT);
    ck_assert_int_eq(err.code, WEIR_LIMIT);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_ptr_null(err.origin);
    ck_assert_int_eq(err.origin_code, 0);
    ck_assert_str_eq(err.message, "3 of 2");
    ck_assert_int_eq(weir__fail_from(&err, WEIR_IO, WEIR_REMEDY_STOP, "sqlite", 13, "full"), WEIR_IO);
    ck_assert_str_eq(err.origin, "sqlite");
    ck_assert_int_eq(err.origin_code, 13);
}
END_TEST

START_TEST(nobody_need_ask_for_the_error)
{
    ck_assert_int_eq(weir__fail(NULL, WEIR_INVALID, WEIR_REMEDY_FIX, "x"), WEIR_INVALID);
    ck_assert_int_eq(weir__fail_from(NULL, WEIR_IO, WEIR_REMEDY_STOP, "errno", 5, "x"), WEIR_IO);
    ck_assert_int_eq(weir__fail_errno(NULL, ENOSPC, WEIR_REMEDY_STOP, "x"), WEIR_IO);
    ck_assert_int_eq(weir__fail_memory(NULL, "a thing"), WEIR_NO_MEMORY);
    weir__error_context(NULL, "somewhere");
}
END_TEST

START_TEST(errno_comes_with_its_text_and_enomem_is_no_memory)
{
    weir_error err;

    ck_assert_int_eq(weir__fail_errno(&err, ENOSPC, WEIR_REMEDY_STOP, "cannot write '%s'", "f"), WEIR_IO);
    ck_assert_str_eq(err.message, "cannot write 'f': No space left on device");
    ck_assert_str_eq(err.origin, "errno");
    ck_assert_int_eq(err.origin_code, ENOSPC);
    ck_assert_int_eq(weir__fail_errno(&err, ENOMEM, WEIR_REMEDY_STOP, "x"), WEIR_NO_MEMORY);
    ck_assert_int_eq(weir__fail_memory(&err, "a thing"), WEIR_NO_MEMORY);
    ck_assert_str_eq(err.message, "no memory for a thing");
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
}
END_TEST

START_TEST(a_message_that_fits_exactly_is_whole)
{
    weir_error err;

    (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s", filled(229, "é"));
    ck_assert_uint_eq(strlen(err.message), 231);
    ck_assert_str_eq(err.message + 229, "é");
}
END_TEST

START_TEST(a_message_is_cut_between_characters)
{
    static const struct {
        size_t size;
        const char *end;
        size_t kept;
    } cases[] = {
        { 231, "x", 231 }, { 230, "é", 230 }, { 230, "€", 230 }, { 229, "€", 229 }, { 228, "€", 231 },
        { 230, "😀", 230 }, { 229, "😀", 229 }, { 228, "😀", 228 }, { 227, "😀", 231 }, { 228, "éé", 230 },
    };
    weir_error err;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s", filled(cases[i].size, cases[i].end));
        ck_assert_uint_eq(strlen(err.message), cases[i].kept);
    }
}
END_TEST

START_TEST(a_message_is_one_line)
{
    weir_error err;

    (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "a\nb\tc\x7f%c", 1);
    ck_assert_str_eq(err.message, "a b c  ");
}
END_TEST

START_TEST(context_stands_before_the_message_outermost_first)
{
    weir_error err;

    (void)weir__fail_from(&err, WEIR_IO, WEIR_REMEDY_ABORT, "sqlite", 10, "disk I/O error");
    weir__error_context(&err, "store '%s'", "s.db");
    weir__error_context(&err, "partition %d", 3);
    ck_assert_str_eq(err.message, "partition 3: store 's.db': disk I/O error");
    ck_assert_int_eq(err.code, WEIR_IO);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_ABORT);
    ck_assert_int_eq(err.origin_code, 10);
}
END_TEST

START_TEST(a_long_context_cuts_the_message_between_characters)
{
    weir_error err;

    (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "é");
    weir__error_context(&err, "%s", filled(228, ""));
    ck_assert_uint_eq(strlen(err.message), 230); /* ": ", and no room for the é */
    ck_assert_str_eq(err.message + 228, ": ");
    (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "cause");
    weir__error_context(&err, "%s", filled(400, ""));
    ck_assert_uint_eq(strlen(err.message), 231);
}
END_TEST

START_TEST(a_half_character_goes_wherever_it_came_from)
{
    weir_error err;
    char text[] = "ab\xE2\x82";

    (void)weir__fail(&err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s", text); /* cut by somebody else, and short */
    ck_assert_str_eq(err.message, "ab");
    weir__text_trim(text);
    ck_assert_str_eq(text, "ab");
    weir__text_trim(text + 2);
    ck_assert_str_eq(text, "ab");
}
END_TEST

START_TEST(every_code_has_a_name)
{
    for (int code = WEIR_OK; code <= WEIR_CANCELED; code++) {
        ck_assert_str_ne(weir__code_name((weir_code)code), "unknown code");
        for (int other = WEIR_OK; other < code; other++)
            ck_assert_str_ne(weir__code_name((weir_code)code), weir__code_name((weir_code)other));
    }
    ck_assert_str_eq(weir__code_name((weir_code)999), "unknown code");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/error");
    TCase *errors = tcase_create("errors"), *cuts = tcase_create("cuts");

    tcase_add_test(errors, a_failure_returns_its_code_and_keeps_all_it_was_given);
    tcase_add_test(errors, nobody_need_ask_for_the_error);
    tcase_add_test(errors, errno_comes_with_its_text_and_enomem_is_no_memory);
    tcase_add_test(errors, context_stands_before_the_message_outermost_first);
    tcase_add_test(errors, every_code_has_a_name);
    suite_add_tcase(suite, errors);
    tcase_add_test(cuts, a_message_that_fits_exactly_is_whole);
    tcase_add_test(cuts, a_message_is_cut_between_characters);
    tcase_add_test(cuts, a_message_is_one_line);
    tcase_add_test(cuts, a_long_context_cuts_the_message_between_characters);
    tcase_add_test(cuts, a_half_character_goes_wherever_it_came_from);
    suite_add_tcase(suite, cuts);
    return weir__suite_run(suite);
}
