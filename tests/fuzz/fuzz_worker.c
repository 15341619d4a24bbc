/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a host's, in any pieces: frames are taken and taken apart, or refused with a message, the same in pieces
 * as in one; what is taken lies within its frame, and its lists have as many items as they say.
 */
#include <stdlib.h>
#include <string.h>

#include "host/worker_frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 1 << 16 };

/* A broken promise must stop the fuzzer. */
static void promise(bool is_kept)
{
    if (!is_kept)
        abort();
}

static void lies_within(const weir_frame *frame, weir_bytes view)
{
    if (view.data && view.size)
        promise(view.data >= frame->body.data && view.data + view.size <= frame->body.data + frame->body.size);
}

static void walk_run(const weir_frame *frame, weir_down_run *run)
{
    weir_bytes path, value;
    size_t cells = run->cells.count, entries = run->entries.count;
    int64_t place;

    lies_within(frame, run->source);
    lies_within(frame, run->key);
    lies_within(frame, run->payload);
    promise(run->key.data != NULL && run->source.data != NULL);
    for (; weir__list_pair(&run->cells, &path, &value); cells--) {
        lies_within(frame, path);
        lies_within(frame, value);
    }
    for (; weir__list_entry(&run->entries, &place, &value); entries--)
        lies_within(frame, value);
    promise(cells == 0 && entries == 0);
}

static void walk_open(const weir_frame *frame, weir_down_open *open)
{
    weir_bytes name, value;
    size_t settings = open->settings.count, markers = open->markers.count;
    uint32_t partition;
    int64_t position;

    lies_within(frame, open->job);
    for (; weir__list_pair(&open->settings, &name, &value); settings--) {
        lies_within(frame, name);
        lies_within(frame, value);
    }
    while (weir__list_marker(&open->markers, &partition, &position))
        markers--;
    promise(settings == 0 && markers == 0);
}

static weir_code take_apart(const weir_frame *frame, weir_error *err)
{
    weir_down_hello hello;
    weir_down_open open;
    weir_down_run run;
    weir_bytes bytes = { NULL, 0 };
    uint64_t ticket;
    bool is_at_once;
    weir_code rc = WEIR_OK;

    switch (frame->type) {
    case WEIR__DOWN_HELLO:
        rc = weir__down_hello(frame, &hello, err);
        break;
    case WEIR__DOWN_OPEN:
        rc = weir__down_open(frame, &open, err);
        if (rc == WEIR_OK)
            walk_open(frame, &open);
        break;
    case WEIR__DOWN_RUN:
        rc = weir__down_run(frame, &run, err);
        if (rc == WEIR_OK)
            walk_run(frame, &run);
        break;
    case WEIR__DOWN_FORGET:
        rc = weir__down_forget(frame, &bytes, err);
        break;
    case WEIR__DOWN_STOP:
        rc = weir__down_stop(frame, &is_at_once, err);
        break;
    case WEIR__DOWN_KEY:
        rc = weir__down_key(frame, &ticket, &bytes, err);
        break;
    }
    lies_within(frame, bytes);
    return rc;
}

/* Until the end, or until something is refused: how many frames were taken, and what was said. */
static uint64_t take_all(const uint8_t *data, size_t size, uint64_t seed, weir_error *err)
{
    weir_frames frames = { .most = LONGEST };
    weir_talk talk = WEIR__TALK_NOT;
    size_t at = 0;
    uint64_t taken = 0;
    weir_code rc = WEIR_OK;

    err->message[0] = '\0';
    while (rc == WEIR_OK) {
        weir_frame frame;
        bool found;

        rc = weir__frames_peek(&frames, &frame, &found, err);
        if (rc == WEIR_OK && found) {
            rc = weir__talk_take(&talk, &frame, err);
            if (rc == WEIR_OK)
                rc = take_apart(&frame, err);
            taken += rc == WEIR_OK;
            weir__frames_drop(&frames);
        } else if (rc == WEIR_OK && at < size) {
            size_t room, give = size - at;
            uint8_t *to = weir__frames_room(&frames, &room);

            promise(to != NULL && room > 0);
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            if (seed)
                give = 1 + (seed >> 33) % (give < 24 ? give : 24);
            give = give < room ? give : room;
            memcpy(to, data + at, give);
            weir__frames_filled(&frames, give);
            at += give;
            (void)weir__frames_end_in(&frames, WEIR__DOWN_STOP);
        } else if (rc == WEIR_OK) {
            rc = weir__frames_at_end(&frames, err);
            promise(rc == WEIR_OK || frames.end - frames.begin > 0);
            break;
        }
    }
    promise(rc == WEIR_OK || (rc == WEIR_IO && err->message[0]));
    weir__frames_clear(&frames);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t seed = 14695981039346656037u;
    weir_error whole, pieces;

    for (size_t i = 0; i < size; i++)
        seed = (seed ^ data[i]) * 1099511628211u;
    promise(take_all(data, size, 0, &whole) == take_all(data, size, seed | 1, &pieces));
    promise(strcmp(whole.message, pieces.message) == 0);
    return 0;
}
