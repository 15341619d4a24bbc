/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a replay's runs gave, against what was found; and the report: a line of JSON for each difference and for each
 * run that could not be checked. Threads: one.
 */
#ifndef WEIR__REPLAY_COMPARISON_H
#define WEIR__REPLAY_COMPARISON_H

#include <stdio.h>

#include "replay/evidence.h"

typedef enum weir_difference {
    WEIR__DIFFERENCE_MISSING,    /* the replay gives it, and it was not found */
    WEIR__DIFFERENCE_UNEXPECTED, /* found, and the replay does not give it */
    WEIR__DIFFERENCE_CHANGED,    /* another key or value */
    WEIR__DIFFERENCE_DUPLICATE,  /* found more than once */
    WEIR__DIFFERENCE_ORDER,      /* it stands before one of an earlier input of its key */
    WEIR__DIFFERENCE_FAILED,     /* the run fails, and it did not */
    WEIR__DIFFERENCE_DIVERGED,   /* the run asks for another call than the journal has */
    WEIR__DIFFERENCES
} weir_difference;

/* Why a run could not be checked. */
typedef enum weir_unchecked {
    WEIR__UNCHECKED_CALL,   /* the journal does not say what came of its call */
    WEIR__UNCHECKED_MEMORY, /* the same of an earlier run of its key: nobody knows its memory any more */
    WEIR__UNCHECKED_INPUT,  /* outputs of it are there, and its input is not */
    WEIR__UNCHECKEDS
} weir_unchecked;

const char *weir__difference_name(weir_difference difference);
const char *weir__unchecked_name(weir_unchecked unchecked);

typedef struct weir_key_standing weir_key_standing;

typedef struct weir_comparison {
    FILE *report;   /* borrowed */
    uint64_t most;  /* lines of the report; the others are counted */
    uint64_t lines; /* that there were to be */
    uint64_t runs, outputs; /* that were checked */
    uint64_t open;          /* runs that are not over, and those that wait behind them: there is nothing to check yet */
    uint64_t differences[WEIR__DIFFERENCES];
    uint64_t unchecked[WEIR__UNCHECKEDS];
    weir_key_standing *keys; /* a table by hash */
    size_t key_count, key_mask;
    uint64_t seed;
    weir_arena names;
    weir_buffer line;
} weir_comparison;

void weir__comparison_init(weir_comparison *comparison, FILE *report, uint64_t most);
void weir__comparison_clear(weir_comparison *comparison);

/* A run that is over. */
typedef struct weir_replayed {
    const char *run;
    weir_bytes key;
    const weir_bytes *values; /* its outputs', as they would be sent */
    size_t count;
    bool is_forgiven;         /* it failed, and input.on-error lets it pass: then it has no outputs */
    const char *failure;      /* else, why it fails; NULL: it does not */
    bool is_unanswered, has_diverged;
} weir_replayed;

/**
 * Compares a run.
 * @param found  of its id; by number, then place
 * @return WEIR_OK, whatever comes out; WEIR_IO: the report cannot be written (fix); WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__comparison_run(weir_comparison *comparison, const weir_replayed *run,
                                          const weir_found_output *found, size_t count, weir_error *err);

/** A run of the key is not over, or is none that is looked at: what comes behind it waits for it, or rests on it. */
WEIR_CHECK weir_code weir__comparison_open(weir_comparison *comparison, weir_bytes key, weir_error *err);
/** Whether a run of the key is to be compared at all: none before it was open. */
bool weir__comparison_is_open(const weir_comparison *comparison, weir_bytes key);

/** An output whose input is not there any more. */
WEIR_CHECK weir_code weir__comparison_left(weir_comparison *comparison, weir_bytes run,
                                           const weir_found_output *found, weir_error *err);

uint64_t weir__comparison_differences(const weir_comparison *comparison);
uint64_t weir__comparison_unchecked(const weir_comparison *comparison);

#endif
