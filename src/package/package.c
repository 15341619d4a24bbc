/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the job's files together: libraries found, copies made, everything packed, and only then written. */
#include "package/package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/disk.h"
#include "package/jar.h"
#include "package/properties_text.h"
#include "package/run_path.h"

enum { FILE_MAXIMUM = 1 << 30, PROPERTIES_MAXIMUM = 16 << 20 };

/* Everything the JAR borrows until it is packed. */
typedef struct job_parts {
    weir_libraries libraries;
    weir_buffer *copies; /* one for each file of `libraries`: the program's, then the libraries' */
    weir_buffer shim;
    weir_buffer config;
    weir_buffer properties;
    weir_buffer jar;
} job_parts;

static void clear_parts(job_parts *parts)
{
    for (size_t i = 0; parts->copies && i < parts->libraries.count; i++)
        weir__buffer_clear(&parts->copies[i]);
    free(parts->copies);
    weir__libraries_clear(&parts->libraries);
    weir__buffer_clear(&parts->shim);
    weir__buffer_clear(&parts->config);
    weir__buffer_clear(&parts->properties);
    weir__buffer_clear(&parts->jar);
}

/* ---- the shim ---------------------------------------------------------------------------------------------------- */

static bool is_file(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* flink/weir-flink.jar in a folder above the program: a build tree has its programs at most this deep. */
static bool find_built(const char *program, char path[static PATH_MAX])
{
    enum { DEPTH = 5 };
    char folder[PATH_MAX];

    if (snprintf(folder, sizeof folder, "%s", program) >= (int)sizeof folder)
        return false;
    for (int i = 0; i < DEPTH; i++) {
        char *slash = strrchr(folder, '/');

        if (!slash)
            return false;
        *slash = '\0';
        if (snprintf(path, PATH_MAX, "%s/flink/weir-flink.jar", folder) < PATH_MAX && is_file(path))
            return true;
    }
    return false;
}

weir_code weir__package_shim(const char *given, const char *program, char path[static PATH_MAX], weir_error *err)
{
    static const char installed[] = WEIR_PKGDATADIR "/weir-flink.jar";
    const char *named = given ? given : getenv("WEIR_FLINK_JAR");

    if (named && *named) {
        if (!is_file(named) || snprintf(path, PATH_MAX, "%s", named) >= PATH_MAX)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "no shim: '%.120s', which %s names, is no file", named,
                              given ? "--shim" : "WEIR_FLINK_JAR");
        return WEIR_OK;
    }
    if (find_built(program, path))
        return WEIR_OK;
    if (!is_file(installed) || snprintf(path, PATH_MAX, "%s", installed) >= PATH_MAX)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX,
                          "no shim: no '%.90s'; make it with `make flink` in weir's build folder (needs Maven), or "
                          "name one with --shim FILE",
                          installed);
    return WEIR_OK;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static weir_code read_file(const char *path, weir_buffer *out, weir_error *err)
{
    const weir_disk *disk = weir__disk_system();
    int fd = disk->open(disk->context, path, O_RDONLY | O_CLOEXEC, 0);
    struct stat status;
    ssize_t size = -1;
    weir_code rc = WEIR_OK;

    if (fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot open '%.120s'", path);
    if (disk->fstat(disk->context, fd, &status) == 0) {
        if (status.st_size > FILE_MAXIMUM)
            rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "'%.120s' has more than 1 GiB", path);
        else if (weir__buffer_reserve(out, (size_t)status.st_size + 1) != WEIR_OK)
            rc = weir__fail_memory(err, "a file");
        else
            size = weir__disk_read_full(disk, fd, out->data, (size_t)status.st_size);
    }
    if (rc == WEIR_OK && size < 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot read '%.120s'", path);
    else if (rc == WEIR_OK)
        out->size = (size_t)size;
    (void)disk->close(disk->context, fd); /* only read from */
    return rc;
}

static weir_code write_file(const char *path, weir_bytes data, weir_error *err)
{
    const weir_disk *disk = weir__disk_system();
    weir_code rc = WEIR_OK;
    char *part = NULL;
    int fd;

    if (asprintf(&part, "%s.part", path) < 0)
        return weir__fail_memory(err, "a file's name");
    fd = disk->open(disk->context, part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write '%.120s'", part);
        goto out;
    }
    /* Not synced: what is lost in a power cut is made again. */
    if (weir__disk_write_all(disk, fd, data.data, data.size) < 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write '%.120s'", part);
    if (disk->close(disk->context, fd) < 0 && rc == WEIR_OK)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write '%.120s'", part);
    if (rc == WEIR_OK && disk->rename(disk->context, part, path) < 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot put '%.120s' in place", path);
    if (rc != WEIR_OK)
        (void)unlink(part); /* what was wrong is known already */
out:
    free(part);
    return rc;
}

/* ---- the parts --------------------------------------------------------------------------------------------------- */

static weir_code print_properties(const weir_package_options *options, weir_buffer *out, const char **secret,
                                  weir_error *err)
{
    const char *name = weir__config_text(options->config, "job.name");
    weir_buffer agents;
    weir_code rc = WEIR_OK;

    weir__buffer_init(&agents, PROPERTIES_MAXIMUM);
    for (size_t i = 0; i < options->agent_count && rc == WEIR_OK; i++) {
        if (i > 0)
            rc = weir__buffer_add_byte(&agents, ',');
        if (rc == WEIR_OK)
            rc = weir__buffer_add_text(&agents, options->agents[i]);
    }
    if (rc == WEIR_OK)
        rc = weir__buffer_add_byte(&agents, '\0');
    if (rc == WEIR_OK)
        rc = weir__properties_add(out, "weir.version", options->version);
    if (rc == WEIR_OK)
        rc = weir__properties_add(out, "weir.job-name", name ? name : options->job_name);
    if (rc == WEIR_OK)
        rc = weir__properties_add(out, "weir.agent-names", (const char *)agents.data);
    if (rc == WEIR_OK)
        rc = weir__properties_add_all(out, options->config, secret);
    weir__buffer_clear(&agents);
    return rc == WEIR_OK ? WEIR_OK : weir__fail_memory(err, "the configuration");
}

static weir_code copy_files(job_parts *parts, weir_package_report *report, weir_error *err)
{
    weir_libraries *files = &parts->libraries;
    weir_code rc = WEIR_OK;

    parts->copies = calloc(files->count, sizeof *parts->copies);
    if (!parts->copies)
        return weir__fail_memory(err, "copies");
    for (size_t i = 0; i < files->count && rc == WEIR_OK; i++) {
        const weir_loaded *file = &files->files[i];
        const char *symbol;
        weir_glibc glibc = weir__elf_glibc(&file->elf, &symbol);

        weir__buffer_init(&parts->copies[i], (size_t)FILE_MAXIMUM * 2);
        rc = i == 0 ? weir__run_path_program(&file->elf, &parts->copies[i], err)
                    : weir__run_path_library(&file->elf, &parts->copies[i], err);
        if (rc == WEIR_IO)
            weir__error_context(err, "'%.80s'", file->path);
        if (weir__glibc_newer(glibc, report->glibc)) {
            report->glibc = glibc;
            (void)snprintf(report->glibc_file, sizeof report->glibc_file, "%s", file->path);
            (void)snprintf(report->glibc_symbol, sizeof report->glibc_symbol, "%s", symbol);
        }
        if (i > 0)
            report->libraries_size += parts->copies[i].size;
    }
    report->library_count = files->count - 1;
    report->program_size = parts->copies[0].size;
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const weir_loaded *const *)a)->name, (*(const weir_loaded *const *)b)->name);
}

/* In the order of their names, so that a tool's listing is easy to read. */
static weir_code add_libraries(job_parts *parts, weir_jar *jar, weir_error *err)
{
    const weir_libraries *files = &parts->libraries;
    const weir_loaded **sorted = calloc(files->count, sizeof *sorted);
    weir_code rc = WEIR_OK;

    if (!sorted)
        return weir__fail_memory(err, "the list of libraries");
    for (size_t i = 1; i < files->count; i++)
        sorted[i - 1] = &files->files[i];
    qsort(sorted, files->count - 1, sizeof *sorted, by_name);
    for (size_t i = 0; i + 1 < files->count && rc == WEIR_OK; i++) {
        const weir_buffer *copy = &parts->copies[sorted[i] - files->files];
        char name[NAME_MAX + 16];

        (void)snprintf(name, sizeof name, "weir/lib/%s", sorted[i]->name);
        rc = weir__jar_add(jar, name, weir__buffer_bytes(copy), false, err);
    }
    free(sorted);
    return rc;
}

static weir_code pack(const weir_package_options *options, job_parts *parts, weir_error *err)
{
    weir_jar *jar = NULL;
    char name[NAME_MAX + 16];
    weir_code rc = weir__jar_new(weir__buffer_bytes(&parts->shim), &jar, err);

    if (rc != WEIR_OK) {
        weir__error_context(err, "'%.100s'", options->shim);
        return rc;
    }
    rc = weir__jar_add(jar, "weir/job.properties", weir__buffer_bytes(&parts->properties), false, err);
    if (rc == WEIR_OK && options->config_file)
        rc = weir__jar_add(jar, "weir/job.yaml", weir__buffer_bytes(&parts->config), false, err);
    (void)snprintf(name, sizeof name, "weir/bin/%s", options->name);
    if (rc == WEIR_OK)
        rc = weir__jar_add(jar, name, weir__buffer_bytes(&parts->copies[0]), true, err);
    if (rc == WEIR_OK)
        rc = add_libraries(parts, jar, err);
    if (rc == WEIR_OK)
        rc = weir__jar_pack(jar, &parts->jar, err);
    weir__jar_free(jar);
    return rc;
}

weir_code weir__package_make(const weir_package_options *options, weir_package_report *report, weir_error *err)
{
    job_parts parts = { .copies = NULL };
    weir_code rc;

    memset(report, 0, sizeof *report);
    weir__buffer_init(&parts.shim, (size_t)FILE_MAXIMUM + 1);
    weir__buffer_init(&parts.config, (size_t)FILE_MAXIMUM + 1);
    weir__buffer_init(&parts.properties, PROPERTIES_MAXIMUM);
    weir__buffer_init(&parts.jar, SIZE_MAX);
    rc = read_file(options->shim, &parts.shim, err);
    if (rc == WEIR_OK && options->config_file)
        rc = read_file(options->config_file, &parts.config, err);
    if (rc == WEIR_OK)
        rc = print_properties(options, &parts.properties, &report->secret, err);
    if (rc == WEIR_OK)
        rc = weir__libraries_find(options->program, &options->search, &parts.libraries, err);
    if (rc == WEIR_OK)
        rc = copy_files(&parts, report, err);
    if (rc == WEIR_OK)
        rc = pack(options, &parts, err);
    if (rc == WEIR_OK)
        rc = write_file(options->output, weir__buffer_bytes(&parts.jar), err);
    report->shim_size = parts.shim.size;
    report->jar_size = parts.jar.size;
    clear_parts(&parts);
    return rc;
}
