/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts, and the thread that makes them durable while the loop goes on. */
#ifndef WEIR__HOST_COMMIT_H
#define WEIR__HOST_COMMIT_H

#include "base/buffer.h"
#include "engine/engine.h"
#include "host/sink.h"
#include "host/source.h"
#include "store/store.h"

/* What one commit holds. Filled on the loop's thread; belongs to the commit thread from submit until `known`. */
typedef struct weir_cut {
    uint64_t number;         /* from 1 */
    weir_buffer outputs;     /* lines */
    weir_buffer dead;        /* lines for dead letters */
    weir_buffer writes;      /* for the store; see weir__cut_put() and its like */
    weir_source_mark mark;
    weir_source_place place; /* behind the last record that was accepted */
} weir_cut;

void weir__cut_init(weir_cut *cut);
void weir__cut_clear(weir_cut *cut);
void weir__cut_reset(weir_cut *cut); /* empty again; keeps its memory */
size_t weir__cut_bytes(const weir_cut *cut);

/* Writes for the store, in order. WEIR_OK or WEIR_NO_MEMORY. All is copied. */
WEIR_CHECK weir_code weir__cut_put(weir_cut *cut, weir_bytes key, weir_bytes path, weir_bytes value);
WEIR_CHECK weir_code weir__cut_delete(weir_cut *cut, weir_bytes key, weir_bytes path);
WEIR_CHECK weir_code weir__cut_log_put(weir_cut *cut, const char *stream, weir_bytes owner, int64_t number,
                                       weir_bytes record);
WEIR_CHECK weir_code weir__cut_log_delete(weir_cut *cut, const char *stream, weir_bytes owner);

/**
 * Makes a cut durable: outputs appended and synced first, then one transaction of the store. On the calling thread.
 * @return WEIR_OK; WEIR_IO, WEIR_NO_MEMORY: nothing may be written any more (stop)
 */
WEIR_CHECK weir_code weir__cut_commit(weir_cut *cut, weir_store *store, weir_sink *output, weir_sink *dead,
                                      weir_error *err);

typedef struct weir_committer weir_committer;

typedef struct weir_committer_options {
    weir_engine *engine; /* whose loop is told */
    const weir_executor *executor; /* does one thing at a time; NULL: a thread of its own */
    weir_store *store;
    weir_sink *output;
    weir_sink *dead; /* NULL: no dead letters */
    /** At the loop's top: the cut's fate is known. `err` is NULL when it is durable. */
    void (*known)(void *context, weir_cut *cut, const weir_error *err);
    void *context;
} weir_committer_options;

/** Store and sinks are its own until weir__committer_free(). */
WEIR_CHECK weir_code weir__committer_new(const weir_committer_options *options, weir_committer **out,
                                         weir_error *err);
void weir__committer_free(weir_committer *committer); /* not busy; accepts NULL */

/** Hands a cut over; none is under way. */
void weir__committer_submit(weir_committer *committer, weir_cut *cut);

/**
 * Queues a record for the log; copied; written after weir__committer_flush(). What has gathered by then is one
 * transaction. Records are
 * durable in the order in which they were queued, and before any cut that is submitted later.
 *
 * @param ticket  told at the loop's top when it is durable, or when nothing is any more; NULL: nobody waits
 * @return WEIR_OK or WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__committer_append(weir_committer *committer, const char *stream, weir_bytes owner,
                                            int64_t number, weir_bytes record, weir_ticket *ticket);

/**
 * Lets what was appended go to the disk: when the loop has nothing more to append for now, so that it goes in one
 * piece. Threads: the loop's.
 */
void weir__committer_flush(weir_committer *committer);

/** Whether anything is queued or under way, or not told yet. Threads: the loop's. */
bool weir__committer_is_busy(weir_committer *committer);

#endif
