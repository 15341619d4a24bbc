/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of programs and libraries that find each other in bin/ and lib/, wherever these two are put. */
#ifndef WEIR__PACKAGE_RUN_PATH_H
#define WEIR__PACKAGE_RUN_PATH_H

#include "package/elf.h"

/**
 * A copy of a program that looks for libraries in `$ORIGIN/../lib` first, its own and those of its libraries: the only
 * DT_RPATH it has. (DT_RUNPATH would hold for its own alone.) What the loader does not map, symbols and debug
 * information, is left out. A program that is linked statically is only cut.
 *
 * @param out  empty; holds the copy
 * @return WEIR_OK; WEIR_IO: no room for the entry in its tables, which no linker that we know makes (fix);
 *         WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__run_path_program(const weir_elf *elf, weir_buffer *out, weir_error *err);

/**
 * A copy of a library without a run path of its own, which would keep the loader from the program's. Cut likewise.
 * @return WEIR_OK; WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__run_path_library(const weir_elf *elf, weir_buffer *out, weir_error *err);

#endif
