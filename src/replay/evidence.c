/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence as cells of a store:
 *
 *   key := 'O' run id            path := number (8) partition (4) offset (8)    value := size of key (4) key value
 *   key := 'J' run id            path := place (8)                              value := the entry, sealed
 *
 * Numbers are big-endian, so that paths are in their order; NONE stands for the size of a key that is none.
 */
#include "replay/evidence.h"

#include <string.h>

#include "base/big_endian.h"

enum { COMMIT_BYTES = 8 << 20, OUTPUT_PATH = 20, PLACE_PATH = 8 };

static const uint32_t NONE = UINT32_MAX;

weir_code weir__evidence_open(weir_evidence *evidence, weir_error *err)
{
    memset(evidence, 0, sizeof *evidence);
    weir__buffer_init(&evidence->name, SIZE_MAX);
    weir__buffer_init(&evidence->value, SIZE_MAX);
    return weir__scratch_open(&evidence->scratch, err);
}

void weir__evidence_close(weir_evidence *evidence)
{
    weir__buffer_clear(&evidence->name);
    weir__buffer_clear(&evidence->value);
    weir__scratch_close(&evidence->scratch);
}

/* ---- adding ------------------------------------------------------------------------------------------------------ */

static weir_code name_it(weir_evidence *evidence, char kind, weir_bytes run, weir_error *err)
{
    weir__buffer_reset(&evidence->name);
    if (weir__buffer_add_byte(&evidence->name, (uint8_t)kind) != WEIR_OK ||
        weir__buffer_add(&evidence->name, run.data, run.size) != WEIR_OK)
        return weir__fail_memory(err, "a run's evidence");
    return WEIR_OK;
}

static weir_code put(weir_evidence *evidence, weir_bytes path, weir_bytes value, weir_error *err)
{
    weir_code rc = weir__store_put(evidence->scratch.store, weir__buffer_bytes(&evidence->name), path, value, err);

    evidence->bytes += value.size + evidence->name.size + path.size;
    if (rc == WEIR_OK && evidence->bytes >= COMMIT_BYTES)
        rc = weir__evidence_settle(evidence, err);
    return rc;
}

weir_code weir__evidence_add_output(weir_evidence *evidence, weir_bytes run, const weir_found_output *output,
                                    weir_error *err)
{
    uint8_t path[OUTPUT_PATH], size[4];
    weir_code rc = name_it(evidence, 'O', run, err);

    if (rc != WEIR_OK)
        return rc;
    weir__put_64(path, output->number);
    weir__put_32(path + 8, (uint32_t)output->partition);
    weir__put_64(path + 12, (uint64_t)output->offset);
    weir__put_32(size, output->key.data ? (uint32_t)output->key.size : NONE);
    weir__buffer_reset(&evidence->value);
    if (weir__buffer_add(&evidence->value, size, sizeof size) != WEIR_OK ||
        (output->key.size && weir__buffer_add(&evidence->value, output->key.data, output->key.size) != WEIR_OK) ||
        (output->value.size && weir__buffer_add(&evidence->value, output->value.data, output->value.size) != WEIR_OK))
        return weir__fail_memory(err, "a run's evidence");
    return put(evidence, weir__bytes(path, sizeof path), weir__buffer_bytes(&evidence->value), err);
}

weir_code weir__evidence_add_entry(weir_evidence *evidence, const char *run, int64_t place, weir_bytes sealed,
                                   weir_error *err)
{
    uint8_t path[PLACE_PATH];
    weir_code rc = name_it(evidence, 'J', weir__bytes_text(run), err);

    weir__put_64(path, (uint64_t)place);
    return rc == WEIR_OK ? put(evidence, weir__bytes(path, sizeof path), sealed, err) : rc;
}

weir_code weir__evidence_settle(weir_evidence *evidence, weir_error *err)
{
    evidence->bytes = 0;
    return weir__store_commit(evidence->scratch.store, err);
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static bool read_output(weir_bytes path, weir_bytes value, weir_found_output *output)
{
    uint32_t size;

    if (path.size != OUTPUT_PATH || value.size < 4)
        return false;
    size = weir__get_32(value.data);
    if (size != NONE && size > value.size - 4)
        return false;
    output->number = weir__get_64(path.data);
    output->partition = (int32_t)weir__get_32(path.data + 8);
    output->offset = (int64_t)weir__get_64(path.data + 12);
    output->key = size == NONE ? (weir_bytes){ NULL, 0 } : weir__bytes(value.data + 4, size);
    if (size == NONE)
        size = 0;
    output->value = weir__bytes(value.data + 4 + size, value.size - 4 - size);
    return true;
}

static weir_code fail_damaged(weir_error *err)
{
    return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "what was noted under TMPDIR does not read back as it was");
}

typedef struct outputs {
    weir_arena *arena;
    weir_found_output *items;
    size_t count, capacity;
} outputs;

static weir_code take_output(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    outputs *to = context;
    weir_found_output *item;

    (void)key;
    if (to->count == to->capacity) {
        size_t capacity = to->capacity ? 2 * to->capacity : 4;

        to->items = weir__arena_resize(to->arena, to->items, to->capacity * sizeof *to->items,
                                       capacity * sizeof *to->items);
        if (!to->items)
            return weir__fail_memory(err, "a run's outputs");
        to->capacity = capacity;
    }
    item = &to->items[to->count++];
    if (!read_output(path, value, item))
        return fail_damaged(err);
    item->value = weir__arena_copy(to->arena, item->value);
    if (item->key.data)
        item->key = weir__arena_copy(to->arena, item->key);
    return item->value.data ? WEIR_OK : weir__fail_memory(err, "a run's outputs");
}

weir_code weir__evidence_outputs(weir_evidence *evidence, const char *run, weir_arena *arena,
                                 weir_found_output **found, size_t *count, weir_error *err)
{
    outputs to = { .arena = arena };
    weir_code rc = name_it(evidence, 'O', weir__bytes_text(run), err);

    if (rc == WEIR_OK)
        rc = weir__store_load(evidence->scratch.store, weir__buffer_bytes(&evidence->name), take_output, &to, err);
    *found = to.items;
    *count = to.count;
    return rc;
}

typedef struct entries {
    weir_arena *arena;
    weir_entry **tail;
} entries;

static weir_code take_entry(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    entries *to = context;
    weir_code rc = weir__entry_open(value, to->arena, to->tail, err);

    (void)key;
    (void)path;
    if (rc != WEIR_OK)
        return rc;
    (*to->tail)->is_found = true;
    to->tail = &(*to->tail)->next;
    return WEIR_OK;
}

weir_code weir__evidence_entries(weir_evidence *evidence, const char *run, weir_arena *arena, weir_entry **first,
                                 weir_error *err)
{
    entries to = { .arena = arena, .tail = first };
    weir_code rc = name_it(evidence, 'J', weir__bytes_text(run), err);

    *first = NULL;
    if (rc == WEIR_OK)
        rc = weir__store_load(evidence->scratch.store, weir__buffer_bytes(&evidence->name), take_entry, &to, err);
    if (rc == WEIR_OK)
        *to.tail = NULL;
    return rc;
}

typedef struct walk {
    weir_evidence_fn fn;
    void *context;
} walk;

static weir_code pass_on(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    const walk *to = context;
    weir_found_output output;

    if (!key.size || key.data[0] != 'O')
        return WEIR_OK;
    if (!read_output(path, value, &output))
        return fail_damaged(err);
    return to->fn(to->context, weir__bytes(key.data + 1, key.size - 1), &output, err);
}

weir_code weir__evidence_walk(weir_evidence *evidence, weir_evidence_fn fn, void *context, weir_error *err)
{
    walk to = { fn, context };

    return weir__store_scan_from(evidence->scratch.store, weir__bytes_text("O"), pass_on, &to, err);
}
