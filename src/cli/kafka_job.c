/* SPDX-License-Identifier: Apache-2.0 */
/* Which job is meant, and its topics opened to look at. */
#include "cli/kafka_job.h"

#include <signal.h>
#include <string.h>

#include "host/signals.h"
#ifdef HAVE_RDKAFKA
#include "host/kafka_look.h"
#endif

bool weir__cli_means_kafka(const weir_arguments *arguments)
{
    const char *name, *value;

    if (weir__arguments_value(arguments, "state-dir") || !weir__config_item(arguments->config, "input.topics", 0))
        return false;
    for (size_t i = 0; weir__config_kafka(arguments->config, i, &name, &value); i++) {
        if (strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0)
            return true;
    }
    return false;
}

weir_code weir__cli_fail_without_kafka(weir_error *err)
{
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "this weir was built without Kafka; build it with librdkafka >= 2.15 (configure "
                      "--with-librdkafka=PREFIX)");
}

weir_code weir__cli_look(const weir_arguments *arguments, const char *job, weir_cli_look_fn fn, void *context,
                         weir_error *err)
{
#ifdef HAVE_RDKAFKA
    weir_kafka_look *look = NULL;
    weir_signals before;
    weir_code rc = weir__signals_install(&before, err);

    if (rc != WEIR_OK)
        return rc;
    rc = weir__kafka_look_open(arguments->config, job, &look, err);
    if (rc == WEIR_OK)
        rc = fn(look, context, err);
    weir__kafka_look_close(look);
    weir__signals_remove(&before);
    return rc;
#else
    (void)arguments;
    (void)job;
    (void)fn;
    (void)context;
    return weir__cli_fail_without_kafka(err);
#endif
}

int weir__cli_looked(const char *program, weir_code rc, const weir_error *err)
{
    if (rc == WEIR_OK)
        return 0;
    if (rc == WEIR_CANCELED && weir__signals_caught())
        return 128 + weir__signals_caught();
    weir__cli_complain(program, err);
    return weir__cli_status(rc);
}
