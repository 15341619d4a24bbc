/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signs of life over HTTP: what a process tells of itself, and the server that shows it.
 *
 * Loops never wait for a reader: each copies its part to the server every half a second, and readers get the last
 * copies. docs/status.md says what each number means to users; the comments here, what a host has to put in.
 */
#ifndef WEIR__STATUS_STATUS_H
#define WEIR__STATUS_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

/* ---- what is told ------------------------------------------------------------------------------------------------ */

/* Counters ("so far": since the process started) only grow: a host keeps them over rebalances and restarts. */

typedef enum weir_status_task_state {
    WEIR__STATUS_TASK_OPENING,   /* assigned: it is being taken, or waits for its turn */
    WEIR__STATUS_TASK_RESTORING, /* its state, its journal or its inbox is being read */
    WEIR__STATUS_TASK_RUNNING,   /* records are taken in, unless it is paused */
    WEIR__STATUS_TASK_CLOSING    /* given up: nothing new begins */
} weir_status_task_state;

/** One task, as it is now. Local host: the input is its one task. */
typedef struct weir_status_task {
    const char *topic; /* local host: the input's path, or "-". Any bytes: what is no UTF-8 is shown as U+FFFD */
    int32_t partition; /* local host: 0 */
    weir_status_task_state state;
    bool is_paused;            /* input is held back by a limit */
    int64_t since_ms;          /* wall clock: when it got into `state` */
    int64_t committed_offset;  /* the next record after those that are known to be committed; -1: none yet */
    int64_t position;          /* the next record to be read; -1: not known */
    int64_t high_watermark;    /* behind the last record there is; -1: not known */
    uint64_t in_flight;        /* runs accepted and not over: ready, waiting, queued or parked */
    uint64_t waiting;          /* of those: for a call, a time or a commit */
    uint64_t queued;           /* of those: records behind a running one of their key */
    uint64_t parked;           /* of those: for a decision */
    int64_t epoch;             /* of this owner; -1: none */
    uint64_t commit_number;    /* of the last known commit; 0: none */
    int64_t journal_low_water; /* the lowest journal entry that is still needed; -1: none, or not known */
    int64_t journal_end;       /* behind the last journal entry that was read or written; -1: not known */
    int64_t restored;          /* while RESTORING: changelog records read so far; -1: nothing to say */
    int64_t restore_total;     /* while RESTORING: of how many; -1: not known */
    uint64_t state_bytes;      /* of its files; 0: no state */
} weir_status_task;

/** What weir_count() adds up to, over the runs of one thread. */
typedef struct weir_status_counter {
    const char *metric; /* any UTF-8 */
    int64_t total;
} weir_status_counter;

/* Upper bounds of the histogram's buckets, in ms; one more bucket has all that is above. */
#define WEIR__STATUS_BOUNDS_MS { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 30000 }
enum { WEIR__STATUS_BUCKETS = 15 };

/** How long things took, so far. All zero: nothing yet. */
typedef struct weir_status_histogram {
    uint64_t buckets[WEIR__STATUS_BUCKETS]; /* each observation is in one of them: not cumulative */
    uint64_t sum_ms;
} weir_status_histogram;

/** Adds one observation; below 0 counts as 0. Threads: the owner's. */
void weir__status_observe(weir_status_histogram *histogram, int64_t duration_ms);

typedef enum weir_status_thread_state {
    WEIR__STATUS_THREAD_STARTING, /* no assignment yet, or a new one is on its way */
    WEIR__STATUS_THREAD_RUNNING,  /* it has its assignment, which may be empty */
    WEIR__STATUS_THREAD_STOPPING,
    WEIR__STATUS_THREAD_ENDED /* its loop is over, and no heartbeat is expected */
} weir_status_thread_state;

/** One loop: what it tells of itself. Zero is right for all that a host does not have. */
typedef struct weir_status_thread {
    weir_status_thread_state state;
    const char *reason; /* why it is not RUNNING, or what it waits for: "waits for the broker"; NULL: nothing to say */

    /* So far. */
    uint64_t records;      /* accepted: each became a run. A record that is run again after a rewind counts again */
    uint64_t runs_ended;   /* over, failed ones included */
    uint64_t runs_failed;  /* of those */
    uint64_t outputs;      /* of runs that ended; committed with the next commit */
    uint64_t dead_letters; /* records refused and runs failed that went to the dead letters */
    uint64_t skipped;      /* the same, that were left out */
    uint64_t commits;      /* known to be committed */
    uint64_t commits_failed;       /* aborted, or of unknown outcome */
    weir_status_histogram commit_latency; /* from the cut until it was known to be committed; of `commits` */
    uint64_t journal_appended;     /* entries written to the journal */
    uint64_t journal_read;         /* entries read from it, by recovery and by tailing */
    uint64_t divergences;          /* look-ups whose recorded call is not the one asked for */
    uint64_t rebalances;           /* assignments taken or given up */
    uint64_t fencings;             /* times that another owner was found */
    uint64_t restarts;             /* times that the thread's producer, consumer or worker was made anew */

    /* Now. */
    uint64_t errands;     /* calls under way outside: functions, reconcilers, HTTP exchanges */
    uint64_t cache_bytes; /* of keyed state in memory */

    const weir_status_task *tasks;
    size_t task_count;
    const weir_status_counter *counters;
    size_t counter_count;
} weir_status_thread;

/** All that is known at one moment: what the pages are printed from. Everything in it is borrowed. */
typedef struct weir_status {
    const char *job;
    const char *host;    /* "local", "run" */
    const char *version; /* of weir */
    int64_t started_ms;  /* wall clock */
    int64_t now_ms;      /* wall clock */
    uint64_t resident_bytes; /* of the process; 0: not known */
    int64_t stalled_after_ms;
    const struct weir_status_part {
        const weir_status_thread *thread; /* NULL: has told nothing yet, as when it starts */
        int64_t silent_ms;                /* since its last sign of life, or since the server was opened */
    } *parts;
    size_t part_count;
} weir_status;

/* ---- the server -------------------------------------------------------------------------------------------------- */

typedef struct weir_status_server weir_status_server;

typedef struct weir_status_options {
    const char *listen; /* status.listen: HOST:PORT, [IPv6]:PORT; :PORT and PORT are the loopback's. NULL: off */
    const char *job;    /* the job's name; copied */
    const char *host;   /* "local", "run"; a static string */
    size_t threads;     /* how many loops will publish: 1..1024 */
    int64_t stalled_after_ms; /* status.stalled-after-ms: a loop silent for that long makes /health say 503 */
    const weir_clock *clock;  /* NULL: the machine's. Asked from the server's thread too */
} weir_status_options;

/**
 * Listens and serves, on a thread of its own, with all signals blocked; logs the address at info. With `listen` NULL
 * nothing is opened, and *out is NULL: every function below accepts that and does nothing.
 *
 * @return WEIR_OK;
 *         WEIR_CONFIG     the address is none, or this build has no status endpoint   (fix; exit 2)
 *         WEIR_IO         the port is in use, not allowed, or no such address is here (stop; exit 3)
 *         WEIR_NO_MEMORY                                                              (stop; exit 3)
 * All messages begin "status.listen".
 */
WEIR_CHECK weir_code weir__status_open(const weir_status_options *options, weir_status_server **out, weir_error *err);

/** Stops listening, waits for its thread, frees. Accepts NULL. Threads: any, when no loop publishes any more. */
void weir__status_close(weir_status_server *server);

/** The port that it listens on; 0 for NULL. Threads: any. */
int weir__status_port(const weir_status_server *server);

/* A loop that publishes does so about this often; a wait of the loop is no longer than this. */
enum { WEIR__STATUS_INTERVAL_MS = 500 };

/** Whether a publish of that thread is due; false for NULL. Threads: that loop's. */
bool weir__status_is_due(const weir_status_server *server, size_t thread, int64_t now_ms);

/**
 * Copies what a loop tells of itself, all that it points to included; a sign of life too. Without memory for that the
 * last copy stays. Never waits for a reader longer than it takes to copy as much.
 *
 * @param thread  0..options.threads - 1
 * @param now_ms  the monotonic clock
 * Threads: that loop's.
 */
void weir__status_publish(weir_status_server *server, size_t thread, const weir_status_thread *part, int64_t now_ms);

/**
 * A sign of life alone, for long work between two turns of the loop, as in a recovery. One store to an atomic. A thread
 * that has published nothing yet is not judged by it.
 * Threads: that loop's.
 */
void weir__status_beat(weir_status_server *server, size_t thread, int64_t now_ms);

#endif
