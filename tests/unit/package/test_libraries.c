/* SPDX-License-Identifier: Apache-2.0 */
/* Which libraries a program loads, and in which order folders are searched. */
#include "support.h"

#include "package/libraries.h"
#include "package/loader_cache.h"

static char folder[200];
static const char *const nowhere[] = { NULL };

static void set_up(void)
{
    char made[] = "/tmp/weir-test-XXXXXX", command[1200], *real;

    ck_assert_ptr_nonnull(mkdtemp(made));
    real = realpath(made, NULL);
    ck_assert_ptr_nonnull(real);
    snprintf(folder, sizeof folder, "%s", real);
    free(real);
    snprintf(command, sizeof command, "mkdir %s/bin %s/lib %s/own %s/other", folder, folder, folder, folder);
    ck_assert_int_eq(system(command), 0);
}

static void tear_down(void)
{
    char command[256];

    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const char *name)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(data, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

/* A library, or program, at a place under the folder; it needs up to two others. */
static void make(const char *name, const char *first, const char *second, int64_t tag, const char *run_path)
{
    const char *const needed[] = { first, second, NULL };
    small_elf file = small(own_machine(), needed, tag, run_path);

    put(name, &file, sizeof file);
}

static void finds_with(const char *library_path, const char *const *names)
{
    weir_libraries files = { .count = 0 };
    weir_search search = { .library_path = library_path, .cache = "", .folders = nowhere };
    weir_error err = { .code = WEIR_OK };
    weir_code rc = weir__libraries_find(path_of("bin/job"), &search, &files, &err);
    size_t count = 0;

    ck_assert_msg(rc == WEIR_OK, "%s", err.message);
    for (; names[count]; count++) {
        ck_assert_uint_lt(count + 1, files.count);
        ck_assert_str_eq(files.files[count + 1].path, path_of(names[count]));
    }
    ck_assert_uint_eq(files.count, count + 1);
    weir__libraries_clear(&files);
}

#define finds(...) finds_with("", (const char *const[]){ __VA_ARGS__, NULL })

static void misses(const char *library, const char *asker)
{
    weir_libraries files = { .count = 0 };
    weir_search search = { .library_path = "", .cache = "", .folders = nowhere };
    weir_error err = { .code = WEIR_OK };
    char message[700];

    ck_assert_int_eq(weir__libraries_find(path_of("bin/job"), &search, &files, &err), WEIR_IO);
    snprintf(message, sizeof message,
             "library '%s', which '%s' needs, was not found; install it, or name its folder in LD_LIBRARY_PATH",
             library, path_of(asker));
    ck_assert_str_eq(err.message, message);
    weir__libraries_clear(&files);
}

START_TEST(each_library_comes_once_breadth_first)
{
    make("bin/job", "liba.so", "libb.so", DT_RPATH, "$ORIGIN/../lib");
    make("lib/liba.so", "libc.so.6", "libd.so", 0, NULL);
    make("lib/libb.so", "liba.so", "libd.so", 0, NULL);
    make("lib/libd.so", "libm.so.6", "liba.so", 0, NULL);
    finds("bin/../lib/liba.so", "bin/../lib/libb.so", "bin/../lib/libd.so");
}
END_TEST

START_TEST(a_missing_library_is_named_with_who_needs_it)
{
    make("bin/job", "liba.so", NULL, DT_RPATH, "$ORIGIN/../lib");
    misses("liba.so", "bin/job");
    make("lib/liba.so", "libmissing.so.3", NULL, 0, NULL);
    misses("libmissing.so.3", "bin/../lib/liba.so");
}
END_TEST

START_TEST(an_rpath_holds_for_libraries_too_and_a_runpath_for_its_own_file_alone)
{
    make("lib/liba.so", "libb.so", NULL, 0, NULL);
    make("lib/libb.so", NULL, NULL, 0, NULL);
    make("bin/job", "liba.so", NULL, DT_RPATH, "/nowhere:${ORIGIN}/../lib");
    finds("bin/../lib/liba.so", "bin/../lib/libb.so");
    make("bin/job", "liba.so", NULL, DT_RUNPATH, "$ORIGIN/../lib");
    misses("libb.so", "bin/../lib/liba.so");
    make("lib/liba.so", "libb.so", NULL, DT_RUNPATH, "$ORIGIN");
    finds("bin/../lib/liba.so", "lib/libb.so");
    /* One with a RUNPATH does not look into the program's RPATH. */
    make("bin/job", "liba.so", NULL, DT_RPATH, "$ORIGIN/../lib");
    make("lib/liba.so", "libb.so", NULL, DT_RUNPATH, "/nowhere");
    misses("libb.so", "bin/../lib/liba.so");
}
END_TEST

START_TEST(an_rpath_comes_before_library_path_and_that_before_a_runpath)
{
    char other[300];

    snprintf(other, sizeof other, "%s", path_of("other"));
    make("lib/liba.so", NULL, NULL, 0, NULL);
    make("other/liba.so", NULL, NULL, 0, NULL);
    make("bin/job", "liba.so", NULL, DT_RPATH, "$ORIGIN/../lib");
    finds_with(other, (const char *const[]){ "bin/../lib/liba.so", NULL });
    make("bin/job", "liba.so", NULL, DT_RUNPATH, "$ORIGIN/../lib");
    finds_with(other, (const char *const[]){ "other/liba.so", NULL });
}
END_TEST

START_TEST(a_file_for_another_machine_or_none_at_all_is_passed_over)
{
    const char *const none[] = { NULL };
    small_elf foreign = small(own_machine() == EM_S390 ? EM_PPC64 : EM_S390, none, 0, NULL);

    make("bin/job", "liba.so", NULL, DT_RPATH, "$ORIGIN/../own:$ORIGIN/../other:$ORIGIN/../lib");
    put("own/liba.so", &foreign, sizeof foreign);
    put("other/liba.so", "INPUT(-la)", 10);
    make("lib/liba.so", NULL, NULL, 0, NULL);
    finds("bin/../lib/liba.so");
}
END_TEST

START_TEST(a_library_asked_for_by_path_is_refused)
{
    weir_libraries files = { .count = 0 };
    weir_search search = { .library_path = "", .cache = "", .folders = nowhere };
    weir_error err = { .code = WEIR_OK };

    make("bin/job", "../lib/liba.so", NULL, 0, NULL);
    ck_assert_int_eq(weir__libraries_find(path_of("bin/job"), &search, &files, &err), WEIR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "under a path; link a library that has a soname"));
    weir__libraries_clear(&files);
}
END_TEST

START_TEST(a_library_that_cannot_be_read_is_named)
{
    weir_libraries files = { .count = 0 };
    weir_search search = { .library_path = "", .cache = "", .folders = nowhere };
    weir_error err = { .code = WEIR_OK };
    const char *const none[] = { NULL };
    small_elf cut = small(own_machine(), none, 0, NULL);
    char message[400];

    make("bin/job", "liba.so", NULL, DT_RPATH, "$ORIGIN/../lib");
    put("lib/liba.so", &cut, sizeof(Elf64_Ehdr) + 10);
    ck_assert_int_eq(weir__libraries_find(path_of("bin/job"), &search, &files, &err), WEIR_IO);
    snprintf(message, sizeof message, "'%s': its table of segments is cut off", path_of("bin/../lib/liba.so"));
    ck_assert_str_eq(err.message, message);
    weir__libraries_clear(&files);
}
END_TEST

/* ---- the loader's cache ------------------------------------------------------------------------------------------ */

typedef struct small_cache {
    char magic[20];
    uint32_t count, strings_size;
    uint32_t flags, extensions, unused[3];
    struct {
        int32_t flags;
        uint32_t name, path, unused;
        uint64_t features;
    } entries[3];
    char strings[64];
} small_cache;

static small_cache cache_of_three(void)
{
    small_cache cache = { .count = 3, .strings_size = 64 };

    memcpy(cache.magic, "glibc-ld.so.cache1.1", 20);
    memcpy(cache.strings, "liba.so\0/fast/liba.so\0/lib/liba.so", 35);
    for (int i = 0; i < 3; i++) {
        cache.entries[i].flags = 0x0303;
        cache.entries[i].name = offsetof(small_cache, strings);
        cache.entries[i].path = offsetof(small_cache, strings) + 22;
    }
    cache.entries[0].path = offsetof(small_cache, strings) + 8;
    cache.entries[0].features = (uint64_t)1 << 62;
    cache.entries[2].flags = 0;
    return cache;
}

START_TEST(the_cache_gives_what_any_processor_can_run)
{
    small_cache cache = cache_of_three();
    weir_bytes bytes = weir__bytes(&cache, sizeof cache);
    size_t cursor = 0;

    ck_assert_str_eq(weir__loader_cache_next(bytes, "liba.so", &cursor), "/lib/liba.so");
    ck_assert_ptr_null(weir__loader_cache_next(bytes, "liba.so", &cursor));
    cursor = 0;
    ck_assert_ptr_null(weir__loader_cache_next(bytes, "libb.so", &cursor));
}
END_TEST

START_TEST(a_cache_behind_one_of_the_old_form_is_found)
{
    struct {
        char magic[12];
        uint32_t count;
        uint32_t entries[3];
        uint32_t gap;
        small_cache newer;
    } old = { .magic = "ld.so-1.7.0", .count = 1, .newer = cache_of_three() };
    size_t cursor = 0;

    ck_assert_str_eq(weir__loader_cache_next(weir__bytes(&old, sizeof old), "liba.so", &cursor), "/lib/liba.so");
    old.count = UINT32_MAX;
    cursor = 0;
    ck_assert_ptr_null(weir__loader_cache_next(weir__bytes(&old, sizeof old), "liba.so", &cursor));
}
END_TEST

START_TEST(no_broken_cache_is_read_beyond_its_end)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x7F, 0x80, 0xFF };
    small_cache cache = cache_of_three();

    for (size_t size = 0; size <= sizeof cache; size++) {
        weir_bytes image = exact(&cache, size);

        for (size_t cursor = 0; weir__loader_cache_next(image, "liba.so", &cursor);)
            continue;
        free((void *)(uintptr_t)image.data);
    }
    for (size_t i = 0; i < sizeof cache; i++) {
        for (size_t n = 0; n < sizeof values; n++) {
            weir_bytes image = exact(&cache, sizeof cache);

            ((uint8_t *)(uintptr_t)image.data)[i] = values[n];
            for (size_t cursor = 0; weir__loader_cache_next(image, "liba.so", &cursor);)
                continue;
            free((void *)(uintptr_t)image.data);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("package/libraries");
    TCase *search = tcase_create("search");
    TCase *cache = tcase_create("cache");

    tcase_add_checked_fixture(search, set_up, tear_down);
    tcase_add_test(search, each_library_comes_once_breadth_first);
    tcase_add_test(search, a_missing_library_is_named_with_who_needs_it);
    tcase_add_test(search, an_rpath_holds_for_libraries_too_and_a_runpath_for_its_own_file_alone);
    tcase_add_test(search, an_rpath_comes_before_library_path_and_that_before_a_runpath);
    tcase_add_test(search, a_file_for_another_machine_or_none_at_all_is_passed_over);
    tcase_add_test(search, a_library_asked_for_by_path_is_refused);
    tcase_add_test(search, a_library_that_cannot_be_read_is_named);
    tcase_add_test(cache, the_cache_gives_what_any_processor_can_run);
    tcase_add_test(cache, a_cache_behind_one_of_the_old_form_is_found);
    tcase_add_test(cache, no_broken_cache_is_read_beyond_its_end);
    suite_add_tcase(suite, search);
    suite_add_tcase(suite, cache);
    return weir__suite_run(suite);
}
