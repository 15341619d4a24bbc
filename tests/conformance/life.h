/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lives of a small job with a state folder. A process runs it until it dies in the middle (what is recorded),
 * another one runs it again, with other behaviour where the case says so. What was called, asked and returned stands in
 * a side file, the notes, one line each:
 *   called NAME KEY ARGS    asked NAME KEY ARGS    got NAME KEY returns "…"    got NAME KEY fails CODE …    ran KEY
 *
 * How a process dies when all that came before is durable: a last record, "crash-N", makes a call whose intent is
 * waited for, and ends the process within it. The journal is one log in order, so what was queued before lies in it.
 */
#ifndef WEIR__TESTS_CONFORMANCE_LIFE_H
#define WEIR__TESTS_CONFORMANCE_LIFE_H

#include <jansson.h>
#include <stdbool.h>

#include <weir/call.h>

enum { CRASHED = 77, STEPS = 8 }; /* CRASHED: the status of a process that ended within a call */

/* What a call's function does. */
typedef enum manner { ANSWERS, ANSWERS_NOTHING, ANSWERS_COUNTED, FAILS, HOLDS, CRASHES } manner;

/* Whether it has a reconciler, and what that says. */
typedef enum reconciler { NONE, KNOWS, KNOWS_NOT } reconciler;

/* One call of an action. */
typedef struct step {
    const char *name; /* NULL: no more */
    weir_call_kind kind;
    manner manner;
    const char *answer; /* result, or message */
    const char *args;   /* NULL: "x" */
    reconciler reconciler;
    const char *key; /* only in this key's action; NULL: in all */
} step;

typedef struct life {
    step steps[STEPS];
    const char *keys;  /* of the records that come new, each a letter or word, by blanks; NULL: none */
    int timeout_ms;    /* of its calls; 0: the default */
    bool is_to_its_end; /* no crash: records end */
    const char *later_args; /* of calls without args, from the second time on that an action acts; NULL: the same */
} life;

extern bool are_actions_pure; /* not journaled: run again instead */
extern bool are_events_sent; /* an action of its own sends two that are alike; each of them is acted upon */
extern int holds_at;         /* the how-manyth time that the action acts it holds; 1 */
extern char problem[1024];   /* the first thing that was not as expected; "": all was */

/** A case has a folder of its own, from begin to end. */
bool begin_case(void);
void end_case(void);

/** The next life. Returns its exit status; -1: a signal. */
int live(const life *the, bool has_state);

/** `parked` for the same state: into the file "stdout". Returns its exit status. */
int list_parked(void);

/** A file of the case: "notes", "output", "stdout", "stderr". New; freed by the caller. */
char *read_all(const char *name);
int count_lines(const char *text, const char *line);

/** Notes a problem, unless there is one; false. The expectations do the same when they are not met. */
bool wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool expect_notes(int expected, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool expect_status(int status, int expected);
bool expect_text(const char *file, const char *part);
bool expect_result(const step *the, const char *key, const json_t *result); /* the peer's: returns, or throws */

#endif
