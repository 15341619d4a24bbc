/* SPDX-License-Identifier: Apache-2.0 */
/* What is played: inputs and what must come of them, what goes wrong, and the watch over it. */
#ifndef WEIR_TESTS_KAFKA_SIM_STAGE_H
#define WEIR_TESTS_KAFKA_SIM_STAGE_H

#include <weir/weir.h>

#include "base/disk.h"
#include "cluster.h"
#include "host/stream.h"

enum { INPUTS = 60, KEYS = 6, CALLS = 2, PARTITIONS = 3, SLOTS = 3, IDS = 64 };
enum { LEASE_MS = 30, CALL_MS = 40, MARGIN_MS = 20, TTL_MS = 300 /* as host.c configures them */ };

#define TOPIC_IN "in"
#define TOPIC_OUT "out"
#define TOPIC_CHANGES "job-changelog"
#define TOPIC_JOURNAL "job-action-state"

/* What one input asks for. */
typedef enum extra_op { EXTRA_KEEP, EXTRA_SET, EXTRA_DELETE } extra_op;

typedef struct input {
    int key, calls;
    extra_op extra;
    int64_t written_ms;
    bool is_written;
    int32_t partition;
    int64_t offset;
} input;

/* One call as the service sees it. */
typedef struct service_call {
    int landed;
    uint64_t pending; /* attempts that may still land, as bits */
    char key[40]; /* idempotency key; "": none yet */
} service_call;

/* A place where a process runs; its folder (/sim/NAME) outlives it. */
typedef struct slot {
    char name;
    sim_process *process;  /* NULL: none */
    bool is_wanted;
    int lives;
} slot;

/* After all is done: the input topic is made anew, and a process started, which must refuse. */
typedef enum epilogue {
    EPILOGUE_NONE,
    EPILOGUE_WANTED,
    EPILOGUE_STOPPING, /* the processes leave */
    EPILOGUE_STARTED,
    EPILOGUE_OVER
} epilogue;

typedef struct stage {
    int inputs, keys, partitions, slots, written;
    bool is_quiet;         /* nothing goes wrong any more */
    bool is_cut_off;       /* somebody has thrown away journal records that counted */
    int64_t quiet_ms, tombstones_ms, moved_ms; /* moved_ms: when `missing` was another one last */
    int missing;
    int pace_ms, odds[16]; /* of what goes wrong; see draw_mishaps() */
    int deadly_call;       /* the process dies when a call has begun, 1 in so many; 0: never */
    int call_odds;         /* an input with calls, 1 in so many */
    int lost_end;          /* a commit that never lands, also when all else goes well */
    input input[INPUTS];
    service_call calls[INPUTS][CALLS];
    slot slot[SLOTS];
    epilogue epilogue;
    weir_stream_start start;       /* how processes are started from now on */
    bool is_read_again[PARTITIONS]; /* once at the most: the watch would lose its way */
    uint64_t kills, stops, resolved, refused;
} stage;

extern stage *on_stage;

/* ---- stage.c ---------------------------------------------------------------------------------------------------- */

void stage_begin(void);
/** Whether a process may end with that: somebody has set an offset. Decides how the next ones are started. */
bool stage_is_refusal(const char *message, bool was_told);

/* ---- watch.c: what stands in the logs, against what must -------------------------------------------------------- */

void watch_begins(int number, int call, int attempt); /* of a kind that is not repeated */
void watch_begin(void);
/** A partition is read again from there on, as if for the first time. */
void watch_restart(int32_t partition, int64_t offset);
/** SQLite is about to hold this commit. */
void watch_store(int32_t partition, weir_bytes tuple);
bool watch_is_drained(void);
int watch_first_missing(void); /* after that: an input that has no output; -1: none */
void watch_end(void);

/* ---- host.c: a process that runs the job ------------------------------------------------------------------------ */

void host_prepare(void); /* once for all seeds */
void host_clean_up(void);
void host_start(slot *where);
weir_stream_start host_start_of(const sim_process *process);

/* ---- job.c: the job, and the service that its calls reach ------------------------------------------------------- */

weir_job *stage_job(void);
weir_call_kind stage_kind(int number, int call);

/* ---- journal.c -------------------------------------------------------------------------------------------------- */

void journal_begin(void);
void journal_end(void);
/** An entry of the journal, until journal_end(); NULL: it cannot be read, which is a violation. */
const struct weir_entry *journal_entry(sim_partition *journal, int64_t offset);

/* ---- operator.c ------------------------------------------------------------------------------------------------- */

void operator_begin(void);
/** Decides on calls that stand in the journal as parked, once deadline and margin have passed. */
void operator_visit(void);

/* ---- store.c, disk.c: what stands in the place of SQLite and of files ------------------------------------------- */

void store_begin(void);
void store_remove(const char *path); /* a file of a store's folder */
void store_age(int64_t by_ms);       /* all of them were away for that long */
bool store_is_swept(int32_t partition, int64_t ttl_ms); /* one that is open: no key is there that should be gone */
void disk_begin(void);
extern const weir_disk disk_port;

#endif
