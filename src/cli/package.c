/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB package`: words into options, and what was made in words. */
#include "cli/package.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/job.h"
#include "cli/options.h"
#include "package/jar.h"
#include "package/package.h"

static const weir_option options[] = {
    { "output", "FILE", "the JAR to make" },
    { "shim", "FILE", "weir-flink.jar, where it is not found" },
    { "config", "FILE", "goes into the JAR as it is" },
    { NULL, NULL, NULL },
};

static void print_help(const char *program)
{
    (void)printf("usage: %s package --output job.jar [--config FILE] [--shim FILE]\n\n"
                 "Makes one JAR of Flink's host for weir, this binary, the shared libraries it\n"
                 "needs beyond glibc's, and its configuration; `flink run job.jar` submits it.\n"
                 "${env:NAME} and ${file:PATH} stay as they are: they are filled in where the\n"
                 "job runs. The environment and --set do not go into the JAR.\n\n",
                 program);
    (void)printf("options:\n"
                 "  --output FILE             the JAR to make\n"
                 "  --config FILE             the configuration, which goes into the JAR as it is\n"
                 "  --shim FILE               weir-flink.jar, where it is not found\n"
                 "  --help                    show this help\n"
                 "\nenvironment: WEIR_FLINK_JAR names weir-flink.jar when --shim does not\n"
                 "exit status: 0 done, 2 wrong usage or configuration, 3 a file or a library is\n"
                 "out of reach\n");
}

/* The file that this process runs; a wrapper of the build tree has long made way for it. */
static weir_code own_file(char path[static PATH_MAX], weir_error *err)
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);

    if (size < 0 || size == PATH_MAX - 1)
        return weir__fail_errno(err, size < 0 ? errno : ENAMETOOLONG, WEIR_REMEDY_FIX, "/proc/self/exe");
    path[size] = '\0';
    return WEIR_OK;
}

/* How it is called in the JAR: without what libtool puts before a program that it linked again. */
static const char *own_name(const char *path)
{
    const char *name = weir__cli_program(path);

    return strncmp(name, "lt-", 3) == 0 && name[3] ? name + 3 : name;
}

/* What was given but for the file would be in one place of the JAR only. */
static weir_code refuse_settings(const weir_config *config, weir_error *err)
{
    weir_config_entry entry;
    size_t cursor = 0;

    while (weir__config_next(config, &cursor, &entry)) {
        if (entry.origin == WEIR__ORIGIN_COMMAND_LINE)
            return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                              "%.64s: --set and --log-level do not go into a JAR; write it into the configuration file",
                              entry.name);
    }
    return WEIR_OK;
}

static double megabytes(size_t size)
{
    return (double)size / 1e6;
}

static void tell(const weir_package_options *made, const weir_package_report *report)
{
    (void)printf("%s: %.1f MB\n", made->output, megabytes(report->jar_size));
    (void)printf("  shim       %5.1f MB  %s\n", megabytes(report->shim_size), made->shim);
    (void)printf("  binary     %5.1f MB  weir/bin/%s\n", megabytes(report->program_size), made->name);
    (void)printf("  libraries  %5.1f MB  weir/lib, %zu files; packed they take less\n",
                 megabytes(report->libraries_size), report->library_count);
    (void)printf("  config               weir/job.properties%s\n", made->config_file ? ", weir/job.yaml" : "");
    (void)printf("submit it with:\n  flink run -d %s\n", made->output);
}

static void warn(const char *program, const weir_package_report *report)
{
    if (weir__glibc_newer(report->glibc, WEIR__PACKAGE_GLIBC))
        (void)fprintf(stderr,
                      "%s: warning: needs glibc %u.%u (%s in %s), official images of Flink may have 2.35; build it "
                      "on an older system\n",
                      program, report->glibc.major, report->glibc.minor,
                      *report->glibc_symbol ? report->glibc_symbol : "not known for what", report->glibc_file);
    if (report->secret)
        (void)fprintf(stderr,
                      "%s: warning: the JAR holds a secret in clear, %s; write ${env:NAME} or ${file:PATH} instead\n",
                      program, report->secret);
}

/* A worker of a build without Kafka would refuse it, but only when it is started in Flink. */
static weir_code refuse_journal(const weir_config *config, weir_error *err)
{
#ifndef HAVE_RDKAFKA
    if (weir__config_text(config, "action-state.topic"))
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "action-state.topic is set, and this weir was built without Kafka; build it with librdkafka");
#endif
    (void)config, (void)err;
    return WEIR_OK;
}

static weir_code make(weir_job *job, const char *program, const weir_arguments *arguments, weir_error *err)
{
    weir_package_options package = { .config = arguments->config,
                                     .config_file = weir__arguments_value(arguments, "config"),
                                     .job_name = job->name,
                                     .version = PACKAGE_VERSION,
                                     .output = weir__arguments_value(arguments, "output") };
    char own[PATH_MAX], shim[PATH_MAX];
    const char **agents = NULL;
    weir_package_report report;
    weir_code rc = WEIR_OK;

    if (!package.output || !*package.output)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "--output FILE is missing: the JAR to make");
    rc = weir__jar_check(err);
    if (rc == WEIR_OK)
        rc = refuse_settings(arguments->config, err);
    if (rc == WEIR_OK && package.config_file)
        rc = weir__config_read_file(arguments->config, package.config_file, err);
    if (rc == WEIR_OK)
        rc = refuse_journal(arguments->config, err);
    if (rc == WEIR_OK)
        rc = weir__job_seal(job, err);
    if (rc == WEIR_OK)
        rc = own_file(own, err);
    if (rc == WEIR_OK)
        rc = weir__package_shim(weir__arguments_value(arguments, "shim"), own, shim, err);
    if (rc != WEIR_OK)
        return rc;
    agents = calloc(job->agent_count + 1, sizeof *agents);
    if (!agents)
        return weir__fail_memory(err, "the agents' names");
    for (size_t i = 0; i < job->agent_count; i++)
        agents[i] = job->agents[i]->name;
    package.agents = agents;
    package.agent_count = job->agent_count;
    package.program = own;
    package.name = own_name(own);
    package.shim = shim;
    rc = weir__package_make(&package, &report, err);
    if (rc == WEIR_OK) {
        warn(program, &report);
        tell(&package, &report);
    }
    free(agents);
    return rc;
}

int weir__cli_package(weir_job *job, const char *program, int argc, char **argv)
{
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse_written(&arguments, options, 0, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help)
        print_help(program);
    else if (rc == WEIR_OK)
        rc = make(job, program, &arguments, &err);
    weir__arguments_clear(&arguments);
    if (rc == WEIR_OK && (fflush(stdout) != 0 || ferror(stdout)))
        rc = weir__fail(&err, WEIR_IO, WEIR_REMEDY_FIX, "cannot write to stdout");
    if (rc == WEIR_OK)
        return 0;
    weir__cli_complain(program, &err);
    return weir__cli_status(rc);
}
