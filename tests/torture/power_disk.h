/* SPDX-License-Identifier: Apache-2.0 */
/* A power disk from the inside: for power.c, power_port.c and power_vfs.c. */
#ifndef WEIR_TESTS_POWER_DISK_H
#define WEIR_TESTS_POWER_DISK_H

#include <pthread.h>

#include "power.h"

typedef enum power_kind {
    POWER__CREATE,
    POWER__WRITE,
    POWER__TRUNCATE,
    POWER__SYNC,
    POWER__RENAME,
    POWER__DELETE,
    POWER__SYNC_FOLDER
} power_kind;

typedef struct power_operation {
    power_kind kind;
    uint32_t inode; /* of a file */
    char *name;     /* of an entry (what it is renamed to), or of a folder */
    char *other;    /* what it is renamed from */
    int64_t offset;
    int64_t size; /* written, or truncated to */
    uint8_t *data;
} power_operation;

typedef struct power_entry {
    char *name;
    uint32_t inode;
} power_entry;

typedef struct power_content {
    uint8_t *data;
    size_t size;
} power_content;

enum { POWER__DESCRIPTORS = 1024, POWER__DEVICE = 4711 };

struct power_disk {
    char *root;
    weir_disk port;
    int vfs_slot;

    /* How it was before the log began. */
    power_content *base; /* by inode */
    size_t base_count;
    power_entry *base_entries;
    size_t base_entry_count;

    pthread_mutex_t mutex; /* guards what follows */
    power_operation *operations;
    uint64_t operation_count, operation_capacity;
    power_entry *entries; /* as they are now */
    size_t entry_count;
    uint32_t next_inode; /* from 1 */
    uint32_t inodes[POWER__DESCRIPTORS]; /* of open descriptors; 0: not of this disk */
    unsigned fail_kinds;
    uint64_t fail_in;
    int fail_number;
    bool fail_for_good, has_failed;
};

/** The name of a path in the disk; NULL when it is elsewhere. */
const char *power_name(const power_disk *disk, const char *path);

/** Appends to the log, and to the entries. What the operation points to is copied. */
void power_log(power_disk *disk, power_operation operation);

/** The inode of a name, or, when there is none of that name, a new one for it, which is not logged yet. */
uint32_t power_inode(power_disk *disk, const char *name, bool *found);

/** Whether this operation must fail, and with which errno. */
bool power_must_fail(power_disk *disk, unsigned kind, int *number);

void power_port_init(power_disk *disk);

/** Ties a VFS to the disk, and unties it. */
void power_vfs_take(power_disk *disk);
void power_vfs_give_back(power_disk *disk);

#endif
