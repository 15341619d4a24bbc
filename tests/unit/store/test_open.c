/* SPDX-License-Identifier: Apache-2.0 */
/* Opening what is not what it was, what belongs to others, and what others use. */
#include "store/store.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "store/checksum_vfs.h"
#include "suite.h"

static char *folder;

static void set_up(void)
{
    folder = folder_new();
}

static void tear_down(void)
{
    folder_delete(folder);
}

/* Both kinds of open fail with WEIR_IO and those words. */
static void assert_refused(const char *words)
{
    for (int read_only = 0; read_only < 2; read_only++) {
        weir_error err = { 0 };
        weir_store *store = folder_try(folder, read_only, &err);

        ck_assert_msg(store == NULL, "it opened");
        ck_assert_int_eq(err.code, WEIR_IO);
        ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
        ck_assert_msg(strstr(err.message, words) != NULL, "'%s' has no '%s'", err.message, words);
        ck_assert_msg(strstr(err.message, folder) != NULL, "'%s' has no folder", err.message);
    }
}

static void assert_content(weir_store *store, const char *expected)
{
    weir_error err = { 0 };
    char *found = dump(store, &err);

    ck_assert_msg(found != NULL, "%s", err.message);
    ck_assert_str_eq(found, expected);
    free(found);
}

/* A child commits a/x=1 and a/x=2 and dies: its log is left behind. */
static void make_crashed(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        weir_store *store = folder_open(folder);

        put(store, "a", "x", "1");
        commit(store);
        put(store, "a", "x", "2");
        commit(store);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

static void make_closed(void)
{
    weir_store *store = folder_open(folder);

    put(store, "a", "x", "1");
    commit(store);
    weir__store_close(store);
}

/* Runs SQL through the checksums, as nobody should. */
static void alter(const char *sql)
{
    char path[512];
    sqlite3 *db;

    (void)snprintf(path, sizeof path, "%s/state.db", folder);
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, weir__checksum_vfs(NULL)), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* ---- whose it is ------------------------------------------------------------------------------------------------ */

START_TEST(a_store_of_another_job_names_both)
{
    weir_store_options options = { .folder = folder, .job = "other" };
    weir_store *store = NULL;
    weir_error err = { 0 };

    make_closed();
    ck_assert_int_eq(weir__store_open(&options, &store, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, "belongs to job 'test', not to 'other'") != NULL, "%s", err.message);
}
END_TEST

START_TEST(a_store_of_a_newer_version_names_both)
{
    make_closed();
    alter("PRAGMA user_version = 3");
    assert_refused("made by a newer weir (schema 3, this one knows 1)");
}
END_TEST

START_TEST(a_database_of_another_application_is_refused)
{
    char path[512];
    sqlite3 *db;

    make_closed();
    folder_write(folder, "state.db", NULL, 0);
    (void)snprintf(path, sizeof path, "%s/state.db", folder);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "CREATE TABLE cell (x)", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    assert_refused("state.db is not a weir state");
}
END_TEST

START_TEST(a_checksummed_database_of_another_application_is_refused)
{
    make_closed();
    alter("PRAGMA application_id = 42");
    assert_refused("state.db is not a weir state (application id 42)");
}
END_TEST

START_TEST(a_folder_without_a_store_is_left_as_it_is_when_one_must_exist)
{
    weir_store_options options = { .folder = folder, .job = "test", .must_exist = true };
    weir_store *store = NULL;
    weir_error err = { 0 };
    struct stat status;
    char path[512];

    for (int read_only = 0; read_only < 2; read_only++) {
        options.read_only = read_only;
        ck_assert_int_eq(weir__store_open(&options, &store, &err), WEIR_IO);
        ck_assert_msg(strstr(err.message, "there is no state here") != NULL, "%s", err.message);
    }
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    ck_assert_int_ne(stat(path, &status), 0);
    (void)snprintf(path, sizeof path, "%s/no/such", folder);
    options.folder = path;
    options.read_only = options.must_exist = false;
    ck_assert_int_eq(weir__store_open(&options, &store, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, "cannot make the folder: No such file or directory") != NULL, "%s", err.message);
}
END_TEST

START_TEST(a_folder_that_is_missing_is_made_for_its_owner_alone)
{
    char path[512];
    weir_store_options options = { .folder = path, .job = "test" };
    weir_store *store = NULL;
    struct stat status;

    (void)snprintf(path, sizeof path, "%s/new//", folder);
    ck_assert_int_eq(weir__store_open(&options, &store, NULL), WEIR_OK);
    ck_assert(weir__store_is_new(store));
    weir__store_close(store);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0700);
}
END_TEST

/* ---- who has it ------------------------------------------------------------------------------------------------- */

START_TEST(a_store_in_use_names_the_process)
{
    weir_store *store = folder_open(folder);
    weir_error err = { 0 };
    char words[64];

    (void)snprintf(words, sizeof words, "in use by process %ld", (long)getpid());
    ck_assert_ptr_null(folder_try(folder, false, &err));
    ck_assert_int_eq(err.code, WEIR_IO);
    ck_assert_msg(strstr(err.message, words) != NULL, "%s", err.message);
    weir__store_close(store);
    store = folder_open(folder);
    weir__store_close(store);
}
END_TEST

START_TEST(a_process_that_was_killed_leaves_no_lock)
{
    int ready[2];
    pid_t child;
    char byte;
    weir_store *store;

    ck_assert_int_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        put(folder_open(folder), "a", "x", "1");
        ck_assert_int_eq(write(ready[1], "", 1), 1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_ptr_null(folder_try(folder, false, NULL));
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    store = folder_open(folder);
    assert_content(store, "");
    weir__store_close(store);
}
END_TEST

START_TEST(a_look_at_a_running_job_sees_its_last_commit_and_locks_nobody_out)
{
    weir_error err = { 0 };
    weir_store *store = folder_open(folder), *look;

    put(store, "a", "x", "1");
    commit(store);
    look = folder_try(folder, true, &err);
    ck_assert_msg(look != NULL, "%s", err.message);
    assert_content(look, "a/x=1\n");
    put(store, "a", "x", "2");
    assert_content(look, "a/x=1\n");
    commit(store);
    assert_content(look, "a/x=2\n");
    weir__store_close(store);
    assert_content(look, "a/x=2\n");
    store = folder_open(folder);
    put(store, "a", "x", "3");
    commit(store);
    assert_content(look, "a/x=3\n");
    weir__store_close(look);
    weir__store_close(store);
}
END_TEST

START_TEST(a_look_at_a_crashed_job_changes_no_file)
{
    static const char *const names[] = { "state.db", "state.db-wal", "floor" };
    uint8_t *before[3];
    size_t sizes[3];
    weir_error err = { 0 };
    weir_store *look;

    make_crashed();
    for (int i = 0; i < 3; i++)
        before[i] = folder_read(folder, names[i], &sizes[i]);
    ck_assert_uint_gt(sizes[1], 0);
    look = folder_try(folder, true, &err);
    ck_assert_msg(look != NULL, "%s", err.message);
    assert_content(look, "a/x=2\n");
    weir__store_close(look);
    for (int i = 0; i < 3; i++) {
        size_t size;
        uint8_t *after = folder_read(folder, names[i], &size);

        ck_assert_uint_eq(size, sizes[i]);
        ck_assert_mem_eq(after, before[i], size);
        free(after);
        free(before[i]);
    }
}
END_TEST

/* ---- what it is ------------------------------------------------------------------------------------------------- */

START_TEST(a_text_file_is_no_store)
{
    make_closed();
    folder_write(folder, "state.db", "hello\n", 6);
    assert_refused("state.db is not a weir state");
}
END_TEST

START_TEST(a_long_text_file_is_no_store)
{
    char *page = calloc(3, 4096);

    make_closed();
    ck_assert_ptr_nonnull(page);
    memset(page, 'x', 3 * 4096);
    folder_write(folder, "state.db", page, 3 * 4096);
    assert_refused("state.db is not a weir state");
    free(page);
}
END_TEST

START_TEST(an_empty_database_file_is_damage)
{
    make_closed();
    folder_write(folder, "state.db", "", 0);
    assert_refused("state.db is empty; restore the folder from a backup, or delete it to start anew");
}
END_TEST

START_TEST(a_database_that_is_missing_beside_its_log_is_damage)
{
    make_crashed();
    folder_write(folder, "state.db", NULL, 0);
    assert_refused("state.db");
}
END_TEST

START_TEST(a_database_that_is_missing_beside_its_floor_is_never_made_anew)
{
    weir_error err = { 0 };

    make_closed();
    folder_write(folder, "state.db", NULL, 0);
    ck_assert_ptr_null(folder_try(folder, false, &err));
    ck_assert_msg(strstr(err.message, "state.db is missing; restore the folder") != NULL, "%s", err.message);
}
END_TEST

START_TEST(a_database_cut_short_is_damage)
{
    size_t size;
    uint8_t *data;

    make_closed();
    data = folder_read(folder, "state.db", &size);
    folder_write(folder, "state.db", data, size - 4096);
    assert_refused("is damaged");
    folder_write(folder, "state.db", data, size - 100);
    assert_refused("is damaged");
    free(data);
}
END_TEST

START_TEST(a_floor_that_is_missing_is_damage)
{
    make_closed();
    folder_write(folder, "floor", NULL, 0);
    assert_refused("'floor' is missing");
}
END_TEST

START_TEST(a_floor_that_is_too_short_or_too_long_is_damage)
{
    uint8_t *data;
    size_t size;

    make_closed();
    data = folder_read(folder, "floor", &size);
    data[size] = 0;
    folder_write(folder, "floor", data, size - 1);
    assert_refused("'floor' is damaged");
    folder_write(folder, "floor", data, size + 1);
    assert_refused("'floor' is damaged");
    folder_write(folder, "floor", "", 0);
    assert_refused("'floor' is damaged");
    free(data);
}
END_TEST

START_TEST(a_floor_of_another_store_is_noticed)
{
    uint8_t *data;
    size_t size;

    make_closed();
    data = folder_read(folder, "floor", &size);
    folder_delete(folder);
    folder = folder_new();
    make_closed();
    folder_write(folder, "floor", data, size);
    free(data);
    assert_refused("are of two different states");
}
END_TEST

START_TEST(an_older_database_below_the_floor_names_the_commits_that_are_gone)
{
    uint8_t *older;
    size_t size;
    weir_store *store;

    make_closed();
    older = folder_read(folder, "state.db", &size);
    store = folder_open(folder);
    for (int i = 0; i < 3; i++) {
        put(store, "a", "x", "2");
        commit(store);
    }
    weir__store_close(store);
    folder_write(folder, "state.db", older, size);
    free(older);
    assert_refused("commits 3..5 are gone");
}
END_TEST

START_TEST(a_log_that_is_missing_is_noticed)
{
    make_crashed();
    folder_write(folder, "state.db-wal", NULL, 0);
    assert_refused("state.db-wal is missing: it must reach to commit 2 at least");
}
END_TEST

START_TEST(a_log_with_a_damaged_header_is_noticed)
{
    uint8_t *data;
    size_t size;

    make_crashed();
    data = folder_read(folder, "state.db-wal", &size);
    data[17] ^= 1;
    folder_write(folder, "state.db-wal", data, size);
    free(data);
    assert_refused("state.db-wal is damaged: it must reach to commit 2 at least");
}
END_TEST

START_TEST(a_log_damaged_before_its_last_commit_is_noticed)
{
    uint8_t *data;
    size_t size;

    make_crashed();
    data = folder_read(folder, "state.db-wal", &size);
    data[32 + 24 + 100] ^= 1;
    folder_write(folder, "state.db-wal", data, size);
    free(data);
    assert_refused("state.db-wal is damaged at frame 1, and commits are behind it");
}
END_TEST

START_TEST(a_folder_that_is_a_file_says_so)
{
    char path[512];
    weir_store_options options = { .folder = path, .job = "test" };
    weir_store *store = NULL;
    weir_error err = { 0 };

    (void)snprintf(path, sizeof path, "%s/file", folder);
    folder_write(folder, "file", "x", 1);
    ck_assert_int_eq(weir__store_open(&options, &store, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, "Not a directory") != NULL, "%s", err.message);
}
END_TEST

/* ---- what it cannot write --------------------------------------------------------------------------------------- */

START_TEST(a_file_that_cannot_grow_fails_the_commit_and_keeps_the_last_one)
{
    struct rlimit limit = { 40 * 4096, 40 * 4096 }, old;
    weir_store *store = folder_open(folder);
    weir_error err = { 0 }, again = { 0 };
    weir_code rc = WEIR_OK;
    char value[3000];
    int i;

    put(store, "a", "x", "1");
    commit(store);
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit.rlim_max = old.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (i = 0; i < 100 && rc == WEIR_OK; i++)
        rc = weir__store_put(store, text("b"), weir__bytes(&i, sizeof i), text(value), &err);
    if (rc == WEIR_OK)
        rc = weir__store_commit(store, &err);
    ck_assert_int_eq(rc, WEIR_IO);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
    ck_assert_str_eq(err.origin, "sqlite");
    ck_assert_msg(strstr(err.message, "cannot commit: disk I/O error (File too large)") != NULL, "%s", err.message);
    ck_assert_int_eq(weir__store_put(store, text("c"), text(""), text(""), &again), WEIR_IO);
    ck_assert_msg(strstr(again.message, "nothing is written any more, after: cannot commit") != NULL, "%s",
                  again.message);
    ck_assert_int_eq(weir__store_commit(store, NULL), WEIR_IO);
    assert_content(store, "a/x=1\n");
    weir__store_close(store);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    store = folder_open(folder);
    assert_content(store, "a/x=1\n");
    weir__store_close(store);
}
END_TEST

static Suite *open_suite(void)
{
    Suite *suite = suite_create("store/open");
    TCase *aspect = tcase_create("whose it is");

    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_store_of_another_job_names_both);
    tcase_add_test(aspect, a_store_of_a_newer_version_names_both);
    tcase_add_test(aspect, a_database_of_another_application_is_refused);
    tcase_add_test(aspect, a_checksummed_database_of_another_application_is_refused);
    tcase_add_test(aspect, a_folder_without_a_store_is_left_as_it_is_when_one_must_exist);
    tcase_add_test(aspect, a_folder_that_is_missing_is_made_for_its_owner_alone);
    suite_add_tcase(suite, aspect);
    aspect = tcase_create("who has it");
    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_store_in_use_names_the_process);
    tcase_add_test(aspect, a_process_that_was_killed_leaves_no_lock);
    tcase_add_test(aspect, a_look_at_a_running_job_sees_its_last_commit_and_locks_nobody_out);
    tcase_add_test(aspect, a_look_at_a_crashed_job_changes_no_file);
    suite_add_tcase(suite, aspect);
    aspect = tcase_create("what it is");
    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_text_file_is_no_store);
    tcase_add_test(aspect, a_long_text_file_is_no_store);
    tcase_add_test(aspect, an_empty_database_file_is_damage);
    tcase_add_test(aspect, a_database_that_is_missing_beside_its_log_is_damage);
    tcase_add_test(aspect, a_database_that_is_missing_beside_its_floor_is_never_made_anew);
    tcase_add_test(aspect, a_database_cut_short_is_damage);
    tcase_add_test(aspect, a_floor_that_is_missing_is_damage);
    tcase_add_test(aspect, a_floor_that_is_too_short_or_too_long_is_damage);
    tcase_add_test(aspect, a_floor_of_another_store_is_noticed);
    tcase_add_test(aspect, an_older_database_below_the_floor_names_the_commits_that_are_gone);
    tcase_add_test(aspect, a_log_that_is_missing_is_noticed);
    tcase_add_test(aspect, a_log_with_a_damaged_header_is_noticed);
    tcase_add_test(aspect, a_log_damaged_before_its_last_commit_is_noticed);
    tcase_add_test(aspect, a_folder_that_is_a_file_says_so);
    suite_add_tcase(suite, aspect);
    aspect = tcase_create("what it cannot write");
    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_file_that_cannot_grow_fails_the_commit_and_keeps_the_last_one);
    suite_add_tcase(suite, aspect);
    return suite;
}

int main(void)
{
    return weir__suite_run(open_suite());
}
