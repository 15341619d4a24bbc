/* SPDX-License-Identifier: Apache-2.0 */
/* `JOB parked` lists what waits for somebody. */
#include "cli/parked.h"

#include <errno.h>
#include <stdio.h>

#include "agent/job.h"
#include "cli/kafka_job.h"
#include "cli/options.h"
#include "host/parked.h"
#include "host/parked_text.h"
#ifdef HAVE_RDKAFKA
#include "host/kafka_parked.h"
#endif

typedef struct printer {
    const char *program;
    const char *where; /* what `resolve` is to be given to find the job again */
    weir_buffer line;
} printer;

static weir_code print_parked(void *context, const weir_parked_run *run, weir_error *err)
{
    printer *to = context;

    weir__buffer_reset(&to->line);
    if (weir__parked_print(run->parked, to->program, to->where, &to->line) != WEIR_OK ||
        weir__buffer_add_byte(&to->line, '\n') != WEIR_OK)
        return weir__fail_memory(err, "a line");
    if (fwrite(to->line.data, 1, to->line.size, stdout) != to->line.size)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    return WEIR_OK;
}

static weir_code flush(weir_error *err)
{
    return fflush(stdout) == 0 ? WEIR_OK : weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
}

static weir_code list_folder(const char *job, weir_arguments *arguments, printer *to, weir_error *err)
{
    weir_store_options options = {
        .job = job, .must_exist = true, .read_only = true, .disk = weir__disk_system()
    };
    weir_store *store = NULL;
    weir_code rc = weir__arguments_state_folder(arguments, &options.folder, err);

    if (rc == WEIR_OK)
        rc = weir__store_open(&options, &store, err);
    if (rc != WEIR_OK)
        return rc;
    rc = weir__parked_scan(store, print_parked, to, err);
    if (rc == WEIR_OK)
        rc = flush(err);
    if (rc != WEIR_OK)
        weir__store_error_context(store, err);
    weir__store_close(store);
    return rc;
}

static weir_code list_job(weir_kafka_look *look, void *context, weir_error *err)
{
#ifdef HAVE_RDKAFKA
    weir_code rc = WEIR_OK;

    for (int32_t i = 0; i < weir__kafka_look_partitions(look) && rc == WEIR_OK; i++) {
        weir_kafka_task task;

        rc = weir__kafka_task_open(look, i, &task, err);
        if (rc != WEIR_OK)
            return rc;
        rc = weir__kafka_task_parked(&task, print_parked, context, err);
        weir__kafka_task_close(&task);
    }
    return rc == WEIR_OK ? flush(err) : rc;
#else
    (void)look;
    (void)context;
    return weir__cli_fail_without_kafka(err);
#endif
}

static weir_code list_parked(const weir_job *job, const char *program, weir_arguments *arguments, weir_error *err)
{
    const char *name = weir__config_text(arguments->config, "job.name");
    bool has_folder = weir__arguments_value(arguments, "state-dir") != NULL;
    printer to = { .program = program, .where = has_folder ? "--state-dir DIR" : "--config FILE" };
    weir_code rc;

    if (!name)
        name = job->name;
    weir__buffer_init(&to.line, SIZE_MAX);
    rc = weir__cli_means_kafka(arguments) ? weir__cli_look(arguments, name, list_job, &to, err)
                                          : list_folder(name, arguments, &to, err);
    weir__buffer_clear(&to.line);
    return rc;
}

int weir__cli_parked(const weir_job *job, const char *program, int argc, char **argv)
{
    static const weir_option options[] = {
        { "state-dir", "DIR", "the folder of a local job's state" },
        { NULL, NULL, NULL },
    };
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help) {
        (void)printf("usage: %s parked (--state-dir DIR | --config FILE)\n\n"
                     "Lists the runs that wait for a decision, one JSON object a line: a call of\n"
                     "theirs may or may not have been made, or the journal has something else than\n"
                     "what is asked for now. Their keys wait too. With a configuration that has\n"
                     "input.topics and kafka.bootstrap.servers they are those of the job on Kafka,\n"
                     "whoever runs it.\n\n",
                     program);
        weir__options_print(options);
    } else if (rc == WEIR_OK) {
        rc = list_parked(job, program, &arguments, &err);
    }
    weir__arguments_clear(&arguments);
    return weir__cli_looked(program, rc, &err);
}
