/* SPDX-License-Identifier: Apache-2.0 */
/* What a store promises on a healthy disk. */
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "folder.h"
#include "store/handle.h"
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

static void assert_content(weir_store *store, const char *expected)
{
    weir_error err = { 0 };
    char *found = dump(store, &err);

    ck_assert_msg(found != NULL, "%s", err.message);
    ck_assert_str_eq(found, expected);
    free(found);
}

/* ---- committing ------------------------------------------------------------------------------------------------- */

START_TEST(a_new_store_is_new_once_and_empty)
{
    weir_store *store = folder_open(folder);

    ck_assert(weir__store_is_new(store));
    assert_content(store, "");
    weir__store_close(store);
    store = folder_open(folder);
    ck_assert(!weir__store_is_new(store));
    assert_content(store, "");
    weir__store_close(store);
}
END_TEST

START_TEST(what_is_committed_is_there_after_a_close)
{
    weir_store *store = folder_open(folder);

    put(store, "b", "x", "1");
    put(store, "a", "y", "2");
    put(store, "a", "x", "3");
    commit(store);
    put(store, "a", "x", "4");
    ck_assert_int_eq(weir__store_delete(store, text("b"), text("x"), NULL), WEIR_OK);
    ck_assert_int_eq(weir__store_delete(store, text("b"), text("absent"), NULL), WEIR_OK);
    commit(store);
    weir__store_close(store);
    store = folder_open(folder);
    assert_content(store, "a/x=4\na/y=2\n");
    weir__store_close(store);
}
END_TEST

START_TEST(what_is_not_committed_is_seen_by_nobody_and_gone_after_a_close)
{
    weir_store *store = folder_open(folder);

    put(store, "a", "x", "1");
    commit(store);
    put(store, "a", "x", "2");
    assert_content(store, "a/x=1\n");
    weir__store_close(store);
    store = folder_open(folder);
    assert_content(store, "a/x=1\n");
    weir__store_close(store);
}
END_TEST

START_TEST(a_commit_of_nothing_makes_no_commit)
{
    weir_store *store = folder_open(folder);

    commit(store);
    commit(store);
    ck_assert_int_eq(number_of(store), 1);
    put(store, "a", "x", "1");
    commit(store);
    commit(store);
    ck_assert_int_eq(number_of(store), 2);
    weir__store_close(store);
}
END_TEST

START_TEST(a_row_beyond_the_limit_is_refused_and_harms_nothing)
{
    weir_store *store = folder_open(folder);
    weir_bytes huge = { (const uint8_t *)"", 1000000000 }; /* refused before it is looked at */
    weir_error err = { 0 };

    put(store, "a", "x", "1");
    ck_assert_int_eq(weir__store_put(store, text("a"), text("y"), huge, &err), WEIR_LIMIT);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_str_eq(err.message, "a row of 1000000002 bytes, at most 999999000 are allowed");
    commit(store);
    assert_content(store, "a/x=1\n");
    weir__store_close(store);
}
END_TEST

/* A transaction larger than the page cache, with long values that come and go: pages are freed, spilled and reused. */
START_TEST(a_large_commit_of_long_values_reads_back_as_written)
{
    enum { KEYS = 400, ROUNDS = 3, SIZE = 30000 };
    weir_store *store = folder_open(folder);
    uint8_t *value = malloc(SIZE);
    weir_error err = { 0 };
    char *found;
    size_t size = 0;

    ck_assert_ptr_nonnull(value);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < KEYS; i++) {
            char key[16];

            (void)snprintf(key, sizeof key, "%d", (i * 7 + round) % KEYS);
            memset(value, 'a' + i % 26, SIZE);
            ck_assert_int_eq(WEIR_OK, weir__store_put(store, text(key), text(""),
                                                      weir__bytes(value, SIZE - (size_t)i * 11), &err));
            if (i % 3 == 0)
                ck_assert_int_eq(weir__store_delete(store, text(key), text(""), &err), WEIR_OK);
        }
        commit(store);
    }
    weir__store_close(store);
    store = folder_open(folder);
    found = dump(store, &err);
    ck_assert_msg(found != NULL, "%s", err.message);
    for (char *line = found; *line; size++) {
        char *first = strchr(line, '=') + 1;
        size_t run = strspn(first, (char[]){ *first, '\0' });

        ck_assert_int_eq(first[run], '\n');
        line = first + run + 1;
    }
    ck_assert_uint_gt(size, KEYS / 2);
    free(found);
    free(value);
    weir__store_close(store);
}
END_TEST

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

START_TEST(keys_paths_and_values_may_be_empty_and_hold_any_byte)
{
    static const uint8_t every[] = { 0, 0xFF, '\n', 0, 0x80 };
    weir_bytes odd = { every, sizeof every }, empty = { NULL, 0 };
    weir_store *store = folder_open(folder);
    weir_error err = { 0 };
    char *found;

    ck_assert_int_eq(weir__store_put(store, odd, odd, odd, &err), WEIR_OK);
    ck_assert_int_eq(weir__store_put(store, empty, empty, empty, &err), WEIR_OK);
    commit(store);
    weir__store_close(store);
    store = folder_open(folder);
    found = dump(store, &err);
    ck_assert_msg(found != NULL, "%s", err.message);
    ck_assert_mem_eq(found, "/=\n" "\0\xFF\n\0\x80" "/" "\0\xFF\n\0\x80" "=" "\0\xFF\n\0\x80" "\n", 3 + 18);
    free(found);
    weir__store_close(store);
}
END_TEST

START_TEST(cells_are_ordered_by_bytes_and_a_key_loads_alone)
{
    weir_store *store = folder_open(folder);
    weir_buffer out;
    weir_error err = { 0 };

    put(store, "ab", "", "1");
    put(store, "a", "b", "2");
    put(store, "a", "\xC3\xA4", "3");
    put(store, "a", "B", "4");
    put(store, "a", "", "5");
    commit(store);
    assert_content(store, "a/=5\na/B=4\na/b=2\na/\xC3\xA4=3\nab/=1\n");
    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_int_eq(weir__store_load(store, text("ab"), add_cell, &out, &err), WEIR_OK);
    ck_assert_uint_eq(out.size, 6);
    ck_assert_mem_eq(out.data, "ab/=1\n", 6);
    weir__buffer_reset(&out);
    ck_assert_int_eq(weir__store_load(store, text("b"), add_cell, &out, &err), WEIR_OK);
    ck_assert_uint_eq(out.size, 0);
    weir__buffer_clear(&out);
    weir__store_close(store);
}
END_TEST

static weir_code refuse_second(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    int *calls = context;

    (void)key;
    (void)path;
    (void)value;
    return ++*calls == 2 ? weir__fail(err, WEIR_CANCELED, WEIR_REMEDY_ABORT, "enough") : WEIR_OK;
}

START_TEST(a_walk_ends_with_the_callers_code_and_can_be_walked_again)
{
    weir_store *store = folder_open(folder);
    weir_error err = { 0 };
    int calls = 0;

    put(store, "a", "1", "");
    put(store, "a", "2", "");
    put(store, "a", "3", "");
    commit(store);
    ck_assert_int_eq(weir__store_scan(store, refuse_second, &calls, &err), WEIR_CANCELED);
    ck_assert_str_eq(err.message, "enough");
    ck_assert_int_eq(calls, 2);
    assert_content(store, "a/1=\na/2=\na/3=\n");
    weir__store_close(store);
}
END_TEST

START_TEST(a_walk_can_begin_at_a_key)
{
    weir_store *store = folder_open(folder);
    weir_error err = { 0 };
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    put(store, "a", "1", "");
    put(store, "ab", "1", "");
    put(store, "ab", "2", "");
    put(store, "b", "1", "");
    commit(store);
    ck_assert_int_eq(weir__store_scan_from(store, text("ab"), add_cell, &out, &err), WEIR_OK);
    ck_assert_mem_eq(out.data, "ab/1=\nab/2=\nb/1=\n", 17);
    weir__buffer_reset(&out);
    ck_assert_int_eq(weir__store_scan_from(store, weir__bytes("ab", 3), add_cell, &out, &err), WEIR_OK);
    ck_assert_mem_eq(out.data, "b/1=\n", 5);
    weir__buffer_reset(&out);
    ck_assert_int_eq(weir__store_scan_from(store, text(""), add_cell, &out, &err), WEIR_OK);
    ck_assert_uint_eq(out.size, 22);
    weir__buffer_reset(&out);
    ck_assert_int_eq(weir__store_scan_from(store, text("c"), add_cell, &out, &err), WEIR_OK);
    ck_assert_uint_eq(out.size, 0);
    weir__buffer_clear(&out);
    weir__store_close(store);
}
END_TEST

/* ---- log and positions ------------------------------------------------------------------------------------------ */

static weir_code add_record(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    weir_buffer *out = context;
    char line[128];
    int size = snprintf(line, sizeof line, "%.*s#%lld=%.*s\n", (int)owner.size, (const char *)owner.data,
                        (long long)number, (int)record.size, (const char *)record.data);

    (void)err;
    return weir__buffer_add(out, line, (size_t)size);
}

static void assert_log(weir_store *store, const char *stream, const char *expected)
{
    weir_buffer out;
    weir_error err = { 0 };

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_msg(weir__store_log_scan(store, stream, add_record, &out, &err) == WEIR_OK, "%s", err.message);
    ck_assert_int_eq(weir__buffer_add_byte(&out, '\0'), WEIR_OK);
    ck_assert_str_eq((char *)out.data, expected);
    weir__buffer_clear(&out);
}

static void log_put(weir_store *store, const char *stream, const char *owner, int64_t number, const char *record)
{
    weir_error err = { 0 };

    ck_assert_msg(weir__store_log_put(store, stream, text(owner), number, text(record), &err) == WEIR_OK, "%s",
                  err.message);
}

START_TEST(a_log_is_ordered_by_owner_and_number_and_forgets_an_owner)
{
    weir_store *store = folder_open(folder);

    log_put(store, "inbox", "b", 0, "1");
    log_put(store, "inbox", "a", 10, "2");
    log_put(store, "inbox", "a", 9, "3");
    log_put(store, "inbox", "a", -1, "");
    log_put(store, "inbox", "a", 10, "4");
    log_put(store, "journal", "a", 0, "5");
    commit(store);
    assert_log(store, "inbox", "a#-1=\na#9=3\na#10=4\nb#0=1\n");
    ck_assert_int_eq(weir__store_log_delete(store, "inbox", text("a"), NULL), WEIR_OK);
    ck_assert_int_eq(weir__store_log_delete(store, "inbox", text("absent"), NULL), WEIR_OK);
    commit(store);
    assert_log(store, "inbox", "b#0=1\n");
    assert_log(store, "journal", "a#0=5\n");
    assert_log(store, "absent", "");
    weir__store_close(store);
}
END_TEST

START_TEST(a_position_is_absent_then_set_then_replaced)
{
    weir_store *store = folder_open(folder);
    weir_buffer value;
    weir_error err = { 0 };
    bool found = true;

    weir__buffer_init(&value, 4);
    ck_assert_int_eq(weir__store_position(store, "input", &value, &found, &err), WEIR_OK);
    ck_assert(!found);
    ck_assert_int_eq(weir__store_set_position(store, "input", text(""), &err), WEIR_OK);
    commit(store);
    ck_assert_int_eq(weir__store_position(store, "input", &value, &found, &err), WEIR_OK);
    ck_assert(found);
    ck_assert_uint_eq(value.size, 0);
    ck_assert_int_eq(weir__store_set_position(store, "input", text("1234"), &err), WEIR_OK);
    commit(store);
    ck_assert_int_eq(weir__store_position(store, "input", &value, &found, &err), WEIR_OK);
    ck_assert_uint_eq(value.size, 4);
    ck_assert_mem_eq(value.data, "1234", 4);
    ck_assert_int_eq(weir__store_set_position(store, "input", text("12345"), &err), WEIR_OK);
    commit(store);
    ck_assert_int_eq(weir__store_position(store, "input", &value, &found, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "position 'input' has 5 bytes, more than are asked for");
    weir__buffer_clear(&value);
    weir__store_close(store);
}
END_TEST

/* ---- threads and checkpoints ------------------------------------------------------------------------------------ */

typedef struct reading {
    weir_store *store;
    atomic_bool is_over;
    atomic_int loads;
    bool has_failed;
} reading;

static weir_code keep_value(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    int *number = (int *)context + path.data[0] - 'x';

    (void)key;
    (void)err;
    *number = atoi((char[8]){ (char)value.data[0], (char)value.data[1], (char)value.data[2], (char)value.data[3] });
    return WEIR_OK;
}

static void *read_pairs(void *context)
{
    reading *work = context;
    int last = 0;

    while (!work->is_over) {
        int pair[2] = { 0, 0 };

        if (weir__store_load(work->store, text("key"), keep_value, pair, NULL) != WEIR_OK || pair[0] != pair[1] ||
            pair[0] < last) {
            work->has_failed = true;
            break;
        }
        last = pair[0];
        work->loads++;
    }
    return NULL;
}

START_TEST(a_reading_thread_sees_whole_commits_only_and_never_an_older_one)
{
    reading work = { .store = folder_open(folder) };
    pthread_t thread;

    work.store->checkpoint_at = 20;
    ck_assert_int_eq(pthread_create(&thread, NULL, read_pairs, &work), 0);
    for (int i = 1000; i < 1300 || work.loads < 300; i++) {
        char value[8];

        (void)snprintf(value, sizeof value, "%04d", i % 10000);
        put(work.store, "key", "x", value);
        put(work.store, "key", "y", value);
        commit(work.store);
        if (work.store->frames < 20)
            work.store->checkpoint_at = 20;
        if (work.has_failed || i == 9999)
            break;
    }
    work.is_over = true;
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert(!work.has_failed);
    weir__store_close(work.store);
}
END_TEST

static size_t wal_size(void)
{
    size_t size;

    free(folder_read(folder, "state.db-wal", &size));
    return size;
}

START_TEST(the_log_is_emptied_by_checkpoints_and_by_a_close)
{
    weir_store *store = folder_open(folder);
    size_t largest = 0;

    for (int i = 0; i < 200; i++) {
        if (store->checkpoint_at > 50)
            store->checkpoint_at = 50;
        put(store, "key", "path", "value");
        commit(store);
        largest = wal_size() > largest ? wal_size() : largest;
    }
    ck_assert_uint_gt(largest, 0);
    ck_assert_uint_lt(largest, 60 * 4120);
    weir__store_close(store);
    ck_assert_uint_eq(wal_size(), 0);
    store = folder_open(folder);
    assert_content(store, "key/path=value\n");
    ck_assert_int_eq(number_of(store), 201);
    weir__store_close(store);
}
END_TEST

static weir_code commit_many(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    weir_store *store = context;

    (void)path;
    (void)value;
    (void)err;
    if (key.size == 5) /* "first" */
        for (int i = 0; i < 100; i++) {
            put(store, "key", "path", "new");
            commit(store);
        }
    return WEIR_OK;
}

START_TEST(a_reader_that_stays_holds_up_a_checkpoint_but_no_commit)
{
    weir_store *store = folder_open(folder);

    put(store, "first", "", "");
    put(store, "key", "path", "old");
    commit(store);
    store->checkpoint_at = 30;
    ck_assert_int_eq(weir__store_scan(store, commit_many, store, NULL), WEIR_OK);
    ck_assert_int_eq(number_of(store), 102);
    ck_assert_uint_gt(store->frames, 100);
    store->checkpoint_at = 0;
    put(store, "key", "path", "newer");
    commit(store);
    ck_assert_uint_eq(store->frames, 0);
    assert_content(store, "first/=\nkey/path=newer\n");
    weir__store_close(store);
}
END_TEST

static Suite *store_suite(void)
{
    Suite *suite = suite_create("store/store");
    TCase *aspect = tcase_create("committing");

    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_new_store_is_new_once_and_empty);
    tcase_add_test(aspect, what_is_committed_is_there_after_a_close);
    tcase_add_test(aspect, what_is_not_committed_is_seen_by_nobody_and_gone_after_a_close);
    tcase_add_test(aspect, a_commit_of_nothing_makes_no_commit);
    tcase_add_test(aspect, a_row_beyond_the_limit_is_refused_and_harms_nothing);
    tcase_add_test(aspect, a_large_commit_of_long_values_reads_back_as_written);
    suite_add_tcase(suite, aspect);
    aspect = tcase_create("bytes");
    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, keys_paths_and_values_may_be_empty_and_hold_any_byte);
    tcase_add_test(aspect, cells_are_ordered_by_bytes_and_a_key_loads_alone);
    tcase_add_test(aspect, a_walk_ends_with_the_callers_code_and_can_be_walked_again);
    tcase_add_test(aspect, a_walk_can_begin_at_a_key);
    suite_add_tcase(suite, aspect);
    aspect = tcase_create("log and positions");
    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_log_is_ordered_by_owner_and_number_and_forgets_an_owner);
    tcase_add_test(aspect, a_position_is_absent_then_set_then_replaced);
    suite_add_tcase(suite, aspect);
    aspect = tcase_create("threads and checkpoints");
    tcase_set_timeout(aspect, 60);
    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_reading_thread_sees_whole_commits_only_and_never_an_older_one);
    tcase_add_test(aspect, the_log_is_emptied_by_checkpoints_and_by_a_close);
    tcase_add_test(aspect, a_reader_that_stays_holds_up_a_checkpoint_but_no_commit);
    suite_add_tcase(suite, aspect);
    return suite;
}

int main(void)
{
    return weir__suite_run(store_suite());
}
