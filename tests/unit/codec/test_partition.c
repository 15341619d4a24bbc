/* SPDX-License-Identifier: Apache-2.0 */
/* codec/partition: held against Kafka's own. */
#include "codec/partition.h"
#include "murmur2_vectors.h"
#include "support.h"

/* Kafka's UtilsTest.testMurmur2. */
START_TEST(kafkas_own_test_holds)
{
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = { { "21", -973932308 },
                  { "foobar", -790332482 },
                  { "a-little-bit-long-string", -985981536 },
                  { "a-little-bit-longer-string", -1486304829 },
                  { "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 },
                  { "abc", 479470107 } };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_msg(weir__murmur2(weir__bytes_text(cases[i].key)) == (uint32_t)cases[i].hash, "%s", cases[i].key);
}
END_TEST

START_TEST(a_thousand_keys_lie_where_the_java_client_puts_them)
{
    uint64_t state = 1;

    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t *key = malloc(40);
        size_t size = next_random(&state) % 40;
        uint8_t *exact;

        ck_assert_ptr_nonnull(key);
        for (size_t j = 0; j < size; j++)
            key[j] = (uint8_t)next_random(&state);
        exact = realloc(key, size ? size : 1); /* for a sanitizer to watch its end */
        ck_assert_ptr_nonnull(exact);
        ck_assert_msg(weir__murmur2(weir__bytes(exact, size)) == vectors[i].hash, "key %zu", i);
        ck_assert_int_eq(weir__partition_of(weir__bytes(exact, size), (int32_t)i + 1), vectors[i].partition);
        free(exact);
    }
}
END_TEST

START_TEST(a_partition_is_one_of_them)
{
    weir_bytes negative = weir__bytes_text("21"); /* its hash is, as Java has numbers */

    ck_assert_int_eq(weir__partition_of(negative, 1), 0);
    ck_assert_int_eq(weir__partition_of(negative, INT32_MAX), (-973932308 & INT32_MAX) % INT32_MAX);
    ck_assert_int_ge(weir__partition_of(weir__bytes("", 0), 7), 0);
    ck_assert_int_lt(weir__partition_of(weir__bytes("", 0), 7), 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("codec/partition");
    TCase *tcase = new_case(suite, "partition");

    tcase_add_test(tcase, kafkas_own_test_holds);
    tcase_add_test(tcase, a_thousand_keys_lie_where_the_java_client_puts_them);
    tcase_add_test(tcase, a_partition_is_one_of_them);
    return weir__suite_run(suite);
}
