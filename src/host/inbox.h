/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox: records below the recorded place whose runs are not over, with the results of their completed actions; and
 * the notes of records that crashed the process.
 */
#ifndef WEIR__HOST_INBOX_H
#define WEIR__HOST_INBOX_H

#include "engine/engine.h"
#include "host/commit.h"
#include "host/crashes.h"

typedef struct weir_inbox_entry weir_inbox_entry;
typedef struct weir_inbox_sealed weir_inbox_sealed;

#define WEIR__JOURNAL_STREAM "journal" /* of the store's log: owner 8 bytes big-endian, place; number the run's index */
#define WEIR__CLAIM_STREAM "journal-claims" /* the last claim: owner empty, number the epoch */

typedef struct weir_inbox {
    weir_inbox_entry *entries; /* what a start found, by index */
    size_t count, capacity, taken;
    weir_inbox_sealed *sealed; /* what a start found in the journal, by run, then place */
    size_t sealed_count, sealed_capacity;
    uint64_t last_sequence;    /* place of the last entry in the log */
    weir_inbox_entry *kept; /* of runs that failed under on-error fail; at most one */
    weir_crashes crashes;
    const weir_disk *disk;
} weir_inbox;

/** Reads what the store and the crash notes hold. WEIR_OK; WEIR_IO (stop); WEIR_NO_MEMORY (stop). */
WEIR_CHECK weir_code weir__inbox_open(weir_inbox *inbox, weir_store *store, const weir_disk *disk, int crash_fd,
                                      uint64_t max_crashes, weir_error *err);
void weir__inbox_close(weir_inbox *inbox); /* all zero is fine */

/** Says that records below the index that are not in the inbox are over; forgets the notes if none is left. */
void weir__inbox_below(weir_inbox *inbox, uint64_t index);

/** Whether all that a start found has been taken. */
bool weir__inbox_is_taken(const weir_inbox *inbox);

/**
 * Fills a run from the next entry, with what the journal holds of it.
 * @return WEIR_OK; WEIR_FAILED: it crashed the process too often; the run is filled in (fix); WEIR_IO, WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__inbox_next(weir_inbox *inbox, weir_run *run, weir_error *err);

/** Gives a run what the journal holds of it. After weir__inbox_add(). WEIR_OK; WEIR_IO (stop); WEIR_NO_MEMORY (stop) */
WEIR_CHECK weir_code weir__inbox_recall(weir_inbox *inbox, weir_run *run, weir_error *err);

/** Queues a journal entry of a run. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__inbox_append(weir_inbox *inbox, weir_committer *committer, weir_run *run, weir_bytes entry,
                                        weir_ticket *ticket);

/** Attaches what the inbox wants to know of a run. */
WEIR_CHECK weir_code weir__inbox_add(weir_run *run, uint64_t line, weir_error *err);
uint64_t weir__inbox_line(const weir_run *run);

/** A run is over: its entry goes with the cut. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__inbox_ended(weir_inbox *inbox, const weir_run *run, weir_cut *cut);

/** A run failed, and the host gives up: its record stays. WEIR_OK or WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__inbox_keep(weir_inbox *inbox, const weir_run *run, weir_bytes record);

/** Writes the records of all runs that are not over into a cut; results of their actions are queued for the journal. */
WEIR_CHECK weir_code weir__inbox_cut(weir_inbox *inbox, weir_run *oldest, weir_cut *cut, weir_error *err);

#endif
