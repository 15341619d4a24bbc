/* SPDX-License-Identifier: Apache-2.0 */
/* `weir journal` of a job on Kafka. */
#ifndef WEIR__CLI_KAFKA_JOURNAL_H
#define WEIR__CLI_KAFKA_JOURNAL_H

#include "cli/kafka_job.h"

/** Prints all entries, a partition after the other, each with its partition and offset. Of weir_cli_look_fn. */
weir_code weir__cli_print_entries(weir_kafka_look *look, void *context, weir_error *err);

#endif
