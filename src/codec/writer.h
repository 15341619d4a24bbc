/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON tokens to the end of a buffer through a bare pointer; for the files of this room. Between open and close
 * the buffer's size is not true. Every verb gives WEIR_OK, or WEIR_LIMIT or WEIR_NO_MEMORY as the buffer does.
 */
#ifndef WEIR__CODEC_WRITER_H
#define WEIR__CODEC_WRITER_H

#include "codec/json.h"

typedef struct weir_writer {
    weir_buffer *buffer;
    uint8_t *at;
    uint8_t *end;
    size_t start; /* the buffer's size before */
} weir_writer;

static inline void weir__writer_open(weir_writer *writer, weir_buffer *buffer)
{
    writer->buffer = buffer;
    writer->start = buffer->size;
    writer->at = buffer->data ? buffer->data + buffer->size : NULL;
    writer->end = buffer->data ? buffer->data + buffer->capacity : NULL;
}

/** Makes what was written the buffer's, or, when `rc` is a failure, forgets it. Returns `rc`. */
static inline weir_code weir__writer_close(weir_writer *writer, weir_code rc)
{
    if (rc == WEIR_OK && writer->at)
        writer->buffer->size = (size_t)(writer->at - writer->buffer->data);
    else
        writer->buffer->size = writer->start;
    return rc;
}

/** The slow path of weir__writer_room(). */
WEIR_CHECK weir_code weir__writer_grow(weir_writer *writer, size_t size);

/** Room for `size` bytes at `at`. */
static inline WEIR_CHECK weir_code weir__writer_room(weir_writer *writer, size_t size)
{
    return (size_t)(writer->end - writer->at) >= size ? WEIR_OK : weir__writer_grow(writer, size);
}

WEIR_CHECK weir_code weir__writer_raw(weir_writer *writer, const void *data, size_t size);

static inline WEIR_CHECK weir_code weir__writer_byte(weir_writer *writer, uint8_t byte)
{
    weir_code rc = weir__writer_room(writer, 1);

    if (rc == WEIR_OK)
        *writer->at++ = byte;
    return rc;
}

/** A string with its quotes. */
WEIR_CHECK weir_code weir__writer_text(weir_writer *writer, const uint8_t *data, size_t size);

/** The same, of a string known to need no escapes. */
WEIR_CHECK weir_code weir__writer_plain_text(weir_writer *writer, const uint8_t *data, size_t size);

WEIR_CHECK weir_code weir__writer_int(weir_writer *writer, int64_t value);

/** `value` is finite. */
WEIR_CHECK weir_code weir__writer_real(weir_writer *writer, double value);

#endif
