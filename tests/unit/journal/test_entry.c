/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a journal: what is sealed is what is opened, and no bytes harm. */
#include <stdio.h>
#include <string.h>

#include "base/big_endian.h"
#include "base/hash.h"
#include "journal/fields.h"
#include "journal/frame.h"
#include "suite.h"

static weir_buffer sealed;
static weir_arena arena;

static void set_up(void)
{
    weir__buffer_init(&sealed, SIZE_MAX);
    weir__arena_init(&arena, 4096);
}

static void tear_down(void)
{
    weir__buffer_clear(&sealed);
    weir__arena_clear(&arena);
}

/* ---- samples: every field that a kind has is set, each to something else ---------------------------------------- */

#define BYTES(text) { (const uint8_t *)(text), sizeof(text) - 1 }
#define ITEMS(array) { array, sizeof(array) / sizeof((array)[0]) }

static const weir_bytes types[] = { BYTES("order"), BYTES("nul\0within") };
static const weir_bytes attributes[] = { BYTES("{\"n\":1}"), BYTES("{}") };
static const weir_bytes outputs[] = { BYTES("[1,2]"), BYTES("\"ü\""), BYTES("null") };
static const weir_bytes metrics[] = { BYTES("agent.n") };
static const int64_t adds[] = { INT64_MIN };
static const weir_bytes paths[] = { BYTES("a.b"), BYTES("") };
static const weir_bytes values[] = { BYTES("\x02\0\xff"), BYTES("") };
static const weir_bytes sensory_paths[] = { BYTES("s") };
static const weir_bytes sensory_values[] = { BYTES("\x01") };

#define COMMON .written_ms = 1767225600000, .epoch = 3, .run = "run-1"
#define PLACE .input_hash = UINT64_MAX, .instance = 1, .call = UINT32_MAX, .attempt = 300
#define CALL .action = "shop.pay", .name = "chargé", .call_kind = WEIR_CALL_CHECKED, .digest = 1ull << 63

static const weir_entry samples[] = {
    { .kind = WEIR__ENTRY_RESULT, COMMON, PLACE, .action = "shop.pay",
      .event_types = ITEMS(types), .event_attributes = ITEMS(attributes), .outputs = ITEMS(outputs),
      .count_metrics = ITEMS(metrics), .count_adds = adds, .short_term_paths = ITEMS(paths),
      .short_term_values = ITEMS(values), .sensory_paths = ITEMS(sensory_paths),
      .sensory_values = ITEMS(sensory_values) },
    { .kind = WEIR__ENTRY_INTENT, COMMON, PLACE, CALL, .key = BYTES("k\0\xff"), .args = BYTES("\xfe\0args"),
      .lease_ms = 5000, .timeout_ms = INT64_MAX },
    { .kind = WEIR__ENTRY_OUTCOME, COMMON, PLACE, CALL, .code = WEIR_UNREACHABLE,
      .error = { WEIR_UNREACHABLE, WEIR_REMEDY_RETRY, "http", -503, "not UTF-8: \xff" }, .is_final = true,
      .result = BYTES("\0") },
    { .kind = WEIR__ENTRY_WITHDRAWN, COMMON, PLACE },
    { .kind = WEIR__ENTRY_PARKED, COMMON, PLACE, CALL, .key = BYTES("k"), .args = BYTES("a"),
      .reason = WEIR__PARK_DIVERGENCE, .recorded = "call 'a'", .asked = "call '\xc3'" },
    { .kind = WEIR__ENTRY_RESOLUTION, COMMON, .instance = 7, .call = 8, .attempt = 9, .code = WEIR_FAILED,
      .error = { WEIR_FAILED, WEIR_REMEDY_FIX, NULL, 0, "by hand" }, .result = BYTES("r"),
      .decision = WEIR__DECISION_FAIL, .is_forced = true, .id = "6f2c1e5e-0000-4000-8000-000000000000" },
    { .kind = WEIR__ENTRY_FIRST, COMMON, PLACE, .action = "shop.pay", .which = 2 },
    { .kind = WEIR__ENTRY_CLAIM, .written_ms = -1, .epoch = INT64_MAX, .run = "", .name = "host:17" },
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

static void seal(const weir_entry *entry)
{
    weir_error err;

    weir__buffer_reset(&sealed);
    ck_assert_msg(weir__entry_seal(entry, &sealed, &err) == WEIR_OK, "%s", err.message);
}

static weir_entry *open_sealed(void)
{
    weir_entry *entry = NULL;
    weir_error err;

    ck_assert_msg(weir__entry_open(weir__buffer_bytes(&sealed), &arena, &entry, &err) == WEIR_OK, "%s", err.message);
    return entry;
}

static void same_text(const char *a, const char *b)
{
    ck_assert_str_eq(a ? a : "", b ? b : "");
}

static void same_bytes(weir_bytes a, weir_bytes b)
{
    ck_assert(weir__bytes_equal(a, b));
}

static void same_items(weir_entry_items a, weir_entry_items b)
{
    ck_assert_uint_eq(a.count, b.count);
    for (size_t i = 0; i < a.count; i++)
        same_bytes(a.items[i], b.items[i]);
}

static void same_entry(const weir_entry *a, const weir_entry *b)
{
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert_int_eq(a->written_ms, b->written_ms);
    ck_assert_int_eq(a->epoch, b->epoch);
    same_text(a->run, b->run);
    same_bytes(a->key, b->key);
    ck_assert(a->input_hash == b->input_hash && a->digest == b->digest);
    ck_assert(a->instance == b->instance && a->call == b->call && a->attempt == b->attempt && a->which == b->which);
    same_text(a->action, b->action);
    same_text(a->name, b->name);
    ck_assert(a->call_kind == b->call_kind && a->code == b->code && a->reason == b->reason);
    ck_assert(!a->args.data == !b->args.data && !a->result.data == !b->result.data);
    same_bytes(a->args, b->args);
    same_bytes(a->result, b->result);
    ck_assert(a->lease_ms == b->lease_ms && a->timeout_ms == b->timeout_ms);
    ck_assert(a->error.code == b->error.code && a->error.remedy == b->error.remedy);
    ck_assert(!a->error.origin == !b->error.origin && a->error.origin_code == b->error.origin_code);
    same_text(a->error.origin, b->error.origin);
    same_text(a->error.message, b->error.message);
    ck_assert(a->is_final == b->is_final && a->is_forced == b->is_forced && a->decision == b->decision);
    ck_assert(!a->recorded == !b->recorded && !a->asked == !b->asked);
    same_text(a->recorded, b->recorded);
    same_text(a->asked, b->asked);
    same_text(a->id, b->id);
    same_items(a->event_types, b->event_types);
    same_items(a->event_attributes, b->event_attributes);
    same_items(a->outputs, b->outputs);
    same_items(a->count_metrics, b->count_metrics);
    for (size_t i = 0; i < a->count_metrics.count; i++)
        ck_assert_int_eq(a->count_adds[i], b->count_adds[i]);
    same_items(a->short_term_paths, b->short_term_paths);
    same_items(a->short_term_values, b->short_term_values);
    same_items(a->sensory_paths, b->sensory_paths);
    same_items(a->sensory_values, b->sensory_values);
}

/* ---- round trips ------------------------------------------------------------------------------------------------ */

START_TEST(what_is_sealed_is_what_is_opened)
{
    /* Twice, and each kind after each other one: a thread keeps what it filled before. */
    for (int i = 0; i < SAMPLES * SAMPLES; i++) {
        seal(&samples[i / SAMPLES]);
        same_entry(open_sealed(), &samples[i / SAMPLES]);
        seal(&samples[i % SAMPLES]);
        same_entry(open_sealed(), &samples[i % SAMPLES]);
    }
}
END_TEST

START_TEST(an_entry_with_nothing_in_it_comes_back_so)
{
    for (int kind = WEIR__ENTRY_RESULT; kind <= WEIR__ENTRY_CLAIM; kind++) {
        weir_entry entry = { .kind = (weir_entry_kind)kind };
        weir_entry *opened;

        seal(&samples[kind - WEIR__ENTRY_RESULT]);
        seal(&entry);
        opened = open_sealed();
        same_entry(opened, &entry);
        ck_assert_ptr_nonnull(opened->run);
        ck_assert_ptr_null(opened->recorded);
    }
}
END_TEST

START_TEST(absent_is_not_empty)
{
    weir_entry entry = samples[WEIR__ENTRY_OUTCOME - 1];

    entry.result = weir__bytes("", 0);
    seal(&entry);
    ck_assert_ptr_nonnull(open_sealed()->result.data);
    entry.result = (weir_bytes){ NULL, 0 };
    seal(&entry);
    ck_assert_ptr_null(open_sealed()->result.data);
    entry = samples[WEIR__ENTRY_INTENT - 1];
    entry.args = weir__bytes("", 0);
    seal(&entry);
    ck_assert_ptr_nonnull(open_sealed()->args.data);
    entry.args = (weir_bytes){ NULL, 0 };
    seal(&entry);
    ck_assert_ptr_null(open_sealed()->args.data);
}
END_TEST

START_TEST(entries_are_appended_and_outlive_what_they_were_made_of)
{
    char name[] = "host:17";
    weir_entry claim = { .kind = WEIR__ENTRY_CLAIM, .name = name };
    weir_entry *entry;
    weir_error err;
    size_t size;

    ck_assert_int_eq(weir__buffer_add_text(&sealed, "before"), WEIR_OK);
    ck_assert_int_eq(weir__entry_seal(&claim, &sealed, &err), WEIR_OK);
    memset(name, 'x', sizeof name - 1);
    size = sealed.size - 6;
    ck_assert_int_eq(weir__entry_open(weir__bytes(sealed.data + 6, size), &arena, &entry, &err), WEIR_OK);
    memset(sealed.data, 0, sealed.size);
    ck_assert_str_eq(entry->name, "host:17");
}
END_TEST

START_TEST(a_large_result_is_kept)
{
    enum { LARGE = 20 << 20 };
    weir_entry entry = samples[WEIR__ENTRY_OUTCOME - 1];
    uint8_t *data = malloc(LARGE);

    ck_assert_ptr_nonnull(data);
    for (size_t i = 0; i < LARGE; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    entry.result = weir__bytes(data, LARGE);
    seal(&entry);
    ck_assert_uint_lt(sealed.size, LARGE + 300);
    same_bytes(open_sealed()->result, entry.result);
    free(data);
}
END_TEST

START_TEST(what_has_no_room_leaves_the_buffer_as_it_was)
{
    weir_buffer small;
    weir_error err;

    weir__buffer_init(&small, 30);
    ck_assert_int_eq(weir__buffer_add_text(&small, "before"), WEIR_OK);
    ck_assert_int_eq(weir__entry_seal(&samples[1], &small, &err), WEIR_LIMIT);
    ck_assert_str_eq(err.message, "a journal entry is too long, 2147483647 bytes are allowed");
    ck_assert_uint_eq(small.size, 6);
    weir__buffer_clear(&small);
}
END_TEST

START_TEST(what_no_schema_allows_is_refused_by_name)
{
    weir_entry entry = samples[WEIR__ENTRY_INTENT - 1];
    weir_error err;

    entry.name = "\xff";
    ck_assert_int_eq(weir__entry_seal(&entry, &sealed, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "a journal entry's name is not UTF-8");
    entry = samples[WEIR__ENTRY_INTENT - 1];
    entry.call_kind = (weir_call_kind)4;
    ck_assert_int_eq(weir__entry_seal(&entry, &sealed, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "a journal entry's call_kind has a value that is none");
    entry.kind = (weir_entry_kind)9;
    ck_assert_int_eq(weir__entry_seal(&entry, &sealed, &err), WEIR_INVALID);
    entry = samples[WEIR__ENTRY_RESULT - 1];
    entry.sensory_values.count = 0;
    ck_assert_int_eq(weir__entry_seal(&entry, &sealed, &err), WEIR_INVALID);
    ck_assert_str_eq(err.message, "a journal entry's sensory has not as many in both lists");
    ck_assert_uint_eq(sealed.size, 0);
}
END_TEST

/* ---- bytes that are not what they should be --------------------------------------------------------------------- */

START_TEST(an_entry_that_is_cut_off_anywhere_is_refused)
{
    for (int i = 0; i < SAMPLES; i++) {
        seal(&samples[i]);
        for (size_t size = 0; size < sealed.size; size++) {
            weir_entry *entry;
            weir_error err;

            ck_assert_int_eq(weir__entry_open(weir__bytes(sealed.data, size), &arena, &entry, &err), WEIR_IO);
            ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
        }
    }
}
END_TEST

START_TEST(an_entry_with_any_bit_turned_is_refused)
{
    for (int i = 0; i < SAMPLES; i++) {
        seal(&samples[i]);
        for (size_t at = 0; at < sealed.size * 8; at++) {
            weir_entry *entry;

            sealed.data[at / 8] ^= (uint8_t)(1 << at % 8);
            ck_assert_int_eq(weir__entry_open(weir__buffer_bytes(&sealed), &arena, &entry, NULL), WEIR_IO);
            sealed.data[at / 8] ^= (uint8_t)(1 << at % 8);
        }
    }
}
END_TEST

/* Opens a payload that has been tampered with behind the checksum's back; in memory of its exact size. */
static weir_code open_payload(weir_entry_kind kind, const uint8_t *data, size_t size, weir_error *err)
{
    uint8_t *exact;
    weir_entry *entry;
    weir_code rc;

    weir__buffer_reset(&sealed);
    ck_assert_int_eq(weir__frame_seal(kind, weir__bytes(data, size), &sealed), WEIR_OK);
    exact = malloc(sealed.size);
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, sealed.data, sealed.size);
    rc = weir__entry_open(weir__bytes(exact, sealed.size), &arena, &entry, err);
    free(exact);
    if (rc == WEIR_OK) { /* then it is one that can be sealed and printed too */
        seal(entry);
        same_entry(open_sealed(), entry);
        weir__buffer_reset(&sealed);
        ck_assert_int_eq(weir__entry_print(entry, &sealed, NULL), WEIR_OK);
    }
    ck_assert_uint_lt(weir__arena_footprint(&arena), 1 << 20);
    weir__arena_reset(&arena);
    return rc;
}

START_TEST(a_payload_of_any_bytes_is_an_error_or_an_entry)
{
    for (int i = 0; i < SAMPLES; i++) {
        weir_entry_kind kind = samples[i].kind;
        uint8_t *payload;
        weir_error err;
        size_t size;

        seal(&samples[i]);
        size = sealed.size - WEIR__FRAME_HEADER_BYTES;
        payload = malloc(size + 1);
        ck_assert_ptr_nonnull(payload);
        memcpy(payload, sealed.data + WEIR__FRAME_HEADER_BYTES, size);
        payload[size] = 0;
        ck_assert_int_eq(open_payload(kind, payload, size, &err), WEIR_OK);
        ck_assert_int_eq(open_payload(kind, payload, size + 1, &err), WEIR_IO);
        ck_assert_ptr_nonnull(strstr(err.message, "does not fit its schema: byte "));
        ck_assert_ptr_nonnull(strstr(err.message, "something stands behind the end"));
        for (size_t cut = 0; cut < size; cut++)
            ck_assert_int_eq(open_payload(kind, payload, cut, &err), WEIR_IO);
        for (size_t at = 0; at < size; at++) {
            uint8_t good = payload[at];

            for (int byte = 0; byte < 256; byte++) {
                weir_code rc;

                payload[at] = (uint8_t)byte;
                rc = open_payload(kind, payload, size, &err);
                ck_assert(rc == WEIR_OK || rc == WEIR_IO);
            }
            payload[at] = good;
        }
        free(payload);
    }
}
END_TEST

static void refuses(weir_entry_kind kind, const void *payload, size_t size, const char *why)
{
    weir_error err;

    ck_assert_int_eq(open_payload(kind, payload, size, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, why) != NULL, "'%s' in '%s'", why, err.message);
}
#define REFUSES(kind, payload, why) refuses(kind, payload, sizeof(payload) - 1, why)

START_TEST(lengths_beyond_the_end_are_refused_before_any_memory_is_asked_for)
{
    /* kind, written_ms, epoch, then the length of `run`. */
    REFUSES(WEIR__ENTRY_CLAIM, "\x0e\0\0\x03x", "byte 3: a length is beyond the end");
    REFUSES(WEIR__ENTRY_CLAIM, "\x0e\0\0\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a length is beyond the end");
    REFUSES(WEIR__ENTRY_CLAIM, "\x0e\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "a number is too long");
    REFUSES(WEIR__ENTRY_CLAIM, "\x0e\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "a number is too long");
    REFUSES(WEIR__ENTRY_CLAIM, "\x0e\0\0\x02\xff\x0e\0", "byte 4: a text is not UTF-8");
    REFUSES(WEIR__ENTRY_CLAIM, "\x10\0\0\0\x0e\0", "byte 0: no such symbol of an enum");
    REFUSES(WEIR__ENTRY_CLAIM, "\x0e\0\0\0\x10\0", "byte 4: no such branch of a union");
    REFUSES(WEIR__ENTRY_CLAIM, "\x0e\0\0\0\x01\0", "byte 4: no such branch of a union");
    REFUSES(WEIR__ENTRY_CLAIM, "\x0e\0\0\0\x0e\x02\0", "a journal entry's name has a NUL in it");
    REFUSES(WEIR__ENTRY_FIRST, "\x0e\0\0\0\x0e\0", "a journal entry of kind 7 holds one of another kind");
    REFUSES(WEIR__ENTRY_CLAIM, "\x0c\0\0\0\x0e\0", "a journal entry of kind 8 holds one of another kind");
    /* WITHDRAWN: input_hash, then instance -1. */
    REFUSES(WEIR__ENTRY_WITHDRAWN, "\x06\0\0\0\x06\0\x01\0\0", "a journal entry's instance is out of range");
}
END_TEST

/* RESULT up to the blocks of its events. */
#define RESULT "\0\0\0\0\0\0\0\0\0\0"
#define REST "\0\0\0\0"

START_TEST(blocks_of_any_count_are_survived)
{
    weir_error err;
    /* Two blocks, the second one with its size: as another writer may have it. */
    static const char blocks[] = RESULT "\x02\0\x02x\x01\x06\0\x02y\0" REST;

    ck_assert_msg(open_payload(WEIR__ENTRY_RESULT, (const uint8_t *)blocks, sizeof blocks - 1, &err) == WEIR_OK, "%s",
                  err.message);
    REFUSES(WEIR__ENTRY_RESULT, RESULT "\x01\x08\0\x02y\0" REST, "a block does not end where it says");
    REFUSES(WEIR__ENTRY_RESULT, RESULT "\x01\xff\x01\0\x02y\0" REST, "a block is beyond the end");
    REFUSES(WEIR__ENTRY_RESULT, RESULT "\x01\xfe\x01\0\x02y\0" REST, "a block is beyond the end");
    REFUSES(WEIR__ENTRY_RESULT, RESULT "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" REST, "more elements than bytes");
    REFUSES(WEIR__ENTRY_RESULT, RESULT "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x04\0\0" REST,
            "more elements than bytes");
}
END_TEST

START_TEST(another_version_is_refused_in_words)
{
    weir_entry *entry;
    weir_error err;

    seal(&samples[0]);
    sealed.data[4] = 1;
    ck_assert_int_eq(weir__entry_open(weir__buffer_bytes(&sealed), &arena, &entry, &err), WEIR_IO);
    ck_assert_str_eq(err.message, "a journal entry has version 1, this weir knows 2; use the weir that wrote it, or a "
                                  "newer one");
    seal(&samples[0]);
    sealed.data[5] = 9;
    weir__put_32(sealed.data + 6, weir__crc32(weir__bytes(sealed.data + 10, sealed.size - 10),
                                              weir__crc32(weir__bytes(sealed.data, 6), 0)));
    ck_assert_int_eq(weir__entry_open(weir__buffer_bytes(&sealed), &arena, &entry, &err), WEIR_IO);
    ck_assert_str_eq(err.message, "a journal entry is of kind 9, which this weir does not know");
}
END_TEST

/* ---- names ------------------------------------------------------------------------------------------------------ */

static void prints(const weir_entry *entry, const char *wanted)
{
    weir__buffer_reset(&sealed);
    ck_assert_int_eq(weir__entry_print(entry, &sealed, NULL), WEIR_OK);
    ck_assert_int_eq(weir__buffer_add_byte(&sealed, 0), WEIR_OK);
    ck_assert_str_eq((const char *)sealed.data, wanted);
}

#define PRINTED(kind) "{\"kind\":\"" kind "\",\"written_ms\":1767225600000,\"epoch\":3,\"run\":\"run-1\""
#define PRINTED_PLACE ",\"input_hash\":\"ffffffffffffffff\",\"instance\":1,\"call\":4294967295,\"attempt\":300"
#define PRINTED_CALL \
    ",\"action\":\"shop.pay\",\"name\":\"chargé\",\"call_kind\":\"checked\",\"digest\":\"8000000000000000\""

START_TEST(an_entry_is_printed_with_what_its_kind_has)
{
    prints(&samples[0], PRINTED("result") PRINTED_PLACE ",\"action\":\"shop.pay\","
           "\"events\":[{\"type\":\"order\",\"attributes\":{\"n\":1}},"
           "{\"type\":\"nul\\u0000within\",\"attributes\":{}}],"
           "\"outputs\":[[1,2],\"ü\",null],\"counts\":[{\"metric\":\"agent.n\",\"add\":-9223372036854775808}],"
           "\"short_term\":[{\"path\":\"a.b\",\"value\":{\"$bytes\":\"AgD/\"}},{\"path\":\"\",\"value\":\"\"}],"
           "\"sensory\":[{\"path\":\"s\",\"value\":\"\\u0001\"}]}");
    prints(&samples[1], PRINTED("intent") ",\"key\":{\"$bytes\":\"awD/\"}" PRINTED_PLACE PRINTED_CALL
           ",\"args\":{\"$bytes\":\"/gBhcmdz\"},\"lease_ms\":5000,\"timeout_ms\":9223372036854775807}");
    prints(&samples[2], PRINTED("outcome") PRINTED_PLACE PRINTED_CALL ",\"code\":\"unreachable\",\"error\":{"
           "\"remedy\":\"retry\",\"origin\":\"http\",\"origin_code\":-503,\"message\":"
           "{\"$bytes\":\"bm90IFVURi04OiD/\"}},\"is_final\":true,\"result\":\"\\u0000\"}");
    prints(&samples[3], PRINTED("withdrawn") PRINTED_PLACE "}");
    prints(&samples[5], PRINTED("resolution") ",\"instance\":7,\"call\":8,\"attempt\":9,\"code\":\"failed\",\"error\":{"
           "\"remedy\":\"fix\",\"message\":\"by hand\"},\"result\":\"r\",\"decision\":\"fail\",\"is_forced\":true,"
           "\"id\":\"6f2c1e5e-0000-4000-8000-000000000000\"}");
    prints(&samples[6], PRINTED("first") PRINTED_PLACE ",\"action\":\"shop.pay\",\"which\":2}");
    prints(&samples[7], "{\"kind\":\"claim\",\"written_ms\":-1,\"epoch\":9223372036854775807,\"name\":\"host:17\"}");
}
END_TEST

/* Where the schema has the symbols of an enum, in the order of the table. */
static void has_symbols(const char *schema, const char *name, const char *const *symbols)
{
    char wanted[64];
    const char *at;

    (void)snprintf(wanted, sizeof wanted, "\"type\": \"enum\", \"name\": \"%s\"", name);
    at = strstr(schema, wanted);
    ck_assert_msg(at != NULL, "no enum %s", name);
    at = strchr(at, '[');
    for (size_t i = 0; symbols[i]; i++) {
        at = strchr(at + 1, '"');
        ck_assert_msg(strncmp(at + 1, symbols[i], strlen(symbols[i])) == 0 && at[strlen(symbols[i]) + 1] == '"',
                      "%s: '%s' expected", name, symbols[i]);
        at = strchr(at + 1, '"');
    }
    ck_assert_int_eq(at[1], ']');
}

START_TEST(the_names_are_those_of_the_schema)
{
    static const struct {
        const char *name, *record;
        weir_entry_kind kind;
    } enums[] = { { "CallKind", "call_kind", WEIR__ENTRY_INTENT },
                  { "Code", "code", WEIR__ENTRY_OUTCOME },
                  { "Reason", "reason", WEIR__ENTRY_PARKED },
                  { "Decision", "decision", WEIR__ENTRY_RESOLUTION } };
    const char *schema = weir__journal_schema[0].text;
    const char *at = strstr(schema, "\"name\": \"body\"");

    for (size_t i = 0; i < sizeof enums / sizeof enums[0]; i++) {
        const weir_field *field = weir__entry_fields(enums[i].kind);

        while (strcmp(field->name, enums[i].record) != 0)
            field++;
        has_symbols(schema, enums[i].name, field->symbols);
    }
    has_symbols(schema, "Remedy", weir__remedy_symbols);
    /* Fields, in order; each begins a line of the schema. */
    for (int kind = WEIR__ENTRY_RESULT; kind <= WEIR__ENTRY_CLAIM; kind++) {
        for (const weir_field *field = weir__entry_fields((weir_entry_kind)kind); field->name; field++) {
            char wanted[64];

            at = strstr(at, "\n        {\"name\": ");
            (void)snprintf(wanted, sizeof wanted, "\n        {\"name\": \"%s\"", field->name);
            ck_assert_msg(at && strncmp(at, wanted, strlen(wanted)) == 0, "'%s' expected", field->name);
            at++;
        }
    }
    ck_assert_ptr_null(strstr(at, "\n        {\"name\": "));
    ck_assert_str_eq(weir__entry_kind_name(WEIR__ENTRY_RESULT), "result");
    ck_assert_str_eq(weir__entry_kind_name(WEIR__ENTRY_CLAIM), "claim");
    ck_assert_str_eq(weir__entry_kind_name((weir_entry_kind)9), "unknown");
    ck_assert_str_eq(weir__call_kind_name(WEIR_CALL_PURE), "pure");
    ck_assert_str_eq(weir__call_kind_name(WEIR_CALL_ONCE), "once");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal/entry");
    TCase *round_trip = tcase_create("round-trip");
    TCase *bad_bytes = tcase_create("bad-bytes");
    TCase *names = tcase_create("names");

    tcase_add_checked_fixture(round_trip, set_up, tear_down);
    tcase_add_test(round_trip, what_is_sealed_is_what_is_opened);
    tcase_add_test(round_trip, an_entry_with_nothing_in_it_comes_back_so);
    tcase_add_test(round_trip, absent_is_not_empty);
    tcase_add_test(round_trip, entries_are_appended_and_outlive_what_they_were_made_of);
    tcase_add_test(round_trip, a_large_result_is_kept);
    tcase_add_test(round_trip, what_has_no_room_leaves_the_buffer_as_it_was);
    tcase_add_test(round_trip, what_no_schema_allows_is_refused_by_name);
    suite_add_tcase(suite, round_trip);
    tcase_add_checked_fixture(bad_bytes, set_up, tear_down);
    tcase_set_timeout(bad_bytes, 60);
    tcase_add_test(bad_bytes, an_entry_that_is_cut_off_anywhere_is_refused);
    tcase_add_test(bad_bytes, an_entry_with_any_bit_turned_is_refused);
    tcase_add_test(bad_bytes, a_payload_of_any_bytes_is_an_error_or_an_entry);
    tcase_add_test(bad_bytes, lengths_beyond_the_end_are_refused_before_any_memory_is_asked_for);
    tcase_add_test(bad_bytes, blocks_of_any_count_are_survived);
    tcase_add_test(bad_bytes, another_version_is_refused_in_words);
    suite_add_tcase(suite, bad_bytes);
    tcase_add_checked_fixture(names, set_up, tear_down);
    tcase_add_test(names, an_entry_is_printed_with_what_its_kind_has);
    tcase_add_test(names, the_names_are_those_of_the_schema);
    suite_add_tcase(suite, names);
    return weir__suite_run(suite);
}
