/* SPDX-License-Identifier: Apache-2.0 */
/* SIGINT and SIGTERM while a host runs: the first one asks it to stop, a second one ends the process at once. */
#ifndef WEIR__HOST_SIGNALS_H
#define WEIR__HOST_SIGNALS_H

#include <signal.h>

#include "base/error.h"

typedef struct weir_signals {
    struct sigaction interrupt, terminate; /* what was there before */
} weir_signals;

/** Begins to catch them; what was caught before is forgotten. WEIR_OK or WEIR_IO. Threads: the main one, once. */
WEIR_CHECK weir_code weir__signals_install(weir_signals *before, weir_error *err);
void weir__signals_remove(const weir_signals *before); /* nothing installed is fine */

/** The signal that was caught; 0: none yet. */
int weir__signals_caught(void);

/** Becomes readable with the first signal, until weir__signals_polled(). */
int weir__signals_fd(void);
void weir__signals_polled(void);

#endif
