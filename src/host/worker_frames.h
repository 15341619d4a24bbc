/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of docs/worker-protocol.md, as bytes: those that come from the host are taken apart here and checked,
 * those that go to it are put together. Nothing here reads, writes or waits. Source: docs/worker-protocol.md.
 */
#ifndef WEIR__HOST_WORKER_FRAMES_H
#define WEIR__HOST_WORKER_FRAMES_H

#include "base/big_endian.h"
#include "base/buffer.h"

#define WEIR__WORKER_MAGIC 0x57454952u /* "WEIR" */
#define WEIR__WORKER_ABSENT 0xFFFFFFFFu

enum {
    WEIR__WORKER_VERSION = 1,
    WEIR__FRAME_BEYOND_RECORD = 64 << 20, /* a frame is at most limits.record-bytes and that */
    WEIR__FRAME_LENGTH = 4                /* bytes of the length, which it does not count */
};

typedef enum weir_down {
    WEIR__DOWN_HELLO = 1,
    WEIR__DOWN_OPEN,
    WEIR__DOWN_RUN,
    WEIR__DOWN_FORGET,
    WEIR__DOWN_STOP,
    WEIR__DOWN_KEY
} weir_down;

typedef enum weir_up {
    WEIR__UP_HELLO = 1,
    WEIR__UP_READY,
    WEIR__UP_BATCH,
    WEIR__UP_PARKED,
    WEIR__UP_KEEP,
    WEIR__UP_LOG,
    WEIR__UP_METRICS,
    WEIR__UP_FATAL,
    WEIR__UP_BYE,
    WEIR__UP_KEYED
} weir_up;

/* RUN's flags. */
enum {
    WEIR__RUN_HAS_MEMORY = 1,
    WEIR__RUN_IS_JSON = 2,
    WEIR__RUN_IS_RESTORED = 4,
    WEIR__RUN_HAS_NO_POSITION = 8
};

/* How a run ended, in BATCH; the last three also of a record without a key, in KEYED. */
typedef enum weir_end_kind { WEIR__END_DONE, WEIR__END_FAILED, WEIR__END_SKIPPED, WEIR__END_DEAD } weir_end_kind;

/* ---- coming in: bytes to frames ---------------------------------------------------------------------------------- */

/* All zero, but for `most`, is an empty one. */
typedef struct weir_frames {
    uint8_t *data;
    size_t capacity, begin, end; /* what was read and not taken stands between the last two */
    uint64_t most;               /* the largest length */
    uint64_t number;             /* of frames taken */
    uint64_t place;              /* in the stream, of `begin` */
} weir_frames;

/* One frame; its body is borrowed until weir__frames_drop(). */
typedef struct weir_frame {
    weir_down type;
    weir_bytes body;
    uint64_t number; /* from 1, for messages */
} weir_frame;

void weir__frames_clear(weir_frames *frames);

/** Where what is read next goes, and how much may. NULL: no memory. */
uint8_t *weir__frames_room(weir_frames *frames, size_t *size);

static inline void weir__frames_filled(weir_frames *frames, size_t size)
{
    frames->end += size;
}

static inline size_t weir__frames_held(const weir_frames *frames)
{
    return frames->end - frames->begin;
}

/**
 * The next frame, if all of it is there. It stays the next one until it is dropped.
 * @return WEIR_OK; WEIR_IO: a length that is none, or a type that nobody knows, and where (stop)
 */
WEIR_CHECK weir_code weir__frames_peek(const weir_frames *frames, weir_frame *out, bool *found, weir_error *err);
void weir__frames_drop(weir_frames *frames);

/** The stream is over. WEIR_OK; WEIR_IO: within a frame, and where (stop) */
WEIR_CHECK weir_code weir__frames_at_end(const weir_frames *frames, weir_error *err);

/** Whether the last frame that is there as a whole is of that type: STOP is the last that a host sends. */
bool weir__frames_end_in(const weir_frames *frames, weir_down type);

const char *weir__down_name(weir_down type);

/* Where the two are; which frames may come follows from it. */
typedef enum weir_talk { WEIR__TALK_NOT, WEIR__TALK_GREETED, WEIR__TALK_OPEN, WEIR__TALK_STOPPED } weir_talk;

/** Whether a frame may come now; moves on if so. WEIR_OK; WEIR_IO (stop) */
WEIR_CHECK weir_code weir__talk_take(weir_talk *talk, const weir_frame *frame, weir_error *err);

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

/* A list within a body that was checked: its items are taken one by one. */
typedef struct weir_frame_list {
    const uint8_t *at;
    size_t count; /* left */
} weir_frame_list;

typedef struct weir_down_hello {
    uint16_t lowest, highest;
    weir_bytes host; /* text */
} weir_down_hello;

typedef struct weir_down_open {
    uint32_t subtask, parallelism, max_parallelism, first_group, last_group, attempt;
    bool is_restored;
    weir_bytes job;           /* text */
    weir_frame_list settings; /* of text and text */
    weir_frame_list markers;  /* of u32 and i64 */
    uint32_t partitions;      /* 0: not known */
} weir_down_open;

typedef struct weir_down_run {
    uint64_t ticket;
    uint32_t key_group;
    uint8_t flags;
    weir_bytes source; /* text */
    uint64_t index;
    int64_t timestamp_ms;
    weir_bytes key, payload;
    weir_frame_list cells;   /* of bytes and bytes */
    weir_frame_list entries; /* of i64 and bytes */
} weir_down_run;

/* Each takes a body of its type apart. WEIR_OK; WEIR_IO: it is not as the protocol has it, and where (stop). All views
 * are borrowed from the frame. */
WEIR_CHECK weir_code weir__down_hello(const weir_frame *frame, weir_down_hello *out, weir_error *err);
WEIR_CHECK weir_code weir__down_open(const weir_frame *frame, weir_down_open *out, weir_error *err);
WEIR_CHECK weir_code weir__down_run(const weir_frame *frame, weir_down_run *out, weir_error *err);
WEIR_CHECK weir_code weir__down_forget(const weir_frame *frame, weir_bytes *key, weir_error *err);
WEIR_CHECK weir_code weir__down_stop(const weir_frame *frame, bool *is_at_once, weir_error *err);
WEIR_CHECK weir_code weir__down_key(const weir_frame *frame, uint64_t *ticket, weir_bytes *payload, weir_error *err);

/** The next item of a list; false behind the last one. Pairs: settings, cells; numbered: entries. */
bool weir__list_pair(weir_frame_list *list, weir_bytes *first, weir_bytes *second);
bool weir__list_marker(weir_frame_list *list, uint32_t *partition, int64_t *position);
bool weir__list_entry(weir_frame_list *list, int64_t *place, weir_bytes *sealed);

/* ---- going out: frames to bytes ---------------------------------------------------------------------------------- */

/*
 * What does not fit, or finds no memory, is noted in the buffer (is_over), and asked once, at the frame's end: nothing
 * that was added to a buffer that is over may be sent.
 */
static inline void weir__up_u8(weir_buffer *out, uint8_t number)
{
    if (weir__buffer_add_byte(out, number) != WEIR_OK)
        out->is_over = true;
}

static inline void weir__up_u32(weir_buffer *out, uint32_t number)
{
    uint8_t bytes[4];

    weir__put_32(bytes, number);
    if (weir__buffer_add(out, bytes, sizeof bytes) != WEIR_OK)
        out->is_over = true;
}

static inline void weir__up_u64(weir_buffer *out, uint64_t number)
{
    uint8_t bytes[8];

    weir__put_64(bytes, number);
    if (weir__buffer_add(out, bytes, sizeof bytes) != WEIR_OK)
        out->is_over = true;
}

/** Bytes, or a text; data NULL: absent. */
void weir__up_bytes(weir_buffer *out, weir_bytes bytes);
void weir__up_text(weir_buffer *out, const char *text); /* what is not UTF-8 in it becomes U+FFFD */

void weir__up_code(weir_buffer *out, weir_code code);   /* "WEIR_CONFIG" */

/** Begins a frame; what it returns goes to weir__up_end(). */
size_t weir__up_begin(weir_buffer *out, weir_up type);

/**
 * Ends a frame.
 * @param most  its largest length
 * @return WEIR_OK; WEIR_LIMIT: it is larger (stop); WEIR_NO_MEMORY (stop). Then it is not in the buffer any more
 */
WEIR_CHECK weir_code weir__up_end(weir_buffer *out, size_t begin, uint64_t most, weir_error *err);

/** Writes the count of a list whose place was kept by weir__up_u32(out, 0) at `at`. */
static inline void weir__up_count(weir_buffer *out, size_t at, uint32_t count)
{
    if (!out->is_over)
        weir__put_32(out->data + at, count);
}

#endif
