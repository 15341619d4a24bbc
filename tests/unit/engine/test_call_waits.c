/* SPDX-License-Identifier: Apache-2.0 */
/* Several calls of a run, a journal that holds something else than what is asked for, and calls when all stops. */
#include <dirent.h>
#include <sched.h>

#include "call_host.h"

static service one, two, three;

static void set_up(void)
{
    host_set_up();
    one = (service){ .name = "one", .answers = "1", .verdict = "unknown" };
    two = (service){ .name = "two", .answers = "2", .verdict = "unknown" };
    three = (service){ .name = "three", .answers = "3", .verdict = "unknown" };
}

static const char *run_body(weir_code (*fn)(weir_run *run, const weir_event *event), const char *script)
{
    body = fn;
    return live(host_options(), one_key, script);
}

/* ---- waiting for several ----------------------------------------------------------------------------------------- */

static weir_call_kind kind = WEIR_CALL_ONCE;

static weir_code output_result(weir_run *run, const weir_future *future)
{
    weir_bytes result;
    weir_error err;
    weir_code rc = weir_future_result(future, &result, &err);

    return rc == WEIR_OK ? weir_output_bytes(run, result) : weir_fail(run, rc, "%s", err.message);
}

static weir_code wait_for_all(weir_run *run, const weir_event *event)
{
    weir_future *futures[3];
    weir_error err;
    weir_code rc;

    (void)event;
    futures[0] = start_call(run, &one, kind, 1);
    futures[1] = start_call(run, &two, kind, 1);
    futures[2] = start_call(run, &three, kind, 1);
    rc = weir_wait_all(run, futures, 3, &err);
    if (rc != WEIR_OK)
        return rc == WEIR_CANCELED ? rc : weir_fail(run, rc, "%s", err.message);
    for (int i = 0; i < 3; i++)
        output_result(run, futures[i]);
    return WEIR_OK;
}

START_TEST(all_are_under_way_at_once_and_their_results_are_in_the_order_asked)
{
    ck_assert_str_eq(run_body(wait_for_all, "t l l l"),
                     "I1.1#1 I1.2#1 I1.3#1 durable three#1 O1.3#1=ok two#1 O1.2#1=ok one#1 O1.1#1=ok k=1 k=2 k=3 ");
    ck_assert_str_eq(run_body(wait_for_all, ""), "k=1 k=2 k=3 ");
    ck_assert_int_eq(one.calls + two.calls + three.calls, 3);
}
END_TEST

START_TEST(the_first_error_in_the_order_asked_is_told_once_all_have_ended)
{
    two.answers = three.answers = "failed";
    (void)run_body(wait_for_all, "t l l l");
    ck_assert_str_eq(host.error.message, "action 'a.x': call 'two': card expired");
    ck_assert_int_eq(one.calls, 1);
}
END_TEST

START_TEST(a_kill_in_between_makes_again_only_what_has_no_outcome)
{
    kind = WEIR_CALL_IDEMPOTENT;
    ck_assert_str_eq(run_body(wait_for_all, "t l s"), "I1.1#1 I1.2#1 I1.3#1 durable three#1 O1.3#1=ok W1.1#1 W1.2#1 ");
    forget_journal(4); /* the kill came before the stop's own words */
    ck_assert_str_eq(run_body(wait_for_all, "t r r"),
                     "I1.1#2 I1.2#2 durable one#2 O1.1#2=ok two#2 O1.2#2=ok k=1 k=2 k=3 ");
    ck_assert_int_eq(three.calls, 1);
    kind = WEIR_CALL_ONCE;
}
END_TEST

static weir_code wait_for_any(weir_run *run, const weir_event *event)
{
    weir_future *futures[3];
    size_t which = 99;
    weir_error err;

    (void)event;
    futures[0] = start_call(run, &one, kind, 1);
    futures[1] = start_call(run, &two, kind, 1);
    futures[2] = start_call(run, &three, kind, 1);
    if (weir_wait_any(run, futures, 3, &which, &err) == WEIR_CANCELED)
        return WEIR_CANCELED;
    weir_output(run, json_integer((json_int_t)which));
    return output_result(run, futures[which]);
}

START_TEST(the_first_that_ends_is_the_one_and_is_recorded)
{
    ck_assert_str_eq(run_body(wait_for_any, "t l r r"),
                     "I1.1#1 I1.2#1 I1.3#1 durable three#1 O1.3#1=ok F1.1=2 one#1 O1.1#1=ok two#1 O1.2#1=ok k=2 k=3 ");
}
END_TEST

START_TEST(a_run_that_is_made_again_goes_on_with_the_same_one)
{
    kind = WEIR_CALL_IDEMPOTENT;
    (void)run_body(wait_for_any, "t l s");
    forget_journal(5); /* three intents, an outcome, and which it was */
    /* The others end first this time: one and two, and it went on with three. */
    ck_assert_str_eq(run_body(wait_for_any, "t r r"), "I1.1#2 I1.2#2 durable one#2 O1.1#2=ok two#2 O1.2#2=ok k=2 k=3 ");
    ck_assert_int_eq(three.calls, 1);
    kind = WEIR_CALL_ONCE;
}
END_TEST

START_TEST(a_first_that_was_not_recorded_is_open_again)
{
    kind = WEIR_CALL_PURE;
    (void)run_body(wait_for_any, "l r r");
    forget_journal(0);
    ck_assert_str_eq(run_body(wait_for_any, "r r r"),
                     "one#1 O1.1#1=ok F1.1=0 two#1 O1.2#1=ok three#1 O1.3#1=ok k=0 k=1 ");
    kind = WEIR_CALL_ONCE;
}
END_TEST

static weir_code wait_for_each_by_any(weir_run *run, const weir_event *event)
{
    weir_future *futures[2];
    size_t which;

    (void)event;
    futures[0] = start_call(run, &one, WEIR_CALL_PURE, 1);
    futures[1] = start_call(run, &two, WEIR_CALL_PURE, 1);
    if (weir_wait_any(run, futures, 2, &which, NULL) == WEIR_CANCELED ||
        weir_wait_any(run, &futures[1 - which], 1, &which, NULL) == WEIR_CANCELED)
        return WEIR_CANCELED;
    return weir_output(run, json_integer((json_int_t)which));
}

START_TEST(each_wait_of_an_action_is_recorded_for_itself)
{
    ck_assert_str_eq(run_body(wait_for_each_by_any, "l l"), "two#1 O1.2#1=ok F1.1=1 one#1 O1.1#1=ok F1.2=0 k=0 ");
    ck_assert_str_eq(run_body(wait_for_each_by_any, ""), "k=0 ");
}
END_TEST

static weir_code wait_for_none(weir_run *run, const weir_event *event)
{
    (void)event;
    (void)start_call(run, &one, WEIR_CALL_ONCE, 1);
    (void)start_call(run, &two, WEIR_CALL_PURE, 1);
    return weir_output(run, json_true());
}

START_TEST(calls_that_nobody_waits_for_end_before_their_action_does)
{
    ck_assert_str_eq(run_body(wait_for_none, "r t r"), "I1.1#1 two#1 O1.2#1=ok durable one#1 O1.1#1=ok k=true ");
    ck_assert_str_eq(run_body(wait_for_none, ""), "k=true ");
}
END_TEST

/* ---- one of several is parked ------------------------------------------------------------------------------------ */

static weir_entry decision = { .kind = WEIR__ENTRY_RESOLUTION, .id = "test" };

static void decide(void)
{
    weir_error err;

    ck_assert_msg(weir__engine_decide(weir__engine_oldest(host.engine), &decision, NULL, &err) == WEIR_OK,
                  "%s", err.message);
}

static void will_decide(weir_decision what, uint32_t attempt, const char *result)
{
    decision.attempt = attempt;
    decision.decision = what;
    decision.result = result ? weir__bytes_text(result) : (weir_bytes){ NULL, 0 };
    host.hook = decide;
}

START_TEST(a_run_parks_once_its_other_calls_have_ended)
{
    one.answers = "unknown";
    will_decide(WEIR__DECISION_RESULT, 1, "11");
    ck_assert_str_eq(run_body(wait_for_all, "t r +600 r r !"),
                     "I1.1#1 I1.2#1 I1.3#1 durable one#1 P1.1#1:doubt two#1 O1.2#1=ok three#1 O1.3#1=ok parked "
                     "D1.1#1:result goes-on k=11 k=2 k=3 ");
    ck_assert_int_eq(one.calls + two.calls + three.calls, 3);
}
END_TEST

START_TEST(a_wait_for_any_goes_on_with_what_ends_and_parks_at_the_end)
{
    one.answers = "unknown";
    will_decide(WEIR__DECISION_RESULT, 1, "11");
    ck_assert_str_eq(run_body(wait_for_any, "t r +600 r r !"),
                     "I1.1#1 I1.2#1 I1.3#1 durable one#1 P1.1#1:doubt two#1 O1.2#1=ok F1.1=1 three#1 O1.3#1=ok parked "
                     "D1.1#1:result goes-on k=1 k=2 ");
}
END_TEST

START_TEST(a_decision_is_on_the_call_that_parked_last_as_the_journal_says)
{
    one.answers = two.answers = "unknown";
    will_decide(WEIR__DECISION_RESULT, 1, "42");
    ck_assert_str_eq(run_body(wait_for_all, "t r r r +600 ! +1600 !"),
                     "I1.1#1 I1.2#1 I1.3#1 durable one#1 two#1 three#1 O1.3#1=ok P1.2#1:doubt P1.1#1:doubt parked "
                     "D1.1#1:result goes-on parked D1.2#1:result goes-on k=42 k=42 k=3 ");
    ck_assert_int_eq(one.calls + two.calls + three.calls, 3);
    ck_assert_str_eq(run_body(wait_for_all, ""), "k=42 k=42 k=3 ");
}
END_TEST

static void decide_in_vain(void)
{
    weir_error err;

    ck_assert_int_eq(weir__engine_decide(weir__engine_oldest(host.engine), &decision, NULL, &err),
                     WEIR_INVALID);
    ck_assert_str_eq(err.message,
                     "2 calls of run test/0 may still be under way; wait until the run is parked on one of them");
}

/* A decision names an attempt: both have a first one. */
START_TEST(a_decision_is_refused_while_it_could_be_for_either_of_two_calls)
{
    one.answers = two.answers = "unknown";
    will_decide(WEIR__DECISION_RESULT, 1, "42");
    host.hook = decide_in_vain;
    ck_assert_str_eq(run_body(wait_for_all, "t r r r !"),
                     "I1.1#1 I1.2#1 I1.3#1 durable one#1 two#1 three#1 O1.3#1=ok P1.2#1:doubt P1.1#1:doubt parked ");
}
END_TEST

START_TEST(a_parked_run_holds_back_its_key_alone)
{
    static const char *const keys[] = { "k", "k", "l", NULL };

    one.answers = "unknown 1";
    body = wait_for_none;
    ck_assert_str_eq(live(host_options(), keys, ""),
                     "I1.1#1 I1.1#1 durable two#1 O1.2#1=ok two#1 O1.2#1=ok one#1 one#1 O1.1#1=ok l=true "
                     "P1.1#1:doubt parked ");
    ck_assert_uint_eq(weir__engine_counts(host.engine).parked, 1);
    ck_assert_uint_eq(weir__engine_counts(host.engine).queued, 1);
}
END_TEST

/* ---- results of actions ------------------------------------------------------------------------------------------ */

static int bodies;

static weir_code then_pay(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return output_call(run, &one, WEIR_CALL_ONCE, 1);
}

static weir_code send_then(weir_run *run, const weir_event *event)
{
    (void)event;
    bodies++;
    return weir_send(run, "then", json_object());
}

START_TEST(what_an_action_did_is_written_before_a_later_call_of_its_run)
{
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), "y", then_pay, NULL, 0, "then", NULL), WEIR_OK);
    bodies = 0;
    ck_assert_str_eq(run_body(send_then, ""), "R1 I2.1#1 durable one#1 O2.1#1=ok k=1 ");
    ck_assert_str_eq(run_body(send_then, ""), "k=1 ");
    ck_assert_int_eq(bodies, 1);
}
END_TEST

static weir_code pay_and_send_last(weir_run *run, const weir_event *event, void *arg)
{
    weir_code rc = then_pay(run, event, arg);

    bodies++;
    return rc == WEIR_OK ? weir_send(run, "last", json_object()) : rc;
}

START_TEST(what_the_journal_has_twice_counts_once)
{
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), "y", pay_and_send_last, NULL, 0, "then", NULL),
                     WEIR_OK);
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), "z", then_pay, NULL, 0, "last", NULL), WEIR_OK);
    one.answers = "1 2";
    for (size_t count = 1; count <= 6; count++) {
        forget_journal(0);
        one.calls = 0;
        bodies = 0;
        ck_assert_str_eq(run_body(send_then, ""),
                         "R1 I2.1#1 durable one#1 O2.1#1=ok R2 I3.1#1 durable one#1 O3.1#1=ok k=1 k=2 ");
        repeat_journal(count);
        ck_assert_str_eq(run_body(send_then, ""), "k=1 k=2 ");
        ck_assert_int_eq(bodies, 2);
    }
}
END_TEST

START_TEST(a_parked_run_finds_what_its_actions_did)
{
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), "y", then_pay, NULL, 0, "then", NULL), WEIR_OK);
    bodies = 0;
    one.answers = "unknown";
    will_decide(WEIR__DECISION_RESULT, 1, "11");
    ck_assert_str_eq(run_body(send_then, "t r +600 !"),
                     "R1 I2.1#1 durable one#1 P2.1#1:doubt parked D2.1#1:result goes-on k=11 ");
    ck_assert_int_eq(bodies, 1);
}
END_TEST

/* ---- divergence -------------------------------------------------------------------------------------------------- */

static const char *asked_args;
static weir_call_kind asked_kind;

static weir_code ask_for_something(weir_run *run, const weir_event *event)
{
    weir_call_options options = call_options(&one, 1);
    weir_bytes result;
    weir_error err;
    weir_code rc;

    (void)event;
    rc = weir_call(run, "one", asked_kind, serve, &one, weir__bytes_text(asked_args), &options, &result, &err);
    if (rc != WEIR_OK)
        return rc == WEIR_CANCELED ? rc : weir_fail(run, rc, "%s", err.message);
    return weir_output_bytes(run, result);
}

static const char *ask_for(weir_call_kind as, const char *args, const char *script)
{
    asked_kind = as;
    asked_args = args;
    return run_body(ask_for_something, script);
}

START_TEST(a_pure_record_of_something_else_is_dropped_with_a_mark)
{
    one.answers = "1 2 3";
    (void)ask_for(WEIR_CALL_PURE, "a", "");
    ck_assert_str_eq(ask_for(WEIR_CALL_PURE, "b", ""), "V one#1 O1.1#1=ok k=2 ");
    ck_assert_uint_eq(weir__engine_counts(host.engine).divergences, 1);
    /* What came before the mark is void for good; what came behind it counts. */
    ck_assert_str_eq(ask_for(WEIR_CALL_PURE, "b", ""), "k=2 ");
}
END_TEST

static void assert_both_sides(void)
{
    const weir_entry *parked = weir__recall_parked(weir__engine_oldest(host.engine)->entries);

    ck_assert_ptr_nonnull(parked);
    ck_assert_ptr_nonnull(strstr(parked->recorded, "action 'a.x', call 1 'one' (once), arguments "));
    ck_assert_ptr_nonnull(strstr(parked->asked, "action 'a.x', call 1 'one' (once), arguments "));
    ck_assert_str_ne(parked->recorded, parked->asked);
}

START_TEST(an_effect_of_something_else_parks_the_run_with_both_sides)
{
    one.answers = "1 2";
    (void)ask_for(WEIR_CALL_ONCE, "a", "");
    host.hook = assert_both_sides;
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "b", "!"), "P1.1#0:divergence parked ");
    ck_assert_int_eq(one.calls, 1);
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "b", ""), "parked "); /* said once in the journal */
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "a", ""), "k=1 ");    /* what was recorded still stands */
}
END_TEST

START_TEST(a_divergence_takes_a_result_a_retry_or_a_failure)
{
    one.answers = "1 2";
    (void)ask_for(WEIR_CALL_ONCE, "a", "");
    will_decide(WEIR__DECISION_RESULT, 0, "42");
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "b", "!"), "P1.1#0:divergence parked D1.1#0:result goes-on k=42 ");
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "b", ""), "k=42 ");
    forget_journal(3);
    will_decide(WEIR__DECISION_RETRY, 0, NULL);
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "b", "! t r"),
                     "parked D1.1#0:retry goes-on I1.1#1 durable one#1 O1.1#1=ok k=2 ");
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "b", ""), "k=2 ");
    forget_journal(3);
    will_decide(WEIR__DECISION_FAIL, 0, NULL);
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "b", "!"), "parked D1.1#0:fail goes-on k!failed ");
    ck_assert_str_eq(ask_for(WEIR_CALL_ONCE, "b", ""), "k!failed ");
    ck_assert_int_eq(one.calls, 2);
}
END_TEST

static weir_code pure_then_effect(weir_run *run, const weir_event *event)
{
    weir_call_options options = call_options(&one, 1);

    (void)event;
    if (weir_call(run, "one", WEIR_CALL_PURE, serve, &one, weir__bytes_text(asked_args), &options, NULL, NULL) ==
            WEIR_CANCELED ||
        output_call(run, &two, WEIR_CALL_ONCE, 1) == WEIR_CANCELED)
        return WEIR_CANCELED;
    return WEIR_OK;
}

START_TEST(a_pure_record_of_something_else_parks_a_run_that_has_done_something)
{
    asked_args = "a";
    (void)run_body(pure_then_effect, "");
    asked_args = "b";
    ck_assert_str_eq(run_body(pure_then_effect, ""), "P1.1#0:divergence parked ");
    ck_assert_int_eq(one.calls + two.calls, 2);
}
END_TEST

/* An effect of this very life is one, too: a mark behind its intent would void it, and the next life repeat it. */
static bool is_second_build;

static weir_code effect_beside_pure(weir_run *run, const weir_event *event)
{
    weir_call_options options = call_options(&two, 1);
    weir_future *futures[2];

    (void)event;
    futures[0] = start_call(run, &one, is_second_build ? WEIR_CALL_ONCE : WEIR_CALL_PURE, 1);
    futures[1] = weir_call_start(run, "two", WEIR_CALL_PURE, serve, &two,
                                 weir__bytes_text(is_second_build ? "b" : "a"), &options);
    if (weir_wait_all(run, futures, 2, NULL) == WEIR_CANCELED)
        return WEIR_CANCELED;
    return output_result(run, futures[0]);
}

START_TEST(a_divergence_never_voids_an_effect_of_this_life)
{
    is_second_build = false;
    (void)run_body(effect_beside_pure, "l r");
    forget_journal(1); /* the outcome of the second call alone */
    is_second_build = true;
    one.answers = "1 9";
    one.calls = 0;
    ck_assert_str_eq(run_body(effect_beside_pure, ""),
                     "I1.1#1 P1.2#0:divergence durable one#1 O1.1#1=ok parked ");
    ck_assert_str_eq(run_body(effect_beside_pure, ""), "parked ");
    ck_assert_int_eq(one.calls, 1);
}
END_TEST

static const char *then_args;

static weir_code then_ask(weir_run *run, const weir_event *event, void *arg)
{
    weir_call_options options = call_options(&one, 1);

    (void)event;
    (void)arg;
    if (weir_call(run, "one", WEIR_CALL_PURE, serve, &one, weir__bytes_text(then_args), &options, NULL, NULL) ==
        WEIR_CANCELED)
        return WEIR_CANCELED;
    return output_call(run, &two, WEIR_CALL_ONCE, 1);
}

START_TEST(a_mark_voids_no_result_of_an_action_that_this_life_goes_on_from)
{
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), "y", then_ask, NULL, 0, "then", NULL), WEIR_OK);
    bodies = 0;
    then_args = "a";
    ck_assert_str_eq(run_body(send_then, "r t s"), "one#1 R1 O2.1#1=ok I2.2#1 durable W2.2#1 ");
    forget_journal(2); /* the result and the outcome, before any effect */
    then_args = "b";
    ck_assert_str_eq(run_body(send_then, ""), "V one#1 R1 O2.1#1=ok I2.2#1 durable two#1 O2.2#1=ok k=2 ");
    ck_assert_str_eq(run_body(send_then, ""), "k=2 ");
    ck_assert_int_eq(bodies, 1);
}
END_TEST

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static weir_code saw;

static weir_code see_cancel(weir_run *run, const weir_event *event)
{
    weir_call_options options = call_options(&one, 1);
    weir_error err;

    (void)event;
    saw = weir_call(run, "one", WEIR_CALL_ONCE, serve, &one, weir__bytes("", 0), &options, NULL, &err);
    if (saw == WEIR_CANCELED)
        ck_assert_str_eq(err.message, "stopping; return");
    return saw;
}

START_TEST(a_stop_cancels_what_waits_and_withdraws_what_has_not_begun)
{
    ck_assert_str_eq(run_body(see_cancel, "t s"), "I1.1#1 durable W1.1#1 ");
    ck_assert_int_eq(saw, WEIR_CANCELED);
    ck_assert_str_eq(run_body(see_cancel, "t r"), "I1.1#2 durable one#2 O1.1#2=ok ");
    ck_assert_int_eq(saw, WEIR_OK);
}
END_TEST

START_TEST(an_intent_that_becomes_durable_while_stopping_is_withdrawn)
{
    ck_assert_str_eq(run_body(see_cancel, "s t"), "I1.1#1 durable W1.1#1 ");
    ck_assert_int_eq(one.calls, 0);
}
END_TEST

START_TEST(an_outcome_that_comes_while_stopping_is_recorded)
{
    one.answers = "hang";
    ck_assert_str_eq(run_body(see_cancel, "t h s f"), "I1.1#1 durable one#1 O1.1#1=ok ");
    ck_assert_int_eq(saw, WEIR_CANCELED);
    ck_assert_str_eq(run_body(see_cancel, ""), "");
    ck_assert_int_eq(saw, WEIR_OK);
    ck_assert_int_eq(one.calls, 1);
}
END_TEST

START_TEST(a_parked_run_stays_parked_over_a_stop)
{
    one.answers = "unknown";
    ck_assert_str_eq(run_body(wait_for_none, "r t r +600 s"),
                     "I1.1#1 two#1 O1.2#1=ok durable one#1 P1.1#1:doubt parked ");
    ck_assert_str_eq(run_body(wait_for_none, "s"), "parked ");
}
END_TEST

/* Its journal is closed by then. A call that ends between the last look of the loop and the end stays in doubt. */
START_TEST(an_engine_that_is_freed_asks_nothing_more_of_its_host)
{
    size_t before;

    one.answers = "hang";
    ck_assert_str_eq(run_body(see_cancel, "t h s"), "I1.1#1 durable one#1 ");
    before = host.journal_count;
    finish_hung();
    weir__engine_free(host.engine);
    host.engine = NULL;
    ck_assert_uint_eq(host.journal_count, before);
}
END_TEST

/* Its own threads, and an end that does not wait for them. */
static weir_code take_a_while(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                              weir_error *err)
{
    (void)args;
    (void)attempt;
    (void)arg;
    (void)err;
    ck_assert_int_eq(sem_post(&host.begun), 0);
    while (sem_wait(&host.go) != 0)
        ;
    return weir_buffer_append(result, "1", 1);
}

static weir_code start_three(weir_run *run, const weir_event *event)
{
    weir_call_options options = call_options(&one, 1);

    (void)event;
    for (int i = 0; i < 3; i++)
        (void)weir_call_start(run, "one", WEIR_CALL_PURE, take_a_while, NULL, weir__bytes("", 0), &options);
    return WEIR_OK;
}

/* ThreadSanitizer has a thread of its own, from the first one on that is started. */
#ifdef __SANITIZE_THREAD__
enum { NOT_OURS = 1 };
#else
enum { NOT_OURS = 0 };
#endif

static int threads_of_process(void)
{
    DIR *folder = opendir("/proc/self/task");
    int count = 0;

    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count - 2;
}

static void await_begun(void)
{
    ck_assert_int_eq(sem_wait(&host.begun), 0);
}

START_TEST(an_engine_that_is_freed_leaves_behind_only_what_does_not_return)
{
    weir_engine_options options = host_options();
    int before = threads_of_process();

    options.calls = NULL;
    options.call_threads = 1;
    host.hook = await_begun;
    body = start_three;
    (void)live(options, one_key, "! s");
    weir__engine_free(host.engine);
    host.engine = NULL;
    ck_assert_int_ge(threads_of_process(), before + 1);
    ck_assert_int_eq(sem_post(&host.go), 0); /* the thread ends by itself, and frees what was left to it */
    while (threads_of_process() > before + NOT_OURS)
        (void)sched_yield();
    ck_assert_int_eq(one.calls, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/call");
    TCase *waits = tcase_create("waits"), *parks = tcase_create("parks"), *results = tcase_create("results"),
          *diverges = tcase_create("diverges"), *stops = tcase_create("stops");

    tcase_add_checked_fixture(waits, set_up, host_tear_down);
    tcase_add_test(waits, all_are_under_way_at_once_and_their_results_are_in_the_order_asked);
    tcase_add_test(waits, the_first_error_in_the_order_asked_is_told_once_all_have_ended);
    tcase_add_test(waits, a_kill_in_between_makes_again_only_what_has_no_outcome);
    tcase_add_test(waits, the_first_that_ends_is_the_one_and_is_recorded);
    tcase_add_test(waits, a_run_that_is_made_again_goes_on_with_the_same_one);
    tcase_add_test(waits, a_first_that_was_not_recorded_is_open_again);
    tcase_add_test(waits, each_wait_of_an_action_is_recorded_for_itself);
    tcase_add_test(waits, calls_that_nobody_waits_for_end_before_their_action_does);
    suite_add_tcase(suite, waits);
    tcase_add_checked_fixture(parks, set_up, host_tear_down);
    tcase_add_test(parks, a_run_parks_once_its_other_calls_have_ended);
    tcase_add_test(parks, a_wait_for_any_goes_on_with_what_ends_and_parks_at_the_end);
    tcase_add_test(parks, a_decision_is_on_the_call_that_parked_last_as_the_journal_says);
    tcase_add_test(parks, a_decision_is_refused_while_it_could_be_for_either_of_two_calls);
    tcase_add_test(parks, a_parked_run_holds_back_its_key_alone);
    suite_add_tcase(suite, parks);
    tcase_add_checked_fixture(results, set_up, host_tear_down);
    tcase_add_test(results, what_an_action_did_is_written_before_a_later_call_of_its_run);
    tcase_add_test(results, what_the_journal_has_twice_counts_once);
    tcase_add_test(results, a_parked_run_finds_what_its_actions_did);
    suite_add_tcase(suite, results);
    tcase_add_checked_fixture(diverges, set_up, host_tear_down);
    tcase_add_test(diverges, a_pure_record_of_something_else_is_dropped_with_a_mark);
    tcase_add_test(diverges, an_effect_of_something_else_parks_the_run_with_both_sides);
    tcase_add_test(diverges, a_divergence_takes_a_result_a_retry_or_a_failure);
    tcase_add_test(diverges, a_pure_record_of_something_else_parks_a_run_that_has_done_something);
    tcase_add_test(diverges, a_divergence_never_voids_an_effect_of_this_life);
    tcase_add_test(diverges, a_mark_voids_no_result_of_an_action_that_this_life_goes_on_from);
    suite_add_tcase(suite, diverges);
    tcase_add_checked_fixture(stops, set_up, host_tear_down);
    tcase_add_test(stops, a_stop_cancels_what_waits_and_withdraws_what_has_not_begun);
    tcase_add_test(stops, an_intent_that_becomes_durable_while_stopping_is_withdrawn);
    tcase_add_test(stops, an_outcome_that_comes_while_stopping_is_recorded);
    tcase_add_test(stops, a_parked_run_stays_parked_over_a_stop);
    tcase_add_test(stops, an_engine_that_is_freed_asks_nothing_more_of_its_host);
    tcase_add_test(stops, an_engine_that_is_freed_leaves_behind_only_what_does_not_return);
    suite_add_tcase(suite, stops);
    return weir__suite_run(suite);
}
