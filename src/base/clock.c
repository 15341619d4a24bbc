/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's clocks. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now;

    (void)clock_gettime(id, &now); /* cannot fail for these ids */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t monotonic_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_BOOTTIME);
}

static int64_t wall_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_REALTIME);
}

const weir_clock *weir__clock_system(void)
{
    static const weir_clock system = { monotonic_ms, wall_ms, NULL };

    return &system;
}
