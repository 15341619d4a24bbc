/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that never have a record again: what has expired of them is taken out, a few cells with each cut, round after
 * round through the store. A cut is made only while no other one is under way, so the store is where the last one left
 * it, and what has changed since is in memory.
 *
 * A key goes as a whole, once all its cells have been over for one more time-to-live: a record that comes out of order
 * by no more than that finds what it would have found. Time is the task's input time, up to the machine's; what the
 * task has not read since it was opened, the cells themselves tell.
 */
#include <string.h>

#include "agent/cells.h"
#include "host/stream_internal.h"

enum { CELLS_PER_CUT = 200, ROUNDS_PER_TTL = 8, AGAIN_MS = 10000 };

typedef struct sweep {
    weir_stream_task *task;
    int64_t now_ms;
    size_t looked;
    bool has_key, is_over; /* what stream->sweep_key holds; all of it so far has expired */
    weir_error *err;
    weir_code rc;
} sweep;

static int64_t input_now_ms(const weir_stream_task *task)
{
    int64_t wall_ms = weir__clock_wall_ms(task->stream->clock);

    return task->input_ms < wall_ms ? task->input_ms : wall_ms;
}

bool weir__stream_sweeps(const weir_stream_task *task)
{
    const weir_stream *stream = task->stream;

    /* What was open in an earlier life comes late, and finds its key's memory: a run that waited may be old. */
    return stream->ttl_ms && task->state == WEIR__TASK_RUNNING && !task->is_forward && task->next >= task->done_until &&
           task->inputs_taken == task->input_count &&
           (!task->is_swept || input_now_ms(task) - task->swept_ms > stream->ttl_ms / ROUNDS_PER_TTL ||
            (task->sweep_again_ms && stream->now_ms >= task->sweep_again_ms));
}

void weir__stream_sweep_again(weir_stream_task *task)
{
    int64_t after_ms = task->stream->ttl_ms / ROUNDS_PER_TTL;

    if (!task->sweep_again_ms)
        task->sweep_again_ms = task->stream->now_ms + (after_ms > AGAIN_MS ? after_ms : AGAIN_MS);
}

/* The key that was looked at last: its cells are listed in stream->sweep_paths, size by size. */
static weir_code end_key(sweep *at)
{
    weir_stream *stream = at->task->stream;
    weir_bytes key = weir__buffer_bytes(&stream->sweep_key), paths = weir__buffer_bytes(&stream->sweep_paths);
    uint32_t size;

    if (!at->has_key || !at->is_over)
        return WEIR_OK;
    if (!weir__keys_let_go(weir__engine_keys(stream->engine), at->task->owner, key)) {
        weir__stream_sweep_again(at->task); /* it has a run, or changes that are not committed */
        return WEIR_OK;
    }
    for (size_t i = 0; i < paths.size; i += sizeof size + size) {
        memcpy(&size, paths.data + i, sizeof size);
        if (weir__part_delete_cell(weir__stream_part(at->task), key, weir__bytes(paths.data + i + sizeof size, size)) !=
            WEIR_OK)
            return WEIR_NO_MEMORY;
    }
    return WEIR_OK;
}

static weir_code begin_key(sweep *at, weir_bytes key)
{
    weir_stream *stream = at->task->stream;

    at->has_key = true;
    at->is_over = true;
    weir__buffer_reset(&stream->sweep_paths);
    weir__buffer_reset(&stream->sweep_key);
    return weir__buffer_add(&stream->sweep_key, key.data, key.size);
}

static weir_code add_path(weir_stream *stream, weir_bytes path)
{
    uint32_t size = (uint32_t)path.size;
    weir_code rc = weir__buffer_add(&stream->sweep_paths, &size, sizeof size);

    return rc == WEIR_OK ? weir__buffer_add(&stream->sweep_paths, path.data, path.size) : rc;
}

/* WEIR_CANCELED: enough for this cut. */
static weir_code look_at_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    sweep *at = context;
    weir_stream *stream = at->task->stream;
    bool is_same = at->has_key && weir__bytes_equal(key, weir__buffer_bytes(&stream->sweep_key));
    weir_code rc = is_same ? WEIR_OK : end_key(at);
    weir_cell cell;

    if (rc == WEIR_OK && !is_same)
        rc = begin_key(at, key);
    if (rc != WEIR_OK)
        return weir__fail_memory(err, "a sweep");
    if (at->looked >= CELLS_PER_CUT && (!is_same || !at->is_over)) {
        at->has_key = false; /* the next cut begins with it, or, if it lives, behind it */
        if (is_same && weir__buffer_add_byte(&stream->sweep_key, 0) != WEIR_OK)
            return weir__fail_memory(err, "a sweep");
        return WEIR_CANCELED;
    }
    at->looked++;
    if (weir__cell_decode(path, value, &cell) && cell.has_time && cell.touched_ms > at->task->input_ms)
        at->task->input_ms = cell.touched_ms;
    if (at->now_ms < stream->ttl_ms || !weir__cell_is_expired(value, stream->ttl_ms, at->now_ms - stream->ttl_ms))
        at->is_over = false;
    if (at->is_over && add_path(stream, path) != WEIR_OK)
        return weir__fail_memory(err, "a sweep");
    return WEIR_OK;
}

static void sweep_on_ground(void *context)
{
    sweep *at = context;

    at->rc = weir__store_scan_from(at->task->store, weir__buffer_bytes(&at->task->sweep_from), look_at_cell, at,
                                   at->err);
}

weir_code weir__stream_sweep(weir_stream_task *task, weir_error *err)
{
    weir_stream *stream = task->stream;
    sweep at = { .task = task, .now_ms = input_now_ms(task), .err = err };
    weir_code rc = WEIR_OK;

    if (task->is_swept) { /* a new round */
        task->swept_ms = at.now_ms;
        task->sweep_again_ms = 0;
    }
    task->is_swept = false;
    weir__engine_on_ground(stream->engine, sweep_on_ground, &at);
    weir__buffer_reset(&task->sweep_from);
    if (at.rc == WEIR_CANCELED) {
        rc = weir__buffer_add(&task->sweep_from, stream->sweep_key.data, stream->sweep_key.size);
    } else if (at.rc == WEIR_OK) {
        rc = end_key(&at);
        task->is_swept = true;
    } else {
        if (at.rc != WEIR_NO_MEMORY)
            weir__store_error_context(task->store, err);
        return at.rc;
    }
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a sweep");
}
