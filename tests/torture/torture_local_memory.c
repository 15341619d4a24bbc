/* SPDX-License-Identifier: Apache-2.0 */
/* The local host when any one allocation fails, ours, jansson's or SQLite's, or all from one on: nothing is lost. */
#include <check.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local_story.h"
#include "memory.h"
#include "suite.h"

/* One start; allocation `n` fails (0: none). The text is the caller's to free. */
static weir_code start(power_disk *disk, uint64_t n, bool for_good, char **text, weir_error *err)
{
    weir_local_result result;
    local_story story;
    weir_code rc;

    memset(err, 0, sizeof *err);
    local_story_begin(&story, disk, true, true, true);
    if (n)
        memory_fail(n, for_good);
    rc = local_story_run(&story, &result, err);
    memory_fail(0, false);
    if (text)
        *text = local_story_text(&story);
    local_story_end(&story);
    return rc;
}

static char *expected(void)
{
    power_disk *disk = power_new();
    weir_error err;
    char *text;

    ck_assert_msg(start(disk, 0, false, &text, &err) == WEIR_OK, "%s", err.message);
    ck_assert_uint_gt(strlen(text), 4000);
    power_free(disk);
    return text;
}

static void fail_every(bool for_good)
{
    char *should = expected();
    bool is_long = getenv("WEIR_TEST_LONG") != NULL;
    uint64_t n = 1, failures = 0;

    for (;; n += is_long || n < 600 ? 1 : 7) {
        power_disk *disk = power_new(); /* for its folder, in memory */
        int descriptors = local_story_descriptors();
        sqlite3_int64 used = sqlite3_memory_used();
        unsigned long long number = n;
        weir_error err;
        weir_code rc = start(disk, n, for_good, NULL, &err);
        bool has_failed = memory_has_failed();
        char *text;

        if (rc != WEIR_OK) {
            ck_assert_msg(has_failed, "allocation %llu: %s", number, err.message);
            ck_assert_msg(rc == WEIR_NO_MEMORY && err.remedy == WEIR_REMEDY_STOP, "allocation %llu: %d: %s", number,
                          rc, err.message);
            ck_assert_msg(strstr(err.message, "memory") != NULL, "allocation %llu: %s", number, err.message);
            failures++;
        }
        ck_assert_msg(local_story_descriptors() == descriptors, "allocation %llu: a file is left open", number);
        ck_assert_msg(sqlite3_memory_used() == used, "allocation %llu: %lld bytes of SQLite's are left", number,
                      (long long)(sqlite3_memory_used() - used));
        ck_assert_msg(start(disk, 0, false, &text, &err) == WEIR_OK, "allocation %llu: %s", number, err.message);
        ck_assert_msg(strcmp(text, should) == 0, "allocation %llu: is\n%s\nshould be\n%s", number, text, should);
        free(text);
        power_free(disk);
        if (!has_failed)
            break; /* there are fewer than n */
    }
    ck_assert_uint_gt(n, 1000);
    ck_assert_uint_gt(failures, 500);
    free(should);
}

START_TEST(after_an_allocation_that_fails_the_next_start_goes_on_and_nothing_leaks)
{
    fail_every(false);
}
END_TEST

START_TEST(when_all_allocations_fail_from_one_on_the_next_start_goes_on)
{
    fail_every(true);
}
END_TEST

static void set_up(void)
{
    free(expected()); /* what libraries keep for good is there before anything is counted */
}

static Suite *memory_suite(void)
{
    Suite *suite = suite_create("torture/local_memory");
    TCase *aspect = tcase_create("memory");

    tcase_set_timeout(aspect, getenv("WEIR_TEST_LONG") ? 3600 : 300);
    tcase_add_checked_fixture(aspect, set_up, NULL);
    tcase_add_test(aspect, after_an_allocation_that_fails_the_next_start_goes_on_and_nothing_leaks);
    tcase_add_test(aspect, when_all_allocations_fail_from_one_on_the_next_start_goes_on);
    suite_add_tcase(suite, aspect);
    return suite;
}

static void *give(size_t size)
{
    return malloc(size); /* through the wrapper */
}

int main(void)
{
    json_set_alloc_funcs(give, free);
    memory_install();
    return weir__suite_run(memory_suite());
}
