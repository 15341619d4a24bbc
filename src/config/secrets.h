/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: filling them in from the environment and from files, and knowing what must not be shown. */
#ifndef WEIR__CONFIG_SECRETS_H
#define WEIR__CONFIG_SECRETS_H

#include <stdbool.h>

#include "base/error.h"

/* What is shown in a secret's place. */
#define WEIR__SECRET_SHOWN "***"

/**
 * Fills in `${env:NAME}` and `${file:PATH}`; `$${` becomes `${`. What was filled in is not looked at again. A file's
 * one trailing line break is left out.
 *
 * @param text      as written
 * @param out       allocated, to be given to weir__secret_free()
 * @param is_secret whether anything was filled in
 * @return WEIR_OK; WEIR_CONFIG: no such variable or file, over 64 KiB, a NUL in it, a placeholder that is none (fix);
 *         WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__secret_fill(const char *text, char **out, bool *is_secret, weir_error *err);

/**
 * Only checks the form of placeholders.
 * @param has_any  whether there is one
 * @return WEIR_OK; WEIR_CONFIG: a placeholder that is none (fix); WEIR_NO_MEMORY (stop)
 */
WEIR_CHECK weir_code weir__secret_check(const char *text, bool *has_any, weir_error *err);

/** Whether a property's value is a secret by its name: a password or token of `kafka.*` or `schema-registry.*`. */
bool weir__secret_named(const char *name);

/** Whether a value shows by itself that it holds one: a user and password in a URL. */
bool weir__secret_looks(const char *text);

/** Wipes and frees; accepts NULL. */
void weir__secret_free(char *text);

#endif
