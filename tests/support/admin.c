/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at topics and consumer groups of a real broker, and changes them behind a job's back, for broker.py:
 *
 *     admin BROKERS topics                         a line of JSON a topic: {"name", "partitions"}
 *     admin BROKERS delete TOPIC
 *     admin BROKERS cut TOPIC PARTITION OFFSET     deletes the records before it
 *     admin BROKERS configure TOPIC SETTING=VALUE...
 *     admin BROKERS ends TOPIC                     [[first offset, high watermark], …] of its partitions
 *     admin BROKERS group GROUP                    {"state", "members": [{"id", "client",
 *                                                  "partitions": [[topic, n], …]}, …]}
 *     admin BROKERS offsets GROUP TOPIC            [[offset or -1, metadata], …] of its partitions
 *     admin BROKERS set-offsets GROUP TOPIC N...   one for each partition; the group must be empty
 *     admin BROKERS delete-offsets GROUP TOPIC     the group must be empty
 *
 * Nothing is freed: it is a short life.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <librdkafka/rdkafka.h>

/* Milliseconds until an answer is given up. */
enum { PATIENCE_MS = 30000 };

static rd_kafka_t *kafka;

static _Noreturn void die(const char *doing, const char *why)
{
    fprintf(stderr, "%s: %s\n", doing, why);
    _exit(1);
}

static void expect(rd_kafka_resp_err_t code, const char *doing)
{
    if (code)
        die(doing, rd_kafka_err2str(code));
}

static void *need(void *allocated)
{
    if (!allocated)
        die("memory", "there is none left");
    return allocated;
}

static void connect_to(const char *brokers)
{
    static const char *const settings[] = { "log_level",         "2",    "reconnect.backoff.ms",           "20",
                                            "reconnect.backoff.max.ms", "200", "socket.timeout.ms",        "3000",
                                            "isolation.level",   "read_uncommitted", NULL };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];

    if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why))
        die("bootstrap.servers", why);
    for (const char *const *setting = settings; *setting; setting += 2) {
        if (rd_kafka_conf_set(conf, setting[0], setting[1], why, sizeof why))
            die(setting[0], why);
    }
    kafka = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!kafka)
        die("client", why);
}

/* The event that answers what `queue` was given for, without an error of the whole. */
static rd_kafka_event_t *answer(rd_kafka_queue_t *queue, const char *doing)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS + 5000);

    if (!event)
        die(doing, "no answer");
    if (rd_kafka_event_error(event))
        die(doing, rd_kafka_event_error_string(event));
    return event;
}

static rd_kafka_AdminOptions_t *options_of(rd_kafka_admin_op_t op)
{
    rd_kafka_AdminOptions_t *options = need(rd_kafka_AdminOptions_new(kafka, op));
    char why[256];

    expect(rd_kafka_AdminOptions_set_request_timeout(options, PATIENCE_MS, why, sizeof why), "options");
    return options;
}

static void print(json_t *value)
{
    if (json_dumpf(need(value), stdout, JSON_COMPACT) || putchar('\n') == EOF)
        die("stdout", "cannot be written");
}

static const struct rd_kafka_metadata *metadata_of(const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = topic ? need(rd_kafka_topic_new(kafka, topic, NULL)) : NULL;

    expect(rd_kafka_metadata(kafka, !topic, handle, &metadata, PATIENCE_MS), "metadata");
    if (topic && (metadata->topic_cnt != 1 || metadata->topics[0].err))
        die(topic, metadata->topic_cnt ? rd_kafka_err2str(metadata->topics[0].err) : "no such topic");
    return metadata;
}

/* All partitions of a topic. */
static rd_kafka_topic_partition_list_t *all_of(const char *topic)
{
    int count = metadata_of(topic)->topics[0].partition_cnt;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);

    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, i);
    return list;
}

static void print_topics(void)
{
    const struct rd_kafka_metadata *metadata = metadata_of(NULL);

    for (int i = 0; i < metadata->topic_cnt; i++)
        print(json_pack("{ss si}", "name", metadata->topics[i].topic, "partitions",
                        metadata->topics[i].partition_cnt));
}

static void delete_topic(const char *name, rd_kafka_queue_t *queue)
{
    rd_kafka_DeleteTopic_t *topic = need(rd_kafka_DeleteTopic_new(name));
    rd_kafka_AdminOptions_t *options = options_of(RD_KAFKA_ADMIN_OP_DELETETOPICS);
    char why[256];
    size_t count;

    expect(rd_kafka_AdminOptions_set_operation_timeout(options, PATIENCE_MS, why, sizeof why), "delete");
    rd_kafka_DeleteTopics(kafka, &topic, 1, options, queue);
    const rd_kafka_topic_result_t **results =
        rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(answer(queue, "delete")), &count);
    if (count != 1 || rd_kafka_topic_result_error(results[0]))
        die("delete", count ? rd_kafka_topic_result_error_string(results[0]) : "no answer for the topic");
}

static void cut(const char *topic, const char *partition, const char *offset, rd_kafka_queue_t *queue)
{
    rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new(1);
    rd_kafka_AdminOptions_t *options = options_of(RD_KAFKA_ADMIN_OP_DELETERECORDS);
    rd_kafka_DeleteRecords_t *records;

    rd_kafka_topic_partition_list_add(before, topic, (int32_t)strtol(partition, NULL, 10))->offset =
        strtoll(offset, NULL, 10);
    records = need(rd_kafka_DeleteRecords_new(before));
    rd_kafka_DeleteRecords(kafka, &records, 1, options, queue);
    const rd_kafka_topic_partition_list_t *results = rd_kafka_DeleteRecords_result_offsets(
        rd_kafka_event_DeleteRecords_result(answer(queue, "cut")));
    if (results->cnt != 1 || results->elems[0].err)
        die("cut", results->cnt ? rd_kafka_err2str(results->elems[0].err) : "no answer for the partition");
}

static void configure(const char *name, char **settings, rd_kafka_queue_t *queue)
{
    rd_kafka_ConfigResource_t *resource = need(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name));
    size_t count;

    for (; *settings; settings++) {
        char *value = strchr(*settings, '=');
        if (!value)
            die(*settings, "is no SETTING=VALUE");
        *value++ = '\0';
        rd_kafka_error_t *error = rd_kafka_ConfigResource_add_incremental_config(
            resource, *settings, RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, value);
        if (error)
            die(*settings, rd_kafka_error_string(error));
    }
    rd_kafka_IncrementalAlterConfigs(kafka, &resource, 1, options_of(RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS),
                                     queue);
    const rd_kafka_ConfigResource_t **results = rd_kafka_IncrementalAlterConfigs_result_resources(
        rd_kafka_event_IncrementalAlterConfigs_result(answer(queue, "configure")), &count);
    if (count != 1 || rd_kafka_ConfigResource_error(results[0]))
        die("configure", count ? rd_kafka_ConfigResource_error_string(results[0]) : "no answer for the topic");
}

static void print_ends(const char *topic)
{
    int count = metadata_of(topic)->topics[0].partition_cnt;
    json_t *ends = need(json_array());

    for (int i = 0; i < count; i++) {
        int64_t low, high;
        expect(rd_kafka_query_watermark_offsets(kafka, topic, i, &low, &high, PATIENCE_MS), topic);
        json_array_append_new(ends, json_pack("[II]", (json_int_t)low, (json_int_t)high));
    }
    print(ends);
}

static void print_group(const char *name, rd_kafka_queue_t *queue)
{
    json_t *members = need(json_array());
    size_t count;

    rd_kafka_DescribeConsumerGroups(kafka, &name, 1, options_of(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS), queue);
    const rd_kafka_ConsumerGroupDescription_t **groups = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(answer(queue, "group")), &count);
    if (count != 1)
        die("group", "no answer for it");
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    if (error && rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
        print(json_pack("{ss so}", "state", "Dead", "members", members));
        return;
    }
    if (error)
        die(rd_kafka_err2name(rd_kafka_error_code(error)), rd_kafka_error_string(error));
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); i++) {
        const rd_kafka_MemberDescription_t *member = rd_kafka_ConsumerGroupDescription_member(groups[0], i);
        const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(member);
        const rd_kafka_topic_partition_list_t *list = rd_kafka_MemberAssignment_partitions(assignment);
        json_t *partitions = need(json_array());
        for (int j = 0; list && j < list->cnt; j++)
            json_array_append_new(partitions, json_pack("[si]", list->elems[j].topic, list->elems[j].partition));
        json_array_append_new(members, json_pack("{ss ss so}", "id", rd_kafka_MemberDescription_consumer_id(member),
                                                 "client", rd_kafka_MemberDescription_client_id(member), "partitions",
                                                 partitions));
    }
    print(json_pack("{ss so}", "state",
                    rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(groups[0])), "members",
                    members));
}

/* The list with an error for the whole or for a partition is the end. */
static const rd_kafka_topic_partition_list_t *offsets_of(const rd_kafka_group_result_t **results, size_t count,
                                                         const char *doing)
{
    if (count != 1 || rd_kafka_group_result_error(results[0]))
        die(doing, count ? rd_kafka_error_string(rd_kafka_group_result_error(results[0])) : "no answer");
    const rd_kafka_topic_partition_list_t *list = rd_kafka_group_result_partitions(results[0]);
    for (int i = 0; list && i < list->cnt; i++)
        expect(list->elems[i].err, doing);
    return list;
}

static void print_offsets(const char *group, const char *topic, rd_kafka_queue_t *queue)
{
    rd_kafka_topic_partition_list_t *all = all_of(topic);
    rd_kafka_ListConsumerGroupOffsets_t *asked = need(rd_kafka_ListConsumerGroupOffsets_new(group, all));
    json_t *offsets = need(json_array());
    size_t count;

    rd_kafka_ListConsumerGroupOffsets(kafka, &asked, 1, options_of(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS), queue);
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        rd_kafka_event_ListConsumerGroupOffsets_result(answer(queue, "offsets"));
    const rd_kafka_group_result_t **groups = rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count);
    const rd_kafka_topic_partition_list_t *list = offsets_of(groups, count, "offsets");
    for (int i = 0; i < all->cnt; i++) {
        for (int j = 0; j < list->cnt; j++) {
            const rd_kafka_topic_partition_t *one = &list->elems[j];
            if (one->partition == all->elems[i].partition)
                json_array_append_new(offsets, json_pack("[Is%]", (json_int_t)(one->offset < 0 ? -1 : one->offset),
                                                         one->metadata_size ? (const char *)one->metadata : "",
                                                         one->metadata_size));
        }
    }
    print(offsets);
}

static void set_offsets(const char *group, const char *topic, char **numbers, rd_kafka_queue_t *queue)
{
    rd_kafka_topic_partition_list_t *all = all_of(topic);
    size_t count;

    for (int i = 0; i < all->cnt; i++) {
        if (!numbers[i])
            die("set-offsets", "a partition has no number");
        all->elems[i].offset = strtoll(numbers[i], NULL, 10);
    }
    rd_kafka_AlterConsumerGroupOffsets_t *asked = need(rd_kafka_AlterConsumerGroupOffsets_new(group, all));
    rd_kafka_AlterConsumerGroupOffsets(kafka, &asked, 1, options_of(RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS),
                                       queue);
    const rd_kafka_AlterConsumerGroupOffsets_result_t *result =
        rd_kafka_event_AlterConsumerGroupOffsets_result(answer(queue, "set-offsets"));
    const rd_kafka_group_result_t **groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &count);
    (void)offsets_of(groups, count, "set-offsets");
}

static void delete_offsets(const char *group, const char *topic, rd_kafka_queue_t *queue)
{
    rd_kafka_DeleteConsumerGroupOffsets_t *asked = need(rd_kafka_DeleteConsumerGroupOffsets_new(group, all_of(topic)));
    size_t count;

    rd_kafka_DeleteConsumerGroupOffsets(kafka, &asked, 1, options_of(RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS),
                                        queue);
    const rd_kafka_DeleteConsumerGroupOffsets_result_t *result =
        rd_kafka_event_DeleteConsumerGroupOffsets_result(answer(queue, "delete-offsets"));
    const rd_kafka_group_result_t **groups = rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, &count);
    (void)offsets_of(groups, count, "delete-offsets");
}

int main(int argc, char **argv)
{
    const char *verb = argc > 2 ? argv[2] : "";

    connect_to(argc > 2 ? argv[1] : "");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka);
    if (strcmp(verb, "topics") == 0 && argc == 3)
        print_topics();
    else if (strcmp(verb, "delete") == 0 && argc == 4)
        delete_topic(argv[3], queue);
    else if (strcmp(verb, "cut") == 0 && argc == 6)
        cut(argv[3], argv[4], argv[5], queue);
    else if (strcmp(verb, "configure") == 0 && argc > 4)
        configure(argv[3], argv + 4, queue);
    else if (strcmp(verb, "ends") == 0 && argc == 4)
        print_ends(argv[3]);
    else if (strcmp(verb, "group") == 0 && argc == 4)
        print_group(argv[3], queue);
    else if (strcmp(verb, "offsets") == 0 && argc == 5)
        print_offsets(argv[3], argv[4], queue);
    else if (strcmp(verb, "set-offsets") == 0 && argc > 5)
        set_offsets(argv[3], argv[4], argv + 5, queue);
    else if (strcmp(verb, "delete-offsets") == 0 && argc == 5)
        delete_offsets(argv[3], argv[4], queue);
    else
        die("admin", "usage: admin BROKERS VERB ...");
    if (fflush(stdout))
        die("stdout", "cannot be written");
    /* Past destructors: there is nothing to wait for. */
    _exit(0);
}
