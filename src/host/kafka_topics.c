/* SPDX-License-Identifier: Apache-2.0 */
/* The topics of a job: which it needs, which are there, making what is missing, and what they must be like. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/kafka.h"

/*
 * The changelog's tombstones live for a day, if weir makes it, and must live for a minute: a state file that was away
 * for longer than half of their life is built anew (stream_changelog.c).
 */
#define LEAST_RETENTION_MS 60000
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

weir_code weir__topics_find_journal(weir_cluster *cluster, const weir_config *config, int32_t partitions,
                                    weir_needed_topics *out, weir_error *err)
{
    const char *name = weir__config_text(config, "action-state.topic");
    weir_needed_topic *topic = &out->items[0];
    weir_code rc;

    memset(out, 0, sizeof *out);
    rc = add(out, WEIR__TOPIC_JOURNAL, name, err);
    if (rc == WEIR_OK)
        rc = weir__cluster_describe(cluster, name, &topic->facts, err);
    if (rc != WEIR_OK)
        return rc;
    if (topic->facts.exists && partitions && topic->facts.partitions != partitions)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "the action-state topic '%s' has %" PRId32 " partitions, and the state was written with "
                          "%" PRId32 ": it is not the one that the state knows",
                          name, topic->facts.partitions, partitions);
    topic->partitions = topic->facts.exists ? topic->facts.partitions
                        : partitions        ? partitions
                                            : (int32_t)weir__config_int(config, "action-state.partitions");
    topic->replicas = (int)weir__config_int(config, "action-state.replication-factor");
    return WEIR_OK;
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
    const char *name, *value;
    weir_code rc;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; weir__config_kafka(config, i, &name, &value); i++) {
        if (strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0)
            out->servers = value;
    }
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

/* ---- commands for people ----------------------------------------------------------------------------------------- */

static void say(weir_buffer *out, weir_code *rc, const char *text)
{
    if (*rc == WEIR_OK)
        *rc = weir__buffer_add_text(out, text);
}

/* One failed append makes the rest no-ops. */
static void add_setting(weir_buffer *out, weir_code *rc, const char *before, const weir_setting *setting)
{
    say(out, rc, before);
    say(out, rc, setting->name);
    say(out, rc, "=");
    say(out, rc, setting->value);
}

static weir_code print_creation(const weir_needed_topics *topics, const weir_needed_topic *topic, weir_buffer *out,
                                weir_error *err)
{
    char partitions[32];
    weir_code rc = WEIR_OK;

    (void)snprintf(partitions, sizeof partitions, "%" PRId32, partitions_to_make(topics, topic)); /* it fits */
    weir__buffer_reset(out);
    say(out, &rc, "kafka-topics.sh --bootstrap-server ");
    say(out, &rc, topics->servers ? topics->servers : "BROKERS");
    say(out, &rc, " --create --topic ");
    say(out, &rc, topic->name);
    say(out, &rc, " --partitions ");
    say(out, &rc, partitions);
    for (size_t i = 0; i < topic->setting_count; i++)
        add_setting(out, &rc, " --config ", &topic->settings[i]);
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a command");
}

static weir_code print_change(const weir_needed_topics *topics, const weir_needed_topic *topic,
                              const weir_setting *setting, weir_buffer *out, weir_error *err)
{
    weir_code rc = WEIR_OK;

    say(out, &rc, out->size ? " && " : "");
    say(out, &rc, "kafka-configs.sh --bootstrap-server ");
    say(out, &rc, topics->servers ? topics->servers : "BROKERS");
    say(out, &rc, " --alter --entity-type topics --entity-name ");
    say(out, &rc, topic->name);
    add_setting(out, &rc, " --add-config ", setting);
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a command");
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

bool weir__topic_can_be_made(const weir_needed_topics *topics, const weir_needed_topic *topic)
{
    if (topic->facts.exists || topic->role == WEIR__TOPIC_INPUT)
        return false;
    for (size_t i = 0; i < topics->count; i++) {
        if (topics->items[i].role == WEIR__TOPIC_INPUT && !topics->items[i].facts.exists)
            return false;
    }
    return true;
}

weir_code weir__topic_make(weir_cluster *cluster, const weir_needed_topics *topics, weir_needed_topic *topic,
                           weir_error *err)
{
    int32_t partitions = partitions_to_make(topics, topic);
    weir_code rc = weir__cluster_create(cluster, topic->name, partitions, topic->replicas, topic->settings,
                                        topic->setting_count, &topic->facts, err);

    if (rc != WEIR_OK) {
        weir__error_context(err, "cannot make the %s topic '%s' (%" PRId32 " partitions)",
                            weir__topic_role_name(topic->role), topic->name, partitions);
        return rc;
    }
    weir__log(WEIR__LOG_INFO, "host/kafka", "topic is made topic=%s role=\"%s\" partitions=%" PRId32, topic->name,
              weir__topic_role_name(topic->role), partitions);
    return WEIR_OK;
}

weir_code weir__topics_make(weir_cluster *cluster, weir_needed_topics *topics, weir_error *err)
{
    for (size_t i = 0; i < topics->count; i++) {
        weir_needed_topic *topic = &topics->items[i];
        weir_buffer command;
        weir_code rc;

        if (!weir__topic_can_be_made(topics, topic))
            continue;
        rc = weir__topic_make(cluster, topics, topic, err);
        if (rc == WEIR_OK)
            continue;
        weir__buffer_init(&command, SIZE_MAX);
        if (rc == WEIR_IO && print_creation(topics, topic, &command, NULL) == WEIR_OK)
            weir__log(WEIR__LOG_INFO, "host/kafka", "who may make it can run: %.*s", (int)command.size,
                      (const char *)command.data);
        weir__buffer_clear(&command);
        return rc;
    }
    return WEIR_OK;
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

/* What a setting of ours must be, and whether the job can run when it is not. */
static bool is_as_it_should(const weir_setting *setting, weir_bytes value, bool *is_vital)
{
    char text[32] = "";

    *is_vital = strcmp(setting->name, "cleanup.policy") == 0 || strcmp(setting->name, "delete.retention.ms") == 0;
    if (strcmp(setting->name, "delete.retention.ms") == 0 && value.size < sizeof text) {
        memcpy(text, value.data, value.size);
        return strtoll(text, NULL, 10) >= LEAST_RETENTION_MS;
    }
    return weir__bytes_equal(value, weir__bytes_text(setting->value));
}

static const char *what_follows(const weir_setting *setting)
{
    if (strcmp(setting->name, "cleanup.policy") == 0)
        return "records that are needed would be lost";
    if (strcmp(setting->name, "delete.retention.ms") == 0)
        return "what was deleted could come back from an old state file";
    return "records that are needed may be lost, and calls that they tell of are then in doubt";
}

static weir_code judge_settings(weir_cluster *cluster, const weir_needed_topics *topics,
                                const weir_needed_topic *topic, weir_topic_state *state, weir_buffer *why,
                                weir_buffer *command, weir_error *err)
{
    char least[48];
    weir_buffer value;
    weir_code rc = WEIR_OK;

    (void)snprintf(least, sizeof least, "%d or more", LEAST_RETENTION_MS); /* it fits */
    weir__buffer_init(&value, 4096);
    for (size_t i = 0; i < topic->setting_count && rc == WEIR_OK; i++) {
        const weir_setting *setting = &topic->settings[i];
        weir_setting found = { setting->name, NULL };
        bool is_vital;

        rc = weir__cluster_topic_setting(cluster, topic->name, setting->name, &value, err);
        if (rc != WEIR_OK || is_as_it_should(setting, weir__buffer_bytes(&value), &is_vital))
            continue;
        *state = is_vital ? WEIR__TOPIC_WRONG : *state == WEIR__TOPIC_WRONG ? *state : WEIR__TOPIC_DOUBTFUL;
        if (weir__buffer_add_byte(&value, 0) != WEIR_OK)
            rc = weir__fail_memory(err, "a setting");
        found.value = (const char *)value.data;
        add_setting(why, &rc, why->size ? "; " : "", &found);
        say(why, &rc, ", and must be ");
        say(why, &rc, strcmp(setting->name, "delete.retention.ms") == 0 ? least : setting->value);
        say(why, &rc, ": ");
        say(why, &rc, what_follows(setting));
        if (rc == WEIR_OK)
            rc = print_change(topics, topic, setting, command, err);
        else
            rc = weir__fail_memory(err, "a topic");
    }
    weir__buffer_clear(&value);
    return rc;
}

weir_code weir__topic_judge(weir_cluster *cluster, const weir_needed_topics *topics, const weir_needed_topic *topic,
                            weir_topic_state *state, weir_buffer *why, weir_buffer *command, weir_error *err)
{
    char text[160];

    weir__buffer_reset(why);
    weir__buffer_reset(command);
    *state = WEIR__TOPIC_RIGHT;
    if (!topic->facts.exists) {
        *state = WEIR__TOPIC_MISSING;
        return weir__topic_can_be_made(topics, topic) ? print_creation(topics, topic, command, err) : WEIR_OK;
    }
    if (topic->partitions && topic->facts.partitions != topic->partitions) {
        *state = WEIR__TOPIC_WRONG;
        (void)snprintf(text, sizeof text,
                       "%" PRId32 " partitions, and the input has %" PRId32 ": they must be as many. A topic that has "
                       "grown is to be read under another job.name",
                       topic->facts.partitions, topic->partitions); /* it fits */
        return weir__buffer_add_text(why, text) == WEIR_OK ? WEIR_OK : weir__fail_memory(err, "a topic");
    }
    return judge_settings(cluster, topics, topic, state, why, command, err);
}

static weir_code check_one(weir_cluster *cluster, const weir_needed_topics *topics, const weir_needed_topic *topic,
                           weir_error *err)
{
    const char *role = weir__topic_role_name(topic->role);
    weir_topic_state state = WEIR__TOPIC_RIGHT;
    weir_buffer why, command;
    weir_code rc;

    weir__buffer_init(&why, SIZE_MAX);
    weir__buffer_init(&command, SIZE_MAX);
    rc = weir__topic_judge(cluster, topics, topic, &state, &why, &command, err);
    if (rc != WEIR_OK)
        goto out;
    switch (state) {
    case WEIR__TOPIC_RIGHT:
        break;
    case WEIR__TOPIC_DOUBTFUL:
        weir__log(WEIR__LOG_WARN, "host/kafka", "the %s topic '%s' has %.*s. Run: %.*s", role, topic->name,
                  (int)why.size, (const char *)why.data, (int)command.size, (const char *)command.data);
        break;
    case WEIR__TOPIC_WRONG:
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "the %s topic '%s' has %.*s%s", role, topic->name,
                        (int)why.size, (const char *)why.data,
                        command.size ? "; `weir topics` says what to run" : "");
        break;
    case WEIR__TOPIC_MISSING:
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "the %s topic '%s' is not there; make it%s", role, topic->name,
                        topic->role == WEIR__TOPIC_INPUT ? "" : ", for example with: weir topics --create");
        break;
    }
out:
    weir__buffer_clear(&why);
    weir__buffer_clear(&command);
    return rc;
}

weir_code weir__topics_check(weir_cluster *cluster, const weir_needed_topics *topics, weir_error *err)
{
    weir_code rc = WEIR_OK;

    for (size_t i = 0; i < topics->count && rc == WEIR_OK; i++)
        rc = check_one(cluster, topics, &topics->items[i], err);
    return rc;
}

void weir__topics_clear(weir_needed_topics *topics)
{
    for (size_t i = 0; i < topics->count; i++)
        free(topics->items[i].name);
    topics->count = 0;
}
