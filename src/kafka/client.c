/* SPDX-License-Identifier: Apache-2.0 */
/* A client's life: made, its log and errors noted, woken, and let go without ever hanging its owner. */
#include "kafka/internal.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "kafka/bounded.h"

enum {
    LOG_LINES = 20, /* at most in LOG_WINDOW_MS, of one client */
    LOG_WINDOW_MS = 10000,
    GOODBYE_MS = 5000, /* how long an end is waited for */
    SYSLOG_CRITICAL = 2,
    SYSLOG_DEBUG = 7
};

/* ---- what librdkafka says --------------------------------------------------------------------------------------- */

/* On any of librdkafka's threads. What it logs is debug to us: what matters is returned by the next call. */
static void log_noted(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    weir_kafka_client *client = rd_kafka_opaque(rk);
    weir_log_level ours = level <= SYSLOG_CRITICAL ? WEIR__LOG_WARN : WEIR__LOG_DEBUG;
    unsigned left_out = 0;
    bool is_let_through = true;

    if (!weir__log_wants(ours))
        return;
    if (level < SYSLOG_DEBUG && client) { /* debug lines come when the user has asked for them by kafka.debug */
        int64_t now = weir__clock_monotonic_ms(weir__clock_system());

        pthread_mutex_lock(&client->lock);
        if (now - client->log_since_ms >= LOG_WINDOW_MS) {
            left_out = client->logged > LOG_LINES ? client->logged - LOG_LINES : 0;
            client->log_since_ms = now;
            client->logged = 0;
        }
        is_let_through = client->logged++ < LOG_LINES;
        pthread_mutex_unlock(&client->lock);
    }
    if (left_out)
        weir__log(WEIR__LOG_DEBUG, "kafka", "librdkafka said more than is logged client=%s lines=%u",
                  rd_kafka_name(rk), left_out);
    if (is_let_through)
        weir__log(ours, "kafka", "librdkafka says '%s' client=%s facility=%s level=%d", text, rd_kafka_name(rk),
                  facility, level);
}

/* Within a poll of the client. One connection that breaks is no news: it is mended, or all are said to be down. */
static void error_noted(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    weir_kafka_client *client = opaque;
    rd_kafka_resp_err_t error = (rd_kafka_resp_err_t)code;

    weir__log(WEIR__LOG_DEBUG, "kafka", "error '%s' client=%s code=%s", reason, rd_kafka_name(rk),
              rd_kafka_err2name(error));
    pthread_mutex_lock(&client->lock);
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__RESOLVE ||
        code == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        /* Kept as the cause, in case all are down. */
        if (client->noted == RD_KAFKA_RESP_ERR_NO_ERROR)
            (void)snprintf(client->noted_text, sizeof client->noted_text, "%s", reason);
    } else if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        if (client->noted == RD_KAFKA_RESP_ERR_NO_ERROR) {
            client->noted = error;
            if (!client->noted_text[0])
                (void)snprintf(client->noted_text, sizeof client->noted_text, "%s", reason);
        }
    } else {
        client->noted = error;
        (void)snprintf(client->noted_text, sizeof client->noted_text, "%s", reason);
    }
    pthread_mutex_unlock(&client->lock);
}

rd_kafka_resp_err_t weir__kafka_client_note(weir_kafka_client *client, char text[160])
{
    rd_kafka_resp_err_t code;

    pthread_mutex_lock(&client->lock);
    code = client->noted;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        memcpy(text, client->noted_text, sizeof client->noted_text);
        client->noted = RD_KAFKA_RESP_ERR_NO_ERROR;
        client->noted_text[0] = '\0';
        if (code == RD_KAFKA_RESP_ERR__FATAL) { /* what is behind it */
            rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client->rk, text, 160);

            code = cause ? cause : code;
        }
    }
    pthread_mutex_unlock(&client->lock);
    weir__text_trim(text);
    return code;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

weir_code weir__kafka_client_start(weir_kafka_client *client, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                   weir_error *err)
{
    char text[256] = "";
    rd_kafka_resp_err_t code;

    client->fd = -1;
    if (pthread_mutex_init(&client->lock, NULL) != 0) {
        rd_kafka_conf_destroy(conf);
        return weir__fail_memory(err, "a kafka client");
    }
    client->has_lock = true;
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, log_noted);
    rd_kafka_conf_set_error_cb(conf, error_noted);
    client->rk = rd_kafka_new(type, conf, text, sizeof text);
    if (client->rk)
        return WEIR_OK;
    code = rd_kafka_last_error();
    rd_kafka_conf_destroy(conf);
    if (code == RD_KAFKA_RESP_ERR__INVALID_ARG)
        return weir__fail_from(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "kafka", (int)code, "kafka: %s", text);
    return weir__fail_from(err, WEIR_IO, WEIR_REMEDY_STOP, "kafka", (int)code, "kafka: no client can be made: %s",
                           text);
}

weir_code weir__kafka_client_watch(weir_kafka_client *client, rd_kafka_queue_t *queue, weir_error *err)
{
    static const uint64_t one = 1; /* what an eventfd wants to be written */

    client->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "kafka: no descriptor for a client");
    rd_kafka_queue_io_event_enable(queue, client->fd, &one, sizeof one);
    /* It fires when an empty queue gets something: what is in there already would be missed. */
    weir__kafka_client_rouse(client);
    return WEIR_OK;
}

void weir__kafka_client_hush(weir_kafka_client *client)
{
    uint64_t count;
    ssize_t size;

    do
        size = read(client->fd, &count, sizeof count);
    while (size < 0 && errno == EINTR); /* EAGAIN: it was not readable */
}

void weir__kafka_client_rouse(weir_kafka_client *client)
{
    uint64_t one = 1;
    ssize_t size;

    do
        size = write(client->fd, &one, sizeof one);
    while (size < 0 && errno == EINTR); /* EAGAIN: it is as readable as it gets */
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

typedef struct goodbye {
    weir_kafka_client *client;
    void *owner;
    void (*free_owner)(void *owner);
    bool is_left; /* the owner's thread has gone on without it */
} goodbye;

static atomic_size_t clients_left;

size_t weir__kafka_clients_left(void)
{
    return atomic_load(&clients_left);
}

void weir__kafka_clients_count(int change)
{
    atomic_fetch_add(&clients_left, (size_t)change);
}

/* The end itself; may take for ever. */
static void end(weir_kafka_client *client, void *owner, void (*free_owner)(void *owner))
{
    if (client->rk) {
        if (rd_kafka_type(client->rk) == RD_KAFKA_CONSUMER) {
            (void)rd_kafka_consumer_close(client->rk);
            rd_kafka_destroy_flags(client->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        } else {
            rd_kafka_destroy(client->rk);
        }
    }
    /* Only now: librdkafka wrote to it, and used the lock. */
    if (client->fd >= 0)
        close(client->fd);
    if (client->has_lock)
        pthread_mutex_destroy(&client->lock);
    free_owner(owner);
}

static void goodbye_say(void *context)
{
    goodbye *bye = context;

    end(bye->client, bye->owner, bye->free_owner);
}

static void goodbye_over(void *context)
{
    goodbye *bye = context;

    if (bye->is_left)
        weir__kafka_clients_count(-1);
    free(bye);
}

void weir__kafka_client_let_go(weir_kafka_client *client, void *owner, void (*free_owner)(void *owner))
{
    goodbye *bye = client->rk ? calloc(1, sizeof *bye) : NULL;
    weir_bounded *bounded;
    weir_error err;

    /* Nothing to wait for; or no memory, or no thread, for doing better. */
    if (!bye || weir__bounded_new(&bounded, &err) != WEIR_OK) {
        free(bye);
        end(client, owner, free_owner);
        return;
    }
    *bye = (goodbye){ .client = client, .owner = owner, .free_owner = free_owner };
    if (!weir__bounded_call(bounded, goodbye_say, bye, GOODBYE_MS)) {
        bye->is_left = true;
        weir__kafka_clients_count(1);
        weir__log(WEIR__LOG_DEBUG, "kafka", "a client does not end, left to a thread of its own left=%zu",
                  weir__kafka_clients_left());
    }
    weir__bounded_leave(bounded, goodbye_over, bye);
}
