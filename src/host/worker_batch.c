/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has ended, gathered until the loop has nothing else to do: the batch is built where it is sent from, ends first,
 * and what the runs have changed is added when it is told.
 */
#include <string.h>

#include "agent/memory.h"
#include "host/worker_internal.h"

enum { MOST_ENDS = 1000, MOST_BYTES = 64 << 10, MOST_CHANGE_BYTES = 1 << 20 };

weir_buffer *weir__worker_up(weir_worker *worker)
{
    return worker->batch.is_open ? &worker->batch.beside : &worker->pipe.filling;
}

void weir__worker_up_end(weir_worker *worker, weir_buffer *out, size_t begin)
{
    weir_error err;
    weir_code rc = weir__up_end(out, begin, worker->frame_most, &err);

    if (rc != WEIR_OK)
        weir__worker_give_up(worker, rc, &err);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static weir_buffer *open_batch(weir_worker *worker)
{
    weir_worker_batch *batch = &worker->batch;
    weir_buffer *out = &worker->pipe.filling;

    if (batch->is_open)
        return out;
    batch->is_open = true;
    batch->begin = weir__up_begin(out, WEIR__UP_BATCH);
    batch->count_at = out->size;
    batch->ends = 0;
    batch->change_bytes = 0;
    weir__up_u32(out, 0);
    return out;
}

static void add_refusal(weir_buffer *out, uint64_t ticket, weir_end_kind kind, const weir_error *why)
{
    weir__up_u64(out, ticket);
    weir__up_u8(out, (uint8_t)kind);
    weir__up_code(out, why->code);
    weir__up_text(out, why->message);
}

static weir_code add_outputs(weir_worker *worker, const weir_run *run, weir_buffer *out, weir_error *err)
{
    weir__up_u32(out, (uint32_t)run->output_count);
    for (const weir_output_item *item = run->outputs; item; item = item->next) {
        size_t at = out->size;
        weir_code rc;

        if (worker->formats.is_output_json) {
            weir__up_bytes(out, item->text);
            continue;
        }
        weir__up_u32(out, 0);
        rc = weir__format_encode(worker->formats.output, item->text, out, err);
        if (rc != WEIR_OK)
            return rc;
        weir__up_count(out, at, (uint32_t)(out->size - at - 4));
    }
    worker->outputs += run->output_count;
    return WEIR_OK;
}

static size_t size_of_changes(const weir_run *run)
{
    const weir_cells *changes = &run->short_term.changes;
    size_t size = 0;

    for (size_t i = 0; i < changes->count; i++) {
        const weir_cell *cell = &changes->items[i];

        size += cell->path.size + 32;
        if (cell->type == WEIR__CELL_TEXT || cell->type == WEIR__CELL_JSON)
            size += cell->value.bytes.size;
    }
    return size;
}

static void fail_run(weir_worker *worker, const weir_run *run)
{
    const weir_worker_input *input = run->host;
    weir_error why = run->failure.error;

    if (why.remedy == WEIR_REMEDY_STOP) {
        weir__worker_give_up(worker, why.code, &why);
        return;
    }
    if (worker->on_error == WEIR__END_FAILED) {
        worker->failure = (weir_worker_failure){ .is_there = true, .ticket = input->ticket, .error = why };
        worker->state = WEIR__WORKER_FAILED; /* nothing that comes after it is told */
        weir__engine_stop(worker->engine);
        return;
    }
    add_refusal(open_batch(worker), input->ticket, worker->on_error, &why);
    worker->batch.ends++;
    worker->passed_over++;
}

void weir__worker_ended(void *context, weir_run *run)
{
    weir_worker *worker = context;
    const weir_worker_input *input = run->host;
    weir_buffer *out;
    weir_error err;
    weir_code rc;

    if (worker->journal)
        weir__worker_run_is_over(worker, run);
    if (worker->state >= WEIR__WORKER_FAILED)
        return;
    if (weir__failure_is_kept(&run->failure)) {
        fail_run(worker, run);
        return;
    }
    out = open_batch(worker);
    weir__up_u64(out, input->ticket);
    weir__up_u8(out, WEIR__END_DONE);
    rc = add_outputs(worker, run, out, &err);
    worker->batch.ends++;
    if (run->short_term.changes.count)
        worker->batch.change_bytes += size_of_changes(run);
    if (rc == WEIR_OK && run->counts && weir__counters_add(&worker->counters, run) != WEIR_OK)
        rc = weir__fail_memory(&err, "the counters");
    if (rc != WEIR_OK) { /* the run's changes are in its key already: it cannot fail alone any more */
        weir__error_context(&err, "an output of run %s", weir_run_id(run));
        weir__worker_give_up(worker, rc, &err);
    }
}

bool weir__worker_batch_is_full(const weir_worker *worker)
{
    const weir_worker_batch *batch = &worker->batch;

    return batch->is_open && (batch->ends >= MOST_ENDS || batch->change_bytes >= MOST_CHANGE_BYTES ||
                              worker->pipe.filling.size - batch->begin >= MOST_BYTES);
}

/* ---- what they have changed -------------------------------------------------------------------------------------- */

/* A list of keys, each with a list of cells; cells of one key come one behind the other. */
typedef struct changes {
    weir_worker *worker;
    const weir_key *key;
    size_t cells_at;
    uint32_t keys, cells;
} changes;

static weir_code put_cell(void *context, const weir_key *key, const weir_cell *cell, weir_error *err)
{
    changes *now = context;
    weir_buffer *out = &now->worker->pipe.filling;
    size_t at;

    if (key != now->key) {
        if (now->key)
            weir__up_count(out, now->cells_at, now->cells);
        now->key = key;
        now->keys++;
        now->cells = 0;
        weir__up_bytes(out, weir__bytes(key->bytes.data, key->bytes.size));
        now->cells_at = out->size;
        weir__up_u32(out, 0);
    }
    now->cells++;
    weir__up_bytes(out, weir__bytes(cell->path.data, cell->path.size));
    at = out->size;
    weir__up_u32(out, WEIR__WORKER_ABSENT);
    if (cell->type != WEIR__CELL_DELETED) {
        if (weir__cell_encode(cell, out) != WEIR_OK)
            return weir__fail_memory(err, "a batch");
        weir__up_count(out, at, (uint32_t)(out->size - at - 4));
    }
    return WEIR_OK;
}

static weir_code add_changes(weir_worker *worker, weir_error *err)
{
    changes now = { .worker = worker };
    weir_buffer *out = &worker->pipe.filling;
    size_t keys_at = out->size;
    weir_code rc;

    weir__up_u32(out, 0);
    rc = weir__keys_cut(weir__engine_keys(worker->engine), worker->next_commit, put_cell, &now, err);
    if (now.key)
        weir__up_count(out, now.cells_at, now.cells);
    weir__up_count(out, keys_at, now.keys);
    return rc;
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

void weir__worker_batch_drop(weir_worker *worker)
{
    if (!worker->batch.is_open)
        return;
    worker->pipe.filling.size = worker->batch.begin;
    worker->pipe.filling.is_over = false;
    worker->batch.is_open = false;
    if (weir__buffer_add(&worker->pipe.filling, worker->batch.beside.data, worker->batch.beside.size) != WEIR_OK)
        worker->pipe.filling.is_over = false; /* the worker ends: what it had to say besides is lost */
    weir__buffer_reset(&worker->batch.beside);
}

static void close_batch(weir_worker *worker)
{
    weir_worker_batch *batch = &worker->batch;
    weir_buffer *out = &worker->pipe.filling;
    weir_error err;
    weir_code rc;

    weir__up_count(out, batch->count_at, batch->ends);
    rc = add_changes(worker, &err);
    weir__worker_add_markers(worker, out);
    if (rc == WEIR_OK)
        rc = weir__up_end(out, batch->begin, worker->frame_most, &err);
    if (rc == WEIR_OK && weir__buffer_add(out, batch->beside.data, batch->beside.size) != WEIR_OK)
        rc = weir__fail_memory(&err, "a batch");
    if (rc != WEIR_OK) {
        weir__worker_give_up(worker, rc, &err); /* it drops what was not told */
        return;
    }
    weir__buffer_reset(&batch->beside);
    batch->is_open = false;
    /* For the engine this is the commit: see docs/design/0005-flink-host.md. */
    weir__engine_committed(worker->engine, worker->next_commit++);
}

void weir__worker_tell(weir_worker *worker)
{
    weir_worker_failure *failure = &worker->failure;

    if (failure->is_told)
        return;
    if (worker->state != WEIR__WORKER_BROKEN && weir__worker_markers_are_due(worker))
        (void)open_batch(worker); /* markers move also when nothing ends */
    if (worker->batch.is_open && worker->state != WEIR__WORKER_BROKEN)
        close_batch(worker);
    if (!failure->is_there || worker->state == WEIR__WORKER_BROKEN)
        return;
    failure->is_there = false;
    failure->is_told = true;
    add_refusal(open_batch(worker), failure->ticket, WEIR__END_FAILED, &failure->error);
    worker->batch.ends++;
    close_batch(worker);
}
