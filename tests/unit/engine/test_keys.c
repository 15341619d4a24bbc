/* SPDX-License-Identifier: Apache-2.0 */
/* The keys as a cache: what stays, what goes, what a cut gives; alone, and beneath an engine with a store. */
#include "support.h"

enum { MANY_KEYS = 5000 };

static weir_keys *keys;
static weir_error err;
static uint64_t commits;

/* ---- a store in memory: the cells of each key -------------------------------------------------------------------- */

static weir_cells store[MANY_KEYS];
static size_t loads, writes;
static bool is_broken;

static size_t key_number(weir_bytes key)
{
    char text[16];

    ck_assert_uint_lt(key.size, sizeof text);
    memcpy(text, key.data, key.size);
    text[key.size] = '\0';
    return strtoul(text + 1, NULL, 10);
}

static weir_code load(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *error)
{
    const weir_cells *held = &store[key_number(key)];

    (void)context;
    ck_assert_uint_eq(owner, 0);
    loads++;
    if (is_broken)
        return weir__fail(error, WEIR_IO, WEIR_REMEDY_STOP, "the store is gone");
    for (size_t i = 0; i < held->count; i++)
        ck_assert_ptr_nonnull(weir__cells_put(cells, &held->items[i], false));
    return WEIR_OK;
}

static weir_code write_cell(void *context, const weir_key *key, const weir_cell *cell, weir_error *error)
{
    weir_cells *held = &store[key_number(key->bytes)];
    weir_cell *there = weir__cells_find(held, cell->path);

    (void)context;
    if (is_broken)
        return weir__fail(error, WEIR_IO, WEIR_REMEDY_STOP, "the store is gone");
    writes++;
    if (cell->type != WEIR__CELL_DELETED)
        ck_assert_ptr_nonnull(weir__cells_put(held, cell, false));
    else if (there)
        weir__cells_remove(held, (size_t)(there - held->items));
    return WEIR_OK;
}

static void clear_store(void)
{
    for (size_t i = 0; i < MANY_KEYS; i++)
        weir__cells_clear(&store[i]);
}

static void open_keys(bool with_store, size_t cache_bytes)
{
    weir_keys_options options = { with_store ? load : NULL, NULL, cache_bytes };

    loads = writes = commits = 0;
    is_broken = false;
    ck_assert_int_eq(weir__keys_new(&options, &keys, &err), WEIR_OK);
}

static void tear_down(void)
{
    weir__keys_free(keys);
    keys = NULL;
    clear_store();
}

static weir_key *get(size_t number)
{
    char text[16];
    weir_key *key;

    (void)snprintf(text, sizeof text, "k%zu", number);
    ck_assert_int_eq(weir__keys_get(keys, 0, weir__bytes_text(text), &key, &err), WEIR_OK);
    ck_assert(weir__bytes_equal(key->bytes, weir__bytes_text(text)));
    return key;
}

/* One run of a key: writes a number to "n", or deletes it when it is negative. */
static void change(size_t number, int64_t value)
{
    weir_key *key = get(number);
    weir_cell cell = { .path = weir__bytes_text("n"), .type = value < 0 ? WEIR__CELL_DELETED : WEIR__CELL_INT,
                       .value.integer = value };
    weir_cells changes;

    weir__cells_init(&changes, NULL);
    ck_assert_ptr_nonnull(weir__cells_put(&changes, &cell, false));
    ck_assert_int_eq(weir__keys_apply(keys, key, &changes, &err), WEIR_OK);
    weir__cells_clear(&changes);
    weir__keys_idle(keys, key);
}

/* What a run of the key would find; -1: nothing. */
static int64_t look(size_t number)
{
    weir_key *key = get(number);
    const weir_cell *cell = weir__cells_find(&key->cells, weir__bytes_text("n"));
    int64_t value = cell && cell->type == WEIR__CELL_INT ? cell->value.integer : -1;

    weir__keys_idle(keys, key);
    return value;
}

static void cut(void)
{
    ck_assert_int_eq(weir__keys_cut(keys, ++commits, write_cell, NULL, &err), WEIR_OK);
}

/* ---- alone ------------------------------------------------------------------------------------------------------- */

START_TEST(without_a_store_nothing_is_ever_evicted)
{
    open_keys(false, 0);
    for (size_t i = 0; i < MANY_KEYS; i++)
        change(i, (int64_t)i);
    ck_assert_uint_eq(weir__keys_count(keys), MANY_KEYS);
    for (size_t i = 0; i < MANY_KEYS; i++)
        ck_assert_int_eq(look(i), (int64_t)i);
    ck_assert(!weir__keys_are_dirty(keys));
}
END_TEST

START_TEST(a_key_that_holds_nothing_takes_no_place)
{
    open_keys(false, 0);
    (void)look(1);
    ck_assert_uint_eq(weir__keys_count(keys), 0);
    change(1, 5);
    change(1, -1);
    ck_assert_uint_eq(weir__keys_count(keys), 0);
    ck_assert_uint_eq(weir__keys_footprint(keys), 0);
}
END_TEST

START_TEST(a_changed_key_stays_until_its_commit_is_known)
{
    open_keys(true, 0);
    change(1, 7);
    ck_assert(weir__keys_are_dirty(keys));
    weir__keys_committed(keys, 0);
    ck_assert_uint_eq(weir__keys_count(keys), 1); /* dirty */
    cut();
    ck_assert(!weir__keys_are_dirty(keys));
    weir__keys_committed(keys, 0);
    ck_assert_uint_eq(weir__keys_count(keys), 1); /* cut, but not known */
    weir__keys_committed(keys, 1);
    ck_assert_uint_eq(weir__keys_count(keys), 0);
    ck_assert_uint_eq(weir__keys_footprint(keys), 0);
    ck_assert_int_eq(look(1), 7);
    ck_assert_uint_eq(loads, 2);
}
END_TEST

START_TEST(a_busy_key_is_not_evicted)
{
    weir_key *key;

    open_keys(true, 0);
    change(1, 7);
    cut();
    key = get(1);
    weir__keys_committed(keys, 1);
    ck_assert_uint_eq(weir__keys_count(keys), 1);
    ck_assert_ptr_eq(get(1), key);
    weir__keys_idle(keys, key);
    weir__keys_committed(keys, 1);
    ck_assert_uint_eq(weir__keys_count(keys), 0);
}
END_TEST

static bool let_go(void)
{
    return weir__keys_let_go(keys, 0, weir__bytes_text("k1"));
}

START_TEST(a_key_is_let_go_when_it_is_idle_and_its_changes_are_known)
{
    weir_key *key;

    open_keys(true, SIZE_MAX);
    ck_assert(let_go()); /* it is not there */
    change(1, 7);
    ck_assert(!let_go()); /* dirty */
    cut();
    ck_assert(!let_go()); /* cut, but not known */
    weir__keys_committed(keys, 1);
    key = get(1);
    ck_assert(!let_go()); /* busy */
    ck_assert_uint_eq(weir__keys_count(keys), 1);
    weir__keys_idle(keys, key);
    ck_assert(let_go());
    ck_assert_uint_eq(weir__keys_count(keys), 0);
    ck_assert_uint_eq(weir__keys_footprint(keys), 0);
    ck_assert_int_eq(look(1), 7);
    ck_assert_uint_eq(loads, 2);
}
END_TEST

START_TEST(the_least_recently_used_go_first)
{
    size_t of_one;

    open_keys(true, SIZE_MAX);
    change(0, 0);
    of_one = weir__keys_footprint(keys);
    tear_down();
    open_keys(true, of_one * 3);
    for (size_t i = 0; i < 5; i++)
        change(i, (int64_t)i);
    (void)look(0);
    cut();
    weir__keys_committed(keys, 1);
    ck_assert_uint_eq(weir__keys_count(keys), 3);
    loads = 0;
    (void)look(0);
    (void)look(4);
    (void)look(3);
    ck_assert_uint_eq(loads, 0);
    (void)look(1);
    ck_assert_uint_eq(loads, 1);
}
END_TEST

START_TEST(a_cut_gives_what_changed_since_the_last_and_deletions_once)
{
    open_keys(true, SIZE_MAX);
    change(1, 1);
    change(2, 2);
    cut();
    ck_assert_uint_eq(writes, 2);
    cut();
    ck_assert_uint_eq(writes, 2);
    change(1, -1);
    ck_assert_int_eq(look(1), -1);
    cut();
    ck_assert_uint_eq(writes, 3);
    ck_assert_uint_eq(store[1].count, 0);
    change(1, -1); /* not there any more */
    cut();
    ck_assert_uint_eq(writes, 3);
    weir__keys_committed(keys, commits);
    ck_assert_int_eq(look(1), -1);
    ck_assert_int_eq(look(2), 2);
}
END_TEST

START_TEST(what_cannot_be_read_or_written_is_said)
{
    weir_key *key;

    open_keys(true, SIZE_MAX);
    is_broken = true;
    ck_assert_int_eq(weir__keys_get(keys, 0, weir__bytes_text("k1"), &key, &err), WEIR_IO);
    ck_assert_str_eq(err.message, "the store is gone");
    ck_assert_uint_eq(weir__keys_count(keys), 0);
    is_broken = false;
    change(1, 1);
    is_broken = true;
    ck_assert_int_eq(weir__keys_cut(keys, 1, write_cell, NULL, &err), WEIR_IO);
    ck_assert(weir__keys_are_dirty(keys));
}
END_TEST

/* Against an array: random changes, reads, cuts and commits, in a cache that is far too small. */
START_TEST(a_small_cache_never_loses_a_change)
{
    static int64_t expected[MANY_KEYS];
    uint64_t drawn = 88172645463325252u;

    open_keys(true, 40000);
    for (size_t i = 0; i < MANY_KEYS; i++)
        expected[i] = -1;
    for (int step = 0; step < 100000; step++) {
        size_t number;

        drawn ^= drawn << 13;
        drawn ^= drawn >> 7;
        drawn ^= drawn << 17;
        number = (size_t)(drawn >> 20) % MANY_KEYS;
        switch (drawn % 16) {
        case 0:
            change(number, expected[number] = -1);
            break;
        case 1:
            if (drawn >> 32 & 1)
                cut();
            break;
        case 2:
            weir__keys_committed(keys, commits ? commits - (drawn >> 33 & 1) : 0);
            break;
        case 3:
        case 4:
        case 5:
            ck_assert_int_eq(look(number), expected[number]);
            break;
        default:
            change(number, expected[number] = (int64_t)(drawn >> 40));
            break;
        }
    }
    ck_assert_uint_gt(loads, 1000);
    for (size_t i = 0; i < MANY_KEYS; i++)
        ck_assert_int_eq(look(i), expected[i]);
    cut();
    weir__keys_committed(keys, commits);
    ck_assert_uint_le(weir__keys_footprint(keys), 40000);
}
END_TEST

/* ---- beneath an engine ------------------------------------------------------------------------------------------- */

static weir_code count_up(weir_run *run, const weir_event *event, void *arg)
{
    int64_t n = weir_memory_int(weir_short_term(run), "n", 0) + 1;

    (void)event;
    (void)arg;
    weir_memory_set_int(weir_short_term(run), "n", n);
    return weir_output(run, json_integer(n));
}

/* Commits after each run, at once. */
static weir_turn turn_and_commit(void *host, bool may_accept)
{
    weir_keys *of_engine = weir__engine_keys(test.engine);

    if (weir__keys_are_dirty(of_engine)) {
        ck_assert_int_eq(weir__keys_cut(of_engine, ++commits, write_cell, NULL, &err), WEIR_OK);
        weir__keys_committed(of_engine, commits);
    }
    return test_turn(host, may_accept);
}

static weir_code load_for_engine(void *host, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *error)
{
    /* On the ground: this much would not fit on a pooled stack. */
    volatile char deep[512 * 1024];

    deep[0] = deep[sizeof deep - 1] = 1;
    return load(host, owner, key, cells, error);
}

START_TEST(memory_that_was_evicted_is_read_again)
{
    static const weir_engine_port port = { turn_and_commit, test_wait, test_ended, load_for_engine, NULL, NULL, false };
    static const test_record records[] = { { "k1", "0" }, { "k2", "0" }, { "k1", "0" }, { "k3", "0" }, { "k1", "0" },
                                           { "k2", "0" } };
    weir_engine_options options = test_options();

    loads = commits = 0;
    is_broken = false;
    options.port = &port;
    options.cache_bytes = 0;
    test_add("n", count_up, NULL, 0, WEIR_INPUT_EVENT);
    test_run(options, records, 6);
    ck_assert_str_eq(test_logged(), "k1=1 k2=1 k1=2 k3=1 k1=3 k2=2 ");
    ck_assert_uint_eq(loads, 6);
    test_run(options, records, 1); /* a new engine over the same store */
    ck_assert_str_eq(test_logged(), "k1=4 ");
}
END_TEST

static void clear_all(void)
{
    test_tear_down();
    clear_store();
}

/* ---- owners ------------------------------------------------------------------------------------------------------ */

static weir_code load_nothing(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *error)
{
    (void)context;
    (void)owner;
    (void)key;
    (void)cells;
    (void)error;
    loads++;
    return WEIR_OK;
}

static weir_code count_writes(void *context, const weir_key *key, const weir_cell *cell, weir_error *error)
{
    size_t *of_owner = context;

    (void)error;
    ck_assert_int_eq(cell->value.integer, key->owner);
    of_owner[key->owner]++;
    return WEIR_OK;
}

/* One run of a key of an owner, which writes the owner's number. */
static void change_of(uint32_t owner, size_t number)
{
    weir_cell cell = { .path = weir__bytes_text("n"), .type = WEIR__CELL_INT, .value.integer = owner };
    char text[16];
    weir_cells changes;
    weir_key *key;

    (void)snprintf(text, sizeof text, "k%zu", number);
    ck_assert_int_eq(weir__keys_get(keys, owner, weir__bytes_text(text), &key, &err), WEIR_OK);
    ck_assert_uint_eq(key->owner, owner);
    weir__cells_init(&changes, NULL);
    ck_assert_ptr_nonnull(weir__cells_put(&changes, &cell, false));
    ck_assert_int_eq(weir__keys_apply(keys, key, &changes, &err), WEIR_OK);
    weir__cells_clear(&changes);
    weir__keys_idle(keys, key);
}

START_TEST(an_owner_that_is_forgotten_takes_its_keys_along_and_no_others)
{
    weir_keys_options options = { load_nothing, NULL, SIZE_MAX };
    size_t written[4] = { 0 };
    size_t before;

    loads = 0;
    ck_assert_int_eq(weir__keys_new(&options, &keys, &err), WEIR_OK);
    weir__keys_forget(keys, 1); /* none there: fine */
    for (size_t i = 0; i < MANY_KEYS; i++)
        change_of((uint32_t)(i % 3 + 1), i / 3);
    ck_assert_int_eq(weir__keys_cut(keys, 1, count_writes, written, &err), WEIR_OK);
    for (size_t i = 0; i < 300; i++)
        change_of((uint32_t)(i % 3 + 1), i / 3);
    weir__keys_forget(keys, 2); /* pinned by the cut, and some dirty again */
    ck_assert_uint_eq(weir__keys_count(keys), MANY_KEYS - written[2]);
    before = loads;
    for (size_t i = 0; i < MANY_KEYS; i++) {
        if (i % 3 != 1)
            change_of((uint32_t)(i % 3 + 1), i / 3);
    }
    ck_assert_uint_eq(loads, before);
    change_of(2, 0);
    ck_assert_uint_eq(loads, before + 1);
    written[2] = 0;
    ck_assert_int_eq(weir__keys_cut(keys, 2, count_writes, written, &err), WEIR_OK);
    ck_assert_uint_eq(written[2], 1);
    ck_assert(!weir__keys_are_dirty(keys));
    for (uint32_t owner = 1; owner <= 3; owner++)
        weir__keys_forget(keys, owner);
    ck_assert_uint_eq(weir__keys_count(keys), 0);
    ck_assert_uint_eq(weir__keys_footprint(keys), 0);
    weir__keys_committed(keys, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/keys");
    TCase *alone = tcase_create("alone"), *beneath = tcase_create("beneath an engine");

    tcase_add_checked_fixture(alone, NULL, tear_down);
    tcase_add_test(alone, without_a_store_nothing_is_ever_evicted);
    tcase_add_test(alone, a_key_that_holds_nothing_takes_no_place);
    tcase_add_test(alone, a_changed_key_stays_until_its_commit_is_known);
    tcase_add_test(alone, a_busy_key_is_not_evicted);
    tcase_add_test(alone, a_key_is_let_go_when_it_is_idle_and_its_changes_are_known);
    tcase_add_test(alone, the_least_recently_used_go_first);
    tcase_add_test(alone, a_cut_gives_what_changed_since_the_last_and_deletions_once);
    tcase_add_test(alone, what_cannot_be_read_or_written_is_said);
    tcase_set_timeout(alone, 60);
    tcase_add_test(alone, a_small_cache_never_loses_a_change);
    tcase_add_test(alone, an_owner_that_is_forgotten_takes_its_keys_along_and_no_others);
    suite_add_tcase(suite, alone);
    tcase_add_checked_fixture(beneath, test_set_up, clear_all);
    tcase_add_test(beneath, memory_that_was_evicted_is_read_again);
    suite_add_tcase(suite, beneath);
    return weir__suite_run(suite);
}
