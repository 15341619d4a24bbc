/* SPDX-License-Identifier: Apache-2.0 */
/* registry: what the configuration makes of it, subjects, and a server that is not there. */
#include "suite.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "registry/registry.h"

static weir_error err;

static void assert_configured(const char *yaml, weir_registry_options *out, weir_config **config)
{
    ck_assert_int_eq(weir__config_new(config, &err), WEIR_OK);
    ck_assert_msg(weir__config_read(*config, weir__bytes_text(yaml), "job.yaml", &err) == WEIR_OK, "%s", err.message);
    ck_assert_msg(weir__registry_configure(*config, out, &err) == WEIR_OK, "%s", err.message);
}

static void assert_misconfigured(const char *yaml, const char *message)
{
    weir_registry_options options;
    weir_config *config = NULL;

    ck_assert_int_eq(weir__config_new(&config, &err), WEIR_OK);
    ck_assert_int_eq(weir__config_read(config, weir__bytes_text(yaml), "job.yaml", &err), WEIR_OK);
    ck_assert_int_eq(weir__registry_configure(config, &options, &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message, message);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    weir__config_free(config);
}

START_TEST(the_configuration_says_all_of_it)
{
    weir_registry_options options;
    weir_config *config = NULL;

    assert_configured("schema-registry: {url: 'http://a', user: u, password: p, ca-file: ca.pem, timeout-ms: 7, "
                      "auto-register: false, subject-strategy: topic-record}",
                      &options, &config);
    ck_assert_str_eq(options.url, "http://a");
    ck_assert_str_eq(options.user, "u");
    ck_assert_str_eq(options.password, "p");
    ck_assert_ptr_null(options.token);
    ck_assert_str_eq(options.ca_file, "ca.pem");
    ck_assert_int_eq(options.timeout_ms, 7);
    ck_assert(!options.auto_register);
    ck_assert_int_eq(options.strategy, WEIR__SUBJECT_TOPIC_RECORD);
    weir__config_free(config);
    assert_configured("schema-registry: {url: 'http://a', token: t}", &options, &config);
    ck_assert_str_eq(options.token, "t");
    ck_assert_int_eq(options.timeout_ms, 10000);
    ck_assert(options.auto_register);
    ck_assert_int_eq(options.strategy, WEIR__SUBJECT_TOPIC);
    weir__config_free(config);
}
END_TEST

START_TEST(a_configuration_that_contradicts_itself_is_refused)
{
    assert_misconfigured("job: {name: a}",
                         "schema-registry.url is not set, and the format avro needs a schema registry");
    assert_misconfigured("schema-registry: {url: 'http://a', user: u, token: t}",
                         "schema-registry.token and schema-registry.user are both set; one of them is expected");
    assert_misconfigured("schema-registry: {url: 'http://a', password: p}",
                         "schema-registry.password is set, and schema-registry.user is not");
}
END_TEST

START_TEST(secrets_are_not_printed)
{
    weir_registry_options options;
    weir_config *config = NULL;
    weir_config_entry entry;
    size_t cursor = 0, secrets = 0;

    assert_configured("schema-registry: {url: 'http://a:b@c', user: u, password: plain}", &options, &config);
    while (weir__config_next(config, &cursor, &entry))
        secrets += entry.is_secret && strcmp(entry.text, "***") == 0;
    ck_assert_uint_eq(secrets, 2);
    weir__config_free(config);
    assert_configured("schema-registry: {url: 'http://c', token: plain}", &options, &config);
    for (cursor = 0, secrets = 0; weir__config_next(config, &cursor, &entry);)
        secrets += entry.is_secret && strcmp(entry.name, "schema-registry.token") == 0;
    ck_assert_uint_eq(secrets, 1);
    weir__config_free(config);
}
END_TEST

static void assert_subject(weir_subject_strategy strategy, const char *record, const char *subject)
{
    char *have = NULL;

    ck_assert_int_eq(weir__registry_subject(strategy, "t", record, &have, &err), WEIR_OK);
    ck_assert_str_eq(have, subject);
    free(have);
}

START_TEST(each_strategy_names_its_subject)
{
    char *subject = NULL;

    assert_subject(WEIR__SUBJECT_TOPIC, "a.R", "t-value");
    assert_subject(WEIR__SUBJECT_TOPIC, NULL, "t-value");
    assert_subject(WEIR__SUBJECT_RECORD, "a.R", "a.R");
    assert_subject(WEIR__SUBJECT_TOPIC_RECORD, "a.R", "t-a.R");
    ck_assert_int_eq(weir__registry_subject(WEIR__SUBJECT_RECORD, "t", NULL, &subject, &err), WEIR_CONFIG);
    ck_assert_str_eq(err.message,
                     "schema-registry.subject-strategy names subjects after a record, and there is no name");
    ck_assert_ptr_null(subject);
}
END_TEST

/* A port that nobody listens on: bound, so that nobody else takes it. */
static int closed_port(int *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

START_TEST(a_server_that_is_not_there_is_asked_again_later)
{
    weir_registry_options options = { .timeout_ms = 5000 };
    weir_registry *registry = NULL;
    const weir_avro_type *type = NULL;
    char url[80], begin[100];
    uint32_t id = 17;
    int port, fd = closed_port(&port);

    snprintf(url, sizeof url, "http://user:hunter2@127.0.0.1:%d/base/", port);
    snprintf(begin, sizeof begin, "schema 9: schema registry http://127.0.0.1:%d/base: ", port);
    options.url = url;
    ck_assert_int_eq(weir__registry_open(&options, &registry, &err), WEIR_OK);
    ck_assert_int_eq(weir__registry_schema(registry, 9, &type, &err), WEIR_UNREACHABLE);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_RETRY);
    ck_assert_str_eq(err.origin, "http");
    ck_assert_msg(strncmp(err.message, begin, strlen(begin)) == 0, "%s", err.message);
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert_int_eq(weir__registry_latest(registry, "s", &id, &type, &err), WEIR_UNREACHABLE);
    ck_assert_int_eq(weir__registry_register(registry, "s", weir__bytes_text("\"int\""), &id, &type, &err),
                     WEIR_UNREACHABLE);
    ck_assert_uint_eq(id, 17);
    ck_assert_ptr_null(type);
    weir__registry_close(registry);
    weir__registry_close(NULL);
    close(fd);
}
END_TEST

START_TEST(a_schema_that_is_none_is_refused_before_anybody_is_asked)
{
    weir_registry_options options = { .url = "http://127.0.0.1:1", .timeout_ms = 5000 };
    weir_registry *registry = NULL;
    const weir_avro_type *type = NULL;
    uint32_t id;

    ck_assert_int_eq(weir__registry_open(&options, &registry, &err), WEIR_OK);
    ck_assert_int_eq(weir__registry_register(registry, "s", weir__bytes_text("\"integer\""), &id, &type, &err),
                     WEIR_INVALID);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_str_eq(err.message, "subject 's': Avro schema: not defined: the type 'integer'");
    weir__registry_close(registry);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry/registry");
    TCase *tcase = tcase_create("registry");

    tcase_add_test(tcase, the_configuration_says_all_of_it);
    tcase_add_test(tcase, a_configuration_that_contradicts_itself_is_refused);
    tcase_add_test(tcase, secrets_are_not_printed);
    tcase_add_test(tcase, each_strategy_names_its_subject);
    tcase_add_test(tcase, a_server_that_is_not_there_is_asked_again_later);
    tcase_add_test(tcase, a_schema_that_is_none_is_refused_before_anybody_is_asked);
    suite_add_tcase(suite, tcase);
    return weir__suite_run(suite);
}
