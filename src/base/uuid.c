/* SPDX-License-Identifier: Apache-2.0 */
/* libuuid, in this file alone. */
#include "base/uuid.h"

#include <uuid/uuid.h>

/* Drawn once at random; never changes, since ids that were given out depend on it. */
static const uuid_t name_space = { 0x6f, 0x1d, 0x2c, 0x0e, 0x5b, 0x7a, 0x4e, 0x19,
                                   0x9c, 0x33, 0xd2, 0x41, 0x8a, 0x60, 0x57, 0xbe };

void weir__uuid_named(weir_bytes name, char text[WEIR__UUID_TEXT])
{
    uuid_t id;

    uuid_generate_sha1(id, name_space, (const char *)name.data, name.size);
    uuid_unparse_lower(id, text);
}

void weir__uuid_random(char text[WEIR__UUID_TEXT])
{
    uuid_t id;

    uuid_generate_random(id);
    uuid_unparse_lower(id, text);
}
