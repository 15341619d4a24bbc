/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on a thread of their own, which return in time or are left. */
#include <pthread.h>

#include "kafka/bounded.h"
#include "suite.h"

enum { LONG_MS = 20000, SHORT_MS = 20 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool may_return, is_gone; /* lock: lock */
static int calls;                /* lock: lock */
static weir_error err;

static void count(void *context)
{
    (void)pthread_mutex_lock(&lock);
    calls += *(int *)context;
    (void)pthread_mutex_unlock(&lock);
}

static void hang(void *context)
{
    (void)pthread_mutex_lock(&lock);
    calls++;
    (void)pthread_cond_broadcast(&changed);
    while (!may_return)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    (void)context;
}

static void gone(void *context)
{
    (void)pthread_mutex_lock(&lock);
    ck_assert(context == &calls);
    ck_assert(!is_gone);
    is_gone = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

START_TEST(a_call_that_returns_is_waited_for_again_and_again)
{
    weir_bounded *bounded;
    int two = 2;

    ck_assert_int_eq(weir__bounded_new(&bounded, &err), WEIR_OK);
    for (int i = 0; i < 100; i++)
        ck_assert(weir__bounded_call(bounded, count, &two, LONG_MS));
    ck_assert_int_eq(calls, 200);
    weir__bounded_leave(bounded, gone, &calls);
    ck_assert(is_gone);
}
END_TEST

START_TEST(one_that_does_not_is_left_and_what_it_used_goes_when_it_has)
{
    weir_bounded *bounded;

    ck_assert_int_eq(weir__bounded_new(&bounded, &err), WEIR_OK);
    ck_assert(!weir__bounded_call(bounded, hang, NULL, SHORT_MS));
    (void)pthread_mutex_lock(&lock);
    while (calls == 0) /* else it would be taken back */
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    weir__bounded_leave(bounded, gone, &calls);
    (void)pthread_mutex_lock(&lock);
    ck_assert(!is_gone);
    may_return = true;
    (void)pthread_cond_broadcast(&changed);
    while (!is_gone)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}
END_TEST

START_TEST(one_that_returns_late_may_be_left_at_once)
{
    weir_bounded *bounded;

    ck_assert_int_eq(weir__bounded_new(&bounded, &err), WEIR_OK);
    ck_assert(!weir__bounded_call(bounded, hang, NULL, SHORT_MS));
    (void)pthread_mutex_lock(&lock);
    may_return = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    weir__bounded_leave(bounded, gone, &calls); /* it may be there still, or not */
    (void)pthread_mutex_lock(&lock);
    while (!is_gone)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}
END_TEST

START_TEST(nothing_to_leave_is_left_at_once)
{
    weir__bounded_leave(NULL, gone, &calls);
    ck_assert(is_gone);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka/bounded");
    TCase *test = tcase_create("bounded");

    tcase_add_test(test, a_call_that_returns_is_waited_for_again_and_again);
    tcase_add_test(test, one_that_does_not_is_left_and_what_it_used_goes_when_it_has);
    tcase_add_test(test, one_that_returns_late_may_be_left_at_once);
    tcase_add_test(test, nothing_to_leave_is_left_at_once);
    suite_add_tcase(suite, test);
    return weir__suite_run(suite);
}
