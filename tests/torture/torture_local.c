/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local host on a disk that fails, and on one whose power is cut: it goes on where it was, and what it has written
 * at the end is what it would have written undisturbed. WEIR_TEST_LONG=1: more cuts, more seeds.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local_story.h"
#include "suite.h"

/* Which job and configuration. */
typedef struct variant {
    bool has_dead, has_waits;
} variant;

static bool is_long(void)
{
    return getenv("WEIR_TEST_LONG") != NULL;
}

static weir_code start(power_disk *disk, variant which, char **text, weir_error *err)
{
    weir_local_result result;
    local_story story;
    weir_code rc;
    int descriptors = local_story_descriptors();

    memset(err, 0, sizeof *err);
    local_story_begin(&story, disk, which.has_dead, which.has_waits, false);
    rc = local_story_run(&story, &result, err);
    if (text)
        *text = local_story_text(&story);
    local_story_end(&story);
    ck_assert_msg(local_story_descriptors() == descriptors, "a file is left open: %s", err->message);
    return rc;
}

/* What an undisturbed run writes, the caller's to free. */
static char *expected(variant which)
{
    power_disk *disk = power_new();
    weir_error err;
    char *text;

    ck_assert_msg(start(disk, which, &text, &err) == WEIR_OK, "%s", err.message);
    ck_assert_ptr_nonnull(strstr(text, "{\"a\":{\"action\":\"step\",\"memory\":{"));
    ck_assert(which.has_dead == (strstr(text, "record 17 is not wanted") != NULL));
    ck_assert_uint_gt(strlen(text), 4000);
    power_free(disk);
    return text;
}

/* The first line that differs, for a message. */
static const char *difference(const char *is, const char *should)
{
    static char message[1024];
    size_t at = 0, line = 0;
    int number = 1;

    while (is[at] && is[at] == should[at]) {
        if (is[at++] == '\n') {
            number++;
            line = at;
        }
    }
    (void)snprintf(message, sizeof message, "line %d is\n%.*s\nand should be\n%.*s", number,
                   (int)strcspn(is + line, "\n"), is + line, (int)strcspn(should + line, "\n"), should + line);
    return message;
}

static void go_on_to_the_end(power_disk *disk, variant which, const char *should, const char *when)
{
    weir_error err;
    char *text;

    ck_assert_msg(start(disk, which, &text, &err) == WEIR_OK, "%s: %s", when, err.message);
    ck_assert_msg(strcmp(text, should) == 0, "%s: %s", when, difference(text, should));
    free(text);
}

/* A disk with nothing but the input, which is durable. */
static power_disk *new_disk(variant which)
{
    power_disk *disk = power_new();
    local_story story;

    local_story_begin(&story, disk, which.has_dead, which.has_waits, false);
    local_story_end(&story);
    return disk;
}

/* ---- power cuts -------------------------------------------------------------------------------------------------- */

static void cut_everywhere(variant which)
{
    char *should = expected(which);
    power_disk *disk = new_disk(which);
    uint64_t seeds = is_long() ? 24 : 4, first = power_position(disk);
    weir_error err;

    ck_assert_msg(start(disk, which, NULL, &err) == WEIR_OK, "%s", err.message);
    ck_assert_uint_gt(power_position(disk), first + 80);
    for (uint64_t at = first; at <= power_position(disk); at++) {
        /* Right before a sync most is at stake, and right behind it is what it promised. */
        bool is_at_sync = power_is_sync(disk, at) || (at && power_is_sync(disk, at - 1));

        for (uint64_t i = 0; i < (is_at_sync || is_long() ? seeds : 2); i++) {
            uint64_t seed = i + (i > 1 ? at * 64 : 0);
            power_disk *after = power_cut(disk, at, seed);
            char when[96];

            (void)snprintf(when, sizeof when, "cut at %llu of %llu, seed %llu", (unsigned long long)at,
                           (unsigned long long)power_position(disk), (unsigned long long)seed);
            go_on_to_the_end(after, which, should, when);
            power_free(after);
        }
    }
    power_free(disk);
    free(should);
}

START_TEST(after_a_power_cut_anywhere_the_outputs_are_those_of_an_undisturbed_run)
{
    cut_everywhere((variant){ .has_dead = true });
}
END_TEST

START_TEST(after_a_power_cut_while_runs_wait_each_run_has_its_outputs_once)
{
    cut_everywhere((variant){ .has_dead = true, .has_waits = true });
}
END_TEST

START_TEST(one_power_cut_after_another_changes_no_output)
{
    variant which = { .has_waits = true };
    char *should = expected(which);
    uint64_t state = 7;

    for (int round = 0; round < (is_long() ? 400 : 25); round++) {
        power_disk *disk = new_disk(which);
        uint64_t first = power_position(disk); /* before the input there is nothing */
        char when[96];

        for (int cuts = 0; cuts < 6; cuts++) {
            power_disk *after;
            weir_error err;
            uint64_t at, seed, span;

            ck_assert_msg(start(disk, which, NULL, &err) == WEIR_OK, "round %d, cut %d: %s", round, cuts, err.message);
            state = state * 6364136223846793005u + 1442695040888963407u;
            span = (power_position(disk) - first) / 2; /* so that there is something left to do */
            at = first + (state >> 33) % (span + 1);
            seed = state >> 20;
            after = power_cut(disk, at, seed);
            (void)snprintf(when, sizeof when, "round %d, cut %d at %llu, seed %llu", round, cuts,
                           (unsigned long long)at, (unsigned long long)seed);
            power_free(disk);
            disk = after;
            first = 0;
        }
        go_on_to_the_end(disk, which, should, when);
        power_free(disk);
    }
    free(should);
}
END_TEST

/* ---- failing operations ------------------------------------------------------------------------------------------ */

/* is_restart: the operations are those of a second start, after a kill halfway. */
static void fail_every(variant which, bool is_restart, unsigned kinds, int number, bool for_good)
{
    char *should = expected(which);
    power_disk *begun = new_disk(which);
    uint64_t first = power_position(begun), half;
    weir_error begun_err;

    ck_assert_msg(start(begun, which, NULL, &begun_err) == WEIR_OK, "%s", begun_err.message);
    half = first + (power_position(begun) - first) * 3 / 4;
    for (uint64_t n = 1;; n++) {
        power_disk *disk = is_restart ? power_cut(begun, half, 1) : new_disk(which), *after;
        weir_error err;
        weir_code rc;
        char when[96];
        bool has_failed;

        (void)snprintf(when, sizeof when, "failure %llu of kinds %u%s%s", (unsigned long long)n, kinds,
                       for_good ? " for good" : "", is_restart ? " in a second start" : "");
        power_fail(disk, kinds, n, number, for_good);
        rc = start(disk, which, NULL, &err);
        has_failed = power_has_failed(disk);
        power_fail(disk, 0, 0, 0, false);
        if (rc != WEIR_OK) {
            ck_assert_msg(has_failed && rc == WEIR_IO, "%s: %d: %s", when, rc, err.message);
            ck_assert_msg(strlen(err.message) > 20 && !strstr(err.message, "damaged") &&
                              !strstr(err.message, "written over") && !strstr(err.message, "cut off") &&
                              !strstr(err.message, "Success"),
                          "%s: %s", when, err.message);
        }
        /* The power goes as well, or it does not. */
        after = power_cut(disk, power_position(disk), n);
        go_on_to_the_end(after, which, should, when);
        power_free(after);
        go_on_to_the_end(disk, which, should, when);
        power_free(disk);
        if (!has_failed)
            break; /* there is no n-th */
        ck_assert_uint_lt(n, 5000);
    }
    power_free(begun);
    free(should);
}

START_TEST(after_a_write_that_fails_the_next_start_goes_on)
{
    for (int is_restart = 0; is_restart < 2; is_restart++) {
        fail_every((variant){ .has_dead = true }, is_restart, POWER_WRITE, EIO, false);
        fail_every((variant){ .has_waits = true }, is_restart, POWER_WRITE, ENOSPC, true);
    }
}
END_TEST

START_TEST(after_a_sync_that_fails_the_next_start_goes_on)
{
    for (int is_restart = 0; is_restart < 2; is_restart++) {
        fail_every((variant){ .has_dead = true }, is_restart, POWER_SYNC, EIO, false);
        fail_every((variant){ .has_waits = true }, is_restart, POWER_SYNC, EIO, true);
    }
}
END_TEST

START_TEST(after_an_open_rename_or_truncation_that_fails_the_next_start_goes_on)
{
    for (int is_restart = 0; is_restart < 2; is_restart++) {
        fail_every((variant){ .has_dead = true }, is_restart, POWER_OPEN, EMFILE, false);
        fail_every((variant){ .has_dead = true }, is_restart, POWER_OPEN, EACCES, true);
        fail_every((variant){ .has_dead = true }, is_restart, POWER_RENAME | POWER_TRUNCATE, EIO, false);
        fail_every((variant){ .has_dead = true }, is_restart, POWER_RENAME | POWER_TRUNCATE, EIO, true);
    }
}
END_TEST

static Suite *torture_suite(void)
{
    Suite *suite = suite_create("torture/local");
    TCase *aspect = tcase_create("power cuts");

    tcase_set_timeout(aspect, is_long() ? 3600 : 300);
    tcase_add_test(aspect, after_a_power_cut_anywhere_the_outputs_are_those_of_an_undisturbed_run);
    tcase_add_test(aspect, after_a_power_cut_while_runs_wait_each_run_has_its_outputs_once);
    tcase_add_test(aspect, one_power_cut_after_another_changes_no_output);
    suite_add_tcase(suite, aspect);
    aspect = tcase_create("failing operations");
    tcase_set_timeout(aspect, is_long() ? 3600 : 300);
    tcase_add_test(aspect, after_a_write_that_fails_the_next_start_goes_on);
    tcase_add_test(aspect, after_a_sync_that_fails_the_next_start_goes_on);
    tcase_add_test(aspect, after_an_open_rename_or_truncation_that_fails_the_next_start_goes_on);
    suite_add_tcase(suite, aspect);
    return suite;
}

int main(void)
{
    return weir__suite_run(torture_suite());
}
