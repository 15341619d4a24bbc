/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only thread there is. What is a thread in life is a task on a stack of its own here, and moves when the dice say
 * so: when the loop waits, and when it reads the clock. A task gives way when it sleeps, and when it uses a port.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "world.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define WITH_ASAN
#endif

enum { TASKS = 512, STACK_BYTES = 64 * 1024 };

typedef struct fiber {
    struct fiber *next; /* of those that are free */
    ucontext_t context;
    weir_task *task;
    int64_t wake_ms;
    bool is_commit, has_begun, has_ended;
    void *fake_stack;
    uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
} fiber;

static fiber *tasks[TASKS];
static size_t task_count;
static fiber *unused;
static fiber *current;    /* NULL: the loop's */
static ucontext_t loop_context;
static const void *loop_bottom;
static size_t loop_size;
static bool has_moved;    /* a task has, since the loop waited last: it may have posted, so the wait ends at once */

/* ---- switching --------------------------------------------------------------------------------------------------- */

static void arrive_in_task(void *fake_stack)
{
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, &loop_bottom, &loop_size);
#else
    (void)fake_stack;
#endif
}

static void back_to_loop(fiber *from)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(from->has_ended ? NULL : &from->fake_stack, loop_bottom, loop_size);
#endif
    if (swapcontext(&from->context, &loop_context) != 0)
        abort();
    arrive_in_task(from->fake_stack);
}

static void enter(void)
{
    fiber *self = current;

    arrive_in_task(NULL);
    self->task->run(self->task);
    self->has_ended = true;
    back_to_loop(self);
    abort();
}

static void run(size_t which)
{
    fiber *next = tasks[which];
    void *fake_stack = NULL;

    current = next;
    has_moved = true;
    if (!next->has_begun) {
        next->has_begun = true;
        if (next->is_commit)
            (void)sim_step_taken(SIM_STEP_COMMIT_TASK);
        if (getcontext(&next->context) != 0)
            abort();
#ifdef WITH_ASAN
        __asan_unpoison_memory_region(next->stack, sizeof next->stack);
#endif
        next->context.uc_stack.ss_sp = next->stack;
        next->context.uc_stack.ss_size = sizeof next->stack;
        next->context.uc_link = NULL;
        makecontext(&next->context, enter, 0);
    }
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(&fake_stack, next->stack, sizeof next->stack);
#endif
    if (swapcontext(&loop_context, &next->context) != 0)
        abort();
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, NULL, NULL);
#else
    (void)fake_stack;
    (void)loop_bottom;
    (void)loop_size;
#endif
    current = NULL;
    if (next->has_ended) {
        for (size_t i = 0; i < task_count; i++) {
            if (tasks[i] == next) {
                tasks[i] = tasks[--task_count];
                break;
            }
        }
        next->next = unused;
        unused = next;
    }
}

bool sim_is_in_task(void)
{
    return current != NULL;
}

void sim_sleep_until(int64_t when_ms)
{
    if (!current)
        abort();
    if (world->is_ghost)
        return;
    current->wake_ms = when_ms;
    back_to_loop(current);
}

void sim_yield(void)
{
    if (current && !world->is_ghost)
        sim_sleep_until(world->now_ms);
}

void sim_release_stacks(void)
{
    while (unused) {
        fiber *next = unused->next;

        free(unused);
        unused = next;
    }
}

/* ---- executors --------------------------------------------------------------------------------------------------- */

static void submit(weir_task *task, bool is_commit, int64_t delay_ms)
{
    fiber *next = unused;

    if (task_count == TASKS)
        abort();
    if (next)
        unused = next->next;
    else
        next = malloc(sizeof *next);
    if (!next)
        abort();
    next->task = task;
    next->is_commit = is_commit;
    next->has_begun = next->has_ended = false;
    next->fake_stack = NULL;
    next->wake_ms = world->now_ms + delay_ms;
    tasks[task_count++] = next;
}

static void submit_commit(void *context, weir_task *task)
{
    (void)context;
    submit(task, true, sim_chance(3) ? (int64_t)sim_random(5) : 0);
}

static void submit_call(void *context, weir_task *task)
{
    (void)context;
    submit(task, false, sim_chance(4) ? (int64_t)sim_random((uint64_t)world->max_delay_ms) : 0);
}

const weir_executor sim_commits = { submit_commit, NULL };
const weir_executor sim_calls = { submit_call, NULL };

/* Moves one task that can move. */
static bool run_some(void)
{
    size_t ready[TASKS], count = 0;

    for (size_t i = 0; i < task_count; i++) {
        if (world->is_ghost || tasks[i]->wake_ms <= world->now_ms)
            ready[count++] = i;
    }
    if (!count)
        return false;
    run(ready[count == 1 ? 0 : sim_random(count)]);
    return true;
}

void sim_tasks_begin(void)
{
    has_moved = false;
}

void sim_finish_tasks(void)
{
    while (task_count)
        run(0);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

static void move_to(int64_t when_ms)
{
    (void)sim_step_taken(SIM_STEP_TIME_MOVES);
    if (world->is_ghost)
        return;
    world->now_ms = when_ms;
    sim_service_land();
}

static int64_t monotonic_ms(void *context)
{
    (void)context;
    if (sim_step_taken(SIM_STEP_CLOCK)) {
        if (current) {
            if (sim_chance(3))
                sim_yield();
        } else {
            if (sim_chance(16))
                move_to(world->now_ms + 1 + (int64_t)sim_random(3));
            if (sim_chance(4))
                (void)run_some();
        }
    }
    return world->now_ms + world->ghost_ms - world->boot_ms + 1;
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return sim_wall_ms();
}

const weir_clock sim_clock = { monotonic_ms, wall_ms, NULL };

/* ---- the loop's wait --------------------------------------------------------------------------------------------- */

static int stop(struct pollfd *fds)
{
    world->is_stopped = true;
    (void)raise(SIGTERM);
    if (fds[1].fd < 0)
        return 0;
    fds[1].revents = POLLIN;
    return 1;
}

static int poll_ghost(struct pollfd *fds, int timeout_ms)
{
    (void)sim_step_taken(SIM_STEP_LOOP_WAITS);
    if (run_some())
        return 0;
    if (!world->is_stopped)
        return stop(fds);
    world->ghost_ms += timeout_ms < 0 ? 1000 : timeout_ms + 1;
    return 0;
}

int sim_poll(void *context, struct pollfd *fds, unsigned long count, int timeout_ms)
{
    int64_t until_ms = timeout_ms < 0 ? INT64_MAX : world->now_ms + timeout_ms;

    (void)context;
    for (unsigned long i = 0; i < count; i++)
        fds[i].revents = 0;
    if (!sim_step_taken(SIM_STEP_LOOP_WAITS))
        return poll_ghost(fds, timeout_ms);
    if (!world->is_stopped && sim_chance((uint64_t)world->stop_odds) && sim_step_taken(SIM_STEP_STOPPING)) {
        sim_trace("SIGTERM");
        return stop(fds);
    }
    while (!world->is_ghost) {
        int64_t next_ms = sim_service_next();

        if (has_moved || run_some()) {
            has_moved = false;
            return 0;
        }
        for (size_t i = 0; i < task_count; i++) {
            if (tasks[i]->wake_ms < next_ms)
                next_ms = tasks[i]->wake_ms;
        }
        if (until_ms < next_ms)
            next_ms = until_ms;
        if (next_ms == INT64_MAX) {
            sim_violate("the loop waits, and nothing will ever wake it");
            return 0;
        }
        if (next_ms > world->now_ms)
            move_to(next_ms);
        if (world->now_ms >= until_ms)
            return 0;
    }
    return 0;
}
