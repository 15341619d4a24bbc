/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory against a model that could not be simpler: an unsorted list of paths and values, and the rules of
 * include/weir/memory.h written down one by one. Random operations over few names, so that paths meet often.
 * WEIR_TEST_SEED repeats a failure.
 */
#include "agent/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "suite.h"

enum { MOST = 4096, ROUNDS = 300, RUNS = 20, OPERATIONS = 30, PATH = 64 };

/* ---- the model --------------------------------------------------------------------------------------------------- */

typedef struct entry {
    char path[PATH];
    json_t *value; /* NULL: an object */
} entry;

typedef struct model {
    entry entries[MOST];
    size_t count;
} model;

static model now, before; /* in the run, and when it began */

static void model_clear(model *of)
{
    for (size_t i = 0; i < of->count; i++)
        json_decref(of->entries[i].value);
    of->count = 0;
}

static void model_copy(model *to, const model *from)
{
    model_clear(to);
    *to = *from;
    for (size_t i = 0; i < to->count; i++)
        json_incref(to->entries[i].value);
}

static entry *model_find(const char *path)
{
    for (size_t i = 0; i < now.count; i++) {
        if (strcmp(now.entries[i].path, path) == 0)
            return &now.entries[i];
    }
    return NULL;
}

static bool is_beneath(const char *path, const char *parent)
{
    size_t size = strlen(parent);

    return *parent == '\0' ? *path != '\0' : strncmp(path, parent, size) == 0 && path[size] == '.';
}

static void model_add(const char *path, json_t *value)
{
    ck_assert_uint_lt(now.count, MOST);
    (void)snprintf(now.entries[now.count].path, PATH, "%s", path);
    now.entries[now.count++].value = value;
}

/* Whether all parents are objects or absent; makes the absent ones when `make`. */
static bool model_parents(const char *path, bool make)
{
    for (const char *dot = strchr(path + 1, '.'); dot; dot = strchr(dot + 1, '.')) {
        char parent[PATH];
        const entry *there;

        (void)snprintf(parent, sizeof parent, "%.*s", (int)(dot - path), path);
        there = model_find(parent);
        if (there && there->value)
            return false;
        if (!there && make)
            model_add(parent, NULL);
    }
    return true;
}

static bool model_set(const char *path, json_t *value)
{
    entry *there = model_find(path);

    if (*path == '\0' || (there && !there->value) || !model_parents(path, false)) {
        json_decref(value);
        return false;
    }
    if (there) {
        json_decref(there->value);
        there->value = value;
        return true;
    }
    (void)model_parents(path, true);
    model_add(path, value);
    return true;
}

static bool model_new_object(const char *path, bool overwrite)
{
    entry *there = model_find(path);

    if (*path == '\0')
        return true;
    if (there && there->value && !overwrite)
        return false;
    if (there) {
        json_decref(there->value);
        there->value = NULL;
        return true;
    }
    if (!model_parents(path, false))
        return false;
    (void)model_parents(path, true);
    model_add(path, NULL);
    return true;
}

static void model_delete(const char *path)
{
    for (size_t i = now.count; i-- > 0;) {
        if (strcmp(now.entries[i].path, path) == 0 || is_beneath(now.entries[i].path, path)) {
            json_decref(now.entries[i].value);
            now.entries[i] = now.entries[--now.count];
        }
    }
}

/* ---- the two side by side ---------------------------------------------------------------------------------------- */

static uint64_t seed, drawn;

static uint64_t draw(uint64_t below)
{
    drawn ^= drawn << 13;
    drawn ^= drawn >> 7;
    drawn ^= drawn << 17;
    return (drawn >> 11) % below;
}

static void draw_path(char path[PATH])
{
    static const char *const names[] = { "a", "b", "a-b", "a!", "" };
    size_t depth = 1 + draw(4), size = 0;

    *path = '\0';
    if (draw(30) == 0)
        return;
    for (size_t i = 0; i < depth; i++)
        size += (size_t)snprintf(path + size, PATH - size, "%s%s", i ? "." : "", names[i ? draw(5) : draw(4)]);
}

static json_t *draw_value(void)
{
    switch (draw(7)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(draw(2));
    case 2:
        return json_real((double)draw(1000) / 8);
    case 3:
        return json_string(draw(2) ? "text" : "");
    case 4:
        return json_pack("[i, {s: n}]", (int)draw(9), "b");
    case 5:
        return json_pack("{s: i}", "a", (int)draw(9));
    default:
        return json_integer((json_int_t)draw(1000));
    }
}

static weir_arena arena;
static weir_cells base;
static weir_failure failure;
static uint32_t stamp;
static weir_memory memory;

static void compare_path(const char *path)
{
    const entry *there = model_find(path);
    json_t *value, *fields = weir_memory_fields(&memory, path);
    bool is_object = *path == '\0' || (there && !there->value);
    size_t count = 0;

    ck_assert_msg(weir_memory_exists(&memory, path) == (is_object || there), "seed %" PRIu64 ": '%s' exists", seed,
                  path);
    ck_assert_msg((fields != NULL) == is_object, "seed %" PRIu64 ": '%s' is an object", seed, path);
    value = weir_memory_get(&memory, path);
    ck_assert_msg((value != NULL) == (is_object || there), "seed %" PRIu64 ": '%s' has a value", seed, path);
    if (there && there->value)
        ck_assert_msg(json_equal(value, there->value), "seed %" PRIu64 ": value of '%s'", seed, path);
    if (is_object) {
        for (size_t i = 0; i < now.count; i++) {
            const char *name = now.entries[i].path + (*path ? strlen(path) + 1 : 0);

            if (is_beneath(now.entries[i].path, path) && !strchr(name, '.')) {
                count++;
                ck_assert_ptr_nonnull(json_object_get(value, name));
            }
        }
        ck_assert_msg(json_array_size(fields) == count, "seed %" PRIu64 ": fields of '%s'", seed, path);
        ck_assert_uint_eq(json_object_size(value), count);
        for (size_t i = 0; i < count; i++) {
            const char *name = json_string_value(json_array_get(fields, i));

            ck_assert_ptr_nonnull(json_object_get(value, name));
            if (i)
                ck_assert_int_lt(strcmp(json_string_value(json_array_get(fields, i - 1)), name), 0);
        }
    }
    json_decref(value);
    json_decref(fields);
}

static void compare_all(void)
{
    compare_path("");
    for (size_t i = 0; i < now.count; i++)
        compare_path(now.entries[i].path);
}

static void operate(void)
{
    char path[PATH];
    json_t *value;
    bool is_good, overwrite;

    draw_path(path);
    failure.error.code = WEIR_OK;
    switch (draw(8)) {
    case 0:
    case 1:
    case 2:
    case 3:
        value = draw_value();
        is_good = model_set(path, json_incref(value));
        ck_assert_msg((weir_memory_set(&memory, path, value) == WEIR_OK) == is_good, "seed %" PRIu64 ": set '%s'",
                      seed, path);
        break;
    case 4:
        overwrite = draw(2);
        is_good = model_new_object(path, overwrite);
        ck_assert_msg((weir_memory_new_object(&memory, path, overwrite) == WEIR_OK) == is_good,
                      "seed %" PRIu64 ": new '%s' %d", seed, path, overwrite);
        break;
    case 5:
        is_good = true;
        model_delete(path);
        ck_assert_int_eq(weir_memory_delete(&memory, path), WEIR_OK);
        break;
    default:
        is_good = true;
        break;
    }
    ck_assert_int_eq(weir__failure_is_kept(&failure), !is_good);
    compare_path(path);
}

/* What a cut does: writes what is dirty, and lets go what is deleted. `store` is what it has written so far. */
static void cut(weir_cells *store)
{
    for (size_t i = base.count; i-- > 0;) {
        weir_cell *cell = &base.items[i];

        if (cell->is_dirty)
            ck_assert_ptr_nonnull(weir__cells_put(store, cell, false));
        cell->is_dirty = false;
        if (cell->type == WEIR__CELL_DELETED)
            weir__cells_remove(&base, i);
    }
    for (size_t i = store->count; i-- > 0;) {
        if (store->items[i].type == WEIR__CELL_DELETED)
            weir__cells_remove(store, i);
    }
}

static void run_rounds(bool is_durable)
{
    for (int round = 0; round < ROUNDS; round++) {
        weir_cells store;

        drawn = (seed + (uint64_t)round) * 0x9E3779B97F4A7C15u | 1;
        weir__arena_init(&arena, 512);
        weir__cells_init(&base, NULL);
        weir__cells_init(&store, NULL);
        for (int run = 0; run < RUNS; run++) {
            weir__arena_reset(&arena);
            weir__memory_init(&memory, &base, &arena, &failure, &stamp, 16);
            model_copy(&before, &now);
            for (uint64_t i = draw(OPERATIONS); i > 0; i--)
                operate();
            compare_all();
            if (draw(4) == 0)
                model_copy(&now, &before); /* the run fails */
            else
                ck_assert_int_eq(weir__memory_apply(&memory.changes, &base, is_durable), WEIR_OK);
            weir__memory_init(&memory, &base, &arena, &failure, &stamp, 16);
            compare_all();
            if (is_durable && draw(3) == 0) {
                cut(&store);
                /* Evicted, and read again: the store holds it all. */
                weir__memory_init(&memory, &store, &arena, &failure, &stamp, 16);
                compare_all();
            }
        }
        model_clear(&now);
        model_clear(&before);
        weir__cells_clear(&base);
        weir__cells_clear(&store);
        weir__arena_clear(&arena);
    }
}

START_TEST(memory_does_what_the_list_does)
{
    run_rounds(false);
}
END_TEST

START_TEST(memory_with_cuts_does_what_the_list_does)
{
    run_rounds(true);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("agent/memory model");
    TCase *models = tcase_create("model");
    const char *given = getenv("WEIR_TEST_SEED");

    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("# seed %" PRIu64 " (WEIR_TEST_SEED)\n", seed);
    (void)fflush(stdout);
    tcase_set_timeout(models, 120);
    tcase_add_test(models, memory_does_what_the_list_does);
    tcase_add_test(models, memory_with_cuts_does_what_the_list_does);
    suite_add_tcase(suite, models);
    return weir__suite_run(suite);
}
