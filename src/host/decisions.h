/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions on parked runs, on their way into a running job: `resolve` puts a file ID.json into the folder `decisions`
 * of the state folder (written under another name, synced, then renamed); the job journals it, then removes it. What it
 * refuses becomes ID.refused, one line that says why.
 *   {"run": RUN ID, "instance": N, "call": N, "attempt": N,
 *    "decision": "result" | "retry" | "fail", "result": JSON, "force": BOOL}
 * `instance` and `call` are those that were listed when it was made; without them only the attempt is compared.
 */
#ifndef WEIR__HOST_DECISIONS_H
#define WEIR__HOST_DECISIONS_H

#include "base/disk.h"
#include "engine/engine.h"

#define WEIR__DECISIONS_FOLDER "decisions"

typedef struct weir_decisions {
    char *folder;      /* NULL: there is no state */
    int64_t looked_ms; /* monotonic */
    bool has_looked;
} weir_decisions;

/** Notes where to look; the folder need not be there. WEIR_OK or WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__decisions_open(weir_decisions *decisions, const char *state_folder, weir_error *err);
void weir__decisions_close(weir_decisions *decisions); /* all zero is fine */

/**
 * Takes up what lies there; each is told to the run that it names. Logs.
 * @param is_idle  no run can go on by itself: what fits none now is refused. Else it may fit one that has not got there
 *                 yet, as after a start, and is left for the next look
 */
void weir__decisions_look(weir_decisions *decisions, weir_engine *engine, bool is_idle, int64_t now_ms);

/** Whether any run could take one: only then the folder needs to be looked at. */
bool weir__decisions_are_possible(const weir_engine *engine);

/** One decision from its JSON, into the arena; run: its id. WEIR_OK; WEIR_INVALID (fix); WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__decision_parse(weir_bytes text, weir_arena *arena, const char **run, weir_entry *decision,
                                          weir_error *err);

#endif
