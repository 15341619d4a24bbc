/* SPDX-License-Identifier: Apache-2.0 */
/* Knowing files again. */
#include "host/mark.h"

#include <string.h>
#include <unistd.h>

#include "base/hash.h"

bool weir__file_head(const weir_disk *disk, int fd, uint64_t bytes, uint64_t *hash)
{
    uint8_t head[WEIR__HEAD_BYTES];
    off_t before = disk->lseek(disk->context, fd, 0, SEEK_CUR);
    ssize_t have;

    if (bytes > sizeof head || before < 0 || disk->lseek(disk->context, fd, 0, SEEK_SET) != 0)
        return false;
    have = weir__disk_read_full(disk, fd, head, (size_t)bytes);
    if (disk->lseek(disk->context, fd, before, SEEK_SET) != before || have < 0 || (uint64_t)have != bytes)
        return false;
    *hash = weir__hash_stable(weir__bytes(head, (size_t)bytes), 0);
    return true;
}

void weir__name_shorten(const char *path, char out[WEIR__NAME_SHOWN])
{
    static const char cut[] = "…";
    size_t size = strlen(path);
    const char *from = path;

    out[0] = '\0';
    if (size >= WEIR__NAME_SHOWN) {
        memcpy(out, cut, sizeof cut);
        from += size - (WEIR__NAME_SHOWN - sizeof cut);
        while (((unsigned char)*from & 0xC0) == 0x80)
            from++; /* not in the middle of a character */
    }
    memcpy(out + strlen(out), from, strlen(from) + 1);
}

bool weir__member_uint(const weir_json *object, const char *name, uint64_t *value)
{
    const weir_json *member = weir__json_member(object, weir__bytes_text(name));

    if (!member || weir__json_kind(member) != WEIR__JSON_INT)
        return false;
    *value = (uint64_t)weir__json_int(member);
    return true;
}

bool weir__member_bool(const weir_json *object, const char *name, bool *value)
{
    const weir_json *member = weir__json_member(object, weir__bytes_text(name));

    if (!member || weir__json_kind(member) != WEIR__JSON_BOOL)
        return false;
    *value = weir__json_bool(member);
    return true;
}
