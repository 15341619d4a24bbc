/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of a stream's tasks: entries on their way into the action-state topic, claims, what the tail reads back,
 * and what recovery found of a run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/breakage.h"
#include "base/log.h"
#include "host/stream_internal.h"
#include "journal/entry.h"

/* ---- runs that have something in the journal or the inbox -------------------------------------------------------- */

weir_open_run *weir__stream_open_run(weir_run *run)
{
    weir_stream_input *input = run->host;
    weir_stream_task *task = input->task;
    weir_open_run *open = input->open;

    if (open)
        return open;
    open = calloc(1, sizeof *open);
    if (!open)
        return NULL;
    open->number = (int64_t)run->index;
    open->older = task->newest;
    if (task->newest)
        task->newest->newer = open;
    else
        task->oldest = open;
    task->newest = open;
    input->open = open;
    return open;
}

static void free_entry(weir_kept_entry *entry)
{
    if (entry->is_sent || entry->is_listed)
        entry->is_orphan = true; /* freed once it is acknowledged, or has left the list of those to be read back */
    else
        free(entry);
}

void weir__stream_close_run(weir_stream_task *task, weir_open_run *open)
{
    if (open->newer)
        open->newer->older = open->older;
    else
        task->newest = open->older;
    if (open->older)
        open->older->newer = open->newer;
    else
        task->oldest = open->newer;
    while (open->entries) {
        weir_kept_entry *entry = open->entries;

        open->entries = entry->next;
        free_entry(entry);
    }
    free(open);
}

static void tell(weir_kept_entry *entry, const weir_error *err)
{
    weir_ticket *ticket = entry->ticket;

    entry->ticket = NULL;
    if (ticket)
        ticket->known(ticket, err);
}

/* Takes the first of those to be read back off its list, and tells it. */
static void pop_to_read_back(weir_stream_task *task, const weir_error *err)
{
    weir_kept_entry *entry = task->to_read_back;

    task->to_read_back = entry->next_sent;
    if (!task->to_read_back)
        task->to_read_back_tail = &task->to_read_back;
    entry->next_sent = NULL;
    entry->is_listed = false;
    tell(entry, err);
    if (entry->is_orphan)
        free(entry);
}

/* What is told of entries whose task is not ours any more: those who waited for them are gone, or going. */
static const weir_error not_ours = { .code = WEIR_CANCELED, .remedy = WEIR_REMEDY_ABORT,
                                     .message = "the task is not ours any more" };

void weir__stream_forget_journal(weir_stream_task *task)
{
    while (task->to_read_back)
        pop_to_read_back(task, &not_ours);
    while (task->oldest)
        weir__stream_close_run(task, task->oldest);
    for (size_t i = 0; i < task->found_count; i++)
        free(task->found[i].bytes);
    free(task->found);
    task->found = NULL;
    task->found_count = 0;
    task->found_sorted = 0;
    task->found_capacity = 0;
}

static void keep_entry(weir_open_run *open, weir_kept_entry *entry)
{
    entry->next = NULL;
    if (open->last && open->entries)
        open->last->next = entry;
    else
        open->entries = entry;
    open->last = entry;
}

/*
 * Only while the task runs does it move: before, what was found is not taken up yet; afterwards runs are gone that what
 * the tail reads may be about (a late outcome, a decision), and the next owner must find it.
 */
int64_t weir__stream_low(const weir_stream_task *task)
{
    int64_t low = task->journal_end;

    if (task->state != WEIR__TASK_RUNNING)
        return task->tuple.low;
    /* Of inputs that have not come yet: an earlier owner was further on than it could commit. */
    for (size_t i = 0; i < task->found_count; i++) {
        const weir_found_entry *found = &task->found[i];

        if (found->bytes && found->number >= task->next && found->place < low)
            low = found->place;
    }
    for (const weir_open_run *open = task->oldest; open; open = open->newer) {
        for (const weir_kept_entry *entry = open->entries; entry; entry = entry->next) {
            if (!entry->is_stored) {
                int64_t at = entry->place >= 0 ? entry->place : entry->bound;

                if (at < low)
                    low = at;
            }
        }
    }
    /* What stands between the low-water mark and the own claim is judged by the claims there: all of them are passed at
     * once, so that the highest one before the mark is known to be the own one. */
    return low > task->tuple.low && low > task->tuple.claim ? low : task->tuple.low;
}

/* ---- appending --------------------------------------------------------------------------------------------------- */

/* Those that are acknowledged leave the head of the list: the cuts that wait for them may go. */
static void drop_acknowledged(weir_stream *stream)
{
    while (stream->sent && stream->sent->is_known) {
        weir_kept_entry *entry = stream->sent;

        entry->is_sent = false;
        stream->sent = entry->next_sent;
        if (!stream->sent)
            stream->sent_tail = &stream->sent;
        stream->acknowledged++;
        entry->next_sent = NULL;
        if (entry->is_orphan) {
            tell(entry, &not_ours);
            free(entry);
        } else if (entry->ticket) { /* it needs to be read back */
            entry->is_listed = true;
            *entry->task->to_read_back_tail = entry;
            entry->task->to_read_back_tail = &entry->next_sent;
        }
    }
}

/* The first cause stays. What is not acknowledged holds back whatever rests on it: renew() ends that. */
static void note_broken(weir_stream *stream, const weir_error *err)
{
    if (!stream->is_journal_broken)
        stream->journal_error = *err;
    stream->is_journal_broken = true;
}

/* From within weir__appender_poll(), or weir__appender_close(). */
static void entry_is_known(weir_appended *appended, const weir_error *err)
{
    weir_kept_entry *entry = (weir_kept_entry *)appended;
    weir_stream_task *task = entry->task;

    if (err) {
        note_broken(task->stream, err);
        return;
    }
    task->stream->breaks_in_a_row = 0;
    entry->is_known = true; /* it stays in the list until those before it, of other partitions, are known, too */
    entry->place = appended->offset;
    if (!entry->needs_reading_back)
        tell(entry, NULL);
    if (entry->is_claim && entry->life == task->life && task->state == WEIR__TASK_CLAIMING) {
        task->claim_place = entry->place;
        task->tuple.claim = entry->place;
        weir__stream_task_move(task, WEIR__TASK_READING);
    }
}

/* NULL: no memory. */
static weir_kept_entry *new_entry(weir_stream_task *task, weir_bytes sealed)
{
    weir_kept_entry *entry = malloc(sizeof *entry + sealed.size);

    if (!entry)
        return NULL;
    memset(entry, 0, sizeof *entry);
    entry->task = task;
    entry->life = task->life;
    entry->place = -1;
    entry->bound = task->journal_end;
    entry->size = sealed.size;
    memcpy(entry->bytes, sealed.data, sealed.size);
    return entry;
}

static weir_code send_entry(weir_stream *stream, weir_kept_entry *entry, const char *run, weir_error *err)
{
    weir_error broken;
    weir_code rc;

    entry->appended.known = entry_is_known;
    rc = stream->appender
             ? weir__appender_append(stream->appender, stream->options->topics->journal.name,
                                     entry->task->at.partition, weir__bytes_text(run),
                                     weir__bytes(entry->bytes, entry->size), &entry->appended, &broken)
             : weir__fail(&broken, WEIR_IO, WEIR_REMEDY_STOP, "the journal is closed");
    if (rc == WEIR_IO) {
        note_broken(stream, &broken); /* and it is one of those that are not acknowledged */
    } else if (rc != WEIR_OK) {
        if (err)
            *err = broken;
        return rc;
    }
    entry->is_sent = true;
    entry->next_sent = NULL;
    *stream->sent_tail = entry;
    stream->sent_tail = &entry->next_sent;
    stream->appended++;
    return WEIR_OK;
}

weir_code weir__stream_append(void *context, weir_run *run, const weir_entry *entry, weir_bytes sealed,
                              weir_ticket *ticket, weir_error *err)
{
    weir_stream *stream = context;
    weir_stream_task *task = stream->tasks[run->owner - 1];
    /* A run that was dropped still tells what came of its calls; it is not this life's any more, and has no input. */
    bool is_open = (task->state == WEIR__TASK_RUNNING || task->state == WEIR__TASK_STARTING) &&
                   run->epoch == task->tuple.epoch;
    weir_open_run *open = is_open ? weir__stream_open_run(run) : NULL;
    weir_kept_entry *kept = new_entry(task, sealed);
    weir_code rc;

    if (!kept || (is_open && !open)) {
        free(kept);
        return weir__fail_memory(err, "a journal entry");
    }
    task->reads_own |= run->awaits_log;
    kept->ticket = ticket;
    kept->needs_reading_back =
        ticket && weir__entry_needs_reading_back(entry) && is_open && !weir__is_broken(WEIR__BREAK_NO_READING_BACK);
    rc = send_entry(stream, kept, weir_run_id(run), err);
    if (rc != WEIR_OK) {
        free(kept);
        return rc;
    }
    if (open)
        keep_entry(open, kept);
    else
        kept->is_orphan = true;
    return WEIR_OK;
}

/* ---- a broken appender ------------------------------------------------------------------------------------------- */

weir_code weir__stream_open_appender(weir_stream *stream, weir_error *err)
{
    weir_code rc = weir__appender_open(stream->options->cluster, &stream->appender, err);

    return rc == WEIR_OK ? weir__engine_watch(stream->engine, weir__appender_fd(stream->appender), err) : rc;
}

/* Of tasks that are lost: nobody waits for them any more, nor does a cut. */
static void fail_sent(weir_stream *stream)
{
    while (stream->sent) {
        weir_kept_entry *entry = stream->sent;

        stream->sent = entry->next_sent;
        if (!stream->sent)
            stream->sent_tail = &stream->sent;
        entry->next_sent = NULL;
        entry->is_sent = false;
        stream->acknowledged++;
        tell(entry, &not_ours);
        if (entry->is_orphan)
            free(entry);
    }
}

/*
 * The appender gives no record up and keeps their order, or breaks: then nobody knows what of the last ones stands in
 * the log, or will. So the tasks are lost, as to another owner, and taken again, with a higher claim behind which what
 * may still land is void, and their journals are read. A record that is too large would break the next one, too; and
 * one that breaks again and again without having written anything does not get better.
 */
static void renew(weir_stream *stream)
{
    enum { MOST_IN_A_ROW = 8 };
    weir_error err = stream->journal_error;

    if (err.code == WEIR_LIMIT || stream->breaks_in_a_row == MOST_IN_A_ROW) {
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, err.code, &err);
        return;
    }
    stream->breaks_in_a_row++;
    weir__log(WEIR__LOG_WARN, stream->name, "the journal's producer is broken, taking the tasks again with another "
              "cause=\"%s\"", err.message);
    weir__stream_rejoin(stream, "the journal's producer is broken"); /* first: nothing may go on from here */
    weir__engine_unwatch(stream->engine, weir__appender_fd(stream->appender));
    weir__appender_close(stream->appender);
    stream->appender = NULL;
    fail_sent(stream);
    stream->is_journal_broken = false;
    if (weir__stream_open_appender(stream, &err) != WEIR_OK)
        weir__stream_give_up(stream, WEIR__STREAM_BROKEN, err.code, &err);
}

void weir__stream_drop_sent(weir_stream *stream)
{
    while (stream->sent) {
        stream->sent->is_known = true;
        drop_acknowledged(stream);
    }
}

/* ---- claims ------------------------------------------------------------------------------------------------------ */

weir_code weir__stream_claim(weir_stream_task *task, weir_error *err)
{
    weir_stream *stream = task->stream;
    weir_entry claim = { .kind = WEIR__ENTRY_CLAIM, .run = "", .epoch = task->tuple.epoch };
    weir_kept_entry *kept;
    weir_buffer sealed;
    weir_code rc;

    claim.name = task->tuple.owner;
    claim.written_ms = weir__clock_wall_ms(stream->clock);
    weir__buffer_init(&sealed, SIZE_MAX);
    rc = weir__entry_seal(&claim, &sealed, err);
    kept = rc == WEIR_OK ? new_entry(task, weir__buffer_bytes(&sealed)) : NULL;
    weir__buffer_clear(&sealed);
    if (rc == WEIR_OK && !kept)
        rc = weir__fail_memory(err, "a claim");
    if (rc == WEIR_OK) {
        kept->is_claim = true;
        rc = send_entry(stream, kept, "", err);
    }
    if (rc != WEIR_OK) {
        free(kept);
        return rc;
    }
    kept->is_orphan = true;
    return WEIR_OK;
}

/* ---- the tail ---------------------------------------------------------------------------------------------------- */

weir_code weir__stream_tail_again(weir_stream_task *task, weir_error *err)
{
    weir_stream *stream = task->stream;
    weir_code rc = weir__reader_add(stream->tail, stream->options->topics->journal.name, task->at.partition,
                                    task->journal_end, task->owner, err);

    task->is_tailed = rc == WEIR_OK;
    return rc;
}

weir_code weir__stream_tail_begin(weir_stream_task *task, weir_error *err)
{
    task->journal_end = task->tuple.low;
    task->highest_claim = task->tuple.claimed;
    return weir__stream_tail_again(task, err);
}

void weir__stream_tail_end(weir_stream_task *task)
{
    if (task->is_tailed)
        weir__reader_remove(task->stream->tail, task->stream->options->topics->journal.name, task->at.partition);
    task->is_tailed = false;
}

/* The number of the input that a run id of this task ends in; -1: it is another topic's. */
static int64_t number_of(const weir_stream_task *task, const char *run)
{
    size_t size = strlen(task->source);
    char *end;
    long long number;

    if (strncmp(run, task->source, size) != 0 || run[size] != '/')
        return -1;
    number = strtoll(run + size + 1, &end, 10);
    return *end ? -1 : number;
}

static weir_code add_found(weir_stream_task *task, int64_t number, const weir_record *record)
{
    weir_found_entry *found;

    if (task->found_count == task->found_capacity) {
        size_t capacity = task->found_capacity ? task->found_capacity * 2 : 64;
        weir_found_entry *all = realloc(task->found, capacity * sizeof *all);

        if (!all)
            return WEIR_NO_MEMORY;
        task->found = all;
        task->found_capacity = capacity;
    }
    found = &task->found[task->found_count];
    *found = (weir_found_entry){ number, record->offset, false, record->value.size, malloc(record->value.size + 1) };
    if (!found->bytes)
        return WEIR_NO_MEMORY;
    memcpy(found->bytes, record->value.data, record->value.size);
    task->found_count++;
    return WEIR_OK;
}

/* Of a run that goes on here: what another owner, or somebody with a decision, has written; or it itself, late. */
static weir_code learn(weir_stream_task *task, const weir_record *record, const weir_entry *entry, int64_t number,
                       bool is_own, weir_error *err)
{
    weir_run *run = weir__engine_find(task->stream->engine, task->owner, (uint64_t)number);
    weir_kept_entry *kept;
    weir_open_run *open;

    if (!run)
        return WEIR_OK; /* it is over, or has not come yet: see `found` */
    if (is_own) /* kept since it was written */
        return weir__engine_learn_entry(run, entry) == WEIR_NO_MEMORY ? weir__fail_memory(err, "a journal entry")
                                                                      : WEIR_OK;
    open = weir__stream_open_run(run);
    kept = open ? new_entry(task, record->value) : NULL;
    if (!kept)
        return weir__fail_memory(err, "a journal entry");
    kept->place = record->offset;
    keep_entry(open, kept);
    if (weir__engine_learn_entry(run, entry) == WEIR_NO_MEMORY)
        return weir__fail_memory(err, "a journal entry");
    return WEIR_OK;
}

static void lose_to_claim(weir_stream_task *task)
{
    task->stream->vitals.fencings++;
    weir__stream_lose(task, "another owner has claimed its journal");
}

/* What another has written while this task runs. */
static void look_at_entry(weir_stream_task *task, const weir_record *record, const weir_entry *entry)
{
    int64_t number = number_of(task, entry->run);
    bool is_own = entry->epoch == task->tuple.epoch && entry->kind != WEIR__ENTRY_RESOLUTION;
    weir_error err;

    if (entry->kind == WEIR__ENTRY_CLAIM) {
        if (entry->epoch > task->tuple.epoch)
            lose_to_claim(task);
        return;
    }
    if (number < 0 || !weir__entry_is_fact(entry) || (is_own && !task->reads_own))
        return;
    /* Its input has not been fetched yet, or still waits to be taken out of the inbox. */
    if (!is_own && (number >= task->next || task->state == WEIR__TASK_STARTING) &&
        !weir__engine_find(task->stream->engine, task->owner, (uint64_t)number) &&
        add_found(task, number, record) != WEIR_OK) {
        weir__stream_give_up(task->stream, WEIR__STREAM_BROKEN, WEIR_NO_MEMORY,
                             (weir__fail_memory(&err, "the journal"), &err));
        return;
    }
    if (learn(task, record, entry, number, is_own, &err) != WEIR_OK)
        weir__stream_give_up(task->stream, WEIR__STREAM_BROKEN, err.code, &err);
}

/* Before the task starts: what counts is gathered. */
static void gather(weir_stream_task *task, const weir_record *record, const weir_entry *entry)
{
    int64_t number = number_of(task, entry->run);
    weir_error err;

    if (entry->kind == WEIR__ENTRY_CLAIM) {
        if (entry->epoch > task->highest_claim)
            task->highest_claim = entry->epoch;
        if (entry->epoch > task->tuple.epoch)
            lose_to_claim(task);
        return;
    }
    if (number < 0 || (entry->epoch < task->highest_claim && !weir__entry_is_fact(entry) &&
                       !weir__is_broken(WEIR__BREAK_ACCEPT_VOID)))
        return;
    if (add_found(task, number, record) != WEIR_OK)
        weir__stream_give_up(task->stream, WEIR__STREAM_BROKEN, WEIR_NO_MEMORY,
                             (weir__fail_memory(&err, "the journal"), &err));
}

/* Whether it is the one that was sent first of those that were not read back: no need to open it. */
static bool is_own(const weir_stream_task *task, int64_t place)
{
    return task->to_read_back && task->to_read_back->place == place && task->to_read_back->life == task->life;
}

static void read_one(weir_stream *stream, const weir_record *record, weir_arena *arena)
{
    weir_stream_task *task = stream->tasks[record->topic - 1];
    weir_entry *entry;
    weir_error err;

    if (!task->is_tailed)
        return;
    stream->vitals.journal_read += !record->is_end;
    if (!record->is_end && !is_own(task, record->offset)) {
        weir_code rc = weir__entry_open(record->value, arena, &entry, &err);

        if (rc != WEIR_OK) {
            weir__error_context(&err, "topic '%s', partition %" PRId32 ", offset %" PRId64,
                                stream->options->topics->journal.name, record->partition, record->offset);
            weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, &err);
            return;
        }
        if (task->state < WEIR__TASK_STARTING)
            gather(task, record, entry);
        else
            look_at_entry(task, record, entry);
    }
    if (record->offset + !record->is_end > task->journal_end)
        task->journal_end = record->offset + !record->is_end;
}

/* Those whose place has been passed without a higher claim. */
static void tell_read_back(weir_stream_task *task)
{
    while (task->to_read_back && task->to_read_back->place < task->journal_end)
        pop_to_read_back(task, NULL);
}

static int by_run(const void *left, const void *right)
{
    const weir_found_entry *a = left, *b = right;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return b->is_stored - a->is_stored;
}

/* The claim has been read: all that there is of the runs before it is known. */
static void finish_reading(weir_stream_task *task)
{
    if (task->state != WEIR__TASK_READING || task->journal_end <= task->claim_place)
        return;
    if (task->found_count)
        qsort(task->found, task->found_count, sizeof *task->found, by_run);
    task->found_sorted = task->found_count;
    weir__stream_task_move(task, WEIR__TASK_STARTING);
}

static void read_tail(weir_stream *stream)
{
    weir_arena arena;
    size_t count = 0;
    weir_error err;

    weir__arena_init(&arena, 8192);
    do {
        weir_code rc = weir__reader_poll(stream->tail, 0, stream->tail_batch, WEIR__BATCH, &count, &err);

        if (rc == WEIR_UNKNOWN) {
            weir__stream_lose(stream->tasks[stream->tail_batch[0].topic - 1], "its journal was cut off while it ran");
            weir__stream_rejoin(stream, "the journal was cut off");
        } else if (rc != WEIR_OK && rc != WEIR_UNREACHABLE) {
            weir__stream_give_up(stream, WEIR__STREAM_BROKEN, rc, &err);
        }
        for (size_t i = 0; i < count; i++) {
            read_one(stream, &stream->tail_batch[i], &arena);
            weir__arena_reset(&arena);
        }
        weir__reader_done(stream->tail);
    } while (count == WEIR__BATCH && stream->state != WEIR__STREAM_BROKEN);
    weir__arena_clear(&arena);
}

void weir__stream_drive_journal(weir_stream *stream)
{
    weir_error err;

    if (!stream->appender)
        return;
    if (weir__appender_poll(stream->appender, &err) != WEIR_OK)
        note_broken(stream, &err);
    if (stream->is_journal_broken && stream->state == WEIR__STREAM_BROKEN)
        return;
    if (stream->is_journal_broken)
        renew(stream);
    if (stream->state == WEIR__STREAM_BROKEN)
        return;
    drop_acknowledged(stream);
    read_tail(stream);
    for (size_t i = 0; i < stream->task_count; i++) {
        weir_stream_task *task = stream->tasks[i];

        if (!task->is_tailed)
            continue;
        tell_read_back(task);
        finish_reading(task);
    }
}

/* ---- what there is of a run -------------------------------------------------------------------------------------- */

/* The first entry of a run among those that are sorted, or where those begin that are not. */
static size_t find_first(const weir_stream_task *task, int64_t number)
{
    size_t low = 0, high = task->found_sorted;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (task->found[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

weir_code weir__stream_recall(weir_run *run, weir_error *err)
{
    weir_stream_input *input = run->host;
    weir_stream_task *task = input->task;
    weir_entry **tail = &run->entries;
    int64_t stored_until = -1;

    for (size_t i = find_first(task, (int64_t)run->index); i < task->found_count; i++) {
        weir_found_entry *found = &task->found[i];
        weir_kept_entry *kept;
        weir_open_run *open;
        weir_code rc;

        if (i < task->found_sorted && found->number != (int64_t)run->index)
            i = task->found_sorted; /* what came later stands behind, as it came */
        if (i == task->found_count)
            break;
        found = &task->found[i];
        if (found->number != (int64_t)run->index || !found->bytes)
            continue;
        if (!found->is_stored && found->place <= stored_until)
            continue; /* the changelog has it, too */
        open = weir__stream_open_run(run);
        kept = open ? new_entry(task, weir__bytes(found->bytes, found->size)) : NULL;
        if (!kept)
            return weir__fail_memory(err, "the journal");
        kept->place = found->place;
        kept->is_stored = found->is_stored;
        if (found->is_stored && found->place > stored_until)
            stored_until = found->place;
        keep_entry(open, kept);
        rc = weir__entry_open(weir__bytes(kept->bytes, kept->size), &run->arena, tail, err);
        if (rc != WEIR_OK) {
            weir__error_context(err, "journal of run %s", weir_run_id(run));
            return rc;
        }
        (*tail)->is_found = true;
        tail = &(*tail)->next;
        free(found->bytes);
        found->bytes = NULL;
    }
    run->recalled_ms = weir__clock_monotonic_ms(task->stream->clock);
    return WEIR_OK;
}
