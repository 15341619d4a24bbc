/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runs of a replay: partition by partition from its first record on, memory in a file for the moment. One engine
 * serves all; a partition is one owner of it.
 *
 *   closed --open--> reading --end of the stretch--> draining --nothing of it moves any more--> closed, the next one
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/engine_options.h"
#include "host/signals.h"
#include "replay/internal.h"

enum { POLL_MS = 200, PATIENCE_MS = 15000, CUT_RUNS = 10000, WAIT_MS = 100 };

static void give_up(weir_replay *replay, weir_code rc, const weir_error *err)
{
    if (replay->rc != WEIR_OK)
        return;
    replay->rc = rc;
    if (replay->err && replay->err != err)
        *replay->err = *err;
    weir__engine_stop(replay->engine);
}

static uint32_t owner_of(const weir_replay_part *part)
{
    return (uint32_t)part->partition + 1;
}

static weir_replay_part *part_now(weir_replay *replay)
{
    return &replay->parts[replay->at];
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static weir_code load_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    (void)key;
    return weir__cells_put_stored(context, path, value, err);
}

static weir_code load(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err)
{
    weir_replay *replay = context;

    (void)owner; /* one at a time */
    return weir__store_load(replay->memory.store, key, load_cell, cells, err);
}

static weir_code put_cell(void *context, const weir_key *key, const weir_cell *cell, weir_error *err)
{
    weir_replay *replay = context;

    if (cell->type == WEIR__CELL_DELETED)
        return weir__store_delete(replay->memory.store, key->bytes, cell->path, err);
    weir__buffer_reset(&replay->cell);
    if (weir__cell_encode(cell, &replay->cell) != WEIR_OK)
        return weir__fail_memory(err, "a cell");
    return weir__store_put(replay->memory.store, key->bytes, cell->path, weir__buffer_bytes(&replay->cell), err);
}

static void cut(void *context)
{
    weir_replay *replay = context;
    weir_error err;
    weir_code rc = weir__keys_cut(weir__engine_keys(replay->engine), replay->next_commit, put_cell, replay, &err);

    if (rc == WEIR_OK)
        rc = weir__store_commit(replay->memory.store, &err);
    if (rc != WEIR_OK)
        give_up(replay, rc, &err);
    weir__engine_committed(replay->engine, replay->next_commit++);
    replay->uncommitted = 0;
}

/* ---- the ends of runs -------------------------------------------------------------------------------------------- */

static bool is_compared(weir_replay *replay, const weir_run *run, weir_error *err)
{
    const weir_replay_part *part = part_now(replay);
    weir_code rc;

    if ((int64_t)run->index < part->from)
        return false;
    if (weir__comparison_is_open(replay->comparison, run->key_bytes) ||
        (part->task.has_run && (int64_t)run->index < part->task.tuple.next &&
         weir__kafka_task_is_open(&part->task, (int64_t)run->index))) {
        rc = weir__comparison_open(replay->comparison, run->key_bytes, err);
        if (rc != WEIR_OK)
            give_up(replay, rc, err);
        return false;
    }
    return true;
}

/* As the job would send them. */
static weir_code list_values(weir_replay *replay, weir_run *run, const weir_bytes **values, size_t *count,
                             weir_error *err)
{
    weir_bytes *all = weir__arena_alloc(&run->arena, (run->output_count + 1) * sizeof *all);

    *count = 0;
    if (!all)
        return weir__fail_memory(err, "a run's outputs");
    for (const weir_output_item *item = run->outputs; item; item = item->next) {
        all[*count] = item->text;
        if (!replay->formats.is_output_json) {
            weir_code rc;

            weir__buffer_reset(&replay->payload);
            rc = weir__format_encode(replay->formats.output, item->text, &replay->payload, err);
            if (rc != WEIR_OK)
                return rc;
            all[*count] = weir__arena_copy(&run->arena, weir__buffer_bytes(&replay->payload));
            if (!all[*count].data)
                return weir__fail_memory(err, "a run's outputs");
        }
        ++*count;
    }
    *values = all;
    return WEIR_OK;
}

static weir_code compare(weir_replay *replay, weir_run *run, weir_error *err)
{
    weir_replayed done = { .run = weir_run_id(run), .key = run->key_bytes, .is_forgiven = replay->is_forgiving,
                           .is_unanswered = run->is_unanswered, .has_diverged = run->has_diverged };
    weir_found_output *found = NULL;
    size_t count = 0;
    const weir_entry *unasked;
    char why[256];
    weir_code rc = WEIR_OK;

    if (weir__failure_is_kept(&run->failure))
        done.failure = run->failure.error.message;
    else if (!replay->options->is_against_journal)
        rc = list_values(replay, run, &done.values, &done.count, err);
    if (rc != WEIR_OK)
        return rc;
    if (replay->options->is_against_journal && !done.failure && (unasked = weir__run_unasked(run))) {
        (void)snprintf(why, sizeof why,
                       "the journal has call %" PRIu32 " '%.80s' of action '%.80s', which is not asked for",
                       unasked->call, unasked->name ? unasked->name : "", unasked->action ? unasked->action : "");
        done.failure = why;
        done.has_diverged = true;
    }
    rc = weir__evidence_outputs(&replay->evidence, done.run, &run->arena, &found, &count, err);
    return rc == WEIR_OK ? weir__comparison_run(replay->comparison, &done, found, count, err) : rc;
}

static void ended(void *context, weir_run *run)
{
    weir_replay *replay = context;
    weir_error err;
    weir_code rc;

    replay->uncommitted++;
    if (replay->rc != WEIR_OK || !is_compared(replay, run, &err))
        return;
    rc = compare(replay, run, &err);
    if (rc != WEIR_OK)
        give_up(replay, rc, &err);
}

static void parked(void *context, weir_run *run, const weir_entry *entry)
{
    weir_replay *replay = context;

    (void)run;
    replay->parked += entry != NULL;
    replay->parked -= entry == NULL;
}

/* ---- the journal: nothing is written ----------------------------------------------------------------------------- */

static weir_code append(void *context, weir_run *run, const weir_entry *entry, weir_bytes sealed, weir_ticket *ticket,
                        weir_error *err)
{
    weir_replay *replay = context;

    (void)run;
    (void)entry;
    (void)sealed;
    (void)err;
    if (!ticket)
        return WEIR_OK;
    ticket->next = NULL;
    *replay->last_ticket = ticket;
    replay->last_ticket = &ticket->next;
    return WEIR_OK;
}

static bool tell_tickets(weir_replay *replay)
{
    weir_ticket *next = replay->tickets;

    replay->tickets = NULL;
    replay->last_ticket = &replay->tickets;
    for (weir_ticket *ticket = next; ticket; ticket = next) {
        next = ticket->next;
        ticket->known(ticket, NULL);
    }
    return next != NULL;
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

static weir_code fill_in(weir_replay *replay, const weir_record *record, weir_run *run, weir_error *err)
{
    const weir_replay_part *part = part_now(replay);
    weir_code rc = WEIR_OK;

    run->source = part->source;
    run->index = (uint64_t)record->offset;
    run->owner = owner_of(part);
    run->epoch = replay->highest_epoch + 1;
    run->timestamp = record->timestamp_ms > 0 ? record->timestamp_ms : 0;
    if (record->key.data) {
        run->key_bytes = weir__arena_copy(&run->arena, record->key);
        if (!run->key_bytes.data)
            return weir__fail_memory(err, "a run");
    }
    if (replay->has_journal) {
        rc = weir__evidence_entries(&replay->evidence, weir_run_id(run), &run->arena, &run->entries, err);
        if (rc != WEIR_OK)
            err->remedy = WEIR_REMEDY_STOP;
        run->recalled_ms = weir__clock_monotonic_ms(weir__clock_system());
    }
    return rc == WEIR_OK ? weir__formats_decode(&replay->formats, record->value, &run->arena, &run->value, err) : rc;
}

/* The job passed it over: input.on-error. */
static weir_code compare_bad(weir_replay *replay, const weir_run *run, const weir_error *why, weir_error *err)
{
    weir_replayed done = { .run = weir_run_id(run), .key = run->key_bytes, .is_forgiven = replay->is_forgiving,
                           .failure = why->message };
    weir_found_output *found;
    weir_arena arena;
    size_t count;
    weir_code rc;

    if ((int64_t)run->index < part_now(replay)->from)
        return WEIR_OK;
    if (!done.key.data)
        done.key = weir__bytes_text("");
    weir__arena_init(&arena, 4096);
    rc = weir__evidence_outputs(&replay->evidence, done.run, &arena, &found, &count, err);
    if (rc == WEIR_OK)
        rc = weir__comparison_run(replay->comparison, &done, found, count, err);
    weir__arena_clear(&arena);
    return rc;
}

/* False: its schema must be fetched first. */
static bool take_record(weir_replay *replay, const weir_record *record)
{
    weir_replay_part *part = part_now(replay);
    weir_run *run = weir__engine_new_run(replay->engine);
    weir_error err, why;
    weir_code rc = run ? fill_in(replay, record, run, &err) : weir__fail_memory(&err, "a run");

    if (rc == WEIR_OK && !run->value) {
        weir__engine_drop_run(replay->engine, run);
        return false;
    }
    if (record->offset >= part->from)
        part->seen[(record->offset - part->from) / 8] |= (uint8_t)(1U << ((record->offset - part->from) % 8));
    if (rc == WEIR_OK) {
        rc = weir__engine_accept(replay->engine, run, &err);
    } else if (run && err.remedy == WEIR_REMEDY_FIX) {
        why = err;
        rc = compare_bad(replay, run, &why, &err);
        weir__engine_drop_run(replay->engine, run);
    } else if (run) {
        weir__engine_drop_run(replay->engine, run);
    }
    if (rc != WEIR_OK)
        give_up(replay, rc, &err);
    return true;
}

static void poll_input(weir_replay *replay, int timeout_ms)
{
    int64_t now_ms;
    weir_error err;
    weir_code rc;

    weir__reader_done(replay->reader);
    replay->batch_at = replay->batch_count = 0;
    rc = weir__reader_poll(replay->reader, timeout_ms, replay->batch, WEIR__REPLAY_BATCH, &replay->batch_count, &err);
    now_ms = weir__clock_monotonic_ms(weir__clock_system());
    if (rc == WEIR_OK && replay->batch_count) {
        replay->moved_ms = now_ms;
        return;
    }
    if (rc != WEIR_OK && rc != WEIR_UNREACHABLE) {
        replay->batch_count = 0;
        err.code = rc == WEIR_UNKNOWN ? WEIR_IO : rc; /* records went while they were to be read */
        give_up(replay, err.code, &err);
        return;
    }
    if (now_ms - replay->moved_ms < PATIENCE_MS)
        return;
    if (rc == WEIR_OK)
        rc = weir__fail(&err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY,
                        "topic '%.100s', partition %" PRId32 ": nothing comes from the brokers", replay->input,
                        part_now(replay)->partition);
    give_up(replay, rc, &err);
}

/* ---- partitions -------------------------------------------------------------------------------------------------- */

static weir_code open_part(weir_replay *replay, weir_error *err)
{
    weir_replay_part *part = part_now(replay);
    weir_code rc;

    part->seen = calloc((size_t)(part->end - part->from) / 8 + 1, 1);
    if (!part->seen)
        return weir__fail_memory(err, "a replay");
    rc = weir__scratch_open(&replay->memory, err);
    if (rc == WEIR_OK)
        rc = weir__reader_add(replay->reader, replay->input, part->partition, part->first, 0, err);
    replay->position = part->first;
    replay->moved_ms = weir__clock_monotonic_ms(weir__clock_system());
    replay->is_open = rc == WEIR_OK;
    if (rc != WEIR_OK)
        weir__scratch_close(&replay->memory);
    return rc;
}

static void close_part(void *context)
{
    weir_replay *replay = context;
    weir_replay_part *part = part_now(replay);

    weir__reader_done(replay->reader);
    replay->batch_at = replay->batch_count = 0;
    weir__reader_remove(replay->reader, replay->input, part->partition);
    weir__scratch_close(&replay->memory);
    replay->is_open = false;
    replay->parked = 0;
    replay->at++;
}

static void open_next(void *context)
{
    weir_replay *replay = context;
    weir_error err;
    weir_code rc;

    while (replay->at < replay->count && part_now(replay)->from >= part_now(replay)->end)
        replay->at++;
    if (replay->at == replay->count)
        return;
    rc = open_part(replay, &err);
    if (rc != WEIR_OK)
        give_up(replay, rc, &err);
}

/* All of it is over, or waits for somebody who does not come. */
static bool is_drained(weir_replay *replay)
{
    weir_engine_counts counts = weir__engine_counts(replay->engine);

    return weir__engine_runs_of(replay->engine, owner_of(part_now(replay))) == 0 ||
           (replay->parked && !counts.ready && !counts.waiting && !counts.errands && !replay->tickets);
}

static weir_turn drain(weir_replay *replay)
{
    uint32_t owner = owner_of(part_now(replay));

    if (!is_drained(replay))
        return WEIR__TURN_IDLE;
    weir__engine_drop(replay->engine, owner);
    if (weir__engine_is_dropping(replay->engine, owner))
        return WEIR__TURN_IDLE;
    weir__engine_on_ground(replay->engine, cut, replay);
    weir__engine_forget(replay->engine, owner);
    weir__engine_on_ground(replay->engine, close_part, replay);
    return WEIR__TURN_MORE;
}

static weir_turn read_on(weir_replay *replay)
{
    const weir_record *record;

    if (replay->batch_at == replay->batch_count)
        poll_input(replay, weir__engine_counts(replay->engine).accepted == weir__engine_counts(replay->engine).ended
                               ? POLL_MS
                               : 0);
    if (replay->rc != WEIR_OK || replay->batch_at == replay->batch_count)
        return WEIR__TURN_IDLE;
    record = &replay->batch[replay->batch_at];
    if (record->is_end || record->offset >= part_now(replay)->end) {
        if (record->offset > replay->position)
            replay->position = record->offset;
        replay->batch_at++;
        return WEIR__TURN_MORE;
    }
    if (!take_record(replay, record))
        return WEIR__TURN_IDLE;
    replay->batch_at++;
    replay->position = record->offset + 1;
    return WEIR__TURN_MORE;
}

static weir_turn turn(void *context, bool may_accept)
{
    weir_replay *replay = context;
    weir_error err;

    if (weir__signals_caught())
        give_up(replay, weir__fail(&err, WEIR_CANCELED, WEIR_REMEDY_STOP, "interrupted"), &err);
    if (replay->rc != WEIR_OK)
        return replay->formats.is_fetching ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
    (void)tell_tickets(replay);
    if (!replay->is_open) {
        weir__engine_on_ground(replay->engine, open_next, replay);
        if (replay->rc != WEIR_OK || !replay->is_open)
            return WEIR__TURN_STOP;
    }
    if (replay->uncommitted >= CUT_RUNS || weir__engine_counts(replay->engine).awaiting_commit)
        weir__engine_on_ground(replay->engine, cut, replay);
    if (replay->position >= part_now(replay)->end)
        return drain(replay);
    return may_accept && !replay->formats.is_fetching ? read_on(replay) : WEIR__TURN_IDLE;
}

static void wait_for_news(void *context)
{
    weir_replay *replay = context;
    struct pollfd fds[2] = { { weir__engine_wake_fd(replay->engine), POLLIN, 0 },
                             { weir__signals_caught() ? -1 : weir__signals_fd(), POLLIN, 0 } };
    int timer = weir__engine_timeout_ms(replay->engine);

    if (replay->tickets || weir__engine_counts(replay->engine).awaiting_commit)
        return;
    (void)poll(fds, 2, timer >= 0 && timer < WAIT_MS ? timer : WAIT_MS); /* whatever it says, all is looked at again */
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static void formats_failed(void *context, weir_code rc, const weir_error *err)
{
    give_up(context, rc, err);
}

static bool pause_for_formats(void *context, int pause_ms)
{
    struct pollfd fd = { weir__signals_fd(), POLLIN, 0 };

    (void)context;
    if (!weir__signals_caught())
        (void)poll(&fd, 1, pause_ms);
    return !weir__signals_caught();
}

static weir_code open_engine(weir_replay *replay, weir_error *err)
{
    static const weir_engine_port with_journal = {
        .turn = turn, .wait = wait_for_news, .ended = ended, .load = load, .append = append, .parked = parked,
    };
    static const weir_engine_port without = { .turn = turn, .wait = wait_for_news, .ended = ended, .load = load };
    const weir_replay_options *options = replay->options;
    weir_engine_options engine;

    weir__engine_options_read(options->config, &engine);
    engine.job = options->job;
    engine.port = replay->has_journal ? &with_journal : &without;
    engine.host = replay;
    engine.only_recalls = !options->is_live;
    return weir__engine_new(&engine, &replay->engine, err);
}

static weir_code open_all(weir_replay *replay, weir_error *err)
{
    const weir_replay_options *options = replay->options;
    weir_reader_options reader = { .cluster = weir__kafka_look_cluster(options->look), .topic = replay->input,
                                   .is_brief = true };
    weir_code rc;

    replay->last_ticket = &replay->tickets;
    replay->is_forgiving = strcmp(weir__config_text(options->config, "input.on-error"), "fail") != 0;
    replay->batch = calloc(WEIR__REPLAY_BATCH, sizeof *replay->batch);
    if (!replay->batch)
        return weir__fail_memory(err, "a replay");
    rc = open_engine(replay, err);
    if (rc == WEIR_OK)
        rc = weir__pool_new(1, "weir-schemas", &replay->executor, &replay->pool, err);
    if (rc != WEIR_OK)
        return rc;
    replay->formats = (weir_formats){
        .config = options->config,
        .name = "replay",
        .topic = options->against ? options->against : weir__config_text(options->config, "output.topic"),
        .clock = weir__clock_system(),
        .engine = replay->engine,
        .executor = &replay->executor,
        .host = replay,
        .failed = formats_failed,
        .pause = pause_for_formats,
    };
    rc = weir__formats_open(&replay->formats, err);
    return rc == WEIR_OK ? weir__reader_open(&reader, &replay->reader, err) : rc;
}

weir_code weir__replay_run_parts(weir_replay *replay, weir_error *err)
{
    weir_code rc;

    weir__buffer_init(&replay->cell, SIZE_MAX);
    weir__buffer_init(&replay->payload, SIZE_MAX);
    replay->next_commit = 1;
    replay->err = err;
    rc = open_all(replay, err);
    if (rc == WEIR_OK)
        rc = weir__engine_run(replay->engine, err);
    if (rc == WEIR_OK)
        rc = replay->rc;
    if (replay->reader)
        weir__reader_done(replay->reader);
    weir__reader_close(replay->reader);
    weir__pool_free(replay->pool, true);
    weir__engine_free(replay->engine);
    weir__formats_close(&replay->formats);
    weir__scratch_close(&replay->memory);
    weir__buffer_clear(&replay->cell);
    weir__buffer_clear(&replay->payload);
    free(replay->batch);
    return rc;
}
