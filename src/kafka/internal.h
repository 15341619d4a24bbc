/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the room share: properties, a client's life, what errors mean. Here alone librdkafka shows. */
#ifndef WEIR__KAFKA_INTERNAL_H
#define WEIR__KAFKA_INTERNAL_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "kafka/cluster.h"
#include "kafka/consumer.h"

/* ---- properties.c: what is set, and for whom -------------------------------------------------------------------- */

typedef enum weir_kafka_role {
    WEIR__KAFKA_ADMIN,
    WEIR__KAFKA_CONSUMER,
    WEIR__KAFKA_PRODUCER,
    WEIR__KAFKA_APPENDER,
    WEIR__KAFKA_READER
} weir_kafka_role;

/** Checks every property under kafka. and reads those that are ours into the cluster. WEIR_OK, WEIR_CONFIG. */
WEIR_CHECK weir_code weir__kafka_properties_read(weir_cluster *cluster, weir_error *err);

/**
 * A client's properties: what weir decides, what the user has set and this role knows, defaults.
 *
 * @param out  to be given to weir__kafka_client_start(), or rd_kafka_conf_destroy()
 */
WEIR_CHECK weir_code weir__kafka_conf(const weir_cluster *cluster, weir_kafka_role role, rd_kafka_conf_t **out,
                                      weir_error *err);

/** One more, for this client alone. WEIR_OK, WEIR_CONFIG. */
WEIR_CHECK weir_code weir__kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, weir_error *err);

/* ---- client.c: a client's life ---------------------------------------------------------------------------------- */

/*
 * The first field of what owns it, so that callbacks find their owner: the client is librdkafka's opaque.
 */
typedef struct weir_kafka_client {
    rd_kafka_t *rk;
    int fd; /* readable when the queue that weir__kafka_client_watch() was given has something; -1: none */
    pthread_mutex_t lock;
    bool has_lock;
    rd_kafka_resp_err_t noted; /* lock: lock; the last error that concerns the whole client; 0: none */
    char noted_text[160];      /* lock: lock */
    int64_t log_since_ms;      /* lock: lock */
    unsigned logged;           /* lock: lock; lines since then */
} weir_kafka_client;

/** Makes the client. `conf` is taken. WEIR_OK; WEIR_CONFIG (fix); WEIR_IO, WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__kafka_client_start(weir_kafka_client *client, rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                              weir_error *err);

/** From now on client->fd is readable when the queue has something. WEIR_OK; WEIR_IO (stop): no descriptor. */
WEIR_CHECK weir_code weir__kafka_client_watch(weir_kafka_client *client, rd_kafka_queue_t *queue, weir_error *err);

/** To be called before the queue is emptied: what comes after makes it readable again. */
void weir__kafka_client_hush(weir_kafka_client *client);
/** Makes it readable: something was left in the queue. */
void weir__kafka_client_rouse(weir_kafka_client *client);

/** Takes the last error that concerns the whole client. 0: none since. */
rd_kafka_resp_err_t weir__kafka_client_note(weir_kafka_client *client, char text[160]);

/**
 * Ends a client on a thread of its own and waits for some seconds; what takes longer goes on by itself, and is counted.
 * Then frees the owner: neither may be touched any more.
 *
 * @param owner  what `free_owner` is called with, when librdkafka holds nothing of it any more; client is within
 */
void weir__kafka_client_let_go(weir_kafka_client *client, void *owner, void (*free_owner)(void *owner));

/** How many were not gone in time and are not gone yet. Threads: any. */
size_t weir__kafka_clients_left(void);
/** One more, or one less, of them. */
void weir__kafka_clients_count(int change);

/* ---- fault.c: what errors mean ---------------------------------------------------------------------------------- */

typedef enum weir_kafka_fault {
    WEIR__KAFKA_PASSING,      /* librdkafka or a later try may get over it */
    WEIR__KAFKA_UNAUTHORIZED, /* something is to be granted */
    WEIR__KAFKA_REFUSED,      /* authentication, policy, a request that the brokers do not take */
    WEIR__KAFKA_TAKEN,        /* another has the id */
    WEIR__KAFKA_GAP,          /* an offset that is not in the log */
    WEIR__KAFKA_OVERSIZE      /* a record larger than allowed */
} weir_kafka_fault;

weir_kafka_fault weir__kafka_fault(rd_kafka_resp_err_t code);

/**
 * Sets the error that belongs to a code: "topic 'orders': describe: Broker: …; grant Describe on the topic".
 *
 * @param text   librdkafka's words; NULL: those of the code
 * @param grant  what is missing when it is an authorization; NULL: none fits
 * @return WEIR_UNREACHABLE (retry); WEIR_IO (stop); WEIR_FENCED (stop); WEIR_UNKNOWN (fix) for a gap; WEIR_LIMIT (fix)
 */
weir_code weir__kafka_fail(weir_error *err, rd_kafka_resp_err_t code, const char *text, const char *grant,
                           const char *format, ...) WEIR_PRINTF(5, 6);

/* ---- shared types ----------------------------------------------------------------------------------------------- */

struct weir_cluster {
    weir_kafka_client client; /* a consumer that is never subscribed: it asks */
    const weir_config *config;
    char *group;
    char *instance;  /* NULL: none */
    char *client_id; /* what ours begin with */
    weir_reset reset;
    int request_timeout_ms;
    int transaction_timeout_ms;
};

struct weir_group_member {
    rd_kafka_consumer_group_metadata_t *metadata;
};

#endif
