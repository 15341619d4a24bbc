/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the local host share; nobody else includes it. The states are in README.md. */
#ifndef WEIR__HOST_LOCAL_HOST_H
#define WEIR__HOST_LOCAL_HOST_H

#include "host/commit.h"
#include "host/counters.h"
#include "host/decisions.h"
#include "host/inbox.h"
#include "host/local.h"
#include "status/status.h"

typedef enum weir_local_state {
    WEIR__LOCAL_READING,
    WEIR__LOCAL_DRAINING,
    WEIR__LOCAL_STOPPING,
    WEIR__LOCAL_BROKEN
} weir_local_state;

typedef enum weir_on_error { WEIR__ON_ERROR_FAIL, WEIR__ON_ERROR_SKIP, WEIR__ON_ERROR_DLQ } weir_on_error;

/* What is kept for the status pages alone; without status.listen `server` is NULL, and nothing of it is looked at. */
typedef struct weir_vitals {
    weir_status_server *server;
    weir_status_thread thread;  /* its counters: of commits, and of the journal */
    int64_t cut_ms;             /* monotonic: when the cut that is under way was taken */
    int64_t committed_index;    /* of the next record behind the last known commit */
    uint64_t commit_number;
    bool is_at_end;             /* all records that there are have been read */
    weir_status_task_state task_state;
    int64_t since_ms;           /* wall clock: of that state; 0: none was told yet */
} weir_vitals;

typedef struct weir_local_host {
    const weir_local_options *options;
    const weir_disk *disk;
    const weir_clock *clock;
    weir_engine *engine;
    weir_local_state state;

    /* Configuration, read once. */
    weir_on_error on_error;
    size_t depth;
    int64_t commit_interval_ms;
    uint64_t commit_runs;
    size_t commit_bytes;

    weir_source source;
    weir_sink output, dead;
    bool has_dead;

    /* With a state folder. */
    weir_store *store;
    weir_committer *committer;
    weir_inbox inbox;
    int crash_fd;
    weir_cut cuts[2];
    weir_cut *filling;       /* what the next commit holds */
    weir_buffer cell_value;  /* one cell's, on its way into a cut: its room is kept from cell to cell */
    bool is_committing;      /* the other one is under way */
    uint64_t next_commit;
    uint64_t ended_since_cut;
    bool has_moved;          /* the place, since the last cut */
    int64_t epoch;           /* of this life: one more than the last one's */
    weir_decisions decisions;
    weir_counters counters;
    bool may_accept;         /* what the engine said at the last turn */
    size_t parked_at_end;
    int64_t stop_by_ms;      /* calls under way are waited for until then; 0: not stopping */
    int64_t last_cut_ms;

    unsigned until_look;
    int64_t now_ms, started_ms, last_progress_ms;
    weir_local_progress progress;
    weir_vitals vitals;
    weir_code rc; /* of what ended it */
    weir_error *err;
} weir_local_host;

/* ---- the loop's side (local.c) ---------------------------------------------------------------------------------- */
weir_turn weir__local_turn(void *context, bool may_accept);
void weir__local_wait(void *context);
void weir__local_ended(void *context, weir_run *run);
weir_code weir__local_append(void *context, weir_run *run, const weir_entry *entry, weir_bytes sealed,
                             weir_ticket *ticket, weir_error *err);
void weir__local_parked(void *context, weir_run *run, const weir_entry *parked);
void weir__local_cut_is_known(void *context, weir_cut *cut, const weir_error *err); /* cut NULL: the journal failed */

/* ---- status pages (local_status.c) ------------------------------------------------------------------------------ */

/** Listens, if status.listen says so. Errors as weir__status_open(). */
WEIR_CHECK weir_code weir__local_status_open(weir_local_host *host, weir_error *err);
void weir__local_status_close(weir_local_host *host);

/** A cut is known to be durable. */
void weir__local_status_committed(weir_local_host *host, const weir_cut *cut);

/** Tells how things are at host->now_ms. */
void weir__local_status_tell(weir_local_host *host);

/* ---- opening and closing (local_open.c) ------------------------------------------------------------------------- */

/** Opens state, input, outputs and engine, in this order, and makes the first commit. On failure close it all the same.
 */
WEIR_CHECK weir_code weir__local_open(weir_local_host *host, weir_error *err);
void weir__local_close(weir_local_host *host); /* half-open ones too */

/** Logs what a user should know of pipes, once. */
void weir__local_warn_of_pipes(const weir_local_host *host);

#endif
