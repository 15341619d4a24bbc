/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a log line, and which ones are written. */
#include "base/log.h"

#include <errno.h>
#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static FILE *log_file;

static void set_up(void)
{
    log_file = tmpfile();
    ck_assert_ptr_nonnull(log_file);
    ck_assert_int_eq(dup2(fileno(log_file), STDERR_FILENO), STDERR_FILENO);
}

static void tear_down(void)
{
    (void)fclose(log_file);
}

/* All that was logged so far. */
static const char *written(void)
{
    static char text[8192];
    ssize_t size = pread(fileno(log_file), text, sizeof text - 1, 0);

    ck_assert_int_ge(size, 0);
    text[size] = '\0';
    return text;
}

START_TEST(a_line_has_time_level_place_and_message)
{
    regex_t form;

    weir__log(WEIR__LOG_WARN, "host/local", "retrying in=%d", 200);
    ck_assert_int_eq(regcomp(&form,
                             "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z warn host/local: "
                             "retrying in=200\n$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    ck_assert_int_eq(regexec(&form, written(), 0, NULL, 0), 0);
    regfree(&form);
}
END_TEST

START_TEST(what_is_above_the_level_is_not_written)
{
    weir__log(WEIR__LOG_INFO, "x", "no");
    ck_assert(!weir__log_wants(WEIR__LOG_INFO));
    ck_assert_str_eq(written(), "");
    weir__log_configure(WEIR__LOG_ERROR, WEIR__LOG_TEXT);
    weir__log(WEIR__LOG_WARN, "x", "no");
    ck_assert_str_eq(written(), "");
    weir__log_configure(WEIR__LOG_DEBUG, WEIR__LOG_TEXT);
    ck_assert(weir__log_wants(WEIR__LOG_DEBUG));
    weir__log(WEIR__LOG_DEBUG, "x", "yes");
    ck_assert_ptr_nonnull(strstr(written(), " debug x: yes\n"));
}
END_TEST

START_TEST(an_event_is_one_line_whatever_is_in_it)
{
    weir__log(WEIR__LOG_ERROR, "x", "a\nb\r%s", "c");
    ck_assert_ptr_nonnull(strstr(written(), " error x: a b c\n"));
}
END_TEST

START_TEST(a_line_as_json_is_an_object_and_its_strings_are_whole)
{
    json_t *line;
    char text[1200];

    weir__log_configure(WEIR__LOG_WARN, WEIR__LOG_JSON);
    weir__log(WEIR__LOG_WARN, "a\"b", "tab\t quote\" back\\ line\n é %d", 7);
    line = json_loads(written(), 0, NULL);
    ck_assert_ptr_nonnull(line);
    ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "warn");
    ck_assert_str_eq(json_string_value(json_object_get(line, "where")), "a\"b");
    ck_assert_str_eq(json_string_value(json_object_get(line, "message")), "tab\t quote\" back\\ line\n é 7");
    ck_assert_uint_eq(strlen(json_string_value(json_object_get(line, "time"))), 24);
    json_decref(line);
    /* Cut in the middle of a character by one size or the other: what is left is still UTF-8. */
    for (size_t skip = 0; skip < 2; skip++) {
        ck_assert_int_eq(ftruncate(fileno(log_file), 0), 0);
        ck_assert_int_eq((int)lseek(STDERR_FILENO, 0, SEEK_SET), 0);
        memset(text, 'x', skip);
        for (size_t i = skip; i + 2 < sizeof text; i += 2)
            memcpy(text + i, "é", 3);
        weir__log(WEIR__LOG_WARN, text, "%s", text);
        line = json_loads(written(), 0, NULL);
        ck_assert_ptr_nonnull(line);
        ck_assert_uint_gt(json_string_length(json_object_get(line, "message")), 1000);
        json_decref(line);
    }
}
END_TEST

START_TEST(errno_is_kept)
{
    errno = ENOTTY;
    weir__log(WEIR__LOG_ERROR, "x", "y");
    ck_assert_int_eq(errno, ENOTTY);
}
END_TEST

START_TEST(levels_have_names)
{
    weir_log_level level = WEIR__LOG_ERROR;

    ck_assert(weir__log_level_named("debug", &level));
    ck_assert_int_eq(level, WEIR__LOG_DEBUG);
    ck_assert(!weir__log_level_named("Debug", &level));
    ck_assert(!weir__log_level_named("", &level));
    ck_assert_int_eq(level, WEIR__LOG_DEBUG);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/log");
    TCase *lines = tcase_create("lines");

    tcase_add_checked_fixture(lines, set_up, tear_down);
    tcase_add_test(lines, a_line_has_time_level_place_and_message);
    tcase_add_test(lines, what_is_above_the_level_is_not_written);
    tcase_add_test(lines, an_event_is_one_line_whatever_is_in_it);
    tcase_add_test(lines, a_line_as_json_is_an_object_and_its_strings_are_whole);
    tcase_add_test(lines, errno_is_kept);
    tcase_add_test(lines, levels_have_names);
    suite_add_tcase(suite, lines);
    return weir__suite_run(suite);
}
