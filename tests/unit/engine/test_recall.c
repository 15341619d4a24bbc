/* SPDX-License-Identifier: Apache-2.0 */
/* What a journal says of a call: every row of it. */
#include "engine/recall.h"

#include <string.h>

#include "suite.h"

enum { MOST = 16 };

static weir_entry log_of[MOST];
static size_t count;

static const weir_question asked = { .instance = 2, .call = 3, .action = "a.x", .name = "pay",
                                     .kind = WEIR_CALL_ONCE, .digest = 11, .input_hash = 22 };
static const weir_question asked_pure = { .instance = 2, .call = 3, .action = "a.x", .name = "pay",
                                          .kind = WEIR_CALL_PURE, .digest = 11, .input_hash = 22 };

static void set_up(void)
{
    count = 0;
}

static weir_entry *add(weir_entry_kind kind, uint32_t attempt)
{
    weir_entry *entry = &log_of[count];

    ck_assert_uint_lt(count, MOST);
    *entry = (weir_entry){ .kind = kind, .instance = 2, .call = 3, .attempt = attempt, .action = "a.x", .name = "pay",
                           .call_kind = WEIR_CALL_ONCE, .digest = 11, .input_hash = 22 };
    if (count)
        log_of[count - 1].next = entry;
    count++;
    return entry;
}

static weir_entry *add_outcome(uint32_t attempt, weir_code code, bool is_final)
{
    weir_entry *entry = add(WEIR__ENTRY_OUTCOME, attempt);

    entry->code = code;
    entry->is_final = is_final;
    return entry;
}

static weir_entry *add_decision(uint32_t attempt, weir_decision decision)
{
    weir_entry *entry = add(WEIR__ENTRY_RESOLUTION, attempt);

    /* A decision knows its place, and nothing of the call. */
    entry->action = entry->name = NULL;
    entry->digest = entry->input_hash = 0;
    entry->decision = decision;
    return entry;
}

static weir_recall recall(void)
{
    return weir__recall(count ? log_of : NULL, &asked);
}

static weir_recall assert_recall(weir_recall_state state, const weir_entry *entry, uint32_t attempt)
{
    weir_recall found = recall();

    ck_assert_int_eq(found.state, state);
    if (entry)
        ck_assert_ptr_eq(found.entry, entry);
    ck_assert_uint_eq(found.attempt, attempt);
    return found;
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */

START_TEST(nothing_is_known_of_a_call_that_no_entry_is_about)
{
    assert_recall(WEIR__RECALL_NOTHING, NULL, 0);
    add(WEIR__ENTRY_INTENT, 1)->call = 4;
    add(WEIR__ENTRY_INTENT, 1)->instance = 1;
    add(WEIR__ENTRY_RESULT, 0);
    add(WEIR__ENTRY_FIRST, 0);
    add(WEIR__ENTRY_CLAIM, 0);
    assert_recall(WEIR__RECALL_NOTHING, NULL, 0);
}
END_TEST

START_TEST(a_final_outcome_settles)
{
    weir_entry *outcome;

    add(WEIR__ENTRY_INTENT, 1);
    outcome = add_outcome(1, WEIR_FAILED, true);
    ck_assert_ptr_null(assert_recall(WEIR__RECALL_SETTLED, outcome, 1).conflict);
}
END_TEST

START_TEST(an_outcome_that_is_not_final_leads_to_the_next_attempt)
{
    weir_entry *outcome;

    add(WEIR__ENTRY_INTENT, 1);
    outcome = add_outcome(1, WEIR_NOT_DONE, false);
    ck_assert_uint_eq(assert_recall(WEIR__RECALL_AGAIN, outcome, 1).failures, 1);
    add(WEIR__ENTRY_INTENT, 2);
    ck_assert_uint_eq(assert_recall(WEIR__RECALL_DOUBT, &log_of[2], 2).failures, 1);
    add_outcome(2, WEIR_NOT_DONE, false);
    add(WEIR__ENTRY_INTENT, 3);
    outcome = add_outcome(3, WEIR_OK, true);
    ck_assert_uint_eq(assert_recall(WEIR__RECALL_SETTLED, outcome, 3).failures, 2);
}
END_TEST

START_TEST(an_intent_alone_is_doubt)
{
    weir_entry *intent = add(WEIR__ENTRY_INTENT, 1);

    assert_recall(WEIR__RECALL_DOUBT, intent, 1);
    add(WEIR__ENTRY_PARKED, 1);
    assert_recall(WEIR__RECALL_DOUBT, intent, 1);
}
END_TEST

START_TEST(a_withdrawn_attempt_leads_to_the_next_and_is_no_failure)
{
    add(WEIR__ENTRY_INTENT, 1);
    add(WEIR__ENTRY_WITHDRAWN, 1);
    ck_assert_uint_eq(assert_recall(WEIR__RECALL_AGAIN, NULL, 1).failures, 0);
    add(WEIR__ENTRY_INTENT, 2);
    add(WEIR__ENTRY_WITHDRAWN, 1); /* of another attempt */
    assert_recall(WEIR__RECALL_DOUBT, &log_of[2], 2);
}
END_TEST

START_TEST(an_outcome_of_another_attempt_is_not_this_ones)
{
    add(WEIR__ENTRY_INTENT, 1);
    add_outcome(1, WEIR_NOT_DONE, false);
    add(WEIR__ENTRY_INTENT, 2);
    add_outcome(1, WEIR_OK, true);
    assert_recall(WEIR__RECALL_DOUBT, &log_of[2], 2);
}
END_TEST

START_TEST(the_first_outcome_of_an_attempt_counts)
{
    weir_entry *outcome;

    add(WEIR__ENTRY_INTENT, 1);
    outcome = add_outcome(1, WEIR_OK, true);
    add_outcome(1, WEIR_FAILED, true);
    assert_recall(WEIR__RECALL_SETTLED, outcome, 1);
    add(WEIR__ENTRY_INTENT, 1); /* of an owner that was late */
    assert_recall(WEIR__RECALL_SETTLED, outcome, 1);
}
END_TEST

START_TEST(a_pure_call_has_outcomes_alone)
{
    weir_entry *outcome = add_outcome(2, WEIR_OK, true);
    weir_recall found;

    outcome->call_kind = WEIR_CALL_PURE;
    add_outcome(1, WEIR_FAILED, true)->call_kind = WEIR_CALL_PURE;
    found = weir__recall(log_of, &asked_pure);
    ck_assert_int_eq(found.state, WEIR__RECALL_SETTLED);
    ck_assert_ptr_eq(found.entry, outcome);
    ck_assert_uint_eq(found.attempt, 2);
}
END_TEST

/* ---- decisions --------------------------------------------------------------------------------------------------- */

START_TEST(a_decision_settles_or_leads_to_the_next_attempt)
{
    static const weir_decision words[] = { WEIR__DECISION_RESULT, WEIR__DECISION_FAIL, WEIR__DECISION_RETRY };

    for (size_t i = 0; i < 3; i++) {
        weir_entry *decision;

        count = 0;
        add(WEIR__ENTRY_INTENT, 1);
        add(WEIR__ENTRY_PARKED, 1);
        decision = add_decision(1, words[i]);
        assert_recall(words[i] == WEIR__DECISION_RETRY ? WEIR__RECALL_AGAIN : WEIR__RECALL_SETTLED, decision, 1);
    }
}
END_TEST

START_TEST(a_decision_for_another_attempt_is_ignored)
{
    add(WEIR__ENTRY_INTENT, 1);
    add_outcome(1, WEIR_NOT_DONE, false);
    add(WEIR__ENTRY_INTENT, 2);
    add_decision(1, WEIR__DECISION_RESULT);
    add_decision(3, WEIR__DECISION_RESULT);
    assert_recall(WEIR__RECALL_DOUBT, &log_of[2], 2);
}
END_TEST

START_TEST(a_second_decision_is_ignored)
{
    weir_entry *decision;

    add(WEIR__ENTRY_INTENT, 1);
    decision = add_decision(1, WEIR__DECISION_RESULT);
    add_decision(1, WEIR__DECISION_RETRY);
    assert_recall(WEIR__RECALL_SETTLED, decision, 1);
    count = 0;
    add(WEIR__ENTRY_INTENT, 1);
    decision = add_decision(1, WEIR__DECISION_RETRY);
    add_decision(1, WEIR__DECISION_RESULT);
    assert_recall(WEIR__RECALL_AGAIN, decision, 1);
}
END_TEST

START_TEST(an_outcome_after_a_decision_is_a_conflict_and_not_used)
{
    weir_entry *decision, *outcome;

    add(WEIR__ENTRY_INTENT, 1);
    decision = add_decision(1, WEIR__DECISION_RESULT);
    outcome = add_outcome(1, WEIR_OK, true);
    ck_assert_ptr_eq(assert_recall(WEIR__RECALL_SETTLED, decision, 1).conflict, outcome);
    count = 0;
    add(WEIR__ENTRY_INTENT, 1);
    add_decision(1, WEIR__DECISION_RETRY);
    add_outcome(1, WEIR_NOT_DONE, false); /* says what was decided */
    ck_assert_ptr_null(assert_recall(WEIR__RECALL_AGAIN, &log_of[1], 1).conflict);
}
END_TEST

START_TEST(an_outcome_before_a_decision_wins)
{
    weir_entry *outcome;

    add(WEIR__ENTRY_INTENT, 1);
    outcome = add_outcome(1, WEIR_OK, true);
    add_decision(1, WEIR__DECISION_FAIL);
    ck_assert_ptr_null(assert_recall(WEIR__RECALL_SETTLED, outcome, 1).conflict);
}
END_TEST

START_TEST(a_retry_that_was_decided_leads_on_to_its_own_outcome)
{
    weir_entry *outcome;

    add(WEIR__ENTRY_INTENT, 1);
    add_decision(1, WEIR__DECISION_RETRY);
    add(WEIR__ENTRY_INTENT, 2);
    assert_recall(WEIR__RECALL_DOUBT, &log_of[2], 2);
    outcome = add_outcome(2, WEIR_OK, true);
    ck_assert_ptr_null(assert_recall(WEIR__RECALL_SETTLED, outcome, 2).conflict);
}
END_TEST

/* ---- divergence -------------------------------------------------------------------------------------------------- */

static void change_name(weir_entry *entry)
{
    entry->name = "other";
}

static void change_action(weir_entry *entry)
{
    entry->action = "a.y";
}

static void change_kind(weir_entry *entry)
{
    entry->call_kind = WEIR_CALL_CHECKED;
}

static void change_digest(weir_entry *entry)
{
    entry->digest++;
}

static void change_input(weir_entry *entry)
{
    entry->input_hash++;
}

static void (*const changes[])(weir_entry *entry) = { change_name, change_action, change_kind, change_digest,
                                                      change_input };

START_TEST(an_entry_of_something_else_diverges)
{
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        weir_entry *entry;

        count = 0;
        entry = add(WEIR__ENTRY_INTENT, 1);
        changes[i](entry);
        assert_recall(WEIR__RECALL_DIVERGED, entry, 1);
        count = 0;
        add(WEIR__ENTRY_INTENT, 1);
        entry = add_outcome(1, WEIR_OK, true);
        changes[i](entry);
        assert_recall(WEIR__RECALL_DIVERGED, entry, 1);
        add_outcome(1, WEIR_OK, true); /* not even when another one fits */
        assert_recall(WEIR__RECALL_DIVERGED, entry, 1);
    }
}
END_TEST

static weir_entry *add_parked_divergence(void)
{
    weir_entry *parked = add(WEIR__ENTRY_PARKED, 0);

    parked->reason = WEIR__PARK_DIVERGENCE;
    return parked;
}

START_TEST(a_decision_on_a_divergence_settles_what_it_was_made_for)
{
    weir_entry *intent = add(WEIR__ENTRY_INTENT, 1), *decision;

    intent->digest++;
    add_parked_divergence();
    decision = add_decision(0, WEIR__DECISION_RESULT);
    assert_recall(WEIR__RECALL_SETTLED, decision, 0);
    count = 0;
    intent = add(WEIR__ENTRY_INTENT, 1);
    intent->digest++;
    add_parked_divergence()->digest += 2; /* it was asked for something else again */
    add_decision(0, WEIR__DECISION_RESULT);
    assert_recall(WEIR__RECALL_DIVERGED, intent, 1);
}
END_TEST

/* ---- marks ------------------------------------------------------------------------------------------------------- */

START_TEST(entries_before_the_last_void_mark_do_not_count)
{
    weir_entry *intent;

    ck_assert_ptr_null(weir__recall_live(NULL));
    add(WEIR__ENTRY_INTENT, 1);
    ck_assert_ptr_eq(weir__recall_live(log_of), log_of);
    add_decision(1, WEIR__DECISION_RETRY); /* of an attempt: no mark */
    add_parked_divergence();
    add_decision(0, WEIR__DECISION_RESULT);
    add_parked_divergence();
    add_decision(0, WEIR__DECISION_FAIL);
    ck_assert_ptr_eq(weir__recall_live(log_of), log_of);
    add_parked_divergence();
    add_decision(0, WEIR__DECISION_RETRY);
    ck_assert_ptr_null(weir__recall_live(log_of));
    add(WEIR__ENTRY_INTENT, 1);
    add_parked_divergence();
    add_decision(0, WEIR__DECISION_RETRY);
    intent = add(WEIR__ENTRY_INTENT, 1);
    ck_assert_ptr_eq(weir__recall_live(log_of), intent);
    add_decision(0, WEIR__DECISION_RETRY)->id = WEIR__RECALL_OWN_MARK; /* the run's own: nobody was asked */
    ck_assert_ptr_null(weir__recall_live(log_of));
}
END_TEST

START_TEST(a_second_decision_to_begin_anew_drops_nothing)
{
    weir_entry *intent;

    add(WEIR__ENTRY_INTENT, 1);
    add_parked_divergence();
    add_decision(0, WEIR__DECISION_RETRY);
    intent = add(WEIR__ENTRY_INTENT, 1);
    add_decision(0, WEIR__DECISION_RETRY); /* two have decided at once */
    ck_assert_ptr_eq(weir__recall_live(log_of), intent);
    add_parked_divergence();
    add_decision(0, WEIR__DECISION_RETRY)->call = 4; /* of another call */
    ck_assert_ptr_eq(weir__recall_live(log_of), intent);
    add_decision(0, WEIR__DECISION_FAIL);
    add_decision(0, WEIR__DECISION_RETRY);
    ck_assert_ptr_eq(weir__recall_live(log_of), intent);
}
END_TEST

START_TEST(a_parked_mark_waits_for_a_decision_or_an_outcome_of_its_own)
{
    weir_entry *parked;

    ck_assert_ptr_null(weir__recall_parked(NULL));
    add(WEIR__ENTRY_INTENT, 1);
    ck_assert_ptr_null(weir__recall_parked(log_of));
    parked = add(WEIR__ENTRY_PARKED, 1);
    ck_assert_ptr_eq(weir__recall_parked(log_of), parked);
    add_decision(2, WEIR__DECISION_RETRY);
    add_decision(1, WEIR__DECISION_RETRY)->call = 4;
    add_decision(1, WEIR__DECISION_RETRY)->instance = 3;
    add_outcome(2, WEIR_OK, true);
    ck_assert_ptr_eq(weir__recall_parked(log_of), parked);
    add_decision(1, WEIR__DECISION_RETRY);
    ck_assert_ptr_null(weir__recall_parked(log_of));
    parked = add(WEIR__ENTRY_PARKED, 2);
    ck_assert_ptr_eq(weir__recall_parked(log_of), parked);
    add_outcome(2, WEIR_OK, true);
    ck_assert_ptr_null(weir__recall_parked(log_of));
}
END_TEST

START_TEST(effects_are_intents_and_outcomes_of_what_is_not_pure)
{
    weir_entry *entry = add(WEIR__ENTRY_INTENT, 1);

    ck_assert(weir__recall_is_effect(entry));
    entry->kind = WEIR__ENTRY_OUTCOME;
    ck_assert(weir__recall_is_effect(entry));
    entry->call_kind = WEIR_CALL_IDEMPOTENT;
    ck_assert(weir__recall_is_effect(entry));
    entry->call_kind = WEIR_CALL_PURE;
    ck_assert(!weir__recall_is_effect(entry));
    entry->call_kind = WEIR_CALL_ONCE;
    entry->kind = WEIR__ENTRY_RESULT;
    ck_assert(!weir__recall_is_effect(entry));
}
END_TEST

START_TEST(a_wait_finds_its_own_first)
{
    weir_entry *first = add(WEIR__ENTRY_FIRST, 0);

    first->call = 1;
    first->which = 7;
    ck_assert_ptr_eq(weir__recall_first(log_of, 2, 1), first);
    ck_assert_ptr_null(weir__recall_first(log_of, 2, 2));
    ck_assert_ptr_null(weir__recall_first(log_of, 1, 1));
    ck_assert_ptr_null(weir__recall_first(NULL, 2, 1));
}
END_TEST

START_TEST(reasons_have_names)
{
    ck_assert_str_eq(weir__park_reason_name(WEIR__PARK_DOUBT), "doubt");
    ck_assert_str_eq(weir__park_reason_name(WEIR__PARK_UNKNOWN), "unknown");
    ck_assert_str_eq(weir__park_reason_name(WEIR__PARK_DIVERGENCE), "divergence");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/recall");
    TCase *outcomes = tcase_create("outcomes"), *decisions = tcase_create("decisions"),
          *diverges = tcase_create("diverges"), *marks = tcase_create("marks");

    tcase_add_checked_fixture(outcomes, set_up, NULL);
    tcase_add_test(outcomes, nothing_is_known_of_a_call_that_no_entry_is_about);
    tcase_add_test(outcomes, a_final_outcome_settles);
    tcase_add_test(outcomes, an_outcome_that_is_not_final_leads_to_the_next_attempt);
    tcase_add_test(outcomes, an_intent_alone_is_doubt);
    tcase_add_test(outcomes, a_withdrawn_attempt_leads_to_the_next_and_is_no_failure);
    tcase_add_test(outcomes, an_outcome_of_another_attempt_is_not_this_ones);
    tcase_add_test(outcomes, the_first_outcome_of_an_attempt_counts);
    tcase_add_test(outcomes, a_pure_call_has_outcomes_alone);
    suite_add_tcase(suite, outcomes);
    tcase_add_checked_fixture(decisions, set_up, NULL);
    tcase_add_test(decisions, a_decision_settles_or_leads_to_the_next_attempt);
    tcase_add_test(decisions, a_decision_for_another_attempt_is_ignored);
    tcase_add_test(decisions, a_second_decision_is_ignored);
    tcase_add_test(decisions, an_outcome_after_a_decision_is_a_conflict_and_not_used);
    tcase_add_test(decisions, an_outcome_before_a_decision_wins);
    tcase_add_test(decisions, a_retry_that_was_decided_leads_on_to_its_own_outcome);
    suite_add_tcase(suite, decisions);
    tcase_add_checked_fixture(diverges, set_up, NULL);
    tcase_add_test(diverges, an_entry_of_something_else_diverges);
    tcase_add_test(diverges, a_decision_on_a_divergence_settles_what_it_was_made_for);
    suite_add_tcase(suite, diverges);
    tcase_add_checked_fixture(marks, set_up, NULL);
    tcase_add_test(marks, entries_before_the_last_void_mark_do_not_count);
    tcase_add_test(marks, a_second_decision_to_begin_anew_drops_nothing);
    tcase_add_test(marks, a_parked_mark_waits_for_a_decision_or_an_outcome_of_its_own);
    tcase_add_test(marks, effects_are_intents_and_outcomes_of_what_is_not_pure);
    tcase_add_test(marks, a_wait_finds_its_own_first);
    tcase_add_test(marks, reasons_have_names);
    suite_add_tcase(suite, marks);
    return weir__suite_run(suite);
}
