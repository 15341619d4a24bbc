/* SPDX-License-Identifier: Apache-2.0 */
/* A call that may have been made: what is waited for, who is asked, who decides, and what a late answer does. */
#include "call_host.h"

static service shop;
static weir_call_kind kind;
static int attempts;

static weir_code pay(weir_run *run, const weir_event *event)
{
    (void)event;
    return output_call(run, &shop, kind, attempts);
}

static void set_up(void)
{
    host_set_up();
    shop = (service){ .name = "pay", .answers = "7", .verdict = "unknown" };
    body = pay;
    attempts = 1;
}

static const char *pay_as(weir_call_kind as, const char *answers, const char *script)
{
    kind = as;
    shop.answers = answers;
    return live(host_options(), one_key, script);
}

static const char *live_again(const char *script)
{
    return live(host_options(), one_key, script);
}

/* ---- decisions --------------------------------------------------------------------------------------------------- */

static weir_entry decision;
static weir_code decided;
static weir_error decision_error;
static bool is_known;

static void decision_known(weir_ticket *ticket, const weir_error *err)
{
    (void)ticket;
    ck_assert_ptr_null(err);
    is_known = true;
}

static weir_ticket decision_ticket = { NULL, decision_known };

static void decide(void)
{
    decided = weir__engine_decide(weir__engine_oldest(host.engine), &decision, &decision_ticket,
                                  &decision_error);
}

static void will_decide(weir_decision what, uint32_t attempt, const char *result)
{
    decision = (weir_entry){ .kind = WEIR__ENTRY_RESOLUTION, .attempt = attempt, .decision = what, .id = "test" };
    if (result)
        decision.result = weir__bytes_text(result);
    host.hook = decide;
    is_known = false;
}

static void assert_refused(const char *message)
{
    ck_assert_int_eq(decided, WEIR_INVALID);
    ck_assert_str_eq(decision_error.message, message);
    ck_assert(!is_known);
}

/* ---- ONCE -------------------------------------------------------------------------------------------------------- */

START_TEST(a_call_without_an_answer_is_parked_only_after_its_deadline_and_margin)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang", "t h +499 +1 +99 "), "I1.1#1 durable pay#1 P1.1#1:doubt parked ");
    forget_journal(0);
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang", "t h +499 +1 +99 s"), "I1.1#1 durable pay#1 ");
    forget_journal(0);
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang", "t h +499 +1 +99 +1 s"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked ");
}
END_TEST

START_TEST(an_answer_that_comes_in_doubt_is_the_outcome)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang", "t h +500 f"),
                     "I1.1#1 durable pay#1 O1.1#1=ok k=\"late\" ");
}
END_TEST

START_TEST(a_late_outcome_lets_a_parked_run_go_on)
{
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang", "t h +500 +100 f"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked O1.1#1=ok goes-on k=\"late\" ");
    ck_assert_int_eq(shop.calls, 1);
    ck_assert_uint_eq(weir__engine_counts(host.engine).parked, 0);
    ck_assert_str_eq(live_again(""), "k=\"late\" ");
}
END_TEST

START_TEST(a_decision_gives_a_parked_call_its_result)
{
    will_decide(WEIR__DECISION_RESULT, 1, "42");
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "unknown", "t r n !"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked D1.1#1:result goes-on k=42 ");
    ck_assert_int_eq(decided, WEIR_OK);
    ck_assert_int_eq(shop.calls, 1);
    ck_assert_str_eq(live_again(""), "k=42 ");
    ck_assert_int_eq(shop.calls, 1);
}
END_TEST

START_TEST(a_decision_makes_a_parked_call_again)
{
    will_decide(WEIR__DECISION_RETRY, 1, NULL);
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "unknown 7", "t r n ! t r"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked D1.1#1:retry goes-on I1.1#2 durable pay#2 "
                     "O1.1#2=ok k=7 ");
    ck_assert(is_known);
}
END_TEST

START_TEST(a_decision_fails_a_parked_call)
{
    will_decide(WEIR__DECISION_FAIL, 1, NULL);
    (void)pay_as(WEIR_CALL_ONCE, "unknown", "t r n !");
    ck_assert_int_eq(host.error.code, WEIR_FAILED);
    ck_assert_str_eq(host.error.message, "action 'a.x': call 'pay' was resolved as failed");
    ck_assert_str_eq(live_again(""), "k!failed ");
    ck_assert_int_eq(shop.calls, 1);
}
END_TEST

START_TEST(a_decision_for_another_attempt_is_refused)
{
    will_decide(WEIR__DECISION_RESULT, 2, "42");
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "unknown", "t r n !"), "I1.1#1 durable pay#1 P1.1#1:doubt parked ");
    assert_refused("run test/0 is parked on attempt 1, not 2; `parked` shows what it is about");
}
END_TEST

static void decide_twice(void)
{
    decide();
    ck_assert_int_eq(decided, WEIR_OK);
    is_known = false;
    decide();
}

START_TEST(a_decision_that_is_given_twice_counts_once)
{
    will_decide(WEIR__DECISION_RETRY, 1, NULL);
    host.hook = decide_twice;
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "unknown 7", "t r n ! s"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked D1.1#1:retry goes-on I1.1#2 ");
    assert_refused("run test/0 is not parked");
}
END_TEST

START_TEST(a_retry_before_the_deadline_needs_force)
{
    will_decide(WEIR__DECISION_RETRY, 1, NULL);
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang 7", "t h +500 ! s"), "I1.1#1 durable pay#1 ");
    assert_refused("the call of run test/0 may still be under way; wait until the run is parked, or add --force");
    forget_journal(0);
    shop.calls = 0;
    decision.is_forced = true;
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang 7", "t h +500 ! t r"),
                     "I1.1#1 durable pay#1 D1.1#1:retry I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    ck_assert_int_eq(decided, WEIR_OK);
}
END_TEST

START_TEST(a_result_may_be_decided_before_the_deadline)
{
    will_decide(WEIR__DECISION_RESULT, 1, "42");
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang", "t h +500 !"), "I1.1#1 durable pay#1 D1.1#1:result k=42 ");
}
END_TEST

START_TEST(a_run_that_is_not_in_doubt_takes_no_decision)
{
    will_decide(WEIR__DECISION_FAIL, 1, NULL);
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang", "t h ! f"), "I1.1#1 durable pay#1 O1.1#1=ok k=\"late\" ");
    assert_refused("run test/0 is not parked");
}
END_TEST

/* The decision stands; what the call says is written down, and used by nobody. */
START_TEST(an_outcome_after_a_decision_is_recorded_and_not_used)
{
    will_decide(WEIR__DECISION_RESULT, 1, "42");
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang", "t h +500 +100 ! f"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked D1.1#1:result goes-on k=42 ");
    ck_assert_str_eq(live_again(""), "k=42 ");
    forget_journal(0);
    shop.calls = 0;
    will_decide(WEIR__DECISION_RETRY, 1, NULL);
    ck_assert_str_eq(pay_as(WEIR_CALL_ONCE, "hang 7", "t h +500 +100 ! f t r"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked D1.1#1:retry goes-on I1.1#2 O1.1#1=ok durable pay#2 "
                     "O1.1#2=ok k=7 ");
    ck_assert_str_eq(live_again(""), "k=7 ");
}
END_TEST

/* ---- after a restart --------------------------------------------------------------------------------------------- */

START_TEST(an_intent_of_the_life_before_is_doubt_for_its_whole_time)
{
    (void)pay_as(WEIR_CALL_ONCE, "7", "t s"); /* a kill: the intent is durable, and nothing else is known */
    forget_journal(1);
    ck_assert_str_eq(live_again("+1499 +100 s"), "");
    ck_assert_str_eq(live_again("+1500 +99 s"), "");
    ck_assert_str_eq(live_again("+1500 +100 s"), "P1.1#1:doubt parked ");
    ck_assert_int_eq(shop.calls, 0);
    /* Parked it stays, without another wait or another word. */
    ck_assert_str_eq(live_again("s"), "parked ");
    will_decide(WEIR__DECISION_RETRY, 1, NULL);
    ck_assert_str_eq(live_again("! t r"), "parked D1.1#1:retry goes-on I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
}
END_TEST

START_TEST(what_may_be_repeated_is_repeated_at_once)
{
    (void)pay_as(WEIR_CALL_IDEMPOTENT, "7", "t s");
    forget_journal(1);
    ck_assert_str_eq(live_again("t r"), "I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
}
END_TEST

START_TEST(a_decision_of_the_life_before_stands)
{
    will_decide(WEIR__DECISION_RETRY, 1, NULL);
    (void)pay_as(WEIR_CALL_ONCE, "unknown 7", "t r n ! s");
    forget_journal(3); /* a kill right after the decision */
    ck_assert_str_eq(live_again(""), "I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
}
END_TEST

/* ---- CHECKED ----------------------------------------------------------------------------------------------------- */

static const char *check(const char *answers, const char *verdict, const char *script)
{
    forget_journal(0);
    shop.calls = 0;
    shop.verdict = verdict;
    shop.questions = 0;
    return pay_as(WEIR_CALL_CHECKED, answers, script);
}

START_TEST(the_reconciler_is_asked_after_deadline_and_margin_and_its_word_is_followed)
{
    ck_assert_str_eq(check("hang", "done", "t h +500 +99 s"), "I1.1#1 durable pay#1 ");
    ck_assert_str_eq(check("hang", "done", "t h +500 +100 r"),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1=ok k=\"found\" ");
    ck_assert_str_eq(live_again(""), "k=\"found\" ");
    ck_assert_str_eq(check("unknown", "unknown", ""), "I1.1#1 durable pay#1 ask:pay#1 P1.1#1:unknown parked ");
    ck_assert_str_eq(check("unknown", "odd", ""), "I1.1#1 durable pay#1 ask:pay#1 P1.1#1:unknown parked ");
}
END_TEST

START_TEST(what_the_reconciler_says_was_not_made_is_made_again_as_often_as_allowed)
{
    attempts = 2;
    ck_assert_str_eq(check("unknown 7", "not-done", ""),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1~not done I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    attempts = 1;
    ck_assert_str_eq(check("unknown 7", "not-done", ""),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1=not done k!not done ");
    ck_assert_str_eq(host.error.message, "action 'a.x': call 'pay' was not made, says its reconciler");
}
END_TEST

/* A crash is not the call's fault: the attempt that it cut off does not count. */
START_TEST(after_a_restart_an_attempt_that_was_not_made_does_not_count)
{
    (void)check("7", "not-done", "t s");
    forget_journal(1);
    attempts = 1;
    ck_assert_str_eq(live_again(""), "ask:pay#1 O1.1#1~not done I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
}
END_TEST

START_TEST(a_reconciler_that_hangs_is_as_one_that_does_not_know)
{
    ck_assert_str_eq(check("unknown", "hang", "t r +600 h +499 +1 f"),
                     "I1.1#1 durable pay#1 ask:pay#1 P1.1#1:unknown parked ");
}
END_TEST

START_TEST(a_reconciler_that_does_not_know_is_asked_as_often_as_attempts_are_allowed)
{
    attempts = 3;
    ck_assert_str_eq(check("unknown", "unknown odd done", ""),
                     "I1.1#1 durable pay#1 ask:pay#1 ask:pay#1 ask:pay#1 O1.1#1=ok k=\"found\" ");
    ck_assert_str_eq(check("unknown", "unknown", ""),
                     "I1.1#1 durable pay#1 ask:pay#1 ask:pay#1 ask:pay#1 P1.1#1:unknown parked ");
    /* Each attempt has its own questions. */
    ck_assert_str_eq(check("unknown", "unknown unknown not-done unknown unknown done", ""),
                     "I1.1#1 durable pay#1 ask:pay#1 ask:pay#1 ask:pay#1 O1.1#1~not done I1.1#2 durable pay#2 "
                     "ask:pay#2 ask:pay#2 ask:pay#2 O1.1#2=ok k=\"found\" ");
}
END_TEST

START_TEST(it_is_asked_again_after_the_pause_of_an_attempt_that_failed)
{
    attempts = 2;
    host.max_backoff_ms = 100;
    ck_assert_str_eq(check("unknown", "unknown done", "t r +600 r +49 s"), "I1.1#1 durable pay#1 ask:pay#1 ");
    ck_assert_str_eq(check("unknown", "unknown done", "t r +600 r +100 r"),
                     "I1.1#1 durable pay#1 ask:pay#1 ask:pay#1 O1.1#1=ok k=\"found\" ");
}
END_TEST

START_TEST(one_that_hangs_is_asked_again_and_its_late_word_is_not_heard)
{
    attempts = 2;
    ck_assert_str_eq(check("unknown", "hang unknown", "t r +600 h +499 +1 +100 r f"),
                     "I1.1#1 durable pay#1 ask:pay#1 ask:pay#1 P1.1#1:unknown parked ");
}
END_TEST

START_TEST(a_reconciler_that_waits_for_a_thread_has_not_been_asked_yet)
{
    ck_assert_str_eq(check("unknown", "done", "t r +600 +499 +1 +5000 r"),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1=ok k=\"found\" ");
}
END_TEST

START_TEST(an_answer_of_the_call_itself_while_the_reconciler_is_asked_counts)
{
    ck_assert_str_eq(check("hang", "not-done", "t h +500 +100 f r"), "I1.1#1 durable pay#1 O1.1#1=ok k=\"late\" ");
}
END_TEST

START_TEST(a_found_result_that_does_not_fit_is_final)
{
    weir_engine_options options = host_options();

    options.result_bytes = 999;
    shop.verdict = "long";
    shop.answers = "unknown";
    kind = WEIR_CALL_CHECKED;
    ck_assert_str_eq(live(options, one_key, ""), "I1.1#1 durable pay#1 ask:pay#1 O1.1#1=limit k!limit ");
    ck_assert_str_eq(host.error.message, "action 'a.x': call 'pay' was made, but its result does not fit: "
                                         "calls.result-bytes allows 999");
}
END_TEST

/* ---- policies ---------------------------------------------------------------------------------------------------- */

static const char *pay_by(weir_in_doubt policy, int64_t after_ms, const char *answers, const char *script)
{
    weir_engine_options options = host_options();

    options.in_doubt = policy;
    options.in_doubt_after_ms = after_ms;
    shop.answers = answers;
    return live(options, one_key, script);
}

START_TEST(the_policy_fail_fails_a_call_in_doubt)
{
    kind = WEIR_CALL_ONCE;
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_FAIL, 0, "hang", "t h +500 +99 s"), "I1.1#1 durable pay#1 ");
    forget_journal(0);
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_FAIL, 0, "hang", "t h +500 +100"),
                     "I1.1#1 durable pay#1 O1.1#1=unknown k!unknown ");
    ck_assert_str_eq(host.error.message,
                     "action 'a.x': call 'pay' may or may not have been made, attempt 1; calls.in-doubt says fail");
}
END_TEST

START_TEST(the_policy_retry_makes_it_again)
{
    kind = WEIR_CALL_ONCE;
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_RETRY, 0, "unknown 7", ""),
                     "I1.1#1 durable pay#1 I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    ck_assert_str_eq(live_again(""), "k=7 ");
}
END_TEST

START_TEST(policies_act_only_after_their_own_time)
{
    kind = WEIR_CALL_ONCE;
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_FAIL, 3000, "unknown", "t r +600 +2999 s"), "I1.1#1 durable pay#1 ");
    forget_journal(0);
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_FAIL, 3000, "unknown", "t r +600 +3000"),
                     "I1.1#1 durable pay#1 O1.1#1=unknown k!unknown ");
    forget_journal(0);
    shop.calls = 0;
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_RETRY, 3000, "unknown 7", "t r +600 +3000 t r"),
                     "I1.1#1 durable pay#1 I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    forget_journal(0);
    shop.calls = 0;
    kind = WEIR_CALL_CHECKED;
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_FAIL, 3000, "unknown", "t r +600 r +3000"),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1=unknown k!unknown ");
}
END_TEST

/* A run is parked; then somebody sets another policy, and starts again. */
START_TEST(a_policy_that_comes_with_a_new_start_counts_for_what_was_parked)
{
    (void)pay_as(WEIR_CALL_ONCE, "unknown 7", "");
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_RETRY, 3000, "unknown 7", "+2999 +1 t r"),
                     "I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    forget_journal(0);
    shop.calls = 0;
    (void)pay_as(WEIR_CALL_ONCE, "unknown 7", "");
    ck_assert_str_eq(pay_by(WEIR__IN_DOUBT_FAIL, 0, "unknown 7", ""), "O1.1#1=unknown k!unknown ");
}
END_TEST

/* A late word that nothing was done is the attempt's end as if it had come in time. */
static weir_code refuse_late(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                             weir_error *err)
{
    (void)args;
    trace("pay#%d", attempt->number);
    if (attempt->number > 1)
        return weir_buffer_append(result, "7", 1);
    shop.answers = "hang";
    (void)answer(arg, result, err);
    return weir__fail(err, WEIR_NOT_DONE, WEIR_REMEDY_RETRY, "refused at last");
}

static weir_code pay_refused_late(weir_run *run, const weir_event *event)
{
    weir_call_options options = call_options(&shop, attempts);
    weir_bytes result;
    weir_error err;
    weir_code rc = weir_call(run, "pay", kind, refuse_late, &shop, weir__bytes_text("args"), &options, &result, &err);

    (void)event;
    if (rc != WEIR_OK)
        return rc == WEIR_CANCELED ? rc : weir_fail(run, rc, "%s", err.message);
    return weir_output_bytes(run, result);
}

START_TEST(a_late_word_that_nothing_was_done_counts_as_an_attempt)
{
    body = pay_refused_late;
    kind = WEIR_CALL_ONCE;
    attempts = 2;
    ck_assert_str_eq(live(host_options(), one_key, "t h +500 +100 f"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked O1.1#1~not done goes-on I1.1#2 durable "
                     "pay#2 O1.1#2=ok k=7 ");
    forget_journal(0);
    attempts = 1;
    ck_assert_str_eq(live(host_options(), one_key, "t h +500 +100 f"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked O1.1#1=not done goes-on k!not done ");
}
END_TEST

/* ---- a log that others append to --------------------------------------------------------------------------------- */

/*
 * What was read: of a letter of `read_order` the journal's last outcome (O), or the decision on attempt 1 (D), which
 * somebody has appended while the outcome was on its way, so that it may stand before it.
 */
static const char *read_order;

static void read_outcome(weir_run *run)
{
    for (size_t i = host.journal_count; i-- > 0;) {
        weir_arena arena;
        weir_entry *entry;
        bool is_outcome;

        weir__arena_init(&arena, 1024);
        ck_assert_int_eq(weir__entry_open(weir__buffer_bytes(&host.journal[i].bytes), &arena, &entry, NULL), WEIR_OK);
        is_outcome = entry->kind == WEIR__ENTRY_OUTCOME;
        if (is_outcome)
            ck_assert_int_eq(weir__engine_learn_entry(run, entry), WEIR_OK);
        weir__arena_clear(&arena);
        if (is_outcome)
            return;
    }
    ck_abort_msg("no outcome is written");
}

static void read_log(void)
{
    weir_entry resolution = { .kind = WEIR__ENTRY_RESOLUTION, .run = "test/0", .instance = 1, .call = 1, .attempt = 1,
                              .decision = WEIR__DECISION_RESULT, .result = weir__bytes_text("42"), .id = "test" };

    for (; *read_order && *read_order != ' '; read_order++) {
        weir_run *run = weir__engine_oldest(host.engine);

        trace("read-%c", *read_order);
        ck_assert_ptr_nonnull(run);
        if (*read_order == 'O')
            read_outcome(run);
        else
            ck_assert_int_eq(weir__engine_learn_entry(run, &resolution), WEIR_OK);
    }
    read_order += *read_order == ' ';
}

static const char *live_on_log(const char *answers, const char *order, const char *script)
{
    static weir_engine_port port;
    weir_engine_options options = host_options();

    port = host_port;
    port.reads_back = true;
    options.port = &port;
    forget_journal(0);
    shop.calls = 0;
    shop.answers = answers;
    read_order = order;
    host.hook = read_log;
    return live(options, one_key, script);
}

START_TEST(a_late_outcome_counts_only_where_it_stands_in_the_log)
{
    kind = WEIR_CALL_ONCE;
    ck_assert_str_eq(live_on_log("hang", "O", "t h +500 +100 f !"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked O1.1#1=ok read-O goes-on k=\"late\" ");
    ck_assert_str_eq(live_on_log("hang", "DO", "t h +500 +100 f !"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked O1.1#1=ok read-D goes-on read-O k=42 ");
    ck_assert_str_eq(live_on_log("hang", "OD", "t h +500 +100 f !"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked O1.1#1=ok read-O goes-on read-D k=\"late\" ");
    ck_assert_int_eq(shop.calls, 1);
}
END_TEST

START_TEST(so_does_one_that_comes_in_doubt)
{
    kind = WEIR_CALL_ONCE;
    ck_assert_str_eq(live_on_log("hang", "O", "t h +500 f !"),
                     "I1.1#1 durable pay#1 O1.1#1=ok read-O k=\"late\" ");
    ck_assert_str_eq(live_on_log("hang", "DO", "t h +500 f !"),
                     "I1.1#1 durable pay#1 O1.1#1=ok read-D read-O k=42 ");
    ck_assert_str_eq(live_on_log("hang", "OD", "t h +500 f !"),
                     "I1.1#1 durable pay#1 O1.1#1=ok read-O read-D k=\"late\" ");
}
END_TEST

START_TEST(so_does_what_the_reconciler_finds)
{
    kind = WEIR_CALL_CHECKED;
    shop.verdict = "done";
    ck_assert_str_eq(live_on_log("unknown", "O", "t r n r !"),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1=ok read-O k=\"found\" ");
    ck_assert_str_eq(live_on_log("unknown", "DO", "t r n r !"),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1=ok read-D read-O k=42 ");
    shop.verdict = "not-done";
    attempts = 2;
    ck_assert_str_eq(live_on_log("unknown 7", "O", "t r n r !"),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1~not done read-O I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
    ck_assert_str_eq(live_on_log("unknown 7", "DO", "t r n r !"),
                     "I1.1#1 durable pay#1 ask:pay#1 O1.1#1~not done read-D read-O k=42 ");
}
END_TEST

/* What nobody could have decided on goes on at once, and is not taken up again when it is read. */
START_TEST(an_outcome_in_time_waits_for_no_log)
{
    kind = WEIR_CALL_ONCE;
    ck_assert_str_eq(live_on_log("7", "", "t r"), "I1.1#1 durable pay#1 O1.1#1=ok k=7 ");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/call");
    TCase *once = tcase_create("once"), *restart = tcase_create("restart"), *checked = tcase_create("checked"),
          *policies = tcase_create("policies"), *log = tcase_create("log");

    tcase_add_checked_fixture(once, set_up, host_tear_down);
    tcase_add_test(once, a_call_without_an_answer_is_parked_only_after_its_deadline_and_margin);
    tcase_add_test(once, an_answer_that_comes_in_doubt_is_the_outcome);
    tcase_add_test(once, a_late_outcome_lets_a_parked_run_go_on);
    tcase_add_test(once, a_decision_gives_a_parked_call_its_result);
    tcase_add_test(once, a_decision_makes_a_parked_call_again);
    tcase_add_test(once, a_decision_fails_a_parked_call);
    tcase_add_test(once, a_decision_for_another_attempt_is_refused);
    tcase_add_test(once, a_decision_that_is_given_twice_counts_once);
    tcase_add_test(once, a_retry_before_the_deadline_needs_force);
    tcase_add_test(once, a_result_may_be_decided_before_the_deadline);
    tcase_add_test(once, a_run_that_is_not_in_doubt_takes_no_decision);
    tcase_add_test(once, an_outcome_after_a_decision_is_recorded_and_not_used);
    tcase_add_test(once, a_late_word_that_nothing_was_done_counts_as_an_attempt);
    suite_add_tcase(suite, once);
    tcase_add_checked_fixture(restart, set_up, host_tear_down);
    tcase_add_test(restart, an_intent_of_the_life_before_is_doubt_for_its_whole_time);
    tcase_add_test(restart, what_may_be_repeated_is_repeated_at_once);
    tcase_add_test(restart, a_decision_of_the_life_before_stands);
    suite_add_tcase(suite, restart);
    tcase_add_checked_fixture(checked, set_up, host_tear_down);
    tcase_add_test(checked, the_reconciler_is_asked_after_deadline_and_margin_and_its_word_is_followed);
    tcase_add_test(checked, what_the_reconciler_says_was_not_made_is_made_again_as_often_as_allowed);
    tcase_add_test(checked, after_a_restart_an_attempt_that_was_not_made_does_not_count);
    tcase_add_test(checked, a_reconciler_that_hangs_is_as_one_that_does_not_know);
    tcase_add_test(checked, a_reconciler_that_does_not_know_is_asked_as_often_as_attempts_are_allowed);
    tcase_add_test(checked, it_is_asked_again_after_the_pause_of_an_attempt_that_failed);
    tcase_add_test(checked, one_that_hangs_is_asked_again_and_its_late_word_is_not_heard);
    tcase_add_test(checked, a_reconciler_that_waits_for_a_thread_has_not_been_asked_yet);
    tcase_add_test(checked, an_answer_of_the_call_itself_while_the_reconciler_is_asked_counts);
    tcase_add_test(checked, a_found_result_that_does_not_fit_is_final);
    suite_add_tcase(suite, checked);
    tcase_add_checked_fixture(policies, set_up, host_tear_down);
    tcase_add_test(policies, the_policy_fail_fails_a_call_in_doubt);
    tcase_add_test(policies, the_policy_retry_makes_it_again);
    tcase_add_test(policies, policies_act_only_after_their_own_time);
    tcase_add_test(policies, a_policy_that_comes_with_a_new_start_counts_for_what_was_parked);
    suite_add_tcase(suite, policies);
    tcase_add_checked_fixture(log, set_up, host_tear_down);
    tcase_add_test(log, a_late_outcome_counts_only_where_it_stands_in_the_log);
    tcase_add_test(log, so_does_one_that_comes_in_doubt);
    tcase_add_test(log, so_does_what_the_reconciler_finds);
    tcase_add_test(log, an_outcome_in_time_waits_for_no_log);
    suite_add_tcase(suite, log);
    return weir__suite_run(suite);
}
