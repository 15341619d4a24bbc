/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that wait for somebody: giving up the stack, decisions, late outcomes, beginning anew. */
#include <inttypes.h>

#include "engine/future.h"
#include "engine/internal.h"
#include "engine/run_journal.h"

/* Its key stays busy: those behind it wait for the decision. */
void weir__engine_park(weir_engine *engine, weir_run *run)
{
    weir_error err;

    run->action = NULL;
    if (weir__futures_remember(run) != WEIR_OK) {
        (void)weir__fail_memory(&err, "a parked run");
        (void)weir__failure_keep_error(&run->failure, &err);
        weir__engine_finish(engine, run);
        return;
    }
    weir__run_rewind(run);
    run->state = WEIR__RUN_PARKED;
    engine->parked++;
    if (run->key->queued >= engine->options.queue_per_key)
        engine->full_keys--; /* a key that waits for somebody holds no other back; its bytes still count */
    run->key->is_parked = true;
    if (engine->options.port->parked)
        engine->options.port->parked(engine->options.host, run, weir__recall_parked(run->entries));
}

static void unpark(weir_run *run)
{
    weir_engine *engine = run->engine;

    engine->parked--;
    run->key->is_parked = false;
    if (run->key->queued >= engine->options.queue_per_key)
        engine->full_keys++;
    if (engine->options.port->parked)
        engine->options.port->parked(engine->options.host, run, NULL);
    weir__engine_ready(engine, run);
}

/*
 * An entry about a future of this life is about to be kept; looked at again, after parking, it counts only behind the
 * intent of its attempt, which so far is in the journal alone.
 */
static weir_code keep_intent(weir_run *run, const weir_future *future)
{
    weir_entry *intent;

    if (weir__recall(run->entries, &future->about).attempt >= future->attempt)
        return WEIR_OK;
    intent = weir__future_intent_entry(future);
    if (!intent)
        return weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for a journal entry");
    weir__run_keep_entry(run, intent);
    return WEIR_OK;
}

/* The future that a decision is for while its run goes on: the one that parked last, which is listed. */
static weir_future *find_open(weir_run *run)
{
    weir_future *found = NULL;

    for (weir_future *future = run->futures; future; future = future->next) {
        if (!weir__future_is_open(future))
            continue;
        if (!found || (future->state == WEIR__FUTURE_PARKED &&
                       (found->state != WEIR__FUTURE_PARKED || future->ended > found->ended)))
            found = future;
    }
    return found;
}

static size_t count_open(const weir_run *run)
{
    size_t count = 0;

    for (const weir_future *future = run->futures; future; future = future->next)
        count += weir__future_is_open(future);
    return count;
}

/* The future that an entry about a call in doubt is for. */
static weir_future *find_doubt(weir_run *run, const weir_entry *entry)
{
    for (weir_future *future = run->futures; future; future = future->next) {
        if (weir__future_is_open(future) && future->about.instance == entry->instance &&
            future->about.call == entry->call && future->attempt == entry->attempt)
            return future;
    }
    return NULL;
}

void weir__engine_learn(weir_run *run, weir_entry *entry)
{
    bool is_parked_on = run->state == WEIR__RUN_PARKED &&
                        weir__recall_parked_on(run->entries, entry->instance, entry->call, entry->attempt);
    weir_future *future = find_doubt(run, entry);

    if (run->state == WEIR__RUN_ENDED || run->engine->is_stopping ||
        (run->is_canceled && run->state != WEIR__RUN_PARKED))
        return; /* the next start reads it; a parked run stays one, so that nobody takes the job for done */
    if (future && keep_intent(run, future) != WEIR_OK)
        return; /* kept in the run, which fails */
    weir__run_keep_entry(run, entry);
    if (future)
        weir__future_told(future, entry);
    else if (is_parked_on)
        unpark(run);
}

/* ---- what others say --------------------------------------------------------------------------------------------- */

/* Everything that the three kinds have. NULL: no memory. */
static weir_entry *copy_entry(weir_run *run, const weir_entry *entry)
{
    weir_arena *arena = &run->arena;
    weir_entry *copy = weir__arena_alloc(arena, sizeof *copy);
    weir_bytes action = weir__arena_copy(arena, weir__bytes_text(entry->action ? entry->action : ""));
    weir_bytes name = weir__arena_copy(arena, weir__bytes_text(entry->name ? entry->name : ""));

    if (!copy || !action.data || !name.data)
        return NULL;
    *copy = *entry;
    copy->next = NULL;
    copy->run = weir_run_id(run);
    copy->action = (const char *)action.data; /* a copy ends with a NUL */
    copy->name = (const char *)name.data;
    copy->id = "";
    if (entry->result.data) {
        copy->result = weir__arena_copy(arena, entry->result);
        if (!copy->result.data)
            return NULL;
    }
    if (entry->error.origin) {
        weir_bytes origin = weir__arena_copy(arena, weir__bytes_text(entry->error.origin));

        if (!origin.data)
            return NULL;
        copy->error.origin = (const char *)origin.data;
    }
    return copy;
}

/* Whether it is about an attempt that was begun in another epoch, as far as it is known here that there was one. The
 * first intent says so: what parking keeps of a call that it found in doubt is an intent of this life. */
static bool is_of_another_epoch(const weir_run *run, const weir_entry *about)
{
    for (const weir_entry *entry = run->entries; entry; entry = entry->next) {
        if (entry->kind == WEIR__ENTRY_INTENT && entry->instance == about->instance && entry->call == about->call &&
            entry->attempt == about->attempt)
            return entry->epoch != run->epoch;
    }
    return false;
}

/* Whether this life has asked for the call already: then only what it waits for can make a difference. */
static bool is_asked(const weir_run *run, const weir_entry *entry)
{
    for (const weir_future *future = run->futures; future; future = future->next) {
        if (future->about.instance == entry->instance && future->about.call == entry->call)
            return true;
    }
    return false;
}

static bool has_outcome(const weir_run *run, const weir_entry *about)
{
    for (const weir_entry *entry = run->entries; entry; entry = entry->next) {
        if (entry->kind == WEIR__ENTRY_OUTCOME && entry->instance == about->instance && entry->call == about->call &&
            entry->attempt == about->attempt)
            return true;
    }
    return false;
}

weir_code weir__engine_learn_entry(weir_run *run, const weir_entry *entry)
{
    bool is_decision = entry->kind == WEIR__ENTRY_RESOLUTION;
    bool is_own = entry->kind == WEIR__ENTRY_OUTCOME && entry->epoch == run->epoch &&
                  run->engine->options.port->reads_back;
    bool is_begun = run->state == WEIR__RUN_PARKED || is_asked(run, entry);
    weir_entry *copy;

    if (!is_decision && entry->kind != WEIR__ENTRY_OUTCOME && entry->kind != WEIR__ENTRY_WITHDRAWN)
        return WEIR_INVALID;
    if (is_begun && !is_decision && !is_own && !is_of_another_epoch(run, entry))
        return WEIR_OK;
    if (is_own && weir__run_is_decided(run, entry))
        return WEIR_OK;
    if (is_asked(run, entry) ? !find_doubt(run, entry) : is_own && has_outcome(run, entry))
        return WEIR_OK; /* it has gone on: what is said now comes behind what counted, or is just that */
    copy = copy_entry(run, entry);
    if (!copy)
        return weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for a journal entry");
    weir__engine_learn(run, copy);
    return WEIR_OK;
}

/* ---- decisions --------------------------------------------------------------------------------------------------- */

weir_code weir__engine_decide(weir_run *run, const weir_entry *decision, weir_ticket *ticket, weir_error *err)
{
    const weir_entry *parked = run->state == WEIR__RUN_PARKED ? weir__recall_parked(run->entries) : NULL;
    weir_future *future = NULL;
    weir_entry target, resolution, *entry;
    weir_code rc;

    if (!parked)
        future = find_open(run);
    /* An attempt's number says nothing of its call: before one is listed, which of two is meant nobody can tell. */
    if (future && future->state != WEIR__FUTURE_PARKED && count_open(run) > 1)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "%zu calls of run %s may still be under way; wait until the run is parked on one of them",
                          count_open(run), weir_run_id(run));
    if (!parked && !future)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "run %s is not parked", weir_run_id(run));
    target = parked ? *parked
                    : (weir_entry){ .instance = future->about.instance,
                                    .call = future->about.call,
                                    .attempt = future->attempt };
    target.run = weir_run_id(run);
    rc = weir__recall_decide(&target, decision, &resolution, err);
    if (rc != WEIR_OK)
        return rc;
    if (future && future->state != WEIR__FUTURE_PARKED && decision->decision == WEIR__DECISION_RETRY &&
        !decision->is_forced)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "the call of run %s may still be under way; wait until the run is parked, or add --force",
                          weir_run_id(run));
    entry = weir__arena_alloc(&run->arena, sizeof *entry);
    if (!entry || (future && keep_intent(run, future) != WEIR_OK))
        return weir__fail_memory(err, "a decision");
    *entry = resolution;
    if (decision->result.data) {
        entry->result = weir__arena_copy(&run->arena, decision->result);
        if (!entry->result.data)
            return weir__fail_memory(err, "a decision");
    }
    rc = weir__run_append(run, entry, ticket);
    if (rc != WEIR_OK) {
        if (err)
            *err = run->failure.error;
        return rc;
    }
    entry->id = "";
    weir__run_keep_entry(run, entry);
    if (future)
        weir__future_told(future, entry);
    else
        unpark(run);
    return WEIR_OK;
}
