/* SPDX-License-Identifier: Apache-2.0 */
/* HELLO and OPEN: before there is an engine, so the input is simply waited for. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "host/worker_internal.h"

static weir_code answer_hello(weir_worker *worker, const weir_frame *frame, weir_error *err)
{
    const char *name = weir__config_text(worker->config, "job.name");
    weir_buffer *out = &worker->pipe.filling;
    weir_down_hello hello;
    size_t begin;
    weir_code rc = weir__down_hello(frame, &hello, err);

    if (rc != WEIR_OK)
        return rc;
    if (hello.lowest > WEIR__WORKER_VERSION || hello.highest < WEIR__WORKER_VERSION)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "the host (%.*s) speaks versions %u..%u of the protocol, this worker (weir %s) speaks %d; "
                          "package the job with a weir of the same version",
                          (int)(hello.host.size < 64 ? hello.host.size : 64), (const char *)hello.host.data,
                          hello.lowest, hello.highest, PACKAGE_VERSION, WEIR__WORKER_VERSION);
    begin = weir__up_begin(out, WEIR__UP_HELLO);
    weir__up_u32(out, WEIR__WORKER_MAGIC);
    weir__up_u8(out, 0);
    weir__up_u8(out, WEIR__WORKER_VERSION);
    weir__up_text(out, PACKAGE_VERSION);
    weir__up_text(out, name ? name : worker->options->job->name);
    weir__up_u32(out, (uint32_t)getpid());
    rc = weir__up_end(out, begin, worker->frame_most, err);
    return rc == WEIR_OK ? weir__worker_log_open(err) : rc;
}

/* A text of a frame as C has it; freed by the caller. */
static char *copy_text(weir_bytes text)
{
    char *copy = malloc(text.size + 1);

    if (!copy)
        return NULL;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static weir_code take_settings(weir_worker *worker, weir_frame_list settings, weir_error *err)
{
    weir_bytes name, value;
    weir_code rc = WEIR_OK;

    while (rc == WEIR_OK && weir__list_pair(&settings, &name, &value)) {
        char *name_text = copy_text(name), *value_text = copy_text(value);

        rc = name_text && value_text ? weir__config_set_host(worker->config, name_text, value_text, err)
                                     : weir__fail_memory(err, "the configuration");
        free(name_text);
        free(value_text);
    }
    return rc == WEIR_OK ? weir__config_log(worker->config, err) : rc;
}

static weir_code take_markers(weir_worker *worker, weir_frame_list markers, weir_error *err)
{
    worker->markers = calloc(markers.count + 1, sizeof *worker->markers);
    if (!worker->markers)
        return weir__fail_memory(err, "the markers");
    while (weir__list_marker(&markers, &worker->markers[worker->marker_count].partition,
                             &worker->markers[worker->marker_count].position))
        worker->marker_count++;
    return WEIR_OK;
}

static weir_code take_open(weir_worker *worker, const weir_frame *frame, weir_error *err)
{
    const char *name, *action;
    weir_down_open open;
    weir_code rc = weir__down_open(frame, &open, err);

    if (rc == WEIR_OK)
        rc = take_settings(worker, open.settings, err);
    if (rc == WEIR_OK)
        rc = take_markers(worker, open.markers, err);
    if (rc != WEIR_OK)
        return rc;
    worker->has_groups = open.first_group <= open.last_group;
    worker->first_group = open.first_group;
    worker->last_group = open.last_group;
    worker->max_parallelism = open.max_parallelism;
    worker->subtask = open.subtask;
    worker->attempt = open.attempt;
    worker->known_partitions = open.partitions;
    name = weir__config_text(worker->config, "job.name");
    worker->job = name ? name : worker->options->job->name;
    worker->key_by = weir__config_text(worker->config, "input.key-by");
    action = weir__config_text(worker->config, "input.on-error");
    worker->on_error = strcmp(action, "skip") == 0  ? WEIR__END_SKIPPED
                       : strcmp(action, "dlq") == 0 ? WEIR__END_DEAD
                                                    : WEIR__END_FAILED;
    worker->frame_most = (uint64_t)weir__config_int(worker->config, "limits.record-bytes") +
                         WEIR__FRAME_BEYOND_RECORD;
    worker->pipe.frames.most = worker->frame_most;
    if (worker->has_groups && !weir__config_text(worker->config, "action-state.topic") &&
        weir__config_bool(worker->config, "action-state.required"))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "action-state.topic names no topic, so calls could not be recorded; set it (it is made at "
                          "the first start), or say action-state.required: false");
    worker->state = WEIR__WORKER_OPENING;
    weir__log(WEIR__LOG_INFO, "host/worker", "opened for %.*s subtask=%u attempt=%u groups=%u..%u restored=%s",
              (int)(open.job.size < 128 ? open.job.size : 128), (const char *)open.job.data, open.subtask,
              open.attempt, open.first_group, open.last_group, open.is_restored ? "true" : "false");
    return WEIR_OK;
}

static weir_code take(weir_worker *worker, const weir_frame *frame, weir_error *err)
{
    weir_code rc = weir__talk_take(&worker->talk, frame, err);

    if (rc != WEIR_OK)
        return rc;
    return frame->type == WEIR__DOWN_HELLO ? answer_hello(worker, frame, err) : take_open(worker, frame, err);
}

/* Until there is something to read; what is to be written goes meanwhile. */
static weir_code wait_for_input(weir_worker *worker, weir_error *err)
{
    weir_worker_pipe *pipe = &worker->pipe;
    bool got = false;
    weir_code rc = weir__worker_pipe_write(pipe, err);

    while (rc == WEIR_OK && !got && !pipe->is_at_end) {
        struct pollfd fds[2] = {
            { pipe->in_fd, POLLIN, 0 },
            { weir__worker_pipe_pending(pipe) ? pipe->out_fd : -1, POLLOUT, 0 },
        };

        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot wait for the input");
        rc = weir__worker_pipe_write(pipe, err);
        if (rc == WEIR_OK)
            rc = weir__worker_pipe_read(pipe, &got, err);
    }
    return rc;
}

weir_code weir__worker_greet(weir_worker *worker, weir_error *err)
{
    weir_worker_pipe *pipe = &worker->pipe;
    weir_code rc = WEIR_OK;

    while (rc == WEIR_OK && worker->state == WEIR__WORKER_GREETING) {
        weir_frame frame;
        bool found;

        rc = weir__frames_peek(&pipe->frames, &frame, &found, err);
        if (rc == WEIR_OK && found) {
            rc = take(worker, &frame, err);
            weir__frames_drop(&pipe->frames);
        } else if (rc == WEIR_OK && pipe->is_at_end) {
            return weir__frames_at_end(&pipe->frames, err);
        } else if (rc == WEIR_OK) {
            rc = wait_for_input(worker, err);
        }
    }
    return rc;
}
