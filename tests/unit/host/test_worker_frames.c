/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the worker protocol: taken apart, refused where they are wrong, and put together. */
#include "host/worker_frames.h"

#include <string.h>

#include "suite.h"

static weir_frames frames;
static weir_buffer out;
static weir_error err;

static void set_up(void)
{
    frames = (weir_frames){ .most = 1 << 20 };
    weir__buffer_init(&out, SIZE_MAX);
}

static void tear_down(void)
{
    weir__frames_clear(&frames);
    weir__buffer_clear(&out);
}

static void give(const void *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t room;
        uint8_t *to = weir__frames_room(&frames, &room);

        ck_assert_ptr_nonnull(to);
        if (room > size - at)
            room = size - at;
        memcpy(to, (const uint8_t *)data + at, room);
        weir__frames_filled(&frames, room);
        at += room;
    }
}

#define GIVE(text) give(text, sizeof(text) - 1)

static weir_frame next(void)
{
    weir_frame frame;
    bool found;

    ck_assert_int_eq(weir__frames_peek(&frames, &frame, &found, &err), WEIR_OK);
    ck_assert(found);
    return frame;
}

static bool there_is_one(void)
{
    weir_frame frame;
    bool found;

    ck_assert_int_eq(weir__frames_peek(&frames, &frame, &found, &err), WEIR_OK);
    return found;
}

static void refused(const char *words)
{
    weir_frame frame;
    bool found;

    ck_assert_int_eq(weir__frames_peek(&frames, &frame, &found, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, words) != NULL, "no '%s' in: %s", words, err.message);
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

START_TEST(a_frame_is_given_once_it_is_whole_and_stays_until_it_is_dropped)
{
    static const char bytes[] = "\0\0\0\2\5\1";

    for (size_t i = 0; i + 1 < sizeof bytes - 1; i++) {
        give(bytes + i, 1);
        ck_assert(!there_is_one());
    }
    give(bytes + sizeof bytes - 2, 1);
    ck_assert_int_eq(next().type, WEIR__DOWN_STOP);
    ck_assert_uint_eq(next().body.size, 1);
    weir__frames_drop(&frames);
    ck_assert(!there_is_one());
    ck_assert_int_eq(weir__frames_at_end(&frames, &err), WEIR_OK);
}
END_TEST

START_TEST(frames_that_come_at_once_are_given_one_by_one)
{
    for (int i = 0; i < 3000; i++)
        GIVE("\0\0\0\2\5\0\0\0\0\6\4\0\0\0\1k");
    for (int i = 0; i < 3000; i++) {
        weir_bytes key;
        weir_frame frame = next();
        bool is_at_once;

        ck_assert_int_eq(weir__down_stop(&frame, &is_at_once, &err), WEIR_OK);
        ck_assert(!is_at_once);
        weir__frames_drop(&frames);
        frame = next();
        ck_assert_uint_eq(frame.number, (uint64_t)(2 * i + 2));
        ck_assert_int_eq(weir__down_forget(&frame, &key, &err), WEIR_OK);
        ck_assert(weir__bytes_equal(key, weir__bytes_text("k")));
        weir__frames_drop(&frames);
    }
    ck_assert_uint_eq(weir__frames_held(&frames), 0);
}
END_TEST

START_TEST(a_length_that_is_none_is_refused_before_its_bytes_come)
{
    GIVE("\0\0\0\2\5\0");
    weir__frames_drop(&frames);
    GIVE("\0\0\0\0");
    refused("frame 2 of the input, at byte 6: its length is 0, 1..1048576 allowed");
    tear_down();
    set_up();
    GIVE("\0\x10\0\1");
    refused("its length is 1048577");
    tear_down();
    set_up();
    GIVE("\xFF\xFF\xFF\xFF");
    refused("its length is 4294967295");
}
END_TEST

START_TEST(a_type_that_nobody_knows_is_refused)
{
    GIVE("\0\0\0\1\7");
    refused("type 7 is not known");
    tear_down();
    set_up();
    GIVE("\0\0\0\1\0");
    refused("type 0 is not known");
}
END_TEST

START_TEST(a_large_frame_takes_memory_as_it_comes)
{
    static uint8_t chunk[1 << 16];
    size_t room;

    frames.most = 64 << 20;
    GIVE("\2\0\0\1\3"); /* 32 MiB are announced */
    ck_assert_ptr_nonnull(weir__frames_room(&frames, &room));
    ck_assert_uint_lt(frames.capacity, 1 << 20);
    for (size_t i = 0; i < 512; i++)
        give(chunk, sizeof chunk);
    ck_assert_uint_eq(next().body.size, 32 << 20);
    weir__frames_drop(&frames);
    ck_assert_ptr_nonnull(weir__frames_room(&frames, &room));
    ck_assert_uint_lt(frames.capacity, 1 << 20);
}
END_TEST

START_TEST(an_input_that_ends_within_a_frame_is_said_to)
{
    GIVE("\0\0\0\2\5\0\0\0\0\2\5");
    ck_assert_int_eq(weir__frames_at_end(&frames, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, "ends within a frame, behind 5 of its bytes, at byte 11"), "%s", err.message);
    GIVE("\0\0\0");
    ck_assert_int_eq(weir__frames_at_end(&frames, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, "behind 2 of its bytes"), "%s", err.message);
}
END_TEST

START_TEST(a_stop_is_seen_behind_frames_that_were_not_taken)
{
    ck_assert(!weir__frames_end_in(&frames, WEIR__DOWN_STOP));
    GIVE("\0\0\0\6\4\0\0\0\1k\0\0\0\2\5");
    ck_assert(!weir__frames_end_in(&frames, WEIR__DOWN_STOP));
    GIVE("\0");
    ck_assert(weir__frames_end_in(&frames, WEIR__DOWN_STOP));
}
END_TEST

/* ---- order ------------------------------------------------------------------------------------------------------- */

static bool may_come(weir_talk talk, weir_down type)
{
    weir_frame frame = { type, { NULL, 0 }, 3 };
    bool may = weir__talk_take(&talk, &frame, &err) == WEIR_OK;

    if (!may)
        ck_assert_msg(strstr(err.message, weir__down_name(type)) && strstr(err.message, "frame 3"), "%s", err.message);
    return may;
}

START_TEST(frames_come_in_their_order_or_are_refused)
{
    for (weir_down type = WEIR__DOWN_HELLO; type <= WEIR__DOWN_KEY; type++) {
        ck_assert(may_come(WEIR__TALK_NOT, type) == (type == WEIR__DOWN_HELLO));
        ck_assert(may_come(WEIR__TALK_GREETED, type) == (type == WEIR__DOWN_OPEN));
        ck_assert(may_come(WEIR__TALK_OPEN, type) == (type > WEIR__DOWN_OPEN));
        ck_assert(!may_come(WEIR__TALK_STOPPED, type));
    }
}
END_TEST

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

#define RUN                                                                                                        \
    "\0\0\0\0\0\0\0\1" "\0\0\0\7" "\1" "\0\0\0\3s/0" "\0\0\0\0\0\0\0\5" "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"         \
    "\0\0\0\1k" "\xFF\xFF\xFF\xFF" "\0\0\0\1" "\0\0\0\1p" "\0\0\0\2\2v"                                            \
    "\0\0\0\1" "\0\0\0\0\0\0\0\x09" "\0\0\0\1e"

static weir_frame frame_of(weir_down type, const char *body, size_t size)
{
    return (weir_frame){ type, weir__bytes(body, size), 4 };
}

#define FRAME(type, body) frame_of(type, body, sizeof(body) - 1)

START_TEST(a_run_is_taken_apart)
{
    weir_frame frame = FRAME(WEIR__DOWN_RUN, RUN);
    weir_down_run run;
    weir_bytes path, value;
    int64_t place;

    ck_assert_int_eq(weir__down_run(&frame, &run, &err), WEIR_OK);
    ck_assert_uint_eq(run.ticket, 1);
    ck_assert_uint_eq(run.key_group, 7);
    ck_assert_uint_eq(run.flags, WEIR__RUN_HAS_MEMORY);
    ck_assert(weir__bytes_equal(run.source, weir__bytes_text("s/0")));
    ck_assert_uint_eq(run.index, 5);
    ck_assert_int_eq(run.timestamp_ms, -1);
    ck_assert(weir__bytes_equal(run.key, weir__bytes_text("k")));
    ck_assert_ptr_null(run.payload.data);
    ck_assert(weir__list_pair(&run.cells, &path, &value));
    ck_assert(weir__bytes_equal(path, weir__bytes_text("p")));
    ck_assert(weir__bytes_equal(value, weir__bytes_text("\2v")));
    ck_assert(!weir__list_pair(&run.cells, &path, &value));
    ck_assert(weir__list_entry(&run.entries, &place, &value));
    ck_assert_int_eq(place, 9);
    ck_assert(weir__bytes_equal(value, weir__bytes_text("e")));
    ck_assert(!weir__list_entry(&run.entries, &place, &value));
}
END_TEST

START_TEST(a_body_that_is_cut_off_anywhere_is_refused)
{
    for (size_t size = 0; size < sizeof RUN - 1; size++) {
        weir_frame frame = frame_of(WEIR__DOWN_RUN, RUN, size);
        weir_down_run run;

        ck_assert_int_eq(weir__down_run(&frame, &run, &err), WEIR_IO);
        ck_assert_msg(strstr(err.message, "a RUN of ") && strstr(err.message, "cut off"), "%s", err.message);
    }
}
END_TEST

static void run_is_refused(const char *body, size_t size, const char *words)
{
    weir_frame frame = frame_of(WEIR__DOWN_RUN, body, size);
    weir_down_run run;

    ck_assert_int_eq(weir__down_run(&frame, &run, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, words) != NULL, "no '%s' in: %s", words, err.message);
}

START_TEST(what_is_wrong_in_a_body_is_named)
{
    char body[] = RUN "x";

    run_is_refused(body, sizeof body - 1, "1 of them stand behind its last field");
    body[12] = 0;
    run_is_refused(body, sizeof body - 2, "a cell is there without HAS_MEMORY");
    body[12] = 16;
    run_is_refused(body, sizeof body - 2, "flags has one that is not known");
    body[12] = 1;
    body[17] = 0;
    run_is_refused(body, sizeof body - 2, "source has a NUL in it");
    body[17] = (char)0xC0;
    run_is_refused(body, sizeof body - 2, "source is not UTF-8");
    memset(body + 13, 0xFF, 4);
    run_is_refused(body, sizeof body - 2, "source is absent");
    memcpy(body + 13, "\xFF\xFF\xFF\xFE", 4);
    run_is_refused(body, sizeof body - 2, "source is cut off");
}
END_TEST

START_TEST(a_list_that_promises_more_than_there_is_is_refused)
{
    weir_frame frame = FRAME(WEIR__DOWN_OPEN, "\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1j"
                                              "\xFF\xFF\xFF\xFF\0\0\0\1a\0\0\0\1b");
    weir_down_open open;

    ck_assert_int_eq(weir__down_open(&frame, &open, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, "a setting is cut off"), "%s", err.message);
}
END_TEST

START_TEST(hello_and_open_are_taken_apart)
{
    weir_frame hello = FRAME(WEIR__DOWN_HELLO, "WEIR\0\1\0\3\0\0\0\5flink");
    weir_frame foreign = FRAME(WEIR__DOWN_HELLO, "WIER\0\1\0\3\0\0\0\5flink");
    weir_frame frame = FRAME(WEIR__DOWN_OPEN, "\0\0\0\1\0\0\0\2\0\0\0\x80\0\0\0\x40\0\0\0\x7F\0\0\0\3\1\0\0\0\1j"
                                              "\0\0\0\1\0\0\0\1a\0\0\0\1b\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\x0A\0\0\0\x40");
    weir_down_hello greeting;
    weir_down_open open;
    weir_bytes name, value;
    uint32_t partition;
    int64_t position;

    ck_assert_int_eq(weir__down_hello(&hello, &greeting, &err), WEIR_OK);
    ck_assert_uint_eq(greeting.lowest, 1);
    ck_assert_uint_eq(greeting.highest, 3);
    ck_assert_int_eq(weir__down_hello(&foreign, &greeting, &err), WEIR_IO);
    ck_assert_msg(strstr(err.message, "the magic number"), "%s", err.message);
    ck_assert_int_eq(weir__down_open(&frame, &open, &err), WEIR_OK);
    ck_assert_uint_eq(open.max_parallelism, 128);
    ck_assert_uint_eq(open.first_group, 64);
    ck_assert_uint_eq(open.last_group, 127);
    ck_assert(open.is_restored);
    ck_assert_uint_eq(open.partitions, 64);
    ck_assert(weir__list_pair(&open.settings, &name, &value));
    ck_assert(weir__bytes_equal(name, weir__bytes_text("a")) && weir__bytes_equal(value, weir__bytes_text("b")));
    ck_assert(weir__list_marker(&open.markers, &partition, &position));
    ck_assert_uint_eq(partition, 2);
    ck_assert_int_eq(position, 10);
    ck_assert(!weir__list_marker(&open.markers, &partition, &position));
}
END_TEST

/* ---- going out --------------------------------------------------------------------------------------------------- */

START_TEST(frames_are_put_together_one_behind_the_other)
{
    size_t at, begin = weir__up_begin(&out, WEIR__UP_BATCH);

    at = out.size;
    weir__up_u32(&out, 0);
    weir__up_u64(&out, 7);
    weir__up_u32(&out, 1);
    weir__up_bytes(&out, weir__bytes_text("o"));
    weir__up_bytes(&out, (weir_bytes){ NULL, 0 });
    weir__up_bytes(&out, weir__bytes(NULL, 0));
    weir__up_count(&out, at, 1);
    ck_assert_int_eq(weir__up_end(&out, begin, 100, &err), WEIR_OK);
    begin = weir__up_begin(&out, WEIR__UP_BYE);
    ck_assert_int_eq(weir__up_end(&out, begin, 100, &err), WEIR_OK);
    ck_assert_uint_eq(out.size, 39);
    ck_assert_uint_eq(weir__get_32(out.data), 30);
    ck_assert_uint_eq(out.data[4], WEIR__UP_BATCH);
    ck_assert_uint_eq(weir__get_32(out.data + 5), 1);
    ck_assert_uint_eq(weir__get_64(out.data + 9), 7);
    ck_assert_mem_eq(out.data + 21, "\0\0\0\1o\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\1\x09", 18);
}
END_TEST

START_TEST(a_frame_that_is_too_large_is_none)
{
    size_t begin = weir__up_begin(&out, WEIR__UP_FATAL);

    weir__up_text(&out, "WEIR_IO");
    ck_assert_int_eq(weir__up_end(&out, begin, 11, &err), WEIR_LIMIT);
    ck_assert_msg(strstr(err.message, "12 bytes, 11 allowed"), "%s", err.message);
    ck_assert_uint_eq(out.size, 0);
}
END_TEST

START_TEST(what_finds_no_room_is_noted_until_the_end_of_its_frame)
{
    size_t begin;

    weir__buffer_clear(&out);
    weir__buffer_init(&out, 8);
    begin = weir__up_begin(&out, WEIR__UP_FATAL);
    weir__up_text(&out, "more than that");
    ck_assert_int_eq(weir__up_end(&out, begin, 100, &err), WEIR_NO_MEMORY);
    ck_assert_uint_eq(out.size, 0);
    begin = weir__up_begin(&out, WEIR__UP_BYE);
    ck_assert_int_eq(weir__up_end(&out, begin, 100, &err), WEIR_OK);
}
END_TEST

START_TEST(text_that_is_no_utf_8_is_made_so)
{
    weir__up_text(&out, "a\xFF" "b\xC3\xA9");
    ck_assert_uint_eq(out.size, 11);
    ck_assert_mem_eq(out.data, "\0\0\0\7a\xEF\xBF\xBD" "b\xC3\xA9", 11);
}
END_TEST

static TCase *aspect(Suite *suite, const char *name)
{
    TCase *test_case = tcase_create(name);

    tcase_add_checked_fixture(test_case, set_up, tear_down);
    suite_add_tcase(suite, test_case);
    return test_case;
}

int main(void)
{
    Suite *suite = suite_create("host/worker_frames");
    TCase *stream = aspect(suite, "stream"), *bodies = aspect(suite, "bodies"), *up = aspect(suite, "up");

    tcase_add_test(stream, a_frame_is_given_once_it_is_whole_and_stays_until_it_is_dropped);
    tcase_add_test(stream, frames_that_come_at_once_are_given_one_by_one);
    tcase_add_test(stream, a_length_that_is_none_is_refused_before_its_bytes_come);
    tcase_add_test(stream, a_type_that_nobody_knows_is_refused);
    tcase_add_test(stream, a_large_frame_takes_memory_as_it_comes);
    tcase_add_test(stream, an_input_that_ends_within_a_frame_is_said_to);
    tcase_add_test(stream, a_stop_is_seen_behind_frames_that_were_not_taken);
    tcase_add_test(stream, frames_come_in_their_order_or_are_refused);
    tcase_add_test(bodies, a_run_is_taken_apart);
    tcase_add_test(bodies, a_body_that_is_cut_off_anywhere_is_refused);
    tcase_add_test(bodies, what_is_wrong_in_a_body_is_named);
    tcase_add_test(bodies, a_list_that_promises_more_than_there_is_is_refused);
    tcase_add_test(bodies, hello_and_open_are_taken_apart);
    tcase_add_test(up, frames_are_put_together_one_behind_the_other);
    tcase_add_test(up, a_frame_that_is_too_large_is_none);
    tcase_add_test(up, what_finds_no_room_is_noted_until_the_end_of_its_frame);
    tcase_add_test(up, text_that_is_no_utf_8_is_made_so);
    return weir__suite_run(suite);
}
