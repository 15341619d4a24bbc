/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a stream thread share; nobody else includes it. */
#ifndef WEIR__HOST_STREAM_INTERNAL_H
#define WEIR__HOST_STREAM_INTERNAL_H

#include "engine/engine.h"
#include "host/counters.h"
#include "host/formats.h"
#include "host/part.h"
#include "host/stream.h"
#include "kafka/appender.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "status/status.h"
#include "store/store.h"

typedef struct weir_stream weir_stream;
typedef struct weir_stream_task weir_stream_task;
typedef struct weir_recovery weir_recovery;
typedef struct weir_stream_committer weir_stream_committer;

/* What becomes of a record that is bad, or whose run failed. */
typedef enum weir_stream_on_error { WEIR__STREAM_FAIL, WEIR__STREAM_SKIP, WEIR__STREAM_DLQ } weir_stream_on_error;

/*
 * A task, that is one partition:
 *
 *   CLOSED ──assigned──▶ OPENING ──▶ TAKING ──▶ CLAIMING ──▶ READING ──▶ STARTING ──▶ RUNNING
 *      ▲                                        (a task without a journal goes from TAKING to STARTING, and one
 *      │                                         that forwards from OPENING)
 *      ├───────────── LEAVING ◀──revoked, or stopping── any of them
 *      └───────────── LOST    ◀──lost, fenced, a higher claim── any of them
 *
 *   CLOSED    not ours: no store is open, no run of it is under way
 *   OPENING   the recovery thread opens its store and brings it up to the changelog's end; nothing is written
 *   TAKING    the epoch is raised by the next transaction; until that is known nobody may be judged
 *   CLAIMING  the claim is on its way into the journal
 *   READING   the journal is read from the low-water mark up to the claim; nothing is started
 *   STARTING  runs of the inbox are accepted; fetching begins
 *   RUNNING   records are taken in
 *   LEAVING   no run or call of it starts; a last cut holds what has ended, and then it is closed
 *   LOST      another has it, or may have: nothing of it is written any more
 */
typedef enum weir_stream_task_state {
    WEIR__TASK_CLOSED,
    WEIR__TASK_OPENING,
    WEIR__TASK_TAKING,
    WEIR__TASK_CLAIMING,
    WEIR__TASK_READING,
    WEIR__TASK_STARTING,
    WEIR__TASK_RUNNING,
    WEIR__TASK_LEAVING,
    WEIR__TASK_LOST
} weir_stream_task_state;

/* One journal entry of a run that is open, or is being written. Its bytes stand behind it. */
typedef struct weir_kept_entry {
    weir_appended appended;           /* first: cast back */
    struct weir_kept_entry *next;     /* of the same run: as written, or read; a decision may stand before others */
    struct weir_kept_entry *next_sent; /* in stream->sent, in the order queued; or awaiting its reading back */
    weir_stream_task *task;
    uint64_t life;                    /* of the task, when it was written */
    weir_ticket *ticket;              /* NULL: nobody waits, or was told */
    int64_t place;                    /* in the log; -1: not known yet */
    int64_t bound;                    /* place is at least that */
    bool needs_reading_back;          /* the ticket is told only once it was read back */
    bool is_sent;                     /* in stream->sent */
    bool is_known;                    /* acknowledged */
    bool is_orphan;                   /* its run is over, or its task closed: freed once it is acknowledged */
    bool is_listed;                   /* among task->to_read_back */
    bool is_claim;
    bool is_stored;                   /* it is in the changelog */
    size_t size;
    uint8_t bytes[];
} weir_kept_entry;

/* What is kept of a run that has something in the journal or the inbox, from then to its end. */
typedef struct weir_open_run {
    struct weir_open_run *newer, *older; /* of the task */
    int64_t number;
    bool is_stored; /* in the inbox */
    weir_kept_entry *entries, *last;
} weir_open_run;

/* What hangs on weir_run.host. */
typedef struct weir_stream_input {
    weir_stream_task *task;
    weir_open_run *open; /* NULL: nothing yet */
    weir_bytes raw;      /* the record's value as it came; data NULL: none */
    bool has_key;        /* the record had one */
    int64_t accepted_ms;
} weir_stream_input;

/* An input of the inbox, as recovery found it, until it is accepted. */
typedef struct weir_kept_input {
    int64_t number;
    size_t size;
    uint8_t *bytes;
} weir_kept_input;

/* An entry that recovery found, in the changelog or in the journal. */
typedef struct weir_found_entry {
    int64_t number; /* of the input */
    int64_t place;
    bool is_stored;
    size_t size;
    uint8_t *bytes; /* NULL: taken */
} weir_found_entry;

/* A record that crashed the process before. */
typedef struct weir_crashed_record {
    weir_crash_note *note;
    uint64_t over_with; /* the cut that holds its end; 0: it has not ended */
} weir_crashed_record;

struct weir_stream_task {
    weir_stream *stream;
    weir_assigned at;
    bool is_forward;   /* its records go on to the repartition topic; it has no state */
    uint32_t owner;    /* in the engine */
    weir_stream_task_state state;
    uint64_t life;     /* counts assignments */
    char *source;      /* "TOPIC ID/PARTITION": begins the ids of its runs */
    char name[96];     /* for the log */
    weir_store *store;
    weir_recovery *recovery; /* OPENING, or still at it */

    weir_tuple tuple;  /* of the last cut that held it */
    int64_t stored_commit; /* the commit thread's: what the store holds */
    weir_part parts[2];
    int64_t next;      /* behind the last input taken in */
    int64_t *done_but; /* after recovery: of the inputs below done_until only these are not over */
    size_t done_but_count;
    int64_t done_until;
    bool is_assigned;  /* by the group */
    bool is_started;   /* fetching */
    bool has_moved;    /* since the last cut */
    bool is_taken;     /* the taking transaction is known to be committed */
    bool is_told_to_forget; /* LEAVING, LOST: the engine has been told to drop its runs */
    bool needs_last_cut;

    weir_open_run *oldest, *newest;
    int64_t *left;     /* LEAVING: inputs that were open when it began; also one that must be read again */
    size_t left_count, left_capacity;
    bool is_left_known;

    /* The inbox and the journal, as found. */
    weir_kept_input *inputs;
    size_t input_count, inputs_taken;
    weir_found_entry *found;
    size_t found_count, found_sorted, found_capacity;
    weir_crashed_record *crashed;
    size_t crashed_count;
    int64_t highest_claim; /* READING: entries of lower epochs are void, but facts */
    int64_t claim_place;   /* CLAIMING: -1 until it is acknowledged */
    int64_t journal_end;   /* all before it has been read */
    weir_kept_entry *to_read_back, **to_read_back_tail;
    bool is_tailed;
    bool reads_own;        /* a run of it awaits an outcome of its own from the log, where a decision may come first */
    int64_t known_low, deleted_low; /* of a known commit; up to where records were deleted */
    int64_t known_offset, deleted_offset; /* the same of the repartition topic */

    int64_t input_ms;      /* the latest timestamp of a record that was read, or of a cell that was swept past */
    int64_t swept_ms;      /* of the input: when the round of sweeping began that is under way, or was the last one */
    bool is_swept;         /* that round is over */
    int64_t sweep_again_ms; /* it may have missed something: then another, on the machine's clock; 0: it has not */
    weir_buffer sweep_from; /* the key that it goes on with; empty: the first */

    int64_t since_ms, told_ms;
    int64_t known_commit;
    uint64_t commits;
};

/* What one transaction holds. */
typedef struct weir_stream_cut {
    uint64_t number;
    int which;                 /* of task->parts */
    weir_stream_task **tasks;
    size_t count;
    uint64_t rebalances;       /* noted when it was made, or last looked at */
    uint64_t appended;         /* journal entries queued before it: it waits for them */
    int64_t started_ms;
} weir_stream_cut;

typedef enum weir_cut_outcome {
    WEIR__CUT_COMMITTED, /* and the stores hold it */
    WEIR__CUT_AGAIN,     /* certainly not: send what is still ours again */
    WEIR__CUT_TAKEN,     /* not, and others own the tasks, or the member is none: all are lost */
    WEIR__CUT_STOPPED,   /* not known, and the job is stopping: nothing may be written */
    WEIR__CUT_FAILED     /* it can never succeed, or a store failed */
} weir_cut_outcome;

typedef enum weir_stream_state {
    WEIR__STREAM_RUNNING,
    WEIR__STREAM_REJOINING, /* all tasks are being given up; then another member, another producer */
    WEIR__STREAM_STOPPING,  /* the same, and then it ends */
    WEIR__STREAM_BROKEN     /* nothing is written any more */
} weir_stream_state;

enum { WEIR__BATCH = 500 };

struct weir_stream {
    const weir_stream_options *options;
    const weir_clock *clock;
    const weir_disk *disk;
    char name[32];
    weir_engine *engine;
    weir_stream_state state;

    /* Configuration, read once. */
    weir_stream_on_error on_error;
    int64_t commit_interval_ms, inbox_age_ms, ttl_ms;
    uint64_t commit_runs;
    size_t commit_bytes;
    const char *key_by;

    weir_formats formats;     /* a schema is fetched on the recovery thread */

    weir_consumer *consumer;
    weir_record *batch;
    size_t batch_count, batch_at;
    bool is_held;
    int64_t blocked_ms;       /* since when nothing can be taken in; 0: it can */
    weir_stream_task **tasks; /* by topic, then partition: all there could be */
    size_t task_count;
    size_t *first_task;       /* of each topic that is read */
    size_t forwarded_count;   /* topics */

    weir_appender *appender;  /* NULL: no journal, or it could not be opened anew */
    weir_reader *tail;
    weir_record *tail_batch;
    weir_kept_entry *sent, **sent_tail;
    uint64_t appended, acknowledged; /* entries: queued; of those all up to that number */
    bool is_journal_broken;
    weir_error journal_error; /* why */
    unsigned breaks_in_a_row; /* without an entry that was acknowledged in between */

    weir_stream_committer *committer;
    weir_executor recoveries;
    weir_pool *recovery_pool;
    weir_stream_cut cut;      /* under way, when is_committing */
    bool is_beginning;        /* the commit thread initializes its producer: a cut waits for that */
    bool is_cut_waiting;      /* for the journal */
    bool is_committing;       /* a cut is under way, or waits to be sent again */
    int filling;              /* which parts are being filled */
    uint64_t next_commit;
    uint64_t ended_since_cut;
    size_t filled_bytes;
    int64_t last_cut_ms, again_ms;
    uint32_t agains;
    weir_buffer cell_value, scratch, sweep_key, sweep_paths;

    unsigned until_look;
    int64_t now_ms, stop_by_ms, pruned_ms, aged_ms;
    bool may_accept;
    weir_counters counters;
    weir_stream_result *result;
    weir_code rc;
    weir_error *err;
    weir_buffer kept_batch;   /* what the rest of a batch is copied to */
    bool is_pruning;          /* under way on the recovery thread */
    weir_error last_trouble;  /* of the consumer, as last logged */
    int64_t trouble_ms;
    weir_status_thread vitals; /* counters that only it has are kept here */
};

/* ---- stream.c: the loop ------------------------------------------------------------------------------------------ */

/** Ends the stream with the first error. BROKEN: nothing is committed any more; STOPPING: what has ended is. */
void weir__stream_give_up(weir_stream *stream, weir_stream_state state, weir_code rc, const weir_error *err);
/** Waits, on a thread that may block. Threads: any. */
void weir__stream_pause(const weir_stream *stream, int64_t pause_ms);
/** Gives all tasks up and joins the group again. */
void weir__stream_rejoin(weir_stream *stream, const char *why);
/** What was fetched of a task and not taken in is of no use any more. */
void weir__stream_forget_records(weir_stream *stream, const weir_stream_task *task);

/* ---- stream_input.c: records, the ends of runs ------------------------------------------------------------------- */
/** Takes a record in. False: it must wait for its schema, and be given again. */
bool weir__stream_take_record(weir_stream *stream, weir_stream_task *task, const weir_record *record);
/** Accepts the next input of a task's inbox. False: it must wait for its schema. */
bool weir__stream_take_kept(weir_stream *stream, weir_stream_task *task);
void weir__stream_ended(void *context, weir_run *run);

/* ---- stream_crashes.c -------------------------------------------------------------------------------------------- */
/** What earlier lives have noted of the task's records. */
WEIR_CHECK weir_code weir__stream_find_crashes(weir_stream_task *task, weir_error *err);
void weir__stream_drop_crashes(weir_stream_task *task);
/** After recovery: drops notes of records that are over. */
void weir__stream_look_at_crashes(weir_stream_task *task);
/** As weir__crashes_judge(). */
WEIR_CHECK weir_code weir__stream_judge(weir_run *run, weir_error *err);
/** An input has ended, or was passed over, for the cut that is being filled. */
void weir__stream_survived(weir_stream_task *task, int64_t offset);
/** A cut with the task is known to be committed. */
void weir__stream_forget_crashes(weir_stream_task *task, uint64_t commit);

/* ---- stream_cut.c ------------------------------------------------------------------------------------------------ */
weir_part *weir__stream_part(weir_stream_task *task);
/** Inputs that have been open for inbox-age-ms are to go into the inbox, also when nothing else happens. */
void weir__stream_look_for_old(weir_stream *stream);
bool weir__stream_has_changes(const weir_stream *stream);
bool weir__stream_is_full(const weir_stream *stream); /* a commit is due */
bool weir__stream_must_wait(const weir_stream *stream);
void weir__stream_cut(weir_stream *stream);
/** Sends a cut that waited for the journal, or is to be sent again. */
void weir__stream_drive_cut(weir_stream *stream);
void weir__stream_cut_is_known(weir_stream *stream, weir_cut_outcome outcome, const weir_error *err);

/* ---- stream_sweep.c ---------------------------------------------------------------------------------------------- */
/** Whether there may be something that has expired, and is not looked at yet. */
bool weir__stream_sweeps(const weir_stream_task *task);
/** A cell changes, maybe behind where it is: some time there is to be another round, also when no record comes. */
void weir__stream_sweep_again(weir_stream_task *task);
/** Looks at some cells more; those of keys that have expired go, with the cut that is being made. */
WEIR_CHECK weir_code weir__stream_sweep(weir_stream_task *task, weir_error *err);

/* ---- stream_commit.c: the commit thread -------------------------------------------------------------------------- */
WEIR_CHECK weir_code weir__stream_committer_new(weir_stream *stream, weir_stream_committer **out, weir_error *err);
void weir__stream_committer_free(weir_stream_committer *committer); /* not busy; accepts NULL */
/** Has the producer initialized meanwhile: what an earlier life has left hanging is ended by that. */
void weir__stream_committer_begin(weir_stream_committer *committer);
/** The same, if the last one is gone. Threads: the loop's, no cut is under way. */
void weir__stream_committer_mend(weir_stream_committer *committer);
void weir__stream_committer_submit(weir_stream_committer *committer, const weir_stream_cut *cut);
/** The transactional id as it is now. Threads: the loop's, while no cut is under way. */
const char *weir__stream_committer_id(const weir_stream_committer *committer);

/* ---- stream_task.c: tasks, and what a rebalance does to them ----------------------------------------------------- */
WEIR_CHECK weir_code weir__stream_tasks_new(weir_stream *stream, weir_error *err);
void weir__stream_tasks_free(weir_stream *stream);
weir_stream_task *weir__stream_task_at(const weir_stream *stream, weir_assigned at);
void weir__stream_task_move(weir_stream_task *task, weir_stream_task_state state);
void weir__stream_assign(weir_stream_task *task);
void weir__stream_leave(weir_stream_task *task);
void weir__stream_lose(weir_stream_task *task, const char *why);
void weir__stream_drive_rebalance(weir_stream *stream);
/** Moves a task on as far as it can go now. */
void weir__stream_drive_task(weir_stream_task *task);
void weir__stream_look_for_strays(weir_stream *stream);
bool weir__stream_all_closed(const weir_stream *stream);
WEIR_CHECK weir_code weir__stream_leave_open(weir_stream_task *task, int64_t offset);

/* ---- stream_journal.c -------------------------------------------------------------------------------------------- */
weir_code weir__stream_append(void *context, weir_run *run, const weir_entry *entry, weir_bytes sealed,
                              weir_ticket *ticket, weir_error *err);
WEIR_CHECK weir_code weir__stream_claim(weir_stream_task *task, weir_error *err);
WEIR_CHECK weir_code weir__stream_tail_begin(weir_stream_task *task, weir_error *err);
WEIR_CHECK weir_code weir__stream_tail_again(weir_stream_task *task, weir_error *err); /* from where it has got to */
void weir__stream_tail_end(weir_stream_task *task);
/** Acknowledgements, and what the tail has read. */
void weir__stream_drive_journal(weir_stream *stream);
/** Where the task's journal must be read from, if all that has ended is committed. */
int64_t weir__stream_low(const weir_stream_task *task);
WEIR_CHECK weir_code weir__stream_recall(weir_run *run, weir_error *err);
weir_open_run *weir__stream_open_run(weir_run *run); /* makes it when it is not there; NULL: no memory */
void weir__stream_close_run(weir_stream_task *task, weir_open_run *open);
void weir__stream_forget_journal(weir_stream_task *task);

/** Opens the journal's producer, and has the engine watch it. As weir__appender_open(). */
WEIR_CHECK weir_code weir__stream_open_appender(weir_stream *stream, weir_error *err);
/** At the end: entries that were queued and are not known are freed. */
void weir__stream_drop_sent(weir_stream *stream);

/* ---- stream_status.c --------------------------------------------------------------------------------------------- */
void weir__stream_tell(weir_stream *stream);

/* ---- stream_prune.c ---------------------------------------------------------------------------------------------- */
/** Has records deleted that no commit needs any more: of journals, and of the repartition topic. */
void weir__stream_prune(weir_stream *stream);

/* ---- stream_recovery.c: the recovery thread ---------------------------------------------------------------------- */
/** Begins to open a task; weir__stream_recovered() follows on the loop. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__recovery_begin(weir_stream_task *task, weir_error *err);
void weir__recovery_cancel(weir_recovery *recovery); /* it ends soon; its result is to be thrown away */
void weir__stream_recovered(weir_stream_task *task); /* on the loop: taken over by the task */

#endif
