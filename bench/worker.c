/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for `JOB worker` that does nothing but give inputs and count ends, so that what is measured is the worker's:
 *   worker RECORDS KEYS IN_FLIGHT PROGRAM [ARGUMENT...]
 * Prints "RECORDS_PER_S CPU_NS_A_RECORD BATCHES PEAK_KB": the wall's rate, and the processor time that the worker took.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUT_BYTES = 256 << 10, IN_BYTES = 1 << 20, FRAME_BYTES = 512, BATCH = 3, FATAL = 8, BYE = 9, READY = 2 };

static uint8_t out[OUT_BYTES + FRAME_BYTES];
static size_t out_size, out_sent;
static uint8_t *in;
static size_t in_begin, in_end, in_capacity;
static uint64_t given, ended, batches;
static bool is_ready, is_over;

static void put(uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        out[out_size++] = (uint8_t)(number >> (8 * i));
}

static void put_bytes(const void *data, size_t size)
{
    put(size, 4);
    memcpy(out + out_size, data, size);
    out_size += size;
}

static uint64_t get(const uint8_t *at, int bytes)
{
    uint64_t number = 0;

    for (int i = 0; i < bytes; i++)
        number = number << 8 | at[i];
    return number;
}

static size_t begin(uint8_t type)
{
    size_t at = out_size;

    put(0, 4);
    put(type, 1);
    return at;
}

static void end(size_t at)
{
    size_t size = out_size;

    out_size = at;
    put(size - at - 4, 4);
    out_size = size;
}

static void give_opening(void)
{
    size_t at = begin(1);

    put(0x57454952, 4);
    put(1, 2);
    put(1, 2);
    put_bytes("bench", 5);
    end(at);
    at = begin(2);
    put(0, 4);
    put(1, 4);
    put(128, 4);
    put(0, 4);
    put(127, 4);
    put(0, 4);
    put(0, 1);
    put_bytes("bench", 5);
    put(1, 4);
    put_bytes("action-state.required", 21);
    put_bytes("false", 5);
    put(0, 4);
    put(0, 4);
    end(at);
}

/* A hundred bytes of JSON, as the other benches have them. */
static void give_run(uint64_t keys, bool *seen)
{
    uint64_t key = (given * 2654435761u) % keys;
    char text[64], payload[128];
    int size = snprintf(text, sizeof text, "key-%08" PRIu64, key);
    int payload_size = snprintf(payload, sizeof payload,
                                "{\"user\":\"%s\",\"amount\":1%05" PRIu64 ",\"note\":\"%032d\",\"ok\":true,"
                                "\"x\":1.5}", text, given % 100000, 7);
    size_t at = begin(3);

    put(++given, 8);
    put(key % 128, 4);
    put(seen[key] ? 0 : 1, 1);
    seen[key] = true;
    put_bytes("bench/0", 7);
    put(given - 1, 8);
    put(1767225600000 + given, 8);
    put_bytes(text, (size_t)size);
    put_bytes(payload, (size_t)payload_size);
    put(0, 4);
    put(0, 4);
    end(at);
}

/* The first end of a batch stands for all: a run that fails comes alone. */
static void take(uint8_t type, const uint8_t *body, size_t size)
{
    if (type == BATCH && size > 12 && body[12] != 0) {
        (void)fprintf(stderr, "a run has failed: %.*s\n", (int)(size - 13), (const char *)body + 13);
        exit(1);
    } else if (type == BATCH) {
        ended += get(body, 4);
        batches++;
    } else if (type == READY) {
        is_ready = true;
    } else if (type == BYE) {
        is_over = true;
    } else if (type == FATAL) {
        (void)fprintf(stderr, "FATAL %.*s\n", (int)size, (const char *)body);
        exit(1);
    }
}

static void read_in(int fd)
{
    ssize_t size;

    if (in_capacity - in_end < IN_BYTES / 2) {
        memmove(in, in + in_begin, in_end - in_begin);
        in_end -= in_begin;
        in_begin = 0;
        if (in_capacity - in_end < IN_BYTES / 2) {
            in_capacity += IN_BYTES;
            in = realloc(in, in_capacity);
            if (!in)
                exit(1);
        }
    }
    size = read(fd, in + in_end, in_capacity - in_end);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
        (void)fprintf(stderr, "the worker has ended\n");
        exit(1);
    }
    in_end += size > 0 ? (size_t)size : 0;
    while (in_end - in_begin >= 5) {
        size_t length = get(in + in_begin, 4);

        if (in_end - in_begin < 4 + length)
            break;
        take(in[in_begin + 4], in + in_begin + 5, length - 1);
        in_begin += 4 + length;
    }
}

static void write_out(int fd)
{
    ssize_t size = write(fd, out + out_sent, out_size - out_sent);

    if (size < 0 && errno != EAGAIN && errno != EINTR) {
        perror("write");
        exit(1);
    }
    out_sent += size > 0 ? (size_t)size : 0;
    if (out_sent == out_size) {
        out_sent = 0;
        out_size = 0;
    }
}

static pid_t start(char **argv, int *to, int *from)
{
    int down[2], up[2];
    pid_t pid;

    if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0)
        exit(1);
    pid = fork();
    if (pid == 0) {
        (void)dup2(down[0], 0);
        (void)dup2(up[1], 1);
        (void)execv(argv[0], argv);
        _exit(127);
    }
    (void)close(down[0]);
    (void)close(up[1]);
    *to = down[1];
    *from = up[0];
    (void)fcntl(*to, F_SETFL, O_NONBLOCK);
    (void)fcntl(*from, F_SETFL, O_NONBLOCK);
    return pid;
}

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    uint64_t records = argc > 4 ? strtoull(argv[1], NULL, 10) : 0, keys = argc > 4 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t in_flight = argc > 4 ? strtoull(argv[3], NULL, 10) : 0;
    bool *seen = calloc(keys + 1, sizeof *seen);
    bool is_stop_sent = false;
    struct rusage usage;
    double began = 0, wall = 0;
    int to, from, status;
    pid_t pid;

    if (argc < 5 || !seen)
        return 2;
    pid = start(argv + 4, &to, &from);
    give_opening();
    while (!is_over) {
        struct pollfd fds[2] = { { from, POLLIN, 0 }, { to, 0, 0 } };

        if (is_ready && began == 0)
            began = seconds();
        while (is_ready && !out_sent && given < records && given - ended < in_flight && out_size < OUT_BYTES)
            give_run(keys, seen);
        if (ended == records && !is_stop_sent) {
            wall = seconds() - began;
            end((put(2, 4), put(5, 1), put(0, 1), out_size - 6));
            is_stop_sent = true;
        }
        if (out_size)
            write_out(to);
        fds[1].events = out_size ? POLLOUT : 0;
        if (poll(fds, 2, -1) > 0 && fds[0].revents)
            read_in(from);
    }
    if (wait4(pid, &status, 0, &usage) != pid || status != 0) {
        (void)fprintf(stderr, "the worker ended with %d\n", status);
        return 1;
    }
    (void)printf("%.0f %.0f %" PRIu64 " %ld\n", (double)records / wall,
                 ((double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3) / (double)records,
                 batches, usage.ru_maxrss);
    free(in);
    free(seen);
    return 0;
}
