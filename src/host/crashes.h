/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes of records that crashed the process, in the file `crashes` of a state folder: lines "SOURCE INDEX ACTION
 * CAUSE", which the dying process leaves (engine/crash.h), and "SOURCE INDEX over".
 */
#ifndef WEIR__HOST_CRASHES_H
#define WEIR__HOST_CRASHES_H

#include <stdatomic.h>

#include "base/disk.h"
#include "engine/run.h"

typedef struct weir_crash_note {
    char source[64];
    uint64_t index;
    uint64_t times;
    char last[160];      /* action and cause of the last one */
    atomic_bool is_over; /* by weir__crashes_forget() */
} weir_crash_note;

typedef struct weir_crashes {
    weir_crash_note *notes; /* as a start found them; each of another record */
    size_t count, capacity;
    uint64_t maximum;
    const weir_disk *disk;
    int fd;
} weir_crashes;

/**
 * Reads what earlier lives have left: the newest, of a file that is very long.
 *
 * @param fd       open for reading and appending; borrowed until weir__crashes_clear()
 * @param maximum  how often a record may crash; 0: any number
 * @return WEIR_OK; WEIR_IO (stop); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__crashes_read(weir_crashes *crashes, const weir_disk *disk, int fd, uint64_t maximum,
                                        weir_error *err);
void weir__crashes_clear(weir_crashes *crashes); /* all zero is fine */

/** Whether the note is of a record that may come again. Threads: any. */
bool weir__crash_note_counts(const weir_crash_note *note);

/**
 * Judges a run that is about to be accepted. One whose reconciler crashed too often is run, and its reconciler is
 * feared: the run parks, since its call may have been made.
 * @return WEIR_OK; WEIR_FAILED: it crashed the process too often (fix)
 * Threads: any.
 */
WEIR_CHECK weir_code weir__crashes_judge(const weir_crashes *crashes, weir_run *run, weir_error *err);

/** A record is over: later lives count it no more. Threads: any; of one record one at a time. */
void weir__crashes_forget(const weir_crashes *crashes, weir_crash_note *note);

/** All are over. Threads: while no other uses it. */
void weir__crashes_forget_all(weir_crashes *crashes);

#endif
