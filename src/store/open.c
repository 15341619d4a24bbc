/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a store: what is there is looked at, made if nothing is, and held against its floor. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/checksum_vfs.h"
#include "store/connection.h"
#include "store/handle.h"
#include "store/lock.h"
#include "store/schema.h"
#include "store/wal.h"

/* A message has room for 231 bytes, and a path may have thousands: its end says most. */
#define PATH_SHOWN 80

/* The folder's path without slashes at its end. */
static char *plain_folder(const char *folder)
{
    /* SQLite may take "file:…" for a URI. */
    const char *here = folder[0] == '/' ? "" : "./";
    size_t size = strlen(folder);
    size_t path_size = strlen(here) + size + 1;
    char *path = malloc(path_size);

    while (size > 1 && folder[size - 1] == '/')
        size--;
    if (path)
        (void)snprintf(path, path_size, "%s%.*s", here, (int)size, folder); /* it fits */
    return path;
}

static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + 1 + strlen(name) + 1;
    char *path = malloc(size);

    if (path)
        (void)snprintf(path, size, "%s/%s", folder, name); /* it fits */
    return path;
}

static void add_folder(weir_error *err, const char *folder)
{
    size_t size = strlen(folder);
    size_t skip = size > PATH_SHOWN ? size - PATH_SHOWN : 0;

    while (skip && ((unsigned char)folder[skip] & 0xC0) == 0x80)
        skip++; /* not in the middle of a character */
    weir__error_context(err, "state '%s%s'", skip ? "…" : "", folder + skip);
}

void weir__store_error_context(const weir_store *store, weir_error *err)
{
    add_folder(err, store->folder);
}

static weir_code file_exists(const weir_disk *disk, const char *path, bool *exists, weir_error *err)
{
    /* Only the name is of interest; O_PATH needs no permission on the file, and takes none of SQLite's locks off when
     * it is closed. */
    int fd = disk->open(disk->context, path, O_PATH, 0);

    *exists = fd >= 0;
    if (fd < 0 && errno != ENOENT)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot open '%s'", strrchr(path, '/') + 1);
    if (fd >= 0)
        (void)disk->close(disk->context, fd); /* nothing was done with it */
    return WEIR_OK;
}

static weir_code require_database(const weir_store *store, weir_error *err)
{
    bool exists = false;
    weir_code rc = file_exists(store->disk, store->database_path, &exists, err);

    if (rc == WEIR_OK && !exists)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "there is no state here (no state.db)");
    return rc;
}

/* ---- making one ------------------------------------------------------------------------------------------------- */

static weir_code make_folder(const char *folder, weir_error *err)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make the folder");
    return WEIR_OK;
}

/* A file that was being made when the power went is of no use; its side files would be taken for the new one's. */
static weir_code delete_leftovers(const char *path, const char *vfs_name, weir_error *err)
{
    static const char *const suffixes[] = { "", "-journal", "-wal", "-shm" };
    sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_name);

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *name = sqlite3_mprintf("%s%s", path, suffixes[i]);
        int code;

        if (!name)
            return weir__fail_memory(err, "a path");
        code = vfs->xDelete(vfs, name, 0);
        sqlite3_free(name);
        if (code != SQLITE_OK && code != SQLITE_IOERR_DELETE_NOENT)
            return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "sqlite", code, "cannot delete 'state.db.new%s'",
                                   suffixes[i]);
    }
    return WEIR_OK;
}

/*
 * The database is made whole under another name and renamed, so that `state.db` is never half of one. The floor comes
 * first, with the number 0: a floor without a database then means that a first start was cut off, unless it says that
 * there were commits.
 */
static weir_code make_database(weir_store *store, const char *vfs, const char *job, weir_error *err)
{
    const weir_disk *disk = store->disk;
    weir_code rc = WEIR_OK;
    weir_floor floor = { 0 };
    size_t size = strlen(store->database_path) + sizeof ".new";
    char *path = malloc(size);

    if (!path)
        return weir__fail_memory(err, "a path");
    (void)snprintf(path, size, "%s.new", store->database_path); /* it fits */
    sqlite3_randomness(sizeof floor.store_id, &floor.store_id);
    rc = delete_leftovers(path, vfs, err);
    /* The folder's own entry: it may have been made just now, or by a first start that the power cut off. */
    if (rc == WEIR_OK && disk->sync_folder(disk->context, store->folder) != 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make the folder durable");
    if (rc == WEIR_OK)
        rc = weir__floor_write(disk, store->floor_path, &floor, err);
    if (rc == WEIR_OK)
        rc = weir__schema_create(path, vfs, job, floor.store_id, err);
    if (rc != WEIR_OK)
        goto out;
    if (disk->rename(disk->context, path, store->database_path) ||
        disk->sync_folder(disk->context, store->database_path))
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make 'state.db'");
out:
    free(path);
    return rc;
}

/* ---- looking at one --------------------------------------------------------------------------------------------- */

/* What the files say before SQLite is asked. */
static weir_code look(weir_store *store, bool *exists, weir_wal_report *wal, weir_error *err)
{
    bool has_floor;
    weir_code rc = file_exists(store->disk, store->database_path, exists, err);

    if (rc == WEIR_OK)
        rc = weir__wal_inspect(store->disk, store->wal_path, wal, err);
    if (rc == WEIR_OK)
        rc = weir__floor_read(store->disk, store->floor_path, &store->floor, &has_floor, err);
    if (rc != WEIR_OK)
        return rc;
    if (!*exists) {
        if (wal->size || (has_floor && store->floor.number))
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "state.db is missing; " WEIR__STORE_ADVICE);
        return WEIR_OK;
    }
    if (!has_floor)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "'floor' is missing; " WEIR__STORE_ADVICE);
    if (wal->is_damaged)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "state.db-wal is damaged at frame %llu, and commits are behind it; " WEIR__STORE_ADVICE,
                          (unsigned long long)wal->damage_at);
    /* A log with other salts that is whole came after the floor's: that one was moved to the main file entirely. */
    if (store->floor.wal_frames && wal->frames < store->floor.wal_frames &&
        (wal->frames == 0 || wal->salts == store->floor.wal_salts))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "state.db-wal is %s: it must reach to commit %lld at least; " WEIR__STORE_ADVICE,
                          wal->size ? "damaged" : "missing", (long long)store->floor.number);
    return WEIR_OK;
}

static weir_code check_floor(const weir_store *store, const weir_schema_facts *facts, weir_error *err)
{
    if (facts->store_id != store->floor.store_id)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "state.db and 'floor' are of two different states; " WEIR__STORE_ADVICE);
    if (facts->number < store->floor.number)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "state.db or its log is damaged: commits %lld..%lld are gone; " WEIR__STORE_ADVICE,
                          (long long)facts->number + 1, (long long)store->floor.number);
    return WEIR_OK;
}

static weir_code open_to_write(weir_store *store, const weir_store_options *options, const char *vfs, weir_error *err)
{
    bool exists = false;
    weir_wal_report wal;
    weir_schema_facts facts;
    weir_code rc = options->must_exist ? require_database(store, err) : make_folder(store->folder, err);

    if (rc == WEIR_OK)
        rc = weir__lock_take(store->disk, store->lock_path, &store->lock, err);
    if (rc == WEIR_OK)
        rc = look(store, &exists, &wal, err);
    if (rc == WEIR_OK && !exists) {
        store->is_new = true;
        rc = make_database(store, vfs, options->job, err);
        if (rc == WEIR_OK)
            rc = look(store, &exists, &wal, err);
    }
    if (rc == WEIR_OK)
        rc = weir__connection_open(store->database_path, vfs, WEIR__CONNECTION_WRITE, &store->writer, err);
    if (rc == WEIR_OK)
        rc = weir__schema_check(store->writer, options->job, &facts, err);
    if (rc == WEIR_OK)
        rc = check_floor(store, &facts, err);
    if (rc != WEIR_OK)
        return rc;
    store->number = facts.number;
    store->frames = wal.frames;
    store->has_log = wal.frames > 0;
    weir__store_watch(store);
    /* Each process begins with an empty log: what a crash left behind its last commit must not be met again. */
    if (wal.size)
        rc = weir__store_checkpoint(store, true, err);
    if (rc == WEIR_OK)
        rc = weir__connection_open(store->database_path, vfs, WEIR__CONNECTION_READ, &store->reader, err);
    return rc;
}

static weir_code open_to_read(weir_store *store, const weir_store_options *options, const char *vfs, weir_error *err)
{
    /* Beside a job that runs the files cannot be seen all at one time; it is that job that has looked at them. */
    bool is_alone = !weir__lock_is_taken(store->disk, store->lock_path), exists;
    weir_wal_report wal;
    weir_schema_facts facts;
    weir_error finding = { 0 };
    weir_code rc = require_database(store, err), found = WEIR_OK;

    if (rc == WEIR_OK && is_alone) {
        found = look(store, &exists, &wal, &finding);
        is_alone = !weir__lock_is_taken(store->disk, store->lock_path); /* has one begun meanwhile? */
    }
    if (found != WEIR_OK && (is_alone || found != WEIR_IO)) {
        if (err)
            *err = finding;
        return found;
    }
    if (rc == WEIR_OK)
        rc = weir__connection_open(store->database_path, vfs, WEIR__CONNECTION_READ, &store->reader, err);
    if (rc == WEIR_OK)
        rc = weir__schema_check(store->reader, options->job, &facts, err);
    if (rc == WEIR_OK && is_alone)
        rc = check_floor(store, &facts, err);
    return rc;
}

weir_code weir__store_open(const weir_store_options *options, weir_store **out, weir_error *err)
{
    weir_code rc = WEIR_OK;
    const char *vfs = weir__checksum_vfs(options->vfs);
    weir_store *store = calloc(1, sizeof *store);

    if (!store)
        return weir__fail_memory(err, "a store");
    store->lock = -1;
    store->disk = options->disk ? options->disk : weir__disk_system();
    store->checkpoint_at = WEIR__STORE_CHECKPOINT_FRAMES;
    store->folder = plain_folder(options->folder);
    if (store->folder) {
        store->database_path = join(store->folder, "state.db");
        store->wal_path = join(store->folder, "state.db-wal");
        store->floor_path = join(store->folder, "floor");
        store->lock_path = join(store->folder, "lock");
    }
    if (!store->database_path || !store->wal_path || !store->floor_path || !store->lock_path || !vfs) {
        rc = weir__fail_memory(err, "a store");
        goto out;
    }
    if (options->read_only)
        rc = open_to_read(store, options, vfs, err);
    else
        rc = open_to_write(store, options, vfs, err);
    if (rc == WEIR_OK && options->is_copy && store->writer)
        rc = weir__connection_run(store->writer, "PRAGMA synchronous = NORMAL", "cannot open state.db", err);
    if (rc == WEIR_OK)
        rc = weir__store_prepare(store, err);
    if (rc != WEIR_OK)
        goto out;
    *out = store;
    store = NULL; /* now the caller's */
out:
    weir__store_close(store);
    if (rc != WEIR_OK)
        add_folder(err, options->folder);
    return rc;
}
