/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that run tasks. The pool is freed by whoever leaves last: its owner, or a thread that was left behind. */
#include "base/executor.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_THREADS = 1024 };

struct weir_pool {
    pthread_mutex_t lock;
    pthread_cond_t submitted;
    pthread_cond_t left;
    weir_task *tasks, **tail; /* lock: lock */
    size_t maximum;
    size_t running;           /* lock: lock; threads there are */
    size_t idle;              /* lock: lock; of them, waiting, or about to take a task */
    size_t queued;            /* lock: lock; tasks */
    size_t waiting;           /* lock: lock; threads in the condition */
    bool is_waking;           /* lock: lock; one was woken, and is not there yet: it wakes the next if need be */
    bool is_ending;           /* lock: lock */
    bool is_abandoned;        /* lock: lock; the last thread frees */
    char name[16];
};

static void destroy(weir_pool *pool)
{
    (void)pthread_cond_destroy(&pool->left); /* nobody waits any more */
    (void)pthread_cond_destroy(&pool->submitted);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* Locks: pool->lock held. Whether the caller, without the lock, wakes a thread: one at a time, for a wake costs more
 * than many a task. */
static bool wakes_one(weir_pool *pool)
{
    bool wakes = pool->queued && pool->waiting && !pool->is_waking;

    pool->is_waking |= wakes;
    return wakes;
}

static void *work(void *context)
{
    weir_pool *pool = context;
    bool is_last;

    (void)pthread_setname_np(pthread_self(), pool->name); /* for debuggers only */
    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        weir_task *task;
        bool wakes;

        pool->idle++;
        while (!pool->tasks && !pool->is_ending && pool->running <= pool->maximum) {
            pool->waiting++;
            (void)pthread_cond_wait(&pool->submitted, &pool->lock);
            pool->waiting--;
            pool->is_waking = false;
        }
        pool->idle--;
        task = pool->tasks;
        if (!task)
            break; /* ending, or one too many since a lent one was taken back */
        pool->tasks = task->next;
        if (!pool->tasks)
            pool->tail = &pool->tasks;
        pool->queued--;
        wakes = wakes_one(pool);
        (void)pthread_mutex_unlock(&pool->lock);
        if (wakes)
            (void)pthread_cond_signal(&pool->submitted);
        task->run(task);
        (void)pthread_mutex_lock(&pool->lock);
    }
    pool->running--;
    is_last = pool->running == 0 && pool->is_abandoned;
    (void)pthread_cond_signal(&pool->left);
    (void)pthread_mutex_unlock(&pool->lock);
    if (is_last)
        destroy(pool);
    return NULL;
}

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

/* Locks: pool->lock held. 0 or an errno. */
static int start_thread(weir_pool *pool)
{
    pthread_attr_t detached;
    sigset_t all, before;
    pthread_t thread;
    int number;

    (void)pthread_attr_init(&detached); /* these three cannot fail with such arguments */
    (void)pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        (void)sigdelset(&all, faults[i]); /* a thread's own crash is told where it happens */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&thread, &detached, work, pool);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&detached);
    if (number == 0)
        pool->running++;
    return number;
}

/* Locks: pool->lock held. */
static void need_thread(weir_pool *pool)
{
    /* No thread more is not fatal: those that are there get to it. */
    if (pool->queued > pool->idle && pool->running < pool->maximum && pool->running < MOST_THREADS)
        (void)start_thread(pool);
}

void weir__pool_widen(weir_pool *pool, int threads)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->maximum = (size_t)((ptrdiff_t)pool->maximum + threads);
    need_thread(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    (void)pthread_cond_signal(&pool->submitted); /* unlocked, or who wakes would only wait for the lock */
}

static void submit(void *context, weir_task *task)
{
    weir_pool *pool = context;
    bool wakes;

    task->next = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    *pool->tail = task;
    pool->tail = &task->next;
    pool->queued++;
    need_thread(pool);
    wakes = wakes_one(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (wakes)
        (void)pthread_cond_signal(&pool->submitted); /* unlocked, or who wakes would only wait for the lock */
}

weir_code weir__pool_new(size_t threads, const char *name, weir_executor *executor, weir_pool **out, weir_error *err)
{
    weir_pool *pool = calloc(1, sizeof *pool);
    int number;

    if (!pool)
        return weir__fail_memory(err, "a pool of threads");
    (void)pthread_mutex_init(&pool->lock, NULL);     /* default attributes: */
    (void)pthread_cond_init(&pool->submitted, NULL); /* cannot fail */
    (void)pthread_cond_init(&pool->left, NULL);
    pool->tail = &pool->tasks;
    pool->maximum = threads;
    (void)snprintf(pool->name, sizeof pool->name, "%s", name); /* cut, it still tells enough */
    (void)pthread_mutex_lock(&pool->lock);
    number = start_thread(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    if (number != 0) {
        destroy(pool);
        return weir__fail_errno(err, number, WEIR_REMEDY_STOP, "cannot start a thread");
    }
    *executor = (weir_executor){ submit, pool };
    *out = pool;
    return WEIR_OK;
}

/* Locks: pool->lock held. */
static weir_task *take_tasks(weir_pool *pool)
{
    weir_task *tasks = pool->tasks;

    pool->tasks = NULL;
    pool->tail = &pool->tasks;
    pool->queued = 0;
    return tasks;
}

weir_task *weir__pool_take_back(weir_pool *pool)
{
    weir_task *tasks;

    (void)pthread_mutex_lock(&pool->lock);
    tasks = take_tasks(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    return tasks;
}

void weir__pool_free(weir_pool *pool, bool wait)
{
    bool is_last;

    if (!pool)
        return;
    (void)pthread_mutex_lock(&pool->lock);
    pool->is_ending = true;
    if (!wait)
        (void)take_tasks(pool); /* whoever wants them has taken them back */
    (void)pthread_cond_broadcast(&pool->submitted);
    /* Those that are idle leave at once; so only threads in a task are ever left behind. */
    while (pool->running > 0 && (wait || pool->idle > 0))
        (void)pthread_cond_wait(&pool->left, &pool->lock);
    pool->is_abandoned = true;
    is_last = pool->running == 0;
    (void)pthread_mutex_unlock(&pool->lock);
    if (is_last)
        destroy(pool);
}
