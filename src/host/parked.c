/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the journal in the store's log, run by run. */
#include "host/parked.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/clock.h"
#include "engine/recall.h"
#include "host/inbox.h"

/* All entries, in memory: a journal holds what is in flight. */
typedef struct whole {
    weir_arena arena;
    struct entry_of {
        uint64_t index, sequence;
        weir_entry *entry;
    } *all;
    size_t count, capacity;
    uint64_t last; /* place of the last entry: the walk goes by place */
} whole;

static weir_code take(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    whole *journal = context;
    struct entry_of *at;
    weir_code rc;

    if (journal->count == journal->capacity) {
        size_t capacity = journal->capacity ? journal->capacity * 2 : 64;
        struct entry_of *all = realloc(journal->all, capacity * sizeof *all);

        if (!all)
            return weir__fail_memory(err, "the journal");
        journal->all = all;
        journal->capacity = capacity;
    }
    at = &journal->all[journal->count];
    at->index = (uint64_t)number;
    at->sequence = owner.size == 8 ? weir__get_64(owner.data) : 0;
    rc = weir__entry_open(record, &journal->arena, &at->entry, err);
    if (rc != WEIR_OK)
        weir__error_context(err, "the journal, entry %" PRIu64, at->sequence);
    else
        journal->count++;
    journal->last = at->sequence;
    return rc;
}

static int by_run(const void *left, const void *right)
{
    const struct entry_of *a = left, *b = right;

    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return a->sequence < b->sequence ? -1 : a->sequence > b->sequence;
}

weir_code weir__parked_scan(weir_store *store,
                            weir_code (*fn)(void *context, const weir_parked_run *run, weir_error *err), void *context,
                            weir_error *err)
{
    whole journal = { .count = 0 };
    weir_code rc;

    weir__arena_init(&journal.arena, 65536);
    rc = weir__store_log_scan(store, WEIR__JOURNAL_STREAM, take, &journal, err);
    if (journal.count)
        qsort(journal.all, journal.count, sizeof *journal.all, by_run);
    for (size_t from = 0, to; from < journal.count && rc == WEIR_OK; from = to) {
        weir_parked_run run = {
            .index = journal.all[from].index, .last = journal.last, .entries = journal.all[from].entry
        };

        for (to = from + 1; to < journal.count && journal.all[to].index == run.index; to++)
            journal.all[to - 1].entry->next = journal.all[to].entry;
        run.parked = weir__recall_parked(weir__recall_live(journal.all[from].entry));
        if (run.parked)
            rc = fn(context, &run, err);
    }
    weir__arena_clear(&journal.arena);
    free(journal.all);
    return rc;
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

typedef struct request {
    const char *run;
    const weir_entry *decision;
    bool is_found;
    weir_buffer sealed;
    uint64_t index, last;
} request;

/* Prepares what is to be written: the walk must be over before it is. */
static weir_code prepare(void *context, const weir_parked_run *run, weir_error *err)
{
    request *to = context;
    weir_entry entry;
    weir_code rc;

    if (strcmp(run->parked->run, to->run) != 0)
        return WEIR_OK;
    rc = weir__recall_decide(run->parked, to->decision, &entry, err);
    if (rc != WEIR_OK)
        return rc;
    entry.epoch = run->parked->epoch;
    entry.written_ms = weir__clock_wall_ms(weir__clock_system());
    to->is_found = true;
    to->index = run->index;
    to->last = run->last;
    return weir__entry_seal(&entry, &to->sealed, err);
}

weir_code weir__parked_decide(weir_store *store, const char *run, const weir_entry *decision, weir_error *err)
{
    request to = { .run = run, .decision = decision };
    uint8_t owner[8];
    weir_code rc;

    weir__buffer_init(&to.sealed, SIZE_MAX);
    rc = weir__parked_scan(store, prepare, &to, err);
    if (rc == WEIR_OK && !to.is_found)
        rc = weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "run %.100s is not parked; `parked` lists those that are",
                        run);
    weir__put_64(owner, to.last + 1);
    if (rc == WEIR_OK)
        rc = weir__store_log_put(store, WEIR__JOURNAL_STREAM, weir__bytes(owner, sizeof owner), (int64_t)to.index,
                                 weir__buffer_bytes(&to.sealed), err);
    if (rc == WEIR_OK)
        rc = weir__store_commit(store, err);
    weir__buffer_clear(&to.sealed);
    return rc;
}
