/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host's own configuration says: by weir's names, or by those of Flink Agents, whose values are spelled
 * otherwise. Source: Flink Agents, `AgentConfigOptions`, `AgentExecutionOptions`.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/layers.h"
#include "config/properties.h"

enum { VALUE_BYTES = 128 };

/* Values that have another name here. What weir never does in any case needs no property: then there is none. */
static const struct peer_value {
    const char *name, *theirs, *property, *ours;
} peer_values[] = {
    { "actionStateStoreBackend", "kafka", NULL, NULL },
    { "short-term-memory.state-ttl.update-type", "ON_CREATE_AND_WRITE", "state.ttl-update", "on-write" },
    { "short-term-memory.state-ttl.update-type", "ON_READ_AND_WRITE", "state.ttl-update", "on-read-and-write" },
    /* The second one allows a value that has expired to be returned, and does not ask for it. */
    { "short-term-memory.state-ttl.visibility", "NEVER_RETURN_EXPIRED", NULL, NULL },
    { "short-term-memory.state-ttl.visibility", "RETURN_EXPIRED_IF_NOT_CLEANED_UP", NULL, NULL },
};

static weir_code assign(weir_config *config, const char *name, const char *value, weir_error *err)
{
    weir_assignment assignment = { .name = name,
                                   .texts = &value,
                                   .count = 1,
                                   .is_null = *value == '\0',
                                   .commas = true,
                                   .origin = WEIR__ORIGIN_HOST };

    return weir__config_assign(config, &assignment, err);
}

/* True: the name is one of those above, and `rc` says what became of it. */
static bool take_peer_value(weir_config *config, const char *name, const char *value, weir_code *rc, weir_error *err)
{
    char known[VALUE_BYTES] = "";
    size_t size = 0;

    for (size_t i = 0; i < sizeof peer_values / sizeof *peer_values; i++) {
        const struct peer_value *peer = &peer_values[i];

        if (strcmp(peer->name, name) != 0)
            continue;
        if (*value == '\0' || strcmp(peer->theirs, value) == 0) {
            *rc = peer->property ? assign(config, peer->property, *value ? peer->ours : "", err) : WEIR_OK;
            return true;
        }
        if (size < sizeof known)
            size += (size_t)snprintf(known + size, sizeof known - size, "%s%s", size ? " or " : "", peer->theirs);
    }
    if (size)
        *rc = weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s: '%.40s' is not known here, %s expected", name, value,
                         known);
    return size > 0;
}

/* Names of enums and truths are in capitals there. */
static void respell(const weir_property *property, const char *value, char out[VALUE_BYTES])
{
    size_t size = strlen(value);

    if ((property->type != WEIR__PROPERTY_CHOICE && property->type != WEIR__PROPERTY_BOOL) || size >= VALUE_BYTES) {
        out[0] = '\0';
        return;
    }
    for (size_t i = 0; i <= size; i++)
        out[i] = value[i] == '_' ? '-' : (char)tolower((unsigned char)value[i]);
}

static weir_code set(weir_config *config, const char *name, const char *value, weir_error *err)
{
    const weir_property *of_peer;
    char ours[VALUE_BYTES];
    weir_code rc;

    if (take_peer_value(config, name, value, &rc, err))
        return rc;
    if (strcmp(name, "kafkaBootstrapServers") == 0)
        return assign(config, WEIR__KAFKA_PREFIX "bootstrap.servers", value, err);
    of_peer = weir__property_of_peer(name);
    if (!of_peer)
        return assign(config, name, value, err);
    respell(of_peer, value, ours);
    rc = assign(config, of_peer->name, ours[0] ? ours : value, err);
    if (rc == WEIR_CONFIG)
        weir__error_context(err, "%s", name);
    return rc;
}

weir_code weir__config_set_host(weir_config *config, const char *name, const char *value, weir_error *err)
{
    static const char section[] = "agent.";
    bool is_within = strncmp(name, section, strlen(section)) == 0 && !weir__property_find(name);
    weir_code rc = set(config, is_within ? name + strlen(section) : name, value, err);

    if (rc == WEIR_CONFIG)
        weir__error_context(err, "the host's configuration");
    return rc;
}
