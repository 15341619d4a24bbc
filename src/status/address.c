/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and binding; all that can be wrong with an address is said here, and what to do about it. */
#include "status/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections that wait to be accepted. Beyond it the kernel drops first packets, which come again a second later:
 * a burst of idle ones must not do that to a scrape. */
enum { BACKLOG = 511 };

static weir_code refuse(weir_error *err, const char *text, const char *why)
{
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "status.listen: '%.64s' %s; want HOST:PORT, such as 127.0.0.1:9464", text, why);
}

/* 0..65535, in digits alone; -1: it is none. */
static int port_of(const char *text)
{
    int port = 0;

    if (*text == '\0' || strlen(text) > 5)
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        port = port * 10 + (*text - '0');
    }
    return port <= 65535 ? port : -1;
}

weir_code weir__status_address_parse(const char *text, weir_status_address *out, weir_error *err)
{
    const char *host = text, *port = text;
    size_t size = 0;

    if (*text == '[') {
        const char *end = strchr(text, ']');
        struct in6_addr ignored;

        if (!end || end[1] != ':')
            return refuse(err, text, "has no ']:' behind its IPv6 address");
        host = text + 1;
        size = (size_t)(end - host);
        port = end + 2;
        if (size == 0 || size >= sizeof out->host)
            return refuse(err, text, "has no IPv6 address in its brackets");
        memcpy(out->host, host, size);
        out->host[size] = '\0';
        if (inet_pton(AF_INET6, out->host, &ignored) != 1)
            return refuse(err, text, "has no IPv6 address in its brackets");
    } else {
        const char *colon = strrchr(text, ':');

        if (colon) {
            size = (size_t)(colon - text);
            port = colon + 1;
        }
        if (memchr(text, ':', size))
            return refuse(err, text, "has more than one colon; an IPv6 address stands in brackets");
        if (size >= sizeof out->host)
            return refuse(err, text, "has too long a host");
        if (size == 0) {
            (void)snprintf(out->host, sizeof out->host, "127.0.0.1");
        } else {
            memcpy(out->host, host, size);
            out->host[size] = '\0';
        }
    }
    if (strpbrk(out->host, " \t/@?#"))
        return refuse(err, text, "has a host that is none");
    out->port = port_of(port);
    if (out->port < 0)
        return refuse(err, text, "has no port of 0..65535");
    return WEIR_OK;
}

/* What the socket got, in words. */
static void describe(const struct sockaddr_storage *bound, weir_status_socket *out)
{
    char text[INET6_ADDRSTRLEN] = "?";

    if (bound->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)bound;

        out->port = ntohs(six->sin6_port);
        out->is_loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
        (void)inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
        (void)snprintf(out->shown, sizeof out->shown, "[%s]:%d", text, out->port);
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)bound;

        out->port = ntohs(four->sin_port);
        out->is_loopback = (ntohl(four->sin_addr.s_addr) >> 24) == 127;
        (void)inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
        (void)snprintf(out->shown, sizeof out->shown, "%s:%d", text, out->port);
    }
}

/* 0, or errno. */
static int try_listen(const struct addrinfo *candidate, weir_status_socket *out)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    int one = 1, number = 0;
    int fd = socket(candidate->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return errno;
    /* A port that an older process of ours left in TIME_WAIT is free; one that is listened on is not. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, candidate->ai_addr, candidate->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &size) != 0) {
        number = errno;
        (void)close(fd); /* nothing was written to it */
        return number;
    }
    out->fd = fd;
    describe(&bound, out);
    return 0;
}

static weir_code fail_listen(const weir_status_address *address, int number, weir_error *err)
{
    weir_remedy stop = WEIR_REMEDY_STOP;

    switch (number) {
    case EADDRINUSE:
        return weir__fail_from(err, WEIR_IO, stop, "errno", number,
                               "status.listen: port %d on %.64s is in use by another process; give another port, or 0 "
                               "for any free one",
                               address->port, address->host);
    case EACCES:
        return weir__fail_from(err, WEIR_IO, stop, "errno", number,
                               "status.listen: port %d on %.64s is not allowed to this user; give one above 1023",
                               address->port, address->host);
    case EADDRNOTAVAIL:
        return weir__fail_from(err, WEIR_IO, stop, "errno", number,
                               "status.listen: %.64s is no address of this machine; 127.0.0.1 is, and 0.0.0.0 is all "
                               "of them",
                               address->host);
    default:
        return weir__fail_errno(err, number, stop, "status.listen: cannot listen on port %d of %.64s", address->port,
                                address->host);
    }
}

weir_code weir__status_address_listen(const weir_status_address *address, weir_status_socket *out, weir_error *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char port[8];
    int number, last = EADDRNOTAVAIL;

    (void)snprintf(port, sizeof port, "%d", address->port);
    number = getaddrinfo(address->host, port, &hints, &found);
    if (number == EAI_MEMORY)
        return weir__fail_memory(err, "status.listen");
    if (number != 0)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "status.listen: host '%.64s' cannot be found: %s",
                          address->host, gai_strerror(number));
    for (const struct addrinfo *candidate = found; candidate; candidate = candidate->ai_next) {
        last = try_listen(candidate, out);
        if (last == 0)
            break;
    }
    freeaddrinfo(found);
    return last == 0 ? WEIR_OK : fail_listen(address, last, err);
}
