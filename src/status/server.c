/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: libmicrohttpd with one thread of its own. Each connection answers one request and is closed. When
 * CONNECTIONS_KEPT are open, a new one closes the oldest, so that whoever holds connections open, or sends byte by
 * byte, shuts nobody else out.
 */
#include "status/status.h"

#include <assert.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "status/address.h"
#include "status/board.h"
#include "status/pages.h"
#include "status/print.h"

enum {
    CONNECTIONS_KEPT = 32,
    CONNECTIONS_MAXIMUM = 64,         /* for what is accepted before the closed ones are gone */
    CONNECTION_BYTES = 16 * 1024,     /* of memory each: request line and headers; a longer request is refused (431) */
    CONNECTION_IDLE_SECONDS = 10,
    PAGE_BYTES = 64 * 1024 * 1024     /* far beyond 10,000 tasks */
};

struct weir_status_server {
    struct MHD_Daemon *daemon;
    weir_status_board *board;
    const weir_clock *clock;
    char *job;
    const char *host;
    int64_t started_ms, stalled_after_ms;
    int port;
    /* Open connections, oldest first; of the server's thread alone. */
    int open[CONNECTIONS_MAXIMUM];
    size_t open_count;
};

/* ---- pages ------------------------------------------------------------------------------------------------------ */

/* Resident pages; 0 where /proc does not say. */
static uint64_t resident_bytes(void)
{
    unsigned long long resident = 0;
    long page = sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%*u %llu", &resident) != 1)
        resident = 0;
    (void)fclose(file); /* only read */
    return page > 0 ? (uint64_t)resident * (uint64_t)page : 0;
}

typedef enum page { PAGE_INDEX, PAGE_HEALTH, PAGE_READY, PAGE_METRICS, PAGE_TASKS, PAGE_NONE } page;

static page page_of(const char *path)
{
    static const char *const paths[] = { "/", "/health", "/ready", "/metrics", "/tasks" };

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(path, paths[i]) == 0)
            return (page)i;
    }
    return PAGE_NONE;
}

/* Prints a page of what is known now. The HTTP status. */
static unsigned print_page(weir_status_server *server, page wanted, weir_buffer *out)
{
    weir_status_copy copy = { .parts = NULL };
    weir_status status = {
        .job = server->job,
        .host = server->host,
        .version = PACKAGE_VERSION,
        .started_ms = server->started_ms,
        .now_ms = weir__clock_wall_ms(server->clock),
        .resident_bytes = wanted == PAGE_METRICS ? resident_bytes() : 0,
        .stalled_after_ms = server->stalled_after_ms,
    };
    unsigned code = MHD_HTTP_OK;

    if (weir__status_board_copy(server->board, weir__clock_monotonic_ms(server->clock), &copy) != WEIR_OK) {
        out->is_over = true;
        return code;
    }
    status.parts = copy.parts;
    status.part_count = copy.count;
    switch (wanted) {
    case PAGE_INDEX:
        weir__status_print(out, "{\"pages\":[\"/health\",\"/ready\",\"/metrics\",\"/tasks\"]}\n");
        break;
    case PAGE_HEALTH:
        code = (unsigned)weir__status_print_health(&status, out);
        break;
    case PAGE_READY:
        code = (unsigned)weir__status_print_ready(&status, out);
        break;
    case PAGE_METRICS:
        weir__status_print_metrics(&status, out);
        break;
    case PAGE_TASKS:
        weir__status_print_tasks(&status, out);
        break;
    case PAGE_NONE:
        break;
    }
    weir__status_copy_clear(&copy);
    return code;
}

/* ---- answering -------------------------------------------------------------------------------------------------- */

/* Sends what is in the buffer, which is cleared. MHD_NO: the connection ends without an answer, as without memory. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type, weir_buffer *body)
{
    struct MHD_Response *response;
    enum MHD_Result rc = MHD_NO;

    response = MHD_create_response_from_buffer(body->size, body->data, MHD_RESPMEM_MUST_COPY);
    if (response &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
        (code != MHD_HTTP_METHOD_NOT_ALLOWED ||
         MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
        rc = MHD_queue_response(connection, code, response);
    if (response)
        MHD_destroy_response(response); /* the queue holds it too */
    weir__buffer_clear(body);
    return rc;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **request)
{
    static const char json[] = "application/json; charset=utf-8";
    weir_status_server *server = context;
    page wanted = page_of(path);
    unsigned code;
    weir_buffer body;

    (void)version;
    (void)upload;
    (void)upload_size; /* a body is not read: answered before it, the connection is closed behind the answer */
    (void)request;
    weir__buffer_init(&body, PAGE_BYTES);
    if (wanted == PAGE_NONE) {
        weir__status_print(&body, "{\"error\":\"no such page\",\"path\":");
        weir__status_print_string(&body, path);
        weir__status_print(&body, ",\"pages\":[\"/health\",\"/ready\",\"/metrics\",\"/tasks\"]}\n");
        return answer(connection, MHD_HTTP_NOT_FOUND, json, &body);
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        weir__status_print(&body, "{\"error\":\"only GET and HEAD are answered\",\"method\":");
        weir__status_print_string(&body, method);
        weir__status_print(&body, "}\n");
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, json, &body);
    }
    code = print_page(server, wanted, &body);
    if (body.is_over) {
        weir__buffer_reset(&body);
        weir__status_print(&body, "{\"error\":\"no memory for the page\"}\n");
        code = MHD_HTTP_INTERNAL_SERVER_ERROR;
        wanted = PAGE_NONE;
    }
    return answer(connection, code, wanted == PAGE_METRICS ? "text/plain; version=0.0.4; charset=utf-8" : json, &body);
}

/* ---- connections ------------------------------------------------------------------------------------------------ */

static int socket_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info ? info->connect_fd : -1;
}

/* A connection has come, or its socket is about to be closed. On the server's thread. */
static void notice(void *context, struct MHD_Connection *connection, void **of_connection,
                   enum MHD_ConnectionNotificationCode what)
{
    weir_status_server *server = context;
    int fd = socket_of(connection);

    (void)of_connection;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        /* Shut down, it is readable, and the loop closes it; it stays in the list until then. */
        if (server->open_count >= CONNECTIONS_KEPT)
            (void)shutdown(server->open[server->open_count - CONNECTIONS_KEPT], SHUT_RDWR);
        if (server->open_count < CONNECTIONS_MAXIMUM)
            server->open[server->open_count++] = fd;
        return;
    }
    for (size_t i = 0; i < server->open_count; i++) {
        if (server->open[i] == fd) {
            server->open_count--;
            memmove(&server->open[i], &server->open[i + 1], (server->open_count - i) * sizeof *server->open);
            return;
        }
    }
}

/* ---- opening and closing ---------------------------------------------------------------------------------------- */

/* The server's thread takes no signal: they are the host's. */
static struct MHD_Daemon *start(weir_status_server *server, int fd)
{
    struct MHD_Daemon *daemon;
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* a valid set: cannot fail */
    daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL, handle, server,
                              MHD_OPTION_LISTEN_SOCKET, fd,
                              MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAXIMUM,
                              MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                              MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_IDLE_SECONDS,
                              MHD_OPTION_NOTIFY_CONNECTION, notice, server,
                              MHD_OPTION_END);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

weir_code weir__status_open(const weir_status_options *options, weir_status_server **out, weir_error *err)
{
    weir_status_address address;
    weir_status_socket listening = { .fd = -1 };
    weir_status_server *server = NULL;
    weir_code rc;

    if (!options->listen) {
        *out = NULL;
        return WEIR_OK;
    }
    assert(options->threads >= 1 && options->threads <= 1024);
    rc = weir__status_address_parse(options->listen, &address, err);
    if (rc == WEIR_OK)
        rc = weir__status_address_listen(&address, &listening, err);
    if (rc != WEIR_OK)
        return rc;
    server = calloc(1, sizeof *server);
    if (server)
        server->job = strdup(options->job);
    if (!server || !server->job) {
        rc = weir__fail_memory(err, "status.listen");
        goto out;
    }
    server->host = options->host;
    server->clock = options->clock ? options->clock : weir__clock_system();
    server->started_ms = weir__clock_wall_ms(server->clock);
    server->stalled_after_ms = options->stalled_after_ms;
    server->port = listening.port;
    rc = weir__status_board_new(options->threads, weir__clock_monotonic_ms(server->clock), &server->board, err);
    if (rc != WEIR_OK)
        goto out;
    server->daemon = start(server, listening.fd);
    if (!server->daemon) {
        rc = weir__fail(err, WEIR_NO_MEMORY, WEIR_REMEDY_STOP, "status.listen: the server's thread cannot be started");
        goto out;
    }
    listening.fd = -1; /* the daemon's */
    weir__log(WEIR__LOG_INFO, "status", "listening address=%s", listening.shown);
    if (!listening.is_loopback)
        weir__log(WEIR__LOG_WARN, "status", "other machines can reach the status pages, which ask for no password "
                  "address=%s", listening.shown);
    *out = server;
    server = NULL;
out:
    if (listening.fd >= 0)
        (void)close(listening.fd); /* nothing was written to it */
    weir__status_close(server);
    return rc;
}

void weir__status_close(weir_status_server *server)
{
    if (!server)
        return;
    if (server->daemon)
        MHD_stop_daemon(server->daemon); /* ends its thread, and closes the socket that listens */
    weir__status_board_free(server->board);
    free(server->job);
    free(server);
}

int weir__status_port(const weir_status_server *server)
{
    return server ? server->port : 0;
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

bool weir__status_is_due(const weir_status_server *server, size_t thread, int64_t now_ms)
{
    return server && weir__status_board_is_due(server->board, thread, now_ms);
}

void weir__status_publish(weir_status_server *server, size_t thread, const weir_status_thread *part, int64_t now_ms)
{
    if (server)
        weir__status_board_publish(server->board, thread, part, now_ms);
}

void weir__status_beat(weir_status_server *server, size_t thread, int64_t now_ms)
{
    if (server)
        weir__status_board_beat(server->board, thread, now_ms);
}
