/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's loop: its turn, its wait, its beginning and its end. States and invariants are in README.md. */
#include "host/worker.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/crash.h"
#include "host/engine_options.h"
#include "host/worker_internal.h"

enum {
    FRAMES_PER_LOOK = 64,
    OUT_BYTES = 4 << 20,        /* not read by the host: nothing more is taken in */
    AHEAD_BYTES = 1 << 20,      /* read while nothing is taken in: a STOP may stand behind it */
    RETRY_MS = 20,
    KEEP_MS = 250,
    LAST_WORDS_MS = 5000        /* for FATAL and BYE to be read */
};

void weir__worker_give_up(weir_worker *worker, weir_code rc, const weir_error *err)
{
    if (worker->rc == WEIR_OK) {
        worker->rc = rc;
        if (worker->err && err != worker->err)
            *worker->err = *err;
    }
    weir__worker_batch_drop(worker);
    worker->state = WEIR__WORKER_BROKEN;
    if (worker->engine)
        weir__engine_stop(worker->engine);
}

/* The host is gone, or wants nothing more: what is under way is left. */
static void end(weir_worker *worker)
{
    if (worker->state == WEIR__WORKER_BROKEN)
        return;
    weir__worker_batch_drop(worker);
    worker->state = WEIR__WORKER_OVER;
    weir__engine_stop(worker->engine);
}

/* ---- what is not a record ---------------------------------------------------------------------------------------- */

static void write_out(weir_worker *worker)
{
    weir_error err;
    weir_code rc;

    if (worker->batch.is_open)
        return;
    rc = weir__worker_pipe_write(&worker->pipe, &err);
    if (rc != WEIR_OK && worker->state != WEIR__WORKER_BROKEN) {
        worker->pipe.filling.size = 0; /* nobody will read what is left */
        weir__worker_give_up(worker, rc, &err);
    }
}

/* What has ended, and what else there is to tell. */
static void tell(weir_worker *worker)
{
    weir__worker_tell(worker);
    weir__worker_log_take(weir__worker_up(worker));
    weir__worker_tell_metrics(worker, false);
    write_out(worker);
}

static void tell_ready(weir_worker *worker)
{
    weir_buffer *out = weir__worker_up(worker);
    size_t begin = weir__up_begin(out, WEIR__UP_READY);

    weir__up_u32(out, weir__worker_journal_partitions(worker));
    weir__up_u8(out, weir__config_bool(worker->config, "flink.parked-holds-watermark"));
    weir__up_u8(out, strcmp(weir__config_text(worker->config, "flink.parked-at-end"), "wait") == 0);
    worker->state = WEIR__WORKER_RUNNING;
    weir__worker_up_end(worker, out, begin);
}

static void look(weir_worker *worker)
{
    worker->until_look = FRAMES_PER_LOOK;
    worker->now_ms = weir__clock_monotonic_ms(worker->clock);
    weir__worker_journal_drive(worker);
    if (worker->state == WEIR__WORKER_OPENING && weir__worker_journal_is_ready(worker))
        tell_ready(worker);
    if (worker->state == WEIR__WORKER_RUNNING)
        weir__worker_keep_old(worker);
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

/* False: there is nothing now, or nothing more. */
static bool read_in(weir_worker *worker)
{
    weir_error err;
    bool got = false;
    weir_code rc = weir__worker_pipe_read(&worker->pipe, &got, &err);

    if (rc == WEIR_OK && worker->pipe.is_at_end) {
        rc = weir__frames_at_end(&worker->pipe.frames, &err);
        if (rc == WEIR_OK)
            end(worker);
    }
    if (rc != WEIR_OK)
        weir__worker_give_up(worker, rc, &err);
    return got;
}

/* The next frame, without what it says: false, there is none. */
static bool peek(weir_worker *worker, weir_frame *frame)
{
    weir_error err;
    bool found = false;
    weir_code rc = weir__frames_peek(&worker->pipe.frames, frame, &found, &err);

    if (rc != WEIR_OK)
        weir__worker_give_up(worker, rc, &err);
    return found;
}

static weir_turn take_frame(weir_worker *worker, const weir_frame *frame)
{
    weir_talk talk = worker->talk; /* one that must wait comes again */
    weir_error err;
    weir_code rc = weir__talk_take(&talk, frame, &err);

    if (rc != WEIR_OK) {
        weir__worker_give_up(worker, rc, &err);
        return WEIR__TURN_MORE;
    }
    if (!weir__worker_take_frame(worker, frame)) {
        worker->waits_for_schema = true;
        return WEIR__TURN_IDLE;
    }
    worker->talk = talk;
    worker->waits_for_schema = false;
    weir__frames_drop(&worker->pipe.frames);
    return WEIR__TURN_MORE;
}

/*
 * Nothing is taken in now. What comes is read all the same, up to a bound: behind runs that must wait a STOP may stand,
 * and then they need not run any more.
 */
static void read_ahead(weir_worker *worker)
{
    weir_frames *frames = &worker->pipe.frames;

    do {
        uint64_t place = frames->place + weir__frames_held(frames);

        if (place != worker->searched) { /* what came with the frame that must wait was not looked at either */
            worker->is_stop_seen = weir__frames_end_in(frames, WEIR__DOWN_STOP);
            worker->searched = place;
        }
    } while (!worker->is_stop_seen && worker->state <= WEIR__WORKER_RUNNING &&
             weir__frames_held(frames) < AHEAD_BYTES && read_in(worker));
}

/* Drops what stands before a STOP. False: it has not come. */
static bool pass_to_stop(weir_worker *worker)
{
    weir_frame frame;

    do {
        while (peek(worker, &frame)) {
            if (frame.type == WEIR__DOWN_STOP)
                return true;
            weir__frames_drop(&worker->pipe.frames);
        }
    } while (worker->state != WEIR__WORKER_BROKEN && worker->state != WEIR__WORKER_OVER && read_in(worker));
    return false;
}

/* ---- the turn ---------------------------------------------------------------------------------------------------- */

/* Whether calls under way are still waited for: what they say is recorded, so that no doubt is left behind. */
static bool are_calls_awaited(weir_worker *worker)
{
    look(worker);
    if (worker->is_stop_at_once ||
        (weir__engine_counts(worker->engine).errands == 0 && weir__worker_journal_pending(worker) == 0))
        return false;
    if (!worker->stop_by_ms)
        worker->stop_by_ms = worker->now_ms + weir__config_int(worker->config, "calls.stop-timeout-ms");
    return worker->now_ms < worker->stop_by_ms;
}

/* It would post to nobody. */
static bool is_thread_busy(weir_worker *worker)
{
    return worker->formats.is_fetching || weir__worker_journal_is_asking(worker);
}

static weir_turn finish(weir_worker *worker)
{
    switch (worker->state) {
    case WEIR__WORKER_STOPPING:
        if (are_calls_awaited(worker)) {
            if (read_in(worker)) {
                weir_error err;

                (void)weir__fail(&err, WEIR_IO, WEIR_REMEDY_STOP, "the input goes on behind STOP");
                weir__worker_give_up(worker, WEIR_IO, &err);
            }
            return worker->state == WEIR__WORKER_STOPPING ? WEIR__TURN_IDLE : WEIR__TURN_MORE;
        }
        return is_thread_busy(worker) ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
    case WEIR__WORKER_FAILED: /* the host fails its task: until then nothing happens here */
        weir__worker_tell(worker);
        if (pass_to_stop(worker))
            worker->state = WEIR__WORKER_STOPPING;
        return worker->state == WEIR__WORKER_FAILED ? WEIR__TURN_IDLE : WEIR__TURN_MORE;
    case WEIR__WORKER_GREETING:
    case WEIR__WORKER_OPENING:
    case WEIR__WORKER_RUNNING:
    case WEIR__WORKER_OVER:
    case WEIR__WORKER_BROKEN:
        break;
    }
    return is_thread_busy(worker) ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
}

/* Nothing can be taken in: too much is under way, or the host does not read. */
static bool is_blocked(const weir_worker *worker)
{
    return !worker->may_accept || worker->state != WEIR__WORKER_RUNNING || worker->formats.is_fetching ||
           (worker->waits_for_schema && worker->now_ms < worker->formats.fetch_ms) ||
           weir__worker_pipe_pending(&worker->pipe) > OUT_BYTES;
}

static weir_turn turn(void *context, bool may_accept)
{
    weir_worker *worker = context;
    weir_frame frame;

    worker->may_accept = may_accept;
    if (worker->until_look-- == 0)
        look(worker);
    if (weir__worker_batch_is_full(worker) || worker->failure.is_there)
        tell(worker);
    if (worker->state > WEIR__WORKER_RUNNING)
        return finish(worker);
    if (is_blocked(worker)) {
        read_ahead(worker);
        if (worker->is_stop_seen && pass_to_stop(worker) && peek(worker, &frame))
            return take_frame(worker, &frame);
        return worker->state > WEIR__WORKER_RUNNING ? WEIR__TURN_MORE : WEIR__TURN_IDLE;
    }
    do {
        if (peek(worker, &frame))
            return take_frame(worker, &frame);
    } while (worker->state == WEIR__WORKER_RUNNING && read_in(worker));
    return worker->state == WEIR__WORKER_RUNNING ? WEIR__TURN_IDLE : WEIR__TURN_MORE;
}

static int sooner(int timeout, int64_t due_ms)
{
    if (due_ms < 0)
        return timeout;
    return timeout < 0 || due_ms < timeout ? (int)due_ms : timeout;
}

/* Nothing to do: until a frame comes, a call is done, the host reads on, or something is due. */
static void wait_for_news(void *context)
{
    weir_worker *worker = context;
    weir_worker_pipe *pipe = &worker->pipe;
    bool wants_input = worker->state == WEIR__WORKER_STOPPING || worker->state == WEIR__WORKER_FAILED ||
                       !is_blocked(worker) || weir__frames_held(&pipe->frames) < AHEAD_BYTES;
    struct pollfd fds[3] = {
        { weir__engine_wake_fd(worker->engine), POLLIN, 0 },
        { pipe->in_fd, wants_input && !worker->is_stop_seen ? POLLIN : 0, 0 },
        { -1, POLLOUT, 0 },
    };
    int timeout = -1;

    look(worker);
    tell(worker);
    if (worker->state == WEIR__WORKER_BROKEN || weir__engine_counts(worker->engine).ready)
        return;
    if (weir__worker_pipe_pending(pipe) > 0)
        fds[2].fd = pipe->out_fd;
    timeout = sooner(timeout, weir__engine_timeout_ms(worker->engine));
    timeout = sooner(timeout, weir__worker_metrics_due(worker));
    if (worker->waits_for_schema && !worker->formats.is_fetching)
        timeout = sooner(timeout, RETRY_MS);
    if (weir__worker_has_open(worker))
        timeout = sooner(timeout, KEEP_MS);
    if (worker->stop_by_ms)
        timeout = sooner(timeout, worker->stop_by_ms > worker->now_ms ? worker->stop_by_ms - worker->now_ms : 0);
    if (worker->state >= WEIR__WORKER_OVER)
        fds[1].fd = -1; /* what has ended stays readable */
    if (poll(fds, 3, timeout) > 0 && (fds[1].revents & (POLLHUP | POLLERR)) && !fds[1].events)
        end(worker); /* it is not read now: who reads it sees its end, and where that is */
    worker->until_look = 0;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static void formats_failed(void *context, weir_code rc, const weir_error *err)
{
    weir__worker_give_up(context, rc, err);
}

static bool pause_for_formats(void *context, int pause_ms)
{
    const weir_worker *worker = context;
    struct pollfd fd = { worker->pipe.in_fd, 0, 0 };

    return poll(&fd, 1, pause_ms) <= 0;
}

static weir_code open_formats(weir_worker *worker, weir_error *err)
{
    weir_format_options json = {
        .kind = WEIR__FORMAT_JSON,
        .depth = (size_t)weir__config_int(worker->config, "limits.depth"),
        .record_bytes = (size_t)weir__config_int(worker->config, "limits.record-bytes"),
    };
    weir_code rc = weir__format_new(&json, &worker->json, err);

    if (rc == WEIR_OK)
        rc = weir__pool_new(1, "weir-schema", &worker->fetcher, &worker->fetcher_pool, err);
    worker->formats = (weir_formats){
        .config = worker->config,
        .name = "host/worker",
        .topic = weir__config_text(worker->config, "output.topic"),
        .clock = worker->clock,
        .engine = worker->engine,
        .executor = &worker->fetcher,
        .host = worker,
        .failed = formats_failed,
        .pause = pause_for_formats,
    };
    return rc == WEIR_OK ? weir__formats_open(&worker->formats, err) : rc;
}

static weir_code open_engine(weir_worker *worker, weir_error *err)
{
    static const weir_engine_port with_journal = {
        .turn = turn, .wait = wait_for_news, .ended = weir__worker_ended, .load = weir__worker_load,
        .append = weir__worker_append, .parked = weir__worker_parked, .reads_back = true,
    };
    static const weir_engine_port without = {
        .turn = turn, .wait = wait_for_news, .ended = weir__worker_ended, .load = weir__worker_load,
        .parked = weir__worker_parked,
    };
    bool has_journal = worker->has_groups && weir__config_text(worker->config, "action-state.topic");
    weir_engine_options options;
    weir_code rc;

    weir__engine_options_read(worker->config, &options);
    options.job = worker->options->job;
    options.port = has_journal ? &with_journal : &without;
    options.keep_results = has_journal;
    options.host = worker;
    options.cache_bytes = SIZE_MAX; /* the host says which keys go */
    options.clock = worker->clock;
    rc = weir__engine_new(&options, &worker->engine, err);
    return rc == WEIR_OK ? weir__engine_watch(worker->engine, weir__worker_log_fd(), err) : rc;
}

static weir_code run(weir_worker *worker, weir_error *err)
{
    weir_code rc = weir__worker_greet(worker, err);

    if (rc != WEIR_OK || worker->pipe.is_at_end)
        return rc;
    rc = open_engine(worker, err);
    if (rc == WEIR_OK)
        rc = open_formats(worker, err);
    if (rc == WEIR_OK)
        rc = weir__crash_install(-1, true, err);
    if (rc != WEIR_OK)
        return rc;
    if (worker->has_groups && weir__config_text(worker->config, "action-state.topic"))
        rc = weir__worker_journal_open(worker, err);
    if (rc == WEIR_OK)
        rc = weir__engine_run(worker->engine, err);
    weir__crash_remove();
    return rc;
}

/* The last words, whichever they are. */
static void tell_end(weir_worker *worker, const weir_error *err)
{
    weir_buffer *out = &worker->pipe.filling;
    size_t begin;

    if (worker->rc == WEIR_OK && worker->state != WEIR__WORKER_STOPPING)
        return; /* the host is gone */
    weir__worker_tell(worker);
    weir__worker_log_take(out);
    if (worker->rc == WEIR_OK) {
        weir__worker_tell_metrics(worker, true);
        begin = weir__up_begin(out, WEIR__UP_BYE);
    } else {
        begin = weir__up_begin(out, WEIR__UP_FATAL);
        weir__up_code(out, worker->rc);
        weir__up_text(out, err->message);
    }
    if (weir__up_end(out, begin, worker->frame_most, NULL) == WEIR_OK)
        weir__worker_pipe_flush(&worker->pipe, LAST_WORDS_MS);
}

static void close_worker(weir_worker *worker)
{
    weir__pool_free(worker->fetcher_pool, false); /* it does not post: finish() has waited for it */
    weir__worker_journal_close(worker);
    weir__engine_free(worker->engine);
    weir__formats_close(&worker->formats);
    weir__format_free(worker->json);
    weir__counters_clear(&worker->counters);
    weir__worker_pipe_close(&worker->pipe);
    weir__buffer_clear(&worker->batch.beside);
    weir__buffer_clear(&worker->cell_value);
    weir__arena_clear(&worker->scratch);
    free(worker->markers);
    for (size_t i = 0; i < worker->source_count; i++)
        free(worker->sources[i]);
}

weir_code weir__worker_run(const weir_worker_options *options, weir_error *err)
{
    weir_error own;
    weir_worker worker = {
        .options = options,
        .config = options->config,
        .clock = weir__clock_system(),
        .next_ticket = 1,
        .next_commit = 1,
        .err = err ? err : &own,
    };
    weir_worker_watch *watch = NULL;
    weir_code rc = weir__job_seal(options->job, worker.err);

    if (rc != WEIR_OK)
        return rc;
    worker.frame_most = (uint64_t)weir__config_int(worker.config, "limits.record-bytes") + WEIR__FRAME_BEYOND_RECORD;
    worker.pipe.frames.most = worker.frame_most;
    worker.now_ms = weir__clock_monotonic_ms(worker.clock);
    weir__arena_init(&worker.scratch, 16384);
    weir__buffer_init(&worker.batch.beside, SIZE_MAX);
    weir__buffer_init(&worker.cell_value, SIZE_MAX);
    rc = weir__worker_pipe_open(&worker.pipe, worker.err);
    if (rc == WEIR_OK)
        rc = weir__worker_watch_begin(worker.pipe.in_fd, &watch, worker.err);
    if (rc == WEIR_OK)
        rc = run(&worker, worker.err);
    if (worker.rc == WEIR_OK)
        worker.rc = rc;
    rc = worker.rc;
    if (worker.pipe.out_fd >= 0)
        tell_end(&worker, worker.err);
    weir__worker_log_close();
    close_worker(&worker);
    weir__worker_watch_end(watch);
    return rc;
}
