/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group coordinator: members, generations, the cooperative-sticky assignment, committed offsets. What moves from
 * one member to another is first taken from the one, and given to the other in a later generation.
 *     EMPTY/STABLE --a member comes, goes, or joins again--> PREPARING --all have joined, or time is over--> STABLE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

typedef struct member {
    char id[40];
    const char *instance; /* NULL: dynamic */
    bool exists, has_joined; /* this round */
    int64_t beat_ms;
    sim_set owned;        /* as it said when it joined */
    sim_set assigned;     /* in the generation that is decided */
} member;

typedef struct committed {
    struct committed *next;
    const char *topic;
    int32_t partition;
    sim_offset offset;
} committed;

static struct {
    member members[SIM_MEMBERS];
    bool is_preparing;
    uint64_t round;
    int generation;
    uint64_t made;
    const char *topics[8];
    size_t topic_count;
    committed *offsets;
    uint64_t order;
    bool is_watched;
} group;

void sim_group_begin(void);
void sim_group_begin(void)
{
    memset(&group, 0, sizeof group);
}

/* ---- offsets ----------------------------------------------------------------------------------------------------- */

sim_offset *sim_offset_of(const char *topic, int32_t partition)
{
    committed *at = group.offsets;

    while (at && (at->partition != partition || strcmp(at->topic, topic) != 0))
        at = at->next;
    if (!at) {
        at = sim_alloc(sizeof *at);
        at->topic = sim_print("%s", topic);
        at->partition = partition;
        at->next = group.offsets;
        group.offsets = at;
    }
    return &at->offset;
}

uint64_t sim_offset_order(void)
{
    return ++group.order;
}

void sim_offset_set(const char *topic, int32_t partition, int64_t offset)
{
    if (sim_group_size())
        abort();
    sim_trace("somebody sets the group's offset of %s/%d: %lld", topic, partition, (long long)offset);
    *sim_offset_of(topic, partition) =
        (sim_offset){ .exists = true, .is_foreign = true, .offset = offset, .order = sim_offset_order() };
}

void sim_offsets_forget(const char *topic)
{
    for (committed *at = group.offsets; at; at = at->next) {
        if ((!topic && !at->offset.is_foreign) || (topic && strcmp(at->topic, topic) == 0))
            at->offset = (sim_offset){ 0 };
    }
    sim_trace("the group's offsets are gone");
}

/* ---- assignment -------------------------------------------------------------------------------------------------- */

static member *find(const char *id)
{
    for (size_t i = 0; i < SIM_MEMBERS; i++) {
        if (group.members[i].exists && strcmp(group.members[i].id, id) == 0)
            return &group.members[i];
    }
    return NULL;
}

const char *sim_group_topic(size_t index)
{
    return index < group.topic_count ? group.topics[index] : NULL;
}

size_t sim_group_size(void)
{
    size_t count = 0;

    for (size_t i = 0; i < SIM_MEMBERS; i++)
        count += group.members[i].exists;
    return count;
}

sim_set sim_group_assigned(void)
{
    sim_set all = 0;

    for (size_t i = 0; i < SIM_MEMBERS; i++)
        all |= group.members[i].exists ? group.members[i].assigned : 0;
    return all;
}

static sim_set partitions_of_topics(void)
{
    sim_set all = 0;

    for (size_t i = 0; i < group.topic_count; i++) {
        const sim_topic *topic = sim_topic_find(group.topics[i]);

        for (int32_t j = 0; topic && j < topic->partition_count; j++)
            all |= 1ULL << (i * SIM_PARTITIONS + (size_t)j);
    }
    return all;
}

static int size_of(sim_set set)
{
    return __builtin_popcountll(set);
}

/* Each keeps what it owns up to its share; what is over is taken from it now, and given to others the next time. */
static void assign(void)
{
    sim_set all = partitions_of_topics(), owned = 0, free;
    int members = (int)sim_group_size(), share, over;

    if (!members)
        return;
    share = size_of(all) / members;
    over = size_of(all) % members;
    for (size_t i = 0; i < SIM_MEMBERS; i++) {
        member *at = &group.members[i];

        if (!at->exists)
            continue;
        at->assigned = at->owned & all & ~owned; /* two that say they own the same: one is out of date */
        owned |= at->owned & all;
        while (size_of(at->assigned) > share + (over > 0)) {
            sim_set some = at->assigned;

            for (uint64_t skip = sim_random((uint64_t)size_of(some)); skip > 0; skip--)
                some &= some - 1;
            at->assigned &= ~(some & -some);
        }
        over -= size_of(at->assigned) > share;
    }
    free = all & ~owned;
    for (int most = 0; free && most <= size_of(all); most++) {
        for (size_t i = 0; i < SIM_MEMBERS && free; i++) {
            member *at = &group.members[i];

            if (at->exists && size_of(at->assigned) <= most) {
                at->assigned |= free & -free;
                free &= free - 1;
            }
        }
    }
}

static void decide(void)
{
    group.is_preparing = false;
    group.generation++;
    for (size_t i = 0; i < SIM_MEMBERS; i++) {
        if (group.members[i].exists && !group.members[i].has_joined) {
            sim_trace("group: %s is put out", group.members[i].id);
            group.members[i].exists = false;
        }
    }
    assign();
    for (size_t i = 0; i < SIM_MEMBERS; i++) {
        if (group.members[i].exists)
            sim_trace("group: generation %d gives %s %llx", group.generation, group.members[i].id,
                      (unsigned long long)group.members[i].assigned);
    }
}

static bool have_all_joined(void)
{
    for (size_t i = 0; i < SIM_MEMBERS; i++) {
        if (group.members[i].exists && !group.members[i].has_joined)
            return false;
    }
    return true;
}

static void close_round(void *arg)
{
    if (group.is_preparing && group.round == *(const uint64_t *)arg)
        decide();
}

static void prepare(void)
{
    uint64_t *round;

    if (group.is_preparing)
        return;
    group.is_preparing = true;
    group.round++;
    for (size_t i = 0; i < SIM_MEMBERS; i++)
        group.members[i].has_joined = false;
    round = sim_alloc(sizeof *round);
    *round = group.round;
    sim_in(world->rebalance_ms, close_round, round);
}

static void complete_if_joined(void)
{
    if (group.is_preparing && have_all_joined())
        decide();
}

/* Those that have not been heard of for a session's length are gone. */
static void watch(void *arg)
{
    bool has_changed = false;

    for (size_t i = 0; i < SIM_MEMBERS; i++) {
        member *at = &group.members[i];

        if (at->exists && at->beat_ms + world->session_ms < world->now_ms) {
            sim_trace("group: the session of %s is over", at->id);
            at->exists = false;
            has_changed = true;
        }
    }
    if (has_changed && sim_group_size())
        prepare();
    complete_if_joined();
    group.is_watched = sim_group_size() > 0;
    if (group.is_watched)
        sim_in(world->session_ms / 8, watch, arg);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static bool is_fenced(const char *id, const char *instance)
{
    for (size_t i = 0; instance && i < SIM_MEMBERS; i++) {
        const member *at = &group.members[i];

        if (at->exists && at->instance && strcmp(at->instance, instance) == 0)
            return strcmp(at->id, id) != 0;
    }
    return false;
}

static member *make(const char *instance)
{
    for (size_t i = 0; i < SIM_MEMBERS; i++) {
        member *at = &group.members[i];

        if (at->exists)
            continue;
        memset(at, 0, sizeof *at);
        at->exists = true;
        at->instance = instance;
        (void)snprintf(at->id, sizeof at->id, "member-%llu", (unsigned long long)++group.made);
        return at;
    }
    abort();
}

/* A static member that has been started again takes the place of its former self, assignment and generation with it. */
static bool take_over(char id[40], const char *instance)
{
    for (size_t i = 0; instance && i < SIM_MEMBERS; i++) {
        member *at = &group.members[i];

        if (at->exists && at->instance && strcmp(at->instance, instance) == 0) {
            (void)snprintf(at->id, sizeof at->id, "member-%llu", (unsigned long long)++group.made);
            sim_trace("group: %s is replaced by %s", instance, at->id);
            (void)snprintf(id, 40, "%s", at->id);
            at->beat_ms = world->now_ms;
            at->owned = 0; /* so it says itself */
            /* A broker may leave partitions unassigned then, until the next rebalance; here that comes at once. */
            if (sim_group_assigned() != partitions_of_topics())
                prepare();
            if (group.is_preparing)
                /* it says what it has itself, which is nothing yet: nobody waits for it to give up more */
                at->owned = 0;
            at->has_joined = true;
            return true;
        }
    }
    return false;
}

sim_heartbeat sim_group_join(char id[40], const char *instance, const char *const *topics, size_t topic_count,
                             sim_set owned)
{
    member *at;

    if (!group.topic_count) {
        for (size_t i = 0; i < topic_count; i++)
            group.topics[group.topic_count++] = sim_print("%s", topics[i]);
    }
    if (*id && is_fenced(id, instance))
        return SIM_BEAT_FENCED;
    if (!*id && take_over(id, instance)) {
        complete_if_joined();
        return SIM_BEAT_OK;
    }
    at = *id ? find(id) : make(instance);
    if (!at)
        return SIM_BEAT_UNKNOWN;
    (void)snprintf(id, 40, "%s", at->id);
    at->beat_ms = world->now_ms;
    at->owned = owned;
    prepare();
    at->has_joined = true;
    if (!group.is_watched) {
        group.is_watched = true;
        sim_in(world->session_ms / 8, watch, NULL);
    }
    complete_if_joined();
    return SIM_BEAT_OK;
}

sim_sync sim_group_sync(const char *id, const char *instance, int *generation, sim_set *assigned)
{
    member *at = find(id);

    if (!at)
        return is_fenced(id, instance) ? SIM_SYNC_FENCED : SIM_SYNC_UNKNOWN;
    at->beat_ms = world->now_ms;
    if (group.is_preparing)
        return at->has_joined ? SIM_SYNC_LATER : SIM_SYNC_REJOIN;
    *generation = group.generation;
    *assigned = at->assigned;
    return SIM_SYNC_DONE;
}

sim_heartbeat sim_group_beat(const char *id, const char *instance, int generation)
{
    member *at = find(id);

    if (is_fenced(id, instance))
        return SIM_BEAT_FENCED;
    if (!at)
        return SIM_BEAT_UNKNOWN;
    if (!group.is_preparing && generation != group.generation)
        return SIM_BEAT_UNKNOWN;
    at->beat_ms = world->now_ms;
    return group.is_preparing && !at->has_joined ? SIM_BEAT_REJOIN : SIM_BEAT_OK;
}

void sim_group_leave(const char *id)
{
    member *at = find(id);

    if (!at || at->instance)
        return;
    sim_trace("group: %s leaves", id);
    at->exists = false;
    if (sim_group_size())
        prepare();
    complete_if_joined();
}

sim_code sim_group_check(const char *id, const char *instance, int generation)
{
    if (is_fenced(id, instance) || !find(id) || generation != group.generation)
        return SIM_BAD_MEMBER;
    return SIM_OK;
}
