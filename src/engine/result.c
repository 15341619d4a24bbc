/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results as JSON:
 *   {"action":"agent.action","instance":1,"events":[{"type":"t","attributes":{…}}],"outputs":[…],
 *    "counts":[["metric",1]],"short-term":[["path",type,value]],"sensory":[…]}
 * where type is weir_cell_type's number, and the value of an object or of a deleted path is null.
 */
#include "engine/result.h"

#include <string.h>

/* One failed append makes the rest no-ops. */
typedef struct printer {
    weir_buffer *out;
    weir_code rc;
    weir_error *err;
} printer;

static void add(printer *to, const char *text)
{
    if (to->rc == WEIR_OK)
        to->rc = weir__buffer_add_text(to->out, text);
}

static void add_text(printer *to, weir_bytes text)
{
    if (to->rc == WEIR_OK)
        to->rc = weir__json_print_text(text, to->out);
}

static void add_int(printer *to, int64_t number)
{
    if (to->rc == WEIR_OK)
        to->rc = weir__json_print_int(number, to->out);
}

static void add_cell(printer *to, const weir_cell *cell)
{
    add(to, "[");
    add_text(to, cell->path);
    add(to, ",");
    add_int(to, cell->type);
    add(to, ",");
    switch (cell->type) {
    case WEIR__CELL_NULL:
    case WEIR__CELL_OBJECT:
    case WEIR__CELL_DELETED:
        add(to, "null");
        break;
    case WEIR__CELL_BOOL:
        add(to, cell->value.truth ? "true" : "false");
        break;
    case WEIR__CELL_INT:
        add_int(to, cell->value.integer);
        break;
    case WEIR__CELL_REAL:
        if (to->rc == WEIR_OK)
            to->rc = weir__json_print_real(cell->value.real, to->out);
        break;
    case WEIR__CELL_TEXT:
        add_text(to, cell->value.bytes);
        break;
    case WEIR__CELL_JSON:
        if (to->rc == WEIR_OK)
            to->rc = weir__buffer_add(to->out, cell->value.bytes.data, cell->value.bytes.size);
        break;
    }
    add(to, "]");
}

static void add_cells(printer *to, const weir_cell *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(to, i ? "," : "");
        add_cell(to, &cells[i]);
    }
}

weir_code weir__result_print(const weir_action_result *result, weir_buffer *out, weir_error *err)
{
    printer to = { out, WEIR_OK, err };
    const weir_event *event = result->first_event;
    const weir_output_item *output = result->first_output;
    const weir_count_item *count = result->first_count;

    add(&to, "{\"action\":");
    add_text(&to, weir__bytes_text(result->action));
    add(&to, ",\"instance\":");
    add_int(&to, result->instance);
    add(&to, ",\"events\":[");
    for (size_t i = 0; i < result->event_count; i++, event = event->next) {
        add(&to, i ? ",{\"type\":" : "{\"type\":");
        add_text(&to, weir__bytes_text(event->type));
        add(&to, ",\"attributes\":");
        if (to.rc == WEIR_OK)
            to.rc = weir__tree_print(event->attributes, JSON_PARSER_MAX_DEPTH, out, err);
        add(&to, "}");
    }
    add(&to, "],\"outputs\":[");
    for (size_t i = 0; i < result->output_count; i++, output = output->next) {
        add(&to, i ? "," : "");
        if (to.rc == WEIR_OK)
            to.rc = weir__buffer_add(out, output->text.data, output->text.size);
    }
    add(&to, "],\"counts\":[");
    for (size_t i = 0; i < result->count_count; i++, count = count->next) {
        add(&to, i ? ",[" : "[");
        add_text(&to, weir__bytes_text(count->metric));
        add(&to, ",");
        add_int(&to, count->add);
        add(&to, "]");
    }
    add(&to, "],\"short-term\":[");
    add_cells(&to, result->cells, result->short_term_count);
    add(&to, "],\"sensory\":[");
    add_cells(&to, result->cells + result->short_term_count, result->sensory_count);
    add(&to, "]}");
    if (to.rc == WEIR_NO_MEMORY)
        return weir__fail_memory(err, "an action's result");
    return to.rc;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const weir_json *member(const weir_json *object, const char *name, weir_json_kind kind)
{
    const weir_json *found = weir__json_member(object, weir__bytes_text(name));

    return found && weir__json_kind(found) == kind ? found : NULL;
}

/* The element of an array, if it has that kind. */
static const weir_json *element(const weir_json *array, size_t index, weir_json_kind kind)
{
    const weir_json *at = NULL, *value = NULL;

    for (size_t i = 0; i <= index; i++) {
        if (!weir__json_next(array, &at, NULL, &value))
            return NULL;
    }
    return weir__json_kind(value) == kind ? value : NULL;
}

static bool parse_events(const weir_json *events, weir_arena *arena, weir_action_result *result)
{
    const weir_json *at = NULL, *item;
    weir_event **tail = &result->first_event;

    while (weir__json_next(events, &at, NULL, &item)) {
        const weir_json *type = member(item, "type", WEIR__JSON_TEXT);
        const weir_json *attributes = member(item, "attributes", WEIR__JSON_OBJECT);
        weir_event *event = weir__arena_alloc(arena, sizeof *event);

        if (!type || !attributes || !event)
            return false;
        memset(event, 0, sizeof *event);
        event->type = (const char *)weir__arena_copy(arena, weir__json_text(type)).data;
        event->attributes = weir__json_tree(attributes);
        *tail = event;
        tail = &event->next;
        result->event_count++;
        if (!event->type || !event->attributes)
            return false;
    }
    return true;
}

static bool parse_outputs(const weir_json *outputs, weir_arena *arena, weir_action_result *result)
{
    const weir_json *at = NULL, *item;
    weir_output_item **tail = &result->first_output;
    weir_buffer text;
    bool is_good = true;

    weir__buffer_init(&text, SIZE_MAX);
    while (is_good && weir__json_next(outputs, &at, NULL, &item)) {
        weir_output_item *output = weir__arena_alloc(arena, sizeof *output);

        weir__buffer_reset(&text);
        is_good = output && weir__json_print(item, &text) == WEIR_OK;
        if (!is_good)
            break;
        *output = (weir_output_item){ NULL, weir__arena_copy(arena, weir__buffer_bytes(&text)), NULL };
        is_good = output->text.data != NULL;
        *tail = output;
        tail = &output->next;
        result->output_count++;
    }
    weir__buffer_clear(&text);
    return is_good;
}

static bool parse_counts(const weir_json *counts, weir_arena *arena, weir_action_result *result)
{
    const weir_json *at = NULL, *item;
    weir_count_item **tail = &result->first_count;

    while (weir__json_next(counts, &at, NULL, &item)) {
        const weir_json *metric = element(item, 0, WEIR__JSON_TEXT);
        const weir_json *number = element(item, 1, WEIR__JSON_INT);
        weir_count_item *count = weir__arena_alloc(arena, sizeof *count);

        if (!metric || !number || !count)
            return false;
        *count = (weir_count_item){ NULL, (const char *)weir__arena_copy(arena, weir__json_text(metric)).data,
                                    weir__json_int(number) };
        if (!count->metric)
            return false;
        *tail = count;
        tail = &count->next;
        result->count_count++;
    }
    return true;
}

static bool parse_cell(const weir_json *item, weir_arena *arena, weir_cell *cell)
{
    static const weir_json_kind kinds[] = {
        [WEIR__CELL_NULL] = WEIR__JSON_NULL,   [WEIR__CELL_BOOL] = WEIR__JSON_BOOL,
        [WEIR__CELL_INT] = WEIR__JSON_INT,     [WEIR__CELL_REAL] = WEIR__JSON_REAL,
        [WEIR__CELL_TEXT] = WEIR__JSON_TEXT,   [WEIR__CELL_JSON] = WEIR__JSON_ARRAY,
        [WEIR__CELL_OBJECT] = WEIR__JSON_NULL, [WEIR__CELL_DELETED] = WEIR__JSON_NULL,
    };
    const weir_json *path = element(item, 0, WEIR__JSON_TEXT);
    const weir_json *type = element(item, 1, WEIR__JSON_INT);
    const weir_json *value;
    weir_buffer text;
    bool is_good;

    if (!path || !type || weir__json_int(type) < 0 || weir__json_int(type) > WEIR__CELL_DELETED)
        return false;
    memset(cell, 0, sizeof *cell);
    cell->type = (weir_cell_type)weir__json_int(type);
    cell->path = weir__arena_copy(arena, weir__json_text(path));
    value = element(item, 2, kinds[cell->type]);
    if (!value && cell->type == WEIR__CELL_JSON)
        value = element(item, 2, WEIR__JSON_OBJECT);
    if (!value || !cell->path.data)
        return false;
    switch (cell->type) {
    case WEIR__CELL_NULL:
    case WEIR__CELL_OBJECT:
    case WEIR__CELL_DELETED:
        return true;
    case WEIR__CELL_BOOL:
        cell->value.truth = weir__json_bool(value);
        return true;
    case WEIR__CELL_INT:
        cell->value.integer = weir__json_int(value);
        return true;
    case WEIR__CELL_REAL:
        cell->value.real = weir__json_real(value);
        return true;
    case WEIR__CELL_TEXT:
        cell->value.bytes = weir__arena_copy(arena, weir__json_text(value));
        return cell->value.bytes.data != NULL;
    case WEIR__CELL_JSON:
        weir__buffer_init(&text, SIZE_MAX);
        is_good = weir__json_print(value, &text) == WEIR_OK;
        if (is_good)
            cell->value.bytes = weir__arena_copy(arena, weir__buffer_bytes(&text));
        weir__buffer_clear(&text);
        return is_good && cell->value.bytes.data;
    }
    return false;
}

static bool parse_cells(const weir_json *cells, weir_arena *arena, weir_cell *out)
{
    const weir_json *at = NULL, *item;

    for (; weir__json_next(cells, &at, NULL, &item); out++) {
        if (!parse_cell(item, arena, out))
            return false;
    }
    return true;
}

weir_code weir__result_parse(weir_bytes text, weir_arena *arena, weir_action_result **out, weir_error *err)
{
    weir_action_result *result = weir__arena_alloc(arena, sizeof *result);
    const weir_json *json, *action, *instance, *events, *outputs, *counts, *short_term, *sensory;
    bool is_good;
    weir_code rc;

    if (!result)
        return weir__fail_memory(err, "an action's result");
    memset(result, 0, sizeof *result);
    rc = weir__json_parse(text, SIZE_MAX, arena, &json, err);
    if (rc != WEIR_OK)
        return rc == WEIR_NO_MEMORY ? rc : weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "an action's result is no JSON");
    action = member(json, "action", WEIR__JSON_TEXT);
    instance = member(json, "instance", WEIR__JSON_INT);
    events = member(json, "events", WEIR__JSON_ARRAY);
    outputs = member(json, "outputs", WEIR__JSON_ARRAY);
    counts = member(json, "counts", WEIR__JSON_ARRAY);
    short_term = member(json, "short-term", WEIR__JSON_ARRAY);
    sensory = member(json, "sensory", WEIR__JSON_ARRAY);
    is_good = action && instance && events && outputs && counts && short_term && sensory;
    if (is_good) {
        result->action = (const char *)weir__arena_copy(arena, weir__json_text(action)).data;
        result->instance = (uint32_t)weir__json_int(instance);
        result->short_term_count = weir__json_size(short_term);
        result->sensory_count = weir__json_size(sensory);
        result->cells = weir__arena_alloc(arena, (result->short_term_count + result->sensory_count + 1) *
                                                     sizeof *result->cells);
        is_good = result->action && result->cells && parse_events(events, arena, result) &&
                  parse_outputs(outputs, arena, result) && parse_counts(counts, arena, result) &&
                  parse_cells(short_term, arena, result->cells) &&
                  parse_cells(sensory, arena, result->cells + result->short_term_count);
    }
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
