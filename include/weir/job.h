/* SPDX-License-Identifier: Apache-2.0 */
/* Building a job: its agents, their actions, and the two ways to run it. */
#ifndef WEIR_JOB_H
#define WEIR_JOB_H

#include <jansson.h>

#include <weir/error.h>
#include <weir/event.h>
#include <weir/export.h>

WEIR_BEGIN_DECLS

typedef struct weir_job weir_job;     /* agents, and what they are called; owns all it names */
typedef struct weir_agent weir_agent; /* a named set of actions; lives as long as its job */
typedef struct weir_run weir_run;     /* all that one input event sets off for its key */

/** The type of the event that starts a run. Its attribute "input" is the record's value. */
#define WEIR_INPUT_EVENT "_input_event"
/** The type of an output. It never triggers an action: naming it in weir_agent_action() is an error. */
#define WEIR_OUTPUT_EVENT "_output_event"

/**
 * One action. It reads the event and the memory, makes calls, sends events and outputs; it runs to its end before the
 * next action of its run starts.
 *
 * @param run    the run; valid until the action returns
 * @param event  what triggered the action; borrowed
 * @param arg    what was given to weir_agent_action()
 * @return WEIR_OK, or any other code: the run fails, and leaves no trace but its journal. A run that has kept an error
 *         fails whatever the action returns.
 */
typedef weir_code (*weir_action_fn)(weir_run *run, const weir_event *event, void *arg);

/**
 * Flags of an action. JOURNALED: its outcome (events sent, memory changed) is recorded, so that a completed action of a
 * run that was cut off is not run again. PURE: it is run again instead, which is cheaper.
 */
enum { WEIR_ACTION_JOURNALED = 0, WEIR_ACTION_PURE = 1 };

/**
 * Makes an empty job.
 *
 * @param name  1..128 bytes of A-Z a-z 0-9 . _ -, stable for the life of the job: files, topics, groups and
 *              transactional ids are named after it; copied. `job.name` in the configuration, if set, takes its place
 * @return never NULL. Out of memory, or a bad name, is kept and reported by weir_main() and weir_job_run_list().
 * Threads: any; a job belongs to one thread at a time.
 */
WEIR_API weir_job *weir_job_new(const char *name);

/** Frees a job and its agents; accepts NULL. Not for a job that was given to weir_main(). */
WEIR_API void weir_job_free(weir_job *job);

/**
 * Finds the agent of that name, or adds it. Agents share events, and the memory of a key; a name only groups actions.
 *
 * @param name  1..128 bytes of UTF-8; copied
 * @return the agent, borrowed from the job; never NULL (an error is kept in the job)
 */
WEIR_API weir_agent *weir_job_agent(weir_job *job, const char *name);

/**
 * Adds an action to an agent.
 *
 * The actions of one event run in the order in which they were added, over all agents of the job. A type named twice
 * counts once. An event that no action wants is ignored.
 *
 * @param name   unique within the agent, 1..128 bytes of UTF-8; copied. Part of the journal's keys: stable
 * @param fn     the action; not NULL
 * @param arg    handed to `fn`; must outlive the job; may be NULL
 * @param flags  WEIR_ACTION_JOURNALED or WEIR_ACTION_PURE
 * @param type   at least one event type, then more of them, ended by NULL; copied
 * @return WEIR_OK;
 *         WEIR_INVALID    name taken, no type, an empty type, WEIR_OUTPUT_EVENT, unknown flags  (fix; kept in the job)
 *         WEIR_NO_MEMORY                                                                        (stop; kept in the job)
 * Source: Flink Agents, "Workflow Agent", trigger conditions; semantics of order from its local runner.
 */
WEIR_API weir_code weir_agent_action(weir_agent *agent, const char *name, weir_action_fn fn, void *arg, unsigned flags,
                                     const char *type, ...) WEIR_SENTINEL;

/**
 * Runs a job as its command line says (`JOB local`, `JOB describe`, …) and prints errors to stderr.
 *
 * @param job   taken
 * @param argc  as main() got it
 * @param argv  as main() got it
 * @return the exit status: 0 done, 1 a run failed, 2 wrong usage or configuration, 3 file or state out of reach or not
 *         what it was, 130 or 143 interrupted before the end of the input
 * Threads: the main thread, once; it handles SIGINT, SIGTERM and SIGSEGV while it runs.
 */
WEIR_API int weir_main(weir_job *job, int argc, char **argv);

/**
 * Runs a job over a list of records in memory, with fresh memory, and returns its outputs. May be called again.
 *
 * @param input   array of objects {"key": …, "value": …, "timestamp": ms}; "k" and "v" stand in for the first two;
 *                borrowed, and not changed
 * @param output  new: array of one-entry objects {KEY: OUTPUT}, in the order in which runs ended; written on success
 *                only
 * @param err     may be NULL
 * @return WEIR_OK;
 *         WEIR_INVALID  the job, or a record: no output at all  (fix)
 *         any other     what the first failed run failed with
 * Source: Flink Agents, local runner, `from_list` and `to_list`.
 */
WEIR_API weir_code weir_job_run_list(weir_job *job, const json_t *input, json_t **output, weir_error *err);

WEIR_END_DECLS

#endif
