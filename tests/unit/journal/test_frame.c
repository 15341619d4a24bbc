/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of a journal entry: what goes in comes out, and nothing else ever does. */
#include <string.h>

#include "journal/frame.h"
#include "suite.h"

static weir_buffer sealed;

static void set_up(void)
{
    weir__buffer_init(&sealed, SIZE_MAX);
    ck_assert_int_eq(weir__frame_seal(WEIR__ENTRY_RESULT, weir__bytes_text("{\"a\":1}"), &sealed), WEIR_OK);
}

static void tear_down(void)
{
    weir__buffer_clear(&sealed);
}

static weir_code open_bytes(size_t size, weir_error *err)
{
    weir_entry_kind kind;
    weir_bytes payload;

    return weir__frame_open(weir__bytes(sealed.data, size), &kind, &payload, err);
}

START_TEST(what_is_sealed_is_what_is_opened)
{
    weir_entry_kind kind;
    weir_bytes payload;

    ck_assert_int_eq(weir__frame_open(weir__buffer_bytes(&sealed), &kind, &payload, NULL), WEIR_OK);
    ck_assert_int_eq(kind, WEIR__ENTRY_RESULT);
    ck_assert_uint_eq(payload.size, 7);
    ck_assert_mem_eq(payload.data, "{\"a\":1}", 7);
}
END_TEST

START_TEST(the_bytes_are_the_same_on_every_machine)
{
    static const uint8_t head[] = { 0, 0, 0, 7, 2, 1, 0xc4, 0x83, 0x06, 0x32 };

    ck_assert_uint_eq(sealed.size, 17);
    ck_assert_mem_eq(sealed.data, head, sizeof head);
    ck_assert_mem_eq(sealed.data + 10, "{\"a\":1}", 7);
}
END_TEST

START_TEST(an_empty_payload_is_fine)
{
    weir__buffer_reset(&sealed);
    ck_assert_int_eq(weir__frame_seal(WEIR__ENTRY_RESULT, weir__bytes("", 0), &sealed), WEIR_OK);
    ck_assert_int_eq(open_bytes(sealed.size, NULL), WEIR_OK);
}
END_TEST

START_TEST(an_entry_that_is_cut_off_anywhere_is_refused)
{
    weir_error err;

    for (size_t size = 0; size < sealed.size; size++) {
        ck_assert_int_eq(open_bytes(size, &err), WEIR_IO);
        ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
    }
}
END_TEST

START_TEST(an_entry_with_any_bit_turned_is_refused)
{
    for (size_t at = 0; at < sealed.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            sealed.data[at] ^= (uint8_t)(1 << bit);
            ck_assert_int_eq(open_bytes(sealed.size, NULL), WEIR_IO);
            sealed.data[at] ^= (uint8_t)(1 << bit);
        }
    }
    ck_assert_int_eq(open_bytes(sealed.size, NULL), WEIR_OK);
}
END_TEST

START_TEST(an_entry_of_a_newer_version_says_so)
{
    weir_error err;

    sealed.data[4] = 9;
    ck_assert_int_eq(open_bytes(sealed.size, &err), WEIR_IO);
    ck_assert_ptr_nonnull(strstr(err.message, "has version 9, this weir knows 2"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal/entry");
    TCase *frame = tcase_create("frame");

    tcase_add_checked_fixture(frame, set_up, tear_down);
    tcase_add_test(frame, what_is_sealed_is_what_is_opened);
    tcase_add_test(frame, the_bytes_are_the_same_on_every_machine);
    tcase_add_test(frame, an_empty_payload_is_fine);
    tcase_add_test(frame, an_entry_that_is_cut_off_anywhere_is_refused);
    tcase_add_test(frame, an_entry_with_any_bit_turned_is_refused);
    tcase_add_test(frame, an_entry_of_a_newer_version_says_so);
    suite_add_tcase(suite, frame);
    return weir__suite_run(suite);
}
