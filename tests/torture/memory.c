/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

static _Atomic int64_t fail_in; /* 0: never */
static atomic_bool fail_for_good, has_failed;

static bool must_fail(void)
{
    if (fail_in <= 0)
        return false;
    if (fail_in > 1) {
        fail_in--;
        return false;
    }
    if (!fail_for_good)
        fail_in = 0;
    has_failed = true;
    return true;
}

void memory_fail(uint64_t n, bool for_good)
{
    fail_for_good = for_good;
    fail_in = (int64_t)n;
    if (n)
        has_failed = false;
}

bool memory_has_failed(void)
{
    return has_failed;
}

/* ---- ours ------------------------------------------------------------------------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return must_fail() ? NULL : __real_realloc(memory, size);
}

/* ---- SQLite's --------------------------------------------------------------------------------------------------- */

static sqlite3_mem_methods beneath;

static void *sqlite_malloc(int size)
{
    return must_fail() ? NULL : beneath.xMalloc(size);
}

static void *sqlite_realloc(void *memory, int size)
{
    return must_fail() ? NULL : beneath.xRealloc(memory, size);
}

void memory_install(void)
{
    sqlite3_mem_methods methods;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &beneath) != SQLITE_OK)
        abort();
    methods = beneath;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) != SQLITE_OK)
        abort();
}
