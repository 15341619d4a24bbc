/* SPDX-License-Identifier: Apache-2.0 */
/* What a run's journal says of one of its calls. Pure: it looks, and changes nothing. */
#ifndef WEIR__ENGINE_RECALL_H
#define WEIR__ENGINE_RECALL_H

#include "base/error.h"
#include "journal/entry.h"

/* What is asked: where in the run, and what the action asks for there now. */
typedef struct weir_question {
    uint32_t instance, call;
    const char *action, *name;
    weir_call_kind kind;
    uint64_t digest;
    uint64_t input_hash;
} weir_question;

typedef enum weir_recall_state {
    WEIR__RECALL_NOTHING,  /* no word of it: attempt 1 */
    WEIR__RECALL_SETTLED,  /* `entry` is its outcome, or the decision that stands for one */
    WEIR__RECALL_AGAIN,    /* attempt `attempt` is over, as `entry` says, and another one follows */
    WEIR__RECALL_DOUBT,    /* `entry` is the intent of attempt `attempt`: it may have begun */
    WEIR__RECALL_DIVERGED  /* `entry` is of something else */
} weir_recall_state;

typedef struct weir_recall {
    weir_recall_state state;
    const weir_entry *entry;
    uint32_t attempt;            /* the last one there was; 0: none */
    uint32_t first;              /* the first one; 0: none */
    uint32_t failures;           /* attempts that ended and were to be followed by another */
    const weir_entry *conflict;  /* an outcome that came after a decision on the same attempt; NULL: none */
} weir_recall;

/** @param entries  of the run, in log order; only those behind the last void mark count (weir__recall_live()) */
weir_recall weir__recall(const weir_entry *entries, const weir_question *question);

/* The id of the void mark that a run writes itself, where nothing it had done could be in doubt. */
#define WEIR__RECALL_OWN_MARK "divergence"

/** Entries that count: those behind the last void mark, the first decision on a divergence if it is to begin anew. */
weir_entry *weir__recall_live(weir_entry *entries);

/** Whether an entry tells of something that may have been done outside: a call that is not PURE. */
bool weir__recall_is_effect(const weir_entry *entry);

/** The PARKED entry that waits for its decision: the last one without a decision or an outcome behind it. Or NULL. */
const weir_entry *weir__recall_parked(const weir_entry *entries);

/** The one that waits for a decision on just this, wherever it stands. Or NULL. */
const weir_entry *weir__recall_parked_on(const weir_entry *entries, uint32_t instance, uint32_t call, uint32_t attempt);

/**
 * Makes the RESOLUTION that a decision is on what waits for it, if it fits.
 *
 * @param parked    with run, instance, call and attempt
 * @param decision  with attempt, decision, result, is_forced and id; instance and call where they are known, else 0
 * @param out       the decision, with its place and its code
 * @return WEIR_OK; WEIR_INVALID: it is for another attempt or call, or a result where none is taken (fix)
 */
WEIR_CHECK weir_code weir__recall_decide(const weir_entry *parked, const weir_entry *decision, weir_entry *out,
                                         weir_error *err);

/** "doubt", "unknown", "divergence" */
const char *weir__park_reason_name(weir_park_reason reason);

/** Which call a run went on with, at its `wait`-th wait for the first; NULL: not recorded. */
const weir_entry *weir__recall_first(const weir_entry *entries, uint32_t instance, uint32_t wait);

#endif
