/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this room share: one arena, and a text's way through both forms. */
#ifndef WEIR_TESTS_CODEC_SUPPORT_H
#define WEIR_TESTS_CODEC_SUPPORT_H

#include "codec/json.h"
#include "suite.h"

static weir_arena arena;

static inline void arena_setup(void)
{
    weir__arena_init(&arena, 1 << 16);
}

static inline void arena_teardown(void)
{
    weir__arena_clear(&arena);
}

static inline TCase *new_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, arena_setup, arena_teardown);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static inline const weir_json *parsed_bytes(weir_bytes text)
{
    const weir_json *json = NULL;
    weir_error err = { 0 };

    ck_assert_msg(weir__json_parse(text, 512, &arena, &json, &err) == WEIR_OK, "%.*s: %s", (int)text.size,
                  (const char *)text.data, err.message);
    return json;
}

static inline const weir_json *parsed(const char *text)
{
    return parsed_bytes(weir__bytes_text(text));
}

/* Refused with that code and message. The text is given in memory of its exact size, for ASan to watch its ends. */
static inline void assert_refused_bytes(weir_bytes text, weir_code code, const char *message)
{
    const weir_json *json = NULL;
    weir_error err = { 0 };
    uint8_t *exact = malloc(text.size ? text.size : 1);

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text.data, text.size);
    ck_assert_msg(weir__json_parse(weir__bytes(exact, text.size), 512, &arena, &json, &err) == code, "'%.*s' gave '%s'",
                  (int)text.size, (const char *)text.data, err.message);
    ck_assert_ptr_null(json);
    ck_assert_int_eq(err.code, code);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    if (message)
        ck_assert_str_eq(err.message, message);
    free(exact);
}

static inline void assert_refused(const char *text, const char *message)
{
    assert_refused_bytes(weir__bytes_text(text), WEIR_INVALID, message);
}

static inline void assert_bytes(weir_bytes bytes, const void *data, size_t size)
{
    ck_assert_uint_eq(bytes.size, size);
    ck_assert_mem_eq(bytes.data, data, size);
}

/* Both forms of the text print to `expected`, and so does that again. */
static inline void assert_prints_bytes(weir_bytes text, weir_bytes expected)
{
    const weir_json *json = parsed_bytes(text);
    json_t *tree = weir__json_tree(json);
    weir_error err = { 0 };
    weir_buffer out;

    ck_assert_ptr_nonnull(tree);
    weir__buffer_init(&out, SIZE_MAX);
    ck_assert_int_eq(weir__json_print(json, &out), WEIR_OK);
    assert_bytes(weir__buffer_bytes(&out), expected.data, expected.size);
    weir__buffer_clear(&out);
    ck_assert_int_eq(weir__tree_print(tree, 512, &out, &err), WEIR_OK);
    assert_bytes(weir__buffer_bytes(&out), expected.data, expected.size);
    json = parsed_bytes(weir__buffer_bytes(&out));
    weir__buffer_reset(&out);
    ck_assert_int_eq(weir__json_print(json, &out), WEIR_OK);
    assert_bytes(weir__buffer_bytes(&out), expected.data, expected.size);
    weir__buffer_clear(&out);
    json_decref(tree);
}

static inline void assert_prints(const char *text, const char *expected)
{
    assert_prints_bytes(weir__bytes_text(text), weir__bytes_text(expected));
}

/* For small deterministic fuzzing. */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

#endif
