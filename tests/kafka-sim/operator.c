/* SPDX-License-Identifier: Apache-2.0 */
/* The operator: looks for calls that are parked, asks the service, and writes the answer into the journal. */
#include <stdio.h>
#include <string.h>

#include "journal/entry.h"
#include "stage.h"

enum { SURE_MS = 3 * (LEASE_MS + CALL_MS + MARGIN_MS) };

/* An entry that asks, or answers. */
typedef struct noted {
    struct noted *next;
    const weir_entry *entry;
    int64_t place;
    bool is_void; /* a higher claim stood before it: who has not lost that one passes over it */
} noted;

/* What it has seen of a partition: also what was pruned since. */
typedef struct seen {
    int64_t until, claim;
    noted *parked, *answers; /* the newest first; answers: also that it was made again */
} seen;

static seen all[PARTITIONS];

void operator_begin(void)
{
    memset(all, 0, sizeof all);
}

static void note(noted **to, const weir_entry *entry, int64_t place, bool is_void)
{
    noted *made = sim_alloc(sizeof *made);

    *made = (noted){ *to, entry, place, is_void };
    *to = made;
}

/* Or made again since. What was cut off before anybody read it does not count; what was pruned does: it stands in the
 * changelog, or was read. */
static bool is_answered(const seen *of, const sim_partition *journal, const noted *parked)
{
    for (const noted *at = of->answers; at && at->place > parked->place; at = at->next) {
        bool is_there = at->place >= journal->start;

        if (at->entry->instance == parked->entry->instance && at->entry->call == parked->entry->call &&
            strcmp(at->entry->run, parked->entry->run) == 0 &&
            (at->entry->kind == WEIR__ENTRY_RESOLUTION ? is_there && at->entry->attempt == parked->entry->attempt
                                                       : at->entry->attempt > parked->entry->attempt &&
                                                             (is_there || !on_stage->is_cut_off)))
            return true;
    }
    return false;
}

/* It was parked again since, as another attempt: what is to be decided is that. */
static bool is_overtaken(const seen *of, const noted *asked)
{
    for (const noted *at = of->parked; at && at->place > asked->place; at = at->next) {
        if (!at->is_void && at->entry->instance == asked->entry->instance && at->entry->call == asked->entry->call &&
            strcmp(at->entry->run, asked->entry->run) == 0)
            return true;
    }
    return false;
}

/* What has been made is known at once; what has not is sure only when nothing can land any more. */
static void decide(const seen *of, sim_partition *journal, const noted *asked)
{
    const weir_entry *parked = asked->entry;
    char args[32] = "", result[32];
    int number = 0, call = 0;
    const service_call *at;
    bool is_sure;
    weir_entry decision = { .kind = WEIR__ENTRY_RESOLUTION };
    sim_record record = { .state = SIM_PLAIN, .timestamp_ms = -1, .by = "operator" };
    weir_buffer sealed;

    memcpy(args, parked->args.data, parked->args.size < sizeof args ? parked->args.size : sizeof args - 1);
    if (sscanf(args, "%d %d", &number, &call) != 2)
        return;
    at = &on_stage->calls[number][call];
    is_sure = journal->records[asked->place].timestamp_ms - 1000000000 + SURE_MS <= world->now_ms;
    if (at->pending || (!at->landed && !is_sure) || is_answered(of, journal, asked))
        return;
    if (!on_stage->is_cut_off && (asked->is_void || is_overtaken(of, asked)))
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

static void look(seen *of, sim_partition *journal)
{
    for (; of->until < journal->end; of->until++) {
        const weir_entry *entry = journal_entry(journal, of->until);
        bool is_void;

        if (!entry)
            continue;
        if (entry->kind == WEIR__ENTRY_CLAIM && entry->epoch > of->claim)
            of->claim = entry->epoch;
        is_void = entry->epoch < of->claim && entry->kind != WEIR__ENTRY_RESOLUTION;
        if (entry->kind == WEIR__ENTRY_RESOLUTION || (entry->kind == WEIR__ENTRY_INTENT && !is_void))
            note(&of->answers, entry, of->until, is_void);
        if (entry->kind == WEIR__ENTRY_PARKED && entry->args.data)
            note(&of->parked, entry, of->until, is_void);
    }
}

void operator_visit(void)
{
    for (int32_t p = 0; p < on_stage->partitions; p++) {
        sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, p);

        look(&all[p], journal);
        for (const noted *parked = all[p].parked; parked; parked = parked->next) {
            decide(&all[p], journal, parked);
            look(&all[p], journal); /* its own answer, too */
        }
    }
}
