/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of entry has: the names of journal.avsc, and where they stand in weir_entry. */
#ifndef WEIR__JOURNAL_FIELDS_H
#define WEIR__JOURNAL_FIELDS_H

#include "base/text_file.h"
#include "journal/entry.h"

typedef enum weir_field_type {
    WEIR__FIELD_LONG,        /* int64_t */
    WEIR__FIELD_HASH,        /* uint64_t: a long of the same bits */
    WEIR__FIELD_PLACE,       /* uint32_t that counts from 1, 0 where there is none: a long */
    WEIR__FIELD_INDEX,       /* uint32_t that counts from 0: a long */
    WEIR__FIELD_BOOL,        /* bool */
    WEIR__FIELD_ENUM,        /* an enum from 0 on; `symbols` are its names */
    WEIR__FIELD_TEXT,        /* const char *: a string; NULL is written as "" */
    WEIR__FIELD_WORDS,       /* const char *, NULL where there is none: null, a string, or bytes when it is not UTF-8 */
    WEIR__FIELD_BYTES,       /* weir_bytes: bytes */
    WEIR__FIELD_MAYBE_BYTES, /* weir_bytes, data NULL where there is none: null or bytes */
    WEIR__FIELD_ERROR,       /* weir_error, where weir_entry.code is not WEIR_OK: null or an Error */
    WEIR__FIELD_TEXTS,       /* weir_entry_items: an array of strings, JSON each */
    WEIR__FIELD_PAIRS,       /* two weir_entry_items, as many in each: an array of records of two fields */
    WEIR__FIELD_COUNTS       /* weir_entry.count_metrics and .count_adds: an array of records of two fields */
} weir_field_type;

typedef struct weir_field {
    const char *name;
    weir_field_type type;
    size_t offset, second_offset; /* in weir_entry; the second one of PAIRS */
    const char *const *symbols;   /* ENUM: ended by NULL */
    const char *first, *second;   /* PAIRS, COUNTS: names in their records */
    bool is_second_json;          /* PAIRS: JSON text, for printing */
} weir_field;

/** The fields of a kind's body, in the order of the schema; ended by a NULL name. NULL: no such kind. */
const weir_field *weir__entry_fields(weir_entry_kind kind);

/** Names of the values of weir_remedy, ended by NULL. */
extern const char *const weir__remedy_symbols[];

/** journal.avsc, embedded. */
extern const struct weir__text_file weir__journal_schema[];

#endif
