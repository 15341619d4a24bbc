/* SPDX-License-Identifier: Apache-2.0 */
/* Reading small configurations, and holding messages to their word. */
#ifndef WEIR_TESTS_CONFIG_SUPPORT_H
#define WEIR_TESTS_CONFIG_SUPPORT_H

#include "suite.h"

#include <string.h>

#include "config/config.h"

static inline weir_config *new_config(void)
{
    weir_config *config = NULL;

    ck_assert_int_eq(weir__config_new(&config, NULL), WEIR_OK);
    return config;
}

/* All defaults, and that text as job.yaml over it. */
static inline weir_config *good(const char *yaml)
{
    weir_config *config = new_config();
    weir_error err = { 0 };
    weir_code rc = weir__config_read(config, weir__bytes_text(yaml), "job.yaml", &err);

    ck_assert_msg(rc == WEIR_OK, "'%s' is refused: %s", yaml, err.message);
    return config;
}

/* That text is refused with exactly that message. */
static inline void bad_bytes(weir_bytes yaml, const char *message)
{
    weir_config *config = new_config();
    weir_error err = { 0 };

    ck_assert_int_eq(weir__config_read(config, yaml, "job.yaml", &err), WEIR_CONFIG);
    ck_assert_int_eq(err.code, WEIR_CONFIG);
    ck_assert_int_eq(err.remedy, WEIR_REMEDY_FIX);
    ck_assert_str_eq(err.message, message);
    weir__config_free(config);
}

static inline void bad(const char *yaml, const char *message)
{
    bad_bytes(weir__bytes_text(yaml), message);
}

#endif
