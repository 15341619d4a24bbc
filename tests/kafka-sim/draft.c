/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of the draft of the host: inputs, runs, calls, cuts, rebalances. */
#include "draft.h"

#include <stdio.h>
#include <string.h>

enum { COMMIT_MS = 20, PRUNE_MS = 60, STOP_MS = 200, RECORDS = 8 };

static host *hosts[SLOTS];

const char *const draft_breaks[BREAK_COUNT] = {
    [BREAK_NOTHING] = "nothing",
    [BREAK_NO_READ_BACK] = "no-read-back",
    [BREAK_ASSUME_COMMITTED] = "assume-committed",
    [BREAK_REUSE_PRODUCER] = "reuse-producer",
    [BREAK_TRUST_REPEATS] = "trust-repeats",
    [BREAK_STABLE_END] = "stable-end",
    [BREAK_COMPARE_EARLY] = "compare-early",
    [BREAK_STORE_FIRST] = "store-first",
    [BREAK_IGNORE_REBALANCE] = "ignore-rebalance",
    [BREAK_ANSWER_EARLY] = "answer-early",
    [BREAK_KEEP_LOST] = "keep-lost",
    [BREAK_NO_CLAIM] = "no-claim",
    [BREAK_NOT_UP_TO_CLAIM] = "not-up-to-claim",
    [BREAK_ACCEPT_VOID] = "accept-void",
    [BREAK_NO_READ_OF_INTENT] = "no-read-of-intent",
    [BREAK_NO_LEASE] = "no-lease",
    [BREAK_NO_EPOCH] = "no-epoch",
    [BREAK_PRUNE_ENDED] = "prune-ended",
    [BREAK_PRUNE_UNREAD] = "prune-unread",
    [BREAK_PRUNE_UNKNOWN] = "prune-unknown",
    [BREAK_NO_INBOX] = "no-inbox",
    [BREAK_BEHIND_OFFSET] = "behind-offset",
    [BREAK_NO_TOMBSTONES] = "no-tombstones",
    [BREAK_FINISH_TWICE] = "finish-twice",
    [BREAK_FORGET_EFFECTS] = "forget-effects",
    [BREAK_GAP_IS_NOTHING] = "gap-is-nothing",
    [BREAK_OLD_FILE] = "old-file",
    [BREAK_OFFSETS_GONE] = "offsets-gone",
    [BREAK_REPEAT_IN_DOUBT] = "repeat-in-doubt",
};

void *draft_folder_new(void)
{
    return sim_alloc(sizeof(folder));
}

void draft_age_folder(void *kept, int64_t by_ms)
{
    ((folder *)kept)->aged_ms += by_ms;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

static task *find_task(host *at, int32_t partition)
{
    for (task *of = at->tasks; of; of = of->next) {
        if (of->partition == partition && of->state != TASK_GONE)
            return of;
    }
    return NULL;
}

static task *take(host *at, int32_t partition)
{
    task *made = sim_alloc(sizeof *made);

    made->host = at;
    made->partition = partition;
    made->own_claim = -1;
    for (int i = 0; i < IDS; i++)
        made->first_entry[i] = -1;
    made->next = at->tasks;
    at->tasks = made;
    draft_read(made);
    return made;
}

static void let_go(host *at, task *of)
{
    of->state = TASK_GONE;
    weir__reader_remove(at->tail, TOPIC_JOURNAL, of->partition);
    for (size_t i = 0; i < at->cut.count; i++) {
        if (at->cut.parts[i].of == of)
            at->cut.parts[i].is_dropped = true;
    }
}

/* What is not committed is forgotten, and comes again. */
static void reopen(host *at, task *of)
{
    bool is_draining = of->is_draining;

    let_go(at, of);
    if (!is_draining)
        (void)take(at, of->partition);
}

/* ---- the journal ------------------------------------------------------------------------------------------------- */

typedef struct told {
    weir_appended base;
    host *at;
    task *claims; /* NULL: another record */
    run *of;      /* of an intent */
} told;

static void know(weir_appended *appended, const weir_error *err)
{
    told *what = (told *)appended;

    if (err)
        what->at->is_appender_broken = true;
    else if (what->claims)
        what->claims->own_claim = appended->offset;
    else if (what->of)
        what->of->is_acknowledged = true;
}

static void append(host *at, int32_t partition, const char *text, task *claims, run *of)
{
    told *what = sim_alloc(sizeof *what);

    *what = (told){ { .known = know }, at, claims, of };
    sim_trace("appends to %d: %s", partition, text);
    if (weir__appender_append(at->appender, TOPIC_JOURNAL, partition, weir__bytes_text("j"), weir__bytes_text(text),
                              &what->base, NULL) != WEIR_OK)
        at->is_appender_broken = true;
}

static void append_call(host *at, const char *kind, int32_t partition, int64_t epoch, int64_t offset, int call,
                        int attempt, run *of)
{
    append(at, partition,
           sim_print("%s %lld %lld %d %d", kind, (long long)epoch, (long long)offset, call, attempt), NULL, of);
}

static void follow(host *at)
{
    weir_record records[RECORDS];
    size_t count = 0;
    weir_code rc = weir__reader_poll(at->tail, 0, records, RECORDS, &count, NULL);

    for (size_t i = 0; i < count; i++) {
        task *of = find_task(at, records[i].partition);

        if (of && of->state >= TASK_CLAIMING && records[i].is_end && records[i].offset > of->tail)
            of->tail = records[i].offset;
        else if (of && of->state >= TASK_CLAIMING && !records[i].is_end)
            draft_apply_entry(of, records[i].offset, records[i].value);
    }
    if (rc == WEIR_UNKNOWN) {
        task *of = find_task(at, records[0].partition);

        sim_trace("the journal of %d is gone under its reader", records[0].partition);
        if (of)
            reopen(at, of);
        else
            weir__reader_remove(at->tail, TOPIC_JOURNAL, records[0].partition);
    }
    weir__reader_done(at->tail);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static bool has_landed(void *arg)
{
    const flight *at = arg;

    return service_has_landed(at->of->number, at->call);
}

static void fly(void *arg)
{
    flight *at = arg;
    int64_t now_ms;

    if (sim_step("call begins")) {
        now_ms = weir__clock_monotonic_ms(&sim_clock);
        if (at->host->process->is_dead) {
            at->is_late = true;
        } else if (now_ms > at->of->sent_ms + LEASE_MS && !is_broken(BREAK_NO_LEASE)) {
            at->is_late = true;
        } else {
            service_begin(at->of->number, at->call, at->attempt, at->epoch, at->partition);
            at->is_landed = sim_wait(has_landed, at, world->now_ms + CALL_MS + 1) && sim_step("call ends") &&
                            !sim_chance(16);
        }
    }
    at->has_returned = true;
    at->host->threads--;
}

static void begin_call(task *of, run *which, int64_t offset)
{
    flight *made = sim_alloc(sizeof *made);

    *made = (flight){ of->host->flights, of->host, of->partition, which, of->known.epoch, offset, which->call,
                      which->attempt, false, false, false };
    of->host->flights = made;
    of->host->threads++;
    which->phase = PHASE_FLYING;
    sim_thread(of->host->process, "call", false, fly, made);
}

/* A call belongs to the process: its outcome is recorded, whoever has the task now. */
static void receive_calls(host *at)
{
    for (flight **link = &at->flights; *link;) {
        flight *landed = *link;

        if (!landed->has_returned) {
            link = &landed->next;
            continue;
        }
        *link = landed->next;
        landed->of->phase = landed->is_late     ? PHASE_WITHDRAWN
                            : landed->is_landed ? PHASE_OUTCOME
                                                : PHASE_DOUBT;
        if (landed->is_late || landed->is_landed) {
            append_call(at, landed->is_late ? "withdrawn" : "outcome", landed->partition, landed->epoch,
                        landed->offset, landed->call, landed->attempt, NULL);
        }
    }
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

static void end_run(task *of, run *which)
{
    image *memory = &of->memory;

    memory->count[which->key]++;
    if (which->extra != EXTRA_KEEP)
        memory->extra[which->key] = which->extra == EXTRA_SET ? which->number + 1 : 0;
    which->count_after = memory->count[which->key];
    which->extra_after = memory->extra[which->key];
    (void)snprintf(which->output, sizeof which->output, "%d %d %d", which->number, which->count_after,
                   which->extra_after);
    which->state = RUN_ENDED;
    sim_trace("input %d has ended: %s", which->number, which->output);
}

static bool may_begin(const task *of, const run *which, int64_t offset)
{
    const call_state *as = &of->calls[offset][which->call];

    if (as->is_withdrawn || as->is_to_be_made_again)
        return true;
    if (is_broken(BREAK_REPEAT_IN_DOUBT) && which->phase == PHASE_DOUBT)
        return true;
    return as->attempt == 0 && (offset >= of->doubt_until || is_broken(BREAK_GAP_IS_NOTHING));
}

static bool is_read_back(const task *of, const run *which, int64_t offset)
{
    const call_state *as = &of->calls[offset][which->call];

    if (is_broken(BREAK_NO_READ_OF_INTENT))
        return which->is_acknowledged;
    return as->attempt == which->attempt && as->epoch == of->known.epoch && !as->is_withdrawn &&
           !as->is_to_be_made_again;
}

static bool may_call(const task *of)
{
    return of->state == TASK_RUNNING && !of->is_draining &&
           (!of->is_superseded || is_broken(BREAK_NO_READ_OF_INTENT) || is_broken(BREAK_ACCEPT_VOID));
}

static void move_call(task *of, run *which, int64_t offset)
{
    const call_state *as = &of->calls[offset][which->call];

    switch (which->phase) {
    case PHASE_IDLE:
    case PHASE_DOUBT:
        if (!may_begin(of, which, offset)) {
            which->phase = PHASE_DOUBT;
        } else if (may_call(of)) {
            which->phase = PHASE_INTENT;
            which->attempt = as->attempt + 1;
            which->is_acknowledged = false;
            which->sent_ms = world->now_ms;
            append_call(of->host, "intent", of->partition, of->known.epoch, offset, which->call, which->attempt, which);
        }
        break;
    case PHASE_INTENT:
        if (!may_call(of) && !of->is_superseded) {
            which->phase = PHASE_WITHDRAWN;
            append_call(of->host, "withdrawn", of->partition, of->known.epoch, offset, which->call, which->attempt, NULL);
        } else if (may_call(of) && is_read_back(of, which, offset)) {
            begin_call(of, which, offset);
        }
        break;
    case PHASE_WITHDRAWN:
        if (as->is_withdrawn || as->is_to_be_made_again || as->attempt > which->attempt)
            which->phase = PHASE_IDLE;
        break;
    case PHASE_FLYING:
    case PHASE_OUTCOME:
        break;
    }
}

static void move_run(task *of, run *which, int64_t offset)
{
    while (which->call < which->calls) {
        if (which->phase == PHASE_FLYING)
            return;
        if (!of->calls[offset][which->call].is_done) {
            move_call(of, which, offset);
            return;
        }
        which->call++;
        which->phase = PHASE_IDLE;
    }
    if (!of->is_draining && !of->is_superseded)
        end_run(of, which);
}

static void move_runs(task *of)
{
    bool is_busy[KEYS] = { false };

    for (int64_t i = 0; i < IDS; i++) {
        run *which = &of->runs[i];

        if (which->state != RUN_OPEN)
            continue;
        if (!is_busy[which->key])
            move_run(of, which, i);
        is_busy[which->key] |= which->state == RUN_OPEN;
    }
}

static void accept(task *of, int64_t offset, int key, int number, int calls, int extra)
{
    run *which = &of->runs[offset];

    if (which->state != RUN_NONE)
        return;
    *which = (run){ .state = RUN_OPEN, .number = number, .key = key, .calls = calls, .extra = extra,
                    .accepted_ms = world->now_ms };
}

static weir_code poll_inputs(host *at)
{
    weir_record records[RECORDS];
    size_t count = 0;
    weir_code rc = weir__consumer_poll(at->consumer, records, RECORDS, &count, NULL);

    for (size_t i = 0; i < count; i++) {
        task *of = find_task(at, records[i].partition);
        int key = 0, number = 0, calls = 0, extra = 0;

        if (!of || of->state != TASK_RUNNING || !of->has_started || records[i].offset != of->next_offset)
            continue;
        (void)sscanf((const char *)records[i].key.data, "k%d", &key);
        (void)sscanf((const char *)records[i].value.data, "%d %d %d", &number, &calls, &extra);
        accept(of, records[i].offset, key, number, calls, extra);
        of->next_offset++;
    }
    weir__consumer_done(at->consumer);
    return rc;
}

/* ---- cuts -------------------------------------------------------------------------------------------------------- */

/* The journal is needed from the first record of a run on that is not known to have ended. */
static int64_t low_water(const task *of)
{
    int64_t low = of->tail;

    for (int i = 0; i < IDS; i++) {
        run_state state = of->runs[i].state;
        bool is_needed = state != RUN_KNOWN;

        if (is_broken(BREAK_PRUNE_ENDED))
            is_needed = state == RUN_OPEN || state == RUN_NONE;
        if (is_broken(BREAK_PRUNE_UNREAD))
            is_needed = state == RUN_OPEN || state == RUN_ENDED;
        if (is_needed && of->first_entry[i] >= 0 && of->first_entry[i] < low)
            low = of->first_entry[i];
    }
    if (of->has_gap) { /* as long as there is doubt the next owner must see it, too */
        for (int64_t i = 0; i < of->doubt_until && i < IDS; i++) {
            if (of->runs[i].state != RUN_KNOWN)
                return of->known.low;
        }
    }
    return low < of->known.low ? of->known.low : low;
}

/* The lowest input that is open; those that have been for long are passed, and stand in the inbox. */
static int64_t passed(const task *of)
{
    for (int64_t i = 0; i < of->next_offset && !is_broken(BREAK_NO_INBOX); i++) {
        const run *which = &of->runs[i];
        bool is_old = world->now_ms >= which->accepted_ms + INBOX_AGE_MS || of->committed.inbox[i];

        if (which->state == RUN_OPEN && !is_old)
            return i;
    }
    return of->next_offset;
}

/* What has ended behind the offset is held back: it would come again. */
static bool fill_part(task *of, cut_part *part)
{
    bool has_moved = false;

    memset(part, 0, sizeof *part);
    part->of = of;
    part->image = of->committed;
    part->image.exists = true;
    part->at = of->known;
    part->at.number++;
    if (of->state == TASK_TAKING) {
        part->at.epoch += !is_broken(BREAK_NO_EPOCH);
        return true;
    }
    part->at.offset = passed(of);
    for (int64_t i = 0; i < IDS; i++) {
        const run *which = &of->runs[i];

        part->image.inbox[i] = which->state == RUN_OPEN && i < part->at.offset && !is_broken(BREAK_NO_INBOX);
        if (which->state != RUN_ENDED || (i >= part->at.offset && !is_broken(BREAK_BEHIND_OFFSET)))
            continue;
        has_moved = part->ended[i] = true;
        part->image.count[which->key] = which->count_after;
        part->image.extra[which->key] = which->extra_after;
    }
    part->at.low = low_water(of);
    return has_moved || part->at.offset != of->known.offset || part->at.low > of->known.low + 4;
}

static void become_known(host *at, const cut_part *part)
{
    task *of = part->of;

    (void)at;
    of->known = part->at;
    of->committed = part->image;
    for (int i = 0; i < IDS; i++) {
        if (part->ended[i])
            of->runs[i].state = RUN_KNOWN;
    }
    if (of->state == TASK_TAKING) {
        of->state = TASK_CLAIMING;
        draft_claim(of);
    }
}

/* The same effects are sent again; the cache is not touched. */
static void drop_from_cut(cut *of)
{
    size_t kept = 0;

    for (size_t i = 0; i < of->count; i++) {
        if (!of->parts[i].is_dropped && of->parts[i].of->state != TASK_GONE)
            of->parts[kept++] = of->parts[i];
    }
    of->count = kept;
}

static void finish_cut(host *at)
{
    cut *of = &at->cut;

    for (size_t i = 0; i < of->count; i++) {
        cut_part *part = &of->parts[i];

        if (part->of->state == TASK_GONE)
            continue;
        if (of->result == RESULT_COMMITTED && !part->is_dropped)
            become_known(at, part);
        else if (part->is_dropped)
            reopen(at, part->of);
        else if (is_broken(BREAK_FORGET_EFFECTS))
            become_known(at, part);
        for (int j = 0; j < IDS && of->result == RESULT_AGAIN && is_broken(BREAK_FINISH_TWICE); j++) {
            if (part->ended[j] && part->of->state == TASK_RUNNING)
                end_run(part->of, &part->of->runs[j]);
        }
    }
    if (of->result == RESULT_AGAIN && !is_broken(BREAK_FORGET_EFFECTS))
        drop_from_cut(of);
    else
        of->count = 0;
    at->has_cut = of->count > 0;
    of->result = RESULT_NONE;
}

static void prune(host *at);

static void cut_and_commit(host *at, bool is_due)
{
    uint64_t rebalances = weir__consumer_rebalances(at->consumer);
    const weir_rebalance *noted = weir__consumer_rebalance(at->consumer);

    if (at->is_committing)
        return;
    if (at->cut.result != RESULT_NONE)
        finish_cut(at);
    if (noted && noted->kind == WEIR__REBALANCE_LOST)
        return;
    if (!at->has_cut) {
        at->cut.count = 0;
        for (task *of = at->tasks; of && is_due; of = of->next) {
            if ((of->state == TASK_TAKING && !of->is_draining) || of->state == TASK_RUNNING)
                at->cut.count += fill_part(of, &at->cut.parts[at->cut.count]);
        }
        at->has_cut = at->cut.count > 0;
    } else {
        drop_from_cut(&at->cut);
        at->has_cut = at->cut.count > 0;
        if (!is_due)
            return;
    }
    if (!at->has_cut)
        return;
    at->last_cut_ms = world->now_ms;
    at->cut.rebalances = rebalances;
    draft_commit(at);
    if (is_broken(BREAK_PRUNE_UNKNOWN))
        prune(at);
}

/* ---- pruning ----------------------------------------------------------------------------------------------------- */

typedef struct pruning {
    host *at;
    int32_t partition;
    int64_t before;
} pruning;

static void run_prune(void *arg)
{
    const pruning *what = arg;

    if (weir__cluster_delete_records(what->at->cluster, TOPIC_JOURNAL, what->partition, what->before, NULL) != WEIR_OK)
        sim_trace("pruning failed; another time");
    what->at->threads--;
}

static void prune(host *at)
{
    at->pruned_ms = world->now_ms;
    for (task *of = at->tasks; of; of = of->next) {
        pruning *what;

        if (of->state != TASK_RUNNING)
            continue;
        what = sim_alloc(sizeof *what);
        *what = (pruning){ at, of->partition, of->known.low };
        for (size_t i = 0; i < at->cut.count && is_broken(BREAK_PRUNE_UNKNOWN); i++) {
            if (at->cut.parts[i].of == of)
                what->before = at->cut.parts[i].at.low;
        }
        at->threads++;
        sim_thread(at->process, "prune", false, run_prune, what);
    }
}

/* ---- taking tasks ------------------------------------------------------------------------------------------------ */

static bool has_own_claim(const task *of)
{
    if (is_broken(BREAK_NO_CLAIM) || is_broken(BREAK_NOT_UP_TO_CLAIM))
        return true;
    return of->own_claim >= 0 && of->tail > of->own_claim;
}

static void start_following(host *at, task *of)
{
    int64_t from = of->known.low;

    of->has_claim = true;
    if (of->start_of_journal > from) {
        sim_trace("partition %d: the journal from %lld to %lld is gone", of->partition, (long long)from,
                  (long long)of->start_of_journal);
        of->has_gap = true;
        of->doubt_until = of->end_of_input;
        from = of->start_of_journal;
    }
    of->tail = from;
    if (!is_broken(BREAK_NO_CLAIM))
        append(at, of->partition,
               sim_print("claim %lld %lld", (long long)of->known.epoch, (long long)of->end_of_input), of, NULL);
    if (weir__reader_add(at->tail, TOPIC_JOURNAL, of->partition, from, 0, NULL) != WEIR_OK)
        reopen(at, of);
}

static void start_running(task *of)
{
    of->state = TASK_RUNNING;
    of->next_offset = of->known.offset;
    for (int i = 0; i < IDS; i++) {
        run *which = &of->runs[i];

        if (of->committed.inbox[i])
            accept(of, i, which->key, which->number, which->calls, which->extra);
        else if (i < of->known.offset)
            which->state = RUN_KNOWN;
    }
    sim_trace("partition %d runs from %lld, commit %lld, epoch %lld", of->partition, (long long)of->known.offset,
              (long long)of->known.number, (long long)of->known.epoch);
}

static void move_task(host *at, task *of)
{
    switch (of->state) {
    case TASK_READING:
        if (!of->is_busy && of->is_failed)
            draft_read(of);
        else if (!of->is_busy)
            of->state = TASK_TAKING;
        break;
    case TASK_TAKING:
        break;
    case TASK_CLAIMING:
        if (!of->is_busy && of->is_failed)
            draft_claim(of);
        else if (!of->is_busy && !of->has_claim)
            start_following(at, of);
        else if (!of->is_busy && has_own_claim(of))
            start_running(of);
        break;
    case TASK_RUNNING:
        if (!of->has_started && !of->is_draining)
            of->has_started = weir__consumer_start(at->consumer, (weir_assigned){ 0, of->partition }, of->next_offset,
                                                   NULL) == WEIR_OK;
        move_runs(of);
        break;
    case TASK_GONE:
        break;
    }
}

/* ---- rebalances -------------------------------------------------------------------------------------------------- */

static bool is_clean(const host *at, const task *of)
{
    cut_part part;

    for (size_t i = 0; i < at->cut.count; i++) {
        if (at->cut.parts[i].of == of && !at->cut.parts[i].is_dropped)
            return false;
    }
    return of->state != TASK_RUNNING || !fill_part((task *)of, &part);
}

static void heed_rebalance(host *at)
{
    const weir_rebalance *noted = weir__consumer_rebalance(at->consumer);
    bool is_ready = !at->is_committing;
    task *of;

    if (!noted)
        return;
    switch (noted->kind) {
    case WEIR__REBALANCE_ASSIGN:
        is_ready = true;
        break;
    case WEIR__REBALANCE_REVOKE:
        for (size_t i = 0; i < noted->count; i++) {
            of = find_task(at, noted->partitions[i].partition);
            if (of)
                of->is_draining = true;
            is_ready &= !of || is_clean(at, of);
        }
        is_ready |= is_broken(BREAK_ANSWER_EARLY);
        break;
    case WEIR__REBALANCE_LOST:
        for (size_t i = 0; i < noted->count && !is_broken(BREAK_KEEP_LOST); i++) {
            of = find_task(at, noted->partitions[i].partition);
            if (of)
                let_go(at, of);
        }
        break;
    }
    if (!is_ready)
        return;
    for (size_t i = 0; i < noted->count; i++) {
        of = find_task(at, noted->partitions[i].partition);
        if (of && (noted->kind == WEIR__REBALANCE_REVOKE ||
                   (noted->kind == WEIR__REBALANCE_LOST && !is_broken(BREAK_KEEP_LOST))))
            let_go(at, of);
        if (!of && noted->kind == WEIR__REBALANCE_ASSIGN && at->stop_by_ms == 0)
            (void)take(at, noted->partitions[i].partition);
    }
    if (weir__consumer_answer(at->consumer, NULL) != WEIR_OK)
        at->is_fatal = true;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------- */

static bool open_all(host *at)
{
    static const char *const topics[] = { TOPIC_IN };
    weir_cluster_options options = { .group = "job" };
    weir_consumer_options members = { .topics = topics, .topic_count = 1 };
    weir_reader_options readers = { .cluster = NULL };

    if (weir__cluster_open(&options, &at->cluster, NULL) != WEIR_OK)
        return false;
    members.cluster = readers.cluster = at->cluster;
    members.instance = world->is_static ? sim_print("%c", at->where->name) : NULL;
    return weir__appender_open(at->cluster, &at->appender, NULL) == WEIR_OK &&
           weir__reader_open(&readers, &at->tail, NULL) == WEIR_OK &&
           weir__consumer_open(&members, &at->consumer, NULL) == WEIR_OK;
}

static void heal_appender(host *at)
{
    if (!at->is_appender_broken || at->is_committing)
        return;
    sim_trace("the appender is made anew, and all tasks with it");
    at->is_appender_broken = false;
    weir__appender_close(at->appender);
    at->appender = NULL;
    at->is_appender_broken = false;
    if (weir__appender_open(at->cluster, &at->appender, NULL) != WEIR_OK) {
        at->is_fatal = true;
        return;
    }
    for (task *of = at->tasks, *next; of; of = next) {
        next = of->next;
        if (of->state == TASK_CLAIMING || of->state == TASK_RUNNING)
            reopen(at, of);
    }
}

static bool is_stopping(host *at)
{
    bool is_done = !at->is_committing && !at->has_cut && !at->flights;

    if (at->process->is_told_to_stop && at->stop_by_ms == 0)
        at->stop_by_ms = world->now_ms + STOP_MS;
    if (at->stop_by_ms == 0)
        return false;
    for (task *of = at->tasks; of; of = of->next) {
        of->is_draining = true;
        is_done &= is_clean(at, of);
    }
    return (is_done && weir__appender_pending(at->appender) == 0) || world->now_ms >= at->stop_by_ms;
}

static void turn(host *at)
{
    weir_code rc = poll_inputs(at);

    if (rc == WEIR_FENCED || rc == WEIR_IO || rc == WEIR_UNKNOWN)
        at->is_fatal = true;
    if (weir__appender_poll(at->appender, NULL) != WEIR_OK)
        at->is_appender_broken = true;
    follow(at);
    receive_calls(at);
    heal_appender(at);
    if (at->is_fatal)
        return;
    heed_rebalance(at);
    for (task *of = at->tasks; of; of = of->next)
        move_task(at, of);
    cut_and_commit(at, world->now_ms >= at->last_cut_ms + COMMIT_MS);
    if (world->now_ms >= at->pruned_ms + PRUNE_MS && !is_broken(BREAK_PRUNE_UNKNOWN))
        prune(at);
}

static void run_host(void *arg)
{
    host *at = arg;

    if (open_all(at)) {
        while (!at->process->is_dead && !at->is_fatal && !is_stopping(at)) {
            turn(at);
            (void)sim_poll(NULL, NULL, 0, (int)sim_between(1, 10));
        }
    }
    if (!at->process->is_dead)
        sim_trace("%s ends by itself", at->process->name);
    for (task *of = at->tasks; of; of = of->next)
        of->state = TASK_GONE;
    while (at->threads)
        (void)sim_poll(NULL, NULL, 0, 1);
    if (hosts[at->where - on_stage->slot] == at)
        hosts[at->where - on_stage->slot] = NULL;
    weir__producer_close(at->producer);
    weir__consumer_close(at->consumer);
    weir__appender_close(at->appender);
    weir__reader_close(at->tail);
    weir__cluster_close(at->cluster);
}

void draft_start(slot *where)
{
    host *made = sim_alloc(sizeof *made);

    made->where = where;
    made->process = where->process;
    made->kept = where->folder;
    hosts[where - on_stage->slot] = made;
    sim_thread(where->process, "loop", true, run_host, made);
}

void draft_each_parked(void (*fn)(int number, int call, int attempt, int32_t partition))
{
    for (int i = 0; i < on_stage->slots; i++) {
        if (!hosts[i] || hosts[i]->process->is_dead || !hosts[i]->process->fibers)
            continue;
        for (task *of = hosts[i]->tasks; of; of = of->next) {
            for (int j = 0; j < IDS && of->state == TASK_RUNNING; j++) {
                const run *which = &of->runs[j];

                if (which->state == RUN_OPEN && which->phase == PHASE_DOUBT && which->call < which->calls)
                    fn(which->number, which->call, of->calls[j][which->call].attempt, of->partition);
            }
        }
    }
}
