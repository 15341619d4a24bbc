/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, one call at a time, and an owner who need not wait for it. */
#include "kafka/bounded.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/executor.h"

/*     IDLE ──call──▶ BUSY ──returned──▶ IDLE
 *                     └──left──▶ LEFT ──returned──▶ gone
 */
typedef enum bounded_state { IDLE, BUSY, LEFT } bounded_state;

struct weir_bounded {
    weir_task task; /* first: cast back */
    weir_executor executor;
    weir_pool *pool;
    pthread_mutex_t lock;
    pthread_cond_t returned;
    bounded_state state; /* lock: lock */
    void (*fn)(void *context);
    void *context;
    void (*then)(void *context); /* lock: lock; when LEFT */
    void *then_context;          /* lock: lock */
};

static void destroy(weir_bounded *bounded)
{
    void (*then)(void *context) = bounded->then;
    void *context = bounded->then_context;

    (void)pthread_cond_destroy(&bounded->returned); /* nobody waits any more */
    (void)pthread_mutex_destroy(&bounded->lock);
    free(bounded);
    then(context);
}

static void run(weir_task *task)
{
    weir_bounded *bounded = (weir_bounded *)task;
    bool is_left;

    bounded->fn(bounded->context);
    (void)pthread_mutex_lock(&bounded->lock);
    is_left = bounded->state == LEFT;
    bounded->state = IDLE;
    (void)pthread_cond_signal(&bounded->returned);
    (void)pthread_mutex_unlock(&bounded->lock);
    if (is_left)
        destroy(bounded);
}

weir_code weir__bounded_new(weir_bounded **out, weir_error *err)
{
    weir_bounded *bounded = calloc(1, sizeof *bounded);
    pthread_condattr_t monotonic;
    weir_code rc;

    if (!bounded)
        return weir__fail_memory(err, "a thread");
    rc = weir__pool_new(1, "weir-bounded", &bounded->executor, &bounded->pool, err);
    if (rc != WEIR_OK) {
        free(bounded);
        return rc;
    }
    bounded->task.run = run;
    (void)pthread_mutex_init(&bounded->lock, NULL); /* these cannot fail with such arguments */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&bounded->returned, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    *out = bounded;
    return WEIR_OK;
}

bool weir__bounded_call(weir_bounded *bounded, void (*fn)(void *context), void *context, int timeout_ms)
{
    struct timespec until;
    bool has_returned;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    bounded->fn = fn;
    bounded->context = context;
    bounded->state = BUSY; /* nobody else is there yet */
    bounded->executor.submit(bounded->executor.context, &bounded->task);
    (void)pthread_mutex_lock(&bounded->lock);
    while (bounded->state == BUSY && pthread_cond_timedwait(&bounded->returned, &bounded->lock, &until) != ETIMEDOUT)
        ;
    has_returned = bounded->state == IDLE;
    (void)pthread_mutex_unlock(&bounded->lock);
    return has_returned;
}

void weir__bounded_leave(weir_bounded *bounded, void (*then)(void *context), void *context)
{
    weir_pool *pool;
    bool is_busy;

    if (!bounded) {
        then(context);
        return;
    }
    pool = bounded->pool;
    (void)pthread_mutex_lock(&bounded->lock);
    bounded->then = then;
    bounded->then_context = context;
    is_busy = bounded->state == BUSY;
    if (is_busy)
        bounded->state = LEFT;
    (void)pthread_mutex_unlock(&bounded->lock);
    if (is_busy && weir__pool_take_back(pool)) /* it has not begun: then it never does */
        is_busy = false;
    weir__pool_free(pool, !is_busy);
    if (!is_busy)
        destroy(bounded);
}
