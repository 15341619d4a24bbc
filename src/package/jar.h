/* SPDX-License-Identifier: Apache-2.0 */
/* One JAR: another one's content, and files added to it. The same input gives the same bytes. */
#ifndef WEIR__PACKAGE_JAR_H
#define WEIR__PACKAGE_JAR_H

#include "base/buffer.h"

typedef struct weir_jar weir_jar;

/** Whether this build can make a JAR. WEIR_OK; WEIR_CONFIG: it has no libzip (fix) */
WEIR_CHECK weir_code weir__jar_check(weir_error *err);

/**
 * Begins with what another JAR holds.
 *
 * @param base  a JAR; copied
 * @return WEIR_OK; WEIR_IO: no JAR, or one that is a packaged job already (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__jar_new(weir_bytes base, weir_jar **out, weir_error *err);

/**
 * Adds a file, packed, of a fixed date.
 *
 * @param data   borrowed until weir__jar_free()
 * @param is_program  whether it is to be executable where somebody unpacks it with a tool that looks
 * @return WEIR_OK; WEIR_IO: libzip's word, such as a name that is there already (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__jar_add(weir_jar *jar, const char *name, weir_bytes data, bool is_program, weir_error *err);

/**
 * Packs it; nothing may be added afterwards.
 *
 * @param out  empty; the JAR's bytes are appended
 * @return WEIR_OK; WEIR_IO: libzip's word (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__jar_pack(weir_jar *jar, weir_buffer *out, weir_error *err);
void weir__jar_free(weir_jar *jar); /* accepts NULL */

#endif
