/* SPDX-License-Identifier: Apache-2.0 */
/* What a store promises on a healthy disk. */
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
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

static Suite *store_suite(void)
{
    Suite *suite = suite_create("store/store");
    TCase *aspect = tcase_create("committing");

    tcase_add_checked_fixture(aspect, set_up, tear_down);
    tcase_add_test(aspect, a_new_store_is_new_once_and_empty);
    tcase_add_test(aspect, what_is_committed_is_there_after_a_close);
    tcase_add_test(aspect, what_is_not_committed_is_seen_by_nobody_and_gone_after_a_close);
    tcase_add_test(aspect, a_commit_of_nothing_makes_no_commit);
    suite_add_tcase(suite, aspect);
    return suite;
}

int main(void)
{
    return weir__suite_run(store_suite());
}
