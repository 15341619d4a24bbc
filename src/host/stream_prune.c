/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shortening of topics, now and then, on the recovery thread: a journal up to the low-water mark of a commit that is
 * known, which never passes what the tail has read; the repartition topic up to the offset that is committed.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/stream_internal.h"

typedef struct cut_off {
    const char *topic;
    int32_t partition;
    int64_t before;
} cut_off;

typedef struct prune {
    weir_task job; /* first: cast back */
    weir_post post;
    weir_stream *stream;
    size_t count;
    cut_off items[];
} prune;

static void on_loop(weir_post *post)
{
    prune *now = (prune *)((char *)post - offsetof(prune, post));

    now->stream->is_pruning = false;
    free(now);
}

static void work(weir_task *job)
{
    prune *now = (prune *)job;
    weir_error err;

    for (size_t i = 0; i < now->count; i++) {
        const cut_off *item = &now->items[i];

        /* What stays is deleted the next time. */
        if (weir__cluster_delete_records(now->stream->options->cluster, item->topic, item->partition, item->before,
                                         &err) != WEIR_OK)
            weir__log(WEIR__LOG_WARN, now->stream->name,
                      "cannot shorten topic '%s', partition %" PRId32 ", it goes on growing: %s", item->topic,
                      item->partition, err.message);
    }
    weir__engine_post(now->stream->engine, &now->post);
}

void weir__stream_prune(weir_stream *stream)
{
    const weir_stream_topics *topics = stream->options->topics;
    bool is_kept = weir__config_bool(stream->options->config, "action-state.retain");
    const weir_topic_name *read = &topics->read[topics->read_count - 1];
    prune *now;

    stream->pruned_ms = stream->now_ms;
    if (stream->is_pruning)
        return;
    now = calloc(1, sizeof *now + 2 * stream->task_count * sizeof *now->items);
    if (!now)
        return; /* the next time */
    for (size_t i = 0; i < stream->task_count; i++) {
        weir_stream_task *task = stream->tasks[i];

        if (task->is_forward || task->state != WEIR__TASK_RUNNING || !task->commits)
            continue;
        if (topics->journal.name && !is_kept && task->known_low > task->deleted_low) {
            task->deleted_low = task->known_low;
            now->items[now->count++] = (cut_off){ topics->journal.name, task->at.partition, task->known_low };
        }
        if (topics->read_count > 1 && !is_kept && task->known_offset > task->deleted_offset) {
            task->deleted_offset = task->known_offset;
            now->items[now->count++] = (cut_off){ read->name, task->at.partition, task->known_offset };
        }
    }
    if (!now->count) {
        free(now);
        return;
    }
    now->job.run = work;
    now->post.fn = on_loop;
    now->stream = stream;
    stream->is_pruning = true;
    stream->recoveries.submit(stream->recoveries.context, &now->job);
}
