/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a run, and what a host may ask of one. */
#ifndef WEIR__ENGINE_RUN_H
#define WEIR__ENGINE_RUN_H

#include <weir/run.h>

#include "agent/event.h"
#include "agent/memory.h"
#include "engine/keys.h"
#include "engine/stacks.h"
#include "journal/entry.h"

typedef struct weir_engine weir_engine;
typedef struct weir_future weir_future;
typedef struct weir_owner weir_owner;

typedef enum weir_run_state {
    WEIR__RUN_NEW,     /* the host fills it in */
    WEIR__RUN_QUEUED,  /* another run of its key is not over */
    WEIR__RUN_READY,   /* in the ready list */
    WEIR__RUN_RUNNING, /* its action is on the current stack */
    WEIR__RUN_WAITING, /* it owns a stack, and nothing of it moves until it is woken */
    WEIR__RUN_PARKED,  /* it has no stack; a decision, or a late outcome, begins it anew */
    WEIR__RUN_ENDED    /* the host has its effects, or its error */
} weir_run_state;

/* One output, in the order sent. */
typedef struct weir_output_item {
    struct weir_output_item *next;
    weir_bytes text; /* compact JSON */
    json_t *tree;    /* owned; only with weir_engine_options.keep_trees, NULL when it was sent as text */
} weir_output_item;

/* One counter of the run. */
typedef struct weir_count_item {
    struct weir_count_item *next;
    const char *metric;
    int64_t add;
} weir_count_item;

/* What a completed action did: what a journal keeps of it. All views are the run's. */
typedef struct weir_action_result {
    struct weir_action_result *next;
    const char *action;      /* full name */
    uint32_t instance;       /* its number in the run, from 1 */
    uint64_t input_hash;     /* of a recorded one: weir__run_base_hash() */
    weir_event *first_event; /* sent by it, NULL: none; `event_count` of them along `next` */
    size_t event_count;
    weir_output_item *first_output;
    size_t output_count;
    weir_cell *cells; /* of short-term memory, then of sensory memory */
    size_t short_term_count;
    size_t sensory_count;
    weir_count_item *first_count;
    size_t count_count;
    bool is_written;  /* it is in the journal already, or on its way */
    bool is_recorded; /* it came from the journal, or is in run->entries */
} weir_action_result;

/* A tree that is released with the run. */
typedef struct weir_kept_tree {
    struct weir_kept_tree *next;
    json_t *tree;
} weir_kept_tree;

/* Which of several calls the run went on with. */
typedef struct weir_wait_mark {
    struct weir_wait_mark *next;
    uint32_t instance, wait, which;
} weir_wait_mark;

struct weir_run {
    weir_engine *engine;
    weir_run_state state;
    weir_run *next;          /* in the ready list, or at its key */
    weir_run *older, *newer; /* runs that are not over, in the order accepted; or retired ones */
    weir_run *next_at;       /* in the engine's index of positions */
    weir_owner *owned_by;    /* NULL: it is not accepted, or over */
    weir_arena arena;        /* all that lives as long as the run */

    /* The input: filled in by the host. */
    uint32_t owner;         /* number of the task that it is of; 0 where there is only one */
    int64_t epoch;          /* of the owner, for entries */
    const char *source;     /* id of the input; outlives the run */
    uint64_t index;         /* position in it */
    weir_bytes key_bytes;   /* data NULL: none; the engine makes one from the run id */
    int64_t timestamp;      /* ms */
    const weir_json *value; /* in the arena; or */
    json_t *value_tree;     /* owned */
    void *host;             /* the host's own */

    /* Under way. */
    weir_key *key;
    weir_failure failure;
    weir_event_scope scope;
    weir_event input_event;
    weir_event *last_event;
    weir_event *event;    /* being handled */
    const weir_action *action; /* of it, that runs now */
    size_t next_action;   /* of its trigger */
    uint32_t event_count;  /* events and outputs: what the limit counts */
    uint32_t next_number;  /* of the next event: outputs have none, so that a recorded result gives the same ids */
    uint32_t instance;    /* number of the action that runs: stamps memory */
    weir_memory short_term, sensory;
    weir_output_item *outputs, *last_output;
    size_t output_count;
    weir_count_item *counts, *last_count;
    weir_action_result *results, *last_result;
    weir_action_result *recorded; /* from the journal: actions that are not run again */
    weir_stack *stack;            /* WAITING */
    size_t queued_bytes;          /* QUEUED: what the engine counts for it */
    bool is_canceled;
    bool awaits_commit; /* WAITING, for its key's changes to be durable */
    bool is_parking; /* with is_canceled: it is not stopped but parked, once its action has returned */

    /* Calls. */
    weir_entry *entries;         /* what the journal holds of it, filled in by the host; log order */
    uint64_t input_hash;         /* 0: not computed yet */
    uint64_t base_hash;          /* the same */
    int64_t recalled_ms;         /* monotonic: when `entries` were read */
    bool awaits_log;             /* an outcome of it counts only once the host has read it back (weir_engine_port) */
    bool has_gap;                /* filled in by the host: the journal may have lost what it had of it */
    bool is_unanswered;          /* with only_recalls: a call is asked for of whose end its entries have nothing */
    bool has_diverged;           /* the same: its entries have something else in a call's, or an action's, place */
    bool is_reconciler_feared;   /* a reconciler has crashed on it too often: it is not asked again */
    uint32_t next_call, next_wait; /* of the action that runs; from 1 */
    weir_future *futures, *last_future;
    weir_wait_mark *firsts;
    weir_kept_tree *trees;
    size_t errand_count;
    size_t ticket_count;         /* of intents whose end is not known: they point into the run */
    bool is_retired;             /* over, but errands or tickets still need it */
    const weir_error *call_error; /* what the last call that failed was answered with; NULL: none did */
    const char *id;
    uint64_t random_state;
    bool is_seeded;
};

#endif
