/* SPDX-License-Identifier: Apache-2.0 */
/* A disk of small files, for transactional ids: what is written is there; the dead write nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

enum { FILES = 64, BYTES = 512, FIRST_FD = 100000 };

typedef struct file {
    char path[128];
    uint8_t bytes[BYTES];
    size_t size, place;
    bool exists;
} file;

static file files[FILES];
static size_t file_count;

void disk_begin(void)
{
    memset(files, 0, sizeof files);
    file_count = 0;
}

static int dead(void)
{
    errno = EIO;
    return -1;
}

static size_t find(const char *path)
{
    for (size_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].path, path) == 0)
            return i;
    }
    if (file_count == FILES || strlen(path) >= sizeof files->path)
        abort();
    memcpy(files[file_count].path, path, strlen(path) + 1);
    return file_count++;
}

static int open_file(void *context, const char *path, int flags, mode_t mode)
{
    size_t at;

    (void)context;
    (void)mode;
    if (!sim_step("file open"))
        return dead();
    at = find(path);
    if (!files[at].exists && !(flags & O_CREAT)) {
        errno = ENOENT;
        return -1;
    }
    files[at].exists = true;
    files[at].place = 0;
    if (flags & O_TRUNC)
        files[at].size = 0;
    return FIRST_FD + (int)at;
}

static ssize_t read_file(void *context, int fd, void *data, size_t size)
{
    file *at = &files[fd - FIRST_FD];
    size_t most = at->size - at->place;

    (void)context;
    if (size > most)
        size = most;
    memcpy(data, at->bytes + at->place, size);
    at->place += size;
    return (ssize_t)size;
}

static ssize_t write_file(void *context, int fd, const void *data, size_t size)
{
    file *at = &files[fd - FIRST_FD];

    (void)context;
    if (!sim_step("file write"))
        return dead();
    if (at->size + size > BYTES)
        abort();
    memcpy(at->bytes + at->size, data, size);
    at->size += size;
    return (ssize_t)size;
}

static int sync_file(void *context, int fd)
{
    (void)context;
    (void)fd;
    return sim_step("file sync") ? 0 : dead();
}

static int close_file(void *context, int fd)
{
    (void)context;
    (void)fd;
    return 0;
}

static int rename_file(void *context, const char *from, const char *to)
{
    size_t a, b;

    (void)context;
    if (!sim_step("file rename"))
        return dead();
    a = find(from);
    b = find(to);
    memcpy(files[b].bytes, files[a].bytes, BYTES);
    files[b].size = files[a].size;
    files[b].exists = true;
    files[a].exists = false;
    return 0;
}

static int sync_folder(void *context, const char *path)
{
    (void)context;
    (void)path;
    return sim_step("folder sync") ? 0 : dead();
}

const weir_disk disk_port = {
    .open = open_file,
    .read = read_file,
    .write = write_file,
    .fdatasync = sync_file,
    .close = close_file,
    .rename = rename_file,
    .sync_folder = sync_folder,
};
