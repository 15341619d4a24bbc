/* SPDX-License-Identifier: Apache-2.0 */
/* What stands behind the name weir_avro_type: a graph of nodes in one arena. For the files of this room. */
#ifndef WEIR__CODEC_AVRO_TYPE_H
#define WEIR__CODEC_AVRO_TYPE_H

#include "codec/avro_json.h"

typedef enum weir_avro_kind {
    WEIR__AVRO_NULL,
    WEIR__AVRO_BOOLEAN,
    WEIR__AVRO_INT,
    WEIR__AVRO_LONG,
    WEIR__AVRO_FLOAT,
    WEIR__AVRO_DOUBLE,
    WEIR__AVRO_BYTES,
    WEIR__AVRO_STRING,
    WEIR__AVRO_RECORD,
    WEIR__AVRO_ENUM,
    WEIR__AVRO_FIXED,
    WEIR__AVRO_ARRAY,
    WEIR__AVRO_MAP,
    WEIR__AVRO_UNION
} weir_avro_kind;

typedef struct weir_avro_node weir_avro_node;

typedef struct weir_avro_field {
    weir_bytes name; /* a NUL behind it, as behind all names here */
    const weir_avro_node *type;
    const weir_json *fallback; /* the default, as the schema has it; NULL: none */
} weir_avro_field;

struct weir_avro_node {
    weir_avro_kind kind;
    uint32_t count;    /* of fields, symbols, branches */
    uint32_t required; /* fields without a default */
    size_t size;       /* of a fixed */
    weir_bytes name;   /* full, of a record, enum or fixed */
    union {
        weir_avro_field *fields;
        weir_bytes *symbols;
        const weir_avro_node **branches;
        const weir_avro_node *items; /* of an array; the values of a map */
    } of;
    uint32_t *order; /* places of fields or symbols, ordered by their names */
};

struct weir_avro_type {
    weir_arena arena;
    const weir_avro_node *root;
};

/** "an int": with its article, for messages. */
const char *weir__avro_kind_name(weir_avro_kind kind);

/** The place of a field or a symbol, looked for at `guess` first; -1: there is none of that name. */
int64_t weir__avro_place(const weir_avro_node *node, weir_bytes name, uint32_t guess);

/* Zigzag, as Avro writes numbers; at most ten bytes. Returns how many. */
static inline size_t weir__avro_put_long(uint8_t at[10], int64_t number)
{
    uint64_t bits = (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
    size_t size = 0;

    for (; bits > 0x7F; bits >>= 7)
        at[size++] = (uint8_t)(bits | 0x80);
    at[size++] = (uint8_t)bits;
    return size;
}

#endif
