/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th allocation fails, for every n: an error each time, and nothing leaks (ASan sees to that). */
#include "support.h"

#include <stdint.h>

/* Linked with --wrap: our calls come here, libyaml's go to libc. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *data, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *data, size_t size);

static int64_t countdown = -1; /* allocations that still succeed; -1: all */

static bool fails(void)
{
    if (countdown < 0)
        return false;
    return countdown-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *data, size_t size)
{
    return fails() ? NULL : __real_realloc(data, size);
}

static weir_code read_all(weir_error *err)
{
    static const char yaml[] = "input: {topics: [a, b]}\nlimits: {depth: 5}\nstate: {dir: \"$${x}\"}\n"
                               "kafka: {a: 1, ssl: {b: \"${env:WEIR_TEST_VALUE}\"}}\n";
    char *const environment[] = { (char *)(uintptr_t)"WEIR_INPUT_TOPICS=x,y,z", NULL };
    weir_config *config = NULL;
    weir_code rc = weir__config_new(&config, err);

    if (rc == WEIR_OK)
        rc = weir__config_read(config, weir__bytes_text(yaml), "job.yaml", err);
    if (rc == WEIR_OK)
        rc = weir__config_read_environment(config, environment, err);
    if (rc == WEIR_OK)
        rc = weir__config_set(config, "kafka.c=5", err);
    weir__config_free(config);
    return rc;
}

START_TEST(every_failed_allocation_is_an_error)
{
    int64_t n = 0;
    weir_code rc;

    ck_assert_int_eq(setenv("WEIR_TEST_VALUE", "v", 1), 0);
    do {
        weir_error err = { 0 };

        countdown = n++;
        rc = read_all(&err);
        if (countdown >= 0 || rc == WEIR_OK)
            break;
        countdown = -1;
        ck_assert_int_eq(rc, WEIR_NO_MEMORY);
        ck_assert_int_eq(err.code, WEIR_NO_MEMORY);
        ck_assert_int_eq(err.remedy, WEIR_REMEDY_STOP);
        ck_assert_msg(strncmp(err.message, "no memory for ", 14) == 0, "%s", err.message);
    } while (n < 10000);
    countdown = -1;
    ck_assert_int_eq(rc, WEIR_OK);
    ck_assert_int_gt(n, 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config/memory");
    TCase *memory = tcase_create("memory");

    tcase_add_test(memory, every_failed_allocation_is_an_error);
    suite_add_tcase(suite, memory);
    return weir__suite_run(suite);
}
