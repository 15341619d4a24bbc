/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher: reads what becomes durable, remembers it for good, and holds it against what the world knows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#include "base/arena.h"
#include "base/big_endian.h"
#include "base/hash.h"
#include "host/sink.h"
#include "host/source.h"

uint64_t sim_watch_hash(weir_bytes result)
{
    return weir__hash_stable(weir__bytes(result.data, result.size), 1);
}

/* ---- entries of the journal -------------------------------------------------------------------------------------- */

static bool is_last_word(weir_code code)
{
    return code == WEIR_OK || code == WEIR_FAILED || code == WEIR_NOT_DONE;
}

bool sim_watch_is_past(const sim_attempt *at, int64_t when_ms)
{
    return (!at->is_begun || when_ms >= at->begun_ms + at->timeout_ms + SIM_MARGIN_MS) &&
           (at->intent_life == world->life ||
            when_ms >= world->life_ms + at->lease_ms + at->timeout_ms + SIM_MARGIN_MS);
}

static void see_intent(sim_call *call, sim_attempt *at, const weir_entry *entry)
{
    if (at->has_intent)
        sim_violate("run %d, stage %d, call %d, attempt %u has two intents", call->run, call->stage, call->number,
                    entry->attempt);
    at->intent_ms = entry->written_ms - (sim_wall_ms() - world->now_ms - world->ghost_ms);
    for (uint32_t i = 1; i < entry->attempt && entry->call_kind >= WEIR_CALL_CHECKED; i++) {
        const sim_attempt *before = &call->attempts[i];
        bool is_allowed = true;

        switch (before->end) {
        case SIM_END_NONE: /* by policy: those before the last one were judged when the one behind them came */
            is_allowed = !before->has_intent ||
                         (world->policy == 2 && (i + 1 < entry->attempt || sim_watch_is_past(before, at->intent_ms)));
            break;
        case SIM_END_OUTCOME:
            is_allowed = !before->is_final;
            break;
        case SIM_END_WITHDRAWN:
            break;
        case SIM_END_DECIDED:
            is_allowed = before->decision == WEIR__DECISION_RETRY;
            break;
        }
        if (!is_allowed)
            sim_violate("run %d, stage %d, call %d: an intent of attempt %u, but attempt %u does not allow it",
                        call->run, call->stage, call->number, entry->attempt, i);
    }
    at->has_intent = true;
    at->intent_life = world->life;
    at->lease_ms = entry->lease_ms;
    if (!at->is_begun)
        at->timeout_ms = entry->timeout_ms;
    if ((int)entry->attempt > call->last_attempt)
        call->last_attempt = (int)entry->attempt;
}

static void clear_parked(sim_run *run, const weir_entry *entry)
{
    sim_parked *parked = &run->parked;

    if (parked->is_parked && parked->instance == (int)entry->instance && parked->call == (int)entry->call &&
        parked->attempt == entry->attempt)
        parked->is_parked = false;
}

static void see_outcome(sim_run *run, sim_call *call, sim_attempt *at, const weir_entry *entry)
{
    if (call->kind == WEIR_CALL_PURE && run->may_diverge) {
        memset(at, 0, sizeof *at);
    } else if ((at->end == SIM_END_OUTCOME || at->end == SIM_END_WITHDRAWN) &&
               !(at->has_returned && at->returned_ms >= at->begun_ms + at->timeout_ms)) {
        /* A late answer is written down too, behind what a reconciler, or a time-out, has said. */
        sim_violate("run %d, stage %d, call %d, attempt %u ends twice", call->run, call->stage, call->number,
                    entry->attempt);
        return;
    }
    clear_parked(run, entry);
    if (at->end != SIM_END_NONE)
        return; /* late: the decision stands */
    at->end = SIM_END_OUTCOME;
    at->code = entry->code;
    /* With calls.in-doubt: retry another attempt may be under way already, and that one counts. */
    at->is_final = entry->is_final && call->last_attempt <= (int)entry->attempt;
    at->result = entry->code == WEIR_OK ? sim_watch_hash(entry->result) : 0;
}

static void see_parked(sim_run *run, sim_call *call, const sim_attempt *at, const weir_entry *entry)
{
    int64_t when_ms = entry->written_ms - (sim_wall_ms() - world->now_ms - world->ghost_ms);

    run->parked = (sim_parked){ true, (int)entry->instance, (int)entry->call, entry->attempt, entry->reason, "" };
    (void)snprintf(run->parked.run, sizeof run->parked.run, "%s", entry->run);
    if (entry->reason == WEIR__PARK_DIVERGENCE) {
        if (!run->may_diverge)
            sim_violate("run %d is parked: its journal diverges (%.120s | %.120s), but nothing has changed", call->run,
                        entry->recorded ? entry->recorded : "", entry->asked ? entry->asked : "");
        return;
    }
    if (world->policy)
        sim_violate("run %d is parked, but calls.in-doubt does not say park", call->run);
    if (entry->call_kind < WEIR_CALL_CHECKED || !at->has_intent || at->end != SIM_END_NONE)
        sim_violate("run %d is parked on stage %d, call %d, attempt %u, which is in no doubt", call->run, call->stage,
                    call->number, entry->attempt);
    else if (at->has_returned && is_last_word(at->returned) && at->begun_life == world->life &&
             at->returned_ms < at->begun_ms + at->timeout_ms)
        sim_violate("run %d is parked on stage %d, call %d, attempt %u, which has answered in time", call->run,
                    call->stage, call->number, entry->attempt);
    else if (!sim_watch_is_past(at, when_ms))
        sim_violate("run %d is parked on stage %d, call %d, attempt %u before deadline and margin", call->run,
                    call->stage, call->number, entry->attempt);
}

/* On an action, not a call: its recorded result is of something else, or rests on another memory. */
static void see_parked_action(sim_run *run, int index, const weir_entry *entry)
{
    run->parked = (sim_parked){ true, (int)entry->instance, 0, entry->attempt, entry->reason, "" };
    (void)snprintf(run->parked.run, sizeof run->parked.run, "%s", entry->run);
    if (entry->reason != WEIR__PARK_DIVERGENCE || !run->may_diverge)
        sim_violate("run %d is parked on its action %u (%.120s | %.120s), but nothing has changed", index,
                    entry->instance, entry->recorded ? entry->recorded : "", entry->asked ? entry->asked : "");
}

/* A run begins anew: what it did before is history of another page. */
static void turn_page(sim_run *run)
{
    for (int s = 0; s < SIM_STAGES; s++) {
        run->stage[s].is_recorded = false;
        for (int c = 0; c < SIM_CALLS; c++) {
            sim_call *call = run->calls[s][c];

            if (!call)
                continue;
            memset(call->attempts, 0, sizeof call->attempts);
            call->last_attempt = 0;
            call->is_excused = true;
        }
    }
}

static void see_resolution(sim_run *run, sim_call *call, sim_attempt *at, const weir_entry *entry)
{
    if (entry->attempt == 0) {
        run->parked.is_parked = false;
        if (entry->decision == WEIR__DECISION_RETRY)
            turn_page(run);
        else if (entry->call == 0)
            run->is_given_up = run->has_failed = true; /* its action is not run again */
        return;
    }
    clear_parked(run, entry);
    if (!call || at->end != SIM_END_NONE)
        return; /* the second one, or too late */
    at->end = SIM_END_DECIDED;
    at->decision = entry->decision;
    at->code = entry->decision == WEIR__DECISION_FAIL ? WEIR_FAILED : WEIR_OK;
    at->result = entry->decision == WEIR__DECISION_RESULT ? sim_watch_hash(entry->result) : 0;
    call->retries += entry->decision == WEIR__DECISION_RETRY;
}

void sim_watch_entry(uint64_t index, weir_bytes sealed)
{
    sim_call *call = NULL;
    sim_attempt *at = NULL, none = { .has_intent = false };
    weir_entry *entry;
    weir_arena arena;
    sim_run *run;

    weir__arena_init(&arena, 1024);
    if (index >= (uint64_t)world->runs || weir__entry_open(sealed, &arena, &entry, NULL) != WEIR_OK) {
        sim_violate("an entry of the journal cannot be read");
        goto out;
    }
    run = &world->run[index];
    sim_trace("durable: run %d %s action %u call %u attempt %u code %d%s decision %d", (int)index,
              weir__entry_kind_name(entry->kind), entry->instance, entry->call, entry->attempt, (int)entry->code,
              entry->is_final ? " final" : "", (int)entry->decision);
    if (run->is_over)
        sim_violate("an entry of run %d becomes durable, but the run is over", (int)index);
    if (entry->kind == WEIR__ENTRY_RESULT && entry->instance >= 1 && entry->instance <= SIM_STAGES)
        run->stage[entry->instance - 1].is_recorded = true;
    if (entry->kind != WEIR__ENTRY_RESULT && entry->kind != WEIR__ENTRY_FIRST && entry->call >= 1) {
        if (entry->instance < 1 || entry->instance > SIM_STAGES || entry->call > SIM_CALLS ||
            entry->attempt >= SIM_ATTEMPTS) {
            sim_violate("an entry of a call that nobody made: run %d, action %u, call %u, attempt %u", (int)index,
                        entry->instance, entry->call, entry->attempt);
            goto out;
        }
        call = sim_call_of((int)index, (int)entry->instance, (int)entry->call);
        at = &call->attempts[entry->attempt];
        if (entry->kind == WEIR__ENTRY_INTENT || entry->kind == WEIR__ENTRY_OUTCOME)
            call->kind = entry->call_kind;
    }
    if (!at)
        at = &none;
    switch (entry->kind) {
    case WEIR__ENTRY_INTENT:
        if (call)
            see_intent(call, at, entry);
        break;
    case WEIR__ENTRY_OUTCOME:
        if (call)
            see_outcome(run, call, at, entry);
        break;
    case WEIR__ENTRY_WITHDRAWN:
        if (at->is_begun)
            sim_violate("run %d, stage %d, call %d, attempt %u is withdrawn, but it had begun", (int)index,
                        (int)entry->instance, (int)entry->call, entry->attempt);
        if (at->end == SIM_END_NONE)
            at->end = SIM_END_WITHDRAWN;
        break;
    case WEIR__ENTRY_PARKED:
        if (call)
            see_parked(run, call, at, entry);
        else
            see_parked_action(run, (int)index, entry);
        break;
    case WEIR__ENTRY_RESOLUTION:
        see_resolution(run, call, at, entry);
        break;
    case WEIR__ENTRY_RESULT:
    case WEIR__ENTRY_FIRST:
    case WEIR__ENTRY_CLAIM:
        break;
    }
out:
    weir__arena_clear(&arena);
}

/* ---- commits ----------------------------------------------------------------------------------------------------- */

static bool in_inbox[SIM_RUNS];

static void note_inbox(uint64_t owner, int64_t number, weir_bytes record)
{
    (void)number;
    (void)record;
    if (owner < SIM_RUNS)
        in_inbox[owner] = true;
}

static void end_run(int index)
{
    sim_run *run = &world->run[index];

    run->is_over = true;
    sim_trace("run %d is over%s", index, run->has_failed ? ": it failed" : "");
    if (!run->is_bad && !run->has_failed)
        world->ended_ok[run->key]++;
    for (int s = 0; s < SIM_STAGES; s++) {
        for (int c = 0; c < SIM_CALLS; c++) {
            const sim_call *call = run->calls[s][c];

            /* Another program may never come to what this one has left in doubt. */
            if (call && !run->may_diverge && call->last_attempt &&
                call->attempts[call->last_attempt].end == SIM_END_NONE)
                sim_violate("run %d is over, but stage %d, call %d, attempt %d has no end", index, call->stage,
                            call->number, call->last_attempt);
        }
    }
}

static uint64_t place(void)
{
    weir_bytes text = sim_store_get("place");
    weir_source_place at;

    return text.data && weir__source_place_parse(text, &at) ? at.place.index : 0;
}

void sim_watch_commit(void)
{
    uint64_t read = place();

    memset(in_inbox, 0, sizeof in_inbox);
    sim_store_each("inbox", note_inbox);
    for (int i = 0; i < world->runs; i++) {
        bool is_over = (uint64_t)i < read && !in_inbox[i];

        if (is_over && !world->run[i].is_over)
            end_run(i);
        else if (!is_over && world->run[i].is_over)
            sim_violate("run %d was over, and is not any more", i);
    }
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void check_entry(uint64_t owner, int64_t number, weir_bytes record)
{
    (void)owner;
    (void)record;
    if (number >= 0 && number < world->runs && world->run[number].is_over)
        sim_violate("the journal holds an entry of run %d, which is over", (int)number);
}

static size_t committed_length(const char *position, const char *path, const char **content)
{
    weir_bytes text = sim_store_get(position);
    weir_sink_mark mark;
    size_t size;

    *content = sim_disk_content(path, &size);
    if (!text.data || !weir__sink_mark_parse(text, &mark))
        return 0;
    if (mark.length > size)
        sim_violate("%s has %zu bytes, but %" PRIu64 " are committed", path, size, mark.length);
    return mark.length > size ? size : mark.length;
}

/* What a run has put out, line for line; *at moves on. */
/* Behind the lines of a run, whatever they say. */
static void pass_run(int index, const char **at, const char *end)
{
    while (*at < end && end - *at > 13 && atoi(*at + strlen("{\"k0\":{\"run\":")) == index) {
        const char *line_end = memchr(*at, '\n', (size_t)(end - *at));

        *at = line_end ? line_end + 1 : end;
    }
}

static bool match(const sim_run *run, const char **at, const char *end)
{
    for (int s = 0; s < SIM_STAGES; s++) {
        for (size_t i = 0; i < run->stage[s].outputs; i++) {
            const char *line = sim_print("{\"k%d\":%s}\n", run->key, run->stage[s].texts[i]);
            size_t size = strlen(line);

            if ((size_t)(end - *at) < size || memcmp(*at, line, size) != 0)
                return false;
            *at += size;
        }
    }
    return true;
}

static void check_outputs(void)
{
    const char *text;
    size_t size = committed_length("output", "/sim/output.jsonl", &text);
    const char *at = text, *end = text + size;
    bool has_outputs[SIM_RUNS] = { false };
    int last[SIM_KEYS], count[SIM_KEYS] = { 0 };

    for (int i = 0; i < SIM_KEYS; i++)
        last[i] = -1;
    while (at < end && !world->has_failed) {
        const char *line = at, *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *index_at = line_end && line_end - line > 13 ? line + strlen("{\"k0\":{\"run\":") : NULL;
        int index = index_at ? atoi(index_at) : -1, length = line_end ? (int)(line_end - line) : (int)(end - line);
        const char *counted;
        const sim_run *run;

        if (index < 0 || index >= world->runs) {
            sim_violate("the output has a line that nobody wrote: %.*s", length, line);
            return;
        }
        run = &world->run[index];
        counted = strstr(line, "\"count\":");
        if (has_outputs[index])
            sim_violate("the outputs of run %d are there twice, or apart", index);
        else if (!run->is_over || run->has_failed)
            sim_violate("run %d has outputs, but %s", index, run->is_over ? "it failed" : "it is not over");
        else if (!match(run, &at, end) && !run->may_diverge)
            sim_violate("run %d has put out something else than this: %.*s", index, length, line);
        else if (index < last[run->key])
            sim_violate("run %d has its outputs behind those of run %d", index, last[run->key]);
        else if (!counted || atoi(counted + strlen("\"count\":")) != ++count[run->key])
            sim_violate("run %d is number %d of its key, and has counted otherwise: %.*s", index, count[run->key],
                        length, line);
        /* Of one that diverges a decision to begin anew may have been lost, and with it what that life put out. */
        if (run->may_diverge)
            pass_run(index, &at, end);
        has_outputs[index] = true;
        last[run->key] = index;
    }
    for (int i = 0; i < world->runs && !world->has_failed; i++) {
        const sim_run *run = &world->run[i];

        if (run->is_over && !run->is_bad && !run->has_failed && !has_outputs[i])
            sim_violate("run %d is over, but its outputs are not there", i);
    }
}

static void check_dead_letters(void)
{
    const char *text;
    size_t size = committed_length("dead-letters", "/sim/dead.jsonl", &text);
    const char *end = text + size;
    int letters[SIM_RUNS] = { 0 };

    for (const char *at = text; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        const char *found = strstr(at, ",\"index\":");
        int index = line_end && found && found < line_end ? atoi(found + strlen(",\"index\":")) : -1;

        if (index < 0 || index >= world->runs) {
            sim_violate("a dead letter cannot be read");
            return;
        }
        letters[index]++;
        at = line_end + 1;
    }
    for (int i = 0; i < world->runs; i++) {
        const sim_run *run = &world->run[i];

        if (letters[i] != (run->is_over && (run->is_bad || run->has_failed)))
            sim_violate("record %d has %d dead letters", i, letters[i]);
    }
}

void sim_watch_files(void)
{
    sim_store_each("journal", check_entry);
    check_outputs();
    if (world->has_dead_letters && sim_store_get("dead-letters").data)
        check_dead_letters();
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void check_calls(const sim_run *run)
{
    for (int s = 0; s < SIM_STAGES; s++) {
        for (int c = 0; c < SIM_CALLS; c++) {
            const sim_call *call = run->calls[s][c];
            const sim_attempt *last = call ? &call->attempts[call->last_attempt] : NULL;

            if (!call || !call->last_attempt || last->end != SIM_END_OUTCOME || last->code != WEIR_OK ||
                call->is_excused || call->retries || world->policy == 2)
                continue;
            if (call->effects != 1 && (call->kind != WEIR_CALL_CHECKED || world->is_final_service))
                sim_violate("run %d, stage %d, call %d is done, and was made %d times", call->run, call->stage,
                            call->number, call->effects);
        }
    }
}

void sim_watch_clean_stop(void)
{
    for (int i = 0; i < world->runs; i++) {
        for (int s = 0; s < SIM_STAGES; s++) {
            for (int c = 0; c < SIM_CALLS; c++) {
                const sim_call *call = world->run[i].calls[s][c];
                const sim_attempt *last = call ? &call->attempts[call->last_attempt] : NULL;

                if (call && call->last_attempt && last->intent_life == world->life && last->end == SIM_END_NONE &&
                    !last->is_begun)
                    sim_violate("run %d, stage %d, call %d, attempt %d never began, and is in doubt after a clean stop",
                                i, call->stage, call->number, call->last_attempt);
            }
        }
    }
}

bool sim_watch_is_parked_alone(void)
{
    bool is_behind_parked[SIM_KEYS] = { false };

    for (int i = 0; i < world->runs; i++) {
        const sim_run *run = &world->run[i];

        if (!run->is_over && !run->parked.is_parked && !is_behind_parked[run->key])
            return false;
        is_behind_parked[run->key] |= !run->is_over;
    }
    return true;
}

/* Each run has begun with the memory that the one before it has left. */
static void check_memory(void)
{
    uint64_t left[SIM_KEYS] = { 0 };

    for (int i = 0; i < world->runs && !world->has_failed; i++) {
        const sim_run *run = &world->run[i];

        if (!run->is_over || run->is_bad || run->has_failed)
            continue;
        if (run->read != left[run->key] && !run->may_diverge)
            sim_violate("run %d rests on another memory than the one that was left to it", i);
        left[run->key] = run->left;
    }
}

void sim_watch_end(void)
{
    bool is_behind_parked[SIM_KEYS] = { false };

    for (int i = 0; i < world->runs && !world->has_failed; i++) {
        const sim_run *run = &world->run[i];

        if (run->is_over) {
            check_calls(run);
            continue;
        }
        if (!in_inbox[i])
            sim_violate("record %d is lost: it is neither over nor in the inbox", i);
        else if (!run->parked.is_parked && !is_behind_parked[run->key])
            sim_violate("record %d is not over, and nothing is parked before it", i);
        is_behind_parked[run->key] = true;
    }
    for (int i = 0; i < world->keys && !world->has_failed; i++) {
        const char key[] = { 'k', (char)('0' + i), '\0' };
        weir_bytes cell = sim_store_cell(key, "count");
        int64_t count = cell.data && cell.size == 9 ? (int64_t)weir__get_64(cell.data + 1) : 0;

        if (count != world->ended_ok[i])
            sim_violate("key %s has counted %lld, but %d runs of it ended", key, (long long)count, world->ended_ok[i]);
    }
    check_memory();
}
