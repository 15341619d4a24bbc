/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions about topics and offsets, in the place of src/kafka/cluster.c; and what begins and ends with all clients.
 */
#include "kafka/cluster.h"

#include <stdlib.h>
#include <string.h>

#include "cluster.h"

enum { TRIES = 2 };

typedef struct question {
    sim_request base;
    const char *topic, *name;
    int32_t partition;
    int64_t number;
    weir_log_end which;
    weir_setting settings[SIM_SETTINGS];
    size_t setting_count;
    weir_topic_facts facts;
    bool found;
    weir_bytes bytes;
} question;

void sim_logs_begin(void);
void sim_transactions_begin(void);
void sim_group_begin(void);

void sim_cluster_begin(void)
{
    sim_logs_begin();
    sim_transactions_begin();
    sim_group_begin();
    sim_appenders_begin();
}

void sim_cluster_process_dies(sim_process *process)
{
    sim_appenders_die(process);
}

/* ---- the handle -------------------------------------------------------------------------------------------------- */

weir_code weir__cluster_open(const weir_cluster_options *options, weir_cluster **out, weir_error *err)
{
    weir_cluster *cluster;

    if (!sim_step("cluster open"))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    cluster = malloc(sizeof *cluster);
    if (!cluster)
        abort();
    memset(cluster, 0, sizeof *cluster);
    cluster->process = sim_here();
    cluster->group = sim_print("%s", options->group);
    cluster->reset = (weir_reset)world->reset;
    cluster->instance = world->is_static ? sim_print("%s", sim_here()->name) : NULL;
    cluster->request_ms = world->request_ms;
    *out = cluster;
    return WEIR_OK;
}

void weir__cluster_close(weir_cluster *cluster)
{
    free(cluster);
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

/* ---- questions --------------------------------------------------------------------------------------------------- */

static question *question_new(const char *topic, int32_t partition, void (*land)(sim_request *request))
{
    question *made = sim_alloc(sizeof *made);

    made->base.land = land;
    made->topic = sim_print("%s", topic);
    made->partition = partition;
    return made;
}

/* They change nothing, or nothing more the second time; so they are asked again. */
static weir_code ask(weir_cluster *cluster, question *asked, weir_error *err)
{
    for (int i = 0; i < TRIES; i++) {
        if (sim_ask(&asked->base, cluster->request_ms, false) == SIM_ANSWERED)
            return WEIR_OK;
        if (cluster->process->is_dead)
            break;
    }
    return weir__fail(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "topic '%s': no answer", asked->topic);
}

static weir_code fail_no_topic(const question *asked, weir_error *err)
{
    return weir__fail(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "topic '%s', partition %d is not there", asked->topic,
                      asked->partition);
}

static void land_describe(sim_request *request)
{
    question *at = (question *)request;
    const sim_topic *topic = sim_topic_find(at->topic);

    at->facts = (weir_topic_facts){ .exists = topic != NULL };
    if (topic) {
        memcpy(at->facts.id, topic->id, sizeof at->facts.id);
        at->facts.partitions = topic->partition_count;
    }
}

weir_code weir__cluster_describe(weir_cluster *cluster, const char *topic, weir_topic_facts *out, weir_error *err)
{
    question *asked = question_new(topic, 0, land_describe);
    weir_code rc = ask(cluster, asked, err);

    if (rc == WEIR_OK)
        *out = asked->facts;
    return rc;
}

static void land_setting(sim_request *request)
{
    question *at = (question *)request;
    const sim_topic *topic = sim_topic_find(at->topic);

    at->bytes = weir__bytes_text("");
    at->found = topic != NULL;
    for (size_t i = 0; topic && i < topic->setting_count; i++) {
        if (strcmp(topic->settings[i].name, at->name) == 0)
            at->bytes = weir__bytes_text(topic->settings[i].value);
    }
}

weir_code weir__cluster_topic_setting(weir_cluster *cluster, const char *topic, const char *name, weir_buffer *value,
                                      weir_error *err)
{
    question *asked = question_new(topic, 0, land_setting);
    weir_code rc;

    asked->name = sim_print("%s", name);
    rc = ask(cluster, asked, err);
    if (rc != WEIR_OK)
        return rc;
    if (!asked->found)
        return fail_no_topic(asked, err);
    weir__buffer_reset(value);
    return weir__buffer_add(value, asked->bytes.data, asked->bytes.size);
}

static void land_create(sim_request *request)
{
    question *at = (question *)request;
    sim_topic *topic = sim_topic_find(at->topic);

    if (topic)
        return;
    topic = sim_topic_make(at->topic, at->partition);
    memcpy(topic->settings, at->settings, sizeof topic->settings);
    topic->setting_count = at->setting_count;
}

weir_code weir__cluster_create(weir_cluster *cluster, const char *topic, int32_t partitions, int replicas,
                               const weir_setting *settings, size_t setting_count, weir_topic_facts *facts,
                               weir_error *err)
{
    question *asked = question_new(topic, partitions, land_create);
    weir_code rc;

    (void)replicas; /* what is modelled is never lost */

    if (setting_count > SIM_SETTINGS)
        abort();
    for (size_t i = 0; i < setting_count; i++)
        asked->settings[i] = (weir_setting){ sim_print("%s", settings[i].name), sim_print("%s", settings[i].value) };
    asked->setting_count = setting_count;
    rc = ask(cluster, asked, err);
    return rc == WEIR_OK ? weir__cluster_describe(cluster, topic, facts, err) : rc;
}

static void land_end(sim_request *request)
{
    question *at = (question *)request;
    sim_partition *partition = sim_partition_find(at->topic, at->partition);

    at->found = partition != NULL;
    if (!partition)
        return;
    at->number = at->which == WEIR__LOG_START        ? partition->start
                 : at->which == WEIR__LOG_STABLE_END ? sim_log_stable_end(partition)
                                                     : partition->end;
}

static weir_code ask_number(weir_cluster *cluster, question *asked, int64_t *number, weir_error *err)
{
    weir_code rc = ask(cluster, asked, err);

    if (rc == WEIR_OK && !asked->found)
        rc = fail_no_topic(asked, err);
    if (rc == WEIR_OK)
        *number = asked->number;
    return rc;
}

weir_code weir__cluster_log_end(weir_cluster *cluster, const char *topic, int32_t partition, weir_log_end which,
                                int64_t *offset, weir_error *err)
{
    question *asked = question_new(topic, partition, land_end);

    asked->which = which;
    return ask_number(cluster, asked, offset, err);
}

static void land_at(sim_request *request)
{
    question *at = (question *)request;
    const sim_partition *partition = sim_partition_find(at->topic, at->partition);

    at->found = partition != NULL;
    if (!partition)
        return;
    for (int64_t i = partition->start; i < partition->end; i++) {
        if (partition->records[i].timestamp_ms >= at->number) {
            at->number = i;
            return;
        }
    }
    at->number = partition->end;
}

weir_code weir__cluster_log_at(weir_cluster *cluster, const char *topic, int32_t partition, int64_t timestamp_ms,
                               int64_t *offset, weir_error *err)
{
    question *asked = question_new(topic, partition, land_at);

    asked->number = timestamp_ms;
    return ask_number(cluster, asked, offset, err);
}

static void land_delete(sim_request *request)
{
    question *at = (question *)request;
    sim_partition *partition = sim_partition_find(at->topic, at->partition);

    if (partition && at->number > partition->start)
        sim_log_truncate(partition, at->number);
}

weir_code weir__cluster_delete_records(weir_cluster *cluster, const char *topic, int32_t partition, int64_t before,
                                       weir_error *err)
{
    question *asked = question_new(topic, partition, land_delete);

    asked->number = before;
    sim_trace("records of %s/%d before %lld are to be deleted", topic, partition, (long long)before);
    return ask(cluster, asked, err);
}

static bool is_stable(void *arg)
{
    const question *asked = arg;

    return !sim_offset_is_pending(asked->topic, asked->partition);
}

static void land_committed(sim_request *request)
{
    question *at = (question *)request;
    const sim_offset *offset = sim_offset_of(at->topic, at->partition);

    at->found = is_stable(at); /* else: unstable, to be asked again */
    at->facts.exists = offset->exists;
    at->number = offset->offset;
    at->bytes = offset->metadata;
}

weir_code weir__cluster_committed(weir_cluster *cluster, const char *topic, int32_t partition, bool *found,
                                  int64_t *offset, weir_buffer *metadata, weir_error *err)
{
    question *asked = question_new(topic, partition, land_committed);
    int64_t until_ms = world->now_ms + cluster->request_ms;
    weir_code rc;

    do {
        rc = ask(cluster, asked, err);
        if (rc == WEIR_OK && !asked->found)
            (void)sim_wait(is_stable, asked, until_ms);
    } while (rc == WEIR_OK && !asked->found && world->now_ms < until_ms && !cluster->process->is_dead);
    if (rc == WEIR_OK && !asked->found)
        rc = weir__fail(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "a transaction holds its offset");
    if (rc != WEIR_OK)
        return rc;
    weir__buffer_reset(metadata);
    *found = asked->facts.exists;
    *offset = asked->number;
    return *found && asked->bytes.size ? weir__buffer_add(metadata, asked->bytes.data, asked->bytes.size) : WEIR_OK;
}
