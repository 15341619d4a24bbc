/* SPDX-License-Identifier: Apache-2.0 */
/* The disk, its log, and what is left of it after a cut. The SQLite VFS over it is in power_vfs.c. */
#include "power_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR 512

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void check(bool is_fine)
{
    if (!is_fine) {
        perror("power");
        abort();
    }
}

/* ---- the files -------------------------------------------------------------------------------------------------- */

char *power_path(const power_disk *disk, const char *name)
{
    size_t size = strlen(disk->root) + 1 + strlen(name) + 1;
    char *path = must(malloc(size));

    (void)snprintf(path, size, *name ? "%s/%s" : "%s%s", disk->root, name);
    return path;
}

const char *power_name(const power_disk *disk, const char *path)
{
    size_t size = strlen(disk->root);

    return strncmp(path, disk->root, size) == 0 && path[size] == '/' ? path + size + 1 : NULL;
}

uint8_t *power_read(const power_disk *disk, const char *name, size_t *size)
{
    char *path = power_path(disk, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint8_t *data;

    free(path);
    if (fd < 0)
        return NULL;
    check(fstat(fd, &status) == 0);
    *size = (size_t)status.st_size;
    data = must(malloc(*size + 1));
    check(weir__disk_read_full(weir__disk_system(), fd, data, *size) == (ssize_t)*size);
    check(close(fd) == 0);
    return data;
}

/* Makes the folders above a file. */
static void make_parents(const char *path, size_t root_size)
{
    char *copy = must(strdup(path));

    for (char *slash = copy + root_size + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        check(mkdir(copy, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    free(copy);
}

void power_make_folder(power_disk *disk, const char *name)
{
    char *path = power_path(disk, name);

    make_parents(path, strlen(disk->root));
    check(mkdir(path, 0700) == 0 || errno == EEXIST);
    free(path);
}

static void delete_all(const char *path)
{
    DIR *handle = opendir(path);
    struct dirent *entry;

    check(handle != NULL);
    while ((entry = readdir(handle))) {
        size_t size = strlen(path) + strlen(entry->d_name) + 2;
        char *inner = must(malloc(size));

        (void)snprintf(inner, size, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlink(inner) != 0)
            delete_all(inner);
        free(inner);
    }
    check(closedir(handle) == 0);
    check(rmdir(path) == 0);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

power_disk *power_new(void)
{
    power_disk *disk = must(calloc(1, sizeof *disk));
    const char *base = getenv("TMPDIR");
    char path[PATH_MAX];

    /* Memory is faster, and nothing here needs more. */
    (void)snprintf(path, sizeof path, "%s/weir-power-XXXXXX",
                   base ? base : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    check(mkdtemp(path) != NULL);
    disk->root = must(realpath(path, NULL));
    check(pthread_mutex_init(&disk->mutex, NULL) == 0);
    disk->next_inode = 1;
    power_port_init(disk);
    power_vfs_take(disk);
    return disk;
}

static void entries_clear(power_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i].name);
    free(entries);
}

void power_free(power_disk *disk)
{
    if (!disk)
        return;
    power_vfs_give_back(disk);
    delete_all(disk->root);
    for (uint64_t i = 0; i < disk->operation_count; i++) {
        free(disk->operations[i].name);
        free(disk->operations[i].other);
        free(disk->operations[i].data);
    }
    free(disk->operations);
    for (size_t i = 0; i < disk->base_count; i++)
        free(disk->base[i].data);
    free(disk->base);
    entries_clear(disk->base_entries, disk->base_entry_count);
    entries_clear(disk->entries, disk->entry_count);
    (void)pthread_mutex_destroy(&disk->mutex);
    free(disk->root);
    free(disk);
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

static power_entry *find(power_entry *entries, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    return NULL;
}

static void link_name(power_entry **entries, size_t *count, const char *name, uint32_t inode)
{
    power_entry *entry = find(*entries, *count, name);

    if (!entry) {
        *entries = must(realloc(*entries, (*count + 1) * sizeof **entries));
        entry = &(*entries)[(*count)++];
        entry->name = must(strdup(name));
    }
    entry->inode = inode;
}

static void unlink_name(power_entry *entries, size_t *count, const char *name)
{
    power_entry *entry = find(entries, *count, name);

    if (!entry)
        return;
    free(entry->name);
    *entry = entries[--*count];
}

static void apply_entry(power_entry **entries, size_t *count, const power_operation *operation)
{
    switch (operation->kind) {
    case POWER__CREATE:
        link_name(entries, count, operation->name, operation->inode);
        break;
    case POWER__RENAME:
        unlink_name(*entries, count, operation->other);
        link_name(entries, count, operation->name, operation->inode);
        break;
    case POWER__DELETE:
        unlink_name(*entries, count, operation->name);
        break;
    case POWER__WRITE:
    case POWER__TRUNCATE:
    case POWER__SYNC:
    case POWER__SYNC_FOLDER:
        break;
    }
}

/* ---- the log ---------------------------------------------------------------------------------------------------- */

void power_log(power_disk *disk, power_operation operation)
{
    check(pthread_mutex_lock(&disk->mutex) == 0);
    if (disk->operation_count == disk->operation_capacity) {
        disk->operation_capacity = disk->operation_capacity ? disk->operation_capacity * 2 : 256;
        disk->operations = must(realloc(disk->operations, disk->operation_capacity * sizeof operation));
    }
    if (operation.name)
        operation.name = must(strdup(operation.name));
    if (operation.other)
        operation.other = must(strdup(operation.other));
    if (operation.data) {
        uint8_t *copy = must(malloc((size_t)operation.size + 1));

        memcpy(copy, operation.data, (size_t)operation.size);
        operation.data = copy;
    }
    disk->operations[disk->operation_count++] = operation;
    apply_entry(&disk->entries, &disk->entry_count, &operation);
    check(pthread_mutex_unlock(&disk->mutex) == 0);
}

uint32_t power_inode(power_disk *disk, const char *name, bool *found)
{
    power_entry *entry;
    uint32_t inode;

    check(pthread_mutex_lock(&disk->mutex) == 0);
    entry = find(disk->entries, disk->entry_count, name);
    inode = entry ? entry->inode : disk->next_inode;
    *found = entry != NULL;
    if (!entry)
        disk->next_inode++;
    check(pthread_mutex_unlock(&disk->mutex) == 0);
    return inode;
}

bool power_must_fail(power_disk *disk, unsigned kind, int *number)
{
    bool must_fail = false;

    check(pthread_mutex_lock(&disk->mutex) == 0);
    if ((disk->fail_kinds & kind) && disk->fail_in) {
        if (disk->fail_in == 1) {
            must_fail = disk->has_failed = true;
            *number = disk->fail_number;
            if (!disk->fail_for_good)
                disk->fail_in = 0;
        } else {
            disk->fail_in--;
        }
    }
    check(pthread_mutex_unlock(&disk->mutex) == 0);
    return must_fail;
}

void power_fail(power_disk *disk, unsigned kinds, uint64_t n, int number, bool for_good)
{
    disk->fail_kinds = kinds;
    disk->fail_in = n;
    disk->fail_number = number;
    disk->fail_for_good = for_good;
    disk->has_failed = false;
}

bool power_has_failed(const power_disk *disk)
{
    return disk->has_failed;
}

uint64_t power_position(const power_disk *disk)
{
    return disk->operation_count;
}

bool power_is_sync(const power_disk *disk, uint64_t position)
{
    return position < disk->operation_count && (disk->operations[position].kind == POWER__SYNC ||
                                                disk->operations[position].kind == POWER__SYNC_FOLDER);
}

/* ---- the cut ---------------------------------------------------------------------------------------------------- */

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state += 0x9E3779B97F4A7C15u; /* splitmix64 */
    uint64_t x = *state;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return (x ^ (x >> 31)) % below;
}

static void resize(power_content *file, size_t size)
{
    if (size > file->size) {
        file->data = must(realloc(file->data, size));
        memset(file->data + file->size, 0, size - file->size);
    }
    file->size = size;
}

static void apply(power_content *file, const power_operation *operation)
{
    size_t offset = (size_t)operation->offset, size = (size_t)operation->size;

    if (operation->kind == POWER__TRUNCATE) {
        resize(file, size);
        return;
    }
    if (offset + size > file->size)
        resize(file, offset + size);
    if (size)
        memcpy(file->data + offset, operation->data, size);
}

/* An operation that was not durable: all, nothing, or a part of it. */
static void apply_unsure(power_content *file, const power_operation *operation, uint64_t *state)
{
    size_t offset = (size_t)operation->offset, end = offset + (size_t)operation->size;
    uint64_t fate = draw(state, 8);

    if (fate < 3) {
        apply(file, operation);
        return;
    }
    if (fate < 5 || operation->kind == POWER__TRUNCATE)
        return;
    if (fate == 5) { /* the size is written, the data is not */
        if (end > file->size)
            resize(file, end);
        return;
    }
    while (offset < end) { /* some of its sectors */
        size_t next = offset - offset % SECTOR + SECTOR;
        power_operation part = *operation;

        next = next < end ? next : end;
        part.offset = (int64_t)offset;
        part.size = (int64_t)(next - offset);
        part.data = operation->data + (offset - (size_t)operation->offset);
        if (draw(state, 2))
            apply(file, &part);
        offset = next;
    }
}

static bool is_in_folder(const char *name, const char *folder)
{
    size_t size = strlen(folder);

    if (size)
        return strncmp(name, folder, size) == 0 && name[size] == '/' && !strchr(name + size + 1, '/');
    return !strchr(name, '/');
}

static bool is_entry(const power_operation *operation)
{
    return operation->kind == POWER__CREATE || operation->kind == POWER__RENAME || operation->kind == POWER__DELETE;
}

/* For each of the first `position` operations, whether a later one of them made it durable; the caller's to free. */
static bool *find_durable(const power_disk *disk, uint64_t position)
{
    bool *is_durable = must(calloc(position + 1, sizeof *is_durable));
    bool *synced = must(calloc((size_t)disk->next_inode + 1, sizeof *synced));
    const char *folders[64];
    size_t folder_count = 0;

    for (uint64_t i = position; i-- > 0;) {
        const power_operation *operation = &disk->operations[i];

        if (operation->kind == POWER__SYNC) {
            synced[operation->inode] = true;
        } else if (operation->kind == POWER__SYNC_FOLDER) {
            size_t at = 0;

            while (at < folder_count && strcmp(folders[at], operation->name) != 0)
                at++;
            if (at == folder_count) {
                check(folder_count < 64);
                folders[folder_count++] = operation->name;
            }
        } else if (!is_entry(operation)) {
            is_durable[i] = synced[operation->inode];
        } else {
            for (size_t at = 0; at < folder_count; at++)
                if (is_in_folder(operation->name, folders[at]))
                    is_durable[i] = true;
        }
    }
    free(synced);
    return is_durable;
}

power_disk *power_cut(const power_disk *disk, uint64_t position, uint64_t seed)
{
    power_disk *after = power_new();
    uint64_t state = seed;
    bool *is_durable = find_durable(disk, position);
    bool has_lost_entry = false;

    check(position <= disk->operation_count);
    /* What the disk began with, then the log. */
    after->next_inode = disk->next_inode;
    after->base_count = disk->next_inode;
    after->base = must(calloc(after->base_count + 1, sizeof *after->base));
    for (size_t i = 0; i < disk->base_count; i++) {
        resize(&after->base[i], disk->base[i].size);
        if (disk->base[i].size)
            memcpy(after->base[i].data, disk->base[i].data, disk->base[i].size);
    }
    for (size_t i = 0; i < disk->base_entry_count; i++)
        link_name(&after->entries, &after->entry_count, disk->base_entries[i].name, disk->base_entries[i].inode);
    for (uint64_t i = 0; i < position; i++) {
        const power_operation *operation = &disk->operations[i];
        bool is_sure = seed == 1 || is_durable[i];

        if (is_entry(operation)) {
            /* In order: behind one that is lost all are. The folders of a disk keep one order, for simplicity; what is
             * durable in one folder is so whatever is lost in another. */
            if (!is_sure && (seed == 0 || has_lost_entry || draw(&state, 3) == 0)) {
                has_lost_entry = true;
                continue;
            }
            apply_entry(&after->entries, &after->entry_count, operation);
        } else if (operation->kind == POWER__WRITE || operation->kind == POWER__TRUNCATE) {
            if (is_sure)
                apply(&after->base[operation->inode], operation);
            else if (seed != 0)
                apply_unsure(&after->base[operation->inode], operation, &state);
        }
    }
    free(is_durable);
    for (size_t i = 0; i < after->entry_count; i++) {
        const power_content *file = &after->base[after->entries[i].inode];
        char *path = power_path(after, after->entries[i].name);
        int fd;

        link_name(&after->base_entries, &after->base_entry_count, after->entries[i].name, after->entries[i].inode);
        make_parents(path, strlen(after->root));
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        check(fd >= 0 && weir__disk_write_all(weir__disk_system(), fd, file->data, file->size) == 0);
        check(close(fd) == 0);
        free(path);
    }
    return after;
}
