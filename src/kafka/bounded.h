/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that shall end in time and may not: they run on a thread of their own, and who has called goes on without them.
 * Threads: one at a time calls and leaves.
 */
#ifndef WEIR__KAFKA_BOUNDED_H
#define WEIR__KAFKA_BOUNDED_H

#include <stdbool.h>

#include "base/error.h"

typedef struct weir_bounded weir_bounded;

/** WEIR_OK; WEIR_NO_MEMORY, WEIR_IO: no thread (stop). */
WEIR_CHECK weir_code weir__bounded_new(weir_bounded **out, weir_error *err);

/**
 * Runs fn(context) and waits.
 *
 * @return false: it has not returned in time. What it uses stays its own, and nothing may be asked of it but to leave.
 */
WEIR_CHECK bool weir__bounded_call(weir_bounded *bounded, void (*fn)(void *context), void *context, int timeout_ms);

/**
 * Ends it. What `fn` used may go when then(context) is called: before this returns, or once the call that did not
 * return in time does, on its thread. `bounded` may be NULL.
 */
void weir__bounded_leave(weir_bounded *bounded, void (*then)(void *context), void *context);

#endif
