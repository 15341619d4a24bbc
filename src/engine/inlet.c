/* SPDX-License-Identifier: Apache-2.0 */
/* A list under a lock, and an eventfd. */
#include "engine/inlet.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct weir_inlet {
    atomic_size_t holders;
    int fd;
    pthread_mutex_t lock;
    weir_post *posts;      /* lock: lock; newest first */
    bool is_closed;        /* lock: lock */
    atomic_bool has_posts; /* written under lock, read without it at the loop's top */
};

weir_code weir__inlet_new(weir_inlet **out, weir_error *err)
{
    weir_inlet *inlet = calloc(1, sizeof *inlet);

    if (!inlet)
        return weir__fail_memory(err, "an inlet");
    atomic_init(&inlet->holders, 1);
    inlet->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inlet->fd < 0) {
        int number = errno;

        free(inlet);
        return weir__fail_errno(err, number, WEIR_REMEDY_STOP, "cannot make an event descriptor");
    }
    (void)pthread_mutex_init(&inlet->lock, NULL); /* default attributes: cannot fail */
    *out = inlet;
    return WEIR_OK;
}

void weir__inlet_retain(weir_inlet *inlet)
{
    atomic_fetch_add(&inlet->holders, 1);
}

void weir__inlet_release(weir_inlet *inlet)
{
    if (!inlet || atomic_fetch_sub(&inlet->holders, 1) != 1)
        return;
    (void)pthread_mutex_destroy(&inlet->lock); /* nobody holds it */
    (void)close(inlet->fd);                    /* nothing was written through it */
    free(inlet);
}

bool weir__inlet_post(weir_inlet *inlet, weir_post *post)
{
    uint64_t one = 1;
    bool is_taken;

    (void)pthread_mutex_lock(&inlet->lock);
    is_taken = !inlet->is_closed;
    if (is_taken) {
        bool is_first = !inlet->posts;

        post->next = inlet->posts;
        inlet->posts = post;
        atomic_store_explicit(&inlet->has_posts, true, memory_order_release);
        /* Those behind the first find it readable. Under the lock: once it is let go, the inlet may be gone. */
        if (is_first) {
            ssize_t ignored = write(inlet->fd, &one, sizeof one);

            (void)ignored;
        }
    }
    (void)pthread_mutex_unlock(&inlet->lock);
    return is_taken;
}

static void take(weir_inlet *inlet, bool is_last)
{
    weir_post *posts, *in_order = NULL;
    uint64_t count;
    ssize_t ignored;

    (void)pthread_mutex_lock(&inlet->lock);
    ignored = read(inlet->fd, &count, sizeof count); /* empties it; nothing there is fine */
    (void)ignored;
    posts = inlet->posts;
    inlet->posts = NULL;
    inlet->is_closed |= is_last;
    atomic_store_explicit(&inlet->has_posts, false, memory_order_release);
    (void)pthread_mutex_unlock(&inlet->lock);
    while (posts) {
        weir_post *next = posts->next;

        posts->next = in_order;
        in_order = posts;
        posts = next;
    }
    while (in_order) {
        weir_post *post = in_order;

        in_order = post->next;
        post->fn(post);
    }
}

void weir__inlet_take(weir_inlet *inlet)
{
    if (atomic_load_explicit(&inlet->has_posts, memory_order_acquire))
        take(inlet, false);
}

void weir__inlet_close(weir_inlet *inlet)
{
    take(inlet, true);
}

int weir__inlet_fd(const weir_inlet *inlet)
{
    return inlet->fd;
}
