/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: side effects, and whatever else is not deterministic, made through the runtime and recorded. */
#ifndef WEIR_CALL_H
#define WEIR_CALL_H

#include <stddef.h>
#include <stdint.h>

#include <weir/bytes.h>
#include <weir/error.h>
#include <weir/export.h>
#include <weir/job.h>

WEIR_BEGIN_DECLS

/** A call under way; lives until its run ends. */
typedef struct weir_future weir_future;

/** What doubt means: a call that may have happened, without a recorded outcome. */
typedef enum weir_call_kind {
    WEIR_CALL_PURE,       /* call again: reads, model calls, clocks */
    WEIR_CALL_IDEMPOTENT, /* call again with the same idempotency key */
    WEIR_CALL_CHECKED,    /* ask the job's reconciler */
    WEIR_CALL_ONCE        /* never call again: park the run */
} weir_call_kind;

/** A reconciler's word on a call in doubt. */
typedef enum weir_verdict { WEIR_VERDICT_DONE, WEIR_VERDICT_NOT_DONE, WEIR_VERDICT_UNKNOWN } weir_verdict;

/** One attempt at a call; borrowed for the call. */
typedef struct weir_attempt {
    const char *idempotency_key; /* the same at every attempt and after every crash */
    int number;                  /* from 1 */
    int64_t deadline_ms;         /* monotonic: later than this nobody waits for the result */
} weir_attempt;

/**
 * The blocking function behind a call. On a pool thread: no weir_run here.
 *
 * @return WEIR_OK with a result in the buffer; WEIR_NOT_DONE, WEIR_FAILED, WEIR_UNKNOWN as they say
 */
typedef weir_code (*weir_call_fn)(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                                  weir_error *err);

/** Says whether a call in doubt was done (with its result in the buffer). On a pool thread. */
typedef weir_verdict (*weir_reconcile_fn)(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                                          weir_error *err);

/** Options of a call; begin with WEIR_CALL_OPTIONS_INIT. */
typedef struct weir_call_options {
    size_t struct_size; /* sizeof(weir_call_options) */
    int max_attempts;   /* 1 */
    int64_t timeout_ms, first_backoff_ms, max_backoff_ms;
    weir_reconcile_fn reconcile; /* needed by WEIR_CALL_CHECKED */
    void *reconcile_arg;
} weir_call_options;
#define WEIR_CALL_OPTIONS_INIT { sizeof(weir_call_options), 1, 30000, 100, 30000, NULL, NULL }

WEIR_API weir_code weir_call(weir_run *run, const char *name, weir_call_kind kind, weir_call_fn fn, void *arg,
                             weir_bytes args, const weir_call_options *options /* NULL: defaults */,
                             weir_bytes *result /* borrowed */, weir_error *err);
WEIR_API weir_future *weir_call_start(weir_run *run, const char *name, weir_call_kind kind, weir_call_fn fn, void *arg,
                                      weir_bytes args, const weir_call_options *options);
WEIR_API weir_code weir_wait_all(weir_run *run, weir_future *const *futures, size_t count, weir_error *err);
WEIR_API weir_code weir_wait_any(weir_run *run, weir_future *const *futures, size_t count, size_t *which,
                                 weir_error *err);
WEIR_API weir_code weir_future_result(const weir_future *future, weir_bytes *result /* borrowed */, weir_error *err);

WEIR_END_DECLS

#endif
