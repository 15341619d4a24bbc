/* SPDX-License-Identifier: Apache-2.0 */
/* codec/parse: what is a JSON text, and what is none. */
#include <stdio.h>

#include "support.h"

START_TEST(every_kind_of_value_is_read)
{
    const weir_json *json =
        parsed(" {\"n\":null,\"t\":true,\"f\":false,\"i\":-7,\"r\":1.5,\"s\":\"x\",\"a\":[1],\"o\":{}}\r\n\t");
    static const weir_json_kind kinds[] = { WEIR__JSON_NULL, WEIR__JSON_BOOL, WEIR__JSON_BOOL,  WEIR__JSON_INT,
                                            WEIR__JSON_REAL, WEIR__JSON_TEXT, WEIR__JSON_ARRAY, WEIR__JSON_OBJECT };
    const weir_json *at = NULL, *value = NULL;
    weir_bytes name = { NULL, 0 };
    size_t count = 0;

    ck_assert_int_eq(weir__json_kind(json), WEIR__JSON_OBJECT);
    ck_assert_uint_eq(weir__json_size(json), 8);
    while (weir__json_next(json, &at, &name, &value)) {
        assert_bytes(name, &"ntfirsao"[count], 1);
        ck_assert_int_eq(weir__json_kind(value), kinds[count]);
        ck_assert_ptr_eq(weir__json_member(json, name), value);
        count++;
    }
    ck_assert_uint_eq(count, 8);
    ck_assert(weir__json_bool(weir__json_member(json, weir__bytes_text("t"))));
    ck_assert(!weir__json_bool(weir__json_member(json, weir__bytes_text("f"))));
    ck_assert_int_eq(weir__json_int(weir__json_member(json, weir__bytes_text("i"))), -7);
    ck_assert_double_eq(weir__json_real(weir__json_member(json, weir__bytes_text("i"))), -7.0);
    ck_assert_double_eq(weir__json_real(weir__json_member(json, weir__bytes_text("r"))), 1.5);
    assert_bytes(weir__json_text(weir__json_member(json, weir__bytes_text("s"))), "x", 1);
    ck_assert_uint_eq(weir__json_size(weir__json_member(json, weir__bytes_text("a"))), 1);
    ck_assert_uint_eq(weir__json_size(weir__json_member(json, weir__bytes_text("s"))), 0);
    ck_assert_ptr_null(weir__json_member(json, weir__bytes_text("x")));
    ck_assert_ptr_null(weir__json_member(json, weir__bytes_text("")));
    ck_assert_ptr_null(weir__json_member(weir__json_member(json, weir__bytes_text("a")), weir__bytes_text("x")));
}
END_TEST

START_TEST(an_array_is_gone_through_in_order_and_a_scalar_or_empty_one_has_nothing)
{
    const weir_json *json = parsed("[1,[2,3],{\"a\":4},5]");
    const weir_json *at = NULL, *value = NULL;
    size_t count = 0;

    while (weir__json_next(json, &at, NULL, &value))
        count++;
    ck_assert_uint_eq(count, 4);
    ck_assert_int_eq(weir__json_int(value), 5);
    at = NULL;
    ck_assert(!weir__json_next(parsed("[]"), &at, NULL, &value));
    ck_assert(!weir__json_next(parsed("{}"), &at, NULL, &value));
    ck_assert(!weir__json_next(parsed("7"), &at, NULL, &value));
    ck_assert(!weir__json_next(parsed("\"abc\""), &at, NULL, &value));
}
END_TEST

START_TEST(the_given_text_is_not_written_to_and_not_needed_later)
{
    char text[] = "{\"a\\u0062\":\"x\\ny\"}";
    char before[sizeof text];
    const weir_json *json;

    memcpy(before, text, sizeof text);
    json = parsed(text);
    ck_assert_mem_eq(text, before, sizeof text);
    memset(text, 'z', sizeof text);
    assert_bytes(weir__json_text(weir__json_member(json, weir__bytes_text("ab"))), "x\ny", 3);
}
END_TEST

START_TEST(what_is_no_text_says_where)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        { "", "byte 0: no value, the text is empty" },
        { " \t\r\n", "byte 4: no value, the text is empty" },
        { "{\"a\":1}}", "byte 7: unexpected content after document" },
        { "1 2", "byte 2: unexpected content after document" },
        { "{\"a\":1,}", "byte 6: trailing comma is not allowed" },
        { "[1,]", "byte 2: trailing comma is not allowed" },
        { "[1 2]", "byte 3: unexpected character, expected a comma or a closing bracket" },
        { "[", "byte 1: unexpected end of data" },
        { "{\"a\"", "byte 4: unexpected end of data" },
        { "{\"a\":", "byte 5: unexpected end of data" },
        { "\"abc", "byte 4: unexpected end of data" },
        { "{a:1}", "byte 1: unexpected character, expected a string for object key" },
        { "{\"a\" 1}", "byte 5: unexpected character, expected a colon after object key" },
        { "\xEF\xBB\xBF{}", "byte 0: byte order mark (BOM) is not supported" },
        { "\"\xFF\"", "byte 1: invalid UTF-8 encoding in string" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].text, cases[i].message);
}
END_TEST

START_TEST(what_other_readers_are_lax_about_is_refused)
{
    static const char *const texts[] = {
        "nul",
        "True",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "-inf",
        "[NaN]",
        "undefined", /* literals */
        "// c\n1",
        "/* c */1",
        "1/**/",
        "[1,/**/2]",
        "#c\n1", /* comments */
        "01",
        "-01",
        "00",
        "1.",
        ".5",
        "-.5",
        "+1",
        "1e",
        "1e+",
        "1.e1",
        "-",
        "--1",
        "0x10",
        "1_000",
        "1f", /* numbers */
        "'a'",
        "\"a\\'\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\\"",
        "\"\\U0041\"",
        "\"\\a\"",
        "\"\\0\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800x\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\\ud83d\\u\"",
        "\"\\uD800\\u0041\"", /* surrogates */
        "\"\t\"",
        "\"\n\"",
        "\"\x01\"",
        "\"\x1F\"", /* control characters */
        "[,1]",
        "[1,,2]",
        "[,]",
        "{,}",
        "{\"a\":1,,\"b\":2}",
        "{\"a\"}",
        "{1:2}",
        "{\"a\":}",
        "{:1}",
        "{null:1}",
        "]",
        "}",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "[1]]",
        ",",
        ":",
        "\"a\":1",
        "1,2",
        "\v1",
        "\f1",
        "\xC2\xA0"
        "1",
    };

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_refused(texts[i], NULL);
}
END_TEST

START_TEST(a_nul_byte_is_no_blank_and_no_end)
{
    assert_refused_bytes(weir__bytes("1\0", 2), WEIR_INVALID, "byte 1: unexpected content after document");
    assert_refused_bytes(weir__bytes("\0001", 2), WEIR_INVALID, NULL);
    assert_refused_bytes(weir__bytes("\"a\0b\"", 5), WEIR_INVALID, "byte 2: unexpected control character in string");
    assert_refused_bytes(weir__bytes("[1,\0 2]", 7), WEIR_INVALID, NULL);
    assert_refused_bytes(weir__bytes("\0", 1), WEIR_INVALID, NULL);
    assert_refused_bytes(weir__bytes("{\"a\":1}\0\0\0\0\0\0", 13), WEIR_INVALID, NULL);
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_refused_wherever_they_stand)
{
    static const char *const bad[] = { "\x80",
                                       "\xBF",
                                       "\xC0\x80",
                                       "\xC1\xBF",
                                       "\xC3",
                                       "\xE0\x80\x80",
                                       "\xE0\x9F\xBF",
                                       "\xED\xA0\x80",
                                       "\xED\xBF\xBF",
                                       "\xE2\x82",
                                       "\xF0\x80\x80\x80",
                                       "\xF0\x8F\xBF\xBF",
                                       "\xF4\x90\x80\x80",
                                       "\xF5\x80\x80\x80",
                                       "\xF0\x9F\x98",
                                       "\xFE",
                                       "\xFF",
                                       "\xFC\x84\x80\x80\x80\x80" };
    static const struct {
        const char *before;
        const char *after;
    } around[] = { { "\"", "\"" },     { "\"abcdefghijklmnopqrstuvwxyz", "abc\"" },
                   { "\"\\n", "\"" },  { "\"\\n", "abc\"" },
                   { "{\"", "\":1}" }, { "[\"\xC3\xA4", "\xC3\xA4\"]" },
                   { "", "" },         { "1", "" },
                   { "[", "]" } };
    char text[64];

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t j = 0; j < sizeof around / sizeof around[0]; j++) {
            (void)snprintf(text, sizeof text, "%s%s%s", around[j].before, bad[i], around[j].after);
            assert_refused(text, NULL);
        }
    }
}
END_TEST

START_TEST(an_integer_is_an_int64_or_an_error)
{
    char text[64];

    ck_assert_int_eq(weir__json_int(parsed("9223372036854775807")), INT64_MAX);
    ck_assert_int_eq(weir__json_int(parsed("-9223372036854775808")), INT64_MIN);
    ck_assert_int_eq(weir__json_int(parsed("0")), 0);
    ck_assert_int_eq(weir__json_kind(parsed("-0")), WEIR__JSON_INT);
    ck_assert_int_eq(weir__json_int(parsed("-0")), 0);
    assert_refused("9223372036854775808", "byte 0: integer beyond int64");
    assert_refused("18446744073709551615", "byte 0: integer beyond int64");
    assert_refused("18446744073709551616", "byte 0: integer beyond int64");
    assert_refused("-9223372036854775809", "byte 0: integer beyond int64");
    assert_refused("100000000000000000000000000000000000000000", "byte 0: integer beyond int64");
    assert_refused("[-1,\"2 \\\" 3\",4.5e-1,9223372036854775808]", "byte 20: integer beyond int64");
    assert_refused("{\"7\":7,\"a\": 99999999999999999999}", "byte 12: integer beyond int64");
    assert_refused("[99999999999999999999,99999999999999999998]", "byte 1: integer beyond int64");
    for (int digit = 0; digit < 10; digit++) { /* all around the edge */
        (void)snprintf(text, sizeof text, "922337203685477580%d", digit);
        if (digit <= 7)
            ck_assert_int_eq(weir__json_int(parsed(text)), INT64_MAX - 7 + digit);
        else
            assert_refused(text, NULL);
        (void)snprintf(text, sizeof text, "-922337203685477580%d", digit);
        if (digit <= 8)
            ck_assert_int_eq(weir__json_int(parsed(text)), -(INT64_MAX - 7) - digit);
        else
            assert_refused(text, NULL);
    }
}
END_TEST

START_TEST(a_real_is_finite_or_an_error)
{
    ck_assert_double_eq(weir__json_real(parsed("1.7976931348623157e308")), 1.7976931348623157e308);
    ck_assert_double_eq(weir__json_real(parsed("5e-324")), 5e-324);
    ck_assert_double_eq(weir__json_real(parsed("1e-400")), 0.0);
    ck_assert_double_eq(weir__json_real(parsed("100000000000000000000000.0")), 1e23);
    ck_assert_int_eq(weir__json_kind(parsed("1e2")), WEIR__JSON_REAL);
    ck_assert_int_eq(weir__json_kind(parsed("1.0")), WEIR__JSON_REAL);
    ck_assert_int_eq(weir__json_kind(parsed("0e0")), WEIR__JSON_REAL);
    ck_assert_int_eq(weir__json_kind(parsed("-0.0")), WEIR__JSON_REAL);
    assert_refused("1e309", "byte 0: real beyond double's range");
    assert_refused("[-1E400]", "byte 1: real beyond double's range");
    assert_refused("1.8e308", "byte 0: real beyond double's range");
    assert_refused("[0,1e999999999999999999999]", "byte 3: real beyond double's range");
}
END_TEST

START_TEST(a_name_stands_once_in_an_object)
{
    assert_refused("{\"a\":1,\"a\":2}", "byte 7: duplicate member name 'a'");
    assert_refused("{\"a\":1,\"b\":{\"c\":[{}]},\"a\":2}", "byte 22: duplicate member name 'a'");
    assert_refused("[{\"x\":{\"a\":1,\"\\u0061\":2}}]", "byte 13: duplicate member name 'a'");
    assert_refused("{\"\":1,\"\":2}", "byte 6: duplicate member name ''");
    assert_refused("{\"a\\u0000b\":1,\"a\\u0000b\":1}", "byte 14: duplicate member name 'a b'");
    assert_refused("{\"\\n\":1,\"\\u000a\":1}", "byte 8: duplicate member name ' '");
    assert_refused("{\"1234567890123456789012345678901234567890\":1,\"1234567890123456789012345678901234567890\":1}",
                   "byte 46: duplicate member name '1234567890123456789012345678901234567890'");
    assert_refused("{\"123456789012345678901234567890123456789\xC3\xA4\":1,\"123456789012345678901234567890123456789"
                   "\xC3\xA4\":1}",
                   "byte 47: duplicate member name '123456789012345678901234567890123456789\xE2\x80\xA6'");
    parsed("{\"a\":{\"a\":{\"a\":1}},\"A\":1,\"aa\":1,\"\":1,\"\\u0000\":1,\"\\u0000\\u0000\":1,\"a\\u0000\":1}");
    parsed("[{\"a\":1},{\"a\":1}]");
}
END_TEST

/* An object of `count` members n0 … whose last one has the name of member `twin`, or its own when that is out of range.
 */
static weir_bytes object_of(size_t count, size_t twin, weir_buffer *text)
{
    char member[64];
    bool ok = true;

    weir__buffer_reset(text);
    for (size_t i = 0; i < count; i++) {
        int size = snprintf(member, sizeof member, "%c\"n%zu\":[{}]", i ? ',' : '{',
                            i + 1 == count && twin < count ? twin : i);

        ok = ok && weir__buffer_add(text, member, (size_t)size) == WEIR_OK; /* Check's asserts cost a write each */
    }
    ck_assert(ok && weir__buffer_add_byte(text, '}') == WEIR_OK);
    return weir__buffer_bytes(text);
}

START_TEST(duplicates_are_found_in_objects_of_any_size)
{
    static const size_t sizes[] = { 2, 3, 15, 16, 17, 18, 127, 128, 129, 130, 255, 256, 257, 1000, 5000 };
    weir_buffer text;
    char message[64];

    weir__buffer_init(&text, SIZE_MAX);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t count = sizes[i];
        size_t twins[] = { 0, (count - 1) / 2, count - 2 };
        weir_bytes bytes = object_of(count, SIZE_MAX, &text);

        ck_assert_uint_eq(weir__json_size(parsed_bytes(bytes)), count);
        for (size_t j = 0; j < 3; j++) {
            size_t before;

            bytes = object_of(count, twins[j], &text);
            before = bytes.size - 2;
            while (bytes.data[before] != ',')
                before--;
            (void)snprintf(message, sizeof message, "byte %zu: duplicate member name 'n%zu'", before + 1, twins[j]);
            assert_refused_bytes(bytes, WEIR_INVALID, message);
        }
        weir__arena_reset(&arena);
    }
    weir__buffer_clear(&text);
}
END_TEST

START_TEST(a_million_members_are_checked_without_a_million_squared)
{
    weir_buffer text;

    weir__buffer_init(&text, SIZE_MAX);
    ck_assert_uint_eq(weir__json_size(parsed_bytes(object_of(1000000, SIZE_MAX, &text))), 1000000);
    assert_refused_bytes(object_of(1000000, 0, &text), WEIR_INVALID, NULL);
    weir__buffer_clear(&text);
}
END_TEST

/* `open` n times, `middle`, `close` n times. */
static weir_bytes nested(size_t n, const char *open, const char *middle, const char *close, weir_buffer *text)
{
    bool ok = true;

    weir__buffer_reset(text);
    for (size_t i = 0; i < n; i++)
        ok = ok && weir__buffer_add(text, open, strlen(open)) == WEIR_OK;
    ok = ok && weir__buffer_add(text, middle, strlen(middle)) == WEIR_OK;
    for (size_t i = 0; i < n; i++)
        ok = ok && weir__buffer_add(text, close, strlen(close)) == WEIR_OK;
    ck_assert(ok);
    return weir__buffer_bytes(text);
}

START_TEST(depth_is_counted_in_containers)
{
    const weir_json *json;
    weir_error err = { 0 };
    weir_buffer text;

    ck_assert_int_eq(weir__json_parse(weir__bytes_text("7"), 0, &arena, &json, &err), WEIR_OK);
    ck_assert_int_eq(weir__json_parse(weir__bytes_text("[]"), 0, &arena, &json, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "byte 0: deeper than 0 levels");
    ck_assert_int_eq(weir__json_parse(weir__bytes_text("[1,{}]"), 1, &arena, &json, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "byte 3: deeper than 1 levels");
    ck_assert_int_eq(weir__json_parse(weir__bytes_text("[\"[\\\"[[\",[],[],{},{\"[{\":[]}]"), 3, &arena, &json, &err),
                     WEIR_OK);
    ck_assert_int_eq(weir__json_parse(weir__bytes_text("[\"[\\\"[[\",[],[],{},{\"[{\":[]}]"), 2, &arena, &json, &err),
                     WEIR_LIMIT);
    ck_assert_str_eq(err.message, "byte 24: deeper than 2 levels");
    weir__buffer_init(&text, SIZE_MAX);
    parsed_bytes(nested(512, "[", "", "]", &text));
    parsed_bytes(nested(256, "[{\"a\":", "1", "}]", &text));
    assert_refused_bytes(nested(513, "[", "", "]", &text), WEIR_LIMIT, "byte 512: deeper than 512 levels");
    assert_refused_bytes(nested(513, "{\"a\":", "1", "}", &text), WEIR_LIMIT, "byte 2560: deeper than 512 levels");
    assert_refused_bytes(nested(513, "[ ", "", " ]", &text), WEIR_LIMIT, "byte 1024: deeper than 512 levels");
    weir__buffer_clear(&text);
}
END_TEST

START_TEST(ten_million_brackets_are_too_deep_at_little_cost)
{
    weir_buffer text;
    const size_t n = 10000000;

    weir__buffer_init(&text, SIZE_MAX);
    /* Too deep, also where it is not JSON for another reason further on. */
    assert_refused_bytes(nested(n, "[", "", "", &text), WEIR_LIMIT, "byte 512: deeper than 512 levels");
    ck_assert_uint_lt(weir__arena_footprint(&arena), n * 4);
    weir__arena_reset(&arena);
    assert_refused_bytes(nested(n, "[", "", "]", &text), WEIR_LIMIT, "byte 512: deeper than 512 levels");
    ck_assert_uint_lt(weir__arena_footprint(&arena), 2 * n * 4);
    weir__arena_reset(&arena);
    assert_refused_bytes(nested(n, "{\"\":", "", "", &text), WEIR_LIMIT, NULL);
    weir__arena_reset(&arena);
    assert_refused_bytes(nested(n, "[ \n", "", "", &text), WEIR_LIMIT, NULL);
    weir__buffer_clear(&text);
}
END_TEST

START_TEST(a_dense_text_grows_its_values_in_place)
{
    weir_buffer text;
    const weir_json *at = NULL, *value = NULL, *json;
    size_t count = 0;
    bool ok = true;

    weir__buffer_init(&text, SIZE_MAX);
    for (size_t i = 0; i < 1000000; i++)
        ok = ok && weir__buffer_add(&text, i ? ",7" : "[7", 2) == WEIR_OK;
    ck_assert(ok && weir__buffer_add_byte(&text, ']') == WEIR_OK);
    json = parsed_bytes(weir__buffer_bytes(&text));
    /* 2 MB of text, 16 MB of values, at most half as much again: not one copy for each time it grew. */
    ck_assert_uint_lt(weir__arena_footprint(&arena), 28000000);
    while (weir__json_next(json, &at, NULL, &value)) {
        ok = ok && weir__json_int(value) == 7;
        count++;
    }
    ck_assert(ok);
    ck_assert_uint_eq(count, 1000000);
    weir__buffer_clear(&text);
}
END_TEST

START_TEST(a_small_text_takes_little_of_the_arena_and_values_before_it_stay)
{
    const weir_json *first = parsed("{\"a\":[1,2,3],\"b\":\"text\"}");
    size_t footprint = weir__arena_footprint(&arena);
    const uint8_t *at = arena.at;
    const weir_json *second = parsed("{\"word\":\"weir\",\"n\":1}");

    ck_assert_uint_eq(weir__arena_footprint(&arena), footprint);
    /* The text with its padding, five values, and the 64 bytes of yyjson's document. */
    ck_assert_uint_le((size_t)(arena.at - at), 32 + 64 + 5 * 16);
    for (int i = 0; i < 1000; i++)
        parsed("[[1,2],[3,4],[5,6],{\"a\":\"b\"}]");
    assert_bytes(weir__json_text(weir__json_member(first, weir__bytes_text("b"))), "text", 4);
    assert_bytes(weir__json_text(weir__json_member(second, weir__bytes_text("word"))), "weir", 4);
}
END_TEST

START_TEST(nul_characters_are_allowed_in_strings_and_names)
{
    const weir_json *json = parsed("{\"a\\u0000b\":\"\\u0000\"}");

    assert_bytes(weir__json_text(weir__json_member(json, weir__bytes("a\0b", 3))), "", 1);
    ck_assert_ptr_null(weir__json_member(json, weir__bytes("a", 1)));
}
END_TEST

START_TEST(escapes_and_surrogate_pairs_are_decoded)
{
    assert_bytes(weir__json_text(parsed("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\u20AC\\uD83D\\uDE00\"")),
                 "\"\\/\b\f\n\r\tA\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 18);
    assert_bytes(weir__json_text(parsed("\"\\uffff\\uDBFF\\uDFFF\"")), "\xEF\xBF\xBF\xF4\x8F\xBF\xBF", 7);
    assert_bytes(weir__json_text(parsed("\"\x7F\"")), "\x7F", 1);
}
END_TEST

START_TEST(no_error_is_asked_for_and_none_is_written)
{
    const weir_json *json = NULL;

    ck_assert_int_eq(weir__json_parse(weir__bytes_text("{\"a\":1,\"a\":2}"), 9, &arena, &json, NULL), WEIR_INVALID);
    ck_assert_int_eq(weir__json_parse(weir__bytes_text("[[1]]"), 1, &arena, &json, NULL), WEIR_LIMIT);
    ck_assert_int_eq(weir__json_parse(weir__bytes(NULL, 0), 1, &arena, &json, NULL), WEIR_INVALID);
    ck_assert_ptr_null(json);
}
END_TEST

/* Every text of up to five bytes out of an alphabet of JSON's own: read or refused, and then printed as read again. */
START_TEST(every_short_text_is_refused_or_round_trips)
{
    static const char alphabet[] = "[]{}\",:01-.e \\";
    const size_t letters = sizeof alphabet - 1;
    size_t valid = 0, combinations = letters;
    weir_buffer out, again;

    weir__buffer_init(&out, SIZE_MAX);
    weir__buffer_init(&again, SIZE_MAX);
    for (size_t size = 1; size <= 5; size++, combinations *= letters) {
        for (size_t n = 0; n < combinations; n++) {
            char text[5];
            const weir_json *json = NULL;
            size_t rest = n;

            for (size_t i = 0; i < size; i++, rest /= letters)
                text[i] = alphabet[rest % letters];
            weir__arena_reset(&arena);
            if (weir__json_parse(weir__bytes(text, size), 3, &arena, &json, NULL) != WEIR_OK)
                continue;
            valid++;
            weir__buffer_reset(&out);
            weir__buffer_reset(&again);
            ck_assert_msg(weir__json_print(json, &out) == WEIR_OK &&
                              weir__json_parse(weir__buffer_bytes(&out), 3, &arena, &json, NULL) == WEIR_OK &&
                              weir__json_print(json, &again) == WEIR_OK &&
                              weir__bytes_equal(weir__buffer_bytes(&out), weir__buffer_bytes(&again)),
                          "'%.*s'", (int)size, text);
        }
    }
    ck_assert_uint_eq(valid, 2869); /* counted by Python's json */
    weir__buffer_clear(&out);
    weir__buffer_clear(&again);
}
END_TEST

/* A record with up to three bytes changed: no crash, and jansson is of the same mind (but of NUL bytes, which it
 * loses). */
START_TEST(damaged_records_are_refused_or_agree_with_jansson)
{
    static const char record[] =
        "{\"id\": 17, \"tags\":[\"a\\u00e4\\n\",\"\xC3\xA4\xE2\x82\xAC\"], \"x\":{\"y\":-1.5e3,\"z\":[true,"
        "null,{}]}, \"last\":9223372036854775807}";
    uint64_t state = 42;

    for (int round = 0; round < 200000; round++) {
        char text[sizeof record];
        size_t size = sizeof record - 1;
        const weir_json *json = NULL;
        weir_code rc;
        json_t *tree;
        json_error_t error;

        memcpy(text, record, sizeof record);
        for (uint32_t changes = next_random(&state) % 3 + 1; changes > 0; changes--)
            text[next_random(&state) % size] = (char)(next_random(&state) % 2 ? record[next_random(&state) % size]
                                                                              : (char)(next_random(&state) % 255 + 1));
        if (next_random(&state) % 4 == 0)
            size = next_random(&state) % size;
        weir__arena_reset(&arena);
        rc = weir__json_parse(weir__bytes(text, size), 8, &arena, &json, NULL);
        tree = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
        ck_assert_msg((rc == WEIR_OK) == (tree != NULL), "%.*s: %d, jansson: %s", (int)size, text, rc, error.text);
        if (tree) {
            json_t *ours = weir__json_tree(json);

            ck_assert_ptr_nonnull(ours);
            ck_assert_msg(json_equal(tree, ours), "%.*s", (int)size, text);
            json_decref(ours);
        }
        json_decref(tree);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec/parse");
    TCase *values = new_case(suite, "values");
    TCase *rules = new_case(suite, "rules");
    TCase *limits = new_case(suite, "limits");
    TCase *fuzz = new_case(suite, "fuzz");

    tcase_add_test(values, every_kind_of_value_is_read);
    tcase_add_test(values, an_array_is_gone_through_in_order_and_a_scalar_or_empty_one_has_nothing);
    tcase_add_test(values, the_given_text_is_not_written_to_and_not_needed_later);
    tcase_add_test(values, nul_characters_are_allowed_in_strings_and_names);
    tcase_add_test(values, escapes_and_surrogate_pairs_are_decoded);
    tcase_add_test(rules, what_is_no_text_says_where);
    tcase_add_test(rules, what_other_readers_are_lax_about_is_refused);
    tcase_add_test(rules, a_nul_byte_is_no_blank_and_no_end);
    tcase_add_test(rules, bytes_that_are_not_utf8_are_refused_wherever_they_stand);
    tcase_add_test(rules, an_integer_is_an_int64_or_an_error);
    tcase_add_test(rules, a_real_is_finite_or_an_error);
    tcase_add_test(rules, a_name_stands_once_in_an_object);
    tcase_add_test(rules, no_error_is_asked_for_and_none_is_written);
    tcase_add_test(limits, duplicates_are_found_in_objects_of_any_size);
    tcase_add_test(limits, a_million_members_are_checked_without_a_million_squared);
    tcase_add_test(limits, depth_is_counted_in_containers);
    tcase_add_test(limits, ten_million_brackets_are_too_deep_at_little_cost);
    tcase_add_test(limits, a_dense_text_grows_its_values_in_place);
    tcase_add_test(limits, a_small_text_takes_little_of_the_arena_and_values_before_it_stay);
    tcase_add_test(fuzz, every_short_text_is_refused_or_round_trips);
    tcase_add_test(fuzz, damaged_records_are_refused_or_agree_with_jansson);
    return weir__suite_run(suite);
}
