/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap. */
#include "engine/timers.h"

#include <stdlib.h>
#include <string.h>

void weir__timers_clear(weir_timers *timers)
{
    free(timers->heap);
    memset(timers, 0, sizeof *timers);
}

static void put(weir_timers *timers, weir_timer *timer, size_t place)
{
    timers->heap[place - 1] = timer;
    timer->place = place;
}

static void rise(weir_timers *timers, weir_timer *timer, size_t place)
{
    while (place > 1 && timers->heap[place / 2 - 1]->due_ms > timer->due_ms) {
        put(timers, timers->heap[place / 2 - 1], place);
        place /= 2;
    }
    put(timers, timer, place);
}

static void sink(weir_timers *timers, weir_timer *timer, size_t place)
{
    for (;;) {
        size_t child = place * 2;

        if (child > timers->count)
            break;
        if (child < timers->count && timers->heap[child]->due_ms < timers->heap[child - 1]->due_ms)
            child++;
        if (timers->heap[child - 1]->due_ms >= timer->due_ms)
            break;
        put(timers, timers->heap[child - 1], place);
        place = child;
    }
    put(timers, timer, place);
}

weir_code weir__timers_set(weir_timers *timers, weir_timer *timer, int64_t due_ms)
{
    int64_t before = timer->due_ms;

    timer->due_ms = due_ms;
    if (timer->place) {
        if (due_ms < before)
            rise(timers, timer, timer->place);
        else
            sink(timers, timer, timer->place);
        return WEIR_OK;
    }
    if (timers->count == timers->capacity) {
        size_t capacity = timers->capacity ? timers->capacity * 2 : 64;
        weir_timer **heap = realloc(timers->heap, capacity * sizeof *heap);

        if (!heap)
            return WEIR_NO_MEMORY;
        timers->heap = heap;
        timers->capacity = capacity;
    }
    timers->count++;
    rise(timers, timer, timers->count);
    return WEIR_OK;
}

void weir__timers_unset(weir_timers *timers, weir_timer *timer)
{
    size_t place = timer->place;
    weir_timer *last;

    if (!place)
        return;
    timer->place = 0;
    last = timers->heap[--timers->count];
    if (last == timer)
        return;
    if (last->due_ms < timer->due_ms)
        rise(timers, last, place);
    else
        sink(timers, last, place);
}

int64_t weir__timers_next_ms(const weir_timers *timers)
{
    return timers->count ? timers->heap[0]->due_ms : INT64_MAX;
}

void weir__timers_run(weir_timers *timers, int64_t now_ms)
{
    while (timers->count && timers->heap[0]->due_ms <= now_ms) {
        weir_timer *timer = timers->heap[0];

        weir__timers_unset(timers, timer);
        timer->fn(timer);
    }
}
