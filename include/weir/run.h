/* SPDX-License-Identifier: Apache-2.0 */
/* The run: what an action may ask of it, and the effects it may have. All are held back until the run ends. */
#ifndef WEIR_RUN_H
#define WEIR_RUN_H

#include <jansson.h>
#include <stdint.h>

#include <weir/bytes.h>
#include <weir/error.h>
#include <weir/export.h>
#include <weir/job.h>

WEIR_BEGIN_DECLS

/** The key, 0..n bytes; borrowed until the run ends. Text from JSON input; any bytes elsewhere. */
WEIR_API weir_bytes weir_run_key(const weir_run *run);

/** The run's id: its source position, `input id/index` in files; borrowed until the run ends. */
WEIR_API const char *weir_run_id(const weir_run *run);

/** The input's timestamp, ms since 1970; 0 when the record has none. The only clock of an action. */
WEIR_API int64_t weir_now(const weir_run *run);

/** The next of a row of 64-bit numbers that the run id seeds (splitmix64): a replay draws the same ones. */
WEIR_API uint64_t weir_random(weir_run *run);

/**
 * Sends one output of the run. Outputs leave in the order in which they were sent, when the run ends.
 *
 * @param value  taken; any JSON value; NULL (what json_pack() returns on a mistake) is a kept error
 * @return WEIR_OK;
 *         WEIR_INVALID    NULL, or a tree that holds itself                      (fix; kept)
 *         WEIR_LIMIT      events-per-run, or deeper than limits.depth            (fix; kept)
 *         WEIR_NO_MEMORY                                                         (stop; kept)
 * Source: Flink Agents, "Events", OutputEvent.
 */
WEIR_API weir_code weir_output(weir_run *run, json_t *value);

/**
 * The same for JSON text, without a tree. It is printed again, compactly, so blanks and the form of numbers may change.
 *
 * @param json  one JSON value by the contract's rules for JSON; borrowed for the call
 */
WEIR_API weir_code weir_output_bytes(weir_run *run, weir_bytes json);

/**
 * Sends an event to the actions of this run that want its type, after all that was sent before it.
 *
 * @param type        not empty, not WEIR_OUTPUT_EVENT; copied
 * @param attributes  taken; an object, not changed by anybody from now on; NULL is a kept error
 * @return WEIR_OK;
 *         WEIR_INVALID    type or attributes                                     (fix; kept)
 *         WEIR_LIMIT      events-per-run: the message names the cycle, if any    (fix; kept)
 *         WEIR_NO_MEMORY                                                         (stop; kept)
 * Source: Flink Agents, RunnerContext, send_event.
 */
WEIR_API weir_code weir_send(weir_run *run, const char *type, json_t *attributes);

/**
 * Keeps an error, unless one is kept already, so that the run fails.
 *
 * @param code    not WEIR_OK (that counts as WEIR_INVALID)
 * @param format  printf's; cut after 231 bytes
 * @return the code given, so that an action can end with `return weir_fail(…)`
 */
WEIR_API weir_code weir_fail(weir_run *run, weir_code code, const char *format, ...) WEIR_PRINTF(3, 4);

/** Logs a line with the run's id. Level: "error", "warn", "info" or "debug"; any other counts as "info". Not an effect:
 * it is written at once, and again when the run is run again. */
WEIR_API void weir_log(weir_run *run, const char *level, const char *format, ...) WEIR_PRINTF(3, 4);

/** Adds to a counter of the job; an effect like the others. `metric` is copied; `add` may be negative. */
WEIR_API void weir_count(weir_run *run, const char *metric, int64_t add);

WEIR_END_DECLS

#endif
