/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of a worker, within the worker: what its files share. Nobody else includes it. */
#ifndef WEIR__HOST_WORKER_JOURNAL_H
#define WEIR__HOST_WORKER_JOURNAL_H

#include <stdatomic.h>

#include "host/kafka.h"
#include "host/worker_internal.h"
#include "kafka/appender.h"
#include "kafka/reader.h"

/*
 *   ASKING ──topic, ends──▶ READING ──ends reached──▶ CLAIMING ──read up to the claims──▶ READY
 *
 *   ASKING    a thread asks the cluster: what the topic is, where its partitions begin and end
 *   READING   what stands from the markers on is gathered; the highest epoch is sought
 *   CLAIMING  the claim, with one epoch more, is on its way into each partition, or not read back yet
 *   READY     inputs are taken; the tail goes on reading
 */
typedef enum weir_journal_state {
    WEIR__JOURNAL_ASKING,
    WEIR__JOURNAL_READING,
    WEIR__JOURNAL_CLAIMING,
    WEIR__JOURNAL_READY
} weir_journal_state;

/* A claim that was read: entries of lower epochs behind it, of runs in its key groups, are void, but facts. */
typedef struct weir_journal_claim {
    int64_t place, epoch;
    uint32_t first, last; /* key groups */
} weir_journal_claim;

typedef struct weir_journal_entry weir_journal_entry;

/* One partition that the worker's key groups touch. */
typedef struct weir_journal_partition {
    int32_t number;
    int64_t from;        /* the marker, or where the log begins */
    int64_t end;         /* where the log ended when it was asked */
    int64_t read;        /* all before it has been read */
    int64_t claim_place; /* of the last own claim; -1: not acknowledged yet */
    int64_t claimed_ms;  /* when that was acknowledged */
    int64_t told;        /* the marker that was told last; -1: none */
    bool has_gap;        /* the log begins behind the marker: what it had is gone */
    bool is_claiming;    /* a claim is on its way */
    weir_journal_entry *to_read_back, **to_read_back_tail;
    weir_journal_claim *claims;
    size_t claim_count, claim_capacity;
} weir_journal_partition;

/* What the journal has of one run that is open, or that has not come yet. */
typedef struct weir_journal_run {
    struct weir_journal_run *next;         /* in its bucket */
    struct weir_journal_run *newer, *older; /* all */
    uint64_t hash;
    weir_run *run;       /* NULL: it has not come */
    uint64_t ticket;     /* of run */
    weir_journal_partition *partition;
    int64_t accepted_ms; /* of run */
    uint64_t index;      /* the run id's last part */
    size_t source_size;  /* the run id's first part */
    weir_journal_entry *entries, *last;
    char id[];
} weir_journal_run;

struct weir_journal_entry {
    weir_appended appended;               /* first: cast back */
    weir_journal_entry *next;             /* of the same run, in log order */
    weir_journal_entry *next_listed;      /* among those to be read back */
    weir_worker *worker;
    weir_journal_partition *partition;
    weir_ticket *ticket;                  /* NULL: nobody waits, or was told */
    int64_t place;                        /* in the log; -1: not known yet */
    int64_t bound;                        /* place is at least that */
    bool needs_reading_back, is_listed, is_under_way, is_claim;
    bool is_orphan;                       /* its run is over: freed when nothing points to it */
    bool is_kept;                         /* the host has it, with the input */
    size_t size;
    uint8_t bytes[];
};

/* Inputs of a source from where on they can not have been run before: only asked for when there is a gap. */
typedef struct weir_journal_input {
    char source[WEIR__TOPIC_ID_SIZE + 16];
    int64_t end;
} weir_journal_input;

/* What the thread asks; it owns it until it has posted. */
typedef struct weir_journal_question {
    weir_task job; /* first: cast back */
    weir_post post;
    weir_worker *worker;
    weir_code rc;
    weir_error error;
    atomic_bool is_given_up;
} weir_journal_question;

struct weir_worker_journal {
    weir_worker *worker;
    const char *topic;
    weir_journal_state state;
    weir_cluster *cluster;
    weir_appender *appender;
    weir_reader *tail;
    weir_record *batch;
    weir_journal_question question;
    bool is_asking;              /* the thread is at it */
    int32_t topic_partitions;
    weir_journal_partition *partitions;
    size_t count;
    int64_t epoch, highest;
    char owner[256];             /* of the claim, with its key groups */
    bool reads_own;              /* a run awaits an outcome of its own from the log */
    bool is_closing;
    weir_journal_input *inputs;  /* with a gap: where each source ended then */
    size_t input_count;
    bool knows_inputs;

    weir_journal_run **buckets;
    size_t mask, run_count;
    weir_journal_run *oldest, *newest;
    size_t waiting_count;        /* of those that have not come */
    size_t passes;
    int64_t aged_ms, marked_ms;
    bool has_moved;              /* a marker may have */
    uint64_t appended, seen;     /* entries */
};

/* ---- worker_topic.c: asking the cluster -------------------------------------------------------------------------- */

/** Begins to ask; weir__journal_asked() follows on the loop. */
WEIR_CHECK weir_code weir__journal_ask(weir_worker_journal *journal, weir_error *err);

/* ---- worker_journal.c: entries out and in ------------------------------------------------------------------------ */
void weir__journal_asked(weir_worker_journal *journal, weir_code rc, const weir_error *err);
weir_journal_entry *weir__journal_entry_new(weir_worker *worker, weir_journal_partition *partition,
                                            weir_bytes sealed); /* NULL: no memory */
void weir__journal_entry_free(weir_journal_entry *entry);       /* as soon as nothing points to it */

/* ---- worker_recall.c: what there is of a run --------------------------------------------------------------------- */
weir_journal_run *weir__journal_find(const weir_worker_journal *journal, const char *id);
weir_journal_run *weir__journal_run_add(weir_worker_journal *journal, const char *id,
                                        weir_journal_partition *partition); /* NULL: no memory */
void weir__journal_run_drop(weir_worker_journal *journal, weir_journal_run *run);
void weir__journal_run_keep(weir_journal_run *run, weir_journal_entry *entry);
weir_journal_partition *weir__journal_partition_of(weir_worker_journal *journal, uint32_t key_group);

#endif
