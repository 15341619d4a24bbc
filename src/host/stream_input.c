/* SPDX-License-Identifier: Apache-2.0 */
/* Records on their way in: to be run, to be forwarded, or to be passed over; and the ends of runs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/stream_internal.h"

static void give_up_memory(weir_stream *stream, const char *what)
{
    weir_error err;

    (void)weir__fail_memory(&err, what);
    weir__stream_give_up(stream, WEIR__STREAM_BROKEN, WEIR_NO_MEMORY, &err);
}

/* ---- what is bad ------------------------------------------------------------------------------------------------- */

typedef struct bad_record {
    int64_t offset, timestamp_ms;
    weir_bytes key, value; /* data NULL: none */
    bool is_stored;        /* in the inbox, where it stays if it is not passed over */
} bad_record;

static weir_bytes number_text(char out[24], int64_t number)
{
    int size;

    if (number >= 0 && number < 10) { /* nearly all numbers of outputs */
        out[0] = (char)('0' + number);
        return weir__bytes(out, 1);
    }
    size = snprintf(out, 24, "%" PRId64, number);
    return weir__bytes(out, (size_t)size);
}

static weir_code send_dead_letter(weir_stream_task *task, const bad_record *bad, const weir_error *why)
{
    const char *topic = task->stream->options->topics->read[task->at.topic].name;
    char partition[24], offset[24];
    const weir_header headers[] = {
        { "weir-topic", weir__bytes_text(topic) },
        { "weir-partition", number_text(partition, task->at.partition) },
        { "weir-offset", number_text(offset, bad->offset) },
        { "weir-key", bad->key },
        { "weir-reason", weir__bytes_text(why->message) },
        { "weir-code", weir__bytes_text(weir__code_name(why->code)) },
        { "weir-attempt", weir__bytes_text("1") },
    };

    return weir__part_send(weir__stream_part(task), WEIR__TO_DEAD_LETTERS, bad->timestamp_ms, bad->key, bad->value,
                           headers, sizeof headers / sizeof *headers);
}

/* True: it is passed over, and counts as read. False: the stream gives up, and it must be read again. */
static bool pass_over(weir_stream_task *task, const bad_record *bad, weir_error *why)
{
    weir_stream *stream = task->stream;
    const char *topic = stream->options->topics->read[task->at.topic].name;

    if (why->remedy == WEIR_REMEDY_STOP) {
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, why->code, why);
        return false;
    }
    switch (stream->on_error) {
    case WEIR__STREAM_FAIL:
        weir__error_context(why, "topic '%s', partition %" PRId32 ", offset %" PRId64, topic, task->at.partition,
                            bad->offset);
        why->code = WEIR_FAILED;
        if (!bad->is_stored && weir__stream_leave_open(task, bad->offset) != WEIR_OK)
            give_up_memory(stream, "a failed record");
        weir__stream_give_up(stream, WEIR__STREAM_STOPPING, WEIR_FAILED, why);
        return false;
    case WEIR__STREAM_SKIP:
        break;
    case WEIR__STREAM_DLQ:
        if (send_dead_letter(task, bad, why) != WEIR_OK) {
            give_up_memory(stream, "a dead letter");
            return false;
        }
        break;
    }
    stream->result->skipped++;
    weir__log(WEIR__LOG_DEBUG, task->name, "record passed over offset=%" PRId64 " cause=\"%s\"", bad->offset,
              why->message);
    return true;
}

/* Out of the inbox, if it is there, with what it has in the journal. */
static weir_code close_run(weir_stream_task *task, const weir_run *run)
{
    weir_stream_input *input = run->host;
    weir_open_run *open = input->open;
    int64_t places[64];
    size_t count = 0;
    weir_code rc = WEIR_OK;

    if (!open)
        return WEIR_OK;
    if (open->is_stored) {
        for (const weir_kept_entry *entry = open->entries; entry && rc == WEIR_OK; entry = entry->next) {
            if (!entry->is_stored)
                continue;
            places[count++] = entry->place;
            if (count == sizeof places / sizeof *places) {
                rc = weir__part_delete_input(weir__stream_part(task), open->number, places, count);
                count = 0;
            }
        }
        if (rc == WEIR_OK)
            rc = weir__part_delete_input(weir__stream_part(task), open->number, places, count);
    }
    weir__stream_close_run(task, open);
    input->open = NULL;
    return rc;
}

/* A run that failed, or is not to be run at all; what it has in the inbox and the journal goes with it. */
static bool pass_over_run(weir_stream_task *task, const weir_run *run, weir_error *why)
{
    const weir_stream_input *input = run->host;
    bad_record bad = { (int64_t)run->index, run->timestamp, { NULL, 0 }, input->raw,
                       input->open && input->open->is_stored };

    if (input->has_key)
        bad.key = run->key_bytes;
    if (!pass_over(task, &bad, why))
        return false;
    task->has_moved = true;
    if (close_run(task, run) != WEIR_OK)
        give_up_memory(task->stream, "a failed record");
    if (task->crashed_count)
        weir__stream_survived(task, (int64_t)run->index);
    return true;
}

/* ---- forwarding -------------------------------------------------------------------------------------------------- */

/* As input.key-by says. */
static weir_code find_key(weir_stream *stream, const weir_record *record, weir_arena *arena, weir_bytes *key,
                          bool *is_waiting, weir_error *err)
{
    const weir_json *json;
    weir_code rc = weir__formats_decode(&stream->formats, record->value, arena, &json, err);

    *is_waiting = rc == WEIR_OK && !json;
    return rc == WEIR_OK && json ? weir__key_by(json, stream->key_by, arena, key, err) : rc;
}

/* False: its schema must be fetched first. */
static bool forward(weir_stream_task *task, const weir_record *record)
{
    weir_stream *stream = task->stream;
    bad_record bad = { record->offset, record->timestamp_ms, record->key, record->value, false };
    weir_bytes key = record->key;
    bool is_waiting = false;
    weir_arena arena;
    weir_error err;
    weir_code rc = WEIR_OK;

    weir__arena_init(&arena, 4096);
    if (stream->key_by)
        rc = find_key(stream, record, &arena, &key, &is_waiting, &err);
    if (rc == WEIR_OK && !is_waiting) {
        if (weir__part_send(weir__stream_part(task), WEIR__TO_REPARTITION, record->timestamp_ms, key, record->value,
                            NULL, 0) != WEIR_OK)
            give_up_memory(stream, "a record");
        stream->filled_bytes += record->value.size + key.size + 64;
        stream->ended_since_cut++;
    } else if (rc != WEIR_OK) {
        (void)pass_over(task, &bad, &err);
    }
    weir__arena_clear(&arena);
    return !is_waiting;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* Fills a run in from a record; all is copied into its arena. run->value NULL: its schema must be fetched first. */
static weir_code fill_in(weir_run *run, weir_stream_task *task, int64_t offset, int64_t timestamp_ms, weir_bytes key,
                         weir_bytes value, weir_error *err)
{
    weir_stream *stream = task->stream;
    weir_stream_input *input = weir__arena_alloc(&run->arena, sizeof *input);

    if (!input)
        return weir__fail_memory(err, "a run");
    *input = (weir_stream_input){ .task = task, .has_key = key.data != NULL, .accepted_ms = stream->now_ms };
    run->host = input;
    run->source = task->source;
    run->index = (uint64_t)offset;
    run->owner = task->owner;
    run->epoch = task->tuple.epoch;
    run->timestamp = timestamp_ms > 0 ? timestamp_ms : 0;
    if (timestamp_ms > task->input_ms)
        task->input_ms = timestamp_ms;
    if (key.data) {
        run->key_bytes = weir__arena_copy(&run->arena, key);
        if (!run->key_bytes.data)
            return weir__fail_memory(err, "a run");
    }
    if (value.data) {
        input->raw = weir__arena_copy(&run->arena, value);
        if (!input->raw.data)
            return weir__fail_memory(err, "a run");
    }
    return weir__formats_decode(&stream->formats, value, &run->arena, &run->value, err);
}

static bool accept(weir_stream *stream, weir_run *run)
{
    weir_error err;
    weir_code rc = weir__engine_accept(stream->engine, run, &err);

    if (rc != WEIR_OK)
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, &err);
    return rc == WEIR_OK;
}

/* After recovery: whether an input that stands above the offset is over already. */
static bool is_over(const weir_stream_task *task, int64_t offset)
{
    size_t low = 0, high = task->done_but_count;

    if (offset >= task->done_until)
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (task->done_but[middle] < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low == task->done_but_count || task->done_but[low] != offset;
}

/* False: its schema must be fetched first. */
static bool run_record(weir_stream_task *task, const weir_record *record)
{
    weir_stream *stream = task->stream;
    weir_run *run = weir__engine_new_run(stream->engine);
    weir_error err;
    weir_code rc;

    if (!run) {
        give_up_memory(stream, "a run");
        return true;
    }
    rc = fill_in(run, task, record->offset, record->timestamp_ms, record->key, record->value, &err);
    if (rc == WEIR_OK && !run->value) {
        weir__engine_drop_run(stream->engine, run);
        return false;
    }
    if (rc == WEIR_OK && task->found_count && weir__stream_recall(run, &err) != WEIR_OK) {
        weir__engine_drop_run(stream->engine, run);
        err.remedy = WEIR_REMEDY_STOP; /* what was done for it cannot be told: it must not be run */
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, err.code, &err);
        return true;
    }
    run->has_gap = record->offset < task->tuple.gap;
    if (rc == WEIR_OK && task->crashed_count && weir__stream_judge(run, &err) != WEIR_OK) {
        stream->ended_since_cut += pass_over_run(task, run, &err);
        weir__engine_drop_run(stream->engine, run);
        return true;
    }
    if (rc != WEIR_OK) {
        bad_record bad = { record->offset, record->timestamp_ms, record->key, record->value, false };

        weir__engine_drop_run(stream->engine, run);
        stream->ended_since_cut += pass_over(task, &bad, &err);
        return true;
    }
    (void)accept(stream, run);
    return true;
}

bool weir__stream_take_record(weir_stream *stream, weir_stream_task *task, const weir_record *record)
{
    if (record->offset >= task->next && !is_over(task, record->offset)) {
        if (!(task->is_forward ? forward(task, record) : run_record(task, record)))
            return false;
        stream->result->records++;
    }
    if (record->offset >= task->next) {
        task->next = record->offset + 1;
        task->has_moved = true;
    }
    return true;
}

/* See store_input() of stream_cut.c. */
static weir_code fill_in_kept(weir_run *run, weir_stream_task *task, const weir_kept_input *kept, weir_error *err)
{
    enum { HEAD = 2 + sizeof(int64_t) + sizeof(uint32_t) };
    weir_bytes key = { NULL, 0 }, value = { NULL, 0 };
    int64_t timestamp_ms;
    uint32_t size;

    if (kept->size < HEAD || kept->bytes[0] != 1)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "input %" PRId64 " of the inbox cannot be read",
                          kept->number);
    memcpy(&timestamp_ms, kept->bytes + 2, sizeof timestamp_ms);
    memcpy(&size, kept->bytes + 2 + sizeof timestamp_ms, sizeof size);
    if (size > kept->size - HEAD)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "input %" PRId64 " of the inbox cannot be read",
                          kept->number);
    if (kept->bytes[1] & 1)
        key = weir__bytes(kept->bytes + HEAD, size);
    if (kept->bytes[1] & 2)
        value = weir__bytes(kept->bytes + HEAD + size, kept->size - HEAD - size);
    return fill_in(run, task, kept->number, timestamp_ms, key, value, err);
}

bool weir__stream_take_kept(weir_stream *stream, weir_stream_task *task)
{
    weir_kept_input *kept = &task->inputs[task->inputs_taken];
    weir_run *run = weir__engine_new_run(stream->engine);
    weir_error err;
    weir_code rc;

    if (!run) {
        give_up_memory(stream, "a run");
        return true;
    }
    rc = fill_in_kept(run, task, kept, &err);
    if (rc == WEIR_OK && !run->value) {
        weir__engine_drop_run(stream->engine, run);
        return false;
    }
    task->inputs_taken++;
    if (rc == WEIR_OK)
        rc = weir__stream_recall(run, &err);
    if (rc == WEIR_OK) {
        weir_open_run *open = weir__stream_open_run(run);

        if (!open)
            rc = weir__fail_memory(&err, "the inbox");
        else
            open->is_stored = true;
    }
    if (rc != WEIR_OK) {
        weir__engine_drop_run(stream->engine, run);
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, &err);
        return true;
    }
    run->has_gap = kept->number < task->tuple.gap;
    if (task->crashed_count && weir__stream_judge(run, &err) != WEIR_OK) {
        stream->ended_since_cut += pass_over_run(task, run, &err);
        weir__engine_drop_run(stream->engine, run);
        return true;
    }
    (void)accept(stream, run);
    return true;
}

/* ---- the end of a run -------------------------------------------------------------------------------------------- */

static weir_code send_outputs(weir_stream_task *task, const weir_run *run, weir_error *err)
{
    weir_part *part = weir__stream_part(task);
    char sequence[24];
    weir_header headers[] = { { "weir-run", { NULL, 0 } }, { "weir-seq", { NULL, 0 } } };
    int64_t number = 0;

    if (run->outputs && !task->stream->options->topics->output.name)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_STOP,
                          "the job sends outputs, but output.topic names no topic; set it");
    for (const weir_output_item *item = run->outputs; item; item = item->next) {
        weir_bytes value = item->text;
        weir_code rc;

        if (!task->stream->formats.is_output_json) {
            weir__buffer_reset(&task->stream->scratch);
            rc = weir__format_encode(task->stream->formats.output, item->text, &task->stream->scratch, err);
            if (rc != WEIR_OK)
                return rc;
            value = weir__buffer_bytes(&task->stream->scratch);
        }
        headers[0].value = weir__bytes_text(weir_run_id(run));
        headers[1].value = number_text(sequence, number++);
        rc = weir__part_send(part, WEIR__TO_OUTPUT, run->timestamp, run->key_bytes, value, headers, 2);
        if (rc != WEIR_OK)
            return weir__fail_memory(err, "an output");
        task->stream->filled_bytes += value.size + run->key_bytes.size + 128;
    }
    return WEIR_OK;
}

void weir__stream_ended(void *context, weir_run *run)
{
    weir_stream *stream = context;
    weir_stream_task *task = ((weir_stream_input *)run->host)->task;
    weir_error err;
    weir_code rc;

    stream->ended_since_cut++;
    task->has_moved = true;
    if (weir__failure_is_kept(&run->failure)) {
        err = run->failure.error;
        (void)pass_over_run(task, run, &err);
        return;
    }
    rc = send_outputs(task, run, &err);
    if (rc == WEIR_OK && run->counts && weir__counters_add(&stream->counters, run) != WEIR_OK)
        rc = weir__fail_memory(&err, "the counters");
    if (rc == WEIR_OK && close_run(task, run) != WEIR_OK)
        rc = weir__fail_memory(&err, "a cut");
    if (task->crashed_count)
        weir__stream_survived(task, (int64_t)run->index);
    if (rc != WEIR_OK)
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, &err);
}
