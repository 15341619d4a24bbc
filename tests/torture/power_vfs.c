/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite VFS over a power disk: "unix" with every change logged. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power_disk.h"

/* A VFS that others stand on must stay registered, so there is a fixed set, lent to one disk after another. */
enum { SLOTS = 16 };

typedef struct power_slot {
    sqlite3_vfs vfs;
    char name[16];
    power_disk *disk; /* lent to */
} power_slot;

static power_slot slots[SLOTS];

typedef struct power_file {
    sqlite3_file base;
    power_disk *disk;
    uint32_t inode;
    char *new_folder; /* of a journal that is new: its first sync makes its name durable too */
} power_file;

static sqlite3_file *beneath(sqlite3_file *file)
{
    return (sqlite3_file *)((power_file *)file + 1);
}

static sqlite3_vfs *unix_vfs(void)
{
    return sqlite3_vfs_find("unix");
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static int file_close(sqlite3_file *file)
{
    free(((power_file *)file)->new_folder);
    return beneath(file)->pMethods->xClose(beneath(file));
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
    return beneath(file)->pMethods->xRead(beneath(file), data, size, offset);
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    power_file *own = (power_file *)file;
    int number, rc;
    bool must_fail = power_must_fail(own->disk, POWER_WRITE, &number);

    if (must_fail)
        size /= 2;
    rc = beneath(file)->pMethods->xWrite(beneath(file), data, size, offset);
    if (rc == SQLITE_OK)
        power_log(own->disk, (power_operation){ .kind = POWER__WRITE,
                                                .inode = own->inode,
                                                .offset = offset,
                                                .size = size,
                                                .data = (uint8_t *)data });
    if (!must_fail)
        return rc;
    return number == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    power_file *own = (power_file *)file;
    int number, rc;

    if (power_must_fail(own->disk, POWER_TRUNCATE, &number))
        return SQLITE_IOERR_TRUNCATE;
    rc = beneath(file)->pMethods->xTruncate(beneath(file), size);
    if (rc == SQLITE_OK)
        power_log(own->disk, (power_operation){ .kind = POWER__TRUNCATE, .inode = own->inode, .size = size });
    return rc;
}

static int file_sync(sqlite3_file *file, int flags)
{
    power_file *own = (power_file *)file;
    int number;

    (void)flags;
    if (power_must_fail(own->disk, POWER_SYNC, &number))
        return SQLITE_IOERR_FSYNC;
    power_log(own->disk, (power_operation){ .kind = POWER__SYNC, .inode = own->inode });
    if (own->new_folder)
        power_log(own->disk, (power_operation){ .kind = POWER__SYNC_FOLDER, .name = own->new_folder });
    free(own->new_folder);
    own->new_folder = NULL;
    return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return beneath(file)->pMethods->xFileSize(beneath(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return beneath(file)->pMethods->xLock(beneath(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return beneath(file)->pMethods->xUnlock(beneath(file), level);
}

static int file_check_reserved_lock(sqlite3_file *file, int *is_reserved)
{
    return beneath(file)->pMethods->xCheckReservedLock(beneath(file), is_reserved);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return beneath(file)->pMethods->xFileControl(beneath(file), op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    return beneath(file)->pMethods->xSectorSize(beneath(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return beneath(file)->pMethods->xDeviceCharacteristics(beneath(file));
}

static int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    return beneath(file)->pMethods->xShmMap(beneath(file), region, size, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return beneath(file)->pMethods->xShmLock(beneath(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    beneath(file)->pMethods->xShmBarrier(beneath(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete)
{
    return beneath(file)->pMethods->xShmUnmap(beneath(file), delete);
}

static const sqlite3_io_methods file_methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the VFS ---------------------------------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
    power_disk *disk = ((power_slot *)vfs->pAppData)->disk;
    power_file *own = (power_file *)file;
    const char *name = path ? power_name(disk, path) : NULL;
    int exists = 0, number, rc;
    bool found;

    memset(own, 0, sizeof *own);
    if (!name)
        return SQLITE_CANTOPEN; /* temporary files are kept in memory */
    if (power_must_fail(disk, POWER_OPEN, &number))
        return SQLITE_CANTOPEN;
    rc = unix_vfs()->xAccess(unix_vfs(), path, SQLITE_ACCESS_EXISTS, &exists);
    if (rc == SQLITE_OK)
        rc = unix_vfs()->xOpen(unix_vfs(), path, beneath(file), flags, out_flags);
    if (rc != SQLITE_OK)
        return rc;
    own->disk = disk;
    own->inode = power_inode(disk, name, &found);
    if (!found) {
        power_log(disk, (power_operation){ .kind = POWER__CREATE, .inode = own->inode, .name = (char *)name });
        if (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) {
            own->new_folder = strdup(name);
            if (!own->new_folder)
                abort();
            *(strrchr(own->new_folder, '/') ? strrchr(own->new_folder, '/') : own->new_folder) = '\0';
        }
    }
    file->pMethods = &file_methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
    power_disk *disk = ((power_slot *)vfs->pAppData)->disk;
    const char *name = power_name(disk, path);
    int rc = unix_vfs()->xDelete(unix_vfs(), path, 0);

    (void)sync_folder; /* an own sync, as if it had not come yet: harder, and allowed */
    if (rc == SQLITE_OK && name)
        power_log(disk, (power_operation){ .kind = POWER__DELETE, .name = (char *)name });
    return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    (void)vfs;
    return unix_vfs()->xAccess(unix_vfs(), path, flags, out);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    return unix_vfs()->xFullPathname(unix_vfs(), path, size, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return unix_vfs()->xRandomness(unix_vfs(), size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return unix_vfs()->xSleep(unix_vfs(), microseconds);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    return unix_vfs()->xCurrentTime(unix_vfs(), out);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return unix_vfs()->xGetLastError(unix_vfs(), size, out);
}

void power_vfs_take(power_disk *disk)
{
    for (int i = 0; i < SLOTS; i++) {
        power_slot *slot = &slots[i];

        if (slot->disk)
            continue;
        if (!slot->vfs.zName) {
            if (sqlite3_initialize() != SQLITE_OK)
                abort();
            (void)snprintf(slot->name, sizeof slot->name, "power-%d", i);
            slot->vfs = (sqlite3_vfs){
                .iVersion = 1,
                .szOsFile = (int)sizeof(power_file) + unix_vfs()->szOsFile,
                .mxPathname = unix_vfs()->mxPathname,
                .zName = slot->name,
                .pAppData = slot,
                .xOpen = vfs_open,
                .xDelete = vfs_delete,
                .xAccess = vfs_access,
                .xFullPathname = vfs_full_pathname,
                .xRandomness = vfs_randomness,
                .xSleep = vfs_sleep,
                .xCurrentTime = vfs_current_time,
                .xGetLastError = vfs_last_error,
            };
            if (sqlite3_vfs_register(&slot->vfs, 0) != SQLITE_OK)
                abort();
        }
        slot->disk = disk;
        disk->vfs_slot = i;
        return;
    }
    abort(); /* 16 disks at a time */
}

void power_vfs_give_back(power_disk *disk)
{
    slots[disk->vfs_slot].disk = NULL;
}

const char *power_vfs(const power_disk *disk)
{
    return slots[disk->vfs_slot].name;
}
