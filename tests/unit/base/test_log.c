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

/* The one line that was logged since the last look, as JSON. */
static json_t *logged(void)
{
    json_t *line = json_loads(written(), JSON_REJECT_DUPLICATES, NULL);

    ck_assert_msg(line != NULL, "no JSON: %s", written());
    ck_assert_int_eq(ftruncate(fileno(log_file), 0), 0);
    ck_assert_int_eq((int)lseek(STDERR_FILENO, 0, SEEK_SET), 0);
    return line;
}

static void has_text(const json_t *line, const char *name, const char *want)
{
    const char *have = json_string_value(json_object_get(line, name));

    ck_assert_msg(have != NULL, "%s is no text", name);
    ck_assert_str_eq(have, want);
}

START_TEST(facts_are_members_and_whole_numbers_are_numbers)
{
    json_t *line;

    weir__log_configure(WEIR__LOG_WARN, WEIR__LOG_JSON);
    weir__log(WEIR__LOG_WARN, "host/local",
              "retrying soon in-ms=%d offset=%lld size=%zu share=%.1f at=%s:%d cause=\"%s\"",
              -200, 9223372036854775807LL, (size_t)7, 0.5, "a file", 3, "said \"no\"\n");
    line = logged();
    ck_assert_uint_eq(json_object_size(line), 10);
    has_text(line, "message", "retrying soon");
    ck_assert(json_integer_value(json_object_get(line, "in-ms")) == -200);
    ck_assert(json_integer_value(json_object_get(line, "offset")) == 9223372036854775807LL);
    ck_assert(json_integer_value(json_object_get(line, "size")) == 7);
    has_text(line, "share", "0.5");
    has_text(line, "at", "a file:3");
    has_text(line, "cause", "said \"no\"\n");
    json_decref(line);
}
END_TEST

START_TEST(what_fills_in_the_format_is_never_taken_for_facts)
{
    json_t *line;

    weir__log_configure(WEIR__LOG_WARN, WEIR__LOG_JSON);
    weir__log(WEIR__LOG_WARN, "x", "%s run=%s", "paid in full amount=0", "id/7 amount=9 run=8");
    line = logged();
    ck_assert_uint_eq(json_object_size(line), 5);
    has_text(line, "message", "paid in full amount=0");
    has_text(line, "run", "id/7 amount=9 run=8");
    json_decref(line);
    weir__log(WEIR__LOG_WARN, "x", "%s", "all of it a=1");
    line = logged();
    ck_assert_uint_eq(json_object_size(line), 4);
    has_text(line, "message", "all of it a=1");
    json_decref(line);
}
END_TEST

START_TEST(only_what_stands_last_and_has_a_name_is_a_fact)
{
    static const char *const formats[] = { "a=1", "a=1 and more", "more level=1", "more time=x", "more A=1", "more =1",
                                           "more a=", "more 1=2", "more a=1 " };

    weir__log_configure(WEIR__LOG_WARN, WEIR__LOG_JSON);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        json_t *line;

        switch (i) { /* a format is literal */
        case 0: weir__log(WEIR__LOG_WARN, "x", "a=1"); break;
        case 1: weir__log(WEIR__LOG_WARN, "x", "a=1 and more"); break;
        case 2: weir__log(WEIR__LOG_WARN, "x", "more level=1"); break;
        case 3: weir__log(WEIR__LOG_WARN, "x", "more time=x"); break;
        case 4: weir__log(WEIR__LOG_WARN, "x", "more A=1"); break;
        case 5: weir__log(WEIR__LOG_WARN, "x", "more =1"); break;
        case 6: weir__log(WEIR__LOG_WARN, "x", "more a="); break;
        case 7: weir__log(WEIR__LOG_WARN, "x", "more 1=2"); break;
        default: weir__log(WEIR__LOG_WARN, "x", "more a=1 "); break;
        }
        line = logged();
        ck_assert_uint_eq(json_object_size(line), 4);
        has_text(line, "message", formats[i]);
        json_decref(line);
    }
}
END_TEST

START_TEST(a_line_that_is_cut_is_an_object_all_the_same_and_no_number_in_it_is_half)
{
    char text[2000];

    weir__log_configure(WEIR__LOG_WARN, WEIR__LOG_JSON);
    for (size_t size = 0; size < sizeof text; size++) {
        json_t *line, *number;

        memset(text, size % 2 ? 'x' : '\x01', size);
        text[size] = '\0';
        weir__log(WEIR__LOG_WARN, "x", "m %s first=%d second=%s", text, 123456, "abc");
        line = logged();
        number = json_object_get(line, "first");
        if (size < 300)
            ck_assert_ptr_nonnull(number);
        if (number)
            ck_assert(json_integer_value(number) == 123456);
        json_decref(line);
    }
}
END_TEST

START_TEST(bytes_that_are_no_utf_8_are_replaced)
{
    json_t *line;

    weir__log_configure(WEIR__LOG_WARN, WEIR__LOG_JSON);
    weir__log(WEIR__LOG_WARN, "x\xC0", "a\xFF\x62\xED\xA0\x80\x7F file=%s", "\xE2\x82 \xE2\x82\xAC");
    line = logged();
    has_text(line, "where", "x\xEF\xBF\xBD");
    has_text(line, "message", "a\xEF\xBF\xBD\x62\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\x7F");
    has_text(line, "file", "\xEF\xBF\xBD\xEF\xBF\xBD \xE2\x82\xAC");
    json_decref(line);
}
END_TEST

START_TEST(a_room_may_have_a_level_of_its_own)
{
    weir__log_configure(WEIR__LOG_INFO, WEIR__LOG_TEXT);
    ck_assert_int_eq(weir__log_configure_rooms("warn,kafka:debug,http:error", NULL), WEIR_OK);
    ck_assert(weir__log_wants(WEIR__LOG_DEBUG));
    weir__log(WEIR__LOG_DEBUG, "kafka/group", "one");
    weir__log(WEIR__LOG_DEBUG, "kafka", "two");
    weir__log(WEIR__LOG_DEBUG, "kafkas/group", "no");
    weir__log(WEIR__LOG_DEBUG, "kaf", "no");
    weir__log(WEIR__LOG_WARN, "http/client", "no");
    weir__log(WEIR__LOG_ERROR, "http/client", "three");
    weir__log(WEIR__LOG_INFO, "host/local", "no");
    weir__log(WEIR__LOG_WARN, "host/local", "four");
    ck_assert_ptr_null(strstr(written(), "no\n"));
    for (size_t i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(strstr(written(), (const char *const[]){ ": one\n", ": two\n", ": three\n",
                                                                       ": four\n" }[i]));
    weir__log_configure(WEIR__LOG_ERROR, WEIR__LOG_TEXT);
    ck_assert(!weir__log_wants(WEIR__LOG_WARN));
}
END_TEST

static void are_no_levels(const char *levels, const char *why)
{
    weir_error err = { .code = WEIR_OK };
    char message[232];

    (void)snprintf(message, sizeof message,
                   "log.levels: '%s; want levels (error, warn, info, debug) by room, as in warn,kafka:debug", why);
    ck_assert_int_eq(weir__log_configure_rooms(levels, &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, message);
    ck_assert(!weir__log_wants(WEIR__LOG_INFO)); /* nothing has changed */
}

START_TEST(levels_that_are_none_are_refused_with_what_is_wrong)
{
    char many[256] = "";

    weir__log_configure(WEIR__LOG_WARN, WEIR__LOG_TEXT);
    are_no_levels("loud", "loud' has no known level");
    are_no_levels("", "' has no known level");
    are_no_levels("info,", "' has no known level");
    are_no_levels("kafka:info,http:", "http:' has no known level");
    are_no_levels(":info", ":info' has no room's name, of 1..63 bytes");
    are_no_levels("info,debug", "debug' is a second level for all rooms");
    are_no_levels("a:info,b:warn,a:debug", "a:debug' names a room for a second time");
    for (int i = 0; i < 17; i++)
        (void)snprintf(many + strlen(many), sizeof many - strlen(many), "%sr%d:info", i ? "," : "", i);
    are_no_levels(many, "r16:info' is one room too many, over 16");
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
    tcase_add_test(lines, facts_are_members_and_whole_numbers_are_numbers);
    tcase_add_test(lines, what_fills_in_the_format_is_never_taken_for_facts);
    tcase_add_test(lines, only_what_stands_last_and_has_a_name_is_a_fact);
    tcase_add_test(lines, a_line_that_is_cut_is_an_object_all_the_same_and_no_number_in_it_is_half);
    tcase_add_test(lines, bytes_that_are_no_utf_8_are_replaced);
    tcase_add_test(lines, a_room_may_have_a_level_of_its_own);
    tcase_add_test(lines, levels_that_are_none_are_refused_with_what_is_wrong);
    tcase_add_test(lines, errno_is_kept);
    tcase_add_test(lines, levels_have_names);
    suite_add_tcase(suite, lines);
    return weir__suite_run(suite);
}
