/* SPDX-License-Identifier: Apache-2.0 */
/* codec/tree: parsed values as jansson's trees, and trees from anywhere. */
#include <math.h>

#include "support.h"

START_TEST(a_tree_has_every_value_name_and_order)
{
    json_t *tree =
        weir__json_tree(parsed("{\"z\":[1,-2.5,true,false,null,\"x\\u0000y\"],\"a\\u0000b\":{},\"m\":[[]]}"));
    static const char *const names[] = { "z", "a\0b", "m" };
    static const size_t sizes[] = { 1, 3, 1 };
    json_t *list;
    size_t i = 0;

    ck_assert_ptr_nonnull(tree);
    for (void *at = json_object_iter(tree); at; at = json_object_iter_next(tree, at), i++) {
        ck_assert_uint_eq(json_object_iter_key_len(at), sizes[i]);
        ck_assert_mem_eq(json_object_iter_key(at), names[i], sizes[i]);
    }
    ck_assert_uint_eq(i, 3);
    list = json_object_get(tree, "z");
    ck_assert_uint_eq(json_array_size(list), 6);
    ck_assert_int_eq(json_integer_value(json_array_get(list, 0)), 1);
    ck_assert_double_eq(json_real_value(json_array_get(list, 1)), -2.5);
    ck_assert(json_is_true(json_array_get(list, 2)));
    ck_assert(json_is_false(json_array_get(list, 3)));
    ck_assert(json_is_null(json_array_get(list, 4)));
    ck_assert_uint_eq(json_string_length(json_array_get(list, 5)), 3);
    ck_assert_uint_eq(json_array_size(json_array_get(json_object_get(tree, "m"), 0)), 0);
    json_decref(tree);
}
END_TEST

START_TEST(a_value_inside_another_makes_a_tree_of_its_own)
{
    const weir_json *json = parsed("{\"a\":[1,[2]],\"b\":3}");
    json_t *tree = weir__json_tree(weir__json_member(json, weir__bytes_text("a")));

    ck_assert_uint_eq(json_array_size(tree), 2);
    json_decref(tree);
    tree = weir__json_tree(weir__json_member(json, weir__bytes_text("b")));
    ck_assert_int_eq(json_integer_value(tree), 3);
    json_decref(tree);
}
END_TEST

START_TEST(a_tree_outlives_the_arena)
{
    json_t *tree = weir__json_tree(parsed("{\"name\":\"text\"}"));

    weir__arena_clear(&arena);
    ck_assert_str_eq(json_string_value(json_object_get(tree, "name")), "text");
    json_decref(tree);
}
END_TEST

START_TEST(the_kinds_of_both_forms_are_the_same)
{
    static const char *const texts[] = { "null", "true", "false", "1", "1.0", "\"\"", "[]", "{}" };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const weir_json *json = parsed(texts[i]);
        json_t *tree = weir__json_tree(json);

        ck_assert_int_eq(weir__tree_kind(tree), weir__json_kind(json));
        json_decref(tree);
    }
}
END_TEST

/* jansson's allocator fails at the n-th call. */
static long allocations_left;

static void *failing_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

START_TEST(without_memory_there_is_no_tree_and_no_leak)
{
    const weir_json *json = parsed("{\"a\":[1,2.5,\"text\",[[],{\"b\":{\"c\":[0,1,2,3,4,5,6,7,8,9]}}]],\"d\":1,\"e\":2,"
                                   "\"f\":3,\"g\":4,\"h\":5,\"i\":6,\"j\":7,\"k\":8,\"l\":9}");
    json_t *tree = NULL;
    long n = 0;

    json_object_seed(1);
    json_set_alloc_funcs(failing_malloc, free);
    for (; !tree && n < 1000; n++) {
        allocations_left = n;
        tree = weir__json_tree(json);
    }
    json_set_alloc_funcs(malloc, free); /* for what comes after it in the same process: CK_FORK=no */
    ck_assert_ptr_nonnull(tree);
    ck_assert_int_gt(n, 30);
    json_decref(tree);
}
END_TEST

START_TEST(a_tree_deeper_than_allowed_is_not_printed)
{
    json_t *tree = json_pack("[[{s:[]}]]", "a");
    weir_error err = { 0 };
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_int_eq(weir__tree_print(tree, 3, &out, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "deeper than 3 levels");
    ck_assert_uint_eq(out.size, 0);
    ck_assert_int_eq(weir__tree_print(tree, 4, &out, &err), WEIR_OK);
    assert_bytes(weir__buffer_bytes(&out), "[[{\"a\":[]}]]", 12);
    weir__buffer_reset(&out);
    ck_assert_int_eq(weir__tree_print(json_array_get(tree, 0), 0, &out, &err), WEIR_LIMIT);
    ck_assert_int_eq(weir__tree_print(json_null(), 0, &out, &err), WEIR_OK);
    weir__buffer_clear(&out);
    json_decref(tree);
}
END_TEST

START_TEST(a_tree_that_holds_itself_is_too_deep)
{
    json_t *outer = json_array();
    json_t *inner = json_object();
    weir_error err = { 0 };
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    json_array_append(outer, inner);
    json_object_set(inner, "outer", outer);
    ck_assert_int_eq(weir__tree_print(outer, 512, &out, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "deeper than 512 levels");
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_uint_eq(out.size, 0);
    ck_assert_int_eq(weir__tree_print(outer, 512, &out, NULL), WEIR_LIMIT);
    weir__buffer_clear(&out);
    json_object_clear(inner);
    json_decref(inner);
    json_decref(outer);
}
END_TEST

START_TEST(the_same_node_twice_is_no_circle)
{
    json_t *shared = json_pack("[i]", 1);
    json_t *tree = json_pack("{s:O,s:O}", "a", shared, "b", shared);
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_int_eq(weir__tree_print(tree, 2, &out, NULL), WEIR_OK);
    assert_bytes(weir__buffer_bytes(&out), "{\"a\":[1],\"b\":[1]}", 17);
    weir__buffer_clear(&out);
    json_decref(shared);
    json_decref(tree);
}
END_TEST

START_TEST(a_string_or_name_that_is_not_utf8_is_not_printed)
{
    json_t *tree = json_object();
    weir_error err = { 0 };
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_int_eq(weir__buffer_add(&out, "old", 3), WEIR_OK);
    json_object_set_new(tree, "a", json_string_nocheck("\xED\xA0\x80"));
    ck_assert_int_eq(weir__tree_print(tree, 9, &out, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "a string of the tree is not UTF-8");
    json_object_clear(tree);
    json_object_set_new_nocheck(tree, "\xFF", json_null());
    ck_assert_int_eq(weir__tree_print(tree, 9, &out, &err), WEIR_INVALID);
    assert_bytes(weir__buffer_bytes(&out), "old", 3);
    weir__buffer_clear(&out);
    json_decref(tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec/tree");
    TCase *making = new_case(suite, "making");
    TCase *printing = new_case(suite, "printing");

    tcase_add_test(making, a_tree_has_every_value_name_and_order);
    tcase_add_test(making, a_value_inside_another_makes_a_tree_of_its_own);
    tcase_add_test(making, a_tree_outlives_the_arena);
    tcase_add_test(making, the_kinds_of_both_forms_are_the_same);
    tcase_add_test(making, without_memory_there_is_no_tree_and_no_leak);
    tcase_add_test(printing, a_tree_deeper_than_allowed_is_not_printed);
    tcase_add_test(printing, a_tree_that_holds_itself_is_too_deep);
    tcase_add_test(printing, the_same_node_twice_is_no_circle);
    tcase_add_test(printing, a_string_or_name_that_is_not_utf8_is_not_printed);
    return weir__suite_run(suite);
}
