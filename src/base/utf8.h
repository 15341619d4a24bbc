/* SPDX-License-Identifier: Apache-2.0 */
/* One character of UTF-8. Source: RFC 3629, section 4. */
#ifndef WEIR__BASE_UTF8_H
#define WEIR__BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/** The size of the character that begins at `at`, 0 when it is none. `size` is at least 1. */
static inline size_t weir__utf8_character(const uint8_t *at, size_t size)
{
    uint8_t low = 0x80, high = 0xBF; /* of the second byte */
    size_t need;

    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xC2 && at[0] <= 0xDF)
        need = 2;
    else if (at[0] >= 0xE0 && at[0] <= 0xEF)
        need = 3;
    else if (at[0] >= 0xF0 && at[0] <= 0xF4)
        need = 4;
    else
        return 0;
    if (size < need)
        return 0;
    if (at[0] == 0xE0)
        low = 0xA0; /* below: overlong */
    else if (at[0] == 0xED)
        high = 0x9F; /* above: surrogates */
    else if (at[0] == 0xF0)
        low = 0x90; /* below: overlong */
    else if (at[0] == 0xF4)
        high = 0x8F; /* above: beyond U+10FFFF */
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++) {
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    }
    return need;
}

#endif
