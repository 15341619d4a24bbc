/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transaction coordinator, as clients older than KIP-890's second part meet it: the epoch moves at init alone, so a
 * late commit may hit a later transaction of the same producer. Requests of records and offsets are verified (its first
 * part): none joins a transaction that is not open.
 *
 *     EMPTY --partition, group--> ONGOING --end--> PREPARED --last marker--> EMPTY
 *                                    `--time-out, init: epoch + 1--> PREPARED (abort)
 */
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

static sim_transaction *all;
static int64_t last_producer;

void sim_transactions_begin(void);
void sim_transactions_begin(void)
{
    all = NULL;
    last_producer = 0;
}

sim_transaction *sim_transaction_find(const char *id)
{
    for (sim_transaction *txn = all; txn; txn = txn->next) {
        if (strcmp(txn->id, id) == 0)
            return txn;
    }
    return NULL;
}

bool sim_txn_are_all_complete(void)
{
    for (sim_transaction *txn = all; txn; txn = txn->next) {
        if (txn->state != SIM_TXN_EMPTY)
            return false;
    }
    return true;
}

bool sim_offset_is_pending(const char *topic, int32_t partition)
{
    for (const sim_transaction *txn = all; txn; txn = txn->next) {
        for (size_t i = 0; i < txn->offset_count; i++) {
            if (txn->offsets[i].partition == partition && strcmp(txn->offsets[i].topic, topic) == 0)
                return true;
        }
    }
    return false;
}

/* ---- its end ----------------------------------------------------------------------------------------------------- */

typedef struct marker {
    sim_transaction *txn;
    sim_partition *partition; /* NULL: that of the offsets */
} marker;

static void resolve_records(sim_partition *partition, const sim_transaction *txn)
{
    sim_record written = { .state = SIM_MARKER, .producer = txn->producer, .timestamp_ms = -1, .by = "coordinator" };

    for (int64_t i = sim_log_stable_end(partition); i < partition->end; i++) {
        sim_record *record = &partition->records[i];

        if (record->state == SIM_OPEN && record->producer == txn->producer) {
            record->state = txn->is_commit ? SIM_COMMITTED : SIM_ABORTED;
            partition->open--;
        }
    }
    (void)sim_log_append(partition, &written);
    sim_trace("%s of %s reaches %s/%d", txn->is_commit ? "commit" : "abort", txn->id, partition->topic->name,
              partition->number);
}

static void resolve_offsets(sim_transaction *txn)
{
    for (size_t i = 0; txn->is_commit && i < txn->offset_count; i++) {
        const sim_pending_offset *pending = &txn->offsets[i];
        sim_offset *at = sim_offset_of(pending->topic, pending->partition);

        if (at->exists && at->order > pending->order)
            continue; /* set since */
        *at = (sim_offset){ .exists = true, .offset = pending->offset, .metadata = pending->metadata,
                            .order = pending->order };
    }
    sim_trace("%s of %s reaches the offsets (%zu)", txn->is_commit ? "commit" : "abort", txn->id, txn->offset_count);
    txn->offset_count = 0;
}

static void reach(void *arg)
{
    const marker *at = arg;
    sim_transaction *txn = at->txn;

    if (at->partition)
        resolve_records(at->partition, txn);
    else
        resolve_offsets(txn);
    if (--txn->markers_left == 0)
        txn->state = SIM_TXN_EMPTY;
}

static void send_marker(sim_transaction *txn, sim_partition *partition)
{
    marker *made = sim_alloc(sizeof *made);
    int64_t delay_ms = sim_between(0, world->faults.delay_ms);

    if (sim_chance(world->faults.late_marker))
        delay_ms += sim_between(1, world->faults.late_ms);
    *made = (marker){ txn, partition };
    txn->markers_left++;
    sim_in(delay_ms, reach, made);
}

/*
 * What else the transaction writes is committed from here on, whatever reaches the offsets first: the marker, or
 * somebody who sets another one. What a member has committed meanwhile was told of.
 */
static void tell_overwrites(const sim_transaction *txn)
{
    for (size_t i = 0; i < txn->offset_count; i++) {
        const sim_pending_offset *pending = &txn->offsets[i];

        if (pending->is_over_foreign && sim_offset_of(pending->topic, pending->partition)->is_foreign)
            world->on_overwrite(txn->owner, pending->topic, pending->partition, pending->over);
    }
}

static void prepare(sim_transaction *txn, bool is_commit)
{
    sim_trace("coordinator: %s #%llu of epoch %d is to %s", txn->id, (unsigned long long)txn->number, txn->epoch,
              is_commit ? "commit" : "abort");
    txn->state = SIM_TXN_PREPARED;
    txn->is_commit = is_commit;
    if (is_commit && world->on_overwrite)
        tell_overwrites(txn);
    txn->markers_left = 0;
    for (size_t i = 0; i < txn->partition_count; i++)
        send_marker(txn, txn->partitions[i]);
    if (txn->has_group)
        send_marker(txn, NULL);
    txn->partition_count = 0;
    txn->has_group = false;
    if (txn->markers_left == 0)
        txn->state = SIM_TXN_EMPTY;
}

/* ---- its beginning ----------------------------------------------------------------------------------------------- */

typedef struct sweep {
    sim_transaction *txn;
    uint64_t number;
} sweep;

static void time_out(void *arg)
{
    const sweep *at = arg;

    if (at->txn->state != SIM_TXN_ONGOING || at->txn->number != at->number)
        return;
    sim_trace("coordinator: %s #%llu has timed out", at->txn->id, (unsigned long long)at->number);
    if (world->on_sweep)
        world->on_sweep(at->txn->id, at->txn->owner, at->txn->started_ms);
    at->txn->epoch++;
    prepare(at->txn, false);
}

static sim_code check(sim_transaction *txn, int epoch)
{
    if (!txn || epoch != txn->epoch)
        return SIM_FENCED;
    return txn->state == SIM_TXN_PREPARED ? SIM_CONCURRENT : SIM_OK;
}

static void open_txn(sim_transaction *txn)
{
    sweep *made;

    if (txn->state == SIM_TXN_ONGOING)
        return;
    txn->state = SIM_TXN_ONGOING;
    txn->started_ms = world->now_ms;
    txn->number++;
    made = sim_alloc(sizeof *made);
    *made = (sweep){ txn, txn->number };
    sim_in(world->transaction_ms + sim_between(0, world->transaction_ms / 2), time_out, made);
}

sim_code sim_txn_init(const char *id, const sim_process *owner, int64_t *producer, int *epoch)
{
    sim_transaction *txn = sim_transaction_find(id);

    if (!txn) {
        txn = sim_alloc(sizeof *txn);
        txn->id = sim_print("%s", id);
        txn->producer = ++last_producer;
        txn->epoch = -1;
        txn->next = all;
        all = txn;
    }
    if (txn->state == SIM_TXN_PREPARED)
        return SIM_CONCURRENT;
    if (txn->state == SIM_TXN_ONGOING) {
        txn->epoch++;
        prepare(txn, false);
        return SIM_CONCURRENT;
    }
    txn->epoch++;
    txn->owner = owner;
    *producer = txn->producer;
    *epoch = txn->epoch;
    sim_trace("coordinator: %s begins epoch %d", id, txn->epoch);
    return SIM_OK;
}

sim_code sim_txn_add_partition(const char *id, int epoch, sim_partition *partition)
{
    sim_transaction *txn = sim_transaction_find(id);
    sim_code code = check(txn, epoch);

    if (code != SIM_OK)
        return code;
    open_txn(txn);
    for (size_t i = 0; i < txn->partition_count; i++) {
        if (txn->partitions[i] == partition)
            return SIM_OK;
    }
    if (txn->partition_count == SIM_TXN_PARTITIONS)
        abort();
    txn->partitions[txn->partition_count++] = partition;
    return SIM_OK;
}

sim_code sim_txn_add_group(const char *id, int epoch)
{
    sim_transaction *txn = sim_transaction_find(id);
    sim_code code = check(txn, epoch);

    if (code != SIM_OK)
        return code;
    open_txn(txn);
    txn->has_group = true;
    return SIM_OK;
}

sim_code sim_txn_produce(const char *id, int epoch, sim_partition *partition, const sim_record *record,
                         int64_t *offset)
{
    sim_transaction *txn = sim_transaction_find(id);
    sim_code code = check(txn, epoch);
    sim_record open = *record;
    size_t i = 0;

    if (code != SIM_OK)
        return code == SIM_CONCURRENT ? SIM_BAD_STATE : code;
    while (i < txn->partition_count && txn->partitions[i] != partition)
        i++;
    if (txn->state != SIM_TXN_ONGOING || i == txn->partition_count)
        return SIM_BAD_STATE;
    open.state = SIM_OPEN;
    open.producer = txn->producer;
    *offset = sim_log_append(partition, &open);
    return SIM_OK;
}

sim_code sim_txn_offset(const char *id, int epoch, const sim_pending_offset *offset)
{
    sim_transaction *txn = sim_transaction_find(id);
    sim_code code = check(txn, epoch);
    size_t i = 0;

    if (code != SIM_OK)
        return code == SIM_CONCURRENT ? SIM_BAD_STATE : code;
    if (txn->state != SIM_TXN_ONGOING || !txn->has_group)
        return SIM_BAD_STATE;
    while (i < txn->offset_count &&
           (txn->offsets[i].partition != offset->partition || strcmp(txn->offsets[i].topic, offset->topic) != 0))
        i++;
    if (i == SIM_TXN_PARTITIONS)
        abort();
    txn->offset_count += i == txn->offset_count;
    txn->offsets[i] = *offset;
    txn->offsets[i].topic = sim_print("%s", offset->topic);
    txn->offsets[i].metadata = sim_copy(offset->metadata);
    txn->offsets[i].is_over_foreign = sim_offset_of(offset->topic, offset->partition)->is_foreign;
    txn->offsets[i].over = sim_offset_of(offset->topic, offset->partition)->offset;
    txn->offsets[i].order = sim_offset_order();
    return SIM_OK;
}

sim_code sim_txn_end(const char *id, int epoch, bool is_commit)
{
    sim_transaction *txn = sim_transaction_find(id);

    if (!txn || epoch != txn->epoch)
        return SIM_FENCED;
    switch (txn->state) {
    case SIM_TXN_ONGOING:
        prepare(txn, is_commit);
        return SIM_OK;
    case SIM_TXN_PREPARED: /* the client library asks again until it is complete, and is told so */
    case SIM_TXN_EMPTY:
        return txn->number && txn->is_commit == is_commit ? SIM_OK : SIM_BAD_STATE;
    }
    return SIM_BAD_STATE;
}
