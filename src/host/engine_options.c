/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and calls, from the configuration to the engine. */
#include "host/engine_options.h"

#include <string.h>

static weir_in_doubt policy(const char *name)
{
    return strcmp(name, "fail") == 0    ? WEIR__IN_DOUBT_FAIL
           : strcmp(name, "retry") == 0 ? WEIR__IN_DOUBT_RETRY
                                        : WEIR__IN_DOUBT_PARK;
}

void weir__engine_options_read(const weir_config *config, weir_engine_options *out)
{
    *out = (weir_engine_options){
        .events_per_run = (size_t)weir__config_int(config, "limits.events-per-run"),
        .runs_in_flight = (size_t)weir__config_int(config, "limits.runs-in-flight"),
        .queue_per_key = (size_t)weir__config_int(config, "limits.queue-per-key"),
        .queue_bytes = (size_t)weir__config_int(config, "state.inbox-mb") << 20,
        .stack_bytes = (size_t)weir__config_int(config, "limits.stack-kb") << 10,
        .depth = (size_t)weir__config_int(config, "limits.depth"),
        .cache_bytes = (size_t)weir__config_int(config, "state.cache-mb") << 20,
        .ttl_ms = weir__config_int(config, "state.ttl-ms"),
        .is_read_touch = strcmp(weir__config_text(config, "state.ttl-update"), "on-read-and-write") == 0,
        .call_threads = (size_t)weir__config_int(config, "calls.threads"),
        .result_bytes = (size_t)weir__config_int(config, "calls.result-bytes"),
        .lease_ms = weir__config_int(config, "calls.start-lease-ms"),
        .margin_ms = weir__config_int(config, "calls.margin-ms"),
        .in_doubt = policy(weir__config_text(config, "calls.in-doubt")),
        .in_doubt_after_ms = weir__config_int(config, "calls.in-doubt-after-ms"),
        .needs_journal = weir__config_bool(config, "action-state.required"),
        .http = { .proxy = weir__config_text(config, "calls.http-proxy"),
                  .ca_file = weir__config_text(config, "calls.http-ca-file"),
                  .max_connections = (size_t)weir__config_int(config, "calls.http-connections") },
    };
}
