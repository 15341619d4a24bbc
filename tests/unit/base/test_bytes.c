/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers, arenas, and what is derived from bytes for good: hashes and ids. */
#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/hash.h"
#include "base/uuid.h"
#include "suite.h"

/* ---- buffers ----------------------------------------------------------------------------------------------------- */

START_TEST(a_buffer_fills_up_to_its_maximum_and_not_a_byte_further)
{
    weir_buffer buffer;

    weir__buffer_init(&buffer, 100);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(weir__buffer_add_byte(&buffer, (uint8_t)i), WEIR_OK);
    ck_assert_int_eq(weir__buffer_add_byte(&buffer, 0), WEIR_LIMIT);
    ck_assert_uint_eq(buffer.size, 100);
    ck_assert_uint_eq(buffer.capacity, 100);
    ck_assert_int_eq(buffer.data[99], 99);
    ck_assert_int_eq(weir_buffer_append(&buffer, NULL, 0), WEIR_OK);
    weir__buffer_clear(&buffer);
}
END_TEST

START_TEST(an_append_that_fails_changes_nothing)
{
    weir_buffer buffer;

    weir__buffer_init(&buffer, 8);
    ck_assert_int_eq(weir_buffer_append(&buffer, "abc", 3), WEIR_OK);
    ck_assert_int_eq(weir_buffer_append(&buffer, "123456", 6), WEIR_LIMIT);
    ck_assert(weir__bytes_equal(weir__buffer_bytes(&buffer), weir__bytes_text("abc")));
    ck_assert_int_eq(weir__buffer_reserve(&buffer, SIZE_MAX), WEIR_LIMIT); /* the sum would wrap */
    ck_assert_int_eq(weir_buffer_append(&buffer, "12345", 5), WEIR_OK);
    ck_assert(weir__bytes_equal(weir__buffer_bytes(&buffer), weir__bytes_text("abc12345")));
    weir__buffer_clear(&buffer);
}
END_TEST

START_TEST(an_empty_buffer_is_present_and_a_cleared_one_may_be_used_again)
{
    weir_buffer buffer;

    weir__buffer_init(&buffer, SIZE_MAX);
    ck_assert_ptr_nonnull(weir__buffer_bytes(&buffer).data);
    ck_assert_uint_eq(weir__buffer_bytes(&buffer).size, 0);
    for (int round = 0; round < 2; round++) {
        ck_assert_int_eq(weir_buffer_append(&buffer, "x", 1), WEIR_OK);
        weir__buffer_clear(&buffer);
        ck_assert_uint_eq(buffer.size, 0);
    }
    ck_assert_int_eq(weir_buffer_append(&buffer, "x", 1), WEIR_OK);
    weir__buffer_reset(&buffer);
    ck_assert_uint_eq(buffer.size, 0);
    ck_assert_uint_gt(buffer.capacity, 0);
    weir__buffer_clear(&buffer);
}
END_TEST

START_TEST(bytes_compare_as_memcmp_and_what_begins_another_comes_first)
{
    ck_assert_int_lt(weir__bytes_compare(weir__bytes_text("a"), weir__bytes_text("ab")), 0);
    ck_assert_int_gt(weir__bytes_compare(weir__bytes_text("b"), weir__bytes_text("ab")), 0);
    ck_assert_int_lt(weir__bytes_compare(weir__bytes_text("a"), weir__bytes_text("\xff")), 0);
    ck_assert_int_eq(weir__bytes_compare(weir__bytes(NULL, 0), weir__bytes_text("")), 0);
    ck_assert(!weir__bytes_equal(weir__bytes("a\0b", 3), weir__bytes("a\0c", 3)));
}
END_TEST

/* ---- arenas ------------------------------------------------------------------------------------------------------ */

START_TEST(allocations_are_aligned_and_apart)
{
    weir_arena arena;
    uint8_t *pieces[200];

    weir__arena_init(&arena, 256);
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = weir__arena_alloc(&arena, i);
        ck_assert_uint_eq((uintptr_t)pieces[i] % 16, 0);
        if (i)
            memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t j = 0; j < i; j++)
            ck_assert_int_eq(pieces[i][j], (int)i);
    }
    weir__arena_clear(&arena);
}
END_TEST

START_TEST(no_allocation_is_too_large_to_be_refused)
{
    weir_arena arena;

    weir__arena_init(&arena, 256);
    ck_assert_ptr_null(weir__arena_alloc(&arena, SIZE_MAX));
    ck_assert_ptr_null(weir__arena_alloc(&arena, SIZE_MAX - 15));
    ck_assert_ptr_null(weir__arena_copy(&arena, weir__bytes("x", SIZE_MAX)).data);
    weir__arena_clear(&arena);
}
END_TEST

START_TEST(reset_keeps_one_ordinary_block)
{
    weir_arena arena;
    void *first;
    size_t footprint;

    weir__arena_init(&arena, 256);
    first = weir__arena_alloc(&arena, 16);
    footprint = weir__arena_footprint(&arena);
    for (int i = 0; i < 100; i++)
        ck_assert_ptr_nonnull(weir__arena_alloc(&arena, 1000));
    ck_assert_uint_gt(weir__arena_footprint(&arena), 100000);
    weir__arena_reset(&arena);
    ck_assert_uint_eq(weir__arena_footprint(&arena), footprint);
    ck_assert_ptr_eq(weir__arena_alloc(&arena, 16), first);
    weir__arena_clear(&arena);
    ck_assert_uint_eq(weir__arena_footprint(&arena), 0);
    weir__arena_reset(&arena);
    ck_assert_ptr_nonnull(weir__arena_alloc(&arena, 1)); /* a cleared one may be used again */
    weir__arena_clear(&arena);
}
END_TEST

START_TEST(reset_gives_back_a_first_block_that_was_extraordinary)
{
    weir_arena arena;

    weir__arena_init(&arena, 256);
    ck_assert_ptr_nonnull(weir__arena_alloc(&arena, 1 << 20));
    weir__arena_reset(&arena);
    ck_assert_uint_eq(weir__arena_footprint(&arena), 0);
    weir__arena_clear(&arena);
}
END_TEST

START_TEST(the_newest_allocation_is_resized_in_place)
{
    weir_arena arena;
    char *data, *next;

    weir__arena_init(&arena, 256);
    (void)weir__arena_alloc(&arena, 16);
    data = weir__arena_alloc(&arena, 64);
    ck_assert_ptr_eq(weir__arena_resize(&arena, data, 64, 128), data);
    ck_assert_ptr_eq(weir__arena_resize(&arena, data, 128, 16), data);
    next = weir__arena_alloc(&arena, 16);
    ck_assert_ptr_eq(next, data + 16); /* what it no longer needs */
    ck_assert_ptr_eq(weir__arena_resize(&arena, data, 16, 8), data);
    weir__arena_clear(&arena);
}
END_TEST

START_TEST(a_resized_allocation_keeps_its_content_wherever_it_moves)
{
    weir_arena arena;
    char *old_one, *moved, *large;

    weir__arena_init(&arena, 256);
    old_one = weir__arena_alloc(&arena, 8);
    memcpy(old_one, "content", 8);
    (void)weir__arena_alloc(&arena, 16);
    moved = weir__arena_resize(&arena, old_one, 8, 64); /* not the newest */
    ck_assert_ptr_ne(moved, old_one);
    ck_assert_str_eq(moved, "content");
    moved = weir__arena_resize(&arena, moved, 64, 4096); /* the newest, but no room */
    ck_assert_str_eq(moved, "content");
    large = weir__arena_alloc(&arena, 1 << 20);
    memcpy(large, "content", 8);
    large = weir__arena_resize(&arena, large, 1 << 20, 3 << 20); /* alone in its block */
    ck_assert_str_eq(large, "content");
    memset(large, 1, 3 << 20);
    ck_assert_str_eq(moved, "content");
    ck_assert_ptr_null(weir__arena_resize(&arena, large, 3 << 20, SIZE_MAX));
    ck_assert_int_eq(large[0], 1);
    weir__arena_clear(&arena);
}
END_TEST

START_TEST(a_copy_has_a_nul_behind_it_and_an_empty_one_is_present)
{
    weir_arena arena;
    weir_bytes copy;

    weir__arena_init(&arena, 256);
    copy = weir__arena_copy(&arena, weir__bytes("a\0b", 3));
    ck_assert_uint_eq(copy.size, 3);
    ck_assert_int_eq(memcmp(copy.data, "a\0b", 4), 0);
    copy = weir__arena_copy(&arena, (weir_bytes){ NULL, 0 });
    ck_assert_ptr_nonnull(copy.data);
    ck_assert_uint_eq(copy.size, 0);
    weir__arena_clear(&arena);
}
END_TEST

/* ---- for good ---------------------------------------------------------------------------------------------------- */

/* Files and ids depend on these: a change here is a break. The first three are XXH64's own test values. */
START_TEST(stable_hashes_never_change)
{
    static const char fox[] = "The quick brown fox jumps over the lazy dog";

    ck_assert_uint_eq(weir__hash_stable(weir__bytes(NULL, 0), 0), 0xEF46DB3751D8E999u);
    ck_assert_uint_eq(weir__hash_stable(weir__bytes_text("a"), 0), 0xD24EC4F1A98C6E5Bu);
    ck_assert_uint_eq(weir__hash_stable(weir__bytes_text(fox), 0), 0x0B242D361FDA71BCu);
    ck_assert_uint_ne(weir__hash_stable(weir__bytes_text("a"), 1), weir__hash_stable(weir__bytes_text("a"), 0));
}
END_TEST

/* RFC 9562, 5.5: SHA-1 of the name space's bytes and the name. Worked out with another program. */
START_TEST(named_uuids_never_change)
{
    char text[WEIR__UUID_TEXT];

    weir__uuid_named(weir__bytes_text("words/0"), text);
    ck_assert_str_eq(text, "83985567-9629-5965-a446-a863ba9e2a6e");
    weir__uuid_named(weir__bytes_text("words/0#1"), text);
    ck_assert_str_eq(text, "66420ac6-fac3-558f-87a7-6b94deb9dba1");
    weir__uuid_named(weir__bytes_text(""), text);
    ck_assert_str_eq(text, "3d5bca2b-0e1b-566b-a187-94360f051261");
}
END_TEST

START_TEST(random_uuids_are_version_4_and_differ)
{
    char a[WEIR__UUID_TEXT], b[WEIR__UUID_TEXT];

    weir__uuid_random(a);
    weir__uuid_random(b);
    ck_assert_str_ne(a, b);
    ck_assert_uint_eq(strlen(a), 36);
    ck_assert_int_eq(a[14], '4');
    ck_assert_ptr_nonnull(strchr("89ab", a[19]));
}
END_TEST

START_TEST(table_hashes_depend_on_their_seed)
{
    ck_assert_uint_eq(weir__hash(weir__bytes_text("a"), 1), weir__hash(weir__bytes_text("a"), 1));
    ck_assert_uint_ne(weir__hash(weir__bytes_text("a"), 1), weir__hash(weir__bytes_text("a"), 2));
    ck_assert_uint_ne(weir__hash_seed(), weir__hash_seed());
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base/bytes");
    TCase *buffers = tcase_create("buffers"), *arenas = tcase_create("arenas"), *stable = tcase_create("for good");

    tcase_add_test(buffers, a_buffer_fills_up_to_its_maximum_and_not_a_byte_further);
    tcase_add_test(buffers, an_append_that_fails_changes_nothing);
    tcase_add_test(buffers, an_empty_buffer_is_present_and_a_cleared_one_may_be_used_again);
    tcase_add_test(buffers, bytes_compare_as_memcmp_and_what_begins_another_comes_first);
    suite_add_tcase(suite, buffers);
    tcase_add_test(arenas, allocations_are_aligned_and_apart);
    tcase_add_test(arenas, no_allocation_is_too_large_to_be_refused);
    tcase_add_test(arenas, reset_keeps_one_ordinary_block);
    tcase_add_test(arenas, reset_gives_back_a_first_block_that_was_extraordinary);
    tcase_add_test(arenas, the_newest_allocation_is_resized_in_place);
    tcase_add_test(arenas, a_resized_allocation_keeps_its_content_wherever_it_moves);
    tcase_add_test(arenas, a_copy_has_a_nul_behind_it_and_an_empty_one_is_present);
    suite_add_tcase(suite, arenas);
    tcase_add_test(stable, stable_hashes_never_change);
    tcase_add_test(stable, named_uuids_never_change);
    tcase_add_test(stable, random_uuids_are_version_4_and_differ);
    tcase_add_test(stable, table_hashes_depend_on_their_seed);
    suite_add_tcase(suite, stable);
    return weir__suite_run(suite);
}
