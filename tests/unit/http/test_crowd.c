/* SPDX-License-Identifier: Apache-2.0 */
/* Thousands of exchanges at once: that all are under way together, and that each gets its own answer, once. */
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"

/* Client and server are one process: two sockets each, and some more. */
enum { CROWD = 5000, DESCRIPTORS = 2 * CROWD + 200, REQUEST_BYTES = 512 };

/* ---- a server on one thread that answers nobody until `gate` requests have come -----------------------------------*/

typedef struct guest {
    int fd;
    size_t size;
    char text[REQUEST_BYTES];
} guest;

static struct crowd_server {
    pthread_t thread;
    pthread_mutex_t mutex; /* guards gate, requests, connections */
    int listener, epoll_fd, port;
    int wake[2];
    size_t gate, requests, connections;
    guest *guests;
    guest **waiting; /* their requests are whole */
    size_t waiting_count;
} server = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void answer(guest *each)
{
    int number = 0;
    char body[32], text[128];
    int size, sent;

    ck_assert_int_eq(sscanf(each->text, "POST /%d ", &number), 1);
    snprintf(body, sizeof body, "%d", number);
    size = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    each->size = 0;
    sent = (int)send(each->fd, text, (size_t)size, MSG_NOSIGNAL);
    ck_assert(sent == size || sent < 0); /* who has canceled hears nothing */
}

static void read_guest(guest *each)
{
    ssize_t got = recv(each->fd, each->text + each->size, sizeof each->text - each->size - 1, 0);

    if (got <= 0) {
        close(each->fd);
        each->fd = -1;
        return;
    }
    each->size += (size_t)got;
    each->text[each->size] = '\0';
    if (!strstr(each->text, "\r\n\r\n"))
        return;
    pthread_mutex_lock(&server.mutex);
    server.requests++;
    pthread_mutex_unlock(&server.mutex);
    server.waiting[server.waiting_count++] = each;
}

static void open_gate(void)
{
    size_t gate;

    pthread_mutex_lock(&server.mutex);
    gate = server.gate;
    pthread_mutex_unlock(&server.mutex);
    if (server.waiting_count < gate)
        return;
    for (size_t i = 0; i < server.waiting_count; i++) {
        if (server.waiting[i]->fd >= 0)
            answer(server.waiting[i]);
    }
    server.waiting_count = 0;
}

static void *serve(void *context)
{
    struct epoll_event events[256];

    (void)context;
    for (;;) {
        int count = epoll_wait(server.epoll_fd, events, 256, -1);

        for (int i = 0; i < count; i++) {
            guest *each = events[i].data.ptr;
            struct epoll_event event = { .events = EPOLLIN };

            if (each == (guest *)&server.wake)
                return NULL;
            if (each) {
                read_guest(each);
                continue;
            }
            pthread_mutex_lock(&server.mutex);
            each = &server.guests[server.connections++];
            pthread_mutex_unlock(&server.mutex);
            each->fd = accept(server.listener, NULL, NULL);
            ck_assert_msg(each->fd >= 0, "%s", strerror(errno));
            event.data.ptr = each;
            ck_assert_int_eq(epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, each->fd, &event), 0);
        }
        open_gate();
    }
}

static void start_server(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    struct epoll_event event = { .events = EPOLLIN };

    server.guests = calloc(3 * CROWD, sizeof *server.guests);
    server.waiting = calloc(3 * CROWD, sizeof *server.waiting);
    ck_assert(server.guests && server.waiting);
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(server.listener, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(server.listener, 4096), 0);
    ck_assert_int_eq(getsockname(server.listener, (struct sockaddr *)&address, &size), 0);
    server.port = ntohs(address.sin_port);
    server.epoll_fd = epoll_create1(0);
    ck_assert_int_eq(pipe(server.wake), 0);
    ck_assert_int_eq(epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, server.listener, &event), 0);
    event.data.ptr = &server.wake;
    ck_assert_int_eq(epoll_ctl(server.epoll_fd, EPOLL_CTL_ADD, server.wake[0], &event), 0);
    ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop_server(void)
{
    ck_assert_int_eq(write(server.wake[1], "x", 1), 1);
    pthread_join(server.thread, NULL);
    for (size_t i = 0; i < server.connections; i++) {
        if (server.guests[i].fd >= 0)
            close(server.guests[i].fd);
    }
    free(server.guests);
    free(server.waiting);
}

static size_t look(const size_t *field)
{
    size_t value;

    pthread_mutex_lock(&server.mutex);
    value = *field;
    pthread_mutex_unlock(&server.mutex);
    return value;
}

static void set_gate(size_t gate)
{
    pthread_mutex_lock(&server.mutex);
    server.gate = gate;
    pthread_mutex_unlock(&server.mutex);
}

/* ---- the crowd ---------------------------------------------------------------------------------------------------*/

typedef struct member {
    int number, told;
    weir_code code;
    bool is_own; /* the body was its number */
    char message[232];
} member;

static member members[CROWD];
static weir_http_exchange *exchanges[CROWD];

static void keep(void *context, const weir_http_outcome *outcome)
{
    member *own = context;
    char body[32];

    snprintf(body, sizeof body, "%d", own->number);
    own->told++;
    own->code = outcome->code;
    own->is_own = weir__bytes_equal(outcome->body, weir__bytes_text(body));
    snprintf(own->message, sizeof own->message, "%s", outcome->error.message);
}

static void start_all(weir_http_client *client, int64_t timeout_ms)
{
    memset(members, 0, sizeof members);
    for (int i = 0; i < CROWD; i++) {
        char url[64];
        weir_http_exchange_options options = { .method = "POST", .url = url, .timeout_ms = timeout_ms,
                                               .max_response_bytes = 1000, .done = keep, .context = &members[i] };

        members[i].number = i;
        snprintf(url, sizeof url, "http://localhost:%d/%d", server.port, i);
        ck_assert_int_eq(weir__http_start(client, &options, &exchanges[i], NULL), WEIR_OK);
    }
}

static void drive(weir_http_client *client)
{
    struct pollfd wait = { .fd = weir__http_client_fd(client), .events = POLLIN };

    ck_assert_int_eq(poll(&wait, 1, 60000), 1);
    weir__http_client_drive(client);
}

static weir_http_client *new_client(void)
{
    weir_http_client_options options = { 0 };
    weir_http_client *client = NULL;

    ck_assert_int_eq(weir__http_client_new(&options, &client, NULL), WEIR_OK);
    return client;
}

START_TEST(five_thousand_are_under_way_at_once_and_each_gets_its_own_answer)
{
    weir_http_client *client;

    start_server();
    client = new_client();
    set_gate(CROWD); /* nobody is answered before all have asked */
    for (size_t round = 1; round <= 2; round++) {
        start_all(client, 300000);
        while (weir__http_client_is_busy(client))
            drive(client);
        for (int i = 0; i < CROWD; i++) {
            ck_assert_msg(members[i].told == 1 && members[i].code == WEIR_OK && members[i].is_own, "%d: told %d, %s",
                          i, members[i].told, members[i].message);
        }
        ck_assert_uint_eq(look(&server.requests), round * CROWD);
    }
    weir__http_client_free(client);
    stop_server();
}
END_TEST

START_TEST(a_crowd_can_be_canceled_in_part_and_freed_as_a_whole)
{
    weir_http_client *client;

    start_server();
    client = new_client();
    set_gate(3 * CROWD);
    start_all(client, 300000);
    while (look(&server.requests) < CROWD / 2)
        drive(client);
    for (int i = 0; i < CROWD; i += 3)
        weir__http_cancel(exchanges[i]);
    set_gate(1);
    while (weir__http_client_is_busy(client))
        drive(client);
    for (int i = 0; i < CROWD; i++)
        ck_assert_msg(members[i].told == (i % 3 != 0), "%d: told %d", i, members[i].told);
    set_gate(3 * CROWD);
    start_all(client, 300000);
    for (int i = 0; i < 50; i++)
        drive(client);
    weir__http_client_free(client);
    for (int i = 0; i < CROWD; i++)
        ck_assert_int_eq(members[i].told, 0);
    stop_server();
}
END_TEST

int main(void)
{
    struct rlimit limit;
    Suite *suite;
    TCase *crowd;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < DESCRIPTORS) {
        printf("1..0 # SKIP the hard limit of open files is below %d\n", (int)DESCRIPTORS);
        return EXIT_SUCCESS;
    }
    suite = suite_create("http/crowd");
    crowd = tcase_create("crowd");
    tcase_set_timeout(crowd, 300);
    tcase_add_test(crowd, five_thousand_are_under_way_at_once_and_each_gets_its_own_answer);
    tcase_add_test(crowd, a_crowd_can_be_canceled_in_part_and_freed_as_a_whole);
    suite_add_tcase(suite, crowd);
    return weir__suite_run(suite);
}
