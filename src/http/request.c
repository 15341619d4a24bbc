/* SPDX-License-Identifier: Apache-2.0 */
/* A request, checked and copied: its URL, its headers with their secrets filled in, where a redirect takes it. */
#include "http/internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "config/secrets.h"

/* Curl builds a request in at most 1 MB, and servers take less. */
enum { URL_MAXIMUM = 65536, HEADERS_MAXIMUM = 262144 };

/* Whoever writes these by hand can make one request look like two, or change what a connection is. */
static const char *const ours[] = { "connection", "content-length", "expect", "keep-alive", "proxy-authorization",
                                    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade" };

/* Private by their name; Host, as it names the origin that was meant. */
static const char *const private_names[] = { "authorization", "cookie", "host" };

/* ---- headers -----------------------------------------------------------------------------------------------------*/

/* RFC 9110, 5.6.2. */
static bool is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!isalnum((unsigned char)text[i]) && !(text[i] && strchr("!#$%&'*+-.^_`|~", text[i])))
            return false;
    }
    return size > 0;
}

/* No control character but a tab: a line break in a value would begin another header. */
static bool is_value(const char *text)
{
    for (; *text; text++) {
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7F)
            return false;
    }
    return true;
}

static bool is_listed(const char *name, size_t size, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == size && strncasecmp(name, list[i], size) == 0)
            return true;
    }
    return false;
}

static bool has_header(const weir_http_request *request, const char *name)
{
    size_t size = strlen(name);

    for (const struct curl_slist *each = request->headers; each; each = each->next) {
        if (strncasecmp(each->data, name, size) == 0 && (each->data[size] == ':' || each->data[size] == ';'))
            return true;
    }
    return false;
}

/* Takes `line`. Private ones stand in front, so that the rest can be used alone. */
static weir_code add_line(weir_http_request *request, char *line, bool is_private, weir_error *err)
{
    struct curl_slist *node = malloc(sizeof *node);
    struct curl_slist **at = &request->headers;

    if (!node) {
        weir__secret_free(line);
        return weir__fail_memory(err, "a header");
    }
    if (!is_private) {
        while (*at)
            at = &(*at)->next;
    }
    node->data = line;
    node->next = *at;
    *at = node;
    if (!is_private && !request->open)
        request->open = node;
    return WEIR_OK;
}

/* A header whose name and value were checked. Curl drops "Name:" and sends "Name;" as an empty one. */
static weir_code add_header(weir_http_request *request, const char *name, int name_size, const char *value,
                            bool is_private, weir_error *err)
{
    char *line = NULL;
    int size = *value ? asprintf(&line, "%.*s: %s", name_size, name, value)
                      : asprintf(&line, "%.*s;", name_size, name);

    if (size < 0)
        return weir__fail_memory(err, "a header");
    return add_line(request, line, is_private, err);
}

/* Keeps curl from adding a header of that name. */
static weir_code omit_header(weir_http_request *request, const char *name, weir_error *err)
{
    char *line = NULL;

    if (has_header(request, name))
        return WEIR_OK;
    if (asprintf(&line, "%s:", name) < 0)
        return weir__fail_memory(err, "a header");
    return add_line(request, line, false, err);
}

static weir_code fill_header(weir_http_request *request, const char *text, weir_error *err)
{
    const char *colon = strchr(text, ':');
    size_t name_size = colon ? (size_t)(colon - text) : 0;
    char *value = NULL;
    bool is_secret = false, is_private;
    weir_code rc;

    /* Nothing of a line is shown that has no name: it may be all value. */
    if (!colon)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a header without a colon");
    if (!is_token(text, name_size) || name_size > 256)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a header whose name is empty, too long or no token");
    if (is_listed(text, name_size, ours, sizeof ours / sizeof *ours))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "header '%.*s' is set by the client itself",
                          (int)name_size, text);
    for (colon++; *colon == ' ' || *colon == '\t';)
        colon++;
    rc = weir__secret_fill(colon, &value, &is_secret, err);
    if (rc != WEIR_OK)
        goto out;
    if (!is_value(value)) {
        rc = weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a line break or control character in its value%s",
                        is_secret ? ", once filled in" : "");
        goto out;
    }
    is_private = is_secret || is_listed(text, name_size, private_names, sizeof private_names / sizeof *private_names);
    rc = add_header(request, text, (int)name_size, value, is_private, err);
out:
    weir__secret_free(value);
    if (rc != WEIR_OK)
        weir__error_context(err, "header '%.*s'", (int)(name_size < 80 ? name_size : 80), text);
    return rc;
}

static weir_code fill_headers(weir_http_request *request, const weir_http_exchange_options *options, weir_error *err)
{
    static const char key_name[] = "Idempotency-Key";
    weir_code rc = WEIR_OK;
    size_t size = 0;

    for (const char *const *each = options->headers; each && *each && rc == WEIR_OK; each++)
        rc = fill_header(request, *each, err);
    if (rc == WEIR_OK && options->idempotency_key && !has_header(request, key_name)) {
        if (!*options->idempotency_key || !is_value(options->idempotency_key))
            return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                              "idempotency key is empty or has a control character");
        rc = add_header(request, key_name, (int)sizeof key_name - 1, options->idempotency_key, false, err);
    }
    for (const struct curl_slist *each = request->headers; each && rc == WEIR_OK; each = each->next) {
        size += strlen(each->data) + 2;
        if (size > HEADERS_MAXIMUM)
            rc = weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "headers are over %d KiB", HEADERS_MAXIMUM / 1024);
    }
    /* Curl would wait a second for leave to send a large body, and call every body a form. */
    if (rc == WEIR_OK)
        rc = omit_header(request, "Expect", err);
    if (rc == WEIR_OK)
        rc = omit_header(request, "Content-Type", err);
    return rc;
}

/* ---- the URL -----------------------------------------------------------------------------------------------------*/

static weir_code fail_url(weir_error *err, weir_code code, CURLUcode cause, const char *what)
{
    if (cause == CURLUE_OUT_OF_MEMORY)
        return weir__fail_memory(err, "a URL");
    return weir__fail(err, code, WEIR_REMEDY_FIX, "%s: %s", what, curl_url_strerror(cause));
}

static bool is_web(const char *scheme)
{
    return strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0;
}

/* Sets url and origin from a handle; `code` is what a wrong one is called. */
static weir_code take_url(weir_http_request *request, CURLU *url, weir_code code, weir_error *err)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *whole = NULL, *origin = NULL, *own = NULL;
    struct in_addr address;
    CURLUcode cause = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    weir_code rc = WEIR_OK;

    if (!cause && !is_web(scheme)) {
        rc = weir__fail(err, code, WEIR_REMEDY_FIX, "scheme '%.20s' is not http or https", scheme);
        goto out;
    }
    if (!cause)
        cause = curl_url_get(url, CURLUPART_HOST, &host, 0);
    if (!cause)
        cause = curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    if (!cause)
        cause = curl_url_get(url, CURLUPART_URL, &whole, 0);
    if (cause) {
        rc = fail_url(err, code, cause, "no URL");
        goto out;
    }
    for (char *at = host; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    own = strdup(whole); /* ours, so that all is freed alike */
    if (!own || asprintf(&origin, "%s://%s:%s", scheme, host, port) < 0) {
        rc = weir__fail_memory(err, "a URL");
        goto out;
    }
    weir__secret_free(request->url);
    free(request->origin);
    request->url = own;
    request->origin = origin;
    request->is_named = host[0] != '[' && inet_pton(AF_INET, host, &address) != 1;
    own = NULL; /* the request's now */
out:
    free(own);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(whole);
    return rc;
}

static weir_code fill_url(weir_http_request *request, const char *text, weir_error *err)
{
    CURLU *url = NULL;
    CURLUcode cause;
    weir_code rc;

    if (strlen(text) > URL_MAXIMUM)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the URL is over %d KiB", URL_MAXIMUM / 1024);
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at <= 0x20 || *at == 0x7F)
            return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "a blank or control character in the URL");
    }
    url = curl_url();
    if (!url)
        return weir__fail_memory(err, "a URL");
    /* Bytes beyond ASCII become %XX; other schemes parse, so that they can be told. */
    cause = curl_url_set(url, CURLUPART_URL, text, CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);
    rc = cause ? fail_url(err, WEIR_INVALID, cause, "no URL") : take_url(request, url, WEIR_INVALID, err);
    curl_url_cleanup(url);
    return rc;
}

static void drop_private(weir_http_request *request)
{
    while (request->headers != request->open) {
        struct curl_slist *next = request->headers->next;

        weir__secret_free(request->headers->data);
        free(request->headers);
        request->headers = next;
    }
}

weir_code weir__http_request_redirect(weir_http_request *request, const char *location, weir_error *err)
{
    CURLU *url = curl_url();
    char *before = strdup(request->origin);
    CURLUcode cause;
    weir_code rc = WEIR_OK;

    if (!url || !before) {
        rc = weir__fail_memory(err, "a redirect");
        goto out;
    }
    cause = curl_url_set(url, CURLUPART_URL, request->url, 0);
    if (!cause)
        cause = curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);
    if (cause) {
        rc = fail_url(err, WEIR_FAILED, cause, "it redirects to no URL");
        goto out;
    }
    rc = take_url(request, url, WEIR_FAILED, err);
    if (rc == WEIR_OK && strcmp(before, request->origin) != 0) {
        drop_private(request);
        /* Neither does a user that a server names go to another one. */
        if (curl_url_set(url, CURLUPART_USER, NULL, 0) || curl_url_set(url, CURLUPART_PASSWORD, NULL, 0))
            rc = weir__fail_memory(err, "a redirect");
        else
            rc = take_url(request, url, WEIR_FAILED, err);
    }
out:
    curl_url_cleanup(url);
    free(before);
    return rc;
}

weir_code weir__http_proxy_check(const char *text, weir_error *err)
{
    static const char *const schemes[] = { "http", "https", "socks4", "socks4a", "socks5", "socks5h" };
    CURLU *url = curl_url();
    char *scheme = NULL;
    CURLUcode cause;
    weir_code rc = WEIR_OK;

    if (!url)
        return weir__fail_memory(err, "a URL");
    cause = curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (!cause)
        cause = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    if (cause)
        rc = fail_url(err, WEIR_CONFIG, cause, "the proxy is no URL");
    else if (!is_listed(scheme, strlen(scheme), schemes, sizeof schemes / sizeof *schemes))
        rc = weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "the proxy's scheme '%.20s' is not http, https or socks",
                        scheme);
    curl_free(scheme);
    curl_url_cleanup(url);
    return rc;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------*/

bool weir__http_request_is_safe(const weir_http_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static weir_code check(const weir_http_exchange_options *options, weir_error *err)
{
    const char *method = options->method;

    if (!method || !is_token(method, strlen(method)) || strlen(method) > 32)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the method is empty, too long or no token");
    if (strcmp(method, "CONNECT") == 0)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "CONNECT is no method of a request");
    if (!options->url)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "no URL");
    if (strcmp(method, "HEAD") == 0 && options->body.data && options->body.size)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "HEAD with a body");
    if (options->timeout_ms <= 0)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "time-out of %lld ms, at least 1 expected",
                          (long long)options->timeout_ms);
    if (options->max_response_bytes < 0)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "at most %lld bytes of response, at least 0 expected",
                          (long long)options->max_response_bytes);
    return WEIR_OK;
}

weir_code weir__http_request_init(weir_http_request *request, const weir_http_exchange_options *options,
                                  weir_error *err)
{
    weir_code rc = check(options, err);

    if (rc != WEIR_OK)
        return rc;
    request->method = strdup(options->method);
    if (!request->method)
        return weir__fail_memory(err, "a request");
    rc = fill_url(request, options->url, err);
    if (rc == WEIR_OK)
        rc = fill_headers(request, options, err);
    if (rc == WEIR_OK && options->body.data && options->body.size) {
        request->body = malloc(options->body.size);
        if (!request->body)
            return weir__fail_memory(err, "a request's body");
        memcpy(request->body, options->body.data, options->body.size);
        request->body_size = options->body.size;
    }
    return rc;
}

void weir__http_request_clear(weir_http_request *request)
{
    request->open = NULL;
    drop_private(request);
    free(request->method);
    weir__secret_free(request->url);
    free(request->origin);
    free(request->body);
    memset(request, 0, sizeof *request);
}
