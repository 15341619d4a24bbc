/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's door to hosts: they hand it inputs, and get back effects. */
#ifndef WEIR__ENGINE_ENGINE_H
#define WEIR__ENGINE_ENGINE_H

#include "agent/job.h"
#include "base/clock.h"
#include "base/executor.h"
#include "engine/inlet.h"
#include "engine/run.h"
#include "http/http.h"

/** What a host says of its turn. */
typedef enum weir_turn {
    WEIR__TURN_MORE, /* it accepted a run, or did something else: come again at once */
    WEIR__TURN_IDLE, /* nothing to do until something happens outside */
    WEIR__TURN_STOP  /* no more runs: the engine cancels those that wait, and returns */
} weir_turn;

/* Told at the loop's top, once: what was appended is durable, or never will be (`err`). Embedded in what waits. */
typedef struct weir_ticket {
    struct weir_ticket *next; /* the host's */
    void (*known)(struct weir_ticket *ticket, const weir_error *err);
} weir_ticket;

/* What becomes of a run whose call may have been made. */
typedef enum weir_in_doubt { WEIR__IN_DOUBT_PARK, WEIR__IN_DOUBT_FAIL, WEIR__IN_DOUBT_RETRY } weir_in_doubt;

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
     * afterwards. A canceled run is not over: it goes without this call, with the engine or with its owner.
     */
    void (*ended)(void *host, weir_run *run);
    /** Reads the cells of a key of an owner; NULL: there is no store. Called on the ground stack. */
    weir_code (*load)(void *host, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err);
    /**
     * Queues a journal entry of a run; copied. Those of one owner become durable in the order in which they were
     * queued, and before any cut that is taken later. NULL: there is no journal.
     * @param run     maybe one that was dropped, even one whose owner is forgotten: then owner, epoch, index and
     *                weir_run_id() are good, and nothing else
     * @param entry   what `sealed` says
     * @param ticket  told when it is durable, or never will be, once, also when the run was dropped meanwhile; NULL:
     *                nobody waits. Never told from within the call
     */
    weir_code (*append)(void *host, weir_run *run, const weir_entry *entry, weir_bytes sealed, weir_ticket *ticket,
                        weir_error *err);
    /** A run parks, or goes on (`parked` NULL) after a decision or a late outcome. NULL: nobody wants to know. */
    void (*parked)(void *host, weir_run *run, const weir_entry *parked);
    /**
     * Others append to the journal, too: what ends an attempt that somebody may decide on counts only once the host has
     * read it back, and given it, in log order, to weir__engine_learn_entry(). Of such a run `awaits_log` is set.
     */
    bool reads_back;
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
    int64_t ttl_ms;        /* of short-term memory, in input time; 0: for good */
    bool is_read_touch;    /* what is read lives on from then; else only what is written */
    bool keep_trees;       /* outputs keep their tree */
    bool keep_results;     /* runs keep the results of completed JOURNALED actions, for a journal */
    bool only_recalls;     /* a replay: no call is made; a run that needs more than its entries say fails, with
                              `is_unanswered` or `has_diverged` set */

    /* Calls. */
    const weir_clock *clock;       /* NULL: the machine's */
    const weir_executor *calls;    /* runs functions of calls; NULL: a pool of its own, of */
    size_t call_threads;           /* threads; 0: 16 */
    size_t result_bytes;           /* the largest result; 0: 64 MiB */
    int64_t lease_ms, margin_ms;   /* an intent may begin that long; doubt is acted upon that long after the deadline */
    weir_in_doubt in_doubt;
    int64_t in_doubt_after_ms;     /* FAIL and RETRY act that long after the margin */
    bool needs_journal;            /* without one, CHECKED and ONCE calls are refused */
    weir_http_client_options http; /* text is borrowed for the engine's life */
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

/** Says that all commits up to that number are durable: to the keys, and to runs that wait for it. */
void weir__engine_committed(weir_engine *engine, uint64_t commit);

/** Runs accepted and not over, oldest first: walk along `newer`. */
weir_run *weir__engine_oldest(const weir_engine *engine);

/* ---- owners: tasks that come and go ------------------------------------------------------------------------------ */

/**
 * Gives an owner up: none of its runs starts or goes on any more, and no call of theirs begins. At the loop's top
 * (turn, wait, ended, a ticket), not in an action. Again, or for one that had no run: nothing happens.
 *
 * Runs that have no stack are gone at once; those that wait see WEIR_CANCELED, leave their stacks, and are gone then.
 * None of them is told to the host. Calls that have not begun are withdrawn, with an entry, by the time this returns.
 * Calls under way go on: what comes of them, but for PURE ones, is appended whenever it comes.
 */
void weir__engine_drop(weir_engine *engine, uint32_t owner);

/** Whether runs of an owner that was dropped still stand on their stacks. They leave when the loop has its turn. */
bool weir__engine_is_dropping(const weir_engine *engine, uint32_t owner);

/**
 * Takes the keys of an owner, dirty or not, out of memory, when it has no run any more: dropped, and not dropping. Its
 * number is as new from then on. In a turn.
 */
void weir__engine_forget(weir_engine *engine, uint32_t owner);

/** Runs of an owner that were accepted and are not over. */
size_t weir__engine_runs_of(const weir_engine *engine, uint32_t owner);

/** The run of an owner at a position of its input, accepted and not over; NULL: none. The first call makes an index. */
weir_run *weir__engine_find(weir_engine *engine, uint32_t owner, uint64_t index);

/**
 * What the log says of a run that is under way here: kept with what its journal holds, and acted upon, as what an
 * errand says late. At the loop's top.
 *
 * Of an attempt that this epoch began a decision counts, and, with a port that `reads_back`, an outcome of this epoch;
 * another's outcome or withdrawal is of another attempt with the same number.
 *
 * @param entry  OUTCOME, RESOLUTION or WITHDRAWN, with its epoch; copied
 * @return WEIR_OK, also when it makes no difference; WEIR_INVALID: another kind (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__engine_learn_entry(weir_run *run, const weir_entry *entry);

/** Of a run of a replay (only_recalls) that ended: a call that its entries have and it did not ask for; NULL: none. */
const weir_entry *weir__run_unasked(const weir_run *run);

/* ---- the loop's surroundings ------------------------------------------------------------------------------------- */

typedef struct weir_engine_counts {
    uint64_t accepted, ended, failed;
    size_t waiting, queued, ready, parked;
    size_t awaiting_commit; /* of those waiting: for their key's changes to be durable */
    size_t errands;       /* functions, reconcilers and HTTP exchanges under way, whoever waits for them */
    uint64_t divergences;
} weir_engine_counts;
weir_engine_counts weir__engine_counts(const weir_engine *engine);

/** Becomes readable when another thread has posted, the network has something, or a watched descriptor is readable. */
int weir__engine_wake_fd(const weir_engine *engine);

/** Makes weir__engine_wake_fd() readable whenever `fd`, which stays the host's, is. WEIR_OK; WEIR_IO (stop) */
WEIR_CHECK weir_code weir__engine_watch(weir_engine *engine, int fd, weir_error *err);
void weir__engine_unwatch(weir_engine *engine, int fd); /* before it is closed; not watched: fine */

/** Calls a function on the ground stack: for what may need more than limits.stack-kb. */
void weir__engine_on_ground(weir_engine *engine, void (*fn)(void *context), void *context);

/** How long a wait may last before a timer is due, in ms, as poll(2) wants it; -1: none is set. */
int weir__engine_timeout_ms(const weir_engine *engine);

/** Has `fn` called at the loop's top. `fn` and `context` are taken; both threads see what came before. Threads: any. */
void weir__engine_post(weir_engine *engine, weir_post *post);

/* ---- decisions --------------------------------------------------------------------------------------------------- */

/**
 * Somebody's decision on a run that is parked, or whose call is in doubt: journaled, and acted upon.
 *
 * @param decision  kind RESOLUTION with attempt, decision, result, is_forced and id, and instance and call where they
 *                  are known (else 0); the rest is filled in. Borrowed
 * @param ticket    told when it is durable; NULL: nobody waits
 * @return WEIR_OK;
 *         WEIR_INVALID  the run is not parked, or on another attempt, or it is too early (the message says)   (fix)
 *         WEIR_NO_MEMORY, WEIR_IO                                                                             (stop)
 */
WEIR_CHECK weir_code weir__engine_decide(weir_run *run, const weir_entry *decision, weir_ticket *ticket,
                                         weir_error *err);

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
