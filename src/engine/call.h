/* SPDX-License-Identifier: Apache-2.0 */
/* What the kinds of calls share: making a future, and waiting for all of a run. */
#ifndef WEIR__ENGINE_CALL_H
#define WEIR__ENGINE_CALL_H

#include "engine/future.h"

#define WEIR__CALL_LONGEST_MS (7 * 24 * 3600 * (int64_t)1000)

/** Checks what all calls have in common, and makes a future that is not started. NULL: a kept error of the run. */
weir_future *weir__call_new(weir_run *run, const char *name, weir_call_kind kind, weir_bytes args,
                            const weir_call_options *options);

/** What a call is answered with that was not started, or whose run is canceled: CANCELED, or the run's kept error. */
weir_code weir__call_tell_failure(weir_run *run, weir_error *err);

/**
 * Waits until all calls of a run have ended: before its action ends, and before it parks.
 * @return WEIR_OK; WEIR_CANCELED: stopping, or parked
 */
weir_code weir__calls_settle(weir_run *run, weir_error *err);

#endif
