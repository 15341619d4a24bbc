/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `JOB resolve`: how somebody decides. A local job that runs is told by a file, one that does not by an entry in its
 * store; a job on Kafka by an entry in its journal's topic, either way.
 */
#include "cli/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/job.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "cli/kafka_job.h"
#include "cli/options.h"
#include "codec/json.h"
#include "host/decisions.h"
#include "host/parked.h"
#ifdef HAVE_RDKAFKA
#include "host/kafka_parked.h"
#endif

enum { ANSWER_MS = 30000, GO_ON_MS = 10000, LOOK_MS = 20, PATH_BYTES = 4096 };

typedef struct resolution {
    const char *program;
    const char *run;
    uint32_t instance, call; /* what the run is parked on, as listed; 0: nothing */
    weir_buffer text;        /* the decision, as the file holds it */
    char id[WEIR__UUID_TEXT];
} resolution;

/* Attempts are small numbers; anything else is a slip. */
static weir_code read_attempt(const char *text, uint32_t *attempt, weir_error *err)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if (errno || end == text || *end || *text == '-' || number > UINT32_MAX)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "--attempt '%.40s' is no number; `parked` shows it",
                          text);
    *attempt = (uint32_t)number;
    return WEIR_OK;
}

static weir_code print_decision(const weir_arguments *arguments, resolution *to, weir_error *err)
{
    const char *result = weir__arguments_value(arguments, "result");
    const char *word = result ? "result" : weir__arguments_value(arguments, "retry") ? "retry" : "fail";
    uint32_t attempt = 0;
    weir_code rc = read_attempt(weir__arguments_value(arguments, "attempt"), &attempt, err);

    if (rc != WEIR_OK)
        return rc;
    if (result) {
        const weir_json *json;
        weir_arena arena;

        weir__arena_init(&arena, 4096);
        rc = weir__json_parse(weir__bytes_text(result), 512, &arena, &json, err);
        weir__arena_clear(&arena);
        if (rc != WEIR_OK) {
            weir__error_context(err, "--result");
            return rc;
        }
    }
    rc = weir__buffer_add_text(&to->text, "{\"run\":");
    if (rc == WEIR_OK)
        rc = weir__json_print_bytes(weir__bytes_text(to->run), &to->text);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(&to->text, ",\"instance\":");
    if (rc == WEIR_OK)
        rc = weir__json_print_int(to->instance, &to->text);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(&to->text, ",\"call\":");
    if (rc == WEIR_OK)
        rc = weir__json_print_int(to->call, &to->text);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(&to->text, ",\"attempt\":");
    if (rc == WEIR_OK)
        rc = weir__json_print_int(attempt, &to->text);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(&to->text, ",\"decision\":\"");
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(&to->text, word);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(&to->text, result ? "\",\"result\":" : "\"");
    if (rc == WEIR_OK && result)
        rc = weir__buffer_add_text(&to->text, result);
    if (rc == WEIR_OK)
        rc = weir__buffer_add_text(&to->text,
                                   weir__arguments_value(arguments, "force") ? ",\"force\":true}\n" : "}\n");
    return rc == WEIR_OK ? rc : weir__fail_memory(err, "a decision");
}

/* Written elsewhere, synced, and renamed: the job never meets half of it. */
static weir_code put_file(const char *folder, const resolution *to, char *path, size_t size, weir_error *err)
{
    const weir_disk *disk = weir__disk_system();
    char hidden[PATH_BYTES + 16];
    int fd;

    if (snprintf(path, size, "%s/" WEIR__DECISIONS_FOLDER, folder) >= (int)size ||
        (mkdir(path, 0700) != 0 && errno != EEXIST))
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot make '%s'", path);
    if (snprintf(path, size, "%s/" WEIR__DECISIONS_FOLDER "/%s.json", folder, to->id) >= (int)size)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "state folder '%s' has too long a name", folder);
    (void)snprintf(hidden, sizeof hidden, "%s.new", path); /* it fits */
    fd = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || weir__disk_write_all(disk, fd, to->text.data, to->text.size) != 0 || fdatasync(fd) != 0 ||
        close(fd) != 0 || rename(hidden, path) != 0 || disk->sync_folder(disk->context, path) != 0)
        return weir__fail_errno(err, errno, WEIR_REMEDY_FIX, "cannot write '%s'", path);
    return WEIR_OK;
}

static weir_code read_refusal(const char *path, weir_error *err)
{
    char line[200] = "";
    FILE *file = fopen(path, "re");

    if (file) {
        if (!fgets(line, sizeof line, file))
            line[0] = '\0';
        (void)fclose(file);
        (void)unlink(path);
    }
    line[strcspn(line, "\n")] = '\0';
    return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "%s", *line ? line : "the job refused the decision");
}

/* The job runs: it takes the file up within moments, and removes it when the decision is durable. */
static weir_code tell_job(const char *folder, const resolution *to, int owner, weir_error *err)
{
    const struct timespec pause = { 0, LOOK_MS * 1000000L };
    char path[PATH_BYTES], refused[PATH_BYTES + 16], taken[PATH_BYTES + 16];
    const weir_clock *clock = weir__clock_system();
    int64_t by_ms = weir__clock_monotonic_ms(clock) + ANSWER_MS;
    weir_code rc = put_file(folder, to, path, sizeof path, err);

    if (rc != WEIR_OK)
        return rc;
    (void)snprintf(refused, sizeof refused, "%.*s.refused", (int)(strlen(path) - strlen(".json")), path);
    (void)snprintf(taken, sizeof taken, "%.*s.taken", (int)(strlen(path) - strlen(".json")), path);
    while (access(path, F_OK) == 0 || access(taken, F_OK) == 0) {
        if (weir__clock_monotonic_ms(clock) >= by_ms)
            return weir__fail(err, WEIR_IO, WEIR_REMEDY_RETRY,
                              "process %d, which runs the job, has not taken the decision up yet; it lies in '%s'",
                              owner, path);
        (void)nanosleep(&pause, NULL); /* a signal: looks sooner */
    }
    return access(refused, F_OK) == 0 ? read_refusal(refused, err) : WEIR_OK;
}

static weir_code write_decision(weir_store *store, const resolution *to, weir_error *err)
{
    weir_arena arena;
    weir_entry decision;
    const char *run;
    weir_code rc;

    weir__arena_init(&arena, 4096);
    rc = weir__decision_parse(weir__buffer_bytes(&to->text), &arena, &run, &decision, err);
    if (rc == WEIR_OK) {
        decision.id = to->id;
        rc = weir__parked_decide(store, run, &decision, err);
    }
    weir__arena_clear(&arena);
    return rc;
}

static weir_code note_listed(void *context, const weir_parked_run *run, weir_error *err)
{
    resolution *to = context;

    (void)err;
    if (strcmp(run->parked->run, to->run) == 0) {
        to->instance = run->parked->instance;
        to->call = run->parked->call;
    }
    return WEIR_OK;
}

/* What the run is parked on now is what is meant, even if it goes on before the job looks. Forced, it may be in doubt
 * and not parked yet. */
static weir_code find_listed(const char *folder, const char *job, bool is_forced, resolution *to, weir_error *err)
{
    weir_store_options options = {
        .folder = folder, .job = job, .must_exist = true, .read_only = true, .disk = weir__disk_system()
    };
    weir_store *store = NULL;
    weir_code rc = weir__store_open(&options, &store, err);

    if (rc != WEIR_OK)
        return rc;
    rc = weir__parked_scan(store, note_listed, to, err);
    if (rc != WEIR_OK)
        weir__store_error_context(store, err);
    weir__store_close(store);
    if (rc == WEIR_OK && !to->instance && !is_forced)
        rc = weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "run %.100s is not parked; `parked` lists those that are",
                        to->run);
    return rc;
}

static weir_code resolve_in_folder(const char *job, weir_arguments *arguments, resolution *to, weir_error *err)
{
    weir_store_options options = { .must_exist = true, .disk = weir__disk_system() };
    weir_error locked;
    weir_store *store = NULL;
    weir_code rc = weir__arguments_state_folder(arguments, &options.folder, err);

    if (rc == WEIR_OK) {
        options.job = job;
        rc = find_listed(options.folder, options.job, weir__arguments_value(arguments, "force") != NULL, to, err);
    }
    if (rc == WEIR_OK)
        rc = print_decision(arguments, to, err);
    if (rc != WEIR_OK)
        return rc;
    rc = weir__store_open(&options, &store, &locked);
    if (rc == WEIR_OK) {
        rc = write_decision(store, to, err);
        weir__store_close(store);
        return rc;
    }
    if (locked.origin && strcmp(locked.origin, WEIR__ORIGIN_LOCK) == 0)
        return tell_job(options.folder, to, locked.origin_code, err);
    *err = locked;
    return rc;
}

#ifdef HAVE_RDKAFKA

static void tell_taken(const resolution *to, weir_kafka_taken taken)
{
    switch (taken) {
    case WEIR__TAKEN_UP:
        break;
    case WEIR__TAKEN_LATER:
        (void)fprintf(stderr, "%s: decided; nobody runs the job now, its next start takes it up\n", to->program);
        break;
    case WEIR__TAKEN_UNSEEN:
        (void)fprintf(stderr, "%s: decided; the run has not gone on within %d s, see the job's log\n", to->program,
                      GO_ON_MS / 1000);
        break;
    }
}

static weir_code resolve_in_journal(weir_kafka_look *look, void *context, weir_error *err)
{
    resolution *to = context;
    weir_kafka_taken taken;
    weir_entry decision;
    weir_arena arena;
    const char *run;
    weir_code rc;

    weir__arena_init(&arena, 4096);
    rc = weir__decision_parse(weir__buffer_bytes(&to->text), &arena, &run, &decision, err);
    if (rc == WEIR_OK) {
        decision.id = to->id;
        rc = weir__kafka_resolve(look, run, &decision, GO_ON_MS, &taken, err);
    }
    if (rc == WEIR_OK)
        tell_taken(to, taken);
    weir__arena_clear(&arena);
    return rc;
}

#else

static weir_code resolve_in_journal(weir_kafka_look *look, void *context, weir_error *err)
{
    (void)look;
    (void)context;
    return weir__cli_fail_without_kafka(err);
}

#endif

static weir_code resolve(const weir_job *job, weir_arguments *arguments, resolution *to, weir_error *err)
{
    const char *name = weir__config_text(arguments->config, "job.name");
    weir_code rc;

    if (!name)
        name = job->name;
    if (!weir__cli_means_kafka(arguments))
        return resolve_in_folder(name, arguments, to, err);
    rc = print_decision(arguments, to, err);
    return rc == WEIR_OK ? weir__cli_look(arguments, name, resolve_in_journal, to, err) : rc;
}

static weir_code check_words(const weir_arguments *arguments, weir_error *err)
{
    static const char *const each[] = { "result", "retry", "fail" };
    int ways = 0;

    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        ways += weir__arguments_value(arguments, each[i]) != NULL;

    if (arguments->operand_count != 1)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "which run? `parked` lists them");
    if (!weir__arguments_value(arguments, "attempt"))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          "--attempt N is missing; a decision is for one attempt, `parked` shows which");
    if (ways != 1)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "give one of --result JSON, --retry, --fail");
    if (weir__arguments_value(arguments, "force") && !weir__arguments_value(arguments, "retry"))
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "--force goes with --retry");
    return WEIR_OK;
}

int weir__cli_resolve(const weir_job *job, const char *program, int argc, char **argv)
{
    static const weir_option options[] = {
        { "state-dir", "DIR", "the folder of a local job's state" },
        { "attempt", "N", "the attempt that `parked` shows" },
        { "result", "JSON", "it was made, and this is its result" },
        { "retry", NULL, "make it again" },
        { "force", NULL, "with --retry: before its deadline has passed" },
        { "fail", NULL, "it has failed for good" },
        { NULL, NULL, NULL },
    };
    weir_arguments arguments;
    resolution to = { .program = program };
    weir_error err;
    weir_code rc = weir__arguments_parse(&arguments, options, 1, argc, argv, &err);

    weir__buffer_init(&to.text, SIZE_MAX);
    if (rc == WEIR_OK && arguments.wants_help) {
        (void)printf("usage: %s resolve RUN --attempt N --result JSON|--retry|--fail\n"
                     "       (--state-dir DIR | --config FILE)\n\n"
                     "Decides on a call that may or may not have been made. While the job runs it\n"
                     "takes the decision up; else the next start does.\n\n",
                     program);
        weir__options_print(options);
    } else if (rc == WEIR_OK) {
        rc = check_words(&arguments, &err);
        if (rc == WEIR_OK) {
            to.run = arguments.operands[0];
            weir__uuid_random(to.id);
            rc = resolve(job, &arguments, &to, &err);
        }
    }
    weir__buffer_clear(&to.text);
    weir__arguments_clear(&arguments);
    return weir__cli_looked(program, rc, &err);
}
