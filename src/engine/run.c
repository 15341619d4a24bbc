/* SPDX-License-Identifier: Apache-2.0 */
/* A run's own affairs: its actions one by one, their results, and what an action may ask of it. */
#include "engine/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "engine/call.h"
#include "engine/internal.h"
#include "engine/recall.h"
#include "engine/result.h"
#include "engine/run_journal.h"

enum { FIRST_BLOCK_BYTES = 2048 };

static const char *run_id(void *context)
{
    return weir_run_id(context);
}

weir_run *weir__run_new(weir_engine *engine)
{
    weir_run *run = calloc(1, sizeof *run);

    if (!run)
        return NULL;
    run->engine = engine;
    weir__arena_init(&run->arena, FIRST_BLOCK_BYTES);
    run->scope = (weir_event_scope){ &run->arena, &run->failure, run_id, run };
    return run;
}

/* Trees are counted by jansson; all else is the arena's. */
static void release_trees(weir_run *run)
{
    json_decref(run->value_tree);
    run->value_tree = NULL;
    if (run->input_event.scope) {
        for (weir_event *event = &run->input_event; event; event = event->next)
            weir__event_clear(event);
    }
    for (weir_output_item *output = run->outputs; output; output = output->next)
        json_decref(output->tree);
    weir__results_clear(run->recorded);
    for (weir_kept_tree *kept = run->trees; kept; kept = kept->next)
        json_decref(kept->tree);
    run->trees = NULL;
}

bool weir__run_keep_tree(weir_run *run, json_t *tree)
{
    weir_kept_tree *kept = weir__arena_alloc(&run->arena, sizeof *kept);

    if (!kept) {
        json_decref(tree);
        return false;
    }
    *kept = (weir_kept_tree){ run->trees, tree };
    run->trees = kept;
    return true;
}

void weir__run_free(weir_run *run)
{
    if (!run)
        return;
    release_trees(run);
    weir__arena_clear(&run->arena);
    free(run);
}

/* What running it has left: trees are released already. */
static void forget_execution(weir_run *run)
{
    run->failure.error.code = WEIR_OK;
    run->stack = NULL;
    run->input_event.scope = NULL;
    run->event = NULL;
    run->outputs = NULL;
    run->output_count = 0;
    run->counts = NULL;
    run->results = NULL;
    run->recorded = NULL;
    run->firsts = NULL;
    run->is_seeded = false;
    run->is_canceled = false;
    run->is_parking = false;
}

void weir__run_reset(weir_run *run)
{
    release_trees(run);
    weir__arena_reset(&run->arena);
    forget_execution(run);
    run->state = WEIR__RUN_NEW;
    run->value = NULL;
    run->key_bytes = (weir_bytes){ NULL, 0 };
    run->host = NULL;
    run->key = NULL;
    run->id = NULL;
    run->owner = 0;
    run->epoch = 0;
    run->timestamp = 0;
    run->entries = NULL;
    run->input_hash = 0;
    run->base_hash = 0;
    run->is_reconciler_feared = false;
    run->futures = NULL;
    run->last_future = NULL;
    run->errand_count = 0;
    run->ticket_count = 0;
    run->is_retired = false;
    run->owned_by = NULL;
}

void weir__run_rewind(weir_run *run)
{
    json_t *tree = json_incref(run->value_tree);

    release_trees(run);
    run->value_tree = tree;
    weir__futures_leave(run, false);
    forget_execution(run);
}

/* What the journal holds of it: results of actions in the place of the actions, the rest for its calls to ask. */
static bool recall(weir_run *run)
{
    weir_action_result **tail = &run->recorded;
    weir_error err;

    run->entries = weir__recall_live(run->entries);
    run->recalled_ms = weir__clock_monotonic_ms(run->engine->options.clock);
    for (const weir_entry *entry = run->entries; entry; entry = entry->next) {
        if (entry->kind != WEIR__ENTRY_RESULT)
            continue;
        if (weir__result_from_entry(entry, &run->arena, tail, &err) != WEIR_OK) {
            (void)weir__failure_keep_error(&run->failure, &err);
            return false;
        }
        tail = &(*tail)->next;
    }
    return true;
}

weir_code weir__run_make_key(weir_run *run, weir_error *err)
{
    char *text = weir__arena_alloc(&run->arena, WEIR__UUID_TEXT);
    weir_bytes id = weir__bytes_text(weir_run_id(run));

    if (!text || weir__failure_is_kept(&run->failure))
        return weir__fail_memory(err, "a key");
    weir__uuid_named(id, text);
    run->key_bytes = weir__bytes(text, WEIR__UUID_TEXT - 1);
    return WEIR_OK;
}

bool weir__run_begin(weir_run *run)
{
    const weir_engine_options *options = &run->engine->options;
    weir_event *event = &run->input_event;

    memset(event, 0, sizeof *event);
    event->scope = &run->scope;
    event->type = WEIR_INPUT_EVENT;
    event->trigger = &options->job->triggers[0];
    event->input = run->value;
    if (run->value_tree) {
        event->attributes = json_object();
        if (!event->attributes || json_object_set_nocheck(event->attributes, "input", run->value_tree) != 0) {
            (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for the input event");
            return false;
        }
    }
    run->event = event;
    run->last_event = event;
    run->next_action = 0;
    run->event_count = 1;
    run->next_number = 1;
    run->instance = 0;
    run->last_output = NULL;
    run->last_count = NULL;
    run->last_result = NULL;
    weir__memory_init(&run->short_term, &run->key->cells, &run->arena, &run->failure, &run->instance, options->depth);
    if (options->ttl_ms)
        weir__memory_keep_time(&run->short_term,
                               weir__keys_expire(run->engine->keys, run->key, options->ttl_ms, run->timestamp),
                               options->is_read_touch);
    weir__memory_init(&run->sensory, NULL, &run->arena, &run->failure, &run->instance, options->depth);
    return !run->entries || recall(run);
}

/* ---- one action -------------------------------------------------------------------------------------------------- */

/* Cells that the action with this number wrote last. */
static size_t copy_stamped(const weir_cells *cells, uint32_t stamp, weir_cell *out)
{
    size_t count = 0;

    for (size_t i = 0; i < cells->count; i++) {
        if (cells->items[i].stamp == stamp) {
            if (out)
                out[count] = cells->items[i];
            count++;
        }
    }
    return count;
}

/* Keeps what the action did, as views: encoding waits until a journal asks. */
static void keep_result(weir_run *run, bool is_recorded, weir_event *before_event, weir_output_item *before_output,
                        weir_count_item *before_count)
{
    weir_action_result *result = weir__arena_alloc(&run->arena, sizeof *result);
    size_t short_term = copy_stamped(&run->short_term.changes, run->instance, NULL);
    size_t sensory = copy_stamped(&run->sensory.changes, run->instance, NULL);

    if (result)
        memset(result, 0, sizeof *result);
    if (result && short_term + sensory)
        result->cells = weir__arena_alloc(&run->arena, (short_term + sensory) * sizeof *result->cells);
    if (!result || (short_term + sensory && !result->cells)) {
        (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for an action's result");
        return;
    }
    result->action = run->action->full_name;
    result->instance = run->instance;
    result->is_written = is_recorded;
    result->is_recorded = is_recorded;
    result->short_term_count = copy_stamped(&run->short_term.changes, run->instance, result->cells);
    result->sensory_count = copy_stamped(&run->sensory.changes, run->instance, result->cells + short_term);
    result->first_event = before_event->next;
    for (const weir_event *event = result->first_event; event; event = event->next)
        result->event_count++;
    result->first_output = before_output ? before_output->next : run->outputs;
    for (const weir_output_item *output = result->first_output; output; output = output->next)
        result->output_count++;
    result->first_count = before_count ? before_count->next : run->counts;
    for (const weir_count_item *count = result->first_count; count; count = count->next)
        result->count_count++;
    if (run->last_result)
        run->last_result->next = result;
    else
        run->results = result;
    run->last_result = result;
}

static bool put_cells(weir_memory *memory, const weir_cell *cells, size_t count, uint32_t stamp)
{
    for (size_t i = 0; i < count; i++) {
        weir_cell cell = cells[i];

        cell.stamp = stamp;
        if (!weir__cells_put(&memory->changes, &cell, true))
            return false;
    }
    return true;
}

/* Puts a recorded result in the place of the action: the same events, outputs, counts and changes. */
static void apply_recorded(weir_run *run, weir_action_result *recorded)
{
    weir_event *event = recorded->first_event;
    weir_output_item *output = recorded->first_output;
    weir_count_item *count = recorded->first_count;

    for (size_t i = 0; i < recorded->event_count; i++) {
        weir_event *next = event->next;

        event->scope = &run->scope;
        event->trigger = weir__job_trigger(run->engine->options.job, event->type);
        event->upstream = run->event;
        event->sent_by = run->action;
        event->number = run->next_number++;
        run->event_count++;
        event->next = NULL;
        weir__run_add_event(run, event);
        event = next;
    }
    for (size_t i = 0; i < recorded->output_count; i++) {
        weir_output_item *next = output->next;

        weir__run_add_output(run, output);
        output = next;
    }
    for (size_t i = 0; i < recorded->count_count; i++, count = count->next)
        weir_count(run, count->metric, count->add);
    if (!put_cells(&run->short_term, recorded->cells, recorded->short_term_count, run->instance) ||
        !put_cells(&run->sensory, recorded->cells + recorded->short_term_count, recorded->sensory_count,
                   run->instance))
        (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for a recorded result");
}

/* The run waits for a decision on this action: in its journal, unless that says so, and in what is kept of it. */
static bool keep_parked(weir_run *run, weir_entry entry)
{
    weir_entry *kept;

    if (weir__recall_parked_on(run->entries, entry.instance, 0, 0))
        return true;
    kept = weir__arena_alloc(&run->arena, sizeof *kept);
    if (!kept) {
        (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory to park a run");
        return false;
    }
    if (weir__run_append(run, &entry, NULL) != WEIR_OK)
        return false;
    *kept = entry;
    weir__run_keep_entry(run, kept);
    return true;
}

/* The journal has something else in this action's place. Where nothing was done outside, it is forgotten. */
static void diverge(weir_run *run, const weir_action_result *recorded)
{
    static const char side[] = "action '%s', input and memory %016" PRIx64;
    weir_entry parked = {
        .kind = WEIR__ENTRY_PARKED,
        .reason = WEIR__PARK_DIVERGENCE,
        .instance = run->instance,
        .action = run->action->full_name,
        .name = "",
        .key = run->key_bytes,
        .recorded = weir__run_describe(run, side, recorded->action, recorded->input_hash),
        .asked = weir__run_describe(run, side, run->action->full_name, weir__run_base_hash(run)),
    };

    if (run->engine->options.only_recalls) {
        weir__run_fail_diverged(run, parked.recorded, parked.asked);
        return;
    }
    if (weir__run_may_diverge(run, parked.recorded, parked.asked) || !keep_parked(run, parked))
        return;
    run->is_parking = true;
    run->is_canceled = true;
}

/* Somebody decided that a run which had parked on this action fails. */
static bool is_decided_to_fail(const weir_run *run)
{
    for (const weir_entry *entry = run->entries; entry; entry = entry->next) {
        if (entry->kind == WEIR__ENTRY_RESOLUTION && entry->attempt == 0 && entry->call == 0 &&
            entry->instance == run->instance && entry->decision == WEIR__DECISION_FAIL)
            return true;
    }
    return false;
}

/* The recorded result of this action, if the journal has one that still fits. One may stand there twice: a producer
 * that was not told what became of its records writes them again, all from the first of them on. */
static weir_action_result *take_recorded(weir_run *run)
{
    weir_action_result *recorded;

    while (run->recorded && run->recorded->instance < run->instance) {
        weir_action_result *again = run->recorded;

        run->recorded = again->next;
        again->next = NULL;
        weir__results_clear(again);
    }
    recorded = run->recorded;
    if (!recorded || recorded->instance != run->instance)
        return NULL;
    if (strcmp(recorded->action, run->action->full_name) != 0 || recorded->input_hash != weir__run_base_hash(run)) {
        if (is_decided_to_fail(run))
            (void)weir__failure_keep(&run->failure, WEIR_FAILED, "it was resolved as failed");
        else
            diverge(run, recorded);
        return NULL;
    }
    run->recorded = recorded->next;
    return recorded;
}

void weir__run_step(weir_run *run)
{
    weir_event *before_event = run->last_event;
    weir_output_item *before_output = run->last_output;
    weir_count_item *before_count = run->last_count;
    weir_action_result *recorded;
    weir_code rc = WEIR_OK;

    run->instance++;
    run->next_call = 0;
    run->next_wait = 0;
    run->call_error = NULL;
    recorded = take_recorded(run);
    if (recorded) {
        apply_recorded(run, recorded);
    } else if (!run->is_canceled && !weir__failure_is_kept(&run->failure)) {
        rc = run->action->fn(run, run->event, run->action->arg);
        if (run->futures && !run->is_canceled)
            (void)weir__calls_settle(run, NULL); /* an action ends when its calls have; canceled, it says so itself */
    }
    if (run->is_canceled)
        return;
    if (rc != WEIR_OK && run->call_error && run->call_error->code == rc)
        (void)weir__failure_keep_error(&run->failure, run->call_error);
    else if (rc != WEIR_OK)
        (void)weir__failure_keep(&run->failure, rc, "it returned '%s'", weir__code_name(rc));
    if (weir__failure_is_kept(&run->failure)) {
        weir__error_context(&run->failure.error, "action '%s'", run->action->full_name);
        return;
    }
    if (run->engine->options.keep_results && !(run->action->flags & WEIR_ACTION_PURE))
        keep_result(run, recorded && recorded->is_written, before_event, before_output, before_count);
}

/* ---- what an action may ask -------------------------------------------------------------------------------------- */

weir_bytes weir_run_key(const weir_run *run)
{
    return run->key_bytes;
}

/* Every output carries it, so it is not printed by way of a format. */
static void print_id(char *id, const char *source, size_t source_size, uint64_t index)
{
    char digits[24];
    size_t at = sizeof digits;

    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + index % 10);
        index /= 10;
    } while (index);
    memcpy(id, source, source_size);
    id[source_size] = '/';
    memcpy(id + source_size + 1, digits + at, sizeof digits - at);
}

const char *weir_run_id(const weir_run *run)
{
    /* A cache behind a const view: a run belongs to one thread. */
    weir_run *self = (weir_run *)run;
    size_t source_size;
    char *id;

    if (run->id)
        return run->id;
    source_size = strlen(run->source);
    id = weir__arena_alloc(&self->arena, source_size + 26);
    if (!id) {
        (void)weir__failure_keep(&self->failure, WEIR_NO_MEMORY, "no memory for a run id");
        return "";
    }
    print_id(id, run->source, source_size, run->index);
    self->id = id;
    return id;
}

int64_t weir_now(const weir_run *run)
{
    return run->timestamp;
}

/* Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (splitmix64). */
uint64_t weir_random(weir_run *run)
{
    uint64_t mixed;

    if (!run->is_seeded) {
        run->random_state = weir__hash_stable(weir__bytes_text(weir_run_id(run)), 0);
        run->is_seeded = true;
    }
    run->random_state += 0x9E3779B97F4A7C15u;
    mixed = run->random_state;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

weir_memory *weir_short_term(weir_run *run)
{
    return &run->short_term;
}

weir_memory *weir_sensory(weir_run *run)
{
    return &run->sensory;
}

weir_code weir_fail(weir_run *run, weir_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    code = weir__failure_keep_list(&run->failure, code, format, args);
    va_end(args);
    return code;
}

void weir_log(weir_run *run, const char *level, const char *format, ...)
{
    weir_log_level at = WEIR__LOG_INFO;
    char message[512];
    va_list args;

    (void)weir__log_level_named(level ? level : "", &at); /* any other word counts as info */
    if (!weir__log_wants(at))
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args); /* a cut line is still a line */
    va_end(args);
    weir__log(at, run->action ? run->action->full_name : "run", "%s run=%s", message, weir_run_id(run));
}

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;

    if (__builtin_add_overflow(a, b, &sum))
        return a < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

void weir_count(weir_run *run, const char *metric, int64_t add)
{
    weir_count_item *item;
    weir_bytes name;

    if (!metric) {
        (void)weir__failure_keep(&run->failure, WEIR_INVALID, "a counter's name is NULL");
        return;
    }
    /* With results kept, each action's counts stand apart from those of the one before. */
    item = run->last_count;
    if (item && !run->engine->options.keep_results && strcmp(item->metric, metric) == 0) {
        item->add = add_saturated(item->add, add);
        return;
    }
    item = weir__arena_alloc(&run->arena, sizeof *item);
    name = weir__arena_copy(&run->arena, weir__bytes_text(metric));
    if (!item || !name.data) {
        (void)weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for a counter");
        return;
    }
    *item = (weir_count_item){ NULL, (const char *)name.data, add };
    if (run->last_count)
        run->last_count->next = item;
    else
        run->counts = item;
    run->last_count = item;
}
