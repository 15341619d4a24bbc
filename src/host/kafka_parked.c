/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task from outside: its inbox and tuple from the changelog, then its journal from the low-water mark on, in the
 * order in which recovery reads them, and by its rules (stream_recovery.c, stream_journal.c): the journal last, so that
 * an answer that comes meanwhile is seen.
 */
#include "host/kafka_parked.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "engine/recall.h"
#include "host/scratch.h"

/* ---- gathering --------------------------------------------------------------------------------------------------- */

static weir_code add_entry(weir_kafka_task *task, int64_t number, int64_t place, bool is_stored, weir_entry *entry)
{
    if (task->entry_count == task->entry_capacity) {
        size_t capacity = task->entry_capacity ? task->entry_capacity * 2 : 64;
        weir_kafka_entry *all = realloc(task->entries, capacity * sizeof *all);

        if (!all)
            return WEIR_NO_MEMORY;
        task->entries = all;
        task->entry_capacity = capacity;
    }
    task->entries[task->entry_count++] = (weir_kafka_entry){ number, place, is_stored, entry };
    return WEIR_OK;
}

static weir_code take_input(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    weir_kafka_task *task = context;

    (void)number;
    (void)record;
    if (owner.size != 8)
        return WEIR_OK; /* none of ours */
    if (task->inbox_count == task->inbox_capacity) {
        size_t capacity = task->inbox_capacity ? task->inbox_capacity * 2 : 64;
        int64_t *all = realloc(task->inbox, capacity * sizeof *all);

        if (!all)
            return weir__fail_memory(err, "the inbox");
        task->inbox = all;
        task->inbox_capacity = capacity;
    }
    task->inbox[task->inbox_count++] = (int64_t)weir__get_64(owner.data);
    return WEIR_OK;
}

static weir_code take_stored(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    weir_kafka_task *task = context;
    weir_entry *entry;
    weir_code rc;

    if (owner.size != 8)
        return WEIR_OK;
    rc = weir__entry_open(record, &task->arena, &entry, err);
    if (rc != WEIR_OK) {
        weir__error_context(err, "the changelog, partition %" PRId32 ", input %" PRIu64, task->partition,
                            weir__get_64(owner.data));
        return rc;
    }
    rc = add_entry(task, (int64_t)weir__get_64(owner.data), number, true, entry);
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "the journal");
}

/* The number of the input that a run id of this task ends in; -1: it is another topic's. */
static int64_t number_of(const weir_kafka_task *task, const char *run)
{
    size_t size = strlen(task->tuple.input);
    char *end;
    long long partition, number;

    if (strncmp(run, task->tuple.input, size) != 0 || run[size] != '/')
        return -1;
    partition = strtoll(run + size + 1, &end, 10);
    if (*end != '/' || partition != task->partition)
        return -1;
    number = strtoll(end + 1, &end, 10);
    return *end ? -1 : number;
}

int64_t weir__kafka_task_number(const weir_kafka_task *task, const char *run)
{
    for (size_t i = 0; i < task->id_count && task->is_by_id; i++) {
        if (strcmp(task->ids[i], run) == 0)
            return (int64_t)i;
    }
    return task->is_by_id ? -1 : number_of(task, run);
}

/* Only what can be parked, or ends that: all that ever was stands there. What is void by a claim of its key groups is
 * shown, too: whoever has them now will have parked as well. */
static weir_code take_by_id(weir_kafka_task *task, const weir_record *record, weir_entry *entry, weir_error *err)
{
    if (entry->kind == WEIR__ENTRY_RESULT || entry->kind == WEIR__ENTRY_FIRST)
        return WEIR_OK;
    return add_entry(task, -1, record->offset, false, entry) == WEIR_OK ? WEIR_OK
                                                                        : weir__fail_memory(err, "the journal");
}

static int by_id(const void *left, const void *right)
{
    const weir_kafka_entry *a = left, *b = right;
    int order = strcmp(a->entry->run, b->entry->run);

    return order ? order : a->place < b->place ? -1 : a->place > b->place;
}

/* In Flink a run's id does not say where its entries stand: they are told apart by it alone. */
static weir_code number_runs(weir_kafka_task *task, weir_error *err)
{
    task->ids = calloc(task->entry_count + 1, sizeof *task->ids);
    if (!task->ids)
        return weir__fail_memory(err, "the journal");
    if (task->entry_count)
        qsort(task->entries, task->entry_count, sizeof *task->entries, by_id);
    for (size_t i = 0; i < task->entry_count; i++) {
        const char *run = task->entries[i].entry->run;

        if (!task->id_count || strcmp(task->ids[task->id_count - 1], run) != 0)
            task->ids[task->id_count++] = run;
        task->entries[i].number = (int64_t)task->id_count - 1;
    }
    return WEIR_OK;
}

static weir_code take_record(void *context, const weir_record *record, weir_error *err)
{
    weir_kafka_task *task = context;
    weir_entry *entry;
    int64_t number;
    weir_code rc = weir__entry_open(record->value, &task->arena, &entry, err);

    if (rc != WEIR_OK) {
        weir__error_context(err, "the journal, partition %" PRId32 ", offset %" PRId64, task->partition,
                            record->offset);
        return rc;
    }
    if (entry->kind == WEIR__ENTRY_CLAIM) {
        if (entry->epoch > task->highest_claim)
            task->highest_claim = entry->epoch;
        return WEIR_OK;
    }
    if (task->is_by_id)
        return take_by_id(task, record, entry, err);
    number = number_of(task, entry->run);
    if (number < 0 || (entry->epoch < task->highest_claim && !weir__entry_is_fact(entry)))
        return WEIR_OK; /* void */
    rc = add_entry(task, number, record->offset, false, entry);
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "the journal");
}

static int by_run(const void *left, const void *right)
{
    const weir_kafka_entry *a = left, *b = right;

    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return b->is_stored - a->is_stored;
}

/* In log order, each once: what the changelog has of a run it has up to some place, without a gap. */
static void link_entries(weir_kafka_task *task)
{
    size_t kept = 0;

    if (task->entry_count)
        qsort(task->entries, task->entry_count, sizeof *task->entries, by_run);
    for (size_t from = 0, to; from < task->entry_count; from = to) {
        int64_t number = task->entries[from].number, stored_until = -1;
        weir_entry *last = NULL;

        for (to = from; to < task->entry_count && task->entries[to].number == number; to++) {
            if (task->entries[to].is_stored)
                stored_until = task->entries[to].place;
        }
        for (size_t i = from; i < to; i++) {
            if (!task->entries[i].is_stored && task->entries[i].place <= stored_until)
                continue;
            if (last)
                last->next = task->entries[i].entry;
            last = task->entries[i].entry;
            last->next = NULL;
            task->entries[kept++] = task->entries[i];
        }
    }
    task->entry_count = kept;
}

/* ---- a task ------------------------------------------------------------------------------------------------------ */

void weir__kafka_task_close(weir_kafka_task *task)
{
    free(task->inbox);
    free(task->entries);
    free(task->ids);
    weir__arena_clear(&task->arena);
    memset(task, 0, sizeof *task);
}

static weir_code read_changelog(weir_kafka_look *look, weir_kafka_task *task, weir_error *err)
{
    weir_scratch scratch = { .store = NULL };
    weir_buffer text;
    weir_code rc = weir__scratch_open(&scratch, err);

    weir__buffer_init(&text, SIZE_MAX);
    if (rc == WEIR_OK)
        rc = weir__kafka_look_restore(look, task->partition, WEIR__LOOK_INBOX, scratch.store, &text,
                                      &task->changelog_end, err);
    if (rc == WEIR_OK && text.size) {
        task->has_run = weir__tuple_parse(weir__buffer_bytes(&text), &task->arena, &task->tuple);
        if (!task->has_run)
            rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                            "the changelog, partition %" PRId32 ": its tuple is none that this weir knows",
                            task->partition);
    }
    if (rc == WEIR_OK)
        rc = weir__store_log_scan(scratch.store, "inbox", take_input, task, err);
    if (rc == WEIR_OK)
        rc = weir__store_log_scan(scratch.store, "journal", take_stored, task, err);
    weir__buffer_clear(&text);
    weir__scratch_close(&scratch);
    return rc;
}

weir_code weir__kafka_task_open(weir_kafka_look *look, int32_t partition, weir_kafka_task *task, weir_error *err)
{
    weir_code rc;

    memset(task, 0, sizeof *task);
    task->partition = partition;
    weir__arena_init(&task->arena, 65536);
    task->is_by_id = !weir__kafka_look_changelog(look);
    task->has_run = task->is_by_id;
    rc = task->is_by_id ? WEIR_OK : read_changelog(look, task, err);
    if (rc == WEIR_OK && task->has_run) {
        task->highest_claim = task->tuple.claimed;
        rc = weir__kafka_look_entries(look, partition, task->tuple.low, take_record, task, &task->journal_end, err);
    }
    if (rc == WEIR_OK && task->is_by_id)
        rc = number_runs(task, err);
    if (rc != WEIR_OK) {
        weir__kafka_task_close(task);
        return rc;
    }
    link_entries(task);
    return WEIR_OK;
}

bool weir__kafka_task_is_open(const weir_kafka_task *task, int64_t number)
{
    if (task->is_by_id || number >= task->tuple.next)
        return true; /* taken in since the last commit, or not yet */
    for (size_t i = 0; i < task->inbox_count; i++) {
        if (task->inbox[i] == number)
            return true;
    }
    for (size_t i = 0; i < task->tuple.open_count; i++) {
        if (task->tuple.open[i] == number)
            return true;
    }
    return false;
}

weir_entry *weir__kafka_task_entries(const weir_kafka_task *task, int64_t number)
{
    for (size_t i = 0; i < task->entry_count; i++) {
        if (task->entries[i].number == number)
            return task->entries[i].entry;
    }
    return NULL;
}

weir_code weir__kafka_task_parked(const weir_kafka_task *task,
                                  weir_code (*fn)(void *context, const weir_parked_run *run, weir_error *err),
                                  void *context, weir_error *err)
{
    weir_code rc = WEIR_OK;

    for (size_t i = 0; i < task->entry_count && rc == WEIR_OK; i++) {
        const weir_kafka_entry *first = &task->entries[i];
        weir_parked_run run = { .index = (uint64_t)first->number, .last = (uint64_t)task->journal_end,
                                .entries = first->entry };

        if (i && task->entries[i - 1].number == first->number)
            continue;
        run.parked = weir__recall_parked(weir__recall_live(first->entry));
        if (run.parked && weir__kafka_task_is_open(task, first->number))
            rc = fn(context, &run, err);
    }
    return rc;
}
