/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of a stream thread: its turn, its wait, its beginning and its end. */
#include "host/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/recall.h"
#include "host/engine_options.h"
#include "host/stream_internal.h"

enum { RECORDS_PER_LOOK = 64, TROUBLE_MS = 10000, PRUNE_MS = 30000, HOLD_AFTER_MS = 1000 };

void weir__stream_give_up(weir_stream *stream, weir_stream_state state, weir_code rc, const weir_error *err)
{
    if (stream->rc == WEIR_OK) {
        stream->rc = rc;
        if (stream->err && err != stream->err)
            *stream->err = *err;
    }
    if (stream->state == WEIR__STREAM_BROKEN)
        return;
    stream->state = state;
    if (state == WEIR__STREAM_BROKEN)
        weir__engine_stop(stream->engine);
}

void weir__stream_pause(const weir_stream *stream, int64_t pause_ms)
{
    if (stream->options->poll)
        (void)stream->options->poll(stream->options->poll_context, NULL, 0, (int)pause_ms);
    else
        (void)poll(NULL, 0, (int)pause_ms); /* shorter, when a signal comes: what is waited for is asked for anew */
}

void weir__stream_rejoin(weir_stream *stream, const char *why)
{
    if (stream->state == WEIR__STREAM_BROKEN)
        return;
    if (stream->state == WEIR__STREAM_RUNNING) {
        weir__log(WEIR__LOG_WARN, stream->name, "leaving the group, to join it again cause=\"%s\"", why);
        stream->state = WEIR__STREAM_REJOINING;
    }
    /* Also when it is stopping: what is in a cut that will not be sent again must not be followed by another. */
    for (size_t i = 0; i < stream->task_count; i++)
        weir__stream_lose(stream->tasks[i], why);
}

/* ---- the group --------------------------------------------------------------------------------------------------- */

static weir_code join(weir_stream *stream, weir_error *err)
{
    const weir_stream_topics *topics = stream->options->topics;
    const char *instance = weir__cluster_instance(stream->options->cluster);
    const char **names = calloc(topics->read_count, sizeof *names);
    char own[512];
    weir_consumer_options options = { .cluster = stream->options->cluster, .topics = names,
                                      .topic_count = topics->read_count };
    weir_code rc;

    if (!names)
        return weir__fail_memory(err, "a consumer");
    for (size_t i = 0; i < topics->read_count; i++)
        names[i] = topics->read[i].name;
    if (instance) {
        (void)snprintf(own, sizeof own, "%.400s-%zu", instance, stream->options->index);
        options.instance = own;
    }
    rc = weir__consumer_open(&options, &stream->consumer, err);
    free(names);
    return rc == WEIR_OK ? weir__engine_watch(stream->engine, weir__consumer_fd(stream->consumer), err) : rc;
}

static void leave_group(weir_stream *stream)
{
    if (!stream->consumer)
        return;
    weir__consumer_done(stream->consumer);
    weir__engine_unwatch(stream->engine, weir__consumer_fd(stream->consumer));
    weir__consumer_close(stream->consumer);
    stream->consumer = NULL;
    stream->batch_count = 0;
    stream->batch_at = 0;
    stream->is_held = false;
    for (size_t i = 0; i < stream->task_count; i++)
        stream->tasks[i]->is_assigned = false;
}

static void tell_trouble(weir_stream *stream, const weir_error *err)
{
    if (strcmp(stream->last_trouble.message, err->message) == 0 && stream->now_ms - stream->trouble_ms < TROUBLE_MS)
        return;
    stream->last_trouble = *err;
    stream->trouble_ms = stream->now_ms;
    weir__log(WEIR__LOG_WARN, stream->name, "%s, waiting", err->message);
}

/* What is left of a batch is copied, so that the group can be polled on while nothing is taken in. */
static weir_code keep_batch(weir_stream *stream, weir_error *err)
{
    weir_buffer *kept = &stream->kept_batch;
    size_t bytes = 0;

    for (size_t i = stream->batch_at; i < stream->batch_count; i++)
        bytes += stream->batch[i].key.size + stream->batch[i].value.size + 2;
    weir__buffer_reset(kept);
    if (weir__buffer_reserve(kept, bytes) != WEIR_OK)
        return weir__fail_memory(err, "records");
    for (size_t i = stream->batch_at; i < stream->batch_count; i++) {
        weir_bytes *both[] = { &stream->batch[i].key, &stream->batch[i].value };

        for (size_t j = 0; j < 2; j++) {
            uint8_t *at = kept->data + kept->size;

            if (!both[j]->data)
                continue;
            if (weir__buffer_add(kept, both[j]->data, both[j]->size) != WEIR_OK ||
                weir__buffer_add_byte(kept, 0) != WEIR_OK)
                return weir__fail_memory(err, "records");
            both[j]->data = at; /* there is room: it stays where it is */
        }
    }
    weir__consumer_done(stream->consumer);
    return WEIR_OK;
}

void weir__stream_forget_records(weir_stream *stream, const weir_stream_task *task)
{
    for (size_t i = stream->batch_at; i < stream->batch_count; i++) {
        if (stream->batch[i].topic == task->at.topic && stream->batch[i].partition == task->at.partition)
            stream->batch[i].partition = -1;
    }
}

static void group_failed(weir_stream *stream, weir_code rc, const weir_error *err)
{
    if (rc == WEIR_UNREACHABLE)
        tell_trouble(stream, err);
    else if (rc == WEIR_FENCED)
        weir__stream_rejoin(stream, err->message);
    else
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, err);
}

/* Must be done often, also while nothing is taken in: else the group takes this member for dead. */
static void poll_group(weir_stream *stream)
{
    bool may_take = stream->may_accept && !stream->formats.is_fetching && stream->state == WEIR__STREAM_RUNNING &&
                    !weir__stream_must_wait(stream);
    bool is_empty = stream->batch_at == stream->batch_count;
    size_t count = 0;
    weir_error err;
    weir_code rc = WEIR_OK;

    if (may_take && !is_empty)
        return; /* there is work; this is asked again at the next look */
    if (may_take)
        stream->blocked_ms = 0;
    else if (!stream->blocked_ms)
        stream->blocked_ms = stream->now_ms;
    /* Holding throws away what was prefetched: not for the time of a commit. */
    if (!may_take && !stream->is_held && stream->state == WEIR__STREAM_RUNNING &&
        stream->now_ms - stream->blocked_ms < HOLD_AFTER_MS) {
        weir__consumer_hush(stream->consumer); /* what is there shall not keep the loop from sleeping */
        return;
    }
    if (!may_take && !stream->is_held) {
        rc = is_empty ? WEIR_OK : keep_batch(stream, &err);
        if (rc == WEIR_OK)
            rc = weir__consumer_hold(stream->consumer, true, &err);
        stream->is_held = rc == WEIR_OK;
    } else if (may_take && stream->is_held) {
        rc = weir__consumer_hold(stream->consumer, false, &err);
        stream->is_held = rc != WEIR_OK;
    }
    if (rc != WEIR_OK) {
        group_failed(stream, rc, &err);
        return;
    }
    if (!stream->is_held) {
        weir__consumer_done(stream->consumer);
        stream->batch_at = 0;
        stream->batch_count = 0;
        rc = weir__consumer_poll(stream->consumer, stream->batch, WEIR__BATCH, &stream->batch_count, &err);
    } else {
        rc = weir__consumer_poll(stream->consumer, stream->tail_batch, WEIR__BATCH, &count, &err);
        weir__consumer_done(stream->consumer);
    }
    if (rc != WEIR_OK)
        group_failed(stream, rc, &err);
}

/* ---- the turn ---------------------------------------------------------------------------------------------------- */

static bool is_due(const weir_stream *stream)
{
    return weir__stream_is_full(stream) || weir__engine_counts(stream->engine).awaiting_commit > 0 ||
           stream->now_ms - stream->last_cut_ms >= stream->commit_interval_ms;
}

/* How much the tasks that begin, or end, want a transaction. */
typedef enum weir_wish { WISH_NONE, WISH_LATER, WISH_NOW } weir_wish;

/* Tasks that are to be taken, or to be left, do not wait for the interval; those that are taken wait a moment for
 * others that are about to be. */
static weir_wish find_wish(const weir_stream *stream)
{
    enum { TOGETHER_MS = 200 };
    bool is_opening = false, is_taking = false;

    for (size_t i = 0; i < stream->task_count; i++) {
        const weir_stream_task *task = stream->tasks[i];

        if (task->needs_last_cut)
            return WISH_NOW;
        is_opening |= task->state == WEIR__TASK_OPENING;
        if (task->state == WEIR__TASK_TAKING && !task->is_taken) {
            is_taking = true;
            if (stream->now_ms - task->since_ms >= TOGETHER_MS)
                return WISH_NOW;
        }
    }
    return !is_taking ? WISH_NONE : is_opening ? WISH_LATER : WISH_NOW;
}

/* It is no change: a cut that finds nothing to sweep out is none. */
static bool is_sweeping(const weir_stream *stream)
{
    for (size_t i = 0; i < stream->task_count; i++) {
        if (weir__stream_sweeps(stream->tasks[i]))
            return true;
    }
    return false;
}

static void cut_if_due(weir_stream *stream)
{
    weir_wish wish = WISH_NONE;

    if (stream->now_ms - stream->aged_ms >= stream->inbox_age_ms / 4) {
        stream->aged_ms = stream->now_ms;
        weir__stream_look_for_old(stream);
    }
    if (stream->is_committing || stream->state == WEIR__STREAM_BROKEN)
        return;
    wish = find_wish(stream);
    if ((wish == WISH_NOW || (wish == WISH_NONE && is_due(stream))) &&
        (weir__stream_has_changes(stream) || is_sweeping(stream)))
        weir__stream_cut(stream);
}

/* Everything that is not a record: done every so often, and before the loop waits. */
static void look(weir_stream *stream)
{
    stream->until_look = RECORDS_PER_LOOK;
    stream->now_ms = weir__clock_monotonic_ms(stream->clock);
    if (atomic_load(stream->options->is_stopping) && stream->state <= WEIR__STREAM_REJOINING) {
        weir__log(WEIR__LOG_INFO, stream->name, "stopping");
        stream->state = WEIR__STREAM_STOPPING;
    }
    weir__stream_drive_journal(stream);
    if (stream->consumer && stream->state != WEIR__STREAM_BROKEN) {
        poll_group(stream);
        weir__stream_drive_rebalance(stream);
        weir__stream_look_for_strays(stream);
    }
    for (size_t i = 0; i < stream->task_count && stream->state != WEIR__STREAM_BROKEN; i++)
        weir__stream_drive_task(stream->tasks[i]);
    weir__stream_drive_cut(stream);
    cut_if_due(stream);
    if (stream->state == WEIR__STREAM_RUNNING &&
        stream->now_ms - stream->pruned_ms >= (stream->options->prune_ms ? stream->options->prune_ms : PRUNE_MS))
        weir__stream_prune(stream);
    if (weir__status_is_due(stream->options->status, stream->options->index, stream->now_ms))
        weir__stream_tell(stream);
}

static bool is_recovering(const weir_stream *stream)
{
    for (size_t i = 0; i < stream->task_count; i++) {
        if (stream->tasks[i]->recovery)
            return true;
    }
    return stream->is_pruning || stream->formats.is_fetching || stream->is_beginning;
}

/* Whether calls under way are still waited for: what they say is recorded, so that no doubt is left behind. */
static bool are_calls_awaited(weir_stream *stream)
{
    if (weir__engine_counts(stream->engine).errands == 0)
        return stream->appender && weir__appender_pending(stream->appender) > 0 && stream->now_ms < stream->stop_by_ms;
    return stream->now_ms < stream->stop_by_ms;
}

static void cancel_recoveries(weir_stream *stream)
{
    for (size_t i = 0; i < stream->task_count; i++) {
        if (stream->tasks[i]->recovery)
            weir__recovery_cancel(stream->tasks[i]->recovery);
    }
}

/* Nothing is taken in: all tasks are given up, and then it ends, or begins anew. */
static weir_turn finish(weir_stream *stream)
{
    weir_error err;

    if (stream->state == WEIR__STREAM_BROKEN) {
        cancel_recoveries(stream);
        return stream->is_committing || is_recovering(stream) ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
    }
    if (!stream->stop_by_ms)
        stream->stop_by_ms = stream->now_ms + weir__config_int(stream->options->config, "calls.stop-timeout-ms");
    for (size_t i = 0; i < stream->task_count && stream->state == WEIR__STREAM_STOPPING; i++)
        weir__stream_leave(stream->tasks[i]);
    if (!weir__stream_all_closed(stream) || stream->is_committing)
        return WEIR__TURN_IDLE;
    if (stream->state == WEIR__STREAM_STOPPING) {
        leave_group(stream);
        return are_calls_awaited(stream) || is_recovering(stream) ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
    }
    leave_group(stream);
    stream->vitals.restarts++;
    stream->state = WEIR__STREAM_RUNNING;
    stream->stop_by_ms = 0;
    if (join(stream, &err) != WEIR_OK)
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, err.code, &err);
    return WEIR__TURN_MORE;
}

static weir_turn turn(void *context, bool may_accept)
{
    weir_stream *stream = context;

    stream->may_accept = may_accept;
    if (stream->until_look-- == 0 || stream->batch_at == stream->batch_count ||
        (weir__stream_is_full(stream) && !stream->is_committing))
        look(stream);
    if (stream->state != WEIR__STREAM_RUNNING)
        return finish(stream);
    if (!may_accept || stream->formats.is_fetching || weir__stream_must_wait(stream)) {
        look(stream);
        return WEIR__TURN_IDLE;
    }
    while (stream->batch_at < stream->batch_count) {
        const weir_record *record = &stream->batch[stream->batch_at++];
        weir_stream_task *task = weir__stream_task_at(stream, (weir_assigned){ record->topic, record->partition });

        if (!task || task->state != WEIR__TASK_RUNNING)
            continue;
        if (weir__stream_take_record(stream, task, record))
            return WEIR__TURN_MORE;
        stream->batch_at--;
        return WEIR__TURN_IDLE;
    }
    return WEIR__TURN_IDLE;
}

static int sooner(int timeout, int64_t due_ms)
{
    if (due_ms < 0)
        due_ms = 0;
    return due_ms < timeout ? (int)due_ms : timeout;
}

/* Nothing to do: until something comes, or is due. */
static void wait_for_news(void *context)
{
    enum { MOST_MS = 1000, RETRY_MS = 20 };
    weir_stream *stream = context;
    bool is_stop_seen = stream->state >= WEIR__STREAM_STOPPING;
    struct pollfd fds[2] = {
        { weir__engine_wake_fd(stream->engine), POLLIN, 0 },
        { is_stop_seen ? -1 : stream->options->stop_fd, POLLIN, 0 },
    };
    int timeout = stream->options->status ? WEIR__STATUS_INTERVAL_MS : MOST_MS;
    int timer = weir__engine_timeout_ms(stream->engine);

    look(stream);
    if (stream->blocked_ms && !stream->is_held)
        timeout = sooner(timeout, stream->blocked_ms + HOLD_AFTER_MS - stream->now_ms);
    if (weir__engine_counts(stream->engine).ready ||
        (stream->batch_at < stream->batch_count && !stream->blocked_ms && stream->now_ms >= stream->formats.fetch_ms &&
         stream->state == WEIR__STREAM_RUNNING))
        timeout = 0;
    if (stream->formats.fetch_ms > stream->now_ms)
        timeout = sooner(RETRY_MS, timeout);
    if (timer >= 0)
        timeout = sooner(timeout, timer);
    if (stream->is_cut_waiting && stream->again_ms > stream->now_ms)
        timeout = sooner(timeout, stream->again_ms - stream->now_ms);
    else if (!stream->is_committing && stream->state != WEIR__STREAM_BROKEN &&
             (weir__stream_has_changes(stream) || is_sweeping(stream)))
        timeout = sooner(timeout, stream->last_cut_ms + stream->commit_interval_ms - stream->now_ms);
    for (size_t i = 0; i < stream->task_count; i++) {
        weir_stream_task_state state = stream->tasks[i]->state;

        if (state == WEIR__TASK_STARTING || state == WEIR__TASK_LEAVING || state == WEIR__TASK_LOST)
            timeout = sooner(timeout, RETRY_MS);
    }
    if (stream->state == WEIR__STREAM_STOPPING)
        timeout = sooner(timeout, stream->stop_by_ms - stream->now_ms > RETRY_MS ? RETRY_MS : 0);
    if (stream->options->poll)
        (void)stream->options->poll(stream->options->poll_context, fds, 2, timeout);
    else
        (void)poll(fds, 2, timeout); /* whatever it says, all is looked at again */
    stream->until_look = 0;
}

/* ---- the port ---------------------------------------------------------------------------------------------------- */

static weir_code load_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    (void)key;
    return weir__cells_put_stored(context, path, value, err);
}

static weir_code load(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err)
{
    weir_stream *stream = context;
    weir_stream_task *task = stream->tasks[owner - 1];
    weir_code rc = weir__store_load(task->store, key, load_cell, cells, err);

    if (rc != WEIR_OK)
        weir__store_error_context(task->store, err);
    return rc;
}

static void parked(void *context, weir_run *run, const weir_entry *entry)
{
    const weir_stream_input *input = run->host;

    (void)context;
    if (!entry)
        weir__log(WEIR__LOG_INFO, input->task->name, "run goes on run=%s", weir_run_id(run));
    else
        weir__log(WEIR__LOG_WARN, input->task->name,
                  "run is parked, its key waits for a decision run=%s action=%s call=%s attempt=%" PRIu32 " reason=%s",
                  weir_run_id(run), entry->action, entry->name, entry->attempt,
                  weir__park_reason_name(entry->reason));
}

static weir_code open_engine(weir_stream *stream, weir_error *err)
{
    static const weir_engine_port with_journal = {
        .turn = turn, .wait = wait_for_news, .ended = weir__stream_ended, .load = load,
        .append = weir__stream_append, .parked = parked, .reads_back = true,
    };
    static const weir_engine_port without = {
        .turn = turn, .wait = wait_for_news, .ended = weir__stream_ended, .load = load,
    };
    const weir_config *config = stream->options->config;
    bool has_journal = stream->options->topics->journal.name != NULL;
    weir_engine_options options;

    weir__engine_options_read(config, &options);
    options.job = stream->options->job;
    options.port = has_journal ? &with_journal : &without;
    options.host = stream;
    options.keep_results = has_journal;
    options.clock = stream->clock;
    options.calls = stream->options->calls;
    return weir__engine_new(&options, &stream->engine, err);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static void configure(weir_stream *stream)
{
    const weir_config *config = stream->options->config;
    const char *action = weir__config_text(config, "input.on-error");

    stream->on_error = strcmp(action, "skip") == 0  ? WEIR__STREAM_SKIP
                       : strcmp(action, "dlq") == 0 ? WEIR__STREAM_DLQ
                                                    : WEIR__STREAM_FAIL;
    stream->commit_interval_ms = weir__config_int(config, "commit-interval-ms");
    stream->inbox_age_ms = weir__config_int(config, "inbox-age-ms");
    stream->ttl_ms = weir__config_int(config, "state.ttl-ms");
    stream->commit_runs = (uint64_t)weir__config_int(config, "commit-max-runs");
    stream->commit_bytes = (size_t)weir__config_int(config, "commit-max-bytes");
    stream->key_by = weir__config_text(config, "input.key-by");
}

static void formats_failed(void *context, weir_code rc, const weir_error *err)
{
    weir__stream_give_up(context, WEIR__STREAM_STOPPING, rc, err);
}

static bool pause_for_formats(void *context, int pause_ms)
{
    const weir_stream *stream = context;
    struct pollfd fd = { stream->options->stop_fd, POLLIN, 0 };

    if (!atomic_load(stream->options->is_stopping))
        (void)poll(&fd, 1, pause_ms);
    return !atomic_load(stream->options->is_stopping);
}

static weir_code open_formats(weir_stream *stream, weir_error *err)
{
    stream->formats = (weir_formats){
        .config = stream->options->config,
        .name = stream->name,
        .topic = stream->options->topics->output.name,
        .clock = stream->clock,
        .engine = stream->engine,
        .executor = &stream->recoveries,
        .host = stream,
        .failed = formats_failed,
        .pause = pause_for_formats,
    };
    return weir__formats_open(&stream->formats, err);
}

static weir_code open_stream(weir_stream *stream, weir_error *err)
{
    weir_reader_options tail = { .cluster = stream->options->cluster, .read_uncommitted = true,
                                 .topic = stream->options->topics->journal.name };
    weir_code rc;

    configure(stream);
    stream->batch = calloc(WEIR__BATCH, sizeof *stream->batch);
    stream->tail_batch = calloc(WEIR__BATCH, sizeof *stream->tail_batch);
    if (!stream->batch || !stream->tail_batch)
        return weir__fail_memory(err, "a stream");
    rc = open_engine(stream, err);
    if (rc == WEIR_OK)
        rc = weir__stream_tasks_new(stream, err);
    if (rc == WEIR_OK)
        rc = weir__stream_committer_new(stream, &stream->committer, err);
    if (rc == WEIR_OK && stream->options->recoveries)
        stream->recoveries = *stream->options->recoveries;
    else if (rc == WEIR_OK)
        rc = weir__pool_new(2, "weir-recover", &stream->recoveries, &stream->recovery_pool, err);
    if (rc == WEIR_OK)
        rc = open_formats(stream, err);
    if (rc == WEIR_OK && stream->options->topics->journal.name) {
        rc = weir__stream_open_appender(stream, err);
        if (rc == WEIR_OK)
            rc = weir__reader_open(&tail, &stream->tail, err);
        if (rc == WEIR_OK)
            rc = weir__engine_watch(stream->engine, weir__reader_fd(stream->tail), err);
    }
    if (rc == WEIR_OK)
        rc = join(stream, err);
    if (rc == WEIR_OK) /* last: only the loop, which runs from here on, waits for it to end */
        weir__stream_committer_begin(stream->committer);
    return rc;
}

static void close_stream(weir_stream *stream)
{
    if (stream->engine)
        leave_group(stream);
    weir__pool_free(stream->recovery_pool, true);
    weir__stream_committer_free(stream->committer);
    weir__appender_close(stream->appender); /* tells what waits: the engine is still there */
    weir__stream_drop_sent(stream);
    weir__reader_close(stream->tail);
    weir__stream_tasks_free(stream);
    weir__engine_free(stream->engine);
    weir__formats_close(&stream->formats);
    weir__counters_log(&stream->counters);
    weir__counters_clear(&stream->counters);
    weir__buffer_clear(&stream->cell_value);
    weir__buffer_clear(&stream->scratch);
    weir__buffer_clear(&stream->sweep_key);
    weir__buffer_clear(&stream->sweep_paths);
    weir__buffer_clear(&stream->kept_batch);
    free(stream->batch);
    free(stream->tail_batch);
}

weir_code weir__stream_run(const weir_stream_options *options, weir_stream_result *result, weir_error *err)
{
    weir_stream stream = {
        .options = options,
        .clock = options->clock ? options->clock : weir__clock_system(),
        .disk = options->disk ? options->disk : weir__disk_system(),
        .next_commit = 1,
        .result = result,
        .err = err,
    };
    weir_code rc;

    memset(result, 0, sizeof *result);
    (void)snprintf(stream.name, sizeof stream.name, "host/stream-%zu", options->index);
    stream.sent_tail = &stream.sent;
    weir__buffer_init(&stream.cell_value, SIZE_MAX);
    weir__buffer_init(&stream.scratch, SIZE_MAX);
    weir__buffer_init(&stream.sweep_key, SIZE_MAX);
    weir__buffer_init(&stream.sweep_paths, SIZE_MAX);
    weir__buffer_init(&stream.kept_batch, SIZE_MAX);
    stream.now_ms = weir__clock_monotonic_ms(stream.clock);
    stream.last_cut_ms = stream.now_ms;
    stream.pruned_ms = stream.now_ms;
    rc = open_stream(&stream, err);
    if (rc == WEIR_OK)
        rc = weir__engine_run(stream.engine, err);
    if (stream.rc == WEIR_OK)
        stream.rc = rc;
    if (stream.engine)
        result->parked = weir__engine_counts(stream.engine).parked;
    close_stream(&stream);
    return stream.rc;
}
