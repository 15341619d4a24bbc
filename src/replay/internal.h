/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a replay share; nobody else includes it. */
#ifndef WEIR__REPLAY_INTERNAL_H
#define WEIR__REPLAY_INTERNAL_H

#include "base/executor.h"
#include "host/formats.h"
#include "host/kafka_parked.h"
#include "kafka/reader.h"
#include "replay/replay.h"

enum { WEIR__REPLAY_BATCH = 500, WEIR__REPLAY_SOURCE_SIZE = 64 };

/* One partition of the topic that the job's tasks read: what is to be run of it, and compared. */
typedef struct weir_replay_part {
    int32_t partition;
    char source[WEIR__REPLAY_SOURCE_SIZE]; /* of its run ids */
    int64_t first, end;   /* it is run from there up to there; first == end: not at all */
    int64_t from;         /* compared from there on, up to `end` */
    bool is_begun_by_output; /* `first` is where the first output is from: nothing else says where the job began */
    weir_kafka_task task; /* what is not over */
    uint8_t *seen;        /* a bit for each input from `from` on that was there; NULL: not run yet */
} weir_replay_part;

typedef struct weir_replay {
    const weir_replay_options *options;
    weir_comparison *comparison;
    const char *input; /* the topic that the tasks read */
    char input_id[WEIR__TOPIC_ID_SIZE];
    weir_replay_part *parts;
    size_t count;
    bool has_journal;
    weir_evidence evidence;
    int64_t highest_epoch; /* of claims, in the partition of the journal that is read */

    /* Running. */
    weir_engine *engine;
    weir_formats formats;
    weir_executor executor;
    weir_pool *pool;
    weir_reader *reader;
    weir_record *batch;
    size_t batch_count, batch_at;
    size_t at;             /* the part that is run */
    bool is_open;
    weir_scratch memory;   /* of its keys */
    int64_t position;
    int64_t moved_ms;      /* when something last came */
    weir_buffer cell, payload;
    uint64_t next_commit, uncommitted; /* runs that ended since the last cut */
    size_t parked;
    weir_ticket *tickets, **last_ticket;
    bool is_forgiving;     /* input.on-error */
    weir_code rc;          /* what ended it */
    weir_error *err;
} weir_replay;

/* ---- plan.c: what is to be run, and what the topics hold of it --------------------------------------------------- */
WEIR_CHECK weir_code weir__replay_plan(weir_replay *replay, weir_error *err);
WEIR_CHECK weir_code weir__replay_gather(weir_replay *replay, weir_error *err);
/** Outputs of inputs between the bounds that no run gave. */
WEIR_CHECK weir_code weir__replay_look_for_left(weir_replay *replay, weir_error *err);
void weir__replay_plan_clear(weir_replay *replay);

/* ---- host.c: running it ------------------------------------------------------------------------------------------ */
WEIR_CHECK weir_code weir__replay_run_parts(weir_replay *replay, weir_error *err);

#endif
