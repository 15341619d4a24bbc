/* SPDX-License-Identifier: Apache-2.0 */
/* `weir topics`: what a job needs, what is there, what to do. */
#include "cli/topics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/kafka_job.h"
#include "cli/options.h"
#ifdef HAVE_RDKAFKA
#include "host/kafka.h"
#endif

static const weir_option options[] = {
    { "create", NULL, "make what is missing (never an input)" },
    { NULL, NULL, NULL },
};

static void print_help(const char *program)
{
    (void)printf("usage: %s topics --config FILE [--create]\n\n"
                 "Lists the topics that a job on Kafka needs, whether they are as they must be,\n"
                 "and what to run where they are not.\n\n",
                 program);
    weir__options_print(options);
    (void)printf("\nexit status: 0 all is well, 2 wrong usage or configuration, 3 a topic is\n"
                 "missing or wrong, or the cluster is out of reach\n");
}

#ifdef HAVE_RDKAFKA

typedef struct listing {
    weir_cluster *cluster;
    weir_needed_topics needed;
    bool creates;
    int width;    /* of the longest name */
    size_t wrong; /* topics that are missing or wrong */
    weir_buffer why, command;
} listing;

static void print_row(const listing *to, const weir_needed_topic *topic, const char *state, const char *why)
{
    char partitions[32] = "-";

    if (topic->facts.exists)
        (void)snprintf(partitions, sizeof partitions, "%" PRId32, topic->facts.partitions); /* it fits */
    (void)printf("%-12s  %-*s  %10s  %s%s%s\n", weir__topic_role_name(topic->role), to->width, topic->name, partitions,
                 state, *why ? ": " : "", why);
    if (to->command.size)
        (void)printf("  run: %.*s\n", (int)to->command.size, (const char *)to->command.data);
}

static weir_code list_one(listing *to, weir_needed_topic *topic, weir_error *err)
{
    static const char *const names[] = { "right", "doubtful", "wrong", "missing" };
    weir_topic_state state;
    bool is_made = false;
    weir_error refused = { .code = WEIR_OK };
    const char *why;
    weir_code rc;

    if (to->creates && weir__topic_can_be_made(&to->needed, topic)) {
        rc = weir__topic_make(to->cluster, &to->needed, topic, &refused);
        if (rc != WEIR_OK && rc != WEIR_IO) {
            *err = refused;
            return rc;
        }
        is_made = rc == WEIR_OK; /* refused: it is said, and the others are looked at */
    }
    rc = weir__topic_judge(to->cluster, &to->needed, topic, &state, &to->why, &to->command, err);
    if (rc == WEIR_OK && weir__buffer_add_byte(&to->why, 0) != WEIR_OK)
        rc = weir__fail_memory(err, "a topic");
    if (rc != WEIR_OK)
        return rc;
    why = refused.code != WEIR_OK ? refused.message : (const char *)to->why.data;
    print_row(to, topic, is_made && state == WEIR__TOPIC_RIGHT ? "made" : names[state], why);
    to->wrong += state >= WEIR__TOPIC_WRONG;
    return WEIR_OK;
}

static weir_code list(listing *to, weir_error *err)
{
    weir_code rc = WEIR_OK;

    to->width = (int)strlen("topic");
    for (size_t i = 0; i < to->needed.count; i++) {
        int width = (int)strlen(to->needed.items[i].name);

        to->width = width > to->width ? width : to->width;
    }
    (void)printf("%-12s  %-*s  %10s  %s\n", "role", to->width, "topic", "partitions", "state");
    for (size_t i = 0; i < to->needed.count && rc == WEIR_OK; i++)
        rc = list_one(to, &to->needed.items[i], err);
    if (fflush(stdout) != 0 && rc == WEIR_OK)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    if (rc == WEIR_OK && to->wrong)
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "%zu of %zu topics %s missing or wrong%s", to->wrong,
                        to->needed.count, to->wrong == 1 ? "is" : "are",
                        to->creates ? "" : "; --create makes what is missing, but no input");
    return rc;
}

static weir_code run(const weir_arguments *arguments, weir_error *err)
{
    const char *job = weir__config_text(arguments->config, "job.name");
    weir_cluster_options cluster = { .config = arguments->config, .group = job };
    listing to = { .creates = weir__arguments_value(arguments, "create") != NULL };
    weir_code rc;

    if (!job)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "job.name is not set, and the names of the job's topics begin with it; set it");
    weir__buffer_init(&to.why, SIZE_MAX);
    weir__buffer_init(&to.command, SIZE_MAX);
    rc = weir__cluster_open(&cluster, &to.cluster, err);
    if (rc == WEIR_OK)
        rc = weir__topics_find(to.cluster, arguments->config, job, &to.needed, err);
    if (rc == WEIR_OK)
        rc = list(&to, err);
    weir__topics_clear(&to.needed);
    weir__cluster_close(to.cluster);
    weir__buffer_clear(&to.why);
    weir__buffer_clear(&to.command);
    return rc;
}

#else

static weir_code run(const weir_arguments *arguments, weir_error *err)
{
    (void)arguments;
    return weir__cli_fail_without_kafka(err);
}

#endif

int weir__cli_topics(const char *program, int argc, char **argv)
{
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help)
        print_help(program);
    else if (rc == WEIR_OK)
        rc = run(&arguments, &err);
    weir__arguments_clear(&arguments);
    return weir__cli_looked(program, rc, &err);
}
