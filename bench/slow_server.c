/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP server on loopback that lets every request wait before it answers, thousands of them at once.
 *   slow_server DELAY_MS
 * Prints its port, serves until its stdin ends, then prints "REQUESTS MOST_AT_ONCE". Requests have no body.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FDS = 16384, EVENTS = 512 };

/* One descriptor's place; the ring below may outlive a connection, hence the generation. */
typedef struct place {
    unsigned generation;
    int matched; /* bytes of the blank line that ends a request */
} place;

typedef struct due {
    int fd;
    unsigned generation;
    int64_t at_us;
} due;

/* All wait equally long, so that they are due in the order in which they came: a ring will do. */
typedef struct server {
    int epoll, listener;
    int64_t delay_us;
    place places[MOST_FDS];
    due ring[MOST_FDS];
    size_t first, waiting, most_waiting, requests;
} server;

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
                             "{\"answer\":\"01234567890123456789012345678901234567890123456789"
                             "012345678901234567890123456789012345\"}\n";

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(const server *all, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

    if (epoll_ctl(all->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("slow_server: epoll_ctl");
}

static void hang_up(server *all, int fd)
{
    all->places[fd].generation++;
    (void)close(fd); /* epoll forgets it */
}

static void accept_all(server *all)
{
    for (;;) {
        int fd = accept4(all->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
            return;
        if (fd < 0)
            die("slow_server: accept");
        if (fd >= MOST_FDS) {
            (void)close(fd);
            continue;
        }
        all->places[fd].matched = 0;
        watch(all, fd);
    }
}

/* A request that has come whole begins to wait. */
static void put_off(server *all, int fd)
{
    if (all->waiting == MOST_FDS) {
        hang_up(all, fd);
        return;
    }
    all->ring[(all->first + all->waiting) % MOST_FDS] =
        (due){ fd, all->places[fd].generation, now_us() + all->delay_us };
    all->requests++;
    if (++all->waiting > all->most_waiting)
        all->most_waiting = all->waiting;
}

static void read_request(server *all, int fd)
{
    static const char end[] = "\r\n\r\n";
    place *at = &all->places[fd];
    char bytes[4096];
    ssize_t size = read(fd, bytes, sizeof bytes);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0) {
        hang_up(all, fd);
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        at->matched = bytes[i] == end[at->matched] ? at->matched + 1 : bytes[i] == '\r';
        if (end[at->matched] == '\0') {
            at->matched = 0;
            put_off(all, fd);
        }
    }
}

static void answer_due(server *all)
{
    int64_t now = now_us();

    while (all->waiting && all->ring[all->first].at_us <= now) {
        const due *next = &all->ring[all->first];

        /* A socket that cannot take so little has a peer that does not read. */
        if (next->generation == all->places[next->fd].generation &&
            write(next->fd, answer, sizeof answer - 1) != (ssize_t)sizeof answer - 1)
            hang_up(all, next->fd);
        all->first = (all->first + 1) % MOST_FDS;
        all->waiting--;
    }
}

static int wait_ms(const server *all)
{
    int64_t left_us;

    if (!all->waiting)
        return -1;
    left_us = all->ring[all->first].at_us - now_us();
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

/* False when stdin has ended. */
static bool turn(server *all)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(all->epoll, events, EVENTS, wait_ms(all));
    char ignored[64];

    for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;

        if (fd == STDIN_FILENO && read(fd, ignored, sizeof ignored) <= 0)
            return false;
        if (fd == all->listener)
            accept_all(all);
        else if (fd != STDIN_FILENO)
            read_request(all, fd);
    }
    answer_due(all);
    return true;
}

static void listen_here(server *all)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;

    all->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (all->listener < 0 || bind(all->listener, (struct sockaddr *)&address, size) != 0 ||
        listen(all->listener, MOST_FDS) != 0 || getsockname(all->listener, (struct sockaddr *)&address, &size) != 0)
        die("slow_server: listen");
    (void)printf("%d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static server all;
    struct rlimit files;

    if (argc != 2)
        return 2;
    all.delay_us = strtoll(argv[1], NULL, 10) * 1000;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        die("slow_server: getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        die("slow_server: setrlimit");
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (all.epoll < 0)
        die("slow_server: epoll_create1");
    listen_here(&all);
    watch(&all, all.listener);
    watch(&all, STDIN_FILENO);
    while (turn(&all))
        ;
    (void)printf("%zu %zu\n", all.requests, all.most_waiting);
    return 0;
}
