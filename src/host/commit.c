/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts and commits. A cut's writes lie in one buffer, so that the loop's thread only copies bytes:
 *
 *   write := kind (1 byte) field field [number field]
 *   kind  := 'P' put key path, value follows · 'D' delete key path ·
 *            'L' log put stream owner, number and record follow · 'X' log delete stream owner
 *   field := size (4 bytes, native) bytes;  number := 8 bytes, native
 */
#include "host/commit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/breakage.h"

void weir__cut_init(weir_cut *cut)
{
    memset(cut, 0, sizeof *cut);
    weir__buffer_init(&cut->outputs, SIZE_MAX);
    weir__buffer_init(&cut->dead, SIZE_MAX);
    weir__buffer_init(&cut->writes, SIZE_MAX);
}

void weir__cut_clear(weir_cut *cut)
{
    weir__buffer_clear(&cut->outputs);
    weir__buffer_clear(&cut->dead);
    weir__buffer_clear(&cut->writes);
}

void weir__cut_reset(weir_cut *cut)
{
    weir__buffer_reset(&cut->outputs);
    weir__buffer_reset(&cut->dead);
    weir__buffer_reset(&cut->writes);
}

size_t weir__cut_bytes(const weir_cut *cut)
{
    return cut->outputs.size + cut->dead.size + cut->writes.size;
}

static weir_code add_field(weir_buffer *out, weir_bytes bytes)
{
    uint32_t size = (uint32_t)bytes.size;
    weir_code rc = bytes.size > UINT32_MAX ? WEIR_LIMIT : weir__buffer_add(out, &size, sizeof size);

    return rc == WEIR_OK ? weir__buffer_add(out, bytes.data, bytes.size) : rc;
}

static weir_code add_write(weir_buffer *out, uint8_t kind, weir_bytes first, weir_bytes second)
{
    weir_code rc = weir__buffer_add_byte(out, kind);

    if (rc == WEIR_OK)
        rc = add_field(out, first);
    return rc == WEIR_OK ? add_field(out, second) : rc;
}

weir_code weir__cut_put(weir_cut *cut, weir_bytes key, weir_bytes path, weir_bytes value)
{
    weir_code rc = add_write(&cut->writes, 'P', key, path);

    return rc == WEIR_OK ? add_field(&cut->writes, value) : rc;
}

weir_code weir__cut_delete(weir_cut *cut, weir_bytes key, weir_bytes path)
{
    return add_write(&cut->writes, 'D', key, path);
}

static weir_code add_record(weir_buffer *out, const char *stream, weir_bytes owner, int64_t number, weir_bytes record)
{
    /* The stream's NUL goes along, so that it can be read back as a string. */
    weir_code rc = add_write(out, 'L', weir__bytes(stream, strlen(stream) + 1), owner);

    if (rc == WEIR_OK)
        rc = weir__buffer_add(out, &number, sizeof number);
    return rc == WEIR_OK ? add_field(out, record) : rc;
}

weir_code weir__cut_log_put(weir_cut *cut, const char *stream, weir_bytes owner, int64_t number, weir_bytes record)
{
    return add_record(&cut->writes, stream, owner, number, record);
}

weir_code weir__cut_log_delete(weir_cut *cut, const char *stream, weir_bytes owner)
{
    return add_write(&cut->writes, 'X', weir__bytes(stream, strlen(stream) + 1), owner);
}

/* ---- committing -------------------------------------------------------------------------------------------------- */

static weir_bytes take_field(const uint8_t **at)
{
    uint32_t size;
    weir_bytes bytes;

    memcpy(&size, *at, sizeof size);
    bytes = weir__bytes(*at + sizeof size, size);
    *at += sizeof size + size;
    return bytes;
}

static weir_code write_all(const weir_buffer *writes, weir_store *store, weir_error *err)
{
    const uint8_t *at = writes->data, *end = writes->data + writes->size;
    weir_code rc = WEIR_OK;

    while (rc == WEIR_OK && at < end) {
        uint8_t kind = *at++;
        weir_bytes first = take_field(&at);
        weir_bytes second = take_field(&at);
        int64_t number;

        switch (kind) {
        case 'P':
            rc = weir__store_put(store, first, second, take_field(&at), err);
            break;
        case 'D':
            rc = weir__store_delete(store, first, second, err);
            break;
        case 'L':
            memcpy(&number, at, sizeof number);
            at += sizeof number;
            rc = weir__store_log_put(store, (const char *)first.data, second, number, take_field(&at), err);
            break;
        case 'X':
            rc = weir__store_log_delete(store, (const char *)first.data, second, err);
            break;
        }
    }
    return rc;
}

static weir_code set_position(weir_store *store, const char *name, weir_code printed, const weir_buffer *text,
                              weir_error *err)
{
    if (printed != WEIR_OK)
        return weir__fail_memory(err, "a position");
    return weir__store_set_position(store, name, weir__buffer_bytes(text), err);
}

static weir_code set_positions(const weir_cut *cut, weir_store *store, const weir_sink *output, const weir_sink *dead,
                               weir_error *err)
{
    weir_buffer text;
    weir_code rc;

    weir__buffer_init(&text, 4096);
    rc = set_position(store, "input", weir__source_mark_print(&cut->mark, &text), &text, err);
    weir__buffer_reset(&text);
    if (rc == WEIR_OK)
        rc = set_position(store, "place", weir__source_place_print(&cut->place, &text), &text, err);
    weir__buffer_reset(&text);
    if (rc == WEIR_OK)
        rc = set_position(store, "output", weir__sink_mark_print(&output->mark, &text), &text, err);
    weir__buffer_reset(&text);
    if (rc == WEIR_OK && dead)
        rc = set_position(store, "dead-letters", weir__sink_mark_print(&dead->mark, &text), &text, err);
    weir__buffer_clear(&text);
    return rc;
}

/* What goes into the store. */
static weir_code commit_state(weir_cut *cut, weir_store *store, const weir_sink *output, const weir_sink *dead,
                              weir_error *err)
{
    weir_code rc = write_all(&cut->writes, store, err);

    if (rc == WEIR_OK)
        rc = set_positions(cut, store, output, dead, err);
    if (rc == WEIR_OK)
        rc = weir__store_commit(store, err);
    if (rc != WEIR_OK)
        weir__store_error_context(store, err);
    return rc;
}

weir_code weir__cut_commit(weir_cut *cut, weir_store *store, weir_sink *output, weir_sink *dead, weir_error *err)
{
    weir_code rc = weir__sink_append(output, weir__buffer_bytes(&cut->outputs), err);

    if (rc == WEIR_OK && cut->outputs.size && !weir__is_broken(WEIR__BREAK_COMMIT_BEFORE_SYNC))
        rc = weir__sink_sync(output, err);
    if (rc == WEIR_OK && dead)
        rc = weir__sink_append(dead, weir__buffer_bytes(&cut->dead), err);
    if (rc == WEIR_OK && dead && cut->dead.size)
        rc = weir__sink_sync(dead, err);
    return rc == WEIR_OK ? commit_state(cut, store, output, dead, err) : rc;
}

/* ---- the committer ----------------------------------------------------------------------------------------------- */

/* Records that gather while the one before is made durable. */
typedef struct batch {
    weir_buffer writes;
    weir_ticket *tickets, **tail;
    bool is_used; /* it holds something */
} batch;

struct weir_committer {
    weir_task task; /* first: cast back */
    weir_post post;
    weir_committer_options options;
    weir_executor executor;
    weir_pool *pool; /* its own; NULL: the executor is the host's */
    bool has_appended; /* the loop's: something waits for weir__committer_flush() */
    pthread_mutex_t lock;
    batch batches[2];
    batch *filling;   /* lock: lock; the other one is the task's */
    weir_cut *cut;    /* lock: lock; NULL: none waits */
    bool has_cut_waited; /* lock: lock; for a batch: it goes with the next one */
    bool is_busy;     /* lock: lock; the task is submitted, or under way */
    bool is_posted;   /* lock: lock; the loop has not looked yet */
    weir_ticket *known, **known_tail; /* lock: lock; tickets to be told */
    weir_cut *done;   /* lock: lock; cut to be told */
    weir_code rc;     /* lock: lock; of the first failure: nothing is written after it */
    weir_error error; /* lock: lock */
};

static void clear_batch(batch *cleared)
{
    weir__buffer_reset(&cleared->writes);
    cleared->tickets = NULL;
    cleared->tail = &cleared->tickets;
    cleared->is_used = false;
}

/* At the loop's top: what has become known is told. */
static void tell(weir_post *post)
{
    weir_committer *committer = (weir_committer *)((char *)post - offsetof(weir_committer, post));
    weir_ticket *tickets;
    weir_cut *done;
    weir_error err;
    bool is_good;

    (void)pthread_mutex_lock(&committer->lock);
    committer->is_posted = false;
    tickets = committer->known;
    committer->known = NULL;
    committer->known_tail = &committer->known;
    done = committer->done;
    committer->done = NULL;
    is_good = committer->rc == WEIR_OK;
    if (!is_good)
        err = committer->error;
    (void)pthread_mutex_unlock(&committer->lock);
    while (tickets) {
        weir_ticket *next = tickets->next;

        tickets->known(tickets, is_good ? NULL : &err);
        tickets = next;
    }
    if (done)
        committer->options.known(committer->options.context, done, is_good ? NULL : &err);
    else if (!is_good)
        committer->options.known(committer->options.context, NULL, &err);
}

static weir_code write_batch(const weir_committer_options *options, const batch *full, weir_error *err)
{
    weir_code rc = write_all(&full->writes, options->store, err);

    if (rc != WEIR_OK)
        weir__store_error_context(options->store, err);
    return rc;
}

static weir_code commit_batch(const weir_committer_options *options, const batch *full, weir_error *err)
{
    weir_code rc = write_batch(options, full, err);

    if (rc != WEIR_OK)
        return rc;
    rc = weir__store_commit(options->store, err);
    if (rc != WEIR_OK)
        weir__store_error_context(options->store, err);
    return rc;
}

/*
 * One transaction: what has gathered, or a cut, or both where nobody waits for the first, or the cut has waited
 * already: calls that follow each other would hold it back for ever.
 */
static void work(weir_task *task)
{
    weir_committer *committer = (weir_committer *)task;
    const weir_committer_options *options = &committer->options;
    batch *full = NULL;
    weir_cut *cut = NULL;
    weir_error err;
    weir_code rc;
    bool is_more;

    (void)pthread_mutex_lock(&committer->lock);
    rc = committer->rc;
    if (committer->filling->is_used && !(weir__is_broken(WEIR__BREAK_CUT_OVERTAKES) && committer->cut)) {
        full = committer->filling;
        committer->filling = full == &committer->batches[0] ? &committer->batches[1] : &committer->batches[0];
    }
    if (!full || !full->tickets || committer->has_cut_waited) {
        cut = committer->cut;
        committer->cut = NULL;
    }
    committer->has_cut_waited = committer->cut != NULL;
    (void)pthread_mutex_unlock(&committer->lock);
    if (rc == WEIR_OK && full && cut)
        rc = write_batch(options, full, &err);
    else if (rc == WEIR_OK && full)
        rc = commit_batch(options, full, &err);
    if (rc == WEIR_OK && cut)
        rc = weir__cut_commit(cut, options->store, options->output, options->dead, &err);
    (void)pthread_mutex_lock(&committer->lock);
    if (rc != WEIR_OK && committer->rc == WEIR_OK) {
        committer->rc = rc;
        committer->error = err;
    }
    if (full && full->tickets) {
        *committer->known_tail = full->tickets;
        committer->known_tail = full->tail;
    }
    if (full)
        clear_batch(full);
    if (cut)
        committer->done = cut;
    is_more = committer->filling->is_used || committer->cut;
    committer->is_busy = is_more;
    /* Also when nobody waits for what was written: a loop that stops waits until this one is not busy any more. */
    if (!committer->is_posted && (committer->known || committer->done || committer->rc != WEIR_OK || !is_more)) {
        committer->is_posted = true;
        weir__engine_post(options->engine, &committer->post);
    }
    /* Under the lock: once it is not busy, the committer may be freed. */
    if (is_more)
        committer->executor.submit(committer->executor.context, &committer->task);
    (void)pthread_mutex_unlock(&committer->lock);
}

/* Locks: committer->lock held. True: the caller submits the task, once it has let go of the lock, or the thread that
 * wakes would only wait for it. */
static bool need_work(weir_committer *committer)
{
    bool is_idle = !committer->is_busy;

    committer->is_busy = true;
    return is_idle;
}

weir_code weir__committer_new(const weir_committer_options *options, weir_committer **out, weir_error *err)
{
    weir_committer *committer = calloc(1, sizeof *committer);
    weir_code rc = WEIR_OK;

    if (!committer)
        return weir__fail_memory(err, "the commit thread");
    committer->options = *options;
    committer->task.run = work;
    committer->post.fn = tell;
    committer->known_tail = &committer->known;
    for (int i = 0; i < 2; i++) {
        weir__buffer_init(&committer->batches[i].writes, SIZE_MAX);
        clear_batch(&committer->batches[i]);
    }
    committer->filling = &committer->batches[0];
    (void)pthread_mutex_init(&committer->lock, NULL); /* default attributes: cannot fail */
    if (options->executor)
        committer->executor = *options->executor;
    else
        rc = weir__pool_new(1, "weir-commit", &committer->executor, &committer->pool, err);
    if (rc != WEIR_OK) {
        weir__committer_free(committer);
        return rc;
    }
    *out = committer;
    return WEIR_OK;
}

void weir__committer_free(weir_committer *committer)
{
    if (!committer)
        return;
    weir__pool_free(committer->pool, true);
    (void)pthread_mutex_destroy(&committer->lock); /* nobody is in there any more */
    weir__buffer_clear(&committer->batches[0].writes);
    weir__buffer_clear(&committer->batches[1].writes);
    free(committer);
}

void weir__committer_submit(weir_committer *committer, weir_cut *cut)
{
    bool is_idle;

    (void)pthread_mutex_lock(&committer->lock);
    committer->cut = cut;
    is_idle = need_work(committer);
    (void)pthread_mutex_unlock(&committer->lock);
    if (is_idle)
        committer->executor.submit(committer->executor.context, &committer->task);
}

weir_code weir__committer_append(weir_committer *committer, const char *stream, weir_bytes owner, int64_t number,
                                 weir_bytes record, weir_ticket *ticket)
{
    batch *filling;
    weir_code rc;
    size_t size;

    (void)pthread_mutex_lock(&committer->lock);
    filling = committer->filling;
    size = filling->writes.size;
    rc = add_record(&filling->writes, stream, owner, number, record);
    if (rc == WEIR_OK) {
        filling->is_used = true;
        if (ticket) {
            ticket->next = NULL;
            *filling->tail = ticket;
            filling->tail = &ticket->next;
        }
        committer->has_appended = true;
    } else {
        filling->writes.size = size; /* no half record */
    }
    (void)pthread_mutex_unlock(&committer->lock);
    return rc;
}

void weir__committer_flush(weir_committer *committer)
{
    bool is_idle;

    if (!committer->has_appended)
        return;
    committer->has_appended = false;
    (void)pthread_mutex_lock(&committer->lock);
    is_idle = committer->filling->is_used && need_work(committer); /* a cut may have taken it along */
    (void)pthread_mutex_unlock(&committer->lock);
    if (is_idle)
        committer->executor.submit(committer->executor.context, &committer->task);
}

bool weir__committer_is_busy(weir_committer *committer)
{
    bool is_busy;

    (void)pthread_mutex_lock(&committer->lock);
    is_busy = committer->is_busy || committer->is_posted || committer->filling->is_used;
    (void)pthread_mutex_unlock(&committer->lock);
    return is_busy;
}
