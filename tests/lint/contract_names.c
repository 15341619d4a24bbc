/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uses every name of the contract as a job may, as C11 and as C++17. What is renamed, lost, reordered or changed in
 * type does not compile.
 */
#include <weir/weir.h>

#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
#define HOLDS(truth) static_assert(truth, #truth)
#else
#define HOLDS(truth) _Static_assert(truth, #truth)
#endif

HOLDS(WEIR_OK == 0 && WEIR_INVALID == 1 && WEIR_NO_MEMORY == 2 && WEIR_LIMIT == 3 && WEIR_CONFIG == 4 && WEIR_IO == 5);
HOLDS(WEIR_UNREACHABLE == 6 && WEIR_FENCED == 7 && WEIR_FAILED == 8 && WEIR_NOT_DONE == 9 && WEIR_UNKNOWN == 10);
HOLDS(WEIR_CANCELED == 11);
HOLDS(WEIR_REMEDY_FIX == 0 && WEIR_REMEDY_RETRY == 1 && WEIR_REMEDY_ABORT == 2 && WEIR_REMEDY_STOP == 3);
HOLDS(WEIR_ACTION_JOURNALED == 0 && WEIR_ACTION_PURE == 1);
HOLDS(WEIR_CALL_PURE == 0 && WEIR_CALL_IDEMPOTENT == 1 && WEIR_CALL_CHECKED == 2 && WEIR_CALL_ONCE == 3);
HOLDS(WEIR_VERDICT_DONE == 0 && WEIR_VERDICT_NOT_DONE == 1 && WEIR_VERDICT_UNKNOWN == 2);
HOLDS(sizeof(((weir_error *)NULL)->message) == 232);

static weir_code an_action(weir_run *run, const weir_event *event, void *arg)
{
    return run && event && arg ? WEIR_OK : WEIR_INVALID;
}

static weir_code a_call(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg, weir_error *err)
{
    (void)err;
    return args.data && attempt && result && arg ? WEIR_OK : WEIR_NOT_DONE;
}

static weir_verdict a_reconciler(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                                 weir_error *err)
{
    (void)err;
    return args.data && attempt && result && arg ? WEIR_VERDICT_DONE : WEIR_VERDICT_UNKNOWN;
}

/* Every function, with its exact type: the number of them. */
static int functions(void)
{
    weir_code (*weir_buffer_append_is)(weir_buffer *, const void *, size_t) = weir_buffer_append;
    weir_job *(*weir_job_new_is)(const char *) = weir_job_new;
    void (*weir_job_free_is)(weir_job *) = weir_job_free;
    weir_agent *(*weir_job_agent_is)(weir_job *, const char *) = weir_job_agent;
    weir_code (*weir_agent_action_is)(weir_agent *, const char *, weir_action_fn, void *, unsigned,
                                      const char *, ...) = weir_agent_action;
    int (*weir_main_is)(weir_job *, int, char **) = weir_main;
    weir_code (*weir_job_run_list_is)(weir_job *, const json_t *, json_t **, weir_error *) = weir_job_run_list;
    const char *(*weir_event_id_is)(const weir_event *) = weir_event_id;
    const char *(*weir_event_type_is)(const weir_event *) = weir_event_type;
    json_t *(*weir_event_get_is)(const weir_event *, const char *) = weir_event_get;
    weir_bytes (*weir_event_bytes_is)(const weir_event *) = weir_event_bytes;
    int64_t (*weir_event_int_is)(const weir_event *, const char *, int64_t) = weir_event_int;
    double (*weir_event_real_is)(const weir_event *, const char *, double) = weir_event_real;
    bool (*weir_event_bool_is)(const weir_event *, const char *, bool) = weir_event_bool;
    weir_bytes (*weir_event_text_is)(const weir_event *, const char *) = weir_event_text;
    weir_bytes (*weir_run_key_is)(const weir_run *) = weir_run_key;
    const char *(*weir_run_id_is)(const weir_run *) = weir_run_id;
    int64_t (*weir_now_is)(const weir_run *) = weir_now;
    uint64_t (*weir_random_is)(weir_run *) = weir_random;
    weir_code (*weir_output_is)(weir_run *, json_t *) = weir_output;
    weir_code (*weir_output_bytes_is)(weir_run *, weir_bytes) = weir_output_bytes;
    weir_code (*weir_send_is)(weir_run *, const char *, json_t *) = weir_send;
    weir_code (*weir_fail_is)(weir_run *, weir_code, const char *, ...) = weir_fail;
    void (*weir_log_is)(weir_run *, const char *, const char *, ...) = weir_log;
    void (*weir_count_is)(weir_run *, const char *, int64_t) = weir_count;
    weir_memory *(*weir_short_term_is)(weir_run *) = weir_short_term;
    weir_memory *(*weir_sensory_is)(weir_run *) = weir_sensory;
    int64_t (*weir_memory_int_is)(weir_memory *, const char *, int64_t) = weir_memory_int;
    double (*weir_memory_real_is)(weir_memory *, const char *, double) = weir_memory_real;
    bool (*weir_memory_bool_is)(weir_memory *, const char *, bool) = weir_memory_bool;
    weir_bytes (*weir_memory_text_is)(weir_memory *, const char *) = weir_memory_text;
    json_t *(*weir_memory_get_is)(weir_memory *, const char *) = weir_memory_get;
    weir_code (*weir_memory_set_int_is)(weir_memory *, const char *, int64_t) = weir_memory_set_int;
    weir_code (*weir_memory_set_real_is)(weir_memory *, const char *, double) = weir_memory_set_real;
    weir_code (*weir_memory_set_bool_is)(weir_memory *, const char *, bool) = weir_memory_set_bool;
    weir_code (*weir_memory_set_text_is)(weir_memory *, const char *, weir_bytes) = weir_memory_set_text;
    weir_code (*weir_memory_set_is)(weir_memory *, const char *, json_t *) = weir_memory_set;
    weir_code (*weir_memory_new_object_is)(weir_memory *, const char *, bool) = weir_memory_new_object;
    weir_code (*weir_memory_delete_is)(weir_memory *, const char *) = weir_memory_delete;
    bool (*weir_memory_exists_is)(weir_memory *, const char *) = weir_memory_exists;
    json_t *(*weir_memory_fields_is)(weir_memory *, const char *) = weir_memory_fields;
    weir_code (*weir_call_is)(weir_run *, const char *, weir_call_kind, weir_call_fn, void *,
                              weir_bytes, const weir_call_options *, weir_bytes *, weir_error *) = weir_call;
    weir_future *(*weir_call_start_is)(weir_run *, const char *, weir_call_kind, weir_call_fn, void *,
                                       weir_bytes, const weir_call_options *) = weir_call_start;
    weir_code (*weir_wait_all_is)(weir_run *, weir_future *const *, size_t, weir_error *) = weir_wait_all;
    weir_code (*weir_wait_any_is)(weir_run *, weir_future *const *, size_t, size_t *, weir_error *) = weir_wait_any;
    weir_code (*weir_future_result_is)(const weir_future *, weir_bytes *, weir_error *) = weir_future_result;
    weir_code (*weir_http_is)(weir_run *, const char *, weir_call_kind, const weir_http_request *,
                              const weir_call_options *, weir_http_response *, weir_error *) = weir_http;

    return (weir_buffer_append_is != NULL) + (weir_job_new_is != NULL) + (weir_job_free_is != NULL) +
           (weir_job_agent_is != NULL) + (weir_agent_action_is != NULL) + (weir_main_is != NULL) +
           (weir_job_run_list_is != NULL) + (weir_event_id_is != NULL) + (weir_event_type_is != NULL) +
           (weir_event_get_is != NULL) + (weir_event_bytes_is != NULL) + (weir_event_int_is != NULL) +
           (weir_event_real_is != NULL) + (weir_event_bool_is != NULL) + (weir_event_text_is != NULL) +
           (weir_run_key_is != NULL) + (weir_run_id_is != NULL) + (weir_now_is != NULL) + (weir_random_is != NULL) +
           (weir_output_is != NULL) + (weir_output_bytes_is != NULL) + (weir_send_is != NULL) +
           (weir_fail_is != NULL) + (weir_log_is != NULL) + (weir_count_is != NULL) + (weir_short_term_is != NULL) +
           (weir_sensory_is != NULL) + (weir_memory_int_is != NULL) + (weir_memory_real_is != NULL) +
           (weir_memory_bool_is != NULL) + (weir_memory_text_is != NULL) + (weir_memory_get_is != NULL) +
           (weir_memory_set_int_is != NULL) + (weir_memory_set_real_is != NULL) + (weir_memory_set_bool_is != NULL) +
           (weir_memory_set_text_is != NULL) + (weir_memory_set_is != NULL) + (weir_memory_new_object_is != NULL) +
           (weir_memory_delete_is != NULL) + (weir_memory_exists_is != NULL) + (weir_memory_fields_is != NULL) +
           (weir_call_is != NULL) + (weir_call_start_is != NULL) + (weir_wait_all_is != NULL) +
           (weir_wait_any_is != NULL) + (weir_future_result_is != NULL) + (weir_http_is != NULL);
}

/* Every field of every open struct, in the order of the contract. */
static int fields(void)
{
    static const uint8_t data[] = { '1' };
    weir_bytes bytes = { data, sizeof data };
    weir_error err = { WEIR_IO, WEIR_REMEDY_STOP, "errno", 5, "disk full" };
    weir_attempt attempt = { "key", 1, INT64_C(2) };
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;
    weir_http_request request = WEIR_HTTP_REQUEST_INIT;
    weir_http_response response = { 200, { NULL, 0 }, NULL };
    const char *const headers[] = { "Name: value", NULL };
    weir_code code = err.code;
    weir_remedy remedy = err.remedy;
    const char *origin = err.origin;
    int origin_code = err.origin_code;
    const char *idempotency_key = attempt.idempotency_key;
    int number = attempt.number;
    int64_t deadline_ms = attempt.deadline_ms;
    int64_t times = options.timeout_ms + options.first_backoff_ms + options.max_backoff_ms;
    int max_attempts = options.max_attempts;

    options.reconcile = a_reconciler;
    options.reconcile_arg = NULL;
    request.url = "http://localhost";
    request.headers = headers;
    request.body = bytes;
    response.body = bytes;
    return code == WEIR_IO && remedy == WEIR_REMEDY_STOP && strcmp(origin, "errno") == 0 && origin_code == 5 &&
           strcmp(err.message, "disk full") == 0 && strcmp(idempotency_key, "key") == 0 &&
           number == 1 && deadline_ms == 2 && options.struct_size == sizeof options && times == 60100 &&
           max_attempts == 1 && options.reconcile && !options.reconcile_arg && request.struct_size == sizeof request &&
           strcmp(request.method, "GET") == 0 && request.max_response_bytes == 16 << 20 && request.headers[0] &&
           response.status == 200 && response.body.size == 1 && !response.headers;
}

int main(void)
{
    weir_action_fn action = an_action;
    weir_call_fn call = a_call;
    weir_reconcile_fn reconciler = a_reconciler;
    weir_bytes none = { NULL, 0 };

    if (action(NULL, NULL, NULL) != WEIR_INVALID || call(none, NULL, NULL, NULL, NULL) != WEIR_NOT_DONE ||
        reconciler(none, NULL, NULL, NULL, NULL) != WEIR_VERDICT_UNKNOWN || !fields())
        return 1;
    if (strcmp(WEIR_INPUT_EVENT, "_input_event") != 0 || strcmp(WEIR_OUTPUT_EVENT, "_output_event") != 0)
        return 1;
    printf("%d functions\n", functions());
    return 0;
}
