/* SPDX-License-Identifier: Apache-2.0 */
/* Words of a command line: what is understood, what is refused and how, and the exit status of each code. */
#include "cli/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static const weir_option options[] = {
    { "input", "FILE", "where records come from" },
    { "follow", NULL, "wait for more" },
    { "state-dir", "DIR", "where state is kept" },
    { NULL, NULL, NULL },
};

enum { MOST_WORDS = 16 };

/* The words end with NULL. */
static weir_code parse(weir_arguments *arguments, size_t operands, const char *const *words, weir_error *err)
{
    static char copies[MOST_WORDS][128];
    static char *argv[MOST_WORDS + 1];
    int argc = 0;

    for (; words[argc]; argc++) {
        (void)snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    return weir__arguments_parse(arguments, options, operands, argc, argv, err);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void good(weir_arguments *arguments, size_t operands, const char *const *words)
{
    weir_error err = { .code = WEIR_OK };
    weir_code rc = parse(arguments, operands, words, &err);

    ck_assert_msg(rc == WEIR_OK, "'%s' … is refused: %s", words[0], err.message);
}

static void bad(const char *const *words, weir_code code, const char *message)
{
    weir_arguments arguments;
    weir_error err = { .code = WEIR_OK };

    ck_assert_int_eq(parse(&arguments, 0, words, &err), code);
    ck_assert_int_eq(err.code, code);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_str_eq(err.message, message);
    weir__arguments_clear(&arguments);
}

START_TEST(a_value_stands_behind_its_option_or_a_sign)
{
    weir_arguments arguments;

    good(&arguments, 0, WORDS("--input", "a.jsonl", "--state-dir=a=b"));
    ck_assert_str_eq(weir__arguments_value(&arguments, "input"), "a.jsonl");
    ck_assert_str_eq(weir__arguments_value(&arguments, "state-dir"), "a=b");
    ck_assert_ptr_null(weir__arguments_value(&arguments, "follow"));
    ck_assert_ptr_null(weir__arguments_value(&arguments, "no-such"));
    weir__arguments_clear(&arguments);
}
END_TEST

START_TEST(a_flag_is_an_empty_value_and_the_last_of_two_values_counts)
{
    weir_arguments arguments;

    good(&arguments, 0, WORDS("--follow", "--input", "a", "--input", "b"));
    ck_assert_str_eq(weir__arguments_value(&arguments, "follow"), "");
    ck_assert_str_eq(weir__arguments_value(&arguments, "input"), "b");
    weir__arguments_clear(&arguments);
}
END_TEST

START_TEST(a_value_may_begin_with_a_dash_and_a_dash_alone_is_no_option)
{
    weir_arguments arguments;

    good(&arguments, 1, WORDS("--input", "-", "--state-dir", "--odd", "-"));
    ck_assert_str_eq(weir__arguments_value(&arguments, "input"), "-");
    ck_assert_str_eq(weir__arguments_value(&arguments, "state-dir"), "--odd");
    ck_assert_uint_eq(arguments.operand_count, 1);
    ck_assert_str_eq(arguments.operands[0], "-");
    weir__arguments_clear(&arguments);
}
END_TEST

START_TEST(behind_two_dashes_there_are_no_options)
{
    weir_arguments arguments;

    good(&arguments, 2, WORDS("--follow", "--", "--input", "--"));
    ck_assert_uint_eq(arguments.operand_count, 2);
    ck_assert_str_eq(arguments.operands[0], "--input");
    ck_assert_str_eq(arguments.operands[1], "--");
    weir__arguments_clear(&arguments);
}
END_TEST

START_TEST(an_unknown_option_is_refused_with_the_nearest_one)
{
    bad(WORDS("--inptu", "x"), WEIR_INVALID, "unknown option '--inptu'; did you mean '--input'?");
    bad(WORDS("--confg", "x"), WEIR_INVALID, "unknown option '--confg'; did you mean '--config'?");
    bad(WORDS("--nothing-like-it"), WEIR_INVALID, "unknown option '--nothing-like-it'; see --help");
    bad(WORDS("-i"), WEIR_INVALID, "unknown option '-i'; see --help");
    bad(WORDS("---"), WEIR_INVALID, "unknown option '---'; see --help");
}
END_TEST

START_TEST(what_stands_behind_the_sign_of_an_unknown_option_is_not_shown)
{
    bad(WORDS("--ste=kafka.sasl.password=s3cret"), WEIR_INVALID, "unknown option '--ste'; did you mean '--set'?");
}
END_TEST

START_TEST(a_missing_value_one_too_many_and_a_stray_word_are_refused)
{
    bad(WORDS("--follow", "--input"), WEIR_INVALID, "option '--input' needs a value: FILE");
    bad(WORDS("--follow=yes"), WEIR_INVALID, "option '--follow' takes no value");
    bad(WORDS("--follow", "yes"), WEIR_INVALID, "unexpected word 'yes'; see --help");
}
END_TEST

START_TEST(help_is_asked_for_in_two_ways)
{
    weir_arguments arguments;

    good(&arguments, 0, WORDS("--help"));
    ck_assert(arguments.wants_help);
    weir__arguments_clear(&arguments);
    good(&arguments, 0, WORDS("--follow", "-h"));
    ck_assert(arguments.wants_help);
    weir__arguments_clear(&arguments);
}
END_TEST

START_TEST(the_command_line_wins_over_the_environment_and_that_over_the_file)
{
    weir_arguments arguments;
    char path[] = "options-XXXXXX";
    int fd = mkstemp(path);
    static const char yaml[] = "commit-max-runs: 11\ncommit-interval-ms: 11\nlog: {level: error}\n";

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, yaml, sizeof yaml - 1), sizeof yaml - 1);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(setenv("WEIR_COMMIT_INTERVAL_MS", "22", 1), 0);
    ck_assert_int_eq(setenv("WEIR_LOG_LEVEL", "info", 1), 0);
    good(&arguments, 0, WORDS("--log-level", "debug", "--set", "threads=1", "--config", path));
    ck_assert_int_eq(weir__config_int(arguments.config, "commit-max-runs"), 11);
    ck_assert_int_eq(weir__config_int(arguments.config, "commit-interval-ms"), 22);
    ck_assert_str_eq(weir__config_text(arguments.config, "log.level"), "debug");
    weir__arguments_clear(&arguments);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_wrong_property_is_refused_wherever_it_stands)
{
    bad(WORDS("--set", "limts.depth=3"), WEIR_CONFIG,
        "--set: unknown property 'limts.depth'; did you mean 'limits.depth'?");
    bad(WORDS("--log-level", "loud"), WEIR_CONFIG,
        "log.level: 'loud' is not known, one of error, warn, info, debug expected");
    bad(WORDS("--config", "no-such-file.yaml"), WEIR_IO,
        "configuration 'no-such-file.yaml' cannot be opened: No such file or directory");
}
END_TEST

START_TEST(each_code_has_its_exit_status)
{
    static const int statuses[] = {
        [WEIR_OK] = 0,          [WEIR_INVALID] = 2, [WEIR_NO_MEMORY] = 3, [WEIR_LIMIT] = 2,
        [WEIR_CONFIG] = 2,      [WEIR_IO] = 3,      [WEIR_UNREACHABLE] = 3, [WEIR_FENCED] = 3,
        [WEIR_FAILED] = 1,      [WEIR_NOT_DONE] = 3, [WEIR_UNKNOWN] = 3,  [WEIR_CANCELED] = 3,
    };

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        ck_assert_msg(weir__cli_status((weir_code)i) == statuses[i], "code %zu has status %d", i,
                      weir__cli_status((weir_code)i));
}
END_TEST

START_TEST(the_nearest_word_is_near_or_none)
{
    const char *const *names = WORDS("local", "describe", "new");

    ck_assert_str_eq(weir__nearest("lcal", names), "local");
    ck_assert_str_eq(weir__nearest("describes", names), "describe");
    ck_assert_str_eq(weir__nearest("new", names), "new");
    ck_assert_ptr_null(weir__nearest("", names));
    ck_assert_ptr_null(weir__nearest("xyz", names));
    ck_assert_ptr_null(weir__nearest("a-word-that-is-much-longer-than-any-command-could-ever-be", names));
}
END_TEST

START_TEST(a_program_is_called_by_the_end_of_its_path)
{
    ck_assert_str_eq(weir__cli_program("/a/b/job"), "job");
    ck_assert_str_eq(weir__cli_program("job"), "job");
    ck_assert_str_eq(weir__cli_program(NULL), "weir");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cli/options");
    TCase *words = tcase_create("words");
    TCase *config = tcase_create("configuration");
    TCase *status = tcase_create("status");

    tcase_add_test(words, a_value_stands_behind_its_option_or_a_sign);
    tcase_add_test(words, a_flag_is_an_empty_value_and_the_last_of_two_values_counts);
    tcase_add_test(words, a_value_may_begin_with_a_dash_and_a_dash_alone_is_no_option);
    tcase_add_test(words, behind_two_dashes_there_are_no_options);
    tcase_add_test(words, an_unknown_option_is_refused_with_the_nearest_one);
    tcase_add_test(words, what_stands_behind_the_sign_of_an_unknown_option_is_not_shown);
    tcase_add_test(words, a_missing_value_one_too_many_and_a_stray_word_are_refused);
    tcase_add_test(words, help_is_asked_for_in_two_ways);
    tcase_add_test(words, the_nearest_word_is_near_or_none);
    tcase_add_test(words, a_program_is_called_by_the_end_of_its_path);
    tcase_add_test(config, the_command_line_wins_over_the_environment_and_that_over_the_file);
    tcase_add_test(config, a_wrong_property_is_refused_wherever_it_stands);
    tcase_add_test(status, each_code_has_its_exit_status);
    suite_add_tcase(suite, words);
    suite_add_tcase(suite, config);
    suite_add_tcase(suite, status);
    return weir__suite_run(suite);
}
