/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People who decide on parked runs: between two lives through the store, as `resolve` does, and while a job runs in the
 * place of its folder of decisions (src/host/decisions.c is linked out: it knows the machine's files only). They press
 * twice, they are late, they mean another attempt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#include "engine/engine.h"
#include "host/decisions.h"
#include "host/parked.h"

enum { LETTERS = 64 };

/* A decision on its way into a running job: it stays until it is known to be durable. */
typedef struct letter {
    weir_ticket ticket; /* first: cast back */
    bool is_used, is_taken;
    int run;
    weir_entry decision;
} letter;

static letter letters[LETTERS];

void sim_operator_begin(void)
{
    memset(letters, 0, sizeof letters);
}

static weir_entry draw_decision(const sim_run *run)
{
    weir_entry decision = {
        .kind = WEIR__ENTRY_RESOLUTION,
        .attempt = run->parked.attempt,
        .id = "somebody",
    };

    switch (sim_random(3)) {
    case 0:
        decision.decision = run->parked.call ? WEIR__DECISION_RESULT : WEIR__DECISION_FAIL;
        if (run->parked.call)
            decision.result = weir__bytes_text(sim_print("\"r%d\"", (int)sim_random(1000)));
        break;
    case 1:
        decision.decision = WEIR__DECISION_RETRY;
        break;
    default:
        decision.decision = WEIR__DECISION_FAIL;
        break;
    }
    return decision;
}

/* What people see: of several calls of a run that are parked, one after the other. */
static weir_code see_listed(void *context, const weir_parked_run *listed, weir_error *err)
{
    const weir_entry *parked = listed->parked;
    sim_run *run = &world->run[listed->index];

    (void)context;
    (void)err;
    run->parked = (sim_parked){
        true, (int)parked->instance, (int)parked->call, parked->attempt, parked->reason, ""
    };
    (void)snprintf(run->parked.run, sizeof run->parked.run, "%s", parked->run);
    return WEIR_OK;
}

/* ---- between two lives ------------------------------------------------------------------------------------------- */

static void decide(weir_store *store, sim_run *run, int index)
{
    weir_entry decision = draw_decision(run), wrong = decision;
    weir_code rc;

    wrong.attempt++;
    if (sim_chance(3) && weir__parked_decide(store, run->parked.run, &wrong, NULL) != WEIR_INVALID)
        sim_violate("a decision on run %d for another attempt was taken", index);
    rc = weir__parked_decide(store, run->parked.run, &decision, NULL);
    sim_trace("run %d: decision %d for attempt %u: %d", index, (int)decision.decision, decision.attempt, (int)rc);
    if (rc != WEIR_OK)
        sim_violate("run %d is parked on attempt %u, and takes no decision", index, decision.attempt);
    else if (sim_chance(3) && weir__parked_decide(store, sim_print("%s/%d", "x", index), &decision, NULL) == WEIR_OK)
        sim_violate("a decision on a run that is not there was taken");
    run->last_decision = decision;
}

void sim_operator_visit(void)
{
    weir_store_options options = { .folder = "/sim/state", .job = "sim", .must_exist = true };
    weir_store *store;

    if (weir__store_open(&options, &store, NULL) != WEIR_OK)
        return;
    if (weir__parked_scan(store, see_listed, NULL, NULL) != WEIR_OK)
        sim_violate("what is parked cannot be listed");
    for (int i = 0; i < world->runs && !world->is_ghost; i++) {
        sim_run *run = &world->run[i];

        if (run->parked.is_parked && !run->is_over && !sim_chance(8))
            decide(store, run, i);
        else if (run->last_decision.kind && run->parked.run[0] && !run->is_over && sim_chance(3) &&
                 run->last_decision.attempt != run->parked.attempt &&
                 weir__parked_decide(store, run->parked.run, &run->last_decision, NULL) == WEIR_OK)
            sim_violate("run %d has taken a decision that was made for attempt %u, not %u", i,
                        run->last_decision.attempt, run->parked.attempt);
    }
    weir__store_close(store);
}

/* ---- while a job runs: in the place of src/host/decisions.c ------------------------------------------------------ */

weir_code weir__decisions_open(weir_decisions *decisions, const char *state_folder, weir_error *err)
{
    (void)decisions;
    (void)state_folder;
    (void)err;
    for (int i = 0; i < LETTERS; i++)
        letters[i].is_taken = false; /* of a life that ended before it was durable: taken up again */
    return WEIR_OK;
}

void weir__decisions_close(weir_decisions *decisions)
{
    (void)decisions;
}

bool weir__decisions_are_possible(const weir_engine *engine)
{
    weir_engine_counts counts = weir__engine_counts(engine);

    return counts.parked + counts.waiting > 0;
}

weir_code weir__decision_parse(weir_bytes text, weir_arena *arena, const char **run, weir_entry *decision,
                               weir_error *err)
{
    (void)text;
    (void)arena;
    (void)run;
    (void)decision;
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "no text of decisions here");
}

static void known(weir_ticket *ticket, const weir_error *err)
{
    letter *taken = (letter *)ticket;

    if (!err && !world->is_ghost)
        taken->is_used = false;
}

static void write_letters(void)
{
    for (int i = 0; i < world->runs; i++) {
        sim_run *run = &world->run[i];
        weir_entry decision;
        letter *free_one = NULL;

        if (run->is_over || sim_chance(3))
            continue;
        if (run->parked.is_parked)
            decision = draw_decision(run);
        else if (run->last_decision.kind) /* pressed twice, or late */
            decision = run->last_decision;
        else if (sim_chance(40) && run->calls[0][0]) /* of a call in doubt whose run is not parked yet */
            decision = (weir_entry){ .kind = WEIR__ENTRY_RESOLUTION,
                                     .attempt = 1 + (uint32_t)sim_random(2),
                                     .id = "somebody",
                                     .decision = sim_chance(2) ? WEIR__DECISION_FAIL : WEIR__DECISION_RETRY,
                                     .is_forced = sim_chance(2) };
        else
            continue;
        for (int j = 0; j < LETTERS && !free_one; j++)
            free_one = letters[j].is_used ? NULL : &letters[j];
        if (!free_one)
            return;
        *free_one = (letter){ .ticket.known = known, .is_used = true, .run = i, .decision = decision };
        run->last_decision = decision;
    }
}

void weir__decisions_look(weir_decisions *decisions, weir_engine *engine, bool is_idle, int64_t now_ms)
{
    decisions->looked_ms = now_ms;
    if (!weir__decisions_are_possible(engine) || !sim_step_taken(SIM_STEP_DECISION))
        return;
    if (sim_chance(2))
        write_letters();
    for (int i = 0; i < LETTERS; i++) {
        weir_run *run = weir__engine_oldest(engine);
        weir_code rc = WEIR_INVALID;

        if (!letters[i].is_used || letters[i].is_taken)
            continue;
        while (run && run->index != (uint64_t)letters[i].run)
            run = run->newer;
        if (run)
            rc = weir__engine_decide(run, &letters[i].decision, &letters[i].ticket, NULL);
        sim_trace("run %d: decision %d for attempt %u in the running job: %d", letters[i].run,
                  (int)letters[i].decision.decision, letters[i].decision.attempt, (int)rc);
        letters[i].is_taken = rc == WEIR_OK;
        letters[i].is_used = rc == WEIR_OK || !is_idle;
    }
}
