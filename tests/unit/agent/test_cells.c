/* SPDX-License-Identifier: Apache-2.0 */
/* Cells: sorted, each path once, on the heap and in an arena; and their form as bytes. */
#include "agent/cells.h"

#include <math.h>
#include <string.h>

#include "suite.h"

static weir_cells cells;

static void assert_sane_cells(const weir_cells *sane)
{
    size_t bytes = 0;

    for (size_t i = 0; i < sane->count; i++) {
        const weir_cell *cell = &sane->items[i];

        if (i)
            ck_assert_int_lt(weir__bytes_compare(sane->items[i - 1].path, cell->path), 0);
        bytes += cell->path.size;
        if (cell->type == WEIR__CELL_TEXT || cell->type == WEIR__CELL_JSON)
            bytes += cell->value.bytes.size;
        ck_assert_int_eq(cell->path.data[cell->path.size], '\0');
    }
    if (!sane->arena)
        ck_assert_uint_eq(sane->bytes, bytes);
}

static weir_cell *put_int(const char *path, int64_t value)
{
    weir_cell cell = { .path = weir__bytes_text(path), .type = WEIR__CELL_INT, .value.integer = value };

    return weir__cells_put(&cells, &cell, false);
}

static weir_cell *put_text(const char *path, const char *value)
{
    weir_cell cell = { .path = weir__bytes_text(path), .type = WEIR__CELL_TEXT,
                       .value.bytes = weir__bytes_text(value) };

    return weir__cells_put(&cells, &cell, false);
}

static void use_all(void)
{
    static const char *const paths[] = { "b", "a.b", "a", "a-b", "", "é", "a.b.c", "b", "a" };

    for (int i = 0; i < 9; i++) {
        ck_assert_ptr_nonnull(i % 2 ? put_int(paths[i], i) : put_text(paths[i], paths[8 - i]));
        assert_sane_cells(&cells);
    }
    ck_assert_uint_eq(cells.count, 7);
    ck_assert_int_eq((int)weir__cells_find(&cells, weir__bytes_text("b"))->value.integer, 7);
    ck_assert(weir__bytes_equal(weir__cells_find(&cells, weir__bytes_text("a"))->value.bytes, weir__bytes_text("b")));
    ck_assert_ptr_null(weir__cells_find(&cells, weir__bytes_text("a.")));
    ck_assert_ptr_null(weir__cells_find(&cells, weir__bytes_text("zz")));
    while (cells.count) {
        weir__cells_remove(&cells, cells.count / 2);
        assert_sane_cells(&cells);
    }
    weir__cells_clear(&cells);
    ck_assert_uint_eq(cells.count, 0);
}

START_TEST(cells_are_sorted_and_no_path_stands_twice)
{
    weir_arena arena;

    weir__cells_init(&cells, NULL);
    use_all();
    weir__arena_init(&arena, 64);
    weir__cells_init(&cells, &arena);
    use_all();
    weir__arena_clear(&arena);
}
END_TEST

START_TEST(what_is_put_is_a_copy)
{
    char path[] = "path", value[] = "value";

    weir__cells_init(&cells, NULL);
    put_text(path, value);
    *path = 'x';
    *value = 'x';
    ck_assert(weir__bytes_equal(cells.items[0].path, weir__bytes_text("path")));
    ck_assert(weir__bytes_equal(cells.items[0].value.bytes, weir__bytes_text("value")));
    weir__cells_clear(&cells);
}
END_TEST

START_TEST(a_replaced_cell_stays_dirty_and_a_new_one_is_clean)
{
    weir__cells_init(&cells, NULL);
    ck_assert(!put_int("a", 1)->is_dirty);
    cells.items[0].is_dirty = true;
    ck_assert(put_text("a", "x")->is_dirty);
    ck_assert(put_text("a", "y")->is_dirty);
    weir__cells_clear(&cells);
}
END_TEST

START_TEST(what_is_shared_is_not_copied)
{
    static const uint8_t path[] = "p", text[] = "t";
    weir_cell cell = { .path = { path, 1 }, .type = WEIR__CELL_TEXT, .value.bytes = { text, 1 } };
    weir_arena arena;

    weir__arena_init(&arena, 64);
    weir__cells_init(&cells, &arena);
    ck_assert_ptr_eq(weir__cells_put(&cells, &cell, true)->value.bytes.data, text);
    ck_assert_ptr_eq(cells.items[0].path.data, path);
    weir__arena_clear(&arena);
}
END_TEST

START_TEST(a_path_is_beneath_what_ends_where_a_dot_of_it_stands)
{
    static const struct {
        const char *path, *parent;
        bool is_beneath;
    } cases[] = {
        { "a.b", "a", true },  { "a.b.c", "a", true }, { "a", "a", false },   { "a-b", "a", false },
        { "ab", "a", false },  { "a", "a.b", false },  { "a", "", true },     { "", "", false },
        { ".a", "", true },    { "a.", "a", true },    { "b.a", "a", false }, { "a..b", "a.", true },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(weir__path_is_beneath(weir__bytes_text(cases[i].path), weir__bytes_text(cases[i].parent)) ==
                          cases[i].is_beneath,
                      "'%s' under '%s'", cases[i].path, cases[i].parent);
}
END_TEST

/* ---- as bytes ---------------------------------------------------------------------------------------------------- */

/* The form on disk: a change here is a break. */
START_TEST(the_form_as_bytes_never_changes)
{
    static const struct {
        weir_cell cell;
        const char *bytes;
        size_t size;
    } cases[] = {
        { { .type = WEIR__CELL_NULL }, "\0", 1 },
        { { .type = WEIR__CELL_BOOL, .value.truth = false }, "\1\0", 2 },
        { { .type = WEIR__CELL_BOOL, .value.truth = true }, "\1\1", 2 },
        { { .type = WEIR__CELL_INT, .value.integer = 258 }, "\2\0\0\0\0\0\0\1\2", 9 },
        { { .type = WEIR__CELL_INT, .value.integer = INT64_MIN }, "\2\x80\0\0\0\0\0\0\0", 9 },
        { { .type = WEIR__CELL_INT, .value.integer = -1 }, "\2\xff\xff\xff\xff\xff\xff\xff\xff", 9 },
        { { .type = WEIR__CELL_REAL, .value.real = 1.5 }, "\3\x3f\xf8\0\0\0\0\0\0", 9 },
        { { .type = WEIR__CELL_TEXT, .value.bytes = { (const uint8_t *)"a\0b", 3 } }, "\4a\0b", 4 },
        { { .type = WEIR__CELL_TEXT, .value.bytes = { (const uint8_t *)"", 0 } }, "\4", 1 },
        { { .type = WEIR__CELL_JSON, .value.bytes = { (const uint8_t *)"[1]", 3 } }, "\5[1]", 4 },
        { { .type = WEIR__CELL_OBJECT }, "\6", 1 },
        { { .type = WEIR__CELL_DELETED }, "\7", 1 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_buffer out, again;
        weir_cell read;

        weir__buffer_init(&out, SIZE_MAX);
        weir__buffer_init(&again, SIZE_MAX);
        ck_assert_int_eq(weir__cell_encode(&cases[i].cell, &out), WEIR_OK);
        ck_assert(weir__bytes_equal(weir__buffer_bytes(&out), weir__bytes(cases[i].bytes, cases[i].size)));
        ck_assert(weir__cell_decode(weir__bytes_text("p"), weir__buffer_bytes(&out), &read));
        ck_assert(weir__bytes_equal(read.path, weir__bytes_text("p")));
        ck_assert_int_eq(read.type, cases[i].cell.type);
        ck_assert_int_eq(weir__cell_encode(&read, &again), WEIR_OK);
        ck_assert(weir__bytes_equal(weir__buffer_bytes(&out), weir__buffer_bytes(&again)));
        weir__buffer_clear(&out);
        weir__buffer_clear(&again);
    }
}
END_TEST

START_TEST(reals_come_back_bit_by_bit)
{
    static const double reals[] = { 0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1, -1.0 / 3 };

    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        weir_cell cell = { .type = WEIR__CELL_REAL, .value.real = reals[i] }, read;
        weir_buffer out;

        weir__buffer_init(&out, SIZE_MAX);
        ck_assert_int_eq(weir__cell_encode(&cell, &out), WEIR_OK);
        ck_assert(weir__cell_decode(weir__bytes_text(""), weir__buffer_bytes(&out), &read));
        ck_assert_int_eq(memcmp(&read.value.real, &reals[i], sizeof reals[i]), 0);
        weir__buffer_clear(&out);
    }
}
END_TEST

START_TEST(bytes_that_are_none_of_ours_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        { "", 0 },   { "\x08", 1 }, { "\xff", 1 },           { "\0x", 2 },
        { "\1", 1 }, { "\1\2", 2 }, { "\1\0\0", 3 },         { "\2\0\0\0\0\0\0\0", 8 },
        { "\2", 1 }, { "\6x", 2 },  { "\7x", 2 },            { "\2\0\0\0\0\0\0\0\0\0", 10 },
        { "\3", 1 }, { "\3xxxxxxx", 8 }, { "\3xxxxxxxxx", 10 },
    };
    weir_cell cell;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert(!weir__cell_decode(weir__bytes_text("p"), weir__bytes(cases[i].bytes, cases[i].size), &cell));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent/cells");
    TCase *order = tcase_create("order"), *bytes = tcase_create("as bytes");

    tcase_add_test(order, cells_are_sorted_and_no_path_stands_twice);
    tcase_add_test(order, what_is_put_is_a_copy);
    tcase_add_test(order, a_replaced_cell_stays_dirty_and_a_new_one_is_clean);
    tcase_add_test(order, what_is_shared_is_not_copied);
    tcase_add_test(order, a_path_is_beneath_what_ends_where_a_dot_of_it_stands);
    suite_add_tcase(suite, order);
    tcase_add_test(bytes, the_form_as_bytes_never_changes);
    tcase_add_test(bytes, reals_come_back_bit_by_bit);
    tcase_add_test(bytes, bytes_that_are_none_of_ours_are_refused);
    suite_add_tcase(suite, bytes);
    return weir__suite_run(suite);
}
