/* SPDX-License-Identifier: Apache-2.0 */
/* Making entries of a run, and queueing them with the host. */
#include "engine/run_journal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/breakage.h"
#include "base/hash.h"
#include "engine/internal.h"
#include "engine/result.h"

bool weir__run_has_journal(const weir_run *run)
{
    return run->engine->options.port->append != NULL;
}

void weir__run_keep_entry(weir_run *run, weir_entry *entry)
{
    weir_entry **tail = &run->entries;

    while (*tail)
        tail = &(*tail)->next;
    entry->next = NULL;
    *tail = entry;
}

const char *weir__run_describe(weir_run *run, const char *format, ...)
{
    char text[256];
    weir_bytes kept;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args); /* cut, it still tells enough */
    va_end(args);
    weir__text_trim(text);
    kept = weir__arena_copy(&run->arena, weir__bytes_text(text));
    return kept.data ? (const char *)kept.data : "";
}

uint64_t weir__run_input_hash(weir_run *run)
{
    weir_buffer *scratch = &run->engine->scratch;
    uint64_t hash;
    weir_code rc = WEIR_OK;

    if (run->input_hash)
        return run->input_hash;
    weir__buffer_reset(scratch);
    if (run->value_tree)
        rc = weir__tree_print(run->value_tree, JSON_PARSER_MAX_DEPTH, scratch, NULL);
    else if (run->value)
        rc = weir__json_print(run->value, scratch);
    if (rc == WEIR_OK)
        rc = weir__json_print_int(run->timestamp, scratch);
    if (rc != WEIR_OK) {
        (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for the hash of an input");
        return 0;
    }
    hash = weir__hash_stable(weir__buffer_bytes(scratch), weir__hash_stable(run->key_bytes, 0));
    run->input_hash = hash ? hash : 1;
    return run->input_hash;
}

/* The same for the same cells, in whatever order they are met. */
static uint64_t hash_cells(const weir_cells *cells, weir_buffer *scratch)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < cells->count; i++) {
        weir_cell cell = cells->items[i];

        cell.has_time = false; /* an action sees values, and not since when */
        weir__buffer_reset(scratch);
        if (cell.type == WEIR__CELL_DELETED)
            continue; /* gone, and only waiting for the cut to say so */
        if (weir__cell_encode(&cell, scratch) != WEIR_OK)
            return 0;
        hash ^= weir__hash_stable(weir__buffer_bytes(scratch), weir__hash_stable(cell.path, 0));
    }
    return hash;
}

uint64_t weir__run_base_hash(weir_run *run)
{
    uint64_t hash;

    if (run->base_hash)
        return run->base_hash;
    hash = weir__run_input_hash(run);
    if (!hash)
        return 0;
    hash ^= hash_cells(&run->key->cells, &run->engine->scratch);
    run->base_hash = hash ? hash : 1;
    return run->base_hash;
}

/* What all entries of a run have. */
static void fill_in(weir_run *run, weir_entry *entry)
{
    entry->written_ms = weir__clock_wall_ms(run->engine->options.clock);
    entry->epoch = run->epoch;
    entry->run = weir_run_id(run);
    entry->input_hash = entry->kind == WEIR__ENTRY_RESULT ? weir__run_base_hash(run) : weir__run_input_hash(run);
}

weir_code weir__run_append(weir_run *run, weir_entry *entry, weir_ticket *ticket)
{
    weir_engine *engine = run->engine;
    weir_buffer *sealed = &engine->sealed;
    weir_error err;
    weir_code rc;

    /* What an action did comes before whatever rests on it, a PURE call's outcome too: run again, the action may do
     * something else, and what was asked behind it would not be what is asked then. */
    if (entry->kind != WEIR__ENTRY_RESULT && !weir__is_broken(WEIR__BREAK_FORGET_RESULT)) {
        rc = weir__run_append_results(run);
        if (rc != WEIR_OK)
            return rc;
    }
    fill_in(run, entry);
    weir__buffer_reset(sealed);
    rc = weir__entry_seal(entry, sealed, &err);
    if (rc == WEIR_OK)
        rc = engine->options.port->append(engine->options.host, run, entry, weir__buffer_bytes(sealed), ticket,
                                           &err);
    if (rc != WEIR_OK) {
        err.remedy = WEIR_REMEDY_STOP; /* a journal with a gap must not go on */
        (void)weir__failure_keep_error(&run->failure, &err);
    }
    return rc;
}

weir_code weir__run_append_results(weir_run *run)
{
    weir_code rc = WEIR_OK;

    if (!run->results)
        return WEIR_OK; /* a run that was dropped has no key either */
    if (run->key->has_unrecorded && weir__keys_is_uncommitted(run->engine->keys, run->key))
        return WEIR_OK; /* they rest on what is not written down itself, and must not come before it */
    for (weir_action_result *result = run->results; result && rc == WEIR_OK; result = result->next) {
        weir_entry entry = { .kind = WEIR__ENTRY_RESULT };

        if (result->is_written)
            continue;
        rc = weir__result_to_entry(result, &run->arena, &entry);
        if (rc == WEIR_OK)
            rc = weir__run_append(run, &entry, NULL);
        else
            (void)weir__failure_keep(&run->failure, rc, "no memory for an action's result");
        result->is_written = true;
    }
    return rc;
}

/* ---- about a call ------------------------------------------------------------------------------------------------ */

static weir_entry about(const weir_future *future, weir_entry_kind kind, uint32_t attempt)
{
    return (weir_entry){
        .kind = kind,
        .instance = future->about.instance,
        .call = future->about.call,
        .attempt = attempt,
        .action = future->about.action,
        .name = future->about.name,
        .call_kind = future->about.kind,
        .digest = future->about.digest,
        .input_hash = future->about.input_hash,
    };
}

static weir_entry intent(const weir_future *future)
{
    weir_entry entry = about(future, WEIR__ENTRY_INTENT, future->attempt);

    entry.epoch = future->run->epoch; /* kept, it tells a life's own attempts from those before */
    entry.key = future->run->key_bytes;
    entry.args = future->args;
    entry.lease_ms = future->run->engine->options.lease_ms;
    entry.timeout_ms = future->options.timeout_ms;
    return entry;
}

static weir_entry outcome(const weir_future *future, uint32_t attempt, const weir_attempt_end *end, bool is_final)
{
    weir_entry entry = about(future, WEIR__ENTRY_OUTCOME, attempt);

    entry.code = end->code;
    if (end->code == WEIR_OK)
        entry.result = end->result;
    else if (end->error)
        entry.error = *end->error;
    entry.is_final = is_final;
    return entry;
}

static weir_entry *keep(const weir_future *future, weir_entry entry)
{
    weir_entry *kept = weir__arena_alloc(&future->run->arena, sizeof *kept);

    if (kept)
        *kept = entry;
    return kept;
}

weir_entry *weir__future_intent_entry(const weir_future *future)
{
    return keep(future, intent(future));
}

weir_entry *weir__future_outcome_entry(const weir_future *future, uint32_t attempt, const weir_attempt_end *end,
                                       bool is_final)
{
    return keep(future, outcome(future, attempt, end, is_final));
}

weir_code weir__run_append_intent(weir_future *future)
{
    weir_entry entry = intent(future);
    weir_code rc = weir__run_append(future->run, &entry, &future->ticket);

    future->run->ticket_count += rc == WEIR_OK;
    return rc;
}

weir_code weir__run_append_withdrawn(weir_future *future, uint32_t attempt)
{
    weir_entry entry = about(future, WEIR__ENTRY_WITHDRAWN, attempt);

    return weir__run_append(future->run, &entry, NULL);
}

weir_code weir__run_append_outcome(weir_future *future, uint32_t attempt, const weir_attempt_end *end, bool is_final)
{
    weir_entry entry = outcome(future, attempt, end, is_final);

    return weir__run_append(future->run, &entry, NULL);
}

static weir_entry parked(const weir_future *future)
{
    weir_entry entry = about(future, WEIR__ENTRY_PARKED, future->attempt);

    entry.key = future->run->key_bytes;
    entry.args = future->args;
    entry.reason = future->reason;
    if (future->reason == WEIR__PARK_DIVERGENCE) {
        entry.attempt = 0;
        entry.recorded = future->recorded_side;
        entry.asked = future->asked_side;
    }
    return entry;
}

weir_entry *weir__future_parked_entry(const weir_future *future)
{
    return keep(future, parked(future));
}

weir_code weir__run_append_parked(weir_future *future)
{
    weir_entry entry = parked(future);

    return weir__run_append(future->run, &entry, NULL);
}

weir_code weir__run_append_first(weir_run *run, uint32_t wait, uint32_t which)
{
    weir_entry entry = {
        .kind = WEIR__ENTRY_FIRST,
        .instance = run->instance,
        .call = wait,
        .action = run->action->full_name,
        .which = which,
    };

    return weir__run_append(run, &entry, NULL);
}
