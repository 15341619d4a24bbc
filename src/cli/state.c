/* SPDX-License-Identifier: Apache-2.0 */
/* `weir state`: memory as JSON, a key a line, ordered by key. */
#include "cli/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/memory.h"
#include "cli/kafka_job.h"
#include "cli/options.h"
#include "codec/json.h"
#include "store/store.h"
#ifdef HAVE_RDKAFKA
#include "host/kafka_look.h"
#include "host/scratch.h"
#endif

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

/* @param found  whether there was any */
static weir_code print_store(weir_store *store, const char *key, bool *found, weir_error *err)
{
    printer to = { .has_key = false };
    weir_code rc;

    weir__buffer_init(&to.key, SIZE_MAX);
    weir__buffer_init(&to.line, SIZE_MAX);
    weir__cells_init(&to.cells, NULL);
    rc = key ? weir__store_load(store, weir__bytes_text(key), take_cell, &to, err)
             : weir__store_scan(store, take_cell, &to, err);
    *found = to.has_key;
    if (rc == WEIR_OK && to.has_key)
        rc = print_key(&to, err);
    if (rc == WEIR_OK && fflush(stdout) != 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    weir__cells_clear(&to.cells);
    weir__buffer_clear(&to.key);
    weir__buffer_clear(&to.line);
    return rc;
}

static weir_code print_folder(const char *folder, const char *key, weir_error *err)
{
    weir_store_options options = {
        .folder = folder, .must_exist = true, .read_only = true, .disk = weir__disk_system()
    };
    weir_store *store = NULL;
    bool found = false;
    weir_code rc = weir__store_open(&options, &store, err);

    if (rc != WEIR_OK)
        return rc;
    rc = print_store(store, key, &found, err);
    if (rc == WEIR_OK && key && !found)
        rc = weir__fail(err, WEIR_FAILED, WEIR_REMEDY_FIX, "state folder '%s' keeps nothing for key '%s'", folder, key);
    weir__store_close(store);
    return rc;
}

#ifdef HAVE_RDKAFKA

/* Of one key the task that should have it is looked at first; who else has written to the topic may have sent it
 * elsewhere. */
static weir_code print_job(weir_kafka_look *look, void *context, weir_error *err)
{
    const char *key = *(const char **)context;
    int32_t first = 0, count = weir__kafka_look_partitions(look);
    bool is_certain = false, found = false;
    weir_scratch scratch = { .store = NULL };
    weir_buffer tuple;
    weir_code rc = weir__scratch_open(&scratch, err);

    weir__buffer_init(&tuple, SIZE_MAX);
    if (key)
        first = weir__kafka_look_task(look, weir__bytes_text(key), &is_certain);
    for (int32_t i = 0; i < count && rc == WEIR_OK && !(is_certain && i) && !found; i++) {
        rc = weir__kafka_look_restore(look, (first + i) % count, WEIR__LOOK_CELLS, scratch.store, &tuple, NULL, err);
        if (rc == WEIR_OK && key)
            rc = print_store(scratch.store, key, &found, err);
    }
    if (rc == WEIR_OK && !key)
        rc = print_store(scratch.store, NULL, &found, err);
    if (rc == WEIR_OK && key && !found)
        rc = weir__fail(err, WEIR_FAILED, WEIR_REMEDY_FIX, "job '%.80s' keeps nothing for key '%.100s'",
                        weir__kafka_look_job(look), key);
    weir__buffer_clear(&tuple);
    weir__scratch_close(&scratch);
    return rc;
}

#else

static weir_code print_job(weir_kafka_look *look, void *context, weir_error *err)
{
    (void)look;
    (void)context;
    return weir__cli_fail_without_kafka(err);
}

#endif

int weir__cli_state(const char *program, int argc, char **argv)
{
    static const weir_option options[] = {
        { "state-dir", "DIR", "the folder of a local job's state" },
        { "key", "KEY", "print this key alone" },
        { NULL, NULL, NULL },
    };
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help) {
        (void)printf("usage: %s state (--state-dir DIR | --config FILE) [--key KEY]\n\n"
                     "Prints the memory of each key: {KEY: MEMORY} a line. With a configuration\n"
                     "that has input.topics and kafka.bootstrap.servers it is read from the job's\n"
                     "changelog, from anywhere; else from the state folder.\n\n",
                     program);
        weir__options_print(options);
    } else if (rc == WEIR_OK) {
        const char *key = weir__arguments_value(&arguments, "key"), *folder;

        if (weir__cli_means_kafka(&arguments)) {
            rc = weir__cli_look(&arguments, NULL, print_job, &key, &err);
        } else {
            rc = weir__arguments_state_folder(&arguments, &folder, &err);
            if (rc == WEIR_OK)
                rc = print_folder(folder, key, &err);
        }
    }
    weir__arguments_clear(&arguments);
    return weir__cli_looked(program, rc, &err);
}
