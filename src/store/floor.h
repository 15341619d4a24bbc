/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the database must hold at least. SQLite takes a damaged write-ahead log for one that ends early, and goes on
 * with an older commit, or with a main file into which half of a checkpoint was written. The floor, kept beside the
 * database, says which commit there was, and how much of which log belongs to it.
 *
 *   | 0 "weirflr1" | 8 store's id | 16 commit number | 24 salts of the log | 32 frames | 40 XXH64 of 0..39 |
 *
 * 48 bytes, big-endian. Written anew and renamed, so it is never half of one.
 */
#ifndef WEIR__STORE_FLOOR_H
#define WEIR__STORE_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"

typedef struct weir_floor {
    uint64_t store_id; /* of the database it stands beside */
    int64_t number;    /* commits up to this one were made; 0: the store is still being made */
    uint64_t wal_salts; /* of the write-ahead log, meaningless when wal_frames is 0 */
    uint64_t wal_frames; /* whole frames that log must have; 0: the main file alone holds the commit */
} weir_floor;

/** Reads it. WEIR_OK, with *found = false when there is no such file; WEIR_IO (stop): unreadable or damaged. */
WEIR_CHECK weir_code weir__floor_read(const weir_disk *disk, const char *path, weir_floor *floor, bool *found,
                                      weir_error *err);

/** Writes it durably, by way of "<path>.new". After an error the older one stands. WEIR_OK, WEIR_IO, WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__floor_write(const weir_disk *disk, const char *path, const weir_floor *floor,
                                       weir_error *err);

#endif
