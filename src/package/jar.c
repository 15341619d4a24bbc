/* SPDX-License-Identifier: Apache-2.0 */
/* JARs by libzip, in memory: what is written to disk, and when, is decided elsewhere. */
#include "package/jar.h"

#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* 1 January 1980, the first day of ZIP's calendar. */
enum { FIRST_DAY = 1 << 5 | 1, LEVEL = 6 };

struct weir_jar {
    zip_t *zip;
    zip_source_t *source; /* what `zip` reads from, and will write to */
};

static weir_code fail_zip(weir_error *err, zip_error_t *error, const char *what)
{
    weir_code rc;

    if (zip_error_code_zip(error) == ZIP_ER_MEMORY)
        rc = weir__fail_memory(err, "the JAR");
    else
        rc = weir__fail_from(err, WEIR_IO, WEIR_REMEDY_FIX, "libzip", zip_error_code_zip(error), "%s: %s", what,
                             zip_error_strerror(error));
    zip_error_fini(error);
    return rc;
}

void weir__jar_free(weir_jar *jar)
{
    if (!jar)
        return;
    if (jar->zip)
        zip_discard(jar->zip);
    if (jar->source)
        zip_source_free(jar->source);
    free(jar);
}

weir_code weir__jar_check(weir_error *err)
{
    (void)err;
    return WEIR_OK;
}

weir_code weir__jar_new(weir_bytes base, weir_jar **out, weir_error *err)
{
    weir_code rc = WEIR_OK;
    zip_error_t error;
    weir_jar *jar = calloc(1, sizeof *jar);
    uint8_t *copy = malloc(base.size);

    if (base.size == 0) { /* libzip would neither refuse it here nor free it */
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "no JAR: it is empty");
        goto out;
    }
    if (!jar || !copy) {
        rc = weir__fail_memory(err, "the JAR");
        goto out;
    }
    memcpy(copy, base.data, base.size);
    zip_error_init(&error);
    /* A copy that is libzip's to free: 1.7.3 frees one that it was only lent when it writes behind what was there. */
    jar->source = zip_source_buffer_create(copy, base.size, 1, &error);
    if (jar->source) {
        copy = NULL;
    } else {
        rc = fail_zip(err, &error, "cannot be read");
        goto out;
    }
    jar->zip = zip_open_from_source(jar->source, ZIP_CHECKCONS, &error);
    if (!jar->zip) {
        rc = fail_zip(err, &error, "no JAR");
        goto out;
    }
    zip_source_keep(jar->source); /* `zip` has the other reference now */
    if (zip_name_locate(jar->zip, "META-INF/MANIFEST.MF", 0) < 0)
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "no JAR: it has no META-INF/MANIFEST.MF");
    else if (zip_name_locate(jar->zip, "weir/job.properties", 0) >= 0)
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "a packaged job; give weir-flink.jar instead");
    if (rc != WEIR_OK)
        goto out;
    *out = jar;
    jar = NULL;
out:
    free(copy);
    weir__jar_free(jar);
    return rc;
}

weir_code weir__jar_add(weir_jar *jar, const char *name, weir_bytes data, bool is_program, weir_error *err)
{
    zip_uint32_t mode = is_program ? 0100755 : 0100644;
    zip_source_t *source = zip_source_buffer(jar->zip, data.data, data.size, 0);
    zip_int64_t index;

    if (!source)
        return fail_zip(err, zip_get_error(jar->zip), name);
    index = zip_file_add(jar->zip, name, source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
        zip_source_free(source);
        return fail_zip(err, zip_get_error(jar->zip), name);
    }
    if (zip_set_file_compression(jar->zip, (zip_uint64_t)index, ZIP_CM_DEFLATE, LEVEL) < 0 ||
        zip_file_set_dostime(jar->zip, (zip_uint64_t)index, 0, FIRST_DAY, 0) < 0 ||
        zip_file_set_external_attributes(jar->zip, (zip_uint64_t)index, 0, ZIP_OPSYS_UNIX, mode << 16) < 0)
        return fail_zip(err, zip_get_error(jar->zip), name);
    return WEIR_OK;
}

static weir_code read_all(zip_source_t *source, weir_buffer *out, weir_error *err)
{
    zip_stat_t status;
    zip_int64_t size = -1;

    zip_stat_init(&status);
    if (zip_source_stat(source, &status) < 0 || zip_source_open(source) < 0)
        return fail_zip(err, zip_source_error(source), "packing");
    if (weir__buffer_reserve(out, status.size) == WEIR_OK)
        size = zip_source_read(source, out->data + out->size, status.size);
    (void)zip_source_close(source); /* only read from */
    if (size < 0 || (zip_uint64_t)size != status.size)
        return weir__fail_memory(err, "the JAR");
    out->size += (size_t)size;
    return WEIR_OK;
}

weir_code weir__jar_pack(weir_jar *jar, weir_buffer *out, weir_error *err)
{
    if (zip_close(jar->zip) < 0)
        return fail_zip(err, zip_get_error(jar->zip), "packing");
    jar->zip = NULL;
    return read_all(jar->source, out, err);
}
