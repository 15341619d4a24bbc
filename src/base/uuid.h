/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs: version 5 (from a name) for what must repeat, version 4 (random) for what must not. */
#ifndef WEIR__BASE_UUID_H
#define WEIR__BASE_UUID_H

#include <weir/bytes.h>

#define WEIR__UUID_TEXT 37 /* 36 characters and NUL */

/** UUIDv5 of a name in weir's own name space, in lower case. The same everywhere, for good. Source: RFC 9562, 5.5. */
void weir__uuid_named(weir_bytes name, char text[WEIR__UUID_TEXT]);

/** UUIDv4, in lower case. */
void weir__uuid_random(char text[WEIR__UUID_TEXT]);

#endif
