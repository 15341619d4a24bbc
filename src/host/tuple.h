/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a commit says of a task, written twice in the same transaction: as the metadata of the group's offset, and as a
 * record of the changelog (there with the inputs that are still open); and kept a third time in the task's store. Where
 * the three differ, recovery decides (stream_recovery.c).
 *
 *   {"v":1,"input":ID,"changelog":ID,"journal":ID,"offset":N,"commit":N,"epoch":N,"owner":TEXT,"low":N,"claim":N,
 *    "claimed":N,"gap":N[,"next":N,"open":[N,…]]}
 */
#ifndef WEIR__HOST_TUPLE_H
#define WEIR__HOST_TUPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

enum {
    WEIR__TUPLE_ID_SIZE = 40,    /* a topic's id as text, with its NUL */
    WEIR__TUPLE_OWNER_SIZE = 256 /* a transactional id, with its NUL */
};

typedef struct weir_tuple {
    char input[WEIR__TUPLE_ID_SIZE];     /* topic ids; changelog and journal "" for a task without state */
    char changelog[WEIR__TUPLE_ID_SIZE];
    char journal[WEIR__TUPLE_ID_SIZE];
    int64_t offset; /* the lowest input that is neither over nor in the inbox: the group reads on there */
    int64_t commit; /* counts the task's commits, from 1, whoever makes them */
    int64_t epoch;  /* of the owner, from 1 */
    char owner[WEIR__TUPLE_OWNER_SIZE]; /* its transactional id */
    int64_t low;    /* where the journal must be read from */
    int64_t claim;  /* where the owner's claim stands in the journal; -1: not known to stand there yet */
    int64_t claimed; /* epoch of the highest claim before `low`, where nobody meets it any more; 0: none */
    int64_t gap;    /* what the journal lacks is doubt for the inputs below that; 0: it lacks nothing */
    /* Only in the changelog and in the store: */
    int64_t next;   /* behind the last input that was taken in; never below offset */
    const int64_t *open; /* inputs from offset up to next that are not over, ascending: the others there are */
    size_t open_count;
} weir_tuple;

/** Appends it as text; `is_whole` says whether with the open inputs. WEIR_OK; WEIR_LIMIT; WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__tuple_print(const weir_tuple *tuple, bool is_whole, weir_buffer *out);

/** Reads one; `open` is put into the arena. False: it is none of ours, or of a later version. */
WEIR_CHECK bool weir__tuple_parse(weir_bytes text, weir_arena *arena, weir_tuple *out);

/* ---- keys of the changelog --------------------------------------------------------------------------------------- */

typedef enum weir_change_kind {
    WEIR__CHANGE_CELL = 'C',   /* key, path: a cell, as the store has it */
    WEIR__CHANGE_INPUT = 'I',  /* number: an input of the inbox */
    WEIR__CHANGE_ENTRY = 'J',  /* number (of the input), place (in the journal): an entry of its journal */
    WEIR__CHANGE_TUPLE = 'T'
} weir_change_kind;

/** One key, taken apart: views borrow from it. */
typedef struct weir_change_key {
    weir_change_kind kind;
    weir_bytes key, path;
    int64_t number, place;
} weir_change_key;

WEIR_CHECK weir_code weir__change_key_print(const weir_change_key *key, weir_buffer *out); /* emptied first */
WEIR_CHECK bool weir__change_key_parse(weir_bytes text, weir_change_key *out); /* false: none of ours */

#endif
