/* SPDX-License-Identifier: Apache-2.0 */
/* Inside an event. */
#ifndef WEIR__AGENT_EVENT_H
#define WEIR__AGENT_EVENT_H

#include <weir/event.h>

#include "agent/failure.h"
#include "agent/job.h"
#include "base/arena.h"
#include "base/uuid.h"
#include "codec/json.h"

/* What the events of one run share; lives as long as the run. */
typedef struct weir_event_scope {
    weir_arena *arena;      /* caches go there */
    weir_failure *failure;  /* where typed readers keep their errors */
    const char *(*run_id)(void *context); /* the run id, computed when asked for */
    void *context;
} weir_event_scope;

/*
 * One of two forms: the input event of a parsed record has `input`; all others have `attributes`. The other fields of
 * the other form are caches, NULL until somebody asks.
 */
struct weir_event {
    weir_event_scope *scope;
    const char *type;
    const weir_trigger *trigger;   /* NULL: no action wants it */
    const weir_event *upstream;    /* NULL for the input event */
    const weir_action *sent_by;    /* NULL for the input event */
    weir_event *next;              /* in the run, in the order sent */
    const weir_json *input;        /* the record's value */
    json_t *attributes;            /* owned */
    json_t *input_tree;            /* owned cache: `input` as a tree */
    weir_bytes input_text;         /* cache: the attribute "input" as text */
    const char *id;                /* cache */
    uint32_t number;               /* in the run, from 0: the input event */
};

/** Releases the trees; the event itself is its arena's. */
void weir__event_clear(weir_event *event);

#endif
