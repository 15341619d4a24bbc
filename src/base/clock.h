/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks behind a port, so that tests own time. */
#ifndef WEIR__BASE_CLOCK_H
#define WEIR__BASE_CLOCK_H

#include <stdint.h>

typedef struct weir_clock {
    int64_t (*monotonic_ms)(void *context); /* for durations; counts through suspend (boot time) */
    int64_t (*wall_ms)(void *context);      /* for stamps; since 1970 */
    void *context;
} weir_clock;

/** The machine's clocks. Threads: any. */
const weir_clock *weir__clock_system(void);

static inline int64_t weir__clock_monotonic_ms(const weir_clock *clock)
{
    return clock->monotonic_ms(clock->context);
}

static inline int64_t weir__clock_wall_ms(const weir_clock *clock)
{
    return clock->wall_ms(clock->context);
}

#endif
