/* SPDX-License-Identifier: Apache-2.0 */
/* What engine.c and run.c share; nobody else includes it. */
#ifndef WEIR__ENGINE_INTERNAL_H
#define WEIR__ENGINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"

struct weir_engine {
    weir_engine_options options;
    weir_stacks *stacks;
    weir_keys *keys;
    weir_run *current;               /* RUNNING; NULL at the loop's top */
    weir_run *ready, **ready_tail;   /* READY */
    size_t ready_count, ready_streak;
    weir_run *oldest, *newest;       /* accepted and not over */
    weir_run *pool;
    size_t pooled;
    size_t waiting;                  /* WAITING */
    size_t queued, queued_bytes;     /* QUEUED */
    size_t full_keys;                /* keys whose queue is at its limit */
    uint64_t accepted, ended, failed;
    bool is_stopping;
    weir_buffer scratch;             /* outputs are printed here first */
    int wake_fd;
    pthread_mutex_t post_lock;
    weir_post *posts;                /* lock: post_lock; newest first */
    atomic_bool has_posts;           /* written under post_lock, read without it at the loop's top */
};

weir_run *weir__run_new(weir_engine *engine); /* NULL: no memory */
void weir__run_free(weir_run *run);           /* accepts NULL */
void weir__run_reset(weir_run *run);          /* back to NEW */

/** Makes the key of a record without one: a UUID from the run id. */
WEIR_CHECK weir_code weir__run_make_key(weir_run *run, weir_error *err);

/** Makes the input event. False: no memory, which is kept. */
bool weir__run_begin(weir_run *run);

/** Runs run->action for run->event, or puts its recorded result in its place. */
void weir__run_step(weir_run *run);

#endif
