/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SQLite file: keyed cells, an append log, named positions, one commit over all of them.
 * What cells, log records and positions mean is the caller's affair: to this room they are bytes.
 */
#ifndef WEIR__STORE_STORE_H
#define WEIR__STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/disk.h"
#include "base/error.h"

typedef struct weir_store weir_store;

#define WEIR__ORIGIN_LOCK "lock" /* of an error: another process has the store; origin_code is its pid */

typedef struct weir_store_options {
    const char *folder; /* made if it is missing (0700 under umask); holds the database, its WAL, and the lock */
    const char *job;    /* name of the job it belongs to; checked at every open (NULL: any, to look at) */
    bool must_exist;    /* true: a folder without a store is an error (for looking at one) */
    bool is_copy;       /* all of it is elsewhere too: commits are not synced one by one, so the last ones may be lost
                           with the machine (never a part of one), and then it may not open */
    bool read_only;     /* true: takes no lock, changes nothing; while a job runs it sees the last commit. SQLite sets
                           up `state.db-shm` for it, so the folder must be writable unless a job is running */
    const char *vfs;    /* SQLite VFS beneath, stays registered; NULL: the default one. For tests */
    const weir_disk *disk; /* sees the same files as `vfs`, and its descriptors are the system's (one is locked); NULL:
                              the system's */
} weir_store_options;

/**
 * Opens the store of a job, making it when the folder holds none; locks it against other processes for life.
 *
 * @return WEIR_OK;
 *         WEIR_IO       not there, unreadable, disk full, damaged, of another job, of a newer version, or locked by
 *                       another process (its pid is named); the message has the path and what to do   (stop)
 *         WEIR_NO_MEMORY                                                                              (stop)
 * Threads: the store's writes and weir__store_commit() belong to one thread (any, but one at a time); reads
 * (weir__store_load, weir__store_position) to one other. They do not wait for each other.
 * Source: SQLite, "Write-Ahead Logging", "Result Codes", "Checksum VFS".
 */
WEIR_CHECK weir_code weir__store_open(const weir_store_options *options, weir_store **out, weir_error *err);

/** Puts "state 'FOLDER'" before what a read or a commit has failed with (of a long name the end): they know only what,
 * not where. */
void weir__store_error_context(const weir_store *store, weir_error *err);

/** Checkpoints, which leaves an empty log, and closes; accepts NULL. What was not committed is gone. */
void weir__store_close(weir_store *store);

/** True when this open made the store. */
bool weir__store_is_new(const weir_store *store);

/* ---- writing: collected in one transaction, which the first write begins ----------------------------------------- */

/**
 * Puts one cell, replacing an older one. All are borrowed for the call, and may hold any bytes.
 *
 * @return WEIR_OK;
 *         WEIR_LIMIT               more than 999,000,000 bytes in all; the transaction is not harmed          (fix)
 *         WEIR_IO, WEIR_NO_MEMORY  nothing since the last commit is kept, and nothing is written any more     (stop)
 * The other writes fail in the same ways.
 */
WEIR_CHECK weir_code weir__store_put(weir_store *store, weir_bytes key, weir_bytes path, weir_bytes value,
                                     weir_error *err);

/** Deletes one cell; absent is fine. */
WEIR_CHECK weir_code weir__store_delete(weir_store *store, weir_bytes key, weir_bytes path, weir_error *err);

/** Appends to (or replaces in) the log: one record per (stream, owner, number), e.g. ("inbox", "run id", 0). */
WEIR_CHECK weir_code weir__store_log_put(weir_store *store, const char *stream, weir_bytes owner, int64_t number,
                                         weir_bytes record, weir_error *err);

/** Deletes all log records of one owner in one stream. */
WEIR_CHECK weir_code weir__store_log_delete(weir_store *store, const char *stream, weir_bytes owner, weir_error *err);

/** Sets a named position. name: 1..255 bytes; names that begin with '#' are the store's own. */
WEIR_CHECK weir_code weir__store_set_position(weir_store *store, const char *name, weir_bytes value, weir_error *err);

/**
 * Makes all writes since the last commit durable, in one piece (synchronous=FULL); without any it does nothing.
 *
 * After an error the store takes no more writes, and shows the last commit or, if the error came late (in a sync, in
 * the checkpoint that follows now and then), this one whole; so will the next open. Never a part of it.
 *
 * @return WEIR_OK; WEIR_IO (stop: disk full, damaged, …); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__store_commit(weir_store *store, weir_error *err);

/* ---- reading: sees the last commit ------------------------------------------------------------------------------- */
/* A walk keeps its view of the store until it ends; meanwhile no checkpoint can finish, so it should not wait long. */

/**
 * Called for one cell or record; views live for the call. A code other than WEIR_OK ends the walk and is returned.
 * It must not begin the same kind of walk anew.
 */
typedef weir_code (*weir_store_cell_fn)(void *context, weir_bytes key, weir_bytes path, weir_bytes value,
                                        weir_error *err);
typedef weir_code (*weir_store_record_fn)(void *context, weir_bytes owner, int64_t number, weir_bytes record,
                                          weir_error *err);

/** All cells of one key, ordered by path (bytes). */
WEIR_CHECK weir_code weir__store_load(weir_store *store, weir_bytes key, weir_store_cell_fn fn, void *context,
                                      weir_error *err);

/** All cells, ordered by key, then path. */
WEIR_CHECK weir_code weir__store_scan(weir_store *store, weir_store_cell_fn fn, void *context, weir_error *err);

/** The same from a key on. */
WEIR_CHECK weir_code weir__store_scan_from(weir_store *store, weir_bytes from, weir_store_cell_fn fn, void *context,
                                           weir_error *err);

/** All records of a stream, ordered by owner (bytes), then number. */
WEIR_CHECK weir_code weir__store_log_scan(weir_store *store, const char *stream, weir_store_record_fn fn,
                                          void *context, weir_error *err);

/**
 * A named position: copied into `value` (emptied first); *found = false when there is none. "#commit" is the number of
 * the last commit, 8 bytes, big-endian; making the store is commit 1. WEIR_LIMIT (fix): more than `value` may hold.
 */
WEIR_CHECK weir_code weir__store_position(weir_store *store, const char *name, weir_buffer *value, bool *found,
                                          weir_error *err);

#endif
