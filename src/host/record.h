/* SPDX-License-Identifier: Apache-2.0 */
/* One record of local input: {"key": …, "value": …, "timestamp": ms}. Source: contract, "Local input and output". */
#ifndef WEIR__HOST_RECORD_H
#define WEIR__HOST_RECORD_H

#include "engine/engine.h"

/**
 * Parses a record's text into a run: its key, value and timestamp.
 *
 * @return WEIR_OK; WEIR_INVALID or WEIR_LIMIT: a bad record, and why (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__record_parse(weir_bytes text, size_t depth, weir_run *run, weir_error *err);

/** The same for a tree; the value is shared with it. */
WEIR_CHECK weir_code weir__record_take(const json_t *tree, size_t depth, weir_run *run, weir_error *err);

/** Prints a run's record again, as one JSON object, for the inbox and for dead letters. */
WEIR_CHECK weir_code weir__record_print(const weir_run *run, weir_buffer *out);

#endif
