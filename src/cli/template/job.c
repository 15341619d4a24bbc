/* @NAME@: counts the records of each key, and says so again at every third one. */
#include <weir/weir.h>

/* _input_event: one record. What memory holds is this key's alone, and lasts. */
static weir_code count(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t records = weir_memory_int(memory, "records", 0) + 1;

    (void)arg;
    weir_memory_set_int(memory, "records", records);
    if (records % 3 == 0)
        weir_send(run, "third", json_pack("{s:I}", "records", (json_int_t)records));
    return weir_output(run, json_pack("{s:O?, s:I}", "value", weir_event_get(event, "input"),
                                      "records", (json_int_t)records));
}

/* third: an event of our own, sent by the action above. */
static weir_code celebrate(weir_run *run, const weir_event *event, void *arg)
{
    (void)arg;
    return weir_output(run, json_pack("{s:O?}", "third", weir_event_get(event, "records")));
}

int main(int argc, char **argv)
{
    weir_job *job = weir_job_new("@NAME@");
    weir_agent *agent = weir_job_agent(job, "counter");

    weir_agent_action(agent, "count", count, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT, NULL);
    weir_agent_action(agent, "celebrate", celebrate, NULL, WEIR_ACTION_PURE, "third", NULL);
    return weir_main(job, argc, argv);
}
