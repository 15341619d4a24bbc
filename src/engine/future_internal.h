/* SPDX-License-Identifier: Apache-2.0 */
/* What future.c, doubt.c and lookback.c share; nobody else includes it. */
#ifndef WEIR__ENGINE_FUTURE_INTERNAL_H
#define WEIR__ENGINE_FUTURE_INTERNAL_H

#include "engine/future.h"
#include "engine/internal.h"

/* ---- future.c ---------------------------------------------------------------------------------------------------- */

void weir__future_move(weir_future *future, weir_future_state to); /* the only one that changes `state` */
int64_t weir__future_now_ms(const weir_future *future);
bool weir__future_needs_intent(const weir_future *future); /* effects are written down before they begin */
bool weir__future_knows_doubt(const weir_future *future);  /* CHECKED and ONCE: may not simply be made again */
bool weir__future_is_last_word(weir_code code);            /* of a function, whatever the kind */

/** Begins the next attempt. A canceled run's stays as it is. */
void weir__future_begin(weir_future *future);

/** Nobody waits for its errand any more. `is_abandoned`: nor does anybody want to know what comes of it. */
void weir__future_leave_errand(weir_future *future, bool is_abandoned);

/**
 * Ends its present attempt: copied into the run, journaled; a final one settles it, another one waits for the next. In
 * doubt, and with a port that `reads_back`, it stays as it is until weir__future_told().
 */
void weir__future_conclude(weir_future *future, const weir_attempt_end *end, bool is_final);

void weir__future_back_off(weir_future *future, int64_t retry_after_ms); /* the next attempt comes later */
void weir__future_settle(weir_future *future, weir_future_state state); /* DONE or PARKED: wakes the run */
void weir__future_settle_with(weir_future *future, weir_code code, weir_bytes result, const weir_error *err);
void weir__future_settle_failed(weir_future *future, weir_code code); /* with what the run keeps: not journaled */

void weir__future_on_timer(weir_timer *timer); /* what its timer calls */

/** Sets its timer; has settled the future when it fails. */
weir_code weir__future_set_timer(weir_future *future, int64_t due_ms);

/** How long to wait after so many failures, from 1; `retry_after_ms`: at least, -1: nobody said so. */
int64_t weir__future_backoff_ms(const weir_future *future, uint32_t failed, int64_t retry_after_ms);

/** Makes an errand for its present attempt. NULL: no memory, kept in the run. */
weir_errand *weir__future_new_errand(weir_future *future, weir_errand_mode mode);

/* ---- doubt.c ----------------------------------------------------------------------------------------------------- */

/** It may have been made, and may still be until the deadline (monotonic). */
void weir__future_doubt(weir_future *future, int64_t deadline_ms);
void weir__future_act_on_doubt(weir_future *future); /* deadline and margin have passed */
void weir__future_follow_policy(weir_future *future, weir_park_reason reason);
void weir__future_reconciled(weir_future *future, const weir_errand *errand);
void weir__future_unanswered(weir_future *future); /* the reconciler does not know, or not in time */
void weir__future_park(weir_future *future, weir_park_reason reason);
bool weir__future_is_parked_already(const weir_future *future); /* says the journal */

/* ---- lookback.c -------------------------------------------------------------------------------------------------- */

/** What an errand says that nobody waited for: a fact, and maybe what a parked run waits for. */
void weir__future_record_late(weir_errand *errand, const weir_attempt_end *end);

#endif
