/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Charges orders through an HTTP service, books them per customer, and sends receipts. README.md has the rules; the
 * kind of a charge (once, idempotent, checked) is chosen from outside, so that each can be tried.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <weir/weir.h>

#define MOST_URL_BYTES 1024
#define MOST_ORDER_BYTES 100
/* Beyond it an amount is a mistake, and sums could overflow. */
#define MOST_AMOUNT INT64_C(1000000000)
/* What the service says is short; an answer beyond this is not its own. */
#define MOST_ANSWER_BYTES (1 << 20)

/* From the environment, before the job starts; only read after that, by any thread. */
typedef struct settings {
    const char *url;
    weir_call_kind kind;
    int64_t timeout_ms, first_backoff_ms;
    int attempts;
} settings;

/* ---- settings ---------------------------------------------------------------------------------------------------- */

static bool read_kind(const char *name, size_t size, weir_call_kind *kind)
{
    static const struct {
        const char *name;
        weir_call_kind kind;
    } kinds[] = { { "once", WEIR_CALL_ONCE },
                  { "idempotent", WEIR_CALL_IDEMPOTENT },
                  { "checked", WEIR_CALL_CHECKED } };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i].name) == size && memcmp(kinds[i].name, name, size) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static bool read_number(const char *variable, int64_t least, int64_t most, int64_t *number)
{
    const char *text = getenv(variable);
    char *end = NULL;
    long long value;

    if (!text || !*text)
        return true;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno || *end || value < least || value > most) {
        (void)fprintf(stderr, "payments: %s is '%s', want a number, %" PRId64 "..%" PRId64 "\n", variable, text, least,
                      most);
        return false;
    }
    *number = value;
    return true;
}

static bool read_settings(settings *all)
{
    const char *url = getenv("PAYMENTS_URL"), *kind = getenv("PAYMENTS_KIND");
    int64_t attempts = all->attempts;

    if (url && *url)
        all->url = url;
    if (strlen(all->url) > MOST_URL_BYTES) {
        (void)fprintf(stderr, "payments: PAYMENTS_URL has %zu bytes, at most %d allowed\n", strlen(all->url),
                      MOST_URL_BYTES);
        return false;
    }
    if (kind && *kind && !read_kind(kind, strlen(kind), &all->kind)) {
        (void)fprintf(stderr, "payments: PAYMENTS_KIND is '%s', want once, idempotent or checked\n", kind);
        return false;
    }
    if (!read_number("PAYMENTS_TIMEOUT_MS", 1, 3600000, &all->timeout_ms) ||
        !read_number("PAYMENTS_BACKOFF_MS", 1, 60000, &all->first_backoff_ms) ||
        !read_number("PAYMENTS_ATTEMPTS", 1, 1000, &attempts))
        return false;
    all->attempts = (int)attempts;
    return true;
}

/* ---- the service ------------------------------------------------------------------------------------------------- */

/* What is asked of the service. */
struct inquiry {
    const char *name; /* of the call */
    weir_call_kind kind;
    const char *path;
    const json_t *body; /* NULL: a GET */
};

static weir_code refuse(weir_error *err, const char *name, const char *why, const char *more)
{
    *err = (weir_error){ .code = WEIR_FAILED };
    (void)snprintf(err->message, sizeof err->message, "%s: the service answered %s%s", name, why, more);
    return err->code;
}

/*
 * Asks, and takes what is an answer to it: status 200 or 402, and JSON. On success `*answer` is to be freed.
 * WEIR_CANCELED: the action must return.
 */
static weir_code ask(weir_run *run, const settings *all, const struct inquiry *inquiry,
                     const weir_call_options *options, int *status, json_t **answer, weir_error *err)
{
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    char *text = inquiry->body ? json_dumps(inquiry->body, JSON_COMPACT) : NULL;
    char url[MOST_URL_BYTES + 256], number[16];
    weir_http_request request = WEIR_HTTP_REQUEST_INIT;
    weir_http_response response;
    json_error_t parse_error;
    weir_code rc;

    if (inquiry->body && !text) {
        *err = (weir_error){ .code = WEIR_NO_MEMORY, .message = "no memory for a request" };
        return err->code;
    }
    (void)snprintf(url, sizeof url, "%s%s", all->url, inquiry->path); /* both are short */
    request.method = text ? "POST" : "GET";
    request.url = url;
    request.max_response_bytes = MOST_ANSWER_BYTES;
    if (text) {
        request.headers = headers;
        request.body = (weir_bytes){ (const uint8_t *)text, strlen(text) };
    }
    rc = weir_http(run, inquiry->name, inquiry->kind, &request, options, &response, err);
    free(text);
    if (rc != WEIR_OK)
        return rc;
    (void)snprintf(number, sizeof number, "%d", response.status); /* it fits */
    *status = response.status;
    if (response.status != 200 && response.status != 402)
        return refuse(err, inquiry->name, "with status ", number);
    *answer = json_loadb((const char *)response.body.data, response.body.size, 0, &parse_error);
    return *answer ? WEIR_OK : refuse(err, inquiry->name, "with what is no JSON: ", parse_error.text);
}

/* What an action returns when it could not ask: its run fails, unless it only has to stop. */
static weir_code give_up(weir_run *run, const weir_error *err)
{
    return err->code == WEIR_CANCELED ? WEIR_CANCELED : weir_fail(run, err->code, "%s", err->message);
}

static weir_call_options options_of(const settings *all)
{
    weir_call_options options = WEIR_CALL_OPTIONS_INIT;

    options.max_attempts = all->attempts;
    options.timeout_ms = all->timeout_ms;
    options.first_backoff_ms = all->first_backoff_ms;
    options.max_backoff_ms = 20 * all->first_backoff_ms;
    return options;
}

/* ---- the reconciler ---------------------------------------------------------------------------------------------- */

typedef struct answer_text {
    char text[64 << 10];
    size_t size;
} answer_text;

static size_t keep_answer(char *data, size_t one, size_t size, void *context)
{
    answer_text *answer = context;

    (void)one; /* always 1 */
    if (size > sizeof answer->text - answer->size)
        return 0; /* curl then fails with CURLE_WRITE_ERROR */
    memcpy(answer->text + answer->size, data, size);
    answer->size += size;
    return size;
}

/* The request is what `args` tell of it: a line about it, then its body, in which the order stands. */
static json_t *read_body(weir_bytes args)
{
    const uint8_t *end = args.data ? memchr(args.data, '\n', args.size) : NULL;

    return end ? json_loadb((const char *)end + 1, args.size - (size_t)(end + 1 - args.data), 0, NULL) : NULL;
}

/* The charges that the service has for an order, as its answer tells; NULL: it did not say. */
static json_t *ask_charges(const settings *all, const char *order, weir_error *err)
{
    CURL *curl = curl_easy_init();
    char *escaped = curl ? curl_easy_escape(curl, order, 0) : NULL;
    char url[MOST_URL_BYTES + 3 * MOST_ORDER_BYTES + 32];
    answer_text *answer = calloc(1, sizeof *answer);
    json_t *said = NULL;
    CURLcode rc = CURLE_OUT_OF_MEMORY;

    if (!escaped || !answer)
        goto out;
    (void)snprintf(url, sizeof url, "%s/charges?order=%s", all->url, escaped); /* all are short */
    if ((rc = curl_easy_setopt(curl, CURLOPT_URL, url)) != CURLE_OK ||
        (rc = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L)) != CURLE_OK ||
        (rc = curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L)) != CURLE_OK ||
        (rc = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)all->timeout_ms)) != CURLE_OK ||
        (rc = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_answer)) != CURLE_OK ||
        (rc = curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer)) != CURLE_OK ||
        (rc = curl_easy_perform(curl)) != CURLE_OK)
        goto out;
    said = json_loadb(answer->text, answer->size, 0, NULL);
    if (!said)
        rc = CURLE_WEIRD_SERVER_REPLY;
out:
    if (rc != CURLE_OK)
        (void)snprintf(err->message, sizeof err->message, "charges of %s: %s", order, curl_easy_strerror(rc));
    curl_free(escaped);
    curl_easy_cleanup(curl);
    free(answer);
    return said;
}

/* Asks the service whether an order was charged. It answers as the charge itself would have: the result is recorded. */
static weir_verdict find_charge(weir_bytes args, const weir_attempt *attempt, weir_buffer *result, void *arg,
                                weir_error *err)
{
    json_t *body = read_body(args);
    const char *order = json_string_value(json_object_get(body, "order"));
    json_t *said = order && strlen(order) <= MOST_ORDER_BYTES ? ask_charges(arg, order, err) : NULL;
    const json_t *charges = json_object_get(said, "charges");
    weir_verdict verdict = WEIR_VERDICT_UNKNOWN;
    json_t *answer = NULL;
    char *text = NULL;

    (void)attempt;
    if (!json_is_array(charges))
        goto out;
    if (json_array_size(charges) == 0) {
        verdict = WEIR_VERDICT_NOT_DONE;
        goto out;
    }
    answer = json_pack("{s:i, s:{}, s:O}", "status", 200, "headers", "body", json_array_get(charges, 0));
    text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    if (text && weir_buffer_append(result, text, strlen(text)) == WEIR_OK)
        verdict = WEIR_VERDICT_DONE;
out:
    free(text);
    json_decref(answer);
    json_decref(said);
    json_decref(body);
    return verdict;
}

/* ---- actions ----------------------------------------------------------------------------------------------------- */

/* The amount in cents of a euro: what has another currency is converted at today's rate, which is a PURE call. */
static weir_code convert(weir_run *run, const settings *all, const weir_event *event, int64_t *amount)
{
    weir_bytes currency = weir_event_text(event, "/input/currency");
    weir_call_options options = options_of(all);
    char path[64];
    struct inquiry inquiry = { "rate", WEIR_CALL_PURE, path, NULL };
    json_t *answer = NULL;
    json_int_t per_mille;
    weir_error err;
    int status;

    if (!currency.data || (currency.size == 3 && memcmp(currency.data, "EUR", 3) == 0))
        return WEIR_OK;
    for (size_t i = 0; i < currency.size; i++) {
        if (currency.size != 3 || currency.data[i] < 'A' || currency.data[i] > 'Z')
            return weir_fail(run, WEIR_INVALID, "/input/currency is no currency: three capital letters");
    }
    (void)snprintf(path, sizeof path, "/rates?currency=%.3s", (const char *)currency.data); /* it fits */
    if (ask(run, all, &inquiry, &options, &status, &answer, &err) != WEIR_OK)
        return give_up(run, &err);
    per_mille = json_integer_value(json_object_get(answer, "per_mille"));
    json_decref(answer);
    if (per_mille < 1 || per_mille > 1000000)
        return weir_fail(run, WEIR_FAILED, "rate: the service answered with what is no rate");
    *amount = (*amount * per_mille + 500) / 1000;
    return WEIR_OK;
}

/* _input_event: charges the order, as often as its kind allows: at most once, or just once. */
static weir_code charge(weir_run *run, const weir_event *event, void *arg)
{
    settings *all = arg;
    weir_bytes order = weir_event_text(event, "/input/order"), kind_name = weir_event_text(event, "/input/kind");
    int64_t amount = weir_event_int(event, "/input/amount", 0);
    weir_call_options options = options_of(all);
    struct inquiry inquiry = { "charge", all->kind, "/charge", NULL };
    json_t *body = NULL, *answer = NULL;
    const char *id;
    weir_error err;
    int status;
    weir_code rc;

    if (!order.data || order.size == 0 || order.size > MOST_ORDER_BYTES)
        return weir_fail(run, WEIR_INVALID, "/input/order is missing, or not 1..%d bytes", MOST_ORDER_BYTES);
    if (amount < 1 || amount > MOST_AMOUNT)
        return weir_fail(run, WEIR_INVALID, "/input/amount is %" PRId64 ", 1..%" PRId64 " allowed", amount,
                         MOST_AMOUNT);
    if (kind_name.data && !read_kind((const char *)kind_name.data, kind_name.size, &inquiry.kind))
        return weir_fail(run, WEIR_INVALID, "/input/kind is none of once, idempotent, checked");
    rc = convert(run, all, event, &amount);
    if (rc != WEIR_OK)
        return rc;

    if (inquiry.kind == WEIR_CALL_CHECKED) {
        options.reconcile = find_charge;
        options.reconcile_arg = all;
    }
    body = json_pack("{s:s%, s:I}", "order", order.data, order.size, "amount", (json_int_t)amount);
    if (!body)
        return weir_fail(run, WEIR_NO_MEMORY, "no memory for a charge");
    inquiry.body = body;
    rc = ask(run, all, &inquiry, &options, &status, &answer, &err);
    json_decref(body);
    if (rc != WEIR_OK)
        return give_up(run, &err);
    id = json_string_value(json_object_get(answer, "id"));
    if (status == 200 && !id)
        rc = weir_fail(run, WEIR_FAILED, "charge: the service answered with what is no charge");
    else
        rc = weir_send(run, "charged", json_pack("{s:s%, s:I, s:s?}", "order", order.data, order.size, "amount",
                                                 (json_int_t)amount, "charge_id", status == 200 ? id : NULL));
    json_decref(answer);
    return rc;
}

/* charged: keeps the customer's book, and tells what became of the order. */
static weir_code book(weir_run *run, const weir_event *event, void *arg)
{
    weir_memory *memory = weir_short_term(run);
    weir_bytes id = weir_event_text(event, "/charge_id");
    int64_t balance = weir_memory_int(memory, "balance", 0);

    (void)arg;
    if (id.data) {
        balance += weir_event_int(event, "/amount", 0);
        weir_memory_set_int(memory, "balance", balance);
        weir_memory_set_int(memory, "count", weir_memory_int(memory, "count", 0) + 1);
        weir_memory_set_text(memory, "last_order", weir_event_text(event, "/order"));
    }
    weir_count(run, id.data ? "charged" : "declined", 1);
    weir_output(run, json_pack("{s:O, s:b, s:O, s:I}",
                               "order", weir_event_get(event, "order"),
                               "charged", id.data != NULL,
                               "charge_id", weir_event_get(event, "charge_id"),
                               "balance", (json_int_t)balance));
    if (!id.data)
        return WEIR_OK;
    return weir_send(run, "booked",
                     json_pack("{s:O, s:O, s:I}",
                               "order", weir_event_get(event, "order"),
                               "charge_id", weir_event_get(event, "charge_id"),
                               "balance", (json_int_t)balance));
}

/* booked: sends a receipt. One that cannot be sent is no reason to forget that money has moved. */
static weir_code send_receipt(weir_run *run, const weir_event *event, void *arg)
{
    const settings *all = arg;
    weir_call_options options = options_of(all);
    json_t *body = json_pack("{s:O, s:O, s:O}",
                             "order", weir_event_get(event, "order"),
                             "charge_id", weir_event_get(event, "charge_id"),
                             "balance", weir_event_get(event, "balance"));
    struct inquiry inquiry = { "receipt", WEIR_CALL_IDEMPOTENT, "/receipt", body };
    json_t *answer = NULL;
    weir_error err;
    int status;
    weir_code rc;

    if (!body)
        return weir_fail(run, WEIR_NO_MEMORY, "no memory for a receipt");
    rc = ask(run, all, &inquiry, &options, &status, &answer, &err);
    json_decref(answer);
    json_decref(body);
    if (rc == WEIR_OK || rc == WEIR_CANCELED)
        return rc;
    weir_count(run, "receipts_lost", 1);
    weir_log(run, "warn", "no receipt was sent: %s", err.message);
    return WEIR_OK;
}

int main(int argc, char **argv)
{
    settings all = { .url = "http://127.0.0.1:8089",
                     .kind = WEIR_CALL_IDEMPOTENT,
                     .timeout_ms = 10000,
                     .first_backoff_ms = 100,
                     .attempts = 5 };
    weir_job *job;

    /* Before there are threads. */
    if (!read_settings(&all) || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 2;
    job = weir_job_new("payments");
    weir_agent_action(weir_job_agent(job, "cashier"), "charge", charge, &all, WEIR_ACTION_JOURNALED, WEIR_INPUT_EVENT,
                      NULL);
    weir_agent_action(weir_job_agent(job, "books"), "book", book, NULL, WEIR_ACTION_JOURNALED, "charged", NULL);
    weir_agent_action(weir_job_agent(job, "post"), "send-receipt", send_receipt, &all, WEIR_ACTION_JOURNALED, "booked",
                      NULL);
    return weir_main(job, argc, argv);
}
