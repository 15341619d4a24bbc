/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are no text, in JSON: {"$bytes": base64}. Source: RFC 4648, section 4; the contract. */
#ifndef WEIR__CODEC_BASE64_H
#define WEIR__CODEC_BASE64_H

#include "codec/json.h"

/** What base64 takes, padding included; `size` is at most SIZE_MAX / 2. */
static inline size_t weir__base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

/** Writes weir__base64_size() bytes, and returns where they end. */
uint8_t *weir__base64_put(uint8_t *at, const uint8_t *data, size_t size);

/** How many bytes base64 stands for; -1 when it is none: another letter, no padding, bits behind the last byte. */
int64_t weir__base64_length(weir_bytes base64);

/** Writes the bytes of base64 that weir__base64_length() found good. */
void weir__base64_get(weir_bytes base64, uint8_t *at);

/** Whether a value is {"$bytes": base64}, good base64: what stands there. */
bool weir__json_is_bytes(const weir_json *json, weir_bytes *base64);

#endif
