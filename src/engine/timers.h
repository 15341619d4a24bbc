/* SPDX-License-Identifier: Apache-2.0 */
/* What is due when: a heap of timers, each embedded in what it belongs to. */
#ifndef WEIR__ENGINE_TIMERS_H
#define WEIR__ENGINE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* All zero: not set. */
typedef struct weir_timer {
    int64_t due_ms;                       /* monotonic */
    size_t place;                         /* in the heap, from 1; 0: not set */
    void (*fn)(struct weir_timer *timer); /* it is not set any more when it is called, and may be set again */
} weir_timer;

typedef struct weir_timers {
    weir_timer **heap; /* heap[0] is place 1 */
    size_t count, capacity;
} weir_timers;

void weir__timers_clear(weir_timers *timers); /* all zero is an empty one; timers are not its own */

/** Sets a timer, or moves it. WEIR_OK or WEIR_NO_MEMORY; moving never fails. */
WEIR_CHECK weir_code weir__timers_set(weir_timers *timers, weir_timer *timer, int64_t due_ms);
void weir__timers_unset(weir_timers *timers, weir_timer *timer); /* not set: fine */

/** When the next one is due; INT64_MAX: none is set. */
int64_t weir__timers_next_ms(const weir_timers *timers);

/** Calls all that are due, earliest first. */
void weir__timers_run(weir_timers *timers, int64_t now_ms);

#endif
