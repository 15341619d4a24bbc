/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk that can fail, and whose power can be cut.
 *
 * Files are real ones in a scratch folder, so locks and shared memory work as ever; what is done to them through the
 * port and through the SQLite VFS goes into one log. From the log, the folder can be made as a power cut at any point
 * would have left it, again and again, without running anything anew:
 *
 *     power_disk *disk = power_new();
 *     … weir__store_open({ .folder = …, .vfs = power_vfs(disk), .disk = power_port(disk) }) …
 *     for (uint64_t at = 0; at <= power_position(disk); at++) {
 *         power_disk *after = power_cut(disk, at, seed);
 *         … open it again, with the names of `after`, and check …
 *         power_free(after);
 *     }
 *     power_free(disk);
 *
 * The model. A write, and a change of a file's size, is durable when the file has been synced; an entry of a
 * folder (a new name, a rename, a deletion) when the folder has been, or, as SQLite does it itself, when a new
 * journal or WAL has. What is not durable at the cut is, by the seed, there, or not, or there in part, in sectors
 * of 512 bytes, or there as zeros where it made the file longer; each write by itself, so later ones may be there
 * without earlier ones. Entries of a folder are there up to some point: file systems keep their order. Device and
 * inode, as fstat() of the port has them, stay with a file over cuts. Syncs are not handed on to the machine.
 *
 * Out of the model: folders (they always survive), files that were made past the port (they never do, nor does `-shm`),
 * and a sync that fails has done nothing (the next one may do it all). Running out of memory in here ends the program.
 *
 * Threads: any; power_fail() and power_cut() while nobody writes.
 */
#ifndef WEIR_TESTS_POWER_H
#define WEIR_TESTS_POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/disk.h"

typedef struct power_disk power_disk;

/** An empty disk. At most 16 at a time. */
power_disk *power_new(void);

/** Forgets it, and deletes its files. No file of it may be open any more. Accepts NULL. */
void power_free(power_disk *disk);

/** The port to it; lives as long as the disk. Paths come from power_path(). */
const weir_disk *power_port(power_disk *disk);

/** The name of the SQLite VFS over it; lives as long as the disk. */
const char *power_vfs(const power_disk *disk);

/** The full path of a file, the caller's to free. name: "state/floor", without "." and ".."; "": the disk's folder. */
char *power_path(const power_disk *disk, const char *name);

/** A file's content, to be freed by the caller; NULL when there is no such file. */
uint8_t *power_read(const power_disk *disk, const char *name, size_t *size);

/** Makes a folder in it. */
void power_make_folder(power_disk *disk, const char *name);

/* What can be made to fail; kinds are or'ed together. */
enum {
    POWER_OPEN = 1,
    POWER_WRITE = 2, /* half of it is written */
    POWER_TRUNCATE = 4,
    POWER_SYNC = 8, /* of a file, or of a folder */
    POWER_RENAME = 16,
    POWER_ANY = 31
};

/**
 * Lets operations fail from now on: the n-th one (from 1) of those kinds, and, if it is for good, all after it. errno
 * is `number`: EIO, ENOSPC (SQLite tells it apart). n = 0: nothing fails any more.
 */
void power_fail(power_disk *disk, unsigned kinds, uint64_t n, int number, bool for_good);

/** Whether an operation has failed since the last power_fail(). */
bool power_has_failed(const power_disk *disk);

/** Operations in the log so far. An acknowledgement that comes now covers what is below. */
uint64_t power_position(const power_disk *disk);

/** Whether the operation at a position is a sync; the cuts that matter most are right at it and right behind it. */
bool power_is_sync(const power_disk *disk, uint64_t position);

/**
 * The disk as a power cut leaves it that comes when the first `position` operations are done. Its own log is empty.
 *
 * @param seed  0: nothing survives that is not durable; 1: all does; others: as they fall
 */
power_disk *power_cut(const power_disk *disk, uint64_t position, uint64_t seed);

#endif
