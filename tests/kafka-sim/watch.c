/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in the logs, against what must. */
#include <stdio.h>
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
    sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, on_stage->input[number].partition);
    char args[32];
    int64_t claim = 0;
    bool has_intent = false, is_void = false;

    (void)snprintf(args, sizeof args, "%d %d", number, call);
    for (int64_t i = 0; i < journal->end && !has_intent; i++) {
        const weir_entry *entry = journal_entry(journal, i);

        if (!entry)
            break;
        if (entry->kind == WEIR__ENTRY_CLAIM && entry->epoch > claim)
            claim = entry->epoch;
        if (entry->kind == WEIR__ENTRY_INTENT && (int)entry->attempt == attempt &&
            weir__bytes_equal(entry->args, weir__bytes_text(args))) {
            is_void = entry->epoch < claim;
            has_intent = !is_void;
        }
    }
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

/* What the outputs of a key have come to. */
typedef struct key_state {
    int next, count, extra;
    int64_t touched_ms;   /* each run touches all that its key has, which lives on for TTL_MS */
    bool is_restarting;   /* what comes at or behind the marks is of a new reading, from `base` on */
    int64_t base, marks[PARTITIONS];
} key_state;

static key_state keys[KEYS];
static int64_t judged[PARTITIONS]; /* outputs: what is stable stays as it is */
static int64_t bases[PARTITIONS];  /* inputs before them may be left out */
static bool is_read_again[PARTITIONS]; /* what its first reading left in the journal may be gone: then it is in doubt */

/* What came of its calls stands in the journal before an output is seen: a replay takes it from there. */
static void check_outcomes(int number)
{
    const input *of = &on_stage->input[number];
    sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, of->partition);
    char run[64];

    (void)snprintf(run, sizeof run, "%s/%d/%lld", sim_topic_find(TOPIC_IN)->id, of->partition, (long long)of->offset);
    for (int call = 0; call < of->calls; call++) {
        bool has_outcome = false;

        for (int64_t i = journal->end - 1; i >= 0 && !has_outcome; i--) {
            const weir_entry *entry = journal_entry(journal, i);

            if (!entry)
                return;
            has_outcome = (entry->kind == WEIR__ENTRY_OUTCOME || entry->kind == WEIR__ENTRY_RESOLUTION) &&
                          (int)entry->call == call + 1 && strcmp(entry->run, run) == 0;
        }
        if (!has_outcome)
            sim_violate("an output is there, and what came of call %d of input %d is not in the journal", call, number);
    }
}

/* Who answered a call first, says the log: the first answer counts, whoever reads it. */
static char first_answer(int number, int call)
{
    const input *of = &on_stage->input[number];
    sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, of->partition);
    uint32_t attempt = 0;
    int64_t claim = 0;
    char by = '\0', run[64];

    (void)snprintf(run, sizeof run, "%s/%d/%lld", sim_topic_find(TOPIC_IN)->id, of->partition, (long long)of->offset);
    for (int64_t i = 0; i < journal->end; i++) {
        const weir_entry *entry = journal_entry(journal, i);

        if (!entry)
            continue;
        if (entry->kind == WEIR__ENTRY_CLAIM && entry->epoch > claim)
            claim = entry->epoch;
        if ((int)entry->call != call + 1 || strcmp(entry->run, run) != 0)
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
    return by;
}

static void check_answers(int number, const char *text)
{
    const char *by = strstr(text, "\"by\":\"");

    if (on_stage->is_cut_off || is_read_again[on_stage->input[number].partition])
        return;
    for (int i = 0; by && i < on_stage->input[number].calls; i++) {
        char first = first_answer(number, i);

        if (by[6 + i] != first)
            sim_violate("call %d of input %d was answered by '%c', and '%c' stands first in the journal", i, number,
                        by[6 + i], first);
    }
}

/* Reads on from the base, as if there had been nothing. */
static void restart(int key)
{
    int at = 0;

    while (at < on_stage->inputs && (on_stage->input[at].key != key || (on_stage->input[at].is_written &&
                                                                       on_stage->input[at].offset < keys[key].base)))
        at++;
    keys[key] = (key_state){ .next = at };
}

static int next_input(int key)
{
    int at = keys[key].next;

    while (at < on_stage->inputs && on_stage->input[at].key != key)
        at++;
    return at;
}

static void check_output(int key, int32_t partition, int64_t offset, const char *text)
{
    key_state *of = &keys[key];
    char expected[64];
    const input *what;
    int at;

    if (of->is_restarting && offset >= of->marks[partition])
        restart(key);
    at = next_input(key);
    if (at == on_stage->inputs) {
        sim_violate("an output too many, of key %d: '%s'", key, text);
        return;
    }
    what = &on_stage->input[at];
    of->next = at + 1;
    if (what->written_ms - of->touched_ms >= TTL_MS)
        of->count = of->extra = 0;
    of->touched_ms = what->written_ms;
    of->count++;
    if (what->extra != EXTRA_KEEP)
        of->extra = what->extra == EXTRA_SET ? at + 1 : 0;
    (void)snprintf(expected, sizeof expected, "{\"n\":%d,\"count\":%d,\"extra\":%d", at, of->count, of->extra);
    if (strncmp(text, expected, strlen(expected)) != 0) {
        sim_violate("key %d: output '%s', expected '%s'", key, text, expected);
        return;
    }
    check_outcomes(at);
    check_answers(at, text);
}

void watch_begin(void)
{
    memset(keys, 0, sizeof keys);
    memset(judged, 0, sizeof judged);
    memset(bases, 0, sizeof bases);
    memset(is_read_again, 0, sizeof is_read_again);
}

void watch_restart(int32_t partition, int64_t offset)
{
    bases[partition] = offset;
    is_read_again[partition] = true;
    for (int key = 0; key < on_stage->keys; key++) {
        if (key % on_stage->partitions != partition)
            continue;
        keys[key].is_restarting = true;
        keys[key].base = offset;
        for (int32_t p = 0; p < on_stage->partitions; p++)
            keys[key].marks[p] = sim_partition_find(TOPIC_OUT, p)->end;
    }
}

/* Goes on with what a read_committed reader is given. */
static bool are_outputs_there(void)
{
    bool is_all = true;

    for (int32_t p = 0; p < on_stage->partitions; p++) {
        sim_partition *out = sim_partition_find(TOPIC_OUT, p);

        for (int64_t end = sim_log_stable_end(out); judged[p] < end; judged[p]++) {
            const sim_record *record = &out->records[judged[p]];
            int key = 0;

            if (!sim_log_is_visible(out, judged[p], false))
                continue;
            if (sscanf(text_of(record->key), "k%d", &key) != 1)
                sim_violate("an output has a strange key");
            check_output(key, p, judged[p], text_of(record->value));
        }
        is_all &= judged[p] == out->end;
    }
    for (int key = 0; key < on_stage->keys; key++) {
        if (is_all && keys[key].is_restarting)
            restart(key);
        is_all &= next_input(key) == on_stage->inputs;
    }
    return is_all;
}

bool watch_is_drained(void)
{
    return are_outputs_there() && sim_txn_are_all_complete();
}

int watch_first_missing(void)
{
    int first = -1;

    for (int key = 0; key < on_stage->keys; key++) {
        int at = next_input(key);

        if (at < on_stage->inputs && (first < 0 || at < first))
            first = at;
    }
    return first;
}

void watch_end(void)
{
    if (!are_outputs_there() && !world->has_failed)
        sim_violate("the output of input %d is not there", watch_first_missing());
    for (int i = 0; i < on_stage->inputs; i++) {
        const input *of = &on_stage->input[i];

        for (int j = 0; j < of->calls; j++) {
            int landed = on_stage->calls[i][j].landed;

            if (landed != 1 && !(landed == 0 && of->offset < bases[of->partition]) && !world->has_failed)
                sim_violate("call %d of input %d was made %d times", j, i, landed);
        }
    }
}
