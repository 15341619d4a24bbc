/* SPDX-License-Identifier: Apache-2.0 */
/* A question about the group: who is in it. */
#include "kafka/admin.h"
#include "kafka/cluster.h"
#include "kafka/internal.h"

weir_code weir__cluster_members(weir_cluster *cluster, size_t *count, weir_error *err)
{
    static const char grant[] = "Describe on the group";
    const char *group = cluster->group;
    const rd_kafka_ConsumerGroupDescription_t **groups;
    const rd_kafka_error_t *refused;
    weir_admin_request request;
    char what[160];
    size_t found = 0;
    weir_code rc = weir__admin_init(&request, cluster, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, err);

    if (rc != WEIR_OK)
        return rc;
    WEIR__ADMIN_WHAT(what, "group '%.100s': members", group);
    rd_kafka_DescribeConsumerGroups(cluster->client.rk, &group, 1, request.options, request.queue);
    rc = weir__admin_wait(&request, what, grant, err);
    if (rc != WEIR_OK)
        goto out;
    groups = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(request.event), &found);
    refused = found == 1 ? rd_kafka_ConsumerGroupDescription_error(groups[0]) : NULL;
    if (found != 1)
        rc = weir__kafka_fail(err, RD_KAFKA_RESP_ERR__BAD_MSG, "not one answer", NULL, "%s", what);
    else if (refused && rd_kafka_error_code(refused) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
        *count = 0;
    else if (refused)
        rc = weir__kafka_fail(err, rd_kafka_error_code(refused), rd_kafka_error_string(refused), grant, "%s", what);
    else
        *count = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
out:
    weir__admin_clear(&request);
    return rc;
}
