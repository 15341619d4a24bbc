/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB local`: words into options, progress onto a terminal. */
#include "cli/local.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/options.h"
#include "host/local.h"

static const weir_option options[] = {
    { "input", "FILE", "records, one JSON object a line; - is stdin" },
    { "output", "FILE", "outputs, one JSON object a line; - is stdout" },
    { "state-dir", "DIR", "keep memory and position there: exactly once" },
    { "follow", NULL, "wait for more at the end of the input" },
    { "input-continues", NULL, "the pipe goes on where the last start left off" },
    { "input-moved", NULL, "the input is the same file in another place" },
    { NULL, NULL, NULL },
};

static void show_progress(void *context, const weir_local_progress *progress, bool is_last)
{
    double seconds = (double)progress->elapsed_ms / 1000.0;
    double rate = seconds > 0 ? (double)progress->records / seconds : 0;

    (void)context;
    (void)fprintf(stderr, "\r%" PRIu64 " records  %.0f/s  %" PRIu64 " outputs", progress->records, rate,
                  progress->outputs);
    if (progress->waiting)
        (void)fprintf(stderr, "  %zu in flight", progress->waiting);
    if (progress->skipped)
        (void)fprintf(stderr, "  %" PRIu64 " passed over", progress->skipped);
    if (!is_last && progress->input_size && progress->input_offset)
        (void)fprintf(stderr, "  %.0f%%, %.0f s left",
                      100.0 * (double)progress->input_offset / (double)progress->input_size,
                      seconds * (double)(progress->input_size - progress->input_offset) /
                          (double)progress->input_offset);
    (void)fprintf(stderr, "\x1b[K%s", is_last ? "\n" : "");
}

static void print_help(const char *program)
{
    (void)printf("usage: %s local [--input FILE] [--output FILE] [option...]\n\n"
                 "Runs the job over records, one JSON object a line:\n"
                 "  {\"key\": \"ada\", \"value\": {\"n\": 1}, \"timestamp\": 1767225600000}\n"
                 "With a state folder it goes on where it was after any crash, each output once.\n\n",
                 program);
    weir__options_print(options);
    (void)printf("\nexit status: 0 done, 1 a run failed, 2 wrong usage or configuration,\n"
                 "3 file or state out of reach or not what it was, 130 or 143 interrupted\n");
}

static weir_code run(weir_job *job, const weir_arguments *arguments, weir_local_result *result, weir_error *err)
{
    const char *folder = weir__arguments_value(arguments, "state-dir");
    weir_local_options local = {
        .job = job,
        .config = arguments->config,
        .input = weir__arguments_value(arguments, "input"),
        .output = weir__arguments_value(arguments, "output"),
        .follow = weir__arguments_value(arguments, "follow") != NULL,
        .input_continues = weir__arguments_value(arguments, "input-continues") != NULL,
        .input_moved = weir__arguments_value(arguments, "input-moved") != NULL,
        .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
    };
    weir_code rc = folder ? weir__config_set_value(arguments->config, "state.dir", folder, err) : WEIR_OK;

    return rc == WEIR_OK ? weir__local_run(&local, result, err) : rc;
}

int weir__cli_local(weir_job *job, const char *program, int argc, char **argv)
{
    weir_local_result result = { .signal = 0 };
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);
    bool has_run = false;

    if (rc == WEIR_OK && arguments.wants_help) {
        print_help(program);
    } else if (rc == WEIR_OK) {
        rc = run(job, &arguments, &result, &err);
        has_run = true;
    }
    weir__arguments_clear(&arguments);
    if (has_run && result.skipped)
        (void)fprintf(stderr, "%s: %" PRIu64 " records passed over (input.on-error)\n", program, result.skipped);
    if (has_run)
        weir__log(WEIR__LOG_INFO, "cli/local",
                  "ended records=%" PRIu64 " outputs=%" PRIu64 " passed-over=%" PRIu64 " parked=%zu", result.records,
                  result.outputs, result.skipped, result.parked);
    if (rc != WEIR_OK) {
        weir__cli_complain(program, &err);
        return weir__cli_status(rc);
    }
    if (result.parked && !result.signal) {
        (void)fprintf(stderr, "%s: %zu run%s parked, a call may or may not have been made; `%s parked` lists what to "
                              "decide\n",
                      program, result.parked, result.parked == 1 ? " is" : "s are", program);
        return 1;
    }
    return result.signal ? 128 + result.signal : 0;
}
