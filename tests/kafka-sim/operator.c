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
} noted;

/* What it has seen of a partition: also what was pruned since. */
typedef struct seen {
    int64_t parked_until, answers_until;
    noted *parked, *answers; /* the newest first */
} seen;

static seen all[PARTITIONS];

void operator_begin(void)
{
    memset(all, 0, sizeof all);
}

static void note(noted **to, const weir_entry *entry, int64_t place)
{
    noted *made = sim_alloc(sizeof *made);

    *made = (noted){ *to, entry, place };
    *to = made;
}

/* An answer that was cut off before anybody read it has to be given again. */
static bool is_answered(const seen *of, const sim_partition *journal, const noted *parked)
{
    for (const noted *at = of->answers; at && at->place > parked->place; at = at->next) {
        if (at->place >= journal->start && at->entry->instance == parked->entry->instance &&
            at->entry->call == parked->entry->call && at->entry->attempt == parked->entry->attempt &&
            strcmp(at->entry->run, parked->entry->run) == 0)
            return true;
    }
    return false;
}

static void decide(const seen *of, sim_partition *journal, const noted *asked)
{
    const weir_entry *parked = asked->entry;
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
    if (at->pending || is_answered(of, journal, asked))
        return;
    decision.run = parked->run;
    decision.instance = parked->instance;
    decision.call = parked->call;
    decision.attempt = parked->attempt;
    decision.id = sim_print("decision-%llu", (unsigned long long)++on_stage->resolved);
    decision.decision = at->landed ? WEIR__DECISION_RESULT : WEIR__DECISION_RETRY;
    if (at->landed) {
        (void)snprintf(result, sizeof result, "\"r%d.%d\"", number, call);
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

/* Answers at once, questions when they are old enough. */
static void look(seen *of, sim_partition *journal)
{
    for (; of->answers_until < journal->end; of->answers_until++) {
        const weir_entry *entry = journal_entry(journal, of->answers_until);

        if (entry && entry->kind == WEIR__ENTRY_RESOLUTION)
            note(&of->answers, entry, of->answers_until);
    }
    for (; of->parked_until < journal->end; of->parked_until++) {
        const weir_entry *entry = journal_entry(journal, of->parked_until);

        if (journal->records[of->parked_until].timestamp_ms - 1000000000 + SURE_MS > world->now_ms)
            break;
        if (entry && entry->kind == WEIR__ENTRY_PARKED && entry->args.data)
            note(&of->parked, entry, of->parked_until);
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
