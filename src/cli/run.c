/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB run`: words into options, and what it ends with. */
#include "cli/run.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "cli/kafka_job.h"
#include "cli/options.h"
#ifdef HAVE_RDKAFKA
#include "host/kafka.h"
#endif

static const weir_option options[] = {
    { "resume", NULL, "go on where the state stands, not the group" },
    { "reprocess", NULL, "throw the state away, read from the group's offset" },
    { "repeat-calls", NULL, "with --reprocess: calls may be made again" },
    { NULL, NULL, NULL },
};

static void print_help(const char *program)
{
    (void)printf("usage: %s run --config FILE [--resume | --reprocess [--repeat-calls]]\n\n"
                 "Runs the job as a member of its Kafka consumer group, until SIGTERM.\n"
                 "Start it as often as you like: partitions are shared out among all.\n"
                 "Outputs, state and offsets are committed together, each exactly once.\n\n",
                 program);
    weir__options_print(options);
    (void)printf("\nexit status: 0 stopped by a signal, 1 a record is bad or a run failed,\n"
                 "2 wrong usage or configuration, 3 broker or state out of reach or not what\n"
                 "it was\n");
}

#ifdef HAVE_RDKAFKA

static weir_code run(weir_job *job, const weir_arguments *arguments, weir_stream_result *result, weir_error *err)
{
    bool is_resumed = weir__arguments_value(arguments, "resume") != NULL;
    bool is_anew = weir__arguments_value(arguments, "reprocess") != NULL;
    bool is_repeated = weir__arguments_value(arguments, "repeat-calls") != NULL;
    weir_kafka_options kafka = { .job = job, .config = arguments->config };

    if (is_resumed && is_anew)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "--resume and --reprocess exclude each other");
    if (is_repeated && !is_anew)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "--repeat-calls goes with --reprocess");
    kafka.start = is_resumed  ? WEIR__START_RESUME
                  : !is_anew  ? WEIR__START_PLAIN
                  : is_repeated ? WEIR__START_REPEAT_CALLS
                                : WEIR__START_REPROCESS;
    return weir__kafka_run(&kafka, result, err);
}

static void tell_end(const char *program, const weir_stream_result *result)
{
    if (result->skipped)
        (void)fprintf(stderr, "%s: %" PRIu64 " records passed over (input.on-error)\n", program, result->skipped);
    weir__log(WEIR__LOG_INFO, "cli/run",
              "ended records=%" PRIu64 " outputs=%" PRIu64 " commits=%" PRIu64 " passed-over=%" PRIu64 " parked=%zu",
              result->records, result->outputs, result->commits, result->skipped, result->parked);
}

#endif

int weir__cli_run(weir_job *job, const char *program, int argc, char **argv)
{
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help) {
        print_help(program);
    } else if (rc == WEIR_OK) {
#ifdef HAVE_RDKAFKA
        weir_stream_result result;

        rc = run(job, &arguments, &result, &err);
        tell_end(program, &result);
#else
        (void)job;
        rc = weir__cli_fail_without_kafka(&err);
#endif
    }
    weir__arguments_clear(&arguments);
    if (rc == WEIR_OK)
        return 0;
    weir__cli_complain(program, &err);
    return weir__cli_status(rc);
}
