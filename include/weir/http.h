/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP as a call. */
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

/** One request; begin with WEIR_HTTP_REQUEST_INIT; borrowed for the call. */
typedef struct weir_http_request {
    size_t struct_size; /* sizeof(weir_http_request) */
    const char *method, *url;
    const char *const *headers; /* "Name: value", ends with NULL; may be NULL. ${env:NAME} and ${file:PATH}: secrets */
    weir_bytes body;
    int64_t max_response_bytes; /* 16 MiB */
} weir_http_request;
#define WEIR_HTTP_REQUEST_INIT { sizeof(weir_http_request), "GET", NULL, NULL, { NULL, 0 }, 16 << 20 }

/** Its response; borrowed until the run ends; names of headers are in lower case. */
typedef struct weir_http_response {
    int status;
    weir_bytes body;
    json_t *headers;
} weir_http_response;

WEIR_API weir_code weir_http(weir_run *run, const char *name, weir_call_kind kind, const weir_http_request *request,
                             const weir_call_options *options, weir_http_response *response, weir_error *err);

WEIR_END_DECLS

#endif
