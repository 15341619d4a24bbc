/* SPDX-License-Identifier: Apache-2.0 */
/* An action's result, to a journal entry and back. */
#ifndef WEIR__ENGINE_RESULT_H
#define WEIR__ENGINE_RESULT_H

#include "engine/run.h"

/**
 * Fills in what an entry of kind RESULT has; all in the arena, cells encoded, attributes printed.
 * @return WEIR_OK; WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__result_to_entry(const weir_action_result *result, weir_arena *arena, weir_entry *entry);

/**
 * Reads it back, for run->recorded. Trees in it are released with the run.
 * @return WEIR_OK; WEIR_IO: not a result (stop); WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__result_from_entry(const weir_entry *entry, weir_arena *arena, weir_action_result **out,
                                             weir_error *err);

/** Releases the trees of results that were not put in the place of their actions. */
void weir__results_clear(weir_action_result *results);

#endif
