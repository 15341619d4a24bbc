/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share that look at a job: which job is meant, a state folder's or one on Kafka, and its topics. */
#ifndef WEIR__CLI_KAFKA_JOB_H
#define WEIR__CLI_KAFKA_JOB_H

#include "cli/options.h"

typedef struct weir_kafka_look weir_kafka_look;

/** Whether a Kafka job is meant: input.topics and kafka.bootstrap.servers are set, and no --state-dir is given. */
bool weir__cli_means_kafka(const weir_arguments *arguments);

/** WEIR_CONFIG: this weir was built without Kafka (fix). */
weir_code weir__cli_fail_without_kafka(weir_error *err);

/** What a command does with a job's topics. */
typedef weir_code (*weir_cli_look_fn)(weir_kafka_look *look, void *context, weir_error *err);

/**
 * Opens a job's topics to look at, calls `fn`, and closes them; SIGINT and SIGTERM end what is read.
 * @param job  its name where job.name is not set; NULL: then it must be
 * @return as weir__kafka_look_open(); what `fn` returns; WEIR_CONFIG: built without Kafka
 */
WEIR_CHECK weir_code weir__cli_look(const weir_arguments *arguments, const char *job, weir_cli_look_fn fn,
                                    void *context, weir_error *err);

/** The end of such a command: complains of what failed; the exit status, 130 or 143 when a signal ended it. */
int weir__cli_looked(const char *program, weir_code rc, const weir_error *err);

#endif
