/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker tells besides batches: who is parked, and how it is doing. */
#include <stdio.h>

#include "base/log.h"
#include "engine/recall.h"
#include "host/parked_text.h"
#include "host/worker_internal.h"

enum { METRICS_MS = 1000 };

/* ---- parked runs ------------------------------------------------------------------------------------------------- */

void weir__worker_parked(void *context, weir_run *run, const weir_entry *parked)
{
    weir_worker *worker = context;
    const weir_worker_input *input = run->host;
    weir_buffer *out = weir__worker_up(worker);
    size_t begin = weir__up_begin(out, WEIR__UP_PARKED), at;
    weir_entry shown;

    weir__up_u64(out, input->ticket);
    weir__up_u8(out, parked != NULL);
    at = out->size;
    weir__up_u32(out, 0);
    if (parked) { /* one that the run has just written does not name it */
        shown = *parked;
        shown.run = weir_run_id(run);
        shown.key = run->key_bytes;
    }
    if (parked && weir__parked_print(&shown, worker->options->program, "--config FILE", out) != WEIR_OK)
        out->is_over = true;
    weir__up_count(out, at, (uint32_t)(out->size - at - 4));
    weir__worker_up_end(worker, out, begin);
    if (!parked)
        weir__log(WEIR__LOG_INFO, "host/worker", "run goes on run=%s", weir_run_id(run));
    else
        weir__log(WEIR__LOG_WARN, "host/worker",
                  "run is parked, its key waits for a decision run=%s action=%s call=%s attempt=%u reason=%s",
                  weir_run_id(run), parked->action, parked->name, parked->attempt,
                  weir__park_reason_name(parked->reason));
}

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

enum { COUNTER, GAUGE };

typedef struct metrics {
    weir_buffer *out;
    uint32_t count;
} metrics;

static void add(metrics *to, uint8_t kind, const char *name, int64_t value)
{
    weir__up_u8(to->out, kind);
    weir__up_text(to->out, name);
    weir__up_u64(to->out, (uint64_t)value);
    to->count++;
}

/* What tells one state from the next: a parked run that ends makes one number larger and the other smaller. */
static uint64_t mark(const weir_engine_counts *counts)
{
    return ((counts->accepted + counts->ended) << 24) + counts->parked;
}

static bool is_news(const weir_worker *worker)
{
    weir_engine_counts counts = weir__engine_counts(worker->engine);

    return mark(&counts) != worker->metrics_told;
}

int64_t weir__worker_metrics_due(const weir_worker *worker)
{
    int64_t due_ms = worker->metrics_ms + METRICS_MS - worker->now_ms;

    return !is_news(worker) ? -1 : due_ms > 0 ? due_ms : 0;
}

static void add_all(weir_worker *worker, const weir_engine_counts *counts, metrics *to)
{
    const weir_keys *keys = weir__engine_keys(worker->engine);

    add(to, COUNTER, "runs.accepted", (int64_t)counts->accepted);
    add(to, COUNTER, "runs.ended", (int64_t)counts->ended);
    add(to, COUNTER, "runs.failed", (int64_t)counts->failed);
    add(to, COUNTER, "runs.passed-over", (int64_t)worker->passed_over);
    add(to, COUNTER, "outputs", (int64_t)worker->outputs);
    add(to, COUNTER, "divergences", (int64_t)counts->divergences);
    if (worker->journal) {
        uint64_t appended, seen;

        weir__worker_journal_count(worker, &appended, &seen);
        add(to, COUNTER, "journal.appended", (int64_t)appended);
        add(to, COUNTER, "journal.read", (int64_t)seen);
    }
    add(to, GAUGE, "runs.waiting", (int64_t)counts->waiting);
    add(to, GAUGE, "runs.queued", (int64_t)counts->queued);
    add(to, GAUGE, "runs.parked", (int64_t)counts->parked);
    add(to, GAUGE, "calls.under-way", (int64_t)counts->errands);
    add(to, GAUGE, "memory.keys", (int64_t)weir__keys_count(keys));
    add(to, GAUGE, "memory.bytes", (int64_t)weir__keys_footprint(keys));
    for (size_t i = 0; i < worker->counters.count; i++) {
        char name[256];

        (void)snprintf(name, sizeof name, "job.%.200s", worker->counters.items[i].metric); /* cut, it is a name too */
        add(to, COUNTER, name, worker->counters.items[i].total);
    }
}

void weir__worker_tell_metrics(weir_worker *worker, bool is_last)
{
    weir_engine_counts counts = weir__engine_counts(worker->engine);
    metrics to = { weir__worker_up(worker), 0 };
    size_t begin, at;

    if (!is_last && weir__worker_metrics_due(worker) != 0)
        return;
    worker->metrics_ms = worker->now_ms;
    worker->metrics_told = mark(&counts);
    begin = weir__up_begin(to.out, WEIR__UP_METRICS);
    at = to.out->size;
    weir__up_u32(to.out, 0);
    add_all(worker, &counts, &to);
    weir__up_count(to.out, at, to.count);
    weir__worker_up_end(worker, to.out, begin);
}
