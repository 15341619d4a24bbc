/* SPDX-License-Identifier: Apache-2.0 */
/* Making a temporary folder with a store in it, and taking both away. */
#include "host/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Only files: the store makes no folder. What cannot be removed stays in a temporary folder. */
static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    if (!folder)
        return;
    while ((entry = readdir(folder)))
        (void)unlinkat(dirfd(folder), entry->d_name, 0); /* "." and "..": refused */
    (void)closedir(folder); /* only read from */
    (void)rmdir(path);
}

weir_code weir__scratch_open(weir_scratch *scratch, weir_error *err)
{
    const char *parent = getenv("TMPDIR");
    weir_store_options options = { .folder = scratch->folder, .job = "scratch", .is_copy = true,
                                   .disk = weir__disk_system() };
    weir_code rc;

    memset(scratch, 0, sizeof *scratch);
    if (!parent || !*parent)
        parent = "/tmp";
    if (snprintf(scratch->folder, sizeof scratch->folder, "%s/weir-XXXXXX", parent) >= (int)sizeof scratch->folder ||
        !mkdtemp(scratch->folder)) {
        scratch->folder[0] = '\0';
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot make a temporary folder in '%.100s' (TMPDIR)",
                                parent);
    }
    rc = weir__store_open(&options, &scratch->store, err);
    if (rc != WEIR_OK)
        weir__scratch_close(scratch);
    return rc;
}

void weir__scratch_close(weir_scratch *scratch)
{
    weir__store_close(scratch->store);
    scratch->store = NULL;
    if (scratch->folder[0])
        remove_folder(scratch->folder);
    scratch->folder[0] = '\0';
}
