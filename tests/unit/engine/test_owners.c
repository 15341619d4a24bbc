/* SPDX-License-Identifier: Apache-2.0 */
/* Several owners on one engine: keys of their own, and one that is given up while the others go on. */
#include <poll.h>
#include <unistd.h>

#include "base/hash.h"
#include "call_host.h"
#include "engine/internal.h"

enum { ROUNDS = 300, RECORDS = 24 };

static service shop;
static weir_call_kind kind;
static bool is_seen; /* what a hook has to say */

static weir_code pay(weir_run *run, const weir_event *event)
{
    (void)event;
    return output_call(run, &shop, kind, 1);
}

/* How often its key was seen, without a call. */
static weir_code count(weir_run *run, const weir_event *event)
{
    int64_t seen = weir_memory_int(weir_short_term(run), "n", 0) + 1;
    char text[24];

    (void)event;
    (void)snprintf(text, sizeof text, "%" PRId64, seen);
    return weir_memory_set_int(weir_short_term(run), "n", seen) == WEIR_OK
               ? weir_output_bytes(run, weir__bytes_text(text))
               : WEIR_FAILED;
}

static void set_up(void)
{
    host_set_up();
    shop = (service){ .name = "pay", .answers = "7", .verdict = "unknown" };
    body = pay;
    kind = WEIR_CALL_ONCE;
    is_seen = false;
}

static const char *live_owned(const char *owners, const char *const *keys, const char *script)
{
    host.owners = owners;
    return live(host_options(), keys, script);
}

static void drop_1(void)
{
    weir__engine_drop(host.engine, 1);
    host.is_dropped[1] = true;
    trace(weir__engine_is_dropping(host.engine, 1) ? "dropping" : "dropped");
}

static void assert_nothing_is_left_of(uint32_t owner)
{
    ck_assert(!weir__engine_is_dropping(host.engine, owner));
    ck_assert_uint_eq(weir__engine_runs_of(host.engine, owner), 0);
    ck_assert_ptr_null(host.engine->retired);
    ck_assert_uint_eq(weir__engine_counts(host.engine).waiting, 0);
    ck_assert_uint_eq(weir__engine_counts(host.engine).queued, 0);
    ck_assert_uint_eq(weir__engine_counts(host.engine).parked, 0);
    ck_assert_uint_eq(weir__engine_counts(host.engine).ready, 0);
    ck_assert_uint_eq(host.engine->full_keys, 0);
    ck_assert_uint_eq(host.engine->queued_bytes, 0);
}

static const char *const two_alike[] = { "k", "k", NULL };

/* ---- keys -------------------------------------------------------------------------------------------------------- */

START_TEST(the_same_bytes_under_two_owners_are_two_keys)
{
    static const char *const keys[] = { "k", "k", "k", NULL };

    body = count;
    ck_assert_str_eq(live_owned("121", keys, ""), "k=1 k=1 k=2 ");
    ck_assert_uint_eq(weir__keys_count(weir__engine_keys(host.engine)), 2);
}
END_TEST

START_TEST(a_run_waits_for_no_run_of_another_owner_with_the_same_key)
{
    ck_assert_str_eq(live_owned("12", two_alike, "t l r"),
                     "I1.1#1 I1.1#1 durable pay#1 O1.1#1=ok k=7 pay#1 O1.1#1=ok k=7 ");
}
END_TEST

START_TEST(an_owner_that_is_forgotten_begins_anew_with_the_same_number)
{
    static const char *const keys[] = { "k", "k", "k", "k", NULL };

    body = count;
    host.owners = "1212";
    host.keys = keys;
    ck_assert_str_eq(live_owned("12", two_alike, ""), "k=1 k=1 ");
    weir__engine_drop(host.engine, 1);
    ck_assert(!weir__engine_is_dropping(host.engine, 1));
    weir__engine_forget(host.engine, 1);
    ck_assert_uint_eq(weir__keys_count(weir__engine_keys(host.engine)), 1);
    host.is_over = false;
    host.keys = keys;
    host.owners = "1212";
    ck_assert_int_eq(weir__engine_run(host.engine, &host.error), WEIR_OK);
    ck_assert_str_eq(traced(), "k=1 k=2 ");
}
END_TEST

/* ---- dropping ---------------------------------------------------------------------------------------------------- */

START_TEST(a_call_under_way_ends_in_the_journal_when_its_owner_is_dropped)
{
    shop.answers = "hang 7";
    host.hook = drop_1;
    ck_assert_str_eq(live_owned("12", two_alike, "th!fr"),
                     "I1.1#1 I1.1#1 durable pay#1 dropping O1.1#1=ok pay#1 O1.1#1=ok k=7 ");
    assert_nothing_is_left_of(1);
    ck_assert_uint_eq(host.journal[2].run, 0);
    ck_assert_uint_eq(weir__engine_counts(host.engine).ended, 1);
}
END_TEST

/* The hook of the next test: the run is gone, its errand is not. */
static void forget_1_while_its_call_is_under_way(void)
{
    if (!is_seen) {
        is_seen = true;
        drop_1();
        return;
    }
    ck_assert(!weir__engine_is_dropping(host.engine, 1));
    ck_assert_ptr_nonnull(host.engine->retired);
    weir__engine_forget(host.engine, 1);
    host.is_dropped[1] = false;
    ck_assert_uint_eq(weir__engine_runs_of(host.engine, 1), 0);
}

START_TEST(an_outcome_comes_even_after_its_owner_is_forgotten)
{
    shop.answers = "hang";
    host.hook = forget_1_while_its_call_is_under_way;
    ck_assert_str_eq(live_owned("1", one_key, "th!!f"), "I1.1#1 durable pay#1 dropping O1.1#1=ok ");
    assert_nothing_is_left_of(1);
}
END_TEST

START_TEST(the_outcome_of_a_pure_call_goes_with_its_owner)
{
    kind = WEIR_CALL_PURE;
    shop.answers = "hang";
    host.hook = drop_1;
    ck_assert_str_eq(live_owned("1", one_key, "h!f"), "pay#1 dropping ");
    assert_nothing_is_left_of(1);
}
END_TEST

static void drop_1_and_look_for_its_run(void)
{
    if (!is_seen) {
        is_seen = true;
        drop_1();
        return;
    }
    ck_assert_ptr_nonnull(host.tasks); /* its errand waits for a thread still, and needs it no more */
    ck_assert_ptr_null(host.engine->retired);
    ck_assert_uint_eq(weir__engine_runs_of(host.engine, 1), 0);
}

START_TEST(a_call_that_has_not_begun_is_withdrawn_and_never_begins)
{
    host.hook = drop_1_and_look_for_its_run;
    ck_assert_str_eq(live_owned("12", two_alike, "t!!"), "I1.1#1 I1.1#1 durable W1.1#1 dropping pay#1 O1.1#1=ok k=7 ");
    assert_nothing_is_left_of(1);
    ck_assert_int_eq(shop.calls, 1);
}
END_TEST

START_TEST(an_intent_that_is_not_durable_yet_is_withdrawn_behind_it)
{
    host.hook = drop_1;
    ck_assert_str_eq(live_owned("1", one_key, "!t"), "I1.1#1 W1.1#1 dropping durable ");
    assert_nothing_is_left_of(1);
    ck_assert_int_eq(shop.calls, 0);
}
END_TEST

START_TEST(an_intent_that_never_becomes_durable_frees_its_run_too)
{
    host.hook = drop_1;
    ck_assert_str_eq(live_owned("1", one_key, "!T"), "I1.1#1 W1.1#1 dropping lost ");
    assert_nothing_is_left_of(1);
}
END_TEST

START_TEST(runs_that_queue_are_dropped_at_once_and_their_key_holds_nobody_back)
{
    static const char *const keys[] = { "k", "k", "k", "k", "k", NULL };
    weir_engine_options options = host_options();

    options.queue_per_key = 2;
    host.owners = "11122";
    host.hook = drop_1;
    ck_assert_str_eq(live(options, keys, "!"),
                     "I1.1#1 W1.1#1 dropping I1.1#1 durable pay#1 O1.1#1=ok R1 k=7 "
                     "I1.1#1 durable pay#1 O1.1#1=ok k=7 ");
    assert_nothing_is_left_of(1);
}
END_TEST

static void drop_parked_1(void)
{
    ck_assert_uint_eq(weir__engine_counts(host.engine).parked, 1);
    drop_1();
}

START_TEST(a_parked_run_and_those_behind_it_are_dropped_at_once)
{
    static const char *const keys[] = { "k", "k", "k", NULL };
    weir_engine_options options = host_options();

    options.queue_per_key = 1;
    shop.answers = "unknown 7";
    host.owners = "112";
    host.hook = drop_parked_1;
    ck_assert_str_eq(live(options, keys, "trn!"),
                     "I1.1#1 durable pay#1 P1.1#1:doubt parked I1.1#1 dropped durable pay#1 O1.1#1=ok k=7 ");
    assert_nothing_is_left_of(1);
}
END_TEST

/* In a turn, where runs are ready that have not begun. */
static weir_turn turn_that_drops(void *context, bool may_accept)
{
    weir_turn turn = host_turn(context, may_accept);

    if (host.keys[host.given] || is_seen)
        return turn;
    is_seen = true;
    ck_assert_uint_gt(weir__engine_counts(host.engine).ready, 0);
    drop_1();
    return WEIR__TURN_MORE;
}

START_TEST(a_ready_run_that_has_not_begun_is_dropped_at_once)
{
    static const weir_engine_port port = { turn_that_drops, host_wait, host_ended, NULL, host_append, host_parked,
                                           false };
    weir_engine_options options = host_options();

    options.port = &port;
    host.owners = "1";
    ck_assert_str_eq(live(options, one_key, ""), "dropped ");
    assert_nothing_is_left_of(1);
}
END_TEST

static void wake_and_drop(void)
{
    weir__run_wake(weir__engine_oldest(host.engine));
    drop_1();
}

/* Waits whatever it is told, and starts calls on its way out. */
static weir_code cling(weir_run *run, const weir_event *event)
{
    (void)event;
    ck_assert_int_eq(weir__run_await(run), WEIR_CANCELED);
    ck_assert_int_eq(weir__run_await(run), WEIR_CANCELED);
    ck_assert_int_eq(output_call(run, &shop, WEIR_CALL_ONCE, 1), WEIR_CANCELED);
    ck_assert_ptr_nonnull(start_call(run, &shop, WEIR_CALL_PURE, 1));
    trace("out");
    return WEIR_OK;
}

START_TEST(a_run_that_clings_to_its_stack_sees_nothing_but_its_end)
{
    body = cling;
    host.hook = wake_and_drop;
    ck_assert_str_eq(live_owned("1", one_key, "!"), "dropping out ");
    assert_nothing_is_left_of(1);
    ck_assert_int_eq(shop.calls, 0);
}
END_TEST

static void stop_and_drop(void)
{
    host.is_stopping = true;
    weir__engine_stop(host.engine);
    drop_1();
}

START_TEST(an_owner_may_be_dropped_while_the_engine_stops)
{
    static const char *const keys[] = { "k", "k", "l", NULL };

    host.hook = stop_and_drop;
    ck_assert_str_eq(live_owned("112", keys, "!t"), "I1.1#1 I1.1#1 W1.1#1 dropping durable W1.1#1 ");
    ck_assert_uint_eq(weir__engine_runs_of(host.engine, 1), 0);
    ck_assert_uint_eq(weir__engine_runs_of(host.engine, 2), 1);
}
END_TEST

START_TEST(an_owner_may_be_dropped_after_a_stop_has_withdrawn_its_calls)
{
    host.hook = drop_1;
    ck_assert_str_eq(live_owned("1", one_key, "st!"), "I1.1#1 durable W1.1#1 dropped ");
    assert_nothing_is_left_of(1);
}
END_TEST

static uint64_t dice = 1;

static uint64_t draw(uint64_t below)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (dice >> 33) % below;
}

static void drop_any(void)
{
    uint32_t owner = (uint32_t)(1 + draw(3));

    weir__engine_drop(host.engine, owner);
    host.is_dropped[owner] = true;
}

static weir_verdict judge(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    (void)args;
    (void)attempt;
    (void)arg;
    (void)err;
    return draw(2) == 0 ? WEIR_VERDICT_NOT_DONE
           : weir_buffer_append(result, "1", 1) == WEIR_OK ? WEIR_VERDICT_DONE : WEIR_VERDICT_UNKNOWN;
}

static weir_future *start_any(weir_run *run)
{
    weir_call_options options = call_options(&shop, 2);

    options.reconcile = judge;
    return weir_call_start(run, shop.name, (weir_call_kind)draw(WEIR_CALL_ONCE + 1), serve, &shop,
                           weir__bytes_text("args"), &options);
}

static weir_code pay_at_random(weir_run *run, const weir_event *event)
{
    weir_future *futures[2] = { start_any(run), NULL };
    size_t count = futures[0] ? 1 : 0;

    (void)event;
    if (draw(3) == 0)
        futures[count++] = start_any(run);
    return count && futures[count - 1] ? weir_wait_all(run, futures, count, NULL) : WEIR_CANCELED;
}

START_TEST(whatever_is_dropped_when_the_others_end_and_nothing_is_left)
{
    static const char *const names[] = { "a", "b", "c" };
    static const char words[] = "tr!";
    const char *keys[RECORDS + 1] = { NULL };
    char owners[RECORDS + 1] = "", script[2 * RECORDS + 1] = "";
    weir_engine_options options = host_options();

    body = pay_at_random;
    host.hook = drop_any;
    options.queue_per_key = 2;
    options.in_doubt = WEIR__IN_DOUBT_FAIL;
    shop.answers = "7 refused unknown 7 7 failed 7 unknown refused 7";
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < RECORDS; i++) {
            keys[i] = names[draw(3)];
            owners[i] = (char)('1' + draw(4));
        }
        for (size_t i = 0; i < 2 * RECORDS; i++)
            script[i] = words[draw(3)];
        /* What it says only makes sense while there is something to do it with: see follow_script(). */
        memset(host.is_dropped, 0, sizeof host.is_dropped);
        host.owners = owners;
        host.is_lenient = true;
        shop.calls = 0;
        forget_journal(0);
        (void)live(options, keys, script);
        for (uint32_t owner = 1; owner <= 4; owner++)
            assert_nothing_is_left_of(owner);
        ck_assert_ptr_null(weir__engine_oldest(host.engine));
        ck_assert_uint_eq(weir__engine_counts(host.engine).errands, 0);
        ck_assert_uint_eq(weir__engine_counts(host.engine).accepted, RECORDS);
    }
}
END_TEST

/* ---- finding ----------------------------------------------------------------------------------------------------- */

static void look_for_runs(void)
{
    weir_run *first = weir__engine_oldest(host.engine);

    ck_assert_uint_eq(weir__engine_runs_of(host.engine, 1), 2);
    ck_assert_uint_eq(weir__engine_runs_of(host.engine, 2), 1);
    ck_assert_uint_eq(weir__engine_runs_of(host.engine, 3), 0);
    ck_assert_ptr_eq(weir__engine_find(host.engine, 1, 0), first);
    ck_assert_ptr_eq(weir__engine_find(host.engine, 2, 1), first->newer);
    ck_assert_ptr_eq(weir__engine_find(host.engine, 1, 2), first->newer->newer);
    ck_assert_ptr_null(weir__engine_find(host.engine, 1, 1));
    ck_assert_ptr_null(weir__engine_find(host.engine, 2, 0));
    drop_1();
    ck_assert_ptr_nonnull(weir__engine_find(host.engine, 2, 1));
    ck_assert_ptr_null(weir__engine_find(host.engine, 1, 2));
}

START_TEST(a_run_is_found_by_owner_and_index_while_it_is_not_over)
{
    static const char *const keys[] = { "k", "k", "k", NULL };

    host.hook = look_for_runs;
    ck_assert_str_eq(live_owned("121", keys, "!"), "I1.1#1 I1.1#1 W1.1#1 dropping durable pay#1 O1.1#1=ok k=7 ");
    ck_assert_ptr_null(weir__engine_find(host.engine, 2, 1));
    ck_assert_ptr_null(weir__engine_find(host.engine, 1, 0));
}
END_TEST

START_TEST(the_index_grows_with_the_runs)
{
    enum { MANY = 5000 };
    static weir_run runs[MANY];
    weir_roster roster = { .oldest = NULL };

    ck_assert_ptr_null(weir__roster_find(&roster, 0, 0)); /* from here on there is an index */
    for (size_t i = 0; i < MANY; i++) {
        runs[i].owner = (uint32_t)(i % 130);
        runs[i].index = i / 130;
        ck_assert_int_eq(weir__roster_add(&roster, &runs[i], &host.error), WEIR_OK);
    }
    for (size_t i = 0; i < MANY; i++)
        ck_assert_ptr_eq(weir__roster_find(&roster, runs[i].owner, runs[i].index), &runs[i]);
    for (size_t i = 0; i < MANY; i += 2)
        weir__roster_remove(&roster, &runs[i]);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_ptr_eq(weir__roster_find(&roster, runs[i].owner, runs[i].index), i % 2 ? &runs[i] : NULL);
    weir__roster_forget(&roster, 128);
    ck_assert_ptr_null(weir__roster_owner(&roster, 128));
    ck_assert_ptr_nonnull(weir__roster_owner(&roster, 64));
    weir__roster_clear(&roster);
}
END_TEST

/* ---- what the log says of a run ---------------------------------------------------------------------------------- */

static weir_entry told;
static uint64_t input_hash; /* of the run that was told last */
static const weir_entry *of_before; /* an entry of the journal, of an epoch before */

static void learn(void)
{
    weir_run *run = weir__engine_oldest(host.engine);

    input_hash = run->input_hash;
    run->entries->epoch = of_before ? 6 : 7; /* the intent; what parking keeps of it beside is of this life */
    ck_assert_int_eq(weir__engine_learn_entry(run, &told), WEIR_OK);
    trace("told");
    told.result = weir__bytes_text("x"); /* it was copied */
}

/* A call whose intent only the life before knows of: in doubt when this life asks for it. */
static const char *live_in_doubt(weir_entry entry, bool is_of_before, const char *script)
{
    static const weir_entry before = { .kind = WEIR__ENTRY_INTENT };

    host.owners = NULL;
    of_before = is_of_before ? &before : NULL;
    told = entry;
    told.run = "test/0";
    told.instance = told.call = 1;
    told.epoch = 6;
    host.hook = learn;
    (void)live(host_options(), one_key, "ts");
    /* The stop has withdrawn it: a kill would not have. */
    forget_journal(1);
    return live(host_options(), one_key, script);
}

START_TEST(an_outcome_that_another_epoch_wrote_ends_the_doubt)
{
    weir_entry outcome = { .kind = WEIR__ENTRY_OUTCOME, .attempt = 1, .is_final = true, .code = WEIR_OK,
                           .result = weir__bytes_text("5") };

    ck_assert_str_eq(live_in_doubt(outcome, true, "!"), "told k=5 ");
}
END_TEST

START_TEST(a_failure_that_another_epoch_wrote_is_the_answer)
{
    weir_entry outcome = { .kind = WEIR__ENTRY_OUTCOME, .attempt = 1, .is_final = true, .code = WEIR_FAILED };

    (void)weir__fail_from(&outcome.error, WEIR_FAILED, WEIR_REMEDY_FIX, "bank", 3, "card expired");
    ck_assert_str_eq(live_in_doubt(outcome, true, "!"), "told k!failed ");
    ck_assert_ptr_nonnull(strstr(host.error.message, "card expired"));
}
END_TEST

START_TEST(a_withdrawal_that_another_epoch_wrote_begins_the_next_attempt)
{
    weir_entry withdrawn = { .kind = WEIR__ENTRY_WITHDRAWN, .attempt = 1 };

    ck_assert_str_eq(live_in_doubt(withdrawn, true, "!"), "I1.1#2 told durable pay#2 O1.1#2=ok k=7 ");
}
END_TEST

START_TEST(a_decision_that_another_wrote_ends_the_doubt)
{
    weir_entry resolution = { .kind = WEIR__ENTRY_RESOLUTION, .attempt = 1, .decision = WEIR__DECISION_RESULT,
                              .result = weir__bytes_text("4") };

    ck_assert_str_eq(live_in_doubt(resolution, false, "!"), "told k=4 ");
}
END_TEST

START_TEST(what_another_epoch_says_of_an_attempt_of_this_one_does_not_count)
{
    weir_entry withdrawn = { .kind = WEIR__ENTRY_WITHDRAWN, .attempt = 1 };

    ck_assert_str_eq(live_in_doubt(withdrawn, false, "!"), "told P1.1#1:doubt parked ");
}
END_TEST

START_TEST(what_is_said_of_another_attempt_does_not_count)
{
    weir_entry outcome = { .kind = WEIR__ENTRY_OUTCOME, .attempt = 2, .is_final = true, .code = WEIR_OK,
                           .result = weir__bytes_text("5") };

    ck_assert_str_eq(live_in_doubt(outcome, true, "!"), "told P1.1#1:doubt parked ");
}
END_TEST

START_TEST(a_parked_run_goes_on_with_what_the_log_says)
{
    weir_entry outcome = { .kind = WEIR__ENTRY_OUTCOME, .attempt = 1, .is_final = true, .code = WEIR_OK,
                           .result = weir__bytes_text("5"), .call_kind = WEIR_CALL_ONCE, .action = "a.x",
                           .name = "pay" };
    weir_entry withdrawn = { .kind = WEIR__ENTRY_WITHDRAWN, .attempt = 1 };

    outcome.digest = weir__hash_stable(weir__bytes_text("args"), 0);
    (void)live_in_doubt(outcome, true, "!");
    outcome.input_hash = input_hash;
    forget_journal(0);
    ck_assert_str_eq(live_in_doubt(outcome, true, "n!"), "P1.1#1:doubt parked goes-on told k=5 ");
    forget_journal(0);
    ck_assert_str_eq(live_in_doubt(withdrawn, true, "n!"),
                     "P1.1#1:doubt parked goes-on told I1.1#2 durable pay#2 O1.1#2=ok k=7 ");
}
END_TEST

START_TEST(only_what_ends_an_attempt_is_learned)
{
    weir_entry intent = { .kind = WEIR__ENTRY_INTENT };
    weir_run run = { .state = WEIR__RUN_QUEUED };

    ck_assert_int_eq(weir__engine_learn_entry(&run, &intent), WEIR_INVALID);
}
END_TEST

/* ---- descriptors ------------------------------------------------------------------------------------------------- */

static bool is_awake(void)
{
    struct pollfd wake = { weir__engine_wake_fd(host.engine), POLLIN, 0 };

    return poll(&wake, 1, 0) == 1;
}

START_TEST(a_watched_descriptor_wakes_the_engine)
{
    int ends[2];

    body = count;
    (void)live_owned("1", one_key, "");
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(weir__engine_watch(host.engine, ends[0], &host.error), WEIR_OK);
    ck_assert(!is_awake());
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert(is_awake());
    weir__engine_unwatch(host.engine, ends[0]);
    ck_assert(!is_awake());
    weir__engine_unwatch(host.engine, ends[0]);
    ck_assert_int_eq(close(ends[0]), 0);
    ck_assert_int_eq(weir__engine_watch(host.engine, ends[0], &host.error), WEIR_IO);
    ck_assert_str_eq(host.error.message, "cannot watch a descriptor: Bad file descriptor");
    ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("owners");
    TCase *keys = tcase_create("keys"), *dropping = tcase_create("dropping"), *finding = tcase_create("finding"),
          *log = tcase_create("log");

    tcase_add_checked_fixture(keys, set_up, host_tear_down);
    tcase_add_test(keys, the_same_bytes_under_two_owners_are_two_keys);
    tcase_add_test(keys, a_run_waits_for_no_run_of_another_owner_with_the_same_key);
    tcase_add_test(keys, an_owner_that_is_forgotten_begins_anew_with_the_same_number);
    suite_add_tcase(suite, keys);
    tcase_add_checked_fixture(dropping, set_up, host_tear_down);
    tcase_add_test(dropping, a_call_under_way_ends_in_the_journal_when_its_owner_is_dropped);
    tcase_add_test(dropping, an_outcome_comes_even_after_its_owner_is_forgotten);
    tcase_add_test(dropping, the_outcome_of_a_pure_call_goes_with_its_owner);
    tcase_add_test(dropping, a_call_that_has_not_begun_is_withdrawn_and_never_begins);
    tcase_add_test(dropping, an_intent_that_is_not_durable_yet_is_withdrawn_behind_it);
    tcase_add_test(dropping, an_intent_that_never_becomes_durable_frees_its_run_too);
    tcase_add_test(dropping, runs_that_queue_are_dropped_at_once_and_their_key_holds_nobody_back);
    tcase_add_test(dropping, a_parked_run_and_those_behind_it_are_dropped_at_once);
    tcase_add_test(dropping, a_ready_run_that_has_not_begun_is_dropped_at_once);
    tcase_add_test(dropping, a_run_that_clings_to_its_stack_sees_nothing_but_its_end);
    tcase_add_test(dropping, an_owner_may_be_dropped_while_the_engine_stops);
    tcase_add_test(dropping, an_owner_may_be_dropped_after_a_stop_has_withdrawn_its_calls);
    tcase_add_test(dropping, whatever_is_dropped_when_the_others_end_and_nothing_is_left);
    suite_add_tcase(suite, dropping);
    tcase_add_checked_fixture(finding, set_up, host_tear_down);
    tcase_add_test(finding, a_run_is_found_by_owner_and_index_while_it_is_not_over);
    tcase_add_test(finding, the_index_grows_with_the_runs);
    tcase_add_test(finding, a_watched_descriptor_wakes_the_engine);
    suite_add_tcase(suite, finding);
    tcase_add_checked_fixture(log, set_up, host_tear_down);
    tcase_add_test(log, an_outcome_that_another_epoch_wrote_ends_the_doubt);
    tcase_add_test(log, a_failure_that_another_epoch_wrote_is_the_answer);
    tcase_add_test(log, a_withdrawal_that_another_epoch_wrote_begins_the_next_attempt);
    tcase_add_test(log, a_decision_that_another_wrote_ends_the_doubt);
    tcase_add_test(log, what_another_epoch_says_of_an_attempt_of_this_one_does_not_count);
    tcase_add_test(log, what_is_said_of_another_attempt_does_not_count);
    tcase_add_test(log, a_parked_run_goes_on_with_what_the_log_says);
    tcase_add_test(log, only_what_ends_an_attempt_is_learned);
    suite_add_tcase(suite, log);
    return weir__suite_run(suite);
}
