/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an action crashes, or overflows its stack, the process dies; but first it says which action it was and on which
 * record, and leaves a note, so that the next start can count how often this record has done so.
 */
#ifndef WEIR__ENGINE_CRASH_H
#define WEIR__ENGINE_CRASH_H

#include <stdbool.h>

#include "base/error.h"

/**
 * Handles SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT for the engines of all threads, and exit() called by an action.
 * A signal then takes its course; exit() ends with status 1, whatever the action gave, and without the exit hooks that
 * were set before this one. The calling thread has entered.
 *
 * @param note_fd  open for append: gets a line "SOURCE INDEX ACTION SIGNAL\n"; -1: none. Borrowed until
 *                 weir__crash_remove()
 * @param names_sources  what is said on stderr names the record's source, too: there are several
 * @return WEIR_OK; WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__crash_install(int note_fd, bool names_sources, weir_error *err);

/** Gives the calling thread a stack for signals: without one a stack that overflows kills before anything is said. */
WEIR_CHECK weir_code weir__crash_enter(weir_error *err);
void weir__crash_leave(void); /* before the thread ends; not entered is fine */

/** Puts back what was there before. The calling thread is the one that installed it, and has left. */
void weir__crash_remove(void);

#endif
