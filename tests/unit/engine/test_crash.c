/* SPDX-License-Identifier: Apache-2.0 */
/* What an action that crashes, overflows its stack or calls exit() leaves behind: a line, a note, and its status. */
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/crash.h"
#include "support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

static const test_record records[] = { { "a", "0" }, { "b", "1" } };

static volatile char *volatile nowhere;
static volatile int zero;

static weir_code (*crash)(weir_run *run);

/* The sanitizers would see it coming, and end the process themselves. */
__attribute__((no_sanitize("undefined"))) static weir_code dereference(weir_run *run)
{
    (void)run;
    *nowhere = 1;
    return WEIR_OK;
}

static weir_code call_abort(weir_run *run)
{
    (void)run;
    abort();
}

static weir_code raise_fpe(weir_run *run)
{
    (void)run;
    (void)raise(SIGFPE); /* what a division by zero does where the sanitizers do not catch it first */
    return WEIR_OK;
}

static weir_code call_exit(weir_run *run)
{
    (void)run;
    exit(0);
}

/* Frames of 4 KiB, so that none steps over the guard. */
static int recurse(int depth)
{
    volatile char frame[4096];

    frame[0] = (char)depth;
    frame[sizeof frame - 1] = zero ? 1 : (char)recurse(depth + 1);
    return frame[0] + frame[sizeof frame - 1];
}

static weir_code overflow(weir_run *run)
{
    return weir_output(run, json_integer(recurse(0)));
}

static weir_run *parked[2];
static size_t parked_count;

static weir_code crash_on_one(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    return weir_event_int(event, "/input", 0) ? crash(run) : weir_output(run, json_true());
}

static void wake_parked(void)
{
    while (parked_count)
        weir__run_wake(parked[--parked_count]);
}

/* The same on a stack that was waited on. */
static weir_code wait_and_crash(weir_run *run, const weir_event *event, void *arg)
{
    parked[parked_count++] = run;
    if (weir__run_await(run) != WEIR_OK)
        return WEIR_CANCELED;
    return crash_on_one(run, event, arg);
}

static bool names_sources;
static char said[4096], noted[256];

/* The sanitizers say something as well, before or after it. */
static void assert_said(const char *line)
{
    ck_assert_ptr_nonnull(strstr(said, line));
    if (!IS_SANITIZED)
        ck_assert_str_eq(said, line);
}

static void read_all(int fd, char *text, size_t capacity)
{
    size_t size = 0;
    ssize_t got;

    while (size + 1 < capacity && (got = read(fd, text + size, capacity - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = '\0';
    (void)close(fd);
}

/* Runs the job in a child; what it said on stderr and in the note is left in `said` and `noted`. Its wait status. */
static int die(weir_code (*how)(weir_run *run))
{
    int error_pipe[2], note_pipe[2], status;
    pid_t child;

    ck_assert_int_eq(pipe(error_pipe), 0);
    ck_assert_int_eq(pipe(note_pipe), 0);
    (void)fflush(NULL);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct rlimit no_core = { 0, 0 };
        weir_error err;

        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)dup2(error_pipe[1], STDERR_FILENO);
        (void)close(error_pipe[0]);
        (void)close(error_pipe[1]);
        (void)close(note_pipe[0]);
        crash = how;
        if (weir__crash_install(note_pipe[1], names_sources, &err) != WEIR_OK)
            _exit(99);
        test_run(test_options(), records, 2);
        weir__crash_remove();
        _exit(98);
    }
    (void)close(error_pipe[1]);
    (void)close(note_pipe[1]);
    read_all(error_pipe[0], said, sizeof said);
    read_all(note_pipe[0], noted, sizeof noted);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void set_up(void)
{
    test_set_up();
    names_sources = false;
    test.on_wait = wake_parked;
}

START_TEST(a_crash_names_action_record_and_signal_and_takes_its_course)
{
    static const struct {
        weir_code (*how)(weir_run *run);
        const char *name;
        int signal;
    } cases[] = { { dereference, "SIGSEGV", SIGSEGV }, { call_abort, "SIGABRT", SIGABRT },
                  { raise_fpe, "SIGFPE", SIGFPE } };

    test_add("x", _i ? wait_and_crash : crash_on_one, NULL, 0, WEIR_INPUT_EVENT);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = die(cases[i].how);
        char line[256];

        (void)snprintf(line, sizeof line,
                       "weir: action 'a.x' crashed (%s) on record 1; the next start meets the same record, see "
                       "input.max-crashes\n",
                       cases[i].name);
        assert_said(line);
        (void)snprintf(line, sizeof line, "test 1 a.x %s\n", cases[i].name);
        ck_assert_str_eq(noted, line);
        if (IS_SANITIZED)
            ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 98);
        else
            ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == cases[i].signal);
    }
}
END_TEST

START_TEST(an_overflow_of_the_stack_is_told_from_other_crashes)
{
    int status;

    test_add("x", _i ? wait_and_crash : crash_on_one, NULL, 0, WEIR_INPUT_EVENT);
    status = die(overflow);
    assert_said("weir: action 'a.x' overflowed its stack of 256 KiB on record 1; raise limits.stack-kb, or use less "
                "stack\n");
    ck_assert_str_eq(noted, "test 1 a.x stack-overflow\n");
    if (!IS_SANITIZED)
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
END_TEST

START_TEST(a_crash_is_told_from_that_of_another_source)
{
    test_add("x", crash_on_one, NULL, 0, WEIR_INPUT_EVENT);
    names_sources = true;
    (void)die(call_abort);
    assert_said("weir: action 'a.x' crashed (SIGABRT) on record 1 of test; the next start meets the same record, see "
                "input.max-crashes\n");
    ck_assert_str_eq(noted, "test 1 a.x SIGABRT\n");
}
END_TEST

START_TEST(exit_called_by_an_action_never_looks_like_success)
{
    int status;

    test_add("x", _i ? wait_and_crash : crash_on_one, NULL, 0, WEIR_INPUT_EVENT);
    status = die(call_exit);
    assert_said("weir: action 'a.x' called exit() on record 1; the next start meets the same record, see "
                "input.max-crashes\n");
    ck_assert_str_eq(noted, "test 1 a.x exit()\n");
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}
END_TEST

static weir_code end_well(weir_run *run)
{
    return weir_output(run, json_true());
}

START_TEST(a_run_that_ends_well_leaves_nothing)
{
    int status;

    test_add("x", _i ? wait_and_crash : crash_on_one, NULL, 0, WEIR_INPUT_EVENT);
    status = die(end_well);
    ck_assert_ptr_null(strstr(said, "weir: "));
    ck_assert_str_eq(noted, "");
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 98);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine/crash");
    TCase *crashes = tcase_create("crashes");

    tcase_add_checked_fixture(crashes, set_up, test_tear_down);
    tcase_add_loop_test(crashes, a_crash_names_action_record_and_signal_and_takes_its_course, 0, 2);
    tcase_add_loop_test(crashes, an_overflow_of_the_stack_is_told_from_other_crashes, 0, 2);
    tcase_add_test(crashes, a_crash_is_told_from_that_of_another_source);
    tcase_add_loop_test(crashes, exit_called_by_an_action_never_looks_like_success, 0, 2);
    tcase_add_loop_test(crashes, a_run_that_ends_well_leaves_nothing, 0, 2);
    suite_add_tcase(suite, crashes);
    return weir__suite_run(suite);
}
