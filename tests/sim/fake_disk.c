/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk of a few files. What was not synced is, after a power cut, there, or not, or in part, as the dice say; after a
 * kill all of it is. A new name that its folder was not synced for may be gone with its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

#include "base/buffer.h"

enum { FILES = 8, OPEN = 64, FIRST_FD = 1000, SECTOR = 64 };

typedef struct file {
    char path[64];
    bool exists, is_name_durable;
    uint64_t inode;
    weir_buffer data, durable;
} file;

typedef struct disk {
    file files[FILES];
    size_t count;
    uint64_t inodes;
    struct {
        file *of; /* NULL: free */
        size_t at;
        int flags;
    } open[OPEN];
} disk;

static disk the_disk;

static void check(weir_code rc)
{
    if (rc != WEIR_OK)
        abort();
}

void sim_disk_begin(void)
{
    for (size_t i = 0; i < FILES; i++) {
        weir__buffer_reset(&the_disk.files[i].data);
        weir__buffer_reset(&the_disk.files[i].durable);
        the_disk.files[i].data.maximum = the_disk.files[i].durable.maximum = SIZE_MAX;
        the_disk.files[i].exists = false;
    }
    the_disk.count = 0;
    the_disk.inodes = 10;
    memset(the_disk.open, 0, sizeof the_disk.open);
}

void sim_disk_end(void)
{
    for (size_t i = 0; i < FILES; i++) {
        weir__buffer_clear(&the_disk.files[i].data);
        weir__buffer_clear(&the_disk.files[i].durable);
    }
}

static file *find(const char *path)
{
    for (size_t i = 0; i < the_disk.count; i++) {
        if (the_disk.files[i].exists && strcmp(the_disk.files[i].path, path) == 0)
            return &the_disk.files[i];
    }
    return NULL;
}

static file *make(const char *path)
{
    file *made = NULL;

    for (size_t i = 0; i < the_disk.count && !made; i++) {
        if (strcmp(the_disk.files[i].path, path) == 0)
            made = &the_disk.files[i];
    }
    if (!made) {
        if (the_disk.count == FILES || strlen(path) >= sizeof made->path)
            abort();
        made = &the_disk.files[the_disk.count++];
        memcpy(made->path, path, strlen(path) + 1);
    }
    weir__buffer_reset(&made->data);
    weir__buffer_reset(&made->durable);
    made->exists = true;
    made->is_name_durable = false;
    made->inode = ++the_disk.inodes;
    return made;
}

static void copy(weir_buffer *to, const weir_buffer *from)
{
    weir__buffer_reset(to);
    check(weir__buffer_add(to, from->data, from->size));
}

void sim_disk_put(const char *path, const char *text, size_t size)
{
    file *made = make(path);

    check(weir__buffer_add(&made->data, text, size));
    copy(&made->durable, &made->data);
    made->is_name_durable = true;
}

const char *sim_disk_content(const char *path, size_t *size)
{
    file *of = find(path);

    *size = of ? of->data.size : 0;
    return of && of->data.size ? (const char *)of->data.data : "";
}

/* ---- a power cut ------------------------------------------------------------------------------------------------- */

/* What was written, or what was there before, sector by sector; beyond the old end zeros instead of the latter. */
static void tear(file *torn)
{
    weir_buffer *data = &torn->data, *durable = &torn->durable;
    size_t low = data->size < durable->size ? data->size : durable->size;
    size_t high = data->size < durable->size ? durable->size : data->size;
    size_t size = low + sim_random(high - low + 1);

    for (size_t at = 0; at < size; at += SECTOR) {
        bool is_new = sim_chance(2);

        for (size_t i = at; i < at + SECTOR && i < size; i++) {
            uint8_t old = i < durable->size ? durable->data[i] : 0;

            if (i < data->size)
                data->data[i] = is_new ? data->data[i] : old;
            else
                check(weir__buffer_add_byte(data, old));
        }
    }
    data->size = size;
}

void sim_disk_crash(bool is_power_cut)
{
    memset(the_disk.open, 0, sizeof the_disk.open);
    for (size_t i = 0; i < the_disk.count && is_power_cut; i++) {
        file *at = &the_disk.files[i];

        if (!at->exists)
            continue;
        if (!at->is_name_durable && sim_chance(2)) {
            at->exists = false;
            continue;
        }
        switch (sim_random(3)) {
        case 0:
            copy(&at->data, &at->durable);
            break;
        case 1:
            tear(at);
            break;
        default: /* all of it was on its way already */
            break;
        }
        copy(&at->durable, &at->data);
        at->is_name_durable = true;
    }
}

/* ---- the port ---------------------------------------------------------------------------------------------------- */

static int fail(int number)
{
    errno = number;
    return -1;
}

static int open_file(void *context, const char *path, int flags, mode_t mode)
{
    file *of;

    (void)context;
    (void)mode;
    if (!sim_step_taken(SIM_STEP_DISK_OPEN))
        return fail(EIO);
    of = find(path);
    if (!of && !(flags & O_CREAT))
        return fail(ENOENT);
    if (!of)
        of = make(path);
    for (int i = 0; i < OPEN; i++) {
        if (the_disk.open[i].of)
            continue;
        the_disk.open[i].of = of;
        the_disk.open[i].at = 0;
        the_disk.open[i].flags = flags;
        return FIRST_FD + i;
    }
    abort();
}

static file *file_of(int fd)
{
    return fd >= FIRST_FD && fd < FIRST_FD + OPEN ? the_disk.open[fd - FIRST_FD].of : NULL;
}

static ssize_t read_file(void *context, int fd, void *data, size_t size)
{
    file *of;
    size_t *at;

    (void)context;
    if (!sim_step_taken(SIM_STEP_DISK_READ))
        return fail(EIO);
    of = file_of(fd);
    if (!of)
        return fail(EBADF);
    at = &the_disk.open[fd - FIRST_FD].at;
    if (*at >= of->data.size)
        return 0;
    if (size > of->data.size - *at)
        size = of->data.size - *at;
    if (size > 1 && sim_chance(4))
        size = 1 + sim_random(size); /* it may be less than was asked for */
    memcpy(data, of->data.data + *at, size);
    *at += size;
    return (ssize_t)size;
}

static ssize_t write_file(void *context, int fd, const void *data, size_t size)
{
    file *of;
    size_t *at;

    (void)context;
    sim_yield();
    if (!sim_step_taken(SIM_STEP_DISK_WRITE))
        return fail(EIO);
    of = file_of(fd);
    if (!of)
        return fail(EBADF);
    at = &the_disk.open[fd - FIRST_FD].at;
    if (the_disk.open[fd - FIRST_FD].flags & O_APPEND)
        *at = of->data.size;
    if (sim_is_in_task() && sim_chance((uint64_t)world->commit_fail_odds * 4))
        return fail(ENOSPC);
    if (size > 1 && sim_chance(4))
        size = 1 + sim_random(size);
    while (of->data.size < *at)
        check(weir__buffer_add_byte(&of->data, 0));
    if (of->data.size > *at + size) {
        memcpy(of->data.data + *at, data, size);
    } else {
        of->data.size = *at;
        check(weir__buffer_add(&of->data, data, size));
    }
    *at += size;
    return (ssize_t)size;
}

static int sync_file(void *context, int fd)
{
    file *of;

    (void)context;
    sim_yield();
    if (!sim_step_taken(SIM_STEP_DISK_SYNC))
        return fail(EIO);
    of = file_of(fd);
    if (!of)
        return fail(EBADF);
    if (sim_is_in_task() && sim_chance((uint64_t)world->commit_fail_odds * 4))
        return fail(EIO);
    copy(&of->durable, &of->data);
    return 0;
}

static int truncate_file(void *context, int fd, off_t size)
{
    file *of;

    (void)context;
    if (!sim_step_taken(SIM_STEP_DISK_TRUNCATE))
        return fail(EIO);
    of = file_of(fd);
    if (!of)
        return fail(EBADF);
    while (of->data.size < (size_t)size)
        check(weir__buffer_add_byte(&of->data, 0));
    of->data.size = (size_t)size;
    return 0;
}

static off_t seek_file(void *context, int fd, off_t offset, int whence)
{
    file *of = file_of(fd);
    size_t *at;

    (void)context;
    if (world->is_ghost)
        return fail(EIO);
    if (!of)
        return fail(EBADF);
    at = &the_disk.open[fd - FIRST_FD].at;
    *at = (size_t)((whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (off_t)*at : (off_t)of->data.size) + offset);
    return (off_t)*at;
}

static int look_at_file(void *context, int fd, struct stat *status)
{
    file *of = file_of(fd);

    (void)context;
    if (world->is_ghost)
        return fail(EIO);
    if (!of)
        return fail(EBADF);
    memset(status, 0, sizeof *status);
    status->st_mode = S_IFREG | 0600;
    status->st_dev = 77;
    status->st_ino = of->inode;
    status->st_size = (off_t)of->data.size;
    return 0;
}

static int close_file(void *context, int fd)
{
    (void)context;
    if (world->is_ghost)
        return 0; /* all its descriptors are closed already */
    if (!file_of(fd))
        return fail(EBADF);
    the_disk.open[fd - FIRST_FD].of = NULL;
    return 0;
}

static int rename_file(void *context, const char *from, const char *to)
{
    (void)context;
    (void)from;
    (void)to;
    return fail(ENOSYS); /* nobody does */
}

static int sync_folder(void *context, const char *path)
{
    (void)context;
    (void)path; /* there is one folder only */
    if (!sim_step_taken(SIM_STEP_DISK_SYNC_FOLDER))
        return fail(EIO);
    for (size_t i = 0; i < the_disk.count; i++)
        the_disk.files[i].is_name_durable = true;
    return 0;
}

const weir_disk *sim_disk_port(void)
{
    static const weir_disk port = {
        open_file, read_file,    write_file, sync_file,   truncate_file, seek_file,
        look_at_file, close_file, rename_file, sync_folder, NULL,
    };

    return &port;
}
