/* SPDX-License-Identifier: Apache-2.0 */
/* Text files that were embedded when weir was built (scripts/embed.awk). */
#ifndef WEIR__BASE_TEXT_FILE_H
#define WEIR__BASE_TEXT_FILE_H

#include <stddef.h> /* NULL */

/* An array of these is ended by a NULL name. */
struct weir__text_file {
    const char *name;
    const char *text;
};

#endif
