/* SPDX-License-Identifier: Apache-2.0 */
/* Filling in ${env:NAME} and ${file:PATH}; what is a secret. No message of this file holds what was filled in. */
#include "config/secrets.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/disk.h"

/* A certificate chain fits; a file that was meant as something else does not. */
enum { SECRET_MAXIMUM = 65536, VALUE_MAXIMUM = 1 << 20 };

static weir_code fill_variable(const char *name, weir_buffer *buffer, weir_error *err)
{
    const char *value = getenv(name);

    if (!value)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "environment variable '%.80s' is not set", name);
    return weir__buffer_add(buffer, value, strlen(value));
}

static weir_code fill_file(const char *path, weir_buffer *buffer, weir_error *err)
{
    const weir_disk *disk = weir__disk_system();
    weir_code rc;
    ssize_t size = -1;
    int fd = disk->open(disk->context, path, O_RDONLY | O_CLOEXEC, 0);
    size_t old = buffer->size;

    if (fd < 0)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "file '%.80s': %s", path, strerror(errno));
    rc = weir__buffer_reserve(buffer, SECRET_MAXIMUM + 1);
    if (rc != WEIR_OK)
        goto out;
    size = weir__disk_read_full(disk, fd, buffer->data + old, SECRET_MAXIMUM + 1);
    if (size < 0) {
        rc = weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "file '%.80s': %s", path, strerror(errno));
        goto out;
    }
    if (size > SECRET_MAXIMUM) {
        rc = weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "file '%.80s': over 64 KiB", path);
        goto out;
    }
    if (memchr(buffer->data + old, '\0', (size_t)size)) {
        rc = weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "file '%.80s': a NUL byte in it", path);
        goto out;
    }
    buffer->size += (size_t)size;
    if (size > 0 && buffer->data[buffer->size - 1] == '\n') {
        buffer->size--;
        if (size > 1 && buffer->data[buffer->size - 1] == '\r')
            buffer->size--;
    }
out:
    (void)disk->close(disk->context, fd); /* only read from */
    return rc;
}

/* `name` is what stands between the braces. No buffer: it is not filled in. */
static weir_code fill_one(const char *name, weir_buffer *buffer, weir_error *err)
{
    if (strncmp(name, "env:", 4) == 0 && name[4])
        return buffer ? fill_variable(name + 4, buffer, err) : WEIR_OK;
    if (strncmp(name, "file:", 5) == 0 && name[5])
        return buffer ? fill_file(name + 5, buffer, err) : WEIR_OK;
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "'${' begins neither ${env:NAME} nor ${file:PATH}; write $${ for the characters themselves");
}

/* From `${` on; `*end` is set behind the `}`. */
static weir_code fill_placeholder(const char *at, const char **end, weir_buffer *buffer, weir_error *err)
{
    const char *close = strchr(at, '}');
    char *name;
    weir_code rc;

    if (!close)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "'${' without its '}'; write $${ for the characters");
    name = calloc(1, (size_t)(close - at));
    if (!name)
        return weir__fail_memory(err, "a placeholder");
    memcpy(name, at + 2, (size_t)(close - at) - 2);
    *end = close + 1;
    rc = fill_one(name, buffer, err);
    free(name);
    return rc;
}

weir_code weir__secret_fill(const char *text, char **out, bool *is_secret, weir_error *err)
{
    weir_error cause = { 0 };
    weir_code rc = WEIR_OK;
    weir_buffer buffer;
    bool filled = false;

    weir__buffer_init(&buffer, VALUE_MAXIMUM);
    for (const char *at = text; *at && rc == WEIR_OK;) {
        const char *dollar = strstr(at, "${");
        bool escaped = dollar && dollar > at && dollar[-1] == '$';
        size_t size = dollar ? (size_t)(dollar - at) - (escaped ? 1 : 0) : strlen(at);

        rc = weir__buffer_add(&buffer, at, size);
        if (rc != WEIR_OK || !dollar)
            break;
        if (escaped) {
            rc = weir__buffer_add(&buffer, "${", 2);
            at = dollar + 2;
        } else {
            rc = fill_placeholder(dollar, &at, &buffer, &cause);
            filled = true;
        }
    }
    if (rc == WEIR_OK)
        rc = weir__buffer_add_byte(&buffer, '\0');
    if (rc == WEIR_OK) {
        *out = (char *)buffer.data;
        *is_secret = filled;
        return WEIR_OK;
    }
    if (buffer.data)
        explicit_bzero(buffer.data, buffer.capacity);
    weir__buffer_clear(&buffer);
    if (rc == WEIR_LIMIT)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "over 1 MiB long");
    if (rc == WEIR_NO_MEMORY)
        return weir__fail_memory(err, "a value of the configuration");
    if (err)
        *err = cause;
    return rc;
}

weir_code weir__secret_check(const char *text, bool *has_any, weir_error *err)
{
    weir_code rc = WEIR_OK;

    *has_any = false;
    for (const char *at = strstr(text, "${"); at && rc == WEIR_OK; at = strstr(at, "${")) {
        if (at > text && at[-1] == '$') {
            at += 2;
        } else {
            rc = fill_placeholder(at, &at, NULL, err);
            *has_any = true;
        }
    }
    return rc;
}

bool weir__secret_named(const char *name)
{
    static const char *const parts[] = { "password", "secret", "token", "sasl.jaas", "sasl.oauthbearer.config",
                                         "credential", "key.pem", "private", "passphrase" };

    if (strncmp(name, "kafka.", 6) != 0 && strncmp(name, "schema-registry.", 16) != 0)
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcasestr(name, parts[i]))
            return true;
    }
    return false;
}

bool weir__secret_looks(const char *text)
{
    for (const char *at = strstr(text, "://"); at; at = strstr(at, "://")) {
        at += 3;
        if (at[strcspn(at, "@/ ")] == '@')
            return true;
    }
    return false;
}

void weir__secret_free(char *text)
{
    if (!text)
        return;
    explicit_bzero(text, strlen(text));
    free(text);
}
