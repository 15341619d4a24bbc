/* SPDX-License-Identifier: Apache-2.0 */
/* The input of the local host: a file that is known again, or a pipe that begins again. */
#ifndef WEIR__HOST_SOURCE_H
#define WEIR__HOST_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "base/uuid.h"
#include "codec/json.h"
#include "host/mark.h"
#include "host/reader.h"

/* What the state keeps of the input. */
typedef struct weir_source_mark {
    char id[WEIR__UUID_TEXT];  /* minted with the state: names the input in run ids */
    bool is_file;              /* a regular file: device, inode and head count */
    uint64_t device, inode;
    uint64_t head_bytes, head; /* hash of the first bytes, 4 KiB at most */
} weir_source_mark;

/* How far it has been read. */
typedef struct weir_source_place {
    weir_reader_place place;
    uint64_t rolling; /* hash over the text of all records before the place */
} weir_source_place;

typedef struct weir_source_options {
    const weir_disk *disk;
    const char *path; /* NULL or "-": stdin */
    size_t record_bytes;
    bool follow, continues, moved;
    bool is_stateless; /* nothing is kept of the place, so no hash need be: `rolling` stays 0 */
} weir_source_options;

typedef struct weir_source {
    weir_source_options options;
    const char *name;             /* the path, or "stdin" */
    char shown[WEIR__NAME_SHOWN]; /* the same, for messages */
    int fd;
    bool is_file, owns_fd;
    uint64_t device, inode; /* of a file: which one is open, whatever the mark still says */
    weir_reader *reader;
    weir_source_mark mark;
    weir_source_place at; /* behind the last record given out */
    uint64_t size_bytes;  /* of a file, at the start; 0 otherwise */
    int watch_fd;         /* inotify, for a followed file; -1: none */
    /* A pipe that begins again, or a file in another place: records to pass over before the first new one. */
    weir_source_place passing;
    weir_source_mark passed_mark; /* the mark from then on: until it has proved itself, the recorded one stays */
    bool is_passing;
    bool has_new_mark; /* set when it has proved itself; the one who commits it clears this */
} weir_source;

/**
 * Opens the input.
 * @param mark   what the state keeps of it; NULL: a new state, or none (an id is minted then)
 * @param place  how far it was read; with mark only
 * @return WEIR_OK; WEIR_IO: not there, unreadable, another file, shorter than what was read (fix or stop);
 *         WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__source_open(weir_source *source, const weir_source_options *options,
                                       const weir_source_mark *mark, const weir_source_place *place, weir_error *err);
void weir__source_close(weir_source *source);

/** The next record that was not committed; as weir__reader_next(). Also fails (WEIR_IO) when what is passed over is not
 * what was committed. */
weir_reader_result weir__source_next(weir_source *source, weir_record *record, weir_error *err);

/** Behind the last record that was given out, now or before this start. */
const weir_source_place *weir__source_place_now(const weir_source *source);

/** The descriptor that becomes readable when there may be more; -1: a file, which always is. */
int weir__source_poll_fd(const weir_source *source);

/** After the poll descriptor was readable: empties what only signals. */
void weir__source_polled(weir_source *source);

/* ---- as the state keeps it: JSON text, for people too ------------------------------------------------------------ */
WEIR_CHECK weir_code weir__source_mark_print(const weir_source_mark *mark, weir_buffer *out);
WEIR_CHECK weir_code weir__source_place_print(const weir_source_place *place, weir_buffer *out);
bool weir__source_mark_parse(weir_bytes text, weir_source_mark *mark);
bool weir__source_place_parse(weir_bytes text, weir_source_place *place);

#endif
