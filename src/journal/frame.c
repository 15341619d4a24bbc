/* SPDX-License-Identifier: Apache-2.0 */
/* Framing entries; the layout is in README.md. */
#include "journal/frame.h"

#include "base/big_endian.h"
#include "base/hash.h"

enum { HEADER_BYTES = 10, CHECKED_BYTES = 6, FRAME_VERSION = 1 };

static uint32_t checksum(const uint8_t *header, weir_bytes payload)
{
    return (uint32_t)weir__hash_stable(payload, weir__hash_stable(weir__bytes(header, CHECKED_BYTES), 0));
}

weir_code weir__frame_seal(weir_frame_kind kind, weir_bytes payload, weir_buffer *out)
{
    uint8_t header[HEADER_BYTES];
    weir_code rc;

    if (payload.size > INT32_MAX)
        return WEIR_LIMIT;
    weir__put_32(header, (uint32_t)payload.size);
    header[4] = FRAME_VERSION;
    header[5] = (uint8_t)kind;
    weir__put_32(header + CHECKED_BYTES, checksum(header, payload));
    rc = weir__buffer_reserve(out, sizeof header + payload.size);
    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, header, sizeof header);
    return rc == WEIR_OK ? weir__buffer_add(out, payload.data, payload.size) : rc;
}

weir_code weir__frame_open(weir_bytes entry, weir_frame_kind *kind, weir_bytes *payload, weir_error *err)
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
    if (entry.data[5] != WEIR__FRAME_ACTION_RESULT)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "a journal entry is of kind %d, which this weir does not know", entry.data[5]);
    *kind = (weir_frame_kind)entry.data[5];
    *payload = rest;
    return WEIR_OK;
}
