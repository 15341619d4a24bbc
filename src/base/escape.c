/* SPDX-License-Identifier: Apache-2.0 */
/* Escaping for JSON. Source: RFC 8259, section 7. */
#include "base/escape.h"

#include <string.h>

#include "base/utf8.h"

size_t weir__json_escape(const char *text, size_t size, char *out, size_t capacity)
{
    static const char digits[] = "0123456789abcdef";
    size_t written = 0;

    for (size_t at = 0; at < size;) {
        unsigned char byte = (unsigned char)text[at];
        size_t taken = weir__utf8_character((const uint8_t *)text + at, size - at);
        char piece[7];
        size_t piece_size;

        if (taken == 0) {
            taken = 1;
            memcpy(piece, "\xEF\xBF\xBD", piece_size = 3); /* U+FFFD */
        } else if (byte == '"' || byte == '\\') {
            piece[0] = '\\';
            piece[1] = (char)byte;
            piece_size = 2;
        } else if (byte < 0x20 || byte == 0x7F) {
            memcpy(piece, "\\u00", 4);
            piece[4] = digits[byte >> 4];
            piece[5] = digits[byte & 15];
            piece_size = 6;
        } else {
            memcpy(piece, text + at, piece_size = taken);
        }
        if (written + piece_size >= capacity)
            break;
        memcpy(out + written, piece, piece_size);
        written += piece_size;
        at += taken;
    }
    out[written] = '\0';
    return written;
}
