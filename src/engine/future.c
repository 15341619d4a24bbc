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
#include "engine/http_call.h"
#include "engine/internal.h"
#include "engine/result.h"
#include "engine/run_journal.h"

static void move(weir_future *future, weir_future_state to)
{
    static const bool allowed[WEIR__FUTURE_DONE + 1][WEIR__FUTURE_DONE + 1] = {
        /* to:                    NEW    INTENT RUNNING BACKOFF DOUBT ASKING PARKED DONE */
        [WEIR__FUTURE_NEW]     = { false, true,  true,  false, true,  false, true,  true },
        [WEIR__FUTURE_INTENT]  = { false, false, true,  false, false, false, false, true },
        [WEIR__FUTURE_RUNNING] = { false, true,  true,  true,  true,  false, false, true },
        [WEIR__FUTURE_BACKOFF] = { false, true,  true,  false, false, false, false, true },
        [WEIR__FUTURE_DOUBT]   = { false, true,  true,  true,  false, true,  true,  true },
        [WEIR__FUTURE_ASKING]  = { false, true,  true,  true,  true,  false, true,  true },
        [WEIR__FUTURE_PARKED]  = { false, false, false, false, false, false, false, false },
        [WEIR__FUTURE_DONE]    = { false, false, false, false, false, false, false, false },
    };

    assert(allowed[future->state][to]);
    (void)allowed;
    future->state = to;
}

static weir_engine *engine_of(const weir_future *future)
{
    return future->run->engine;
}

static int64_t now_ms(const weir_future *future)
{
    return weir__clock_monotonic_ms(engine_of(future)->options.clock);
}

/* Effects are written down before they begin; the rest may simply begin. */
static bool needs_intent(const weir_future *future)
{
    return future->about.kind != WEIR_CALL_PURE && weir__run_has_journal(future->run);
}

/* What may not simply be made again. */
static bool knows_doubt(const weir_future *future)
{
    return future->about.kind == WEIR_CALL_CHECKED || future->about.kind == WEIR_CALL_ONCE;
}

static void begin(weir_future *future);
static void act_on_doubt(weir_future *future);

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* Nobody waits for its errand any more. */
static void leave_errand(weir_future *future, bool is_abandoned)
{
    if (!future->errand)
        return;
    future->errand->future = NULL;
    future->errand->is_abandoned = is_abandoned;
    future->errand = NULL;
}

static void settle(weir_future *future, weir_future_state state)
{
    weir_engine *engine = engine_of(future);

    weir__timers_unset(&engine->timers, &future->timer);
    move(future, state);
    future->ended = ++engine->futures_ended;
    weir__run_wake(future->run);
}

static void settle_with(weir_future *future, weir_code code, weir_bytes result, const weir_error *err)
{
    weir_arena *arena = &future->run->arena;
    weir_error *kept = NULL;

    leave_errand(future, !knows_doubt(future));
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
    settle(future, WEIR__FUTURE_DONE);
}

/* What kept it from being made at all, or from being written down: nothing of it is in the journal. */
static void settle_failed(weir_future *future, weir_code code)
{
    weir_error err = future->run->failure.error;

    if (err.code == WEIR_OK)
        (void)weir__fail_memory(&err, "a call");
    settle_with(future, code, (weir_bytes){ NULL, 0 }, &err);
}

static weir_code set_timer(weir_future *future, int64_t due_ms)
{
    weir_code rc = weir__timers_set(&engine_of(future)->timers, &future->timer, due_ms);

    if (rc != WEIR_OK) {
        (void)weir__failure_keep(&future->run->failure, WEIR_NO_MEMORY, "no memory for a timer");
        settle_failed(future, rc);
    }
    return rc;
}

/* ---- how an attempt ends ----------------------------------------------------------------------------------------- */

/* Whether what the function said is its last word, whatever the kind. */
static bool is_last_word(weir_code code)
{
    return code == WEIR_OK || code == WEIR_FAILED || code == WEIR_INVALID || code == WEIR_CONFIG || code == WEIR_LIMIT;
}

static bool may_be_tried_again(const weir_future *future, weir_code code)
{
    return future->tries < (uint32_t)future->options.max_attempts &&
           (code == WEIR_NOT_DONE || (!knows_doubt(future) && !is_last_word(code)));
}

/* Exponential, between a half and the whole: callers that failed together do not come back together. */
static int64_t backoff_ms(const weir_future *future, int64_t retry_after_ms)
{
    int64_t most = future->options.first_backoff_ms;
    uint64_t dice = weir__hash_stable(weir__bytes(&future->intent_ms, sizeof future->intent_ms),
                                      future->about.digest ^ (uint64_t)future->attempt << 32 ^ future->run->index);
    int64_t wait;

    for (uint32_t i = 1; i < future->tries && most < future->options.max_backoff_ms; i++)
        most *= 2;
    if (most > future->options.max_backoff_ms)
        most = future->options.max_backoff_ms;
    wait = most / 2 + (int64_t)(dice % (uint64_t)(most / 2 + 1));
    return retry_after_ms > wait ? retry_after_ms : wait;
}

static void doubt(weir_future *future, int64_t deadline_ms)
{
    int64_t margin_ms = engine_of(future)->options.margin_ms;

    move(future, WEIR__FUTURE_DOUBT);
    future->deadline_ms = deadline_ms;
    if (weir__is_broken(WEIR__BREAK_NO_DEADLINE))
        deadline_ms = now_ms(future) - margin_ms;
    (void)set_timer(future, deadline_ms + margin_ms); /* it has settled the future when it fails */
}

/* Copies what came into the run, and writes it down. */
static void conclude(weir_future *future, const weir_attempt_end *end, bool is_final)
{
    weir_attempt_end kept = *end;
    weir_code rc = WEIR_OK;

    if (end->code == WEIR_OK && end->result.data) {
        kept.result = weir__arena_copy(&future->run->arena, end->result);
        if (!kept.result.data) {
            (void)weir__failure_keep(&future->run->failure, WEIR_NO_MEMORY, "no memory for a call's result");
            settle_failed(future, WEIR_NO_MEMORY);
            return;
        }
    }
    if (weir__run_has_journal(future->run) && (is_final || future->about.kind != WEIR_CALL_PURE))
        rc = weir__run_append_outcome(future, future->attempt, &kept, is_final);
    if (rc != WEIR_OK) {
        settle_failed(future, rc);
        return;
    }
    if (is_final) {
        settle_with(future, kept.code, kept.result, kept.error);
        return;
    }
    leave_errand(future, true);
    move(future, WEIR__FUTURE_BACKOFF);
    (void)set_timer(future, now_ms(future) + backoff_ms(future, end->retry_after_ms));
}

void weir__future_attempt_ended(weir_future *future, const weir_attempt_end *end)
{
    if (knows_doubt(future) && !is_last_word(end->code) && end->code != WEIR_NOT_DONE) {
        /* It may have happened, or may still. The errand's own time is over at the latest with its time-out. */
        future->is_own_doubt = true;
        if (future->state == WEIR__FUTURE_RUNNING)
            doubt(future, now_ms(future) > future->deadline_ms ? now_ms(future) : future->deadline_ms);
        return;
    }
    future->tries++;
    conclude(future, end, !may_be_tried_again(future, end->code));
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

static weir_errand *new_errand(weir_future *future, weir_errand_mode mode)
{
    weir_engine *engine = engine_of(future);
    weir_errand *errand = weir__errand_new(engine, mode, future->about.action, future->about.name, future->args,
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
    errand->run_index = future->run->index;
    if (mode != WEIR__ERRAND_RECONCILE && needs_intent(future)) {
        errand->intent_ms = future->intent_ms;
        errand->intent_wall_ms = future->intent_wall_ms;
        errand->lease_ms = engine->options.lease_ms;
    }
    return errand;
}

/* The intent is durable, or none is needed. */
static void dispatch(weir_future *future)
{
    weir_engine *engine = engine_of(future);
    weir_errand *errand = NULL;
    weir_code rc = weir__engine_need_calls(engine, &future->run->failure);

    if (rc == WEIR_OK)
        errand = new_errand(future, future->fn ? WEIR__ERRAND_CALL : WEIR__ERRAND_HTTP);
    if (!errand) {
        settle_failed(future, rc == WEIR_OK ? WEIR_NO_MEMORY : rc);
        return;
    }
    future->errand = errand;
    move(future, WEIR__FUTURE_RUNNING);
    future->deadline_ms = now_ms(future) + future->options.timeout_ms;
    if (!future->fn) {
        weir__http_call_begin(future, errand);
        return;
    }
    errand->fn = future->fn;
    errand->arg = future->arg;
    if (set_timer(future, future->deadline_ms) == WEIR_OK) {
        weir__errand_submit(errand);
    } else {
        weir__errand_free(errand); /* settling has left it behind */
    }
}

static void intent_known(weir_ticket *ticket, const weir_error *err)
{
    weir_future *future = (weir_future *)ticket;

    if (future->state != WEIR__FUTURE_INTENT)
        return; /* broken on purpose: it has begun already */
    if (err) {
        (void)weir__failure_keep_error(&future->run->failure, err);
        settle_failed(future, err->code);
        return;
    }
    if (future->run->is_canceled) {
        /* It never begins, and says so; when that cannot be written the doubt is only larger than it need be. */
        (void)weir__run_append_withdrawn(future, future->attempt);
        return;
    }
    dispatch(future);
}

/* The next attempt. */
static void begin(weir_future *future)
{
    weir_engine *engine = engine_of(future);
    weir_code rc;

    leave_errand(future, !knows_doubt(future));
    weir__timers_unset(&engine->timers, &future->timer);
    if (engine->is_stopping || future->run->is_canceled)
        return; /* it stays as it is: the run is canceled, and the next start looks it up */
    future->attempt++;
    future->is_past_margin = false;
    if (!needs_intent(future)) {
        dispatch(future);
        return;
    }
    future->intent_ms = now_ms(future);
    future->intent_wall_ms = weir__clock_wall_ms(engine->options.clock);
    move(future, WEIR__FUTURE_INTENT);
    future->ticket.known = intent_known;
    rc = weir__is_broken(WEIR__BREAK_FORGET_RESULT) ? WEIR_OK : weir__run_append_results(future->run);
    if (rc == WEIR_OK)
        rc = weir__run_append_intent(future);
    if (rc != WEIR_OK)
        settle_failed(future, rc);
    else if (weir__is_broken(WEIR__BREAK_CALL_BEFORE_INTENT))
        dispatch(future);
}

/* ---- doubt ------------------------------------------------------------------------------------------------------- */

/* The journal says that it waits for a decision on just this. */
static bool is_parked_already(const weir_future *future)
{
    const weir_entry *parked = weir__recall_parked(future->run->entries);

    return parked && parked->instance == future->about.instance && parked->call == future->about.call &&
           parked->attempt == (future->reason == WEIR__PARK_DIVERGENCE ? 0 : future->attempt);
}

static void park(weir_future *future, weir_park_reason reason)
{
    weir_run *run = future->run;
    weir_code rc = WEIR_OK;

    future->reason = reason;
    if (weir__run_has_journal(run) && !is_parked_already(future))
        rc = weir__run_append_parked(future);
    if (rc == WEIR_OK)
        settle(future, WEIR__FUTURE_PARKED);
    else
        settle_failed(future, rc);
}

/* Neither made for sure nor surely not, and nobody to ask. */
static void follow_policy(weir_future *future, weir_park_reason reason)
{
    const weir_engine_options *options = &engine_of(future)->options;
    weir_in_doubt policy = options->in_doubt;
    weir_attempt_end end = { .code = WEIR_UNKNOWN, .retry_after_ms = -1 };
    weir_error err;

    if (!weir__run_has_journal(future->run))
        policy = WEIR__IN_DOUBT_FAIL; /* no decision could reach it */
    if (policy != WEIR__IN_DOUBT_PARK && !future->is_past_margin && options->in_doubt_after_ms) {
        future->is_past_margin = true;
        if (future->state == WEIR__FUTURE_ASKING)
            move(future, WEIR__FUTURE_DOUBT);
        (void)set_timer(future, now_ms(future) + options->in_doubt_after_ms); /* it has settled it when it fails */
        return;
    }
    switch (policy) {
    case WEIR__IN_DOUBT_PARK:
        park(future, reason);
        break;
    case WEIR__IN_DOUBT_FAIL:
        (void)weir__fail(&err, WEIR_UNKNOWN, WEIR_REMEDY_FIX,
                         "call '%s' may or may not have been made, attempt %" PRIu32 "; calls.in-doubt says fail",
                         future->about.name, future->attempt);
        end.error = &err;
        conclude(future, &end, true);
        break;
    case WEIR__IN_DOUBT_RETRY:
        begin(future);
        break;
    }
}

/* The deadline and the margin have passed. */
static void act_on_doubt(weir_future *future)
{
    weir_errand *errand;

    if (weir__is_broken(WEIR__BREAK_REPEAT_IN_DOUBT)) {
        begin(future);
        return;
    }
    if (future->about.kind != WEIR_CALL_CHECKED || future->is_past_margin) {
        follow_policy(future, future->is_past_margin && future->about.kind == WEIR_CALL_CHECKED ? WEIR__PARK_UNKNOWN
                                                                                               : WEIR__PARK_DOUBT);
        return;
    }
    if (future->run->is_reconciler_feared) {
        follow_policy(future, WEIR__PARK_UNKNOWN);
        return;
    }
    errand = weir__engine_need_calls(engine_of(future), &future->run->failure) == WEIR_OK
                 ? new_errand(future, WEIR__ERRAND_RECONCILE)
                 : NULL;
    if (!errand) {
        settle_failed(future, WEIR_NO_MEMORY);
        return;
    }
    /* The call's own errand may still be under way: what it says later counts too, if it says it first. */
    if (future->errand)
        future->errand->future = NULL;
    future->errand = errand;
    errand->reconcile = future->options.reconcile;
    errand->arg = future->options.reconcile_arg;
    move(future, WEIR__FUTURE_ASKING);
    if (set_timer(future, now_ms(future) + future->options.timeout_ms) == WEIR_OK)
        weir__errand_submit(errand);
    else
        weir__errand_free(errand); /* settling has left it behind */
}

static void reconciled(weir_future *future, const weir_errand *errand)
{
    weir_attempt_end end = { .code = WEIR_OK, .retry_after_ms = -1 };
    weir_verdict verdict = errand->verdict;
    weir_error err;

    leave_errand(future, true);
    if (verdict == WEIR_VERDICT_DONE && errand->result.is_over) {
        end.code = weir__fail(&err, WEIR_LIMIT, WEIR_REMEDY_FIX,
                              "call '%s' was made, but its result does not fit: calls.result-bytes allows %zu",
                              future->about.name, errand->result.maximum);
        end.error = &err;
    }
    switch (verdict) {
    case WEIR_VERDICT_DONE:
        end.result = weir__buffer_bytes(&errand->result);
        conclude(future, &end, true);
        return;
    case WEIR_VERDICT_NOT_DONE:
        end.code = weir__fail(&err, WEIR_NOT_DONE, WEIR_REMEDY_RETRY, "call '%s' was not made, says its reconciler",
                              future->about.name);
        end.error = &err;
        /* Attempts of a life before this one are not counted: its crash was not the call's fault. */
        future->tries += future->is_own_doubt;
        conclude(future, &end, future->tries >= (uint32_t)future->options.max_attempts);
        return;
    case WEIR_VERDICT_UNKNOWN:
        break;
    }
    follow_policy(future, WEIR__PARK_UNKNOWN); /* any other number, too: it is none of the words it may say */
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static void timed_out(weir_future *future)
{
    future->is_own_doubt = true;
    if (!knows_doubt(future)) {
        leave_errand(future, true);
        fail_attempt(future);
        return;
    }
    doubt(future, future->deadline_ms);
}

/* Whether the time of its errand is over. It counts from when the errand has a thread: else it is waited for again. */
static bool is_time_over(weir_future *future)
{
    int64_t begun_ms = atomic_load(&future->errand->begun_ms);
    int64_t over_ms = (begun_ms ? begun_ms : now_ms(future)) + future->options.timeout_ms;

    if (now_ms(future) < over_ms) {
        (void)set_timer(future, over_ms); /* it has settled the future when it fails */
        return false;
    }
    return true;
}

static void on_timer(weir_timer *timer)
{
    weir_future *future = (weir_future *)((char *)timer - offsetof(weir_future, timer));

    switch (future->state) {
    case WEIR__FUTURE_RUNNING:
        if (is_time_over(future)) {
            future->deadline_ms = atomic_load(&future->errand->begun_ms) + future->options.timeout_ms;
            timed_out(future);
        }
        return;
    case WEIR__FUTURE_BACKOFF:
        begin(future);
        return;
    case WEIR__FUTURE_DOUBT:
        act_on_doubt(future);
        return;
    case WEIR__FUTURE_ASKING:
        if (is_time_over(future)) {
            leave_errand(future, true);
            follow_policy(future, WEIR__PARK_UNKNOWN);
        }
        return;
    case WEIR__FUTURE_NEW:
    case WEIR__FUTURE_INTENT:
    case WEIR__FUTURE_PARKED:
    case WEIR__FUTURE_DONE:
        return;
    }
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

static const char *describe(weir_run *run, const weir_question *about)
{
    char text[256];
    weir_bytes kept;

    (void)snprintf(text, sizeof text, "action '%s', call %" PRIu32 " '%s' (%s), arguments %016" PRIx64 ", input %016" PRIx64,
                   about->action, about->call, about->name, weir__call_kind_name(about->kind), about->digest,
                   about->input_hash);
    weir__text_trim(text);
    kept = weir__arena_copy(&run->arena, weir__bytes(text, strlen(text) + 1));
    return kept.data ? (const char *)kept.data : "";
}

bool weir__run_may_diverge(weir_run *run, const char *recorded, const char *asked)
{
    weir_entry mark = { .kind = WEIR__ENTRY_RESOLUTION, .decision = WEIR__DECISION_RETRY, .id = "divergence" };
    bool has_effects = false;

    run->engine->divergences++;
    for (const weir_entry *entry = run->entries; entry; entry = entry->next)
        has_effects |= weir__recall_is_effect(entry);
    /* Those of this life are behind what was read at its start: a mark would void them, and the next one repeat them. */
    for (const weir_future *future = run->futures; future; future = future->next)
        has_effects |= future->attempt > 0 && future->about.kind != WEIR_CALL_PURE;
    weir__log(WEIR__LOG_WARN, "engine", "the journal diverges, %s run=%s recorded=\"%s\" asked=\"%s\"",
              has_effects ? "the run is parked" : "what is recorded is dropped", weir_run_id(run), recorded, asked);
    if (has_effects)
        return false;
    weir__results_clear(run->recorded);
    run->recorded = NULL;
    run->entries = NULL;
    mark.instance = run->instance;
    (void)weir__run_append(run, &mark, NULL); /* kept in the run when it fails */
    /* Results that this life goes on from are void with the rest: they are written again, behind the mark. */
    for (weir_action_result *result = run->results; result; result = result->next)
        result->is_written = result->is_recorded = false;
    return true;
}

static void diverge(weir_future *future, const weir_entry *entry)
{
    weir_question recorded = { entry->instance, entry->call,   entry->action,    entry->name,
                               entry->call_kind, entry->digest, entry->input_hash };

    future->recorded_side = describe(future->run, &recorded);
    future->asked_side = describe(future->run, &future->about);
    future->attempt = 0;
    if (weir__run_may_diverge(future->run, future->recorded_side, future->asked_side))
        begin(future);
    else
        park(future, WEIR__PARK_DIVERGENCE);
}

static void take_over(weir_future *future, const weir_entry *entry)
{
    weir_error err;

    future->is_recorded = true;
    if (entry->kind == WEIR__ENTRY_RESOLUTION && entry->decision == WEIR__DECISION_FAIL) {
        (void)weir__fail(&err, WEIR_FAILED, WEIR_REMEDY_FIX, "call '%s' was resolved as failed", future->about.name);
        settle_with(future, WEIR_FAILED, (weir_bytes){ NULL, 0 }, &err);
        return;
    }
    settle_with(future, entry->kind == WEIR__ENTRY_RESOLUTION ? WEIR_OK : entry->code, entry->result, &entry->error);
}

/* An intent without an end: of this process, and maybe still under way, or of one before. */
static void take_doubt(weir_future *future, const weir_entry *entry)
{
    weir_engine *engine = engine_of(future);

    if (!knows_doubt(future)) {
        begin(future);
        return;
    }
    for (weir_errand *errand = engine->errands; errand && future->run->errand_count; errand = errand->older) {
        if (errand->run == future->run && errand->about->about.instance == future->about.instance &&
            errand->about->about.call == future->about.call && errand->attempt == future->attempt &&
            errand->mode != WEIR__ERRAND_RECONCILE) {
            errand->future = future;
            errand->about = future;
            future->errand = errand;
        }
    }
    if (!future->errand && is_parked_already(future)) {
        /* Its time was over when it parked. In doubt it is all the same: a policy may have a time of its own. */
        move(future, WEIR__FUTURE_DOUBT);
        future->deadline_ms = now_ms(future);
        follow_policy(future, weir__recall_parked(future->run->entries)->reason);
        return;
    }
    doubt(future, future->run->recalled_ms + entry->lease_ms + entry->timeout_ms);
}

static void warn_of_conflict(const weir_run *run, const char *name, uint32_t attempt, weir_code code)
{
    weir__log(WEIR__LOG_WARN, "engine",
              "a call ended after it was resolved, its outcome is not used run=%s call=%s attempt=%" PRIu32
              " outcome=\"%s\"",
              weir_run_id(run), name, attempt, weir__code_name(code));
}

void weir__future_start(weir_future *future)
{
    weir_run *run = future->run;
    weir_recall recall = { .state = WEIR__RECALL_NOTHING };

    future->timer.fn = on_timer;
    if (run->entries)
        recall = weir__recall(run->entries, &future->about);
    future->attempt = recall.attempt;
    future->tries = recall.failures;
    if (recall.conflict)
        warn_of_conflict(run, future->about.name, recall.conflict->attempt, recall.conflict->code);
    switch (recall.state) {
    case WEIR__RECALL_NOTHING:
    case WEIR__RECALL_AGAIN:
        begin(future);
        return;
    case WEIR__RECALL_SETTLED:
        take_over(future, recall.entry);
        return;
    case WEIR__RECALL_DOUBT:
        take_doubt(future, recall.entry);
        return;
    case WEIR__RECALL_DIVERGED:
        diverge(future, recall.entry);
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

/* Nobody waited for it. What it says is a fact all the same, and may be what a parked run waits for. */
static void record_late(weir_errand *errand, const weir_attempt_end *end)
{
    weir_future *about = errand->about;
    weir_run *run = errand->run;
    bool is_final = end->code != WEIR_NOT_DONE || about->tries + 1 >= (uint32_t)about->options.max_attempts;
    weir_attempt_end kept = *end;
    weir_entry *entry;

    if (!is_last_word(end->code) && end->code != WEIR_NOT_DONE)
        return; /* doubt it was, and doubt it stays */
    if (end->code == WEIR_OK)
        kept.result = weir__arena_copy(&run->arena, end->result);
    if ((end->code == WEIR_OK && !kept.result.data) ||
        weir__run_append_outcome(about, errand->attempt, &kept, is_final) != WEIR_OK)
        return; /* kept in the run when it matters: the next start finds the doubt */
    for (const weir_entry *decision = run->entries; decision; decision = decision->next) {
        if (decision->kind == WEIR__ENTRY_RESOLUTION && decision->instance == about->about.instance &&
            decision->call == about->about.call && decision->attempt == errand->attempt) {
            warn_of_conflict(run, about->about.name, errand->attempt, end->code);
            return;
        }
    }
    entry = weir__future_outcome_entry(about, errand->attempt, &kept, is_final);
    if (entry)
        weir__engine_learn(run, entry);
}

void weir__future_errand_ended(weir_errand *errand)
{
    weir_future *future = errand->future;
    weir_attempt_end end = end_of(errand);

    if (end.error && errand->mode == WEIR__ERRAND_CALL && errand->about)
        weir__error_context(&errand->error, "call '%s'", errand->about->about.name);

    if (future && future->errand == errand)
        future->errand = NULL;
    if (atomic_load(&errand->phase) == WEIR__ERRAND_WITHDRAWN)
        return; /* said when it was withdrawn */
    if (errand->is_abandoned)
        return;
    if (!errand->run) {
        weir__log(WEIR__LOG_WARN, "engine", "a call ended after its run was over, its outcome is not used %s code=\"%s\"",
                  errand->what, weir__code_name(errand->code));
        return;
    }
    if (errand->mode == WEIR__ERRAND_RECONCILE) {
        if (future)
            reconciled(future, errand);
        return;
    }
    if (errand->is_late) {
        if (needs_intent(errand->about) && weir__run_append_withdrawn(errand->about, errand->attempt) != WEIR_OK) {
            if (future)
                settle_failed(future, WEIR_IO);
            return;
        }
        if (future && future->state == WEIR__FUTURE_RUNNING)
            begin(future);
        return;
    }
    if (future && !future->run->is_canceled) {
        if (errand->mode == WEIR__ERRAND_CALL)
            future->deadline_ms = atomic_load(&errand->begun_ms) + future->options.timeout_ms;
        weir__future_attempt_ended(future, &end);
        return;
    }
    if (weir__run_has_journal(errand->run) && (errand->about->about.kind != WEIR_CALL_PURE || end.code == WEIR_OK))
        record_late(errand, &end);
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

void weir__futures_cancel(weir_run *run)
{
    weir_engine *engine = run->engine;

    for (weir_future *future = run->futures; future; future = future->next) {
        weir__timers_unset(&engine->timers, &future->timer);
        if (!future->errand)
            continue;
        if (weir__errand_withdraw(future->errand) && future->errand->mode == WEIR__ERRAND_CALL && needs_intent(future))
            (void)weir__run_append_withdrawn(future, future->attempt); /* as in intent_known() */
        leave_errand(future, future->errand->mode == WEIR__ERRAND_RECONCILE);
    }
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

static void append(weir_entry ***tail, weir_entry *entry)
{
    entry->next = NULL;
    **tail = entry;
    *tail = &entry->next;
}

/* In the order in which they parked, as in the journal: a decision is on the last one, here and in what people see. */
static weir_code remember_parked(weir_run *run, weir_entry **tail)
{
    uint64_t before = 0;

    for (;;) {
        const weir_future *next = NULL;
        weir_entry *entry;

        for (const weir_future *future = run->futures; future; future = future->next) {
            if (future->state == WEIR__FUTURE_PARKED && future->ended > before &&
                (!next || future->ended < next->ended))
                next = future;
        }
        if (!next)
            return WEIR_OK;
        before = next->ended;
        entry = weir__future_parked_entry(next);
        if (!entry)
            return WEIR_NO_MEMORY;
        append(&tail, entry);
    }
}

weir_code weir__futures_remember(weir_run *run)
{
    weir_entry **tail = &run->entries;

    while (*tail)
        tail = &(*tail)->next;
    for (weir_action_result *result = run->results; result; result = result->next) {
        weir_entry *entry;

        if (result->is_recorded)
            continue;
        entry = weir__arena_alloc(&run->arena, sizeof *entry);
        if (!entry)
            return WEIR_NO_MEMORY;
        memset(entry, 0, sizeof *entry);
        entry->kind = WEIR__ENTRY_RESULT;
        if (weir__result_to_entry(result, &run->arena, entry) != WEIR_OK)
            return WEIR_NO_MEMORY;
        entry->input_hash = weir__run_input_hash(run);
        append(&tail, entry);
    }
    for (const weir_wait_mark *mark = run->firsts; mark; mark = mark->next) {
        weir_entry *entry = weir__arena_alloc(&run->arena, sizeof *entry);

        if (!entry)
            return WEIR_NO_MEMORY;
        memset(entry, 0, sizeof *entry);
        entry->kind = WEIR__ENTRY_FIRST;
        entry->instance = mark->instance;
        entry->call = mark->wait;
        entry->which = mark->which;
        append(&tail, entry);
    }
    for (const weir_future *future = run->futures; future; future = future->next) {
        weir_attempt_end end = { future->code, future->result, future->error, -1 };
        weir_entry *entry = NULL;

        if (future->is_recorded)
            continue;
        if (future->attempt && future->about.kind != WEIR_CALL_PURE) {
            entry = weir__future_intent_entry(future);
            if (!entry)
                return WEIR_NO_MEMORY;
            append(&tail, entry);
        }
        if (future->state != WEIR__FUTURE_DONE)
            continue;
        entry = weir__future_outcome_entry(future, future->attempt, &end, true);
        if (!entry)
            return WEIR_NO_MEMORY;
        append(&tail, entry);
    }
    return remember_parked(run, tail);
}

void weir__future_told(weir_future *future, const weir_entry *entry)
{
    leave_errand(future, false);
    future->tries += entry->kind == WEIR__ENTRY_OUTCOME && !entry->is_final;
    if (entry->kind == WEIR__ENTRY_RESOLUTION ? entry->decision == WEIR__DECISION_RETRY : !entry->is_final)
        begin(future);
    else
        take_over(future, entry);
}
