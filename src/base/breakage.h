/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to be wrong on purpose: the simulation turns one on, and must find it. Nothing outside the tests can: the
 * variable is hidden in the library, and no option, property or environment reaches it.
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
    WEIR__BREAK_ACCEPT_VOID,          /* entries behind a higher claim count */
    WEIR__BREAK_NO_CLAIM,             /* a task starts without having read up to its own claim */
    WEIR__BREAK_NO_READING_BACK,      /* an intent counts once it is acknowledged */
    WEIR__BREAK_NO_READ_BACK,         /* an unknown outcome is taken for a commit */
    WEIR__BREAK_UNKNOWN_IS_ABORT,     /* an unknown outcome is taken for none */
    WEIR__BREAK_KEEP_PRODUCER,        /* the read-back is made without a new producer */
    WEIR__BREAK_STALE_MEMBER,         /* a cut is committed though a rebalance was noted since */
    WEIR__BREAK_STABLE_END,           /* the changelog is read to its last stable offset, not to its high watermark */
    WEIR__BREAK_STORE_FIRST,          /* the store commits before the transaction is known to be */
    WEIR__BREAK_FORGET_OPEN,          /* inputs that are over and stand above the offset are run again */
    WEIR__BREAK_NO_TAKING,            /* a task starts without having raised its epoch */
    WEIR__BREAK_DROP_ON_ABORT,        /* what was aborted is not sent again */
    WEIR__BREAK_PASS_OPEN,            /* the offset passes runs that are neither over nor in the inbox */
    WEIR__BREAK_LOW_PASSES,           /* the low-water mark passes entries that are needed */
    WEIR__BREAK_GAP_IS_NOTHING,       /* a cut off journal is taken for an empty one */
    WEIR__BREAK_IGNORE_FOREIGN_OFFSET, /* a group's offset that is not ours is taken for ours */
    WEIR__BREAK_CUT_BEFORE_JOURNAL,   /* a cut does not wait for the journal entries before it */
    WEIR__BREAK_COUNT
} weir_breakage;

extern weir_breakage weir__breakage; /* set before anything starts, by tests alone */

static inline bool weir__is_broken(weir_breakage breakage)
{
    return __builtin_expect(weir__breakage == breakage, false);
}

#endif
