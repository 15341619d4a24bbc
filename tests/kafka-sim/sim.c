/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulation of the commit path: seed after seed, each a cluster on which some processes run a job, die, stand
 * still, come and go, until all goes well and all must be done. sim [--seeds N] [--start SEED] [--one SEED [-v]]
 * [--break NAME | --list-breaks]
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/breakage.h"
#include "base/uuid.h"
#include "stage.h"

#if defined(__SANITIZE_ADDRESS__)
enum { SEEDS = 200 }; /* ten times as slow */
#else
enum { SEEDS = 2000 };
#endif
enum { SECONDS = 120, TRACE_LINES = 150 };

/* Those that the Kafka host has; the others are found by tests/sim. */
static const char *const breakages[WEIR__BREAK_COUNT] = {
    [WEIR__BREAK_ACCEPT_VOID] = "accept-void",
    [WEIR__BREAK_NO_CLAIM] = "no-claim",
    [WEIR__BREAK_NO_READING_BACK] = "no-reading-back",
    [WEIR__BREAK_NO_READ_BACK] = "no-read-back",
    [WEIR__BREAK_UNKNOWN_IS_ABORT] = "unknown-is-abort",
    [WEIR__BREAK_KEEP_PRODUCER] = "keep-producer",
    [WEIR__BREAK_STALE_MEMBER] = "stale-member",
    [WEIR__BREAK_STABLE_END] = "stable-end",
    [WEIR__BREAK_STORE_FIRST] = "store-first",
    [WEIR__BREAK_FORGET_OPEN] = "forget-open",
    [WEIR__BREAK_NO_TAKING] = "no-taking",
    [WEIR__BREAK_DROP_ON_ABORT] = "drop-on-abort",
    [WEIR__BREAK_PASS_OPEN] = "pass-open",
    [WEIR__BREAK_LOW_PASSES] = "low-passes",
    [WEIR__BREAK_GAP_IS_NOTHING] = "gap-is-nothing",
    [WEIR__BREAK_IGNORE_FOREIGN_OFFSET] = "ignore-foreign-offset",
    [WEIR__BREAK_CUT_BEFORE_JOURNAL] = "cut-before-journal",
};

/* It can be asked for, and is not found: README.md says why. */
static bool is_elusive(int which)
{
    return which == WEIR__BREAK_STALE_MEMBER;
}

static uint64_t total_steps, total_kills, total_stops, total_resolved, total_refused, total_inputs;

/* Whatever is random in the machine would keep a seed from playing the same again; and files are in store.c. */
void __wrap_weir__uuid_random(char text[WEIR__UUID_TEXT]);
uint64_t __wrap_weir__hash_seed(void);
int __wrap_unlink(const char *path);

void __wrap_weir__uuid_random(char text[WEIR__UUID_TEXT])
{
    (void)snprintf(text, WEIR__UUID_TEXT, "00000000-0000-4000-8000-%012llx",
                   (unsigned long long)(sim_random(0) % 0xffffffffffffu));
}

uint64_t __wrap_weir__hash_seed(void)
{
    return 1;
}

int __wrap_unlink(const char *path)
{
    if (!sim_step("file removed")) {
        errno = EIO;
        return -1;
    }
    store_remove(path);
    return 0;
}

static bool is_over(void)
{
    return world->is_over;
}

/* False: an invariant does not hold. */
static bool play(uint64_t seed, bool is_traced)
{
    sim_world_begin(seed, is_traced);
    journal_begin();
    stage_begin();
    if (!sim_play(is_over))
        sim_violate("nothing can happen any more, and not all is done");
    if (!world->has_failed)
        watch_end();
    sim_finish();
    journal_end();
    total_steps += world->steps;
    total_kills += on_stage->kills;
    total_stops += on_stage->stops;
    total_resolved += on_stage->resolved;
    total_refused += on_stage->refused;
    total_inputs += (uint64_t)on_stage->inputs;
    return !world->has_failed;
}

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void report_failure(uint64_t seed, const char *broken, size_t lines)
{
    printf("# seed %" PRIu64 ": %s\n", seed, world->failure);
    (void)play(seed, true);
    printf("# its last steps (step, time, process):\n");
    sim_print_trace(lines);
    printf("# again: tests/kafka-sim/sim --one %" PRIu64 " -v%s%s\n", seed, *broken ? " --break " : "", broken);
}

/* An assertion, or worse: whose seed it was must not be lost. It is played again by hand. */
static void on_abort(int number)
{
    printf("not ok 1 - seed %" PRIu64 ": the program ends by signal %d\n", world->seed, number);
    if (world->is_traced)
        sim_print_trace(TRACE_LINES);
    printf("# again: tests/kafka-sim/sim --one %" PRIu64 " -v\n1..1\n", world->seed);
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
        if (breakages[i] && strcmp(breakages[i], name) == 0) {
            weir__breakage = (weir_breakage)i;
            return true;
        }
    }
    return false;
}

static void report(uint64_t done, uint64_t failed, uint64_t seeds, uint64_t start, const char *broken, double took)
{
    if (*broken) {
        printf("%s 1 - '%s' is found within %" PRIu64 " seeds\n", failed ? "ok" : "not ok", broken, seeds);
        if (failed)
            printf("# after %" PRIu64 " seeds: %s\n", done, world->failure);
    } else {
        printf("%s 1 - %" PRIu64 " seeds from %" PRIu64 ": all invariants hold, and all is done in the end\n",
               failed ? "not ok" : "ok", done, start);
        printf("# %" PRIu64 " inputs, %" PRIu64 " processes killed, %" PRIu64 " stopped, %" PRIu64
               " calls decided by hand, %" PRIu64 " starts refused, %" PRIu64 " steps\n",
               total_inputs, total_kills, total_stops, total_resolved, total_refused, total_steps);
        printf("# %.0f seeds/s\n", (double)done / (took + 1e-9));
    }
    printf("1..1\n");
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
                if (breakages[j] && !is_elusive(j))
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
    (void)signal(SIGABRT, on_abort);
    (void)signal(SIGSEGV, on_abort);
    (void)signal(SIGALRM, on_abort);
    host_prepare();
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
    report(done, failed, seeds, start, broken, seconds() - began);
    host_clean_up();
    sim_release_stacks();
    sim_world_end();
    return 0;
}
