/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of a store on cells, log records and positions: prepared statements, and nothing else. */
#include <assert.h>
#include <string.h>

#include "base/big_endian.h"
#include "store/connection.h"
#include "store/handle.h"

/* SQLite's own limit of a row is 10^9 bytes; some are left for the row's header. */
#define ROW_MAXIMUM 999999000u

static const char *const write_sql[WEIR__STORE_WRITES] = {
    [WEIR__STORE_BEGIN] = "BEGIN IMMEDIATE",
    [WEIR__STORE_COMMIT] = "COMMIT",
    [WEIR__STORE_PUT] = "REPLACE INTO cell (key, path, value) VALUES (?1, ?2, ?3)",
    [WEIR__STORE_DELETE] = "DELETE FROM cell WHERE key = ?1 AND path = ?2",
    [WEIR__STORE_LOG_PUT] = "REPLACE INTO log (stream, owner, number, record) VALUES (?1, ?2, ?3, ?4)",
    [WEIR__STORE_LOG_DELETE] = "DELETE FROM log WHERE stream = ?1 AND owner = ?2",
    [WEIR__STORE_SET_POSITION] = "REPLACE INTO position (name, value) VALUES (?1, ?2)",
};

static const char *const read_sql[WEIR__STORE_READS] = {
    [WEIR__STORE_LOAD] = "SELECT key, path, value FROM cell WHERE key = ?1 ORDER BY path",
    [WEIR__STORE_SCAN] = "SELECT key, path, value FROM cell ORDER BY key, path",
    [WEIR__STORE_SCAN_FROM] = "SELECT key, path, value FROM cell WHERE key >= ?1 ORDER BY key, path",
    [WEIR__STORE_LOG_SCAN] = "SELECT owner, number, record FROM log WHERE stream = ?1 ORDER BY owner, number",
    [WEIR__STORE_POSITION] = "SELECT value FROM position WHERE name = ?1",
};

static weir_code prepare(sqlite3 *db, const char *const *sql, sqlite3_stmt **statements, int count, weir_error *err)
{
    for (int i = 0; i < count; i++) {
        if (sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &statements[i], NULL) != SQLITE_OK)
            return weir__connection_fail(db, "cannot read state.db", err);
    }
    return WEIR_OK;
}

weir_code weir__store_prepare(weir_store *store, weir_error *err)
{
    weir_code rc = prepare(store->reader, read_sql, store->reads, WEIR__STORE_READS, err);

    if (rc == WEIR_OK && store->writer)
        rc = prepare(store->writer, write_sql, store->writes, WEIR__STORE_WRITES, err);
    return rc;
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

static int bind_bytes(sqlite3_stmt *statement, int at, weir_bytes bytes)
{
    /* A NULL pointer would bind SQL NULL, not an empty value, and an empty view may well hold NULL. */
    return sqlite3_bind_blob64(statement, at, bytes.size ? (const void *)bytes.data : "", bytes.size, SQLITE_STATIC);
}

/* The sizes of a row's parts, checked before anything is touched. */
static weir_code check_row(size_t a, size_t b, size_t c, weir_error *err)
{
    if (a > ROW_MAXIMUM || b > ROW_MAXIMUM || c > ROW_MAXIMUM || a + b + c > ROW_MAXIMUM)
        return weir__fail(err, WEIR_LIMIT, WEIR_REMEDY_FIX, "a row of %zu bytes, at most %u are allowed", a + b + c,
                          ROW_MAXIMUM);
    return WEIR_OK;
}

/* Begins the transaction if this is its first write. */
static weir_code begin(weir_store *store, weir_error *err)
{
    weir_code rc = weir__store_writable(store, err);
    weir_error failure;

    if (rc != WEIR_OK || store->in_transaction)
        return rc;
    rc = sqlite3_step(store->writes[WEIR__STORE_BEGIN]) == SQLITE_DONE
             ? WEIR_OK
             : weir__connection_fail(store->writer, "cannot begin a commit", &failure);
    (void)sqlite3_reset(store->writes[WEIR__STORE_BEGIN]); /* it repeats the error of the step */
    if (rc != WEIR_OK)
        return weir__store_give_up(store, &failure, err);
    store->in_transaction = true;
    return WEIR_OK;
}

/* Runs a statement whose parameters are bound, or were tried to. */
static weir_code write(weir_store *store, sqlite3_stmt *statement, bool is_bound, weir_error *err)
{
    weir_code rc = WEIR_OK;
    weir_error failure;

    if (!is_bound || sqlite3_step(statement) != SQLITE_DONE)
        rc = weir__connection_fail(store->writer, "cannot write", &failure);
    (void)sqlite3_reset(statement); /* it repeats the error of the step */
    (void)sqlite3_clear_bindings(statement); /* they are borrowed; it cannot fail */
    return rc == WEIR_OK ? rc : weir__store_give_up(store, &failure, err);
}

weir_code weir__store_put(weir_store *store, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    sqlite3_stmt *statement = store->writes[WEIR__STORE_PUT];
    weir_code rc = check_row(key.size, path.size, value.size, err);

    if (rc == WEIR_OK)
        rc = begin(store, err);
    if (rc != WEIR_OK)
        return rc;
    return write(store, statement,
                 bind_bytes(statement, 1, key) == SQLITE_OK && bind_bytes(statement, 2, path) == SQLITE_OK &&
                     bind_bytes(statement, 3, value) == SQLITE_OK,
                 err);
}

weir_code weir__store_delete(weir_store *store, weir_bytes key, weir_bytes path, weir_error *err)
{
    sqlite3_stmt *statement = store->writes[WEIR__STORE_DELETE];
    weir_code rc = check_row(key.size, path.size, 0, err);

    if (rc == WEIR_OK)
        rc = begin(store, err);
    if (rc != WEIR_OK)
        return rc;
    return write(store, statement,
                 bind_bytes(statement, 1, key) == SQLITE_OK && bind_bytes(statement, 2, path) == SQLITE_OK, err);
}

weir_code weir__store_log_put(weir_store *store, const char *stream, weir_bytes owner, int64_t number,
                              weir_bytes record, weir_error *err)
{
    sqlite3_stmt *statement = store->writes[WEIR__STORE_LOG_PUT];
    weir_code rc = check_row(strlen(stream), owner.size, record.size, err);

    if (rc == WEIR_OK)
        rc = begin(store, err);
    if (rc != WEIR_OK)
        return rc;
    return write(store, statement,
                 sqlite3_bind_text(statement, 1, stream, -1, SQLITE_STATIC) == SQLITE_OK &&
                     bind_bytes(statement, 2, owner) == SQLITE_OK &&
                     sqlite3_bind_int64(statement, 3, number) == SQLITE_OK &&
                     bind_bytes(statement, 4, record) == SQLITE_OK,
                 err);
}

weir_code weir__store_log_delete(weir_store *store, const char *stream, weir_bytes owner, weir_error *err)
{
    sqlite3_stmt *statement = store->writes[WEIR__STORE_LOG_DELETE];
    weir_code rc = check_row(strlen(stream), owner.size, 0, err);

    if (rc == WEIR_OK)
        rc = begin(store, err);
    if (rc != WEIR_OK)
        return rc;
    return write(store, statement,
                 sqlite3_bind_text(statement, 1, stream, -1, SQLITE_STATIC) == SQLITE_OK &&
                     bind_bytes(statement, 2, owner) == SQLITE_OK,
                 err);
}

static weir_code set_position(weir_store *store, const char *name, weir_bytes value, weir_error *err)
{
    sqlite3_stmt *statement = store->writes[WEIR__STORE_SET_POSITION];
    weir_code rc = check_row(strlen(name), value.size, 0, err);

    if (rc == WEIR_OK)
        rc = begin(store, err);
    if (rc != WEIR_OK)
        return rc;
    return write(store, statement,
                 sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK &&
                     bind_bytes(statement, 2, value) == SQLITE_OK,
                 err);
}

weir_code weir__store_set_position(weir_store *store, const char *name, weir_bytes value, weir_error *err)
{
    assert(name[0] && name[0] != '#'); /* those are the store's own */
    return set_position(store, name, value, err);
}

weir_code weir__store_set_number(weir_store *store, int64_t number, weir_error *err)
{
    uint8_t bytes[8];

    weir__put_64(bytes, (uint64_t)number);
    return set_position(store, "#commit", weir__bytes(bytes, sizeof bytes), err);
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static weir_bytes column(sqlite3_stmt *statement, int at)
{
    const void *data = sqlite3_column_blob(statement, at); /* NULL when it is empty */

    return weir__bytes(data, data ? (size_t)sqlite3_column_bytes(statement, at) : 0);
}

/* Lets go of the snapshot and of what was borrowed for the call. */
static void finish_read(sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement); /* it repeats the error of the step */
    (void)sqlite3_clear_bindings(statement); /* it cannot fail */
}

static weir_code walk_cells(weir_store *store, sqlite3_stmt *statement, weir_store_cell_fn fn, void *context,
                            weir_error *err)
{
    weir_code rc = WEIR_OK;
    int step;

    while ((step = sqlite3_step(statement)) == SQLITE_ROW && rc == WEIR_OK)
        rc = fn(context, column(statement, 0), column(statement, 1), column(statement, 2), err);
    if (rc == WEIR_OK && step != SQLITE_DONE)
        rc = weir__connection_fail(store->reader, "cannot read", err);
    return rc;
}

static weir_code walk_at_key(weir_store *store, sqlite3_stmt *statement, weir_bytes key, weir_store_cell_fn fn,
                             void *context, weir_error *err)
{
    weir_code rc;

    if (bind_bytes(statement, 1, key) != SQLITE_OK)
        rc = weir__connection_fail(store->reader, "cannot read", err);
    else
        rc = walk_cells(store, statement, fn, context, err);
    finish_read(statement);
    return rc;
}

weir_code weir__store_load(weir_store *store, weir_bytes key, weir_store_cell_fn fn, void *context, weir_error *err)
{
    return walk_at_key(store, store->reads[WEIR__STORE_LOAD], key, fn, context, err);
}

weir_code weir__store_scan_from(weir_store *store, weir_bytes from, weir_store_cell_fn fn, void *context,
                                weir_error *err)
{
    return walk_at_key(store, store->reads[WEIR__STORE_SCAN_FROM], from, fn, context, err);
}

weir_code weir__store_scan(weir_store *store, weir_store_cell_fn fn, void *context, weir_error *err)
{
    sqlite3_stmt *statement = store->reads[WEIR__STORE_SCAN];
    weir_code rc = walk_cells(store, statement, fn, context, err);

    finish_read(statement);
    return rc;
}

weir_code weir__store_log_scan(weir_store *store, const char *stream, weir_store_record_fn fn, void *context,
                               weir_error *err)
{
    sqlite3_stmt *statement = store->reads[WEIR__STORE_LOG_SCAN];
    weir_code rc = WEIR_OK;
    int step;

    if (sqlite3_bind_text(statement, 1, stream, -1, SQLITE_STATIC) != SQLITE_OK) {
        rc = weir__connection_fail(store->reader, "cannot read", err);
        goto out;
    }
    while ((step = sqlite3_step(statement)) == SQLITE_ROW && rc == WEIR_OK)
        rc = fn(context, column(statement, 0), sqlite3_column_int64(statement, 1), column(statement, 2), err);
    if (rc == WEIR_OK && step != SQLITE_DONE)
        rc = weir__connection_fail(store->reader, "cannot read", err);
out:
    finish_read(statement);
    return rc;
}

weir_code weir__store_position(weir_store *store, const char *name, weir_buffer *value, bool *found, weir_error *err)
{
    sqlite3_stmt *statement = store->reads[WEIR__STORE_POSITION];
    weir_code rc = WEIR_OK;
    weir_bytes bytes;

    weir__buffer_reset(value);
    *found = false;
    if (sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC) != SQLITE_OK) {
        rc = weir__connection_fail(store->reader, "cannot read", err);
        goto out;
    }
    switch (sqlite3_step(statement)) {
    case SQLITE_DONE:
        goto out;
    case SQLITE_ROW:
        break;
    default:
        rc = weir__connection_fail(store->reader, "cannot read", err);
        goto out;
    }
    bytes = column(statement, 0);
    rc = weir__buffer_add(value, bytes.data, bytes.size);
    if (rc == WEIR_NO_MEMORY)
        (void)weir__fail_memory(err, "a position");
    else if (rc != WEIR_OK)
        (void)weir__fail(err, rc, WEIR_REMEDY_FIX, "position '%s' has %zu bytes, more than are asked for", name,
                         bytes.size);
    *found = rc == WEIR_OK;
out:
    finish_read(statement);
    return rc;
}
