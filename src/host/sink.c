/* SPDX-License-Identifier: Apache-2.0 */
/* Output files: never extended but by appending, never trusted beyond the recorded length. */
#include "host/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A used state: is it the file that was written, with all that was committed? */
static weir_code know_again(weir_sink *sink, const struct stat *status, const weir_sink_mark *mark, weir_error *err)
{
    uint64_t head;

    if (mark->device != (uint64_t)status->st_dev || mark->inode != (uint64_t)status->st_ino)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "output '%s' is another file than the one that the state has written; give that one, or "
                          "begin anew with another state folder",
                          sink->name);
    if ((uint64_t)status->st_size < mark->length)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "output '%s' has %" PRIu64 " bytes, but %" PRIu64 " were committed; it was cut off",
                          sink->name, (uint64_t)status->st_size, mark->length);
    /* Nothing was committed yet: no head was hashed; or it may not be read. */
    if (mark->head_bytes == 0 || sink->head_fd < 0)
        return WEIR_OK;
    if (!weir__file_head(sink->disk, sink->head_fd, mark->head_bytes, &head))
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read output '%s' again", sink->name);
    if (head != mark->head)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "output '%s' does not begin with what was committed; it was written over", sink->name);
    return WEIR_OK;
}

static weir_code set_length(weir_sink *sink, uint64_t length, weir_error *err)
{
    const weir_disk *disk = sink->disk;

    if (disk->ftruncate(disk->context, sink->fd, (off_t)length) != 0 ||
        disk->lseek(disk->context, sink->fd, (off_t)length, SEEK_SET) != (off_t)length)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot cut output '%s' to %" PRIu64 " bytes", sink->name,
                                length);
    return WEIR_OK;
}

/* The head is hashed, but a shell opens stdout for writing only. Where reading is not allowed it stays unknown. */
static void open_head(weir_sink *sink)
{
    char path[32];

    sink->head_fd = sink->fd;
    if ((fcntl(sink->fd, F_GETFL) & O_ACCMODE) != O_WRONLY)
        return;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", sink->fd);
    sink->head_fd = sink->disk->open(sink->disk->context, path, O_RDONLY, 0);
}

weir_code weir__sink_open(weir_sink *sink, const weir_disk *disk, const char *path, weir_sink_start start,
                          const weir_sink_mark *mark, weir_error *err)
{
    /* Reading too, since the head is hashed; a used state never makes a file that has gone. */
    int flags = O_RDWR | (start == WEIR__SINK_GO_ON ? 0 : O_CREAT);
    struct stat status;
    weir_code rc;

    memset(sink, 0, sizeof *sink);
    sink->disk = disk;
    sink->head_fd = -1;
    if (!path || strcmp(path, "-") == 0) {
        weir__name_shorten("stdout", sink->name);
        sink->fd = STDOUT_FILENO;
    } else {
        weir__name_shorten(path, sink->name);
        sink->fd = disk->open(disk->context, path, flags, 0666);
        if (sink->fd < 0 && errno == EACCES) /* a pipe that we may only write to */
            sink->fd = disk->open(disk->context, path, (flags & ~O_RDWR) | O_WRONLY, 0666);
        if (sink->fd < 0)
            return weir__fail_errno(err, errno, WEIR_REMEDY_STOP,
                                    start == WEIR__SINK_GO_ON ? "cannot open output '%s', which the state has written"
                                                              : "cannot open output '%s'",
                                    sink->name);
        sink->owns_fd = true;
    }
    if (disk->fstat(disk->context, sink->fd, &status) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot look at output '%s'", sink->name);
    sink->is_file = S_ISREG(status.st_mode);
    if (start == WEIR__SINK_GO_ON && (mark->inode != 0) != sink->is_file)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "output '%s' is %s, but the state has written to %s",
                          sink->name, sink->is_file ? "a file" : "a pipe", sink->is_file ? "a pipe" : "a file");
    if (!sink->is_file)
        return WEIR_OK;
    open_head(sink);
    sink->mark.device = status.st_dev;
    sink->mark.inode = status.st_ino;
    switch (start) {
    case WEIR__SINK_TRUNCATE:
        /* What a shell opened for us may hold what came before us: `>> file` is left as it is. */
        if (!sink->owns_fd)
            return WEIR_OK;
        return set_length(sink, 0, err);
    case WEIR__SINK_EMPTY:
        if (status.st_size > 0)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                              "output '%s' is not empty, but the state folder is new; name another file, or remove "
                              "this one",
                              sink->name);
        if (sink->owns_fd && disk->sync_folder(disk->context, path) != 0)
            return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot sync the folder of output '%s'", sink->name);
        return WEIR_OK;
    case WEIR__SINK_GO_ON:
        rc = know_again(sink, &status, mark, err);
        if (rc != WEIR_OK)
            return rc;
        sink->mark = *mark;
        return set_length(sink, mark->length, err);
    }
    return WEIR_INVALID;
}

void weir__sink_close(weir_sink *sink)
{
    if (sink->is_file && sink->head_fd >= 0 && sink->head_fd != sink->fd)
        (void)sink->disk->close(sink->disk->context, sink->head_fd); /* it was only read */
    sink->head_fd = -1;
    if (sink->owns_fd)
        (void)sink->disk->close(sink->disk->context, sink->fd); /* what matters was synced, or has been reported */
    sink->owns_fd = false;
}

weir_code weir__sink_append(weir_sink *sink, weir_bytes bytes, weir_error *err)
{
    if (bytes.size == 0)
        return WEIR_OK;
    if (weir__disk_write_all(sink->disk, sink->fd, bytes.data, bytes.size) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot write output '%s'", sink->name);
    sink->mark.length += bytes.size;
    return WEIR_OK;
}

weir_code weir__sink_sync(weir_sink *sink, weir_error *err)
{
    if (!sink->is_file)
        return WEIR_OK;
    if (sink->disk->fdatasync(sink->disk->context, sink->fd) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot sync output '%s'", sink->name);
    if (sink->head_fd >= 0 && sink->mark.head_bytes < WEIR__HEAD_BYTES && sink->mark.head_bytes < sink->mark.length) {
        uint64_t bytes = sink->mark.length < WEIR__HEAD_BYTES ? sink->mark.length : WEIR__HEAD_BYTES;

        if (!weir__file_head(sink->disk, sink->head_fd, bytes, &sink->mark.head))
            return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read output '%s' again", sink->name);
        sink->mark.head_bytes = bytes;
    }
    return WEIR_OK;
}

weir_code weir__sink_mark_print(const weir_sink_mark *mark, weir_buffer *out)
{
    char text[256];
    int size = snprintf(text, sizeof text,
                        "{\"device\":%" PRId64 ",\"inode\":%" PRId64 ",\"length\":%" PRId64 ",\"head-bytes\":%" PRId64
                        ",\"head\":%" PRId64 "}",
                        (int64_t)mark->device, (int64_t)mark->inode, (int64_t)mark->length, (int64_t)mark->head_bytes,
                        (int64_t)mark->head);

    return weir__buffer_add(out, text, (size_t)size);
}

bool weir__sink_mark_parse(weir_bytes text, weir_sink_mark *mark)
{
    const weir_json *json;
    weir_arena arena;
    bool is_good = false;

    weir__arena_init(&arena, 1024);
    if (weir__json_parse(text, 2, &arena, &json, NULL) == WEIR_OK)
        is_good = weir__member_uint(json, "device", &mark->device) && weir__member_uint(json, "inode", &mark->inode) &&
                  weir__member_uint(json, "length", &mark->length) &&
                  weir__member_uint(json, "head-bytes", &mark->head_bytes) &&
                  weir__member_uint(json, "head", &mark->head);
    weir__arena_clear(&arena);
    return is_good;
}
