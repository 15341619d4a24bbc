/* SPDX-License-Identifier: Apache-2.0 */
/* An output file of the local host: outputs, or dead letters. */
#ifndef WEIR__HOST_SINK_H
#define WEIR__HOST_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/disk.h"
#include "base/error.h"
#include "host/mark.h"

/* What the state keeps of a file that was written. */
typedef struct weir_sink_mark {
    uint64_t device, inode;
    uint64_t length;           /* bytes that are committed */
    uint64_t head_bytes, head; /* hash of its first bytes, 4 KiB at most */
} weir_sink_mark;

typedef struct weir_sink {
    const weir_disk *disk;
    char name[WEIR__NAME_SHOWN]; /* for messages: the path, or "stdout" */
    int fd;
    int head_fd; /* the same file for reading: `fd`, or of its own when that is write only (stdout); -1: none */
    bool is_file, owns_fd;
    weir_sink_mark mark;
} weir_sink;

typedef enum weir_sink_start {
    WEIR__SINK_TRUNCATE, /* no state: begin anew */
    WEIR__SINK_EMPTY,    /* a new state: a file that holds something is refused */
    WEIR__SINK_GO_ON     /* a used state: must be the file of the mark; it is cut back to the mark's length */
} weir_sink_start;

/**
 * Opens the file, or makes it.
 * @param path  NULL or "-": stdout
 * @param mark  with WEIR__SINK_GO_ON
 * @return WEIR_OK; WEIR_IO: cannot be opened, or is not what it was (stop)
 */
WEIR_CHECK weir_code weir__sink_open(weir_sink *sink, const weir_disk *disk, const char *path, weir_sink_start start,
                                     const weir_sink_mark *mark, weir_error *err);
void weir__sink_close(weir_sink *sink);

/** Appends; the mark's length grows. Not durable yet. */
WEIR_CHECK weir_code weir__sink_append(weir_sink *sink, weir_bytes bytes, weir_error *err);

/** Makes what was appended durable, and brings the mark up to date. Nothing to do for a pipe. */
WEIR_CHECK weir_code weir__sink_sync(weir_sink *sink, weir_error *err);

WEIR_CHECK weir_code weir__sink_mark_print(const weir_sink_mark *mark, weir_buffer *out);
bool weir__sink_mark_parse(weir_bytes text, weir_sink_mark *mark);

#endif
