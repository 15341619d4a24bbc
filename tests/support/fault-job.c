/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job whose action does what the record's value says: {"do": "fail" | "segv" | …}. Everything else is counted by
 * key, and with FAULT_JOB_CALM in the environment all of it is: the job as it is once its fault has been mended.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/weir.h>

static bool is(weir_bytes what, const char *name)
{
    return what.size == strlen(name) && memcmp(what.data, name, what.size) == 0;
}

static weir_code count(weir_run *run)
{
    weir_memory *memory = weir_short_term(run);
    int64_t n = weir_memory_int(memory, "count", 0) + 1;

    weir_memory_set_int(memory, "count", n);
    return weir_output(run, json_integer((json_int_t)n));
}

/* Writes to what it got, so that no compiler turns the recursion into a loop. */
static int overflow(volatile char *below, int64_t depth) // NOLINT(misc-no-recursion): that is what it is for
{
    volatile char frame[512];

    if (depth == INT64_MAX)
        return 0;
    frame[0] = below ? (char)(below[0] + 1) : 1;
    return overflow(frame, depth + 1) + frame[0];
}

/* Says that it is there, and never ends. */
static void spin(void)
{
    static const char spinning[] = "spinning\n";

    (void)!write(STDERR_FILENO, spinning, sizeof spinning - 1);
    for (;;)
        (void)usleep(1000);
}

static weir_code act(weir_run *run, const weir_event *event, void *arg)
{
    weir_bytes what = weir_event_text(event, "/input/do");

    (void)arg;
    if (!what.data || getenv("FAULT_JOB_CALM"))
        return count(run);
    /* All of these have had effects before; none of them may be seen. */
    (void)count(run);
    if (is(what, "fail"))
        return weir_fail(run, WEIR_FAILED, "told to fail");
    if (is(what, "code"))
        return WEIR_LIMIT;
    if (is(what, "segv"))
        (void)raise(SIGSEGV);
    else if (is(what, "null"))
        *(volatile int *)(uintptr_t)weir_event_int(event, "/input/at", 0) = 1;
    else if (is(what, "abort"))
        abort();
    else if (is(what, "exit"))
        exit((int)weir_event_int(event, "/input/status", 0));
    else if (is(what, "overflow"))
        return (weir_code)overflow(NULL, 0);
    else if (is(what, "cycle"))
        return weir_send(run, "ping", json_object());
    else if (is(what, "print"))
        return puts("noise of the job's own") == EOF || fflush(stdout) != 0 ? WEIR_IO : WEIR_OK;
    else if (is(what, "spin"))
        spin();
    return WEIR_OK;
}

static weir_code answer(weir_run *run, const weir_event *event, void *arg)
{
    (void)event;
    return weir_send(run, arg, json_object());
}

int main(int argc, char **argv)
{
    static char ping[] = "ping", pong[] = "pong";
    weir_job *job = weir_job_new("fault-job");
    weir_agent *agent = weir_job_agent(job, "faulty");

    weir_agent_action(agent, "act", act, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT, NULL);
    weir_agent_action(agent, "serve", answer, pong, WEIR_ACTION_PURE, "ping", NULL);
    weir_agent_action(agent, "return", answer, ping, WEIR_ACTION_PURE, "pong", NULL);
    return weir_main(job, argc, argv);
}
