/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What topics hold of a job's runs, by run id: outputs, and entries of the journal. It lies in a file for the moment,
 * so that its size does not matter. Threads: one.
 */
#ifndef WEIR__REPLAY_EVIDENCE_H
#define WEIR__REPLAY_EVIDENCE_H

#include "base/arena.h"
#include "host/scratch.h"
#include "journal/entry.h"

typedef struct weir_evidence {
    weir_scratch scratch;
    weir_buffer name, value;
    size_t bytes; /* added since the last commit */
} weir_evidence;

/* One output that was found. */
typedef struct weir_found_output {
    uint64_t number;   /* within its run, from 0 */
    int32_t partition; /* where it stands */
    int64_t offset;
    weir_bytes key, value; /* data NULL: none */
} weir_found_output;

/** WEIR_OK; as weir__scratch_open(). */
WEIR_CHECK weir_code weir__evidence_open(weir_evidence *evidence, weir_error *err);
void weir__evidence_close(weir_evidence *evidence); /* all zero is fine */

/** WEIR_OK; WEIR_IO: no room under TMPDIR (stop); WEIR_NO_MEMORY. The next two as well. */
WEIR_CHECK weir_code weir__evidence_add_output(weir_evidence *evidence, weir_bytes run,
                                               const weir_found_output *output, weir_error *err);
/** @param place  in the journal's partition */
WEIR_CHECK weir_code weir__evidence_add_entry(weir_evidence *evidence, const char *run, int64_t place,
                                              weir_bytes sealed, weir_error *err);
/** All has been added: it can be asked from now on. */
WEIR_CHECK weir_code weir__evidence_settle(weir_evidence *evidence, weir_error *err);

/** The outputs of a run, in the arena, by number, then partition and offset. */
WEIR_CHECK weir_code weir__evidence_outputs(weir_evidence *evidence, const char *run, weir_arena *arena,
                                            weir_found_output **outputs, size_t *count, weir_error *err);

/** The entries of a run, in the arena, linked in log order; *first NULL: none. WEIR_IO also: a damaged one. */
WEIR_CHECK weir_code weir__evidence_entries(weir_evidence *evidence, const char *run, weir_arena *arena,
                                            weir_entry **first, weir_error *err);

/** Called for each output, run by run; another code than WEIR_OK ends the walk and is returned. */
typedef weir_code (*weir_evidence_fn)(void *context, weir_bytes run, const weir_found_output *output,
                                      weir_error *err);
WEIR_CHECK weir_code weir__evidence_walk(weir_evidence *evidence, weir_evidence_fn fn, void *context,
                                         weir_error *err);

#endif
