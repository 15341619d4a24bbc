/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the log, of whatever thread, as frames. A global, as the log itself is: a thread of a call that was left
 * behind may log as long as the process lives.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "host/worker_internal.h"

enum { MOST_BYTES = 1 << 20 };

static struct {
    pthread_mutex_t lock;
    weir_buffer frames; /* lock */
    uint64_t lost;      /* lock: lines that found no room */
    bool is_closed;     /* lock */
    int fd;             /* an event descriptor; the loop's to close */
} lines = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* Locks: lines.lock held. */
static void add(weir_log_level level, const char *line, size_t size)
{
    size_t begin = weir__up_begin(&lines.frames, WEIR__UP_LOG);

    weir__up_u8(&lines.frames, (uint8_t)level);
    weir__up_bytes(&lines.frames, weir__bytes(line, size));
    if (weir__up_end(&lines.frames, begin, MOST_BYTES, NULL) != WEIR_OK)
        lines.lost++;
}

/* The line is UTF-8, as messages are made of what was checked; what is not would be the host's to refuse. */
static void take_line(void *context, weir_log_level level, const char *line, size_t size)
{
    uint64_t one = 1;
    ssize_t ignored;

    (void)context;
    (void)pthread_mutex_lock(&lines.lock);
    if (lines.is_closed) {
        ignored = write(STDERR_FILENO, line, size);
        ignored = write(STDERR_FILENO, "\n", 1);
    } else {
        if (!lines.frames.size) {
            ignored = write(lines.fd, &one, sizeof one); /* cannot be full */
        }
        if (lines.frames.size + size > MOST_BYTES)
            lines.lost++;
        else
            add(level, line, size);
    }
    (void)ignored;
    (void)pthread_mutex_unlock(&lines.lock);
}

weir_code weir__worker_log_open(weir_error *err)
{
    lines.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lines.fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make an event descriptor");
    weir__buffer_init(&lines.frames, SIZE_MAX);
    weir__log_divert(take_line, NULL);
    return WEIR_OK;
}

void weir__worker_log_close(void)
{
    (void)pthread_mutex_lock(&lines.lock);
    lines.is_closed = true;
    weir__buffer_clear(&lines.frames);
    if (lines.fd >= 0)
        (void)close(lines.fd); /* nothing is lost in it */
    lines.fd = -1;
    (void)pthread_mutex_unlock(&lines.lock);
}

int weir__worker_log_fd(void)
{
    return lines.fd;
}

void weir__worker_log_take(weir_buffer *out)
{
    uint64_t count;
    ssize_t ignored;

    if (lines.fd < 0)
        return;
    (void)pthread_mutex_lock(&lines.lock);
    if (lines.frames.size) {
        ignored = read(lines.fd, &count, sizeof count); /* empties it */
        (void)ignored;
        if (lines.lost) {
            char text[96];
            int size = snprintf(text, sizeof text, "host/worker: lines of the log were lost, there were too many "
                                "count=%llu", (unsigned long long)lines.lost);

            lines.lost = 0;
            add(WEIR__LOG_WARN, text, (size_t)size);
        }
        if (weir__buffer_add(out, lines.frames.data, lines.frames.size) != WEIR_OK)
            lines.lost++;
        weir__buffer_reset(&lines.frames);
    }
    (void)pthread_mutex_unlock(&lines.lock);
}
