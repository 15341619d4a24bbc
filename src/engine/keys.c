/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: an open-addressed table, and a list of idle keys by last use. */
#include "engine/keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/memory.h"
#include "base/hash.h"

typedef struct slot {
    uint64_t hash;
    weir_key *key; /* NULL: free */
} slot;

struct weir_keys {
    weir_keys_options options;
    uint64_t seed;
    slot *slots;
    size_t mask; /* slots - 1; a power of two */
    size_t count;
    size_t footprint;
    weir_key *newest, *oldest; /* idle ones */
    weir_key *dirty;
    uint64_t committed;
};

enum {
    FIRST_SLOTS = 1024,
    ALLOCATION_BYTES = 32, /* what malloc adds, roughly */
    GLANCE = 8             /* idle keys looked at for one that comes in */
};

weir_code weir__keys_new(const weir_keys_options *options, weir_keys **out, weir_error *err)
{
    weir_keys *keys = calloc(1, sizeof *keys);

    if (keys)
        keys->slots = calloc(FIRST_SLOTS, sizeof *keys->slots);
    if (!keys || !keys->slots) {
        free(keys);
        return weir__fail_memory(err, "the keys");
    }
    keys->options = *options;
    keys->seed = weir__hash_seed();
    keys->mask = FIRST_SLOTS - 1;
    *out = keys;
    return WEIR_OK;
}

static void free_key(weir_key *key)
{
    weir__cells_clear(&key->cells);
    free(key);
}

void weir__keys_free(weir_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i <= keys->mask; i++) {
        if (keys->slots[i].key)
            free_key(keys->slots[i].key);
    }
    free(keys->slots);
    free(keys);
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static uint64_t hash_key(const weir_keys *keys, uint32_t owner, weir_bytes bytes)
{
    return weir__hash(bytes, keys->seed + owner);
}

static size_t find_slot(const weir_keys *keys, uint64_t hash, uint32_t owner, weir_bytes bytes)
{
    size_t at = hash & keys->mask;

    for (const weir_key *key; (key = keys->slots[at].key); at = (at + 1) & keys->mask) {
        /* The bytes stand behind the key: taken from there, they need not wait for the pointer to them. */
        if (keys->slots[at].hash == hash && key->owner == owner &&
            weir__bytes_equal(weir__bytes(key + 1, key->bytes.size), bytes))
            break;
    }
    return at;
}

static bool grow_table(weir_keys *keys)
{
    size_t mask = keys->mask * 2 + 1;
    slot *slots;

    if (keys->count < keys->mask / 2)
        return true;
    slots = calloc(mask + 1, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i <= keys->mask; i++) {
        size_t at = keys->slots[i].hash & mask;

        if (!keys->slots[i].key)
            continue;
        while (slots[at].key)
            at = (at + 1) & mask;
        slots[at] = keys->slots[i];
    }
    free(keys->slots);
    keys->slots = slots;
    keys->mask = mask;
    return true;
}

/* Takes a key out, and moves up those that had to make way for it, so that no tombstones gather. */
static void remove_slot(weir_keys *keys, const weir_key *key)
{
    size_t hole = find_slot(keys, key->hash, key->owner, key->bytes);

    for (size_t at = (hole + 1) & keys->mask; keys->slots[at].key; at = (at + 1) & keys->mask) {
        size_t home = keys->slots[at].hash & keys->mask;

        /* It may move to the hole if that lies between its home and where it is. */
        if (((at - home) & keys->mask) >= ((at - hole) & keys->mask)) {
            keys->slots[hole] = keys->slots[at];
            hole = at;
        }
    }
    keys->slots[hole].key = NULL;
    keys->count--;
}

/* ---- idle keys --------------------------------------------------------------------------------------------------- */

static void unlink_idle(weir_keys *keys, weir_key *key)
{
    if (key->newer)
        key->newer->older = key->older;
    else
        keys->newest = key->older;
    if (key->older)
        key->older->newer = key->newer;
    else
        keys->oldest = key->newer;
    key->newer = NULL;
    key->older = NULL;
    key->is_idle = false;
}

static void link_idle(weir_keys *keys, weir_key *key)
{
    key->is_idle = true;
    key->newer = NULL;
    key->older = keys->newest;
    if (keys->newest)
        keys->newest->newer = key;
    else
        keys->oldest = key;
    keys->newest = key;
}

static size_t measure(const weir_key *key)
{
    return sizeof *key + key->bytes.size + key->cells.capacity * sizeof *key->cells.items + key->cells.bytes +
           ALLOCATION_BYTES * (2 + 2 * key->cells.count);
}

static void drop(weir_keys *keys, weir_key *key)
{
    if (key->is_idle)
        unlink_idle(keys, key);
    remove_slot(keys, key);
    keys->footprint -= key->footprint;
    free_key(key);
}

/* Oldest first, looking at no more than `most`; those that a commit still needs are passed over, and go later. */
static void evict(weir_keys *keys, size_t most)
{
    weir_key *key = keys->oldest;

    while (key && most-- > 0 && keys->footprint > keys->options.cache_bytes) {
        weir_key *newer = key->newer;

        if (!key->is_dirty && key->pinned_by <= keys->committed)
            drop(keys, key);
        key = newer;
    }
}

bool weir__keys_let_go(weir_keys *keys, uint32_t owner, weir_bytes bytes)
{
    weir_key *key = keys->slots[find_slot(keys, hash_key(keys, owner, bytes), owner, bytes)].key;

    if (!key)
        return true;
    if (!key->is_idle || key->is_dirty || key->pinned_by > keys->committed)
        return false;
    drop(keys, key);
    return true;
}

weir_code weir__keys_get(weir_keys *keys, uint32_t owner, weir_bytes bytes, weir_key **out, weir_error *err)
{
    uint64_t hash = hash_key(keys, owner, bytes);
    size_t at = find_slot(keys, hash, owner, bytes);
    weir_key *key = keys->slots[at].key;
    weir_code rc;

    if (key) {
        if (key->is_idle)
            unlink_idle(keys, key);
        __builtin_prefetch(key->cells.items); /* the run will want them, and is not there yet */
        *out = key;
        return WEIR_OK;
    }
    key = malloc(sizeof *key + bytes.size);
    if (!key || !grow_table(keys)) {
        free(key);
        return weir__fail_memory(err, "a key");
    }
    memset(key, 0, sizeof *key);
    weir__cells_init(&key->cells, NULL);
    key->queue_tail = &key->queue;
    key->owner = owner;
    key->hash = hash;
    if (bytes.size)
        memcpy(key + 1, bytes.data, bytes.size);
    key->bytes = weir__bytes(key + 1, bytes.size);
    if (keys->options.load) {
        rc = keys->options.load(keys->options.context, owner, key->bytes, &key->cells, err);
        if (rc != WEIR_OK) {
            free_key(key);
            return rc;
        }
    }
    at = find_slot(keys, hash, owner, bytes);
    keys->slots[at] = (slot){ hash, key };
    keys->count++;
    key->footprint = measure(key);
    keys->footprint += key->footprint;
    /* Only a glance: while a commit is under way nearly all may be pinned, and its end looks at them all. */
    if (keys->options.load)
        evict(keys, GLANCE);
    *out = key;
    return WEIR_OK;
}

void weir__keys_idle(weir_keys *keys, weir_key *key)
{
    assert(!key->running && !key->queue);
    /* A key that holds nothing needs no place, unless the store must still be told so. */
    if (key->cells.count == 0 && !key->is_dirty && key->pinned_by <= keys->committed) {
        drop(keys, key);
        return;
    }
    /* Without a store nothing is ever evicted, and the list would only cost each run its neighbours' cache lines. */
    if (keys->options.load)
        link_idle(keys, key);
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

/* The next cut looks at it. */
static void mark_changed(weir_keys *keys, weir_key *key)
{
    size_t footprint = measure(key);

    if (keys->options.load && !key->is_dirty) {
        key->is_dirty = true;
        key->next_dirty = keys->dirty;
        keys->dirty = key;
    }
    keys->footprint += footprint - key->footprint;
    key->footprint = footprint;
}

int64_t weir__keys_expire(weir_keys *keys, weir_key *key, int64_t ttl_ms, int64_t now_ms)
{
    if (weir__cells_expire(&key->cells, ttl_ms, &now_ms, keys->options.load != NULL) > 0)
        mark_changed(keys, key);
    return now_ms;
}

weir_code weir__keys_apply(weir_keys *keys, weir_key *key, const weir_cells *changes, weir_error *err)
{
    if (changes->count == 0)
        return WEIR_OK;
    if (weir__memory_apply(changes, &key->cells, keys->options.load != NULL) != WEIR_OK)
        return weir__fail_memory(err, "a key's memory");
    mark_changed(keys, key);
    return WEIR_OK;
}

weir_code weir__keys_cut(weir_keys *keys, uint64_t commit,
                         weir_code (*each)(void *context, const weir_key *key, const weir_cell *cell, weir_error *err),
                         void *context, weir_error *err)
{
    while (keys->dirty) {
        weir_key *key = keys->dirty;
        size_t kept = 0;

        for (size_t i = 0; i < key->cells.count; i++) {
            if (key->cells.items[i].is_dirty) {
                weir_code rc = each(context, key, &key->cells.items[i], err);

                if (rc != WEIR_OK)
                    return rc;
            }
        }
        for (size_t i = 0; i < key->cells.count; i++)
            key->cells.items[i].is_dirty = false;
        for (size_t i = key->cells.count; i > 0; i--) {
            if (key->cells.items[i - 1].type == WEIR__CELL_DELETED)
                weir__cells_remove(&key->cells, i - 1);
            else
                kept++;
        }
        assert(kept == key->cells.count);
        keys->dirty = key->next_dirty;
        key->next_dirty = NULL;
        key->is_dirty = false;
        key->pinned_by = commit;
    }
    return WEIR_OK;
}

bool weir__keys_is_uncommitted(const weir_keys *keys, const weir_key *key)
{
    return key->is_dirty || key->pinned_by > keys->committed;
}

bool weir__keys_are_dirty(const weir_keys *keys)
{
    return keys->dirty != NULL;
}

void weir__keys_committed(weir_keys *keys, uint64_t commit)
{
    keys->committed = commit;
    if (keys->options.load)
        evict(keys, SIZE_MAX);
}

void weir__keys_forget(weir_keys *keys, uint32_t owner)
{
    weir_key **dirty = &keys->dirty;

    while (*dirty) {
        weir_key *key = *dirty;

        if (key->owner == owner)
            *dirty = key->next_dirty;
        else
            dirty = &key->next_dirty;
    }
    for (size_t i = 0; i <= keys->mask;) {
        weir_key *key = keys->slots[i].key;

        if (!key || key->owner != owner) {
            i++;
            continue;
        }
        assert(!key->running && !key->queue);
        drop(keys, key); /* another may have moved up to its slot: it is looked at again */
    }
}

size_t weir__keys_count(const weir_keys *keys)
{
    return keys->count;
}

size_t weir__keys_footprint(const weir_keys *keys)
{
    return keys->footprint;
}
