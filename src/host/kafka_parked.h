/* SPDX-License-Identifier: Apache-2.0 */
/* What is open of one task of a Kafka job, what its journal says of it, and who waits there for somebody's decision. */
#ifndef WEIR__HOST_KAFKA_PARKED_H
#define WEIR__HOST_KAFKA_PARKED_H

#include "host/kafka_look.h"
#include "host/parked.h"

typedef struct weir_kafka_entry {
    int64_t number, place; /* of the input; in the journal */
    bool is_stored;        /* it comes from the changelog */
    weir_entry *entry;     /* next: of the same run, once sorted */
} weir_kafka_entry;

/* A task as it stood when it was looked at. */
typedef struct weir_kafka_task {
    int32_t partition;
    bool has_run;                       /* else all is empty */
    bool is_by_id;                      /* in Flink: no changelog, and runs of many sources: `number` is one of `ids` */
    const char **ids;                   /* run ids, ascending */
    size_t id_count;
    weir_tuple tuple;
    int64_t changelog_end, journal_end; /* all before was read */
    int64_t highest_claim;              /* epoch of the highest one that was read; 0: none */
    int64_t *inbox;                     /* inputs in the inbox, ascending */
    size_t inbox_count, inbox_capacity;
    weir_kafka_entry *entries;          /* those that count, by input, then place: also of runs that are over */
    size_t entry_count, entry_capacity;
    weir_arena arena;
} weir_kafka_task;

/** Looks at a task. As weir__kafka_look_restore() and weir__kafka_look_entries(); WEIR_IO also: a damaged entry. */
WEIR_CHECK weir_code weir__kafka_task_open(weir_kafka_look *look, int32_t partition, weir_kafka_task *task,
                                           weir_error *err);
void weir__kafka_task_close(weir_kafka_task *task); /* all zero is fine */

/** Whether an input is not over: it stands in the inbox, or is to be read (again) from its topic. */
bool weir__kafka_task_is_open(const weir_kafka_task *task, int64_t number);

/** The number of a run; -1: nothing is known of it. */
int64_t weir__kafka_task_number(const weir_kafka_task *task, const char *run);

/** All that counts of one input's run, in log order, linked; NULL: nothing. */
weir_entry *weir__kafka_task_entries(const weir_kafka_task *task, int64_t number);

/** Calls `fn` for each parked run, in the order of the input. What it returns other than WEIR_OK ends the walk. */
WEIR_CHECK weir_code weir__kafka_task_parked(const weir_kafka_task *task,
                                             weir_code (*fn)(void *context, const weir_parked_run *run,
                                                             weir_error *err),
                                             void *context, weir_error *err);

/* ---- deciding (kafka_resolve.c) ---------------------------------------------------------------------------------- */

typedef enum weir_kafka_taken {
    WEIR__TAKEN_UP,    /* the run has gone on */
    WEIR__TAKEN_LATER, /* nobody runs the job: its next start takes it up */
    WEIR__TAKEN_UNSEEN /* somebody runs it, and the run has shown no sign of it within the time */
} weir_kafka_taken;

/**
 * Appends a decision on a parked run to the journal, and waits to see what becomes of it.
 *
 * @param run       its id
 * @param decision  as weir__engine_decide() takes it
 * @param wait_ms   how long the run has to go on
 * @return WEIR_OK: it stands in the journal, durable, and is the first on that attempt;
 *         WEIR_INVALID  no such run is parked, or on another attempt, or something else was decided, or became known,
 *                       before it stood there (fix)
 *         WEIR_CONFIG   the job has no journal (fix)
 *         as weir__kafka_task_open()
 */
WEIR_CHECK weir_code weir__kafka_resolve(weir_kafka_look *look, const char *run, const weir_entry *decision,
                                         int64_t wait_ms, weir_kafka_taken *out, weir_error *err);

#endif
