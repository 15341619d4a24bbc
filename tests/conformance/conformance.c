/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds the peer's observed cases (cases/ *.json: Flink Agents) against this library. Every case is met, differs on
 * purpose (the sentence of contract or design that says so is its reason, and our own behaviour is checked), or cannot
 * be asked in C (and why). A case without an entry here fails.
 *
 *   conformance FOLDER            TAP
 *   conformance FOLDER --table    docs/conformance.md
 */
#include <weir/weir.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

static bool as_table;
static int count, failures;
static int met, differing, not_asked;

static void tell(const char *file, const char *name, const char *found, const char *reason, const char *problem)
{
    count++;
    failures += problem != NULL;
    if (as_table)
        printf("| %s | %s | %s | %s |\n", file, name, found, reason);
    else if (problem)
        printf("not ok %d - %s %s\n# %s\n", count, file, name, problem);
    else
        printf("ok %d - %s %s (%s)\n", count, file, name, found);
    (void)fflush(stdout); /* durable.c forks */
}

void report(const char *file, const char *name, verdict found, const char *reason, const char *problem)
{
    static const char *const words[] = { "met", "differs on purpose", "not asked in C" };

    met += found == MET;
    differing += found == DIFFERS;
    not_asked += found == NOT_ASKED;
    tell(file, name, words[found], reason, problem);
}

void report_unknown(const char *file, const char *name, const char *problem)
{
    tell(file, name, "unknown", "", problem);
}

/* ---- agents of local_run.json ------------------------------------------------------------------------------------ */

typedef void (*build_fn)(weir_agent *agent);

static weir_code echo(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    return weir_output(run, json_incref(weir_event_get(event, "input")));
}

static weir_code say(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    return weir_output(run, json_string(arg));
}

static weir_code nothing(weir_run *run, const weir_event *event, void *arg)
{
    (void)run;
    (void)event;
    (void)arg;
    return WEIR_OK;
}

static weir_code send_nobody(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return weir_send(run, "nobody", json_object());
}

static weir_code count_both(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *kept = weir_short_term(run), *gone = weir_sensory(run);

    (void)event;
    (void)arg;
    weir_memory_set_int(kept, "n", weir_memory_int(kept, "n", 0) + 1);
    for (int i = 0; i < 2; i++)
        weir_memory_set_int(gone, "n", weir_memory_int(gone, "n", 0) + 1);
    return weir_output(run, json_pack("{s:I, s:I}", "short", (json_int_t)weir_memory_int(kept, "n", 0), "sensory",
                                      (json_int_t)weir_memory_int(gone, "n", 0)));
}

static weir_code fail_at_two(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    weir_output(run, json_integer(weir_event_int(event, "/input", 0)));
    return weir_event_int(event, "/input", 0) == 2 ? weir_fail(run, WEIR_FAILED, "boom") : WEIR_OK;
}

static weir_code send_output_type(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return weir_send(run, WEIR_OUTPUT_EVENT, json_pack("{s:i}", "output", 1));
}

static weir_code count_down(weir_run *run, const weir_event *event, void *arg)
{
    int64_t left = weir_event_int(event, "/input", 0);

    (void)arg;
    if (left == 0)
        return weir_output(run, json_string("done"));
    return weir_send(run, WEIR_INPUT_EVENT, json_pack("{s:I}", "input", (json_int_t)(left - 1)));
}

static weir_code output_null(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return weir_output(run, NULL);
}

static weir_code double_it(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                           weir_error *err)
{
    int64_t number;

    (void)attempt;
    (void)arg;
    (void)err;
    memcpy(&number, args.data, sizeof number);
    number *= 2;
    return weir_buffer_append(result, &number, sizeof number);
}

static weir_code fail_inner(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                            weir_error *err)
{
    (void)args;
    (void)attempt;
    (void)result;
    (void)arg;
    err->code = WEIR_FAILED;
    err->remedy = WEIR_REMEDY_FIX;
    (void)snprintf(err->message, sizeof err->message, "inner");
    return WEIR_FAILED;
}

static json_t *number_of(weir_bytes result)
{
    int64_t number;

    memcpy(&number, result.data, sizeof number);
    return json_integer((json_int_t)number);
}

/* One call that is waited for at once, and one that is started and waited for later. */
static weir_code call_both(weir_run *run, const weir_event *event, void *arg)
{
    int64_t input = weir_event_int(event, "/input", 0), three = 3;
    weir_bytes args = { (const uint8_t *)&input, sizeof input }, result;
    weir_future *future;
    weir_code rc = weir_call(run, "double", WEIR_CALL_PURE, double_it, NULL, args, NULL, &result, NULL);

    (void)arg;
    if (rc != WEIR_OK)
        return rc;
    weir_output(run, number_of(result));
    args.data = (const uint8_t *)&three;
    future = weir_call_start(run, "double", WEIR_CALL_PURE, double_it, NULL, args, NULL);
    rc = weir_wait_all(run, &future, 1, NULL);
    if (rc == WEIR_OK)
        rc = weir_future_result(future, &result, NULL);
    return rc == WEIR_OK ? weir_output(run, number_of(result)) : rc;
}

static weir_code catch_inner(weir_run *run, const weir_event *event, void *arg)
{
    weir_future *future = weir_call_start(run, "fail", WEIR_CALL_PURE, fail_inner, NULL, (weir_bytes){ NULL, 0 }, NULL);
    weir_error err;

    (void)event;
    (void)arg;
    if (!future || weir_wait_all(run, &future, 1, &err) != WEIR_FAILED)
        return WEIR_INVALID;
    return weir_output(run, json_string(strcmp(err.message, "call 'fail': inner") == 0 ? "caught 'inner'" : "other"));
}

static weir_verdict never_asked(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                                weir_error *err)
{
    (void)args;
    (void)attempt;
    (void)result;
    (void)arg;
    (void)err;
    return WEIR_VERDICT_UNKNOWN;
}

static weir_code call_checked(weir_run *run, const weir_event *event, void *arg)
{
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;

    (void)event;
    (void)arg;
    options.reconcile = never_asked;
    return weir_call(run, "checked", WEIR_CALL_CHECKED, fail_inner, NULL, (weir_bytes){ NULL, 0 }, &options, NULL,
                     NULL);
}

static char zeta[] = "zeta", alpha[] = "alpha", once[] = "once?", decl[] = "decl", prog[] = "prog";

static void build_echo(weir_agent *agent)
{
    weir_agent_action(agent, "echo", echo, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT, NULL);
}

static void build_silent(weir_agent *agent)
{
    weir_agent_action(agent, "nothing", nothing, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_deaf(weir_agent *agent)
{
    weir_agent_action(agent, "other", echo, NULL, 0, "other", NULL);
}

static void build_nobody(weir_agent *agent)
{
    weir_agent_action(agent, "send", send_nobody, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_order(weir_agent *agent)
{
    weir_agent_action(agent, "zeta", say, zeta, 0, WEIR_INPUT_EVENT, NULL);
    weir_agent_action(agent, "alpha", say, alpha, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_twice(weir_agent *agent)
{
    weir_agent_action(agent, "once", say, once, 0, WEIR_INPUT_EVENT, WEIR_INPUT_EVENT, NULL);
}

static void build_memory(weir_agent *agent)
{
    weir_agent_action(agent, "count", count_both, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_boom(weir_agent *agent)
{
    weir_agent_action(agent, "boom", fail_at_two, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_output_type(weir_agent *agent)
{
    weir_agent_action(agent, "send", send_output_type, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_count_down(weir_agent *agent)
{
    weir_agent_action(agent, "down", count_down, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_null(weir_agent *agent)
{
    weir_agent_action(agent, "null", output_null, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_declared(weir_agent *agent)
{
    weir_agent_action(agent, "decl", say, decl, 0, WEIR_INPUT_EVENT, NULL);
    weir_agent_action(agent, "prog", say, prog, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_duplicate(weir_agent *agent)
{
    build_echo(agent);
    build_echo(agent);
}

static void build_builtin_name(weir_agent *agent)
{
    weir_agent_action(agent, "chat_model_action", echo, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_calls(weir_agent *agent)
{
    weir_agent_action(agent, "call", call_both, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_catch(weir_agent *agent)
{
    weir_agent_action(agent, "catch", catch_inner, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_checked(weir_agent *agent)
{
    weir_agent_action(agent, "check", call_checked, NULL, 0, WEIR_INPUT_EVENT, NULL);
}

static void build_empty(weir_agent *agent)
{
    (void)agent;
}

typedef struct run_case {
    const char *name;
    verdict verdict;
    const char *reason;
    build_fn build;
    const char *outputs; /* ours, when they differ; NULL: the case's own */
    const char *error;   /* part of our message; NULL: it succeeds */
} run_case;

#define PYTHON "the peer's Python objects have no counterpart: a json_t is JSON, a C function has its type"
#define ENVIRONMENT "there is no environment object: weir_job_run_list takes the list, and may be called again (weir.h)"

static const run_case run_cases[] = {
    { "key_wins_over_k", MET, "", build_echo, NULL, NULL },
    { "mixed_key_v", MET, "", build_echo, NULL, NULL },
    { "key_absent_gets_fresh_uuid_each", MET, "the UUID is made from the run id, not drawn", build_echo, NULL, NULL },
    { "value_absent", MET, "", build_echo, NULL, "neither 'value' nor 'v'" },
    { "key_null", DIFFERS, "contract: \"null counts as missing\"", build_echo, "[{\"<uuid>\": 1}]", NULL },
    { "int_key", DIFFERS, "contract: \"Keys are strings; a number or a bool is used as its JSON text\"", build_echo,
      "[{\"7\": 1}]", NULL },
    { "bool_key_equals_int_key", DIFFERS, "contract: \"Keys are strings; a number or a bool is used as its JSON text\"",
      build_echo, "[{\"1\": \"a\"}, {\"true\": \"b\"}]", NULL },
    { "list_key_unhashable", MET, "", build_echo, NULL, "the key is an array" },
    { "extra_fields_ignored", MET, "", build_echo, NULL, NULL },
    { "structured_value", MET, "", build_echo, NULL, NULL },
    { "nan_value", NOT_ASKED, "contract, JSON: \"RFC 8259\" has no infinity, and json_real() refuses it", NULL, NULL,
      NULL },
    { "no_output_record_leaves_no_entry", MET, "", build_silent, NULL, NULL },
    { "no_action_listens_to_input", DIFFERS, "weir.h: \"an event that no action wants is ignored\"", build_deaf, "[]",
      NULL },
    { "event_without_listener", DIFFERS, "weir.h: \"an event that no action wants is ignored\"", build_nobody, "[]",
      NULL },
    { "several_actions_on_one_event_declaration_order", MET, "", build_order, NULL, NULL },
    { "same_event_type_listed_twice", DIFFERS, "weir.h: \"A type twice counts once\" (as the peer's HEAD)",
      build_twice, "[{\"a\": \"once?\"}]", NULL },
    { "memory_per_key_sensory_cleared_between_runs", MET, "", build_memory, NULL, NULL },
    { "action_exception_stops_the_run_and_drops_all_outputs", MET, "", build_boom, NULL, "boom" },
    { "plain_event_with_output_type", MET, "", build_output_type, NULL, "weir_output()" },
    { "action_may_send_input_event", MET, "", build_count_down, NULL, NULL },
    { "durable_execute_local_sync_and_async", MET, "", build_calls, NULL, NULL },
    { "durable_execute_async_exception_is_raised_at_await", MET, "", build_catch, NULL, NULL },
    { "reconciler_not_used_on_first_execution", DIFFERS,
      "design §5: \"Without a durable journal … ONCE and CHECKED fail the run\"; with a state folder it is met "
      "(reconciler_first_run)", build_checked, NULL, "there is no durable journal" },
    { "model_output_is_returned_as_object_locally", NOT_ASKED, PYTHON, NULL, NULL, NULL },
    { "non_serializable_output", MET, "what cannot be JSON is NULL here", build_null, NULL, "an output is NULL" },
    { "non_serializable_input", NOT_ASKED, PYTHON, NULL, NULL, NULL },
    { "inherited_action", NOT_ASKED, PYTHON, NULL, NULL, NULL },
    { "action_with_wrong_arity", NOT_ASKED, PYTHON, NULL, NULL, NULL },
    { "declared_actions_run_before_added_actions", DIFFERS,
      "design §3: \"in the order in which the agent declares them\": there is one way to declare", build_declared,
      "[{\"a\": \"decl\"}, {\"a\": \"prog\"}]", NULL },
    { "duplicate_action_name_declared_and_added", MET, "", build_duplicate, NULL, "two actions named 'echo'" },
    { "action_named_like_a_builtin", DIFFERS, "design §11: built-in actions come later", build_builtin_name,
      "[{\"a\": 1}]", NULL },
    { "from_list_twice", NOT_ASKED, ENVIRONMENT, NULL, NULL, NULL },
    { "execute_twice", NOT_ASKED, ENVIRONMENT, NULL, NULL, NULL },
    { "apply_twice", NOT_ASKED, ENVIRONMENT, NULL, NULL, NULL },
    { "execute_without_apply", DIFFERS, "weir.h: \"an event that no action wants is ignored\"", build_empty, "[]",
      NULL },
    { "apply_unknown_agent_name", NOT_ASKED, ENVIRONMENT, NULL, NULL, NULL },
    { "to_datastream_local", NOT_ASKED, ENVIRONMENT, NULL, NULL, NULL },
    { "long_term_memory_local", NOT_ASKED, "design §11: long-term memory comes later", NULL, NULL, NULL },
};

static bool is_uuid(const char *text)
{
    return strlen(text) == 36 && text[8] == '-' && text[13] == '-' && text[14] == '5' && text[18] == '-' &&
           text[23] == '-';
}

/* Whether outputs are as expected; an expected key <uuid> stands for any, each other than the one before. */
static bool same_outputs(const json_t *expected, const json_t *found)
{
    const char *last = "";

    if (json_array_size(expected) != json_array_size(found))
        return false;
    for (size_t i = 0; i < json_array_size(expected); i++) {
        void *want = json_object_iter(json_array_get(expected, i));
        void *have = json_object_iter(json_array_get(found, i));

        if (strcmp(json_object_iter_key(want), "<uuid>") == 0) {
            if (!is_uuid(json_object_iter_key(have)) || strcmp(json_object_iter_key(have), last) == 0)
                return false;
            last = json_object_iter_key(have);
        } else if (strcmp(json_object_iter_key(want), json_object_iter_key(have)) != 0) {
            return false;
        }
        if (!json_equal(json_object_iter_value(want), json_object_iter_value(have)))
            return false;
    }
    return true;
}

static const char *ask_run(const run_case *ask, const json_t *peer)
{
    static char problem[512];
    weir_job *job = weir_job_new("conformance");
    json_t *input = json_object_get(peer, "inputs"), *none = json_pack("[{s:s, s:i}]", "key", "a", "value", 1);
    json_t *expected = ask->outputs ? json_loads(ask->outputs, 0, NULL) : json_incref(json_object_get(peer, "outputs"));
    json_t *output = NULL;
    weir_error err = { .code = WEIR_OK };
    weir_code rc;

    ask->build(weir_job_agent(job, "agent"));
    rc = weir_job_run_list(job, input ? input : none, &output, &err);
    *problem = '\0';
    if (ask->error && (rc == WEIR_OK || output || !strstr(err.message, ask->error)))
        (void)snprintf(problem, sizeof problem, "expected an error with \"%s\", got %d \"%s\"", ask->error, (int)rc,
                       err.message);
    else if (!ask->error && rc != WEIR_OK)
        (void)snprintf(problem, sizeof problem, "failed: %s", err.message);
    else if (!ask->error && !same_outputs(expected, output))
        (void)snprintf(problem, sizeof problem, "other outputs than expected");
    json_decref(output);
    json_decref(expected);
    json_decref(none);
    weir_job_free(job);
    return *problem ? problem : NULL;
}

static void run_local(const json_t *cases)
{
    size_t i;
    json_t *peer;

    json_array_foreach(cases, i, peer)
    {
        const char *name = json_string_value(json_object_get(peer, "name"));
        const run_case *ask = NULL;

        for (size_t j = 0; j < sizeof run_cases / sizeof *run_cases && !ask; j++) {
            if (strcmp(run_cases[j].name, name) == 0)
                ask = &run_cases[j];
        }
        if (!ask)
            report_unknown("local_run", name, "this case has no entry in conformance.c");
        else
            report("local_run", name, ask->verdict, ask->reason,
                   ask->verdict == NOT_ASKED ? NULL : ask_run(ask, peer));
    }
}

/* ---- events.json ------------------------------------------------------------------------------------------------- */

typedef struct event_case {
    const char *name;
    verdict verdict;
    const char *reason;
} event_case;

#define NO_JSON_FORM "an event has no JSON form of its own in the C API"
#define LATER "design §11: chat models and tools come later"

static const event_case event_cases[] = {
    { "custom_event_json", NOT_ASKED, NO_JSON_FORM },
    { "id_version_of_new_event", DIFFERS, "design §3: \"Event ids are UUIDv5 from the run id and a counter\"" },
    { "same_content_same_id", MET, "as HEAD: the same content twice has two ids" },
    { "type_not_string", NOT_ASKED, PYTHON },
    { "from_json_minimal", NOT_ASKED, NO_JSON_FORM },
    { "from_json_no_type", NOT_ASKED, NO_JSON_FORM },
    { "from_json_attributes_list", MET, "attributes that are no object are an error" },
    { "from_json_extra_field", NOT_ASKED, NO_JSON_FORM },
    { "from_json_invalid", NOT_ASKED, NO_JSON_FORM },
    { "get_missing_attr", MET, "" },
    { "set_attr_changes_id", NOT_ASKED, "an event cannot be changed" },
    { "assign_id", MET, "as HEAD: the id is frozen, there is no way to set it" },
    { "datetime_attr", NOT_ASKED, PYTHON },
    { "tuple_and_set_attr", NOT_ASKED, PYTHON },
    { "nan_attr", DIFFERS, "contract, JSON: RFC 8259 has no NaN: json_real() refuses it, and NULL is a kept error" },
    { "int_keys", NOT_ASKED, PYTHON },
    { "from_event_missing_attr", NOT_ASKED, PYTHON },
    { "from_event_wrong_type_accepted", NOT_ASKED, PYTHON },
    { "chat_response_attrs", NOT_ASKED, LATER },
    { "tool_request_attrs", NOT_ASKED, LATER },
    { "tool_response_attrs", NOT_ASKED, LATER },
};

static char first_id[64];

static weir_code send_two(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    *first_id = '\0';
    weir_send(run, "t", json_pack("{s:i}", "a", 1));
    return weir_send(run, "t", json_pack("{s:i}", "a", 1));
}

/* Outputs the version of the id, whether it is another than the last one, and whether a missing attribute is absent. */
static weir_code look(weir_run *run, const weir_event *event, void *arg)
{
    const char *id = weir_event_id(event);
    bool is_other = strcmp(id, first_id) != 0;

    (void)arg;
    (void)snprintf(first_id, sizeof first_id, "%s", id);
    return weir_output(run, json_pack("{s:b, s:b, s:b}", "v5", is_uuid(id), "other", is_other, "absent",
                                      weir_event_get(event, "missing") == NULL));
}

static weir_code send_list(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return weir_send(run, "t", json_array());
}

static weir_code send_nan(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return weir_send(run, "t", json_pack("{s:o}", "n", json_real(0.0 / 0.0)));
}

/* One small job for all that can be asked. */
static const char *ask_events(weir_action_fn first, bool succeeds)
{
    weir_job *job = weir_job_new("events");
    weir_agent *agent = weir_job_agent(job, "agent");
    json_t *input = json_pack("[{s:i}]", "value", 1), *output = NULL;
    json_t *good = json_pack("{s:b, s:b, s:b}", "v5", 1, "other", 1, "absent", 1);
    weir_code rc;
    bool is_good;

    weir_agent_action(agent, "first", first, NULL, 0, WEIR_INPUT_EVENT, NULL);
    weir_agent_action(agent, "look", look, NULL, 0, "t", NULL);
    rc = weir_job_run_list(job, input, &output, NULL);
    is_good = succeeds ? rc == WEIR_OK && json_array_size(output) == 2 : rc == WEIR_INVALID && !output;
    for (size_t i = 0; is_good && i < json_array_size(output); i++)
        is_good = json_equal(json_object_iter_value(json_object_iter(json_array_get(output, i))), good);
    json_decref(good);
    json_decref(output);
    json_decref(input);
    weir_job_free(job);
    return is_good ? NULL : "an event is not as it should be";
}

static void run_events(const json_t *cases)
{
    size_t i;
    json_t *peer;

    json_array_foreach(cases, i, peer)
    {
        const char *name = json_string_value(json_object_get(peer, "name")), *problem = NULL;
        const event_case *ask = NULL;

        for (size_t j = 0; j < sizeof event_cases / sizeof *event_cases && !ask; j++) {
            if (strcmp(event_cases[j].name, name) == 0)
                ask = &event_cases[j];
        }
        if (!ask) {
            report_unknown("events", name, "this case has no entry in conformance.c");
            continue;
        }
        if (strcmp(name, "from_json_attributes_list") == 0)
            problem = ask_events(send_list, false);
        else if (strcmp(name, "nan_attr") == 0)
            problem = ask_events(send_nan, false);
        else if (ask->verdict != NOT_ASKED)
            problem = ask_events(send_two, true);
        report("events", name, ask->verdict, ask->reason, problem);
    }
}

/* ---- memory.json ------------------------------------------------------------------------------------------------- */

/* One operation's result in the peer's notation. */
static json_t *names_or_not(weir_memory *memory, const char *path)
{
    json_t *names = weir_memory_fields(memory, path);

    return names ? names : json_string("<not an object>");
}

static json_t *fields_of(weir_memory *memory, const char *path)
{
    json_t *names = weir_memory_fields(memory, path), *fields = json_object(), *name;
    size_t i;

    if (!names) {
        json_decref(fields);
        return json_string("<not an object>");
    }
    json_array_foreach(names, i, name)
    {
        char below[256];
        json_t *beneath;

        (void)snprintf(below, sizeof below, "%s%s%s", path, *path ? "." : "", json_string_value(name));
        beneath = weir_memory_fields(memory, below);
        json_object_set_new(fields, json_string_value(name),
                            beneath ? json_string("NestedObject") : weir_memory_get(memory, below));
        json_decref(beneath);
    }
    json_decref(names);
    return fields;
}

static json_t *value_of(weir_memory *memory, const char *path)
{
    json_t *names = weir_memory_fields(memory, path), *value;

    if (names)
        return json_pack("{s:o}", "<object>", names);
    value = weir_memory_get(memory, path);
    return value ? value : json_null();
}

static json_t *operate(weir_memory *memory, const json_t *op)
{
    const char *verb = json_string_value(json_array_get(op, 0));
    const char *path = json_string_value(json_array_get(op, 1));
    json_t *third = json_array_get(op, 2);

    if (strcmp(verb, "set") == 0)
        return weir_memory_set(memory, path, json_incref(third)) == WEIR_OK ? json_pack("{s:s}", "ref", path)
                                                                            : json_string("<error>");
    if (strcmp(verb, "new") == 0)
        return weir_memory_new_object(memory, path, json_is_true(third)) == WEIR_OK ? value_of(memory, path)
                                                                                    : json_string("<error>");
    if (strcmp(verb, "get") == 0)
        return value_of(memory, path);
    if (strcmp(verb, "exist") == 0)
        return json_boolean(weir_memory_exists(memory, path));
    if (strcmp(verb, "names") == 0)
        return names_or_not(memory, path);
    if (strcmp(verb, "fields") == 0)
        return fields_of(memory, path);
    return json_string("<unknown operation>");
}

static json_t *results; /* of the last list of operations */

static weir_code run_operations(weir_run *run, const weir_event *event, void *arg)
{
    json_t *operations = weir_event_get(event, "input"), *op;
    size_t i;

    (void)arg;
    json_decref(results);
    results = json_array();
    json_array_foreach(operations, i, op)
        json_array_append_new(results, operate(weir_short_term(run), op));
    return WEIR_OK;
}

/* A result is met when it is that of the peer's HEAD, or of its local runner; an error is an error. */
static bool is_met(const json_t *ours, const json_t *theirs)
{
    if (json_object_get(theirs, "error"))
        return json_is_string(ours) && strcmp(json_string_value(ours), "<error>") == 0;
    return json_equal(ours, theirs);
}

static void run_memory(const json_t *cases)
{
    weir_job *job = weir_job_new("memory");
    size_t i;
    json_t *peer;

    weir_agent_action(weir_job_agent(job, "agent"), "operate", run_operations, NULL, 0, WEIR_INPUT_EVENT, NULL);
    json_array_foreach(cases, i, peer)
    {
        static char problem[256];
        const char *name = json_string_value(json_object_get(peer, "name"));
        json_t *ops = json_object_get(peer, "ops"), *head = json_object_get(peer, "flink_java_HEAD"),
               *local = json_object_get(peer, "local_python_0.3.1"), *output = NULL, *input;
        bool is_head = true;

        input = json_pack("[{s:s, s:O}]", "key", name, "value", ops);
        /* An operation that is refused fails the run; what each did was noted before. */
        (void)weir_job_run_list(job, input, &output, NULL);
        json_decref(input);
        json_decref(output);
        *problem = '\0';
        for (size_t j = 0; j < json_array_size(ops) && !*problem; j++) {
            json_t *ours = json_array_get(results, j);

            if (is_met(ours, json_array_get(head, j)))
                continue;
            is_head = false;
            if (!is_met(ours, json_array_get(local, j)))
                (void)snprintf(problem, sizeof problem, "operation %zu is met by neither of the peer's versions", j);
        }
        report("memory", name, MET, is_head ? "" : "as the peer's local runner, where its two versions differ",
               *problem ? problem : NULL);
    }
    json_decref(results);
    results = NULL;
    weir_job_free(job);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

static void run_file(const char *folder, const char *name, void (*run)(const json_t *cases))
{
    char path[1024];
    json_error_t error;
    json_t *file;

    (void)snprintf(path, sizeof path, "%s/%s.json", folder, name);
    file = json_load_file(path, 0, &error);
    if (!file || json_array_size(json_object_get(file, "cases")) == 0)
        report_unknown(name, "-", "the file of cases cannot be read");
    else
        run(json_object_get(file, "cases"));
    json_decref(file);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : ".";

    as_table = argc > 2 && strcmp(argv[2], "--table") == 0;
    if (as_table)
        printf("# Conformance\n\n"
               "How weir meets the behaviour observed of Flink Agents, case by case. Printed by "
               "`tests/conformance/conformance`;\n`make check` runs the cases, and holds this page to it.\n\n"
               "| file | case | verdict | why |\n|---|---|---|---|\n");
    run_file(folder, "local_run", run_local);
    run_file(folder, "events", run_events);
    run_file(folder, "memory", run_memory);
    run_file(folder, "durable_and_state_store", run_durable);
    if (!as_table)
        run_own();
    if (as_table)
        printf("\n%d cases: %d met, %d differ on purpose, %d cannot be asked in C.\n", count, met, differing,
               not_asked);
    else
        printf("1..%d\n", count);
    if (as_table)
        print_durable_differences();
    return as_table && failures ? 1 : 0;
}
