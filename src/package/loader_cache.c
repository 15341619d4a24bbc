/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the loader's cache. Its form, in the machine's byte order; it may stand behind one of an older form:
 *
 *     "glibc-ld.so.cache1.1"  u32 entries  u32 size of the strings  u8 flags  3 unused  u32 extensions  12 unused
 *     entries: i32 flags  u32 name  u32 path  u32 unused  u64 features      (offsets from the beginning of the form)
 *     strings
 */
#include "package/loader_cache.h"

#include <stdint.h>
#include <string.h>

enum { HEADER = 48, ENTRY = 24, KIND_MASK = 0xFF, KIND_LIBRARY = 3 };

static const char magic[] = "glibc-ld.so.cache1.1";
static const char old_magic[] = "ld.so-1.7.0";

static uint32_t number_at(const uint8_t *data)
{
    uint32_t number;

    memcpy(&number, data, sizeof number);
    return number;
}

/* The newer form, or nothing. */
static weir_bytes newer_form(weir_bytes cache)
{
    weir_bytes none = { cache.data, 0 };
    size_t at = 0;

    if (cache.size >= 16 && memcmp(cache.data, old_magic, sizeof old_magic - 1) == 0) {
        /* Its magic with padding and a count, 12 bytes an entry, then the newer form at the next multiple of 8. */
        at = 16 + (size_t)number_at(cache.data + 12) * 12;
        at = (at + 7) / 8 * 8;
    }
    if (at > cache.size || cache.size - at < HEADER || memcmp(cache.data + at, magic, sizeof magic - 1) != 0)
        return none;
    return (weir_bytes){ cache.data + at, cache.size - at };
}

static const char *text_at(weir_bytes form, uint32_t at)
{
    if (at >= form.size || !memchr(form.data + at, '\0', form.size - at))
        return NULL;
    return (const char *)form.data + at;
}

const char *weir__loader_cache_next(weir_bytes cache, const char *library, size_t *cursor)
{
    weir_bytes form = newer_form(cache);
    size_t count = form.size ? number_at(form.data + 20) : 0;

    if (count > (form.size ? (form.size - HEADER) / ENTRY : 0))
        return NULL;
    while (*cursor < count) {
        const uint8_t *entry = form.data + HEADER + ENTRY * (*cursor)++;
        const char *name = text_at(form, number_at(entry + 4)), *path = text_at(form, number_at(entry + 8));
        uint64_t features;

        memcpy(&features, entry + 16, sizeof features);
        if (name && path && features == 0 && (number_at(entry) & KIND_MASK) == KIND_LIBRARY &&
            strcmp(name, library) == 0)
            return path;
    }
    return NULL;
}
