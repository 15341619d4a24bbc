/* SPDX-License-Identifier: Apache-2.0 */
/* A store from the inside. What the writing thread owns and what the reading thread owns are apart. */
#ifndef WEIR__STORE_HANDLE_H
#define WEIR__STORE_HANDLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/floor.h"
#include "store/store.h"

enum {
    WEIR__STORE_BEGIN,
    WEIR__STORE_COMMIT,
    WEIR__STORE_PUT,
    WEIR__STORE_DELETE,
    WEIR__STORE_LOG_PUT,
    WEIR__STORE_LOG_DELETE,
    WEIR__STORE_SET_POSITION,
    WEIR__STORE_WRITES
};

enum {
    WEIR__STORE_LOAD,
    WEIR__STORE_SCAN,
    WEIR__STORE_SCAN_FROM,
    WEIR__STORE_LOG_SCAN,
    WEIR__STORE_POSITION,
    WEIR__STORE_READS
};

/* A log of 16 MiB: long enough that a page which changes often is written to the main file once for many commits, short
 * enough that a start after a crash reads it in no time. A reader that holds a checkpoint up is asked again after as
 * many frames as CHECKPOINT_AGAIN. */
#define WEIR__STORE_CHECKPOINT_FRAMES 4000
#define WEIR__STORE_CHECKPOINT_AGAIN 1000

struct weir_store {
    /* From open to close. */
    const weir_disk *disk;
    char *folder, *database_path, *wal_path, *floor_path, *lock_path;
    bool is_new;

    /* The writing thread's. */
    int lock;        /* -1: not ours */
    sqlite3 *writer; /* NULL: read only */
    sqlite3_stmt *writes[WEIR__STORE_WRITES];
    bool in_transaction;
    weir_error failure; /* its code is WEIR_OK until a write fails; then nothing is written any more */
    int64_t number;     /* of the last commit */
    weir_floor floor;   /* as it stands on disk */
    uint64_t frames;    /* in the write-ahead log */
    bool has_log;       /* its file is not empty: frames, or what is left of older ones */
    uint64_t checkpoint_at; /* frames; a checkpoint follows the commit that reaches them */

    /* The reading thread's. */
    sqlite3 *reader;
    sqlite3_stmt *reads[WEIR__STORE_READS];
};

/** Prepares the statements of the connections that are open. WEIR_OK, WEIR_IO, WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__store_prepare(weir_store *store, weir_error *err);

/** Keeps `frames` up to date from now on. */
void weir__store_watch(weir_store *store);

/** Writes the number of the commit that is being made. As weir__store_put(). */
WEIR_CHECK weir_code weir__store_set_number(weir_store *store, int64_t number, weir_error *err);

/** Keeps what a write failed with, undoes the transaction, and returns the code: nothing is written from now on. */
weir_code weir__store_give_up(weir_store *store, const weir_error *failure, weir_error *err);

/** WEIR_OK while nothing has failed, else the first failure again. */
WEIR_CHECK weir_code weir__store_writable(const weir_store *store, weir_error *err);

/**
 * Moves the write-ahead log into the main file, as far as readers let it, with the floor raised before and after.
 *
 * @param is_last  true: the log's file is emptied, too, as a process begins and ends; false: it keeps its size, and the
 *                 next commit begins it anew (a file that does not grow is synced in half the time)
 * @return WEIR_OK, also when a reader held it up; WEIR_IO, WEIR_NO_MEMORY: what is in the log is still good (stop)
 */
WEIR_CHECK weir_code weir__store_checkpoint(weir_store *store, bool is_last, weir_error *err);

#endif
