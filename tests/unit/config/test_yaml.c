/* SPDX-License-Identifier: Apache-2.0 */
/* What a file may say, and how it is refused: file, line, name. The golden cases in tests/golden/config too. */
#include "support.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void depth_is(const char *yaml, int64_t depth)
{
    weir_config *config = good(yaml);

    ck_assert_int_eq(weir__config_int(config, "limits.depth"), depth);
    weir__config_free(config);
}

START_TEST(nesting_and_dots_mean_the_same)
{
    depth_is("limits: {depth: 5}", 5);
    depth_is("limits:\n  depth: 5\n", 5);
    depth_is("limits.depth: 5", 5);
    depth_is("\"limits.depth\": '5'", 5);
    depth_is("{limits.depth: 5, limits: {stack-kb: 64}}", 5);
    depth_is("limits.depth: 5 # five\n", 5);
    depth_is("%YAML 1.1\n---\nlimits: {depth: 5}\n...\n", 5);
    depth_is("\xEF\xBB\xBFlimits: {depth: 5}\r\n", 5);
}
END_TEST

START_TEST(nothing_is_a_configuration_too)
{
    depth_is("", 512);
    depth_is("# only this\n", 512);
    depth_is("---\n", 512);
    depth_is("--- ~\n", 512);
    depth_is("{}", 512);
    depth_is("limits:\n", 512);
    depth_is("limits: {}\nkafka: {}\n", 512);
    depth_is("limits: {depth: null}", 512);
    depth_is("limits: {depth: ~}", 512);
    depth_is("limits:\n  depth:\n", 512);
}
END_TEST

START_TEST(the_contracts_example_is_read)
{
    static const char example[] =
        "job: {name: word-count}\n"
        "input:  {topics: [words], format: json, key-by: /user, on-error: dlq}\n"
        "output: {topic: counts, format: json, dlq-topic: word-count-dlq}\n"
        "state:  {dir: ./state, cache-mb: 64, inbox-mb: 256, ttl-ms: 0}\n"
        "action-state: {topic: word-count-actions, retain: false, required: true}\n"
        "limits: {events-per-run: 10000, runs-in-flight: 10000, stack-kb: 256, depth: 512, record-bytes: 16777216}\n"
        "calls: {threads: 16, in-doubt: park, stop-timeout-ms: 30000}\n"
        "commit-interval-ms: 100\n"
        "commit-max-runs: 10000\n"
        "inbox-age-ms: 1000\n"
        "threads: 1\n"
        "kafka: {bootstrap.servers: \"localhost:9092\"}\n"
        "schema-registry: {url: \"http://localhost:8081\"}\n"
        "status: {listen: \"127.0.0.1:9464\"}\n"
        "log: {level: info, format: text}\n"
        "agent: {error-handling-strategy: fail}\n";
    weir_config *config = good(example);

    ck_assert_str_eq(weir__config_text(config, "input.key-by"), "/user");
    ck_assert_str_eq(weir__config_text(config, "status.listen"), "127.0.0.1:9464");
    weir__config_free(config);
}
END_TEST

START_TEST(text_is_kept_as_it_is_written)
{
    weir_config *config = good("job.name: 0123\nstate.dir: yes\nkafka: {a: 1.50, b: True, c: '', d: \"null\"}");
    const char *name, *value;
    const char *const values[] = { "1.50", "True", "", "null" };

    ck_assert_str_eq(weir__config_text(config, "job.name"), "0123");
    ck_assert_str_eq(weir__config_text(config, "state.dir"), "yes");
    for (size_t i = 0; i < 4; i++) {
        ck_assert(weir__config_kafka(config, i, &name, &value));
        ck_assert_str_eq(value, values[i]);
    }
    weir__config_free(config);
}
END_TEST

START_TEST(lists_are_flow_block_or_one)
{
    static const char *const yamls[] = { "input: {topics: [a, b]}", "input:\n  topics:\n    - a\n    - b\n",
                                         "input.topics: ['a', \"b\"]" };

    for (size_t i = 0; i < 3; i++) {
        weir_config *config = good(yamls[i]);

        ck_assert_str_eq(weir__config_item(config, "input.topics", 0), "a");
        ck_assert_str_eq(weir__config_item(config, "input.topics", 1), "b");
        ck_assert_ptr_null(weir__config_item(config, "input.topics", 2));
        weir__config_free(config);
    }
}
END_TEST

static const struct {
    const char *yaml;
    const char *message;
} refused[] = {
    { "\n\nlimts: {depth: 5}", "job.yaml:3: unknown property 'limts.depth'; did you mean 'limits.depth'?" },
    { "limits:\n  depth: 5\n  detph: 6\n",
      "job.yaml:3: unknown property 'limits.detph'; did you mean 'limits.depth'?" },
    { "limts: {}", "job.yaml:1: unknown property 'limts'; docs/CONFIGURATION.md has them all" },
    { "foo: [1]", "job.yaml:1: unknown property 'foo'; docs/CONFIGURATION.md has them all" },
    { "foo: null", "job.yaml:1: unknown property 'foo'; docs/CONFIGURATION.md has them all" },
    { "limits:\n  depth: 5\n  depth: 5\n", "job.yaml:3: limits.depth: given twice, first on line 2" },
    { "limits.depth: 5\nlimits: {depth: 5}\n", "job.yaml:2: limits.depth: given twice, first on line 1" },
    { "limits.depth: null\nlimits: {depth: 5}\n", "job.yaml:2: limits.depth: given twice, first on line 1" },
    { "kafka: {a: 1}\nkafka.a: 2\n", "job.yaml:2: kafka.a: given twice, first on line 1" },
    { "limits: {depth: 5}\nlimits: {stack-kb: 64}\n", "job.yaml:2: limits: given twice, first on line 1" },
    { "limits: {depth: {a: 5}}", "job.yaml:1: limits.depth: a value expected, not a section" },
    { "limits: {depth: [5]}", "job.yaml:1: limits.depth: one value expected, not a list" },
    { "limits: 5", "job.yaml:1: limits: a section of properties expected, not a value" },
    { "kafka: \"sasl.password=hunter2\"", "job.yaml:1: kafka: a section of properties expected, not a value" },
    { "kafka: [a]", "job.yaml:1: kafka: a section of properties expected, not a list" },
    { "kafka: {a: [b]}", "job.yaml:1: kafka.a: one value expected, not a list" },
    { "state: {cache-mb: 'lots'}", "job.yaml:1: state.cache-mb: 'lots' is no integer, 1..1048576 expected" },
    { "action-state: {retain: yes}", "job.yaml:1: action-state.retain: 'yes' is neither true nor false" },
    { "state: {dir: ''}", "job.yaml:1: state.dir: empty; leave it out instead" },
    { "state: {dir: \"a\\0b\"}", "job.yaml:1: state.dir: a NUL byte in it" },
    { "input:\n  topics:\n  - [a]", "job.yaml:3: input.topics: a list of single values expected" },
    { "input:\n  topics:\n  -\n", "job.yaml:3: input.topics: an empty item, or a NUL byte in one" },
    { "5", "job.yaml:1: properties expected: section: {key: value}" },
    { "- a", "job.yaml:1: properties expected: section: {key: value}" },
    { "limits: {depth: 5}\n---\nlimits: {depth: 5}\n", "job.yaml:2: a second document; a configuration is one" },
    { "limits: &a {depth: 5}", "job.yaml:1: limits: anchors (&), aliases (*) and tags (!) are not supported; write the "
                               "value out, in quotes if it begins so" },
    { "limits: {depth: *a}", "job.yaml:1: limits.depth: anchors (&), aliases (*) and tags (!) are not supported; write "
                             "the value out, in quotes if it begins so" },
    { "limits: {depth: !!int 5}", "job.yaml:1: limits.depth: anchors (&), aliases (*) and tags (!) are not supported; "
                                  "write the value out, in quotes if it begins so" },
    { "limits:\n  <<: {depth: 5}", "job.yaml:2: limits: merge keys (<<) are not supported; write the values out" },
    { "? [a]\n: b", "job.yaml:1: a key must be a single value" },
    { "'': b", "job.yaml:1: an empty key, or a NUL byte in one" },
    { "~: b", "job.yaml:1: an empty key, or a NUL byte in one" },
    { "limits:\n  depth: 5\n bad: 6\n",
      "job.yaml:3: no valid YAML: did not find expected key, while parsing a block mapping from line 1" },
    { "limits: {depth: 5\n",
      "job.yaml:2: no valid YAML: did not find expected ',' or '}', while parsing a flow mapping from line 1" },
    { "limits:\n\tdepth: 5\n", "job.yaml:2: no valid YAML: found character that cannot start any token, while "
                               "scanning for the next token from line 2" },
    { "a\nb\n\x01", "job.yaml:3: byte 0x01 is not text in UTF-8" },
    { "a: b\nc: \xFF\n", "job.yaml:2: byte 0xFF is not text in UTF-8" },
    { "a: b\nc: \xC3", "job.yaml:2: byte 0xC3 is not text in UTF-8" },
    { "a: b\nc: \xC0\x80", "job.yaml:2: byte 0xC0 is not text in UTF-8" },
    { "\xFF\xFE" "a", "job.yaml:1: byte 0xFF is not text in UTF-8" },
    { "a: b\nc: \xC2\x80", "job.yaml:2: no valid YAML: control characters are not allowed" },
};

START_TEST(what_is_refused_is_named_with_its_line)
{
    bad(refused[_i].yaml, refused[_i].message);
}
END_TEST

START_TEST(a_nul_byte_is_not_text)
{
    bad_bytes(weir__bytes("a: b\n\0", 6), "job.yaml:2: byte 0x00 is not text in UTF-8");
}
END_TEST

static char *repeat(const char *text, size_t count, const char *end)
{
    size_t size = strlen(text);
    char *out = malloc(size * count + strlen(end) + 1);

    ck_assert_ptr_nonnull(out);
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * size, text, size);
    memcpy(out + count * size, end, strlen(end) + 1);
    return out;
}

START_TEST(nesting_has_an_end)
{
    char *yaml = repeat("a: {", 100000, "");
    char *lists = repeat("[", 100000, "");
    char *sixty = repeat("{a: ", 70, "");
    weir_config *config = new_config();

    ck_assert_int_eq(weir__config_read(config, weir__bytes_text(yaml), "job.yaml", NULL), WEIR_CONFIG);
    ck_assert_int_eq(weir__config_read(config, weir__bytes_text(lists), "job.yaml", NULL), WEIR_CONFIG);
    bad(sixty, "job.yaml:1: a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.: nested "
               "deeper than 64");
    weir__config_free(config);
    free(yaml);
    free(lists);
    free(sixty);
}
END_TEST

START_TEST(a_name_has_at_most_255_bytes)
{
    char *yaml = repeat("k", 300, ": 5");
    weir_config *config = new_config();
    weir_error err = { 0 };

    bad(yaml, "job.yaml:1: a name has more than 255 bytes");
    memcpy(yaml, "kafka.", 6);
    yaml[255] = ':';
    yaml[256] = ' ';
    yaml[257] = '\0';
    ck_assert_int_eq(weir__config_read(config, weir__bytes_text(yaml), "job.yaml", &err), WEIR_OK);
    weir__config_free(config);
    free(yaml);
}
END_TEST

START_TEST(a_file_has_at_most_a_mebibyte)
{
    char *fits = repeat("#", 1 << 20, ""), *is_over = repeat("#", (1 << 20) + 1, "");

    weir__config_free(good(fits));
    bad(is_over, "job.yaml:1: over 1 MiB long");
    free(fits);
    free(is_over);
}
END_TEST

START_TEST(a_list_has_at_most_1000_items)
{
    char *fits = repeat("- a\n", 1000, ""), *is_over = repeat("- a\n", 1001, "");
    char yaml[5000];

    snprintf(yaml, sizeof yaml, "input.topics:\n%s", fits);
    weir__config_free(good(yaml));
    snprintf(yaml, sizeof yaml, "input.topics:\n%s", is_over);
    bad(yaml, "job.yaml:1002: input.topics: more than 1000 items");
    free(fits);
    free(is_over);
}
END_TEST

START_TEST(the_end_of_a_long_path_is_shown)
{
    char *path = repeat("/long", 40, "/the-job.yaml");
    weir_config *config = new_config();
    weir_error err = { 0 };

    ck_assert_int_eq(weir__config_read(config, weir__bytes_text("foo: 5"), path, &err), WEIR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "/the-job.yaml:1: unknown property 'foo'"));
    weir__config_free(config);
    free(path);
}
END_TEST

START_TEST(a_second_file_may_say_the_same_again)
{
    weir_config *config = good("limits: {depth: 5}\nkafka: {a: 1}");

    ck_assert_int_eq(weir__config_read(config, weir__bytes_text("limits: {depth: 6}\nkafka.a: 2"), "b.yaml", NULL),
                     WEIR_OK);
    ck_assert_int_eq(weir__config_int(config, "limits.depth"), 6);
    weir__config_free(config);
}
END_TEST

START_TEST(a_file_out_of_reach_is_an_io_error)
{
    weir_config *config = new_config();
    weir_error err = { 0 };

    ck_assert_int_eq(weir__config_read_file(config, "/nowhere/job.yaml", &err), WEIR_IO);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_int_eq(err.origin_code, ENOENT);
    ck_assert_str_eq(err.message, "configuration '/nowhere/job.yaml' cannot be opened: No such file or directory");
    ck_assert_int_eq(weir__config_read_file(config, "/", &err), WEIR_IO);
    ck_assert_str_eq(err.message, "configuration '/' cannot be read: Is a directory");
    weir__config_free(config);
}
END_TEST

/* ---- golden ------------------------------------------------------------------------------------------------------ */

static void golden_path(char *path, size_t capacity, const char *name, const char *file)
{
    const char *top = getenv("top_srcdir");

    snprintf(path, capacity, "%s/tests/golden/config/%s%s%s", top ? top : ".", name, *file ? "/" : "", file);
}

/* The text of a file; NULL when there is none. */
static char *slurp(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 65536);

    ck_assert_ptr_nonnull(text);
    if (!file) {
        free(text);
        return NULL;
    }
    (void)fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

/* What is not a default, a line each: name = value (origin). */
static void print_set(const weir_config *config, char *out, size_t capacity)
{
    weir_config_entry entry;
    size_t size = 0;

    for (size_t cursor = 0; weir__config_next(config, &cursor, &entry);) {
        if (entry.origin == WEIR__ORIGIN_DEFAULT)
            continue;
        size += (size_t)snprintf(out + size, capacity - size, "%s =", entry.name);
        for (size_t i = 0; i < entry.count; i++)
            size += (size_t)snprintf(out + size, capacity - size, " %s", entry.items[i]);
        size += (size_t)snprintf(out + size, capacity - size, "\n");
        ck_assert_uint_lt(size, capacity);
    }
}

static void golden(const char *name)
{
    char path[4096], printed[65536] = "";
    char *expected, *error;
    weir_config *config = new_config();
    weir_error err = { 0 };
    weir_code rc;

    golden_path(path, sizeof path, name, "expected");
    expected = slurp(path);
    golden_path(path, sizeof path, name, "error");
    error = slurp(path);
    ck_assert_msg(!expected != !error, "%s: one of expected and error", name);
    golden_path(path, sizeof path, name, "input.yaml");
    {
        char *input = slurp(path);

        ck_assert_msg(input, "%s: no input.yaml", name);
        rc = weir__config_read(config, weir__bytes_text(input), "input.yaml", &err);
        free(input);
    }
    if (expected) {
        ck_assert_msg(rc == WEIR_OK, "%s: %s", name, err.message);
        print_set(config, printed, sizeof printed);
        ck_assert_msg(strcmp(printed, expected) == 0, "%s: expected\n%sgot\n%s", name, expected, printed);
    } else {
        ck_assert_msg(rc == WEIR_CONFIG, "%s: accepted", name);
        snprintf(printed, sizeof printed, "%s\n", err.message);
        ck_assert_msg(strcmp(printed, error) == 0, "%s: expected\n%sgot\n%s", name, error, printed);
    }
    weir__config_free(config);
    free(expected);
    free(error);
}

START_TEST(every_golden_case_comes_out_as_written)
{
    char path[4096];
    DIR *folder;
    int count = 0;

    ck_assert_int_eq(setenv("WEIR_GOLDEN_SECRET", "hunter2", 1), 0);
    golden_path(path, sizeof path, "", "");
    folder = opendir(path);
    ck_assert_msg(folder, "no folder '%s'", path);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        golden(entry->d_name);
        count++;
    }
    closedir(folder);
    ck_assert_int_ge(count, 12);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/yaml");
    TCase *taken = tcase_create("taken"), *not_taken = tcase_create("refused"), *limits = tcase_create("limits"),
          *files = tcase_create("files");

    tcase_add_test(taken, nesting_and_dots_mean_the_same);
    tcase_add_test(taken, nothing_is_a_configuration_too);
    tcase_add_test(taken, the_contracts_example_is_read);
    tcase_add_test(taken, text_is_kept_as_it_is_written);
    tcase_add_test(taken, lists_are_flow_block_or_one);
    tcase_add_loop_test(not_taken, what_is_refused_is_named_with_its_line, 0, sizeof refused / sizeof *refused);
    tcase_add_test(not_taken, a_nul_byte_is_not_text);
    tcase_add_test(limits, nesting_has_an_end);
    tcase_add_test(limits, a_name_has_at_most_255_bytes);
    tcase_add_test(limits, a_file_has_at_most_a_mebibyte);
    tcase_add_test(limits, a_list_has_at_most_1000_items);
    tcase_add_test(files, the_end_of_a_long_path_is_shown);
    tcase_add_test(files, a_second_file_may_say_the_same_again);
    tcase_add_test(files, a_file_out_of_reach_is_an_io_error);
    tcase_add_test(files, every_golden_case_comes_out_as_written);
    suite_add_tcase(suite, taken);
    suite_add_tcase(suite, not_taken);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, files);
    return weir__suite_run(suite);
}
