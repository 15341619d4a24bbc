/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, with padding, and strict. */
#include "codec/base64.h"

uint8_t *weir__base64_put(uint8_t *at, const uint8_t *data, size_t size)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (; size > 0; data += 3, size -= size < 3 ? size : 3) {
        uint32_t three = (uint32_t)data[0] << 16 | (size > 1 ? (uint32_t)data[1] << 8 : 0) | (size > 2 ? data[2] : 0u);

        *at++ = (uint8_t)letters[three >> 18];
        *at++ = (uint8_t)letters[three >> 12 & 63];
        *at++ = size > 1 ? (uint8_t)letters[three >> 6 & 63] : '=';
        *at++ = size > 2 ? (uint8_t)letters[three & 63] : '=';
    }
    return at;
}

/* -1 for what is none. */
static int sextet(uint8_t letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

static size_t padding(weir_bytes base64)
{
    return base64.data[base64.size - 1] != '=' ? 0 : base64.data[base64.size - 2] != '=' ? 1 : 2;
}

int64_t weir__base64_length(weir_bytes base64)
{
    size_t pad, letters;
    int last;

    if (base64.size == 0)
        return 0;
    if (base64.size % 4 != 0)
        return -1;
    pad = padding(base64);
    letters = base64.size - pad;
    for (size_t i = 0; i < letters; i++) {
        if (sextet(base64.data[i]) < 0)
            return -1;
    }
    /* Bits behind the last byte: were any taken, one value would have several spellings. */
    last = sextet(base64.data[letters - 1]);
    if ((pad == 1 && (last & 3)) || (pad == 2 && (last & 15)))
        return -1;
    return (int64_t)(base64.size / 4 * 3 - pad);
}

void weir__base64_get(weir_bytes base64, uint8_t *at)
{
    size_t pad = base64.size ? padding(base64) : 0;

    for (size_t i = 0; i < base64.size; i += 4) {
        size_t here = i + 4 == base64.size ? 3 - pad : 3;
        uint32_t three = 0;

        for (size_t j = 0; j < 4; j++) {
            int bits = sextet(base64.data[i + j]);

            three = three << 6 | (uint32_t)(bits < 0 ? 0 : bits);
        }
        for (size_t j = 0; j < here; j++)
            *at++ = (uint8_t)(three >> (16 - 8 * j));
    }
}

bool weir__json_is_bytes(const weir_json *json, weir_bytes *base64)
{
    const weir_json *value;

    if (weir__json_kind(json) != WEIR__JSON_OBJECT || weir__json_size(json) != 1)
        return false;
    value = weir__json_member(json, weir__bytes_text("$bytes"));
    if (!value || weir__json_kind(value) != WEIR__JSON_TEXT || weir__base64_length(weir__json_text(value)) < 0)
        return false;
    *base64 = weir__json_text(value);
    return true;
}
