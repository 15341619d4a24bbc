/* SPDX-License-Identifier: Apache-2.0 */
/* The crash handler: async-signal-safe, so it formats by hand and writes with write(). */
#include "engine/crash.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/errand.h"

enum { ALT_STACK_BYTES = 64 * 1024, EXIT_STATUS = 1 /* a run failed */ };

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
enum { SIGNALS = sizeof signals / sizeof *signals };

/* A signal handler has no context but what is global. Set by weir__crash_install() alone. */
static struct {
    bool is_installed;
    bool has_exit_hook;
    bool names_sources;
    int note_fd;
    struct sigaction before[SIGNALS];
} handler = { .note_fd = -1 };

/* Of this thread: each needs one for the signals that it meets. */
static _Thread_local void *alt_stack;

typedef struct line {
    char text[768];
    size_t size;
} line;

static void add(line *out, const char *text)
{
    while (*text && out->size < sizeof out->text)
        out->text[out->size++] = *text++;
}

static void add_number(line *out, uint64_t number)
{
    char digits[24];
    size_t at = sizeof digits;

    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    add(out, digits + at);
}

static void put(int fd, const line *out)
{
    ssize_t ignored = write(fd, out->text, out->size); /* dying: nobody is left to tell */

    (void)ignored;
}

static const char *signal_name(int number)
{
    switch (number) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGFPE:
        return "SIGFPE";
    case SIGILL:
        return "SIGILL";
    case SIGABRT:
        return "SIGABRT";
    default:
        return "exit()";
    }
}

/* What this thread is at: an action of a run, or a function of a call. `name` NULL: nothing of a job's. */
typedef struct culprit {
    const char *name, *source;
    uint64_t index; /* of the record */
} culprit;

static culprit find_culprit(void)
{
    const weir_engine *engine = weir__engine_active();
    const weir_run *run = engine ? weir__engine_current(engine) : NULL;
    const weir_errand *errand = weir__errand_current();

    if (errand)
        return (culprit){ errand->what, errand->source, errand->run_index };
    return run && run->action ? (culprit){ run->action->full_name, run->source, run->index }
                              : (culprit){ NULL, NULL, 0 };
}

/* Says what it was; `what` is "crashed (SIGSEGV)" or the like. */
static void report(culprit who, const char *what, const char *cause, size_t stack_bytes)
{
    line out = { .size = 0 };

    add(&out, weir__errand_current() ? "weir: " : "weir: action '");
    add(&out, who.name);
    add(&out, weir__errand_current() ? " " : "' ");
    add(&out, what);
    if (stack_bytes) {
        add(&out, " of ");
        add_number(&out, stack_bytes / 1024);
        add(&out, " KiB");
    }
    add(&out, " on record ");
    add_number(&out, who.index);
    if (handler.names_sources) {
        add(&out, " of ");
        add(&out, who.source);
    }
    add(&out, stack_bytes ? "; raise limits.stack-kb, or use less stack\n"
                          : "; the next start meets the same record, see input.max-crashes\n");
    put(STDERR_FILENO, &out);
    if (handler.note_fd < 0)
        return;
    out.size = 0;
    add(&out, who.source);
    add(&out, " ");
    add_number(&out, who.index);
    add(&out, " ");
    add(&out, who.name);
    add(&out, " ");
    add(&out, cause);
    add(&out, "\n");
    put(handler.note_fd, &out);
}

static void handle(int number, siginfo_t *info, void *context)
{
    const weir_engine *engine = weir__engine_active();
    culprit who = find_culprit();

    (void)context;
    if (who.name) {
        const weir_stacks *stacks = engine ? weir__engine_stacks(engine) : NULL;
        bool is_overflow =
            stacks && (number == SIGSEGV || number == SIGBUS) && weir__stacks_is_overflow(stacks, info->si_addr);
        line what = { .size = 0 };

        if (is_overflow) {
            report(who, "overflowed its stack", "stack-overflow", weir__stacks_size(stacks));
        } else {
            add(&what, "crashed (");
            add(&what, signal_name(number));
            add(&what, ")");
            what.text[what.size] = '\0';
            report(who, what.text, signal_name(number), 0);
        }
    }
    /* What was there before takes over: a sanitizer's report, or the default, which ends the process. */
    for (int i = 0; i < SIGNALS; i++)
        (void)sigaction(signals[i], &handler.before[i], NULL);
    (void)raise(number);
}

static void at_exit(void)
{
    culprit who = handler.is_installed ? find_culprit() : (culprit){ NULL, NULL, 0 };

    if (!who.name)
        return;
    report(who, "called exit()", "exit()", 0);
    /* Whatever status the action gave: the job is not done, and must not look as if it were. */
    (void)fflush(NULL);
    _exit(EXIT_STATUS);
}

weir_code weir__crash_enter(weir_error *err)
{
    stack_t stack = { .ss_size = ALT_STACK_BYTES };

    if (alt_stack)
        return WEIR_OK;
    stack.ss_sp = mmap(NULL, ALT_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack.ss_sp == MAP_FAILED)
        return weir__fail_memory(err, "the signal stack");
    alt_stack = stack.ss_sp;
    (void)sigaltstack(&stack, NULL); /* size and place are right */
    return WEIR_OK;
}

void weir__crash_leave(void)
{
    stack_t none = { .ss_flags = SS_DISABLE };

    if (!alt_stack)
        return;
    (void)sigaltstack(&none, NULL); /* it is not being used */
    (void)munmap(alt_stack, ALT_STACK_BYTES);
    alt_stack = NULL;
}

weir_code weir__crash_install(int note_fd, bool names_sources, weir_error *err)
{
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    weir_code rc = weir__crash_enter(err);

    if (rc != WEIR_OK)
        return rc;
    if (!handler.has_exit_hook) {
        if (atexit(at_exit) != 0)
            return weir__fail_memory(err, "the exit hook");
        handler.has_exit_hook = true;
    }
    handler.note_fd = note_fd;
    handler.names_sources = names_sources;
    (void)sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++)
        (void)sigaction(signals[i], &action, &handler.before[i]); /* catchable signals */
    handler.is_installed = true;
    return WEIR_OK;
}

void weir__crash_remove(void)
{
    if (!handler.is_installed)
        return;
    for (int i = 0; i < SIGNALS; i++)
        (void)sigaction(signals[i], &handler.before[i], NULL);
    handler.is_installed = false;
    handler.note_fd = -1;
    weir__crash_leave();
}
