/* SPDX-License-Identifier: Apache-2.0 */
/* An exchange that comes to an answer: what is sent, what is told, redirects, secrets, reuse. */
#include "support.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static test_server *server;
static weir_http_client *client;
static result out;

/* Checked fixtures run in the test's own process, which is the one that may have threads. */
static void set_up(void)
{
    unsetenv("WEIR_TEST_SECRET");
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

START_TEST(an_answer_is_told_once_with_status_headers_and_body)
{
    fetch("/ok");
    ck_assert_int_eq(out.told, 1);
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_int_eq(out.status, 200);
    ck_assert_str_eq(out.body, "hello");
    ck_assert_str_eq(out.headers, "{\"content-length\":\"5\"}");
    ck_assert_int_eq(out.retry_after_ms, -1);
    ck_assert(!weir__http_client_is_busy(client));
}
END_TEST

START_TEST(any_status_is_an_answer)
{
    static const int statuses[] = { 201, 204, 300, 304, 400, 401, 404, 407, 417, 429, 500, 503, 599, 999 };

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char path[32];

        snprintf(path, sizeof path, "/status/%d", statuses[i]);
        fetch(path);
        ck_assert_msg(out.code == WEIR_OK, "%d: %s", statuses[i], out.error.message);
        ck_assert_int_eq(out.status, statuses[i]);
    }
}
END_TEST

START_TEST(done_is_called_from_drive_alone)
{
    weir_http_exchange_options options = get(&out, "nonsense");

    (void)start(client, &options);
    ck_assert_int_eq(out.told, 0);
    ck_assert(weir__http_client_is_busy(client));
    drive(client);
    ck_assert_int_eq(out.told, 1);
    ck_assert_int_eq(out.code, WEIR_INVALID);
    ck_assert(!weir__http_client_is_busy(client));
}
END_TEST

START_TEST(headers_are_one_object_of_text)
{
    fetch("/headers");
    ck_assert_str_eq(out.headers, "{\"content-length\":\"0\",\"set-cookie\":\"a=1\\nb=2\",\"x-bad\":\"\xEF\xBF\xBD"
                                  "\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\",\"x-empty\":\"\","
                                  "\"x-fold\":\"a   b\",\"x-one\":\"a, b\",\"x-tab\":\"a\\u0009b\","
                                  "\"x-two\":\"\\\"q\\\\\"}");
}
END_TEST

START_TEST(early_answers_and_trailers_are_not_the_answers_headers)
{
    fetch("/early");
    ck_assert_str_eq(out.headers, "{\"content-length\":\"4\"}");
    ck_assert_int_eq(out.status, 200);
    fetch("/trailer");
    ck_assert_str_eq(out.headers, "{\"transfer-encoding\":\"chunked\",\"x-a\":\"1\"}");
    ck_assert_str_eq(out.body, "ab");
}
END_TEST

START_TEST(an_answer_without_a_length_ends_with_its_connection)
{
    fetch("/to-the-end");
    ck_assert_int_eq(out.code, WEIR_OK);
    ck_assert_str_eq(out.body, "all of it");
}
END_TEST

START_TEST(a_packed_body_is_unpacked)
{
    fetch("/packed");
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_uint_eq(out.body_size, 1000);
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "Accept-Encoding: "));
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "gzip"));
}
END_TEST

START_TEST(what_is_asked_is_what_was_given)
{
    static const char *const headers[] = { "Content-Type: application/json", "X-Empty:", "x-dollar: $${env:A}", NULL };
    weir_http_exchange_options options = get(&out, at(server, "/echo?a=\xC3\xA4#part"));

    options.method = "POST";
    options.headers = headers;
    options.body = weir__bytes("{\"a\":\0}", 7);
    options.idempotency_key = "k-1";
    exchange(client, &options);
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "POST /echo?a=%c3%a4 HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nContent-Type: application/json\r\n"));
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nX-Empty:\r\n"));
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nx-dollar: ${env:A}\r\n"));
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nIdempotency-Key: k-1\r\n"));
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nUser-Agent: weir/" PACKAGE_VERSION "\r\n"));
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nContent-Length: 7\r\n"));
    ck_assert_ptr_null(strcasestr(test_server_request(server, 0), "\r\nExpect:"));
}
END_TEST

START_TEST(methods_are_sent_with_and_without_bodies)
{
    static const struct {
        const char *method;
        bool has_body;
        const char *expected;
    } cases[] = { { "GET", true, "Content-Length: 2\r\n" },    { "DELETE", false, NULL },
                  { "DELETE", true, "Content-Length: 2\r\n" }, { "PUT", false, "Content-Length: 0\r\n" },
                  { "POST", false, "Content-Length: 0\r\n" },  { "PATCH", true, "Content-Length: 2\r\n" },
                  { "OPTIONS", false, NULL },                  { "PROPFIND", true, "Content-Length: 2\r\n" } };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_http_exchange_options options = get(&out, at(server, "/ok"));
        const char *request;
        char line[64];

        memset(&out, 0, sizeof out);
        options.method = cases[i].method;
        if (cases[i].has_body)
            options.body = weir__bytes_text("ab");
        exchange(client, &options);
        ck_assert_msg(out.code == WEIR_OK, "%s: %s", cases[i].method, out.error.message);
        request = test_server_request(server, i);
        snprintf(line, sizeof line, "%s /ok HTTP/1.1\r\n", cases[i].method);
        ck_assert_msg(strncmp(request, line, strlen(line)) == 0, "%s", request);
        ck_assert_msg(cases[i].expected ? strstr(request, cases[i].expected) != NULL
                                        : strstr(request, "Content-Length") == NULL,
                      "%s", request);
        ck_assert_ptr_null(strstr(request, "Content-Type"));
    }
}
END_TEST

START_TEST(a_head_has_no_body)
{
    weir_http_exchange_options options = get(&out, at(server, "/ok"));

    options.method = "HEAD";
    exchange(client, &options);
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_str_eq(out.headers, "{\"content-length\":\"5\"}");
    ck_assert_uint_eq(out.body_size, 0);
}
END_TEST

START_TEST(a_large_body_is_sent_whole)
{
    static char body[700000];
    weir_http_exchange_options options = get(&out, at(server, "/ok"));
    const char *request;

    memset(body, 'x', sizeof body);
    options.method = "POST";
    options.body = weir__bytes(body, sizeof body);
    exchange(client, &options);
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    request = test_server_request(server, 0);
    ck_assert_uint_eq(strlen(strstr(request, "\r\n\r\n") + 4), sizeof body);
}
END_TEST

START_TEST(an_idempotency_key_that_is_a_header_stays)
{
    static const char *const headers[] = { "idempotency-key: mine", NULL };
    weir_http_exchange_options options = get(&out, at(server, "/ok"));

    options.headers = headers;
    options.idempotency_key = "yours";
    exchange(client, &options);
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nidempotency-key: mine\r\n"));
    ck_assert_ptr_null(strstr(test_server_request(server, 0), "yours"));
}
END_TEST

START_TEST(retry_after_is_told_in_milliseconds)
{
    fetch("/retry/7");
    ck_assert_int_eq(out.retry_after_ms, 7000);
    ck_assert_int_eq(out.status, 503);
    fetch("/retry/0");
    ck_assert_int_eq(out.retry_after_ms, 0);
    fetch("/retry/2000000000");
    ck_assert_int_eq(out.retry_after_ms, 3600000);
    fetch("/retry-date");
    ck_assert_int_ge(out.retry_after_ms, 90000);
    ck_assert_int_le(out.retry_after_ms, 100000);
    fetch("/retry-past");
    ck_assert_int_eq(out.retry_after_ms, 0);
    fetch("/retry-nonsense");
    ck_assert_int_eq(out.retry_after_ms, -1);
    fetch("/retry/-1");
    ck_assert_int_eq(out.retry_after_ms, -1);
}
END_TEST

/* ---- redirects ---------------------------------------------------------------------------------------------------*/

START_TEST(ten_redirects_are_followed_and_no_more)
{
    fetch("/hops/10");
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_str_eq(out.body, "there");
    ck_assert_uint_eq(test_server_requests(server), 11);
    ck_assert_uint_eq(test_server_connections(server), 1);
    fetch("/hops/11");
    assert_failed(&out, server, WEIR_FAILED, "more than 10 redirects");
    ck_assert_str_eq(out.error.origin, "http");
    ck_assert_int_eq(out.error.origin_code, 301);
    fetch("/loop");
    assert_failed(&out, server, WEIR_FAILED, "more than 10 redirects");
}
END_TEST

START_TEST(a_head_follows_and_stays_a_head)
{
    weir_http_exchange_options options = get(&out, at(server, "/to"));

    test_server_point(server, "/ok");
    options.method = "HEAD";
    exchange(client, &options);
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_int_eq(out.status, 200);
    ck_assert_int_eq(strncmp(test_server_request(server, 1), "HEAD /ok ", 9), 0);
}
END_TEST

START_TEST(a_post_gets_its_redirect_as_the_answer)
{
    weir_http_exchange_options options = get(&out, at(server, "/to"));

    test_server_point(server, "/ok");
    options.method = "POST";
    exchange(client, &options);
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_int_eq(out.status, 307);
    ck_assert_str_eq(out.headers, "{\"content-length\":\"5\",\"location\":\"/ok\"}");
    ck_assert_uint_eq(test_server_requests(server), 1);
}
END_TEST

START_TEST(only_the_web_is_redirected_to)
{
    test_server_point(server, "file:///etc/passwd");
    fetch("/to");
    assert_failed(&out, server, WEIR_FAILED, "scheme 'file' is not http or https");
    test_server_point(server, "http://[nonsense/");
    fetch("/to");
    assert_failed(&out, server, WEIR_FAILED, "it redirects to no URL: ");
    ck_assert_uint_eq(test_server_requests(server), 2);
}
END_TEST

START_TEST(secrets_stay_with_their_origin)
{
    static const char *const headers[] = { "Authorization: Basic YTpi", "X-Key: ${env:WEIR_TEST_SECRET}",
                                           "Cookie: a=1", "X-Plain: yes", NULL };
    weir_http_exchange_options options = get(&out, at(server, "/to"));
    test_server *other = test_server_start();
    const char *request;

    setenv("WEIR_TEST_SECRET", "hush-hush", 1);
    options.headers = headers;
    test_server_point(server, "/echo");
    exchange(client, &options);
    ck_assert_ptr_nonnull(strstr(out.body, "Authorization: Basic YTpi\r\n"));
    ck_assert_ptr_nonnull(strstr(out.body, "X-Key: hush-hush\r\n"));
    ck_assert_ptr_nonnull(strstr(out.body, "Cookie: a=1\r\n"));

    memset(&out, 0, sizeof out);
    test_server_point(server, at(other, "/echo"));
    exchange(client, &options);
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    request = test_server_request(other, 0);
    ck_assert_ptr_nonnull(strstr(request, "X-Plain: yes\r\n"));
    ck_assert_ptr_null(strcasestr(request, "authorization"));
    ck_assert_ptr_null(strcasestr(request, "cookie"));
    ck_assert_ptr_null(strstr(request, "hush"));

    /* Neither a user of the first URL nor one that the redirect names. */
    memset(&out, 0, sizeof out);
    options.headers = NULL;
    {
        char url[256], to[256];

        snprintf(url, sizeof url, "http://me:pass@127.0.0.1:%d/to", test_server_port(server));
        snprintf(to, sizeof to, "http://you:word@127.0.0.1:%d/echo", test_server_port(other));
        test_server_point(server, to);
        options.url = url;
        exchange(client, &options);
    }
    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_ptr_nonnull(strcasestr(test_server_request(server, test_server_requests(server) - 1), "authorization"));
    ck_assert_ptr_null(strcasestr(test_server_request(other, 1), "authorization"));
    test_server_stop(other);
}
END_TEST

START_TEST(a_redirect_into_the_void_is_in_doubt)
{
    test_server_point(server, "http://127.0.0.1:1/");
    fetch("/to");
    ck_assert_int_eq(out.code, WEIR_UNKNOWN);
    ck_assert_str_eq(out.error.message, "GET http://127.0.0.1:1: cannot connect: Connection refused");
}
END_TEST

/* ---- secrets -----------------------------------------------------------------------------------------------------*/

START_TEST(secrets_are_filled_in_and_never_told)
{
    char path[] = "/tmp/weir-http-XXXXXX", from_file[128];
    const char *headers[] = { "Authorization: Bearer ${env:WEIR_TEST_SECRET}", from_file, NULL };
    static const char *const failing[] = { "/garbage", "/half", "/half-headers", "/drop", "/bad-chunk", "/loop" };
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "word\n", 5), 5);
    close(fd);
    setenv("WEIR_TEST_SECRET", "hush-hush", 1);
    snprintf(from_file, sizeof from_file, "X-File: <${file:%s}>", path);
    {
        weir_http_exchange_options options = get(&out, at(server, "/ok"));

        options.headers = headers;
        exchange(client, &options);
    }
    unlink(path);
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nAuthorization: Bearer hush-hush\r\n"));
    ck_assert_ptr_nonnull(strstr(test_server_request(server, 0), "\r\nX-File: <word>\r\n"));
    headers[1] = NULL;
    for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
        weir_http_exchange_options options = get(&out, at(server, failing[i]));

        memset(&out, 0, sizeof out);
        options.headers = headers;
        exchange(client, &options);
        ck_assert_int_ne(out.code, WEIR_OK);
        ck_assert_ptr_null(strstr(out.error.message, "hush"));
    }
}
END_TEST

static void refuse(const char *method, const char *url, const char *header, weir_code code, const char *message)
{
    const char *headers[] = { header, NULL };
    weir_http_exchange_options options = get(&out, url);

    memset(&out, 0, sizeof out);
    options.method = method;
    options.headers = headers;
    exchange(client, &options);
    ck_assert_int_eq(out.told, 1);
    ck_assert_msg(out.code == code, "%s", out.error.message);
    ck_assert_msg(strstr(out.error.message, message), "'%s', '%s' expected", out.error.message, message);
    ck_assert_int_eq(out.error.remedy, WEIR_REMEDY_FIX);
    ck_assert_ptr_null(strstr(out.error.message, "hush"));
}

START_TEST(a_secret_that_is_not_there_is_told_by_its_name)
{
    refuse("GET", at(server, "/ok"), "Authorization: ${env:WEIR_TEST_SECRET}", WEIR_CONFIG,
           ": header 'Authorization': environment variable 'WEIR_TEST_SECRET' is not set");
    refuse("GET", at(server, "/ok"), "X-A: ${file:/nowhere/at-all}", WEIR_CONFIG,
           "header 'X-A': file '/nowhere/at-all': No such file or directory");
    ck_assert_uint_eq(test_server_requests(server), 0);
}
END_TEST

START_TEST(what_is_no_request_is_refused)
{
    static const struct {
        const char *method, *path, *header, *message;
    } cases[] = {
        { "", "/ok", NULL, "the method is empty, too long or no token" },
        { "GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", "/ok", NULL, "the method is empty, too long or no token" },
        { "CONNECT", "/ok", NULL, "CONNECT is no method of a request" },
        { "GET", "/ok HTTP/1.1\r\nX: y", NULL, "a blank or control character in the URL" },
        { "GET", "/o\x7Fk", NULL, "a blank or control character in the URL" },
        { "GET", "/ok", "A: b\r\nC: d", "header 'A': a line break or control character in its value" },
        { "GET", "/ok", "A: b\nC: d", "header 'A': a line break or control character in its value" },
        { "GET", "/ok", "A: \x01", "header 'A': a line break or control character in its value" },
        { "GET", "/ok", "A: ${env:WEIR_TEST_SECRET}",
          "header 'A': a line break or control character in its value, once filled in" },
        { "GET", "/ok", "A\r\nB: c", "a header whose name is empty, too long or no token" },
        { "GET", "/ok", "A : c", "a header whose name is empty, too long or no token" },
        { "GET", "/ok", ": c", "a header whose name is empty, too long or no token" },
        { "GET", "/ok", "${env:A}: c", "a header whose name is empty, too long or no token" },
        { "GET", "/ok", "hush;", "a header without a colon" },
        { "GET", "/ok", "content-LENGTH: 5", "header 'content-LENGTH' is set by the client itself" },
        { "POST", "/ok", "Transfer-Encoding: chunked", "is set by the client itself" },
    };

    setenv("WEIR_TEST_SECRET", "hush\r\nX-Injected: yes", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuse(cases[i].method, at(server, cases[i].path), cases[i].header, WEIR_INVALID, cases[i].message);
    refuse("GET", "127.0.0.1/ok", NULL, WEIR_INVALID, "no URL: ");
    refuse("GET", "ftp://127.0.0.1/ok", NULL, WEIR_INVALID, "scheme 'ftp' is not http or https");
    refuse("GET", "file:///etc/passwd", NULL, WEIR_INVALID, "scheme 'file' is not http or https");
    refuse("GET", "http://127.0.0.1:99999/", NULL, WEIR_INVALID, "no URL: ");
    refuse("GET", "http://me:hush@[/", NULL, WEIR_INVALID, "no URL: ");
    refuse("GET", "", NULL, WEIR_INVALID, "no URL: ");
    refuse("GET", NULL, NULL, WEIR_INVALID, "no URL");
    {
        weir_http_exchange_options options = get(&out, at(server, "/ok"));

        options.timeout_ms = 0;
        memset(&out, 0, sizeof out);
        exchange(client, &options);
        ck_assert_int_eq(out.code, WEIR_INVALID);
        ck_assert_str_eq(out.error.message, "time-out of 0 ms, at least 1 expected");
    }
    {
        static char large[70000];

        snprintf(large, sizeof large, "http://127.0.0.1/");
        memset(large + strlen(large), 'x', sizeof large - strlen(large) - 1);
        refuse("GET", large, NULL, WEIR_INVALID, "the URL is over 64 KiB");
    }
    {
        static char large[300000];

        memset(large, 'x', sizeof large - 1);
        large[1] = ':';
        refuse("GET", at(server, "/ok"), large, WEIR_INVALID, "headers are over 256 KiB");
    }
    ck_assert_uint_eq(test_server_requests(server), 0);
}
END_TEST

/* ---- connections -------------------------------------------------------------------------------------------------*/

START_TEST(a_connection_is_used_again)
{
    for (int i = 0; i < 5; i++)
        fetch("/ok");
    ck_assert_uint_eq(test_server_requests(server), 5);
    ck_assert_uint_eq(test_server_connections(server), 1);
}
END_TEST

START_TEST(as_many_connections_are_kept_as_were_needed)
{
    static result many[20];

    for (int round = 0; round < 3; round++) {
        memset(many, 0, sizeof many);
        for (size_t i = 0; i < 20; i++) {
            weir_http_exchange_options options = get(&many[i], at(server, "/ok"));

            (void)start(client, &options);
        }
        while (weir__http_client_is_busy(client))
            drive(client);
        for (size_t i = 0; i < 20; i++)
            ck_assert_msg(many[i].told == 1 && many[i].code == WEIR_OK, "%s", many[i].error.message);
    }
    ck_assert_uint_eq(test_server_requests(server), 60);
    ck_assert_uint_le(test_server_connections(server), 20);
}
END_TEST

typedef struct chain {
    int left;
    int told;
    weir_http_exchange *other;
} chain;

static void go_on(void *context, const weir_http_outcome *outcome)
{
    chain *own = context;
    weir_http_exchange_options options = get(NULL, own->left % 2 ? "nonsense" : at(server, "/ok"));
    weir_http_exchange *next;

    (void)outcome;
    own->told++;
    options.done = go_on;
    options.context = own;
    if (own->other) {
        weir__http_cancel(own->other);
        own->other = NULL;
    }
    if (own->left-- > 0)
        next = start(client, &options);
    (void)next;
}

START_TEST(others_can_be_started_and_canceled_in_done)
{
    weir_http_exchange_options options = get(&out, at(server, "/ok"));
    weir_http_exchange_options other = get(&out, "nonsense");
    chain own = { .left = 6 };

    options.done = go_on;
    options.context = &own;
    options.url = "nonsense";
    (void)start(client, &options);
    own.other = start(client, &other); /* told in the same drive, right behind it */
    while (weir__http_client_is_busy(client))
        drive(client);
    ck_assert_int_eq(own.told, 7);
    ck_assert_int_eq(out.told, 0);
}
END_TEST

START_TEST(what_is_canceled_is_never_told)
{
    static const char *const paths[] = { "/slow", "/slow-body", "/ok" };

    for (size_t i = 0; i < 3; i++) {
        weir_http_exchange_options options = get(&out, at(server, paths[i]));
        weir_http_exchange *exchange = start(client, &options);
        size_t before = test_server_requests(server);

        if (i == 2) { /* before it went anywhere */
            weir__http_cancel(exchange);
            ck_assert(!weir__http_client_is_busy(client));
            continue;
        }
        while (test_server_requests(server) == before)
            weir__http_client_drive(client);
        weir__http_cancel(exchange);
        ck_assert(!weir__http_client_is_busy(client));
    }
    fetch("/ok");
    ck_assert_int_eq(out.told, 1);
}
END_TEST

START_TEST(a_client_is_freed_with_exchanges_under_way)
{
    weir_http_client *other = new_client();
    weir_http_exchange_options slow = get(&out, at(server, "/slow")), wrong = get(&out, "nonsense");

    for (int i = 0; i < 100; i++)
        (void)start(other, &slow);
    while (test_server_requests(server) < 10)
        weir__http_client_drive(other);
    (void)start(other, &wrong);
    (void)start(other, &slow);
    weir__http_client_free(other);
    weir__http_client_free(NULL);
    ck_assert_int_eq(out.told, 0);
}
END_TEST

START_TEST(clients_are_refused_with_reasons)
{
    static const struct {
        weir_http_client_options options;
        const char *message;
    } cases[] = {
        { { .ca_file = "/nowhere/ca.pem" }, "http: CA file '/nowhere/ca.pem': No such file or directory" },
        { { .ca_file = "/" }, "http: CA file '/': Is a directory" },
        { { .ca_file = "/dev/null" }, "http: CA file '/dev/null' is empty" },
        { { .proxy = "me:hush@[" }, "http: the proxy is no URL: " },
        { { .proxy = "ftp://127.0.0.1" }, "http: the proxy's scheme 'ftp' is not http, https or socks" },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        weir_http_client *none = NULL;
        weir_error err = { 0 };

        ck_assert_int_eq(weir__http_client_new(&cases[i].options, &none, &err), WEIR_CONFIG);
        ck_assert_ptr_null(none);
        ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
        ck_assert_msg(strncmp(err.message, cases[i].message, strlen(cases[i].message)) == 0, "%s", err.message);
    }
}
END_TEST

START_TEST(a_proxy_is_gone_through_and_the_environments_only_if_wanted)
{
    weir_http_client_options options = { .proxy = at(server, "") };
    weir_http_exchange_options asked = get(&out, "http://no-such-host.invalid/ok");
    weir_http_client *other = NULL;

    ck_assert_int_eq(weir__http_client_new(&options, &other, NULL), WEIR_OK);
    exchange(other, &asked);
    ck_assert_int_eq(strncmp(test_server_request(server, 0), "GET http://no-such-host.invalid/ok HTTP/1.1", 43), 0);
    weir__http_client_free(other);

    setenv("http_proxy", at(server, ""), 1);
    setenv("no_proxy", "", 1);
    options.proxy = "env";
    memset(&out, 0, sizeof out);
    asked.url = at(server, "/ok");
    ck_assert_int_eq(weir__http_client_new(&options, &other, NULL), WEIR_OK);
    exchange(other, &asked);
    ck_assert_int_eq(strncmp(test_server_request(server, 1), "GET http://127.0.0.1:", 21), 0);
    weir__http_client_free(other);

    fetch("/ok");
    ck_assert_int_eq(strncmp(test_server_request(server, 2), "GET /ok HTTP/1.1", 16), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http/exchange");
    TCase *answers = tcase_create("answers"), *redirects = tcase_create("redirects");
    TCase *secrets = tcase_create("secrets"), *connections = tcase_create("connections");
    TCase *all[] = { answers, redirects, secrets, connections };

    for (size_t i = 0; i < 4; i++) {
        tcase_add_checked_fixture(all[i], set_up, tear_down);
        tcase_set_timeout(all[i], 60);
        suite_add_tcase(suite, all[i]);
    }
    tcase_add_test(answers, an_answer_is_told_once_with_status_headers_and_body);
    tcase_add_test(answers, any_status_is_an_answer);
    tcase_add_test(answers, done_is_called_from_drive_alone);
    tcase_add_test(answers, headers_are_one_object_of_text);
    tcase_add_test(answers, early_answers_and_trailers_are_not_the_answers_headers);
    tcase_add_test(answers, an_answer_without_a_length_ends_with_its_connection);
    tcase_add_test(answers, a_packed_body_is_unpacked);
    tcase_add_test(answers, what_is_asked_is_what_was_given);
    tcase_add_test(answers, methods_are_sent_with_and_without_bodies);
    tcase_add_test(answers, a_head_has_no_body);
    tcase_add_test(answers, a_large_body_is_sent_whole);
    tcase_add_test(answers, an_idempotency_key_that_is_a_header_stays);
    tcase_add_test(answers, retry_after_is_told_in_milliseconds);
    tcase_add_test(redirects, ten_redirects_are_followed_and_no_more);
    tcase_add_test(redirects, a_head_follows_and_stays_a_head);
    tcase_add_test(redirects, a_post_gets_its_redirect_as_the_answer);
    tcase_add_test(redirects, only_the_web_is_redirected_to);
    tcase_add_test(redirects, secrets_stay_with_their_origin);
    tcase_add_test(redirects, a_redirect_into_the_void_is_in_doubt);
    tcase_add_test(secrets, secrets_are_filled_in_and_never_told);
    tcase_add_test(secrets, a_secret_that_is_not_there_is_told_by_its_name);
    tcase_add_test(secrets, what_is_no_request_is_refused);
    tcase_add_test(connections, a_connection_is_used_again);
    tcase_add_test(connections, as_many_connections_are_kept_as_were_needed);
    tcase_add_test(connections, others_can_be_started_and_canceled_in_done);
    tcase_add_test(connections, what_is_canceled_is_never_told);
    tcase_add_test(connections, a_client_is_freed_with_exchanges_under_way);
    tcase_add_test(connections, clients_are_refused_with_reasons);
    tcase_add_test(connections, a_proxy_is_gone_through_and_the_environments_only_if_wanted);
    return weir__suite_run(suite);
}
