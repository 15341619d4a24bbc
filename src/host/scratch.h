/* SPDX-License-Identifier: Apache-2.0 */
/* A store for the moment: in a folder of its own under TMPDIR, gone when it is closed. */
#ifndef WEIR__HOST_SCRATCH_H
#define WEIR__HOST_SCRATCH_H

#include "store/store.h"

typedef struct weir_scratch {
    char folder[4096];
    weir_store *store;
} weir_scratch;

/** WEIR_OK; WEIR_IO: no folder can be made under TMPDIR (/tmp), or no store in it (fix); WEIR_NO_MEMORY. */
WEIR_CHECK weir_code weir__scratch_open(weir_scratch *scratch, weir_error *err);
void weir__scratch_close(weir_scratch *scratch); /* all zero is fine */

#endif
