/* SPDX-License-Identifier: Apache-2.0 */
/* codec/print: both forms of a value give the same bytes, and these are the contract's. */
#include <float.h>
#include <math.h>

#include "support.h"

static weir_buffer out;

static void setup(void)
{
    weir__buffer_init(&out, SIZE_MAX);
}

static void teardown(void)
{
    weir__buffer_clear(&out);
}

static void assert_out(const char *expected)
{
    assert_bytes(weir__buffer_bytes(&out), expected, strlen(expected));
    weir__buffer_reset(&out);
}

START_TEST(values_are_printed_compact_and_in_the_order_written)
{
    assert_prints(" { \"z\" : [ 1 , -2.5 , true , false , null ] ,\n\"a\":{ } , \"m\":[ ],\"b\":[[ ],{ \"x\":[{}]}]}\t",
                  "{\"z\":[1,-2.5,true,false,null],\"a\":{},\"m\":[],\"b\":[[],{\"x\":[{}]}]}");
    assert_prints("[]", "[]");
    assert_prints("{}", "{}");
    assert_prints("null", "null");
    assert_prints("[[[]],[]]", "[[[]],[]]");
    assert_prints("\"\"", "\"\"");
    assert_prints("{\"\":\"\"}", "{\"\":\"\"}");
}
END_TEST

START_TEST(a_value_inside_another_is_printed_alone)
{
    const weir_json *json = parsed("{\"a\":[1,{\"b\":2}],\"c\":3}");

    ck_assert_int_eq(weir__json_print(weir__json_member(json, weir__bytes_text("a")), &out), WEIR_OK);
    assert_out("[1,{\"b\":2}]");
    ck_assert_int_eq(weir__json_print(weir__json_member(json, weir__bytes_text("c")), &out), WEIR_OK);
    assert_out("3");
}
END_TEST

START_TEST(strings_are_escaped_no_more_than_they_must)
{
    assert_prints("\"\\u0000\\u0001\\u001f\\u007f\\b\\f\\n\\r\\t\\\"\\\\\\/\"",
                  "\"\\u0000\\u0001\\u001f\x7F\\b\\f\\n\\r\\t\\\"\\\\/\"");
    assert_prints("\"\\u00e4\\u20ac\\ud83d\\ude00\\u2028\\uffff\"",
                  "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xE2\x80\xA8\xEF\xBF\xBF\"");
    assert_prints("\"\\u0041</script>'&\"", "\"A</script>'&\"");
    assert_prints("{\"a\\u0000\\nb\":\"c\\u0000d\"}", "{\"a\\u0000\\nb\":\"c\\u0000d\"}");
    assert_prints("\"\\u001F\\u001b\"", "\"\\u001f\\u001b\""); /* in lower case */
}
END_TEST

/* Every byte below 0x80 at every place of strings long enough for the eight-byte path and its rest. */
START_TEST(a_byte_is_escaped_wherever_it_stands)
{
    for (size_t size = 1; size <= 19; size++) {
        for (size_t place = 0; place < size; place++) {
            for (unsigned byte = 0; byte < 0x80; byte++) {
                uint8_t text[19];
                char *expected;
                weir_bytes printed;
                json_t *string;

                memset(text, 'x', sizeof text);
                text[place] = (uint8_t)byte;
                weir__buffer_reset(&out);
                if (weir__json_print_text(weir__bytes(text, size), &out) != WEIR_OK)
                    ck_abort_msg("not printed");
                string = json_stringn_nocheck((const char *)text, size);
                expected = json_dumps(string, JSON_ENCODE_ANY | JSON_COMPACT); /* upper case, escapes 0x7F not */
                printed = weir__buffer_bytes(&out);
                if (strlen(expected) != printed.size ||
                    strncasecmp(expected, (const char *)printed.data, printed.size) != 0)
                    ck_abort_msg("%u at %zu of %zu: %.*s", byte, place, size, (int)printed.size,
                                 (const char *)printed.data);
                free(expected);
                json_decref(string);
            }
        }
    }
}
END_TEST

START_TEST(integers_are_printed_as_they_are)
{
    static const int64_t values[] = {
        0,   1,   -1,   9,     10,        11,        99,        100,       101,           999,          1000,
        -10, -99, -100, 65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1
    };
    uint64_t state = 7;
    char expected[32];

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        ck_assert_int_eq(weir__json_print_int(values[i], &out), WEIR_OK);
        (void)snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        assert_out(expected);
    }
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)next_random(&state) << 33 ^ (uint64_t)next_random(&state) << 16;
        int64_t value = (int64_t)bits >> next_random(&state) % 64;

        weir__buffer_reset(&out);
        (void)snprintf(expected, sizeof expected, "%lld", (long long)value);
        if (weir__json_print_int(value, &out) != WEIR_OK || out.size != strlen(expected) ||
            memcmp(out.data, expected, out.size) != 0)
            ck_abort_msg("%s became %.*s", expected, (int)out.size, (const char *)out.data);
    }
}
END_TEST

START_TEST(reals_are_printed_shortest_and_stay_reals)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.0, "0.0" },
        { -0.0, "-0.0" },
        { 1.0, "1.0" },
        { -1.5, "-1.5" },
        { 0.1, "0.1" },
        { 1.0 / 3, "0.3333333333333333" },
        { 100.0, "100.0" },
        { 1e20, "100000000000000000000.0" },
        { 1e22, "1e22" },
        { 1e-7, "1e-7" },
        { 0.000001, "0.000001" },
        { DBL_MAX, "1.7976931348623157e308" },
        { DBL_MIN, "2.2250738585072014e-308" },
        { 5e-324, "5e-324" },
        { 123456789012345680.0, "123456789012345680.0" },
    };
    uint64_t state = 3;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(weir__json_print_real(cases[i].value, &out), WEIR_OK);
        assert_out(cases[i].text);
        assert_prints(cases[i].text, cases[i].text);
    }
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)next_random(&state) << 33 ^ (uint64_t)next_random(&state) << 16 ^ next_random(&state);
        double value, read;

        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        weir__buffer_reset(&out);
        if (weir__json_print_real(value, &out) != WEIR_OK || weir__buffer_add_byte(&out, '\0') != WEIR_OK)
            ck_abort_msg("not printed");
        read = strtod((const char *)out.data, NULL);
        if (memcmp(&read, &value, sizeof value) != 0 || !strpbrk((const char *)out.data, ".e"))
            ck_abort_msg("%.17g became %s", value, (const char *)out.data);
    }
}
END_TEST

START_TEST(bytes_are_a_string_when_they_are_utf8_and_base64_when_not)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } cases[] = {
        { "", 0, "\"\"" },
        { "caf\xC3\xA9", 5, "\"caf\xC3\xA9\"" },
        { "a\0b", 3, "\"a\\u0000b\"" },
        { "\xFF", 1, "{\"$bytes\":\"/w==\"}" },
        { "\xFF\xFE", 2, "{\"$bytes\":\"//4=\"}" },
        { "\xFF\xFE\xFD", 3, "{\"$bytes\":\"//79\"}" },
        { "\x00\x10\x83\x10\x51\x87\x20\x92\x8B\x30\xD3\x8F", 12, "{\"$bytes\":\"ABCDEFGHIJKLMNOP\"}" },
        { "ab\x80", 3, "{\"$bytes\":\"YWKA\"}" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(weir__json_print_bytes(weir__bytes(cases[i].bytes, cases[i].size), &out), WEIR_OK);
        assert_out(cases[i].text);
    }
}
END_TEST

START_TEST(printing_appends_and_nothing_is_appended_when_it_does_not_fit)
{
    static const char text[] = "{\"name\":[1,-2,3.25,true,null,\"a\\nb\\u0001c\\\"\"],\"x\":{\"y\":\"plain\"}}";
    const weir_json *json = parsed(text);
    json_t *tree = weir__json_tree(json);
    size_t size = sizeof text - 1;
    weir_error err = { 0 };

    for (size_t maximum = 3; maximum < size + 3; maximum++) {
        weir__buffer_clear(&out);
        weir__buffer_init(&out, maximum);
        ck_assert_int_eq(weir__buffer_add(&out, "key", 3), WEIR_OK);
        ck_assert_int_eq(weir__json_print(json, &out), WEIR_LIMIT);
        ck_assert_int_eq(weir__tree_print(tree, 512, &out, &err), WEIR_LIMIT);
        ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
        assert_bytes(weir__buffer_bytes(&out), "key", 3);
    }
    ck_assert_str_eq(err.message, "longer than 66 bytes");
    weir__buffer_clear(&out);
    weir__buffer_init(&out, size + 3); /* a buffer is used to its last byte */
    ck_assert_int_eq(weir__buffer_add(&out, "key", 3), WEIR_OK);
    ck_assert_int_eq(weir__json_print(json, &out), WEIR_OK);
    ck_assert_uint_eq(out.size, size + 3);
    ck_assert_mem_eq(out.data + 3, text, size);
    out.size = 3;
    ck_assert_int_eq(weir__tree_print(tree, 512, &out, &err), WEIR_OK);
    ck_assert_mem_eq(out.data, "key", 3);
    ck_assert_mem_eq(out.data + 3, text, size);
    json_decref(tree);
}
END_TEST

START_TEST(a_token_is_appended_whole_or_not_at_all)
{
    weir__buffer_init(&out, 5);
    ck_assert_int_eq(weir__json_print_int(-12345, &out), WEIR_LIMIT);
    ck_assert_int_eq(weir__json_print_real(-1.25e100, &out), WEIR_LIMIT);
    ck_assert_int_eq(weir__json_print_text(weir__bytes_text("a\n\n"), &out), WEIR_LIMIT);
    ck_assert_int_eq(weir__json_print_bytes(weir__bytes_text("\xFF"), &out), WEIR_LIMIT);
    ck_assert_uint_eq(out.size, 0);
    ck_assert_int_eq(weir__json_print_text(weir__bytes_text("a\n"), &out), WEIR_OK);
    assert_out("\"a\\n\"");
    ck_assert_int_eq(weir__json_print_int(-1234, &out), WEIR_OK);
    assert_out("-1234");
    ck_assert_int_eq(weir__json_print_real(-1e10, &out), WEIR_LIMIT); /* -10000000000.0 */
    ck_assert_int_eq(weir__json_print_real(-12.5, &out), WEIR_OK);
    assert_out("-12.5");
}
END_TEST

START_TEST(a_string_of_escapes_fits_to_its_last_byte_and_no_further)
{
    for (size_t size = 0; size < 40; size++) {
        uint8_t text[40];

        memset(text, 1, sizeof text);
        for (size_t maximum = 0; maximum <= 2 + 6 * size; maximum++) {
            weir__buffer_clear(&out);
            weir__buffer_init(&out, maximum);
            /* The room is there at once: ASan watches its end. */
            ck_assert(weir__buffer_reserve(&out, maximum) == WEIR_OK);
            if (weir__json_print_text(weir__bytes(text, size), &out) !=
                (maximum == 2 + 6 * size ? WEIR_OK : WEIR_LIMIT))
                ck_abort_msg("%zu into %zu", size, maximum);
        }
        ck_assert_uint_eq(out.size, 2 + 6 * size);
    }
}
END_TEST

START_TEST(deep_values_are_printed_without_recursion)
{
    size_t levels = 10000;
    const weir_json *json = NULL;
    weir_buffer text;
    bool ok = true;

    weir__buffer_init(&text, SIZE_MAX);
    for (size_t i = 0; i < levels; i++)
        ok = ok && weir__buffer_add(&text, i % 2 ? "[1," : "{\"a\":", i % 2 ? 3 : 5) == WEIR_OK;
    ok = ok && weir__buffer_add(&text, "0", 1) == WEIR_OK;
    for (size_t i = levels; i-- > 0;)
        ok = ok && weir__buffer_add(&text, i % 2 ? ",2]" : "}", i % 2 ? 3 : 1) == WEIR_OK;
    ck_assert(ok);
    ck_assert_int_eq(weir__json_parse(weir__buffer_bytes(&text), levels - 1, &arena, &json, NULL), WEIR_LIMIT);
    ck_assert_int_eq(weir__json_parse(weir__buffer_bytes(&text), levels, &arena, &json, NULL), WEIR_OK);
    ck_assert_int_eq(weir__json_print(json, &out), WEIR_OK);
    ck_assert(weir__bytes_equal(weir__buffer_bytes(&text), weir__buffer_bytes(&out)));
    weir__buffer_clear(&text);
}
END_TEST

/* Random trees, printed: what is parsed of that prints to the same bytes, and its tree equals the first one. */
static json_t *random_tree(uint64_t *state, int depth)
{
    static const char *const names[] = { "", "a", "b", "\n", "\xC3\xA4", "long name that is no stranger", "\"", "z" };
    uint32_t kind = next_random(state) % (depth > 0 ? 9 : 7);
    json_t *tree;

    switch (kind) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(next_random(state) % 2);
    case 2:
    case 3:
        return json_integer((json_int_t)next_random(state) << next_random(state) % 33);
    case 4:
        return json_real((double)(int32_t)next_random(state) / (double)(1 + next_random(state) % 1000));
    case 5:
    case 6:
        return json_stringn_nocheck("ab\0\n\"\\/\xC3\xA4\xE2\x82\xAC\x7F xyz\x01", next_random(state) % 7);
    case 7:
        tree = json_array();
        for (uint32_t n = next_random(state) % 6; n > 0; n--)
            json_array_append_new(tree, random_tree(state, depth - 1));
        return tree;
    default:
        tree = json_object();
        for (uint32_t n = next_random(state) % 6; n > 0; n--)
            json_object_set_new(tree, names[next_random(state) % 8], random_tree(state, depth - 1));
        return tree;
    }
}

START_TEST(random_trees_come_back_the_same)
{
    uint64_t state = 99;
    weir_buffer again;

    weir__buffer_init(&again, SIZE_MAX);
    for (int round = 0; round < 20000; round++) {
        json_t *tree = random_tree(&state, 6);
        const weir_json *json = NULL;
        json_t *read = NULL;
        bool ok;

        weir__arena_reset(&arena);
        weir__buffer_reset(&out);
        weir__buffer_reset(&again);
        ok = weir__tree_print(tree, 6, &out, NULL) == WEIR_OK &&
             weir__json_parse(weir__buffer_bytes(&out), 6, &arena, &json, NULL) == WEIR_OK &&
             weir__json_print(json, &again) == WEIR_OK && (read = weir__json_tree(json)) != NULL &&
             json_equal(read, tree) && weir__bytes_equal(weir__buffer_bytes(&out), weir__buffer_bytes(&again));
        ck_assert_msg(ok, "%.*s", (int)out.size, (const char *)out.data);
        json_decref(tree);
        json_decref(read);
    }
    weir__buffer_clear(&again);
}
END_TEST

START_TEST(a_text_that_is_printed_already_is_known_and_no_other_is)
{
    static const char *const printed[] = {
        "{\"a\":[1,-2,true,false,null],\"b\":{},\"c\":[],\"d\":{\"e\":\"\",\"\":9223372036854775807}}",
        "-9223372036854775808", "0", "\"\xC3\xA4\"", "[[],[[]],{\"x\":[10,99,100]}]", "null",
    };
    static const char *const others[] = {
        "{\"a\": 1}", "{\"a\":1 }", " 1", "1\n",
        "-0", "1.0", "1e2", "\"\\u0041\"", "\"\\n\"", "{\"\\u0061\":-0}", "[ ]",
    };

    for (size_t i = 0; i < sizeof printed / sizeof printed[0]; i++)
        ck_assert_msg(weir__json_is_printed(parsed(printed[i]), weir__bytes_text(printed[i])), "%s", printed[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        ck_assert_msg(!weir__json_is_printed(parsed(others[i]), weir__bytes_text(others[i])), "%s", others[i]);
}
END_TEST

START_TEST(printing_into_an_arena_gives_the_same_bytes_and_a_nul)
{
    static const char *const texts[] = { "\"plain\"", "\"\"", "\"a\\nb\"", "12", "{\"a\":[1.5,\"\\u0000\"]}" };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        weir_bytes bytes = weir__json_print_arena(parsed(texts[i]), &arena);

        assert_bytes(bytes, texts[i], strlen(texts[i]));
        ck_assert_uint_eq(bytes.data[bytes.size], 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec/print");
    TCase *form = new_case(suite, "form");
    TCase *limits = new_case(suite, "limits");

    tcase_add_checked_fixture(form, setup, teardown);
    tcase_add_checked_fixture(limits, setup, teardown);
    tcase_add_test(form, values_are_printed_compact_and_in_the_order_written);
    tcase_add_test(form, a_value_inside_another_is_printed_alone);
    tcase_add_test(form, strings_are_escaped_no_more_than_they_must);
    tcase_add_test(form, a_byte_is_escaped_wherever_it_stands);
    tcase_add_test(form, integers_are_printed_as_they_are);
    tcase_add_test(form, reals_are_printed_shortest_and_stay_reals);
    tcase_add_test(form, bytes_are_a_string_when_they_are_utf8_and_base64_when_not);
    tcase_add_test(form, random_trees_come_back_the_same);
    tcase_add_test(form, a_text_that_is_printed_already_is_known_and_no_other_is);
    tcase_add_test(form, printing_into_an_arena_gives_the_same_bytes_and_a_nul);
    tcase_add_test(limits, printing_appends_and_nothing_is_appended_when_it_does_not_fit);
    tcase_add_test(limits, a_token_is_appended_whole_or_not_at_all);
    tcase_add_test(limits, a_string_of_escapes_fits_to_its_last_byte_and_no_further);
    tcase_add_test(limits, deep_values_are_printed_without_recursion);
    return weir__suite_run(suite);
}
