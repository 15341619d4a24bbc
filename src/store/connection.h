/* SPDX-License-Identifier: Apache-2.0 */
/* One SQLite connection to a store's database: how it is set up, and what its errors mean. */
#ifndef WEIR__STORE_CONNECTION_H
#define WEIR__STORE_CONNECTION_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* What helps against damage. It never heals by itself, and a wrong value must not be guessed. */
#define WEIR__STORE_ADVICE "restore the folder from a backup, or delete it to start anew"

/* Nothing of ours holds a lock for long; who does is a look from outside (`weir state`). */
#define WEIR__BUSY_TIMEOUT_MS 10000

typedef enum weir_connection_may {
    WEIR__CONNECTION_READ,   /* refuses to change anything */
    WEIR__CONNECTION_WRITE,
    WEIR__CONNECTION_CREATE, /* the file may be missing */
} weir_connection_may;

/**
 * Opens and sets up a connection; nothing is read yet. It never checkpoints by itself, not even when it is closed.
 *
 * @param path  of the database
 * @param vfs   a name from weir__checksum_vfs()
 * @param out   to be closed with sqlite3_close(); written on success only
 * @return WEIR_OK, WEIR_IO (stop), WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__connection_open(const char *path, const char *vfs, weir_connection_may may, sqlite3 **out,
                                           weir_error *err);

/**
 * Says what the last call on a connection failed with: WEIR_NO_MEMORY, or WEIR_IO; to stop in either case. A page that
 * does not match its checksum is named.
 *
 * @param db    NULL: out of memory
 * @param what  "cannot commit"
 */
weir_code weir__connection_fail(sqlite3 *db, const char *what, weir_error *err);

/** Runs statements that return nothing of interest. */
WEIR_CHECK weir_code weir__connection_run(sqlite3 *db, const char *sql, const char *what, weir_error *err);

/** Runs a statement whose first row holds one integer. */
WEIR_CHECK weir_code weir__connection_number(sqlite3 *db, const char *sql, int64_t *out, weir_error *err);

#endif
