/* SPDX-License-Identifier: Apache-2.0 */
/* `weir state`: memory as JSON, a key a line, ordered by key. */
#include "cli/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/memory.h"
#include "cli/options.h"
#include "codec/json.h"
#include "store/store.h"

/* One key at a time: its cells gather here until the next key comes. */
typedef struct printer {
    weir_buffer key;
    weir_cells cells;
    bool has_key;
    weir_buffer line;
} printer;

/* A name is a string: that of a key of other bytes is the text of its JSON view. */
static weir_code print_name(weir_bytes key, weir_buffer *out)
{
    weir_buffer view;
    weir_code rc;

    if (weir__utf8_is_valid(key))
        return weir__json_print_text(key, out);
    weir__buffer_init(&view, SIZE_MAX);
    rc = weir__json_print_bytes(key, &view);
    if (rc == WEIR_OK)
        rc = weir__json_print_text(weir__buffer_bytes(&view), out);
    weir__buffer_clear(&view);
    return rc;
}

/* A key's cells as one tree, by the rules of memory. */
static weir_code print_key(printer *to, weir_error *err)
{
    weir_failure failure = { .error = { .code = WEIR_OK } };
    const uint32_t stamp = 0;
    weir_memory memory;
    weir_arena arena;
    json_t *tree;
    weir_code rc;

    weir__arena_init(&arena, 4096);
    weir__memory_init(&memory, &to->cells, &arena, &failure, &stamp, SIZE_MAX);
    tree = weir_memory_get(&memory, "");
    weir__buffer_reset(&to->line);
    rc = tree ? weir__buffer_add_byte(&to->line, '{') : WEIR_NO_MEMORY;
    if (rc == WEIR_OK)
        rc = print_name(weir__buffer_bytes(&to->key), &to->line);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_byte(&to->line, ':');
    if (rc == WEIR_OK)
        rc = weir__tree_print(tree, SIZE_MAX, &to->line, NULL);
    if (rc == WEIR_OK)
        rc = weir__buffer_add(&to->line, "}\n", 2);
    json_decref(tree);
    weir__arena_clear(&arena);
    if (rc != WEIR_OK)
        return weir__fail(err, rc, WEIR_REMEDY_FIX, "a key's memory cannot be printed: %s", weir__code_name(rc));
    if (fwrite(to->line.data, 1, to->line.size, stdout) != to->line.size)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    return WEIR_OK;
}

static weir_code take_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    printer *to = context;
    weir_code rc = WEIR_OK;

    if (to->has_key && !weir__bytes_equal(key, weir__buffer_bytes(&to->key))) {
        rc = print_key(to, err);
        weir__cells_clear(&to->cells);
        to->has_key = false;
    }
    if (rc == WEIR_OK && !to->has_key) {
        weir__buffer_reset(&to->key);
        rc = weir__buffer_add(&to->key, key.data, key.size);
        to->has_key = true;
    }
    if (rc == WEIR_NO_MEMORY)
        return weir__fail_memory(err, "a key's memory");
    if (rc != WEIR_OK)
        return rc; /* told already */
    rc = weir__cells_put_stored(&to->cells, path, value, err);
    if (rc == WEIR_IO)
        weir__error_context(err, "the state");
    return rc;
}

static weir_code print_state(const char *folder, const char *key, weir_error *err)
{
    weir_store_options options = {
        .folder = folder, .must_exist = true, .read_only = true, .disk = weir__disk_system()
    };
    printer to = { .has_key = false };
    weir_store *store = NULL;
    weir_code rc = weir__store_open(&options, &store, err);

    if (rc != WEIR_OK)
        return rc;
    weir__buffer_init(&to.key, SIZE_MAX);
    weir__buffer_init(&to.line, SIZE_MAX);
    weir__cells_init(&to.cells, NULL);
    rc = key ? weir__store_load(store, weir__bytes_text(key), take_cell, &to, err)
             : weir__store_scan(store, take_cell, &to, err);
    if (rc == WEIR_OK && to.has_key)
        rc = print_key(&to, err);
    if (rc == WEIR_OK && key && !to.has_key)
        rc = weir__fail(err, WEIR_FAILED, WEIR_REMEDY_FIX, "state folder '%s' keeps nothing for key '%s'", folder, key);
    if (rc == WEIR_OK && fflush(stdout) != 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    weir__cells_clear(&to.cells);
    weir__buffer_clear(&to.key);
    weir__buffer_clear(&to.line);
    weir__store_close(store);
    return rc;
}

int weir__cli_state(const char *program, int argc, char **argv)
{
    static const weir_option options[] = {
        { "state-dir", "DIR", "the folder of a job's state" },
        { "key", "KEY", "print this key alone" },
        { NULL, NULL, NULL },
    };
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help) {
        (void)printf("usage: %s state (--state-dir DIR | --config FILE) [--key KEY]\n\n"
                     "Prints what a state folder keeps for each key: {KEY: MEMORY} a line.\n\n",
                     program);
        weir__options_print(options);
    } else if (rc == WEIR_OK) {
        const char *folder;

        rc = weir__arguments_state_folder(&arguments, &folder, &err);
        if (rc == WEIR_OK)
            rc = print_state(folder, weir__arguments_value(&arguments, "key"), &err);
    }
    weir__arguments_clear(&arguments);
    if (rc == WEIR_OK)
        return 0;
    weir__cli_complain(program, &err);
    return weir__cli_status(rc);
}
