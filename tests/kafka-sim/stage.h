/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is played: inputs and what must come of them, the service that calls reach, the operator, what goes wrong; and the
 * watch over it. It knows of a host what stands in its logs (texts, below), and how a process of it is begun.
 */
#ifndef WEIR_TESTS_KAFKA_SIM_STAGE_H
#define WEIR_TESTS_KAFKA_SIM_STAGE_H

#include "cluster.h"

enum { INPUTS = 60, KEYS = 6, CALLS = 2, PARTITIONS = 3, SLOTS = 3, IDS = 64 };
enum { LEASE_MS = 30, CALL_MS = 40, MARGIN_MS = 20, INBOX_AGE_MS = 25, TOMBSTONE_MS = 600 };

#define TOPIC_IN "in"
#define TOPIC_OUT "out"
#define TOPIC_CHANGES "job-changelog"
#define TOPIC_JOURNAL "job-action-state"

/* What one input asks for. */
typedef enum extra_op { EXTRA_KEEP, EXTRA_SET, EXTRA_DELETE } extra_op;

typedef struct input {
    int key, calls;
    extra_op extra;
    bool is_written;
    int32_t partition;
    int64_t offset;
    char expected[48]; /* its output: number, counter and extra of its key */
    int outputs;       /* committed */
} input;

/* One call as the service sees it. */
typedef struct service_call {
    int begun, landed, pending;
    int64_t parked_ms;     /* when the operator first saw it in doubt; 0: not */
    int parked_attempt;
} service_call;

/* A place where a process runs; its folder outlives it. */
typedef struct slot {
    char name;
    sim_process *process;  /* NULL: none */
    void *folder;          /* the host's */
    bool is_wanted;
    int lives;
} slot;

typedef struct stage {
    int inputs, keys, partitions, slots, written, done;
    bool is_quiet;         /* nothing goes wrong any more */
    int64_t quiet_ms;
    int broken;            /* draft_break */
    input input[INPUTS];
    service_call calls[INPUTS][CALLS];
    slot slot[SLOTS];
    uint64_t kills, stops, resolved;
} stage;

extern stage *on_stage;

/* ---- stage.c ----------------------------------------------------------------------------------------------------- */

void stage_begin(void);
int stage_number_at(int32_t partition, int64_t offset); /* of the input that stands there */
/** A call begins: the caller has read its intent back. `done` tells, while the caller waits, that it has landed. */
void service_begin(int number, int call, int attempt, int64_t epoch, int32_t partition);
bool service_has_landed(int number, int call);

/* ---- watch.c: what stands in the logs, against what must ---------------------------------------------------------- */

void watch_begins(int number, int call, int attempt, int64_t epoch, int32_t partition);
/** SQLite is about to hold this commit. */
void watch_store(int32_t partition, int64_t number, int64_t epoch);
bool watch_is_drained(void);
void watch_end(void);

/* ---- draft.c: the host ------------------------------------------------------------------------------------------- */

void *draft_folder_new(void);
void draft_age_folder(void *folder, int64_t by_ms); /* brought back after that time */
void draft_start(slot *where);
/** Calls `fn` for each call in doubt that some live process shows. */
void draft_each_parked(void (*fn)(int number, int call, int attempt, int32_t partition));

/* Ways to be wrong on purpose. */
typedef enum draft_break {
    BREAK_NOTHING,
    BREAK_NO_READ_BACK,
    BREAK_ASSUME_COMMITTED,
    BREAK_REUSE_PRODUCER,
    BREAK_TRUST_REPEATS,
    BREAK_STABLE_END,
    BREAK_COMPARE_EARLY,
    BREAK_STORE_FIRST,
    BREAK_IGNORE_REBALANCE,
    BREAK_ANSWER_EARLY,
    BREAK_KEEP_LOST,
    BREAK_NO_CLAIM,
    BREAK_NOT_UP_TO_CLAIM,
    BREAK_ACCEPT_VOID,
    BREAK_NO_READ_OF_INTENT,
    BREAK_NO_LEASE,
    BREAK_NO_EPOCH,
    BREAK_PRUNE_ENDED,
    BREAK_PRUNE_UNREAD,
    BREAK_PRUNE_UNKNOWN,
    BREAK_NO_INBOX,
    BREAK_BEHIND_OFFSET,
    BREAK_NO_TOMBSTONES,
    BREAK_FINISH_TWICE,
    BREAK_FORGET_EFFECTS,
    BREAK_GAP_IS_NOTHING,
    BREAK_OLD_FILE,
    BREAK_OFFSETS_GONE,
    BREAK_REPEAT_IN_DOUBT,
    BREAK_COUNT
} draft_break;

extern const char *const draft_breaks[BREAK_COUNT];

static inline bool is_broken(draft_break what)
{
    return on_stage->broken == (int)what;
}

#endif
