/* SPDX-License-Identifier: Apache-2.0 */
/* The table of properties: the one place where a name, its type, its default and its documentation are written. */
#ifndef WEIR__CONFIG_PROPERTIES_H
#define WEIR__CONFIG_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum weir_property_type {
    WEIR__PROPERTY_TEXT,   /* any text but an empty one */
    WEIR__PROPERTY_NAME,   /* `low`..`high` bytes of A-Z a-z 0-9 . _ - */
    WEIR__PROPERTY_INT,    /* `low`..`high` */
    WEIR__PROPERTY_BOOL,   /* true or false */
    WEIR__PROPERTY_CHOICE, /* one of `choices` */
    WEIR__PROPERTY_LIST    /* of names, each as WEIR__PROPERTY_NAME */
} weir_property_type;

typedef struct weir_property {
    const char *name;
    weir_property_type type;
    int64_t low;
    int64_t high;
    const char *choices;  /* "fail, skip, dlq" */
    const char *fallback; /* the default as it would be written; NULL: none */
    const char *unit;     /* "ms", "bytes", …; NULL: none */
    const char *used_by;  /* the hosts that read it */
    const char *aliases;  /* what the same thing is called elsewhere: "Flink: x, Kafka: y"; NULL: nothing */
    const char *doc;      /* one paragraph of Markdown */
} weir_property;

/* All names under it go to librdkafka as they are; none of them is in the table. */
#define WEIR__KAFKA_PREFIX "kafka."
#define WEIR__KAFKA_USED_BY "run, Flink"

extern const weir_property weir__properties[];
extern const size_t weir__property_count;

/** The property of that name, or NULL. */
const weir_property *weir__property_find(const char *name);

/** Whether `name` is a section: "limits", "kafka". */
bool weir__property_is_section(const char *name);

/** The property that Flink Agents calls so, or NULL. */
const weir_property *weir__property_of_peer(const char *alias);

/**
 * The name that was probably meant: the property nearest to an unknown `name`, also when only its last part is near
 * ("depth", "limit.depth"), or when `name` is what Flink or Kafka call it. NULL: nothing is near.
 */
const char *weir__property_nearest(const char *name);

#endif
