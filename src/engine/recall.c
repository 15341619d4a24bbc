/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking back. One attempt after the other, in log order; among the entries of one attempt that end it (an outcome, a
 * decision) the first one counts.
 */
#include "engine/recall.h"

#include <inttypes.h>
#include <string.h>

#include "base/breakage.h"

static bool is_same(const weir_entry *entry, const weir_question *question)
{
    return entry->call_kind == question->kind && strcmp(entry->name, question->name) == 0 &&
           strcmp(entry->action, question->action) == 0 && entry->input_hash == question->input_hash &&
           (entry->digest == question->digest || weir__is_broken(WEIR__BREAK_IGNORE_DIGEST));
}

static bool is_about(const weir_entry *entry, const weir_question *question)
{
    return entry->instance == question->instance && entry->call == question->call;
}

/* A decision on a divergence that is about what is asked now: it was parked with this very digest. */
static bool settles_divergence(const weir_entry *parked, const weir_question *question)
{
    return parked && parked->reason == WEIR__PARK_DIVERGENCE && is_same(parked, question);
}

weir_recall weir__recall(const weir_entry *entries, const weir_question *question)
{
    weir_recall recall = { .state = WEIR__RECALL_NOTHING };
    const weir_entry *diverged = NULL, *parked = NULL;
    const weir_entry *decision = NULL; /* on recall.attempt */

    for (const weir_entry *entry = entries; entry; entry = entry->next) {
        if (!is_about(entry, question))
            continue;
        switch (entry->kind) {
        case WEIR__ENTRY_INTENT:
            if (!is_same(entry, question)) {
                diverged = diverged ? diverged : entry;
                break;
            }
            if (entry->attempt <= recall.attempt)
                break; /* of an owner that was late: void */
            recall.state = WEIR__RECALL_DOUBT;
            recall.first = recall.first ? recall.first : entry->attempt;
            recall.entry = entry;
            recall.attempt = entry->attempt;
            decision = NULL;
            break;
        case WEIR__ENTRY_OUTCOME:
            if (!is_same(entry, question)) {
                diverged = diverged ? diverged : entry;
                break;
            }
            if (question->kind == WEIR_CALL_PURE && recall.state != WEIR__RECALL_SETTLED) {
                recall.state = entry->is_final ? WEIR__RECALL_SETTLED : WEIR__RECALL_AGAIN;
                recall.attempt = entry->attempt;
                recall.entry = entry;
                break;
            }
            if (decision && entry->attempt == decision->attempt && entry->code != WEIR_NOT_DONE)
                recall.conflict = entry;
            if (entry->attempt == recall.attempt &&
                (recall.state == WEIR__RECALL_DOUBT || weir__is_broken(WEIR__BREAK_LATE_OUTCOME_WINS))) {
                recall.state = entry->is_final ? WEIR__RECALL_SETTLED : WEIR__RECALL_AGAIN;
                recall.failures += !entry->is_final;
                recall.entry = entry;
            }
            break;
        case WEIR__ENTRY_WITHDRAWN:
            if (entry->attempt == recall.attempt && recall.state == WEIR__RECALL_DOUBT) {
                recall.state = WEIR__RECALL_AGAIN;
                recall.entry = entry;
            }
            break;
        case WEIR__ENTRY_PARKED:
            parked = entry;
            break;
        case WEIR__ENTRY_RESOLUTION:
            if (entry->attempt == 0) {
                if (entry->decision != WEIR__DECISION_RETRY && settles_divergence(parked, question)) {
                    recall.state = WEIR__RECALL_SETTLED;
                    recall.entry = entry;
                    return recall;
                }
                break;
            }
            if (recall.state != WEIR__RECALL_DOUBT ||
                (entry->attempt != recall.attempt && !weir__is_broken(WEIR__BREAK_ANY_ATTEMPT)))
                break; /* the second one, or one for another attempt */
            decision = entry;
            recall.state = entry->decision == WEIR__DECISION_RETRY ? WEIR__RECALL_AGAIN : WEIR__RECALL_SETTLED;
            recall.entry = entry;
            break;
        case WEIR__ENTRY_RESULT:
        case WEIR__ENTRY_FIRST:
        case WEIR__ENTRY_CLAIM:
            break;
        }
    }
    if (diverged)
        recall = (weir_recall){ .state = WEIR__RECALL_DIVERGED, .entry = diverged, .attempt = diverged->attempt };
    return recall;
}

weir_entry *weir__recall_live(weir_entry *entries)
{
    weir_entry *live = entries;
    const weir_entry *waiting = NULL; /* the divergence that is parked and not decided on yet */

    for (weir_entry *entry = entries; entry; entry = entry->next) {
        if (entry->kind == WEIR__ENTRY_PARKED && entry->reason == WEIR__PARK_DIVERGENCE)
            waiting = entry;
        if (entry->kind != WEIR__ENTRY_RESOLUTION || entry->attempt != 0)
            continue;
        if (entry->id && strcmp(entry->id, WEIR__RECALL_OWN_MARK) == 0) { /* nobody was asked: no effect stood there */
            live = entry->next;
            continue;
        }
        /* A second decision finds none: what the run has done since it began anew must not be dropped with it. */
        if (!waiting || entry->instance != waiting->instance || entry->call != waiting->call)
            continue;
        if (entry->decision == WEIR__DECISION_RETRY)
            live = entry->next;
        waiting = NULL;
    }
    return live;
}

bool weir__recall_is_effect(const weir_entry *entry)
{
    return (entry->kind == WEIR__ENTRY_INTENT || entry->kind == WEIR__ENTRY_OUTCOME) &&
           entry->call_kind != WEIR_CALL_PURE;
}

/* Whether a decision or an outcome, or that it never began, stands behind it. */
static bool is_answered(const weir_entry *parked)
{
    for (const weir_entry *entry = parked->next; entry; entry = entry->next) {
        if ((entry->kind == WEIR__ENTRY_RESOLUTION || entry->kind == WEIR__ENTRY_OUTCOME ||
             entry->kind == WEIR__ENTRY_WITHDRAWN) &&
            entry->instance == parked->instance && entry->call == parked->call && entry->attempt == parked->attempt)
            return true;
    }
    return false;
}

const weir_entry *weir__recall_parked(const weir_entry *entries)
{
    const weir_entry *parked = NULL;

    for (const weir_entry *entry = entries; entry; entry = entry->next) {
        if (entry->kind == WEIR__ENTRY_PARKED && !is_answered(entry))
            parked = entry;
    }
    return parked;
}

const weir_entry *weir__recall_parked_on(const weir_entry *entries, uint32_t instance, uint32_t call, uint32_t attempt)
{
    for (const weir_entry *entry = entries; entry; entry = entry->next) {
        if (entry->kind == WEIR__ENTRY_PARKED && entry->instance == instance && entry->call == call &&
            entry->attempt == attempt && !is_answered(entry))
            return entry;
    }
    return NULL;
}

const weir_entry *weir__recall_first(const weir_entry *entries, uint32_t instance, uint32_t wait)
{
    for (const weir_entry *entry = entries; entry; entry = entry->next) {
        if (entry->kind == WEIR__ENTRY_FIRST && entry->instance == instance && entry->call == wait)
            return entry;
    }
    return NULL;
}

weir_code weir__recall_decide(const weir_entry *parked, const weir_entry *decision, weir_entry *out, weir_error *err)
{
    bool fits_any = weir__is_broken(WEIR__BREAK_ANY_ATTEMPT);

    if (decision->attempt != parked->attempt && !fits_any)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "run %.100s is parked on attempt %" PRIu32 ", not %" PRIu32
                          "; `parked` shows what it is about",
                          parked->run, parked->attempt, decision->attempt);
    if (decision->instance && !fits_any &&
        (decision->instance != parked->instance || decision->call != parked->call))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "run %.100s is parked on another call; `parked` shows what it is about", parked->run);
    if (parked->call == 0 && decision->decision == WEIR__DECISION_RESULT)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "run %.100s is parked on an action, not on a call: it takes no result", parked->run);
    *out = *decision;
    out->kind = WEIR__ENTRY_RESOLUTION;
    out->run = parked->run;
    out->instance = parked->instance;
    out->call = parked->call;
    out->code = decision->decision == WEIR__DECISION_FAIL ? WEIR_FAILED : WEIR_OK;
    return WEIR_OK;
}

const char *weir__park_reason_name(weir_park_reason reason)
{
    switch (reason) {
    case WEIR__PARK_DOUBT:
        return "doubt";
    case WEIR__PARK_UNKNOWN:
        return "unknown";
    case WEIR__PARK_DIVERGENCE:
        return "divergence";
    }
    return "?";
}
