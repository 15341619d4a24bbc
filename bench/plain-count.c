/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bench/local.sh compares with: the word count as one would write it by hand, without weir. It reads JSONL from
 * stdin and trusts it: each record has a string `key`, and a string `value`.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <yyjson.h>

typedef struct slot {
    char *key; /* NULL: free */
    size_t size;
    uint64_t hash;
    int64_t count;
} slot;

typedef struct table {
    slot *slots;
    size_t mask, used;
} table;

static void die(const char *what)
{
    (void)fprintf(stderr, "plain-count: %s\n", what);
    exit(1);
}

static slot *make_slots(size_t count)
{
    slot *slots = calloc(count, sizeof *slots);

    if (!slots)
        die("no memory");
    return slots;
}

static void grow(table *counts)
{
    size_t mask = counts->mask * 2 + 1;
    slot *slots = make_slots(mask + 1);

    for (size_t i = 0; i <= counts->mask; i++) {
        size_t at = counts->slots[i].hash & mask;

        if (!counts->slots[i].key)
            continue;
        while (slots[at].key)
            at = (at + 1) & mask;
        slots[at] = counts->slots[i];
    }
    free(counts->slots);
    counts->slots = slots;
    counts->mask = mask;
}

static int64_t count(table *counts, const char *key, size_t size)
{
    uint64_t hash = XXH3_64bits(key, size);
    size_t at = hash & counts->mask;

    for (; counts->slots[at].key; at = (at + 1) & counts->mask) {
        slot *found = &counts->slots[at];

        if (found->hash == hash && found->size == size && memcmp(found->key, key, size) == 0)
            return ++found->count;
    }
    counts->slots[at] = (slot){ malloc(size + 1), size, hash, 1 };
    if (!counts->slots[at].key)
        die("no memory");
    memcpy(counts->slots[at].key, key, size + 1);
    if (++counts->used > counts->mask / 2)
        grow(counts);
    return 1;
}

/* A string with its quotes; most need no escape. */
static void print_text(const char *text, size_t size)
{
    (void)putc_unlocked('"', stdout);
    for (size_t done = 0; done < size;) {
        size_t plain = done;

        while (plain < size && (unsigned char)text[plain] >= 0x20 && text[plain] != '"' && text[plain] != '\\')
            plain++;
        (void)fwrite(text + done, 1, plain - done, stdout);
        if (plain < size)
            (void)printf(text[plain] == '"' || text[plain] == '\\' ? "\\%c" : "\\u%04x", text[plain]);
        done = plain + 1;
    }
    (void)putc_unlocked('"', stdout);
}

int main(void)
{
    table counts = { make_slots(1024), 1023, 0 };
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;

    while ((size = getline(&line, &capacity, stdin)) > 0) {
        yyjson_doc *record = yyjson_read(line, (size_t)size, 0);
        yyjson_val *root = yyjson_doc_get_root(record);
        yyjson_val *key = yyjson_obj_get(root, "key"), *value = yyjson_obj_get(root, "value");

        if (!yyjson_is_str(key) || !yyjson_is_str(value))
            die("a record that is none");
        (void)putc_unlocked('{', stdout);
        print_text(yyjson_get_str(key), yyjson_get_len(key));
        (void)fputs(":{\"word\":", stdout);
        print_text(yyjson_get_str(value), yyjson_get_len(value));
        (void)printf(",\"count\":%" PRId64 "}}\n", count(&counts, yyjson_get_str(key), yyjson_get_len(key)));
        yyjson_doc_free(record);
    }
    for (size_t i = 0; i <= counts.mask; i++)
        free(counts.slots[i].key);
    free(counts.slots);
    free(line);
    return ferror(stdin) || fflush(stdout) != 0;
}
