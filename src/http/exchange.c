/* SPDX-License-Identifier: Apache-2.0 */
/* One exchange from start to end: handed to curl, sent on by redirects, judged. */
#include "http/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

/* Ten thousand exchanges hold one of each. */
#define RECEIVE_BYTES 8192L
#define SEND_BYTES 16384L

/* ---- what curl calls ---------------------------------------------------------------------------------------------*/

static size_t on_header(char *line, size_t one, size_t size, void *context)
{
    weir_http_exchange *exchange = context;

    (void)one;
    return weir__http_answer_add_line(&exchange->answer, line, size) ? size : 0;
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
    weir_http_exchange *exchange = context;

    (void)one;
    return weir__http_answer_add_body(&exchange->answer, data, size) ? size : 0;
}

static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    weir_http_exchange *exchange = context;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

    (void)purpose;
    weir__http_origin_looked_up(exchange);
    exchange->socket_error = fd < 0 ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/*
 * Called each time a connection is there and the request is about to leave. Curl sends a request again, a POST too,
 * when a connection that was kept ends before a byte of an answer came: not ours, as the first one may have been acted
 * upon. Source: curl 7.88.1, lib/transfer.c Curl_retry_request(), lib/multi.c MSTATE_DO; CURLOPT_PREREQFUNCTION(3).
 */
static int on_request(void *context, char *remote, char *local, int remote_port, int local_port)
{
    weir_http_exchange *exchange = context;

    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    exchange->is_repeated = exchange->is_asked;
    exchange->is_asked = true;
    return exchange->is_repeated ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- with curl ---------------------------------------------------------------------------------------------------*/

static bool set_text(CURL *easy, CURLoption option, const char *text)
{
    return curl_easy_setopt(easy, option, text) == CURLE_OK;
}

static bool set_long(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static long curl_ms(int64_t ms)
{
    return ms < 1 ? 1 : ms > INT_MAX ? INT_MAX : (long)ms;
}

static bool set_request(CURL *easy, const weir_http_request *request)
{
    bool is_sending = request->body || strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
                      strcmp(request->method, "PATCH") == 0;

    if (!set_text(easy, CURLOPT_URL, request->url) ||
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers) != CURLE_OK)
        return false;
    if (strcmp(request->method, "HEAD") == 0)
        return set_long(easy, CURLOPT_NOBODY, 1);
    if (is_sending && (curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size) ||
                       curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? (const char *)request->body : "")))
        return false;
    return set_text(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static bool set_callbacks(CURL *easy, weir_http_exchange *exchange)
{
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->curl_text) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange) == CURLE_OK;
}

static bool set_transport(CURL *easy, const weir_http_client *client)
{
    bool ok = set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
              set_long(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) && set_long(easy, CURLOPT_NOSIGNAL, 1) &&
              set_long(easy, CURLOPT_QUICK_EXIT, 1) && /* else a cancel waits for a look-up that hangs */
              set_long(easy, CURLOPT_DNS_CACHE_TIMEOUT, 60) && set_long(easy, CURLOPT_MAXAGE_CONN, WEIR__HTTP_IDLE_S) &&
              set_long(easy, CURLOPT_TCP_KEEPALIVE, 1) && set_long(easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES) &&
              set_long(easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BYTES) &&
              set_text(easy, CURLOPT_ACCEPT_ENCODING, "") && set_text(easy, CURLOPT_USERAGENT, client->user_agent) &&
              set_long(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1) &&
              set_long(easy, CURLOPT_SSL_VERIFYPEER, 1) && set_long(easy, CURLOPT_SSL_VERIFYHOST, 2) &&
              set_long(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);

    if (ok && client->ca_file)
        ok = set_text(easy, CURLOPT_CAINFO, client->ca_file) && set_text(easy, CURLOPT_PROXY_CAINFO, client->ca_file);
    if (ok && !client->is_proxy_env) /* empty texts: not what the environment says either */
        ok = set_text(easy, CURLOPT_PROXY, client->proxy ? client->proxy : "") && set_text(easy, CURLOPT_NOPROXY, "");
    return ok;
}

static bool set_all(CURL *easy, weir_http_exchange *exchange, int64_t now_ms)
{
    weir_http_client *client = exchange->client;
    int64_t rest_ms = exchange->deadline_ms - now_ms;
    int64_t connect_ms = client->connect_timeout_ms ? client->connect_timeout_ms : rest_ms;
    bool is_reusing = weir__http_origin_take_idle(exchange, now_ms, &exchange->shard);

    if (!is_reusing)
        exchange->shard = &client->shards[client->next_shard++ % client->shard_count];

    return set_request(easy, &exchange->request) && set_callbacks(easy, exchange) && set_transport(easy, client) &&
           set_long(easy, CURLOPT_TIMEOUT_MS, curl_ms(rest_ms)) &&
           set_long(easy, CURLOPT_FRESH_CONNECT, !is_reusing) &&
           curl_easy_setopt(easy, CURLOPT_SHARE, client->share) == CURLE_OK &&
           set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, curl_ms(connect_ms));
}

static void end(weir_http_exchange *exchange, weir_code code)
{
    exchange->code = code;
    weir__http_origin_release(exchange);
    weir__http_link_append(&exchange->client->ended, &exchange->link);
}

void weir__http_exchange_fail(weir_http_exchange *exchange, const weir_error *cause)
{
    exchange->error = *cause;
    if (exchange->request.origin)
        weir__error_context(&exchange->error, "%s %.120s", exchange->request.method, exchange->request.origin);
    end(exchange, cause->code);
}

/* Ends it with what was just found. */
static void fail_memory(weir_http_exchange *exchange, const char *what)
{
    weir_error cause = { 0 };

    (void)weir__fail_memory(&cause, what); /* the code is in the cause */
    weir__http_exchange_fail(exchange, &cause);
}

void weir__http_exchange_begin(weir_http_exchange *exchange, int64_t now_ms)
{
    weir_http_client *client = exchange->client;
    CURL *easy = weir__http_client_take_handle(client);

    if (!easy || !set_all(easy, exchange, now_ms) || curl_multi_add_handle(exchange->shard->multi, easy) != CURLM_OK) {
        weir__http_client_give_handle(client, easy);
        fail_memory(exchange, "an exchange");
        return;
    }
    exchange->easy = easy;
    weir__http_link_append(&client->running, &exchange->link);
    client->running_count++;
    if (client->running_count > client->most) {
        client->most = client->running_count;
        weir__http_client_keep(client);
    }
}

void weir__http_exchange_detach(weir_http_exchange *exchange)
{
    CURL *easy = exchange->easy;

    if (!easy)
        return;
    exchange->easy = NULL;
    exchange->client->running_count--;
    (void)curl_multi_remove_handle(exchange->shard->multi, easy); /* it is there */
    weir__http_client_give_handle(exchange->client, easy);
}

/* ---- over --------------------------------------------------------------------------------------------------------*/

/* Those that wait for the name that could not be looked up share what became of it. */
static void fail_followers(weir_http_exchange *leader, const weir_error *cause)
{
    weir_http_link *list = &leader->client->waiting;

    if (!leader->origin)
        return;
    for (weir_http_link *at = list->next, *next; at != list; at = next) {
        weir_http_exchange *each = (weir_http_exchange *)at;
        weir_error own = *cause;

        next = at->next;
        if (each->origin != leader->origin)
            continue;
        own.code = weir__http_exchange_doubt(each);
        weir__http_exchange_fail(each, &own);
    }
}

/* Curl failed, or took for an answer what is none. */
static void fail_curl(weir_http_exchange *exchange, CURLcode result)
{
    weir_error cause = { 0 };

    (void)weir__http_fault(exchange, result, &cause); /* the code is in the cause */
    if (result == CURLE_COULDNT_RESOLVE_HOST)
        fail_followers(exchange, &cause);
    weir__http_exchange_detach(exchange);
    weir__http_exchange_fail(exchange, &cause);
}

static bool is_redirect(const weir_http_exchange *exchange)
{
    int status = exchange->status;

    return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           weir__http_request_is_safe(&exchange->request) &&
           weir__http_answer_find(&exchange->answer, "location").size > 0;
}

/* To where the answer points: once more through the queue, as another name may have to be looked up. */
static weir_code redirect(weir_http_exchange *exchange, weir_error *err)
{
    weir_bytes view = weir__http_answer_find(&exchange->answer, "location");
    size_t max_body_bytes = exchange->answer.body.maximum;
    weir_http_client *client = exchange->client;
    char *location;
    weir_code rc;

    if (exchange->redirects >= WEIR__HTTP_REDIRECTS)
        return weir__fail_from(err, WEIR_FAILED, WEIR_REMEDY_FIX, "http", exchange->status, "more than %d redirects",
                               WEIR__HTTP_REDIRECTS);
    location = strndup((const char *)view.data, view.size);
    if (!location)
        return weir__fail_memory(err, "a redirect");
    rc = weir__http_request_redirect(&exchange->request, location, err);
    free(location);
    if (rc != WEIR_OK)
        return rc;
    weir__http_origin_release(exchange);
    exchange->origin = weir__http_origin_retain(client, exchange->request.origin);
    if (!exchange->origin)
        return weir__fail_memory(err, "a redirect");
    weir__http_answer_clear(&exchange->answer);
    weir__http_answer_init(&exchange->answer, max_body_bytes);
    exchange->redirects++;
    exchange->is_asked = false;
    exchange->status = 0;
    exchange->curl_text[0] = '\0';
    weir__http_link_append(&client->waiting, &exchange->link);
    client->is_admission_due = true;
    if (exchange->deadline_ms < client->waiting_until_ms)
        client->waiting_until_ms = exchange->deadline_ms;
    return WEIR_OK;
}

void weir__http_exchange_over(weir_http_exchange *exchange, CURLcode result)
{
    weir_error cause = { 0 };
    long status = 0;

    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status); /* stays 0 when there is none */
    exchange->status = (int)status;
    if (result != CURLE_OK || !exchange->answer.is_headed) {
        fail_curl(exchange, result);
        return;
    }
    weir__http_exchange_detach(exchange);
    weir__http_origin_give_idle(exchange);
    if (!is_redirect(exchange))
        end(exchange, WEIR_OK);
    else if (redirect(exchange, &cause) != WEIR_OK)
        weir__http_exchange_fail(exchange, &cause);
}

/* ---- start and cancel --------------------------------------------------------------------------------------------*/

void weir__http_exchange_free(weir_http_exchange *exchange)
{
    if (!exchange)
        return;
    weir__http_exchange_detach(exchange);
    weir__http_origin_release(exchange);
    weir__http_link_remove(&exchange->link);
    exchange->client->count--;
    weir__http_request_clear(&exchange->request);
    weir__http_answer_clear(&exchange->answer);
    free(exchange);
}

weir_code weir__http_start(weir_http_client *client, const weir_http_exchange_options *options,
                           weir_http_exchange **out, weir_error *err)
{
    weir_http_exchange *exchange = calloc(1, sizeof *exchange);
    weir_error cause = { 0 };
    weir_code rc;

    if (!exchange)
        return weir__fail_memory(err, "an exchange");
    weir__http_link_init(&exchange->link);
    exchange->client = client;
    exchange->done = options->done;
    exchange->context = options->context;
    exchange->deadline_ms = weir__clock_monotonic_ms(weir__clock_system());
    exchange->deadline_ms = options->timeout_ms > INT64_MAX - exchange->deadline_ms
                                ? INT64_MAX
                                : exchange->deadline_ms + options->timeout_ms;
    weir__http_answer_init(&exchange->answer,
                           options->max_response_bytes > 0 ? (size_t)options->max_response_bytes : 0);
    client->count++;
    rc = weir__http_request_init(&exchange->request, options, &cause);
    if (rc == WEIR_OK) {
        exchange->origin = weir__http_origin_retain(client, exchange->request.origin);
        if (!exchange->origin)
            rc = weir__fail_memory(&cause, "an exchange");
    }
    if (rc == WEIR_NO_MEMORY) {
        if (err)
            *err = cause;
        weir__http_exchange_free(exchange);
        return rc;
    }
    if (rc == WEIR_OK) {
        weir__http_link_append(&client->waiting, &exchange->link);
        client->is_admission_due = true;
        if (exchange->deadline_ms < client->waiting_until_ms)
            client->waiting_until_ms = exchange->deadline_ms;
    } else {
        weir__http_exchange_fail(exchange, &cause);
    }
    weir__http_client_arm(client);
    *out = exchange;
    return WEIR_OK;
}

void weir__http_cancel(weir_http_exchange *exchange)
{
    weir_http_client *client = exchange->client;

    weir__http_exchange_free(exchange);
    weir__http_client_arm(client);
}
