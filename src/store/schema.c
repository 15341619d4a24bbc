/* SPDX-License-Identifier: Apache-2.0 */
/* Making and recognizing the database of a store. */
#include "store/schema.h"

#include <stdbool.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/buffer.h"
#include "store/checksum_vfs.h"
#include "store/connection.h"

#define TEXT(number) TEXT_OF(number)
#define TEXT_OF(number) #number

/* WITHOUT ROWID: the key is the b-tree, not an index beside it; one look-up, one page to write. */
static const char tables[] =
    "PRAGMA application_id = " TEXT(WEIR__APPLICATION_ID) ";"
    "PRAGMA user_version = " TEXT(WEIR__SCHEMA_VERSION) ";"
    "CREATE TABLE cell (key BLOB NOT NULL, path BLOB NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY (key, path)) WITHOUT ROWID;"
    "CREATE TABLE log (stream TEXT NOT NULL, owner BLOB NOT NULL, number INTEGER NOT NULL, record BLOB NOT NULL,"
    " PRIMARY KEY (stream, owner, number)) WITHOUT ROWID;"
    "CREATE TABLE position (name TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;";

static weir_code insert_own(sqlite3 *db, const char *job, uint64_t store_id, weir_error *err)
{
    weir_code rc = WEIR_OK;
    sqlite3_stmt *statement = NULL;
    uint8_t id[8];

    for (int i = 7; i >= 0; i--) {
        id[i] = (uint8_t)store_id;
        store_id >>= 8;
    }
    if (sqlite3_prepare_v2(db,
                           "INSERT INTO position VALUES"
                           " ('#job', CAST(?1 AS BLOB)), ('#id', ?2), ('#commit', x'0000000000000001')",
                           -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_bind_text(statement, 1, job, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_blob(statement, 2, id, sizeof id, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_DONE)
        rc = weir__connection_fail(db, "cannot make state.db", err);
    (void)sqlite3_finalize(statement); /* it repeats the error of the step */
    return rc;
}

weir_code weir__schema_create(const char *path, const char *vfs, const char *job, uint64_t store_id, weir_error *err)
{
    static const char what[] = "cannot make state.db";
    int reserved = WEIR__PAGE_RESERVED;
    sqlite3 *db = NULL;
    weir_code rc = weir__connection_open(path, vfs, WEIR__CONNECTION_CREATE, &db, err);

    if (rc != WEIR_OK)
        return rc;
    rc = weir__connection_run(db, "PRAGMA page_size = " TEXT(WEIR__PAGE_SIZE), what, err);
    if (rc == WEIR_OK && sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved) != SQLITE_OK)
        rc = weir__connection_fail(db, what, err);
    /* An own journal would be of no use: a file that is not finished is thrown away. */
    if (rc == WEIR_OK)
        rc = weir__connection_run(db, "PRAGMA auto_vacuum = NONE; PRAGMA journal_mode = MEMORY; BEGIN", what, err);
    if (rc == WEIR_OK)
        rc = weir__connection_run(db, tables, what, err);
    if (rc == WEIR_OK)
        rc = insert_own(db, job, store_id, err);
    if (rc == WEIR_OK)
        rc = weir__connection_run(db, "COMMIT; PRAGMA journal_mode = WAL", what, err);
    if (sqlite3_close(db) != SQLITE_OK && rc == WEIR_OK)
        rc = weir__connection_fail(db, what, err);
    return rc;
}

static weir_code get_own(sqlite3 *db, sqlite3_stmt *statement, const char *name, weir_bytes *value, weir_error *err)
{
    (void)sqlite3_reset(statement); /* the step before it has told its error */
    if (sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) != SQLITE_OK)
        return weir__connection_fail(db, "cannot read state.db", err);
    switch (sqlite3_step(statement)) {
    case SQLITE_ROW:
        value->data = sqlite3_column_blob(statement, 0);
        value->size = (size_t)sqlite3_column_bytes(statement, 0);
        return WEIR_OK;
    case SQLITE_DONE:
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "state.db is damaged: it has no '%s'; " WEIR__STORE_ADVICE,
                          name);
    default:
        return weir__connection_fail(db, "cannot read state.db", err);
    }
}

static weir_code get_own_number(sqlite3 *db, sqlite3_stmt *statement, const char *name, uint64_t *number,
                                weir_error *err)
{
    weir_bytes bytes;
    weir_code rc = get_own(db, statement, name, &bytes, err);

    if (rc != WEIR_OK)
        return rc;
    if (bytes.size != 8)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "state.db is damaged: its '%s' is wrong; " WEIR__STORE_ADVICE,
                          name);
    *number = weir__get_64(bytes.data);
    return WEIR_OK;
}

weir_code weir__schema_check(sqlite3 *db, const char *job, weir_schema_facts *facts, weir_error *err)
{
    sqlite3_stmt *statement = NULL;
    int64_t application = 0, version = 0, pages = 0;
    uint64_t number = 0;
    weir_bytes owner;
    weir_code rc = weir__connection_number(db, "PRAGMA page_count", &pages, err);

    if (rc == WEIR_OK && pages == 0)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "state.db is empty; " WEIR__STORE_ADVICE);
    if (rc == WEIR_OK)
        rc = weir__connection_number(db, "PRAGMA application_id", &application, err);
    if (rc == WEIR_OK)
        rc = weir__connection_number(db, "PRAGMA user_version", &version, err);
    if (rc != WEIR_OK)
        return rc;
    if (application != WEIR__APPLICATION_ID)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "state.db is not a weir state (application id %lld)",
                          (long long)application);
    if (version > WEIR__SCHEMA_VERSION)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "made by a newer weir (schema %lld, this one knows %d)",
                          (long long)version, WEIR__SCHEMA_VERSION);
    if (version < 1)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "state.db has schema %lld, which never was",
                          (long long)version);
    if (sqlite3_prepare_v2(db, "SELECT value FROM position WHERE name = ?1", -1, &statement, NULL) != SQLITE_OK)
        return weir__connection_fail(db, "cannot read state.db", err);
    rc = get_own(db, statement, "#job", &owner, err);
    if (rc == WEIR_OK && job && (owner.size != strlen(job) || (owner.size && memcmp(owner.data, job, owner.size) != 0)))
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "belongs to job '%.*s', not to '%s'",
                        owner.size < 128 ? (int)owner.size : 128, owner.size ? (const char *)owner.data : "", job);
    if (rc == WEIR_OK)
        rc = get_own_number(db, statement, "#id", &facts->store_id, err);
    if (rc == WEIR_OK)
        rc = get_own_number(db, statement, "#commit", &number, err);
    facts->number = (int64_t)number;
    (void)sqlite3_finalize(statement); /* it repeats the error of the step */
    return rc;
}
