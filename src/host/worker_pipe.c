/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's two pipes. Neither is ever waited for but in flush(), at the end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "host/worker_internal.h"

enum {
    PIPE_BYTES = 1 << 20,       /* asked of the system: fewer turns for both sides */
    KEPT_BYTES = 4 << 20        /* of a buffer, once it is empty */
};

/* Moves a descriptor out of everybody's way, and puts another in its place. */
static weir_code move_away(int fd, int *out, weir_error *err)
{
    *out = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (*out < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot take standard %s for frames",
                                fd == STDIN_FILENO ? "input" : "output");
    return WEIR_OK;
}

weir_code weir__worker_pipe_open(weir_worker_pipe *pipe, weir_error *err)
{
    weir_code rc;
    int nothing;

    pipe->in_fd = -1;
    pipe->out_fd = -1;
    weir__buffer_init(&pipe->filling, SIZE_MAX);
    weir__buffer_init(&pipe->sending, SIZE_MAX);
    rc = move_away(STDIN_FILENO, &pipe->in_fd, err);
    if (rc == WEIR_OK)
        rc = move_away(STDOUT_FILENO, &pipe->out_fd, err);
    if (rc != WEIR_OK)
        return rc;
    nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot give standard input and output another place");
    if (nothing > STDERR_FILENO)
        (void)close(nothing);
    /* What the job has printed already was meant for people, too. */
    (void)fflush(stdout);
    if (rc == WEIR_OK && (fcntl(pipe->in_fd, F_SETFL, fcntl(pipe->in_fd, F_GETFL) | O_NONBLOCK) != 0 ||
                          fcntl(pipe->out_fd, F_SETFL, fcntl(pipe->out_fd, F_GETFL) | O_NONBLOCK) != 0))
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read and write without waiting");
    (void)fcntl(pipe->in_fd, F_SETPIPE_SZ, PIPE_BYTES); /* no pipe, or not allowed: what there is will do */
    (void)fcntl(pipe->out_fd, F_SETPIPE_SZ, PIPE_BYTES);
    return rc;
}

void weir__worker_pipe_close(weir_worker_pipe *pipe)
{
    if (pipe->in_fd >= 0)
        (void)close(pipe->in_fd); /* only read from */
    if (pipe->out_fd >= 0)
        (void)close(pipe->out_fd); /* a pipe: what was written is the reader's */
    weir__frames_clear(&pipe->frames);
    weir__buffer_clear(&pipe->filling);
    weir__buffer_clear(&pipe->sending);
}

weir_code weir__worker_pipe_read(weir_worker_pipe *pipe, bool *got, weir_error *err)
{
    size_t room;
    uint8_t *to = weir__frames_room(&pipe->frames, &room);
    ssize_t size;

    *got = false;
    if (!to)
        return weir__fail_memory(err, "the input");
    do
        size = read(pipe->in_fd, to, room);
    while (size < 0 && errno == EINTR);
    if (size < 0 && errno != EAGAIN)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read the input");
    if (size > 0)
        weir__frames_filled(&pipe->frames, (size_t)size);
    *got = size > 0;
    pipe->is_at_end = size == 0;
    return WEIR_OK;
}

size_t weir__worker_pipe_pending(const weir_worker_pipe *pipe)
{
    return pipe->sending.size - pipe->sent + pipe->filling.size;
}

static void reset(weir_buffer *buffer)
{
    if (buffer->capacity > KEPT_BYTES)
        weir__buffer_clear(buffer);
    weir__buffer_reset(buffer);
}

weir_code weir__worker_pipe_write(weir_worker_pipe *pipe, weir_error *err)
{
    for (;;) {
        ssize_t size;

        if (pipe->sent == pipe->sending.size) {
            weir_buffer empty = pipe->sending;

            if (!pipe->filling.size)
                return WEIR_OK;
            reset(&empty);
            pipe->sending = pipe->filling;
            pipe->filling = empty;
            pipe->sent = 0;
        }
        size = write(pipe->out_fd, pipe->sending.data + pipe->sent, pipe->sending.size - pipe->sent);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return WEIR_OK;
        if (size < 0)
            return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot write to the host");
        pipe->sent += (size_t)size;
    }
}

void weir__worker_pipe_flush(weir_worker_pipe *pipe, int most_ms)
{
    int64_t end_ms = weir__clock_monotonic_ms(weir__clock_system()) + most_ms;

    while (weir__worker_pipe_write(pipe, NULL) == WEIR_OK && weir__worker_pipe_pending(pipe) > 0) {
        int64_t left_ms = end_ms - weir__clock_monotonic_ms(weir__clock_system());
        struct pollfd fds[2] = { { pipe->out_fd, POLLOUT, 0 }, { pipe->in_fd, 0, 0 } };

        if (left_ms <= 0 || (poll(fds, 2, (int)left_ms) < 0 && errno != EINTR) || fds[1].revents)
            return;
    }
}
