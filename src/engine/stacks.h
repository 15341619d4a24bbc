/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks of one thread, and moving between them. "The loop moves, not the run": see README.md.
 *
 * The thread's own stack is the ground. weir__stacks_run() enters a loop on a pooled stack. What calls
 * weir__stacks_park() keeps its stack, and the loop starts anew on another; weir__stacks_resume() goes back to a parked
 * stack and gives up the current one, which therefore must hold nothing that is needed.
 */
#ifndef WEIR__ENGINE_STACKS_H
#define WEIR__ENGINE_STACKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct weir_stack weir_stack;
typedef struct weir_stacks weir_stacks;

/**
 * Makes a pool; maps nothing yet.
 *
 * @param size_bytes  of each stack, rounded up to pages; a guard of 64 KiB lies below it
 * @param loop        the loop: runs on each fresh stack; must end in weir__stacks_leave(), never return
 */
WEIR_CHECK weir_code weir__stacks_new(size_t size_bytes, void (*loop)(void *context), void *context,
                                      weir_stacks **out, weir_error *err);
void weir__stacks_free(weir_stacks *stacks); /* accepts NULL; no stack is parked */

/** From the ground: runs the loop until it leaves. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__stacks_run(weir_stacks *stacks, weir_error *err);

/** From the loop's top: back to the ground; weir__stacks_run() returns. */
_Noreturn void weir__stacks_leave(weir_stacks *stacks);

/** The current stack; NULL on the ground. */
weir_stack *weir__stacks_current(const weir_stacks *stacks);

/**
 * Parks the current stack (take weir__stacks_current() before) and starts the loop on a fresh one. Returns when
 * somebody resumes it. errno is kept.
 * @return false when there is no memory for another stack; then nothing has happened
 */
WEIR_CHECK bool weir__stacks_park(weir_stacks *stacks);

/** From the loop's top: gives up the current stack and goes on where `stack` was parked. */
_Noreturn void weir__stacks_resume(weir_stacks *stacks, weir_stack *stack);

/** Calls a function on the ground stack, from any other; on the ground itself it is a plain call. */
void weir__stacks_on_ground(weir_stacks *stacks, void (*fn)(void *context), void *context);

/** Whether an address lies in the guard of the current stack: it overflowed. Threads: a signal handler of ours. */
bool weir__stacks_is_overflow(const weir_stacks *stacks, const void *address);

/** Bytes of a stack without its guard. */
size_t weir__stacks_size(const weir_stacks *stacks);

#endif
