/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP exchanges on one thread: many under way, none holding a thread. Knows nothing of runs and journals; what an
 * answer means for a call is its caller's affair.
 */
#ifndef WEIR__HTTP_HTTP_H
#define WEIR__HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

typedef struct weir_http_client weir_http_client;
typedef struct weir_http_exchange weir_http_exchange;

typedef struct weir_http_client_options {
    const char *proxy;        /* URL; NULL: none, "env": as the environment says (http_proxy, …) */
    const char *ca_file;      /* PEM bundle; NULL: the system's */
    const char *user_agent;   /* NULL: "weir/VERSION" */
    size_t max_connections;   /* kept for reuse; 0: as many as have been needed at once */
    int64_t connect_timeout_ms; /* 0: the exchange's own time-out */
} weir_http_client_options;

/**
 * Makes a client; connects to nothing. Certificates and host names are always verified.
 *
 * @return WEIR_OK; WEIR_CONFIG: the CA file cannot be read, the proxy is no URL (fix); WEIR_NO_MEMORY (stop)
 * Threads: all of a client belongs to one thread.
 */
WEIR_CHECK weir_code weir__http_client_new(const weir_http_client_options *options, weir_http_client **out,
                                           weir_error *err);

/** Cuts off what is under way, without calling anybody, and frees. Accepts NULL. Not from within `done`. */
void weir__http_client_free(weir_http_client *client);

/** Readable when weir__http_client_drive() has something to do: an epoll descriptor, with time-outs in it, too. */
int weir__http_client_fd(const weir_http_client *client);

/** Whether anything is under way: only then drive needs to be called. */
bool weir__http_client_is_busy(const weir_http_client *client);

/** Moves what can be moved, without waiting; calls `done` of exchanges that ended. Starting others in there is fine. */
void weir__http_client_drive(weir_http_client *client);

/* What became of an exchange; all views live for the call of `done`. */
typedef struct weir_http_outcome {
    /*
     * WEIR_OK           an answer came, whole; any status
     * WEIR_NOT_DONE     surely nothing was asked: no address, refused, no connection, TLS failed (certificate) (retry)
     * WEIR_UNKNOWN      the request may have reached the other side: time-out, cut off, garbage, half a body   (retry)
     * WEIR_FAILED       an answer that can never be taken: too large, more than 10 redirects                   (fix)
     * WEIR_INVALID      the URL, method or a header is none; WEIR_CONFIG: a secret is not there                (fix)
     * WEIR_NO_MEMORY
     */
    weir_code code;
    int status;          /* of the last answer; 0: none came */
    weir_bytes headers;  /* of a WEIR_OK: one JSON object, names in lower case, values text; several of one name are
                            joined by ", " (set-cookie: by "\n"); bytes that are no UTF-8 become U+FFFD */
    weir_bytes body;
    int64_t retry_after_ms; /* from Retry-After, seconds or a date; -1: none; at most an hour */
    weir_error error;    /* of another code; no secret in it; origin "http", origin_code: curl's number or the status */
} weir_http_outcome;

typedef struct weir_http_exchange_options {
    const char *method, *url;
    const char *const *headers; /* "Name: value", ends with NULL; NULL: none. ${env:NAME}, ${file:PATH} are filled in */
    weir_bytes body;            /* data NULL or size 0: none */
    const char *idempotency_key; /* sent as Idempotency-Key unless a header of that name is given; NULL: none */
    int64_t timeout_ms;         /* from now to the last byte; > 0 */
    int64_t max_response_bytes; /* body after decoding; beyond it the exchange is cut off */
    void (*done)(void *context, const weir_http_outcome *outcome); /* once, from drive; never from within start */
    void *context;
} weir_http_exchange_options;

/**
 * Starts an exchange. All is copied. http and https only. GET and HEAD follow up to 10 redirects, to another origin
 * without Authorization, Cookie and headers that hold secrets; other methods give back a 3xx as the answer it is.
 * Accept-Encoding is whatever can be decoded. What is wrong with the request is told through `done`, too.
 *
 * @return WEIR_OK; WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__http_start(weir_http_client *client, const weir_http_exchange_options *options,
                                      weir_http_exchange **out, weir_error *err);

/** Cuts it off; `done` is not called. Not after it was, and not from within it. */
void weir__http_cancel(weir_http_exchange *exchange);

#endif
