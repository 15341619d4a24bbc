/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <stdlib.h>
#include <string.h>

/*
 * Commit n replaces cell n % KEYS by a value that n fills, some of them over several pages; writes record n of the log
 * for owner n % OWNERS, and deletes the log of one owner every few commits.
 */
enum { KEYS = 20, LONGEST = 9000, OWNERS = 3, FORGET = 7 };

static size_t value_size(int64_t number)
{
    return (size_t)(number * 7919) % (number % 5 ? 600 : LONGEST);
}

static void fill(uint8_t *value, size_t size, int64_t number)
{
    uint64_t x = (uint64_t)number;

    for (size_t i = 0; i < size; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        value[i] = (uint8_t)(x >> 56);
    }
}

weir_code history_write(weir_store *store, int64_t number, weir_error *err)
{
    static uint8_t value[LONGEST];
    uint8_t key = (uint8_t)(number % KEYS), owner = (uint8_t)(number % OWNERS);
    size_t size = value_size(number);
    weir_code rc;

    fill(value, size, number);
    rc = weir__store_put(store, weir__bytes(&key, 1), weir__bytes_text("path"), weir__bytes(value, size), err);
    if (rc == WEIR_OK && number % FORGET == 0)
        rc = weir__store_log_delete(store, "log", weir__bytes(&owner, 1), err);
    if (rc == WEIR_OK)
        rc = weir__store_log_put(store, "log", weir__bytes(&owner, 1), number, weir__bytes(value, size % 100), err);
    if (rc == WEIR_OK)
        rc = weir__store_set_position(store, "history", weir__bytes(value, size % 50), err);
    return rc;
}

typedef struct checking {
    int64_t number;
    int64_t seen;
    bool is_right;
} checking;

static weir_code check_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    static uint8_t expected[LONGEST];
    checking *work = context;
    int64_t number;

    (void)err;
    work->seen++;
    if (key.size != 1 || key.data[0] >= KEYS || !weir__bytes_equal(path, weir__bytes_text("path"))) {
        work->is_right = false;
        return WEIR_OK;
    }
    number = work->number - (work->number - key.data[0] + KEYS) % KEYS; /* the last one of that key */
    fill(expected, value_size(number), number);
    if (number < 2 || !weir__bytes_equal(value, weir__bytes(expected, value_size(number))))
        work->is_right = false;
    return WEIR_OK;
}

/* Whether the log holds record `of`: its owner was not forgotten behind it. */
static bool has_record(int64_t of, int64_t number)
{
    for (int64_t later = of + 1; later <= number; later++)
        if (later % FORGET == 0 && later % OWNERS == of % OWNERS)
            return false;
    return of >= 2 && of <= number;
}

static weir_code check_record(void *context, weir_bytes owner, int64_t of, weir_bytes record, weir_error *err)
{
    static uint8_t expected[LONGEST];
    checking *work = context;

    (void)err;
    work->seen++;
    fill(expected, value_size(of) % 100, of);
    if (owner.size != 1 || owner.data[0] != of % OWNERS || !has_record(of, work->number) ||
        !weir__bytes_equal(record, weir__bytes(expected, value_size(of) % 100)))
        work->is_right = false;
    return WEIR_OK;
}

static weir_code check_positions(weir_store *store, checking *work, weir_error *err)
{
    uint8_t expected[50];
    weir_buffer value;
    bool found = false;
    weir_code rc;

    weir__buffer_init(&value, SIZE_MAX);
    rc = weir__store_position(store, "#commit", &value, &found, err);
    if (rc != WEIR_OK)
        goto out;
    work->is_right = found && value.size == 8;
    for (size_t i = 0; i < value.size && i < 8; i++)
        work->number = work->number << 8 | value.data[i];
    rc = weir__store_position(store, "history", &value, &found, err);
    if (rc != WEIR_OK)
        goto out;
    fill(expected, value_size(work->number) % 50, work->number);
    if (found != (work->number > 1) ||
        (found && !weir__bytes_equal(weir__buffer_bytes(&value),
                                     weir__bytes(expected, value_size(work->number) % 50))))
        work->is_right = false;
out:
    weir__buffer_clear(&value);
    return rc;
}

weir_code history_check(weir_store *store, int64_t *number, bool *is_right, weir_error *err)
{
    checking work = { 0 };
    int64_t expected = 0;
    weir_code rc = check_positions(store, &work, err);

    *number = work.number;
    if (rc == WEIR_OK)
        rc = weir__store_scan(store, check_cell, &work, err);
    if (work.seen != (work.number - 1 < KEYS ? work.number - 1 : KEYS))
        work.is_right = false;
    work.seen = 0;
    if (rc == WEIR_OK)
        rc = weir__store_log_scan(store, "log", check_record, &work, err);
    for (int64_t i = 2; i <= work.number; i++)
        expected += has_record(i, work.number);
    if (work.seen != expected)
        work.is_right = false;
    *is_right = work.is_right;
    return rc;
}
