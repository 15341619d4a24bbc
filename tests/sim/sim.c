/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulation: seed after seed, each a world in which a job is run, dies, and is started again until it is done.
 *   sim [--seeds N] [--start SEED] [--one SEED [-v]] [--break NAME | --list-breaks]
 */
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#include "base/breakage.h"
#include "base/log.h"
#include "base/uuid.h"
#include "config/config.h"
#include "host/local.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SEEDS = 200 }; /* ten times as slow */
#else
enum { SEEDS = 2000 };
#endif
enum { SECONDS = 120, LIVES = 150, TRACE_LINES = 120 };

static const char *const breakages[WEIR__BREAK_COUNT] = {
    [WEIR__BREAK_NOTHING] = "nothing",
    [WEIR__BREAK_CALL_BEFORE_INTENT] = "call-before-intent",
    [WEIR__BREAK_COMMIT_BEFORE_SYNC] = "commit-before-sync",
    [WEIR__BREAK_IGNORE_DIGEST] = "ignore-digest",
    [WEIR__BREAK_REPEAT_IN_DOUBT] = "repeat-in-doubt",
    [WEIR__BREAK_NO_DEADLINE] = "no-deadline",
    [WEIR__BREAK_LATE_START] = "late-start",
    [WEIR__BREAK_PRUNE_EARLY] = "prune-early",
    [WEIR__BREAK_CUT_OVERTAKES] = "cut-overtakes",
    [WEIR__BREAK_NO_INBOX] = "no-inbox",
    [WEIR__BREAK_FORGET_FIRST] = "forget-first",
    [WEIR__BREAK_ANY_ATTEMPT] = "any-attempt",
    [WEIR__BREAK_LATE_OUTCOME_WINS] = "late-outcome-wins",
    [WEIR__BREAK_KEY_PER_ATTEMPT] = "key-per-attempt",
    [WEIR__BREAK_FORGET_RESULT] = "forget-result",
    [WEIR__BREAK_APPLY_FAILED] = "apply-failed",
};

static weir_job *jobs[2];
static weir_config *configs[6];
static uint64_t total_crashes, total_lives, total_steps, parked_lives, stopped_lives, failed_lives;

/* Whatever is random in the machine would keep a seed from playing the same again. */
void __wrap_weir__uuid_random(char text[WEIR__UUID_TEXT]);
uint64_t __wrap_weir__hash_seed(void);

void __wrap_weir__uuid_random(char text[WEIR__UUID_TEXT])
{
    (void)snprintf(text, WEIR__UUID_TEXT, "00000000-0000-4000-8000-%012llx",
                   (unsigned long long)(sim_random(0) + world->seed % 0xffffffffffu));
}

uint64_t __wrap_weir__hash_seed(void)
{
    return 1;
}

/* ---- one seed ---------------------------------------------------------------------------------------------------- */

static weir_code live(weir_local_result *result, weir_error *err)
{
    weir_local_options options = {
        .job = jobs[world->is_input_journaled],
        .config = configs[world->policy * 2 + world->has_dead_letters],
        .input = "/sim/input.jsonl",
        .output = "/sim/output.jsonl",
        .disk = sim_disk_port(),
        .clock = &sim_clock,
        .commits = &sim_commits,
        .calls = &sim_calls,
        .poll = sim_poll,
    };
    static const uint64_t scales[] = { 60, 200, 600 };

    world->life++;
    world->is_ghost = world->is_stopped = false;
    world->ghost_ms = 0;
    if (world->was_power_cut)
        world->boot_ms = world->now_ms - (int64_t)sim_random(100);
    world->was_power_cut = false;
    world->life_ms = world->now_ms;
    world->crash_at = 0;
    world->crash_step = -1;
    if (world->crashes_left > 0 && sim_chance(2)) {
        world->crash_at = world->steps + 1 + sim_random(scales[sim_random(3)]);
    } else if (world->crashes_left > 0) {
        world->crash_step = (int)sim_random(SIM_STEP_COUNT);
        world->crash_nth = 1 + sim_random(sim_chance(2) ? 3 : 30);
    }
    if (world->forced_crash && world->crashes == 0) /* the dice fall as they did without it */
        world->crash_at = world->forced_crash;
    world->crashes_left--;
    sim_tasks_begin();
    sim_trace("life %d begins", world->life);
    return weir__local_run(&options, result, err);
}

/* Time passes while nothing runs; what is on its way lands. */
static void rest(void)
{
    world->is_ghost = true; /* nobody can crash */
    world->now_ms += 1 + (int64_t)sim_random(sim_chance(3) ? 1000 : 20);
    sim_service_land();
}

/* True once there is nothing left to do. */
static bool live_once(void)
{
    weir_local_result result = { .records = 0 };
    weir_error err = { .code = WEIR_OK };
    weir_code rc = live(&result, &err);
    bool has_died = world->is_ghost, may_fail = world->commit_fail_odds > 0;

    total_lives++;
    world->is_ghost = true;
    sim_finish_tasks();
    if (world->has_failed)
        return true;
    sim_trace("life %d has ended: %s", world->life, has_died ? "dead" : rc == WEIR_OK ? "ok" : err.message);
    if (!has_died && rc != WEIR_OK) {
        failed_lives++;
        if (!may_fail || rc != WEIR_IO)
            sim_violate("life %d fails: %s", world->life, err.message);
    }
    sim_watch_files();
    rest();
    if (world->has_failed)
        return true;
    if (!has_died && rc == WEIR_OK && result.signal) {
        stopped_lives++;
        sim_watch_clean_stop();
    }
    if (!has_died && rc == WEIR_OK && !result.signal) {
        if (result.parked == 0)
            return true;
        parked_lives++;
        /* A late answer may have un-parked the run while the process was leaving: the next one goes on. */
        if (world->is_operator_lazy && sim_watch_is_parked_alone())
            return true;
    }
    if (sim_chance(2) || (!has_died && result.parked)) {
        world->is_ghost = false;
        world->crash_at = 0;
        world->crash_step = -1;
        sim_operator_visit();
    }
    if (world->life >= LIVES)
        sim_violate("it is not done after %d lives", LIVES);
    return world->has_failed;
}

/* False: an invariant does not hold. */
static bool play(uint64_t seed, bool is_traced)
{
    uint64_t forced = 0;

    do {
        if (forced)
            forced = 1 + sim_hash(seed, 1, 2, 3) % world->steps;
        sim_world_begin(seed, is_traced, forced);
        while (!live_once())
            continue;
        forced = 1;
    } while (!world->has_failed && world->crashes == 0);
    if (!world->has_failed) {
        rest();
        while (world->effects) {
            world->now_ms = world->effects->landing_ms;
            sim_service_land();
        }
        if (!world->has_failed)
            sim_watch_end();
    }
    total_crashes += (uint64_t)world->crashes;
    total_steps += world->steps;
    return !world->has_failed;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static void set(weir_config *config, const char *name, const char *value)
{
    weir_error err;

    if (weir__config_set_value(config, name, value, &err) != WEIR_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        exit(2);
    }
}

static void prepare(void)
{
    static const char *const policies[] = { "park", "fail", "retry" };

    for (int i = 0; i < 2; i++)
        jobs[i] = sim_job_new(i == 1);
    for (int i = 0; i < 6; i++) {
        if (weir__config_new(&configs[i], NULL) != WEIR_OK)
            exit(2);
        set(configs[i], "state.dir", "/sim/state");
        set(configs[i], "commit-interval-ms", "10");
        set(configs[i], "commit-max-runs", "4");
        set(configs[i], "limits.stack-kb", "64");
        set(configs[i], "calls.start-lease-ms", "40");
        set(configs[i], "calls.margin-ms", "20");
        set(configs[i], "calls.stop-timeout-ms", "300");
        set(configs[i], "calls.in-doubt", policies[i / 2]);
        set(configs[i], "calls.in-doubt-after-ms", "30");
        set(configs[i], "input.on-error", i % 2 ? "dlq" : "skip");
        if (i % 2)
            set(configs[i], "output.dlq-file", "/sim/dead.jsonl");
    }
    weir__log_configure(WEIR__LOG_ERROR, WEIR__LOG_TEXT);
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30); /* what a life takes and gives back stays with the process */
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

static void clean_up(void)
{
    sim_world_end();
    for (int i = 0; i < 2; i++)
        weir_job_free(jobs[i]);
    for (int i = 0; i < 6; i++)
        weir__config_free(configs[i]);
}

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report_crashes(void)
{
    printf("# crash points reached:\n");
    for (int i = 0; i < SIM_STEP_COUNT; i++)
        printf("#   %-20s %10" PRIu64 "\n", sim_step_name((sim_step)i), sim_crash_points[i]);
}

static void report_failure(uint64_t seed, const char *broken, size_t lines)
{
    printf("# seed %" PRIu64 ": %s\n", seed, world->failure);
    (void)play(seed, true);
    printf("# its last steps (step, time, life):\n");
    sim_print_trace(lines);
    printf("# again: tests/sim/sim --one %" PRIu64 " -v%s%s\n", seed, *broken ? " --break " : "", broken);
}

/* An assertion, or worse: whose seed it was must not be lost. It is played again by hand. */
static void on_abort(int number)
{
    printf("not ok 1 - seed %" PRIu64 ": the program ends by signal %d\n", world->seed, number);
    if (world->is_traced)
        sim_print_trace(TRACE_LINES);
    printf("# again: tests/sim/sim --one %" PRIu64 " -v\n1..1\n", world->seed);
    (void)fflush(stdout);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: sim [--seeds N] [--start SEED] [--one SEED [-v]] [--break NAME | --list-breaks]\n");
    return 2;
}

static bool choose_breakage(const char *name)
{
    for (int i = 1; i < WEIR__BREAK_COUNT; i++) {
        if (breakages[i] && strcmp(breakages[i], name) == 0) { /* the rest is of the Kafka host's simulation */
            weir__breakage = (weir_breakage)i;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    uint64_t seeds = SEEDS, start = (uint64_t)time(NULL) * 1000003u % 1000000000000u, failed = 0, done = 0;
    const char *broken = "";
    bool is_one = false, is_verbose = false;
    double began;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            is_verbose = true;
        } else if (strcmp(argv[i], "--list-breaks") == 0) {
            for (int j = 1; j < WEIR__BREAK_COUNT; j++) {
                if (breakages[j])
                    puts(breakages[j]);
            }
            return 0;
        } else if (i + 1 == argc) {
            return usage();
        } else if (strcmp(argv[i], "--seeds") == 0) {
            seeds = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--start") == 0) {
            start = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--one") == 0) {
            start = strtoull(argv[++i], NULL, 10);
            seeds = 1;
            is_one = true;
        } else if (strcmp(argv[i], "--break") == 0) {
            broken = argv[++i];
            if (!choose_breakage(broken))
                return usage();
        } else {
            return usage();
        }
    }
    prepare();
    (void)signal(SIGABRT, on_abort);
    (void)signal(SIGSEGV, on_abort);
    (void)signal(SIGALRM, on_abort);
    began = seconds();
    printf("# start seed %" PRIu64 "\n", start);
    for (; done < seeds && !failed; done++) {
        if (done % 64 == 0)
            (void)alarm(SECONDS); /* a loop that takes no step would never end */
        if (play(start + done, is_one && is_verbose))
            continue;
        failed = 1;
        if (!*broken || is_one)
            report_failure(start + done, broken, is_verbose ? 100000 : TRACE_LINES);
    }
    if (is_one && is_verbose && !failed)
        sim_print_trace(100000);
    if (*broken) {
        printf("%s 1 - '%s' is found within %" PRIu64 " seeds\n", failed ? "ok" : "not ok", broken, seeds);
        if (failed)
            printf("# after %" PRIu64 " seeds: %s\n", done, world->failure);
    } else {
        if (!is_one)
            report_crashes();
        printf("%s 1 - %" PRIu64 " seeds from %" PRIu64 ": all invariants hold after each crash, and at the end\n",
               failed ? "not ok" : "ok", done, start);
        printf("# %" PRIu64 " crashes in %" PRIu64 " lives, %" PRIu64 " steps; %" PRIu64
               " lives ended with parked runs, %" PRIu64 " by a signal, %" PRIu64 " by a failed commit\n",
               total_crashes, total_lives, total_steps, parked_lives, stopped_lives, failed_lives);
        printf("# %.0f seeds/s\n", (double)done / (seconds() - began + 1e-9));
    }
    printf("1..1\n");
    clean_up();
    return 0;
}
