/* SPDX-License-Identifier: Apache-2.0 */
/* What can go wrong, and what to do about it. docs/errors.md has one entry per code. */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#include <weir/export.h>

WEIR_BEGIN_DECLS

/** What went wrong. Values are frozen; new ones are added at the end. */
typedef enum weir_code {
    WEIR_OK = 0,
    WEIR_INVALID,     /* a wrong argument, path, type or order of calls */
    WEIR_NO_MEMORY,   /* the allocator gave nothing */
    WEIR_LIMIT,       /* a limit of the configuration: events per run, bytes, depth, stack */
    WEIR_CONFIG,      /* configuration refused */
    WEIR_IO,          /* disk, or a file that is not what it was */
    WEIR_UNREACHABLE, /* broker or service out of reach */
    WEIR_FENCED,      /* another owner has the task */
    WEIR_FAILED,      /* the job's own word: this run, or this call, failed for good */
    WEIR_NOT_DONE,    /* a call's own word: surely nothing happened, it may be tried again */
    WEIR_UNKNOWN,     /* a call's own word, or ours: it may have happened (doubt) */
    WEIR_CANCELED     /* stopping: the action must return */
} weir_code;

/** What to do about it; the runtime branches on this, never on the message. */
typedef enum weir_remedy {
    WEIR_REMEDY_FIX = 0, /* fix the call, the record or the configuration */
    WEIR_REMEDY_RETRY,   /* the same call may succeed later */
    WEIR_REMEDY_ABORT,   /* abort the transaction, rewind, replay */
    WEIR_REMEDY_STOP     /* nothing may be written any more: exit */
} weir_remedy;

/**
 * One error, owned by the caller, usually on its stack: it needs no memory of its own.
 * Functions write it on failure only. Wherever a `weir_error *` is taken it may be NULL.
 */
typedef struct weir_error {
    weir_code code;
    weir_remedy remedy;
    const char *origin; /* "sqlite", "kafka", "errno", "http" or NULL; a static string */
    int origin_code;    /* the origin's own number, 0 when origin is NULL */
    char message[232];  /* one line of UTF-8, outermost context first */
} weir_error;

WEIR_END_DECLS

#endif
