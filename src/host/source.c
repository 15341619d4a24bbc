/* SPDX-License-Identifier: Apache-2.0 */
/* Local input: opening, knowing it again, passing over what was committed. */
#include "host/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_SYS_INOTIFY_H
#include <sys/inotify.h>
#endif

#include "base/hash.h"
#include "host/mark.h"

/* Opens, and finds out what it is. */
static weir_code open_input(weir_source *source, weir_error *err)
{
    const weir_disk *disk = source->options.disk;
    const char *path = source->options.path;
    struct stat status;

    if (!path || strcmp(path, "-") == 0) {
        source->name = "stdin";
        weir__name_shorten(source->name, source->shown);
        source->fd = STDIN_FILENO;
    } else {
        source->name = path;
        weir__name_shorten(path, source->shown);
        source->fd = disk->open(disk->context, path, O_RDONLY, 0);
        if (source->fd < 0)
            return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot open input '%s'", source->shown);
        source->owns_fd = true;
    }
    if (disk->fstat(disk->context, source->fd, &status) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot look at input '%s'", source->shown);
    if (S_ISDIR(status.st_mode))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "input '%s' is a folder; name a file", source->shown);
    source->is_file = S_ISREG(status.st_mode);
    source->mark.is_file = source->is_file;
    if (source->is_file) {
        source->device = status.st_dev;
        source->inode = status.st_ino;
        source->mark.device = source->device;
        source->mark.inode = source->inode;
        source->size_bytes = source->options.follow ? 0 : (uint64_t)status.st_size;
        source->mark.head_bytes =
            (uint64_t)status.st_size < WEIR__HEAD_BYTES ? (uint64_t)status.st_size : WEIR__HEAD_BYTES;
        if (!weir__file_head(disk, source->fd, source->mark.head_bytes, &source->mark.head))
            return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot read input '%s'", source->shown);
    }
    return WEIR_OK;
}

/* A file that the state has read before: is it the same, and still as long? */
static weir_code know_again(weir_source *source, const weir_source_mark *mark, const weir_source_place *place,
                            weir_error *err)
{
    const weir_disk *disk = source->options.disk;
    struct stat status;
    uint64_t head;

    if (!mark->is_file || !source->is_file || source->options.moved) {
        source->is_passing = place->place.index > 0 && !source->options.continues;
        return WEIR_OK;
    }
    if (mark->device != source->mark.device || mark->inode != source->mark.inode)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "input '%s' is another file than the one that the state has read; give that one, or say "
                          "--input-moved if it is the same in another place",
                          source->shown);
    if (!weir__file_head(disk, source->fd, mark->head_bytes, &head) || head != mark->head)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "input '%s' does not begin as the one that the state has read; give it a state folder of "
                          "its own",
                          source->shown);
    if (disk->fstat(disk->context, source->fd, &status) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot look at input '%s'", source->shown);
    if ((uint64_t)status.st_size < place->place.offset)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "input '%s' has %" PRIu64 " bytes, but %" PRIu64 " of it were read before; it was cut off",
                          source->shown, (uint64_t)status.st_size, place->place.offset);
    return WEIR_OK;
}

static weir_code start_watch(weir_source *source, weir_error *err)
{
#ifdef HAVE_SYS_INOTIFY_H
    const char *path = source->owns_fd ? source->options.path : "/proc/self/fd/0";

    if (!source->is_file || !source->options.follow)
        return WEIR_OK;
    source->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (source->watch_fd < 0 || inotify_add_watch(source->watch_fd, path, IN_MODIFY) < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot watch input '%s'", source->shown);
#else
    (void)source;
    (void)err;
#endif
    return WEIR_OK;
}

weir_code weir__source_open(weir_source *source, const weir_source_options *options, const weir_source_mark *mark,
                            const weir_source_place *place, weir_error *err)
{
    weir_reader_options reader = { .disk = options->disk, .record_bytes = options->record_bytes };
    weir_code rc;

    memset(source, 0, sizeof *source);
    source->options = *options;
    source->fd = -1;
    source->watch_fd = -1;
    rc = open_input(source, err);
    if (rc != WEIR_OK)
        return rc;
    if (mark) {
        memcpy(source->mark.id, mark->id, sizeof source->mark.id);
        rc = know_again(source, mark, place, err);
        if (rc != WEIR_OK)
            return rc;
        if (source->is_passing) {
            source->passing = *place;
            source->passed_mark = source->mark; /* with the id, which stays */
            source->mark = *mark;
        } else {
            source->at = *place;
        }
    } else {
        weir__uuid_random(source->mark.id);
    }
    if (source->is_file) {
        off_t offset = (off_t)source->at.place.offset;

        if (options->disk->lseek(options->disk->context, source->fd, offset, SEEK_SET) != offset)
            return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot go to byte %" PRIu64 " of input '%s'",
                                    source->at.place.offset, source->shown);
    }
    rc = start_watch(source, err);
    if (rc != WEIR_OK)
        return rc;
    reader.fd = source->fd;
    reader.place = source->at.place;
    reader.follow = options->follow;
    reader.looks = !source->is_file;
    return weir__reader_new(&reader, &source->reader, err);
}

void weir__source_close(weir_source *source)
{
    const weir_disk *disk = source->options.disk;

    weir__reader_free(source->reader);
    if (source->owns_fd)
        (void)disk->close(disk->context, source->fd); /* it was only read */
    if (source->watch_fd >= 0)
        (void)close(source->watch_fd); /* it was only read */
    source->reader = NULL;
    source->owns_fd = false;
    source->watch_fd = -1;
}

/* One more record that was committed before; at the last one all of them must have been the same. */
static weir_reader_result pass(weir_source *source, weir_reader_result result, weir_error *err)
{
    uint64_t committed = source->passing.place.index;

    if (result == WEIR__READER_END) {
        (void)weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                         "input '%s' ends after %" PRIu64 " records, but %" PRIu64
                         " were committed; a pipe must begin again at the first record, or say --input-continues",
                         source->shown, source->at.place.index, committed);
        return WEIR__READER_FAILED;
    }
    if (source->at.place.index < committed)
        return WEIR__READER_RECORD;
    source->is_passing = false;
    if (source->at.rolling != source->passing.rolling) {
        (void)weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                         "the first %" PRIu64 " records of input '%s' are not those that were committed; give the same "
                         "input again, or another state folder",
                         committed, source->shown);
        return WEIR__READER_FAILED;
    }
    source->mark = source->passed_mark;
    source->has_new_mark = true;
    return WEIR__READER_RECORD;
}

weir_reader_result weir__source_next(weir_source *source, weir_record *record, weir_error *err)
{
    for (;;) {
        weir_reader_result result = weir__reader_next(source->reader, record, err);

        if (result == WEIR__READER_RECORD) {
            source->at.place = record->next;
            if (!source->options.is_stateless)
                source->at.rolling = weir__hash_stable(record->text, source->at.rolling);
        }
        if (result == WEIR__READER_FAILED)
            weir__error_context(err, "%s", source->shown);
        if (!source->is_passing || result == WEIR__READER_WAIT || result == WEIR__READER_FAILED)
            return result;
        result = pass(source, result, err);
        if (result == WEIR__READER_FAILED)
            return result;
    }
}

const weir_source_place *weir__source_place_now(const weir_source *source)
{
    return source->is_passing ? &source->passing : &source->at;
}

int weir__source_poll_fd(const weir_source *source)
{
    return source->is_file ? source->watch_fd : source->fd;
}

void weir__source_polled(weir_source *source)
{
    uint8_t events[4096];

    if (source->watch_fd >= 0) {
        while (read(source->watch_fd, events, sizeof events) > 0)
            continue;
    }
}

/* ---- as the state keeps it --------------------------------------------------------------------------------------- */

weir_code weir__source_mark_print(const weir_source_mark *mark, weir_buffer *out)
{
    char text[320];
    int size = snprintf(text, sizeof text,
                        "{\"id\":\"%s\",\"file\":%s,\"device\":%" PRId64 ",\"inode\":%" PRId64
                        ",\"head-bytes\":%" PRId64 ",\"head\":%" PRId64 "}",
                        mark->id, mark->is_file ? "true" : "false", (int64_t)mark->device, (int64_t)mark->inode,
                        (int64_t)mark->head_bytes, (int64_t)mark->head);

    return weir__buffer_add(out, text, (size_t)size);
}

weir_code weir__source_place_print(const weir_source_place *place, weir_buffer *out)
{
    char text[320];
    int size = snprintf(text, sizeof text,
                        "{\"offset\":%" PRId64 ",\"line\":%" PRId64 ",\"index\":%" PRId64
                        ",\"in-array\":%s,\"after-value\":%s,\"rolling\":%" PRId64 "}",
                        (int64_t)place->place.offset, (int64_t)place->place.line, (int64_t)place->place.index,
                        place->place.in_array ? "true" : "false", place->place.after_value ? "true" : "false",
                        (int64_t)place->rolling);

    return weir__buffer_add(out, text, (size_t)size);
}

bool weir__source_mark_parse(weir_bytes text, weir_source_mark *mark)
{
    const weir_json *json, *id;
    weir_arena arena;
    weir_bytes bytes;
    bool is_good = false;

    weir__arena_init(&arena, 1024);
    if (weir__json_parse(text, 2, &arena, &json, NULL) == WEIR_OK) {
        id = weir__json_member(json, weir__bytes_text("id"));
        if (id && weir__json_kind(id) == WEIR__JSON_TEXT) {
            bytes = weir__json_text(id);
            is_good = bytes.size == WEIR__UUID_TEXT - 1 && weir__member_bool(json, "file", &mark->is_file) &&
                      weir__member_uint(json, "device", &mark->device) &&
                      weir__member_uint(json, "inode", &mark->inode) &&
                      weir__member_uint(json, "head-bytes", &mark->head_bytes) &&
                      weir__member_uint(json, "head", &mark->head);
            if (is_good) {
                memcpy(mark->id, bytes.data, bytes.size);
                mark->id[bytes.size] = '\0';
            }
        }
    }
    weir__arena_clear(&arena);
    return is_good;
}

bool weir__source_place_parse(weir_bytes text, weir_source_place *place)
{
    const weir_json *json;
    weir_arena arena;
    bool is_good = false;

    weir__arena_init(&arena, 1024);
    if (weir__json_parse(text, 2, &arena, &json, NULL) == WEIR_OK)
        is_good = weir__member_uint(json, "offset", &place->place.offset) &&
                  weir__member_uint(json, "line", &place->place.line) &&
                  weir__member_uint(json, "index", &place->place.index) &&
                  weir__member_bool(json, "in-array", &place->place.in_array) &&
                  weir__member_bool(json, "after-value", &place->place.after_value) &&
                  weir__member_uint(json, "rolling", &place->rolling);
    weir__arena_clear(&arena);
    return is_good;
}
