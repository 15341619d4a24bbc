/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job: a program for each run, drawn from the seed. It is deterministic, given its input and what its calls say;
 * only JOURNALED actions add something of their own at times, since what they did is recorded.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

#include "base/buffer.h"

enum { MOST_AT_ONCE = 3 };

/* One execution of one action. */
typedef struct stage {
    weir_run *run;
    sim_run *of;
    int index, number; /* of the run; of the stage, from 1 */
    int calls;         /* made so far */
    uint64_t carry;    /* all that was heard so far */
} stage;

/* A die of the program: the same at every execution. */
static uint64_t die(const stage *at, int salt, uint64_t below)
{
    return sim_hash(world->seed, (uint64_t)at->index, (uint64_t)at->number, (uint64_t)salt) % below;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static sim_args args_of(const stage *at, int number)
{
    bool asks_for_else = at->of->is_drifting && world->life > 1;

    return (sim_args){
        .run = at->index,
        .stage = at->number,
        .number = number,
        .kind = (int32_t)die(at, 100 + number, 4),
        .carry = at->carry ^ (asks_for_else ? 1 : 0),
    };
}

static weir_future *start(stage *at, sim_args *args)
{
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;
    int number = ++at->calls;

    *args = args_of(at, number);
    options.max_attempts = 1 + (int)die(at, 200 + number, 3);
    options.timeout_ms = 10 + (int64_t)die(at, 300 + number, 100);
    options.first_backoff_ms = 1 + (int64_t)die(at, 400 + number, 30);
    options.max_backoff_ms = 40;
    options.reconcile = sim_reconcile;
    return weir_call_start(at->run, sim_print("call-%d", number), (weir_call_kind)args->kind, sim_service, NULL,
                           weir__bytes(args, sizeof *args), &options);
}

/* What the action is given must be what the journal holds, and be about what was asked. */
static void hear(stage *at, const sim_args *args, weir_code rc, weir_bytes result)
{
    const sim_call *call = at->of->calls[args->stage - 1][args->number - 1];
    uint64_t hash = rc == WEIR_OK ? sim_watch_hash(result) : 0;
    char expected[32];

    at->carry = sim_hash(at->carry, (uint64_t)rc, hash, 1);
    if (world->is_ghost)
        return;
    (void)snprintf(expected, sizeof expected, "\"a%016llxe",
                   (unsigned long long)sim_hash((uint64_t)args->run << 32 | (uint32_t)args->stage,
                                                (uint64_t)args->number, (uint64_t)args->kind, args->carry));
    if (rc == WEIR_OK && result.size > 2 && result.data[1] == 'a' &&
        (result.size < strlen(expected) || memcmp(result.data, expected, strlen(expected)) != 0))
        sim_violate("run %d, stage %d, call %d is given the result of other arguments", at->index, at->number,
                    args->number);
    for (int i = 1; call && i < SIM_ATTEMPTS && !at->of->may_diverge; i++) {
        const sim_attempt *attempt = &call->attempts[i];
        bool is_settled = (attempt->end == SIM_END_OUTCOME && attempt->is_final) ||
                          (attempt->end == SIM_END_DECIDED && attempt->decision != WEIR__DECISION_RETRY);

        if (is_settled && (attempt->code != rc || (rc == WEIR_OK && attempt->result != hash)))
            sim_violate("run %d, stage %d, call %d is given something else than what ended its attempt %d first",
                        at->index, at->number, args->number, i);
    }
}

static weir_code hear_future(stage *at, const sim_args *args, const weir_future *future)
{
    weir_bytes result = { NULL, 0 };
    weir_code rc = weir_future_result(future, &result, NULL);

    hear(at, args, rc, result);
    return rc;
}

/* One call, several at once, or the first of several. WEIR_CANCELED: leave. */
static weir_code make_calls(stage *at, int op)
{
    int how = (int)die(at, 10 + op, 4), count = how < 2 ? 1 : 2 + (int)die(at, 20 + op, MOST_AT_ONCE - 1);
    weir_future *futures[MOST_AT_ONCE];
    sim_args args[MOST_AT_ONCE];
    weir_code rc, last = WEIR_OK;
    size_t which = 0;

    if (at->calls + count > SIM_CALLS)
        return WEIR_OK;
    for (int i = 0; i < count; i++) {
        futures[i] = start(at, &args[i]);
        if (!futures[i])
            return WEIR_CANCELED;
    }
    if (how == 3) {
        rc = weir_wait_any(at->run, futures, (size_t)count, &which, NULL);
        if (rc == WEIR_CANCELED)
            return rc;
        at->carry = sim_hash(at->carry, which, 2, 2);
        return hear_future(at, &args[which], futures[which]);
    }
    rc = weir_wait_all(at->run, futures, (size_t)count, NULL);
    if (rc == WEIR_CANCELED)
        return rc;
    for (int i = 0; i < count; i++) {
        rc = hear_future(at, &args[i], futures[i]);
        last = rc == WEIR_OK ? last : rc;
    }
    return last;
}

/* ---- an action --------------------------------------------------------------------------------------------------- */

static void output(stage *at, int number, int64_t count)
{
    char *text = sim_print("{\"run\":%d,\"stage\":%d,\"n\":%d,\"count\":%lld,\"carry\":\"%016llx\"}", at->index,
                           at->number, number, (long long)count, (unsigned long long)at->carry);
    sim_stage *kept = &at->of->stage[at->number - 1];

    (void)weir_output_bytes(at->run, weir__bytes_text(text));
    if (!world->is_ghost)
        kept->texts[kept->outputs++] = text;
}

static weir_code next(stage *at)
{
    bool is_journaled = sim_hash(world->seed, (uint64_t)at->index, (uint64_t)at->number + 1, 5) % 3 != 0;

    return weir_send(at->run, is_journaled ? "journaled" : "pure",
                     json_pack("{s:i, s:i, s:I}", "run", at->index, "stage", at->number + 1, "carry",
                               (json_int_t)(at->carry >> 2)));
}

static weir_code work(stage *at, bool is_journaled)
{
    weir_memory *memory = weir_short_term(at->run);
    int ops = (int)die(at, 1, 4);
    bool is_last = at->number == at->of->stages;
    weir_code rc = WEIR_OK;
    int64_t count;

    if (at->number == 1)
        (void)weir_memory_set_int(memory, "count", weir_memory_int(memory, "count", 0) + 1);
    if (at->number == 1 && !world->is_ghost)
        at->of->read = (uint64_t)weir_memory_int(memory, "carry", 0);
    if (at->number == 1 && die(at, 6, 2) == 0) /* what earlier runs of the key have heard */
        at->carry = sim_hash(at->carry, (uint64_t)weir_memory_int(memory, "carry", 0), 3, 3);
    for (int op = 0; op < ops; op++) {
        rc = make_calls(at, op);
        if (rc == WEIR_CANCELED)
            return rc;
        if (rc == WEIR_FAILED && die(at, 30 + op, 4) == 0)
            break;
        rc = WEIR_OK;
    }
    if (rc != WEIR_OK || (is_last && die(at, 3, 12) == 0)) {
        if (!world->is_ghost)
            at->of->has_failed = true;
        return weir_fail(at->run, WEIR_FAILED, "it had to");
    }
    if (is_journaled && die(at, 2, 2) == 0)
        at->carry ^= sim_random(0x10000); /* the action's own: it must be recorded before anything rests on it */
    count = weir_memory_int(memory, "count", 0);
    if (is_last || die(at, 4, 3) == 0)
        output(at, 0, count);
    if (die(at, 5, 4) == 0)
        output(at, 1, count);
    (void)weir_memory_set_int(memory, "carry", (int64_t)(at->carry >> 2));
    if (is_last && !world->is_ghost)
        at->of->left = at->carry >> 2;
    return is_last ? WEIR_OK : next(at);
}

static weir_code begin(weir_run *run, int index, int number, uint64_t carry, bool is_journaled)
{
    stage at = { run, &world->run[index], index, number, 0, carry };
    weir_code rc;

    if (index < 0 || index >= world->runs || number < 1 || number > at.of->stages) {
        sim_violate("an action is called with what nobody sent: run %d, stage %d", index, number);
        return WEIR_FAILED;
    }
    if (sim_step_taken(SIM_STEP_ACTION_BEGINS)) {
        sim_trace("run %d stage %d begins", index, number);
        if (at.of->is_over)
            sim_violate("run %d is run again, but it is over", index);
        if (at.of->stage[number - 1].is_recorded && !at.of->may_diverge)
            sim_violate("run %d, stage %d is run again, but its result is recorded", index, number);
        at.of->stage[number - 1].outputs = 0;
        at.of->has_failed = at.of->is_given_up;
    }
    rc = work(&at, is_journaled);
    (void)sim_step_taken(SIM_STEP_ACTION_ENDS);
    return rc;
}

static weir_code on_input(weir_run *run, const weir_event *event, void *arg)
{
    int index = (int)weir_event_int(event, "/input/run", -1);

    return begin(run, index, 1, (uint64_t)index, arg != NULL);
}

static weir_code on_event(weir_run *run, const weir_event *event, void *arg)
{
    return begin(run, (int)weir_event_int(event, "/run", -1), (int)weir_event_int(event, "/stage", -1),
                 (uint64_t)weir_event_int(event, "/carry", 0), arg != NULL);
}

weir_job *sim_job_new(bool is_input_journaled)
{
    static bool yes;
    weir_job *job = weir_job_new("sim");
    weir_agent *agent = weir_job_agent(job, "agent");

    (void)weir_agent_action(agent, "input", on_input, is_input_journaled ? &yes : NULL,
                            is_input_journaled ? WEIR_ACTION_JOURNALED : WEIR_ACTION_PURE, WEIR_INPUT_EVENT, NULL);
    (void)weir_agent_action(agent, "journaled", on_event, &yes, WEIR_ACTION_JOURNALED, "journaled", NULL);
    (void)weir_agent_action(agent, "pure", on_event, NULL, WEIR_ACTION_PURE, "pure", NULL);
    return job; /* what went wrong is kept in it, and told at the start */
}

void sim_job_input(void)
{
    weir_buffer text;

    weir__buffer_init(&text, SIZE_MAX);
    for (int i = 0; i < world->runs; i++) {
        sim_run *run = &world->run[i];
        char line[128];

        run->key = (int)sim_random((uint64_t)world->keys);
        run->stages = 1 + (int)sim_random(sim_chance(2) ? SIM_STAGES : 2);
        run->is_drifting = world->has_drift && sim_chance(3);
        run->may_diverge = run->is_drifting;
        for (int j = 0; j < i; j++) /* what rests on another past is another present */
            run->may_diverge |= world->run[j].is_drifting && world->run[j].key == run->key;
        run->is_bad = sim_chance(25);
        (void)snprintf(line, sizeof line, "{\"key\":\"k%d\",\"value\":{\"run\":%d%s},\"timestamp\":%d}\n", run->key, i,
                       run->is_bad ? "," : "", i * 10);
        if (weir__buffer_add_text(&text, line) != WEIR_OK)
            sim_violate("no memory for the input");
    }
    sim_disk_put("/sim/input.jsonl", (const char *)text.data, text.size);
    weir__buffer_clear(&text);
}
