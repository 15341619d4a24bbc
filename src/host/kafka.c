/* SPDX-License-Identifier: Apache-2.0 */
/* The process of the Kafka host: its folder, its topics, its threads, and the signals that end it. */
#include "host/kafka.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/crash.h"
#include "host/signals.h"
#include "kafka/producer.h"
#include "store/lock.h"

enum { PATH_BYTES = 4096, RETRY_MS = 200, RETRY_MOST_MS = 5000 };

typedef struct thread {
    pthread_t thread;
    weir_stream_options options;
    weir_stream_result result;
    weir_code rc;
    weir_error error;
    struct process *process;
} thread;

typedef struct process {
    const weir_kafka_options *options;
    const char *job, *folder;
    weir_cluster *cluster;
    weir_status_server *status;
    weir_needed_topics needed;
    weir_stream_topics topics;
    weir_topic_name *read;
    atomic_bool is_stopping;
    atomic_size_t running; /* threads */
    int stop_fd, ended_fd; /* readable: threads are to stop; one has ended */
    int lock;
    int crash_fd;
    weir_crashes crashes;
    thread *threads;
    size_t count;
} process;

/* ---- what must be there ------------------------------------------------------------------------------------------ */

/* Until the cluster answers; a signal ends the wait. */
static bool may_try_again(weir_code rc, const weir_error *err, unsigned *tries)
{
    int64_t pause_ms = RETRY_MS << (*tries < 5 ? *tries : 5);
    struct pollfd fd = { weir__signals_fd(), POLLIN, 0 };

    if (rc != WEIR_UNREACHABLE || weir__signals_caught())
        return false;
    weir__log(WEIR__LOG_WARN, "host/kafka", "%s, waiting", err->message);
    ++*tries;
    (void)poll(&fd, 1, (int)(pause_ms > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms));
    return !weir__signals_caught();
}

static weir_code find_topics(process *now, weir_error *err)
{
    weir_topic_name *target;
    unsigned tries = 0;
    size_t reads = 0;
    weir_code rc;

    do {
        weir__topics_clear(&now->needed);
        rc = weir__topics_find(now->cluster, now->options->config, now->job, &now->needed, err);
        for (size_t i = 0; i < now->needed.count && rc == WEIR_OK; i++) {
            if (now->needed.items[i].role == WEIR__TOPIC_INPUT && !now->needed.items[i].facts.exists)
                rc = weir__topics_check(now->cluster, &now->needed, err);
        }
        if (rc == WEIR_OK)
            rc = weir__topics_make(now->cluster, &now->needed, err);
        if (rc == WEIR_OK)
            rc = weir__topics_check(now->cluster, &now->needed, err);
    } while (may_try_again(rc, err, &tries));
    if (rc != WEIR_OK)
        return rc;
    now->read = calloc(now->needed.count + 1, sizeof *now->read);
    if (!now->read)
        return weir__fail_memory(err, "the topics");
    now->topics.read = now->read;
    for (size_t i = 0; i < now->needed.count; i++) {
        const weir_needed_topic *topic = &now->needed.items[i];

        target = NULL;
        switch (topic->role) {
        case WEIR__TOPIC_INPUT:
        case WEIR__TOPIC_REPARTITION: /* behind the inputs */
            target = &now->read[reads++];
            break;
        case WEIR__TOPIC_CHANGELOG:
            target = &now->topics.changelog;
            break;
        case WEIR__TOPIC_JOURNAL:
            target = &now->topics.journal;
            break;
        case WEIR__TOPIC_OUTPUT:
            target = &now->topics.output;
            break;
        case WEIR__TOPIC_DEAD_LETTERS:
            target = &now->topics.dead_letters;
            break;
        }
        target->name = topic->name;
        (void)snprintf(target->id, sizeof target->id, "%s", topic->facts.id);
        target->partitions = topic->facts.partitions;
    }
    now->topics.read_count = reads;
    return WEIR_OK;
}

static weir_code make_folder(const char *path, weir_error *err)
{
    char parent[PATH_BYTES];

    /* All that is missing of it: "state/orders" with neither. */
    for (size_t i = 1; path[i]; i++) {
        if (path[i] != '/' || i >= sizeof parent)
            continue;
        memcpy(parent, path, i);
        parent[i] = '\0';
        if (mkdir(parent, 0700) != 0 && errno != EEXIST)
            return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "state.dir: cannot make '%s'", parent);
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "state.dir: cannot make '%s'", path);
    return WEIR_OK;
}

static weir_code lock_folder(process *now, weir_error *err)
{
    char path[PATH_BYTES];
    weir_code rc;

    now->folder = weir__config_text(now->options->config, "state.dir");
    if (!now->folder)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "state.dir names no folder for the job's state");
    if (strlen(now->folder) > sizeof path - 64)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "state.dir has too long a name");
    rc = make_folder(now->folder, err);
    if (rc != WEIR_OK)
        return rc;
    (void)snprintf(path, sizeof path, "%s/lock", now->folder);
    rc = weir__lock_take(weir__disk_system(), path, &now->lock, err);
    if (rc != WEIR_OK)
        weir__error_context(err, "state folder '%s'", now->folder);
    return rc;
}

/* What earlier lives have noted there; the handler adds to it. */
static weir_code open_crashes(process *now, weir_error *err)
{
    uint64_t maximum = (uint64_t)weir__config_int(now->options->config, "input.max-crashes");
    char path[PATH_BYTES];
    weir_code rc;

    (void)snprintf(path, sizeof path, "%s/crashes", now->folder);
    now->crash_fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (now->crash_fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "state folder '%s': cannot open '%s'", now->folder,
                                path);
    rc = weir__crashes_read(&now->crashes, weir__disk_system(), now->crash_fd, maximum, err);
    if (rc != WEIR_OK)
        return rc;
    for (size_t i = 0; i < now->crashes.count; i++) {
        if (weir__crash_note_counts(&now->crashes.notes[i]))
            return WEIR_OK;
    }
    weir__crashes_forget_all(&now->crashes);
    return WEIR_OK;
}

/* What a life with more threads has left hanging is ended now, not when the broker's time-out is over. */
static void end_hanging(process *now)
{
    for (size_t i = now->count; i < now->count + 64; i++) {
        char path[PATH_BYTES], id[WEIR__TOPIC_ID_SIZE + 256];
        weir_producer *producer;
        FILE *file;
        size_t size;

        (void)snprintf(path, sizeof path, "%s/owner-%zu", now->folder, i);
        file = fopen(path, "re");
        if (!file)
            return;
        size = fread(id, 1, sizeof id - 1, file);
        id[size] = '\0';
        (void)fclose(file); /* only read from */
        if (!size || weir__producer_open(now->cluster, id, &producer, NULL) != WEIR_OK)
            continue;
        if (weir__producer_init(producer, 2000, NULL) == WEIR__TXN_OK)
            (void)unlink(path); /* what stays is ended once more the next time */
        weir__producer_close(producer);
    }
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static void *run_thread(void *context)
{
    thread *one = context;
    process *now = one->process;
    uint64_t number = 1;
    ssize_t ignored;

    one->rc = weir__crash_enter(&one->error);
    if (one->rc == WEIR_OK)
        one->rc = weir__stream_run(&one->options, &one->result, &one->error);
    weir__crash_leave();
    atomic_fetch_sub(&now->running, 1);
    ignored = write(now->ended_fd, &number, sizeof number); /* cannot be full */
    (void)ignored;
    return NULL;
}

static void stop_all(process *now)
{
    uint64_t number = 1;
    ssize_t ignored;

    if (atomic_exchange(&now->is_stopping, true))
        return;
    ignored = write(now->stop_fd, &number, sizeof number); /* cannot be full; nobody empties it */
    (void)ignored;
}

static weir_code start_threads(process *now, weir_error *err)
{
    sigset_t ours, before;
    weir_code rc = WEIR_OK;

    now->threads = calloc(now->count, sizeof *now->threads);
    if (!now->threads)
        return weir__fail_memory(err, "the threads");
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGINT);
    (void)sigaddset(&ours, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ours, &before); /* they are for the main thread */
    for (size_t i = 0; i < now->count && rc == WEIR_OK; i++) {
        thread *one = &now->threads[i];
        int number;

        one->process = now;
        one->options = (weir_stream_options){
            .job = now->options->job,
            .config = now->options->config,
            .cluster = now->cluster,
            .topics = &now->topics,
            .index = i,
            .folder = now->folder,
            .crashes = &now->crashes,
            .start = now->options->start,
            .status = now->status,
            .is_stopping = &now->is_stopping,
            .stop_fd = now->stop_fd,
        };
        atomic_fetch_add(&now->running, 1);
        number = pthread_create(&one->thread, NULL, run_thread, one);
        if (number) {
            atomic_fetch_sub(&now->running, 1);
            now->count = i;
            rc = weir__fail_errno(err, number, WEIR_REMEDY_STOP, "cannot start a thread");
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* Until a signal, or the end of a thread; then all are told, and waited for. */
static void wait_for_threads(process *now)
{
    while (atomic_load(&now->running)) {
        struct pollfd fds[2] = {
            { atomic_load(&now->is_stopping) ? -1 : weir__signals_fd(), POLLIN, 0 },
            { now->ended_fd, POLLIN, 0 },
        };
        uint64_t count;
        ssize_t ignored;

        (void)poll(fds, 2, -1); /* interrupted: the signal is seen */
        ignored = read(now->ended_fd, &count, sizeof count);
        if (ignored > 0 || weir__signals_caught())
            stop_all(now); /* one that has failed takes the others with it, in good order */
    }
    for (size_t i = 0; i < now->count; i++)
        (void)pthread_join(now->threads[i].thread, NULL);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static weir_code open_status(process *now, weir_error *err)
{
    const weir_config *config = now->options->config;
    weir_status_options options = {
        .listen = weir__config_text(config, "status.listen"),
        .job = now->job,
        .host = "run",
        .threads = now->count,
        .stalled_after_ms = weir__config_int(config, "status.stalled-after-ms"),
    };

    return weir__status_open(&options, &now->status, err);
}

static weir_code run(process *now, weir_error *err)
{
    const weir_config *config = now->options->config;
    weir_cluster_options cluster = { .config = config, .group = now->job };
    weir_code rc = weir__job_seal(now->options->job, err);

    if (rc == WEIR_OK)
        rc = weir__cluster_open(&cluster, &now->cluster, err);
    now->count = (size_t)weir__config_int(config, "threads");
    if (rc == WEIR_OK)
        rc = open_status(now, err);
    if (rc == WEIR_OK)
        rc = lock_folder(now, err);
    if (rc == WEIR_OK)
        rc = open_crashes(now, err);
    if (rc == WEIR_OK)
        rc = find_topics(now, err);
    if (rc != WEIR_OK)
        return weir__signals_caught() && rc == WEIR_UNREACHABLE ? WEIR_OK : rc;
    end_hanging(now);
    rc = weir__crash_install(now->crash_fd, true, err);
    if (rc != WEIR_OK)
        return rc;
    rc = start_threads(now, err);
    if (rc != WEIR_OK)
        stop_all(now);
    wait_for_threads(now);
    weir__crash_remove();
    for (size_t i = 0; i < now->count && rc == WEIR_OK; i++) {
        rc = now->threads[i].rc;
        if (rc != WEIR_OK && err)
            *err = now->threads[i].error;
    }
    return rc;
}

weir_code weir__kafka_run(const weir_kafka_options *options, weir_stream_result *result, weir_error *err)
{
    const char *name = weir__config_text(options->config, "job.name");
    process now = { .options = options, .lock = -1, .crash_fd = -1, .job = name ? name : options->job->name };
    weir_signals before;
    weir_code rc;

    memset(result, 0, sizeof *result);
    atomic_init(&now.is_stopping, false);
    atomic_init(&now.running, 0);
    now.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    now.ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (now.stop_fd < 0 || now.ended_fd < 0) {
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot make an event descriptor");
    } else {
        rc = weir__signals_install(&before, err);
        if (rc == WEIR_OK) {
            rc = run(&now, err);
            weir__signals_remove(&before);
        }
    }
    for (size_t i = 0; i < now.count && now.threads; i++) {
        const weir_stream_result *one = &now.threads[i].result;

        result->records += one->records;
        result->outputs += one->outputs;
        result->skipped += one->skipped;
        result->commits += one->commits;
        result->parked += one->parked;
    }
    weir__status_close(now.status);
    free(now.threads);
    free(now.read);
    weir__topics_clear(&now.needed);
    weir__cluster_close(now.cluster);
    weir__crashes_clear(&now.crashes);
    if (now.crash_fd >= 0)
        (void)close(now.crash_fd); /* notes are written by the dying */
    weir__lock_release(weir__disk_system(), now.lock);
    if (now.stop_fd >= 0)
        (void)close(now.stop_fd); /* nothing is lost in them */
    if (now.ended_fd >= 0)
        (void)close(now.ended_fd);
    return rc;
}
