/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's journal: entries on their way into the action-state topic, claims, and what the tail reads back. */
#include "host/worker_journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/uuid.h"

enum { READ_MOST = 500, RENEW_ENTRIES = 1000, RENEW_MS = 30000, RENEW_IDLE_MS = 600000 };

/* ---- entries ----------------------------------------------------------------------------------------------------- */

weir_journal_entry *weir__journal_entry_new(weir_worker *worker, weir_journal_partition *partition, weir_bytes sealed)
{
    weir_journal_entry *entry = malloc(sizeof *entry + sealed.size);

    if (!entry)
        return NULL;
    memset(entry, 0, sizeof *entry);
    entry->worker = worker;
    entry->partition = partition;
    entry->place = -1;
    entry->bound = partition->read;
    entry->size = sealed.size;
    memcpy(entry->bytes, sealed.data, sealed.size);
    return entry;
}

void weir__journal_entry_free(weir_journal_entry *entry)
{
    if (entry->is_orphan && !entry->is_under_way && !entry->is_listed)
        free(entry);
}

static void tell(weir_journal_entry *entry, const weir_error *err)
{
    weir_ticket *ticket = entry->ticket;

    entry->ticket = NULL;
    if (ticket)
        ticket->known(ticket, err);
}

static void give_up(weir_worker_journal *journal, weir_code rc, const weir_error *err)
{
    weir_error why = *err;

    weir__error_context(&why, "the journal, topic '%s'", journal->topic);
    weir__worker_give_up(journal->worker, rc, &why);
}

static void claim_is_known(weir_journal_partition *partition, int64_t place, int64_t now_ms)
{
    partition->claim_place = place;
    partition->claimed_ms = now_ms;
    partition->is_claiming = false;
}

/* From within weir__appender_poll(), or weir__appender_close(). */
static void entry_is_known(weir_appended *appended, const weir_error *err)
{
    weir_journal_entry *entry = (weir_journal_entry *)appended;
    weir_journal_partition *partition = entry->partition;
    weir_worker_journal *journal = entry->worker->journal;

    entry->is_under_way = false;
    if (err) {
        if (!journal->is_closing)
            give_up(journal, err->code, err);
        tell(entry, err);
        weir__journal_entry_free(entry);
        return;
    }
    entry->place = appended->offset;
    journal->has_moved = true;
    if (entry->is_claim)
        claim_is_known(partition, entry->place, entry->worker->now_ms);
    if (!entry->needs_reading_back) {
        tell(entry, NULL);
    } else {
        entry->is_listed = true;
        entry->next_listed = NULL;
        *partition->to_read_back_tail = entry;
        partition->to_read_back_tail = &entry->next_listed;
    }
    weir__journal_entry_free(entry);
}

static weir_code send_entry(weir_worker_journal *journal, weir_journal_entry *entry, const char *run, weir_error *err)
{
    weir_code rc;

    entry->appended.known = entry_is_known;
    rc = journal->appender ? weir__appender_append(journal->appender, journal->topic, entry->partition->number,
                                                   weir__bytes_text(run), weir__bytes(entry->bytes, entry->size),
                                                   &entry->appended, err)
                           : weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "the journal is closed");
    if (rc != WEIR_OK)
        return rc;
    entry->is_under_way = true;
    journal->appended++;
    return WEIR_OK;
}

/* What is kept of a run from its first entry to its end; NULL: no memory. */
static weir_journal_run *open_run(weir_worker *worker, weir_run *run)
{
    weir_worker_journal *journal = worker->journal;
    weir_worker_input *input = run->host;

    if (input->open)
        return input->open;
    input->open = weir__journal_run_add(journal, weir_run_id(run),
                                        weir__journal_partition_of(journal, input->key_group));
    if (!input->open)
        return NULL;
    input->open->run = run;
    input->open->ticket = input->ticket;
    input->open->accepted_ms = worker->now_ms; /* of its first entry: nothing is kept of it before */
    journal->waiting_count--;
    return input->open;
}

weir_code weir__worker_append(void *context, weir_run *run, const weir_entry *entry, weir_bytes sealed,
                              weir_ticket *ticket, weir_error *err)
{
    weir_worker *worker = context;
    weir_worker_journal *journal = worker->journal;
    weir_worker_input *input = run->host;
    weir_journal_run *open = input->is_over ? NULL : open_run(worker, run);
    weir_journal_entry *made =
        weir__journal_entry_new(worker, weir__journal_partition_of(journal, input->key_group), sealed);
    weir_code rc;

    if (!made || (!open && !input->is_over)) {
        free(made);
        return weir__fail_memory(err, "a journal entry");
    }
    journal->reads_own |= run->awaits_log;
    made->ticket = ticket;
    made->needs_reading_back = ticket && weir__entry_needs_reading_back(entry);
    rc = send_entry(journal, made, weir_run_id(run), err);
    if (rc != WEIR_OK) {
        free(made);
        return rc;
    }
    if (open)
        weir__journal_run_keep(open, made);
    else
        made->is_orphan = true;
    return WEIR_OK;
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

static weir_code send_claim(weir_worker_journal *journal, weir_journal_partition *partition, weir_error *err)
{
    weir_entry claim = { .kind = WEIR__ENTRY_CLAIM, .run = "", .epoch = journal->epoch, .name = journal->owner,
                         .written_ms = weir__clock_wall_ms(journal->worker->clock) };
    weir_journal_entry *entry = NULL;
    weir_buffer sealed;
    weir_code rc;

    weir__buffer_init(&sealed, SIZE_MAX);
    rc = weir__entry_seal(&claim, &sealed, err);
    if (rc == WEIR_OK) {
        entry = weir__journal_entry_new(journal->worker, partition, weir__buffer_bytes(&sealed));
        rc = entry ? WEIR_OK : weir__fail_memory(err, "a claim");
    }
    weir__buffer_clear(&sealed);
    if (rc == WEIR_OK) {
        entry->is_claim = true;
        entry->is_orphan = true;
        rc = send_entry(journal, entry, "", err);
    }
    if (rc != WEIR_OK)
        free(entry);
    else
        partition->is_claiming = true;
    return rc;
}

/* "… groups 0..63 of 128": the range that a claim has. One without, as on Kafka, has all. */
static void read_groups(const char *owner, uint32_t *first, uint32_t *last)
{
    const char *at = strstr(owner, " groups ");
    unsigned from, to, most;
    char rest;

    *first = 0;
    *last = UINT32_MAX;
    for (const char *next; at && (next = strstr(at + 1, " groups ")); at = next)
        continue; /* the last one: a job's name comes before it */
    if (at && sscanf(at, " groups %u..%u of %u%c", &from, &to, &most, &rest) == 3) {
        *first = from;
        *last = to;
    }
}

static weir_code add_claim(weir_journal_partition *partition, const weir_journal_claim *claim)
{
    if (partition->claim_count == partition->claim_capacity) {
        size_t capacity = partition->claim_capacity ? 2 * partition->claim_capacity : 8;
        weir_journal_claim *all = realloc(partition->claims, capacity * sizeof *all);

        if (!all)
            return WEIR_NO_MEMORY;
        partition->claims = all;
        partition->claim_capacity = capacity;
    }
    partition->claims[partition->claim_count++] = *claim;
    return WEIR_OK;
}

/* A worker that claims what is ours, and is not older than us, is our successor: it is not for us to go on. */
static weir_code take_claim(weir_worker_journal *journal, weir_journal_partition *partition, const weir_record *record,
                            const weir_entry *entry, weir_error *err)
{
    const weir_worker *worker = journal->worker;
    weir_journal_claim claim = { record->offset, entry->epoch, 0, 0 };
    bool is_own = strcmp(entry->name, journal->owner) == 0;
    weir_code rc = WEIR_OK;

    read_groups(entry->name, &claim.first, &claim.last);
    /* One that is stopping begins nothing more, and what it still has to say of its calls are facts. */
    if (!is_own && worker->state != WEIR__WORKER_STOPPING && journal->state >= WEIR__JOURNAL_CLAIMING &&
        claim.epoch >= journal->epoch &&
        claim.first <= worker->last_group && worker->first_group <= claim.last)
        return weir__fail(err, WEIR_FENCED, WEIR_REMEDY_STOP,
                          "another worker (%.100s) has claimed key groups of this one, with epoch %" PRId64
                          "; ours is %" PRId64,
                          entry->name, claim.epoch, journal->epoch);
    /* The own one counts, too: this partition may be read on while another's end is waited for. Once inputs are taken
     * only facts are, and those are never void. */
    if (journal->state < WEIR__JOURNAL_READY)
        rc = add_claim(partition, &claim);
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a claim");
}

/* ---- the tail ---------------------------------------------------------------------------------------------------- */

static weir_code add_found(weir_worker_journal *journal, weir_journal_partition *partition, const weir_record *record,
                           const weir_entry *entry, weir_journal_run **out, weir_error *err)
{
    weir_journal_run *run = weir__journal_find(journal, entry->run);
    weir_journal_entry *made;

    if (!run)
        run = weir__journal_run_add(journal, entry->run, partition);
    made = run ? weir__journal_entry_new(journal->worker, partition, record->value) : NULL;
    if (!made)
        return weir__fail_memory(err, "the journal");
    made->place = record->offset;
    weir__journal_run_keep(run, made);
    *out = run;
    return WEIR_OK;
}

/* While inputs are taken: facts of others, decisions, and what runs of ours await from the log. */
static weir_code look_at_entry(weir_worker_journal *journal, weir_journal_partition *partition,
                               const weir_record *record, const weir_entry *entry, weir_error *err)
{
    bool is_own = entry->epoch == journal->epoch && entry->kind != WEIR__ENTRY_RESOLUTION;
    weir_journal_run *run;

    if (!weir__entry_is_fact(entry) || (is_own && !journal->reads_own))
        return WEIR_OK;
    if (is_own) {
        run = weir__journal_find(journal, entry->run); /* not ours: of a neighbour's with the same epoch */
    } else {
        weir_code rc = add_found(journal, partition, record, entry, &run, err);

        if (rc != WEIR_OK)
            return rc;
    }
    if (run && run->run && weir__engine_learn_entry(run->run, entry) == WEIR_NO_MEMORY)
        return weir__fail_memory(err, "a journal entry");
    return WEIR_OK;
}

/* Whether it is the one that was sent first of those that were not read back: no need to open it. */
static bool is_awaited(const weir_journal_partition *partition, int64_t place)
{
    return partition->to_read_back && partition->to_read_back->place == place;
}

static weir_code read_one(weir_worker_journal *journal, const weir_record *record, weir_arena *arena, weir_error *err)
{
    weir_journal_partition *partition = &journal->partitions[record->topic];
    weir_journal_run *run;
    weir_entry *entry;
    weir_code rc = WEIR_OK;

    journal->seen += !record->is_end;
    if (!record->is_end && !is_awaited(partition, record->offset)) {
        rc = weir__entry_open(record->value, arena, &entry, err);
        if (rc == WEIR_OK && entry->epoch > journal->highest)
            journal->highest = entry->epoch;
        if (rc == WEIR_OK && entry->kind == WEIR__ENTRY_CLAIM)
            rc = take_claim(journal, partition, record, entry, err);
        else if (rc == WEIR_OK && journal->state < WEIR__JOURNAL_READY)
            rc = add_found(journal, partition, record, entry, &run, err);
        else if (rc == WEIR_OK)
            rc = look_at_entry(journal, partition, record, entry, err);
        if (rc != WEIR_OK && rc != WEIR_FENCED)
            weir__error_context(err, "partition %" PRId32 ", offset %" PRId64, record->partition, record->offset);
    }
    if (record->offset + !record->is_end > partition->read) {
        partition->read = record->offset + !record->is_end;
        journal->has_moved = true;
    }
    return rc;
}

static weir_code read_tail(weir_worker_journal *journal, weir_error *err)
{
    weir_arena arena;
    size_t count = 0;
    weir_code rc;

    weir__arena_init(&arena, 8192);
    do {
        rc = weir__reader_poll(journal->tail, 0, journal->batch, READ_MOST, &count, err);
        if (rc == WEIR_UNREACHABLE)
            rc = WEIR_OK;
        else if (rc == WEIR_UNKNOWN)
            rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "partition %" PRId32 " was cut off while it was read",
                            journal->batch[0].partition);
        for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
            rc = read_one(journal, &journal->batch[i], &arena, err);
            weir__arena_reset(&arena);
        }
        weir__reader_done(journal->tail);
    } while (rc == WEIR_OK && count == READ_MOST);
    weir__arena_clear(&arena);
    return rc;
}

/* Those whose place has been passed without another's claim. */
static void tell_read_back(weir_journal_partition *partition, const weir_error *err)
{
    while (partition->to_read_back && (err || partition->to_read_back->place < partition->read)) {
        weir_journal_entry *entry = partition->to_read_back;

        partition->to_read_back = entry->next_listed;
        if (!partition->to_read_back)
            partition->to_read_back_tail = &partition->to_read_back;
        entry->is_listed = false;
        tell(entry, err);
        weir__journal_entry_free(entry);
    }
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

static bool have_all_read(const weir_worker_journal *journal)
{
    for (size_t i = 0; i < journal->count; i++) {
        const weir_journal_partition *partition = &journal->partitions[i];

        if (journal->state == WEIR__JOURNAL_READING ? partition->read < partition->end
                                                    : partition->claim_place < 0 ||
                                                          partition->read <= partition->claim_place)
            return false;
    }
    return true;
}

static weir_code claim_all(weir_worker_journal *journal, weir_error *err)
{
    const weir_worker *worker = journal->worker;
    char id[40];
    weir_code rc = WEIR_OK;

    weir__uuid_random(id);
    journal->epoch = journal->highest + 1;
    (void)snprintf(journal->owner, sizeof journal->owner, "%.100s subtask %u attempt %u %s groups %u..%u of %u",
                   worker->job, worker->subtask, worker->attempt, id, worker->first_group, worker->last_group,
                   worker->max_parallelism);
    journal->state = WEIR__JOURNAL_CLAIMING;
    for (size_t i = 0; i < journal->count && rc == WEIR_OK; i++)
        rc = send_claim(journal, &journal->partitions[i], err);
    return rc;
}

/*
 * A marker never passes the own claim, so that is written anew once much stands behind it, or something for long; and
 * now and then in any case, since a topic may keep its records for a time only.
 */
static weir_code renew_claims(weir_worker_journal *journal, weir_error *err)
{
    weir_code rc = WEIR_OK;

    for (size_t i = 0; i < journal->count && rc == WEIR_OK; i++) {
        weir_journal_partition *partition = &journal->partitions[i];

        int64_t behind = partition->read - partition->claim_place - 1;
        int64_t age_ms = journal->worker->now_ms - partition->claimed_ms;

        if (!partition->is_claiming && (behind > RENEW_ENTRIES || (behind > 0 && age_ms > RENEW_MS) ||
                                        age_ms > RENEW_IDLE_MS))
            rc = send_claim(journal, partition, err);
    }
    return rc;
}

void weir__journal_asked(weir_worker_journal *journal, weir_code rc, const weir_error *err)
{
    weir_worker *worker = journal->worker;
    weir_reader_options tail = { .cluster = journal->cluster, .read_uncommitted = true, .topic = journal->topic };
    weir_error own;

    if (rc == WEIR_OK && worker->state == WEIR__WORKER_OPENING) {
        err = &own;
        rc = weir__appender_open(journal->cluster, &journal->appender, &own);
        if (rc == WEIR_OK)
            rc = weir__engine_watch(worker->engine, weir__appender_fd(journal->appender), &own);
        if (rc == WEIR_OK)
            rc = weir__reader_open(&tail, &journal->tail, &own);
        if (rc == WEIR_OK)
            rc = weir__engine_watch(worker->engine, weir__reader_fd(journal->tail), &own);
        for (size_t i = 0; i < journal->count && rc == WEIR_OK; i++)
            rc = weir__reader_add(journal->tail, journal->topic, journal->partitions[i].number,
                                  journal->partitions[i].from, i, &own);
        journal->state = WEIR__JOURNAL_READING;
    }
    if (rc != WEIR_OK && worker->state == WEIR__WORKER_OPENING)
        give_up(journal, rc, err);
}

void weir__worker_journal_drive(weir_worker *worker)
{
    weir_worker_journal *journal = worker->journal;
    weir_error err;
    weir_code rc;

    if (!journal || !journal->tail || worker->state == WEIR__WORKER_BROKEN || worker->state == WEIR__WORKER_OVER)
        return;
    rc = weir__appender_poll(journal->appender, &err);
    if (rc == WEIR_OK)
        rc = read_tail(journal, &err);
    if (rc == WEIR_OK && journal->state == WEIR__JOURNAL_READING && have_all_read(journal) &&
        worker->state == WEIR__WORKER_OPENING)
        rc = claim_all(journal, &err);
    if (rc == WEIR_OK && journal->state == WEIR__JOURNAL_READY)
        rc = renew_claims(journal, &err);
    if (rc != WEIR_OK) {
        give_up(journal, rc, &err);
        return;
    }
    for (size_t i = 0; i < journal->count; i++)
        tell_read_back(&journal->partitions[i], NULL);
    if (journal->state == WEIR__JOURNAL_CLAIMING && have_all_read(journal)) {
        journal->state = WEIR__JOURNAL_READY;
        weir__log(WEIR__LOG_INFO, "host/worker",
                  "the journal is ours topic=%s epoch=%" PRId64 " partitions=%zu entries=%" PRIu64 " runs=%zu",
                  journal->topic, journal->epoch, journal->count, journal->seen, journal->run_count);
    }
}

bool weir__worker_journal_is_ready(const weir_worker *worker)
{
    return !worker->journal || worker->journal->state == WEIR__JOURNAL_READY;
}

bool weir__worker_journal_is_asking(weir_worker *worker)
{
    if (!worker->journal || !worker->journal->is_asking)
        return false;
    atomic_store(&worker->journal->question.is_given_up, true); /* only asked by who wants to end */
    return true;
}

size_t weir__worker_journal_pending(const weir_worker *worker)
{
    return worker->journal && worker->journal->appender ? weir__appender_pending(worker->journal->appender) : 0;
}

uint32_t weir__worker_journal_partitions(const weir_worker *worker)
{
    return worker->journal ? (uint32_t)worker->journal->topic_partitions : 0;
}

void weir__worker_journal_count(const weir_worker *worker, uint64_t *appended, uint64_t *seen)
{
    *appended = worker->journal ? worker->journal->appended : 0;
    *seen = worker->journal ? worker->journal->seen : 0;
}

void weir__worker_run_is_over(weir_worker *worker, weir_run *run)
{
    weir_worker_input *input = run->host;

    input->is_over = true;
    if (input->open)
        weir__journal_run_drop(worker->journal, input->open);
    input->open = NULL;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

weir_code weir__worker_journal_open(weir_worker *worker, weir_error *err)
{
    weir_worker_journal *journal = calloc(1, sizeof *journal);

    if (!journal)
        return weir__fail_memory(err, "the journal");
    worker->journal = journal;
    journal->worker = worker;
    journal->topic = weir__config_text(worker->config, "action-state.topic");
    journal->batch = calloc(READ_MOST, sizeof *journal->batch);
    return journal->batch ? weir__journal_ask(journal, err) : weir__fail_memory(err, "the journal");
}

void weir__worker_journal_close(weir_worker *worker)
{
    static const weir_error closed = { .code = WEIR_CANCELED, .remedy = WEIR_REMEDY_ABORT,
                                       .message = "the worker ends" };
    weir_worker_journal *journal = worker->journal;

    if (!journal)
        return;
    journal->is_closing = true;
    weir__appender_close(journal->appender); /* tells what waits: the engine is still there */
    for (size_t i = 0; i < journal->count; i++) {
        tell_read_back(&journal->partitions[i], &closed);
        free(journal->partitions[i].claims);
    }
    while (journal->oldest)
        weir__journal_run_drop(journal, journal->oldest);
    weir__reader_close(journal->tail);
    weir__cluster_close(journal->cluster);
    free(journal->buckets);
    free(journal->partitions);
    free(journal->inputs);
    free(journal->batch);
    free(journal);
    worker->journal = NULL;
}
