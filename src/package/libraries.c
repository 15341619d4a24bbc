/* SPDX-License-Identifier: Apache-2.0 */
/* From a program to all libraries it loads: breadth first, as the loader goes. */
#include "package/libraries.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/disk.h"
#include "package/loader_cache.h"

enum { FILES_MAXIMUM = 1000, FILE_MAXIMUM = 1 << 30 };

static const char *const default_folders[] = {
#ifdef __x86_64__
    "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
#elif defined __aarch64__
    "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
#endif
    "/lib64", "/usr/lib64", "/lib", "/usr/lib", NULL
};

/* What a search has at hand. */
typedef struct search_places {
    weir_libraries *files;
    const char *library_path;
    const char *const *folders;
    weir_buffer cache;
} search_places;

bool weir__library_is_glibc(const char *name)
{
    static const char *const beginnings[] = { "libc.so.", "libm.so.", "libmvec.so.", "libpthread.so.", "libdl.so.",
                                              "librt.so.", "libutil.so.", "libresolv.so.", "libanl.so.", "libnsl.so.1",
                                              "libnss_", "libBrokenLocale.so.", "libthread_db.so.", "ld-linux",
                                              "libc_malloc_debug.so.", "linux-vdso.so." };

    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void clear_loaded(weir_loaded *file)
{
    free(file->name);
    free(file->path);
    free(file->origin);
    weir__buffer_clear(&file->image);
}

void weir__libraries_clear(weir_libraries *libraries)
{
    for (size_t i = 0; i < libraries->count; i++)
        clear_loaded(&libraries->files[i]);
    free(libraries->files);
    memset(libraries, 0, sizeof *libraries);
}

static weir_code read_image(const char *path, weir_buffer *out, weir_error *err)
{
    const weir_disk *disk = weir__disk_system();
    int fd = disk->open(disk->context, path, O_RDONLY | O_CLOEXEC, 0);
    struct stat status;
    weir_code rc = WEIR_OK;

    if (fd < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot open it");
    if (disk->fstat(disk->context, fd, &status) < 0)
        rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot look at it");
    else if (!S_ISREG(status.st_mode) || status.st_size > FILE_MAXIMUM)
        rc = weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "no file of at most 1 GiB");
    else if (weir__buffer_reserve(out, (size_t)status.st_size + 1) != WEIR_OK)
        rc = weir__fail_memory(err, "a library");
    if (rc == WEIR_OK) {
        ssize_t size = weir__disk_read_full(disk, fd, out->data, (size_t)status.st_size);

        if (size < 0)
            rc = weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot read it");
        else
            out->size = (size_t)size;
    }
    (void)disk->close(disk->context, fd); /* only read from */
    return rc;
}

/* The folder that a file is in, links followed. NULL: no memory, or it is gone. */
static char *folder_of(const char *path)
{
    char *real = realpath(path, NULL);
    char *slash = real ? strrchr(real, '/') : NULL;

    if (slash)
        slash[slash == real ? 1 : 0] = '\0';
    return real;
}

/* Reads a file and appends it. */
static weir_code add(weir_libraries *files, const char *name, const char *path, size_t asker, weir_error *err)
{
    weir_loaded file = { .asker = asker };
    weir_code rc;

    if (files->count == FILES_MAXIMUM)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX, "it needs more than %d libraries", FILES_MAXIMUM - 1);
    if (files->count == files->capacity) {
        size_t capacity = files->capacity ? 2 * files->capacity : 32;
        weir_loaded *grown = realloc(files->files, capacity * sizeof *grown);

        if (!grown)
            return weir__fail_memory(err, "the list of libraries");
        files->files = grown;
        files->capacity = capacity;
    }
    weir__buffer_init(&file.image, (size_t)FILE_MAXIMUM + 1);
    rc = read_image(path, &file.image, err);
    if (rc != WEIR_OK)
        goto out;
    rc = weir__elf_read(weir__buffer_bytes(&file.image), &file.elf, err);
    if (rc != WEIR_OK)
        goto out;
    file.name = strdup(name);
    file.path = strdup(path);
    file.origin = folder_of(path);
    if (!file.name || !file.path || !file.origin) {
        rc = weir__fail_memory(err, "the list of libraries");
        goto out;
    }
    files->files[files->count++] = file;
    return WEIR_OK;
out:
    clear_loaded(&file);
    weir__error_context(err, "'%.80s'", path);
    return rc;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

/* Whether the loader would take this file: one for the machine that the program is for. What is there and is not such a
 * file is passed over. Only its beginning is read. */
static bool is_taken(const weir_libraries *files, const char *path)
{
    const weir_disk *disk = weir__disk_system();
    const Elf64_Ehdr *wanted = &files->files[0].elf.header;
    Elf64_Ehdr header;
    bool is_good = false;
    int fd = disk->open(disk->context, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);

    if (fd < 0)
        return false;
    if (weir__disk_read_full(disk, fd, &header, sizeof header) == (ssize_t)sizeof header)
        is_good = memcmp(header.e_ident, wanted->e_ident, EI_OSABI) == 0 && header.e_machine == wanted->e_machine &&
                  header.e_type == ET_DYN;
    (void)disk->close(disk->context, fd); /* only read from */
    return is_good;
}

/* FOLDER/NAME, with $ORIGIN filled in, as new text. NULL: no memory, or something else with a $. */
static char *path_in(const char *folder, size_t size, const char *origin, const char *name)
{
    static const char *const forms[] = { "$ORIGIN", "${ORIGIN}" };
    char *path = NULL;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t length = strlen(forms[i]);

        if (size < length || memcmp(folder, forms[i], length) != 0 || (size > length && folder[length] != '/'))
            continue;
        if (memchr(folder + length, '$', size - length) ||
            asprintf(&path, "%s%.*s/%s", origin, (int)(size - length), folder + length, name) < 0)
            return NULL;
        return path;
    }
    if (memchr(folder, '$', size) || asprintf(&path, "%.*s%s%s", (int)size, folder, size ? "/" : "./", name) < 0)
        return NULL;
    return path;
}

/* Looks into folders that are parted by `:`. The path found, as new text, or NULL. */
static char *look_into(const search_places *places, const char *folders, const char *origin, const char *name)
{
    while (folders && *folders) {
        size_t size = strcspn(folders, ":");
        char *path = path_in(folders, size, origin, name);

        if (path && is_taken(places->files, path))
            return path;
        free(path);
        folders += size + (folders[size] ? 1 : 0);
    }
    return NULL;
}

static char *look_into_cache(const search_places *places, const char *name)
{
    size_t cursor = 0;
    const char *path;

    while ((path = weir__loader_cache_next(weir__buffer_bytes(&places->cache), name, &cursor))) {
        if (is_taken(places->files, path))
            return strdup(path);
    }
    return NULL;
}

static char *look(const search_places *places, size_t asker, const char *name)
{
    const weir_loaded *file = &places->files->files[asker];
    const char *run_path = weir__elf_first(&file->elf, DT_RUNPATH);
    char *path = NULL;

    /* The older kind of run path holds for all that is loaded on behalf of the file, unless one has the newer kind. */
    for (size_t i = asker; !path && !run_path; i = places->files->files[i].asker) {
        const weir_loaded *at = &places->files->files[i];

        if (!weir__elf_first(&at->elf, DT_RUNPATH))
            path = look_into(places, weir__elf_first(&at->elf, DT_RPATH), at->origin, name);
        if (i == 0)
            break;
    }
    if (!path)
        path = look_into(places, places->library_path, file->origin, name);
    if (!path)
        path = look_into(places, run_path, file->origin, name);
    if (!path)
        path = look_into_cache(places, name);
    for (size_t i = 0; !path && places->folders[i]; i++)
        path = look_into(places, places->folders[i], file->origin, name);
    return path;
}

static bool is_there(const weir_libraries *files, const char *name)
{
    for (size_t i = 1; i < files->count; i++) {
        if (strcmp(files->files[i].name, name) == 0)
            return true;
    }
    return false;
}

static weir_code add_needed(const search_places *places, size_t asker, const char *name, weir_error *err)
{
    char *path;
    weir_code rc;

    if (weir__library_is_glibc(name) || is_there(places->files, name))
        return WEIR_OK;
    if (strchr(name, '/') || name[0] == '\0' || name[0] == '.')
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX,
                          "'%.80s' is needed by '%.80s' under a path; link a library that has a soname", name,
                          places->files->files[asker].path);
    path = look(places, asker, name);
    if (!path)
        return weir__fail(err, WEIR_IO, WEIR_REMEDY_FIX,
                          "library '%.64s', which '%.80s' needs, was not found; install it, or name its folder in "
                          "LD_LIBRARY_PATH",
                          name, places->files->files[asker].path);
    rc = add(places->files, name, path, asker, err);
    free(path);
    return rc;
}

weir_code weir__libraries_find(const char *program, const weir_search *search, weir_libraries *out, weir_error *err)
{
    search_places places = { .files = out };
    const char *cache = search->cache ? search->cache : "/etc/ld.so.cache";
    weir_code rc = add(out, "", program, 0, err);

    places.library_path = search->library_path ? search->library_path : getenv("LD_LIBRARY_PATH");
    places.folders = search->folders ? search->folders : default_folders;
    weir__buffer_init(&places.cache, (size_t)FILE_MAXIMUM + 1);
    /* Where there is no cache the folders do. */
    if (rc == WEIR_OK && *cache && read_image(cache, &places.cache, NULL) == WEIR_NO_MEMORY)
        rc = weir__fail_memory(err, "the loader's cache");
    for (size_t i = 0; rc == WEIR_OK && i < out->count; i++) {
        size_t cursor = 0;
        const char *name;

        /* The file's record may move when one is added; what it points to does not. */
        while (rc == WEIR_OK && (name = weir__elf_text(&out->files[i].elf, DT_NEEDED, &cursor)))
            rc = add_needed(&places, i, name, err);
    }
    weir__buffer_clear(&places.cache);
    return rc;
}
