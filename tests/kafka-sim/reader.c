/* SPDX-License-Identifier: Apache-2.0 */
/* Reads partitions outside the group, in the place of src/kafka/reader.c. */
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "kafka/reader.h"

enum { READS = 32 };

typedef struct followed {
    bool is_used, has_told_end;
    sim_topic *topic;
    const char *name;
    int32_t number;
    int64_t offset;
    size_t index;
} followed;

struct weir_reader {
    sim_process *process;
    bool read_uncommitted;
    followed reads[READS];
    int fd;     /* never readable: the poll port knows better */
    void *held; /* what is not closed leaks */
};

weir_code weir__reader_open(const weir_reader_options *options, weir_reader **out, weir_error *err)
{
    weir_reader *reader;

    if (!sim_step("reader open"))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    reader = sim_alloc(sizeof *reader);
    reader->process = sim_here();
    reader->fd = sim_fd();
    reader->read_uncommitted = options->read_uncommitted;
    reader->held = malloc(1);
    if (!reader->held)
        abort();
    *out = reader;
    return WEIR_OK;
}

void weir__reader_close(weir_reader *reader)
{
    if (reader) {
        sim_fd_close(reader->fd);
        free(reader->held);
        reader->held = NULL;
    }
}

weir_code weir__reader_add(weir_reader *reader, const char *topic, int32_t partition, int64_t offset, size_t index,
                           weir_error *err)
{
    if (!sim_step("reader add"))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    weir__reader_remove(reader, topic, partition);
    for (size_t i = 0; i < READS; i++) {
        if (!reader->reads[i].is_used) {
            reader->reads[i] = (followed){ true, false, sim_topic_find(topic), sim_print("%s", topic), partition,
                                       offset, index };
            return WEIR_OK;
        }
    }
    abort();
}

void weir__reader_remove(weir_reader *reader, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < READS; i++) {
        followed *at = &reader->reads[i];

        if (at->is_used && at->number == partition && strcmp(at->name, topic) == 0)
            at->is_used = false;
    }
}

static sim_partition *partition_of(const followed *at)
{
    return sim_partition_of(at->topic, at->number);
}

static int64_t end_of(const weir_reader *reader, sim_partition *partition)
{
    return reader->read_uncommitted ? partition->end : sim_log_stable_end(partition);
}

static bool has_some(void *arg)
{
    const weir_reader *reader = arg;

    if (world->unreachable_until_ms > world->now_ms)
        return true;
    for (size_t i = 0; i < READS; i++) {
        const followed *at = &reader->reads[i];
        sim_partition *partition = at->is_used ? partition_of(at) : NULL;

        if (partition && (at->offset < end_of(reader, partition) || !at->has_told_end || at->offset < partition->start))
            return true;
    }
    return false;
}

static size_t take(const weir_reader *reader, followed *at, sim_partition *partition, weir_record *records,
                   size_t most)
{
    size_t count = 0;

    while (at->offset < end_of(reader, partition) && count < most) {
        const sim_record *record = &partition->records[at->offset];

        at->has_told_end = false;
        if (sim_log_is_visible(partition, at->offset, reader->read_uncommitted)) {
            records[count++] = (weir_record){ at->index, at->number, at->offset, record->timestamp_ms, record->key,
                                              record->value, false };
        }
        at->offset++;
    }
    if (at->offset >= end_of(reader, partition) && !at->has_told_end && count < most) {
        at->has_told_end = true;
        records[count++] = (weir_record){ at->index, at->number, at->offset, -1, { NULL, 0 }, { NULL, 0 }, true };
    }
    return count;
}

weir_code weir__reader_poll(weir_reader *reader, int timeout_ms, weir_record *records, size_t most, size_t *count,
                            weir_error *err)
{
    size_t first = (size_t)sim_random(READS);

    *count = 0;
    if (timeout_ms && sim_is_in_loop())
        sim_violate("the loop's thread waits for a reader");
    if (!sim_step("reader poll"))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    if (timeout_ms && !has_some(reader)) {
        (void)sim_wait(has_some, reader, world->now_ms + timeout_ms);
        if (reader->process->is_dead)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    }
    if (world->unreachable_until_ms > world->now_ms)
        return weir__fail(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "all brokers are down");
    most = most ? 1 + (size_t)sim_random(most) : 0;
    for (size_t i = 0; i < READS; i++) {
        followed *at = &reader->reads[(first + i) % READS];
        sim_partition *partition = at->is_used ? partition_of(at) : NULL;

        if (!partition)
            continue;
        if (at->offset < partition->start || at->offset > partition->end) {
            if (*count)
                break; /* those first */
            records[0] = (weir_record){ at->index, at->number, at->offset, -1, { NULL, 0 }, { NULL, 0 }, false };
            return weir__fail(err, WEIR_UNKNOWN, WEIR_REMEDY_STOP, "topic '%s', partition %d: offset %lld is not there",
                              at->name, at->number, (long long)at->offset);
        }
        *count += take(reader, at, partition, records + *count, most - *count);
    }
    return WEIR_OK;
}

void weir__reader_done(weir_reader *reader)
{
    (void)reader;
}

int weir__reader_fd(const weir_reader *reader)
{
    return reader->fd;
}
