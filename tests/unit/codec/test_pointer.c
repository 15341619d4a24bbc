/* SPDX-License-Identifier: Apache-2.0 */
/* codec/pointer: RFC 6901 on both forms; and which bytes are UTF-8. */
#include "support.h"

/* Both forms have `expected` (as text) there; NULL: nothing. */
static void assert_points(const char *text, const char *pointer, const char *expected)
{
    const weir_json *json = parsed(text), *value = json;
    json_t *tree = weir__json_tree(json), *node = tree;
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_msg(weir__json_pointer(json, pointer, &value), "%s", pointer);
    ck_assert_msg(weir__tree_pointer(tree, pointer, &node), "%s", pointer);
    ck_assert_msg(!value == !expected, "%s in %s", pointer, text);
    ck_assert_msg(!node == !expected, "%s in the tree of %s", pointer, text);
    if (expected) {
        ck_assert_int_eq(weir__json_print(value, &out), WEIR_OK);
        assert_bytes(weir__buffer_bytes(&out), expected, strlen(expected));
        weir__buffer_reset(&out);
        ck_assert_int_eq(weir__tree_print(node, 512, &out, NULL), WEIR_OK);
        assert_bytes(weir__buffer_bytes(&out), expected, strlen(expected));
    }
    weir__buffer_clear(&out);
    json_decref(tree);
}

START_TEST(the_examples_of_rfc_6901_hold)
{
    static const char text[] = "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
                               "\"k\\\"l\":6,\" \":7,\"m~n\":8}";

    assert_points(text, "", text);
    assert_points(text, "/foo", "[\"bar\",\"baz\"]");
    assert_points(text, "/foo/0", "\"bar\"");
    assert_points(text, "/", "0");
    assert_points(text, "/a~1b", "1");
    assert_points(text, "/c%d", "2");
    assert_points(text, "/e^f", "3");
    assert_points(text, "/g|h", "4");
    assert_points(text, "/i\\j", "5");
    assert_points(text, "/k\"l", "6");
    assert_points(text, "/ ", "7");
    assert_points(text, "/m~0n", "8");
}
END_TEST

START_TEST(what_is_not_there_is_nothing)
{
    static const char text[] =
        "{\"a\":[1,{\"b\":[]}],\"c\":\"d\",\"01\":{\"-\":1,\"2\":3},\"e\\u0000\":4,\"null\":null}";
    static const char *const pointers[] = { "/x",
                                            "/a/2",
                                            "/a/-",
                                            "/a/01",
                                            "/a/00",
                                            "/a/+1",
                                            "/a/-1",
                                            "/a/",
                                            "/a/ 0",
                                            "/a/0/",
                                            "/a/0x",
                                            "/a/1.0",
                                            "/c/0",
                                            "/c/",
                                            "/c/d",
                                            "/a/1/b/0",
                                            "/e",
                                            "//",
                                            "/A",
                                            "/a/18446744073709551616",
                                            "/a/18446744073709551615",
                                            "/a/99999999999999999999999999",
                                            "/x/y/z",
                                            "/a/b",
                                            "/null/x",
                                            "/a/1/b~0",
                                            "/a~1",
                                            "/~1a" };

    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++)
        assert_points(text, pointers[i], NULL);
    assert_points(text, "/01/-", "1");
    assert_points(text, "/01/2", "3");
    assert_points(text, "/a/1/b", "[]");
    assert_points(text, "/null", "null");
    assert_points("[[0],[[1,2]]]", "/1/0/1", "2");
    assert_points("[[0],{},[[1,2]],3]", "/3", "3"); /* an array that is not flat */
    assert_points("7", "", "7");
    assert_points("7", "/0", NULL);
}
END_TEST

START_TEST(escapes_stand_for_tilde_and_slash_once)
{
    static const char text[] = "{\"~1\":1,\"/\":2,\"~\":3,\"~0\":4,\"~/\":5,\"a~b/c\":{\"~~\":6},\"\xC3\xA4/\":7}";

    assert_points(text, "/~01", "1");
    assert_points(text, "/~1", "2");
    assert_points(text, "/~0", "3");
    assert_points(text, "/~00", "4");
    assert_points(text, "/~0~1", "5");
    assert_points(text, "/a~0b~1c/~0~0", "6");
    assert_points(text, "/\xC3\xA4~1", "7");
    assert_points(text, "/a~0b~1", NULL);
    assert_points(text, "/a~0b~1cc", NULL);
}
END_TEST

START_TEST(a_malformed_pointer_is_refused_even_where_nothing_is)
{
    static const char *const pointers[] = { "a",   "a/b",    " /a", "#/a",  "/~", "/~2",
                                            "/a~", "/x/y/~", "/~~", "/~0~", "~0", "0" };
    const weir_json *json = parsed("{\"a\":1}"), *value = json;
    json_t *tree = weir__json_tree(json), *node = tree;

    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
        ck_assert_msg(!weir__json_pointer(json, pointers[i], &value), "%s", pointers[i]);
        ck_assert_ptr_null(value);
        ck_assert_msg(!weir__tree_pointer(tree, pointers[i], &node), "%s", pointers[i]);
        ck_assert_ptr_null(node);
    }
    json_decref(tree);
}
END_TEST

/* ---- UTF-8 ------------------------------------------------------------------------------------------------------ */

/* The rule, said the slow way: a code point's only encoding. */
static bool is_character(const uint8_t *bytes, size_t size)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t point;

    if (size == 1)
        return bytes[0] < 0x80;
    if (size == 2 ? (bytes[0] & 0xE0) != 0xC0 : size == 3 ? (bytes[0] & 0xF0) != 0xE0 : (bytes[0] & 0xF8) != 0xF0)
        return false;
    point = bytes[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return false;
        point = point << 6 | (bytes[i] & 0x3Fu);
    }
    return point >= least[size] && point <= 0x10FFFF && !(point >= 0xD800 && point <= 0xDFFF);
}

START_TEST(every_sequence_of_one_to_three_bytes_is_judged_right)
{
    for (uint32_t n = 0; n < 1u << 24; n++) {
        uint8_t bytes[3] = { (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
        bool expected = is_character(bytes, 3);

        expected = expected || (is_character(bytes, 1) && is_character(bytes + 1, 2));
        expected = expected || (is_character(bytes, 2) && is_character(bytes + 2, 1));
        expected = expected || (is_character(bytes, 1) && is_character(bytes + 1, 1) && is_character(bytes + 2, 1));
        if (weir__utf8_is_valid(weir__bytes(bytes, 3)) != expected)
            ck_abort_msg("%06x", n);
        if (n < 1u << 16 &&
            weir__utf8_is_valid(weir__bytes(bytes + 1, 2)) !=
                (is_character(bytes + 1, 2) || (is_character(bytes + 1, 1) && is_character(bytes + 2, 1))))
            ck_abort_msg("%04x", n);
    }
    ck_assert(weir__utf8_is_valid(weir__bytes(NULL, 0)));
}
END_TEST

START_TEST(four_bytes_are_judged_right_at_their_edges_and_at_any_place)
{
    static const uint8_t second[] = { 0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF };
    static const uint8_t others[] = { 0x7F, 0x80, 0xBF, 0xC0 };

    for (unsigned lead = 0xE0; lead <= 0xFF; lead++) {
        for (size_t i = 0; i < sizeof second * sizeof others * sizeof others; i++) {
            uint8_t character[4] = { (uint8_t)lead, second[i % 10], others[i / 10 % 4], others[i / 40] };

            if (lead < 0xF0) /* three bytes, and a fourth that must stand alone */
                character[3] = 'x';
            for (size_t place = 0; place <= 17; place++) {
                uint8_t text[32];
                bool expected = lead < 0xF0 ? is_character(character, 3) : is_character(character, 4);

                memset(text, 'a', sizeof text);
                memcpy(text + place, character, 4);
                if (weir__utf8_is_valid(weir__bytes(text, sizeof text)) != expected)
                    ck_abort_msg("%02x %02x %02x %02x", lead, character[1], character[2], character[3]);
                if (lead >= 0xF0 && weir__utf8_is_valid(weir__bytes(text, place + 3)))
                    ck_abort_msg("cut: %02x %02x %02x", lead, character[1], character[2]);
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec/pointer");
    TCase *pointer = new_case(suite, "pointer");
    TCase *utf8 = new_case(suite, "utf8");

    tcase_add_test(pointer, the_examples_of_rfc_6901_hold);
    tcase_add_test(pointer, what_is_not_there_is_nothing);
    tcase_add_test(pointer, escapes_stand_for_tilde_and_slash_once);
    tcase_add_test(pointer, a_malformed_pointer_is_refused_even_where_nothing_is);
    tcase_add_test(utf8, every_sequence_of_one_to_three_bytes_is_judged_right);
    tcase_add_test(utf8, four_bytes_are_judged_right_at_their_edges_and_at_any_place);
    return weir__suite_run(suite);
}
