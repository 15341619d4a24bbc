/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB worker`: words into options; who calls it by hand is told that it is not for them. */
#include "cli/worker.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/options.h"
#include "host/worker.h"

static const weir_option options[] = {
    { NULL, NULL, NULL },
};

static void print_help(const char *program)
{
    (void)printf("usage: %s worker [--config FILE] [option...]\n\n"
                 "Flink starts it, beside each subtask of a packaged job, and speaks\n"
                 "docs/worker-protocol.md with it over standard input and output.\n\n",
                 program);
    weir__options_print(options);
    (void)printf("\nexit status: 0 stopped, or the input ended, 2 wrong usage or configuration,\n"
                 "3 broken frames, or a broker out of reach or not what it was\n");
}

static weir_code run(weir_job *job, const char *program, const weir_arguments *arguments, weir_error *err)
{
    weir_worker_options worker = { .job = job, .config = arguments->config, .program = program };

    if (isatty(STDIN_FILENO) || isatty(STDOUT_FILENO))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "worker is what Flink starts, and speaks frames on standard input and output, which is a "
                          "terminal here; for people there are: %s local, %s run", program, program);
    return weir__worker_run(&worker, err);
}

int weir__cli_worker(weir_job *job, const char *program, int argc, char **argv)
{
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help)
        print_help(program);
    else if (rc == WEIR_OK)
        rc = run(job, program, &arguments, &err);
    weir__arguments_clear(&arguments);
    if (rc == WEIR_OK)
        return 0;
    weir__cli_complain(program, &err);
    return weir__cli_status(rc);
}
