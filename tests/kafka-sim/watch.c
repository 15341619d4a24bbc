/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the logs, against what must. */
#include <stdio.h>
#include <string.h>

#include "stage.h"

static const char *text_of(weir_bytes bytes)
{
    return bytes.data ? (const char *)bytes.data : ""; /* the logs' copies end in a NUL */
}

/* A call may begin only behind an intent of its own that stands in the journal with no higher claim before it. */
void watch_begins(int number, int call, int attempt, int64_t epoch, int32_t partition)
{
    const sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, partition);
    int64_t claim = 0;

    for (int64_t i = 0; i < journal->end; i++) {
        const char *text = text_of(journal->records[i].value);
        long long by = 0, offset = 0;
        int of = 0, at = 0;

        if (sscanf(text, "claim %lld", &by) == 1 && by > claim)
            claim = by;
        if (sscanf(text, "intent %lld %lld %d %d", &by, &offset, &of, &at) == 4 && by == epoch &&
            offset == on_stage->input[number].offset && of == call && at == attempt) {
            if (claim > epoch)
                sim_violate("call %d of input %d begins behind a higher claim (%lld > %lld)", call, number,
                            (long long)claim, (long long)epoch);
            return;
        }
    }
    sim_violate("call %d of input %d begins without an intent in the journal", call, number);
}

void watch_store(int32_t partition, int64_t number, int64_t epoch)
{
    const sim_partition *log = sim_partition_find(TOPIC_CHANGES, partition);

    for (int64_t i = log->end - 1; i >= 0; i--) {
        const sim_record *record = &log->records[i];
        long long offset = 0, n = 0, e = 0;

        if (strcmp(text_of(record->key), "tuple") != 0 ||
            sscanf(text_of(record->value), "%*s %lld %lld %lld", &offset, &n, &e) != 3 || n != number || e != epoch)
            continue;
        if (record->state == SIM_COMMITTED || record->state == SIM_GONE)
            return;
        if (record->state == SIM_OPEN) {
            const char *id = strrchr(text_of(record->value), ' ') + 1;
            const sim_transaction *txn = sim_transaction_find(id);

            if (txn && txn->state == SIM_TXN_PREPARED && txn->is_commit)
                return;
        }
    }
    sim_violate("SQLite of partition %d is ahead: commit %lld of epoch %lld is not committed", partition,
                (long long)number, (long long)epoch);
}

/* Walks what a read_committed reader is given. */
static void each_output(void (*fn)(int32_t partition, int key, const char *text))
{
    for (int32_t p = 0; p < on_stage->partitions; p++) {
        const sim_partition *out = sim_partition_find(TOPIC_OUT, p);

        for (int64_t i = 0; i < sim_log_stable_end(out); i++) {
            int key = 0;

            if (!sim_log_is_visible(out, i, false))
                continue;
            if (sscanf(text_of(out->records[i].key), "k%d", &key) != 1)
                sim_violate("an output has a strange key");
            fn(p, key, text_of(out->records[i].value));
        }
    }
}

static int next_of[KEYS];

static void check_output(int32_t partition, int key, const char *text)
{
    int at = next_of[key];

    while (at < on_stage->inputs && on_stage->input[at].key != key)
        at++;
    if (partition != key % on_stage->partitions)
        sim_violate("an output of key %d stands in partition %d", key, partition);
    else if (at == on_stage->inputs)
        sim_violate("an output too many, of key %d: '%s'", key, text);
    else if (strcmp(text, on_stage->input[at].expected) != 0)
        sim_violate("key %d: output '%s', expected '%s'", key, text, on_stage->input[at].expected);
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

void watch_end(void)
{
    if (!watch_is_drained() && !world->has_failed)
        sim_violate("%d of %d outputs", on_stage->done, on_stage->inputs);
    for (int i = 0; i < on_stage->inputs; i++) {
        for (int j = 0; j < on_stage->input[i].calls; j++) {
            if (on_stage->calls[i][j].landed != 1 && !world->has_failed)
                sim_violate("call %d of input %d was made %d times", j, i, on_stage->calls[i][j].landed);
        }
    }
}
