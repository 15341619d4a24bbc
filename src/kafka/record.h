/* SPDX-License-Identifier: Apache-2.0 */
/* One record of a topic, as it is read and as it is written. */
#ifndef WEIR__KAFKA_RECORD_H
#define WEIR__KAFKA_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/bytes.h>

typedef struct weir_header {
    const char *name;
    weir_bytes value;
} weir_header;

/* What a poll gives: all views are borrowed until the client that gave it is told so (…_done()). */
typedef struct weir_record {
    size_t topic;         /* index of the topic in the client's options, or of the partition in a reader */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* -1: none */
    weir_bytes key;       /* data NULL: none */
    weir_bytes value;     /* data NULL: none (a tombstone) */
    bool is_end;          /* no record: the partition is read up to `offset`, where for now its end is */
} weir_record;

/* What is written; all is copied. */
typedef struct weir_produce {
    const char *topic;
    int32_t partition;    /* -1: by key as the Java client does it (murmur2); without a key any */
    int64_t timestamp_ms; /* -1: now */
    weir_bytes key;       /* data NULL: none */
    weir_bytes value;     /* data NULL: a tombstone */
    const weir_header *headers;
    size_t header_count;
    /* Once the record is acknowledged: one more than its offset, if that is more than what stands there; NULL: nobody
     * wants to know. Written by the thread that flushes, at the latest when the commit returns; valid until the
     * transaction has ended, or the producer is closed. */
    int64_t *end_offset;
} weir_produce;

#endif
