/* SPDX-License-Identifier: Apache-2.0 */
/* weir_main(): a job's command line. */
#include <weir/job.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/describe.h"
#include "cli/local.h"
#include "cli/options.h"
#include "cli/package.h"
#include "cli/parked.h"
#include "cli/replay.h"
#include "cli/resolve.h"
#include "cli/run.h"
#include "cli/worker.h"

static const char *const commands[] = { "local",   "run",      "replay", "parked", "resolve",
                                        "package", "describe", "worker", NULL };
/* Commands of the contract that this version does not have yet. */
static const char *const later[] = { "explain", NULL };

static void print_usage(FILE *to, const char *program)
{
    (void)fprintf(to,
                  "usage: %s local [--input FILE] [--output FILE] [option...]\n"
                  "       %s run --config FILE [option...]\n"
                  "       %s replay --config FILE [option...]\n"
                  "       %s parked [option...]\n"
                  "       %s resolve RUN --attempt N [option...]\n"
                  "       %s package --output job.jar [option...]\n"
                  "       %s describe [option...]\n"
                  "       %s --help | --version\n",
                  program, program, program, program, program, program, program, program);
}

static int run_command(weir_job *job, const char *program, int argc, char **argv)
{
    static char help[] = "--help";
    char *only_help[] = { NULL, NULL, help, NULL };
    const char *command = argc > 1 ? argv[1] : NULL;

    if (!command) {
        print_usage(stderr, program);
        return 2;
    }
    if (argc > 2 && strcmp(command, "help") == 0) { /* `help local` is `local --help` */
        command = argv[2];
        argc = 3;
        argv = only_help;
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 || strcmp(command, "help") == 0) {
        print_usage(stdout, program);
        (void)printf("\nlocal     runs the job over JSON lines, exactly once with a state folder\n"
                     "run       runs the job over Kafka topics, exactly once\n"
                     "replay    runs a stretch of its input again and compares\n"
                     "parked    lists the runs that wait for a decision\n"
                     "resolve   decides on one\n"
                     "package   makes a JAR of it that Flink runs\n"
                     "describe  prints agents, actions and configuration as JSON\n"
                     "worker    is what Flink starts\n\n"
                     "%s COMMAND --help shows the options of a command.\n",
                     program);
        return 0;
    }
    if (strcmp(command, "--version") == 0) {
        (void)printf("weir %s\n", PACKAGE_VERSION);
        return 0;
    }
    if (strcmp(command, "local") == 0)
        return weir__cli_local(job, program, argc - 2, argv + 2);
    if (strcmp(command, "run") == 0)
        return weir__cli_run(job, program, argc - 2, argv + 2);
    if (strcmp(command, "replay") == 0)
        return weir__cli_replay(job, program, argc - 2, argv + 2);
    if (strcmp(command, "parked") == 0)
        return weir__cli_parked(job, program, argc - 2, argv + 2);
    if (strcmp(command, "resolve") == 0)
        return weir__cli_resolve(job, program, argc - 2, argv + 2);
    if (strcmp(command, "package") == 0)
        return weir__cli_package(job, program, argc - 2, argv + 2);
    if (strcmp(command, "describe") == 0)
        return weir__cli_describe(job, program, argc - 2, argv + 2);
    if (strcmp(command, "worker") == 0)
        return weir__cli_worker(job, program, argc - 2, argv + 2);
    return weir__cli_refuse_command(program, command, commands, later);
}

/* A standard descriptor that was closed must not become a file of ours, into which outputs would then go. It is taken
 * by one that fails when it is used: reading what is write only, writing what is read only. */
static void occupy_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* gets the lowest free one: this */
    }
}

int weir_main(weir_job *job, int argc, char **argv)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
    const char *program = weir__cli_program(argc > 0 ? argv[0] : NULL);
    int status;

    occupy_standard();
    if (!job) {
        (void)fprintf(stderr, "%s: weir_main() was given no job; make one with weir_job_new()\n", program);
        return 2;
    }
    /* An output that nobody reads any more is an error with a message, not a silent end. */
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, &before); /* a catchable signal: cannot fail */
    status = run_command(job, program, argc, argv);
    (void)sigaction(SIGPIPE, &before, NULL);
    weir_job_free(job);
    return status;
}
