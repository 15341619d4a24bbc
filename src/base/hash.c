/* SPDX-License-Identifier: Apache-2.0 */
/* xxHash and zlib, in this file alone. */
#include "base/hash.h"

#include <sys/random.h>
#include <time.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zlib.h>

uint64_t weir__hash(weir_bytes bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes.data, bytes.size, seed);
}

uint64_t weir__hash_seed(void)
{
    uint64_t seed = 0;

    /* Without entropy the time will do: the seed only makes collisions hard to prepare. */
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        seed = (uint64_t)time(NULL) * 0x9E3779B97F4A7C15u;
    return seed;
}

uint64_t weir__hash_stable(weir_bytes bytes, uint64_t seed)
{
    return XXH64(bytes.data, bytes.size, seed);
}

uint32_t weir__crc32(weir_bytes bytes, uint32_t so_far)
{
    return (uint32_t)crc32_z(so_far, bytes.data, bytes.size);
}
