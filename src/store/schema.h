/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the database file.
 *
 *   cell      key, path, value            any bytes
 *   log       stream, owner, number, record
 *   position  name, value                 names that begin with '#' are the store's own:
 *             #job     the name of the job it belongs to
 *             #id      8 bytes drawn when it was made; the floor has them too
 *             #commit  number of the last commit, 8 bytes, big-endian; making the store is commit 1
 *
 * application_id is "weir", user_version the number below. Numbers only go up.
 */
#ifndef WEIR__STORE_SCHEMA_H
#define WEIR__STORE_SCHEMA_H

#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

#define WEIR__SCHEMA_VERSION 1

typedef struct weir_schema_facts {
    uint64_t store_id;
    int64_t number; /* of the last commit */
} weir_schema_facts;

/** Makes a database of that job in a file that must not exist yet; durable but for its entry in the folder. */
WEIR_CHECK weir_code weir__schema_create(const char *path, const char *vfs, const char *job, uint64_t store_id,
                                         weir_error *err);

/** Checks that a database is a weir state, of a version that is known, of that job; WEIR_IO (stop) if not. */
WEIR_CHECK weir_code weir__schema_check(sqlite3 *db, const char *job, weir_schema_facts *facts, weir_error *err);

#endif
