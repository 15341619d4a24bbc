/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand under kafka., what may not, and who gets it. No broker is there: nothing connects. */
#include <stdio.h>
#include <string.h>

#include "kafka/cluster.h"
#include "kafka/internal.h"
#include "suite.h"

#define SERVERS "kafka.bootstrap.servers=127.0.0.1:1"

static weir_config *config;

static weir_code open_with(const char *const *sets, weir_cluster **cluster, weir_error *err)
{
    weir_cluster_options options = { .group = "orders" };

    *cluster = NULL;
    ck_assert_int_eq(weir__config_new(&config, NULL), WEIR_OK);
    for (; *sets; sets++)
        ck_assert_msg(weir__config_set(config, *sets, err) == WEIR_OK, "%s", err->message);
    options.config = config;
    return weir__cluster_open(&options, cluster, err);
}

static void close_all(weir_cluster *cluster)
{
    weir__cluster_close(cluster);
    weir__config_free(config);
    config = NULL;
}

static void refused(const char *set, const char *message)
{
    const char *sets[] = { SERVERS, set, NULL };
    weir_cluster *cluster;
    weir_error err = { 0 };

    ck_assert_msg(open_with(sets, &cluster, &err) == WEIR_CONFIG, "%s is taken", set);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_str_eq(err.message, message);
    ck_assert_ptr_null(cluster);
    close_all(cluster);
}

static void taken(const char *set)
{
    const char *sets[] = { SERVERS, set, NULL };
    weir_cluster *cluster;
    weir_error err = { 0 };
    weir_code rc = open_with(sets, &cluster, &err);

    ck_assert_msg(rc == WEIR_OK, "%s: %s", set, err.message);
    close_all(cluster);
}

START_TEST(a_cluster_without_servers_is_refused)
{
    const char *const sets[] = { "kafka.client.id=x", NULL };
    weir_cluster *cluster;
    weir_error err = { 0 };

    ck_assert_int_eq(open_with(sets, &cluster, &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message,
                     "kafka.bootstrap.servers is not set: where is the cluster? (host:port, parted by commas)");
    close_all(cluster);
}
END_TEST

START_TEST(what_weir_decides_may_only_be_said_as_it_is)
{
    refused("kafka.enable.auto.commit=true",
            "kafka.enable.auto.commit: is always false: offsets are committed by transactions");
    refused("kafka.isolation.level=read_uncommitted",
            "kafka.isolation.level: is always read_committed: only what is committed is read");
    refused("kafka.acks=1", "kafka.acks: is always all: a record counts when all replicas have it");
    refused("kafka.transactional.id=mine", "kafka.transactional.id: cannot be set: weir names its producers");
    refused("kafka.enable.partition.eof=true",
            "kafka.enable.partition.eof: cannot be set: weir asks for a partition's end where it needs it");
    refused("kafka.group.id=other", "kafka.group.id: 'other' is not the job's name 'orders'; the group is named after "
                                    "the job (job.name)");
    taken("kafka.enable.auto.commit=false");
    taken("kafka.acks=-1");
    taken("kafka.group.id=orders");
    taken("kafka.partition.assignment.strategy=cooperative-sticky");
}
END_TEST

START_TEST(what_librdkafka_does_not_know_or_take_is_named)
{
    char wanted[200];

    snprintf(wanted, sizeof wanted, "kafka.no.such.thing: librdkafka %s has no such property", rd_kafka_version_str());
    refused("kafka.no.such.thing=1", wanted);
    refused("kafka.socket.timeout.ms=5", "kafka.socket.timeout.ms: Configuration property \"socket.timeout.ms\" "
                                         "value 5 is outside allowed range 10..300000");
    refused("kafka.auto.offset.reset=middle", "kafka.auto.offset.reset: 'middle' is none of earliest, latest, error");
    refused("kafka.transaction.timeout.ms=soon", "kafka.transaction.timeout.ms: 'soon' is not in 1..2147483647");
    refused("kafka.transaction.timeout.ms=60000",
            "kafka.transaction.timeout.ms: 60000 is more than kafka.session.timeout.ms, 45000");
}
END_TEST

START_TEST(no_message_holds_a_secret)
{
    const char *sets[] = { SERVERS, "kafka.sasl.oauthbearer.config=hunter2", "kafka.security.protocol=${env:HIDDEN}",
                           NULL };
    weir_cluster *cluster;
    weir_error err = { 0 };

    ck_assert_int_eq(setenv("HIDDEN", "hunter2", 1), 0);
    ck_assert_int_eq(open_with(sets, &cluster, &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, "kafka.security.protocol: librdkafka does not take this value");
    close_all(cluster);
}
END_TEST

START_TEST(the_reset_is_read_and_latest_by_default)
{
    static const struct {
        const char *set;
        weir_reset reset;
    } cases[] = { { "kafka.client.id=x", WEIR__RESET_LATEST },
                  { "kafka.auto.offset.reset=earliest", WEIR__RESET_EARLIEST },
                  { "kafka.auto.offset.reset=latest", WEIR__RESET_LATEST },
                  { "kafka.auto.offset.reset=error", WEIR__RESET_ERROR } };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *sets[] = { SERVERS, cases[i].set, NULL };
        weir_cluster *cluster;
        weir_error err = { 0 };

        ck_assert_msg(open_with(sets, &cluster, &err) == WEIR_OK, "%s", err.message);
        ck_assert_int_eq(weir__cluster_reset(cluster), cases[i].reset);
        ck_assert_str_eq(weir__cluster_group(cluster), "orders");
        ck_assert_ptr_null(weir__cluster_instance(cluster));
        close_all(cluster);
    }
}
END_TEST

static void has(const rd_kafka_conf_t *conf, const char *name, const char *wanted)
{
    char value[256];
    size_t size = sizeof value;

    ck_assert_msg(rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK, "%s is not there", name);
    ck_assert_msg(strcmp(value, wanted) == 0, "%s: have %s, want %s", name, value, wanted);
}

START_TEST(each_client_gets_what_it_knows_and_what_weir_decides)
{
    const char *sets[] = { SERVERS,
                           "kafka.queue.buffering.max.ms=70",
                           "kafka.queued.min.messages=123",
                           "kafka.group.instance.id=here",
                           "kafka.transaction.timeout.ms=7000",
                           "kafka.socket.timeout.ms=5000",
                           NULL };
    weir_cluster *cluster;
    rd_kafka_conf_t *conf;
    weir_error err = { 0 };

    ck_assert_msg(open_with(sets, &cluster, &err) == WEIR_OK, "%s", err.message);
    ck_assert_str_eq(weir__cluster_instance(cluster), "here");
    ck_assert_int_eq(weir__kafka_conf(cluster, WEIR__KAFKA_CONSUMER, &conf, &err), WEIR_OK);
    has(conf, "queued.min.messages", "123");
    has(conf, "fetch.queue.backoff.ms", "5");
    has(conf, "group.id", "orders");
    has(conf, "client.id", "orders-consumer");
    has(conf, "partition.assignment.strategy", "cooperative-sticky");
    has(conf, "linger.ms", "5"); /* librdkafka's own: a consumer was not given the producer's */
    has(conf, "socket.timeout.ms", "5000");
    rd_kafka_conf_destroy(conf);
    ck_assert_int_eq(weir__kafka_conf(cluster, WEIR__KAFKA_PRODUCER, &conf, &err), WEIR_OK);
    has(conf, "linger.ms", "70");
    has(conf, "compression.codec", "lz4");
    has(conf, "queued.min.messages", "100000");
    has(conf, "transaction.timeout.ms", "7000");
    has(conf, "enable.idempotence", "true");
    rd_kafka_conf_destroy(conf);
    ck_assert_int_eq(weir__kafka_conf(cluster, WEIR__KAFKA_APPENDER, &conf, &err), WEIR_OK);
    has(conf, "linger.ms", "0");
    has(conf, "enable.gapless.guarantee", "true");
    rd_kafka_conf_destroy(conf);
    ck_assert_int_eq(weir__kafka_conf(cluster, WEIR__KAFKA_READER, &conf, &err), WEIR_OK);
    has(conf, "enable.partition.eof", "true");
    rd_kafka_conf_destroy(conf);
    close_all(cluster);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kafka/properties");
    TCase *test = tcase_create("properties");

    tcase_add_test(test, a_cluster_without_servers_is_refused);
    tcase_add_test(test, what_weir_decides_may_only_be_said_as_it_is);
    tcase_add_test(test, what_librdkafka_does_not_know_or_take_is_named);
    tcase_add_test(test, no_message_holds_a_secret);
    tcase_add_test(test, the_reset_is_read_and_latest_by_default);
    tcase_add_test(test, each_client_gets_what_it_knows_and_what_weir_decides);
    tcase_set_timeout(test, 60);
    suite_add_tcase(suite, test);
    return weir__suite_run(suite);
}
