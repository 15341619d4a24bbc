/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the record reader must give, told the slow and plain way: from the whole input in memory, with no state but a
 * position. The reader's unit tests and its fuzz target compare with it.
 */
#ifndef WEIR_TESTS_NAIVE_RECORDS_H
#define WEIR_TESTS_NAIVE_RECORDS_H

#include <stdlib.h>
#include <string.h>

#include "host/reader.h"

typedef struct naive_record {
    size_t begin;
    size_t end; /* behind its last non-blank byte */
    weir_reader_place at;
    weir_reader_place next;
} naive_record;

typedef struct naive_records {
    naive_record *items;
    size_t count;
    bool is_invalid; /* behind the last item the input cannot be split */
    size_t where;    /* the byte where that shows */
} naive_records;

static inline bool naive_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The place of a byte; lines are counted from an earlier place on. */
static inline weir_reader_place naive_place(const uint8_t *data, const weir_reader_place *from, size_t at, size_t index)
{
    weir_reader_place place = { at, from ? from->line : 0, index, false, false };
    size_t i;

    for (i = from ? (size_t)from->offset : 0; i < at; i++)
        place.line += data[i] == '\n';
    return place;
}

static inline void naive_add(naive_records *records, const uint8_t *data, size_t begin, size_t end, size_t next)
{
    naive_record *item;

    records->items = realloc(records->items, (records->count + 1) * sizeof *records->items);
    if (!records->items)
        abort();
    item = &records->items[records->count];
    item->begin = begin;
    item->end = end;
    item->at = naive_place(data, records->count ? &item[-1].next : NULL, begin, records->count);
    item->next = naive_place(data, &item->at, next, records->count + 1);
    records->count++;
}

static inline naive_records naive_invalid(naive_records records, size_t where)
{
    records.is_invalid = true;
    records.where = where;
    return records;
}

static inline size_t naive_skip(const uint8_t *data, size_t size, size_t at)
{
    while (at < size && naive_is_blank(data[at]))
        at++;
    return at;
}

/* Behind the element that begins at `at`; SIZE_MAX when it does not end. */
static inline size_t naive_element(const uint8_t *data, size_t size, size_t at)
{
    size_t depth = 0;

    if (!strchr("\"[{", data[at]) || data[at] == 0) {
        while (at < size && (data[at] == 0 || !strchr(" \t\r\n\",:[]{}", data[at])))
            at++;
        return at < size ? at : SIZE_MAX;
    }
    while (at < size) {
        uint8_t byte = data[at++];

        if (byte == '"') {
            while (at < size && data[at] != '"')
                at += data[at] == '\\' ? 2 : 1;
            if (at >= size)
                return SIZE_MAX;
            at++;
        } else if (byte == '[' || byte == '{') {
            depth++;
        } else if (byte == ']' || byte == '}') {
            depth--;
        }
        if (depth == 0)
            return at;
    }
    return SIZE_MAX;
}

static inline naive_records naive_split_array(const uint8_t *data, size_t size, size_t at)
{
    naive_records records = { NULL, 0, false, 0 };
    bool behind_comma = false;

    for (;;) {
        size_t end;

        at = naive_skip(data, size, at);
        if (at == size)
            return naive_invalid(records, size);
        if (data[at] == ']' && !behind_comma)
            break;
        if (data[at] == ',' || data[at] == ']' || data[at] == '}' || data[at] == ':')
            return naive_invalid(records, at);
        end = naive_element(data, size, at);
        if (end == SIZE_MAX)
            return naive_invalid(records, size);
        naive_add(&records, data, at, end, end);
        records.items[records.count - 1].at.in_array = true;
        records.items[records.count - 1].next.in_array = true;
        records.items[records.count - 1].next.after_value = true;
        at = naive_skip(data, size, end);
        if (at == size)
            return naive_invalid(records, size);
        if (data[at] == ']')
            break;
        if (data[at] != ',')
            return naive_invalid(records, at);
        behind_comma = true;
        at++;
    }
    at = naive_skip(data, size, at + 1);
    return at == size ? records : naive_invalid(records, at);
}

/* Free with free(records.items). */
static inline naive_records naive_split(const uint8_t *data, size_t size)
{
    naive_records records = { NULL, 0, false, 0 };
    size_t at = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    size_t first = naive_skip(data, size, at);

    if (first < size && data[first] == '[')
        return naive_split_array(data, size, first + 1);
    while (at < size) {
        size_t end = at;
        size_t next, begin;

        while (end < size && data[end] != '\n')
            end++;
        next = end < size ? end + 1 : end;
        begin = naive_skip(data, end, at);
        while (end > begin && naive_is_blank(data[end - 1]))
            end--;
        if (begin < end)
            naive_add(&records, data, begin, end, next);
        at = next;
    }
    return records;
}

#endif
