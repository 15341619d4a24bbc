/* SPDX-License-Identifier: Apache-2.0 */
/* The operator: looks for calls that are parked, asks the service, and writes the answer into the journal. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "journal/entry.h"
#include "stage.h"

enum { SURE_MS = 3 * (LEASE_MS + CALL_MS + MARGIN_MS) };

/* Or made again since. What was cut off before anybody read it does not count; what was pruned does: it stands in the
 * changelog, or was read. */
static bool is_answered(const sim_partition *journal, int64_t place, const weir_entry *parked, weir_arena *arena)
{
    int64_t claim = 0;

    for (int64_t i = 0; i < journal->end; i++) {
        bool is_there = i >= journal->start;
        weir_entry *entry;

        if (weir__entry_open(journal->records[i].value, arena, &entry, NULL) != WEIR_OK)
            continue;
        if (entry->kind == WEIR__ENTRY_CLAIM && entry->epoch > claim)
            claim = entry->epoch;
        if (i <= place || strcmp(entry->run, parked->run) != 0 || entry->instance != parked->instance ||
            entry->call != parked->call)
            continue;
        if (entry->kind == WEIR__ENTRY_RESOLUTION && entry->attempt == parked->attempt && is_there)
            return true;
        if (entry->kind == WEIR__ENTRY_INTENT && entry->attempt > parked->attempt && entry->epoch >= claim &&
            (is_there || !on_stage->is_cut_off))
            return true;
    }
    return false;
}

/* What has been made is known at once; what has not is sure only when nothing can land any more. */
static void decide(sim_partition *journal, int64_t place, const weir_entry *parked, bool is_sure, weir_arena *arena)
{
    char args[32] = "", result[32];
    int number = 0, call = 0;
    const service_call *at;
    weir_entry decision = { .kind = WEIR__ENTRY_RESOLUTION };
    sim_record record = { .state = SIM_PLAIN, .timestamp_ms = -1, .by = "operator" };
    weir_buffer sealed;

    memcpy(args, parked->args.data, parked->args.size < sizeof args ? parked->args.size : sizeof args - 1);
    if (sscanf(args, "%d %d", &number, &call) != 2)
        return;
    at = &on_stage->calls[number][call];
    if (at->pending || (!at->landed && !is_sure) || is_answered(journal, place, parked, arena))
        return;
    decision.run = parked->run;
    decision.instance = parked->instance;
    decision.call = parked->call;
    decision.attempt = parked->attempt;
    decision.id = sim_print("decision-%llu", (unsigned long long)++on_stage->resolved);
    decision.decision = at->landed ? WEIR__DECISION_RESULT : WEIR__DECISION_RETRY;
    if (at->landed) {
        (void)snprintf(result, sizeof result, "\"d%d.%d\"", number, call);
        decision.result = weir__bytes_text(result);
    }
    weir__buffer_init(&sealed, SIZE_MAX);
    if (weir__entry_seal(&decision, &sealed, NULL) != WEIR_OK)
        sim_violate("a decision cannot be written");
    record.key = weir__bytes_text(parked->run);
    record.value = weir__buffer_bytes(&sealed);
    sim_trace("the operator: call %d of input %d, attempt %u: %s", call, number, parked->attempt,
              at->landed ? "done" : "to be made again");
    (void)sim_log_append(journal, &record);
    weir__buffer_clear(&sealed);
}

void operator_visit(void)
{
    weir_arena arena;

    weir__arena_init(&arena, 4096);
    for (int32_t p = 0; p < on_stage->partitions; p++) {
        sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, p);

        for (int64_t i = 0, end = journal->end; i < end; i++) { /* also what was pruned: it has seen it */
            bool is_sure = journal->records[i].timestamp_ms - 1000000000 + SURE_MS <= world->now_ms;
            weir_entry *entry;

            if (weir__entry_open(journal->records[i].value, &arena, &entry, NULL) == WEIR_OK &&
                entry->kind == WEIR__ENTRY_PARKED && entry->args.data)
                decide(journal, i, entry, is_sure, &arena);
        }
        weir__arena_reset(&arena);
    }
    weir__arena_clear(&arena);
}
