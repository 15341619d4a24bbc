/* SPDX-License-Identifier: Apache-2.0 */
/* What an action may ask of an event. */
#include "agent/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char input_name[] = "input";
enum { INPUT_NAME_SIZE = sizeof input_name - 1 };

void weir__event_clear(weir_event *event)
{
    json_decref(event->attributes);
    json_decref(event->input_tree);
    event->attributes = NULL;
    event->input_tree = NULL;
}

const char *weir_event_type(const weir_event *event)
{
    return event->type;
}

const char *weir_event_id(const weir_event *event)
{
    /* A cache behind a const view: an event belongs to one thread. */
    weir_event *self = (weir_event *)event;
    const char *run_id;
    char number[16];
    size_t run_size, number_size;
    char *name, *text;

    if (event->id)
        return event->id;
    run_id = event->scope->run_id(event->scope->context);
    run_size = strlen(run_id);
    number_size = (size_t)snprintf(number, sizeof number, "#%" PRIu32, event->number);
    name = weir__arena_alloc(event->scope->arena, run_size + number_size);
    text = weir__arena_alloc(event->scope->arena, WEIR__UUID_TEXT);
    if (!name || !text) {
        (void)weir__failure_keep(event->scope->failure, WEIR_NO_MEMORY, "no memory for an event id");
        return "";
    }
    memcpy(name, run_id, run_size);
    memcpy(name + run_size, number, number_size);
    weir__uuid_named(weir__bytes(name, run_size + number_size), text);
    self->id = text;
    return text;
}

const char *weir_event_upstream_id(const weir_event *event)
{
    return event->upstream ? weir_event_id(event->upstream) : NULL;
}

const char *weir_event_upstream_action(const weir_event *event)
{
    return event->sent_by ? event->sent_by->name : NULL;
}

json_t *weir_event_get(const weir_event *event, const char *attribute)
{
    weir_event *self = (weir_event *)event;

    if (!attribute) {
        (void)weir__failure_keep(event->scope->failure, WEIR_INVALID, "event '%s': the attribute's name is NULL",
                                 event->type);
        return NULL;
    }
    if (event->attributes)
        return json_object_get(event->attributes, attribute);
    if (!event->input || strcmp(attribute, input_name) != 0)
        return NULL;
    if (!event->input_tree) {
        self->input_tree = weir__json_tree(event->input);
        if (!self->input_tree)
            (void)weir__failure_keep(event->scope->failure, WEIR_NO_MEMORY, "no memory for the input as a tree");
    }
    return event->input_tree;
}

weir_bytes weir_event_bytes(const weir_event *event)
{
    weir_event *self = (weir_event *)event;
    json_t *tree = event->attributes ? json_object_get(event->attributes, input_name) : NULL;
    weir_bytes none = { NULL, 0 };
    weir_buffer text;
    weir_code rc = WEIR_OK;

    if (event->input_text.data)
        return event->input_text;
    if (!tree && !event->input)
        return none;
    if (event->input) {
        self->input_text = weir__json_print_arena(event->input, event->scope->arena);
    } else {
        weir__buffer_init(&text, SIZE_MAX);
        rc = weir__tree_print(tree, JSON_PARSER_MAX_DEPTH, &text, NULL);
        if (rc == WEIR_OK)
            self->input_text = weir__arena_copy(event->scope->arena, weir__buffer_bytes(&text));
        weir__buffer_clear(&text);
    }
    if (rc == WEIR_OK && !event->input_text.data)
        rc = WEIR_NO_MEMORY;
    if (rc != WEIR_OK) {
        (void)weir__failure_keep(event->scope->failure, rc, "event '%s': the input cannot be printed", event->type);
        return none;
    }
    return event->input_text;
}

/* ---- typed readers ----------------------------------------------------------------------------------------------- */

/* A value of either form. Both NULL: absent. */
typedef struct value {
    const weir_json *json;
    const json_t *tree;
    weir_json_kind kind;
} value;

static const char *const kind_names[] = { "null", "a truth value", "an integer", "a real", "a string", "an array",
                                          "an object" };

static value find(const weir_event *event, const char *pointer)
{
    value found = { NULL, NULL, WEIR__JSON_NULL };
    json_t *tree = NULL;
    bool is_well_formed = pointer && (*pointer == '\0' || *pointer == '/');

    if (is_well_formed && event->attributes) {
        is_well_formed = weir__tree_pointer(event->attributes, pointer, &tree);
        if (tree) {
            found.tree = tree;
            found.kind = weir__tree_kind(tree);
        }
    } else if (is_well_formed && event->input) {
        if (*pointer == '\0') {
            /* The attributes themselves: an object of no type that a typed reader has. */
            found.json = event->input;
            found.kind = WEIR__JSON_OBJECT;
        } else if (strncmp(pointer + 1, input_name, INPUT_NAME_SIZE) == 0 &&
                   (pointer[1 + INPUT_NAME_SIZE] == '\0' || pointer[1 + INPUT_NAME_SIZE] == '/')) {
            is_well_formed = weir__json_pointer(event->input, pointer + 1 + INPUT_NAME_SIZE, &found.json);
            if (found.json)
                found.kind = weir__json_kind(found.json);
        } else {
            /* Absent, whatever is found; but a pointer that is none is an error here too. */
            is_well_formed = weir__json_pointer(event->input, pointer, &(const weir_json *){ NULL });
        }
    }
    if (!is_well_formed)
        (void)weir__failure_keep(event->scope->failure, WEIR_INVALID,
                                 "event '%s': '%s' is no JSON pointer; it begins with '/', as in \"/input/name\"",
                                 event->type, pointer ? pointer : "(null)");
    return found;
}

static void keep_wrong_kind(const weir_event *event, const char *pointer, const char *wanted, weir_json_kind kind)
{
    (void)weir__failure_keep(event->scope->failure, WEIR_INVALID, "event '%s': '%s' is %s, not %s", event->type,
                             pointer, kind_names[kind], wanted);
}

int64_t weir_event_int(const weir_event *event, const char *pointer, int64_t fallback)
{
    value found = find(event, pointer);

    if (found.kind == WEIR__JSON_INT)
        return found.json ? weir__json_int(found.json) : (int64_t)json_integer_value(found.tree);
    if (found.kind != WEIR__JSON_NULL)
        keep_wrong_kind(event, pointer, "an integer", found.kind);
    return fallback;
}

double weir_event_real(const weir_event *event, const char *pointer, double fallback)
{
    value found = find(event, pointer);

    if (found.kind == WEIR__JSON_INT || found.kind == WEIR__JSON_REAL)
        return found.json ? weir__json_real(found.json) : json_number_value(found.tree);
    if (found.kind != WEIR__JSON_NULL)
        keep_wrong_kind(event, pointer, "a number", found.kind);
    return fallback;
}

bool weir_event_bool(const weir_event *event, const char *pointer, bool fallback)
{
    value found = find(event, pointer);

    if (found.kind == WEIR__JSON_BOOL)
        return found.json ? weir__json_bool(found.json) : json_is_true(found.tree);
    if (found.kind != WEIR__JSON_NULL)
        keep_wrong_kind(event, pointer, "a truth value", found.kind);
    return fallback;
}

weir_bytes weir_event_text(const weir_event *event, const char *pointer)
{
    value found = find(event, pointer);
    weir_bytes none = { NULL, 0 };

    if (found.kind == WEIR__JSON_TEXT)
        return found.json ? weir__json_text(found.json)
                          : weir__bytes(json_string_value(found.tree), json_string_length(found.tree));
    if (found.kind != WEIR__JSON_NULL)
        keep_wrong_kind(event, pointer, "a string", found.kind);
    return none;
}
