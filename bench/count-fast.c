/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Word count on the fast tier: no JSON tree is built. The bytes that leave are those of
 * jobs/word-count, for values of up to 4 KB.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <weir/weir.h>

/* Room for the longest count and the punctuation around it. */
enum { FRAME_BYTES = 64, TEXT_BYTES = 4096 };

/* The value comes as JSON text that weir has printed, so nothing here need escape it. */
static weir_code count(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    int64_t n = weir_memory_int(memory, "count", 0) + 1;
    weir_bytes word = weir_event_bytes(event);
    char text[TEXT_BYTES];
    size_t size = 0;
    int tail;

    (void)arg;
    if (!word.data || word.size > sizeof text - FRAME_BYTES)
        return weir_fail(run, WEIR_LIMIT, "word has %zu bytes, 1..%d allowed", word.size,
                         TEXT_BYTES - FRAME_BYTES);
    weir_memory_set_int(memory, "count", n);

    memcpy(text, "{\"word\":", 8);
    size = 8;
    memcpy(text + size, word.data, word.size);
    size += word.size;
    tail = snprintf(text + size, FRAME_BYTES - 8, ",\"count\":%" PRId64 "}", n);
    return weir_output_bytes(run, (weir_bytes){ (const uint8_t *)text, size + (size_t)tail });
}

int main(int argc, char **argv)
{
    weir_job *job = weir_job_new("count-fast");

    weir_agent_action(weir_job_agent(job, "counter"), "count", count, NULL, WEIR_ACTION_PURE,
                      WEIR_INPUT_EVENT, NULL);
    return weir_main(job, argc, argv);
}
