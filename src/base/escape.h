/* SPDX-License-Identifier: Apache-2.0 */
/* Text of any bytes as the content of a JSON string, where nothing may be allocated or nothing above `base` be used. */
#ifndef WEIR__BASE_ESCAPE_H
#define WEIR__BASE_ESCAPE_H

#include <stddef.h>

/**
 * Writes text as what stands between the quotes of a JSON string: quotes, backslashes and control characters escaped,
 * each byte that is no UTF-8 as U+FFFD. What does not fit is left out, at a character's boundary.
 *
 * @param text      `size` bytes; no NUL is looked for
 * @param capacity  of `out`, its NUL included; at least 1
 * @return the bytes written, without the NUL
 */
size_t weir__json_escape(const char *text, size_t size, char *out, size_t capacity);

#endif
