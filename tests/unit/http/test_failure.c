/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanges that come to no answer: what is surely not done, what is in doubt, what can never be taken. */
#include "support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static test_server *server;
static weir_http_client *client;
static result out;

/* ---- names without a network: curl's calls come here, as the program's symbols are found first --------------------*/

#define SEEN __attribute__((visibility("default")))
SEEN int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found);
SEEN void freeaddrinfo(struct addrinfo *found);

static pthread_mutex_t look_up = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t look_up_change = PTHREAD_COND_INITIALIZER;
static int look_ups, look_ups_at_once, look_ups_most;
static bool look_ups_hang;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } *made;

    (void)hints;
    pthread_mutex_lock(&look_up);
    look_ups++;
    look_ups_at_once++;
    if (look_ups_at_once > look_ups_most)
        look_ups_most = look_ups_at_once;
    while (look_ups_hang)
        pthread_cond_wait(&look_up_change, &look_up);
    look_ups_at_once--;
    pthread_mutex_unlock(&look_up);
    if (strstr(name, "nowhere"))
        return EAI_NONAME;
    made = calloc(1, sizeof *made);
    if (!made)
        return EAI_MEMORY;
    made->address.sin_family = AF_INET;
    made->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    made->address.sin_port = htons((uint16_t)(service ? strtoul(service, NULL, 10) : 0));
    made->info.ai_family = AF_INET;
    made->info.ai_socktype = SOCK_STREAM;
    made->info.ai_addrlen = sizeof made->address;
    made->info.ai_addr = (struct sockaddr *)&made->address;
    *found = &made->info;
    return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
    free(found);
}

static void let_look_ups_hang(bool hang)
{
    pthread_mutex_lock(&look_up);
    look_ups_hang = hang;
    pthread_cond_broadcast(&look_up_change);
    pthread_mutex_unlock(&look_up);
}

static int most_look_ups_at_once(void)
{
    int most;

    pthread_mutex_lock(&look_up);
    most = look_ups_most;
    pthread_mutex_unlock(&look_up);
    return most;
}

static int count_look_ups(void)
{
    int count;

    pthread_mutex_lock(&look_up);
    count = look_ups;
    pthread_mutex_unlock(&look_up);
    return count;
}

/* ---- the kernel has no room, on demand (linked with --wrap) ------------------------------------------------------*/

static bool epoll_is_full;
int __wrap_epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event);
int __real_epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event);

int __wrap_epoll_ctl(int epoll_fd, int what, int fd, struct epoll_event *event)
{
    if (epoll_is_full && what == EPOLL_CTL_ADD) {
        errno = ENOSPC;
        return -1;
    }
    return __real_epoll_ctl(epoll_fd, what, fd, event);
}

/* ------------------------------------------------------------------------------------------------------------------*/

static void set_up(void)
{
    server = test_server_start();
    client = new_client();
    memset(&out, 0, sizeof out);
}

static void tear_down(void)
{
    weir__http_client_free(client);
    test_server_stop(server);
}

static void fetch(const char *path)
{
    weir_http_exchange_options options = get(&out, at(server, path));

    memset(&out, 0, sizeof out);
    exchange(client, &options);
}

/* A bound port at which nobody listens, or listens without ever accepting. */
static int bind_port(int *port, int backlog)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    if (backlog >= 0)
        ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

START_TEST(a_refused_connection_is_surely_not_done)
{
    weir_http_exchange_options options = get(&out, NULL);
    char url[64], expected[128];
    int port, fd = bind_port(&port, -1);

    snprintf(url, sizeof url, "http://127.0.0.1:%d/secret-path?key=hush", port);
    snprintf(expected, sizeof expected, "POST http://127.0.0.1:%d: cannot connect: Connection refused", port);
    options.url = url;
    options.method = "POST";
    exchange(client, &options);
    ck_assert_int_eq(out.code, WEIR_NOT_DONE);
    ck_assert_int_eq(out.status, 0);
    ck_assert_str_eq(out.error.message, expected);
    ck_assert_str_eq(out.error.origin, "http");
    ck_assert_int_eq(out.error.origin_code, 7);
    ck_assert_int_eq(out.error.remedy, WEIR_REMEDY_RETRY);
    close(fd);
}
END_TEST

START_TEST(a_connection_that_never_comes_is_surely_not_done)
{
    weir_http_client_options short_of_time = { .connect_timeout_ms = 100 };
    weir_http_exchange_options options = get(&out, NULL);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    weir_http_client *other = NULL;
    char url[64];
    int port, fd = bind_port(&port, 0), fill[8];

    /* A full backlog drops what asks to connect. */
    address.sin_port = htons((uint16_t)port);
    for (size_t i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&address, sizeof address);
    }
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    options.url = url;
    options.timeout_ms = 100;
    exchange(client, &options);
    ck_assert_msg(out.code == WEIR_NOT_DONE, "%s", out.error.message);
    ck_assert_ptr_nonnull(strstr(out.error.message, ": timed out before there was a connection"));
    /* The client's own limit. */
    ck_assert_int_eq(weir__http_client_new(&short_of_time, &other, NULL), WEIR_OK);
    memset(&out, 0, sizeof out);
    options.timeout_ms = 60000;
    exchange(other, &options);
    ck_assert_msg(out.code == WEIR_NOT_DONE, "%s", out.error.message);
    weir__http_client_free(other);
    for (size_t i = 0; i < 8; i++)
        close(fill[i]);
    close(fd);
}
END_TEST

START_TEST(what_comes_after_the_request_is_in_doubt)
{
    static const struct {
        const char *path, *message;
        weir_code code;
        int status;
    } cases[] = {
        { "/drop", "the connection was cut off before an answer came", WEIR_UNKNOWN, 0 },
        { "/half", "the answer was cut off after 10 bytes of its body", WEIR_UNKNOWN, 200 },
        { "/half-chunk", "the answer was cut off after 6 bytes of its body", WEIR_UNKNOWN, 200 },
        { "/half-headers", "the answer was cut off within its headers", WEIR_UNKNOWN, 200 },
        { "/garbage", "the answer is not HTTP: ", WEIR_UNKNOWN, 0 },
        { "/packed-wrong", "the answer's body cannot be decoded", WEIR_UNKNOWN, 200 },
        { "/bad-chunk", "", WEIR_UNKNOWN, 200 },
        { "/endless", "the answer's body is over 1048576 bytes", WEIR_FAILED, 200 },
        { "/bomb", "the answer's body is over 1048576 bytes", WEIR_FAILED, 200 },
        { "/header-flood", "the answer's headers are over 256 KiB", WEIR_FAILED, 200 },
        { "/early-flood", "the answer's headers are over 256 KiB", WEIR_FAILED, 103 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fetch(cases[i].path);
        assert_failed(&out, server, cases[i].code, cases[i].message);
        ck_assert_msg(out.status == cases[i].status, "%s: status %d", cases[i].path, out.status);
        ck_assert_uint_eq(out.body_size, 0);
        ck_assert_uint_eq(test_server_requests(server), i + 1);
    }
}
END_TEST

START_TEST(an_endless_header_line_is_cut_off)
{
    fetch("/header-line");
    assert_failed(&out, server, WEIR_UNKNOWN, "the answer has a header line that is too long, or there was no memory");
}
END_TEST

START_TEST(time_is_over_from_start_to_the_last_byte)
{
    weir_http_exchange_options options = get(&out, at(server, "/slow"));

    options.timeout_ms = 100;
    exchange(client, &options);
    assert_failed(&out, server, WEIR_UNKNOWN, "timed out before an answer came");
    memset(&out, 0, sizeof out);
    options.url = at(server, "/slow-body");
    exchange(client, &options);
    assert_failed(&out, server, WEIR_UNKNOWN, "timed out before the answer was whole");
}
END_TEST

START_TEST(redirects_share_one_time_out)
{
    weir_http_exchange_options options = get(&out, at(server, "/to"));

    test_server_point(server, "/slow");
    options.timeout_ms = 200;
    exchange(client, &options);
    assert_failed(&out, server, WEIR_UNKNOWN, "timed out before an answer came");
}
END_TEST

/* Curl sends it again by itself when a kept connection ends before an answer came. */
START_TEST(nothing_is_sent_twice_over_a_kept_connection)
{
    static const char *const methods[] = { "POST", "PUT", "DELETE", "GET" };

    for (size_t i = 0; i < 4; i++) {
        weir_http_exchange_options options = get(&out, at(server, "/drop"));
        size_t before;

        fetch("/ok");
        ck_assert_int_eq(out.code, WEIR_OK);
        before = test_server_requests(server);
        memset(&out, 0, sizeof out);
        options.method = methods[i];
        exchange(client, &options);
        assert_failed(&out, server, WEIR_UNKNOWN,
                      "the connection, kept from before, was cut off before an answer came");
        ck_assert_uint_eq(test_server_requests(server), before + 1);
        ck_assert_ptr_nonnull(strstr(test_server_request(server, before), "/drop"));
    }
}
END_TEST

START_TEST(a_kept_connection_that_is_closed_meanwhile_is_not_used)
{
    test_server *other = test_server_start();
    weir_http_exchange_options options = get(&out, at(other, "/ok"));
    int port = test_server_port(other);

    exchange(client, &options);
    ck_assert_int_eq(out.code, WEIR_OK);
    test_server_stop(other);
    memset(&out, 0, sizeof out);
    {
        char url[64];

        snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", port);
        options.url = url;
        options.method = "POST";
        exchange(client, &options);
    }
    ck_assert_msg(out.code == WEIR_NOT_DONE, "%s", out.error.message);
    ck_assert_ptr_nonnull(strstr(out.error.message, "cannot connect: Connection refused"));
}
END_TEST

START_TEST(a_name_without_an_address_is_surely_not_done)
{
    static result many[10];

    for (size_t i = 0; i < 10; i++) {
        weir_http_exchange_options options = get(&many[i], "http://nowhere.example/");

        (void)start(client, &options);
    }
    while (weir__http_client_is_busy(client))
        drive(client);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_int_eq(many[i].told, 1);
        ck_assert_int_eq(many[i].code, WEIR_NOT_DONE);
        ck_assert_str_eq(many[i].error.message, "GET http://nowhere.example:80: its name has no address, or nobody "
                                                "who knows it answers");
    }
    ck_assert_int_eq(count_look_ups(), 1);
}
END_TEST

START_TEST(a_name_is_looked_up_once_for_all_who_need_it)
{
    static result many[100];
    char url[64];

    snprintf(url, sizeof url, "http://somewhere.example:%d/ok", test_server_port(server));
    for (size_t i = 0; i < 100; i++) {
        weir_http_exchange_options options = get(&many[i], url);

        (void)start(client, &options);
    }
    while (weir__http_client_is_busy(client))
        drive(client);
    for (size_t i = 0; i < 100; i++)
        ck_assert_msg(many[i].told == 1 && many[i].code == WEIR_OK, "%s", many[i].error.message);
    ck_assert_int_eq(count_look_ups(), 1);
}
END_TEST

START_TEST(a_look_up_that_hangs_blocks_neither_others_nor_time_outs_nor_the_end)
{
    static result stuck[200];
    weir_http_exchange *last = NULL;

    let_look_ups_hang(true);
    for (size_t i = 0; i < 200; i++) {
        weir_http_exchange_options options = get(&stuck[i], NULL);
        char url[64];

        snprintf(url, sizeof url, "http://host-%zu.example/", i / 2);
        options.url = url;
        options.timeout_ms = i < 100 ? 200 : 15000;
        last = start(client, &options);
    }
    fetch("/ok"); /* by its address */
    ck_assert_int_eq(out.code, WEIR_OK);
    for (size_t i = 0; i < 100; i++) {
        while (!stuck[i].told)
            drive(client);
        ck_assert_int_eq(stuck[i].code, WEIR_NOT_DONE);
        ck_assert_ptr_nonnull(strstr(stuck[i].error.message, "timed out before there was a connection"));
    }
    weir__http_cancel(last);
    weir__http_client_free(client);
    client = NULL;
    ck_assert_int_eq(stuck[199].told, 0);
    ck_assert_int_ge(most_look_ups_at_once(), 2);
    let_look_ups_hang(false);
}
END_TEST

START_TEST(a_client_without_sockets_says_so)
{
    struct rlimit limit;
    result many[3] = { 0 };
    int spare[4096];
    size_t count = 0;

    fetch("/ok"); /* what curl opens once, it has open by now */
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 256;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (count < 4096 && (spare[count] = open("/dev/null", O_RDONLY)) >= 0)
        count++;
    for (size_t i = 0; i < 3; i++) {
        weir_http_exchange_options options = get(&many[i], "http://127.0.0.1:1/");

        (void)start(client, &options);
    }
    while (weir__http_client_is_busy(client))
        drive(client);
    while (count > 0)
        close(spare[--count]);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(many[i].code, WEIR_NOT_DONE);
        ck_assert_str_eq(many[i].error.message, "GET http://127.0.0.1:1: no socket (ulimit -n says how many there may "
                                                "be): Too many open files");
    }
    fetch("/ok");
    ck_assert_int_eq(out.code, WEIR_OK);
}
END_TEST

START_TEST(a_full_epoll_set_fails_what_is_under_way_and_nothing_later)
{
    weir_http_client_options one_handle = { .max_connections = 1 };
    result asked = { 0 };
    weir_http_exchange_options options = get(&asked, at(server, "/slow"));

    weir__http_client_free(client);
    ck_assert_int_eq(weir__http_client_new(&one_handle, &client, NULL), WEIR_OK);
    (void)start(client, &options);
    while (test_server_requests(server) == 0)
        weir__http_client_drive(client);
    epoll_is_full = true;
    fetch("/ok");
    assert_failed(&out, server, WEIR_NOT_DONE, "");
    assert_failed(&asked, server, WEIR_UNKNOWN, "");
    epoll_is_full = false;
    fetch("/ok");
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http/failure");
    TCase *failures = tcase_create("failures");

    tcase_add_checked_fixture(failures, set_up, tear_down);
    tcase_set_timeout(failures, 60);
    tcase_add_test(failures, a_refused_connection_is_surely_not_done);
    tcase_add_test(failures, a_connection_that_never_comes_is_surely_not_done);
    tcase_add_test(failures, what_comes_after_the_request_is_in_doubt);
    tcase_add_test(failures, an_endless_header_line_is_cut_off);
    tcase_add_test(failures, time_is_over_from_start_to_the_last_byte);
    tcase_add_test(failures, redirects_share_one_time_out);
    tcase_add_test(failures, nothing_is_sent_twice_over_a_kept_connection);
    tcase_add_test(failures, a_kept_connection_that_is_closed_meanwhile_is_not_used);
    tcase_add_test(failures, a_name_without_an_address_is_surely_not_done);
    tcase_add_test(failures, a_name_is_looked_up_once_for_all_who_need_it);
    tcase_add_test(failures, a_look_up_that_hangs_blocks_neither_others_nor_time_outs_nor_the_end);
    tcase_add_test(failures, a_client_without_sockets_says_so);
    tcase_add_test(failures, a_full_epoll_set_fails_what_is_under_way_and_nothing_later);
    suite_add_tcase(suite, failures);
    return weir__suite_run(suite);
}
