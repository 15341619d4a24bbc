/* SPDX-License-Identifier: Apache-2.0 */
/* What an action may ask of its run, and what is refused; results of actions, kept and put in their place. */
#include "support.h"

static const test_record one[] = { { "k", "1" } };

static weir_code (*body)(weir_run *run, const weir_event *event);

static weir_code act(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    return body(run, event);
}

/* Runs one record through one action, and checks the error that its run fails with. */
static void assert_fails(weir_code (*fn)(weir_run *run, const weir_event *event), weir_code code, const char *message)
{
    body = fn;
    test_run(test_options(), one, 1);
    ck_assert_uint_eq(test.failed, 1);
    ck_assert_int_eq(test.error.code, code);
    ck_assert_str_eq(test.error.message, message);
    ck_assert_str_eq(test_logged(), "k! ");
}

static void set_up(void)
{
    test_set_up();
    test_add("x", act, NULL, 0, WEIR_INPUT_EVENT);
}

/* ---- what a run knows -------------------------------------------------------------------------------------------- */

static weir_code tell_all(weir_run *run, const weir_event *event)
{
    weir_output(run, json_stringn((const char *)weir_run_key(run).data, weir_run_key(run).size));
    weir_output(run, json_string(weir_run_id(run)));
    weir_output(run, json_integer(weir_now(run)));
    return weir_output(run, json_string(weir_event_id(event)));
}

START_TEST(a_run_knows_its_key_id_time_and_event)
{
    body = tell_all;
    test_run(test_options(), one, 1);
    ck_assert_str_eq(test_logged(), "k=\"k\" k=\"test/0\" k=1000 k=\"05f40631-d53d-5e2e-8f91-6382bdf899f8\" ");
}
END_TEST

static weir_code tell_key(weir_run *run, const weir_event *event)
{
    (void)event;
    return weir_output(run, json_integer((json_int_t)weir_run_key(run).size));
}

START_TEST(a_missing_key_is_a_uuid_of_the_run_and_an_empty_one_is_a_key)
{
    static const test_record records[] = { { NULL, "1" }, { "", "2" } };

    body = tell_key;
    test_run(test_options(), records, 2);
    ck_assert_str_eq(test_logged(), "82a3337d-f192-5dbd-aac4-8d48ea5eca30=36 =0 ");
}
END_TEST

static weir_code draw_three(weir_run *run, const weir_event *event)
{
    char text[64];

    (void)event;
    for (int i = 0; i < 3; i++) {
        (void)snprintf(text, sizeof text, "%" PRIx64, weir_random(run));
        weir_output(run, json_string(text));
    }
    return WEIR_OK;
}

/* XXH64 of "test/0" through splitmix64, worked out with another program: they never change. */
START_TEST(random_numbers_follow_from_the_run_id)
{
    static const test_record records[] = { { "k", "1" }, { "l", "1" } };
    char *first;

    body = draw_three;
    test_run(test_options(), records, 2);
    ck_assert_ptr_nonnull(strstr(test_logged(), "k=\"1787161f20c5e291\" k=\"3617bc8217f746c\" k=\"ef"
        "ac37eda225db94\" "));
    ck_assert_ptr_null(strstr(test_logged(), "l=\"1787161f20c5e291\""));
    first = strdup(test_logged());
    test_run(test_options(), records, 2);
    ck_assert_str_eq(test_logged(), first);
    free(first);
}
END_TEST

/* ---- outputs and events that are refused ------------------------------------------------------------------------- */

#define REFUSED(name, call)                                                                                            \
    static weir_code name(weir_run *run, const weir_event *event)                                                      \
    {                                                                                                                  \
        (void)event;                                                                                                   \
        call;                                                                                                          \
        return WEIR_OK; /* the kept error is enough */                                                                 \
    }

static json_t *deep_array(int levels)
{
    json_t *tree = json_array();

    while (--levels > 0) {
        json_t *outer = json_array();

        json_array_append_new(outer, tree);
        tree = outer;
    }
    return tree;
}

REFUSED(output_null, weir_output(run, NULL))
REFUSED(output_deep, weir_output(run, deep_array(17)))
REFUSED(output_broken, weir_output(run, json_stringn_nocheck("\xff", 1)))
REFUSED(output_absent, weir_output_bytes(run, (weir_bytes){ NULL, 0 }))
REFUSED(output_no_json, weir_output_bytes(run, weir__bytes_text("[1,")))
REFUSED(output_two, weir_output_bytes(run, weir__bytes_text("1 2")))
REFUSED(output_big, weir_output_bytes(run, weir__bytes_text("9223372036854775808")))
REFUSED(send_null_type, weir_send(run, NULL, json_object()))
REFUSED(send_empty_type, weir_send(run, "", json_object()))
REFUSED(send_output_type, weir_send(run, WEIR_OUTPUT_EVENT, json_object()))
REFUSED(send_broken_type, weir_send(run, "\xff", json_object()))
REFUSED(send_null, weir_send(run, "t", NULL))
REFUSED(send_array, weir_send(run, "t", json_array()))
REFUSED(count_null, weir_count(run, NULL, 1))

START_TEST(what_is_no_output_is_refused)
{
    assert_fails(output_null, WEIR_INVALID,
                 "action 'a.x': an output is NULL; did json_pack() or another maker of it fail?");
    assert_fails(output_absent, WEIR_INVALID, "action 'a.x': an output is absent (data is NULL)");
    body = output_deep;
    test_run(test_options(), one, 1);
    ck_assert_int_eq(test.error.code, WEIR_LIMIT);
    body = output_broken;
    test_run(test_options(), one, 1);
    ck_assert_int_eq(test.error.code, WEIR_INVALID);
    ck_assert_ptr_nonnull(strstr(test.error.message, "action 'a.x': an output: "));
    for (int i = 0; i < 3; i++) {
        body = i == 0 ? output_no_json : i == 1 ? output_two : output_big;
        test_run(test_options(), one, 1);
        ck_assert_int_eq(test.error.code, WEIR_INVALID);
        ck_assert_ptr_nonnull(strstr(test.error.message, "action 'a.x': an output: byte "));
    }
}
END_TEST

START_TEST(what_is_no_event_is_refused)
{
    assert_fails(send_null_type, WEIR_INVALID, "action 'a.x': an event's type is empty");
    assert_fails(send_empty_type, WEIR_INVALID, "action 'a.x': an event's type is empty");
    assert_fails(send_output_type, WEIR_INVALID, "action 'a.x': _output_event is sent by weir_output()");
    assert_fails(send_broken_type, WEIR_INVALID, "action 'a.x': an event's type is not UTF-8");
    assert_fails(send_null, WEIR_INVALID, "action 'a.x': event 't': the attributes are NULL");
    assert_fails(send_array, WEIR_INVALID, "action 'a.x': event 't': the attributes are no object");
    assert_fails(count_null, WEIR_INVALID, "action 'a.x': a counter's name is NULL");
}
END_TEST

static weir_code print_again(weir_run *run, const weir_event *event)
{
    (void)event;
    weir_output_bytes(run, weir__bytes_text(" { \"b\" : 1.50 , \"a\" : [ 1 , null ] } "));
    weir_output_bytes(run, weir__bytes_text("{\"b\":1}"));
    weir_output(run, json_null());
    return weir_output(run, json_pack("{s:i, s:[]}", "z", 1, "a"));
}

START_TEST(outputs_are_printed_compactly_in_the_order_written)
{
    body = print_again;
    test_run(test_options(), one, 1);
    ck_assert_str_eq(test_logged(), "k={\"b\":1.5,\"a\":[1,null]} k={\"b\":1} k=null k={\"z\":1,\"a\":[]} ");
}
END_TEST

/* ---- failing ----------------------------------------------------------------------------------------------------- */

static weir_code fail_twice(weir_run *run, const weir_event *event)
{
    (void)event;
    weir_output(run, json_true());
    ck_assert_int_eq(weir_fail(run, WEIR_FAILED, "first %d", 1), WEIR_FAILED);
    return weir_fail(run, WEIR_LIMIT, "second");
}

static weir_code fail_with_ok(weir_run *run, const weir_event *event)
{
    (void)event;
    ck_assert_int_eq(weir_fail(run, WEIR_OK, "no"), WEIR_INVALID);
    return WEIR_OK;
}

static weir_code fail_long(weir_run *run, const weir_event *event)
{
    char text[400];

    (void)event;
    memset(text, 'x', sizeof text);
    memcpy(text, "long ", 5);
    text[399] = '\0';
    return weir_fail(run, WEIR_FAILED, "%s", text);
}

static weir_code only_return(weir_run *run, const weir_event *event)
{
    (void)run;
    (void)event;
    return WEIR_UNREACHABLE;
}

START_TEST(the_first_error_is_kept_and_names_the_action)
{
    assert_fails(fail_twice, WEIR_FAILED, "action 'a.x': first 1");
    assert_fails(fail_with_ok, WEIR_INVALID, "action 'a.x': no");
    assert_fails(only_return, WEIR_UNREACHABLE, "action 'a.x': it returned 'unreachable'");
    body = fail_long;
    test_run(test_options(), one, 1);
    ck_assert_uint_eq(strlen(test.error.message), 231);
}
END_TEST

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static int sends, outputs;

static weir_code send_and_output(weir_run *run, const weir_event *event)
{
    (void)event;
    for (int i = 0; i < sends; i++)
        weir_send(run, "nobody", json_object());
    for (int i = 0; i < outputs; i++)
        weir_output(run, json_null());
    return WEIR_OK;
}

START_TEST(events_and_outputs_of_a_run_are_limited_together)
{
    weir_engine_options options = test_options();

    options.events_per_run = 5;
    body = send_and_output;
    sends = 2;
    outputs = 3;
    test_run(options, one, 1);
    ck_assert_uint_eq(test.failed, 0);
    outputs = 4;
    test_run(options, one, 1);
    ck_assert_int_eq(test.error.code, WEIR_LIMIT);
    ck_assert_str_eq(test.error.message, "action 'a.x': more than 5 events in one run (limits.events-per-run), the "
                                         "last one _output_event");
    sends = 6;
    outputs = 0;
    test_run(options, one, 1);
    ck_assert_str_eq(test.error.message,
                     "action 'a.x': more than 5 events in one run (limits.events-per-run), the last one nobody");
}
END_TEST

static weir_code send_itself(weir_run *run, const weir_event *event)
{
    return weir_send(run, weir_event_type(event), json_object());
}

START_TEST(an_action_that_triggers_itself_is_named_as_a_cycle)
{
    body = send_itself;
    test_run(test_options(), one, 1);
    ck_assert_int_eq(test.error.code, WEIR_LIMIT);
    ck_assert_str_eq(test.error.message, "action 'a.x': more than 100 events in one run (limits.events-per-run), a "
                                         "cycle: '_input_event' -> a.x -> '_input_event'");
}
END_TEST

/* ---- counters ---------------------------------------------------------------------------------------------------- */

static char counted[256];

static void note_counts(weir_run *run)
{
    *counted = '\0';
    for (const weir_count_item *item = run->counts; item; item = item->next)
        (void)snprintf(counted + strlen(counted), sizeof counted - strlen(counted), "%s=%" PRId64 " ", item->metric,
                       item->add);
}

static weir_code count_some(weir_run *run, const weir_event *event)
{
    char name[] = "a";

    (void)event;
    weir_count(run, name, 1);
    weir_count(run, name, 2);
    *name = 'b';
    weir_count(run, name, -5);
    weir_count(run, "max", INT64_MAX);
    weir_count(run, "max", 1);
    weir_count(run, "min", INT64_MIN);
    weir_count(run, "min", -1);
    return WEIR_OK;
}

START_TEST(counters_add_up_and_stay_within_their_range)
{
    body = count_some;
    test.on_ended = note_counts;
    test_run(test_options(), one, 1);
    ck_assert_str_eq(counted, "a=3 b=-5 max=9223372036854775807 min=-9223372036854775808 ");
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static weir_code remember(weir_run *run, const weir_event *event)
{
    weir_memory *kept = weir_short_term(run), *gone = weir_sensory(run);
    int64_t n = weir_memory_int(kept, "n", 0), m = weir_memory_int(gone, "n", 0);

    weir_memory_set_int(kept, "n", n + 1);
    weir_memory_set_int(gone, "n", m + 1);
    weir_output(run, json_pack("[I, I]", (json_int_t)n, (json_int_t)m));
    return weir_event_int(event, "/input", 0) < 0 ? WEIR_FAILED : WEIR_OK;
}

START_TEST(short_term_memory_is_a_keys_and_sensory_memory_a_runs)
{
    static const test_record records[] = { { "a", "1" }, { "a", "1" }, { "b", "1" }, { "a", "-1" }, { "a", "1" } };

    body = remember;
    test_run(test_options(), records, 5);
    ck_assert_str_eq(test_logged(), "a=[0,0] a=[1,0] b=[0,0] a! a=[2,0] ");
}
END_TEST

/* ---- results ----------------------------------------------------------------------------------------------------- */

static int calls[3];

static weir_code first(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    calls[0]++;
    weir_output(run, json_string("o1"));
    weir_send(run, "e", json_pack("{s:i, s:f}", "n", 1, "r", 2.0));
    weir_output(run, json_real(1.0));
    weir_send(run, "e", json_pack("{s:i}", "n", 2));
    weir_memory_set_int(weir_short_term(run), "o.n", 5);
    weir_memory_set(weir_short_term(run), "j", json_pack("{s:[i, f, n]}", "k", 1, 2.0));
    weir_memory_set(weir_short_term(run), "z", json_null());
    weir_memory_set_text(weir_short_term(run), "t", weir__bytes("a\0b", 3));
    weir_memory_set_real(weir_sensory(run), "s", -0.5);
    weir_memory_set_bool(weir_sensory(run), "b", true);
    weir_count(run, "c", 2);
    return WEIR_OK;
}

static weir_code pure(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    calls[1]++;
    weir_memory_delete(weir_short_term(run), "z");
    return weir_output(run, weir_memory_get(weir_short_term(run), ""));
}

static weir_code second(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    calls[2]++;
    weir_count(run, "c", 1);
    weir_memory_set_int(weir_short_term(run), "o.n", weir_memory_int(weir_short_term(run), "o.n", 0) + 1);
    return weir_output(run, json_pack("[s, s, s, i, o, o]", weir_event_id(event), weir_event_upstream_id(event),
                                      weir_event_upstream_action(event), (int)weir_event_int(event, "/n", 0),
                                      weir_memory_get(weir_short_term(run), ""),
                                      weir_memory_get(weir_sensory(run), "")));
}

static void set_up_results(void)
{
    test_set_up();
    memset(calls, 0, sizeof calls);
    test_add("first", first, NULL, 0, WEIR_INPUT_EVENT);
    test_add("pure", pure, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT);
    test_add("second", second, NULL, 0, "e");
}

static weir_engine_options journaled(void)
{
    weir_engine_options options = test_options();

    options.keep_results = true;
    return options;
}

static const char first_result[] =
    "{\"action\":\"a.first\",\"instance\":1,\"events\":[{\"type\":\"e\",\"attributes\":{\"n\":1,\"r\":2.0}},"
    "{\"type\":\"e\",\"attributes\":{\"n\":2}}],\"outputs\":[\"o1\",1.0],\"counts\":[[\"c\",2]],\"short-term\":"
    "[[\"j\",5,{\"k\":[1,2.0,null]}],[\"o\",6,null],[\"o.n\",2,5],[\"t\",4,\"a\\u0000b\"],[\"z\",0,null]],"
    "\"sensory\":[[\"b\",1,true],[\"s\",3,-0.5]]}\n";

START_TEST(results_of_journaled_actions_are_kept_and_of_pure_ones_not)
{
    const char *results;

    test_run(journaled(), one, 1);
    ck_assert_int_eq(weir__buffer_add_byte(&test.results, 0), WEIR_OK);
    results = (const char *)test.results.data;
    /* The deletion of the PURE action is not the first one's: what it wrote later is no longer there to be kept. */
    ck_assert_int_eq(strncmp(results, first_result, sizeof first_result - 1), 0);
    ck_assert_ptr_nonnull(strstr(results, "\"action\":\"a.second\",\"instance\":3,\"events\":[],\"outputs\":[["));
    ck_assert_ptr_nonnull(strstr(results, "\"action\":\"a.second\",\"instance\":4,"));
    ck_assert_ptr_null(strstr(results, "a.pure"));
    test_run(test_options(), one, 1);
    ck_assert_uint_eq(test.results.size, 0);
}
END_TEST

static void note_written(weir_run *run)
{
    note_counts(run);
    *counted = '\0';
    for (const weir_action_result *result = run->results; result; result = result->next)
        strcat(counted, result->is_written ? "w" : "n");
}

static void mark_written(weir_run *run)
{
    note_written(run);
    for (weir_action_result *result = run->results; result; result = result->next)
        result->is_written = true;
}

/* Cuts the journal after each number of results: what follows is run, what came before is not, and all is the same. */
START_TEST(recorded_results_take_the_place_of_their_actions)
{
    char *log, *results, *end;

    test_run(journaled(), one, 1);
    log = strdup(test_logged());
    ck_assert_int_eq(weir__buffer_add_byte(&test.results, 0), WEIR_OK);
    results = strdup((const char *)test.results.data);
    for (int kept = 0; kept <= 3; kept++) {
        char *recorded = strdup(results);

        end = recorded;
        for (int i = 0; i < kept; i++)
            end = strchr(end, '\n') + 1;
        *end = '\0';
        memset(calls, 0, sizeof calls);
        test.recorded = recorded;
        test.on_ended = note_counts;
        test_run(journaled(), one, 1);
        ck_assert_str_eq(test_logged(), log);
        ck_assert_str_eq(counted, "c=2 c=1 c=1 ");
        ck_assert_int_eq(calls[0], kept < 1);
        ck_assert_int_eq(calls[1], 1); /* PURE: always */
        ck_assert_int_eq(calls[2], kept < 1 ? 2 : 3 - kept);
        ck_assert_int_eq(weir__buffer_add_byte(&test.results, 0), WEIR_OK);
        ck_assert_str_eq((const char *)test.results.data, results); /* and kept again as it was */
        free(recorded);
    }
    free(log);
    free(results);
}
END_TEST

static size_t marks;

/* A journal that takes the mark which voids what came before it, and nothing else. */
static weir_code append_mark(void *host, weir_run *run, const weir_entry *given, weir_bytes sealed, weir_ticket *ticket,
                             weir_error *err)
{
    weir_entry *entry;

    (void)host;
    ck_assert_int_eq(given->kind, WEIR__ENTRY_RESOLUTION);
    ck_assert_ptr_null(ticket);
    ck_assert_int_eq(weir__entry_open(sealed, &run->arena, &entry, err), WEIR_OK);
    ck_assert_int_eq(entry->kind, WEIR__ENTRY_RESOLUTION);
    ck_assert_int_eq(entry->decision, WEIR__DECISION_RETRY);
    ck_assert_uint_eq(entry->attempt, 0);
    ck_assert_uint_eq(entry->instance, 1);
    marks++;
    return WEIR_OK;
}

/* The journal has another action where this one runs. */
START_TEST(records_of_another_action_are_dropped_with_a_warning)
{
    static const weir_engine_port port = { test_turn, test_wait, test_ended, NULL, append_mark, NULL, false };
    weir_engine_options options = journaled();
    static const char other[] =
        "{\"action\":\"a.other\",\"instance\":1,\"events\":[{\"type\":\"e\",\"attributes\":{}}],\"outputs\":[\"x\"],"
        "\"counts\":[],\"short-term\":[],\"sensory\":[]}\n"
        "{\"action\":\"a.second\",\"instance\":3,\"events\":[{\"type\":\"e\",\"attributes\":{}}],\"outputs\":[\"y\"],"
        "\"counts\":[],\"short-term\":[],\"sensory\":[]}\n";
    char *log;

    test_run(journaled(), one, 1);
    log = strdup(test_logged());
    memset(calls, 0, sizeof calls);
    test.recorded = other;
    options.port = &port;
    marks = 0;
    test_run(options, one, 1);
    ck_assert_str_eq(test_logged(), log);
    ck_assert_uint_eq(marks, 1);
    ck_assert_uint_eq(weir__engine_counts(test.engine).divergences, 1);
    ck_assert_int_eq(calls[0], 1);
    ck_assert_int_eq(calls[2], 2);
    free(log);
}
END_TEST

static weir_turn turn_written(void *host, bool may_accept)
{
    const weir_engine_counts before = weir__engine_counts(test.engine);
    weir_turn turn = test_turn(host, may_accept);

    if (before.accepted == 0) {
        for (weir_action_result *result = weir__engine_oldest(test.engine)->recorded; result; result = result->next)
            result->is_written = true;
    }
    return turn;
}

START_TEST(what_the_journal_has_already_counts_as_written)
{
    static const weir_engine_port port = { turn_written, test_wait, test_ended, NULL, NULL, NULL, false };
    weir_engine_options options = journaled();

    test.on_ended = mark_written;
    test_run(options, one, 1);
    ck_assert_str_eq(counted, "nnn");
    options.port = &port;
    test.recorded = first_result;
    test_run(options, one, 1);
    ck_assert_str_eq(counted, "wnn");
}
END_TEST

static weir_entry whole_result(weir_arena *arena)
{
    return *result_text_parse(weir__bytes(first_result, sizeof first_result - 2), arena);
}

static void break_action(weir_entry *entry)
{
    entry->action = NULL;
}

static void break_event_count(weir_entry *entry)
{
    entry->event_types.count--;
}

static void break_cell_counts(weir_entry *entry)
{
    entry->short_term_values.count--;
}

static void break_sensory_counts(weir_entry *entry)
{
    entry->sensory_paths.count--;
}

/* Each makes something else of the last item of a list. */
static void replace_last(weir_entry_items *items, const char *bytes, size_t size)
{
    ((weir_bytes *)items->items)[items->count - 1] = weir__bytes(bytes, size);
}

static void break_attributes(weir_entry *entry)
{
    replace_last(&entry->event_attributes, "{\"n\":", 5);
}

static void break_attributes_kind(weir_entry *entry)
{
    replace_last(&entry->event_attributes, "[1]", 3);
}

static void break_cell_type(weir_entry *entry)
{
    replace_last(&entry->short_term_values, "\x08", 1);
}

static void break_cell_size(weir_entry *entry)
{
    replace_last(&entry->sensory_values, "\x02\x01", 2);
}

static void break_cell_absence(weir_entry *entry)
{
    replace_last(&entry->sensory_values, "", 0);
}

START_TEST(what_is_no_result_is_refused)
{
    static void (*const breaks[])(weir_entry *entry) = {
        break_action,          break_event_count, break_cell_counts, break_sensory_counts, break_attributes,
        break_attributes_kind, break_cell_type,   break_cell_size,   break_cell_absence,
    };
    weir_action_result *result = NULL;
    weir_arena arena;
    weir_entry entry;
    weir_error err;

    weir__arena_init(&arena, 256);
    entry = whole_result(&arena);
    ck_assert_int_eq(weir__result_from_entry(&entry, &arena, &result, &err), WEIR_OK);
    ck_assert_str_eq(result->action, "a.first");
    weir__results_clear(result);
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        entry = whole_result(&arena);
        breaks[i](&entry);
        ck_assert_msg(weir__result_from_entry(&entry, &arena, &result, &err) == WEIR_IO, "break %zu", i);
        ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
        ck_assert_str_eq(err.message, "an action's result in the journal has not the form of one");
    }
    weir__arena_clear(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/run");
    TCase *knows = tcase_create("knows"), *refused = tcase_create("refused"), *effects = tcase_create("effects"),
          *results = tcase_create("results");

    tcase_add_checked_fixture(knows, set_up, test_tear_down);
    tcase_add_test(knows, a_run_knows_its_key_id_time_and_event);
    tcase_add_test(knows, a_missing_key_is_a_uuid_of_the_run_and_an_empty_one_is_a_key);
    tcase_add_test(knows, random_numbers_follow_from_the_run_id);
    suite_add_tcase(suite, knows);
    tcase_add_checked_fixture(refused, set_up, test_tear_down);
    tcase_add_test(refused, what_is_no_output_is_refused);
    tcase_add_test(refused, what_is_no_event_is_refused);
    tcase_add_test(refused, the_first_error_is_kept_and_names_the_action);
    tcase_add_test(refused, events_and_outputs_of_a_run_are_limited_together);
    tcase_add_test(refused, an_action_that_triggers_itself_is_named_as_a_cycle);
    suite_add_tcase(suite, refused);
    tcase_add_checked_fixture(effects, set_up, test_tear_down);
    tcase_add_test(effects, outputs_are_printed_compactly_in_the_order_written);
    tcase_add_test(effects, counters_add_up_and_stay_within_their_range);
    tcase_add_test(effects, short_term_memory_is_a_keys_and_sensory_memory_a_runs);
    suite_add_tcase(suite, effects);
    tcase_add_checked_fixture(results, set_up_results, test_tear_down);
    tcase_add_test(results, results_of_journaled_actions_are_kept_and_of_pure_ones_not);
    tcase_add_test(results, recorded_results_take_the_place_of_their_actions);
    tcase_add_test(results, records_of_another_action_are_dropped_with_a_warning);
    tcase_add_test(results, what_the_journal_has_already_counts_as_written);
    tcase_add_test(results, what_is_no_result_is_refused);
    suite_add_tcase(suite, results);
    return weir__suite_run(suite);
}
