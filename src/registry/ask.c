/* SPDX-License-Identifier: Apache-2.0 */
/* The servers, what they are shown as credentials, and one question at a time. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "config/secrets.h"
#include "registry/internal.h"

enum { ANSWER_MAXIMUM = 8 << 20, ANSWER_DEPTH = 64, SERVERS_MAXIMUM = 16, CREDENTIALS_MAXIMUM = 4096 };

/* ---- credentials ------------------------------------------------------------------------------------------------- */

static weir_code fail_memory(weir_error *err)
{
    return weir__fail_memory(err, "the schema registry");
}

static weir_code fail_config(weir_error *err, const char *what)
{
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "%s", what);
}

/* "Authorization: Basic …". `user` and `password` are not ended by NULs. */
static weir_code basic(weir_bytes user, weir_bytes password, char **out, weir_error *err)
{
    static const char before[] = "Authorization: Basic ";
    char plain[CREDENTIALS_MAXIMUM];
    size_t size = user.size + 1 + password.size, at = sizeof before - 1;
    char *line;

    if (size > sizeof plain)
        return fail_config(err, "user and password are over 4 KiB");
    if (user.size && memchr(user.data, ':', user.size))
        return fail_config(err, "a user may not have a colon");
    line = malloc(at + weir__base64_size(size) + 1);
    if (!line)
        return fail_memory(err);
    memcpy(plain, user.data, user.size);
    plain[user.size] = ':';
    memcpy(plain + user.size + 1, password.data, password.size);
    memcpy(line, before, at);
    *weir__base64_put((uint8_t *)line + at, (const uint8_t *)plain, size) = '\0';
    explicit_bzero(plain, size);
    *out = line;
    return WEIR_OK;
}

/* "Authorization: Bearer …". The client fills `${…}` in: a token's own is written so that it stays. */
static weir_code bearer(const char *token, char **out, weir_error *err)
{
    static const char before[] = "Authorization: Bearer ";
    size_t size = strlen(token), at = sizeof before - 1;
    char *line;

    if (size > CREDENTIALS_MAXIMUM * 4)
        return fail_config(err, "schema-registry.token is over 16 KiB");
    line = malloc(at + 2 * size + 1);
    if (!line)
        return fail_memory(err);
    memcpy(line, before, at);
    for (; *token; token++) {
        if (token[0] == '$' && token[1] == '{')
            line[at++] = '$';
        line[at++] = *token;
    }
    line[at] = '\0';
    *out = line;
    return WEIR_OK;
}

static int hex(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    digit = (char)(digit | 0x20);
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* "user:password" of a URL, %XX in it; parted before it is decoded, so that %3A is a password's. */
static weir_code basic_of_url(const char *text, size_t size, char **out, weir_error *err)
{
    uint8_t plain[CREDENTIALS_MAXIMUM];
    size_t count = 0, user = SIZE_MAX;
    weir_code rc;

    if (size > sizeof plain)
        return fail_config(err, "user and password are over 4 KiB");
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ':' && user == SIZE_MAX) {
            user = count;
        } else if (text[i] == '%') {
            int high = i + 2 < size ? hex(text[i + 1]) : -1, low = high >= 0 ? hex(text[i + 2]) : -1;

            if (low < 0)
                return fail_config(err, "a % without two hexadecimal digits in the URL's user or password");
            plain[count++] = (uint8_t)(high << 4 | low);
            i += 2;
        } else {
            plain[count++] = (uint8_t)text[i];
        }
    }
    if (user == SIZE_MAX)
        user = count;
    rc = basic(weir__bytes(plain, user), weir__bytes(plain + user, count - user), out, err);
    explicit_bzero(plain, count);
    return rc;
}

/* ---- servers ----------------------------------------------------------------------------------------------------- */

/* `text` is one URL, `size` bytes of it. No message here shows it: it may hold a password. */
static weir_code add_server(weir_registry *registry, const weir_registry_options *options, const char *text,
                            size_t size, weir_error *err)
{
    weir_registry_server *server;
    const char *host, *at = NULL;
    size_t scheme, authority;

    scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : strncasecmp(text, "https://", 8) == 0 ? 8 : 0;
    if (!scheme || scheme > size)
        return fail_config(err, "schema-registry.url: no URL that begins with http:// or https://");
    while (size > scheme && text[size - 1] == '/')
        size--;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] <= 0x20 || text[i] == '?' || text[i] == '#')
            return fail_config(err, "schema-registry.url: a blank, '?' or '#' in the URL");
    }
    host = text + scheme;
    authority = strcspn(host, "/,");
    if (authority > size - scheme)
        authority = size - scheme;
    at = memrchr(host, '@', authority);
    if (registry->server_count == SERVERS_MAXIMUM)
        return fail_config(err, "schema-registry.url: more than 16 URLs");
    server = &registry->servers[registry->server_count++];
    if (at) {
        weir_code rc = basic_of_url(host, (size_t)(at - host), &server->authorization, err);

        if (rc != WEIR_OK)
            return rc;
    }
    if (at ? at + 1 == host + authority : authority == 0)
        return fail_config(err, "schema-registry.url: a URL without a host");
    at = at ? at + 1 : host;
    if (asprintf(&server->base, "%.*s%.*s", (int)scheme, text, (int)(text + size - at), at) < 0) {
        server->base = NULL;
        return fail_memory(err);
    }
    if (server->authorization)
        return WEIR_OK;
    if (options->token)
        return bearer(options->token, &server->authorization, err);
    if (options->user)
        return basic(weir__bytes_text(options->user), weir__bytes_text(options->password ? options->password : ""),
                     &server->authorization, err);
    return WEIR_OK;
}

weir_code weir__registry_connect(weir_registry *registry, const weir_registry_options *options, weir_error *err)
{
    weir_http_client_options client = { .ca_file = options->ca_file };
    weir_code rc = WEIR_OK;

    registry->servers = calloc(SERVERS_MAXIMUM, sizeof *registry->servers);
    if (!registry->servers)
        return fail_memory(err);
    for (const char *at = options->url; rc == WEIR_OK; at++) {
        size_t size = strcspn(at, ",");
        size_t before = strspn(at, " "), used = size;

        while (used > before && at[used - 1] == ' ')
            used--;
        rc = add_server(registry, options, at + before, used - (before < used ? before : used), err);
        at += size;
        if (!*at)
            break;
    }
    if (rc != WEIR_OK)
        return rc;
    rc = weir__http_client_new(&client, &registry->client, err);
    if (rc != WEIR_OK)
        weir__error_context(err, "schema registry");
    return rc;
}

void weir__registry_disconnect(weir_registry *registry)
{
    weir__http_client_free(registry->client);
    for (size_t i = 0; i < registry->server_count; i++) {
        free(registry->servers[i].base);
        weir__secret_free(registry->servers[i].authorization);
    }
    free(registry->servers);
}

/* ---- one exchange ------------------------------------------------------------------------------------------------ */

/* What came of it, copied. */
typedef struct answer {
    bool is_told;
    weir_code code;
    int status;
    weir_buffer body;
    weir_error error;
} answer;

static void keep(void *context, const weir_http_outcome *outcome)
{
    answer *out = context;

    out->is_told = true;
    out->code = outcome->code;
    out->status = outcome->status;
    if (outcome->code != WEIR_OK)
        out->error = outcome->error;
    else if (weir__buffer_add(&out->body, outcome->body.data, outcome->body.size) != WEIR_OK)
        out->code = weir__fail_memory(&out->error, "a registry's answer");
}

static weir_code exchange(weir_registry *registry, const weir_registry_server *server, const char *method,
                          const char *path, weir_bytes body, answer *out, weir_error *err)
{
    const char *headers[] = { "Accept: application/vnd.schemaregistry.v1+json, application/json", NULL, NULL, NULL };
    weir_http_exchange_options options = { .method = method, .headers = headers, .body = body,
                                           .timeout_ms = registry->timeout_ms, .max_response_bytes = ANSWER_MAXIMUM,
                                           .done = keep, .context = out };
    weir_http_exchange *exchange;
    size_t count = 1;
    char *url;
    weir_code rc;

    if (server->authorization)
        headers[count++] = server->authorization;
    if (body.size)
        headers[count++] = "Content-Type: application/vnd.schemaregistry.v1+json";
    if (asprintf(&url, "%s%s", server->base, path) < 0)
        return fail_memory(err);
    options.url = url;
    rc = weir__http_start(registry->client, &options, &exchange, err);
    free(url);
    /* The descriptor has the time-out in it: this ends. A signal ends the wait, too, and it is begun again. */
    while (rc == WEIR_OK && !out->is_told) {
        struct pollfd wait = { .fd = weir__http_client_fd(registry->client), .events = POLLIN };

        (void)poll(&wait, 1, -1);
        weir__http_client_drive(registry->client);
    }
    return rc;
}

/* ---- what an answer means ---------------------------------------------------------------------------------------- */

static bool is_away(const answer *from)
{
    if (from->code == WEIR_NOT_DONE || from->code == WEIR_UNKNOWN)
        return true;
    return from->code == WEIR_OK && (from->status == 408 || from->status == 429 || from->status >= 500);
}

/* The registry's own "error_code" and "message"; 0 and "" where there are none. */
static int64_t words_of(const answer *from, weir_arena *arena, char *message, size_t size)
{
    const weir_json *json, *code, *text;

    *message = '\0';
    if (weir__json_parse(weir__buffer_bytes(&from->body), ANSWER_DEPTH, arena, &json, NULL) != WEIR_OK)
        return 0;
    code = weir__json_member(json, weir__bytes_text("error_code"));
    text = weir__json_member(json, weir__bytes_text("message"));
    if (text && weir__json_kind(text) == WEIR__JSON_TEXT) {
        weir_bytes words = weir__json_text(text);

        snprintf(message, size, ": %.*s", (int)(words.size < size ? words.size : size), (const char *)words.data);
        weir__text_trim(message);
    }
    return code && weir__json_kind(code) == WEIR__JSON_INT ? weir__json_int(code) : 0;
}

static weir_code fail_status(const answer *from, bool has_credentials, weir_arena *arena, weir_error *err)
{
    char message[120];
    int64_t code = words_of(from, arena, message, sizeof message);
    int status = from->status;

    if (is_away(from))
        return weir__fail_from(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "http", status, "status %d%s", status,
                               message);
    if (status == 401 || status == 403)
        return weir__fail_from(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "http", status, "status %d%s%s", status,
                               has_credentials ? ": it refuses what schema-registry.user and .password, or .token, say"
                                               : ": set schema-registry.user and .password, or schema-registry.token",
                               message);
    if (status == 404 && code == 0)
        return weir__fail_from(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "http", status,
                               "status 404, and not in a registry's words: is schema-registry.url right?");
    return weir__fail_from(err, WEIR_INVALID, WEIR_REMEDY_FIX, "http", status, "status %d%s", status, message);
}

static weir_code take_answer(const answer *from, bool has_credentials, weir_arena *arena, const weir_json **out,
                             weir_error *err)
{
    weir_code rc;

    switch (from->code) {
    case WEIR_OK:
        break;
    case WEIR_NOT_DONE:
    case WEIR_UNKNOWN:
        return weir__fail_from(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "http", from->error.origin_code, "%s",
                               from->error.message);
    case WEIR_NO_MEMORY:
        return fail_memory(err);
    default: /* the URL, a header, an answer without end */
        return weir__fail_from(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "http", from->error.origin_code, "%s",
                               from->error.message);
    }
    if (from->status != 200)
        return fail_status(from, has_credentials, arena, err);
    rc = weir__json_parse(weir__buffer_bytes(&from->body), ANSWER_DEPTH, arena, out, err);
    if (rc == WEIR_OK && weir__json_kind(*out) != WEIR__JSON_OBJECT)
        rc = WEIR_INVALID;
    if (rc == WEIR_INVALID || rc == WEIR_LIMIT)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "an answer that is no registry's: is schema-registry.url right?");
    return rc;
}

weir_code weir__registry_ask(weir_registry *registry, const char *method, const char *path, weir_bytes body,
                             weir_arena *arena, const weir_json **out, weir_error *err)
{
    weir_code rc = WEIR_OK;

    for (size_t i = 0; i < registry->server_count; i++) {
        size_t place = (registry->server + i) % registry->server_count;
        const weir_registry_server *server = &registry->servers[place];
        answer got = { .is_told = false };
        bool was_away;

        weir__buffer_init(&got.body, SIZE_MAX);
        rc = exchange(registry, server, method, path, body, &got, err);
        if (rc == WEIR_OK)
            rc = take_answer(&got, server->authorization != NULL, arena, out, err);
        was_away = is_away(&got);
        weir__buffer_clear(&got.body);
        if (rc != WEIR_OK)
            weir__error_context(err, "schema registry %.100s", server->base);
        if (!was_away) {
            registry->server = place;
            return rc;
        }
    }
    return rc;
}
