/* SPDX-License-Identifier: Apache-2.0 */
/* Whether bytes are UTF-8. */
#include "codec/json.h"

#include <string.h>

#include "base/utf8.h"

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
        size = weir__utf8_character(at, left);
        if (size == 0)
            return false;
        at += size;
        left -= size;
    }
    return true;
}
