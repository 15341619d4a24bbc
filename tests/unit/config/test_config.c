/* SPDX-License-Identifier: Apache-2.0 */
/* Values, layers, and walking over them. */
#include "support.h"

#include <signal.h>
#include <stdio.h>

static void set(weir_config *config, const char *assignment)
{
    weir_error err = { 0 };
    weir_code rc = weir__config_set(config, assignment, &err);

    ck_assert_msg(rc == WEIR_OK, "%s", err.message);
}

static void set_bad(const char *assignment, const char *message)
{
    weir_config *config = new_config();
    weir_error err = { 0 };

    ck_assert_int_eq(weir__config_set(config, assignment, &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(weir__config_set(config, assignment, NULL), WEIR_CONFIG);
    weir__config_free(config);
}

static void environment(weir_config *config, const char *variable)
{
    char *const variables[] = { (char *)(uintptr_t)"HOME=/root", (char *)(uintptr_t)variable, NULL };
    weir_error err = { 0 };
    weir_code rc = weir__config_read_environment(config, variables, &err);

    ck_assert_msg(rc == WEIR_OK, "%s", err.message);
}

static void environment_bad(const char *variable, const char *message)
{
    char *const variables[] = { (char *)(uintptr_t)variable, NULL };
    weir_config *config = new_config();
    weir_error err = { 0 };

    ck_assert_int_eq(weir__config_read_environment(config, variables, &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, message);
    weir__config_free(config);
}

static const char *kafka(const weir_config *config, const char *wanted)
{
    const char *name, *value;

    for (size_t i = 0; weir__config_kafka(config, i, &name, &value); i++) {
        if (strcmp(name, wanted) == 0)
            return value;
    }
    return NULL;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

START_TEST(the_defaults_are_those_of_the_contract)
{
    weir_config *config = new_config();

    ck_assert_ptr_null(weir__config_text(config, "job.name"));
    ck_assert_str_eq(weir__config_text(config, "input.on-error"), "fail");
    ck_assert_int_eq(weir__config_int(config, "input.max-crashes"), 3);
    ck_assert_int_eq(weir__config_int(config, "limits.depth"), 512);
    ck_assert_int_eq(weir__config_int(config, "limits.record-bytes"), 16 << 20);
    ck_assert_int_eq(weir__config_int(config, "limits.stack-kb"), 256);
    ck_assert_int_eq(weir__config_int(config, "limits.events-per-run"), 10000);
    ck_assert_int_eq(weir__config_int(config, "limits.runs-in-flight"), 10000);
    ck_assert_int_eq(weir__config_int(config, "limits.queue-per-key"), 10000);
    ck_assert_int_eq(weir__config_int(config, "commit-interval-ms"), 100);
    ck_assert_int_eq(weir__config_int(config, "commit-max-runs"), 10000);
    ck_assert_int_eq(weir__config_int(config, "commit-max-bytes"), 16 << 20);
    ck_assert_int_eq(weir__config_int(config, "state.cache-mb"), 64);
    ck_assert_int_eq(weir__config_int(config, "state.inbox-mb"), 256);
    ck_assert_str_eq(weir__config_text(config, "log.level"), "warn");
    ck_assert_str_eq(weir__config_text(config, "log.format"), "text");
    ck_assert(!weir__config_bool(config, "action-state.retain"));
    ck_assert(weir__config_bool(config, "action-state.required"));
    ck_assert_ptr_null(weir__config_item(config, "input.topics", 0));
    ck_assert_int_eq(weir__config_origin(config, "limits.depth"), WEIR__ORIGIN_DEFAULT);
    weir__config_free(config);
    weir__config_free(NULL);
}
END_TEST

START_TEST(the_ends_of_a_range_are_in_it)
{
    weir_config *config = new_config();

    set(config, "limits.stack-kb=64");
    ck_assert_int_eq(weir__config_int(config, "limits.stack-kb"), 64);
    set(config, "limits.stack-kb=65536");
    set(config, "limits.record-bytes=1073741824");
    ck_assert_int_eq(weir__config_int(config, "limits.record-bytes"), INT64_C(1) << 30);
    set(config, "input.max-crashes=0");
    set(config, "limits.runs-in-flight=25000");
    weir__config_free(config);
    set_bad("limits.stack-kb=63", "--set: limits.stack-kb: '63' is out of range, 64..65536 expected");
    set_bad("limits.runs-in-flight=25001", "--set: limits.runs-in-flight: '25001' is out of range, 1..25000 expected");
    set_bad("limits.depth=99999999999999999999",
            "--set: limits.depth: '99999999999999999999' is out of range, 1..10000 expected");
    set_bad("limits.depth=-1", "--set: limits.depth: '-1' is out of range, 1..10000 expected");
}
END_TEST

static const char *const no_integers[] = { "lots", "1.5", "+5", "010", "0x10", "1_000", " 5", "5 ", "1e3", "-", "5k" };

START_TEST(what_is_no_integer_is_refused)
{
    char assignment[64], message[160];

    snprintf(assignment, sizeof assignment, "limits.depth=%s", no_integers[_i]);
    snprintf(message, sizeof message, "--set: limits.depth: '%s' is no integer, 1..10000 expected", no_integers[_i]);
    set_bad(assignment, message);
}
END_TEST

START_TEST(other_types_are_checked_too)
{
    set_bad("action-state.retain=yes", "--set: action-state.retain: 'yes' is neither true nor false");
    set_bad("input.on-error=retry", "--set: input.on-error: 'retry' is not known, one of fail, skip, dlq expected");
    set_bad("input.on-error=fail, skip",
            "--set: input.on-error: 'fail, skip' is not known, one of fail, skip, dlq expected");
    set_bad("input.format=xml", "--set: input.format: 'xml' is not known, one of json, string, bytes, avro expected");
    set_bad("job.name=a b", "--set: job.name: 'a b' is no name, 1..128 of A-Z a-z 0-9 . _ - expected");
    set_bad("input.topics=a,,b", "--set: input.topics: '' is no name, 1..249 of A-Z a-z 0-9 . _ - expected");
    set_bad("state.dir=\xFF", "--set: state.dir: no UTF-8, or a control character in it");
    set_bad("state.dir=\xED\xA0\x80", "--set: state.dir: no UTF-8, or a control character in it");
    set_bad("state.ttl-ms=-1", "--set: state.ttl-ms: '-1' is out of range, 0..3153600000000 expected");
}
END_TEST

START_TEST(a_long_value_is_cut_in_a_message)
{
    set_bad("limits.depth=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "--set: limits.depth: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…' is no integer, 1..10000 expected");
}
END_TEST

START_TEST(asking_for_another_type_is_a_bug)
{
    weir_config *config = new_config();

    (void)weir__config_int(config, "job.name");
    weir__config_free(config);
}
END_TEST

START_TEST(asking_for_an_unknown_name_is_a_bug)
{
    weir_config *config = new_config();

    (void)weir__config_text(config, "job.nam");
    weir__config_free(config);
}
END_TEST

/* ---- command line, environment ----------------------------------------------------------------------------------- */

START_TEST(an_assignment_needs_a_name_and_an_equals_sign)
{
    set_bad("kafka.sasl.password:hunter2", "--set: section.key=value expected");
    set_bad("=5", "--set: section.key=value expected");
    set_bad("", "--set: section.key=value expected");
    set_bad("limts.depth=5", "--set: unknown property 'limts.depth'; did you mean 'limits.depth'?");
    set_bad("frobnicate=5", "--set: unknown property 'frobnicate'; docs/CONFIGURATION.md has them all");
}
END_TEST

START_TEST(a_value_may_hold_equals_signs)
{
    weir_config *config = new_config();

    set(config, "state.dir=a=b=c");
    ck_assert_str_eq(weir__config_text(config, "state.dir"), "a=b=c");
    weir__config_free(config);
}
END_TEST

START_TEST(an_option_may_not_be_empty)
{
    weir_config *config = new_config();
    weir_error err = { 0 };

    ck_assert_int_eq(weir__config_set_value(config, "state.dir", "", &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, "state.dir: empty; leave it out instead");
    ck_assert_int_eq(weir__config_set_value(config, "state.dir", "s", &err), WEIR_OK);
    ck_assert_str_eq(weir__config_text(config, "state.dir"), "s");
    ck_assert_int_eq(weir__config_origin(config, "state.dir"), WEIR__ORIGIN_COMMAND_LINE);
    weir__config_free(config);
}
END_TEST

START_TEST(commas_part_a_list_outside_files_only)
{
    weir_config *config = good("input.topics: a-topic");

    ck_assert_str_eq(weir__config_item(config, "input.topics", 0), "a-topic");
    ck_assert_ptr_null(weir__config_item(config, "input.topics", 1));
    set(config, "input.topics=a,b,c");
    ck_assert_str_eq(weir__config_item(config, "input.topics", 2), "c");
    ck_assert_ptr_null(weir__config_item(config, "input.topics", 3));
    weir__config_free(config);
    bad("input.topics: a,b", "job.yaml:1: input.topics: 'a,b' is no name, 1..249 of A-Z a-z 0-9 . _ - expected");
}
END_TEST

START_TEST(a_variable_is_a_property_in_capitals)
{
    weir_config *config = new_config();

    environment(config, "WEIR_COMMIT_INTERVAL_MS=20");
    ck_assert_int_eq(weir__config_int(config, "commit-interval-ms"), 20);
    ck_assert_int_eq(weir__config_origin(config, "commit-interval-ms"), WEIR__ORIGIN_ENVIRONMENT);
    environment(config, "WEIR_ACTION_STATE_RETAIN=true");
    ck_assert(weir__config_bool(config, "action-state.retain"));
    environment(config, "WEIR_INPUT_TOPICS=x,y");
    ck_assert_str_eq(weir__config_item(config, "input.topics", 1), "y");
    environment(config, "WEIR_KAFKA_BOOTSTRAP_SERVERS=a:1,b:2");
    ck_assert_str_eq(kafka(config, "bootstrap.servers"), "a:1,b:2");
    weir__config_free(config);
}
END_TEST

START_TEST(other_variables_are_left_alone)
{
    weir_config *config = new_config();

    environment(config, "WEIR_TEST_BROKERS=localhost:9092");
    environment(config, "WEIR_=5");
    environment(config, "WEIR_LIMITS=5");
    environment(config, "WEIR_LIMITS_=5");
    environment(config, "WEIR_KAFKA_=5");
    environment(config, "WEIRD_LIMITS_DEPT=5");
    environment(config, "weir_limits_depth=5");
    environment(config, "WEIR_LIMITS_DEPTH");
    environment(config, "");
    ck_assert_int_eq(weir__config_int(config, "limits.depth"), 512);
    weir__config_free(config);
}
END_TEST

START_TEST(a_variable_of_a_section_must_be_known)
{
    environment_bad("WEIR_LIMITS_DEPT=5",
                    "environment: unknown variable 'WEIR_LIMITS_DEPT'; did you mean 'WEIR_LIMITS_DEPTH'?");
    environment_bad("WEIR_ACTION_STATE_RETAINS=5", "environment: unknown variable 'WEIR_ACTION_STATE_RETAINS'; did "
                                                   "you mean 'WEIR_ACTION_STATE_RETAIN'?");
    environment_bad("WEIR_LOG_FROBNICATION=5", "environment: unknown variable 'WEIR_LOG_FROBNICATION'; "
                                               "docs/CONFIGURATION.md has them all");
    environment_bad("WEIR_STATE_CACHE_MB=lots",
                    "environment: WEIR_STATE_CACHE_MB: state.cache-mb: 'lots' is no integer, 1..1048576 expected");
}
END_TEST

START_TEST(a_variable_of_any_length_is_handled)
{
    char variable[2000] = "WEIR_LIMITS_";
    char *const variables[] = { variable, NULL };
    weir_config *config = new_config();

    memset(variable + 12, 'A', sizeof variable - 14);
    variable[sizeof variable - 2] = '=';
    ck_assert_int_eq(weir__config_read_environment(config, variables, NULL), WEIR_CONFIG);
    memcpy(variable, "WEIR_KAFKA__", 12);
    ck_assert_int_eq(weir__config_read_environment(config, variables, NULL), WEIR_CONFIG);
    weir__config_free(config);
}
END_TEST

/* ---- layers ------------------------------------------------------------------------------------------------------ */

START_TEST(a_later_layer_wins_in_any_order)
{
    static const char yaml[] = "limits: {depth: 2, stack-kb: 99}\nstate: {dir: there}";
    weir_config *config = new_config();
    weir_error err;

    environment(config, "WEIR_LIMITS_DEPTH=3");
    set(config, "state.dir=here");
    ck_assert_int_eq(weir__config_read(config, weir__bytes_text(yaml), "job.yaml", &err), WEIR_OK);
    ck_assert_int_eq(weir__config_int(config, "limits.depth"), 3);
    ck_assert_int_eq(weir__config_int(config, "limits.stack-kb"), 99);
    ck_assert_str_eq(weir__config_text(config, "state.dir"), "here");
    ck_assert_int_eq(weir__config_origin(config, "limits.depth"), WEIR__ORIGIN_ENVIRONMENT);
    ck_assert_int_eq(weir__config_origin(config, "limits.stack-kb"), WEIR__ORIGIN_FILE);
    ck_assert_int_eq(weir__config_origin(config, "state.dir"), WEIR__ORIGIN_COMMAND_LINE);
    set(config, "limits.depth=4");
    set(config, "limits.depth=5");
    ck_assert_int_eq(weir__config_int(config, "limits.depth"), 5);
    weir__config_free(config);
}
END_TEST

START_TEST(a_value_that_loses_is_checked_all_the_same)
{
    weir_config *config = new_config();
    weir_error err = { 0 };

    set(config, "limits.depth=4");
    ck_assert_int_eq(weir__config_read(config, weir__bytes_text("limits.depth: x"), "job.yaml", &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, "job.yaml:1: limits.depth: 'x' is no integer, 1..10000 expected");
    weir__config_free(config);
}
END_TEST

START_TEST(nothing_sets_back_to_the_default)
{
    weir_config *config = good("limits.depth: 7\nstate: {dir: here}\nkafka: {a: b, c: d}");

    environment(config, "WEIR_LIMITS_DEPTH=");
    ck_assert_int_eq(weir__config_int(config, "limits.depth"), 512);
    ck_assert_int_eq(weir__config_origin(config, "limits.depth"), WEIR__ORIGIN_DEFAULT);
    set(config, "state.dir=");
    ck_assert_ptr_null(weir__config_text(config, "state.dir"));
    set(config, "kafka.a=");
    ck_assert_ptr_null(kafka(config, "a"));
    ck_assert_str_eq(kafka(config, "c"), "d");
    weir__config_free(config);
}
END_TEST

/* ---- walking ----------------------------------------------------------------------------------------------------- */

START_TEST(kafka_properties_are_walked_by_name)
{
    weir_config *config = good("kafka: {ssl: {ca.location: /ca}, linger.ms: 5, acks: all, n: null, B_-2: x}");
    const char *names[] = { "B_-2", "acks", "linger.ms", "ssl.ca.location" };
    const char *values[] = { "x", "all", "5", "/ca" };
    const char *name, *value;

    for (size_t i = 0; i < 4; i++) {
        ck_assert(weir__config_kafka(config, i, &name, &value));
        ck_assert_str_eq(name, names[i]);
        ck_assert_str_eq(value, values[i]);
    }
    ck_assert(!weir__config_kafka(config, 4, &name, &value));
    weir__config_free(config);
}
END_TEST

START_TEST(a_kafka_name_has_letters_digits_dots)
{
    set_bad("kafka.=5", "--set: 'kafka.' is no name of a Kafka property");
    set_bad("kafka.a b=5", "--set: 'kafka.a b' is no name of a Kafka property");
}
END_TEST

START_TEST(a_thousand_kafka_properties_are_enough)
{
    weir_config *config = new_config();
    weir_error err = { 0 };
    char assignment[64];

    for (int i = 0; i < 1000; i++) {
        snprintf(assignment, sizeof assignment, "kafka.x%d=%d", (i * 7919) % 1000, i);
        set(config, assignment);
    }
    ck_assert_int_eq(weir__config_set(config, "kafka.y=1", &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, "--set: kafka: more than 1000 properties");
    ck_assert_str_eq(kafka(config, "x0"), "0");
    weir__config_free(config);
}
END_TEST

START_TEST(a_walk_meets_all_that_is_set_or_has_a_default)
{
    weir_config *config = good("input: {topics: [a, b]}\nkafka: {sasl.password: hunter2, z: 1}\nlimits.depth: 9");
    weir_config_entry entry;
    size_t cursor = 0, met = 0;

    while (weir__config_next(config, &cursor, &entry)) {
        ck_assert_str_ne(entry.name, "job.name");
        ck_assert_ptr_nonnull(entry.used_by);
        if (strcmp(entry.name, "input.topics") == 0) {
            ck_assert_int_eq(entry.kind, WEIR__CONFIG_LIST);
            ck_assert_uint_eq(entry.count, 2);
            ck_assert_str_eq(entry.items[1], "b");
            ck_assert_ptr_null(entry.text);
            met++;
        } else if (strcmp(entry.name, "limits.depth") == 0) {
            ck_assert_int_eq(entry.kind, WEIR__CONFIG_INT);
            ck_assert_str_eq(entry.text, "9");
            ck_assert_int_eq(entry.origin, WEIR__ORIGIN_FILE);
            met++;
        } else if (strcmp(entry.name, "action-state.retain") == 0) {
            ck_assert_int_eq(entry.kind, WEIR__CONFIG_BOOL);
            ck_assert_str_eq(entry.text, "false");
            ck_assert_int_eq(entry.origin, WEIR__ORIGIN_DEFAULT);
            met++;
        } else if (strcmp(entry.name, "kafka.sasl.password") == 0) {
            ck_assert_int_eq(entry.kind, WEIR__CONFIG_TEXT);
            ck_assert_str_eq(entry.text, "***");
            ck_assert(entry.is_secret);
            met++;
        } else if (strcmp(entry.name, "kafka.z") == 0) {
            ck_assert_str_eq(entry.text, "1");
            ck_assert(!entry.is_secret);
            met++;
        }
    }
    ck_assert_uint_eq(met, 5);
    ck_assert(!weir__config_next(config, &cursor, &entry));
    weir__config_free(config);
}
END_TEST

START_TEST(origins_have_names)
{
    ck_assert_str_eq(weir__config_origin_name(WEIR__ORIGIN_DEFAULT), "default");
    ck_assert_str_eq(weir__config_origin_name(WEIR__ORIGIN_HOST), "host");
    ck_assert_str_eq(weir__config_origin_name(WEIR__ORIGIN_FILE), "file");
    ck_assert_str_eq(weir__config_origin_name(WEIR__ORIGIN_ENVIRONMENT), "environment");
    ck_assert_str_eq(weir__config_origin_name(WEIR__ORIGIN_COMMAND_LINE), "command line");
}
END_TEST

/* ---- a host's own configuration ---------------------------------------------------------------------------------- */

static const struct host_setting {
    const char *name, *value, *property, *wanted;
} host_settings[] = {
    { "kafkaActionStateTopic", "t", "action-state.topic", "t" },
    { "agent.kafkaActionStateTopic", "t", "action-state.topic", "t" },
    { "action-state.topic", "t", "action-state.topic", "t" },
    { "job-identifier", "orders", "job.name", "orders" },
    { "short-term-memory.state-ttl.update-type", "ON_CREATE_AND_WRITE", "state.ttl-update", "on-write" },
    { "error-handling-strategy", "RETRY", "agent.error-handling-strategy", "retry" },
};

START_TEST(what_flink_agents_calls_otherwise_is_understood)
{
    const struct host_setting *setting = &host_settings[_i];
    weir_config *config = new_config();
    weir_error err = { 0 };

    ck_assert_msg(weir__config_set_host(config, setting->name, setting->value, &err) == WEIR_OK, "%s", err.message);
    ck_assert_str_eq(weir__config_text(config, setting->property), setting->wanted);
    ck_assert_int_eq(weir__config_origin(config, setting->property), WEIR__ORIGIN_HOST);
    weir__config_free(config);
}
END_TEST

START_TEST(a_hosts_settings_stand_under_a_file_and_over_the_defaults)
{
    weir_config *config = new_config();

    ck_assert_int_eq(weir__config_read(config, weir__bytes_text("calls.threads: 5"), "f", NULL), WEIR_OK);
    ck_assert_int_eq(weir__config_set_host(config, "num-async-threads", "7", NULL), WEIR_OK);
    ck_assert_int_eq(weir__config_set_host(config, "short-term-memory.state-ttl.ms", "9", NULL), WEIR_OK);
    ck_assert_int_eq(weir__config_set_host(config, "kafkaBootstrapServers", "b:1", NULL), WEIR_OK);
    ck_assert_int_eq(weir__config_set_host(config, "actionStateStoreBackend", "kafka", NULL), WEIR_OK);
    ck_assert_int_eq(weir__config_int(config, "calls.threads"), 5);
    ck_assert_int_eq(weir__config_int(config, "state.ttl-ms"), 9);
    ck_assert_str_eq(kafka(config, "bootstrap.servers"), "b:1");
    weir__config_free(config);
}
END_TEST

START_TEST(a_hosts_setting_that_does_not_fit_is_named_as_it_was_given)
{
    weir_config *config = new_config();
    weir_error err;

    ck_assert_int_eq(weir__config_set_host(config, "actionStateStoreBackend", "fluss", &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, "the host's configuration: actionStateStoreBackend: 'fluss' is not known here, kafka "
                                  "expected");
    ck_assert_int_eq(weir__config_set_host(config, "num-async-threads", "0", &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, "the host's configuration: num-async-threads: calls.threads: '0' is out of range, "
                                  "1..1024 expected");
    ck_assert_int_eq(weir__config_set_host(config, "prettyPrint", "true", &err), WEIR_CONFIG);
    ck_assert_msg(strstr(err.message, "unknown property 'prettyPrint'") != NULL, "%s", err.message);
    weir__config_free(config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/config");
    TCase *values = tcase_create("values"), *outside = tcase_create("outside"), *layers = tcase_create("layers"),
          *walking = tcase_create("walking");

    tcase_add_test(values, the_defaults_are_those_of_the_contract);
    tcase_add_test(values, the_ends_of_a_range_are_in_it);
    tcase_add_loop_test(values, what_is_no_integer_is_refused, 0, sizeof no_integers / sizeof *no_integers);
    tcase_add_test(values, other_types_are_checked_too);
    tcase_add_test(values, a_long_value_is_cut_in_a_message);
    tcase_add_test_raise_signal(values, asking_for_another_type_is_a_bug, SIGABRT);
    tcase_add_test_raise_signal(values, asking_for_an_unknown_name_is_a_bug, SIGABRT);
    tcase_add_test(outside, an_assignment_needs_a_name_and_an_equals_sign);
    tcase_add_test(outside, a_value_may_hold_equals_signs);
    tcase_add_test(outside, an_option_may_not_be_empty);
    tcase_add_test(outside, commas_part_a_list_outside_files_only);
    tcase_add_test(outside, a_variable_is_a_property_in_capitals);
    tcase_add_test(outside, other_variables_are_left_alone);
    tcase_add_test(outside, a_variable_of_a_section_must_be_known);
    tcase_add_test(outside, a_variable_of_any_length_is_handled);
    tcase_add_test(layers, a_later_layer_wins_in_any_order);
    tcase_add_test(layers, a_value_that_loses_is_checked_all_the_same);
    tcase_add_test(layers, nothing_sets_back_to_the_default);
    tcase_add_loop_test(layers, what_flink_agents_calls_otherwise_is_understood, 0,
                        sizeof host_settings / sizeof *host_settings);
    tcase_add_test(layers, a_hosts_settings_stand_under_a_file_and_over_the_defaults);
    tcase_add_test(layers, a_hosts_setting_that_does_not_fit_is_named_as_it_was_given);
    tcase_add_test(walking, kafka_properties_are_walked_by_name);
    tcase_add_test(walking, a_kafka_name_has_letters_digits_dots);
    tcase_add_test(walking, a_thousand_kafka_properties_are_enough);
    tcase_add_test(walking, a_walk_meets_all_that_is_set_or_has_a_default);
    tcase_add_test(walking, origins_have_names);
    suite_add_tcase(suite, values);
    suite_add_tcase(suite, outside);
    suite_add_tcase(suite, layers);
    suite_add_tcase(suite, walking);
    return weir__suite_run(suite);
}
