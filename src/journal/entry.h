/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries of a journal: what a run has done outside, one by one, in the order in which it became durable. Sealed,
 * they are Avro (journal.avsc) in the frame of frame.h.
 */
#ifndef WEIR__JOURNAL_ENTRY_H
#define WEIR__JOURNAL_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/call.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"

typedef enum weir_entry_kind {
    WEIR__ENTRY_RESULT = 1,  /* an action ended: what it did */
    WEIR__ENTRY_INTENT,      /* an attempt at a call may begin from here on */
    WEIR__ENTRY_OUTCOME,     /* an attempt ended, or a PURE call did (then there was no intent) */
    WEIR__ENTRY_WITHDRAWN,   /* an attempt never began */
    WEIR__ENTRY_PARKED,      /* the run waits for a decision */
    WEIR__ENTRY_RESOLUTION,  /* the decision */
    WEIR__ENTRY_FIRST,       /* which call of several a run went on with */
    WEIR__ENTRY_CLAIM        /* another owner: what older ones append from here on is void, facts excepted */
} weir_entry_kind;

/* Why a run is parked. */
typedef enum weir_park_reason {
    WEIR__PARK_DOUBT,      /* the call may have been made */
    WEIR__PARK_UNKNOWN,    /* so it may, and the reconciler does not know either */
    WEIR__PARK_DIVERGENCE  /* the journal has something else there */
} weir_park_reason;

/* What somebody decided. */
typedef enum weir_decision { WEIR__DECISION_RESULT, WEIR__DECISION_RETRY, WEIR__DECISION_FAIL } weir_decision;

/* What an action sent or changed, as a list of byte strings; what they mean is the engine's. */
typedef struct weir_entry_items {
    const weir_bytes *items;
    size_t count;
} weir_entry_items;

/*
 * One struct for all kinds: what a kind does not have is zero, NULL or absent. All views are borrowed from wherever the
 * entry came from: an arena, or its maker.
 */
typedef struct weir_entry {
    struct weir_entry *next; /* in log order; not written */
    bool is_found;           /* it was there before the run was accepted in this life; not written */
    bool is_asked;           /* in a replay: the run has asked for this call; not written */
    weir_entry_kind kind;
    int64_t written_ms;  /* wall clock, for people */
    int64_t epoch;       /* of the owner that wrote it */
    const char *run;     /* run id; "" in a claim */
    weir_bytes key;      /* INTENT, PARKED: the run's key, any bytes */
    uint64_t input_hash; /* of the run's input, in a RESULT with the key's memory before it; not in CLAIM, RESOLUTION */

    /* Where in the run: not in CLAIM. */
    uint32_t instance;   /* number of the action in its run, from 1 */
    uint32_t call;       /* number of the call in its action, from 1; FIRST: number of the wait */
    uint32_t attempt;    /* from 1; PURE: that of the last one */

    const char *action;  /* full name: RESULT, INTENT, OUTCOME, PARKED, FIRST */
    const char *name;    /* of the call: INTENT, OUTCOME, PARKED; CLAIM: the owner */
    weir_call_kind call_kind; /* INTENT, OUTCOME, PARKED */
    uint64_t digest;     /* of the arguments: INTENT, OUTCOME, PARKED */
    weir_bytes args;     /* INTENT, and PARKED: arguments; data NULL: absent */

    int64_t lease_ms;    /* INTENT: it may begin until then, counted from the intent */
    int64_t timeout_ms;  /* INTENT: and lasts that long at the most */

    weir_code code;      /* OUTCOME; RESOLUTION with DECISION_RESULT or _FAIL */
    weir_error error;    /* OUTCOME, RESOLUTION, when code is not WEIR_OK: remedy, origin, number, message */
    bool is_final;       /* OUTCOME: no further attempt follows */
    weir_bytes result;   /* OUTCOME, RESOLUTION: data NULL: absent (not the same as empty) */

    weir_park_reason reason; /* PARKED */
    const char *recorded, *asked; /* PARKED by divergence: both sides, in words */
    weir_decision decision;  /* RESOLUTION */
    bool is_forced;          /* RESOLUTION */
    const char *id;          /* RESOLUTION: who gave it, made by whoever gives one (a UUID) */
    uint32_t which;          /* FIRST: index of the call among those waited for */

    /* RESULT */
    weir_entry_items event_types, event_attributes; /* as many of each: text, JSON text */
    weir_entry_items outputs;                       /* JSON text */
    weir_entry_items count_metrics;                 /* text */
    const int64_t *count_adds;                       /* count_metrics.count of them */
    weir_entry_items short_term_paths, short_term_values; /* values as weir__cell_encode() gives them */
    weir_entry_items sensory_paths, sensory_values;
} weir_entry;

/**
 * Appends an entry, sealed; on failure the buffer has what it had. Threads: any.
 * @return WEIR_OK;
 *         WEIR_LIMIT      more than 2^31-1 bytes, or than the buffer may hold                             (fix)
 *         WEIR_INVALID    an enum out of range, lists that go together of different lengths, or text that is not UTF-8
 *                         (but error.message, error.origin, recorded and asked may be any bytes)          (fix)
 *         WEIR_NO_MEMORY                                                                                  (stop)
 */
WEIR_CHECK weir_code weir__entry_seal(const weir_entry *entry, weir_buffer *out, weir_error *err);

/**
 * Reads a sealed entry; all is copied into the arena (error.origin too: no static string here). Threads: any.
 * @return WEIR_OK;
 *         WEIR_IO         cut off, damaged, of another version or an unknown kind, or not what its schema says (stop)
 *         WEIR_NO_MEMORY                                                                                       (stop)
 */
WEIR_CHECK weir_code weir__entry_open(weir_bytes sealed, weir_arena *arena, weir_entry **out, weir_error *err);

/**
 * Appends an entry as one JSON object, without a line break, for people and their tools: names as in journal.avsc, only
 * what the kind has, and what is there; bytes that are UTF-8 as text, others as {"$bytes": base64}; hashes in hex; text
 * that is JSON as what it says.
 * @return WEIR_OK; WEIR_NO_MEMORY
 */
WEIR_CHECK weir_code weir__entry_print(const weir_entry *entry, weir_buffer *out, weir_error *err);

/* ---- among owners ------------------------------------------------------------------------------------------------ */

/** Whether an entry counts whatever its epoch: a decision, or what came of a call that must not be made twice. */
bool weir__entry_is_fact(const weir_entry *entry);

/** Whether it counts only once it was read back: an intent of a call that must not be made twice. */
bool weir__entry_needs_reading_back(const weir_entry *entry);

/* ---- names ------------------------------------------------------------------------------------------------------- */

/** "result", "intent", … */
const char *weir__entry_kind_name(weir_entry_kind kind);
const char *weir__call_kind_name(weir_call_kind kind); /* "pure", "idempotent", "checked", "once" */

#endif
