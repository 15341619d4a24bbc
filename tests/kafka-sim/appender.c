/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An idempotent producer, in the place of src/kafka/appender.c: per partition records land in their order, without
 * gaps, some time; what was sent lands also when its writer has died; what was not sent does not. What has landed and
 * was not answered may be sent again under another identity, all from the first of it on: then it stands there twice.
 * Source: librdkafka #4953.
 */
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "kafka/appender.h"

typedef enum stage { STAGE_QUEUED, STAGE_SENT, STAGE_LANDED, STAGE_ACKNOWLEDGED, STAGE_TOLD } stage;

typedef struct entry {
    struct entry *next;    /* of the appender, in order */
    struct weir_appender *appender;
    sim_partition *partition;
    sim_record record;
    weir_appended *appended;
    stage stage;
    int64_t offset;
} entry;

struct weir_appender {
    struct weir_appender *next;
    sim_process *process;
    entry *first, **tail;
    bool is_broken, is_closed;
    size_t pending;
    int fd;     /* never readable: the poll port knows better */
    void *held; /* what is not closed leaks */
};

static weir_appender *all;

void sim_appenders_begin(void)
{
    all = NULL;
}

static void acknowledge(void *arg)
{
    entry *at = arg;

    if (at->stage == STAGE_LANDED)
        at->stage = STAGE_ACKNOWLEDGED;
    at->appender->process->news++;
}

static void put(entry *at)
{
    if (at->stage != STAGE_SENT)
        return;
    at->offset = sim_log_append(at->partition, &at->record);
    at->stage = STAGE_LANDED;
    sim_trace("%s: record %lld of %s/%d lands", at->appender->process->name, (long long)at->offset,
              at->partition->topic->name, at->partition->number);
}

/* Nobody has told of them: they are written once more, in their order, and the answers come now. */
static void land_again(void *arg)
{
    const entry *last = arg, *from = NULL;
    weir_appender *appender = last->appender;
    bool is_again = false;

    if (appender->process->is_dead || appender->is_broken || appender->is_closed)
        return;
    if (sim_is_stopped(appender->process)) {
        sim_at(appender->process->stopped_until_ms, land_again, arg);
        return;
    }
    for (const entry *at = appender->first; at; at = at->next) {
        if (at->partition == last->partition && at->stage >= STAGE_ACKNOWLEDGED)
            from = NULL; /* what is before it is known to be there */
        else if (at->partition == last->partition && at->stage == STAGE_LANDED && !from)
            from = at;
    }
    for (entry *at = appender->first; at; at = at->next) {
        if (at->partition != last->partition || at->stage != STAGE_LANDED)
            continue;
        is_again |= at == from;
        if (is_again) {
            at->stage = STAGE_SENT;
            put(at);
        }
        sim_in(sim_between(0, world->faults.delay_ms), acknowledge, at);
    }
}

/* Those of its partition before it, too: none overtakes another. */
static void land(void *arg)
{
    entry *last = arg;

    bool is_untold = sim_chance(world->faults.untold_append);

    for (entry *at = last->appender->first; at; at = at->next) {
        if (at->partition == last->partition) {
            bool has_landed = at->stage == STAGE_SENT;

            put(at);
            if (has_landed && !is_untold && !at->appender->process->is_dead)
                sim_in(sim_between(0, world->faults.delay_ms), acknowledge, at);
        }
        if (at == last)
            break;
    }
    if (is_untold)
        sim_in(sim_between(0, world->faults.late_ms), land_again, last);
}

static void send(void *arg)
{
    entry *last = arg;

    if (last->appender->process->is_dead || last->appender->is_broken || last->appender->is_closed ||
        last->stage != STAGE_QUEUED)
        return;
    if (sim_is_stopped(last->appender->process)) {
        sim_at(last->appender->process->stopped_until_ms, send, last);
        return;
    }
    if (world->unreachable_until_ms > world->now_ms) {
        sim_at(world->unreachable_until_ms, send, last);
        return;
    }
    for (entry *at = last->appender->first; at; at = at->next) {
        if (at->partition == last->partition && at->stage == STAGE_QUEUED)
            at->stage = STAGE_SENT;
        if (at == last)
            break;
    }
    sim_in(sim_between(0, sim_chance(world->faults.late_append) ? world->faults.late_ms : world->faults.delay_ms),
           land, last);
}

/* A connection is cut at a record: what is before it may still land. */
static void lose_some(weir_appender *appender)
{
    for (entry *at = appender->first; at; at = at->next) {
        if (at->stage == STAGE_SENT && sim_chance(3)) {
            for (entry *behind = at; behind; behind = behind->next) {
                if (behind->partition == at->partition && behind->stage == STAGE_SENT)
                    behind->stage = STAGE_QUEUED;
            }
        }
    }
}

void sim_appenders_die(sim_process *process)
{
    for (weir_appender *at = all; at; at = at->next) {
        if (at->process == process)
            lose_some(at);
    }
}

weir_code weir__appender_open(weir_cluster *cluster, weir_appender **out, weir_error *err)
{
    weir_appender *appender;

    (void)cluster;
    if (!sim_step("appender open"))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    appender = sim_alloc(sizeof *appender);
    appender->process = sim_here();
    appender->fd = sim_fd();
    appender->tail = &appender->first;
    appender->held = malloc(1);
    if (!appender->held)
        abort();
    appender->next = all;
    all = appender;
    *out = appender;
    return WEIR_OK;
}

static weir_code broken(weir_error *err)
{
    return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "the appender is broken");
}

static void tell(weir_appender *appender, bool is_failed)
{
    for (entry *at = appender->first; at; at = at->next) {
        weir_appended *appended = at->appended;
        bool is_known = at->stage == STAGE_ACKNOWLEDGED;
        weir_error err;

        if (!appended || (!is_failed && !is_known))
            continue;
        at->appended = NULL; /* told once; what was sent may still land */
        appender->pending--;
        appended->offset = is_known ? at->offset : -1;
        if (is_known)
            at->stage = STAGE_TOLD;
        else
            (void)broken(&err);
        appended->known(appended, is_known ? NULL : &err);
    }
    while (appender->first && appender->first->stage == STAGE_TOLD)
        appender->first = appender->first->next;
    if (!appender->first)
        appender->tail = &appender->first;
}

void weir__appender_close(weir_appender *appender)
{
    if (!appender)
        return;
    (void)sim_step("appender close");
    appender->is_closed = true;
    lose_some(appender);
    tell(appender, true);
    sim_fd_close(appender->fd);
    free(appender->held);
    appender->held = NULL;
}

weir_code weir__appender_append(weir_appender *appender, const char *topic, int32_t partition, weir_bytes key,
                                weir_bytes value, weir_appended *appended, weir_error *err)
{
    sim_partition *to = sim_partition_find(topic, partition);
    entry *made;

    if (!sim_step("append") || appender->is_broken || !to)
        return broken(err);
    made = sim_alloc(sizeof *made);
    made->appender = appender;
    made->partition = to;
    made->record = (sim_record){ .state = SIM_PLAIN, .timestamp_ms = -1, .by = appender->process->name };
    made->record.key = sim_copy(key);
    made->record.value = sim_copy(value);
    made->appended = appended;
    *appender->tail = made;
    appender->tail = &made->next;
    appender->pending++;
    sim_in(sim_between(0, world->faults.delay_ms), send, made);
    return WEIR_OK;
}

weir_code weir__appender_poll(weir_appender *appender, weir_error *err)
{
    if (!sim_step("appender poll") && !appender->is_broken) {
        appender->is_broken = true;
        tell(appender, true);
    }
    if (!appender->is_broken && appender->pending && sim_chance(world->faults.broken_appender)) {
        sim_trace("an appender breaks");
        appender->is_broken = true;
        lose_some(appender);
        tell(appender, true);
    }
    if (appender->is_broken)
        return broken(err);
    tell(appender, false);
    return WEIR_OK;
}

int weir__appender_fd(const weir_appender *appender)
{
    return appender->fd;
}

size_t weir__appender_pending(const weir_appender *appender)
{
    return appender->pending;
}
