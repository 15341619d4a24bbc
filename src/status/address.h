/* SPDX-License-Identifier: Apache-2.0 */
/* Where to listen: `status.listen` into a socket that listens. */
#ifndef WEIR__STATUS_ADDRESS_H
#define WEIR__STATUS_ADDRESS_H

#include <stdbool.h>

#include "base/error.h"

enum { WEIR__STATUS_HOST_BYTES = 256 };

typedef struct weir_status_address {
    char host[WEIR__STATUS_HOST_BYTES]; /* "127.0.0.1", "::1", "localhost" */
    int port;                           /* 0: any free one */
} weir_status_address;

/**
 * Splits HOST:PORT, [IPv6]:PORT, :PORT or PORT; the last two are the loopback's.
 * @return WEIR_OK; WEIR_CONFIG (fix). Messages begin "status.listen"
 */
WEIR_CHECK weir_code weir__status_address_parse(const char *text, weir_status_address *out, weir_error *err);

/** A socket that listens, and what it got. */
typedef struct weir_status_socket {
    int fd;           /* close-on-exec, non-blocking; the caller's */
    char shown[304];  /* "127.0.0.1:9464", "[::1]:9464" */
    int port;
    bool is_loopback; /* nobody else's machine reaches it */
} weir_status_socket;

/**
 * Opens it. A name is looked up; its first address that can be had is taken.
 * @return WEIR_OK; WEIR_IO: in use, not allowed, no such address (stop); WEIR_NO_MEMORY (stop). Messages begin
 *         "status.listen"
 */
WEIR_CHECK weir_code weir__status_address_listen(const weir_status_address *address, weir_status_socket *out,
                                                 weir_error *err);

#endif
