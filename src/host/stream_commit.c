/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commit thread of a stream: one cut at a time becomes one Kafka transaction, and then, once that is known to be
 * committed, one SQLite transaction in each task's store.
 *
 *     IDLE ──cut──▶ OPEN ──all sent──▶ COMMITTING ──known──▶ STORING ──▶ IDLE
 *      ▲             │                  │    └──no answer──▶ UNKNOWN ──read back──▶ STORING, or IDLE: again
 *      └───undone── ABORTING ◀─refused──┘                        any ──fenced──▶ UNKNOWN, with another id
 *
 *   OPEN        records and offsets are on their way; nothing of it can be seen
 *   COMMITTING  whether the broker has committed is not known until it answers
 *   UNKNOWN     the producer is gone; only after init_transactions with the same id can nothing of it land any more,
 *               and then the commit numbers that the group has say whether it did
 *   ABORTING    this transaction will never be visible; its parts are kept, to be sent again
 *   STORING     it is visible; the stores follow
 *
 * The transaction is begun, filled and ended in one go: none is ever open while the loop runs a call.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/big_endian.h"
#include "base/breakage.h"
#include "base/log.h"
#include "base/uuid.h"
#include "host/stream_internal.h"

enum { INIT_MS = 5000, PAUSE_MS = 100, PAUSE_MOST_MS = 2000, PATH_BYTES = 4096, STOP_TRIES = 4 };

struct weir_stream_committer {
    weir_task job; /* first: cast back */
    weir_post post;
    weir_stream *stream;
    weir_executor executor;
    weir_pool *pool;
    char id[WEIR__TUPLE_OWNER_SIZE];
    weir_producer *producer; /* NULL: none is open and initialized */
    const weir_stream_cut *cut;
    weir_commit_offset *offsets; /* as many as there are tasks */
    weir_buffer *metadata;
    int64_t *ends;               /* of the changelog, by task of the cut */
    weir_buffer key, tuple;
    int64_t begun_wall_ms;       /* the cut: when it is known to be committed, others may have been for long */
    weir_txn failed;             /* what a record could not be added with */
    weir_cut_outcome outcome;
    weir_error error;
};

/* ---- the producer ------------------------------------------------------------------------------------------------ */

static bool is_stopping(const weir_stream_committer *committer)
{
    return atomic_load(committer->stream->options->is_stopping);
}

static void pause_before(weir_stream_committer *committer, unsigned tries, const char *what, const weir_error *err)
{
    int64_t pause_ms = PAUSE_MS << (tries < 5 ? tries : 5);

    if (tries == 1 || tries % 8 == 7)
        weir__log(WEIR__LOG_WARN, committer->stream->name, "%s, trying again: %s", what, err->message);
    weir__stream_pause(committer->stream, pause_ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : pause_ms);
}

/* The id is kept in the state folder, so that the next life ends what this one leaves hanging. */
static weir_code write_id(weir_stream_committer *committer, weir_error *err)
{
    weir_stream *stream = committer->stream;
    const weir_disk *disk = stream->disk;
    char path[PATH_BYTES], made[PATH_BYTES];
    int fd;
    bool is_good;

    (void)snprintf(path, sizeof path, "%s/owner-%zu", stream->options->folder, stream->options->index);
    (void)snprintf(made, sizeof made, "%s/owner-%zu.new", stream->options->folder, stream->options->index);
    fd = disk->open(disk->context, made, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    is_good = fd >= 0 && weir__disk_write_all(disk, fd, committer->id, strlen(committer->id)) == 0 &&
              disk->fdatasync(disk->context, fd) == 0;
    if (fd >= 0)
        is_good &= disk->close(disk->context, fd) == 0;
    if (!is_good || disk->rename(disk->context, made, path) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot write '%s'", path);
    return WEIR_OK;
}

static weir_code mint_id(weir_stream_committer *committer, weir_error *err)
{
    char random[WEIR__UUID_TEXT];

    weir__uuid_random(random);
    (void)snprintf(committer->id, sizeof committer->id, "%.150s-%zu-%.36s",
                   weir__cluster_group(committer->stream->options->cluster), committer->stream->options->index, random);
    return write_id(committer, err);
}

static weir_code read_id(weir_stream_committer *committer, weir_error *err)
{
    weir_stream *stream = committer->stream;
    const weir_disk *disk = stream->disk;
    char path[PATH_BYTES];
    ssize_t size = 0;
    int fd;

    (void)snprintf(path, sizeof path, "%s/owner-%zu", stream->options->folder, stream->options->index);
    fd = disk->open(disk->context, path, O_RDONLY, 0);
    if (fd >= 0) {
        size = weir__disk_read_full(disk, fd, committer->id, sizeof committer->id - 1);
        (void)disk->close(disk->context, fd); /* only read from */
    } else if (errno != ENOENT) {
        return weir__fail_errno(err, errno, WEIR_REMEDY_STOP, "cannot read '%s'", path);
    }
    committer->id[size > 0 ? size : 0] = '\0';
    return size > 0 ? WEIR_OK : mint_id(committer, err);
}

/* Until there is one that is initialized: from then on nothing of an earlier one with this id can land any more. */
static weir_txn need_producer(weir_stream_committer *committer, weir_error *err)
{
    weir_txn txn = WEIR__TXN_OK;
    unsigned tries = 0;

    while (!committer->producer) {
        weir_producer *producer;

        if (weir__producer_open(committer->stream->options->cluster, committer->id, &producer, err) != WEIR_OK)
            return WEIR__TXN_FAILED;
        txn = weir__producer_init(producer, INIT_MS, err);
        if (txn == WEIR__TXN_OK) {
            committer->producer = producer;
            return txn;
        }
        weir__producer_close(producer);
        if (txn == WEIR__TXN_FAILED)
            return txn;
        if (txn == WEIR__TXN_FENCED && mint_id(committer, err) != WEIR_OK)
            return WEIR__TXN_FAILED;
        if (is_stopping(committer) && tries >= STOP_TRIES)
            return WEIR__TXN_UNKNOWN;
        pause_before(committer, tries++, "the broker does not let the producer begin", err);
    }
    return txn;
}

static void drop_producer(weir_stream_committer *committer)
{
    weir__producer_close(committer->producer);
    committer->producer = NULL;
}

/* ---- filling the transaction ------------------------------------------------------------------------------------- */

typedef struct sending {
    weir_stream_committer *committer;
    const weir_stream_task *task;
    int64_t *end;
} sending;

static weir_code add(weir_stream_committer *committer, const weir_produce *record, weir_error *err)
{
    committer->failed = weir__producer_add(committer->producer, record, err);
    return committer->failed == WEIR__TXN_OK ? WEIR_OK : err->code ? err->code : WEIR_UNREACHABLE;
}

static weir_code send_record(void *context, weir_part_topic topic, weir_produce *record, weir_error *err)
{
    sending *now = context;
    const weir_stream_topics *topics = now->committer->stream->options->topics;

    switch (topic) {
    case WEIR__TO_OUTPUT:
        record->topic = topics->output.name;
        break;
    case WEIR__TO_DEAD_LETTERS:
        record->topic = topics->dead_letters.name;
        break;
    case WEIR__TO_REPARTITION:
        record->topic = topics->read[topics->read_count - 1].name;
        break;
    }
    return add(now->committer, record, err);
}

static weir_code send_to_changelog(sending *now, const weir_change_key *key, weir_bytes value, weir_error *err)
{
    weir_stream_committer *committer = now->committer;
    weir_produce record = {
        .topic = committer->stream->options->topics->changelog.name,
        .partition = now->task->at.partition,
        .timestamp_ms = -1,
        .value = value,
        .end_offset = now->end,
    };

    if (weir__change_key_print(key, &committer->key) != WEIR_OK)
        return weir__fail_memory(err, "a change");
    record.key = weir__buffer_bytes(&committer->key);
    return add(committer, &record, err);
}

static weir_code send_change(void *context, const weir_change *change, weir_error *err)
{
    return send_to_changelog(context, &change->key, change->value, err);
}

static weir_txn send_part(weir_stream_committer *committer, size_t at, weir_error *err)
{
    const weir_stream_task *task = committer->cut->tasks[at];
    const weir_part *part = &task->parts[committer->cut->which];
    sending now = { committer, task, &committer->ends[at] };
    weir_code rc;

    committer->failed = WEIR__TXN_OK;
    *now.end = -1;
    rc = weir__part_records(part, send_record, &now, err);
    if (rc == WEIR_OK && !task->is_forward)
        rc = weir__part_changes(part, send_change, &now, err);
    if (rc == WEIR_OK && !task->is_forward) {
        weir_change_key key = { .kind = WEIR__CHANGE_TUPLE };

        weir__buffer_reset(&committer->tuple);
        rc = weir__tuple_print(&part->tuple, true, &committer->tuple);
        if (rc == WEIR_OK)
            rc = send_to_changelog(&now, &key, weir__buffer_bytes(&committer->tuple), err);
        else
            rc = weir__fail_memory(err, "a tuple");
    }
    if (rc != WEIR_OK && committer->failed == WEIR__TXN_OK)
        committer->failed = WEIR__TXN_FAILED;
    return committer->failed;
}

static weir_txn send_offsets(weir_stream_committer *committer, weir_error *err)
{
    const weir_stream_cut *cut = committer->cut;
    weir_stream *stream = committer->stream;
    weir_group_member *member;
    weir_txn txn;

    for (size_t i = 0; i < cut->count; i++) {
        const weir_stream_task *task = cut->tasks[i];
        const weir_tuple *tuple = &task->parts[cut->which].tuple;

        weir__buffer_reset(&committer->metadata[i]);
        if (weir__tuple_print(tuple, false, &committer->metadata[i]) != WEIR_OK) {
            (void)weir__fail_memory(err, "a tuple");
            return WEIR__TXN_FAILED;
        }
        committer->offsets[i] = (weir_commit_offset){
            .topic = stream->options->topics->read[task->at.topic].name,
            .partition = task->at.partition,
            .offset = tuple->offset,
            .metadata = weir__buffer_bytes(&committer->metadata[i]),
        };
    }
    member = weir__consumer_member(stream->consumer);
    if (!member || (weir__consumer_rebalances(stream->consumer) != cut->rebalances &&
                    !weir__is_broken(WEIR__BREAK_STALE_MEMBER))) {
        weir__group_member_free(member);
        (void)weir__fail(err, WEIR_FENCED, WEIR_REMEDY_ABORT, "the group rebalances");
        return WEIR__TXN_REFUSED;
    }
    txn = weir__producer_offsets(committer->producer, committer->offsets, cut->count, member, err);
    weir__group_member_free(member);
    return txn;
}

/* All but the end of it: until then nothing of it can be seen, whatever happens. */
static weir_txn fill(weir_stream_committer *committer, weir_error *err)
{
    weir_txn txn = need_producer(committer, err);

    if (txn == WEIR__TXN_OK)
        txn = weir__producer_begin(committer->producer, err);
    for (size_t i = 0; i < committer->cut->count && txn == WEIR__TXN_OK; i++)
        txn = send_part(committer, i, err);
    if (txn == WEIR__TXN_OK)
        txn = weir__producer_flush(committer->producer, err);
    return txn == WEIR__TXN_OK ? send_offsets(committer, err) : txn;
}

/* ---- the stores -------------------------------------------------------------------------------------------------- */

static weir_code store_change(void *context, const weir_change *change, weir_error *err)
{
    return weir__change_store(change, context, err);
}

/* What the broker is known to have committed, in the order in which it was, each once. */
static weir_code store_part(weir_stream_committer *committer, size_t at, weir_error *err)
{
    weir_stream_task *task = committer->cut->tasks[at];
    const weir_part *part = &task->parts[committer->cut->which];
    uint8_t place[16];
    weir_code rc;

    if (task->is_forward)
        return WEIR_OK;
    if (part->tuple.commit != task->stored_commit + 1)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "state of partition %" PRId32 " is at commit %" PRId64 ", and %" PRId64 " would follow",
                          task->at.partition, task->stored_commit, part->tuple.commit);
    weir__put_64(place, (uint64_t)committer->ends[at]);
    weir__put_64(place + 8, (uint64_t)committer->begun_wall_ms);
    weir__buffer_reset(&committer->tuple);
    rc = weir__part_changes(part, store_change, task->store, err);
    if (rc == WEIR_OK && weir__tuple_print(&part->tuple, true, &committer->tuple) != WEIR_OK)
        rc = weir__fail_memory(err, "a tuple");
    if (rc == WEIR_OK)
        rc = weir__store_set_position(task->store, "tuple", weir__buffer_bytes(&committer->tuple), err);
    if (rc == WEIR_OK && committer->ends[at] >= 0) /* else it is read from the changelog again: the same */
        rc = weir__store_set_position(task->store, "changelog", weir__bytes(place, sizeof place), err);
    if (rc == WEIR_OK)
        rc = weir__store_commit(task->store, err);
    if (rc == WEIR_OK)
        task->stored_commit = part->tuple.commit;
    else
        weir__store_error_context(task->store, err);
    return rc;
}

static void store_all(weir_stream_committer *committer)
{
    committer->outcome = WEIR__CUT_COMMITTED;
    for (size_t i = 0; i < committer->cut->count; i++) {
        if (store_part(committer, i, &committer->error) != WEIR_OK) {
            committer->outcome = WEIR__CUT_FAILED;
            return;
        }
    }
}

/* ---- what is not known ------------------------------------------------------------------------------------------- */

typedef enum verdict { IS_COMMITTED, IS_NOT, IS_ANOTHERS, IS_UNKNOWN } verdict;

/* What the group says of one task of the cut. */
static verdict read_back_one(weir_stream_committer *committer, const weir_stream_task *task, weir_error *err)
{
    const weir_stream_options *options = committer->stream->options;
    const weir_tuple *tuple = &task->parts[committer->cut->which].tuple;
    weir_tuple there;
    weir_buffer metadata;
    weir_arena arena;
    verdict says = IS_UNKNOWN;
    unsigned tries = 0;
    int64_t offset;
    bool found;

    weir__buffer_init(&metadata, 1 << 20);
    weir__arena_init(&arena, 4096);
    for (;;) {
        weir_code rc = weir__cluster_committed(options->cluster, options->topics->read[task->at.topic].name,
                                               task->at.partition, &found, &offset, &metadata, err);

        if (rc == WEIR_OK)
            break;
        if (rc != WEIR_UNREACHABLE || (is_stopping(committer) && tries >= STOP_TRIES))
            goto out;
        pause_before(committer, tries++, "the group's coordinator does not answer", err);
    }
    if (!found)
        says = tuple->commit == 1 ? IS_NOT : IS_ANOTHERS; /* it was there at the commit before */
    else if (!weir__tuple_parse(weir__buffer_bytes(&metadata), &arena, &there))
        says = tuple->commit == 1 ? IS_NOT : IS_ANOTHERS;
    else if (there.commit == tuple->commit && there.epoch == tuple->epoch && strcmp(there.owner, tuple->owner) == 0)
        says = IS_COMMITTED;
    else if (there.commit == tuple->commit - 1)
        says = IS_NOT;
    else
        says = IS_ANOTHERS;
out:
    weir__arena_clear(&arena);
    weir__buffer_clear(&metadata);
    return says;
}

/* All tasks of a transaction share its fate, so one that nobody else has taken since tells it. */
static verdict read_back(weir_stream_committer *committer, weir_error *err)
{
    verdict all = IS_ANOTHERS;

    for (size_t i = 0; i < committer->cut->count; i++) {
        verdict says = read_back_one(committer, committer->cut->tasks[i], err);

        if (says != IS_ANOTHERS)
            return says;
    }
    return all;
}

/* The end was asked for, and no answer came: ends it for good, and looks. */
static void find_out(weir_stream_committer *committer, bool is_fenced)
{
    weir_error *err = &committer->error, why = *err;
    weir_txn txn;

    weir__log(WEIR__LOG_WARN, committer->stream->name,
              "no answer to a commit, finding out what became of it cut=%" PRIu64 " cause=\"%s\"",
              committer->cut->number, err->message);
    if (weir__is_broken(WEIR__BREAK_NO_READ_BACK)) {
        store_all(committer);
        return;
    }
    if (weir__is_broken(WEIR__BREAK_UNKNOWN_IS_ABORT)) {
        drop_producer(committer);
        committer->outcome = WEIR__CUT_AGAIN;
        return;
    }
    if (!weir__is_broken(WEIR__BREAK_KEEP_PRODUCER)) {
        drop_producer(committer);
        if (is_fenced && mint_id(committer, err) != WEIR_OK) {
            committer->outcome = WEIR__CUT_FAILED;
            return;
        }
        txn = need_producer(committer, err);
        if (txn != WEIR__TXN_OK) {
            committer->outcome = txn == WEIR__TXN_FAILED ? WEIR__CUT_FAILED : WEIR__CUT_STOPPED;
            return;
        }
    }
    switch (read_back(committer, err)) {
    case IS_COMMITTED:
        weir__log(WEIR__LOG_INFO, committer->stream->name, "it was committed cut=%" PRIu64, committer->cut->number);
        store_all(committer);
        return;
    case IS_NOT:
        weir__log(WEIR__LOG_INFO, committer->stream->name, "it was not committed cut=%" PRIu64, committer->cut->number);
        *err = why;
        committer->outcome = is_fenced ? WEIR__CUT_TAKEN : WEIR__CUT_AGAIN;
        return;
    case IS_ANOTHERS:
        (void)weir__fail(err, WEIR_FENCED, WEIR_REMEDY_ABORT, "another has committed since");
        committer->outcome = WEIR__CUT_TAKEN;
        return;
    case IS_UNKNOWN:
        committer->outcome = is_stopping(committer) ? WEIR__CUT_STOPPED : WEIR__CUT_FAILED;
        return;
    }
}

/* ---- one cut ----------------------------------------------------------------------------------------------------- */

/* Nothing of it can have been seen: it is undone, and may be sent again. */
static void undo(weir_stream_committer *committer, weir_txn txn)
{
    weir_error err;

    switch (txn) {
    case WEIR__TXN_OK:
    case WEIR__TXN_REFUSED:
        committer->outcome = WEIR__CUT_AGAIN;
        if (weir__producer_abort(committer->producer, &err) != WEIR__TXN_OK)
            drop_producer(committer);
        return;
    case WEIR__TXN_UNKNOWN:
        committer->outcome = !committer->producer && is_stopping(committer) ? WEIR__CUT_STOPPED : WEIR__CUT_AGAIN;
        drop_producer(committer);
        return;
    case WEIR__TXN_FENCED:
        committer->outcome = mint_id(committer, &err) == WEIR_OK ? WEIR__CUT_TAKEN : WEIR__CUT_FAILED;
        drop_producer(committer);
        return;
    case WEIR__TXN_FAILED:
        committer->outcome = WEIR__CUT_FAILED;
        drop_producer(committer);
        return;
    }
}

static void work(weir_task *job)
{
    weir_stream_committer *committer = (weir_stream_committer *)job;
    weir_error *err = &committer->error;
    weir_txn txn;

    memset(err, 0, sizeof *err);
    committer->begun_wall_ms = weir__clock_wall_ms(committer->stream->clock);
    if (weir__is_broken(WEIR__BREAK_STORE_FIRST))
        store_all(committer);
    txn = fill(committer, err);
    if (txn != WEIR__TXN_OK) {
        undo(committer, txn);
    } else {
        txn = weir__producer_commit(committer->producer, err);
        switch (txn) {
        case WEIR__TXN_OK:
            if (!weir__is_broken(WEIR__BREAK_STORE_FIRST))
                store_all(committer);
            else
                committer->outcome = WEIR__CUT_COMMITTED;
            break;
        case WEIR__TXN_REFUSED:
            undo(committer, txn);
            break;
        case WEIR__TXN_UNKNOWN:
        case WEIR__TXN_FENCED:
        case WEIR__TXN_FAILED:
            find_out(committer, txn == WEIR__TXN_FENCED);
            if (txn == WEIR__TXN_FAILED && committer->outcome == WEIR__CUT_AGAIN)
                committer->outcome = WEIR__CUT_FAILED; /* nor will it ever be */
            break;
        }
    }
    weir__engine_post(committer->stream->engine, &committer->post);
}

static void on_loop(weir_post *post)
{
    weir_stream_committer *committer =
        (weir_stream_committer *)((char *)post - offsetof(weir_stream_committer, post));

    weir__stream_cut_is_known(committer->stream, committer->outcome, &committer->error);
}

static void begin(weir_task *job)
{
    weir_stream_committer *committer = (weir_stream_committer *)job;
    weir_error err;

    (void)need_producer(committer, &err); /* what it failed with, the first cut meets again */
    weir__engine_post(committer->stream->engine, &committer->post);
}

static void has_begun(weir_post *post)
{
    weir_stream_committer *committer =
        (weir_stream_committer *)((char *)post - offsetof(weir_stream_committer, post));

    committer->stream->is_beginning = false;
    committer->job.run = work;
    committer->post.fn = on_loop;
}

void weir__stream_committer_begin(weir_stream_committer *committer)
{
    committer->stream->is_beginning = true;
    committer->job.run = begin;
    committer->post.fn = has_begun;
    committer->executor.submit(committer->executor.context, &committer->job);
}

void weir__stream_committer_mend(weir_stream_committer *committer)
{
    if (!committer->producer && !committer->stream->is_beginning)
        weir__stream_committer_begin(committer);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

weir_code weir__stream_committer_new(weir_stream *stream, weir_stream_committer **out, weir_error *err)
{
    weir_stream_committer *committer = calloc(1, sizeof *committer);
    size_t count = stream->task_count + 1;
    weir_code rc = WEIR_OK;

    if (!committer)
        return weir__fail_memory(err, "the commit thread");
    committer->stream = stream;
    committer->job.run = work;
    committer->post.fn = on_loop;
    weir__buffer_init(&committer->key, SIZE_MAX);
    weir__buffer_init(&committer->tuple, SIZE_MAX);
    committer->offsets = calloc(count, sizeof *committer->offsets);
    committer->metadata = calloc(count, sizeof *committer->metadata);
    committer->ends = calloc(count, sizeof *committer->ends);
    if (!committer->offsets || !committer->metadata || !committer->ends)
        rc = weir__fail_memory(err, "the commit thread");
    for (size_t i = 0; i < count && rc == WEIR_OK; i++)
        weir__buffer_init(&committer->metadata[i], 4000);
    if (rc == WEIR_OK)
        rc = read_id(committer, err);
    if (rc == WEIR_OK && stream->options->commits)
        committer->executor = *stream->options->commits;
    else if (rc == WEIR_OK)
        rc = weir__pool_new(1, "weir-commit", &committer->executor, &committer->pool, err);
    if (rc != WEIR_OK) {
        weir__stream_committer_free(committer);
        return rc;
    }
    *out = committer;
    return WEIR_OK;
}

void weir__stream_committer_free(weir_stream_committer *committer)
{
    if (!committer)
        return;
    weir__pool_free(committer->pool, true);
    drop_producer(committer);
    for (size_t i = 0; committer->metadata && i <= committer->stream->task_count; i++)
        weir__buffer_clear(&committer->metadata[i]);
    free(committer->offsets);
    free(committer->metadata);
    free(committer->ends);
    weir__buffer_clear(&committer->key);
    weir__buffer_clear(&committer->tuple);
    free(committer);
}

void weir__stream_committer_submit(weir_stream_committer *committer, const weir_stream_cut *cut)
{
    committer->cut = cut;
    committer->executor.submit(committer->executor.context, &committer->job);
}

const char *weir__stream_committer_id(const weir_stream_committer *committer)
{
    return committer->id;
}
