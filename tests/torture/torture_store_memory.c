/* SPDX-License-Identifier: Apache-2.0 */
/* The store when any one allocation fails, or all from one on: an error that says so, and nothing lost or leaked. */
#include <check.h>
#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/store/history.h"
#include "memory.h"
#include "power.h"
#include "store/handle.h"
#include "suite.h"

/* Every allocation up to here; behind it a sample. */
enum { EVERY = 400, STRIDE = 3 };

static int count_descriptors(void)
{
    DIR *handle = opendir("/proc/self/fd");
    int count = 0;

    ck_assert_ptr_nonnull(handle);
    while (readdir(handle))
        count++;
    ck_assert_int_eq(closedir(handle), 0);
    return count;
}

/* Opens, commits and reads; *last is the last number that was acknowledged. */
static weir_code work(const char *folder, int commits, int64_t *last, weir_error *err)
{
    weir_store_options options = { .folder = folder, .job = "torture" };
    weir_store *store = NULL;
    weir_code rc = weir__store_open(&options, &store, err);
    bool is_right = true;
    int64_t number = 0;

    if (rc != WEIR_OK)
        return rc;
    *last = store->number;
    for (int i = 0; i < commits && rc == WEIR_OK; i++) {
        store->checkpoint_at = 8;
        rc = history_write(store, store->number + 1, err);
        if (rc == WEIR_OK)
            rc = weir__store_commit(store, err);
        if (rc == WEIR_OK)
            *last = store->number;
    }
    if (rc == WEIR_OK) {
        rc = history_check(store, &number, &is_right, err);
        if (rc == WEIR_OK && (!is_right || number != *last))
            rc = weir__fail(err, WEIR_UNKNOWN, WEIR_REMEDY_STOP, "wrong content"); /* no assertion: Check allocates */
    }
    weir__store_close(store);
    return rc;
}

static void fail_every(bool for_good)
{
    uint64_t n = 1, failures = 0;

    for (;; n += n < EVERY ? 1 : STRIDE) {
        power_disk *disk = power_new(); /* for its folder, in memory */
        char *folder = power_path(disk, "state");
        int64_t last = 0, after = 0;
        weir_error err = { 0 };
        int descriptors = count_descriptors();
        sqlite3_int64 used = sqlite3_memory_used();
        weir_code rc;

        memory_fail(n, for_good);
        rc = work(folder, 3, &last, &err);
        memory_fail(0, false);
        if (rc != WEIR_OK) {
            ck_assert_msg(memory_has_failed(), "allocation %llu: %s", (unsigned long long)n, err.message);
            ck_assert_msg(rc == WEIR_NO_MEMORY && err.remedy == WEIR_REMEDY_STOP, "allocation %llu: %s",
                          (unsigned long long)n, err.message);
            failures++;
        }
        ck_assert_msg(count_descriptors() == descriptors, "allocation %llu: a file is left open",
                      (unsigned long long)n);
        ck_assert_msg(sqlite3_memory_used() == used, "allocation %llu: %lld bytes of SQLite's are left",
                      (unsigned long long)n, (long long)(sqlite3_memory_used() - used));
        ck_assert_msg(work(folder, 0, &after, &err) == WEIR_OK, "allocation %llu: %s", (unsigned long long)n,
                      err.message);
        ck_assert_msg(after == last || after == last + 1, "allocation %llu: commit %lld after %lld",
                      (unsigned long long)n, (long long)after, (long long)last);
        free(folder);
        power_free(disk);
        if (!memory_has_failed())
            break; /* there are fewer than n */
    }
    ck_assert_uint_gt(n, 1000);
    ck_assert_uint_gt(failures, EVERY / 2);
}

START_TEST(an_allocation_that_fails_is_an_error_and_nothing_is_lost_or_leaked)
{
    fail_every(false);
}
END_TEST

START_TEST(when_all_allocations_fail_from_one_on_nothing_is_lost_or_leaked)
{
    fail_every(true);
}
END_TEST

static void set_up(void)
{
    int64_t last = 0;
    weir_error err = { 0 };
    power_disk *disk = power_new();
    char *folder = power_path(disk, "state");

    /* What SQLite and the VFS keep for good is there before anything is counted. */
    ck_assert_msg(work(folder, 1, &last, &err) == WEIR_OK, "%s", err.message);
    free(folder);
    power_free(disk);
}

static Suite *memory_suite(void)
{
    Suite *suite = suite_create("torture/store_memory");
    TCase *aspect = tcase_create("memory");

    tcase_set_timeout(aspect, 120);
    tcase_add_checked_fixture(aspect, set_up, NULL);
    tcase_add_test(aspect, an_allocation_that_fails_is_an_error_and_nothing_is_lost_or_leaked);
    tcase_add_test(aspect, when_all_allocations_fail_from_one_on_nothing_is_lost_or_leaked);
    suite_add_tcase(suite, aspect);
    return suite;
}

int main(void)
{
    memory_install();
    return weir__suite_run(memory_suite());
}
