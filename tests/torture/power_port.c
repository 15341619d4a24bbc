/* SPDX-License-Identifier: Apache-2.0 */
/* The disk port over a power disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "power_disk.h"

const weir_disk *power_port(power_disk *disk)
{
    return &disk->port;
}

static int port_open(void *context, const char *path, int flags, mode_t mode)
{
    power_disk *disk = context;
    const char *name = power_name(disk, path);
    bool found;
    int number, fd;
    uint32_t inode;

    if (power_must_fail(disk, POWER_OPEN, &number)) {
        errno = number;
        return -1;
    }
    fd = open(path, flags | O_CLOEXEC, mode);
    if (fd >= POWER__DESCRIPTORS)
        abort();
    if (fd >= 0)
        disk->inodes[fd] = 0;
    if (fd < 0 || !name)
        return fd;
    inode = power_inode(disk, name, &found);
    disk->inodes[fd] = inode;
    if (!found)
        power_log(disk, (power_operation){ .kind = POWER__CREATE, .inode = inode, .name = (char *)name });
    else if (flags & O_TRUNC)
        power_log(disk, (power_operation){ .kind = POWER__TRUNCATE, .inode = inode });
    return fd;
}

static ssize_t port_read(void *context, int fd, void *data, size_t size)
{
    (void)context;
    return read(fd, data, size);
}

static ssize_t port_write(void *context, int fd, const void *data, size_t size)
{
    power_disk *disk = context;
    off_t at = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    int number;
    bool must_fail = power_must_fail(disk, POWER_WRITE, &number);
    ssize_t done;

    if (at < 0) /* a pipe: nothing of it is kept */
        return write(fd, data, size);
    done = write(fd, data, must_fail ? size / 2 : size);
    if (done > 0)
        power_log(disk, (power_operation){ .kind = POWER__WRITE,
                                           .inode = disk->inodes[fd],
                                           .offset = at,
                                           .size = done,
                                           .data = (uint8_t *)data });
    if (!must_fail)
        return done;
    errno = number;
    return -1;
}

static int port_sync(void *context, int fd)
{
    power_disk *disk = context;
    int number;

    if (power_must_fail(disk, POWER_SYNC, &number)) {
        errno = number;
        return -1;
    }
    power_log(disk, (power_operation){ .kind = POWER__SYNC, .inode = disk->inodes[fd] });
    return 0;
}

static int port_truncate(void *context, int fd, off_t size)
{
    power_disk *disk = context;
    int number;

    if (power_must_fail(disk, POWER_TRUNCATE, &number)) {
        errno = number;
        return -1;
    }
    if (ftruncate(fd, size) != 0)
        return -1;
    power_log(disk, (power_operation){ .kind = POWER__TRUNCATE, .inode = disk->inodes[fd], .size = size });
    return 0;
}

static off_t port_seek(void *context, int fd, off_t offset, int whence)
{
    (void)context;
    return lseek(fd, offset, whence);
}

/* A file of the disk is the same one after a cut, in whatever folder it lies now. */
static int port_stat(void *context, int fd, struct stat *status)
{
    power_disk *disk = context;

    if (fstat(fd, status) != 0)
        return -1;
    if (fd >= 0 && fd < POWER__DESCRIPTORS && disk->inodes[fd]) {
        status->st_dev = POWER__DEVICE;
        status->st_ino = disk->inodes[fd];
    }
    return 0;
}

static int port_close(void *context, int fd)
{
    power_disk *disk = context;

    if (fd >= 0 && fd < POWER__DESCRIPTORS)
        disk->inodes[fd] = 0;
    return close(fd);
}

static int port_rename(void *context, const char *from, const char *to)
{
    power_disk *disk = context;
    const char *old_name = power_name(disk, from), *new_name = power_name(disk, to);
    int number;
    bool found;

    if (power_must_fail(disk, POWER_RENAME, &number)) {
        errno = number;
        return -1;
    }
    if (rename(from, to) != 0)
        return -1;
    if (!old_name || !new_name)
        abort(); /* nothing moves in or out */
    power_log(disk, (power_operation){ .kind = POWER__RENAME,
                                       .inode = power_inode(disk, old_name, &found),
                                       .name = (char *)new_name,
                                       .other = (char *)old_name });
    return 0;
}

static int port_sync_folder(void *context, const char *path)
{
    power_disk *disk = context;
    const char *name = power_name(disk, path);
    char *folder;
    int number;

    if (power_must_fail(disk, POWER_SYNC, &number)) {
        errno = number;
        return -1;
    }
    if (!name)
        return 0; /* the folder above the disk */
    folder = strdup(name);
    if (!folder)
        abort();
    *(strrchr(folder, '/') ? strrchr(folder, '/') : folder) = '\0';
    power_log(disk, (power_operation){ .kind = POWER__SYNC_FOLDER, .name = folder });
    free(folder);
    return 0;
}

void power_port_init(power_disk *disk)
{
    disk->port = (weir_disk){
        .open = port_open,
        .read = port_read,
        .write = port_write,
        .fdatasync = port_sync,
        .ftruncate = port_truncate,
        .lseek = port_seek,
        .fstat = port_stat,
        .close = port_close,
        .rename = port_rename,
        .sync_folder = port_sync_folder,
        .context = disk,
    };
}
