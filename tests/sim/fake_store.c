/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the store's place at link time: the same functions over sorted arrays. A commit is one step: it is there
 * whole, or not at all, and it is durable. SQLite itself, on a disk that loses power, is the affair of tests/torture.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#include "base/big_endian.h"
#include "base/buffer.h"
#include "store/store.h"

enum { STREAMS = 4, POSITIONS = 8 };

/* A row of a map: (key, path) for cells, (owner, number) for records. */
typedef struct row {
    weir_bytes key, path, value;
    int64_t number;
} row;

typedef struct map {
    char name[32];
    row *rows;
    size_t count, capacity;
} map;

typedef enum write_kind { WRITE_PUT, WRITE_DELETE, WRITE_LOG_PUT, WRITE_LOG_DELETE, WRITE_POSITION } write_kind;

typedef struct pending_write {
    struct pending_write *next;
    write_kind kind;
    const char *stream;
    row what;
} pending_write;

/* What is committed. */
static struct {
    map cells, streams[STREAMS];
    size_t stream_count;
    map positions;
    bool exists;
    uint64_t commits;
    weir_store *holder; /* the process that has the lock; NULL: none */
} kept;

struct weir_store {
    bool is_new, is_broken;
    pending_write *writes, **tail;
};

/* ---- maps -------------------------------------------------------------------------------------------------------- */

static weir_bytes copy(weir_bytes bytes)
{
    uint8_t *data = sim_alloc(bytes.size + 1);

    if (bytes.size)
        memcpy(data, bytes.data, bytes.size);
    return weir__bytes(data, bytes.size);
}

static int compare(const row *a, const row *b)
{
    int order = weir__bytes_compare(a->key, b->key);

    if (!order)
        order = weir__bytes_compare(a->path, b->path);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

/* Where it is, or would be. */
static size_t find(const map *in, const row *what, bool *found)
{
    size_t low = 0, high = in->count;

    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&in->rows[middle], what);

        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void put(map *in, const row *what)
{
    bool found;
    size_t at = find(in, what, &found);

    if (found) {
        in->rows[at] = *what;
        return;
    }
    if (in->count == in->capacity) {
        in->capacity = in->capacity ? in->capacity * 2 : 64;
        in->rows = realloc(in->rows, in->capacity * sizeof *in->rows);
        if (!in->rows)
            abort();
    }
    memmove(&in->rows[at + 1], &in->rows[at], (in->count - at) * sizeof *in->rows);
    in->rows[at] = *what;
    in->count++;
}

static void take_out(map *in, size_t at, size_t count)
{
    if (count)
        memmove(&in->rows[at], &in->rows[at + count], (in->count - at - count) * sizeof *in->rows);
    in->count -= count;
}

static map *stream_named(const char *name)
{
    for (size_t i = 0; i < kept.stream_count; i++) {
        if (strcmp(kept.streams[i].name, name) == 0)
            return &kept.streams[i];
    }
    if (kept.stream_count == STREAMS)
        abort();
    (void)snprintf(kept.streams[kept.stream_count].name, sizeof kept.streams->name, "%s", name);
    kept.streams[kept.stream_count].count = 0;
    return &kept.streams[kept.stream_count++];
}

void sim_store_begin(void)
{
    kept.cells.count = 0;
    kept.positions.count = 0;
    for (size_t i = 0; i < kept.stream_count; i++)
        kept.streams[i].count = 0;
    kept.exists = false;
    kept.commits = 0;
    kept.holder = NULL;
}

void sim_store_crash(void)
{
    kept.holder = NULL;
}

void sim_store_each(const char *stream, void (*fn)(uint64_t owner, int64_t number, weir_bytes record))
{
    const map *in = stream_named(stream);

    for (size_t i = 0; i < in->count; i++)
        fn(in->rows[i].key.size == 8 ? weir__get_64(in->rows[i].key.data) : 0, in->rows[i].number, in->rows[i].value);
}

weir_bytes sim_store_get(const char *name)
{
    row what = { .key = weir__bytes_text(name) };
    bool found;
    size_t at = find(&kept.positions, &what, &found);

    return found ? kept.positions.rows[at].value : (weir_bytes){ NULL, 0 };
}

weir_bytes sim_store_cell(const char *key, const char *path)
{
    row what = { .key = weir__bytes_text(key), .path = weir__bytes_text(path) };
    bool found;
    size_t at = find(&kept.cells, &what, &found);

    return found ? kept.cells.rows[at].value : (weir_bytes){ NULL, 0 };
}

/* ---- the room's functions ---------------------------------------------------------------------------------------- */

static weir_code fail(weir_error *err, const char *what)
{
    return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "%s failed", what);
}

weir_code weir__store_open(const weir_store_options *options, weir_store **out, weir_error *err)
{
    weir_store *store;

    (void)options;
    if (!sim_step_taken(SIM_STEP_STORE_OPEN))
        return fail(err, "opening the store");
    if (kept.holder)
        sim_violate("two processes have the store");
    store = calloc(1, sizeof *store);
    if (!store)
        abort();
    store->tail = &store->writes;
    store->is_new = !kept.exists;
    kept.exists = true;
    kept.holder = store;
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
    if (store && kept.holder == store)
        kept.holder = NULL;
    free(store);
}

bool weir__store_is_new(const weir_store *store)
{
    return store->is_new;
}

static weir_code collect(weir_store *store, write_kind kind, const char *stream, row what, weir_error *err)
{
    pending_write *write;

    if (kept.holder != store || store->is_broken)
        return fail(err, "a write");
    write = sim_alloc(sizeof *write);
    write->kind = kind;
    write->stream = stream ? sim_print("%s", stream) : NULL;
    write->what = what;
    write->what.key = copy(what.key);
    write->what.path = copy(what.path);
    write->what.value = copy(what.value);
    *store->tail = write;
    store->tail = &write->next;
    return WEIR_OK;
}

weir_code weir__store_put(weir_store *store, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    return collect(store, WRITE_PUT, NULL, (row){ key, path, value, 0 }, err);
}

weir_code weir__store_delete(weir_store *store, weir_bytes key, weir_bytes path, weir_error *err)
{
    return collect(store, WRITE_DELETE, NULL, (row){ key, path, { NULL, 0 }, 0 }, err);
}

weir_code weir__store_log_put(weir_store *store, const char *stream, weir_bytes owner, int64_t number,
                              weir_bytes record, weir_error *err)
{
    return collect(store, WRITE_LOG_PUT, stream, (row){ owner, { NULL, 0 }, record, number }, err);
}

weir_code weir__store_log_delete(weir_store *store, const char *stream, weir_bytes owner, weir_error *err)
{
    return collect(store, WRITE_LOG_DELETE, stream, (row){ owner, { NULL, 0 }, { NULL, 0 }, 0 }, err);
}

weir_code weir__store_set_position(weir_store *store, const char *name, weir_bytes value, weir_error *err)
{
    return collect(store, WRITE_POSITION, NULL, (row){ weir__bytes_text(name), { NULL, 0 }, value, 0 }, err);
}

static void apply(const pending_write *write)
{
    map *in = write->stream ? stream_named(write->stream) : &kept.cells;
    bool found;
    size_t at, count = 0;

    if (write->kind == WRITE_POSITION)
        in = &kept.positions;
    switch (write->kind) {
    case WRITE_PUT:
    case WRITE_LOG_PUT:
    case WRITE_POSITION:
        put(in, &write->what);
        break;
    case WRITE_DELETE:
        at = find(in, &write->what, &found);
        if (found)
            take_out(in, at, 1);
        break;
    case WRITE_LOG_DELETE:
        for (at = 0; at < in->count && weir__bytes_compare(in->rows[at].key, write->what.key) < 0;)
            at++;
        while (at + count < in->count && weir__bytes_equal(in->rows[at + count].key, write->what.key))
            count++;
        take_out(in, at, count);
        break;
    }
}

weir_code weir__store_commit(weir_store *store, weir_error *err)
{
    bool fails;

    if (sim_is_in_task())
        sim_yield();
    if (!sim_step_taken(SIM_STEP_BEFORE_COMMIT) || kept.holder != store || store->is_broken)
        return fail(err, "a commit");
    fails = sim_is_in_task() && sim_chance((uint64_t)world->commit_fail_odds);
    if (fails && sim_chance(2)) {
        store->is_broken = true;
        sim_trace("a commit fails");
        return fail(err, "a commit");
    }
    for (const pending_write *write = store->writes; write; write = write->next)
        apply(write);
    kept.commits++;
    sim_trace("commit %llu", (unsigned long long)kept.commits);
    for (const pending_write *write = store->writes; write; write = write->next) {
        if (write->kind == WRITE_LOG_PUT && strcmp(write->stream, "journal") == 0)
            sim_watch_entry((uint64_t)write->what.number, write->what.value);
    }
    store->writes = NULL;
    store->tail = &store->writes;
    sim_watch_commit();
    if (!sim_step_taken(SIM_STEP_AFTER_COMMIT))
        return fail(err, "a commit");
    if (fails) {
        store->is_broken = true;
        sim_trace("a commit fails, late");
        return fail(err, "a commit, late");
    }
    if (sim_is_in_task())
        sim_yield();
    return WEIR_OK;
}

weir_code weir__store_load(weir_store *store, weir_bytes key, weir_store_cell_fn fn, void *context, weir_error *err)
{
    row what = { .key = key };
    weir_code rc = WEIR_OK;
    bool found;

    if (!sim_step_taken(SIM_STEP_STORE_READ) || kept.holder != store)
        return fail(err, "a read");
    for (size_t at = find(&kept.cells, &what, &found); rc == WEIR_OK && at < kept.cells.count; at++) {
        const row *cell = &kept.cells.rows[at];

        if (!weir__bytes_equal(cell->key, key))
            break;
        rc = fn(context, cell->key, cell->path, cell->value, err);
    }
    return rc;
}

weir_code weir__store_scan(weir_store *store, weir_store_cell_fn fn, void *context, weir_error *err)
{
    weir_code rc = WEIR_OK;

    if (kept.holder != store)
        return fail(err, "a read");
    for (size_t at = 0; rc == WEIR_OK && at < kept.cells.count; at++)
        rc = fn(context, kept.cells.rows[at].key, kept.cells.rows[at].path, kept.cells.rows[at].value, err);
    return rc;
}

weir_code weir__store_log_scan(weir_store *store, const char *stream, weir_store_record_fn fn, void *context,
                               weir_error *err)
{
    const map *in = stream_named(stream);
    weir_code rc = WEIR_OK;

    if (!sim_step_taken(SIM_STEP_STORE_READ) || kept.holder != store)
        return fail(err, "a read");
    for (size_t at = 0; rc == WEIR_OK && at < in->count; at++)
        rc = fn(context, in->rows[at].key, in->rows[at].number, in->rows[at].value, err);
    return rc;
}

weir_code weir__store_position(weir_store *store, const char *name, weir_buffer *value, bool *found, weir_error *err)
{
    weir_bytes position = sim_store_get(name);

    if (!sim_step_taken(SIM_STEP_STORE_READ) || kept.holder != store)
        return fail(err, "a read");
    weir__buffer_reset(value);
    *found = position.data != NULL;
    return *found ? weir__buffer_add(value, position.data, position.size) : WEIR_OK;
}
