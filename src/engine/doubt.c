/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that may have been made: waiting until nothing can happen any more, asking, parking, and what policy says. */
#include <inttypes.h>

#include "base/breakage.h"
#include "engine/future_internal.h"
#include "engine/run_journal.h"

void weir__future_doubt(weir_future *future, int64_t deadline_ms)
{
    int64_t margin_ms = future->run->engine->options.margin_ms;

    weir__future_move(future, WEIR__FUTURE_DOUBT);
    future->deadline_ms = deadline_ms;
    if (weir__is_broken(WEIR__BREAK_NO_DEADLINE))
        deadline_ms = weir__future_now_ms(future) - margin_ms;
    (void)weir__future_set_timer(future, deadline_ms + margin_ms); /* it has settled the future when it fails */
}

/* The journal says that it waits for a decision on just this. */
bool weir__future_is_parked_already(const weir_future *future)
{
    return weir__recall_parked_on(future->run->entries, future->about.instance, future->about.call,
                                  future->reason == WEIR__PARK_DIVERGENCE ? 0 : future->attempt) != NULL;
}

void weir__future_park(weir_future *future, weir_park_reason reason)
{
    weir_run *run = future->run;
    weir_code rc = WEIR_OK;

    future->reason = reason;
    if (weir__run_has_journal(run) && !weir__future_is_parked_already(future))
        rc = weir__run_append_parked(future);
    if (rc == WEIR_OK)
        weir__future_settle(future, WEIR__FUTURE_PARKED);
    else
        weir__future_settle_failed(future, rc);
}

/* Neither made for sure nor surely not, and nobody to ask. */
void weir__future_follow_policy(weir_future *future, weir_park_reason reason)
{
    const weir_engine_options *options = &future->run->engine->options;
    weir_in_doubt policy = options->in_doubt;
    weir_attempt_end end = { .code = WEIR_UNKNOWN, .retry_after_ms = -1 };
    weir_error err;

    if (!weir__run_has_journal(future->run))
        policy = WEIR__IN_DOUBT_FAIL; /* no decision could reach it */
    if (policy != WEIR__IN_DOUBT_PARK && !future->is_past_margin && options->in_doubt_after_ms) {
        future->is_past_margin = true;
        if (future->state == WEIR__FUTURE_ASKING)
            weir__future_move(future, WEIR__FUTURE_DOUBT);
        /* When it fails it has settled the future. */
        (void)weir__future_set_timer(future, weir__future_now_ms(future) + options->in_doubt_after_ms);
        return;
    }
    switch (policy) {
    case WEIR__IN_DOUBT_PARK:
        weir__future_park(future, reason);
        break;
    case WEIR__IN_DOUBT_FAIL:
        (void)weir__fail(&err, WEIR_UNKNOWN, WEIR_REMEDY_FIX,
                         "call '%s' may or may not have been made, attempt %" PRIu32 "; calls.in-doubt says fail",
                         future->about.name, future->attempt);
        end.error = &err;
        weir__future_conclude(future, &end, true);
        break;
    case WEIR__IN_DOUBT_RETRY:
        weir__future_begin(future);
        break;
    }
}

/* The deadline and the margin have passed. */
void weir__future_act_on_doubt(weir_future *future)
{
    weir_errand *errand;

    if (weir__is_broken(WEIR__BREAK_REPEAT_IN_DOUBT)) {
        weir__future_begin(future);
        return;
    }
    if (future->about.kind != WEIR_CALL_CHECKED) {
        weir__future_follow_policy(future, WEIR__PARK_DOUBT);
        return;
    }
    if (future->is_past_margin || future->run->is_reconciler_feared) {
        weir__future_follow_policy(future, WEIR__PARK_UNKNOWN);
        return;
    }
    errand = weir__engine_need_calls(future->run->engine, &future->run->failure) == WEIR_OK
                 ? weir__future_new_errand(future, WEIR__ERRAND_RECONCILE)
                 : NULL;
    if (!errand) {
        weir__future_settle_failed(future, WEIR_NO_MEMORY);
        return;
    }
    /* The call's own errand may still be under way: what it says later counts too, if it says it first. */
    if (future->errand)
        future->errand->future = NULL;
    future->errand = errand;
    errand->reconcile = future->options.reconcile;
    errand->arg = future->options.reconcile_arg;
    weir__future_move(future, WEIR__FUTURE_ASKING);
    if (weir__future_set_timer(future, weir__future_now_ms(future) + future->options.timeout_ms) == WEIR_OK)
        weir__errand_submit(errand);
    else
        weir__errand_free(errand); /* settling has left it behind */
}

/* A question does no harm, and what kept it from being answered may pass: it is put as often as attempts are made. */
void weir__future_unanswered(weir_future *future)
{
    int64_t pause_ms;

    if (++future->questions >= (uint32_t)future->options.max_attempts) {
        weir__future_follow_policy(future, WEIR__PARK_UNKNOWN);
        return;
    }
    pause_ms = weir__future_backoff_ms(future, future->questions, -1);
    weir__future_move(future, WEIR__FUTURE_DOUBT);
    (void)weir__future_set_timer(future, weir__future_now_ms(future) + pause_ms); /* it has settled it when it fails */
}

void weir__future_reconciled(weir_future *future, const weir_errand *errand)
{
    weir_attempt_end end = { .code = WEIR_OK, .retry_after_ms = -1 };
    weir_verdict verdict = errand->verdict;
    weir_error err;

    weir__future_leave_errand(future, true);
    if (verdict == WEIR_VERDICT_DONE && errand->result.is_over) {
        end.code = weir__fail(&err, WEIR_LIMIT, WEIR_REMEDY_FIX,
                              "call '%s' was made, but its result does not fit: calls.result-bytes allows %zu",
                              future->about.name, errand->result.maximum);
        end.error = &err;
    }
    switch (verdict) {
    case WEIR_VERDICT_DONE:
        end.result = weir__buffer_bytes(&errand->result);
        weir__future_conclude(future, &end, true);
        return;
    case WEIR_VERDICT_NOT_DONE:
        end.code = weir__fail(&err, WEIR_NOT_DONE, WEIR_REMEDY_RETRY, "call '%s' was not made, says its reconciler",
                              future->about.name);
        end.error = &err;
        /* Attempts of a life before this one are not counted: its crash was not the call's fault. */
        future->tries += future->is_own_doubt;
        weir__future_conclude(future, &end, future->tries >= (uint32_t)future->options.max_attempts);
        return;
    case WEIR_VERDICT_UNKNOWN:
        break;
    }
    weir__future_unanswered(future); /* and so for a number that is no verdict */
}

