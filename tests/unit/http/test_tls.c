/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates: who is not who he says he is gets no request. The server is `openssl s_server`. */
#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-tls-XXXXXX";

static pid_t spawn(char *const arguments[], int output)
{
    pid_t pid = fork();

    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(null, 0);
        dup2(output >= 0 ? output : null, 1);
        dup2(null, 2);
        alarm(120); /* ends by itself, whatever becomes of the test */
        execvp(arguments[0], arguments);
        _exit(127);
    }
    return pid;
}

static bool run(char *const arguments[])
{
    int status = 0;
    pid_t pid = spawn(arguments, -1);

    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A certificate for 127.0.0.1 that nobody has signed but itself. */
static bool make_certificate(void)
{
    char *arguments[] = { "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                          "-nodes", "-days", "2", "-subj", "/CN=weir test", "-addext",
                          "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem", NULL };

    return mkdtemp(folder) && chdir(folder) == 0 && run(arguments);
}

/* Answers GET with a page about the connection; its port. */
static pid_t serve(int *port)
{
    char *arguments[] = { "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", "certificate.pem",
                          "-key", "key.pem", "-www", NULL };
    char line[256];
    int output[2];
    pid_t pid;
    FILE *file;

    ck_assert_int_eq(pipe(output), 0);
    pid = spawn(arguments, output[1]);
    ck_assert_int_gt(pid, 0);
    close(output[1]);
    file = fdopen(output[0], "r");
    ck_assert_ptr_nonnull(file);
    *port = 0;
    while (*port == 0 && fgets(line, sizeof line, file)) {
        if (strncmp(line, "ACCEPT", 6) == 0)
            *port = (int)strtol(strrchr(line, ':') + 1, NULL, 10);
    }
    ck_assert_msg(*port > 0, "openssl s_server told no port");
    return pid; /* the pipe stays open: it writes there */
}

static result ask(const char *ca_file, const char *host, int port)
{
    weir_http_client_options options = { .ca_file = ca_file };
    weir_http_client *client = NULL;
    result out = { 0 };
    weir_http_exchange_options asked = get(&out, NULL);
    char url[64];

    ck_assert_int_eq(weir__http_client_new(&options, &client, NULL), WEIR_OK);
    snprintf(url, sizeof url, "https://%s:%d/", host, port);
    asked.url = url;
    exchange(client, &asked);
    weir__http_client_free(client);
    return out;
}

START_TEST(a_certificate_that_verifies_is_taken)
{
    int port;
    pid_t pid = serve(&port);
    result out = ask("certificate.pem", "127.0.0.1", port);

    ck_assert_msg(out.code == WEIR_OK, "%s", out.error.message);
    ck_assert_int_eq(out.status, 200);
    ck_assert_ptr_nonnull(strstr(out.body, "s_server"));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_certificate_that_does_not_verify_is_surely_not_done)
{
    int port;
    pid_t pid = serve(&port);
    result out = ask(NULL, "127.0.0.1", port);
    char expected[128];

    snprintf(expected, sizeof expected, "GET https://127.0.0.1:%d: TLS: SSL certificate problem: self", port);
    ck_assert_int_eq(out.code, WEIR_NOT_DONE);
    ck_assert_msg(strncmp(out.error.message, expected, strlen(expected)) == 0, "%s", out.error.message);
    ck_assert_int_eq(out.error.origin_code, 60);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_certificate_for_another_name_is_surely_not_done)
{
    int port;
    pid_t pid = serve(&port);
    result out = ask("certificate.pem", "localhost", port);

    ck_assert_int_eq(out.code, WEIR_NOT_DONE);
    ck_assert_msg(strstr(out.error.message, ": TLS: SSL: no alternative certificate subject name matches"), "%s",
                  out.error.message);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

START_TEST(a_server_that_speaks_no_tls_is_surely_not_done)
{
    test_server *server = test_server_start();
    result out = ask("certificate.pem", "127.0.0.1", test_server_port(server));

    ck_assert_msg(out.code == WEIR_NOT_DONE || out.code == WEIR_UNKNOWN, "%s", out.error.message);
    ck_assert_int_eq(out.code, WEIR_NOT_DONE);
    ck_assert_uint_eq(test_server_requests(server), 0);
    test_server_stop(server);
}
END_TEST

START_TEST(a_ca_file_that_holds_no_certificate_is_surely_not_done)
{
    int port;
    pid_t pid = serve(&port);
    result out = ask("key.pem", "127.0.0.1", port);

    ck_assert_int_eq(out.code, WEIR_NOT_DONE);
    ck_assert_msg(strstr(out.error.message, ": TLS: "), "%s", out.error.message);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
END_TEST

int main(void)
{
    char *look[] = { "openssl", "version", NULL };
    Suite *suite;
    TCase *certificates;
    int status;

    if (!run(look)) {
        puts("1..0 # SKIP no openssl");
        return EXIT_SUCCESS;
    }
    if (!make_certificate()) {
        puts("1..1\nnot ok 1 - openssl makes a certificate");
        return EXIT_FAILURE;
    }
    suite = suite_create("http/tls");
    certificates = tcase_create("certificates");
    tcase_set_timeout(certificates, 60);
    tcase_add_test(certificates, a_certificate_that_verifies_is_taken);
    tcase_add_test(certificates, a_certificate_that_does_not_verify_is_surely_not_done);
    tcase_add_test(certificates, a_certificate_for_another_name_is_surely_not_done);
    tcase_add_test(certificates, a_server_that_speaks_no_tls_is_surely_not_done);
    tcase_add_test(certificates, a_ca_file_that_holds_no_certificate_is_surely_not_done);
    suite_add_tcase(suite, certificates);
    status = weir__suite_run(suite);
    (void)unlink("certificate.pem");
    (void)unlink("key.pem");
    (void)rmdir(folder);
    return status;
}
