/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the worker share; nobody else includes it. */
#ifndef WEIR__HOST_WORKER_INTERNAL_H
#define WEIR__HOST_WORKER_INTERNAL_H

#include "engine/engine.h"
#include "host/counters.h"
#include "host/formats.h"
#include "host/worker.h"
#include "host/worker_frames.h"

typedef struct weir_worker weir_worker;
typedef struct weir_worker_journal weir_worker_journal;

/* README.md has the picture. */
typedef enum weir_worker_state {
    WEIR__WORKER_GREETING,
    WEIR__WORKER_OPENING,  /* OPEN has come; what it names is being made ready, and no RUN is taken */
    WEIR__WORKER_RUNNING,
    WEIR__WORKER_STOPPING,
    WEIR__WORKER_FAILED,
    WEIR__WORKER_OVER,
    WEIR__WORKER_BROKEN
} weir_worker_state;

/* The two pipes. */
typedef struct weir_worker_pipe {
    int in_fd, out_fd;
    weir_frames frames;
    bool is_at_end;       /* of the input */
    weir_buffer filling;  /* frames, and, last, the batch that is open */
    weir_buffer sending;  /* up to `sent` it is written */
    size_t sent;
} weir_worker_pipe;

/* What has ended and is not told yet. */
typedef struct weir_worker_batch {
    bool is_open;
    size_t begin;          /* in filling */
    size_t count_at;       /* where the number of ends goes */
    uint32_t ends;
    size_t change_bytes;   /* about */
    weir_buffer beside;    /* frames that came meanwhile */
} weir_worker_batch;

/* The end of the run that `fail` failed the job for: told alone, behind all others. */
typedef struct weir_worker_failure {
    bool is_there;
    bool is_told; /* no batch follows */
    uint64_t ticket;
    weir_error error;
} weir_worker_failure;

/* What hangs on weir_run.host. */
typedef struct weir_worker_input {
    uint64_t ticket;
    uint32_t key_group;
    struct weir_journal_run *open; /* NULL: the journal has nothing of it yet */
    bool is_over;                  /* what still comes of its calls is written, and kept by nobody */
} weir_worker_input;

/* Where the journal must be read from, as OPEN has it. */
typedef struct weir_worker_marker {
    uint32_t partition;
    int64_t position;
} weir_worker_marker;

enum { WEIR__WORKER_SOURCES = 64 };

struct weir_worker {
    const weir_worker_options *options;
    weir_config *config;
    const weir_clock *clock;
    weir_engine *engine;
    weir_worker_state state;
    weir_talk talk;
    weir_worker_pipe pipe;
    weir_worker_batch batch;
    weir_worker_failure failure;
    uint64_t frame_most;       /* the largest frame, up and down */

    /* As OPEN has it. */
    const char *job;           /* its name */
    bool has_groups;
    uint32_t first_group, last_group, max_parallelism, subtask, attempt;
    uint32_t known_partitions; /* of the action-state topic, by the state; 0: not known */
    weir_worker_marker *markers;
    size_t marker_count;
    weir_worker_journal *journal; /* NULL: there is none */

    /* Configuration, read once. */
    weir_end_kind on_error;    /* FAILED, SKIPPED or DEAD */
    const char *key_by;
    weir_formats formats;
    weir_format *json;         /* for payloads that say that they are */
    weir_executor fetcher;     /* of schemas */
    weir_pool *fetcher_pool;

    uint64_t next_ticket, next_commit;
    char *sources[WEIR__WORKER_SOURCES]; /* ids of inputs that were met; runs point to them */
    size_t source_count, last_source;
    weir_frame_list *loading;  /* the cells of the RUN that is being accepted; NULL: it brings none */
    weir_arena scratch;
    weir_buffer cell_value;

    unsigned until_look;
    int64_t now_ms, stop_by_ms;
    bool may_accept, is_stop_seen, is_stop_at_once;
    bool waits_for_schema;     /* the next frame does */
    uint64_t searched;         /* place in the input up to which a STOP was looked for */

    weir_counters counters;
    uint64_t outputs, passed_over;
    int64_t metrics_ms;
    uint64_t metrics_told;     /* of `accepted`, `ended` and `parked`, when they were told last */

    weir_code rc;
    weir_error *err;
};

/* ---- worker.c: the loop ------------------------------------------------------------------------------------------ */

/** Ends the worker with the first error. */
void weir__worker_give_up(weir_worker *worker, weir_code rc, const weir_error *err);

/* ---- worker_pipe.c ----------------------------------------------------------------------------------------------- */

/** Takes standard input and output for the frames. WEIR_OK; WEIR_IO (stop). */
WEIR_CHECK weir_code weir__worker_pipe_open(weir_worker_pipe *pipe, weir_error *err);
void weir__worker_pipe_close(weir_worker_pipe *pipe);
/**
 * Reads what is there, without waiting.
 * @param got  whether something was; at the end is_at_end is set
 * @return WEIR_OK; WEIR_IO, WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__worker_pipe_read(weir_worker_pipe *pipe, bool *got, weir_error *err);
/** Writes what may be written, without waiting; not while a batch is open. WEIR_OK; WEIR_IO: nobody reads it (stop). */
WEIR_CHECK weir_code weir__worker_pipe_write(weir_worker_pipe *pipe, weir_error *err);
/** Bytes that are not written. */
size_t weir__worker_pipe_pending(const weir_worker_pipe *pipe);
/** Writes all, waiting for at most so long, and not beyond the end of the input. */
void weir__worker_pipe_flush(weir_worker_pipe *pipe, int most_ms);

/* ---- worker_open.c: HELLO and OPEN ------------------------------------------------------------------------------- */

/** Takes both, waiting. At the end of the input is_at_end is set, and neither may have come. As weir__worker_run(). */
WEIR_CHECK weir_code weir__worker_greet(weir_worker *worker, weir_error *err);

/* ---- worker_input.c: the other frames ---------------------------------------------------------------------------- */

/** Takes the next frame. False: it must wait for its schema. Gives up by itself. */
bool weir__worker_take_frame(weir_worker *worker, const weir_frame *frame);
weir_code weir__worker_load(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err);

/* ---- worker_batch.c: the ends of runs ---------------------------------------------------------------------------- */

void weir__worker_ended(void *context, weir_run *run);
bool weir__worker_batch_is_full(const weir_worker *worker);
/** Tells what has ended, if anything has; between runs. Gives up by itself. */
void weir__worker_tell(weir_worker *worker);
/** Forgets what has ended and is not told. */
void weir__worker_batch_drop(weir_worker *worker);
/** Where a frame goes that is no batch: it is sent in its turn. Ended with weir__worker_up_end(). */
weir_buffer *weir__worker_up(weir_worker *worker);
void weir__worker_up_end(weir_worker *worker, weir_buffer *out, size_t begin);

/* ---- worker_tell.c: what else goes up ---------------------------------------------------------------------------- */

void weir__worker_parked(void *context, weir_run *run, const weir_entry *parked);
/** METRICS, if they are due and anything has happened; always with `is_last`. */
void weir__worker_tell_metrics(weir_worker *worker, bool is_last);
/** When METRICS are due: ms from now; -1: nothing has happened. */
int64_t weir__worker_metrics_due(const weir_worker *worker);

/* ---- worker_journal.c, worker_recall.c, worker_topic.c; or worker_no_journal.c ----------------------------------- */

/** Begins to make the journal ready. WEIR_OK; WEIR_CONFIG; as the cluster. */
WEIR_CHECK weir_code weir__worker_journal_open(weir_worker *worker, weir_error *err);
void weir__worker_journal_close(weir_worker *worker);
/** Acknowledgements, and what the tail has read. Gives up by itself. */
void weir__worker_journal_drive(weir_worker *worker);
bool weir__worker_journal_is_ready(const weir_worker *worker);   /* also without one */
/** For who wants to end: a thread is still asking the cluster, and has been told to give up. */
bool weir__worker_journal_is_asking(weir_worker *worker);
size_t weir__worker_journal_pending(const weir_worker *worker);  /* entries that are not acknowledged */
uint32_t weir__worker_journal_partitions(const weir_worker *worker);
void weir__worker_journal_count(const weir_worker *worker, uint64_t *appended, uint64_t *seen);
weir_code weir__worker_append(void *context, weir_run *run, const weir_entry *entry, weir_bytes sealed,
                              weir_ticket *ticket, weir_error *err);
/**
 * What the journal, and the host (`given`), have of a run that is filled in.
 * @return WEIR_OK; WEIR_IO, WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__worker_recall(weir_worker *worker, weir_run *run, weir_frame_list *given, uint8_t flags,
                                         weir_error *err);
void weir__worker_run_is_over(weir_worker *worker, weir_run *run); /* its end is told, or about to be */
/** KEEP, for runs that have been open for inbox-age-ms. */
void weir__worker_keep_old(weir_worker *worker);
bool weir__worker_has_open(const weir_worker *worker); /* runs of which the journal has something */
bool weir__worker_markers_are_due(const weir_worker *worker);
/** A batch's list of markers. */
void weir__worker_add_markers(weir_worker *worker, weir_buffer *out);

/* ---- worker_log.c: lines of all threads -------------------------------------------------------------------------- */

/** From here on lines of the log become frames. WEIR_OK; WEIR_IO (stop). */
WEIR_CHECK weir_code weir__worker_log_open(weir_error *err);
/** From here on they go to stderr again. */
void weir__worker_log_close(void);
/** Readable when there are some. */
int weir__worker_log_fd(void);
/** Appends the frames that there are. */
void weir__worker_log_take(weir_buffer *out);

/* ---- worker_watch.c: the thread that ends a loop which cannot ---------------------------------------------------- */

typedef struct weir_worker_watch weir_worker_watch;

/** Watches for the end of the input. WEIR_OK; WEIR_IO, WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__worker_watch_begin(int in_fd, weir_worker_watch **out, weir_error *err);
void weir__worker_watch_end(weir_worker_watch *watch); /* accepts NULL */

#endif
