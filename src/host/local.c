/* SPDX-License-Identifier: Apache-2.0 */
/* The local host. States and invariants are in README.md. */
#include "host/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/crash.h"
#include "host/commit.h"
#include "host/inbox.h"
#include "host/record.h"

enum {
    WRITE_BYTES = 64 * 1024, /* without a state: outputs are written in pieces of this */
    RECORDS_PER_LOOK = 64,   /* records between two looks at the clock */
    PROGRESS_MS = 500
};

typedef enum local_state { READING, DRAINING, STOPPING, BROKEN } local_state;

typedef enum on_error { ON_ERROR_FAIL, ON_ERROR_SKIP, ON_ERROR_DLQ } on_error;

typedef struct local_host {
    const weir_local_options *options;
    const weir_disk *disk;
    const weir_clock *clock;
    weir_engine *engine;
    local_state state;

    /* Configuration, read once. */
    on_error on_error;
    size_t depth;
    int64_t commit_interval_ms;
    uint64_t commit_runs;
    size_t commit_bytes;

    weir_source source;
    weir_sink output, dead;
    bool has_dead;
    weir_arena scratch; /* of a record that is no run yet */

    /* With a state folder. */
    weir_store *store;
    weir_committer *committer;
    weir_inbox inbox;
    int crash_fd;
    weir_cut cuts[2];
    weir_cut *filling;       /* what the next commit holds */
    bool is_committing;      /* the other one is under way */
    uint64_t next_commit;
    uint64_t ended_since_cut;
    bool has_moved;          /* the place, since the last cut */
    int64_t last_cut_ms;

    unsigned until_look;
    int64_t now_ms, started_ms, last_progress_ms;
    weir_local_progress progress;
    weir_code rc; /* of what ended it */
    weir_error *err;
} local_host;

/* ---- signals ----------------------------------------------------------------------------------------------------- */

/* A signal handler has no context but what is global. */
static volatile sig_atomic_t caught_signal;
static int signal_fd = -1;

static void on_signal(int number)
{
    uint64_t one = 1;
    int saved = errno;
    ssize_t ignored;

    if (caught_signal)
        _exit(128 + number); /* the second one: at once */
    caught_signal = number;
    ignored = write(signal_fd, &one, sizeof one); /* cannot be full */
    (void)ignored;
    errno = saved;
}

typedef struct signals {
    struct sigaction interrupt, terminate;
} signals;

static weir_code install_signals(signals *before, weir_error *err)
{
    struct sigaction action = { .sa_handler = on_signal };

    caught_signal = 0;
    signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make an event descriptor");
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, &before->interrupt); /* catchable signals: cannot fail */
    (void)sigaction(SIGTERM, &action, &before->terminate);
    return WEIR_OK;
}

static void remove_signals(const signals *before)
{
    if (signal_fd < 0)
        return;
    (void)sigaction(SIGINT, &before->interrupt, NULL);
    (void)sigaction(SIGTERM, &before->terminate, NULL);
    (void)close(signal_fd); /* nothing is lost in it */
    signal_fd = -1;
}

/* ---- what goes wrong --------------------------------------------------------------------------------------------- */

/* Ends the host with the first error; what may still be committed is, unless it is broken. */
static void give_up(local_host *host, local_state state, weir_code rc, const weir_error *err)
{
    if (host->rc == WEIR_OK) {
        host->rc = rc;
        if (host->err && err != host->err)
            *host->err = *err;
    }
    if (host->state != BROKEN)
        host->state = state;
    weir__engine_stop(host->engine);
}

static weir_code add_text(weir_buffer *out, const char *text)
{
    return weir__buffer_add(out, text, strlen(text));
}

/* One dead letter: what, where and why, and the record, as far as there is one. */
static weir_code add_dead_letter(local_host *host, uint64_t line, uint64_t index, weir_bytes record, bool is_json,
                                 const weir_error *why)
{
    weir_buffer *out = &host->filling->dead;
    char place[96];
    weir_code rc = add_text(out, "{\"input\":");

    (void)snprintf(place, sizeof place, ",\"line\":%" PRIu64 ",\"index\":%" PRIu64 ",\"code\":\"%s\",\"error\":", line,
                   index, weir__code_name(why->code));
    if (rc == WEIR_OK)
        rc = weir__json_print_bytes(weir__bytes_text(host->source.name), out);
    if (rc == WEIR_OK)
        rc = add_text(out, place);
    if (rc == WEIR_OK)
        rc = weir__json_print_bytes(weir__bytes_text(why->message), out);
    if (rc == WEIR_OK)
        rc = add_text(out, is_json ? ",\"record\":" : ",\"text\":");
    if (rc == WEIR_OK)
        rc = is_json ? weir__buffer_add(out, record.data, record.size) : weir__json_print_bytes(record, out);
    return rc == WEIR_OK ? add_text(out, "}\n") : rc;
}

/**
 * A record that is bad, or whose run failed: what input.on-error says.
 * @return true when it is passed over; false when the host gives up, and the record counts as not read
 */
static bool pass_over(local_host *host, uint64_t line, uint64_t index, weir_bytes record, bool is_json,
                      weir_error *why)
{
    weir_code code = why->code;

    if (why->remedy == WEIR_REMEDY_STOP) {
        give_up(host, BROKEN, code, why);
        return false;
    }
    switch (host->on_error) {
    case ON_ERROR_FAIL:
        weir__error_context(why, "%s:%" PRIu64, host->source.shown, line);
        why->code = WEIR_FAILED;
        give_up(host, STOPPING, WEIR_FAILED, why);
        return false;
    case ON_ERROR_SKIP:
        break;
    case ON_ERROR_DLQ:
        code = add_dead_letter(host, line, index, record, is_json, why);
        if (code != WEIR_OK) {
            (void)weir__fail_memory(why, "a dead letter");
            give_up(host, BROKEN, code, why);
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

static weir_code put_cell(void *context, weir_bytes key, const weir_cell *cell, weir_error *err)
{
    local_host *host = context;
    weir_buffer value;
    weir_code rc;

    if (cell->type == WEIR__CELL_DELETED)
        rc = weir__cut_delete(host->filling, key, cell->path);
    else {
        weir__buffer_init(&value, SIZE_MAX);
        rc = weir__cell_encode(cell, &value);
        if (rc == WEIR_OK)
            rc = weir__cut_put(host->filling, key, cell->path, weir__buffer_bytes(&value));
        weir__buffer_clear(&value);
    }
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a cut");
}

static bool has_changes(const local_host *host)
{
    return host->has_moved || host->source.has_new_mark || host->ended_since_cut > 0 || weir__cut_bytes(host->filling) > 0 ||
           weir__keys_are_dirty(weir__engine_keys(host->engine));
}

/* Between runs: all that has ended since the last cut, in one piece, to the commit thread. */
static void cut(local_host *host)
{
    weir_cut *now = host->filling;
    weir_error err;
    weir_code rc = weir__keys_cut(weir__engine_keys(host->engine), host->next_commit, put_cell, host, &err);

    if (rc == WEIR_OK)
        rc = weir__inbox_cut(&host->inbox, weir__engine_oldest(host->engine), now, &err);
    if (rc != WEIR_OK) {
        give_up(host, BROKEN, rc, &err);
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
    weir__committer_submit(host->committer, now);
}

static void cut_is_known(void *context, weir_cut *cut, const weir_error *err)
{
    local_host *host = context;

    host->is_committing = false;
    if (err) {
        give_up(host, BROKEN, err->code, err);
        return;
    }
    weir__keys_committed(weir__engine_keys(host->engine), cut->number);
}

/* Without a state: outputs leave as they come. */
static void flush(local_host *host)
{
    weir_error err;
    weir_code rc = weir__sink_append(&host->output, weir__buffer_bytes(&host->filling->outputs), &err);

    if (rc == WEIR_OK && host->has_dead)
        rc = weir__sink_append(&host->dead, weir__buffer_bytes(&host->filling->dead), &err);
    weir__cut_reset(host->filling);
    if (rc != WEIR_OK)
        give_up(host, BROKEN, rc, &err);
}

/* ---- the end of a run -------------------------------------------------------------------------------------------- */

static weir_code add_outputs(local_host *host, const weir_run *run)
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

static void fail_run(local_host *host, weir_run *run)
{
    weir_error why = run->failure.error;
    weir_buffer record;
    weir_code rc;

    weir__buffer_init(&record, SIZE_MAX);
    if (why.remedy != WEIR_REMEDY_STOP && weir__record_print(run, &record) != WEIR_OK)
        (void)weir__fail_memory(&why, "a failed record");
    if (pass_over(host, weir__inbox_line(run), run->index, weir__buffer_bytes(&record), true, &why))
        rc = weir__inbox_ended(&host->inbox, run, host->filling);
    else
        rc = weir__inbox_keep(&host->inbox, run, weir__buffer_bytes(&record));
    weir__buffer_clear(&record);
    if (rc != WEIR_OK)
        give_up(host, BROKEN, rc, (weir__fail_memory(&why, "a failed record"), &why));
}

static void ended(void *context, weir_run *run)
{
    local_host *host = context;
    weir_error err;
    weir_code rc;

    host->ended_since_cut++;
    if (weir__failure_is_kept(&run->failure)) {
        fail_run(host, run);
        return;
    }
    rc = add_outputs(host, run);
    if (rc == WEIR_OK)
        rc = weir__inbox_ended(&host->inbox, run, host->filling);
    if (rc != WEIR_OK) {
        give_up(host, BROKEN, rc, (weir__fail_memory(&err, "the outputs"), &err));
        return;
    }
    if (!host->store && host->filling->outputs.size >= WRITE_BYTES)
        flush(host);
}

/* ---- the next record --------------------------------------------------------------------------------------------- */

/* Gives the engine a run that is filled in. */
static weir_turn accept(local_host *host, weir_run *run)
{
    weir_error err;
    weir_code rc = weir__engine_accept(host->engine, run, &err);

    if (rc != WEIR_OK) {
        give_up(host, BROKEN, rc, &err);
        return WEIR__TURN_MORE;
    }
    host->progress.records++;
    return WEIR__TURN_MORE;
}

/* A record that has crashed the process too often; it is whole, so it is printed as one. As pass_over(). */
static bool pass_over_crashed(local_host *host, const weir_run *run, weir_error *why)
{
    weir_buffer record;
    bool is_over;

    weir__buffer_init(&record, SIZE_MAX);
    if (weir__record_print(run, &record) != WEIR_OK)
        (void)weir__fail_memory(why, "a failed record");
    is_over = pass_over(host, weir__inbox_line(run), run->index, weir__buffer_bytes(&record), true, why);
    weir__buffer_clear(&record);
    return is_over;
}

/* A record of the inbox: accepted before this start, and not over. */
static weir_turn accept_kept(local_host *host)
{
    weir_run *run = weir__engine_new_run(host->engine);
    weir_error err;
    weir_code rc;

    if (!run) {
        rc = weir__fail_memory(&err, "a run");
        give_up(host, BROKEN, rc, &err);
        return WEIR__TURN_MORE;
    }
    run->source = host->source.mark.id;
    rc = weir__inbox_next(&host->inbox, run, &err);
    if (rc == WEIR_FAILED) { /* it has crashed the process too often */
        if (pass_over_crashed(host, run, &err) && weir__inbox_ended(&host->inbox, run, host->filling) != WEIR_OK)
            give_up(host, BROKEN, WEIR_NO_MEMORY, (weir__fail_memory(&err, "a failed record"), &err));
        weir__engine_drop_run(host->engine, run);
        return WEIR__TURN_MORE;
    }
    if (rc != WEIR_OK) {
        weir__engine_drop_run(host->engine, run);
        give_up(host, BROKEN, rc, &err);
        return WEIR__TURN_MORE;
    }
    return accept(host, run);
}

/* A bad record ends here; when the host gives up because of it, it counts as not read. */
static void pass_over_bad(local_host *host, const weir_record *record, const weir_source_place *before,
                          weir_error *why)
{
    if (!pass_over(host, record->at.line + 1, record->at.index, record->text, false, why))
        host->source.at = *before;
}

static weir_turn accept_record(local_host *host, const weir_record *record, const weir_source_place *before)
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
        give_up(host, BROKEN, rc, &err);
        return WEIR__TURN_MORE;
    }
    run->source = host->source.mark.id;
    run->index = record->at.index;
    rc = weir__record_parse(record->text, host->depth, run, &err);
    if (rc == WEIR_OK)
        rc = weir__inbox_add(run, record->at.line + 1, &err);
    if (rc == WEIR_OK && weir__inbox_check_crashes(&host->inbox, run, &err) != WEIR_OK) {
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

static weir_turn read_record(local_host *host)
{
    weir_source_place before = host->source.at;
    weir_record record;
    weir_error err;

    switch (weir__source_next(&host->source, &record, &err)) {
    case WEIR__READER_RECORD:
        return accept_record(host, &record, &before);
    case WEIR__READER_WAIT:
        return WEIR__TURN_IDLE;
    case WEIR__READER_END:
        host->state = DRAINING;
        return WEIR__TURN_MORE;
    case WEIR__READER_FAILED:
        /* What cannot be split into records is bad input: what came before it is committed. */
        if (err.code == WEIR_INVALID || err.code == WEIR_LIMIT)
            err.code = WEIR_FAILED;
        give_up(host, STOPPING, err.code, &err);
        return WEIR__TURN_MORE;
    }
    return WEIR__TURN_MORE;
}

/* ---- the host's turn --------------------------------------------------------------------------------------------- */

static void show_progress(local_host *host, bool is_last)
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

static void look_at_clock(local_host *host)
{
    host->until_look = RECORDS_PER_LOOK;
    host->now_ms = weir__clock_monotonic_ms(host->clock);
    if (host->now_ms - host->last_progress_ms >= PROGRESS_MS)
        show_progress(host, false);
}

/* True while the commit that is under way must end before more can be taken in. */
static bool is_full(const local_host *host)
{
    return host->ended_since_cut >= host->commit_runs || weir__cut_bytes(host->filling) >= host->commit_bytes;
}

static bool is_due(const local_host *host)
{
    return is_full(host) || host->now_ms - host->last_cut_ms >= host->commit_interval_ms;
}

/* Nothing more is taken in: STOP once the last cut is known. */
static weir_turn finish(local_host *host)
{
    if (host->state == BROKEN)
        return host->is_committing ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
    if (!host->store) {
        flush(host);
        return WEIR__TURN_STOP;
    }
    if (host->is_committing)
        return WEIR__TURN_IDLE;
    if (!has_changes(host))
        return WEIR__TURN_STOP;
    cut(host);
    return WEIR__TURN_IDLE;
}

static weir_turn turn(void *context, bool may_accept)
{
    local_host *host = context;

    if (host->until_look-- == 0)
        look_at_clock(host);
    if (caught_signal && host->state == READING) {
        host->state = STOPPING;
        weir__engine_stop(host->engine);
    }
    if (host->state >= STOPPING)
        return finish(host);
    if (host->state == DRAINING && !weir__engine_oldest(host->engine) && weir__inbox_is_taken(&host->inbox))
        return finish(host);
    if (host->store && !host->is_committing && is_due(host) && has_changes(host))
        cut(host);
    if (!may_accept || (host->store && host->is_committing && is_full(host)))
        return WEIR__TURN_IDLE;
    if (!weir__inbox_is_taken(&host->inbox))
        return accept_kept(host);
    return host->state == READING ? read_record(host) : WEIR__TURN_IDLE;
}

/* Nothing to do: until a commit is known, a call is done, a signal comes, there is more input, or a cut is due. */
static void wait_for_more(void *context)
{
    local_host *host = context;
    struct pollfd fds[3] = {
        { weir__engine_wake_fd(host->engine), POLLIN, 0 },
        { signal_fd, POLLIN, 0 },
        { host->state == READING ? weir__source_poll_fd(&host->source) : -1, POLLIN, 0 },
    };
    int timeout = -1;
    uint64_t count;
    ssize_t ignored;

    if (!host->store)
        flush(host);
    look_at_clock(host);
    if (host->state != READING && host->state != DRAINING && caught_signal)
        fds[1].fd = -1; /* seen; its descriptor stays readable */
    if (host->is_committing && is_full(host))
        fds[2].fd = -1; /* more input would not be taken */
    if (host->store && !host->is_committing && has_changes(host)) {
        int64_t due = host->last_cut_ms + host->commit_interval_ms - host->now_ms;

        timeout = due > 0 ? (int)due : 0;
    }
    if (host->options->progress && (timeout < 0 || timeout > PROGRESS_MS))
        timeout = PROGRESS_MS;
    if (poll(fds, 3, timeout) > 0) {
        if (fds[1].revents) {
            ignored = read(signal_fd, &count, sizeof count);
            (void)ignored;
        }
        if (fds[2].revents)
            weir__source_polled(&host->source);
    }
    host->until_look = 0;
}

/* Reads a key's cells; on the ground stack. */
static weir_code load_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    weir_cells *cells = context;
    weir_cell cell;

    (void)key;
    if (!weir__cell_decode(path, value, &cell))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "it holds a value of no known type; it was not "
                                                          "written by this version of weir");
    return weir__cells_put(cells, &cell, false) ? WEIR_OK : weir__fail_memory(err, "a key's memory");
}

static weir_code load(void *context, weir_bytes key, weir_cells *cells, weir_error *err)
{
    local_host *host = context;
    weir_code rc = weir__store_load(host->store, key, load_cell, cells, err);

    if (rc != WEIR_OK)
        weir__store_error_context(host->store, err);
    return rc;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* What the state says of input and output. */
typedef struct recorded {
    bool is_used;
    weir_source_mark mark;
    weir_source_place place;
    weir_sink_mark output, dead;
    bool has_dead;
} recorded;

static weir_code read_position(weir_store *store, const char *name, weir_buffer *text, bool *found, weir_error *err)
{
    weir__buffer_reset(text);
    return weir__store_position(store, name, text, found, err);
}

static weir_code read_recorded(weir_store *store, recorded *state, weir_error *err)
{
    bool has_mark = false, has_place = false, has_output = false;
    weir_buffer text;
    weir_code rc;

    memset(state, 0, sizeof *state);
    weir__buffer_init(&text, 1 << 20);
    rc = read_position(store, "input", &text, &has_mark, err);
    if (rc == WEIR_OK && has_mark)
        has_mark = weir__source_mark_parse(weir__buffer_bytes(&text), &state->mark);
    if (rc == WEIR_OK)
        rc = read_position(store, "place", &text, &has_place, err);
    if (rc == WEIR_OK && has_place)
        has_place = weir__source_place_parse(weir__buffer_bytes(&text), &state->place);
    if (rc == WEIR_OK)
        rc = read_position(store, "output", &text, &has_output, err);
    if (rc == WEIR_OK && has_output)
        has_output = weir__sink_mark_parse(weir__buffer_bytes(&text), &state->output);
    if (rc == WEIR_OK)
        rc = read_position(store, "dead-letters", &text, &state->has_dead, err);
    if (rc == WEIR_OK && state->has_dead)
        state->has_dead = weir__sink_mark_parse(weir__buffer_bytes(&text), &state->dead);
    weir__buffer_clear(&text);
    if (rc != WEIR_OK)
        return rc;
    state->is_used = has_mark && has_place && has_output;
    if (!state->is_used && (has_mark || has_place || has_output))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "its positions cannot be read; it was not written by this version of weir");
    return WEIR_OK;
}

static weir_code open_store(local_host *host, const char *folder, weir_error *err)
{
    const char *name = weir__config_text(host->options->config, "job.name");
    weir_store_options options = {
        .folder = folder,
        .job = name ? name : host->options->job->name,
        .vfs = host->options->vfs,
        .disk = host->disk,
    };
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/crashes", folder);
    weir_code rc = weir__store_open(&options, &host->store, err);

    if (rc != WEIR_OK)
        return rc;
    if (size < 0 || (size_t)size >= sizeof path)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "state folder '%s' has too long a name", folder);
    host->crash_fd = host->disk->open(host->disk->context, path, O_RDWR | O_APPEND | O_CREAT, 0666);
    if (host->crash_fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot open '%s'", path);
    rc = weir__inbox_open(&host->inbox, host->store, host->disk, host->crash_fd,
                          (uint64_t)weir__config_int(host->options->config, "input.max-crashes"), err);
    if (rc != WEIR_OK)
        weir__store_error_context(host->store, err);
    return rc;
}

/* A file that is read, or written already, is no place for outputs: it would be cut to nothing. */
static weir_code refuse_same_file(const local_host *host, const char *path, const char *what, weir_error *err)
{
    bool is_stdout = !path || strcmp(path, "-") == 0;
    struct stat status;
    char shown[WEIR__NAME_SHOWN];
    const char *other = NULL;

    if ((is_stdout ? fstat(STDOUT_FILENO, &status) : stat(path, &status)) != 0 || !S_ISREG(status.st_mode))
        return WEIR_OK; /* not there yet, or nothing that is cut; opening it says what else is wrong */
    if (host->source.is_file && host->source.device == (uint64_t)status.st_dev &&
        host->source.inode == (uint64_t)status.st_ino)
        other = "the input";
    else if (host->output.is_file && host->output.mark.device == (uint64_t)status.st_dev &&
             host->output.mark.inode == (uint64_t)status.st_ino)
        other = "the output";
    if (!other)
        return WEIR_OK;
    weir__name_shorten(is_stdout ? "stdout" : path, shown);
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s '%s' is the same file as %s; name another one", what,
                      shown, other);
}

static weir_code open_sinks(local_host *host, const recorded *state, weir_error *err)
{
    const char *dead = weir__config_text(host->options->config, "output.dlq-file");
    weir_sink_start start = !host->store ? WEIR__SINK_TRUNCATE : state->is_used ? WEIR__SINK_GO_ON : WEIR__SINK_EMPTY;
    weir_code rc = refuse_same_file(host, host->options->output, "output", err);

    if (rc == WEIR_OK)
        rc = weir__sink_open(&host->output, host->disk, host->options->output, start, &state->output, err);
    if (rc != WEIR_OK || host->on_error != ON_ERROR_DLQ)
        return rc;
    if (!dead)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "input.on-error is dlq, but output.dlq-file names no file; add --set output.dlq-file=FILE");
    if (host->store && state->is_used && !state->has_dead)
        start = WEIR__SINK_EMPTY;
    rc = refuse_same_file(host, dead, "output.dlq-file", err);
    if (rc != WEIR_OK)
        return rc;
    rc = weir__sink_open(&host->dead, host->disk, dead, start, &state->dead, err);
    host->has_dead = rc == WEIR_OK;
    return rc;
}

static weir_code open_engine(local_host *host, weir_error *err)
{
    static const weir_engine_port with_store = { turn, wait_for_more, ended, load };
    static const weir_engine_port in_memory = { turn, wait_for_more, ended, NULL };
    const weir_config *config = host->options->config;
    weir_engine_options options = {
        .job = host->options->job,
        .port = host->store ? &with_store : &in_memory,
        .host = host,
        .events_per_run = (size_t)weir__config_int(config, "limits.events-per-run"),
        .runs_in_flight = (size_t)weir__config_int(config, "limits.runs-in-flight"),
        .queue_per_key = (size_t)weir__config_int(config, "limits.queue-per-key"),
        .queue_bytes = (size_t)weir__config_int(config, "state.inbox-mb") << 20,
        .stack_bytes = (size_t)weir__config_int(config, "limits.stack-kb") << 10,
        .depth = host->depth,
        .cache_bytes = (size_t)weir__config_int(config, "state.cache-mb") << 20,
        .keep_results = host->store != NULL,
    };

    return weir__engine_new(&options, &host->engine, err);
}

/* The first commit comes before the first record, so that a state folder knows its input and output. */
static weir_code commit_beginning(local_host *host, weir_error *err)
{
    weir_cut *beginning = host->filling;

    beginning->number = 0;
    beginning->mark = host->source.mark;
    beginning->place = *weir__source_place_now(&host->source);
    return weir__cut_commit(beginning, host->store, &host->output, host->has_dead ? &host->dead : NULL, err);
}

/* What a user should know, once. */
static void warn_of_pipes(const local_host *host)
{
    if (!host->store)
        return;
    if (!host->source.is_file && host->options->input_continues)
        weir__log(WEIR__LOG_WARN, "host/local",
                  "input '%s' is a pipe that goes on: what was read and not committed is lost in a crash",
                  host->source.shown);
    else if (!host->source.is_file)
        weir__log(WEIR__LOG_WARN, "host/local",
                  "input '%s' is a pipe: after a crash it must be given again from its first record", host->source.shown);
    if (!host->output.is_file)
        weir__log(WEIR__LOG_WARN, "host/local",
                  "output '%s' is a pipe: it cannot be exactly-once, outputs may come again after a crash",
                  host->output.name);
}

static weir_code open_all(local_host *host, weir_error *err)
{
    const weir_config *config = host->options->config;
    const char *folder = weir__config_text(config, "state.dir");
    const char *action = weir__config_text(config, "input.on-error");
    weir_source_options source = {
        .disk = host->disk,
        .path = host->options->input,
        .record_bytes = (size_t)weir__config_int(config, "limits.record-bytes"),
        .follow = host->options->follow,
        .continues = host->options->input_continues,
        .moved = host->options->input_moved,
    };
    recorded state = { .is_used = false };
    weir_code rc = weir__job_seal(host->options->job, err);

    if (rc != WEIR_OK)
        return rc;
    host->on_error = strcmp(action, "skip") == 0 ? ON_ERROR_SKIP : strcmp(action, "dlq") == 0 ? ON_ERROR_DLQ
                                                                                              : ON_ERROR_FAIL;
    host->depth = (size_t)weir__config_int(config, "limits.depth");
    host->commit_interval_ms = weir__config_int(config, "commit-interval-ms");
    host->commit_runs = (uint64_t)weir__config_int(config, "commit-max-runs");
    host->commit_bytes = (size_t)weir__config_int(config, "commit-max-bytes");
    if (folder) {
        rc = open_store(host, folder, err);
        if (rc == WEIR_OK) {
            rc = read_recorded(host->store, &state, err);
            if (rc != WEIR_OK)
                weir__store_error_context(host->store, err);
        }
        if (rc != WEIR_OK)
            return rc;
    }
    rc = weir__source_open(&host->source, &source, state.is_used ? &state.mark : NULL, &state.place, err);
    if (rc == WEIR_OK)
        rc = open_sinks(host, &state, err);
    if (rc != WEIR_OK)
        return rc;
    if (!host->store)
        (void)snprintf(host->source.mark.id, sizeof host->source.mark.id, "local"); /* the same ids in every run */
    rc = open_engine(host, err);
    if (rc != WEIR_OK || !host->store)
        return rc;
    weir__inbox_below(&host->inbox, weir__source_place_now(&host->source)->place.index);
    rc = commit_beginning(host, err);
    if (rc == WEIR_OK) {
        weir_committer_options committer = {
            .engine = host->engine,
            .store = host->store,
            .output = &host->output,
            .dead = host->has_dead ? &host->dead : NULL,
            .known = cut_is_known,
            .context = host,
        };

        rc = weir__committer_new(&committer, &host->committer, err);
    }
    return rc;
}

static void close_all(local_host *host)
{
    weir__committer_free(host->committer);
    if (host->store && host->rc == WEIR_OK && !caught_signal)
        weir__inbox_forget_crashes(&host->inbox);
    weir__inbox_close(&host->inbox);
    weir__store_close(host->store);
    if (host->crash_fd >= 0)
        (void)host->disk->close(host->disk->context, host->crash_fd); /* notes are written by the dying */
    weir__engine_free(host->engine);
    weir__source_close(&host->source);
    weir__sink_close(&host->output);
    if (host->has_dead)
        weir__sink_close(&host->dead);
    weir__cut_clear(&host->cuts[0]);
    weir__cut_clear(&host->cuts[1]);
}

weir_code weir__local_run(const weir_local_options *options, weir_local_result *result, weir_error *err)
{
    local_host host = {
        .options = options,
        .disk = options->disk ? options->disk : weir__disk_system(),
        .clock = options->clock ? options->clock : weir__clock_system(),
        .crash_fd = -1,
        .next_commit = 1,
        .err = err,
    };
    signals before;
    weir_code rc;

    host.source.fd = -1;
    host.source.watch_fd = -1;
    host.source.options.disk = host.disk;
    weir__cut_init(&host.cuts[0]);
    weir__cut_init(&host.cuts[1]);
    host.filling = &host.cuts[0];
    host.started_ms = weir__clock_monotonic_ms(host.clock);
    host.now_ms = host.started_ms;
    host.last_progress_ms = host.started_ms;
    host.last_cut_ms = host.started_ms;
    memset(result, 0, sizeof *result);
    rc = install_signals(&before, err);
    if (rc == WEIR_OK) {
        rc = open_all(&host, err);
        if (rc == WEIR_OK)
            rc = weir__crash_install(host.crash_fd, err);
        if (rc == WEIR_OK) {
            warn_of_pipes(&host);
            rc = weir__engine_run(host.engine, err);
            weir__crash_remove();
            host.now_ms = weir__clock_monotonic_ms(host.clock);
            show_progress(&host, true);
        }
        if (host.rc == WEIR_OK)
            host.rc = rc;
        close_all(&host);
    }
    remove_signals(&before);
    result->records = host.progress.records;
    result->outputs = host.progress.outputs;
    result->skipped = host.progress.skipped;
    result->signal = host.state == STOPPING && host.rc == WEIR_OK ? caught_signal : 0;
    return rc == WEIR_OK ? host.rc : rc;
}
