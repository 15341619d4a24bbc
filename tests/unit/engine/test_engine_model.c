/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random programs: actions that write memory, output, send, fail and wait, as their event tells them. Run with random
 * waking, posts from a thread, small limits and evictions, each key's outputs are those of a plain interpreter that
 * takes one record after the other and never waits. WEIR_TEST_SEED repeats a failure.
 */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "support.h"

enum { KEYS = 7, RECORDS = 120, STEPS = 6, ROUNDS = 40, DEPTH = 3 };

static uint64_t seed, drawn;

static uint64_t draw(uint64_t below)
{
    drawn ^= drawn << 13;
    drawn ^= drawn >> 7;
    drawn ^= drawn << 17;
    return (drawn >> 11) % below;
}

/* A program is an array of steps: ["add", name, n], ["out", name], ["note", n], ["tell"], ["del", name], ["wait"],
 * ["fail"], ["send", type, program]. */
static json_t *draw_program(int depth)
{
    static const char *const names[] = { "a", "b.c", "b.d" };
    json_t *program = json_array();

    for (uint64_t i = draw(STEPS) + 1; i > 0; i--) {
        const char *name = names[draw(3)];
        json_t *step;

        switch (draw(depth ? 16 : 12)) {
        case 0:
        case 1:
        case 2:
            step = json_pack("[s, s, i]", "add", name, (int)draw(100));
            break;
        case 3:
        case 4:
            step = json_pack("[s, s]", "out", name);
            break;
        case 5:
            step = json_pack("[s, i]", "note", (int)draw(100));
            break;
        case 6:
            step = json_pack("[s]", "tell");
            break;
        case 7:
            step = json_pack("[s, s]", "del", draw(3) ? name : "b");
            break;
        case 8:
            step = draw(8) ? json_pack("[s]", "wait") : json_pack("[s]", "fail");
            break;
        case 9:
        case 10:
        case 11:
            step = json_pack("[s]", "wait");
            break;
        default:
            step = json_pack("[s, s, o]", "send", draw(4) ? "one" : "two", draw_program(depth - 1));
            break;
        }
        json_array_append_new(program, step);
    }
    return program;
}

/* ---- the interpreter --------------------------------------------------------------------------------------------- */

typedef struct numbers {
    int64_t value[3];
    bool is_there[3];
} numbers;

static int name_number(const char *name)
{
    return strcmp(name, "a") == 0 ? 0 : strcmp(name, "b.c") == 0 ? 1 : 2;
}

static weir_buffer expected[KEYS], found[KEYS];

static void put(weir_buffer *to, const char *text)
{
    ck_assert_int_eq(weir__buffer_add(to, text, strlen(text)), WEIR_OK);
}

static void put_number(weir_buffer *to, int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%" PRId64 " ", number);
    put(to, text);
}

/* One run. False: it fails. Events wait in a list, first in, first out; "two" has two actions. */
static bool interpret(const json_t *first, numbers *memory, weir_buffer *out)
{
    const json_t *queue[4096];
    size_t count = 0, done = 0;
    int64_t note = 0;

    queue[count++] = first;
    while (done < count) {
        const json_t *program = queue[done++];
        size_t i;
        json_t *step;

        json_array_foreach(program, i, step)
        {
            const char *verb = json_string_value(json_array_get(step, 0));
            const char *name = json_string_value(json_array_get(step, 1));
            int64_t number = json_integer_value(json_array_get(step, 1));

            if (strcmp(verb, "add") == 0) {
                int at = name_number(name);

                memory->value[at] = (memory->is_there[at] ? memory->value[at] : 0) +
                                    json_integer_value(json_array_get(step, 2));
                memory->is_there[at] = true;
            } else if (strcmp(verb, "out") == 0) {
                int at = name_number(name);

                put_number(out, memory->is_there[at] ? memory->value[at] : -1);
            } else if (strcmp(verb, "note") == 0) {
                note = note * 3 + number;
            } else if (strcmp(verb, "tell") == 0) {
                put_number(out, note);
            } else if (strcmp(verb, "del") == 0) {
                for (int at = 0; at < 3; at++) {
                    if (strcmp(name, "b") == 0 ? at > 0 : at == name_number(name))
                        memory->is_there[at] = false;
                }
            } else if (strcmp(verb, "fail") == 0) {
                return false;
            } else if (strcmp(verb, "send") == 0) {
                /* Each action of a type runs the program once; the two of "two" stand next to each other. */
                queue[count++] = json_array_get(step, 2);
                if (strcmp(name, "two") == 0)
                    queue[count++] = json_array_get(step, 2);
                ck_assert_uint_lt(count, 4096);
            }
        }
    }
    return true;
}

/* ---- the engine's side ------------------------------------------------------------------------------------------- */

static weir_run *waiting[RECORDS];
static size_t waiting_count;

typedef struct wake_post {
    weir_post post;
    weir_run *run;
} wake_post;

static void wake_posted(weir_post *post)
{
    weir__run_wake(((wake_post *)post)->run);
    free(post);
}

static void *post_wake(void *context)
{
    wake_post *post = context;

    weir__engine_post(post->run->engine, &post->post);
    return NULL;
}

static void wake_later(weir_run *run)
{
    wake_post *post = malloc(sizeof *post);
    pthread_t thread;

    ck_assert_ptr_nonnull(post);
    *post = (wake_post){ .post = { NULL, wake_posted }, .run = run };
    if (draw(8)) {
        (void)post_wake(post);
        return;
    }
    ck_assert_int_eq(pthread_create(&thread, NULL, post_wake, post), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static weir_code perform(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *kept = weir_short_term(run), *gone = weir_sensory(run);
    json_t *program = weir_event_get(event, arg), *step;
    size_t i;

    json_array_foreach(program, i, step)
    {
        const char *verb = json_string_value(json_array_get(step, 0));
        const char *name = json_string_value(json_array_get(step, 1));
        int64_t number = json_integer_value(json_array_get(step, 1));

        if (strcmp(verb, "add") == 0) {
            number = json_integer_value(json_array_get(step, 2));
            weir_memory_set_int(kept, name, weir_memory_int(kept, name, 0) + number);
        } else if (strcmp(verb, "out") == 0) {
            weir_output(run, json_integer(weir_memory_int(kept, name, -1)));
        } else if (strcmp(verb, "note") == 0) {
            weir_memory_set_int(gone, "note", weir_memory_int(gone, "note", 0) * 3 + number);
        } else if (strcmp(verb, "tell") == 0) {
            weir_output(run, json_integer(weir_memory_int(gone, "note", 0)));
        } else if (strcmp(verb, "del") == 0) {
            weir_memory_delete(kept, name);
        } else if (strcmp(verb, "wait") == 0) {
            waiting[waiting_count++] = run;
            if (weir__run_await(run) != WEIR_OK)
                return WEIR_CANCELED;
        } else if (strcmp(verb, "fail") == 0) {
            return weir_fail(run, WEIR_FAILED, "told to");
        } else if (strcmp(verb, "send") == 0) {
            weir_send(run, name, json_pack("{s: O}", "program", json_array_get(step, 2)));
        }
    }
    return WEIR_OK;
}

/* Wakes one or some of those that wait, in any order. */
static void wake_some(void)
{
    ck_assert_uint_gt(waiting_count, 0);
    for (uint64_t i = draw(waiting_count) + 1; i > 0; i--) {
        size_t at = draw(waiting_count);
        weir_run *run = waiting[at];

        waiting[at] = waiting[--waiting_count];
        if (draw(2))
            weir__run_wake(run);
        else
            wake_later(run);
    }
}

static size_t failures;

static void note_ended(weir_run *run)
{
    weir_buffer *to = &found[run->key_bytes.data[0] - 'a'];

    if (run->failure.error.code != WEIR_OK) {
        failures++;
        ck_assert_str_eq(strrchr(run->failure.error.message, ':'), ": told to");
        put(to, "! ");
        return;
    }
    for (const weir_output_item *item = run->outputs; item; item = item->next) {
        ck_assert_int_eq(weir__buffer_add(to, item->text.data, item->text.size), WEIR_OK);
        put(to, " ");
    }
    put(to, ". ");
}

/* A store that keeps each key's cells, so that the cache may be as small as it likes. */
static weir_cells store[KEYS];
static uint64_t commits;

static weir_code load(void *host, uint32_t owner, weir_bytes key, weir_cells *cells, weir_error *err)
{
    const weir_cells *held = &store[key.data[0] - 'a'];

    (void)host;
    (void)owner;
    (void)err;
    for (size_t i = 0; i < held->count; i++)
        ck_assert_ptr_nonnull(weir__cells_put(cells, &held->items[i], false));
    return WEIR_OK;
}

static weir_code write_cell(void *context, const weir_key *key, const weir_cell *cell, weir_error *err)
{
    weir_cells *held = &store[key->bytes.data[0] - 'a'];
    weir_cell *there = weir__cells_find(held, cell->path);

    (void)context;
    (void)err;
    if (cell->type != WEIR__CELL_DELETED)
        ck_assert_ptr_nonnull(weir__cells_put(held, cell, false));
    else if (there)
        weir__cells_remove(held, (size_t)(there - held->items));
    return WEIR_OK;
}

static weir_turn turn_and_commit(void *host, bool may_accept)
{
    weir_keys *keys = weir__engine_keys(test.engine);
    weir_error err;

    if (draw(5) == 0 && weir__keys_are_dirty(keys))
        ck_assert_int_eq(weir__keys_cut(keys, ++commits, write_cell, NULL, &err), WEIR_OK);
    if (draw(5) == 0)
        weir__keys_committed(keys, commits);
    return test_turn(host, may_accept);
}

static const weir_engine_port with_store = { turn_and_commit, test_wait, test_ended, load, NULL, NULL, false };

static void run_round(void)
{
    static char keys[KEYS][2];
    static test_record records[RECORDS];
    numbers memory[KEYS];
    char *texts[RECORDS];
    weir_engine_options options = test_options();

    memset(memory, 0, sizeof memory);
    for (int i = 0; i < RECORDS; i++) {
        uint64_t key = draw(KEYS);
        json_t *program = draw_program(DEPTH);
        numbers before = memory[key];
        weir_buffer out;

        keys[key][0] = (char)('a' + key);
        texts[i] = json_dumps(program, JSON_COMPACT);
        records[i] = (test_record){ keys[key], texts[i] };
        weir__buffer_init(&out, SIZE_MAX);
        if (interpret(program, &memory[key], &out)) {
            ck_assert_int_eq(weir__buffer_add(&expected[key], out.data, out.size), WEIR_OK);
            put(&expected[key], ". ");
        } else {
            memory[key] = before;
            put(&expected[key], "! ");
        }
        weir__buffer_clear(&out);
        json_decref(program);
    }
    options.events_per_run = 4096;
    options.runs_in_flight = 1 + draw(10);
    options.queue_per_key = 1 + draw(10);
    options.queue_bytes = draw(2) ? SIZE_MAX : 1 + draw(100000);
    options.cache_bytes = draw(2000);
    options.keep_results = draw(2);
    options.depth = 64;
    if (draw(2))
        options.port = &with_store;
    test_run(options, records, RECORDS);
    for (int i = 0; i < KEYS; i++) {
        ck_assert_msg(weir__bytes_equal(weir__buffer_bytes(&expected[i]), weir__buffer_bytes(&found[i])),
                      "seed %" PRIu64 ", key %c:\n%.*s\n%.*s", seed, 'a' + i, (int)expected[i].size,
                      (const char *)expected[i].data, (int)found[i].size, (const char *)found[i].data);
        weir__buffer_clear(&expected[i]);
        weir__buffer_clear(&found[i]);
        weir__cells_clear(&store[i]);
    }
    for (int i = 0; i < RECORDS; i++)
        free(texts[i]);
}

START_TEST(each_key_goes_as_if_it_were_alone_and_nobody_waited)
{
    static char input[] = "input", program[] = "program";

    test.on_ended = note_ended;
    for (int i = 0; i < KEYS; i++) {
        weir__buffer_init(&expected[i], SIZE_MAX);
        weir__buffer_init(&found[i], SIZE_MAX);
        weir__cells_init(&store[i], NULL);
    }
    test_add("start", perform, input, 0, WEIR_INPUT_EVENT);
    test_add("one", perform, program, WEIR_ACTION_PURE, "one");
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "b"), "two", perform, program, 0, "two", NULL), WEIR_OK);
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "b"), "too", perform, program, 0, "two", NULL), WEIR_OK);
    for (int round = 0; round < ROUNDS; round++) {
        drawn = (seed + (uint64_t)round) * 0x9E3779B97F4A7C15u | 1;
        test.on_wait = wake_some;
        run_round();
    }
    ck_assert_uint_gt(failures, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/model");
    TCase *models = tcase_create("model");
    const char *given = getenv("WEIR_TEST_SEED");

    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("# seed %" PRIu64 " (WEIR_TEST_SEED)\n", seed);
    (void)fflush(stdout);
    tcase_set_timeout(models, 120);
    tcase_add_checked_fixture(models, test_set_up, test_tear_down);
    tcase_add_test(models, each_key_goes_as_if_it_were_alone_and_nobody_waited);
    suite_add_tcase(suite, models);
    return weir__suite_run(suite);
}
