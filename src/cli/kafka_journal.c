/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of an action-state topic as JSON. */
#include "cli/kafka_journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "journal/entry.h"
#ifdef HAVE_RDKAFKA
#include "host/kafka_look.h"
#endif

#ifdef HAVE_RDKAFKA

typedef struct printer {
    const char *topic;
    weir_buffer line;
    weir_arena arena;
} printer;

static weir_code take_record(void *context, const weir_record *record, weir_error *err)
{
    printer *to = context;
    char tail[80];
    weir_entry *entry;
    weir_code rc;

    weir__arena_reset(&to->arena);
    weir__buffer_reset(&to->line);
    rc = weir__entry_open(record->value, &to->arena, &entry, err);
    if (rc == WEIR_OK)
        rc = weir__entry_print(entry, &to->line, err);
    if (rc != WEIR_OK) {
        weir__error_context(err, "topic '%.100s', partition %" PRId32 ", offset %" PRId64, to->topic,
                            record->partition, record->offset);
        return rc;
    }
    to->line.size--; /* its brace */
    (void)snprintf(tail, sizeof tail, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 "}\n", record->partition,
                   record->offset); /* it fits */
    if (weir__buffer_add_text(&to->line, tail) != WEIR_OK)
        return weir__fail_memory(err, "a line");
    if (fwrite(to->line.data, 1, to->line.size, stdout) != to->line.size)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    return WEIR_OK;
}

weir_code weir__cli_print_entries(weir_kafka_look *look, void *context, weir_error *err)
{
    printer to = { .topic = weir__kafka_look_journal(look) };
    weir_code rc = WEIR_OK;

    (void)context;
    if (!to.topic)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                          "job '%.80s' has no journal: action-state.topic names none, or one that is not there",
                          weir__kafka_look_job(look));
    weir__buffer_init(&to.line, SIZE_MAX);
    weir__arena_init(&to.arena, 4096);
    for (int32_t i = 0; i < weir__kafka_look_partitions(look) && rc == WEIR_OK; i++)
        rc = weir__kafka_look_entries(look, i, 0, take_record, &to, NULL, err);
    /* What came before an entry that cannot be read is printed; that failure is the one to tell. */
    if (fflush(stdout) != 0 && rc == WEIR_OK)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write to stdout");
    weir__arena_clear(&to.arena);
    weir__buffer_clear(&to.line);
    return rc;
}

#else

weir_code weir__cli_print_entries(weir_kafka_look *look, void *context, weir_error *err)
{
    (void)look;
    (void)context;
    return weir__cli_fail_without_kafka(err);
}

#endif
