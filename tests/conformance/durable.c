/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer's cases of durable execution and of its state store, asked of the local host. Life 1 leaves behind what the
 * case says was recorded; life 2 is what the peer was asked; a third one ends the job: what life 2 has recorded is
 * answered once more, and called no more.
 */
#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "life.h"
#include "report.h"

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static life with_kind(const life *the, weir_call_kind kind)
{
    life other = *the;

    for (step *at = other.steps; at->name; at++) {
        if (at->manner != HOLDS || strcmp(at->name, "hold") != 0)
            at->kind = kind;
        if (kind == WEIR_CALL_CHECKED && !at->reconciler)
            at->reconciler = KNOWS;
    }
    return other;
}

/* The same, and then it waits to be ended. */
static life and_hold(const life *the, const char *key)
{
    life other = *the;
    step *at = other.steps;

    while (at->name)
        at++;
    *at = (step){ "hold", WEIR_CALL_PURE, HOLDS, "", NULL, NONE, key };
    return other;
}

/* Life 2 is what the peer was asked: the same results, from as many calls. `is_kept`: a third one calls no more. */
static bool ask_peer(const life *before, const life *after, const json_t *peer, weir_call_kind kind, bool is_kept)
{
    json_t *calls = json_object_get(json_object_get(peer, "observed"), "calls"), *call;
    life first = with_kind(before, kind), second, third;
    size_t i;

    second = with_kind(after, kind);
    third = second;
    second = and_hold(&second, NULL);
    third.is_to_its_end = true;
    if (!begin_case())
        return wrong("no folder");
    if (before->steps[0].name)
        expect_status(live(&first, true), CRASHED);
    else
        second.keys = "a";
    expect_status(live(&second, true), CRASHED);
    json_array_foreach(calls, i, call)
    {
        const step *the = &second.steps[i];

        expect_notes((int)json_integer_value(json_object_get(call, "function_called")), "called %s a %s", the->name,
                     the->args ? the->args : "x");
        expect_notes(0, "asked %s a x", the->name);
        expect_result(the, "a", json_object_get(call, "result"));
    }
    expect_status(live(&third, true), 0);
    json_array_foreach(calls, i, call)
    {
        const step *the = &third.steps[i];

        if (is_kept) {
            expect_notes(0, "called %s a %s", the->name, the->args ? the->args : "x");
            expect_result(the, "a", json_object_get(call, "result"));
        }
    }
    expect_text("output", "{\"a\":true}\n");
    end_case();
    return !*problem;
}

/* With something done outside, the same parks: nothing is called, and both sides are shown. */
static bool ask_parks(const life *before, const life *after, weir_call_kind kind, const char *reason)
{
    life first = with_kind(before, kind), second = with_kind(after, kind);

    second.is_to_its_end = true;
    if (!begin_case())
        return wrong("no folder");
    expect_status(live(&first, true), CRASHED);
    expect_status(live(&second, true), 1);
    expect_text("stderr", "parked");
    expect_notes(0, "called f a x");
    expect_notes(0, "called g a x");
    expect_status(list_parked(), 0);
    expect_text("stdout", "\"key\":\"a\"");
    expect_text("stdout", reason);
    end_case();
    return !*problem;
}

/* ---- durable execution ------------------------------------------------------------------------------------------- */

#define STEP(name, answer) { name, WEIR_CALL_PURE, ANSWERS, answer, NULL, NONE, NULL }
#define HOLD { "hold", WEIR_CALL_PURE, HOLDS, "", NULL, NONE, NULL }

static const life recorded_f = { .steps = { STEP("f", "A"), HOLD }, .keys = "a" };
static const life recorded_fg = { .steps = { STEP("f", "A"), STEP("g", "B"), HOLD }, .keys = "a" };
static const life recorded_fgh = { .steps = { STEP("f", "A"), STEP("g", "B"), STEP("h", "C"), HOLD }, .keys = "a" };
static const life nothing_recorded = { .keys = NULL };
static const life fg_again = { .steps = { STEP("f", "A2"), STEP("g", "B2") } };
static const life f_again = { .steps = { STEP("f", "A2") } };

static bool replays_in_order(const json_t *peer)
{
    for (weir_call_kind kind = WEIR_CALL_PURE; kind <= WEIR_CALL_ONCE && !*problem; kind++)
        ask_peer(&recorded_fg, &fg_again, peer, kind, true);
    return !*problem;
}

static bool partial(const json_t *peer)
{
    for (weir_call_kind kind = WEIR_CALL_PURE; kind <= WEIR_CALL_ONCE && !*problem; kind++)
        ask_peer(&recorded_f, &fg_again, peer, kind, true);
    return !*problem;
}

static bool order_changed(const json_t *peer)
{
    static const life gf = { .steps = { STEP("g", "B2"), STEP("f", "A2") } };

    return ask_peer(&recorded_fg, &gf, peer, WEIR_CALL_PURE, true) &&
           ask_parks(&recorded_fg, &gf, WEIR_CALL_IDEMPOTENT, "\"reason\":\"divergence\"") &&
           ask_parks(&recorded_fg, &gf, WEIR_CALL_ONCE, "\"reason\":\"divergence\"");
}

static bool mismatch_in_the_middle(const json_t *peer)
{
    static const life fzh = { .steps = { STEP("f", "A2"), STEP("z", "Z"), STEP("h", "C2") } };

    /* The run is cut off at the mismatch as a whole, so a third life calls f again: it did nothing outside. */
    return ask_peer(&recorded_fgh, &fzh, peer, WEIR_CALL_PURE, false) &&
           ask_parks(&recorded_fgh, &fzh, WEIR_CALL_IDEMPOTENT, "\"reason\":\"divergence\"");
}

static bool fewer_calls(const json_t *peer)
{
    const json_t *call = json_array_get(json_object_get(json_object_get(peer, "observed"), "calls"), 0);

    for (weir_call_kind kind = WEIR_CALL_PURE; kind <= WEIR_CALL_ONCE && !*problem; kind++) {
        life first = with_kind(&recorded_fg, kind), second = with_kind(&f_again, kind);

        second.is_to_its_end = true; /* holding is a call too, which would meet the left-over */
        begin_case();
        expect_status(live(&first, true), CRASHED);
        expect_status(live(&second, true), 0);
        expect_notes(0, "called f a x");
        expect_notes(0, "called g a x");
        expect_result(&second.steps[0], "a", json_object_get(call, "result"));
        end_case();
    }
    return !*problem;
}

static bool args_mismatch(const json_t *peer)
{
    static const life other = { .steps = { { "f", WEIR_CALL_PURE, ANSWERS, "A2", "y", NONE, NULL } } };

    return ask_peer(&recorded_f, &other, peer, WEIR_CALL_PURE, true) &&
           ask_parks(&recorded_f, &other, WEIR_CALL_IDEMPOTENT, "\"reason\":\"divergence\"") &&
           ask_parks(&recorded_f, &other, WEIR_CALL_CHECKED, "\"reason\":\"divergence\"");
}

static const life fails_first = { .steps = { { "f", WEIR_CALL_PURE, FAILS, "no", NULL, NONE, NULL } } };

/* ask_peer()'s third life is the replay: the same code and the same words. */
static bool exception(const json_t *peer)
{
    for (weir_call_kind kind = WEIR_CALL_PURE; kind <= WEIR_CALL_ONCE && !*problem; kind++)
        ask_peer(&nothing_recorded, &fails_first, peer, kind, true);
    return !*problem;
}

static bool exception_replayed(const json_t *peer)
{
    static const life failed = { .steps = { { "f", WEIR_CALL_ONCE, FAILS, "no", NULL, NONE, NULL }, HOLD },
                                 .keys = "a" };
    life end = f_again;

    (void)peer;
    end.steps[0].kind = WEIR_CALL_ONCE;
    end.is_to_its_end = true;
    begin_case();
    expect_status(live(&failed, true), CRASHED);
    expect_notes(1, "got f a fails %d call 'f': no", (int)WEIR_FAILED);
    expect_status(live(&end, true), 0);
    expect_notes(0, "called f a x");
    expect_notes(1, "got f a fails %d call 'f': no", (int)WEIR_FAILED);
    end_case();
    return !*problem;
}

static bool null_result(const json_t *peer)
{
    static const life nothing = { .steps = { { "f", WEIR_CALL_PURE, ANSWERS_NOTHING, "", NULL, NONE, NULL } } };

    for (weir_call_kind kind = WEIR_CALL_PURE; kind <= WEIR_CALL_ONCE && !*problem; kind++)
        ask_peer(&nothing_recorded, &nothing, peer, kind, true);
    return !*problem;
}

static bool reconciler_first(const json_t *peer)
{
    static const life one = { .steps = { STEP("f", "A") } };

    return ask_peer(&nothing_recorded, &one, peer, WEIR_CALL_CHECKED, true);
}

static bool reconciler_terminal(const json_t *peer)
{
    return ask_peer(&recorded_f, &f_again, peer, WEIR_CALL_CHECKED, true);
}

/* The intent is durable, the outcome is not: the process ends within the function. */
static const life pending = {
    .steps = { { "f", WEIR_CALL_CHECKED, CRASHES, "", NULL, KNOWS, NULL } }, .keys = "a", .timeout_ms = 100
};

static bool reconciler_pending(const json_t *peer)
{
    life end = with_kind(&f_again, WEIR_CALL_CHECKED);
    const json_t *call = json_array_get(json_object_get(json_object_get(peer, "observed"), "calls"), 0);

    begin_case();
    expect_status(live(&pending, true), CRASHED);
    end.is_to_its_end = true;
    expect_status(live(&end, true), 0);
    expect_notes(1, "asked f a x");
    expect_notes(0, "called f a x");
    expect_result(&end.steps[0], "a", json_object_get(call, "result"));
    end_case();
    return !*problem;
}

static bool reconciler_throws(const json_t *peer)
{
    static const life end = { .steps = { { "f", WEIR_CALL_CHECKED, ANSWERS, "A2", NULL, KNOWS_NOT, NULL } },
                              .is_to_its_end = true };

    (void)peer;
    begin_case();
    expect_status(live(&pending, true), CRASHED);
    expect_status(live(&end, true), 1);
    expect_notes(1, "asked f a x");
    expect_notes(0, "called f a x");
    expect_status(list_parked(), 0);
    expect_text("stdout", "\"reason\":\"unknown\"");
    end_case();
    return !*problem;
}

static bool reconciler_removed(const json_t *peer)
{
    static const life without = { .steps = { { "f", WEIR_CALL_CHECKED, ANSWERS, "A2", NULL, NONE, NULL } },
                                  .is_to_its_end = true };
    static const life once = { .steps = { { "f", WEIR_CALL_ONCE, ANSWERS, "A2", NULL, NONE, NULL } },
                               .is_to_its_end = true };
    life back = with_kind(&f_again, WEIR_CALL_CHECKED);

    (void)peer;
    back.is_to_its_end = true;
    begin_case();
    expect_status(live(&pending, true), CRASHED);
    expect_status(live(&without, true), 1);
    expect_notes(0, "called f a x");
    expect_text("stderr", "call 'f': it is CHECKED, but options.reconcile is NULL");
    expect_status(live(&back, true), 0); /* it is still there: put back, it is asked */
    expect_notes(1, "got f a returns \"R\"");
    end_case();
    begin_case();
    expect_status(live(&pending, true), CRASHED);
    expect_status(live(&once, true), 1);
    expect_notes(0, "called f a x");
    expect_status(list_parked(), 0);
    expect_text("stdout", "\"reason\":\"divergence\"");
    end_case();
    return !*problem;
}

static bool no_store(const json_t *peer)
{
    for (weir_call_kind kind = WEIR_CALL_PURE; kind <= WEIR_CALL_ONCE && !*problem; kind++) {
        static const life one = { .steps = { STEP("f", "A") }, .keys = "a" };
        life end = with_kind(&one, kind);

        end.is_to_its_end = true;
        begin_case();
        if (kind <= WEIR_CALL_IDEMPOTENT) {
            expect_status(live(&end, false), 0);
            expect_notes(1, "called f a x");
            expect_result(&end.steps[0], "a", json_object_get(peer, "observed"));
        } else {
            expect_status(live(&end, false), 1);
            expect_notes(0, "called f a x");
            expect_text("stderr", "there is no durable journal");
        }
        end_case();
    }
    return !*problem;
}

/* Of two actions the first has ended: it does not run again, whatever its calls would now be. */
static bool completed_action(const json_t *peer)
{
    static const life two = { .steps = { { "f", WEIR_CALL_IDEMPOTENT, ANSWERS, "A", NULL, NONE, NULL }, HOLD },
                              .keys = "a" };
    static const life end = { .steps = { { "f", WEIR_CALL_IDEMPOTENT, ANSWERS, "A2", NULL, NONE, NULL } },
                              .is_to_its_end = true };

    (void)peer;
    are_events_sent = true;
    begin_case();
    expect_status(live(&two, true), CRASHED);
    expect_notes(1, "sent a");
    expect_status(live(&end, true), 0);
    expect_notes(0, "sent a"); /* ended in life 1 */
    expect_notes(2, "ran a");  /* two events; the first one's action had not ended */
    expect_notes(1, "called f a x");
    end_case();
    are_events_sent = false;
    return !*problem;
}

/* Two events of one run that are alike: each has records of its own. */
static bool alike_events(const json_t *peer)
{
    static const life both = { .steps = { { "f", WEIR_CALL_ONCE, ANSWERS_COUNTED, "A", NULL, NONE, NULL }, HOLD },
                               .keys = "a" };
    static const life end = { .steps = { { "f", WEIR_CALL_ONCE, ANSWERS, "B", NULL, NONE, NULL } },
                              .is_to_its_end = true };

    if (!json_is_true(json_object_get(json_object_get(peer, "observed"), "same_when_type_and_id_differ")))
        return wrong("the peer's case is another one");
    are_events_sent = true;
    holds_at = 2;
    begin_case();
    expect_status(live(&both, true), CRASHED);
    expect_notes(2, "called f a x");
    expect_status(live(&end, true), 0);
    expect_notes(0, "called f a x");
    expect_notes(1, "ran a"); /* the first one's action had ended: it is not run again */
    expect_notes(1, "got f a returns \"A2\"");
    end_case();
    are_events_sent = false;
    holds_at = 1;
    return !*problem;
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

#define FOR(key) \
    { "f", WEIR_CALL_ONCE, ANSWERS, "A", NULL, NONE, key }, { "hold", WEIR_CALL_PURE, HOLDS, "", NULL, NONE, key }

/* Both keys have records; what `a` is asked next does not reach `b`. */
static bool both_keys(const step *of_a, int called_a)
{
    static const life both = { .steps = { FOR("a"), FOR("b") }, .keys = "a b" };
    life end = { .steps = { *of_a, { "f", WEIR_CALL_ONCE, ANSWERS, "A2", NULL, NONE, "b" } }, .is_to_its_end = true };
    life first = both;

    first.steps[0].kind = of_a->kind;
    begin_case();
    expect_status(live(&first, true), CRASHED);
    expect_status(live(&end, true), 0);
    expect_notes(called_a, "called f a %s", of_a->args ? of_a->args : "x");
    expect_notes(0, "called f b x");
    expect_notes(1, "got f b returns \"A\"");
    expect_text("output", "{\"b\":true}\n");
    end_case();
    return !*problem;
}

static bool hit(const json_t *peer)
{
    static const step same = { "f", WEIR_CALL_ONCE, ANSWERS, "A2", NULL, NONE, "a" };

    (void)peer;
    return both_keys(&same, 0);
}

static bool miss(const json_t *peer)
{
    static const step other = { "f", WEIR_CALL_PURE, ANSWERS, "A2", "y", NONE, "a" };

    (void)peer;
    return both_keys(&other, 1);
}

/* A key that is new comes, and calls, while both wait; then they are asked again. */
static bool new_key(const json_t *peer)
{
    static const life both = { .steps = { FOR("a"), FOR("b") }, .keys = "a b" };
    static const life third = { .steps = { FOR("a"), FOR("b"), FOR("c") }, .keys = "c" };
    static const life end = { .steps = { { "f", WEIR_CALL_ONCE, ANSWERS, "A2", NULL, NONE, NULL } },
                              .is_to_its_end = true };

    (void)peer;
    begin_case();
    expect_status(live(&both, true), CRASHED);
    expect_status(live(&third, true), CRASHED);
    expect_notes(0, "called f a x");
    expect_notes(0, "called f b x");
    expect_notes(1, "called f c x");
    expect_status(live(&end, true), 0);
    for (const char *key = "abc"; *key; key++) {
        expect_notes(0, "called f %c x", *key);
        expect_notes(1, "got f %c returns \"A\"", *key);
    }
    end_case();
    return !*problem;
}

/* `a` ends, and its records go with it; those of keys whose names begin or sort alike stay. */
static bool prune(const json_t *peer)
{
    static const life three = {
        .steps = { { "f", WEIR_CALL_ONCE, ANSWERS, "A", NULL, NONE, "a" }, FOR("ab"), FOR("b") }, .keys = "a ab b"
    };
    static const life end = { .steps = { { "f", WEIR_CALL_ONCE, ANSWERS, "A2", NULL, NONE, NULL } },
                              .is_to_its_end = true };
    char *output;

    (void)peer;
    begin_case();
    expect_status(live(&three, true), CRASHED);
    expect_status(live(&end, true), 0);
    expect_notes(0, "called f a x");
    expect_notes(0, "called f ab x");
    expect_notes(0, "called f b x");
    output = read_all("output");
    if (count_lines(output, "{\"a\":true}") != 1 || count_lines(output, "{\"ab\":true}") != 1 ||
        count_lines(output, "{\"b\":true}") != 1)
        (void)wrong("not each output once");
    free(output);
    end_case();
    return !*problem;
}

static bool underscore(const json_t *peer)
{
    static const life before = { .steps = { FOR(NULL) }, .keys = "user_7_x" };
    static const life end = { .steps = { { "f", WEIR_CALL_ONCE, ANSWERS, "A2", NULL, NONE, NULL } },
                              .is_to_its_end = true };

    (void)peer;
    begin_case();
    expect_status(live(&before, true), CRASHED);
    expect_status(live(&end, true), 0);
    expect_notes(0, "called f user_7_x x");
    expect_notes(1, "got f user_7_x returns \"A\"");
    expect_text("output", "{\"user_7_x\":true}\n");
    end_case();
    return !*problem;
}

/* ---- our own ----------------------------------------------------------------------------------------------------- */

/*
 * A new version of the job makes a ONCE call where nothing was recorded, and then meets a record that no longer fits.
 * All that a life before it had recorded was PURE; what it has done itself counts as well, and is not made twice.
 */
static void own_effects_count(void)
{
    static const life reads = { .steps = { STEP("f", "A"), HOLD }, .keys = "a" };
    static const life pays = { .steps = { STEP("f", "A"), { "pay", WEIR_CALL_ONCE, ANSWERS, "P", "p", NONE, NULL } },
                               .later_args = "y", .is_to_its_end = true };

    are_events_sent = true;
    are_actions_pure = true;
    holds_at = 2;
    begin_case();
    expect_status(live(&reads, true), CRASHED);
    expect_notes(2, "called f a x");
    expect_status(live(&pays, true), 1);
    expect_notes(1, "called pay a p");
    expect_status(list_parked(), 0);
    expect_text("stdout", "\"reason\":\"divergence\"");
    expect_status(live(&pays, true), 1);
    expect_notes(0, "called pay a p");
    end_case();
    are_events_sent = false;
    are_actions_pure = false;
    holds_at = 1;
}

void run_own(void)
{
    *problem = '\0';
    own_effects_count();
    report("own", "what_a_life_did_itself_counts_when_its_journal_diverges", MET, "", *problem ? problem : NULL);
}

/* ---- all --------------------------------------------------------------------------------------------------------- */

typedef struct durable_case {
    const char *name;
    verdict verdict;
    const char *reason;
    bool (*ask)(const json_t *peer);
    const char *theirs, *ours; /* of one that differs, for the second table; NULL: it does not */
} durable_case;

#define DIVERGENCE "design §5, Divergence"
#define NO_KEY "design §5: a look-up is \"by (run id, action instance, call number)\"; no key is written as text"

static const durable_case durable_cases[] = {
    { "recovery_replays_in_order", MET, "calls of every kind", replays_in_order, NULL, NULL },
    { "recovery_partial", MET, "calls of every kind", partial, NULL, NULL },
    { "recovery_order_changed", DIFFERS, DIVERGENCE ": PURE as the peer's; with an effect recorded the run parks",
      order_changed, "a call that is not the recorded one drops what follows, effects too, and makes it again",
      "PURE: the same. With an effect in the journal the run is parked, and both sides are shown: an effect is not "
      "repeated because the code changed" },
    { "recovery_mismatch_in_the_middle", DIFFERS,
      DIVERGENCE ": the same results; all records of the run are dropped, and with an effect it parks",
      mismatch_in_the_middle, "the prefix before the mismatch is kept",
      "PURE: the same results; all records of that run are dropped, so after another crash the prefix is called again. "
      "With an effect in the journal the run is parked" },
    { "recovery_fewer_calls", MET, "calls of every kind", fewer_calls, NULL, NULL },
    { "recovery_args_digest_mismatch", DIFFERS,
      DIVERGENCE ": PURE as the peer's; with an effect recorded the run parks", args_mismatch,
      "a call with other arguments is made again, an effect too; Java's digest is always empty, so it never differs",
      "PURE: the same. With an effect the run is parked. The digest covers the bytes of the arguments, always" },
    { "exception_first_run", MET, "calls of every kind", exception, NULL, NULL },
    { "exception_payload_json", NOT_ASKED, "an entry holds code, remedy, origin and message; there is no class to name",
      NULL, NULL, NULL },
    { "exception_replayed", DIFFERS, "design §5: \"replays recorded outcomes, errors included\"", exception_replayed,
      "another type: RuntimeException, the first one's name within its message",
      "the same code and the same message as in the first run, so an action decides the same way" },
    { "null_result_first_run", MET, "and it is replayed", null_result, NULL, NULL },
    { "reconciler_first_run", MET, "a CHECKED call", reconciler_first, NULL, NULL },
    { "reconciler_recovery_pending", MET, "asked once the deadline and its margin have passed", reconciler_pending,
      NULL, NULL },
    { "reconciler_recovery_pending_throws", DIFFERS, "design §5: \"unknown (park)\"", reconciler_throws,
      "the reconciler's own exception becomes the outcome of the call",
      "that it could not be found out says nothing of the call: the run is parked, and somebody decides" },
    { "reconciler_recovery_terminal", MET, "", reconciler_terminal, NULL, NULL },
    { "pending_slot_but_reconciler_removed", DIFFERS, "weir.h: reconcile is \"needed by WEIR_CALL_CHECKED\"",
      reconciler_removed, "NullPointerException",
      "WEIR_INVALID, which names the call and what is missing; the doubt stays in the journal, and the reconciler, "
      "put back, is asked. Made ONCE instead, the run is parked" },
    { "no_store_configured_no_reconciler", MET,
      "PURE and IDEMPOTENT; CHECKED and ONCE are refused: design §5, \"Without a durable journal\"", no_store, NULL,
      NULL },
    { "completed_action_drops_call_results", MET,
      "a completed action is not run again; its calls' entries go when its run has ended", completed_action, NULL,
      NULL },
    { "state_key_format", NOT_ASKED, NO_KEY, NULL, NULL, NULL },
    { "state_key_ignores_event_type_and_id", DIFFERS, "design §5: \"by (run id, action instance, call number)\"",
      alike_events,
      "events of one input with the same attributes have one key with one action, whatever their type and id",
      "an action's place in its run tells its records apart: both make their calls, and each is answered its own" },
    { "parse_key_plain", NOT_ASKED, NO_KEY, NULL, NULL, NULL },
    { "store_before", NOT_ASKED, "where the next cases begin; they are asked", NULL, NULL, NULL },
    { "get_hit_removes_nothing", MET, "", hit, NULL, NULL },
    { "get_miss_drops_later_sequences_of_ALL_keys", DIFFERS, DIVERGENCE ": \"never another key touched\"", miss,
      "a mismatch at one key drops later records of all keys, whose calls are then made a second time",
      "it drops records of that one run" },
    { "get_of_a_new_key_with_seq_0_drops_everything_later", DIFFERS, DIVERGENCE ": \"never another key touched\"",
      new_key, "the first input of a new key drops every later record there is", "a run without records drops none" },
    { "prune_a_up_to_2", MET, "the end of a run takes its own records alone", prune, NULL, NULL },
    { "key_with_underscore_prune", DIFFERS, "contract: \"Keys are strings\"; records are found by run id", underscore,
      "a key with an underscore makes pruning throw IllegalArgumentException", "keys are any bytes" },
};

void run_durable(const json_t *cases)
{
    size_t i;
    json_t *peer;

    json_array_foreach(cases, i, peer)
    {
        const char *name = json_string_value(json_object_get(peer, "name"));
        const durable_case *ask = NULL;

        for (size_t j = 0; j < sizeof durable_cases / sizeof *durable_cases && !ask; j++) {
            if (strcmp(durable_cases[j].name, name) == 0)
                ask = &durable_cases[j];
        }
        if (!ask) {
            report_unknown("durable_and_state_store", name, "this case has no entry in durable.c");
            continue;
        }
        *problem = '\0';
        if (ask->ask)
            (void)ask->ask(peer);
        report("durable_and_state_store", name, ask->verdict, ask->reason, *problem ? problem : NULL);
    }
}

void print_durable_differences(void)
{
    printf("\n## Durable calls: what we do not copy\n\n| case | the peer | weir |\n|---|---|---|\n");
    for (size_t i = 0; i < sizeof durable_cases / sizeof *durable_cases; i++) {
        if (durable_cases[i].verdict == DIFFERS)
            printf("| %s | %s | %s |\n", durable_cases[i].name, durable_cases[i].theirs, durable_cases[i].ours);
    }
    printf("\nHow often and in which form the peer writes its slots (`persist_count`, `slots_…`) is its own affair; "
           "in their\nplace a case has a third life, in which what the second one recorded is answered again, and not "
           "called.\n");
}
