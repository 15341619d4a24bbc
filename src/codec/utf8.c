/* SPDX-License-Identifier: Apache-2.0 */
/* Whether bytes are UTF-8. Source: RFC 3629, section 4. */
#include "codec/json.h"

#include <string.h>

/* The size of the character that begins at `at`, 0 when it is none. */
static size_t character(const uint8_t *at, size_t size)
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

bool weir__utf8_is_valid(weir_bytes bytes)
{
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;

    while (left > 0) {
        uint64_t word;
        size_t size;

        if (left >= 8) {
            memcpy(&word, at, 8);
            if ((word & UINT64_C(0x8080808080808080)) == 0) {
                at += 8;
                left -= 8;
                continue;
            }
        }
        size = character(at, left);
        if (size == 0)
            return false;
        at += size;
        left -= size;
    }
    return true;
}
