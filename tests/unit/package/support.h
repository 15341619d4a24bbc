/* SPDX-License-Identifier: Apache-2.0 */
/* Small ELF files, made by hand, and what they must say. */
#ifndef WEIR_TESTS_PACKAGE_SUPPORT_H
#define WEIR_TESTS_PACKAGE_SUPPORT_H

#include "suite.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "package/elf.h"

/* One segment that is loaded, at address ADDRESS, and the dynamic entries in it; then the names; then a part that the
 * loader never sees. */
enum { ADDRESS = 0x400000, ENTRIES = 16, NAMES = 512, BEHIND = 64 };

typedef struct small_elf {
    Elf64_Ehdr header;
    Elf64_Phdr segments[4]; /* PT_LOAD, PT_DYNAMIC, PT_NOTE, PT_GNU_STACK */
    Elf64_Dyn entries[ENTRIES];
    char names[NAMES];
    char behind[BEHIND];
} small_elf;

static inline uint64_t small_name(small_elf *file, size_t *used, const char *name)
{
    size_t at = *used;

    ck_assert_uint_lt(at + strlen(name), NAMES);
    strcpy(file->names + at, name);
    *used = at + strlen(name) + 1;
    return at;
}

/* A library of this machine that needs those names (ended by NULL), with a run path under that tag, or none. */
static inline small_elf small(uint16_t machine, const char *const *needed, int64_t tag, const char *run_path)
{
    small_elf file = { .header = { .e_type = ET_DYN,
                                   .e_machine = machine,
                                   .e_version = EV_CURRENT,
                                   .e_phoff = offsetof(small_elf, segments),
                                   .e_shoff = offsetof(small_elf, behind),
                                   .e_ehsize = sizeof(Elf64_Ehdr),
                                   .e_phentsize = sizeof(Elf64_Phdr),
                                   .e_phnum = 4,
                                   .e_shnum = 1 } };
    size_t used = 1, count = 0;

    memcpy(file.header.e_ident, ELFMAG, SELFMAG);
    file.header.e_ident[EI_CLASS] = ELFCLASS64;
    file.header.e_ident[EI_DATA] = ELFDATA2LSB;
    file.header.e_ident[EI_VERSION] = EV_CURRENT;
    file.segments[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
                                     .p_vaddr = ADDRESS,
                                     .p_filesz = offsetof(small_elf, behind),
                                     .p_memsz = offsetof(small_elf, behind) };
    file.segments[1] = (Elf64_Phdr){ .p_type = PT_DYNAMIC,
                                     .p_offset = offsetof(small_elf, entries),
                                     .p_vaddr = ADDRESS + offsetof(small_elf, entries),
                                     .p_filesz = sizeof file.entries };
    file.segments[2] = (Elf64_Phdr){ .p_type = PT_NOTE };
    file.segments[3] = (Elf64_Phdr){ .p_type = PT_GNU_STACK };
    for (; needed && *needed; needed++)
        file.entries[count++] = (Elf64_Dyn){ DT_NEEDED, { small_name(&file, &used, *needed) } };
    if (run_path)
        file.entries[count++] = (Elf64_Dyn){ tag, { small_name(&file, &used, run_path) } };
    file.entries[count++] = (Elf64_Dyn){ DT_STRTAB, { ADDRESS + offsetof(small_elf, names) } };
    file.entries[count++] = (Elf64_Dyn){ DT_STRSZ, { NAMES } };
    memset(file.behind, 'x', sizeof file.behind);
    return file;
}

static inline uint16_t own_machine(void)
{
    Elf64_Ehdr header;
    FILE *file = fopen("/proc/self/exe", "rb");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(&header, 1, sizeof header, file), sizeof header);
    fclose(file);
    return header.e_machine;
}

/* Bytes that end where nothing may be read: under ASan one byte beyond them is an error. */
static inline weir_bytes exact(const void *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, size);
    return (weir_bytes){ copy, size };
}

static inline weir_bytes file_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    uint8_t *data;

    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_int_eq(fstat(fileno(file), &status), 0);
    data = malloc((size_t)status.st_size);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, (size_t)status.st_size, file), (size_t)status.st_size);
    fclose(file);
    return (weir_bytes){ data, (size_t)status.st_size };
}

#endif
