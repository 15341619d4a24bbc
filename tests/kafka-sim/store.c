/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the place of src/store: the same functions over sorted arrays, one store for each folder. A commit is one step:
 * it is there whole, or not at all. A store is its holder's for as long as it is open; the dead hold nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

#include "agent/cells.h"
#include "base/big_endian.h"
#include "stage.h"

enum { STORES = 32 };

typedef struct row {
    weir_bytes key, path, value; /* path: of a cell; the name of a stream's record is its key */
    int64_t number;
} row;

typedef struct map {
    row *rows;
    size_t count, capacity;
} map;

typedef enum table { CELLS, INBOX, JOURNAL, POSITIONS, TABLES } table;

typedef struct kept {
    char folder[64];
    int32_t partition;
    bool exists;
    map tables[TABLES];
    const sim_process *holder;
} kept;

typedef struct pending {
    struct pending *next;
    table of;
    bool is_deletion, is_whole_key;
    row what;
} pending;

struct weir_store {
    kept *in;
    sim_process *process;
    pending *first, **tail;
};

static kept all[STORES];
static size_t store_count;

void store_begin(void)
{
    memset(all, 0, sizeof all);
    store_count = 0;
}

/* ---- maps -------------------------------------------------------------------------------------------------------- */

static int compare(const row *a, const row *b)
{
    int order = weir__bytes_compare(a->key, b->key);

    if (!order)
        order = weir__bytes_compare(a->path, b->path);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static size_t find(const map *in, const row *what, bool *found)
{
    size_t at = 0;

    while (at < in->count && compare(&in->rows[at], what) < 0)
        at++;
    *found = at < in->count && compare(&in->rows[at], what) == 0;
    return at;
}

static void take_out(map *in, size_t at)
{
    memmove(&in->rows[at], &in->rows[at + 1], (in->count - at - 1) * sizeof *in->rows);
    in->count--;
}

static void put(map *in, const row *what)
{
    bool found;
    size_t at = find(in, what, &found);

    if (!found) {
        if (in->count == in->capacity) {
            size_t capacity = in->capacity ? in->capacity * 2 : 32;
            row *rows = sim_alloc(capacity * sizeof *rows);

            if (in->count)
                memcpy(rows, in->rows, in->count * sizeof *rows);
            in->rows = rows;
            in->capacity = capacity;
        }
        memmove(&in->rows[at + 1], &in->rows[at], (in->count - at) * sizeof *in->rows);
        in->count++;
    }
    in->rows[at] = *what;
}

static void apply(kept *to, const pending *write)
{
    map *in = &to->tables[write->of];
    bool found;
    size_t at;

    if (!write->is_deletion) {
        put(in, &write->what);
        return;
    }
    if (!write->is_whole_key) {
        at = find(in, &write->what, &found);
        if (found)
            take_out(in, at);
        return;
    }
    for (at = in->count; at-- > 0;) {
        if (weir__bytes_equal(in->rows[at].key, write->what.key))
            take_out(in, at);
    }
}

/* ---- what befalls the files -------------------------------------------------------------------------------------- */

static kept *find_store(const char *folder)
{
    for (size_t i = 0; i < store_count; i++) {
        if (strcmp(all[i].folder, folder) == 0)
            return &all[i];
    }
    if (store_count == STORES)
        abort();
    (void)snprintf(all[store_count].folder, sizeof all->folder, "%s", folder);
    all[store_count].partition = (int32_t)strtol(strrchr(folder, '/') + 1, NULL, 10);
    return &all[store_count++];
}

void store_remove(const char *path)
{
    const char *end = strstr(path, "/state.db");

    for (size_t i = 0; end && i < store_count; i++) {
        if (strlen(all[i].folder) == (size_t)(end - path) && strncmp(all[i].folder, path, (size_t)(end - path)) == 0) {
            memset(all[i].tables, 0, sizeof all[i].tables);
            all[i].exists = false;
        }
    }
}

void store_age(int64_t by_ms)
{
    for (size_t i = 0; i < store_count; i++) {
        row what = { .key = weir__bytes_text("changelog") };
        bool found;
        size_t at = find(&all[i].tables[POSITIONS], &what, &found);
        weir_bytes value;

        if (!found)
            continue;
        value = sim_copy(all[i].tables[POSITIONS].rows[at].value);
        weir__put_64((uint8_t *)(uintptr_t)value.data + 8, weir__get_64(value.data + 8) - (uint64_t)by_ms);
        all[i].tables[POSITIONS].rows[at].value = value;
    }
}

/* ---- the room's functions ---------------------------------------------------------------------------------------- */

static weir_code fail(weir_error *err, const char *what)
{
    return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "%s failed", what);
}

weir_code weir__store_open(const weir_store_options *options, weir_store **out, weir_error *err)
{
    weir_store *store;
    kept *in;

    if (!sim_step("store open"))
        return fail(err, "opening the store");
    in = find_store(options->folder);
    if (in->holder && !in->holder->is_dead)
        sim_violate("'%s' is opened twice", options->folder);
    store = calloc(1, sizeof *store);
    if (!store)
        abort();
    in->exists = true;
    in->holder = sim_here();
    store->in = in;
    store->process = sim_here();
    store->tail = &store->first;
    *out = store;
    return WEIR_OK;
}

void weir__store_error_context(const weir_store *store, weir_error *err)
{
    (void)store;
    weir__error_context(err, "state");
}

void weir__store_close(weir_store *store)
{
    if (store && store->in->holder == store->process)
        store->in->holder = NULL;
    free(store);
}

bool weir__store_is_new(const weir_store *store)
{
    return store->in->tables[POSITIONS].count == 0;
}

static table table_of(const char *stream)
{
    return strcmp(stream, "inbox") == 0 ? INBOX : JOURNAL;
}

static weir_code collect(weir_store *store, pending write, weir_error *err)
{
    pending *made;

    if (store->process->is_dead)
        return fail(err, "a write");
    made = sim_alloc(sizeof *made);
    *made = write;
    made->what.key = sim_copy(write.what.key);
    made->what.path = sim_copy(write.what.path);
    made->what.value = sim_copy(write.what.value);
    *store->tail = made;
    store->tail = &made->next;
    return WEIR_OK;
}

weir_code weir__store_put(weir_store *store, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    return collect(store, (pending){ .of = CELLS, .what = { key, path, value, 0 } }, err);
}

weir_code weir__store_delete(weir_store *store, weir_bytes key, weir_bytes path, weir_error *err)
{
    return collect(store, (pending){ .of = CELLS, .is_deletion = true, .what = { key, path, { NULL, 0 }, 0 } }, err);
}

weir_code weir__store_log_put(weir_store *store, const char *stream, weir_bytes owner, int64_t number,
                              weir_bytes record, weir_error *err)
{
    return collect(store, (pending){ .of = table_of(stream), .what = { owner, { NULL, 0 }, record, number } }, err);
}

weir_code weir__store_log_delete(weir_store *store, const char *stream, weir_bytes owner, weir_error *err)
{
    return collect(store,
                   (pending){ .of = table_of(stream), .is_deletion = true, .is_whole_key = true,
                              .what = { owner, { NULL, 0 }, { NULL, 0 }, 0 } },
                   err);
}

weir_code weir__store_set_position(weir_store *store, const char *name, weir_bytes value, weir_error *err)
{
    return collect(store, (pending){ .of = POSITIONS, .what = { weir__bytes_text(name), { NULL, 0 }, value, 0 } }, err);
}

weir_code weir__store_commit(weir_store *store, weir_error *err)
{
    if (!sim_step("store commit"))
        return fail(err, "a commit");
    store->process->is_committing = false;
    for (const pending *write = store->first; write; write = write->next) {
        apply(store->in, write);
        if (write->of == POSITIONS && weir__bytes_equal(write->what.key, weir__bytes_text("tuple")))
            watch_store(store->in->partition, write->what.value);
    }
    store->first = NULL;
    store->tail = &store->first;
    return sim_step("store committed") ? WEIR_OK : fail(err, "a commit");
}

weir_code weir__store_load(weir_store *store, weir_bytes key, weir_store_cell_fn fn, void *context, weir_error *err)
{
    const map *in = &store->in->tables[CELLS];
    weir_code rc = WEIR_OK;

    if (store->process->is_dead)
        return fail(err, "a read");
    for (size_t i = 0; i < in->count && rc == WEIR_OK; i++) {
        if (weir__bytes_equal(in->rows[i].key, key))
            rc = fn(context, in->rows[i].key, in->rows[i].path, in->rows[i].value, err);
    }
    return rc;
}

weir_code weir__store_scan(weir_store *store, weir_store_cell_fn fn, void *context, weir_error *err)
{
    const map *in = &store->in->tables[CELLS];
    weir_code rc = store->process->is_dead ? fail(err, "a read") : WEIR_OK;

    for (size_t i = 0; i < in->count && rc == WEIR_OK; i++)
        rc = fn(context, in->rows[i].key, in->rows[i].path, in->rows[i].value, err);
    return rc;
}

weir_code weir__store_scan_from(weir_store *store, weir_bytes from, weir_store_cell_fn fn, void *context,
                                weir_error *err)
{
    const map *in = &store->in->tables[CELLS];
    weir_code rc = store->process->is_dead ? fail(err, "a read") : WEIR_OK;

    for (size_t i = 0; i < in->count && rc == WEIR_OK; i++) {
        if (weir__bytes_compare(in->rows[i].key, from) >= 0)
            rc = fn(context, in->rows[i].key, in->rows[i].path, in->rows[i].value, err);
    }
    return rc;
}

/* Whether a key is there that has been over for a whole time-to-live. */
bool store_is_swept(int32_t partition, int64_t ttl_ms)
{
    int64_t now_ms = 0;
    bool is_swept = true;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < store_count; i++) {
            const map *in = &all[i].tables[CELLS];
            bool is_over = true;

            if (all[i].partition != partition || !all[i].holder || all[i].holder->is_dead)
                continue;
            for (size_t j = 0; j < in->count; j++) {
                weir_cell cell = { .has_time = false };
                bool is_last = j + 1 == in->count || !weir__bytes_equal(in->rows[j].key, in->rows[j + 1].key);

                if (weir__cell_decode(in->rows[j].path, in->rows[j].value, &cell) && cell.touched_ms > now_ms)
                    now_ms = cell.touched_ms;
                is_over &= weir__cell_is_over(&cell, 2 * ttl_ms, now_ms - ttl_ms / 4);
                if (is_last && pass == 1 && is_over)
                    is_swept = false;
                is_over |= is_last;
            }
        }
    }
    return is_swept;
}

weir_code weir__store_log_scan(weir_store *store, const char *stream, weir_store_record_fn fn, void *context,
                               weir_error *err)
{
    const map *in = &store->in->tables[table_of(stream)];
    weir_code rc = store->process->is_dead ? fail(err, "a read") : WEIR_OK;

    for (size_t i = 0; i < in->count && rc == WEIR_OK; i++)
        rc = fn(context, in->rows[i].key, in->rows[i].number, in->rows[i].value, err);
    return rc;
}

weir_code weir__store_position(weir_store *store, const char *name, weir_buffer *value, bool *found, weir_error *err)
{
    row what = { .key = weir__bytes_text(name) };
    const map *in = &store->in->tables[POSITIONS];
    size_t at;

    if (!sim_step("store position"))
        return fail(err, "a read");
    at = find(in, &what, found);
    weir__buffer_reset(value);
    return *found ? weir__buffer_add(value, in->rows[at].value.data, in->rows[at].value.size) : WEIR_OK;
}
