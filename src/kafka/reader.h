/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads partitions from given offsets on, outside any group: to restore a state, to follow a journal, to look. Threads:
 * one.
 */
#ifndef WEIR__KAFKA_READER_H
#define WEIR__KAFKA_READER_H

#include "kafka/cluster.h"
#include "kafka/record.h"

typedef struct weir_reader weir_reader;

typedef struct weir_reader_options {
    weir_cluster *cluster;
    bool read_uncommitted; /* false: only what is committed, and not beyond the last stable offset */
    const char *topic;     /* one that will be read later, and then at once; NULL: none in particular */
    bool is_brief;         /* to restore: an end is told at once, at the price of asking often when there is nothing */
} weir_reader_options;

WEIR_CHECK weir_code weir__reader_open(const weir_reader_options *options, weir_reader **out, weir_error *err);
void weir__reader_close(weir_reader *reader); /* accepts NULL */

/** Reads a partition from an offset on; `index` comes back in weir_record.topic. WEIR_OK; WEIR_IO; WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__reader_add(weir_reader *reader, const char *topic, int32_t partition, int64_t offset,
                                      size_t index, weir_error *err);

/** Reads it no more; nothing of it is given by later polls. */
void weir__reader_remove(weir_reader *reader, const char *topic, int32_t partition);

/**
 * @param timeout_ms  waits that long for the first record; 0: not at all
 * @param records     up to `most`, each partition's in order, valid until weir__reader_done(). A record with is_end
 *                    says that a partition is read to its end (as far as it may be read), each time when it gets
 *                    there: its offset is the end, which may lie behind the last record by what is not given (markers,
 *                    aborted records)
 * @return WEIR_OK;
 *         WEIR_UNREACHABLE (retry)  brokers away: librdkafka goes on trying
 *         WEIR_IO (stop)   refused
 *         WEIR_UNKNOWN     an offset lies before the log's start or behind its end: `records[0]` names topic (index),
 *                         partition and, where it is known, the offset asked for; *count is 0
 */
WEIR_CHECK weir_code weir__reader_poll(weir_reader *reader, int timeout_ms, weir_record *records, size_t most,
                                       size_t *count, weir_error *err);
void weir__reader_done(weir_reader *reader);

/**
 * The last header of that name of a record of the last poll; false: it has none. Borrowed until weir__reader_done().
 * @param number  the record's place in `records`
 */
bool weir__reader_header(const weir_reader *reader, size_t number, const char *name, weir_bytes *value);

/** Readable when a poll may give something. */
int weir__reader_fd(const weir_reader *reader);

#endif
