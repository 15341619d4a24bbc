/* SPDX-License-Identifier: Apache-2.0 */
/* Work away from the loop's thread, behind a port: threads in life, a seeded scheduler in tests. */
#ifndef WEIR__BASE_EXECUTOR_H
#define WEIR__BASE_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* Something to do, embedded in what it needs; taken by submit until `run` is called, and gone from then on. */
typedef struct weir_task {
    struct weir_task *next; /* the executor's */
    void (*run)(struct weir_task *task);
} weir_task;

typedef struct weir_executor {
    void (*submit)(void *context, weir_task *task); /* runs it, once, some time, not within the call; Threads: any */
    void *context;
} weir_executor;

typedef struct weir_pool weir_pool;

/**
 * A pool of threads: tasks begin in the order in which they were submitted. Threads are started as they are needed,
 * with all signals blocked but those of a crash.
 *
 * @param name  of the threads, up to 15 bytes: for debuggers
 * @return WEIR_OK; WEIR_IO: no thread can be started (the first one is, here) (stop); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__pool_new(size_t threads, const char *name, weir_executor *executor, weir_pool **out,
                                    weir_error *err);

/**
 * Lends the pool a thread more (+1) while one of them is in a task that does not return, or takes it back (-1), so that
 * a few that hang do not stop the rest. At most 1024 threads in all. Threads: any.
 */
void weir__pool_widen(weir_pool *pool, int threads);

/**
 * Takes back the tasks that have not begun, in their order, along `next`: they are the caller's again, and are not run.
 * For what must not be forgotten by weir__pool_free(). NULL: there is none. Threads: any.
 */
WEIR_CHECK weir_task *weir__pool_take_back(weir_pool *pool);

/**
 * Ends the pool: tasks that have not begun are run all the same when `wait` is true, and forgotten when it is false; so
 * are, then, threads that are in a task: they end by themselves once it returns. Accepts NULL.
 */
void weir__pool_free(weir_pool *pool, bool wait);

#endif
