/* SPDX-License-Identifier: Apache-2.0 */
/* Scratch folders with stores in them, and writing to stores in few words. Every function here fails the test. */
#ifndef WEIR_TESTS_STORE_FOLDER_H
#define WEIR_TESTS_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

/** A new empty folder beneath $TMPDIR or /tmp; its name is the caller's to free. */
char *folder_new(void);

/** Deletes a folder with the files in it, and frees its name. */
void folder_delete(char *folder);

/** Copies all files of a folder into another one, which is made if it is missing; those that were there are deleted. */
void folder_copy(const char *from, const char *to);

/** A file's content, the caller's to free; size 0 and NULL when there is none. */
uint8_t *folder_read(const char *folder, const char *name, size_t *size);

/** Writes a file anew; data NULL: deletes it. */
void folder_write(const char *folder, const char *name, const void *data, size_t size);

/** Opens the store of job "test"; fails the test if it does not open. */
weir_store *folder_open(const char *folder);

/** Opens it as asked: the store, or NULL with *err set. */
weir_store *folder_try(const char *folder, bool read_only, weir_error *err);

weir_bytes text(const char *text);

void put(weir_store *store, const char *key, const char *path, const char *value);
void commit(weir_store *store);

/** "key/path=value" of all cells, one a line, in the order of the scan; the caller's to free. NULL and *err on error. */
char *dump(weir_store *store, weir_error *err);

/** The number of the last commit as the file has it. */
int64_t number_of(weir_store *store);

#endif
