/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: taken or refused with a message, never a crash, a leak or a value out of range. */
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A broken promise must stop the fuzzer. */
static void promise(bool is_kept)
{
    if (!is_kept)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_config *config = NULL;
    weir_config_entry entry;
    weir_error err = { 0 };
    const char *name, *value;
    weir_code rc;

    if (weir__config_new(&config, NULL) != WEIR_OK)
        return 0;
    rc = weir__config_read(config, weir__bytes(data, size), "job.yaml", &err);
    promise(rc == WEIR_OK || rc == WEIR_CONFIG);
    promise(rc == WEIR_OK || (err.code == rc && strncmp(err.message, "job.yaml:", 9) == 0));
    for (size_t cursor = 0; weir__config_next(config, &cursor, &entry);) {
        promise(!entry.is_secret || strcmp(entry.items[0], "***") == 0);
        promise((entry.kind == WEIR__CONFIG_LIST) == !entry.text);
        for (size_t i = 0; i < entry.count; i++)
            promise(entry.items[i] != NULL);
    }
    for (size_t i = 0; weir__config_kafka(config, i, &name, &value); i++)
        promise(*name && value);
    promise(weir__config_int(config, "limits.depth") >= 1 && weir__config_int(config, "limits.depth") <= 10000);
    weir__config_free(config);
    return 0;
}
