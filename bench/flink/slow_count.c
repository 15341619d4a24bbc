/* SPDX-License-Identifier: Apache-2.0 */
/* Each input makes one GET of $SLOW_URL, which takes its time; then it is counted. */
#include <stdlib.h>

#include <weir/weir.h>

static weir_code wait_and_count(weir_run *run, const weir_event *event, void *arg)
{
    weir_http_request request = WEIR_HTTP_REQUEST_INIT;
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;
    weir_memory *memory = weir_short_term(run);
    weir_http_response response;
    weir_error err;
    weir_code rc;

    (void)event;
    (void)arg;
    request.url = getenv("SLOW_URL");
    if (!request.url)
        return weir_fail(run, WEIR_CONFIG, "SLOW_URL is not set");
    options.timeout_ms = 300000;
    rc = weir_http(run, "get", WEIR_CALL_PURE, &request, &options, &response, &err);
    if (rc != WEIR_OK)
        return weir_fail(run, rc, "%s", err.message);
    weir_memory_set_int(memory, "count", weir_memory_int(memory, "count", 0) + 1);
    return weir_output(run, json_integer(weir_memory_int(memory, "count", 0)));
}

int main(int argc, char **argv)
{
    weir_job *job = weir_job_new("slow-count");

    weir_agent_action(weir_job_agent(job, "counter"), "count", wait_and_count, NULL, WEIR_ACTION_PURE,
                      WEIR_INPUT_EVENT, NULL);
    return weir_main(job, argc, argv);
}
