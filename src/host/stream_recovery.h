/* SPDX-License-Identifier: Apache-2.0 */
/* What stream_recovery.c and stream_changelog.c share; nobody else includes it. */
#ifndef WEIR__HOST_STREAM_RECOVERY_H
#define WEIR__HOST_STREAM_RECOVERY_H

#include "host/stream_internal.h"

struct weir_recovery {
    weir_task job; /* first: cast back */
    weir_post post;
    weir_stream_task *task;
    weir_stream *stream;
    const weir_topic_name *input; /* the topic of the task */
    atomic_bool is_cancelled;
    atomic_int_fast64_t done, total; /* of the changelog, in offsets; -1: not known */

    /* What was found. */
    weir_code rc;
    weir_error error;
    weir_store *store;
    weir_arena arena; /* of the tuples */
    weir_tuple group, state, chosen;
    int64_t group_offset;
    bool has_group, is_group_ours, has_state;
    int64_t position;      /* of the changelog: all before it is in the store */
    int64_t journal_start, input_end;
    weir_part wiped;       /* what goes, where all is to go */
    bool is_wiped;
    weir_kept_input *inputs;
    size_t input_count, input_capacity;
    weir_found_entry *found;
    size_t found_count, found_capacity;
};

static inline bool weir__recovery_is_cancelled(const weir_recovery *recovery)
{
    return atomic_load(&recovery->is_cancelled);
}

/** As weir__cluster_topic_setting(); asks again while no broker answers. */
WEIR_CHECK weir_code weir__recovery_ask_setting(weir_recovery *recovery, const char *topic, const char *name,
                                                weir_buffer *value, weir_error *err);

/**
 * Opens the store, and finds from where on the changelog must be read; a file that cannot be trusted is thrown away.
 * @param first, end  where the changelog begins and ends
 */
WEIR_CHECK weir_code weir__recovery_prepare_store(weir_recovery *recovery, int64_t first, int64_t end, weir_error *err);

/** Reads the changelog into the store, from recovery->position to `end` or beyond; says how far it has come. */
WEIR_CHECK weir_code weir__recovery_read_changelog(weir_recovery *recovery, int64_t end, weir_error *err);

#endif
