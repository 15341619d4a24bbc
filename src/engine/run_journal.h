/* SPDX-License-Identifier: Apache-2.0 */
/* What a run writes into its journal. */
#ifndef WEIR__ENGINE_RUN_JOURNAL_H
#define WEIR__ENGINE_RUN_JOURNAL_H

#include "engine/engine.h"
#include "engine/future.h"

/** Whether entries are kept at all. */
bool weir__run_has_journal(const weir_run *run);

/** Hash of the run's input (key, timestamp, value); computed once. 0: no memory, which is kept. */
uint64_t weir__run_input_hash(weir_run *run);

/** Puts an entry, which lives as long as the run, behind those that it knows. */
void weir__run_keep_entry(weir_run *run, weir_entry *entry);

/** One side of a divergence, in words that live as long as the run; up to 255 bytes. "": no memory. */
const char *weir__run_describe(weir_run *run, const char *format, ...) WEIR_PRINTF(2, 3);

/**
 * Hash of what the results of the run's actions rest on: its input, and the memory of its key before it. Computed
 * once; 0: no memory, which is kept. A result holds values, not steps: on another memory it would be wrong.
 */
uint64_t weir__run_base_hash(weir_run *run);

/**
 * Fills in what all entries of a run have, seals and queues one, behind the results of completed actions that are not
 * queued yet. A failure is kept in the run (stop), so the codes may be ignored.
 * @param ticket  told when it is durable; NULL: nobody waits
 */
weir_code weir__run_append(weir_run *run, weir_entry *entry, weir_ticket *ticket);

/**
 * Queues the results of completed actions that are not queued yet, unless an earlier run of the key has neither told
 * its own nor been committed. As weir__run_append().
 */
weir_code weir__run_append_results(weir_run *run);

/* Entries about a call, as they stand now. */
weir_code weir__run_append_intent(weir_future *future);
weir_code weir__run_append_withdrawn(weir_future *future, uint32_t attempt);
weir_code weir__run_append_outcome(weir_future *future, uint32_t attempt, const weir_attempt_end *end,
                                              bool is_final);
weir_code weir__run_append_parked(weir_future *future);
weir_code weir__run_append_first(weir_run *run, uint32_t wait, uint32_t which);

/** The same as entries in the run's arena, for weir__futures_remember(). NULL: no memory. */
weir_entry *weir__future_intent_entry(const weir_future *future);
weir_entry *weir__future_parked_entry(const weir_future *future);
weir_entry *weir__future_outcome_entry(const weir_future *future, uint32_t attempt, const weir_attempt_end *end,
                                       bool is_final);

#endif
