/* SPDX-License-Identifier: Apache-2.0 */
/* codec/format: payloads both ways, and the schema that is missing. */
#include "codec/format.h"
#include "support.h"

static weir_error err;

static weir_format *format_of(weir_format_kind kind)
{
    weir_format_options options = { .kind = kind, .depth = 8, .record_bytes = 64 };
    weir_format *format = NULL;

    ck_assert_int_eq(weir__format_new(&options, &format, &err), WEIR_OK);
    return format;
}

static weir_avro_type *type_of(const char *schema)
{
    weir_bytes text = weir__bytes_text(schema);
    weir_avro_type *type = NULL;

    ck_assert_int_eq(weir__avro_type_new(&text, 1, &type, &err), WEIR_OK);
    return type;
}

static void assert_decodes(weir_format *format, const void *payload, size_t size, const char *json)
{
    const weir_json *value = NULL;
    uint32_t missing = 0;
    weir_buffer printed;

    weir__buffer_init(&printed, SIZE_MAX);
    ck_assert_msg(weir__format_decode(format, weir__bytes(payload, size), &arena, &value, &missing, &err) == WEIR_OK,
                  "%s: %s", json, err.message);
    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(weir__json_print(value, &printed), WEIR_OK);
    assert_bytes(weir__buffer_bytes(&printed), json, strlen(json));
    weir__buffer_clear(&printed);
}

static void assert_undecodable(weir_format *format, const void *payload, size_t size, weir_code code,
                               const char *message)
{
    const weir_json *value = NULL;
    uint32_t missing = 0;

    ck_assert_int_eq(weir__format_decode(format, weir__bytes(payload, size), &arena, &value, &missing, &err), code);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
}

static void assert_encodes(weir_format *format, const char *json, const void *payload, size_t size)
{
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_msg(weir__format_encode(format, weir__bytes_text(json), &out, &err) == WEIR_OK, "%s", err.message);
    assert_bytes(weir__buffer_bytes(&out), payload, size);
    weir__buffer_clear(&out);
}

static void assert_unencodable(weir_format *format, const char *json, weir_code code, const char *message)
{
    weir_buffer out;

    weir__buffer_init(&out, 16);
    ck_assert_int_eq(weir__buffer_add_text(&out, "kept"), WEIR_OK);
    ck_assert_int_eq(weir__format_encode(format, weir__bytes_text(json), &out, &err), code);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    assert_bytes(weir__buffer_bytes(&out), "kept", 4);
    weir__buffer_clear(&out);
}

START_TEST(formats_have_names)
{
    weir_format_kind kind = WEIR__FORMAT_JSON;

    ck_assert(weir__format_named("avro", &kind));
    ck_assert_int_eq(kind, WEIR__FORMAT_AVRO);
    ck_assert(weir__format_named("json", &kind));
    ck_assert_int_eq(kind, WEIR__FORMAT_JSON);
    ck_assert(!weir__format_named("Avro", &kind));
    weir__format_free(NULL);
}
END_TEST

START_TEST(a_record_without_a_value_is_null_in_every_format)
{
    for (int kind = WEIR__FORMAT_JSON; kind <= WEIR__FORMAT_AVRO; kind++) {
        weir_format *format = format_of((weir_format_kind)kind);
        const weir_json *value = NULL;

        ck_assert_int_eq(weir__format_decode(format, (weir_bytes){ NULL, 0 }, &arena, &value, NULL, &err), WEIR_OK);
        ck_assert_int_eq(weir__json_kind(value), WEIR__JSON_NULL);
        weir__format_free(format);
    }
}
END_TEST

START_TEST(a_payload_has_limits)
{
    static const char nested[] = "[[[[[[[[[1]]]]]]]]]";
    uint8_t long_one[65] = { 0 };

    for (int kind = WEIR__FORMAT_JSON; kind <= WEIR__FORMAT_AVRO; kind++) {
        weir_format *format = format_of((weir_format_kind)kind);

        assert_undecodable(format, long_one, sizeof long_one, WEIR_LIMIT, "65 bytes, over limits.record-bytes of 64");
        weir__format_free(format);
    }
    weir_format *json = format_of(WEIR__FORMAT_JSON);

    assert_undecodable(json, nested, sizeof nested - 1, WEIR_LIMIT, "byte 8: deeper than 8 levels");
    weir__format_free(json);
}
END_TEST

START_TEST(json_is_parsed_and_given_as_it_is)
{
    weir_format *format = format_of(WEIR__FORMAT_JSON);

    assert_decodes(format, " {\"a\": 1 }", 10, "{\"a\":1}");
    assert_undecodable(format, "", 0, WEIR_INVALID, "byte 0: no value, the text is empty");
    assert_encodes(format, "{\"a\":1}", "{\"a\":1}", 7);
    assert_unencodable(format, "\"more than what is left\"", WEIR_LIMIT, "the output is over 16 bytes");
    weir__format_free(format);
}
END_TEST

START_TEST(a_string_is_text_both_ways)
{
    weir_format *format = format_of(WEIR__FORMAT_STRING);

    assert_decodes(format, "a\0\"\xc3\xa9", 5, "\"a\\u0000\\\"\303\251\"");
    assert_decodes(format, "", 0, "\"\"");
    assert_undecodable(format, "\xff", 1, WEIR_INVALID, "the string is not UTF-8");
    assert_encodes(format, "\"a\\u0000\\\"\303\251\"", "a\0\"\xc3\xa9", 5);
    assert_encodes(format, "\"\"", "", 0);
    assert_unencodable(format, "1", WEIR_INVALID, "output.format string takes a string, and this is none");
    assert_unencodable(format, "{\"$bytes\":\"YQ==\"}", WEIR_INVALID,
                       "output.format string takes a string, and this is none");
    assert_unencodable(format, "\"thirteen bytes\"", WEIR_LIMIT, "the output is over 16 bytes");
    weir__format_free(format);
}
END_TEST

START_TEST(bytes_are_base64_both_ways)
{
    weir_format *format = format_of(WEIR__FORMAT_BYTES);

    assert_decodes(format, "\xff\0", 2, "{\"$bytes\":\"/wA=\"}");
    assert_decodes(format, "text", 4, "{\"$bytes\":\"dGV4dA==\"}");
    assert_decodes(format, "", 0, "{\"$bytes\":\"\"}");
    assert_encodes(format, "{\"$bytes\":\"/wA=\"}", "\xff\0", 2);
    assert_encodes(format, "{\"$bytes\":\"\"}", "", 0);
    assert_encodes(format, "\"text\"", "text", 4);
    assert_unencodable(format, "{\"$bytes\":\"AAAAAAAAAAAAAAAAAAAAAAAAAA==\"}", WEIR_LIMIT,
                       "the output is over 16 bytes");
    static const char *const none[] = { "[]", "{}", "{\"$bytes\":1}", "{\"$bytes\":\"YQ\"}", "{\"$bytes\":\"YR==\"}",
                                        "{\"$bytes\":\"Y Q=\"}", "{\"$bytes\":\"YQ==\",\"a\":1}" };

    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_unencodable(format, none[i], WEIR_INVALID,
                           "output.format bytes takes a string or {\"$bytes\": base64}, and this is none");
    weir__format_free(format);
}
END_TEST

START_TEST(every_size_of_base64_comes_back)
{
    weir_format_options options = { .kind = WEIR__FORMAT_BYTES, .depth = 8, .record_bytes = 300 };
    weir_format *format = NULL;
    uint8_t bytes[256];

    ck_assert_int_eq(weir__format_new(&options, &format, &err), WEIR_OK);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        const weir_json *value = NULL;
        weir_buffer json, out;

        weir__buffer_init(&json, SIZE_MAX);
        weir__buffer_init(&out, SIZE_MAX);
        ck_assert_int_eq(weir__format_decode(format, weir__bytes(bytes, size), &arena, &value, NULL, &err), WEIR_OK);
        ck_assert_int_eq(weir__json_print(value, &json), WEIR_OK);
        ck_assert_int_eq(weir__format_encode(format, weir__buffer_bytes(&json), &out, &err), WEIR_OK);
        assert_bytes(weir__buffer_bytes(&out), bytes, size);
        weir__buffer_clear(&json);
        weir__buffer_clear(&out);
    }
    weir__format_free(format);
}
END_TEST

START_TEST(avro_says_which_schema_it_needs)
{
    weir_format *format = format_of(WEIR__FORMAT_AVRO);
    weir_avro_type *text = type_of("\"string\""), *number = type_of("\"int\"");
    const weir_json *value = parsed("1");
    weir_bytes payload = weir__bytes("\0\0\0\1\2\2a", 7);
    uint32_t missing = 0;
    weir_error cause = { 0 };

    ck_assert_int_eq(weir__format_decode(format, payload, &arena, &value, &missing, &err), WEIR_OK);
    ck_assert_ptr_null(value);
    ck_assert_uint_eq(missing, 258);
    ck_assert_int_eq(weir__format_add_schema(format, 258, text, &err), WEIR_OK);
    ck_assert_int_eq(weir__format_add_schema(format, 7, number, &err), WEIR_OK);
    assert_decodes(format, "\0\0\0\1\2\2a", 7, "\"a\"");
    assert_decodes(format, "\0\0\0\0\7\2", 6, "1");
    assert_decodes(format, "\0\0\0\1\2\2b", 7, "\"b\"");
    assert_undecodable(format, "\0\0\0\0\7", 5, WEIR_INVALID, "Avro of schema 7: byte 0: cut off in a number");
    assert_undecodable(format, "\0\0\0\0", 4, WEIR_INVALID,
                       "4 bytes, where Avro from a schema registry has 5 before the value");
    assert_undecodable(format, "{\"a\":1}", 7, WEIR_INVALID,
                       "it begins with byte 0x7b, where Avro from a schema registry has 0x00");
    (void)weir__fail(&cause, WEIR_INVALID, WEIR_REMEDY_FIX, "schema 9 is not there");
    ck_assert_int_eq(weir__format_refuse_schema(format, 9, &cause, &err), WEIR_OK);
    assert_undecodable(format, "\0\0\0\0\11\2", 6, WEIR_INVALID, "schema 9 is not there");
    ck_assert_int_eq(weir__format_add_schema(format, 9, number, &err), WEIR_OK);
    assert_decodes(format, "\0\0\0\0\11\2", 6, "1");
    weir__format_free(format);
    weir__avro_type_free(text);
    weir__avro_type_free(number);
}
END_TEST

START_TEST(refusals_are_not_kept_without_end)
{
    weir_format *format = format_of(WEIR__FORMAT_AVRO);
    weir_avro_type *number = type_of("\"int\"");
    weir_error cause = { .code = WEIR_INVALID, .message = "no" };
    const weir_json *value = parsed("1");
    uint32_t missing = 0;

    ck_assert_int_eq(weir__format_add_schema(format, 500, number, &err), WEIR_OK);
    for (uint32_t id = 0; id < 1001; id++) {
        if (id != 500)
            ck_assert_int_eq(weir__format_refuse_schema(format, id, &cause, &err), WEIR_OK);
    }
    assert_undecodable(format, "\0\0\0\0\1\2", 6, WEIR_INVALID, "no");
    ck_assert_int_eq(weir__format_refuse_schema(format, 5000, &cause, &err), WEIR_OK);
    ck_assert_int_eq(weir__format_decode(format, weir__bytes("\0\0\0\0\1\2", 6), &arena, &value, &missing, &err),
                     WEIR_OK);
    ck_assert_ptr_null(value);
    ck_assert_uint_eq(missing, 1);
    assert_decodes(format, "\0\0\0\1\xf4\2", 6, "1");
    weir__format_free(format);
    weir__avro_type_free(number);
}
END_TEST

START_TEST(avro_writes_its_schemas_id_before_the_value)
{
    weir_format *format = format_of(WEIR__FORMAT_AVRO);
    weir_avro_type *type = type_of("\"string\"");

    assert_unencodable(format, "1", WEIR_INVALID, "output.format avro has no schema yet");
    weir__format_set_output_schema(format, 0x01020304, type);
    assert_encodes(format, "\"a\"", "\0\1\2\3\4\2a", 7);
    assert_unencodable(format, "1", WEIR_INVALID, "an integer that does not fit a string");
    assert_unencodable(format, "\"longer than it may be\"", WEIR_LIMIT, "more than 16 bytes as Avro");
    weir__format_free(format);
    weir__avro_type_free(type);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec/format");
    TCase *tcase = new_case(suite, "format");

    tcase_add_test(tcase, formats_have_names);
    tcase_add_test(tcase, a_record_without_a_value_is_null_in_every_format);
    tcase_add_test(tcase, a_payload_has_limits);
    tcase_add_test(tcase, json_is_parsed_and_given_as_it_is);
    tcase_add_test(tcase, a_string_is_text_both_ways);
    tcase_add_test(tcase, bytes_are_base64_both_ways);
    tcase_add_test(tcase, every_size_of_base64_comes_back);
    tcase_add_test(tcase, avro_says_which_schema_it_needs);
    tcase_add_test(tcase, refusals_are_not_kept_without_end);
    tcase_add_test(tcase, avro_writes_its_schemas_id_before_the_value);
    return weir__suite_run(suite);
}
