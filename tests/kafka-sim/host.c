/* SPDX-License-Identifier: Apache-2.0 */
/* A process: the real weir__stream_run() on the ports of this world, and what kafka.c does around it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/job.h"
#include "base/log.h"
#include "config/config.h"
#include "host/stream.h"
#include "stage.h"

typedef struct host {
    slot *where;
    sim_process *process;
    weir_cluster *cluster;
    weir_topic_name read[1];
    weir_stream_topics topics;
    weir_stream_result result;
    weir_error error;
    weir_code rc;
    weir_stream_start start;
    bool has_ended;
} host;

static weir_job *job;
static weir_config *config;

static void set(const char *name, const char *value)
{
    weir_error err;

    if (weir__config_set_value(config, name, value, &err) != WEIR_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        exit(2);
    }
}

void host_prepare(void)
{
    weir_error err = { .code = WEIR_OK };

    job = stage_job();
    if (weir__config_new(&config, NULL) != WEIR_OK || weir__job_seal(job, &err) != WEIR_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        exit(2);
    }
    set("job.name", "job");
    set("input.topics", TOPIC_IN);
    set("output.topic", TOPIC_OUT);
    set("action-state.topic", TOPIC_JOURNAL);
    set("state.dir", "/sim");
    set("commit-interval-ms", "20");
    set("commit-max-runs", "8");
    set("inbox-age-ms", "60");
    set("state.ttl-ms", "300");
    set("limits.stack-kb", "64");
    set("calls.start-lease-ms", "30");
    set("calls.margin-ms", "20");
    set("calls.stop-timeout-ms", "200");
    weir__log_configure(getenv("SIM_LOG") ? WEIR__LOG_DEBUG : WEIR__LOG_ERROR, WEIR__LOG_TEXT);
}

void host_clean_up(void)
{
    weir_job_free(job);
    weir__config_free(config);
}

/* Those that this process finds when it starts. */
static weir_topic_name name_of(const char *name)
{
    const sim_topic *topic = sim_topic_find(name);
    weir_topic_name out = { .name = name, .partitions = topic->partition_count };

    memcpy(out.id, topic->id, sizeof out.id);
    return out;
}

static void run_loop(void *arg)
{
    host *at = arg;
    weir_stream_options options = {
        .job = job,
        .config = config,
        .cluster = at->cluster,
        .topics = &at->topics,
        .folder = sim_print("/sim/%c", at->where->name),
        .is_stopping = &at->process->is_told_to_stop,
        .stop_fd = -1,
        .disk = &disk_port,
        .clock = &sim_clock,
        .commits = &sim_executor,
        .recoveries = &sim_recoveries,
        .calls = &sim_executor,
        .poll = sim_poll,
        .prune_ms = 100,
        .start = at->start,
    };

    at->rc = weir__stream_run(&options, &at->result, &at->error);
    at->has_ended = true;
}

/*
 * What it may end with: being told to; and an offset that somebody has set (then whoever starts it again has to say
 * what to do).
 */
static void judge(const host *at)
{
    if (at->process->is_dead)
        return;
    sim_trace("%s ends by itself: %s", at->process->name, at->rc == WEIR_OK ? "stopped" : at->error.message);
    if (at->rc != WEIR_OK && stage_is_refusal(at->error.message, at->start != WEIR__START_PLAIN))
        return;
    if (at->rc != WEIR_OK)
        sim_violate("%s fails: %s", at->process->name, at->error.message);
}

static bool has_ended(void *arg)
{
    const host *at = arg;

    return at->has_ended && at->process->fibers == 1;
}

static void run_process(void *arg)
{
    host *at = arg;
    weir_cluster_options options = { .config = config, .group = "job" };

    if (weir__cluster_open(&options, &at->cluster, &at->error) != WEIR_OK)
        return;
    at->read[0] = name_of(TOPIC_IN);
    at->topics.read = at->read;
    at->topics.read_count = 1;
    at->topics.changelog = name_of(TOPIC_CHANGES);
    at->topics.journal = name_of(TOPIC_JOURNAL);
    at->topics.output = name_of(TOPIC_OUT);
    sim_thread(at->process, "loop", true, run_loop, at);
    while (!has_ended(at)) {
        if (!sim_wait(has_ended, at, INT64_MAX))
            (void)sim_poll(NULL, NULL, 0, -1); /* a ghost: its other threads end meanwhile */
    }
    judge(at);
    weir__cluster_close(at->cluster);
}

weir_stream_start host_start_of(const sim_process *process)
{
    return ((const host *)process->owner)->start;
}

void host_start(slot *where)
{
    host *made = sim_alloc(sizeof *made);

    made->where = where;
    made->process = where->process;
    made->start = on_stage->start;
    where->process->owner = made;
    sim_thread(where->process, "main", false, run_process, made);
}
