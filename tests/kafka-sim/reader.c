/* SPDX-License-Identifier: Apache-2.0 */
/* Reads partitions outside the group, in the place of src/kafka/reader.c. */
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "kafka/reader.h"

enum { READS = 32 };

/* Made anew at each add: a fetch may still be on its way to what has been removed. */
typedef struct followed {
    const weir_reader *reader;
    bool is_removed, has_told_end, is_fetching;
    int64_t seen; /* it has been fetched up to there; -1: not once */
    uint64_t compactions; /* before that */
    sim_topic *topic;
    const char *name;
    int32_t number;
    int64_t offset;
    size_t index;
} followed;

struct weir_reader {
    sim_process *process;
    bool read_uncommitted;
    followed *reads[READS]; /* NULL: none */
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
        if (!reader->reads[i]) {
            followed *made = sim_alloc(sizeof *made);

            *made = (followed){ .reader = reader, .seen = -1, .topic = sim_topic_find(topic), .number = partition,
                                .name = sim_print("%s", topic), .offset = offset, .index = index };
            reader->reads[i] = made;
            return WEIR_OK;
        }
    }
    abort();
}

void weir__reader_remove(weir_reader *reader, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < READS; i++) {
        followed *at = reader->reads[i];

        if (at && at->number == partition && strcmp(at->name, topic) == 0) {
            at->is_removed = true;
            reader->reads[i] = NULL;
        }
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

static bool is_lost(const followed *at, const sim_partition *partition)
{
    return at->offset < partition->start || at->offset > partition->end;
}

/* What was fetched before a compaction has what is gone now, and what stands in its place is not in it: the model has
 * no copy of it, so it is fetched again. */
static void look_for_compaction(followed *at, const sim_partition *partition)
{
    if (at->seen >= 0 && at->compactions != partition->compactions)
        at->seen = -1;
}

/* What has been fetched waits to be taken. */
static bool has_some(const followed *at, const sim_partition *partition)
{
    return (at->seen >= 0 && (at->offset < at->seen || !at->has_told_end)) || is_lost(at, partition);
}

/* There is more in the log than it knows of. */
static bool is_behind(const followed *at, sim_partition *partition)
{
    return !at->is_fetching && at->seen < end_of(at->reader, partition);
}

static bool has_any(void *arg)
{
    const weir_reader *reader = arg;

    if (world->unreachable_until_ms > world->now_ms)
        return true;
    for (size_t i = 0; i < READS; i++) {
        sim_partition *partition = reader->reads[i] ? partition_of(reader->reads[i]) : NULL;

        if (partition && (has_some(reader->reads[i], partition) || is_behind(reader->reads[i], partition)))
            return true;
    }
    return false;
}

static void fetched(void *arg)
{
    followed *at = arg;
    sim_partition *partition = partition_of(at);

    if (at->is_removed || at->reader->process->is_dead)
        return;
    if (world->unreachable_until_ms > world->now_ms) {
        sim_at(world->unreachable_until_ms, fetched, at);
        return;
    }
    at->is_fetching = false;
    if (!partition || end_of(at->reader, partition) <= at->seen)
        return;
    at->seen = end_of(at->reader, partition);
    at->compactions = partition->compactions;
    at->has_told_end = false;
    at->reader->process->news++;
}

/* What lies in the log is on its way from now on. */
static void fetch(weir_reader *reader)
{
    for (size_t i = 0; i < READS; i++) {
        followed *at = reader->reads[i];
        sim_partition *partition = at ? partition_of(at) : NULL;

        if (!partition)
            continue;
        look_for_compaction(at, partition);
        if (!is_behind(at, partition))
            continue;
        at->is_fetching = true;
        sim_in(sim_between(0, sim_chance(world->faults.late_fetch) ? world->faults.late_ms : world->faults.delay_ms),
               fetched, at);
    }
}

static size_t take(const weir_reader *reader, followed *at, const sim_partition *partition, weir_record *records,
                   size_t most)
{
    size_t count = 0;

    while (at->offset < at->seen && count < most) {
        const sim_record *record = &partition->records[at->offset];

        at->has_told_end = false;
        if (sim_log_is_visible(partition, at->offset, reader->read_uncommitted)) {
            records[count++] = (weir_record){ at->index, at->number, at->offset, record->timestamp_ms, record->key,
                                              record->value, false };
        }
        at->offset++;
    }
    if (at->seen >= 0 && at->offset >= at->seen && !at->has_told_end && count < most) {
        at->has_told_end = true;
        records[count++] = (weir_record){ at->index, at->number, at->offset, -1, { NULL, 0 }, { NULL, 0 }, true };
    }
    return count;
}

weir_code weir__reader_poll(weir_reader *reader, int timeout_ms, weir_record *records, size_t most, size_t *count,
                            weir_error *err)
{
    size_t first = (size_t)sim_random(READS);
    int64_t until_ms = world->now_ms + timeout_ms;

    *count = 0;
    if (timeout_ms && sim_is_in_loop())
        sim_violate("the loop's thread waits for a reader");
    if (!sim_step("reader poll"))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    do {
        fetch(reader);
        if (!timeout_ms || has_any(reader))
            break;
        (void)sim_wait(has_any, reader, until_ms);
        if (reader->process->is_dead)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "dead");
    } while (world->now_ms < until_ms);
    if (world->unreachable_until_ms > world->now_ms)
        return weir__fail(err, WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "all brokers are down");
    most = most ? 1 + (size_t)sim_random(most) : 0;
    for (size_t i = 0; i < READS; i++) {
        followed *at = reader->reads[(first + i) % READS];
        sim_partition *partition = at ? partition_of(at) : NULL;

        if (!partition)
            continue;
        if (is_lost(at, partition)) {
            if (*count)
                break; /* those first */
            records[0] = (weir_record){ at->index, at->number, at->offset, -1, { NULL, 0 }, { NULL, 0 }, false };
            return weir__fail(err, WEIR_UNKNOWN, WEIR_REMEDY_STOP, "topic '%s', partition %d: offset %lld is not there",
                              at->name, at->number, (long long)at->offset);
        }
        look_for_compaction(at, partition);
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
