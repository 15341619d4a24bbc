/* SPDX-License-Identifier: Apache-2.0 */
/* The event that triggered an action: its type, id and attributes. */
#ifndef WEIR_EVENT_H
#define WEIR_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <weir/bytes.h>
#include <weir/export.h>

WEIR_BEGIN_DECLS

/**
 * Immutable; lives until its run ends. Attributes are one JSON object.
 *
 * Pointers below are RFC 6901, rooted at the attributes: "/input/user/name". The typed readers return `fallback` when
 * the value is absent or null, and keep WEIR_INVALID in the run when it has another type. They build no tree.
 */
typedef struct weir_event weir_event;

/** UUIDv5 of the run id and the event's number in the run, 36 characters; computed when asked for, then kept. */
WEIR_API const char *weir_event_id(const weir_event *event);

/** Type, not empty. */
WEIR_API const char *weir_event_type(const weir_event *event);

/** Id of the event whose action sent this one; NULL for the input event. */
WEIR_API const char *weir_event_upstream_id(const weir_event *event);

/** Name of the action that sent this event; NULL for the input event. */
WEIR_API const char *weir_event_upstream_action(const weir_event *event);

/** One attribute as a tree; borrowed, read-only (another holder may see it too); NULL when absent. */
WEIR_API json_t *weir_event_get(const weir_event *event, const char *attribute);

/** The attribute "input" as JSON text, printed compactly; borrowed; `data` NULL when there is none. */
WEIR_API weir_bytes weir_event_bytes(const weir_event *event);

/** An integer. A real, even 3.0, is another type. */
WEIR_API int64_t weir_event_int(const weir_event *event, const char *pointer, int64_t fallback);

/** A number: a real, or an integer, which is converted. */
WEIR_API double weir_event_real(const weir_event *event, const char *pointer, double fallback);

/** A truth value. */
WEIR_API bool weir_event_bool(const weir_event *event, const char *pointer, bool fallback);

/** A string as UTF-8, possibly with NUL bytes; borrowed; `data` NULL when absent or null. */
WEIR_API weir_bytes weir_event_text(const weir_event *event, const char *pointer);

WEIR_END_DECLS

#endif
