/* SPDX-License-Identifier: Apache-2.0 */
/* Setting up SQLite connections, and putting their errors into words. */
#include "store/connection.h"

#include <string.h>

#include "store/checksum_vfs.h"

static weir_code fail(sqlite3 *db, const char *what, weir_error *err)
{
    int code = sqlite3_extended_errcode(db);
    int number = sqlite3_system_errno(db);
    uint32_t page = 0;
    char text[64];

    if ((code & 0xFF) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM)
        return weir__fail_from(err, WEIR_NO_MEMORY, WEIR_REMEDY_STOP, "sqlite", code, "%s: no memory", what);
    if (code == SQLITE_IOERR_DATA)
        (void)sqlite3_file_control(db, "main", WEIR__FCNTL_DAMAGED_PAGE, &page); /* not ours: it stays 0 */
    if (code == SQLITE_IOERR_DATA && page)
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "sqlite", code,
                               "%s: page %u of state.db is damaged; " WEIR__STORE_ADVICE, what, (unsigned)page);
    if ((code & 0xFF) == SQLITE_NOTADB)
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "sqlite", code,
                               "state.db is not a weir state, or its first page is damaged; " WEIR__STORE_ADVICE);
    if ((code & 0xFF) == SQLITE_CORRUPT)
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "sqlite", code,
                               "%s: state.db is damaged (%s); " WEIR__STORE_ADVICE, what, sqlite3_errmsg(db));
    if ((code & 0xFF) == SQLITE_IOERR && number)
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "sqlite", code, "%s: %s (%s)", what,
                               sqlite3_errmsg(db), strerror_r(number, text, sizeof text));
    return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "sqlite", code, "%s: %s", what, sqlite3_errmsg(db));
}

weir_code weir__connection_fail(sqlite3 *db, const char *what, weir_error *err)
{
    if (!db)
        return weir__fail_memory(err, "a database connection");
    return fail(db, what, err);
}

weir_code weir__connection_run(sqlite3 *db, const char *sql, const char *what, weir_error *err)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail(db, what, err);
    return WEIR_OK;
}

weir_code weir__connection_number(sqlite3 *db, const char *sql, int64_t *out, weir_error *err)
{
    weir_code rc = WEIR_OK;
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_step(statement) != SQLITE_ROW)
        rc = fail(db, "cannot read", err);
    else
        *out = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement); /* it repeats the error of the step */
    return rc;
}

weir_code weir__connection_open(const char *path, const char *vfs, weir_connection_may may, sqlite3 **out,
                                weir_error *err)
{
    weir_code rc = WEIR_OK;
    sqlite3 *db = NULL;
    /* Each connection belongs to one thread at a time, so it needs no mutex. Also a reader opens for writing: it may
     * have to set up the shared memory beside the file. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (may == WEIR__CONNECTION_CREATE ? SQLITE_OPEN_CREATE : 0);

    if (sqlite3_open_v2(path, &db, flags, vfs) != SQLITE_OK) {
        rc = weir__connection_fail(db, "cannot open state.db", err);
        goto out;
    }
    /* A file is as bad as its worst page: trust nothing that the schema might say, and look at cells before use. */
    if (sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) != SQLITE_OK ||
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, WEIR__BUSY_TIMEOUT_MS) != SQLITE_OK) {
        rc = fail(db, "cannot set up state.db", err);
        goto out;
    }
    rc = weir__connection_run(db,
                              "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL;"
                              "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;"
                              "PRAGMA wal_autocheckpoint = 0;",
                              "cannot open state.db", err);
    if (rc == WEIR_OK && may == WEIR__CONNECTION_READ)
        rc = weir__connection_run(db, "PRAGMA query_only = ON", "cannot open state.db", err);
    if (rc != WEIR_OK)
        goto out;
    *out = db;
    db = NULL; /* now the caller's */
out:
    (void)sqlite3_close(db); /* it has no statements */
    return rc;
}
