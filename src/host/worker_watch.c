/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop that is held up by an action that computes, or by a library that waits, does not see that its input has ended,
 * and nobody may be left to kill it. This thread sees it, gives the loop some time, and ends the process.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/worker_internal.h"

enum { GRACE_MS = 3000, STATUS = 3 };

struct weir_worker_watch {
    pthread_t thread;
    int in_fd, end_fd;
};

static void *watch(void *context)
{
    static const char text[] = "the input has ended, and the loop is held up: the process ends\n";
    const weir_worker_watch *watch = context;
    struct pollfd fds[2] = { { watch->end_fd, POLLIN, 0 }, { watch->in_fd, 0, 0 } };
    ssize_t ignored;

    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        continue;
    if (fds[0].revents)
        return NULL;
    while (poll(fds, 1, GRACE_MS) < 0 && errno == EINTR)
        continue;
    if (fds[0].revents)
        return NULL;
    ignored = write(STDERR_FILENO, text, sizeof text - 1); /* nobody to tell: so be it */
    (void)ignored;
    _exit(STATUS);
}

weir_code weir__worker_watch_begin(int in_fd, weir_worker_watch **out, weir_error *err)
{
    weir_worker_watch *made = calloc(1, sizeof *made);
    sigset_t all, before;
    int number;

    if (!made)
        return weir__fail_memory(err, "a thread");
    made->in_fd = in_fd;
    made->end_fd = eventfd(0, EFD_CLOEXEC);
    if (made->end_fd < 0) {
        free(made);
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make an event descriptor");
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    number = pthread_create(&made->thread, NULL, watch, made);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number) {
        (void)close(made->end_fd);
        free(made);
        return weir__fail_errno(err, number, WEIR_REMEDY_STOP, "cannot start a thread");
    }
    *out = made;
    return WEIR_OK;
}

void weir__worker_watch_end(weir_worker_watch *made)
{
    uint64_t one = 1;
    ssize_t ignored;

    if (!made)
        return;
    ignored = write(made->end_fd, &one, sizeof one); /* cannot be full */
    (void)ignored;
    (void)pthread_join(made->thread, NULL);
    (void)close(made->end_fd);
    free(made);
}
