/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that expires, beneath an engine: a run sees one time, and what is recorded fits it after a restart. */
#include "call_host.h"
#include "engine/internal.h"

enum { TTL_MS = 300, WRITTEN_MS = 900 };

static service shop;
static bool is_timed;      /* whether "old" comes with a time */
static int64_t touched_ms; /* of "old", when the last run ended; -1: it is gone */

static weir_code load_old(void *context, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err)
{
    weir_cell cell = { .path = weir__bytes_text("old"), .type = WEIR__CELL_INT, .has_time = is_timed,
                       .touched_ms = WRITTEN_MS, .value.integer = 5 };

    (void)context;
    (void)owner;
    (void)key;
    (void)err;
    return weir__cells_put(cells, &cell, false) ? WEIR_OK : WEIR_NO_MEMORY;
}

static void ended(void *context, weir_run *run)
{
    const weir_cell *cell = weir__cells_find(&run->key->cells, weir__bytes_text("old"));

    touched_ms = cell && cell->type != WEIR__CELL_DELETED ? cell->touched_ms : -1;
    host_ended(context, run);
}

static const weir_engine_port port = { host_turn, host_wait, ended, load_old, host_append, host_parked, false };

static weir_engine_options expiring(int64_t ttl_ms)
{
    weir_engine_options options = host_options();

    options.port = &port;
    options.ttl_ms = ttl_ms;
    options.is_read_touch = true;
    return options;
}

/* The first action reads, the second one calls. */
static weir_code read_old(weir_run *run, const weir_event *event)
{
    int64_t old = weir_memory_int(weir_short_term(run), "old", -1);

    (void)event;
    trace("old:%d", (int)old);
    return weir_send(run, "next", json_object());
}

static weir_code pay(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    (void)arg;
    return output_call(run, &shop, WEIR_CALL_IDEMPOTENT, 1);
}

static void set_up(void)
{
    host_set_up();
    shop = (service){ .name = "pay", .answers = "7" };
    is_timed = true;
    body = read_old;
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), "y", pay, NULL, 0, "next", NULL), WEIR_OK);
}

START_TEST(a_value_expires_by_the_time_of_the_record)
{
    /* Records are of 1000 ms. */
    ck_assert_str_eq(live(expiring(101), one_key, ""), "old:5 R1 I2.1#1 durable pay#1 O2.1#1=ok k=7 ");
    ck_assert_int_eq(touched_ms, 1000);
    forget_journal(0);
    ck_assert_str_eq(live(expiring(100), one_key, ""), "old:-1 R1 I2.1#1 durable pay#1 O2.1#1=ok k=7 ");
    ck_assert_int_eq(touched_ms, -1);
    forget_journal(0);
    ck_assert_str_eq(live(expiring(0), one_key, ""), "old:5 R1 I2.1#1 durable pay#1 O2.1#1=ok k=7 ");
    ck_assert_int_eq(touched_ms, WRITTEN_MS);
}
END_TEST

START_TEST(what_a_recorded_action_has_read_is_touched_all_the_same)
{
    ck_assert_str_eq(live(expiring(TTL_MS), one_key, "t s"), "old:5 R1 I2.1#1 durable W2.1#1 ");
    touched_ms = 0;
    ck_assert_str_eq(live(expiring(TTL_MS), one_key, ""), "I2.1#2 durable pay#2 O2.1#2=ok k=7 ");
    ck_assert_int_eq(touched_ms, 1000);
}
END_TEST

START_TEST(a_result_does_not_rest_on_when_values_were_touched)
{
    is_timed = false;
    ck_assert_str_eq(live(expiring(0), one_key, "t s"), "old:5 R1 I2.1#1 durable W2.1#1 ");
    ck_assert_str_eq(live(expiring(TTL_MS), one_key, ""), "I2.1#2 durable pay#2 O2.1#2=ok k=7 ");
    ck_assert_uint_eq(weir__engine_counts(host.engine).divergences, 0);
}
END_TEST

START_TEST(a_result_that_rests_on_a_value_which_has_expired_since_diverges)
{
    ck_assert_str_eq(live(expiring(TTL_MS), one_key, "t s"), "old:5 R1 I2.1#1 durable W2.1#1 ");
    ck_assert_str_eq(live(expiring(100), one_key, ""), "P1.0#0:divergence parked ");
}
END_TEST

START_TEST(what_has_expired_is_deleted_at_the_next_cut_whatever_becomes_of_the_run)
{
    weir_key *key;

    shop.answers = "failed";
    (void)live(expiring(100), one_key, "");
    ck_assert(weir__keys_are_dirty(weir__engine_keys(host.engine)));
    ck_assert_int_eq(weir__keys_get(weir__engine_keys(host.engine), 0, weir__bytes_text("k"), &key, &host.error),
                     WEIR_OK);
    ck_assert_uint_eq(key->cells.count, 1);
    ck_assert_int_eq(key->cells.items[0].type, WEIR__CELL_DELETED);
    ck_assert(key->cells.items[0].is_dirty);
    weir__keys_idle(weir__engine_keys(host.engine), key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/ttl");
    TCase *all = tcase_create("all");

    tcase_add_checked_fixture(all, set_up, host_tear_down);
    tcase_add_test(all, a_value_expires_by_the_time_of_the_record);
    tcase_add_test(all, what_a_recorded_action_has_read_is_touched_all_the_same);
    tcase_add_test(all, a_result_does_not_rest_on_when_values_were_touched);
    tcase_add_test(all, a_result_that_rests_on_a_value_which_has_expired_since_diverges);
    tcase_add_test(all, what_has_expired_is_deleted_at_the_next_cut_whatever_becomes_of_the_run);
    suite_add_tcase(suite, all);
    return weir__suite_run(suite);
}
