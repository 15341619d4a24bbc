/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker's journal must know of the cluster before it is read; asked on a thread, since it may take long. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/worker_journal.h"

enum { RETRY_MS = 100, RETRY_MOST_MS = 3000 };

/* Until the cluster answers, or the worker ends. */
static bool may_ask_again(weir_worker_journal *journal, weir_code rc, const weir_error *err, unsigned *tries)
{
    int64_t pause_ms = (int64_t)RETRY_MS << (*tries < 5 ? *tries : 5);
    struct pollfd fd = { journal->worker->pipe.in_fd, 0, 0 };

    if (rc != WEIR_UNREACHABLE || atomic_load(&journal->question.is_given_up))
        return false;
    if (*tries % 8 == 2)
        weir__log(WEIR__LOG_WARN, "host/worker", "%s, waiting", err->message);
    ++*tries;
    return poll(&fd, 1, (int)(pause_ms > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms)) <= 0 &&
           !atomic_load(&journal->question.is_given_up);
}

static weir_code find_topic(weir_worker_journal *journal, weir_error *err)
{
    weir_worker *worker = journal->worker;
    weir_needed_topics needed;
    unsigned tries = 0;
    weir_code rc;

    do {
        rc = weir__topics_find_journal(journal->cluster, worker->config, (int32_t)worker->known_partitions, &needed,
                                       err);
        if (rc == WEIR_OK)
            rc = weir__topics_make(journal->cluster, &needed, err);
        if (rc == WEIR_OK)
            rc = weir__topics_check(journal->cluster, &needed, err);
        journal->topic_partitions = needed.items[0].facts.partitions;
        weir__topics_clear(&needed);
    } while (may_ask_again(journal, rc, err, &tries));
    return rc;
}

static weir_code ask_end(weir_worker_journal *journal, const char *topic, int32_t partition, weir_log_end which,
                         int64_t *offset, weir_error *err)
{
    unsigned tries = 0;
    weir_code rc;

    do
        rc = weir__cluster_log_end(journal->cluster, topic, partition, which, offset, err);
    while (may_ask_again(journal, rc, err, &tries));
    return rc;
}

/* key_group * partitions / max_parallelism: those that the worker's groups fall into. */
static weir_code make_partitions(weir_worker_journal *journal, weir_error *err)
{
    const weir_worker *worker = journal->worker;
    uint64_t count = (uint64_t)journal->topic_partitions;
    uint64_t first = worker->first_group * count / worker->max_parallelism;
    uint64_t last = worker->last_group * count / worker->max_parallelism;

    journal->partitions = calloc((size_t)(last - first + 1), sizeof *journal->partitions);
    if (!journal->partitions)
        return weir__fail_memory(err, "the journal");
    journal->count = (size_t)(last - first + 1);
    for (size_t i = 0; i < journal->count; i++) {
        weir_journal_partition *partition = &journal->partitions[i];

        partition->number = (int32_t)(first + i);
        partition->claim_place = -1;
        partition->told = -1;
        partition->to_read_back_tail = &partition->to_read_back;
    }
    return WEIR_OK;
}

static weir_code find_ends(weir_worker_journal *journal, weir_journal_partition *partition, bool *has_gap,
                           weir_error *err)
{
    const weir_worker *worker = journal->worker;
    int64_t start = 0, marker = -1;
    weir_code rc = ask_end(journal, journal->topic, partition->number, WEIR__LOG_START, &start, err);

    if (rc == WEIR_OK)
        rc = ask_end(journal, journal->topic, partition->number, WEIR__LOG_END, &partition->end, err);
    if (rc != WEIR_OK)
        return rc;
    for (size_t i = 0; i < worker->marker_count; i++) {
        if (worker->markers[i].partition == (uint32_t)partition->number)
            marker = worker->markers[i].position;
    }
    partition->from = marker < 0 ? start : marker;
    partition->has_gap = marker >= 0 && (marker < start || marker > partition->end);
    if (partition->has_gap) {
        partition->from = start;
        weir__log(WEIR__LOG_WARN, "host/worker",
                  "the journal is gone from where it must be read: calls of what was under way are in doubt "
                  "partition=%" PRId32 " marker=%" PRId64 " start=%" PRId64 " end=%" PRId64,
                  partition->number, marker, start, partition->end);
    }
    *has_gap |= partition->has_gap;
    partition->read = partition->from;
    return WEIR_OK;
}

/* Where the inputs end now: what comes from behind that was never given before, so nothing of it can be gone. */
static weir_code find_inputs(weir_worker_journal *journal, weir_error *err)
{
    const char *topic;
    weir_code rc = WEIR_OK;

    for (size_t i = 0; rc == WEIR_OK && (topic = weir__config_item(journal->worker->config, "input.topics", i)); i++) {
        weir_topic_facts facts;
        weir_journal_input *all;
        unsigned tries = 0;

        do
            rc = weir__cluster_describe(journal->cluster, topic, &facts, err);
        while (may_ask_again(journal, rc, err, &tries));
        if (rc != WEIR_OK || !facts.exists)
            continue;
        all = realloc(journal->inputs, (journal->input_count + (size_t)facts.partitions) * sizeof *all);
        if (!all)
            return weir__fail_memory(err, "the inputs");
        journal->inputs = all;
        for (int32_t j = 0; j < facts.partitions && rc == WEIR_OK; j++) {
            weir_journal_input *input = &all[journal->input_count++];

            (void)snprintf(input->source, sizeof input->source, "%s/%" PRId32, facts.id, j);
            rc = ask_end(journal, topic, j, WEIR__LOG_END, &input->end, err);
        }
    }
    return rc;
}

static void work(weir_task *job)
{
    weir_journal_question *now = (weir_journal_question *)job;
    weir_worker_journal *journal = now->worker->journal;
    bool has_gap = false;

    now->rc = find_topic(journal, &now->error);
    if (now->rc == WEIR_OK)
        now->rc = make_partitions(journal, &now->error);
    for (size_t i = 0; i < journal->count && now->rc == WEIR_OK; i++)
        now->rc = find_ends(journal, &journal->partitions[i], &has_gap, &now->error);
    if (has_gap && now->rc == WEIR_OK)
        now->rc = find_inputs(journal, &now->error);
    weir__engine_post(now->worker->engine, &now->post);
}

static void on_loop(weir_post *post)
{
    weir_journal_question *now = (weir_journal_question *)((char *)post - offsetof(weir_journal_question, post));

    now->worker->journal->is_asking = false;
    weir__journal_asked(now->worker->journal, now->rc, &now->error);
}

weir_code weir__journal_ask(weir_worker_journal *journal, weir_error *err)
{
    weir_cluster_options options = { .config = journal->worker->config, .group = journal->worker->job };
    weir_code rc = weir__cluster_open(&options, &journal->cluster, err);

    if (rc != WEIR_OK)
        return rc;
    journal->question.job.run = work;
    journal->question.post.fn = on_loop;
    journal->question.worker = journal->worker;
    atomic_init(&journal->question.is_given_up, false);
    journal->is_asking = true;
    journal->worker->fetcher.submit(journal->worker->fetcher.context, &journal->question.job);
    return WEIR_OK;
}
