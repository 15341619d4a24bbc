/* SPDX-License-Identifier: Apache-2.0 */
/* One call of a run: when it begins, what comes back, when it is made again, and what is refused. */
#include "call_host.h"

static service shop;

static void set_up(void)
{
    host_set_up();
    shop = (service){ .name = "pay", .answers = "7" };
}

static weir_call_kind kind;
static int attempts;

static weir_code pay(weir_run *run, const weir_event *event)
{
    (void)event;
    return output_call(run, &shop, kind, attempts);
}

/* One record whose action makes one call. */
static const char *pay_as(weir_call_kind as, int at_most, const char *answers, const char *script)
{
    body = pay;
    kind = as;
    attempts = at_most;
    shop.answers = answers;
    return live(host_options(), one_key, script);
}

/* The same journal, another life. */
static const char *live_again(const char *script)
{
    return live(host_options(), one_key, script);
}

START_TEST(a_replay_takes_what_is_recorded_and_makes_no_call)
{
    weir_engine_options options = host_options();

    options.only_recalls = true;
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", "t r"), "I1.1#1 durable pay#1 O1.1#1=ok k=7 ");
    ck_assert_str_eq(live(options, one_key, ""), "k=7 ");
    shop.name = "other";
    ck_assert_str_eq(live(options, one_key, ""), "k!failed ");
    ck_assert_ptr_nonnull(strstr(host.error.message, "the journal has"));
    shop.name = "pay";
    forget_journal(1);
    ck_assert_str_eq(live(options, one_key, ""), "k!unknown ");
    ck_assert_ptr_nonnull(strstr(host.error.message, "does not say what came of it"));
    forget_journal(0);
    ck_assert_str_eq(live(options, one_key, ""), "k!unknown ");
    ck_assert_ptr_nonnull(strstr(host.error.message, "has nothing of it"));
    kind = WEIR_CALL_PURE;
    ck_assert_str_eq(live(options, one_key, ""), "k!unknown ");
    ck_assert_int_eq(shop.calls, 1);
}
END_TEST

/* ---- beginning --------------------------------------------------------------------------------------------------- */

static void assert_has_not_begun(void)
{
    ck_assert_int_eq(shop.calls, 0);
    ck_assert_ptr_null(host.tasks);
    ck_assert_ptr_nonnull(host.tickets);
}

START_TEST(a_call_does_not_begin_before_its_intent_is_durable)
{
    host.hook = assert_has_not_begun;
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", "! +900 ! t r"), "I1.1#1 durable pay#1 O1.1#1=ok k=7 ");
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", ""), "k=7 ");
    forget_journal(0);
    shop.calls = 0;
    ck_assert_str_eq(pay_as(WEIR_CALL_IDEMPOTENT, 1, "7", "! t r"), "I1.1#1 durable pay#1 O1.1#1=ok k=7 ");
}
END_TEST

START_TEST(a_pure_call_needs_no_intent)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_PURE, 1, "7", "r"), "pay#1 O1.1#1=ok k=7 ");
}
END_TEST

START_TEST(a_call_whose_intent_is_lost_never_begins)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", "T"), "I1.1#1 lost k!io ");
    ck_assert_int_eq(shop.calls, 0);
    ck_assert_int_eq(host.error.remedy, WEIR_REMEDY_STOP);
    ck_assert_ptr_nonnull(strstr(host.error.message, "the disk is gone"));
}
END_TEST

START_TEST(a_journal_that_takes_nothing_stops_the_run_before_the_call)
{
    host.append_fails_at = 1;
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", ""), "k!io ");
    ck_assert_int_eq(shop.calls, 0);
    ck_assert_int_eq(host.error.remedy, WEIR_REMEDY_STOP);
    ck_assert_ptr_nonnull(strstr(host.error.message, "the disk is full"));
}
END_TEST

START_TEST(an_outcome_that_cannot_be_written_stops_the_run)
{
    host.append_fails_at = 2;
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", "t r"), "I1.1#1 durable pay#1 k!io ");
    ck_assert_int_eq(host.error.remedy, WEIR_REMEDY_STOP);
}
END_TEST

START_TEST(a_call_that_waits_for_a_thread_longer_than_its_lease_gets_a_new_intent)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", "t +1001 r t r"),
                     "I1.1#1 durable W1.1#1 I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    ck_assert_int_eq(shop.calls, 1);
    forget_journal(0);
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", "t +1000 r"), "I1.1#1 durable pay#1 O1.1#1=ok k=7 ");
}
END_TEST

static void set_wall_clock_on(void)
{
    host.wall_ms += LEASE_MS + 1;
}

/* A machine that slept may have stopped the one clock and not the other. */
START_TEST(the_lease_is_over_when_either_clock_says_so)
{
    host.hook = set_wall_clock_on;
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 1, "7", "t ! r t r"),
                     "I1.1#1 durable W1.1#1 I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
}
END_TEST

/* ---- what comes back --------------------------------------------------------------------------------------------- */

static weir_bytes got;
static weir_error got_error;
static weir_code got_code;

static weir_code note_result(weir_run *run, const weir_event *event)
{
    weir_future *future = start_call(run, &shop, kind, attempts);

    (void)event;
    got = weir__bytes("unset", 5);
    got_code = weir_wait_all(run, &future, 1, &got_error);
    if (got_code == WEIR_CANCELED)
        return got_code;
    ck_assert_int_eq(weir_future_result(future, &got, &got_error), got_code);
    trace("size%zu%s", got.size, got.data ? "" : "-absent");
    return WEIR_OK;
}

static void assert_error(weir_code code, const char *message)
{
    ck_assert_int_eq(got_code, code);
    ck_assert_int_eq(got_error.code, code);
    ck_assert_str_eq(got_error.message, message);
}

static const char *note(weir_call_kind as, int at_most, const char *answers, const char *script)
{
    body = note_result;
    kind = as;
    attempts = at_most;
    shop.answers = answers;
    return live(host_options(), one_key, script);
}

START_TEST(an_empty_result_is_a_result)
{
    ck_assert_str_eq(note(WEIR_CALL_ONCE, 1, "=", ""), "I1.1#1 durable pay#1 O1.1#1=ok size0 ");
    ck_assert_str_eq(live_again(""), "size0 ");
    ck_assert_int_eq(got_code, WEIR_OK);
    forget_journal(0);
    ck_assert_str_eq(note(WEIR_CALL_PURE, 1, "null", ""), "pay#1 O1.1#1=ok size4 ");
    ck_assert_str_eq(live_again(""), "size4 ");
}
END_TEST

START_TEST(an_error_comes_back_as_it_was_recorded)
{
    ck_assert_str_eq(note(WEIR_CALL_ONCE, 3, "failed", ""), "I1.1#1 durable pay#1 O1.1#1=failed size5 ");
    assert_error(WEIR_FAILED, "call 'pay': card expired");
    memset(&got_error, 0, sizeof got_error);
    ck_assert_str_eq(live_again(""), "size5 ");
    assert_error(WEIR_FAILED, "call 'pay': card expired");
    forget_journal(0);
    (void)note(WEIR_CALL_ONCE, 1, "refused", "");
    assert_error(WEIR_NOT_DONE, "call 'pay': connection refused");
    ck_assert_str_eq(got_error.origin, "errno");
    ck_assert_int_eq(got_error.origin_code, 111);
    ck_assert_int_eq(got_error.remedy, WEIR_REMEDY_RETRY);
    memset(&got_error, 0, sizeof got_error);
    (void)live_again("");
    assert_error(WEIR_NOT_DONE, "call 'pay': connection refused");
    ck_assert_int_eq(got_error.origin_code, 111);
    ck_assert_int_eq(got_error.remedy, WEIR_REMEDY_RETRY);
}
END_TEST

START_TEST(an_error_without_a_word_of_why_still_names_the_call)
{
    ck_assert_str_eq(note(WEIR_CALL_PURE, 1, "odd", ""), "pay#1 O1.1#1=io size5 ");
    assert_error(WEIR_IO, "call 'pay': io");
}
END_TEST

START_TEST(a_result_that_does_not_fit_is_final)
{
    weir_engine_options options = host_options();

    options.result_bytes = 999;
    body = note_result;
    kind = WEIR_CALL_ONCE;
    attempts = 5;
    shop.answers = "long";
    ck_assert_str_eq(live(options, one_key, ""), "I1.1#1 durable pay#1 O1.1#1=limit size5 ");
    assert_error(WEIR_LIMIT,
                 "call 'pay': the call was made, but its result does not fit: calls.result-bytes allows 999");
    ck_assert_str_eq(live(options, one_key, ""), "size5 ");
    ck_assert_int_eq(shop.calls, 1);
    forget_journal(0);
    options.result_bytes = 1000;
    ck_assert_str_eq(live(options, one_key, ""), "I1.1#1 durable pay#1 O1.1#1=ok size1000 ");
}
END_TEST

/* ---- once more --------------------------------------------------------------------------------------------------- */

START_TEST(what_was_surely_not_done_is_done_again)
{
    static const weir_call_kind kinds[] = { WEIR_CALL_IDEMPOTENT, WEIR_CALL_CHECKED, WEIR_CALL_ONCE };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        forget_journal(0);
        shop.calls = 0;
        ck_assert_str_eq(pay_as(kinds[i], 3, "refused refused 7", ""),
                         "I1.1#1 durable pay#1 O1.1#1~not done I1.1#2 durable pay#2 O1.1#2~not done "
                         "I1.1#3 durable pay#3 O1.1#3=ok k=7 ");
    }
    forget_journal(0);
    shop.calls = 0;
    ck_assert_str_eq(pay_as(WEIR_CALL_PURE, 3, "refused refused 7", ""), "pay#1 pay#2 pay#3 O1.1#3=ok k=7 ");
}
END_TEST

START_TEST(the_last_error_is_final)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 2, "refused", ""),
                     "I1.1#1 durable pay#1 O1.1#1~not done I1.1#2 durable pay#2 O1.1#2=not done k!not done ");
    ck_assert_str_eq(live_again(""), "k!not done ");
    ck_assert_str_eq(host.error.message, "action 'a.x': call 'pay': connection refused");
    ck_assert_int_eq(shop.calls, 2);
}
END_TEST

START_TEST(only_what_may_be_repeated_is_repeated_after_doubt)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_PURE, 2, "unknown 7", ""), "pay#1 pay#2 O1.1#2=ok k=7 ");
    forget_journal(0);
    shop.calls = 0;
    ck_assert_str_eq(pay_as(WEIR_CALL_IDEMPOTENT, 2, "unknown 7", ""),
                     "I1.1#1 durable pay#1 O1.1#1~unknown I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    forget_journal(0);
    shop.calls = 0;
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, 2, "unknown 7", ""), "I1.1#1 durable pay#1 P1.1#1:doubt parked ");
    ck_assert_int_eq(shop.calls, 1);
}
END_TEST

START_TEST(the_jobs_own_word_of_failure_is_never_questioned)
{
    for (int i = WEIR_CALL_PURE; i <= WEIR_CALL_ONCE; i++) {
        forget_journal(0);
        shop.calls = 0;
        (void)pay_as((weir_call_kind)i, 5, "failed 7", "");
        ck_assert_int_eq(shop.calls, 1);
        ck_assert_int_eq(host.error.code, WEIR_FAILED);
    }
}
END_TEST

static int64_t pauses[16];
static size_t pause_count;

static void note_pause(void)
{
    ck_assert_uint_lt(pause_count, 16);
    pauses[pause_count++] = weir__engine_timeout_ms(host.engine);
}

/* Twice as long each time, up to the limit, and each between a half and the whole of it. */
START_TEST(the_pauses_grow_up_to_their_limit_and_are_not_all_alike)
{
    static const int64_t most[] = { 100, 200, 400, 800, 1000, 1000 };
    size_t halves = 0, wholes = 0;

    host.hook = note_pause;
    host.max_backoff_ms = 1000;
    for (int life = 0; life < 10; life++) {
        pause_count = 0;
        shop.calls = 0;
        forget_journal(0);
        pass_time(12345);
        (void)pay_as(WEIR_CALL_ONCE, 7, "refused refused refused refused refused refused 7",
                     "t r ! n t r ! n t r ! n t r ! n t r ! n t r ! n");
        ck_assert_uint_eq(pause_count, 6);
        for (size_t i = 0; i < pause_count; i++) {
            ck_assert_int_ge(pauses[i], most[i] / 2);
            ck_assert_int_le(pauses[i], most[i]);
            halves += pauses[i] < most[i] * 3 / 4;
            wholes += pauses[i] >= most[i] * 3 / 4;
        }
    }
    ck_assert_uint_gt(halves, 10);
    ck_assert_uint_gt(wholes, 10);
}
END_TEST

/* ---- time -------------------------------------------------------------------------------------------------------- */

START_TEST(a_call_that_may_be_repeated_is_when_no_answer_comes)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_IDEMPOTENT, 2, "hang 7", "t h n n t r"),
                     "I1.1#1 durable pay#1 O1.1#1~unknown I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    forget_journal(0);
    shop.calls = 0;
    ck_assert_str_eq(pay_as(WEIR_CALL_PURE, 2, "hang 7", "h n n r"), "pay#1 pay#2 O1.1#2=ok k=7 ");
    forget_journal(0);
    shop.calls = 0;
    ck_assert_str_eq(pay_as(WEIR_CALL_IDEMPOTENT, 1, "hang", "t h n"),
                     "I1.1#1 durable pay#1 O1.1#1=unknown k!unknown ");
    ck_assert_str_eq(host.error.message, "action 'a.x': call 'pay': no answer within 500 ms");
}
END_TEST

START_TEST(what_an_abandoned_attempt_says_later_is_not_heard)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_IDEMPOTENT, 2, "hang 7", "t h n n f t r"),
                     "I1.1#1 durable pay#1 O1.1#1~unknown I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
}
END_TEST

START_TEST(time_counts_from_when_a_call_has_a_thread)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_PURE, 1, "7", "+499 +2 +499 +5000 r"), "pay#1 O1.1#1=ok k=7 ");
}
END_TEST

/* ---- the key ----------------------------------------------------------------------------------------------------- */

static char seen[8][WEIR__UUID_TEXT];
static size_t seen_count;

static weir_code note_key(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    service *at = arg;

    (void)args;
    ck_assert_int_eq(attempt->deadline_ms, host.now_ms + TIMEOUT_MS);
    (void)snprintf(seen[seen_count++], sizeof seen[0], "%s", attempt->idempotency_key);
    return answer(at, result, err);
}

static weir_code call_twice(weir_run *run, const weir_event *event)
{
    weir_call_options options = call_options(&shop, 2);
    weir_bytes result;

    (void)event;
    for (int i = 0; i < 2; i++) {
        if (weir_call(run, "pay", WEIR_CALL_IDEMPOTENT, note_key, &shop, weir__bytes_text("same"), &options, &result,
                      NULL) == WEIR_CANCELED)
            return WEIR_CANCELED;
    }
    return WEIR_OK;
}

START_TEST(the_key_is_the_same_at_each_attempt_and_after_a_restart_and_differs_elsewhere)
{
    static const char *const two_keys[] = { "k", "k", NULL };

    body = call_twice;
    shop.answers = "refused 1 1 1 1 1";
    (void)live(host_options(), two_keys, "");
    ck_assert_uint_eq(seen_count, 5);
    ck_assert_str_eq(seen[0], seen[1]);       /* attempts 1 and 2 of the first call */
    ck_assert_str_ne(seen[1], seen[2]);       /* the second call of the run, with the same arguments */
    ck_assert_str_ne(seen[1], seen[3]);       /* the first call of another run, of the same key */
    ck_assert_str_ne(seen[2], seen[4]);
    ck_assert_str_ne(seen[3], seen[4]);
    forget_journal(1); /* a kill after the first intent */
    (void)live(host_options(), one_key, "");
    ck_assert_str_eq(seen[5], seen[0]);
    ck_assert_uint_eq(strlen(seen[0]), 36);
}
END_TEST

/* ---- without a journal ------------------------------------------------------------------------------------------- */

static const char *pay_in_memory(weir_call_kind as, bool needs_journal, const char *answers, const char *script)
{
    weir_engine_options options = host_options();

    options.port = &port_in_memory;
    options.needs_journal = needs_journal;
    options.keep_results = false;
    body = pay;
    kind = as;
    attempts = 2;
    shop.answers = answers;
    shop.calls = 0;
    return live(options, one_key, script);
}

START_TEST(without_a_journal_what_cannot_be_repeated_is_refused)
{
    ck_assert_str_eq(pay_in_memory(WEIR_CALL_ONCE, true, "7", ""), "k!config ");
    ck_assert_str_eq(host.error.message,
                     "action 'a.x': call 'pay' is ONCE, and there is no durable journal; give a state folder "
                     "(--state-dir), or set action-state.required=false to make it without a record");
    ck_assert_str_eq(pay_in_memory(WEIR_CALL_CHECKED, true, "7", ""), "k!config ");
    ck_assert_ptr_nonnull(strstr(host.error.message, "call 'pay' is CHECKED, and there is no durable journal"));
    ck_assert_int_eq(shop.calls, 0);
    ck_assert_str_eq(pay_in_memory(WEIR_CALL_PURE, true, "7", ""), "pay#1 k=7 ");
    ck_assert_str_eq(pay_in_memory(WEIR_CALL_IDEMPOTENT, true, "7", ""), "pay#1 k=7 ");
}
END_TEST

START_TEST(without_a_journal_it_is_made_where_none_is_required)
{
    shop.verdict = "unknown";
    ck_assert_str_eq(pay_in_memory(WEIR_CALL_ONCE, false, "7", ""), "pay#1 k=7 ");
    ck_assert_str_eq(pay_in_memory(WEIR_CALL_CHECKED, false, "refused 7", ""), "pay#1 pay#2 k=7 ");
    ck_assert_str_eq(pay_in_memory(WEIR_CALL_ONCE, false, "unknown", ""), "pay#1 k!unknown ");
    ck_assert_str_eq(pay_in_memory(WEIR_CALL_CHECKED, false, "unknown", ""), "pay#1 ask:pay#1 ask:pay#1 k!unknown ");
}
END_TEST

/* ---- misuse ------------------------------------------------------------------------------------------------------ */

static weir_future *foreign;

typedef struct misuse {
    const char *name;
    int kind;
    bool has_function, has_reconciler;
    int attempts;
    int64_t timeout_ms, first_backoff_ms, max_backoff_ms;
    const char *why;
} misuse;

static const misuse *misused;

static weir_code misuse_call(weir_run *run, const weir_event *event)
{
    weir_call_options options = { sizeof options, misused->attempts, misused->timeout_ms, misused->first_backoff_ms,
                                  misused->max_backoff_ms, misused->has_reconciler ? reconcile : NULL, &shop };

    (void)event;
    ck_assert_ptr_null(weir_call_start(run, misused->name, (weir_call_kind)misused->kind,
                                       misused->has_function ? serve : NULL, &shop, weir__bytes("", 0), &options));
    return WEIR_OK; /* the run fails all the same */
}

START_TEST(a_call_that_makes_no_sense_is_refused_and_fails_its_run)
{
    static const misuse cases[] = {
        { "pay", 1, false, true, 1, 1, 0, 0, "action 'a.x': call 'pay': its function is NULL" },
        { NULL, 1, true, true, 1, 1, 0, 0, "action 'a.x': call '': it has no name" },
        { "", 1, true, true, 1, 1, 0, 0, "action 'a.x': call '': it has no name" },
        { "\xff", 1, true, true, 1, 1, 0, 0, "its name is not UTF-8" },
        { "pay", -1, true, true, 1, 1, 0, 0, "its kind is none of weir_call_kind" },
        { "pay", 4, true, true, 1, 1, 0, 0, "its kind is none of weir_call_kind" },
        { "pay", 2, true, false, 1, 1, 0, 0, "it is CHECKED, but options.reconcile is NULL" },
        { "pay", 0, true, true, 0, 1, 0, 0, "max_attempts is below 1" },
        { "pay", 0, true, true, 1, 0, 0, 0, "timeout_ms is not in 1..604800000 (a week)" },
        { "pay", 0, true, true, 1, 604800001, 0, 0, "timeout_ms is not in 1..604800000 (a week)" },
        { "pay", 0, true, true, 1, 1, -1, 0, "a back-off is not in 0..604800000 (a week)" },
        { "pay", 0, true, true, 1, 1, 0, -1, "a back-off is not in 0..604800000 (a week)" },
        { "pay", 0, true, true, 1, 1, 604800001, 0, "a back-off is not in 0..604800000 (a week)" },
        { "pay", 0, true, true, 1, 1, 0, 604800001, "a back-off is not in 0..604800000 (a week)" },
    };

    body = misuse_call;
    for (misused = cases; misused < cases + sizeof cases / sizeof *cases; misused++) {
        ck_assert_str_eq(live(host_options(), one_key, ""), "k!invalid ");
        ck_assert_msg(strstr(host.error.message, misused->why) != NULL, "%s", host.error.message);
    }
    ck_assert_int_eq(shop.calls, 0);
}
END_TEST

static weir_code misuse_waits(weir_run *run, const weir_event *event)
{
    weir_future *future;
    weir_error err;
    size_t which;

    if (weir_event_int(event, "/input", 0) == 0) {
        foreign = start_call(run, &shop, WEIR_CALL_PURE, 1);
        return WEIR_OK;
    }
    future = start_call(run, &shop, WEIR_CALL_PURE, 1);
    ck_assert_int_eq(weir_future_result(future, NULL, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "call 'pay' has not ended; wait for it first");
    ck_assert_int_eq(weir_future_result(NULL, NULL, &err), WEIR_INVALID);
    ck_assert_int_eq(weir_wait_all(run, &future, 0, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "a wait for no call at all");
    ck_assert_int_eq(weir_wait_any(run, NULL, 1, &which, &err), WEIR_INVALID);
    ck_assert_int_eq(weir_wait_all(run, &foreign, 1, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "future 0 is of another run");
    ck_assert_int_eq(weir_wait_any(run, (weir_future *[]){ future, NULL }, 2, &which, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "future 1 is NULL; did weir_call_start() fail?");
    ck_assert_int_eq(weir_wait_all(run, &future, 1, NULL), WEIR_OK);
    return weir_output(run, json_true());
}

START_TEST(a_wait_that_makes_no_sense_is_refused_and_nothing_else_happens)
{
    static const char *const two_keys[] = { "k", "l", NULL };

    body = misuse_waits;
    ck_assert_str_eq(live(host_options(), two_keys, "l r"), "pay#1 O1.1#1=ok l=true pay#1 O1.1#1=ok ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/call");
    TCase *begins = tcase_create("begins"), *results = tcase_create("results"), *again = tcase_create("again"),
          *time = tcase_create("time"), *memory = tcase_create("in memory"), *refused = tcase_create("refused");

    tcase_add_checked_fixture(begins, set_up, host_tear_down);
    tcase_add_test(begins, a_replay_takes_what_is_recorded_and_makes_no_call);
    tcase_add_test(begins, a_call_does_not_begin_before_its_intent_is_durable);
    tcase_add_test(begins, a_pure_call_needs_no_intent);
    tcase_add_test(begins, a_call_whose_intent_is_lost_never_begins);
    tcase_add_test(begins, a_journal_that_takes_nothing_stops_the_run_before_the_call);
    tcase_add_test(begins, an_outcome_that_cannot_be_written_stops_the_run);
    tcase_add_test(begins, a_call_that_waits_for_a_thread_longer_than_its_lease_gets_a_new_intent);
    tcase_add_test(begins, the_lease_is_over_when_either_clock_says_so);
    suite_add_tcase(suite, begins);
    tcase_add_checked_fixture(results, set_up, host_tear_down);
    tcase_add_test(results, an_empty_result_is_a_result);
    tcase_add_test(results, an_error_comes_back_as_it_was_recorded);
    tcase_add_test(results, an_error_without_a_word_of_why_still_names_the_call);
    tcase_add_test(results, a_result_that_does_not_fit_is_final);
    suite_add_tcase(suite, results);
    tcase_add_checked_fixture(again, set_up, host_tear_down);
    tcase_add_test(again, what_was_surely_not_done_is_done_again);
    tcase_add_test(again, the_last_error_is_final);
    tcase_add_test(again, only_what_may_be_repeated_is_repeated_after_doubt);
    tcase_add_test(again, the_jobs_own_word_of_failure_is_never_questioned);
    tcase_add_test(again, the_pauses_grow_up_to_their_limit_and_are_not_all_alike);
    tcase_add_test(again, the_key_is_the_same_at_each_attempt_and_after_a_restart_and_differs_elsewhere);
    suite_add_tcase(suite, again);
    tcase_add_checked_fixture(time, set_up, host_tear_down);
    tcase_add_test(time, a_call_that_may_be_repeated_is_when_no_answer_comes);
    tcase_add_test(time, what_an_abandoned_attempt_says_later_is_not_heard);
    tcase_add_test(time, time_counts_from_when_a_call_has_a_thread);
    suite_add_tcase(suite, time);
    tcase_add_checked_fixture(memory, set_up, host_tear_down);
    tcase_add_test(memory, without_a_journal_what_cannot_be_repeated_is_refused);
    tcase_add_test(memory, without_a_journal_it_is_made_where_none_is_required);
    suite_add_tcase(suite, memory);
    tcase_add_checked_fixture(refused, set_up, host_tear_down);
    tcase_add_test(refused, a_call_that_makes_no_sense_is_refused_and_fails_its_run);
    tcase_add_test(refused, a_wait_that_makes_no_sense_is_refused_and_nothing_else_happens);
    suite_add_tcase(suite, refused);
    return weir__suite_run(suite);
}
