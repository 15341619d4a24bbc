/* SPDX-License-Identifier: Apache-2.0 */
/* The keyed count as a weir job, on the fast tier: reads the key out of the record's JSON, and counts. */
#include <inttypes.h>
#include <stdio.h>

#include <weir/weir.h>

enum { MOST_KEY_BYTES = 64, MOST_TEXT = 128 };

static weir_code count(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    weir_bytes key = weir_event_text(event, "/input/key");
    int64_t n = weir_memory_int(memory, "count", 0) + 1;
    char text[MOST_TEXT];
    int size;

    (void)arg;
    if (!key.data || key.size > MOST_KEY_BYTES)
        return weir_fail(run, WEIR_INVALID, "key has %zu bytes, 1..%d allowed", key.size, MOST_KEY_BYTES);
    weir_memory_set_int(memory, "count", n);
    /* These keys hold nothing to escape. */
    size = snprintf(text, sizeof text, "{\"key\":\"%.*s\",\"count\":%" PRId64 "}", (int)key.size,
                    (const char *)key.data, n);
    return weir_output_bytes(run, (weir_bytes){ (const uint8_t *)text, (size_t)size });
}

int main(int argc, char **argv)
{
    weir_job *job = weir_job_new("keyed-count");

    weir_agent_action(weir_job_agent(job, "counter"), "count", count, NULL, WEIR_ACTION_PURE, WEIR_INPUT_EVENT, NULL);
    return weir_main(job, argc, argv);
}
