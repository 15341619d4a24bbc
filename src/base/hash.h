/* SPDX-License-Identifier: Apache-2.0 */
/* 64-bit hashes (xxHash), in two lives: for tables, and for what is written down; and a checksum (zlib). */
#ifndef WEIR__BASE_HASH_H
#define WEIR__BASE_HASH_H

#include <stdint.h>

#include <weir/bytes.h>

/** For tables in memory: fast, seeded (see weir__hash_seed()), never written anywhere. */
uint64_t weir__hash(weir_bytes bytes, uint64_t seed);

/** A seed that another process does not know, so that keys from outside cannot aim at one bucket. */
uint64_t weir__hash_seed(void);

/** For files and ids: XXH64, the same on every machine, for good. Chain by giving the hash so far as the seed. */
uint64_t weir__hash_stable(weir_bytes bytes, uint64_t seed);

/** CRC-32 (that of zlib, PNG, Ethernet), against damage; chain by giving the checksum so far, 0 at first. */
uint32_t weir__crc32(weir_bytes bytes, uint32_t so_far);

#endif
