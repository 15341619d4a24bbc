/* SPDX-License-Identifier: Apache-2.0 */
/* What input and outputs share: knowing a file again, showing its name, reading what the state says of it. */
#ifndef WEIR__HOST_MARK_H
#define WEIR__HOST_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/disk.h"
#include "codec/json.h"

enum {
    WEIR__HEAD_BYTES = 4096, /* of a file's beginning that are hashed, at most */
    WEIR__NAME_SHOWN = 100
};

/** The hash of a file's first `bytes` bytes; the descriptor stands where it stood. False: it has fewer, or errno. */
bool weir__file_head(const weir_disk *disk, int fd, uint64_t bytes, uint64_t *hash);

/** A path as messages show it: its end, when it is long, so that what is said of it still fits into a weir_error. */
void weir__name_shorten(const char *path, char out[WEIR__NAME_SHOWN]);

/* Members of a position, which is a JSON object. False: absent, or of another type. */
bool weir__member_uint(const weir_json *object, const char *name, uint64_t *value);
bool weir__member_bool(const weir_json *object, const char *name, bool *value);

#endif
