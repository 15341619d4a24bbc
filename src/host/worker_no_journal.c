/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's journal where weir was built without Kafka: there is none. */
#include "host/worker_internal.h"

static weir_code fail(weir_error *err)
{
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "action-state.topic is set, and this weir was built without Kafka; build it with librdkafka");
}

weir_code weir__worker_journal_open(weir_worker *worker, weir_error *err)
{
    (void)worker;
    return fail(err);
}

void weir__worker_journal_close(weir_worker *worker)
{
    (void)worker;
}

void weir__worker_journal_drive(weir_worker *worker)
{
    (void)worker;
}

bool weir__worker_journal_is_ready(const weir_worker *worker)
{
    (void)worker;
    return true;
}

bool weir__worker_journal_is_asking(weir_worker *worker)
{
    (void)worker;
    return false;
}

size_t weir__worker_journal_pending(const weir_worker *worker)
{
    (void)worker;
    return 0;
}

uint32_t weir__worker_journal_partitions(const weir_worker *worker)
{
    (void)worker;
    return 0;
}

void weir__worker_journal_count(const weir_worker *worker, uint64_t *appended, uint64_t *seen)
{
    (void)worker;
    *appended = 0;
    *seen = 0;
}

weir_code weir__worker_append(void *context, weir_run *run, const weir_entry *entry, weir_bytes sealed,
                              weir_ticket *ticket, weir_error *err)
{
    (void)context;
    (void)run;
    (void)entry;
    (void)sealed;
    (void)ticket;
    return fail(err);
}

weir_code weir__worker_recall(weir_worker *worker, weir_run *run, weir_frame_list *given, uint8_t flags,
                              weir_error *err)
{
    (void)worker;
    (void)run;
    (void)given;
    (void)flags;
    return fail(err);
}

void weir__worker_run_is_over(weir_worker *worker, weir_run *run)
{
    (void)worker;
    (void)run;
}

void weir__worker_keep_old(weir_worker *worker)
{
    (void)worker;
}

bool weir__worker_markers_are_due(const weir_worker *worker)
{
    (void)worker;
    return false;
}

bool weir__worker_has_open(const weir_worker *worker)
{
    (void)worker;
    return false;
}

void weir__worker_add_markers(weir_worker *worker, weir_buffer *out)
{
    (void)worker;
    weir__up_u32(out, 0);
}
