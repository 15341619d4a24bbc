/* SPDX-License-Identifier: Apache-2.0 */
/* Frames that come while the worker runs: inputs, keys to forget, keys to find, the end. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "codec/json.h"
#include "host/worker_internal.h"
#include "journal/entry.h"

/* ---- ids of inputs ----------------------------------------------------------------------------------------------- */

/*
 * Runs point to their source's id. There are as many as partitions, so they are kept; where each key has one of its own
 * (positions are not known then) the run has it.
 */
static const char *source_of(weir_worker *worker, weir_bytes text, weir_run *run)
{
    for (size_t i = 0, at = worker->last_source; i < worker->source_count; i++) {
        const char *known = worker->sources[at];

        if (strncmp(known, (const char *)text.data, text.size) == 0 && known[text.size] == '\0') {
            worker->last_source = at;
            return known;
        }
        at = at + 1 == worker->source_count ? 0 : at + 1;
    }
    if (worker->source_count < WEIR__WORKER_SOURCES) {
        char *copy = malloc(text.size + 1);

        if (copy) {
            memcpy(copy, text.data, text.size);
            copy[text.size] = '\0';
            worker->last_source = worker->source_count;
            worker->sources[worker->source_count++] = copy;
        }
        return copy;
    }
    return (const char *)weir__arena_copy(&run->arena, text).data;
}

/* ---- RUN --------------------------------------------------------------------------------------------------------- */

weir_code weir__worker_load(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err)
{
    weir_worker *worker = context;
    weir_bytes path, value;
    weir_code rc = WEIR_OK;

    (void)owner;
    (void)key;
    while (rc == WEIR_OK && worker->loading && weir__list_pair(worker->loading, &path, &value))
        rc = weir__cells_put_stored(cells, path, value, err);
    return rc;
}

static weir_code check_run(const weir_worker *worker, const weir_frame *frame, const weir_down_run *in,
                           weir_error *err)
{
    if (!worker->has_groups)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "frame %" PRIu64 " of the input is a RUN, and the worker was opened without key groups",
                          frame->number);
    if (in->ticket != worker->next_ticket)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "frame %" PRIu64 " of the input, a RUN: its ticket is %" PRIu64 ", %" PRIu64 " is the next",
                          frame->number, in->ticket, worker->next_ticket);
    if (in->key_group < worker->first_group || in->key_group > worker->last_group)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "frame %" PRIu64 " of the input, a RUN: its key group is %" PRIu32 ", %" PRIu32 "..%" PRIu32
                          " are the worker's",
                          frame->number, in->key_group, worker->first_group, worker->last_group);
    return WEIR_OK;
}

static weir_code decode(weir_worker *worker, const weir_down_run *in, weir_run *run, weir_error *err)
{
    if (in->flags & WEIR__RUN_IS_JSON)
        return weir__format_decode(worker->json, in->payload, &run->arena, &run->value, NULL, err);
    return weir__formats_decode(&worker->formats, in->payload, &run->arena, &run->value, err);
}

/* What the host has kept of what its journal says. */
static weir_code recall(weir_worker *worker, weir_down_run *in, weir_run *run, weir_error *err)
{
    weir_entry **tail = &run->entries;
    weir_bytes sealed;
    int64_t place;

    while (weir__list_entry(&in->entries, &place, &sealed)) {
        weir_code rc = weir__entry_open(sealed, &run->arena, tail, err);

        if (rc != WEIR_OK) {
            weir__error_context(err, "the entry at %" PRId64 " of run %s", place, weir_run_id(run));
            return rc;
        }
        (*tail)->is_found = true;
        tail = &(*tail)->next;
    }
    if (run->entries)
        run->recalled_ms = weir__clock_monotonic_ms(worker->clock);
    return WEIR_OK;
}

/* Fills a run in; all is copied into its arena. run->value NULL: its schema must be fetched first. */
static weir_code fill_in(weir_worker *worker, weir_down_run *in, weir_run *run, weir_error *err)
{
    weir_worker_input *input = weir__arena_alloc(&run->arena, sizeof *input);
    weir_code rc;

    run->source = source_of(worker, in->source, run);
    run->key_bytes = weir__arena_copy(&run->arena, in->key);
    if (!input || !run->source || !run->key_bytes.data)
        return weir__fail_memory(err, "a run");
    *input = (weir_worker_input){ .ticket = in->ticket, .key_group = in->key_group };
    run->host = input;
    run->index = in->index;
    run->timestamp = in->timestamp_ms > 0 ? in->timestamp_ms : 0;
    run->has_gap = false;
    rc = decode(worker, in, run, err);
    if (rc != WEIR_OK || !run->value || !(worker->journal || in->entries.count))
        return rc;
    rc = worker->journal ? weir__worker_recall(worker, run, &in->entries, in->flags, err)
                         : recall(worker, in, run, err);
    if (rc != WEIR_OK)
        err->remedy = WEIR_REMEDY_STOP; /* what was done for it cannot be told: it must not be run */
    return rc;
}

/*
 * A record that cannot be read is a run that has failed before it began: so its end stands behind those of the runs of
 * its key that came before it.
 */
static weir_code fail_before(weir_run *run, const weir_error *why, weir_error *err)
{
    weir_code rc = weir__json_parse(weir__bytes_text("null"), 1, &run->arena, &run->value, err);

    if (rc == WEIR_OK)
        (void)weir__failure_keep_error(&run->failure, why);
    return rc;
}

static weir_code make_room_for_memory(weir_worker *worker, const weir_frame *frame, weir_bytes key, weir_error *err)
{
    weir_keys *keys = weir__engine_keys(worker->engine);

    if (weir__keys_let_go(keys, 0, key))
        return WEIR_OK;
    weir__worker_tell(worker); /* its last run may be over, and not told */
    if (worker->state == WEIR__WORKER_BROKEN || weir__keys_let_go(keys, 0, key))
        return WEIR_OK;
    return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                      "frame %" PRIu64 " of the input, a %s: a run of its key is under way", frame->number,
                      weir__down_name(frame->type));
}

static bool take_run(weir_worker *worker, const weir_frame *frame)
{
    weir_run *run = NULL;
    weir_down_run in;
    weir_error err;
    weir_code rc = weir__down_run(frame, &in, &err);

    if (rc == WEIR_OK)
        rc = check_run(worker, frame, &in, &err);
    if (rc == WEIR_OK && in.flags & WEIR__RUN_HAS_MEMORY)
        rc = make_room_for_memory(worker, frame, in.key, &err);
    if (rc == WEIR_OK) {
        run = weir__engine_new_run(worker->engine);
        rc = run ? fill_in(worker, &in, run, &err) : weir__fail_memory(&err, "a run");
    }
    if (run && rc == WEIR_OK && !run->value) {
        weir__engine_drop_run(worker->engine, run);
        return false;
    }
    if (run && rc != WEIR_OK && err.remedy == WEIR_REMEDY_FIX) {
        weir_error why = err;

        rc = fail_before(run, &why, &err);
    }
    if (rc != WEIR_OK) {
        if (run)
            weir__engine_drop_run(worker->engine, run);
        weir__worker_give_up(worker, rc, &err);
        return true;
    }
    worker->next_ticket++;
    worker->loading = in.flags & WEIR__RUN_HAS_MEMORY ? &in.cells : NULL;
    rc = weir__engine_accept(worker->engine, run, &err);
    worker->loading = NULL;
    if (rc != WEIR_OK) {
        weir__error_context(&err, "frame %" PRIu64 " of the input, a RUN", frame->number);
        weir__worker_give_up(worker, rc, &err);
    }
    return true;
}

/* ---- KEY --------------------------------------------------------------------------------------------------------- */

static bool take_key(weir_worker *worker, const weir_frame *frame)
{
    const weir_json *value = NULL;
    weir_bytes payload, key = { NULL, 0 };
    weir_buffer *out;
    uint64_t ticket;
    size_t begin;
    weir_error err;
    weir_code rc = weir__down_key(frame, &ticket, &payload, &err);

    if (rc == WEIR_OK && !worker->key_by)
        rc = weir__fail(&err, WEIR_CONFIG, WEIR_REMEDY_STOP,
                        "the host asks for keys, and input.key-by does not say where they stand; set it");
    if (rc != WEIR_OK) {
        weir__worker_give_up(worker, rc, &err);
        return true;
    }
    weir__arena_reset(&worker->scratch);
    rc = weir__formats_decode(&worker->formats, payload, &worker->scratch, &value, &err);
    if (rc == WEIR_OK && !value)
        return false;
    if (rc == WEIR_OK)
        rc = weir__key_by(value, worker->key_by, &worker->scratch, &key, &err);
    if (rc != WEIR_OK && err.remedy == WEIR_REMEDY_STOP) {
        weir__worker_give_up(worker, rc, &err);
        return true;
    }
    out = weir__worker_up(worker);
    begin = weir__up_begin(out, WEIR__UP_KEYED);
    weir__up_u64(out, ticket);
    weir__up_u8(out, rc == WEIR_OK ? WEIR__END_DONE : (uint8_t)worker->on_error);
    if (rc == WEIR_OK) {
        weir__up_bytes(out, weir__bytes(key.data, key.size));
    } else {
        weir__up_code(out, err.code);
        weir__up_text(out, err.message);
    }
    weir__worker_up_end(worker, out, begin);
    return true;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static weir_code forget(weir_worker *worker, const weir_frame *frame, weir_error *err)
{
    weir_bytes key;
    weir_code rc = weir__down_forget(frame, &key, err);

    return rc == WEIR_OK ? make_room_for_memory(worker, frame, key, err) : rc;
}

static weir_code stop(weir_worker *worker, const weir_frame *frame, weir_error *err)
{
    weir_code rc = weir__down_stop(frame, &worker->is_stop_at_once, err);

    if (rc != WEIR_OK)
        return rc;
    weir__log(WEIR__LOG_INFO, "host/worker", "stopping calls=%zu", weir__engine_counts(worker->engine).errands);
    worker->state = WEIR__WORKER_STOPPING;
    weir__engine_stop(worker->engine);
    return WEIR_OK;
}

bool weir__worker_take_frame(weir_worker *worker, const weir_frame *frame)
{
    weir_error err;
    weir_code rc = WEIR_OK;

    switch (frame->type) {
    case WEIR__DOWN_RUN:
        return take_run(worker, frame);
    case WEIR__DOWN_KEY:
        return take_key(worker, frame);
    case WEIR__DOWN_FORGET:
        rc = forget(worker, frame, &err);
        break;
    case WEIR__DOWN_STOP:
        rc = stop(worker, frame, &err);
        break;
    case WEIR__DOWN_HELLO:
    case WEIR__DOWN_OPEN: /* weir__talk_take() has refused them */
        break;
    }
    if (rc != WEIR_OK)
        weir__worker_give_up(worker, rc, &err);
    return true;
}
