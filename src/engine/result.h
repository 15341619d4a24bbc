/* SPDX-License-Identifier: Apache-2.0 */
/* An action's result as a journal keeps it: compact JSON. */
#ifndef WEIR__ENGINE_RESULT_H
#define WEIR__ENGINE_RESULT_H

#include "engine/run.h"

/** Appends a result. WEIR_OK, WEIR_NO_MEMORY, or what an attribute cannot be printed for. */
WEIR_CHECK weir_code weir__result_print(const weir_action_result *result, weir_buffer *out, weir_error *err);

/**
 * Reads it back into a run's arena, for run->recorded. Trees in it are released with the run.
 * @return WEIR_OK; WEIR_IO: not a result (stop); WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__result_parse(weir_bytes text, weir_arena *arena, weir_action_result **out, weir_error *err);

/** Releases the trees of results that were not put in the place of their actions. */
void weir__results_clear(weir_action_result *results);

#endif
