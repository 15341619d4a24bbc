/* SPDX-License-Identifier: Apache-2.0 */
/* What status.listen may say, and what stands in the way of listening there. */
#include "status/address.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

static void is_address(const char *text, const char *host, int port)
{
    weir_status_address address;
    weir_error err = { .code = WEIR_OK };

    ck_assert_msg(weir__status_address_parse(text, &address, &err) == WEIR_OK, "%s: %s", text, err.message);
    ck_assert_str_eq(address.host, host);
    ck_assert_int_eq(address.port, port);
}

static void is_none(const char *text, const char *why)
{
    weir_status_address address;
    weir_error err = { .code = WEIR_OK };
    char message[232];

    ck_assert_msg(weir__status_address_parse(text, &address, &err) == WEIR_CONFIG, "%s is taken", text);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    (void)snprintf(message, sizeof message, "status.listen: '%.64s' %s; want HOST:PORT, such as 127.0.0.1:9464", text,
                   why);
    ck_assert_str_eq(err.message, message);
}

START_TEST(an_address_is_host_and_port_or_a_port_on_the_loopback)
{
    is_address("127.0.0.1:9464", "127.0.0.1", 9464);
    is_address("localhost:1", "localhost", 1);
    is_address("0.0.0.0:65535", "0.0.0.0", 65535);
    is_address("[::1]:9464", "::1", 9464);
    is_address(":9464", "127.0.0.1", 9464);
    is_address("9464", "127.0.0.1", 9464);
    is_address("0", "127.0.0.1", 0);
}
END_TEST

START_TEST(what_is_no_address_is_refused_and_the_message_says_why)
{
    char host[400];

    is_none("localhost", "has no port of 0..65535");
    is_none("localhost:", "has no port of 0..65535");
    is_none("localhost:http", "has no port of 0..65535");
    is_none("127.0.0.1:65536", "has no port of 0..65535");
    is_none("127.0.0.1:000080", "has no port of 0..65535");
    is_none("127.0.0.1:-1", "has no port of 0..65535");
    is_none("127.0.0.1: 80", "has no port of 0..65535");
    is_none("::1:9464", "has more than one colon; an IPv6 address stands in brackets");
    is_none("[::1]", "has no ']:' behind its IPv6 address");
    is_none("[::1]9464", "has no ']:' behind its IPv6 address");
    is_none("[]:9464", "has no IPv6 address in its brackets");
    is_none("[localhost]:9464", "has no IPv6 address in its brackets");
    is_none("a b:9464", "has a host that is none");
    is_none("user@host:9464", "has a host that is none");
    is_none("http://127.0.0.1:9464", "has more than one colon; an IPv6 address stands in brackets");
    memset(host, 'h', sizeof host);
    (void)snprintf(host + 300, sizeof host - 300, ":9464");
    is_none(host, "has too long a host");
}
END_TEST

static weir_status_socket listen_at(const char *text)
{
    weir_status_address address;
    weir_status_socket listening;
    weir_error err = { .code = WEIR_OK };

    ck_assert_int_eq(weir__status_address_parse(text, &address, &err), WEIR_OK);
    ck_assert_msg(weir__status_address_listen(&address, &listening, &err) == WEIR_OK, "%s", err.message);
    return listening;
}

START_TEST(port_0_is_any_free_one_and_the_socket_says_which)
{
    weir_status_socket one = listen_at("127.0.0.1:0"), other = listen_at("0.0.0.0:0");
    char shown[64];

    ck_assert_int_gt(one.port, 0);
    (void)snprintf(shown, sizeof shown, "127.0.0.1:%d", one.port);
    ck_assert_str_eq(one.shown, shown);
    ck_assert(one.is_loopback);
    ck_assert(!other.is_loopback);
    ck_assert_int_eq(close(one.fd), 0);
    ck_assert_int_eq(close(other.fd), 0);
}
END_TEST

static void cannot_listen(const char *text, const char *why)
{
    weir_status_address address;
    weir_status_socket listening;
    weir_error err = { .code = WEIR_OK };

    ck_assert_int_eq(weir__status_address_parse(text, &address, &err), WEIR_OK);
    ck_assert_int_eq(weir__status_address_listen(&address, &listening, &err), WEIR_IO);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
    ck_assert_str_eq(err.message, why);
}

START_TEST(a_port_in_use_is_an_error_that_says_what_to_do)
{
    weir_status_socket taken = listen_at("127.0.0.1:0");
    char text[64], why[232];

    (void)snprintf(text, sizeof text, "127.0.0.1:%d", taken.port);
    (void)snprintf(why, sizeof why,
                   "status.listen: port %d on 127.0.0.1 is in use by another process; give another port, or 0 for any "
                   "free one", taken.port);
    cannot_listen(text, why);
    ck_assert_int_eq(close(taken.fd), 0);
}
END_TEST

START_TEST(an_address_of_another_machine_is_an_error)
{
    cannot_listen("192.0.2.1:0",
                  "status.listen: 192.0.2.1 is no address of this machine; 127.0.0.1 is, and 0.0.0.0 is all of them");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("status/address");
    TCase *form = tcase_create("form"), *listening = tcase_create("listening");

    tcase_add_test(form, an_address_is_host_and_port_or_a_port_on_the_loopback);
    tcase_add_test(form, what_is_no_address_is_refused_and_the_message_says_why);
    suite_add_tcase(suite, form);
    tcase_add_test(listening, port_0_is_any_free_one_and_the_socket_says_which);
    tcase_add_test(listening, a_port_in_use_is_an_error_that_says_what_to_do);
    tcase_add_test(listening, an_address_of_another_machine_is_an_error);
    suite_add_tcase(suite, listening);
    return weir__suite_run(suite);
}
