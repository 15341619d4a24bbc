/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives a fuzz target its corpus, without libFuzzer: every file of the folder tests/fuzz/corpus/NAME, and every
 * beginning of it, which is where readers fail. A finding aborts, after the file's name.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20, CUT_EVERYWHERE = 1024 /* bytes; a longer file is cut at as many places */ };

static int is_no_dot(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A copy of the exact size, so that a sanitizer sees a read beyond it. */
static void give(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);

    if (!exact)
        abort();
    memcpy(exact, data, size);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int replay(const char *folder, const char *name)
{
    static uint8_t data[LARGEST];
    char path[4096];
    size_t size, at;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return -1;
    size = fread(data, 1, sizeof data, file);
    if (fclose(file) != 0 || size == sizeof data)
        return -1;
    for (at = 0; at < size; at += 1 + size / CUT_EVERYWHERE)
        give(data, at);
    give(data, size);
    return 0;
}

int main(void)
{
    const char *source = getenv("top_srcdir");
    char folder[2048];
    struct dirent **entries;
    int count, i;

    snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/" CORPUS, source ? source : ".");
    count = scandir(folder, &entries, is_no_dot, alphasort);
    if (count < 0) {
        printf("1..0 # SKIP no %s\n", folder);
        return 0;
    }
    printf("1..%d\n", count);
    for (i = 0; i < count; i++) {
        printf("# %s\n", entries[i]->d_name);
        fflush(stdout);
        printf("%s %d - %s, whole and cut\n", replay(folder, entries[i]->d_name) == 0 ? "ok" : "not ok", i + 1,
               entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}
