/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that run tasks: order, how many there are, and what an end leaves behind. */
#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/executor.h"
#include "suite.h"

enum { MANY = 1000 };

typedef struct counted {
    weir_task task; /* first: cast back */
    int number;
} counted;

static weir_executor executor;
static weir_pool *pool;
static counted tasks[MANY];
static int order[MANY];
static atomic_int begun_count, ended_count;
static sem_t begun, go, ended;

static void set_up(void)
{
    pool = NULL;
    atomic_store(&begun_count, 0);
    atomic_store(&ended_count, 0);
    ck_assert_int_eq(sem_init(&begun, 0, 0), 0);
    ck_assert_int_eq(sem_init(&go, 0, 0), 0);
    ck_assert_int_eq(sem_init(&ended, 0, 0), 0);
}

static void open_pool(size_t threads)
{
    weir_error err;

    ck_assert_int_eq(weir__pool_new(threads, "test", &executor, &pool, &err), WEIR_OK);
}

static void submit(int number, void (*run)(weir_task *task))
{
    tasks[number] = (counted){ { NULL, run }, number };
    executor.submit(executor.context, &tasks[number].task);
}

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        ;
}

static void note_order(weir_task *task)
{
    order[atomic_fetch_add(&begun_count, 1)] = ((counted *)task)->number;
    atomic_fetch_add(&ended_count, 1);
    (void)sem_post(&ended);
}

static void hold(weir_task *task)
{
    (void)task;
    atomic_fetch_add(&begun_count, 1);
    (void)sem_post(&begun);
    await(&go);
    atomic_fetch_add(&ended_count, 1);
    (void)sem_post(&ended);
}

/* ThreadSanitizer has a thread of its own, from the first one on that is started. */
#ifdef __SANITIZE_THREAD__
enum { NOT_OURS = 1 };
#else
enum { NOT_OURS = 0 };
#endif

/* Threads of this process. */
static int threads_of_process(void)
{
    DIR *folder = opendir("/proc/self/task");
    int count = 0;

    ck_assert_ptr_nonnull(folder);
    while (readdir(folder))
        count++;
    (void)closedir(folder);
    return count - 2;
}

START_TEST(one_thread_runs_tasks_in_the_order_submitted)
{
    open_pool(1);
    for (int i = 0; i < MANY; i++)
        submit(i, note_order);
    weir__pool_free(pool, true);
    ck_assert_int_eq(atomic_load(&ended_count), MANY);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(order[i], i);
}
END_TEST

START_TEST(many_threads_run_each_task_once)
{
    static bool seen[MANY];

    open_pool(8);
    for (int i = 0; i < MANY; i++)
        submit(i, note_order);
    weir__pool_free(pool, true);
    ck_assert_int_eq(atomic_load(&ended_count), MANY);
    for (int i = 0; i < MANY; i++)
        seen[order[i]] = true;
    for (int i = 0; i < MANY; i++)
        ck_assert(seen[i]);
}
END_TEST

START_TEST(a_pool_begins_with_one_thread_and_has_no_more_than_its_limit)
{
    int before = threads_of_process();

    open_pool(4);
    ck_assert_int_ge(threads_of_process(), before + 1);
    ck_assert_int_le(threads_of_process(), before + 1 + NOT_OURS);
    for (int i = 0; i < 20; i++)
        submit(i, hold);
    for (int i = 0; i < 4; i++)
        await(&begun);
    ck_assert_int_ge(threads_of_process(), before + 4);
    ck_assert_int_le(threads_of_process(), before + 4 + NOT_OURS);
    for (int i = 0; i < 20; i++)
        (void)sem_post(&go);
    weir__pool_free(pool, true);
}
END_TEST

START_TEST(a_task_that_blocks_holds_no_other_back_up_to_the_limit)
{
    open_pool(3);
    for (int i = 0; i < 5; i++)
        submit(i, hold);
    for (int i = 0; i < 3; i++)
        await(&begun);
    ck_assert_int_eq(atomic_load(&begun_count), 3);
    for (int i = 0; i < 5; i++)
        (void)sem_post(&go);
    weir__pool_free(pool, true);
    ck_assert_int_eq(atomic_load(&ended_count), 5);
}
END_TEST

START_TEST(an_end_without_waiting_forgets_what_has_not_begun_and_leaves_behind_what_hangs)
{
    open_pool(1);
    submit(0, hold);
    await(&begun);
    submit(1, note_order);
    weir__pool_free(pool, false); /* returns, although a task hangs */
    ck_assert_int_eq(atomic_load(&ended_count), 0);
    (void)sem_post(&go);
    await(&ended);
    ck_assert_int_eq(atomic_load(&ended_count), 1); /* the second one never ran */
}
END_TEST

START_TEST(what_has_not_begun_can_be_taken_back_in_its_order)
{
    weir_task *task;

    open_pool(1);
    submit(0, hold);
    await(&begun);
    ck_assert_ptr_null(weir__pool_take_back(pool));
    for (int i = 1; i < 4; i++)
        submit(i, note_order);
    task = weir__pool_take_back(pool);
    for (int i = 1; i < 4; i++, task = task->next)
        ck_assert_ptr_eq(task, &tasks[i].task);
    ck_assert_ptr_null(task);
    submit(4, hold); /* it is a pool all the same */
    (void)sem_post(&go);
    (void)sem_post(&go);
    weir__pool_free(pool, true);
    ck_assert_int_eq(atomic_load(&begun_count), 2);
}
END_TEST

START_TEST(an_idle_pool_ends_at_once_either_way)
{
    for (int i = 0; i < 50; i++) {
        open_pool(4);
        if (i % 3)
            submit(0, note_order);
        weir__pool_free(pool, i % 2);
    }
    weir__pool_free(NULL, true);
}
END_TEST

static sigset_t blocked;

static void note_signals(weir_task *task)
{
    (void)task;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    (void)sem_post(&ended);
}

/* Signals are for the loop's thread; faults are told where they happen. */
START_TEST(signals_never_come_to_a_pools_thread_and_faults_do)
{
    open_pool(1);
    submit(0, note_signals);
    await(&ended);
    ck_assert_int_eq(sigismember(&blocked, SIGTERM), 1);
    ck_assert_int_eq(sigismember(&blocked, SIGINT), 1);
    ck_assert_int_eq(sigismember(&blocked, SIGCHLD), 1);
    ck_assert_int_eq(sigismember(&blocked, SIGSEGV), 0);
    ck_assert_int_eq(sigismember(&blocked, SIGABRT), 0);
    weir__pool_free(pool, true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/pool");
    TCase *runs = tcase_create("runs"), *ends = tcase_create("ends");

    tcase_add_checked_fixture(runs, set_up, NULL);
    tcase_add_test(runs, one_thread_runs_tasks_in_the_order_submitted);
    tcase_add_test(runs, many_threads_run_each_task_once);
    tcase_add_test(runs, a_pool_begins_with_one_thread_and_has_no_more_than_its_limit);
    tcase_add_test(runs, a_task_that_blocks_holds_no_other_back_up_to_the_limit);
    tcase_add_test(runs, signals_never_come_to_a_pools_thread_and_faults_do);
    suite_add_tcase(suite, runs);
    tcase_add_checked_fixture(ends, set_up, NULL);
    tcase_add_test(ends, an_end_without_waiting_forgets_what_has_not_begun_and_leaves_behind_what_hangs);
    tcase_add_test(ends, what_has_not_begun_can_be_taken_back_in_its_order);
    tcase_add_test(ends, an_idle_pool_ends_at_once_either_way);
    suite_add_tcase(suite, ends);
    return weir__suite_run(suite);
}
