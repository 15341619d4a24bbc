/* SPDX-License-Identifier: Apache-2.0 */
/* The lock file. */
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The id in a lock file; 0 when there is none yet: its owner writes it right after taking the lock. */
static long read_owner(const weir_disk *disk, int fd)
{
    char text[32];
    ssize_t size = weir__disk_read_full(disk, fd, text, sizeof text - 1);

    text[size > 0 ? size : 0] = '\0';
    return strtol(text, NULL, 10);
}

/* For those who come too late; a lock without a name in it locks as well, so nothing here is an error. */
static void write_owner(const weir_disk *disk, int fd)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (disk->ftruncate(disk->context, fd, 0) == 0)
        (void)weir__disk_write_all(disk, fd, text, (size_t)size);
}

weir_code weir__lock_take(const weir_disk *disk, const char *path, int *out, weir_error *err)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = disk->open(disk->context, path, O_RDWR | O_CREAT, 0600);
    int number;

    if (fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot open the lock file");
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        write_owner(disk, fd);
        *out = fd;
        return WEIR_OK;
    }
    number = errno;
    if (number == EAGAIN || number == EACCES) {
        long owner = read_owner(disk, fd);

        (void)disk->close(disk->context, fd);
        return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, WEIR__ORIGIN_LOCK, (int)owner,
                               "in use by process %ld; one process at a time can have it", owner);
    }
    (void)disk->close(disk->context, fd);
    return weir__fail_errno(err, number, WEIR_REMEDY_STOP, "cannot lock the lock file");
}

void weir__lock_release(const weir_disk *disk, int fd)
{
    if (fd >= 0)
        (void)disk->close(disk->context, fd); /* closing lets go of it */
}

bool weir__lock_is_taken(const weir_disk *disk, const char *path)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = disk->open(disk->context, path, O_RDONLY, 0);
    bool is_taken;

    if (fd < 0)
        return false;
    is_taken = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    (void)disk->close(disk->context, fd);
    return is_taken;
}
