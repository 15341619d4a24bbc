/* SPDX-License-Identifier: Apache-2.0 */
/* `weir journal`: entries as JSON, claims first, then all in the order in which they were appended. */
#include "cli/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/big_endian.h"
#include "cli/kafka_job.h"
#include "cli/kafka_journal.h"
#include "cli/options.h"
#include "host/inbox.h"
#include "journal/entry.h"
#include "store/store.h"

typedef struct printer {
    const char *stream;
    weir_store *store;
    weir_buffer line;
    weir_arena arena;
    bool is_told; /* the walk failed here, and the error says where */
} printer;

/* Of an entry its place and the index of its run, of a claim its epoch. */
static void say_where(const printer *from, weir_bytes owner, int64_t number, weir_error *err)
{
    if (owner.size == 8)
        weir__error_context(err, "%s: place %" PRIu64 ", run %" PRId64, from->stream, weir__get_64(owner.data), number);
    else
        weir__error_context(err, "%s: number %" PRId64, from->stream, number);
    weir__store_error_context(from->store, err);
}

/* The entry's object, with "place", if it has one, as its last member. */
static weir_code print_line(printer *to, const weir_entry *entry, weir_bytes owner, weir_error *err)
{
    char tail[40] = "}\n";
    weir_code rc;

    weir__buffer_reset(&to->line);
    rc = weir__entry_print(entry, &to->line, err);
    if (rc != WEIR_OK)
        return rc;
    to->line.size--; /* its brace */
    if (owner.size == 8)
        (void)snprintf(tail, sizeof tail, ",\"place\":%" PRIu64 "}\n", weir__get_64(owner.data)); /* it fits */
    return weir__buffer_add_text(&to->line, tail) == WEIR_OK ? WEIR_OK : weir__fail_memory(err, "a line");
}

static weir_code take_entry(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    printer *to = context;
    weir_entry *entry;
    weir_code rc;

    weir__arena_reset(&to->arena);
    rc = weir__entry_open(record, &to->arena, &entry, err);
    if (rc == WEIR_OK)
        rc = print_line(to, entry, owner, err);
    if (rc != WEIR_OK)
        say_where(to, owner, number, err);
    else if (fwrite(to->line.data, 1, to->line.size, stdout) != to->line.size)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    to->is_told = rc != WEIR_OK;
    return rc;
}

static weir_code print_journal(const char *folder, weir_error *err)
{
    static const char *const streams[] = { WEIR__CLAIM_STREAM, WEIR__JOURNAL_STREAM };
    weir_store_options options = {
        .folder = folder, .must_exist = true, .read_only = true, .disk = weir__disk_system()
    };
    printer to = { .stream = NULL };
    weir_code rc = weir__store_open(&options, &to.store, err);

    if (rc != WEIR_OK)
        return rc;
    weir__buffer_init(&to.line, SIZE_MAX);
    weir__arena_init(&to.arena, 4096);
    for (size_t i = 0; i < sizeof streams / sizeof streams[0] && rc == WEIR_OK; i++) {
        to.stream = streams[i];
        rc = weir__store_log_scan(to.store, to.stream, take_entry, &to, err);
    }
    if (rc != WEIR_OK && !to.is_told)
        weir__store_error_context(to.store, err);
    /* What came before an entry that cannot be read is printed; that failure is the one to tell. */
    if (fflush(stdout) != 0 && rc == WEIR_OK)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    weir__arena_clear(&to.arena);
    weir__buffer_clear(&to.line);
    weir__store_close(to.store);
    return rc;
}

int weir__cli_journal(const char *program, int argc, char **argv)
{
    static const weir_option options[] = {
        { "state-dir", "DIR", "the folder of a local job's state" },
        { NULL, NULL, NULL },
    };
    weir_arguments arguments;
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 0, argc, argv, &err);

    if (rc == WEIR_OK && arguments.wants_help) {
        (void)printf("usage: %s journal (--state-dir DIR | --config FILE)\n\n"
                     "Prints the journal of a job, an entry a line: what runs have done outside, in\n"
                     "the order in which it became durable, and the claims of those who ran it. With\n"
                     "a configuration that has input.topics and kafka.bootstrap.servers it is read\n"
                     "from action-state.topic, a partition after the other; else from the state\n"
                     "folder.\n\n",
                     program);
        weir__options_print(options);
    } else if (rc == WEIR_OK) {
        const char *folder;

        if (weir__cli_means_kafka(&arguments)) {
            rc = weir__cli_look(&arguments, NULL, weir__cli_print_entries, NULL, &err);
        } else {
            rc = weir__arguments_state_folder(&arguments, &folder, &err);
            if (rc == WEIR_OK)
                rc = print_journal(folder, &err);
        }
    }
    weir__arguments_clear(&arguments);
    return weir__cli_looked(program, rc, &err);
}
