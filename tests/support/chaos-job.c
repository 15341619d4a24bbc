/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts per key, so that whatever is lost, doubled, reordered or forgotten shows in what it puts out: the record's own
 * number `n`, how many records of the key came so far, and whether an odd number of them came before. The last is kept
 * as a path that is there or deleted, so that a state that has missed a deletion shows, too.
 */
#include <weir/weir.h>

static weir_code count(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t n = weir_memory_int(memory, "count", 0) + 1;
    bool was_odd = weir_memory_int(memory, "odd", 0) == 1;

    (void)arg;
    weir_memory_set_int(memory, "count", n);
    if (was_odd)
        weir_memory_delete(memory, "odd");
    else
        weir_memory_set_int(memory, "odd", 1);
    return weir_output(run, json_pack("{s:I, s:I, s:b}",
                                      "n", (json_int_t)weir_event_int(event, "/input/n", -1),
                                      "count", (json_int_t)n,
                                      "odd", was_odd));
}

int main(int argc, char **argv)
{
    weir_job *job = weir_job_new("chaos");

    weir_agent_action(weir_job_agent(job, "counter"), "count", count, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT, NULL);
    return weir_main(job, argc, argv);
}
