/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at SQLite's write-ahead log before SQLite opens it. SQLite reads it up to the first frame that does not match,
 * and says nothing; this tells a log that was cut off in its last commit, as crashes do, from a damaged one.
 */
#ifndef WEIR__STORE_WAL_H
#define WEIR__STORE_WAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/error.h"

#define WEIR__WAL_HEADER_SIZE 32

typedef struct weir_wal_report {
    uint64_t size;      /* of the file, 0 when there is none */
    uint64_t salts;     /* of the header, when it is whole */
    uint64_t frames;    /* up to and with the last commit that SQLite will find; 0 when the header is not whole */
    bool is_damaged;    /* a commit behind those frames was acknowledged: another one begins behind it */
    uint64_t damage_at; /* number of the first frame that does not match, from 1; when is_damaged */
} weir_wal_report;

/** The two salts of a log's header as one number. */
uint64_t weir__wal_salts(const uint8_t header[WEIR__WAL_HEADER_SIZE]);

/**
 * Reads and checks the whole log (some 16 MiB at most, as the store checkpoints).
 *
 * A frame that begins a commit is written when the commit before it is durable (synchronous=FULL). So behind the first
 * frame that does not match there may be the rest of one commit, never the begin of another.
 *
 * @return WEIR_OK; WEIR_IO: unreadable (stop); WEIR_NO_MEMORY (stop)
 * Source: SQLite, "Database File Format", "The Write-Ahead Log".
 */
WEIR_CHECK weir_code weir__wal_inspect(const weir_disk *disk, const char *path, weir_wal_report *report,
                                       weir_error *err);

#endif
