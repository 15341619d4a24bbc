/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as every file format here keeps them: the highest byte first. */
#ifndef WEIR__BASE_BIG_ENDIAN_H
#define WEIR__BASE_BIG_ENDIAN_H

#include <stdint.h>

static inline void weir__put_32(uint8_t at[4], uint32_t number)
{
    for (int i = 3; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t)number;
}

static inline uint32_t weir__get_32(const uint8_t at[4])
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void weir__put_64(uint8_t at[8], uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        at[i] = (uint8_t)number;
}

static inline uint64_t weir__get_64(const uint8_t at[8])
{
    return (uint64_t)weir__get_32(at) << 32 | weir__get_32(at + 4);
}

#endif
