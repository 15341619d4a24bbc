/* SPDX-License-Identifier: Apache-2.0 */
/* The first error of something: kept, never replaced. */
#ifndef WEIR__AGENT_FAILURE_H
#define WEIR__AGENT_FAILURE_H

#include <stdarg.h>
#include <stdbool.h>

#include "base/error.h"

/* error.code WEIR_OK: nothing is kept; then the rest of `error` means nothing. */
typedef struct weir_failure {
    weir_error error;
} weir_failure;

static inline bool weir__failure_is_kept(const weir_failure *failure)
{
    return failure->error.code != WEIR_OK;
}

/** Keeps an error unless one is kept; returns `code`. WEIR_OK counts as WEIR_INVALID. */
weir_code weir__failure_keep(weir_failure *failure, weir_code code, const char *format, ...) WEIR_PRINTF(3, 4);
weir_code weir__failure_keep_list(weir_failure *failure, weir_code code, const char *format, va_list args);

/** Keeps an error that is there already. */
weir_code weir__failure_keep_error(weir_failure *failure, const weir_error *err);

#endif
