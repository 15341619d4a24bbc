/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about a partition: where its log begins and ends, what the group has committed; cutting its beginning. */
#include "base/clock.h"
#include "kafka/admin.h"
#include "kafka/cluster.h"
#include "kafka/internal.h"

enum { FOLLOWERS_MS = 500, REFRESH_MS = 1000 };

/* librdkafka asks whom it takes for a partition's leader, and goes on taking it for that until its metadata are
 * renewed, maybe a quarter of an hour later: so they are renewed now, for who asks again. Whether it was the matter. */
static bool learn_leader(weir_cluster *cluster, const char *topic, rd_kafka_resp_err_t code)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle;

    if (code != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION && code != RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH)
        return false;
    handle = rd_kafka_topic_new(cluster->client.rk, topic, NULL);
    if (!handle)
        return false; /* the question fails all the same */
    if (rd_kafka_metadata(cluster->client.rk, 0, handle, &metadata, REFRESH_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return true;
}

static void send_list(weir_admin_request *request, const void *context)
{
    rd_kafka_topic_partition_list_t *list = *(rd_kafka_topic_partition_list_t *const *)context;

    rd_kafka_ListOffsets(request->cluster->client.rk, list, request->options, request->queue);
}

static weir_code list_offset(weir_cluster *cluster, const char *topic, int32_t partition, int64_t spec,
                             rd_kafka_IsolationLevel_t isolation, int64_t *offset, weir_error *err)
{
    static const char grant[] = "Describe on the topic";
    weir_admin_request request;
    rd_kafka_topic_partition_list_t *list = NULL;
    const rd_kafka_ListOffsetsResultInfo_t **infos;
    const rd_kafka_topic_partition_t *found;
    rd_kafka_error_t *refused;
    char what[160];
    size_t count = 0;
    weir_code rc = weir__admin_init(&request, cluster, RD_KAFKA_ADMIN_OP_LISTOFFSETS, err);

    if (rc != WEIR_OK)
        return rc;
    WEIR__ADMIN_WHAT(what, "topic '%.80s' partition %d: offsets", topic, (int)partition);
    refused = rd_kafka_AdminOptions_set_isolation_level(request.options, isolation);
    if (refused) {
        rc = weir__kafka_fail(err, rd_kafka_error_code(refused), rd_kafka_error_string(refused), NULL, "%s", what);
        rd_kafka_error_destroy(refused);
        goto out;
    }
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = spec;
    rc = weir__admin_ask(&request, send_list, &list, what, grant, err);
    if (rc != WEIR_OK)
        goto out;
    infos = rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(request.event), &count);
    found = count == 1 ? rd_kafka_ListOffsetsResultInfo_topic_partition(infos[0]) : NULL;
    if (found)
        (void)learn_leader(cluster, topic, found->err); /* it is told as passing, and asked again */
    if (!found || found->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        rc = weir__kafka_fail(err, found ? found->err : RD_KAFKA_RESP_ERR__BAD_MSG, NULL, grant, "%s", what);
    else
        *offset = found->offset;
out:
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    weir__admin_clear(&request);
    return rc;
}

weir_code weir__cluster_log_end(weir_cluster *cluster, const char *topic, int32_t partition, weir_log_end which,
                                int64_t *offset, weir_error *err)
{
    switch (which) {
    case WEIR__LOG_START:
        return list_offset(cluster, topic, partition, RD_KAFKA_OFFSET_SPEC_EARLIEST,
                           RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, offset, err);
    case WEIR__LOG_STABLE_END:
        return list_offset(cluster, topic, partition, RD_KAFKA_OFFSET_SPEC_LATEST,
                           RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, offset, err);
    case WEIR__LOG_END:
        break;
    }
    return list_offset(cluster, topic, partition, RD_KAFKA_OFFSET_SPEC_LATEST,
                       RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, offset, err);
}

weir_code weir__cluster_log_at(weir_cluster *cluster, const char *topic, int32_t partition, int64_t timestamp_ms,
                               int64_t *offset, weir_error *err)
{
    int64_t found = -1;
    /* Negative ones are other questions. */
    weir_code rc = list_offset(cluster, topic, partition, timestamp_ms < 0 ? 0 : timestamp_ms,
                               RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, &found, err);

    if (rc == WEIR_OK && found < 0)
        return weir__cluster_log_end(cluster, topic, partition, WEIR__LOG_END, offset, err);
    if (rc == WEIR_OK)
        *offset = found;
    return rc;
}

static weir_code delete_records(weir_cluster *cluster, const char *topic, int32_t partition, int64_t before,
                                bool *has_moved, weir_error *err)
{
    static const char grant[] = "Delete on the topic";
    weir_admin_request request;
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_DeleteRecords_t *wanted = NULL;
    const rd_kafka_topic_partition_list_t *done;
    char what[160], text[160];
    weir_code rc = weir__admin_init(&request, cluster, RD_KAFKA_ADMIN_OP_DELETERECORDS, err);

    if (rc != WEIR_OK)
        return rc;
    WEIR__ADMIN_WHAT(what, "topic '%.80s' partition %d: delete before %lld", topic, (int)partition, (long long)before);
    /* The leader has done it when it begins to wait for its followers, and while it waits it answers nothing else that
     * comes over the same connection: by itself a minute, when a follower is away. */
    if (rd_kafka_AdminOptions_set_operation_timeout(request.options, FOLLOWERS_MS, text, sizeof text) !=
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s: %s", what, text);
        goto out;
    }
    list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = before;
    wanted = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(cluster->client.rk, &wanted, 1, request.options, request.queue);
    rc = weir__admin_wait(&request, what, grant, err);
    if (rc != WEIR_OK)
        goto out;
    done = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(request.event));
    if (done && done->cnt == 1)
        *has_moved = learn_leader(cluster, topic, done->elems[0].err);
    if (!done || done->cnt != 1)
        rc = weir__kafka_fail(err, RD_KAFKA_RESP_ERR__BAD_MSG, "not one answer", NULL, "%s", what);
    else if (done->elems[0].err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
        rc = weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)done->elems[0].err,
                             "%s: that is behind the log's end", what);
    else if (done->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR &&
             done->elems[0].err != RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT) /* followers will be told by their leader */
        rc = weir__kafka_fail(err, done->elems[0].err, NULL, grant, "%s", what);
out:
    if (wanted)
        rd_kafka_DeleteRecords_destroy(wanted);
    if (list)
        rd_kafka_topic_partition_list_destroy(list);
    weir__admin_clear(&request);
    return rc;
}

weir_code weir__cluster_delete_records(weir_cluster *cluster, const char *topic, int32_t partition, int64_t before,
                                       weir_error *err)
{
    bool has_moved = false;
    weir_code rc = delete_records(cluster, topic, partition, before, &has_moved, err);

    return has_moved ? delete_records(cluster, topic, partition, before, &has_moved, err) : rc;
}

weir_code weir__cluster_committed(weir_cluster *cluster, const char *topic, int32_t partition, bool *found,
                                  int64_t *offset, weir_buffer *metadata, weir_error *err)
{
    static const char grant[] = "Read on the group, Describe on the topic";
    const weir_clock *clock = weir__clock_system();
    int64_t until = weir__clock_monotonic_ms(clock) + cluster->request_timeout_ms;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *answer;
    rd_kafka_resp_err_t code;
    const char *text = NULL;
    char what[200];
    weir_code rc;

    WEIR__ADMIN_WHAT(what, "group '%.60s', topic '%.60s' partition %d: what is committed", cluster->group, topic,
                     (int)partition);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    answer = &list->elems[0];
    for (;;) {
        int64_t left = until - weir__clock_monotonic_ms(clock);

        rc = weir__cluster_listen(cluster, 0, what, err);
        if (rc != WEIR_OK)
            goto out;
        code = rd_kafka_committed(cluster->client.rk, list, left > 1 ? (int)left : 1);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
            code = answer->err;
        /* A transaction that holds an offset for it is open. */
        if (code != RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT || weir__clock_monotonic_ms(clock) >= until)
            break;
        rc = weir__cluster_listen(cluster, 20, what, err); /* between two questions */
        if (rc != WEIR_OK)
            goto out;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rc = weir__cluster_listen(cluster, 0, what, err); /* it may say better why */
        /* Of a transaction that holds it, librdkafka asks again by itself until the time is over. */
        if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT)
            text = "no answer in time: the coordinator is away, or an open transaction holds it. If that does not "
                   "pass, see \"A transaction that never ends\" in docs/kafka.md";
        if (rc == WEIR_OK)
            rc = weir__kafka_fail(err, code, text, grant, "%s", what);
        goto out;
    }
    weir__buffer_reset(metadata);
    rc = weir__buffer_add(metadata, answer->metadata, answer->metadata ? answer->metadata_size : 0);
    if (rc != WEIR_OK) {
        rc = weir__fail(err, rc, WEIR_REMEDY_STOP, "%s: %s for its metadata", what, weir__code_name(rc));
        goto out;
    }
    *found = answer->offset >= 0;
    if (*found)
        *offset = answer->offset;
out:
    rd_kafka_topic_partition_list_destroy(list);
    return rc;
}
