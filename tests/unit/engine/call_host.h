/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host for calls whose time, threads and journal are the test's. All that happens is kept as words in host.trace:
 *
 *   I1.2#3  intent: instance 1, call 2, attempt 3     O1.2#3=ok  outcome, final; O1.2#3~code: another attempt follows
 *   W1.2#3  withdrawn                                  P1.2#3:why parked    D1.2#3:word decision    V void mark
 *   R1      result of the action                       F1.2=0     which call the second wait went on with
 *   name#3  the function begins                        ask:name#3 the reconciler is asked
 *   durable tickets are told                           parked, goes-on, k=OUTPUT, k!code: what the engine says of a run
 *
 * What is to happen while nothing is ready is said by host.script, one word a wait:
 *
 *   t tickets are told   T they are told that the disk is gone   r the first task that is held is run   l the last one
 *   h the first task is run in a thread of its own; its function hangs until f   n the clock goes to the next timer
 *   +50 the clock goes on by 50 ms   s the engine is told to stop   ! host.hook is called
 *
 * When the script is over tickets, tasks and timers follow by themselves, until nothing is left to happen.
 */
#ifndef WEIR_TESTS_ENGINE_CALL_HOST_H
#define WEIR_TESTS_ENGINE_CALL_HOST_H

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/weir.h>

#include "engine/engine.h"
#include "engine/errand.h"
#include "engine/recall.h"
#include "engine/result.h"
#include "engine/run_journal.h"
#include "suite.h"

enum { MOST_ENTRIES = 256, MOST_HUNG = 4, LEASE_MS = 1000, MARGIN_MS = 100, TIMEOUT_MS = 500 };

typedef struct sealed_entry {
    uint64_t run;
    weir_buffer bytes;
} sealed_entry;

typedef struct call_host {
    weir_engine *engine;
    const char *const *keys; /* of the records, NULL behind the last; their values are their numbers */
    const char *owners;      /* of the records, a digit each; NULL: all 0 */
    bool is_dropped[10];     /* owners: by the test; forgotten before their next record */
    size_t given;
    const char *script;
    void (*hook)(void);
    bool is_over, is_stopping;
    bool is_lenient;         /* words of the script that nothing is there for are left out */
    int64_t now_ms, wall_ms;
    weir_task *tasks;
    weir_ticket *tickets;
    pthread_t hung[MOST_HUNG];
    size_t hung_count;
    sem_t begun, go;
    sealed_entry journal[MOST_ENTRIES];
    size_t journal_count;
    int64_t max_backoff_ms;  /* of calls */
    int64_t append_fails_at; /* the number of the entry that cannot be queued, from 1; 0: none */
    weir_buffer trace;
    weir_error error; /* of the last failed run */
} call_host;

static call_host host;
static weir_job *job;

static inline void trace(const char *format, ...) WEIR_PRINTF(1, 2);
static inline void trace(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ck_assert_int_eq(weir__buffer_add_text(&host.trace, text), WEIR_OK);
    ck_assert_int_eq(weir__buffer_add_byte(&host.trace, ' '), WEIR_OK);
}

/* What has happened since the last call of this. */
static inline const char *traced(void)
{
    ck_assert_int_eq(weir__buffer_add_byte(&host.trace, 0), WEIR_OK);
    host.trace.size = 0;
    return (const char *)host.trace.data;
}

/* ---- the clock, the executor, the journal ------------------------------------------------------------------------ */

static inline int64_t host_monotonic_ms(void *context)
{
    (void)context;
    return host.now_ms;
}

static inline int64_t host_wall_ms(void *context)
{
    (void)context;
    return host.wall_ms;
}

static const weir_clock host_clock = { host_monotonic_ms, host_wall_ms, NULL };

static inline void pass_time(int64_t ms)
{
    host.now_ms += ms;
    host.wall_ms += ms;
}

static inline void host_submit(void *context, weir_task *task)
{
    weir_task **tail = &host.tasks;

    (void)context;
    while (*tail)
        tail = &(*tail)->next;
    task->next = NULL;
    *tail = task;
}

static const weir_executor host_calls = { host_submit, NULL };

static inline weir_task *take_task(bool is_last)
{
    weir_task **at = &host.tasks;
    weir_task *task;

    ck_assert_msg(*at != NULL, "no task is held; so far: %s", traced());
    while (is_last && (*at)->next)
        at = &(*at)->next;
    task = *at;
    *at = task->next;
    return task;
}

static inline void *run_hanging(void *context)
{
    weir_task *task = context;

    task->run(task);
    return NULL;
}

static inline void hang_task(void)
{
    ck_assert_uint_lt(host.hung_count, MOST_HUNG);
    ck_assert_int_eq(pthread_create(&host.hung[host.hung_count++], NULL, run_hanging, take_task(false)), 0);
    ck_assert_int_eq(sem_wait(&host.begun), 0);
}

/* Lets the one that hangs go on; there is one. */
static inline void finish_hung(void)
{
    ck_assert_uint_eq(host.hung_count, 1);
    ck_assert_int_eq(sem_post(&host.go), 0);
    ck_assert_int_eq(pthread_join(host.hung[--host.hung_count], NULL), 0);
}

static inline void tell_tickets(const weir_error *err)
{
    weir_ticket *tickets = host.tickets;

    host.tickets = NULL;
    trace(err ? "lost" : "durable");
    while (tickets) {
        weir_ticket *next = tickets->next;

        tickets->known(tickets, err);
        tickets = next;
    }
}

static inline void trace_entry(const weir_entry *entry)
{
    static const char *const words[] = { "result", "retry", "fail" };
    char place[64];

    (void)snprintf(place, sizeof place, "%u.%u#%u", entry->instance, entry->call, entry->attempt);
    switch (entry->kind) {
    case WEIR__ENTRY_RESULT:
        trace("R%u", entry->instance);
        break;
    case WEIR__ENTRY_INTENT:
        trace("I%s", place);
        break;
    case WEIR__ENTRY_OUTCOME:
        trace("O%s%s%s", place, entry->is_final ? "=" : "~", weir__code_name(entry->code));
        break;
    case WEIR__ENTRY_WITHDRAWN:
        trace("W%s", place);
        break;
    case WEIR__ENTRY_PARKED:
        trace("P%s:%s", place, weir__park_reason_name(entry->reason));
        break;
    case WEIR__ENTRY_RESOLUTION:
        if (strcmp(entry->id, "divergence") == 0)
            trace("V");
        else
            trace("D%s:%s", place, words[entry->decision]);
        break;
    case WEIR__ENTRY_FIRST:
        trace("F%u.%u=%u", entry->instance, entry->call, entry->which);
        break;
    case WEIR__ENTRY_CLAIM:
        trace("claim");
        break;
    }
}

static inline weir_code host_append(void *context, weir_run *run, const weir_entry *given, weir_bytes sealed,
                                    weir_ticket *ticket, weir_error *err)
{
    sealed_entry *kept = &host.journal[host.journal_count];
    weir_ticket **tail = &host.tickets;
    weir_arena arena;
    weir_entry *entry;

    (void)context;
    if (host.append_fails_at && (int64_t)host.journal_count + 1 == host.append_fails_at)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "the disk is full");
    ck_assert_uint_lt(host.journal_count++, MOST_ENTRIES);
    kept->run = run->index;
    weir__buffer_init(&kept->bytes, SIZE_MAX);
    ck_assert_int_eq(weir__buffer_add(&kept->bytes, sealed.data, sealed.size), WEIR_OK);
    weir__arena_init(&arena, 1024);
    ck_assert_int_eq(weir__entry_open(sealed, &arena, &entry, err), WEIR_OK);
    ck_assert_str_eq(entry->run, weir_run_id(run));
    ck_assert_int_eq(entry->epoch, 7);
    ck_assert_int_eq(entry->kind, given->kind);
    trace_entry(entry);
    weir__arena_clear(&arena);
    if (ticket) {
        while (*tail)
            tail = &(*tail)->next;
        ticket->next = NULL;
        *tail = ticket;
    }
    return WEIR_OK;
}

/* ---- the port ---------------------------------------------------------------------------------------------------- */

/* What the journal holds of a run, as a start finds it. */
static inline void recall_entries(weir_run *run)
{
    weir_entry **tail = &run->entries;
    weir_error err;

    for (size_t i = 0; i < host.journal_count; i++) {
        if (host.journal[i].run != run->index)
            continue;
        ck_assert_int_eq(weir__entry_open(weir__buffer_bytes(&host.journal[i].bytes), &run->arena, tail, &err),
                         WEIR_OK);
        tail = &(*tail)->next;
    }
}

static inline weir_turn host_turn(void *context, bool may_accept)
{
    weir_engine_counts counts = weir__engine_counts(host.engine);
    weir_error err;
    weir_run *run;
    char text[32];
    uint32_t owner;

    (void)context;
    if (host.is_over || host.is_stopping)
        return host.is_stopping && *host.script ? WEIR__TURN_IDLE : WEIR__TURN_STOP;
    if (!host.keys[host.given])
        return counts.accepted == counts.ended ? WEIR__TURN_STOP : WEIR__TURN_IDLE;
    if (!may_accept)
        return WEIR__TURN_IDLE;
    owner = host.owners ? (uint32_t)(host.owners[host.given] - '0') : 0;
    if (host.is_dropped[owner]) {
        if (weir__engine_is_dropping(host.engine, owner))
            return WEIR__TURN_IDLE;
        weir__engine_forget(host.engine, owner);
        host.is_dropped[owner] = false;
    }
    run = weir__engine_new_run(host.engine);
    run->owner = owner;
    run->source = "test";
    run->index = host.given++;
    run->epoch = 7;
    run->timestamp = 1000;
    run->key_bytes = weir__bytes_text(host.keys[run->index]);
    (void)snprintf(text, sizeof text, "%" PRIu64, run->index);
    ck_assert_int_eq(weir__json_parse(weir__bytes_text(text), 512, &run->arena, &run->value, &err), WEIR_OK);
    recall_entries(run);
    ck_assert_int_eq(weir__engine_accept(host.engine, run, &err), WEIR_OK);
    return WEIR__TURN_MORE;
}

static inline void run_task(bool is_last)
{
    weir_task *task = take_task(is_last);

    task->run(task);
}

static inline void follow_script(void)
{
    static const weir_error gone = { WEIR_IO, WEIR_REMEDY_STOP, NULL, 0, "the disk is gone" };
    const char *word = host.script;
    char *end;

    host.script++;
    if (host.is_lenient && ((*word == 't' && !host.tickets) || (*word == 'r' && !host.tasks)))
        return;
    switch (*word) {
    case 't':
        ck_assert_msg(host.tickets != NULL, "no ticket is held; so far: %s", traced());
        tell_tickets(NULL);
        break;
    case 'T':
        tell_tickets(&gone);
        break;
    case 'r':
    case 'l':
        run_task(*word == 'l');
        break;
    case 'h':
        hang_task();
        break;
    case 'f':
        finish_hung();
        break;
    case 'n':
        ck_assert_int_ge(weir__engine_timeout_ms(host.engine), 0);
        pass_time(weir__engine_timeout_ms(host.engine));
        break;
    case '+':
        pass_time(strtol(word + 1, &end, 10));
        host.script = end;
        break;
    case 's':
        host.is_stopping = true;
        weir__engine_stop(host.engine);
        break;
    case '!':
        host.hook();
        break;
    default:
        ck_abort_msg("unknown word '%c'", *word);
    }
    host.script += strspn(host.script, " ");
}

static inline void host_wait(void *context)
{
    (void)context;
    if (*host.script) {
        follow_script();
    } else if (host.tickets) {
        tell_tickets(NULL);
    } else if (host.tasks) {
        run_task(false);
    } else if (weir__engine_timeout_ms(host.engine) >= 0) {
        pass_time(weir__engine_timeout_ms(host.engine));
    } else {
        host.is_over = true;
    }
}

static inline void host_ended(void *context, weir_run *run)
{
    (void)context;
    if (run->failure.error.code != WEIR_OK) {
        host.error = run->failure.error;
        trace("%.*s!%s", (int)run->key_bytes.size, (const char *)run->key_bytes.data,
              weir__code_name(run->failure.error.code));
        return;
    }
    for (const weir_output_item *output = run->outputs; output; output = output->next)
        trace("%.*s=%.*s", (int)run->key_bytes.size, (const char *)run->key_bytes.data, (int)output->text.size,
              (const char *)output->text.data);
}

static inline void host_parked(void *context, weir_run *run, const weir_entry *parked)
{
    (void)context;
    ck_assert_str_eq(weir_run_id(run), "test/0");
    trace(parked ? "parked" : "goes-on");
}

static const weir_engine_port host_port = { host_turn, host_wait, host_ended, NULL, host_append, host_parked, false };
static const weir_engine_port port_in_memory = { host_turn, host_wait, host_ended, NULL, NULL, NULL, false };

static inline weir_engine_options host_options(void)
{
    return (weir_engine_options){ .port = &host_port, .events_per_run = 1000, .runs_in_flight = 1000,
                                  .queue_per_key = 1000, .queue_bytes = SIZE_MAX, .stack_bytes = 256 * 1024,
                                  .depth = 16, .cache_bytes = SIZE_MAX, .keep_results = true, .clock = &host_clock,
                                  .calls = &host_calls, .lease_ms = LEASE_MS, .margin_ms = MARGIN_MS,
                                  .needs_journal = true };
}

/* ---- lives ------------------------------------------------------------------------------------------------------- */

static const char *const one_key[] = { "k", NULL };

/* Ends the life of an engine, as a kill does: what is held is never told, and what was not begun never begins. */
static inline void kill_engine(void)
{
    weir_task *tasks = host.tasks;

    host.tasks = NULL;
    host.tickets = NULL;
    weir__engine_free(host.engine);
    host.engine = NULL;
    while (tasks) {
        weir_errand *errand = (weir_errand *)tasks;

        tasks = tasks->next;
        errand->lease_ms = 1; /* a thread that comes too late frees it */
        errand->intent_ms = host.now_ms - 10;
        errand->task.run(&errand->task);
    }
    while (host.hung_count) {
        ck_assert_int_eq(sem_post(&host.go), 0);
        ck_assert_int_eq(pthread_join(host.hung[--host.hung_count], NULL), 0);
    }
}

/* A life: records of these keys, with what the journal holds of them. Says what happened. */
static inline const char *live(weir_engine_options options, const char *const *keys, const char *script)
{
    weir_error err;

    kill_engine();
    ck_assert_int_eq(weir__job_seal(job, &err), WEIR_OK);
    options.job = job;
    ck_assert_int_eq(weir__engine_new(&options, &host.engine, &err), WEIR_OK);
    host.keys = keys;
    host.given = 0;
    host.script = script;
    host.is_over = host.is_stopping = false;
    host.trace.size = 0;
    ck_assert_int_eq(weir__engine_run(host.engine, &err), WEIR_OK);
    return traced();
}

static inline void forget_journal(size_t from)
{
    while (host.journal_count > from)
        weir__buffer_clear(&host.journal[--host.journal_count].bytes);
}

/* The first `count` entries are written once more: nobody had told their producer that they were. */
static inline void repeat_journal(size_t count)
{
    ck_assert_uint_lt(host.journal_count + count, MOST_ENTRIES);
    memmove(&host.journal[2 * count], &host.journal[count], (host.journal_count - count) * sizeof *host.journal);
    for (size_t i = 0; i < count; i++) {
        sealed_entry *again = &host.journal[count + i];

        again->run = host.journal[i].run;
        weir__buffer_init(&again->bytes, SIZE_MAX);
        ck_assert_int_eq(weir__buffer_add(&again->bytes, host.journal[i].bytes.data, host.journal[i].bytes.size),
                         WEIR_OK);
    }
    host.journal_count += count;
}

/* ---- a service to call ------------------------------------------------------------------------------------------- */

/* Answers one call after the other; the last answer is given from then on. */
typedef struct service {
    const char *name;
    const char *answers; /* words: a result, or one of none, failed, refused, unknown, odd, hang, long; "=" is empty */
    int calls;
    char key[WEIR__UUID_TEXT]; /* of the last one */
    const char *verdict;       /* words of its reconciler: done, not-done, unknown, hang, odd, long */
    int questions;
} service;

/* The word that is said then; the last one from then on. */
static inline void word_of(const char *words, int number, char text[32])
{
    for (int i = 0; i < number && strchr(words, ' '); i++)
        words = strchr(words, ' ') + 1;
    (void)snprintf(text, 32, "%.*s", (int)strcspn(words, " "), words);
}

static inline weir_code answer(service *at, weir_buffer *result, weir_error *err)
{
    char text[32];

    word_of(at->answers, at->calls++, text);
    if (strcmp(text, "hang") == 0) {
        ck_assert_int_eq(sem_post(&host.begun), 0);
        while (sem_wait(&host.go) != 0)
            ;
        return weir_buffer_append(result, "\"late\"", 6) == WEIR_OK ? WEIR_OK : WEIR_FAILED;
    }
    if (strcmp(text, "refused") == 0)
        return weir__fail_from(err, WEIR_NOT_DONE, WEIR_REMEDY_RETRY, "errno", 111, "connection refused");
    if (strcmp(text, "unknown") == 0)
        return weir__fail(err, WEIR_UNKNOWN, WEIR_REMEDY_RETRY, "connection reset");
    if (strcmp(text, "failed") == 0)
        return weir__fail(err, WEIR_FAILED, WEIR_REMEDY_FIX, "card expired");
    if (strcmp(text, "odd") == 0)
        return WEIR_IO; /* and no word of why */
    if (strcmp(text, "long") == 0) {
        for (int i = 0; i < 100; i++)
            (void)weir_buffer_append(result, "0123456789", 10); /* what does not fit is the test */
        return WEIR_OK;
    }
    if (strcmp(text, "=") == 0)
        return WEIR_OK;
    return weir_buffer_append(result, text, strlen(text));
}

static inline weir_code serve(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                              weir_error *err)
{
    service *at = arg;

    (void)args;
    (void)snprintf(at->key, sizeof at->key, "%s", attempt->idempotency_key);
    trace("%s#%d", at->name, attempt->number);
    return answer(at, result, err);
}

static inline weir_verdict reconcile(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                                     weir_error *err)
{
    service *at = arg;
    char word[32];

    (void)args;
    (void)err;
    word_of(at->verdict, at->questions++, word);
    trace("ask:%s#%d", at->name, attempt->number);
    ck_assert_int_eq(at->key[0] == '\0' || strcmp(at->key, attempt->idempotency_key) == 0, true);
    if (strcmp(word, "hang") == 0) {
        ck_assert_int_eq(sem_post(&host.begun), 0);
        while (sem_wait(&host.go) != 0)
            ;
        return WEIR_VERDICT_DONE;
    }
    if (strcmp(word, "long") == 0) {
        for (int i = 0; i < 100; i++)
            (void)weir_buffer_append(result, "0123456789", 10);
        return WEIR_VERDICT_DONE;
    }
    if (strcmp(word, "done") == 0)
        return weir_buffer_append(result, "\"found\"", 7) == WEIR_OK ? WEIR_VERDICT_DONE : WEIR_VERDICT_UNKNOWN;
    if (strcmp(word, "not-done") == 0)
        return WEIR_VERDICT_NOT_DONE;
    return strcmp(word, "odd") == 0 ? (weir_verdict)42 : WEIR_VERDICT_UNKNOWN;
}

static inline weir_call_options call_options(service *at, int attempts)
{
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;

    options.max_attempts = attempts;
    options.timeout_ms = TIMEOUT_MS;
    options.max_backoff_ms = host.max_backoff_ms;
    options.reconcile = reconcile;
    options.reconcile_arg = at;
    return options;
}

static inline weir_future *start_call(weir_run *run, service *at, weir_call_kind kind, int attempts)
{
    weir_call_options options = call_options(at, attempts);

    return weir_call_start(run, at->name, kind, serve, at, weir__bytes_text("args"), &options);
}

/* The result of a call as an output, or its error as the run's. */
static inline weir_code output_call(weir_run *run, service *at, weir_call_kind kind, int attempts)
{
    weir_call_options options = call_options(at, attempts);
    weir_bytes result;
    weir_error err;
    weir_code rc = weir_call(run, at->name, kind, serve, at, weir__bytes_text("args"), &options, &result, &err);

    if (rc != WEIR_OK)
        return rc == WEIR_CANCELED ? rc : weir_fail(run, rc, "%s", err.message);
    return weir_output_bytes(run, result);
}

static weir_code (*body)(weir_run *run, const weir_event *event);

static inline weir_code act(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    return body(run, event);
}

static inline void host_set_up(void)
{
    memset(&host, 0, sizeof host);
    host.now_ms = 1000000;
    host.wall_ms = 1700000000000;
    host.max_backoff_ms = 30000;
    weir__buffer_init(&host.trace, SIZE_MAX);
    ck_assert_int_eq(sem_init(&host.begun, 0, 0), 0);
    ck_assert_int_eq(sem_init(&host.go, 0, 0), 0);
    job = weir_job_new("test");
    ck_assert_int_eq(weir_agent_action(weir_job_agent(job, "a"), "x", act, NULL, 0, WEIR_INPUT_EVENT, NULL), WEIR_OK);
}

static inline void host_tear_down(void)
{
    kill_engine();
    forget_journal(0);
    weir__buffer_clear(&host.trace);
    weir_job_free(job);
    (void)sem_destroy(&host.begun);
    (void)sem_destroy(&host.go);
}

#endif
