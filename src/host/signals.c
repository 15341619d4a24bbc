/* SPDX-License-Identifier: Apache-2.0 */
/* Catching signals. */
#include "host/signals.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A signal handler has no context but what is global. */
static volatile sig_atomic_t caught;
static int signal_fd = -1;

static void on_signal(int number)
{
    uint64_t one = 1;
    int saved = errno;
    ssize_t ignored;

    if (caught)
        _exit(128 + number); /* the second one: at once */
    caught = number;
    ignored = write(signal_fd, &one, sizeof one); /* cannot be full */
    (void)ignored;
    errno = saved;
}

weir_code weir__signals_install(weir_signals *before, weir_error *err)
{
    struct sigaction action = { .sa_handler = on_signal };

    caught = 0;
    signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make an event descriptor");
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, &before->interrupt); /* catchable signals: cannot fail */
    (void)sigaction(SIGTERM, &action, &before->terminate);
    return WEIR_OK;
}

void weir__signals_remove(const weir_signals *before)
{
    if (signal_fd < 0)
        return;
    (void)sigaction(SIGINT, &before->interrupt, NULL);
    (void)sigaction(SIGTERM, &before->terminate, NULL);
    (void)close(signal_fd); /* nothing is lost in it */
    signal_fd = -1;
}

int weir__signals_caught(void)
{
    return caught;
}

int weir__signals_fd(void)
{
    return signal_fd;
}

void weir__signals_polled(void)
{
    uint64_t count;
    ssize_t ignored = read(signal_fd, &count, sizeof count); /* empties it */

    (void)ignored;
}
