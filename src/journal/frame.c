/* SPDX-License-Identifier: Apache-2.0 */
/* Framing entries; the layout is in README.md. */
#include "journal/frame.h"

#include "base/big_endian.h"
#include "base/hash.h"

enum { HEADER_BYTES = WEIR__FRAME_HEADER_BYTES, CHECKED_BYTES = 6, FRAME_VERSION = 2 };

static uint32_t checksum(const uint8_t *header, weir_bytes payload)
{
    return weir__crc32(payload, weir__crc32(weir__bytes(header, CHECKED_BYTES), 0));
}

static void put_header(uint8_t header[HEADER_BYTES], weir_entry_kind kind, weir_bytes payload)
{
    weir__put_32(header, (uint32_t)payload.size);
    header[4] = FRAME_VERSION;
    header[5] = (uint8_t)kind;
    weir__put_32(header + CHECKED_BYTES, checksum(header, payload));
}

weir_code weir__frame_seal(weir_entry_kind kind, weir_bytes payload, weir_buffer *out)
{
    uint8_t header[HEADER_BYTES];
    weir_code rc;

    if (payload.size > INT32_MAX)
        return WEIR_LIMIT;
    put_header(header, kind, payload);
    rc = weir__buffer_reserve(out, sizeof header + payload.size);
    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, header, sizeof header);
    return rc == WEIR_OK ? weir__buffer_add(out, payload.data, payload.size) : rc;
}

weir_code weir__frame_close(weir_entry_kind kind, weir_buffer *out, size_t start)
{
    size_t size = out->size - start - HEADER_BYTES;
    uint8_t *header = out->data + start;

    if (size > INT32_MAX)
        return WEIR_LIMIT;
    put_header(header, kind, weir__bytes(header + HEADER_BYTES, size));
    return WEIR_OK;
}

weir_code weir__frame_open(weir_bytes entry, weir_entry_kind *kind, weir_bytes *payload, weir_error *err)
{
    weir_bytes rest;

    if (entry.size < HEADER_BYTES)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "a journal entry is cut off after %zu bytes", entry.size);
    if (entry.data[4] != FRAME_VERSION)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "a journal entry has version %d, this weir knows %d; use the weir that wrote it, or a "
                          "newer one",
                          entry.data[4], FRAME_VERSION);
    rest = weir__bytes(entry.data + HEADER_BYTES, entry.size - HEADER_BYTES);
    if (weir__get_32(entry.data) != rest.size)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "a journal entry has %zu bytes of %u", rest.size,
                          weir__get_32(entry.data));
    if (weir__get_32(entry.data + CHECKED_BYTES) != checksum(entry.data, rest))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "a journal entry is damaged: its checksum differs");
    if (entry.data[5] < WEIR__ENTRY_RESULT || entry.data[5] > WEIR__ENTRY_CLAIM)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "a journal entry is of kind %d, which this weir does not know", entry.data[5]);
    *kind = (weir_entry_kind)entry.data[5];
    *payload = rest;
    return WEIR_OK;
}
