/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program outside the tree: it counts words with an agent, from a list in memory. install.sh builds it with nothing
 * but the installed headers and library, as C11 and as C++17.
 */
#include <weir/weir.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weir_code count(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t n = weir_memory_int(memory, "count", 0) + 1;

    (void)arg;
    weir_memory_set_int(memory, "count", n);
    return weir_output(run, json_pack("{s:O?, s:I}", "word", weir_event_get(event, "input"), "count", (json_int_t)n));
}

int main(void)
{
    static const char records[] = "[{\"key\": \"a\", \"value\": \"x\"}, {\"key\": \"b\", \"value\": \"y\"},"
                                  " {\"k\": \"a\", \"v\": \"z\"}]";
    weir_job *job = weir_job_new("embed");
    json_t *input = json_loads(records, 0, NULL);
    json_t *output = NULL;
    weir_error err;
    char *text;

    weir_agent_action(weir_job_agent(job, "counter"), "count", count, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT, NULL);
    if (weir_job_run_list(job, input, &output, &err) != WEIR_OK) {
        fprintf(stderr, "embed: %s\n", err.message);
        return 1;
    }
    text = json_dumps(output, JSON_COMPACT);
    puts(text ? text : "no memory");
    free(text);
    json_decref(output);

    /* A failure is told, and gives no output. */
    json_array_append_new(input, json_pack("{s:s}", "key", "without a value"));
    output = NULL;
    if (weir_job_run_list(job, input, &output, &err) != WEIR_INVALID || output || !strstr(err.message, "value")) {
        fprintf(stderr, "embed: a bad record was taken\n");
        return 1;
    }
    fprintf(stderr, "as it should be: %s\n", err.message);
    json_decref(input);
    weir_job_free(job);
    return 0;
}
