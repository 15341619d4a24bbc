/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the logs, against what must. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "host/tuple.h"
#include "journal/entry.h"
#include "stage.h"

static const char *text_of(weir_bytes bytes)
{
    return bytes.data ? (const char *)bytes.data : ""; /* the logs' copies end in a NUL */
}

/* A call may begin only behind an intent of its own that stands in the journal with no higher claim before it. */
void watch_begins(int number, int call, int attempt)
{
    const sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, on_stage->input[number].partition);
    char args[32];
    int64_t claim = 0;
    weir_arena arena;
    bool has_intent = false, is_void = false;

    (void)snprintf(args, sizeof args, "%d %d", number, call);
    weir__arena_init(&arena, 4096);
    for (int64_t i = 0; i < journal->end && !has_intent; i++) {
        weir_entry *entry;

        if (weir__entry_open(journal->records[i].value, &arena, &entry, NULL) != WEIR_OK) {
            sim_violate("record %lld of the journal cannot be read", (long long)i);
            break;
        }
        if (entry->kind == WEIR__ENTRY_CLAIM && entry->epoch > claim)
            claim = entry->epoch;
        if (entry->kind == WEIR__ENTRY_INTENT && (int)entry->attempt == attempt &&
            weir__bytes_equal(entry->args, weir__bytes_text(args))) {
            is_void = entry->epoch < claim;
            has_intent = !is_void;
        }
    }
    weir__arena_clear(&arena);
    if (!has_intent)
        sim_violate("call %d of input %d begins (attempt %d) %s", call, number, attempt,
                    is_void ? "behind a higher claim" : "without an intent in the journal");
}

/* Committed, or decided to be. */
static bool is_visible_soon(const sim_record *record, const char *owner)
{
    const sim_transaction *txn = sim_transaction_find(owner);

    return record->state == SIM_COMMITTED || record->state == SIM_GONE ||
           (record->state == SIM_OPEN && txn && txn->state == SIM_TXN_PREPARED && txn->is_commit);
}

void watch_store(int32_t partition, weir_bytes text)
{
    const sim_partition *log = sim_partition_find(TOPIC_CHANGES, partition);
    weir_tuple tuple, there;
    weir_arena arena;
    bool is_found = false;

    weir__arena_init(&arena, 4096);
    if (!weir__tuple_parse(text, &arena, &tuple))
        sim_violate("a store holds what is no tuple");
    for (int64_t i = log->end - 1; i >= 0 && !is_found; i--) {
        const sim_record *record = &log->records[i];

        is_found = weir__bytes_equal(record->key, weir__bytes_text("T")) && record->state != SIM_MARKER &&
                   weir__tuple_parse(record->value, &arena, &there) && there.commit == tuple.commit &&
                   there.epoch == tuple.epoch && is_visible_soon(record, there.owner);
    }
    weir__arena_clear(&arena);
    if (!is_found)
        sim_violate("the store of partition %d is ahead: commit %lld of epoch %lld is not committed", partition,
                    (long long)tuple.commit, (long long)tuple.epoch);
}

/* Walks what a read_committed reader is given. */
static void each_output(void (*fn)(int key, const char *text))
{
    for (int32_t p = 0; p < on_stage->partitions; p++) {
        const sim_partition *out = sim_partition_find(TOPIC_OUT, p);

        for (int64_t i = 0; i < sim_log_stable_end(out); i++) {
            int key = 0;

            if (!sim_log_is_visible(out, i, false))
                continue;
            if (sscanf(text_of(out->records[i].key), "k%d", &key) != 1)
                sim_violate("an output has a strange key");
            fn(key, text_of(out->records[i].value));
        }
    }
}

/* Who answered a call first, says the log: the first answer counts, whoever reads it. */
static char first_answer(int number, int call)
{
    const input *at = &on_stage->input[number];
    const sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, at->partition);
    uint32_t attempt = 0;
    int64_t claim = 0;
    char by = '\0';
    weir_arena arena;

    weir__arena_init(&arena, 4096);
    for (int64_t i = 0; i < journal->end; i++) {
        weir_entry *entry;

        if (weir__entry_open(journal->records[i].value, &arena, &entry, NULL) != WEIR_OK)
            continue;
        if (entry->kind == WEIR__ENTRY_CLAIM && entry->epoch > claim)
            claim = entry->epoch;
        if (!entry->run[0] || strtoll(strrchr(entry->run, '/') + 1, NULL, 10) != at->offset ||
            (int)entry->call != call + 1)
            continue;
        if (entry->kind == WEIR__ENTRY_INTENT && entry->epoch >= claim && entry->attempt > attempt) {
            attempt = entry->attempt; /* what is said of those before it counts no more */
            by = '\0';
        }
        if (by || entry->attempt != attempt)
            continue;
        if (entry->kind == WEIR__ENTRY_OUTCOME && entry->is_final && entry->code == WEIR_OK)
            by = 'r';
        else if (entry->kind == WEIR__ENTRY_RESOLUTION && entry->decision == WEIR__DECISION_RESULT)
            by = 'd';
    }
    weir__arena_clear(&arena);
    return by;
}

static void check_answers(int number, const char *text)
{
    const char *by = strstr(text, "\"by\":\"");

    for (int i = 0; by && i < on_stage->input[number].calls && !on_stage->is_cut_off; i++) {
        char first = first_answer(number, i);

        if (by[6 + i] != first)
            sim_violate("call %d of input %d was answered by '%c', and '%c' stands first in the journal", i, number,
                        by[6 + i], first);
    }
}

static int next_of[KEYS];

static bool is_last; /* once: it takes long */

static void check_output(int key, const char *text)
{
    int at = next_of[key];

    while (at < on_stage->inputs && on_stage->input[at].key != key)
        at++;
    if (at == on_stage->inputs)
        sim_violate("an output too many, of key %d: '%s'", key, text);
    else if (strncmp(text, on_stage->input[at].expected, strlen(on_stage->input[at].expected)) != 0)
        sim_violate("key %d: output '%s', expected '%s'", key, text, on_stage->input[at].expected);
    else if (on_stage->input[at].calls && is_last)
        check_answers(at, text);
    next_of[key] = at + 1;
    on_stage->done++;
}

bool watch_is_drained(void)
{
    memset(next_of, 0, sizeof next_of);
    on_stage->done = 0;
    each_output(check_output);
    return on_stage->done == on_stage->inputs && sim_txn_are_all_complete();
}

int watch_first_missing(void)
{
    for (int i = 0; i < on_stage->inputs; i++) {
        if (next_of[on_stage->input[i].key] <= i)
            return i;
    }
    return -1;
}

void watch_end(void)
{
    bool is_drained;

    is_last = true;
    is_drained = watch_is_drained();
    is_last = false;
    if (!is_drained && !world->has_failed)
        sim_violate("%d of %d outputs", on_stage->done, on_stage->inputs);
    for (int i = 0; i < on_stage->inputs; i++) {
        for (int j = 0; j < on_stage->input[i].calls; j++) {
            if (on_stage->calls[i][j].landed != 1 && !world->has_failed)
                sim_violate("call %d of input %d was made %d times", j, i, on_stage->calls[i][j].landed);
        }
    }
}
