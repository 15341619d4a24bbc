/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a cut. Both lists lie in buffers, so that the loop's thread only copies bytes:
 *
 *   record := topic (1) headers (1) timestamp (8) key value { name value }
 *   change := kind (1) number (8) place (8) key path value
 *   field  := size (4; NONE where there is none) bytes
 *
 * Numbers are native. A name's NUL goes along, so that it can be read back as a string.
 */
#include "host/part.h"

#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"

static const uint32_t NONE = UINT32_MAX;

void weir__part_init(weir_part *part)
{
    memset(part, 0, sizeof *part);
    weir__buffer_init(&part->records, SIZE_MAX);
    weir__buffer_init(&part->changes, SIZE_MAX);
}

void weir__part_clear(weir_part *part)
{
    weir__buffer_clear(&part->records);
    weir__buffer_clear(&part->changes);
    free(part->open);
    part->open = NULL;
    part->open_capacity = 0;
}

void weir__part_reset(weir_part *part)
{
    weir__buffer_reset(&part->records);
    weir__buffer_reset(&part->changes);
    part->tuple.open_count = 0;
    part->is_used = false;
    part->outputs = 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static uint8_t *put_field(uint8_t *at, weir_bytes bytes)
{
    uint32_t size = bytes.data ? (uint32_t)bytes.size : NONE;

    memcpy(at, &size, sizeof size);
    at += sizeof size;
    if (bytes.data && bytes.size) {
        memcpy(at, bytes.data, bytes.size);
        at += bytes.size;
    }
    return at;
}

/* With the NUL, so that it can be read back as a string. */
static weir_bytes name_of(const weir_header *header)
{
    return weir__bytes(header->name, strlen(header->name) + 1);
}

weir_code weir__part_send(weir_part *part, weir_part_topic topic, int64_t timestamp_ms, weir_bytes key,
                          weir_bytes value, const weir_header *headers, size_t header_count)
{
    size_t size = 2 + sizeof timestamp_ms + 2 * sizeof(uint32_t) + key.size + value.size;
    uint8_t *at;
    weir_code rc;

    for (size_t i = 0; i < header_count; i++)
        size += 2 * sizeof(uint32_t) + name_of(&headers[i]).size + headers[i].value.size;
    rc = weir__buffer_reserve(&part->records, size);
    if (rc != WEIR_OK)
        return rc;
    at = part->records.data + part->records.size;
    *at++ = (uint8_t)topic;
    *at++ = (uint8_t)header_count;
    memcpy(at, &timestamp_ms, sizeof timestamp_ms);
    at = put_field(at + sizeof timestamp_ms, key);
    at = put_field(at, value);
    for (size_t i = 0; i < header_count; i++) {
        at = put_field(at, name_of(&headers[i]));
        at = put_field(at, headers[i].value);
    }
    part->records.size = (size_t)(at - part->records.data);
    part->is_used = true;
    part->outputs += topic == WEIR__TO_OUTPUT;
    return WEIR_OK;
}

static weir_code add_change(weir_part *part, const weir_change *change)
{
    const weir_change_key *key = &change->key;
    size_t size = 1 + 2 * sizeof(int64_t) + 3 * sizeof(uint32_t) + key->key.size + key->path.size + change->value.size;
    weir_code rc = weir__buffer_reserve(&part->changes, size);
    uint8_t *at;

    if (rc != WEIR_OK)
        return rc;
    at = part->changes.data + part->changes.size;
    *at++ = (uint8_t)key->kind;
    memcpy(at, &key->number, sizeof key->number);
    at += sizeof key->number;
    memcpy(at, &key->place, sizeof key->place);
    at = put_field(at + sizeof key->place, key->key);
    at = put_field(at, key->path);
    at = put_field(at, change->value);
    part->changes.size = (size_t)(at - part->changes.data);
    part->is_used = true;
    return WEIR_OK;
}

weir_code weir__part_put_cell(weir_part *part, weir_bytes key, weir_bytes path, weir_bytes value)
{
    weir_change change = { { .kind = WEIR__CHANGE_CELL, .key = key, .path = path }, value };

    return add_change(part, &change);
}

weir_code weir__part_delete_cell(weir_part *part, weir_bytes key, weir_bytes path)
{
    weir_change change = { { .kind = WEIR__CHANGE_CELL, .key = key, .path = path }, { NULL, 0 } };

    return add_change(part, &change);
}

weir_code weir__part_put_input(weir_part *part, int64_t number, weir_bytes record)
{
    weir_change change = { { .kind = WEIR__CHANGE_INPUT, .number = number }, record };

    return add_change(part, &change);
}

weir_code weir__part_put_entry(weir_part *part, int64_t number, int64_t place, weir_bytes sealed)
{
    weir_change change = { { .kind = WEIR__CHANGE_ENTRY, .number = number, .place = place }, sealed };

    return add_change(part, &change);
}

weir_code weir__part_delete_input(weir_part *part, int64_t number, const int64_t *places, size_t count)
{
    weir_change change = { { .kind = WEIR__CHANGE_INPUT, .number = number }, { NULL, 0 } };
    weir_code rc = add_change(part, &change);

    change.key.kind = WEIR__CHANGE_ENTRY;
    for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
        change.key.place = places[i];
        rc = add_change(part, &change);
    }
    return rc;
}

weir_code weir__part_add_open(weir_part *part, int64_t offset)
{
    if (part->tuple.open_count == part->open_capacity) {
        size_t capacity = part->open_capacity ? part->open_capacity * 2 : 64;
        int64_t *open = realloc(part->open, capacity * sizeof *open);

        if (!open)
            return WEIR_NO_MEMORY;
        part->open = open;
        part->open_capacity = capacity;
    }
    part->open[part->tuple.open_count++] = offset;
    return WEIR_OK;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static weir_bytes take_field(const uint8_t **at)
{
    weir_bytes bytes = { NULL, 0 };
    uint32_t size;

    memcpy(&size, *at, sizeof size);
    *at += sizeof size;
    if (size == NONE)
        return bytes;
    bytes = weir__bytes(*at, size);
    *at += size;
    return bytes;
}

weir_code weir__part_records(const weir_part *part, weir_part_record_fn fn, void *context, weir_error *err)
{
    const uint8_t *at = part->records.data, *end = part->records.data + part->records.size;
    weir_header headers[WEIR__PART_HEADERS];
    weir_code rc = WEIR_OK;

    while (rc == WEIR_OK && at < end) {
        weir_produce record = { .partition = -1, .headers = headers };
        weir_part_topic topic = (weir_part_topic)*at++;

        record.header_count = *at++;
        memcpy(&record.timestamp_ms, at, sizeof record.timestamp_ms);
        at += sizeof record.timestamp_ms;
        record.key = take_field(&at);
        record.value = take_field(&at);
        for (size_t i = 0; i < record.header_count; i++) {
            headers[i].name = (const char *)take_field(&at).data;
            headers[i].value = take_field(&at);
        }
        rc = fn(context, topic, &record, err);
    }
    return rc;
}

weir_code weir__part_changes(const weir_part *part, weir_part_change_fn fn, void *context, weir_error *err)
{
    const uint8_t *at = part->changes.data, *end = part->changes.data + part->changes.size;
    weir_code rc = WEIR_OK;

    while (rc == WEIR_OK && at < end) {
        weir_change change = { .key.kind = (weir_change_kind)*at++ };

        memcpy(&change.key.number, at, sizeof change.key.number);
        at += sizeof change.key.number;
        memcpy(&change.key.place, at, sizeof change.key.place);
        at += sizeof change.key.place;
        change.key.key = take_field(&at);
        change.key.path = take_field(&at);
        change.value = take_field(&at);
        rc = fn(context, &change, err);
    }
    return rc;
}

/* ---- into a store ------------------------------------------------------------------------------------------------ */

weir_code weir__change_store(const weir_change *change, weir_store *store, weir_error *err)
{
    const weir_change_key *key = &change->key;
    uint8_t number[8];
    weir_bytes owner = { number, sizeof number };
    weir_code rc = WEIR_OK;

    weir__put_64(number, (uint64_t)key->number);
    switch (key->kind) {
    case WEIR__CHANGE_CELL:
        return change->value.data ? weir__store_put(store, key->key, key->path, change->value, err)
                                  : weir__store_delete(store, key->key, key->path, err);
    case WEIR__CHANGE_INPUT:
        if (change->value.data)
            return weir__store_log_put(store, "inbox", owner, 0, change->value, err);
        rc = weir__store_log_delete(store, "inbox", owner, err);
        return rc == WEIR_OK ? weir__store_log_delete(store, "journal", owner, err) : rc;
    case WEIR__CHANGE_ENTRY: /* one that is deleted went with its input */
        return change->value.data ? weir__store_log_put(store, "journal", owner, key->place, change->value, err) : rc;
    case WEIR__CHANGE_TUPLE:
        break;
    }
    return rc;
}
