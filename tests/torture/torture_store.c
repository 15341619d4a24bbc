/* SPDX-License-Identifier: Apache-2.0 */
/* The store on a disk that fails, on one whose power is cut, and short of memory. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/store/history.h"
#include "power.h"
#include "store/handle.h"
#include "suite.h"

enum { MOST_COMMITS = 64 };

/* What was acknowledged, and when. */
typedef struct story {
    power_disk *disk;
    char *folder;
    int count;
    int64_t numbers[MOST_COMMITS];
    uint64_t positions[MOST_COMMITS];
} story;

static void story_begin(story *all, power_disk *disk)
{
    memset(all, 0, sizeof *all);
    all->disk = disk;
    all->folder = power_path(disk, "state");
}

static void story_end(story *all)
{
    free(all->folder);
    power_free(all->disk);
}

static void acknowledge(story *all, int64_t number)
{
    ck_assert_int_lt(all->count, MOST_COMMITS);
    all->numbers[all->count] = number;
    all->positions[all->count++] = power_position(all->disk);
}

/* The last number acknowledged before a position; 0: the store was not there yet. */
static int64_t acknowledged(const story *all, uint64_t position)
{
    int64_t number = 0;

    for (int i = 0; i < all->count && all->positions[i] <= position; i++)
        number = all->numbers[i];
    return number;
}

static weir_code open_store(const story *all, weir_store **out, weir_error *err)
{
    weir_store_options options = {
        .folder = all->folder, .job = "torture", .vfs = power_vfs(all->disk), .disk = power_port(all->disk)
    };

    return weir__store_open(&options, out, err);
}

/* Opens, commits `count` times, with checkpoints in between, and closes. */
static weir_code work(story *all, int count, weir_error *err)
{
    weir_store *store = NULL;
    weir_code rc = open_store(all, &store, err);

    if (rc != WEIR_OK)
        return rc;
    acknowledge(all, store->number);
    for (int i = 0; i < count && rc == WEIR_OK; i++) {
        if (store->checkpoint_at > 12)
            store->checkpoint_at = 12;
        rc = history_write(store, store->number + 1, err);
        if (rc == WEIR_OK)
            rc = weir__store_commit(store, err);
        if (rc == WEIR_OK)
            acknowledge(all, store->number);
    }
    weir__store_close(store);
    return rc;
}

typedef struct held {
    story *all;
    weir_store *store;
    bool was_held;
} held;

static weir_code commit_while_read(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    held *reading = context;
    weir_code rc = WEIR_OK;

    (void)key;
    (void)path;
    (void)value;
    for (int i = 0; i < 3 && rc == WEIR_OK && !reading->was_held; i++) {
        reading->store->checkpoint_at = 0;
        rc = history_write(reading->store, reading->store->number + 1, err);
        if (rc == WEIR_OK)
            rc = weir__store_commit(reading->store, err);
        if (rc == WEIR_OK)
            acknowledge(reading->all, reading->store->number);
    }
    reading->was_held = true;
    return rc;
}

/* The same with a reader that holds checkpoints up, so that logs are not emptied, but begun anew where they stand. */
static weir_code work_while_read(story *all, weir_error *err)
{
    weir_store *store = NULL;
    weir_code rc = open_store(all, &store, err);

    if (rc != WEIR_OK)
        return rc;
    acknowledge(all, store->number);
    for (int i = 0; i < 3 && rc == WEIR_OK; i++) {
        held reading = { all, store, false };

        rc = history_write(store, store->number + 1, err);
        if (rc == WEIR_OK)
            rc = weir__store_commit(store, err);
        if (rc == WEIR_OK)
            acknowledge(all, store->number);
        if (rc == WEIR_OK)
            rc = weir__store_scan(store, commit_while_read, &reading, err);
    }
    weir__store_close(store);
    return rc;
}

/* Opens what is there, and holds it against what was acknowledged: that, or one commit more. Returns the number. */
static int64_t reopen(const story *all, int64_t last, const char *when)
{
    weir_store *store = NULL;
    weir_error err = { 0 };
    bool is_right = false;
    int64_t number = 0;

    ck_assert_msg(open_store(all, &store, &err) == WEIR_OK, "%s: %s", when, err.message);
    ck_assert_msg(history_check(store, &number, &is_right, &err) == WEIR_OK, "%s: %s", when, err.message);
    weir__store_close(store);
    ck_assert_msg(is_right, "%s: commit %lld with something else in it", when, (long long)number);
    ck_assert_msg(number == last || number == last + 1, "%s: commit %lld after %lld was acknowledged", when,
                  (long long)number, (long long)last);
    return number;
}

/* Cuts the power at a position; the story goes on there. */
static story cut(const story *all, uint64_t position, uint64_t seed, int64_t last)
{
    story after;
    char when[64];

    story_begin(&after, power_cut(all->disk, position, seed));
    (void)snprintf(when, sizeof when, "cut at %llu, seed %llu", (unsigned long long)position, (unsigned long long)seed);
    (void)reopen(&after, last, when);
    return after;
}

static void cut_everywhere(const story *all, uint64_t seeds)
{
    for (uint64_t position = 0; position <= power_position(all->disk); position++) {
        /* Right before a sync most is at stake, and right behind it is what it promised. */
        bool is_at_sync = power_is_sync(all->disk, position) || (position && power_is_sync(all->disk, position - 1));

        for (uint64_t seed = 0; seed < (is_at_sync ? seeds : 3); seed++) {
            story after = cut(all, position, seed + (seed > 1 ? position * 64 : 0), acknowledged(all, position));

            story_end(&after);
        }
    }
}

/* ---- power cuts ------------------------------------------------------------------------------------------------- */

START_TEST(after_a_power_cut_anywhere_the_last_acknowledged_commit_is_there)
{
    story all;
    weir_error err = { 0 };

    story_begin(&all, power_new());
    ck_assert_msg(work(&all, 9, &err) == WEIR_OK, "%s", err.message);
    ck_assert_msg(work(&all, 3, &err) == WEIR_OK, "%s", err.message);
    ck_assert_int_eq(all.numbers[all.count - 1], 13);
    cut_everywhere(&all, 8);
    story_end(&all);
}
END_TEST

START_TEST(after_a_power_cut_beside_a_reader_the_last_acknowledged_commit_is_there)
{
    story all;
    weir_error err = { 0 };

    story_begin(&all, power_new());
    ck_assert_msg(work_while_read(&all, &err) == WEIR_OK, "%s", err.message);
    ck_assert_int_eq(all.numbers[all.count - 1], 13);
    cut_everywhere(&all, 8);
    story_end(&all);
}
END_TEST

START_TEST(one_power_cut_after_another_loses_nothing)
{
    story all;
    int64_t last = 0;
    uint64_t state = 99;

    story_begin(&all, power_new());
    for (int i = 0; i < 150; i++) {
        weir_error err = { 0 };
        weir_code rc = i % 3 ? work(&all, 4, &err) : work_while_read(&all, &err);
        uint64_t position, begin;
        story after;

        ck_assert_msg(rc == WEIR_OK, "round %d: %s", i, err.message);
        state = state * 6364136223846793005u + 1442695040888963407u;
        begin = power_position(all.disk) / 4; /* not before there is something at stake */
        position = begin + (state >> 33) % (power_position(all.disk) - begin + 1);
        last = acknowledged(&all, position) ? acknowledged(&all, position) : last;
        after = cut(&all, position, (state >> 20) + 2, last);
        last = after.count ? after.numbers[after.count - 1] : last;
        story_end(&all);
        all = after;
        last = reopen(&all, last, "again");
    }
    ck_assert_int_gt(last, 150);
    story_end(&all);
}
END_TEST

/* ---- failing operations ----------------------------------------------------------------------------------------- */

static void fail_every(unsigned kinds, int number, bool for_good)
{
    for (uint64_t n = 1;; n++) {
        story all, after;
        weir_error err = { 0 };
        weir_code rc;
        char when[64];
        int64_t last;
        bool has_failed;

        (void)snprintf(when, sizeof when, "failure %llu of kinds %u", (unsigned long long)n, kinds);
        story_begin(&all, power_new());
        power_fail(all.disk, kinds, n, number, for_good);
        rc = work(&all, 5, &err);
        if (rc == WEIR_OK)
            rc = work(&all, 2, &err);
        has_failed = power_has_failed(all.disk);
        power_fail(all.disk, 0, 0, 0, false);
        if (rc != WEIR_OK) {
            ck_assert_msg(has_failed, "%s: %s", when, err.message);
            ck_assert_msg(rc == WEIR_IO && err.remedy == WEIR_REMEDY_STOP, "%s: %s", when, err.message);
            ck_assert_msg(strstr(err.message, "damaged") == NULL && strlen(err.message) > 20, "%s: %s", when,
                          err.message);
        }
        last = acknowledged(&all, power_position(all.disk));
        after = cut(&all, power_position(all.disk), n, last);
        story_end(&after);
        last = reopen(&all, last, when);
        ck_assert_msg(work(&all, 2, &err) == WEIR_OK, "%s: %s", when, err.message);
        ck_assert_int_eq(all.numbers[all.count - 1], last + 2);
        story_end(&all);
        if (!has_failed)
            break; /* there is no n-th */
        ck_assert_uint_lt(n, 2000);
    }
}

START_TEST(a_write_that_fails_is_an_error_and_the_store_goes_on_from_the_last_commit)
{
    fail_every(POWER_WRITE, EIO, false);
    fail_every(POWER_WRITE, ENOSPC, true);
}
END_TEST

START_TEST(a_sync_that_fails_is_an_error_and_the_store_goes_on_from_the_last_commit)
{
    fail_every(POWER_SYNC, EIO, false);
    fail_every(POWER_SYNC, EIO, true);
}
END_TEST

START_TEST(an_open_rename_or_truncation_that_fails_is_an_error_or_does_no_harm)
{
    fail_every(POWER_OPEN, EMFILE, false);
    fail_every(POWER_OPEN | POWER_RENAME | POWER_TRUNCATE, EIO, true);
    fail_every(POWER_RENAME, EIO, false);
    fail_every(POWER_TRUNCATE, EIO, false);
}
END_TEST

static Suite *torture_suite(void)
{
    Suite *suite = suite_create("torture/store");
    TCase *aspect = tcase_create("power cuts");

    tcase_set_timeout(aspect, 120);
    tcase_add_test(aspect, after_a_power_cut_anywhere_the_last_acknowledged_commit_is_there);
    tcase_add_test(aspect, after_a_power_cut_beside_a_reader_the_last_acknowledged_commit_is_there);
    tcase_add_test(aspect, one_power_cut_after_another_loses_nothing);
    suite_add_tcase(suite, aspect);
    aspect = tcase_create("failing operations");
    tcase_set_timeout(aspect, 120);
    tcase_add_test(aspect, a_write_that_fails_is_an_error_and_the_store_goes_on_from_the_last_commit);
    tcase_add_test(aspect, a_sync_that_fails_is_an_error_and_the_store_goes_on_from_the_last_commit);
    tcase_add_test(aspect, an_open_rename_or_truncation_that_fails_is_an_error_or_does_no_harm);
    suite_add_tcase(suite, aspect);
    return suite;
}

int main(void)
{
    return weir__suite_run(torture_suite());
}
