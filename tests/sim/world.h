/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated world of one seed: time, disk, store, service and operator outlive the processes ("lives") that run the
 * job; what happens is drawn from the seed alone. See README.md for what is modelled.
 */
#ifndef WEIR_TESTS_SIM_WORLD_H
#define WEIR_TESTS_SIM_WORLD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/weir.h>

#include "base/clock.h"
#include "base/disk.h"
#include "base/executor.h"
#include "journal/entry.h"

enum {
    SIM_RUNS = 40,    /* inputs, at the most */
    SIM_STAGES = 4,   /* actions in a run's chain */
    SIM_CALLS = 8,    /* calls in an action */
    SIM_ATTEMPTS = 48,
    SIM_KEYS = 4,
    SIM_MARGIN_MS = 20,
    SIM_LEASE_MS = 40
};

/* The kinds of steps; a crash may come at each of them. */
typedef enum sim_step {
    SIM_STEP_CLOCK,
    SIM_STEP_LOOP_WAITS,
    SIM_STEP_TIME_MOVES,
    SIM_STEP_DISK_OPEN,
    SIM_STEP_DISK_READ,
    SIM_STEP_DISK_WRITE,
    SIM_STEP_DISK_SYNC,
    SIM_STEP_DISK_TRUNCATE,
    SIM_STEP_DISK_SYNC_FOLDER,
    SIM_STEP_STORE_OPEN,
    SIM_STEP_STORE_READ,
    SIM_STEP_BEFORE_COMMIT,
    SIM_STEP_AFTER_COMMIT,
    SIM_STEP_COMMIT_TASK,
    SIM_STEP_CALL_BEGINS,
    SIM_STEP_EFFECT_SENT,
    SIM_STEP_EFFECT_LANDED,
    SIM_STEP_CALL_ANSWERS,
    SIM_STEP_RECONCILER_ASKED,
    SIM_STEP_RECONCILER_ANSWERS,
    SIM_STEP_ACTION_BEGINS,
    SIM_STEP_ACTION_ENDS,
    SIM_STEP_DECISION,
    SIM_STEP_STOPPING,
    SIM_STEP_COUNT
} sim_step;

/* How an attempt at a call ended, as the journal has it. */
typedef enum sim_end { SIM_END_NONE, SIM_END_OUTCOME, SIM_END_WITHDRAWN, SIM_END_DECIDED } sim_end;

typedef struct sim_attempt {
    bool has_intent, is_begun, has_returned;
    int intent_life, begun_life;
    int64_t intent_ms;         /* when it was queued, in world time */
    int64_t lease_ms, timeout_ms;
    int64_t begun_ms, returned_ms;
    weir_code returned;        /* by its function, to a process that was alive */
    sim_end end;               /* the first one in log order */
    weir_code code;
    bool is_final;
    weir_decision decision;
    uint64_t result;           /* hash of it */
} sim_attempt;

/* One call of one run, as the world sees it. */
typedef struct sim_call {
    weir_call_kind kind;
    int run, stage, number;
    char key[40];              /* idempotency key of its first attempt; "": none yet */
    int effects;               /* that have landed; of an IDEMPOTENT call: with a new key */
    int pending;               /* on their way */
    int64_t last_landing_ms;   /* of those on their way */
    int retries;               /* decisions to make it again */
    int begins, last_attempt;  /* of this page of its history */
    bool is_excused;           /* the run was begun anew by a decision on a divergence */
    sim_attempt attempts[SIM_ATTEMPTS];
} sim_call;

typedef struct sim_parked {
    bool is_parked;
    int instance, call;
    uint32_t attempt;
    weir_park_reason reason;
    char run[64];
} sim_parked;

typedef struct sim_stage {
    bool is_recorded;          /* its result is durable */
    size_t outputs;
    const char *texts[3];
} sim_stage;

typedef struct sim_run {
    int key;
    int stages;                /* of its chain, 1..SIM_STAGES */
    bool is_bad;               /* its record cannot be read */
    bool is_drifting;          /* asks for something else in later lives */
    bool may_diverge;          /* it, or one before it of its key, does */
    bool has_failed;           /* in its last execution */
    bool is_given_up;          /* somebody decided that it fails, on an action */
    bool is_over;              /* says the store */
    uint64_t read, left;       /* memory before and after it, in its last execution */
    sim_parked parked;
    weir_entry last_decision;  /* of the operator; kind 0: none */
    sim_stage stage[SIM_STAGES];
    sim_call *calls[SIM_STAGES][SIM_CALLS];
} sim_run;

typedef struct sim_effect {
    struct sim_effect *next;
    sim_call *call;
    char key[40];
    int64_t landing_ms;
    uint64_t number;
} sim_effect;

typedef struct sim_world {
    uint64_t seed, random;
    bool is_traced;
    bool has_failed;
    char failure[512];

    /* Time. */
    int64_t now_ms;   /* the world's; wall clock less a constant */
    int64_t boot_ms;  /* when the machine was started: what its monotonic clock counts from */
    int64_t ghost_ms; /* added to the time that a ghost sees */

    /* The life under way. */
    int life;
    int64_t life_ms;          /* when it began */
    bool is_ghost;            /* it is dead, and only has not noticed */
    bool is_stopped;          /* SIGTERM was raised in it */
    bool was_power_cut;       /* what ended it */
    uint64_t steps;           /* of the seed */
    uint64_t crash_at;        /* a step's number; 0: no such crash */
    int crash_step;           /* or the `crash_nth`th step of a kind; -1: no such crash */
    uint64_t crash_nth;
    uint64_t ghost_steps;
    int crashes, crashes_left;
    uint64_t forced_crash;    /* for seeds that ended before their crash */

    /* What the seed says of job and world. */
    int runs, keys;
    bool has_dead_letters, is_input_journaled, is_final_service, has_drift, is_operator_lazy;
    int stop_odds, commit_fail_odds; /* 1 in so many; 0: never */
    int max_delay_ms;
    int policy;               /* calls.in-doubt: 0 park, 1 fail, 2 retry */
    sim_run run[SIM_RUNS];

    /* The service. */
    sim_effect *effects;      /* on their way, by time */
    uint64_t effect_count;

    void *disk, *store, *arena; /* their own */
    int ended_ok[SIM_KEYS];
} sim_world;

extern sim_world *world;
extern uint64_t sim_crash_points[SIM_STEP_COUNT]; /* over all seeds */

/* ---- world.c ----------------------------------------------------------------------------------------------------- */

void sim_world_begin(uint64_t seed, bool is_traced, uint64_t forced_crash);
void sim_world_end(void);

uint64_t sim_random(uint64_t below); /* 0..below-1 */
bool sim_chance(uint64_t odds);      /* 1 in `odds`; 0: never */
uint64_t sim_hash(uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/** Memory until the seed ends; never NULL. */
void *sim_alloc(size_t size);
char *sim_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** One step: the place for a crash. False: this process is dead; what was asked must fail, and change nothing. */
bool sim_step_taken(sim_step step);
const char *sim_step_name(sim_step step);

/** An invariant does not hold. The first one counts; the life ends. */
void sim_violate(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define sim_trace(...)           \
    do {                         \
        if (world->is_traced)    \
            sim_note(__VA_ARGS__); \
    } while (0)
void sim_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sim_print_trace(size_t lines);

static inline int64_t sim_wall_ms(void)
{
    return 1000000 + world->now_ms + world->ghost_ms;
}

/* ---- scheduler.c: time, threads, the loop's wait ----------------------------------------------------------------- */

extern const weir_clock sim_clock;
extern const weir_executor sim_commits, sim_calls;
int sim_poll(void *context, struct pollfd *fds, unsigned long count, int timeout_ms);
bool sim_is_in_task(void);
void sim_sleep_until(int64_t when_ms); /* in a task; returns at once in a ghost */
void sim_yield(void);                  /* in a task: others may go first */
void sim_tasks_begin(void);            /* of a life */
void sim_finish_tasks(void);           /* the process has ended: its threads do too */
void sim_release_stacks(void);         /* at the program's end */

/* ---- fake_disk.c, fake_store.c ----------------------------------------------------------------------------------- */

void sim_disk_begin(void);
void sim_disk_end(void);
const weir_disk *sim_disk_port(void);
void sim_disk_crash(bool is_power_cut);
void sim_disk_put(const char *path, const char *text, size_t size); /* durable, as somebody else wrote it */
const char *sim_disk_content(const char *path, size_t *size);

void sim_store_begin(void);
void sim_store_crash(void);
/** Walks the records of a stream as they are committed. */
void sim_store_each(const char *stream, void (*fn)(uint64_t owner, int64_t number, weir_bytes record));
/** A committed position; data NULL: none. */
weir_bytes sim_store_get(const char *name);
/** A committed cell. */
weir_bytes sim_store_cell(const char *key, const char *path);

/* ---- service.c: what calls do outside ---------------------------------------------------------------------------- */

typedef struct sim_args {
    int32_t run, stage, number, kind;
    uint64_t carry;
} sim_args;

weir_code sim_service(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err);
weir_verdict sim_reconcile(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                           weir_error *err);
sim_call *sim_call_of(int run, int stage, int number);
int64_t sim_service_next(void); /* when the next effect lands; INT64_MAX: none is on its way */
void sim_service_land(void);    /* those whose time has come */

/* ---- job.c ------------------------------------------------------------------------------------------------------- */

weir_job *sim_job_new(bool is_input_journaled);
void sim_job_input(void); /* draws the runs, and writes the input */

/* ---- watch.c: what the journal and the files say, against what the world knows ----------------------------------- */

void sim_watch_entry(uint64_t index, weir_bytes sealed); /* has become durable */
void sim_watch_commit(void);                             /* a transaction has become durable */
void sim_watch_files(void);                              /* after a crash, and at the end */
void sim_watch_clean_stop(void);                         /* the process has stopped as it was told to */
bool sim_watch_is_parked_alone(void);                    /* the oldest run of each key that is not over is parked */
void sim_watch_end(void);                                /* nothing is left to do */
uint64_t sim_watch_hash(weir_bytes result);
/** Whether an attempt that began, or may have, is surely over: deadline and margin have passed. */
bool sim_watch_is_past(const sim_attempt *at, int64_t when_ms);

/* ---- operator.c: decisions --------------------------------------------------------------------------------------- */

void sim_operator_visit(void); /* between two lives */
void sim_operator_begin(void);

#endif
