/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs, processes that come and go, and what goes wrong. */
#include "stage.h"

#include <stdio.h>
#include <string.h>

static stage the_stage;
stage *on_stage = &the_stage;

enum { LATE_MS = 400 };

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define HOUR_MS (INT64_C(3600) * 1000)

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

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
        at->calls = sim_chance(on_stage->call_odds) ? 1 + (int)sim_random(CALLS) : 0;
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

/* Tombstones are gone, and every file was away for so long. No recovery and no commit
 * lasts that long, or stands still for it. */
static void pass_night(void)
{
    for (const sim_process *process = world->processes; process; process = process->next) {
        if (!process->is_dead && (process->recoveries || process->is_committing))
            return;
    }
    sim_trace("the time of tombstones passes for them and for files");
    store_age(on_stage->tombstones_ms);
    for (int32_t i = 0; i < on_stage->partitions; i++)
        sim_log_compact(sim_partition_find(TOPIC_CHANGES, i), 0);
}

typedef enum mishap {
    CLEAN_STOP,   /* and back again */
    COME_OR_GO,   /* away for longer, or back */
    STAND_STILL,
    NO_BROKER,
    OFFSETS_GONE,
    COMPACTION,
    NIGHT,
    JOURNAL_CUT,  /* retention that somebody has set on it */
    DEATH,
    DEAFNESS,     /* a member that hears nothing of the group, while all else of its process goes on */
    OFFSET_SET,   /* by somebody, while the job is away */
    MISHAPS
} mishap;

/* Of all that may go wrong some seeds have everything at times, and others a few things often: so the rare meet. */
static void draw_mishaps(void)
{
    static const int odds[MISHAPS] = { [OFFSETS_GONE] = 3, [NIGHT] = 4, [JOURNAL_CUT] = 4, [OFFSET_SET] = 6 };
    static const int paces[] = { 40, 120, 250, 250, 600 };
    bool has_all = sim_chance(3);

    on_stage->pace_ms = has_all ? 250 : paces[sim_random(sizeof paces / sizeof *paces)];
    for (int i = 0; i < MISHAPS; i++)
        on_stage->odds[i] = has_all ? (odds[i] ? odds[i] : 1) : sim_chance(2) ? 0 : odds[i] ? odds[i] : 1;
}

static void send_all_away(void)
{
    for (int i = 0; i < on_stage->slots; i++) {
        slot *at = &on_stage->slot[i];

        at->is_wanted = false;
        if (at->process && sim_chance(2)) {
            at->process->is_told_to_stop = true;
            at->process->news++;
        } else if (at->process) {
            sim_kill(at->process);
        }
    }
}

/* The broker lets nobody while the group has members. */
static void set_offset(void *arg)
{
    int32_t partition = (int32_t)sim_random((uint64_t)on_stage->partitions);

    if (on_stage->is_quiet)
        return;
    if (sim_group_size()) {
        sim_in(sim_between(20, 100), set_offset, arg);
        return;
    }
    sim_offset_set(TOPIC_IN, partition, sim_between(0, sim_partition_find(TOPIC_IN, partition)->end));
    on_stage->start = WEIR__START_PLAIN;
    for (int i = 0; i < on_stage->slots; i++) {
        slot *at = &on_stage->slot[i];

        if (at->process && host_start_of(at->process) != WEIR__START_PLAIN)
            sim_kill(at->process); /* what it was told was about another offset */
        at->is_wanted = true;
    }
}

static bool is_any_foreign(void)
{
    bool is_any = false;

    for (int32_t i = 0; i < on_stage->partitions; i++)
        is_any |= sim_offset_of(TOPIC_IN, i)->is_foreign;
    return is_any;
}

bool stage_is_refusal(const char *message, bool was_told)
{
    bool may_read_again = true;

    if (on_stage->epilogue == EPILOGUE_STARTED && strstr(message, "the topic was made anew")) {
        on_stage->epilogue = EPILOGUE_OVER;
        return true;
    }
    for (int32_t i = 0; i < on_stage->partitions; i++) {
        if (sim_offset_of(TOPIC_IN, i)->is_foreign)
            may_read_again &= !on_stage->is_read_again[i];
    }
    if (!strstr(message, "somebody else has set the group's offset") &&
        !(was_told && strstr(message, "there is no state to go on with")))
        return false;
    on_stage->refused++;
    if (was_told)
        on_stage->start = WEIR__START_REPROCESS; /* there is nothing to lose */
    else if (on_stage->start == WEIR__START_PLAIN && is_any_foreign())
        on_stage->start = may_read_again && sim_chance(2) ? WEIR__START_REPROCESS : WEIR__START_RESUME;
    return true;
}

static void on_overwrite(const sim_process *owner, const char *topic, int32_t partition, int64_t offset)
{
    weir_stream_start start = host_start_of(owner);

    (void)topic;
    if (start == WEIR__START_PLAIN)
        sim_violate("%s passes over an offset that somebody has set, and was not told to", owner->name);
    if (start == WEIR__START_REPROCESS) {
        on_stage->is_read_again[partition] = true;
        watch_restart(partition, offset);
    }
    on_stage->start = WEIR__START_PLAIN; /* the next one is asked again */
}

static void befall(mishap what, slot *at, int32_t partition)
{
    sim_partition *journal;

    switch (what) {
    case CLEAN_STOP:
        if (at->process && !at->process->is_dead) {
            sim_trace("%s is told to stop", at->process->name);
            at->process->is_told_to_stop = true;
            at->process->news++;
        }
        return;
    case COME_OR_GO:
        at->is_wanted = !at->is_wanted;
        if (!at->is_wanted && at->process)
            sim_kill(at->process);
        return;
    case STAND_STILL:
        if (at->process && !sim_is_stopped(at->process)) {
            on_stage->stops++;
            sim_stop(at->process, sim_between(1, 4 * world->session_ms));
        }
        return;
    case NO_BROKER:
        sim_trace("no broker is reachable");
        world->unreachable_until_ms = world->now_ms + sim_between(1, 300);
        return;
    case OFFSETS_GONE:
        sim_offsets_forget(NULL);
        return;
    case COMPACTION:
        sim_log_compact(sim_partition_find(TOPIC_CHANGES, partition), on_stage->tombstones_ms);
        return;
    case NIGHT:
        pass_night();
        return;
    case JOURNAL_CUT:
        journal = sim_partition_find(TOPIC_JOURNAL, partition);
        sim_trace("the journal's beginning is gone: %d", partition);
        on_stage->is_cut_off = true;
        sim_log_truncate(journal, sim_between(journal->start, journal->end));
        return;
    case DEATH:
        if (at->process)
            sim_kill(at->process);
        return;
    case DEAFNESS:
        if (at->process && !at->process->is_dead) {
            sim_trace("%s hears nothing of its group any more", at->process->name);
            at->process->deaf_until_ms = world->now_ms + sim_between(1, 4 * world->session_ms);
        }
        return;
    case OFFSET_SET:
        send_all_away();
        sim_in(sim_between(50, 600), set_offset, NULL);
        return;
    case MISHAPS:
        return;
    }
}

static void happen(void *arg)
{
    slot *at = &on_stage->slot[sim_random((uint64_t)on_stage->slots)];
    int32_t partition = (int32_t)sim_random((uint64_t)on_stage->partitions);
    mishap what = (mishap)sim_random(MISHAPS);

    if (on_stage->is_quiet)
        return;
    if (sim_chance(on_stage->odds[what]))
        befall(what, at, partition);
    sim_in(sim_between(1, on_stage->pace_ms), happen, arg);
}

/* A transaction is left to the broker's time-out by a process that could have ended it: for all that time others wait
 * for the offsets that it holds. */
static void on_sweep(const char *id, const sim_process *owner, int64_t begun_ms)
{
    /* What was sent twice before, and lands late, may still open one that is nobody's. */
    if (on_stage->is_quiet && begun_ms > on_stage->quiet_ms + LATE_MS + world->request_ms && owner &&
        !owner->is_dead && !owner->is_told_to_stop && owner->stopped_until_ms < begun_ms)
        sim_violate("%s lets its transaction hang until the broker ends it (%s)", owner->name, id);
}

static void be_quiet(void *arg)
{
    (void)arg;
    sim_trace("nothing goes wrong any more");
    on_stage->is_quiet = true;
    world->faults = (sim_faults){ .delay_ms = 3, .late_ms = 3, .lost_end = on_stage->lost_end };
    for (sim_process *process = world->processes; process; process = process->next)
        process->kill_at = process->stop_at = 0;
    on_stage->deadly_call = 0;
    for (int i = 0; i < on_stage->slots; i++)
        on_stage->slot[i].is_wanted = true;
}

static bool are_all_gone(void)
{
    for (int i = 0; i < on_stage->slots; i++) {
        if (on_stage->slot[i].process && on_stage->slot[i].process->fibers)
            return false;
    }
    return sim_txn_are_all_complete();
}

/* All is done, and then the input topic is made anew: its offsets say nothing of the old one's records any more, so
 * nobody may go on with the state. */
static void play_epilogue(void)
{
    switch (on_stage->epilogue) {
    case EPILOGUE_NONE:
    case EPILOGUE_OVER:
        world->is_over = true;
        return;
    case EPILOGUE_WANTED:
        on_stage->epilogue = EPILOGUE_STOPPING;
        on_stage->quiet_ms = world->now_ms;
        for (int i = 0; i < on_stage->slots; i++) {
            slot *at = &on_stage->slot[i];

            at->is_wanted = false;
            if (at->process) {
                at->process->is_told_to_stop = true;
                at->process->news++;
            }
        }
        return;
    case EPILOGUE_STOPPING:
        if (!are_all_gone())
            return;
        sim_topic_remake(TOPIC_IN, sim_chance(2));
        on_stage->epilogue = EPILOGUE_STARTED;
        on_stage->start = WEIR__START_PLAIN;
        on_stage->slot[0].is_wanted = true;
        return;
    case EPILOGUE_STARTED:
        return;
    }
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
    /* Where somebody has set an offset, all may be there, and yet be read again. */
    bool is_done = on_stage->is_quiet &&
                   (on_stage->epilogue > EPILOGUE_WANTED || (watch_is_drained() && !is_any_foreign()));

    /* Many inputs of one key that all wait for the operator, one after the other, take their time: they get on. */
    if (watch_first_missing() != on_stage->missing) {
        on_stage->missing = watch_first_missing();
        on_stage->moved_ms = world->now_ms;
    }
    if (is_done && (on_stage->epilogue > EPILOGUE_WANTED || is_swept()))
        play_epilogue();
    else if (is_done && world->now_ms > on_stage->quiet_ms + 60000)
        sim_violate("a key that has expired is still there a minute after all went well");
    else if (on_stage->is_quiet && world->now_ms > on_stage->quiet_ms + 60000 &&
             world->now_ms > on_stage->moved_ms + 60000)
        sim_violate("it does not get on for a minute, and all goes well: input %d (-1: none) is not there",
                    watch_first_missing());
    if (on_stage->epilogue > EPILOGUE_WANTED && world->now_ms > on_stage->quiet_ms + 60000)
        sim_violate(on_stage->epilogue == EPILOGUE_STOPPING
                        ? "all were told to stop a minute ago, and have not ended, or have left a transaction open"
                        : "the input topic was made anew, and nobody refuses to go on with the state");
    sim_in(25, look, arg);
}

/* What meets only where there is much of it: owners that do not know yet that they are none; outcomes of commits that
 * nobody hears of; a journal that is slower than the commits. */
static void concentrate(void)
{
    sim_faults *faults = &world->faults;

    switch (sim_random(6)) {
    case 0:
        on_stage->slots = SLOTS;
        on_stage->odds[DEAFNESS] = on_stage->odds[STAND_STILL] = 1;
        on_stage->pace_ms = 120;
        on_stage->deadly_call = 3;
        on_stage->call_odds = 1;
        faults->late_fetch = 2;
        faults->late_ms = (int)sim_between(LATE_MS / 8, LATE_MS);
        break;
    case 1:
        faults->lost_answer = 10;
        faults->late_request = 15;
        faults->lost_end = 4;
        break;
    case 2:
        on_stage->call_odds = 1;
        faults->late_append = 2;
        faults->late_ms = (int)sim_between(LATE_MS / 8, LATE_MS);
        break;
    default:
        break;
    }
}

void stage_begin(void)
{
    sim_topic *changes;

    memset(on_stage, 0, sizeof *on_stage);
    store_begin();
    disk_begin();
    watch_begin();
    operator_begin();
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
        .late_fetch = sim_chance(2) ? 0 : 4,
        .lost_end = sim_chance(2) ? 0 : 20,
        .broken_appender = sim_chance(2) ? 0 : 300,
        .untold_append = sim_chance(2) ? 0 : 20,
        .delay_ms = (int)sim_between(1, 12),
        .late_ms = (int)sim_between(1, LATE_MS),
    };
    on_stage->lost_end = sim_chance(4) ? 4 : 0;
    on_stage->deadly_call = sim_chance(2) ? 0 : sim_chance(2) ? 4 : 20;
    on_stage->call_odds = 3;
    on_stage->epilogue = sim_chance(4) ? EPILOGUE_WANTED : EPILOGUE_NONE;
    draw_mishaps();
    concentrate();
    world->on_sweep = on_sweep;
    world->on_overwrite = on_overwrite;
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
