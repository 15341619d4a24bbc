/* SPDX-License-Identifier: Apache-2.0 */
/* What an action says to make calls and to wait for them. */
#include <weir/call.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/breakage.h"
#include "base/hash.h"
#include "engine/call.h"
#include "engine/internal.h"
#include "engine/run_journal.h"

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static weir_code refuse(weir_run *run, const char *name, const char *why)
{
    return weir__failure_keep(&run->failure, WEIR_INVALID, "call '%.60s': %s", name ? name : "", why);
}

static weir_code check(weir_run *run, const char *name, weir_call_kind kind, const weir_call_options *options)
{
    if (run->engine->current != run)
        return refuse(run, name, "it is made outside of an action of its run");
    if (!name || *name == '\0')
        return refuse(run, name, "it has no name");
    if (!weir__utf8_is_valid(weir__bytes_text(name)))
        return refuse(run, name, "its name is not UTF-8");
    if (kind < WEIR_CALL_PURE || kind > WEIR_CALL_ONCE)
        return refuse(run, name, "its kind is none of weir_call_kind");
    if (options->max_attempts < 1)
        return refuse(run, name, "max_attempts is below 1");
    if (options->timeout_ms < 1 || options->timeout_ms > WEIR__CALL_LONGEST_MS)
        return refuse(run, name, "timeout_ms is not in 1..604800000 (a week)");
    if (options->first_backoff_ms < 0 || options->max_backoff_ms < 0 ||
        options->first_backoff_ms > WEIR__CALL_LONGEST_MS || options->max_backoff_ms > WEIR__CALL_LONGEST_MS)
        return refuse(run, name, "a back-off is not in 0..604800000 (a week)");
    if (kind == WEIR_CALL_CHECKED && !options->reconcile)
        return refuse(run, name, "it is CHECKED, but options.reconcile is NULL");
    if (kind >= WEIR_CALL_CHECKED && !weir__run_has_journal(run) && run->engine->options.needs_journal)
        return weir__failure_keep(&run->failure, WEIR_CONFIG,
                                  "call '%.60s' is %s, and there is no durable journal; give a state folder "
                                  "(--state-dir), or set action-state.required=false to make it without a record",
                                  name, kind == WEIR_CALL_ONCE ? "ONCE" : "CHECKED");
    return WEIR_OK;
}

/* Options may be of an older caller, with fewer fields. */
static weir_call_options read_options(const weir_call_options *options)
{
    weir_call_options all = WEIR_CALL_OPTIONS_INIT;

    if (options)
        memcpy(&all, options, options->struct_size < sizeof all ? options->struct_size : sizeof all);
    return all;
}

/* What the journal is told from here on rests on what the last run of the key did: if that is not written down, its
 * commit must be known first. */
static weir_code await_commit(weir_run *run)
{
    weir_engine *engine = run->engine;
    weir_code rc = WEIR_OK;

    engine->has_calls = true;
    while (rc == WEIR_OK && run->key->has_unrecorded && weir__keys_is_uncommitted(engine->keys, run->key)) {
        engine->awaiting_commit++;
        run->awaits_commit = true;
        rc = weir__run_await(run);
        run->awaits_commit = false;
        engine->awaiting_commit--;
    }
    if (rc == WEIR_OK)
        run->key->has_unrecorded = false;
    return rc;
}

weir_future *weir__call_new(weir_run *run, const char *name, weir_call_kind kind, weir_bytes args,
                            const weir_call_options *options)
{
    weir_call_options all = read_options(options);
    weir_future *future;
    weir_bytes text;

    if (weir__failure_is_kept(&run->failure) || check(run, name, kind, &all) != WEIR_OK || await_commit(run) != WEIR_OK)
        return NULL;
    future = weir__arena_alloc(&run->arena, sizeof *future);
    text = weir__arena_copy(&run->arena, weir__bytes_text(name));
    if (!future || !text.data)
        goto no_memory;
    memset(future, 0, sizeof *future);
    future->args = weir__arena_copy(&run->arena, weir__bytes(args.data, args.size));
    if (!future->args.data)
        goto no_memory;
    future->run = run;
    future->options = all;
    future->about = (weir_question){
        .instance = run->instance,
        .call = ++run->next_call,
        .action = run->action->full_name,
        .name = (const char *)text.data,
        .kind = kind,
        .digest = weir__hash_stable(future->args, 0),
        .input_hash = weir__run_input_hash(run),
    };
    if (!future->about.input_hash)
        return NULL;
    if (run->last_future)
        run->last_future->next = future;
    else
        run->futures = future;
    run->last_future = future;
    return future;
no_memory:
    (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for a call");
    return NULL;
}

weir_future *weir_call_start(weir_run *run, const char *name, weir_call_kind kind, weir_call_fn fn, void *arg,
                             weir_bytes args, const weir_call_options *options)
{
    weir_future *future;

    if (!fn) {
        (void)refuse(run, name, "its function is NULL");
        return NULL;
    }
    future = weir__call_new(run, name, kind, args, options);
    if (!future)
        return NULL;
    future->fn = fn;
    future->arg = arg;
    weir__future_start(future);
    return future;
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

weir_code weir__call_tell_failure(weir_run *run, weir_error *err)
{
    if (run->is_canceled)
        return weir__fail(err, WEIR_CANCELED, WEIR_REMEDY_ABORT, "%s",
                          run->is_parking ? "the run is parked; return" : "stopping; return");
    if (err && err != &run->failure.error)
        *err = run->failure.error;
    return run->failure.error.code;
}

/* The run cannot go on: it gives up its stack, and begins anew once somebody has decided. */
static weir_code park(weir_run *run, weir_error *err)
{
    run->is_parking = true;
    run->is_canceled = true;
    return weir__call_tell_failure(run, err);
}

static bool are_settled(weir_run *run)
{
    for (const weir_future *future = run->futures; future; future = future->next) {
        if (!weir__future_is_settled(future))
            return false;
    }
    return true;
}

weir_code weir__calls_settle(weir_run *run, weir_error *err)
{
    bool is_parked = false;

    while (!run->is_canceled && !are_settled(run)) {
        if (weir__run_await(run) != WEIR_OK)
            break;
    }
    if (run->is_canceled)
        return weir__call_tell_failure(run, err);
    for (const weir_future *future = run->futures; future; future = future->next)
        is_parked |= future->state == WEIR__FUTURE_PARKED;
    return is_parked ? park(run, err) : WEIR_OK;
}

static weir_code check_wait(weir_run *run, weir_future *const *futures, size_t count, weir_error *err)
{
    if (run->is_canceled || weir__failure_is_kept(&run->failure))
        return weir__call_tell_failure(run, err);
    if (run->engine->current != run)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a wait outside of an action of its run");
    if (!futures || !count)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a wait for no call at all");
    for (size_t i = 0; i < count; i++) {
        if (!futures[i] || futures[i]->run != run)
            return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "future %zu is %s", i,
                              futures[i] ? "of another run" : "NULL; did weir_call_start() fail?");
    }
    return WEIR_OK;
}

/* Waits until something has changed. */
static weir_code wait_on(weir_run *run, weir_error *err)
{
    if (weir__run_await(run) != WEIR_OK)
        return weir__call_tell_failure(run, err);
    return WEIR_OK;
}

/* An action that returns the code it got has its error told in full. */
static weir_code answer(const weir_future *future, weir_error *err)
{
    weir_code rc = weir_future_result(future, NULL, err);

    if (rc != WEIR_OK)
        future->run->call_error = future->error;
    return rc;
}

weir_code weir_wait_all(weir_run *run, weir_future *const *futures, size_t count, weir_error *err)
{
    weir_code rc = check_wait(run, futures, count, err);

    /* One that has parked may go on meanwhile, so it is looked at again when the last one has ended. */
    for (size_t settled = 0; settled < count && rc == WEIR_OK;) {
        for (settled = 0; settled < count && weir__future_is_settled(futures[settled]);)
            settled++;
        while (settled < count && rc == WEIR_OK && !weir__future_is_settled(futures[settled]))
            rc = wait_on(run, err);
    }
    for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
        if (futures[i]->state == WEIR__FUTURE_PARKED) {
            rc = weir__calls_settle(run, err); /* good: while the others were waited for, this one has ended too */
            break;
        }
    }
    for (size_t i = 0; i < count && rc == WEIR_OK; i++)
        rc = answer(futures[i], err);
    return rc;
}

/* Which of them ended first, of those that did. `count`: none. */
static size_t first_ended(weir_future *const *futures, size_t count, bool *are_all_parked)
{
    size_t first = count;

    *are_all_parked = true;
    for (size_t i = 0; i < count; i++) {
        *are_all_parked &= futures[i]->state == WEIR__FUTURE_PARKED;
        if (futures[i]->state == WEIR__FUTURE_DONE && (first == count || futures[i]->ended < futures[first]->ended))
            first = i;
    }
    return first;
}

static weir_code record_first(weir_run *run, uint32_t wait, size_t which, weir_error *err)
{
    weir_wait_mark *mark = weir__arena_alloc(&run->arena, sizeof *mark);

    if (!mark) {
        (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for a wait");
        return weir__call_tell_failure(run, err);
    }
    *mark = (weir_wait_mark){ run->firsts, run->instance, wait, (uint32_t)which };
    run->firsts = mark;
    if (weir__run_has_journal(run) && !weir__is_broken(WEIR__BREAK_FORGET_FIRST) &&
        weir__run_append_first(run, wait, (uint32_t)which) != WEIR_OK)
        return weir__call_tell_failure(run, err);
    return WEIR_OK;
}

weir_code weir_wait_any(weir_run *run, weir_future *const *futures, size_t count, size_t *which, weir_error *err)
{
    weir_code rc = check_wait(run, futures, count, err);
    const weir_entry *recorded;
    bool are_all_parked;
    uint32_t wait;
    size_t first;

    if (rc != WEIR_OK)
        return rc;
    wait = ++run->next_wait;
    recorded = weir__recall_first(run->entries, run->instance, wait);
    if (recorded && recorded->which < count) {
        /* It went on with that one, and with no other. */
        first = recorded->which;
        rc = weir_wait_all(run, &futures[first], 1, err);
        if (!run->is_canceled && which)
            *which = first;
        return rc;
    }
    while (first = first_ended(futures, count, &are_all_parked), first == count) {
        rc = are_all_parked ? weir__calls_settle(run, err) : wait_on(run, err);
        if (rc != WEIR_OK)
            return rc;
    }
    rc = record_first(run, wait, first, err);
    if (rc != WEIR_OK)
        return rc;
    if (which)
        *which = first;
    return answer(futures[first], err);
}

weir_code weir_future_result(const weir_future *future, weir_bytes *result, weir_error *err)
{
    if (!future)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the future is NULL; did weir_call_start() fail?");
    if (future->state != WEIR__FUTURE_DONE)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "call '%s' has not ended; wait for it first",
                          future->about.name);
    if (future->code != WEIR_OK) {
        if (err && future->error)
            *err = *future->error;
        else if (err)
            (void)weir__fail(err, future->code, WEIR_REMEDY_FIX, "call '%s' failed", future->about.name);
        return future->code;
    }
    if (result)
        *result = future->result;
    return WEIR_OK;
}

weir_code weir_call(weir_run *run, const char *name, weir_call_kind kind, weir_call_fn fn, void *arg, weir_bytes args,
                    const weir_call_options *options, weir_bytes *result, weir_error *err)
{
    weir_future *future = weir_call_start(run, name, kind, fn, arg, args, options);
    weir_code rc;

    if (!future)
        return weir__call_tell_failure(run, err);
    rc = weir_wait_all(run, &future, 1, err);
    if (rc == WEIR_OK && result)
        *result = future->result;
    return rc;
}
