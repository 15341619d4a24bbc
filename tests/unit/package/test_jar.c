/* SPDX-License-Identifier: Apache-2.0 */
/* What goes into the JAR: changed copies, Java's properties, and the archive itself. */
#include "support.h"

#include "config/config.h"
#include "package/jar.h"
#include "package/properties_text.h"
#include "package/run_path.h"

static const char *const one[] = { "liba.so.1", NULL };

/* ---- run paths --------------------------------------------------------------------------------------------------- */

static weir_elf read_good(weir_bytes image)
{
    weir_elf elf;
    weir_error err = { .code = WEIR_OK };
    weir_code rc = weir__elf_read(image, &elf, &err);

    ck_assert_msg(rc == WEIR_OK, "%s", err.message);
    return elf;
}

static void gets_run_path(small_elf *file)
{
    weir_elf elf = read_good(weir__bytes(file, sizeof *file)), copied;
    weir_buffer copy;
    Elf64_Phdr segment;
    size_t cursor = 0;

    weir__buffer_init(&copy, SIZE_MAX);
    ck_assert_int_eq(weir__run_path_program(&elf, &copy, NULL), WEIR_OK);
    copied = read_good(weir__buffer_bytes(&copy));
    ck_assert_str_eq(weir__elf_text(&copied, DT_RPATH, &cursor), "$ORIGIN/../lib");
    ck_assert_ptr_null(weir__elf_text(&copied, DT_RPATH, &cursor));
    ck_assert_ptr_null(weir__elf_first(&copied, DT_RUNPATH));
    ck_assert_str_eq(weir__elf_first(&copied, DT_NEEDED), "liba.so.1");
    segment = weir__elf_segment(&copied, 2);
    ck_assert_uint_eq(segment.p_type, PT_LOAD);
    ck_assert_uint_eq(segment.p_offset % segment.p_align, segment.p_vaddr % segment.p_align);
    ck_assert_uint_ge(segment.p_vaddr, ADDRESS + offsetof(small_elf, behind));
    ck_assert_uint_eq(copied.header.e_shoff, 0);
    ck_assert_ptr_null(memmem(copy.data, copy.size, "xxxx", 4));
    weir__buffer_clear(&copy);
}

START_TEST(a_program_gets_one_run_path_whatever_it_had)
{
    small_elf file = small(EM_X86_64, one, 0, NULL);

    gets_run_path(&file);
    file = small(EM_X86_64, one, DT_RUNPATH, "/opt/lib");
    gets_run_path(&file);
    file = small(EM_X86_64, one, DT_RPATH, "/opt/lib:$ORIGIN/../lib");
    gets_run_path(&file);
}
END_TEST

START_TEST(a_library_loses_its_run_path)
{
    small_elf file = small(EM_X86_64, one, DT_RUNPATH, "/opt/lib");
    weir_elf elf = read_good(weir__bytes(&file, sizeof file)), copied;
    weir_buffer copy;

    weir__buffer_init(&copy, SIZE_MAX);
    ck_assert_int_eq(weir__run_path_library(&elf, &copy, NULL), WEIR_OK);
    copied = read_good(weir__buffer_bytes(&copy));
    ck_assert_ptr_null(weir__elf_first(&copied, DT_RUNPATH));
    ck_assert_ptr_null(weir__elf_first(&copied, DT_RPATH));
    ck_assert_str_eq(weir__elf_first(&copied, DT_NEEDED), "liba.so.1");
    ck_assert_uint_eq(copy.size, offsetof(small_elf, behind));
    weir__buffer_clear(&copy);
}
END_TEST

START_TEST(a_program_without_room_for_a_run_path_is_refused)
{
    small_elf file = small(EM_X86_64, one, 0, NULL), bad = file;
    weir_error err = { .code = WEIR_OK };
    weir_buffer copy;
    weir_elf elf;

    weir__buffer_init(&copy, SIZE_MAX);
    bad.segments[2].p_type = PT_GNU_STACK;
    elf = read_good(weir__bytes(&bad, sizeof bad));
    ck_assert_int_eq(weir__run_path_program(&elf, &copy, &err), WEIR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "its tables have no room for a run path"));
    bad = file;
    bad.segments[1].p_filesz = 4 * sizeof(Elf64_Dyn); /* the closing entry is the last */
    elf = read_good(weir__bytes(&bad, sizeof bad));
    weir__buffer_reset(&copy);
    ck_assert_int_eq(weir__run_path_program(&elf, &copy, &err), WEIR_IO);
    weir__buffer_clear(&copy);
}
END_TEST

/* ---- properties -------------------------------------------------------------------------------------------------- */

static void is_written(const char *name, const char *value, const char *expected)
{
    weir_buffer out;

    weir__buffer_init(&out, 4096);
    ck_assert_int_eq(weir__properties_add(&out, name, value), WEIR_OK);
    ck_assert_int_eq(weir__buffer_add_byte(&out, '\0'), WEIR_OK);
    ck_assert_str_eq((const char *)out.data, expected);
    weir__buffer_clear(&out);
}

START_TEST(values_are_escaped_as_java_reads_them)
{
    is_written("a.b-c_d", "plain = text: # !", "a.b-c_d=plain = text: # !\n");
    is_written("a b:c=d#e!", "x", "a\\ b\\:c\\=d\\#e\\!=x\n");
    is_written("a", "  two blanks", "a=\\  two blanks\n");
    is_written("a", "C:\\dir\t\n\r\f", "a=C:\\\\dir\\t\\n\\r\\f\n");
    is_written("a", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x8D", "a=\\u00E9\\u20AC\\uD83D\\uDC0D\n");
    is_written("a", "", "a=\n");
}
END_TEST

START_TEST(a_configuration_goes_on_with_its_placeholders)
{
    static const char yaml[] = "input: {topics: [a, b]}\n"
                               "threads: ${env:THREADS_NOT_SET}\n"
                               "kafka: {bootstrap.servers: \"h:1\", sasl.password: \"${file:/not/there}\"}\n";
    weir_config *config = NULL;
    weir_error err = { .code = WEIR_OK };
    const char *secret;
    weir_buffer out;

    weir__buffer_init(&out, 65536);
    ck_assert_int_eq(weir__config_new(&config, NULL), WEIR_OK);
    weir__config_keep_written(config);
    ck_assert_msg(weir__config_read(config, weir__bytes_text(yaml), "job.yaml", &err) == WEIR_OK, "%s", err.message);
    ck_assert_int_eq(weir__properties_add_all(&out, config, &secret), WEIR_OK);
    ck_assert_int_eq(weir__buffer_add_byte(&out, '\0'), WEIR_OK);
    ck_assert_ptr_null(secret);
    ck_assert_ptr_nonnull(strstr((const char *)out.data, "input.topics=a,b\n"));
    ck_assert_ptr_nonnull(strstr((const char *)out.data, "threads=${env:THREADS_NOT_SET}\n"));
    ck_assert_ptr_nonnull(strstr((const char *)out.data, "kafka.sasl.password=${file:/not/there}\n"));
    ck_assert_ptr_nonnull(strstr((const char *)out.data, "limits.depth=512\n"));
    weir__config_free(config);
    weir__buffer_clear(&out);
}
END_TEST

START_TEST(a_secret_in_clear_is_told_and_a_broken_placeholder_refused)
{
    weir_config *config = NULL;
    weir_error err = { .code = WEIR_OK };
    const char *secret;
    weir_buffer out;

    weir__buffer_init(&out, 65536);
    ck_assert_int_eq(weir__config_new(&config, NULL), WEIR_OK);
    weir__config_keep_written(config);
    ck_assert_int_eq(weir__config_set(config, "kafka.sasl.password=x", NULL), WEIR_OK);
    ck_assert_int_eq(weir__properties_add_all(&out, config, &secret), WEIR_OK);
    ck_assert_str_eq(secret, "kafka.sasl.password");
    ck_assert_ptr_nonnull(memmem(out.data, out.size, "kafka.sasl.password=x\n", 22));
    ck_assert_int_eq(weir__config_read(config, weir__bytes_text("threads: ${env:"), "job.yaml", &err), WEIR_CONFIG);
    ck_assert_int_eq(weir__config_read(config, weir__bytes_text("threads: two"), "job.yaml", &err), WEIR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.message, "threads: 'two' is no integer"));
    weir__config_free(config);
    weir__buffer_clear(&out);
}
END_TEST

/* ---- the archive ------------------------------------------------------------------------------------------------- */

#ifdef WITH_PACKAGE

/* One stored file, META-INF/MANIFEST.MF, with nothing in it. */
static const uint8_t empty_jar[] = "PK\3\4\n\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0META-INF/MANIFEST.MF"
                                   "PK\1\2\n\0\n\0\0\0\0\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0\0\0\0\0\0\0\0\0\0\0"
                                   "\0\0\0\0META-INF/MANIFEST.MFPK\5\6\0\0\0\0\1\0\1\0\x42\0\0\0\x32\0\0\0\0";

static void pack(weir_buffer *out)
{
    static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    weir_error err = { .code = WEIR_OK };
    weir_jar *jar = NULL;

    ck_assert_msg(weir__jar_new(weir__bytes(empty_jar, sizeof empty_jar), &jar, &err) == WEIR_OK, "%s", err.message);
    ck_assert_int_eq(weir__jar_add(jar, "weir/bin/job", weir__bytes_text(text), true, NULL), WEIR_OK);
    ck_assert_int_eq(weir__jar_add(jar, "weir/job.properties", weir__bytes_text("a=b\n"), false, NULL), WEIR_OK);
    ck_assert_msg(weir__jar_pack(jar, out, &err) == WEIR_OK, "%s", err.message);
    weir__jar_free(jar);
}

START_TEST(the_same_files_give_the_same_bytes_at_any_time_of_day)
{
    weir_buffer first, second;

    weir__buffer_init(&first, SIZE_MAX);
    weir__buffer_init(&second, SIZE_MAX);
    ck_assert_int_eq(setenv("TZ", "Asia/Tokyo", 1), 0);
    pack(&first);
    ck_assert_int_eq(setenv("TZ", "America/Lima", 1), 0);
    pack(&second);
    ck_assert(weir__bytes_equal(weir__buffer_bytes(&first), weir__buffer_bytes(&second)));
    ck_assert_uint_lt(first.size, 500);
    weir__buffer_clear(&first);
    weir__buffer_clear(&second);
}
END_TEST

static void is_no_shim(weir_bytes base, const char *message)
{
    weir_error err = { .code = WEIR_OK };
    weir_jar *jar = NULL;

    ck_assert_int_eq(weir__jar_new(base, &jar, &err), WEIR_IO);
    ck_assert_ptr_null(jar);
    ck_assert_msg(strncmp(err.message, message, strlen(message)) == 0, "%s", err.message);
}

START_TEST(what_is_no_shim_is_refused)
{
    weir_buffer packed;

    weir__buffer_init(&packed, SIZE_MAX);
    pack(&packed);
    is_no_shim(weir__buffer_bytes(&packed), "a packaged job; give weir-flink.jar instead");
    is_no_shim(weir__bytes_text("no JAR at all"), "no JAR: ");
    for (size_t size = 0; size < sizeof empty_jar - 1; size++)
        is_no_shim(weir__bytes(empty_jar, size), "no JAR: ");
    weir__buffer_clear(&packed);
}
END_TEST

START_TEST(a_name_is_taken_once)
{
    weir_error err = { .code = WEIR_OK };
    weir_jar *jar = NULL;

    ck_assert_int_eq(weir__jar_new(weir__bytes(empty_jar, sizeof empty_jar), &jar, NULL), WEIR_OK);
    ck_assert_int_eq(weir__jar_add(jar, "META-INF/MANIFEST.MF", weir__bytes_text("x"), false, &err), WEIR_IO);
    ck_assert_str_eq(err.message, "META-INF/MANIFEST.MF: File already exists");
    ck_assert_str_eq(err.origin, "libzip");
    weir__jar_free(jar);
}
END_TEST

#endif

int main(void)
{
    Suite *suite = suite_create("package/jar");
    TCase *run_path = tcase_create("run path");
    TCase *properties = tcase_create("properties");

    tcase_add_test(run_path, a_program_gets_one_run_path_whatever_it_had);
    tcase_add_test(run_path, a_library_loses_its_run_path);
    tcase_add_test(run_path, a_program_without_room_for_a_run_path_is_refused);
    tcase_add_test(properties, values_are_escaped_as_java_reads_them);
    tcase_add_test(properties, a_configuration_goes_on_with_its_placeholders);
    tcase_add_test(properties, a_secret_in_clear_is_told_and_a_broken_placeholder_refused);
    suite_add_tcase(suite, run_path);
    suite_add_tcase(suite, properties);
#ifdef WITH_PACKAGE
    TCase *archive = tcase_create("archive");

    tcase_add_test(archive, the_same_files_give_the_same_bytes_at_any_time_of_day);
    tcase_add_test(archive, what_is_no_shim_is_refused);
    tcase_add_test(archive, a_name_is_taken_once);
    suite_add_tcase(suite, archive);
#endif
    return weir__suite_run(suite);
}
