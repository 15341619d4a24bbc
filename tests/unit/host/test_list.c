/* SPDX-License-Identifier: Apache-2.0 */
/* weir_job_run_list(): what is a record, what its key is, the order of what comes out, and what failing leaves. */
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "suite.h"

static weir_job *job;

static weir_code echo(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    return weir_output(run, json_incref(weir_event_get(event, "input")));
}

static void add(const char *agent, const char *name, weir_action_fn fn, void *arg, const char *type)
{
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, agent), name, fn, arg, 0, type, NULL), WEIR_OK);
}

static void set_up(void)
{
    job = weir_job_new("test");
}

static void set_up_echo(void)
{
    set_up();
    add("a", "echo", echo, NULL, WEIR_INPUT_EVENT);
}

static void tear_down(void)
{
    weir_job_free(job);
}

/* Runs the job over records in JSON, and compares what comes out. */
static void assert_outputs(const char *records, const char *expected)
{
    json_t *input = json_loads(records, JSON_ALLOW_NUL, NULL), *before = json_deep_copy(input), *output = NULL;
    weir_error err = { .code = WEIR_OK };
    char *text;

    ck_assert_ptr_nonnull(input);
    ck_assert_msg(weir_job_run_list(job, input, &output, &err) == WEIR_OK, "%s: %s", records, err.message);
    text = json_dumps(output, JSON_COMPACT);
    ck_assert_str_eq(text, expected);
    ck_assert(json_equal(input, before));
    free(text);
    json_decref(output);
    json_decref(before);
    json_decref(input);
}

static void assert_error(const char *records, weir_code code, const char *message)
{
    json_t *input = json_loads(records, 0, NULL), *output = NULL;
    weir_error err = { .code = WEIR_OK };

    ck_assert_ptr_nonnull(input);
    ck_assert_int_eq(weir_job_run_list(job, input, &output, &err), code);
    ck_assert_int_eq(weir_job_run_list(job, input, &output, NULL), code);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.code, code);
    ck_assert_ptr_null(output); /* no output at all */
    json_decref(input);
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

START_TEST(key_and_value_have_short_names_that_stand_back)
{
    static const struct {
        const char *record, *output;
    } cases[] = {
        { "{\"key\":\"a\",\"value\":1}", "{\"a\":1}" },
        { "{\"k\":\"a\",\"v\":1}", "{\"a\":1}" },
        { "{\"k\":\"a\",\"value\":1}", "{\"a\":1}" },
        { "{\"v\":1,\"key\":\"a\"}", "{\"a\":1}" },
        { "{\"k\":\"b\",\"key\":\"a\",\"v\":2,\"value\":1}", "{\"a\":1}" },
        { "{\"key\":null,\"k\":\"b\",\"value\":1}", "{\"b\":1}" }, /* "null counts as missing" */
        { "{\"key\":\"a\",\"value\":null,\"v\":2}", "{\"a\":null}" },
        { "{\"key\":\"a\",\"v\":null}", "{\"a\":null}" },
        { "{\"key\":\"a\",\"value\":1,\"x\":{\"key\":2},\"Key\":3}", "{\"a\":1}" },
        { "{\"key\":\"\",\"value\":1}", "{\"\":1}" },
        { "{\"key\":\"\\u00e9 \\ud83d\\ude00\",\"value\":1}", "{\"é 😀\":1}" },
        { "{\"key\":\"a.b\\n\",\"value\":1}", "{\"a.b\\n\":1}" },
    };
    char records[256], expected[256];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(records, sizeof records, "[%s]", cases[i].record);
        (void)snprintf(expected, sizeof expected, "[%s]", cases[i].output);
        assert_outputs(records, expected);
    }
}
END_TEST

START_TEST(keys_that_are_numbers_or_truth_values_are_their_json_text)
{
    assert_outputs("[{\"key\":7,\"v\":1},{\"key\":-0,\"v\":2},{\"key\":1.50,\"v\":3},{\"key\":1e3,\"v\":4},"
                   "{\"key\":true,\"v\":5},{\"key\":false,\"v\":6},{\"k\":9007199254740993,\"v\":7}]",
                   "[{\"7\":1},{\"0\":2},{\"1.5\":3},{\"1000.0\":4},{\"true\":5},{\"false\":6},"
                   "{\"9007199254740993\":7}]");
}
END_TEST

static weir_code count(weir_run *run, const weir_event *event, void *arg)
{
    int64_t n = weir_memory_int(weir_short_term(run), "n", 0) + 1;

    (void)event;
    (void)arg;
    weir_memory_set_int(weir_short_term(run), "n", n);
    return weir_output(run, json_integer(n));
}

START_TEST(keys_of_the_same_text_are_one_key_and_others_apart)
{
    add("a", "count", count, NULL, WEIR_INPUT_EVENT);
    assert_outputs("[{\"key\":1,\"v\":0},{\"key\":\"1\",\"v\":0},{\"key\":1.0,\"v\":0},{\"key\":true,\"v\":0},"
                   "{\"key\":\"true\",\"v\":0},{\"key\":\"\",\"v\":0},{\"key\":\"A\",\"v\":0},{\"key\":\"a\",\"v\":0}]",
                   "[{\"1\":1},{\"1\":2},{\"1.0\":1},{\"true\":1},{\"true\":2},{\"\":1},{\"A\":1},{\"a\":1}]");
}
END_TEST

static weir_code tell_key(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return weir_output(run, json_stringn((const char *)weir_run_key(run).data, weir_run_key(run).size));
}

START_TEST(each_record_without_a_key_has_its_own_the_same_at_every_run)
{
    json_t *input = json_loads("[{\"v\":1},{\"v\":1},{\"key\":null,\"value\":1},{\"key\":null,\"k\":null,\"v\":1}]", 0,
                               NULL);
    json_t *first = NULL, *second = NULL;

    add("a", "tell", tell_key, NULL, WEIR_INPUT_EVENT);
    ck_assert_int_eq(weir_job_run_list(job, input, &first, NULL), WEIR_OK);
    ck_assert_int_eq(weir_job_run_list(job, input, &second, NULL), WEIR_OK);
    ck_assert(json_equal(first, second));
    ck_assert_uint_eq(json_array_size(first), 4);
    for (size_t i = 0; i < 4; i++) {
        void *entry = json_object_iter(json_array_get(first, i));
        const char *key = json_object_iter_key(entry);

        ck_assert_uint_eq(strlen(key), 36);
        ck_assert_int_eq(key[14], '5');
        ck_assert_str_eq(json_string_value(json_object_iter_value(entry)), key);
        for (size_t j = 0; j < i; j++)
            ck_assert_ptr_null(json_object_get(json_array_get(first, j), key));
    }
    json_decref(first);
    json_decref(second);
    json_decref(input);
}
END_TEST

START_TEST(values_are_any_json_and_come_back_as_they_were)
{
    assert_outputs("[{\"k\":\"a\",\"v\":{\"x\":[1,2.5,null,true,[]],\"y\":{\"z\":\"t\"},\"\":{}}},{\"k\":\"a\",\"v\":"
                   "[]},{\"k\":\"a\",\"v\":\"\"},{\"k\":\"a\",\"v\":\"a\\u0000b\"},{\"k\":\"a\",\"v\":false},"
                   "{\"k\":\"a\",\"v\":-9223372036854775808},{\"k\":\"a\",\"v\":0.1}]",
                   "[{\"a\":{\"x\":[1,2.5,null,true,[]],\"y\":{\"z\":\"t\"},\"\":{}}},{\"a\":[]},{\"a\":\"\"},"
                   "{\"a\":\"a\\u0000b\"},{\"a\":false},{\"a\":-9223372036854775808},{\"a\":0.10000000000000001}]");
}
END_TEST

START_TEST(an_empty_list_gives_an_empty_list)
{
    assert_outputs("[]", "[]");
}
END_TEST

static weir_code tell_time(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return weir_output(run, json_integer(weir_now(run)));
}

START_TEST(the_timestamp_is_the_clock_and_0_when_missing)
{
    add("a", "time", tell_time, NULL, WEIR_INPUT_EVENT);
    assert_outputs("[{\"k\":\"a\",\"v\":0,\"timestamp\":1234567890123},{\"k\":\"a\",\"v\":0},{\"k\":\"a\",\"v\":0,"
                   "\"timestamp\":null},{\"k\":\"a\",\"v\":0,\"timestamp\":-5}]",
                   "[{\"a\":1234567890123},{\"a\":0},{\"a\":0},{\"a\":-5}]");
}
END_TEST

START_TEST(what_is_no_record_is_an_error_that_names_it_and_nothing_comes_out)
{
    static const struct {
        const char *record, *message;
    } cases[] = {
        { "{\"key\":\"a\"}", "record 1: the record has neither 'value' nor 'v'" },
        { "{}", "record 1: the record has neither 'value' nor 'v'" },
        { "1", "record 1: the record is no object; {\"key\": …, \"value\": …} is expected" },
        { "null", "record 1: the record is no object; {\"key\": …, \"value\": …} is expected" },
        { "[1]", "record 1: the record is no object; {\"key\": …, \"value\": …} is expected" },
        { "{\"key\":[1],\"v\":1}", "record 1: the key is an array; a string, number or truth value is expected" },
        { "{\"k\":{},\"v\":1}", "record 1: the key is an object; a string, number or truth value is expected" },
        { "{\"v\":1,\"timestamp\":1.5}",
          "record 1: the timestamp is no integer; milliseconds since 1970 are expected" },
        { "{\"v\":1,\"timestamp\":\"1\"}",
          "record 1: the timestamp is no integer; milliseconds since 1970 are expected" },
    };
    char records[256];

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(records, sizeof records, "[{\"k\":\"a\",\"v\":1},%s,{\"k\":\"b\",\"v\":2}]", cases[i].record);
        assert_error(records, WEIR_INVALID, cases[i].message);
    }
}
END_TEST

START_TEST(arguments_that_are_none_are_refused)
{
    json_t *input = json_array(), *object = json_object(), *output = NULL;
    weir_error err;

    ck_assert_int_eq(weir_job_run_list(NULL, input, &output, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "the job is NULL");
    ck_assert_int_eq(weir_job_run_list(job, NULL, &output, &err), WEIR_INVALID);
    ck_assert_int_eq(weir_job_run_list(job, object, &output, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "the input is no array of records");
    ck_assert_int_eq(weir_job_run_list(job, input, NULL, &err), WEIR_INVALID);
    ck_assert_ptr_null(output);
    (void)weir_job_agent(job, "");
    ck_assert_int_eq(weir_job_run_list(job, input, &output, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "agent name '' is empty");
    json_decref(input);
    json_decref(object);
}
END_TEST

/* ---- what comes out ---------------------------------------------------------------------------------------------- */

static weir_code echo_each(weir_run *run, const weir_event *event, void *arg)
{
    size_t i;
    json_t *item;

    (void)arg;
    json_array_foreach(weir_event_get(event, "input"), i, item)
        weir_output(run, json_incref(item));
    return WEIR_OK;
}

START_TEST(one_entry_comes_out_per_output_in_the_order_of_the_input)
{
    add("a", "each", echo_each, NULL, WEIR_INPUT_EVENT);
    assert_outputs("[{\"k\":\"b\",\"v\":[1,2]},{\"k\":\"a\",\"v\":[]},{\"k\":\"a\",\"v\":[null,{}]},{\"k\":\"b\",\"v\":"
                   "[3]}]",
                   "[{\"b\":1},{\"b\":2},{\"a\":null},{\"a\":{}},{\"b\":3}]");
}
END_TEST

/* Sends what the input lists: a name with "o" at its start is an output, any other an event. */
static weir_code send_all(weir_run *run, const weir_event *event, void *arg)
{
    json_t *list = weir_event_get(event, "input"), *item;
    size_t i;

    (void)arg;
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(item);

        if (*name == 'o')
            weir_output(run, json_incref(item));
        else
            weir_send(run, name, json_object());
    }
    return WEIR_OK;
}

static weir_code say(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    return weir_output(run, json_string(arg));
}

static weir_code say_and_send_z(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    weir_send(run, "z", json_object());
    return weir_output(run, json_string(arg));
}

START_TEST(events_go_breadth_first_over_all_agents)
{
    static char from_b[] = "from_b", o_x[] = "o_x", y2[] = "y2", y3[] = "y3", o_z[] = "o_z";

    add("a", "send", send_all, NULL, WEIR_INPUT_EVENT);
    add("b", "from_b", say, from_b, WEIR_INPUT_EVENT);
    add("b", "on_x", say_and_send_z, o_x, "x");
    add("a", "y2", say, y2, "y");
    add("b", "y3", say, y3, "y");
    add("a", "z", say, o_z, "z");
    assert_outputs("[{\"k\":\"k\",\"v\":[\"x\",\"o1\",\"y\",\"nobody\"]}]",
                   "[{\"k\":\"o1\"},{\"k\":\"from_b\"},{\"k\":\"o_x\"},{\"k\":\"y2\"},{\"k\":\"y3\"},{\"k\":\"o_z\"}]");
}
END_TEST

START_TEST(each_list_begins_with_fresh_memory)
{
    add("a", "count", count, NULL, WEIR_INPUT_EVENT);
    for (int i = 0; i < 2; i++)
        assert_outputs("[{\"k\":\"a\",\"v\":0},{\"k\":\"b\",\"v\":0},{\"k\":\"a\",\"v\":0}]",
                       "[{\"a\":1},{\"b\":1},{\"a\":2}]");
}
END_TEST

static weir_code fail_if_told(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    weir_output(run, json_true());
    return weir_event_bool(event, "/input", false) ? weir_fail(run, WEIR_FAILED, "boom") : WEIR_OK;
}

START_TEST(the_first_run_that_fails_is_named_and_nothing_comes_out)
{
    add("a", "boom", fail_if_told, NULL, WEIR_INPUT_EVENT);
    assert_error("[{\"k\":\"a\",\"v\":false},{\"k\":\"b\",\"v\":true},{\"k\":\"c\",\"v\":true}]", WEIR_FAILED,
                 "record 1: action 'a.boom': boom");
    assert_outputs("[{\"k\":\"a\",\"v\":false}]", "[{\"a\":true}]"); /* and the job may be run again */
}
END_TEST

START_TEST(a_job_without_actions_takes_its_input_and_gives_nothing)
{
    assert_outputs("[{\"k\":\"a\",\"v\":1}]", "[]");
}
END_TEST

START_TEST(an_output_is_as_it_was_sent_whatever_becomes_of_the_tree)
{
    assert_outputs("[{\"k\":\"a\",\"v\":{\"b\":1,\"a\":{\"d\":1.0,\"c\":2}}}]",
                   "[{\"a\":{\"b\":1,\"a\":{\"d\":1.0,\"c\":2}}}]");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host/list");
    TCase *echoes = tcase_create("records"), *others = tcase_create("outputs");

    tcase_add_checked_fixture(echoes, set_up_echo, tear_down);
    tcase_add_test(echoes, key_and_value_have_short_names_that_stand_back);
    tcase_add_test(echoes, keys_that_are_numbers_or_truth_values_are_their_json_text);
    tcase_add_test(echoes, values_are_any_json_and_come_back_as_they_were);
    tcase_add_test(echoes, an_empty_list_gives_an_empty_list);
    tcase_add_test(echoes, what_is_no_record_is_an_error_that_names_it_and_nothing_comes_out);
    tcase_add_test(echoes, arguments_that_are_none_are_refused);
    tcase_add_test(echoes, an_output_is_as_it_was_sent_whatever_becomes_of_the_tree);
    suite_add_tcase(suite, echoes);
    tcase_add_checked_fixture(others, set_up, tear_down);
    tcase_add_test(others, keys_of_the_same_text_are_one_key_and_others_apart);
    tcase_add_test(others, each_record_without_a_key_has_its_own_the_same_at_every_run);
    tcase_add_test(others, the_timestamp_is_the_clock_and_0_when_missing);
    tcase_add_test(others, one_entry_comes_out_per_output_in_the_order_of_the_input);
    tcase_add_test(others, events_go_breadth_first_over_all_agents);
    tcase_add_test(others, each_list_begins_with_fresh_memory);
    tcase_add_test(others, the_first_run_that_fails_is_named_and_nothing_comes_out);
    tcase_add_test(others, a_job_without_actions_takes_its_input_and_gives_nothing);
    suite_add_tcase(suite, others);
    return weir__suite_run(suite);
}
