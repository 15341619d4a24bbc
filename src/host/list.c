/* SPDX-License-Identifier: Apache-2.0 */
/* The list host: records from an array in memory, outputs into another; no commit, no journal. */
#include <weir/job.h>

#include <poll.h>

#include "engine/engine.h"
#include "host/record.h"

/* The defaults of the configuration: a list has none of its own. */
enum {
    EVENTS_PER_RUN = 10000,
    RUNS_IN_FLIGHT = 10000,
    QUEUE_PER_KEY = 10000,
    QUEUE_BYTES = 256 << 20,
    STACK_BYTES = 256 << 10,
    DEPTH = 512
};

typedef struct list_host {
    weir_engine *engine;
    const json_t *input;
    size_t next;
    json_t *output;
    weir_code rc; /* of the first failure */
    weir_error *err;
} list_host;

static weir_turn fail(list_host *host, size_t index, weir_code rc)
{
    host->rc = rc;
    weir__error_context(host->err, "record %zu", index);
    weir__engine_stop(host->engine);
    return WEIR__TURN_STOP;
}

static weir_turn turn(void *context, bool may_accept)
{
    list_host *host = context;
    weir_engine_counts counts = weir__engine_counts(host->engine);
    size_t index = host->next;
    weir_run *run;
    weir_code rc;

    if (host->rc != WEIR_OK)
        return WEIR__TURN_STOP;
    if (index == json_array_size(host->input))
        return counts.accepted == counts.ended ? WEIR__TURN_STOP : WEIR__TURN_IDLE;
    if (!may_accept)
        return WEIR__TURN_IDLE;
    run = weir__engine_new_run(host->engine);
    if (!run)
        return fail(host, index, weir__fail_memory(host->err, "a run"));
    run->source = "list";
    run->index = index;
    rc = weir__record_take(json_array_get(host->input, index), DEPTH, run, host->err);
    if (rc != WEIR_OK) {
        weir__engine_drop_run(host->engine, run);
        return fail(host, index, rc);
    }
    host->next++;
    rc = weir__engine_accept(host->engine, run, host->err);
    return rc == WEIR_OK ? WEIR__TURN_MORE : fail(host, index, rc);
}

static void wait_for_posts(void *context)
{
    list_host *host = context;
    struct pollfd wake = { weir__engine_wake_fd(host->engine), POLLIN, 0 };

    (void)poll(&wake, 1, weir__engine_timeout_ms(host->engine)); /* interrupted: the turn looks again */
}

static weir_code append_output(list_host *host, const weir_run *run, weir_output_item *item)
{
    json_t *entry = json_object();
    json_t *value = json_incref(item->tree);
    weir_arena arena;
    const weir_json *parsed;

    if (!value) {
        weir__arena_init(&arena, 4096);
        if (weir__json_parse(item->text, SIZE_MAX, &arena, &parsed, NULL) == WEIR_OK)
            value = weir__json_tree(parsed);
        weir__arena_clear(&arena);
    }
    if (!entry || !value ||
        json_object_setn_nocheck(entry, (const char *)run->key_bytes.data, run->key_bytes.size, value) != 0 ||
        json_array_append(host->output, entry) != 0) {
        json_decref(entry);
        json_decref(value);
        return weir__fail_memory(host->err, "an output");
    }
    json_decref(entry);
    json_decref(value);
    return WEIR_OK;
}

static void ended(void *context, weir_run *run)
{
    list_host *host = context;

    if (host->rc != WEIR_OK)
        return;
    if (weir__failure_is_kept(&run->failure)) {
        if (host->err)
            *host->err = run->failure.error;
        (void)fail(host, (size_t)run->index, run->failure.error.code);
        return;
    }
    for (weir_output_item *item = run->outputs; item; item = item->next) {
        weir_code rc = append_output(host, run, item);

        if (rc != WEIR_OK) {
            (void)fail(host, (size_t)run->index, rc);
            return;
        }
    }
}

weir_code weir_job_run_list(weir_job *job, const json_t *input, json_t **output, weir_error *err)
{
    static const weir_engine_port port = { .turn = turn, .wait = wait_for_posts, .ended = ended };
    list_host host = { .input = input, .err = err };
    weir_engine_options options = {
        .job = job,
        .port = &port,
        .host = &host,
        .events_per_run = EVENTS_PER_RUN,
        .runs_in_flight = RUNS_IN_FLIGHT,
        .queue_per_key = QUEUE_PER_KEY,
        .queue_bytes = QUEUE_BYTES,
        .stack_bytes = STACK_BYTES,
        .depth = DEPTH,
        .keep_trees = true,
        .needs_journal = true,
    };
    weir_code rc;

    if (!job)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX, "the job is NULL");
    rc = weir__job_seal(job, err);
    if (rc != WEIR_OK)
        return rc;
    if (!json_is_array(input) || !output)
        return weir__fail(err, WEIR_INVALID, WEIR_REMEDY_FIX,
                          output ? "the input is no array of records" : "there is no place for the output");
    host.output = json_array();
    if (!host.output)
        return weir__fail_memory(err, "the output");
    rc = weir__engine_new(&options, &host.engine, err);
    if (rc == WEIR_OK)
        rc = weir__engine_run(host.engine, err);
    if (rc == WEIR_OK)
        rc = host.rc;
    if (rc == WEIR_OK) {
        *output = host.output;
        host.output = NULL; /* now the caller's */
    }
    weir__engine_free(host.engine);
    json_decref(host.output);
    return rc;
}
