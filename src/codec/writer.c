/* SPDX-License-Identifier: Apache-2.0 */
/* JSON tokens into a buffer: strings, integers, reals, bytes. What a value is made of is print.c's and tree.c's. */
#include "codec/writer.h"

#include <string.h>
#include <yyjson.h>

#include "codec/base64.h"

weir_code weir__writer_grow(weir_writer *writer, size_t size)
{
    weir_buffer *buffer = writer->buffer;
    weir_code rc;

    if (writer->at)
        buffer->size = (size_t)(writer->at - buffer->data);
    rc = weir__buffer_reserve(buffer, size);
    if (rc != WEIR_OK)
        return rc;
    writer->at = buffer->data + buffer->size;
    writer->end = buffer->data + buffer->capacity;
    return WEIR_OK;
}

weir_code weir__writer_raw(weir_writer *writer, const void *data, size_t size)
{
    weir_code rc = weir__writer_room(writer, size);

    if (rc != WEIR_OK || size == 0)
        return rc;
    memcpy(writer->at, data, size);
    writer->at += size;
    return WEIR_OK;
}

/* ---- strings ---------------------------------------------------------------------------------------------------- */

/* What follows the backslash; 0: the byte stands for itself; 'u': \u00xx. */
/* clang-format off */
static const uint8_t escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u', /* 0x00 */
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', /* 0x10 */
    ['"'] = '"',
    ['\\'] = '\\',
};
/* clang-format on */

static const char hex[] = "0123456789abcdef";

#define EVERY_BYTE(x) (UINT64_C(0x0101010101010101) * (x))

static inline uint64_t has_zero(uint64_t word)
{
    return (word - EVERY_BYTE(1)) & ~word & EVERY_BYTE(0x80);
}

/* Whether one of eight bytes needs an escape. It may say so of one that stands behind one that does. */
static inline bool has_escape(uint64_t word)
{
    uint64_t control = (word - EVERY_BYTE(0x20)) & ~word & EVERY_BYTE(0x80);

    return (control | has_zero(word ^ EVERY_BYTE('"')) | has_zero(word ^ EVERY_BYTE('\\'))) != 0;
}

static inline uint8_t *put_byte(uint8_t *at, uint8_t byte)
{
    uint8_t escape = escapes[byte];

    if (!escape) {
        *at++ = byte;
        return at;
    }
    *at++ = '\\';
    *at++ = escape;
    if (escape == 'u') {
        *at++ = '0';
        *at++ = '0';
        *at++ = (uint8_t)hex[byte >> 4];
        *at++ = (uint8_t)hex[byte & 15];
    }
    return at;
}

/* Writes not one byte more than the string needs. */
static uint8_t *put_text(uint8_t *at, const uint8_t *data, size_t size)
{
    *at++ = '"';
    for (; size >= 8; data += 8, size -= 8) {
        uint64_t word;

        memcpy(&word, data, 8);
        if (!has_escape(word)) {
            memcpy(at, &word, 8);
            at += 8;
            continue;
        }
        for (size_t i = 0; i < 8; i++)
            at = put_byte(at, data[i]);
    }
    for (size_t i = 0; i < size; i++)
        at = put_byte(at, data[i]);
    *at++ = '"';
    return at;
}

weir_code weir__writer_text(weir_writer *writer, const uint8_t *data, size_t size)
{
    weir_code rc;

    if ((size_t)(writer->end - writer->at) / 6 <= size) {
        /* Not room for the worst: find out what it takes, so that a buffer near its maximum is used up to it. */
        size_t need = size + 2;

        for (size_t i = 0; i < size; i++)
            need += escapes[data[i]] == 'u' ? 5 : escapes[data[i]] != 0;
        rc = weir__writer_room(writer, need);
        if (rc != WEIR_OK)
            return rc;
    }
    writer->at = put_text(writer->at, data, size);
    return WEIR_OK;
}

weir_code weir__writer_plain_text(weir_writer *writer, const uint8_t *data, size_t size)
{
    weir_code rc = weir__writer_room(writer, size + 2);

    if (rc != WEIR_OK)
        return rc;
    *writer->at = '"';
    memcpy(writer->at + 1, data, size);
    writer->at[size + 1] = '"';
    writer->at += size + 2;
    return WEIR_OK;
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

#define NUMBER_MAX 48 /* yyjson's longest real, with the two bytes it puts behind */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

static uint8_t *put_int(uint8_t *at, int64_t value)
{
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    char digits[20];
    size_t first = sizeof digits;

    if (value < 0)
        *at++ = '-';
    while (left >= 100) {
        first -= 2;
        memcpy(digits + first, pairs + left % 100 * 2, 2);
        left /= 100;
    }
    if (left >= 10) {
        first -= 2;
        memcpy(digits + first, pairs + left * 2, 2);
    } else {
        digits[--first] = (char)('0' + left);
    }
    memcpy(at, digits + first, sizeof digits - first);
    return at + sizeof digits - first;
}

/* yyjson's allocator for one number: the place where it shall stand. */
static void *place_malloc(void *context, size_t size)
{
    return size <= NUMBER_MAX ? context : NULL;
}

static void *place_realloc(void *context, void *data, size_t old_size, size_t size)
{
    (void)context;
    (void)data;
    (void)old_size;
    (void)size;
    return NULL;
}

static void place_free(void *context, void *data)
{
    (void)context;
    (void)data;
}

static uint8_t *put_real(uint8_t *at, double value)
{
    yyjson_val number = { 0 };
    yyjson_alc place = { place_malloc, place_realloc, place_free, at };
    size_t size = 0;

    unsafe_yyjson_set_real(&number, value);
    (void)yyjson_val_write_opts(&number, YYJSON_WRITE_NOFLAG, &place, &size, NULL); /* cannot fail: it is finite */
    return at + size;
}

weir_code weir__writer_int(weir_writer *writer, int64_t value)
{
    uint8_t digits[NUMBER_MAX];

    if (writer->end - writer->at >= NUMBER_MAX) {
        writer->at = put_int(writer->at, value);
        return WEIR_OK;
    }
    return weir__writer_raw(writer, digits, (size_t)(put_int(digits, value) - digits));
}

weir_code weir__writer_real(weir_writer *writer, double value)
{
    uint8_t digits[NUMBER_MAX];

    if (writer->end - writer->at >= NUMBER_MAX) {
        writer->at = put_real(writer->at, value);
        return WEIR_OK;
    }
    return weir__writer_raw(writer, digits, (size_t)(put_real(digits, value) - digits));
}

/* ---- the same, for other rooms ---------------------------------------------------------------------------------- */

weir_code weir__json_print_text(weir_bytes text, weir_buffer *out)
{
    weir_writer writer;

    weir__writer_open(&writer, out);
    return weir__writer_close(&writer, weir__writer_text(&writer, text.data, text.size));
}

weir_code weir__json_print_int(int64_t value, weir_buffer *out)
{
    weir_writer writer;

    weir__writer_open(&writer, out);
    return weir__writer_close(&writer, weir__writer_int(&writer, value));
}

weir_code weir__json_print_real(double value, weir_buffer *out)
{
    weir_writer writer;

    weir__writer_open(&writer, out);
    return weir__writer_close(&writer, weir__writer_real(&writer, value));
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

weir_code weir__json_print_bytes(weir_bytes bytes, weir_buffer *out)
{
    static const char before[] = "{\"$bytes\":\"";
    weir_writer writer;
    weir_code rc;

    if (weir__utf8_is_valid(bytes))
        return weir__json_print_text(bytes, out);
    if (bytes.size > SIZE_MAX / 2)
        return WEIR_LIMIT;
    weir__writer_open(&writer, out);
    rc = weir__writer_room(&writer, sizeof before - 1 + weir__base64_size(bytes.size) + 2);
    if (rc == WEIR_OK) {
        memcpy(writer.at, before, sizeof before - 1);
        writer.at = weir__base64_put(writer.at + sizeof before - 1, bytes.data, bytes.size);
        *writer.at++ = '"';
        *writer.at++ = '}';
    }
    return weir__writer_close(&writer, rc);
}
