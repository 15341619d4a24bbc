/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a journal entry: as they are, and framed as the kind that their first byte says. What is opened can be
 * printed as JSON, and sealed again to the same bytes from there on.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "journal/entry.h"
#include "journal/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise must stop the fuzzer. */
static void promise(bool is_kept)
{
    if (!is_kept)
        abort();
}

static void open_one(weir_bytes sealed)
{
    weir_buffer first, second, printed;
    const weir_json *json;
    weir_entry *entry;
    weir_arena arena;
    weir_error err;
    weir_code rc;

    weir__buffer_init(&first, SIZE_MAX);
    weir__buffer_init(&second, SIZE_MAX);
    weir__buffer_init(&printed, SIZE_MAX);
    weir__arena_init(&arena, 4096);
    rc = weir__entry_open(sealed, &arena, &entry, &err);
    promise(rc == WEIR_OK || (rc == WEIR_IO && err.remedy == WEIR_REMEDY_STOP && err.message[0]));
    promise(weir__arena_footprint(&arena) <= 8192 + 64 * sealed.size);
    if (rc == WEIR_OK) {
        promise(weir__entry_print(entry, &printed, &err) == WEIR_OK);
        promise(weir__json_parse(weir__buffer_bytes(&printed), SIZE_MAX, &arena, &json, &err) == WEIR_OK);
        promise(weir__entry_seal(entry, &first, &err) == WEIR_OK);
        promise(weir__entry_open(weir__buffer_bytes(&first), &arena, &entry, &err) == WEIR_OK);
        promise(weir__entry_seal(entry, &second, &err) == WEIR_OK);
        promise(weir__bytes_equal(weir__buffer_bytes(&first), weir__buffer_bytes(&second)));
    }
    weir__arena_clear(&arena);
    weir__buffer_clear(&first);
    weir__buffer_clear(&second);
    weir__buffer_clear(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_buffer framed;

    open_one(weir__bytes(data, size));
    weir__buffer_init(&framed, SIZE_MAX);
    if (size) { /* an entry's first byte is its kind, as Avro writes it: twice the number */
        promise(weir__frame_seal((weir_entry_kind)(data[0] / 2 % 8 + 1), weir__bytes(data, size), &framed) == WEIR_OK);
        open_one(weir__buffer_bytes(&framed));
    }
    weir__buffer_clear(&framed);
    return 0;
}
