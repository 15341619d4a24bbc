/* SPDX-License-Identifier: Apache-2.0 */
/* What each loop told last: one slot a thread, one writer each, and readers that take a copy of all. */
#ifndef WEIR__STATUS_BOARD_H
#define WEIR__STATUS_BOARD_H

#include "status/status.h"

typedef struct weir_status_board weir_status_board;

/** Empty slots. `now_ms` is the monotonic clock. WEIR_OK or WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__status_board_new(size_t threads, int64_t now_ms, weir_status_board **out, weir_error *err);
void weir__status_board_free(weir_status_board *board); /* accepts NULL */

/* As weir__status_is_due(), weir__status_publish() and weir__status_beat(), of an open server. */
bool weir__status_board_is_due(const weir_status_board *board, size_t thread, int64_t now_ms);
void weir__status_board_publish(weir_status_board *board, size_t thread, const weir_status_thread *part,
                                int64_t now_ms);
void weir__status_board_beat(weir_status_board *board, size_t thread, int64_t now_ms);

/** A copy of all slots. */
typedef struct weir_status_copy {
    struct weir_status_part *parts;
    size_t count;
} weir_status_copy;

/** Copies all that was told. WEIR_OK or WEIR_NO_MEMORY. Threads: any. */
WEIR_CHECK weir_code weir__status_board_copy(weir_status_board *board, int64_t now_ms, weir_status_copy *out);
void weir__status_copy_clear(weir_status_copy *copy); /* all zero is fine */

#endif
