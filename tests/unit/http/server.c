/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum { CONNECTIONS = 512, REQUESTS = 4096, REQUEST_BYTES = 1 << 20 };

struct test_server {
    pthread_mutex_t mutex;
    pthread_cond_t came;
    pthread_t acceptor;
    int listener;
    int port;
    bool is_stopping;
    char location[512];
    pthread_t threads[CONNECTIONS];
    int fds[CONNECTIONS]; /* -1: closed */
    size_t connections;
    char *requests[REQUESTS];
    size_t count;
};

typedef struct connection {
    test_server *server;
    size_t index;
    int fd;
} connection;

/* ---- in and out --------------------------------------------------------------------------------------------------*/

static bool put(int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

__attribute__((format(printf, 2, 3))) static bool say(int fd, const char *format, ...)
{
    char text[4096];
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return put(fd, text, (size_t)size);
}

/* One request, its body included; NULL: the connection ended. */
static char *take(int fd)
{
    char *text = calloc(1, REQUEST_BYTES), *end, *length;
    size_t size = 0, need = 0;

    ck_assert_ptr_nonnull(text);
    while (!need || size < need) {
        ssize_t got = recv(fd, text + size, need ? need - size : 1, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || size + 1 >= REQUEST_BYTES) {
            free(text);
            return NULL;
        }
        size += (size_t)got;
        end = need ? NULL : strstr(text, "\r\n\r\n");
        if (end) {
            length = strcasestr(text, "content-length:");
            need = (size_t)(end - text) + 4 + (length ? strtoul(length + 15, NULL, 10) : 0);
        }
    }
    return text;
}

static void until_closed(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}

/* ---- behaviour ---------------------------------------------------------------------------------------------------*/

static bool answer(int fd, int status, const char *headers, const char *body)
{
    return say(fd, "HTTP/1.1 %d Status\r\n%sContent-Length: %zu\r\n\r\n%s", status, headers, strlen(body), body);
}

/* `zeros` bytes, packed. */
static bool answer_packed(int fd, size_t zeros)
{
    z_stream stream = { 0 };
    uLong bound = compressBound((uLong)zeros) + 64;
    unsigned char *plain = calloc(1, zeros), *packed = malloc(bound);
    bool ok;

    ck_assert_ptr_nonnull(plain);
    ck_assert_ptr_nonnull(packed);
    ck_assert_int_eq(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = plain;
    stream.avail_in = (uInt)zeros;
    stream.next_out = packed;
    stream.avail_out = (uInt)bound;
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    ok = say(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n", stream.total_out) &&
         put(fd, packed, stream.total_out);
    (void)deflateEnd(&stream);
    free(plain);
    free(packed);
    return ok;
}

static bool flood(int fd, const char *begin, const char *again)
{
    bool ok = say(fd, "%s", begin);

    while (ok)
        ok = put(fd, again, strlen(again));
    return false;
}

/* True: the connection goes on. */
static bool behave(test_server *server, int fd, const char *text)
{
    const char *path = strchr(text, ' ') + 1;
    size_t size = strcspn(path, " ?");
    bool is_head = strncmp(text, "HEAD ", 5) == 0;
    int number;

#define IS(name) (size == strlen(name) && strncmp(path, name, size) == 0)
    if (IS("/ok"))
        return is_head ? say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
                       : answer(fd, 200, "", "hello");
    if (IS("/echo"))
        return answer(fd, 200, "", text);
    if (sscanf(path, "/status/%d", &number) == 1)
        return answer(fd, number, "", "told");
    if (IS("/headers"))
        return answer(fd, 200, "X-One: a\r\nx-two: \"q\\\r\nX-ONE:   b  \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                               "X-Bad: \xFF\xC3\xA4\xED\xA0\x80\r\nX-Empty:\r\nX-Fold: a\r\n  b\r\nX-Tab: a\tb\r\n",
                      "");
    if (IS("/trailer"))
        return say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n2\r\nab\r\n0\r\n"
                       "X-Late: 2\r\n\r\n");
    if (IS("/early"))
        return say(fd, "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n") &&
               answer(fd, 200, "", "late");
    if (sscanf(path, "/retry/%d", &number) == 1) {
        char header[64];

        snprintf(header, sizeof header, "Retry-After: %d\r\n", number);
        return answer(fd, 503, header, "");
    }
    if (IS("/retry-date") || IS("/retry-past")) {
        time_t then = time(NULL) + (IS("/retry-date") ? 100 : -100);
        struct tm parts;
        char header[128];

        strftime(header, sizeof header, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&then, &parts));
        return answer(fd, 429, header, "");
    }
    if (IS("/retry-nonsense"))
        return answer(fd, 503, "Retry-After: soon\r\n", "");
    if (IS("/packed"))
        return answer_packed(fd, 1000);
    if (IS("/bomb"))
        return answer_packed(fd, 32 << 20);
    if (IS("/packed-wrong"))
        return answer(fd, 200, "Content-Encoding: gzip\r\n", "this is not packed");
    if (IS("/loop"))
        return answer(fd, 302, "Location: /loop\r\n", "");
    if (sscanf(path, "/hops/%d", &number) == 1) {
        char header[64];

        snprintf(header, sizeof header, "Location: /hops/%d\r\n", number - 1);
        return number ? answer(fd, 301, header, "moved") : answer(fd, 200, "", "there");
    }
    if (IS("/to")) {
        char header[600];

        snprintf(header, sizeof header, "Location: %s\r\n", server->location);
        return answer(fd, 307, header, "moved");
    }
    /* From here on the connection does not go on. */
    if (IS("/slow"))
        until_closed(fd);
    else if (IS("/slow-body")) {
        if (say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome"))
            until_closed(fd);
    } else if (IS("/garbage"))
        (void)say(fd, "I am no web server, go away\n");
    else if (IS("/half"))
        (void)say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
    else if (IS("/half-chunk"))
        (void)say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n4\r\nab");
    else if (IS("/half-headers"))
        (void)say(fd, "HTTP/1.1 200 OK\r\nX-One: a\r\nX-Tw");
    else if (IS("/bad-chunk"))
        (void)say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n");
    else if (IS("/to-the-end"))
        (void)say(fd, "HTTP/1.1 200 OK\r\n\r\nall of it");
    else if (IS("/endless"))
        return flood(fd, "HTTP/1.1 200 OK\r\n\r\n", "0123456789012345678901234567890123456789012345678901234567890");
    else if (IS("/header-flood"))
        return flood(fd, "HTTP/1.1 200 OK\r\n", "X-Flood: 0123456789012345678901234567890123456789\r\n");
    else if (IS("/header-line"))
        return flood(fd, "HTTP/1.1 200 OK\r\nX-Long: ", "0123456789012345678901234567890123456789");
    else if (IS("/early-flood"))
        return flood(fd, "", "HTTP/1.1 103 Early Hints\r\nX-A: 01234567890123456789012345678901234567890\r\n\r\n");
    else
        (void)0; /* "/drop" and all else: closed without a word */
    return false;
#undef IS
}

static void *serve(void *context)
{
    connection *own = context;
    test_server *server = own->server;
    char *text;
    bool goes_on = true;

    while (goes_on && (text = take(own->fd))) {
        pthread_mutex_lock(&server->mutex);
        ck_assert_uint_lt(server->count, REQUESTS);
        server->requests[server->count++] = text;
        pthread_cond_broadcast(&server->came);
        pthread_mutex_unlock(&server->mutex);
        goes_on = behave(server, own->fd, text);
    }
    pthread_mutex_lock(&server->mutex);
    server->fds[own->index] = -1;
    pthread_mutex_unlock(&server->mutex);
    close(own->fd);
    free(own);
    return NULL;
}

static void *accept_all(void *context)
{
    test_server *server = context;

    for (;;) {
        int fd = accept(server->listener, NULL, NULL);
        connection *own;

        if (fd < 0)
            return NULL;
        own = calloc(1, sizeof *own);
        ck_assert_ptr_nonnull(own);
        pthread_mutex_lock(&server->mutex);
        if (server->is_stopping) {
            pthread_mutex_unlock(&server->mutex);
            close(fd);
            free(own);
            return NULL;
        }
        ck_assert_uint_lt(server->connections, CONNECTIONS);
        own->server = server;
        own->index = server->connections++;
        own->fd = server->fds[own->index] = fd;
        ck_assert_int_eq(pthread_create(&server->threads[own->index], NULL, serve, own), 0);
        pthread_mutex_unlock(&server->mutex);
    }
}

/* ---- life --------------------------------------------------------------------------------------------------------*/

test_server *test_server_start(void)
{
    test_server *server = calloc(1, sizeof *server);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;

    ck_assert_ptr_nonnull(server);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->came, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(server->listener, 0);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(server->listener, 128), 0);
    ck_assert_int_eq(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&server->acceptor, NULL, accept_all, server), 0);
    return server;
}

void test_server_stop(test_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->is_stopping = true;
    for (size_t i = 0; i < server->connections; i++) {
        if (server->fds[i] >= 0)
            shutdown(server->fds[i], SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->mutex);
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->acceptor, NULL);
    close(server->listener);
    for (size_t i = 0; i < server->connections; i++)
        pthread_join(server->threads[i], NULL);
    for (size_t i = 0; i < server->count; i++)
        free(server->requests[i]);
    pthread_cond_destroy(&server->came);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

int test_server_port(const test_server *server)
{
    return server->port;
}

bool test_server_wait(test_server *server, size_t count)
{
    struct timespec until;
    bool came = true;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&server->mutex);
    while (came && server->count < count)
        came = pthread_cond_timedwait(&server->came, &server->mutex, &until) == 0;
    pthread_mutex_unlock(&server->mutex);
    return came;
}

size_t test_server_requests(test_server *server)
{
    size_t count;

    pthread_mutex_lock(&server->mutex);
    count = server->count;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

size_t test_server_connections(test_server *server)
{
    size_t count;

    pthread_mutex_lock(&server->mutex);
    count = server->connections;
    pthread_mutex_unlock(&server->mutex);
    return count;
}

const char *test_server_request(test_server *server, size_t index)
{
    const char *text;

    pthread_mutex_lock(&server->mutex);
    ck_assert_uint_lt(index, server->count);
    text = server->requests[index];
    pthread_mutex_unlock(&server->mutex);
    return text;
}

void test_server_point(test_server *server, const char *location)
{
    ck_assert_int_lt(snprintf(server->location, sizeof server->location, "%s", location),
                     (int)sizeof server->location);
}
