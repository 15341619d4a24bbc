/* SPDX-License-Identifier: Apache-2.0 */
/* The server, from a bare socket: what it answers, and what it does with clients that mean no good. */
#include "status/status.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

#ifdef WITH_STATUS

enum { PATIENCE_MS = 60000, STALLED_AFTER_MS = 5000 };

/* Time that stands still until a test moves it. */
static _Atomic int64_t monotonic_ms = 1000;

static int64_t monotonic(void *context)
{
    (void)context;
    return atomic_load(&monotonic_ms);
}

static int64_t wall(void *context)
{
    (void)context;
    return 1795550241000;
}

static const weir_clock still_clock = { monotonic, wall, NULL };
static weir_status_server *server;

static weir_code open_at(const char *listen, weir_status_server **out, weir_error *err)
{
    weir_status_options options = { .listen = listen, .job = "orders", .host = "run", .threads = 2,
                                    .stalled_after_ms = STALLED_AFTER_MS, .clock = &still_clock };

    return weir__status_open(&options, out, err);
}

static void set_up(void)
{
    weir_error err = { .code = WEIR_OK };

    (void)signal(SIGPIPE, SIG_IGN);
    ck_assert_msg(open_at("127.0.0.1:0", &server, &err) == WEIR_OK, "%s", err.message);
    ck_assert_int_gt(weir__status_port(server), 0);
}

static void tear_down(void)
{
    weir__status_close(server);
}

/* ---- a client ---------------------------------------------------------------------------------------------------- */

static int client(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)weir__status_port(server)),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);

        if (sent <= 0)
            return; /* it was closed: what it said before is still there to be read */
        text += sent;
        size -= (size_t)sent;
    }
}

/* All that the server says until it closes; "" when it closes without a word. */
static const char *hear(int fd)
{
    static char text[1 << 20];
    size_t size = 0;

    for (;;) {
        struct pollfd poller = { fd, POLLIN, 0 };
        ssize_t got;

        ck_assert_int_eq(poll(&poller, 1, PATIENCE_MS), 1);
        got = recv(fd, text + size, sizeof text - 1 - size, 0);
        if (got <= 0)
            break;
        size += (size_t)got;
    }
    text[size] = '\0';
    ck_assert_int_eq(close(fd), 0);
    return text;
}

static const char *ask(const char *request)
{
    int fd = client();

    say(fd, request, strlen(request));
    return hear(fd);
}

static const char *ask_for(const char *method, const char *path)
{
    char request[512];

    (void)snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, path);
    return ask(request);
}

static void begins(const char *answer, const char *start)
{
    ck_assert_msg(strncmp(answer, start, strlen(start)) == 0, "no %s in: %s", start, answer);
}

static void has(const char *answer, const char *part)
{
    ck_assert_msg(strstr(answer, part) != NULL, "no %s in: %s", part, answer);
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");

    ck_assert_msg(end != NULL, "no answer: %s", answer);
    return end + 4;
}

static void publish(size_t thread, weir_status_thread_state state)
{
    weir_status_thread part = { .state = state, .records = 7 };

    weir__status_publish(server, thread, &part, atomic_load(&monotonic_ms));
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

START_TEST(the_pages_answer_with_their_types)
{
    const char *answer;

    publish(0, WEIR__STATUS_THREAD_RUNNING);
    publish(1, WEIR__STATUS_THREAD_RUNNING);
    answer = ask_for("GET", "/health");
    begins(answer, "HTTP/1.1 200 ");
    has(answer, "\r\nContent-Type: application/json; charset=utf-8\r\n");
    has(answer, "\r\nCache-Control: no-store\r\n");
    has(answer, "\r\nConnection: close\r\n");
    ck_assert_str_eq(body_of(answer), "{\"status\":\"healthy\",\"job\":\"orders\"}\n");
    answer = ask_for("GET", "/ready");
    begins(answer, "HTTP/1.1 200 ");
    answer = ask_for("GET", "/tasks");
    begins(answer, "HTTP/1.1 200 ");
    ck_assert_str_eq(body_of(answer), "{\"job\":\"orders\",\"time_ms\":1795550241000,\"tasks\":[]}\n");
    answer = ask_for("GET", "/metrics");
    begins(answer, "HTTP/1.1 200 ");
    has(answer, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    has(answer, "\nweir_records_total{thread=\"1\"} 7\n");
    has(answer, "\nweir_resident_memory_bytes ");
    answer = ask_for("GET", "/");
    begins(answer, "HTTP/1.1 200 ");
    has(answer, "/metrics");
    answer = ask_for("GET", "/health?verbose=1");
    begins(answer, "HTTP/1.1 200 ");
}
END_TEST

START_TEST(health_and_readiness_follow_what_the_loops_tell)
{
    const char *answer = ask_for("GET", "/ready");

    begins(answer, "HTTP/1.1 503 ");
    has(answer, "\"thread 0 is opening what it needs\"");
    begins(ask_for("GET", "/health"), "HTTP/1.1 200 ");
    publish(0, WEIR__STATUS_THREAD_RUNNING);
    publish(1, WEIR__STATUS_THREAD_RUNNING);
    begins(ask_for("GET", "/ready"), "HTTP/1.1 200 ");
    atomic_fetch_add(&monotonic_ms, STALLED_AFTER_MS);
    weir__status_beat(server, 0, atomic_load(&monotonic_ms));
    answer = ask_for("GET", "/health");
    begins(answer, "HTTP/1.1 503 ");
    ck_assert_str_eq(body_of(answer), "{\"status\":\"stalled\",\"job\":\"orders\",\"reasons\":[\"thread 1 has shown no "
                                      "sign of life for 5000 ms\"]}\n");
    weir__status_beat(server, 1, atomic_load(&monotonic_ms));
    begins(ask_for("GET", "/health"), "HTTP/1.1 200 ");
}
END_TEST

START_TEST(head_answers_as_get_without_the_body)
{
    const char *answer = ask_for("HEAD", "/tasks");

    begins(answer, "HTTP/1.1 200 ");
    has(answer, "\r\nContent-Length: 52\r\n");
    ck_assert_str_eq(body_of(answer), "");
    answer = ask_for("HEAD", "/none");
    begins(answer, "HTTP/1.1 404 ");
    ck_assert_str_eq(body_of(answer), "");
}
END_TEST

START_TEST(an_unknown_path_is_404_whatever_is_in_it)
{
    const char *answer = ask_for("GET", "/a\"b%0a%ff");

    begins(answer, "HTTP/1.1 404 ");
    has(answer, "\r\nContent-Type: application/json; charset=utf-8\r\n");
    ck_assert_str_eq(body_of(answer), "{\"error\":\"no such page\",\"path\":\"/a\\\"b\\u000a\xEF\xBF\xBD\","
                                      "\"pages\":[\"/health\",\"/ready\",\"/metrics\",\"/tasks\"]}\n");
    begins(ask_for("GET", "/Health"), "HTTP/1.1 404 ");
    begins(ask_for("GET", "/health/"), "HTTP/1.1 404 ");
    begins(ask_for("GET", "//health"), "HTTP/1.1 404 ");
    begins(ask_for("GET", "/../etc/passwd"), "HTTP/1.1 404 ");
    begins(ask_for("POST", "/none"), "HTTP/1.1 404 ");
}
END_TEST

START_TEST(another_method_is_405_and_says_which_are_answered)
{
    static const char *const methods[] = { "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "FROB" };

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const char *answer = ask_for(methods[i], "/metrics");
        char body[128];

        begins(answer, "HTTP/1.1 405 ");
        has(answer, "\r\nAllow: GET, HEAD\r\n");
        (void)snprintf(body, sizeof body, "{\"error\":\"only GET and HEAD are answered\",\"method\":\"%s\"}\n",
                       methods[i]);
        ck_assert_str_eq(body_of(answer), body);
    }
    begins(ask("POST /tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nabc"), "HTTP/1.1 405 ");
}
END_TEST

/* ---- clients that mean no good ----------------------------------------------------------------------------------- */

static void still_answers(void)
{
    begins(ask_for("GET", "/health"), "HTTP/1.1 200 ");
}

START_TEST(headers_that_are_too_long_are_refused)
{
    enum { LONG = 1 << 20 };
    char *request = malloc(LONG);
    int fd = client();

    ck_assert_ptr_nonnull(request);
    memset(request, 'a', LONG);
    memcpy(request, "GET /health HTTP/1.1\r\nX: ", 25);
    say(fd, request, LONG);
    ck_assert_ptr_null(strstr(hear(fd), "healthy"));
    memcpy(request, "GET /aaaaaaaaaaaaaaaaaaaa", 25);
    fd = client();
    say(fd, request, LONG);
    ck_assert_ptr_null(strstr(hear(fd), "healthy"));
    free(request);
    still_answers();
}
END_TEST

START_TEST(what_is_no_http_is_refused)
{
    ck_assert_ptr_null(strstr(ask("\x16\x03\x01\x02\xff\x01\xff\r\n\r\n\r\n"), "healthy"));
    ck_assert_ptr_null(strstr(ask("GET\r\n\r\n"), "healthy"));
    ck_assert_ptr_null(strstr(ask("GET /health HTTP/9.9\r\n\r\n"), "healthy"));
    still_answers();
}
END_TEST

START_TEST(clients_that_hold_connections_open_shut_nobody_out)
{
    enum { HELD = 500 };
    static int held[HELD];

    for (size_t i = 0; i < HELD; i++) {
        held[i] = client();
        if (i % 3 == 0)
            say(held[i], "GET /hea", 8); /* and never the rest */
        if (i % 100 == 99)
            still_answers();
    }
    still_answers();
    for (size_t i = 0; i < HELD; i++)
        ck_assert_int_eq(close(held[i]), 0);
    still_answers();
}
END_TEST

START_TEST(thousands_of_connections_leave_nothing_behind)
{
    publish(0, WEIR__STATUS_THREAD_RUNNING);
    for (size_t i = 0; i < 3000; i++) {
        int fd = client();

        if (i % 2)
            say(fd, "GET /metrics HTTP/1.1\r\n\r\n", 25); /* and does not read the answer */
        ck_assert_int_eq(close(fd), 0);
        if (i % 500 == 0)
            still_answers();
    }
    still_answers();
}
END_TEST

START_TEST(a_second_request_on_a_connection_is_not_answered)
{
    const char *answer = ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n");

    begins(answer, "HTTP/1.1 200 ");
    ck_assert_ptr_null(strstr(answer + 1, "HTTP/1.1"));
}
END_TEST

START_TEST(it_closes_while_clients_are_connected)
{
    int half = client(), silent = client();

    say(half, "GET /", 5);
    weir__status_close(server);
    server = NULL;
    ck_assert_str_eq(hear(half), "");
    ck_assert_str_eq(hear(silent), "");
}
END_TEST

/* ---- opening ----------------------------------------------------------------------------------------------------- */

START_TEST(a_port_in_use_and_a_wrong_address_are_refused)
{
    weir_status_server *second = NULL;
    weir_error err = { .code = WEIR_OK };
    char listen[64];

    (void)snprintf(listen, sizeof listen, "127.0.0.1:%d", weir__status_port(server));
    ck_assert_int_eq(open_at(listen, &second, &err), WEIR_IO);
    has(err.message, "is in use by another process; give another port, or 0 for any free one");
    ck_assert_int_eq(open_at("nonsense", &second, &err), WEIR_CONFIG);
    ck_assert_ptr_null(second);
}
END_TEST

START_TEST(a_port_is_free_again_at_once)
{
    weir_error err = { .code = WEIR_OK };
    char listen[64];

    still_answers();
    (void)snprintf(listen, sizeof listen, "%d", weir__status_port(server));
    weir__status_close(server);
    server = NULL;
    ck_assert_msg(open_at(listen, &server, &err) == WEIR_OK, "%s", err.message);
    still_answers();
}
END_TEST

#else

START_TEST(a_build_without_the_library_says_so)
{
    weir_status_options options = { .listen = "127.0.0.1:0", .job = "x", .host = "run", .threads = 1 };
    weir_status_server *server = NULL;
    weir_error err = { .code = WEIR_OK };

    ck_assert_int_eq(weir__status_open(&options, &server, &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, "status.listen: this build has no status endpoint; leave it out, or build weir with "
                                  "libmicrohttpd");
    ck_assert_ptr_null(server);
}
END_TEST

#endif

START_TEST(without_an_address_there_is_no_server_and_every_call_does_nothing)
{
    weir_status_options options = { .listen = NULL, .job = "x", .host = "run", .threads = 1 };
    weir_status_thread part = { .records = 1 };
    weir_status_server *none = (weir_status_server *)&options;

    ck_assert_int_eq(weir__status_open(&options, &none, NULL), WEIR_OK);
    ck_assert_ptr_null(none);
    ck_assert(!weir__status_is_due(none, 0, 0));
    weir__status_publish(none, 0, &part, 0);
    weir__status_beat(none, 0, 0);
    ck_assert_int_eq(weir__status_port(none), 0);
    weir__status_close(none);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status/server");
    TCase *off = tcase_create("off");
#ifdef WITH_STATUS
    TCase *answers = tcase_create("answers"), *hostile = tcase_create("hostile"), *opening = tcase_create("opening");

    tcase_add_checked_fixture(answers, set_up, tear_down);
    tcase_add_test(answers, the_pages_answer_with_their_types);
    tcase_add_test(answers, health_and_readiness_follow_what_the_loops_tell);
    tcase_add_test(answers, head_answers_as_get_without_the_body);
    tcase_add_test(answers, an_unknown_path_is_404_whatever_is_in_it);
    tcase_add_test(answers, another_method_is_405_and_says_which_are_answered);
    suite_add_tcase(suite, answers);
    tcase_set_timeout(hostile, 120);
    tcase_add_checked_fixture(hostile, set_up, tear_down);
    tcase_add_test(hostile, headers_that_are_too_long_are_refused);
    tcase_add_test(hostile, what_is_no_http_is_refused);
    tcase_add_test(hostile, clients_that_hold_connections_open_shut_nobody_out);
    tcase_add_test(hostile, thousands_of_connections_leave_nothing_behind);
    tcase_add_test(hostile, a_second_request_on_a_connection_is_not_answered);
    tcase_add_test(hostile, it_closes_while_clients_are_connected);
    suite_add_tcase(suite, hostile);
    tcase_add_checked_fixture(opening, set_up, tear_down);
    tcase_add_test(opening, a_port_in_use_and_a_wrong_address_are_refused);
    tcase_add_test(opening, a_port_is_free_again_at_once);
    suite_add_tcase(suite, opening);
#else
    tcase_add_test(off, a_build_without_the_library_says_so);
#endif
    tcase_add_test(off, without_an_address_there_is_no_server_and_every_call_does_nothing);
    suite_add_tcase(suite, off);
    return weir__suite_run(suite);
}
