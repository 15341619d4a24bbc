/* SPDX-License-Identifier: Apache-2.0 */
/* The topics of a job: which it needs, which are there, making what is missing, and what they must be like. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/kafka.h"

/* The changelog's tombstones live for a day: a state file that was away for longer than half of that is built anew. */
static const weir_setting changelog_settings[] = { { "cleanup.policy", "compact" },
                                                   { "delete.retention.ms", "86400000" } };
/* Shortened by us alone, by what is committed. */
static const weir_setting log_settings[] = { { "cleanup.policy", "delete" }, { "retention.ms", "-1" },
                                             { "retention.bytes", "-1" } };

const char *weir__topic_role_name(weir_topic_role role)
{
    static const char *const names[] = { "input",        "repartition", "changelog",
                                         "action-state", "output",      "dead letters" };

    return names[role];
}

static weir_code add(weir_needed_topics *topics, weir_topic_role role, const char *name, weir_error *err)
{
    weir_needed_topic *topic = &topics->items[topics->count];

    if (topics->count == WEIR__NEEDED_TOPICS)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "input.topics has more than %d topics",
                          WEIR__NEEDED_TOPICS - 8);
    memset(topic, 0, sizeof *topic);
    topic->role = role;
    topic->name = strdup(name);
    if (!topic->name)
        return weir__fail_memory(err, "the topics");
    topics->count++;
    switch (role) {
    case WEIR__TOPIC_CHANGELOG:
        topic->settings = changelog_settings;
        topic->setting_count = sizeof changelog_settings / sizeof *changelog_settings;
        break;
    case WEIR__TOPIC_JOURNAL:
    case WEIR__TOPIC_REPARTITION:
        topic->settings = log_settings;
        topic->setting_count = sizeof log_settings / sizeof *log_settings;
        break;
    case WEIR__TOPIC_INPUT:
    case WEIR__TOPIC_OUTPUT:
    case WEIR__TOPIC_DEAD_LETTERS:
        break;
    }
    return WEIR_OK;
}

static weir_code add_own(weir_needed_topics *topics, weir_topic_role role, const char *job, const char *end,
                         weir_error *err)
{
    char name[256];

    if (snprintf(name, sizeof name, "%s-%s", job, end) >= (int)sizeof name - 6)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "job.name is too long for the names of its topics");
    return add(topics, role, name, err);
}

static weir_code name_all(const weir_config *config, const char *job, weir_needed_topics *out, weir_error *err)
{
    const char *journal = weir__config_text(config, "action-state.topic");
    const char *output = weir__config_text(config, "output.topic");
    const char *dead = weir__config_text(config, "output.dlq-topic");
    bool is_dlq = strcmp(weir__config_text(config, "input.on-error"), "dlq") == 0;
    weir_code rc = WEIR_OK;
    size_t inputs = 0;
    const char *name;

    while (rc == WEIR_OK && (name = weir__config_item(config, "input.topics", inputs))) {
        rc = add(out, WEIR__TOPIC_INPUT, name, err);
        inputs++;
    }
    if (rc == WEIR_OK && !inputs)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "input.topics names no topic; set it");
    if (!journal && weir__config_bool(config, "action-state.required"))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "action-state.topic names no topic, so calls could not be recorded; set it (it is made at "
                          "the first start), or say action-state.required: false");
    if (is_dlq && !dead)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "input.on-error is dlq, but output.dlq-topic names no topic; set it");
    if (rc == WEIR_OK && (inputs > 1 || weir__config_text(config, "input.key-by")))
        rc = add_own(out, WEIR__TOPIC_REPARTITION, job, "repartition", err);
    if (rc == WEIR_OK)
        rc = add_own(out, WEIR__TOPIC_CHANGELOG, job, "changelog", err);
    if (rc == WEIR_OK && journal)
        rc = add(out, WEIR__TOPIC_JOURNAL, journal, err);
    if (rc == WEIR_OK && output)
        rc = add(out, WEIR__TOPIC_OUTPUT, output, err);
    if (rc == WEIR_OK && is_dlq)
        rc = add(out, WEIR__TOPIC_DEAD_LETTERS, dead, err);
    return rc;
}

/* One topic in two roles would feed itself, or be torn down with the other. */
static weir_code refuse_twice(const weir_needed_topics *topics, weir_error *err)
{
    for (size_t i = 0; i < topics->count; i++) {
        for (size_t j = i + 1; j < topics->count; j++) {
            if (strcmp(topics->items[i].name, topics->items[j].name) == 0)
                return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "topic '%s' is named as %s and as %s",
                                  topics->items[i].name, weir__topic_role_name(topics->items[i].role),
                                  weir__topic_role_name(topics->items[j].role));
        }
    }
    return WEIR_OK;
}

/* Each of our own has as many partitions as what the tasks read. */
static void count_partitions(weir_needed_topics *topics)
{
    int32_t most = 0, tasks = 0;

    for (size_t i = 0; i < topics->count; i++) {
        const weir_needed_topic *topic = &topics->items[i];

        if (topic->role == WEIR__TOPIC_INPUT && topic->facts.partitions > most)
            most = topic->facts.partitions;
    }
    tasks = most;
    for (size_t i = 0; i < topics->count; i++) {
        weir_needed_topic *topic = &topics->items[i];

        if (topic->role == WEIR__TOPIC_REPARTITION && topic->facts.exists)
            tasks = topic->facts.partitions; /* how many it has was decided once, and holds */
    }
    for (size_t i = 0; i < topics->count; i++) {
        weir_needed_topic *topic = &topics->items[i];

        if (topic->role == WEIR__TOPIC_CHANGELOG || topic->role == WEIR__TOPIC_JOURNAL ||
            topic->role == WEIR__TOPIC_REPARTITION)
            topic->partitions = tasks;
    }
}

weir_code weir__topics_find(weir_cluster *cluster, const weir_config *config, const char *job,
                            weir_needed_topics *out, weir_error *err)
{
    weir_code rc;

    memset(out, 0, sizeof *out);
    rc = name_all(config, job, out, err);
    if (rc == WEIR_OK)
        rc = refuse_twice(out, err);
    for (size_t i = 0; i < out->count && rc == WEIR_OK; i++)
        rc = weir__cluster_describe(cluster, out->items[i].name, &out->items[i].facts, err);
    if (rc == WEIR_OK)
        count_partitions(out);
    return rc;
}

static int32_t partitions_to_make(const weir_needed_topics *topics, const weir_needed_topic *topic)
{
    int32_t most = 1;

    if (topic->partitions)
        return topic->partitions;
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->items[i].role == WEIR__TOPIC_INPUT && topics->items[i].facts.partitions > most)
            most = topics->items[i].facts.partitions;
    }
    return most;
}

weir_code weir__topics_make(weir_cluster *cluster, weir_needed_topics *topics, weir_error *err)
{
    for (size_t i = 0; i < topics->count; i++) {
        weir_needed_topic *topic = &topics->items[i];
        int32_t partitions = partitions_to_make(topics, topic);
        weir_code rc;

        if (topic->facts.exists || topic->role == WEIR__TOPIC_INPUT)
            continue;
        rc = weir__cluster_create(cluster, topic->name, partitions, topic->settings, topic->setting_count, err);
        if (rc == WEIR_OK)
            rc = weir__cluster_describe(cluster, topic->name, &topic->facts, err);
        if (rc != WEIR_OK) {
            weir__error_context(err, "cannot make the %s topic '%s' (%" PRId32 " partitions)",
                                weir__topic_role_name(topic->role), topic->name, partitions);
            return rc;
        }
        weir__log(WEIR__LOG_INFO, "host/kafka", "topic is made topic=%s role=\"%s\" partitions=%" PRId32, topic->name,
                  weir__topic_role_name(topic->role), partitions);
    }
    return WEIR_OK;
}

static weir_code check_policy(weir_cluster *cluster, const weir_needed_topic *topic, weir_error *err)
{
    const char *wanted = topic->settings[0].value;
    weir_buffer value;
    weir_code rc;

    weir__buffer_init(&value, 4096);
    rc = weir__cluster_topic_setting(cluster, topic->name, "cleanup.policy", &value, err);
    if (rc == WEIR_OK && !weir__bytes_equal(weir__buffer_bytes(&value), weir__bytes_text(wanted)))
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                        "the %s topic '%s' has cleanup.policy=%.*s, and must have %s: records that are needed would be "
                        "lost. Run: kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config "
                        "cleanup.policy=%s",
                        weir__topic_role_name(topic->role), topic->name, (int)value.size,
                        value.size ? (const char *)value.data : "", wanted, topic->name, wanted);
    weir__buffer_clear(&value);
    return rc;
}

weir_code weir__topics_check(weir_cluster *cluster, const weir_needed_topics *topics, weir_error *err)
{
    for (size_t i = 0; i < topics->count; i++) {
        const weir_needed_topic *topic = &topics->items[i];
        weir_code rc;

        if (!topic->facts.exists)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "the %s topic '%s' is not there; make it%s",
                              weir__topic_role_name(topic->role), topic->name,
                              topic->role == WEIR__TOPIC_INPUT ? "" : ", for example with: weir topics --create");
        if (topic->partitions && topic->facts.partitions != topic->partitions)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                              "the %s topic '%s' has %" PRId32 " partitions, and the input %" PRId32
                              ": they must be as many. A topic that has grown cannot be joined to the state of the "
                              "old one; read it under another job.name",
                              weir__topic_role_name(topic->role), topic->name, topic->facts.partitions,
                              topic->partitions);
        if (topic->setting_count) {
            rc = check_policy(cluster, topic, err);
            if (rc != WEIR_OK)
                return rc;
        }
    }
    return WEIR_OK;
}

void weir__topics_clear(weir_needed_topics *topics)
{
    for (size_t i = 0; i < topics->count; i++)
        free(topics->items[i].name);
    topics->count = 0;
}
