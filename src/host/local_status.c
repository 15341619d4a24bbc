/* SPDX-License-Identifier: Apache-2.0 */
/* What the local host tells of itself: one thread, and one task whose partition is the input. */
#include "host/local_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

weir_code weir__local_status_open(weir_local_host *host, weir_error *err)
{
    const weir_config *config = host->options->config;
    const char *name = weir__config_text(config, "job.name");
    weir_status_options options = {
        .listen = weir__config_text(config, "status.listen"),
        .job = name ? name : host->options->job->name,
        .host = "local",
        .threads = 1,
        .stalled_after_ms = weir__config_int(config, "status.stalled-after-ms"),
        .clock = host->clock,
    };

    return weir__status_open(&options, &host->vitals.server, err);
}

void weir__local_status_close(weir_local_host *host)
{
    weir__status_close(host->vitals.server);
    host->vitals.server = NULL;
}

void weir__local_status_committed(weir_local_host *host, const weir_cut *cut)
{
    weir_vitals *vitals = &host->vitals;

    vitals->committed_index = (int64_t)cut->place.place.index;
    vitals->commit_number = cut->number;
    if (cut->number == 0 || !vitals->server)
        return; /* the first one is made before there is anything to measure */
    vitals->thread.commits++;
    weir__status_observe(&vitals->thread.commit_latency, weir__clock_monotonic_ms(host->clock) - vitals->cut_ms);
}

/* The files of the state folder, which belongs to the job; what cannot be seen counts as nothing. */
static uint64_t folder_bytes(const char *folder)
{
    uint64_t size = 0;
    struct dirent *entry;
    DIR *open = folder ? opendir(folder) : NULL;

    if (!open)
        return 0;
    while ((entry = readdir(open))) {
        struct stat status;

        if (fstatat(dirfd(open), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode))
            size += (uint64_t)status.st_size;
    }
    (void)closedir(open); /* only read */
    return size;
}

static void fill_task(weir_local_host *host, const weir_engine_counts *counts, weir_status_task *task)
{
    weir_vitals *vitals = &host->vitals;
    bool is_taken = weir__inbox_is_taken(&host->inbox);
    weir_status_task_state state = host->state >= WEIR__LOCAL_STOPPING ? WEIR__STATUS_TASK_CLOSING
                                   : is_taken                          ? WEIR__STATUS_TASK_RUNNING
                                                                       : WEIR__STATUS_TASK_RESTORING;

    if (state != vitals->task_state || vitals->since_ms == 0) {
        vitals->task_state = state;
        vitals->since_ms = weir__clock_wall_ms(host->clock);
    }
    *task = (weir_status_task){
        .topic = host->source.name,
        .state = state,
        .is_paused = host->state == WEIR__LOCAL_READING && !host->may_accept,
        .since_ms = vitals->since_ms,
        .committed_offset = host->store ? vitals->committed_index : -1,
        .position = (int64_t)weir__source_place_now(&host->source)->place.index,
        .high_watermark = -1,
        .in_flight = counts->accepted - counts->ended,
        .waiting = counts->waiting,
        .queued = counts->queued,
        .parked = counts->parked,
        .epoch = host->store ? host->epoch : -1,
        .commit_number = vitals->commit_number,
        .journal_low_water = -1,
        .journal_end = host->store ? (int64_t)host->inbox.last_sequence + 1 : -1,
        .restored = is_taken ? -1 : (int64_t)host->inbox.taken,
        .restore_total = is_taken ? -1 : (int64_t)host->inbox.count,
        .state_bytes = host->store ? folder_bytes(weir__config_text(host->options->config, "state.dir")) : 0,
    };
    /* How many records a file has is not known before they are read; once they all are, it is. */
    if (vitals->is_at_end)
        task->high_watermark = task->position;
}

void weir__local_status_tell(weir_local_host *host)
{
    weir_vitals *vitals = &host->vitals;
    weir_status_thread *thread = &vitals->thread;
    weir_engine_counts counts = weir__engine_counts(host->engine);
    weir_status_counter *counters = NULL;
    weir_status_task task;

    if (host->counters.count) {
        counters = calloc(host->counters.count, sizeof *counters);
        if (!counters) { /* what was told last stays */
            weir__status_beat(vitals->server, 0, host->now_ms);
            return;
        }
    }
    for (size_t i = 0; i < host->counters.count; i++) {
        counters[i].metric = host->counters.items[i].metric;
        counters[i].total = host->counters.items[i].total;
    }
    fill_task(host, &counts, &task);
    thread->state = host->state >= WEIR__LOCAL_STOPPING ? WEIR__STATUS_THREAD_STOPPING : WEIR__STATUS_THREAD_RUNNING;
    thread->records = host->progress.records;
    thread->runs_ended = counts.ended;
    thread->runs_failed = counts.failed;
    thread->outputs = host->progress.outputs;
    thread->dead_letters = host->on_error == WEIR__ON_ERROR_DLQ ? host->progress.skipped : 0;
    thread->skipped = host->on_error == WEIR__ON_ERROR_SKIP ? host->progress.skipped : 0;
    thread->divergences = counts.divergences;
    thread->errands = counts.errands;
    thread->cache_bytes = weir__keys_footprint(weir__engine_keys(host->engine));
    thread->tasks = &task;
    thread->task_count = 1;
    thread->counters = counters;
    thread->counter_count = host->counters.count;
    weir__status_publish(vitals->server, 0, thread, host->now_ms);
    thread->tasks = NULL;
    thread->counters = NULL;
    free(counters);
}
