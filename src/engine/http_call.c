/* SPDX-License-Identifier: Apache-2.0 */
/* weir_http(): a request made once, as its kind says, and its answer recorded. */
#include <weir/http.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/call.h"
#include "engine/http_call.h"
#include "engine/internal.h"
#include "engine/run_journal.h"

/* ---- the answer -------------------------------------------------------------------------------------------------- */

/*
 * Statuses that say the request was not processed, for all kinds: 425 Too Early and 429 Too Many Requests. For what may
 * be repeated anyway also those that may pass: 408, 500, 502, 503, 504.
 * Source: RFC 8470, 5.2; RFC 6585, 4; RFC 9110, 15.5.9, 15.6.
 */
static bool is_worth_another(const weir_future *future, int status)
{
    if (status == 425 || status == 429)
        return true;
    return future->about.kind < WEIR_CALL_CHECKED &&
           (status == 408 || status == 500 || status == 502 || status == 503 || status == 504);
}

static weir_code print_answer(const weir_http_outcome *outcome, weir_buffer *out)
{
    char head[48];
    weir_code rc;

    (void)snprintf(head, sizeof head, "{\"status\":%d,\"headers\":", outcome->status); /* it fits */
    rc = weir__buffer_add_text(out, head);
    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, outcome->headers.data, outcome->headers.size);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, "}\n");
    return rc == WEIR_OK ? weir__buffer_add(out, outcome->body.data, outcome->body.size) : rc;
}

/* Called by the client's drive, at the loop's top. */
static void done(void *context, const weir_http_outcome *outcome)
{
    weir_errand *errand = context;
    weir_future *future = errand->about;

    errand->exchange = NULL;
    errand->code = outcome->code;
    errand->error = outcome->error;
    errand->retry_after_ms = outcome->retry_after_ms;
    if (outcome->code == WEIR_OK) {
        if (print_answer(outcome, &errand->result) != WEIR_OK)
            errand->code = weir__fail(&errand->error, WEIR_LIMIT, WEIR_REMEDY_FIX,
                                      "the answer does not fit: calls.result-bytes allows %zu", errand->result.maximum);
        else if (future && is_worth_another(future, outcome->status) &&
                 future->tries + 1 < (uint32_t)future->options.max_attempts)
            errand->code = weir__fail_from(&errand->error, WEIR_NOT_DONE, WEIR_REMEDY_RETRY, "http", outcome->status,
                                           "status %d", outcome->status);
    }
    if (errand->code != WEIR_OK)
        weir__error_context(&errand->error, "call '%s'", future ? future->about.name : "");
    weir__future_errand_ended(errand);
    weir__errand_free(errand);
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

typedef struct start_request {
    weir_http_client *client;
    const weir_http_exchange_options *options;
    weir_errand *errand;
    weir_code rc;
    weir_error err;
} start_request;

/* curl is deep, and pooled stacks are many: it runs on the ground. */
static void start_on_ground(void *context)
{
    start_request *start = context;

    start->rc = weir__http_start(start->client, start->options, &start->errand->exchange, &start->err);
}

void weir__http_call_begin(weir_future *future, weir_errand *errand)
{
    weir_engine *engine = future->run->engine;
    const weir_http_request *request = future->request;
    weir_http_exchange_options options = {
        .method = request->method,
        .url = request->url,
        .headers = request->headers,
        .body = request->body,
        .idempotency_key = future->about.kind == WEIR_CALL_PURE ? NULL : errand->idempotency_key,
        .timeout_ms = future->options.timeout_ms,
        .max_response_bytes = request->max_response_bytes,
        .done = done,
        .context = errand,
    };
    start_request start = { .client = engine->http, .options = &options, .errand = errand };
    int64_t now_ms = weir__clock_monotonic_ms(engine->options.clock);

    /* Between the intent's sync and here only the loop has been busy; it may have been stopped for long. */
    if (weir__errand_is_too_late(errand, now_ms)) {
        errand->is_late = true;
        weir__future_errand_ended(errand);
        weir__errand_free(errand);
        return;
    }
    atomic_store(&errand->phase, WEIR__ERRAND_BEGUN);
    atomic_store(&errand->begun_ms, now_ms ? now_ms : 1);
    weir__stacks_on_ground(engine->stacks, start_on_ground, &start);
    if (start.rc != WEIR_OK) {
        errand->code = WEIR_NOT_DONE;
        errand->error = start.err;
        errand->error.code = WEIR_NOT_DONE;
        weir__future_errand_ended(errand);
        weir__errand_free(errand);
    }
}

/* A copy that lives as long as the run: attempts follow long after the action's own is gone. NULL: no memory. */
static const weir_http_request *copy_request(weir_run *run, const weir_http_request *request)
{
    weir_http_request *copy = weir__arena_alloc(&run->arena, sizeof *copy);
    const char **headers = NULL;
    size_t count = 0;

    while (request->headers && request->headers[count])
        count++;
    headers = weir__arena_alloc(&run->arena, (count + 1) * sizeof *headers);
    if (!copy || !headers)
        return NULL;
    *copy = *request;
    copy->method = (const char *)weir__arena_copy(&run->arena, weir__bytes_text(request->method)).data;
    copy->url = (const char *)weir__arena_copy(&run->arena, weir__bytes_text(request->url)).data;
    for (size_t i = 0; i < count; i++) {
        headers[i] = (const char *)weir__arena_copy(&run->arena, weir__bytes_text(request->headers[i])).data;
        if (!headers[i])
            return NULL;
    }
    headers[count] = NULL;
    copy->headers = headers;
    copy->body = weir__arena_copy(&run->arena, weir__bytes(request->body.data, request->body.size));
    return copy->method && copy->url && copy->body.data ? copy : NULL;
}

static weir_code print_request(const weir_http_request *request, weir_buffer *out)
{
    weir_code rc = weir__buffer_add_text(out, "{\"method\":");

    if (rc == WEIR_OK)
        rc = weir__json_print_bytes(weir__bytes_text(request->method), out);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, ",\"url\":");
    if (rc == WEIR_OK)
        rc = weir__json_print_bytes(weir__bytes_text(request->url), out);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, ",\"headers\":[");
    for (size_t i = 0; request->headers && request->headers[i] && rc == WEIR_OK; i++) {
        rc = weir__buffer_add_text(out, i ? "," : "");
        if (rc == WEIR_OK)
            rc = weir__json_print_bytes(weir__bytes_text(request->headers[i]), out);
    }
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(out, "]}\n");
    return rc == WEIR_OK ? weir__buffer_add(out, request->body.data, request->body.size) : rc;
}

/* ---- reading a result -------------------------------------------------------------------------------------------- */

/* What a reconciler or a decision gave may hold the body as a member of the head. */
static weir_code read_body(const weir_json *head, weir_bytes rest, weir_run *run, weir_bytes *body)
{
    const weir_json *member = weir__json_member(head, weir__bytes_text("body"));
    weir_buffer text;
    weir_code rc = WEIR_OK;

    *body = rest;
    if (!member)
        return WEIR_OK;
    if (weir__json_kind(member) == WEIR__JSON_TEXT) {
        *body = weir__json_text(member);
        return WEIR_OK;
    }
    weir__buffer_init(&text, SIZE_MAX);
    rc = weir__json_print(member, &text);
    if (rc == WEIR_OK)
        *body = weir__arena_copy(&run->arena, weir__buffer_bytes(&text));
    weir__buffer_clear(&text);
    return rc == WEIR_OK && body->data ? WEIR_OK : WEIR_NO_MEMORY;
}

static weir_code read_answer(weir_run *run, weir_bytes result, weir_http_response *response, weir_error *err)
{
    const uint8_t *end = memchr(result.data, '\n', result.size);
    size_t head_size = end ? (size_t)(end - result.data) : result.size;
    weir_bytes rest = end ? weir__bytes(end + 1, result.size - head_size - 1) : weir__bytes("", 0);
    const weir_json *head = NULL, *status = NULL, *headers = NULL;
    weir_code rc = weir__json_parse(weir__bytes(result.data, head_size), run->engine->options.depth, &run->arena, &head,
                                    err);

    if (rc == WEIR_NO_MEMORY)
        return rc;
    if (rc == WEIR_OK && weir__json_kind(head) == WEIR__JSON_OBJECT) {
        status = weir__json_member(head, weir__bytes_text("status"));
        headers = weir__json_member(head, weir__bytes_text("headers"));
    }
    if (!status || weir__json_kind(status) != WEIR__JSON_INT)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "what is recorded as the answer is no {\"status\": …, \"headers\": {…}} and a body");
    response->status = (int)weir__json_int(status);
    response->headers = headers ? weir__json_tree(headers) : json_object();
    if (!response->headers)
        return weir__fail_memory(err, "the headers of an answer");
    if (!weir__run_keep_tree(run, response->headers))
        return weir__fail_memory(err, "the headers of an answer");
    rc = read_body(head, rest, run, &response->body);
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "the body of an answer");
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

weir_code weir_http(weir_run *run, const char *name, weir_call_kind kind, const weir_http_request *request,
                    const weir_call_options *options, weir_http_response *response, weir_error *err)
{
    weir_http_request all = WEIR_HTTP_REQUEST_INIT;
    const weir_http_request *copy;
    weir_future *future;
    weir_bytes result;
    weir_buffer args;
    weir_code rc;

    if (request)
        memcpy(&all, request, request->struct_size < sizeof all ? request->struct_size : sizeof all);
    if (!request || !all.method || !all.url || all.max_response_bytes < 0) {
        (void)weir__failure_keep(&run->failure, WEIR_INVALID, "call '%.60s': the request %s", name ? name : "",
                                 request ? "has no method, no URL, or a negative limit" : "is NULL");
        return weir__call_tell_failure(run, err);
    }
    weir__buffer_init(&args, SIZE_MAX);
    rc = weir__engine_need_http(run->engine, &run->failure);
    if (rc == WEIR_OK) {
        rc = print_request(&all, &args);
        if (rc != WEIR_OK)
            (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for a request");
    }
    future = rc == WEIR_OK ? weir__call_new(run, name, kind, weir__buffer_bytes(&args), options) : NULL;
    weir__buffer_clear(&args);
    if (!future)
        return weir__call_tell_failure(run, err);
    copy = copy_request(run, &all);
    if (!copy) {
        (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for a request");
        return weir__call_tell_failure(run, err);
    }
    future->request = copy;
    weir__future_start(future);
    rc = weir_wait_all(run, &future, 1, err);
    if (rc == WEIR_OK)
        rc = weir_future_result(future, &result, err);
    if (rc == WEIR_OK && response) {
        rc = read_answer(run, result, response, err);
        if (rc != WEIR_OK && err)
            weir__error_context(err, "call '%s'", name);
    }
    return rc;
}
