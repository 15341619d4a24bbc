/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bench/calls.sh runs: a record says how many calls its run makes, of which kind, and each is timed.
 *   calls_job FIGURES local [option...]
 * A value is {"kind": "pure"|"idempotent"|"once", "calls": N, "bytes": N}: calls of a function that returns so many
 * bytes; with "url": GET requests; or {"sent_ns": N}: no call, but how long ago that was by the monotonic clock. At its
 * end the job writes one JSON object into the file FIGURES.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <weir/weir.h>

typedef struct sample {
    int64_t began_ns, took_ns;
} sample;

typedef struct samples {
    sample *list;
    size_t count, room;
} samples;

typedef struct bench {
    samples calls, plain;
    int64_t began_ns, last_began_ns, ended_ns; /* of the first call; of the last one to begin, and to end */
} bench;

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static weir_code keep(weir_run *run, samples *into, int64_t began_ns, int64_t ended_ns)
{
    if (into->count == into->room) {
        size_t room = into->room ? into->room * 2 : 1024;
        sample *list = realloc(into->list, room * sizeof *list);

        if (!list)
            return weir_fail(run, WEIR_NO_MEMORY, "no memory for the bench's own figures");
        into->list = list;
        into->room = room;
    }
    into->list[into->count++] = (sample){ began_ns, ended_ns - began_ns };
    return WEIR_OK;
}

static weir_code fill(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    static const char text[] = "0123456789012345678901234567890123456789012345678";
    size_t bytes = 0;

    (void)attempt;
    (void)arg;
    (void)err;
    if (args.size != sizeof bytes)
        return WEIR_FAILED;
    memcpy(&bytes, args.data, sizeof bytes);
    while (bytes) {
        size_t now = bytes < sizeof text ? bytes : sizeof text;
        weir_code rc = weir_buffer_append(result, text, now);

        if (rc != WEIR_OK)
            return rc;
        bytes -= now;
    }
    return WEIR_OK;
}

static weir_code call_function(weir_run *run, weir_call_kind kind, size_t bytes)
{
    weir_bytes args = { (const uint8_t *)&bytes, sizeof bytes }, result;
    weir_error err;
    weir_code rc = weir_call(run, "fill", kind, fill, NULL, args, NULL, &result, &err);

    if (rc != WEIR_OK)
        return weir_fail(run, rc, "%s", err.message);
    if (result.size != bytes)
        return weir_fail(run, WEIR_FAILED, "the result has %zu bytes, not %zu", result.size, bytes);
    return WEIR_OK;
}

static weir_code call_http(weir_run *run, weir_call_kind kind, const char *url)
{
    weir_http_request request = WEIR_HTTP_REQUEST_INIT;
    weir_http_response response;
    weir_error err;
    weir_code rc;

    request.url = url;
    rc = weir_http(run, "get", kind, &request, NULL, &response, &err);
    if (rc != WEIR_OK)
        return weir_fail(run, rc, "%s", err.message);
    if (response.status != 200)
        return weir_fail(run, WEIR_FAILED, "the server answered %d", response.status);
    return WEIR_OK;
}

static weir_call_kind kind_of(weir_run *run, weir_bytes name)
{
    static const char *const names[] = { "pure", "idempotent", "once" };
    static const weir_call_kind kinds[] = { WEIR_CALL_PURE, WEIR_CALL_IDEMPOTENT, WEIR_CALL_ONCE };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (name.size == strlen(names[i]) && memcmp(name.data, names[i], name.size) == 0)
            return kinds[i];
    weir_fail(run, WEIR_INVALID, "unknown kind of call");
    return WEIR_CALL_PURE;
}

static weir_code act(weir_run *run, const weir_event *event, void *arg)
{
    bench *all = arg;
    int64_t sent_ns = weir_event_int(event, "/input/sent_ns", 0), calls = weir_event_int(event, "/input/calls", 1);
    size_t bytes = (size_t)weir_event_int(event, "/input/bytes", 100);
    weir_bytes url = weir_event_text(event, "/input/url");
    weir_call_kind kind;
    char text[128] = "";

    if (sent_ns)
        return keep(run, &all->plain, sent_ns, now_ns());
    kind = kind_of(run, weir_event_text(event, "/input/kind"));
    if (url.size >= sizeof text)
        return weir_fail(run, WEIR_INVALID, "the URL has %zu bytes, %zu allowed", url.size, sizeof text - 1);
    if (url.data)
        memcpy(text, url.data, url.size);
    for (int64_t i = 0; i < calls; i++) {
        int64_t began_ns = now_ns(), ended_ns;
        weir_code rc;

        if (!all->began_ns)
            all->began_ns = began_ns;
        all->last_began_ns = began_ns;
        rc = url.data ? call_http(run, kind, text) : call_function(run, kind, bytes);

        if (rc == WEIR_OK) {
            ended_ns = now_ns();
            rc = keep(run, &all->calls, began_ns, ended_ns);
        }
        if (rc != WEIR_OK)
            return rc;
        all->ended_ns = ended_ns;
    }
    return weir_output(run, json_integer((json_int_t)calls));
}

/* VmHWM: what getrusage() says includes the peak of the program that started this one. */
static long peak_kb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    if (file)
        (void)fclose(file);
    return kb;
}

static int by_time(const void *one, const void *other)
{
    int64_t a = ((const sample *)one)->took_ns, b = ((const sample *)other)->took_ns;

    return (a > b) - (a < b);
}

/* The smallest time that so many percent of the samples, which are sorted, do not pass. */
static double at_us(const samples *from, size_t percent)
{
    size_t place = (from->count * percent + 99) / 100;

    return from->count ? (double)from->list[place - 1].took_ns / 1000 : 0;
}

static void print_samples(FILE *file, const char *name, samples *from)
{
    if (from->count)
        qsort(from->list, from->count, sizeof *from->list, by_time);
    (void)fprintf(file, "\"%s\":{\"count\":%zu,\"p50_us\":%.3f,\"p99_us\":%.3f,\"max_us\":%.3f},", name, from->count,
                  at_us(from, 50), at_us(from, 99), at_us(from, 100));
}

/* Of the records without calls those that were written in that time. */
static void keep_from(samples *plain, int64_t from_ns, int64_t until_ns)
{
    size_t count = 0;

    for (size_t i = 0; i < plain->count; i++)
        if (plain->list[i].began_ns >= from_ns && plain->list[i].began_ns < until_ns)
            plain->list[count++] = plain->list[i];
    plain->count = count;
}

static int print_figures(const char *path, bench *all)
{
    int64_t closed_ns = now_ns();
    long peak = peak_kb();
    FILE *file = fopen(path, "w");

    if (!file) {
        perror(path);
        return 1;
    }
    (void)fprintf(file, "{");
    print_samples(file, "calls", &all->calls);
    keep_from(&all->plain, 0, all->ended_ns);
    print_samples(file, "plain", &all->plain);
    keep_from(&all->plain, all->last_began_ns, all->ended_ns);
    print_samples(file, "plain_behind", &all->plain);
    (void)fprintf(file, "\"calls_us\":%" PRId64 ",\"all_us\":%" PRId64 ",\"peak_kb\":%ld}\n",
                  (all->ended_ns - all->began_ns) / 1000, (closed_ns - all->began_ns) / 1000, peak);
    return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static bench all;
    weir_job *job;
    const char *figures;
    int status;

    if (argc < 2)
        return 2;
    figures = argv[1];
    argv[1] = argv[0]; /* from here on as if it had not been there */
    job = weir_job_new("calls");
    weir_agent_action(weir_job_agent(job, "caller"), "act", act, &all, WEIR_ACTION_JOURNALED, WEIR_INPUT_EVENT, NULL);
    status = weir_main(job, argc - 1, argv + 1);
    if (status == 0)
        status = print_figures(figures, &all);
    free(all.calls.list);
    free(all.plain.list);
    return status;
}
