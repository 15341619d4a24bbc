/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One errand for a call: a function run by a thread, a reconciler asked, an HTTP exchange. It belongs to the process,
 * not to the run: when the run is gone, or gave up waiting, the errand goes on, and what comes of it is still told.
 */
#ifndef WEIR__ENGINE_ERRAND_H
#define WEIR__ENGINE_ERRAND_H

#include <stdatomic.h>

#include <weir/call.h>

#include "base/clock.h"
#include "base/executor.h"
#include "base/uuid.h"
#include "engine/inlet.h"
#include "engine/run.h"
#include "http/http.h"

typedef enum weir_errand_mode { WEIR__ERRAND_CALL, WEIR__ERRAND_RECONCILE, WEIR__ERRAND_HTTP } weir_errand_mode;

/* Who has the word: the thread takes QUEUED to BEGUN, the loop takes it to WITHDRAWN; one of them succeeds. */
typedef enum weir_errand_phase {
    WEIR__ERRAND_QUEUED,
    WEIR__ERRAND_BEGUN,
    WEIR__ERRAND_WITHDRAWN
} weir_errand_phase;

typedef struct weir_errand {
    weir_task task; /* first: cast back */
    weir_post post;
    weir_inlet *inlet; /* held */
    const weir_clock *clock;

    /* The loop's. */
    weir_engine *engine;
    struct weir_errand *newer, *older; /* of the engine */
    weir_run *run;                     /* NULL: it is over */
    weir_future *about;                /* of that run; NULL with it */
    weir_future *future;               /* `about` while it waits for this; NULL: nobody does */
    bool is_overdue;                   /* its time is over, its thread is not back: the pool was lent another */
    bool is_abandoned;                 /* what comes of it is of no interest: another attempt has taken its place */

    /* What to do; not changed once it is submitted. */
    weir_errand_mode mode;
    weir_call_fn fn;
    weir_reconcile_fn reconcile;
    void *arg;
    weir_bytes args;
    char idempotency_key[WEIR__UUID_TEXT];
    uint32_t attempt;
    int64_t intent_ms, intent_wall_ms; /* of its intent, on both clocks */
    int64_t lease_ms;                  /* it may begin until then; 0: any time */
    int64_t timeout_ms;
    uint64_t run_index;                /* for the crash note */
    const char *source;                /* the same: of the record */
    const char *what;                  /* the same: "agent.action, call 'name'" */

    /* While it is under way. */
    atomic_int phase;
    atomic_int_least64_t begun_ms;

    /* What came of it: the thread's until it is posted. */
    bool is_late;         /* the lease was over: nothing was begun */
    weir_code code;
    weir_verdict verdict;
    weir_buffer result;
    weir_error error;
    int64_t retry_after_ms; /* -1: no word of it */
    weir_http_exchange *exchange;
} weir_errand;

/**
 * Makes an errand of a run with copies of everything; it is in the engine's list. NULL: no memory.
 * `text`: the name in `what`. `args`: copied.
 */
weir_errand *weir__errand_new(const weir_run *run, weir_errand_mode mode, const char *action, const char *name,
                              weir_bytes args, size_t result_maximum);

/** Hands it to the executor. */
void weir__errand_submit(weir_errand *errand);

/** Takes it out of the engine's list and frees it. The loop's, when it is over; never while it is under way. */
void weir__errand_free(weir_errand *errand);

/** Whether its lease is over: it must not begin. Threads: any. */
bool weir__errand_is_too_late(const weir_errand *errand, int64_t now_ms);

/** The loop: lets it not begin. True: it has not, and never will; its post still comes, and frees it. */
bool weir__errand_withdraw(weir_errand *errand);

/** What this thread is doing, for the crash handler; NULL: no errand. */
const weir_errand *weir__errand_current(void);

#endif
