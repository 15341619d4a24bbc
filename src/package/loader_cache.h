/* SPDX-License-Identifier: Apache-2.0 */
/* The loader's cache, /etc/ld.so.cache: which library is where. */
#ifndef WEIR__PACKAGE_LOADER_CACHE_H
#define WEIR__PACKAGE_LOADER_CACHE_H

#include <stdbool.h>

#include <weir/bytes.h>

/**
 * The next path that a cache has for a library. Start with a cursor of 0. What is for processors with special features
 * is passed over: the machine that it shall run on may not have them. What is for other kinds of machines is not.
 *
 * @param cache  the whole file; one that is broken, or of a form that is not known, has nothing
 * @return NULL behind the last; lives as long as the cache
 * Source: glibc, sysdeps/generic/dl-cache.h.
 */
const char *weir__loader_cache_next(weir_bytes cache, const char *library, size_t *cursor);

#endif
