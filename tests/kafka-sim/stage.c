/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs, processes that come and go, and what goes wrong. */
#include "stage.h"

#include <stdio.h>
#include <string.h>

static stage the_stage;
stage *on_stage = &the_stage;

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define HOUR_MS (INT64_C(3600) * 1000)

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

int stage_number_at(int32_t partition, int64_t offset)
{
    for (int i = 0; i < on_stage->inputs; i++) {
        const input *at = &on_stage->input[i];

        if (at->is_written && at->partition == partition && at->offset == offset)
            return i;
    }
    sim_violate("there is no input at %d/%lld", partition, (long long)offset);
    return 0;
}

/* What must come of it is known once its time is: each run touches all that its key has, which lives on for TTL_MS. */
static void expect(int number)
{
    input *at = &on_stage->input[number];
    int count = 0, extra = 0;
    int64_t touched_ms = 0;

    for (int i = 0; i <= number; i++) {
        const input *one = &on_stage->input[i];

        if (one->key != at->key)
            continue;
        if (one->written_ms - touched_ms >= TTL_MS)
            count = extra = 0;
        touched_ms = one->written_ms;
        count++;
        if (one->extra != EXTRA_KEEP)
            extra = one->extra == EXTRA_SET ? i + 1 : 0;
    }
    (void)snprintf(at->expected, sizeof at->expected, "{\"n\":%d,\"count\":%d,\"extra\":%d", number, count, extra);
}

/* One after the other: those of a key come in the order of their numbers. */
static void write_input(void *arg)
{
    input *at = &on_stage->input[on_stage->written];
    sim_record record = { .state = SIM_PLAIN, .timestamp_ms = -1, .by = "source" };

    (void)arg;
    record.key = weir__bytes_text(sim_print("k%d", at->key));
    record.value = weir__bytes_text(sim_print("{\"n\":%d,\"calls\":%d,\"extra\":%d}", on_stage->written, at->calls,
                                              (int)at->extra));
    at->offset = sim_log_append(sim_partition_find(TOPIC_IN, at->partition), &record);
    at->written_ms = world->now_ms;
    at->is_written = true;
    expect(on_stage->written);
    on_stage->written++;
    for (sim_process *process = world->processes; process; process = process->next)
        process->news++;
    if (on_stage->written < on_stage->inputs)
        sim_in(sim_chance(4) ? sim_between(1, 300) : 0, write_input, NULL);
}

static void draw_inputs(void)
{
    on_stage->keys = 1 + (int)sim_random(KEYS);
    on_stage->inputs = 6 + (int)sim_random(INPUTS - 6);
    for (int i = 0; i < on_stage->inputs; i++) {
        input *at = &on_stage->input[i];

        at->key = (int)sim_random((uint64_t)on_stage->keys);
        at->partition = at->key % on_stage->partitions;
        at->calls = sim_chance(3) ? 1 + (int)sim_random(CALLS) : 0;
        at->extra = sim_chance(4) ? EXTRA_SET : sim_chance(3) ? EXTRA_DELETE : EXTRA_KEEP;
    }
    sim_in(0, write_input, NULL);
}

/* ---- what goes wrong --------------------------------------------------------------------------------------------- */

static void visit(void *arg)
{
    operator_visit();
    sim_in(sim_between(20, 60), visit, arg);
}

static void start(void *arg)
{
    slot *at = arg;

    if (!at->is_wanted || (at->process && at->process->fibers))
        return;
    at->process = sim_process_new(sim_print("%c%d", at->name, ++at->lives));
    if (!on_stage->is_quiet) {
        if (sim_chance(2))
            at->process->kill_at = 1 + sim_random(sim_chance(2) ? 300 : 3000);
        if (sim_chance(2)) {
            at->process->stop_at = 1 + sim_random(sim_chance(2) ? 300 : 3000);
            at->process->stop_ms = sim_between(1, sim_chance(2) ? 2 * world->session_ms : 4 * world->session_ms);
        }
    }
    host_start(at);
}

/* A life ends, by itself or by force, and another begins. */
static void keep_alive(void *arg)
{
    for (int i = 0; i < on_stage->slots; i++) {
        slot *at = &on_stage->slot[i];

        if (at->process && at->process->is_dead && !at->process->fibers) {
            on_stage->kills++;
            at->process = NULL;
        } else if (at->process && !at->process->fibers) {
            at->process = NULL;
        }
        if (!at->process && at->is_wanted)
            sim_in(sim_between(0, sim_chance(4) ? 600 : 30), start, at);
    }
    sim_in(10, keep_alive, arg);
}

/* Tombstones are gone, and every file was away for so long. */
static void pass_night(void)
{
    sim_trace("the time of tombstones passes for them and for files");
    store_age(on_stage->tombstones_ms);
    for (int32_t i = 0; i < on_stage->partitions; i++)
        sim_log_compact(sim_partition_find(TOPIC_CHANGES, i), 0);
}

static void happen(void *arg)
{
    slot *at = &on_stage->slot[sim_random((uint64_t)on_stage->slots)];
    int32_t partition = (int32_t)sim_random((uint64_t)on_stage->partitions);

    if (on_stage->is_quiet)
        return;
    switch (sim_random(9)) {
    case 0: /* a clean stop, and back again */
        if (at->process && !at->process->is_dead) {
            sim_trace("%s is told to stop", at->process->name);
            at->process->is_told_to_stop = true;
            at->process->news++;
        }
        break;
    case 1: /* away for longer, or back */
        at->is_wanted = !at->is_wanted;
        if (!at->is_wanted && at->process)
            sim_kill(at->process);
        break;
    case 2:
        if (at->process && !sim_is_stopped(at->process)) {
            on_stage->stops++;
            sim_stop(at->process, sim_between(1, 4 * world->session_ms));
        }
        break;
    case 3:
        sim_trace("no broker is reachable");
        world->unreachable_until_ms = world->now_ms + sim_between(1, 300);
        break;
    case 4:
        if (sim_chance(3))
            sim_offsets_forget(NULL);
        break;
    case 5:
    case 6:
        if (sim_chance(4))
            pass_night();
        else
            sim_log_compact(sim_partition_find(TOPIC_CHANGES, partition), on_stage->tombstones_ms);
        break;
    case 7: /* retention that somebody has set on the journal */
        if (sim_chance(4)) {
            sim_partition *journal = sim_partition_find(TOPIC_JOURNAL, partition);

            sim_trace("the journal's beginning is gone: %d", partition);
            on_stage->is_cut_off = true;
            sim_log_truncate(journal, sim_between(journal->start, journal->end));
        }
        break;
    case 8:
        if (at->process)
            sim_kill(at->process);
        break;
    }
    sim_in(sim_between(1, 250), happen, arg);
}

static void be_quiet(void *arg)
{
    (void)arg;
    sim_trace("nothing goes wrong any more");
    on_stage->is_quiet = true;
    world->faults = (sim_faults){ .delay_ms = 3, .late_ms = 3 };
    for (sim_process *process = world->processes; process; process = process->next)
        process->kill_at = process->stop_at = 0;
    for (int i = 0; i < on_stage->slots; i++)
        on_stage->slot[i].is_wanted = true;
}

static bool is_swept(void)
{
    for (int32_t i = 0; i < on_stage->partitions; i++) {
        if (!store_is_swept(i, TTL_MS))
            return false;
    }
    return true;
}

static void look(void *arg)
{
    if (on_stage->is_quiet && watch_is_drained() && is_swept())
        world->is_over = true;
    else if (on_stage->is_quiet && watch_is_drained() && world->now_ms > on_stage->quiet_ms + 60000)
        sim_violate("a key that has expired is still there a minute after all went well");
    else if (on_stage->is_quiet && world->now_ms > on_stage->quiet_ms + 60000)
        sim_violate("it is not done a minute after all went well: %d of %d outputs; input %d is not there",
                    on_stage->done, on_stage->inputs, watch_first_missing());
    sim_in(25, look, arg);
}

void stage_begin(void)
{
    sim_topic *changes;

    memset(on_stage, 0, sizeof *on_stage);
    store_begin();
    disk_begin();
    on_stage->partitions = 1 + (int)sim_random(PARTITIONS);
    on_stage->slots = 1 + (int)sim_random(SLOTS);
    (void)sim_topic_make(TOPIC_IN, on_stage->partitions);
    (void)sim_topic_make(TOPIC_OUT, on_stage->partitions);
    on_stage->tombstones_ms = sim_chance(2) ? DAY_MS : HOUR_MS;
    changes = sim_topic_make(TOPIC_CHANGES, on_stage->partitions);
    changes->settings[0] = (weir_setting){ "delete.retention.ms",
                                           sim_print("%lld", (long long)on_stage->tombstones_ms) };
    changes->setting_count = 1;
    (void)sim_topic_make(TOPIC_JOURNAL, on_stage->partitions);
    world->faults = (sim_faults){
        .lost_request = sim_chance(2) ? 0 : 60,
        .lost_answer = sim_chance(2) ? 0 : 60,
        .late_request = sim_chance(2) ? 0 : 60,
        .twice = sim_chance(2) ? 0 : 4,
        .refused = sim_chance(2) ? 0 : 100,
        .late_marker = sim_chance(2) ? 0 : 4,
        .late_append = sim_chance(2) ? 0 : 8,
        .broken_appender = sim_chance(2) ? 0 : 300,
        .delay_ms = (int)sim_between(1, 12),
        .late_ms = (int)sim_between(1, 400),
    };
    world->is_static = sim_chance(4);
    world->give_way = 1 + (int)sim_random(3);
    draw_inputs();
    for (int i = 0; i < on_stage->slots; i++) {
        on_stage->slot[i].is_wanted = true;
        on_stage->slot[i].name = (char)('A' + i);
    }
    on_stage->quiet_ms = world->now_ms + sim_between(300, 4000);
    sim_at(on_stage->quiet_ms, be_quiet, NULL);
    sim_in(0, keep_alive, NULL);
    sim_in(sim_between(1, 250), happen, NULL);
    sim_in(25, visit, NULL);
    sim_in(25, look, NULL);
}
