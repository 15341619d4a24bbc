/* SPDX-License-Identifier: Apache-2.0 */
/* The shared libraries that a program loads, found as the loader finds them, without running anything. */
#ifndef WEIR__PACKAGE_LIBRARIES_H
#define WEIR__PACKAGE_LIBRARIES_H

#include "package/elf.h"

/* One file that is loaded: the program, or a library. */
typedef struct weir_loaded {
    char *name;      /* as it is asked for: "libz.so.1" */
    char *path;      /* where it was found; links are not followed in it */
    char *origin;    /* its folder, links followed: what $ORIGIN stands for */
    size_t asker;    /* the place of the one that asked first; of the program its own, 0 */
    weir_buffer image;
    weir_elf elf;
} weir_loaded;

typedef struct weir_libraries {
    weir_loaded *files; /* the program first, then each library once, in the order in which the loader meets them */
    size_t count;
    size_t capacity;
} weir_libraries;

/* Where to look beside the run paths. Fields that are NULL or 0: what the loader of this machine has. */
typedef struct weir_search {
    const char *library_path;      /* as LD_LIBRARY_PATH; "": nowhere */
    const char *cache;             /* the loader's cache; "": none */
    const char *const *folders;    /* the last resort, ended by NULL */
} weir_search;

/**
 * Reads a program, and all that it needs beyond glibc's own libraries.
 *
 * @param out  zeroed; to be cleared, also on failure
 * @return WEIR_OK;
 *         WEIR_IO         a library is missing, which is named together with who needs it; a file that cannot be
 *                         read, or is not what it has to be; a library that is asked for by path; more than 1000  (fix)
 *         WEIR_NO_MEMORY  (stop)
 * Source: ld.so(8), "DESCRIPTION": the order of search.
 */
WEIR_CHECK weir_code weir__libraries_find(const char *program, const weir_search *search, weir_libraries *out,
                                          weir_error *err);
void weir__libraries_clear(weir_libraries *libraries);

/** Whether the library is one of glibc's: it comes with the machine, as the loader and it have to be of one piece. */
bool weir__library_is_glibc(const char *name);

#endif
