/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes, coming in any pieces: the record reader gives what the plain splitter finds in the whole, from the
 * beginning and from each record, and says the same of what cannot be split.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/reader.h"
#include "naive_records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESUMED = 32 /* at most so many records are started from */ };

typedef struct pieces {
    const uint8_t *data;
    size_t size;
    size_t at;
    uint64_t seed; /* 0: all in one */
} pieces;

/* A broken promise must stop the fuzzer. */
static void promise(bool is_kept)
{
    if (!is_kept)
        abort();
}

static ssize_t read_piece(void *context, int fd, void *data, size_t size)
{
    pieces *from = context;
    size_t give = from->size - from->at;

    (void)fd;
    if (from->seed) {
        from->seed = from->seed * 6364136223846793005u + 1442695040888963407u;
        if (from->seed >> 61 == 0) {
            errno = from->seed >> 60 & 1 ? EINTR : EAGAIN;
            return -1;
        }
        if (give > 1)
            give = 1 + (from->seed >> 33) % (give < 24 ? give : 24);
    }
    if (give > size)
        give = size;
    if (give)
        memcpy(data, from->data + from->at, give);
    from->at += give;
    return (ssize_t)give;
}

static bool same_place(const weir_reader_place *a, const weir_reader_place *b)
{
    return a->offset == b->offset && a->line == b->line && a->index == b->index && a->in_array == b->in_array &&
           a->after_value == b->after_value;
}

static void compare(const uint8_t *data, size_t size, const naive_records *expected, size_t first,
                    const weir_reader_place *place, uint64_t seed, size_t limit, bool follow)
{
    pieces from = { data, size, place ? (size_t)place->offset : 0, seed };
    weir_disk disk = { .read = read_piece, .context = &from };
    weir_reader_options options = { &disk, 0, { 0, 0, 0, false, false }, limit, follow, false };
    weir_reader *reader = NULL;
    weir_reader_result rc;
    weir_record record;
    weir_error err;
    size_t i = first;

    if (place)
        options.place = *place;
    if (weir__reader_new(&options, &reader, &err) != WEIR_OK)
        return;
    for (;;) {
        const naive_record *want;
        size_t length;

        rc = weir__reader_next(reader, &record, &err);
        if (rc == WEIR__READER_WAIT && !(follow && from.at == size))
            continue;
        if (rc != WEIR__READER_RECORD)
            break;
        promise(i < expected->count);
        want = &expected->items[i];
        length = want->end - want->begin;
        promise(record.bytes == length);
        promise(record.too_long == (length > limit));
        if (record.too_long && length > 256)
            length = 256;
        promise(record.text.size == length && memcmp(record.text.data, data + want->begin, length) == 0);
        promise(same_place(&record.at, &want->at) && same_place(&record.next, &want->next));
        i++;
    }
    if (rc == WEIR__READER_WAIT) {
        /* What is followed may grow: a last line without its newline is not there yet, and nothing is truncated. */
        promise(i == expected->count || (i + 1 == expected->count && data[size - 1] != '\n'));
        promise(!expected->is_invalid || expected->where == size);
    } else {
        promise(i == expected->count && (rc == WEIR__READER_FAILED) == expected->is_invalid);
    }
    if (rc == WEIR__READER_FAILED) {
        weir_reader_place where = naive_place(data, NULL, expected->where, 0);
        char begin[64];

        snprintf(begin, sizeof begin, "line %" PRIu64 ", byte %" PRIu64 " of", where.line + 1, where.offset);
        promise(err.code == WEIR_INVALID && strncmp(err.message, begin, strlen(begin)) == 0);
    }
    weir__reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    naive_records expected = naive_split(data, size);
    uint64_t seed = 14695981039346656037u;
    size_t i;

    for (i = 0; i < size; i++)
        seed = (seed ^ data[i]) * 1099511628211u;
    compare(data, size, &expected, 0, NULL, 0, 1 << 20, false);
    compare(data, size, &expected, 0, NULL, seed | 1, seed % 40, false);
    compare(data, size, &expected, 0, NULL, seed | 1, 1 << 20, true);
    for (i = 0; i < expected.count && i < RESUMED; i++) {
        compare(data, size, &expected, i, &expected.items[i].at, seed | 1, 1 << 20, false);
        compare(data, size, &expected, i + 1, &expected.items[i].next, 0, 1 << 20, false);
    }
    free(expected.items);
    return 0;
}
