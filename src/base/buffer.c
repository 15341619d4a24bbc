/* SPDX-License-Identifier: Apache-2.0 */
/* Growing buffers. */
#include "base/buffer.h"

#include <stdlib.h>

void weir__buffer_init(weir_buffer *buffer, size_t maximum)
{
    memset(buffer, 0, sizeof *buffer);
    buffer->maximum = maximum;
}

void weir__buffer_clear(weir_buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->size = 0;
    buffer->capacity = 0;
    buffer->is_over = false;
}

weir_code weir__buffer_reserve(weir_buffer *buffer, size_t size)
{
    size_t need = buffer->size + size;
    size_t capacity = buffer->capacity ? buffer->capacity : 64;
    uint8_t *data;

    if (need < size || need > buffer->maximum) {
        buffer->is_over = true;
        return WEIR_LIMIT;
    }
    if (need <= buffer->capacity)
        return WEIR_OK;
    while (capacity < need)
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    if (capacity > buffer->maximum)
        capacity = buffer->maximum;
    data = realloc(buffer->data, capacity);
    if (!data) {
        buffer->is_over = true;
        return WEIR_NO_MEMORY;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return WEIR_OK;
}

weir_bytes weir__buffer_bytes(const weir_buffer *buffer)
{
    return weir__bytes(buffer->data, buffer->size);
}

weir_code weir_buffer_append(weir_buffer *buffer, const void *data, size_t size)
{
    return weir__buffer_add(buffer, data, size);
}
