/* SPDX-License-Identifier: Apache-2.0 */
/* Which properties a client gets: weir's decisions, what stands under kafka., defaults where a user has set nothing. */
#include "kafka/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/secrets.h"

enum { TRANSACTION_TIMEOUT_MS = 10000, SESSION_TIMEOUT_MS = 45000 };

/* Bits: which roles a property is set for. */
enum {
    ADMIN = 1 << WEIR__KAFKA_ADMIN,
    CONSUMER = 1 << WEIR__KAFKA_CONSUMER,
    PRODUCER = 1 << WEIR__KAFKA_PRODUCER,
    APPENDER = 1 << WEIR__KAFKA_APPENDER,
    READER = 1 << WEIR__KAFKA_READER,
    READS = CONSUMER | READER,
    CONSUMES = ADMIN | CONSUMER | READER, /* librdkafka's type */
    PRODUCES = PRODUCER | APPENDER,
    ALL = CONSUMES | PRODUCES
};

/* ---- what weir decides ------------------------------------------------------------------------------------------ */

typedef struct decision {
    const char *name;
    const char *value;   /* what a user may say, for it is what we say; NULL: nothing */
    const char *synonym; /* the same in other words; NULL: none */
    const char *why;
} decision;

static const decision decisions[] = {
    { "enable.auto.commit", "false", NULL, "offsets are committed by transactions" },
    { "auto.commit.enable", "false", NULL, "offsets are committed by transactions" },
    { "enable.auto.offset.store", "false", NULL, "offsets are committed by transactions" },
    { "isolation.level", "read_committed", NULL, "only what is committed is read" },
    { "enable.idempotence", "true", NULL, "records are written once" },
    { "acks", "all", "-1", "a record counts when all replicas have it" },
    { "request.required.acks", "all", "-1", "a record counts when all replicas have it" },
    { "retries", "2147483647", NULL, "a record is not given up" },
    { "message.send.max.retries", "2147483647", NULL, "a record is not given up" },
    { "message.timeout.ms", NULL, NULL, "kafka.transaction.timeout.ms says how long a record may take" },
    { "delivery.timeout.ms", NULL, NULL, "kafka.transaction.timeout.ms says how long a record may take" },
    { "transactional.id", NULL, NULL, "weir names its producers" },
    { "enable.gapless.guarantee", "true", NULL, "a journal has no gaps" },
    { "queuing.strategy", "fifo", NULL, "records keep their order" },
    { "partitioner", "murmur2_random", NULL, "keys go where the Java client sends them" },
    { "partition.assignment.strategy", "cooperative-sticky", NULL, "partitions that stay are not interrupted" },
    { "group.protocol", "classic", NULL, "rebalances are answered by the classic protocol" },
    { "group.protocol.type", "consumer", NULL, "the group consists of consumers" },
    { "group.remote.assignor", NULL, NULL, "partitions that stay are not interrupted" },
    { "enable.partition.eof", NULL, NULL, "weir asks for a partition's end where it needs it" },
    { "delivery.report.only.error", "false", NULL, "weir waits for what it has written" },
    { "produce.offset.report", "true", NULL, "weir keeps the offsets of what it has written" },
    { "offset.store.method", "broker", NULL, "offsets are committed by transactions" },
    { "allow.auto.create.topics", "false", NULL, "a topic with the brokers' defaults is not what was meant" },
    { "log.queue", "false", NULL, "weir logs by itself" },
    { "enabled_events", NULL, NULL, "weir takes them in its own way" },
};

/* Ours in another way: read or checked, and not passed on as they are. */
static const char *const ours[] = { "group.id", "group.instance.id", "auto.offset.reset", "client.id",
                                    "transaction.timeout.ms" };

typedef struct setting {
    const char *name;
    const char *value;
    int roles;
    bool is_firm; /* false: only where the user has set nothing */
} setting;

static const setting settings[] = {
    { "enable.auto.commit", "false", CONSUMES, true },
    { "enable.auto.offset.store", "false", CONSUMES, true },
    { "auto.offset.reset", "error", CONSUMES, true },
    { "partition.assignment.strategy", "cooperative-sticky", CONSUMES, true },
    { "enable.partition.eof", "true", READER, true },
    /* rd_kafka_committed() asks for stable offsets only if it reads what is committed. */
    { "isolation.level", "read_committed", ADMIN | CONSUMER, true },
    { "enable.idempotence", "true", PRODUCES, true },
    { "enable.gapless.guarantee", "true", APPENDER, true },
    { "message.timeout.ms", "0", APPENDER, true },
    { "linger.ms", "0", APPENDER, true },
    { "queue.buffering.max.messages", "0", APPENDER, true }, /* the owner bounds what is under way */
    { "queue.buffering.max.kbytes", "2097151", APPENDER, true },
    { "partitioner", "murmur2_random", PRODUCES, true },
    { "allow.auto.create.topics", "false", ALL, true },
    { "acks", "all", PRODUCES, true },
    /* Measured: with the default of 1 s the fetcher sleeps most of the time. */
    { "fetch.queue.backoff.ms", "5", READS, false },
    { "queued.min.messages", "50000", READS, false },
    { "queued.max.messages.kbytes", "16384", READS, false },
    { "fetch.wait.max.ms", "100", CONSUMER, false },
    { "fetch.error.backoff.ms", "100", READS, false },
    { "linger.ms", "5", PRODUCER, false },
    /* Measured: headers and keys repeat, and the broker has less to move; it is nearly free here. */
    { "compression.type", "lz4", PRODUCER, false },
    { "batch.size", "262144", PRODUCES, false },
    { "max.in.flight", "5", PRODUCES, false },
    /* A topic that is not there is to be said before the transaction's time is over. */
    { "topic.metadata.propagation.max.ms", "5000", PRODUCER, false },
    { "reconnect.backoff.max.ms", "2000", ALL, false },
    { "socket.keepalive.enable", "true", ALL, false },
    { "metadata.recovery.rebootstrap.trigger.ms", "60000", ALL, false },
};

/* librdkafka warns when the other kind of client is given one. Its table (rdkafka_conf.c) is not to be asked. */
static const char *const for_consumers[] = {
    "session.timeout.ms", "heartbeat.interval.ms", "coordinator.query.interval.ms", "max.poll.interval.ms",
    "auto.commit.interval.ms", "queued.min.messages", "queued.max.messages.kbytes", "fetch.wait.max.ms",
    "fetch.queue.backoff.ms", "fetch.message.max.bytes", "max.partition.fetch.bytes", "fetch.max.bytes",
    "fetch.min.bytes", "fetch.error.backoff.ms", "check.crcs", "max.poll.records", "share.acknowledgement.mode",
    "offset.store.path", "offset.store.sync.interval.ms", "consume.callback.max.messages",
};
static const char *const for_producers[] = {
    "queue.buffering.max.messages", "queue.buffering.max.kbytes", "queue.buffering.max.ms", "linger.ms",
    "queue.buffering.backpressure.threshold", "compression.codec", "compression.type", "compression.level",
    "batch.num.messages", "batch.size", "sticky.partitioning.linger.ms", "request.timeout.ms",
};
/* Two names for one: what is set by either is set. */
static const char *const aliases[][2] = {
    { "linger.ms", "queue.buffering.max.ms" },
    { "compression.type", "compression.codec" },
    { "max.in.flight", "max.in.flight.requests.per.connection" },
    { "bootstrap.servers", "metadata.broker.list" },
};

#define IS_IN(name, list) is_in(name, list, sizeof list / sizeof *list)

static bool is_in(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

/* What the user has set under kafka.; NULL: nothing. */
static const char *user_value(const weir_config *config, const char *name)
{
    const char *set, *value;

    for (size_t i = 0; weir__config_kafka(config, i, &set, &value); i++)
        if (strcmp(set, name) == 0)
            return value;
    for (size_t k = 0; k < sizeof aliases / sizeof *aliases; k++)
        if (strcmp(aliases[k][0], name) == 0)
            return user_value(config, aliases[k][1]);
    return NULL;
}

/* Also one whose name does not tell, but that was filled in from the environment or a file. */
static bool is_secret(const weir_config *config, const char *name, const char *value)
{
    weir_config_entry entry;
    size_t cursor = 0;

    if (weir__secret_named(name) || weir__secret_looks(value))
        return true;
    while (weir__config_next(config, &cursor, &entry))
        if (strncmp(entry.name, "kafka.", 6) == 0 && strcmp(entry.name + 6, name) == 0)
            return entry.is_secret;
    return false;
}

/* ---- setting ---------------------------------------------------------------------------------------------------- */

/* librdkafka's message may hold the value, so a secret's is not passed on. */
static weir_code set(rd_kafka_conf_t *conf, const char *name, const char *value, bool is_hidden, weir_error *err)
{
    char text[200] = "";
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, text, sizeof text);

    if (result == RD_KAFKA_CONF_OK)
        return WEIR_OK;
    if (result == RD_KAFKA_CONF_UNKNOWN)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "kafka.%s: librdkafka %s has no such property", name,
                          rd_kafka_version_str());
    for (size_t size = strlen(text); size && (unsigned char)text[size - 1] <= ' '; size--)
        text[size - 1] = '\0'; /* some of librdkafka's end in a line break */
    if (is_hidden)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "kafka.%s: librdkafka does not take this value", name);
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "kafka.%s: %s", name, text);
}

weir_code weir__kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, weir_error *err)
{
    return set(conf, name, value, false, err);
}

static const decision *decided(const char *name)
{
    for (size_t i = 0; i < sizeof decisions / sizeof *decisions; i++)
        if (strcmp(decisions[i].name, name) == 0)
            return &decisions[i];
    return NULL;
}

static bool is_for(const char *name, int role)
{
    if (IS_IN(name, for_consumers))
        return role & CONSUMES;
    if (IS_IN(name, for_producers))
        return role & PRODUCES;
    return true;
}

static bool is_firm(const char *name, int role)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (settings[i].is_firm && settings[i].roles & role && strcmp(settings[i].name, name) == 0)
            return true;
    /* The appender's linger is decided, by whichever name. */
    return role & APPENDER && strcmp(name, "queue.buffering.max.ms") == 0;
}

static weir_code set_users(const weir_cluster *cluster, rd_kafka_conf_t *conf, int role, weir_error *err)
{
    const char *name, *value;
    weir_code rc;

    for (size_t i = 0; weir__config_kafka(cluster->config, i, &name, &value); i++) {
        if (decided(name) || IS_IN(name, ours) || !is_for(name, role) || is_firm(name, role))
            continue;
        rc = set(conf, name, value, is_secret(cluster->config, name, value), err);
        if (rc != WEIR_OK)
            return rc;
    }
    return WEIR_OK;
}

weir_code weir__kafka_conf(const weir_cluster *cluster, weir_kafka_role which, rd_kafka_conf_t **out, weir_error *err)
{
    static const char *const suffixes[] = { "admin", "consumer", "producer", "appender", "reader" };
    int role = 1 << which;
    char text[256];
    weir_code rc = WEIR_OK;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (!conf)
        return weir__fail_memory(err, "kafka properties");
    for (size_t i = 0; i < sizeof settings / sizeof *settings && rc == WEIR_OK; i++)
        if (settings[i].roles & role && (settings[i].is_firm || !user_value(cluster->config, settings[i].name)))
            rc = set(conf, settings[i].name, settings[i].value, false, err);
    if (rc == WEIR_OK)
        rc = set_users(cluster, conf, role, err);
    if (rc == WEIR_OK && role & CONSUMES)
        rc = set(conf, "group.id", cluster->group, false, err);
    if (rc == WEIR_OK && role & PRODUCER) {
        (void)snprintf(text, sizeof text, "%d", cluster->transaction_timeout_ms);
        rc = set(conf, "transaction.timeout.ms", text, false, err);
    }
    (void)snprintf(text, sizeof text, "%s-%s", cluster->client_id, suffixes[which]); /* cut: it is for logs */
    if (rc == WEIR_OK)
        rc = set(conf, "client.id", text, false, err);
    if (rc != WEIR_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    *out = conf;
    return WEIR_OK;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

static bool says(const char *value, const char *word)
{
    return word && strcasecmp(value, word) == 0;
}

static weir_code number_read(const weir_config *config, const char *name, int fallback, int *out, weir_error *err)
{
    const char *value = user_value(config, name);
    char *end;
    long number;

    *out = fallback;
    if (!value)
        return WEIR_OK;
    errno = 0;
    number = strtol(value, &end, 10);
    if (errno || end == value || *end || number < 1 || number > INT_MAX)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "kafka.%s: '%.40s' is not in 1..%d", name, value, INT_MAX);
    *out = (int)number;
    return WEIR_OK;
}

static weir_code reset_read(weir_cluster *cluster, weir_error *err)
{
    static const struct {
        const char *word;
        weir_reset reset;
    } words[] = { { "earliest", WEIR__RESET_EARLIEST }, { "smallest", WEIR__RESET_EARLIEST },
                  { "beginning", WEIR__RESET_EARLIEST }, { "latest", WEIR__RESET_LATEST },
                  { "largest", WEIR__RESET_LATEST },     { "end", WEIR__RESET_LATEST },
                  { "error", WEIR__RESET_ERROR },        { "none", WEIR__RESET_ERROR } };
    const char *value = user_value(cluster->config, "auto.offset.reset");

    cluster->reset = WEIR__RESET_LATEST;
    if (!value)
        return WEIR_OK;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (says(value, words[i].word)) {
            cluster->reset = words[i].reset;
            return WEIR_OK;
        }
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "kafka.auto.offset.reset: '%.40s' is none of earliest, latest, error", value);
}

static weir_code decisions_check(const weir_cluster *cluster, weir_error *err)
{
    const char *name, *value;

    for (size_t i = 0; weir__config_kafka(cluster->config, i, &name, &value); i++) {
        const decision *ruling = decided(name);

        if (strcmp(name, "group.id") == 0 && strcmp(value, cluster->group) != 0)
            return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                              "kafka.group.id: '%.80s' is not the job's name '%.80s'; the group is named after the job "
                              "(job.name)", value, cluster->group);
        if (!ruling || says(value, ruling->value) || says(value, ruling->synonym))
            continue;
        if (ruling->value)
            return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "kafka.%s: is always %s: %s", name, ruling->value,
                              ruling->why);
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "kafka.%s: cannot be set: %s", name, ruling->why);
    }
    return WEIR_OK;
}

/* All of them at once, whosever they are: what librdkafka does not know or take is found before anything starts. */
static weir_code values_check(const weir_cluster *cluster, weir_error *err)
{
    rd_kafka_conf_t *scratch = rd_kafka_conf_new();
    const char *name, *value;
    weir_code rc = WEIR_OK;

    if (!scratch)
        return weir__fail_memory(err, "kafka properties");
    for (size_t i = 0; rc == WEIR_OK && weir__config_kafka(cluster->config, i, &name, &value); i++)
        if (!decided(name) && !IS_IN(name, ours))
            rc = set(scratch, name, value, is_secret(cluster->config, name, value), err);
    rd_kafka_conf_destroy(scratch);
    return rc;
}

weir_code weir__kafka_properties_read(weir_cluster *cluster, weir_error *err)
{
    const weir_config *config = cluster->config;
    const char *servers = user_value(config, "bootstrap.servers");
    const char *instance = user_value(config, "group.instance.id");
    const char *client_id = user_value(config, "client.id");
    int session_ms;
    weir_code rc;

    if (!servers || !*servers)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "kafka.bootstrap.servers is not set: where is the cluster? (host:port, parted by commas)");
    rc = decisions_check(cluster, err);
    if (rc == WEIR_OK)
        rc = values_check(cluster, err);
    if (rc == WEIR_OK)
        rc = reset_read(cluster, err);
    if (rc == WEIR_OK)
        rc = number_read(config, "session.timeout.ms", SESSION_TIMEOUT_MS, &session_ms, err);
    if (rc == WEIR_OK)
        rc = number_read(config, "transaction.timeout.ms",
                         session_ms < TRANSACTION_TIMEOUT_MS ? session_ms : TRANSACTION_TIMEOUT_MS,
                         &cluster->transaction_timeout_ms, err);
    if (rc != WEIR_OK)
        return rc;
    /* Who takes over a partition waits for what was left open: no longer than for noticing that its owner is gone. */
    if (cluster->transaction_timeout_ms > session_ms)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "kafka.transaction.timeout.ms: %d is more than kafka.session.timeout.ms, %d",
                          cluster->transaction_timeout_ms, session_ms);
    if (instance && *instance) {
        cluster->instance = strdup(instance);
        if (!cluster->instance)
            return weir__fail_memory(err, "kafka properties");
    }
    cluster->client_id = strdup(client_id && *client_id ? client_id : cluster->group);
    return cluster->client_id ? WEIR_OK : weir__fail_memory(err, "kafka properties");
}
