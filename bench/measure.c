/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and prints what it took: "STATUS WALL_US CPU_US PEAK_KB". Small itself, since Linux counts the size of
 * the program that starts a command to the command.
 *   measure INPUT OUTPUT COMMAND [ARGUMENT...]
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t time_us(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static void start(char **argv)
{
    int in = open(argv[1], O_RDONLY), out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666);

    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0)
        perror("measure: input or output");
    else if (execv(argv[3], argv + 3) != 0)
        perror(argv[3]);
    _exit(127);
}

int main(int argc, char **argv)
{
    struct rusage usage;
    int64_t began;
    int status;
    pid_t pid;

    if (argc < 4)
        return 2;
    began = now_us();
    pid = fork();
    if (pid == 0)
        start(argv);
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
        perror("measure");
        return 1;
    }
    (void)printf("%d %" PRId64 " %" PRId64 " %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                 now_us() - began, time_us(usage.ru_utime) + time_us(usage.ru_stime), usage.ru_maxrss);
    return 0;
}
