/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the cluster, from its making to its answer: shared by cluster.c, group.c and offsets.c. */
#ifndef WEIR__KAFKA_ADMIN_H
#define WEIR__KAFKA_ADMIN_H

#include <stdio.h>

#include "kafka/internal.h"

typedef struct weir_admin_request {
    weir_cluster *cluster;
    rd_kafka_queue_t *queue;
    rd_kafka_AdminOptions_t *options;
    rd_kafka_event_t *event; /* the answer */
} weir_admin_request;

/** WEIR_OK; WEIR_NO_MEMORY (stop), and then there is nothing to clear. */
WEIR_CHECK weir_code weir__admin_init(weir_admin_request *request, weir_cluster *cluster, rd_kafka_admin_op_t kind,
                                      weir_error *err);
void weir__admin_clear(weir_admin_request *request);

/** Waits for the answer to what was sent to request->queue. Its parts may still be refused. Errors as in cluster.h. */
WEIR_CHECK weir_code weir__admin_wait(weir_admin_request *request, const char *what, const char *grant,
                                      weir_error *err);

/**
 * Asks, and waits for the answer, for a question that may be asked twice: a broker that was chosen for it and does not
 * answer (it stands still, or a connection to it is never accepted) is not waited for until the request's time is over,
 * but the question sent anew, and librdkafka chooses again.
 * @param send  sends the question with request->options to request->queue
 */
typedef void (*weir_admin_send_fn)(weir_admin_request *request, const void *context);
WEIR_CHECK weir_code weir__admin_ask(weir_admin_request *request, weir_admin_send_fn send, const void *context,
                                     const char *what, const char *grant, weir_error *err);

/** Takes notes of errors, for up to wait_ms. Fails with those that will not pass. */
WEIR_CHECK weir_code weir__cluster_listen(weir_cluster *cluster, int wait_ms, const char *what, weir_error *err);

/* What is asked, for messages; cut where it does not fit. */
#define WEIR__ADMIN_WHAT(what, ...) ((void)snprintf(what, sizeof what, __VA_ARGS__))

#endif
