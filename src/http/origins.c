/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Origins (scheme, host, port): whether their addresses are known, and whether a connection may be idle.
 *
 * Curl looks each name up in a thread of its own, and ten thousand exchanges that start at once would be ten thousand
 * threads asking for the same name. Here the first that needs a name leads, the others wait until curl has the answer
 * in its cache, and only a few names are looked up at once.
 *
 * Curl walks over all connections to an origin to find an idle one, which is a walk over ten thousand busy ones when
 * there is none. Here those that end are counted, so that it is told not to look when there is nothing to find.
 */
#include "http/internal.h"

#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hash.h"

/* Threads at most; and a little less than the 60 s for which curl keeps an answer (CURLOPT_DNS_CACHE_TIMEOUT). */
enum { LEADERS_MAXIMUM = 32, KNOWN_MS = 50000 };

static int64_t now_ms(void)
{
    return weir__clock_monotonic_ms(weir__clock_system());
}

/* Nothing that it knows is of use any more. */
static bool is_over(const weir_http_origin *origin, int64_t now)
{
    return origin->users == 0 && origin->known_until_ms <= now && origin->idle_until_ms <= now;
}

weir_http_origin *weir__http_origin_retain(weir_http_client *client, const char *text)
{
    uint64_t hash = weir__hash(weir__bytes_text(text), client->seed);
    weir_http_origin **at = &client->origins[hash % WEIR__HTTP_ORIGIN_BUCKETS];
    size_t size = strlen(text) + 1;
    int64_t now = now_ms();
    weir_http_origin *origin;

    while ((origin = *at)) {
        if (origin->hash == hash && strcmp(origin->text, text) == 0) {
            origin->users++;
            return origin;
        }
        if (is_over(origin, now)) {
            *at = origin->next;
            free(origin);
        } else {
            at = &origin->next;
        }
    }
    origin = calloc(1, sizeof *origin + size);
    if (!origin)
        return NULL;
    memcpy(origin->text, text, size);
    origin->hash = hash;
    origin->users = 1;
    *at = origin;
    return origin;
}

static void stop_leading(weir_http_exchange *exchange)
{
    if (!exchange->origin || exchange->origin->leader != exchange)
        return;
    exchange->origin->leader = NULL;
    exchange->client->leaders--;
    exchange->client->is_admission_due = true;
}

void weir__http_origin_release(weir_http_exchange *exchange)
{
    if (!exchange->origin)
        return;
    stop_leading(exchange);
    exchange->origin->users--;
    exchange->origin = NULL;
}

void weir__http_origins_clear(weir_http_client *client)
{
    for (size_t i = 0; i < WEIR__HTTP_ORIGIN_BUCKETS; i++) {
        while (client->origins[i]) {
            weir_http_origin *next = client->origins[i]->next;

            free(client->origins[i]);
            client->origins[i] = next;
        }
    }
}

bool weir__http_origin_admits(weir_http_exchange *exchange, int64_t now)
{
    weir_http_origin *origin = exchange->origin;
    weir_http_client *client = exchange->client;

    if (!exchange->request.is_named || origin->known_until_ms > now)
        return true;
    if (origin->leader || client->leaders >= LEADERS_MAXIMUM)
        return false;
    origin->leader = exchange;
    client->leaders++;
    return true;
}

void weir__http_origin_looked_up(weir_http_exchange *exchange)
{
    if (!exchange->origin)
        return;
    exchange->origin->known_until_ms = now_ms() + KNOWN_MS;
    stop_leading(exchange);
}

bool weir__http_origin_take_idle(weir_http_exchange *exchange, int64_t now, weir_http_shard **shard)
{
    weir_http_client *client = exchange->client;
    weir_http_origin *origin = exchange->origin;

    /* Who leads opens one: else the name would be no better known afterwards. */
    if (origin->leader == exchange)
        return false;
    if (origin->idle_until_ms <= now)
        memset(origin->idle, 0, sizeof origin->idle);
    for (size_t i = 0; i < client->shard_count; i++) {
        if (origin->idle[i] > 0) {
            origin->idle[i]--;
            *shard = &client->shards[i];
            return true;
        }
    }
    return false;
}

void weir__http_origin_give_idle(weir_http_exchange *exchange)
{
    weir_bytes word = weir__http_answer_find(&exchange->answer, "connection");
    size_t *idle = &exchange->origin->idle[exchange->shard - exchange->client->shards];

    if (word.size == 5 && strncasecmp((const char *)word.data, "close", 5) == 0)
        return;
    if (*idle < exchange->client->most)
        (*idle)++;
    exchange->origin->idle_until_ms = now_ms() + (WEIR__HTTP_IDLE_S + 1) * 1000;
}
