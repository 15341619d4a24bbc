/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The draft of the host: the smallest one that follows the design's rules for commits, recovery, owners and calls. It is
 * there to try the model and the rules on each other.
 *
 *   a task:  READING --told--> TAKING --its cut is known--> CLAIMING --own claim read--> RUNNING;  any --gone--> GONE
 */
#ifndef WEIR_TESTS_KAFKA_SIM_DRAFT_H
#define WEIR_TESTS_KAFKA_SIM_DRAFT_H

#include "kafka/appender.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "stage.h"

/* Written twice in each transaction: beside the offset, and into the changelog. */
typedef struct tuple {
    int64_t offset; /* inputs before it have ended, or stand in the inbox */
    int64_t number; /* of the commit */
    int64_t epoch;
    int64_t low;    /* the journal is needed from here on */
    char id[24];    /* transactional id of the owner */
} tuple;

/* What an owner keeps of a partition: as of one commit. */
typedef struct image {
    bool exists;
    tuple at;
    int count[KEYS], extra[KEYS];
    bool inbox[IDS];
} image;

typedef struct database {
    image kept;
    int64_t log_offset; /* of the changelog: read up to here */
    int64_t at_end_ms;  /* when that was its end */
} database;

typedef struct folder {
    database of[PARTITIONS];
    int minted;
    char id[24];
    int64_t aged_ms;
} folder;

typedef enum task_state { TASK_READING, TASK_TAKING, TASK_CLAIMING, TASK_RUNNING, TASK_GONE } task_state;

typedef enum run_state { RUN_NONE, RUN_OPEN, RUN_ENDED, RUN_KNOWN } run_state;

typedef enum phase { PHASE_IDLE, PHASE_INTENT, PHASE_FLYING, PHASE_OUTCOME, PHASE_WITHDRAWN, PHASE_DOUBT } phase;

/* One call, as the journal has it. */
typedef struct call_state {
    int attempt;
    int64_t epoch; /* of its last valid intent */
    bool is_done, is_withdrawn, is_to_be_made_again;
} call_state;

typedef struct run {
    run_state state;
    phase phase;
    int number, key, calls, extra;
    int call, attempt;     /* where it is */
    bool is_acknowledged;  /* its intent */
    int64_t sent_ms, accepted_ms;
    char output[48];
    int count_after, extra_after; /* of its key */
} run;

typedef struct task {
    struct task *next;
    struct host *host;
    int32_t partition;
    task_state state;
    bool is_draining, is_superseded, is_busy; /* busy: a thread reads for it */
    bool is_failed;        /* its reading: to be begun anew */
    bool has_started;      /* its fetching */
    tuple known, next_known;
    image memory;          /* counters and inbox as they will be; `at` is not used */
    image committed;
    run runs[IDS];
    int64_t next_offset;   /* behind the last input accepted */
    call_state calls[IDS][CALLS];
    int64_t first_entry[IDS];
    int64_t tail;          /* the journal is read up to here */
    int64_t claim;         /* the highest read */
    int64_t own_claim;     /* where it stands; -1: not known */
    bool has_claim;        /* appended */
    bool has_gap;
    int64_t doubt_until;   /* inputs before it may have records that are gone */
    int64_t start_of_journal, end_of_input, log_offset;
} task;

typedef enum result { RESULT_NONE, RESULT_COMMITTED, RESULT_AGAIN, RESULT_DEAD } result;

typedef struct cut_part {
    task *of;
    bool is_dropped;      /* another's, or lost */
    tuple at;
    image image;          /* as of this cut */
    bool ended[IDS];
    int64_t log_end;
} cut_part;

typedef struct cut {
    cut_part parts[PARTITIONS];
    size_t count;
    uint64_t rebalances;
    result result;
} cut;

typedef struct flight {
    struct flight *next;
    struct host *host;
    int32_t partition;
    run *of;
    int64_t epoch, offset;
    int call, attempt;
    bool has_returned, is_late, is_landed;
} flight;

typedef struct host {
    slot *where;
    sim_process *process;
    folder *kept;
    weir_cluster *cluster;
    weir_consumer *consumer;
    weir_producer *producer; /* of the commit's thread */
    weir_appender *appender;
    weir_reader *tail;
    task *tasks;
    flight *flights;
    cut cut;
    bool is_committing, has_cut, is_fatal, is_appender_broken;
    int64_t last_cut_ms, pruned_ms;
    int64_t stop_by_ms;
    size_t threads;
} host;

/* draft_recover.c */
void draft_read(task *at);  /* begins; TAKING, or is_failed, afterwards */
void draft_claim(task *at); /* begins; the ends of the logs afterwards */
void draft_apply_entry(task *at, int64_t offset, weir_bytes value);

/* draft_commit.c */
void draft_commit(host *at);
bool draft_parse_tuple(weir_bytes text, tuple *out);
const char *draft_print_tuple(const tuple *at);

#endif
