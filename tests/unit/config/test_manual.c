/* SPDX-License-Identifier: Apache-2.0 */
/* docs/CONFIGURATION.md, and what the shim for Flink knows of properties, are the table, printed. */
#include "support.h"

#include <stdio.h>

#include "config/properties.h"

/* That a file in the source's folder is what `print` prints; with WEIR_TEST_UPDATE it becomes so. */
static void assert_fresh(const char *name, weir_code (*print)(weir_buffer *out))
{
    static char content[1 << 18];
    const char *top = getenv("top_srcdir");
    char path[4096];
    weir_buffer printed;
    FILE *file;
    size_t size;

    weir__buffer_init(&printed, sizeof content);
    ck_assert_int_eq(print(&printed), WEIR_OK);
    snprintf(path, sizeof path, "%s/%s", top ? top : ".", name);
    if (getenv("WEIR_TEST_UPDATE")) {
        file = fopen(path, "wb");
        ck_assert_ptr_nonnull(file);
        ck_assert_uint_eq(fwrite(printed.data, 1, printed.size, file), printed.size);
        ck_assert_int_eq(fclose(file), 0);
    }
    file = fopen(path, "rb");
    ck_assert_msg(file, "'%s' is missing; WEIR_TEST_UPDATE=1 make check writes it", path);
    size = fread(content, 1, sizeof content, file);
    fclose(file);
    ck_assert_msg(size == printed.size && memcmp(content, printed.data, size) == 0,
                  "'%s' is stale; WEIR_TEST_UPDATE=1 make check writes it", path);
    weir__buffer_clear(&printed);
}

START_TEST(the_manual_in_docs_is_fresh)
{
    assert_fresh("docs/CONFIGURATION.md", weir__config_print_manual);
}
END_TEST

START_TEST(the_shim_knows_names_types_defaults_and_ranges_as_they_are)
{
    assert_fresh("flink/shim/src/main/resources/weir/flink/properties.txt", weir__config_print_java_table);
}
END_TEST

START_TEST(the_manual_has_every_property)
{
    weir_buffer manual;

    weir__buffer_init(&manual, SIZE_MAX);
    ck_assert_int_eq(weir__config_print_manual(&manual), WEIR_OK);
    ck_assert_int_eq(weir_buffer_append(&manual, "", 1), WEIR_OK);
    for (size_t i = 0; i < weir__property_count; i++) {
        char heading[128];

        snprintf(heading, sizeof heading, "\n### `%s`\n", weir__properties[i].name);
        ck_assert_msg(strstr((const char *)manual.data, heading), "%s", weir__properties[i].name);
        ck_assert_msg(strstr((const char *)manual.data, weir__properties[i].doc), "%s", weir__properties[i].name);
    }
    weir__buffer_clear(&manual);
}
END_TEST

START_TEST(a_full_buffer_is_reported)
{
    weir_buffer manual;

    weir__buffer_init(&manual, 1000);
    ck_assert_int_eq(weir__config_print_manual(&manual), WEIR_LIMIT);
    weir__buffer_clear(&manual);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/manual");
    TCase *manual = tcase_create("manual");

    tcase_add_test(manual, the_manual_in_docs_is_fresh);
    tcase_add_test(manual, the_shim_knows_names_types_defaults_and_ranges_as_they_are);
    tcase_add_test(manual, the_manual_has_every_property);
    tcase_add_test(manual, a_full_buffer_is_reported);
    suite_add_tcase(suite, manual);
    return weir__suite_run(suite);
}
