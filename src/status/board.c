/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slots. A writer builds its copy before it takes the lock, and holds that only to swap a pointer; a reader holds
 * it while it copies one part, so a loop waits for at most that.
 */
#include "status/board.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct slot {
    pthread_mutex_t lock;
    weir_status_thread *told;  /* one piece of memory, owned; NULL: nothing yet. lock: slot->lock */
    _Atomic int64_t alive_ms;  /* the last sign of life, monotonic */
    int64_t due_ms;            /* the writer's own: when it told last */
    bool has_told;             /* the writer's own */
} slot;

struct weir_status_board {
    size_t count;
    slot slots[];
};

weir_code weir__status_board_new(size_t threads, int64_t now_ms, weir_status_board **out, weir_error *err)
{
    weir_status_board *board = calloc(1, sizeof *board + threads * sizeof *board->slots);

    if (!board)
        return weir__fail_memory(err, "status.listen");
    for (; board->count < threads; board->count++) {
        slot *at = &board->slots[board->count];

        if (pthread_mutex_init(&at->lock, NULL) != 0) {
            weir__status_board_free(board);
            return weir__fail_memory(err, "status.listen");
        }
        atomic_init(&at->alive_ms, now_ms);
    }
    *out = board;
    return WEIR_OK;
}

void weir__status_board_free(weir_status_board *board)
{
    if (!board)
        return;
    for (size_t i = 0; i < board->count; i++) {
        (void)pthread_mutex_destroy(&board->slots[i].lock); /* nobody holds it */
        free(board->slots[i].told);
    }
    free(board);
}

/* ---- a part in one piece of memory ------------------------------------------------------------------------------ */

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static size_t part_bytes(const weir_status_thread *part)
{
    size_t size = sizeof *part + part->task_count * sizeof *part->tasks + part->counter_count * sizeof *part->counters;

    for (size_t i = 0; i < part->task_count; i++)
        size += text_bytes(part->tasks[i].topic);
    for (size_t i = 0; i < part->counter_count; i++)
        size += text_bytes(part->counters[i].metric);
    size += text_bytes(part->reason);
    return (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
}

static const char *copy_text(const char *text, char **at)
{
    size_t size = text_bytes(text);
    char *copy = *at;

    if (!text)
        return NULL;
    memcpy(copy, text, size);
    *at += size;
    return copy;
}

/* Into memory of part_bytes() bytes: the structs first, so that each is aligned, then the text. */
static weir_status_thread *copy_part(const weir_status_thread *part, void *memory)
{
    weir_status_thread *copy = memory;
    weir_status_task *tasks = (weir_status_task *)(copy + 1);
    weir_status_counter *counters = (weir_status_counter *)(tasks + part->task_count);
    char *text = (char *)(counters + part->counter_count);

    *copy = *part;
    copy->reason = copy_text(part->reason, &text);
    for (size_t i = 0; i < part->task_count; i++) {
        tasks[i] = part->tasks[i];
        tasks[i].topic = copy_text(part->tasks[i].topic, &text);
    }
    for (size_t i = 0; i < part->counter_count; i++) {
        counters[i] = part->counters[i];
        counters[i].metric = copy_text(part->counters[i].metric, &text);
    }
    copy->tasks = tasks;
    copy->counters = counters;
    return copy;
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

bool weir__status_board_is_due(const weir_status_board *board, size_t thread, int64_t now_ms)
{
    const slot *at = &board->slots[thread];

    assert(thread < board->count);
    return !at->has_told || now_ms >= at->due_ms;
}

void weir__status_board_beat(weir_status_board *board, size_t thread, int64_t now_ms)
{
    assert(thread < board->count);
    atomic_store_explicit(&board->slots[thread].alive_ms, now_ms, memory_order_relaxed);
}

void weir__status_board_publish(weir_status_board *board, size_t thread, const weir_status_thread *part,
                                int64_t now_ms)
{
    slot *at = &board->slots[thread];
    weir_status_thread *before, *copy;
    void *memory;

    assert(thread < board->count);
    weir__status_board_beat(board, thread, now_ms);
    at->due_ms = now_ms + WEIR__STATUS_INTERVAL_MS;
    memory = malloc(part_bytes(part));
    if (!memory)
        return;
    copy = copy_part(part, memory);
    at->has_told = true;
    (void)pthread_mutex_lock(&at->lock); /* a plain lock, held by nobody for good: cannot fail */
    before = at->told;
    at->told = copy;
    (void)pthread_mutex_unlock(&at->lock);
    free(before);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

weir_code weir__status_board_copy(weir_status_board *board, int64_t now_ms, weir_status_copy *out)
{
    struct weir_status_part *parts = calloc(board->count, sizeof *parts);

    if (!parts)
        return WEIR_NO_MEMORY;
    out->parts = parts;
    out->count = board->count;
    for (size_t i = 0; i < board->count; i++) {
        slot *at = &board->slots[i];
        int64_t silent_ms = now_ms - atomic_load_explicit(&at->alive_ms, memory_order_relaxed);
        void *memory = NULL;
        bool is_empty;

        (void)pthread_mutex_lock(&at->lock);
        is_empty = !at->told;
        if (!is_empty)
            memory = malloc(part_bytes(at->told));
        if (memory)
            parts[i].thread = copy_part(at->told, memory);
        (void)pthread_mutex_unlock(&at->lock);
        parts[i].silent_ms = silent_ms > 0 ? silent_ms : 0; /* the two clocks were asked in another order */
        if (!is_empty && !memory) {
            weir__status_copy_clear(out);
            return WEIR_NO_MEMORY;
        }
    }
    return WEIR_OK;
}

void weir__status_copy_clear(weir_status_copy *copy)
{
    for (size_t i = 0; i < copy->count; i++)
        free((void *)copy->parts[i].thread);
    free(copy->parts);
    copy->parts = NULL;
    copy->count = 0;
}

void weir__status_observe(weir_status_histogram *histogram, int64_t duration_ms)
{
    static const int64_t bounds[] = WEIR__STATUS_BOUNDS_MS;
    size_t bucket = 0;

    _Static_assert(sizeof bounds / sizeof *bounds + 1 == WEIR__STATUS_BUCKETS, "one bucket above the bounds");
    if (duration_ms < 0)
        duration_ms = 0;
    while (bucket < WEIR__STATUS_BUCKETS - 1 && duration_ms > bounds[bucket])
        bucket++;
    histogram->buckets[bucket]++;
    histogram->sum_ms += (uint64_t)duration_ms;
}
