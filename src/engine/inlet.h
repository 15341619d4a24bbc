/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way in for other threads: what they post is called at the loop's top. Counted, so that a thread which is left
 * behind in a function that does not return may still find, years later, that nobody is there any more.
 */
#ifndef WEIR__ENGINE_INLET_H
#define WEIR__ENGINE_INLET_H

#include <stdbool.h>

#include "base/error.h"

/* One thing to do at the loop's top; embedded in the poster's own struct. */
typedef struct weir_post {
    struct weir_post *next; /* private */
    void (*fn)(struct weir_post *post);
} weir_post;

typedef struct weir_inlet weir_inlet;

/** WEIR_OK, WEIR_NO_MEMORY (stop) or WEIR_IO: no descriptor left (stop). */
WEIR_CHECK weir_code weir__inlet_new(weir_inlet **out, weir_error *err);
void weir__inlet_retain(weir_inlet *inlet); /* Threads: the loop's */
void weir__inlet_release(weir_inlet *inlet); /* accepts NULL; Threads: any */

/** Nothing is taken in from here on. What was taken in and not called yet is called, now. */
void weir__inlet_close(weir_inlet *inlet);

/** Hands a post over. False when the inlet is closed: then it is still the caller's. Threads: any. */
WEIR_CHECK bool weir__inlet_post(weir_inlet *inlet, weir_post *post);

/** Calls what was posted, in order. A plain load when there is nothing. */
void weir__inlet_take(weir_inlet *inlet);

/** Readable when something was posted. */
int weir__inlet_fd(const weir_inlet *inlet);

#endif
