/* SPDX-License-Identifier: Apache-2.0 */
/* The job: counts, sets and deletes memory, makes calls; and the service that the calls reach. */
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

#include "stage.h"

static const weir_call_kind kinds[] = { WEIR_CALL_ONCE, WEIR_CALL_CHECKED, WEIR_CALL_IDEMPOTENT };

weir_call_kind stage_kind(int number, int call)
{
    return kinds[sim_hash(world->seed, (uint64_t)(number * CALLS + call)) % 3];
}

/* ---- the service ------------------------------------------------------------------------------------------------- */

typedef struct on_its_way {
    service_call *call;
    uint64_t bit;
} on_its_way;

static uint64_t bit_of(const weir_attempt *of)
{
    return 1ULL << (of->number < 63 ? of->number : 63);
}

static void land(void *arg)
{
    const on_its_way *made = arg;
    service_call *call = made->call;
    int which = (int)(call - on_stage->calls[0]);

    call->pending &= ~made->bit;
    call->landed++;
    if (call->landed > 1)
        sim_violate("call %d of input %d is made twice", which % CALLS, which / CALLS);
}

static bool has_landed(void *arg)
{
    return ((const service_call *)arg)->landed > 0;
}

static bool is_never(void *arg)
{
    (void)arg;
    return false;
}

static weir_code result_of(int number, int call, weir_buffer *result)
{
    char text[32];
    int size = snprintf(text, sizeof text, "\"r%d.%d\"", number, call);

    return weir_buffer_append(result, text, (size_t)size);
}

static service_call *call_of(weir_bytes args, int *number, int *call)
{
    char text[32] = "";

    memcpy(text, args.data, args.size < sizeof text ? args.size : sizeof text - 1);
    if (sscanf(text, "%d %d", number, call) != 2 || *number >= on_stage->inputs || *call >= CALLS) {
        sim_violate("a call with strange arguments: %s", text);
        *number = *call = 0;
    }
    return &on_stage->calls[*number][*call];
}

/* An API that honours keys makes a call once, however often it is asked. */
static bool is_new_key(service_call *at, const char *key)
{
    if (*at->key && strcmp(at->key, key) != 0)
        sim_violate("a call has another idempotency key at another attempt");
    if (*at->key)
        return false;
    (void)snprintf(at->key, sizeof at->key, "%s", key);
    return true;
}

static weir_code serve(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    int64_t life_ms = attempt->deadline_ms - world->now_ms;
    int number, call;
    service_call *at = call_of(args, &number, &call);
    weir_call_kind kind = stage_kind(number, call);
    on_its_way *made;
    bool is_new;

    (void)arg;
    if (sim_here()->is_dead)
        return WEIR_UNKNOWN;
    is_new = is_new_key(at, attempt->idempotency_key);
    sim_trace("call %d of input %d begins, attempt %d", call, number, attempt->number);
    if (kind != WEIR_CALL_IDEMPOTENT)
        watch_begins(number, call, attempt->number);
    if ((kind == WEIR_CALL_IDEMPOTENT && !is_new) || !sim_chance(10)) {
        if (kind != WEIR_CALL_IDEMPOTENT || is_new) {
            made = sim_alloc(sizeof *made);
            *made = (on_its_way){ at, bit_of(attempt) };
            at->pending |= made->bit;
            sim_in(sim_between(0, life_ms > 1 ? life_ms - 1 : 0), land, made);
        }
    } else if (kind == WEIR_CALL_IDEMPOTENT) {
        at->key[0] = '\0'; /* it has not arrived */
    }
    if (sim_chance(on_stage->deadly_call)) { /* the worst moment */
        sim_kill(sim_here());
        return WEIR_UNKNOWN;
    }
    if (!sim_wait(has_landed, at, world->now_ms + life_ms + sim_between(-5, 5)) || sim_chance(16))
        return weir__fail(err, WEIR_UNKNOWN, WEIR_REMEDY_RETRY, "no answer");
    if (sim_chance(8)) /* made, and long in saying so */
        (void)sim_wait(is_never, NULL, world->now_ms + sim_between(0, 4 * MARGIN_MS));
    if (!sim_step("call answers"))
        return WEIR_UNKNOWN;
    sim_trace("call %d of input %d answers", call, number);
    return result_of(number, call, result);
}

static weir_verdict reconcile(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                              weir_error *err)
{
    int number, call;
    const service_call *at = call_of(args, &number, &call);

    (void)arg;
    (void)err;
    if (!sim_step("reconcile"))
        return WEIR_VERDICT_UNKNOWN;
    /* Later attempts are none of its business: it may be a process that stood still, and is not the owner any more. */
    if (at->pending & (2 * bit_of(attempt) - 1))
        sim_violate("call %d of input %d is asked about, and may still land", call, number);
    sim_trace("the reconciler: call %d of input %d is %s", call, number, at->landed ? "done" : "not done");
    if (!at->landed)
        return WEIR_VERDICT_NOT_DONE;
    return result_of(number, call, result) == WEIR_OK ? WEIR_VERDICT_DONE : WEIR_VERDICT_UNKNOWN;
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

/* *by: who has answered it: the service or its reconciler (r), or the operator (d). */
static weir_code make_call(weir_run *run, int number, int call, char *by)
{
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;
    weir_bytes result;
    char args[32];
    int size = snprintf(args, sizeof args, "%d %d", number, call);
    weir_code rc;

    options.max_attempts = 30;
    options.timeout_ms = CALL_MS;
    options.first_backoff_ms = 1;
    options.max_backoff_ms = 20;
    options.reconcile = reconcile;
    rc = weir_call(run, "call", stage_kind(number, call), serve, NULL, weir__bytes(args, (size_t)size), &options,
                   &result, NULL);
    *by = rc == WEIR_OK && result.size > 1 ? (char)result.data[1] : '?';
    return rc;
}

static weir_code on_input(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int number = (int)weir_event_int(event, "/input/n", -1), extra = (int)weir_event_int(event, "/input/extra", 0);
    int calls = (int)weir_event_int(event, "/input/calls", 0);
    char text[96], by[CALLS + 1] = "";
    int size;

    (void)arg;
    for (int i = 0; i < calls; i++) {
        weir_code rc = make_call(run, number, i, &by[i]);

        if (rc == WEIR_CANCELED)
            return rc;
        if (rc != WEIR_OK && !sim_here()->is_dead)
            sim_violate("call %d of input %d fails: %d", i, number, (int)rc);
    }
    (void)weir_memory_set_int(memory, "count", weir_memory_int(memory, "count", 0) + 1);
    if (extra == EXTRA_SET)
        (void)weir_memory_set_int(memory, "extra.deep", number + 1);
    else if (extra == EXTRA_DELETE)
        (void)weir_memory_delete(memory, "extra");
    size = snprintf(text, sizeof text, "{\"n\":%d,\"count\":%d,\"extra\":%d,\"by\":\"%s\"}", number,
                    (int)weir_memory_int(memory, "count", 0), (int)weir_memory_int(memory, "extra.deep", 0), by);
    return weir_output_bytes(run, weir__bytes(text, (size_t)size));
}

weir_job *stage_job(void)
{
    weir_job *job = weir_job_new("job");

    (void)weir_agent_action(weir_job_agent(job, "agent"), "input", on_input, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT,
                            NULL);
    return job; /* what went wrong is kept in it, and told at the start */
}
