/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The service outside. It outlives every process: what was sent to it lands when its time has come, whoever is left to
 * hear of it. It counts, and holds each call against what the journal allows.
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

#include "base/buffer.h"

/* How a function behaves at one attempt. */
typedef enum behaviour {
    GOOD,            /* done, and said so */
    REFUSED,         /* surely nothing happened */
    FAILED_FOR_GOOD,
    LOST_BEFORE,     /* the connection broke; nothing was done */
    LOST_AFTER,      /* it broke when all was done */
    LANDS_LATER,     /* it broke, and the effect is still on its way */
    SLOW,            /* done in time, said too late */
    HANGS,           /* not done, said too late */
    SLOW_AND_LOST    /* done, and nothing sure said, too late */
} behaviour;

sim_call *sim_call_of(int run, int stage, int number)
{
    sim_call **at = &world->run[run].calls[stage - 1][number - 1];

    if (!*at) {
        *at = sim_alloc(sizeof **at);
        (*at)->run = run;
        (*at)->stage = stage;
        (*at)->number = number;
    }
    return *at;
}

/* ---- effects ----------------------------------------------------------------------------------------------------- */

static void check_effects(const sim_call *call)
{
    if (call->is_excused || call->effects <= 1 || (world->policy == 2 && call->kind >= WEIR_CALL_CHECKED))
        return;
    if (call->kind == WEIR_CALL_ONCE && call->effects > 1 + call->retries)
        sim_violate("run %d, stage %d, ONCE call %d was made %d times, %d of them by a decision", call->run,
                    call->stage, call->number, call->effects, call->retries);
    else if (call->kind == WEIR_CALL_CHECKED && world->is_final_service && call->effects > 1 + call->retries)
        sim_violate("run %d, stage %d, CHECKED call %d was made %d times", call->run, call->stage, call->number,
                    call->effects);
    else if (call->kind == WEIR_CALL_IDEMPOTENT)
        sim_violate("run %d, stage %d, IDEMPOTENT call %d came with %d keys", call->run, call->stage, call->number,
                    call->effects);
}

static void land(sim_effect *effect)
{
    sim_call *call = effect->call;

    call->pending--;
    if (call->kind != WEIR_CALL_IDEMPOTENT || call->effects == 0 || strcmp(call->key, effect->key) != 0)
        call->effects++;
    sim_trace("run %d stage %d call %d: the effect lands, %d now", call->run, call->stage, call->number, call->effects);
    if (call->kind != WEIR_CALL_PURE)
        check_effects(call);
}

int64_t sim_service_next(void)
{
    return world->effects ? world->effects->landing_ms : INT64_MAX;
}

void sim_service_land(void)
{
    while (world->effects && world->effects->landing_ms <= world->now_ms) {
        sim_effect *effect = world->effects;

        world->effects = effect->next;
        land(effect);
        if (!world->is_ghost)
            (void)sim_step_taken(SIM_STEP_EFFECT_LANDED);
    }
}

static void send(sim_call *call, const char *key, int64_t landing_ms)
{
    sim_effect *effect = sim_alloc(sizeof *effect), **at = &world->effects;

    effect->call = call;
    effect->landing_ms = landing_ms;
    effect->number = ++world->effect_count;
    (void)snprintf(effect->key, sizeof effect->key, "%s", key);
    while (*at && (*at)->landing_ms <= landing_ms)
        at = &(*at)->next;
    effect->next = *at;
    *at = effect;
    call->pending++;
    call->last_landing_ms = landing_ms > call->last_landing_ms ? landing_ms : call->last_landing_ms;
    sim_service_land();
}

/* ---- what the journal allows ------------------------------------------------------------------------------------- */

static const char *describe(const sim_call *call, uint32_t attempt)
{
    static const char *const kinds[] = { "PURE", "IDEMPOTENT", "CHECKED", "ONCE" };

    return sim_print("run %d, stage %d, %s call %d, attempt %u", call->run, call->stage, kinds[call->kind],
                     call->number, attempt);
}

static void check_key(sim_call *call, const char *key, uint32_t number)
{
    if (!call->key[0]) {
        (void)snprintf(call->key, sizeof call->key, "%s", key);
        for (int i = 0; i < SIM_CALLS; i++) {
            const sim_call *other = world->run[call->run].calls[call->stage - 1][i];

            if (other && other != call && strcmp(other->key, key) == 0)
                sim_violate("%s has the idempotency key of call %d", describe(call, number), other->number);
        }
    } else if (strcmp(call->key, key) != 0) {
        sim_violate("%s has another idempotency key than the first one", describe(call, number));
    }
}

static void check_begin(sim_call *call, uint32_t number, const char *key)
{
    const sim_run *run = &world->run[call->run];
    const sim_attempt *now = &call->attempts[number];

    if (run->is_over)
        sim_violate("%s begins, but its run is over", describe(call, number));
    check_key(call, key, number);
    for (uint32_t i = 1; i < SIM_ATTEMPTS; i++) {
        const sim_attempt *at = &call->attempts[i];

        if (at->end == SIM_END_OUTCOME && at->is_final && !(call->kind == WEIR_CALL_PURE && run->may_diverge))
            sim_violate("%s begins, but attempt %u has ended it for good", describe(call, number), i);
        if (at->end == SIM_END_DECIDED && at->decision != WEIR__DECISION_RETRY)
            sim_violate("%s begins, but the call was decided at attempt %u", describe(call, number), i);
        if (i < number && at->has_intent && at->end == SIM_END_NONE && call->kind >= WEIR_CALL_CHECKED &&
            (world->policy != 2 || (i + 1 == number && !sim_watch_is_past(at, world->now_ms))))
            sim_violate("%s begins, but attempt %u is in doubt", describe(call, number), i);
    }
    if (call->kind == WEIR_CALL_PURE)
        return;
    if (!now->has_intent)
        sim_violate("%s begins without a durable intent", describe(call, number));
    else if (now->is_begun)
        sim_violate("%s begins twice", describe(call, number));
    else if (now->end != SIM_END_NONE)
        sim_violate("%s begins, but has ended already", describe(call, number));
    else if (world->now_ms - now->intent_ms > now->lease_ms)
        sim_violate("%s begins %lld ms after its intent, its lease is %lld ms", describe(call, number),
                    (long long)(world->now_ms - now->intent_ms), (long long)now->lease_ms);
}

/* ---- the function ------------------------------------------------------------------------------------------------ */

static behaviour draw_behaviour(void)
{
    static const behaviour rare[] = { REFUSED, FAILED_FOR_GOOD, LOST_BEFORE, LOST_AFTER,
                                      LANDS_LATER, SLOW, HANGS, SLOW_AND_LOST };

    return !sim_chance(3) ? GOOD : rare[sim_random(sizeof rare / sizeof *rare)];
}

static void write_result(const sim_args *args, const sim_call *call, weir_buffer *result)
{
    char text[64];
    int size = snprintf(text, sizeof text, "\"a%016llxe%d\"",
                        (unsigned long long)sim_hash((uint64_t)args->run << 32 | (uint32_t)args->stage,
                                                     (uint64_t)args->number, (uint64_t)args->kind, args->carry),
                        call->kind == WEIR_CALL_PURE ? (int)sim_random(1000) : call->effects);

    (void)weir_buffer_append(result, text, (size_t)size);
}

static weir_code answer(behaviour how, weir_error *err)
{
    switch (how) {
    case GOOD:
    case SLOW:
        return WEIR_OK;
    case REFUSED:
    case HANGS:
        return weir__fail(err, WEIR_NOT_DONE, WEIR_REMEDY_RETRY, "refused");
    case FAILED_FOR_GOOD:
        return weir__fail(err, WEIR_FAILED, WEIR_REMEDY_FIX, "no");
    case LOST_BEFORE:
    case LOST_AFTER:
    case LANDS_LATER:
    case SLOW_AND_LOST:
        break;
    }
    return weir__fail(err, WEIR_UNKNOWN, WEIR_REMEDY_RETRY, "lost");
}

weir_code sim_service(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    int64_t timeout_ms, begun_ms = world->now_ms, answer_ms, landing_ms = -1;
    uint32_t number = (uint32_t)attempt->number;
    behaviour how = draw_behaviour();
    sim_attempt *at;
    sim_args asked;
    sim_call *call;
    weir_code rc;

    (void)arg;
    memcpy(&asked, args.data, sizeof asked);
    if (!sim_step_taken(SIM_STEP_CALL_BEGINS))
        return WEIR_UNKNOWN;
    call = sim_call_of(asked.run, asked.stage, asked.number);
    call->kind = (weir_call_kind)asked.kind;
    if (number >= SIM_ATTEMPTS) {
        sim_violate("%s: too many", describe(call, number));
        return WEIR_UNKNOWN;
    }
    sim_trace("%s begins", describe(call, number));
    check_begin(call, number, attempt->idempotency_key);
    at = &call->attempts[number];
    at->is_begun = true;
    at->begun_life = world->life;
    at->begun_ms = begun_ms;
    /* The deadline is on the process's clock. */
    timeout_ms = attempt->deadline_ms - (world->now_ms - world->boot_ms + 1);
    at->timeout_ms = timeout_ms;
    answer_ms = begun_ms + (int64_t)sim_random((uint64_t)timeout_ms / 2);
    switch (how) {
    case GOOD:
    case LOST_AFTER:
        landing_ms = begun_ms + (int64_t)sim_random((uint64_t)(answer_ms - begun_ms) + 1);
        break;
    case REFUSED:
    case FAILED_FOR_GOOD:
    case LOST_BEFORE:
        break;
    case LANDS_LATER:
        landing_ms = answer_ms + (int64_t)sim_random((uint64_t)(begun_ms + timeout_ms - answer_ms) + 1);
        break;
    case SLOW:
    case SLOW_AND_LOST:
        landing_ms = begun_ms + (int64_t)sim_random((uint64_t)timeout_ms + 1);
        answer_ms = begun_ms + timeout_ms + 1 + (int64_t)sim_random(400);
        break;
    case HANGS:
        answer_ms = begun_ms + timeout_ms + 1 + (int64_t)sim_random(400);
        break;
    }
    if (!world->is_final_service && landing_ms >= 0 && how == LANDS_LATER && sim_chance(2))
        landing_ms += timeout_ms + SIM_MARGIN_MS;
    sim_yield();
    if (!sim_step_taken(SIM_STEP_EFFECT_SENT))
        return WEIR_UNKNOWN;
    if (landing_ms >= 0)
        send(call, attempt->idempotency_key, landing_ms);
    sim_sleep_until(answer_ms > world->now_ms ? answer_ms : world->now_ms);
    rc = answer(how, err);
    if (!sim_step_taken(SIM_STEP_CALL_ANSWERS))
        return WEIR_UNKNOWN;
    if (rc == WEIR_OK)
        write_result(&asked, call, result);
    at->has_returned = true;
    at->returned = rc;
    at->returned_ms = world->now_ms;
    sim_trace("%s answers: %d", describe(call, number), (int)rc);
    return rc;
}

weir_verdict sim_reconcile(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                           weir_error *err)
{
    uint32_t number = (uint32_t)attempt->number;
    int64_t timeout_ms, wait_ms;
    const sim_attempt *at;
    bool knows = !sim_chance(4), hangs = sim_chance(8);
    sim_args asked;
    sim_call *call;

    (void)arg;
    (void)err;
    memcpy(&asked, args.data, sizeof asked);
    if (!sim_step_taken(SIM_STEP_RECONCILER_ASKED))
        return WEIR_VERDICT_UNKNOWN;
    call = sim_call_of(asked.run, asked.stage, asked.number);
    at = &call->attempts[number < SIM_ATTEMPTS ? number : 0];
    timeout_ms = attempt->deadline_ms - (world->now_ms - world->boot_ms + 1);
    sim_trace("%s: the reconciler is asked", describe(call, number));
    if (!at->has_intent)
        sim_violate("%s: the reconciler is asked of an attempt without intent", describe(call, number));
    if (at->is_begun && world->now_ms < at->begun_ms + at->timeout_ms + SIM_MARGIN_MS)
        sim_violate("%s: the reconciler is asked %lld ms before deadline and margin", describe(call, number),
                    (long long)(at->begun_ms + at->timeout_ms + SIM_MARGIN_MS - world->now_ms));
    else if (at->intent_life < world->life &&
             world->now_ms < world->life_ms + at->lease_ms + at->timeout_ms + SIM_MARGIN_MS)
        sim_violate("%s: the reconciler is asked too early after a start", describe(call, number));
    else if (call->pending && world->is_final_service && number == (uint32_t)call->last_attempt)
        sim_violate("%s: the reconciler is asked, but an effect may still land", describe(call, number));
    wait_ms = hangs ? timeout_ms + 1 + (int64_t)sim_random(100) : (int64_t)sim_random((uint64_t)timeout_ms / 2);
    sim_sleep_until(world->now_ms + wait_ms);
    if (!sim_step_taken(SIM_STEP_RECONCILER_ANSWERS) || !knows)
        return WEIR_VERDICT_UNKNOWN;
    if (!call->effects)
        return WEIR_VERDICT_NOT_DONE;
    write_result(&asked, call, result);
    return WEIR_VERDICT_DONE;
}
