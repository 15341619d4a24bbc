/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of include/weir/memory.h, over a memory without a run. */
#include "agent/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static weir_arena arena;
static weir_cells base;
static weir_failure failure;
static uint32_t stamp;
static weir_memory memory;

static void begin_run(void)
{
    memset(&failure, 0, sizeof failure);
    weir__arena_reset(&arena);
    stamp = 1;
    weir__memory_init(&memory, &base, &arena, &failure, &stamp, 16);
}

static void end_run(bool is_durable)
{
    ck_assert_int_eq(weir__memory_apply(&memory.changes, &base, is_durable), WEIR_OK);
    begin_run();
}

static void set_up(void)
{
    weir__arena_init(&arena, 1024);
    weir__cells_init(&base, NULL);
    begin_run();
}

static void tear_down(void)
{
    weir__arena_clear(&arena);
    weir__cells_clear(&base);
}

/* Checks a tree, new, against JSON text. */
static void assert_tree(json_t *found, const char *expected)
{
    char *text = found ? json_dumps(found, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY) : NULL;

    ck_assert_str_eq(text ? text : "absent", expected);
    free(text);
    json_decref(found);
}

static void assert_value(const char *path, const char *expected)
{
    assert_tree(weir_memory_get(&memory, path), expected);
    ck_assert_int_eq(weir_memory_exists(&memory, path), strcmp(expected, "absent") != 0);
}

static void assert_fields(const char *path, const char *expected)
{
    assert_tree(weir_memory_fields(&memory, path), expected);
}

static json_t *tree(const char *text)
{
    return json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

static void assert_set(const char *path, const char *value)
{
    ck_assert_int_eq(weir_memory_set(&memory, path, tree(value)), WEIR_OK);
    ck_assert_int_eq(failure.error.code, WEIR_OK);
}

/* Checks what was kept, and forgets it. */
static void assert_kept(weir_code code, const char *message)
{
    ck_assert_int_eq(failure.error.code, code);
    ck_assert_str_eq(failure.error.message, message);
    memset(&failure, 0, sizeof failure);
}

static void assert_none_kept(void)
{
    ck_assert_int_eq(failure.error.code, WEIR_OK);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

START_TEST(every_json_value_comes_back_as_it_was)
{
    static const char *const values[] = {
        "null", "true", "false", "0", "-9223372036854775808", "9223372036854775807", "9007199254740993", "1.5",
        "\"\"", "\"a\\u0000b\"", "\"é😀\"", "[]", "{}", "[1,\"a\",null,{\"k\":[1]}]", "{\"a\":{\"b\":[1.5,true]}}",
    };

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        json_t *expected = tree(values[i]), *found;

        assert_set("v", values[i]); /* a value of any type over a value of any type */
        for (int ended = 0; ended < 2; ended++) {
            found = weir_memory_get(&memory, "v");
            ck_assert_msg(json_equal(found, expected), "%s", values[i]);
            json_decref(found);
            end_run(false);
        }
        json_decref(expected);
    }
}
END_TEST

START_TEST(null_is_a_value_that_exists)
{
    assert_set("a", "null");
    assert_value("a", "null");
    assert_fields("", "[\"a\"]");
    ck_assert_int_eq(weir_memory_int(&memory, "a", 7), 7);
    ck_assert_ptr_null(weir_memory_text(&memory, "a").data);
    assert_none_kept();
}
END_TEST

START_TEST(a_missing_path_is_absent_and_no_error)
{
    assert_value("a", "absent");
    assert_value("a.b.c", "absent");
    assert_fields("a", "absent");
    ck_assert_int_eq(weir_memory_int(&memory, "a", -1), -1);
    ck_assert(weir_memory_real(&memory, "a", 0.5) == 0.5);
    ck_assert(weir_memory_bool(&memory, "a", true));
    ck_assert_ptr_null(weir_memory_text(&memory, "a").data);
    ck_assert_int_eq(weir_memory_delete(&memory, "a"), WEIR_OK);
    assert_none_kept();
}
END_TEST

START_TEST(typed_readers_read_what_typed_writers_wrote)
{
    ck_assert_int_eq(weir_memory_set_int(&memory, "i", INT64_MIN), WEIR_OK);
    ck_assert_int_eq(weir_memory_set_real(&memory, "r", 0.1), WEIR_OK);
    ck_assert_int_eq(weir_memory_set_bool(&memory, "b", true), WEIR_OK);
    ck_assert_int_eq(weir_memory_set_text(&memory, "t", weir__bytes("a\0b", 3)), WEIR_OK);
    for (int ended = 0; ended < 2; ended++) {
        ck_assert_int_eq(weir_memory_int(&memory, "i", 0), INT64_MIN);
        ck_assert(weir_memory_real(&memory, "i", 0) == (double)INT64_MIN);
        ck_assert(weir_memory_real(&memory, "r", 0) == 0.1);
        ck_assert(weir_memory_bool(&memory, "b", false));
        ck_assert(weir__bytes_equal(weir_memory_text(&memory, "t"), weir__bytes("a\0b", 3)));
        end_run(false);
    }
    assert_none_kept();
}
END_TEST

START_TEST(a_typed_reader_of_another_type_keeps_an_error_and_gives_the_fallback)
{
    assert_set("i", "1");
    assert_set("r", "1.0");
    assert_set("t", "\"x\"");
    assert_set("b", "false");
    assert_set("j", "[1]");
    assert_set("o.x", "1");
    ck_assert_int_eq(weir_memory_int(&memory, "r", 5), 5);
    assert_kept(WEIR_INVALID, "memory: 'r' is a real, not an integer");
    ck_assert_int_eq(weir_memory_int(&memory, "t", 5), 5);
    assert_kept(WEIR_INVALID, "memory: 't' is a string, not an integer");
    ck_assert(weir_memory_real(&memory, "b", 0.5) == 0.5);
    assert_kept(WEIR_INVALID, "memory: 'b' is a truth value, not a number");
    ck_assert(weir_memory_bool(&memory, "i", true));
    assert_kept(WEIR_INVALID, "memory: 'i' is an integer, not a truth value");
    ck_assert_ptr_null(weir_memory_text(&memory, "j").data);
    assert_kept(WEIR_INVALID, "memory: 'j' is an array or a map, not a string");
    ck_assert_int_eq(weir_memory_int(&memory, "o", 5), 5);
    assert_kept(WEIR_INVALID, "memory: 'o' is an object, not an integer");
    ck_assert_int_eq(weir_memory_int(&memory, "", 5), 5);
    assert_kept(WEIR_INVALID, "memory: '' is an object, not an integer");
}
END_TEST

START_TEST(a_value_that_is_no_json_is_refused_and_changes_nothing)
{
    json_t *deep = json_array();

    assert_set("a", "1");
    ck_assert_int_eq(weir_memory_set(&memory, "a", NULL), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: the value for 'a' is NULL");
    ck_assert_int_eq(weir_memory_set_real(&memory, "a", NAN), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: 'a' cannot hold a real that is not finite");
    ck_assert_int_eq(weir_memory_set_real(&memory, "a", -INFINITY), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: 'a' cannot hold a real that is not finite");
    ck_assert_int_eq(weir_memory_set_text(&memory, "a", weir__bytes_text("\xff")), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: the text for 'a' is not UTF-8");
    ck_assert_int_eq(weir_memory_set_text(&memory, "a", (weir_bytes){ NULL, 0 }), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: the text for 'a' is absent (data is NULL)");
    ck_assert_int_eq(weir_memory_set(&memory, "a", json_stringn_nocheck("\xc3", 1)), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: the text for 'a' is not UTF-8");
    for (int i = 0; i < 16; i++) {
        json_t *outer = json_array();

        json_array_append_new(outer, deep);
        deep = outer;
    }
    ck_assert_int_eq(weir_memory_set(&memory, "a", deep), WEIR_LIMIT); /* 17 levels, 16 are allowed */
    ck_assert_int_eq(failure.error.code, WEIR_LIMIT);
    memset(&failure, 0, sizeof failure);
    assert_value("a", "1");
}
END_TEST

START_TEST(a_value_may_be_set_from_what_was_read)
{
    assert_set("t", "\"text\"");
    ck_assert_int_eq(weir_memory_set_text(&memory, "t", weir_memory_text(&memory, "t")), WEIR_OK);
    end_run(false);
    ck_assert_int_eq(weir_memory_set_text(&memory, "t", weir_memory_text(&memory, "t")), WEIR_OK);
    end_run(false);
    assert_value("t", "\"text\"");
}
END_TEST

/* ---- paths ------------------------------------------------------------------------------------------------------- */

START_TEST(setting_a_path_makes_its_parents)
{
    assert_set("a.b.c", "1");
    assert_value("a.b.c", "1");
    assert_value("a", "{\"b\":{\"c\":1}}");
    assert_fields("", "[\"a\"]");
    assert_fields("a", "[\"b\"]");
    assert_fields("a.b", "[\"c\"]");
    assert_fields("a.b.c", "absent");
}
END_TEST

START_TEST(an_object_is_never_replaced_by_a_value)
{
    assert_set("u.name", "\"x\"");
    for (int ended = 0; ended < 2; ended++) {
        ck_assert_int_eq(weir_memory_set(&memory, "u", json_integer(1)), WEIR_INVALID);
        assert_kept(WEIR_INVALID, "memory: object 'u' cannot be replaced by a value; delete it first");
        ck_assert_int_eq(weir_memory_set_text(&memory, "u", weir__bytes_text("x")), WEIR_INVALID);
        assert_kept(WEIR_INVALID, "memory: object 'u' cannot be replaced by a value; delete it first");
        assert_value("u", "{\"name\":\"x\"}");
        end_run(false);
    }
}
END_TEST

START_TEST(a_parent_that_holds_a_value_is_an_error_and_makes_nothing)
{
    assert_set("a", "1");
    for (int ended = 0; ended < 2; ended++) {
        ck_assert_int_eq(weir_memory_set_int(&memory, "a.b", 2), WEIR_INVALID);
        assert_kept(WEIR_INVALID, "memory: 'a.b' cannot be set, since 'a' is an integer, not an object");
        ck_assert_int_eq(weir_memory_set_int(&memory, "a.b.c.d", 2), WEIR_INVALID);
        assert_kept(WEIR_INVALID, "memory: 'a.b.c.d' cannot be set, since 'a' is an integer, not an object");
        ck_assert_int_eq(weir_memory_new_object(&memory, "a.b", true), WEIR_INVALID);
        assert_kept(WEIR_INVALID, "memory: 'a.b' cannot be set, since 'a' is an integer, not an object");
        assert_value("", "{\"a\":1}");
        end_run(false);
    }
}
END_TEST

START_TEST(a_map_is_a_value_and_nothing_reaches_into_it)
{
    assert_set("d", "{\"k\":1}");
    assert_value("d", "{\"k\":1}");
    assert_value("d.k", "absent");
    assert_fields("d", "absent");
    ck_assert_int_eq(weir_memory_set_int(&memory, "d.k", 2), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: 'd.k' cannot be set, since 'd' is an array or a map, not an object");
    assert_set("d", "2");
    assert_value("d", "2");
}
END_TEST

START_TEST(new_object_makes_an_empty_object_and_its_parents)
{
    ck_assert_int_eq(weir_memory_new_object(&memory, "a.b.c", false), WEIR_OK);
    assert_value("a", "{\"b\":{\"c\":{}}}");
    assert_fields("a.b.c", "[]");
    assert_set("a.b.c.d", "1");
    ck_assert_int_eq(weir_memory_new_object(&memory, "", false), WEIR_OK);
    ck_assert_int_eq(weir_memory_new_object(&memory, "", true), WEIR_OK);
    assert_value("", "{\"a\":{\"b\":{\"c\":{\"d\":1}}}}");
}
END_TEST

START_TEST(new_object_on_an_object_changes_nothing_even_with_overwrite)
{
    assert_set("o.x", "1");
    for (int ended = 0; ended < 2; ended++) {
        ck_assert_int_eq(weir_memory_new_object(&memory, "o", false), WEIR_OK);
        ck_assert_int_eq(weir_memory_new_object(&memory, "o", true), WEIR_OK);
        assert_value("o", "{\"x\":1}");
        end_run(false);
    }
}
END_TEST

START_TEST(new_object_on_a_value_wants_overwrite)
{
    for (int ended = 0; ended < 2; ended++) {
        assert_set("a", "{\"k\":1}");
        if (ended)
            end_run(false);
        ck_assert_int_eq(weir_memory_new_object(&memory, "a", false), WEIR_INVALID);
        assert_kept(WEIR_INVALID, "memory: 'a' exists and is an array or a map, not an object");
        assert_value("a", "{\"k\":1}");
        ck_assert_int_eq(weir_memory_new_object(&memory, "a", true), WEIR_OK);
        assert_fields("a", "[]");
        assert_set("a.b", "2");
        assert_value("a", "{\"b\":2}");
        ck_assert_int_eq(weir_memory_delete(&memory, "a"), WEIR_OK);
    }
    assert_set("n", "null");
    ck_assert_int_eq(weir_memory_new_object(&memory, "n", false), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: 'n' exists and is null, not an object");
}
END_TEST

START_TEST(the_root_is_an_object_that_always_exists)
{
    assert_value("", "{}");
    assert_fields("", "[]");
    ck_assert_int_eq(weir_memory_set_int(&memory, "", 1), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: the root is an object and cannot be replaced by a value");
    ck_assert_int_eq(weir_memory_delete(&memory, ""), WEIR_OK);
    assert_value("", "{}");
}
END_TEST

START_TEST(names_may_be_empty_have_blanks_and_any_character)
{
    static const char *const paths[] = { "a..b", "c.", "clé 1.x", "a b.\t.😀", "..", "..x" };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_set(paths[i], "1");
        assert_value(paths[i], "1");
        ck_assert_int_eq(weir_memory_delete(&memory, ""), WEIR_OK);
    }
    assert_set("a..b", "1");
    assert_fields("a", "[\"\"]");
    assert_fields("a.", "[\"b\"]");
    assert_value("", "{\"a\":{\"\":{\"b\":1}}}");
    assert_value("a.", "{\"b\":1}");
}
END_TEST

START_TEST(a_path_that_begins_with_a_dot_has_the_root_as_its_parent)
{
    assert_set(".a", "1");
    assert_value(".a", "1");
    assert_fields("", "[\"\",\"a\"]"); /* as the peer has it */
    assert_value("", "{\"\":{\"a\":1}}");
    end_run(true);
    assert_value(".a", "1");
    assert_value("", "{\"\":{\"a\":1}}");
    ck_assert_int_eq(weir_memory_delete(&memory, ".a"), WEIR_OK);
    assert_value("", "{}");
    assert_none_kept();
}
END_TEST

START_TEST(siblings_that_sort_between_a_parent_and_its_children_are_left_alone)
{
    static const char *const paths[] = { "a-b", "a.b", "a!", "a/b", "ab", "a.b.c", "a,b", "a " };

    assert_set("a.b.c", "1");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (!weir_memory_exists(&memory, paths[i]))
            assert_set(paths[i], "2");
    }
    for (int ended = 0; ended < 2; ended++) {
        assert_fields("a", "[\"b\"]");
        assert_value("a", "{\"b\":{\"c\":1}}");
        assert_fields("", "[\"a\",\"a \",\"a!\",\"a,b\",\"a-b\",\"a/b\",\"ab\"]");
        end_run(true);
    }
    ck_assert_int_eq(weir_memory_delete(&memory, "a"), WEIR_OK);
    assert_value("", "{\"a \":2,\"a!\":2,\"a,b\":2,\"a-b\":2,\"a/b\":2,\"ab\":2}");
}
END_TEST

START_TEST(fields_are_sorted_by_bytes)
{
    static const char *const paths[] = { "o.b", "o.a.z", "o.a-", "o.Z", "o.é", "o.", "o.a.y", "o.aa" };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_set(paths[i], "1");
    assert_fields("o", "[\"\",\"Z\",\"a\",\"a-\",\"aa\",\"b\",\"é\"]");
}
END_TEST

START_TEST(bad_paths_are_refused)
{
    char *path = malloc(65538);
    char message[64];

    memset(path, 'p', 65537);
    path[65537] = '\0';
    ck_assert_int_eq(weir_memory_set_int(&memory, path, 1), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: a path has 65537 bytes, at most 65536 are allowed");
    ck_assert(!weir_memory_exists(&memory, path));
    failure.error.code = WEIR_OK;
    path[65536] = '\0';
    ck_assert_int_eq(weir_memory_set_int(&memory, path, 1), WEIR_OK);
    ck_assert_int_eq(weir_memory_int(&memory, path, 0), 1);
    free(path);
    ck_assert_int_eq(weir_memory_set_int(&memory, "a.\xff", 1), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: the path is not UTF-8");
    ck_assert_int_eq(weir_memory_new_object(&memory, "\xff", false), WEIR_INVALID);
    assert_kept(WEIR_INVALID, "memory: the path is not UTF-8");
    ck_assert(!weir_memory_exists(&memory, "a"));
    (void)snprintf(message, sizeof message, "memory: the path is NULL");
    ck_assert_int_eq(weir_memory_set_int(&memory, NULL, 1), WEIR_INVALID);
    assert_kept(WEIR_INVALID, message);
    ck_assert_int_eq(weir_memory_set(&memory, NULL, json_integer(1)), WEIR_INVALID);
    assert_kept(WEIR_INVALID, message);
    ck_assert_ptr_null(weir_memory_get(&memory, NULL));
    assert_kept(WEIR_INVALID, message);
    ck_assert_ptr_null(weir_memory_fields(&memory, NULL));
    assert_kept(WEIR_INVALID, message);
    ck_assert_int_eq(weir_memory_delete(&memory, NULL), WEIR_INVALID);
    assert_kept(WEIR_INVALID, message);
}
END_TEST

START_TEST(the_first_error_is_kept)
{
    (void)weir_memory_set(&memory, "a", NULL);
    (void)weir_memory_set_int(&memory, "", 1);
    assert_kept(WEIR_INVALID, "memory: the value for 'a' is NULL");
}
END_TEST

/* ---- deleting, and the layers ------------------------------------------------------------------------------------ */

START_TEST(delete_takes_all_beneath_in_both_layers)
{
    assert_set("o.x", "1");
    assert_set("o.y.z", "1");
    assert_set("p", "1");
    end_run(false);
    assert_set("o.w", "2");
    ck_assert_int_eq(weir_memory_delete(&memory, "o"), WEIR_OK);
    assert_value("", "{\"p\":1}");
    assert_value("o.y.z", "absent");
    assert_set("o", "3"); /* a value may stand where an object was */
    assert_value("o", "3");
    end_run(false);
    assert_value("", "{\"o\":3,\"p\":1}");
    ck_assert_uint_eq(base.count, 2);
}
END_TEST

START_TEST(deleting_the_last_field_leaves_an_empty_object)
{
    assert_set("o.x", "1");
    ck_assert_int_eq(weir_memory_delete(&memory, "o.x"), WEIR_OK);
    assert_value("o", "{}");
    assert_fields("", "[\"o\"]");
}
END_TEST

START_TEST(what_was_deleted_may_be_made_again_in_the_same_run)
{
    assert_set("o.x", "1");
    end_run(true);
    ck_assert_int_eq(weir_memory_delete(&memory, "o"), WEIR_OK);
    assert_set("o.y", "2");
    assert_value("o", "{\"y\":2}");
    end_run(true);
    assert_value("", "{\"o\":{\"y\":2}}");
}
END_TEST

START_TEST(writes_never_touch_the_base_before_the_run_ends)
{
    assert_set("a", "1");
    end_run(false);
    assert_set("a", "2");
    assert_set("b.c", "2");
    ck_assert_uint_eq(base.count, 1);
    ck_assert_int_eq((int)base.items[0].value.integer, 1);
    begin_run(); /* the run failed */
    assert_value("", "{\"a\":1}");
}
END_TEST

START_TEST(sensory_memory_has_no_base)
{
    weir__memory_init(&memory, NULL, &arena, &failure, &stamp, 16);
    assert_value("", "{}");
    assert_set("a.b", "1");
    ck_assert_int_eq(weir_memory_delete(&memory, "a"), WEIR_OK);
    ck_assert_int_eq(weir_memory_delete(&memory, "x"), WEIR_OK);
    assert_value("", "{}");
}
END_TEST

START_TEST(a_durable_end_marks_changes_and_keeps_what_is_deleted_for_the_cut)
{
    assert_set("a", "1");
    assert_set("b", "1");
    end_run(true);
    ck_assert(base.items[0].is_dirty && base.items[1].is_dirty);
    base.items[0].is_dirty = base.items[1].is_dirty = false; /* a cut */
    ck_assert_int_eq(weir_memory_delete(&memory, "a"), WEIR_OK);
    assert_set("c", "1");
    ck_assert_int_eq(weir_memory_delete(&memory, "c"), WEIR_OK); /* the key never held it */
    end_run(true);
    ck_assert_uint_eq(base.count, 2);
    ck_assert_int_eq(base.items[0].type, WEIR__CELL_DELETED);
    ck_assert(base.items[0].is_dirty && !base.items[1].is_dirty);
    assert_value("", "{\"b\":1}");
    assert_fields("", "[\"b\"]");
    assert_set("a", "2"); /* over what waits for the cut */
    end_run(true);
    assert_value("", "{\"a\":2,\"b\":1}");
}
END_TEST

START_TEST(an_end_that_is_not_durable_marks_nothing)
{
    assert_set("a", "1");
    end_run(false);
    ck_assert(!base.items[0].is_dirty);
    ck_assert_int_eq(weir_memory_delete(&memory, ""), WEIR_OK);
    end_run(false);
    ck_assert_uint_eq(base.count, 0);
}
END_TEST

START_TEST(changes_bear_the_number_of_the_action_that_wrote_them_last)
{
    stamp = 3;
    assert_set("a.b", "1");
    stamp = 4;
    assert_set("a.b", "2");
    ck_assert_uint_eq(memory.changes.items[0].stamp, 3);
    ck_assert_uint_eq(memory.changes.items[1].stamp, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent/memory");
    TCase *values = tcase_create("values"), *paths = tcase_create("paths"), *layers = tcase_create("layers");

    tcase_add_checked_fixture(values, set_up, tear_down);
    tcase_add_test(values, every_json_value_comes_back_as_it_was);
    tcase_add_test(values, null_is_a_value_that_exists);
    tcase_add_test(values, a_missing_path_is_absent_and_no_error);
    tcase_add_test(values, typed_readers_read_what_typed_writers_wrote);
    tcase_add_test(values, a_typed_reader_of_another_type_keeps_an_error_and_gives_the_fallback);
    tcase_add_test(values, a_value_that_is_no_json_is_refused_and_changes_nothing);
    tcase_add_test(values, a_value_may_be_set_from_what_was_read);
    suite_add_tcase(suite, values);
    tcase_add_checked_fixture(paths, set_up, tear_down);
    tcase_add_test(paths, setting_a_path_makes_its_parents);
    tcase_add_test(paths, an_object_is_never_replaced_by_a_value);
    tcase_add_test(paths, a_parent_that_holds_a_value_is_an_error_and_makes_nothing);
    tcase_add_test(paths, a_map_is_a_value_and_nothing_reaches_into_it);
    tcase_add_test(paths, new_object_makes_an_empty_object_and_its_parents);
    tcase_add_test(paths, new_object_on_an_object_changes_nothing_even_with_overwrite);
    tcase_add_test(paths, new_object_on_a_value_wants_overwrite);
    tcase_add_test(paths, the_root_is_an_object_that_always_exists);
    tcase_add_test(paths, names_may_be_empty_have_blanks_and_any_character);
    tcase_add_test(paths, a_path_that_begins_with_a_dot_has_the_root_as_its_parent);
    tcase_add_test(paths, siblings_that_sort_between_a_parent_and_its_children_are_left_alone);
    tcase_add_test(paths, fields_are_sorted_by_bytes);
    tcase_add_test(paths, bad_paths_are_refused);
    tcase_add_test(paths, the_first_error_is_kept);
    suite_add_tcase(suite, paths);
    tcase_add_checked_fixture(layers, set_up, tear_down);
    tcase_add_test(layers, delete_takes_all_beneath_in_both_layers);
    tcase_add_test(layers, deleting_the_last_field_leaves_an_empty_object);
    tcase_add_test(layers, what_was_deleted_may_be_made_again_in_the_same_run);
    tcase_add_test(layers, writes_never_touch_the_base_before_the_run_ends);
    tcase_add_test(layers, sensory_memory_has_no_base);
    tcase_add_test(layers, a_durable_end_marks_changes_and_keeps_what_is_deleted_for_the_cut);
    tcase_add_test(layers, an_end_that_is_not_durable_marks_nothing);
    tcase_add_test(layers, changes_bear_the_number_of_the_action_that_wrote_them_last);
    suite_add_tcase(suite, layers);
    return weir__suite_run(suite);
}
