/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ELF files that are good, cut off, and made to do harm. */
#include "support.h"

static const char *const two[] = { "liba.so.1", "libb.so.2", NULL };

static void is_refused(const void *data, size_t size, const char *message)
{
    weir_bytes image = exact(data, size);
    weir_error err = { .code = WEIR_OK };
    weir_elf elf;

    ck_assert_msg(weir__elf_read(image, &elf, &err) == WEIR_IO, "taken, where this was expected: %s", message);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    free((void *)(uintptr_t)image.data);
}

/* Reads all there is to read. */
static void read_out(weir_bytes image)
{
    weir_elf elf;
    const char *symbol;

    if (weir__elf_read(image, &elf, NULL) != WEIR_OK)
        return;
    for (int64_t tag = 0; tag < 40; tag++) {
        size_t cursor = 0;

        if (tag != DT_NEEDED && tag != DT_SONAME && tag != DT_RPATH && tag != DT_RUNPATH)
            continue;
        for (const char *text; (text = weir__elf_text(&elf, tag, &cursor));)
            ck_assert_uint_le(strlen(text), image.size);
    }
    (void)weir__elf_glibc(&elf, &symbol);
    ck_assert_uint_le(strlen(symbol), image.size);
}

START_TEST(names_come_in_their_order)
{
    small_elf file = small(EM_X86_64, two, DT_RUNPATH, "/opt/lib");
    weir_elf elf;
    size_t cursor = 0;

    ck_assert_int_eq(weir__elf_read(weir__bytes(&file, sizeof file), &elf, NULL), WEIR_OK);
    ck_assert_str_eq(weir__elf_text(&elf, DT_NEEDED, &cursor), "liba.so.1");
    ck_assert_str_eq(weir__elf_text(&elf, DT_NEEDED, &cursor), "libb.so.2");
    ck_assert_ptr_null(weir__elf_text(&elf, DT_NEEDED, &cursor));
    ck_assert_str_eq(weir__elf_first(&elf, DT_RUNPATH), "/opt/lib");
    ck_assert_ptr_null(weir__elf_first(&elf, DT_RPATH));
    ck_assert_uint_eq(elf.loaded_end, offsetof(small_elf, behind));
    ck_assert_uint_eq(elf.dynamic_count, 5);
    ck_assert_uint_eq(elf.dynamic_capacity, ENTRIES);
}
END_TEST

START_TEST(this_very_program_is_read)
{
    weir_bytes image = file_bytes("/proc/self/exe");
    weir_glibc glibc;
    const char *symbol;
    weir_elf elf;
    weir_error err = { .code = WEIR_OK };

    ck_assert_msg(weir__elf_read(image, &elf, &err) == WEIR_OK, "%s", err.message);
    ck_assert_ptr_nonnull(weir__elf_first(&elf, DT_NEEDED));
    glibc = weir__elf_glibc(&elf, &symbol);
    ck_assert_uint_eq(glibc.major, 2);
    ck_assert_uint_ge(glibc.minor, 2);
    ck_assert_str_ne(symbol, "");
    free((void *)(uintptr_t)image.data);
}
END_TEST

START_TEST(what_is_no_program_is_refused)
{
    small_elf file = small(EM_X86_64, two, 0, NULL), bad;

    is_refused("", 0, "no ELF file");
    is_refused("#!/bin/sh\n", 10, "no ELF file");
    is_refused(&file, 20, "its header is cut off");
    bad = file, bad.header.e_ident[EI_CLASS] = ELFCLASS32;
    is_refused(&bad, sizeof bad, "not for 64-bit machines of this byte order");
    bad = file, bad.header.e_ident[EI_DATA] = ELFDATA2MSB;
    is_refused(&bad, sizeof bad, "not for 64-bit machines of this byte order");
    bad = file, bad.header.e_type = ET_REL;
    is_refused(&bad, sizeof bad, "neither a program nor a shared library");
    bad = file, bad.header.e_phnum = 0;
    is_refused(&bad, sizeof bad, "it has no table of segments that can be read");
    bad = file, bad.header.e_phentsize = 1;
    is_refused(&bad, sizeof bad, "it has no table of segments that can be read");
}
END_TEST

START_TEST(what_points_outside_of_the_file_is_refused)
{
    small_elf file = small(EM_X86_64, two, 0, NULL), bad;

    bad = file, bad.header.e_phoff = sizeof bad - 1;
    is_refused(&bad, sizeof bad, "its table of segments is cut off");
    bad = file, bad.header.e_phoff = UINT64_MAX - 8;
    is_refused(&bad, sizeof bad, "its table of segments is cut off");
    bad = file, bad.segments[0].p_filesz = UINT64_MAX;
    is_refused(&bad, sizeof bad, "a segment is cut off");
    bad = file, bad.segments[1].p_offset = UINT64_MAX - 4;
    is_refused(&bad, sizeof bad, "a segment is cut off");
    bad = file, bad.segments[2] = bad.segments[1];
    is_refused(&bad, sizeof bad, "it has two tables of dynamic entries");
    bad = file, bad.segments[1].p_filesz = 4 * sizeof(Elf64_Dyn);
    is_refused(&bad, sizeof bad, "its table of dynamic entries does not end");
    bad = file, bad.entries[2].d_un.d_val = ADDRESS - 1;
    is_refused(&bad, sizeof bad, "its table of names is not in the file");
    bad = file, bad.entries[2].d_un.d_val = UINT64_MAX;
    is_refused(&bad, sizeof bad, "its table of names is not in the file");
    bad = file, bad.entries[3].d_un.d_val = NAMES + 1;
    is_refused(&bad, sizeof bad, "its table of names is not in the file");
    bad = file, bad.names[NAMES - 1] = 'x';
    is_refused(&bad, sizeof bad, "its table of names does not end");
    bad = file, bad.entries[0].d_un.d_val = NAMES;
    is_refused(&bad, sizeof bad, "a dynamic entry's name is not in its table of names");
    bad = file, bad.entries[0].d_un.d_val = UINT64_MAX;
    is_refused(&bad, sizeof bad, "a dynamic entry's name is not in its table of names");
}
END_TEST

START_TEST(a_file_cut_off_anywhere_is_not_read_beyond_its_end)
{
    small_elf file = small(EM_X86_64, two, DT_RPATH, "/opt/lib");

    for (size_t size = 0; size <= sizeof file; size++) {
        weir_bytes image = exact(&file, size);

        read_out(image);
        free((void *)(uintptr_t)image.data);
    }
}
END_TEST

START_TEST(no_changed_byte_leads_out_of_the_file)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x7F, 0x80, 0xFF };
    weir_bytes program = file_bytes("/proc/self/exe");
    small_elf file = small(EM_X86_64, two, DT_RPATH, "/opt/lib");
    uint8_t *copy;
    weir_elf elf;

    for (size_t i = 0; i < offsetof(small_elf, behind); i++) {
        for (size_t n = 0; n < sizeof values; n++) {
            weir_bytes image = exact(&file, sizeof file);

            ((uint8_t *)(uintptr_t)image.data)[i] = values[n];
            read_out(image);
            free((void *)(uintptr_t)image.data);
        }
    }
    /* A real one has tables of versions, symbols and hashes, too: here its dynamic entries are changed. */
    ck_assert_int_eq(weir__elf_read(program, &elf, NULL), WEIR_OK);
    copy = (uint8_t *)(uintptr_t)program.data;
    for (size_t i = elf.dynamic; i < elf.dynamic + elf.dynamic_count * sizeof(Elf64_Dyn); i++) {
        uint8_t kept = copy[i];

        for (size_t n = 0; n < sizeof values; n++) {
            copy[i] = values[n];
            read_out(program);
        }
        copy[i] = kept;
    }
    free(copy);
}
END_TEST

/* What a table of needed versions says: one file, one version of it. */
typedef struct small_versions {
    Elf64_Verneed file;
    Elf64_Vernaux version;
} small_versions;

static small_elf with_version(const char *name, uint32_t next, uint32_t aux)
{
    small_elf file = small(EM_X86_64, NULL, 0, NULL);
    small_versions versions = { .file = { .vn_version = 1, .vn_cnt = 1, .vn_next = next, .vn_aux = aux },
                                .version = { .vna_name = 100, .vna_other = 2 } };

    strcpy(file.names + 100, name);
    memcpy(file.names + 200, &versions, sizeof versions);
    file.entries[2] = (Elf64_Dyn){ DT_VERNEED, { ADDRESS + offsetof(small_elf, names) + 200 } };
    return file;
}

static void asks_for(const char *name, unsigned major, unsigned minor)
{
    small_elf file = with_version(name, 0, sizeof(Elf64_Verneed));
    const char *symbol;
    weir_glibc glibc;
    weir_elf elf;

    ck_assert_int_eq(weir__elf_read(weir__bytes(&file, sizeof file), &elf, NULL), WEIR_OK);
    glibc = weir__elf_glibc(&elf, &symbol);
    ck_assert_msg(glibc.major == major && glibc.minor == minor, "%s: %u.%u", name, glibc.major, glibc.minor);
    ck_assert_str_eq(symbol, "");
}

START_TEST(the_release_of_glibc_is_read_from_a_versions_name)
{
    asks_for("GLIBC_2.38", 2, 38);
    asks_for("GLIBC_2.2.5", 2, 2);
    asks_for("GLIBC_ABI_DT_RELR", 2, 36);
    asks_for("GLIBC_PRIVATE", 0, 0);
    asks_for("GLIBC_", 0, 0);
    asks_for("GLIBC_2.99999999999999999999", 0, 0);
    asks_for("GLIBCXX_3.4.30", 0, 0);
    asks_for("OPENSSL_3.0.0", 0, 0);
    ck_assert(weir__glibc_newer((weir_glibc){ 2, 36 }, (weir_glibc){ 2, 35 }));
    ck_assert(weir__glibc_newer((weir_glibc){ 3, 0 }, (weir_glibc){ 2, 35 }));
    ck_assert(!weir__glibc_newer((weir_glibc){ 2, 35 }, (weir_glibc){ 2, 35 }));
}
END_TEST

START_TEST(versions_that_turn_in_a_circle_end)
{
    static const uint32_t nexts[] = { 0, 1, UINT32_MAX, UINT32_MAX - 15 };

    for (size_t i = 0; i < sizeof nexts / sizeof *nexts; i++) {
        for (size_t n = 0; n < sizeof nexts / sizeof *nexts; n++) {
            small_elf file = with_version("GLIBC_2.38", nexts[i], nexts[n]);
            weir_bytes image = exact(&file, sizeof file);

            read_out(image);
            free((void *)(uintptr_t)image.data);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("package/elf");
    TCase *reading = tcase_create("reading");
    TCase *harm = tcase_create("harm");
    TCase *glibc = tcase_create("glibc");

    tcase_add_test(reading, names_come_in_their_order);
    tcase_add_test(reading, this_very_program_is_read);
    tcase_add_test(reading, what_is_no_program_is_refused);
    tcase_set_timeout(harm, 120);
    tcase_add_test(harm, what_points_outside_of_the_file_is_refused);
    tcase_add_test(harm, a_file_cut_off_anywhere_is_not_read_beyond_its_end);
    tcase_add_test(harm, no_changed_byte_leads_out_of_the_file);
    tcase_add_test(glibc, the_release_of_glibc_is_read_from_a_versions_name);
    tcase_add_test(glibc, versions_that_turn_in_a_circle_end);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, harm);
    suite_add_tcase(suite, glibc);
    return weir__suite_run(suite);
}
