/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges in one call, with what came of them kept. */
#ifndef WEIR_TESTS_HTTP_SUPPORT_H
#define WEIR_TESTS_HTTP_SUPPORT_H

#include "suite.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "http/http.h"

#include "server.h"

/* What came of one exchange, copied. */
typedef struct result {
    int told; /* how often `done` was called */
    weir_code code;
    int status;
    int64_t retry_after_ms;
    weir_error error;
    char headers[8192];
    char body[8192]; /* its beginning, with a NUL behind it */
    size_t body_size;
} result;

static inline void keep(void *context, const weir_http_outcome *outcome)
{
    result *out = context;
    size_t size = outcome->body.size < sizeof out->body - 1 ? outcome->body.size : sizeof out->body - 1;

    out->told++;
    out->code = outcome->code;
    out->status = outcome->status;
    out->retry_after_ms = outcome->retry_after_ms;
    out->error = outcome->error;
    memcpy(out->body, outcome->body.data, size);
    out->body[size] = '\0';
    out->body_size = outcome->body.size;
    ck_assert_uint_lt(outcome->headers.size, sizeof out->headers);
    memcpy(out->headers, outcome->headers.data, outcome->headers.size);
    out->headers[outcome->headers.size] = '\0';
}

static inline weir_http_client *new_client(void)
{
    weir_http_client_options options = { 0 };
    weir_http_client *client = NULL;
    weir_error err = { 0 };

    ck_assert_msg(weir__http_client_new(&options, &client, &err) == WEIR_OK, "%s", err.message);
    return client;
}

/* Drives once it has something to do. */
static inline void drive(weir_http_client *client)
{
    struct pollfd wait = { .fd = weir__http_client_fd(client), .events = POLLIN };

    ck_assert_msg(poll(&wait, 1, 20000) == 1, "the client's descriptor was not readable for 20 s");
    weir__http_client_drive(client);
}

static inline void drive_until_told(weir_http_client *client, const result *out)
{
    while (!out->told)
        drive(client);
}

static inline weir_http_exchange_options get(result *out, const char *url)
{
    weir_http_exchange_options options = {
        .method = "GET", .url = url, .timeout_ms = 15000, .max_response_bytes = 1 << 20, .done = keep, .context = out
    };

    return options;
}

static inline weir_http_exchange *start(weir_http_client *client, const weir_http_exchange_options *options)
{
    weir_http_exchange *exchange = NULL;
    weir_error err = { 0 };

    ck_assert_msg(weir__http_start(client, options, &exchange, &err) == WEIR_OK, "%s", err.message);
    ck_assert_ptr_nonnull(exchange);
    return exchange;
}

static inline void exchange(weir_http_client *client, const weir_http_exchange_options *options)
{
    (void)start(client, options);
    drive_until_told(client, options->context);
}

/* "http://127.0.0.1:PORT" and a path; valid until the 8th call after it. */
static inline const char *at(const test_server *server, const char *path)
{
    static char urls[8][512];
    static size_t next;
    char *url = urls[next++ % 8];

    snprintf(url, sizeof urls[0], "http://127.0.0.1:%d%s", test_server_port(server), path);
    return url;
}

/* That it ended so, and with this message: "METHOD http://127.0.0.1:PORT: " and the text. */
static inline void assert_failed(const result *out, const test_server *server, weir_code code, const char *text)
{
    char expected[512];

    snprintf(expected, sizeof expected, "http://127.0.0.1:%d: %s", test_server_port(server), text);
    ck_assert_int_eq(out->told, 1);
    ck_assert_msg(out->code == code, "code %d: %s", (int)out->code, out->error.message);
    ck_assert_int_eq(out->error.code, code);
    ck_assert_msg(strstr(out->error.message, expected), "'%s', '%s' expected", out->error.message, expected);
    ck_assert_int_eq(out->error.remedy, code == WEIR_NOT_DONE || code == WEIR_UNKNOWN ? WEIR_REMEDY_RETRY
                                                                                     : WEIR_REMEDY_FIX);
}

#endif
