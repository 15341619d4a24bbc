/* SPDX-License-Identifier: Apache-2.0 */
/* The VFS that writes and verifies page checksums; all else it hands on to the VFS beneath. */
#include "store/checksum_vfs.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/buffer.h"
#include "base/hash.h"

#define HEADER_SIZE 100 /* of the database file, at the start of page 1 */
#define CONTENT_SIZE (WEIR__PAGE_SIZE - WEIR__PAGE_RESERVED)

/* A main database file. The file of the VFS beneath lies right behind it. */
typedef struct checksum_file {
    sqlite3_file base;
    uint32_t damaged_page;
} checksum_file;

static sqlite3_file *beneath(sqlite3_file *file)
{
    return (sqlite3_file *)((checksum_file *)file + 1);
}

static sqlite3_vfs *vfs_beneath(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

static void checksum(const uint8_t *page, uint32_t number, uint8_t out[WEIR__PAGE_RESERVED])
{
    _Static_assert(WEIR__PAGE_RESERVED == 8, "a checksum is one number of 64 bits");
    weir__put_64(out, weir__hash_stable(weir__bytes(page, CONTENT_SIZE), number));
}

static bool is_ours(const uint8_t *page1)
{
    static const uint8_t id[4] = { WEIR__APPLICATION_ID >> 24, (WEIR__APPLICATION_ID >> 16) & 0xFF,
                                   (WEIR__APPLICATION_ID >> 8) & 0xFF, WEIR__APPLICATION_ID & 0xFF };

    return memcmp(page1, "SQLite format 3", 16) == 0 && page1[20] == WEIR__PAGE_RESERVED &&
           memcmp(page1 + 68, id, sizeof id) == 0;
}

static int verify(checksum_file *file, const uint8_t *page, uint32_t number)
{
    uint8_t expected[WEIR__PAGE_RESERVED];

    checksum(page, number, expected);
    if (memcmp(page + CONTENT_SIZE, expected, sizeof expected) == 0)
        return SQLITE_OK;
    file->damaged_page = number;
    return number == 1 && !is_ours(page) ? SQLITE_NOTADB : SQLITE_IOERR_DATA;
}

static int file_read(sqlite3_file *file, void *data, int size, sqlite3_int64 offset)
{
    sqlite3_file *base = beneath(file);
    sqlite3_int64 end = offset + size;

    if (end <= HEADER_SIZE)
        return base->pMethods->xRead(base, data, size, offset);
    for (sqlite3_int64 start = offset - offset % WEIR__PAGE_SIZE; start < end; start += WEIR__PAGE_SIZE) {
        uint32_t number = (uint32_t)(start / WEIR__PAGE_SIZE + 1);
        uint8_t part[WEIR__PAGE_SIZE];
        bool is_whole = start >= offset && start + WEIR__PAGE_SIZE <= end;
        uint8_t *page = is_whole ? (uint8_t *)data + (start - offset) : part;
        int rc = base->pMethods->xRead(base, page, WEIR__PAGE_SIZE, start);

        /* SQLite would take what is missing at the end of the file for zeros. It writes every page that it ever reads,
         * so a page that is not there has been cut off. */
        if (rc == SQLITE_IOERR_SHORT_READ) {
            ((checksum_file *)file)->damaged_page = number;
            return number == 1 && !is_ours(page) ? SQLITE_NOTADB : SQLITE_IOERR_DATA;
        }
        if (rc == SQLITE_OK)
            rc = verify((checksum_file *)file, page, number);
        if (rc != SQLITE_OK)
            return rc;
        if (!is_whole) {
            sqlite3_int64 from = start > offset ? start : offset;
            sqlite3_int64 to = start + WEIR__PAGE_SIZE < end ? start + WEIR__PAGE_SIZE : end;

            memcpy((uint8_t *)data + (from - offset), part + (from - start), (size_t)(to - from));
        }
    }
    return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 offset)
{
    sqlite3_file *base = beneath(file);
    uint8_t page[WEIR__PAGE_SIZE];

    /* A database of another shape has data where the checksum would go. */
    if (size != WEIR__PAGE_SIZE || offset % WEIR__PAGE_SIZE != 0)
        return SQLITE_IOERR_WRITE;
    if (offset == 0 && ((const uint8_t *)data)[20] != WEIR__PAGE_RESERVED)
        return SQLITE_IOERR_WRITE;
    memcpy(page, data, CONTENT_SIZE);
    checksum(page, (uint32_t)(offset / WEIR__PAGE_SIZE + 1), page + CONTENT_SIZE);
    return base->pMethods->xWrite(base, page, WEIR__PAGE_SIZE, offset);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    sqlite3_file *base = beneath(file);
    int rc;

    if (op == WEIR__FCNTL_DAMAGED_PAGE) {
        *(uint32_t *)arg = ((checksum_file *)file)->damaged_page;
        return SQLITE_OK;
    }
    rc = base->pMethods->xFileControl(base, op, arg);
    if (rc == SQLITE_OK && op == SQLITE_FCNTL_VFSNAME)
        *(char **)arg = sqlite3_mprintf("weir/%z", *(char **)arg);
    return rc;
}

static int file_characteristics(sqlite3_file *file)
{
    sqlite3_file *base = beneath(file);
    int flags = base->pMethods->xDeviceCharacteristics(base);

#ifdef SQLITE_IOCAP_SUBPAGE_READ
    flags &= ~SQLITE_IOCAP_SUBPAGE_READ; /* only whole pages can be verified */
#endif
    return flags;
}

/* ---- handed on: files ------------------------------------------------------------------------------------------- */

static int file_close(sqlite3_file *file)
{
    return beneath(file)->pMethods->xClose(beneath(file));
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return beneath(file)->pMethods->xTruncate(beneath(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    return beneath(file)->pMethods->xSync(beneath(file), flags);
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

static int file_sector_size(sqlite3_file *file)
{
    return beneath(file)->pMethods->xSectorSize(beneath(file));
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

/* Version 2, without xFetch: a page that is mapped would be read past us. */
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

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    sqlite3_vfs *base = vfs_beneath(vfs);
    int rc;

    if (!(flags & SQLITE_OPEN_MAIN_DB))
        return base->xOpen(base, name, file, flags, out_flags);
    memset(file, 0, sizeof(checksum_file));
    rc = base->xOpen(base, name, beneath(file), flags, out_flags);
    if (rc == SQLITE_OK && beneath(file)->pMethods->iVersion < 2) {
        beneath(file)->pMethods->xClose(beneath(file)); /* it cannot share memory, so it cannot have a WAL */
        return SQLITE_CANTOPEN;
    }
    /* SQLite closes a file that failed to open when it has methods: so does the VFS beneath want it. */
    if (beneath(file)->pMethods)
        file->pMethods = &file_methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    return vfs_beneath(vfs)->xDelete(vfs_beneath(vfs), name, sync_folder);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    return vfs_beneath(vfs)->xAccess(vfs_beneath(vfs), name, flags, out);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    return vfs_beneath(vfs)->xFullPathname(vfs_beneath(vfs), name, size, out);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    return vfs_beneath(vfs)->xRandomness(vfs_beneath(vfs), size, out);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    return vfs_beneath(vfs)->xSleep(vfs_beneath(vfs), microseconds);
}

static int vfs_current_time(sqlite3_vfs *vfs, double *out)
{
    return vfs_beneath(vfs)->xCurrentTime(vfs_beneath(vfs), out);
}

static int vfs_current_time_int64(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    return vfs_beneath(vfs)->xCurrentTimeInt64(vfs_beneath(vfs), out);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    return vfs_beneath(vfs)->xGetLastError(vfs_beneath(vfs), size, out);
}

static sqlite3_vfs *make_vfs(sqlite3_vfs *base)
{
    size_t name_size = strlen(base->zName) + sizeof "weir/";
    sqlite3_vfs *vfs = calloc(1, sizeof *vfs + name_size);
    char *name;

    if (!vfs)
        return NULL;
    name = (char *)(vfs + 1);
    memcpy(name, "weir/", 5);
    memcpy(name + 5, base->zName, name_size - 5);
    vfs->iVersion = base->iVersion < 2 ? 1 : 2; /* 3 would only add system calls to override */
    vfs->szOsFile = (int)sizeof(checksum_file) + base->szOsFile;
    vfs->mxPathname = base->mxPathname;
    vfs->zName = name;
    vfs->pAppData = base;
    vfs->xOpen = vfs_open;
    vfs->xDelete = vfs_delete;
    vfs->xAccess = vfs_access;
    vfs->xFullPathname = vfs_full_pathname;
    vfs->xRandomness = vfs_randomness;
    vfs->xSleep = vfs_sleep;
    vfs->xCurrentTime = vfs_current_time;
    vfs->xGetLastError = vfs_last_error;
    vfs->xCurrentTimeInt64 = base->iVersion >= 2 && base->xCurrentTimeInt64 ? vfs_current_time_int64 : NULL;
    return vfs; /* no xDlOpen and its kin: nobody loads extensions here */
}

const char *weir__checksum_vfs(const char *base_name)
{
    sqlite3_vfs *base, *vfs = NULL;
    sqlite3_mutex *mutex;
    char *name;

    if (sqlite3_initialize() != SQLITE_OK || !(base = sqlite3_vfs_find(base_name)))
        return NULL;
    name = sqlite3_mprintf("weir/%s", base->zName);
    if (!name)
        return NULL;
    mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1); /* makes one of find and register; NULL without threads */
    sqlite3_mutex_enter(mutex);
    vfs = sqlite3_vfs_find(name);
    if (!vfs) {
        vfs = make_vfs(base);
        if (vfs && sqlite3_vfs_register(vfs, 0) != SQLITE_OK) {
            free(vfs);
            vfs = NULL;
        }
    }
    sqlite3_mutex_leave(mutex);
    sqlite3_free(name);
    return vfs ? vfs->zName : NULL;
}
