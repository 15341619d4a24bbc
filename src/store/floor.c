/* SPDX-License-Identifier: Apache-2.0 */
/* The floor file. */
#include "store/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/buffer.h"
#include "base/hash.h"
#include "store/connection.h"

#define FLOOR_SIZE 48

static const char magic[8] = { 'w', 'e', 'i', 'r', 'f', 'l', 'r', '1' };

weir_code weir__floor_read(const weir_disk *disk, const char *path, weir_floor *floor, bool *found, weir_error *err)
{
    uint8_t bytes[FLOOR_SIZE + 1]; /* one more, to see one that is too long */
    int fd = disk->open(disk->context, path, O_RDONLY, 0);
    ssize_t size;
    int number;

    *found = false;
    if (fd < 0 && errno == ENOENT)
        return WEIR_OK;
    if (fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot open 'floor'");
    size = weir__disk_read_full(disk, fd, bytes, sizeof bytes);
    number = errno;
    (void)disk->close(disk->context, fd); /* it was only read */
    if (size < 0)
        return weir__fail_errno(err, number, WEIR_REMEDY_STOP, "cannot read 'floor'");
    if (size != FLOOR_SIZE || memcmp(bytes, magic, sizeof magic) != 0 ||
        weir__get_64(bytes + 40) != weir__hash_stable(weir__bytes(bytes, 40), 0))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "'floor' is damaged; " WEIR__STORE_ADVICE);
    floor->store_id = weir__get_64(bytes + 8);
    floor->number = (int64_t)weir__get_64(bytes + 16);
    floor->wal_salts = weir__get_64(bytes + 24);
    floor->wal_frames = weir__get_64(bytes + 32);
    *found = true;
    return WEIR_OK;
}

weir_code weir__floor_write(const weir_disk *disk, const char *path, const weir_floor *floor, weir_error *err)
{
    weir_code rc = WEIR_OK;
    uint8_t bytes[FLOOR_SIZE];
    size_t path_size = strlen(path);
    char *temporary = malloc(path_size + sizeof ".new");
    int fd = -1;

    if (!temporary)
        return weir__fail_memory(err, "'floor'");
    memcpy(temporary, path, path_size);
    memcpy(temporary + path_size, ".new", sizeof ".new");
    memcpy(bytes, magic, sizeof magic);
    weir__put_64(bytes + 8, floor->store_id);
    weir__put_64(bytes + 16, (uint64_t)floor->number);
    weir__put_64(bytes + 24, floor->wal_salts);
    weir__put_64(bytes + 32, floor->wal_frames);
    weir__put_64(bytes + 40, weir__hash_stable(weir__bytes(bytes, 40), 0));

    fd = disk->open(disk->context, temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || weir__disk_write_all(disk, fd, bytes, sizeof bytes) || disk->fdatasync(disk->context, fd)) {
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot write 'floor'");
        goto out;
    }
    if (disk->rename(disk->context, temporary, path) || disk->sync_folder(disk->context, path))
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot replace 'floor'");
out:
    if (fd >= 0)
        (void)disk->close(disk->context, fd); /* it is synced, or given up */
    free(temporary);
    return rc;
}
