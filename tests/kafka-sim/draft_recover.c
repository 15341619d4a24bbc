/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a task: what is committed, the state, the claim; and what the journal's records mean. */
#include <stdio.h>
#include <string.h>

#include "draft.h"

/* ---- the state --------------------------------------------------------------------------------------------------- */

static bool is_over(const task *at)
{
    return at->host->process->is_dead || at->state == TASK_GONE;
}

static bool ask_tuple(const task *at, tuple *out, bool *exists)
{
    int64_t offset = 0;
    weir_buffer text;
    weir_code rc;

    weir__buffer_init(&text, 4000);
    do {
        rc = weir__cluster_committed(at->host->cluster, TOPIC_IN, at->partition, exists, &offset, &text, NULL);
    } while (rc != WEIR_OK && !is_over(at));
    if (rc == WEIR_OK && *exists &&
        (weir__buffer_add_byte(&text, 0) != WEIR_OK || !draft_parse_tuple(weir__buffer_bytes(&text), out)))
        sim_violate("an offset without a tuple");
    weir__buffer_clear(&text);
    return rc == WEIR_OK;
}

static bool ask_end(const task *at, const char *topic, weir_log_end which, int64_t *offset)
{
    weir_code rc;

    do {
        rc = weir__cluster_log_end(at->host->cluster, topic, at->partition, which, offset, NULL);
    } while (rc != WEIR_OK && !is_over(at));
    return rc == WEIR_OK;
}

static void apply_change(task *at, image *to, weir_bytes key, weir_bytes value)
{
    const char *name = (const char *)key.data, *text = (const char *)value.data;
    int which = 0;

    if (strcmp(name, "tuple") == 0) {
        to->exists = draft_parse_tuple(value, &to->at);
    } else if (sscanf(name, "c%d", &which) == 1) {
        to->count[which] = 0;
        (void)(text && sscanf(text, "%d", &to->count[which]));
    } else if (sscanf(name, "x%d", &which) == 1) {
        to->extra[which] = 0;
        (void)(text && sscanf(text, "%d", &to->extra[which]));
    } else if (sscanf(name, "i%d", &which) == 1) {
        run *of = &at->runs[which];

        to->inbox[which] = text != NULL;
        if (text && sscanf(text, "%d %d %d %d", &of->key, &of->number, &of->calls, &of->extra) != 4)
            sim_violate("the inbox cannot be read");
    }
}

/* From where SQLite is up to the end that the log had: an end behind the last stable offset is waited for. */
static bool restore(task *at, image *to, int64_t from, int64_t until)
{
    weir_reader_options options = { .cluster = at->host->cluster };
    weir_reader *reader = NULL;
    weir_record records[8];
    size_t count = 0;
    bool is_read = false;

    if (weir__reader_open(&options, &reader, NULL) != WEIR_OK)
        return false;
    if (weir__reader_add(reader, TOPIC_CHANGES, at->partition, from, 0, NULL) != WEIR_OK) {
        weir__reader_close(reader);
        return false;
    }
    while (!is_read && !is_over(at)) {
        weir_code rc = weir__reader_poll(reader, 50, records, 8, &count, NULL);

        if (rc == WEIR_UNREACHABLE)
            (void)sim_wait(NULL, NULL, world->now_ms + 10);
        else if (rc != WEIR_OK)
            break;
        for (size_t i = 0; i < count; i++) {
            at->log_offset = records[i].offset + !records[i].is_end;
            if (!records[i].is_end)
                apply_change(at, to, records[i].key, records[i].value);
            is_read |= records[i].is_end && (records[i].offset >= until || is_broken(BREAK_COMPARE_EARLY));
        }
        weir__reader_done(reader);
    }
    weir__reader_close(reader);
    return is_read;
}

static bool is_file_good(const task *at, const database *db, int64_t start, int64_t end)
{
    if (!db->kept.exists)
        return false;
    if (is_broken(BREAK_OLD_FILE))
        return db->log_offset >= start;
    /* One that is at the end is never old; log ends in a marker, which is read, too. */
    return db->log_offset >= start &&
           (db->log_offset >= end || world->now_ms - db->at_end_ms + at->host->kept->aged_ms < TOMBSTONE_MS / 2);
}

/* False: to be begun anew. */
static bool read_state(task *at)
{
    database *db = &at->host->kept->of[at->partition];
    tuple group = { .number = 0 };
    image *to = &at->memory;
    int64_t start = 0, end = 0;
    bool exists = false;

    memset(to, 0, sizeof *to);
    if (!ask_tuple(at, &group, &exists) || !ask_end(at, TOPIC_CHANGES, WEIR__LOG_START, &start) ||
        !ask_end(at, TOPIC_CHANGES, is_broken(BREAK_STABLE_END) ? WEIR__LOG_STABLE_END : WEIR__LOG_END, &end))
        return false;
    if (is_file_good(at, db, start, end)) {
        *to = db->kept;
        for (int i = 0; i < IDS; i++) { /* what the inbox holds is in the file */
            if (to->inbox[i]) {
                const input *of = &on_stage->input[stage_number_at(at->partition, i)];

                at->runs[i].key = of->key;
                at->runs[i].number = (int)(of - on_stage->input);
                at->runs[i].calls = of->calls;
                at->runs[i].extra = (int)of->extra;
            }
        }
        start = db->log_offset;
    }
    if (!restore(at, to, start, end))
        return false;
    if (!exists && to->exists && is_broken(BREAK_OFFSETS_GONE)) {
        memset(to, 0, sizeof *to); /* as if nothing had ever been */
    }
    if (exists && to->exists && (to->at.number != group.number || to->at.epoch != group.epoch)) {
        sim_trace("partition %d: the tuples differ (%lld, %lld)", at->partition, (long long)group.number,
                  (long long)to->at.number);
        if (!is_broken(BREAK_COMPARE_EARLY) && !is_broken(BREAK_STABLE_END))
            return false;
        to->at = group;
    }
    if (exists && !to->exists) {
        if (!is_broken(BREAK_COMPARE_EARLY) && !is_broken(BREAK_STABLE_END))
            return false;
        to->at = group;
    }
    at->known = to->at;
    at->committed = *to;
    return true;
}

static void run_read(void *arg)
{
    task *at = arg;

    at->is_failed = !read_state(at);
    if (at->is_failed && !is_over(at))
        (void)sim_wait(NULL, NULL, world->now_ms + 10);
    at->is_busy = false;
    at->host->threads--;
}

void draft_read(task *at)
{
    at->is_busy = true;
    at->host->threads++;
    sim_thread(at->host->process, "recovery", false, run_read, at);
}

static void run_claim(void *arg)
{
    task *at = arg;

    at->is_failed = !ask_end(at, TOPIC_JOURNAL, WEIR__LOG_START, &at->start_of_journal) ||
                    !ask_end(at, TOPIC_IN, WEIR__LOG_END, &at->end_of_input);
    at->is_busy = false;
    at->host->threads--;
}

void draft_claim(task *at)
{
    at->is_busy = true;
    at->host->threads++;
    sim_thread(at->host->process, "claim", false, run_claim, at);
}

/* ---- the journal ------------------------------------------------------------------------------------------------- */

/* Behind a higher claim all is void but outcomes and what an operator has decided. */
void draft_apply_entry(task *at, int64_t offset, weir_bytes value)
{
    const char *text = (const char *)value.data;
    long long epoch = 0, source = 0;
    int number = 0, attempt = 0;
    char kind[16] = "";
    call_state *of;
    bool is_valid;

    if (at->tail <= offset)
        at->tail = offset + 1;
    if (sscanf(text, "claim %lld %lld", &epoch, &source) == 2) {
        if (epoch > at->claim)
            at->claim = epoch;
        at->is_superseded |= epoch > at->known.epoch;
        if (epoch == at->known.epoch && offset == at->own_claim && source > at->doubt_until && at->has_gap)
            at->doubt_until = source;
        return;
    }
    if (sscanf(text, "%15s %lld %lld %d %d", kind, &epoch, &source, &number, &attempt) != 5 || source >= IDS)
        return;
    of = &at->calls[source][number];
    is_valid = epoch >= at->claim || is_broken(BREAK_ACCEPT_VOID);
    if (at->first_entry[source] < 0)
        at->first_entry[source] = offset;
    if (strcmp(kind, "outcome") == 0) {
        of->is_done = true;
    } else if (strcmp(kind, "intent") == 0) {
        if (is_valid && attempt > of->attempt && !of->is_done)
            *of = (call_state){ .attempt = attempt, .epoch = epoch };
    } else if (strcmp(kind, "withdrawn") == 0) {
        of->is_withdrawn |= is_valid && attempt == of->attempt && epoch == of->epoch;
    } else if (strcmp(kind, "retry") == 0) {
        of->is_to_be_made_again |= attempt == of->attempt;
    }
}
