/* SPDX-License-Identifier: Apache-2.0 */
/* Journals' way into the log: in order, without gaps, each record told once. */
#include "kafka/appender.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kafka/internal.h"

enum { PURGE_MS = 2000 };

struct weir_appender {
    weir_kafka_client client;
    rd_kafka_queue_t *queue;
    weir_appended *first; /* not told, the oldest first */
    weir_appended *newest;
    size_t pending;
    bool is_broken;
    weir_error why; /* it is broken */
};

/* ---- telling ---------------------------------------------------------------------------------------------------- */

static void tell(weir_appender *appender, weir_appended *appended, int64_t offset, const weir_error *err)
{
    if (appended->previous)
        appended->previous->next = appended->next;
    else
        appender->first = appended->next;
    if (appended->next)
        appended->next->previous = appended->previous;
    else
        appender->newest = appended->previous;
    appended->previous = appended->next = NULL;
    appender->pending--;
    appended->offset = offset;
    appended->known(appended, err);
}

/* Within a poll. */
static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    weir_appender *appender = opaque; /* its client is the opaque, and its first field */
    weir_error err;

    (void)rk;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        tell(appender, message->_private, message->offset, NULL);
        return;
    }
    if (appender->is_broken)
        err = appender->why;
    else
        (void)weir__kafka_fail(&err, message->err, NULL, "Write on the topic", "journal '%.80s' partition %d",
                               rd_kafka_topic_name(message->rkt), (int)message->partition);
    tell(appender, message->_private, -1, &err);
}

/* All that is queued or under way fails now; librdkafka would keep it for ever. */
static void purge(weir_appender *appender)
{
    const weir_clock *clock = weir__clock_system();
    int64_t until = weir__clock_monotonic_ms(clock) + PURGE_MS;

    (void)rd_kafka_purge(appender->client.rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (appender->pending && weir__clock_monotonic_ms(clock) < until)
        (void)rd_kafka_poll(appender->client.rk, 20);
}

/* The first cause stays. */
static weir_code broken(weir_appender *appender, weir_error *err)
{
    char text[160] = "";
    rd_kafka_resp_err_t code;

    if (appender->is_broken)
        goto out;
    code = rd_kafka_fatal_error(appender->client.rk, text, sizeof text);
    if (!code)
        return WEIR_OK;
    weir__text_trim(text);
    appender->is_broken = true;
    (void)weir__fail_from(&appender->why, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "journal: broken: %s", text);
    purge(appender);
out:
    if (err)
        *err = appender->why;
    return WEIR_IO;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void appender_free(void *owner)
{
    free(owner);
}

void weir__appender_close(weir_appender *appender)
{
    if (!appender)
        return;
    if (appender->client.rk) {
        if (!appender->is_broken) {
            appender->is_broken = true;
            (void)weir__fail(&appender->why, WEIR_UNKNOWN, WEIR_REMEDY_STOP,
                             "journal: closed before the record was acknowledged");
        }
        if (appender->pending)
            purge(appender);
        /* Nothing is polled from here on, so that nothing is told twice. */
        while (appender->first)
            tell(appender, appender->first, -1, &appender->why);
        if (appender->queue) {
            rd_kafka_queue_io_event_enable(appender->queue, -1, NULL, 0);
            rd_kafka_queue_destroy(appender->queue);
        }
    }
    weir__kafka_client_let_go(&appender->client, appender, appender_free);
}

weir_code weir__appender_open(weir_cluster *cluster, weir_appender **out, weir_error *err)
{
    rd_kafka_conf_t *conf = NULL;
    weir_code rc;
    weir_appender *appender = calloc(1, sizeof *appender);

    if (!appender)
        return weir__fail_memory(err, "an appender");
    appender->client.fd = -1;
    rc = weir__kafka_conf(cluster, WEIR__KAFKA_APPENDER, &conf, err);
    if (rc != WEIR_OK)
        goto out;
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rc = weir__kafka_client_start(&appender->client, RD_KAFKA_PRODUCER, conf, err);
    if (rc != WEIR_OK)
        goto out;
    appender->queue = rd_kafka_queue_get_main(appender->client.rk);
    rc = weir__kafka_client_watch(&appender->client, appender->queue, err);
    if (rc != WEIR_OK)
        goto out;
    *out = appender;
    appender = NULL;
out:
    weir__appender_close(appender);
    return rc;
}

/* ---- work ------------------------------------------------------------------------------------------------------- */

weir_code weir__appender_append(weir_appender *appender, const char *topic, int32_t partition, weir_bytes key,
                                weir_bytes value, weir_appended *appended, weir_error *err)
{
    rd_kafka_resp_err_t code;

    assert(appended && appended->known);
    if (appender->is_broken)
        return broken(appender, err);
    code = rd_kafka_producev(appender->client.rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                             RD_KAFKA_V_VALUE((void *)(uintptr_t)value.data, value.data ? value.size : 0),
                             RD_KAFKA_V_KEY((void *)(uintptr_t)key.data, key.data ? key.size : 0),
                             RD_KAFKA_V_OPAQUE(appended), RD_KAFKA_V_END);
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        appended->offset = -1;
        appended->next = NULL;
        appended->previous = appender->newest;
        if (appender->newest)
            appender->newest->next = appended;
        else
            appender->first = appended;
        appender->newest = appended;
        appender->pending++;
        return WEIR_OK;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return weir__fail_from(err, WEIR_NO_MEMORY, WEIR_REMEDY_STOP, "kafka", (int)code,
                               "journal '%.80s' partition %d: 2 GiB wait to be written", topic, (int)partition);
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return weir__fail_from(err, WEIR_LIMIT, WEIR_REMEDY_FIX, "kafka", (int)code,
                               "journal '%.80s' partition %d: a record of %zu bytes is larger than "
                               "kafka.message.max.bytes",
                               topic, (int)partition, key.size + value.size);
    default:
        break;
    }
    if (broken(appender, err) != WEIR_OK)
        return WEIR_IO;
    return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "journal '%.80s' partition %d: %s",
                           topic, (int)partition, rd_kafka_err2str(code));
}

weir_code weir__appender_poll(weir_appender *appender, weir_error *err)
{
    weir__kafka_client_hush(&appender->client);
    while (rd_kafka_poll(appender->client.rk, 0) > 0)
        ;
    return broken(appender, err);
}

int weir__appender_fd(const weir_appender *appender)
{
    return appender->client.fd;
}

size_t weir__appender_pending(const weir_appender *appender)
{
    return appender->pending;
}
