/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a store: open, commit, checkpoint, close. */
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "store/connection.h"
#include "store/handle.h"
#include "store/lock.h"
#include "store/wal.h"

bool weir__store_is_new(const weir_store *store)
{
    return store->is_new;
}

/* ---- committing ------------------------------------------------------------------------------------------------- */

weir_code weir__store_writable(const weir_store *store, weir_error *err)
{
    assert(store->writer); /* not read only */
    if (store->failure.code == WEIR_OK)
        return WEIR_OK;
    if (err)
        *err = store->failure;
    weir__error_context(err, "nothing is written any more, after");
    return store->failure.code;
}

weir_code weir__store_give_up(weir_store *store, const weir_error *failure, weir_error *err)
{
    store->failure = *failure;
    /* Some errors have ended the transaction already; and when this fails, nothing is committed either. */
    if (!sqlite3_get_autocommit(store->writer))
        (void)sqlite3_exec(store->writer, "ROLLBACK", NULL, NULL, NULL);
    store->in_transaction = false;
    if (err)
        *err = *failure;
    return failure->code;
}

static int note_frames(void *context, sqlite3 *db, const char *name, int frames)
{
    weir_store *store = context;

    (void)db;
    (void)name;
    store->frames = (uint64_t)frames;
    return SQLITE_OK;
}

void weir__store_watch(weir_store *store)
{
    (void)sqlite3_wal_hook(store->writer, note_frames, store); /* returns what was hooked before */
}

static weir_code read_salts(weir_store *store, uint64_t *salts, weir_error *err)
{
    uint8_t header[WEIR__WAL_HEADER_SIZE] = { 0 };
    sqlite3_file *wal = NULL;

    int code = sqlite3_file_control(store->writer, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);

    if (code == SQLITE_OK && wal && wal->pMethods)
        code = wal->pMethods->xRead(wal, header, sizeof header, 0); /* a short one reads as zeros */
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "sqlite", code, "cannot read 'state.db-wal'");
    *salts = weir__wal_salts(header);
    return WEIR_OK;
}

static weir_code raise_floor(weir_store *store, uint64_t salts, uint64_t frames, weir_error *err)
{
    weir_floor floor = { store->floor.store_id, store->number, salts, frames };
    weir_code rc = weir__floor_write(store->disk, store->floor_path, &floor, err);

    if (rc == WEIR_OK)
        store->floor = floor;
    return rc;
}

weir_code weir__store_checkpoint(weir_store *store, bool is_last, weir_error *err)
{
    static const char what[] = "cannot checkpoint";
    int frames = 0, moved = 0, code;
    uint64_t salts = 0;
    weir_code rc = read_salts(store, &salts, err);

    /* From here on the main file may hold pages of this commit: no older one may be taken for the last. */
    if (rc == WEIR_OK)
        rc = raise_floor(store, salts, store->frames, err);
    if (rc != WEIR_OK)
        return rc;
    code = sqlite3_wal_checkpoint_v2(store->writer, "main", SQLITE_CHECKPOINT_PASSIVE, &frames, &moved);
    if (code != SQLITE_OK && code != SQLITE_BUSY)
        return weir__connection_fail(store->writer, what, err);
    if (code == SQLITE_BUSY || moved < frames) {
        store->checkpoint_at = store->frames + WEIR__STORE_CHECKPOINT_AGAIN; /* a reader still needs the older pages */
        return WEIR_OK;
    }
    /* The main file is whole and synced; only now may the log be emptied, or begun anew by the next commit. */
    store->checkpoint_at = WEIR__STORE_CHECKPOINT_FRAMES;
    rc = raise_floor(store, 0, 0, err);
    if (rc != WEIR_OK)
        return rc;
    /* While the store is in use the log keeps its size and is written over: a file that does not grow is synced in half
     * the time. */
    (void)sqlite3_busy_timeout(store->writer, 0); /* a reader that is still in the log does no harm: do not wait */
    code = sqlite3_wal_checkpoint_v2(store->writer, "main",
                                     is_last ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    (void)sqlite3_busy_timeout(store->writer, WEIR__BUSY_TIMEOUT_MS);
    if (code != SQLITE_OK && code != SQLITE_BUSY)
        return weir__connection_fail(store->writer, what, err);
    if (code == SQLITE_OK) {
        store->frames = 0;
        store->has_log = !is_last;
    }
    return WEIR_OK;
}

/* The commit is durable. With the first one in a log the floor learns of that log, so that losing it is noticed. */
static weir_code after_commit(weir_store *store, weir_error *err)
{
    uint64_t salts = 0;
    weir_code rc = read_salts(store, &salts, err);

    store->has_log = true;
    if (rc == WEIR_OK && (store->floor.wal_frames == 0 || store->floor.wal_salts != salts))
        rc = raise_floor(store, salts, store->frames, err);
    if (rc == WEIR_OK && store->frames >= store->checkpoint_at)
        rc = weir__store_checkpoint(store, false, err);
    return rc;
}

weir_code weir__store_commit(weir_store *store, weir_error *err)
{
    sqlite3_stmt *statement = store->writes[WEIR__STORE_COMMIT];
    weir_code rc = weir__store_writable(store, err);
    weir_error failure;

    if (rc != WEIR_OK || !store->in_transaction)
        return rc;
    rc = weir__store_set_number(store, store->number + 1, err);
    if (rc != WEIR_OK)
        return rc;
    if (sqlite3_step(statement) != SQLITE_DONE)
        rc = weir__connection_fail(store->writer, "cannot commit", &failure);
    (void)sqlite3_reset(statement); /* it repeats the error of the step */
    if (rc == WEIR_OK) {
        store->in_transaction = false;
        store->number++;
        rc = after_commit(store, &failure);
    }
    return rc == WEIR_OK ? rc : weir__store_give_up(store, &failure, err);
}

void weir__store_close(weir_store *store)
{
    if (!store)
        return;
    for (int i = 0; i < WEIR__STORE_READS; i++)
        (void)sqlite3_finalize(store->reads[i]); /* it repeats errors that were told */
    (void)sqlite3_close(store->reader); /* it has no statements left */
    for (int i = 0; i < WEIR__STORE_WRITES; i++)
        (void)sqlite3_finalize(store->writes[i]);
    if (store->writer && store->in_transaction)
        (void)sqlite3_exec(store->writer, "ROLLBACK", NULL, NULL, NULL); /* it was not committed: gone either way */
    /* Whatever fails here, the log holds the commits, and the next open goes on from there. */
    if (store->writer && store->failure.code == WEIR_OK && store->has_log) {
        weir_error err;

        if (weir__store_checkpoint(store, true, &err) != WEIR_OK)
            weir__log(WEIR__LOG_DEBUG, "store", "closed without a checkpoint: %s", err.message);
    }
    (void)sqlite3_close(store->writer);
    weir__lock_release(store->disk, store->lock);
    free(store->folder);
    free(store->database_path);
    free(store->wal_path);
    free(store->floor_path);
    free(store->lock_path);
    free(store);
}
