/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a state folder with a journal: journal-store FOLDER [damaged|version]. A claim, two runs; with a second word
 * the last entry but one of the second run is one that cannot be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/big_endian.h"
#include "journal/entry.h"
#include "store/store.h"

static weir_store *store;
static weir_buffer sealed;
static weir_error err;

static void must(weir_code rc)
{
    if (rc == WEIR_OK)
        return;
    fprintf(stderr, "journal-store: %s\n", err.message);
    exit(1);
}

static void put(const char *stream, uint64_t place, int64_t number, const weir_entry *entry, const char *harm)
{
    uint8_t owner[8];

    weir__put_64(owner, place);
    weir__buffer_reset(&sealed);
    must(weir__entry_seal(entry, &sealed, &err));
    if (harm && strcmp(harm, "version") == 0)
        sealed.data[4] = 1;
    else if (harm)
        sealed.data[sealed.size - 1] ^= 1;
    must(weir__store_log_put(store, stream, weir__bytes(owner, sizeof owner), number, weir__buffer_bytes(&sealed),
                             &err));
}

static void put_all(const char *harm)
{
    static const weir_bytes type = { (const uint8_t *)"paid", 4 };
    static const weir_bytes attributes = { (const uint8_t *)"{\"cents\":5}", 11 };
    weir_entry claim = { .kind = WEIR__ENTRY_CLAIM, .written_ms = 1000, .epoch = 1, .run = "", .name = "one:1" };
    weir_entry intent = { .kind = WEIR__ENTRY_INTENT, .written_ms = 1001, .epoch = 1, .run = "run-1",
                          .key = weir__bytes("k\xff", 2), .input_hash = 255, .instance = 1, .call = 1, .attempt = 1,
                          .action = "shop.pay", .name = "charge", .call_kind = WEIR_CALL_ONCE, .digest = 16,
                          .args = weir__bytes_text("{\"cents\":5}"), .lease_ms = 5000, .timeout_ms = 30000 };
    weir_entry outcome = { .kind = WEIR__ENTRY_OUTCOME, .written_ms = 1002, .epoch = 1, .run = "run-1",
                           .input_hash = 255, .instance = 1, .call = 1, .attempt = 1, .action = "shop.pay",
                           .name = "charge", .call_kind = WEIR_CALL_ONCE, .digest = 16, .is_final = true,
                           .result = weir__bytes("", 0) };
    weir_entry result = { .kind = WEIR__ENTRY_RESULT, .written_ms = 1003, .epoch = 1, .run = "run-1",
                          .input_hash = 255, .instance = 1, .action = "shop.pay", .event_types = { &type, 1 },
                          .event_attributes = { &attributes, 1 } };
    weir_entry parked = { .kind = WEIR__ENTRY_PARKED, .written_ms = 1004, .epoch = 2, .run = "run-2",
                          .key = weir__bytes_text("ü"), .instance = 1, .call = 2, .attempt = 1, .action = "shop.pay",
                          .name = "charge", .call_kind = WEIR_CALL_ONCE, .reason = WEIR__PARK_DIVERGENCE,
                          .recorded = "call 'refund'", .asked = "call 'charge'" };
    weir_entry resolution = { .kind = WEIR__ENTRY_RESOLUTION, .written_ms = 1005, .epoch = 2, .run = "run-2",
                              .instance = 1, .call = 2, .attempt = 1, .code = WEIR_FAILED,
                              .error = { WEIR_FAILED, WEIR_REMEDY_FIX, NULL, 0, "not charged" },
                              .decision = WEIR__DECISION_FAIL, .id = "6f2c1e5e-0000-4000-8000-000000000000" };

    /* Not in their order: the store has it. */
    put("journal", 256, 7, &resolution, NULL);
    put("journal", 255, 7, &parked, harm);
    put("journal", 5, 3, &result, NULL);
    put("journal", 4, 3, &outcome, NULL);
    put("journal", 3, 3, &intent, NULL);
    weir__buffer_reset(&sealed);
    must(weir__entry_seal(&claim, &sealed, &err));
    must(weir__store_log_put(store, "journal-claims", weir__bytes("", 0), 1, weir__buffer_bytes(&sealed), &err));
}

int main(int argc, char **argv)
{
    weir_store_options options = { .job = "shop" };

    if (argc < 2) {
        fprintf(stderr, "usage: journal-store FOLDER [damaged|version]\n");
        return 2;
    }
    options.folder = argv[1];
    weir__buffer_init(&sealed, SIZE_MAX);
    must(weir__store_open(&options, &store, &err));
    put_all(argc > 2 ? argv[2] : NULL);
    must(weir__store_commit(store, &err));
    weir__store_close(store);
    weir__buffer_clear(&sealed);
    return 0;
}
