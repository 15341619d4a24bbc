/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP as a call: made and recorded as one (weir/call.h), on the event loop; no thread is held. */
#ifndef WEIR_HTTP_H
#define WEIR_HTTP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/bytes.h>
#include <weir/call.h>
#include <weir/error.h>
#include <weir/export.h>

WEIR_BEGIN_DECLS

/**
 * One request; begin with WEIR_HTTP_REQUEST_INIT; copied.
 *
 * A header's value may hold ${env:NAME} and ${file:PATH}, which are filled in when an attempt is sent: what is
 * recorded, compared and logged is the text as it stands here. Method, URL and body are taken as they are, so secrets
 * have no place in them. Every kind but PURE sends the call's Idempotency-Key, unless a header of that name is given.
 */
typedef struct weir_http_request {
    size_t struct_size; /* sizeof(weir_http_request) */
    const char *method, *url;   /* not NULL; http and https */
    const char *const *headers; /* "Name: value", ends with NULL; may be NULL. ${env:NAME} and ${file:PATH}: secrets */
    weir_bytes body;            /* size 0: none */
    int64_t max_response_bytes; /* >= 0, of the body; 16 MiB. calls.result-bytes limits body and headers together */
} weir_http_request;
#define WEIR_HTTP_REQUEST_INIT { sizeof(weir_http_request), "GET", NULL, NULL, { NULL, 0 }, 16 << 20 }

/** Its response; borrowed until the run ends. */
typedef struct weir_http_response {
    int status;      /* as the last answer had it */
    weir_bytes body; /* as it came, decoded */
    json_t *headers; /* texts by name, in lower case; several of one name are joined by ", ", set-cookie by "\n" */
} weir_http_response;

/**
 * Makes an HTTP request as a call, and waits for its answer. Any status is an answer, and WEIR_OK: the action looks at
 * it. Only statuses that ask to come back later make another attempt, while options->max_attempts leaves one, after the
 * back-off or Retry-After, whichever is longer: 425 and 429 for all kinds; 408, 500, 502, 503 and 504 for PURE and
 * IDEMPOTENT, which may be repeated anyway. The last attempt's answer is given back as it is.
 *
 * GET and HEAD follow up to 10 redirects, to another origin without Authorization, Cookie and headers with secrets; for
 * other methods a redirect is the answer. Certificates are verified, always.
 *
 * What is recorded, and what a reconciler gets as `args`: {"method":…,"url":…,"headers":[…]}, a line feed, the body.
 * The result: {"status":…,"headers":{…}}, a line feed, the body. A reconciler gives the same; it, and
 * `resolve --result`, may instead put the body into the object, as "body": a text, or any other JSON, which is printed.
 *
 * @param request   not NULL; copied
 * @param options   timeout_ms is from when it is sent to the last byte read; NULL: WEIR_CALL_OPTIONS_INIT
 * @param response  written on WEIR_OK; may be NULL
 * @return WEIR_OK        an answer came, of any status;
 *         WEIR_NOT_DONE  surely nothing was asked: no address, no connection, TLS refused (retry)
 *         WEIR_UNKNOWN   cut off, or no answer in time: CHECKED and ONCE are in doubt instead (retry)
 *         WEIR_FAILED    an answer that cannot be taken: too large, too many redirects (fix)
 *         WEIR_INVALID   the URL, the method or a header is none; what is recorded as the answer is none (fix);
 *                        no request, method or URL, a negative limit (fix; kept)
 *         WEIR_CONFIG    a secret is not there (fix)
 *         WEIR_LIMIT     calls.result-bytes (fix)
 *         and those of weir_call(), CANCELED among them
 * Threads: the action's.
 * Source: RFC 9110; RFC 6585, 4; RFC 8470, 5.2; "The Idempotency-Key HTTP Header Field" (IETF draft).
 */
WEIR_API weir_code weir_http(weir_run *run, const char *name, weir_call_kind kind, const weir_http_request *request,
                             const weir_call_options *options, weir_http_response *response, weir_error *err);

WEIR_END_DECLS

#endif
