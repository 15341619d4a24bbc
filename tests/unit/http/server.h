/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP server on loopback that misbehaves on demand: the path of a request says how it is answered (see
 * server.c). A thread a connection; requests are kept, whole, in the order in which they came.
 */
#ifndef WEIR_TESTS_HTTP_SERVER_H
#define WEIR_TESTS_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct test_server test_server;

test_server *test_server_start(void);
void test_server_stop(test_server *server);
int test_server_port(const test_server *server);

/** Waits until that many requests have come, 10 s at most. */
bool test_server_wait(test_server *server, size_t count);
size_t test_server_requests(test_server *server);
size_t test_server_connections(test_server *server);

/** The text of a request; valid until stop. */
const char *test_server_request(test_server *server, size_t index);

/** Where "/to" redirects. */
void test_server_point(test_server *server, const char *location);

#endif
