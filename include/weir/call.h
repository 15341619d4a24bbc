/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: side effects, and whatever else is not deterministic, made through the runtime and recorded.
 *
 * A call looks blocking, and holds up its own run only. With a state folder it is recorded: an effect (every kind but
 * PURE) as an intent that is durable before the call begins, and every call with its outcome, result or error. A run
 * that is run again, after a crash or after it was parked, is answered from the record, and a call whose outcome is in
 * it is not made again. A record is found by its place (run, number of the action in the run, number of the call in the
 * action) and must fit what is asked: action, name, kind, arguments and input. Where it does not, and all that is
 * recorded is PURE, the record is dropped; else the run is parked.
 *
 * What an action does outside calls may be done again after a crash. docs/calls.md is the guide.
 */
#ifndef WEIR_CALL_H
#define WEIR_CALL_H

#include <stddef.h>
#include <stdint.h>

#include <weir/bytes.h>
#include <weir/error.h>
#include <weir/export.h>
#include <weir/job.h>

WEIR_BEGIN_DECLS

/** A call under way, or over; belongs to its run, and lives until that ends. */
typedef struct weir_future weir_future;

/**
 * What doubt means: a call that may have happened, without a recorded outcome. After a crash it is an intent without
 * an outcome; in a running process a time-out, or a function that says so. The kind is part of the record: with another
 * kind it is another call.
 */
typedef enum weir_call_kind {
    WEIR_CALL_PURE,       /* call again: reads, model calls, clocks; no intent is written */
    WEIR_CALL_IDEMPOTENT, /* call again with the same idempotency key */
    WEIR_CALL_CHECKED,    /* ask the job's reconciler, once nothing can happen any more */
    WEIR_CALL_ONCE        /* never call again: park the run */
} weir_call_kind;

/** A reconciler's word on a call in doubt. Any other number counts as UNKNOWN. */
typedef enum weir_verdict {
    WEIR_VERDICT_DONE,     /* it was made; its result is in the buffer */
    WEIR_VERDICT_NOT_DONE, /* it was not made, and never will be by the attempt in doubt: it is made again */
    WEIR_VERDICT_UNKNOWN   /* cannot be told: asked again while attempts are left; then parked, or calls.in-doubt */
} weir_verdict;

/** One attempt at a call; borrowed for the call of the function. */
typedef struct weir_attempt {
    const char *idempotency_key; /* a UUID: the same at every attempt and after every crash, another for every call */
    int number;                  /* from 1, growing: after a crash, too, and after each decision on the run */
    int64_t deadline_ms;         /* CLOCK_BOOTTIME, in ms: later than this nobody waits for the result */
} weir_attempt;

/**
 * The blocking function behind a call. It may be called several times at once for several runs, and may still be under
 * way when its run has timed out, parked or ended: it is never interrupted, and its outcome is recorded while somebody
 * can use it.
 *
 * @param args     as given to the call; borrowed
 * @param attempt  borrowed
 * @param result   empty; takes up to calls.result-bytes. A result beyond that has been made, and is WEIR_LIMIT
 * @param arg      as given to the call; must live as long as the process
 * @param err      never NULL; to be filled in with the code that is returned, a remedy and a message; else the message
 *                 is the code's name. It is recorded: no secrets. WEIR_REMEDY_STOP counts as FIX
 * @return WEIR_OK        it is done; the result is what the buffer holds, which may be nothing
 *         WEIR_NOT_DONE  surely nothing has happened outside: another attempt, while there is one left
 *         WEIR_FAILED, WEIR_INVALID, WEIR_CONFIG, WEIR_LIMIT
 *                        the last word of every kind: no further attempt, no doubt
 *         WEIR_UNKNOWN, and any other
 *                        it may have happened. PURE, IDEMPOTENT: another attempt, while there is one left. CHECKED,
 *                        ONCE: doubt
 * Threads: one of calls.threads; there is no weir_run here, and nothing of the run may be touched.
 */
typedef weir_code (*weir_call_fn)(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                                  weir_error *err);

/**
 * Says whether a call in doubt was made. It is asked at the earliest when the attempt's deadline and calls.margin-ms
 * have passed, and is right to say NOT_DONE only if by then nothing can land any more. It has as long as the call's
 * timeout_ms; one that takes longer counts as UNKNOWN. After UNKNOWN it is asked again, up to the call's max_attempts
 * and with its back-off. One that has crashed the process input.max-crashes times on this run is not asked any more.
 *
 * @param attempt  the one in doubt: its number and its idempotency key; the deadline is that of the question
 * @param result   what weir_call() is to give, with WEIR_VERDICT_DONE; up to calls.result-bytes
 * @param arg      weir_call_options.reconcile_arg; must live as long as the process
 * Threads: one of calls.threads. Otherwise as weir_call_fn.
 */
typedef weir_verdict (*weir_reconcile_fn)(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                                          weir_error *err);

/** Options of a call; begin with WEIR_CALL_OPTIONS_INIT. They are not part of the record, and may be changed. */
typedef struct weir_call_options {
    size_t struct_size;       /* sizeof(weir_call_options) */
    int max_attempts;         /* >= 1; those that a crash cut off are not counted; of reconciler's questions, too */
    int64_t timeout_ms;       /* 1..604800000 (a week), of one attempt, from when it has a thread */
    int64_t first_backoff_ms; /* 0..604800000: before the second attempt; twice as much before each further one, */
    int64_t max_backoff_ms;   /* 0..604800000: up to this; a random part of up to a half is taken off */
    weir_reconcile_fn reconcile; /* needed by WEIR_CALL_CHECKED; other kinds do not use it */
    void *reconcile_arg;
} weir_call_options;
#define WEIR_CALL_OPTIONS_INIT { sizeof(weir_call_options), 1, 30000, 100, 30000, NULL, NULL }

/**
 * Makes a call and waits for its outcome; other runs go on meanwhile. What is recorded is returned without calling.
 *
 * The errors of a call are its own: unless they are "kept" the action may handle them and go on; if it returns the code
 * instead, the run fails with this error.
 *
 * @param run      of the action that is running; nothing else may call
 * @param name     1..n bytes of UTF-8, stable: part of the record; copied
 * @param fn       not NULL
 * @param arg      handed to `fn`; must live as long as the process; may be NULL
 * @param args     any bytes; copied, and written to the journal in full: no secrets
 * @param options  borrowed; NULL: WEIR_CALL_OPTIONS_INIT
 * @param result   written on WEIR_OK; borrowed until the run ends; a NUL follows it. May be NULL
 * @param err      may be NULL; the message begins with the call's name
 * @return WEIR_OK;
 *         WEIR_FAILED     the function's word, or somebody's, by `resolve --fail`                       (fix)
 *         WEIR_NOT_DONE   surely not made, and no attempt is left                                       (retry)
 *         WEIR_UNKNOWN    PURE, IDEMPOTENT: no answer in time, and no attempt is left                   (retry);
 *                         CHECKED, ONCE: in doubt, and calls.in-doubt is fail, or there is no journal   (fix)
 *         WEIR_LIMIT      it was made; its result passes calls.result-bytes                             (fix)
 *         WEIR_CANCELED   stopping, or the run is parked: free what the action owns, and return         (abort)
 *         WEIR_INVALID    a name, kind or option out of range, CHECKED without reconciler               (fix; kept)
 *         WEIR_CONFIG     CHECKED or ONCE without a state folder, action-state.required being true      (fix; kept)
 *         WEIR_NO_MEMORY, WEIR_IO  the journal cannot be written                                        (stop; kept)
 *         any other code  what the function said at its last attempt
 * Threads: the action's.
 * Source: Flink Agents, "durable execution", execute and reconciler; docs/conformance.md has the differences.
 */
WEIR_API weir_code weir_call(weir_run *run, const char *name, weir_call_kind kind, weir_call_fn fn, void *arg,
                             weir_bytes args, const weir_call_options *options /* NULL: defaults */,
                             weir_bytes *result /* borrowed */, weir_error *err);

/**
 * Starts a call, and does not wait: so an action has several under way. An action that returns before they have ended
 * ends only when they have; their outcomes are recorded, and their errors are nobody's.
 *
 * Parameters as weir_call().
 * @return the future, borrowed until the run ends; NULL: an error that is kept in the run (INVALID, CONFIG, NO_MEMORY
 *         as weir_call() has them). Given to a wait, NULL is answered with that error
 * Threads: the action's.
 */
WEIR_API weir_future *weir_call_start(weir_run *run, const char *name, weir_call_kind kind, weir_call_fn fn, void *arg,
                                      weir_bytes args, const weir_call_options *options);

/**
 * Waits until all of these calls have ended, also when one has failed.
 *
 * @param futures  `count` of this run, from 1; a future may be waited for again; borrowed
 * @return WEIR_OK: all are; else the code and the error of the first in `futures` that failed, see weir_call();
 *         WEIR_CANCELED  stopping, or one of them is in doubt: all calls have ended, the run is parked  (abort)
 *         WEIR_INVALID   no future, or one of another run                                               (fix)
 * Threads: the action's.
 */
WEIR_API weir_code weir_wait_all(weir_run *run, weir_future *const *futures, size_t count, weir_error *err);

/**
 * Waits until one of these calls has ended. Which one it was is recorded: the run, run again, goes on with the same.
 * The others go on.
 *
 * @param which  index of the one that ended first, also when it has failed; not written on CANCELED and INVALID; may be
 *               NULL
 * @return WEIR_OK, or the code and the error of that call, see weir_call();
 *         WEIR_CANCELED  stopping, or all of them are in doubt and the run is parked      (abort)
 *         WEIR_INVALID   no future, or one of another run                                 (fix)
 *         WEIR_NO_MEMORY, WEIR_IO                                                         (stop; kept)
 * Threads: the action's.
 */
WEIR_API weir_code weir_wait_any(weir_run *run, weir_future *const *futures, size_t count, size_t *which,
                                 weir_error *err);

/**
 * What came of a call that has ended.
 *
 * @param result  written on WEIR_OK; borrowed until the run ends; may be NULL
 * @return WEIR_OK, or the call's code and error;
 *         WEIR_INVALID  the future is NULL, or has not ended: wait for it first (fix)
 * Threads: the action's.
 */
WEIR_API weir_code weir_future_result(const weir_future *future, weir_bytes *result /* borrowed */, weir_error *err);

WEIR_END_DECLS

#endif
