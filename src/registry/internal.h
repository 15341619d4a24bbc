/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the server; for the files of this room. */
#ifndef WEIR__REGISTRY_INTERNAL_H
#define WEIR__REGISTRY_INTERNAL_H

#include "http/http.h"
#include "registry/registry.h"

/* One of the URLs. */
typedef struct weir_registry_server {
    char *base;          /* without user, password and a slash at the end */
    char *authorization; /* the header's line; NULL: none */
} weir_registry_server;

/* A schema that was had, by its id. */
typedef struct weir_registry_entry {
    uint32_t id;
    weir_avro_type *type;
} weir_registry_entry;

struct weir_registry {
    weir_http_client *client;
    weir_registry_server *servers;
    size_t server_count;
    size_t server; /* that answered last: asked first */
    int64_t timeout_ms;
    bool auto_register;
    weir_subject_strategy strategy;
    weir_registry_entry *entries; /* in the order in which they came */
    size_t entry_count, entry_capacity;
};

/** Fills in servers and client. As weir__registry_open(). */
WEIR_CHECK weir_code weir__registry_connect(weir_registry *registry, const weir_registry_options *options,
                                            weir_error *err);
void weir__registry_disconnect(weir_registry *registry);

/**
 * Asks, each server in turn, and waits.
 *
 * @param path  begins with '/'
 * @param body  JSON; size 0: none
 * @param out   the answer's object, of status 200
 * @return as registry.h says of what asks the server
 */
WEIR_CHECK weir_code weir__registry_ask(weir_registry *registry, const char *method, const char *path,
                                        weir_bytes body, weir_arena *arena, const weir_json **out, weir_error *err);

#endif
