/* SPDX-License-Identifier: Apache-2.0 */
/* Setting errors, and adding where they happened on the way up. */
#ifndef WEIR__BASE_ERROR_H
#define WEIR__BASE_ERROR_H

#include <weir/error.h>

/* A returned code that must not be ignored; a deliberate ignore is `(void)` with its reason. */
#define WEIR_CHECK __attribute__((warn_unused_result))

/**
 * Writes an error and returns its code: `return weir__fail(err, …);`. err may be NULL. A message that does not fit is
 * cut at a character's boundary; line breaks and control characters in it become spaces.
 */
weir_code weir__fail(weir_error *err, weir_code code, weir_remedy remedy, const char *format, ...) WEIR_PRINTF(4, 5);

/** The same, keeping a library's number. `origin` is a static string: "errno", "sqlite", … */
weir_code weir__fail_from(weir_error *err, weir_code code, weir_remedy remedy, const char *origin, int origin_code,
                          const char *format, ...) WEIR_PRINTF(6, 7);

/** WEIR_IO from errno (WEIR_NO_MEMORY for ENOMEM), with its text behind the message: "…: No space left on device". */
weir_code weir__fail_errno(weir_error *err, int number, weir_remedy remedy, const char *format, ...)
    WEIR_PRINTF(4, 5);

/** Out of memory while doing `what`: WEIR_NO_MEMORY, stop. */
weir_code weir__fail_memory(weir_error *err, const char *what);

/** Puts "context: " before the message. */
void weir__error_context(weir_error *err, const char *format, ...) WEIR_PRINTF(2, 3);

/** Cuts a character that is not whole off the end of UTF-8 text: what a cut at a byte leaves behind. */
void weir__text_trim(char *text);

/** The code's name in words: "no memory"; for messages and for JSON. */
const char *weir__code_name(weir_code code);

#endif
