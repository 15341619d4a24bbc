/* SPDX-License-Identifier: Apache-2.0 */
/* Calls and the journal of their run: what is recorded takes the place of the call, what happened is recorded late. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "engine/future_internal.h"
#include "engine/result.h"
#include "engine/run_journal.h"

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

static const char *describe(weir_run *run, const weir_question *about)
{
    return weir__run_describe(run,
                              "action '%s', call %" PRIu32 " '%s' (%s), arguments %016" PRIx64 ", input %016" PRIx64,
                              about->action, about->call, about->name, weir__call_kind_name(about->kind),
                              about->digest, about->input_hash);
}

/* Whether the run has done, or may have done, something outside: in a life before this one, or in this one. */
static bool has_effects(const weir_run *run)
{
    for (const weir_entry *entry = run->entries; entry; entry = entry->next) {
        if (weir__recall_is_effect(entry))
            return true;
    }
    for (const weir_future *future = run->futures; future; future = future->next) {
        if (future->about.kind != WEIR_CALL_PURE && future->attempt > future->base)
            return true;
    }
    return false;
}

bool weir__run_may_diverge(weir_run *run, const char *recorded, const char *asked)
{
    weir_entry mark = { .kind = WEIR__ENTRY_RESOLUTION, .decision = WEIR__DECISION_RETRY, .id = WEIR__RECALL_OWN_MARK };
    bool is_parking = has_effects(run);

    run->engine->divergences++;
    weir__log(WEIR__LOG_WARN, "engine", "the journal diverges, %s run=%s recorded=\"%s\" asked=\"%s\"",
              is_parking ? "the run is parked" : "what is recorded is dropped", weir_run_id(run), recorded, asked);
    if (is_parking)
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

void weir__run_fail_diverged(weir_run *run, const char *recorded, const char *asked)
{
    run->has_diverged = true;
    (void)weir__failure_keep(&run->failure, WEIR_FAILED, "the journal has %s, and asked for is %s", recorded, asked);
}

static void diverge(weir_future *future, const weir_entry *entry)
{
    weir_question recorded = { entry->instance, entry->call,   entry->action,    entry->name,
                               entry->call_kind, entry->digest, entry->input_hash };

    future->recorded_side = describe(future->run, &recorded);
    future->asked_side = describe(future->run, &future->about);
    future->base = 0;
    future->attempt = 0;
    if (future->run->engine->options.only_recalls) {
        weir__run_fail_diverged(future->run, future->recorded_side, future->asked_side);
        weir__future_settle_failed(future, WEIR_FAILED);
        return;
    }
    if (weir__run_may_diverge(future->run, future->recorded_side, future->asked_side))
        weir__future_begin(future);
    else
        weir__future_park(future, WEIR__PARK_DIVERGENCE);
}

static void take_over(weir_future *future, const weir_entry *entry)
{
    weir_error err;

    future->is_recorded = true;
    if (entry->kind == WEIR__ENTRY_RESOLUTION && entry->decision == WEIR__DECISION_FAIL) {
        (void)weir__fail(&err, WEIR_FAILED, WEIR_REMEDY_FIX, "call '%s' was resolved as failed", future->about.name);
        weir__future_settle_with(future, WEIR_FAILED, (weir_bytes){ NULL, 0 }, &err);
        return;
    }
    weir__future_settle_with(future, entry->kind == WEIR__ENTRY_RESOLUTION ? WEIR_OK : entry->code, entry->result,
                             &entry->error);
}

/* An intent without an end: of this process, and maybe still under way, or of one before. */
static void take_doubt(weir_future *future, const weir_entry *entry)
{
    weir_engine *engine = future->run->engine;

    if (!weir__future_knows_doubt(future)) {
        weir__future_begin(future);
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
    if (!future->errand && weir__future_is_parked_already(future)) {
        /* Its time was over when it parked. In doubt it is all the same: a policy may have a time of its own. */
        weir__future_move(future, WEIR__FUTURE_DOUBT);
        future->deadline_ms = weir__future_now_ms(future);
        weir__future_follow_policy(future, weir__recall_parked_on(future->run->entries, future->about.instance,
                                                                  future->about.call, future->attempt)
                                               ->reason);
        return;
    }
    weir__future_doubt(future, future->run->recalled_ms + entry->lease_ms + entry->timeout_ms);
}

static void mark_asked(const weir_future *future)
{
    for (weir_entry *entry = future->run->entries; entry; entry = entry->next) {
        if (entry->instance == future->about.instance && entry->call == future->about.call)
            entry->is_asked = true;
    }
}

/* In a replay: what is not recorded is not known, and is not made. */
static void leave_unanswered(weir_future *future, const weir_recall *recall)
{
    weir_run *run = future->run;

    run->is_unanswered = true;
    (void)weir__failure_keep(&run->failure, WEIR_UNKNOWN, "call %" PRIu32 " '%s': the journal %s",
                             future->about.call, future->about.name,
                             recall->state == WEIR__RECALL_NOTHING ? "has nothing of it"
                                                                   : "does not say what came of it");
    weir__future_settle_failed(future, WEIR_UNKNOWN);
}

static bool is_awaited_from_log(const weir_future *future)
{
    return future->run->engine->options.port->reads_back && weir__future_knows_doubt(future);
}

static void warn_of_conflict(const weir_run *run, const char *name, uint32_t attempt, weir_code code)
{
    weir__log(WEIR__LOG_WARN, "engine",
              "a call ended after it was resolved, its outcome is not used run=%s call=%s attempt=%" PRIu32
              " outcome=\"%s\"",
              weir_run_id(run), name, attempt, weir__code_name(code));
}

/*
 * Attempts of a call are numbered on from how often somebody has decided on its run: a decision that is pressed twice,
 * and names an attempt alone, then fits no later call of that run.
 */
static uint32_t count_decisions(const weir_run *run)
{
    uint32_t count = 0;

    for (const weir_entry *entry = run->entries; entry; entry = entry->next)
        count += entry->kind == WEIR__ENTRY_RESOLUTION && entry->attempt > 0;
    return count;
}

/* Records of it may be gone: that is doubt, never "nothing was there". An intent takes their place, so that decisions
 * and later lives find one; its time is over. */
static void doubt_gap(weir_future *future)
{
    weir_entry *entry;

    future->attempt++;
    entry = weir__future_intent_entry(future);
    if (!entry) {
        (void)weir__failure_keep(&future->run->failure, WEIR_NO_MEMORY, "no memory for a journal entry");
        weir__future_settle_failed(future, WEIR_NO_MEMORY);
        return;
    }
    entry->lease_ms = 0;
    entry->timeout_ms = 0;
    if (weir__run_append(future->run, entry, NULL) != WEIR_OK) {
        weir__future_settle_failed(future, future->run->failure.error.code);
        return;
    }
    weir__run_keep_entry(future->run, entry);
    take_doubt(future, entry);
}

void weir__future_start(weir_future *future)
{
    weir_run *run = future->run;
    weir_recall recall = { .state = WEIR__RECALL_NOTHING };
    bool may_be_gone;

    future->timer.fn = weir__future_on_timer;
    if (run->owned_by->is_dropped)
        return; /* the action is on its way out, and its journal is closed */
    if (run->entries)
        recall = weir__recall(run->entries, &future->about);
    future->base = recall.first ? recall.first - 1 : count_decisions(run);
    future->attempt = recall.attempt ? recall.attempt : future->base;
    future->tries = recall.failures;
    if (recall.conflict)
        warn_of_conflict(run, future->about.name, recall.conflict->attempt, recall.conflict->code);
    if (run->engine->options.only_recalls) {
        mark_asked(future);
        if (recall.state != WEIR__RECALL_SETTLED && recall.state != WEIR__RECALL_DIVERGED) {
            leave_unanswered(future, &recall);
            return;
        }
    }
    /* Of what was found nobody knows whether more had followed: the attempt after it may be just what is gone. */
    may_be_gone = recall.state == WEIR__RECALL_NOTHING ||
                  (recall.state == WEIR__RECALL_AGAIN && recall.entry && recall.entry->is_found);
    switch (recall.state) {
    case WEIR__RECALL_NOTHING:
    case WEIR__RECALL_AGAIN:
        if (may_be_gone && run->has_gap && weir__run_has_journal(run) && weir__future_knows_doubt(future)) {
            doubt_gap(future);
            return;
        }
        weir__future_begin(future);
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

void weir__future_told(weir_future *future, const weir_entry *entry)
{
    bool is_own = future->is_awaiting_log && entry->kind == WEIR__ENTRY_OUTCOME; /* counted when it came */

    future->is_awaiting_log = false;
    weir__future_leave_errand(future, false);
    future->tries += entry->kind == WEIR__ENTRY_OUTCOME && !entry->is_final && !is_own;
    if (entry->kind == WEIR__ENTRY_RESOLUTION ? entry->decision != WEIR__DECISION_RETRY : entry->is_final)
        take_over(future, entry);
    else if (is_own)
        weir__future_back_off(future, future->retry_after_ms);
    else
        weir__future_begin(future);
}

bool weir__run_is_decided(const weir_run *run, const weir_entry *outcome)
{
    for (const weir_entry *decision = run->entries; decision; decision = decision->next) {
        if (decision->kind == WEIR__ENTRY_RESOLUTION && decision->instance == outcome->instance &&
            decision->call == outcome->call && decision->attempt == outcome->attempt) {
            warn_of_conflict(run, outcome->name, outcome->attempt, outcome->code);
            return true;
        }
    }
    return false;
}

const weir_entry *weir__run_unasked(const weir_run *run)
{
    for (const weir_entry *entry = run->entries; entry; entry = entry->next) {
        if ((entry->kind == WEIR__ENTRY_INTENT || entry->kind == WEIR__ENTRY_OUTCOME) && !entry->is_asked)
            return entry;
    }
    return NULL;
}

/* ---- late outcomes ----------------------------------------------------------------------------------------------- */

/* Nobody waited for it. What it says is a fact all the same, and may be what a parked run waits for. */
void weir__future_record_late(weir_errand *errand, const weir_attempt_end *end)
{
    weir_future *about = errand->about;
    weir_run *run = errand->run;
    bool is_final = end->code != WEIR_NOT_DONE || about->tries + 1 >= (uint32_t)about->options.max_attempts;
    weir_attempt_end kept = *end;
    weir_entry *entry;

    if (!weir__future_is_last_word(end->code) && end->code != WEIR_NOT_DONE)
        return; /* doubt it was, and doubt it stays */
    if (end->code == WEIR_OK)
        kept.result = weir__arena_copy(&run->arena, end->result);
    run->awaits_log |= is_awaited_from_log(about);
    if ((end->code == WEIR_OK && !kept.result.data) ||
        weir__run_append_outcome(about, errand->attempt, &kept, is_final) != WEIR_OK)
        return; /* kept in the run when it matters: the next start finds the doubt */
    if (is_awaited_from_log(about))
        return; /* a decision may stand before it: it is told by the log */
    entry = weir__future_outcome_entry(about, errand->attempt, &kept, is_final);
    if (entry && !weir__run_is_decided(run, entry))
        weir__engine_learn(run, entry);
}

/* ---- as after a restart ------------------------------------------------------------------------------------------ */

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
                (!next || future->ended < next->ended) && !weir__future_is_parked_already(future))
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
        entry->input_hash = weir__run_base_hash(run);
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
        if (future->attempt > future->base && future->about.kind != WEIR_CALL_PURE) {
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
