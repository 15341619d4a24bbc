/* SPDX-License-Identifier: Apache-2.0 */
/* The JAR of a build without libzip: none. */
#include "package/jar.h"

weir_code weir__jar_check(weir_error *err)
{
    return weir__fail(err, WEIR_CONFIG, WEIR_REMEDY_FIX,
                      "this build has no 'package': configure found no libzip (libzip-dev), or was told to do without");
}

weir_code weir__jar_new(weir_bytes base, weir_jar **out, weir_error *err)
{
    (void)base, (void)out;
    return weir__jar_check(err);
}

weir_code weir__jar_add(weir_jar *jar, const char *name, weir_bytes data, bool is_program, weir_error *err)
{
    (void)jar, (void)name, (void)data, (void)is_program;
    return weir__jar_check(err);
}

weir_code weir__jar_pack(weir_jar *jar, weir_buffer *out, weir_error *err)
{
    (void)jar, (void)out;
    return weir__jar_check(err);
}

void weir__jar_free(weir_jar *jar)
{
    (void)jar;
}
