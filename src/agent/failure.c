/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the first error. */
#include "agent/failure.h"

#include <stdio.h>

weir_code weir__failure_keep_list(weir_failure *failure, weir_code code, const char *format, va_list args)
{
    char message[sizeof failure->error.message];

    if (code == WEIR_OK)
        code = WEIR_INVALID;
    if (weir__failure_is_kept(failure))
        return code;
    (void)vsnprintf(message, sizeof message, format, args); /* a cut message is still a message */
    return weir__fail(&failure->error, code, code == WEIR_NO_MEMORY ? WEIR_REMEDY_STOP : WEIR_REMEDY_FIX, "%s",
                      message);
}

weir_code weir__failure_keep(weir_failure *failure, weir_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    code = weir__failure_keep_list(failure, code, format, args);
    va_end(args);
    return code;
}

weir_code weir__failure_keep_error(weir_failure *failure, const weir_error *err)
{
    if (!weir__failure_is_kept(failure))
        failure->error = *err;
    return err->code;
}
