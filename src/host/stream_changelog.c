/* SPDX-License-Identifier: Apache-2.0 */
/* A task's store: opening it, judging whether it can be trusted, and bringing it up to the changelog's end. */
#include "host/stream_recovery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/big_endian.h"
#include "base/log.h"

enum { POLL_MS = 200, BATCH_BYTES = 4 << 20, PROGRESS_MS = 3000, PATH_BYTES = 4096 };

/* ---- the store --------------------------------------------------------------------------------------------------- */

/* Where the file stands: its tuple and its place in the changelog, and when it was last known to be at its end. */
static weir_code read_store(weir_recovery *recovery, int64_t *alive_ms, weir_error *err)
{
    bool found = false;
    weir_buffer text;
    weir_code rc;

    *alive_ms = 0;
    recovery->position = 0;
    weir__buffer_init(&text, SIZE_MAX);
    rc = weir__store_position(recovery->store, "tuple", &text, &found, err);
    recovery->has_state = rc == WEIR_OK && found &&
                          weir__tuple_parse(weir__buffer_bytes(&text), &recovery->arena, &recovery->state);
    if (rc == WEIR_OK)
        rc = weir__store_position(recovery->store, "changelog", &text, &found, err);
    if (rc == WEIR_OK && found && text.size == 16) {
        recovery->position = (int64_t)weir__get_64(text.data);
        *alive_ms = (int64_t)weir__get_64(text.data + 8);
    }
    weir__buffer_clear(&text);
    return rc;
}

static weir_code open_store(weir_recovery *recovery, weir_error *err)
{
    weir_stream *stream = recovery->stream;
    char folder[PATH_BYTES];
    const char *name = weir__config_text(stream->options->config, "job.name");
    weir_store_options options = {
        .folder = folder,
        .job = name ? name : stream->options->job->name,
        .vfs = stream->options->vfs,
        .disk = stream->disk,
        .is_copy = true,
    };

    if (snprintf(folder, sizeof folder, "%s/%" PRId32, stream->options->folder, recovery->task->at.partition) >=
        (int)sizeof folder)
        return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX, "state.dir has too long a name");
    return weir__store_open(&options, &recovery->store, err);
}

/* Throws the file away: all of it is in the changelog. */
static weir_code wipe(weir_recovery *recovery, const char *why, weir_error *err)
{
    static const char *const names[] = { "state.db", "state.db-wal", "state.db-shm", "floor" };
    char path[PATH_BYTES + 32];

    weir__log(WEIR__LOG_WARN, recovery->task->name, "its state is built anew from the changelog cause=\"%s\"", why);
    weir__store_close(recovery->store);
    recovery->store = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%" PRId32 "/%s", recovery->stream->options->folder,
                       recovery->task->at.partition, names[i]);
        if (unlink(path) != 0 && errno != ENOENT)
            return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot remove '%s'", path);
    }
    recovery->has_state = false;
    recovery->position = 0;
    return open_store(recovery, err);
}

/*
 * Whether what was deleted since may be gone from the changelog: half of the tombstones' life, as the topic has it now,
 * is left for clocks that differ, and for the reading itself.
 */
static weir_code find_age(weir_recovery *recovery, int64_t away_ms, bool *is_old, weir_error *err)
{
    char text[32] = "";
    weir_buffer value;
    weir_code rc;

    weir__buffer_init(&value, sizeof text - 1);
    rc = weir__recovery_ask_setting(recovery, recovery->stream->options->topics->changelog.name, "delete.retention.ms",
                                    &value, err);
    if (rc == WEIR_OK && value.size)
        memcpy(text, value.data, value.size);
    if (rc == WEIR_OK)
        *is_old = away_ms > strtoll(text, NULL, 10) / 2; /* no number: old */
    weir__buffer_clear(&value);
    return rc;
}

/* Opens the file, and says from where on the changelog must be read; one that cannot be trusted is thrown away. */
weir_code weir__recovery_prepare_store(weir_recovery *recovery, int64_t first, int64_t end, weir_error *err)
{
    weir_stream *stream = recovery->stream;
    int64_t alive_ms = 0, now_ms = weir__clock_wall_ms(stream->clock);
    const char *why = NULL;
    bool is_old = false;
    weir_code rc = open_store(recovery, err);

    if (rc == WEIR_IO && !(err->origin && strcmp(err->origin, WEIR__ORIGIN_LOCK) == 0)) {
        weir__log(WEIR__LOG_WARN, recovery->task->name, "%s", err->message);
        rc = wipe(recovery, "it cannot be read", err);
    }
    if (rc == WEIR_OK)
        rc = read_store(recovery, &alive_ms, err);
    if (rc == WEIR_OK && recovery->has_state && recovery->position < end)
        rc = find_age(recovery, now_ms - alive_ms, &is_old, err);
    if (rc != WEIR_OK)
        return rc;
    if (recovery->has_state && strcmp(recovery->state.changelog, stream->options->topics->changelog.id) != 0)
        why = "it is of another changelog";
    else if (recovery->has_state && recovery->position > end)
        why = "it is ahead of the changelog";
    else if (recovery->has_state && recovery->position < first)
        why = "the changelog begins behind it";
    else if (is_old)
        why = "it is old: what was deleted since may be gone from the changelog";
    else if (!recovery->has_state && recovery->position)
        why = "it does not say where it stands";
    if (why)
        rc = wipe(recovery, why, err);
    if (rc == WEIR_OK && recovery->position < first)
        recovery->position = first;
    return rc;
}

static weir_code set_positions(weir_recovery *recovery, weir_bytes tuple, weir_error *err)
{
    uint8_t place[16];
    weir_code rc = WEIR_OK;

    weir__put_64(place, (uint64_t)recovery->position);
    weir__put_64(place + 8, (uint64_t)weir__clock_wall_ms(recovery->stream->clock));
    if (tuple.data)
        rc = weir__store_set_position(recovery->store, "tuple", tuple, err);
    return rc == WEIR_OK ? weir__store_set_position(recovery->store, "changelog", weir__bytes(place, sizeof place), err)
                         : rc;
}

/* ---- the changelog ----------------------------------------------------------------------------------------------- */

static weir_code apply(weir_recovery *recovery, const weir_record *record, weir_buffer *tuple, weir_error *err)
{
    weir_change change = { .value = record->value };

    if (!record->key.data || !weir__change_key_parse(record->key, &change.key))
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "topic '%s', partition %" PRId32 ", offset %" PRId64 ": no record of a changelog of weir",
                          recovery->stream->options->topics->changelog.name, record->partition, record->offset);
    if (change.key.kind != WEIR__CHANGE_TUPLE)
        return weir__change_store(&change, recovery->store, err);
    weir__buffer_reset(tuple);
    if (weir__buffer_add(tuple, record->value.data, record->value.size) != WEIR_OK)
        return weir__fail_memory(err, "a tuple");
    return WEIR_OK;
}

/* Reads until the end is at or beyond the high watermark: the log may end in what is not given. */
weir_code weir__recovery_read_changelog(weir_recovery *recovery, int64_t end, weir_error *err)
{
    const weir_topic_name *topic = &recovery->stream->options->topics->changelog;
    weir_reader_options options = { .cluster = recovery->stream->options->cluster, .is_brief = true };
    weir_record *records = calloc(WEIR__BATCH, sizeof *records);
    int64_t began_ms = weir__clock_monotonic_ms(recovery->stream->clock), told_ms = began_ms;
    int64_t first = recovery->position;
    bool is_over = recovery->position >= end, is_told = false;
    weir_reader *reader = NULL;
    size_t bytes = 0, count;
    weir_buffer tuple;
    weir_code rc = records ? WEIR_OK : weir__fail_memory(err, "recovery");

    weir__buffer_init(&tuple, SIZE_MAX);
    atomic_store(&recovery->total, end - first);
    if (rc == WEIR_OK && !is_over)
        rc = weir__reader_open(&options, &reader, err);
    if (rc == WEIR_OK && !is_over)
        rc = weir__reader_add(reader, topic->name, recovery->task->at.partition, recovery->position, 0, err);
    while (rc == WEIR_OK && !is_over && !weir__recovery_is_cancelled(recovery)) {
        int64_t now_ms;

        rc = weir__reader_poll(reader, POLL_MS, records, WEIR__BATCH, &count, err);
        if (rc == WEIR_UNREACHABLE)
            rc = WEIR_OK;
        for (size_t i = 0; i < count && rc == WEIR_OK; i++) {
            if (records[i].is_end) {
                recovery->position = records[i].offset;
                is_over = records[i].offset >= end;
                continue;
            }
            rc = apply(recovery, &records[i], &tuple, err);
            recovery->position = records[i].offset + 1;
            bytes += records[i].key.size + records[i].value.size + 64;
        }
        weir__reader_done(reader);
        atomic_store(&recovery->done, recovery->position - first);
        now_ms = weir__clock_monotonic_ms(recovery->stream->clock);
        if (rc == WEIR_OK && (bytes >= BATCH_BYTES || is_over) && tuple.size) {
            rc = set_positions(recovery, weir__buffer_bytes(&tuple), err);
            if (rc == WEIR_OK)
                rc = weir__store_commit(recovery->store, err);
            bytes = 0;
        }
        if (now_ms - told_ms >= PROGRESS_MS && !is_over) {
            told_ms = now_ms;
            weir__log(WEIR__LOG_INFO, recovery->task->name, "restoring from the changelog done=%" PRId64 " of=%" PRId64
                      " seconds=%" PRId64, recovery->position - first, end - first, (now_ms - began_ms) / 1000);
            if (!count && !is_told) {
                is_told = true;
                weir__log(WEIR__LOG_WARN, recovery->task->name,
                          "a transaction of another is open in the changelog, waiting until the broker ends it "
                          "position=%" PRId64 " end=%" PRId64, recovery->position, end);
            }
        }
    }
    if (rc == WEIR_OK && tuple.size)
        recovery->has_state = weir__tuple_parse(weir__buffer_bytes(&tuple), &recovery->arena, &recovery->state);
    if (rc == WEIR_OK && !weir__recovery_is_cancelled(recovery)) {
        rc = set_positions(recovery, (weir_bytes){ NULL, 0 }, err);
        if (rc == WEIR_OK)
            rc = weir__store_commit(recovery->store, err);
    }
    weir__reader_close(reader);
    weir__buffer_clear(&tuple);
    free(records);
    return rc;
}

