/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that grow, up to a stated maximum. */
#ifndef WEIR__BASE_BUFFER_H
#define WEIR__BASE_BUFFER_H

#include <stdbool.h>
#include <string.h>

#include <weir/bytes.h>

#include "base/error.h"

struct weir_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t maximum; /* never passed; SIZE_MAX where the content bounds itself */
    bool is_over;   /* something did not fit, or found no memory, since the buffer was made or reset */
};

/** Empty; allocates nothing. */
void weir__buffer_init(weir_buffer *buffer, size_t maximum);

/** Frees the content; the buffer may be used again, empty. */
void weir__buffer_clear(weir_buffer *buffer);

/** Room for `size` more bytes. WEIR_OK, WEIR_LIMIT or WEIR_NO_MEMORY, and then nothing has changed. */
WEIR_CHECK weir_code weir__buffer_reserve(weir_buffer *buffer, size_t size);

/** The content; valid until the buffer is changed; `data` is never NULL. */
weir_bytes weir__buffer_bytes(const weir_buffer *buffer);

/* Appends below go through here: one compare when there is room. */
static inline WEIR_CHECK weir_code weir__buffer_add(weir_buffer *buffer, const void *data, size_t size)
{
    if (buffer->capacity - buffer->size < size) {
        weir_code rc = weir__buffer_reserve(buffer, size);

        if (rc != WEIR_OK)
            return rc;
    }
    if (size)
        memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
    return WEIR_OK;
}

static inline WEIR_CHECK weir_code weir__buffer_add_byte(weir_buffer *buffer, uint8_t byte)
{
    return weir__buffer_add(buffer, &byte, 1);
}

static inline WEIR_CHECK weir_code weir__buffer_add_text(weir_buffer *buffer, const char *text)
{
    return weir__buffer_add(buffer, text, strlen(text));
}

/* Keeps the room that was allocated. */
static inline void weir__buffer_reset(weir_buffer *buffer)
{
    buffer->size = 0;
    buffer->is_over = false;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------ */

static inline weir_bytes weir__bytes(const void *data, size_t size)
{
    weir_bytes bytes = { data ? data : (const void *)"", size };

    return bytes;
}

static inline weir_bytes weir__bytes_text(const char *text)
{
    return weir__bytes(text, strlen(text));
}

static inline bool weir__bytes_equal(weir_bytes a, weir_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* As memcmp, the shorter one first where one begins the other. */
static inline int weir__bytes_compare(weir_bytes a, weir_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

    return order ? order : (a.size > b.size) - (a.size < b.size);
}

#endif
