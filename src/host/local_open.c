/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the local host: what the state says, and whether input and outputs are still what they were. */
#include "host/local_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "host/engine_options.h"
#include "host/signals.h"

/* Reads a key's cells; on the ground stack. */
static weir_code load_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    (void)key;
    return weir__cells_put_stored(context, path, value, err);
}

static weir_code load(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err)
{
    weir_local_host *host = context;
    weir_code rc = weir__store_load(host->store, key, load_cell, cells, err);

    (void)owner; /* there is one */
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

static weir_code read_recorded(weir_store *store, recorded *state, weir_error *err)
{
    bool has_mark = false, has_place = false, has_output = false;
    weir_buffer text;
    weir_code rc;

    memset(state, 0, sizeof *state);
    weir__buffer_init(&text, 1 << 20);
    rc = weir__store_position(store, "input", &text, &has_mark, err);
    if (rc == WEIR_OK && has_mark)
        has_mark = weir__source_mark_parse(weir__buffer_bytes(&text), &state->mark);
    if (rc == WEIR_OK)
        rc = weir__store_position(store, "place", &text, &has_place, err);
    if (rc == WEIR_OK && has_place)
        has_place = weir__source_place_parse(weir__buffer_bytes(&text), &state->place);
    if (rc == WEIR_OK)
        rc = weir__store_position(store, "output", &text, &has_output, err);
    if (rc == WEIR_OK && has_output)
        has_output = weir__sink_mark_parse(weir__buffer_bytes(&text), &state->output);
    if (rc == WEIR_OK)
        rc = weir__store_position(store, "dead-letters", &text, &state->has_dead, err);
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

static weir_code read_claim(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    int64_t *epoch = context;

    (void)owner;
    (void)record;
    (void)err;
    if (number > *epoch)
        *epoch = number;
    return WEIR_OK;
}

static weir_code open_store(weir_local_host *host, const char *folder, weir_error *err)
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
    rc = weir__decisions_open(&host->decisions, folder, err);
    if (rc == WEIR_OK)
        rc = weir__store_log_scan(host->store, WEIR__CLAIM_STREAM, read_claim, &host->epoch, err);
    host->epoch++;
    if (rc == WEIR_OK)
        rc = weir__inbox_open(&host->inbox, host->store, host->disk, host->crash_fd,
                          (uint64_t)weir__config_int(host->options->config, "input.max-crashes"), err);
    if (rc != WEIR_OK)
        weir__store_error_context(host->store, err);
    return rc;
}

/* A file that is read, or written already, is no place for outputs: it would be cut to nothing. */
static weir_code refuse_same_file(const weir_local_host *host, const char *path, const char *what, weir_error *err)
{
    bool is_stdout = !path || strcmp(path, "-") == 0;
    char shown[WEIR__NAME_SHOWN];
    struct stat status;
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

static weir_code open_sinks(weir_local_host *host, const recorded *state, weir_error *err)
{
    const char *dead = weir__config_text(host->options->config, "output.dlq-file");
    weir_sink_start start = !host->store ? WEIR__SINK_TRUNCATE : state->is_used ? WEIR__SINK_GO_ON : WEIR__SINK_EMPTY;
    weir_code rc = refuse_same_file(host, host->options->output, "output", err);

    if (rc == WEIR_OK)
        rc = weir__sink_open(&host->output, host->disk, host->options->output, start, &state->output, err);
    if (rc != WEIR_OK || host->on_error != WEIR__ON_ERROR_DLQ)
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

static weir_code open_engine(weir_local_host *host, weir_error *err)
{
    static const weir_engine_port with_store = {
        .turn = weir__local_turn,
        .wait = weir__local_wait,
        .ended = weir__local_ended,
        .load = load,
        .append = weir__local_append,
        .parked = weir__local_parked,
    };
    static const weir_engine_port in_memory = {
        .turn = weir__local_turn,
        .wait = weir__local_wait,
        .ended = weir__local_ended,
    };
    weir_engine_options options;

    weir__engine_options_read(host->options->config, &options);
    options.job = host->options->job;
    options.port = host->store ? &with_store : &in_memory;
    options.host = host;
    options.keep_results = host->store != NULL;
    options.clock = host->clock;
    options.calls = host->options->calls;
    return weir__engine_new(&options, &host->engine, err);
}

/* Each life has an epoch of its own: what it writes says which one it was. */
static weir_code claim(const weir_local_host *host, weir_cut *cut, weir_error *err)
{
    weir_entry entry = { .kind = WEIR__ENTRY_CLAIM, .run = "", .epoch = host->epoch };
    weir_buffer sealed;
    char owner[32];
    weir_code rc;

    (void)snprintf(owner, sizeof owner, "process %ld", (long)getpid());
    entry.name = owner;
    entry.written_ms = weir__clock_wall_ms(host->clock);
    weir__buffer_init(&sealed, SIZE_MAX);
    rc = weir__entry_seal(&entry, &sealed, err);
    if (rc == WEIR_OK && (weir__cut_log_delete(cut, WEIR__CLAIM_STREAM, weir__bytes("", 0)) != WEIR_OK ||
                          weir__cut_log_put(cut, WEIR__CLAIM_STREAM, weir__bytes("", 0), host->epoch,
                                            weir__buffer_bytes(&sealed)) != WEIR_OK))
        rc = weir__fail_memory(err, "a claim");
    weir__buffer_clear(&sealed);
    return rc;
}

/* The first commit comes before the first record, so that a state folder knows its input and output. */
static weir_code commit_beginning(weir_local_host *host, weir_error *err)
{
    weir_cut *beginning = host->filling;
    weir_code rc;

    beginning->number = 0;
    beginning->mark = host->source.mark;
    beginning->place = *weir__source_place_now(&host->source);
    rc = claim(host, beginning, err);
    if (rc != WEIR_OK)
        return rc;
    rc = weir__cut_commit(beginning, host->store, &host->output, host->has_dead ? &host->dead : NULL, err);
    if (rc == WEIR_OK)
        weir__local_status_committed(host, beginning);
    weir__cut_reset(beginning); /* what is in it would count as a change, and be cut at the next occasion */
    return rc;
}

/* What a user should know, once. */
void weir__local_warn_of_pipes(const weir_local_host *host)
{
    if (!host->store)
        return;
    if (!host->source.is_file && host->options->input_continues)
        weir__log(WEIR__LOG_WARN, "host/local",
                  "input '%s' is a pipe that goes on: what was read and not committed is lost in a crash",
                  host->source.shown);
    else if (!host->source.is_file)
        weir__log(WEIR__LOG_WARN, "host/local",
                  "input '%s' is a pipe: after a crash it must be given again from its first record",
                  host->source.shown);
    if (!host->output.is_file)
        weir__log(WEIR__LOG_WARN, "host/local",
                  "output '%s' is a pipe: it cannot be exactly-once, outputs may come again after a crash",
                  host->output.name);
}

/* Lines of input and output are JSON; other formats are payloads of Kafka. */
static weir_code check_format(const weir_config *config, const char *name, weir_error *err)
{
    const char *format = weir__config_text(config, name);

    if (strcmp(format, "json") == 0)
        return WEIR_OK;
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "%s is '%s', and local takes json only; 'run' takes the others, from Kafka", name, format);
}

weir_code weir__local_open(weir_local_host *host, weir_error *err)
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
        .is_stateless = folder == NULL,
    };
    recorded state = { .is_used = false };
    weir_code rc = weir__job_seal(host->options->job, err);

    if (rc == WEIR_OK)
        rc = check_format(config, "input.format", err);
    if (rc == WEIR_OK)
        rc = check_format(config, "output.format", err);
    /* Before anything is written: a port that is taken changes nothing. */
    if (rc == WEIR_OK)
        rc = weir__local_status_open(host, err);
    if (rc != WEIR_OK)
        return rc;
    host->on_error = strcmp(action, "skip") == 0 ? WEIR__ON_ERROR_SKIP : strcmp(action, "dlq") == 0 ? WEIR__ON_ERROR_DLQ
                                                                                              : WEIR__ON_ERROR_FAIL;
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
    host->vitals.thread.journal_read = host->inbox.sealed_count;
    rc = commit_beginning(host, err);
    if (rc == WEIR_OK) {
        weir_committer_options committer = {
            .engine = host->engine,
            .executor = host->options->commits,
            .store = host->store,
            .output = &host->output,
            .dead = host->has_dead ? &host->dead : NULL,
            .known = weir__local_cut_is_known,
            .context = host,
        };

        rc = weir__committer_new(&committer, &host->committer, err);
    }
    return rc;
}

void weir__local_close(weir_local_host *host)
{
    weir__local_status_close(host);
    weir__committer_free(host->committer);
    if (host->store && host->rc == WEIR_OK && !weir__signals_caught())
        weir__crashes_forget_all(&host->inbox.crashes);
    weir__inbox_close(&host->inbox);
    weir__decisions_close(&host->decisions);
    weir__store_close(host->store);
    if (host->crash_fd >= 0)
        (void)host->disk->close(host->disk->context, host->crash_fd); /* notes are written by the dying */
    weir__engine_free(host->engine);
    weir__source_close(&host->source);
    weir__sink_close(&host->output);
    weir__sink_close(&host->dead); /* may be open, and yet refused */
    weir__cut_clear(&host->cuts[0]);
    weir__cut_clear(&host->cuts[1]);
    weir__buffer_clear(&host->cell_value);
}
