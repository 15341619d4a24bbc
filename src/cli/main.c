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

static const char *const commands[] = { "local", "describe", "help", NULL };
/* Commands of the contract that this version does not have yet. */
static const char *const later[] = { "run", "replay", "explain", "parked", "resolve", "package", "worker", NULL };

static void print_usage(FILE *to, const char *program)
{
    (void)fprintf(to,
                  "usage: %s local [--input FILE] [--output FILE] [--state-dir DIR] [option...]\n"
                  "       %s describe [option...]\n"
                  "       %s --help | --version\n",
                  program, program, program);
}

static int run_command(weir_job *job, const char *program, int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : NULL;
    const char *nearest;

    if (!command) {
        print_usage(stderr, program);
        return 2;
    }
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0 || strcmp(command, "help") == 0) {
        print_usage(stdout, program);
        (void)printf("\nlocal     runs the job over JSON lines, exactly once with a state folder\n"
                     "describe  prints agents, actions and configuration as JSON\n\n"
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
    if (strcmp(command, "describe") == 0)
        return weir__cli_describe(job, program, argc - 2, argv + 2);
    for (const char *const *name = later; *name; name++) {
        if (strcmp(command, *name) == 0) {
            (void)fprintf(stderr, "%s: this version of weir has no '%s' yet; it has local and describe\n", program,
                          command);
            return 2;
        }
    }
    nearest = weir__nearest(command, commands);
    if (nearest)
        (void)fprintf(stderr, "%s: unknown command '%s'; did you mean '%s'?\n", program, command, nearest);
    else
        (void)fprintf(stderr, "%s: unknown command '%s'; see %s --help\n", program, command, program);
    return 2;
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
    int status;

    occupy_standard();
    /* An output that nobody reads any more is an error with a message, not a silent end. */
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigaction(SIGPIPE, &ignore, &before); /* a catchable signal: cannot fail */
    status = run_command(job, weir__cli_program(argc > 0 ? argv[0] : NULL), argc, argv);
    (void)sigaction(SIGPIPE, &before, NULL);
    weir_job_free(job);
    return status;
}
