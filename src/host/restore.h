/* SPDX-License-Identifier: Apache-2.0 */
/* One record of a changelog into a store: how a task's state comes back, for itself and for those who look at it. */
#ifndef WEIR__HOST_RESTORE_H
#define WEIR__HOST_RESTORE_H

#include "host/tuple.h"
#include "store/store.h"

/* The store's streams: owner is the input's number, 8 bytes, big-endian; number in the journal is the place there. */
#define WEIR__RESTORED_INBOX "inbox"
#define WEIR__RESTORED_JOURNAL "journal"

/**
 * Applies one change; records must come in the order of the log. Not committed.
 *
 * @param value  data NULL: deleted
 * @param tuple  set to the record's value, when it is a tuple
 * @return WEIR_OK; as the store's writes; WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__restore_apply(weir_store *store, const weir_change_key *key, weir_bytes value,
                                         weir_buffer *tuple, weir_error *err);

#endif
