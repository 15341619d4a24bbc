/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call of a run, from the look into the journal to its end.
 *
 *                     ┌──────────── not done, or late: another attempt ◀────────────┐
 *                     ▼                                                             │
 *   (new) ──▶ INTENT ──durable──▶ RUNNING ──answer──▶ DONE                          │
 *     │                            │  └──not done──▶ BACKOFF ──timer────────────────┤
 *     │                            └──unknown, time-out──▶ DOUBT ◀──journal: an intent without an end
 *     │                                                     │ deadline and margin
 *     │                                                     ├──CHECKED──▶ ASKING ──not done───▶ (another attempt)
 *     │                                                     │                ├──done──▶ DONE
 *     │                                                     └──ONCE──▶┐      └──unknown──▶┐ (or DOUBT: asked again)
 *     └──journal: something else──────────────────────────────────▶ PARKED ◀──────────────┘
 *
 *  INTENT   its intent is on its way to the journal; nothing has begun
 *  RUNNING  an errand is under way
 *  BACKOFF  the last attempt surely did nothing; the timer begins the next
 *  DOUBT    it may have been made, and may still be under way somewhere; nothing is done about it before the deadline
 *  ASKING   the reconciler has been asked; while it does not know, it is asked as often as attempts are allowed
 *  PARKED   only somebody's decision, or a late outcome, leads on; the run gives up its stack as soon as its other
 *           calls have ended too: what is said before that, by the function or by somebody, counts as it does in DOUBT
 *  DONE     code, error and result stand for good, and are queued for the journal
 *
 * PURE calls, and all calls without a journal, have no INTENT. PURE and IDEMPOTENT calls know no DOUBT.
 */
#ifndef WEIR__ENGINE_FUTURE_H
#define WEIR__ENGINE_FUTURE_H

#include <weir/http.h>

#include "engine/engine.h"
#include "engine/errand.h"
#include "engine/recall.h"
#include "engine/timers.h"

typedef enum weir_future_state {
    WEIR__FUTURE_NEW,
    WEIR__FUTURE_INTENT,
    WEIR__FUTURE_RUNNING,
    WEIR__FUTURE_BACKOFF,
    WEIR__FUTURE_DOUBT,
    WEIR__FUTURE_ASKING,
    WEIR__FUTURE_PARKED,
    WEIR__FUTURE_DONE
} weir_future_state;

/* In its run's arena. */
struct weir_future {
    weir_ticket ticket; /* of its intent; first: cast back */
    weir_timer timer;
    weir_future *next;  /* of the run, in the order in which they were started */
    weir_run *run;
    weir_future_state state;
    weir_question about;
    weir_bytes args;
    weir_call_fn fn; /* NULL: HTTP */
    void *arg;
    const weir_http_request *request; /* a copy; NULL: a function */
    weir_call_options options;

    uint32_t base;        /* attempts are numbered from one more: see weir__future_start() */
    uint32_t attempt;     /* the last one begun, or found in the journal; `base`: none */
    uint32_t tries;       /* attempts that were made and did nothing, or nothing that counts */
    uint32_t questions;   /* that the reconciler was asked about this attempt in vain */
    int64_t intent_ms, intent_wall_ms;
    int64_t deadline_ms;  /* DOUBT: nothing happens outside after it */
    bool is_past_margin;  /* DOUBT: the policy's own time runs */
    weir_errand *errand;  /* under way for it */
    bool is_awaiting_log; /* DOUBT, ASKING, PARKED: its end is written, and counts once it was read back */
    int64_t retry_after_ms; /* the same: what was said with it */
    bool is_withdrawn;    /* INTENT: it stays so, and the journal is told */

    weir_code code;
    const weir_error *error; /* of another code than WEIR_OK */
    weir_bytes result;       /* data NULL: absent */
    uint64_t ended;          /* number in the order in which futures of the engine ended */
    bool is_recorded;        /* it came from the journal, or is in run->entries */
    bool is_own_doubt;       /* it came into doubt in this life, by a time-out or its own word */
    weir_park_reason reason; /* PARKED */
    const char *recorded_side, *asked_side; /* PARKED by divergence */
};

/** Starts a call whose future is filled in up to `options`: looks it up, or begins. Its errors become its outcome. */
void weir__future_start(weir_future *future);

static inline bool weir__future_is_settled(const weir_future *future)
{
    return future->state == WEIR__FUTURE_DONE || future->state == WEIR__FUTURE_PARKED;
}

/** Whether it can still be told what came of it. A divergence cannot: it is the run's, which begins anew. */
static inline bool weir__future_is_open(const weir_future *future)
{
    return future->state == WEIR__FUTURE_DOUBT || future->state == WEIR__FUTURE_ASKING ||
           (future->state == WEIR__FUTURE_PARKED && future->reason != WEIR__PARK_DIVERGENCE);
}

/** An errand is over: called at the loop's top, before it is freed. */
void weir__future_errand_ended(weir_errand *errand);

/** What came of an attempt; result and error are copied. */
typedef struct weir_attempt_end {
    weir_code code;
    weir_bytes result;
    const weir_error *error;
    int64_t retry_after_ms; /* -1: no word of it */
} weir_attempt_end;

/** Ends its present attempt; HTTP's own way in. */
void weir__future_attempt_ended(weir_future *future, const weir_attempt_end *end);

/** A run is canceled: nothing of its calls begins any more. What is under way goes on, and is recorded. */
void weir__futures_cancel(weir_run *run);

/** The run's owner is dropped, and so are its errands: says of what has not begun that it never will. */
void weir__futures_withdraw(weir_run *run);

/** The owner of its run is dropped: it does not begin any more, and lets go of its run unless it has yet to be told. */
void weir__future_drop_errand(weir_errand *errand);

/** A run is over, or begins anew: nobody waits for its calls any more. `is_over`: the run is gone. */
void weir__futures_leave(weir_run *run, bool is_over);

/** Appends to run->entries what its journal holds of this life, as after a restart. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__futures_remember(weir_run *run);

/** A decision, or an outcome that was read, on a future in DOUBT, ASKING or PARKED; the entry is in the journal. */
void weir__future_told(weir_future *future, const weir_entry *entry);

/** Whether an outcome comes behind a decision on its attempt, which counts; says so in the log. */
bool weir__run_is_decided(const weir_run *run, const weir_entry *outcome);

/**
 * What the journal holds is not what is asked for now. With effects in the journal: false, and the future, or the run
 * where there is none, is to park. Without: what is recorded counts no more; true.
 */
bool weir__run_may_diverge(weir_run *run, const char *recorded, const char *asked);

/** The same in a replay (only_recalls): the run fails. */
void weir__run_fail_diverged(weir_run *run, const char *recorded, const char *asked);

#endif
