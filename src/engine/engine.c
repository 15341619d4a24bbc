/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: which run goes on next, on which stack. See README.md for the states of a run. */
#include "engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/internal.h"

enum {
    POOLED_RUNS = 1024,
    READY_PER_TURN = 64 /* runs that may go on before the host has its turn again */
};

/* For the crash handler, which has nothing but what is global. */
static _Thread_local const weir_engine *active;

const weir_engine *weir__engine_active(void)
{
    return active;
}

const weir_run *weir__engine_current(const weir_engine *engine)
{
    return engine->current;
}

const weir_stacks *weir__engine_stacks(const weir_engine *engine)
{
    return engine->stacks;
}

static void loop(void *context);

/* A store is read on the ground stack: SQLite is deep, and pooled stacks are many. */
typedef struct load_request {
    weir_engine *engine;
    weir_bytes key;
    weir_cells *cells;
    weir_error *err;
    weir_code rc;
} load_request;

static void load_on_ground(void *context)
{
    load_request *request = context;
    const weir_engine_options *options = &request->engine->options;

    request->rc = options->port->load(options->host, request->key, request->cells, request->err);
}

static weir_code load(void *context, weir_bytes key, weir_cells *cells, weir_error *err)
{
    weir_engine *engine = context;
    load_request request = { engine, key, cells, err, WEIR_OK };

    weir__stacks_on_ground(engine->stacks, load_on_ground, &request);
    return request.rc;
}

weir_code weir__engine_new(const weir_engine_options *options, weir_engine **out, weir_error *err)
{
    weir_engine *engine = calloc(1, sizeof *engine);
    weir_code rc = WEIR_OK;
    weir_keys_options keys = { .cache_bytes = options->cache_bytes };

    if (!engine)
        return weir__fail_memory(err, "the engine");
    engine->options = *options;
    engine->wake_fd = -1;
    engine->ready_tail = &engine->ready;
    (void)pthread_mutex_init(&engine->post_lock, NULL); /* default attributes: cannot fail */
    weir__buffer_init(&engine->scratch, SIZE_MAX);
    rc = weir__stacks_new(options->stack_bytes, loop, engine, &engine->stacks, err);
    if (rc != WEIR_OK)
        goto out;
    if (options->port->load) {
        keys.load = load;
        keys.context = engine;
    }
    rc = weir__keys_new(&keys, &engine->keys, err);
    if (rc != WEIR_OK)
        goto out;
    engine->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (engine->wake_fd < 0) {
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make an event descriptor");
        goto out;
    }
    *out = engine;
    engine = NULL; /* now the caller's */
out:
    weir__engine_free(engine);
    return rc;
}

void weir__engine_free(weir_engine *engine)
{
    if (!engine)
        return;
    while (engine->oldest) {
        weir_run *run = engine->oldest;

        engine->oldest = run->newer;
        weir__run_free(run);
    }
    while (engine->pool) {
        weir_run *run = engine->pool;

        engine->pool = run->next;
        weir__run_free(run);
    }
    weir__stacks_free(engine->stacks);
    weir__keys_free(engine->keys);
    weir__buffer_clear(&engine->scratch);
    (void)pthread_mutex_destroy(&engine->post_lock); /* nobody holds it */
    if (engine->wake_fd >= 0)
        (void)close(engine->wake_fd); /* nothing was written through it */
    free(engine);
}

/* ---- runs of the pool -------------------------------------------------------------------------------------------- */

weir_run *weir__engine_new_run(weir_engine *engine)
{
    weir_run *run = engine->pool;

    if (run) {
        engine->pool = run->next;
        engine->pooled--;
        return run;
    }
    return weir__run_new(engine);
}

void weir__engine_drop_run(weir_engine *engine, weir_run *run)
{
    if (engine->pooled >= POOLED_RUNS) {
        weir__run_free(run);
        return;
    }
    weir__run_reset(run);
    run->next = engine->pool;
    engine->pool = run;
    engine->pooled++;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void push_ready(weir_engine *engine, weir_run *run)
{
    run->state = WEIR__RUN_READY;
    run->next = NULL;
    *engine->ready_tail = run;
    engine->ready_tail = &run->next;
    engine->ready_count++;
}

static weir_run *pop_ready(weir_engine *engine)
{
    weir_run *run = engine->ready;

    engine->ready = run->next;
    if (!engine->ready)
        engine->ready_tail = &engine->ready;
    engine->ready_count--;
    return run;
}

static void link_newest(weir_engine *engine, weir_run *run)
{
    run->newer = NULL;
    run->older = engine->newest;
    if (engine->newest)
        engine->newest->newer = run;
    else
        engine->oldest = run;
    engine->newest = run;
}

static void unlink_run(weir_engine *engine, weir_run *run)
{
    if (run->older)
        run->older->newer = run->newer;
    else
        engine->oldest = run->newer;
    if (run->newer)
        run->newer->older = run->older;
    else
        engine->newest = run->older;
}

weir_code weir__engine_accept(weir_engine *engine, weir_run *run, weir_error *err)
{
    weir_key *key;
    weir_code rc;

    if (!run->key_bytes.data) {
        rc = weir__run_make_key(run, err);
        if (rc != WEIR_OK)
            goto out;
    }
    rc = weir__keys_get(engine->keys, run->key_bytes, &key, err);
    if (rc != WEIR_OK)
        goto out;
    run->key = key;
    link_newest(engine, run);
    engine->accepted++;
    if (!key->running) {
        key->running = run;
        push_ready(engine, run);
        return WEIR_OK;
    }
    run->state = WEIR__RUN_QUEUED;
    run->next = NULL;
    *key->queue_tail = run;
    key->queue_tail = &run->next;
    key->queued++;
    if (key->queued == engine->options.queue_per_key)
        engine->full_keys++;
    engine->queued++;
    /* Kept, since the arena may grow while the run queues: whoever asks for its id makes it grow. */
    run->queued_bytes = weir__arena_footprint(&run->arena);
    engine->queued_bytes += run->queued_bytes;
    return WEIR_OK;
out:
    weir__engine_drop_run(engine, run);
    return rc;
}

/* The next run of a key, when the one before is over. */
static void next_of_key(weir_engine *engine, weir_key *key)
{
    weir_run *run = key->queue;

    key->running = NULL;
    if (!run) {
        weir__keys_idle(engine->keys, key);
        return;
    }
    key->queue = run->next;
    if (!key->queue)
        key->queue_tail = &key->queue;
    if (key->queued == engine->options.queue_per_key)
        engine->full_keys--;
    key->queued--;
    engine->queued--;
    engine->queued_bytes -= run->queued_bytes;
    key->running = run;
    push_ready(engine, run);
}

/* ---- running a run ----------------------------------------------------------------------------------------------- */

static void finish(weir_engine *engine, weir_run *run)
{
    weir_key *key = run->key;
    weir_error err;

    run->state = WEIR__RUN_ENDED;
    run->action = NULL;
    if (!weir__failure_is_kept(&run->failure)) {
        /* Half-applied changes cannot be told from whole ones, so after this failure nothing may be committed: the host
         * sees WEIR_REMEDY_STOP. */
        if (weir__keys_apply(engine->keys, key, &run->short_term.changes, &err) != WEIR_OK)
            (void)weir__failure_keep_error(&run->failure, &err);
    }
    engine->ended++;
    if (weir__failure_is_kept(&run->failure))
        engine->failed++;
    unlink_run(engine, run);
    engine->options.port->ended(engine->options.host, run);
    weir__engine_drop_run(engine, run);
    next_of_key(engine, key);
}

/* A canceled run keeps its place among those that are not over: the host's last cut still needs its input. */
static void cancel(weir_run *run)
{
    run->action = NULL;
    run->is_canceled = true;
    run->state = WEIR__RUN_QUEUED;
}

static void execute(weir_engine *engine, weir_run *run)
{
    engine->current = run;
    run->state = WEIR__RUN_RUNNING;
    while (run->event && !weir__failure_is_kept(&run->failure)) {
        const weir_trigger *trigger = run->event->trigger;

        if (!trigger || run->next_action >= trigger->action_count) {
            run->event = run->event->next;
            run->next_action = 0;
            continue;
        }
        run->action = trigger->actions[run->next_action++];
        weir__run_step(run);
        if (run->is_canceled)
            break;
    }
    engine->current = NULL;
    if (run->is_canceled)
        cancel(run);
    else
        finish(engine, run);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

weir_code weir__run_await(weir_run *run)
{
    weir_engine *engine = run->engine;

    assert(engine->current == run);
    if (engine->is_stopping) {
        run->is_canceled = true;
        return WEIR_CANCELED;
    }
    run->stack = weir__stacks_current(engine->stacks);
    run->state = WEIR__RUN_WAITING;
    engine->waiting++;
    engine->current = NULL;
    if (!weir__stacks_park(engine->stacks)) {
        engine->waiting--;
        engine->current = run;
        run->state = WEIR__RUN_RUNNING;
        run->stack = NULL;
        return weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for another stack; %zu runs wait",
                                  engine->waiting);
    }
    engine->current = run;
    run->state = WEIR__RUN_RUNNING;
    run->stack = NULL;
    return run->is_canceled ? WEIR_CANCELED : WEIR_OK;
}

void weir__run_wake(weir_run *run)
{
    if (run->state != WEIR__RUN_WAITING)
        return;
    run->engine->waiting--;
    push_ready(run->engine, run);
}

void weir__engine_post(weir_engine *engine, weir_post *post)
{
    uint64_t one = 1;
    ssize_t ignored;

    (void)pthread_mutex_lock(&engine->post_lock);
    post->next = engine->posts;
    engine->posts = post;
    atomic_store_explicit(&engine->has_posts, true, memory_order_release);
    /* Under the lock: once the post is taken, the engine may end and be freed. */
    ignored = write(engine->wake_fd, &one, sizeof one); /* it is readable already when this would block */
    (void)ignored;
    (void)pthread_mutex_unlock(&engine->post_lock);
}

static void take_posts(weir_engine *engine)
{
    weir_post *posts, *in_order = NULL;
    uint64_t count;
    ssize_t ignored;

    (void)pthread_mutex_lock(&engine->post_lock);
    ignored = read(engine->wake_fd, &count, sizeof count); /* empties it; nothing there is fine */
    (void)ignored;
    posts = engine->posts;
    engine->posts = NULL;
    atomic_store_explicit(&engine->has_posts, false, memory_order_release);
    (void)pthread_mutex_unlock(&engine->post_lock);
    while (posts) {
        weir_post *next = posts->next;

        posts->next = in_order;
        in_order = posts;
        posts = next;
    }
    while (in_order) {
        weir_post *post = in_order;

        in_order = post->next;
        post->fn(post);
    }
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

/* Goes on with one ready run. A run that owns a stack goes on there, and this stack is given up. */
static void go_on(weir_engine *engine)
{
    weir_run *run = pop_ready(engine);

    if (run->stack) {
        weir_stack *stack = run->stack;

        weir__stacks_resume(engine->stacks, stack);
    }
    if (!run->event && !weir__run_begin(run)) {
        finish(engine, run);
        return;
    }
    execute(engine, run);
}

/* Stopping: wakes what waits, so that each action sees WEIR_CANCELED and returns. */
static void cancel_waiting(weir_engine *engine)
{
    for (weir_run *run = engine->oldest; run && engine->waiting; run = run->newer) {
        if (run->state == WEIR__RUN_WAITING) {
            run->is_canceled = true;
            weir__run_wake(run);
        }
    }
}

/* The next ready run, leaving out those that have not begun. */
static bool drop_fresh(weir_engine *engine)
{
    while (engine->ready && !engine->ready->stack)
        (void)pop_ready(engine);
    return engine->ready != NULL;
}

static bool may_accept(const weir_engine *engine)
{
    return engine->waiting < engine->options.runs_in_flight && engine->full_keys == 0 &&
           engine->queued_bytes < engine->options.queue_bytes && !engine->is_stopping;
}

/* Entered at the bottom of every fresh stack; all it needs is in the engine (invariant 5). */
static void loop(void *context)
{
    weir_engine *engine = context;

    for (;;) {
        weir_turn turn;

        while (engine->ready && engine->ready_streak < READY_PER_TURN && !engine->is_stopping) {
            engine->ready_streak++;
            go_on(engine);
        }
        engine->ready_streak = 0;
        if (atomic_load_explicit(&engine->has_posts, memory_order_acquire))
            take_posts(engine);
        if (engine->is_stopping) {
            cancel_waiting(engine);
            if (drop_fresh(engine)) {
                go_on(engine);
                continue;
            }
        }
        turn = engine->options.port->turn(engine->options.host, may_accept(engine));
        if (turn == WEIR__TURN_STOP) {
            if (!engine->is_stopping && engine->waiting + engine->ready_count > 0) {
                engine->is_stopping = true;
                continue;
            }
            weir__stacks_leave(engine->stacks);
        }
        if (turn == WEIR__TURN_IDLE && !engine->ready)
            engine->options.port->wait(engine->options.host);
    }
}

weir_code weir__engine_run(weir_engine *engine, weir_error *err)
{
    const weir_engine *before = active;
    weir_code rc;

    active = engine;
    engine->is_stopping = false;
    rc = weir__stacks_run(engine->stacks, err);
    active = before;
    return rc;
}

void weir__engine_stop(weir_engine *engine)
{
    engine->is_stopping = true;
}

weir_keys *weir__engine_keys(weir_engine *engine)
{
    return engine->keys;
}

weir_run *weir__engine_oldest(const weir_engine *engine)
{
    return engine->oldest;
}

weir_engine_counts weir__engine_counts(const weir_engine *engine)
{
    return (weir_engine_counts){ engine->accepted, engine->ended,  engine->failed,
                                 engine->waiting,  engine->queued, engine->ready_count };
}

int weir__engine_wake_fd(const weir_engine *engine)
{
    return engine->wake_fd;
}
