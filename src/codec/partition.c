/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka's murmur2, and what becomes of it. */
#include "codec/partition.h"

uint32_t weir__murmur2(weir_bytes bytes)
{
    const uint32_t mix = 0x5BD1E995;
    const uint8_t *at = bytes.data;
    uint32_t hash = 0x9747B28C ^ (uint32_t)bytes.size;
    size_t left = bytes.size;

    for (; left >= 4; at += 4, left -= 4) { /* the lowest byte first */
        uint32_t word = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;

        word *= mix;
        word ^= word >> 24;
        word *= mix;
        hash *= mix;
        hash ^= word;
    }
    if (left >= 3)
        hash ^= (uint32_t)at[2] << 16;
    if (left >= 2)
        hash ^= (uint32_t)at[1] << 8;
    if (left >= 1) {
        hash ^= at[0];
        hash *= mix;
    }
    hash ^= hash >> 13;
    hash *= mix;
    hash ^= hash >> 15;
    return hash;
}

int32_t weir__partition_of(weir_bytes key, int32_t partitions)
{
    return (int32_t)((weir__murmur2(key) & 0x7FFFFFFF) % (uint32_t)partitions);
}
