/* SPDX-License-Identifier: Apache-2.0 */
/* Clients of a cluster that is not there: they say so, in time, and close. */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "kafka/appender.h"
#include "kafka/internal.h"
#include "kafka/producer.h"
#include "kafka/reader.h"
#include "suite.h"

static weir_config *config;
static weir_cluster *cluster;
static weir_error err;

static void setup(void)
{
    weir_cluster_options options = { .group = "orders", .request_timeout_ms = 300 };

    ck_assert_int_eq(weir__config_new(&config, &err), WEIR_OK);
    /* Nothing listens on port 1. */
    ck_assert_int_eq(weir__config_set(config, "kafka.bootstrap.servers=127.0.0.1:1", &err), WEIR_OK);
    options.config = config;
    ck_assert_msg(weir__cluster_open(&options, &cluster, &err) == WEIR_OK, "%s", err.message);
}

static void teardown(void)
{
    weir__cluster_close(cluster);
    weir__config_free(config);
    ck_assert_uint_eq(weir__producers_left(), 0);
}

static int64_t now_ms(void)
{
    return weir__clock_monotonic_ms(weir__clock_system());
}

START_TEST(questions_are_answered_by_unreachable_in_time)
{
    weir_topic_facts facts;
    weir_buffer value;
    int64_t offset, begun = now_ms();
    bool found;

    weir__buffer_init(&value, 100);
    ck_assert_int_eq(weir__cluster_describe(cluster, "topic", &facts, &err), WEIR_UNREACHABLE);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_RETRY);
    ck_assert_msg(strncmp(err.message, "topic 'topic': describe: ", 25) == 0, "%s", err.message);
    ck_assert_int_eq(weir__cluster_topic_setting(cluster, "topic", "x", &value, &err), WEIR_UNREACHABLE);
    ck_assert_int_eq(weir__cluster_create(cluster, "topic", 1, 0, NULL, 0, &facts, &err), WEIR_UNREACHABLE);
    ck_assert_int_eq(weir__cluster_log_end(cluster, "topic", 0, WEIR__LOG_END, &offset, &err), WEIR_UNREACHABLE);
    ck_assert_int_eq(weir__cluster_delete_records(cluster, "topic", 0, 1, &err), WEIR_UNREACHABLE);
    ck_assert_int_eq(weir__cluster_committed(cluster, "topic", 0, &found, &offset, &value, &err), WEIR_UNREACHABLE);
    ck_assert_msg(strstr(err.message, "group 'orders', topic 'topic' partition 0: what is committed: "), "%s",
                  err.message);
    ck_assert_int_lt(now_ms() - begun, 20000);
    weir__buffer_clear(&value);
}
END_TEST

START_TEST(a_consumer_that_has_not_joined_is_no_member)
{
    const char *topic = "topic";
    weir_consumer_options options = { .cluster = cluster, .topics = &topic, .topic_count = 1 };
    weir_consumer *consumer = NULL;
    weir_record records[4];
    size_t count = 1;
    weir_code rc = WEIR_OK;
    int64_t until = now_ms() + 30000;

    ck_assert_int_eq(weir__consumer_open(&options, &consumer, &err), WEIR_OK);
    ck_assert_ptr_null(weir__consumer_member(consumer));
    ck_assert_ptr_null(weir__consumer_rebalance(consumer));
    ck_assert_int_eq(weir__consumer_answer(consumer, &err), WEIR_OK);
    ck_assert(!weir__consumer_is_assigned(consumer));
    ck_assert_uint_eq(weir__consumer_rebalances(consumer), 0);
    ck_assert_int_eq(weir__consumer_high_watermark(consumer, (weir_assigned){ 0, 0 }), -1);
    ck_assert_int_eq(weir__consumer_start(consumer, (weir_assigned){ 0, 3 }, 0, &err), WEIR_IO);
    ck_assert_str_eq(err.message, "topic 'topic' partition 3: is not assigned");
    ck_assert_int_eq(weir__consumer_hold(consumer, true, &err), WEIR_OK);
    while (rc == WEIR_OK && now_ms() < until) {
        struct pollfd waited = { .fd = weir__consumer_fd(consumer), .events = POLLIN };

        (void)poll(&waited, 1, 100);
        rc = weir__consumer_poll(consumer, records, 4, &count, &err);
        ck_assert_uint_eq(count, 0);
    }
    ck_assert_int_eq(rc, WEIR_UNREACHABLE);
    ck_assert_msg(strstr(err.message, "Connection refused"), "%s", err.message);
    weir__consumer_close(consumer);
    weir__consumer_close(NULL);
    weir__group_member_free(NULL);
}
END_TEST

START_TEST(a_producer_that_is_not_reached_may_be_asked_again)
{
    weir_producer *producer = NULL;

    ck_assert_int_eq(weir__producer_open(cluster, "id", &producer, &err), WEIR_OK);
    ck_assert_int_eq(weir__producer_init(producer, 200, &err), WEIR__TXN_UNKNOWN);
    ck_assert_int_eq(err.code, WEIR_UNKNOWN);
    ck_assert_int_eq(weir__producer_init(producer, 200, &err), WEIR__TXN_UNKNOWN);
    ck_assert_int_eq(weir__producer_begin(producer, &err), WEIR__TXN_UNKNOWN);
    ck_assert_msg(strstr(err.message, "begin"), "%s", err.message);
    weir__producer_close(producer);
    weir__producer_close(NULL);
}
END_TEST

static int told;

static void known(weir_appended *appended, const weir_error *why)
{
    ck_assert_int_eq(appended->offset, -1);
    ck_assert_str_eq(why->message, "journal: closed before the record was acknowledged");
    told++;
}

START_TEST(what_an_appender_has_not_written_is_told_as_failed_when_it_closes)
{
    weir_appender *appender = NULL;
    weir_appended waiting[3] = { { .known = known }, { .known = known }, { .known = known } };

    told = 0;
    ck_assert_int_eq(weir__appender_open(cluster, &appender, &err), WEIR_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(weir__appender_append(appender, "journal", 0, weir__bytes_text("k"), weir__bytes_text("v"),
                                               &waiting[i], &err),
                         WEIR_OK);
    ck_assert_int_eq(weir__appender_poll(appender, &err), WEIR_OK);
    ck_assert_uint_eq(weir__appender_pending(appender), 3);
    weir__appender_close(appender);
    ck_assert_int_eq(told, 3);
    weir__appender_close(NULL);
}
END_TEST

START_TEST(a_reader_waits_no_longer_than_it_is_asked_to)
{
    weir_reader_options options = { .cluster = cluster };
    weir_reader *reader = NULL;
    weir_record record;
    weir_code rc = WEIR_OK;
    size_t count = 1;
    int64_t begun = now_ms();

    ck_assert_int_eq(weir__reader_open(&options, &reader, &err), WEIR_OK);
    ck_assert_int_eq(weir__reader_add(reader, "topic", 0, 0, 1, &err), WEIR_OK);
    ck_assert_int_eq(weir__reader_add(reader, "topic", 0, 0, 1, &err), WEIR_IO);
    ck_assert_str_eq(err.message, "topic 'topic' partition 0: is read already");
    while (rc == WEIR_OK && now_ms() < begun + 30000)
        rc = weir__reader_poll(reader, 50, &record, 1, &count, &err);
    ck_assert_int_eq(rc, WEIR_UNREACHABLE);
    ck_assert_uint_eq(count, 0);
    weir__reader_remove(reader, "topic", 0);
    weir__reader_remove(reader, "topic", 0);
    weir__reader_close(reader);
    weir__reader_close(NULL);
}
END_TEST

START_TEST(an_error_says_what_is_to_be_granted)
{
    ck_assert_int_eq(weir__kafka_fail(&err, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, NULL, "Read on the topic",
                                      "topic '%s'", "orders"),
                     WEIR_IO);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
    ck_assert_str_eq(err.origin, "kafka");
    ck_assert_str_eq(err.message, "topic 'orders': Broker: Topic authorization failed; grant Read on the topic");
    ck_assert_int_eq(weir__kafka_fail(&err, RD_KAFKA_RESP_ERR__FENCED, "x", NULL, "member"), WEIR_FENCED);
    ck_assert_int_eq(weir__kafka_fail(&err, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, "x", NULL, "member"), WEIR_UNREACHABLE);
    ck_assert_int_eq(weir__kafka_fail(&err, RD_KAFKA_RESP_ERR__AUTHENTICATION, "x", NULL, "member"), WEIR_IO);
    ck_assert_int_eq(weir__kafka_fail(&err, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, "x", NULL, "member"), WEIR_UNKNOWN);
    ck_assert_int_eq(weir__kafka_fail(NULL, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "x", NULL, "member"), WEIR_LIMIT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka/clients");
    TCase *test = tcase_create("away");

    tcase_add_checked_fixture(test, setup, teardown);
    tcase_add_test(test, questions_are_answered_by_unreachable_in_time);
    tcase_add_test(test, a_consumer_that_has_not_joined_is_no_member);
    tcase_add_test(test, a_producer_that_is_not_reached_may_be_asked_again);
    tcase_add_test(test, what_an_appender_has_not_written_is_told_as_failed_when_it_closes);
    tcase_add_test(test, a_reader_waits_no_longer_than_it_is_asked_to);
    tcase_add_test(test, an_error_says_what_is_to_be_granted);
    tcase_set_timeout(test, 60);
    suite_add_tcase(suite, test);
    return weir__suite_run(suite);
}
