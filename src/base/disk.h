/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The disk port: what the runtime does to files that are not SQLite's. Behind it stands the machine's disk, or one of a
 * test that fails the n-th write, or loses at a power cut what was not synced.
 */
#ifndef WEIR__BASE_DISK_H
#define WEIR__BASE_DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

typedef struct weir_disk {
    /* As the system calls of the same names: -1 and errno on failure. write and read may do less than asked for. */
    int (*open)(void *context, const char *path, int flags, mode_t mode);
    ssize_t (*read)(void *context, int fd, void *data, size_t size);
    ssize_t (*write)(void *context, int fd, const void *data, size_t size);
    int (*fdatasync)(void *context, int fd);
    int (*ftruncate)(void *context, int fd, off_t size);
    off_t (*lseek)(void *context, int fd, off_t offset, int whence);
    int (*fstat)(void *context, int fd, struct stat *status);
    int (*close)(void *context, int fd);
    int (*rename)(void *context, const char *from, const char *to);
    /* Makes the entries of the folder that holds `path` durable: what was made, renamed or deleted in it. */
    int (*sync_folder)(void *context, const char *path);
    void *context;
} weir_disk;

/** The machine's disk. Threads: any. */
const weir_disk *weir__disk_system(void);

/** Writes all of it, over interrupts and short writes. 0, or -1 and errno. */
int weir__disk_write_all(const weir_disk *disk, int fd, const void *data, size_t size);

/** Reads until `size` bytes or the end; the number read, or -1 and errno. */
ssize_t weir__disk_read_full(const weir_disk *disk, int fd, void *data, size_t size);

#endif
