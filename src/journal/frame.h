/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around one journal entry; the layout is in README.md. */
#ifndef WEIR__JOURNAL_FRAME_H
#define WEIR__JOURNAL_FRAME_H

#include "base/buffer.h"
#include "base/error.h"
#include "journal/entry.h"

enum { WEIR__FRAME_HEADER_BYTES = 10 };

/** Appends a framed entry. payload: at most 2^31-1 bytes; borrowed. WEIR_OK, WEIR_LIMIT, WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__frame_seal(weir_entry_kind kind, weir_bytes payload, weir_buffer *out);

/**
 * Makes a frame of what stands in the buffer from `start` on: room for a header, then the payload.
 * @return WEIR_OK; WEIR_LIMIT: the payload has more than 2^31-1 bytes, and nothing has changed
 */
WEIR_CHECK weir_code weir__frame_close(weir_entry_kind kind, weir_buffer *out, size_t start);

/**
 * Checks a frame, and gives what is in it; borrowed from `entry`.
 * @return WEIR_OK; WEIR_IO: cut off, damaged, or of a version or kind that this weir does not know (stop)
 */
WEIR_CHECK weir_code weir__frame_open(weir_bytes entry, weir_entry_kind *kind, weir_bytes *payload, weir_error *err);

#endif
