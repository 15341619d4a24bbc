/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's door to hosts: they hand it inputs, and get back effects. */
#ifndef WEIR__ENGINE_ENGINE_H
#define WEIR__ENGINE_ENGINE_H

#include "agent/job.h"
#include "base/clock.h"
#include "engine/run.h"

/** What a host says of its turn. */
typedef enum weir_turn {
    WEIR__TURN_MORE, /* it accepted a run, or did something else: come again at once */
    WEIR__TURN_IDLE, /* nothing to do until something happens outside */
    WEIR__TURN_STOP  /* no more runs: the engine cancels those that wait, and returns */
} weir_turn;

/** What the engine asks of its host; all are called from the loop's top, on a pooled stack of limits.stack-kb. */
typedef struct weir_engine_port {
    /**
     * The host's turn: to commit, to read one record and accept a run for it.
     * @param may_accept  false: a limit is reached, accept no run now
     */
    weir_turn (*turn)(void *host, bool may_accept);
    /** Nothing is ready and the turn said IDLE: returns when there may be something to do (weir__engine_wake_fd()). */
    void (*wait)(void *host);
    /**
     * A run is over: its effects are in it (failure kept: it has none), and its key holds its changes. It is gone
     * afterwards. A canceled run is not over: it is dropped without this call.
     */
    void (*ended)(void *host, weir_run *run);
    /** Reads a key's cells; NULL: there is no store. Called on the ground stack. */
    weir_code (*load)(void *host, weir_bytes key, weir_cells *cells, weir_error *err);
} weir_engine_port;

typedef struct weir_engine_options {
    const weir_job *job; /* sealed; outlives the engine */
    const weir_engine_port *port;
    void *host;
    size_t events_per_run; /* events and outputs */
    size_t runs_in_flight; /* waiting runs: each has a stack */
    size_t queue_per_key;  /* records that queue at one key, beyond which no more are accepted */
    size_t queue_bytes;    /* the same for all queued records, in bytes */
    size_t stack_bytes;
    size_t depth;          /* of JSON */
    size_t cache_bytes;    /* of keys; for a port with `load` */
    bool keep_trees;       /* outputs keep their tree */
    bool keep_results;     /* runs keep the results of completed JOURNALED actions, for a journal */
} weir_engine_options;

WEIR_CHECK weir_code weir__engine_new(const weir_engine_options *options, weir_engine **out, weir_error *err);
void weir__engine_free(weir_engine *engine); /* accepts NULL */

/** Runs the loop until a turn says STOP. WEIR_OK; WEIR_NO_MEMORY. From the ground of the engine's thread. */
WEIR_CHECK weir_code weir__engine_run(weir_engine *engine, weir_error *err);

/** An empty run for the host to fill in; NULL when there is no memory. It goes to accept, or to drop. */
weir_run *weir__engine_new_run(weir_engine *engine);
void weir__engine_drop_run(weir_engine *engine, weir_run *run);

/**
 * Takes a run in: it starts when the loop gets to it, or queues at its key. Taken, also on failure.
 * @return WEIR_OK; the loader's errors; WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__engine_accept(weir_engine *engine, weir_run *run, weir_error *err);

/** Says that no run is to start or go on any more; the next turn may still commit, and must say STOP at last. */
void weir__engine_stop(weir_engine *engine);

/** The keys, for cuts and commits. */
weir_keys *weir__engine_keys(weir_engine *engine);

/** Runs accepted and not over, oldest first: walk along `newer`. */
weir_run *weir__engine_oldest(const weir_engine *engine);

typedef struct weir_engine_counts {
    uint64_t accepted, ended, failed;
    size_t waiting, queued, ready;
} weir_engine_counts;
weir_engine_counts weir__engine_counts(const weir_engine *engine);

/** Becomes readable when another thread has posted. */
int weir__engine_wake_fd(const weir_engine *engine);

/** Has `fn` called at the loop's top. `fn` and `context` are taken; both threads see what came before. Threads: any. */
typedef struct weir_post {
    struct weir_post *next; /* private; the rest of the caller's struct is its own */
    void (*fn)(struct weir_post *post);
} weir_post;
void weir__engine_post(weir_engine *engine, weir_post *post);

/* ---- for what a run waits for ------------------------------------------------------------------------------------ */

/**
 * In an action: parks the run until weir__run_wake(). Other runs go on meanwhile.
 * @return WEIR_OK; WEIR_CANCELED: stopping, the action must return (kept); WEIR_NO_MEMORY (kept)
 */
WEIR_CHECK weir_code weir__run_await(weir_run *run);

/** Makes a waiting run ready; on another state nothing happens. Threads: the engine's. */
void weir__run_wake(weir_run *run);

/** The engine whose action runs on this thread, with what it runs; for the crash handler. */
const weir_engine *weir__engine_active(void);
const weir_run *weir__engine_current(const weir_engine *engine);
const weir_stacks *weir__engine_stacks(const weir_engine *engine);

#endif
