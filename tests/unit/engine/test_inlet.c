/* SPDX-License-Identifier: Apache-2.0 */
/* The way in for other threads. */
#include "engine/inlet.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "suite.h"

enum { THREADS = 4, POSTS = 2000 };

typedef struct numbered {
    weir_post post; /* first: cast back */
    int thread, number;
} numbered;

static weir_inlet *inlet;
static int told[THREADS * POSTS];
static size_t told_count;

static void note(weir_post *post)
{
    told[told_count++] = ((numbered *)post)->number;
}

static void set_up(void)
{
    weir_error err;

    ck_assert_int_eq(weir__inlet_new(&inlet, &err), WEIR_OK);
    told_count = 0;
}

static void tear_down(void)
{
    weir__inlet_release(inlet);
}

static bool is_readable(void)
{
    struct pollfd fd = { weir__inlet_fd(inlet), POLLIN, 0 };

    return poll(&fd, 1, 0) == 1;
}

START_TEST(posts_are_called_in_order_and_wake_the_loop)
{
    numbered posts[3] = { { { NULL, note }, 0, 1 }, { { NULL, note }, 0, 2 }, { { NULL, note }, 0, 3 } };

    weir__inlet_take(inlet);
    ck_assert(!is_readable());
    for (int i = 0; i < 3; i++)
        ck_assert(weir__inlet_post(inlet, &posts[i].post));
    ck_assert(is_readable());
    ck_assert_uint_eq(told_count, 0);
    weir__inlet_take(inlet);
    ck_assert(!is_readable());
    ck_assert_uint_eq(told_count, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(told[i], i + 1);
    weir__inlet_take(inlet);
    ck_assert_uint_eq(told_count, 3);
}
END_TEST

static void post_again(weir_post *post)
{
    numbered *again = (numbered *)post;

    note(post);
    if (++again->number < 3)
        ck_assert(weir__inlet_post(inlet, post));
}

START_TEST(what_is_posted_from_within_waits_for_the_next_look)
{
    numbered again = { { NULL, post_again }, 0, 0 };

    ck_assert(weir__inlet_post(inlet, &again.post));
    for (size_t i = 1; i <= 3; i++) {
        ck_assert(is_readable());
        weir__inlet_take(inlet);
        ck_assert_uint_eq(told_count, i);
    }
    ck_assert(!is_readable());
}
END_TEST

START_TEST(a_closed_inlet_calls_what_it_had_and_takes_no_more)
{
    numbered before = { { NULL, note }, 0, 1 }, after = { { NULL, note }, 0, 2 };

    ck_assert(weir__inlet_post(inlet, &before.post));
    weir__inlet_close(inlet);
    ck_assert_uint_eq(told_count, 1);
    ck_assert(!weir__inlet_post(inlet, &after.post));
    weir__inlet_take(inlet);
    ck_assert_uint_eq(told_count, 1);
}
END_TEST

START_TEST(it_lives_until_its_last_holder_lets_go)
{
    numbered late = { { NULL, note }, 0, 1 };

    weir__inlet_retain(inlet);
    weir__inlet_close(inlet);
    weir__inlet_release(inlet);
    ck_assert(!weir__inlet_post(inlet, &late.post)); /* the one left behind finds nobody there */
    weir__inlet_release(NULL);
}
END_TEST

static void *post_many(void *context)
{
    numbered *posts = context;

    for (int i = 0; i < POSTS; i++) {
        if (!weir__inlet_post(inlet, &posts[i].post))
            abort();
    }
    return NULL;
}

static int last_of[THREADS];

static void note_thread(weir_post *post)
{
    numbered *at = (numbered *)post;

    ck_assert_int_eq(at->number, last_of[at->thread]++);
    told_count++;
}

START_TEST(posts_of_many_threads_all_arrive_each_threads_in_order)
{
    pthread_t threads[THREADS];
    numbered *posts = calloc(THREADS * POSTS, sizeof *posts);

    for (int t = 0; t < THREADS; t++) {
        last_of[t] = 0;
        for (int i = 0; i < POSTS; i++)
            posts[t * POSTS + i] = (numbered){ { NULL, note_thread }, t, i };
        ck_assert_int_eq(pthread_create(&threads[t], NULL, post_many, posts + t * POSTS), 0);
    }
    while (told_count < THREADS * POSTS) {
        struct pollfd fd = { weir__inlet_fd(inlet), POLLIN, 0 };

        ck_assert_int_eq(poll(&fd, 1, 10000), 1);
        weir__inlet_take(inlet);
    }
    for (int t = 0; t < THREADS; t++)
        ck_assert_int_eq(pthread_join(threads[t], NULL), 0);
    free(posts);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/inlet");
    TCase *posts = tcase_create("posts");

    tcase_add_checked_fixture(posts, set_up, tear_down);
    tcase_add_test(posts, posts_are_called_in_order_and_wake_the_loop);
    tcase_add_test(posts, what_is_posted_from_within_waits_for_the_next_look);
    tcase_add_test(posts, a_closed_inlet_calls_what_it_had_and_takes_no_more);
    tcase_add_test(posts, it_lives_until_its_last_holder_lets_go);
    tcase_add_test(posts, posts_of_many_threads_all_arrive_each_threads_in_order);
    suite_add_tcase(suite, posts);
    return weir__suite_run(suite);
}
