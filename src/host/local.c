/* SPDX-License-Identifier: Apache-2.0 */
/* The local host: its turn at the loop, records, cuts, the end of a run. States and invariants are in README.md. */
#include "host/local_host.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/crash.h"
#include "engine/recall.h"
#include "host/record.h"
#include "host/signals.h"

enum {
    WRITE_BYTES = 64 * 1024, /* without a state: outputs are written in pieces of this */
    RECORDS_PER_LOOK = 64,   /* records between two looks at the clock */
    PROGRESS_MS = 500,
    DECISIONS_MS = 100 /* between two looks for decisions, while any can be taken */
};

/* ---- what goes wrong --------------------------------------------------------------------------------------------- */

/* Ends the host with the first error; what may still be committed is, unless it is broken. */
static void give_up(weir_local_host *host, weir_local_state state, weir_code rc, const weir_error *err)
{
    if (host->rc == WEIR_OK) {
        host->rc = rc;
        if (host->err && err != host->err)
            *host->err = *err;
    }
    if (host->state != WEIR__LOCAL_BROKEN)
        host->state = state;
    weir__engine_stop(host->engine);
}

/* One dead letter: what, where and why, and the record, as far as there is one. */
static weir_code add_dead_letter(weir_local_host *host, uint64_t line, uint64_t index, weir_bytes record, bool is_json,
                                 const weir_error *why)
{
    weir_buffer *out = &host->filling->dead;
    char place[96];
    weir_code rc = weir__buffer_add_text(out, "{\"input\":");

    (void)snprintf(place, sizeof place, ",\"line\":%" PRIu64 ",\"index\":%" PRIu64 ",\"code\":\"%s\",\"error\":", line,
                   index, weir__code_name(why->code));
    if (rc == WEIR_OK)
        rc = weir__json_print_bytes(weir__bytes_text(host->source.name), out);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, place);
    if (rc == WEIR_OK)
        rc = weir__json_print_bytes(weir__bytes_text(why->message), out);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, is_json ? ",\"record\":" : ",\"text\":");
    if (rc == WEIR_OK)
        rc = is_json ? weir__buffer_add(out, record.data, record.size) : weir__json_print_bytes(record, out);
    return rc == WEIR_OK ? weir__buffer_add_text(out, "}\n") : rc;
}

/**
 * A record that is bad, or whose run failed: what input.on-error says.
 * @return true when it is passed over; false when the host gives up, and the record counts as not read
 */
static bool pass_over(weir_local_host *host, uint64_t line, uint64_t index, weir_bytes record, bool is_json,
                      weir_error *why)
{
    weir_code code = why->code;

    if (why->remedy == WEIR_REMEDY_STOP) {
        give_up(host, WEIR__LOCAL_BROKEN, code, why);
        return false;
    }
    switch (host->on_error) {
    case WEIR__ON_ERROR_FAIL:
        weir__error_context(why, "%s:%" PRIu64, host->source.shown, line);
        why->code = WEIR_FAILED;
        give_up(host, WEIR__LOCAL_STOPPING, WEIR_FAILED, why);
        return false;
    case WEIR__ON_ERROR_SKIP:
        break;
    case WEIR__ON_ERROR_DLQ:
        code = add_dead_letter(host, line, index, record, is_json, why);
        if (code != WEIR_OK) {
            (void)weir__fail_memory(why, "a dead letter");
            give_up(host, WEIR__LOCAL_BROKEN, code, why);
            return false;
        }
        break;
    }
    host->progress.skipped++;
    weir__log(WEIR__LOG_DEBUG, "host/local", "record passed over at=%s:%" PRIu64 " cause=\"%s\"", host->source.shown,
              line, why->message);
    return true;
}

/* ---- cuts -------------------------------------------------------------------------------------------------------- */

static weir_code put_cell(void *context, const weir_key *key, const weir_cell *cell, weir_error *err)
{
    weir_local_host *host = context;
    weir_code rc;

    if (cell->type == WEIR__CELL_DELETED) {
        rc = weir__cut_delete(host->filling, key->bytes, cell->path);
    } else {
        weir__buffer_reset(&host->cell_value);
        rc = weir__cell_encode(cell, &host->cell_value);
        if (rc == WEIR_OK)
            rc = weir__cut_put(host->filling, key->bytes, cell->path, weir__buffer_bytes(&host->cell_value));
    }
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a cut");
}

static bool has_changes(const weir_local_host *host)
{
    return host->has_moved || host->source.has_new_mark || host->ended_since_cut > 0 ||
           weir__cut_bytes(host->filling) > 0 || weir__keys_are_dirty(weir__engine_keys(host->engine));
}

/* Between runs: all that has ended since the last cut, in one piece, to the commit thread. */
static void cut(weir_local_host *host)
{
    weir_cut *now = host->filling;
    weir_error err;
    weir_code rc = weir__keys_cut(weir__engine_keys(host->engine), host->next_commit, put_cell, host, &err);

    if (rc == WEIR_OK)
        rc = weir__inbox_cut(&host->inbox, weir__engine_oldest(host->engine), now, &err);
    if (rc != WEIR_OK) {
        give_up(host, WEIR__LOCAL_BROKEN, rc, &err);
        return;
    }
    now->number = host->next_commit++;
    now->mark = host->source.mark;
    now->place = *weir__source_place_now(&host->source);
    host->filling = now == &host->cuts[0] ? &host->cuts[1] : &host->cuts[0];
    weir__cut_reset(host->filling);
    host->is_committing = true;
    host->ended_since_cut = 0;
    host->has_moved = false;
    host->source.has_new_mark = false;
    host->last_cut_ms = host->now_ms;
    if (host->vitals.server)
        host->vitals.cut_ms = weir__clock_monotonic_ms(host->clock); /* now_ms may be some records old */
    weir__committer_submit(host->committer, now);
}

void weir__local_cut_is_known(void *context, weir_cut *cut, const weir_error *err)
{
    weir_local_host *host = context;

    if (cut)
        host->is_committing = false;
    if (err) {
        host->vitals.thread.commits_failed += cut != NULL;
        give_up(host, WEIR__LOCAL_BROKEN, err->code, err);
        return;
    }
    weir__local_status_committed(host, cut);
    weir__engine_committed(host->engine, cut->number);
}

/* Without a state: outputs leave as they come. */
static void flush(weir_local_host *host)
{
    weir_error err;
    weir_code rc = weir__sink_append(&host->output, weir__buffer_bytes(&host->filling->outputs), &err);

    if (rc == WEIR_OK && host->has_dead)
        rc = weir__sink_append(&host->dead, weir__buffer_bytes(&host->filling->dead), &err);
    weir__cut_reset(host->filling);
    if (rc != WEIR_OK)
        give_up(host, WEIR__LOCAL_BROKEN, rc, &err);
}

/* ---- the end of a run -------------------------------------------------------------------------------------------- */

static weir_code add_outputs(weir_local_host *host, const weir_run *run)
{
    weir_buffer *out = &host->filling->outputs;
    weir_code rc = WEIR_OK;

    for (const weir_output_item *item = run->outputs; item && rc == WEIR_OK; item = item->next) {
        rc = weir__buffer_add_byte(out, '{');
        if (rc == WEIR_OK)
            rc = weir__json_print_text(run->key_bytes, out);
        if (rc == WEIR_OK)
            rc = weir__buffer_add_byte(out, ':');
        if (rc == WEIR_OK)
            rc = weir__buffer_add(out, item->text.data, item->text.size);
        if (rc == WEIR_OK)
            rc = weir__buffer_add(out, "}\n", 2);
    }
    host->progress.outputs += run->output_count;
    return rc;
}

/* As pass_over(), for a record that was parsed: it is whole, so it is printed as one, into `record`. */
static bool pass_over_run(weir_local_host *host, const weir_run *run, weir_error *why, weir_buffer *record)
{
    if (why->remedy != WEIR_REMEDY_STOP && weir__record_print(run, record) != WEIR_OK)
        (void)weir__fail_memory(why, "a failed record");
    return pass_over(host, weir__inbox_line(run), run->index, weir__buffer_bytes(record), true, why);
}

static void fail_run(weir_local_host *host, weir_run *run)
{
    weir_error why = run->failure.error;
    weir_buffer record;
    weir_code rc;

    weir__buffer_init(&record, SIZE_MAX);
    rc = pass_over_run(host, run, &why, &record) ? weir__inbox_ended(&host->inbox, run, host->filling)
                                                 : weir__inbox_keep(&host->inbox, run, weir__buffer_bytes(&record));
    weir__buffer_clear(&record);
    if (rc != WEIR_OK)
        give_up(host, WEIR__LOCAL_BROKEN, rc, (weir__fail_memory(&why, "a failed record"), &why));
}

void weir__local_ended(void *context, weir_run *run)
{
    weir_local_host *host = context;
    weir_error err;
    weir_code rc;

    host->ended_since_cut++;
    if (weir__failure_is_kept(&run->failure)) {
        fail_run(host, run);
        return;
    }
    rc = add_outputs(host, run);
    if (rc == WEIR_OK && run->counts)
        rc = weir__counters_add(&host->counters, run);
    if (rc == WEIR_OK)
        rc = weir__inbox_ended(&host->inbox, run, host->filling);
    if (rc != WEIR_OK) {
        give_up(host, WEIR__LOCAL_BROKEN, rc, (weir__fail_memory(&err, "the outputs"), &err));
        return;
    }
    if (!host->store && host->filling->outputs.size >= WRITE_BYTES)
        flush(host);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

weir_code weir__local_append(void *context, weir_run *run, const weir_entry *entry, weir_bytes sealed,
                             weir_ticket *ticket, weir_error *err)
{
    weir_local_host *host = context;
    weir_code rc = weir__inbox_append(&host->inbox, host->committer, run, sealed, ticket);

    (void)entry;
    host->vitals.thread.journal_appended += rc == WEIR_OK;
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a journal entry");
}

void weir__local_parked(void *context, weir_run *run, const weir_entry *parked)
{
    weir_buffer key;

    (void)context;
    weir__buffer_init(&key, 1024);
    if (weir__json_print_bytes(run->key_bytes, &key) != WEIR_OK || weir__buffer_add_byte(&key, '\0') != WEIR_OK)
        weir__buffer_reset(&key); /* a long one: the run says it all */
    if (!parked)
        weir__log(WEIR__LOG_INFO, "host/local", "run goes on run=%s key=%s", weir_run_id(run),
                  key.size ? (const char *)key.data : "");
    else
        weir__log(WEIR__LOG_WARN, "host/local",
                  "run is parked, its key waits for a decision run=%s key=%s action=%s call=%s attempt=%" PRIu32
                  " reason=%s",
                  weir_run_id(run), key.size ? (const char *)key.data : "", parked->action, parked->name,
                  parked->attempt, weir__park_reason_name(parked->reason));
    weir__buffer_clear(&key);
}

/* ---- the next record --------------------------------------------------------------------------------------------- */

/* Gives the engine a run that is filled in. */
static weir_turn accept(weir_local_host *host, weir_run *run)
{
    weir_error err;
    weir_code rc = weir__engine_accept(host->engine, run, &err);

    if (rc != WEIR_OK) {
        give_up(host, WEIR__LOCAL_BROKEN, rc, &err);
        return WEIR__TURN_MORE;
    }
    host->progress.records++;
    return WEIR__TURN_MORE;
}

/* A record that has crashed the process too often. As pass_over(). */
static bool pass_over_crashed(weir_local_host *host, const weir_run *run, weir_error *why)
{
    weir_buffer record;
    bool is_over;

    weir__buffer_init(&record, SIZE_MAX);
    is_over = pass_over_run(host, run, why, &record);
    weir__buffer_clear(&record);
    return is_over;
}

/* A record of the inbox: accepted before this start, and not over. */
static weir_turn accept_kept(weir_local_host *host)
{
    weir_run *run = weir__engine_new_run(host->engine);
    weir_error err;
    weir_code rc;

    if (!run) {
        rc = weir__fail_memory(&err, "a run");
        give_up(host, WEIR__LOCAL_BROKEN, rc, &err);
        return WEIR__TURN_MORE;
    }
    run->source = host->source.mark.id;
    run->epoch = host->epoch;
    rc = weir__inbox_next(&host->inbox, run, &err);
    if (rc == WEIR_FAILED) { /* it has crashed the process too often */
        if (pass_over_crashed(host, run, &err) && weir__inbox_ended(&host->inbox, run, host->filling) != WEIR_OK)
            give_up(host, WEIR__LOCAL_BROKEN, WEIR_NO_MEMORY, (weir__fail_memory(&err, "a failed record"), &err));
        weir__engine_drop_run(host->engine, run);
        return WEIR__TURN_MORE;
    }
    if (rc != WEIR_OK) {
        weir__engine_drop_run(host->engine, run);
        give_up(host, WEIR__LOCAL_BROKEN, rc, &err);
        return WEIR__TURN_MORE;
    }
    return accept(host, run);
}

/* A bad record ends here; when the host gives up because of it, it counts as not read. */
static void pass_over_bad(weir_local_host *host, const weir_record *record, const weir_source_place *before,
                          weir_error *why)
{
    if (!pass_over(host, record->at.line + 1, record->at.index, record->text, false, why))
        host->source.at = *before;
}

static weir_turn accept_record(weir_local_host *host, const weir_record *record, const weir_source_place *before)
{
    weir_run *run;
    weir_error err;
    weir_code rc;

    host->has_moved = true;
    if (record->too_long) {
        rc = weir__fail(&err, WEIR_LIMIT, WEIR_REMEDY_FIX,
                        "the record has %" PRIu64 " bytes; limits.record-bytes allows fewer", record->bytes);
        pass_over_bad(host, record, before, &err);
        return WEIR__TURN_MORE;
    }
    run = weir__engine_new_run(host->engine);
    if (!run) {
        rc = weir__fail_memory(&err, "a run");
        give_up(host, WEIR__LOCAL_BROKEN, rc, &err);
        return WEIR__TURN_MORE;
    }
    run->source = host->source.mark.id;
    run->epoch = host->epoch;
    run->index = record->at.index;
    rc = weir__record_parse(record->text, host->depth, run, &err);
    if (rc == WEIR_OK)
        rc = weir__inbox_add(run, record->at.line + 1, &err);
    if (rc == WEIR_OK && weir__inbox_recall(&host->inbox, run, &err) != WEIR_OK) {
        err.remedy = WEIR_REMEDY_STOP; /* what was done for the record cannot be told: it must not be run */
        weir__engine_drop_run(host->engine, run);
        give_up(host, WEIR__LOCAL_BROKEN, err.code, &err);
        return WEIR__TURN_MORE;
    }
    if (rc == WEIR_OK && weir__crashes_judge(&host->inbox.crashes, run, &err) != WEIR_OK) {
        if (!pass_over_crashed(host, run, &err))
            host->source.at = *before;
        weir__engine_drop_run(host->engine, run);
        return WEIR__TURN_MORE;
    }
    if (rc != WEIR_OK) {
        weir__engine_drop_run(host->engine, run);
        pass_over_bad(host, record, before, &err);
        return WEIR__TURN_MORE;
    }
    return accept(host, run);
}

static weir_turn read_record(weir_local_host *host)
{
    weir_source_place before = host->source.at;
    weir_record record;
    weir_error err;

    switch (weir__source_next(&host->source, &record, &err)) {
    case WEIR__READER_RECORD:
        host->vitals.is_at_end = false;
        return accept_record(host, &record, &before);
    case WEIR__READER_WAIT:
        host->vitals.is_at_end = true;
        return WEIR__TURN_IDLE;
    case WEIR__READER_END:
        host->vitals.is_at_end = true;
        host->state = WEIR__LOCAL_DRAINING;
        return WEIR__TURN_MORE;
    case WEIR__READER_FAILED:
        /* What cannot be split into records is bad input: what came before it is committed. */
        if (err.code == WEIR_INVALID || err.code == WEIR_LIMIT)
            err.code = WEIR_FAILED;
        give_up(host, WEIR__LOCAL_STOPPING, err.code, &err);
        return WEIR__TURN_MORE;
    }
    return WEIR__TURN_MORE;
}

/* ---- the host's turn --------------------------------------------------------------------------------------------- */

static void show_progress(weir_local_host *host, bool is_last)
{
    weir_local_progress *progress = &host->progress;

    host->last_progress_ms = host->now_ms;
    if (!host->options->progress)
        return;
    progress->waiting = weir__engine_counts(host->engine).waiting;
    progress->input_offset = host->source.at.place.offset;
    progress->input_size = host->source.size_bytes;
    progress->elapsed_ms = host->now_ms - host->started_ms;
    host->options->progress(host->options->context, progress, is_last);
}

static void look_at_clock(weir_local_host *host)
{
    host->until_look = RECORDS_PER_LOOK;
    host->now_ms = weir__clock_monotonic_ms(host->clock);
    if (host->now_ms - host->last_progress_ms >= PROGRESS_MS)
        show_progress(host, false);
    if (weir__status_is_due(host->vitals.server, 0, host->now_ms))
        weir__local_status_tell(host);
}

/* True while the commit that is under way must end before more can be taken in. */
static bool is_full(const weir_local_host *host)
{
    return host->ended_since_cut >= host->commit_runs || weir__cut_bytes(host->filling) >= host->commit_bytes;
}

/* A run that waits for a commit is not kept waiting for the interval. */
static bool is_due(const weir_local_host *host)
{
    return is_full(host) || weir__engine_counts(host->engine).awaiting_commit > 0 ||
           host->now_ms - host->last_cut_ms >= host->commit_interval_ms;
}

/* Whether calls under way are still waited for: what they say is recorded, so that no doubt is left behind. */
static bool are_calls_awaited(weir_local_host *host)
{
    if (weir__engine_counts(host->engine).errands == 0)
        return false;
    look_at_clock(host);
    if (!host->stop_by_ms)
        host->stop_by_ms = host->now_ms + weir__config_int(host->options->config, "calls.stop-timeout-ms");
    return host->now_ms < host->stop_by_ms;
}

/* Nothing more is taken in: STOP once the last cut is known. */
static weir_turn finish(weir_local_host *host)
{
    if (host->state == WEIR__LOCAL_BROKEN) {
        bool is_busy = host->is_committing || (host->committer && weir__committer_is_busy(host->committer));

        return is_busy ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
    }
    if (host->state == WEIR__LOCAL_STOPPING && are_calls_awaited(host))
        return WEIR__TURN_IDLE;
    if (!host->store) {
        flush(host);
        return WEIR__TURN_STOP;
    }
    if (host->is_committing)
        return WEIR__TURN_IDLE;
    if (has_changes(host)) {
        cut(host);
        return host->is_committing ? WEIR__TURN_IDLE : WEIR__TURN_MORE; /* no cut, no news to wait for */
    }
    return weir__committer_is_busy(host->committer) ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
}

/* The input is over, and what is left cannot move by itself: its runs are parked, or queue behind parked ones. */
static bool are_parked_alone(const weir_local_host *host)
{
    weir_engine_counts counts = weir__engine_counts(host->engine);

    return counts.parked > 0 && counts.waiting + counts.ready == 0;
}

weir_turn weir__local_turn(void *context, bool may_accept)
{
    weir_local_host *host = context;

    host->may_accept = may_accept;
    /* Runs that are ready go on first: what they append next to this goes along. */
    if (host->committer && weir__engine_counts(host->engine).ready == 0)
        weir__committer_flush(host->committer);
    if (host->until_look-- == 0)
        look_at_clock(host);
    if (weir__signals_caught() && (host->state == WEIR__LOCAL_READING ||
                                   (host->state == WEIR__LOCAL_DRAINING && weir__engine_oldest(host->engine)))) {
        host->state = WEIR__LOCAL_STOPPING;
        weir__engine_stop(host->engine);
    }
    if (host->state >= WEIR__LOCAL_STOPPING)
        return finish(host);
    if (host->state == WEIR__LOCAL_DRAINING && weir__inbox_is_taken(&host->inbox)) {
        if (!weir__engine_oldest(host->engine))
            return finish(host);
        if (!are_parked_alone(host)) {
            host->stop_by_ms = 0; /* one of them goes on: the next wait for calls has its whole time again */
        } else if (!are_calls_awaited(host)) {
            host->state = WEIR__LOCAL_STOPPING;
            weir__engine_stop(host->engine);
            return finish(host);
        }
    }
    if (host->store && host->now_ms - host->decisions.looked_ms >= 2 * DECISIONS_MS) /* a loop that never waits */
        weir__decisions_look(&host->decisions, host->engine, false, host->now_ms);
    if (host->store && !host->is_committing && is_due(host) && has_changes(host)) {
        cut(host);
        if (host->state == WEIR__LOCAL_BROKEN)
            return WEIR__TURN_MORE; /* to leave: nobody would wake a loop that waits */
    }
    if (!may_accept || (host->store && host->is_committing && is_full(host)))
        return WEIR__TURN_IDLE;
    if (!weir__inbox_is_taken(&host->inbox))
        return accept_kept(host);
    return host->state == WEIR__LOCAL_READING ? read_record(host) : WEIR__TURN_IDLE;
}

/* Nothing to do: until a commit is known, a call is done, a signal comes, there is more input, or a cut is due. */
void weir__local_wait(void *context)
{
    weir_local_host *host = context;
    struct pollfd fds[3] = {
        { weir__engine_wake_fd(host->engine), POLLIN, 0 },
        { weir__signals_fd(), POLLIN, 0 },
        { host->state == WEIR__LOCAL_READING ? weir__source_poll_fd(&host->source) : -1, POLLIN, 0 },
    };
    int timeout = -1, timer;

    if (host->committer)
        weir__committer_flush(host->committer);
    if (!host->store)
        flush(host);
    look_at_clock(host);
    if (host->state != WEIR__LOCAL_READING && host->state != WEIR__LOCAL_DRAINING && weir__signals_caught())
        fds[1].fd = -1; /* seen; its descriptor stays readable */
    if (!host->may_accept || (host->is_committing && is_full(host)))
        fds[2].fd = -1; /* more input would not be taken */
    if (host->store && !host->is_committing && host->state < WEIR__LOCAL_STOPPING && has_changes(host)) {
        int64_t due = is_due(host) ? 0 : host->last_cut_ms + host->commit_interval_ms - host->now_ms;

        timeout = due > 0 ? (int)due : 0;
    }
    if (host->options->progress && (timeout < 0 || timeout > PROGRESS_MS))
        timeout = PROGRESS_MS;
    if (host->vitals.server && (timeout < 0 || timeout > WEIR__STATUS_INTERVAL_MS))
        timeout = WEIR__STATUS_INTERVAL_MS;
    timer = weir__engine_timeout_ms(host->engine);
    if (timer >= 0 && (timeout < 0 || timer < timeout))
        timeout = timer;
    if (host->store && host->state < WEIR__LOCAL_STOPPING && weir__decisions_are_possible(host->engine)) {
        /* Nothing is ready, or the loop would not wait; with the inbox taken, all runs are as far as they get. */
        if (host->now_ms - host->decisions.looked_ms >= DECISIONS_MS)
            weir__decisions_look(&host->decisions, host->engine, weir__inbox_is_taken(&host->inbox), host->now_ms);
        if (timeout < 0 || timeout > DECISIONS_MS)
            timeout = DECISIONS_MS;
        if (weir__engine_counts(host->engine).ready)
            timeout = 0; /* one goes on */
    }
    if (host->stop_by_ms > host->now_ms && (timeout < 0 || timeout > host->stop_by_ms - host->now_ms))
        timeout = (int)(host->stop_by_ms - host->now_ms);
    if (host->options->poll ? host->options->poll(host->options->poll_context, fds, 3, timeout) > 0
                            : poll(fds, 3, timeout) > 0) {
        if (fds[1].revents)
            weir__signals_polled();
        if (fds[2].revents)
            weir__source_polled(&host->source);
    }
    host->until_look = 0;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

weir_code weir__local_run(const weir_local_options *options, weir_local_result *result, weir_error *err)
{
    weir_local_host host = {
        .options = options,
        .disk = options->disk ? options->disk : weir__disk_system(),
        .clock = options->clock ? options->clock : weir__clock_system(),
        .crash_fd = -1,
        .next_commit = 1,
        .err = err,
    };
    weir_signals before;
    weir_code rc;

    host.source.fd = -1;
    host.source.watch_fd = -1;
    host.source.options.disk = host.disk;
    weir__cut_init(&host.cuts[0]);
    weir__cut_init(&host.cuts[1]);
    weir__buffer_init(&host.cell_value, SIZE_MAX);
    host.filling = &host.cuts[0];
    host.started_ms = weir__clock_monotonic_ms(host.clock);
    host.now_ms = host.started_ms;
    host.last_progress_ms = host.started_ms;
    host.last_cut_ms = host.started_ms;
    memset(result, 0, sizeof *result);
    rc = weir__signals_install(&before, err);
    if (rc == WEIR_OK) {
        rc = weir__local_open(&host, err);
        if (rc == WEIR_OK)
            rc = weir__crash_install(host.crash_fd, false, err);
        if (rc == WEIR_OK) {
            weir__local_warn_of_pipes(&host);
            rc = weir__engine_run(host.engine, err);
            weir__crash_remove();
            host.parked_at_end = weir__engine_counts(host.engine).parked;
            host.now_ms = weir__clock_monotonic_ms(host.clock);
            show_progress(&host, true);
        }
        if (host.rc == WEIR_OK)
            host.rc = rc;
        weir__counters_log(&host.counters);
        weir__counters_clear(&host.counters);
        weir__local_close(&host);
    }
    weir__signals_remove(&before);
    result->records = host.progress.records;
    result->outputs = host.progress.outputs;
    result->skipped = host.progress.skipped;
    result->parked = host.parked_at_end;
    result->signal = host.state == WEIR__LOCAL_STOPPING && host.rc == WEIR_OK ? weir__signals_caught() : 0;
    return rc == WEIR_OK ? host.rc : rc;
}
