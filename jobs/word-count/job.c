/* SPDX-License-Identifier: Apache-2.0 */
/* Counts words, one key per word: the smallest job, as the contract prints it. */
#include <weir/weir.h>

static weir_code count(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t n = weir_memory_int(memory, "count", 0) + 1;

    (void)arg;
    weir_memory_set_int(memory, "count", n);
    return weir_output(run, json_pack("{s:O?, s:I}", "word", weir_event_get(event, "input"),
                                      "count", (json_int_t)n));
}

int main(int argc, char **argv)
{
    weir_job *job = weir_job_new("word-count");

    weir_agent_action(weir_job_agent(job, "counter"), "count", count, NULL, WEIR_ACTION_PURE,
                      WEIR_INPUT_EVENT, NULL);
    return weir_main(job, argc, argv);
}
