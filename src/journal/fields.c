/* SPDX-License-Identifier: Apache-2.0 */
/* The tables. Their order is that of journal.avsc, which a test compares. */
#include "journal/fields.h"

#include <stddef.h>

static const char *const kinds[] = { "result", "intent",     "outcome", "withdrawn", "parked",
                                     "resolution", "first", "claim",   NULL };
static const char *const call_kinds[] = { "pure", "idempotent", "checked", "once", NULL };
static const char *const codes[] = { "ok",          "invalid", "no_memory", "limit",    "config",  "io",
                                     "unreachable", "fenced",  "failed",    "not_done", "unknown", "canceled",
                                     NULL };
static const char *const reasons[] = { "doubt", "unknown", "divergence", NULL };
static const char *const decisions[] = { "result", "retry", "fail", NULL };
const char *const weir__remedy_symbols[] = { "fix", "retry", "abort", "stop", NULL };

#define AT(member) offsetof(weir_entry, member)
#define FIELD(member, kind) { .name = #member, .type = WEIR__FIELD_##kind, .offset = AT(member) }
#define CHOICE(member, names) { .name = #member, .type = WEIR__FIELD_ENUM, .offset = AT(member), .symbols = names }
#define PLACE FIELD(instance, PLACE), FIELD(call, PLACE), FIELD(attempt, PLACE)
#define INPUT FIELD(input_hash, HASH)
#define CALL FIELD(action, TEXT), FIELD(name, TEXT), CHOICE(call_kind, call_kinds), FIELD(digest, HASH)
#define END { .name = NULL }

static const weir_field result[] = {
    INPUT,
    PLACE,
    FIELD(action, TEXT),
    { "events", WEIR__FIELD_PAIRS, AT(event_types), AT(event_attributes), NULL, "type", "attributes", true },
    FIELD(outputs, TEXTS),
    { "counts", WEIR__FIELD_COUNTS, 0, 0, NULL, "metric", "add", false },
    { "short_term", WEIR__FIELD_PAIRS, AT(short_term_paths), AT(short_term_values), NULL, "path", "value", false },
    { "sensory", WEIR__FIELD_PAIRS, AT(sensory_paths), AT(sensory_values), NULL, "path", "value", false },
    END,
};
static const weir_field intent[] = {
    FIELD(key, BYTES), INPUT, PLACE, CALL, FIELD(args, MAYBE_BYTES), FIELD(lease_ms, LONG), FIELD(timeout_ms, LONG),
    END,
};
static const weir_field outcome[] = {
    INPUT, PLACE, CALL, CHOICE(code, codes), FIELD(error, ERROR), FIELD(is_final, BOOL), FIELD(result, MAYBE_BYTES),
    END,
};
static const weir_field withdrawn[] = { INPUT, PLACE, END };
static const weir_field parked[] = {
    FIELD(key, BYTES),        INPUT,
    PLACE,                    CALL,
    FIELD(args, MAYBE_BYTES), CHOICE(reason, reasons),
    FIELD(recorded, WORDS),   FIELD(asked, WORDS),
    END,
};
static const weir_field resolution[] = {
    PLACE,
    CHOICE(code, codes),
    FIELD(error, ERROR),
    FIELD(result, MAYBE_BYTES),
    CHOICE(decision, decisions),
    FIELD(is_forced, BOOL),
    FIELD(id, TEXT),
    END,
};
static const weir_field first[] = { INPUT, PLACE, FIELD(action, TEXT), FIELD(which, INDEX), END };
static const weir_field claim[] = { FIELD(name, TEXT), END };

const weir_field *weir__entry_fields(weir_entry_kind kind)
{
    switch (kind) {
    case WEIR__ENTRY_RESULT:
        return result;
    case WEIR__ENTRY_INTENT:
        return intent;
    case WEIR__ENTRY_OUTCOME:
        return outcome;
    case WEIR__ENTRY_WITHDRAWN:
        return withdrawn;
    case WEIR__ENTRY_PARKED:
        return parked;
    case WEIR__ENTRY_RESOLUTION:
        return resolution;
    case WEIR__ENTRY_FIRST:
        return first;
    case WEIR__ENTRY_CLAIM:
        return claim;
    }
    return NULL;
}

const char *weir__entry_kind_name(weir_entry_kind kind)
{
    return weir__entry_fields(kind) ? kinds[kind - WEIR__ENTRY_RESULT] : "unknown";
}

const char *weir__call_kind_name(weir_call_kind kind)
{
    return kind <= WEIR_CALL_ONCE ? call_kinds[kind] : "unknown";
}
