/* SPDX-License-Identifier: Apache-2.0 */
/* A cluster: opened by its configuration, asked about its topics and for new ones. Of offsets, offsets.c asks. */
#include "kafka/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "kafka/admin.h"
#include "kafka/internal.h"

enum { REQUEST_TIMEOUT_MS = 10000 };

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void cluster_free(void *owner)
{
    weir_cluster *cluster = owner;

    free(cluster->group);
    free(cluster->instance);
    free(cluster->client_id);
    free(cluster);
}

void weir__cluster_close(weir_cluster *cluster)
{
    if (cluster)
        weir__kafka_client_let_go(&cluster->client, cluster, cluster_free);
}

weir_code weir__cluster_open(const weir_cluster_options *options, weir_cluster **out, weir_error *err)
{
    weir_code rc;
    rd_kafka_conf_t *conf = NULL;
    weir_cluster *cluster = calloc(1, sizeof *cluster);

    if (!cluster)
        return weir__fail_memory(err, "the cluster");
    cluster->client.fd = -1;
    cluster->config = options->config;
    cluster->request_timeout_ms = options->request_timeout_ms ? options->request_timeout_ms : REQUEST_TIMEOUT_MS;
    cluster->group = strdup(options->group);
    if (!cluster->group) {
        rc = weir__fail_memory(err, "the cluster");
        goto out;
    }
    rc = weir__kafka_properties_read(cluster, err);
    if (rc == WEIR_OK)
        rc = weir__kafka_conf(cluster, WEIR__KAFKA_ADMIN, &conf, err);
    if (rc == WEIR_OK)
        rc = weir__kafka_client_start(&cluster->client, RD_KAFKA_CONSUMER, conf, err);
    if (rc != WEIR_OK)
        goto out;
    *out = cluster;
    cluster = NULL;
out:
    weir__cluster_close(cluster);
    return rc;
}

weir_reset weir__cluster_reset(const weir_cluster *cluster)
{
    return cluster->reset;
}

const char *weir__cluster_group(const weir_cluster *cluster)
{
    return cluster->group;
}

const char *weir__cluster_instance(const weir_cluster *cluster)
{
    return cluster->instance;
}

/* ---- asking ----------------------------------------------------------------------------------------------------- */

void weir__admin_clear(weir_admin_request *request)
{
    if (request->event)
        rd_kafka_event_destroy(request->event);
    if (request->options)
        rd_kafka_AdminOptions_destroy(request->options);
    if (request->queue)
        rd_kafka_queue_destroy(request->queue);
    *request = (weir_admin_request){ 0 };
}

weir_code weir__admin_init(weir_admin_request *request, weir_cluster *cluster, rd_kafka_admin_op_t kind,
                           weir_error *err)
{
    char text[160];

    *request = (weir_admin_request){ .cluster = cluster };
    request->queue = rd_kafka_queue_new(cluster->client.rk);
    request->options = rd_kafka_AdminOptions_new(cluster->client.rk, kind);
    if (!request->queue || !request->options) {
        weir__admin_clear(request);
        return weir__fail_memory(err, "a kafka request");
    }
    if (rd_kafka_AdminOptions_set_request_timeout(request->options, cluster->request_timeout_ms, text, sizeof text) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        weir__admin_clear(request);
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "a kafka request's time-out: %s", text);
    }
    return WEIR_OK;
}

weir_code weir__cluster_listen(weir_cluster *cluster, int wait_ms, const char *what, weir_error *err)
{
    char text[160] = "";
    rd_kafka_resp_err_t code;

    (void)rd_kafka_poll(cluster->client.rk, wait_ms); /* what it serves are notes of errors */
    code = weir__kafka_client_note(&cluster->client, text);
    /* Only what will not pass ends a request early: for the rest its own time-out counts. */
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || weir__kafka_fault(code) == WEIR__KAFKA_PASSING)
        return WEIR_OK;
    return weir__kafka_fail(err, code, text, NULL, "%s", what);
}

weir_code weir__admin_wait(weir_admin_request *request, const char *what, const char *grant, weir_error *err)
{
    const weir_clock *clock = weir__clock_system();
    /* librdkafka answers when the request's time is over; a little more, so that its answer is what counts. */
    int64_t until = weir__clock_monotonic_ms(clock) + request->cluster->request_timeout_ms + 1000;
    rd_kafka_resp_err_t code;

    while (!request->event) {
        weir_code rc = weir__cluster_listen(request->cluster, 0, what, err);

        if (rc != WEIR_OK)
            return rc;
        if (weir__clock_monotonic_ms(clock) > until)
            return weir__kafka_fail(err, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, NULL, "%s", what);
        request->event = rd_kafka_queue_poll(request->queue, 100);
    }
    code = rd_kafka_event_error(request->event);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return WEIR_OK;
    return weir__kafka_fail(err, code, rd_kafka_event_error_string(request->event), grant, "%s", what);
}

/* ---- topics ----------------------------------------------------------------------------------------------------- */

/* Kafka prints an id in the URL-safe alphabet and without padding, librdkafka in the other. */
static void id_print(const rd_kafka_Uuid_t *id, char out[WEIR__TOPIC_ID_SIZE])
{
    const char *text = rd_kafka_Uuid_base64str(id);
    size_t size = 0;

    for (; text && text[size] && text[size] != '=' && size + 1 < WEIR__TOPIC_ID_SIZE; size++)
        out[size] = text[size] == '+' ? '-' : text[size] == '/' ? '_' : text[size];
    out[size] = '\0';
}

/* @param led  how many partitions have a leader */
static weir_code describe(weir_cluster *cluster, const char *topic, weir_topic_facts *out, size_t *led,
                          weir_error *err)
{
    weir_admin_request request;
    rd_kafka_TopicCollection_t *topics = NULL;
    const rd_kafka_TopicDescription_t **descriptions;
    const rd_kafka_TopicPartitionInfo_t **partitions;
    const rd_kafka_error_t *refused;
    char what[160];
    size_t count = 0;
    weir_code rc = weir__admin_init(&request, cluster, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, err);

    if (rc != WEIR_OK)
        return rc;
    WEIR__ADMIN_WHAT(what, "topic '%.100s': describe", topic);
    topics = rd_kafka_TopicCollection_of_topic_names(&topic, 1);
    rd_kafka_DescribeTopics(cluster->client.rk, topics, request.options, request.queue);
    rc = weir__admin_wait(&request, what, "Describe on the topic", err);
    if (rc != WEIR_OK)
        goto out;
    descriptions =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(request.event), &count);
    if (count != 1) {
        rc = weir__kafka_fail(err, RD_KAFKA_RESP_ERR__BAD_MSG, "not one answer", NULL, "%s", what);
        goto out;
    }
    *out = (weir_topic_facts){ 0 };
    *led = 0;
    refused = rd_kafka_TopicDescription_error(descriptions[0]);
    if (refused && rd_kafka_error_code(refused) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (rd_kafka_error_code(refused) != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            rc = weir__kafka_fail(err, rd_kafka_error_code(refused), rd_kafka_error_string(refused),
                                  "Describe on the topic", "%s", what);
        goto out;
    }
    partitions = rd_kafka_TopicDescription_partitions(descriptions[0], &count);
    out->exists = true;
    out->partitions = (int32_t)count;
    id_print(rd_kafka_TopicDescription_topic_id(descriptions[0]), out->id);
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_Node_t *leader = rd_kafka_TopicPartitionInfo_leader(partitions[i]);

        *led += leader && rd_kafka_Node_id(leader) >= 0;
    }
out:
    if (topics)
        rd_kafka_TopicCollection_destroy(topics);
    weir__admin_clear(&request);
    return rc;
}

weir_code weir__cluster_describe(weir_cluster *cluster, const char *topic, weir_topic_facts *out, weir_error *err)
{
    size_t led;

    return describe(cluster, topic, out, &led, err);
}

weir_code weir__cluster_topic_setting(weir_cluster *cluster, const char *topic, const char *name, weir_buffer *value,
                                      weir_error *err)
{
    static const char grant[] = "DescribeConfigs on the topic";
    weir_admin_request request;
    rd_kafka_ConfigResource_t *asked = NULL;
    const rd_kafka_ConfigResource_t **resources;
    const rd_kafka_ConfigEntry_t **entries;
    char what[160];
    size_t count = 0;
    weir_code rc = weir__admin_init(&request, cluster, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, err);

    if (rc != WEIR_OK)
        return rc;
    WEIR__ADMIN_WHAT(what, "topic '%.60s': setting '%.40s'", topic, name);
    asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    if (!asked) {
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "%s: not a topic's name", what);
        goto out;
    }
    rd_kafka_DescribeConfigs(cluster->client.rk, &asked, 1, request.options, request.queue);
    rc = weir__admin_wait(&request, what, grant, err);
    if (rc != WEIR_OK)
        goto out;
    resources = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(request.event), &count);
    if (count != 1) {
        rc = weir__kafka_fail(err, RD_KAFKA_RESP_ERR__BAD_MSG, "not one answer", NULL, "%s", what);
        goto out;
    }
    if (rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = weir__kafka_fail(err, rd_kafka_ConfigResource_error(resources[0]),
                              rd_kafka_ConfigResource_error_string(resources[0]), grant, "%s", what);
        goto out;
    }
    entries = rd_kafka_ConfigResource_configs(resources[0], &count);
    for (size_t i = 0; i < count; i++) {
        const char *found = rd_kafka_ConfigEntry_value(entries[i]);

        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) != 0)
            continue;
        weir__buffer_reset(value);
        rc = weir__buffer_add_text(value, found ? found : "");
        if (rc != WEIR_OK)
            rc = weir__fail(err, rc, WEIR_REMEDY_STOP, "%s: %s for its value", what, weir__code_name(rc));
        goto out;
    }
    rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "%s: the brokers know none of that name", what);
out:
    if (asked)
        rd_kafka_ConfigResource_destroy(asked);
    weir__admin_clear(&request);
    return rc;
}

static weir_code create(weir_cluster *cluster, const char *topic, int32_t partitions, int replicas,
                        const weir_setting *settings, size_t setting_count, weir_error *err)
{
    static const char grant[] = "Create on the topic";
    weir_admin_request request;
    rd_kafka_NewTopic_t *wanted = NULL;
    const rd_kafka_topic_result_t **results;
    rd_kafka_resp_err_t code;
    char what[160], text[160] = "";
    size_t count = 0;
    weir_code rc = weir__admin_init(&request, cluster, RD_KAFKA_ADMIN_OP_CREATETOPICS, err);

    if (rc != WEIR_OK)
        return rc;
    WEIR__ADMIN_WHAT(what, "topic '%.100s': create", topic);
    wanted = rd_kafka_NewTopic_new(topic, partitions, replicas > 0 ? replicas : -1, text, sizeof text);
    if (!wanted) {
        rc = weir__kafka_fail(err, RD_KAFKA_RESP_ERR__INVALID_ARG, text, NULL, "%s", what);
        goto out;
    }
    for (size_t i = 0; i < setting_count; i++) {
        code = rd_kafka_NewTopic_set_config(wanted, settings[i].name, settings[i].value);
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            rc = weir__kafka_fail(err, code, NULL, NULL, "%s: '%s'", what, settings[i].name);
            goto out;
        }
    }
    rd_kafka_CreateTopics(cluster->client.rk, &wanted, 1, request.options, request.queue);
    rc = weir__admin_wait(&request, what, grant, err);
    if (rc != WEIR_OK)
        goto out;
    results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(request.event), &count);
    code = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        rc = weir__kafka_fail(err, code, count == 1 ? rd_kafka_topic_result_error_string(results[0]) : NULL, grant,
                              "%s", what);
out:
    if (wanted)
        rd_kafka_NewTopic_destroy(wanted);
    weir__admin_clear(&request);
    return rc;
}

weir_code weir__cluster_create(weir_cluster *cluster, const char *topic, int32_t partitions, int replicas,
                               const weir_setting *settings, size_t setting_count, weir_topic_facts *facts,
                               weir_error *err)
{
    const weir_clock *clock = weir__clock_system();
    int64_t until = weir__clock_monotonic_ms(clock) + cluster->request_timeout_ms;
    weir_code rc = create(cluster, topic, partitions, replicas, settings, setting_count, err);

    while (rc == WEIR_OK) {
        size_t led = 0;

        rc = describe(cluster, topic, facts, &led, err);
        if (rc != WEIR_OK || (facts->exists && led == (size_t)facts->partitions))
            break;
        if (weir__clock_monotonic_ms(clock) > until)
            return weir__kafka_fail(err, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, NULL, NULL,
                                    "topic '%.100s': made, but %zu of its %d partitions have leaders", topic, led,
                                    (int)facts->partitions);
        rc = weir__cluster_listen(cluster, 20, "a new topic", err); /* between two questions */
    }
    return rc;
}
