/* SPDX-License-Identifier: Apache-2.0 */
/* Files damaged at random: each open and full read ends in WEIR_IO, or in exactly the content of a commit. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "history.h"
#include "store/handle.h"
#include "suite.h"

enum { COMMITS = 90, ROUNDS = 1500 };

static const char *const names[] = { "state.db", "state.db-wal", "floor" };
enum { DATABASE, LOG, FLOOR, FILES };

typedef struct image {
    uint8_t *data[FILES];
    size_t size[FILES];
} image;

static char *folder;
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void set_up(void)
{
    folder = folder_new();
    seed = 42;
}

static void tear_down(void)
{
    folder_delete(folder);
}

static void write_history(weir_store *store, int64_t from, int64_t to)
{
    weir_error err = { 0 };

    for (int64_t number = from; number <= to; number++) {
        ck_assert_msg(history_write(store, number, &err) == WEIR_OK, "%s", err.message);
        commit(store);
    }
}

static weir_code write_from_reader(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    (void)path;
    (void)value;
    (void)err;
    if (key.data[0] == 0)
        write_history(context, COMMITS / 2 + 1, COMMITS);
    return WEIR_OK;
}

/* How the process that wrote it ended. */
typedef enum ending { CLOSED, CRASHED, CRASHED_AMID_CHECKPOINT } ending;

static void make(ending how)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        weir_store *store = folder_open(folder);

        write_history(store, 2, COMMITS / 3);
        store->checkpoint_at = 0;
        write_history(store, COMMITS / 3 + 1, COMMITS / 2);
        if (how == CRASHED_AMID_CHECKPOINT) {
            store->checkpoint_at = store->frames + 30; /* which the reader then holds up */
            if (weir__store_scan(store, write_from_reader, store, NULL) != WEIR_OK ||
                store->floor.wal_frames == 0 || store->frames < store->floor.wal_frames)
                _exit(1);
        } else {
            write_history(store, COMMITS / 2 + 1, COMMITS);
        }
        if (how == CLOSED)
            weir__store_close(store);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

static image load(void)
{
    image all;

    for (int i = 0; i < FILES; i++)
        all.data[i] = folder_read(folder, names[i], &all.size[i]);
    return all;
}

static void damage(uint8_t *data, size_t *size)
{
    size_t at = draw(*size);

    switch (draw(5)) {
    case 0: /* a sector that was never written */
        at -= at % 512;
        memset(data + at, 0, *size - at < 512 ? *size - at : 512);
        break;
    case 1: /* a page of another file */
        at -= at % 4096;
        memset(data + at, 0x5A, *size - at < 4096 ? *size - at : 4096);
        break;
    default: /* a bit */
        data[at] ^= (uint8_t)(1u << draw(8));
    }
}

/* Opens, reads all, and returns the number, or 0 when it failed with WEIR_IO. */
static int64_t open_and_read(bool read_only, int round)
{
    weir_error err = { 0 };
    weir_store *store = folder_try(folder, read_only, &err);
    weir_code rc = store ? WEIR_OK : err.code;
    bool is_right = true;
    int64_t number = 0;

    if (store)
        rc = history_check(store, &number, &is_right, &err);
    weir__store_close(store);
    if (rc != WEIR_OK) {
        ck_assert_msg(rc == WEIR_IO && err.message[0], "round %d: %s", round, err.message);
        return 0;
    }
    ck_assert_msg(is_right, "round %d: commit %lld with something else in it", round, (long long)number);
    return number;
}

static void damage_and_check(int file, int64_t oldest, int least_noticed)
{
    image good = load();
    size_t size = good.size[file];
    uint8_t *bad = malloc(size + 1);
    int noticed = 0, unharmed = 0;

    ck_assert_ptr_nonnull(bad);
    ck_assert_int_eq(open_and_read(true, -1), COMMITS);
    for (int round = 0; round < ROUNDS; round++) {
        bool read_only = round % 8 != 0;
        int64_t number;

        memcpy(bad, good.data[file], size);
        damage(bad, &size);
        for (int i = 0; i < FILES && !read_only; i++)
            folder_write(folder, names[i], good.data[i], good.size[i]);
        folder_write(folder, names[file], bad, size);
        folder_write(folder, "state.db-shm", NULL, 0);
        number = open_and_read(read_only, round);
        ck_assert_msg(number == 0 || number >= oldest, "round %d: back at commit %lld", round, (long long)number);
        noticed += number == 0;
        unharmed += number == COMMITS;
        if (!read_only)
            for (int i = 0; i < FILES; i++)
                folder_write(folder, names[i], good.data[i], good.size[i]);
    }
    ck_assert_int_ge(noticed, least_noticed);
    if (file == DATABASE)
        ck_assert_int_eq(noticed + unharmed, ROUNDS);
    free(bad);
    for (int i = 0; i < FILES; i++)
        free(good.data[i]);
}

START_TEST(a_damaged_database_is_an_error_or_read_right)
{
    make(CLOSED);
    damage_and_check(DATABASE, COMMITS, ROUNDS / 2);
}
END_TEST

START_TEST(a_damaged_log_is_an_error_or_costs_the_last_two_commits_at_most)
{
    make(CRASHED);
    damage_and_check(LOG, COMMITS - 2, ROUNDS * 3 / 4);
}
END_TEST

START_TEST(a_log_damaged_amid_a_checkpoint_is_an_error_or_costs_the_last_two_commits_at_most)
{
    make(CRASHED_AMID_CHECKPOINT);
    damage_and_check(LOG, COMMITS - 2, ROUNDS * 3 / 4);
}
END_TEST

START_TEST(a_database_damaged_beneath_a_log_is_an_error_or_read_right)
{
    make(CRASHED_AMID_CHECKPOINT);
    damage_and_check(DATABASE, COMMITS, 0); /* what the log holds anew is not read from there */
}
END_TEST

START_TEST(a_damaged_floor_is_an_error)
{
    make(CRASHED);
    damage_and_check(FLOOR, COMMITS, ROUNDS);
}
END_TEST

/* What is cut off cannot be told from what was never written, down to what the floor knows of. */
START_TEST(a_log_cut_short_is_an_error_or_a_commit_not_below_the_floor)
{
    image good;
    weir_store *store;
    int64_t floor;

    make(CRASHED_AMID_CHECKPOINT);
    good = load();
    store = folder_open(folder);
    weir__store_close(store);
    floor = (int64_t)good.data[FLOOR][23] + 256 * good.data[FLOOR][22];
    ck_assert_int_gt(floor, COMMITS / 2);
    for (int round = 0; round < 300; round++) {
        int64_t number;

        for (int i = 0; i < FILES; i++)
            folder_write(folder, names[i], good.data[i], i == LOG ? draw(good.size[i] + 1) : good.size[i]);
        folder_write(folder, "state.db-shm", NULL, 0);
        number = open_and_read(round % 2, round);
        ck_assert_msg(number == 0 || number >= floor, "round %d: back at commit %lld", round, (long long)number);
    }
    for (int i = 0; i < FILES; i++)
        free(good.data[i]);
}
END_TEST

static Suite *damage_suite(void)
{
    Suite *suite = suite_create("store/damage");
    TCase *aspect = tcase_create("at random");

    tcase_set_timeout(aspect, 120);
    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_damaged_database_is_an_error_or_read_right);
    tcase_add_test(aspect, a_damaged_log_is_an_error_or_costs_the_last_two_commits_at_most);
    tcase_add_test(aspect, a_log_damaged_amid_a_checkpoint_is_an_error_or_costs_the_last_two_commits_at_most);
    tcase_add_test(aspect, a_database_damaged_beneath_a_log_is_an_error_or_read_right);
    tcase_add_test(aspect, a_damaged_floor_is_an_error);
    tcase_add_test(aspect, a_log_cut_short_is_an_error_or_a_commit_not_below_the_floor);
    suite_add_tcase(suite, aspect);
    return suite;
}

int main(void)
{
    return weir__suite_run(damage_suite());
}
