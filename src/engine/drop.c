/* SPDX-License-Identifier: Apache-2.0 */
/* Owners that are given up: what becomes of their runs, their calls and their keys. Others' are not touched. */
#include <assert.h>

#include "engine/future.h"
#include "engine/internal.h"

/* ---- leaving ----------------------------------------------------------------------------------------------------- */

/* Nothing runs or queues at its key any more. */
static void leave_key(weir_engine *engine, weir_run *run)
{
    weir_key *key = run->key;

    run->key = NULL;
    if (!key)
        return; /* it queued there */
    key->running = NULL;
    key->is_parked = false;
    weir__keys_idle(engine->keys, key);
}

void weir__engine_give_up(weir_engine *engine, weir_run *run)
{
    weir_owner *owner = run->owned_by;
    bool was_standing = run->state == WEIR__RUN_RUNNING;

    leave_key(engine, run);
    weir__roster_remove(&engine->roster, run);
    owner->standing -= was_standing;
    weir__futures_withdraw(run); /* those that were started since then are NEW */
    run->futures = NULL;
    run->last_future = NULL;
    run->results = NULL; /* what was to be written before an intent is; the rest goes */
    if (run->errand_count + run->ticket_count > 0)
        (void)weir_run_id(run); /* kept: its source may go with the owner */
    weir__engine_retire(engine, run);
}

/* ---- dropping ---------------------------------------------------------------------------------------------------- */

static bool is_of(const weir_run *run, const weir_owner *owner)
{
    return run && run->owned_by == owner;
}

static void drop_errands(weir_engine *engine, const weir_owner *owner)
{
    for (weir_errand *errand = engine->errands; errand; errand = errand->older) {
        if (is_of(errand->run, owner))
            weir__future_drop_errand(errand);
    }
}

/* Those that own a stack stay, to leave it. */
static void unready(weir_engine *engine, const weir_owner *owner)
{
    weir_run **at = &engine->ready;

    while (*at) {
        weir_run *run = *at;

        if (is_of(run, owner) && !run->stack) {
            *at = run->next;
            engine->ready_count--;
        } else {
            at = &run->next;
        }
    }
    engine->ready_tail = at;
}

static void empty_queue(weir_engine *engine, weir_key *key)
{
    if (key->queued >= engine->options.queue_per_key && !key->is_parked)
        engine->full_keys--;
    key->queue = NULL;
    key->queue_tail = &key->queue;
    key->queued = 0;
}

/* Queued runs lose their key, which goes with the run that is under way. */
static void unqueue(weir_engine *engine, const weir_owner *owner)
{
    for (weir_run *run = engine->roster.oldest; run; run = run->newer) {
        if (!is_of(run, owner) || run->state != WEIR__RUN_QUEUED || run->key->running == run)
            continue;
        if (run->key->queued > 0)
            empty_queue(engine, run->key);
        engine->queued--;
        engine->queued_bytes -= run->queued_bytes;
        run->key = NULL;
    }
}

static void drop_runs(weir_engine *engine, weir_owner *owner)
{
    for (weir_run *run = engine->roster.oldest, *newer; run; run = newer) {
        newer = run->newer;
        if (!is_of(run, owner))
            continue;
        if (run->stack) {
            weir__futures_withdraw(run);
            owner->standing++;
            run->is_canceled = true;
            weir__run_wake(run); /* not if it is ready already */
            continue;
        }
        engine->parked -= run->state == WEIR__RUN_PARKED;
        weir__engine_give_up(engine, run);
    }
}

void weir__engine_drop(weir_engine *engine, uint32_t number)
{
    weir_owner *owner = weir__roster_owner(&engine->roster, number);

    assert(!engine->current);
    if (!owner || owner->is_dropped)
        return;
    owner->is_dropped = true;
    drop_errands(engine, owner);
    unready(engine, owner);
    unqueue(engine, owner);
    drop_runs(engine, owner);
}

bool weir__engine_is_dropping(const weir_engine *engine, uint32_t number)
{
    const weir_owner *owner = weir__roster_owner(&engine->roster, number);

    return owner && owner->standing > 0;
}

void weir__engine_forget(weir_engine *engine, uint32_t number)
{
    weir__roster_forget(&engine->roster, number);
    weir__keys_forget(engine->keys, number);
}

/* ---- what there is ----------------------------------------------------------------------------------------------- */

size_t weir__engine_runs_of(const weir_engine *engine, uint32_t number)
{
    const weir_owner *owner = weir__roster_owner(&engine->roster, number);

    return owner ? owner->runs : 0;
}

weir_run *weir__engine_find(weir_engine *engine, uint32_t owner, uint64_t index)
{
    return weir__roster_find(&engine->roster, owner, index);
}
