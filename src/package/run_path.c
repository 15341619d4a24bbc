/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing copies of ELF files. A program gets a new table of names, the old one and the run path, in a segment behind
 * all others. Its entry in the table of segments is that of a note, which only tools read; nothing in the file moves.
 *
 *     | all that was mapped | names, run path |
 *       PT_DYNAMIC: STRTAB, STRSZ ▲   ▲
 *                   RPATH ────────────┘
 */
#include "package/run_path.h"

#include <stddef.h>

/* In the range that is left to systems, and of no meaning to any loader: an entry that shall not be there. */
enum { TAG_UNUSED = 0x60DE1E7E };

/* The largest page of any machine that glibc runs on. */
enum { PAGE = 0x10000 };

static const size_t NOWHERE = SIZE_MAX;

static const char run_path[] = "$ORIGIN/../lib";

static void put_entry(const weir_elf *elf, weir_buffer *out, size_t index, int64_t tag, uint64_t value)
{
    Elf64_Dyn entry = { .d_tag = tag, .d_un.d_val = value };

    memcpy(out->data + elf->dynamic + index * sizeof entry, &entry, sizeof entry);
}

/* Copies what is mapped. The table of sections is not; without it no section's name or symbol is looked for. */
static weir_code copy_mapped(const weir_elf *elf, weir_buffer *out, weir_error *err)
{
    Elf64_Ehdr header = elf->header;

    if (weir__buffer_add(out, elf->image.data, elf->loaded_end) != WEIR_OK)
        return weir__fail_memory(err, "a copy");
    header.e_shoff = 0;
    header.e_shnum = header.e_shstrndx = 0;
    memcpy(out->data, &header, sizeof header);
    return WEIR_OK;
}

/* Takes out what run paths there are; says where one stood, or where there is room for one; else NOWHERE. */
static size_t take_out(const weir_elf *elf, weir_buffer *out)
{
    /* The closing entry, if one more follows that can close in its place. */
    size_t place = elf->dynamic_count + 1 < elf->dynamic_capacity ? elf->dynamic_count : NOWHERE;

    for (size_t i = 0; i < elf->dynamic_count; i++) {
        Elf64_Dyn entry = weir__elf_entry(elf, i);

        if (entry.d_tag == DT_RPATH || entry.d_tag == DT_RUNPATH) {
            put_entry(elf, out, i, TAG_UNUSED, 0);
            place = i;
        }
    }
    return place;
}

weir_code weir__run_path_library(const weir_elf *elf, weir_buffer *out, weir_error *err)
{
    weir_code rc = copy_mapped(elf, out, err);

    if (rc == WEIR_OK)
        (void)take_out(elf, out);
    return rc;
}

/* The segment that can be given away: a note behind the last one that is loaded, as these stand in order. 0: none. */
static size_t spare_segment(const weir_elf *elf, uint64_t *end)
{
    size_t last = 0, spare = 0;

    *end = 0;
    for (size_t i = 0; i < elf->header.e_phnum; i++) {
        Elf64_Phdr segment = weir__elf_segment(elf, i);

        if (segment.p_type != PT_LOAD)
            continue;
        last = i;
        if (segment.p_vaddr + segment.p_memsz > *end)
            *end = segment.p_vaddr + segment.p_memsz;
    }
    for (size_t i = last + 1; i < elf->header.e_phnum; i++) {
        uint32_t type = weir__elf_segment(elf, i).p_type;

        if (type == PT_NOTE || type == PT_NULL)
            spare = i;
    }
    return spare;
}

static uint64_t round_up(uint64_t value)
{
    return (value + PAGE - 1) / PAGE * PAGE;
}

weir_code weir__run_path_program(const weir_elf *elf, weir_buffer *out, weir_error *err)
{
    uint64_t end;
    size_t segment_index = spare_segment(elf, &end);
    Elf64_Phdr segment = { .p_type = PT_LOAD, .p_flags = PF_R, .p_align = PAGE };
    weir_code rc = copy_mapped(elf, out, err);
    size_t place;

    if (rc != WEIR_OK || !elf->dynamic)
        return rc;
    place = take_out(elf, out);
    if (segment_index == 0 || place == NOWHERE || end > UINT64_MAX / 2)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX,
                          "its tables have no room for a run path; link it with -Wl,--build-id,-z,separate-code");
    /* File and memory have to agree within a page: so the copy is not padded, and the address begins in mid-page. */
    segment.p_offset = elf->loaded_end;
    segment.p_vaddr = segment.p_paddr = round_up(end) + segment.p_offset % PAGE;
    segment.p_filesz = segment.p_memsz = elf->strings_size + sizeof run_path;
    rc = weir__buffer_add(out, elf->image.data + elf->strings, elf->strings_size);
    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, run_path, sizeof run_path);
    if (rc != WEIR_OK)
        return weir__fail_memory(err, "a copy");
    memcpy(out->data + elf->header.e_phoff + segment_index * sizeof segment, &segment, sizeof segment);
    for (size_t i = 0; i < elf->dynamic_count; i++) {
        int64_t tag = weir__elf_entry(elf, i).d_tag;

        if (tag == DT_STRTAB)
            put_entry(elf, out, i, tag, segment.p_vaddr);
        else if (tag == DT_STRSZ)
            put_entry(elf, out, i, tag, segment.p_filesz);
    }
    put_entry(elf, out, place, DT_RPATH, elf->strings_size);
    return WEIR_OK;
}
