/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small job and its input, run by the local host in a power disk, and what it must write.
 *
 * The job has three actions in a row, two of them journaled, which count in short-term memory, make objects and delete
 * them; about one record in six is bad, or fails at its last action. A commit holds five runs.
 */
#ifndef WEIR_TESTS_LOCAL_STORY_H
#define WEIR_TESTS_LOCAL_STORY_H

#include <stdbool.h>

#include "host/local.h"
#include "power.h"

typedef struct local_story {
    power_disk *disk;
    char *folder, *input, *output, *dead;
    bool has_waits;
    weir_job *job;
    weir_config *config;
    weir_local_options options;
} local_story;

/**
 * Gets a start ready: job, configuration, and the input, if the disk has none yet (written durably).
 *
 * @param has_dead     input.on-error is dlq instead of skip
 * @param has_waits    some runs wait in their second action for a while, while others are accepted
 * @param past_port    the host uses the machine's disk, not the power disk, which only lends its folder
 */
void local_story_begin(local_story *story, power_disk *disk, bool has_dead, bool has_waits, bool past_port);
void local_story_end(local_story *story); /* keeps the disk */

/** One start. Allocates nothing itself. */
weir_code local_story_run(local_story *story, weir_local_result *result, weir_error *err);

/**
 * All that stands in output and dead letters, as text without the disk's own name; the caller's to free. With waits the
 * order among keys is open, so lines are put in the order of keys, and dead letters in the order of their text.
 */
char *local_story_text(const local_story *story);

/** How many descriptors the process has open. */
int local_story_descriptors(void);

#endif
