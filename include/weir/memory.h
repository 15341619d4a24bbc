/* SPDX-License-Identifier: Apache-2.0 */
/* Memory per key: short-term memory is kept, sensory memory is gone when the run ends. */
#ifndef WEIR_MEMORY_H
#define WEIR_MEMORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/bytes.h>
#include <weir/error.h>
#include <weir/export.h>
#include <weir/job.h>

WEIR_BEGIN_DECLS

/**
 * A flat store of dotted paths: "user.name". Lives as long as its run.
 *
 * - Setting a path makes its parents, as objects. A parent that holds a value is a kept error.
 * - A map that is set is a value, not an object: nothing reaches into it. An object is made by
 *   weir_memory_new_object(), or as a parent.
 * - A value may replace a value of any type, but not an object (kept error). null is a value: it exists.
 * - Every path is allowed but the empty one, which is the root object: "a..b" has a field with an empty name.
 * - Paths are UTF-8 of at most 64 KiB; they are copied.
 *
 * What is set is seen at once by this run, and by others when the run has ended well. The typed readers return
 * `fallback` when the path is absent or null, and keep WEIR_INVALID in the run when it holds another type.
 *
 * Every function that writes returns WEIR_OK; WEIR_INVALID (path, type, value; fix; kept); WEIR_NO_MEMORY (stop; kept).
 * Source: Flink Agents, "Memory", MemoryObject.
 */
typedef struct weir_memory weir_memory;

WEIR_API weir_memory *weir_short_term(weir_run *run); /* never NULL; borrowed */
WEIR_API weir_memory *weir_sensory(weir_run *run);    /* never NULL; borrowed */

WEIR_API int64_t weir_memory_int(weir_memory *memory, const char *path, int64_t fallback);
WEIR_API double weir_memory_real(weir_memory *memory, const char *path, double fallback); /* an integer is converted */
WEIR_API bool weir_memory_bool(weir_memory *memory, const char *path, bool fallback);
WEIR_API weir_bytes weir_memory_text(weir_memory *memory, const char *path); /* borrowed until the path is written */

/** Any value, or an object with all beneath it, as a tree: new; NULL when absent. "" is the whole memory. */
WEIR_API json_t *weir_memory_get(weir_memory *memory, const char *path);

WEIR_API weir_code weir_memory_set_int(weir_memory *memory, const char *path, int64_t value);
WEIR_API weir_code weir_memory_set_real(weir_memory *memory, const char *path, double value); /* finite */
WEIR_API weir_code weir_memory_set_bool(weir_memory *memory, const char *path, bool value);
WEIR_API weir_code weir_memory_set_text(weir_memory *memory, const char *path, weir_bytes text); /* UTF-8; copied */

/** Any JSON value; taken; NULL is a kept error. */
WEIR_API weir_code weir_memory_set(weir_memory *memory, const char *path, json_t *value);

/**
 * Makes an empty object, and its parents. On an object: nothing changes. On a value: WEIR_INVALID, unless `overwrite`.
 */
WEIR_API weir_code weir_memory_new_object(weir_memory *memory, const char *path, bool overwrite);

/** Deletes a path and all beneath it; "" deletes all. Absent: nothing happens, WEIR_OK. */
WEIR_API weir_code weir_memory_delete(weir_memory *memory, const char *path);

/** True for an object and for a value, null included. The root always exists. */
WEIR_API bool weir_memory_exists(weir_memory *memory, const char *path);

/** The names right beneath an object, sorted by bytes: new array of strings; NULL when absent or a value. */
WEIR_API json_t *weir_memory_fields(weir_memory *memory, const char *path);

WEIR_END_DECLS

#endif
