/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group member, in the place of src/kafka/consumer.c. Its background (heartbeats, joining) is what librdkafka's own
 * threads do: it goes on while the loop is busy, stands still while the process is stopped, and ends with it.
 */
#include "kafka/consumer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

enum { BEATS = 8 }; /* in a session */

/* What of a rebalance is not known yet. */
typedef enum phase { PHASE_OUT, PHASE_JOINED, PHASE_IN } phase;

typedef struct position {
    bool is_assigned, is_started;
    int64_t offset;
    sim_topic *topic; /* that it reads: a topic made anew is another one */
} position;

struct weir_consumer {
    sim_process *process;
    int fd;                 /* never readable: the poll port knows better */
    const char *topics[8];
    size_t topic_count;
    char *instance;
    bool is_closed, is_held, is_fenced, is_beating;
    int64_t polled_ms;

    /* The member. */
    phase phase;
    char id[40];
    int generation;         /* -1: none */
    sim_set owned, coming;  /* coming: to be noted once what goes is answered */
    bool has_assignment;
    bool has_revoked;       /* joins again once it is answered */
    bool is_lost;           /* what is owned is to be noted as lost, once what is noted is answered */

    weir_rebalance noted;   /* count and kind; its list below */
    bool has_noted;
    sim_set noted_set;
    weir_assigned list[64];
    uint64_t rebalances;

    position positions[64];
    weir_record *given;     /* in use until done */
};

static position *position_of(weir_consumer *consumer, weir_assigned at)
{
    return &consumer->positions[at.topic * SIM_PARTITIONS + (size_t)at.partition];
}

/* ---- rebalances -------------------------------------------------------------------------------------------------- */

static void note(weir_consumer *consumer, weir_rebalance_kind kind, sim_set set)
{
    static const char *const kinds[] = { "assign", "revoke", "lost" };

    sim_trace("%s: %s is noted: %s %llx", consumer->process->name, *consumer->id ? consumer->id : "no member",
              kinds[kind], (unsigned long long)set);
    consumer->noted.kind = kind;
    consumer->noted.count = 0;
    for (size_t i = 0; i < 64; i++) {
        if (set >> i & 1) {
            consumer->list[consumer->noted.count++] =
                (weir_assigned){ i / SIM_PARTITIONS, (int32_t)(i % SIM_PARTITIONS) };
        }
    }
    consumer->noted.partitions = consumer->list;
    consumer->noted_set = set;
    consumer->has_noted = true;
    consumer->rebalances++;
    consumer->process->news++;
}

/* It is no member any more. A rebalance that waits for an answer is answered first. */
static void lose(weir_consumer *consumer)
{
    consumer->id[0] = '\0';
    consumer->generation = -1;
    consumer->phase = PHASE_OUT;
    consumer->coming = 0;
    consumer->has_revoked = false;
    if (consumer->has_noted) {
        consumer->is_lost = true;
        consumer->rebalances++;
        consumer->process->news++;
    } else if (consumer->owned) {
        note(consumer, WEIR__REBALANCE_LOST, consumer->owned);
    }
}

static void take_assignment(weir_consumer *consumer, sim_set assigned)
{
    sim_set going = consumer->owned & ~assigned;

    consumer->phase = PHASE_IN;
    consumer->coming = assigned & ~consumer->owned;
    consumer->has_revoked = going != 0;
    if (going) {
        note(consumer, WEIR__REBALANCE_REVOKE, going);
    } else {
        note(consumer, WEIR__REBALANCE_ASSIGN, consumer->coming);
        consumer->coming = 0;
    }
}

/* ---- the background ---------------------------------------------------------------------------------------------- */

static void beat(void *arg);

static void heed(weir_consumer *consumer, sim_heartbeat answer)
{
    switch (answer) {
    case SIM_BEAT_OK:
    case SIM_BEAT_REJOIN:
        break;
    case SIM_BEAT_UNKNOWN:
        lose(consumer);
        break;
    case SIM_BEAT_FENCED:
        consumer->is_fenced = true;
        lose(consumer);
        break;
    }
}

static void join(weir_consumer *consumer)
{
    sim_heartbeat answer = sim_group_join(consumer->id, consumer->instance, consumer->topics, consumer->topic_count,
                                          consumer->owned);

    if (answer == SIM_BEAT_OK)
        consumer->phase = PHASE_JOINED;
    heed(consumer, answer);
}

static void sync_group(weir_consumer *consumer)
{
    int generation = -1;
    sim_set assigned = 0;

    switch (sim_group_sync(consumer->id, consumer->instance, &generation, &assigned)) {
    case SIM_SYNC_LATER:
        break;
    case SIM_SYNC_DONE:
        if (consumer->generation != generation) {
            consumer->generation = generation; /* known from the answer to the join; the assignment comes later */
            if (sim_chance(2))
                break;
        }
        take_assignment(consumer, assigned);
        break;
    case SIM_SYNC_REJOIN:
        join(consumer);
        break;
    case SIM_SYNC_UNKNOWN:
        heed(consumer, SIM_BEAT_UNKNOWN);
        break;
    case SIM_SYNC_FENCED:
        heed(consumer, SIM_BEAT_FENCED);
        break;
    }
}

static void step_out(weir_consumer *consumer)
{
    if (*consumer->id)
        sim_group_leave(consumer->id);
    lose(consumer);
}

static void attend(weir_consumer *consumer)
{
    if (world->unreachable_until_ms > world->now_ms)
        return;
    if (consumer->phase != PHASE_OUT && consumer->polled_ms + world->max_poll_ms < world->now_ms) {
        sim_trace("%s has not polled for too long", consumer->process->name);
        step_out(consumer);
        return;
    }
    switch (consumer->phase) {
    case PHASE_OUT:
        if (!consumer->has_noted && !consumer->is_lost && consumer->polled_ms + world->max_poll_ms >= world->now_ms)
            join(consumer);
        break;
    case PHASE_JOINED:
        sync_group(consumer);
        break;
    case PHASE_IN: {
        sim_heartbeat answer = sim_group_beat(consumer->id, consumer->instance, consumer->generation);

        if (answer == SIM_BEAT_REJOIN && !consumer->has_noted)
            join(consumer);
        heed(consumer, answer);
        break;
    }
    }
}

static void again(weir_consumer *consumer)
{
    int64_t in_ms = consumer->phase == PHASE_IN ? world->session_ms / BEATS : 2;

    sim_in(sim_between(in_ms / 2, in_ms), beat, consumer);
}

static void beat(void *arg)
{
    weir_consumer *consumer = arg;

    consumer->is_beating = false;
    if (consumer->is_closed || consumer->is_fenced || consumer->process->is_dead)
        return;
    consumer->is_beating = true;
    if (sim_is_stopped(consumer->process)) {
        sim_at(consumer->process->stopped_until_ms + sim_between(0, 5), beat, consumer);
        return;
    }
    if (consumer->process->deaf_until_ms > world->now_ms) {
        sim_at(consumer->process->deaf_until_ms + sim_between(0, 5), beat, consumer);
        return;
    }
    attend(consumer);
    again(consumer);
}

/* ---- the room's functions ---------------------------------------------------------------------------------------- */

weir_code weir__consumer_open(const weir_consumer_options *options, weir_consumer **out, weir_error *err)
{
    weir_consumer *consumer = sim_alloc(sizeof *consumer);

    if (!sim_step("consumer open"))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    consumer->process = sim_here();
    consumer->fd = sim_fd();
    for (size_t i = 0; i < options->topic_count; i++)
        consumer->topics[i] = sim_print("%s", options->topics[i]);
    consumer->topic_count = options->topic_count;
    consumer->instance = options->instance ? sim_print("%s", options->instance) : NULL;
    consumer->generation = -1;
    consumer->polled_ms = world->now_ms;
    consumer->is_beating = true;
    sim_in(sim_between(0, world->faults.delay_ms), beat, consumer);
    *out = consumer;
    return WEIR_OK;
}

void weir__consumer_close(weir_consumer *consumer)
{
    if (!consumer)
        return;
    free(consumer->given);
    consumer->given = NULL;
    sim_fd_close(consumer->fd);
    if (!consumer->is_closed && sim_step("consumer close") && *consumer->id && !consumer->instance)
        sim_group_leave(consumer->id);
    consumer->is_closed = true;
}

static weir_code check(const weir_consumer *consumer, const char *what, weir_error *err)
{
    if (!sim_step(what))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    if (consumer->is_closed)
        sim_violate("%s: a consumer that is closed is used", what);
    if (consumer->is_fenced)
        return weir__fail(err, WEIR_FENCED, WEIR_REMEDY_STOP, "the group has another member of this name");
    return WEIR_OK;
}

static bool give(weir_consumer *consumer, size_t which, weir_record *out)
{
    position *at = &consumer->positions[which];
    sim_partition *partition = sim_partition_of(at->topic, (int32_t)(which % SIM_PARTITIONS));

    if (!at->is_started || !partition)
        return false;
    while (at->offset < sim_log_stable_end(partition)) {
        int64_t offset = at->offset++;
        const sim_record *record = &partition->records[offset];

        if (!sim_log_is_visible(partition, offset, false))
            continue;
        *out = (weir_record){ which / SIM_PARTITIONS, partition->number, offset, record->timestamp_ms, record->key,
                              record->value, false };
        return true;
    }
    return false;
}

weir_code weir__consumer_poll(weir_consumer *consumer, weir_record *records, size_t most, size_t *count,
                              weir_error *err)
{
    weir_code rc = check(consumer, "consumer poll", err);
    size_t first = (size_t)sim_random(64);

    *count = 0;
    if (rc != WEIR_OK)
        return rc;
    consumer->polled_ms = world->now_ms;
    weir__consumer_done(consumer);
    if (world->unreachable_until_ms > world->now_ms)
        return weir__fail(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "all brokers are down");
    consumer->given = malloc(1); /* what forgets to give back leaks */
    if (!consumer->given)
        abort();
    most = most ? 1 + (size_t)sim_random(most) : 0;
    for (size_t i = 0; i < 64 && !consumer->is_held; i++) {
        size_t which = (first + i) % 64;
        const position *at = &consumer->positions[which];
        const sim_partition *partition;

        if (!at->is_started || which / SIM_PARTITIONS >= consumer->topic_count)
            continue;
        partition = sim_partition_of(at->topic, (int32_t)(which % SIM_PARTITIONS));
        if (partition && (at->offset < partition->start || at->offset > partition->end)) {
            free(consumer->given);
            consumer->given = NULL;
            return weir__fail(err, WEIR_UNKNOWN, WEIR_REMEDY_STOP, "topic '%s', partition %d: offset %lld is not there",
                              partition->topic->name, partition->number, (long long)at->offset);
        }
        while (*count < most && give(consumer, which, &records[*count]))
            ++*count;
    }
    return WEIR_OK;
}

void weir__consumer_done(weir_consumer *consumer)
{
    free(consumer->given);
    consumer->given = NULL;
}

void weir__consumer_hush(weir_consumer *consumer)
{
    (void)consumer; /* here a poll of descriptors is the scheduler's */
}

int weir__consumer_fd(const weir_consumer *consumer)
{
    return consumer->fd;
}

weir_code weir__consumer_hold(weir_consumer *consumer, bool is_held, weir_error *err)
{
    weir_code rc = check(consumer, "consumer hold", err);

    if (rc == WEIR_OK)
        consumer->is_held = is_held;
    return rc;
}

const weir_rebalance *weir__consumer_rebalance(const weir_consumer *consumer)
{
    return consumer->has_noted && !consumer->process->is_dead ? &consumer->noted : NULL;
}

weir_code weir__consumer_answer(weir_consumer *consumer, weir_error *err)
{
    weir_code rc = check(consumer, "consumer answer", err);

    if (rc == WEIR_FENCED && consumer->has_noted)
        rc = WEIR_OK; /* what is lost may still be let go */
    if (rc != WEIR_OK)
        return rc;
    if (!consumer->has_noted)
        sim_violate("a rebalance is answered that nobody noted");
    consumer->has_noted = false;
    for (size_t i = 0; i < consumer->noted.count; i++) {
        *position_of(consumer, consumer->list[i]) =
            (position){ .is_assigned = consumer->noted.kind == WEIR__REBALANCE_ASSIGN };
    }
    switch (consumer->noted.kind) {
    case WEIR__REBALANCE_ASSIGN:
        consumer->owned |= consumer->noted_set;
        consumer->has_assignment = true;
        break;
    case WEIR__REBALANCE_REVOKE:
    case WEIR__REBALANCE_LOST:
        consumer->owned &= ~consumer->noted_set;
        break;
    }
    if (consumer->is_lost) {
        consumer->is_lost = false;
        if (consumer->owned)
            note(consumer, WEIR__REBALANCE_LOST, consumer->owned);
    } else if (consumer->coming) {
        sim_set coming = consumer->coming;

        consumer->coming = 0;
        note(consumer, WEIR__REBALANCE_ASSIGN, coming);
    } else if (consumer->has_revoked && consumer->phase == PHASE_IN) {
        consumer->has_revoked = false;
        join(consumer);
    }
    return WEIR_OK;
}

uint64_t weir__consumer_rebalances(const weir_consumer *consumer)
{
    return consumer->rebalances;
}

weir_code weir__consumer_start(weir_consumer *consumer, weir_assigned partition, int64_t offset, weir_error *err)
{
    weir_code rc = check(consumer, "consumer start", err);
    position *at = position_of(consumer, partition);

    if (rc != WEIR_OK)
        return rc;
    if (!at->is_assigned)
        sim_violate("a partition is started that is not assigned");
    if (sim_chance(4))
        return weir__fail(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "erroneous state");
    *at = (position){ true, true, offset, sim_topic_find(consumer->topics[partition.topic]) };
    return WEIR_OK;
}

bool weir__consumer_is_assigned(const weir_consumer *consumer)
{
    return consumer->has_assignment;
}

int64_t weir__consumer_high_watermark(const weir_consumer *consumer, weir_assigned partition)
{
    const sim_partition *at = sim_partition_find(consumer->topics[partition.topic], partition.partition);

    return at && sim_chance(2) ? at->end : -1;
}

weir_group_member *weir__consumer_member(weir_consumer *consumer)
{
    weir_group_member *member;

    if (!sim_step("member") || !*consumer->id || consumer->generation < 0)
        return NULL;
    member = malloc(sizeof *member);
    if (!member)
        abort();
    (void)snprintf(member->id, sizeof member->id, "%s", consumer->id);
    member->instance = consumer->instance;
    member->generation = consumer->generation;
    return member;
}

void weir__group_member_free(weir_group_member *member)
{
    free(member);
}
