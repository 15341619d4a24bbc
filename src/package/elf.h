/* SPDX-License-Identifier: Apache-2.0 */
/* Reading programs and shared libraries: what the loader would read of them, and no byte outside of the file. */
#ifndef WEIR__PACKAGE_ELF_H
#define WEIR__PACKAGE_ELF_H

#include <elf.h>
#include <stdbool.h>

#include "base/buffer.h"

/* One file, read. Everything is checked once, in weir__elf_read(); what comes after cannot fail. */
typedef struct weir_elf {
    weir_bytes image; /* borrowed; as long as this is used */
    Elf64_Ehdr header;
    size_t loaded_end; /* behind this byte there is nothing that the loader maps */
    /* Of a program that is linked statically all is 0. */
    size_t dynamic; /* where the dynamic entries begin, and how many there are, the closing one not counted */
    size_t dynamic_count;
    size_t dynamic_capacity; /* the same with the unused ones at the end, one of which has to stay */
    size_t strings;
    size_t strings_size;
} weir_elf;

/**
 * Reads headers, segments and dynamic entries.
 *
 * @param image  the whole file
 * @return WEIR_OK; WEIR_IO: no ELF file, not for 64-bit machines of this byte order, neither program nor library, or
 *         something in it points outside of it (fix)
 */
WEIR_CHECK weir_code weir__elf_read(weir_bytes image, weir_elf *out, weir_error *err);

/** Whether the file is for the kind of machine that `other` is for. */
bool weir__elf_fits(const weir_elf *elf, const weir_elf *other);

/**
 * The text of the next dynamic entry with this tag: DT_NEEDED, DT_SONAME, DT_RPATH or DT_RUNPATH. Start with a cursor
 * of 0. NULL behind the last. Lives as long as the image.
 */
const char *weir__elf_text(const weir_elf *elf, int64_t tag, size_t *cursor);

/** The first of them, or NULL. */
const char *weir__elf_first(const weir_elf *elf, int64_t tag);

/* A release of glibc. */
typedef struct weir_glibc {
    unsigned major;
    unsigned minor;
} weir_glibc;

/**
 * The newest glibc that the file asks for: 0.0 when it asks for none that is known.
 *
 * @param symbol  one of the symbols that it is asked for; "" when that is not known. Lives as long as the image.
 */
weir_glibc weir__elf_glibc(const weir_elf *elf, const char **symbol);

/** Whether a is newer than b. */
bool weir__glibc_newer(weir_glibc a, weir_glibc b);

/** One entry of a table that weir__elf_read() has checked. */
Elf64_Phdr weir__elf_segment(const weir_elf *elf, size_t index);
Elf64_Dyn weir__elf_entry(const weir_elf *elf, size_t index);

#endif
