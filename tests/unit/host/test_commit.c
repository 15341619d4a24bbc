/* SPDX-License-Identifier: Apache-2.0 */
/* The committer: what becomes durable with what, in which order it is told, and what a failure ends. */
#include "host/commit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../store/folder.h"
#include "engine/internal.h"
#include "suite.h"

enum { MOST_TICKETS = 8 };

static char *folder, *output;
static weir_job *job;
static weir_engine *engine;
static weir_store *store;
static weir_sink sink;
static weir_committer *committer;
static weir_task *held; /* the committer's, one at the most */
static weir_cut cut;
static weir_buffer told; /* "1 2 cut " of what is durable; "1! " of what never will be */

/* ---- a host that does one thing at a time ------------------------------------------------------------------------ */

static void hold(void *context, weir_task *task)
{
    (void)context;
    ck_assert_ptr_null(held); /* does one thing at a time */
    held = task;
}

static const weir_executor executor = { hold, NULL };

static void work_once(void)
{
    weir_task *task = held;

    ck_assert_ptr_nonnull(task);
    held = NULL;
    task->run(task);
}

static void say(const char *word, const weir_error *err)
{
    ck_assert_int_eq(weir__buffer_add_text(&told, word), WEIR_OK);
    ck_assert_int_eq(weir__buffer_add_text(&told, err ? "! " : " "), WEIR_OK);
}

/* What the loop is told at its top. */
static const char *look(void)
{
    weir__buffer_reset(&told);
    weir__inlet_take(engine->inlet);
    ck_assert_int_eq(weir__buffer_add_byte(&told, 0), WEIR_OK);
    return (const char *)told.data;
}

static void cut_known(void *context, weir_cut *known, const weir_error *err)
{
    (void)context;
    ck_assert(known == NULL || known == &cut);
    say(known ? "cut" : "journal", err);
}

typedef struct numbered {
    weir_ticket ticket; /* first: cast back */
    const char *word;
} numbered;

static numbered tickets[MOST_TICKETS];

static void ticket_known(weir_ticket *ticket, const weir_error *err)
{
    say(((numbered *)ticket)->word, err);
}

/* Queues record `number`; a word: it has a ticket. */
static void append(int64_t number, const char *word)
{
    char text[32];

    (void)snprintf(text, sizeof text, "r%lld", (long long)number);
    tickets[number] = (numbered){ { NULL, ticket_known }, word };
    ck_assert_int_eq(weir__committer_append(committer, "journal", weir__bytes_text("o"), number, weir__bytes_text(text),
                                            word ? &tickets[number].ticket : NULL),
                     WEIR_OK);
    weir__committer_flush(committer);
}

static void submit_cut(const char *line)
{
    weir__cut_reset(&cut);
    ck_assert_int_eq(weir__buffer_add_text(&cut.outputs, line), WEIR_OK);
    ck_assert_int_eq(weir__cut_put(&cut, weir__bytes_text("k"), weir__bytes_text("p"), weir__bytes_text(line)),
                     WEIR_OK);
    weir__committer_submit(committer, &cut);
}

static weir_code add_record(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    (void)owner;
    (void)number;
    (void)err;
    ck_assert_int_eq(weir__buffer_add(context, record.data, record.size), WEIR_OK);
    return weir__buffer_add_byte(context, ' ');
}

/* What the store has of the journal. */
static const char *stored(void)
{
    static char text[256];
    weir_buffer all;
    weir_error err;

    weir__buffer_init(&all, sizeof text);
    ck_assert_int_eq(weir__store_log_scan(store, "journal", add_record, &all, &err), WEIR_OK);
    (void)snprintf(text, sizeof text, "%.*s", (int)all.size, all.data ? (const char *)all.data : "");
    weir__buffer_clear(&all);
    return text;
}

static const char *cells(void)
{
    static char text[256];
    weir_error err;
    char *all = dump(store, &err);

    ck_assert_ptr_nonnull(all);
    (void)snprintf(text, sizeof text, "%s", all);
    free(all);
    return text;
}

static weir_turn turn(void *host, bool may_accept)
{
    (void)host;
    (void)may_accept;
    return WEIR__TURN_STOP;
}

static void open_committer(const weir_executor *on)
{
    weir_committer_options options = { .engine = engine, .executor = on, .store = store, .output = &sink,
                                       .known = cut_known };
    weir_error err;

    ck_assert_int_eq(weir__committer_new(&options, &committer, &err), WEIR_OK);
}

static void set_up(void)
{
    static const weir_engine_port port = { .turn = turn };
    weir_engine_options options = { .port = &port, .stack_bytes = 256 * 1024, .depth = 16 };
    weir_error err;

    folder = folder_new();
    output = malloc(strlen(folder) + 16);
    (void)snprintf(output, strlen(folder) + 16, "%s/output", folder);
    job = weir_job_new("test");
    ck_assert_int_eq(weir__job_seal(job, &err), WEIR_OK);
    options.job = job;
    ck_assert_int_eq(weir__engine_new(&options, &engine, &err), WEIR_OK);
    store = folder_open(folder);
    memset(&sink, 0, sizeof sink);
    ck_assert_int_eq(weir__sink_open(&sink, weir__disk_system(), output, WEIR__SINK_EMPTY, NULL, &err), WEIR_OK);
    held = NULL;
    weir__cut_init(&cut);
    weir__buffer_init(&told, SIZE_MAX);
    open_committer(&executor);
}

static void tear_down(void)
{
    weir__committer_free(committer);
    weir__sink_close(&sink);
    weir__store_close(store);
    weir__engine_free(engine);
    weir_job_free(job);
    weir__cut_clear(&cut);
    weir__buffer_clear(&told);
    free(output);
    folder_delete(folder);
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

START_TEST(an_entry_is_durable_before_its_ticket_is_told)
{
    append(1, "1");
    ck_assert(weir__committer_is_busy(committer));
    ck_assert_str_eq(look(), "");
    ck_assert_str_eq(stored(), "");
    work_once();
    ck_assert_str_eq(stored(), "r1 ");
    ck_assert(weir__committer_is_busy(committer)); /* not told yet */
    ck_assert_str_eq(look(), "1 ");
    ck_assert(!weir__committer_is_busy(committer));
    ck_assert_ptr_null(held);
}
END_TEST

START_TEST(what_gathers_while_it_is_busy_is_one_transaction)
{
    int64_t before;

    append(1, "1");
    work_once();
    before = number_of(store);
    for (int i = 2; i < 7; i++)
        append(i, i % 2 ? NULL : "t");
    work_once();
    ck_assert_int_eq(number_of(store), before + 1);
    ck_assert_str_eq(stored(), "r1 r2 r3 r4 r5 r6 ");
    ck_assert_str_eq(look(), "1 t t t ");
    ck_assert_ptr_null(held);
}
END_TEST

START_TEST(tickets_are_told_in_the_order_queued)
{
    append(1, "1");
    append(2, "2");
    append(3, "3");
    work_once();
    append(4, "4");
    work_once();
    ck_assert_str_eq(look(), "1 2 3 4 ");
}
END_TEST

START_TEST(entries_are_durable_before_a_later_cut)
{
    append(1, "1");
    submit_cut("line\n");
    work_once();
    ck_assert_str_eq(stored(), "r1 ");
    ck_assert_str_eq(cells(), ""); /* somebody waits for the entry: it goes first */
    ck_assert_str_eq(look(), "1 ");
    work_once();
    ck_assert_str_eq(cells(), "k/p=line\n\n");
    ck_assert_str_eq(look(), "cut ");
}
END_TEST

START_TEST(entries_that_nobody_waits_for_go_with_the_cut)
{
    int64_t before = number_of(store);

    append(1, NULL);
    submit_cut("line\n");
    work_once();
    ck_assert_int_eq(number_of(store), before + 1);
    ck_assert_str_eq(stored(), "r1 ");
    ck_assert_str_eq(cells(), "k/p=line\n\n");
    ck_assert_str_eq(look(), "cut ");
    ck_assert_ptr_null(held);
}
END_TEST

/* Who stops waits until it is not busy any more, and is told of that by nothing else. */
START_TEST(the_loop_is_woken_when_it_is_not_busy_any_more_whoever_waits)
{
    struct pollfd fd = { weir__inlet_fd(engine->inlet), POLLIN, 0 };

    append(1, NULL);
    ck_assert(weir__committer_is_busy(committer));
    work_once();
    ck_assert_int_eq(poll(&fd, 1, 0), 1);
    ck_assert_str_eq(look(), "");
    ck_assert(!weir__committer_is_busy(committer));
}
END_TEST

/* Calls one after the other keep tickets coming; the outputs must leave all the same. */
START_TEST(a_cut_waits_for_one_batch_at_the_most)
{
    append(1, "1");
    submit_cut("line\n");
    work_once();
    append(2, "2"); /* there is somebody who waits, again */
    work_once();
    ck_assert_str_eq(stored(), "r1 r2 ");
    ck_assert_str_eq(cells(), "k/p=line\n\n");
    ck_assert_str_eq(look(), "1 2 cut ");
    ck_assert_ptr_null(held);
}
END_TEST

START_TEST(a_cut_writes_its_outputs)
{
    size_t size;
    uint8_t *bytes;

    submit_cut("line\n");
    work_once();
    bytes = folder_read(folder, "output", &size);
    ck_assert_uint_eq(size, 5);
    ck_assert_mem_eq(bytes, "line\n", 5);
    free(bytes);
    ck_assert_str_eq(look(), "cut ");
}
END_TEST

/* ---- failure ----------------------------------------------------------------------------------------------------- */

START_TEST(after_a_failure_all_tickets_get_the_error_and_nothing_is_written)
{
    int64_t before;

    append(1, "1");
    submit_cut("line\n");
    work_once();
    ck_assert_str_eq(look(), "1 ");
    before = number_of(store);
    close(sink.fd); /* the cut goes with the next batch, and fails */
    append(2, "2");
    append(3, NULL);
    append(4, "4");
    work_once();
    ck_assert_str_eq(look(), "2! 4! cut! ");
    append(5, "5");
    append(6, "6");
    work_once();
    ck_assert_str_eq(look(), "5! 6! journal! ");
    ck_assert_int_eq(number_of(store), before);
    ck_assert_str_eq(stored(), "r1 ");
    ck_assert_str_eq(cells(), "");
    ck_assert(!weir__committer_is_busy(committer));
    sink.fd = dup(STDOUT_FILENO); /* for the close */
}
END_TEST

START_TEST(a_cut_that_fails_is_told_with_its_error)
{
    close(sink.fd);
    submit_cut("line\n");
    work_once();
    ck_assert_str_eq(look(), "cut! ");
    append(1, "1");
    work_once();
    ck_assert_str_eq(look(), "1! journal! ");
    ck_assert_str_eq(stored(), "");
    sink.fd = dup(STDOUT_FILENO); /* for the close */
}
END_TEST

/* ---- a thread of its own ----------------------------------------------------------------------------------------- */

START_TEST(a_thread_of_its_own_writes_all_there_is_in_order)
{
    enum { MANY = 2000 };
    static numbered many[MANY];
    size_t size = 0;

    weir__committer_free(committer);
    open_committer(NULL);
    weir__buffer_reset(&told);
    for (int i = 0; i < MANY; i++) {
        many[i] = (numbered){ { NULL, ticket_known }, "." };
        ck_assert_int_eq(weir__committer_append(committer, "journal", weir__bytes_text("o"), i, weir__bytes_text("r"),
                                                &many[i].ticket),
                         WEIR_OK);
        weir__committer_flush(committer);
        if (i == MANY / 2)
            submit_cut("line\n");
    }
    while (weir__committer_is_busy(committer)) {
        struct pollfd fd = { weir__inlet_fd(engine->inlet), POLLIN, 0 };

        ck_assert_int_eq(poll(&fd, 1, 30000), 1);
        size += strlen(look());
    }
    ck_assert_uint_eq(size, 2 * MANY + 4);
    ck_assert_str_eq(cells(), "k/p=line\n\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host/commit");
    TCase *order = tcase_create("order"), *failure = tcase_create("failure"), *thread = tcase_create("thread");

    tcase_add_checked_fixture(order, set_up, tear_down);
    tcase_add_test(order, an_entry_is_durable_before_its_ticket_is_told);
    tcase_add_test(order, what_gathers_while_it_is_busy_is_one_transaction);
    tcase_add_test(order, tickets_are_told_in_the_order_queued);
    tcase_add_test(order, entries_are_durable_before_a_later_cut);
    tcase_add_test(order, entries_that_nobody_waits_for_go_with_the_cut);
    tcase_add_test(order, the_loop_is_woken_when_it_is_not_busy_any_more_whoever_waits);
    tcase_add_test(order, a_cut_waits_for_one_batch_at_the_most);
    tcase_add_test(order, a_cut_writes_its_outputs);
    suite_add_tcase(suite, order);
    tcase_add_checked_fixture(failure, set_up, tear_down);
    tcase_add_test(failure, after_a_failure_all_tickets_get_the_error_and_nothing_is_written);
    tcase_add_test(failure, a_cut_that_fails_is_told_with_its_error);
    suite_add_tcase(suite, failure);
    tcase_add_checked_fixture(thread, set_up, tear_down);
    tcase_add_test(thread, a_thread_of_its_own_writes_all_there_is_in_order);
    suite_add_tcase(suite, thread);
    return weir__suite_run(suite);
}
