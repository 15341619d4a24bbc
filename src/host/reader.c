/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record reader. Bytes pass through one chunk; a record that lies in it is handed out where it lies, one that goes
 * beyond it is gathered in the carry buffer, up to the limit. Every byte is looked at once: what was seen is kept as
 * state, so that reading may stop anywhere and go on. What a record means is codec's.
 */
#include "host/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK_BYTES = 256 * 1024,
    TOO_LONG_BYTES = 256, /* of a record that is too long, this much is shown */
};

typedef enum form {
    UNDECIDED, /* no byte but blanks was seen */
    LINES,     /* a record a line */
    ELEMENTS,  /* in the one array */
    CLOSED     /* behind the array's end */
} form;

/* Where an element's scan stands. A scalar is what is neither a string nor in brackets: it ends before the next byte
 * that cannot be in it. */
typedef struct scan {
    size_t depth;
    bool in_string;
    bool is_escaped;
    bool in_scalar;
} scan;

struct weir_reader {
    const weir_disk *disk;
    int fd;
    size_t record_bytes;
    bool follow;
    bool looks;

    weir_reader_place place; /* of the byte at chunk_at */
    form form;
    bool bom_is_done;
    bool after_comma; /* ELEMENTS: so `]` may not follow */
    bool has_ended;

    bool in_record; /* one has begun */
    weir_reader_place record_at;
    uint64_t length; /* bytes of it that went by without its end */
    uint64_t solid;  /* of these, up to the last that is not blank */
    weir_buffer carry; /* the first of the `length` bytes, as many as may be needed */
    scan scan;

    size_t chunk_at;
    size_t chunk_size;
    weir_error failure; /* the one that ended it: reading on gives it again */
    uint8_t chunk[CHUNK_BYTES];
};

typedef enum filling { FILL_BYTES, FILL_WAIT, FILL_END, FILL_FAILED } filling;

enum { BLANK = 1, ENDS_SCALAR = 2, STOPS_STRING = 4 };

static const uint8_t traits[256] = {
    [' '] = BLANK | ENDS_SCALAR,
    ['\t'] = BLANK | ENDS_SCALAR,
    ['\r'] = BLANK | ENDS_SCALAR,
    ['\n'] = BLANK | ENDS_SCALAR | STOPS_STRING, /* not of JSON's, but lines are counted there too */
    ['"'] = ENDS_SCALAR | STOPS_STRING,
    ['\\'] = STOPS_STRING,
    [','] = ENDS_SCALAR,
    [':'] = ENDS_SCALAR,
    ['['] = ENDS_SCALAR,
    [']'] = ENDS_SCALAR,
    ['{'] = ENDS_SCALAR,
    ['}'] = ENDS_SCALAR,
};

weir_code weir__reader_new(const weir_reader_options *options, weir_reader **out, weir_error *err)
{
    const weir_reader_place *place = &options->place;
    weir_reader *reader;
    size_t most = options->record_bytes > TOO_LONG_BYTES ? options->record_bytes : TOO_LONG_BYTES;

    if (place->after_value && !place->in_array)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "place %" PRIu64 " of the input is behind an element, but in no array", place->offset);
    reader = malloc(sizeof *reader);
    if (!reader)
        return weir__fail_memory(err, "a reader");
    memset(reader, 0, offsetof(weir_reader, chunk)); /* the chunk's pages are touched when bytes come */
    reader->disk = options->disk;
    reader->fd = options->fd;
    reader->record_bytes = options->record_bytes;
    reader->follow = options->follow;
    reader->looks = options->looks;
    reader->place = *place;
    reader->bom_is_done = place->offset > 0;
    reader->form = place->in_array ? ELEMENTS : place->index > 0 ? LINES : UNDECIDED;
    reader->after_comma = place->in_array && !place->after_value && place->index > 0;
    weir__buffer_init(&reader->carry, most);
    *out = reader;
    return WEIR_OK;
}

void weir__reader_free(weir_reader *reader)
{
    if (!reader)
        return;
    weir__buffer_clear(&reader->carry);
    free(reader);
}

/* Reads behind the bytes that are left, which are none, or the beginning of a BOM. */
/* A look, since O_NONBLOCK would be set for all who share the pipe. Errors and the end are the read's to tell. */
static bool would_block(int fd)
{
    struct pollfd look = { fd, POLLIN, 0 };

    return poll(&look, 1, 0) == 0;
}

static filling fill(weir_reader *reader)
{
    ssize_t got;

    if (reader->looks && would_block(reader->fd))
        return FILL_WAIT;
    if (reader->chunk_at == reader->chunk_size)
        reader->chunk_at = reader->chunk_size = 0;
    do
        got = reader->disk->read(reader->disk->context, reader->fd, reader->chunk + reader->chunk_size,
                                 CHUNK_BYTES - reader->chunk_size);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        reader->chunk_size += (size_t)got;
        return FILL_BYTES;
    }
    if (got == 0)
        return reader->follow ? FILL_WAIT : FILL_END;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return FILL_WAIT;
    (void)weir__fail_errno(&reader->failure, errno, WEIR_REMEDY_STOP, "the input cannot be read at byte %" PRIu64,
                           reader->place.offset + (reader->chunk_size - reader->chunk_at));
    return FILL_FAILED;
}

static void consume(weir_reader *reader, size_t size)
{
    reader->chunk_at += size;
    reader->place.offset += size;
}

/* Three bytes may come in three reads; until they differ from a BOM's they are left where they are. */
static filling skip_bom(weir_reader *reader)
{
    static const uint8_t bom[] = { 0xef, 0xbb, 0xbf };

    for (;;) {
        size_t have = reader->chunk_size < sizeof bom ? reader->chunk_size : sizeof bom;

        if (memcmp(reader->chunk, bom, have) != 0)
            break;
        if (have == sizeof bom) {
            consume(reader, sizeof bom);
            break;
        }
        switch (fill(reader)) {
        case FILL_BYTES:
            continue;
        case FILL_WAIT:
            return FILL_WAIT;
        case FILL_FAILED:
            return FILL_FAILED;
        case FILL_END:
            break; /* the next fill tells */
        }
        break;
    }
    reader->bom_is_done = true;
    return FILL_BYTES;
}

/* True when a byte that is not blank is next; else the chunk is used up. */
static bool skip_blanks(weir_reader *reader)
{
    const uint8_t *chunk = reader->chunk;
    size_t at = reader->chunk_at;

    for (; at < reader->chunk_size && (traits[chunk[at]] & BLANK); at++)
        reader->place.line += chunk[at] == '\n';
    consume(reader, at - reader->chunk_at);
    return at < reader->chunk_size;
}

static weir_reader_result fail_here(weir_reader *reader, const char *what)
{
    uint8_t byte = reader->chunk[reader->chunk_at];
    char found[8];

    if (byte > ' ' && byte < 0x7f)
        snprintf(found, sizeof found, "'%c'", byte);
    else
        snprintf(found, sizeof found, "0x%02x", byte);
    (void)weir__fail(&reader->failure, WEIR_INVALID, WEIR_REMEDY_FIX,
                     "line %" PRIu64 ", byte %" PRIu64 " of the input: %s, found %s", reader->place.line + 1,
                     reader->place.offset, what, found);
    return WEIR__READER_FAILED;
}

static weir_reader_result fail_truncated(weir_reader *reader)
{
    if (reader->in_record)
        (void)weir__fail(&reader->failure, WEIR_INVALID, WEIR_REMEDY_FIX,
                         "line %" PRIu64 ", byte %" PRIu64 " of the input: truncated: the element that begins in line"
                         " %" PRIu64 " does not end",
                         reader->place.line + 1, reader->place.offset, reader->record_at.line + 1);
    else
        (void)weir__fail(&reader->failure, WEIR_INVALID, WEIR_REMEDY_FIX,
                         "line %" PRIu64 ", byte %" PRIu64 " of the input: truncated: the array does not end",
                         reader->place.line + 1, reader->place.offset);
    return WEIR__READER_FAILED;
}

/*
 * At a byte that is not blank, outside of records: begins a record (in_record), or takes what stands between two.
 * RECORD means: go on.
 */
static weir_reader_result begin(weir_reader *reader)
{
    uint8_t byte = reader->chunk[reader->chunk_at];

    switch (reader->form) {
    case UNDECIDED:
        if (byte == '[') {
            reader->form = ELEMENTS;
            reader->place.in_array = true;
            consume(reader, 1);
            return WEIR__READER_RECORD;
        }
        reader->form = LINES;
        break;
    case LINES:
        break;
    case ELEMENTS:
        if (byte == ']' && !reader->after_comma) {
            reader->form = CLOSED;
            consume(reader, 1);
            return WEIR__READER_RECORD;
        }
        if (reader->place.after_value) {
            if (byte != ',')
                return fail_here(reader, "',' or ']' must follow an element of the array");
            reader->place.after_value = false;
            reader->after_comma = true;
            consume(reader, 1);
            return WEIR__READER_RECORD;
        }
        if (byte == ',' || byte == ']' || byte == '}' || byte == ':')
            return fail_here(reader, "an element of the array must begin");
        break;
    case CLOSED:
        return fail_here(reader, "only blanks may follow the array");
    }
    reader->in_record = true;
    reader->record_at = reader->place;
    return WEIR__READER_RECORD;
}

/* How many of the bytes belong to the element that has begun; *ended when it goes no further. Counts lines. */
static size_t scan_element(weir_reader *reader, const uint8_t *data, size_t size, bool *ended)
{
    scan now = reader->scan;
    uint64_t lines = 0;
    size_t at = 0;

    *ended = false;
    while (at < size && !*ended) {
        if (now.is_escaped) {
            now.is_escaped = false;
            lines += data[at++] == '\n';
            continue;
        }
        if (now.in_string) {
            while (at < size && !(traits[data[at]] & STOPS_STRING))
                at++;
            if (at == size)
                break;
            now.in_string = data[at] != '"';
            now.is_escaped = data[at] == '\\';
            lines += data[at++] == '\n';
            *ended = !now.in_string && now.depth == 0;
            continue;
        }
        if (now.in_scalar || now.depth) {
            while (at < size && !(traits[data[at]] & ENDS_SCALAR))
                at++;
            if (at == size)
                break;
            if (now.in_scalar) {
                *ended = true;
                break;
            }
        }
        switch (data[at]) {
        case '"':
            now.in_string = true;
            break;
        case '[':
        case '{':
            now.depth++;
            break;
        case ']':
        case '}': /* which bracket closes which is codec's to judge */
            *ended = --now.depth == 0;
            break;
        default:
            now.in_scalar = now.depth == 0;
            break;
        }
        lines += data[at++] == '\n';
    }
    reader->place.line += lines;
    reader->scan = now;
    return at;
}

/* Without the blanks at its end. */
static size_t trimmed(const uint8_t *data, size_t size)
{
    while (size && (traits[data[size - 1]] & BLANK))
        size--;
    return size;
}

/* Takes bytes of a record that does not lie in one chunk. What is beyond the limit is only counted. */
static weir_code keep(weir_reader *reader, const uint8_t *data, size_t size)
{
    size_t solid = trimmed(data, size);
    size_t room = reader->carry.maximum - reader->carry.size;
    weir_code rc = weir__buffer_add(&reader->carry, data, size < room ? size : room);

    if (solid)
        reader->solid = reader->length + solid;
    reader->length += size;
    return rc;
}

/* The last `size` bytes of the record that has begun are at `data`. */
static weir_code finish(weir_reader *reader, const uint8_t *data, size_t size, weir_record *record)
{
    weir_code rc = WEIR_OK;

    if (reader->length == 0) {
        record->text = weir__bytes(data, trimmed(data, size));
        record->bytes = record->text.size;
    } else {
        rc = keep(reader, data, size);
        record->text = weir__buffer_bytes(&reader->carry);
        record->bytes = reader->solid;
        if (record->text.size > reader->solid)
            record->text.size = (size_t)reader->solid;
    }
    record->too_long = record->bytes > reader->record_bytes;
    if (record->too_long && record->text.size > TOO_LONG_BYTES)
        record->text.size = TOO_LONG_BYTES;
    record->at = reader->record_at;
    /* The carry's bytes are the caller's until the next call, which is when they are overwritten. */
    weir__buffer_reset(&reader->carry);
    reader->in_record = false;
    reader->length = reader->solid = 0;
    memset(&reader->scan, 0, sizeof reader->scan);
    return rc;
}

static weir_reader_result fail_keeping(weir_reader *reader)
{
    (void)weir__fail_memory(&reader->failure, "a record");
    return WEIR__READER_FAILED;
}

static weir_reader_result at_end(weir_reader *reader, weir_record *record)
{
    if (reader->form == ELEMENTS)
        return fail_truncated(reader);
    if (!reader->in_record) {
        reader->has_ended = true;
        return WEIR__READER_END;
    }
    if (finish(reader, reader->chunk, 0, record) != WEIR_OK)
        return fail_keeping(reader);
    reader->place.index++;
    record->next = reader->place;
    return WEIR__READER_RECORD;
}

static weir_reader_result read_next(weir_reader *reader, weir_record *record)
{
    if (!reader->bom_is_done) {
        filling rc = skip_bom(reader);

        if (rc != FILL_BYTES)
            return rc == FILL_WAIT ? WEIR__READER_WAIT : WEIR__READER_FAILED;
    }
    for (;;) {
        const uint8_t *data;
        size_t size;
        bool ended;

        if (reader->chunk_at == reader->chunk_size) {
            switch (fill(reader)) {
            case FILL_BYTES:
                break;
            case FILL_WAIT:
                return WEIR__READER_WAIT;
            case FILL_FAILED:
                return WEIR__READER_FAILED;
            case FILL_END:
                return at_end(reader, record);
            }
        }
        if (!reader->in_record) {
            weir_reader_result rc;

            if (!skip_blanks(reader))
                continue;
            rc = begin(reader);
            if (rc != WEIR__READER_RECORD)
                return rc;
            if (!reader->in_record)
                continue;
        }
        data = reader->chunk + reader->chunk_at;
        size = reader->chunk_size - reader->chunk_at;
        if (reader->form == ELEMENTS) {
            size = scan_element(reader, data, size, &ended);
        } else {
            const uint8_t *newline = memchr(data, '\n', size);

            ended = newline;
            if (newline)
                size = (size_t)(newline - data);
        }
        consume(reader, size);
        if (!ended) {
            if (keep(reader, data, size) != WEIR_OK)
                return fail_keeping(reader);
            continue;
        }
        if (finish(reader, data, size, record) != WEIR_OK)
            return fail_keeping(reader);
        if (reader->form == ELEMENTS) {
            reader->place.after_value = true;
            reader->after_comma = false;
        } else {
            consume(reader, 1);
            reader->place.line++;
        }
        reader->place.index++;
        record->next = reader->place;
        return WEIR__READER_RECORD;
    }
}

weir_reader_result weir__reader_next(weir_reader *reader, weir_record *record, weir_error *err)
{
    weir_reader_result rc;

    if (reader->has_ended)
        return WEIR__READER_END;
    rc = reader->failure.code == WEIR_OK ? read_next(reader, record) : WEIR__READER_FAILED;
    if (rc == WEIR__READER_FAILED && err)
        *err = reader->failure;
    return rc;
}
