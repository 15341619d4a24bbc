/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one commit holds of one task: records to be sent, and changes of its state. Filled on the loop's thread, then
 * only read, as often as it takes until the transaction that holds it is known to be committed.
 */
#ifndef WEIR__HOST_PART_H
#define WEIR__HOST_PART_H

#include "base/buffer.h"
#include "host/tuple.h"
#include "kafka/record.h"
#include "store/store.h"

/* Which topic a record goes to. */
typedef enum weir_part_topic { WEIR__TO_OUTPUT, WEIR__TO_DEAD_LETTERS, WEIR__TO_REPARTITION } weir_part_topic;

typedef struct weir_part {
    weir_buffer records, changes; /* private: see part.c */
    weir_tuple tuple;             /* as it will be after the commit; its list of open inputs is `open` */
    int64_t *open;
    size_t open_capacity;
    bool is_used;
    uint64_t outputs;             /* records for the output topic that it holds, for counts */
} weir_part;

void weir__part_init(weir_part *part);
void weir__part_clear(weir_part *part);
void weir__part_reset(weir_part *part); /* empty; keeps its memory */

/* All are copied. WEIR_OK or WEIR_NO_MEMORY; after a failure the part is of no use. */
WEIR_CHECK weir_code weir__part_send(weir_part *part, weir_part_topic topic, int64_t timestamp_ms, weir_bytes key,
                                     weir_bytes value, const weir_header *headers, size_t header_count);
WEIR_CHECK weir_code weir__part_put_cell(weir_part *part, weir_bytes key, weir_bytes path, weir_bytes value);
WEIR_CHECK weir_code weir__part_delete_cell(weir_part *part, weir_bytes key, weir_bytes path);
WEIR_CHECK weir_code weir__part_put_input(weir_part *part, int64_t number, weir_bytes record);
WEIR_CHECK weir_code weir__part_put_entry(weir_part *part, int64_t number, int64_t place, weir_bytes sealed);
/** Takes an input out of the inbox, with the entries that were put for it. */
WEIR_CHECK weir_code weir__part_delete_input(weir_part *part, int64_t number, const int64_t *places, size_t count);
/** Notes an input that is open: ascending. */
WEIR_CHECK weir_code weir__part_add_open(weir_part *part, int64_t offset);

/* ---- reading it -------------------------------------------------------------------------------------------------- */

enum { WEIR__PART_HEADERS = 12 };

/** Called for each record to be sent, in order; another code than WEIR_OK ends the walk and is returned. */
typedef weir_code (*weir_part_record_fn)(void *context, weir_part_topic topic, weir_produce *record, weir_error *err);
WEIR_CHECK weir_code weir__part_records(const weir_part *part, weir_part_record_fn fn, void *context, weir_error *err);

typedef struct weir_change {
    weir_change_key key;
    weir_bytes value; /* data NULL: deleted */
} weir_change;

/** Puts a change into a store; a tuple is none. As the store. */
WEIR_CHECK weir_code weir__change_store(const weir_change *change, weir_store *store, weir_error *err);

/** The same for each change of the state, in order. */
typedef weir_code (*weir_part_change_fn)(void *context, const weir_change *change, weir_error *err);
WEIR_CHECK weir_code weir__part_changes(const weir_part *part, weir_part_change_fn fn, void *context, weir_error *err);

#endif
