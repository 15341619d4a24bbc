/* SPDX-License-Identifier: Apache-2.0 */
/* What an action sends: events for other actions, and outputs; how many, at the most. */
#include <weir/run.h>

#include <stdio.h>
#include <string.h>

#include "engine/internal.h"

void weir__run_add_event(weir_run *run, weir_event *event)
{
    run->last_event->next = event;
    run->last_event = event;
}

void weir__run_add_output(weir_run *run, weir_output_item *output)
{
    output->next = NULL;
    if (run->last_output)
        run->last_output->next = output;
    else
        run->outputs = output;
    run->last_output = output;
    run->output_count++;
    run->event_count++;
}

enum { LONGEST_CYCLE = 16 };

/* Describes how the last events led to each other, if they go round: "a -> b -> a". Returns false when they do not. */
static bool describe_cycle(const weir_run *run, char *out, size_t capacity)
{
    const weir_event *chain[2 * LONGEST_CYCLE];
    size_t length = 0, size = 0;

    for (const weir_event *event = run->event; event && length < 2 * LONGEST_CYCLE; event = event->upstream)
        chain[length++] = event;
    for (size_t period = 1; period <= LONGEST_CYCLE && 2 * period <= length; period++) {
        bool repeats = true;

        for (size_t i = 0; i < period && repeats; i++)
            repeats = strcmp(chain[i]->type, chain[i + period]->type) == 0 &&
                      chain[i]->sent_by == chain[i + period]->sent_by;
        if (!repeats)
            continue;
        for (size_t i = period + 1; i-- > 0 && size < capacity;) {
            const char *by = chain[i]->sent_by ? chain[i]->sent_by->full_name : NULL;

            /* The first one is named by its type alone: what sent it is the last arrow. */
            if (i == period || !by)
                size += (size_t)snprintf(out + size, capacity - size, "'%s'", chain[i]->type);
            else
                size += (size_t)snprintf(out + size, capacity - size, " -> %s -> '%s'", by, chain[i]->type);
        }
        return true;
    }
    return false;
}

/* Counts one more event or output. */
static weir_code check_limit(weir_run *run, const char *what)
{
    size_t limit = run->engine->options.events_per_run;
    char cycle[160];

    if (run->event_count <= limit)
        return WEIR_OK;
    if (describe_cycle(run, cycle, sizeof cycle))
        return weir__failure_keep(&run->failure, WEIR_LIMIT,
                                  "more than %zu events in one run (limits.events-per-run), a cycle: %s", limit, cycle);
    return weir__failure_keep(&run->failure, WEIR_LIMIT,
                              "more than %zu events in one run (limits.events-per-run), the last one %s", limit, what);
}

weir_code weir_send(weir_run *run, const char *type, json_t *attributes)
{
    const weir_job *job = run->engine->options.job;
    weir_event *event = NULL;
    weir_bytes name;
    weir_code rc = WEIR_INVALID;

    if (!type || *type == '\0') {
        (void)weir__failure_keep(&run->failure, WEIR_INVALID, "an event's type is empty");
        goto out;
    }
    if (strcmp(type, WEIR_OUTPUT_EVENT) == 0) {
        (void)weir__failure_keep(&run->failure, WEIR_INVALID, "%s is sent by weir_output()", type);
        goto out;
    }
    if (!json_is_object(attributes)) {
        (void)weir__failure_keep(&run->failure, WEIR_INVALID, "event '%s': the attributes are %s", type,
                                 attributes ? "no object" : "NULL");
        goto out;
    }
    rc = check_limit(run, type);
    if (rc != WEIR_OK)
        goto out;
    event = weir__arena_alloc(&run->arena, sizeof *event);
    if (!event)
        goto no_memory;
    memset(event, 0, sizeof *event);
    event->scope = &run->scope;
    event->trigger = weir__job_trigger(job, type);
    if (event->trigger) {
        event->type = event->trigger->type;
    } else {
        name = weir__arena_copy(&run->arena, weir__bytes_text(type));
        if (!name.data)
            goto no_memory;
        if (!weir__utf8_is_valid(name)) {
            rc = weir__failure_keep(&run->failure, WEIR_INVALID, "an event's type is not UTF-8");
            goto out;
        }
        event->type = (const char *)name.data;
    }
    event->upstream = run->event;
    event->sent_by = run->action;
    event->attributes = attributes;
    event->number = run->next_number++;
    run->event_count++;
    weir__run_add_event(run, event);
    return WEIR_OK;
no_memory:
    rc = weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for event '%s'", type);
out:
    json_decref(attributes);
    return rc;
}

/* Takes a copy of the text as the next output. */
static weir_code take_output(weir_run *run, weir_bytes printed, json_t *tree)
{
    weir_output_item *output = weir__arena_alloc(&run->arena, sizeof *output);
    weir_bytes text = weir__arena_copy(&run->arena, printed);

    if (!output || !text.data)
        return weir__failure_keep(&run->failure, WEIR_NO_MEMORY, "no memory for an output");
    *output = (weir_output_item){ NULL, text, json_incref(tree) };
    weir__run_add_output(run, output);
    return WEIR_OK;
}

weir_code weir_output(weir_run *run, json_t *value)
{
    weir_engine *engine = run->engine;
    weir_error err;
    weir_code rc;

    if (!value)
        return weir__failure_keep(&run->failure, WEIR_INVALID,
                                  "an output is NULL; did json_pack() or another maker of it fail?");
    rc = check_limit(run, WEIR_OUTPUT_EVENT);
    if (rc == WEIR_OK) {
        weir__buffer_reset(&engine->scratch);
        rc = weir__tree_print(value, engine->options.depth, &engine->scratch, &err);
        if (rc != WEIR_OK)
            (void)weir__failure_keep(&run->failure, rc, "an output: %s", err.message);
    }
    if (rc == WEIR_OK)
        rc = take_output(run, weir__buffer_bytes(&engine->scratch), engine->options.keep_trees ? value : NULL);
    json_decref(value);
    return rc;
}

weir_code weir_output_bytes(weir_run *run, weir_bytes json)
{
    weir_engine *engine = run->engine;
    const weir_json *value;
    weir_error err;
    weir_code rc = check_limit(run, WEIR_OUTPUT_EVENT);

    if (rc != WEIR_OK)
        return rc;
    if (!json.data)
        return weir__failure_keep(&run->failure, WEIR_INVALID, "an output is absent (data is NULL)");
    rc = weir__json_parse(json, engine->options.depth, &run->arena, &value, &err);
    if (rc != WEIR_OK)
        return weir__failure_keep(&run->failure, rc, "an output: %s", err.message);
    if (weir__json_is_printed(value, json))
        return take_output(run, json, NULL);
    weir__buffer_reset(&engine->scratch);
    rc = weir__json_print(value, &engine->scratch);
    if (rc != WEIR_OK)
        return weir__failure_keep(&run->failure, rc, "an output cannot be printed");
    return take_output(run, weir__buffer_bytes(&engine->scratch), NULL);
}
