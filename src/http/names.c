/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of hosts on their way to addresses. Curl looks each one up in a thread of its own, and ten thousand exchanges
 * that start at once would be ten thousand threads asking for the same name. Here the first that needs a name leads,
 * the others wait until curl has the answer in its cache, and only a few names are looked up at once.
 */
#include "http/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

/* Threads at most; and a little less than the 60 s for which curl keeps an answer (CURLOPT_DNS_CACHE_TIMEOUT). */
enum { LEADERS_MAXIMUM = 32, KNOWN_MS = 50000 };

weir_http_name *weir__http_name_retain(weir_http_client *client, const char *host)
{
    uint64_t hash = weir__hash(weir__bytes_text(host), client->seed);
    weir_http_name **bucket = &client->names[hash % WEIR__HTTP_NAME_BUCKETS];
    size_t size = strlen(host) + 1;
    weir_http_name *name;

    for (name = *bucket; name; name = name->next) {
        if (name->hash == hash && strcmp(name->text, host) == 0) {
            name->users++;
            return name;
        }
    }
    name = calloc(1, sizeof *name + size);
    if (!name)
        return NULL;
    memcpy(name->text, host, size);
    name->hash = hash;
    name->users = 1;
    name->next = *bucket;
    *bucket = name;
    return name;
}

static void stop_leading(weir_http_exchange *exchange)
{
    if (!exchange->name || exchange->name->leader != exchange)
        return;
    exchange->name->leader = NULL;
    exchange->client->leaders--;
    exchange->client->is_admission_due = true;
}

void weir__http_name_release(weir_http_exchange *exchange)
{
    weir_http_name *name = exchange->name;
    weir_http_name **at;

    if (!name)
        return;
    stop_leading(exchange);
    exchange->name = NULL;
    /* Forgotten with its last user: who comes next leads, and curl's own cache answers at once. */
    if (--name->users > 0)
        return;
    at = &exchange->client->names[name->hash % WEIR__HTTP_NAME_BUCKETS];
    while (*at != name)
        at = &(*at)->next;
    *at = name->next;
    free(name);
}

bool weir__http_name_admits(weir_http_exchange *exchange, int64_t now_ms)
{
    weir_http_name *name = exchange->name;
    weir_http_client *client = exchange->client;

    if (!name || name->known_until_ms > now_ms)
        return true;
    if (name->leader || client->leaders >= LEADERS_MAXIMUM)
        return false;
    name->leader = exchange;
    client->leaders++;
    return true;
}

void weir__http_name_passed(weir_http_exchange *exchange, bool is_looked_up)
{
    if (exchange->name && is_looked_up)
        exchange->name->known_until_ms = weir__clock_monotonic_ms(weir__clock_system()) + KNOWN_MS;
    stop_leading(exchange);
}
