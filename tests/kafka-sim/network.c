/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on their way to the brokers: they and their answers take time, are lost, or land after all is over. */
#include "world.h"

static void answer(void *arg)
{
    sim_request *request = arg;

    request->is_answered = true;
    request->from->news++;
}

static void land_silently(void *arg)
{
    sim_request *request = arg;

    request->landings++;
    request->land(request);
}

static void land(void *arg)
{
    sim_request *request = arg;

    land_silently(request);
    sim_in(sim_between(0, world->faults.delay_ms), answer, request);
}

static bool is_answered(void *arg)
{
    return ((const sim_request *)arg)->is_answered;
}

static bool is_reachable(void *arg)
{
    (void)arg;
    return world->unreachable_until_ms <= world->now_ms;
}

sim_answer sim_ask(sim_request *request, int64_t timeout_ms, bool may_repeat)
{
    int64_t until_ms = world->now_ms + timeout_ms;

    request->from = sim_here();
    request->is_answered = false;
    if (sim_is_in_loop())
        sim_violate("the loop's thread blocks for a request");
    if (!sim_step("request"))
        return SIM_NOT_SENT;
    if (!is_reachable(NULL)) {
        int64_t back_ms = world->unreachable_until_ms;

        (void)sim_wait(NULL, NULL, back_ms < until_ms ? back_ms : until_ms);
        if (request->from->is_dead || !is_reachable(NULL))
            return SIM_NOT_SENT;
    }
    if (request->is_doomed || sim_chance(world->faults.lost_request)) {
        sim_trace("its request is lost");
    } else if (sim_chance(world->faults.lost_answer)) {
        sim_trace("its answer will be lost");
        sim_in(sim_between(0, world->faults.delay_ms), land_silently, request);
    } else if (sim_chance(world->faults.late_request)) {
        sim_trace("its request will be late");
        sim_in(timeout_ms + sim_between(1, world->faults.late_ms), land_silently, request);
    } else {
        if (may_repeat && sim_chance(world->faults.twice)) {
            sim_trace("its request will land twice");
            request->is_repeated = true;
            sim_in(sim_between(0, world->faults.late_ms), land_silently, request);
        }
        sim_in(sim_between(0, world->faults.delay_ms), land, request);
    }
    if (sim_wait(is_answered, request, until_ms) && sim_step("answer"))
        return SIM_ANSWERED;
    return SIM_NO_ANSWER;
}
