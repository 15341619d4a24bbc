/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many runs that wait at once, each on a stack of its own: what they hold, and what it takes to wake and end them.
 *   waiting [RUNS]
 * Prints "RUNS START_US END_US PEAK_KB". It uses the engine's own door to hosts, since the lists and files of the
 * others have nothing to wait for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <weir/weir.h>

#include "agent/job.h"
#include "engine/engine.h"

typedef struct crowd {
    weir_engine *engine;
    size_t wanted, accepted, ended;
    int64_t began_us, waiting_us, ended_us;
    bool is_awake;
} crowd;

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static weir_code wait_once(weir_run *run, const weir_event *event, void *arg)
{
    weir_code rc;

    (void)event;
    (void)arg;
    rc = weir_memory_set_int(weir_short_term(run), "count", 1);
    return rc == WEIR_OK ? weir__run_await(run) : rc;
}

static void die(const weir_error *err)
{
    (void)fprintf(stderr, "waiting: %s\n", err->message);
    exit(1);
}

static void accept_one(crowd *all)
{
    weir_run *run = weir__engine_new_run(all->engine);
    char key[32];
    weir_error err;

    (void)snprintf(key, sizeof key, "key-%zu", all->accepted);
    if (run) {
        run->source = "waiting";
        run->index = all->accepted++;
        run->key_bytes = weir__arena_copy(&run->arena, weir__bytes_text(key));
        run->value_tree = json_integer((json_int_t)run->index);
    }
    if (!run || !run->key_bytes.data || !run->value_tree) {
        (void)weir__fail_memory(&err, "a run");
        die(&err);
    }
    if (weir__engine_accept(all->engine, run, &err) != WEIR_OK)
        die(&err);
}

static weir_turn turn(void *host, bool may_accept)
{
    crowd *all = host;

    if (all->accepted < all->wanted && may_accept) {
        accept_one(all);
        return WEIR__TURN_MORE;
    }
    if (!all->is_awake && weir__engine_counts(all->engine).waiting == all->wanted) {
        all->is_awake = true;
        all->waiting_us = now_us();
        for (weir_run *run = weir__engine_oldest(all->engine); run; run = run->newer)
            weir__run_wake(run);
        return WEIR__TURN_MORE;
    }
    return all->ended == all->wanted ? WEIR__TURN_STOP : WEIR__TURN_IDLE;
}

static void wait_for_more(void *host)
{
    crowd *all = host;

    (void)fprintf(stderr, "waiting: stuck with %zu of %zu runs accepted, %zu ended\n", all->accepted, all->wanted,
                  all->ended);
    exit(1); /* nothing comes from outside */
}

static void ended(void *host, weir_run *run)
{
    crowd *all = host;

    if (weir__failure_is_kept(&run->failure))
        die(&run->failure.error);
    if (++all->ended == all->wanted)
        all->ended_us = now_us();
}

int main(int argc, char **argv)
{
    static const weir_engine_port port = { .turn = turn, .wait = wait_for_more, .ended = ended };
    crowd all = { .wanted = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000 };
    weir_job *job = weir_job_new("waiting");
    weir_engine_options options = {
        .job = job,
        .port = &port,
        .host = &all,
        .events_per_run = 100,
        .runs_in_flight = all.wanted + 1,
        .queue_per_key = 100,
        .queue_bytes = (size_t)64 << 20,
        .stack_bytes = (size_t)256 << 10, /* as limits.stack-kb */
        .depth = 100,
    };
    struct rusage usage;
    weir_error err;

    weir_agent_action(weir_job_agent(job, "waiter"), "wait", wait_once, NULL, 0, WEIR_INPUT_EVENT, NULL);
    if (weir__job_seal(job, &err) != WEIR_OK || weir__engine_new(&options, &all.engine, &err) != WEIR_OK)
        die(&err);
    all.began_us = now_us();
    if (weir__engine_run(all.engine, &err) != WEIR_OK)
        die(&err);
    weir__engine_free(all.engine);
    weir_job_free(job);
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail */
    (void)printf("%zu %" PRId64 " %" PRId64 " %ld\n", all.ended, all.waiting_us - all.began_us,
                 all.ended_us - all.waiting_us, usage.ru_maxrss);
    return 0;
}
