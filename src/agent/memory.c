/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory by paths. The rules are Flink Agents' (MemoryObject): a set path makes its parents, as objects; a map that is
 * set is a value; an object is not replaced by a value; null exists. Deleting is ours.
 */
#include "agent/memory.h"

#include <math.h>
#include <string.h>

#include "codec/json.h"

enum { PATH_BYTES = 65536 };

void weir__memory_init(weir_memory *memory, const weir_cells *base, weir_arena *arena, weir_failure *failure,
                       const uint32_t *stamp, size_t depth)
{
    memory->base = base;
    weir__cells_init(&memory->changes, arena);
    memory->arena = arena;
    memory->failure = failure;
    memory->stamp = stamp;
    memory->depth = depth;
    memory->has_time = false;
    memory->is_read_touch = false;
    memory->now_ms = 0;
}

void weir__memory_keep_time(weir_memory *memory, int64_t now_ms, bool is_read_touch)
{
    memory->has_time = true;
    memory->is_read_touch = is_read_touch;
    memory->now_ms = now_ms;
}

/* ---- looking up -------------------------------------------------------------------------------------------------- */

static weir_code keep_no_memory(weir_memory *memory)
{
    return weir__failure_keep(memory->failure, WEIR_NO_MEMORY, "no memory for the run's memory");
}

static bool check_path(weir_memory *memory, const char *path, weir_bytes *out)
{
    if (!path) {
        (void)weir__failure_keep(memory->failure, WEIR_INVALID, "memory: the path is NULL");
        return false;
    }
    *out = weir__bytes_text(path);
    if (out->size > PATH_BYTES) {
        (void)weir__failure_keep(memory->failure, WEIR_INVALID, "memory: a path has %zu bytes, at most %d are allowed",
                                 out->size, PATH_BYTES);
        return false;
    }
    return true;
}

/* What stands at a path; NULL when absent. The root has no cell of its own, and is an object always. */
static const weir_cell *look_up(const weir_memory *memory, weir_bytes path)
{
    static const weir_cell root = { .path = { (const uint8_t *)"", 0 }, .type = WEIR__CELL_OBJECT };
    const weir_cell *cell = NULL;

    if (path.size == 0)
        return &root;
    if (memory->changes.count)
        cell = weir__cells_find(&memory->changes, path);
    if ((!cell || cell->type == WEIR__CELL_TOUCHED) && memory->base)
        cell = weir__cells_find(memory->base, path);
    return cell && cell->type != WEIR__CELL_DELETED ? cell : NULL;
}

/* Both layers beneath a path, merged: `walk` gives the live cells in order. */
typedef struct walk {
    const weir_memory *memory;
    weir_bytes parent;
    size_t in_base;
    size_t in_changes;
} walk;

static walk walk_start(const weir_memory *memory, weir_bytes parent)
{
    walk at = { memory, parent, 0, weir__cells_lower_bound(&memory->changes, parent) };

    if (memory->base)
        at.in_base = weir__cells_lower_bound(memory->base, parent);
    return at;
}

/* The next cell of one layer that lies beneath the parent. Names such as "a-b" stand between "a" and "a.b". */
static const weir_cell *peek(const weir_cells *cells, size_t *index, weir_bytes parent)
{
    for (; cells && *index < cells->count; (*index)++) {
        weir_bytes path = cells->items[*index].path;

        if (weir__path_is_beneath(path, parent))
            return &cells->items[*index];
        if (path.size < parent.size || memcmp(path.data, parent.data, parent.size) != 0)
            return NULL;
    }
    return NULL;
}

static const weir_cell *walk_next(walk *at)
{
    for (;;) {
        const weir_cell *base = peek(at->memory->base, &at->in_base, at->parent);
        const weir_cell *change = peek(&at->memory->changes, &at->in_changes, at->parent);
        const weir_cell *next = base;

        if (!base && !change)
            return NULL;
        if (change) {
            int order = base ? weir__bytes_compare(change->path, base->path) : -1;

            if (order <= 0) {
                next = change->type == WEIR__CELL_TOUCHED ? base : change; /* it marks one of base */
                at->in_changes++;
            }
            if (order >= 0)
                at->in_base++;
        } else {
            at->in_base++;
        }
        if (next->type != WEIR__CELL_DELETED)
            return next;
    }
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const char *type_name(weir_cell_type type)
{
    switch (type) {
    case WEIR__CELL_NULL:
        return "null";
    case WEIR__CELL_BOOL:
        return "a truth value";
    case WEIR__CELL_INT:
        return "an integer";
    case WEIR__CELL_REAL:
        return "a real";
    case WEIR__CELL_TEXT:
        return "a string";
    case WEIR__CELL_JSON:
        return "an array or a map";
    case WEIR__CELL_OBJECT:
        return "an object";
    case WEIR__CELL_DELETED:
    case WEIR__CELL_TOUCHED:
        return "deleted";
    }
    return "unknown";
}

/* Cells that hold no value. */
static const weir_cell_value no_value;

static weir_code put(weir_memory *memory, weir_bytes path, weir_cell_type type, weir_cell_value value)
{
    weir_cell cell = {
        .path = path,
        .type = type,
        .has_time = memory->has_time && type != WEIR__CELL_DELETED,
        .stamp = *memory->stamp,
        .touched_ms = memory->now_ms,
        .value = value,
    };

    return weir__cells_put(&memory->changes, &cell, false) ? WEIR_OK : keep_no_memory(memory);
}

/* A cell of base, unless the run has changed it. */
static weir_code touch(weir_memory *memory, const weir_cell *cell)
{
    if (cell->type == WEIR__CELL_DELETED || cell->touched_ms == memory->now_ms ||
        weir__cells_find(&memory->changes, cell->path))
        return WEIR_OK;
    return put(memory, cell->path, WEIR__CELL_TOUCHED, no_value);
}

/* A path was read, and this stands there; NULL: nothing does. */
static void touch_read(weir_memory *memory, weir_bytes path, const weir_cell *found)
{
    const weir_cells *base = memory->base;

    if (!memory->is_read_touch || !found || !base)
        return;
    for (size_t i = weir__cells_lower_bound(base, path); i < base->count; i++) {
        const weir_cell *cell = &base->items[i];
        bool is_it = weir__bytes_equal(cell->path, path);

        if (!is_it && (cell->path.size < path.size || memcmp(cell->path.data, path.data, path.size) != 0))
            break;
        if ((is_it || weir__path_is_beneath(cell->path, path)) && touch(memory, cell) != WEIR_OK)
            return; /* kept */
        if (found->type != WEIR__CELL_OBJECT)
            break;
    }
}

/* The cell to read, or NULL for absent and null. */
static const weir_cell *find_value(weir_memory *memory, const char *path)
{
    const weir_cell *cell;
    weir_bytes bytes;

    if (!check_path(memory, path, &bytes))
        return NULL;
    cell = look_up(memory, bytes);
    touch_read(memory, bytes, cell);
    return cell && cell->type != WEIR__CELL_NULL ? cell : NULL;
}

static void keep_wrong_type(weir_memory *memory, const weir_cell *cell, const char *wanted)
{
    (void)weir__failure_keep(memory->failure, WEIR_INVALID, "memory: '%s' is %s, not %s",
                             (const char *)cell->path.data, type_name(cell->type), wanted);
}

int64_t weir_memory_int(weir_memory *memory, const char *path, int64_t fallback)
{
    const weir_cell *cell = find_value(memory, path);

    if (!cell)
        return fallback;
    if (cell->type == WEIR__CELL_INT)
        return cell->value.integer;
    keep_wrong_type(memory, cell, "an integer");
    return fallback;
}

double weir_memory_real(weir_memory *memory, const char *path, double fallback)
{
    const weir_cell *cell = find_value(memory, path);

    if (!cell)
        return fallback;
    if (cell->type == WEIR__CELL_REAL)
        return cell->value.real;
    if (cell->type == WEIR__CELL_INT)
        return (double)cell->value.integer;
    keep_wrong_type(memory, cell, "a number");
    return fallback;
}

bool weir_memory_bool(weir_memory *memory, const char *path, bool fallback)
{
    const weir_cell *cell = find_value(memory, path);

    if (!cell)
        return fallback;
    if (cell->type == WEIR__CELL_BOOL)
        return cell->value.truth;
    keep_wrong_type(memory, cell, "a truth value");
    return fallback;
}

weir_bytes weir_memory_text(weir_memory *memory, const char *path)
{
    const weir_cell *cell = find_value(memory, path);
    weir_bytes none = { NULL, 0 };

    if (!cell)
        return none;
    if (cell->type == WEIR__CELL_TEXT)
        return cell->value.bytes;
    keep_wrong_type(memory, cell, "a string");
    return none;
}

/* A cell's value as a tree: new; NULL when there is no memory, which is kept. */
static json_t *cell_tree(weir_memory *memory, const weir_cell *cell)
{
    const weir_json *json;
    json_t *tree = NULL;
    weir_error err;

    switch (cell->type) {
    case WEIR__CELL_NULL:
        return json_null();
    case WEIR__CELL_BOOL:
        return json_boolean(cell->value.truth);
    case WEIR__CELL_INT:
        tree = json_integer(cell->value.integer);
        break;
    case WEIR__CELL_REAL:
        tree = json_real(cell->value.real);
        break;
    case WEIR__CELL_TEXT:
        tree = json_stringn_nocheck((const char *)cell->value.bytes.data, cell->value.bytes.size);
        break;
    case WEIR__CELL_JSON:
        /* Our own printing, within a depth that may since have been set lower. */
        if (weir__json_parse(cell->value.bytes, SIZE_MAX, memory->arena, &json, &err) == WEIR_OK)
            tree = weir__json_tree(json);
        else
            (void)weir__failure_keep_error(memory->failure, &err);
        break;
    case WEIR__CELL_OBJECT:
    case WEIR__CELL_DELETED:
    case WEIR__CELL_TOUCHED:
        tree = json_object();
        break;
    }
    if (!tree)
        (void)keep_no_memory(memory);
    return tree;
}

/* Where in `root` the cell goes: the object that holds it, and its name there. NULL: no memory. */
static json_t *place(json_t *root, weir_bytes below, weir_bytes *name)
{
    json_t *object = root;
    const uint8_t *dot;

    while (object && (dot = memchr(below.data, '.', below.size))) {
        size_t size = (size_t)(dot - below.data);
        const char *step = (const char *)below.data;
        json_t *next = json_object_getn(object, step, size);

        /* Parents are stored and stand before their children, but for the one of ".a", whose parent is the root. */
        if (!next && json_object_setn_new_nocheck(object, step, size, json_object()) == 0)
            next = json_object_getn(object, step, size);
        object = next;
        below = weir__bytes(dot + 1, below.size - size - 1);
    }
    *name = below;
    return object;
}

static json_t *object_tree(weir_memory *memory, weir_bytes path)
{
    json_t *root = json_object();
    walk at = walk_start(memory, path);
    const weir_cell *cell;

    if (!root) {
        (void)keep_no_memory(memory);
        return NULL;
    }
    while ((cell = walk_next(&at))) {
        size_t skip = path.size ? path.size + 1 : 0;
        json_t *tree = cell_tree(memory, cell);
        weir_bytes name;
        json_t *object = place(root, weir__bytes(cell->path.data + skip, cell->path.size - skip), &name);

        if (!tree || !object ||
            json_object_setn_new_nocheck(object, (const char *)name.data, name.size, tree) != 0) {
            if (!object)
                json_decref(tree);
            (void)keep_no_memory(memory);
            json_decref(root);
            return NULL;
        }
    }
    return root;
}

json_t *weir_memory_get(weir_memory *memory, const char *path)
{
    const weir_cell *cell;
    weir_bytes bytes;

    if (!check_path(memory, path, &bytes))
        return NULL;
    cell = look_up(memory, bytes);
    touch_read(memory, bytes, cell);
    if (!cell)
        return NULL;
    return cell->type == WEIR__CELL_OBJECT ? object_tree(memory, bytes) : cell_tree(memory, cell);
}

bool weir_memory_exists(weir_memory *memory, const char *path)
{
    const weir_cell *cell;
    weir_bytes bytes;

    if (!check_path(memory, path, &bytes))
        return false;
    cell = look_up(memory, bytes);
    touch_read(memory, bytes, cell);
    return cell != NULL;
}

/* Adds a name in its place, once. Names come nearly sorted, so the place is nearly always the end. */
static bool add_name(json_t *names, const char *name, size_t size)
{
    size_t at = json_array_size(names);

    for (; at > 0; at--) {
        const json_t *before = json_array_get(names, at - 1);
        int order = weir__bytes_compare(weir__bytes(json_string_value(before), json_string_length(before)),
                                        weir__bytes(name, size));

        if (order == 0)
            return true;
        if (order < 0)
            break;
    }
    return json_array_insert_new(names, at, json_stringn_nocheck(name, size)) == 0;
}

json_t *weir_memory_fields(weir_memory *memory, const char *path)
{
    const weir_cell *cell;
    json_t *names;
    weir_bytes bytes;
    walk at;

    if (!check_path(memory, path, &bytes))
        return NULL;
    cell = look_up(memory, bytes);
    touch_read(memory, bytes, cell);
    if (!cell || cell->type != WEIR__CELL_OBJECT)
        return NULL;
    names = json_array();
    at = walk_start(memory, bytes);
    while (names && (cell = walk_next(&at))) {
        size_t skip = bytes.size ? bytes.size + 1 : 0;
        const char *name = (const char *)cell->path.data + skip;
        size_t size = cell->path.size - skip;
        bool is_added;

        if (bytes.size == 0 && size > 0 && *name == '.' && !memchr(name + 1, '.', size - 1))
            /* The parent of ".a" is the root, which so has a field "" and a field "a". (Flink Agents, MemoryObject.) */
            is_added = add_name(names, "", 0) && add_name(names, name + 1, size - 1);
        else
            is_added = memchr(name, '.', size) || add_name(names, name, size);
        if (!is_added) {
            json_decref(names);
            names = NULL;
        }
    }
    if (!names)
        (void)keep_no_memory(memory);
    return names;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Makes the parents that are missing; an ancestor that holds a value is an error, and then nothing is made. */
static weir_code make_parents(weir_memory *memory, weir_bytes path)
{
    size_t made = 0; /* bytes of the deepest ancestor that is there */

    for (size_t i = path.size; i > 0; i--) {
        weir_bytes ancestor = weir__bytes(path.data, i - 1);
        const weir_cell *cell;

        if (path.data[i - 1] != '.' || ancestor.size == 0)
            continue;
        cell = look_up(memory, ancestor);
        if (!cell)
            continue;
        if (cell->type != WEIR__CELL_OBJECT)
            return weir__failure_keep(memory->failure, WEIR_INVALID,
                                      "memory: '%s' cannot be set, since '%.*s' is %s, not an object",
                                      (const char *)path.data, (int)ancestor.size, (const char *)ancestor.data,
                                      type_name(cell->type));
        made = i;
        break;
    }
    for (size_t i = made; i < path.size; i++) {
        weir_code rc;

        if (path.data[i] != '.' || i == 0)
            continue;
        rc = put(memory, weir__bytes(path.data, i), WEIR__CELL_OBJECT, no_value);
        if (rc != WEIR_OK)
            return rc;
    }
    return WEIR_OK;
}

/* Puts a value where no object stands. */
static weir_code set(weir_memory *memory, const char *path, weir_cell_type type, weir_cell_value value)
{
    const weir_cell *there;
    weir_bytes bytes;
    weir_code rc;

    if (!check_path(memory, path, &bytes))
        return WEIR_INVALID;
    if (bytes.size == 0)
        return weir__failure_keep(memory->failure, WEIR_INVALID,
                                  "memory: the root is an object and cannot be replaced by a value");
    there = look_up(memory, bytes);
    if (there && there->type == WEIR__CELL_OBJECT)
        return weir__failure_keep(memory->failure, WEIR_INVALID,
                                  "memory: object '%s' cannot be replaced by a value; delete it first", path);
    if (!there) {
        if (!weir__utf8_is_valid(bytes))
            return weir__failure_keep(memory->failure, WEIR_INVALID, "memory: the path is not UTF-8");
        rc = make_parents(memory, bytes);
        if (rc != WEIR_OK)
            return rc;
    }
    return put(memory, bytes, type, value);
}

weir_code weir_memory_set_int(weir_memory *memory, const char *path, int64_t value)
{
    return set(memory, path, WEIR__CELL_INT, (weir_cell_value){ .integer = value });
}

weir_code weir_memory_set_real(weir_memory *memory, const char *path, double value)
{
    if (!isfinite(value))
        return weir__failure_keep(memory->failure, WEIR_INVALID, "memory: '%s' cannot hold a real that is not finite",
                                  path ? path : "(null)");
    return set(memory, path, WEIR__CELL_REAL, (weir_cell_value){ .real = value });
}

weir_code weir_memory_set_bool(weir_memory *memory, const char *path, bool value)
{
    return set(memory, path, WEIR__CELL_BOOL, (weir_cell_value){ .truth = value });
}

weir_code weir_memory_set_text(weir_memory *memory, const char *path, weir_bytes text)
{
    if (!text.data)
        return weir__failure_keep(memory->failure, WEIR_INVALID, "memory: the text for '%s' is absent (data is NULL)",
                                  path ? path : "(null)");
    if (!weir__utf8_is_valid(text))
        return weir__failure_keep(memory->failure, WEIR_INVALID, "memory: the text for '%s' is not UTF-8",
                                  path ? path : "(null)");
    return set(memory, path, WEIR__CELL_TEXT, (weir_cell_value){ .bytes = text });
}

static weir_code set_printed(weir_memory *memory, const char *path, const json_t *tree)
{
    weir_buffer text;
    weir_error err;
    weir_code rc;

    weir__buffer_init(&text, SIZE_MAX);
    rc = weir__tree_print(tree, memory->depth, &text, &err);
    if (rc == WEIR_OK)
        rc = set(memory, path, WEIR__CELL_JSON, (weir_cell_value){ .bytes = weir__buffer_bytes(&text) });
    else
        (void)weir__failure_keep(memory->failure, rc, "memory: '%s': %s", path ? path : "(null)", err.message);
    weir__buffer_clear(&text);
    return rc;
}

weir_code weir_memory_set(weir_memory *memory, const char *path, json_t *value)
{
    weir_code rc = WEIR_INVALID;

    if (!value)
        return weir__failure_keep(memory->failure, WEIR_INVALID, "memory: the value for '%s' is NULL",
                                  path ? path : "(null)");
    switch (json_typeof(value)) {
    case JSON_NULL:
        rc = set(memory, path, WEIR__CELL_NULL, no_value);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        rc = weir_memory_set_bool(memory, path, json_is_true(value));
        break;
    case JSON_INTEGER:
        rc = weir_memory_set_int(memory, path, json_integer_value(value));
        break;
    case JSON_REAL:
        rc = weir_memory_set_real(memory, path, json_real_value(value));
        break;
    case JSON_STRING:
        rc = weir_memory_set_text(memory, path,
                                  weir__bytes(json_string_value(value), json_string_length(value)));
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        rc = set_printed(memory, path, value);
        break;
    }
    json_decref(value);
    return rc;
}

weir_code weir_memory_new_object(weir_memory *memory, const char *path, bool overwrite)
{
    const weir_cell *there;
    weir_bytes bytes;
    weir_code rc;

    if (!check_path(memory, path, &bytes))
        return WEIR_INVALID;
    there = look_up(memory, bytes);
    if (there && there->type == WEIR__CELL_OBJECT)
        return WEIR_OK;
    if (there && !overwrite)
        return weir__failure_keep(memory->failure, WEIR_INVALID, "memory: '%s' exists and is %s, not an object", path,
                                  type_name(there->type));
    if (!there) {
        if (!weir__utf8_is_valid(bytes))
            return weir__failure_keep(memory->failure, WEIR_INVALID, "memory: the path is not UTF-8");
        rc = make_parents(memory, bytes);
        if (rc != WEIR_OK)
            return rc;
    }
    return put(memory, bytes, WEIR__CELL_OBJECT, no_value);
}

/* Marks all cells of one layer that lie at or beneath a path. */
static weir_code delete_layer(weir_memory *memory, const weir_cells *layer, weir_bytes path)
{
    for (size_t i = weir__cells_lower_bound(layer, path); i < layer->count; i++) {
        weir_bytes found = layer->items[i].path;

        if (weir__bytes_equal(found, path) || weir__path_is_beneath(found, path)) {
            weir_code rc = put(memory, found, WEIR__CELL_DELETED, no_value);

            if (rc != WEIR_OK)
                return rc;
        } else if (found.size < path.size || memcmp(found.data, path.data, path.size) != 0) {
            break;
        }
    }
    return WEIR_OK;
}

weir_code weir_memory_delete(weir_memory *memory, const char *path)
{
    weir_bytes bytes;
    weir_code rc;

    if (!check_path(memory, path, &bytes))
        return WEIR_INVALID;
    /* Changes first: a mark replaces a change in its place, so the vector does not move under the loop. */
    rc = delete_layer(memory, &memory->changes, bytes);
    if (rc == WEIR_OK && memory->base)
        rc = delete_layer(memory, memory->base, bytes);
    return rc;
}

/* ---- at the end of a run ----------------------------------------------------------------------------------------- */

weir_code weir__memory_apply(const weir_cells *changes, weir_cells *cells, bool is_durable)
{
    for (size_t i = 0; i < changes->count; i++) {
        const weir_cell *change = &changes->items[i];
        weir_cell *cell;

        if (change->type == WEIR__CELL_DELETED) {
            cell = weir__cells_find(cells, change->path);
            if (!cell)
                continue;
            if (!is_durable) {
                weir__cells_remove(cells, (size_t)(cell - cells->items));
                continue;
            }
        }
        if (change->type == WEIR__CELL_TOUCHED) {
            cell = weir__cells_find(cells, change->path);
            if (!cell || cell->type == WEIR__CELL_DELETED)
                continue;
            cell->has_time = true;
            cell->touched_ms = change->touched_ms;
            cell->is_dirty = is_durable;
            continue;
        }
        cell = weir__cells_put(cells, change, false);
        if (!cell)
            return WEIR_NO_MEMORY;
        cell->is_dirty = is_durable;
    }
    return WEIR_OK;
}
