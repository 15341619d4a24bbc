/* SPDX-License-Identifier: Apache-2.0 */
/* Pooled stacks over ucontext. The sanitizers and Valgrind are told of every switch. */
#include "engine/stacks.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#include <sanitizer/tsan_interface.h>
#endif
#if defined(HAVE_VALGRIND_VALGRIND_H)
#include <valgrind/valgrind.h>
#endif

enum { GUARD_BYTES = 64 * 1024, POOLED = 64 };

struct weir_stack {
    weir_stack *next; /* in the pool */
    uint8_t *map;     /* guard, then the stack */
    ucontext_t context;
    void *fake_stack; /* ASan's, while parked */
    void *tsan_fiber;
    unsigned valgrind_id;
};

struct weir_stacks {
    size_t size_bytes;
    void (*loop)(void *context);
    void *context;
    weir_stack *pool;
    size_t pooled;
    weir_stack *current; /* NULL: on the ground */
    weir_stack *retired; /* given up by the last switch, still under our feet then */
    ucontext_t ground;
    void *ground_fake_stack;
    const void *ground_bottom; /* ASan tells them at the first switch */
    size_t ground_size;
    void *ground_tsan_fiber;
    void (*ground_fn)(void *context); /* asked for by weir__stacks_on_ground() */
    void *ground_context;
    bool is_left;
};

weir_code weir__stacks_new(size_t size_bytes, void (*loop)(void *context), void *context, weir_stacks **out,
                           weir_error *err)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    weir_stacks *stacks = calloc(1, sizeof *stacks);

    if (!stacks)
        return weir__fail_memory(err, "the stacks");
    stacks->size_bytes = (size_bytes + page - 1) / page * page;
    stacks->loop = loop;
    stacks->context = context;
    *out = stacks;
    return WEIR_OK;
}

static void free_stack(weir_stacks *stacks, weir_stack *stack)
{
#ifdef HAVE_VALGRIND_VALGRIND_H
    VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
#endif
#ifdef WITH_ASAN
    __lsan_unregister_root_region(stack->map + GUARD_BYTES, stacks->size_bytes);
    __asan_unpoison_memory_region(stack->map + GUARD_BYTES, stacks->size_bytes);
#endif
#ifdef WITH_TSAN
    __tsan_destroy_fiber(stack->tsan_fiber);
#endif
    (void)munmap(stack->map, GUARD_BYTES + stacks->size_bytes); /* ours, whole */
    free(stack);
}

void weir__stacks_free(weir_stacks *stacks)
{
    if (!stacks)
        return;
    while (stacks->pool) {
        weir_stack *stack = stacks->pool;

        stacks->pool = stack->next;
        free_stack(stacks, stack);
    }
    free(stacks);
}

/* ---- switching --------------------------------------------------------------------------------------------------- */

/* Behind every switch: what was given up may go now. */
static void landed(weir_stacks *stacks, void *fake_stack)
{
    weir_stack *retired = stacks->retired;

#ifdef WITH_ASAN
    const void *bottom;
    size_t size;

    __sanitizer_finish_switch_fiber(fake_stack, &bottom, &size);
    if (!stacks->ground_bottom) {
        stacks->ground_bottom = bottom; /* the first switch ever comes from the ground */
        stacks->ground_size = size;
    }
#else
    (void)fake_stack;
#endif
    stacks->retired = NULL;
    if (!retired)
        return;
    if (stacks->pooled < POOLED) {
        retired->next = stacks->pool;
        stacks->pool = retired;
        stacks->pooled++;
    } else {
        free_stack(stacks, retired);
    }
}

/* Before every switch. `fake_stack` NULL: the current stack is given up. */
static void leaving(weir_stacks *stacks, weir_stack *to, void **fake_stack)
{
#ifdef WITH_ASAN
    if (to)
        __sanitizer_start_switch_fiber(fake_stack, to->map + GUARD_BYTES, stacks->size_bytes);
    else
        __sanitizer_start_switch_fiber(fake_stack, stacks->ground_bottom, stacks->ground_size);
#else
    (void)fake_stack;
#endif
#ifdef WITH_TSAN
    __tsan_switch_to_fiber(to ? to->tsan_fiber : stacks->ground_tsan_fiber, 0);
#endif
    stacks->current = to;
}

/* makecontext() passes ints, so the pointer comes in two halves. */
static void enter(unsigned high, unsigned low)
{
    weir_stacks *stacks = (weir_stacks *)((uintptr_t)high << 32 | low);

    landed(stacks, NULL);
    stacks->loop(stacks->context);
    abort(); /* a loop leaves, it does not return */
}

static weir_stack *new_stack(weir_stacks *stacks)
{
    weir_stack *stack = stacks->pool;

    if (stack) {
        stacks->pool = stack->next;
        stacks->pooled--;
    } else {
        size_t size = GUARD_BYTES + stacks->size_bytes;

        stack = calloc(1, sizeof *stack);
        if (!stack)
            return NULL;
        stack->map = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (stack->map == MAP_FAILED) {
            free(stack);
            return NULL;
        }
        if (mprotect(stack->map + GUARD_BYTES, stacks->size_bytes, PROT_READ | PROT_WRITE) != 0) {
            (void)munmap(stack->map, size); /* ours, whole */
            free(stack);
            return NULL;
        }
#ifdef HAVE_VALGRIND_VALGRIND_H
        stack->valgrind_id = VALGRIND_STACK_REGISTER(stack->map + GUARD_BYTES, stack->map + size);
#endif
#ifdef WITH_ASAN
        __lsan_register_root_region(stack->map + GUARD_BYTES, stacks->size_bytes);
#endif
#ifdef WITH_TSAN
        stack->tsan_fiber = __tsan_create_fiber(0);
#endif
    }
#ifdef WITH_ASAN
    /* Frames that were given up left their poison behind. */
    __asan_unpoison_memory_region(stack->map + GUARD_BYTES, stacks->size_bytes);
#endif
    if (getcontext(&stack->context) != 0)
        abort(); /* cannot fail on Linux */
    stack->context.uc_stack.ss_sp = stack->map + GUARD_BYTES;
    stack->context.uc_stack.ss_size = stacks->size_bytes;
    stack->context.uc_link = NULL;
    makecontext(&stack->context, (void (*)(void))enter, 2, (unsigned)((uintptr_t)stacks >> 32),
                (unsigned)(uintptr_t)stacks);
    return stack;
}

weir_code weir__stacks_run(weir_stacks *stacks, weir_error *err)
{
    weir_stack *stack = new_stack(stacks);

    if (!stack)
        return weir__fail_memory(err, "a stack");
#ifdef WITH_TSAN
    stacks->ground_tsan_fiber = __tsan_get_current_fiber();
#endif
    stacks->is_left = false;
    for (;;) {
        leaving(stacks, stack, &stacks->ground_fake_stack);
        if (swapcontext(&stacks->ground, &stack->context) != 0)
            abort(); /* cannot fail on Linux */
        landed(stacks, stacks->ground_fake_stack);
        if (stacks->is_left)
            return WEIR_OK;
        stack = stacks->current;
        stacks->current = NULL;
        stacks->ground_fn(stacks->ground_context);
    }
}

void weir__stacks_leave(weir_stacks *stacks)
{
    stacks->is_left = true;
    stacks->retired = stacks->current;
    leaving(stacks, NULL, NULL);
    (void)setcontext(&stacks->ground);
    abort(); /* cannot fail on Linux */
}

weir_stack *weir__stacks_current(const weir_stacks *stacks)
{
    return stacks->current;
}

bool weir__stacks_park(weir_stacks *stacks)
{
    weir_stack *parked = stacks->current;
    weir_stack *fresh = new_stack(stacks);
    int saved = errno;

    if (!fresh)
        return false;
    leaving(stacks, fresh, &parked->fake_stack);
    if (swapcontext(&parked->context, &fresh->context) != 0)
        abort(); /* cannot fail on Linux */
    landed(stacks, parked->fake_stack);
    errno = saved;
    return true;
}

void weir__stacks_resume(weir_stacks *stacks, weir_stack *stack)
{
    stacks->retired = stacks->current;
    leaving(stacks, stack, NULL);
    (void)setcontext(&stack->context);
    abort(); /* cannot fail on Linux */
}

void weir__stacks_on_ground(weir_stacks *stacks, void (*fn)(void *context), void *context)
{
    weir_stack *self = stacks->current;

    if (!self) {
        fn(context);
        return;
    }
    stacks->ground_fn = fn;
    stacks->ground_context = context;
    leaving(stacks, NULL, &self->fake_stack);
    stacks->current = self; /* where weir__stacks_run() comes back to */
    if (swapcontext(&self->context, &stacks->ground) != 0)
        abort(); /* cannot fail on Linux */
    landed(stacks, self->fake_stack);
}

bool weir__stacks_is_overflow(const weir_stacks *stacks, const void *address)
{
    const uint8_t *at = address;

    return stacks->current && at >= stacks->current->map && at < stacks->current->map + GUARD_BYTES;
}

size_t weir__stacks_size(const weir_stacks *stacks)
{
    return stacks->size_bytes;
}
