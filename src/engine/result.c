/* SPDX-License-Identifier: Apache-2.0 */
/* Results of actions, to the lists of bytes that an entry holds, and back. */
#include "engine/result.h"

#include <string.h>

/* Room for a list of `count` items; NULL: no memory. */
static weir_bytes *new_items(weir_arena *arena, size_t count, weir_entry_items *items)
{
    weir_bytes *all = weir__arena_alloc(arena, (count + 1) * sizeof *all);

    *items = (weir_entry_items){ all, count };
    return all;
}

static weir_code keep(weir_arena *arena, const weir_buffer *text, weir_bytes *out)
{
    *out = weir__arena_copy(arena, weir__buffer_bytes(text));
    return out->data ? WEIR_OK : WEIR_NO_MEMORY;
}

static weir_code add_events(const weir_action_result *result, weir_arena *arena, weir_buffer *scratch,
                            weir_entry *entry)
{
    weir_bytes *types = new_items(arena, result->event_count, &entry->event_types);
    weir_bytes *attributes = new_items(arena, result->event_count, &entry->event_attributes);
    const weir_event *event = result->first_event;
    weir_code rc = types && attributes ? WEIR_OK : WEIR_NO_MEMORY;

    for (size_t i = 0; i < result->event_count && rc == WEIR_OK; i++, event = event->next) {
        types[i] = weir__bytes_text(event->type);
        weir__buffer_reset(scratch);
        rc = weir__tree_print(event->attributes, JSON_PARSER_MAX_DEPTH, scratch, NULL);
        if (rc == WEIR_OK)
            rc = keep(arena, scratch, &attributes[i]);
    }
    return rc;
}

static weir_code add_cells(const weir_cell *cells, size_t count, weir_arena *arena, weir_buffer *scratch,
                           weir_entry_items *paths, weir_entry_items *values)
{
    weir_bytes *all_paths = new_items(arena, count, paths);
    weir_bytes *all_values = new_items(arena, count, values);
    weir_code rc = all_paths && all_values ? WEIR_OK : WEIR_NO_MEMORY;

    for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
        all_paths[i] = cells[i].path;
        weir__buffer_reset(scratch);
        rc = weir__cell_encode(&cells[i], scratch);
        if (rc == WEIR_OK)
            rc = keep(arena, scratch, &all_values[i]);
    }
    return rc;
}

static weir_code add_rest(const weir_action_result *result, weir_arena *arena, weir_entry *entry)
{
    weir_bytes *outputs = new_items(arena, result->output_count, &entry->outputs);
    weir_bytes *metrics = new_items(arena, result->count_count, &entry->count_metrics);
    int64_t *adds = weir__arena_alloc(arena, (result->count_count + 1) * sizeof *adds);
    const weir_output_item *output = result->first_output;
    const weir_count_item *count = result->first_count;

    if (!outputs || !metrics || !adds)
        return WEIR_NO_MEMORY;
    for (size_t i = 0; i < result->output_count; i++, output = output->next)
        outputs[i] = output->text;
    for (size_t i = 0; i < result->count_count; i++, count = count->next) {
        metrics[i] = weir__bytes_text(count->metric);
        adds[i] = count->add;
    }
    entry->count_adds = adds;
    return WEIR_OK;
}

weir_code weir__result_to_entry(const weir_action_result *result, weir_arena *arena, weir_entry *entry)
{
    weir_buffer scratch;
    weir_code rc;

    weir__buffer_init(&scratch, SIZE_MAX);
    entry->instance = result->instance;
    entry->action = result->action;
    entry->input_hash = result->input_hash;
    rc = add_events(result, arena, &scratch, entry);
    if (rc == WEIR_OK)
        rc = add_rest(result, arena, entry);
    if (rc == WEIR_OK)
        rc = add_cells(result->cells, result->short_term_count, arena, &scratch, &entry->short_term_paths,
                       &entry->short_term_values);
    if (rc == WEIR_OK)
        rc = add_cells(result->cells + result->short_term_count, result->sensory_count, arena, &scratch,
                       &entry->sensory_paths, &entry->sensory_values);
    weir__buffer_clear(&scratch);
    return rc;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static bool take_events(const weir_entry *entry, weir_arena *arena, weir_action_result *result)
{
    weir_event **tail = &result->first_event;

    for (size_t i = 0; i < entry->event_types.count; i++) {
        weir_event *event = weir__arena_alloc(arena, sizeof *event);
        weir_bytes type = weir__arena_copy(arena, entry->event_types.items[i]);
        const weir_json *attributes;

        if (!event || !type.data ||
            weir__json_parse(entry->event_attributes.items[i], SIZE_MAX, arena, &attributes, NULL) != WEIR_OK ||
            weir__json_kind(attributes) != WEIR__JSON_OBJECT)
            return false;
        memset(event, 0, sizeof *event);
        event->type = (const char *)type.data; /* a copy ends with a NUL */
        event->attributes = weir__json_tree(attributes);
        *tail = event;
        tail = &event->next;
        result->event_count++;
        if (!event->attributes)
            return false;
    }
    return true;
}

static bool take_outputs(const weir_entry *entry, weir_arena *arena, weir_action_result *result)
{
    weir_output_item **tail = &result->first_output;

    for (size_t i = 0; i < entry->outputs.count; i++) {
        weir_output_item *output = weir__arena_alloc(arena, sizeof *output);

        if (!output)
            return false;
        *output = (weir_output_item){ NULL, entry->outputs.items[i], NULL };
        *tail = output;
        tail = &output->next;
        result->output_count++;
    }
    return true;
}

static bool take_counts(const weir_entry *entry, weir_arena *arena, weir_action_result *result)
{
    weir_count_item **tail = &result->first_count;

    for (size_t i = 0; i < entry->count_metrics.count; i++) {
        weir_count_item *count = weir__arena_alloc(arena, sizeof *count);
        weir_bytes metric = weir__arena_copy(arena, entry->count_metrics.items[i]);

        if (!count || !metric.data)
            return false;
        *count = (weir_count_item){ NULL, (const char *)metric.data, entry->count_adds[i] };
        *tail = count;
        tail = &count->next;
        result->count_count++;
    }
    return true;
}

static bool take_cells(const weir_entry_items *paths, const weir_entry_items *values, weir_cell *out)
{
    for (size_t i = 0; i < paths->count; i++) {
        memset(&out[i], 0, sizeof out[i]);
        if (!weir__cell_decode(paths->items[i], values->items[i], &out[i]))
            return false;
    }
    return true;
}

weir_code weir__result_from_entry(const weir_entry *entry, weir_arena *arena, weir_action_result **out,
                                  weir_error *err)
{
    weir_action_result *result = weir__arena_alloc(arena, sizeof *result);
    bool is_good;

    if (!result)
        return weir__fail_memory(err, "an action's result");
    memset(result, 0, sizeof *result);
    result->action = entry->action;
    result->instance = entry->instance;
    result->input_hash = entry->input_hash;
    result->is_written = true;
    result->is_recorded = true;
    result->short_term_count = entry->short_term_paths.count;
    result->sensory_count = entry->sensory_paths.count;
    result->cells = weir__arena_alloc(arena, (result->short_term_count + result->sensory_count + 1) *
                                                 sizeof *result->cells);
    is_good = entry->action && entry->event_types.count == entry->event_attributes.count &&
              entry->short_term_paths.count == entry->short_term_values.count &&
              entry->sensory_paths.count == entry->sensory_values.count;
    is_good = is_good && result->cells && take_events(entry, arena, result) && take_outputs(entry, arena, result) &&
              take_counts(entry, arena, result) &&
              take_cells(&entry->short_term_paths, &entry->short_term_values, result->cells) &&
              take_cells(&entry->sensory_paths, &entry->sensory_values, result->cells + result->short_term_count);
    if (!is_good) {
        weir__results_clear(result);
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "an action's result in the journal has not the form of one");
    }
    *out = result;
    return WEIR_OK;
}

void weir__results_clear(weir_action_result *results)
{
    for (; results; results = results->next) {
        weir_event *event = results->first_event;

        for (size_t i = 0; i < results->event_count && event; i++, event = event->next)
            weir__event_clear(event);
    }
}
