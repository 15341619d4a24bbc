/* SPDX-License-Identifier: Apache-2.0 */
/* Walking the journal in the store's log, run by run. */
#include "host/parked.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "engine/recall.h"
#include "host/inbox.h"

typedef struct walk {
    weir_arena arena;
    weir_buffer owner;
    bool has_owner;
    weir_entry *entries, **tail;
    int64_t next_number;
    weir_code (*fn)(void *context, const weir_parked_run *run, weir_error *err);
    void *context;
} walk;

/* All entries of a run have come. */
static weir_code end_run(walk *at, weir_error *err)
{
    const weir_entry *live = weir__recall_live(at->entries);
    weir_parked_run run = { weir__buffer_bytes(&at->owner), at->next_number, at->entries, weir__recall_parked(live) };
    weir_code rc = run.parked ? at->fn(at->context, &run, err) : WEIR_OK;

    weir__arena_reset(&at->arena);
    at->entries = NULL;
    at->tail = &at->entries;
    at->has_owner = false;
    return rc;
}

static weir_code take(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    walk *at = context;
    weir_code rc = WEIR_OK;

    if (at->has_owner && !weir__bytes_equal(owner, weir__buffer_bytes(&at->owner)))
        rc = end_run(at, err);
    if (rc == WEIR_OK && !at->has_owner) {
        weir__buffer_reset(&at->owner);
        if (weir__buffer_add(&at->owner, owner.data, owner.size) != WEIR_OK)
            return weir__fail_memory(err, "the journal");
        at->has_owner = true;
    }
    if (rc == WEIR_OK) {
        rc = weir__entry_open(record, &at->arena, at->tail, err);
        if (rc != WEIR_OK) {
            weir__error_context(err, "the journal, entry %" PRId64, number);
            return rc;
        }
        at->tail = &(*at->tail)->next;
        at->next_number = number + 1;
    }
    return rc;
}

weir_code weir__parked_scan(weir_store *store,
                            weir_code (*fn)(void *context, const weir_parked_run *run, weir_error *err), void *context,
                            weir_error *err)
{
    walk at = { .fn = fn, .context = context };
    weir_code rc;

    weir__arena_init(&at.arena, 4096);
    weir__buffer_init(&at.owner, SIZE_MAX);
    at.tail = &at.entries;
    rc = weir__store_log_scan(store, WEIR__JOURNAL_STREAM, take, &at, err);
    if (rc == WEIR_OK && at.has_owner)
        rc = end_run(&at, err);
    weir__arena_clear(&at.arena);
    weir__buffer_clear(&at.owner);
    return rc;
}

weir_code weir__parked_check(const weir_entry *parked, const weir_entry *decision, weir_error *err)
{
    if (decision->attempt != parked->attempt)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "run %.80s is parked on attempt %" PRIu32 ", not %" PRIu32 "; `parked` shows what it is about",
                          parked->run, parked->attempt, decision->attempt);
    if (parked->call == 0 && decision->decision == WEIR__DECISION_RESULT)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "run %.80s is parked on an action, not on a call: it takes no result", parked->run);
    return WEIR_OK;
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

typedef struct request {
    weir_store *store;
    const char *run;
    const weir_entry *decision;
    bool is_found;
    weir_buffer owner, sealed;
    int64_t number;
} request;

/* Prepares what is to be written: the walk must be over before it is. */
static weir_code prepare(void *context, const weir_parked_run *run, weir_error *err)
{
    request *to = context;
    weir_entry entry = *to->decision;
    weir_code rc;

    if (strcmp(run->parked->run, to->run) != 0)
        return WEIR_OK;
    rc = weir__parked_check(run->parked, to->decision, err);
    if (rc != WEIR_OK)
        return rc;
    entry.kind = WEIR__ENTRY_RESOLUTION;
    entry.run = run->parked->run;
    entry.epoch = run->parked->epoch;
    entry.written_ms = weir__clock_wall_ms(weir__clock_system());
    entry.instance = run->parked->instance;
    entry.call = run->parked->call;
    entry.code = entry.decision == WEIR__DECISION_FAIL ? WEIR_FAILED : WEIR_OK;
    to->is_found = true;
    to->number = run->next_number;
    rc = weir__entry_seal(&entry, &to->sealed, err);
    if (rc == WEIR_OK && weir__buffer_add(&to->owner, run->owner.data, run->owner.size) != WEIR_OK)
        rc = weir__fail_memory(err, "a decision");
    return rc;
}

weir_code weir__parked_decide(weir_store *store, const char *run, const weir_entry *decision, weir_error *err)
{
    request to = { .store = store, .run = run, .decision = decision };
    weir_code rc;

    weir__buffer_init(&to.owner, SIZE_MAX);
    weir__buffer_init(&to.sealed, SIZE_MAX);
    rc = weir__parked_scan(store, prepare, &to, err);
    if (rc == WEIR_OK && !to.is_found)
        rc = weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "run %.100s is not parked; `parked` lists those that are",
                        run);
    if (rc == WEIR_OK)
        rc = weir__store_log_put(store, WEIR__JOURNAL_STREAM, weir__buffer_bytes(&to.owner), to.number,
                                 weir__buffer_bytes(&to.sealed), err);
    if (rc == WEIR_OK)
        rc = weir__store_commit(store, err);
    weir__buffer_clear(&to.owner);
    weir__buffer_clear(&to.sealed);
    return rc;
}
