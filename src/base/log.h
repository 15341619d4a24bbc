/* SPDX-License-Identifier: Apache-2.0 */
/* The log sink: one event, one line on stderr, facts last. */
#ifndef WEIR__BASE_LOG_H
#define WEIR__BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef enum weir_log_level { WEIR__LOG_ERROR, WEIR__LOG_WARN, WEIR__LOG_INFO, WEIR__LOG_DEBUG } weir_log_level;
typedef enum weir_log_format { WEIR__LOG_TEXT, WEIR__LOG_JSON } weir_log_format;

/**
 * Sets what is written, and how: text `2026-11-22T10:04:05.120Z warn host/local: …`, or one JSON object a line with
 * time, level, where, message and the facts. Forgets the levels of rooms. Before the first call: warn, text.
 * Threads: before others start.
 */
void weir__log_configure(weir_log_level level, weir_log_format format);

/**
 * Sets levels of rooms over the one configured: "warn,kafka:debug,http:info". A room is what stands before the `/` in
 * `where`: also an agent's name, for what its actions log. A level alone is that of all rooms that are not named.
 * Behind weir__log_configure().
 *
 * @return WEIR_OK; WEIR_CONFIG: no such form, a room twice, over 16 rooms, a name of over 63 bytes; nothing has changed
 *         (fix). The message begins "log.levels"
 * Threads: before others start.
 */
WEIR_CHECK weir_code weir__log_configure_rooms(const char *levels, weir_error *err);

/** Whether a line of that level would be written for any room: asked before facts are computed. Threads: any. */
bool weir__log_wants(weir_log_level level);

/**
 * Writes one line. `where` is room/name: "host/local"; facts stand last in `format`, each ` name=` and its value
 * without a blank, quoted or not: "retrying in=%d cause=\"%s\"". As JSON they are members of their own, numbers where
 * the value is one %d or %u alone; what fills in the rest of the format is never taken for facts, whatever it holds.
 * None is named time, level, where or message, and none stands twice. A line break in the message becomes a space.
 * Threads: any; lines never mix. errno is kept.
 */
void weir__log(weir_log_level level, const char *where, const char *format, ...) WEIR_PRINTF(3, 4);

/**
 * Gives lines to somebody else instead of stderr: without time, level and line break, or as JSON. `to` is called on
 * whatever thread logs, several at once, and must not log. NULL: stderr again. Threads: while no other logs.
 */
void weir__log_divert(void (*to)(void *context, weir_log_level level, const char *line, size_t size), void *context);

/** Finds a level by its name: "error", "warn", "info", "debug". False if there is none of that name. */
bool weir__log_level_named(const char *name, weir_log_level *level);

#endif
