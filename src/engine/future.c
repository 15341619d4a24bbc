/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a call; the picture is in future.h. Nothing here runs an action: runs are only made ready. */
#include "engine/future.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/breakage.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/future_internal.h"
#include "engine/http_call.h"
#include "engine/run_journal.h"

void weir__future_move(weir_future *future, weir_future_state to)
{
    static const bool allowed[WEIR__FUTURE_DONE + 1][WEIR__FUTURE_DONE + 1] = {
        /* to:                    NEW    INTENT RUNNING BACKOFF DOUBT ASKING PARKED DONE */
        [WEIR__FUTURE_NEW]     = { false, true,  true,  false, true,  false, true,  true },
        [WEIR__FUTURE_INTENT]  = { false, false, true,  false, false, false, false, true },
        [WEIR__FUTURE_RUNNING] = { false, true,  true,  true,  true,  false, false, true },
        [WEIR__FUTURE_BACKOFF] = { false, true,  true,  false, false, false, false, true },
        [WEIR__FUTURE_DOUBT]   = { false, true,  true,  true,  false, true,  true,  true },
        [WEIR__FUTURE_ASKING]  = { false, true,  true,  true,  true,  false, true,  true },
        [WEIR__FUTURE_PARKED]  = { false, true,  true,  true,  false, false, false, true },
        [WEIR__FUTURE_DONE]    = { false, false, false, false, false, false, false, false },
    };

    assert(allowed[future->state][to]);
    (void)allowed;
    future->state = to;
}

int64_t weir__future_now_ms(const weir_future *future)
{
    return weir__clock_monotonic_ms(future->run->engine->options.clock);
}

/* Effects are written down before they begin; the rest may simply begin. */
bool weir__future_needs_intent(const weir_future *future)
{
    return future->about.kind != WEIR_CALL_PURE && weir__run_has_journal(future->run);
}

/* What may not simply be made again. */
bool weir__future_knows_doubt(const weir_future *future)
{
    return future->about.kind == WEIR_CALL_CHECKED || future->about.kind == WEIR_CALL_ONCE;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Nobody waits for its errand any more. */
void weir__future_leave_errand(weir_future *future, bool is_abandoned)
{
    if (!future->errand)
        return;
    future->errand->future = NULL;
    future->errand->is_abandoned = is_abandoned;
    future->errand = NULL;
}

void weir__future_settle(weir_future *future, weir_future_state state)
{
    weir_engine *engine = future->run->engine;

    weir__timers_unset(&engine->timers, &future->timer);
    weir__future_move(future, state);
    future->ended = ++engine->futures_ended;
    weir__run_wake(future->run);
}

void weir__future_settle_with(weir_future *future, weir_code code, weir_bytes result, const weir_error *err)
{
    weir_arena *arena = &future->run->arena;
    weir_error *kept = NULL;

    weir__future_leave_errand(future, !weir__future_knows_doubt(future));
    future->code = code;
    if (code == WEIR_OK) {
        future->result = result;
    } else {
        kept = weir__arena_alloc(arena, sizeof *kept);
        if (kept && err)
            *kept = *err;
        else if (kept)
            (void)weir__fail(kept, code, WEIR_REMEDY_FIX, "call '%s': %s", future->about.name, weir__code_name(code));
        future->error = kept;
    }
    weir__future_settle(future, WEIR__FUTURE_DONE);
}

/* What kept it from being made at all, or from being written down: nothing of it is in the journal. */
void weir__future_settle_failed(weir_future *future, weir_code code)
{
    weir_error err = future->run->failure.error;

    if (err.code == WEIR_OK)
        (void)weir__fail_memory(&err, "a call");
    weir__future_settle_with(future, code, (weir_bytes){ NULL, 0 }, &err);
}

weir_code weir__future_set_timer(weir_future *future, int64_t due_ms)
{
    weir_code rc = weir__timers_set(&future->run->engine->timers, &future->timer, due_ms);

    if (rc != WEIR_OK) {
        (void)weir__failure_keep(&future->run->failure, WEIR_NO_MEMORY, "no memory for a timer");
        weir__future_settle_failed(future, rc);
    }
    return rc;
}

/* ---- how an attempt ends ----------------------------------------------------------------------------------------- */

/* Whether what the function said is its last word, whatever the kind. */
bool weir__future_is_last_word(weir_code code)
{
    return code == WEIR_OK || code == WEIR_FAILED || code == WEIR_INVALID || code == WEIR_CONFIG || code == WEIR_LIMIT;
}

static bool may_be_tried_again(const weir_future *future, weir_code code)
{
    return future->tries < (uint32_t)future->options.max_attempts &&
           (code == WEIR_NOT_DONE || (!weir__future_knows_doubt(future) && !weir__future_is_last_word(code)));
}

/* Exponential, between a half and the whole: callers that failed together do not come back together. */
int64_t weir__future_backoff_ms(const weir_future *future, uint32_t failed, int64_t retry_after_ms)
{
    int64_t most = future->options.first_backoff_ms;
    uint64_t dice = weir__hash_stable(weir__bytes(&future->intent_ms, sizeof future->intent_ms),
                                      future->about.digest ^ (uint64_t)future->attempt << 32 ^ future->run->index);
    int64_t wait;

    for (uint32_t i = 1; i < failed && most < future->options.max_backoff_ms; i++)
        most *= 2;
    if (most > future->options.max_backoff_ms)
        most = future->options.max_backoff_ms;
    wait = most / 2 + (int64_t)(dice % (uint64_t)(most / 2 + 1));
    return retry_after_ms > wait ? retry_after_ms : wait;
}

void weir__future_back_off(weir_future *future, int64_t retry_after_ms)
{
    weir__future_move(future, WEIR__FUTURE_BACKOFF);
    (void)weir__future_set_timer(future, weir__future_now_ms(future) +
                                             weir__future_backoff_ms(future, future->tries, retry_after_ms));
}

/* Copies what came into the run, and writes it down. In doubt a decision may stand before it: then the log tells. */
void weir__future_conclude(weir_future *future, const weir_attempt_end *end, bool is_final)
{
    bool is_told_by_log = weir__future_is_open(future) && future->run->engine->options.port->reads_back;
    weir_attempt_end kept = *end;
    weir_code rc = WEIR_OK;

    if (end->code == WEIR_OK && end->result.data) {
        kept.result = weir__arena_copy(&future->run->arena, end->result);
        if (!kept.result.data) {
            (void)weir__failure_keep(&future->run->failure, WEIR_NO_MEMORY, "no memory for a call's result");
            weir__future_settle_failed(future, WEIR_NO_MEMORY);
            return;
        }
    }
    future->run->awaits_log |= is_told_by_log;
    if (weir__run_has_journal(future->run) && (is_final || future->about.kind != WEIR_CALL_PURE))
        rc = weir__run_append_outcome(future, future->attempt, &kept, is_final);
    if (rc != WEIR_OK) {
        weir__future_settle_failed(future, rc);
        return;
    }
    if (is_told_by_log) {
        weir__future_leave_errand(future, !is_final);
        weir__timers_unset(&future->run->engine->timers, &future->timer);
        future->is_awaiting_log = true;
        future->retry_after_ms = end->retry_after_ms;
        return;
    }
    if (is_final) {
        weir__future_settle_with(future, kept.code, kept.result, kept.error);
        return;
    }
    weir__future_leave_errand(future, true);
    weir__future_back_off(future, end->retry_after_ms);
}

void weir__future_attempt_ended(weir_future *future, const weir_attempt_end *end)
{
    if (weir__future_knows_doubt(future) && !weir__future_is_last_word(end->code) && end->code != WEIR_NOT_DONE) {
        /* It may have happened, or may still. The errand's own time is over at the latest with its time-out. */
        future->is_own_doubt = true;
        if (future->state == WEIR__FUTURE_RUNNING)
            weir__future_doubt(future, future->deadline_ms);
        return;
    }
    future->tries++;
    weir__future_conclude(future, end, !may_be_tried_again(future, end->code));
}

/* No answer in time, of what may be made again. */
static void fail_attempt(weir_future *future)
{
    weir_attempt_end end = { .code = WEIR_UNKNOWN, .retry_after_ms = -1 };
    weir_error err;

    (void)weir__fail(&err, WEIR_UNKNOWN, WEIR_REMEDY_RETRY, "call '%s': no answer within %" PRId64 " ms",
                     future->about.name, future->options.timeout_ms);
    end.error = &err;
    weir__future_attempt_ended(future, &end);
}

/* ---- beginning an attempt ---------------------------------------------------------------------------------------- */

static void make_key(const weir_future *future, char key[WEIR__UUID_TEXT])
{
    const weir_run *run = future->run;
    char place[96];
    weir_buffer *scratch = &run->engine->scratch;
    weir_code rc;

    (void)snprintf(place, sizeof place, "/%016" PRIx64 "/%" PRIu32 "/%" PRIu32, future->about.input_hash,
                   future->about.instance, future->about.call); /* it fits */
    if (weir__is_broken(WEIR__BREAK_KEY_PER_ATTEMPT))
        (void)snprintf(place, sizeof place, "/%" PRIu32 "/%" PRIu32, future->about.call, future->attempt);
    weir__buffer_reset(scratch);
    rc = weir__buffer_add_text(scratch, run->engine->options.job->name);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_byte(scratch, '/');
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(scratch, weir_run_id(run));
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(scratch, place);
    if (rc != WEIR_OK)
        (void)weir__failure_keep(&future->run->failure, WEIR_NO_MEMORY, "no memory for an idempotency key");
    weir__uuid_named(weir__buffer_bytes(scratch), key);
}

weir_errand *weir__future_new_errand(weir_future *future, weir_errand_mode mode)
{
    weir_engine *engine = future->run->engine;
    weir_errand *errand = weir__errand_new(future->run, mode, future->about.action, future->about.name, future->args,
                                           engine->options.result_bytes);

    if (!errand) {
        (void)weir__failure_keep(&future->run->failure, WEIR_NO_MEMORY, "no memory for a call");
        return NULL;
    }
    make_key(future, errand->idempotency_key);
    errand->run = future->run;
    errand->run->errand_count++;
    errand->about = future;
    errand->future = future;
    errand->attempt = future->attempt;
    errand->timeout_ms = future->options.timeout_ms;
    if (mode != WEIR__ERRAND_RECONCILE && weir__future_needs_intent(future)) {
        errand->intent_ms = future->intent_ms;
        errand->intent_wall_ms = future->intent_wall_ms;
        errand->lease_ms = engine->options.lease_ms;
    }
    return errand;
}

/* The intent is durable, or none is needed. */
static void dispatch(weir_future *future)
{
    weir_engine *engine = future->run->engine;
    weir_errand *errand = NULL;
    weir_code rc = weir__engine_need_calls(engine, &future->run->failure);

    if (rc == WEIR_OK)
        errand = weir__future_new_errand(future, future->fn ? WEIR__ERRAND_CALL : WEIR__ERRAND_HTTP);
    if (!errand) {
        weir__future_settle_failed(future, rc == WEIR_OK ? WEIR_NO_MEMORY : rc);
        return;
    }
    future->errand = errand;
    weir__future_move(future, WEIR__FUTURE_RUNNING);
    future->deadline_ms = weir__future_now_ms(future) + future->options.timeout_ms;
    if (!future->fn) {
        weir__http_call_begin(future, errand);
        return;
    }
    errand->fn = future->fn;
    errand->arg = future->arg;
    if (weir__future_set_timer(future, future->deadline_ms) == WEIR_OK) {
        weir__errand_submit(errand);
    } else {
        weir__errand_free(errand); /* settling has left it behind */
    }
}

static void intent_known(weir_ticket *ticket, const weir_error *err)
{
    weir_future *future = (weir_future *)ticket;
    weir_run *run = future->run;

    run->ticket_count--;
    if (run->is_retired) {
        weir__engine_release(run->engine, run); /* dropped, or it ended without waiting, for want of memory */
        return;
    }
    if (future->state != WEIR__FUTURE_INTENT)
        return; /* broken on purpose: it has begun already */
    if (run->owned_by->is_dropped)
        return; /* withdrawn by then */
    if (err) {
        (void)weir__failure_keep_error(&run->failure, err);
        weir__future_settle_failed(future, err->code);
        return;
    }
    if (run->is_canceled || run->engine->is_stopping) {
        /* It never begins, and says so; when that cannot be written the doubt is only larger than it need be. */
        future->is_withdrawn = true;
        (void)weir__run_append_withdrawn(future, future->attempt);
        return;
    }
    dispatch(future);
}

/* The next attempt. */
void weir__future_begin(weir_future *future)
{
    weir_engine *engine = future->run->engine;
    weir_code rc;

    weir__future_leave_errand(future, !weir__future_knows_doubt(future));
    weir__timers_unset(&engine->timers, &future->timer);
    if (engine->is_stopping || future->run->is_canceled)
        return; /* it stays as it is: the run is canceled, and the next start looks it up */
    future->attempt++;
    future->is_past_margin = false;
    future->questions = 0;
    if (!weir__future_needs_intent(future)) {
        dispatch(future);
        return;
    }
    future->is_withdrawn = false;
    future->intent_ms = weir__future_now_ms(future);
    future->intent_wall_ms = weir__clock_wall_ms(engine->options.clock);
    weir__future_move(future, WEIR__FUTURE_INTENT);
    future->ticket.known = intent_known;
    rc = weir__run_append_intent(future);
    if (rc != WEIR_OK)
        weir__future_settle_failed(future, rc);
    else if (weir__is_broken(WEIR__BREAK_CALL_BEFORE_INTENT))
        dispatch(future);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/* Its thread is not back in time, and may never be. */
static void note_overdue(weir_future *future)
{
    weir_engine *engine = future->run->engine;

    if (!future->errand || future->errand->is_overdue || !engine->pool_of_calls)
        return;
    future->errand->is_overdue = true;
    weir__pool_widen(engine->pool_of_calls, 1);
}

static void timed_out(weir_future *future)
{
    future->is_own_doubt = true;
    note_overdue(future);
    if (!weir__future_knows_doubt(future)) {
        weir__future_leave_errand(future, true);
        fail_attempt(future);
        return;
    }
    weir__future_doubt(future, future->deadline_ms);
}

/* Whether the time of its errand is over. It counts from when the errand has a thread: else it is waited for again. */
static bool is_time_over(weir_future *future)
{
    int64_t now_ms = weir__future_now_ms(future);
    int64_t begun_ms = atomic_load(&future->errand->begun_ms);
    int64_t over_ms = (begun_ms ? begun_ms : now_ms) + future->options.timeout_ms;

    if (now_ms < over_ms) {
        (void)weir__future_set_timer(future, over_ms); /* it has settled the future when it fails */
        return false;
    }
    return true;
}

void weir__future_on_timer(weir_timer *timer)
{
    weir_future *future = (weir_future *)((char *)timer - offsetof(weir_future, timer));

    if (future->run->is_canceled)
        return; /* stopping: its errand may be over already, and its run has only not been told yet */
    switch (future->state) {
    case WEIR__FUTURE_RUNNING:
        if (is_time_over(future)) {
            future->deadline_ms = atomic_load(&future->errand->begun_ms) + future->options.timeout_ms;
            timed_out(future);
        }
        return;
    case WEIR__FUTURE_BACKOFF:
        weir__future_begin(future);
        return;
    case WEIR__FUTURE_DOUBT:
        weir__future_act_on_doubt(future);
        return;
    case WEIR__FUTURE_ASKING:
        if (is_time_over(future)) {
            note_overdue(future);
            weir__future_leave_errand(future, true);
            weir__future_unanswered(future);
        }
        return;
    case WEIR__FUTURE_NEW:
    case WEIR__FUTURE_INTENT:
    case WEIR__FUTURE_PARKED:
    case WEIR__FUTURE_DONE:
        return;
    }
}

/* ---- errands ----------------------------------------------------------------------------------------------------- */

static weir_attempt_end end_of(const weir_errand *errand)
{
    return (weir_attempt_end){
        .code = errand->code,
        .result = weir__buffer_bytes(&errand->result),
        .error = errand->error.code == errand->code && errand->code != WEIR_OK ? &errand->error : NULL,
        .retry_after_ms = errand->retry_after_ms,
    };
}

void weir__future_errand_ended(weir_errand *errand)
{
    weir_future *future = errand->future;
    weir_attempt_end end = end_of(errand);

    if (errand->error.remedy == WEIR_REMEDY_STOP)
        errand->error.remedy = WEIR_REMEDY_FIX; /* a function's word stops its run at most */
    if (end.error && errand->mode == WEIR__ERRAND_CALL && errand->about)
        weir__error_context(&errand->error, "call '%s'", errand->about->about.name);

    if (future && future->errand == errand)
        future->errand = NULL;
    if (atomic_load(&errand->phase) == WEIR__ERRAND_WITHDRAWN)
        return; /* said when it was withdrawn */
    if (errand->is_abandoned || errand->engine->is_closing)
        return; /* closing: its answer came behind the last cut, and the next start finds the doubt */
    if (!errand->run) {
        weir__log(WEIR__LOG_WARN, "engine",
                  "a call ended after its run was over, its outcome is not used call=\"%s\" outcome=\"%s\"",
                  errand->what, weir__code_name(errand->code));
        return;
    }
    if (errand->mode == WEIR__ERRAND_RECONCILE) {
        if (future)
            weir__future_reconciled(future, errand);
        return;
    }
    if (errand->is_late) {
        if (weir__future_needs_intent(errand->about) &&
            weir__run_append_withdrawn(errand->about, errand->attempt) != WEIR_OK) {
            if (future)
                weir__future_settle_failed(future, WEIR_IO);
            return;
        }
        if (future && future->state == WEIR__FUTURE_RUNNING)
            weir__future_begin(future);
        return;
    }
    if (future && !future->run->is_canceled) {
        if (errand->mode == WEIR__ERRAND_CALL)
            future->deadline_ms = atomic_load(&errand->begun_ms) + future->options.timeout_ms;
        weir__future_attempt_ended(future, &end);
        return;
    }
    if (weir__run_has_journal(errand->run) && (errand->about->about.kind != WEIR_CALL_PURE || end.code == WEIR_OK))
        weir__future_record_late(errand, &end);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

void weir__futures_cancel(weir_run *run)
{
    weir_engine *engine = run->engine;

    for (weir_future *future = run->futures; future; future = future->next) {
        weir__timers_unset(&engine->timers, &future->timer);
        if (!future->errand)
            continue;
        if (weir__errand_withdraw(future->errand) && future->errand->mode == WEIR__ERRAND_CALL &&
            weir__future_needs_intent(future))
            (void)weir__run_append_withdrawn(future, future->attempt); /* as in intent_known() */
        weir__future_leave_errand(future, future->errand->mode == WEIR__ERRAND_RECONCILE);
    }
}

void weir__futures_withdraw(weir_run *run)
{
    for (weir_future *future = run->futures; future; future = future->next) {
        weir__timers_unset(&run->engine->timers, &future->timer);
        future->errand = NULL;
        if (future->state != WEIR__FUTURE_INTENT || future->is_withdrawn)
            continue;
        future->is_withdrawn = true;
        (void)weir__run_append_withdrawn(future, future->attempt); /* as in intent_known() */
    }
}

void weir__future_drop_errand(weir_errand *errand)
{
    weir_future *about = errand->about;
    bool is_now = weir__errand_withdraw(errand);
    bool is_withdrawn = atomic_load(&errand->phase) == WEIR__ERRAND_WITHDRAWN; /* a stop may have done so before */

    if (is_now && errand->mode == WEIR__ERRAND_CALL && weir__future_needs_intent(about))
        (void)weir__run_append_withdrawn(about, errand->attempt); /* as in intent_known() */
    errand->future = NULL;
    errand->is_abandoned |= is_withdrawn || errand->mode == WEIR__ERRAND_RECONCILE ||
                            about->about.kind == WEIR_CALL_PURE;
    /* It may hang for good, and no timer looks after it any more: others are not to wait for its thread. */
    if (!is_withdrawn && errand->mode != WEIR__ERRAND_HTTP && !errand->is_overdue && errand->engine->pool_of_calls) {
        errand->is_overdue = true;
        weir__pool_widen(errand->engine->pool_of_calls, 1);
    }
    if (!errand->is_abandoned && weir__run_has_journal(errand->run))
        return; /* what comes of it is a fact of the run */
    errand->run->errand_count--;
    errand->run = NULL;
    errand->about = NULL;
}

void weir__futures_leave(weir_run *run, bool is_over)
{
    weir_engine *engine = run->engine;

    for (weir_future *future = run->futures; future; future = future->next) {
        weir__timers_unset(&engine->timers, &future->timer);
        future->errand = NULL;
    }
    run->futures = NULL;
    run->last_future = NULL;
    if (!run->errand_count)
        return;
    for (weir_errand *errand = engine->errands; errand; errand = errand->older) {
        if (errand->run != run)
            continue;
        errand->future = NULL;
        if (is_over) {
            errand->run = NULL;
            errand->about = NULL;
            run->errand_count--;
        }
    }
}
