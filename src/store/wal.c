/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a write-ahead log as SQLite's recovery would, and a little further. */
#include "store/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "store/checksum_vfs.h"

#define FRAME_HEADER_SIZE 24
#define FRAME_SIZE (FRAME_HEADER_SIZE + WEIR__PAGE_SIZE)
#define MAGIC 0x377F0682u /* its lowest bit: the words of checksums are big-endian */
#define FORMAT 3007000u

/* As SQLite keeps them: each frame's sum goes on from that of the frame before. */
typedef struct wal_sum {
    uint32_t s0, s1;
} wal_sum;

static uint32_t get32_little(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static wal_sum sum_add(wal_sum sum, const uint8_t *data, size_t size, bool is_big)
{
    for (const uint8_t *end = data + size; data < end; data += 8) {
        sum.s0 += (is_big ? weir__get_32(data) : get32_little(data)) + sum.s1;
        sum.s1 += (is_big ? weir__get_32(data + 4) : get32_little(data + 4)) + sum.s0;
    }
    return sum;
}

static wal_sum sum_stored(const uint8_t *at)
{
    wal_sum sum = { weir__get_32(at), weir__get_32(at + 4) };

    return sum;
}

static bool sum_equal(wal_sum a, wal_sum b)
{
    return a.s0 == b.s0 && a.s1 == b.s1;
}

uint64_t weir__wal_salts(const uint8_t header[WEIR__WAL_HEADER_SIZE])
{
    return weir__get_64(header + 16);
}

static bool header_is_whole(const uint8_t *header)
{
    uint32_t magic = weir__get_32(header);
    wal_sum none = { 0, 0 };

    return (magic & ~1u) == MAGIC && weir__get_32(header + 4) == FORMAT &&
           weir__get_32(header + 8) == WEIR__PAGE_SIZE &&
           sum_equal(sum_add(none, header, 24, magic & 1), sum_stored(header + 24));
}

static weir_code inspect(const weir_disk *disk, int fd, weir_wal_report *report, weir_error *err)
{
    weir_code rc = WEIR_OK;
    uint8_t header[WEIR__WAL_HEADER_SIZE];
    uint8_t *frame = NULL;
    bool is_whole_so_far = true, is_big, has_lost_commit = false;
    wal_sum previous;
    ssize_t size = weir__disk_read_full(disk, fd, header, sizeof header);

    if (size < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read 'state.db-wal'");
    if (size < (ssize_t)sizeof header || !header_is_whole(header))
        return WEIR_OK;
    report->salts = weir__wal_salts(header);
    is_big = weir__get_32(header) & 1;
    previous = sum_stored(header + 24);
    frame = malloc(FRAME_SIZE);
    if (!frame)
        return weir__fail_memory(err, "a look at 'state.db-wal'");
    for (uint64_t number = 1;; number++) {
        bool is_linked, is_of_this_log, is_commit;
        wal_sum sum;

        size = weir__disk_read_full(disk, fd, frame, FRAME_SIZE);
        if (size < 0) {
            rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read 'state.db-wal'");
            goto out;
        }
        if (size < FRAME_SIZE)
            break; /* the end, or the begin of a frame that was never whole */
        /* Also behind a frame that does not match each frame is held against the sum that stands in the one before:
         * only what is proven to be whole proves that something was lost. */
        sum = sum_add(previous, frame, 8, is_big);
        sum = sum_add(sum, frame + FRAME_HEADER_SIZE, WEIR__PAGE_SIZE, is_big);
        previous = sum_stored(frame + 16);
        is_linked = sum_equal(sum, previous);
        is_of_this_log = weir__get_64(frame + 8) == report->salts;
        is_commit = weir__get_32(frame + 4) != 0;
        if (is_whole_so_far && is_linked && is_of_this_log && weir__get_32(frame) != 0) {
            if (is_commit)
                report->frames = number;
            continue;
        }
        if (is_whole_so_far) {
            is_whole_so_far = false;
            report->damage_at = number;
        }
        if (!is_of_this_log)
            continue;
        if (has_lost_commit) {
            report->is_damaged = true;
            break;
        }
        has_lost_commit = is_linked && is_commit;
    }
out:
    free(frame);
    return rc;
}

weir_code weir__wal_inspect(const weir_disk *disk, const char *path, weir_wal_report *report, weir_error *err)
{
    weir_code rc = WEIR_OK;
    struct stat status;
    int fd = disk->open(disk->context, path, O_RDONLY, 0);

    memset(report, 0, sizeof *report);
    if (fd < 0 && errno == ENOENT)
        return WEIR_OK;
    if (fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot open 'state.db-wal'");
    if (disk->fstat(disk->context, fd, &status) != 0) {
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read 'state.db-wal'");
        goto out;
    }
    report->size = (uint64_t)status.st_size;
    rc = inspect(disk, fd, report, err);
out:
    (void)disk->close(disk->context, fd); /* it was only read */
    return rc;
}
