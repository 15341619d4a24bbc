/* SPDX-License-Identifier: Apache-2.0 */
/* The loop over a host of the test's own: order, waiting, limits, failures, stopping. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <poll.h>

#include <weir/weir.h>

#include "engine/engine.h"
#include "suite.h"

enum { MOST_RUNS = 20000 };

/* A fiber of ThreadSanitizer takes 0.9 MB, and time. */
#ifdef __SANITIZE_THREAD__
enum { MANY = 200 };
#else
enum { MANY = 2000 };
#endif

/* A host that gives out `count` records, keys k0, k1, … by turns, and keeps what ended as text. */
typedef struct fake_host {
    weir_engine *engine;
    size_t count, keys, given;
    char *log; /* "index:output " for each output; "index! " for a failed run */
    size_t log_size;
    weir_run *waiting[MOST_RUNS]; /* those that await, in the order in which they did */
    size_t wait_count, most_waiting;
    bool wake_backwards;
    size_t stop_at; /* say STOP when that many wait, and from then on; 0: never */
    bool is_stopping;
    char message[232];
    size_t ended_count, failed_count;
} fake_host;

static fake_host host;

static weir_turn turn(void *context, bool may_accept)
{
    weir_engine_counts counts = weir__engine_counts(host.engine);
    weir_error err;
    weir_run *run;
    char text[32];

    (void)context;
    if (counts.waiting > host.most_waiting)
        host.most_waiting = counts.waiting;
    if (host.stop_at && (host.is_stopping || counts.waiting >= host.stop_at)) {
        host.is_stopping = true;
        return WEIR__TURN_STOP;
    }
    if (host.given == host.count || !may_accept) {
        if (counts.accepted == counts.ended && host.given == host.count)
            return WEIR__TURN_STOP;
        return WEIR__TURN_IDLE;
    }
    run = weir__engine_new_run(host.engine);
    run->source = "test";
    run->index = host.given;
    (void)snprintf(text, sizeof text, "k%zu", host.given % host.keys);
    run->key_bytes = weir__arena_copy(&run->arena, weir__bytes_text(text));
    (void)snprintf(text, sizeof text, "%zu", host.given);
    host.given++;
    if (weir__json_parse(weir__bytes_text(text), 1, &run->arena, &run->value, &err) != WEIR_OK ||
        weir__engine_accept(host.engine, run, &err) != WEIR_OK)
        abort();
    return WEIR__TURN_MORE;
}

/* Nothing is ready: wakes those that wait, all of them. */
static void wake_all(void *context)
{
    size_t count = host.wait_count;
    weir_run *runs[MOST_RUNS];

    (void)context;
    ck_assert_uint_gt(count, 0);
    memcpy(runs, host.waiting, count * sizeof *runs);
    host.wait_count = 0;
    for (size_t i = 0; i < count; i++)
        weir__run_wake(runs[host.wake_backwards ? count - 1 - i : i]);
}

static void ended(void *context, weir_run *run)
{
    (void)context;
    host.ended_count++;
    if (run->failure.error.code != WEIR_OK) {
        host.failed_count++;
        (void)snprintf(host.message, sizeof host.message, "%s", run->failure.error.message);
        host.log_size += (size_t)sprintf(host.log + host.log_size, "%zu! ", (size_t)run->index);
        return;
    }
    for (weir_output_item *item = run->outputs; item; item = item->next)
        host.log_size += (size_t)sprintf(host.log + host.log_size, "%zu:%.*s ", (size_t)run->index,
                                         (int)item->text.size, (const char *)item->text.data);
}

static const weir_engine_port port = { turn, wake_all, ended, NULL, NULL, NULL, false };

static void wait_once(weir_run *run)
{
    host.waiting[host.wait_count++] = run;
    if (weir__run_await(run) != WEIR_OK)
        return;
}

/* ---- running a job ----------------------------------------------------------------------------------------------- */

static weir_job *job;

static void add(const char *name, weir_action_fn fn, void *arg, const char *type)
{
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), name, fn, arg, 0, type, NULL), WEIR_OK);
}

static void run_job(size_t count, size_t keys, weir_engine_options options)
{
    weir_error err;

    memset(&host, 0, sizeof host);
    host.count = count;
    host.keys = keys;
    host.log = malloc(count * 64 + 64);
    *host.log = '\0';
    ck_assert_int_eq(weir__job_seal(job, &err), WEIR_OK);
    options.job = job;
    options.port = &port;
    if (!options.events_per_run)
        options.events_per_run = 100;
    if (!options.runs_in_flight)
        options.runs_in_flight = 25000;
    if (!options.queue_per_key)
        options.queue_per_key = 10000;
    if (!options.queue_bytes)
        options.queue_bytes = SIZE_MAX;
    options.stack_bytes = 256 * 1024;
    options.depth = 512;
    ck_assert_int_eq(weir__engine_new(&options, &host.engine, &err), WEIR_OK);
}

static void go(void)
{
    weir_error err;

    ck_assert_int_eq(weir__engine_run(host.engine, &err), WEIR_OK);
}

static void set_up(void)
{
    job = weir_job_new("test");
}

static void tear_down(void)
{
    weir__engine_free(host.engine);
    free(host.log);
    weir_job_free(job);
}

/* ---- actions ----------------------------------------------------------------------------------------------------- */

static weir_code echo(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    return weir_output(run, json_incref(weir_event_get(event, "input")));
}

static weir_code echo_after_waiting(weir_run *run, const weir_event *event, void *arg)
{
    int64_t before = weir_memory_int(weir_short_term(run), "n", 0);

    (void)arg;
    wait_once(run);
    weir_memory_set_int(weir_short_term(run), "n", before + 1);
    return weir_output(run, json_pack("[O, I]", weir_event_get(event, "input"), (json_int_t)before));
}

/* Key k0 waits, the others do not. */
static weir_code wait_at_k0(weir_run *run, const weir_event *event, void *arg)
{
    if (weir_run_key(run).data[1] == '0')
        wait_once(run);
    return echo(run, event, arg);
}

START_TEST(runs_of_one_key_go_in_the_order_of_the_input_though_each_waits)
{
    add("w", echo_after_waiting, NULL, WEIR_INPUT_EVENT);
    run_job(4, 1, (weir_engine_options){ .depth = 0 });
    go();
    ck_assert_str_eq(host.log, "0:[0,0] 1:[1,1] 2:[2,2] 3:[3,3] ");
}
END_TEST

START_TEST(other_keys_go_on_while_one_waits)
{
    add("w", wait_at_k0, NULL, WEIR_INPUT_EVENT);
    run_job(6, 3, (weir_engine_options){ .depth = 0 });
    go();
    ck_assert_str_eq(host.log, "1:1 2:2 4:4 5:5 0:0 3:3 ");
}
END_TEST

START_TEST(runs_that_are_woken_backwards_end_backwards_and_each_has_its_own_stack)
{
    add("w", echo_after_waiting, NULL, WEIR_INPUT_EVENT);
    run_job(5, 5, (weir_engine_options){ .depth = 0 });
    host.wake_backwards = true;
    go();
    ck_assert_str_eq(host.log, "4:[4,0] 3:[3,0] 2:[2,0] 1:[1,0] 0:[0,0] ");
}
END_TEST

START_TEST(thousands_of_runs_wait_at_once)
{
    add("w", echo_after_waiting, NULL, WEIR_INPUT_EVENT);
    run_job(MANY, MANY, (weir_engine_options){ .depth = 0 });
    go();
    ck_assert_uint_eq(host.most_waiting, MANY);
    ck_assert_uint_eq(host.ended_count, MANY);
}
END_TEST

START_TEST(no_more_is_accepted_while_runs_in_flight_wait)
{
    add("w", echo_after_waiting, NULL, WEIR_INPUT_EVENT);
    run_job(50, 50, (weir_engine_options){ .runs_in_flight = 7 });
    go();
    ck_assert_uint_eq(host.most_waiting, 7);
    ck_assert_uint_eq(host.ended_count, 50);
}
END_TEST

START_TEST(no_more_is_accepted_while_a_keys_queue_is_full)
{
    add("w", echo_after_waiting, NULL, WEIR_INPUT_EVENT);
    run_job(50, 1, (weir_engine_options){ .queue_per_key = 3 });
    go();
    ck_assert_uint_eq(host.ended_count, 50);
    ck_assert_uint_eq(host.most_waiting, 1);
}
END_TEST

/* ---- order within a run ------------------------------------------------------------------------------------------ */

static weir_code send_both(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    weir_send(run, "x", json_object());
    weir_output(run, json_string("o1"));
    return weir_send(run, "y", json_object());
}

static weir_code say(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    return weir_output(run, json_string(arg));
}

static char from_b[] = "from_b", o_x[] = "o_x", y2[] = "y2", y3[] = "y3";

START_TEST(events_are_handled_first_in_first_out)
{
    add("both", send_both, NULL, WEIR_INPUT_EVENT);
    add("from_b", say, from_b, WEIR_INPUT_EVENT);
    add("on_x", say, o_x, "x");
    add("y2", say, y2, "y");
    add("y3", say, y3, "y");
    run_job(1, 1, (weir_engine_options){ .depth = 0 });
    go();
    ck_assert_str_eq(host.log, "0:\"o1\" 0:\"from_b\" 0:\"o_x\" 0:\"y2\" 0:\"y3\" ");
}
END_TEST

static char ping[] = "ping", pong[] = "pong";

static weir_code send_on(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    return weir_send(run, arg, json_object());
}

START_TEST(a_cycle_of_events_ends_in_an_error_that_names_it)
{
    add("a", send_on, ping, WEIR_INPUT_EVENT);
    add("b", send_on, pong, "ping");
    add("c", send_on, ping, "pong");
    run_job(1, 1, (weir_engine_options){ .events_per_run = 50 });
    go();
    ck_assert_str_eq(host.log, "0! ");
    ck_assert_ptr_nonnull(strstr(host.message, "more than 50 events in one run (limits.events-per-run), a cycle: "));
    ck_assert_ptr_nonnull(strstr(host.message, "a.b"));
    ck_assert_ptr_nonnull(strstr(host.message, "a.c"));
}
END_TEST

/* ---- failures ---------------------------------------------------------------------------------------------------- */

static weir_code fail_at_odd(weir_run *run, const weir_event *event, void *arg)
{
    int64_t n = weir_memory_int(weir_short_term(run), "n", 0);

    (void)arg;
    weir_memory_set_int(weir_short_term(run), "n", n + 1);
    weir_output(run, json_integer(n));
    return weir_event_int(event, "/input", 0) % 2 ? WEIR_FAILED : WEIR_OK;
}

START_TEST(a_run_that_fails_leaves_no_output_and_no_memory)
{
    add("odd", fail_at_odd, NULL, WEIR_INPUT_EVENT);
    run_job(5, 1, (weir_engine_options){ .depth = 0 });
    go();
    ck_assert_str_eq(host.log, "0:0 1! 2:1 3! 4:2 ");
    ck_assert_str_eq(host.message, "action 'a.odd': it returned 'failed'");
}
END_TEST

START_TEST(what_waits_when_the_host_stops_is_canceled_and_leaves_nothing)
{
    add("w", echo_after_waiting, NULL, WEIR_INPUT_EVENT);
    run_job(9, 9, (weir_engine_options){ .depth = 0 });
    host.stop_at = 4;
    go();
    ck_assert_str_eq(host.log, "");
    ck_assert_uint_eq(host.ended_count, 0);
    ck_assert_ptr_nonnull(weir__engine_oldest(host.engine)); /* it still counts as not over */
}
END_TEST

/* ---- from another thread ----------------------------------------------------------------------------------------- */

typedef struct post_to {
    weir_post post;
    weir_run *run;
} post_to;

static void wake_posted(weir_post *post)
{
    post_to *to = (post_to *)post;

    weir__run_wake(to->run);
    free(to);
}

static void *post_from_thread(void *context)
{
    post_to *to = context;

    weir__engine_post(to->run->engine, &to->post);
    return NULL;
}

static weir_code wait_for_thread(weir_run *run, const weir_event *event, void *arg)
{
    post_to *to = malloc(sizeof *to);
    pthread_t thread;

    to->post.fn = wake_posted;
    to->run = run;
    ck_assert_int_eq(pthread_create(&thread, NULL, post_from_thread, to), 0);
    ck_assert_int_eq(pthread_detach(thread), 0);
    if (weir__run_await(run) != WEIR_OK)
        return WEIR_CANCELED;
    return echo(run, event, arg);
}

static void poll_for_posts(void *context)
{
    struct pollfd wake = { weir__engine_wake_fd(host.engine), POLLIN, 0 };

    (void)context;
    ck_assert_int_ge(poll(&wake, 1, -1), 0);
}

START_TEST(a_run_goes_on_when_another_thread_posts)
{
    static const weir_engine_port posting = { turn, poll_for_posts, ended, NULL, NULL, NULL, false };
    weir_engine_options options = { .depth = 0 };
    weir_error err;

    add("t", wait_for_thread, NULL, WEIR_INPUT_EVENT);
    run_job(100, 10, options);
    weir__engine_free(host.engine);
    options = (weir_engine_options){ .job = job, .port = &posting, .events_per_run = 10, .runs_in_flight = 1000,
                                     .queue_per_key = 1000, .queue_bytes = SIZE_MAX, .stack_bytes = 256 * 1024,
                                     .depth = 512 };
    ck_assert_int_eq(weir__engine_new(&options, &host.engine, &err), WEIR_OK);
    go();
    ck_assert_uint_eq(host.ended_count, 100);
    ck_assert_uint_eq(host.failed_count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/engine");
    TCase *waiting = tcase_create("waiting"), *order = tcase_create("order"), *failing = tcase_create("failing"),
          *threads = tcase_create("threads");

    tcase_add_checked_fixture(waiting, set_up, tear_down);
    tcase_add_test(waiting, runs_of_one_key_go_in_the_order_of_the_input_though_each_waits);
    tcase_add_test(waiting, other_keys_go_on_while_one_waits);
    tcase_add_test(waiting, runs_that_are_woken_backwards_end_backwards_and_each_has_its_own_stack);
    tcase_add_test(waiting, thousands_of_runs_wait_at_once);
    tcase_add_test(waiting, no_more_is_accepted_while_runs_in_flight_wait);
    tcase_add_test(waiting, no_more_is_accepted_while_a_keys_queue_is_full);
    suite_add_tcase(suite, waiting);
    tcase_add_checked_fixture(order, set_up, tear_down);
    tcase_add_test(order, events_are_handled_first_in_first_out);
    tcase_add_test(order, a_cycle_of_events_ends_in_an_error_that_names_it);
    suite_add_tcase(suite, order);
    tcase_add_checked_fixture(failing, set_up, tear_down);
    tcase_add_test(failing, a_run_that_fails_leaves_no_output_and_no_memory);
    tcase_add_test(failing, what_waits_when_the_host_stops_is_canceled_and_leaves_nothing);
    suite_add_tcase(suite, failing);
    tcase_add_checked_fixture(threads, set_up, tear_down);
    tcase_add_test(threads, a_run_goes_on_when_another_thread_posts);
    suite_add_tcase(suite, threads);
    return weir__suite_run(suite);
}
