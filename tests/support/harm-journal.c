/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Harms the first entry in a state folder's journal: harm-journal FOLDER JOB damaged|version|kind|cut|empty. Through
 * the store, so that its pages are whole: what is wrong is the entry.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "store/store.h"

typedef struct found {
    weir_buffer owner, record;
    int64_t number;
    bool is_there;
} found;

static weir_code take_first(void *context, weir_bytes owner, int64_t number, weir_bytes record, weir_error *err)
{
    found *first = context;

    (void)err;
    if (first->is_there)
        return WEIR_OK;
    first->is_there = true;
    first->number = number;
    if (weir__buffer_add(&first->owner, owner.data, owner.size) != WEIR_OK)
        return WEIR_NO_MEMORY;
    return weir__buffer_add(&first->record, record.data, record.size);
}

static void harm(weir_buffer *record, const char *how)
{
    if (strcmp(how, "damaged") == 0)
        record->data[record->size / 2] ^= 1;
    else if (strcmp(how, "version") == 0)
        record->data[4] = 99;
    else if (strcmp(how, "kind") == 0)
        record->data[5] = 99;
    else if (strcmp(how, "cut") == 0)
        record->size /= 2;
    else
        record->size = 0;
}

int main(int argc, char **argv)
{
    weir_store_options options = { .must_exist = true };
    weir_store *store = NULL;
    found first = { .is_there = false };
    weir_error err = { .code = WEIR_OK };
    weir_code rc;

    if (argc != 4) {
        fprintf(stderr, "usage: harm-journal FOLDER JOB damaged|version|kind|cut|empty\n");
        return 2;
    }
    options.folder = argv[1];
    options.job = argv[2];
    weir__buffer_init(&first.owner, SIZE_MAX);
    weir__buffer_init(&first.record, SIZE_MAX);
    rc = weir__store_open(&options, &store, &err);
    if (rc == WEIR_OK)
        rc = weir__store_log_scan(store, "journal", take_first, &first, &err);
    if (rc == WEIR_OK && !first.is_there) {
        fprintf(stderr, "harm-journal: the journal is empty\n");
        rc = WEIR_FAILED;
    } else if (rc == WEIR_OK) {
        harm(&first.record, argv[3]);
        rc = weir__store_log_put(store, "journal", weir__buffer_bytes(&first.owner), first.number,
                                 weir__buffer_bytes(&first.record), &err);
    }
    if (rc == WEIR_OK)
        rc = weir__store_commit(store, &err);
    if (rc != WEIR_OK && rc != WEIR_FAILED)
        fprintf(stderr, "harm-journal: %s\n", err.message);
    weir__store_close(store);
    weir__buffer_clear(&first.owner);
    weir__buffer_clear(&first.record);
    return rc == WEIR_OK ? 0 : 1;
}
