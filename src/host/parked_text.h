/* SPDX-License-Identifier: Apache-2.0 */
/* A run that waits for somebody, as one line of JSON: for `parked`, and for a host that has pages of its own. */
#ifndef WEIR__HOST_PARKED_TEXT_H
#define WEIR__HOST_PARKED_TEXT_H

#include "base/buffer.h"
#include "journal/entry.h"

/**
 * Appends it, without a line break.
 * @param program, where  what `resolve` is called by, and given to find the job again
 * @return WEIR_OK or WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__parked_print(const weir_entry *parked, const char *program, const char *where,
                                        weir_buffer *out);

#endif
