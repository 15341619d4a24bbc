/* SPDX-License-Identifier: Apache-2.0 */
/* Views of bytes, and the buffer that a call writes its result into. */
#ifndef WEIR_BYTES_H
#define WEIR_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include <weir/error.h>
#include <weir/export.h>

WEIR_BEGIN_DECLS

/**
 * A borrowed view: may hold NUL bytes, has no terminator, is never freed by whom it is given to.
 * `data` NULL means absent; a view of 0 bytes that is present has `data` not NULL.
 */
typedef struct weir_bytes {
    const uint8_t *data;
    size_t size; /* bytes */
} weir_bytes;

/** Bytes that grow up to a maximum that whoever made the buffer has stated. */
typedef struct weir_buffer weir_buffer;

/**
 * Appends bytes.
 *
 * @param buffer  not NULL
 * @param data    `size` bytes, copied; may be NULL when size is 0
 * @return WEIR_OK;
 *         WEIR_LIMIT      the buffer's maximum would be passed; nothing is appended  (fix)
 *         WEIR_NO_MEMORY  nothing is appended                                        (stop)
 * Threads: the buffer's owner.
 */
WEIR_API weir_code weir_buffer_append(weir_buffer *buffer, const void *data, size_t size);

WEIR_END_DECLS

#endif
