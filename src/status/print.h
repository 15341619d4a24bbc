/* SPDX-License-Identifier: Apache-2.0 */
/* What the pages are written with. What finds no room sets the buffer's is_over; the one who sends it looks at that. */
#ifndef WEIR__STATUS_PRINT_H
#define WEIR__STATUS_PRINT_H

#include "base/buffer.h"

/** printf's, into the buffer; at most 1023 bytes a call. */
void weir__status_print(weir_buffer *out, const char *format, ...) WEIR_PRINTF(2, 3);

/** A JSON string with its quotes, of any bytes. NULL prints null. */
void weir__status_print_string(weir_buffer *out, const char *text);

/** A value of a label with its quotes, of any bytes: `\`, `"` and line breaks escaped, what is no UTF-8 as U+FFFD. */
void weir__status_print_label(weir_buffer *out, const char *text);

#endif
