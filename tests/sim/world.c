/* SPDX-License-Identifier: Apache-2.0 */
/* The world's dice, memory, steps and crashes. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 256 * 1024, TRACE_LINES = 4096, TRACE_BYTES = 200 };

typedef struct block {
    struct block *next;
    size_t used, size;
    uint8_t bytes[];
} block;

static sim_world the_world;
sim_world *world = &the_world;
uint64_t sim_crash_points[SIM_STEP_COUNT];

static char (*trace)[TRACE_BYTES];
static size_t trace_count;

/* ---- dice -------------------------------------------------------------------------------------------------------- */

/* Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (splitmix64). */
static uint64_t mix(uint64_t mixed)
{
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

uint64_t sim_random(uint64_t below)
{
    world->random += 0x9E3779B97F4A7C15u;
    return below ? mix(world->random) % below : 0;
}

bool sim_chance(uint64_t odds)
{
    return odds && sim_random(odds) == 0;
}

uint64_t sim_hash(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t hash = mix(a + 0x9E3779B97F4A7C15u);

    hash = mix(hash ^ (b + 0x632BE59BD9B4E019u));
    hash = mix(hash ^ (c + 0xD1342543DE82EF95u));
    return mix(hash ^ (d + 0xAF251AF3B0F025B5u));
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

void *sim_alloc(size_t size)
{
    block *first = world->arena;
    void *bytes;

    size = (size + 15) & ~(size_t)15;
    if (!first || first->size - first->used < size) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block *next = malloc(sizeof *next + room);

        if (!next)
            abort();
        next->next = first;
        next->used = 0;
        next->size = room;
        world->arena = first = next;
    }
    bytes = first->bytes + first->used;
    first->used += size;
    memset(bytes, 0, size);
    return bytes;
}

char *sim_print(const char *format, ...)
{
    char text[512];
    char *copy;
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof text)
        abort();
    copy = sim_alloc((size_t)size + 1);
    memcpy(copy, text, (size_t)size + 1);
    return copy;
}

/* The first block is kept from seed to seed. */
static block *reset_arena(void)
{
    block *at = world->arena;

    while (at && at->next) {
        block *next = at->next;

        free(at);
        at = next;
    }
    if (at)
        at->used = 0;
    return at;
}

/* ---- trace ------------------------------------------------------------------------------------------------------- */

void sim_note(const char *format, ...)
{
    char *line;
    va_list args;
    int size;

    if (!trace)
        trace = calloc(TRACE_LINES, sizeof *trace);
    if (!trace)
        abort();
    line = trace[trace_count++ % TRACE_LINES];
    size = snprintf(line, TRACE_BYTES, "%6llu %7lld ms life %d%s  ", (unsigned long long)world->steps,
                    (long long)world->now_ms, world->life, world->is_ghost ? " (ghost)" : "");
    va_start(args, format);
    (void)vsnprintf(line + size, TRACE_BYTES - (size_t)size, format, args); /* a cut line is still a line */
    va_end(args);
}

void sim_print_trace(size_t lines)
{
    size_t from = trace_count > TRACE_LINES ? trace_count - TRACE_LINES : 0;

    if (trace_count - from > lines)
        from = trace_count - lines;
    for (; from < trace_count; from++)
        printf("#   %s\n", trace[from % TRACE_LINES]);
    if (!world->is_traced) {
        free(trace);
        trace = NULL;
    }
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

const char *sim_step_name(sim_step step)
{
    static const char *const names[SIM_STEP_COUNT] = {
        [SIM_STEP_CLOCK] = "clock read",
        [SIM_STEP_LOOP_WAITS] = "loop waits",
        [SIM_STEP_TIME_MOVES] = "time moves",
        [SIM_STEP_DISK_OPEN] = "file opened",
        [SIM_STEP_DISK_READ] = "file read",
        [SIM_STEP_DISK_WRITE] = "file written",
        [SIM_STEP_DISK_SYNC] = "file synced",
        [SIM_STEP_DISK_TRUNCATE] = "file cut",
        [SIM_STEP_DISK_SYNC_FOLDER] = "folder synced",
        [SIM_STEP_STORE_OPEN] = "store opened",
        [SIM_STEP_STORE_READ] = "store read",
        [SIM_STEP_BEFORE_COMMIT] = "before a commit",
        [SIM_STEP_AFTER_COMMIT] = "after a commit",
        [SIM_STEP_COMMIT_TASK] = "commit task begins",
        [SIM_STEP_CALL_BEGINS] = "call begins",
        [SIM_STEP_EFFECT_SENT] = "effect sent",
        [SIM_STEP_EFFECT_LANDED] = "effect landed",
        [SIM_STEP_CALL_ANSWERS] = "call answers",
        [SIM_STEP_RECONCILER_ASKED] = "reconciler asked",
        [SIM_STEP_RECONCILER_ANSWERS] = "reconciler answers",
        [SIM_STEP_ACTION_BEGINS] = "action begins",
        [SIM_STEP_ACTION_ENDS] = "action ends",
        [SIM_STEP_DECISION] = "decision given",
        [SIM_STEP_STOPPING] = "signal raised",
    };

    return names[step];
}

static void crash(sim_step step)
{
    bool is_power_cut = sim_chance(2);

    sim_crash_points[step]++;
    world->crashes++;
    sim_trace("CRASH (%s) at '%s'", is_power_cut ? "power cut" : "kill -9", sim_step_name(step));
    world->is_ghost = true;
    world->ghost_steps = 0;
    world->crash_at = 0;
    world->crash_step = -1;
    sim_disk_crash(is_power_cut);
    sim_store_crash();
    world->was_power_cut = is_power_cut;
}

bool sim_step_taken(sim_step step)
{
    if (world->is_ghost) {
        if (++world->ghost_steps > 1000000) {
            (void)fprintf(stderr, "seed %llu: a dead process does not end\n", (unsigned long long)world->seed);
            abort();
        }
        return false;
    }
    world->steps++;
    if ((world->crash_at && world->steps >= world->crash_at) ||
        (world->crash_step == (int)step && --world->crash_nth == 0))
        crash(step);
    if (world->steps > 400000)
        sim_violate("it does not come to an end");
    return !world->is_ghost;
}

void sim_violate(const char *format, ...)
{
    va_list args;

    if (world->has_failed)
        return;
    world->has_failed = true;
    va_start(args, format);
    (void)vsnprintf(world->failure, sizeof world->failure, format, args); /* cut, it still tells enough */
    va_end(args);
    sim_trace("VIOLATION: %s", world->failure);
    if (!world->is_ghost) { /* nothing that follows is of interest */
        world->is_ghost = true;
        world->ghost_steps = 0;
        sim_disk_crash(false);
        sim_store_crash();
    }
}

/* ---- a seed ------------------------------------------------------------------------------------------------------ */

void sim_world_begin(uint64_t seed, bool is_traced, uint64_t forced_crash)
{
    block *arena = reset_arena();
    void *disk = world->disk, *store = world->store;

    memset(world, 0, sizeof *world);
    world->arena = arena;
    world->disk = disk;
    world->store = store;
    world->seed = seed;
    world->random = mix(seed);
    world->is_traced = is_traced;
    world->forced_crash = forced_crash;
    trace_count = 0;
    world->now_ms = 1000 + (int64_t)sim_random(100000);
    world->boot_ms = (int64_t)sim_random(1000);
    world->runs = 3 + (int)sim_random(sim_chance(12) ? SIM_RUNS - 2 : 5);
    world->keys = 1 + (int)sim_random(SIM_KEYS);
    world->has_dead_letters = sim_chance(3);
    world->is_input_journaled = !sim_chance(4);
    world->is_final_service = !sim_chance(8);
    world->has_drift = sim_chance(6);
    world->is_operator_lazy = sim_chance(8);
    world->stop_odds = sim_chance(3) ? 100 : 0;
    world->commit_fail_odds = sim_chance(6) ? 40 : 0;
    world->max_delay_ms = sim_chance(3) ? 2 : sim_chance(2) ? 10 : 120;
    world->policy = sim_chance(4) ? 1 + (int)sim_random(2) : 0;
    world->crashes_left = 1 + (int)sim_random(4);
    sim_disk_begin();
    sim_store_begin();
    sim_operator_begin();
    sim_job_input();
}

void sim_world_end(void)
{
    block *arena = reset_arena();

    free(arena);
    world->arena = NULL;
    sim_disk_end();
    sim_release_stacks();
}
