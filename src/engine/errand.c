/* SPDX-License-Identifier: Apache-2.0 */
/* Errands: made on the loop, done elsewhere, told on the loop. */
#include "engine/errand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/breakage.h"
#include "engine/future.h"
#include "engine/internal.h"

static _Thread_local const weir_errand *current;

const weir_errand *weir__errand_current(void)
{
    return current;
}

static void free_errand(weir_errand *errand)
{
    weir__buffer_clear(&errand->result);
    weir__inlet_release(errand->inlet);
    free(errand);
}

static void tell(weir_post *post)
{
    weir_errand *errand = (weir_errand *)((char *)post - offsetof(weir_errand, post));

    if (errand->is_overdue && errand->engine->pool_of_calls)
        weir__pool_widen(errand->engine->pool_of_calls, -1);
    weir__future_errand_ended(errand);
    weir__errand_free(errand);
}

/* On the loop's clock and on the wall's, whichever says more: a suspended machine stops neither, a clock that was set
 * back only one. */
static int64_t elapsed_ms(const weir_errand *errand, int64_t now_ms)
{
    int64_t monotonic = now_ms - errand->intent_ms;
    int64_t wall = weir__clock_wall_ms(errand->clock) - errand->intent_wall_ms;

    return monotonic > wall ? monotonic : wall;
}

bool weir__errand_is_too_late(const weir_errand *errand, int64_t now_ms)
{
    return errand->lease_ms && elapsed_ms(errand, now_ms) > errand->lease_ms &&
           !weir__is_broken(WEIR__BREAK_LATE_START);
}

static void call(weir_errand *errand, int64_t now_ms)
{
    weir_attempt attempt = { errand->idempotency_key, (int)errand->attempt, now_ms + errand->timeout_ms };

    if (errand->mode == WEIR__ERRAND_RECONCILE) {
        errand->verdict = errand->reconcile(errand->args, &attempt, &errand->result, errand->arg, &errand->error);
        return;
    }
    errand->code = errand->fn(errand->args, &attempt, &errand->result, errand->arg, &errand->error);
    if ((errand->code == WEIR_OK || errand->code == WEIR_LIMIT) && errand->result.is_over)
        errand->code = weir__fail(&errand->error, WEIR_LIMIT, WEIR_REMEDY_FIX,
                                  "the call was made, but its result does not fit: calls.result-bytes allows %zu",
                                  errand->result.maximum);
}

static void run_errand(weir_task *task)
{
    weir_errand *errand = (weir_errand *)task;
    int queued = WEIR__ERRAND_QUEUED;
    int64_t now_ms = weir__clock_monotonic_ms(errand->clock);

    if (weir__errand_is_too_late(errand, now_ms)) {
        errand->is_late = true;
    } else if (atomic_compare_exchange_strong(&errand->phase, &queued, WEIR__ERRAND_BEGUN)) {
        atomic_store(&errand->begun_ms, now_ms ? now_ms : 1);
        current = errand;
        call(errand, now_ms);
        current = NULL;
    }
    if (!weir__inlet_post(errand->inlet, &errand->post))
        free_errand(errand); /* the engine is gone: nobody is left to tell */
}

weir_errand *weir__errand_new(const weir_run *run, weir_errand_mode mode, const char *action, const char *name,
                              weir_bytes args, size_t result_maximum)
{
    static const char format[] = "%s, %s '%s'";
    weir_engine *engine = run->engine;
    const char *does = mode == WEIR__ERRAND_RECONCILE ? "reconciler of call" : "call";
    size_t what_size = sizeof format + strlen(action) + strlen(does) + strlen(name);
    size_t source_size = strlen(run->source) + 1;
    weir_errand *errand = calloc(1, sizeof *errand + what_size + source_size + args.size);
    char *what, *source;

    if (!errand)
        return NULL;
    what = (char *)(errand + 1);
    (void)snprintf(what, what_size, format, action, does, name); /* it fits */
    source = what + what_size;
    memcpy(source, run->source, source_size);
    if (args.size)
        memcpy(source + source_size, args.data, args.size);
    errand->task.run = run_errand;
    errand->post.fn = tell;
    errand->inlet = engine->inlet;
    weir__inlet_retain(errand->inlet);
    errand->clock = engine->options.clock;
    errand->engine = engine;
    errand->mode = mode;
    errand->args = weir__bytes(source + source_size, args.size);
    errand->run_index = run->index;
    errand->source = source;
    errand->what = what;
    errand->retry_after_ms = -1;
    errand->error.code = WEIR_OK;
    weir__buffer_init(&errand->result, result_maximum);
    atomic_init(&errand->phase, WEIR__ERRAND_QUEUED);
    atomic_init(&errand->begun_ms, 0);
    errand->older = engine->errands;
    if (engine->errands)
        engine->errands->newer = errand;
    engine->errands = errand;
    engine->errand_count++;
    return errand;
}

void weir__errand_submit(weir_errand *errand)
{
    const weir_executor *executor = &errand->engine->calls;

    executor->submit(executor->context, &errand->task);
}

void weir__errand_free(weir_errand *errand)
{
    weir_engine *engine = errand->engine;

    if (errand->newer)
        errand->newer->older = errand->older;
    else
        engine->errands = errand->older;
    if (errand->older)
        errand->older->newer = errand->newer;
    engine->errand_count--;
    if (errand->run) {
        errand->run->errand_count--;
        weir__engine_release(engine, errand->run);
    }
    free_errand(errand);
}

bool weir__errand_withdraw(weir_errand *errand)
{
    int queued = WEIR__ERRAND_QUEUED;

    return atomic_compare_exchange_strong(&errand->phase, &queued, WEIR__ERRAND_WITHDRAWN);
}
