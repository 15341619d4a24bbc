/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an action crashes, or overflows its stack, the process dies; but first it says which action it was and on which
 * record, and leaves a note, so that the next start can count how often this record has done so.
 */
#ifndef WEIR__ENGINE_CRASH_H
#define WEIR__ENGINE_CRASH_H

#include "base/error.h"

/**
 * Handles SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT, on a stack of their own, for the calling thread's engine; and
 * exit() called by an action. A signal then takes its course; exit() ends with status 1, whatever the action gave, and
 * without the exit hooks that were set before this one.
 *
 * @param note_fd  open for append: gets a line "INDEX ACTION SIGNAL\n"; -1: none. Borrowed until weir__crash_remove()
 * @return WEIR_OK; WEIR_NO_MEMORY; WEIR_IO
 */
WEIR_CHECK weir_code weir__crash_install(int note_fd, weir_error *err);

/** Puts back what was there before. */
void weir__crash_remove(void);

#endif
