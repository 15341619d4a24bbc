/* SPDX-License-Identifier: Apache-2.0 */
/* codec/avro: every type both ways, what is refused, and what hostile bytes come to. */
#include "codec/avro_json.h"
#include "support.h"

enum { DEPTH = 64, MAXIMUM = 1 << 20 };

static weir_error err;

static weir_avro_type *type_of(const char *schema)
{
    weir_bytes text = weir__bytes_text(schema);
    weir_avro_type *type = NULL;

    ck_assert_msg(weir__avro_type_new(&text, 1, &type, &err) == WEIR_OK, "%s: %s", schema, err.message);
    return type;
}

static void assert_no_schema(const char *schema, const char *message)
{
    weir_bytes text = weir__bytes_text(schema);
    weir_avro_type *type = NULL;

    ck_assert_msg(weir__avro_type_new(&text, 1, &type, &err) == WEIR_INVALID, "%s", schema);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_ptr_null(type);
}

/* The bytes read as `json`. In memory of their exact size. */
static void assert_reads(const weir_avro_type *type, const void *bytes, size_t size, const char *json)
{
    const weir_json *value = NULL;
    uint8_t *exact = malloc(size ? size : 1);
    weir_buffer printed;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, size);
    weir__buffer_init(&printed, SIZE_MAX);
    ck_assert_msg(weir__avro_read(type, weir__bytes(exact, size), DEPTH, MAXIMUM, &arena, &value, &err) == WEIR_OK,
                  "%s: %s", json, err.message);
    free(exact); /* nothing of it is needed any more */
    ck_assert_int_eq(weir__json_print(value, &printed), WEIR_OK);
    assert_bytes(weir__buffer_bytes(&printed), json, strlen(json));
    weir__buffer_clear(&printed);
}

static void assert_writes(const weir_avro_type *type, const char *json, const void *bytes, size_t size)
{
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_msg(weir__avro_write(type, parsed(json), &out, &err) == WEIR_OK, "%s: %s", json, err.message);
    assert_bytes(weir__buffer_bytes(&out), bytes, size);
    weir__buffer_clear(&out);
}

/* Both ways. */
#define ASSERT_IS(schema, bytes, json)                                                                                 \
    do {                                                                                                               \
        weir_avro_type *type_ = type_of(schema);                                                                       \
        assert_reads(type_, bytes, sizeof bytes - 1, json);                                                            \
        assert_writes(type_, json, bytes, sizeof bytes - 1);                                                           \
        weir__avro_type_free(type_);                                                                                   \
    } while (0)

#define ASSERT_WRITES(schema, json, bytes)                                                                             \
    do {                                                                                                               \
        weir_avro_type *type_ = type_of(schema);                                                                       \
        assert_writes(type_, json, bytes, sizeof bytes - 1);                                                           \
        weir__avro_type_free(type_);                                                                                   \
    } while (0)

static void assert_unreadable(const char *schema, const void *bytes, size_t size, weir_code code, const char *message)
{
    weir_avro_type *type = type_of(schema);
    const weir_json *value = NULL;
    uint8_t *exact = malloc(size ? size : 1);

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, bytes, size);
    ck_assert_int_eq(weir__avro_read(type, weir__bytes(exact, size), DEPTH, MAXIMUM, &arena, &value, &err), code);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_ptr_null(value);
    free(exact);
    weir__avro_type_free(type);
}

#define ASSERT_UNREADABLE(schema, bytes, message)                                                                      \
    assert_unreadable(schema, bytes, sizeof bytes - 1, WEIR_INVALID, message)

static void assert_unwritable(const char *schema, const char *json, const char *message)
{
    weir_avro_type *type = type_of(schema);
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_int_eq(weir__buffer_add_text(&out, "kept"), WEIR_OK);
    ck_assert_msg(weir__avro_write(type, parsed(json), &out, &err) == WEIR_INVALID, "%s", json);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    assert_bytes(weir__buffer_bytes(&out), "kept", 4);
    weir__buffer_clear(&out);
    weir__avro_type_free(type);
}

/* ---- types ------------------------------------------------------------------------------------------------------- */

START_TEST(every_simple_type_goes_both_ways)
{
    ASSERT_IS("\"null\"", "", "null");
    ASSERT_IS("\"boolean\"", "\1", "true");
    ASSERT_IS("{\"type\":\"boolean\"}", "\0", "false");
    ASSERT_IS("\"int\"", "\0", "0");
    ASSERT_IS("\"int\"", "\1", "-1");
    ASSERT_IS("\"int\"", "\x80\x01", "64");
    ASSERT_IS("\"int\"", "\xff\xff\xff\xff\x0f", "-2147483648");
    ASSERT_IS("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "-9223372036854775808");
    ASSERT_IS("\"long\"", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "9223372036854775807");
    ASSERT_IS("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", "\2", "1");
    ASSERT_IS("\"float\"", "\0\0\xc0\x3f", "1.5");
    ASSERT_IS("\"double\"", "\x9a\x99\x99\x99\x99\x99\xb9\x3f", "0.1");
    ASSERT_IS("\"double\"", "\0\0\0\0\0\0\0\x80", "-0.0");
    ASSERT_IS("\"double\"", "\0\0\0\0\0\0\xf8\x7f", "\"NaN\"");
    ASSERT_IS("\"float\"", "\0\0\x80\x7f", "\"Infinity\"");
    ASSERT_IS("\"double\"", "\0\0\0\0\0\0\xf0\xff", "\"-Infinity\"");
    ASSERT_IS("\"string\"", "\0", "\"\"");
    ASSERT_IS("\"string\"", "\x0c" "a\0\"\xe2\x82\xac", "\"a\\u0000\\\"€\"");
    ASSERT_IS("\"bytes\"", "\0", "{\"$bytes\":\"\"}");
    ASSERT_IS("\"bytes\"", "\4hi", "{\"$bytes\":\"aGk=\"}");
    ASSERT_IS("\"bytes\"", "\2\xff", "{\"$bytes\":\"/w==\"}");
    ASSERT_IS("{\"type\":\"fixed\",\"name\":\"F\",\"size\":3}", "\0\xff\1", "{\"$bytes\":\"AP8B\"}");
    ASSERT_IS("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"Z\",\"A\"]}", "\2", "\"A\"");
}
END_TEST

START_TEST(every_container_goes_both_ways)
{
    ASSERT_IS("{\"type\":\"array\",\"items\":\"int\"}", "\0", "[]");
    ASSERT_IS("{\"type\":\"array\",\"items\":\"int\"}", "\6\2\4\6\0", "[1,2,3]");
    ASSERT_IS("{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":\"null\"}}", "\4\0\2\0\0", "[[],[null]]");
    ASSERT_IS("{\"type\":\"map\",\"values\":\"boolean\"}", "\4\2b\1\2a\0\0", "{\"b\":true,\"a\":false}");
    ASSERT_IS("{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}", "", "{}");
    ASSERT_IS("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"b\",\"type\":\"int\"},"
              "{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"x\","
              "\"type\":\"string\"}]}}]}",
              "\2\2y", "{\"b\":1,\"a\":{\"x\":\"y\"}}");
    ASSERT_IS("[\"null\",\"string\"]", "\0", "null");
    ASSERT_IS("[\"null\",\"string\"]", "\2\2a", "\"a\"");
}
END_TEST

START_TEST(a_type_may_hold_itself)
{
    ASSERT_IS("{\"type\":\"record\",\"name\":\"Node\",\"namespace\":\"a.b\",\"fields\":[{\"name\":\"v\","
              "\"type\":\"int\"},{\"name\":\"next\",\"type\":[\"null\",\"Node\"]},"
              "{\"name\":\"more\",\"type\":{\"type\":\"array\","
              "\"items\":\"a.b.Node\"}}]}",
              "\2\2\4\0\2\6\0\0\0\0", "{\"v\":1,\"next\":{\"v\":2,\"next\":null,\"more\":[{\"v\":3,\"next\":null,"
              "\"more\":[]}]},\"more\":[]}");
}
END_TEST

START_TEST(names_are_found_as_their_namespace_says)
{
    static const char schema[] =
        "{\"type\":\"record\",\"name\":\"x.R\",\"namespace\":\"ignored\",\"fields\":["
        "{\"name\":\"a\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}},"
        "{\"name\":\"b\",\"type\":\"x.E\"},{\"name\":\"c\",\"type\":\"E\"},"
        "{\"name\":\"d\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"\",\"size\":1}},"
        "{\"name\":\"e\",\"type\":\"F\"}]}";
    weir_avro_type *type = type_of(schema);

    ck_assert_str_eq(weir__avro_type_name(type), "x.R");
    assert_reads(type, "\0\0\0AB", 5, "{\"a\":\"A\",\"b\":\"A\",\"c\":\"A\",\"d\":{\"$bytes\":\"QQ==\"},"
                                       "\"e\":{\"$bytes\":\"Qg==\"}}");
    weir__avro_type_free(type);
    type = type_of("\"int\"");
    ck_assert_ptr_null(weir__avro_type_name(type));
    weir__avro_type_free(type);
    weir__avro_type_free(NULL);
}
END_TEST

START_TEST(schemas_before_define_names_for_the_last)
{
    weir_bytes texts[] = { weir__bytes_text("{\"type\":\"enum\",\"name\":\"a.E\",\"symbols\":[\"S\"]}"),
                           weir__bytes_text("{\"type\":\"record\",\"name\":\"b.R\",\"fields\":[{\"name\":\"e\","
                                            "\"type\":\"a.E\"}]}"),
                           weir__bytes_text("{\"type\":\"array\",\"items\":\"b.R\"}") };
    weir_avro_type *type = NULL;

    ck_assert_int_eq(weir__avro_type_new(texts, 3, &type, &err), WEIR_OK);
    assert_reads(type, "\2\0\0", 3, "[{\"e\":\"S\"}]");
    weir__avro_type_free(type);
    ck_assert_int_eq(weir__avro_type_new(texts + 1, 2, &type, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "Avro schema: field 'e': not defined: the type 'a.E'");
}
END_TEST

START_TEST(what_is_no_schema_is_refused)
{
    assert_no_schema("", "Avro schema: byte 0: no value, the text is empty");
    assert_no_schema("int", "Avro schema: byte 0: unexpected character, expected a valid root value");
    assert_no_schema("7", "Avro schema: a type that is neither a name, nor an array, nor an object");
    assert_no_schema("{}", "Avro schema: an object without \"type\"");
    assert_no_schema("\"integer\"", "Avro schema: not defined: the type 'integer'");
    assert_no_schema("\"\"", "Avro schema: a type without a name");
    assert_no_schema("[]", "Avro schema: a union without branches");
    assert_no_schema("[\"int\",[\"null\"]]", "Avro schema: a union right in a union");
    assert_no_schema("[\"int\",\"int\"]", "Avro schema: a union with an int twice");
    assert_no_schema("{\"type\":\"array\"}", "Avro schema: an array without the type of its items");
    assert_no_schema("{\"type\":\"map\"}", "Avro schema: a map without the type of its values");
    assert_no_schema("{\"type\":\"record\",\"fields\":[]}", "Avro schema: a record without a name");
    assert_no_schema("{\"type\":\"record\",\"name\":\"R\"}", "Avro schema: without fields: the record 'R'");
    assert_no_schema("{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}",
                     "Avro schema: a type may not be named 'int'");
    assert_no_schema("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}",
                     "Avro schema: a field without name or type in the record 'R'");
    assert_no_schema("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
                     "{\"name\":\"a\",\"type\":\"int\"}]}",
                     "Avro schema: twice in one record: the field 'a'");
    assert_no_schema("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", "Avro schema: without symbols: the enum 'E'");
    assert_no_schema("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\",\"A\"]}",
                     "Avro schema: twice in one enum: the symbol 'A'");
    assert_no_schema("{\"type\":\"fixed\",\"name\":\"F\"}",
                     "Avro schema: without a size of 0..2147483647: the fixed 'F'");
    assert_no_schema("[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}]",
                     "Avro schema: defined twice: the name 'F'");
}
END_TEST

START_TEST(a_schema_has_limits)
{
    weir_buffer text;
    weir_bytes bytes;
    weir_avro_type *type = NULL;

    weir__buffer_init(&text, SIZE_MAX);
    for (int i = 0; i < 100000; i++)
        ck_assert_int_eq(weir__buffer_add_text(&text, "{\"type\":"), WEIR_OK);
    bytes = weir__buffer_bytes(&text);
    ck_assert_int_eq(weir__avro_type_new(&bytes, 1, &type, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "Avro schema: byte 2048: deeper than 256 levels");
    weir__buffer_reset(&text);
    ck_assert_int_eq(weir__buffer_add_text(&text, "{\"type\":\"record\",\"name\":\"R\",\"fields\":["), WEIR_OK);
    for (int i = 0; i < 20000; i++) {
        char field[64];

        snprintf(field, sizeof field, "%s{\"name\":\"%d\",\"type\":[\"int\"]}", i ? "," : "", i);
        ck_assert_int_eq(weir__buffer_add_text(&text, field), WEIR_OK);
    }
    ck_assert_int_eq(weir__buffer_add_text(&text, "]}"), WEIR_OK);
    bytes = weir__buffer_bytes(&text);
    ck_assert_int_eq(weir__avro_type_new(&bytes, 1, &type, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "Avro schema: field '19998': more than 20000 types");
    while (text.size < 1 << 20)
        ck_assert_int_eq(weir__buffer_add_text(&text, "          "), WEIR_OK);
    bytes = weir__buffer_bytes(&text);
    ck_assert_int_eq(weir__avro_type_new(&bytes, 1, &type, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "Avro schema: over 1048576 bytes");
    ck_assert_ptr_null(type);
    weir__buffer_clear(&text);
}
END_TEST

/* ---- reading ----------------------------------------------------------------------------------------------------- */

START_TEST(blocks_may_be_several_and_say_their_size)
{
    weir_avro_type *type = type_of("{\"type\":\"array\",\"items\":\"int\"}");

    assert_reads(type, "\2\2\4\4\6\0", 6, "[1,2,3]");
    assert_reads(type, "\3\4\4\6\2\2\0", 7, "[2,3,1]");
    weir__avro_type_free(type);
}
END_TEST

START_TEST(bytes_that_are_not_of_the_type_are_refused_with_their_place)
{
    static const char ints[] = "{\"type\":\"array\",\"items\":\"int\"}";

    ASSERT_UNREADABLE("\"int\"", "", "byte 0: cut off in a number");
    ASSERT_UNREADABLE("\"int\"", "\x80", "byte 0: cut off in a number");
    ASSERT_UNREADABLE("\"int\"", "\x80\x80\x80\x80\x10", "byte 0: an int of more than 32 bits");
    ASSERT_UNREADABLE("\"long\"", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                      "byte 0: a number of more than 64 bits");
    ASSERT_UNREADABLE("\"null\"", "\0", "byte 0: something stands behind the value");
    ASSERT_UNREADABLE("\"boolean\"", "", "byte 0: cut off in a boolean");
    ASSERT_UNREADABLE("\"boolean\"", "\2", "byte 0: a boolean that is neither 0 nor 1");
    ASSERT_UNREADABLE("\"float\"", "abc", "byte 0: cut off in a float or double");
    ASSERT_UNREADABLE("\"double\"", "1234567", "byte 0: cut off in a float or double");
    ASSERT_UNREADABLE("\"string\"", "\4a", "byte 0: a length beyond the end");
    ASSERT_UNREADABLE("\"bytes\"", "\1", "byte 0: a length beyond the end");
    ASSERT_UNREADABLE("\"bytes\"", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "byte 0: a length beyond the end");
    ASSERT_UNREADABLE("\"string\"", "\2\xff", "byte 0: a string that is not UTF-8");
    ASSERT_UNREADABLE("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2147483647}", "a", "byte 0: cut off in a fixed");
    ASSERT_UNREADABLE("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\2",
                      "byte 0: no such symbol of the enum");
    ASSERT_UNREADABLE("[\"null\"]", "\2", "byte 0: no such branch of the union");
    ASSERT_UNREADABLE("[\"null\"]", "\1", "byte 0: no such branch of the union");
    ASSERT_UNREADABLE(ints, "\4\2\4", "byte 3: cut off in a number");
    ASSERT_UNREADABLE(ints, "\1\4\2\0", "byte 3: a block does not end where it says");
    ASSERT_UNREADABLE(ints, "\1\100\2\0", "byte 0: a block beyond the end");
    ASSERT_UNREADABLE("{\"type\":\"map\",\"values\":\"null\"}", "\4\2a\2a\0",
                      "byte 6: a map that ends here has one key twice");
}
END_TEST

START_TEST(counts_that_are_lies_cost_nothing)
{
    static const char most[] = "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    static const char least[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0";

    ASSERT_UNREADABLE("{\"type\":\"array\",\"items\":\"int\"}", most, "byte 10: cut off in a number");
    /* Elements of no bytes are there as often as is said: what they print as bounds them. */
    assert_unreadable("{\"type\":\"array\",\"items\":\"null\"}", most, sizeof most - 1, WEIR_LIMIT,
                      "byte 10: more than 1048576 bytes as JSON");
    assert_unreadable("{\"type\":\"array\",\"items\":\"null\"}", least, sizeof least - 1, WEIR_LIMIT,
                      "byte 11: more than 1048576 bytes as JSON");
    assert_unreadable("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}}", most,
                      sizeof most - 1, WEIR_LIMIT, "byte 10: more than 1048576 bytes as JSON");
    assert_unreadable("{\"type\":\"array\",\"items\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":0}}", most,
                      sizeof most - 1, WEIR_LIMIT, "byte 10: more than 1048576 bytes as JSON");
    ck_assert_uint_lt(weir__arena_footprint(&arena), 20u << 20);
}
END_TEST

START_TEST(depth_is_limited)
{
    static const char itself[] = "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":\"A\"}]}";
    static const char nested[] = "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":"
                                 "[\"bytes\",\"A\"]}]}";
    uint8_t ups[65];
    weir_avro_type *type;
    const weir_json *value;

    assert_unreadable(itself, "", 0, WEIR_LIMIT, "byte 0: deeper than 64 levels");
    memset(ups, 2, sizeof ups);
    ups[63] = 0; /* bytes, at level 64, are an object */
    ups[64] = 0;
    assert_unreadable(nested, ups, sizeof ups, WEIR_LIMIT, "byte 65: deeper than 64 levels");
    ups[62] = 0;
    ups[63] = 0;
    type = type_of(nested);
    ck_assert_int_eq(weir__avro_read(type, weir__bytes(ups, 64), DEPTH, MAXIMUM, &arena, &value, &err), WEIR_OK);
    weir__avro_type_free(type);
}
END_TEST

START_TEST(large_values_are_read_whole)
{
    weir_avro_type *type = type_of("{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"string\"}}");
    const weir_json *value = NULL, *again = NULL;
    weir_buffer json, avro, printed;

    weir__buffer_init(&json, SIZE_MAX);
    weir__buffer_init(&avro, SIZE_MAX);
    weir__buffer_init(&printed, SIZE_MAX);
    for (int i = 0; i < 3000; i++) {
        char member[64];

        snprintf(member, sizeof member, "%s\"%d\":[\"\",\"%d\",\"x\"]", i ? "," : "{", i, i * i);
        ck_assert_int_eq(weir__buffer_add_text(&json, member), WEIR_OK);
    }
    ck_assert_int_eq(weir__buffer_add_text(&json, "}"), WEIR_OK);
    value = parsed_bytes(weir__buffer_bytes(&json));
    ck_assert_int_eq(weir__avro_write(type, value, &avro, &err), WEIR_OK);
    ck_assert_int_eq(weir__avro_read(type, weir__buffer_bytes(&avro), DEPTH, MAXIMUM, &arena, &again, &err), WEIR_OK);
    ck_assert_int_eq(weir__json_print(again, &printed), WEIR_OK);
    assert_bytes(weir__buffer_bytes(&printed), json.data, json.size);
    weir__buffer_clear(&json);
    weir__buffer_clear(&avro);
    weir__buffer_clear(&printed);
    weir__avro_type_free(type);
}
END_TEST

/* ---- writing ----------------------------------------------------------------------------------------------------- */

#define DEFAULTS                                                                                                       \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\",\"default\":7},"                 \
    "{\"name\":\"b\",\"type\":\"bytes\",\"default\":\"\\u00ff\\u0000A\"},"                                             \
    "{\"name\":\"c\",\"type\":[\"null\",\"int\"],\"default\":null},"                                                   \
    "{\"name\":\"d\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},\"default\":\"\\u00e9\"},"                \
    "{\"name\":\"e\",\"type\":{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"x\",\"type\":\"string\","    \
    "\"default\":\"s\"}]},\"default\":{}},{\"name\":\"f\",\"type\":[\"bytes\",\"string\"],\"default\":\"\\u00e9\"},"   \
    "{\"name\":\"g\",\"type\":\"string\"}]}"

START_TEST(a_missing_field_has_its_default)
{
    ASSERT_WRITES(DEFAULTS, "{\"g\":\"\"}", "\x0e" "\6\xff\0A" "\0" "\xe9" "\2s" "\0\2\xe9" "\0");
    ASSERT_WRITES(DEFAULTS, "{\"g\":\"\",\"c\":1,\"a\":0,\"f\":\"\303\251\"}",
                  "\0" "\6\xff\0A" "\2\2" "\xe9" "\2s" "\2\4\303\251" "\0");
    assert_unwritable(DEFAULTS, "{\"a\":1}", "missing, and without a default: the field 'g'");
}
END_TEST

START_TEST(defaults_without_end_are_refused)
{
    weir_avro_type *type = type_of("{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"a\",\"type\":\"A\","
                                   "\"default\":{}},{\"name\":\"b\",\"type\":\"A\",\"default\":{}}]}");
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_int_eq(weir__avro_write(type, parsed("{}"), &out, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "defaults within defaults without end");
    weir__buffer_clear(&out);
    weir__avro_type_free(type);
}
END_TEST

START_TEST(a_union_takes_the_branch_that_fits_best)
{
#define RECORDS                                                                                                        \
    "[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]},{\"type\":\"record\","       \
    "\"name\":\"B\",\"fields\":[{\"name\":\"x\",\"type\":\"string\"}]},{\"type\":\"record\",\"name\":\"C\","           \
    "\"fields\":[{\"name\":\"x\",\"type\":\"string\"},{\"name\":\"y\",\"type\":[\"null\",\"int\"],"                    \
    "\"default\":null}]},{\"type\":\"map\",\"values\":\"int\"}]"
    ASSERT_WRITES("[\"double\",\"long\"]", "1", "\2\2");
    ASSERT_WRITES("[\"long\",\"int\"]", "1", "\0\2");
    ASSERT_WRITES("[\"int\",\"long\"]", "2147483648", "\2\x80\x80\x80\x80\x10");
    ASSERT_WRITES("[\"null\",\"float\"]", "1", "\2\0\0\x80\x3f");
    ASSERT_WRITES("[\"float\",\"double\"]", "1.5", "\0\0\0\xc0\x3f");
    ASSERT_WRITES("[\"float\",\"double\"]", "0.1", "\2\x9a\x99\x99\x99\x99\x99\xb9\x3f");
    ASSERT_WRITES("[\"bytes\",\"string\"]", "\"a\"", "\2\2a");
    ASSERT_WRITES("[\"string\",\"bytes\"]", "{\"$bytes\":\"YQ==\"}", "\2\2a");
    ASSERT_WRITES("[\"null\",\"bytes\"]", "\"a\"", "\2\2a");
    ASSERT_WRITES("[{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]},\"string\"]", "\"A\"", "\0\0");
    ASSERT_WRITES("[{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]},\"string\"]", "\"B\"", "\2\2B");
    ASSERT_WRITES("[{\"type\":\"fixed\",\"name\":\"F\",\"size\":2},\"bytes\"]", "{\"$bytes\":\"YQ==\"}", "\2\2a");
    ASSERT_WRITES("[{\"type\":\"map\",\"values\":\"string\"},\"bytes\"]", "{\"$bytes\":\"YQ==\"}", "\2\2a");
    ASSERT_WRITES("[{\"type\":\"map\",\"values\":\"string\"},\"bytes\"]", "{\"$bytes\":\"no\"}",
                  "\0\2\x0c$bytes\4no\0");
    ASSERT_WRITES(RECORDS, "{\"x\":1}", "\0\2");
    ASSERT_WRITES(RECORDS, "{\"x\":\"s\"}", "\2\2s");
    ASSERT_WRITES(RECORDS, "{\"x\":\"s\",\"y\":1}", "\4\2s\2\2");
    ASSERT_WRITES(RECORDS, "{\"z\":1}", "\6\2\2z\2\0");
    ASSERT_WRITES("[{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"},{\"name\":\"y\","
                  "\"type\":\"int\"}]},{\"type\":\"record\",\"name\":\"B\",\"fields\":[{\"name\":\"x\",\"type\":"
                  "\"int\"}]}]",
                  "{\"x\":1}", "\2\2");
    assert_unwritable(RECORDS, "{\"x\":true}", "an object that does not fit a union");
    assert_unwritable("[\"null\",\"int\"]", "\"a\"", "a string that does not fit an int");
}
END_TEST

START_TEST(values_that_do_not_fit_are_refused_with_their_place)
{
#define DEEP                                                                                                           \
    "{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"list\",\"type\":{\"type\":\"array\",\"items\":"     \
    "{\"type\":\"map\",\"values\":{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"v\",\"type\":"           \
    "\"int\"}]}}}}]}"
    assert_unwritable(DEEP, "{\"list\":[{},{\"k\":{\"v\":\"x\"}}]}", "/list/1/k/v: a string that does not fit an int");
    assert_unwritable(DEEP, "{\"list\":[{\"k\":{\"w\":1}}]}", "/list/0/k: no field of the record: 'w'");
    assert_unwritable(DEEP, "{\"list\":[{\"k\":{}}]}", "/list/0/k: missing, and without a default: the field 'v'");
    assert_unwritable(DEEP, "{\"list\":[{\"k\":[]}]}", "/list/0/k: an array that does not fit a record 'n.S'");
    assert_unwritable(DEEP, "[]", "an array that does not fit a record 'n.R'");
    assert_unwritable(DEEP, "{\"list\":[{\"k\":{\"v\":2147483648}}]}",
                      "/list/0/k/v: 2147483648 is beyond an int's range");
    assert_unwritable("\"int\"", "1.0", "a real that does not fit an int");
    assert_unwritable("\"null\"", "0", "an integer that does not fit null");
    assert_unwritable("\"boolean\"", "null", "null that does not fit a boolean");
    assert_unwritable("\"string\"", "true", "a truth value that does not fit a string");
    assert_unwritable("\"float\"", "1e39", "1e+39 is beyond a float's range");
    assert_unwritable("\"double\"", "\"nan\"", "a string that does not fit a double");
    assert_unwritable("\"bytes\"", "{\"$bytes\":\"a\"}", "an object that does not fit bytes");
    assert_unwritable("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"abc\"", "3 bytes for the fixed 'F' of 2");
    assert_unwritable("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"B\"", "no symbol of the enum: 'B'");
    assert_unwritable("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "1",
                      "an integer that does not fit an enum 'E'");
}
END_TEST

START_TEST(the_buffers_maximum_is_told)
{
    weir_avro_type *type = type_of("\"string\""), *bytes = type_of("\"bytes\"");
    weir_buffer out;

    weir__buffer_init(&out, 4);
    ck_assert_int_eq(weir__avro_write(type, parsed("\"abcd\""), &out, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "more than 4 bytes as Avro");
    ck_assert_int_eq(weir__avro_write(bytes, parsed("{\"$bytes\":\"YWJjZA==\"}"), &out, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "more than 4 bytes as Avro");
    ck_assert_uint_eq(out.size, 0);
    ck_assert_int_eq(weir__avro_write(type, parsed("\"abc\""), &out, &err), WEIR_OK);
    weir__buffer_clear(&out);
    weir__avro_type_free(type);
    weir__avro_type_free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec/avro");
    TCase *types = new_case(suite, "types"), *reading = new_case(suite, "reading");
    TCase *writing = new_case(suite, "writing");

    tcase_add_test(types, every_simple_type_goes_both_ways);
    tcase_add_test(types, every_container_goes_both_ways);
    tcase_add_test(types, a_type_may_hold_itself);
    tcase_add_test(types, names_are_found_as_their_namespace_says);
    tcase_add_test(types, schemas_before_define_names_for_the_last);
    tcase_add_test(types, what_is_no_schema_is_refused);
    tcase_add_test(types, a_schema_has_limits);
    tcase_add_test(reading, blocks_may_be_several_and_say_their_size);
    tcase_add_test(reading, bytes_that_are_not_of_the_type_are_refused_with_their_place);
    tcase_add_test(reading, counts_that_are_lies_cost_nothing);
    tcase_add_test(reading, depth_is_limited);
    tcase_add_test(reading, large_values_are_read_whole);
    tcase_add_test(writing, a_missing_field_has_its_default);
    tcase_add_test(writing, defaults_without_end_are_refused);
    tcase_add_test(writing, a_union_takes_the_branch_that_fits_best);
    tcase_add_test(writing, values_that_do_not_fit_are_refused_with_their_place);
    tcase_add_test(writing, the_buffers_maximum_is_told);
    return weir__suite_run(suite);
}
