/* SPDX-License-Identifier: Apache-2.0 */
/* Frames to bytes and back; the layout is in docs/worker-protocol.md. */
#include "host/worker_frames.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { FIRST_BYTES = 256 << 10, LEAST_ROOM = 64 << 10, HEAD_BYTES = WEIR__FRAME_LENGTH + 1 };

/* ---- bytes to frames --------------------------------------------------------------------------------------------- */

void weir__frames_clear(weir_frames *frames)
{
    free(frames->data);
    frames->data = NULL;
    frames->capacity = 0;
    frames->begin = 0;
    frames->end = 0;
}

/* How long what stands at a place will be as a whole, as far as that is known. */
static uint64_t whole_size(const weir_frames *frames, size_t at)
{
    return frames->end - at < WEIR__FRAME_LENGTH ? HEAD_BYTES
                                                 : (uint64_t)WEIR__FRAME_LENGTH + weir__get_32(frames->data + at);
}

/*
 * Room grows with what has come, and not with what a length promises: a length alone shall not cost memory. It shrinks
 * again once a large frame is gone.
 */
uint8_t *weir__frames_room(weir_frames *frames, size_t *size)
{
    size_t held = frames->end - frames->begin;
    size_t capacity = frames->capacity;

    if (!held && capacity > 4 * FIRST_BYTES) {
        weir__frames_clear(frames);
        capacity = 0;
    }
    if (frames->begin && (!held || capacity - frames->end < LEAST_ROOM)) {
        if (held)
            memmove(frames->data, frames->data + frames->begin, held);
        frames->begin = 0;
        frames->end = held;
    }
    if (capacity - frames->end < LEAST_ROOM) {
        uint8_t *data;

        capacity = capacity ? 2 * capacity : FIRST_BYTES;
        data = realloc(frames->data, capacity);
        if (!data)
            return NULL;
        frames->data = data;
        frames->capacity = capacity;
    }
    *size = frames->capacity - frames->end;
    return frames->data + frames->end;
}

const char *weir__down_name(weir_down type)
{
    static const char *const names[] = { "unknown", "HELLO", "OPEN", "RUN", "FORGET", "STOP", "KEY" };

    return (unsigned)type < sizeof names / sizeof *names ? names[type] : names[0];
}

static weir_code fail_at(const weir_frames *frames, weir_error *err)
{
    weir__error_context(err, "frame %" PRIu64 " of the input, at byte %" PRIu64, frames->number + 1, frames->place);
    return WEIR_IO;
}

weir_code weir__frames_peek(const weir_frames *frames, weir_frame *out, bool *found, weir_error *err)
{
    size_t held = frames->end - frames->begin;
    const uint8_t *at;
    uint32_t length;

    *found = false;
    if (held < WEIR__FRAME_LENGTH)
        return WEIR_OK;
    at = frames->data + frames->begin;
    length = weir__get_32(at);
    if (length == 0 || length > frames->most) {
        (void)weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "its length is %" PRIu32 ", 1..%" PRIu64 " allowed", length,
                         frames->most);
        return fail_at(frames, err);
    }
    if (held < HEAD_BYTES)
        return WEIR_OK;
    if (at[WEIR__FRAME_LENGTH] < WEIR__DOWN_HELLO || at[WEIR__FRAME_LENGTH] > WEIR__DOWN_KEY) {
        (void)weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "type %u is not known, %u..%u are", at[WEIR__FRAME_LENGTH],
                         WEIR__DOWN_HELLO, WEIR__DOWN_KEY);
        return fail_at(frames, err);
    }
    if (held - WEIR__FRAME_LENGTH < length)
        return WEIR_OK;
    out->type = (weir_down)at[WEIR__FRAME_LENGTH];
    out->body = weir__bytes(at + HEAD_BYTES, length - 1);
    out->number = frames->number + 1;
    *found = true;
    return WEIR_OK;
}

void weir__frames_drop(weir_frames *frames)
{
    size_t size = (size_t)whole_size(frames, frames->begin);

    frames->begin += size;
    frames->place += size;
    frames->number++;
}

weir_code weir__frames_at_end(const weir_frames *frames, weir_error *err)
{
    size_t held = frames->end - frames->begin;

    /* Whole ones may still stand there: nobody will ask for what becomes of them. */
    for (size_t at = frames->begin; at < frames->end;) {
        uint64_t size = whole_size(frames, at);

        if (size > frames->end - at) {
            (void)weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                             "the input ends within a frame, behind %zu of its bytes, at byte %" PRIu64,
                             frames->end - at, frames->place + held);
            return WEIR_IO;
        }
        at += (size_t)size;
    }
    return WEIR_OK;
}

bool weir__frames_end_in(const weir_frames *frames, weir_down type)
{
    size_t at = frames->begin;
    bool is_last = false;

    while (frames->end - at >= HEAD_BYTES && whole_size(frames, at) <= frames->end - at) {
        is_last = frames->data[at + WEIR__FRAME_LENGTH] == type;
        at += (size_t)whole_size(frames, at);
    }
    return is_last;
}

weir_code weir__talk_take(weir_talk *talk, const weir_frame *frame, weir_error *err)
{
    static const char *const wanted[] = { "HELLO must come first", "OPEN must follow HELLO",
                                          "there is one HELLO, and one OPEN", "nothing may follow STOP" };

    switch (*talk) {
    case WEIR__TALK_NOT:
        if (frame->type != WEIR__DOWN_HELLO)
            break;
        *talk = WEIR__TALK_GREETED;
        return WEIR_OK;
    case WEIR__TALK_GREETED:
        if (frame->type != WEIR__DOWN_OPEN)
            break;
        *talk = WEIR__TALK_OPEN;
        return WEIR_OK;
    case WEIR__TALK_OPEN:
        if (frame->type == WEIR__DOWN_HELLO || frame->type == WEIR__DOWN_OPEN)
            break;
        if (frame->type == WEIR__DOWN_STOP)
            *talk = WEIR__TALK_STOPPED;
        return WEIR_OK;
    case WEIR__TALK_STOPPED:
        break;
    }
    return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "frame %" PRIu64 " of the input is %s, which may not come now: "
                      "%s", frame->number, weir__down_name(frame->type), wanted[*talk]);
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

/* A body that is being taken apart; the first thing that is wrong stays. */
typedef struct fields {
    const uint8_t *at, *end;
    const char *what; /* is wrong; NULL: nothing so far */
    const char *name; /* of the field */
} fields;

static fields begin(const weir_frame *frame)
{
    return (fields){ frame->body.data, frame->body.data + frame->body.size, NULL, NULL };
}

static void refuse(fields *from, const char *name, const char *what)
{
    if (from->what)
        return;
    from->what = what;
    from->name = name;
    from->at = from->end; /* nothing is read any more */
}

static bool has(fields *from, const char *name, size_t size)
{
    if ((size_t)(from->end - from->at) >= size)
        return true;
    refuse(from, name, "is cut off by the end of the frame");
    return false;
}

static uint8_t take_8(fields *from, const char *name)
{
    return has(from, name, 1) ? *from->at++ : 0;
}

static uint32_t take_16(fields *from, const char *name)
{
    uint32_t high = take_8(from, name);

    return high << 8 | take_8(from, name);
}

static uint32_t take_32(fields *from, const char *name)
{
    if (!has(from, name, 4))
        return 0;
    from->at += 4;
    return weir__get_32(from->at - 4);
}

static uint64_t take_64(fields *from, const char *name)
{
    if (!has(from, name, 8))
        return 0;
    from->at += 8;
    return weir__get_64(from->at - 8);
}

static bool take_bool(fields *from, const char *name)
{
    uint8_t number = take_8(from, name);

    if (number > 1)
        refuse(from, name, "is neither 0 nor 1");
    return number == 1;
}

/* data NULL: absent. */
static weir_bytes take_bytes(fields *from, const char *name)
{
    uint32_t size = take_32(from, name);
    weir_bytes out = { NULL, 0 };

    if (size == WEIR__WORKER_ABSENT || from->what || !has(from, name, size))
        return out;
    out = weir__bytes(from->at, size);
    from->at += size;
    return out;
}

static weir_bytes take_present(fields *from, const char *name)
{
    weir_bytes out = take_bytes(from, name);

    if (!out.data)
        refuse(from, name, "is absent");
    return out;
}

static weir_bytes take_text(fields *from, const char *name)
{
    weir_bytes out = take_present(from, name);

    for (size_t at = 0; at < out.size && !from->what;) {
        size_t size = weir__utf8_character(out.data + at, out.size - at);

        if (!size)
            refuse(from, name, "is not UTF-8");
        else if (out.data[at] == 0)
            refuse(from, name, "has a NUL in it");
        at += size;
    }
    return out;
}

/* Walks a list, so that who takes its items need not check them. */
static weir_frame_list take_list(fields *from, const char *name, void (*item)(fields *from, const char *name))
{
    uint32_t count = take_32(from, name);
    weir_frame_list list = { from->at, count };

    for (uint32_t i = 0; i < count && !from->what; i++)
        item(from, name);
    return list;
}

static void take_setting(fields *from, const char *name)
{
    (void)take_text(from, name);
    (void)take_text(from, name);
}

static void take_marker(fields *from, const char *name)
{
    (void)take_32(from, name);
    (void)take_64(from, name);
}

static void take_cell(fields *from, const char *name)
{
    (void)take_present(from, name);
    (void)take_present(from, name);
}

static void take_entry(fields *from, const char *name)
{
    (void)take_64(from, name);
    (void)take_present(from, name);
}

static weir_code finish(fields *from, const weir_frame *frame, weir_error *err)
{
    size_t left = (size_t)(from->end - from->at);

    if (from->what)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP, "frame %" PRIu64 " of the input, a %s of %zu bytes: %s %s",
                          frame->number, weir__down_name(frame->type), frame->body.size, from->name, from->what);
    if (left)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_STOP,
                          "frame %" PRIu64 " of the input, a %s of %zu bytes: %zu of them stand behind its last field",
                          frame->number, weir__down_name(frame->type), frame->body.size, left);
    return WEIR_OK;
}

weir_code weir__down_hello(const weir_frame *frame, weir_down_hello *out, weir_error *err)
{
    fields from = begin(frame);

    if (take_32(&from, "the magic number") != WEIR__WORKER_MAGIC)
        refuse(&from, "the magic number", "is not that of a weir host");
    out->lowest = (uint16_t)take_16(&from, "the lowest version");
    out->highest = (uint16_t)take_16(&from, "the highest version");
    out->host = take_text(&from, "the host's name");
    return finish(&from, frame, err);
}

weir_code weir__down_open(const weir_frame *frame, weir_down_open *out, weir_error *err)
{
    fields from = begin(frame);

    out->subtask = take_32(&from, "subtask");
    out->parallelism = take_32(&from, "parallelism");
    out->max_parallelism = take_32(&from, "max_parallelism");
    out->first_group = take_32(&from, "the first key group");
    out->last_group = take_32(&from, "the last key group");
    out->attempt = take_32(&from, "attempt");
    out->is_restored = take_bool(&from, "is_restored");
    out->job = take_text(&from, "the job's name");
    out->settings = take_list(&from, "a setting", take_setting);
    out->markers = take_list(&from, "a marker", take_marker);
    out->partitions = take_32(&from, "the partitions");
    if (!from.what && out->first_group <= out->last_group && out->last_group >= out->max_parallelism)
        refuse(&from, "the last key group", "is not below max_parallelism");
    return finish(&from, frame, err);
}

weir_code weir__down_run(const weir_frame *frame, weir_down_run *out, weir_error *err)
{
    enum { FLAGS = WEIR__RUN_HAS_MEMORY | WEIR__RUN_IS_JSON | WEIR__RUN_IS_RESTORED | WEIR__RUN_HAS_NO_POSITION };
    fields from = begin(frame);

    out->ticket = take_64(&from, "ticket");
    out->key_group = take_32(&from, "key_group");
    out->flags = take_8(&from, "flags");
    if (out->flags & ~FLAGS)
        refuse(&from, "flags", "has one that is not known");
    out->source = take_text(&from, "source");
    out->index = take_64(&from, "index");
    out->timestamp_ms = (int64_t)take_64(&from, "timestamp_ms");
    out->key = take_present(&from, "key");
    out->payload = take_bytes(&from, "payload");
    out->cells = take_list(&from, "a cell", take_cell);
    if (out->cells.count && !(out->flags & WEIR__RUN_HAS_MEMORY))
        refuse(&from, "a cell", "is there without HAS_MEMORY");
    out->entries = take_list(&from, "an entry", take_entry);
    return finish(&from, frame, err);
}

weir_code weir__down_forget(const weir_frame *frame, weir_bytes *key, weir_error *err)
{
    fields from = begin(frame);

    *key = take_present(&from, "key");
    return finish(&from, frame, err);
}

weir_code weir__down_stop(const weir_frame *frame, bool *is_at_once, weir_error *err)
{
    fields from = begin(frame);

    *is_at_once = take_bool(&from, "is_at_once");
    return finish(&from, frame, err);
}

weir_code weir__down_key(const weir_frame *frame, uint64_t *ticket, weir_bytes *payload, weir_error *err)
{
    fields from = begin(frame);

    *ticket = take_64(&from, "ticket");
    *payload = take_bytes(&from, "payload");
    return finish(&from, frame, err);
}

/* ---- lists that were checked ------------------------------------------------------------------------------------- */

static weir_bytes next_bytes(weir_frame_list *list)
{
    weir_bytes out = weir__bytes(list->at + 4, weir__get_32(list->at));

    list->at += 4 + out.size;
    return out;
}

bool weir__list_pair(weir_frame_list *list, weir_bytes *first, weir_bytes *second)
{
    if (!list->count)
        return false;
    list->count--;
    *first = next_bytes(list);
    *second = next_bytes(list);
    return true;
}

bool weir__list_marker(weir_frame_list *list, uint32_t *partition, int64_t *position)
{
    if (!list->count)
        return false;
    list->count--;
    *partition = weir__get_32(list->at);
    *position = (int64_t)weir__get_64(list->at + 4);
    list->at += 12;
    return true;
}

bool weir__list_entry(weir_frame_list *list, int64_t *place, weir_bytes *sealed)
{
    if (!list->count)
        return false;
    list->count--;
    *place = (int64_t)weir__get_64(list->at);
    list->at += 8;
    *sealed = next_bytes(list);
    return true;
}

/* ---- frames to bytes --------------------------------------------------------------------------------------------- */

void weir__up_bytes(weir_buffer *out, weir_bytes bytes)
{
    if (!bytes.data) {
        weir__up_u32(out, WEIR__WORKER_ABSENT);
        return;
    }
    if (bytes.size >= WEIR__WORKER_ABSENT) {
        out->is_over = true;
        return;
    }
    weir__up_u32(out, (uint32_t)bytes.size);
    if (weir__buffer_add(out, bytes.data, bytes.size) != WEIR_OK)
        out->is_over = true;
}

void weir__up_text(weir_buffer *out, const char *text)
{
    size_t size = strlen(text), at = out->size;

    weir__up_u32(out, 0);
    for (size_t i = 0; i < size;) {
        size_t good = weir__utf8_character((const uint8_t *)text + i, size - i);

        if (weir__buffer_add(out, good ? text + i : "\xEF\xBF\xBD", good ? good : 3) != WEIR_OK)
            out->is_over = true;
        i += good ? good : 1;
    }
    if (!out->is_over)
        weir__put_32(out->data + at, (uint32_t)(out->size - at - 4));
}

void weir__up_code(weir_buffer *out, weir_code code)
{
    char text[64] = "WEIR_";
    const char *name = weir__code_name(code);

    for (size_t i = 0, at = strlen(text); name[i] && at + 1 < sizeof text; i++, at++)
        text[at] = (char)toupper((unsigned char)name[i]);
    weir__up_text(out, text);
}

size_t weir__up_begin(weir_buffer *out, weir_up type)
{
    size_t begin = out->size;

    weir__up_u32(out, 0);
    weir__up_u8(out, (uint8_t)type);
    return begin;
}

weir_code weir__up_end(weir_buffer *out, size_t begin, uint64_t most, weir_error *err)
{
    uint64_t length = out->size - begin - WEIR__FRAME_LENGTH;

    if (out->is_over) {
        out->size = begin;
        out->is_over = false;
        return weir__fail_memory(err, "a frame");
    }
    if (length > most) {
        out->size = begin;
        return weir__fail(err, WEIR_LIMIT, WEIR_REMEDY_STOP,
                          "what a frame is to hold has %" PRIu64 " bytes, %" PRIu64 " allowed; raise "
                          "limits.record-bytes, or have a run send less",
                          length, most);
    }
    weir__put_32(out->data + begin, (uint32_t)length);
    return WEIR_OK;
}
