/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated world of one seed: time, processes and their threads, and a Kafka cluster that outlives them. What
 * happens is drawn from the seed alone. See README.md for what is modelled.
 */
#ifndef WEIR_TESTS_KAFKA_SIM_WORLD_H
#define WEIR_TESTS_KAFKA_SIM_WORLD_H

#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/executor.h"

/* One process, from its start to its end or its death. The next life is another one; what this one has sent may still
 * land, so it is kept until the seed ends. */
typedef struct sim_process {
    struct sim_process *next;
    const char *name;
    bool is_dead;              /* killed: a ghost, whose requests fail and change nothing */
    atomic_bool is_told_to_stop; /* SIGTERM */
    int64_t deaf_until_ms;     /* its group members neither hear nor say anything before; the rest of it goes on */
    int64_t stopped_until_ms;  /* SIGSTOP: none of its threads moves before; 0: it runs */
    int64_t ghost_ms;          /* added to the time that a ghost sees */
    size_t fibers;             /* threads that have not ended */
    size_t recoveries;         /* those of them that recover a task */
    bool is_committing;        /* a commit may be made that is in no store yet */
    uint64_t steps, kill_at, stop_at; /* steps taken; the step at which it is killed, or stopped; 0: none */
    int64_t stop_ms;           /* for how long */
    uint64_t news, heard;      /* counts what its loop may wait for in poll; as of its last one */
    void *owner;               /* the test's */
} sim_process;

/* What the network and the brokers may do to a request; each 1 in so many, 0: never. */
typedef struct sim_faults {
    int lost_request;   /* never lands */
    int lost_answer;    /* lands, and nobody hears of it */
    int late_request;   /* lands after its caller has given up */
    int twice;          /* of a commit or abort: the client library sends it again, and both land */
    int refused;        /* records that a broker refuses */
    int late_marker;    /* a transaction marker that takes long */
    int late_append;    /* a record of an appender that takes long */
    int late_fetch;     /* what a reader is given comes late */
    int lost_end;       /* a commit that never lands, though all else does */
    int broken_appender;
    int untold_append;  /* records of an appender that have landed, and are sent again: they stand there twice */
    int delay_ms;       /* of what is neither lost nor late, at the most */
    int late_ms;        /* of what is late, beyond the time-out, at the most */
} sim_faults;

typedef struct sim_world {
    uint64_t seed, random, steps;
    bool is_traced, has_failed, is_over;
    char failure[512];
    int64_t now_ms;
    int64_t unreachable_until_ms; /* no broker answers before */
    bool is_static;               /* members have instance ids: the names of their processes */
    int reset;                    /* weir_reset, of the cluster's configuration */
    bool trusts_repeats;          /* broken on purpose: see producer.c */
    int give_way;                 /* a step gives way 1 in so many times; 1: always */
    sim_faults faults;
    int64_t session_ms, rebalance_ms, transaction_ms, request_ms, max_poll_ms;
    sim_process *processes;
    void (*on_sweep)(const char *id, const sim_process *owner, int64_t begun_ms); /* a transaction took too long */
    /* A transaction is to commit whose offset replaces one that somebody has set: this one. */
    void (*on_overwrite)(const sim_process *owner, const char *topic, int32_t partition, int64_t offset);
    void *arena, *events, *cluster; /* their own */
} sim_world;

extern sim_world *world;

/* ---- world.c ----------------------------------------------------------------------------------------------------- */

/** A world without faults, whose requests take no time. Ends the one before. */
void sim_world_begin(uint64_t seed, bool is_traced);
void sim_world_end(void);

uint64_t sim_random(uint64_t below); /* 0..below-1; 0: any */
bool sim_chance(int odds);           /* 1 in `odds`; 0: never */
int64_t sim_between(int64_t from, int64_t to);
uint64_t sim_hash(uint64_t a, uint64_t b);

/** Memory until the seed ends, zeroed; never NULL. */
void *sim_alloc(size_t size);
char *sim_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
weir_bytes sim_copy(weir_bytes bytes); /* data NULL stays NULL */

/** An invariant does not hold. The first one counts, and ends the seed. */
void sim_violate(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sim_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define sim_trace(...)             \
    do {                           \
        if (world->is_traced)      \
            sim_note(__VA_ARGS__); \
    } while (0)
void sim_print_trace(size_t lines);

/* ---- scheduler.c: time, processes, threads ----------------------------------------------------------------------- */

sim_process *sim_process_new(const char *name);

/** A thread of a process: `fn` on a stack of its own. The loop's own thread must not block. */
void sim_thread(sim_process *process, const char *name, bool is_loop, void (*fn)(void *arg), void *arg);

/** One step of the thread that runs: the place to be killed, to be stopped, and to give way. False: it is a ghost. */
bool sim_step(const char *what);

/**
 * Waits until something holds. The condition is asked by the scheduler, and must not change anything.
 * @param is_true   NULL: only for time to pass
 * @param until_ms  INT64_MAX: as long as it takes
 * @return false: until_ms came first, or it is a ghost
 */
bool sim_wait(bool (*is_true)(void *arg), void *arg, int64_t until_ms);

/** Something of the world, not of a process, happens then. */
void sim_at(int64_t when_ms, void (*fn)(void *arg), void *arg);
static inline void sim_in(int64_t ms, void (*fn)(void *arg), void *arg)
{
    sim_at(world->now_ms + ms, fn, arg);
}

/** From now on what it asks for fails. What it left to be told is told to sim_cluster_process_dies(). */
void sim_kill(sim_process *process);
void sim_stop(sim_process *process, int64_t for_ms);

/** Plays until `is_done` says so, or nothing can happen any more (false), or an invariant does not hold. */
bool sim_play(bool (*is_done)(void));

/** Kills all that live, and plays until they have ended. */
void sim_finish(void);
void sim_release_stacks(void); /* at the program's end */

sim_process *sim_here(void); /* of the thread that runs; NULL: the world's */
bool sim_is_in_loop(void);
bool sim_is_stopped(const sim_process *process);
int sim_fd(void); /* a descriptor that is never readable */
void sim_fd_close(int fd);

/* Ports of the host. Executors belong to the process whose thread submits. */
extern const weir_clock sim_clock;
extern const weir_executor sim_executor;
extern const weir_executor sim_recoveries; /* the same, counted */
/* Returns when a task of the process has moved, a client has news, time is over, or for no reason. */
int sim_poll(void *context, struct pollfd *fds, nfds_t count, int timeout_ms);

/* ---- the network (network.c) ------------------------------------------------------------------------------------- */

/* A request on its way; made with sim_alloc(), as it may land long after its caller is gone. */
typedef struct sim_request {
    void (*land)(struct sim_request *request); /* at the broker; within it `from` may be dead already */
    sim_process *from;
    int landings;
    bool is_doomed;   /* it never lands */
    bool is_answered, is_repeated; /* repeated: the client library has sent it again, and knows */
} sim_request;

typedef enum sim_answer {
    SIM_ANSWERED,
    SIM_NO_ANSWER, /* it may have landed, or may land later */
    SIM_NOT_SENT   /* surely nothing has happened */
} sim_answer;

/** Blocks until it is answered, up to timeout_ms. `may_repeat`: sent twice at times, and may land twice. */
sim_answer sim_ask(sim_request *request, int64_t timeout_ms, bool may_repeat);

#endif
