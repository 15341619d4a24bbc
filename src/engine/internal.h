/* SPDX-License-Identifier: Apache-2.0 */
/* What engine.c and run.c share; nobody else includes it. */
#ifndef WEIR__ENGINE_INTERNAL_H
#define WEIR__ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "engine/errand.h"
#include "engine/roster.h"
#include "engine/timers.h"

struct weir_engine {
    weir_engine_options options;
    weir_stacks *stacks;
    weir_keys *keys;
    weir_run *current;               /* RUNNING; NULL at the loop's top */
    weir_run *ready, **ready_tail;   /* READY */
    size_t ready_count, ready_streak;
    weir_roster roster;              /* accepted and not over */
    weir_run *pool;
    weir_run *retired;               /* over, but errands or tickets point to them: see weir__engine_release() */
    size_t pooled;
    size_t waiting;                  /* WAITING */
    size_t queued, queued_bytes;     /* QUEUED */
    size_t full_keys;                /* keys whose queue is at its limit */
    uint64_t accepted, ended, failed;
    bool is_stopping;
    bool is_closing;                 /* being freed: nobody is there to write down what errands still say */
    weir_buffer scratch;             /* outputs are printed here first */
    weir_buffer sealed;              /* journal entries are sealed here */
    weir_inlet *inlet;
    int wake_fd;                     /* an epoll of the inlet's and the network's descriptors */
    size_t parked;                   /* PARKED */
    weir_timers timers;
    weir_executor calls;             /* context NULL: not there yet */
    weir_pool *pool_of_calls;        /* its own; NULL: the host's, or none yet */
    weir_http_client *http;          /* NULL: none yet */
    weir_errand *errands;            /* newest first */
    size_t errand_count;
    uint64_t futures_ended;
    uint64_t divergences;
    bool has_calls;                  /* the job makes some */
    size_t awaiting_commit;          /* runs that wait for their key's changes to be durable */
};

weir_run *weir__run_new(weir_engine *engine); /* NULL: no memory */
void weir__run_free(weir_run *run);           /* accepts NULL */
void weir__run_reset(weir_run *run);          /* back to NEW */

/** Makes the key of a record without one: a UUID from the run id. */
WEIR_CHECK weir_code weir__run_make_key(weir_run *run, weir_error *err);

/** Makes the input event. False: no memory, which is kept. */
bool weir__run_begin(weir_run *run);

/** A parked run, back to before its first event: its input and its journal are kept. */
void weir__run_rewind(weir_run *run);

/** Takes a tree over until the run ends. False: no memory, and the tree is released. */
WEIR_CHECK bool weir__run_keep_tree(weir_run *run, json_t *tree);

/** Makes sure that errands can be run. A failure is kept (stop). */
WEIR_CHECK weir_code weir__engine_need_calls(weir_engine *engine, weir_failure *failure);
WEIR_CHECK weir_code weir__engine_need_http(weir_engine *engine, weir_failure *failure);

void weir__engine_ready(weir_engine *engine, weir_run *run);  /* into the ready list */
void weir__engine_finish(weir_engine *engine, weir_run *run); /* over: its effects, or its failure, go to the host */
void weir__engine_park(weir_engine *engine, weir_run *run);   /* its action has returned; its key stays busy */

void weir__engine_retire(weir_engine *engine, weir_run *run); /* over: it goes as soon as nothing points to it */

/** Something that pointed to a run has let go of it: a retired one that nothing needs any more is dropped. */
void weir__engine_release(weir_engine *engine, weir_run *run);

/** The run of a dropped owner has left its stack, or had none; it is gone afterwards. Its key, if any, is idle. */
void weir__engine_give_up(weir_engine *engine, weir_run *run);

/** An outcome has come that nobody waited for; appended already. A run that is parked on it goes on. */
void weir__engine_learn(weir_run *run, weir_entry *entry);

/* Behind those that were sent before. */
void weir__run_add_event(weir_run *run, weir_event *event);
void weir__run_add_output(weir_run *run, weir_output_item *output);

/** Runs run->action for run->event, or puts its recorded result in its place. */
void weir__run_step(weir_run *run);

#endif
