/* SPDX-License-Identifier: Apache-2.0 */
/* The brokers' side: logs, the coordinators of transactions and of the group. No function here blocks or gives way. */
#ifndef WEIR_TESTS_KAFKA_SIM_CLUSTER_H
#define WEIR_TESTS_KAFKA_SIM_CLUSTER_H

#include "kafka/cluster.h"
#include "kafka/record.h"
#include "world.h"

enum { SIM_TOPICS = 12, SIM_PARTITIONS = 8, SIM_SETTINGS = 8, SIM_MEMBERS = 16, SIM_TXN_PARTITIONS = 24 };

/* ---- logs (log.c) ------------------------------------------------------------------------------------------------ */

typedef enum sim_record_state {
    SIM_PLAIN,     /* not transactional */
    SIM_OPEN,      /* of a transaction whose marker has not come */
    SIM_COMMITTED,
    SIM_ABORTED,
    SIM_MARKER,    /* takes an offset, is never given */
    SIM_GONE       /* compacted */
} sim_record_state;

typedef struct sim_record {
    sim_record_state state;
    int64_t timestamp_ms;
    int64_t producer;      /* transactional: its id */
    weir_bytes key, value; /* value data NULL: a tombstone */
    const weir_header *headers;
    size_t header_count;
    const char *by;        /* the process that wrote it */
    const void *read;      /* what the test has made of it; NULL: it has not looked yet */
} sim_record;

typedef struct sim_partition {
    struct sim_topic *topic;
    int32_t number;
    int64_t start; /* the first offset that is kept */
    sim_record *records;
    int64_t end, capacity;
    int64_t open;  /* records whose marker has not come */
    int64_t stable; /* none before it is open */
    uint64_t compactions; /* that took something */
} sim_partition;

typedef struct sim_topic {
    const char *name;
    char id[WEIR__TOPIC_ID_SIZE];
    int32_t partition_count;
    bool is_deleted; /* who knows it, knows something that is not there any more */
    sim_partition partitions[SIM_PARTITIONS];
    weir_setting settings[SIM_SETTINGS];
    size_t setting_count;
} sim_topic;

void sim_cluster_begin(void);
sim_topic *sim_topic_find(const char *name); /* NULL: none */
sim_topic *sim_topic_make(const char *name, int32_t partitions);
void sim_topic_remake(const char *name, bool keep_offsets); /* deleted, and made again: another id, nothing in it */
void sim_topic_delete(const char *name);
sim_partition *sim_partition_find(const char *topic, int32_t number); /* NULL: none */
sim_partition *sim_partition_of(sim_topic *topic, int32_t number);     /* the same, of one that was found before */

int64_t sim_log_append(sim_partition *partition, const sim_record *record); /* its offset; copies */
int64_t sim_log_stable_end(sim_partition *partition);
void sim_log_truncate(sim_partition *partition, int64_t before);
/** Compacts what is stable: of each key the last record stays, and a tombstone only if it is younger than that. */
void sim_log_compact(sim_partition *partition, int64_t tombstones_live_ms);
/** Whether a read_committed (or any) reader is given it. */
bool sim_log_is_visible(const sim_partition *partition, int64_t offset, bool read_uncommitted);

/* ---- transactions (transactions.c) ------------------------------------------------------------------------------- */

typedef enum sim_txn_state { SIM_TXN_EMPTY, SIM_TXN_ONGOING, SIM_TXN_PREPARED } sim_txn_state;

typedef struct sim_pending_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;
    weir_bytes metadata;
    uint64_t order;
    bool is_over_foreign; /* somebody had set the one that it replaces: */
    int64_t over;
} sim_pending_offset;

typedef struct sim_transaction {
    struct sim_transaction *next;
    const char *id;
    int64_t producer;
    int epoch;
    const sim_process *owner; /* who initialized it last */
    sim_txn_state state;
    bool is_commit;      /* PREPARED: for what */
    int64_t started_ms;
    uint64_t number;     /* of the transaction, over all of this id */
    sim_partition *partitions[SIM_TXN_PARTITIONS];
    size_t partition_count;
    bool has_group;      /* offsets may be added */
    sim_pending_offset offsets[SIM_TXN_PARTITIONS];
    size_t offset_count;
    size_t markers_left;
} sim_transaction;

typedef enum sim_code {
    SIM_OK,
    SIM_CONCURRENT,  /* the transaction before it is not complete: to be asked again */
    SIM_FENCED,      /* another epoch */
    SIM_BAD_STATE,   /* nothing of the kind is under way */
    SIM_BAD_MEMBER,  /* unknown member, old generation, fenced instance */
    SIM_REBALANCING,
    SIM_NO_TOPIC,
    SIM_TOO_LARGE
} sim_code;

sim_transaction *sim_transaction_find(const char *id); /* NULL: none */
sim_code sim_txn_init(const char *id, const sim_process *owner, int64_t *producer, int *epoch);
sim_code sim_txn_add_partition(const char *id, int epoch, sim_partition *partition);
sim_code sim_txn_add_group(const char *id, int epoch);
sim_code sim_txn_produce(const char *id, int epoch, sim_partition *partition, const sim_record *record,
                         int64_t *offset);
sim_code sim_txn_offset(const char *id, int epoch, const sim_pending_offset *offset);
sim_code sim_txn_end(const char *id, int epoch, bool is_commit);
bool sim_txn_are_all_complete(void);

/* ---- the group and its offsets (group.c) ------------------------------------------------------------------------- */

typedef struct sim_offset {
    bool exists;
    bool is_foreign; /* somebody has set it who is no member */
    int64_t offset;
    weir_bytes metadata;
    uint64_t order;  /* in which it came: what is older does not replace it */
} sim_offset;

sim_offset *sim_offset_of(const char *topic, int32_t partition); /* never NULL */
bool sim_offset_is_pending(const char *topic, int32_t partition); /* a transaction holds one, not yet complete */
uint64_t sim_offset_order(void);
/** By an administrator, as the broker lets one while the group has no members; in whom the metadata is lost. */
void sim_offset_set(const char *topic, int32_t partition, int64_t offset);
void sim_offsets_forget(const char *topic); /* expired or deleted; NULL: all, but what somebody has set */

/* Sets of partitions: bit topic index * SIM_PARTITIONS + number, topics as the group's first member names them. */
typedef uint64_t sim_set;

typedef enum sim_heartbeat { SIM_BEAT_OK, SIM_BEAT_REJOIN, SIM_BEAT_UNKNOWN, SIM_BEAT_FENCED } sim_heartbeat;

typedef enum sim_sync { SIM_SYNC_LATER, SIM_SYNC_DONE, SIM_SYNC_REJOIN, SIM_SYNC_UNKNOWN, SIM_SYNC_FENCED } sim_sync;

/**
 * Joins, or joins again for the next generation. A new member (id "") is given an id. A static one takes the place of
 * the one before it, which is fenced.
 */
sim_heartbeat sim_group_join(char id[40], const char *instance, const char *const *topics, size_t topic_count,
                             sim_set owned);
/** Whether the generation that it has joined is decided, and what is its own. */
sim_sync sim_group_sync(const char *id, const char *instance, int *generation, sim_set *assigned);
sim_heartbeat sim_group_beat(const char *id, const char *instance, int generation);
void sim_group_leave(const char *id);
/** Who commits offsets: as the broker checks it. */
sim_code sim_group_check(const char *id, const char *instance, int generation);
const char *sim_group_topic(size_t index);
size_t sim_group_size(void);
sim_set sim_group_assigned(void); /* to anybody */

/* ---- clients (clients.c, consumer.c, …) -------------------------------------------------------------------------- */

/** What it had sent lands or is lost; its members fall silent. */
void sim_cluster_process_dies(sim_process *process);
void sim_appenders_begin(void);
void sim_appenders_die(sim_process *process);

/* A member as it was when it was asked for: what a producer sends with the offsets. */
struct weir_group_member {
    char id[40];
    const char *instance;
    int generation;
};

struct weir_cluster {
    char *group, *instance;
    weir_reset reset;
    int64_t request_ms;
    sim_process *process;
};

#endif
