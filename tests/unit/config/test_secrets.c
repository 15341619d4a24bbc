/* SPDX-License-Identifier: Apache-2.0 */
/* Filling secrets in, and never showing one. */
#include "support.h"

#include <stdio.h>
#include <unistd.h>

#include "config/secrets.h"

static char folder[64];

static void set_up(void)
{
    strcpy(folder, "/tmp/weir-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(setenv("WEIR_SECRET_HERE", "hunter2", 1), 0);
    ck_assert_int_eq(setenv("WEIR_SECRET_EMPTY", "", 1), 0);
    ck_assert_int_eq(unsetenv("WEIR_SECRET_NOT_HERE"), 0);
}

static void file_path(char *path, size_t capacity)
{
    snprintf(path, capacity, "%s/secret", folder);
}

static void tear_down(void)
{
    char path[128];

    file_path(path, sizeof path);
    (void)unlink(path);
    (void)rmdir(folder);
}

static void write_file(const void *data, size_t size)
{
    char path[128];
    FILE *file;

    file_path(path, sizeof path);
    file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void fills(const char *text, const char *expected, bool is_secret)
{
    char *out = NULL;
    bool filled = !is_secret;
    weir_error err = { 0 };
    weir_code rc = weir__secret_fill(text, &out, &filled, &err);

    ck_assert_msg(rc == WEIR_OK, "%s", err.message);
    ck_assert_str_eq(out, expected);
    ck_assert(filled == is_secret);
    weir__secret_free(out);
}

static void refuses(const char *text, const char *message)
{
    char *out = NULL;
    bool filled;
    weir_error err = { 0 };

    ck_assert_int_eq(weir__secret_fill(text, &out, &filled, &err), WEIR_CONFIG);
    ck_assert_int_eq(err.code, WEIR_CONFIG);
    ck_assert_str_eq(err.message, message);
    ck_assert_ptr_null(out);
    ck_assert_int_eq(weir__secret_fill(text, &out, &filled, NULL), WEIR_CONFIG);
}

START_TEST(variables_are_filled_in)
{
    fills("", "", false);
    fills("plain $ {text}", "plain $ {text}", false);
    fills("${env:WEIR_SECRET_HERE}", "hunter2", true);
    fills("a${env:WEIR_SECRET_HERE}b${env:WEIR_SECRET_HERE}", "ahunter2bhunter2", true);
    fills("a${env:WEIR_SECRET_EMPTY}b", "ab", true);
}
END_TEST

START_TEST(a_doubled_dollar_stands_for_itself)
{
    fills("a$${b}", "a${b}", false);
    fills("$${env:WEIR_SECRET_HERE}", "${env:WEIR_SECRET_HERE}", false);
    fills("$$", "$$", false);
    fills("$${${env:WEIR_SECRET_HERE}", "${hunter2", true);
}
END_TEST

START_TEST(what_is_filled_in_is_not_looked_at_again)
{
    ck_assert_int_eq(setenv("WEIR_SECRET_HERE", "${env:WEIR_SECRET_NOT_HERE}", 1), 0);
    fills("${env:WEIR_SECRET_HERE}", "${env:WEIR_SECRET_NOT_HERE}", true);
}
END_TEST

START_TEST(a_file_loses_one_line_break_at_its_end)
{
    static const struct {
        const char *content;
        const char *expected;
    } files[] = { { "s3\n", "<s3>" }, { "s3", "<s3>" }, { "s3\r\n", "<s3>" }, { "s3\n\n", "<s3\n>" }, { "", "<>" },
                  { "\n", "<>" },     { "a\nb", "<a\nb>" } };
    char text[160];

    snprintf(text, sizeof text, "<${file:%s/secret}>", folder);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_file(files[i].content, strlen(files[i].content));
        fills(text, files[i].expected, true);
    }
}
END_TEST

START_TEST(what_is_not_there_is_named)
{
    char text[160], message[256];

    refuses("${env:WEIR_SECRET_NOT_HERE}", "environment variable 'WEIR_SECRET_NOT_HERE' is not set");
    snprintf(text, sizeof text, "x${file:%s/secret}", folder);
    snprintf(message, sizeof message, "file '%s/secret': No such file or directory", folder);
    refuses(text, message);
    snprintf(text, sizeof text, "x${file:%s}", folder);
    snprintf(message, sizeof message, "file '%s': Is a directory", folder);
    refuses(text, message);
}
END_TEST

START_TEST(a_placeholder_must_be_one)
{
    static const char neither[] =
        "'${' begins neither ${env:NAME} nor ${file:PATH}; write $${ for the characters themselves";

    refuses("${HOME}", neither);
    refuses("${}", neither);
    refuses("${env:}", neither);
    refuses("${file:}", neither);
    refuses("${env:A", "'${' without its '}'; write $${ for the characters");
}
END_TEST

START_TEST(a_file_of_a_secret_is_small_text)
{
    static char large[65537];
    char text[160], message[256];

    snprintf(text, sizeof text, "${file:%s/secret}", folder);
    memset(large, 'a', sizeof large);
    write_file(large, sizeof large);
    snprintf(message, sizeof message, "file '%s/secret': over 64 KiB", folder);
    refuses(text, message);
    write_file("a\0b", 3);
    snprintf(message, sizeof message, "file '%s/secret': a NUL byte in it", folder);
    refuses(text, message);
    write_file("\xFF", 1);
    {
        char yaml[256];

        snprintf(yaml, sizeof yaml, "kafka: {a: \"%s\"}", text);
        bad(yaml, "job.yaml:1: kafka.a: no UTF-8, or a control character in it");
    }
}
END_TEST

START_TEST(a_missing_secret_is_named_with_line_and_property)
{
    bad("\nkafka:\n  sasl.password: ${env:WEIR_SECRET_NOT_HERE}\n",
        "job.yaml:3: kafka.sasl.password: environment variable 'WEIR_SECRET_NOT_HERE' is not set");
}
END_TEST

/* The whole walk, to look for what must not be in it. */
static bool shows(const weir_config *config, const char *text)
{
    weir_config_entry entry;

    for (size_t cursor = 0; weir__config_next(config, &cursor, &entry);) {
        for (size_t i = 0; i < entry.count; i++) {
            if (strstr(entry.items[i], text) || (entry.text && strstr(entry.text, text)))
                return true;
        }
    }
    return false;
}

START_TEST(a_secret_is_usable_and_not_shown)
{
    static const char *const yamls[] = {
        "kafka: {sasl.password: hunter2}",
        "kafka: {ssl.key.password: hunter2}",
        "kafka: {SASL.JAAS.config: 'x hunter2'}",
        "kafka: {sasl.oauthbearer.client.secret: hunter2}",
        "kafka: {my.Token: hunter2}",
        "kafka: {client.id: \"${env:WEIR_SECRET_HERE}\"}",
        "state: {dir: \"a/${env:WEIR_SECRET_HERE}\"}",
        "input: {topics: [a, \"${env:WEIR_SECRET_HERE}\"]}",
        "schema-registry: {url: 'http://me:hunter2@host/'}",
        "schema-registry: {url: 'http://a,http://hunter2@host/'}",
    };
    weir_config *config = good(yamls[_i]);

    ck_assert(!shows(config, "hunter2"));
    ck_assert(shows(config, "***"));
    weir__config_free(config);
}
END_TEST

START_TEST(a_secret_is_filled_in_for_whom_it_is_meant)
{
    weir_config *config = good("state: {dir: \"a/${env:WEIR_SECRET_HERE}\"}\nkafka: {sasl.password: hunter3}");
    const char *name, *value;

    ck_assert_str_eq(weir__config_text(config, "state.dir"), "a/hunter2");
    ck_assert(weir__config_kafka(config, 0, &name, &value));
    ck_assert_str_eq(value, "hunter3");
    weir__config_free(config);
}
END_TEST

START_TEST(a_url_without_a_user_is_shown)
{
    weir_config *config = good("schema-registry: {url: 'http://host:8081/a@b'}");

    ck_assert(shows(config, "http://host:8081/a@b"));
    ck_assert(!shows(config, "***"));
    weir__config_free(config);
}
END_TEST

START_TEST(no_message_shows_a_secret)
{
    bad("limits: {depth: \"${env:WEIR_SECRET_HERE}\"}",
        "job.yaml:1: limits.depth: the secret value is no integer, 1..10000 expected");
    bad("log: {level: \"${env:WEIR_SECRET_HERE}\"}",
        "job.yaml:1: log.level: the secret value is not known, one of error, warn, info, debug expected");
    bad("action-state: {retain: \"${env:WEIR_SECRET_HERE}\"}",
        "job.yaml:1: action-state.retain: the secret value is neither true nor false");
    bad("job: {name: \"a ${env:WEIR_SECRET_HERE}\"}",
        "job.yaml:1: job.name: the secret value is no name, 1..128 of A-Z a-z 0-9 . _ - expected");
    bad("job: {name: 'http://me:hunter2@host'}",
        "job.yaml:1: job.name: the secret value is no name, 1..128 of A-Z a-z 0-9 . _ - expected");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/secrets");
    TCase *filling = tcase_create("filling"), *hiding = tcase_create("hiding");

    tcase_add_checked_fixture(filling, set_up, tear_down);
    tcase_add_checked_fixture(hiding, set_up, tear_down);
    tcase_add_test(filling, variables_are_filled_in);
    tcase_add_test(filling, a_doubled_dollar_stands_for_itself);
    tcase_add_test(filling, what_is_filled_in_is_not_looked_at_again);
    tcase_add_test(filling, a_file_loses_one_line_break_at_its_end);
    tcase_add_test(filling, what_is_not_there_is_named);
    tcase_add_test(filling, a_placeholder_must_be_one);
    tcase_add_test(filling, a_file_of_a_secret_is_small_text);
    tcase_add_test(filling, a_missing_secret_is_named_with_line_and_property);
    tcase_add_loop_test(hiding, a_secret_is_usable_and_not_shown, 0, 10);
    tcase_add_test(hiding, a_secret_is_filled_in_for_whom_it_is_meant);
    tcase_add_test(hiding, a_url_without_a_user_is_shown);
    tcase_add_test(hiding, no_message_shows_a_secret);
    suite_add_tcase(suite, filling);
    suite_add_tcase(suite, hiding);
    return weir__suite_run(suite);
}
