/* SPDX-License-Identifier: Apache-2.0 */
/* Events in both their forms: what a typed reader gives, what it keeps, ids, and where an event came from. */
#include "agent/event.h"

#include <stdlib.h>
#include <string.h>

#include "suite.h"

static weir_arena arena;
static weir_failure failure;
static weir_event_scope scope;
static weir_event parsed, built; /* the same input: a record's value, and attributes */
static int ids_asked;

static const char input_text[] = "{\"i\":7,\"r\":1.5,\"whole\":3.0,\"t\":\"a\\u0000é\",\"b\":true,\"n\":null,"
                                 "\"a\":[10,{\"x\":11}],\"o\":{\"\":12,\"a/b\":13,\"m~n\":14},\"min\":"
                                 "-9223372036854775808}";

static const char *run_id(void *context)
{
    ids_asked++;
    return context;
}

static void set_up(void)
{
    static char id[] = "words/0";
    weir_error err;

    weir__arena_init(&arena, 1024);
    memset(&failure, 0, sizeof failure);
    ids_asked = 0;
    scope = (weir_event_scope){ &arena, &failure, run_id, id };
    memset(&parsed, 0, sizeof parsed);
    parsed.scope = &scope;
    parsed.type = WEIR_INPUT_EVENT;
    ck_assert_int_eq(weir__json_parse(weir__bytes_text(input_text), 16, &arena, &parsed.input, &err), WEIR_OK);
    memset(&built, 0, sizeof built);
    built.scope = &scope;
    built.type = "t";
    built.number = 1;
    built.attributes = json_pack("{s:o}", "input", json_loads(input_text, JSON_ALLOW_NUL, NULL));
    ck_assert_ptr_nonnull(json_object_get(built.attributes, "input"));
}

static void tear_down(void)
{
    weir__event_clear(&parsed);
    weir__event_clear(&built);
    weir__arena_clear(&arena);
}

static const weir_event *form(int which)
{
    return which ? &built : &parsed;
}

static void assert_kept(const char *message)
{
    ck_assert_int_eq(failure.error.code, WEIR_INVALID);
    ck_assert_str_eq(failure.error.message, message);
    failure.error.code = WEIR_OK;
}

static void assert_none_kept(void)
{
    ck_assert_int_eq(failure.error.code, WEIR_OK);
}

/* ---- readers, in both forms -------------------------------------------------------------------------------------- */

START_TEST(typed_readers_find_values_by_pointer)
{
    const weir_event *event = form(_i);
    weir_bytes text = weir_event_text(event, "/input/t");

    ck_assert_int_eq(weir_event_int(event, "/input/i", 0), 7);
    ck_assert_int_eq(weir_event_int(event, "/input/min", 0), INT64_MIN);
    ck_assert(weir_event_real(event, "/input/r", 0) == 1.5);
    ck_assert(weir_event_real(event, "/input/i", 0) == 7.0);
    ck_assert(weir_event_bool(event, "/input/b", false));
    ck_assert(weir__bytes_equal(text, weir__bytes("a\0é", 4)));
    ck_assert_int_eq(weir_event_int(event, "/input/a/0", 0), 10);
    ck_assert_int_eq(weir_event_int(event, "/input/a/1/x", 0), 11);
    ck_assert_int_eq(weir_event_int(event, "/input/o/", 0), 12);
    ck_assert_int_eq(weir_event_int(event, "/input/o/a~1b", 0), 13);
    ck_assert_int_eq(weir_event_int(event, "/input/o/m~0n", 0), 14);
    assert_none_kept();
}
END_TEST

START_TEST(what_is_absent_or_null_gives_the_fallback_and_keeps_nothing)
{
    static const char *const pointers[] = { "/input/n",  "/input/missing", "/input/a/2", "/input/a/-", "/input/a/00",
                                            "/input/i/x", "/missing",      "/",          "/inputs",    "/inpu",
                                            "/input/a/x", "/input/t/0" };
    const weir_event *event = form(_i);

    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        ck_assert_int_eq(weir_event_int(event, pointers[i], -1), -1);
        ck_assert(weir_event_real(event, pointers[i], 0.5) == 0.5);
        ck_assert(weir_event_bool(event, pointers[i], true));
        ck_assert_ptr_null(weir_event_text(event, pointers[i]).data);
        assert_none_kept();
    }
}
END_TEST

START_TEST(another_type_is_kept_and_gives_the_fallback)
{
    const weir_event *event = form(_i);
    char message[128];

#define KEEPS(call, text)                                                                                              \
    do {                                                                                                               \
        call;                                                                                                          \
        (void)snprintf(message, sizeof message, "event '%s': %s", event->type, text);                                  \
        assert_kept(message);                                                                                          \
    } while (0)
    KEEPS(ck_assert_int_eq(weir_event_int(event, "/input/whole", 5), 5), "'/input/whole' is a real, not an integer");
    KEEPS(ck_assert_int_eq(weir_event_int(event, "/input/t", 5), 5), "'/input/t' is a string, not an integer");
    KEEPS(ck_assert(weir_event_real(event, "/input/b", 5) == 5), "'/input/b' is a truth value, not a number");
    KEEPS(ck_assert(weir_event_bool(event, "/input/i", true)), "'/input/i' is an integer, not a truth value");
    KEEPS(ck_assert_ptr_null(weir_event_text(event, "/input/a").data), "'/input/a' is an array, not a string");
    KEEPS(ck_assert_int_eq(weir_event_int(event, "/input", 5), 5), "'/input' is an object, not an integer");
    KEEPS(ck_assert_int_eq(weir_event_int(event, "", 5), 5), "'' is an object, not an integer");
#undef KEEPS
}
END_TEST

START_TEST(a_pointer_that_is_none_is_kept)
{
    static const char *const pointers[] = { "input", "input/i", "~", "/input/~2", "/input/o/m~", "/missing/~2" };
    const weir_event *event = form(_i);
    char message[160];

    for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++) {
        ck_assert_int_eq(weir_event_int(event, pointers[i], 5), 5);
        (void)snprintf(message, sizeof message,
                       "event '%s': '%s' is no JSON pointer; it begins with '/', as in \"/input/name\"", event->type,
                       pointers[i]);
        ck_assert_msg(failure.error.code == WEIR_INVALID, "%s", pointers[i]);
        assert_kept(message);
    }
    ck_assert_ptr_null(weir_event_text(event, NULL).data);
    ck_assert_int_eq(failure.error.code, WEIR_INVALID);
}
END_TEST

START_TEST(attributes_come_as_trees_and_missing_ones_are_null)
{
    const weir_event *event = form(_i);
    json_t *input = weir_event_get(event, "input");

    ck_assert_int_eq((int)json_integer_value(json_object_get(input, "i")), 7);
    ck_assert_uint_eq(json_object_size(input), 9);
    ck_assert_ptr_eq(weir_event_get(event, "input"), input); /* made once */
    ck_assert_ptr_null(weir_event_get(event, "missing"));
    ck_assert_ptr_null(weir_event_get(event, ""));
    assert_none_kept();
    ck_assert_ptr_null(weir_event_get(event, NULL));
    ck_assert_ptr_nonnull(strstr(failure.error.message, "the attribute's name is NULL"));
}
END_TEST

START_TEST(the_input_as_text_is_the_same_bytes_in_both_forms)
{
    const weir_event *event = form(_i);
    weir_bytes text = weir_event_bytes(event);

    ck_assert(weir__bytes_equal(text, weir__bytes_text(input_text)));
    ck_assert_ptr_eq(weir_event_bytes(event).data, text.data); /* printed once */
}
END_TEST

/* ---- one form only ----------------------------------------------------------------------------------------------- */

START_TEST(an_event_without_an_input_has_no_text)
{
    json_object_del(built.attributes, "input");
    ck_assert_ptr_null(weir_event_bytes(&built).data);
    assert_none_kept();
}
END_TEST

START_TEST(an_input_that_cannot_be_printed_is_kept)
{
    json_object_set_new(built.attributes, "input", json_stringn_nocheck("\xff", 1));
    ck_assert_ptr_null(weir_event_bytes(&built).data);
    assert_kept("event 't': the input cannot be printed");
}
END_TEST

START_TEST(an_input_that_is_null_is_there)
{
    weir_error err;

    ck_assert_int_eq(weir__json_parse(weir__bytes_text(" null "), 0, &arena, &parsed.input, &err), WEIR_OK);
    ck_assert(json_is_null(weir_event_get(&parsed, "input")));
    ck_assert(weir__bytes_equal(weir_event_bytes(&parsed), weir__bytes_text("null")));
    ck_assert_int_eq(weir_event_int(&parsed, "/input", 3), 3);
    assert_none_kept();
}
END_TEST

/* UUIDv5 of "words/0#0", "words/0#1", "words/0#4294967295": worked out with another program; they never change. */
START_TEST(an_id_follows_from_the_run_and_the_number_and_never_changes)
{
    ck_assert_int_eq(ids_asked, 0);
    ck_assert_str_eq(weir_event_id(&parsed), "e1d2b067-5db3-5192-a9db-3371ff4bba8f");
    ck_assert_str_eq(weir_event_id(&built), "66420ac6-fac3-558f-87a7-6b94deb9dba1");
    ck_assert_ptr_eq(weir_event_id(&built), weir_event_id(&built));
    ck_assert_int_eq(ids_asked, 2);
    built.id = NULL;
    built.number = UINT32_MAX;
    ck_assert_str_eq(weir_event_id(&built), "73875cd9-76ce-5ff8-8156-b5d7bbecc9e3");
}
END_TEST

START_TEST(an_event_names_the_event_and_the_action_that_it_came_from)
{
    static char name[] = "act";
    weir_action action = { .name = name };

    ck_assert_ptr_null(weir_event_upstream_id(&parsed));
    ck_assert_ptr_null(weir_event_upstream_action(&parsed));
    built.upstream = &parsed;
    built.sent_by = &action;
    ck_assert_str_eq(weir_event_upstream_id(&built), "e1d2b067-5db3-5192-a9db-3371ff4bba8f");
    ck_assert_str_eq(weir_event_upstream_action(&built), "act");
    ck_assert_str_eq(weir_event_type(&built), "t");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent/event");
    TCase *forms = tcase_create("both forms"), *single = tcase_create("one form");

    tcase_add_checked_fixture(forms, set_up, tear_down);
    tcase_add_loop_test(forms, typed_readers_find_values_by_pointer, 0, 2);
    tcase_add_loop_test(forms, what_is_absent_or_null_gives_the_fallback_and_keeps_nothing, 0, 2);
    tcase_add_loop_test(forms, another_type_is_kept_and_gives_the_fallback, 0, 2);
    tcase_add_loop_test(forms, a_pointer_that_is_none_is_kept, 0, 2);
    tcase_add_loop_test(forms, attributes_come_as_trees_and_missing_ones_are_null, 0, 2);
    tcase_add_loop_test(forms, the_input_as_text_is_the_same_bytes_in_both_forms, 0, 2);
    suite_add_tcase(suite, forms);
    tcase_add_checked_fixture(single, set_up, tear_down);
    tcase_add_test(single, an_event_without_an_input_has_no_text);
    tcase_add_test(single, an_input_that_cannot_be_printed_is_kept);
    tcase_add_test(single, an_input_that_is_null_is_there);
    tcase_add_test(single, an_id_follows_from_the_run_and_the_number_and_never_changes);
    tcase_add_test(single, an_event_names_the_event_and_the_action_that_it_came_from);
    suite_add_tcase(suite, single);
    return weir__suite_run(suite);
}
