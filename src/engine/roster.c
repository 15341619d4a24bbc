/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of runs. Most hosts never ask for a position, so that the index is only kept once somebody has. */
#include "engine/roster.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_POSITIONS = 1024 };

void weir__roster_clear(weir_roster *roster)
{
    for (size_t i = 0; i < WEIR__OWNER_BUCKETS; i++) {
        while (roster->owners[i]) {
            weir_owner *owner = roster->owners[i];

            roster->owners[i] = owner->next;
            free(owner);
        }
    }
    free(roster->positions);
    *roster = (weir_roster){ .oldest = NULL };
}

/* ---- owners ------------------------------------------------------------------------------------------------------ */

weir_owner *weir__roster_owner(const weir_roster *roster, uint32_t number)
{
    weir_owner *owner = roster->owners[number % WEIR__OWNER_BUCKETS];

    while (owner && owner->number != number)
        owner = owner->next;
    return owner;
}

void weir__roster_forget(weir_roster *roster, uint32_t number)
{
    weir_owner **at = &roster->owners[number % WEIR__OWNER_BUCKETS];
    weir_owner *owner;

    while (*at && (*at)->number != number)
        at = &(*at)->next;
    owner = *at;
    if (!owner)
        return;
    assert(owner->runs == 0);
    *at = owner->next;
    free(owner);
}

static weir_owner *need_owner(weir_roster *roster, uint32_t number)
{
    weir_owner *owner = weir__roster_owner(roster, number);

    if (owner)
        return owner;
    owner = calloc(1, sizeof *owner);
    if (!owner)
        return NULL;
    owner->number = number;
    owner->next = roster->owners[number % WEIR__OWNER_BUCKETS];
    roster->owners[number % WEIR__OWNER_BUCKETS] = owner;
    return owner;
}

/* ---- positions --------------------------------------------------------------------------------------------------- */

/* Neighbours in neighbouring buckets; owners far apart. */
static weir_run **bucket(const weir_roster *roster, uint32_t owner, uint64_t index)
{
    return &roster->positions[(index + owner * UINT64_C(0x9E3779B97F4A7C15)) & roster->position_mask];
}

static void index_run(weir_roster *roster, weir_run *run)
{
    weir_run **at = bucket(roster, run->owner, run->index);

    run->next_at = *at;
    *at = run;
}

/* Makes the index, or a larger one. Without memory all stays as it is. */
static void grow_index(weir_roster *roster)
{
    size_t size = roster->positions ? roster->position_mask + 1 : FIRST_POSITIONS;
    weir_run **positions;

    while (size < roster->count)
        size *= 2;
    positions = calloc(size, sizeof(weir_run *));
    if (!positions)
        return;
    free(roster->positions);
    roster->positions = positions;
    roster->position_mask = size - 1;
    for (weir_run *run = roster->oldest; run; run = run->newer)
        index_run(roster, run);
}

static void unindex_run(weir_roster *roster, weir_run *run)
{
    weir_run **at = bucket(roster, run->owner, run->index);

    while (*at != run)
        at = &(*at)->next_at;
    *at = run->next_at;
}

weir_run *weir__roster_find(weir_roster *roster, uint32_t owner, uint64_t index)
{
    weir_run *run;

    if (!roster->positions)
        grow_index(roster);
    if (roster->positions) {
        run = *bucket(roster, owner, index);
        while (run && (run->index != index || run->owner != owner))
            run = run->next_at;
        return run;
    }
    for (run = roster->oldest; run && (run->index != index || run->owner != owner);)
        run = run->newer;
    return run;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

weir_code weir__roster_add(weir_roster *roster, weir_run *run, weir_error *err)
{
    weir_owner *owner = need_owner(roster, run->owner);

    if (!owner)
        return weir__fail_memory(err, "an owner of runs");
    assert(!owner->is_dropped);
    owner->runs++;
    run->owned_by = owner;
    run->newer = NULL;
    run->older = roster->newest;
    if (roster->newest)
        roster->newest->newer = run;
    else
        roster->oldest = run;
    roster->newest = run;
    roster->count++;
    if (roster->positions && roster->count > 2 * roster->position_mask)
        grow_index(roster); /* it takes this run in too; without memory the old one does */
    if (roster->positions && *bucket(roster, run->owner, run->index) != run)
        index_run(roster, run);
    return WEIR_OK;
}

void weir__roster_remove(weir_roster *roster, weir_run *run)
{
    run->owned_by->runs--;
    run->owned_by = NULL;
    if (run->older)
        run->older->newer = run->newer;
    else
        roster->oldest = run->newer;
    if (run->newer)
        run->newer->older = run->older;
    else
        roster->newest = run->older;
    roster->count--;
    if (roster->positions)
        unindex_run(roster, run);
}
