/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to be wrong on purpose: the simulation turns one on, and must find it. Nothing outside the tests can: the variable
 * is hidden in the library, and no option, property or environment reaches it.
 */
#ifndef WEIR__BASE_BREAKAGE_H
#define WEIR__BASE_BREAKAGE_H

#include <stdbool.h>

typedef enum weir_breakage {
    WEIR__BREAK_NOTHING,
    WEIR__BREAK_CALL_BEFORE_INTENT,   /* the call begins while its intent is on its way to the disk */
    WEIR__BREAK_COMMIT_BEFORE_SYNC,   /* the commit does not wait for the output file's sync */
    WEIR__BREAK_IGNORE_DIGEST,        /* a recorded result is given for other arguments, too */
    WEIR__BREAK_REPEAT_IN_DOUBT,      /* a ONCE call in doubt is made again */
    WEIR__BREAK_NO_DEADLINE,          /* doubt is acted upon while the call may still land */
    WEIR__BREAK_LATE_START,           /* a call begins after its lease */
    WEIR__BREAK_PRUNE_EARLY,          /* a run's entries go with a commit that does not hold its end */
    WEIR__BREAK_CUT_OVERTAKES,        /* a cut becomes durable before entries that were queued before it */
    WEIR__BREAK_NO_INBOX,             /* the place passes runs that are not over */
    WEIR__BREAK_FORGET_FIRST,         /* which call came first is not recorded */
    WEIR__BREAK_ANY_ATTEMPT,          /* a decision counts for attempts that it was not made for */
    WEIR__BREAK_LATE_OUTCOME_WINS,    /* an outcome that comes after a decision replaces it */
    WEIR__BREAK_KEY_PER_ATTEMPT,      /* another idempotency key at each attempt */
    WEIR__BREAK_FORGET_RESULT,        /* an action's result is not recorded before a later intent of its run */
    WEIR__BREAK_APPLY_FAILED,         /* a failed run's changes are kept */
    WEIR__BREAK_COUNT
} weir_breakage;

extern weir_breakage weir__breakage; /* set before anything starts, by tests alone */

static inline bool weir__is_broken(weir_breakage breakage)
{
    return __builtin_expect(weir__breakage == breakage, false);
}

#endif
