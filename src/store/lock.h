/* SPDX-License-Identifier: Apache-2.0 */
/* One process at a time: a file that is locked for life, and names the process in it for those who come too late. */
#ifndef WEIR__STORE_LOCK_H
#define WEIR__STORE_LOCK_H

#include <stdbool.h>

#include "base/disk.h"
#include "base/error.h"
#include "store/store.h"

/**
 * Locks the file, making it if it is missing. The lock belongs to the descriptor: the kernel lets it go when the
 * process dies, however it does, so a stale file locks nobody out. Does not wait.
 *
 * @param disk  its descriptors must be the system's
 * @param out   the descriptor to give to weir__lock_release()
 * @return WEIR_OK; WEIR_IO: another process has it (its id is named), or the file cannot be made  (stop)
 * Source: fcntl(2), "Open file description locks".
 */
WEIR_CHECK weir_code weir__lock_take(const weir_disk *disk, const char *path, int *out, weir_error *err);

/** Lets go of the lock; the file stays. Accepts -1. */
void weir__lock_release(const weir_disk *disk, int fd);

/** Whether a process holds the lock, without taking it. No file, or none that can be read: false. */
bool weir__lock_is_taken(const weir_disk *disk, const char *path);

#endif
