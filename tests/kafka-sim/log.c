/* SPDX-License-Identifier: Apache-2.0 */
/* Topics and their logs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

typedef struct logs {
    sim_topic *topics[SIM_TOPICS];
    size_t count;
    uint64_t made;
} logs;

static logs all;

/* ---- topics ------------------------------------------------------------------------------------------------------ */

void sim_logs_begin(void);
void sim_logs_begin(void)
{
    memset(&all, 0, sizeof all);
}

sim_topic *sim_topic_find(const char *name)
{
    for (size_t i = 0; i < all.count; i++) {
        if (strcmp(all.topics[i]->name, name) == 0)
            return all.topics[i];
    }
    return NULL;
}

sim_partition *sim_partition_of(sim_topic *topic, int32_t number)
{
    return topic && !topic->is_deleted && number >= 0 && number < topic->partition_count ? &topic->partitions[number]
                                                                                         : NULL;
}

sim_partition *sim_partition_find(const char *topic, int32_t number)
{
    return sim_partition_of(sim_topic_find(topic), number);
}

sim_topic *sim_topic_make(const char *name, int32_t partitions)
{
    sim_topic *topic = sim_topic_find(name);

    if (topic)
        return topic;
    if (all.count == SIM_TOPICS || partitions > SIM_PARTITIONS)
        abort();
    topic = sim_alloc(sizeof *topic);
    topic->name = sim_print("%s", name);
    (void)snprintf(topic->id, sizeof topic->id, "simulated-topic-%06llu", (unsigned long long)++all.made);
    topic->partition_count = partitions;
    for (int32_t i = 0; i < partitions; i++)
        topic->partitions[i] = (sim_partition){ .topic = topic, .number = i };
    all.topics[all.count++] = topic;
    return topic;
}

/* Whoever holds a pointer to it (a transaction, a request on its way) writes into what nobody can find any more. */
void sim_topic_delete(const char *name)
{
    for (size_t i = 0; i < all.count; i++) {
        if (strcmp(all.topics[i]->name, name) == 0) {
            all.topics[i]->is_deleted = true;
            all.topics[i] = all.topics[--all.count];
            sim_trace("topic %s is deleted", name);
            return;
        }
    }
}

void sim_topic_remake(const char *name, bool keep_offsets)
{
    sim_topic *old = sim_topic_find(name), *topic;

    if (!old)
        abort();
    sim_topic_delete(name);
    topic = sim_topic_make(name, old->partition_count);
    memcpy(topic->settings, old->settings, sizeof topic->settings);
    topic->setting_count = old->setting_count;
    if (!keep_offsets)
        sim_offsets_forget(name);
}

/* ---- logs -------------------------------------------------------------------------------------------------------- */

int64_t sim_log_append(sim_partition *partition, const sim_record *record)
{
    sim_record *slot;

    if (partition->end == partition->capacity) {
        int64_t capacity = partition->capacity ? partition->capacity * 2 : 32;
        sim_record *records = sim_alloc((size_t)capacity * sizeof *records);

        if (partition->end)
            memcpy(records, partition->records, (size_t)partition->end * sizeof *records);
        partition->records = records;
        partition->capacity = capacity;
    }
    slot = &partition->records[partition->end];
    *slot = *record;
    slot->key = sim_copy(record->key);
    slot->value = sim_copy(record->value);
    if (slot->timestamp_ms < 0)
        slot->timestamp_ms = 1000000000 + world->now_ms;
    partition->open += slot->state == SIM_OPEN;
    return partition->end++;
}

/* It never goes back: what is open stands behind it, and so does what comes. */
int64_t sim_log_stable_end(sim_partition *partition)
{
    if (partition->stable < partition->start)
        partition->stable = partition->start;
    while (partition->stable < partition->end && partition->records[partition->stable].state != SIM_OPEN)
        partition->stable++;
    return partition->stable;
}

void sim_log_truncate(sim_partition *partition, int64_t before)
{
    if (before > partition->end)
        before = partition->end;
    for (; partition->start < before; partition->start++)
        partition->open -= partition->records[partition->start].state == SIM_OPEN;
}

static bool is_kept_state(sim_record_state state)
{
    return state == SIM_PLAIN || state == SIM_COMMITTED;
}

void sim_log_compact(sim_partition *partition, int64_t tombstones_live_ms)
{
    int64_t stable_end = sim_log_stable_end(partition), gone = 0;

    /* The last record stays, whatever it is: the active segment is never compacted. */
    for (int64_t i = partition->start; i + 1 < stable_end; i++) {
        sim_record *record = &partition->records[i];
        bool is_gone = record->state == SIM_ABORTED || record->state == SIM_MARKER;

        if (is_kept_state(record->state)) {
            is_gone = !record->value.data &&
                      record->timestamp_ms - 1000000000 + tombstones_live_ms < world->now_ms;
            for (int64_t j = i + 1; j < stable_end && !is_gone; j++) {
                is_gone = is_kept_state(partition->records[j].state) &&
                          weir__bytes_equal(partition->records[j].key, record->key);
            }
        }
        if (is_gone && record->state != SIM_GONE) {
            record->state = SIM_GONE;
            gone++;
        }
    }
    partition->compactions += gone > 0;
    if (gone)
        sim_trace("%s/%d is compacted: %lld records are gone", partition->topic->name, partition->number,
                  (long long)gone);
}

bool sim_log_is_visible(const sim_partition *partition, int64_t offset, bool read_uncommitted)
{
    switch (partition->records[offset].state) {
    case SIM_PLAIN:
    case SIM_COMMITTED:
        return true;
    case SIM_OPEN:
    case SIM_ABORTED:
        return read_uncommitted;
    case SIM_MARKER:
    case SIM_GONE:
        return false;
    }
    return false;
}
