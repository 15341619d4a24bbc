/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas, Avro and formats when any one allocation fails, or all from one on: an error that says so; a sanitizer sees
 * what is leaked. */
#include <check.h>
#include <stdlib.h>

#include "codec/format.h"
#include "memory.h"
#include "registry/registry.h"
#include "suite.h"

/* More fields, levels and values than the local arrays hold, so that all of them grow. */
static const char item[] =
    "{\"type\":\"record\",\"name\":\"Item\",\"fields\":[{\"name\":\"next\",\"type\":[\"null\",\"Item\"]},"
    "{\"name\":\"text\",\"type\":\"string\",\"default\":\"none\"},{\"name\":\"a\",\"type\":\"bytes\",\"default\":\"\"},"
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"default\":{\"x\":1}},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]},\"default\":\"B\"}]}";
static const char list[] = "{\"type\":\"array\",\"items\":\"Item\"}";

static weir_code print_value(weir_buffer *out)
{
    weir_code rc = weir__buffer_add_byte(out, '[');

    for (int i = 0; i < 3 && rc == WEIR_OK; i++) {
        if (i)
            rc = weir__buffer_add_byte(out, ',');
        for (int depth = 0; depth < 20 && rc == WEIR_OK; depth++)
            rc = weir__buffer_add_text(out, "{\"text\":\"deep\",\"a\":{\"$bytes\":\"AAEC\"},\"next\":");
        if (rc == WEIR_OK)
            rc = weir__buffer_add_text(out, "null");
        for (int depth = 0; depth < 20 && rc == WEIR_OK; depth++)
            rc = weir__buffer_add_byte(out, '}');
    }
    return rc == WEIR_OK ? weir__buffer_add_byte(out, ']') : rc;
}

/* There and back; `*is_same` is whether the second time gave the same bytes. */
static weir_code work(weir_bytes json, bool *is_same, weir_error *err)
{
    weir_bytes texts[] = { weir__bytes_text(item), weir__bytes_text(list) };
    weir_format_options options = { .kind = WEIR__FORMAT_AVRO, .depth = 100, .record_bytes = 1 << 20 };
    weir_registry_options registry_options = { .url = "http://u:p@127.0.0.1:1,http://127.0.0.1:2", .token = "t",
                                               .timeout_ms = 1000 };
    weir_error cause = { .code = WEIR_INVALID };
    weir_registry *registry = NULL;
    weir_avro_type *type = NULL;
    weir_format *format = NULL;
    const weir_json *value = NULL;
    weir_buffer first, printed, second;
    uint32_t missing;
    weir_arena arena;
    weir_code rc;

    weir__arena_init(&arena, 256);
    weir__buffer_init(&first, SIZE_MAX);
    weir__buffer_init(&printed, SIZE_MAX);
    weir__buffer_init(&second, SIZE_MAX);
    rc = weir__registry_open(&registry_options, &registry, err);
    if (rc == WEIR_OK)
        rc = weir__avro_type_new(texts, 2, &type, err);
    if (rc == WEIR_OK)
        rc = weir__format_new(&options, &format, err);
    if (rc == WEIR_OK)
        rc = weir__format_refuse_schema(format, 7, &cause, err);
    for (uint32_t id = 0; id < 20 && rc == WEIR_OK; id++)
        rc = weir__format_add_schema(format, id, type, err);
    if (rc == WEIR_OK) {
        weir__format_set_output_schema(format, 3, type);
        rc = weir__format_encode(format, json, &first, err);
    }
    if (rc == WEIR_OK)
        rc = weir__format_decode(format, weir__buffer_bytes(&first), &arena, &value, &missing, err);
    if (rc == WEIR_OK && weir__json_print(value, &printed) != WEIR_OK)
        rc = weir__fail_memory(err, "printing");
    if (rc == WEIR_OK)
        rc = weir__format_encode(format, weir__buffer_bytes(&printed), &second, err);
    *is_same = rc == WEIR_OK && weir__bytes_equal(weir__buffer_bytes(&first), weir__buffer_bytes(&second));
    weir__registry_close(registry);
    weir__format_free(format);
    weir__avro_type_free(type);
    weir__buffer_clear(&first);
    weir__buffer_clear(&printed);
    weir__buffer_clear(&second);
    weir__arena_clear(&arena);
    return rc;
}

static void fail_every(bool for_good)
{
    uint64_t failures = 0;
    weir_buffer json;

    weir__buffer_init(&json, SIZE_MAX);
    ck_assert_int_eq(print_value(&json), WEIR_OK);
    for (uint64_t n = 1;; n++) {
        weir_error err = { 0 };
        bool is_same = false;
        weir_code rc;

        memory_fail(n, for_good);
        rc = work(weir__buffer_bytes(&json), &is_same, &err);
        memory_fail(0, false);
        if (rc == WEIR_OK)
            ck_assert_msg(is_same, "allocation %llu: other bytes", (unsigned long long)n);
        else
            ck_assert_msg(memory_has_failed() && rc == WEIR_NO_MEMORY && err.remedy == WEIR_REMEDY_STOP,
                          "allocation %llu: %d %s", (unsigned long long)n, rc, err.message);
        failures += rc != WEIR_OK;
        if (!memory_has_failed())
            break; /* there are fewer than n */
    }
    ck_assert_uint_gt(failures, 20);
    weir__buffer_clear(&json);
}

START_TEST(an_allocation_that_fails_is_an_error)
{
    fail_every(false);
}
END_TEST

START_TEST(when_all_allocations_fail_from_one_on_that_is_an_error)
{
    fail_every(true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("torture/avro_memory");
    TCase *aspect = tcase_create("memory");

    tcase_set_timeout(aspect, 120);
    tcase_add_test(aspect, an_allocation_that_fails_is_an_error);
    tcase_add_test(aspect, when_all_allocations_fail_from_one_on_that_is_an_error);
    suite_add_tcase(suite, aspect);
    return weir__suite_run(suite);
}
