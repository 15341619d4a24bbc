/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: which run goes on next, on which stack. See README.md for the states of a run. */
#include "engine/engine.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/breakage.h"
#include "engine/call.h"
#include "engine/internal.h"
#include "engine/run_journal.h"

enum {
    POOLED_RUNS = 1024,
    READY_PER_TURN = 64, /* runs that may go on before the host has its turn again */
    CALL_THREADS = 16,
    RESULT_BYTES = 64 << 20
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
    uint32_t owner;
    weir_bytes key;
    weir_cells *cells;
    weir_error *err;
    weir_code rc;
} load_request;

static void load_on_ground(void *context)
{
    load_request *request = context;
    const weir_engine_options *options = &request->engine->options;

    request->rc = options->port->load(options->host, request->owner, request->key, request->cells,
                                      request->err);
}

static weir_code load(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err)
{
    weir_engine *engine = context;
    load_request request = { engine, owner, key, cells, err, WEIR_OK };

    weir__stacks_on_ground(engine->stacks, load_on_ground, &request);
    return request.rc;
}

void weir__engine_on_ground(weir_engine *engine, void (*fn)(void *context), void *context)
{
    weir__stacks_on_ground(engine->stacks, fn, context);
}

weir_code weir__engine_watch(weir_engine *engine, int fd, weir_error *err)
{
    struct epoll_event event = { .events = EPOLLIN };

    if (epoll_ctl(engine->wake_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot watch a descriptor");
    return WEIR_OK;
}

void weir__engine_unwatch(weir_engine *engine, int fd)
{
    (void)epoll_ctl(engine->wake_fd, EPOLL_CTL_DEL, fd, NULL); /* not watched: fine */
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
    if (!options->clock)
        engine->options.clock = weir__clock_system();
    if (!options->result_bytes)
        engine->options.result_bytes = RESULT_BYTES;
    if (!options->call_threads)
        engine->options.call_threads = CALL_THREADS;
    if (options->calls)
        engine->calls = *options->calls;
    weir__buffer_init(&engine->scratch, SIZE_MAX);
    weir__buffer_init(&engine->sealed, SIZE_MAX);
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
    rc = weir__inlet_new(&engine->inlet, err);
    if (rc != WEIR_OK)
        goto out;
    engine->wake_fd = epoll_create1(EPOLL_CLOEXEC);
    if (engine->wake_fd < 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make an event descriptor");
    else
        rc = weir__engine_watch(engine, weir__inlet_fd(engine->inlet), err);
    if (rc != WEIR_OK)
        goto out;
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
    engine->is_closing = true;
    /* Exchanges end here; functions that do not return are left behind, and find the inlet closed. */
    weir__http_client_free(engine->http);
    if (engine->pool_of_calls) {
        weir_task *task = weir__pool_take_back(engine->pool_of_calls);

        while (task) {
            weir_errand *errand = (weir_errand *)task; /* its first member */

            task = task->next;
            weir__errand_free(errand);
        }
    }
    weir__pool_free(engine->pool_of_calls, false);
    if (engine->inlet)
        weir__inlet_close(engine->inlet);
    for (weir_errand *errand = engine->errands, *older; errand; errand = older) {
        older = errand->older;
        if (errand->mode == WEIR__ERRAND_HTTP)
            weir__errand_free(errand); /* cut off above; the others are their threads' */
    }
    while (engine->roster.oldest) {
        weir_run *run = engine->roster.oldest;

        engine->roster.oldest = run->newer;
        weir__run_free(run);
    }
    weir__roster_clear(&engine->roster);
    while (engine->retired) {
        weir_run *run = engine->retired;

        engine->retired = run->newer;
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
    weir__buffer_clear(&engine->sealed);
    weir__timers_clear(&engine->timers);
    weir__inlet_release(engine->inlet);
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

/* ---- runs that are over, and still needed ------------------------------------------------------------------------ */

void weir__engine_retire(weir_engine *engine, weir_run *run)
{
    run->state = WEIR__RUN_ENDED;
    if (run->errand_count + run->ticket_count == 0) {
        weir__engine_drop_run(engine, run);
        return;
    }
    run->is_retired = true;
    run->older = NULL;
    run->newer = engine->retired;
    if (engine->retired)
        engine->retired->older = run;
    engine->retired = run;
}

void weir__engine_release(weir_engine *engine, weir_run *run)
{
    if (!run->is_retired || run->errand_count + run->ticket_count > 0)
        return;
    if (run->older)
        run->older->newer = run->newer;
    else
        engine->retired = run->newer;
    if (run->newer)
        run->newer->older = run->older;
    weir__engine_drop_run(engine, run);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

void weir__engine_ready(weir_engine *engine, weir_run *run)
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

weir_code weir__engine_accept(weir_engine *engine, weir_run *run, weir_error *err)
{
    weir_key *key;
    weir_code rc;

    if (!run->key_bytes.data) {
        rc = weir__run_make_key(run, err);
        if (rc != WEIR_OK)
            goto out;
    }
    rc = weir__keys_get(engine->keys, run->owner, run->key_bytes, &key, err);
    if (rc != WEIR_OK)
        goto out;
    rc = weir__roster_add(&engine->roster, run, err);
    if (rc != WEIR_OK) {
        if (!key->running)
            weir__keys_idle(engine->keys, key);
        goto out;
    }
    run->key = key;
    engine->accepted++;
    if (!key->running) {
        key->running = run;
        weir__engine_ready(engine, run);
        return WEIR_OK;
    }
    run->state = WEIR__RUN_QUEUED;
    run->next = NULL;
    *key->queue_tail = run;
    key->queue_tail = &run->next;
    key->queued++;
    if (key->queued == engine->options.queue_per_key && !key->is_parked)
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
    weir__engine_ready(engine, run);
}

/* ---- running a run ----------------------------------------------------------------------------------------------- */

static bool is_applied(const weir_run *run)
{
    return !weir__failure_is_kept(&run->failure) || weir__is_broken(WEIR__BREAK_APPLY_FAILED);
}

/*
 * The next run of the key may have its say in the journal before the cut that holds this one's end, and would rest on
 * what only this one's results tell. They are written now if that run is there already and the job makes calls at all;
 * if not, it waits for the commit before its first call.
 */
static void record_end(weir_run *run)
{
    weir_key *key = run->key;

    if (weir__failure_is_kept(&run->failure) || !weir__run_has_journal(run))
        return;
    if (run->engine->has_calls && key->queue && !weir__is_broken(WEIR__BREAK_FORGET_RESULT))
        (void)weir__run_append_results(run); /* kept in the run when it fails */
    for (const weir_action_result *result = run->results; result && !key->has_unrecorded; result = result->next)
        key->has_unrecorded = !result->is_written;
}

void weir__engine_finish(weir_engine *engine, weir_run *run)
{
    weir_key *key = run->key;
    weir_error err;

    run->state = WEIR__RUN_ENDED;
    run->action = NULL;
    record_end(run);
    if (is_applied(run)) {
        /* Half-applied changes cannot be told from whole ones, so after this failure nothing may be committed: the host
         * sees WEIR_REMEDY_STOP. */
        if (weir__keys_apply(engine->keys, key, &run->short_term.changes, &err) != WEIR_OK)
            (void)weir__failure_keep_error(&run->failure, &err);
    }
    engine->ended++;
    if (weir__failure_is_kept(&run->failure))
        engine->failed++;
    weir__roster_remove(&engine->roster, run);
    weir__futures_leave(run, true);
    engine->options.port->ended(engine->options.host, run);
    weir__engine_retire(engine, run);
    next_of_key(engine, key);
}

/* A canceled run keeps its place among those that are not over: the host's last cut still needs its input. */
static void cancel(weir_run *run)
{
    run->action = NULL;
    run->is_canceled = true;
    run->state = WEIR__RUN_QUEUED;
    weir__futures_cancel(run);
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
    if (run->owned_by->is_dropped)
        weir__engine_give_up(engine, run);
    else if (run->is_parking)
        weir__engine_park(engine, run);
    else if (run->is_canceled)
        cancel(run);
    else
        weir__engine_finish(engine, run);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

weir_code weir__run_await(weir_run *run)
{
    weir_engine *engine = run->engine;

    assert(engine->current == run);
    if (engine->is_stopping || run->owned_by->is_dropped) {
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
    weir__engine_ready(run->engine, run);
}

void weir__engine_post(weir_engine *engine, weir_post *post)
{
    /* Whoever posts to an engine ends before it does. */
    bool is_taken = weir__inlet_post(engine->inlet, post);

    assert(is_taken);
    (void)is_taken;
}

int weir__engine_timeout_ms(const weir_engine *engine)
{
    int64_t due_ms = weir__timers_next_ms(&engine->timers);
    int64_t left;

    if (due_ms == INT64_MAX)
        return -1;
    left = due_ms - weir__clock_monotonic_ms(engine->options.clock);
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void drive_http(void *context)
{
    weir__http_client_drive(context);
}

/* What has happened outside: posts, timers, the network. */
static void look_outside(weir_engine *engine)
{
    weir__inlet_take(engine->inlet);
    if (engine->timers.count)
        weir__timers_run(&engine->timers, weir__clock_monotonic_ms(engine->options.clock));
    if (engine->http && weir__http_client_is_busy(engine->http))
        weir__stacks_on_ground(engine->stacks, drive_http, engine->http);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

weir_code weir__engine_need_calls(weir_engine *engine, weir_failure *failure)
{
    weir_error err;

    if (engine->calls.submit)
        return WEIR_OK;
    if (weir__pool_new(engine->options.call_threads, "weir-call", &engine->calls, &engine->pool_of_calls, &err) !=
        WEIR_OK)
        return weir__failure_keep_error(failure, &err);
    return WEIR_OK;
}

weir_code weir__engine_need_http(weir_engine *engine, weir_failure *failure)
{
    weir_error err;
    weir_code rc;

    if (engine->http)
        return WEIR_OK;
    rc = weir__http_client_new(&engine->options.http, &engine->http, &err);
    if (rc == WEIR_OK)
        rc = weir__engine_watch(engine, weir__http_client_fd(engine->http), &err);
    return rc == WEIR_OK ? rc : weir__failure_keep_error(failure, &err);
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
        weir__engine_finish(engine, run);
        return;
    }
    execute(engine, run);
}

/* Stopping: wakes what waits, so that each action sees WEIR_CANCELED and returns. */
static void cancel_waiting(weir_engine *engine)
{
    for (weir_run *run = engine->roster.oldest; run && engine->waiting; run = run->newer) {
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
        look_outside(engine);
        if (engine->is_stopping) {
            cancel_waiting(engine);
            if (drop_fresh(engine)) {
                go_on(engine);
                continue;
            }
        }
        turn = engine->options.port->turn(engine->options.host, may_accept(engine));
        if (turn == WEIR__TURN_STOP) {
            /* Each run that waits hears of it first, and leaves its stack; the stop may be as new as this turn. */
            if (engine->waiting + engine->ready_count > 0) {
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

void weir__engine_committed(weir_engine *engine, uint64_t commit)
{
    weir__keys_committed(engine->keys, commit);
    for (weir_run *run = engine->roster.oldest; run && engine->awaiting_commit; run = run->newer) {
        if (run->awaits_commit)
            weir__run_wake(run);
    }
}

weir_run *weir__engine_oldest(const weir_engine *engine)
{
    return engine->roster.oldest;
}

weir_engine_counts weir__engine_counts(const weir_engine *engine)
{
    return (weir_engine_counts){
        .accepted = engine->accepted,
        .ended = engine->ended,
        .failed = engine->failed,
        .waiting = engine->waiting,
        .queued = engine->queued,
        .ready = engine->ready_count,
        .parked = engine->parked,
        .awaiting_commit = engine->awaiting_commit,
        .errands = engine->errand_count,
        .divergences = engine->divergences,
    };
}

int weir__engine_wake_fd(const weir_engine *engine)
{
    return engine->wake_fd;
}
