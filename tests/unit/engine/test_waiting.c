/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that wait: what they find again, what pauses acceptance, what a stop does, and threads that wake them. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "support.h"

/* ---- who waits --------------------------------------------------------------------------------------------------- */

enum { MOST_WAITING = 64 };
static weir_run *waiting[MOST_WAITING];
static size_t waiting_count;

static weir_code park(weir_run *run)
{
    ck_assert_uint_lt(waiting_count, MOST_WAITING);
    waiting[waiting_count++] = run;
    return weir__run_await(run);
}

/* Wakes all, the newest first. */
static void wake_waiting(void)
{
    ck_assert_uint_gt(waiting_count, 0);
    while (waiting_count)
        weir__run_wake(waiting[--waiting_count]);
}

static void set_up(void)
{
    test_set_up();
    waiting_count = 0; /* without forks, the test before has left some */
    test.on_wait = wake_waiting;
}

/* ---- what a run finds again -------------------------------------------------------------------------------------- */

static weir_code keep_errno_and_locals(weir_run *run, const weir_event *event, void *arg)
{
    int64_t number = weir_event_int(event, "/input", 0);
    volatile char local[8192];
    double real = (double)number / 3;

    (void)arg;
    memset((void *)(uintptr_t)local, (int)number, sizeof local);
    for (int i = 0; i < 3; i++) {
        errno = (int)number + i;
        if (park(run) != WEIR_OK)
            return WEIR_CANCELED;
        ck_assert_int_eq(errno, (int)number + i);
        ck_assert(real == (double)number / 3);
        for (size_t j = 0; j < sizeof local; j++)
            ck_assert_int_eq(local[j], (char)number);
    }
    return weir_output(run, json_integer(number));
}

START_TEST(a_run_finds_errno_and_its_locals_as_they_were)
{
    static const test_record records[] = { { "a", "1" }, { "b", "2" }, { "c", "3" } };

    test_add("w", keep_errno_and_locals, NULL, 0, WEIR_INPUT_EVENT);
    test_run(test_options(), records, 3);
    ck_assert_uint_eq(test.failed, 0);
    ck_assert_uint_eq(test.ended, 3);
}
END_TEST

static weir_code wait_and_go_on(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    if (park(run) != WEIR_OK)
        return WEIR_CANCELED;
    weir_output(run, json_string(arg));
    return weir_event_upstream_id(event) ? WEIR_OK : weir_send(run, "next", json_object());
}

static weir_code say(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    return weir_output(run, json_string(arg));
}

static char w1[] = "w1", w2[] = "w2", w3[] = "w3", s1[] = "s1", s2[] = "s2";

START_TEST(a_run_that_waits_stays_sequential)
{
    static const test_record records[] = { { "a", "1" }, { "b", "2" } };

    test_add("w1", wait_and_go_on, w1, 0, WEIR_INPUT_EVENT);
    test_add("s1", say, s1, 0, WEIR_INPUT_EVENT);
    test_add("w2", wait_and_go_on, w2, 0, WEIR_INPUT_EVENT);
    test_add("w3", wait_and_go_on, w3, 0, "next");
    test_add("s2", say, s2, 0, "next");
    test_run(test_options(), records, 2);
    /* Woken together, the newest first, so that they change places each of four times; each in its own order. */
    ck_assert_str_eq(test_logged(), "a=\"w1\" a=\"s1\" a=\"w2\" a=\"w3\" a=\"s2\" a=\"w3\" a=\"s2\" "
                                    "b=\"w1\" b=\"s1\" b=\"w2\" b=\"w3\" b=\"s2\" b=\"w3\" b=\"s2\" ");
}
END_TEST

static weir_code wait_then_fail(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    weir_memory_set_int(weir_short_term(run), "n", 1);
    weir_output(run, json_true());
    if (park(run) != WEIR_OK)
        return WEIR_CANCELED;
    return weir_event_int(event, "/input", 0) ? weir_fail(run, WEIR_FAILED, "late")
                                              : weir_output(run, weir_memory_get(weir_short_term(run), ""));
}

START_TEST(a_run_that_fails_after_waiting_leaves_no_trace_and_the_next_of_its_key_goes_on)
{
    static const test_record records[] = { { "a", "1" }, { "a", "0" } };

    test_add("w", wait_then_fail, NULL, 0, WEIR_INPUT_EVENT);
    test_run(test_options(), records, 2);
    ck_assert_str_eq(test_logged(), "a! a=true a={\"n\":1} ");
    ck_assert_str_eq(test.error.message, "action 'a.w': late");
}
END_TEST

static weir_code wake_twice(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    weir__run_wake(run); /* it runs: nothing happens */
    if (park(run) != WEIR_OK)
        return WEIR_CANCELED;
    return weir_output(run, json_true());
}

static void wake_each_twice(void)
{
    for (size_t i = 0; i < waiting_count; i++) {
        weir__run_wake(waiting[i]);
        weir__run_wake(waiting[i]);
    }
    waiting_count = 0;
}

START_TEST(waking_a_run_that_does_not_wait_does_nothing)
{
    static const test_record records[] = { { "a", "1" }, { "b", "1" } };

    test.on_wait = wake_each_twice;
    test_add("w", wake_twice, NULL, 0, WEIR_INPUT_EVENT);
    test_run(test_options(), records, 2);
    ck_assert_str_eq(test_logged(), "a=true b=true ");
}
END_TEST

/* ---- what pauses acceptance -------------------------------------------------------------------------------------- */

static weir_code wait_if_told(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    if (weir_event_bool(event, "/input/wait", false) && park(run) != WEIR_OK)
        return WEIR_CANCELED;
    return weir_output(run, json_true());
}

static size_t most_queued;

static void wake_and_look(void)
{
    for (const weir_run *run = weir__engine_oldest(test.engine); run; run = run->newer) {
        if (run->key->queued > most_queued)
            most_queued = run->key->queued;
        /* Whoever asks a queued run for its id makes its arena grow; the count of queued bytes must not mind. */
        for (int i = 0; i < 100; i++)
            (void)weir__arena_alloc((weir_arena *)(uintptr_t)&run->arena, 100);
    }
    wake_waiting();
}

START_TEST(acceptance_pauses_at_each_limit_and_goes_on)
{
    static const test_record records[] = {
        { "a", "{\"wait\":true}" }, { "a", "{\"wait\":true}" }, { "a", "{}" }, { "a", "{\"wait\":true}" },
        { "b", "{\"wait\":true}" }, { "a", "{}" },              { "b", "{}" }, { "a", "{\"wait\":true}" },
        { "c", "{}" },              { "a", "{}" },
    };

    test.on_wait = wake_and_look;
    test_add("w", wait_if_told, NULL, 0, WEIR_INPUT_EVENT);
    for (int limit = 0; limit < 3; limit++) {
        weir_engine_options options = test_options();

        if (limit == 0)
            options.queue_per_key = 2;
        else if (limit == 1)
            options.queue_bytes = 1;
        else
            options.runs_in_flight = 1;
        most_queued = 0;
        test_run(options, records, 10);
        ck_assert_uint_eq(test.ended, 10);
        ck_assert_uint_gt(test.refusals, 0);
        ck_assert_uint_eq(most_queued, limit == 0 ? 2 : limit == 1 ? 1 : 0);
        ck_assert_uint_eq(weir__engine_counts(test.engine).queued, 0);
    }
}
END_TEST

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static int canceled, finished;

static weir_code see_cancel(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    weir_memory_set_int(weir_short_term(run), "n", 1);
    weir_output(run, json_true());
    if (park(run) == WEIR_CANCELED) {
        canceled++;
        ck_assert_int_eq(weir__run_await(run), WEIR_CANCELED); /* at once */
        return WEIR_OK;                                         /* it makes no difference what it returns */
    }
    finished++;
    return WEIR_OK;
}

static weir_turn stop_when_all_wait(void *host, bool may_accept)
{
    return weir__engine_counts(test.engine).waiting == 3 || canceled ? WEIR__TURN_STOP : test_turn(host, may_accept);
}

/* The first of those that wait is woken before the stop: it was ready, and ends well. */
static weir_turn stop_after_waking(void *host, bool may_accept)
{
    if (weir__engine_counts(test.engine).waiting == 3) {
        weir__run_wake(waiting[0]);
        weir__engine_stop(test.engine);
        return WEIR__TURN_MORE;
    }
    return canceled ? WEIR__TURN_STOP : test_turn(host, may_accept);
}

START_TEST(a_stop_cancels_what_waits_and_keeps_it_among_those_not_over)
{
    static const weir_engine_port ports[] = { { stop_when_all_wait, test_wait, test_ended, NULL, NULL, NULL, false },
                                              { stop_after_waking, test_wait, test_ended, NULL, NULL, NULL, false } };
    static const test_record records[] = { { "a", "1" }, { "a", "2" }, { "b", "1" },
                                           { "b", "2" }, { "c", "1" }, { "d", "1" } };
    weir_engine_options options = test_options();

    options.port = &ports[_i];
    canceled = finished = 0;
    test_add("w", see_cancel, NULL, 0, WEIR_INPUT_EVENT);
    test_run(options, records, 6);
    ck_assert_int_eq(canceled, 3 - _i);
    ck_assert_int_eq(finished, _i);
    ck_assert_uint_eq(test.ended, (size_t)_i);
    ck_assert_str_eq(test_logged(), _i ? "a=true " : "");
    ck_assert_uint_eq(weir__engine_oldest(test.engine)->index, (uint64_t)_i);
    ck_assert_uint_eq(weir__engine_counts(test.engine).waiting, 0);
    if (!_i) {
        weir_key *key;
        weir_error err;

        ck_assert_int_eq(weir__keys_get(weir__engine_keys(test.engine), 0, weir__bytes_text("a"), &key, &err), WEIR_OK);
        ck_assert_uint_eq(key->cells.count, 0);
    }
}
END_TEST

/* ---- threads ----------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, AWAITS = 50 };

typedef struct job_for_thread {
    weir_post post;
    struct job_for_thread *next;
    weir_run *run;
    int64_t number;
    bool is_done;
} job_for_thread;

static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_there = PTHREAD_COND_INITIALIZER;
static job_for_thread *work; /* lock: work_lock */
static bool work_is_over;    /* lock: work_lock */

static void wake_worked(weir_post *post)
{
    job_for_thread *done = (job_for_thread *)post;

    done->is_done = true;
    weir__run_wake(done->run);
}

static void *worker(void *context)
{
    (void)context;
    for (;;) {
        job_for_thread *taken;

        (void)pthread_mutex_lock(&work_lock);
        while (!work && !work_is_over)
            (void)pthread_cond_wait(&work_there, &work_lock);
        taken = work;
        if (taken)
            work = taken->next;
        (void)pthread_mutex_unlock(&work_lock);
        if (!taken)
            return NULL;
        taken->number++; /* both threads see what came before */
        taken->post.fn = wake_worked;
        weir__engine_post(taken->run->engine, &taken->post);
    }
}

static weir_code ask_thread(weir_run *run, const weir_event *event, void *arg)
{
    job_for_thread asked = { .run = run };

    (void)event;
    (void)arg;
    for (int i = 0; i < AWAITS; i++) {
        asked.is_done = false;
        (void)pthread_mutex_lock(&work_lock);
        asked.next = work;
        work = &asked;
        (void)pthread_cond_signal(&work_there);
        (void)pthread_mutex_unlock(&work_lock);
        if (weir__run_await(run) != WEIR_OK)
            return WEIR_CANCELED;
        ck_assert(asked.is_done);
    }
    return weir_output(run, json_integer(asked.number));
}

START_TEST(threads_wake_runs_by_posts)
{
    static test_record records[200];
    static char names[200][8];
    pthread_t threads[THREADS];

    for (size_t i = 0; i < 200; i++) {
        (void)snprintf(names[i], sizeof names[i], "k%zu", i % 50);
        records[i] = (test_record){ names[i], "1" };
    }
    work_is_over = false;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, worker, NULL), 0);
    test.on_wait = NULL;
    test_add("t", ask_thread, NULL, 0, WEIR_INPUT_EVENT);
    test_run(test_options(), records, 200);
    weir__engine_free(test.engine); /* while the last thread may still be on its way out of its post */
    test.engine = NULL;
    (void)pthread_mutex_lock(&work_lock);
    work_is_over = true;
    (void)pthread_cond_broadcast(&work_there);
    (void)pthread_mutex_unlock(&work_lock);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(test.ended, 200);
    ck_assert_uint_eq(test.failed, 0);
    ck_assert_ptr_null(strstr(test_logged(), "=49 "));
    ck_assert_ptr_nonnull(strstr(test_logged(), "k7=50 "));
}
END_TEST

typedef struct numbered_post {
    weir_post post;
    int number;
} numbered_post;

static int next_number;
static bool is_in_order;

static void note_number(weir_post *post)
{
    is_in_order = is_in_order && ((numbered_post *)post)->number == next_number;
    next_number++;
}

static weir_turn turn_until_posted(void *host, bool may_accept)
{
    (void)host;
    (void)may_accept;
    return next_number == 1000 ? WEIR__TURN_STOP : WEIR__TURN_IDLE;
}

static void *post_many(void *context)
{
    numbered_post *posts = context;

    for (int i = 0; i < 1000; i++) {
        posts[i] = (numbered_post){ .post = { NULL, note_number }, .number = i };
        weir__engine_post(test.engine, &posts[i].post);
    }
    return NULL;
}

START_TEST(posts_of_one_thread_come_in_their_order)
{
    static const weir_engine_port port = { turn_until_posted, test_wait, test_ended, NULL, NULL, NULL, false };
    static numbered_post posts[1000];
    weir_engine_options options = test_options();
    pthread_t thread;
    weir_error err;

    options.port = &port;
    test.on_wait = NULL;
    next_number = 0;
    is_in_order = true;
    test_open(options);
    ck_assert_int_eq(pthread_create(&thread, NULL, post_many, posts), 0);
    ck_assert_int_eq(weir__engine_run(test.engine, &err), WEIR_OK);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(is_in_order);
    ck_assert_int_eq(next_number, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/waiting");
    TCase *alone = tcase_create("alone"), *threads = tcase_create("threads");

    tcase_add_checked_fixture(alone, set_up, test_tear_down);
    tcase_add_test(alone, a_run_finds_errno_and_its_locals_as_they_were);
    tcase_add_test(alone, a_run_that_waits_stays_sequential);
    tcase_add_test(alone, a_run_that_fails_after_waiting_leaves_no_trace_and_the_next_of_its_key_goes_on);
    tcase_add_test(alone, waking_a_run_that_does_not_wait_does_nothing);
    tcase_add_test(alone, acceptance_pauses_at_each_limit_and_goes_on);
    tcase_add_loop_test(alone, a_stop_cancels_what_waits_and_keeps_it_among_those_not_over, 0, 2);
    suite_add_tcase(suite, alone);
    tcase_set_timeout(threads, 60);
    tcase_add_checked_fixture(threads, set_up, test_tear_down);
    tcase_add_test(threads, threads_wake_runs_by_posts);
    tcase_add_test(threads, posts_of_one_thread_come_in_their_order);
    suite_add_tcase(suite, threads);
    return weir__suite_run(suite);
}
