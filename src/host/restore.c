/* SPDX-License-Identifier: Apache-2.0 */
/* A changelog's records into a store. */
#include "host/restore.h"

#include "base/big_endian.h"

weir_code weir__restore_apply(weir_store *store, const weir_change_key *key, weir_bytes value, weir_buffer *tuple,
                              weir_error *err)
{
    uint8_t owner[8];
    weir_bytes number = weir__bytes(owner, sizeof owner);
    weir_code rc;

    weir__put_64(owner, (uint64_t)key->number);
    switch (key->kind) {
    case WEIR__CHANGE_CELL:
        return value.data ? weir__store_put(store, key->key, key->path, value, err)
                          : weir__store_delete(store, key->key, key->path, err);
    case WEIR__CHANGE_INPUT:
        if (value.data)
            return weir__store_log_put(store, WEIR__RESTORED_INBOX, number, 0, value, err);
        rc = weir__store_log_delete(store, WEIR__RESTORED_INBOX, number, err);
        return rc == WEIR_OK ? weir__store_log_delete(store, WEIR__RESTORED_JOURNAL, number, err) : rc;
    case WEIR__CHANGE_ENTRY:
        if (!value.data)
            return WEIR_OK; /* its input was deleted just before it */
        return weir__store_log_put(store, WEIR__RESTORED_JOURNAL, number, key->place, value, err);
    case WEIR__CHANGE_TUPLE:
        weir__buffer_reset(tuple);
        if (weir__buffer_add(tuple, value.data, value.size) != WEIR_OK)
            return weir__fail_memory(err, "a tuple");
        return WEIR_OK;
    }
    return WEIR_OK;
}
