/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record reader: splits a stream of bytes into records, one JSON object a line, or the elements of one JSON array.
 * It finds where records begin and end; whether a record is good JSON is decided later, by codec.
 */
#ifndef WEIR__HOST_READER_H
#define WEIR__HOST_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/disk.h"
#include "base/error.h"

typedef struct weir_reader weir_reader;

/**
 * A place in a stream: where the next record is looked for. All zero: the beginning. Written to the state as it is.
 * Reading on from a record's `at` or `next` (the fd positioned at its offset) gives the same records as before.
 */
typedef struct weir_reader_place {
    uint64_t offset;   /* bytes before it */
    uint64_t line;     /* line breaks before it */
    uint64_t index;    /* records before it */
    bool in_array;     /* inside the one array (behind its `[`, or behind an element) */
    bool after_value;  /* in the array: an element has just ended, so `,` or `]` must follow */
} weir_reader_place;

typedef struct weir_reader_options {
    const weir_disk *disk;
    int fd;             /* borrowed; read from where it stands */
    weir_reader_place place; /* of the fd's current position */
    size_t record_bytes; /* limits.record-bytes: a longer record is skipped over and reported, never held in memory */
    bool follow;        /* the last line counts only with its newline */
    bool looks;         /* before it reads, whether there is something: for a pipe that would block */
} weir_reader_options;

typedef struct weir_record {
    weir_bytes text;       /* without the newline, CR before it, and blanks around it; valid until the next call */
    weir_reader_place at;  /* where it begins; `line` + 1 is its line number */
    weir_reader_place next; /* where the one behind it is looked for: what a commit records */
    bool too_long;         /* longer than record_bytes: text holds its first 256 bytes */
    uint64_t bytes;        /* its length, also when too long */
} weir_record;

typedef enum weir_reader_result {
    WEIR__READER_RECORD, /* one record */
    WEIR__READER_WAIT,   /* nothing now: the descriptor would block, or (follow) the end was met; call again later */
    WEIR__READER_END,    /* the end of the input */
    WEIR__READER_FAILED  /* see err, now and at every later call: WEIR_IO, WEIR_NO_MEMORY (stop), or WEIR_INVALID: what
                            follows cannot be split into records (fix): "line 3, byte 45 of the input: …" */
} weir_reader_result;

/** WEIR_OK; WEIR_INVALID: a place behind an element, but in no array (fix); WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__reader_new(const weir_reader_options *options, weir_reader **out, weir_error *err);
void weir__reader_free(weir_reader *reader); /* accepts NULL; the fd stays open */

/**
 * The next record. A UTF-8 BOM at the start, CRLF and blank lines are fine; the last line counts without its newline,
 * except with follow. A first non-blank byte `[` makes the whole stream one array, behind which only blanks may stand;
 * an array that does not end is WEIR_INVALID at the end ("truncated"), after all whole elements were returned.
 * A line may hold NUL bytes: they are part of the record. A CR that ends no line is a blank like any other.
 *
 * Reads in chunks of 256 KiB, so the fd stands beyond the record; memory is a chunk, and a record of at most
 * record_bytes. In the array, where an element ends is told by its strings and the depth of its brackets alone: whether
 * it is JSON is codec's. A resumed stream is an array if its place says so; at the place of a first record its first
 * byte decides.
 */
weir_reader_result weir__reader_next(weir_reader *reader, weir_record *record, weir_error *err);

#endif
