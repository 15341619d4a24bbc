/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: any bytes are refused, or are a value that both forms print to the same bytes, again and again. */
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

#define DEPTH 64

/* A libFuzzer finding is an abort. */
static void must(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_bytes text = { data, size };
    const weir_json *json = NULL, *again = NULL;
    weir_error err = { 0 };
    weir_buffer first, second;
    weir_arena arena;

    weir__arena_init(&arena, 4096);
    weir__buffer_init(&first, SIZE_MAX);
    weir__buffer_init(&second, SIZE_MAX);
    if (weir__json_parse(text, DEPTH, &arena, &json, &err) == WEIR_OK) {
        json_t *tree = weir__json_tree(json);

        must(weir__utf8_is_valid(text));
        must(weir__json_print(json, &first) == WEIR_OK);
        must(weir__json_parse(weir__buffer_bytes(&first), DEPTH, &arena, &again, &err) == WEIR_OK);
        must(weir__json_print(again, &second) == WEIR_OK);
        must(weir__bytes_equal(weir__buffer_bytes(&first), weir__buffer_bytes(&second)));
        must(tree != NULL);
        weir__buffer_reset(&second);
        must(weir__tree_print(tree, DEPTH, &second, &err) == WEIR_OK);
        must(weir__bytes_equal(weir__buffer_bytes(&first), weir__buffer_bytes(&second)));
        json_decref(tree);
    } else {
        must(!json && err.message[0] != '\0' && err.remedy == WEIR_REMEDY_FIX);
        must(weir__utf8_is_valid(weir__bytes_text(err.message)));
    }
    /* The bytes as a key: always JSON. */
    weir__buffer_reset(&first);
    must(weir__json_print_bytes(text, &first) == WEIR_OK);
    must(weir__json_parse(weir__buffer_bytes(&first), DEPTH, &arena, &again, &err) == WEIR_OK);
    if (weir__utf8_is_valid(text))
        must(weir__bytes_equal(weir__json_text(again), weir__bytes(data, size)));
    /* And as a pointer, in what was read. */
    if (json && memchr(data, '\0', size) == NULL) {
        weir_bytes pointer = weir__arena_copy(&arena, text);

        must(pointer.data != NULL);
        (void)weir__json_pointer(json, (const char *)pointer.data, &again);
    }
    weir__buffer_clear(&first);
    weir__buffer_clear(&second);
    weir__arena_clear(&arena);
    return 0;
}
