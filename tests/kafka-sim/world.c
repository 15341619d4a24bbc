/* SPDX-License-Identifier: Apache-2.0 */
/* The world's dice, memory, and what is written down of it. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

enum { BLOCK_BYTES = 256 * 1024, TRACE_LINES = 16384, TRACE_BYTES = 200 };

typedef struct block {
    struct block *next;
    size_t used, size;
    uint8_t bytes[] __attribute__((aligned(16)));
} block;

static sim_world the_world;
sim_world *world = &the_world;

static block *spare; /* from the seeds before */

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
    return below ? mix(world->random) % below : mix(world->random);
}

bool sim_chance(int odds)
{
    return odds > 0 && sim_random((uint64_t)odds) == 0;
}

int64_t sim_between(int64_t from, int64_t to)
{
    return to <= from ? from : from + (int64_t)sim_random((uint64_t)(to - from) + 1);
}

uint64_t sim_hash(uint64_t a, uint64_t b)
{
    return mix(mix(a + 0x9E3779B97F4A7C15u) ^ (b + 0x632BE59BD9B4E019u));
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static block *take_block(size_t room)
{
    block *taken = spare;

    if (taken && taken->size >= room) {
        spare = taken->next;
        return taken;
    }
    taken = malloc(sizeof *taken + room);
    if (!taken)
        abort();
    taken->size = room;
    return taken;
}

void *sim_alloc(size_t size)
{
    block *first = world->arena;
    void *bytes;

    size = (size + 15) & ~(size_t)15;
    if (!first || first->size - first->used < size) {
        block *next = take_block(size > BLOCK_BYTES ? size : BLOCK_BYTES);

        next->next = first;
        next->used = 0;
        world->arena = first = next;
    }
    bytes = first->bytes + first->used;
    first->used += size;
    memset(bytes, 0, size);
    return bytes;
}

char *sim_print(const char *format, ...)
{
    char text[1024];
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

weir_bytes sim_copy(weir_bytes bytes)
{
    uint8_t *data;

    if (!bytes.data)
        return bytes;
    data = sim_alloc(bytes.size + 1);
    if (bytes.size)
        memcpy(data, bytes.data, bytes.size);
    return weir__bytes(data, bytes.size);
}

static void spare_arena(void)
{
    for (block *at = world->arena, *next; at; at = next) {
        next = at->next;
        at->next = spare;
        spare = at;
    }
    world->arena = NULL;
}

/* ---- what is written down ---------------------------------------------------------------------------------------- */

void sim_note(const char *format, ...)
{
    const sim_process *here = sim_here();
    char *line;
    va_list args;
    int size;

    if (!trace)
        trace = calloc(TRACE_LINES, sizeof *trace);
    if (!trace)
        abort();
    line = trace[trace_count++ % TRACE_LINES];
    size = snprintf(line, TRACE_BYTES, "%6llu %7lld ms %-5s%s ", (unsigned long long)world->steps,
                    (long long)world->now_ms, here ? here->name : "-", here && here->is_dead ? "+" : " ");
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
    free(trace);
    trace = NULL;
    trace_count = 0;
}

void sim_violate(const char *format, ...)
{
    va_list args;

    if (world->has_failed)
        return;
    world->has_failed = true;
    va_start(args, format);
    (void)vsnprintf(world->failure, sizeof world->failure, format, args);
    va_end(args);
    sim_trace("VIOLATED: %s", world->failure);
}

/* ---- a seed ------------------------------------------------------------------------------------------------------ */

void sim_world_begin(uint64_t seed, bool is_traced)
{
    spare_arena();
    *world = (sim_world){
        .seed = seed,
        .random = seed,
        .is_traced = is_traced,
        .now_ms = 1000,
        .give_way = 1,
        .session_ms = 400,
        .rebalance_ms = 1500,
        .max_poll_ms = 2000,
        .transaction_ms = 500,
        .request_ms = 100,
    };
    trace_count = 0;
    sim_cluster_begin();
}

void sim_world_end(void)
{
    spare_arena();
    while (spare) {
        block *next = spare->next;

        free(spare);
        spare = next;
    }
    free(trace);
    trace = NULL;
}
