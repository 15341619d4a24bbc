/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the journal, for those who judge and decide: each is read once. */
#include "journal/entry.h"

#include "stage.h"

static weir_arena arena;

void journal_begin(void)
{
    weir__arena_init(&arena, 64 * 1024);
}

void journal_end(void)
{
    weir__arena_clear(&arena);
}

const weir_entry *journal_entry(sim_partition *journal, int64_t offset)
{
    sim_record *record = &journal->records[offset];
    weir_entry *entry;

    if (record->read)
        return record->read;
    if (weir__entry_open(record->value, &arena, &entry, NULL) != WEIR_OK) {
        sim_violate("record %lld of the journal cannot be read", (long long)offset);
        return NULL;
    }
    record->read = entry;
    return entry;
}
