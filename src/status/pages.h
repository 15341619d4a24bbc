/* SPDX-License-Identifier: Apache-2.0 */
/* The pages: what is shown of a weir_status, printed to the end of a buffer; its is_over says that one is not whole. */
#ifndef WEIR__STATUS_PAGES_H
#define WEIR__STATUS_PAGES_H

#include "base/buffer.h"
#include "status/status.h"

/** Whether all loops move: one that has told something, and is not over, was not silent for stalled_after_ms. */
bool weir__status_is_healthy(const weir_status *status);

/** Whether all loops move, have their assignment, and all their tasks are running. */
bool weir__status_is_ready(const weir_status *status);

/** JSON of /health and /ready. The HTTP status: 200, or 503 and why. */
int weir__status_print_health(const weir_status *status, weir_buffer *out);
int weir__status_print_ready(const weir_status *status, weir_buffer *out);

/** JSON of /tasks: all tasks of all threads. */
void weir__status_print_tasks(const weir_status *status, weir_buffer *out);

/** /metrics, in Prometheus' text format 0.0.4. */
void weir__status_print_metrics(const weir_status *status, weir_buffer *out);

/** "running", "restoring", …; for JSON. */
const char *weir__status_task_state_name(weir_status_task_state state);
const char *weir__status_thread_state_name(weir_status_thread_state state);

/** Records between the committed offset and the end; -1: not known. */
int64_t weir__status_lag(const weir_status_task *task);

#endif
