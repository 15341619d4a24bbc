/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a schema and a payload, parted by the first line break: a schema is one or is refused; a payload that is
 * read is bounded in memory, prints as JSON, and is written again to bytes that read as the same JSON, unless a union
 * took another branch. Without a line break the bytes are a payload of a schema that has every type.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/avro_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 32, MAXIMUM = 4096 };

static const char every[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
    "{\"name\":\"a\",\"type\":[\"null\",\"boolean\",\"long\",\"float\",\"double\",\"string\",\"bytes\",\"R\"]},"
    "{\"name\":\"b\",\"type\":{\"type\":\"map\",\"values\":[\"int\",\"string\",{\"type\":\"map\",\"values\":\"R\"}]}},"
    "{\"name\":\"c\",\"type\":{\"type\":\"array\",\"items\":[\"null\",{\"type\":\"fixed\",\"name\":\"F\",\"size\":3},"
    "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"X\",\"Y\"]},{\"type\":\"array\",\"items\":\"null\"}]}}]}";

/* A broken promise must stop the fuzzer. */
static void promise(bool is_kept)
{
    if (!is_kept)
        abort();
}

static bool was_refused(weir_code rc, const weir_error *err)
{
    promise(rc == WEIR_INVALID || rc == WEIR_LIMIT);
    promise(err->code == rc && err->remedy == WEIR_REMEDY_FIX && err->message[0]);
    return true;
}

static void check(const weir_avro_type *type, weir_bytes payload)
{
    const weir_json *value = NULL, *parsed = NULL, *again = NULL;
    weir_buffer printed, written;
    weir_arena arena;
    weir_error err;
    weir_code rc;

    weir__arena_init(&arena, 4096);
    weir__buffer_init(&printed, SIZE_MAX);
    weir__buffer_init(&written, SIZE_MAX);
    rc = weir__avro_read(type, payload, DEPTH, MAXIMUM, &arena, &value, &err);
    promise(weir__arena_footprint(&arena) <= 2 * (8192 + 10 * MAXIMUM + payload.size));
    if (rc == WEIR_OK) {
        /* What is read keeps JSON's rules: parsing what it prints finds nothing wrong. */
        promise(weir__json_print(value, &printed) == WEIR_OK);
        promise(weir__json_parse(weir__buffer_bytes(&printed), DEPTH, &arena, &parsed, &err) == WEIR_OK);
        rc = weir__avro_write(type, parsed, &written, &err);
        if (rc == WEIR_OK) {
            rc = weir__avro_read(type, weir__buffer_bytes(&written), DEPTH, 2 * MAXIMUM, &arena, &again, &err);
            if (rc == WEIR_OK) {
                weir__buffer_reset(&written);
                promise(weir__avro_write(type, again, &written, &err) == WEIR_OK);
            } else {
                was_refused(rc, &err); /* a branch with other defaults may be larger */
            }
        } else {
            was_refused(rc, &err); /* a union's branch looked alike, and deeper down was not */
        }
    } else {
        was_refused(rc, &err);
    }
    weir__arena_clear(&arena);
    weir__buffer_clear(&printed);
    weir__buffer_clear(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    weir_bytes schema = line ? weir__bytes(data, (size_t)(line - data)) : weir__bytes_text(every);
    weir_bytes payload = line ? weir__bytes(line + 1, size - schema.size - 1) : weir__bytes(data, size);
    weir_avro_type *type = NULL;
    weir_error err;
    weir_code rc = weir__avro_type_new(&schema, 1, &type, &err);

    if (rc == WEIR_OK)
        check(type, payload);
    else
        was_refused(rc, &err);
    weir__avro_type_free(type);
    return 0;
}
