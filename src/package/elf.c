/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ELF files. Every offset and count comes from outside: each is checked against the file's size before use. */
#include "package/elf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chain of needed versions that is longer turns in a circle. */
enum { VERSIONS_MAXIMUM = 10000 };

static weir_code fail(weir_error *err, const char *what)
{
    return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "%s", what);
}

static bool holds(weir_bytes image, uint64_t offset, uint64_t size)
{
    return offset <= image.size && size <= image.size - offset;
}

/* Copies a structure out: it need not be aligned. False: it is not all in the file. */
static bool take(weir_bytes image, uint64_t offset, void *out, size_t size)
{
    if (!holds(image, offset, size))
        return false;
    memcpy(out, image.data + offset, size);
    return true;
}

Elf64_Phdr weir__elf_segment(const weir_elf *elf, size_t index)
{
    Elf64_Phdr segment = { 0 };

    (void)take(elf->image, elf->header.e_phoff + index * sizeof segment, &segment, sizeof segment);
    return segment;
}

Elf64_Dyn weir__elf_entry(const weir_elf *elf, size_t index)
{
    Elf64_Dyn entry = { 0 };

    (void)take(elf->image, elf->dynamic + index * sizeof entry, &entry, sizeof entry);
    return entry;
}

/* Where in the file an address is that the loader maps: `*offset`, and how many bytes of the segment follow there. */
static bool locate(const weir_elf *elf, uint64_t address, uint64_t *offset, uint64_t *left)
{
    for (size_t i = 0; i < elf->header.e_phnum; i++) {
        Elf64_Phdr segment = weir__elf_segment(elf, i);

        if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz) {
            *offset = segment.p_offset + (address - segment.p_vaddr);
            *left = segment.p_filesz - (address - segment.p_vaddr);
            return true;
        }
    }
    return false;
}

static uint64_t value_of(const weir_elf *elf, int64_t tag)
{
    for (size_t i = 0; i < elf->dynamic_count; i++) {
        Elf64_Dyn entry = weir__elf_entry(elf, i);

        if (entry.d_tag == tag)
            return entry.d_un.d_val;
    }
    return 0;
}

/* Where the table is that an entry names. */
static bool locate_table(const weir_elf *elf, int64_t tag, uint64_t *offset)
{
    uint64_t address = value_of(elf, tag), left;

    return address != 0 && locate(elf, address, offset, &left);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static weir_code read_header(weir_bytes image, weir_elf *elf, weir_error *err)
{
    static const uint16_t one = 1;
    unsigned char native = *(const unsigned char *)&one ? ELFDATA2LSB : ELFDATA2MSB;
    Elf64_Ehdr *header = &elf->header;

    if (image.size < SELFMAG || memcmp(image.data, ELFMAG, SELFMAG) != 0)
        return fail(err, "no ELF file");
    if (!take(image, 0, header, sizeof *header))
        return fail(err, "its header is cut off");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != native ||
        header->e_ident[EI_VERSION] != EV_CURRENT)
        return fail(err, "not for 64-bit machines of this byte order");
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return fail(err, "neither a program nor a shared library");
    if (header->e_phnum == 0 || header->e_phnum == PN_XNUM || header->e_phentsize != sizeof(Elf64_Phdr))
        return fail(err, "it has no table of segments that can be read");
    if (!holds(image, header->e_phoff, header->e_phnum * sizeof(Elf64_Phdr)))
        return fail(err, "its table of segments is cut off");
    return WEIR_OK;
}

static weir_code read_segments(weir_elf *elf, weir_error *err)
{
    elf->loaded_end = elf->header.e_phoff + elf->header.e_phnum * sizeof(Elf64_Phdr);
    for (size_t i = 0; i < elf->header.e_phnum; i++) {
        Elf64_Phdr segment = weir__elf_segment(elf, i);

        if (segment.p_type != PT_NULL && !holds(elf->image, segment.p_offset, segment.p_filesz))
            return fail(err, "a segment is cut off");
        if (segment.p_type != PT_NULL && segment.p_offset + segment.p_filesz > elf->loaded_end)
            elf->loaded_end = segment.p_offset + segment.p_filesz;
        if (segment.p_type != PT_DYNAMIC)
            continue;
        if (elf->dynamic)
            return fail(err, "it has two tables of dynamic entries");
        elf->dynamic = segment.p_offset;
        elf->dynamic_capacity = segment.p_filesz / sizeof(Elf64_Dyn);
    }
    return WEIR_OK;
}

static weir_code read_strings(weir_elf *elf, weir_error *err)
{
    uint64_t address = value_of(elf, DT_STRTAB), size = value_of(elf, DT_STRSZ), left;

    if (!locate(elf, address, &elf->strings, &left) || size > left || size == 0)
        return fail(err, "its table of names is not in the file");
    elf->strings_size = size;
    if (elf->image.data[elf->strings + size - 1] != '\0')
        return fail(err, "its table of names does not end");
    for (size_t i = 0; i < elf->dynamic_count; i++) {
        Elf64_Dyn entry = weir__elf_entry(elf, i);

        if ((entry.d_tag == DT_NEEDED || entry.d_tag == DT_SONAME || entry.d_tag == DT_RPATH ||
             entry.d_tag == DT_RUNPATH) &&
            entry.d_un.d_val >= size)
            return fail(err, "a dynamic entry's name is not in its table of names");
    }
    return WEIR_OK;
}

weir_code weir__elf_read(weir_bytes image, weir_elf *out, weir_error *err)
{
    weir_elf elf = { .image = image };
    weir_code rc = read_header(image, &elf, err);

    if (rc == WEIR_OK)
        rc = read_segments(&elf, err);
    if (rc == WEIR_OK && elf.dynamic) {
        while (elf.dynamic_count < elf.dynamic_capacity && weir__elf_entry(&elf, elf.dynamic_count).d_tag != DT_NULL)
            elf.dynamic_count++;
        rc = elf.dynamic_count < elf.dynamic_capacity ? read_strings(&elf, err)
                                                      : fail(err, "its table of dynamic entries does not end");
    }
    if (rc == WEIR_OK)
        *out = elf;
    return rc;
}

bool weir__elf_fits(const weir_elf *elf, const weir_elf *other)
{
    return elf->header.e_machine == other->header.e_machine;
}

const char *weir__elf_text(const weir_elf *elf, int64_t tag, size_t *cursor)
{
    while (*cursor < elf->dynamic_count) {
        Elf64_Dyn entry = weir__elf_entry(elf, (*cursor)++);

        if (entry.d_tag == tag)
            return (const char *)elf->image.data + elf->strings + entry.d_un.d_val;
    }
    return NULL;
}

const char *weir__elf_first(const weir_elf *elf, int64_t tag)
{
    size_t cursor = 0;

    return weir__elf_text(elf, tag, &cursor);
}

/* ---- versions of glibc ------------------------------------------------------------------------------------------- */

bool weir__glibc_newer(weir_glibc a, weir_glibc b)
{
    return a.major > b.major || (a.major == b.major && a.minor > b.minor);
}

static weir_glibc glibc_named(const char *name)
{
    weir_glibc version = { 0, 0 };
    const char *digits = name + 6;
    char *end;
    unsigned long major, minor;

    if (strncmp(name, "GLIBC_", 6) != 0)
        return version;
    /* What a linker adds that packs relocations: nothing older can load them. */
    if (strcmp(digits, "ABI_DT_RELR") == 0)
        return (weir_glibc){ 2, 36 };
    major = strtoul(digits, &end, 10);
    if (end == digits || *end != '.' || major > INT_MAX)
        return version;
    minor = strtoul(end + 1, NULL, 10);
    return minor > INT_MAX ? version : (weir_glibc){ (unsigned)major, (unsigned)minor };
}

/* How many symbols stand at the beginning of the table, the undefined ones among them. */
static size_t symbol_count(const weir_elf *elf)
{
    uint64_t at;
    uint32_t words[2] = { 0, 0 };

    /* A hash table of the newer kind holds what is defined, and says where that begins. */
    if (locate_table(elf, DT_GNU_HASH, &at) && take(elf->image, at, words, sizeof words))
        return words[1];
    if (locate_table(elf, DT_HASH, &at) && take(elf->image, at, words, sizeof words))
        return words[1];
    return 0;
}

/* A symbol that is wanted in the version of that number; "" when none is found. */
static const char *symbol_of(const weir_elf *elf, uint16_t version)
{
    size_t count = symbol_count(elf);
    uint64_t symbols, numbers;

    if (!locate_table(elf, DT_SYMTAB, &symbols) || !locate_table(elf, DT_VERSYM, &numbers))
        return "";
    for (size_t i = 1; i < count; i++) {
        Elf64_Half number;
        Elf64_Sym symbol;

        if (!take(elf->image, numbers + i * sizeof number, &number, sizeof number) ||
            !take(elf->image, symbols + i * sizeof symbol, &symbol, sizeof symbol))
            break;
        if ((number & 0x7FFF) == version && symbol.st_name < elf->strings_size)
            return (const char *)elf->image.data + elf->strings + symbol.st_name;
    }
    return "";
}

weir_glibc weir__elf_glibc(const weir_elf *elf, const char **symbol)
{
    weir_glibc newest = { 0, 0 };
    uint16_t number = 0;
    uint64_t at;
    size_t seen = 0;
    bool is_last = !locate_table(elf, DT_VERNEED, &at);

    while (!is_last) {
        Elf64_Verneed needed;
        uint64_t inner;

        if (!take(elf->image, at, &needed, sizeof needed))
            break;
        inner = at + needed.vn_aux;
        for (unsigned i = 0; i < needed.vn_cnt && seen < VERSIONS_MAXIMUM; i++, seen++) {
            Elf64_Vernaux version;
            weir_glibc named;

            if (!take(elf->image, inner, &version, sizeof version) || version.vna_name >= elf->strings_size)
                break;
            named = glibc_named((const char *)elf->image.data + elf->strings + version.vna_name);
            if (weir__glibc_newer(named, newest)) {
                newest = named;
                number = version.vna_other;
            }
            inner += version.vna_next;
        }
        is_last = needed.vn_next == 0 || ++seen >= VERSIONS_MAXIMUM;
        at += needed.vn_next;
    }
    *symbol = newest.major ? symbol_of(elf, number) : "";
    return newest;
}
