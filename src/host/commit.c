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

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

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

weir_code weir__cut_log_put(weir_cut *cut, const char *stream, weir_bytes owner, int64_t number, weir_bytes record)
{
    /* The stream's NUL goes along, so that it can be read back as a string. */
    weir_code rc = add_write(&cut->writes, 'L', weir__bytes(stream, strlen(stream) + 1), owner);

    if (rc == WEIR_OK)
        rc = weir__buffer_add(&cut->writes, &number, sizeof number);
    return rc == WEIR_OK ? add_field(&cut->writes, record) : rc;
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

    if (rc == WEIR_OK && cut->outputs.size)
        rc = weir__sink_sync(output, err);
    if (rc == WEIR_OK && dead)
        rc = weir__sink_append(dead, weir__buffer_bytes(&cut->dead), err);
    if (rc == WEIR_OK && dead && cut->dead.size)
        rc = weir__sink_sync(dead, err);
    return rc == WEIR_OK ? commit_state(cut, store, output, dead, err) : rc;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

struct weir_committer {
    weir_post post; /* first: weir_post is cast back */
    weir_committer_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t submitted;
    weir_cut *cut;    /* lock: lock; NULL: none under way */
    bool is_stopping; /* lock: lock */
    /* Written by the thread before it posts, read by the loop after. */
    weir_cut *done;
    weir_code rc;
    weir_error error;
};

static void tell(weir_post *post)
{
    weir_committer *committer = (weir_committer *)post;

    committer->options.known(committer->options.context, committer->done,
                             committer->rc == WEIR_OK ? NULL : &committer->error);
}

static void *commit_loop(void *context)
{
    weir_committer *committer = context;
    const weir_committer_options *options = &committer->options;

    for (;;) {
        weir_cut *cut;

        (void)pthread_mutex_lock(&committer->lock);
        while (!committer->cut && !committer->is_stopping)
            (void)pthread_cond_wait(&committer->submitted, &committer->lock);
        cut = committer->cut;
        (void)pthread_mutex_unlock(&committer->lock);
        if (!cut)
            return NULL;
        committer->rc = weir__cut_commit(cut, options->store, options->output, options->dead, &committer->error);
        committer->done = cut;
        (void)pthread_mutex_lock(&committer->lock);
        committer->cut = NULL;
        (void)pthread_mutex_unlock(&committer->lock);
        weir__engine_post(options->engine, &committer->post);
    }
}

weir_code weir__committer_new(const weir_committer_options *options, weir_committer **out, weir_error *err)
{
    weir_committer *committer = calloc(1, sizeof *committer);
    sigset_t all, before;
    int number;

    if (!committer)
        return weir__fail_memory(err, "the commit thread");
    committer->options = *options;
    committer->post.fn = tell;
    (void)pthread_mutex_init(&committer->lock, NULL);     /* default attributes: */
    (void)pthread_cond_init(&committer->submitted, NULL); /* cannot fail */
    /* Signals belong to the loop's thread. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&committer->thread, NULL, commit_loop, committer);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0) {
        free(committer);
        return weir__fail_errno(err, number, WEIR_REMEDY_STOP, "cannot start the commit thread");
    }
    *out = committer;
    return WEIR_OK;
}

void weir__committer_free(weir_committer *committer)
{
    if (!committer)
        return;
    (void)pthread_mutex_lock(&committer->lock);
    committer->is_stopping = true;
    (void)pthread_cond_signal(&committer->submitted);
    (void)pthread_mutex_unlock(&committer->lock);
    (void)pthread_join(committer->thread, NULL); /* ours, joined once */
    (void)pthread_cond_destroy(&committer->submitted);
    (void)pthread_mutex_destroy(&committer->lock);
    free(committer);
}

void weir__committer_submit(weir_committer *committer, weir_cut *cut)
{
    (void)pthread_mutex_lock(&committer->lock);
    committer->cut = cut;
    (void)pthread_cond_signal(&committer->submitted);
    (void)pthread_mutex_unlock(&committer->lock);
}

