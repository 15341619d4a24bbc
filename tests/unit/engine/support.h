/* SPDX-License-Identifier: Apache-2.0 */
/* A host that gives out a list of records, and keeps what ended as text. One at a time. */
#ifndef WEIR_TESTS_ENGINE_SUPPORT_H
#define WEIR_TESTS_ENGINE_SUPPORT_H

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "engine/engine.h"
#include "engine/result.h"
#include "engine/run_journal.h"
#include "result_text.h"
#include "suite.h"

/* `key` NULL: none. */
typedef struct test_record {
    const char *key, *value;
} test_record;

typedef struct test_host {
    weir_engine *engine;
    const test_record *records;
    size_t count, next;
    const char *recorded; /* results of the first record's run, one a line; NULL: none */
    void (*on_ended)(weir_run *run);
    void (*on_wait)(void); /* instead of waiting for a post */
    size_t ended, failed, refusals; /* refusals: turns in which no run might be accepted */
    weir_error error;               /* of the last failed run */
    weir_buffer log;                /* "KEY=OUTPUT " of runs that ended well, "KEY! " of those that failed */
    weir_buffer results;            /* of all runs, one a line */
} test_host;

static test_host test;
static weir_job *job;

static inline void test_log(const char *text)
{
    ck_assert_int_eq(weir__buffer_add(&test.log, text, strlen(text)), WEIR_OK);
}

static inline void test_log_bytes(weir_bytes bytes)
{
    ck_assert_int_eq(weir__buffer_add(&test.log, bytes.data, bytes.size), WEIR_OK);
}

/* The log so far, as text. */
static inline const char *test_logged(void)
{
    ck_assert_int_eq(weir__buffer_add_byte(&test.log, 0), WEIR_OK);
    test.log.size--;
    return (const char *)test.log.data;
}

static inline void test_take_recorded(weir_run *run)
{
    weir_action_result **tail = &run->recorded;
    weir_error err;

    for (const char *line = test.recorded; line && *line; line = strchr(line, '\n') + 1) {
        size_t size = (size_t)(strchr(line, '\n') - line);
        weir_entry *entry = result_text_parse(weir__bytes(line, size), &run->arena);

        entry->input_hash = weir__run_input_hash(run); /* the key's memory is empty */
        ck_assert_int_eq(weir__result_from_entry(entry, &run->arena, tail, &err), WEIR_OK);
        tail = &(*tail)->next;
    }
    test.recorded = NULL;
}

static inline weir_turn test_turn(void *host, bool may_accept)
{
    weir_engine_counts counts = weir__engine_counts(test.engine);
    const test_record *record = &test.records[test.next];
    weir_error err;
    weir_run *run;

    (void)host;
    if (test.next == test.count)
        return counts.accepted == counts.ended ? WEIR__TURN_STOP : WEIR__TURN_IDLE;
    if (!may_accept) {
        test.refusals++;
        return WEIR__TURN_IDLE;
    }
    run = weir__engine_new_run(test.engine);
    ck_assert_ptr_nonnull(run);
    run->source = "test";
    run->index = test.next++;
    run->timestamp = 1000 + (int64_t)run->index;
    if (record->key)
        run->key_bytes = weir__bytes_text(record->key);
    ck_assert_int_eq(weir__json_parse(weir__bytes_text(record->value), 512, &run->arena, &run->value, &err), WEIR_OK);
    test_take_recorded(run);
    ck_assert_int_eq(weir__engine_accept(test.engine, run, &err), WEIR_OK);
    return WEIR__TURN_MORE;
}

static inline void test_wait(void *host)
{
    struct pollfd wake = { weir__engine_wake_fd(test.engine), POLLIN, 0 };

    (void)host;
    if (test.on_wait)
        test.on_wait();
    else
        ck_assert_int_eq(poll(&wake, 1, -1), 1);
}

static inline void test_ended(void *host, weir_run *run)
{
    (void)host;
    test.ended++;
    if (test.on_ended)
        test.on_ended(run);
    if (run->failure.error.code != WEIR_OK) {
        test.failed++;
        test.error = run->failure.error;
        test_log_bytes(run->key_bytes);
        test_log("! ");
        return;
    }
    for (const weir_output_item *output = run->outputs; output; output = output->next) {
        test_log_bytes(run->key_bytes);
        test_log("=");
        test_log_bytes(output->text);
        test_log(" ");
    }
    for (const weir_action_result *result = run->results; result; result = result->next) {
        weir_entry entry = { .kind = WEIR__ENTRY_RESULT };

        ck_assert_int_eq(weir__result_to_entry(result, &run->arena, &entry), WEIR_OK);
        result_text_print(&entry, &test.results);
        ck_assert_int_eq(weir__buffer_add_byte(&test.results, '\n'), WEIR_OK);
    }
}

static const weir_engine_port test_port = { test_turn, test_wait, test_ended, NULL, NULL, NULL, false };

/* What a host would ask for, generously. */
static inline weir_engine_options test_options(void)
{
    return (weir_engine_options){ .port = &test_port, .events_per_run = 100, .runs_in_flight = 20000,
                                  .queue_per_key = 1000, .queue_bytes = SIZE_MAX, .stack_bytes = 256 * 1024,
                                  .depth = 16, .cache_bytes = SIZE_MAX };
}

static inline void test_open(weir_engine_options options)
{
    weir_error err;

    ck_assert_int_eq(weir__job_seal(job, &err), WEIR_OK);
    options.job = job;
    ck_assert_int_eq(weir__engine_new(&options, &test.engine, &err), WEIR_OK);
}

/* Runs the job over records, from a fresh engine, and leaves what it logged in test.log. */
static inline void test_run(weir_engine_options options, const test_record *records, size_t count)
{
    weir_error err;

    weir__engine_free(test.engine);
    test_open(options);
    test.records = records;
    test.count = count;
    test.next = 0;
    test.ended = test.failed = test.refusals = 0;
    weir__buffer_reset(&test.log);
    weir__buffer_reset(&test.results);
    ck_assert_int_eq(weir__engine_run(test.engine, &err), WEIR_OK);
}

static inline void test_add(const char *name, weir_action_fn fn, void *arg, unsigned flags, const char *type)
{
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), name, fn, arg, flags, type, NULL), WEIR_OK);
}

static void test_set_up(void)
{
    memset(&test, 0, sizeof test);
    weir__buffer_init(&test.log, SIZE_MAX);
    weir__buffer_init(&test.results, SIZE_MAX);
    job = weir_job_new("test");
}

static void test_tear_down(void)
{
    weir__engine_free(test.engine);
    weir__buffer_clear(&test.log);
    weir__buffer_clear(&test.results);
    weir_job_free(job);
}

#endif
