/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir: event-driven agents over keyed streams. This includes the whole contract, one header per noun.
 *
 * Errors. Functions on weir_run, weir_event and weir_memory keep the first error in their run; functions that build a
 * job keep it in the job. A run with a kept error fails, whatever its action returns, so their codes may be ignored.
 * What is called on other things, and weir_call, weir_http, weir_wait_*: the code and the optional weir_error count.
 *
 * Ownership. "taken": ours now, also on failure. "borrowed": valid until the action returns. "new": the caller frees.
 *
 * Threads. A job, and all that is reached through a run, belongs to the thread that runs it, unless a docstring says
 * otherwise.
 */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/bytes.h>
#include <weir/call.h>
#include <weir/error.h>
#include <weir/event.h>
#include <weir/http.h>
#include <weir/job.h>
#include <weir/memory.h>
#include <weir/run.h>

#endif
