/* SPDX-License-Identifier: Apache-2.0 */
/* Values that expire: how cells keep their time, what goes when, and what touches them. */
#include <string.h>

#include "agent/memory.h"
#include "suite.h"

enum { TTL_MS = 100 };

static weir_arena arena;
static weir_cells cells;
static weir_failure failure;
static uint32_t stamp;
static weir_memory memory;

static void set_up(void)
{
    weir__arena_init(&arena, 1024);
    weir__cells_init(&cells, NULL);
    memset(&failure, 0, sizeof failure);
    stamp = 1;
}

static void tear_down(void)
{
    weir__arena_clear(&arena);
    weir__cells_clear(&cells);
}

/* A run of the key begins. Its time. */
static int64_t begin_at(int64_t now_ms, bool is_read_touch)
{
    (void)weir__cells_expire(&cells, TTL_MS, &now_ms, false);
    weir__memory_init(&memory, &cells, &arena, &failure, &stamp, 16);
    weir__memory_keep_time(&memory, now_ms, is_read_touch);
    return now_ms;
}

static void end(void)
{
    ck_assert_int_eq(failure.error.code, WEIR_OK);
    ck_assert_int_eq(weir__memory_apply(&memory.changes, &cells, false), WEIR_OK);
}

static void set_at(int64_t now_ms, const char *path, int64_t value)
{
    (void)begin_at(now_ms, true);
    ck_assert_int_eq(weir_memory_set_int(&memory, path, value), WEIR_OK);
    end();
}

static int64_t touched(const char *path)
{
    const weir_cell *cell = weir__cells_find(&cells, weir__bytes_text(path));

    ck_assert_ptr_nonnull(cell);
    ck_assert(cell->has_time);
    return cell->touched_ms;
}

static bool is_there(const char *path)
{
    return weir__cells_find(&cells, weir__bytes_text(path)) != NULL;
}

/* ---- as bytes ---------------------------------------------------------------------------------------------------- */

START_TEST(a_time_is_kept_in_the_stored_form_and_missing_from_what_had_none)
{
    static const uint8_t with_time[] = { 0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0, 0, 0, 0, 7 };
    weir_cell cell = { .path = weir__bytes_text("n"), .type = WEIR__CELL_INT, .has_time = true, .touched_ms = -2,
                       .value.integer = 7 };
    weir_cell read;
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_int_eq(weir__cell_encode(&cell, &out), WEIR_OK);
    ck_assert(weir__bytes_equal(weir__buffer_bytes(&out), weir__bytes(with_time, sizeof with_time)));
    ck_assert(weir__cell_decode(cell.path, weir__buffer_bytes(&out), &read));
    ck_assert(read.has_time);
    ck_assert_int_eq(read.touched_ms, -2);
    ck_assert_int_eq(read.value.integer, 7);
    for (size_t size = 0; size < sizeof with_time; size++)
        ck_assert(!weir__cell_decode(cell.path, weir__bytes(with_time, size), &read));
    cell.has_time = false;
    weir__buffer_reset(&out);
    ck_assert_int_eq(weir__cell_encode(&cell, &out), WEIR_OK);
    ck_assert_uint_eq(out.size, 9);
    ck_assert(weir__cell_decode(cell.path, weir__buffer_bytes(&out), &read));
    ck_assert(!read.has_time);
    weir__buffer_clear(&out);
}
END_TEST

START_TEST(a_sweep_is_told_what_has_expired)
{
    static const uint8_t null_at_5[] = { 0x80, 0, 0, 0, 0, 0, 0, 0, 5 };

    ck_assert(!weir__cell_is_expired(weir__bytes(null_at_5, 9), TTL_MS, 104));
    ck_assert(weir__cell_is_expired(weir__bytes(null_at_5, 9), TTL_MS, 105));
    ck_assert(!weir__cell_is_expired(weir__bytes(null_at_5, 9), INT64_MAX, INT64_MAX)); /* it ends behind all time */
    ck_assert(!weir__cell_is_expired(weir__bytes("\0", 1), TTL_MS, INT64_MAX));         /* no time */
    ck_assert(!weir__cell_is_expired(weir__bytes("\x7f", 1), TTL_MS, INT64_MAX));       /* none of ours */
}
END_TEST

/* ---- what goes --------------------------------------------------------------------------------------------------- */

START_TEST(a_value_is_there_until_its_time_is_over_and_absent_from_then_on)
{
    set_at(1000, "n", 7);
    (void)begin_at(1099, false);
    ck_assert_int_eq(weir_memory_int(&memory, "n", -1), 7);
    end();
    (void)begin_at(1100, false);
    ck_assert_int_eq(weir_memory_int(&memory, "n", -1), -1);
    ck_assert(!weir_memory_exists(&memory, "n"));
    ck_assert_ptr_null(weir_memory_get(&memory, "n"));
    ck_assert_uint_eq(cells.count, 0);
}
END_TEST

START_TEST(what_has_expired_is_absent_for_the_rules_of_paths)
{
    set_at(1000, "a.b", 7);
    (void)begin_at(1100, false);
    ck_assert_int_eq(weir_memory_set_int(&memory, "a", 1), WEIR_OK); /* the object is gone, too */
    end();
    (void)begin_at(1200, false);
    ck_assert_int_eq(weir_memory_set_int(&memory, "a.b", 1), WEIR_OK); /* and so is the value */
    end();
    ck_assert_int_eq(touched("a"), 1200);
}
END_TEST

START_TEST(an_object_lives_as_long_as_anything_beneath_it)
{
    set_at(1000, "a.b.c", 1);
    set_at(1050, "a.b.d", 1);
    set_at(1000, "a-b", 1); /* between "a" and "a.b" in order */
    (void)begin_at(1120, false);
    ck_assert(!is_there("a.b.c"));
    ck_assert(is_there("a.b.d"));
    ck_assert(is_there("a.b"));
    ck_assert(is_there("a"));
    (void)begin_at(1150, false);
    ck_assert_uint_eq(cells.count, 0);
}
END_TEST

START_TEST(time_never_goes_backwards_for_a_key)
{
    set_at(1000, "old", 1);
    set_at(1090, "new", 1);
    ck_assert_int_eq(begin_at(500, true), 1090); /* late */
    ck_assert_int_eq(weir_memory_set_int(&memory, "late", 1), WEIR_OK);
    end();
    ck_assert_int_eq(touched("late"), 1090);
    ck_assert_int_eq(begin_at(1100, true), 1100);
    ck_assert(!is_there("old"));
    ck_assert_int_eq(begin_at(1000, true), 1090);
    ck_assert(!weir_memory_exists(&memory, "old"));
}
END_TEST

START_TEST(a_value_without_a_time_counts_as_touched_when_it_is_met)
{
    weir_cell cell = { .path = weir__bytes_text("n"), .type = WEIR__CELL_TEXT, .value.bytes = weir__bytes_text("x") };
    int64_t now_ms = 1000;

    ck_assert_ptr_nonnull(weir__cells_put(&cells, &cell, false));
    ck_assert_uint_eq(weir__cells_expire(&cells, TTL_MS, &now_ms, true), 1);
    ck_assert(cells.items[0].is_dirty); /* or it would be met for the first time for ever */
    ck_assert_int_eq(touched("n"), 1000);
    cells.items[0].is_dirty = false;
    now_ms = 1099;
    ck_assert_uint_eq(weir__cells_expire(&cells, TTL_MS, &now_ms, true), 0);
    ck_assert(!cells.items[0].is_dirty);
    now_ms = 1100;
    ck_assert_uint_eq(weir__cells_expire(&cells, TTL_MS, &now_ms, true), 1);
    ck_assert_int_eq(cells.items[0].type, WEIR__CELL_DELETED); /* for the next cut to write */
    ck_assert(cells.items[0].is_dirty);
    ck_assert_uint_eq(cells.bytes, 1); /* of the path */
    ck_assert_uint_eq(weir__cells_expire(&cells, TTL_MS, &now_ms, true), 0);
}
END_TEST

/* ---- what touches ------------------------------------------------------------------------------------------------ */

static void read_int(const char *path)
{
    ck_assert_int_eq(weir_memory_int(&memory, path, -1), 1);
}

static void read_exists(const char *path)
{
    ck_assert(weir_memory_exists(&memory, path));
}

static void read_tree(const char *path)
{
    json_t *tree = weir_memory_get(&memory, path);

    ck_assert_ptr_nonnull(tree);
    json_decref(tree);
}

START_TEST(a_read_touches_a_value_where_reads_count)
{
    static void (*const reads[])(const char *path) = { read_int, read_exists, read_tree };

    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        weir__cells_clear(&cells);
        set_at(1000, "n", 1);
        set_at(1000, "other", 1);
        (void)begin_at(1050, false);
        reads[i]("n");
        end();
        ck_assert_int_eq(touched("n"), 1000);
        (void)begin_at(1060, true);
        reads[i]("n");
        end();
        ck_assert_int_eq(touched("n"), 1060);
        ck_assert_int_eq(touched("other"), 1000);
        ck_assert_int_eq(weir__cells_find(&cells, weir__bytes_text("n"))->value.integer, 1);
    }
}
END_TEST

START_TEST(a_read_of_an_object_touches_all_beneath_it_and_shows_it)
{
    json_t *tree;

    set_at(1000, "a.b", 1);
    set_at(1000, "a.c.d", 2);
    set_at(1000, "ab", 3);
    (void)begin_at(1050, true);
    tree = weir_memory_fields(&memory, "a");
    ck_assert_uint_eq(json_array_size(tree), 2);
    json_decref(tree);
    tree = weir_memory_get(&memory, ""); /* through the marks */
    ck_assert_uint_eq(json_object_size(tree), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(tree, "a"), "b")), 1);
    json_decref(tree);
    end();
    ck_assert_int_eq(touched("a"), 1050);
    ck_assert_int_eq(touched("a.b"), 1050);
    ck_assert_int_eq(touched("a.c.d"), 1050);
    ck_assert_int_eq(touched("ab"), 1050); /* by the root */
}
END_TEST

START_TEST(what_is_read_and_then_written_or_deleted_is_as_if_it_had_not_been_read)
{
    set_at(1000, "n", 1);
    set_at(1000, "gone", 1);
    (void)begin_at(1050, true);
    read_int("n");
    read_int("gone");
    ck_assert_int_eq(weir_memory_set_int(&memory, "n", 2), WEIR_OK);
    ck_assert_int_eq(weir_memory_delete(&memory, "gone"), WEIR_OK);
    ck_assert(!weir_memory_exists(&memory, "gone"));
    ck_assert_int_eq(weir_memory_int(&memory, "n", -1), 2);
    end();
    ck_assert(!is_there("gone"));
    ck_assert_int_eq(weir__cells_find(&cells, weir__bytes_text("n"))->value.integer, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent/expiry");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, a_time_is_kept_in_the_stored_form_and_missing_from_what_had_none);
    tcase_add_test(all, a_sweep_is_told_what_has_expired);
    tcase_add_test(all, a_value_is_there_until_its_time_is_over_and_absent_from_then_on);
    tcase_add_test(all, what_has_expired_is_absent_for_the_rules_of_paths);
    tcase_add_test(all, an_object_lives_as_long_as_anything_beneath_it);
    tcase_add_test(all, time_never_goes_backwards_for_a_key);
    tcase_add_test(all, a_value_without_a_time_counts_as_touched_when_it_is_met);
    tcase_add_test(all, a_read_touches_a_value_where_reads_count);
    tcase_add_test(all, a_read_of_an_object_touches_all_beneath_it_and_shows_it);
    tcase_add_test(all, what_is_read_and_then_written_or_deleted_is_as_if_it_had_not_been_read);
    suite_add_tcase(suite, all);
    return weir__suite_run(suite);
}
