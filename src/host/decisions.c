/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of decisions. It is looked at by people's speed, so plainly: a file is read, told, and removed. */
#include "host/decisions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "codec/json.h"

#define TAKEN ".taken"

enum { DECISION_BYTES = 64 << 20, PATH_BYTES = 4096 };

/* One that is journaled, and not known to be durable yet. */
typedef struct pending {
    weir_ticket ticket; /* first: cast back */
    char path[PATH_BYTES];
} pending;

weir_code weir__decisions_open(weir_decisions *decisions, const char *state_folder, weir_error *err)
{
    size_t size = strlen(state_folder) + sizeof "/" WEIR__DECISIONS_FOLDER;

    decisions->folder = malloc(size);
    if (!decisions->folder)
        return weir__fail_memory(err, "the decisions");
    (void)snprintf(decisions->folder, size, "%s/" WEIR__DECISIONS_FOLDER, state_folder); /* it fits */
    return WEIR_OK;
}

void weir__decisions_close(weir_decisions *decisions)
{
    free(decisions->folder);
    decisions->folder = NULL;
}

bool weir__decisions_are_possible(const weir_engine *engine)
{
    weir_engine_counts counts = weir__engine_counts(engine);

    return counts.parked + counts.waiting > 0;
}

/* A number that may be missing: then 0. False: it is none. */
static bool read_number(const weir_json *json, const char *name, uint32_t *out)
{
    const weir_json *member = weir__json_member(json, weir__bytes_text(name));

    *out = 0;
    if (!member)
        return true;
    if (weir__json_kind(member) != WEIR__JSON_INT || weir__json_int(member) < 0 || weir__json_int(member) > UINT32_MAX)
        return false;
    *out = (uint32_t)weir__json_int(member);
    return true;
}

/* ---- one file ---------------------------------------------------------------------------------------------------- */

weir_code weir__decision_parse(weir_bytes text, weir_arena *arena, const char **run, weir_entry *decision,
                               weir_error *err)
{
    static const char *const words[] = { "result", "retry", "fail" };
    const weir_json *json, *id, *word, *result, *force;
    uint32_t instance, call, attempt;
    weir_code rc = weir__json_parse(text, 64, arena, &json, err);
    size_t which = 0;

    if (rc == WEIR_NO_MEMORY)
        return rc;
    if (rc != WEIR_OK || weir__json_kind(json) != WEIR__JSON_OBJECT)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "it is no JSON object");
    id = weir__json_member(json, weir__bytes_text("run"));
    word = weir__json_member(json, weir__bytes_text("decision"));
    result = weir__json_member(json, weir__bytes_text("result"));
    force = weir__json_member(json, weir__bytes_text("force"));
    if (!id || weir__json_kind(id) != WEIR__JSON_TEXT || !weir__json_member(json, weir__bytes_text("attempt")) ||
        !read_number(json, "attempt", &attempt) || !read_number(json, "instance", &instance) ||
        !read_number(json, "call", &call) || !word || weir__json_kind(word) != WEIR__JSON_TEXT)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "it has no run, attempt and decision");
    while (which < 3 && !weir__bytes_equal(weir__json_text(word), weir__bytes_text(words[which])))
        which++;
    if (which == 3 || (which == WEIR__DECISION_RESULT) != (result != NULL))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "it is no result with one, no retry and no fail");
    memset(decision, 0, sizeof *decision);
    decision->kind = WEIR__ENTRY_RESOLUTION;
    decision->decision = (weir_decision)which;
    decision->instance = instance;
    decision->call = call;
    decision->attempt = attempt;
    decision->is_forced = force && weir__json_kind(force) == WEIR__JSON_BOOL && weir__json_bool(force);
    if (result) {
        weir_buffer printed;

        weir__buffer_init(&printed, SIZE_MAX);
        rc = weir__json_print(result, &printed);
        if (rc == WEIR_OK)
            decision->result = weir__arena_copy(arena, weir__buffer_bytes(&printed));
        weir__buffer_clear(&printed);
        if (rc != WEIR_OK || !decision->result.data)
            return weir__fail_memory(err, "a decision");
    }
    *run = (const char *)weir__arena_copy(arena, weir__json_text(id)).data;
    if (!*run)
        return weir__fail_memory(err, "a decision");
    return WEIR_OK;
}

static weir_code read_file(const char *path, weir_buffer *text, weir_error *err)
{
    const weir_disk *disk = weir__disk_system();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = -1;

    if (fd >= 0 && weir__buffer_reserve(text, DECISION_BYTES) == WEIR_OK)
        size = weir__disk_read_full(disk, fd, text->data, DECISION_BYTES);
    if (fd >= 0)
        (void)close(fd); /* only read from */
    if (size < 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot read '%s'", path);
    text->size = (size_t)size;
    return WEIR_OK;
}

static void known(weir_ticket *ticket, const weir_error *err)
{
    pending *taken = (pending *)ticket;

    /* Not durable: it stays, and the next start takes it up. */
    if (!err && unlink(taken->path) != 0 && errno != ENOENT)
        weir__log(WEIR__LOG_WARN, "host/decisions", "cannot remove '%s': %s", taken->path, strerror(errno));
    free(taken);
}

static weir_run *find_run(weir_engine *engine, const char *id)
{
    for (weir_run *run = weir__engine_oldest(engine); run; run = run->newer) {
        if (strcmp(weir_run_id(run), id) == 0)
            return run;
    }
    return NULL;
}

static weir_code decide(weir_engine *engine, const char *id, weir_bytes text, pending *ticket, weir_error *err)
{
    weir_arena arena;
    weir_entry decision;
    const char *name = NULL;
    weir_run *run = NULL;
    weir_code rc;

    weir__arena_init(&arena, 4096);
    rc = weir__decision_parse(text, &arena, &name, &decision, err);
    if (rc == WEIR_OK) {
        run = find_run(engine, name);
        if (!run)
            rc = weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "there is no run %.100s under way", name);
    }
    if (rc == WEIR_OK) {
        decision.id = id;
        rc = weir__engine_decide(run, &decision, &ticket->ticket, err);
    }
    if (rc == WEIR_OK)
        weir__log(WEIR__LOG_INFO, "host/decisions", "a decision is taken up run=%s attempt=%u id=%s", name,
                  decision.attempt, id);
    weir__arena_clear(&arena);
    return rc;
}

static void refuse(const char *path, size_t stem, const weir_error *why)
{
    char refused[PATH_BYTES + 16];
    FILE *file;

    weir__log(WEIR__LOG_WARN, "host/decisions", "a decision is refused: %s file=%s", why->message, path);
    (void)snprintf(refused, sizeof refused, "%.*s.refused", (int)stem, path); /* it fits */
    file = fopen(refused, "we");
    if (file) {
        (void)fprintf(file, "%s\n", why->message); /* whoever waits for it says so when it is not there */
        (void)fclose(file);
    }
    (void)unlink(path); /* when it stays it is refused again */
}

/* `name` without `stem` bytes' end is the id. */
static void take(weir_engine *engine, const char *folder, const char *name, size_t stem, bool is_idle)
{
    char id[256], path[PATH_BYTES];
    pending *ticket = calloc(1, sizeof *ticket);
    weir_buffer text;
    weir_error err;
    weir_code rc;

    if (!ticket || stem >= sizeof id ||
        snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
        snprintf(ticket->path, sizeof ticket->path, "%s/%.*s" TAKEN, folder, (int)stem, name) >=
            (int)sizeof ticket->path) {
        free(ticket);
        return; /* no memory, or no name of ours: it stays */
    }
    (void)snprintf(id, sizeof id, "%.*s", (int)stem, name); /* it fits */
    ticket->ticket.known = known;
    weir__buffer_init(&text, DECISION_BYTES);
    rc = read_file(path, &text, &err);
    if (rc == WEIR_OK)
        rc = decide(engine, id, weir__buffer_bytes(&text), ticket, &err);
    weir__buffer_clear(&text);
    if (rc == WEIR_OK) {
        (void)rename(path, ticket->path); /* when it keeps its name it is met again, and refused: it has been done */
    } else {
        if (is_idle)
            refuse(path, strlen(folder) + 1 + stem, &err);
        free(ticket);
    }
}

/* How much of a name comes before an end; 0: it has not that end. */
static size_t stem_of(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);

    return size > end_size && strcmp(name + size - end_size, end) == 0 ? size - end_size : 0;
}

void weir__decisions_look(weir_decisions *decisions, weir_engine *engine, bool is_idle, int64_t now_ms)
{
    DIR *folder;
    struct dirent *entry;

    decisions->looked_ms = now_ms;
    if (!decisions->folder || !weir__decisions_are_possible(engine))
        return;
    folder = opendir(decisions->folder);
    if (!folder)
        return; /* nobody has decided anything yet */
    while ((entry = readdir(folder))) {
        size_t stem = stem_of(entry->d_name, ".json");

        /* Taken by a life that may have ended before it was durable: done, it is refused now. */
        if (!stem && !decisions->has_looked)
            stem = stem_of(entry->d_name, TAKEN);
        if (stem)
            take(engine, decisions->folder, entry->d_name, stem, is_idle);
    }
    decisions->has_looked |= is_idle;
    (void)closedir(folder); /* only read from */
}
