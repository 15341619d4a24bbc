/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox in the store's log: stream "inbox", owner = index (8 bytes, big-endian), number = line, record = the record
 * as JSON; stream "journal", owner = place in the log (8 bytes, big-endian), number = index of the run, record = a
 * sealed entry. By place, so that what many runs append at once lies on few pages.
 */
#include "host/inbox.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/breakage.h"
#include "engine/run_journal.h"
#include "host/record.h"
#include "journal/entry.h"

static const char inbox_stream[] = "inbox";

enum { OWNER_BYTES = 8, PLACES = 14 };

/* One journal entry that a start found. */
struct weir_inbox_sealed {
    uint64_t index;    /* of its run */
    uint64_t sequence; /* its place in the log */
    size_t size;
    uint8_t *bytes;    /* NULL: taken */
};

/* The places of a run's entries in the log: they go with it. */
typedef struct places {
    struct places *next;
    size_t count;
    uint64_t sequences[PLACES];
} places;

struct weir_inbox_entry {
    uint64_t index, line;
    size_t size;
    char *text;
};

/* What hangs on weir_run.host. */
typedef struct inbox_record {
    uint64_t line;
    bool is_stored;
    places *places; /* newest first; NULL: the journal has nothing of it */
} inbox_record;

/* Of any length: a state that others have written to must not make us read past its bytes. */
static uint64_t decode_owner(weir_bytes owner)
{
    uint64_t index = 0;

    for (size_t i = 0; i < owner.size && i < OWNER_BYTES; i++)
        index = index << 8 | owner.data[i];
    return index;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static weir_code add_entry(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    weir_inbox *inbox = context;
    weir_inbox_entry *entry;
    char *text;

    if (inbox->count == inbox->capacity) {
        size_t capacity = inbox->capacity ? inbox->capacity * 2 : 16;
        weir_inbox_entry *entries = realloc(inbox->entries, capacity * sizeof *entries);

        if (!entries)
            return weir__fail_memory(err, "the inbox");
        inbox->entries = entries;
        inbox->capacity = capacity;
    }
    text = malloc(record.size + 1);
    if (!text)
        return weir__fail_memory(err, "the inbox");
    memcpy(text, record.data, record.size);
    text[record.size] = '\0';
    entry = &inbox->entries[inbox->count++]; /* the scan goes by owner, which is by index */
    *entry = (weir_inbox_entry){ decode_owner(owner), (uint64_t)number, record.size, text };
    return WEIR_OK;
}

static weir_code add_sealed(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    weir_inbox *inbox = context;
    weir_inbox_sealed *sealed;
    uint8_t *bytes;

    if (inbox->sealed_count == inbox->sealed_capacity) {
        size_t capacity = inbox->sealed_capacity ? inbox->sealed_capacity * 2 : 16;
        weir_inbox_sealed *all = realloc(inbox->sealed, capacity * sizeof *all);

        if (!all)
            return weir__fail_memory(err, "the journal");
        inbox->sealed = all;
        inbox->sealed_capacity = capacity;
    }
    bytes = malloc(record.size + 1);
    if (!bytes)
        return weir__fail_memory(err, "the journal");
    memcpy(bytes, record.data, record.size);
    sealed = &inbox->sealed[inbox->sealed_count++];
    *sealed = (weir_inbox_sealed){ (uint64_t)number, decode_owner(owner), record.size, bytes };
    inbox->last_sequence = sealed->sequence;
    return WEIR_OK;
}

static int by_run(const void *left, const void *right)
{
    const weir_inbox_sealed *a = left, *b = right;

    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

weir_code weir__inbox_open(weir_inbox *inbox, weir_store *store, const weir_disk *disk, int crash_fd,
                           uint64_t max_crashes, weir_error *err)
{
    weir_code rc;

    memset(inbox, 0, sizeof *inbox);
    inbox->disk = disk;
    rc = weir__store_log_scan(store, inbox_stream, add_entry, inbox, err);
    if (rc == WEIR_OK)
        rc = weir__store_log_scan(store, WEIR__JOURNAL_STREAM, add_sealed, inbox, err);
    if (inbox->sealed_count)
        qsort(inbox->sealed, inbox->sealed_count, sizeof *inbox->sealed, by_run);
    return rc == WEIR_OK ? weir__crashes_read(&inbox->crashes, disk, crash_fd, max_crashes, err) : rc;
}

static void clear_entry(weir_inbox_entry *entry)
{
    free(entry->text);
    entry->text = NULL;
}

void weir__inbox_close(weir_inbox *inbox)
{
    for (size_t i = 0; i < inbox->count; i++)
        clear_entry(&inbox->entries[i]);
    free(inbox->entries);
    for (size_t i = 0; i < inbox->sealed_count; i++)
        free(inbox->sealed[i].bytes);
    free(inbox->sealed);
    if (inbox->kept)
        clear_entry(inbox->kept);
    free(inbox->kept);
    weir__crashes_clear(&inbox->crashes);
    memset(inbox, 0, sizeof *inbox);
}

void weir__inbox_below(weir_inbox *inbox, uint64_t index)
{
    for (size_t i = 0; i < inbox->crashes.count; i++) {
        const weir_crash_note *note = &inbox->crashes.notes[i];

        if (note->index >= index)
            return;
        for (size_t j = 0; j < inbox->count; j++) {
            if (inbox->entries[j].index == note->index)
                return;
        }
    }
    weir__crashes_forget_all(&inbox->crashes);
}

bool weir__inbox_is_taken(const weir_inbox *inbox)
{
    return inbox->taken == inbox->count;
}

weir_code weir__inbox_add(weir_run *run, uint64_t line, weir_error *err)
{
    inbox_record *record = weir__arena_alloc(&run->arena, sizeof *record);

    if (!record)
        return weir__fail_memory(err, "a run");
    *record = (inbox_record){ line, false, NULL };
    run->host = record;
    return WEIR_OK;
}

uint64_t weir__inbox_line(const weir_run *run)
{
    return ((const inbox_record *)run->host)->line;
}

/* The first entry of a run; `sealed_count`: there is none. */
static size_t find_sealed(const weir_inbox *inbox, uint64_t index)
{
    size_t low = 0, high = inbox->sealed_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (inbox->sealed[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static weir_code add_place(weir_run *run, uint64_t sequence)
{
    inbox_record *record = run->host;
    places *last = record->places;

    if (!last || last->count == PLACES) {
        last = weir__arena_alloc(&run->arena, sizeof *last);
        if (!last)
            return WEIR_NO_MEMORY;
        last->next = record->places;
        last->count = 0;
        record->places = last;
    }
    last->sequences[last->count++] = sequence;
    return WEIR_OK;
}

weir_code weir__inbox_recall(weir_inbox *inbox, weir_run *run, weir_error *err)
{
    weir_entry **tail = &run->entries;

    for (size_t i = find_sealed(inbox, run->index); i < inbox->sealed_count; i++) {
        weir_inbox_sealed *sealed = &inbox->sealed[i];
        weir_code rc;

        if (sealed->index != run->index)
            break;
        rc = weir__entry_open(weir__bytes(sealed->bytes, sealed->size), &run->arena, tail, err);
        if (rc == WEIR_OK && add_place(run, sealed->sequence) != WEIR_OK)
            rc = weir__fail_memory(err, "the journal");
        if (rc != WEIR_OK) {
            weir__error_context(err, "journal of run %s, entry %" PRIu64, weir_run_id(run), sealed->sequence);
            return rc;
        }
        tail = &(*tail)->next;
        free(sealed->bytes);
        sealed->bytes = NULL;
    }
    return WEIR_OK;
}

weir_code weir__inbox_append(weir_inbox *inbox, weir_committer *committer, weir_run *run, weir_bytes entry,
                             weir_ticket *ticket)
{
    uint8_t owner[OWNER_BYTES];
    weir_code rc = add_place(run, inbox->last_sequence + 1);

    if (rc != WEIR_OK)
        return rc;
    weir__put_64(owner, ++inbox->last_sequence);
    return weir__committer_append(committer, WEIR__JOURNAL_STREAM, weir__bytes(owner, sizeof owner),
                                  (int64_t)run->index, entry, ticket);
}

weir_code weir__inbox_next(weir_inbox *inbox, weir_run *run, weir_error *err)
{
    weir_inbox_entry *entry = &inbox->entries[inbox->taken++];
    weir_code rc = weir__inbox_add(run, entry->line, err);

    run->index = entry->index;
    if (rc == WEIR_OK)
        rc = weir__record_parse(weir__bytes(entry->text, entry->size), SIZE_MAX, run, err);
    if (rc == WEIR_OK)
        rc = weir__inbox_recall(inbox, run, err);
    if (rc == WEIR_OK)
        ((inbox_record *)run->host)->is_stored = true;
    else
        weir__error_context(err, "record %" PRIu64 " of the inbox", entry->index);
    clear_entry(entry);
    return rc == WEIR_OK ? weir__crashes_judge(&inbox->crashes, run, err) : rc;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* The journal entries of a run go with the cut. */
static weir_code prune(const inbox_record *record, weir_cut *cut)
{
    uint8_t owner[OWNER_BYTES];
    weir_code rc = WEIR_OK;

    for (const places *at = record->places; at; at = at->next) {
        for (size_t i = 0; i < at->count && rc == WEIR_OK; i++) {
            weir__put_64(owner, at->sequences[i]);
            rc = weir__cut_log_delete(cut, WEIR__JOURNAL_STREAM, weir__bytes(owner, sizeof owner));
        }
    }
    return rc;
}

weir_code weir__inbox_ended(weir_inbox *inbox, const weir_run *run, weir_cut *cut)
{
    const inbox_record *record = run->host;
    uint8_t owner[OWNER_BYTES];
    weir_code rc;

    (void)inbox;
    rc = WEIR_OK;
    weir__put_64(owner, run->index);
    if (record->is_stored)
        rc = weir__cut_log_delete(cut, inbox_stream, weir__bytes(owner, sizeof owner));
    return rc == WEIR_OK ? prune(record, cut) : rc;
}

weir_code weir__inbox_keep(weir_inbox *inbox, const weir_run *run, weir_bytes text)
{
    const inbox_record *record = run->host;

    /* What is in the store stays there; without a store nothing is kept. */
    if (record->is_stored || inbox->kept || !inbox->disk)
        return WEIR_OK;
    inbox->kept = calloc(1, sizeof *inbox->kept);
    if (!inbox->kept)
        return WEIR_NO_MEMORY;
    inbox->kept->text = malloc(text.size + 1);
    if (!inbox->kept->text)
        return WEIR_NO_MEMORY;
    memcpy(inbox->kept->text, text.data, text.size);
    inbox->kept->size = text.size;
    inbox->kept->index = run->index;
    inbox->kept->line = record->line;
    return WEIR_OK;
}

static weir_code put_record(weir_cut *cut, uint64_t index, uint64_t line, weir_bytes text)
{
    uint8_t owner[OWNER_BYTES];

    weir__put_64(owner, index);
    return weir__cut_log_put(cut, inbox_stream, weir__bytes(owner, sizeof owner), (int64_t)line, text);
}

weir_code weir__inbox_cut(weir_inbox *inbox, weir_run *oldest, weir_cut *cut, weir_error *err)
{
    weir_buffer text;
    weir_code rc = WEIR_OK;

    weir__buffer_init(&text, SIZE_MAX);
    for (weir_run *run = oldest; run && rc == WEIR_OK && !weir__is_broken(WEIR__BREAK_NO_INBOX); run = run->newer) {
        inbox_record *record = run->host;

        if (!record->is_stored) {
            weir__buffer_reset(&text);
            if (weir__record_print(run, &text) != WEIR_OK ||
                put_record(cut, run->index, record->line, weir__buffer_bytes(&text)) != WEIR_OK)
                rc = weir__fail_memory(err, "a cut");
            record->is_stored = true;
        }
        if (rc == WEIR_OK && weir__is_broken(WEIR__BREAK_PRUNE_EARLY))
            rc = prune(record, cut);
        if (rc == WEIR_OK && weir__run_append_results(run) != WEIR_OK) {
            *err = run->failure.error;
            rc = err->code;
        }
    }
    if (rc == WEIR_OK && inbox->kept) {
        const weir_inbox_entry *kept = inbox->kept;

        if (put_record(cut, kept->index, kept->line, weir__bytes(kept->text, kept->size)) != WEIR_OK)
            rc = weir__fail_memory(err, "a cut");
    }
    weir__buffer_clear(&text);
    return rc;
}
