/* SPDX-License-Identifier: Apache-2.0 */
/* The job of the durable cases, its processes, and a look at what they left behind. */
#include <weir/weir.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "life.h"

enum { PATH_SIZE = 512 };

static char folder[PATH_SIZE - 64]; /* of this case */
static const life *living;
static int number; /* of the life, from 1 */
bool are_actions_pure;
bool are_events_sent;
int holds_at = 1;
char problem[1024];

static const char *path_of(const char *name)
{
    static char paths[4][PATH_SIZE];
    static int at;
    char *path = paths[at++ % 4];

    (void)snprintf(path, PATH_SIZE, "%s/%s", folder, name);
    return path;
}

/* One whole line; written at once, so that threads do not mix and a crash cuts none. */
__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    char line[512];
    int fd = open(path_of("notes"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(line, sizeof line - 1, format, args);
    va_end(args);
    if (size >= (int)sizeof line - 1)
        size = (int)sizeof line - 2;
    line[size] = '\n';
    if (fd < 0 || write(fd, line, (size_t)size + 1) != size + 1)
        _exit(99);
    (void)close(fd);
}

char *read_all(const char *name)
{
    FILE *file = fopen(path_of(name), "re");
    char *text = calloc(1, 65536);

    if (file && text)
        text[fread(text, 1, 65535, file)] = '\0';
    if (file)
        (void)fclose(file);
    return text;
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int holding, to_hold; /* lock: lock */

static weir_code do_call(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    static int calls; /* they come one after the other */
    const step *the = arg;
    char counted[32];

    (void)attempt;
    note("called %s %.*s", the->name, (int)args.size, (const char *)args.data);
    switch (the->manner) {
    case ANSWERS:
        return weir_buffer_append(result, the->answer, strlen(the->answer));
    case ANSWERS_NOTHING:
        return WEIR_OK;
    case ANSWERS_COUNTED:
        (void)snprintf(counted, sizeof counted, "%s%d", the->answer, ++calls);
        return weir_buffer_append(result, counted, strlen(counted));
    case FAILS:
        err->code = WEIR_FAILED;
        err->remedy = WEIR_REMEDY_FIX;
        (void)snprintf(err->message, sizeof err->message, "%s", the->answer);
        return WEIR_FAILED;
    case HOLDS:
        (void)pthread_mutex_lock(&lock);
        holding++;
        (void)pthread_cond_broadcast(&changed);
        (void)pthread_mutex_unlock(&lock);
        for (;;)
            (void)pause();
    case CRASHES:
        _exit(CRASHED);
    }
    return WEIR_INVALID;
}

static weir_verdict reconcile(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                              weir_error *err)
{
    const step *the = arg;

    (void)attempt;
    (void)err;
    note("asked %s %.*s", the->name, (int)args.size, (const char *)args.data);
    if (the->reconciler != KNOWS)
        return WEIR_VERDICT_UNKNOWN;
    return weir_buffer_append(result, "R", 1) == WEIR_OK ? WEIR_VERDICT_DONE : WEIR_VERDICT_UNKNOWN;
}

static int times; /* that the action has acted */

static weir_code make_call(weir_run *run, const step *the)
{
    const char *usual = living->later_args && times > 1 ? living->later_args : "x";
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;
    weir_bytes key = weir_run_key(run), result;
    weir_error err;
    char args[128];
    weir_code rc;
    int size = snprintf(args, sizeof args, "%.*s %s", (int)key.size, (const char *)key.data,
                        the->args ? the->args : usual);

    if (living->timeout_ms)
        options.timeout_ms = living->timeout_ms;
    options.reconcile = the->reconciler ? reconcile : NULL;
    options.reconcile_arg = (void *)(uintptr_t)the;
    rc = weir_call(run, the->name, the->kind, do_call, (void *)(uintptr_t)the,
                   (weir_bytes){ (const uint8_t *)args, (size_t)size }, &options, &result, &err);
    if (rc == WEIR_CANCELED)
        return rc;
    if (rc != WEIR_OK)
        note("got %s %.*s fails %d %s", the->name, (int)key.size, (const char *)key.data, (int)rc, err.message);
    else
        note("got %s %.*s returns \"%.*s\"", the->name, (int)key.size, (const char *)key.data, (int)result.size,
             (const char *)result.data);
    /* A refused or failed call is the action's to judge; here the run goes on, unless the call was misused. */
    return rc == WEIR_OK || rc == WEIR_FAILED ? WEIR_OK : rc;
}

/* Until all that are to hold do. */
static weir_code meet(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    (void)args;
    (void)attempt;
    (void)result;
    (void)arg;
    (void)err;
    (void)pthread_mutex_lock(&lock);
    while (holding < to_hold)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    return WEIR_OK;
}

/* The record that ends its life: those of lives before end at once. */
static weir_code crash(weir_run *run, bool is_now)
{
    static const step now = { "crash", WEIR_CALL_IDEMPOTENT, CRASHES, "", NULL, NONE, NULL };
    static const step later = { "crash", WEIR_CALL_IDEMPOTENT, ANSWERS, "", NULL, NONE, NULL };
    weir_code rc = weir_call(run, "meet", WEIR_CALL_PURE, meet, NULL, (weir_bytes){ NULL, 0 }, NULL, NULL, NULL);

    return rc == WEIR_OK ? make_call(run, is_now ? &now : &later) : rc;
}

static weir_code act(weir_run *run, const weir_event *event, void *arg)
{
    weir_bytes key = weir_run_key(run);
    weir_code rc = WEIR_OK;

    (void)event;
    (void)arg;
    if (key.size > 6 && memcmp(key.data, "crash-", 6) == 0)
        return crash(run, !living->is_to_its_end && key.data[6] == '0' + number);
    note("ran %.*s", (int)key.size, (const char *)key.data);
    times++;
    for (const step *the = living->steps; the->name && rc == WEIR_OK; the++) {
        if (the->manner == HOLDS && holds_at > 1 && times != holds_at)
            continue;
        if (!the->key || (strlen(the->key) == key.size && memcmp(the->key, key.data, key.size) == 0))
            rc = make_call(run, the);
    }
    return rc == WEIR_OK ? weir_output(run, json_true()) : rc;
}

static weir_code send_two(weir_run *run, const weir_event *event, void *arg)
{
    weir_bytes key = weir_run_key(run);

    if (key.size > 6 && memcmp(key.data, "crash-", 6) == 0)
        return act(run, event, arg);
    note("sent %.*s", (int)key.size, (const char *)key.data);
    weir_send(run, "t", json_pack("{s:i}", "a", 1));
    return weir_send(run, "t", json_pack("{s:i}", "a", 1));
}

static weir_job *new_job(void)
{
    weir_job *job = weir_job_new("durable");
    weir_agent *agent = weir_job_agent(job, "agent");
    unsigned flags = are_actions_pure ? WEIR_ACTION_PURE : WEIR_ACTION_JOURNALED;

    if (are_events_sent) {
        weir_agent_action(agent, "send", send_two, NULL, flags, WEIR_INPUT_EVENT, NULL);
        weir_agent_action(agent, "act", act, NULL, flags, "t", NULL);
    } else {
        weir_agent_action(agent, "act", act, NULL, flags, WEIR_INPUT_EVENT, NULL);
    }
    return job;
}

/* ---- its lives --------------------------------------------------------------------------------------------------- */

/* Appends the life's records; a crash is the last one. */
static void add_records(const life *the)
{
    FILE *file = fopen(path_of("input"), "ae");
    char keys[128], *rest = NULL;

    if (!file)
        return;
    (void)snprintf(keys, sizeof keys, "%s", the->keys ? the->keys : "");
    for (char *key = strtok_r(keys, " ", &rest); key; key = strtok_r(NULL, " ", &rest))
        (void)fprintf(file, "{\"key\":\"%s\",\"value\":1}\n", key);
    if (!the->is_to_its_end)
        (void)fprintf(file, "{\"key\":\"crash-%d\",\"value\":1}\n", number);
    (void)fclose(file);
}

static void to_file(int fd, const char *name)
{
    int file = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (file < 0 || dup2(file, fd) < 0)
        _exit(99);
    (void)close(file);
}

/* A process of its own; its exit status, -1: a signal. */
static int start(char **words)
{
    int status = -1, argc = 0;
    pid_t child = fork();

    if (child == 0) {
        to_file(STDOUT_FILENO, "stdout");
        to_file(STDERR_FILENO, "stderr");
        while (words[argc])
            argc++;
        _exit(weir_main(new_job(), argc, words));
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int live(const life *the, bool has_state)
{
    static char job[] = "job", local[] = "local", input[PATH_SIZE], output[PATH_SIZE], state[PATH_SIZE];
    static char lease[] = "--set=calls.start-lease-ms=10", margin[] = "--set=calls.margin-ms=0";
    char *words[] = { job, local, input, output, margin, NULL, NULL, NULL };
    int count = 5;

    living = the;
    number++;
    holding = 0;
    to_hold = 0;
    for (const step *at = the->steps; at->name; at++)
        to_hold += at->manner == HOLDS;
    add_records(the);
    (void)unlink(path_of("notes"));
    (void)snprintf(input, sizeof input, "--input=%s/input", folder);
    (void)snprintf(output, sizeof output, "--output=%s/output", folder);
    (void)snprintf(state, sizeof state, "--state-dir=%s/state", folder);
    if (has_state)
        words[count++] = state;
    if (the->timeout_ms)
        words[count++] = lease; /* so that its doubts are judged soon */
    return start(words);
}

int list_parked(void)
{
    static char job[] = "job", parked[] = "parked", state[PATH_SIZE];
    char *words[] = { job, parked, state, NULL };

    (void)snprintf(state, sizeof state, "--state-dir=%s/state", folder);
    return start(words);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *at)
{
    (void)about;
    (void)kind;
    (void)at;
    return remove(path);
}

void end_case(void)
{
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

bool begin_case(void)
{
    const char *place = getenv("TMPDIR");

    (void)snprintf(folder, sizeof folder, "%s/weir-durable-XXXXXX", place ? place : "/tmp");
    number = 0;
    return mkdtemp(folder) != NULL;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

bool wrong(const char *format, ...)
{
    size_t used;
    va_list args;
    char *notes;

    if (*problem)
        return false; /* the first one says it */
    va_start(args, format);
    (void)vsnprintf(problem, sizeof problem, format, args);
    va_end(args);
    notes = read_all("stderr");
    used = strlen(problem);
    (void)snprintf(problem + used, sizeof problem - used, " (life %d; stderr: %.300s)", number, notes ? notes : "");
    free(notes);
    for (char *at = problem; *at; at++)
        *at = *at == '\n' ? ';' : *at;
    return false;
}

int count_lines(const char *text, const char *line)
{
    size_t size = strlen(line);
    int count = 0;

    while (text && *text) {
        const char *end = strchr(text, '\n');

        count += (size_t)(end - text) == size && memcmp(text, line, size) == 0;
        text = end + 1;
    }
    return count;
}

/* How often something stands in the notes of the last life. */
bool expect_notes(int expected, const char *format, ...)
{
    char line[512], *text = read_all("notes");
    va_list args;
    int count;

    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    count = count_lines(text, line);
    free(text);
    return count == expected || wrong("\"%s\" is noted %d times, expected %d", line, count, expected);
}

bool expect_status(int status, int expected)
{
    return status == expected || wrong("it ended with %d, expected %d", status, expected);
}

/* That a file holds a text. */
bool expect_text(const char *file, const char *part)
{
    char *text = read_all(file);
    bool is_there = text && strstr(text, part);

    free(text);
    return is_there || wrong("%s does not hold '%s'", file, part);
}

/* What a step gave, in the words of the side file. */
bool expect_result(const step *the, const char *key, const json_t *result)
{
    const char *text = json_string_value(json_object_get(result, "returns"));
    const char *message = json_string_value(json_object_get(result, "message"));

    if (json_object_get(result, "throws"))
        return expect_notes(1, "got %s %s fails %d call '%s': %s", the->name, key, (int)WEIR_FAILED, the->name,
                            message);
    return expect_notes(1, "got %s %s returns \"%s\"", the->name, key, text ? text : "");
}
