/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB replay`: words into options, and what came out, for people. */
#include "cli/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/kafka_job.h"
#include "cli/options.h"
#include "host/signals.h"
#ifdef HAVE_RDKAFKA
#include "host/kafka_look.h"
#include "replay/replay.h"
#endif

/* Source: the contract, "Exit status". */
enum { CONSISTENT = 0, DIFFERENT = 1, USAGE = 2, NOT_CHECKED = 3 };

static const weir_option words[] = {
    { "from", "POINT", "compare from there on (earliest)" },
    { "to", "POINT", "and up to there (committed)" },
    { "against", "TOPIC", "outputs to compare with (output.topic)" },
    { "against-journal", NULL, "compare calls with the journal, not outputs" },
    { "report", "FILE", "write all that differs there, not to stdout" },
    { "live", NULL, "make the calls that the journal does not have" },
    { "assume-empty", NULL, "the input's beginning is gone: memory was empty" },
    { NULL, NULL, NULL },
};

static void print_help(const char *program)
{
    (void)printf("usage: %s replay --config FILE [option...]\n\n"
                 "Runs the input of the job on Kafka again, with calls answered by its journal,\n"
                 "and compares the outputs with what the job has written. It joins no group and\n"
                 "writes nothing; the job may run meanwhile. What cannot be checked, as records or\n"
                 "the journal are gone, is said. A line of JSON for each difference.\n"
                 "POINT: earliest, committed, an offset, or a time (2026-11-22T10:04:05Z).\n\n",
                 program);
    weir__options_print(words);
    (void)printf("\nexit status: 0 consistent, 1 differences, 2 wrong usage or configuration,\n"
                 "3 it could not be checked, or not all of it\n");
}

#ifdef HAVE_RDKAFKA

enum { MOST_LINES = 20 };

typedef struct request {
    weir_replay_options options;
    weir_comparison comparison;
    const char *path; /* of the report; NULL: stdout */
    FILE *report;
} request;

static weir_code read_point(const weir_arguments *arguments, const char *name, weir_replay_bound *bound,
                            weir_error *err)
{
    const char *text = weir__arguments_value(arguments, name);

    if (!text || weir__replay_bound_parse(text, bound))
        return WEIR_OK;
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                      "--%s %.80s: it is none of earliest, committed, an offset, or a time like 2026-11-22T10:04:05Z",
                      name, text);
}

static weir_code read_request(const weir_arguments *arguments, request *to, weir_error *err)
{
    weir_replay_options *options = &to->options;
    weir_code rc = read_point(arguments, "from", &options->from, err);

    if (rc == WEIR_OK)
        rc = read_point(arguments, "to", &options->to, err);
    options->against = weir__arguments_value(arguments, "against");
    options->is_against_journal = weir__arguments_value(arguments, "against-journal") != NULL;
    options->is_live = weir__arguments_value(arguments, "live") != NULL;
    options->is_assumed_empty = weir__arguments_value(arguments, "assume-empty") != NULL;
    to->path = weir__arguments_value(arguments, "report");
    if (rc != WEIR_OK)
        return rc;
    if (options->against && options->is_against_journal)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "--against and --against-journal exclude each other");
    if (!weir__cli_means_kafka(arguments))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "replay needs a job on Kafka: --config FILE with input.topics and kafka.bootstrap.servers");
    to->report = stdout;
    if (to->path) {
        to->report = fopen(to->path, "w");
        if (!to->report)
            return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "--report %.200s: cannot be written", to->path);
    }
    return WEIR_OK;
}

static weir_code replay_job(weir_kafka_look *look, void *context, weir_error *err)
{
    request *to = context;

    to->options.look = look;
    return weir__replay_run(&to->options, &to->comparison, err);
}

static weir_code close_report(request *to, weir_error *err)
{
    FILE *report = to->report;

    to->report = NULL;
    if (!report || (to->path ? fclose(report) : fflush(report)) == 0)
        return WEIR_OK;
    return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "%s: the report cannot be written",
                            to->path ? to->path : "stdout");
}

static void tell_counts(const char *program, const weir_comparison *comparison)
{
    (void)fprintf(stderr, "%s: %" PRIu64 " runs compared, %" PRIu64 " outputs", program, comparison->runs,
                  comparison->outputs);
    for (int i = 0; i < WEIR__DIFFERENCES; i++) {
        if (comparison->differences[i])
            (void)fprintf(stderr, ", %" PRIu64 " %s", comparison->differences[i], weir__difference_name(i));
    }
    for (int i = 0; i < WEIR__UNCHECKEDS; i++) {
        if (comparison->unchecked[i])
            (void)fprintf(stderr, ", %" PRIu64 " not checked (%s)", comparison->unchecked[i], weir__unchecked_name(i));
    }
    if (comparison->open)
        (void)fprintf(stderr, ", %" PRIu64 " not over yet", comparison->open);
}

/* The exit status. */
static int tell(const char *program, const request *to)
{
    const weir_comparison *comparison = &to->comparison;
    bool is_different = weir__comparison_differences(comparison) > 0;
    bool is_checked = weir__comparison_unchecked(comparison) == 0 && comparison->runs > 0;

    tell_counts(program, comparison);
    (void)fprintf(stderr, ": %s\n",
                  is_different ? "not consistent"
                  : is_checked ? "consistent"
                               : "consistent as far as it could be checked");
    if (comparison->lines > comparison->most)
        (void)fprintf(stderr, "%s: the first %" PRIu64 " of %" PRIu64 " lines; --report FILE takes them all\n", program,
                      comparison->most, comparison->lines);
    return is_different ? DIFFERENT : is_checked ? CONSISTENT : NOT_CHECKED;
}

static int replay(weir_job *job, const char *program, const weir_arguments *arguments)
{
    request to = { .options = { .job = job, .config = arguments->config } };
    weir_error err;
    int status = NOT_CHECKED;
    weir_code rc = read_request(arguments, &to, &err);

    weir__comparison_init(&to.comparison, to.report, to.path ? UINT64_MAX : MOST_LINES);
    if (rc == WEIR_OK)
        rc = weir__job_seal(job, &err);
    if (rc == WEIR_OK)
        rc = weir__cli_look(arguments, job->name, replay_job, &to, &err);
    if (rc == WEIR_OK)
        rc = close_report(&to, &err);
    if (rc == WEIR_OK)
        status = tell(program, &to);
    else
        weir__cli_complain(program, &err);
    if (to.report && to.path)
        (void)fclose(to.report);
    weir__comparison_clear(&to.comparison);
    if (rc == WEIR_OK)
        return status;
    if (rc == WEIR_CANCELED && weir__signals_caught())
        return 128 + weir__signals_caught();
    return rc == WEIR_INVALID || rc == WEIR_CONFIG ? USAGE : NOT_CHECKED;
}

#endif

int weir__cli_replay(weir_job *job, const char *program, int argc, char **argv)
{
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, words, 0, argc, argv, &err);
    int status = CONSISTENT;

    if (rc == WEIR_OK && arguments.wants_help) {
        print_help(program);
    } else if (rc == WEIR_OK) {
#ifdef HAVE_RDKAFKA
        status = replay(job, program, &arguments);
#else
        (void)job;
        rc = weir__cli_fail_without_kafka(&err);
#endif
    }
    weir__arguments_clear(&arguments);
    if (rc != WEIR_OK) {
        weir__cli_complain(program, &err);
        status = USAGE;
    }
    return status;
}
