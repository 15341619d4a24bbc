/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only thread there is. What is a thread of a process in life is a fiber here, on a stack of its own, and gives
 * way at every step; the dice say who goes on: one that can, or something of the world whose time has come. Time moves
 * when nobody can go on, and at times before.
 */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <ucontext.h>
#include <unistd.h>

#include "cluster.h"
#include "world.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define WITH_ASAN
#endif

enum { FIBERS = 256, STACK_BYTES = 256 * 1024, GHOST_POLLS = 100000 };

typedef struct fiber {
    struct fiber *next; /* of those that are free */
    ucontext_t context;
    jmp_buf place; /* where it left off: to jump costs no system call */
    sim_process *process;
    const char *name;
    void (*fn)(void *arg);
    void *arg;
    bool (*is_true)(void *arg); /* what it waits for; NULL: only for time */
    void *wait_arg;
    int64_t wake_ms;
    bool is_loop, has_begun, has_ended;
    void *fake_stack;
    const void *bottom; /* of the stack that it left on: a fiber may have gone on to another one of its own */
    size_t size;
    uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
} fiber;

typedef struct event {
    int64_t when_ms;
    void (*fn)(void *arg);
    void *arg;
} event;

static fiber *fibers[FIBERS];
static size_t fiber_count, last_ghost;
static fiber *unused;
static fiber *current; /* NULL: the world's */
static ucontext_t world_context;
#ifndef WITH_ASAN
static jmp_buf world_place;
#endif
static const void *world_bottom;
static size_t world_size;

/* Kept from seed to seed: those to come, as a heap, the soonest first; and those whose time has come, in no order. */
typedef struct event_list {
    event *events;
    size_t count, capacity;
} event_list;

static event_list coming, due;

enum { FDS = 256 };
static int spare_fds[FDS]; /* to make one is a system call, and a life takes several */
static size_t spare_fd_count;

/* ---- switching --------------------------------------------------------------------------------------------------- */

static void arrive_in_fiber(void *fake_stack)
{
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, &world_bottom, &world_size);
#else
    (void)fake_stack;
    (void)world_bottom;
    (void)world_size;
#endif
}

static void back_to_world(fiber *from)
{
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(from->has_ended ? NULL : &from->fake_stack, world_bottom, world_size);
#endif
#ifdef WITH_ASAN /* it would take a jump for an unwinding */
    if (swapcontext(&from->context, &world_context) != 0)
        abort();
#else
    if (_setjmp(from->place) == 0)
        _longjmp(world_place, 1);
#endif
    arrive_in_fiber(from->fake_stack);
}

static void enter(void)
{
    fiber *self = current;

    arrive_in_fiber(NULL);
    self->fn(self->arg);
    self->has_ended = true;
    back_to_world(self);
    abort();
}

/* Until it gives way, or ends. */
static void go_to(fiber *next, bool is_new)
{
#ifndef WITH_ASAN
    if (_setjmp(world_place) != 0)
        return;
    if (!is_new)
        _longjmp(next->place, 1);
#else
    (void)is_new;
#endif
    if (swapcontext(&world_context, &next->context) != 0)
        abort();
}

static void run(fiber *next)
{
    void *fake_stack = NULL;
    bool is_new = !next->has_begun;

    current = next;
    if (is_new) {
        next->has_begun = true;
        if (getcontext(&next->context) != 0)
            abort();
#ifdef WITH_ASAN
        __asan_unpoison_memory_region(next->stack, sizeof next->stack);
#endif
        next->bottom = next->stack;
        next->size = sizeof next->stack;
        next->context.uc_stack.ss_sp = next->stack;
        next->context.uc_stack.ss_size = sizeof next->stack;
        next->context.uc_link = NULL;
        makecontext(&next->context, enter, 0);
    }
#ifdef WITH_ASAN
    __sanitizer_start_switch_fiber(&fake_stack, next->bottom, next->size);
#endif
    go_to(next, is_new);
#ifdef WITH_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, &next->bottom, &next->size);
#else
    (void)fake_stack;
#endif
    current = NULL;
    if (!next->has_ended)
        return;
    next->process->fibers--;
    next->process->news++;
    for (size_t i = 0; i < fiber_count; i++) {
        if (fibers[i] == next) {
            fibers[i] = fibers[--fiber_count];
            break;
        }
    }
    next->next = unused;
    unused = next;
}

void sim_release_stacks(void)
{
    while (unused) {
        fiber *next = unused->next;

        free(unused);
        unused = next;
    }
    free(coming.events);
    free(due.events);
    coming = due = (event_list){ 0 };
    while (spare_fd_count)
        (void)close(spare_fds[--spare_fd_count]); /* nothing is in it */
}

/* ---- processes and threads --------------------------------------------------------------------------------------- */

sim_process *sim_process_new(const char *name)
{
    sim_process *process = sim_alloc(sizeof *process);

    process->name = name;
    process->next = world->processes;
    world->processes = process;
    return process;
}

void sim_thread(sim_process *process, const char *name, bool is_loop, void (*fn)(void *arg), void *arg)
{
    fiber *next = unused;

    if (fiber_count == FIBERS)
        abort();
    if (next)
        unused = next->next;
    else
        next = malloc(sizeof *next);
    if (!next)
        abort();
    memset(next, 0, offsetof(fiber, stack));
    next->process = process;
    next->name = name;
    next->is_loop = is_loop;
    next->fn = fn;
    next->arg = arg;
    next->wake_ms = world->now_ms;
    process->fibers++;
    fibers[fiber_count++] = next;
}

sim_process *sim_here(void)
{
    return current ? current->process : NULL;
}

bool sim_is_in_loop(void)
{
    return current && current->is_loop;
}

bool sim_is_stopped(const sim_process *process)
{
    return process->stopped_until_ms > world->now_ms && !process->is_dead;
}

void sim_kill(sim_process *process)
{
    if (process->is_dead)
        return;
    sim_trace("%s is killed at its step %llu", process->name, (unsigned long long)process->steps);
    process->is_dead = true;
    sim_cluster_process_dies(process);
}

void sim_stop(sim_process *process, int64_t for_ms)
{
    if (process->is_dead)
        return;
    sim_trace("%s is stopped for %lld ms at its step %llu", process->name, (long long)for_ms,
              (unsigned long long)process->steps);
    process->stopped_until_ms = world->now_ms + for_ms;
}

bool sim_wait(bool (*is_true)(void *arg), void *arg, int64_t until_ms)
{
    fiber *self = current;

    if (!self)
        abort();
    if (self->process->is_dead)
        return false;
    self->is_true = is_true;
    self->wait_arg = arg;
    self->wake_ms = until_ms;
    back_to_world(self);
    return !self->process->is_dead && is_true && is_true(arg);
}

bool sim_step(const char *what)
{
    sim_process *process = sim_here();

    if (!process)
        return true; /* the world looks */
    if (process->is_dead)
        return false;
    world->steps++;
    process->steps++;
    if (process->kill_at == process->steps) {
        sim_trace("(about to: %s)", what);
        sim_kill(process);
    }
    if (process->stop_at == process->steps) {
        sim_trace("(about to: %s)", what);
        sim_stop(process, process->stop_ms);
    }
    if (!process->is_dead && (sim_is_stopped(process) || sim_chance(world->give_way)))
        (void)sim_wait(NULL, NULL, world->now_ms);
    return !process->is_dead;
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static size_t add(event_list *to, event added)
{
    if (to->count == to->capacity) {
        to->capacity = to->capacity ? to->capacity * 2 : 256;
        to->events = realloc(to->events, to->capacity * sizeof *to->events);
        if (!to->events)
            abort();
    }
    to->events[to->count] = added;
    return to->count++;
}

void sim_at(int64_t when_ms, void (*fn)(void *arg), void *arg)
{
    event added = { when_ms, fn, arg };
    size_t at = add(&coming, added);

    for (; at > 0 && coming.events[(at - 1) / 2].when_ms > when_ms; at = (at - 1) / 2)
        coming.events[at] = coming.events[(at - 1) / 2];
    coming.events[at] = added;
}

/* Out of the heap, those whose time has come. */
static void gather_due(void)
{
    while (coming.count && coming.events[0].when_ms <= world->now_ms) {
        event last = coming.events[--coming.count];
        size_t at = 0, child;

        (void)add(&due, coming.events[0]);
        for (; (child = 2 * at + 1) < coming.count; at = child) {
            child += child + 1 < coming.count && coming.events[child + 1].when_ms < coming.events[child].when_ms;
            if (coming.events[child].when_ms >= last.when_ms)
                break;
            coming.events[at] = coming.events[child];
        }
        coming.events[at] = last;
    }
}

static void take_event(size_t which)
{
    event taken = due.events[which];

    due.events[which] = due.events[--due.count];
    taken.fn(taken.arg);
}

/* ---- who goes on ------------------------------------------------------------------------------------------------- */

static bool can_go_on(const fiber *asked)
{
    if (asked->process->stopped_until_ms > world->now_ms)
        return false;
    return asked->wake_ms <= world->now_ms || (asked->is_true && asked->is_true(asked->wait_arg));
}

/* Ghosts end at once: nobody can tell when. */
static bool run_ghost(void)
{
    for (size_t i = 0; i < fiber_count; i++) {
        size_t which = ++last_ghost % fiber_count;

        if (fibers[which]->process->is_dead) {
            run(fibers[which]);
            return true;
        }
    }
    return false;
}

/* False: nothing can happen any more. */
static bool move_time(void)
{
    int64_t next_ms = INT64_MAX;

    for (size_t i = 0; i < fiber_count; i++) {
        int64_t wake_ms = fibers[i]->wake_ms;

        if (sim_is_stopped(fibers[i]->process))
            wake_ms = fibers[i]->process->stopped_until_ms;
        if (wake_ms < next_ms)
            next_ms = wake_ms;
    }
    if (coming.count && coming.events[0].when_ms < next_ms)
        next_ms = coming.events[0].when_ms;
    if (next_ms == INT64_MAX)
        return false;
    if (next_ms > world->now_ms)
        world->now_ms = next_ms;
    return true;
}

bool sim_play(bool (*is_done)(void))
{
    while (!world->has_failed && !is_done()) {
        size_t ready[FIBERS], count = 0, picked;
        bool has_ghosts = false;

        for (size_t i = 0; i < fiber_count; i++) {
            if (fibers[i]->process->is_dead)
                has_ghosts = true;
            else if (can_go_on(fibers[i]))
                ready[count++] = i;
        }
        if (has_ghosts && run_ghost())
            continue;
        gather_due();
        if (count + due.count == 0) {
            if (!move_time())
                return false;
            continue;
        }
        if (sim_chance(64))
            world->now_ms++;
        picked = (size_t)sim_random(count + due.count);
        if (picked < count)
            run(fibers[ready[picked]]);
        else
            take_event(picked - count);
    }
    return true;
}

void sim_finish(void)
{
    for (sim_process *process = world->processes; process; process = process->next)
        process->is_dead = true;
    for (int i = 0; run_ghost(); i++) {
        if (i > GHOST_POLLS)
            abort(); /* a thread that does not end: the host waits in a way that the model does not know */
    }
    coming.count = due.count = 0;
    last_ghost = 0; /* a seed plays the same again */
}

/* ---- ports ------------------------------------------------------------------------------------------------------- */

static int64_t monotonic_ms(void *context)
{
    sim_process *here = sim_here();

    (void)context;
    if (!here)
        return world->now_ms;
    if (!sim_step("clock"))
        here->ghost_ms += 1;
    return world->now_ms + here->ghost_ms;
}

static int64_t wall_ms(void *context)
{
    return 1000000000 + monotonic_ms(context);
}

const weir_clock sim_clock = { monotonic_ms, wall_ms, NULL };

static void run_task(void *arg)
{
    weir_task *task = arg;

    task->run(task);
}

static void submit(void *context, weir_task *task)
{
    (void)context;
    if (!current)
        abort();
    sim_thread(current->process, "task", false, run_task, task);
}

const weir_executor sim_executor = { submit, NULL };

static void run_recovery(void *arg)
{
    sim_process *process = current->process;

    run_task(arg);
    process->recoveries--;
}

static void submit_recovery(void *context, weir_task *task)
{
    (void)context;
    if (!current)
        abort();
    current->process->recoveries++;
    sim_thread(current->process, "recovery", false, run_recovery, task);
}

const weir_executor sim_recoveries = { submit_recovery, NULL };

int sim_fd(void)
{
    int fd = spare_fd_count ? spare_fds[--spare_fd_count] : eventfd(0, EFD_CLOEXEC);

    if (fd < 0)
        abort();
    return fd;
}

void sim_fd_close(int fd)
{
    if (spare_fd_count < FDS)
        spare_fds[spare_fd_count++] = fd;
    else
        (void)close(fd); /* nothing is in it */
}

typedef struct awaited {
    const sim_process *process;
    uint64_t news;
} awaited;

static bool has_news(void *arg)
{
    const awaited *what = arg;

    return what->process->news != what->news;
}

int sim_poll(void *context, struct pollfd *fds, nfds_t count, int timeout_ms)
{
    sim_process *here = sim_here();
    awaited what;

    (void)context;
    for (nfds_t i = 0; i < count; i++)
        fds[i].revents = 0;
    what = (awaited){ here, here->heard }; /* what came since the last one stays readable, as a descriptor does */
    if (!sim_step("poll")) {
        here->is_told_to_stop = true;
        here->ghost_ms += timeout_ms < 0 ? 1000 : timeout_ms + 1;
        back_to_world(current); /* its other threads end meanwhile */
        return 0;
    }
    if (timeout_ms != 0 && !has_news(&what))
        (void)sim_wait(has_news, &what, timeout_ms < 0 ? INT64_MAX : world->now_ms + timeout_ms);
    here->heard = here->news;
    return 0;
}
