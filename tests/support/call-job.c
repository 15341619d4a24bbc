/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job whose action makes one blocking call as the record's value says, so that tests hold the call in their hands:
 *   {"kind": "once", "until": PATH, "crash": true, "bytes": N, "timeout_ms": N, "reconcile": "done" | …, "then": PATH}
 * The call notes that it was made (a line in the file that CALL_JOB_MADE names), blocks until the file `until` exists,
 * crashes with `crash`, and returns a text of `bytes` bytes. Its reconciler answers, lies, crashes or hangs. `then`: a
 * second call, IDEMPOTENT, blocks until that file exists. Outputs the result, or its size when it is large.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/weir.h>

#define PAUSE_US 2000

static void block_until(const char *path)
{
    while (path && access(path, F_OK) != 0)
        (void)usleep(PAUSE_US);
}

/* `args` are the record's value. */
static weir_code make(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    json_t *value = json_loadb((const char *)args.data, args.size, JSON_DECODE_ANY, NULL);
    json_int_t size = json_integer_value(json_object_get(value, "bytes"));
    const char *made = getenv("CALL_JOB_MADE");
    weir_code rc = WEIR_OK;

    (void)arg;
    (void)err;
    if (made) {
        char line[128];
        int length = snprintf(line, sizeof line, "%s %d\n", attempt->idempotency_key, attempt->number);
        int fd = open(made, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, line, (size_t)length) != length)
            rc = WEIR_NOT_DONE;
        if (fd >= 0)
            (void)close(fd);
    }
    block_until(json_string_value(json_object_get(value, "until")));
    if (json_is_true(json_object_get(value, "crash")))
        (void)raise(SIGSEGV);
    if (rc == WEIR_OK)
        rc = weir_buffer_append(result, "\"", 1);
    for (json_int_t i = 0; i < size && rc == WEIR_OK; i++)
        rc = weir_buffer_append(result, "x", 1);
    if (rc == WEIR_OK)
        rc = weir_buffer_append(result, "\"", 1);
    json_decref(value);
    return rc;
}

static weir_verdict judge(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    json_t *value = json_loadb((const char *)args.data, args.size, JSON_DECODE_ANY, NULL);
    const char *word = json_string_value(json_object_get(value, "reconcile"));
    weir_verdict verdict = WEIR_VERDICT_UNKNOWN;

    (void)attempt;
    (void)arg;
    if (!word || strcmp(word, "unknown") == 0)
        (void)snprintf(err->message, sizeof err->message, "nobody knows");
    else if (strcmp(word, "done") == 0)
        verdict = weir_buffer_append(result, "\"found\"", 7) == WEIR_OK ? WEIR_VERDICT_DONE : WEIR_VERDICT_UNKNOWN;
    else if (strcmp(word, "not-done") == 0)
        verdict = WEIR_VERDICT_NOT_DONE;
    else if (strcmp(word, "lie") == 0)
        verdict = (weir_verdict)42;
    else if (strcmp(word, "crash") == 0)
        (void)raise(SIGSEGV);
    else if (strcmp(word, "hang") == 0)
        (void)sleep(3600);
    json_decref(value);
    return verdict;
}

static weir_call_kind kind_of(weir_bytes name)
{
    static const struct {
        const char *name;
        weir_call_kind kind;
    } kinds[] = { { "once", WEIR_CALL_ONCE },
                  { "checked", WEIR_CALL_CHECKED },
                  { "idempotent", WEIR_CALL_IDEMPOTENT } };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (name.data && strlen(kinds[i].name) == name.size && memcmp(kinds[i].name, name.data, name.size) == 0)
            return kinds[i].kind;
    }
    return WEIR_CALL_PURE;
}

static weir_code act(weir_run *run, const weir_event *event, void *arg)
{
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;
    weir_bytes then = weir_event_text(event, "/input/then");
    weir_bytes result;
    weir_error err;
    weir_code rc;

    (void)arg;
    options.timeout_ms = weir_event_int(event, "/input/timeout_ms", 10000);
    options.reconcile = judge;
    rc = weir_call(run, "make", kind_of(weir_event_text(event, "/input/kind")), make, NULL, weir_event_bytes(event),
                   &options, &result, &err);
    if (rc == WEIR_CANCELED)
        return rc;
    if (rc != WEIR_OK)
        return weir_fail(run, rc, "%s", err.message);
    if (result.size > 1000)
        weir_output(run, json_integer((json_int_t)result.size));
    else
        weir_output_bytes(run, result);
    if (then.data) {
        json_t *until = json_pack("{s:s%}", "until", then.data, then.size);
        char *text = until ? json_dumps(until, JSON_COMPACT) : NULL;

        json_decref(until);
        if (!text)
            return weir_fail(run, WEIR_NO_MEMORY, "no memory for a call");
        options.timeout_ms = 60000;
        rc = weir_call(run, "then", WEIR_CALL_IDEMPOTENT, make, NULL,
                       (weir_bytes){ (const uint8_t *)text, strlen(text) }, &options, &result, &err);
        free(text);
    }
    return rc;
}

int main(int argc, char **argv)
{
    weir_job *job = weir_job_new("call-job");

    weir_agent_action(weir_job_agent(job, "caller"), "act", act, NULL, WEIR_ACTION_JOURNALED, WEIR_INPUT_EVENT, NULL);
    return weir_main(job, argc, argv);
}
