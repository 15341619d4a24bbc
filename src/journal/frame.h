/* SPDX-License-Identifier: Apache-2.0 */
/* The frame around one journal entry. */
#ifndef WEIR__JOURNAL_FRAME_H
#define WEIR__JOURNAL_FRAME_H

#include "base/buffer.h"
#include "base/error.h"

typedef enum weir_frame_kind {
    WEIR__FRAME_ACTION_RESULT = 1 /* what a completed action did */
} weir_frame_kind;

/** Appends a framed entry. payload: at most 2^31-1 bytes; borrowed. WEIR_OK, WEIR_LIMIT, WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__frame_seal(weir_frame_kind kind, weir_bytes payload, weir_buffer *out);

/**
 * Checks a frame, and gives what is in it; borrowed from `entry`.
 * @return WEIR_OK; WEIR_IO: cut off, damaged, or of a version or kind that this weir does not know (stop)
 */
WEIR_CHECK weir_code weir__frame_open(weir_bytes entry, weir_frame_kind *kind, weir_bytes *payload, weir_error *err);

#endif
