/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path_of(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);

    ck_assert_ptr_nonnull(path);
    (void)snprintf(path, size, "%s/%s", folder, name);
    return path;
}

char *folder_new(void)
{
    const char *base = getenv("TMPDIR");
    char *folder = path_of(base ? base : "/tmp", "weir-store-XXXXXX");

    ck_assert_ptr_nonnull(mkdtemp(folder));
    return folder;
}

static void empty(const char *folder)
{
    DIR *handle = opendir(folder);
    struct dirent *entry;

    ck_assert_ptr_nonnull(handle);
    while ((entry = readdir(handle))) {
        char *path = path_of(folder, entry->d_name);

        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlink(path) != 0) {
            empty(path); /* a folder in the folder */
            ck_assert_int_eq(rmdir(path), 0);
        }
        free(path);
    }
    ck_assert_int_eq(closedir(handle), 0);
}

void folder_delete(char *folder)
{
    empty(folder);
    ck_assert_int_eq(rmdir(folder), 0);
    free(folder);
}

uint8_t *folder_read(const char *folder, const char *name, size_t *size)
{
    char *path = path_of(folder, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint8_t *data;

    free(path);
    *size = 0;
    if (fd < 0)
        return NULL;
    ck_assert_int_eq(fstat(fd, &status), 0);
    *size = (size_t)status.st_size;
    data = malloc(*size + 1);
    ck_assert_ptr_nonnull(data);
    ck_assert_int_eq(read(fd, data, *size), (ssize_t)*size);
    ck_assert_int_eq(close(fd), 0);
    return data;
}

void folder_write(const char *folder, const char *name, const void *data, size_t size)
{
    char *path = path_of(folder, name);
    int fd;

    if (!data) {
        (void)unlink(path); /* it may be missing already */
        free(path);
        return;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    free(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
    ck_assert_int_eq(close(fd), 0);
}

void folder_copy(const char *from, const char *to)
{
    DIR *handle = opendir(from);
    struct dirent *entry;

    ck_assert_ptr_nonnull(handle);
    if (mkdir(to, 0700) != 0)
        empty(to);
    while ((entry = readdir(handle))) {
        size_t size;
        uint8_t *data;

        if (entry->d_name[0] == '.')
            continue;
        data = folder_read(from, entry->d_name, &size);
        ck_assert_ptr_nonnull(data);
        folder_write(to, entry->d_name, data, size);
        free(data);
    }
    ck_assert_int_eq(closedir(handle), 0);
}

weir_store *folder_try(const char *folder, bool read_only, weir_error *err)
{
    weir_store_options options = { .folder = folder, .job = "test", .read_only = read_only };
    weir_store *store = NULL;
    weir_code rc = weir__store_open(&options, &store, err);

    ck_assert((rc == WEIR_OK) == (store != NULL));
    return store;
}

weir_store *folder_open(const char *folder)
{
    weir_error err = { 0 };
    weir_store *store = folder_try(folder, false, &err);

    ck_assert_msg(store != NULL, "%s", err.message);
    return store;
}

weir_bytes text(const char *text)
{
    return weir__bytes_text(text);
}

void put(weir_store *store, const char *key, const char *path, const char *value)
{
    weir_error err = { 0 };

    ck_assert_msg(weir__store_put(store, text(key), text(path), text(value), &err) == WEIR_OK, "%s", err.message);
}

void commit(weir_store *store)
{
    weir_error err = { 0 };

    ck_assert_msg(weir__store_commit(store, &err) == WEIR_OK, "%s", err.message);
}

static weir_code add_cell(void *context, weir_bytes key, weir_bytes path, weir_bytes value, weir_error *err)
{
    weir_buffer *out = context;

    (void)err;
    if (weir__buffer_add(out, key.data, key.size) || weir__buffer_add_byte(out, '/') ||
        weir__buffer_add(out, path.data, path.size) || weir__buffer_add_byte(out, '=') ||
        weir__buffer_add(out, value.data, value.size) || weir__buffer_add_byte(out, '\n'))
        return WEIR_NO_MEMORY;
    return WEIR_OK;
}

char *dump(weir_store *store, weir_error *err)
{
    weir_buffer out;

    weir__buffer_init(&out, SIZE_MAX);
    if (weir__store_scan(store, add_cell, &out, err) != WEIR_OK) {
        weir__buffer_clear(&out);
        return NULL;
    }
    ck_assert_int_eq(weir__buffer_add_byte(&out, '\0'), WEIR_OK);
    return (char *)out.data; /* from the allocator; the buffer lets go of it here */
}

int64_t number_of(weir_store *store)
{
    weir_buffer value;
    weir_error err = { 0 };
    bool found = false;
    int64_t number = 0;

    weir__buffer_init(&value, 8);
    ck_assert_msg(weir__store_position(store, "#commit", &value, &found, &err) == WEIR_OK, "%s", err.message);
    ck_assert(found);
    ck_assert_uint_eq(value.size, 8);
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | value.data[i];
    weir__buffer_clear(&value);
    return number;
}
