/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's disk, and loops over short reads and writes. */
#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int system_open(void *context, const char *path, int flags, mode_t mode)
{
    (void)context;
    return open(path, flags | O_CLOEXEC, mode);
}

static ssize_t system_read(void *context, int fd, void *data, size_t size)
{
    (void)context;
    return read(fd, data, size);
}

static ssize_t system_write(void *context, int fd, const void *data, size_t size)
{
    (void)context;
    return write(fd, data, size);
}

static int system_fdatasync(void *context, int fd)
{
    (void)context;
    return fdatasync(fd);
}

static int system_ftruncate(void *context, int fd, off_t size)
{
    (void)context;
    return ftruncate(fd, size);
}

static off_t system_lseek(void *context, int fd, off_t offset, int whence)
{
    (void)context;
    return lseek(fd, offset, whence);
}

static int system_fstat(void *context, int fd, struct stat *status)
{
    (void)context;
    return fstat(fd, status);
}

static int system_close(void *context, int fd)
{
    (void)context;
    return close(fd);
}

static int system_rename(void *context, const char *from, const char *to)
{
    (void)context;
    return rename(from, to);
}

static int system_sync_folder(void *context, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    int fd, rc, saved;

    (void)context;
    if (!folder)
        return -1;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0)
        return -1;
    rc = fsync(fd);
    saved = errno;
    (void)close(fd); /* it was only read */
    errno = saved;
    return rc;
}

const weir_disk *weir__disk_system(void)
{
    static const weir_disk system = {
        system_open,  system_read,  system_write,  system_fdatasync,   system_ftruncate, system_lseek,
        system_fstat, system_close, system_rename, system_sync_folder, NULL,
    };

    return &system;
}

int weir__disk_write_all(const weir_disk *disk, int fd, const void *data, size_t size)
{
    const uint8_t *at = data;

    while (size) {
        ssize_t done = disk->write(disk->context, fd, at, size);

        if (done < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        at += done;
        size -= (size_t)done;
    }
    return 0;
}

ssize_t weir__disk_read_full(const weir_disk *disk, int fd, void *data, size_t size)
{
    size_t have = 0;

    while (have < size) {
        ssize_t done = disk->read(disk->context, fd, (uint8_t *)data + have, size - have);

        if (done < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        if (done == 0)
            break;
        have += (size_t)done;
    }
    return (ssize_t)have;
}
