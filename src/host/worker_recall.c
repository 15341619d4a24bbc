/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the journal has of runs: of those that are open, and, as it was found, of those that have not come yet. By run
 * id, so that it does not matter which source a run is of. From it follow what is kept with an input, and the markers.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "host/worker_journal.h"

/* FEW: as many may be looked at for each input; more only now and then. */
enum { FIRST_BUCKETS = 1024, MARK_MS = 100, MARK_IDLE_MS = 1000, FEW = 64 };

/* ---- by run id --------------------------------------------------------------------------------------------------- */

weir_journal_run *weir__journal_find(const weir_worker_journal *journal, const char *id)
{
    uint64_t hash = weir__hash(weir__bytes_text(id), 0);
    weir_journal_run *at = journal->buckets ? journal->buckets[hash & journal->mask] : NULL;

    while (at && (at->hash != hash || strcmp(at->id, id) != 0))
        at = at->next;
    return at;
}

static bool grow(weir_worker_journal *journal)
{
    size_t size = journal->buckets ? 2 * (journal->mask + 1) : FIRST_BUCKETS;
    weir_journal_run **buckets;

    if (journal->buckets && journal->run_count <= journal->mask)
        return true;
    buckets = calloc(size, sizeof *buckets);
    if (!buckets)
        return false;
    for (weir_journal_run *run = journal->oldest; run; run = run->newer) {
        run->next = buckets[run->hash & (size - 1)];
        buckets[run->hash & (size - 1)] = run;
    }
    free(journal->buckets);
    journal->buckets = buckets;
    journal->mask = size - 1;
    return true;
}

weir_journal_run *weir__journal_run_add(weir_worker_journal *journal, const char *id,
                                        weir_journal_partition *partition)
{
    const char *slash = strrchr(id, '/');
    size_t size = strlen(id) + 1;
    weir_journal_run *run = calloc(1, sizeof *run + size);

    if (!run || !grow(journal)) {
        free(run);
        return NULL;
    }
    memcpy(run->id, id, size);
    run->hash = weir__hash(weir__bytes_text(id), 0);
    run->partition = partition;
    run->source_size = slash ? (size_t)(slash - id) : 0;
    run->index = slash ? strtoull(slash + 1, NULL, 10) : 0;
    run->next = journal->buckets[run->hash & journal->mask];
    journal->buckets[run->hash & journal->mask] = run;
    run->older = journal->newest;
    if (journal->newest)
        journal->newest->newer = run;
    else
        journal->oldest = run;
    journal->newest = run;
    journal->run_count++;
    journal->waiting_count++;
    return run;
}

void weir__journal_run_drop(weir_worker_journal *journal, weir_journal_run *run)
{
    weir_journal_run **at = &journal->buckets[run->hash & journal->mask];

    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    if (run->newer)
        run->newer->older = run->older;
    else
        journal->newest = run->older;
    if (run->older)
        run->older->newer = run->newer;
    else
        journal->oldest = run->newer;
    journal->run_count--;
    journal->waiting_count -= run->run == NULL;
    journal->has_moved = true;
    while (run->entries) {
        weir_journal_entry *entry = run->entries;

        run->entries = entry->next;
        entry->is_orphan = true;
        weir__journal_entry_free(entry);
    }
    free(run);
}

void weir__journal_run_keep(weir_journal_run *run, weir_journal_entry *entry)
{
    entry->next = NULL;
    if (run->last && run->entries)
        run->last->next = entry;
    else
        run->entries = entry;
    run->last = entry;
}

weir_journal_partition *weir__journal_partition_of(weir_worker_journal *journal, uint32_t key_group)
{
    uint64_t number = (uint64_t)key_group * (uint64_t)journal->topic_partitions / journal->worker->max_parallelism;

    return &journal->partitions[number - (uint64_t)journal->partitions[0].number];
}

/* ---- a run that begins ------------------------------------------------------------------------------------------- */

/* Behind a higher claim that has its key group all is void, but facts. */
static bool is_void(const weir_journal_partition *partition, uint32_t key_group, int64_t place, const weir_entry *entry)
{
    if (weir__entry_is_fact(entry))
        return false;
    for (size_t i = 0; i < partition->claim_count; i++) {
        const weir_journal_claim *claim = &partition->claims[i];

        if (claim->place < place && claim->epoch > entry->epoch && claim->first <= key_group &&
            key_group <= claim->last)
            return true;
    }
    return false;
}

/* What was under way when the log was lost, or comes again and may have been: not what is certainly new. */
static bool may_have_run(const weir_worker_journal *journal, const weir_run *run, uint8_t flags)
{
    if (flags & (WEIR__RUN_IS_RESTORED | WEIR__RUN_HAS_NO_POSITION))
        return true;
    for (size_t i = 0; i < journal->input_count; i++) {
        if (strcmp(journal->inputs[i].source, run->source) == 0)
            return (int64_t)run->index < journal->inputs[i].end;
    }
    return true; /* nobody knows where its source ended */
}

/*
 * A source's inputs come in order, and what a checkpoint had pending comes first: what was found of earlier ones is of
 * runs that are over, or another worker's.
 */
static void drop_passed(weir_worker_journal *journal, const weir_run *now)
{
    size_t size = strlen(now->source);

    for (weir_journal_run *run = journal->oldest, *newer; run && journal->waiting_count; run = newer) {
        newer = run->newer;
        if (!run->run && run->index < now->index && run->source_size == size &&
            memcmp(run->id, now->source, size) == 0)
            weir__journal_run_drop(journal, run);
    }
}

/* Entries that the host has kept with the input, in log order. */
static weir_code take_given(weir_run *run, weir_frame_list *given, weir_entry ***tail, int64_t *last, weir_error *err)
{
    weir_bytes sealed;
    int64_t place;

    while (weir__list_entry(given, &place, &sealed)) {
        weir_code rc = weir__entry_open(sealed, &run->arena, *tail, err);

        if (rc != WEIR_OK) {
            weir__error_context(err, "the entry at %" PRId64 " of run %s", place, weir_run_id(run));
            return rc;
        }
        (**tail)->is_found = true;
        *tail = &(**tail)->next;
        *last = place;
    }
    return WEIR_OK;
}

static weir_code take_found(weir_worker_journal *journal, weir_journal_run *found, weir_run *run, int64_t kept,
                            weir_entry ***tail, weir_error *err)
{
    const weir_worker_input *input = run->host;
    weir_journal_entry **at = &found->entries;

    found->last = NULL;
    while (*at) {
        weir_journal_entry *entry = *at;
        weir_entry *opened;
        weir_code rc = weir__entry_open(weir__bytes(entry->bytes, entry->size), &run->arena, &opened, err);

        if (rc != WEIR_OK)
            return rc;
        if (entry->place <= kept || is_void(entry->partition, input->key_group, entry->place, opened)) {
            *at = entry->next;
            entry->is_orphan = true;
            weir__journal_entry_free(entry);
            continue;
        }
        opened->is_found = true;
        **tail = opened;
        *tail = &opened->next;
        found->last = entry;
        at = &entry->next;
    }
    journal->has_moved = true;
    return WEIR_OK;
}

weir_code weir__worker_recall(weir_worker *worker, weir_run *run, weir_frame_list *given, uint8_t flags,
                              weir_error *err)
{
    weir_worker_journal *journal = worker->journal;
    weir_worker_input *input = run->host;
    weir_journal_run *found = NULL;
    weir_entry **tail = &run->entries;
    int64_t kept = -1;
    weir_code rc = take_given(run, given, &tail, &kept, err);

    if (rc == WEIR_OK && journal && journal->waiting_count) {
        found = weir__journal_find(journal, weir_run_id(run));
        if (found && found->run)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "run %s is under way already", weir_run_id(run));
    }
    if (rc == WEIR_OK && found) {
        rc = take_found(journal, found, run, kept, &tail, err);
        found->run = run;
        found->ticket = input->ticket;
        found->accepted_ms = worker->now_ms;
        found->partition = weir__journal_partition_of(journal, input->key_group);
        input->open = found;
        journal->waiting_count--;
    }
    if (rc == WEIR_OK && journal && !(flags & WEIR__RUN_IS_RESTORED) && journal->waiting_count &&
        (journal->waiting_count < FEW || journal->passes++ % FEW == 0))
        drop_passed(journal, run);
    if (rc == WEIR_OK && journal) {
        run->epoch = journal->epoch;
        run->has_gap = weir__journal_partition_of(journal, input->key_group)->has_gap &&
                       may_have_run(journal, run, flags);
    }
    if (run->entries)
        run->recalled_ms = weir__clock_monotonic_ms(worker->clock);
    return rc;
}

/* ---- what the host keeps with an input --------------------------------------------------------------------------- */

/* Up to where all that the journal has of a run is known: what is not acknowledged, or not read, may stand there. */
static int64_t known_end(const weir_journal_run *run)
{
    int64_t end = run->partition->read;

    for (const weir_journal_entry *entry = run->entries; entry; entry = entry->next) {
        if (entry->place < 0 && entry->bound < end)
            end = entry->bound;
    }
    return end;
}

/* In log order, without gaps: what stands below the last one that was kept is taken for kept. */
static size_t count_to_keep(const weir_journal_run *run, int64_t end)
{
    size_t count = 0;

    for (const weir_journal_entry *entry = run->entries; entry; entry = entry->next)
        count += !entry->is_kept && entry->place >= 0 && entry->place < end;
    return count;
}

static void keep(weir_worker *worker, weir_journal_run *run, size_t count, int64_t end)
{
    weir_buffer *out = weir__worker_up(worker);
    size_t begin = weir__up_begin(out, WEIR__UP_KEEP);
    int64_t last = -1;

    weir__up_u64(out, run->ticket);
    weir__up_u32(out, (uint32_t)count);
    while (count-- > 0) { /* in the order of places: a decision that was read may stand before what was written */
        weir_journal_entry *next = NULL;

        for (weir_journal_entry *entry = run->entries; entry; entry = entry->next) {
            if (!entry->is_kept && entry->place > last && entry->place < end && (!next || entry->place < next->place))
                next = entry;
        }
        if (!next)
            break;
        weir__up_u64(out, (uint64_t)next->place);
        weir__up_bytes(out, weir__bytes(next->bytes, next->size));
        next->is_kept = true;
        last = next->place;
    }
    weir__worker_up_end(worker, out, begin);
}

void weir__worker_keep_old(weir_worker *worker)
{
    weir_worker_journal *journal = worker->journal;
    int64_t age_ms = weir__config_int(worker->config, "inbox-age-ms");

    if (!journal || journal->state != WEIR__JOURNAL_READY || worker->now_ms - journal->aged_ms < age_ms / 4)
        return;
    journal->aged_ms = worker->now_ms;
    for (weir_journal_run *run = journal->oldest; run; run = run->newer) {
        int64_t end = run->run && worker->now_ms - run->accepted_ms >= age_ms ? known_end(run) : -1;
        size_t count = end >= 0 ? count_to_keep(run, end) : 0;

        if (!count)
            continue;
        /* Before the markers that rest on it, and behind the batch whose markers do not. */
        weir__worker_tell(worker);
        keep(worker, run, count, end);
        journal->has_moved = true;
    }
}

/* ---- markers ----------------------------------------------------------------------------------------------------- */

/* Never behind the own claim: who begins there must see how far epochs have come. */
static int64_t marker_of(const weir_worker_journal *journal, const weir_journal_partition *partition)
{
    int64_t low = partition->read < partition->claim_place ? partition->read : partition->claim_place;

    for (const weir_journal_run *run = journal->oldest; run; run = run->newer) {
        for (const weir_journal_entry *entry = run->entries; entry; entry = entry->next) {
            int64_t at = entry->place >= 0 ? entry->place : entry->bound;

            if (entry->partition == partition && !entry->is_kept && at < low)
                low = at;
        }
    }
    return low;
}

bool weir__worker_markers_are_due(const weir_worker *worker)
{
    const weir_worker_journal *journal = worker->journal;

    return journal && journal->state == WEIR__JOURNAL_READY && journal->has_moved &&
           worker->now_ms - journal->marked_ms >= (worker->batch.is_open ? MARK_MS : MARK_IDLE_MS);
}

bool weir__worker_has_open(const weir_worker *worker)
{
    return worker->journal && (worker->journal->run_count || worker->journal->has_moved);
}

void weir__worker_add_markers(weir_worker *worker, weir_buffer *out)
{
    weir_worker_journal *journal = worker->journal;
    size_t at = out->size;
    uint32_t count = 0;

    weir__up_u32(out, 0);
    if (!weir__worker_markers_are_due(worker))
        return;
    journal->has_moved = false;
    journal->marked_ms = worker->now_ms;
    for (size_t i = 0; i < journal->count; i++) {
        weir_journal_partition *partition = &journal->partitions[i];
        int64_t marker = marker_of(journal, partition);

        if (marker <= partition->told)
            continue;
        partition->told = marker;
        weir__up_u32(out, (uint32_t)partition->number);
        weir__up_u64(out, (uint64_t)marker);
        count++;
    }
    weir__up_count(out, at, count);
}
