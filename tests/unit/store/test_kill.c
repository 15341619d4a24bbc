/* SPDX-License-Identifier: Apache-2.0 */
/* A writer that is killed at any point: what it acknowledged is there, and at most the commit that it was making. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "history.h"
#include "store/handle.h"
#include "suite.h"

enum { KILLS = 60, MOST_COMMITS = 40 };

static char *folder;

static void set_up(void)
{
    folder = folder_new();
}

static void tear_down(void)
{
    folder_delete(folder);
}

/* Writes commits without end, each number acknowledged into the pipe. */
static void write_until_killed(int pipe_in)
{
    weir_store *store = folder_open(folder);

    for (int64_t number = store->number + 1;; number++) {
        if (store->checkpoint_at > 25)
            store->checkpoint_at = 25;
        if (history_write(store, number, NULL) != WEIR_OK || weir__store_commit(store, NULL) != WEIR_OK ||
            write(pipe_in, &number, sizeof number) != sizeof number)
            _exit(1);
    }
}

START_TEST(a_killed_writer_loses_nothing_that_it_acknowledged)
{
    uint64_t seed = 7;
    int64_t last = 1;

    for (int kills = 0; kills < KILLS; kills++) {
        int acknowledged[2], status;
        int64_t number = 0;
        bool is_right = false;
        weir_error err = { 0 };
        weir_store *store;
        pid_t child;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        ck_assert_int_eq(pipe(acknowledged), 0);
        child = fork();
        if (child == 0)
            write_until_killed(acknowledged[1]);
        ck_assert_int_eq(close(acknowledged[1]), 0);
        for (uint64_t i = (seed >> 33) % MOST_COMMITS; i > 0; i--)
            ck_assert_int_eq(read(acknowledged[0], &last, sizeof last), sizeof last);
        for (volatile uint64_t i = (seed >> 40) % 200000; i > 0; i--) {
            /* spread the kill over all that a commit does */
        }
        ck_assert_int_eq(kill(child, SIGKILL), 0);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status));
        while (read(acknowledged[0], &number, sizeof number) == sizeof number)
            last = number;
        ck_assert_int_eq(close(acknowledged[0]), 0);
        store = folder_try(folder, kills % 2, &err);
        if (!store && kills % 2 && last == 1 && strstr(err.message, "no state here"))
            continue; /* killed before there was one */
        ck_assert_msg(store != NULL, "%s", err.message);
        ck_assert_int_eq(history_check(store, &number, &is_right, &err), WEIR_OK);
        weir__store_close(store);
        ck_assert_msg(is_right, "commit %lld with something else in it", (long long)number);
        ck_assert_msg(number == last || number == last + 1, "commit %lld after %lld was acknowledged",
                      (long long)number, (long long)last);
        last = number;
    }
    ck_assert_int_gt(last, KILLS);
}
END_TEST

static Suite *kill_suite(void)
{
    Suite *suite = suite_create("store/kill");
    TCase *aspect = tcase_create("at random");

    tcase_set_timeout(aspect, 120);
    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_killed_writer_loses_nothing_that_it_acknowledged);
    suite_add_tcase(suite, aspect);
    return suite;
}

int main(void)
{
    return weir__suite_run(kill_suite());
}
