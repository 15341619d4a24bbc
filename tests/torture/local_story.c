/* SPDX-License-Identifier: Apache-2.0 */
#include "local_story.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <weir/weir.h>

#include "base/buffer.h"
#include "engine/engine.h"

enum { RECORDS = 42, KEYS = 3, PAUSES = 64 };

static void check(bool is_fine)
{
    if (!is_fine) {
        perror("local_story");
        abort();
    }
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

/* A run that waits for some turns of the loop. A canceled run leaves its pause behind, so they are no locals. */
typedef struct pause {
    weir_post post; /* first: weir_post is cast back */
    weir_run *run;
    int turns;
} pause;

static pause pauses[PAUSES];
static int pause_count;

static void count_turn(weir_post *post)
{
    pause *waiting = (pause *)post;

    if (waiting->run && waiting->turns-- > 0)
        weir__engine_post(waiting->run->engine, post);
    else if (waiting->run)
        weir__run_wake(waiting->run);
}

static weir_code wait_for_turns(weir_run *run, int turns)
{
    pause *waiting = &pauses[pause_count++ % PAUSES];
    weir_code rc;

    *waiting = (pause){ .post.fn = count_turn, .run = run, .turns = turns };
    weir__engine_post(run->engine, &waiting->post);
    rc = weir__run_await(run);
    waiting->run = NULL;
    return rc;
}

/* json_pack() cannot tell a mistake from a lack of memory; here it makes no mistakes. */
static weir_code output(weir_run *run, json_t *value)
{
    return value ? weir_output(run, value) : weir_fail(run, WEIR_NO_MEMORY, "no memory for an output");
}

static weir_code send_number(weir_run *run, const char *type, int64_t n, bool waits)
{
    json_t *value = json_pack("{s:I, s:b}", "n", (json_int_t)n, "waits", waits);

    return value ? weir_send(run, type, value) : weir_fail(run, WEIR_NO_MEMORY, "no memory for an event");
}

static weir_code count(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t n = weir_event_int(event, "/input/n", 0);
    int64_t times = weir_memory_int(memory, "count", 0) + 1;
    char path[32];

    (void)arg;
    (void)snprintf(path, sizeof path, "seen.by.%lld", (long long)(n % 4));
    (void)weir_memory_set_int(memory, "count", times);
    (void)weir_memory_set_int(memory, path, weir_memory_int(memory, path, 0) + n);
    if (times % 4 == 0)
        (void)weir_memory_delete(memory, "seen.by");
    if (times % 3 == 0)
        (void)weir_memory_new_object(memory, "seen.empty", true);
    (void)weir_memory_set_text(memory, "last", weir_event_text(event, "/input/text"));
    (void)output(run, json_pack("{s:s, s:I, s:I}", "action", "count", "n", (json_int_t)n, "times", (json_int_t)times));
    return send_number(run, "step", n, weir_event_bool(event, "/input/waits", false));
}

static weir_code step(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t n = weir_event_int(event, "/n", 0);
    json_t *seen;

    (void)arg;
    if (weir_event_bool(event, "/waits", false) && wait_for_turns(run, 25) != WEIR_OK)
        return WEIR_CANCELED;
    (void)weir_memory_set_int(memory, "steps", weir_memory_int(memory, "steps", 0) + n);
    (void)weir_memory_delete(memory, n % 2 ? "seen.empty" : "last");
    seen = weir_memory_get(memory, "");
    (void)output(run, json_pack("{s:s, s:o?}", "action", "step", "memory", seen));
    return send_number(run, "end", n, false);
}

static weir_code finish(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t n = weir_event_int(event, "/n", 0);

    (void)arg;
    (void)weir_memory_set_int(memory, "ends", weir_memory_int(memory, "ends", 0) + 1);
    if (n % 10 == 7)
        return weir_fail(run, WEIR_FAILED, "record %lld is not wanted", (long long)n);
    return output(run, json_pack("{s:s, s:I}", "action", "end", "ends",
                                 (json_int_t)weir_memory_int(memory, "ends", 0)));
}

static weir_job *make_job(void)
{
    weir_job *job = weir_job_new("torture");
    weir_agent *agent = weir_job_agent(job, "agent");

    check(weir_agent_action(agent, "count", count, NULL, WEIR_ACTION_JOURNALED, WEIR_INPUT_EVENT, NULL) == WEIR_OK &&
          weir_agent_action(agent, "step", step, NULL, WEIR_ACTION_PURE, "step", NULL) == WEIR_OK &&
          weir_agent_action(agent, "end", finish, NULL, WEIR_ACTION_JOURNALED, "end", NULL) == WEIR_OK);
    return job;
}

/* ---- a start ----------------------------------------------------------------------------------------------------- */

static void write_input(const local_story *story)
{
    const weir_disk *disk = story->options.disk;
    int fd;

    fd = disk->open(disk->context, story->input, O_WRONLY | O_CREAT, 0600);
    check(fd >= 0);
    for (int i = 0; i < RECORDS; i++) {
        char line[160];

        if (i % 13 == 11)
            (void)snprintf(line, sizeof line, "{\"key\": \"a\", \"value\": bad %d}\n", i);
        else
            (void)snprintf(line, sizeof line,
                           "{\"key\": \"%c\", \"value\": {\"n\": %d, \"text\": \"text of %d\", \"waits\": %s}, "
                           "\"timestamp\": %d}\n",
                           'a' + (i * 7 + i / 5) % KEYS, i, i, story->has_waits && i % 5 == 1 ? "true" : "false",
                           i * 1000);
        check(weir__disk_write_all(disk, fd, line, strlen(line)) == 0);
    }
    check(disk->fdatasync(disk->context, fd) == 0 && disk->close(disk->context, fd) == 0);
    check(disk->sync_folder(disk->context, story->input) == 0);
}

static void set(weir_config *config, const char *name, const char *value)
{
    weir_error err;

    if (weir__config_set_value(config, name, value, &err) != WEIR_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

void local_story_begin(local_story *story, power_disk *disk, bool has_dead, bool has_waits, bool past_port)
{
    struct stat status;

    memset(story, 0, sizeof *story);
    story->disk = disk;
    story->has_waits = has_waits;
    story->folder = power_path(disk, "state");
    story->input = power_path(disk, "input.jsonl");
    story->output = power_path(disk, "output.jsonl");
    story->dead = power_path(disk, "dead.jsonl");
    story->job = make_job();
    check(weir__config_new(&story->config, NULL) == WEIR_OK);
    set(story->config, "state.dir", story->folder);
    set(story->config, "commit-max-runs", "5");
    set(story->config, "commit-interval-ms", "60000"); /* runs alone say when */
    set(story->config, "input.on-error", has_dead ? "dlq" : "skip");
    if (has_dead)
        set(story->config, "output.dlq-file", story->dead);
    story->options = (weir_local_options){
        .job = story->job,
        .config = story->config,
        .input = story->input,
        .output = story->output,
        .disk = past_port ? weir__disk_system() : power_port(disk),
        .vfs = past_port ? NULL : power_vfs(disk),
    };
    if (stat(story->input, &status) != 0)
        write_input(story);
}

void local_story_end(local_story *story)
{
    weir_job_free(story->job);
    weir__config_free(story->config);
    free(story->folder);
    free(story->input);
    free(story->output);
    free(story->dead);
}

weir_code local_story_run(local_story *story, weir_local_result *result, weir_error *err)
{
    memset(pauses, 0, sizeof pauses);
    return weir__local_run(&story->options, result, err);
}

/* ---- what it wrote ----------------------------------------------------------------------------------------------- */

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Adds the lines that begin with `{"x`, x being the key; 0: all of them, sorted. */
static void add_lines(weir_buffer *out, const char *text, char key)
{
    char *copy = strdup(text);
    char *lines[4 * RECORDS];
    size_t count = 0;

    check(copy != NULL);
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        check(count < sizeof lines / sizeof *lines);
        if (!key || strlen(line) < 3 || line[2] == key)
            lines[count++] = line;
    }
    if (!key)
        qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0; i < count; i++)
        check(weir__buffer_add(out, lines[i], strlen(lines[i])) == WEIR_OK &&
              weir__buffer_add_byte(out, '\n') == WEIR_OK);
    free(copy);
}

/* A file as text: NUL bytes and the disk's own name made visible and equal. */
static char *read_text(const local_story *story, const char *name)
{
    char *root = power_path(story->disk, "");
    const char *own = strrchr(root, '/') + 1;
    size_t own_size = strlen(own), size = 0;
    char *text = (char *)power_read(story->disk, name, &size);

    if (!text)
        text = strdup("");
    check(text != NULL);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\0')
            text[i] = '?';
    }
    text[size] = '\0';
    /* Lines written before a cut name another disk of the same pattern. */
    for (char *at = text; (at = strstr(at, "weir-power-")) && strlen(at) >= own_size; at += own_size)
        memset(at + strlen("weir-power-"), 'X', own_size - strlen("weir-power-"));
    free(root);
    return text;
}

char *local_story_text(const local_story *story)
{
    char *output = read_text(story, "output.jsonl"), *dead = read_text(story, "dead.jsonl");
    weir_buffer all;
    char *copy;

    weir__buffer_init(&all, SIZE_MAX);
    if (story->has_waits) {
        for (char key = 'a'; key < 'a' + KEYS; key++)
            add_lines(&all, output, key);
        check(weir__buffer_add(&all, "--\n", 3) == WEIR_OK);
        add_lines(&all, dead, 0);
    } else {
        check(weir__buffer_add(&all, output, strlen(output)) == WEIR_OK &&
              weir__buffer_add(&all, "--\n", 3) == WEIR_OK &&
              weir__buffer_add(&all, dead, strlen(dead)) == WEIR_OK);
    }
    check(weir__buffer_add_byte(&all, '\0') == WEIR_OK);
    copy = strdup((const char *)all.data);
    check(copy != NULL);
    free(output);
    free(dead);
    weir__buffer_clear(&all);
    return copy;
}

int local_story_descriptors(void)
{
    DIR *handle = opendir("/proc/self/fd");
    int count = 0;

    check(handle != NULL);
    while (readdir(handle))
        count++;
    check(closedir(handle) == 0);
    return count;
}
