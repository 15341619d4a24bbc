/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP as a call. Its arguments and its result are one line of JSON, then the body:
 *   {"method":"POST","url":"…","headers":["Name: value",…]}\nBODY     {"status":200,"headers":{…}}\nBODY
 * so that a journal, `parked` and a reconciler can read them. Headers stand as the action gave them: secrets unfilled.
 */
#ifndef WEIR__ENGINE_HTTP_CALL_H
#define WEIR__ENGINE_HTTP_CALL_H

#include "engine/future.h"

/** Begins an attempt: the errand is the future's, and RUNNING. */
void weir__http_call_begin(weir_future *future, weir_errand *errand);

#endif
