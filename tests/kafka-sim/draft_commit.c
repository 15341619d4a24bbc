/* SPDX-License-Identifier: Apache-2.0 */
/* One commit: the transaction, what became of it, then SQLite. On a thread of its own. */
#include <stdio.h>
#include <string.h>

#include "draft.h"

const char *draft_print_tuple(const tuple *at)
{
    return sim_print("T %lld %lld %lld %lld %s", (long long)at->offset, (long long)at->number, (long long)at->epoch,
                     (long long)at->low, at->id);
}

bool draft_parse_tuple(weir_bytes text, tuple *out)
{
    long long offset, number, epoch, low;

    if (!text.data || sscanf((const char *)text.data, "T %lld %lld %lld %lld %23s", &offset, &number, &epoch, &low,
                             out->id) != 5)
        return false;
    out->offset = offset;
    out->number = number;
    out->epoch = epoch;
    out->low = low;
    return true;
}

/* ---- the producer ------------------------------------------------------------------------------------------------ */

static void mint(host *at)
{
    (void)snprintf(at->kept->id, sizeof at->kept->id, "%c-%d", at->where->name, ++at->kept->minted);
}

static bool renew(host *at)
{
    weir_txn txn;

    weir__producer_close(at->producer);
    at->producer = NULL;
    if (!*at->kept->id)
        mint(at);
    if (weir__producer_open(at->cluster, at->kept->id, &at->producer, NULL) != WEIR_OK)
        return false;
    do {
        txn = weir__producer_init(at->producer, 200, NULL);
    } while (txn == WEIR__TXN_UNKNOWN && !at->process->is_dead);
    return txn == WEIR__TXN_OK;
}

/* ---- what is written --------------------------------------------------------------------------------------------- */

static weir_txn put(host *at, const char *topic, int32_t partition, const char *key, const char *value, int64_t *end)
{
    weir_produce record = { .topic = topic, .partition = partition, .timestamp_ms = -1, .end_offset = end };

    record.key = weir__bytes_text(key);
    if (value)
        record.value = weir__bytes_text(value);
    return weir__producer_add(at->producer, &record, NULL);
}

static weir_txn put_outputs(host *at, const cut_part *part)
{
    const task *of = part->of;
    weir_txn txn = WEIR__TXN_OK;

    for (int i = 0; i < IDS && txn == WEIR__TXN_OK; i++) {
        if (part->ended[i])
            txn = put(at, TOPIC_OUT, of->partition, sim_print("k%d", of->runs[i].key), of->runs[i].output, NULL);
    }
    return txn;
}

static weir_txn put_changes(host *at, cut_part *part)
{
    const image *before = &part->of->committed;
    weir_txn txn = WEIR__TXN_OK;
    int32_t p = part->of->partition;

    for (int k = 0; k < KEYS && txn == WEIR__TXN_OK; k++) {
        if (part->image.count[k] != before->count[k])
            txn = put(at, TOPIC_CHANGES, p, sim_print("c%d", k), sim_print("%d", part->image.count[k]), &part->log_end);
        if (txn == WEIR__TXN_OK && part->image.extra[k] != before->extra[k] &&
            (part->image.extra[k] || !is_broken(BREAK_NO_TOMBSTONES)))
            txn = put(at, TOPIC_CHANGES, p, sim_print("x%d", k),
                      part->image.extra[k] ? sim_print("%d", part->image.extra[k]) : NULL, &part->log_end);
    }
    for (int i = 0; i < IDS && txn == WEIR__TXN_OK; i++) {
        const run *of = &part->of->runs[i];

        if (part->image.inbox[i] != before->inbox[i])
            txn = put(at, TOPIC_CHANGES, p, sim_print("i%d", i),
                      part->image.inbox[i] ? sim_print("%d %d %d %d", of->key, of->number, of->calls, of->extra) : NULL,
                      &part->log_end);
    }
    if (txn == WEIR__TXN_OK)
        txn = put(at, TOPIC_CHANGES, p, "tuple", draft_print_tuple(&part->at), &part->log_end);
    return txn;
}

static void store(host *at, const cut_part *part)
{
    database *db = &at->kept->of[part->of->partition];

    watch_store(part->of->partition, part->at.number, part->at.epoch);
    db->kept = part->image;
    db->kept.exists = true;
    db->kept.at = part->at;
    db->log_offset = part->log_end;
    db->at_end_ms = world->now_ms;
}

/* SQLite holds what is known to be committed. */
static void store_all(host *at)
{
    for (size_t i = 0; i < at->cut.count; i++) {
        if (!at->cut.parts[i].is_dropped && at->cut.parts[i].of->state != TASK_GONE && sim_step("SQLite commit"))
            store(at, &at->cut.parts[i]);
    }
}

/* ---- what became of it ------------------------------------------------------------------------------------------- */

static result read_back(host *at)
{
    result found = RESULT_NONE;

    for (size_t i = 0; i < at->cut.count; i++) {
        cut_part *part = &at->cut.parts[i];
        bool exists = false;
        int64_t offset = 0;
        weir_buffer text;
        tuple now = { .number = 0 };
        weir_code rc;

        if (part->is_dropped)
            continue;
        weir__buffer_init(&text, 4000);
        do {
            rc = weir__cluster_committed(at->cluster, TOPIC_IN, part->of->partition, &exists, &offset, &text, NULL);
        } while (rc != WEIR_OK && !at->process->is_dead);
        if (rc == WEIR_OK && exists && weir__buffer_add_byte(&text, 0) == WEIR_OK)
            (void)draft_parse_tuple(weir__buffer_bytes(&text), &now);
        weir__buffer_clear(&text);
        if (rc != WEIR_OK)
            return RESULT_DEAD;
        if (exists && now.number == part->at.number && now.epoch == part->at.epoch && strcmp(now.id, part->at.id) == 0) {
            found = RESULT_COMMITTED;
        } else if (exists && (now.number != part->of->known.number || now.epoch != part->of->known.epoch)) {
            sim_trace("partition %d is another's: epoch %lld", part->of->partition, (long long)now.epoch);
            part->is_dropped = true;
        } else if (!exists) {
            part->is_dropped = true; /* nothing to tell by: the changelog will */
        } else if (found == RESULT_NONE) {
            found = RESULT_AGAIN;
        }
    }
    return found == RESULT_NONE ? RESULT_AGAIN : found;
}

static result resolve(host *at, weir_txn txn)
{
    bool had_id = *at->kept->id != '\0';

    if (at->process->is_dead)
        return RESULT_DEAD;
    switch (txn) {
    case WEIR__TXN_OK:
        return RESULT_COMMITTED;
    case WEIR__TXN_REFUSED:
        if (weir__producer_abort(at->producer, NULL) == WEIR__TXN_OK)
            return RESULT_AGAIN;
        return renew(at) ? RESULT_AGAIN : RESULT_DEAD;
    case WEIR__TXN_FENCED:
        if (had_id)
            mint(at);
        return renew(at) ? read_back(at) : RESULT_DEAD;
    case WEIR__TXN_UNKNOWN:
        if (is_broken(BREAK_REUSE_PRODUCER)) {
            weir_producer *same = at->producer;

            if (weir__producer_abort(same, NULL) == WEIR__TXN_OK)
                return RESULT_AGAIN;
        }
        if (!renew(at))
            return RESULT_DEAD;
        if (is_broken(BREAK_ASSUME_COMMITTED))
            return RESULT_COMMITTED;
        return is_broken(BREAK_NO_READ_BACK) ? RESULT_AGAIN : read_back(at);
    case WEIR__TXN_FAILED:
        sim_violate("a transaction failed for good");
        return RESULT_DEAD;
    }
    return RESULT_DEAD;
}

static weir_txn fill(host *at)
{
    weir_commit_offset offsets[PARTITIONS];
    weir_group_member *member = weir__consumer_member(at->consumer);
    weir_txn txn;
    size_t count = 0;

    /* The member first: whatever is noted from here on makes it an old one. */
    if (!member || (weir__consumer_rebalances(at->consumer) != at->cut.rebalances && !is_broken(BREAK_IGNORE_REBALANCE))) {
        weir__group_member_free(member);
        return WEIR__TXN_REFUSED;
    }
    txn = WEIR__TXN_OK;
    for (size_t i = 0; i < at->cut.count && txn == WEIR__TXN_OK; i++) {
        cut_part *part = &at->cut.parts[i];

        if (part->is_dropped)
            continue;
        memcpy(part->at.id, at->kept->id, sizeof part->at.id);
        txn = put_outputs(at, part);
        if (txn == WEIR__TXN_OK)
            txn = put_changes(at, part);
        offsets[count++] = (weir_commit_offset){ TOPIC_IN, part->of->partition, part->at.offset,
                                                 weir__bytes_text(draft_print_tuple(&part->at)) };
    }
    if (txn == WEIR__TXN_OK)
        txn = weir__producer_flush(at->producer, NULL);
    if (is_broken(BREAK_IGNORE_REBALANCE)) {
        weir__group_member_free(member);
        member = weir__consumer_member(at->consumer);
        if (!member)
            return WEIR__TXN_REFUSED;
    }
    if (txn == WEIR__TXN_OK)
        txn = weir__producer_offsets(at->producer, offsets, count, member, NULL);
    weir__group_member_free(member);
    return txn;
}

static void run_commit(void *arg)
{
    host *at = arg;
    weir_txn txn = WEIR__TXN_OK;

    at->cut.result = RESULT_DEAD;
    if (at->producer || renew(at)) {
        txn = weir__producer_begin(at->producer, NULL);
        if (txn == WEIR__TXN_OK)
            txn = fill(at);
        if (txn == WEIR__TXN_OK && is_broken(BREAK_STORE_FIRST))
            store_all(at);
        if (txn == WEIR__TXN_OK)
            txn = weir__producer_commit(at->producer, NULL);
        at->cut.result = resolve(at, txn);
    }
    if (at->cut.result == RESULT_COMMITTED)
        store_all(at);
    at->is_committing = false;
    at->threads--;
}

void draft_commit(host *at)
{
    at->is_committing = true;
    at->threads++;
    sim_thread(at->process, "commit", false, run_commit, at);
}
