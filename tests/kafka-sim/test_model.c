/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated cluster itself: it must go wrong in the ways in which a real one does, and in no others. */
#include <stdio.h>
#include <string.h>

#include "suite.h"

#include "cluster.h"
#include "kafka/appender.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "kafka/reader.h"

static int running;

static bool are_all_done(void)
{
    return running == 0;
}

static void (*script)(void);

static void play_script(void *arg)
{
    (void)arg;
    script();
    running--;
}

/* A script on a thread of a process. It is done when it returns. */
static void run_as(sim_process *process, void (*fn)(void))
{
    script = fn;
    running = 1;
    sim_thread(process, "test", false, play_script, NULL);
    ck_assert_msg(sim_play(are_all_done), "the script waits for what never comes");
    ck_assert_msg(!world->has_failed, "%s", world->failure);
}

static bool never(void)
{
    return false;
}

static int64_t clock_end;

static bool is_late(void)
{
    return world->now_ms >= clock_end;
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Lets the world go on alone. */
static void pass(int64_t ms)
{
    clock_end = world->now_ms + ms;
    sim_in(ms, nothing, NULL);
    ck_assert(sim_play(is_late));
}

static sim_process *a, *b;
static weir_cluster *cluster;
static weir_producer *producer;

static void set_up(void)
{
    sim_world_begin(7, true);
    a = sim_process_new("a");
    b = sim_process_new("b");
    (void)sim_topic_make("in", 4);
    (void)sim_topic_make("out", 1);
}

static void tear_down(void)
{
    sim_finish();
    sim_release_stacks();
    weir__cluster_close(cluster);
    cluster = NULL;
    weir__producer_close(producer);
    producer = NULL;
    sim_world_end();
}

static void open_cluster(void)
{
    weir_cluster_options options = { .group = "job" };

    ck_assert(cluster || weir__cluster_open(&options, &cluster, NULL) == WEIR_OK);
}

static weir_producer *open_producer(const char *id)
{
    weir_producer *made = NULL;

    open_cluster();
    ck_assert(weir__producer_open(cluster, id, &made, NULL) == WEIR_OK);
    ck_assert(weir__producer_init(made, 1000, NULL) == WEIR__TXN_OK);
    return made;
}

static weir_txn add(weir_producer *to, const char *key, const char *value)
{
    weir_produce record = { .topic = "out", .partition = 0, .timestamp_ms = -1 };

    record.key = weir__bytes_text(key);
    if (value)
        record.value = weir__bytes_text(value);
    return weir__producer_add(to, &record, NULL);
}

static const sim_partition *out(void)
{
    return sim_partition_find("out", 0);
}

/* "a b c": the values that a reader is given up to the end, then the offset of the end. */
static const char *read_all(bool read_uncommitted, int64_t from)
{
    static char text[256];
    weir_reader_options options = { .read_uncommitted = read_uncommitted };
    weir_reader *reader = NULL;
    weir_record records[4];
    size_t count = 0, size = 0;
    bool is_over = false;

    open_cluster();
    options.cluster = cluster;
    ck_assert(weir__reader_open(&options, &reader, NULL) == WEIR_OK);
    ck_assert(weir__reader_add(reader, "out", 0, from, 3, NULL) == WEIR_OK);
    text[0] = '\0';
    while (!is_over && weir__reader_poll(reader, 100, records, 4, &count, NULL) == WEIR_OK) {
        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_eq(records[i].topic, 3);
            if (records[i].is_end)
                size += (size_t)snprintf(text + size, sizeof text - size, "|%lld", (long long)records[i].offset);
            else
                size += (size_t)snprintf(text + size, sizeof text - size, "%.*s ", (int)records[i].value.size,
                                         (const char *)records[i].value.data);
            is_over |= records[i].is_end;
        }
        weir__reader_done(reader);
    }
    weir__reader_close(reader);
    return text;
}

/* ---- logs and markers -------------------------------------------------------------------------------------------- */

static void write_one_transaction(void)
{
    int64_t end = -1;
    weir_produce record = { .topic = "out", .partition = 0, .timestamp_ms = -1, .end_offset = &end };

    producer = open_producer("t");
    ck_assert(weir__producer_begin(producer, NULL) == WEIR__TXN_OK);
    record.key = record.value = weir__bytes_text("x");
    ck_assert(weir__producer_add(producer, &record, NULL) == WEIR__TXN_OK);
    ck_assert(weir__producer_flush(producer, NULL) == WEIR__TXN_OK);
    ck_assert_int_eq(end, 1);
    ck_assert_str_eq(read_all(false, 0), "|0");
    ck_assert_str_eq(read_all(true, 0), "x |1");
    world->faults.late_marker = 1;
    world->faults.late_ms = 50;
    ck_assert(weir__producer_commit(producer, NULL) == WEIR__TXN_OK);
}

static void look_before_marker(void)
{
    int64_t stable = -1, end = -1;

    ck_assert(weir__cluster_log_end(cluster, "out", 0, WEIR__LOG_STABLE_END, &stable, NULL) == WEIR_OK);
    ck_assert(weir__cluster_log_end(cluster, "out", 0, WEIR__LOG_END, &end, NULL) == WEIR_OK);
    ck_assert_int_eq(stable, 0);
    ck_assert_int_eq(end, 1);
    ck_assert_str_eq(read_all(false, 0), "|0");
}

static void look_after_marker(void)
{
    ck_assert_str_eq(read_all(false, 0), "x |2");
    ck_assert_str_eq(read_all(false, 2), "|2");
    ck_assert_str_eq(read_all(true, 0), "x |2");
}

START_TEST(a_commit_is_answered_before_its_marker_is_seen)
{
    run_as(a, write_one_transaction);
    run_as(a, look_before_marker);
    pass(60);
    run_as(a, look_after_marker);
}
END_TEST

static void abort_one_transaction(void)
{
    producer = open_producer("t");
    ck_assert(weir__producer_begin(producer, NULL) == WEIR__TXN_OK);
    ck_assert(add(producer, "k", "gone") == WEIR__TXN_OK);
    ck_assert(weir__producer_flush(producer, NULL) == WEIR__TXN_OK);
    ck_assert(weir__producer_abort(producer, NULL) == WEIR__TXN_OK);
    ck_assert(weir__producer_begin(producer, NULL) == WEIR__TXN_OK);
    ck_assert(add(producer, "k", "kept") == WEIR__TXN_OK);
    ck_assert(weir__producer_commit(producer, NULL) == WEIR__TXN_OK);
}

static void look_for_kept(void)
{
    ck_assert_str_eq(read_all(false, 0), "kept |4");
    ck_assert_str_eq(read_all(true, 0), "gone kept |4");
}

START_TEST(aborted_records_take_offsets_and_stay_invisible)
{
    run_as(a, abort_one_transaction);
    pass(10);
    run_as(a, look_for_kept);
}
END_TEST

START_TEST(compaction_keeps_the_last_of_a_key_and_forgets_old_tombstones)
{
    static const char *const keys[] = { "a", "b", "a", "c", "b", "d" };
    static const char *const values[] = { "1", "1", "2", "1", NULL, "1" };
    sim_partition *partition = sim_partition_find("out", 0);

    for (size_t i = 0; i < 6; i++) {
        sim_record record = { .state = SIM_PLAIN, .timestamp_ms = -1, .key = weir__bytes_text(keys[i]) };

        if (values[i])
            record.value = weir__bytes_text(values[i]);
        (void)sim_log_append(partition, &record);
    }
    sim_log_compact(partition, 100);
    ck_assert(!sim_log_is_visible(partition, 0, false));
    ck_assert(!sim_log_is_visible(partition, 1, false));
    ck_assert(sim_log_is_visible(partition, 2, false));
    ck_assert_msg(sim_log_is_visible(partition, 4, false), "a young tombstone stays");
    pass(101);
    sim_log_compact(partition, 100);
    ck_assert_msg(!sim_log_is_visible(partition, 4, false), "an old tombstone goes");
    ck_assert(sim_log_is_visible(partition, 5, false));
}
END_TEST

static void read_before_start(void)
{
    weir_reader_options options = { .cluster = cluster };
    weir_reader *reader = NULL;
    weir_record records[4];
    size_t count = 9;

    ck_assert(weir__cluster_delete_records(cluster, "out", 0, 2, NULL) == WEIR_OK);
    ck_assert(weir__reader_open(&options, &reader, NULL) == WEIR_OK);
    ck_assert(weir__reader_add(reader, "out", 0, 1, 5, NULL) == WEIR_OK);
    ck_assert(weir__reader_poll(reader, 10, records, 4, &count, NULL) == WEIR_UNKNOWN);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(records[0].topic, 5);
    ck_assert_int_eq(records[0].offset, 1);
    weir__reader_close(reader);
}

START_TEST(an_offset_before_the_logs_start_is_an_error_of_the_reader)
{
    run_as(a, abort_one_transaction);
    pass(10);
    run_as(a, read_before_start);
}
END_TEST

/* ---- the coordinator of transactions ----------------------------------------------------------------------------- */

static weir_producer *old_one;

static void leave_one_hanging(void)
{
    old_one = open_producer("t");
    ck_assert(weir__producer_begin(old_one, NULL) == WEIR__TXN_OK);
    ck_assert(add(old_one, "k", "hanging") == WEIR__TXN_OK);
    ck_assert(weir__producer_flush(old_one, NULL) == WEIR__TXN_OK);
}

static void init_another(void)
{
    world->faults.late_marker = 1;
    world->faults.late_ms = 30;
    producer = open_producer("t");
    ck_assert_msg(!out()->open, "init returns once the hanging transaction is over");
    ck_assert(weir__producer_commit(old_one, NULL) == WEIR__TXN_FENCED);
    weir__producer_close(old_one);
    ck_assert_str_eq(read_all(false, 0), "|2");
}

START_TEST(init_aborts_what_hangs_and_fences_the_one_before)
{
    run_as(a, leave_one_hanging);
    run_as(b, init_another);
}
END_TEST

static void commit_after_time_out(void)
{
    ck_assert(weir__producer_commit(old_one, NULL) == WEIR__TXN_FENCED);
    weir__producer_close(old_one);
    ck_assert_str_eq(read_all(false, 0), "|2");
}

START_TEST(a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced)
{
    run_as(a, leave_one_hanging);
    pass(2 * world->transaction_ms);
    run_as(a, commit_after_time_out);
}
END_TEST

static void commit_late(void)
{
    producer = open_producer("t");
    ck_assert(weir__producer_begin(producer, NULL) == WEIR__TXN_OK);
    ck_assert(add(producer, "k", "first") == WEIR__TXN_OK);
    ck_assert(weir__producer_flush(producer, NULL) == WEIR__TXN_OK);
    world->faults.late_request = 1;
    world->faults.late_ms = 40;
    ck_assert(weir__producer_commit(producer, NULL) == WEIR__TXN_UNKNOWN);
    world->faults.late_request = 0;
}

static void look_for_first(void)
{
    ck_assert_str_eq(read_all(false, 0), "first |2");
}

START_TEST(a_commit_that_nobody_waits_for_any_more_may_still_land)
{
    run_as(a, commit_late);
    ck_assert_int_eq(out()->open, 1);
    pass(1000);
    run_as(a, look_for_first);
}
END_TEST

static void end_directly(void)
{
    int64_t id = 0, offset = 0;
    int epoch = 0;
    sim_partition *partition = sim_partition_find("out", 0);
    sim_record record = { .timestamp_ms = -1, .key = weir__bytes_text("k"), .value = weir__bytes_text("later") };

    ck_assert_int_eq(sim_txn_init("t", NULL, &id, &epoch), SIM_OK);
    ck_assert_int_eq(sim_txn_add_partition("t", epoch, partition), SIM_OK);
    ck_assert_int_eq(sim_txn_end("t", epoch, false), SIM_OK);
    (void)sim_wait(NULL, NULL, world->now_ms + 10);
    ck_assert_int_eq(sim_txn_add_partition("t", epoch, partition), SIM_OK);
    ck_assert_int_eq(sim_txn_produce("t", epoch, partition, &record, &offset), SIM_OK);
    /* A late commit of the first hits the second: no epoch tells them apart. */
    ck_assert_int_eq(sim_txn_end("t", epoch, true), SIM_OK);
    (void)sim_wait(NULL, NULL, world->now_ms + 10);
    ck_assert(sim_log_is_visible(partition, offset, false));
    ck_assert_int_eq(sim_txn_init("t", NULL, &id, &epoch), SIM_OK);
    ck_assert_int_eq(sim_txn_add_partition("t", epoch, partition), SIM_OK);
    ck_assert_int_eq(sim_txn_end("t", epoch - 1, true), SIM_FENCED);
}

START_TEST(a_late_end_hits_a_later_transaction_of_its_epoch_and_none_of_another)
{
    run_as(a, end_directly);
}
END_TEST

static void produce_unasked(void)
{
    int64_t id = 0, offset = 0;
    int epoch = 0;
    sim_pending_offset pending = { .topic = "in", .offset = 1, .metadata = weir__bytes_text("") };
    sim_record record = { .timestamp_ms = -1, .key = weir__bytes_text("k"), .value = weir__bytes_text("v") };

    ck_assert_int_eq(sim_txn_init("t", NULL, &id, &epoch), SIM_OK);
    ck_assert_int_eq(sim_txn_produce("t", epoch, sim_partition_find("out", 0), &record, &offset), SIM_BAD_STATE);
    ck_assert_int_eq(sim_txn_offset("t", epoch, &pending), SIM_BAD_STATE);
    ck_assert_int_eq(out()->end, 0);
}

START_TEST(late_records_and_offsets_join_no_transaction_that_is_not_open)
{
    run_as(a, produce_unasked);
}
END_TEST

static void send_offset_and_be_passed(void)
{
    int64_t id = 0;
    int epoch = 0;
    sim_pending_offset pending = { .topic = "in", .offset = 1, .metadata = weir__bytes_text("ours") };

    ck_assert_int_eq(sim_txn_init("t", NULL, &id, &epoch), SIM_OK);
    ck_assert_int_eq(sim_txn_add_group("t", epoch), SIM_OK);
    ck_assert_int_eq(sim_txn_offset("t", epoch, &pending), SIM_OK);
    sim_offset_set("in", 0, 7);
    ck_assert_int_eq(sim_txn_end("t", epoch, true), SIM_OK);
    (void)sim_wait(NULL, NULL, world->now_ms + 10);
    ck_assert_int_eq(sim_offset_of("in", 0)->offset, 7);
    ck_assert(sim_offset_of("in", 0)->is_foreign);
    ck_assert_int_eq(sim_txn_add_group("t", epoch), SIM_OK);
    ck_assert_int_eq(sim_txn_offset("t", epoch, &pending), SIM_OK);
    ck_assert_int_eq(sim_txn_end("t", epoch, true), SIM_OK);
    (void)sim_wait(NULL, NULL, world->now_ms + 10);
    ck_assert_int_eq(sim_offset_of("in", 0)->offset, 1);
    ck_assert(!sim_offset_of("in", 0)->is_foreign);
}

START_TEST(a_late_marker_does_not_undo_what_somebody_has_set_since)
{
    run_as(a, send_offset_and_be_passed);
}
END_TEST

static int64_t overwritten;

static void note_overwrite(const sim_process *owner, const char *topic, int32_t partition, int64_t offset)
{
    ck_assert(!owner && partition == 0 && strcmp(topic, "in") == 0 && overwritten == -1);
    overwritten = offset;
}

static void commit_over_one_and_be_passed_by_another(void)
{
    int64_t id = 0;
    int epoch = 0;
    sim_pending_offset pending = { .topic = "in", .offset = 1, .metadata = weir__bytes_text("ours") };

    overwritten = -1;
    world->on_overwrite = note_overwrite;
    ck_assert_int_eq(sim_txn_init("t", NULL, &id, &epoch), SIM_OK);
    sim_offset_set("in", 0, 7);
    ck_assert_int_eq(sim_txn_add_group("t", epoch), SIM_OK);
    ck_assert_int_eq(sim_txn_offset("t", epoch, &pending), SIM_OK);
    ck_assert_int_eq(overwritten, -1);
    ck_assert_int_eq(sim_txn_end("t", epoch, true), SIM_OK);
    ck_assert_int_eq(overwritten, 7);
    sim_offset_set("in", 0, 9);
    (void)sim_wait(NULL, NULL, world->now_ms + 10);
    ck_assert_int_eq(sim_offset_of("in", 0)->offset, 9);
}

START_TEST(who_passes_over_an_offset_is_told_though_another_is_set_before_the_marker)
{
    run_as(a, commit_over_one_and_be_passed_by_another);
}
END_TEST

/* ---- readers ----------------------------------------------------------------------------------------------------- */

static void read_too_early(void)
{
    weir_reader_options options = { .read_uncommitted = true };
    sim_record record = { .state = SIM_PLAIN, .timestamp_ms = -1, .value = weir__bytes_text("x") };
    sim_partition *log = sim_partition_find("out", 0);
    weir_reader *reader = NULL;
    weir_record records[4];
    size_t count = 0;

    open_cluster();
    options.cluster = cluster;
    world->faults.late_fetch = 1;
    world->faults.late_ms = 50;
    (void)sim_log_append(log, &record);
    ck_assert(weir__reader_open(&options, &reader, NULL) == WEIR_OK);
    ck_assert(weir__reader_add(reader, "out", 0, 0, 0, NULL) == WEIR_OK);
    ck_assert(weir__reader_poll(reader, 0, records, 4, &count, NULL) == WEIR_OK);
    ck_assert_uint_eq(count, 0);
    (void)sim_wait(NULL, NULL, world->now_ms + 60);
    (void)sim_log_append(log, &record);
    for (count = 0; count == 0;)
        ck_assert(weir__reader_poll(reader, 100, records, 1, &count, NULL) == WEIR_OK);
    ck_assert(!records[0].is_end);
    for (count = 0; count == 0;)
        ck_assert(weir__reader_poll(reader, 100, records, 1, &count, NULL) == WEIR_OK);
    ck_assert_msg(records[0].is_end && records[0].offset == 1, "an end is that of when it was fetched");
    weir__reader_close(reader);
}

START_TEST(a_reader_is_given_what_lies_in_the_log_once_it_has_been_fetched)
{
    run_as(a, read_too_early);
}
END_TEST

/* ---- offsets ----------------------------------------------------------------------------------------------------- */

static weir_consumer *consumers[2];
static sim_process *owners[2];

static void open_consumer(int which)
{
    static const char *const topics[] = { "in" };
    weir_consumer_options options = { .topics = topics, .topic_count = 1 };

    open_cluster();
    options.cluster = cluster;
    options.instance = world->is_static ? owners[which]->name : NULL;
    ck_assert(weir__consumer_open(&options, &consumers[which], NULL) == WEIR_OK);
}

static void open_first(void)
{
    open_consumer(0);
}

static void open_second(void)
{
    open_consumer(1);
}

/* What is noted is answered at once: "+0 +1 -2 !3". */
static char answers[2][256];

static void attend(int which)
{
    weir_consumer *consumer = consumers[which];
    const weir_rebalance *noted;
    weir_record records[4];
    size_t count;

    if (weir__consumer_poll(consumer, records, 4, &count, NULL) != WEIR_OK)
        return;
    weir__consumer_done(consumer);
    while ((noted = weir__consumer_rebalance(consumer))) {
        for (size_t i = 0; i < noted->count; i++) {
            size_t size = strlen(answers[which]);

            (void)snprintf(answers[which] + size, sizeof answers[which] - size, "%c%d ", "+-!"[noted->kind],
                           noted->partitions[i].partition);
        }
        ck_assert(weir__consumer_answer(consumer, NULL) == WEIR_OK);
    }
}

static void attend_first(void)
{
    attend(0);
}

static void attend_second(void)
{
    attend(1);
}

static bool is_deaf[2];

static void live(int64_t ms)
{
    int64_t until_ms = world->now_ms + ms;

    while (world->now_ms < until_ms) {
        if (consumers[0] && !is_deaf[0])
            run_as(owners[0], attend_first);
        if (consumers[1] && !is_deaf[1])
            run_as(owners[1], attend_second);
        pass(10);
    }
}

static void set_up_group(void)
{
    set_up();
    owners[0] = a;
    owners[1] = b;
    answers[0][0] = answers[1][0] = '\0';
    consumers[0] = consumers[1] = NULL;
    is_deaf[0] = is_deaf[1] = false;
    run_as(a, open_first);
    live(100);
}

static void close_consumers(void)
{
    weir__consumer_close(consumers[0]);
    weir__consumer_close(consumers[1]);
    tear_down();
}

static weir_group_member *member;

static void commit_offsets(void)
{
    weir_commit_offset offset = { "in", 2, 42, weir__bytes_text("what is kept beside it") };

    producer = open_producer("t");
    member = weir__consumer_member(consumers[0]);
    ck_assert(member != NULL);
    ck_assert(weir__producer_begin(producer, NULL) == WEIR__TXN_OK);
    ck_assert(weir__producer_offsets(producer, &offset, 1, member, NULL) == WEIR__TXN_OK);
    world->faults.late_marker = 1;
    world->faults.late_ms = 60;
    ck_assert(weir__producer_commit(producer, NULL) == WEIR__TXN_OK);
    world->faults.late_marker = 0;
    weir__group_member_free(member);
}

static void read_offsets(void)
{
    weir_buffer metadata;
    bool found = false;
    int64_t offset = 0;

    weir__buffer_init(&metadata, 1000);
    ck_assert_msg(sim_offset_is_pending("in", 2), "the marker is not there yet");
    ck_assert(weir__cluster_committed(cluster, "in", 2, &found, &offset, &metadata, NULL) == WEIR_OK);
    ck_assert(found);
    ck_assert_int_eq(offset, 42);
    ck_assert(weir__bytes_equal(weir__buffer_bytes(&metadata), weir__bytes_text("what is kept beside it")));
    ck_assert(weir__cluster_committed(cluster, "in", 1, &found, &offset, &metadata, NULL) == WEIR_OK);
    ck_assert(!found);
    sim_offsets_forget(NULL);
    ck_assert(weir__cluster_committed(cluster, "in", 2, &found, &offset, &metadata, NULL) == WEIR_OK);
    ck_assert(!found);
    weir__buffer_clear(&metadata);
}

START_TEST(committed_offsets_are_waited_for_until_they_are_stable)
{
    run_as(a, commit_offsets);
    run_as(a, read_offsets);
}
END_TEST

static void offsets_of_old_generation(void)
{
    weir_commit_offset offset = { "in", 2, 42, weir__bytes_text("") };

    ck_assert(weir__producer_begin(producer, NULL) == WEIR__TXN_OK);
    ck_assert(weir__producer_offsets(producer, &offset, 1, member, NULL) == WEIR__TXN_REFUSED);
    ck_assert(weir__producer_abort(producer, NULL) == WEIR__TXN_OK);
    weir__group_member_free(member);
    member = weir__consumer_member(consumers[0]);
    /* The broker does not ask whose partition it is. */
    ck_assert(weir__producer_begin(producer, NULL) == WEIR__TXN_OK);
    ck_assert(weir__producer_offsets(producer, &offset, 1, member, NULL) == WEIR__TXN_OK);
    ck_assert(weir__producer_commit(producer, NULL) == WEIR__TXN_OK);
    weir__group_member_free(member);
}

static void take_member(void)
{
    producer = open_producer("t");
    member = weir__consumer_member(consumers[0]);
    ck_assert(member != NULL);
}

START_TEST(offsets_of_an_old_generation_are_refused_and_ownership_is_not_asked_for)
{
    run_as(a, take_member);
    run_as(b, open_second);
    live(300);
    run_as(a, offsets_of_old_generation);
}
END_TEST

/* ---- the group --------------------------------------------------------------------------------------------------- */

START_TEST(a_new_member_is_given_partitions_only_after_they_were_given_up)
{
    ck_assert_str_eq(answers[0], "+0 +1 +2 +3 ");
    run_as(b, open_second);
    is_deaf[0] = true; /* the first one is busy */
    live(300);
    ck_assert_str_eq(answers[1], "");
    is_deaf[0] = false;
    live(300);
    ck_assert_uint_eq(strlen(answers[0]), strlen("+0 +1 +2 +3 -x -x "));
    ck_assert_uint_eq(strlen(answers[1]), strlen("+x +x "));
    ck_assert_uint_eq(sim_group_size(), 2);
}
END_TEST

static void has_no_member(void)
{
    ck_assert_ptr_null(weir__consumer_member(consumers[0]));
    ck_assert(weir__consumer_rebalance(consumers[0]) != NULL);
    ck_assert(weir__consumer_rebalance(consumers[0])->kind == WEIR__REBALANCE_LOST);
}

START_TEST(a_process_that_stood_still_for_a_session_finds_its_partitions_lost)
{
    uint64_t before = weir__consumer_rebalances(consumers[0]);

    run_as(b, open_second);
    live(300);
    is_deaf[0] = true;
    sim_stop(a, 3 * world->session_ms);
    live(2 * world->session_ms);
    ck_assert_uint_eq(sim_group_size(), 1);
    ck_assert_uint_eq(strlen(answers[1]), strlen("+x +x +x +x "));
    live(2 * world->session_ms);
    ck_assert(weir__consumer_rebalances(consumers[0]) > before);
    run_as(a, has_no_member);
    is_deaf[0] = false;
    live(500);
    ck_assert_uint_eq(sim_group_size(), 2);
}
END_TEST

static void has_a_member(void)
{
    weir_group_member *still = weir__consumer_member(consumers[0]);

    ck_assert_ptr_nonnull(still);
    weir__group_member_free(still);
}

START_TEST(a_member_that_hears_nothing_is_put_out_and_does_not_know_it)
{
    run_as(b, open_second);
    live(300);
    a->deaf_until_ms = world->now_ms + 3 * world->session_ms;
    live(2 * world->session_ms);
    ck_assert_uint_eq(sim_group_size(), 1);
    run_as(a, has_a_member);
    live(2 * world->session_ms);
    ck_assert_uint_eq(sim_group_size(), 2);
}
END_TEST

START_TEST(a_member_that_dies_is_put_out_when_its_session_is_over)
{
    run_as(b, open_second);
    live(300);
    sim_kill(a);
    is_deaf[0] = true;
    live(world->session_ms / 4);
    ck_assert_uint_eq(sim_group_size(), 2);
    live(2 * world->session_ms);
    ck_assert_uint_eq(sim_group_size(), 1);
    ck_assert_uint_eq(strlen(answers[1]), strlen("+x +x +x +x "));
}
END_TEST

static void set_up_static(void)
{
    set_up();
    world->is_static = true;
    owners[0] = a;
    owners[1] = sim_process_new("a"); /* the same name: a clone, or the next life */
    answers[0][0] = answers[1][0] = '\0';
    consumers[0] = consumers[1] = NULL;
    is_deaf[0] = is_deaf[1] = false;
    run_as(a, open_first);
    live(100);
}

static void is_fenced_out(void)
{
    weir_record records[4];
    size_t count;

    ck_assert(weir__consumer_poll(consumers[0], records, 4, &count, NULL) == WEIR_FENCED);
}

START_TEST(a_static_member_takes_the_place_of_its_former_self_which_is_fenced)
{
    run_as(owners[1], open_second);
    is_deaf[0] = true;
    live(300);
    ck_assert_str_eq(answers[1], "+0 +1 +2 +3 ");
    ck_assert_uint_eq(sim_group_size(), 1);
    run_as(a, is_fenced_out);
}
END_TEST

/* ---- the appender ------------------------------------------------------------------------------------------------ */

typedef struct told {
    weir_appended base;
    int times;
    bool is_ok;
} told;

static told tolds[4];
static weir_appender *appender;

static void know(weir_appended *appended, const weir_error *err)
{
    told *at = (told *)appended;

    at->times++;
    at->is_ok = !err;
}

static void append_four(void)
{
    open_cluster();
    ck_assert(weir__appender_open(cluster, &appender, NULL) == WEIR_OK);
    for (size_t i = 0; i < 4; i++) {
        char text[2] = { (char)('a' + i), '\0' };

        tolds[i] = (told){ .base = { .known = know } };
        ck_assert(weir__appender_append(appender, "out", 0, weir__bytes_text("k"), weir__bytes_text(text),
                                        &tolds[i].base, NULL) == WEIR_OK);
    }
    ck_assert_uint_eq(weir__appender_pending(appender), 4);
}

static void wait_for_told(void)
{
    while (weir__appender_pending(appender)) {
        ck_assert(weir__appender_poll(appender, NULL) == WEIR_OK);
        (void)sim_wait(NULL, NULL, world->now_ms + 1);
    }
}

static void look_for_four(void)
{
    ck_assert_str_eq(read_all(false, 0), "a b c d |4");
}

START_TEST(appended_records_stand_in_their_order)
{
    world->faults.delay_ms = 9;
    run_as(a, append_four);
    run_as(a, wait_for_told);
    for (size_t i = 0; i < 4; i++)
        ck_assert(tolds[i].times == 1 && tolds[i].is_ok && tolds[i].base.offset == (int64_t)i);
    run_as(a, look_for_four);
    weir__appender_close(appender);
}
END_TEST

START_TEST(what_was_sent_lands_after_its_writers_death_without_gaps)
{
    int lengths[5] = { 0 };

    weir__cluster_close(cluster);
    cluster = NULL;
    for (uint64_t seed = 1; seed < 60; seed++) {
        sim_world_begin(seed, false);
        a = sim_process_new("a");
        b = sim_process_new("b");
        (void)sim_topic_make("out", 1);
        world->faults.delay_ms = 20;
        run_as(a, append_four);
        pass(7);
        sim_kill(a);
        pass(100);
        for (int64_t i = 0; i < out()->end; i++)
            ck_assert_int_eq(out()->records[i].value.data[0], 'a' + i);
        lengths[out()->end]++;
        sim_finish();
        weir__appender_close(appender);
        weir__cluster_close(cluster);
        cluster = NULL;
        for (size_t i = 0; i < 4; i++)
            ck_assert_int_eq(tolds[i].times, 1);
    }
    ck_assert_msg(lengths[0] && lengths[4] && lengths[1] + lengths[2] + lengths[3],
                  "all, some and none must be seen: %d %d %d %d %d", lengths[0], lengths[1], lengths[2], lengths[3],
                  lengths[4]);
}
END_TEST

/* ---- ghosts ------------------------------------------------------------------------------------------------------ */

static bool has_ended, is_committed;

static void commit_as_ghost(void)
{
    weir_cluster_options options = { .group = "job" };

    if (weir__cluster_open(&options, &cluster, NULL) != WEIR_OK ||
        weir__producer_open(cluster, "t", &producer, NULL) != WEIR_OK) {
        has_ended = true;
        return;
    }
    if (weir__producer_init(producer, 1000, NULL) != WEIR__TXN_OK) {
        has_ended = true;
        return;
    }
    if (weir__producer_begin(producer, NULL) == WEIR__TXN_OK && add(producer, "k", "v") == WEIR__TXN_OK &&
        weir__producer_flush(producer, NULL) == WEIR__TXN_OK)
        is_committed = weir__producer_commit(producer, NULL) == WEIR__TXN_OK;
    has_ended = true;
}

START_TEST(a_ghost_changes_nothing_and_ends)
{
    for (uint64_t step = 1; step < 30; step++) {
        int64_t end;

        weir__producer_close(producer);
        producer = NULL;
        weir__cluster_close(cluster);
        cluster = NULL;
        sim_world_begin(3, false);
        a = sim_process_new("a");
        (void)sim_topic_make("out", 1);
        a->kill_at = step;
        has_ended = is_committed = false;
        script = commit_as_ghost;
        running = 1;
        sim_thread(a, "test", false, play_script, NULL);
        (void)sim_play(are_all_done);
        ck_assert(has_ended);
        ck_assert(a->is_dead || is_committed);
        end = out()->end;
        (void)sim_play(never);
        ck_assert_msg(out()->end <= end + 2, "at most what was sent, and a marker");
        ck_assert_int_eq(out()->open, 0);
    }
}
END_TEST

static void ask_unreachable(void)
{
    weir_topic_facts facts;
    weir_error err;

    open_cluster();
    world->unreachable_until_ms = world->now_ms + 1000;
    ck_assert(weir__cluster_describe(cluster, "in", &facts, &err) == WEIR_UNREACHABLE);
    ck_assert_str_eq(err.message, "topic 'in': no answer");
    (void)sim_wait(NULL, NULL, world->now_ms + 1000);
    ck_assert(weir__cluster_describe(cluster, "in", &facts, NULL) == WEIR_OK);
    ck_assert(facts.exists && facts.partitions == 4);
    ck_assert(weir__cluster_describe(cluster, "nowhere", &facts, NULL) == WEIR_OK);
    ck_assert(!facts.exists);
}

START_TEST(requests_fail_while_no_broker_is_reachable_and_succeed_later)
{
    run_as(a, ask_unreachable);
}
END_TEST

START_TEST(a_topic_made_anew_has_another_id_and_nothing_in_it)
{
    char id[WEIR__TOPIC_ID_SIZE];

    memcpy(id, sim_topic_find("out")->id, sizeof id);
    run_as(a, abort_one_transaction);
    sim_topic_remake("out", false);
    ck_assert_str_ne(sim_topic_find("out")->id, id);
    ck_assert_int_eq(out()->end, 0);
}
END_TEST

static void add_case(Suite *suite, const char *name, void (*before)(void), void (*after)(void),
                     const TTest *const *tests)
{
    TCase *all = tcase_create(name);

    tcase_add_checked_fixture(all, before, after);
    for (; *tests; tests++)
        tcase_add_test(all, *tests);
    suite_add_tcase(suite, all);
}

int main(void)
{
    const TTest *const alone[] = {
        a_commit_is_answered_before_its_marker_is_seen,
        aborted_records_take_offsets_and_stay_invisible,
        compaction_keeps_the_last_of_a_key_and_forgets_old_tombstones,
        an_offset_before_the_logs_start_is_an_error_of_the_reader,
        init_aborts_what_hangs_and_fences_the_one_before,
        a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced,
        a_commit_that_nobody_waits_for_any_more_may_still_land,
        a_late_end_hits_a_later_transaction_of_its_epoch_and_none_of_another,
        late_records_and_offsets_join_no_transaction_that_is_not_open,
        a_late_marker_does_not_undo_what_somebody_has_set_since,
        who_passes_over_an_offset_is_told_though_another_is_set_before_the_marker,
        a_reader_is_given_what_lies_in_the_log_once_it_has_been_fetched,
        appended_records_stand_in_their_order,
        what_was_sent_lands_after_its_writers_death_without_gaps,
        a_ghost_changes_nothing_and_ends,
        requests_fail_while_no_broker_is_reachable_and_succeed_later,
        a_topic_made_anew_has_another_id_and_nothing_in_it,
        NULL,
    };
    const TTest *const grouped[] = {
        committed_offsets_are_waited_for_until_they_are_stable,
        offsets_of_an_old_generation_are_refused_and_ownership_is_not_asked_for,
        a_new_member_is_given_partitions_only_after_they_were_given_up,
        a_process_that_stood_still_for_a_session_finds_its_partitions_lost,
        a_member_that_hears_nothing_is_put_out_and_does_not_know_it,
        a_member_that_dies_is_put_out_when_its_session_is_over,
        NULL,
    };
    const TTest *const by_name[] = { a_static_member_takes_the_place_of_its_former_self_which_is_fenced, NULL };
    Suite *suite = suite_create("kafka-sim/model");

    add_case(suite, "cluster", set_up, tear_down, alone);
    add_case(suite, "group", set_up_group, close_consumers, grouped);
    add_case(suite, "static members", set_up_static, close_consumers, by_name);
    return weir__suite_run(suite);
}
